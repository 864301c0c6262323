
/*
 * Key sets.  Without this a key that is weak, not meant for signatures or no
 * key at all could vouch for tokens, or one bad key could void all others
 * (W-06, W-07, W-11, W-23, D-06).
 */

#include "jose.h"


static void sets(void);
static void types(void);
static void purposes(void);
static void algorithms(void);
static void private_members(void);
static void rsa(void);
static void exponents(void);
static void curves(void);
static void secrets(void);
static void find(void);
static void duplicates(void);
static void thumbprints(void);
static void wycheproof(void);
static void large(void);
static void each(const char *members, const char *why);
static void remember(void *data, size_t index, const char *text);


/* RFC 7517, A.1; RFC 8037, A.2 */

#define EC                                                                    \
    "\"kty\":\"EC\",\"crv\":\"P-256\","                                       \
    "\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","                  \
    "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\""

#define RSA_N                                                                 \
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aP"\
    "FFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl9"\
    "3lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdA"\
    "ZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3"\
    "XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"

#define RSA  "\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\""

#define OKP                                                                   \
    "\"kty\":\"OKP\",\"crv\":\"Ed25519\","                                    \
    "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""

#define SECRET   "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define OCT      "\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"" SECRET "\""

#define ALL_RSA  AGENT_ALGS_RSA
#define EDDSA    (AGENT_ALG_EDDSA|AGENT_ALG_ED25519)

#define no_set(text)                                                          \
    ok(jose_set(text, 1, NULL) == NULL, "no set: %.60s", text)

#define no_key(members)  each(members, NULL)

#define is_algs(members, expected)                                            \
    do {                                                                      \
        agent_jwks_t  *set_ = jose_set_of(members, 1);                        \
        ok(set_ && set_->n == 1 && set_->keys[0].algs == (uint32_t) (expected),\
           "a key: %.70s", members);                                          \
        agent_jwks_free(set_);                                                \
    } while (0)


static char         said[AGENT_ERROR_LEN], err[AGENT_ERROR_LEN];
static agent_str_t  no_kid;


int
main(void)
{
    sets();
    types();
    purposes();
    algorithms();
    private_members();
    rsa();
    exponents();
    curves();
    secrets();
    find();
    duplicates();
    thumbprints();
    wycheproof();
    large();

    return tap_done();
}


static void
sets(void)
{
    size_t         bad;
    agent_jwks_t  *set;

    no_set("");
    no_set("{}");
    no_set("[]");
    no_set("{" EC "}");
    no_set("{\"keys\":{}}");
    no_set("{\"keys\":null}");
    no_set("{\"keys\":[],\"keys\":[]}");
    no_set("{\"keys\":[{" EC "," EC "}]}");
    no_set("{\"keys\":[{" EC "}]");
    no_set("{\"keys\":[{" EC "}]}x");

    set = jose_set("{\"keys\":[]}", 0, NULL);
    ok(set && set->n == 0, "an empty set is one: nothing verifies any more");
    agent_jwks_free(set);

    bad = 0;
    set = jose_set("{\"keys\":[null,1,\"x\",[],{},{\"kty\":1},"
                   "{\"kty\":\"XYZ\"},{\"kty\":\"EC\"},{" EC ",\"kid\":\"k\"},"
                   "{\"kty\":\"oct\",\"k\":\"" SECRET "\"},{" OKP "}],"
                   "\"x\":1}", 0, &bad);
    ok(set && set->n == 2 && bad == 9, "bad keys are left out, the rest stays");
    is_str(set->keys[0].kid.data, set->keys[0].kid.len, "k", "kid");
    agent_jwks_free(set);

    agent_jwks_free(NULL);
}


