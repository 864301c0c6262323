
/*
 * Without this an introspection answer that does not say that a token is
 * active could be taken for one that does (requirements I-04, I-05, I-15,
 * W-17), or a damaged record of claims could be read beyond its end.
 */

#include "agent_claims.h"
#include "tap.h"


static agent_introspection_e ask(const char *body);
static void answers(void);
static agent_introspection_e nested(size_t depth);
static void deep(void);
static void types(void);
static void times(void);
static void audiences(void);
static void confirmation(void);
static void large(void);
static void records(void);


static uint8_t         buf[65536];
static char            err[AGENT_ERROR_LEN];
static agent_claims_t  claims;


#define ACTIVE(members)  "{\"active\":true," members "}"

#define bad(body)                                                             \
    ok(ask(body) == AGENT_INTROSPECTION_BAD, "refused: %.60s", body)


int
main(void)
{
    answers();
    deep();
    types();
    times();
    audiences();
    confirmation();
    large();
    records();

    return tap_done();
}


static agent_introspection_e
ask(const char *body)
{
    return agent_introspection((const uint8_t *) body, strlen(body), buf,
                               sizeof(buf), &claims, err);
}


static void
answers(void)
{
    ok(ask("{\"active\":true}") == AGENT_INTROSPECTION_ACTIVE, "active");
    ok(ask("{\"active\":false}") == AGENT_INTROSPECTION_INACTIVE, "inactive");
    ok(ask("{\"active\":false,\"exp\":9999999999}")
       == AGENT_INTROSPECTION_INACTIVE, "inactive, whatever else it says");

    bad("");
    bad("{}");
    bad("[]");
    bad("true");
    bad("[{\"active\":true}]");
    bad("{\"active\":\"true\"}");
    bad("{\"active\":1}");
    bad("{\"active\":null}");
    bad("{\"active\":[true]}");
    bad("{\"Active\":true}");
    bad("{\"active\":false,\"active\":true}");
    bad("{\"active\":true,\"sub\":\"a\",\"sub\":\"b\"}");
    bad("{\"active\":true");
    bad("{\"active\":true}{\"active\":true}");
    bad("{\"active\":true} x");
    bad("\xef\xbb\xbf{\"active\":true}");
    bad("{\"active\":true,\"sub\":\"\xff\"}");
    bad("{\"active\":true,\"sub\":\"\\u0000\"}");
}


/* a member of an active answer, nested so deep in all */

static agent_introspection_e
nested(size_t depth)
{
    size_t  len;
    char    text[8192];

    len = (size_t) snprintf(text, sizeof(text), "{\"active\":true,\"x\":");
    memset(text + len, '[', depth - 1);
    len += depth - 1;
    memset(text + len, ']', depth - 1);
    len += depth - 1;
    memcpy(text + len, "}", 2);

    return ask(text);
}


static void
deep(void)
{
    ok(nested(32) == AGENT_INTROSPECTION_ACTIVE, "as deep as may be");
    ok(nested(33) == AGENT_INTROSPECTION_BAD, "deeper");
    ok(nested(2000) == AGENT_INTROSPECTION_BAD, "as deep as jansson reads");
    ok(ask("{\"active\":true,\"x\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
           "\\\"[\"}") == AGENT_INTROSPECTION_ACTIVE, "brackets in a string");
}


static void
types(void)
{
    ok(ask(ACTIVE("\"iss\":\"https://as\",\"sub\":\"s\",\"client_id\":\"c\","
                  "\"jti\":\"j\",\"scope\":\"a b\",\"token_type\":\"Bearer\","
                  "\"act\":{\"sub\":\"x\",\"act\":{\"sub\":\"y\"}}"))
       == AGENT_INTROSPECTION_ACTIVE, "all texts");
    is_str(claims.issuer.data, claims.issuer.len, "https://as", "iss");
    is_str(claims.subject.data, claims.subject.len, "s", "sub");
    is_str(claims.client_id.data, claims.client_id.len, "c", "client_id");
    is_str(claims.token_id.data, claims.token_id.len, "j", "jti");
    is_str(claims.scope.data, claims.scope.len, "a b", "scope");
    is_str(claims.actor.data, claims.actor.len, "x", "the outermost actor");
    ok(claims.act_depth == 2 && claims.actors.len == 3, "and one before it");

    ok(ask(ACTIVE("\"azp\":\"p\"")) == AGENT_INTROSPECTION_ACTIVE
       && claims.client_id.len == 1, "azp stands in for client_id");

    bad(ACTIVE("\"iss\":1"));
    bad(ACTIVE("\"sub\":{}"));
    bad(ACTIVE("\"client_id\":[]"));
    bad(ACTIVE("\"scope\":[\"a\"]"));
    bad(ACTIVE("\"scope\":\"a\\\"b\""));
    bad(ACTIVE("\"scope\":\"a\\\\\""));
    bad(ACTIVE("\"sub\":\"a\\nb\""));
    bad(ACTIVE("\"act\":\"x\""));
    bad(ACTIVE("\"act\":{}"));
    bad(ACTIVE("\"act\":{\"sub\":1}"));
    bad(ACTIVE("\"act\":{\"sub\":\"x\",\"act\":{}}"));
    bad(ACTIVE("\"acr\":1"));
    bad(ACTIVE("\"auth_time\":\"1\""));
}


