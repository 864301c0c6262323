
/*
 * JWT access tokens.  Without this a token of another kind, another issuer or
 * another time could pass, or one that lives for ever since its end is no
 * number (A-01 to A-05, W-15 to W-21, R-05).
 */

#include "agent_jwt.h"
#include "jose.h"


static void profile(void);
static void kinds(void);
static void issuers(void);
static void keys(void);
static void types(void);
static void required(void);
static void audiences(void);
static void times(void);
static void acting(void);
static void confirmation(void);
static void hostile(void);
static void order(void);
static void twice(void);
static agent_reason_e check(const char *header, const char *payload);
static agent_reason_e check_with(EVP_PKEY *key, const char *header,
    const char *payload);
static agent_reason_e check_token(const char *token);


#define NOW      1800000000000
#define ISSUER   "https://as.example"

#define HEAD     "{\"typ\":\"at+jwt\",\"alg\":\"ES256\",\"kid\":\"k\"}"

/* without braces; IDS: all that RFC 9068 demands but iss and exp */

#define IDS      "\"sub\":\"s\",\"client_id\":\"c\",\"jti\":\"j\","            \
                 "\"iat\":1799999990,\"aud\":\"https://rs.example\""
#define ISS      "\"iss\":\"" ISSUER "\""
#define EXP      "\"exp\":1800000100"
#define ALL      ISS "," EXP "," IDS

#define good(members)                                                         \
    ok(check(HEAD, "{" members "}") == AGENT_OK, "good: %.100s", members)

#define bad(reason, members)                                                  \
    ok(check(HEAD, "{" members "}") == (reason), "%s: %.100s",                \
       agent_reason_name(reason)->data, members)

#define header(reason, text)                                                  \
    ok(check(text, "{" ALL "}") == (reason), "%s: %s",                        \
       agent_reason_name(reason)->data, text)


static char                err[AGENT_ERROR_LEN];
static uint8_t             buf[1 << 20];
static EVP_PKEY           *key, *other;
static agent_jwks_t       *set;
static agent_claims_t      claims;
static agent_jwt_policy_t  policy;


int
main(void)
{
    char  *members;

    key = jose_key(AGENT_ALG_ES256);
    other = jose_key(AGENT_ALG_ES256);

    members = jose_members(key, AGENT_ALG_ES256, ",\"kid\":\"k\"");
    set = jose_set_of(members, 0);
    free(members);

    agent_str_set(&policy.issuer, ISSUER);
    policy.algs = AGENT_ALG_ES256|AGENT_ALG_RS256;

    profile();
    kinds();
    issuers();
    keys();
    types();
    required();
    audiences();
    times();
    acting();
    confirmation();
    hostile();
    order();
    twice();

    agent_jwks_free(set);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);

    return tap_done();
}


static void
profile(void)
{
    agent_str_t  aud = agent_string("https://rs.example");

    good(ALL ",\"scope\":\"a b\",\"acr\":\"urn:mfa\",\"auth_time\":1799999000,"
         "\"big\":18446744073709551616,\"authorization_details\":"
         "[{\"type\":\"t\"}]");

    is_str(claims.issuer.data, claims.issuer.len, ISSUER, "iss");
    is_str(claims.subject.data, claims.subject.len, "s", "sub");
    is_str(claims.client_id.data, claims.client_id.len, "c", "client_id");
    is_str(claims.token_id.data, claims.token_id.len, "j", "jti");
    is_str(claims.scope.data, claims.scope.len, "a b", "scope");
    is_str(claims.acr.data, claims.acr.len, "urn:mfa", "acr");
    is_str(claims.key_id.data, claims.key_id.len, "k", "the key that signed");
    ok(claims.signer == set->keys[0].id, "and its id");
    ok(claims.expires == 1800000100000 && claims.issued == 1799999990000
       && claims.auth_time == 1799999000000
       && claims.not_before == AGENT_CLAIM_NONE, "times");
    ok(agent_claims_audience(&claims, &aud), "audience");
    ok(claims.act_depth == 0 && claims.bound == 0, "nobody acts, no binding");
    ok(memmem(claims.json.data, claims.json.len,
              "\"authorization_details\":[{\"type\":\"t\"}]", 38) != NULL,
       "all claims are at hand");
}


/* A-01, W-20, W-21, IC-01 */

