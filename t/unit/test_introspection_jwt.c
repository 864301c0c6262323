
/*
 * Introspection answers that are signed, RFC 9701.  Without this an answer that
 * nobody signed, or that was made for another client, another token's kind of
 * JWT or an old one could admit somebody (J-01 to J-03).
 */

#include "agent_introspection_jwt.h"
#include "jose.h"


static void good_ones(void);
static void types(void);
static void headers(void);
static void signatures(void);
static void outer(void);
static void times(void);
static void inner(void);
static void hostile(void);
static agent_reason_e check(const char *header, const char *payload);
static agent_reason_e check_text(const char *text);
static agent_reason_e check_size(const char *text, size_t size);


#define NOW      1800000000000
#define ISSUER   "https://as.example"
#define CLIENT   "gate"

#define HEAD     "{\"typ\":\"token-introspection+jwt\",\"alg\":\"ES256\","     \
                 "\"kid\":\"k\"}"

#define ISS      "\"iss\":\"" ISSUER "\""
#define AUD      "\"aud\":\"" CLIENT "\""
#define IAT      "\"iat\":1800000000"
#define ACTIVE   "\"token_introspection\":{\"active\":true,\"sub\":\"s\"}"

#define answer(reason, members)                                               \
    ok(check(HEAD, "{" members "}") == (reason), "%s: %.100s",                \
       agent_reason_name(reason)->data, members)

#define header(reason, text)                                                  \
    ok(check(text, "{" ISS "," AUD "," IAT "," ACTIVE "}") == (reason),       \
       "%s: %s", agent_reason_name(reason)->data, text)

#define of_inner(reason, text)                                                \
    ok(check(HEAD, "{" ISS "," AUD "," IAT ",\"token_introspection\":" text   \
             "}") == (reason), "%s: %.100s",                                  \
       agent_reason_name(reason)->data, text)

#define BAD      AGENT_PROVIDER_BAD_ANSWER


static char                             err[AGENT_ERROR_LEN];
static EVP_PKEY                        *key, *other;
static agent_jwks_t                    *set;
static agent_claims_t                   claims;
static agent_introspection_expected_t   expected;


int
main(void)
{
    char  *members;

    key = jose_key(AGENT_ALG_ES256);
    other = jose_key(AGENT_ALG_ES256);

    members = jose_members(key, AGENT_ALG_ES256, ",\"kid\":\"k\"");
    set = jose_set_of(members, 0);
    free(members);

    agent_str_set(&expected.issuer, ISSUER);
    agent_str_set(&expected.audience, CLIENT);
    expected.algs = AGENT_ALG_ES256;
    expected.leeway = 30000;
    expected.asked = NOW;
    expected.now = NOW;

    good_ones();
    types();
    headers();
    signatures();
    outer();
    times();
    inner();
    hostile();

    agent_jwks_free(set);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);

    return tap_done();
}


/* J-03: what stands beside the inner object decides nothing */

static void
good_ones(void)
{
    agent_str_t  aud = agent_string("https://rs.example");

    answer(AGENT_OK, ISS "," AUD "," IAT "," ACTIVE);
    is_str(claims.subject.data, claims.subject.len, "s", "the inner sub");
    ok(claims.signer == 0, "the token itself is signed by nobody");

    answer(AGENT_OK, ISS "," AUD "," IAT ",\"sub\":\"outer\",\"exp\":1,"
           "\"nbf\":9999999999,\"active\":false,\"scope\":\"admin\",\"cnf\":7,"
           ACTIVE);
    is_str(claims.subject.data, claims.subject.len, "s", "not the outer one");
    ok(claims.scope.len == 0 && claims.bound == 0
       && claims.expires == AGENT_CLAIM_NONE, "nor other outer ones");

    answer(AGENT_TOKEN_INACTIVE, ISS "," AUD "," IAT ",\"active\":true,"
           "\"token_introspection\":{\"active\":false}");

    answer(AGENT_OK, ISS "," AUD "," IAT ",\"token_introspection\":"
           "{\"active\":true,\"iss\":\"i\",\"aud\":\"https://rs.example\","
           "\"client_id\":\"c\",\"scope\":\"a b\",\"exp\":1800000100,"
           "\"jti\":\"j\",\"n\":9007199254740993}");
    is_str(claims.scope.data, claims.scope.len, "a b", "scope");
    ok(claims.expires == 1800000100000, "exp");
    ok(agent_claims_audience(&claims, &aud), "the token's audience");
    ok(memmem(claims.json.data, claims.json.len, "9007199254740993", 16)
       != NULL, "an integer is what it was");
    ok(memmem(claims.json.data, claims.json.len, "token_introspection", 19)
       == NULL, "claims are those of the token");

    answer(AGENT_OK, ISS ",\"aud\":[\"x\",\"" CLIENT "\"]," IAT "," ACTIVE);
}


