
/*
 * The pepper file.  Without this a pepper that is cut short or padded wrongly
 * would be another one than the operator wrote, and all keys made with it
 * would be refused, or a short one would pass for a secret (K-03, K-05).
 */

#include "tap.h"

#include "agent_keyfile.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>


typedef struct {
    const char  *text;
    uint64_t     line;
    const char  *error;
} sample_t;


static void test_good(void);
static void test_bad(void);
static void test_many(void);
static void test_lengths(void);
static void test_octets(void);
static void test_find(void);
static void test_secrets(void);
static int parse(const char *text, size_t len);
static int is_key(const agent_pepper_t *pepper, const uint8_t *key,
    size_t len);


#define KEY16  "AAECAwQFBgcICQoLDA0ODw=="
#define KEY17  "AAECAwQFBgcICQoLDA0ODxA="
#define KEY18  "AAECAwQFBgcICQoLDA0ODxAR"

#define ID_ERROR                                                              \
    "expected \"id base64\", the id being 1 to 32 of 0-9 A-Z a-z . _ -"

#define KEY_ERROR  "a pepper must be at least 16 octets in base64"


static char            error[AGENT_ERROR_LEN];
static size_t          n;
static const char     *what = "pepper";
static uint64_t        line;
static agent_pepper_t  peppers[AGENT_PEPPERS_MAX];


static const sample_t  bad[] = {
    { "", 0, "empty file" },
    { "\n", 1, ID_ERROR },
    { "p1", 1, ID_ERROR },
    { "p1 ", 1, KEY_ERROR },
    { " " KEY16, 1, ID_ERROR },
    { KEY16, 1, ID_ERROR },
    { "p1:" KEY16, 1, ID_ERROR },
    { "p1\t" KEY16, 1, ID_ERROR },
    { "p/1 " KEY16, 1, ID_ERROR },
    { "p\xc3\xa9 " KEY16, 1, ID_ERROR },
    { "0123456789abcdef0123456789abcdef0 " KEY16, 1, ID_ERROR },
    { "# a comment", 1, ID_ERROR },
    { "\xef\xbb\xbfp1 " KEY16, 1, ID_ERROR },

    { "p1  " KEY16, 1, KEY_ERROR },
    { "p1 " KEY16 " ", 1, KEY_ERROR },
    { "p1 " KEY16 "\r\n", 1, KEY_ERROR },
    { "p1 " KEY16 " x", 1, KEY_ERROR },
    { "p1 AAECAwQFBgcICQoLDA0ODw", 1, KEY_ERROR },
    { "p1 AAECAwQFBgcICQoLDA0ODw=", 1, KEY_ERROR },
    { "p1 AAECAwQFBgcICQoLDA0ODw===", 1, KEY_ERROR },
    { "p1 AAECAwQFBgcICQoLDA0ODw====", 1, KEY_ERROR },
    { "p1 AAECAwQFBgcICQoLDA0O====", 1, KEY_ERROR },
    { "p1 =AECAwQFBgcICQoLDA0ODxAR", 1, KEY_ERROR },
    { "p1 AAEC=wQFBgcICQoLDA0ODxAR", 1, KEY_ERROR },
    { "p1 AA==AwQFBgcICQoLDA0ODxAR", 1, KEY_ERROR },
    { "p1 AAECAwQFBgcICQoLDA0ODx=R", 1, KEY_ERROR },
    { "p1 AAECAwQFBgcICQoLDA0ODxA-", 1, KEY_ERROR },
    { "p1 AAECAwQFBgcICQoLDA0ODxA_", 1, KEY_ERROR },
    { "p1 AAECAwQFBgcI CQoLDA0ODxA", 1, KEY_ERROR },
    { "p1 ====", 1, KEY_ERROR },

    /* other spellings of KEY16 and KEY17: RFC 4648, 3.5 */

    { "p1 AAECAwQFBgcICQoLDA0ODx==", 1, KEY_ERROR },
    { "p1 AAECAwQFBgcICQoLDA0OD/==", 1, KEY_ERROR },
    { "p1 AAECAwQFBgcICQoLDA0ODxB=", 1, KEY_ERROR },
    { "p1 AAECAwQFBgcICQoLDA0ODxD=", 1, KEY_ERROR },

    { "p1 AAAA", 1, KEY_ERROR },

    /* 15 octets */

    { "p1 AAECAwQFBgcICQoLDA0O", 1, KEY_ERROR },

    { "p1 " KEY16 "\n\np2 " KEY17, 2, ID_ERROR },
    { "p1 " KEY16 "\np2 short", 2, KEY_ERROR },
    { "p1 " KEY16 "\np1 " KEY17, 2, "duplicate pepper id" },
    { "p1 " KEY16 "\np2 " KEY16 "\np3 " KEY16 "\np2 " KEY16, 4,
      "duplicate pepper id" },
    { "p1 " KEY16 "\n\n", 2, ID_ERROR }
};