static void
kinds(void)
{
    size_t  i;
    char    text[256];

    static const char  *names[] = {
        "JWT", "jwt", "id_token", "logout+jwt", "secevent+jwt", "dpop+jwt",
        "txntoken+jwt", "wit+jwt", "token-introspection+jwt",
        "oauth-id-jag+jwt", "at+jw", "at+jwt2", " at+jwt", "at+jwt ",
        "application/application/at+jwt", "text/at+jwt", "application/",
        "applicationxat+jwt", "at-jwt", "AT+JWU", "at\\u000bjwt", "@+jwt", ""
    };

    header(AGENT_OK, "{\"typ\":\"at+jwt\",\"alg\":\"ES256\"}");
    header(AGENT_OK, "{\"typ\":\"AT+JWT\",\"alg\":\"ES256\"}");
    header(AGENT_OK, "{\"typ\":\"application/at+jwt\",\"alg\":\"ES256\"}");
    header(AGENT_OK, "{\"typ\":\"Application/At+Jwt\",\"alg\":\"ES256\"}");
    header(AGENT_TOKEN_TYPE, "{\"alg\":\"ES256\"}");

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        sprintf(text, "{\"typ\":\"%s\",\"alg\":\"ES256\"}", names[i]);
        header(AGENT_TOKEN_TYPE, text);

        policy.any_type = 1;

        if (i < 2 || i == sizeof(names) / sizeof(names[0]) - 1) {
            header(AGENT_OK, text);

        } else {
            header(AGENT_TOKEN_TYPE, text);
        }

        policy.any_type = 0;
    }

    policy.any_type = 1;

    header(AGENT_OK, "{\"alg\":\"ES256\"}");
    header(AGENT_OK, "{\"typ\":\"at+jwt\",\"alg\":\"ES256\"}");
    header(AGENT_OK, "{\"typ\":\"application/JWT\",\"alg\":\"ES256\"}");

    /* tokens of another kind that only their claims tell */

    bad(AGENT_TOKEN_TYPE, ALL ",\"at_hash\":\"x\"");
    bad(AGENT_TOKEN_TYPE, ALL ",\"c_hash\":null");
    bad(AGENT_TOKEN_TYPE, ALL ",\"events\":{}");
    bad(AGENT_TOKEN_TYPE, ALL ",\"token_introspection\":{\"active\":true}");
    bad(AGENT_TOKEN_TYPE, ALL ",\"htm\":\"GET\"");

    policy.any_type = 0;
}


/* A-04, W-15 */

static void
issuers(void)
{
    bad(AGENT_ISSUER_MISMATCH, "\"iss\":\"" ISSUER "/\"," EXP "," IDS);
    bad(AGENT_ISSUER_MISMATCH, "\"iss\":\"HTTPS://as.example\"," EXP "," IDS);
    bad(AGENT_ISSUER_MISMATCH, "\"iss\":\"https://as.exampl\"," EXP "," IDS);
    bad(AGENT_ISSUER_MISMATCH, "\"iss\":\"https://other\"," EXP "," IDS);
    bad(AGENT_ISSUER_MISMATCH, "\"iss\":\"\"," EXP "," IDS);
    bad(AGENT_ISSUER_MISMATCH, EXP "," IDS);
    bad(AGENT_ISSUER_MISMATCH, "\"iss\":[\"" ISSUER "\"]," EXP "," IDS);
    bad(AGENT_ISSUER_MISMATCH, "\"iss\":null," EXP "," IDS);
    bad(AGENT_ISSUER_MISMATCH, "\"iss\":1," EXP "," IDS);

    policy.any_type = 1;
    bad(AGENT_ISSUER_MISMATCH, EXP "," IDS);
    policy.any_type = 0;
}


/* W-05, W-10 */

