
#include "ngx_agent_client.h"
#include "ngx_agent_jwt.h"
#include "ngx_agent_metadata.h"
#include "agent_digest.h"


#define NGX_AGENT_ALGORITHMS                                                  \
    (AGENT_ALG_RS256 | AGENT_ALG_PS256 | AGENT_ALG_ES256 | AGENT_ALG_EDDSA    \
     | AGENT_ALG_ED25519)


typedef struct ngx_agent_param_s  ngx_agent_param_t;

typedef ngx_int_t (*ngx_agent_param_pt)(ngx_conf_t *cf,
    const ngx_agent_param_t *param, void *field);

struct ngx_agent_param_s {
    ngx_str_t            name;
    ngx_agent_param_pt   handler;
    size_t               offset;
    const void          *data;
};


static char *ngx_agent_provider_param(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf);
static ngx_int_t ngx_agent_param_text(ngx_conf_t *cf,
    const ngx_agent_param_t *param, void *field);
static ngx_int_t ngx_agent_param_path(ngx_conf_t *cf,
    const ngx_agent_param_t *param, void *field);
static ngx_int_t ngx_agent_param_time(ngx_conf_t *cf,
    const ngx_agent_param_t *param, void *field);
static ngx_int_t ngx_agent_param_number(ngx_conf_t *cf,
    const ngx_agent_param_t *param, void *field);
static ngx_int_t ngx_agent_param_flag(ngx_conf_t *cf,
    const ngx_agent_param_t *param, void *field);
static ngx_int_t ngx_agent_param_enum(ngx_conf_t *cf,
    const ngx_agent_param_t *param, void *field);
static ngx_int_t ngx_agent_param_rate(ngx_conf_t *cf,
    const ngx_agent_param_t *param, void *field);
static ngx_int_t ngx_agent_param_algorithms(ngx_conf_t *cf,
    const ngx_agent_param_t *param, void *field);
static ngx_int_t ngx_agent_param_breaker(ngx_conf_t *cf,
    const ngx_agent_param_t *param, void *field);
static ngx_int_t ngx_agent_provider_check(ngx_conf_t *cf,
    ngx_agent_provider_t *provider);
static ngx_int_t ngx_agent_provider_endpoint(ngx_conf_t *cf,
    ngx_agent_provider_t *provider);
static ngx_int_t ngx_agent_provider_url(ngx_conf_t *cf,
    ngx_agent_provider_t *provider, const ngx_str_t *url,
    ngx_agent_endpoint_t *ep, const char *name);
static void ngx_agent_provider_defaults(ngx_agent_provider_t *provider);
static void ngx_agent_provider_part(ngx_agent_provider_t *provider);


