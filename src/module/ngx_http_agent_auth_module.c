
/*
 * The module: its directives, its configurations, its handlers.
 */

#include "ngx_agent_handlers.h"
#include "ngx_agent_recheck.h"


static ngx_int_t ngx_agent_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_agent_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_agent_handler_add(ngx_http_core_main_conf_t *cmcf,
    ngx_http_phases phase, ngx_http_handler_pt handler);
static void *ngx_agent_create_main_conf(ngx_conf_t *cf);
static void *ngx_agent_create_srv_conf(ngx_conf_t *cf);
static void *ngx_agent_create_loc_conf(ngx_conf_t *cf);
static char *ngx_agent_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_agent_directive_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_agent_directive_audit_chain(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_agent_directive_cache(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_agent_directive_dpop_cache(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_agent_directive_provider(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_agent_directive_audit(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_agent_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_agent_init_process(ngx_cycle_t *cycle);
static void ngx_agent_exit_process(ngx_cycle_t *cycle);


static ngx_agent_source_t  ngx_agent_default_sources[] = {
    { ngx_string("http_authorization"), ngx_string("authorization"),
      (u_char *) "authorization", 0, 1 },
    { ngx_string("http_x_api_key"), ngx_string("x_api_key"),
      (u_char *) "x-api-key", 0, 0 }
};


static ngx_array_t  ngx_agent_default_credentials = {
    ngx_agent_default_sources, 2, sizeof(ngx_agent_source_t), 2, NULL
};


/* where keys are not accepted X-API-Key is nobody's credential */

static ngx_array_t  ngx_agent_bearer_credentials = {
    ngx_agent_default_sources, 1, sizeof(ngx_agent_source_t), 1, NULL
};


#define NGX_AGENT_LOC                                                         \
    (NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF)

#define NGX_AGENT_LMT  (NGX_AGENT_LOC|NGX_HTTP_LMT_CONF)


static ngx_command_t  ngx_agent_commands[] = {

    { ngx_string("agent_auth"),
      NGX_AGENT_LMT|NGX_CONF_1MORE,
      ngx_agent_conf_auth,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("agent_key_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_agent_directive_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("agent_token_cache"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_agent_directive_cache,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("agent_revocations"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_agent_conf_revocations,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("agent_oauth_provider"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_agent_directive_provider,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("agent_audience"),
      NGX_AGENT_LOC|NGX_CONF_1MORE,
      ngx_agent_conf_audience,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("agent_claim_set"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_agent_conf_claim_set,
      0,
      0,
      NULL },

    { ngx_string("agent_resource"),
      NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE123,
      ngx_agent_conf_resource,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("agent_credential"),
      NGX_AGENT_LOC|NGX_CONF_1MORE,
      ngx_agent_conf_credential,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("agent_scope"),
      NGX_AGENT_LMT|NGX_CONF_1MORE,
      ngx_agent_conf_scope,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("agent_scope_implies"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_agent_conf_implies,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("agent_binding"),
      NGX_AGENT_LOC|NGX_CONF_1MORE,
      ngx_agent_conf_binding,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("agent_client_cert"),
      NGX_AGENT_LOC|NGX_CONF_1MORE,
      ngx_agent_conf_client_cert,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("agent_dpop_cache"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_agent_directive_dpop_cache,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("agent_service"),
      NGX_AGENT_LOC|NGX_CONF_TAKE1,
      ngx_agent_conf_service,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("agent_require"),
      NGX_AGENT_LMT|NGX_CONF_1MORE,
      ngx_agent_conf_require,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("agent_require_details"),
      NGX_AGENT_LOC|NGX_CONF_1MORE,
      ngx_agent_conf_details,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("agent_delegation"),
      NGX_AGENT_LOC|NGX_CONF_1MORE,
      ngx_agent_conf_delegation,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("agent_step_up"),
      NGX_AGENT_LOC|NGX_CONF_1MORE,
      ngx_agent_conf_step_up,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("agent_mcp"),
      NGX_AGENT_LOC|NGX_CONF_TAKE1,
      ngx_agent_conf_mcp,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("agent_key_sunset"),
      NGX_AGENT_LOC|NGX_CONF_1MORE,
      ngx_agent_conf_sunset,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("agent_mode"),
      NGX_AGENT_LOC|NGX_CONF_TAKE1,
      ngx_agent_conf_mode,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("agent_recheck"),
      NGX_AGENT_LOC|NGX_CONF_TAKE1,
      ngx_agent_conf_recheck,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("agent_hide_credential"),
      NGX_AGENT_LOC|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_agent_loc_conf_t, hide),
      NULL },

    { ngx_string("agent_realm"),
      NGX_AGENT_LOC|NGX_CONF_TAKE1,
      ngx_agent_conf_realm,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("agent_audit_chain"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_agent_directive_audit_chain,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("agent_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_agent_conf_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("agent_control"),
      NGX_HTTP_LOC_CONF|NGX_CONF_ANY,
      ngx_agent_conf_control,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("agent_security_events"),
      NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_agent_conf_events,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("agent_audit"),
      NGX_AGENT_LOC|NGX_CONF_1MORE,
      ngx_agent_directive_audit,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_agent_module_ctx = {
    ngx_agent_preconfiguration,            /* preconfiguration */
    ngx_agent_postconfiguration,           /* postconfiguration */

    ngx_agent_create_main_conf,            /* create main configuration */
    ngx_agent_init_main_conf,              /* init main configuration */

    ngx_agent_create_srv_conf,             /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_agent_create_loc_conf,             /* create location configuration */
    ngx_agent_merge_loc_conf               /* merge location configuration */
};


ngx_module_t  ngx_http_agent_auth_module = {
    NGX_MODULE_V1,
    &ngx_agent_module_ctx,                 /* module context */
    ngx_agent_commands,                    /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_agent_init_module,                 /* init module */
    ngx_agent_init_process,                /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_agent_exit_process,                /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_agent_preconfiguration(ngx_conf_t *cf)
{
    return ngx_agent_variables_add(cf);
}


static ngx_int_t
ngx_agent_postconfiguration(ngx_conf_t *cf)
{
    ngx_uint_t                  documents;
    ngx_agent_main_conf_t      *amcf;
    ngx_http_core_main_conf_t  *cmcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_agent_auth_module);

    if (amcf->observed) {
        ngx_log_error(NGX_LOG_NOTICE, cf->log, 0,
                      "agent_auth: %ui of %ui guarded locations are in "
                      "observe mode and refuse nothing",
                      amcf->observed, amcf->guarded);
    }

    if (ngx_agent_uses_check(cf, amcf) != NGX_OK
        || ngx_agent_controls_init(cf, amcf) != NGX_OK
        || ngx_agent_resources_init(cf, &documents) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_agent_status_warn(cf, amcf);

    if (amcf->guarded == 0) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    if (documents
        && ngx_agent_handler_add(cmcf, NGX_HTTP_SERVER_REWRITE_PHASE,
                                 ngx_agent_resource_handler) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_agent_handler_add(cmcf, NGX_HTTP_REWRITE_PHASE,
                              ngx_agent_visit_handler) != NGX_OK
        || ngx_agent_handler_add(cmcf, NGX_HTTP_ACCESS_PHASE,
                                 ngx_agent_access_handler) != NGX_OK
        || ngx_agent_handler_add(cmcf, NGX_HTTP_PRECONTENT_PHASE,
                                 ngx_agent_precontent_handler) != NGX_OK
        || ngx_agent_handler_add(cmcf, NGX_HTTP_LOG_PHASE,
                                 ngx_agent_log_handler) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_agent_handler_add(ngx_http_core_main_conf_t *cmcf, ngx_http_phases phase,
    ngx_http_handler_pt handler)
{
    ngx_http_handler_pt  *h;

    h = ngx_array_push(&cmcf->phases[phase].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = handler;

    return NGX_OK;
}


static void *
ngx_agent_create_main_conf(ngx_conf_t *cf)
{
    ngx_agent_main_conf_t  *amcf;

    amcf = ngx_pcalloc(cf->pool, sizeof(ngx_agent_main_conf_t));
    if (amcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&amcf->key_zones, cf->pool, 2,
                       sizeof(ngx_agent_key_zone_t *)) != NGX_OK
        || ngx_array_init(&amcf->providers, cf->pool, 2,
                          sizeof(ngx_agent_provider_t *)) != NGX_OK
        || ngx_array_init(&amcf->controls, cf->pool, 1,
                          sizeof(ngx_agent_control_t *)) != NGX_OK
        || ngx_array_init(&amcf->receivers, cf->pool, 1,
                          sizeof(ngx_agent_events_t *)) != NGX_OK
        || ngx_array_init(&amcf->implies, cf->pool, 4,
                          sizeof(ngx_agent_implies_t)) != NGX_OK
        || ngx_array_init(&amcf->scopes, cf->pool, 4,
                          sizeof(ngx_agent_scope_t)) != NGX_OK)
    {
        return NULL;
    }

    return amcf;
}


static void *
ngx_agent_create_srv_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_agent_srv_conf_t));
}


static void *
ngx_agent_create_loc_conf(ngx_conf_t *cf)
{
    ngx_agent_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_agent_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    /* set by ngx_pcalloc():
     *
     *     conf->zone_name = { 0, NULL };
     *     conf->zone = NULL;
     *     conf->provider_names = NULL;
     *     conf->providers = NULL;
     *     conf->nproviders = 0;
     *     conf->audiences = NULL;
     *     conf->sources = NULL;
     *     conf->control = NULL;
     *     conf->events = NULL;
     *     conf->service = { 0, NULL };
     *     conf->realm = { 0, NULL };
     *     conf->challenge = { 0, NULL };
     *     conf->conf_file = { 0, NULL };
     *     conf->conf_line = 0;
     */

    conf->methods = NGX_CONF_UNSET_UINT;
    conf->binding = NGX_CONF_UNSET_UINT;
    conf->mode = NGX_CONF_UNSET_UINT;
    conf->recheck = NGX_CONF_UNSET_MSEC;
    conf->mcp = NGX_CONF_UNSET_UINT;
    conf->hide = NGX_CONF_UNSET;
    conf->client_cert = NGX_CONF_UNSET_PTR;
    conf->resource = NGX_CONF_UNSET_PTR;
    conf->audience = NGX_CONF_UNSET_PTR;
    conf->credentials = NGX_CONF_UNSET_PTR;
    conf->scopes = NGX_CONF_UNSET_PTR;
    conf->requires = NGX_CONF_UNSET_PTR;
    conf->details = NGX_CONF_UNSET_PTR;
    conf->delegation = NGX_CONF_UNSET_PTR;
    conf->step_up = NGX_CONF_UNSET_PTR;
    conf->sunset = NGX_CONF_UNSET_PTR;
    conf->audit = NGX_CONF_UNSET_PTR;

    return conf;
}


static char *
ngx_agent_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_agent_loc_conf_t  *prev = parent;
    ngx_agent_loc_conf_t  *conf = child;

    ngx_agent_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_agent_auth_module);

    if (conf->methods == NGX_CONF_UNSET_UINT) {
        conf->zone_name = prev->zone_name;
        conf->provider_names = prev->provider_names;
        conf->conf_file = prev->conf_file;
        conf->conf_line = prev->conf_line;
    }

    ngx_conf_merge_uint_value(conf->methods, prev->methods, NGX_AGENT_OFF);
    ngx_conf_merge_uint_value(conf->mode, prev->mode, NGX_AGENT_ENFORCE);
    ngx_conf_merge_uint_value(conf->mcp, prev->mcp, NGX_AGENT_MCP_OFF);
    ngx_conf_merge_value(conf->hide, prev->hide, 1);
    ngx_conf_merge_msec_value(conf->recheck, prev->recheck, 0);

    if (conf->scopes != NGX_CONF_UNSET_PTR && conf->scopes
        && ngx_agent_scopes_resolve(cf, amcf, conf->scopes) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (conf->audience == NGX_CONF_UNSET_PTR) {
        conf->audience = prev->audience;
    }

    if (conf->binding == NGX_CONF_UNSET_UINT) {
        conf->bindings = prev->bindings;
        conf->binding_line = prev->binding_line;
    }

    ngx_conf_merge_uint_value(conf->binding, prev->binding,
                              NGX_AGENT_BINDING_OPTIONAL);
    ngx_conf_merge_ptr_value(conf->client_cert, prev->client_cert, NULL);
    ngx_conf_merge_ptr_value(conf->resource, prev->resource, NULL);
    ngx_conf_merge_ptr_value(conf->credentials, prev->credentials, NULL);
    ngx_conf_merge_ptr_value(conf->scopes, prev->scopes, NULL);
    ngx_conf_merge_ptr_value(conf->requires, prev->requires, NULL);
    ngx_conf_merge_ptr_value(conf->details, prev->details, NULL);
    ngx_conf_merge_ptr_value(conf->delegation, prev->delegation, NULL);
    ngx_conf_merge_ptr_value(conf->step_up, prev->step_up, NULL);
    ngx_conf_merge_ptr_value(conf->audit, prev->audit, NULL);

    ngx_agent_control_merge(cf, prev, conf);

    ngx_conf_merge_str_value(conf->realm, prev->realm, "agents");

    /* "agent_service off" has data and no length */

    if (conf->service.data == NULL) {
        conf->service = prev->service;
    }

    ngx_agent_status_merge(cf, prev, conf);

    /* the default follows the methods, and so is not inherited */

    conf->sources = conf->credentials;

    if (conf->sources == NULL) {
        conf->sources = (conf->methods & NGX_AGENT_KEY)
                        ? &ngx_agent_default_credentials
                        : &ngx_agent_bearer_credentials;
    }

    if (ngx_agent_sunset_merge(cf, prev, conf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (conf->methods == NGX_AGENT_OFF) {
        return NGX_CONF_OK;
    }

    return ngx_agent_guard(cf, conf) == NGX_OK ? NGX_CONF_OK
                                                     : NGX_CONF_ERROR;
}


static char *
ngx_agent_directive_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_agent_main_conf_t  *amcf = conf;

    /*
     * The tag must be the same after a reload that loads a new file of this
     * module, else the zone would begin anew: an address of nginx's own.
     */

    return ngx_agent_key_zone(cf, &amcf->key_zones, &ngx_http_core_module);
}


static char *
ngx_agent_directive_audit_chain(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_agent_audit_chain(cf);
}


static char *
ngx_agent_directive_cache(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_agent_main_conf_t  *amcf = conf;

    return ngx_agent_token_zone(cf, &amcf->token_zone, &ngx_http_core_module);
}


static char *
ngx_agent_directive_dpop_cache(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_agent_main_conf_t  *amcf = conf;

    return ngx_agent_proof_zone(cf, &amcf->proof_zone, &ngx_http_core_module);
}


static char *
ngx_agent_directive_provider(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_agent_main_conf_t  *amcf = conf;

    return ngx_agent_provider_block(cf, &amcf->providers);
}


static char *
ngx_agent_directive_audit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_agent_loc_conf_t  *alcf = conf;

    if (alcf->audit == NGX_CONF_UNSET_PTR) {
        alcf->audit = NULL;
    }

    return ngx_agent_audit(cf, &alcf->audit);
}


/* in the master, when the configuration comes into force */

static ngx_int_t
ngx_agent_init_module(ngx_cycle_t *cycle)
{
    ngx_agent_main_conf_t  *amcf;

    amcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_agent_auth_module);
    ngx_agent_status_init_module(amcf);

    if (amcf && !ngx_test_config) {
        ngx_agent_key_zones_commit(cycle, &amcf->key_zones);

        if (amcf->revocations) {
            ngx_agent_revocation_commit(cycle, amcf->revocations);
        }

        ngx_agent_access_init_module(cycle);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_agent_init_process(ngx_cycle_t *cycle)
{
    ngx_agent_main_conf_t  *amcf;

    /* not the cache manager, nor the loader */

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    if (ngx_agent_record_init_process(cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_agent_fetch_init_process();
    ngx_agent_token_init_process();
    ngx_agent_proof_init_process();

    amcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_agent_auth_module);

    ngx_agent_status_init_process(amcf);

    if (amcf == NULL) {
        return NGX_OK;
    }

    if (amcf->revocations
        && ngx_agent_revocation_init_process(cycle, amcf->revocations)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_agent_sunset_init_process(amcf);

    return ngx_agent_key_zones_watch(cycle, &amcf->key_zones);
}


static void
ngx_agent_exit_process(ngx_cycle_t *cycle)
{
    ngx_agent_proof_exit_process();
}
