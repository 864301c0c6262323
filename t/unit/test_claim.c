
/*
 * One claim as text.  Without this a claim could end a header field or a line
 * of a log (W-27), a claim that is not there could look as if it were, or one
 * of another object could be taken for it.
 */

#include "tap.h"

#include "agent_claim.h"


static void test_types(void);
static void test_path(void);
static void test_hostile(void);
static void test_large(void);
static void test_details(void);
static void test_integers(void);
static void integer(const char *json, const char *expected);
static const char *get(const char *json, size_t n, ...);


int
main(void)
{
    test_types();
    test_path();
    test_hostile();
    test_large();
    test_details();
    test_integers();

    return tap_done();
}


/* those that 64 bits do not hold: their text is at hand all the same */

static void
test_integers(void)
{
    char   *text;
    size_t  i;

    integer("{\"a\":18446744073709551616}", "18446744073709551616");
    integer("{\"a\":-9223372036854775809,\"b\":1}", "-9223372036854775809");
    integer("{\"b\":99999999999999999999,\"a\":7}", "7");
    integer("{\"b\":99999999999999999999,\"a\":9223372036854775807}",
            "9223372036854775807");
    integer("{\"b\":99999999999999999999,\"a\":1234567890123456789.5}",
            "1.2345678901234568e18");
    integer("{\"b\":99999999999999999999,\"a\":12345678901234567890e2}",
            "1.2345678901234568e21");
    integer("{\"b\":99999999999999999999,\"a\":\"12345678901234567890\"}",
            "12345678901234567890");
    integer("{\"b\":99999999999999999999,"
            "\"a\":\"\\\"99999999999999999999\\\\\"}",
            "\"99999999999999999999\\");
    integer("{\"a\":[99999999999999999999,1]}",
            "[\"99999999999999999999\",1]");
    integer("{\"99999999999999999999\":{},\"a\":99999999999999999999 }",
            "99999999999999999999");

    integer("{\"a\":99999999999999999999", NULL);
    integer("99999999999999999999-", NULL);
    integer("-", NULL);
    integer("", NULL);
    integer("\"99999999999999999999\\", NULL);

    /* nothing but such numbers */

    text = malloc(20 * 3000 + 16);
    strcpy(text, "{\"a\":");

    for (i = 0; i < 3000; i++) {
        strcpy(text + 5 + i * 20, i ? ",1234567890123456789" :
                                      "[9999999999999999999");
    }

    strcat(text, "]}");
    integer(text, "");
    free(text);
}


/* expected: NULL, no JSON; empty: some text */

static void
integer(const char *json, const char *expected)
{
    json_t       *tree;
    uint8_t      *copy, *dump;
    agent_str_t   text, name = agent_string("a");

    /* behind its end is nothing */

    text.len = strlen(json);
    copy = malloc(text.len ? text.len : 1);
    memcpy(copy, json, text.len);
    text.data = copy;

    tree = agent_claim_tree(&text);
    free(copy);

    if (tree == NULL || expected == NULL) {
        ok(tree == NULL && expected == NULL, "no JSON: %.40s", json);
        json_decref(tree);
        return;
    }

    dump = NULL;

    if (agent_claim_text(agent_claim_find(tree, &name, 1), &text) == -1) {
        dump = malloc(text.len);
        (void) agent_claim_dump(agent_claim_find(tree, &name, 1), dump, &text);
    }

    if (expected[0] == '\0') {
        ok(text.len > 60000, "many");

    } else {
        is_str(text.data, text.len, expected, "%.60s", json);
    }

    free(dump);
    json_decref(tree);
}


/* RFC 9396, 2: an array of objects with a type */

static void
test_details(void)
{
    int      got;
    size_t   i;
    json_t  *details;

    static const agent_str_t  types[] =
        { agent_string("pay"), agent_string("refund") };

    static const struct {
        const char  *json;
        int          good;
    } cases[] = {
        { "[{\"type\":\"pay\"}]", 1 },
        { "[{\"type\":\"refund\",\"x\":{}},{\"type\":\"pay\"}]", 1 },
        { "[]", 0 },
        { "{\"type\":\"pay\"}", 0 },
        { "[[{\"type\":\"pay\"}]]", 0 },
        { "[\"pay\"]", 0 },
        { "[{\"type\":\"pa\"}]", 0 },
        { "[{\"type\":\"pay\\u0000\"}]", 0 },
        { "[{\"type\":[\"pay\"]}]", 0 },
        { "[{\"type\":\"pay\"},{\"type\":\"x\"}]", 0 },
        { "[{\"type\":\"pay\"},{}]", 0 }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        details = json_loads(cases[i].json, JSON_ALLOW_NUL, NULL);
        got = agent_claim_details(details, types, 2);

        ok(details && got == cases[i].good, "details: %s", cases[i].json);

        json_decref(details);
    }
}