static void
times(void)
{
    ok(ask(ACTIVE("\"exp\":1700000000")) == AGENT_INTROSPECTION_ACTIVE
       && claims.expires == 1700000000000, "exp");
    ok(ask(ACTIVE("\"exp\":1700000000.9999")) == AGENT_INTROSPECTION_ACTIVE
       && claims.expires == 1700000000999, "a fraction is cut, not raised");
    ok(ask(ACTIVE("\"sub\":\"s\"")) == AGENT_INTROSPECTION_ACTIVE
       && claims.expires == AGENT_CLAIM_NONE, "no exp");

    bad(ACTIVE("\"exp\":\"1700000000\""));
    bad(ACTIVE("\"exp\":-1"));
    bad(ACTIVE("\"exp\":1e400"));
    bad(ACTIVE("\"exp\":1e18"));
    bad(ACTIVE("\"exp\":9223372036854775807"));
    bad(ACTIVE("\"exp\":null"));
    bad(ACTIVE("\"nbf\":true"));
    bad(ACTIVE("\"iat\":[]"));
}


static void
audiences(void)
{
    agent_str_t  one = agent_string("https://a");
    agent_str_t  two = agent_string("https://b");
    agent_str_t  prefix = agent_string("https://"), empty = agent_string("");

    ok(ask(ACTIVE("\"aud\":\"https://a\"")) == AGENT_INTROSPECTION_ACTIVE
       && agent_claims_audience(&claims, &one)
       && !agent_claims_audience(&claims, &two), "one audience");
    ok(!agent_claims_audience(&claims, &prefix)
       && !agent_claims_audience(&claims, &empty), "no part of it will do");

    ok(ask(ACTIVE("\"aud\":[\"x\",\"https://b\"]"))
       == AGENT_INTROSPECTION_ACTIVE
       && !agent_claims_audience(&claims, &one)
       && agent_claims_audience(&claims, &two), "several");

    ok(ask(ACTIVE("\"aud\":[]")) == AGENT_INTROSPECTION_ACTIVE
       && !agent_claims_audience(&claims, &one), "none in an empty array");
    ok(ask("{\"active\":true}") == AGENT_INTROSPECTION_ACTIVE
       && !agent_claims_audience(&claims, &one), "none where there is none");

    bad(ACTIVE("\"aud\":1"));
    bad(ACTIVE("\"aud\":{}"));
    bad(ACTIVE("\"aud\":null"));
    bad(ACTIVE("\"aud\":[\"a\",1]"));
}


static void
confirmation(void)
{
#define JKT  "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"

    static const uint8_t  start[] = { 0xd1, 0x97, 0x0e, 0x08 };

    ok(ask(ACTIVE("\"cnf\":{\"jkt\":\"" JKT "\"}"))
       == AGENT_INTROSPECTION_ACTIVE && claims.bound == AGENT_BOUND_DPOP
       && memcmp(claims.jkt, start, 4) == 0, "jkt of RFC 9449");
    ok(ask(ACTIVE("\"cnf\":{\"x5t#S256\":\"" JKT "\"}"))
       == AGENT_INTROSPECTION_ACTIVE && claims.bound == AGENT_BOUND_MTLS,
       "x5t#S256");
    ok(ask(ACTIVE("\"cnf\":{}")) == AGENT_INTROSPECTION_ACTIVE
       && claims.bound == AGENT_BOUND_UNKNOWN,
       "an empty confirmation is one that nobody can prove");
    ok(ask(ACTIVE("\"cnf\":{\"jkt\":\"" JKT "\",\"kid\":\"k\"}"))
       == AGENT_INTROSPECTION_ACTIVE
       && claims.bound == (AGENT_BOUND_DPOP|AGENT_BOUND_UNKNOWN),
       "one that we know beside one that we do not");

    bad(ACTIVE("\"cnf\":\"x\""));
    bad(ACTIVE("\"cnf\":{\"jkt\":1}"));
    bad(ACTIVE("\"cnf\":{\"jkt\":\"" JKT "=\"}"));
    bad(ACTIVE("\"cnf\":{\"jkt\":\"0ZcOCORZNYy+DWpqq30jZyJGHTN0d2HglBV3uigu"
               "A4I\"}"));

    /* the last character with a tail bit set */

    bad(ACTIVE("\"cnf\":{\"jkt\":\"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uigu"
               "A4J\"}"));
}