static void
keys(void)
{
    char  *text;

    header(AGENT_OK, "{\"typ\":\"at+jwt\",\"alg\":\"ES256\"}");
    header(AGENT_SIGNING_KEY_UNKNOWN,
           "{\"typ\":\"at+jwt\",\"alg\":\"ES256\",\"kid\":\"K\"}");
    header(AGENT_SIGNING_KEY_UNKNOWN,
           "{\"typ\":\"at+jwt\",\"alg\":\"ES256\",\"kid\":\"../../k\"}");
    header(AGENT_SIGNING_KEY_UNKNOWN,
           "{\"typ\":\"at+jwt\",\"alg\":\"ES256\",\"kid\":\"'; --\"}");
    header(AGENT_SIGNING_KEY_UNKNOWN,
           "{\"typ\":\"at+jwt\",\"alg\":\"ES256\",\"kid\":\"k\\n\"}");
    header(AGENT_SIGNING_KEY_UNKNOWN,
           "{\"typ\":\"at+jwt\",\"alg\":\"RS256\",\"kid\":\"k\"}");
    header(AGENT_ALGORITHM_REFUSED,
           "{\"typ\":\"at+jwt\",\"alg\":\"PS256\",\"kid\":\"k\"}");
    header(AGENT_ALGORITHM_REFUSED,
           "{\"typ\":\"at+jwt\",\"alg\":\"HS256\",\"kid\":\"k\"}");
    header(AGENT_ALGORITHM_REFUSED,
           "{\"typ\":\"at+jwt\",\"alg\":\"none\",\"kid\":\"k\"}");

    ok(check_with(other, HEAD, "{" ALL "}") == AGENT_SIGNATURE_INVALID,
       "signed by somebody else");

    /* one after the other: nothing of the first is left for the second */

    header(AGENT_ALGORITHM_REFUSED,
           "{\"typ\":\"at+jwt\",\"alg\":\"none\",\"kid\":\"k\"}");
    ok(check_with(other, HEAD, "{" ALL "}") == AGENT_SIGNATURE_INVALID,
       "a forged one after one without signature");

    text = jose_input("{\"typ\":\"at+jwt\",\"alg\":\"ES256\"}", "{" ALL "}");
    text = realloc(text, strlen(text) + 2);
    strcat(text, ".");
    ok(check_token(text) == AGENT_SIGNATURE_INVALID, "no signature");
    free(text);
}


/* a claim of the wrong type */

static void
types(void)
{
    bad(AGENT_TOKEN_CLAIMS, ISS "," EXP ",\"sub\":1,\"client_id\":\"c\","
        "\"jti\":\"j\",\"iat\":1,\"aud\":\"a\"");
    bad(AGENT_TOKEN_CLAIMS, ISS "," EXP ",\"sub\":\"s\",\"client_id\":[],"
        "\"jti\":\"j\",\"iat\":1,\"aud\":\"a\"");
    bad(AGENT_TOKEN_CLAIMS, ISS "," EXP ",\"sub\":\"s\",\"client_id\":\"c\","
        "\"jti\":{},\"iat\":1,\"aud\":\"a\"");
    bad(AGENT_TOKEN_CLAIMS, ALL ",\"scope\":[\"a\"]");
    bad(AGENT_TOKEN_CLAIMS, ALL ",\"scope\":\"a\\\"b\"");
    bad(AGENT_TOKEN_CLAIMS, ALL ",\"acr\":1");
    bad(AGENT_TOKEN_CLAIMS, ALL ",\"auth_time\":\"1\"");
    bad(AGENT_TOKEN_CLAIMS, ALL ",\"token_type\":1");
    bad(AGENT_TOKEN_CLAIMS, ISS "," EXP ",\"sub\":\"a\\nb\","
        "\"client_id\":\"c\",\"jti\":\"j\",\"iat\":1,\"aud\":\"a\"");
}


/* */

