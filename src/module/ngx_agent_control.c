
#include <ngx_config.h>
#include <ngx_core.h>

#include "agent_time.h"
#include "ngx_agent_control.h"


static ngx_int_t ngx_agent_control_get(ngx_http_request_t *r,
    const agent_control_route_t *route);
static ngx_int_t ngx_agent_control_post(ngx_http_request_t *r,
    const agent_control_route_t *route);
static ngx_int_t ngx_agent_control_method(ngx_http_request_t *r,
    agent_control_resource_e resource);
static ngx_int_t ngx_agent_control_not_allowed(ngx_http_request_t *r,
    agent_control_resource_e resource);


ngx_int_t
ngx_agent_control_handler(ngx_http_request_t *r)
{
    agent_control_route_t        route;
    ngx_agent_main_conf_t       *amcf;

    /* a mirror or an SSI page is nobody who may change anything */

    if (r != r->main) {
        return NGX_HTTP_FORBIDDEN;
    }

    if (ngx_agent_control_route(r, &route) != NGX_OK) {
        return ngx_agent_answer_problem(r, NGX_HTTP_NOT_FOUND, NULL);
    }

    if (ngx_agent_control_method(r, route.resource) != NGX_OK) {
        return ngx_agent_control_not_allowed(r, route.resource);
    }

    amcf = ngx_http_get_module_main_conf(r, ngx_http_agent_auth_module);

    if (amcf->revocations == NULL
        && (route.resource == AGENT_CONTROL_REVOCATIONS
            || route.resource == AGENT_CONTROL_REVOCATION
            || route.resource == AGENT_CONTROL_SUBJECT
            || route.resource == AGENT_CONTROL_KEY_SUSPEND
            || route.resource == AGENT_CONTROL_KEY_RESUME
            || route.resource == AGENT_CONTROL_KEY_REVOKE))
    {
        return ngx_agent_answer_problem(r, NGX_HTTP_NOT_IMPLEMENTED,
                                        "needs \"agent_revocations\" in the "
                                        "configuration");
    }

    if (r->method == NGX_HTTP_POST) {
        return ngx_agent_control_post(r, &route);
    }

    return ngx_agent_control_get(r, &route);
}


ngx_int_t
ngx_agent_control_route(ngx_http_request_t *r, agent_control_route_t *route)
{
    size_t                        len;
    agent_str_t                   path;
    const ngx_agent_loc_conf_t   *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_agent_auth_module);

    len = conf->control->prefix.len;

    if (r->uri.len < len) {
        return NGX_DECLINED;
    }

    path.len = r->uri.len - len;
    path.data = r->uri.data + len;

    return agent_control_route(&path, route) == 0 ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_agent_control_method(ngx_http_request_t *r,
    agent_control_resource_e resource)
{
    const char  *name;

    switch (r->method) {

    case NGX_HTTP_GET:
        name = "GET";
        break;

    case NGX_HTTP_HEAD:
        name = "HEAD";
        break;

    case NGX_HTTP_POST:
        name = "POST";
        break;

    case NGX_HTTP_DELETE:
        name = "DELETE";
        break;

    default:
        return NGX_DECLINED;
    }

    return ngx_strstr(agent_control_methods(resource), name) ? NGX_OK
                                                             : NGX_DECLINED;
}


static ngx_int_t
ngx_agent_control_not_allowed(ngx_http_request_t *r,
    agent_control_resource_e resource)
{
    ngx_str_t  methods;

    static const ngx_str_t  allow = ngx_string("Allow");

    methods.data = (u_char *) agent_control_methods(resource);
    methods.len = ngx_strlen(methods.data);

    return ngx_agent_answer_field(r, &allow, &methods) == NGX_OK
           ? ngx_agent_answer_problem(r, NGX_HTTP_NOT_ALLOWED, NULL)
           : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


static ngx_int_t
ngx_agent_control_get(ngx_http_request_t *r,
    const agent_control_route_t *route)
{
    switch (route->resource) {

    case AGENT_CONTROL_REVOCATIONS:
        return ngx_agent_control_list(r);

    case AGENT_CONTROL_REVOCATION:
        return ngx_agent_control_undo(r, &route->id);

    case AGENT_CONTROL_KEY:
        return ngx_agent_control_key(r, route);

    case AGENT_CONTROL_PROVIDERS:
        return ngx_agent_control_providers(r);

    case AGENT_CONTROL_ZONES:
        return ngx_agent_control_zones(r);

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


static ngx_int_t
ngx_agent_control_post(ngx_http_request_t *r,
    const agent_control_route_t *route)
{
    ngx_http_client_body_handler_pt  handler;

    switch (route->resource) {

    case AGENT_CONTROL_REVOCATIONS:
        handler = ngx_agent_control_revoke;
        break;

    case AGENT_CONTROL_FLUSH:
        handler = ngx_agent_control_flush;
        break;

    case AGENT_CONTROL_SUBJECT:
        handler = ngx_agent_control_subject;
        break;

    default:
        handler = ngx_agent_control_key_change;

        /* it has nothing to say but a cause */

        if (r->headers_in.content_type == NULL
            && r->headers_in.content_length_n <= 0 && !r->headers_in.chunked)
        {
            return ngx_agent_body_read(r, AGENT_CONTROL_BODY_MAX, handler);
        }
    }

    if (!ngx_agent_body_is(r, "application/json")) {
        return ngx_agent_answer_problem(r, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                        "the body must be application/json");
    }

    return ngx_agent_body_read(r, AGENT_CONTROL_BODY_MAX, handler);
}


ngx_int_t
ngx_agent_control_body(ngx_http_request_t *r, ngx_str_t *body)
{
    ngx_int_t  rc;

    rc = ngx_agent_body_text(r, AGENT_CONTROL_BODY_MAX, body);

    if (rc == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE) {
        rc = ngx_agent_answer_problem(r, rc, "the body is too long");

        /* NGX_OK would say that there is a body */

        return rc == NGX_OK ? NGX_DONE : rc;
    }

    return rc;
}


ngx_int_t
ngx_agent_control_json(ngx_http_request_t *r, ngx_uint_t status,
    u_char *start, const agent_json_t *json)
{
    ngx_str_t  body;

    if (json->overflow) {
        ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                      "agent_auth: no room for an answer of \"agent_control\"");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.data = start;
    body.len = json->pos - start;

    return ngx_agent_answer(r, status, "application/json", &body);
}


void
ngx_agent_control_date(agent_json_t *json, const char *name, int64_t ms)
{
    u_char       buf[AGENT_TIME_TEXT_LEN];
    agent_str_t  text;

    if (ms <= 0 || ms / 1000 > 253402300799) {
        return;
    }

    agent_time_format(buf, ms / 1000);

    text.len = AGENT_TIME_TEXT_LEN;
    text.data = buf;

    ngx_agent_control_text(json, name, &text);
}


void
ngx_agent_control_number(agent_json_t *json, const char *name, uint64_t n)
{
    agent_json_raw(json, name, ngx_strlen(name));
    agent_json_uint(json, n);
    agent_json_literal(json, ",");
}


void
ngx_agent_control_text(agent_json_t *json, const char *name,
    const agent_str_t *value)
{
    agent_json_raw(json, name, ngx_strlen(name));
    agent_json_literal(json, "\"");
    agent_json_escaped(json, value, value->len);
    agent_json_literal(json, "\",");
}
