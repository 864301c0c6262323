
#include "ngx_agent_jwt.h"
#include "ngx_agent_jwks.h"
#include "agent_jwt.h"

#include <openssl/crypto.h>


static ngx_int_t ngx_agent_jwt_sources(ngx_conf_t *cf,
    ngx_agent_provider_t *provider);
static agent_reason_e ngx_agent_jwt_verify(
    const ngx_agent_provider_t *provider, const agent_str_t *value,
    const agent_jwks_t *set, u_char *buf, agent_claims_t *claims,
    ngx_uint_t *renew);


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
    ngx_uint_t  off, keys, endpoint;

    off = (provider->metadata_uri.len == 3
           && ngx_strncmp(provider->metadata_uri.data, "off", 3) == 0);

    keys = (provider->jwks_uri.len || provider->jwks_file.len);
    endpoint = (provider->introspection_endpoint.len != 0);

    /* "auto" is what can be done */

    if (provider->verify == NGX_AGENT_VERIFY_AUTO && off && keys != endpoint) {
        provider->verify = keys ? NGX_AGENT_VERIFY_JWT
                                : NGX_AGENT_VERIFY_INTROSPECTION;
    }

    provider->discover =
        (!keys && provider->verify != NGX_AGENT_VERIFY_INTROSPECTION)
        || (!endpoint && provider->verify != NGX_AGENT_VERIFY_JWT);

    if (!provider->discover || !off) {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"agent_oauth_provider %V\" must have \"%s\", as "
                       "\"metadata_uri\" is off", &provider->name,
                       provider->verify == NGX_AGENT_VERIFY_JWT
                       ? "jwks_uri" : "introspection_endpoint");
    return NGX_ERROR;
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

    rc = ngx_agent_jwks_get(provider, &set, retry_after);

    if (rc != NGX_OK) {
        return rc;
    }

    if (set == NULL) {
        *reason = AGENT_SIGNING_KEY_UNKNOWN;
        return NGX_OK;
    }

    /* not again with the same keys, while newer ones are fetched */

    if (*tried && *tried == ngx_agent_jwks_generation(provider)) {
        return ngx_agent_jwks_renew(provider) == NGX_AGAIN ? NGX_AGAIN
                                                           : NGX_OK;
    }

    *tried = ngx_agent_jwks_generation(provider);

    buf = ngx_pnalloc(pool, agent_jwt_room(value->len));

    if (buf == NULL) {
        *reason = AGENT_INTERNAL_ERROR;
        return NGX_OK;
    }

    *reason = ngx_agent_jwt_verify(provider, value, set, buf, claims, &renew);

    return (renew && ngx_agent_jwks_renew(provider) == NGX_AGAIN) ? NGX_AGAIN
                                                                  : NGX_OK;
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
        ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                      "agent_auth: a token of provider \"%V\" is refused: %s",
                      &provider->name, err);
    }

    return reason;
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
