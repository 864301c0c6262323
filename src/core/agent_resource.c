
#include "agent_resource.h"


static int agent_resource_chars(const agent_str_t *text);
static size_t agent_resource_find(const uint8_t *p, size_t len, uint8_t c);
static int agent_resource_authority(const agent_str_t *authority,
    unsigned tls, char *err);
static int agent_resource_port(const uint8_t *p, size_t len);
static int agent_resource_host(const agent_str_t *host);
static int agent_resource_loopback(const agent_str_t *host);
static int agent_resource_segments(const agent_str_t *path, char *err);
static int agent_resource_dots(const uint8_t *p, size_t len);
static int agent_resource_hex(uint8_t c);


#define AGENT_HTTPS  "https://"
#define AGENT_HTTP   "http://"


#define agent_resource_begins(s, text)                                        \
    ((s)->len > sizeof(text) - 1                                              \
     && memcmp((s)->data, text, sizeof(text) - 1) == 0)

#define agent_is_digit(c)  ((c) >= '0' && (c) <= '9')

#define agent_is_alpha(c)                                                     \
    (((c) >= 'a' && (c) <= 'z') || ((c) >= 'A' && (c) <= 'Z'))


int
agent_resource_parse(const agent_str_t *uri, agent_resource_t *resource,
    char *err)
{
    size_t       scheme, end, query;
    unsigned     tls;
    agent_str_t  authority;

    memset(resource, 0, sizeof(agent_resource_t));

    if (uri->len > AGENT_RESOURCE_MAX) {
        return agent_fail(err, "it is longer than %d octets",
                          AGENT_RESOURCE_MAX);
    }

    tls = agent_resource_begins(uri, AGENT_HTTPS);

    if (!tls && !agent_resource_begins(uri, AGENT_HTTP)) {
        return agent_fail(err, "expected \"https://\" and a name");
    }

    if (!agent_resource_chars(uri)) {
        return agent_fail(err, "a fragment, or an octet that a URI must "
                          "percent-encode");
    }

    scheme = tls ? sizeof(AGENT_HTTPS) - 1 : sizeof(AGENT_HTTP) - 1;

    query = agent_resource_find(uri->data, uri->len, '?');
    end = scheme + agent_resource_find(uri->data + scheme, query - scheme,
                                       '/');

    authority.data = uri->data + scheme;
    authority.len = end - scheme;

    if (agent_resource_authority(&authority, tls, err) != 0) {
        return -1;
    }

    resource->origin.data = uri->data;
    resource->origin.len = end;

    resource->path.data = uri->data + end;
    resource->path.len = query - end;

    resource->query.data = uri->data + query;
    resource->query.len = uri->len - query;

    /* RFC 9728, 3.1: a "/" that ends the host is not inserted after */

    if (resource->path.len == 1) {
        resource->path.len = 0;
    }

    return agent_resource_segments(&resource->path, err);
}


/* unreserved, reserved without "#", and "%" HEXDIG HEXDIG: RFC 3986, 2 */

static int
agent_resource_chars(const agent_str_t *text)
{
    size_t   i;
    uint8_t  c;

    for (i = 0; i < text->len; i++) {

        c = text->data[i];

        if (agent_is_alpha(c) || agent_is_digit(c)
            || (c != 0 && strchr("-._~:/?[]@!$&'()*+,;=", c) != NULL))
        {
            continue;
        }

        if (c != '%' || text->len - i < 3
            || agent_resource_hex(text->data[i + 1]) == -1
            || agent_resource_hex(text->data[i + 2]) == -1)
        {
            return 0;
        }

        i += 2;
    }

    return 1;
}


/* where c stands, or len */

static size_t
agent_resource_find(const uint8_t *p, size_t len, uint8_t c)
{
    const uint8_t  *found;

    found = len ? memchr(p, c, len) : NULL;

    return found ? (size_t) (found - p) : len;
}


static int
agent_resource_authority(const agent_str_t *authority, unsigned tls, char *err)
{
    size_t       len;
    agent_str_t  host;

    host = *authority;

    /* a colon after the last bracket, if any, begins the port */

    for (len = host.len; len > 0; len--) {
        if (host.data[len - 1] == ':' || host.data[len - 1] == ']') {
            break;
        }
    }

    if (len > 0 && host.data[len - 1] == ':') {

        if (!agent_resource_port(host.data + len, host.len - len)) {
            return agent_fail(err, "a port is 1 to 65535, and there is no "
                              "user");
        }

        host.len = len - 1;
    }

    if (!agent_resource_host(&host)) {
        return agent_fail(err, "expected a host name or an address in "
                          "its place");
    }

    if (!tls && !agent_resource_loopback(&host)) {
        return agent_fail(err, "\"http://\" is for loopback only, expected "
                          "\"https://\"");
    }

    return 0;
}


