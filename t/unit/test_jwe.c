
/*
 * Encrypted files.  Without this one that somebody changed, in any part of it,
 * or made with a weak or foreign algorithm, might be taken for the operator's:
 * E-01, E-02, E-04, E-05, W-22.
 */

#include "tap.h"

#include "envelope.h"


static void test_wrap(void);
static void test_rfc7520_7(void);
static void test_rfc7520_others(void);
static void test_wycheproof(void);
static void test_wycheproof_one(const json_t *group, const json_t *test,
    size_t *ours, size_t *wrong);
static int test_ours(const char *alg, const char *enc);
static void test_both(void);
static void test_each_octet(void);
static void test_header(void);
static void test_parts(void);
static char *make(const char *header, size_t len);
static void refused(const char *text, const char *expected, const char *what);
static size_t field(const json_t *object, const char *name, uint8_t *dst);


static const uint8_t  kek[32 + 1] = "the key that encrypts other keys";
static const uint8_t  cek[32 + 1] = "the key that encrypts a content.";
static const uint8_t  iv[12 + 1] = "only once, 1";
static char           err[AGENT_ERROR_LEN];

#define HEAD  "{\"alg\":\"A256KW\",\"enc\":\"A256GCM\"}"

#define ALG_ERROR  "\"alg\" of the envelope must be \"A256KW\" or \"A256GCMKW\""
#define ENC_ERROR  "\"enc\" of the envelope must be \"A256GCM\""
#define JSON_ERROR                                                            \
    "the header of the envelope is no JSON object without duplicate members " \
    "in base64url"
#define JWE_ERROR  "it is no JWE of five parts (RFC 7516, 7.1)"
#define KEY_ERROR                                                             \
    "the encrypted key of the envelope must be base64url of 40 octets"
#define IV_ERROR  "the IV of the envelope must be base64url of 12 octets"
#define KEK_ERROR                                                             \
    "the KEK does not open the envelope: it is another one, or the envelope " \
    "was changed"

/* base64url of 40 octets */

#define KEY  ".AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

#define TAG_ERROR  "the tag of the envelope must be base64url of 16 octets"


int
main(void)
{
    test_wrap();
    test_rfc7520_7();
    test_rfc7520_others();
    test_wycheproof();
    test_both();
    test_each_octet();
    test_header();
    test_parts();

    return tap_done();
}


/* RFC 3394, 4.6 */

static void
test_wrap(void)
{
    size_t       i;
    uint8_t      key[32], data[32], out[40];
    agent_jwe_t  jwe;

    static const uint8_t  wrapped[40] = {
        0x28, 0xc9, 0xf4, 0x04, 0xc4, 0xb8, 0x10, 0xf4,
        0xcb, 0xcc, 0xb3, 0x5c, 0xfb, 0x87, 0xf8, 0x26,
        0x3f, 0x57, 0x86, 0xe2, 0xd8, 0x0e, 0xd3, 0x26,
        0xcb, 0xc7, 0xf0, 0xe7, 0x1a, 0x99, 0xf4, 0x3b,
        0xfb, 0x98, 0x8b, 0x9b, 0x7a, 0x02, 0xdd, 0x21
    };

    for (i = 0; i < 32; i++) {
        key[i] = (uint8_t) i;
        data[i] = (uint8_t) (i < 16 ? i * 0x11 : i - 16);
    }

    memset(&jwe, 0, sizeof(jwe));
    memcpy(jwe.key, wrapped, sizeof(wrapped));

    ok(agent_jwe_unwrap(&jwe, key, out) == 0 && memcmp(out, data, 32) == 0,
       "RFC 3394, 4.6: unwrapped");

    envelope_wrap(key, data, out);
    ok(memcmp(out, wrapped, 40) == 0, "and wrapped, for the tests below");

    for (i = 0; i < 40; i++) {
        memcpy(jwe.key, wrapped, sizeof(wrapped));
        jwe.key[i] ^= 0x80;

        if (agent_jwe_unwrap(&jwe, key, out) == 0
            || memcmp(out, "\0\0\0\0\0\0\0\0", 8) != 0)
        {
            break;
        }
    }

    ok(i == 40, "RFC 3394: any octet of it changed: refused, nothing left");
}


/* RFC 7520, 5.7: the key is ours, the content (A128CBC-HS256) is not */

