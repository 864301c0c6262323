
#include "ngx_agent_jwt.h"
#include "ngx_agent_jwks.h"
#include "agent_jwt.h"

#include <openssl/crypto.h>


static ngx_int_t ngx_agent_jwt_sources(ngx_conf_t *cf,
    ngx_agent_provider_t *provider);
static ngx_int_t ngx_agent_jwt_response(ngx_conf_t *cf,
    const ngx_agent_provider_t *provider);
static agent_reason_e ngx_agent_jwt_hopeless(
    const ngx_agent_provider_t *provider, const agent_str_t *value,
    ngx_pool_t *pool);
static agent_reason_e ngx_agent_jwt_verify(
    const ngx_agent_provider_t *provider, const agent_str_t *value,
    const agent_jwks_t *set, u_char *buf, agent_claims_t *claims,
    ngx_uint_t *renew);
static void ngx_agent_jwt_told(const ngx_agent_provider_t *provider,
    const char *err);


ngx_int_t
ngx_agent_jwt_conf(ngx_conf_t *cf, ngx_agent_provider_t *provider)
{
    if (provider->jwks_uri.len && provider->jwks_file.len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "both \"jwks_uri\" and \"jwks_file\" in "
                           "\"agent_oauth_provider %V\"", &provider->name);
        return NGX_ERROR;
    }

    /* who can read a public key must not be able to sign: RFC 8725, 3.1 */

    if ((provider->algorithms & AGENT_ALGS_HMAC)
        && provider->jwks_file.len == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "HS256, HS384 and HS512 in \"algorithms\" need "
                           "\"jwks_file\" in \"agent_oauth_provider %V\"",
                           &provider->name);
        return NGX_ERROR;
    }

    ngx_memzero(&provider->jwt, sizeof(agent_jwt_policy_t));

    provider->jwt.issuer.data = provider->issuer.data;
    provider->jwt.issuer.len = provider->issuer.len;
    provider->jwt.algs = (uint32_t) provider->algorithms;
    provider->jwt.leeway = (int64_t) provider->leeway;
    provider->jwt.any_type = (provider->token_type != 0);

    if (provider->jwks_file.len
        && ngx_agent_jwks_file(cf, provider) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_agent_jwt_sources(cf, provider);
}


/* what is not configured the metadata must tell, if it may be looked for */

static ngx_int_t
ngx_agent_jwt_sources(ngx_conf_t *cf, ngx_agent_provider_t *provider)
{
    ngx_uint_t  off, keys, endpoint, lacks_keys, lacks_endpoint;

    if (ngx_agent_jwt_response(cf, provider) != NGX_OK) {
        return NGX_ERROR;
    }

    off = (provider->metadata_uri.len == 3
           && ngx_strncmp(provider->metadata_uri.data, "off", 3) == 0);

    keys = (provider->jwks_uri.len || provider->jwks_file.len);
    endpoint = (provider->introspection_endpoint.len != 0);

    /* "auto" is what can be done; keys may be for answers alone */

    if (provider->verify == NGX_AGENT_VERIFY_AUTO && off && keys != endpoint
        && !provider->response_jwt)
    {
        provider->verify = keys ? NGX_AGENT_VERIFY_JWT
                                : NGX_AGENT_VERIFY_INTROSPECTION;
    }

    lacks_keys = (!keys && ngx_agent_jwt_keys(provider));
    lacks_endpoint = (!endpoint && provider->verify != NGX_AGENT_VERIFY_JWT);

    provider->discover = (lacks_keys || lacks_endpoint);

    if (!provider->discover || !off) {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"agent_oauth_provider %V\" must have \"%s\", as "
                       "\"metadata_uri\" is off", &provider->name,
                       lacks_endpoint ? "introspection_endpoint" : "jwks_uri");
    return NGX_ERROR;
}


/* RFC 9701, 5: an answer says for whom it is */

