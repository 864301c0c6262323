
/*
 * JSON of others.  Without this a text that is no JSON to anybody else could be
 * a token's claims to us, a member could be said twice, and one that is nested
 * deeply could take the stack of a worker.
 */

#include "tap.h"

#include "agent_json_tree.h"


static void test_zero(void);
static void test_duplicate(void);
static void test_deep(void);
static void test_kinds(void);
static int taken(const char *text, size_t len);


#define takes(text)  taken(text, sizeof(text) - 1)


int
main(void)
{
    test_zero();
    test_duplicate();
    test_deep();
    test_kinds();

    return tap_done();
}


/* an octet of zero at each place, raw: RFC 8259, 2 and 7 */

static void
test_zero(void)
{
    char    text[128];
    size_t  len, at;

    static const char  good[] =
        "{\"a\":[-12,1.5,1e5,true,null,\"b\"],\"c\":{}, \"d\":0}";

    len = sizeof(good) - 1;

    ok(taken(good, len), "a text");

    for (at = 0; at <= len; at++) {
        memcpy(text, good, at);
        text[at] = '\0';
        memcpy(text + at + 1, good + at, len - at);

        ok(!taken(text, len + 1), "an octet of zero at %d", (int) at);
    }
}


static void
test_duplicate(void)
{
    ok(!takes("{\"a\":1,\"a\":1}"), "a member twice");
    ok(!takes("{\"a\":1,\"\\u0061\":1}"), "the same in another spelling");
    ok(!takes("{\"b\":{\"a\":1,\"a\":1}}"), "further down");
    ok(takes("{\"a\":1,\"A\":1}"), "another one");
}


static void
test_deep(void)
{
    char    text[2 * AGENT_JSON_DEPTH_MAX + 16];
    size_t  n;

    for (n = AGENT_JSON_DEPTH_MAX - 1; n <= AGENT_JSON_DEPTH_MAX; n++) {
        (void) memcpy(text, "{\"a\":", 5);
        (void) memset(text + 5, '[', n);
        (void) memset(text + 5 + n, ']', n);
        text[5 + 2 * n] = '}';

        ok(taken(text, 6 + 2 * n) == (n < AGENT_JSON_DEPTH_MAX),
           "%d arrays in an object", (int) n);
    }
}


static void
test_kinds(void)
{
    ok(!takes(""), "nothing");
    ok(agent_json_tree(NULL, 0, 0) == NULL, "nothing, and nowhere");
    ok(!takes("[]"), "an array");
    ok(!takes("1"), "a number");
    ok(!takes("{} {}"), "two objects");
    ok(!takes("{\"a\":1,}"), "a comma more");
    ok(!takes("{\"a\":\"\xff\"}"), "no UTF-8");
}


/* of a copy that ends where its memory does */

static int
taken(const char *text, size_t len)
{
    char    *copy;
    json_t  *json;

    copy = malloc(len ? len : 1);
    memcpy(copy, text, len);

    json = agent_json_tree((const uint8_t *) copy, len, 0);
    free(copy);

    json_decref(json);

    return json != NULL;
}