static void
test_rfc7520_7(void)
{
    size_t         len;
    json_t        *vector, *key;
    uint8_t        secret[64], out[64], expected[64];
    agent_jwe_t    jwe;

    vector = jose_vectors("rfc7520/jwe/5_7.key_wrap_using_aes-gcm_keywrap_"
                          "with_aes-cbc-hmac-sha2.json");
    if (vector == NULL) {
        return;
    }

    memset(&jwe, 0, sizeof(jwe));
    jwe.alg = AGENT_JWE_A256GCMKW;

    key = json_object_get(vector, "encrypting_key");
    (void) field(key, "encrypted_key", jwe.key);
    (void) field(key, "iv", jwe.key_iv);
    (void) field(key, "tag", jwe.key_tag);
    (void) field(json_object_get(json_object_get(vector, "input"), "key"),
                 "k", secret);
    len = field(json_object_get(vector, "generated"), "cek", expected);

    ok(len == 32 && agent_jwe_unwrap(&jwe, secret, out) == 0
       && memcmp(out, expected, 32) == 0, "RFC 7520, 5.7: unwrapped");

    jwe.key_tag[15] ^= 1;
    ok(agent_jwe_unwrap(&jwe, secret, out) == -1, "with another tag: not");

    refused(json_string_value(json_object_get(json_object_get(vector,
                                              "output"), "compact")),
            ENC_ERROR, "RFC 7520, 5.7, as a whole: another enc");

    json_decref(vector);
}


static void
test_rfc7520_others(void)
{
    size_t       i;
    char         what[64];
    json_t      *vector;
    const char  *text;

    static const char  *names[] = {
        "5_6.direct_encryption_using_aes-gcm",
        "5_8.key_wrap_using_aes-keywrap_with_aes-gcm",
        "5_2.key_encryption_using_rsa-oaep_with_aes-gcm",
        "5_3.key_wrap_using_pbes2-aes-keywrap_with-aes-cbc-hmac-sha2",
        "5_9.compressed_content"
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

        snprintf(what, sizeof(what), "rfc7520/jwe/%s.json", names[i]);
        vector = jose_vectors(what);

        if (vector == NULL) {
            return;
        }

        text = json_string_value(json_object_get(json_object_get(vector,
                                                 "output"), "compact"));
        refused(text, i == 4 ? "the envelope has \"zip\" or \"crit\""
                             : ALG_ERROR, what);
        json_decref(vector);
    }
}


static void
test_wycheproof(void)
{
    size_t         i, j, ours, wrong;
    json_t        *vectors;
    const json_t  *group, *test;

    vectors = jose_vectors("wycheproof_json_web_encryption_test.json");

    if (vectors == NULL) {
        return;
    }

    ours = 0;
    wrong = 0;

    json_array_foreach(json_object_get(vectors, "testGroups"), i, group) {
        json_array_foreach(json_object_get(group, "tests"), j, test) {
            test_wycheproof_one(group, test, &ours, &wrong);
        }
    }

    ok(ours == 3, "Wycheproof: %zu tests with our algorithms decrypted", ours);
    ok(wrong == 0, "Wycheproof: all others refused");

    json_decref(vectors);
}


/* also with the first octets of a key that is none of 256 bits */

static void
test_wycheproof_one(const json_t *group, const json_t *test, size_t *ours,
    size_t *wrong)
{
    size_t       len, n;
    char        *hex;
    uint8_t      key[1024], *data;
    const char  *jwe, *pt, *alg;

    jwe = json_string_value(json_object_get(test, "jwe"));
    pt = json_string_value(json_object_get(test, "pt"));
    alg = json_string_value(json_object_get(json_object_get(group, "private"),
                                            "alg"));
    memset(key, 0, sizeof(key));
    (void) field(json_object_get(group, "private"), "k", key);

    if (jwe == NULL) {
        return;
    }

    data = envelope_open(jwe, strlen(jwe), key, &len, err);

    if (data == NULL) {
        if (strcmp(json_string_value(json_object_get(test, "result")), "valid")
            == 0
            && test_ours(alg, json_string_value(json_object_get(test, "enc"))))
        {
            fprintf(stderr, "# %d: %s\n",
                    (int) json_integer_value(json_object_get(test, "tcId")),
                    err);
            (*wrong)++;
        }

        return;
    }

    hex = calloc(2, len + 1);
    agent_hex((uint8_t *) hex, data, len);
    n = pt ? strlen(pt) : 0;

    if (strcmp(json_string_value(json_object_get(test, "result")), "valid")
        == 0
        && n == 2 * len && memcmp(hex, pt, n) == 0)
    {
        (*ours)++;

    } else {
        fprintf(stderr, "# %d is accepted\n",
                (int) json_integer_value(json_object_get(test, "tcId")));
        (*wrong)++;
    }

    free(hex);
    free(data);
}


static int
test_ours(const char *alg, const char *enc)
{
    return alg && enc && strcmp(enc, "A256GCM") == 0
           && (strcmp(alg, "A256KW") == 0 || strcmp(alg, "A256GCMKW") == 0);
}


/* both algorithms, contents of all lengths around those of a piece */

