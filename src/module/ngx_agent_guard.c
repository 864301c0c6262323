
/*
 * What only a guarded location needs, and what contradicts in one.
 */

#include "ngx_agent_handlers.h"


static ngx_int_t ngx_agent_guard_zone(ngx_conf_t *cf,
    ngx_agent_main_conf_t *amcf, ngx_agent_loc_conf_t *conf);
static ngx_int_t ngx_agent_guard_providers(ngx_conf_t *cf,
    ngx_agent_main_conf_t *amcf, ngx_agent_loc_conf_t *conf);
static ngx_int_t ngx_agent_guard_provider(ngx_conf_t *cf,
    ngx_agent_main_conf_t *amcf, ngx_agent_loc_conf_t *conf, ngx_str_t *name);
static ngx_int_t ngx_agent_guard_audience(ngx_conf_t *cf,
    ngx_agent_loc_conf_t *conf);
static ngx_int_t ngx_agent_guard_sources(ngx_conf_t *cf,
    ngx_agent_loc_conf_t *conf);
static ngx_uint_t ngx_agent_guard_shadowed(ngx_conf_t *cf);
static void ngx_agent_guard_warn(ngx_conf_t *cf, ngx_agent_loc_conf_t *conf);


/* nginx may be built without it */

extern ngx_module_t  ngx_http_rewrite_module __attribute__((weak));


ngx_int_t
ngx_agent_guard(ngx_conf_t *cf, ngx_agent_loc_conf_t *conf)
{
    ngx_agent_srv_conf_t   *ascf;
    ngx_agent_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_agent_auth_module);
    ascf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_agent_auth_module);

    ascf->guarded = 1;
    amcf->guarded++;

    if (conf->mode == NGX_AGENT_OBSERVE) {
        amcf->observed++;
    }

    conf->revocations = amcf->revocations;

    conf->shadowed = ngx_agent_guard_shadowed(cf);

    if (((conf->methods & NGX_AGENT_KEY)
         && ngx_agent_guard_zone(cf, amcf, conf) != NGX_OK)
        || ((conf->methods & NGX_AGENT_OAUTH)
            && (ngx_agent_guard_providers(cf, amcf, conf) != NGX_OK
                || ngx_agent_guard_audience(cf, conf) != NGX_OK
                || ngx_agent_binding_init(cf, amcf, conf) != NGX_OK))
        || (conf->resource
            && ngx_agent_resource_use(conf->resource, conf) != NGX_OK)
        || (conf->step_up && ngx_agent_step_up_guard(cf, conf) != NGX_OK)
        || ngx_agent_guard_sources(cf, conf) != NGX_OK
        || ngx_agent_challenge_init(cf, conf) != NGX_OK
        || ngx_agent_status_guard(cf, amcf, conf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_agent_guard_warn(cf, conf);

    return NGX_OK;
}


static ngx_int_t
ngx_agent_guard_zone(ngx_conf_t *cf, ngx_agent_main_conf_t *amcf,
    ngx_agent_loc_conf_t *conf)
{
    ngx_agent_key_zone_t  **zones;

    zones = amcf->key_zones.elts;

    if (conf->zone_name.len) {

        conf->zone = ngx_agent_key_zone_find(&amcf->key_zones,
                                             &conf->zone_name);
        if (conf->zone == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "unknown zone \"%V\" in \"agent_auth\", define it "
                          "with \"agent_key_zone\" in http, in %V:%ui",
                          &conf->zone_name, &conf->conf_file,
                          conf->conf_line);
            return NGX_ERROR;
        }

        return NGX_OK;
    }

    if (amcf->key_zones.nelts == 1) {
        conf->zone = zones[0];
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "\"agent_auth key\" %s in %V:%ui",
                  amcf->key_zones.nelts
                  ? "must name its zone as in \"key=name\", there are several,"
                  : "needs a zone, define one with \"agent_key_zone\" in http,",
                  &conf->conf_file, conf->conf_line);

    return NGX_ERROR;
}