static int
agent_resource_port(const uint8_t *p, size_t len)
{
    size_t    i;
    unsigned  port;

    if (len == 0 || len > 5) {
        return 0;
    }

    port = 0;

    for (i = 0; i < len; i++) {

        if (!agent_is_digit(p[i])) {
            return 0;
        }

        port = port * 10 + (p[i] - '0');
    }

    return port >= 1 && port <= 65535;
}


/* a name, an IPv4 address, or an IPv6 address in brackets */

static int
agent_resource_host(const agent_str_t *host)
{
    size_t    i, len;
    uint8_t   c;
    unsigned  literal;

    len = host->len;
    literal = len > 2 && host->data[0] == '[' && host->data[len - 1] == ']';

    for (i = literal; i < len - literal; i++) {

        c = host->data[i];

        if (literal ? (agent_resource_hex(c) == -1 && c != ':' && c != '.')
                    : (!agent_is_alpha(c) && !agent_is_digit(c) && c != '-'
                       && c != '.' && c != '_'))
        {
            return 0;
        }
    }

    return len > 0;
}


static int
agent_resource_loopback(const agent_str_t *host)
{
    size_t  i;

    static const agent_str_t  names[] = {
        agent_string("localhost"), agent_string("[::1]")
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (agent_str_eq(host, &names[i])) {
            return 1;
        }
    }

    if (!agent_resource_begins(host, "127.")) {
        return 0;
    }

    /* 127.evil.example is a name */

    for (i = 0; i < host->len; i++) {
        if (!agent_is_digit(host->data[i]) && host->data[i] != '.') {
            return 0;
        }
    }

    return 1;
}


static int
agent_resource_segments(const agent_str_t *path, char *err)
{
    size_t          i, len;
    const uint8_t  *p;

    for (i = 0; i < path->len; i += len + 1) {

        p = path->data + i + 1;
        len = agent_resource_find(p, path->len - i - 1, '/');

        if (len == 0 && i + 1 < path->len) {
            return agent_fail(err, "a path with an empty segment, which "
                              "servers merge");
        }

        if (agent_resource_dots(p, len)) {
            return agent_fail(err, "a path with \".\", \"..\", an encoded "
                              "\"/\" or control character, which servers "
                              "change or refuse");
        }
    }

    return 0;
}


/* whether a segment, once decoded, is not what a request would have there */

static int
agent_resource_dots(const uint8_t *p, size_t len)
{
    size_t    i, octets;
    uint8_t   c;
    unsigned  dots;

    dots = 0;
    octets = 0;

    for (i = 0; i < len; i++) {

        c = p[i];

        if (c == '%') {
            c = (uint8_t) (agent_resource_hex(p[i + 1]) << 4
                           | agent_resource_hex(p[i + 2]));
            i += 2;

            if (c < 0x20 || c == 0x7f || c == '/') {
                return 1;
            }
        }

        octets++;
        dots += (c == '.');
    }

    return octets && octets <= 2 && dots == octets;
}


uint8_t *
agent_resource_path(const agent_resource_t *resource, uint8_t *dst)
{
    size_t          i;
    const uint8_t  *p;

    p = resource->path.data;

    for (i = 0; i < resource->path.len; i++) {

        if (p[i] == '%') {
            *dst++ = (uint8_t) (agent_resource_hex(p[i + 1]) << 4
                                | agent_resource_hex(p[i + 2]));
            i += 2;
            continue;
        }

        *dst++ = p[i];
    }

    return dst;
}


int
agent_resource_uri_valid(const agent_str_t *text)
{
    size_t       fragment;
    agent_str_t  uri, rest;

    if (!agent_resource_begins(text, AGENT_HTTPS)
        && !agent_resource_begins(text, AGENT_HTTP))
    {
        return 0;
    }

    /* one "#" may stand in it */

    fragment = agent_resource_find(text->data, text->len, '#');

    uri.data = text->data;
    uri.len = fragment;

    rest.data = text->data + fragment;
    rest.len = text->len - fragment;

    if (rest.len) {
        rest.data++;
        rest.len--;
    }

    return agent_resource_chars(&uri) && agent_resource_chars(&rest);
}


static int
agent_resource_hex(uint8_t c)
{
    if (agent_is_digit(c)) {
        return c - '0';
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}
