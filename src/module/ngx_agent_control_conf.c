
/*
 * agent_control [provider=name] [email=sub] [keep=time];
 */

#include "ngx_agent_control.h"


static ngx_int_t ngx_agent_control_place(ngx_conf_t *cf,
    ngx_agent_control_t *control);
static ngx_int_t ngx_agent_control_param(ngx_agent_control_t *control,
    ngx_str_t *value);
static ngx_int_t ngx_agent_control_provider(ngx_conf_t *cf,
    ngx_agent_main_conf_t *amcf, ngx_agent_control_t *control);


char *
ngx_agent_conf_control(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_agent_loc_conf_t  *alcf = conf;

    ngx_str_t                  *value;
    ngx_uint_t                  i;
    ngx_agent_control_t        *control, **controlp;
    ngx_agent_main_conf_t      *amcf;
    ngx_http_core_loc_conf_t   *clcf;

    if (alcf->control) {
        return "is duplicate";
    }

    control = ngx_pcalloc(cf->pool, sizeof(ngx_agent_control_t));
    if (control == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_agent_control_place(cf, control) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_agent_control_param(control, &value[i]) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in "
                               "\"agent_control\"", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_agent_auth_module);

    controlp = ngx_array_push(&amcf->controls);
    if (controlp == NULL) {
        return NGX_CONF_ERROR;
    }

    *controlp = control;
    alcf->control = control;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_agent_control_handler;

    return NGX_CONF_OK;
}


/* resources stand below the location, so that it must be a prefix */

static ngx_int_t
ngx_agent_control_place(ngx_conf_t *cf, ngx_agent_control_t *control)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->name.len == 0 || clcf->name.data[0] != '/'
        || clcf->exact_match || clcf->named || clcf->noname
#if (NGX_PCRE)
        || clcf->regex
#endif
       )
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"agent_control\" must stand in a location that "
                           "is a prefix, such as \"location /control/\"");
        return NGX_ERROR;
    }

    control->prefix = clcf->name;

    if (control->prefix.data[control->prefix.len - 1] == '/') {
        control->prefix.len--;
    }

    control->loc_conf = ((ngx_http_conf_ctx_t *) cf->ctx)->loc_conf;
    control->conf_line = cf->conf_file->line;
    control->conf_file.len = cf->conf_file->file.name.len;
    control->conf_file.data = ngx_pstrdup(cf->pool,
                                          &cf->conf_file->file.name);

    return control->conf_file.data ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_agent_control_param(ngx_agent_control_t *control, ngx_str_t *value)
{
    ngx_str_t  s;

    if (ngx_strcmp(value->data, "email=sub") == 0 && !control->email) {
        control->email = 1;
        return NGX_OK;
    }

    if (ngx_strncmp(value->data, "provider=", 9) == 0
        && control->provider_name.len == 0)
    {
        control->provider_name.data = value->data + 9;
        control->provider_name.len = value->len - 9;

        return control->provider_name.len ? NGX_OK : NGX_ERROR;
    }

    if (ngx_strncmp(value->data, "keep=", 5) == 0 && control->keep == 0) {
        s.data = value->data + 5;
        s.len = value->len - 5;

        return ngx_agent_control_time(&s, &control->keep);
    }

    return NGX_ERROR;
}


ngx_int_t
ngx_agent_control_time(ngx_str_t *value, ngx_msec_t *keep)
{
    ngx_int_t  ms;

    ms = ngx_parse_time(value, 0);

    if (ms == NGX_ERROR || ms == 0 || ms > NGX_AGENT_DAYS_MAX * 86400000) {
        return NGX_ERROR;
    }

    *keep = (ngx_msec_t) ms;

    return NGX_OK;
}


/* an "if" or a "limit_except" within the location is a location, too */

void
ngx_agent_control_merge(ngx_conf_t *cf, ngx_agent_loc_conf_t *prev,
    ngx_agent_loc_conf_t *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->noname && conf->control == NULL && prev->control
        && clcf->handler == NULL)
    {
        conf->control = prev->control;
        clcf->handler = ngx_agent_control_handler;
    }
}


/* once all locations are merged */

ngx_int_t
ngx_agent_controls_init(ngx_conf_t *cf, ngx_agent_main_conf_t *amcf)
{
    ngx_uint_t                   i;
    ngx_agent_control_t        **control;
    const ngx_agent_loc_conf_t  *alcf;

    control = amcf->controls.elts;

    for (i = 0; i < amcf->controls.nelts; i++) {

        if (ngx_agent_control_provider(cf, amcf, control[i]) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_agent_open_warn(cf, "agent_control", control[i]->loc_conf,
                            &control[i]->conf_file, control[i]->conf_line);

        alcf = control[i]->loc_conf[ngx_http_agent_auth_module.ctx_index];

        if (alcf->audit == NULL || alcf->audit->nelts == 0) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "agent_auth: who changes what by \"agent_control\" "
                          "is not audited, set \"agent_audit\", in %V:%ui",
                          &control[i]->conf_file, control[i]->conf_line);
        }
    }

    return NGX_OK;
}


/* where there is one provider only it is that */

static ngx_int_t
ngx_agent_control_provider(ngx_conf_t *cf, ngx_agent_main_conf_t *amcf,
    ngx_agent_control_t *control)
{
    ngx_agent_provider_t  **provider;

    provider = amcf->providers.elts;

    if (control->provider_name.len == 0) {
        control->provider = (amcf->providers.nelts == 1) ? provider[0] : NULL;
        return NGX_OK;
    }

    control->provider = ngx_agent_provider_find(&amcf->providers,
                                                &control->provider_name);
    if (control->provider) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "unknown provider \"%V\" in \"agent_control\", define it "
                  "with \"agent_oauth_provider\" in http, in %V:%ui",
                  &control->provider_name, &control->conf_file,
                  control->conf_line);

    return NGX_ERROR;
}
