
/*
 * Proofs of possession.  Without this a stolen token could be used with a proof
 * that was made for another request, by another key, or long ago (D-01 to
 * D-13, D-22).
 */

#include "agent_dpop.h"
#include "agent_uri.h"
#include "jose.h"


static void published(void);
static agent_reason_e published_check(const char *value, const char *method,
    const char *origin, const char *path, int64_t now, const char *ath,
    const char *jkt);
static void algorithms(void);
static void forms(void);
static void embedded(void);
static void required(void);
static void methods(void);
static void addresses(void);
static void times(void);
static void tokens(void);
static void nonces(void);
static void bindings(void);
static void ids(void);
static void normal(void);
static void is_normal(const char *uri, const char *expected);
static void curves(void);
static agent_reason_e check(const char *payload);
static agent_reason_e check_header(const char *header);
static agent_reason_e check_value(const char *value);
static char *header_of(uint32_t alg, const EVP_PKEY *signer, const char *more);


#define NOW   1800000000000
#define TYP   "\"typ\":\"dpop+jwt\""
#define HTM   "\"htm\":\"GET\""
#define HTU   "\"htu\":\"https://rs.example/a/b\""
#define IAT   "\"iat\":1800000000"
#define ATH   "\"ath\":\"fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo\""
#define ALL   "\"jti\":\"j\"," HTM "," HTU "," IAT "," ATH

#define good(members)                                                         \
    ok(check("{" members "}") == AGENT_OK, "good: %.90s", members)

#define bad(members)                                                          \
    ok(check("{" members "}") == AGENT_DPOP_INVALID, "bad: %.90s", members)

#define good_htu(htu)                                                         \
    ok(check("{\"jti\":\"j\"," HTM "," IAT "," ATH ",\"htu\":\"" htu "\"}")   \
       == AGENT_OK, "the same address: %s", htu)

#define bad_htu(htu)                                                          \
    ok(check("{\"jti\":\"j\"," HTM "," IAT "," ATH ",\"htu\":\"" htu "\"}")   \
       == AGENT_DPOP_INVALID, "another address: %s", htu)


static char                    err[AGENT_ERROR_LEN], *head;
static uint8_t                 ath[AGENT_SHA256_LEN], jkt[AGENT_SHA256_LEN];
static EVP_PKEY               *key, *other;
static agent_jwk_curves_t      ec;
static agent_dpop_proof_t      proof;
static agent_dpop_expected_t   expected;


int
main(void)
{
    size_t         n;
    char          *members;
    agent_jwks_t  *set;

    key = jose_key(AGENT_ALG_ES256);
    other = jose_key(AGENT_ALG_ES256);
    head = header_of(AGENT_ALG_ES256, key, "");

    members = jose_members(key, AGENT_ALG_ES256, "");
    set = jose_set_of(members, 0);
    memcpy(jkt, set->keys[0].thumbprint, sizeof(jkt));
    agent_jwks_free(set);
    free(members);

    (void) agent_b64url_decode(ath, &n, (const uint8_t *)
                               "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo",
                               43);

    ok(agent_jwk_curves_init(&ec) == 0, "curves");

    agent_str_set(&expected.method, "GET");
    agent_str_set(&expected.origin, "https://rs.example");
    agent_str_set(&expected.path, "/a/b");
    expected.ath = ath;
    expected.jkt = jkt;
    expected.curves = &ec;
    expected.algs = ~0u;
    expected.now = NOW;
    expected.window = 60000;
    expected.leeway = 5000;

    published();
    algorithms();
    forms();
    embedded();
    required();
    methods();
    addresses();
    times();
    tokens();
    nonces();
    bindings();
    ids();
    normal();
    curves();

    agent_jwk_curves_free(&ec);
    free(head);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);

    return tap_done();
}


/* the examples of RFC 9449: 4.2, 5 and 7.1 */

