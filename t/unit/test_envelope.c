
/*
 * What is written on an envelope, and the file of the keys that open it.
 * Without this a bundle of somebody else's, a file of another kind or one of
 * last year could be put in the place of the right one: E-02, E-03.
 */

#include "tap.h"

#include "envelope.h"


typedef struct {
    const char  *text;
    uint64_t     line;
    const char  *error;
} sample_t;


static void test_keks(void);
static void test_keks_bad(void);
static void test_label(void);
static void test_want(void);
static void test_unlock(void);
static void test_rewind(void);
static void test_changed(void);
static void test_long(void);
static void test_file(void);
static char *make(const char *label, size_t len);
static int check(const char *label, const agent_envelope_want_t *want);


#define KEY32  "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

#define ID_ERROR                                                              \
    "expected \"id base64\", the id being 1 to 32 of 0-9 A-Z a-z . _ -"
#define KEY_ERROR  "a KEK must be 32 octets in base64"

#define TYP    "\"typ\":\"agent-keys+jwe\","
#define KID    "\"kid\":\"k1\","
#define LABEL  TYP KID "\"bundle\":\"main\",\"generation\":7"


static char           err[AGENT_ERROR_LEN];
static agent_keks_t   keks;
static uint64_t       line;
static const uint8_t  cek[32 + 1] = "the key that encrypts a content.";
static const uint8_t  iv[12 + 1] = "only once, 1";


static const sample_t  bad[] = {
    { "", 0, "empty file" },
    { "\n", 1, ID_ERROR },
    { "k1", 1, ID_ERROR },
    { KEY32, 1, ID_ERROR },
    { "k/1 " KEY32, 1, ID_ERROR },
    { "k1 ", 1, KEY_ERROR },
    { "k1  " KEY32, 1, KEY_ERROR },
    { "k1 " KEY32 " ", 1, KEY_ERROR },
    { "k1 " KEY32 "\r\n", 1, KEY_ERROR },
    { "k1 AAECAwQFBgcICQoLDA0ODw==", 1, KEY_ERROR },
    { "k1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g", 1, KEY_ERROR },
    { "k1 " KEY32 "\nk1 " KEY32 "\n", 2, "duplicate KEK id" },
    { "k1 " KEY32 "\n\n", 2, ID_ERROR }
};


int
main(void)
{
    test_keks();
    test_keks_bad();
    test_label();
    test_want();
    test_unlock();
    test_rewind();
    test_changed();
    test_long();
    test_file();

    return tap_done();
}


static void
test_keks(void)
{
    size_t       i;
    char         many[17 * 64];
    uint8_t      key[32];
    agent_str_t  text, id;

    for (i = 0; i < 32; i++) {
        key[i] = (uint8_t) i;
    }

    agent_str_set(&text, "k2 " KEY32 "\nk1 " KEY32);

    ok(agent_keks_parse(&text, &keks, &line, err) == 0 && keks.n == 2,
       "two KEKs, the last line without LF");
    ok(memcmp(keks.kek[0].key, key, 32) == 0, "its octets");

    agent_str_set(&id, "k1");
    ok(agent_kek_find(&keks, &id) == &keks.kek[1], "found by id");
    agent_str_set(&id, "k");
    ok(agent_kek_find(&keks, &id) == NULL, "a part of an id finds nothing");

    many[0] = '\0';

    for (i = 0; i < 17; i++) {
        sprintf(many + strlen(many), "k%zu " KEY32 "\n", i);

        text.data = (const uint8_t *) many;
        text.len = strlen(many);

        if (i == 15) {
            ok(agent_keks_parse(&text, &keks, &line, err) == 0
               && keks.n == AGENT_KEKS_MAX, "sixteen");
        }
    }

    ok(agent_keks_parse(&text, &keks, &line, err) == -1 && line == 17,
       "seventeen are refused");
    is_str(err, strlen(err), "more than 16 KEKs", "said");
}


static void
test_keks_bad(void)
{
    size_t       i;
    agent_str_t  text;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        text.data = (const uint8_t *) bad[i].text;
        text.len = strlen(bad[i].text);

        ok(agent_keks_parse(&text, &keks, &line, err) == -1
           && line == bad[i].line, "bad KEK file %zu", i);
        is_str(err, strlen(err), bad[i].error, "its error");
    }

    agent_str_set(&text, "k1 " KEY32 "\nk2 " KEY32 "\n");
    (void) agent_keks_parse(&text, &keks, &line, err);
    keks.kek[1].key[0] ^= 1;
}


