
/*
 * The JSON writer.  Without this an octet that a client sent could end a line
 * of the audit log, forge a member of it, break its UTF-8, or be written past
 * the end of the buffer (U-04, U-05).
 */

#include "tap.h"

#include "agent_json.h"


#define GUARD  0xa5


static void test_every_octet(void);
static void test_every_pair(void);
static void test_hostile(void);
static void test_copy(void);
static void test_caps(void);
static void test_caps_random(void);
static void test_room(void);
static void test_uint(void);
static void test_members(void);
static size_t escape(const uint8_t *src, size_t len, size_t cap, char *dst);
static size_t sequence(const uint8_t *p, size_t len);
static int writes(const uint8_t *src, size_t len, size_t cap);
static void shows(const char *source, size_t len, size_t cap,
    const char *expected, unsigned cut);
static unsigned next_random(void);


int
main(void)
{
    test_every_octet();
    test_every_pair();
    test_hostile();
    test_copy();
    test_caps();
    test_caps_random();
    test_room();
    test_uint();
    test_members();

    return tap_done();
}


/* each octet alone, and at each place of strings of 1 to 40 octets */

static void
test_every_octet(void)
{
    size_t    len, at;
    uint8_t   text[40];
    unsigned  c, wrong;

    for (c = 0, wrong = 0; c < 256; c++) {
        for (len = 1; len <= sizeof(text); len++) {
            for (at = 0; at < len; at++) {

                memset(text, 'a', sizeof(text));
                text[at] = (uint8_t) c;

                wrong += !writes(text, len, 256);
            }
        }
    }

    ok(wrong == 0, "each octet, at each place: %u wrong", wrong);
}


static void
test_every_pair(void)
{
    uint8_t   text[20];
    unsigned  c, wrong;

    for (c = 0, wrong = 0; c < 65536; c++) {

        memset(text, 'a', sizeof(text));
        text[15] = (uint8_t) (c >> 8);
        text[16] = (uint8_t) c;

        wrong += !writes(text, sizeof(text), 256);
        wrong += !writes(text + 15, 2, 256);
    }

    ok(wrong == 0, "each pair of octets: %u wrong", wrong);
}


