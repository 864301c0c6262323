
/*
 * Without this a token could carry "&" into the request to an authorization
 * server and add a parameter of its own (requirement I-01), or our client id
 * and secret could arrive as others.
 */

#include "agent_form.h"
#include "tap.h"


static void form(const char *text, size_t len, const char *expected);
static void base64(const char *text, const char *expected);
static void octets(void);
static void decoded(void);


int
main(void)
{
    form("", 0, "");
    form("abc-._~XYZ019", 13, "abc-._~XYZ019");
    form("a&token_type_hint=refresh_token", 31,
         "a%26token_type_hint%3Drefresh_token");
    form("+/=% ", 5, "%2B%2F%3D%25%20");
    form("\r\n\0\x7f\xff", 5, "%0D%0A%00%7F%FF");

    /* RFC 4648, 10 */

    base64("", "");
    base64("f", "Zg==");
    base64("fo", "Zm8=");
    base64("foo", "Zm9v");
    base64("foob", "Zm9vYg==");
    base64("fooba", "Zm9vYmE=");
    base64("foobar", "Zm9vYmFy");
    base64("\xff\xef\xfe", "/+/+");

    octets();
    decoded();

    return tap_done();
}


static void
form(const char *text, size_t len, const char *expected)
{
    uint8_t      buf[256], *last;
    agent_str_t  s;

    s.data = (const uint8_t *) text;
    s.len = len;

    last = agent_form_encode(buf, &s);

    is_str(buf, (size_t) (last - buf), expected, "form \"%s\"", expected);
}


static void
base64(const char *text, const char *expected)
{
    uint8_t  buf[64], *last;

    last = agent_base64_encode(buf, (const uint8_t *) text, strlen(text));

    is_str(buf, (size_t) (last - buf), expected, "base64 \"%s\"", expected);
    ok((size_t) (last - buf) == agent_base64_room(strlen(text)),
       "in the room that was told");
}


/* of all octets only the 66 unreserved characters stay */

static void
octets(void)
{
    int          c, kept;
    uint8_t      octet, buf[3];
    agent_str_t  s;

    s.data = &octet;
    s.len = 1;

    for (c = 0, kept = 0; c < 256; c++) {
        octet = (uint8_t) c;
        kept += (agent_form_encode(buf, &s) == buf + 1);
    }

    ok(kept == 66, "66 characters are unreserved");
}


/* one spelling, and what the buffer ends with is not touched */

static void
decoded(void)
{
    int      rc;
    size_t   i, n, len;
    uint8_t  data[1024], text[agent_base64_room(1024)], back[1030], *last;

    static const char  *bad[] = {
        "", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm9v=", "====", "=", "Z===",
        "Zg==Zg==", "Z g=", "Zm9v\n", "-_8=", "Zm9\xe9"
    };

    for (i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t) (i * 7);
    }

    for (len = 1; len <= sizeof(data); len += 1 + len / 3) {
        last = agent_base64_encode(text, data, len);

        memset(back, 0x5a, sizeof(back));
        rc = agent_base64_decode(back, &n, text, (size_t) (last - text));

        ok(rc == 0 && n == len && memcmp(back, data, len) == 0
           && back[len] == 0x5a, "%u octets there and back", (unsigned) len);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        n = 1;
        rc = agent_base64_decode(back, &n, (const uint8_t *) bad[i],
                                 strlen(bad[i]));
        ok(rc == -1 && n == 0, "no base64: %u", (unsigned) i);
    }
}