/* J-01 */

static void
types(void)
{
    size_t       i;
    agent_str_t  type;

    static const struct {
        const char  *text;
        int          good;
    } names[] = {
        { "application/token-introspection+jwt", 1 },
        { "Application/Token-Introspection+JWT", 1 },
        { "application/token-introspection+jwt; charset=utf-8", 1 },
        { " application/token-introspection+jwt ;x", 1 },
        { "application/jwt", 0 },
        { "application/json", 0 },
        { "application/token-introspection+jw", 0 },
        { "application/token-introspection+jwt2", 0 },
        { "application/token-introspection+jwt, application/json", 0 },
        { "token-introspection+jwt", 0 },
        { ";application/token-introspection+jwt", 0 },
        { "", 0 }
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        type.data = (const uint8_t *) names[i].text;
        type.len = strlen(names[i].text);

        ok(agent_introspection_jwt_type(&type) == names[i].good, "%s: \"%s\"",
           names[i].good ? "is it" : "is not", names[i].text);
    }

    type.data = NULL;
    type.len = 0;
    ok(agent_introspection_jwt_type(&type) == 0, "no type");
}


static void
headers(void)
{
    header(AGENT_OK, "{\"typ\":\"application/Token-Introspection+JWT\","
           "\"alg\":\"ES256\",\"kid\":\"k\"}");
    header(AGENT_OK, "{\"typ\":\"token-introspection+jwt\","
           "\"alg\":\"ES256\"}");

    header(BAD, "{\"typ\":\"at+jwt\",\"alg\":\"ES256\",\"kid\":\"k\"}");
    header(BAD, "{\"typ\":\"JWT\",\"alg\":\"ES256\",\"kid\":\"k\"}");
    header(BAD, "{\"typ\":7,\"alg\":\"ES256\",\"kid\":\"k\"}");
    header(BAD, "{\"alg\":\"ES256\",\"kid\":\"k\"}");
    header(BAD, "{\"typ\":\"token-introspection+jwt\",\"alg\":\"none\"}");
    header(BAD, "{\"typ\":\"token-introspection+jwt\",\"alg\":\"None\"}");
    header(BAD, "{\"typ\":\"token-introspection+jwt\",\"kid\":\"k\"}");
    header(BAD, "{\"typ\":\"token-introspection+jwt\",\"alg\":\"RS256\","
           "\"kid\":\"k\"}");
    ok(strstr(err, "RS256") != NULL, "which is told");
    header(BAD, "{\"typ\":\"token-introspection+jwt\",\"alg\":\"HS256\","
           "\"kid\":\"k\"}");
    header(BAD, "{\"typ\":\"token-introspection+jwt\",\"alg\":\"ES256\","
           "\"kid\":\"k\",\"crit\":[\"x\"]}");
    header(AGENT_SIGNING_KEY_UNKNOWN, "{\"typ\":\"token-introspection+jwt\","
           "\"alg\":\"ES256\",\"kid\":\"new\"}");
}


/* J-02 */

