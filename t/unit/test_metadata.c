
/*
 * Without this the metadata of another issuer could say where tokens are sent
 * to, or a server's metadata would be looked for where it is not (RFC 8414).
 */

#include "agent_metadata.h"
#include "tap.h"


static void places(void);
static void place(const char *issuer, unsigned n, const char *url);
static void documents(void);
static void hostile(void);
static int parse(const char *body);


static char              err[AGENT_ERROR_LEN];
static uint8_t           buf[65536];
static agent_metadata_t  md;

static const agent_str_t  issuer = agent_string("https://as.example/a");


#define DOCUMENT(members)                                                     \
    "{\"issuer\":\"https://as.example/a\"," members "}"

#define same(text, value)                                                     \
    ok((text).len == strlen(value)                                            \
       && memcmp((text).data, value, (text).len) == 0, "%s", value)


int
main(void)
{
    places();
    documents();
    hostile();

    return tap_done();
}


static void
places(void)
{
    place("https://a.example", 0,
          "https://a.example/.well-known/oauth-authorization-server");
    place("https://a.example", 1,
          "https://a.example/.well-known/openid-configuration");
    place("https://a.example", 2, "");
    place("https://a.example", 3, "");
    place("https://a.example/", 0,
          "https://a.example/.well-known/oauth-authorization-server");
    place("https://a.example/", 2, "");
    place("https://a.example:8443/t/1", 0,
          "https://a.example:8443/.well-known/oauth-authorization-server/t/1");
    place("https://a.example/t/1/", 0,
          "https://a.example/.well-known/oauth-authorization-server/t/1");
    place("https://a.example/t/1", 1,
          "https://a.example/.well-known/openid-configuration/t/1");
    place("https://a.example/t/1/", 2,
          "https://a.example/t/1/.well-known/openid-configuration");
    place("http://127.0.0.1:80", 0,
          "http://127.0.0.1:80/.well-known/oauth-authorization-server");
    place("https://a.example/?a", 0, "");
    place("https://a.example/#a", 0, "");
    place("https://", 0, "");
    place("ftp://a.example", 0, "");
    place("a.example", 0, "");
    place("", 0, "");
}


static void
place(const char *text, unsigned n, const char *url)
{
    size_t       len, all;
    uint8_t      room[256];
    agent_str_t  s;

    s.data = (const uint8_t *) text;
    s.len = strlen(text);

    len = agent_metadata_url(&s, n, room, sizeof(room));

    ok(len == strlen(url) && memcmp(room, url, len) == 0, "%s, %u: \"%.*s\"",
       text, n, (int) len, (char *) room);

    for (all = 0; all < len; all++) {
        if (agent_metadata_url(&s, n, room, all) != 0) {
            ok(0, "%s: no room but %zu octets", text, all);
        }
    }
}


static void
documents(void)
{
    ok(parse("{\"issuer\":\"https://as.example/a\"}") == 0, "an issuer alone");
    ok(md.introspection_endpoint.len == 0 && md.jwks_uri.len == 0
       && md.methods == 0, "and nothing else");

    ok(parse(DOCUMENT(
           "\"introspection_endpoint\":\"https://as.example/i\","
           "\"jwks_uri\":\"https://as.example/j\",\"x\":[{}],"
           "\"introspection_endpoint_auth_methods_supported\":"
           "[\"client_secret_basic\",\"private_key_jwt\",\"x\",7],"
           "\"mtls_endpoint_aliases\":"
           "{\"introspection_endpoint\":\"https://tls.example/i\"}")) == 0,
       "all members");
    same(md.introspection_endpoint, "https://as.example/i");
    same(md.jwks_uri, "https://as.example/j");
    same(md.tls_introspection_endpoint, "https://tls.example/i");
    ok(md.methods == (AGENT_METHOD_BASIC|AGENT_METHOD_PRIVATE_KEY_JWT),
       "ways to authenticate");

    ok(parse(DOCUMENT("\"jwks_uri\":null")) == 0 && md.jwks_uri.len == 0,
       "null is absent");
}


static void
hostile(void)
{
    size_t  n;
    char    text[8192];

    static const char  *bad[] = {
        "", "{}", "[]", "null", "\"https://as.example/a\"",
        "{\"issuer\":\"https://as.example/\"}",
        "{\"issuer\":\"https://as.example/a/\"}",
        "{\"issuer\":\"HTTPS://as.example/a\"}",
        "{\"issuer\":[\"https://as.example/a\"]}",
        "{\"issuer\":\"https://as.example/a\\u0000\"}",
        "{\"issuer\":\"x\",\"issuer\":\"https://as.example/a\"}",
        "{\"issuer\":\"https://as.example/a\"",
        "{\"issuer\":\"https://as.example/a\"} x",
        "<html>https://as.example/a</html>",
        DOCUMENT("\"introspection_endpoint\":7"),
        DOCUMENT("\"introspection_endpoint\":\"\""),
        DOCUMENT("\"jwks_uri\":[\"https://as.example/j\"]"),
        DOCUMENT("\"mtls_endpoint_aliases\":{\"introspection_endpoint\":{}}"),
        DOCUMENT("\"introspection_endpoint_auth_methods_supported\":\"none\"")
    };

    for (n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
        ok(parse(bad[n]) == -1, "refused: %s", bad[n]);
    }

    for (n = AGENT_METADATA_URL_MAX; n <= AGENT_METADATA_URL_MAX + 1; n++) {
        snprintf(text, sizeof(text), DOCUMENT("\"jwks_uri\":\"%0*d\""),
                 (int) n, 0);
        ok((parse(text) == 0) == (n == AGENT_METADATA_URL_MAX),
           "a URL of %zu octets", n);
    }

    memset(text, '[', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    ok(parse(text) == -1, "deep nesting");

    for (n = 31; n <= 32; n++) {
        snprintf(text, sizeof(text), DOCUMENT("\"x\":%.*s%.*s"),
                 (int) n, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
                 (int) n, "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
        ok((parse(text) == 0) == (n == 31), "%zu deep", n + 1);
    }
}


static int
parse(const char *body)
{
    return agent_metadata_parse((const uint8_t *) body, strlen(body), &issuer,
                                buf, sizeof(buf), &md, err);
}
