
/*
 * Scopes: what a location asks for, and which scopes imply others.
 */

#include "ngx_agent_module.h"


/* of one closure: more names than that are a mistake */

#define NGX_AGENT_SCOPES_MAX  1024


static ngx_int_t ngx_agent_scopes_close(ngx_conf_t *cf,
    ngx_agent_main_conf_t *amcf, ngx_agent_scope_t *scope);
static ngx_int_t ngx_agent_scopes_broader(ngx_conf_t *cf,
    ngx_agent_main_conf_t *amcf, ngx_agent_scope_t *scope, ngx_uint_t i);
static ngx_uint_t ngx_agent_scopes_among(const ngx_agent_scope_t *scope,
    const agent_str_t *name);
static ngx_agent_scope_t *ngx_agent_scopes_find(
    const ngx_agent_main_conf_t *amcf, const agent_str_t *name);
static ngx_int_t ngx_agent_scopes_literal(ngx_conf_t *cf,
    ngx_agent_main_conf_t *amcf, ngx_agent_scope_value_t *value);
static agent_reason_e ngx_agent_scopes_rule(ngx_http_request_t *r,
    const ngx_agent_scope_rule_t *rule, const agent_str_t *held);
static ngx_int_t ngx_agent_scopes_variable(ngx_http_request_t *r,
    const ngx_agent_scope_value_t *value, const agent_str_t *held,
    ngx_uint_t *met, ngx_uint_t *missing);
static ngx_int_t ngx_agent_scopes_join(ngx_pool_t *pool, ngx_str_t *needed,
    const ngx_str_t *text);
static ngx_uint_t ngx_agent_scopes_held(const ngx_agent_scope_t *scope,
    const agent_str_t *held);


/* for each scope that others imply: all that do, at any remove */

