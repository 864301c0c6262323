
#include "ngx_agent_metadata.h"


#define NGX_AGENT_METADATA_TTL      600000
#define NGX_AGENT_METADATA_TTL_MIN  60000
#define NGX_AGENT_METADATA_TTL_MAX  3600000


/* what a document says, with the endpoints made ready */

typedef struct {
    ngx_agent_endpoint_t   introspection;
    ngx_agent_endpoint_t   jwks;
} ngx_agent_metadata_t;


static ngx_int_t ngx_agent_metadata_url(ngx_conf_t *cf,
    const ngx_agent_provider_t *provider, const ngx_str_t *url,
    ngx_agent_endpoint_t *ep);
static ngx_int_t ngx_agent_metadata_place_add(ngx_conf_t *cf,
    ngx_agent_provider_t *provider, ngx_str_t *url);
static const ngx_agent_endpoint_t *ngx_agent_metadata_place(
    ngx_agent_document_t *doc, ngx_uint_t n);
static ngx_int_t ngx_agent_metadata_parse(ngx_agent_document_t *doc,
    const ngx_str_t *body, ngx_pool_t *pool, void **parsed, char *err);
static ngx_int_t ngx_agent_metadata_endpoint(ngx_agent_document_t *doc,
    ngx_pool_t *pool, const agent_str_t *url, ngx_agent_endpoint_t *ep,
    const char *name, char *err);
static void ngx_agent_metadata_methods(const ngx_agent_provider_t *provider,
    unsigned methods);


/* by ngx_agent_client_auth_e */

static const unsigned  ngx_agent_metadata_method[] = {
    [NGX_AGENT_CLIENT_BASIC] = AGENT_METHOD_BASIC,
    [NGX_AGENT_CLIENT_POST] = AGENT_METHOD_POST,
    [NGX_AGENT_CLIENT_JWT] = AGENT_METHOD_PRIVATE_KEY_JWT,
    [NGX_AGENT_CLIENT_TLS] = AGENT_METHOD_TLS,
    [NGX_AGENT_CLIENT_BEARER] = AGENT_METHOD_BEARER,
    [NGX_AGENT_CLIENT_NONE] = AGENT_METHOD_NONE
};


