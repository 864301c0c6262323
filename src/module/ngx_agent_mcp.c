
/*
 * Model Context Protocol: what a request says of its body in header fields, for
 * scopes of a tool and for the audit line.
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include "agent_mcp.h"
#include "ngx_agent_module.h"


/* of a main request, read once */

struct ngx_agent_mcp_s {
    agent_mcp_t   said;
    ngx_int_t     rc;
    char          error[AGENT_ERROR_LEN];
};


static const ngx_agent_mcp_t *ngx_agent_mcp_get(ngx_http_request_t *r,
    ngx_agent_record_t *rec);
static void ngx_agent_mcp_fields(ngx_http_request_t *r,
    agent_mcp_fields_t *fields);
static agent_mcp_field_t *ngx_agent_mcp_field(agent_mcp_fields_t *fields,
    const ngx_str_t *name);
static ngx_uint_t ngx_agent_mcp_is(const ngx_str_t *name, const char *lower);


/* agent_mcp off | optional | required */

char *
ngx_agent_conf_mcp(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_agent_loc_conf_t  *alcf = conf;

    ngx_str_t  *value;

    if (alcf->mcp != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        alcf->mcp = NGX_AGENT_MCP_OFF;

    } else if (ngx_strcmp(value[1].data, "optional") == 0) {
        alcf->mcp = NGX_AGENT_MCP_OPTIONAL;

    } else if (ngx_strcmp(value[1].data, "required") == 0) {
        alcf->mcp = NGX_AGENT_MCP_REQUIRED;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"agent_mcp\" directive, "
                           "it must be \"off\", \"optional\" or \"required\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


agent_reason_e
ngx_agent_mcp_check(ngx_http_request_t *r, const ngx_agent_loc_conf_t *conf,
    ngx_agent_record_t *rec)
{
    char                    err[AGENT_ERROR_LEN];
    const char             *error;
    const ngx_agent_mcp_t  *mcp;

    mcp = ngx_agent_mcp_get(r, rec);

    if (mcp == NULL) {
        return AGENT_INTERNAL_ERROR;
    }

    error = (mcp->rc == 0) ? NULL : mcp->error;

    /* messages are in the bodies of requests that have one: POST */

    if (error == NULL && conf->mcp == NGX_AGENT_MCP_REQUIRED
        && !(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_OPTIONS
                          |NGX_HTTP_DELETE))
        && agent_mcp_complete(&mcp->said, err) != 0)
    {
        error = err;
    }

    if (error == NULL) {
        return AGENT_OK;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "agent_auth: fields of MCP are refused: %s", error);

    return AGENT_MCP_INVALID;
}


static const ngx_agent_mcp_t *
ngx_agent_mcp_get(ngx_http_request_t *r, ngx_agent_record_t *rec)
{
    size_t               len;
    u_char              *room;
    ngx_agent_mcp_t     *mcp;
    agent_mcp_fields_t   fields;

    if (rec->mcp) {
        return rec->mcp;
    }

    r = r->main;

    ngx_agent_mcp_fields(r, &fields);

    room = NULL;
    len = agent_mcp_room(&fields);

    if (len) {
        room = ngx_pnalloc(r->pool, len);
        if (room == NULL) {
            return NULL;
        }
    }

    mcp = ngx_palloc(r->pool, sizeof(ngx_agent_mcp_t));
    if (mcp == NULL) {
        return NULL;
    }

    mcp->rc = agent_mcp_parse(&mcp->said, &fields, room, mcp->error);

    rec->mcp = mcp;

    return mcp;
}


static void
ngx_agent_mcp_fields(ngx_http_request_t *r, agent_mcp_fields_t *fields)
{
    ngx_uint_t          i;
    ngx_list_part_t    *part;
    ngx_table_elt_t    *h;
    agent_mcp_field_t  *field;

    ngx_memzero(fields, sizeof(agent_mcp_fields_t));

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        field = ngx_agent_mcp_field(fields, &h[i].key);

        if (field) {
            ngx_agent_view(&field->value, &h[i].value);
            field->count++;
        }
    }
}


/* all three begin with "mcp", most fields do not */

static agent_mcp_field_t *
ngx_agent_mcp_field(agent_mcp_fields_t *fields, const ngx_str_t *name)
{
    if (name->len < sizeof("mcp-name") - 1 || (name->data[0] | 0x20) != 'm') {
        return NULL;
    }

    if (ngx_agent_mcp_is(name, "mcp-protocol-version")) {
        return &fields->version;
    }

    if (ngx_agent_mcp_is(name, "mcp-method")) {
        return &fields->method;
    }

    return ngx_agent_mcp_is(name, "mcp-name") ? &fields->name : NULL;
}


/*
 * With "underscores_in_headers on" there is another spelling, which $http_ and
 * many servers do not tell from the usual one.
 */

static ngx_uint_t
ngx_agent_mcp_is(const ngx_str_t *name, const char *lower)
{
    u_char  c;
    size_t  i;

    if (name->len != ngx_strlen(lower)) {
        return 0;
    }

    for (i = 0; i < name->len; i++) {
        c = name->data[i];
        c = (c == '_') ? '-' : ngx_tolower(c);

        if (c != (u_char) lower[i]) {
            return 0;
        }
    }

    return 1;
}


void
ngx_agent_mcp_log(ngx_http_request_t *r, ngx_agent_record_t *rec,
    agent_audit_event_t *ev)
{
    const ngx_agent_mcp_t  *mcp;

    mcp = ngx_agent_mcp_get(r, rec);

    if (mcp) {
        ev->mcp_version = mcp->said.version;
        ev->mcp_method = mcp->said.method;
        ev->mcp_name = mcp->said.name;
    }
}


ngx_int_t
ngx_agent_mcp_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    const agent_str_t      *text;
    ngx_agent_record_t     *rec;
    const ngx_agent_mcp_t  *mcp;

    rec = ngx_agent_record_get(r);
    if (rec == NULL) {
        return NGX_ERROR;
    }

    mcp = ngx_agent_mcp_get(r, rec);
    if (mcp == NULL) {
        return NGX_ERROR;
    }

    text = (const agent_str_t *) ((const u_char *) &mcp->said + data);

    if (text->len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->len = text->len;
    v->data = (u_char *) text->data;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    return NGX_OK;
}