static void
published(void)
{
    json_t      *json, *list;
    const char  *token, *digest, *thumbprint;
    uint8_t      got[AGENT_SHA256_LEN], text[43];

    json = jose_vectors("ietf/rfc9449_dpop_examples.json");
    if (json == NULL) {
        return;
    }

    list = json_object_get(json, "examples");
    token = json_string_value(json_object_get(json, "access_token"));
    digest = json_string_value(json_object_get(json, "ath"));
    thumbprint = json_string_value(json_object_get(json_array_get(list, 0),
                                                   "jwk_thumbprint_sha256"));

    agent_sha256((const uint8_t *) token, strlen(token), got);
    (void) agent_b64url_encode(text, got, sizeof(got));
    is_str(text, sizeof(text), digest, "ath of the token");

#define VECTOR(i)  json_string_value(json_object_get(json_array_get(list, i),  \
                                                     "jwt"))

    ok(published_check(VECTOR(0), "POST", "https://server.example.com",
                       "/token", 1562262616000, NULL, thumbprint)
       == AGENT_OK, "token request");
    ok(published_check(VECTOR(1), "POST", "https://server.example.com",
                       "/token", 1562265296000, NULL, thumbprint)
       == AGENT_OK, "refresh");
    ok(published_check(VECTOR(3), "GET", "https://resource.example.org",
                       "/protectedresource", 1562262618000, digest, thumbprint)
       == AGENT_OK, "protected resource");
    ok(published_check(VECTOR(3), "GET", "https://resource.example.org",
                       "/protectedresource", 1562262618000, digest, digest)
       == AGENT_BINDING_MISMATCH, "with the token of somebody else");
    ok(published_check(VECTOR(0), "POST", "https://server.example.com",
                       "/token", 1562262616000, digest, thumbprint)
       == AGENT_DPOP_INVALID, "one without ath, for a token");
    ok(published_check(VECTOR(2), "GET", "https://server.example.com", "/",
                       1562262616000, NULL, thumbprint)
       == AGENT_DPOP_INVALID, "an access token is no proof");

    json_decref(json);
}


static agent_reason_e
published_check(const char *value, const char *method, const char *origin,
    const char *path, int64_t now, const char *token, const char *thumbprint)
{
    size_t                  n;
    uint8_t                 digest[AGENT_SHA256_LEN], tp[AGENT_SHA256_LEN];
    agent_reason_e          reason;
    agent_dpop_expected_t   saved;

    saved = expected;

    expected.method.data = (const uint8_t *) method;
    expected.method.len = strlen(method);
    expected.origin.data = (const uint8_t *) origin;
    expected.origin.len = strlen(origin);
    expected.path.data = (const uint8_t *) path;
    expected.path.len = strlen(path);
    expected.now = now;
    expected.ath = NULL;
    expected.jkt = tp;

    (void) agent_b64url_decode(tp, &n, (const uint8_t *) thumbprint, 43);

    if (token) {
        (void) agent_b64url_decode(digest, &n, (const uint8_t *) token, 43);
        expected.ath = digest;
    }

    reason = check_value(value);

    expected = saved;

    return reason;
}


/* D-05 */

static void
algorithms(void)
{
    char      *header, *value;
    size_t     i;
    EVP_PKEY  *signer;

    static const uint32_t  algs[] = {
        AGENT_ALG_RS256, AGENT_ALG_PS512, AGENT_ALG_ES256, AGENT_ALG_ES384,
        AGENT_ALG_ES512, AGENT_ALG_EDDSA, AGENT_ALG_ED25519
    };

    expected.jkt = NULL;

    for (i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
        signer = jose_key(algs[i]);
        header = header_of(algs[i], signer, "");
        value = jose_token(signer, algs[i], header, "{" ALL "}");

        ok(check_value(value) == AGENT_OK, "%s", JOSE_NAME(algs[i]));

        expected.algs = ~algs[i];
        ok(check_value(value) == AGENT_DPOP_INVALID, "%s is not allowed",
           JOSE_NAME(algs[i]));
        expected.algs = ~0u;

        free(value);
        free(header);
        EVP_PKEY_free(signer);
    }

    value = jose_mac(AGENT_ALG_HS256, "0123456789abcdef0123456789abcdef", 32,
                     "{" TYP ",\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\","
                     "\"alg\":\"HS256\",\"k\":\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NT"
                     "Y3ODlhYmNkZWY\"}}", "{" ALL "}");
    ok(check_value(value) == AGENT_DPOP_INVALID, "a secret that it brings");
    free(value);

    signer = EVP_RSA_gen(4104);
    header = header_of(AGENT_ALG_RS256, signer, "");
    value = jose_token(signer, AGENT_ALG_RS256, header, "{" ALL "}");
    ok(check_value(value) == AGENT_DPOP_INVALID, "an RSA key too large");
    free(value);
    free(header);
    EVP_PKEY_free(signer);

    expected.jkt = jkt;
}


/* D-01, D-02, D-04 */