static void
test_types(void)
{
    size_t  i;

    static const struct {
        const char  *json;
        const char  *text;      /* NULL: none */
    } cases[] = {
        { "\"text\"", "text" },
        { "\"\"", "" },
        { "\"a \\\"b\\\" \\\\ c\"", "a \"b\" \\ c" },
        { "\"\xc3\xa9\\u20ac\"", "\xc3\xa9\xe2\x82\xac" },
        { "0", "0" },
        { "-17", "-17" },
        { "9223372036854775807", "9223372036854775807" },
        { "1.5", "1.5" },
        { "true", "true" },
        { "false", "false" },
        { "null", NULL },
        { "[]", "[]" },
        { "[ 1, \"a b\", [ null ] ]", "[1,\"a b\",[null]]" },
        { "{}", "{}" },
        { "{ \"a\": { \"b\": [ true ] } }", "{\"a\":{\"b\":[true]}}" },
        { "[ \"\\n\" ]", "[\"\\n\"]" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        char         json[256];
        const char  *text;

        snprintf(json, sizeof(json), "{\"c\":%s}", cases[i].json);
        text = get(json, 1, "c");

        ok((text == NULL) == (cases[i].text == NULL)
           && (text == NULL || strcmp(text, cases[i].text) == 0),
           "%s", cases[i].json);
    }
}


static void
test_path(void)
{
    const char  *text;

    static const char  json[] =
        "{\"a\":{\"b\":{\"c\":\"deep\"},\"A\":\"upper\",\"\":\"empty\"},"
        "\"x.y\":\"dot\",\"list\":[{\"c\":1}],\"s\":\"text\"}";

    text = get(json, 3, "a", "b", "c");
    ok(text && strcmp(text, "deep") == 0, "three names");
    text = get(json, 2, "a", "A");
    ok(text && strcmp(text, "upper") == 0, "upper case");
    text = get(json, 2, "a", "");
    ok(text && strcmp(text, "empty") == 0, "an empty name");
    text = get(json, 1, "x.y");
    ok(text && strcmp(text, "dot") == 0, "a dot is part of a name");

    ok(get(json, 1, "b") == NULL, "no name of another level");
    ok(get(json, 2, "a", "a") == NULL, "nor case that differs");
    ok(get(json, 2, "x", "y") == NULL, "nor a dot as a level");
    ok(get(json, 2, "list", "0") == NULL, "nor an element of an array");
    ok(get(json, 2, "s", "text") == NULL, "nor a member of a string");
    ok(get(json, 1, "lis") == NULL, "nor a prefix");
    ok(get(json, 1, "list2") == NULL, "nor a longer one");
    ok(get(json, 4, "a", "b", "c", "d") == NULL, "nor below a leaf");
    ok(get("{}", 1, "a") == NULL, "nothing of nothing");
}


/* W-27: no control character comes out, in whatever it is wrapped */

static void
test_hostile(void)
{
    char        json[128];
    size_t      i;
    unsigned    c, wrong;

    static const char *const  forms[] = {
        "{\"c\":\"a%sb\"}", "{\"c\":[\"a%sb\"]}", "{\"c\":{\"a%sb\":1}}"
    };

    for (c = 1, wrong = 0; c < 0x20; c++) {

        char         escaped[8];
        const char  *text;

        snprintf(escaped, sizeof(escaped), "\\u%04x", c);

        for (i = 0; i < 3; i++) {
            snprintf(json, sizeof(json), forms[i], escaped);
            text = get(json, 1, "c");

            wrong += text && (i == 0 || memchr(text, (int) c, strlen(text)));
        }
    }

    ok(wrong == 0, "no control character");
    ok(get("{\"c\":\"a\x7f\"}", 1, "c") == NULL, "nor DEL");
    ok(get("{\"c\":[\"a\x7f\"]}", 1, "c") == NULL, "nor DEL within");
    ok(get("{\"c\":\"a\\r\\nSet-Cookie: x=1\"}", 1, "c") == NULL,
       "nor another field");
}


static void
test_large(void)
{
    char        *json;
    size_t       i, len;
    const char  *text;

    len = 60000;
    json = malloc(len + 16);

    memset(json, 'a', len + 16);
    memcpy(json, "{\"c\":\"", 6);
    memcpy(json + len, "\"}", 3);

    text = get(json, 1, "c");
    ok(text && strlen(text) == len - 6, "a long one");

    memcpy(json, "{\"c\":", 5);

    for (i = 0; i < 1000; i++) {
        json[5 + i] = '[';
        json[1005 + i] = ']';
    }

    memcpy(json + 2005, "}", 2);

    text = get(json, 1, "c");
    ok(text && strlen(text) == 2000, "a deep one");

    free(json);
}


/* the text of a claim, or NULL; static storage, ended by a NUL */

static const char *
get(const char *json, size_t n, ...)
{
    int            rc;
    size_t         i;
    va_list        args;
    json_t        *claims;
    uint8_t       *copy;
    agent_str_t    path[4], text;
    const json_t  *claim;

    static char    out[65536];

    va_start(args, n);

    for (i = 0; i < n; i++) {
        path[i].data = (const uint8_t *) va_arg(args, const char *);
        path[i].len = strlen((const char *) path[i].data);
    }

    va_end(args);

    claims = json_loads(json, 0, NULL);
    claim = agent_claim_find(claims, path, n);

    if (claim == NULL) {
        json_decref(claims);
        return NULL;
    }

    copy = NULL;
    rc = agent_claim_text(claim, &text);

    if (rc == -1) {
        copy = malloc(text.len);
        rc = agent_claim_dump(claim, copy, &text);
    }

    if (rc == 1) {
        memcpy(out, text.data, text.len);
        out[text.len] = '\0';
    }

    free(copy);
    json_decref(claims);

    return rc == 1 ? out : NULL;
}