static void
test_both(void)
{
    size_t    i, len;
    char     *text, head[256], *one, *two;
    uint8_t  *data, *out, wrapped[32], tag[16];
    sealed_t  s;

    static const size_t  lens[] = { 0, 1, 2, 3, 4, 12286, 12287, 12288, 12289,
                                    12290, 24575, 24576, 24577, 100000 };

    for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        text = make(HEAD, lens[i]);
        out = envelope_open(text, strlen(text), kek, &len, err);
        data = malloc(lens[i] + 1);
        memset(data, 'x', lens[i]);

        ok(out && len == lens[i] && memcmp(out, data, len) == 0,
           "%zu octets", lens[i]);

        free(data);
        free(out);
        free(text);
    }

    envelope_gcm(kek, iv, "", cek, 32, wrapped, tag);
    one = jose_b64(iv, 12);
    two = jose_b64(tag, 16);
    snprintf(head, sizeof(head), "{\"alg\":\"A256GCMKW\",\"enc\":\"A256GCM\","
             "\"iv\":\"%s\",\"tag\":\"%s\"}", one, two);

    s = (sealed_t) { head, wrapped, 32, cek, iv, "content", 7 };
    text = envelope_text(&s);
    out = envelope_open(text, strlen(text), kek, &len, err);
    ok(out && len == 7 && memcmp(out, "content", 7) == 0, "A256GCMKW");
    free(out);

    out = envelope_open(text, strlen(text), cek, &len, err);
    ok(out == NULL, "A256GCMKW with another KEK");
    free(text);

    free(one);
    free(two);

    text = make(HEAD, 7);
    out = envelope_open(text, strlen(text), cek, &len, err);
    ok(out == NULL, "A256KW with another KEK");
    is_str(err, strlen(err), KEK_ERROR, "which is said");
    free(text);
}


/* E-01: every character of every part */

static void
test_each_octet(void)
{
    char     *text, was;
    size_t    i, j, len, taken;
    uint8_t  *out;

    static const char  others[] = "A-z9_.=+/ \n";

    text = make(HEAD, 40);
    taken = 0;

    for (i = 0; text[i]; i++) {
        for (j = 0; others[j]; j++) {

            was = text[i];

            if (was == others[j]) {
                continue;
            }

            text[i] = others[j];
            out = envelope_open(text, strlen(text), kek, &len, err);
            taken += out != NULL;
            free(out);
            text[i] = was;
        }
    }

    ok(taken == 0, "no character of %zu can be another one", i);

    for (i = 0; text[i]; i++) {
        out = envelope_open(text, i, kek, &len, err);
        taken += out != NULL;
        free(out);
    }

    ok(taken == 0, "nor can it be cut short");

    out = envelope_open(text, strlen(text), kek, &len, err);
    ok(out != NULL, "as it is it opens");
    free(out);

    text = realloc(text, strlen(text) + 4);
    strcat(text, "\n");
    out = envelope_open(text, strlen(text), kek, &len, err);
    ok(out != NULL, "with a line feed, too");
    free(out);

    strcat(text, "\n");
    refused(text, TAG_ERROR, "with two of them not");
    free(text);
}