static void
test_hostile(void)
{
    shows("", 0, 9, "", 0);
    shows("plain", 5, 9, "plain", 0);
    shows("a\"b\\c", 5, 9, "a\\\"b\\\\c", 0);
    shows("\b\t\n\f\r", 5, 9, "\\b\\t\\n\\f\\r", 0);
    shows("\0\x01\x1f\x7f", 4, 9, "\\u0000\\u0001\\u001f\\u007f", 0);
    shows("\x1b[31m", 5, 9, "\\u001b[31m", 0);
    shows("\xc2\x80\xc2\x9f\xc2\xa0", 6, 9, "\\u0080\\u009f\xc2\xa0", 0);
    shows("\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa", 12, 12,
          "\xe2\x80\xa7\\u2028\\u2029\xe2\x80\xaa", 0);
    shows("\xf0\x9f\xa4\x96", 4, 9, "\xf0\x9f\xa4\x96", 0);
    shows("gr\xc3\xbc\xc3\x9f", 6, 9, "gr\xc3\xbc\xc3\x9f", 0);

    /* RFC 3629, 4 and 10: overlong, surrogates, too large, too short */

    shows("\xc0\xaf", 2, 9, "\xef\xbf\xbd\xef\xbf\xbd", 0);
    shows("\xe0\x9f\xbf", 3, 9, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", 0);
    shows("\xed\xa0\x80", 3, 9, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", 0);
    shows("\xf4\x90\x80\x80", 4, 9,
          "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", 0);
    shows("\xe2\x82", 2, 9, "\xef\xbf\xbd\xef\xbf\xbd", 0);
    shows("\xe2\"", 2, 9, "\xef\xbf\xbd\\\"", 0);
    shows("\x80", 1, 9, "\xef\xbf\xbd", 0);
    shows("\xff\xfe", 2, 9, "\xef\xbf\xbd\xef\xbf\xbd", 0);
}


/* the quick way says yes to nothing that has to be escaped, and to all else */

static void
test_copy(void)
{
    size_t    len, at;
    uint8_t   text[64], copy[64];
    unsigned  c, plain, wrong;

    for (c = 0, wrong = 0; c < 256; c++) {

        plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';

        for (len = 1; len <= 48; len++) {
            for (at = 0; at < len; at++) {

                memset(text, 'x', sizeof(text));
                memset(copy, GUARD, sizeof(copy));
                text[at] = (uint8_t) c;

                wrong += agent_json_copy(copy, text, len) != plain;
                wrong += plain && memcmp(copy, text, len) != 0;
                wrong += copy[len] != GUARD;
            }
        }
    }

    ok(wrong == 0, "plain strings are copied, others are not: %u wrong",
       wrong);
}


static void
test_caps(void)
{
    shows("abcdef", 6, 6, "abcdef", 0);
    shows("abcdefg", 7, 6, "abcdef", 1);
    shows("abcdefg", 7, 0, "", 1);

    /* a sequence goes as a whole, what is none is cut anywhere */

    shows("abc\xc3\xbc", 5, 4, "abc", 1);
    shows("abc\xc3\xbc", 5, 5, "abc\xc3\xbc", 0);
    shows("ab\xe2\x82\xac", 5, 3, "ab", 1);
    shows("ab\xe2\x82\xac", 5, 4, "ab", 1);
    shows("ab\xe2\x82\xac!", 6, 5, "ab\xe2\x82\xac", 1);
    shows("a\xf0\x9f\xa4\x96", 5, 2, "a", 1);
    shows("a\xf0\x9f\xa4\x96", 5, 3, "a", 1);
    shows("a\xf0\x9f\xa4\x96", 5, 4, "a", 1);
    shows("\xf0\x9f\xa4\x96", 4, 3, "", 1);
    shows("ab\x80\x80\x80\x80", 6, 4, "ab\xef\xbf\xbd\xef\xbf\xbd", 1);
    shows("ab\xe2\x82!", 5, 4, "ab\xef\xbf\xbd\xef\xbf\xbd", 1);

    /* the cap counts octets of the source */

    shows("\x01\x01\x01", 3, 2, "\\u0001\\u0001", 1);
}


static void
test_caps_random(void)
{
    size_t                i, len;
    uint8_t               text[96];
    unsigned              n, wrong;
    static const uint8_t  palette[] = "aZ 09/\"\\\n\x1b\x7f\x80\xa8\xbf\xc2\x9f"
                                      "\xc3\xbc\xe2\x80\xa8\xed\xa0\xf0\x9f\x96"
                                      "\xf4\x8f\xff";

    for (n = 0, wrong = 0; n < 300000; n++) {

        len = next_random() % sizeof(text);

        for (i = 0; i < len; i++) {
            text[i] = next_random() % 3
                      ? palette[next_random() % (sizeof(palette) - 1)] : 'a';
        }

        wrong += !writes(text, len, next_random() % sizeof(text));
    }

    ok(wrong == 0, "300000 random strings, cut anywhere: %u wrong", wrong);
}


/* into every size of buffer: nothing past its end, all or the flag */

static void
test_room(void)
{
    size_t              size, full;
    uint8_t             buf[256];
    unsigned            wrong;
    agent_str_t         value;
    agent_json_t        json;
    static const char   text[] = "plain text of some length \"\x01\xff\xc3\xbc";

    value.data = (const uint8_t *) text;
    value.len = sizeof(text) - 1;

    for (size = 0, full = 0, wrong = 0; size < 200; size++) {

        memset(buf, GUARD, sizeof(buf));
        agent_json_init(&json, buf, size);

        agent_json_string(&json, "name", &value, 256);
        agent_json_number(&json, "n", UINT64_MAX);
        agent_json_escaped(&json, &value, 256);
        agent_json_uint(&json, 7);
        agent_json_literal(&json, "end");

        wrong += json.pos > buf + size;
        wrong += buf[size] != GUARD;

        if (!json.overflow && full == 0) {
            full = size;
        }

        wrong += full != 0 && json.overflow;
    }

    ok(wrong == 0, "nothing is written past the end: %u wrong", wrong);
    ok(full > 100 && full < 180, "from %u octets on all of it fits",
       (unsigned) full);
}


static void
test_uint(void)
{
    int           len;
    char          expected[24];
    uint8_t       buf[32];
    uint64_t      n, power;
    unsigned      wrong, i, j;
    agent_json_t  json;

    for (i = 0, wrong = 0, power = 1; i < 20; i++, power *= 10) {
        for (j = 0; j < 30000; j++) {

            n = (i == 0) ? j : (i == 19 && j & 1) ? UINT64_MAX - j
                : power - 15000 + j;

            len = snprintf(expected, sizeof(expected), "%llu",
                           (unsigned long long) n);

            agent_json_init(&json, buf, sizeof(buf));
            agent_json_uint(&json, n);

            wrong += json.overflow || json.pos - buf != len
                     || memcmp(buf, expected, (size_t) len) != 0;
        }
    }

    ok(wrong == 0, "600000 numbers: %u wrong", wrong);
}


static void
test_members(void)
{
    uint8_t       buf[256];
    agent_str_t   value = agent_string("v"), empty = { 0, NULL };
    agent_json_t  json;

    agent_json_init(&json, buf, sizeof(buf));

    agent_json_literal(&json, "{");
    agent_json_string(&json, "empty", &empty, 9);
    agent_json_open(&json, "o", "s", &value, 9);
    agent_json_number(&json, "zero", 0);
    agent_json_number(&json, "n", 42);
    agent_json_close(&json, ",");
    agent_json_string(&json, "t", &value, 9);
    agent_json_close(&json, "\n");

    is_str(buf, (size_t) (json.pos - buf),
           "{\"o\":{\"s\":\"v\",\"n\":42},\"t\":\"v\"}\n",
           "members, and those that are not there");
    ok(!json.overflow && !json.cut, "no flag is set");
}


/* the same by other means: an octet at a time, with the cap applied first */

static size_t
escape(const uint8_t *src, size_t len, size_t cap, char *dst)
{
    char     *p;
    size_t    i, n;
    unsigned  code;

    p = dst;

    for (i = 0; i < len; i += n) {

        n = sequence(src + i, len - i);

        if (i + (n ? n : 1) > cap) {
            break;
        }

        code = (n == 1) ? src[i]
               : (n == 2) ? (src[i] & 0x1fu) << 6 | (src[i + 1] & 0x3fu)
               : (n == 3) ? (src[i] & 0xfu) << 12 | (src[i + 1] & 0x3fu) << 6
                            | (src[i + 2] & 0x3fu)
               : 0;

        if (n == 0) {
            p += sprintf(p, "\xef\xbf\xbd");
            n = 1;

        } else if (code == '"' || code == '\\') {
            p += sprintf(p, "\\%c", (char) code);

        } else if (n == 1 && code && strchr("\b\t\n\f\r", (int) code)) {
            p += sprintf(p, "\\%c", "btnxfr"[code - 8]);

        } else if (n < 4 && (code < 0x20 || (code >= 0x7f && code < 0xa0)
                             || code == 0x2028 || code == 0x2029))
        {
            p += sprintf(p, "\\u%04x", code);

        } else {
            memcpy(p, src + i, n);
            p += n;
        }
    }

    return (size_t) (p - dst);
}


/* the length of the sequence at p by its code point, 0: none */

static size_t
sequence(const uint8_t *p, size_t len)
{
    size_t    i, n;
    uint32_t  code;

    n = (p[0] < 0x80) ? 1 : (p[0] >> 5 == 6) ? 2 : (p[0] >> 4 == 14) ? 3
        : (p[0] >> 3 == 30) ? 4 : 0;

    if (n < 2) {
        return n;
    }

    code = p[0] & (0x7fu >> n);

    for (i = 1; i < n; i++) {
        if (i >= len || p[i] >> 6 != 2) {
            return 0;
        }

        code = code << 6 | (p[i] & 0x3fu);
    }

    if (code < (n == 2 ? 0x80u : n == 3 ? 0x800u : 0x10000u)
        || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
    {
        return 0;
    }

    return n;
}


static int
writes(const uint8_t *src, size_t len, size_t cap)
{
    char          expected[1024];
    size_t        n;
    uint8_t       buf[1024];
    agent_str_t   value;
    agent_json_t  json;

    value.len = len;
    value.data = src;

    agent_json_init(&json, buf, sizeof(buf));
    agent_json_escaped(&json, &value, cap);

    n = escape(src, len, cap, expected);

    return !json.overflow && json.cut == (len > cap)
           && (size_t) (json.pos - buf) == n && memcmp(buf, expected, n) == 0;
}


static void
shows(const char *source, size_t len, size_t cap, const char *expected,
    unsigned cut)
{
    uint8_t       buf[256];
    agent_str_t   value;
    agent_json_t  json;

    value.len = len;
    value.data = (const uint8_t *) source;

    agent_json_init(&json, buf, sizeof(buf));
    agent_json_escaped(&json, &value, cap);

    is_str(buf, (size_t) (json.pos - buf), expected,
           "%u octets, at most %u of them", (unsigned) len, (unsigned) cap);
    ok(json.cut == cut && !json.overflow, "cut: %u", cut);
}


/* the same numbers each time */

static unsigned
next_random(void)
{
    static uint64_t  state = 88172645463325252u;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;

    return (unsigned) (state >> 33);
}