static void
forms(void)
{
    char  *value, *two;

    value = jose_token(key, AGENT_ALG_ES256, head, "{" ALL "}");
    two = malloc(strlen(value) * 2 + AGENT_DPOP_MAX + 8);

    ok(check_value(value) == AGENT_OK, "a proof");
    sprintf(two, "%s,%s", value, value);
    ok(check_value(two) == AGENT_DPOP_INVALID, "two with a comma");
    sprintf(two, "%s, %s", value, value);
    ok(check_value(two) == AGENT_DPOP_INVALID, "two with comma and space");
    sprintf(two, "%s.", value);
    ok(check_value(two) == AGENT_DPOP_INVALID, "four parts");
    sprintf(two, "%s", value);
    two[strlen(two) - 1]++;
    ok(check_value(two) == AGENT_DPOP_INVALID, "another spelling");
    sprintf(two, "%s", value);
    two[strlen(two) - 20] ^= 1;
    ok(check_value(two) == AGENT_DPOP_INVALID, "another signature");
    sprintf(two, "%s%0*d", value, AGENT_DPOP_MAX, 0);
    ok(check_value(two) == AGENT_DPOP_INVALID, "too long");
    ok(check_value("") == AGENT_DPOP_INVALID, "nothing");
    ok(check_value("a.b.c") == AGENT_DPOP_INVALID, "no base64url of JSON");

    free(two);
    free(value);

    value = header_of(AGENT_ALG_ES256, key, ",\"typ\":\"DPOP+JWT\"");
    ok(check_header(value) == AGENT_OK, "typ in large letters");
    free(value);

    value = header_of(AGENT_ALG_ES256, key, ",\"typ\":\"JWT\"");
    ok(check_header(value) == AGENT_DPOP_INVALID, "typ JWT");
    free(value);

    value = header_of(AGENT_ALG_ES256, key, ",\"typ\":\"at+jwt\"");
    ok(check_header(value) == AGENT_DPOP_INVALID, "typ at+jwt");
    free(value);

    value = header_of(AGENT_ALG_ES256, key, ",\"typ\":\"\"");
    ok(check_header(value) == AGENT_DPOP_INVALID, "no typ");
    free(value);

    value = header_of(AGENT_ALG_ES256, key, ",\"typ\":\"dpop+jwt\","
                                            "\"crit\":[\"x\"],\"x\":1");
    ok(check_header(value) == AGENT_DPOP_INVALID, "crit");
    free(value);
}


/* D-06 */

static void
embedded(void)
{
    char  *members, *header, *private;

    members = jose_members(other, AGENT_ALG_ES256, "");
    header = malloc(4096);

    sprintf(header, "{" TYP ",\"alg\":\"ES256\"}");
    ok(check_header(header) == AGENT_DPOP_INVALID, "no key");
    sprintf(header, "{" TYP ",\"alg\":\"ES256\",\"jwk\":\"x\"}");
    ok(check_header(header) == AGENT_DPOP_INVALID, "a string for a key");
    sprintf(header, "{" TYP ",\"alg\":\"ES256\",\"jwk\":{%s}}", members);
    ok(check_header(header) == AGENT_DPOP_INVALID, "another key");
    sprintf(header, "{" TYP ",\"alg\":\"RS256\",\"jwk\":{%s}}", members);
    ok(check_header(header) == AGENT_DPOP_INVALID, "another algorithm");
    free(members);

    private = jose_number(key, OSSL_PKEY_PARAM_PRIV_KEY, 32);
    members = jose_members(key, AGENT_ALG_ES256, "");
    sprintf(header, "{" TYP ",\"alg\":\"ES256\",\"jwk\":{%s,\"d\":\"%s\"}}",
            members, private);
    ok(check_header(header) == AGENT_DPOP_INVALID, "the private key");
    sprintf(header, "{" TYP ",\"alg\":\"ES256\",\"jwk\":{%s,\"k\":\"\"}}",
            members);
    ok(check_header(header) == AGENT_DPOP_INVALID, "a secret beside it");
    sprintf(header, "{" TYP ",\"alg\":\"ES256\",\"jwk\":{%s,\"use\":\"enc\"}}",
            members);
    ok(check_header(header) == AGENT_DPOP_INVALID, "a key for encryption");

    free(private);
    free(members);
    free(header);
}


/* D-03 */