static ngx_int_t
ngx_agent_guard_providers(ngx_conf_t *cf, ngx_agent_main_conf_t *amcf,
    ngx_agent_loc_conf_t *conf)
{
    ngx_str_t              *name;
    ngx_uint_t              i, n;
    ngx_agent_provider_t  **all;

    conf->token_zone = amcf->token_zone;

    n = conf->provider_names->nelts;

    if (n == 0 && amcf->providers.nelts != 1) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"agent_auth oauth\" %s in %V:%ui",
                      amcf->providers.nelts
                      ? "must name its provider as in \"oauth=name\", there "
                        "are several,"
                      : "needs a provider, define one with "
                        "\"agent_oauth_provider\" in http,",
                      &conf->conf_file, conf->conf_line);
        return NGX_ERROR;
    }

    conf->providers = ngx_palloc(cf->pool, ngx_max(n, 1) * sizeof(void *));
    if (conf->providers == NULL) {
        return NGX_ERROR;
    }

    if (n == 0) {
        all = amcf->providers.elts;
        conf->providers[0] = all[0];
        conf->nproviders = 1;
        return NGX_OK;
    }

    name = conf->provider_names->elts;

    for (i = 0; i < n; i++) {
        if (ngx_agent_guard_provider(cf, amcf, conf, &name[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_agent_guard_provider(ngx_conf_t *cf, ngx_agent_main_conf_t *amcf,
    ngx_agent_loc_conf_t *conf, ngx_str_t *name)
{
    ngx_uint_t                   i;
    const ngx_agent_provider_t  *provider, *other;

    provider = ngx_agent_provider_find(&amcf->providers, name);

    if (provider == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "unknown provider \"%V\" in \"agent_auth\", define "
                      "it with \"agent_oauth_provider\" in http, "
                      "in %V:%ui", name, &conf->conf_file,
                      conf->conf_line);
        return NGX_ERROR;
    }

    /* the issuer of a token must say whose it is */

    for (i = 0; i < conf->nproviders; i++) {

        other = conf->providers[i];

        if (other->issuer.len == provider->issuer.len
            && ngx_strncmp(other->issuer.data, provider->issuer.data,
                           other->issuer.len)
               == 0)
        {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "providers \"%V\" and \"%V\" in \"agent_auth\" "
                          "have the same issuer, in %V:%ui",
                          &other->name, name, &conf->conf_file,
                          conf->conf_line);
            return NGX_ERROR;
        }
    }

    conf->providers[conf->nproviders++] = provider;

    return NGX_OK;
}


static ngx_int_t
ngx_agent_guard_audience(ngx_conf_t *cf, ngx_agent_loc_conf_t *conf)
{
    ngx_uint_t  i;

    if (conf->audience == NGX_CONF_UNSET_PTR && conf->resource == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"agent_auth oauth\" needs \"agent_audience\" or "
                      "\"agent_resource\": else any token of the provider "
                      "would do, whatever it was issued for, in %V:%ui",
                      &conf->conf_file, conf->conf_line);
        return NGX_ERROR;
    }

    conf->audiences = (conf->audience == NGX_CONF_UNSET_PTR)
                      ? &conf->resource->audiences : conf->audience;

    for (i = 0; conf->audiences == NULL && i < conf->nproviders; i++) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "agent_auth: \"agent_audience off\": any token of "
                      "provider \"%V\" will do, for \"agent_auth\" in %V:%ui",
                      &conf->providers[i]->name, &conf->conf_file,
                      conf->conf_line);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_agent_guard_sources(ngx_conf_t *cf, ngx_agent_loc_conf_t *conf)
{
    ngx_uint_t           i;
    ngx_agent_source_t  *source;

    if (!conf->hide || conf->mode == NGX_AGENT_OBSERVE) {
        return NGX_OK;
    }

    source = conf->sources->elts;

    for (i = 0; i < conf->sources->nelts; i++) {

        if (source[i].header.len) {
            continue;
        }

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"agent_credential $%V\" cannot be hidden from the "
                      "upstream, only $http_ variables can: set "
                      "\"agent_hide_credential off\" or take another place, "
                      "for \"agent_auth\" in %V:%ui",
                      &source[i].name, &conf->conf_file, conf->conf_line);

        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * What a server itself sets is what its locations inherit, and no request comes
 * to it where one of these is "/".
 */

static ngx_uint_t
ngx_agent_guard_shadowed(ngx_conf_t *cf)
{
    ngx_queue_t                *q;
    ngx_http_core_loc_conf_t   *clcf;
    ngx_http_location_queue_t  *lq;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->name.len || clcf->noname || clcf->locations == NULL) {
        return 0;
    }

    for (q = ngx_queue_head(clcf->locations);
         q != ngx_queue_sentinel(clcf->locations);
         q = ngx_queue_next(q))
    {
        lq = (ngx_http_location_queue_t *) q;

        if (lq->inclusive && lq->inclusive->name.len == 1
            && lq->inclusive->name.data[0] == '/')
        {
            return 1;
        }
    }

    return 0;
}


static void
ngx_agent_guard_warn(ngx_conf_t *cf, ngx_agent_loc_conf_t *conf)
{
    uintptr_t                  *code;
    ngx_array_t               **codes;
    ngx_agent_main_conf_t      *amcf;
    ngx_http_core_loc_conf_t   *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_agent_auth_module);

    /* once for all that inherit the directive */

    if ((conf->audit == NULL || conf->audit->nelts == 0)
        && (amcf->warned_file != conf->conf_file.data
            || amcf->warned_line != conf->conf_line))
    {
        amcf->warned_file = conf->conf_file.data;
        amcf->warned_line = conf->conf_line;

        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "agent_auth: location \"%V\" is guarded and not audited, "
                      "set \"agent_audit\", for \"agent_auth\" in %V:%ui",
                      &clcf->name, &conf->conf_file, conf->conf_line);
    }

    /*
     * "return" answers in the rewrite phase, before access is checked.  The
     * array of codes is the first member of that module's configuration; what
     * stands first in it is not within an "if".
     */

    if (&ngx_http_rewrite_module == NULL) {
        return;
    }

    codes = ngx_http_conf_get_module_loc_conf(cf, ngx_http_rewrite_module);

    if (codes == NULL || *codes == NULL || *codes == NGX_CONF_UNSET_PTR
        || (*codes)->nelts < sizeof(uintptr_t))
    {
        return;
    }

    code = (*codes)->elts;

    if (*code == (uintptr_t) ngx_http_script_return_code) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "agent_auth: location \"%V\" answers by \"return\", "
                      "before access is checked, and so is not guarded, "
                      "for \"agent_auth\" in %V:%ui",
                      &clcf->name, &conf->conf_file, conf->conf_line);
    }
}