static void
test_header(void)
{
    char    *text;
    size_t   i;

    static const char  *samples[][2] = {
        { "{\"alg\":\"dir\",\"enc\":\"A256GCM\"}", ALG_ERROR },
        { "{\"alg\":\"none\",\"enc\":\"A256GCM\"}", ALG_ERROR },
        { "{\"alg\":\"a256kw\",\"enc\":\"A256GCM\"}", ALG_ERROR },
        { "{\"alg\":\"A256KW\\u0000\",\"enc\":\"A256GCM\"}", JSON_ERROR },
        { "{\"alg\":\"A128KW\",\"enc\":\"A256GCM\"}", ALG_ERROR },
        { "{\"alg\":[\"A256KW\"],\"enc\":\"A256GCM\"}", ALG_ERROR },
        { "{\"alg\":\"RSA1_5\",\"enc\":\"A256GCM\"}", ALG_ERROR },
        { "{\"alg\":\"PBES2-HS256+A128KW\",\"enc\":\"A256GCM\","
          "\"p2c\":1000000000,\"p2s\":\"AAAA\"}", ALG_ERROR },
        { "{\"enc\":\"A256GCM\"}", ALG_ERROR },
        { "{\"alg\":\"A256KW\",\"enc\":\"A128GCM\"}", ENC_ERROR },
        { "{\"alg\":\"A256KW\",\"enc\":\"A256CBC-HS512\"}", ENC_ERROR },
        { "{\"alg\":\"A256KW\"}", ENC_ERROR },
        { "{\"alg\":\"A256KW\",\"alg\":\"A256KW\",\"enc\":\"A256GCM\"}",
          JSON_ERROR },
        { "{\"alg\":\"A256KW\",\"enc\":\"A256GCM\"} x", JSON_ERROR },
        { "[\"A256KW\",\"A256GCM\"]", JSON_ERROR },
        { "", JSON_ERROR },
        { "{\"alg\":\"A256KW\",\"enc\":\"A256GCM\",\"zip\":\"DEF\"}",
          "the envelope has \"zip\" or \"crit\"" },
        { "{\"alg\":\"A256KW\",\"enc\":\"A256GCM\",\"crit\":[]}",
          "the envelope has \"zip\" or \"crit\"" },
        { "{\"alg\":\"A256KW\",\"enc\":\"A256GCM\",\"kid\":1}",
          "\"kid\" or \"typ\" of the envelope is no string" },
        { "{\"alg\":\"A256KW\",\"enc\":\"A256GCM\",\"typ\":null}",
          "\"kid\" or \"typ\" of the envelope is no string" },
        { "{\"alg\":\"A256GCMKW\",\"enc\":\"A256GCM\"}",
          "\"iv\" and \"tag\" of the envelope must be base64url of 12 and 16 "
          "octets" },
        { "{\"alg\":\"A256GCMKW\",\"enc\":\"A256GCM\",\"iv\":"
          "\"AAAAAAAAAAAAAAA\",\"tag\":\"AAAAAAAAAAAAAAAAAAAAAA\"}",
          "\"iv\" and \"tag\" of the envelope must be base64url of 12 and 16 "
          "octets" },
        { "{\"alg\":\"A256GCMKW\",\"enc\":\"A256GCM\",\"iv\":"
          "\"AAAAAAAAAAAAAAAA\",\"tag\":\"AAAAAAAAAAAAAAAAAAAAAB\"}",
          "\"iv\" and \"tag\" of the envelope must be base64url of 12 and 16 "
          "octets" },
        { "{\"alg\":\"A256GCMKW\",\"enc\":\"A256GCM\",\"iv\":"
          "\"AAAAAAAAAAAAAAAA\",\"tag\":\"AAAAAAAAAAAAAAAAAAAAAA\"}",
          "the encrypted key of the envelope must be base64url of 32 octets" }
    };

    for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        text = make(samples[i][0], 3);
        refused(text, samples[i][1], samples[i][0]);
        free(text);
    }
}


/* of other lengths, and other numbers of them */

static void
test_parts(void)
{
    char    text[8192], *head;
    size_t  i;

    static const char  *samples[][2] = {
        { "", JWE_ERROR },
        { ".", JWE_ERROR },
        { "..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA", KEY_ERROR },
        { ".AAAA.AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA", KEY_ERROR },
        { KEY ".AAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA", IV_ERROR },
        { KEY ".AAAAAAAAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA",
          IV_ERROR },
        { KEY ".AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAA", TAG_ERROR },
        { KEY ".AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAB", TAG_ERROR },
        { KEY ".AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAAA", TAG_ERROR },
        { KEY ".AAAAAAAAAAAAAAAA.AAAA", JWE_ERROR },
        { KEY ".AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA", KEK_ERROR }
    };

    refused("", JWE_ERROR, "nothing");
    refused("..", JWE_ERROR, "two dots");
    refused("....", JSON_ERROR, "five empty parts");

    head = jose_b64(HEAD, strlen(HEAD));

    for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        snprintf(text, sizeof(text), "%s%s", head, samples[i][0]);
        refused(text, samples[i][1], samples[i][0]);
    }

    memset(text, 'e', 4200);
    strcpy(text + 4200, ".AAAA.AAAA.AAAA.AAAA");
    refused(text, JWE_ERROR, "a header that is too long");

    free(head);
}


/* len octets of x, with this header */

static char *
make(const char *header, size_t len)
{
    char      *text;
    uint8_t    wrapped[40], *data;
    sealed_t   s;

    data = malloc(len + 1);
    memset(data, 'x', len);
    envelope_wrap(kek, cek, wrapped);

    s = (sealed_t) { header, wrapped, 40, cek, iv, data, len };
    text = envelope_text(&s);

    free(data);

    return text;
}


static void
refused(const char *text, const char *expected, const char *what)
{
    size_t    len;
    uint8_t  *out;

    err[0] = '\0';
    out = envelope_open(text, strlen(text), kek, &len, err);

    ok(out == NULL, "%.60s: refused", what);
    is_str(err, strlen(err), expected, "%.60s: said", what);

    free(out);
}


/* a member in base64url: how many octets it has, 1024 at most */

static size_t
field(const json_t *object, const char *name, uint8_t *dst)
{
    size_t         n;
    const json_t  *value;

    value = json_object_get(object, name);

    if (value == NULL || json_string_length(value) > 1024) {
        return 0;
    }

    (void) agent_b64url_decode(dst, &n,
                               (const uint8_t *) json_string_value(value),
                               json_string_length(value));

    return n;
}