static void
required(void)
{
    bad(AGENT_TOKEN_CLAIMS, ISS "," IDS);
    bad(AGENT_TOKEN_CLAIMS, ALL ",\"azp\":1,\"cnf\":1");
    bad(AGENT_TOKEN_CLAIMS, ISS "," EXP ",\"client_id\":\"c\",\"jti\":\"j\","
        "\"iat\":1,\"aud\":\"a\"");
    bad(AGENT_TOKEN_CLAIMS, ISS "," EXP ",\"sub\":\"\",\"client_id\":\"c\","
        "\"jti\":\"j\",\"iat\":1,\"aud\":\"a\"");
    bad(AGENT_TOKEN_CLAIMS, ISS "," EXP ",\"sub\":\"s\",\"jti\":\"j\","
        "\"iat\":1,\"aud\":\"a\"");
    bad(AGENT_TOKEN_CLAIMS, ISS "," EXP ",\"sub\":\"s\",\"azp\":\"c\","
        "\"jti\":\"j\",\"iat\":1,\"aud\":\"a\"");
    bad(AGENT_TOKEN_CLAIMS, ISS "," EXP ",\"sub\":\"s\",\"client_id\":\"c\","
        "\"iat\":1,\"aud\":\"a\"");
    bad(AGENT_TOKEN_CLAIMS, ISS "," EXP ",\"sub\":\"s\",\"client_id\":\"c\","
        "\"jti\":\"j\",\"aud\":\"a\"");

    /* of a server that does not follow the profile */

    policy.any_type = 1;
    good(ISS "," EXP);
    good(ISS "," EXP ",\"azp\":\"c\"");
    is_str(claims.client_id.data, claims.client_id.len, "c", "azp");
    bad(AGENT_TOKEN_CLAIMS, ISS "," IDS);
    bad(AGENT_TOKEN_CLAIMS, ISS "," EXP ",\"azp\":1");
    policy.any_type = 0;
}


/* W-16: which one it must be is asked for each location */

static void
audiences(void)
{
#define NO_AUD  ISS "," EXP ",\"sub\":\"s\",\"client_id\":\"c\","              \
                "\"jti\":\"j\",\"iat\":1"

    agent_str_t  aud = agent_string("b"), part = agent_string("");

    good(NO_AUD ",\"aud\":[\"a\",\"b\"]");
    ok(agent_claims_audience(&claims, &aud)
       && !agent_claims_audience(&claims, &part), "one of several");

    bad(AGENT_AUDIENCE_MISMATCH, NO_AUD);
    bad(AGENT_AUDIENCE_MISMATCH, NO_AUD ",\"aud\":[]");
    bad(AGENT_TOKEN_CLAIMS, NO_AUD ",\"aud\":null");
    bad(AGENT_TOKEN_CLAIMS, NO_AUD ",\"aud\":1");
    bad(AGENT_TOKEN_CLAIMS, NO_AUD ",\"aud\":{\"b\":1}");
    bad(AGENT_TOKEN_CLAIMS, NO_AUD ",\"aud\":[\"b\",1]");
    bad(AGENT_TOKEN_CLAIMS, NO_AUD ",\"aud\":[[\"b\"]]");

    policy.any_type = 1;
    good(NO_AUD);
    ok(!agent_claims_audience(&claims, &aud)
       && !agent_claims_audience(&claims, &part), "none where there is none");
    policy.any_type = 0;
}


/* W-17 to W-19; NOW is 1800000000 */

