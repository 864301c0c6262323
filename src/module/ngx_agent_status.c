
/*
 * The handler of agent_status: as JSON for programs, as metrics for
 * Prometheus, as a page for people.
 */

#include "ngx_agent_status.h"
#include "ngx_agent_body.h"
#include "ngx_agent_status_page.h"
#include "agent_accept.h"


/* octets that are tried first, and the most that are */

#define NGX_AGENT_STATUS_LEAST  (32 * 1024)
#define NGX_AGENT_STATUS_MOST   (64 * 1024 * 1024)


static ngx_agent_status_format_e ngx_agent_status_wanted(
    ngx_http_request_t *r, const ngx_agent_status_t *conf);
static ngx_agent_status_format_e ngx_agent_status_asked(
    ngx_http_request_t *r);
static ngx_agent_status_format_e ngx_agent_status_accepted(
    ngx_http_request_t *r, ngx_agent_status_format_e format);
static void ngx_agent_status_accept(ngx_http_request_t *r, agent_str_t *value);
static ngx_int_t ngx_agent_status_fields(ngx_http_request_t *r);
static ngx_int_t ngx_agent_status_page(ngx_http_request_t *r);
static ngx_int_t ngx_agent_status_render(ngx_http_request_t *r,
    ngx_agent_status_format_e format, const agent_status_t *status,
    ngx_str_t *body);


void
ngx_agent_status_merge(ngx_conf_t *cf, const ngx_agent_loc_conf_t *prev,
    ngx_agent_loc_conf_t *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    /* as with proxy_pass: an "if" is no other location */

    if (clcf->noname && clcf->handler == NULL && prev->status) {
        conf->status = prev->status;
        clcf->handler = ngx_agent_status_handler;
    }
}


ngx_int_t
ngx_agent_status_handler(ngx_http_request_t *r)
{
    ngx_str_t                     body;
    agent_status_t                status;
    const ngx_agent_loc_conf_t   *conf;
    const ngx_agent_main_conf_t  *amcf;
    ngx_agent_status_format_e     format;

    static const ngx_str_t  allow = ngx_string("Allow");
    static const ngx_str_t  methods = ngx_string("GET, HEAD");

    static const char  *types[] = {
        NULL,
        "application/json",
        NULL,
        "text/plain; version=0.0.4; charset=utf-8",
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
        "text/html; charset=utf-8"
    };

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_agent_answer_field(r, &allow, &methods) == NGX_OK
               ? NGX_HTTP_NOT_ALLOWED : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    conf = ngx_http_get_module_loc_conf(r, ngx_http_agent_auth_module);
    amcf = ngx_http_get_module_main_conf(r, ngx_http_agent_auth_module);

    format = ngx_agent_status_wanted(r, conf->status);

    if (ngx_agent_status_fields(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (format == NGX_AGENT_STATUS_HTML) {
        ngx_str_set(&body, NGX_AGENT_STATUS_PAGE);

        if (ngx_agent_status_page(r) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

    } else if (ngx_agent_status_gather(r, amcf->status, &status) != NGX_OK
               || ngx_agent_status_render(r, format, &status, &body)
                  != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_agent_answer(r, NGX_HTTP_OK, types[format], &body);
}


static ngx_agent_status_format_e
ngx_agent_status_wanted(ngx_http_request_t *r, const ngx_agent_status_t *conf)
{
    ngx_agent_status_format_e  format;

    format = ngx_agent_status_asked(r);

    if (format == NGX_AGENT_STATUS_ANY) {
        format = conf->format;
    }

    if (format == NGX_AGENT_STATUS_ANY
        || format == NGX_AGENT_STATUS_PROMETHEUS)
    {
        format = ngx_agent_status_accepted(r, format);
    }

    return format;
}


/* the argument goes first; what it does not know is as if it were not there */

static ngx_agent_status_format_e
ngx_agent_status_asked(ngx_http_request_t *r)
{
    ngx_str_t   value;
    ngx_uint_t  i;

    static const struct {
        ngx_str_t                  name;
        ngx_agent_status_format_e  format;
    } formats[] = {
        { ngx_string("json"), NGX_AGENT_STATUS_JSON },
        { ngx_string("prometheus"), NGX_AGENT_STATUS_TEXT },
        { ngx_string("openmetrics"), NGX_AGENT_STATUS_OPENMETRICS },
        { ngx_string("html"), NGX_AGENT_STATUS_HTML }
    };

    if (ngx_http_arg(r, (u_char *) "format", 6, &value) != NGX_OK) {
        return NGX_AGENT_STATUS_ANY;
    }

    for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (value.len == formats[i].name.len
            && ngx_memcmp(value.data, formats[i].name.data, value.len) == 0)
        {
            return formats[i].format;
        }
    }

    return NGX_AGENT_STATUS_ANY;
}


/* RFC 9110, 12.5.1 */

static ngx_agent_status_format_e
ngx_agent_status_accepted(ngx_http_request_t *r,
    ngx_agent_status_format_e format)
{
    agent_str_t  accept;

    static const agent_media_t  all[] = {
        { agent_string("application"), agent_string("json") },
        { agent_string("text"), agent_string("html") },
        { agent_string("application"), agent_string("openmetrics-text") },
        { agent_string("text"), agent_string("plain") }
    };

    static const ngx_agent_status_format_e  formats[] = {
        NGX_AGENT_STATUS_JSON, NGX_AGENT_STATUS_HTML,
        NGX_AGENT_STATUS_OPENMETRICS, NGX_AGENT_STATUS_TEXT
    };

    static const agent_media_t  texts[] = {
        { agent_string("text"), agent_string("plain") },
        { agent_string("application"), agent_string("openmetrics-text") }
    };

    ngx_agent_status_accept(r, &accept);

    if (format == NGX_AGENT_STATUS_PROMETHEUS) {
        return agent_accept(&accept, texts, 2) ? NGX_AGENT_STATUS_OPENMETRICS
                                               : NGX_AGENT_STATUS_TEXT;
    }

    return formats[agent_accept(&accept, all, 4)];
}


/* core has a place for it only where some modules are built in; of several
 * fields the first one counts */

static void
ngx_agent_status_accept(ngx_http_request_t *r, agent_str_t *value)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    value->len = 0;
    value->data = NULL;

    for (part = &r->headers_in.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].hash != 0 && h[i].key.len == sizeof("Accept") - 1
                && ngx_strncasecmp(h[i].key.data, (u_char *) "Accept",
                                   sizeof("Accept") - 1)
                   == 0)
            {
                value->len = h[i].value.len;
                value->data = h[i].value.data;
                return;
            }
        }
    }
}


