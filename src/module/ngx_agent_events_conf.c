
/*
 * agent_security_events provider=name audience=uri [issuer=uri] [state=text]
 *                       [keep=time] [risk=revoke] [email=sub] [keys=on];
 */

#include "ngx_agent_events.h"
#include "ngx_agent_jwt.h"


/* a parameter that is a text, 1 to AGENT_SET_STATE_MAX octets */

typedef struct {
    ngx_str_t                    name;
    size_t                       offset;    /* of an agent_str_t */
} ngx_agent_events_text_t;


static ngx_int_t ngx_agent_events_param(ngx_agent_events_t *events,
    const ngx_str_t *value);
static ngx_int_t ngx_agent_events_keep(const ngx_str_t *value,
    ngx_msec_t *keep);
static ngx_int_t ngx_agent_events_provider(ngx_conf_t *cf,
    ngx_agent_main_conf_t *amcf, ngx_agent_events_t *events);


static const ngx_agent_events_text_t  ngx_agent_events_texts[] = {
    { ngx_string("provider="), offsetof(ngx_agent_events_t, provider_name) },
    { ngx_string("audience="), offsetof(ngx_agent_events_t, policy.audience) },
    { ngx_string("issuer="), offsetof(ngx_agent_events_t, policy.issuer) },
    { ngx_string("state="), offsetof(ngx_agent_events_t, policy.state) },
    { ngx_null_string, 0 }
};


char *
ngx_agent_conf_events(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_agent_loc_conf_t  *alcf = conf;

    ngx_str_t                  *value;
    ngx_uint_t                  i;
    ngx_agent_events_t         *events, **eventsp;
    ngx_agent_main_conf_t      *amcf;
    ngx_http_core_loc_conf_t   *clcf;

    if (alcf->events) {
        return "is duplicate";
    }

    events = ngx_pcalloc(cf->pool, sizeof(ngx_agent_events_t));
    if (events == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_agent_events_param(events, &value[i]) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in "
                               "\"agent_security_events\"", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    if (events->policy.audience.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"agent_security_events\" must have \"audience\", "
                           "which events are addressed to");
        return NGX_CONF_ERROR;
    }

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_agent_auth_module);
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    events->conf_line = cf->conf_file->line;
    events->conf_file.len = cf->conf_file->file.name.len;
    events->conf_file.data = ngx_pstrdup(cf->pool, &cf->conf_file->file.name);

    eventsp = ngx_array_push(&amcf->receivers);

    if (events->conf_file.data == NULL || eventsp == NULL) {
        return NGX_CONF_ERROR;
    }

    *eventsp = events;
    alcf->events = events;
    clcf->handler = ngx_agent_events_handler;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_agent_events_param(ngx_agent_events_t *events, const ngx_str_t *value)
{
    agent_str_t                    *text;
    const ngx_agent_events_text_t  *t;

    for (t = ngx_agent_events_texts; t->name.len; t++) {

        if (value->len <= t->name.len
            || ngx_strncmp(value->data, t->name.data, t->name.len) != 0)
        {
            continue;
        }

        text = (agent_str_t *) ((u_char *) events + t->offset);

        if (text->len || value->len - t->name.len > AGENT_SET_STATE_MAX) {
            return NGX_ERROR;
        }

        text->data = value->data + t->name.len;
        text->len = value->len - t->name.len;

        return NGX_OK;
    }

    if (ngx_strcmp(value->data, "risk=revoke") == 0 && !events->risk) {
        events->risk = 1;
        return NGX_OK;
    }

    if (ngx_strcmp(value->data, "email=sub") == 0 && !events->policy.email) {
        events->policy.email = 1;
        return NGX_OK;
    }

    if (ngx_strcmp(value->data, "keys=on") == 0 && !events->policy.keys) {
        events->policy.keys = 1;
        return NGX_OK;
    }

    return ngx_strncmp(value->data, "keep=", 5) == 0
           ? ngx_agent_events_keep(value, &events->keep) : NGX_ERROR;
}


static ngx_int_t
ngx_agent_events_keep(const ngx_str_t *value, ngx_msec_t *keep)
{
    ngx_str_t  s;

    if (*keep) {
        return NGX_ERROR;
    }

    s.data = value->data + 5;
    s.len = value->len - 5;

    return ngx_agent_control_time(&s, keep);
}


/* once http{} was read, before the documents of providers are listed */

ngx_int_t
ngx_agent_events_init(ngx_conf_t *cf, ngx_agent_main_conf_t *amcf)
{
    ngx_uint_t            i;
    ngx_agent_events_t  **events;

    events = amcf->receivers.elts;

    for (i = 0; i < amcf->receivers.nelts; i++) {

        if (amcf->revocations == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "\"agent_security_events\" needs "
                          "\"agent_revocations\" in http, in %V:%ui",
                          &events[i]->conf_file, events[i]->conf_line);
            return NGX_ERROR;
        }

        if (ngx_agent_events_provider(cf, amcf, events[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_agent_events_provider(ngx_conf_t *cf, ngx_agent_main_conf_t *amcf,
    ngx_agent_events_t *events)
{
    ngx_str_t              name;
    ngx_agent_provider_t  *provider;

    name.data = (u_char *) events->provider_name.data;
    name.len = events->provider_name.len;

    provider = ngx_agent_provider_find(&amcf->providers, &name);

    if (provider == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"agent_security_events\" must have \"provider\", the "
                      "name of an \"agent_oauth_provider\", in %V:%ui",
                      &events->conf_file, events->conf_line);
        return NGX_ERROR;
    }

    if (!ngx_agent_jwt_keys(provider)) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"agent_security_events\" needs the keys of provider "
                      "\"%V\", whose \"verify\" is introspection, in %V:%ui",
                      &provider->name, &events->conf_file, events->conf_line);
        return NGX_ERROR;
    }

    events->provider = provider;

    ngx_agent_view(&events->policy.subjects, &provider->issuer);

    if (events->policy.issuer.len == 0) {
        events->policy.issuer = events->policy.subjects;
    }

    /* who can check an HMAC could make one */

    events->policy.algs = (uint32_t) provider->algorithms & ~AGENT_ALGS_HMAC;
    events->policy.leeway = (int64_t) provider->leeway;

    return NGX_OK;
}