int
main(void)
{
    test_good();
    test_bad();
    test_many();
    test_lengths();
    test_octets();
    test_find();
    test_secrets();

    return tap_done();
}


static void
test_good(void)
{
    size_t   i;
    uint8_t  key[18];

    for (i = 0; i < sizeof(key); i++) {
        key[i] = (uint8_t) i;
    }

    ok(parse("p1 " KEY16, strlen("p1 " KEY16)) == 0 && n == 1,
       "one pepper, no LF");
    ok(peppers[0].id_len == 2 && memcmp(peppers[0].id, "p1", 2) == 0,
       "its id");
    ok(is_key(&peppers[0], key, 16), "its key, two octets of padding");

    ok(parse("p1 " KEY17 "\n", strlen("p1 " KEY17 "\n")) == 0 && n == 1,
       "one pepper, LF");
    ok(is_key(&peppers[0], key, 17), "its key, one octet of padding");

    ok(parse("0123456789ABCDEFabcdef.-_Zz01234 " KEY18 "\n2 " KEY16 "\n",
             33 + strlen(KEY18 "\n2 " KEY16 "\n")) == 0 && n == 2,
       "two peppers, the longest id");
    ok(peppers[0].id_len == AGENT_PEPPER_ID_MAX, "of 32 octets");
    ok(is_key(&peppers[0], key, 18), "its key, no padding");
    ok(is_key(&peppers[1], key, 16), "the other's key");

    /* one id may begin another */

    ok(parse("p " KEY16 "\npp " KEY17 "\n",
             strlen("p " KEY16 "\npp " KEY17 "\n")) == 0 && n == 2,
       "ids that begin alike");
}


static void
test_bad(void)
{
    size_t  i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(parse(bad[i].text, strlen(bad[i].text)) == -1
           && line == bad[i].line && strcmp(error, bad[i].error) == 0,
           "sample %u, line %u: %s", (unsigned) i, (unsigned) line, error);
    }

    ok(parse("p1 " KEY16 "\0", strlen("p1 " KEY16) + 1) == -1, "NUL");

    /* who reads an audit key file has no peppers to look for */

    what = "key";

    ok(parse("k1 short", 8) == -1, "of another kind");
    is_str(error, strlen(error), "a key must be at least 16 octets in base64",
           "it says of which");
    ok(parse("k " KEY16 "\nk " KEY16, 5 + 2 * strlen(KEY16)) == -1,
       "twice, of another kind");
    is_str(error, strlen(error), "duplicate key id", "it says of which");

    what = "pepper";
}


static void
test_many(void)
{
    char     text[17 * 40], *p;
    size_t   i, wrong;
    uint8_t  key[18];

    for (i = 0; i < sizeof(key); i++) {
        key[i] = (uint8_t) i;
    }

    for (i = 0, p = text; i < 17; i++) {
        p += sprintf(p, "p%02u %s\n", (unsigned) i, i % 2 ? KEY16 : KEY18);
    }

    ok(parse(text, 16 * 29) == 0 && n == 16, "16 peppers");

    for (i = 0, wrong = 0; i < 16; i++) {
        wrong += !is_key(&peppers[i], key, i % 2 ? 16 : 18);
    }

    ok(wrong == 0, "each as it was written, in order");

    ok(parse(text, (size_t) (p - text)) == -1 && line == 17, "17 peppers");
    is_str(error, strlen(error), "more than 16 lines", "it says so");
}


/* keys of every length to the most that a line may hold, 768 octets */

static void
test_lengths(void)
{
    char     text[2048];
    size_t   len, encoded, wrong;
    uint8_t  key[1100];

    for (len = 0; len < sizeof(key); len++) {
        key[len] = (uint8_t) (len * 7 + 1);
    }

    for (len = 1, wrong = 0; len < sizeof(key); len++) {
        memcpy(text, "p1 ", 3);
        encoded = (size_t) EVP_EncodeBlock((uint8_t *) text + 3, key,
                                           (int) len);

        if (len < AGENT_PEPPER_KEY_MIN || encoded > 1024) {
            wrong += parse(text, 3 + encoded) != -1;
            continue;
        }

        wrong += parse(text, 3 + encoded) != 0 || !is_key(&peppers[0], key,
                                                          len);

        /* every cut is another key or none */

        wrong += parse(text, 3 + encoded - 1) != -1;
    }

    ok(wrong == 0, "keys of every length");
}


