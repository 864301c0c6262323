
/*
 * Identifiers of protected resources.  Without this a document could stand at
 * another address than the one that clients derive (RFC 9728, 3.1), a resource
 * could be one that they must not use (1.2), or an octet of it could break out
 * of the challenge that carries its address.
 *
 * P-01, P-02
 */

#include "tap.h"

#include "agent_resource.h"


static void test_parts(void);
static void test_refused(void);
static void test_loopback(void);
static void test_octets(void);
static void test_decoded(void);
static void test_uri(void);
static int parse(const char *text, agent_resource_t *resource);
static void split(const char *text, const char *origin, const char *path,
    const char *query);
static void refused(const char *text, const char *what);


static char  err[AGENT_ERROR_LEN];


int
main(void)
{
    test_parts();
    test_refused();
    test_loopback();
    test_octets();
    test_decoded();
    test_uri();

    return tap_done();
}


static void
test_parts(void)
{
    split("https://h", "https://h", "", "");
    split("https://h/", "https://h", "", "");
    split("https://h/r1", "https://h", "/r1", "");
    split("https://h/r1/", "https://h", "/r1/", "");
    split("https://h/r1?k=v", "https://h", "/r1", "?k=v");
    split("https://h?k=/v", "https://h", "", "?k=/v");
    split("https://h/?k", "https://h", "", "?k");
    split("https://h:8443/a/b", "https://h:8443", "/a/b", "");
    split("https://[2001:db8::1]:8443/a", "https://[2001:db8::1]:8443", "/a",
          "");
    split("https://a-b.c_d.example/x@y:z", "https://a-b.c_d.example",
          "/x@y:z", "");
    split("https://h/%C3%A9/...", "https://h", "/%C3%A9/...", "");
}


static void
test_refused(void)
{
    char              text[AGENT_RESOURCE_MAX + 2];
    agent_resource_t  r;

    refused("", "nothing");
    refused("h/r1", "no scheme");
    refused("https:", "no authority");
    refused("https://", "an empty one");
    refused("https:///r1", "an empty one and a path");
    refused("https://?x", "an empty one and a query");
    refused("https://:80/", "only a port");
    refused("HTTPS://h/r1", "upper case, which clients do not write");
    refused("urn:example:r1", "a URN");
    refused("https://h/#f", "a fragment");
    refused("https://h#f", "a fragment after the host");
    refused("https://u@h/", "a user");
    refused("https://u:p@h/", "a user and a password");
    refused("https://u:1@h/", "a user and a number");
    refused("https://h:/", "an empty port");
    refused("https://h:0/", "port 0");
    refused("https://h:65536/", "port 65536");
    refused("https://h:100000/", "a longer one");
    refused("https://h:8a/", "a port that is none");
    refused("https://[::1/", "an open bracket");
    refused("https://[]/", "empty brackets");
    refused("https://[::g]/", "no address");
    refused("https://a b/", "a space");
    refused("https://h/a//b", "an empty segment");
    refused("https://h//", "an empty path");
    refused("https://h/./a", "a dot");
    refused("https://h/a/..", "two dots");
    refused("https://h/a/%2e./b", "the same encoded");
    refused("https://h/%2E", "a dot encoded");
    refused("https://h/a%2Fb", "an encoded slash");
    refused("https://h/a%00", "an encoded NUL");
    refused("https://h/a%0a", "an encoded LF");
    refused("https://h/%", "a percent sign alone");
    refused("https://h/%a", "half an octet");
    refused("https://h/%ag", "no octet");
    refused("https://h/%/2", "an octet with a slash");

    memset(text, 'a', sizeof(text) - 1);
    memcpy(text, "https://", 8);
    text[AGENT_RESOURCE_MAX] = '\0';
    ok(parse(text, &r) == 0, "as long as it may be");

    text[AGENT_RESOURCE_MAX] = 'a';
    text[AGENT_RESOURCE_MAX + 1] = '\0';
    refused(text, "one octet more");
}


static void
test_loopback(void)
{
    split("http://127.0.0.1:8080/a", "http://127.0.0.1:8080", "/a", "");
    split("http://127.9.9.9", "http://127.9.9.9", "", "");
    split("http://localhost", "http://localhost", "", "");
    split("http://[::1]:80", "http://[::1]:80", "", "");

    refused("http://h/", "http elsewhere");
    refused("http://127.evil.example/", "a name that begins like loopback");
    refused("http://localhost.example/", "another such name");
    refused("http://10.0.0.1/", "a private address");
    refused("http://[::2]/", "another address");
}


/* each octet in the path: what a URI may have, and not one more */

static void
test_octets(void)
{
    char              text[] = "https://h/a_b";
    unsigned          c, wrong, good;
    agent_resource_t  r;

    for (c = 1, wrong = 0; c < 256; c++) {

        text[11] = (char) c;

        good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
               || (c >= '0' && c <= '9')
               || strchr("-._~:/?[]@!$&'()*+,;=", (int) c) != NULL;

        wrong += (unsigned) (parse(text, &r) == 0) != good;
    }

    ok(wrong == 0, "octets are those of RFC 3986, 2");
}


static void
test_decoded(void)
{
    uint8_t           path[64];
    agent_resource_t  r;

    (void) parse("https://h/a%20b/%c3%A9?%41", &r);

    is_str(path, (size_t) (agent_resource_path(&r, path) - path),
           "/a b/\xc3\xa9", "a path as servers see it");

    (void) parse("https://h", &r);
    ok(agent_resource_path(&r, path) == path, "no path");
}


static void
test_uri(void)
{
    size_t       i;
    agent_str_t  s;

    static const char  *good[] = {
        "https://h", "http://h/docs#part", "https://h/a?b#c"
    };
    static const char  *bad[] = {
        "", "https://", "docs", "javascript:alert(1)", "https://h/#a#b",
        "https://h/\"", "https://h/ ", "https://h/%zz", "https://h/\n"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        s.data = (const uint8_t *) good[i];
        s.len = strlen(good[i]);
        ok(agent_resource_uri_valid(&s), "a URI: %s", good[i]);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        s.data = (const uint8_t *) bad[i];
        s.len = strlen(bad[i]);
        ok(!agent_resource_uri_valid(&s), "no URI: number %zu", i);
    }
}


/* the text is copied, so that a tool sees a read past its end */

static int
parse(const char *text, agent_resource_t *resource)
{
    size_t           len;
    agent_str_t      uri;
    static uint8_t  *copy;

    len = strlen(text);

    free(copy);
    copy = malloc(len ? len : 1);
    memcpy(copy, text, len);

    uri.data = copy;
    uri.len = len;
    err[0] = '\0';

    return agent_resource_parse(&uri, resource, err);
}


static void
split(const char *text, const char *origin, const char *path,
    const char *query)
{
    agent_resource_t  r;

    ok(parse(text, &r) == 0, "%s", text);
    is_str(r.origin.data, r.origin.len, origin, "%s: origin", text);
    is_str(r.path.data, r.path.len, path, "%s: path", text);
    is_str(r.query.data, r.query.len, query, "%s: query", text);
}


static void
refused(const char *text, const char *what)
{
    agent_resource_t  r;

    ok(parse(text, &r) == -1 && err[0] != '\0', "refused: %s", what);
}