static ngx_int_t
ngx_agent_status_fields(ngx_http_request_t *r)
{
    static const ngx_str_t  vary = ngx_string("Vary");
    static const ngx_str_t  accept = ngx_string("Accept");
    static const ngx_str_t  options = ngx_string("X-Content-Type-Options");
    static const ngx_str_t  nosniff = ngx_string("nosniff");

    if (ngx_agent_answer_field(r, &vary, &accept) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_agent_answer_field(r, &options, &nosniff);
}


/* the page loads nothing, sends nothing, and runs what it came with */

static ngx_int_t
ngx_agent_status_page(ngx_http_request_t *r)
{
    static const ngx_str_t  csp = ngx_string("Content-Security-Policy");
    static const ngx_str_t  policy = ngx_string(NGX_AGENT_STATUS_POLICY);
    static const ngx_str_t  referrer = ngx_string("Referrer-Policy");
    static const ngx_str_t  none = ngx_string("no-referrer");

    if (ngx_agent_answer_field(r, &csp, &policy) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_agent_answer_field(r, &referrer, &none);
}


/* how long it is hangs on the configuration */

static ngx_int_t
ngx_agent_status_render(ngx_http_request_t *r,
    ngx_agent_status_format_e format, const agent_status_t *status,
    ngx_str_t *body)
{
    size_t        size;
    u_char       *p;
    agent_json_t  json;

    for (size = NGX_AGENT_STATUS_LEAST; size <= NGX_AGENT_STATUS_MOST;
         size *= 2)
    {
        p = ngx_palloc(r->pool, size);
        if (p == NULL) {
            return NGX_ERROR;
        }

        agent_json_init(&json, p, size);

        if (format == NGX_AGENT_STATUS_JSON) {
            agent_status_json(&json, status);

        } else {
            agent_status_metrics(&json, status,
                                 format == NGX_AGENT_STATUS_OPENMETRICS);
        }

        if (!json.overflow) {
            body->data = p;
            body->len = json.pos - p;
            return NGX_OK;
        }

        (void) ngx_pfree(r->pool, p);
    }

    return NGX_ERROR;
}
