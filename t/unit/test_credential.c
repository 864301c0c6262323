
/*
 * The Authorization field.  Without this a scheme that only begins like Bearer
 * could carry a credential, or a value with a control character could reach
 * the log and the upstream (B-01, B-02, B-04).
 */

#include "tap.h"

#include "agent_credential.h"


typedef struct {
    const char      *value;
    agent_scheme_e   scheme;
    const char      *credential;
} sample_t;


static void test_schemes(void);
static void test_scheme_octets(void);
static void test_b64token(void);
static void test_octets(void);
static agent_scheme_e scheme(const char *text, size_t len, uint8_t *credential,
    size_t *credential_len);
static int token(const char *text, size_t len);
static int visible(const char *text, size_t len);


static const sample_t  samples[] = {
    { "Bearer abc", AGENT_SCHEME_BEARER, "abc" },
    { "bearer abc", AGENT_SCHEME_BEARER, "abc" },
    { "BEARER abc", AGENT_SCHEME_BEARER, "abc" },
    { "bEaReR abc", AGENT_SCHEME_BEARER, "abc" },
    { "DPoP abc", AGENT_SCHEME_DPOP, "abc" },
    { "dpop abc", AGENT_SCHEME_DPOP, "abc" },
    { "DPOP abc", AGENT_SCHEME_DPOP, "abc" },

    /* RFC 9110, 11.6.2: 1*SP; what follows is the credential's own matter */

    { "Bearer   abc", AGENT_SCHEME_BEARER, "abc" },
    { "Bearer abc ", AGENT_SCHEME_BEARER, "abc " },
    { "Bearer abc def", AGENT_SCHEME_BEARER, "abc def" },
    { "Bearer abc, DPoP def", AGENT_SCHEME_BEARER, "abc, DPoP def" },
    { "Bearer  \tabc", AGENT_SCHEME_BEARER, "\tabc" },
    { "Bearer", AGENT_SCHEME_BEARER, "" },
    { "Bearer ", AGENT_SCHEME_BEARER, "" },
    { "Bearer    ", AGENT_SCHEME_BEARER, "" },
    { "DPoP", AGENT_SCHEME_DPOP, "" },

    { "", AGENT_SCHEME_OTHER, "" },
    { " ", AGENT_SCHEME_OTHER, "" },
    { " Bearer abc", AGENT_SCHEME_OTHER, "" },
    { "Beare abc", AGENT_SCHEME_OTHER, "" },
    { "Beare", AGENT_SCHEME_OTHER, "" },
    { "Bearerabc", AGENT_SCHEME_OTHER, "" },
    { "Bearer\tabc", AGENT_SCHEME_OTHER, "" },
    { "Bearer:abc", AGENT_SCHEME_OTHER, "" },
    { "Bearer=abc", AGENT_SCHEME_OTHER, "" },
    { "Bearers abc", AGENT_SCHEME_OTHER, "" },
    { "XBearer abc", AGENT_SCHEME_OTHER, "" },
    { "DPo abc", AGENT_SCHEME_OTHER, "" },
    { "DPoPx abc", AGENT_SCHEME_OTHER, "" },
    { "DPoP,abc", AGENT_SCHEME_OTHER, "" },
    { "Basic YTpi", AGENT_SCHEME_OTHER, "" },
    { "Digest x=\"y\"", AGENT_SCHEME_OTHER, "" },
    { "ApiKey abc", AGENT_SCHEME_OTHER, "" },
    { "Token abc", AGENT_SCHEME_OTHER, "" },
    { "agk_0123456789abcdEF", AGENT_SCHEME_OTHER, "" }
};


int
main(void)
{
    test_schemes();
    test_scheme_octets();
    test_b64token();
    test_octets();

    return tap_done();
}


static void
test_schemes(void)
{
    size_t           i, len;
    uint8_t          credential[64];
    agent_str_t      empty, rest;
    const sample_t  *s;

    for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        s = &samples[i];

        ok(scheme(s->value, strlen(s->value), credential, &len) == s->scheme
           && len == strlen(s->credential)
           && memcmp(credential, s->credential, len) == 0,
           "\"%s\"", s->value);
    }

    ok(scheme("Bearer\0abc", 10, credential, &len) == AGENT_SCHEME_OTHER,
       "NUL for the space");
    ok(scheme("Bearer \0abc", 11, credential, &len) == AGENT_SCHEME_BEARER
       && len == 4, "NUL in the credential");

    empty.data = NULL;
    empty.len = 0;

    ok(agent_credential_scheme(&empty, &rest) == AGENT_SCHEME_OTHER
       && rest.len == 0, "no value at all");
}