static void
required(void)
{
    char  *payload;

    good(ALL ",\"more\":[1,{}]");
    bad(HTM "," HTU "," IAT "," ATH);
    bad("\"jti\":\"\"," HTM "," HTU "," IAT "," ATH);
    bad("\"jti\":1," HTM "," HTU "," IAT "," ATH);
    bad("\"jti\":\"j\"," HTU "," IAT "," ATH);
    bad("\"jti\":\"j\"," HTM "," IAT "," ATH);
    bad("\"jti\":\"j\"," HTM "," HTU "," ATH);
    bad("\"jti\":\"j\"," HTM "," HTU "," IAT);
    bad(ALL ",\"jti\":\"k\"");
    ok(check("") == AGENT_DPOP_INVALID, "nothing");
    ok(check("[]") == AGENT_DPOP_INVALID, "an array");

    payload = malloc(1024);
    sprintf(payload, "{" HTM "," HTU "," IAT "," ATH ",\"jti\":\"%0*d\"}",
            AGENT_DPOP_JTI_MAX, 0);
    ok(check(payload) == AGENT_OK, "a jti as long as it may be");
    sprintf(payload, "{" HTM "," HTU "," IAT "," ATH ",\"jti\":\"%0*d\"}",
            AGENT_DPOP_JTI_MAX + 1, 0);
    ok(check(payload) == AGENT_DPOP_INVALID, "a longer one");
    free(payload);
}


/* D-07 */

static void
methods(void)
{
    bad("\"jti\":\"j\",\"htm\":\"POST\"," HTU "," IAT "," ATH);
    bad("\"jti\":\"j\",\"htm\":\"get\"," HTU "," IAT "," ATH);
    bad("\"jti\":\"j\",\"htm\":\"GET \"," HTU "," IAT "," ATH);
    bad("\"jti\":\"j\",\"htm\":[\"GET\"]," HTU "," IAT "," ATH);
}


/* D-08 */

static void
addresses(void)
{
    good_htu("https://rs.example/a/b");
    good_htu("HTTPS://RS.Example/a/b");
    good_htu("https://rs.example:443/a/b");
    good_htu("https://rs.example:/a/b");
    good_htu("https://rs.example/a/b?x=1");
    good_htu("https://rs.example/a/b#x?y");
    good_htu("https://rs.example/%61/b");
    good_htu("https://rs.example/a/./c/../b");
    good_htu("https://rs.ex%61mple/a/b");

    bad_htu("http://rs.example/a/b");
    bad_htu("https://rs.example:8443/a/b");
    bad_htu("https://rs.example:80/a/b");
    bad_htu("https://rs.example./a/b");
    bad_htu("https://rs.example.evil/a/b");
    bad_htu("https://evil/rs.example/a/b");
    bad_htu("https://u@rs.example/a/b");
    bad_htu("https://rs.example@evil/a/b");
    bad_htu("https://rs.example/a/b/");
    bad_htu("https://rs.example/a//b");
    bad_htu("https://rs.example/A/b");
    bad_htu("https://rs.example/a%2Fb");
    bad_htu("https://rs.example/a/b%00");
    bad_htu("https://rs.example/a/b%");
    bad_htu("https://rs.example/a/b%4");
    bad_htu("https://rs.example/a/b%zz");
    bad_htu("https://rs.example/");
    bad_htu("https://rs.example");
    bad_htu("https:///a/b");
    bad_htu("//rs.example/a/b");
    bad_htu("/a/b");
    bad_htu("rs.example/a/b");
    bad_htu(" https://rs.example/a/b");
    bad_htu("https://rs.example/a/b ");
    bad_htu("https://rs.example /a/b");
    bad_htu("https://rs.\xc3\xa9xample/a/b");
    bad_htu("ftp://rs.example/a/b");
    bad_htu("https");

    /* our side is made normal as well, and a query is cut */

    agent_str_set(&expected.path, "/x/../%61/b%7e?q=/c");
    good_htu("https://rs.example/a/b~");
    agent_str_set(&expected.path, "");
    good_htu("https://rs.example");
    good_htu("https://rs.example/");
    agent_str_set(&expected.path, "*");
    bad_htu("https://rs.example/");
    agent_str_set(&expected.origin, "http://[::1]:80");
    agent_str_set(&expected.path, "/");
    good_htu("http://[::1]/");
    bad_htu("http://[::1]:443/");
    agent_str_set(&expected.origin, "https://rs.example");
    agent_str_set(&expected.path, "/a/b");
}


/* D-11 */