static void
types(void)
{
    is_algs(EC, AGENT_ALG_ES256);
    is_algs(RSA, ALL_RSA);
    is_algs(OKP, EDDSA);
    is_algs(OCT, AGENT_ALG_HS256);

    each("\"kty\":\"ec\"", "type of key");
    each("\"kty\":\"\"", "type of key");
    each("\"kty\":null", "kty");
    each("\"x\":1", "kty");

#ifdef AGENT_HAVE_ML_DSA
    each("\"kty\":\"AKP\",\"alg\":\"ML-DSA-44\",\"pub\":\"AAAA\"",
         "no such ML-DSA key");
    each("\"kty\":\"AKP\",\"alg\":\"ML-DSA-44\"", "\"pub\"");
    each("\"kty\":\"AKP\",\"pub\":\"AAAA\"", "alg");
    each("\"kty\":\"AKP\",\"alg\":\"ES256\",\"pub\":\"AAAA\"", "alg");
    each("\"kty\":\"AKP\",\"alg\":\"ML-DSA-44\",\"pub\":\"AAAA\","
         "\"priv\":\"AAAA\"", "private");
#else
    each("\"kty\":\"AKP\",\"alg\":\"ML-DSA-44\",\"pub\":\"AAAA\"",
         "type of key");
#endif
}


static void
purposes(void)
{
    is_algs(EC ",\"use\":\"sig\"", AGENT_ALG_ES256);
    is_algs(EC ",\"key_ops\":[\"verify\"]", AGENT_ALG_ES256);
    is_algs(EC ",\"key_ops\":[\"sign\",1,\"verify\"]", AGENT_ALG_ES256);
    is_algs(EC ",\"x5c\":[\"x\"],\"x5u\":1,\"x\\u0035t\":{}", AGENT_ALG_ES256);

    each(EC ",\"use\":\"enc\"", "use");
    each(EC ",\"use\":\"\"", "use");
    each(EC ",\"use\":null", "use");
    each(EC ",\"use\":[\"sig\"]", "use");
    each(EC ",\"key_ops\":[]", "key_ops");
    each(EC ",\"key_ops\":\"verify\"", "key_ops");
    each(EC ",\"key_ops\":null", "key_ops");
    each(EC ",\"key_ops\":[\"sign\"]", "key_ops");
    each(EC ",\"use\":\"sig\",\"key_ops\":[\"encrypt\"]", "key_ops");
    each(EC ",\"use\":\"enc\",\"key_ops\":[\"verify\"]", "use");
    each(EC ",\"kid\":1", "kid");
    each(EC ",\"kid\":\"a\\nb\"", "kid");
}


/* W-06 */

static void
algorithms(void)
{
    is_algs(RSA ",\"alg\":\"RS256\"", AGENT_ALG_RS256);
    is_algs(RSA ",\"alg\":\"PS512\"", AGENT_ALG_PS512);
    is_algs(EC ",\"alg\":\"ES256\"", AGENT_ALG_ES256);
    is_algs(OKP ",\"alg\":\"EdDSA\"", AGENT_ALG_EDDSA);
    is_algs(OKP ",\"alg\":\"Ed25519\"", AGENT_ALG_ED25519);

    each(EC ",\"alg\":\"ES384\"", "alg");
    each(EC ",\"alg\":\"ES521\"", "alg");
    each(EC ",\"alg\":\"RS256\"", "alg");
    each(EC ",\"alg\":\"HS256\"", "alg");
    each(EC ",\"alg\":\"none\"", "alg");
    each(EC ",\"alg\":\"ECDH-ES\"", "alg");
    each(EC ",\"alg\":null", "alg");
    each(EC ",\"alg\":\"\"", "alg");
    each(RSA ",\"alg\":\"HS256\"", "alg");
    each(RSA ",\"alg\":\"RSA-OAEP\"", "alg");
    each(OKP ",\"alg\":\"ES256\"", "alg");
}


static void
private_members(void)
{
    size_t       i;
    char         text[2048];
    const char  *of[] = { EC, RSA, OKP };

    static const char  *names[] = {
        "d", "p", "q", "dp", "dq", "qi", "oth", "priv", "k"
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        sprintf(text, "%s,\"%s\":\"AQAB\"", of[i % 3], names[i]);
        each(text, "private");
        sprintf(text, "%s,\"%s\":null", of[i % 3], names[i]);
        each(text, "private");
    }
}