/* each octet at each place of the scheme: both cases and no other */

static void
test_scheme_octets(void)
{
    char      text[16];
    size_t    i, len, wrong, rest;
    uint8_t   credential[64];
    unsigned  c, good;

    static const char  lower[] = "bearer ";

    for (i = 0, wrong = 0, len = strlen(lower); i < len; i++) {

        for (c = 0; c < 256; c++) {
            memcpy(text, "Bearer abc", 10);
            text[i] = (char) c;

            good = c == (uint8_t) lower[i]
                   || (i < 6 && c == (uint8_t) lower[i] - 0x20u);

            wrong += (scheme(text, 10, credential, &rest)
                      == AGENT_SCHEME_BEARER) != good;
        }
    }

    ok(wrong == 0, "the scheme is compared without case and exactly");
}


/* B-01: b64token = 1*( ALPHA / DIGIT / "-._~+/" ) *"=" */

static void
test_b64token(void)
{
    char      text[35];
    size_t    i, len, wrong;
    unsigned  c, good;

    /* sixteen octets are looked at at once */

    for (len = 4, wrong = 0; len <= sizeof(text); len += 31) {

        for (i = 0; i < len; i++) {

            for (c = 0; c < 256; c++) {
                memset(text, 'a', sizeof(text));
                text[i] = (char) c;

                good = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
                       || (c >= 'a' && c <= 'z')
                       || (c && strchr("-._~+/", (int) c))
                       || (c == '=' && i == len - 1);

                wrong += (unsigned) token(text, len) != good;
            }
        }
    }

    ok(wrong == 0, "a b64token of every octet at each place");

    ok(token("a", 1), "one octet");
    ok(token("a=", 2), "with padding");
    ok(token("a======", 7), "with any padding");
    ok(!token("", 0), "empty");
    ok(!token("=", 1), "padding only");
    ok(!token("====", 4), "more padding only");
    ok(!token("a=a", 3), "padding in the middle");
    ok(!token("=a", 2), "padding in front");
    ok(!token("a b", 3), "two words");
    ok(!token(NULL, 0), "nothing at all");
    ok(token("eyJh.eyJp.c2ln-_~+/", 19), "a JWT and the other signs");
}


static void
test_octets(void)
{
    char      text[3];
    size_t    i, wrong;
    unsigned  c;

    for (i = 0, wrong = 0; i < 3; i++) {

        for (c = 0; c < 256; c++) {
            memset(text, 'a', sizeof(text));
            text[i] = (char) c;

            wrong += visible(text, 3) != (c >= 0x21 && c <= 0x7e);
        }
    }

    ok(wrong == 0, "visible octets are 0x21 to 0x7e");
    ok(!visible("", 0), "and at least one");
    ok(!visible(NULL, 0), "nothing at all");
}


/* all: copies that end where their memory ends, for the sanitizer */

static agent_scheme_e
scheme(const char *text, size_t len, uint8_t *credential,
    size_t *credential_len)
{
    uint8_t         *exact;
    agent_str_t      value, rest;
    agent_scheme_e   got;

    exact = malloc(len ? len : 1);
    memcpy(exact, text, len);

    value.data = exact;
    value.len = len;

    got = agent_credential_scheme(&value, &rest);

    *credential_len = rest.len;
    memcpy(credential, rest.data, rest.len);

    free(exact);

    return got;
}


static int
token(const char *text, size_t len)
{
    int          rc;
    uint8_t     *exact;
    agent_str_t  value;

    exact = malloc(len ? len : 1);

    if (len) {
        memcpy(exact, text, len);
    }

    value.data = len ? exact : NULL;
    value.len = len;

    rc = agent_b64token_valid(&value);
    free(exact);

    return rc;
}


static int
visible(const char *text, size_t len)
{
    int          rc;
    uint8_t     *exact;
    agent_str_t  value;

    exact = malloc(len ? len : 1);

    if (len) {
        memcpy(exact, text, len);
    }

    value.data = len ? exact : NULL;
    value.len = len;

    rc = agent_visible_valid(&value);
    free(exact);

    return rc;
}
