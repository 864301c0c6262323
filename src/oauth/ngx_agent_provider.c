
#include "ngx_agent_provider.h"
#include "agent_digest.h"


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
static ngx_int_t ngx_agent_param_breaker(ngx_conf_t *cf,
    const ngx_agent_param_t *param, void *field);
static ngx_int_t ngx_agent_provider_check(ngx_conf_t *cf,
    ngx_agent_provider_t *provider);
static ngx_int_t ngx_agent_provider_client(ngx_conf_t *cf,
    ngx_agent_provider_t *provider);
static void ngx_agent_provider_part(ngx_agent_provider_t *provider);


static ngx_conf_enum_t  ngx_agent_client_auths[] = {
    { ngx_string("client_secret_basic"), NGX_AGENT_CLIENT_BASIC },
    { ngx_string("client_secret_post"), NGX_AGENT_CLIENT_POST },
    { ngx_string("tls_client_auth"), NGX_AGENT_CLIENT_TLS },
    { ngx_string("bearer"), NGX_AGENT_CLIENT_BEARER },
    { ngx_string("none"), NGX_AGENT_CLIENT_NONE },
    { ngx_null_string, 0 }
};


#define ngx_agent_provider_field(member)                                      \
    offsetof(ngx_agent_provider_t, member)


static const ngx_agent_param_t  ngx_agent_params[] = {
    { ngx_string("issuer"), ngx_agent_param_text,
      ngx_agent_provider_field(issuer), NULL },

    { ngx_string("introspection_endpoint"), ngx_agent_param_text,
      ngx_agent_provider_field(introspection_endpoint), NULL },

    { ngx_string("client_id"), ngx_agent_param_text,
      ngx_agent_provider_field(client_id), NULL },

    { ngx_string("client_secret_file"), ngx_agent_param_path,
      ngx_agent_provider_field(client_secret_file), NULL },

    { ngx_string("client_key_file"), ngx_agent_param_path,
      ngx_agent_provider_field(client_key_file), NULL },

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
    provider->index = providers->nelts;
    provider->conf_line = cf->conf_file->line;
    provider->conf_file.len = cf->conf_file->file.name.len;
    provider->conf_file.data = ngx_pstrdup(cf->pool,
                                           &cf->conf_file->file.name);
    if (provider->conf_file.data == NULL) {
        return NGX_CONF_ERROR;
    }

    provider->client_auth = NGX_CONF_UNSET_UINT;
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