static void
times(void)
{
#define AT(exp)  ISS ",\"exp\":" exp "," IDS

    good(AT("1800000001"));
    good(AT("1800000000.002"));
    good(AT("1800000000001e-3"));
    good(AT("9007199254740"));
    bad(AGENT_TOKEN_EXPIRED, AT("1800000000"));
    bad(AGENT_TOKEN_EXPIRED, AT("1800000000.0009"));
    bad(AGENT_TOKEN_EXPIRED, AT("1799999999"));
    bad(AGENT_TOKEN_EXPIRED, AT("0"));
    bad(AGENT_TOKEN_EXPIRED, AT("0.0"));
    bad(AGENT_TOKEN_EXPIRED, AT("1e-300"));
    bad(AGENT_TOKEN_CLAIMS, AT("-1"));
    bad(AGENT_TOKEN_CLAIMS, AT("-1e300"));
    bad(AGENT_TOKEN_CLAIMS, AT("1e300"));
    bad(AGENT_TOKEN_CLAIMS, AT("9007199254741"));
    bad(AGENT_TOKEN_CLAIMS, AT("9007199254740993"));
    bad(AGENT_TOKEN_CLAIMS, AT("9223372036854775807"));
    bad(AGENT_TOKEN_CLAIMS, AT("9223372036854775808"));
    bad(AGENT_TOKEN_CLAIMS, AT("18446744073709551616"));
    bad(AGENT_TOKEN_CLAIMS, AT("-9223372036854775809"));
    bad(AGENT_TOKEN_MALFORMED, AT("1e400"));
    bad(AGENT_TOKEN_MALFORMED, AT("NaN"));
    bad(AGENT_TOKEN_MALFORMED, AT("Infinity"));
    bad(AGENT_TOKEN_MALFORMED, AT("01800000001"));
    bad(AGENT_TOKEN_CLAIMS, AT("\"1800000001\""));
    bad(AGENT_TOKEN_CLAIMS, AT("\"\""));
    bad(AGENT_TOKEN_CLAIMS, AT("null"));
    bad(AGENT_TOKEN_CLAIMS, AT("true"));
    bad(AGENT_TOKEN_CLAIMS, AT("[1800000001]"));
    bad(AGENT_TOKEN_CLAIMS, AT("{}"));

    good(ALL ",\"nbf\":1800000000");
    good(ALL ",\"nbf\":0");
    bad(AGENT_TOKEN_NOT_YET_VALID, ALL ",\"nbf\":1800000000.001");
    bad(AGENT_TOKEN_NOT_YET_VALID, ALL ",\"nbf\":1800000001");
    bad(AGENT_TOKEN_CLAIMS, ALL ",\"nbf\":\"0\"");
    bad(AGENT_TOKEN_NOT_YET_VALID, ISS "," EXP ",\"sub\":\"s\",\"jti\":\"j\","
        "\"client_id\":\"c\",\"aud\":\"a\",\"iat\":1800000001");
    bad(AGENT_TOKEN_CLAIMS, ISS "," EXP ",\"sub\":\"s\",\"jti\":\"j\","
        "\"client_id\":\"c\",\"aud\":\"a\",\"iat\":\"1799999999\"");

    policy.leeway = 30000;

    good(AT("1799999970.001"));
    bad(AGENT_TOKEN_EXPIRED, AT("1799999970"));
    good(ALL ",\"nbf\":1800000030");
    bad(AGENT_TOKEN_NOT_YET_VALID, ALL ",\"nbf\":1800000031");

    policy.leeway = 0;

    /* as for each use of a verdict that is cached */

    good(ALL);
    ok(agent_jwt_usable(&claims, 1800000099999, 0) == AGENT_OK
       && agent_jwt_usable(&claims, 1800000100000, 0) == AGENT_TOKEN_EXPIRED
       && agent_jwt_usable(&claims, 1800000100000, 1) == AGENT_OK
       && agent_jwt_usable(&claims, 1799999989999, 0)
          == AGENT_TOKEN_NOT_YET_VALID, "later on");
}


/* */

static void
acting(void)
{
    char        *text, *p;
    size_t       i, j;
    agent_str_t  rest, one;

    good(ALL ",\"act\":{\"sub\":\"x\",\"iss\":\"i\",\"act\":{\"sub\":\"y\","
         "\"act\":{\"sub\":\"z\"}}},\"may_act\":{\"sub\":\"m\"}");
    is_str(claims.actor.data, claims.actor.len, "x", "the outermost acts");
    is_str(claims.actor_issuer.data, claims.actor_issuer.len, "i", "its iss");
    ok(claims.act_depth == 3, "three levels");

    rest = claims.actors;
    ok(agent_claims_next(&rest, &one), "one behind it");
    is_str(one.data, one.len, "y", "by name");
    ok(agent_claims_next(&rest, &one), "and another");
    is_str(one.data, one.len, "z", "by name");
    ok(!agent_claims_next(&rest, &one), "and no more");

    good(ALL ",\"act\":{\"sub\":\"x\",\"exp\":1,\"aud\":7}");
    bad(AGENT_TOKEN_CLAIMS, ALL ",\"act\":\"x\"");
    bad(AGENT_TOKEN_CLAIMS, ALL ",\"act\":null");
    bad(AGENT_TOKEN_CLAIMS, ALL ",\"act\":[{\"sub\":\"x\"}]");
    bad(AGENT_TOKEN_CLAIMS, ALL ",\"act\":{}");
    bad(AGENT_TOKEN_CLAIMS, ALL ",\"act\":{\"sub\":\"\"}");
    bad(AGENT_TOKEN_CLAIMS, ALL ",\"act\":{\"sub\":7}");
    bad(AGENT_TOKEN_CLAIMS, ALL ",\"act\":{\"sub\":\"x\",\"iss\":1}");
    bad(AGENT_TOKEN_CLAIMS, ALL ",\"act\":{\"sub\":\"x\",\"act\":\"y\"}");
    bad(AGENT_TOKEN_CLAIMS, ALL ",\"act\":{\"sub\":\"x\",\"act\":{}}");
    bad(AGENT_TOKEN_CLAIMS, ALL ",\"act\":{\"sub\":\"x\",\"act\":null}");
    bad(AGENT_TOKEN_CLAIMS,
        ALL ",\"act\":{\"sub\":\"x\",\"act\":{\"sub\":\"a\\u000ab\"}}");

    text = malloc(4096);

    for (i = AGENT_ACT_DEPTH_MAX; i <= AGENT_ACT_DEPTH_MAX + 1; i++) {
        p = text + sprintf(text, "{" ALL);

        for (j = 0; j < i; j++) {
            p += sprintf(p, ",\"act\":{\"sub\":\"x\"");
        }

        memset(p, '}', i + 1);
        p[i + 1] = '\0';

        ok(check(HEAD, text) == (i > AGENT_ACT_DEPTH_MAX ? AGENT_TOKEN_CLAIMS
                                                         : AGENT_OK),
           "%zu levels", i);
    }

    free(text);
}


