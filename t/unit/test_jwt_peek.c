
/*
 * Whom a token names as its issuer.  Without this a token could be shown to a
 * server that did not issue it, or a hostile one could be read past its end.
 *
 * W-04
 */

#include "tap.h"

#include "agent_b64url.h"
#include "agent_jws.h"
#include "agent_jwt_peek.h"


static void test_issuer(void);
static void test_malformed(void);
static void test_hostile(void);
static agent_reason_e peek(const char *header, const char *claims,
    const char *rest);
static agent_reason_e peek_text(const char *token, size_t len);


static char  issuer[65536];


int
main(void)
{
    test_issuer();
    test_malformed();
    test_hostile();

    return tap_done();
}


static void
test_issuer(void)
{
    ok(peek("{\"alg\":\"RS256\"}", "{\"iss\":\"https://a\"}", ".sig")
       == AGENT_OK && strcmp(issuer, "https://a") == 0, "an issuer");
    ok(peek("{\"alg\":\"none\"}", "{\"iss\":\"\\u0061\"}", ".")
       == AGENT_OK && strcmp(issuer, "a") == 0, "whatever the algorithm");
    ok(peek("{\"alg\":\"x\"}", "{\"iss\":\"a\",\"exp\":1e999}", ".")
       != AGENT_OK, "a number that is none");
    ok(peek("{\"alg\":\"x\"}", "{\"exp\":99999999999999999999,\"iss\":\"a\"}",
            ".") == AGENT_OK, "a large one");

    ok(peek("{\"alg\":\"x\"}", "{}", ".") == AGENT_ISSUER_MISMATCH
       && issuer[0] == '\0', "no issuer");
    ok(peek("{\"alg\":\"x\"}", "{\"iss\":\"\"}", ".")
       == AGENT_ISSUER_MISMATCH, "an empty one");
    ok(peek("{\"alg\":\"x\"}", "{\"iss\":7}", ".")
       == AGENT_ISSUER_MISMATCH, "a number");
    ok(peek("{\"alg\":\"x\"}", "{\"iss\":[\"a\"]}", ".")
       == AGENT_ISSUER_MISMATCH, "an array");
    ok(peek("{\"alg\":\"x\",\"iss\":\"a\"}", "{}", ".")
       == AGENT_ISSUER_MISMATCH, "one in the header only");
}


static void
test_malformed(void)
{
    size_t  i;

    static const struct {
        const char  *header, *claims, *rest, *what;
    } cases[] = {
        { "[]", "{\"iss\":\"a\"}", ".", "a header that is an array" },
        { "{\"alg\":\"x\"}", "[\"a\"]", ".", "claims that are an array" },
        { "{\"alg\":\"x\"}", "\"a\"", ".", "a string" },
        { "{\"alg\":\"x\"}", "", ".", "nothing" },
        { "{\"alg\":\"x\"}", "{\"iss\":\"a\",\"iss\":\"b\"}", ".",
          "two issuers" },
        { "{\"alg\":\"x\",\"alg\":\"y\"}", "{\"iss\":\"a\"}", ".",
          "two algorithms" },
        { "{\"alg\":\"x\"}", "{\"iss\":\"a\"} ,", ".", "something behind" },
        { "{\"alg\":\"x\"}", "{\"iss\":\"a\"}", "", "two parts" },
        { "{\"alg\":\"x\"}", "{\"iss\":\"a\"}", ".a.b", "four" },
        { "{\"alg\":\"x\"}", "{\"iss\":\"a\"}", ".a.b.c", "five: JWE" },
        { "{\"alg\":\"x\"}", "{\"iss\":\"a\"}", "=.", "padding" },
        { "{\"alg\":\"x\"}", "{\"iss\":\"\xff\"}", ".", "no UTF-8" }
    };

    ok(peek("{}", "{\"iss\":\"a\"}", ".") == AGENT_ALGORITHM_REFUSED,
       "no algorithm");
    ok(peek("{\"alg\":1}", "{\"iss\":\"a\"}", ".") == AGENT_ALGORITHM_REFUSED,
       "one that is no string");
    ok(peek("{}", "{\"iss\":\"a\"}", ".a.b") == AGENT_TOKEN_MALFORMED,
       "no JWT first");

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ok(peek(cases[i].header, cases[i].claims, cases[i].rest)
           == AGENT_TOKEN_MALFORMED && issuer[0] == '\0', "malformed: %s",
           cases[i].what);
    }
}


static void
test_hostile(void)
{
    char    *text, *copy;
    size_t   i, wrong;

    static const char  token[] = "eyJhbGciOiJ4In0.eyJpc3MiOiJhIn0.c2ln";

    ok(peek_text(token, sizeof(token) - 1) == AGENT_OK, "a token");

    for (i = 0, wrong = 0; i < sizeof(token) - 1; i++) {
        wrong += peek_text(token, i) == AGENT_OK
                 && i <= (size_t) (strrchr(token, '.') - token);
    }

    ok(wrong == 0, "cut short it is none");

    text = malloc(AGENT_JWS_MAX + 1);

    memset(text, '.', AGENT_JWS_MAX + 1);
    ok(peek_text(text, AGENT_JWS_MAX) == AGENT_TOKEN_MALFORMED, "dots");

    memset(text, 'A', AGENT_JWS_MAX + 1);
    memcpy(text, token, sizeof(token) - 1);
    ok(peek_text(text, AGENT_JWS_MAX) == AGENT_OK, "a long signature");
    ok(peek_text(text, AGENT_JWS_MAX + 1) == AGENT_TOKEN_MALFORMED,
       "one character too many");

    copy = malloc(10016);
    memset(copy, '[', 10016);
    memcpy(copy, "{\"iss\":", 7);
    copy[10015] = '\0';
    ok(peek("{\"alg\":\"x\"}", copy, ".") == AGENT_TOKEN_MALFORMED, "deep");

    free(copy);
    free(text);
}


static agent_reason_e
peek(const char *header, const char *claims, const char *rest)
{
    char            *token;
    uint8_t         *p;
    agent_reason_e   reason;

    token = malloc(agent_b64url_room(strlen(header))
                   + agent_b64url_room(strlen(claims)) + strlen(rest) + 2);

    p = agent_b64url_encode((uint8_t *) token, (const uint8_t *) header,
                            strlen(header));
    *p++ = '.';
    p = agent_b64url_encode(p, (const uint8_t *) claims, strlen(claims));
    memcpy(p, rest, strlen(rest) + 1);

    reason = peek_text(token, strlen(token));

    free(token);

    return reason;
}


/* both token and buffer end where their memory ends */

static agent_reason_e
peek_text(const char *token, size_t len)
{
    uint8_t         *copy, *buf;
    agent_str_t      text, iss;
    agent_reason_e   reason;

    copy = malloc(len ? len : 1);
    buf = malloc(agent_jwt_peek_room(len) + (len == 0));

    memcpy(copy, token, len);

    text.data = copy;
    text.len = len;

    reason = agent_jwt_peek(&text, buf, &iss);

    memcpy(issuer, iss.data, iss.len);
    issuer[iss.len] = '\0';

    free(copy);
    free(buf);

    return reason;
}