static void
large(void)
{
    size_t   i, n;
    char    *body;

    n = 1 << 20;
    body = malloc(n + 64);

    i = (size_t) sprintf(body, "{\"active\":true,\"sub\":\"");
    memset(body + i, 'a', n);
    strcpy(body + i + n, "\"}");
    ok(ask(body) == AGENT_INTROSPECTION_BAD, "a claim of a megabyte");

    i = (size_t) sprintf(body, "{\"active\":true,\"x\":");
    memset(body + i, '[', n - i);
    body[n] = '\0';
    ok(ask(body) == AGENT_INTROSPECTION_BAD, "a million arrays in arrays");

    free(body);

    ok(agent_introspection((const uint8_t *) "{\"active\":true,\"sub\":\"ab\"}",
                           26, buf, 10, &claims, err)
       == AGENT_INTROSPECTION_BAD, "no room for the claims");
}


static void
records(void)
{
    size_t           i, j, len;
    uint8_t          record[2048], copy[2048];
    agent_str_t      aud = agent_string("https://a"), one;
    agent_claims_t   read;

    (void) ask(ACTIVE("\"iss\":\"i\",\"sub\":\"s\",\"exp\":1700000000,"
                      "\"aud\":[\"z\",\"https://a\"],\"scope\":\"a b\","
                      "\"cnf\":{\"jkt\":\"" JKT "\"},\"acr\":\"r\","
                      "\"auth_time\":1700000000.5,\"act\":{\"sub\":\"x\","
                      "\"iss\":\"y\",\"act\":{\"sub\":\"z\"}}"));

    agent_str_set(&claims.key_id, "kid");
    claims.signer = 0x0123456789abcdef;

    len = agent_claims_pack(&claims, record, sizeof(record));

    ok(len > 0 && agent_claims_unpack(record, len, &read) == 0,
       "packed and unpacked");
    is_str(read.issuer.data, read.issuer.len, "i", "iss");
    is_str(read.scope.data, read.scope.len, "a b", "scope");
    ok(read.expires == claims.expires && read.bound == claims.bound
       && memcmp(read.jkt, claims.jkt, AGENT_THUMBPRINT_LEN) == 0
       && agent_claims_audience(&read, &aud), "and the rest");
    is_str(read.acr.data, read.acr.len, "r", "acr");
    is_str(read.key_id.data, read.key_id.len, "kid", "kid");
    is_str(read.actor.data, read.actor.len, "x", "act.sub");
    is_str(read.actor_issuer.data, read.actor_issuer.len, "y", "act.iss");
    ok(read.auth_time == 1700000000500 && read.signer == claims.signer
       && read.act_depth == 2 && agent_claims_next(&read.actors, &one)
       && one.len == 1 && one.data[0] == 'z', "who signed, when, for whom");

    ok(agent_claims_pack(&claims, record, len - 1) == 0
       && agent_claims_pack(&claims, record, len) == len, "exact room");

    for (i = 0, j = 0; i < len; i++) {
        j += (agent_claims_pack(&claims, record, i) != 0);
    }

    ok(j == 0 && agent_claims_pack(&claims, record, len) == len
       && len <= agent_claims_size(&claims), "no less will do");

    ok(read.issuer.data >= read.json.data
       && read.issuer.data < read.json.data + read.json.len
       && read.scope.data > read.json.data
       && read.scope.data < read.json.data + read.json.len,
       "what stands in the JSON is not kept twice");

    for (i = 0, j = 0; i < len; i++) {
        memcpy(copy, record, len);
        j += (agent_claims_unpack(copy, i, &read) == 0);
    }

    ok(j == 0, "a record that is cut is none");

    /* under AddressSanitizer: no bit of it leads out of the record */

    for (i = 0; i < len * 8; i++) {
        memcpy(copy, record, len);
        copy[i / 8] ^= (uint8_t) (1 << (i % 8));

        if (agent_claims_unpack(copy, len, &read) == 0) {
            (void) agent_claims_audience(&read, &aud);

            while (agent_claims_next(&read.actors, &one)) {
                /* void */
            }
        }
    }

    ok(1, "a record that is damaged is read within its bounds");

    (void) ask(ACTIVE("\"sub\":\"\\u00e9\\\"\",\"cnf\":{\"jkt\":\"" JKT "\","
                      "\"x5t#S256\":\"" JKT "\"}"));

    len = agent_claims_pack(&claims, record, sizeof(record));

    ok(len > 0 && agent_claims_unpack(record, len, &read) == 0
       && read.bound == (AGENT_BOUND_MTLS|AGENT_BOUND_DPOP)
       && memcmp(read.jkt, claims.jkt, AGENT_THUMBPRINT_LEN) == 0
       && memcmp(read.x5t, claims.x5t, AGENT_THUMBPRINT_LEN) == 0,
       "both thumbprints");
    is_str(read.subject.data, read.subject.len, "\xc3\xa9\"",
           "text that JSON spells otherwise");
}