/* M-03, D-15 */

static void
confirmation(void)
{
#define TP  "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"

    good(ALL ",\"cnf\":{\"jkt\":\"" TP "\"}");
    ok(claims.bound == AGENT_BOUND_DPOP && claims.jkt[0] == 0xd1, "jkt");
    good(ALL ",\"cnf\":{\"x5t#S256\":\"" TP "\"}");
    ok(claims.bound == AGENT_BOUND_MTLS && claims.x5t[0] == 0xd1, "x5t#S256");
    good(ALL ",\"cnf\":{}");
    ok(claims.bound == AGENT_BOUND_UNKNOWN, "nothing that could be proved");
    good(ALL ",\"cnf\":{\"jwk\":{}}");
    ok(claims.bound == AGENT_BOUND_UNKNOWN, "something else");

    bad(AGENT_TOKEN_CLAIMS, ALL ",\"cnf\":null");
    bad(AGENT_TOKEN_CLAIMS, ALL ",\"cnf\":{\"jkt\":\"" TP "=\"}");
    bad(AGENT_TOKEN_CLAIMS, ALL ",\"cnf\":{\"jkt\":\"abc\"}");
    bad(AGENT_TOKEN_CLAIMS, ALL ",\"cnf\":{\"x5t#S256\":null}");
}


/* W-04 for claims; sizes from 1.7 to 16 KB and beyond */

static void
hostile(void)
{
    size_t  i;
    char   *text, *token;

    static const size_t  sizes[] = { 900, 1700, 8000, 16000, 40000 };

    bad(AGENT_TOKEN_MALFORMED, ALL ",\"sub\":\"t\"");
    bad(AGENT_TOKEN_MALFORMED, ALL ",\"x\":{\"a\":1,\"a\":1}");
    bad(AGENT_TOKEN_MALFORMED, ALL ",\"x\":\"\xc3\"");
    bad(AGENT_TOKEN_MALFORMED, ALL ",\"x\":\"\\u0000\"");
    bad(AGENT_TOKEN_MALFORMED, ALL ",\"x\":\"\\ud800\"");
    ok(check(HEAD, "") == AGENT_TOKEN_MALFORMED, "nothing");
    ok(check(HEAD, "[]") == AGENT_TOKEN_MALFORMED, "an array");
    ok(check(HEAD, "\"x\"") == AGENT_TOKEN_MALFORMED, "a string");
    ok(check(HEAD, "{" ALL "}}") == AGENT_TOKEN_MALFORMED, "more after it");

    text = malloc(1 << 20);

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        sprintf(text, "{" ALL ",\"x\":\"%0*d\"}", (int) sizes[i], 0);
        ok(check(HEAD, text) == AGENT_OK, "a claim of %zu octets", sizes[i]);
    }

    sprintf(text, "{" ALL ",\"x\":\"%0*d\"}", 60000, 0);
    ok(check(HEAD, text) == AGENT_TOKEN_MALFORMED,
       "longer than a token may be");

    sprintf(text, "{" ISS "," EXP ",\"client_id\":\"c\",\"jti\":\"j\","
            "\"iat\":1,\"aud\":\"a\",\"sub\":\"%0*d\"}", 3000, 0);
    ok(check(HEAD, text) == AGENT_TOKEN_CLAIMS, "a long subject");

    /* each text is of the shortest JSON that there is: it must fit, too */

    i = (size_t) sprintf(text, "{\"aud\":[");

    while (i < 4000) {
        i += (size_t) sprintf(text + i, "\"\",");
    }

    sprintf(text + i, "\"a\"]," ISS "," EXP ",\"client_id\":\"c\","
            "\"jti\":\"j\",\"iat\":1,\"sub\":\"s\"}");
    ok(check(HEAD, text) == AGENT_OK, "a thousand audiences");

    token = jose_token(key, AGENT_ALG_ES256, HEAD, "{" ALL "}");
    strcpy(text, token);
    strcat(text, ".");
    ok(check_token(text) == AGENT_TOKEN_MALFORMED, "a dot more");
    free(token);
    free(text);
}