static void
test_label(void)
{
    size_t                 i;
    agent_envelope_want_t  want;

    static const char  kid[] =
        "\"kid\" of the envelope must be 1 to 32 of 0-9 A-Z a-z . _ -";
    static const char  bundle[] =
        "\"bundle\" of the envelope must be 1 to 64 of 0-9 A-Z a-z . _ -";
    static const char  generation[] =
        "\"generation\" of the envelope must be a number from 1 to 2^53 - 1";
    static const char  typ[] =
        "\"typ\" of the envelope must be \"agent-keys+jwe\"";

    static const struct {
        const char  *label;
        const char  *error;
    } labels[] = {
        { TYP "\"bundle\":\"main\",\"generation\":7", kid },
        { TYP "\"kid\":\"\",\"bundle\":\"main\",\"generation\":7", kid },
        { TYP "\"kid\":\"k 1\",\"bundle\":\"main\",\"generation\":7", kid },
        { TYP KID "\"generation\":7", bundle },
        { TYP KID "\"bundle\":\"\",\"generation\":7", bundle },
        { TYP KID "\"bundle\":\"a/b\",\"generation\":7", bundle },
        { TYP KID "\"bundle\":7,\"generation\":7", bundle },
        { TYP KID "\"bundle\":\"main\"", generation },
        { TYP KID "\"bundle\":\"main\",\"generation\":0", generation },
        { TYP KID "\"bundle\":\"main\",\"generation\":-7", generation },
        { TYP KID "\"bundle\":\"main\",\"generation\":7.0", generation },
        { TYP KID "\"bundle\":\"main\",\"generation\":\"7\"", generation },
        { TYP KID "\"bundle\":\"main\",\"generation\":9007199254740992",
          generation },
        { KID "\"bundle\":\"main\",\"generation\":7", typ },
        { "\"typ\":\"JWE\"," KID "\"bundle\":\"main\",\"generation\":7", typ },
        { "\"typ\":\"agent-peppers+jwe\"," KID "\"bundle\":\"main\","
          "\"generation\":7", typ }
    };

    memset(&want, 0, sizeof(want));

    for (i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
        ok(check(labels[i].label, &want) == -1, "%s", labels[i].label);
        is_str(err, strlen(err), labels[i].error, "its error");
    }

    ok(check(TYP KID "\"bundle\":\"main\",\"generation\":9007199254740991",
             &want) == 0, "the largest generation");
    ok(check("\"typ\":\"application/Agent-Keys+JWE\"," KID "\"bundle\":"
             "\"main\",\"generation\":1,\"x\":[{}]", &want) == 0,
       "typ as RFC 7515, 4.1.9 has it, a member that nobody knows");
}


static void
test_want(void)
{
    agent_envelope_want_t  want;

    memset(&want, 0, sizeof(want));
    agent_str_set(&want.bundle, "main");
    want.generation = 7;

    ok(check(LABEL, &want) == 0, "what is wanted");

    want.generation = 8;
    ok(check(LABEL, &want) == -1, "an older generation");
    is_str(err, strlen(err), "the envelope is of generation 7, older than 8, "
           "the least that is accepted", "said");

    want.generation = 6;
    ok(check(LABEL, &want) == 0, "a newer one");

    agent_str_set(&want.bundle, "mai");
    ok(check(LABEL, &want) == -1, "another bundle");
    is_str(err, strlen(err), "the envelope is of bundle \"main\", not of "
           "\"mai\"", "said");

    want.kind = AGENT_ENVELOPE_PEPPERS;
    agent_str_set(&want.bundle, "main");
    ok(check(LABEL, &want) == -1, "of another kind");
    is_str(err, strlen(err), "\"typ\" of the envelope must be "
           "\"agent-peppers+jwe\"", "said");
}


static void
test_unlock(void)
{
    int                fd;
    char              *text;
    agent_keks_t       one;
    agent_envelope_t   env;

    text = make(LABEL, 10);
    fd = envelope_file(text, strlen(text));

    ok(agent_envelope_open(&env, fd, err) == 0
       && agent_envelope_unlock(&env, &keks, err) == 0, "by its kid");

    one = keks;
    memcpy(one.kek[0].id, "kx", 2);
    ok(agent_envelope_unlock(&env, &one, err) == -1, "the id is not there");
    is_str(err, strlen(err), "KEK \"k1\" of the envelope is not in the KEK "
           "file", "said");

    one = keks;
    memcpy(one.kek[0].key, keks.kek[1].key, 32);
    ok(agent_envelope_unlock(&env, &one, err) == -1, "the id is another's");

    agent_envelope_close(&env);
    agent_envelope_close(&env);
    (void) close(fd);
    free(text);
}


/* read to the end, and to the middle, and again */

static void
test_rewind(void)
{
    int                fd;
    char              *text;
    size_t             len;
    ssize_t            n;
    uint8_t           *buf;
    agent_envelope_t   env;

    text = make(LABEL, 30000);
    fd = envelope_file(text, strlen(text));
    buf = malloc(40000 + AGENT_ENVELOPE_PIECE);

    (void) agent_envelope_open(&env, fd, err);
    (void) agent_envelope_unlock(&env, &keks, err);

    ok(agent_envelope_size(&env) == 30000, "its size");
    ok(agent_envelope_all(&env, buf, 40000, &len, err) == 0 && len == 30000,
       "all of it");
    ok(agent_envelope_read(&env, buf, err) == 0, "the end stays the end");

    ok(agent_envelope_rewind(&env, err) == 0
       && agent_envelope_read(&env, buf, err) == AGENT_ENVELOPE_PIECE,
       "a part of it again");
    ok(agent_envelope_rewind(&env, err) == 0, "rewound in the middle");

    memset(buf, 0, 30000);
    n = agent_envelope_all(&env, buf, 40000, &len, err);
    ok(n == 0 && len == 30000 && buf[0] == 'x' && buf[29999] == 'x',
       "all of it again");

    (void) agent_envelope_rewind(&env, err);
    ok(agent_envelope_all(&env, buf, 30000, &len, err) == -1, "too long");
    is_str(err, strlen(err), "the content of the envelope is too long",
           "said");

    agent_envelope_close(&env);
    (void) close(fd);
    free(buf);
    free(text);
}