static void
times(void)
{
#define ISSUED(iat)  "\"jti\":\"j\"," HTM "," HTU "," ATH ",\"iat\":" iat

    good(ISSUED("1800000000.5"));
    good(ISSUED("1800000005"));
    good(ISSUED("1799999941"));
    good(ISSUED("1799999940.001"));
    bad(ISSUED("1799999940"));
    bad(ISSUED("1800000005.001"));
    bad(ISSUED("1800000060"));
    bad(ISSUED("0"));
    bad(ISSUED("-9223372036854775808"));
    bad(ISSUED("9223372036854775807"));
    bad(ISSUED("1e300"));
    bad(ISSUED("-1e300"));
    bad(ISSUED("1e400"));
    bad(ISSUED("\"1800000000\""));
    bad(ISSUED("null"));
    bad(ISSUED("true"));
}


/* D-12 */

static void
tokens(void)
{
#define TOKEN(ath)  "\"jti\":\"j\"," HTM "," HTU "," IAT ",\"ath\":" ath

    bad(TOKEN("\"fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEp\""));
    bad(TOKEN("\"gUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo\""));
    bad(TOKEN("\"fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo=\""));
    bad(TOKEN("\"fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQE\""));
    bad(TOKEN("\"\""));
    bad(TOKEN("null"));

    expected.ath = NULL;
    good("\"jti\":\"j\"," HTM "," HTU "," IAT);
    expected.ath = ath;
}


/* D-10 */

static void
nonces(void)
{
#define is_nonce(members)                                                     \
    ok(check("{" members "}") == AGENT_DPOP_NONCE, "nonce: %s", members)

    good(ALL ",\"nonce\":\"whatever\"");

    agent_str_set(&expected.nonce, "now");
    is_nonce(ALL);
    is_nonce(ALL ",\"nonce\":\"\"");
    is_nonce(ALL ",\"nonce\":\"nox\"");
    is_nonce(ALL ",\"nonce\":\"no\"");
    is_nonce(ALL ",\"nonce\":\"now \"");
    is_nonce(ALL ",\"nonce\":1");
    good(ALL ",\"nonce\":\"now\"");
    bad("\"jti\":\"j\"," HTM "," HTU "," IAT ",\"nonce\":\"no\"");

    agent_str_set(&expected.previous, "before");
    good(ALL ",\"nonce\":\"before\"");
    good(ALL ",\"nonce\":\"now\"");
    is_nonce(ALL ",\"nonce\":\"long ago\"");
    is_nonce(ALL);

    expected.nonce.len = 0;
    expected.previous.len = 0;
}


/* D-13 */

static void
bindings(void)
{
    char  *header, *value;

    header = header_of(AGENT_ALG_ES256, other, "");
    value = jose_token(other, AGENT_ALG_ES256, header, "{" ALL "}");

    ok(check_value(value) == AGENT_BINDING_MISMATCH,
       "a right proof of somebody else");

    expected.jkt = NULL;
    ok(check_value(value) == AGENT_OK, "which will do for what is not bound");
    expected.jkt = jkt;

    free(value);
    free(header);
}


/* D-14: what the table of used proofs goes by */

static void
ids(void)
{
    char     *header, *value;
    uint8_t   id[AGENT_SHA256_LEN];

    good(ISSUED("1799999990"));
    ok(proof.until == 1800000050000, "when it need not be known any more");
    memcpy(id, proof.id, sizeof(id));

    good(ISSUED("1799999991"));
    ok(memcmp(id, proof.id, sizeof(id)) == 0, "the same jti, the same id");

    good("\"jti\":\"k\"," HTM "," HTU "," IAT "," ATH);
    ok(memcmp(id, proof.id, sizeof(id)) != 0, "another jti, another id");

    header = header_of(AGENT_ALG_ES256, other, "");
    value = jose_token(other, AGENT_ALG_ES256, header, "{" ALL "}");
    expected.jkt = NULL;
    ok(check_value(value) == AGENT_OK && memcmp(id, proof.id, sizeof(id)) != 0,
       "another key, another id");
    expected.jkt = jkt;

    free(value);
    free(header);
}