ngx_int_t
ngx_agent_metadata_conf(ngx_conf_t *cf, ngx_agent_provider_t *provider)
{
    size_t        len;
    u_char       *p;
    ngx_str_t     url;
    ngx_uint_t    n;
    agent_str_t   issuer;

    ngx_agent_endpoint_t  ep;

    if (ngx_array_init(&provider->places, cf->pool, AGENT_METADATA_PLACES,
                       sizeof(ngx_agent_endpoint_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!provider->discover) {

        /* a mistake is told also where it is not asked for so far */

        return (provider->metadata_uri.len == 0
                || ngx_strcmp(provider->metadata_uri.data, "off") == 0)
               ? NGX_OK
               : ngx_agent_metadata_url(cf, provider, &provider->metadata_uri,
                                        &ep);
    }

    if (provider->metadata_uri.len) {
        return ngx_agent_metadata_place_add(cf, provider,
                                            &provider->metadata_uri);
    }

    issuer.data = provider->issuer.data;
    issuer.len = provider->issuer.len;

    for (n = 0; n < AGENT_METADATA_PLACES; n++) {

        p = ngx_pnalloc(cf->pool, AGENT_METADATA_URL_MAX);
        if (p == NULL) {
            return NGX_ERROR;
        }

        len = agent_metadata_url(&issuer, n, p, AGENT_METADATA_URL_MAX);

        if (len == 0) {
            break;
        }

        url.data = p;
        url.len = len;

        if (ngx_agent_metadata_place_add(cf, provider, &url) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (n == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"issuer\" in \"agent_oauth_provider %V\" is no "
                           "URL that metadata could be found by, set "
                           "\"metadata_uri\" or \"introspection_endpoint\"",
                           &provider->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_agent_metadata_url(ngx_conf_t *cf, const ngx_agent_provider_t *provider,
    const ngx_str_t *url, ngx_agent_endpoint_t *ep)
{
    char  err[AGENT_ERROR_LEN];

    if (ngx_agent_endpoint_parse(cf->pool, url, ep, err) == NGX_OK) {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" of \"%s\" in "
                       "\"agent_oauth_provider\": %s", url,
                       provider->metadata_uri.len ? "metadata_uri" : "issuer",
                       err);
    return NGX_ERROR;
}


static ngx_int_t
ngx_agent_metadata_place_add(ngx_conf_t *cf, ngx_agent_provider_t *provider,
    ngx_str_t *url)
{
    ngx_agent_endpoint_t  *ep;

    ep = ngx_array_push(&provider->places);

    if (ep == NULL
        || ngx_agent_metadata_url(cf, provider, url, ep) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_agent_provider_server(provider, ep);

    /* what it names may need it */

    provider->tls = 1;

    return NGX_OK;
}


ngx_int_t
ngx_agent_metadata_add(ngx_conf_t *cf, ngx_agent_provider_t *provider,
    ngx_agent_document_zone_t *zone)
{
    u_char                *p;
    ngx_str_t              text;
    ngx_agent_document_t  *doc;

    text.len = sizeof("metadata\n\n\n") - 1 + provider->name.len
               + provider->issuer.len + provider->metadata_uri.len;

    p = ngx_pnalloc(cf->pool, text.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text.data = p;
    text.len = ngx_sprintf(p, "metadata\n%V\n%V\n%V", &provider->name,
                           &provider->issuer, &provider->metadata_uri) - p;

    doc = ngx_agent_document_add(cf, zone, &text);
    if (doc == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&doc->kind, "metadata");

    doc->fetch_conf = &provider->fetch;
    doc->place = ngx_agent_metadata_place;
    doc->parse = ngx_agent_metadata_parse;
    doc->data = provider;
    doc->ttl = NGX_AGENT_METADATA_TTL;
    doc->ttl_min = NGX_AGENT_METADATA_TTL_MIN;
    doc->ttl_max = NGX_AGENT_METADATA_TTL_MAX;
    doc->cooldown = provider->breaker_cooldown;

    provider->metadata = doc;

    return NGX_OK;
}


static const ngx_agent_endpoint_t *
ngx_agent_metadata_place(ngx_agent_document_t *doc, ngx_uint_t n)
{
    const ngx_agent_endpoint_t  *places;
    const ngx_agent_provider_t  *provider;

    provider = doc->data;
    places = provider->places.elts;

    return n < provider->places.nelts ? &places[n] : NULL;
}


static ngx_int_t
ngx_agent_metadata_parse(ngx_agent_document_t *doc, const ngx_str_t *body,
    ngx_pool_t *pool, void **parsed, char *err)
{
    size_t                       size;
    u_char                      *buf;
    agent_str_t                  issuer, *url;
    agent_metadata_t             md;
    ngx_agent_metadata_t        *metadata;
    const ngx_agent_provider_t  *provider;

    provider = doc->data;

    issuer.data = provider->issuer.data;
    issuer.len = provider->issuer.len;

    size = body->len + AGENT_METADATA_URL_MAX;

    metadata = ngx_pcalloc(pool, sizeof(ngx_agent_metadata_t));
    buf = ngx_pnalloc(pool, size);

    if (metadata == NULL || buf == NULL) {
        (void) agent_fail(err, "no memory");
        return NGX_ERROR;
    }

    if (agent_metadata_parse(body->data, body->len, &issuer, buf, size, &md,
                             err)
        != 0)
    {
        return NGX_ERROR;
    }

    /* RFC 8705, 5: a client that authenticates by TLS takes the alias */

    url = &md.introspection_endpoint;

    if (provider->client_auth == NGX_AGENT_CLIENT_TLS
        && md.tls_introspection_endpoint.len)
    {
        url = &md.tls_introspection_endpoint;
    }

    if ((provider->verify == NGX_AGENT_VERIFY_INTROSPECTION
         || md.jwks_uri.len == 0)
        && provider->introspection_endpoint.len == 0 && url->len == 0)
    {
        (void) agent_fail(err, "it names no \"introspection_endpoint\", set "
                          "that in \"agent_oauth_provider\"");
        return NGX_ERROR;
    }

    if (md.jwks_uri.len == 0
        && (provider->verify == NGX_AGENT_VERIFY_JWT
            || (provider->response_jwt && provider->jwks_uri.len == 0
                && provider->jwks == NULL)))
    {
        (void) agent_fail(err, "it names no \"jwks_uri\", set that in "
                          "\"agent_oauth_provider\"");
        return NGX_ERROR;
    }

    if (ngx_agent_metadata_endpoint(doc, pool, url, &metadata->introspection,
                                    "introspection_endpoint", err)
        != NGX_OK
        || ngx_agent_metadata_endpoint(doc, pool, &md.jwks_uri,
                                       &metadata->jwks, "jwks_uri", err)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_agent_metadata_methods(provider, md.methods);

    *parsed = metadata;

    return NGX_OK;
}


/*
 * The document may send tokens and our secret only where the issuer itself
 * may be: over TLS, and to no address that is more private.
 */

static ngx_int_t
ngx_agent_metadata_endpoint(ngx_agent_document_t *doc, ngx_pool_t *pool,
    const agent_str_t *url, ngx_agent_endpoint_t *ep, const char *name,
    char *err)
{
    u_char                      *p;
    ngx_str_t                    s;
    const ngx_agent_provider_t  *provider;
    const ngx_agent_endpoint_t  *place;

    if (url->len == 0) {
        return NGX_OK;
    }

    provider = doc->data;
    place = provider->places.elts;

    s.len = url->len;
    s.data = ngx_pnalloc(pool, url->len + 1);
    if (s.data == NULL) {
        (void) agent_fail(err, "no memory");
        return NGX_ERROR;
    }

    p = ngx_cpymem(s.data, url->data, url->len);
    *p = '\0';

    if (ngx_agent_endpoint_parse(pool, &s, ep, err) != NGX_OK
        || (ep->naddrs && ep->addrs[0].sockaddr->sa_family == AF_UNIX))
    {
        (void) agent_fail(err, "its \"%s\" is no URL that can be asked", name);
        return NGX_ERROR;
    }

    if (!ep->tls && (place->tls || doc->address != AGENT_ADDRESS_LOCAL)) {
        (void) agent_fail(err, "its \"%s\" is not https", name);
        return NGX_ERROR;
    }

    if (ep->naddrs == 0 && provider->fetch.resolver == NULL) {
        (void) agent_fail(err, "its \"%s\" has a name that needs \"resolver\" "
                          "in http", name);
        return NGX_ERROR;
    }

    ep->limited = 1;
    ep->limit = doc->address;

    return NGX_OK;
}


/* told, and tried all the same: servers were seen to forget one */

static void
ngx_agent_metadata_methods(const ngx_agent_provider_t *provider,
    unsigned methods)
{
    if (methods == 0
        || methods & ngx_agent_metadata_method[provider->client_auth])
    {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "agent_auth: metadata of provider \"%V\" does not list its "
                  "\"client_auth\" in introspection_endpoint_auth_methods_"
                  "supported, see %V:%ui", &provider->name,
                  &provider->conf_file, provider->conf_line);
}


ngx_int_t
ngx_agent_metadata_introspection(const ngx_agent_provider_t *provider,
    const ngx_agent_endpoint_t **ep, ngx_uint_t *retry_after)
{
    ngx_int_t                    rc;
    const ngx_agent_metadata_t  *metadata;

    if (provider->introspection_endpoint.len) {
        *ep = &provider->endpoint;
        *retry_after = 0;
        return NGX_OK;
    }

    rc = ngx_agent_document_get(provider->metadata, retry_after);

    if (rc == NGX_OK) {
        metadata = provider->metadata->parsed;
        *ep = metadata->introspection.url.len ? &metadata->introspection
                                              : NULL;
    }

    return rc;
}


const ngx_agent_endpoint_t *
ngx_agent_metadata_jwks(const ngx_agent_provider_t *provider)
{
    const ngx_agent_metadata_t  *metadata;

    if (provider->metadata == NULL) {
        return NULL;
    }

    metadata = ngx_agent_document_peek(provider->metadata);

    return (metadata && metadata->jwks.url.len) ? &metadata->jwks : NULL;
}
