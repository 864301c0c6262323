
/*
 * Lines of the state file of revocations.  Without this a line that says one
 * thing could revoke another, what was revoked could be forgotten because
 * nobody can read it back, or one bad line could stand for all (V-02, V-06).
 */

#include "tap.h"

#include "agent_b64url.h"
#include "agent_revocation.h"


typedef struct {
    const char  *line;
    const char  *err;           /* NULL: it is a good one */
} sample_t;


static void test_good(void);
static void test_bad(void);
static void test_names(void);
static void test_round(void);
static void test_check(void);
static void test_hash(void);
static int parse(const char *line, agent_revocation_t *rev, char *err);
static agent_str_t text(const char *s);


#define HEAD  "{\"id\":\"a-1\",\"at\":1800000000000,"
#define HEX   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define B64   "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


static uint8_t  octets[AGENT_REVOCATION_LINE_MAX];


static const sample_t  samples[] = {
    { HEAD "\"op\":\"revoke\",\"kind\":\"token\",\"value\":\"" HEX "\"}", NULL },
    { HEAD "\"op\":\"unrevoke\",\"kind\":\"jti\",\"issuer\":\"i\","
      "\"value\":\"j\"}", NULL },
    { HEAD "\"op\":\"revoke\",\"kind\":\"subject\",\"issuer\":\"i\","
      "\"value\":\"s\",\"before\":1,\"expires\":2}", NULL },
    { HEAD "\"op\":\"revoke\",\"kind\":\"client\",\"issuer\":\"i\","
      "\"value\":\"c\",\"x_more\":[{}]}", NULL },
    { HEAD "\"op\":\"revoke\",\"kind\":\"agent\",\"value\":\"a\","
      "\"cause\":\"\",\"by\":\"me\"}", NULL },
    { HEAD "\"op\":\"revoke\",\"kind\":\"issuer\",\"value\":\"i\"}", NULL },
    { HEAD "\"op\":\"revoke\",\"kind\":\"kid\",\"issuer\":\"i\","
      "\"value\":\"k\"}", NULL },
    { HEAD "\"op\":\"revoke\",\"kind\":\"jwk\",\"value\":\"" B64 "\"}", NULL },
    { HEAD "\"op\":\"suspend\",\"kind\":\"key\",\"value\":\"0aZ\","
      "\"expires\":9}", NULL },
    { HEAD "\"op\":\"resume\",\"kind\":\"key\",\"value\":\"0aZ\"}", NULL },
    { HEAD "\"op\":\"revoke\",\"kind\":\"certificate\",\"value\":\"" B64
      "\"}", NULL },

    { "", "not a JSON object" },
    { "[]", "not a JSON object" },
    { "{\"id\":\"a\",\"id\":\"a\"}", "not a JSON object" },
    { HEAD "\"op\":\"revoke\",\"kind\":\"agent\",\"value\":\"a\\u0000\"}",
      "not a JSON object" },
    { HEAD "\"op\":\"revoke\",\"kind\":\"agent\",\"value\":\"a\"}x",
      "not a JSON object" },
    { HEAD "\"op\":\"revoke\",\"kind\":\"agent\",\"value\":\"\xff\"}",
      "not a JSON object" },
    { "{}", "\"id\" or \"at\" is missing" },
    { "{\"id\":\"a\",\"op\":\"revoke\",\"kind\":\"agent\",\"value\":\"a\"}",
      "\"id\" or \"at\" is missing" },
    { HEAD "\"kind\":\"agent\",\"value\":\"a\"}", "no such operation" },
    { HEAD "\"op\":\"revoke\",\"value\":\"a\"}", "no such operation" },
    { HEAD "\"op\":\"forget\",\"kind\":\"agent\",\"value\":\"a\"}",
      "unknown \"op\"" },
    { HEAD "\"op\":1,\"kind\":\"agent\",\"value\":\"a\"}", "unknown \"op\"" },
    { HEAD "\"op\":\"revoke\",\"kind\":\"tok\",\"value\":\"a\"}",
      "unknown \"kind\"" },
    { HEAD "\"op\":\"revoke\",\"kind\":\"agent\"}", "\"value\" is missing" },
    { HEAD "\"op\":\"revoke\",\"kind\":\"agent\",\"value\":7}",
      "\"value\" is not a string" },
    { HEAD "\"op\":\"revoke\",\"kind\":\"agent\",\"value\":\"a\",\"befor\":1}",
      "unknown member" },
    { HEAD "\"op\":\"revoke\",\"kind\":\"jti\",\"value\":\"a\"}",
      "\"jti\" needs an \"issuer\"" },
    { HEAD "\"op\":\"revoke\",\"kind\":\"agent\",\"issuer\":\"i\","
      "\"value\":\"a\"}", "\"agent\" goes without \"issuer\"" },
    { HEAD "\"op\":\"revoke\",\"kind\":\"token\",\"value\":\"" B64 "\"}",
      "64 digits" },
    { HEAD "\"op\":\"revoke\",\"kind\":\"jwk\",\"value\":\"" HEX "\"}",
      "43 characters" },
    { HEAD "\"op\":\"revoke\",\"kind\":\"jwk\",\"value\":"
      "\"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xt\"}", "43 characters" },
    { HEAD "\"op\":\"revoke\",\"kind\":\"key\",\"value\":\"a b\"}",
      "not the id of a key" },
    { HEAD "\"op\":\"suspend\",\"kind\":\"agent\",\"value\":\"a\"}",
      "only a \"key\"" },
    { HEAD "\"op\":\"revoke\",\"kind\":\"key\",\"value\":\"a\",\"before\":1}",
      "\"before\" goes with" },
    { HEAD "\"op\":\"unrevoke\",\"kind\":\"agent\",\"value\":\"a\","
      "\"before\":1}", "\"before\" goes with" },
    { HEAD "\"op\":\"resume\",\"kind\":\"key\",\"value\":\"a\","
      "\"expires\":1}", "\"expires\" goes with" },
    { HEAD "\"op\":\"revoke\",\"kind\":\"agent\",\"value\":\"a\","
      "\"expires\":0}", "\"expires\" is not in milliseconds" },
    { HEAD "\"op\":\"revoke\",\"kind\":\"agent\",\"value\":\"a\","
      "\"expires\":-5}", "\"expires\" is not in milliseconds" },
    { HEAD "\"op\":\"revoke\",\"kind\":\"agent\",\"value\":\"a\","
      "\"expires\":-9223372036854775808}", "\"expires\" is not a time" },
    { HEAD "\"op\":\"revoke\",\"kind\":\"agent\",\"value\":\"a\","
      "\"expires\":253402300800000}", "\"expires\" is not in milliseconds" },
    { HEAD "\"op\":\"revoke\",\"kind\":\"agent\",\"value\":\"a\","
      "\"expires\":1.5}", "\"expires\" is not an integer" },
    { "{\"id\":\"a b\",\"at\":1,\"op\":\"revoke\",\"kind\":\"agent\","
      "\"value\":\"a\"}", "\"id\" is not 1 to 64" }
};