/* W-11 */

static void
rsa(void)
{
    char      text[4096], *n;
    size_t    i;
    uint8_t   octets[1100];

    static const struct {
        size_t       len;
        const char  *why;               /* NULL: a key of this size will do */
    } sizes[] = {
        { 64, "512 bits" }, { 128, "1024 bits" }, { 255, "2040 bits" },
        { 256, NULL }, { 384, NULL }, { 512, NULL }, { 1024, NULL },
        { 1025, "8200 bits" }
    };

    memset(octets, 0xff, sizeof(octets));

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        n = jose_b64(octets, sizes[i].len);
        sprintf(text, "\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"AQAB\"", n);
        free(n);

        if (sizes[i].why) {
            each(text, sizes[i].why);

        } else {
            is_algs(text, ALL_RSA);
        }
    }

    octets[255] = 0xfe;
    n = jose_b64(octets, 256);
    sprintf(text, "\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"AQAB\"", n);
    each(text, "even");
    free(n);

    octets[0] = 0;
    octets[255] = 0xff;
    n = jose_b64(octets, 257);
    sprintf(text, "\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"AQAB\"", n);
    each(text, "zero");
    free(n);
}


static void
exponents(void)
{
    char      text[4096], *e;
    size_t    i;
    uint8_t   octets[9];

    static const char  *bad[] = {
        "AQ", "Ag", "AAEAAQ", "AA", "", "AQAA", "AQAAAAAAAAAB", "AQAB=", "1"
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        sprintf(text, "\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"", RSA_N,
                bad[i]);
        no_key(text);
    }

    sprintf(text, "\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"Aw\"", RSA_N);
    is_algs(text, ALL_RSA);
    sprintf(text, "\"kty\":\"RSA\",\"n\":\"%s\",\"e\":3", RSA_N);
    each(text, "\"e\"");
    sprintf(text, "\"kty\":\"RSA\",\"n\":\"%s\"", RSA_N);
    each(text, "\"e\"");
    each("\"kty\":\"RSA\",\"e\":\"AQAB\"", "\"n\"");
    each("\"kty\":\"RSA\",\"n\":\"\",\"e\":\"AQAB\"", "\"n\"");

    memset(octets, 0xff, sizeof(octets));
    e = jose_b64(octets, 9);
    sprintf(text, "\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"", RSA_N, e);
    no_key(text);
    free(e);
}


static void
curves(void)
{
#define X  "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"
#define Y  "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"

    static const char  zero[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    char               text[512];

    each("\"kty\":\"EC\",\"x\":\"" X "\",\"y\":\"" Y "\"", "curve");
    each("\"kty\":\"EC\",\"crv\":\"P-224\",\"x\":\"" X "\",\"y\":\"" Y "\"",
         "curve");
    each("\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"" X "\",\"y\":\"" Y
         "\"", "curve");
    each("\"kty\":\"EC\",\"crv\":\"p-256\",\"x\":\"" X "\",\"y\":\"" Y "\"",
         "curve");
    each("\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" X "\",\"y\":\"" Y "\"",
         "coordinate");
    each("\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" Y "\",\"y\":\"" X "\"",
         "on its curve");
    each("\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\"", "\"y\"");
    each("\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"4Etl\"",
         "coordinate");
    each("\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA" X "\",\"y\":\"" Y "\"",
         "\"x\"");
    each("\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "=\",\"y\":\"" Y "\"",
         "\"x\"");

    sprintf(text, "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\"",
            zero, zero);
    each(text, "on its curve");

    each("\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"" X "\"", "curve");
    each("\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" X "\"", "curve");
    each("\"kty\":\"OKP\",\"crv\":\"P-256\",\"x\":\"" X "\"", "curve");
    each("\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"", "Ed25519");
    each("\"kty\":\"OKP\",\"crv\":\"Ed25519\"", "\"x\"");
}


/* secrets are for a local file of them, and say what they are for */

static void
secrets(void)
{
    size_t         bad;
    agent_jwks_t  *set;

    is_algs("\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"" SECRET "\"",
            AGENT_ALG_HS256);

    each("\"kty\":\"oct\",\"k\":\"" SECRET "\"", "alg");
    each("\"kty\":\"oct\",\"alg\":\"RS256\",\"k\":\"" SECRET "\"", "alg");
    each("\"kty\":\"oct\",\"alg\":\"A256KW\",\"k\":\"" SECRET "\"", "alg");
    each("\"kty\":\"oct\",\"alg\":\"HS384\",\"k\":\"" SECRET "\"", "48 to");
    each("\"kty\":\"oct\",\"alg\":\"HS512\",\"k\":\"" SECRET "\"", "64 to");
    each("\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"\"", "\"k\"");
    each("\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"AAAA\"", "32 to");
    each("\"kty\":\"oct\",\"alg\":\"HS256\"", "\"k\"");

    bad = 0;
    set = jose_set("{\"keys\":[{" OCT "}]}", 0, &bad);
    ok(set && set->n == 0 && bad == 1, "no secret in a set that was fetched");
    agent_jwks_free(set);

    bad = 0;
    set = jose_set("{\"keys\":[{" OCT "},{" EC "}]}", 1, &bad);
    ok(set && set->n == 1 && bad == 1 && set->keys[0].algs == AGENT_ALG_ES256,
       "nor beside public keys");
    agent_jwks_free(set);

    bad = 0;
    set = jose_set("{\"keys\":[{" OCT "},{" OCT ",\"kid\":\"a\"}]}", 1, &bad);
    ok(set && set->n == 2 && bad == 0, "secrets among themselves");
    agent_jwks_free(set);
}


static void
find(void)
{
    agent_str_t    a = agent_string("a"), b = agent_string("b");
    agent_str_t    c = agent_string("c");
    agent_jwks_t  *set;

    set = jose_set("{\"keys\":[{" EC ",\"kid\":\"a\"},{" RSA ",\"kid\":\"a\"},"
                   "{" OKP ",\"kid\":\"b\",\"alg\":\"EdDSA\"}]}", 0, NULL);

    ok(agent_jwks_find(set, &a, AGENT_ALG_ES256) == &set->keys[0]
       && agent_jwks_find(set, &a, AGENT_ALG_PS384) == &set->keys[1]
       && agent_jwks_find(set, &b, AGENT_ALG_EDDSA) == &set->keys[2],
       "by id and algorithm");
    ok(agent_jwks_find(set, &b, AGENT_ALG_ES256) == NULL
       && agent_jwks_find(set, &a, AGENT_ALG_ES384) == NULL
       && agent_jwks_find(set, &b, AGENT_ALG_ED25519) == NULL
       && agent_jwks_find(set, &a, AGENT_ALG_HS256) == NULL
       && agent_jwks_find(set, &c, AGENT_ALG_ES256) == NULL,
       "one alone does not do");
    ok(agent_jwks_find(set, &no_kid, AGENT_ALG_ES256) == &set->keys[0]
       && agent_jwks_find(set, &no_kid, AGENT_ALG_EDDSA) == &set->keys[2],
       "without an id: the only one that fits");

    ok(agent_jwks_has(set, set->keys[2].id) && set->keys[2].id != 0
       && !agent_jwks_has(set, 0) && !agent_jwks_has(set, 1), "is it there");
    agent_jwks_free(set);

    set = jose_set("{\"keys\":[{" EC "}]}", 0, NULL);
    ok(agent_jwks_find(set, &no_kid, AGENT_ALG_ES256) == &set->keys[0]
       && agent_jwks_find(set, &a, AGENT_ALG_ES256) == NULL,
       "a key without an id is not found by one");
    agent_jwks_free(set);
}


/* W-23: which of two keys is meant is not tried */

static void
duplicates(void)
{
    char          *text, *other;
    size_t         bad;
    EVP_PKEY      *key;
    agent_str_t    a = agent_string("a");
    agent_jwks_t  *set;

    key = jose_key(AGENT_ALG_ES256);
    other = jose_members(key, AGENT_ALG_ES256, "");
    text = malloc(4096);

    bad = 0;
    sprintf(text, "{\"keys\":[{" EC ",\"kid\":\"a\"},{%s,\"kid\":\"a\"}]}",
            other);
    set = jose_set(text, 0, &bad);
    ok(set->n == 2 && bad == 1
       && agent_jwks_find(set, &a, AGENT_ALG_ES256) == NULL,
       "two keys of one id, which is said");
    agent_jwks_free(set);

    sprintf(text, "{\"keys\":[{" EC ",\"kid\":\"a\"},{%s,\"kid\":\"a\"},"
            "{" EC ",\"kid\":\"a\"}]}", other);
    set = jose_set(text, 0, NULL);
    ok(agent_jwks_find(set, &a, AGENT_ALG_ES256) == NULL, "three");
    agent_jwks_free(set);

    bad = 0;
    set = jose_set("{\"keys\":[{" EC ",\"kid\":\"a\"},{" EC ",\"kid\":\"a\"}]}",
                   0, &bad);
    ok(set->n == 2 && bad == 0
       && agent_jwks_find(set, &a, AGENT_ALG_ES256) != NULL,
       "the same key twice is one");
    agent_jwks_free(set);

    sprintf(text, "{\"keys\":[{" EC ",\"kid\":\"a\"},{%s,\"kid\":\"b\"}]}",
            other);
    set = jose_set(text, 0, &bad);
    ok(bad == 0 && agent_jwks_find(set, &no_kid, AGENT_ALG_ES256) == NULL
       && agent_jwks_find(set, &a, AGENT_ALG_ES256) == &set->keys[0],
       "without an id, where several fit, none is taken");
    agent_jwks_free(set);

    free(text);
    free(other);
    EVP_PKEY_free(key);
}


/* RFC 7638, 3.1; RFC 8037, A.3; and those of the vectors */

static void
thumbprints(void)
{
    char           text[64], *set_text;
    size_t         i;
    json_t        *json, *test, *jwk;
    agent_jwks_t  *set;

    set = jose_set_of(RSA ",\"alg\":\"RS256\",\"kid\":\"2011-04-29\"", 0);
    *agent_b64url_encode((uint8_t *) text, set->keys[0].thumbprint,
                         AGENT_SHA256_LEN) = '\0';
    is_str(text, strlen(text), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
           "thumbprint of an RSA key");
    agent_jwks_free(set);

    set = jose_set_of(OKP, 0);
    *agent_b64url_encode((uint8_t *) text, set->keys[0].thumbprint,
                         AGENT_SHA256_LEN) = '\0';
    is_str(text, strlen(text), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
           "thumbprint of an Ed25519 key");
    agent_jwks_free(set);

    /* RFC 9449, 6.1 */

    set = jose_set_of("\"kty\":\"EC\",\"crv\":\"P-256\","
                      "\"x\":\"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs\","
                      "\"y\":\"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA\"",
                      0);
    *agent_b64url_encode((uint8_t *) text, set->keys[0].thumbprint,
                         AGENT_SHA256_LEN) = '\0';
    is_str(text, strlen(text), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
           "thumbprint of a P-256 key");
    agent_jwks_free(set);

    json = jose_vectors("jwk-thumbprint/vectors.json");
    if (json == NULL) {
        return;
    }

    json_array_foreach(json, i, test) {
        jwk = json_loads(json_string_value(json_object_get(test, "jwk")), 0,
                         NULL);
        jwk = json_pack("{s:[o]}", "keys", jwk);
        set_text = json_dumps(jwk, 0);
        set = jose_set(set_text, 0, NULL);

        *agent_b64url_encode((uint8_t *) text, set->keys[0].thumbprint,
                             AGENT_SHA256_LEN) = '\0';
        is_str(text, strlen(text),
               json_string_value(json_object_get(test, "thumbprint")),
               "vector %zu", i);

        agent_jwks_free(set);
        free(set_text);
        json_decref(jwk);
    }

    json_decref(json);
}


/*
 * C2SP/wycheproof: sets that must not verify, and some that must.  Where we
 * differ: of the two keys with one id of 4 the second is no base64url (its last
 * character has a bit too many) and left out, so that the other is meant.
 */

static void
wycheproof(void)
{
    int            id, valid, got;
    char          *text;
    size_t         i, j, run, wrong;
    json_t        *json, *group, *test, *keys;
    agent_jwks_t  *set;

    json = jose_vectors("wycheproof_json_web_key_test.json");
    if (json == NULL) {
        return;
    }

    run = 0;
    wrong = 0;

    json_array_foreach(json_object_get(json, "testGroups"), i, group) {

        keys = json_object_get(group, "public");
        keys = keys ? keys : json_object_get(group, "private");
        text = json_dumps(keys, 0);
        set = jose_set(text, 1, NULL);

        json_array_foreach(json_object_get(group, "tests"), j, test) {
            id = (int) json_integer_value(json_object_get(test, "tcId"));
            valid = id == 4
                    || strcmp(json_string_value(
                                  json_object_get(test, "result")),
                              "valid") == 0;
            got = jose_verify(set, json_string_value(
                                       json_object_get(test, "jws")));
            run++;

            if (got != valid) {
                wrong++;
                fprintf(stderr, "# %d: %s\n", id, json_string_value(
                            json_object_get(test, "comment")));
            }
        }

        free(text);
        agent_jwks_free(set);
    }

    ok(run == 26 && wrong == 0, "wycheproof: %zu of %zu", run - wrong, run);

    json_decref(json);
}


static void
large(void)
{
    char          *text, *p;
    size_t         i, n;
    agent_jwks_t  *set;

    text = malloc(1 << 20);

    for (n = AGENT_JWKS_MAX; n <= AGENT_JWKS_MAX + 1; n++) {
        p = text + sprintf(text, "{\"keys\":[");

        for (i = 0; i < n; i++) {
            p += sprintf(p, "%s{" EC ",\"kid\":\"%zu\"}", i ? "," : "", i);
        }

        strcpy(p, "]}");
        set = jose_set(text, 0, NULL);
        ok(n > AGENT_JWKS_MAX ? set == NULL : set->n == n, "%zu keys", n);
        agent_jwks_free(set);
    }

    n = (size_t) sprintf(text, "{\"keys\":[{" EC ",\"kid\":\"");
    memset(text + n, 'k', AGENT_JWS_KID_MAX + 1);
    strcpy(text + n + AGENT_JWS_KID_MAX + 1, "\"}]}");
    set = jose_set(text, 0, NULL);
    ok(set && set->n == 0, "a kid that no token could name");
    agent_jwks_free(set);

    n = (size_t) sprintf(text, "{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\","
                         "\"n\":\"");
    memset(text + n, 'w', 500000);
    strcpy(text + n + 500000, "\"}]}");
    set = jose_set(text, 0, NULL);
    ok(set && set->n == 0, "a modulus of half a megabyte");
    agent_jwks_free(set);

    n = (size_t) sprintf(text, "{\"keys\":");
    memset(text + n, '[', 500000);
    text[n + 500000] = '\0';
    no_set(text);

    free(text);
}


/* a key that is left out, for a reason in which why stands */

static void
each(const char *members, const char *why)
{
    char          *text;
    agent_jwks_t  *set;

    text = malloc(strlen(members) + 32);
    sprintf(text, "{\"keys\":[{%s}]}", members);

    said[0] = '\0';
    set = agent_jwks_parse((const uint8_t *) text, strlen(text), 1, remember,
                           NULL, err);

    ok(set && set->n == 0 && said[0] && (!why || strstr(said, why)),
       "no key: %.30s ...%s: %s", members,
       strlen(members) > 60 ? members + strlen(members) - 30 : "", said);

    agent_jwks_free(set);
    free(text);
}


static void
remember(void *data, size_t index, const char *text)
{
    (void) data;
    (void) index;

    snprintf(said, sizeof(said), "%s", text);
}
