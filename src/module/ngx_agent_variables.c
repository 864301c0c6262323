
/*
 * $agent_*: what was decided, and who it is.  All speak of the main request;
 * none is cacheable, since a decision may come at any time.
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include "agent_mcp.h"
#include "ngx_agent_module.h"


#define NGX_AGENT_IDENTITY(member)                                            \
    offsetof(ngx_agent_key_identity_t, member)


static ngx_int_t ngx_agent_variable_result(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_agent_variable_reason(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_agent_variable_type(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_agent_variable_identity(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_agent_variable_expires(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_agent_variable_credential(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_agent_variable_request_id(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_agent_variable_claim(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_agent_variable_cache(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static void ngx_agent_variable_set(ngx_http_variable_value_t *v,
    const agent_str_t *s);


static ngx_http_variable_t  ngx_agent_variables[] = {

    { ngx_string("agent_result"), NULL, ngx_agent_variable_result,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("agent_reason"), NULL, ngx_agent_variable_reason,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("agent_auth_type"), NULL, ngx_agent_variable_type,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("agent_id"), NULL, ngx_agent_variable_identity,
      NGX_AGENT_IDENTITY(agent), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("agent_key_id"), NULL, ngx_agent_variable_identity,
      NGX_AGENT_IDENTITY(id), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("agent_scope"), NULL, ngx_agent_variable_identity,
      NGX_AGENT_IDENTITY(scopes), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("agent_expires"), NULL, ngx_agent_variable_expires,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("agent_credential"), NULL, ngx_agent_variable_credential,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("agent_request_id"), NULL, ngx_agent_variable_request_id,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    /* of tokens: a key has none of these */

    { ngx_string("agent_client_id"), NULL, ngx_agent_variable_claim,
      offsetof(agent_claims_t, client_id), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("agent_subject"), NULL, ngx_agent_variable_claim,
      offsetof(agent_claims_t, subject), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("agent_actor"), NULL, ngx_agent_variable_claim,
      offsetof(agent_claims_t, actor), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("agent_issuer"), NULL, ngx_agent_variable_claim,
      offsetof(agent_claims_t, issuer), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("agent_token_id"), NULL, ngx_agent_variable_claim,
      offsetof(agent_claims_t, token_id), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("agent_cache"), NULL, ngx_agent_variable_cache,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("agent_mcp_version"), NULL, ngx_agent_mcp_variable,
      offsetof(agent_mcp_t, version), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("agent_mcp_method"), NULL, ngx_agent_mcp_variable,
      offsetof(agent_mcp_t, method), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("agent_mcp_name"), NULL, ngx_agent_mcp_variable,
      offsetof(agent_mcp_t, name), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("agent_claim_"), NULL, ngx_agent_claim_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE|NGX_HTTP_VAR_PREFIX, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_agent_variables_add(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_agent_variables; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_agent_variable_result(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    agent_result_e               result;
    ngx_agent_record_t          *rec;
    const ngx_agent_loc_conf_t  *conf;

    rec = ngx_agent_record_find(r);

    if (rec && rec->visited) {
        result = rec->result;

    } else {
        conf = ngx_http_get_module_loc_conf(r->main,
                                            ngx_http_agent_auth_module);
        result = (conf->methods == NGX_AGENT_OFF) ? AGENT_RESULT_OFF
                                                  : AGENT_RESULT_NONE;
    }

    ngx_agent_variable_set(v, agent_result_name(result));

    return NGX_OK;
}


static ngx_int_t
ngx_agent_variable_reason(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_agent_record_t  *rec;

    rec = ngx_agent_record_find(r);

    ngx_agent_variable_set(v, agent_reason_name(rec ? rec->reason
                                                    : AGENT_NOT_EVALUATED));
    return NGX_OK;
}


static ngx_int_t
ngx_agent_variable_type(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_agent_record_t  *rec;

    rec = ngx_agent_record_find(r);

    /* what it was taken for, proven or not */

    if (rec == NULL || ngx_agent_auth_type(rec) == AGENT_AUTH_NONE) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_agent_variable_set(v, agent_auth_type_name(ngx_agent_auth_type(rec)));

    return NGX_OK;
}


static ngx_int_t
ngx_agent_variable_identity(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    const agent_str_t     *text;
    ngx_agent_record_t    *rec;
    const agent_claims_t  *claims;

    rec = ngx_agent_record_find(r);
    claims = rec ? ngx_agent_known_claims(rec) : NULL;

    if (rec && ngx_agent_identified(rec)) {
        text = (agent_str_t *) ((u_char *) &rec->identity + data);

    } else if (claims && data == NGX_AGENT_IDENTITY(agent)) {
        text = ngx_agent_identify_agent(claims);

    } else if (claims && data == NGX_AGENT_IDENTITY(scopes)) {
        text = &claims->scope;

    } else {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_agent_variable_set(v, text);

    return NGX_OK;
}


static ngx_int_t
ngx_agent_variable_expires(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    u_char                *p;
    int64_t                expires;
    ngx_agent_record_t    *rec;
    const agent_claims_t  *claims;

    rec = ngx_agent_record_find(r);
    claims = rec ? ngx_agent_known_claims(rec) : NULL;

    if (rec && ngx_agent_identified(rec)) {
        expires = rec->identity.expires;

    } else if (claims && claims->expires != AGENT_CLAIM_NONE) {
        expires = claims->expires / 1000;

    } else {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    v->len = ngx_sprintf(p, "%L", expires) - p;
    v->data = p;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    return NGX_OK;
}


/* known from the first phase on, so that limit_req_zone can use it */

static ngx_int_t
ngx_agent_variable_credential(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                      *p;
    ngx_agent_record_t          *rec;
    const ngx_agent_loc_conf_t  *conf;

    rec = ngx_agent_record_get(r);
    if (rec == NULL) {
        return NGX_ERROR;
    }

    if (rec->sources == NULL) {
        conf = ngx_http_get_module_loc_conf(r->main,
                                            ngx_http_agent_auth_module);
        ngx_agent_present(r, conf, rec);
    }

    if (rec->source == NULL || rec->value.len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_AGENT_FINGERPRINT);
    if (p == NULL) {
        return NGX_ERROR;
    }

    agent_hex(p, ngx_agent_present_digest(rec), NGX_AGENT_FINGERPRINT / 2);

    v->len = NGX_AGENT_FINGERPRINT;
    v->data = p;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_agent_variable_request_id(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_agent_record_t  *rec;

    rec = ngx_agent_record_get(r);
    if (rec == NULL) {
        return NGX_ERROR;
    }

    v->len = NGX_AGENT_REQUEST_ID_LEN;
    v->data = ngx_agent_record_id(rec);
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_agent_variable_claim(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    const agent_str_t     *text;
    ngx_agent_record_t    *rec;
    const agent_claims_t  *claims;

    rec = ngx_agent_record_find(r);
    claims = rec ? ngx_agent_known_claims(rec) : NULL;

    if (claims == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    text = (const agent_str_t *) ((const u_char *) claims + data);

    if (text->len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_agent_variable_set(v, text);

    return NGX_OK;
}


static ngx_int_t
ngx_agent_variable_cache(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_agent_record_t  *rec;

    rec = ngx_agent_record_find(r);

    if (rec == NULL || rec->token == NULL || !rec->token->decided) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_agent_variable_set(v, ngx_agent_token_cache_name(rec->token->cache));

    return NGX_OK;
}


static void
ngx_agent_variable_set(ngx_http_variable_value_t *v, const agent_str_t *s)
{
    v->len = s->len;
    v->data = (u_char *) s->data;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;
}
