
#include "ngx_agent_jwks.h"
#include "ngx_agent_metadata.h"


#define NGX_AGENT_JWKS_TTL       600000
#define NGX_AGENT_JWKS_TTL_MIN   60000
#define NGX_AGENT_JWKS_TTL_MAX   3600000

/* ms that keys serve after they were last fetched */

#define NGX_AGENT_JWKS_KEEP      3600000

/* ms between two fetches that tokens with unknown keys may cause, and after a
 * failure */

#define NGX_AGENT_JWKS_COOLDOWN  10000


static ngx_int_t ngx_agent_jwks_read(ngx_conf_t *cf, const ngx_str_t *path,
    ngx_str_t *text);
static const ngx_agent_endpoint_t *ngx_agent_jwks_place(
    ngx_agent_document_t *doc, ngx_uint_t n);
static ngx_int_t ngx_agent_jwks_parse(ngx_agent_document_t *doc,
    const ngx_str_t *body, ngx_pool_t *pool, void **parsed, char *err);
static void ngx_agent_jwks_warn(void *data, size_t index, const char *text);
static void ngx_agent_jwks_file_warn(void *data, size_t index,
    const char *text);
static void ngx_agent_jwks_cleanup(void *data);


ngx_int_t
ngx_agent_jwks_file(ngx_conf_t *cf, ngx_agent_provider_t *provider)
{
    char                 err[AGENT_ERROR_LEN];
    ngx_str_t            text;
    agent_jwks_t        *set;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    if (ngx_agent_jwks_read(cf, &provider->jwks_file, &text) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" of \"jwks_file\" in "
                           "\"agent_oauth_provider\"", &provider->jwks_file);
        return NGX_ERROR;
    }

    set = agent_jwks_parse(text.data, text.len, 1, ngx_agent_jwks_file_warn,
                           provider, err);

    /* it may hold secrets */

    OPENSSL_cleanse(text.data, text.len);

    if (set && set->n == 0) {
        (void) agent_fail(err, "no key of use");
        agent_jwks_free(set);
        set = NULL;
    }

    if (set == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" of \"jwks_file\" in "
                           "\"agent_oauth_provider\": %s",
                           &provider->jwks_file, err);
        return NGX_ERROR;
    }

    cln->handler = ngx_agent_jwks_cleanup;
    cln->data = set;

    provider->jwks = set;

    return NGX_OK;
}


static ngx_int_t
ngx_agent_jwks_read(ngx_conf_t *cf, const ngx_str_t *path, ngx_str_t *text)
{
    ssize_t   n;
    ngx_fd_t  fd;

    text->data = ngx_pnalloc(cf->pool, NGX_AGENT_FETCH_BODY + 1);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    fd = ngx_open_file(path->data, NGX_FILE_RDONLY,
                       NGX_FILE_OPEN|NGX_FILE_NONBLOCK, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_ERR, cf->log, ngx_errno,
                      "agent_auth: " ngx_open_file_n " \"%V\" failed", path);
        return NGX_ERROR;
    }

    n = ngx_read_fd(fd, text->data, NGX_AGENT_FETCH_BODY + 1);

    (void) ngx_close_file(fd);

    if (n <= 0 || n > NGX_AGENT_FETCH_BODY) {
        ngx_log_error(NGX_LOG_ERR, cf->log, 0,
                      "agent_auth: no key set in \"%V\": it must be 1 to %d "
                      "octets", path, NGX_AGENT_FETCH_BODY);
        return NGX_ERROR;
    }

    text->len = n;

    return NGX_OK;
}