ngx_int_t
ngx_agent_scopes_init(ngx_conf_t *cf, ngx_agent_main_conf_t *amcf)
{
    ngx_uint_t            i;
    agent_str_t           name;
    ngx_agent_scope_t    *scope;
    ngx_agent_implies_t  *implies;

    implies = amcf->implies.elts;

    for (i = 0; i < amcf->implies.nelts; i++) {

        ngx_agent_view(&name, &implies[i].narrow);

        if (ngx_agent_scopes_find(amcf, &name)) {
            continue;
        }

        scope = ngx_array_push(&amcf->scopes);
        if (scope == NULL) {
            return NGX_ERROR;
        }

        scope->name = implies[i].narrow;

        if (ngx_agent_scopes_close(cf, amcf, scope) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_agent_scopes_close(ngx_conf_t *cf, ngx_agent_main_conf_t *amcf,
    ngx_agent_scope_t *scope)
{
    ngx_uint_t    i;
    agent_str_t  *name;

    if (ngx_array_init(&scope->accepted, cf->pool, 4, sizeof(agent_str_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    name = ngx_array_push(&scope->accepted);
    if (name == NULL) {
        return NGX_ERROR;
    }

    ngx_agent_view(name, &scope->name);

    /* the array grows while it is walked, until nothing new is found */

    for (i = 0; i < scope->accepted.nelts; i++) {
        if (ngx_agent_scopes_broader(cf, amcf, scope, i) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* adds the scopes that imply the i-th accepted one and are not there yet */

static ngx_int_t
ngx_agent_scopes_broader(ngx_conf_t *cf, ngx_agent_main_conf_t *amcf,
    ngx_agent_scope_t *scope, ngx_uint_t i)
{
    ngx_uint_t            j;
    agent_str_t          *name, broad, narrow;
    ngx_agent_implies_t  *implies;

    implies = amcf->implies.elts;

    for (j = 0; j < amcf->implies.nelts; j++) {

        ngx_agent_view(&broad, &implies[j].broad);
        ngx_agent_view(&narrow, &implies[j].narrow);

        name = scope->accepted.elts;

        if (!agent_str_eq(&name[i], &narrow)
            || ngx_agent_scopes_among(scope, &broad))
        {
            continue;
        }

        if (scope->accepted.nelts == NGX_AGENT_SCOPES_MAX) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "too many scopes imply \"%V\" in "
                               "\"agent_scope_implies\"", &scope->name);
            return NGX_ERROR;
        }

        name = ngx_array_push(&scope->accepted);
        if (name == NULL) {
            return NGX_ERROR;
        }

        *name = broad;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_agent_scopes_among(const ngx_agent_scope_t *scope,
    const agent_str_t *name)
{
    ngx_uint_t          i;
    const agent_str_t  *accepted;

    accepted = scope->accepted.elts;

    for (i = 0; i < scope->accepted.nelts; i++) {
        if (agent_str_eq(&accepted[i], name)) {
            return 1;
        }
    }

    return 0;
}


static ngx_agent_scope_t *
ngx_agent_scopes_find(const ngx_agent_main_conf_t *amcf,
    const agent_str_t *name)
{
    ngx_uint_t          i;
    ngx_agent_scope_t  *scope;

    scope = amcf->scopes.elts;

    for (i = 0; i < amcf->scopes.nelts; i++) {
        if (scope[i].name.len == name->len
            && ngx_memcmp(scope[i].name.data, name->data, name->len) == 0)
        {
            return &scope[i];
        }
    }

    return NULL;
}


/* the literals of rules that a location has of its own */

ngx_int_t
ngx_agent_scopes_resolve(ngx_conf_t *cf, ngx_agent_main_conf_t *amcf,
    ngx_array_t *rules)
{
    ngx_uint_t                i, j;
    ngx_agent_scope_rule_t   *rule;
    ngx_agent_scope_value_t  *value;

    rule = rules->elts;

    for (i = 0; i < rules->nelts; i++) {

        value = rule[i].values.elts;
        rule[i].only = NULL;

        for (j = 0; j < rule[i].values.nelts; j++) {
            if (value[j].complex == NULL
                && ngx_agent_scopes_literal(cf, amcf, &value[j]) != NGX_OK)
            {
                return NGX_ERROR;
            }
        }

        if (rule[i].values.nelts == 1 && value->complex == NULL
            && value->literal->accepted.nelts == 1)
        {
            rule[i].only = value->literal->accepted.elts;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_agent_scopes_literal(ngx_conf_t *cf, ngx_agent_main_conf_t *amcf,
    ngx_agent_scope_value_t *value)
{
    agent_str_t  name;

    ngx_agent_view(&name, &value->text);

    value->literal = ngx_agent_scopes_find(amcf, &name);

    if (value->literal) {
        return NGX_OK;
    }

    value->literal = ngx_pcalloc(cf->pool, sizeof(ngx_agent_scope_t));
    if (value->literal == NULL) {
        return NGX_ERROR;
    }

    value->literal->name = value->text;

    return ngx_agent_scopes_close(cf, amcf, value->literal);
}


agent_reason_e
ngx_agent_scopes_check(ngx_http_request_t *r, const ngx_agent_loc_conf_t *conf,
    const agent_str_t *held)
{
    ngx_uint_t               i;
    agent_reason_e           reason;
    ngx_agent_scope_rule_t  *rule;

    rule = conf->scopes->elts;

    for (i = 0; i < conf->scopes->nelts; i++) {

        /* most often one scope, which no other implies */

        if (rule[i].only) {
            reason = agent_scope_contains(held, rule[i].only)
                     ? AGENT_OK : AGENT_SCOPE_INSUFFICIENT;

        } else {
            reason = ngx_agent_scopes_rule(r, &rule[i], held);
        }

        if (reason != AGENT_OK) {
            return reason;
        }
    }

    return AGENT_OK;
}


static agent_reason_e
ngx_agent_scopes_rule(ngx_http_request_t *r,
    const ngx_agent_scope_rule_t *rule, const agent_str_t *held)
{
    ngx_int_t                 rc;
    ngx_uint_t                i, met, missing, before;
    ngx_agent_scope_value_t  *value;

    met = 0;
    missing = 0;

    value = rule->values.elts;

    for (i = 0; i < rule->values.nelts; i++) {

        if (value[i].literal) {

            if (ngx_agent_scopes_held(value[i].literal, held)) {
                met++;

            } else {
                missing++;
            }

            continue;
        }

        before = met + missing;

        rc = ngx_agent_scopes_variable(r, &value[i], held, &met, &missing);

        if (rc != NGX_OK) {
            return AGENT_INTERNAL_ERROR;
        }

        /* a map without a default must not open the location */

        if (met + missing == before && !rule->allow_empty) {
            return AGENT_SCOPE_INSUFFICIENT;
        }
    }

    if (rule->any) {
        return (met || missing == 0) ? AGENT_OK : AGENT_SCOPE_INSUFFICIENT;
    }

    return missing ? AGENT_SCOPE_INSUFFICIENT : AGENT_OK;
}


/* apart from its caller, since most scopes are literals */

static __attribute__((noinline)) ngx_int_t
ngx_agent_scopes_variable(ngx_http_request_t *r,
    const ngx_agent_scope_value_t *value, const agent_str_t *held,
    ngx_uint_t *met, ngx_uint_t *missing)
{
    ngx_str_t               text;
    agent_str_t             rest, token;
    ngx_agent_scope_t      *scope;
    ngx_agent_main_conf_t  *amcf;

    if (ngx_http_complex_value(r, value->complex, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    amcf = ngx_http_get_module_main_conf(r, ngx_http_agent_auth_module);

    ngx_agent_view(&rest, &text);

    while (agent_scope_next(&rest, &token)) {

        if (!agent_scope_token_valid(&token)) {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "agent_auth: a variable in \"agent_scope\" yields "
                          "octets that a scope must not have");
            return NGX_ERROR;
        }

        scope = ngx_agent_scopes_find(amcf, &token);

        (*((scope ? ngx_agent_scopes_held(scope, held)
                  : (ngx_uint_t) agent_scope_contains(held, &token))
           ? met : missing))++;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_agent_scopes_held(const ngx_agent_scope_t *scope, const agent_str_t *held)
{
    ngx_uint_t          i;
    const agent_str_t  *accepted;

    accepted = scope->accepted.elts;

    for (i = 0; i < scope->accepted.nelts; i++) {
        if (agent_scope_contains(held, &accepted[i])) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_agent_scopes_needed(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, ngx_str_t *needed)
{
    ngx_str_t                 text;
    ngx_uint_t                i, j;
    ngx_agent_scope_rule_t   *rule;
    ngx_agent_scope_value_t  *value;

    ngx_str_set(needed, "");

    if (conf->scopes == NULL) {
        return NGX_OK;
    }

    rule = conf->scopes->elts;

    for (i = 0; i < conf->scopes->nelts; i++) {

        value = rule[i].values.elts;

        for (j = 0; j < rule[i].values.nelts; j++) {

            text = value[j].text;

            if (value[j].complex
                && ngx_http_complex_value(r, value[j].complex, &text)
                   != NGX_OK)
            {
                return NGX_ERROR;
            }

            if (ngx_agent_scopes_join(r->pool, needed, &text) != NGX_OK) {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


/*
 * Each scope once, and none that must not stand in a field, RFC 6750, 3.  Nor
 * offline_access: MCP, Authorization, "Refresh Tokens".
 */

static ngx_int_t
ngx_agent_scopes_join(ngx_pool_t *pool, ngx_str_t *needed,
    const ngx_str_t *text)
{
    u_char       *p, *start;
    agent_str_t   seen, rest, token;

    static const agent_str_t  offline = agent_string("offline_access");

    start = ngx_pnalloc(pool, needed->len + 1 + text->len);
    if (start == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(start, needed->data, needed->len);

    ngx_agent_view(&rest, text);

    while (agent_scope_next(&rest, &token)) {

        seen.data = start;
        seen.len = p - start;

        if (!agent_scope_token_valid(&token)
            || agent_str_eq(&token, &offline)
            || agent_scope_contains(&seen, &token))
        {
            continue;
        }

        if (seen.len) {
            *p++ = ' ';
        }

        p = ngx_cpymem(p, token.data, token.len);
    }

    needed->data = start;
    needed->len = p - start;

    return NGX_OK;
}
