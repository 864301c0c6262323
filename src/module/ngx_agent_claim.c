
/*
 * $agent_claim_<name> and agent_claim_set: claims of a token that the module
 * itself does not ask for.  Their text is parsed at the first use.
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include "agent_claim.h"
#include "ngx_agent_module.h"


static ngx_int_t ngx_agent_claim_name(ngx_conf_t *cf, ngx_str_t *value,
    ngx_str_t *name);
static ngx_int_t ngx_agent_claim_set(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_agent_claim_value(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, const agent_str_t *path, ngx_uint_t n);
static void ngx_agent_claim_cleanup(void *data);


#define NGX_AGENT_CLAIM_PREFIX  (sizeof("agent_claim_") - 1)


/* agent_claim_set $variable name ... */

char *
ngx_agent_conf_claim_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t            *value, name;
    ngx_uint_t            i;
    agent_str_t          *element;
    ngx_array_t          *path;
    ngx_http_variable_t  *var;

    value = cf->args->elts;

    if (ngx_agent_claim_name(cf, &value[1], &name) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    path = ngx_array_create(cf->pool, cf->args->nelts - 2,
                            sizeof(agent_str_t));
    if (path == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        element = ngx_array_push(path);
        if (element == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_agent_view(element, &value[i]);
    }

    var = ngx_http_add_variable(cf, &name, NGX_HTTP_VAR_NOCACHEABLE);
    if (var == NULL) {
        return NGX_CONF_ERROR;
    }

    var->get_handler = ngx_agent_claim_set;
    var->data = (uintptr_t) path;

    return NGX_CONF_OK;
}


/* a variable that there is not, since nginx would not say where it stands */

static ngx_int_t
ngx_agent_claim_name(ngx_conf_t *cf, ngx_str_t *value, ngx_str_t *name)
{
    u_char                      c;
    ngx_uint_t                  i;
    ngx_hash_key_t             *key;
    ngx_http_core_main_conf_t  *cmcf;

    name->data = value->data + 1;
    name->len = value->len - 1;

    for (i = 0; i < name->len; i++) {

        c = ngx_tolower(name->data[i]);

        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_') {
            break;
        }
    }

    if (value->len < 2 || value->data[0] != '$' || i < name->len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"agent_claim_set\", "
                           "expected a variable", value);
        return NGX_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    key = cmcf->variables_keys->keys.elts;

    for (i = 0; i < cmcf->variables_keys->keys.nelts; i++) {

        if (key[i].key.len != name->len
            || ngx_strncasecmp(key[i].key.data, name->data, name->len) != 0)
        {
            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "variable \"%V\" in \"agent_claim_set\" exists "
                           "already", value);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_agent_claim_set(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    const ngx_array_t  *path = (const ngx_array_t *) data;

    return ngx_agent_claim_value(r, v, path->elts, path->nelts);
}


/* data is the whole name of the variable, ngx_http_variables_init_vars() */

ngx_int_t
ngx_agent_claim_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_str_t  *name = (ngx_str_t *) data;

    agent_str_t  claim;

    claim.data = name->data + NGX_AGENT_CLAIM_PREFIX;
    claim.len = name->len - NGX_AGENT_CLAIM_PREFIX;

    return ngx_agent_claim_value(r, v, &claim, 1);
}


static ngx_int_t
ngx_agent_claim_value(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    const agent_str_t *path, ngx_uint_t n)
{
    int                    rc;
    u_char                *p;
    agent_str_t            text;
    const json_t          *claim;
    ngx_agent_record_t    *rec;
    const agent_claims_t  *claims;

    v->not_found = 1;

    rec = ngx_agent_record_find(r);
    claims = rec ? ngx_agent_known_claims(rec) : NULL;

    if (claims == NULL || claims->json.len == 0) {
        return NGX_OK;
    }

    claim = ngx_agent_claim_tree(r, rec, claims);
    if (claim == NULL) {
        return NGX_ERROR;
    }

    claim = agent_claim_find(claim, path, n);
    if (claim == NULL) {
        return NGX_OK;
    }

    rc = agent_claim_text(claim, &text);

    if (rc == -1) {
        p = ngx_pnalloc(r->pool, text.len);
        if (p == NULL) {
            return NGX_ERROR;
        }

        rc = agent_claim_dump(claim, p, &text);
    }

    if (rc == 1) {
        v->len = text.len;
        v->data = (u_char *) text.data;
        v->valid = 1;
        v->no_cacheable = 1;
        v->not_found = 0;
    }

    return NGX_OK;
}


/* lasts as long as the request, since variables point into it */

const json_t *
ngx_agent_claim_tree(ngx_http_request_t *r, ngx_agent_record_t *rec,
    const agent_claims_t *claims)
{
    json_t              *tree;
    ngx_pool_cleanup_t  *cln;

    if (rec->tree && rec->tree_of == claims->json.data) {
        return rec->tree;
    }

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    tree = agent_claim_tree(&claims->json);

    if (tree == NULL) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "agent_auth: the claims of a token could not be read");
        return NULL;
    }

    cln->handler = ngx_agent_claim_cleanup;
    cln->data = tree;

    rec->tree = tree;
    rec->tree_of = claims->json.data;

    return tree;
}


static void
ngx_agent_claim_cleanup(void *data)
{
    json_decref(data);
}