static ngx_conf_enum_t  ngx_agent_client_auths[] = {
    { ngx_string("client_secret_basic"), NGX_AGENT_CLIENT_BASIC },
    { ngx_string("client_secret_post"), NGX_AGENT_CLIENT_POST },
    { ngx_string("private_key_jwt"), NGX_AGENT_CLIENT_JWT },
    { ngx_string("tls_client_auth"), NGX_AGENT_CLIENT_TLS },
    { ngx_string("bearer"), NGX_AGENT_CLIENT_BEARER },
    { ngx_string("none"), NGX_AGENT_CLIENT_NONE },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_agent_verifies[] = {
    { ngx_string("auto"), NGX_AGENT_VERIFY_AUTO },
    { ngx_string("jwt"), NGX_AGENT_VERIFY_JWT },
    { ngx_string("introspection"), NGX_AGENT_VERIFY_INTROSPECTION },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_agent_token_types[] = {
    { ngx_string("at+jwt"), 0 },
    { ngx_string("any"), 1 },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_agent_responses[] = {
    { ngx_string("json"), 0 },
    { ngx_string("jwt"), 1 },
    { ngx_null_string, 0 }
};


#define ngx_agent_provider_field(member)                                      \
    offsetof(ngx_agent_provider_t, member)


static const ngx_agent_param_t  ngx_agent_params[] = {
    { ngx_string("issuer"), ngx_agent_param_text,
      ngx_agent_provider_field(issuer), NULL },

    { ngx_string("metadata_uri"), ngx_agent_param_text,
      ngx_agent_provider_field(metadata_uri), NULL },

    { ngx_string("introspection_endpoint"), ngx_agent_param_text,
      ngx_agent_provider_field(introspection_endpoint), NULL },

    { ngx_string("introspection_response"), ngx_agent_param_enum,
      ngx_agent_provider_field(response_jwt), ngx_agent_responses },

    { ngx_string("jwks_uri"), ngx_agent_param_text,
      ngx_agent_provider_field(jwks_uri), NULL },

    { ngx_string("jwks_file"), ngx_agent_param_path,
      ngx_agent_provider_field(jwks_file), NULL },

    { ngx_string("verify"), ngx_agent_param_enum,
      ngx_agent_provider_field(verify), ngx_agent_verifies },

    { ngx_string("algorithms"), ngx_agent_param_algorithms,
      ngx_agent_provider_field(algorithms), NULL },

    { ngx_string("token_type"), ngx_agent_param_enum,
      ngx_agent_provider_field(token_type), ngx_agent_token_types },

    { ngx_string("leeway"), ngx_agent_param_time,
      ngx_agent_provider_field(leeway), NULL },

    { ngx_string("client_id"), ngx_agent_param_text,
      ngx_agent_provider_field(client_id), "spaces" },

    { ngx_string("client_secret_file"), ngx_agent_param_path,
      ngx_agent_provider_field(client_secret_file), NULL },

    { ngx_string("client_key_file"), ngx_agent_param_path,
      ngx_agent_provider_field(client_key_file), NULL },

    { ngx_string("client_key_id"), ngx_agent_param_text,
      ngx_agent_provider_field(client_key_id), "spaces" },

    { ngx_string("client_certificate"), ngx_agent_param_path,
      ngx_agent_provider_field(client_certificate), NULL },

    { ngx_string("ssl_trusted_certificate"), ngx_agent_param_path,
      ngx_agent_provider_field(ssl_trusted_certificate), NULL },

    { ngx_string("ssl_crl"), ngx_agent_param_path,
      ngx_agent_provider_field(ssl_crl), NULL },

    { ngx_string("ssl_verify"), ngx_agent_param_flag,
      ngx_agent_provider_field(ssl_verify), NULL },

    { ngx_string("client_auth"), ngx_agent_param_enum,
      ngx_agent_provider_field(client_auth), ngx_agent_client_auths },

    { ngx_string("max_ttl"), ngx_agent_param_time,
      ngx_agent_provider_field(max_ttl), NULL },

    { ngx_string("negative_ttl"), ngx_agent_param_time,
      ngx_agent_provider_field(negative_ttl), NULL },

    { ngx_string("stale_if_error"), ngx_agent_param_time,
      ngx_agent_provider_field(stale_if_error), NULL },

    { ngx_string("timeout"), ngx_agent_param_time,
      ngx_agent_provider_field(timeout), NULL },

    { ngx_string("max_pending"), ngx_agent_param_number,
      ngx_agent_provider_field(max_pending), NULL },

    { ngx_string("keepalive"), ngx_agent_param_number,
      ngx_agent_provider_field(keepalive), NULL },

    { ngx_string("miss_rate"), ngx_agent_param_rate,
      ngx_agent_provider_field(miss_rate), NULL },

    { ngx_string("breaker"), ngx_agent_param_breaker, 0, NULL },

    { ngx_null_string, NULL, 0, NULL }
};


char *
ngx_agent_provider_block(ngx_conf_t *cf, ngx_array_t *providers)
{
    char                   *rv;
    ngx_str_t              *value;
    ngx_conf_t              save;
    ngx_agent_provider_t   *provider, **p;

    value = cf->args->elts;

    if (ngx_agent_provider_find(providers, &value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate provider \"%V\" in "
                           "\"agent_oauth_provider\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    provider = ngx_pcalloc(cf->pool, sizeof(ngx_agent_provider_t));
    if (provider == NULL) {
        return NGX_CONF_ERROR;
    }

    provider->name = value[1];
    provider->conf_line = cf->conf_file->line;
    provider->conf_file.len = cf->conf_file->file.name.len;
    provider->conf_file.data = ngx_pstrdup(cf->pool,
                                           &cf->conf_file->file.name);
    if (provider->conf_file.data == NULL) {
        return NGX_CONF_ERROR;
    }

    provider->verify = NGX_CONF_UNSET_UINT;
    provider->client_auth = NGX_CONF_UNSET_UINT;
    provider->algorithms = NGX_CONF_UNSET_UINT;
    provider->token_type = NGX_CONF_UNSET_UINT;
    provider->response_jwt = NGX_CONF_UNSET_UINT;
    provider->leeway = NGX_CONF_UNSET_MSEC;
    provider->max_ttl = NGX_CONF_UNSET_MSEC;
    provider->negative_ttl = NGX_CONF_UNSET_MSEC;
    provider->stale_if_error = NGX_CONF_UNSET_MSEC;
    provider->timeout = NGX_CONF_UNSET_MSEC;
    provider->max_pending = NGX_CONF_UNSET_UINT;
    provider->miss_rate = NGX_CONF_UNSET_UINT;
    provider->keepalive = NGX_CONF_UNSET_UINT;
    provider->breaker_failures = NGX_CONF_UNSET_UINT;
    provider->breaker_cooldown = NGX_CONF_UNSET_MSEC;
    provider->ssl_verify = NGX_CONF_UNSET;

    save = *cf;
    cf->handler = ngx_agent_provider_param;
    cf->handler_conf = (char *) provider;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (ngx_agent_provider_check(cf, provider) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    p = ngx_array_push(providers);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    *p = provider;

    return NGX_CONF_OK;
}


ngx_agent_provider_t *
ngx_agent_provider_find(ngx_array_t *providers, ngx_str_t *name)
{
    ngx_uint_t              i;
    ngx_agent_provider_t  **p;

    p = providers->elts;

    for (i = 0; i < providers->nelts; i++) {
        if (p[i]->name.len == name->len
            && ngx_strncmp(p[i]->name.data, name->data, name->len) == 0)
        {
            return p[i];
        }
    }

    return NULL;
}


static char *
ngx_agent_provider_param(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    u_char                   *provider = conf;

    ngx_str_t                *value;
    const ngx_agent_param_t  *param;

    value = cf->args->elts;

    for (param = ngx_agent_params; param->name.len; param++) {
        if (param->name.len == value[0].len
            && ngx_strncmp(param->name.data, value[0].data, value[0].len) == 0)
        {
            break;
        }
    }

    if (param->name.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown parameter \"%V\" in "
                           "\"agent_oauth_provider\"", &value[0]);
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts < 2
        || (cf->args->nelts > 2
            && param->handler != ngx_agent_param_breaker
            && param->handler != ngx_agent_param_algorithms))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number of values of \"%V\" in "
                           "\"agent_oauth_provider\"", &value[0]);
        return NGX_CONF_ERROR;
    }

    switch (param->handler(cf, param, provider + param->offset)) {

    case NGX_OK:
        return NGX_CONF_OK;

    case NGX_BUSY:
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate \"%V\" in \"agent_oauth_provider\"",
                           &value[0]);
        return NGX_CONF_ERROR;

    case NGX_DECLINED:
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" of \"%V\" in "
                           "\"agent_oauth_provider\"", &value[1], &value[0]);
        return NGX_CONF_ERROR;

    default:
        return NGX_CONF_ERROR;
    }
}


/* handlers: NGX_OK; NGX_BUSY: set before; NGX_DECLINED: a bad value */

static ngx_int_t
ngx_agent_param_text(ngx_conf_t *cf, const ngx_agent_param_t *param,
    void *field)
{
    ngx_str_t   *value, *text = field;
    ngx_uint_t   i;

    if (text->data) {
        return NGX_BUSY;
    }

    value = cf->args->elts;

    /* RFC 6749, A.1: an id may have spaces, a URI may not */

    for (i = 0; i < value[1].len; i++) {
        if (value[1].data[i] < (param->data ? 0x20 : 0x21)
            || value[1].data[i] > 0x7e)
        {
            return NGX_DECLINED;
        }
    }

    *text = value[1];

    return text->len ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_agent_param_path(ngx_conf_t *cf, const ngx_agent_param_t *param,
    void *field)
{
    ngx_str_t  *value, *path = field;

    if (path->data) {
        return NGX_BUSY;
    }

    value = cf->args->elts;
    *path = value[1];

    if (path->len == 0) {
        return NGX_DECLINED;
    }

    return ngx_conf_full_name(cf->cycle, path, 1);
}


static ngx_int_t
ngx_agent_param_time(ngx_conf_t *cf, const ngx_agent_param_t *param,
    void *field)
{
    ngx_str_t   *value;
    ngx_msec_t  *ms = field;

    if (*ms != NGX_CONF_UNSET_MSEC) {
        return NGX_BUSY;
    }

    value = cf->args->elts;
    *ms = ngx_parse_time(&value[1], 0);

    return *ms == (ngx_msec_t) NGX_ERROR ? NGX_DECLINED : NGX_OK;
}


static ngx_int_t
ngx_agent_param_number(ngx_conf_t *cf, const ngx_agent_param_t *param,
    void *field)
{
    ngx_int_t    n;
    ngx_str_t   *value;
    ngx_uint_t  *number = field;

    if (*number != NGX_CONF_UNSET_UINT) {
        return NGX_BUSY;
    }

    value = cf->args->elts;
    n = ngx_atoi(value[1].data, value[1].len);

    if (n == NGX_ERROR) {
        return NGX_DECLINED;
    }

    *number = (ngx_uint_t) n;

    return NGX_OK;
}


static ngx_int_t
ngx_agent_param_flag(ngx_conf_t *cf, const ngx_agent_param_t *param,
    void *field)
{
    ngx_str_t   *value;
    ngx_flag_t  *flag = field;

    if (*flag != NGX_CONF_UNSET) {
        return NGX_BUSY;
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "on") == 0) {
        *flag = 1;

    } else if (ngx_strcmp(value[1].data, "off") == 0) {
        *flag = 0;

    } else {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_agent_param_enum(ngx_conf_t *cf, const ngx_agent_param_t *param,
    void *field)
{
    ngx_str_t              *value;
    ngx_uint_t             *choice = field;
    const ngx_conf_enum_t  *e;

    if (*choice != NGX_CONF_UNSET_UINT) {
        return NGX_BUSY;
    }

    value = cf->args->elts;

    for (e = param->data; e->name.len; e++) {
        if (e->name.len == value[1].len
            && ngx_strncmp(e->name.data, value[1].data, e->name.len) == 0)
        {
            *choice = e->value;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


/* 100/s, 30/m, off; kept per minute */

static ngx_int_t
ngx_agent_param_rate(ngx_conf_t *cf, const ngx_agent_param_t *param,
    void *field)
{
    size_t       len;
    ngx_int_t    n;
    ngx_str_t   *value;
    ngx_uint_t  *rate = field, scale;

    if (*rate != NGX_CONF_UNSET_UINT) {
        return NGX_BUSY;
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        *rate = 0;
        return NGX_OK;
    }

    len = value[1].len;

    if (len > 2 && ngx_strncmp(value[1].data + len - 2, "/s", 2) == 0) {
        scale = 60;

    } else if (len > 2 && ngx_strncmp(value[1].data + len - 2, "/m", 2) == 0) {
        scale = 1;

    } else {
        return NGX_DECLINED;
    }

    n = ngx_atoi(value[1].data, len - 2);

    if (n <= 0 || n > 1000000) {
        return NGX_DECLINED;
    }

    *rate = (ngx_uint_t) n * scale;

    return NGX_OK;
}


static ngx_int_t
ngx_agent_param_algorithms(ngx_conf_t *cf, const ngx_agent_param_t *param,
    void *field)
{
    uint32_t      alg;
    ngx_str_t    *value;
    ngx_uint_t   *mask = field, i;
    agent_str_t   name;

    if (*mask != NGX_CONF_UNSET_UINT) {
        return NGX_BUSY;
    }

    value = cf->args->elts;
    *mask = 0;

    for (i = 1; i < cf->args->nelts; i++) {

        name.data = value[i].data;
        name.len = value[i].len;

        alg = agent_alg_find(&name);

        if (alg == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value \"%V\" of \"algorithms\" in "
                               "\"agent_oauth_provider\"", &value[i]);
            return NGX_ERROR;
        }

        *mask |= alg;
    }

    return NGX_OK;
}


/* breaker failures=n cooldown=time */

static ngx_int_t
ngx_agent_param_breaker(ngx_conf_t *cf, const ngx_agent_param_t *param,
    void *field)
{
    ngx_int_t              n;
    ngx_str_t             *value, s;
    ngx_uint_t             i;
    ngx_agent_provider_t  *provider = field;

    if (provider->breaker_failures != NGX_CONF_UNSET_UINT
        || provider->breaker_cooldown != NGX_CONF_UNSET_MSEC)
    {
        return NGX_BUSY;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "failures=", 9) == 0) {
            n = ngx_atoi(value[i].data + 9, value[i].len - 9);

            if (n > 0) {
                provider->breaker_failures = (ngx_uint_t) n;
                continue;
            }

        } else if (ngx_strncmp(value[i].data, "cooldown=", 9) == 0) {
            s.data = value[i].data + 9;
            s.len = value[i].len - 9;

            n = ngx_parse_time(&s, 0);

            if (n > 0) {
                provider->breaker_cooldown = (ngx_msec_t) n;
                continue;
            }
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" of \"breaker\" in "
                           "\"agent_oauth_provider\"", &value[i]);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_agent_provider_check(ngx_conf_t *cf, ngx_agent_provider_t *provider)
{
    ngx_agent_provider_defaults(provider);

    if (ngx_agent_provider_endpoint(cf, provider) != NGX_OK) {
        return NGX_ERROR;
    }

    if (provider->max_pending == 0 || provider->timeout == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" of 0 in \"agent_oauth_provider %V\": "
                           "nothing could ever be asked",
                           provider->timeout ? "max_pending" : "timeout",
                           &provider->name);
        return NGX_ERROR;
    }

    if (provider->verify != NGX_AGENT_VERIFY_JWT
        && ngx_agent_client_conf(cf, provider) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (provider->plain) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "agent_auth: provider \"%V\" is asked without TLS, "
                           "whoever is on the way sees tokens and can answer "
                           "for it", &provider->name);
    }

    if (!provider->ssl_verify && provider->tls) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "agent_auth: \"ssl_verify off\": anybody on the way "
                           "to provider \"%V\" can answer for it",
                           &provider->name);
    }

    ngx_agent_provider_part(provider);

    provider->fetch.name = provider->name;
    provider->fetch.timeout = provider->timeout;
    provider->fetch.keepalive = provider->keepalive;
    provider->fetch.ssl_verify = provider->ssl_verify;

    if (!provider->tls) {
        return NGX_OK;
    }

    provider->fetch.ssl =
        ngx_agent_fetch_ssl(cf, provider->ssl_verify,
                            &provider->ssl_trusted_certificate,
                            &provider->ssl_crl, &provider->client_certificate,
                            &provider->client_key_file);

    return provider->fetch.ssl ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_agent_provider_endpoint(ngx_conf_t *cf, ngx_agent_provider_t *provider)
{
    if (provider->issuer.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"agent_oauth_provider %V\" must have "
                           "\"issuer\"", &provider->name);
        return NGX_ERROR;
    }

    if (ngx_agent_provider_url(cf, provider,
                               &provider->introspection_endpoint,
                               &provider->endpoint, "introspection_endpoint")
        != NGX_OK
        || ngx_agent_provider_url(cf, provider, &provider->jwks_uri,
                                  &provider->jwks_endpoint, "jwks_uri")
           != NGX_OK
        || ngx_agent_jwt_conf(cf, provider) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_agent_metadata_conf(cf, provider);
}


static ngx_int_t
ngx_agent_provider_url(ngx_conf_t *cf, ngx_agent_provider_t *provider,
    const ngx_str_t *url, ngx_agent_endpoint_t *ep, const char *name)
{
    char  err[AGENT_ERROR_LEN];

    if (url->len == 0) {
        return NGX_OK;
    }

    if (ngx_agent_endpoint_parse(cf->pool, url, ep, err) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" of \"%s\" in "
                           "\"agent_oauth_provider\": %s", url, name, err);
        return NGX_ERROR;
    }

    ngx_agent_provider_server(provider, ep);

    return NGX_OK;
}


void
ngx_agent_provider_server(ngx_agent_provider_t *provider,
    const ngx_agent_endpoint_t *ep)
{
    provider->tls |= ep->tls;
    provider->resolve |= (ep->naddrs == 0);
    provider->plain |= (!ep->tls
                        && (ep->naddrs == 0
                            || ngx_agent_sockaddr_class(ep->addrs[0].sockaddr)
                               != AGENT_ADDRESS_LOCAL));
}


static void
ngx_agent_provider_defaults(ngx_agent_provider_t *provider)
{
    ngx_conf_init_uint_value(provider->verify, NGX_AGENT_VERIFY_AUTO);
    ngx_conf_init_uint_value(provider->client_auth, NGX_AGENT_CLIENT_BASIC);
    ngx_conf_init_uint_value(provider->algorithms, NGX_AGENT_ALGORITHMS);
    ngx_conf_init_uint_value(provider->token_type, 0);
    ngx_conf_init_uint_value(provider->response_jwt, 0);
    ngx_conf_init_msec_value(provider->leeway, 30000);
    ngx_conf_init_msec_value(provider->max_ttl, 60000);
    ngx_conf_init_msec_value(provider->negative_ttl, 5000);
    ngx_conf_init_msec_value(provider->stale_if_error, 0);
    ngx_conf_init_msec_value(provider->timeout, 3000);
    ngx_conf_init_uint_value(provider->max_pending, 64);
    ngx_conf_init_uint_value(provider->miss_rate, 100 * 60);
    ngx_conf_init_uint_value(provider->keepalive, 8);
    ngx_conf_init_uint_value(provider->breaker_failures, 5);
    ngx_conf_init_msec_value(provider->breaker_cooldown, 5000);
    ngx_conf_init_value(provider->ssl_verify, 1);
}


/*
 * Verdicts of an earlier configuration serve only if they would be the same:
 * the settings that they depend on are the partition of the cache.
 */

static void
ngx_agent_provider_part(ngx_agent_provider_t *provider)
{
    u_char       digest[AGENT_SHA256_LEN];
    u_char       text[AGENT_SHA256_LEN * 10 + NGX_INT64_LEN * 10], *p;
    ngx_uint_t   i;

    const ngx_str_t  *texts[] = {
        &provider->name, &provider->issuer, &provider->metadata_uri,
        &provider->introspection_endpoint, &provider->client_id,
        &provider->jwks_uri, &provider->jwks_file,
        &provider->ssl_trusted_certificate, &provider->ssl_crl,
        &provider->client_certificate
    };

    /* a digest of each, as together they may be of any length */

    for (i = 0, p = text; i < sizeof(texts) / sizeof(texts[0]); i++) {
        agent_sha256(texts[i]->data, texts[i]->len, p);
        p += AGENT_SHA256_LEN;
    }

    p = ngx_sprintf(p, "%M %M %M %M %ui %ui %ui %ui %ui %i", provider->max_ttl,
                    provider->negative_ttl, provider->stale_if_error,
                    provider->leeway, provider->verify, provider->algorithms,
                    provider->token_type, provider->response_jwt,
                    provider->client_auth, provider->ssl_verify);

    agent_sha256(text, p - text, digest);
    ngx_memcpy(provider->part, digest, NGX_AGENT_CACHE_PART);
}