/* RFC 4648, 4: the alphabet at each place, padding at the end alone */

static void
test_octets(void)
{
    char      text[64];
    size_t    i, len, wrong, good;
    unsigned  c;

    len = strlen("p1 " KEY18);

    for (i = 3, wrong = 0; i < len; i++) {

        for (c = 0; c < 256; c++) {
            memcpy(text, "p1 " KEY18, len);
            text[i] = (char) c;

            good = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
                   || (c >= 'a' && c <= 'z') || c == '+' || c == '/'
                   || (c == '=' && i == len - 1);

            wrong += (parse(text, len) == 0) != good;
        }
    }

    ok(wrong == 0, "base64's alphabet and nothing else at any place");
}


static void
test_find(void)
{
    agent_str_t  id;

    (void) parse("p1 " KEY16 "\np2 " KEY17 "\n",
                 strlen("p1 " KEY16 "\np2 " KEY17 "\n"));

    agent_str_set(&id, "p1");
    ok(agent_pepper_find(peppers, n, &id) == &peppers[0], "the first");

    agent_str_set(&id, "p2");
    ok(agent_pepper_find(peppers, n, &id) == &peppers[1], "the second");
    ok(agent_pepper_find(peppers, 1, &id) == NULL, "not among the first one");
    ok(agent_pepper_find(peppers, 0, &id) == NULL, "not among none");
    ok(agent_pepper_find(NULL, 0, &id) == NULL, "nor without peppers");

    agent_str_set(&id, "p");
    ok(agent_pepper_find(peppers, n, &id) == NULL, "no prefix of an id");

    agent_str_set(&id, "p11");
    ok(agent_pepper_find(peppers, n, &id) == NULL, "no longer id");

    agent_str_set(&id, "P1");
    ok(agent_pepper_find(peppers, n, &id) == NULL, "case counts");

    id.data = (const uint8_t *) "p1\0\0";
    id.len = 4;
    ok(agent_pepper_find(peppers, n, &id) == NULL, "NUL counts");
}


/* U-02, T-02 */

static void
test_secrets(void)
{
    char    text[128];
    size_t  i, len, leaked;

    static const char  secret[] = "p1 VEVTVHBlcHBlclRFU1RwZXBwZXI=\n"
                                  "p2 VEVTVHBlcHBlclRFU1RwZXBwZXI=\n";

    len = strlen(secret);

    for (i = 0, leaked = 0; i < len; i++) {
        memcpy(text, secret, len);
        text[i] = '*';

        (void) parse(text, len);
        leaked += strstr(error, "VEVT") || strstr(error, "cHBl")
                  || strstr(error, "ZXBwZXI");

        (void) parse(secret + i, len - i);
        leaked += strstr(error, "VEVT") || strstr(error, "cHBl")
                  || strstr(error, "ZXBwZXI");
    }

    ok(leaked == 0, "no error shows a pepper");
}


static int
parse(const char *text, size_t len)
{
    int          rc;
    uint8_t     *exact;
    agent_str_t  s;

    /* a copy that ends where its memory ends, for the sanitizer */

    exact = malloc(len ? len : 1);
    memcpy(exact, text, len);

    s.data = len ? exact : NULL;
    s.len = len;

    memset(error, 0, sizeof(error));
    memset(peppers, 0x55, sizeof(peppers));
    line = 99;
    n = 99;

    rc = agent_pepper_parse(&s, what, peppers, &n, &line, error);

    free(exact);

    return rc;
}


/* by what it does to a message */

static int
is_key(const agent_pepper_t *pepper, const uint8_t *key, size_t len)
{
    uint8_t  mac[AGENT_SHA256_LEN], expected[EVP_MAX_MD_SIZE];

    agent_hmac_sha256(&pepper->key, (const uint8_t *) "message", 7, mac);

    (void) HMAC(EVP_sha256(), key, (int) len, (const uint8_t *) "message", 7,
                expected, NULL);

    return memcmp(mac, expected, sizeof(mac)) == 0;
}