static void
signatures(void)
{
    char   *token;
    size_t  len;

    static const char  payload[] = "{" ISS "," AUD "," IAT "," ACTIVE "}";

    token = jose_token(other, AGENT_ALG_ES256, HEAD, payload);
    ok(check_text(token) == BAD, "of another key");
    free(token);

    token = jose_token(other, AGENT_ALG_ES256,
                       "{\"typ\":\"token-introspection+jwt\","
                       "\"alg\":\"ES256\"}", payload);
    ok(check_text(token) == AGENT_SIGNING_KEY_UNKNOWN,
       "of another key, and names none: it may be a new one");
    free(token);

    token = jose_token(key, AGENT_ALG_ES256, HEAD, payload);
    len = strlen(token);
    token[len - 2] = token[len - 2] == 'A' ? 'B' : 'A';
    ok(check_text(token) == BAD, "a signature that was changed");
    free(token);

    token = jose_token(key, AGENT_ALG_ES256, HEAD, payload);
    *strrchr(token, '.') = '\0';
    ok(check_text(token) == BAD, "two parts");
    strcat(token, ".");
    ok(check_text(token) == BAD, "no signature");
    free(token);

    expected.algs = AGENT_ALG_RS256;
    answer(BAD, ISS "," AUD "," IAT "," ACTIVE);
    expected.algs = AGENT_ALG_ES256;
}


static void
outer(void)
{
    answer(BAD, AUD "," IAT "," ACTIVE);
    answer(BAD, "\"iss\":\"" ISSUER "/\"," AUD "," IAT "," ACTIVE);
    answer(BAD, "\"iss\":[\"" ISSUER "\"]," AUD "," IAT "," ACTIVE);
    answer(BAD, "\"iss\":null," AUD "," IAT "," ACTIVE);

    answer(BAD, ISS "," IAT "," ACTIVE);
    answer(BAD, ISS ",\"aud\":\"other\"," IAT "," ACTIVE);
    answer(BAD, ISS ",\"aud\":\"Gate\"," IAT "," ACTIVE);
    answer(BAD, ISS ",\"aud\":\"\"," IAT "," ACTIVE);
    answer(BAD, ISS ",\"aud\":[]," IAT "," ACTIVE);
    answer(BAD, ISS ",\"aud\":[[\"" CLIENT "\"]]," IAT "," ACTIVE);
    answer(BAD, ISS ",\"aud\":{\"" CLIENT "\":1}," IAT "," ACTIVE);

    answer(BAD, ISS "," AUD "," ACTIVE);
    answer(BAD, ISS "," AUD ",\"iat\":\"1800000000\"," ACTIVE);
    answer(BAD, ISS "," AUD ",\"iat\":-1," ACTIVE);
    answer(BAD, ISS "," AUD ",\"iat\":null," ACTIVE);
    answer(BAD, ISS "," AUD ",\"iat\":1e400," ACTIVE);

    /* an audience of nobody is for nobody */

    expected.audience.len = 0;
    answer(BAD, ISS ",\"aud\":\"\"," IAT "," ACTIVE);
    expected.audience.len = sizeof(CLIENT) - 1;
}


static void
times(void)
{
    answer(AGENT_OK, ISS "," AUD ",\"iat\":1800000030," ACTIVE);
    answer(BAD, ISS "," AUD ",\"iat\":1800000031," ACTIVE);
    answer(AGENT_OK, ISS "," AUD ",\"iat\":1799999970," ACTIVE);
    answer(BAD, ISS "," AUD ",\"iat\":1799999969," ACTIVE);
    answer(BAD, ISS "," AUD ",\"iat\":0," ACTIVE);

    expected.leeway = 0;
    expected.asked = NOW + 999;
    expected.now = NOW + 1500;
    answer(AGENT_OK, ISS "," AUD "," IAT "," ACTIVE);
    answer(BAD, ISS "," AUD ",\"iat\":1799999999," ACTIVE);
    answer(AGENT_OK, ISS "," AUD ",\"iat\":1800000001," ACTIVE);
    answer(BAD, ISS "," AUD ",\"iat\":1800000002," ACTIVE);

    expected.leeway = 30000;
    expected.asked = NOW;
    expected.now = NOW;
}