static void
normal(void)
{
    is_normal("http://a", "http://a/");
    is_normal("HtTp://A:80", "http://a/");
    is_normal("http://a:443/", "http://a:443/");
    is_normal("https://a:80?q", "https://a:80/");
    is_normal("https://[2001:DB8::1]:443/x", "https://[2001:db8::1]/x");
    is_normal("https://a/%7Ex/%2fb/%c3%A9", "https://a/~x/%2Fb/%C3%A9");
    is_normal("https://a/./b/../../c/.", "https://a/c/");
    is_normal("https://a/..", "https://a/");
    is_normal("https://a/b/..", "https://a/");
    is_normal("https://a/b/%2e%2E/c", "https://a/c");
    is_normal("https://a/...", "https://a/...");
    is_normal("https://a//..//b", "https://a//b");
    is_normal("https://a/b|{c}", "https://a/b|{c}");

    is_normal("", NULL);
    is_normal("http://", NULL);
    is_normal("https://", NULL);
    is_normal("https:///", NULL);
    is_normal("https://:443/", NULL);
    is_normal("https://a:b/", NULL);
    is_normal("https://a:1:2/", NULL);
    is_normal("https://a b/", NULL);
    is_normal("https://[::1]:80:", NULL);
    is_normal("https://[::1]a/", NULL);
    is_normal("https://[::1/", NULL);
    is_normal("https://[::g]/", NULL);
    is_normal("https://a]/", NULL);
    is_normal("https://a:80@b/", NULL);
    is_normal("https://a/\t", NULL);
    is_normal("https://a/\x7f", NULL);
    is_normal("httpx://a/", NULL);
    is_normal("http//a/aaaaaa", NULL);
}


static void
is_normal(const char *uri, const char *text)
{
    size_t        n;
    uint8_t      *dst;
    agent_str_t   value;

    value.data = (const uint8_t *) uri;
    value.len = strlen(uri);
    dst = malloc(value.len + 1);

    if (agent_uri_normal(dst, &n, &value) != 0) {
        ok(text == NULL && n == 0, "no address: %s", uri);

    } else {
        is_str(dst, n, text ? text : "", "%s", uri);
    }

    free(dst);
}


/* a key made of a curve is as good, and as bad, as one from nothing */

static void
curves(void)
{
    int            same;
    char          *members, *text;
    size_t         i;
    EVP_PKEY      *one;
    json_t        *jwk;
    agent_jwk_t    with, without;

    static const uint32_t  algs[] = {
        AGENT_ALG_ES256, AGENT_ALG_ES384, AGENT_ALG_ES512
    };

    for (i = 0; i < 3; i++) {
        one = jose_key(algs[i]);
        members = jose_members(one, algs[i], "");
        text = malloc(strlen(members) + 3);
        sprintf(text, "{%s}", members);
        jwk = json_loads(text, 0, NULL);

        same = (agent_jwk_take(&with, jwk, 0, &ec, err) == 0
                && agent_jwk_take(&without, jwk, 0, NULL, err) == 0
                && EVP_PKEY_eq(with.pkey, without.pkey) == 1
                && EVP_PKEY_eq(with.pkey, one) == 1);
        ok(same, "%s: the same key", JOSE_NAME(algs[i]));

        agent_jwk_free(&with);
        agent_jwk_free(&without);

        (void) json_object_set(jwk, "x", json_object_get(jwk, "y"));
        ok(agent_jwk_take(&with, jwk, 0, &ec, err) == -1,
           "%s: no point beside the curve", JOSE_NAME(algs[i]));

        json_decref(jwk);
        free(text);
        free(members);
        EVP_PKEY_free(one);
    }
}


static agent_reason_e
check(const char *payload)
{
    char            *value;
    agent_reason_e   reason;

    value = jose_token(key, AGENT_ALG_ES256, head, payload);
    reason = check_value(value);
    free(value);

    return reason;
}


static agent_reason_e
check_header(const char *header)
{
    char            *value;
    agent_reason_e   reason;

    value = jose_token(key, AGENT_ALG_ES256, header, "{" ALL "}");
    reason = check_value(value);
    free(value);

    return reason;
}


/* in a room of the exact size, under AddressSanitizer */

static agent_reason_e
check_value(const char *text)
{
    uint8_t         *buf;
    agent_str_t      value;
    agent_reason_e   reason;

    value.data = (const uint8_t *) text;
    value.len = strlen(text);
    buf = malloc(agent_dpop_room(&value, &expected));

    reason = agent_dpop_check(&value, &expected, buf, &proof, err);

    free(buf);

    return reason;
}


/* with the public key of signer; more: ",..." with a "typ" of its own, or "" */

static char *
header_of(uint32_t alg, const EVP_PKEY *signer, const char *more)
{
    char  *header, *members;

    members = jose_members(signer, alg, "");
    header = malloc(strlen(members) + 256);

    sprintf(header, "{\"alg\":\"%s\",\"jwk\":{%s}%s}", JOSE_NAME(alg), members,
            more[0] ? more : "," TYP);
    free(members);

    return header;
}