/* what is not authentic is told nothing but that */

static void
order(void)
{
    ok(check_with(other, HEAD, "{" ISS ",\"exp\":1}")
       == AGENT_SIGNATURE_INVALID, "forged and expired");
    ok(check_with(other, HEAD, "{" ISS ",\"exp\":\"x\"}")
       == AGENT_SIGNATURE_INVALID, "forged and with bad claims");
    ok(claims.subject.len == 0 && claims.signer == 0,
       "no claims of a token that is not authentic");
}


/* again with the set that was fetched since, and after that set is gone */

static void
twice(void)
{
    char            *token, *members;
    uint8_t         *room;
    agent_jwt_t      jwt;
    agent_str_t      value;
    agent_jwks_t    *empty, *again;
    agent_claims_t   read;

    token = jose_token(key, AGENT_ALG_ES256,
                       "{\"typ\":\"at+jwt\",\"alg\":\"ES256\"}", "{" ALL "}");
    value.data = (uint8_t *) token;
    value.len = strlen(token);
    room = malloc(agent_jwt_room(value.len));

    members = jose_members(key, AGENT_ALG_ES256, ",\"kid\":\"of the set\"");
    empty = jose_set("{\"keys\":[]}", 0, NULL);
    again = jose_set_of(members, 0);

    ok(agent_jwt_parse(&jwt, &value, room, err) == AGENT_OK, "parsed");
    is_str(jwt.issuer.data, jwt.issuer.len, ISSUER, "as it claims");
    ok(agent_jwt_check(&jwt, &policy, empty, NOW, &read, err)
       == AGENT_SIGNING_KEY_UNKNOWN, "not in this set");
    ok(agent_jwt_check(&jwt, &policy, again, NOW, &read, err) == AGENT_OK,
       "in the next");

    agent_jwt_free(&jwt);
    agent_jwks_free(empty);
    agent_jwks_free(again);

    is_str(read.key_id.data, read.key_id.len, "of the set", "kid");
    is_str(read.subject.data, read.subject.len, "s", "sub");

    free(room);
    free(members);
    free(token);
}


static agent_reason_e
check(const char *head, const char *payload)
{
    return check_with(key, head, payload);
}


static agent_reason_e
check_with(EVP_PKEY *signer, const char *head, const char *payload)
{
    char            *token;
    agent_reason_e   reason;

    token = jose_token(signer, AGENT_ALG_ES256, head, payload);
    reason = check_token(token);
    free(token);

    return reason;
}


/* in rooms of the exact size, under AddressSanitizer; claims are of a copy */

static agent_reason_e
check_token(const char *token)
{
    size_t           len;
    uint8_t         *room;
    agent_jwt_t      jwt;
    agent_str_t      value;
    agent_reason_e   reason;

    memset(&claims, 0, sizeof(claims));

    value.len = strlen(token);
    value.data = (const uint8_t *) token;
    room = malloc(agent_jwt_room(value.len));

    reason = agent_jwt_parse(&jwt, &value, room, err);

    if (reason == AGENT_OK) {
        reason = agent_jwt_check(&jwt, &policy, set, NOW, &claims, err);
        agent_jwt_free(&jwt);
    }

    if (reason == AGENT_OK) {
        len = agent_claims_pack(&claims, buf, sizeof(buf));
        ok(len != 0 && agent_claims_unpack(buf, len, &claims) == 0,
           "the claims are kept");
    }

    free(room);

    return reason;
}