int
main(void)
{
    test_good();
    test_bad();
    test_names();
    test_round();
    test_check();
    test_hash();

    return tap_done();
}


static void
test_good(void)
{
    char                err[AGENT_ERROR_LEN];
    size_t              i;
    agent_revocation_t  rev;

    for (i = 0; samples[i].err == NULL; i++) {
        ok(parse(samples[i].line, &rev, err) == 0
           && agent_revocation_check(&rev, err) == 0,
           "good: %s", samples[i].line);
    }

    (void) parse(samples[2].line, &rev, err);

    ok(rev.op == AGENT_REVOKE && rev.kind == AGENT_REVOKED_SUBJECT
       && rev.before == 1 && rev.expires == 2
       && rev.at == INT64_C(1800000000000), "its numbers");
    is_str(rev.issuer.data, rev.issuer.len, "i", "its issuer");
    is_str(rev.value.data, rev.value.len, "s", "its value");
    is_str(rev.id.data, rev.id.len, "a-1", "its id");
}


static void
test_bad(void)
{
    char                err[AGENT_ERROR_LEN], *line;
    size_t              i;
    agent_revocation_t  rev;

    for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {

        if (samples[i].err) {
            err[0] = '\0';

            ok(parse(samples[i].line, &rev, err) == -1
               && strstr(err, samples[i].err),
               "bad: %s: %s", samples[i].line, err);
        }
    }

    line = malloc(AGENT_REVOCATION_LINE_MAX);
    memset(line, ' ', AGENT_REVOCATION_LINE_MAX);

    ok(agent_revocation_parse((uint8_t *) line, AGENT_REVOCATION_LINE_MAX,
                              octets, &rev, err)
       == -1, "too long a line");
    free(line);
}


static void
test_names(void)
{
    int          i;
    agent_str_t  name;

    for (i = 0; i < AGENT_REVOCATION_KINDS; i++) {
        ok(agent_revocation_kind(agent_revocation_kind_name(i)) == i,
           "kind %d", i);
    }

    for (i = 0; i < AGENT_REVOCATION_OPS; i++) {
        ok(agent_revocation_op(agent_revocation_op_name(i)) == i, "op %d", i);
    }

    name = text("");
    ok(agent_revocation_kind(&name) == -1 && agent_revocation_op(&name) == -1,
       "an empty name is none");
}


/* what is written says what it was written of, whatever that is */