/* between the first reading and the second */

static void
test_changed(void)
{
    int                fd;
    char              *text, *content;
    size_t             len;
    uint8_t           *buf;
    agent_envelope_t   env;

    text = make(LABEL, 30000);
    fd = envelope_file(text, strlen(text));
    buf = malloc(40000 + AGENT_ENVELOPE_PIECE);

    (void) agent_envelope_open(&env, fd, err);
    (void) agent_envelope_unlock(&env, &keks, err);
    (void) agent_envelope_all(&env, buf, 40000, &len, err);
    (void) agent_envelope_rewind(&env, err);

    content = strrchr(text, '.') - 100;
    (void) !pwrite(fd, *content == 'A' ? "B" : "A", 1, content - text);
    ok(agent_envelope_all(&env, buf, 40000, &len, err) == -1, "changed");
    is_str(err, strlen(err), "the envelope was changed or cut short", "said");

    (void) agent_envelope_rewind(&env, err);
    (void) !ftruncate(fd, 1000);
    ok(agent_envelope_all(&env, buf, 40000, &len, err) == -1, "cut short");

    (void) !pwrite(fd, "!", 1, env.jwe.len);
    (void) !ftruncate(fd, (off_t) strlen(text));
    (void) agent_envelope_rewind(&env, err);
    ok(agent_envelope_all(&env, buf, 40000, &len, err) == -1, "not base64url");
    is_str(err, strlen(err), "the content of the envelope is no base64url",
           "said");

    agent_envelope_close(&env);
    (void) close(fd);
    free(buf);
    free(text);
}


/* a header that fills all the room it may have */

static void
test_long(void)
{
    char                   *label, *text;
    size_t                  n, len;
    uint8_t                *out;

    label = malloc(4096);

    for (n = 2900; n < 3100; n++) {
        strcpy(label, LABEL ",\"x\":\"");
        memset(label + strlen(LABEL) + 6, 'y', n - strlen(LABEL) - 6);
        strcpy(label + n, "\"");

        text = make(label, 10);
        out = envelope_open(text, strlen(text), keks.kek[0].key, &len, err);

        if ((strchr(text, '.') - text <= AGENT_JWE_HEADER_MAX) != (out != NULL))
        {
            free(out);
            break;
        }

        free(out);
        free(text);
        text = NULL;
    }

    ok(n == 3100, "headers of up to %d characters", AGENT_JWE_HEADER_MAX);

    free(text);
    free(label);
}


static void
test_file(void)
{
    int                fd;
    agent_envelope_t   env;

    fd = envelope_file("eyJ", 3);
    ok(agent_envelope_likely(fd) == 1, "begins as an envelope");
    ok(agent_envelope_open(&env, fd, err) == -1, "but is none");
    (void) close(fd);

    fd = envelope_file("{\"v", 3);
    ok(agent_envelope_likely(fd) == 0, "begins as a key file");
    (void) close(fd);

    fd = envelope_file("ey", 2);
    ok(agent_envelope_likely(fd) == 0, "too short for either");
    (void) close(fd);

    ok(agent_envelope_open(&env, -1, err) == -1, "no file at all");
    ok(strncmp(err, "it cannot be read (9: ", 22) == 0, "said");

    fd = envelope_file("", 0);
    ok(agent_envelope_open(&env, fd, err) == -1, "an empty one");
    is_str(err, strlen(err), "it is no JWE of five parts (RFC 7516, 7.1)",
           "said");
    (void) close(fd);
}


/* len octets of x in an envelope with these members, opened by k1 */

static char *
make(const char *label, size_t len)
{
    char      *text, head[4200];
    uint8_t    wrapped[40], *data;
    sealed_t   s;

    data = malloc(len);
    memset(data, 'x', len);
    envelope_wrap(keks.kek[0].key, cek, wrapped);
    snprintf(head, sizeof(head), "{\"alg\":\"A256KW\",\"enc\":\"A256GCM\",%s}",
             label);

    s = (sealed_t) { head, wrapped, 40, cek, iv, data, len };
    text = envelope_text(&s);

    free(data);

    return text;
}


static int
check(const char *label, const agent_envelope_want_t *want)
{
    int                fd, rc;
    char              *text;
    agent_envelope_t   env;

    err[0] = '\0';
    text = make(label, 10);
    fd = envelope_file(text, strlen(text));
    rc = agent_envelope_open(&env, fd, err);

    if (rc == 0) {
        rc = agent_envelope_check(&env, want, err);
        agent_envelope_close(&env);
    }

    (void) close(fd);
    free(text);

    return rc;
}
