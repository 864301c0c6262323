
#include "agent_json_tree.h"
#include "agent_metadata.h"


typedef struct {
    uint8_t      *p;
    uint8_t      *last;
} agent_metadata_buf_t;


static const uint8_t *agent_metadata_path(const agent_str_t *issuer);
static int agent_metadata_issuer(const json_t *object,
    const agent_str_t *issuer, char *err);
static int agent_metadata_text(const json_t *object, const char *name,
    agent_metadata_buf_t *b, agent_str_t *text, char *err);
static int agent_metadata_methods(const json_t *object, unsigned *methods,
    char *err);


static const agent_str_t  agent_well_known[] = {
    agent_string("/.well-known/oauth-authorization-server"),
    agent_string("/.well-known/openid-configuration")
};


static const struct {
    const char  *name;
    unsigned     method;
} agent_methods[] = {
    { "client_secret_basic", AGENT_METHOD_BASIC },
    { "client_secret_post", AGENT_METHOD_POST },
    { "private_key_jwt", AGENT_METHOD_PRIVATE_KEY_JWT },
    { "tls_client_auth", AGENT_METHOD_TLS },
    { "self_signed_tls_client_auth", AGENT_METHOD_TLS },
    { "bearer", AGENT_METHOD_BEARER },
    { "Bearer", AGENT_METHOD_BEARER },
    { "none", AGENT_METHOD_NONE }
};


#define agent_count(a)  (sizeof(a) / sizeof((a)[0]))


size_t
agent_metadata_url(const agent_str_t *issuer, unsigned n, uint8_t *buf,
    size_t size)
{
    size_t              host, len;
    uint8_t            *p;
    const uint8_t      *path;
    const agent_str_t  *known;

    path = agent_metadata_path(issuer);

    if (path == NULL || n >= AGENT_METADATA_PLACES) {
        return 0;
    }

    /* RFC 8414, 3.1: a terminating "/" is removed first */

    len = issuer->len;

    if (path < issuer->data + len && issuer->data[len - 1] == '/') {
        len--;
    }

    host = path - issuer->data;

    /* without a path the third place is the second */

    if (n == 2 && len <= host) {
        return 0;
    }

    known = &agent_well_known[n ? 1 : 0];

    if (len + known->len > size) {
        return 0;
    }

    if (n == 2) {
        host = len;
    }

    p = buf;

    memcpy(p, issuer->data, host);
    p += host;

    memcpy(p, known->data, known->len);
    p += known->len;

    memcpy(p, issuer->data + host, len - host);
    p += len - host;

    return p - buf;
}


/* where the path of the URL begins, its end if it has none; NULL: no URL */

static const uint8_t *
agent_metadata_path(const agent_str_t *issuer)
{
    size_t          i;
    const uint8_t  *p, *last;

    static const char  https[] = "https://", http[] = "http://";

    p = issuer->data;
    last = p + issuer->len;

    if (issuer->len > sizeof(https) - 1
        && memcmp(p, https, sizeof(https) - 1) == 0)
    {
        p += sizeof(https) - 1;

    } else if (issuer->len > sizeof(http) - 1
               && memcmp(p, http, sizeof(http) - 1) == 0)
    {
        p += sizeof(http) - 1;

    } else {
        return NULL;
    }

    /* RFC 8414, 2: no query or fragment components */

    for (i = 0; i < issuer->len; i++) {
        if (issuer->data[i] == '?' || issuer->data[i] == '#') {
            return NULL;
        }
    }

    while (p < last && *p != '/') {
        p++;
    }

    return p;
}


int
agent_metadata_parse(const uint8_t *body, size_t len,
    const agent_str_t *issuer, uint8_t *buf, size_t size,
    agent_metadata_t *metadata, char *err)
{
    int                    rc;
    json_t                *object;
    const json_t          *aliases;
    agent_metadata_buf_t   b;

    memset(metadata, 0, sizeof(*metadata));

    b.p = buf;
    b.last = buf + size;

    object = agent_json_tree(body, len, 0);

    if (object == NULL) {
        return agent_fail(err, "no JSON object without duplicate members, or "
                          "too deep");
    }

    aliases = json_object_get(object, "mtls_endpoint_aliases");

    rc = agent_metadata_issuer(object, issuer, err);

    if (rc == 0) {
        rc = agent_metadata_text(object, "introspection_endpoint", &b,
                                 &metadata->introspection_endpoint, err);
    }

    if (rc == 0) {
        rc = agent_metadata_text(object, "jwks_uri", &b, &metadata->jwks_uri,
                                 err);
    }

    if (rc == 0 && json_is_object(aliases)) {
        rc = agent_metadata_text(aliases, "introspection_endpoint", &b,
                                 &metadata->tls_introspection_endpoint, err);
    }

    if (rc == 0) {
        rc = agent_metadata_methods(object, &metadata->methods, err);
    }

    json_decref(object);

    return rc;
}


/* RFC 8414, 3.3: identical, else nothing of it may be used */

static int
agent_metadata_issuer(const json_t *object, const agent_str_t *issuer,
    char *err)
{
    const json_t  *value;

    value = json_object_get(object, "issuer");

    if (!json_is_string(value)) {
        return agent_fail(err, "no \"issuer\" that is a string");
    }

    if (json_string_length(value) != issuer->len
        || memcmp(json_string_value(value), issuer->data, issuer->len) != 0)
    {
        return agent_fail(err, "its \"issuer\" is another one than the "
                          "configuration names, octet by octet");
    }

    return 0;
}


static int
agent_metadata_text(const json_t *object, const char *name,
    agent_metadata_buf_t *b, agent_str_t *text, char *err)
{
    size_t         len;
    const json_t  *value;

    value = json_object_get(object, name);

    if (value == NULL || json_is_null(value)) {
        return 0;
    }

    len = json_string_length(value);

    if (!json_is_string(value) || len == 0 || len > AGENT_METADATA_URL_MAX
        || len > (size_t) (b->last - b->p))
    {
        return agent_fail(err, "its \"%s\" is no string of 1 to %d octets",
                          name, AGENT_METADATA_URL_MAX);
    }

    memcpy(b->p, json_string_value(value), len);

    text->data = b->p;
    text->len = len;

    b->p += len;

    return 0;
}


static int
agent_metadata_methods(const json_t *object, unsigned *methods, char *err)
{
    size_t         i, j;
    const char    *name;
    const json_t  *list, *value;

    list = json_object_get(object,
                           "introspection_endpoint_auth_methods_supported");

    if (list == NULL || json_is_null(list)) {
        return 0;
    }

    if (!json_is_array(list)) {
        return agent_fail(err, "its \"introspection_endpoint_auth_methods_"
                          "supported\" is no array");
    }

    for (i = 0; i < json_array_size(list); i++) {

        value = json_array_get(list, i);
        name = json_is_string(value) ? json_string_value(value) : "";

        for (j = 0; j < agent_count(agent_methods); j++) {
            if (strcmp(name, agent_methods[j].name) == 0) {
                *methods |= agent_methods[j].method;
            }
        }
    }

    return 0;
}