static ngx_int_t
ngx_agent_jwt_response(ngx_conf_t *cf, const ngx_agent_provider_t *provider)
{
    if (!provider->response_jwt) {
        return NGX_OK;
    }

    if (provider->verify == NGX_AGENT_VERIFY_JWT) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "both \"introspection_response jwt\" and \"verify "
                           "jwt\", with which nothing is introspected, in "
                           "\"agent_oauth_provider %V\"", &provider->name);
        return NGX_ERROR;
    }

    if (provider->client_id.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"agent_oauth_provider %V\" must have "
                           "\"client_id\" for \"introspection_response jwt\", "
                           "whose \"aud\" it is", &provider->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_uint_t
ngx_agent_jwt_keys(const ngx_agent_provider_t *provider)
{
    return provider->verify != NGX_AGENT_VERIFY_INTROSPECTION
           || provider->response_jwt;
}


ngx_uint_t
ngx_agent_jwt_local(const ngx_agent_provider_t *provider,
    const agent_str_t *value)
{
    switch (provider->verify) {

    case NGX_AGENT_VERIFY_AUTO:
        return agent_jws_likely(value);

    case NGX_AGENT_VERIFY_JWT:
        return 1;

    default:
        return 0;
    }
}


ngx_int_t
ngx_agent_jwt_check(const ngx_agent_provider_t *provider,
    const agent_str_t *value, ngx_pool_t *pool, agent_reason_e *reason,
    agent_claims_t *claims, uint64_t *tried, ngx_uint_t *retry_after)
{
    u_char              *buf;
    ngx_int_t            rc;
    ngx_uint_t           renew;
    const agent_jwks_t  *set;

    /* no server is asked for keys because of what none of them would help */

    if (*reason == AGENT_NOT_EVALUATED && !ngx_agent_jwks_known(provider)) {

        *reason = ngx_agent_jwt_hopeless(provider, value, pool);

        if (*reason != AGENT_PROVIDER_UNAVAILABLE) {
            return NGX_OK;
        }
    }

    rc = ngx_agent_jwks_next(provider, &set, tried, retry_after);

    if (rc == NGX_DONE) {
        return NGX_OK;
    }

    if (rc != NGX_OK) {
        return rc;
    }

    if (set == NULL) {
        *reason = AGENT_SIGNING_KEY_UNKNOWN;
        return NGX_OK;
    }

    buf = ngx_pnalloc(pool, agent_jwt_room(value->len));

    if (buf == NULL) {
        *reason = AGENT_INTERNAL_ERROR;
        return NGX_OK;
    }

    *reason = ngx_agent_jwt_verify(provider, value, set, buf, claims, &renew);

    return (renew && ngx_agent_jwks_renew(provider) == NGX_AGAIN) ? NGX_AGAIN
                                                                  : NGX_OK;
}


/* AGENT_PROVIDER_UNAVAILABLE: it is not, that is what it is without keys */

static agent_reason_e
ngx_agent_jwt_hopeless(const ngx_agent_provider_t *provider,
    const agent_str_t *value, ngx_pool_t *pool)
{
    char             err[AGENT_ERROR_LEN];
    u_char          *buf;
    agent_jwt_t      jwt;
    agent_reason_e   reason;

    buf = ngx_pnalloc(pool, agent_jwt_room(value->len));
    if (buf == NULL) {
        return AGENT_INTERNAL_ERROR;
    }

    reason = agent_jwt_parse(&jwt, value, buf, err);

    if (reason == AGENT_OK) {
        reason = agent_jwt_claimed(&jwt, &provider->jwt, err);
        agent_jwt_free(&jwt);
    }

    if (reason == AGENT_OK) {
        return AGENT_PROVIDER_UNAVAILABLE;
    }

    ngx_agent_jwt_told(provider, err);

    return reason;
}


static agent_reason_e
ngx_agent_jwt_verify(const ngx_agent_provider_t *provider,
    const agent_str_t *value, const agent_jwks_t *set, u_char *buf,
    agent_claims_t *claims, ngx_uint_t *renew)
{
    char            err[AGENT_ERROR_LEN];
    agent_jwt_t     jwt;
    agent_reason_e  reason;

    err[0] = '\0';
    *renew = 0;

    reason = agent_jwt_parse(&jwt, value, buf, err);

    if (reason == AGENT_OK) {
        reason = agent_jwt_check(&jwt, &provider->jwt, set, ngx_agent_now(),
                                 claims, err);

        /* a new key of a server that names none fails like a forgery */

        *renew = (reason == AGENT_SIGNING_KEY_UNKNOWN
                  || (reason == AGENT_SIGNATURE_INVALID
                      && jwt.jws.kid.len == 0));

        agent_jwt_free(&jwt);
    }

    if (reason != AGENT_OK) {
        ngx_agent_jwt_told(provider, err);
    }

    return reason;
}


static void
ngx_agent_jwt_told(const ngx_agent_provider_t *provider, const char *err)
{
    ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                  "agent_auth: a token of provider \"%V\" is refused: %s",
                  &provider->name, err);
}


ngx_uint_t
ngx_agent_jwt_lasting(agent_reason_e reason)
{
    switch (reason) {

    case AGENT_OK:
    case AGENT_SIGNATURE_INVALID:
    case AGENT_TOKEN_CLAIMS:
    case AGENT_TOKEN_EXPIRED:
        return 1;

    /* the rest is found out without a signature, or will pass */

    default:
        return 0;
    }
}
