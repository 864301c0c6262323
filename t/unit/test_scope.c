
/*
 * Scopes.  Without this a scope that only begins like the one that is needed
 * could do ("invoices:read" for "invoices:read-all"), and a quote in a scope
 * could break out of the challenge that names it (B-09).
 */

#include "tap.h"

#include "agent_scope.h"


static void test_octets(void);
static void test_next(void);
static void test_contains(void);
static void test_views(void);
static int valid(const char *text, size_t len);
static int contains(const char *set, const char *token);


int
main(void)
{
    test_octets();
    test_next();
    test_contains();
    test_views();

    return tap_done();
}


/* B-09: %x21 / %x23-5B / %x5D-7E */

static void
test_octets(void)
{
    char      text[3];
    size_t    pos, wrong;
    unsigned  c, good;

    for (pos = 0, wrong = 0; pos < 3; pos++) {

        for (c = 0; c < 256; c++) {
            memset(text, 'a', sizeof(text));
            text[pos] = (char) c;

            good = c == 0x21 || (c >= 0x23 && c <= 0x5b)
                   || (c >= 0x5d && c <= 0x7e);

            wrong += (unsigned) valid(text, 3) != good;
            wrong += (unsigned) valid(text + pos, 1) != good;
        }
    }

    ok(wrong == 0, "a token has octets of RFC 6749, 3.3 only");
    ok(!valid("", 0), "a token is not empty");
    ok(!valid(NULL, 0), "nor absent");
    ok(!valid("a b", 3), "a token holds no space");
    ok(!valid("\xc3\xa9", 2), "nor UTF-8");
}


static void
test_next(void)
{
    size_t       n;
    agent_str_t  rest, token;

    agent_str_set(&rest, "  one two   x  ");

    ok(agent_scope_next(&rest, &token) == 1, "a first token");
    is_str(token.data, token.len, "one", "it is one");
    ok(agent_scope_next(&rest, &token) == 1, "a second token");
    is_str(token.data, token.len, "two", "it is two");
    ok(agent_scope_next(&rest, &token) == 1, "a third token");
    is_str(token.data, token.len, "x", "it is x");
    ok(agent_scope_next(&rest, &token) == 0, "no fourth token");
    ok(token.len == 0 && rest.len == 0, "nothing is left");
    ok(agent_scope_next(&rest, &token) == 0, "asked again, no token");

    agent_str_set(&rest, "    ");
    ok(agent_scope_next(&rest, &token) == 0, "spaces only");

    agent_str_set(&rest, "");
    ok(agent_scope_next(&rest, &token) == 0, "empty");

    rest.data = NULL;
    rest.len = 0;
    ok(agent_scope_next(&rest, &token) == 0 && token.len == 0, "NULL");

    /* only the space separates: a tab is an octet of a bad token */

    agent_str_set(&rest, "a\tb\nc\0d");

    for (n = 0; agent_scope_next(&rest, &token); n++) { /* void */ }

    ok(n == 1, "tab, LF and NUL do not separate");
}


static void
test_contains(void)
{
    ok(contains("a", "a"), "the only one");
    ok(contains("a b c", "a"), "the first");
    ok(contains("a b c", "b"), "the middle one");
    ok(contains("a b c", "c"), "the last");
    ok(contains("  a   b ", "b"), "between many spaces");

    ok(!contains("", "a"), "not in an empty set");
    ok(!contains("a", ""), "the empty token is in no set");
    ok(!contains("a  b", ""), "not even between two spaces");
    ok(!contains("", ""), "nor in the empty one");

    ok(!contains("read", "rea"), "no prefix");
    ok(!contains("rea", "read"), "no longer one");
    ok(!contains("read", "ead"), "no suffix");
    ok(!contains("invoices:read-all", "invoices:read"), "no part");
    ok(!contains("x:read y", "read"), "nor behind a colon");
    ok(!contains("Read", "read"), "case counts");
    ok(!contains("a b", "a b"), "two tokens are no token");
    ok(!contains("*", "a"), "no wildcards");
}


/* a set is a view into a larger text and ends where it says */

static void
test_views(void)
{
    agent_str_t  set, token;

    agent_str_set(&token, "write");

    set.data = (const uint8_t *) "read write";
    set.len = 9;
    ok(!agent_scope_contains(&set, &token), "a token behind the end");

    set.len = 10;
    ok(agent_scope_contains(&set, &token), "a token before the end");

    set.data = NULL;
    set.len = 0;
    ok(!agent_scope_contains(&set, &token), "no set at all");
}


static int
valid(const char *text, size_t len)
{
    agent_str_t  token;

    token.data = (const uint8_t *) text;
    token.len = len;

    return agent_scope_token_valid(&token);
}


/* copies that end where their memory ends, for the sanitizer */

static int
contains(const char *set, const char *token)
{
    int          rc;
    uint8_t     *one, *two;
    agent_str_t  s, t;

    s.len = strlen(set);
    t.len = strlen(token);

    one = malloc(s.len + 1);
    two = malloc(t.len + 1);

    s.data = memcpy(one + 1, set, s.len);
    t.data = memcpy(two + 1, token, t.len);

    rc = agent_scope_contains(&s, &t);

    free(one);
    free(two);

    return rc;
}