static void
test_round(void)
{
    char                err[AGENT_ERROR_LEN];
    size_t              i, len;
    uint8_t             value[AGENT_REVOCATION_VALUE_MAX];
    uint8_t             line[AGENT_REVOCATION_LINE_MAX];
    agent_revocation_t  rev, read;

    memset(&rev, 0, sizeof(rev));

    for (i = 0; i < sizeof(value); i++) {
        value[i] = (uint8_t) (1 + i % 127);
    }

    rev.op = AGENT_REVOKE;
    rev.kind = AGENT_REVOKED_SUBJECT;
    rev.issuer.data = value;
    rev.issuer.len = sizeof(value);
    rev.value = rev.issuer;
    rev.cause = rev.issuer;
    rev.by = text("\xff");
    rev.id = text("x:1.2_3-4");
    rev.before = AGENT_REVOCATION_NONE;
    rev.expires = 77;
    rev.at = 5;

    len = agent_revocation_write(line, &rev);

    ok(len > 0 && line[len - 1] == '\n', "the longest line is written");
    ok(memchr(line, '\n', len) == line + len - 1, "it is one line");
    ok(agent_revocation_parse(line, len - 1, octets, &read, err) == 0,
       "and read");
    ok(agent_str_eq(&read.issuer, &rev.issuer)
       && agent_str_eq(&read.value, &rev.value)
       && agent_str_eq(&read.id, &rev.id), "its texts are what they were");
    ok(read.cause.len <= AGENT_REVOCATION_CAUSE_MAX && read.cause.len > 200
       && read.expires == 77 && read.before == AGENT_REVOCATION_NONE,
       "its cause is cut");

    memset(value, 1, sizeof(value));

    len = agent_revocation_write(line, &rev);
    ok(len > 0 && len < AGENT_REVOCATION_LINE_MAX
       && agent_revocation_parse(line, len - 1, octets, &read, err) == 0
       && agent_str_eq(&read.value, &rev.value), "all of it escaped");

    rev.at = AGENT_REVOCATION_NONE;
    ok(agent_revocation_write(line, &rev) == 0, "not without a time");
}


static void
test_check(void)
{
    char                err[AGENT_ERROR_LEN];
    uint8_t             value[AGENT_REVOCATION_VALUE_MAX + 1];
    agent_revocation_t  rev;

    (void) parse(samples[2].line, &rev, err);

    rev.value = text("\xc3");
    ok(agent_revocation_check(&rev, err) == -1, "a value that is not UTF-8");

    rev.value.data = (const uint8_t *) "a\0b";
    rev.value.len = 3;
    ok(agent_revocation_check(&rev, err) == -1, "a value with NUL");

    memset(value, 'a', sizeof(value));
    rev.value.data = value;
    rev.value.len = sizeof(value);
    ok(agent_revocation_check(&rev, err) == -1, "a value that is too long");

    rev.value.len--;
    ok(agent_revocation_check(&rev, err) == 0, "and one that is not");

    rev.kind = AGENT_REVOCATION_KINDS;
    ok(agent_revocation_check(&rev, err) == -1, "a kind out of range");
}


static void
test_hash(void)
{
    char                err[AGENT_ERROR_LEN];
    uint8_t             secret[AGENT_SIPHASH_KEY] = { 1 }, digest[32];
    size_t              n;
    uint64_t            issuer, one, two;
    agent_str_t         i;
    agent_revocation_t  rev;

    i = text("i");
    issuer = agent_revocation_issuer_hash(secret, &i);

    (void) parse(samples[2].line, &rev, err);
    one = agent_revocation_entry_hash(secret, &rev);

    ok(one == agent_revocation_hash(secret, AGENT_REVOKED_SUBJECT, issuer,
                                    (const uint8_t *) "s", 1),
       "an entry and claims have one hash");
    ok(one != agent_revocation_hash(secret, AGENT_REVOKED_CLIENT, issuer,
                                    (const uint8_t *) "s", 1),
       "another kind has another");
    ok(one != agent_revocation_hash(secret, AGENT_REVOKED_SUBJECT, issuer + 1,
                                    (const uint8_t *) "s", 1),
       "another issuer has another");

    secret[0] = 2;
    ok(one != agent_revocation_entry_hash(secret, &rev),
       "another secret has another");

    (void) parse(samples[0].line, &rev, err);
    (void) agent_unhex(digest, 32, (const uint8_t *) HEX);

    ok(agent_revocation_entry_hash(secret, &rev)
       == agent_revocation_hash(secret, AGENT_REVOKED_TOKEN, 0, digest, 32),
       "of a token its digest");

    (void) agent_b64url_decode(digest, &n, (const uint8_t *) B64, 43);

    (void) parse(samples[7].line, &rev, err);
    one = agent_revocation_entry_hash(secret, &rev);
    ok(one == agent_revocation_hash(secret, AGENT_REVOKED_JWK, 0, digest, 8),
       "of a key that signs the id that claims have");

    (void) parse(samples[10].line, &rev, err);
    two = agent_revocation_entry_hash(secret, &rev);
    ok(two == agent_revocation_hash(secret, AGENT_REVOKED_CERTIFICATE, 0,
                                    digest, 32),
       "of a certificate its thumbprint");
}


static int
parse(const char *line, agent_revocation_t *rev, char *err)
{
    return agent_revocation_parse((const uint8_t *) line, strlen(line), octets,
                                  rev, err);
}


static agent_str_t
text(const char *s)
{
    agent_str_t  str;

    str.data = (const uint8_t *) s;
    str.len = strlen(s);

    return str;
}