ngx_int_t
ngx_agent_jwks_add(ngx_conf_t *cf, ngx_agent_provider_t *provider,
    ngx_agent_document_zone_t *zone)
{
    u_char                *p;
    ngx_str_t              text;
    ngx_agent_document_t  *doc;

    text.len = sizeof("keys\n\n\n\n") - 1 + provider->name.len
               + provider->issuer.len + provider->metadata_uri.len
               + provider->jwks_uri.len;

    p = ngx_pnalloc(cf->pool, text.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text.data = p;
    text.len = ngx_sprintf(p, "keys\n%V\n%V\n%V\n%V", &provider->name,
                           &provider->issuer, &provider->metadata_uri,
                           &provider->jwks_uri) - p;

    doc = ngx_agent_document_add(cf, zone, &text);
    if (doc == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&doc->kind, "keys");

    doc->fetch_conf = &provider->fetch;
    doc->place = ngx_agent_jwks_place;
    doc->parse = ngx_agent_jwks_parse;
    doc->data = provider;
    doc->ttl = NGX_AGENT_JWKS_TTL;
    doc->ttl_min = NGX_AGENT_JWKS_TTL_MIN;
    doc->ttl_max = NGX_AGENT_JWKS_TTL_MAX;
    doc->keep = NGX_AGENT_JWKS_KEEP;
    doc->cooldown = ngx_min(provider->breaker_cooldown,
                            NGX_AGENT_JWKS_COOLDOWN);

    provider->keys = doc;

    return NGX_OK;
}


static const ngx_agent_endpoint_t *
ngx_agent_jwks_place(ngx_agent_document_t *doc, ngx_uint_t n)
{
    const ngx_agent_provider_t  *provider;

    provider = doc->data;

    if (n > 0) {
        return NULL;
    }

    return provider->jwks_uri.len ? &provider->jwks_endpoint
                                  : ngx_agent_metadata_jwks(provider);
}


static ngx_int_t
ngx_agent_jwks_parse(ngx_agent_document_t *doc, const ngx_str_t *body,
    ngx_pool_t *pool, void **parsed, char *err)
{
    agent_jwks_t        *set;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(pool, 0);
    if (cln == NULL) {
        (void) agent_fail(err, "no memory");
        return NGX_ERROR;
    }

    /* secrets do not come over a network: RFC 8725, 2.1 and 3.2 */

    set = agent_jwks_parse(body->data, body->len, 0, ngx_agent_jwks_warn, doc,
                           err);
    if (set == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_agent_jwks_cleanup;
    cln->data = set;

    *parsed = set;

    return NGX_OK;
}


static void
ngx_agent_jwks_warn(void *data, size_t index, const char *text)
{
    ngx_agent_document_t *doc = data;

    /* told by the worker that fetched them, not by each that reads them */

    if (doc->flight == 0) {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "agent_auth: key %uz of the keys of provider \"%V\" is not "
                  "used: %s", index, &doc->fetch_conf->name, text);
}


static void
ngx_agent_jwks_file_warn(void *data, size_t index, const char *text)
{
    ngx_agent_provider_t *provider = data;

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "agent_auth: key %uz in \"%V\" is not used: %s", index,
                  &provider->jwks_file, text);
}


static void
ngx_agent_jwks_cleanup(void *data)
{
    agent_jwks_free(data);
}


ngx_int_t
ngx_agent_jwks_get(const ngx_agent_provider_t *provider,
    const agent_jwks_t **set, ngx_uint_t *retry_after)
{
    ngx_int_t              rc;
    ngx_agent_document_t  *doc;

    *retry_after = 0;

    if (provider->jwks) {
        *set = provider->jwks;
        return NGX_OK;
    }

    doc = provider->keys;

    if (doc == NULL) {
        return NGX_DECLINED;
    }

    *set = ngx_agent_document_peek(doc);

    if (*set) {
        return NGX_OK;
    }

    /* where they are must be known first */

    if (provider->jwks_uri.len == 0) {
        rc = ngx_agent_document_get(provider->metadata, retry_after);
        if (rc != NGX_OK) {
            return rc;
        }

        if (ngx_agent_metadata_jwks(provider) == NULL) {
            return NGX_OK;
        }
    }

    rc = ngx_agent_document_get(doc, retry_after);

    if (rc == NGX_OK) {
        *set = doc->parsed;
    }

    return rc;
}


ngx_uint_t
ngx_agent_jwks_known(const ngx_agent_provider_t *provider)
{
    return provider->jwks
           || (provider->keys && ngx_agent_document_peek(provider->keys));
}


ngx_int_t
ngx_agent_jwks_next(const ngx_agent_provider_t *provider,
    const agent_jwks_t **set, uint64_t *tried, ngx_uint_t *retry_after)
{
    ngx_int_t  rc;
    uint64_t   generation;

    rc = ngx_agent_jwks_get(provider, set, retry_after);

    if (rc != NGX_OK || *set == NULL) {
        return rc;
    }

    generation = provider->keys ? provider->keys->generation : 1;

    /* not again with the same keys, while newer ones are fetched */

    if (*tried && *tried == generation) {
        return ngx_agent_jwks_renew(provider) == NGX_AGAIN ? NGX_AGAIN
                                                           : NGX_DONE;
    }

    *tried = generation;

    return NGX_OK;
}


ngx_int_t
ngx_agent_jwks_renew(const ngx_agent_provider_t *provider)
{
    return provider->keys
           ? ngx_agent_document_renew(provider->keys, NGX_AGENT_JWKS_COOLDOWN)
           : NGX_DECLINED;
}


ngx_uint_t
ngx_agent_jwks_trusted(const ngx_agent_provider_t *provider, uint64_t signer)
{
    const agent_jwks_t  *set;

    set = provider->jwks ? provider->jwks
          : provider->keys ? ngx_agent_document_peek(provider->keys) : NULL;

    return set && agent_jwks_has(set, signer);
}
