
/*
 * Dates of structured fields.  Without this an upstream that says what is no
 * date could put off the end of keys, or bring it on (X-01).
 */

#include "agent_sf.h"
#include "tap.h"


static void test_dates(void);
static void test_others(void);
static int parse(const char *text, size_t len, int64_t *t);


int
main(void)
{
    test_dates();
    test_others();

    return tap_done();
}


/* RFC 9651, 3.3.7 */

static void
test_dates(void)
{
    size_t   i;
    int64_t  t;

    static const struct {
        const char  *text;
        int64_t      t;
    } dates[] = {
        { "@1659578233", 1659578233 },
        { "@0", 0 },
        { "@-1", -1 },
        { "@-0", 0 },
        { "  @1767225600 ", 1767225600 },
        { "@000000000000007", 7 },
        { "@999999999999999", INT64_C(999999999999999) },
        { "@-999999999999999", INT64_C(-999999999999999) }
    };

    for (i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
        t = 42;
        ok(parse(dates[i].text, strlen(dates[i].text), &t) == 0
           && t == dates[i].t, "\"%s\"", dates[i].text);
    }
}


static void
test_others(void)
{
    size_t   i;
    int64_t  t;

    static const char  *others[] = {
        "", " ", "@", "@-", "@ 1", "@+1", "@--1", "@1.0", "@1 2", "@1,@2",
        "@1;a", "@1;a=b", "1659578233", "true", "?1", "@0x1", "@1-", "\t@1",
        "@1\t", "@1\n", "@1\r\n", "@1000000000000000", "@-1000000000000000",
        "@99999999999999999999999999", "@\xd9\xa1",
        "Sun, 11 Nov 2018 23:59:59 GMT"
    };

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        t = 42;
        ok(parse(others[i], strlen(others[i]), &t) == -1 && t == 42,
           "none: \"%s\"", others[i]);
    }

    ok(parse("@1\0", 3, &t) == -1, "an octet of zero behind it");
    ok(parse("@1", 1, &t) == -1, "no more than is there is read");
}


static int
parse(const char *text, size_t len, int64_t *t)
{
    agent_str_t  s;

    s.data = (const uint8_t *) text;
    s.len = len;

    return agent_sf_date(&s, t);
}
