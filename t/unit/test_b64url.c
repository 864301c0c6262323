
/*
 * Without this one token could be spelled in several ways, and pass a table of
 * revoked or used ones under another digest than it was put there by (W-01,
 * W-03).
 */

#include "agent_b64url.h"
#include "tap.h"

#include <stdlib.h>


static void published(void);
static void lengths(void);
static void characters(void);
static void tails(void);
static int decode(const char *text);


static size_t   n;
static uint8_t  out[256];


int
main(void)
{
    published();
    lengths();
    characters();
    tails();

    return tap_done();
}


/* RFC 4648, 10, without the padding; RFC 7515, A.1.1 */

static void
published(void)
{
    size_t   i, len;
    uint8_t  text[64];

    static const char  *pairs[][2] = {
        { "", "" }, { "f", "Zg" }, { "fo", "Zm8" }, { "foo", "Zm9v" },
        { "foob", "Zm9vYg" }, { "fooba", "Zm9vYmE" }, { "foobar", "Zm9vYmFy" },
        { "{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}",
          "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9" },
        { "\xfb\xff\xbf", "-_-_" }
    };

    for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        ok(decode(pairs[i][1]) == 0, "decoded: %s", pairs[i][1]);
        is_str(out, n, pairs[i][0], "to the right octets");

        len = (size_t) (agent_b64url_encode(text,
                            (const uint8_t *) pairs[i][0],
                            strlen(pairs[i][0])) - text);
        is_str(text, len, pairs[i][1], "and encoded");
    }
}


/* each length comes back, in exactly the room that the macros say */

static void
lengths(void)
{
    size_t    i, len, wrong;
    uint8_t  *data, *text, *again;

    for (len = 0, wrong = 0; len < 200; len++) {
        data = malloc(len + 1);
        text = malloc(agent_b64url_room(len) + 1);
        again = malloc(agent_b64url_octets(agent_b64url_room(len)) + 1);

        for (i = 0; i < len; i++) {
            data[i] = (uint8_t) (i * 151 + len);
        }

        wrong += (agent_b64url_encode(text, data, len)
                  != text + agent_b64url_room(len));
        wrong += (agent_b64url_octets(agent_b64url_room(len)) != len);
        wrong += (agent_b64url_decode(again, &n, text, agent_b64url_room(len))
                  != 0);
        wrong += (n != len || memcmp(again, data, len) != 0);

        free(data);
        free(text);
        free(again);
    }

    ok(wrong == 0, "all lengths up to 200");
}


/* each octet at each place of a group, and of each tail */

static void
characters(void)
{
    int       c, good;
    char      text[8];
    size_t    len, at, wrong;

    for (len = 4, wrong = 0; len <= 7; len++) {
        for (at = 0; at < len; at++) {
            for (c = 0; c < 256; c++) {
                memset(text, 'A', len);
                text[at] = (char) c;

                good = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
                       || (c >= 'a' && c <= 'z') || c == '-' || c == '_';

                if (agent_b64url_decode(out, &n, (uint8_t *) text, len) == 0) {
                    wrong += !good || len == 5 || n == 0;

                } else {
                    wrong += n != 0
                             || (good && (len == 4 || at < len - 1)
                                 && len != 5);
                }
            }
        }
    }

    ok(wrong == 0, "64 characters, and no other octet anywhere");

    ok(decode("Zg==") != 0 && decode("Zm8=") != 0, "no padding");
    ok(decode("Zm 9v") != 0 && decode("Zm9v\n") != 0 && decode(" Zm9v") != 0,
       "no white space");
    ok(decode("+/+/") != 0, "not the alphabet of plain base64");
    ok(decode("A") != 0 && decode("Zm9vA") != 0, "no character left over");
}


/* of all endings exactly one stands for each octet, or two */

static void
tails(void)
{
    int       a, b, c;
    size_t    two, three;
    uint8_t   text[3];

    for (a = 0, two = 0, three = 0; a < 256; a++) {
        for (b = 0; b < 256; b++) {
            text[0] = (uint8_t) a;
            text[1] = (uint8_t) b;
            two += (agent_b64url_decode(out, &n, text, 2) == 0);

            for (c = '-'; c <= 'z'; c++) {
                text[2] = (uint8_t) c;
                three += (agent_b64url_decode(out, &n, text, 3) == 0);
            }
        }
    }

    ok(two == 256, "256 spellings of one octet: %zu", two);
    ok(three == 65536, "65536 spellings of two octets: %zu", three);
}


static int
decode(const char *text)
{
    return agent_b64url_decode(out, &n, (const uint8_t *) text, strlen(text));
}
