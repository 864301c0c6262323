
#include "agent_uri.h"


static size_t agent_uri_scheme(const agent_str_t *uri, uint8_t *dst);
static size_t agent_uri_authority(uint8_t *p, size_t len, int https);
static size_t agent_uri_host(const uint8_t *p, size_t len);
static int agent_uri_copy(uint8_t *dst, size_t *n, const uint8_t *p,
    size_t len, int host);
static int agent_uri_hex(uint8_t c);
static int agent_uri_unreserved(int c);
static size_t agent_uri_dots(uint8_t *p, size_t len);


int
agent_uri_normal(uint8_t *dst, size_t *n, const agent_str_t *uri)
{
    size_t          i, len, host, path;
    const uint8_t  *p;

    *n = 0;

    i = agent_uri_scheme(uri, dst);
    if (i == 0) {
        return -1;
    }

    p = uri->data;

    for (host = i; i < uri->len; i++) {
        if (p[i] == '/' || p[i] == '?' || p[i] == '#') {
            break;
        }
    }

    if (agent_uri_copy(dst + host, &len, p + host, i - host, 1) != 0) {
        return -1;
    }

    len = agent_uri_authority(dst + host, len, dst[4] == 's');
    if (len == 0) {
        return -1;
    }

    dst += host + len;
    *n = host + len;

    for (path = i; i < uri->len && p[i] != '?' && p[i] != '#'; i++) {
        /* void */
    }

    if (agent_uri_copy(dst, &len, p + path, i - path, 0) != 0) {
        *n = 0;
        return -1;
    }

    *n += agent_uri_dots(dst, len);

    return 0;
}


/* octets of "http://" or "https://", or 0 */

static size_t
agent_uri_scheme(const agent_str_t *uri, uint8_t *dst)
{
    size_t  i, len;

    static const char  https[] = "https://";
    static const char  http[] = "http://";

    if (uri->len < sizeof(http)) {
        return 0;
    }

    len = (uri->data[4] | 0x20) == 's' ? sizeof(https) - 1 : sizeof(http) - 1;

    memcpy(dst, len == sizeof(https) - 1 ? https : http, len);

    for (i = 0; i < len; i++) {
        if (uri->data[i] != dst[i]
            && (uri->data[i] < 'A' || uri->data[i] > 'Z'
                || (uri->data[i] | 0x20) != dst[i]))
        {
            return 0;
        }
    }

    return len;
}


/* what is left of host and port, or 0 where they are none */

static size_t
agent_uri_authority(uint8_t *p, size_t len, int https)
{
    size_t  i, port;

    port = agent_uri_host(p, len);

    if (port == 0 || (port < len && p[port] != ':')) {
        return 0;
    }

    for (i = port + 1; i < len; i++) {
        if (p[i] < '0' || p[i] > '9') {
            return 0;
        }
    }

    if (len - port <= 1
        || (https && len - port == 4 && memcmp(p + port, ":443", 4) == 0)
        || (!https && len - port == 3 && memcmp(p + port, ":80", 3) == 0))
    {
        return port;
    }

    return len;
}


/* octets of the host: RFC 3986, 3.2.2 */

static size_t
agent_uri_host(const uint8_t *p, size_t len)
{
    size_t  i;

    if (len > 0 && p[0] == '[') {

        for (i = 1; i < len; i++) {

            if (p[i] == ']') {
                return i + 1;
            }

            if (p[i] != ':' && p[i] != '.' && agent_uri_hex(p[i]) < 0) {
                return 0;
            }
        }

        return 0;
    }

    for (i = 0; i < len && p[i] != ':'; i++) {
        if (p[i] == '@' || p[i] == '[' || p[i] == ']') {
            return 0;
        }
    }

    return i;
}


/* RFC 3986, 6.2.2.1 and 6.2.2.2 */

static int
agent_uri_copy(uint8_t *dst, size_t *n, const uint8_t *p, size_t len,
    int host)
{
    int             c;
    uint8_t        *d;
    const uint8_t  *last;

    static const uint8_t  digits[] = "0123456789ABCDEF";

    d = dst;
    last = p + len;

    while (p < last) {

        c = *p++;

        if (c <= 0x20 || c >= 0x7f) {
            return -1;
        }

        if (c == '%') {

            if (last - p < 2 || agent_uri_hex(p[0]) < 0
                || agent_uri_hex(p[1]) < 0)
            {
                return -1;
            }

            c = agent_uri_hex(p[0]) << 4 | agent_uri_hex(p[1]);
            p += 2;

            if (!agent_uri_unreserved(c)) {
                *d++ = '%';
                *d++ = digits[c >> 4];
                *d++ = digits[c & 0xf];
                continue;
            }
        }

        *d++ = (uint8_t) (host && c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }

    *n = (size_t) (d - dst);

    return 0;
}


static int
agent_uri_hex(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}


static int
agent_uri_unreserved(int c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
           || (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_'
           || c == '~';
}


/* RFC 3986, 5.2.4, in place; what is left */

static size_t
agent_uri_dots(uint8_t *p, size_t len)
{
    size_t  i, j, n;

    n = 0;

    for (i = 0; i < len; i = j) {

        for (j = i + 1; j < len && p[j] != '/'; j++) {
            /* void */
        }

        if (j - i == 2 && p[i + 1] == '.') {

            /* void */

        } else if (j - i == 3 && p[i + 1] == '.' && p[i + 2] == '.') {

            while (n > 0 && p[--n] != '/') {
                /* void */
            }

        } else {
            memmove(p + n, p + i, j - i);
            n += j - i;
            continue;
        }

        if (j == len) {
            p[n++] = '/';
        }
    }

    if (n == 0) {
        p[n++] = '/';
    }

    return n;
}