static void
inner(void)
{
    answer(BAD, ISS "," AUD "," IAT);
    answer(BAD, ISS "," AUD "," IAT ",\"active\":true");

    of_inner(BAD, "true");
    of_inner(BAD, "null");
    of_inner(BAD, "[{\"active\":true}]");
    of_inner(BAD, "\"{\\\"active\\\":true}\"");
    of_inner(BAD, "{}");
    of_inner(BAD, "{\"active\":\"true\"}");
    of_inner(BAD, "{\"active\":1}");
    of_inner(BAD, "{\"token_introspection\":{\"active\":true}}");
    of_inner(BAD, "{\"active\":false,\"active\":true}");
    of_inner(BAD, "{\"active\":true,\"exp\":\"soon\"}");
    of_inner(BAD, "{\"active\":true,\"aud\":7}");
    of_inner(BAD, "{\"active\":true},\"token_introspection\":"
             "{\"active\":true}");
    of_inner(AGENT_TOKEN_INACTIVE, "{\"active\":false,\"exp\":\"soon\"}");
}


static void
hostile(void)
{
    size_t   i;
    char    *token, *deep;

    static const char  *texts[] = {
        "", ".", "..", "...", "a.b.c", "{\"active\":true}", " ",
        "eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJFUzI1NiJ9.e30.e30\n"
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ok(check_text(texts[i]) == BAD, "no answer - %zu", i);
    }

    ok(check_text("eyJhbGciOiJSU0EtT0FFUCJ9.a.b.c.d") == BAD
       && strstr(err, "encrypted") != NULL, "a JWE, which is told");

    token = jose_token(key, AGENT_ALG_ES256, HEAD,
                       "{" ISS "," AUD "," IAT "," ACTIVE "}");

    for (i = 0; i < strlen(token) + 600; i += 7) {
        (void) check_size(token, i);
    }

    ok(check_size(token, strlen(token) - 1) == BAD, "no room for it");
    ok(check_size(token, strlen(token)) == BAD, "no room for claims");
    ok(check_size(token, strlen(token) + 600) == AGENT_OK, "enough room");
    free(token);

    deep = malloc(8192);
    strcpy(deep, "{" ISS "," AUD "," IAT "," ACTIVE ",\"x\":");
    memset(deep + strlen(deep), 0, 4096);

    for (i = 0; i < 2000; i++) {
        strcat(deep, "[");
    }

    ok(check(HEAD, deep) == BAD, "deep and cut off");
    free(deep);
}


static agent_reason_e
check(const char *head, const char *payload)
{
    char            *token;
    agent_reason_e   reason;

    token = jose_token(key, AGENT_ALG_ES256, head, payload);
    reason = check_text(token);
    free(token);

    return reason;
}


static agent_reason_e
check_text(const char *text)
{
    return check_size(text, agent_jws_room(strlen(text)) + 4096);
}


/* in a room of the exact size, under AddressSanitizer; claims are of a copy */

static agent_reason_e
check_size(const char *text, size_t size)
{
    size_t           len;
    uint8_t         *room;
    agent_str_t      body;
    agent_reason_e   reason;

    static uint8_t   record[8192];

    body.len = strlen(text);
    body.data = (const uint8_t *) text;
    room = malloc(size ? size : 1);
    err[0] = '\0';

    reason = agent_introspection_jwt(&body, &expected, set, room, size,
                                     &claims, err);

    if (reason == AGENT_OK) {
        len = agent_claims_pack(&claims, record, sizeof(record));

        if (len == 0 || agent_claims_unpack(record, len, &claims) != 0) {
            reason = AGENT_INTERNAL_ERROR;
        }
    }

    free(room);

    return reason;
}
