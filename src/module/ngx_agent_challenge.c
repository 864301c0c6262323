
/*
 * The fields of a refusal: WWW-Authenticate (RFC 6750, 3), Retry-After and
 * Cache-Control.
 */

#include "ngx_agent_compat.h"
#include "ngx_agent_module.h"


static ngx_int_t ngx_agent_challenge_scheme(ngx_conf_t *cf,
    ngx_agent_loc_conf_t *conf, ngx_str_t *challenge, const char *scheme,
    const char *algs);
static ngx_int_t ngx_agent_challenge_nonce(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf);
static u_char *ngx_agent_challenge_one(u_char *p, const ngx_str_t *constant,
    const agent_str_t *error, const ngx_str_t *step_up,
    const ngx_str_t *scope);
static ngx_int_t ngx_agent_challenge_retry(ngx_http_request_t *r,
    const ngx_agent_record_t *rec);
static ngx_int_t ngx_agent_challenge_value(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, const ngx_agent_record_t *rec,
    ngx_str_t *value);
static ngx_int_t ngx_agent_challenge_add(ngx_http_request_t *r,
    ngx_agent_record_t *rec, ngx_str_t *value);
static ngx_table_elt_t *ngx_agent_header_push(ngx_http_request_t *r);


#define ngx_agent_copy(p, text)  ngx_cpymem(p, text, sizeof(text) - 1)


/* the constant parts; resource_metadata: RFC 9728, 5.1 */

ngx_int_t
ngx_agent_challenge_init(ngx_conf_t *cf, ngx_agent_loc_conf_t *conf)
{
    if (ngx_agent_challenge_scheme(cf, conf, &conf->challenge, "Bearer", "")
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!conf->dpop || conf->binding == NGX_AGENT_BINDING_OFF) {
        return NGX_OK;
    }

    /* RFC 9449, 7.1 */

    return ngx_agent_challenge_scheme(cf, conf, &conf->challenge_dpop, "DPoP",
                                      ", algs=\"" NGX_AGENT_PROOF_NAMES "\"");
}


static ngx_int_t
ngx_agent_challenge_scheme(ngx_conf_t *cf, ngx_agent_loc_conf_t *conf,
    ngx_str_t *challenge, const char *scheme, const char *algs)
{
    size_t      size;
    u_char     *p;
    ngx_str_t  *metadata;

    metadata = conf->resource ? &conf->resource->metadata : NULL;

    size = ngx_strlen(scheme) + sizeof(" realm=\"\"") - 1 + conf->realm.len
           + ngx_strlen(algs);

    if (metadata) {
        size += sizeof(", resource_metadata=\"\"") - 1 + metadata->len;
    }

    p = ngx_pnalloc(cf->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    challenge->data = p;
    challenge->len = size;

    p = ngx_sprintf(p, "%s realm=\"%V\"%s", scheme, &conf->realm, algs);

    if (metadata) {
        (void) ngx_sprintf(p, ", resource_metadata=\"%V\"", metadata);
    }

    return NGX_OK;
}


ngx_int_t
ngx_agent_challenge(ngx_http_request_t *r, const ngx_agent_loc_conf_t *conf,
    ngx_agent_record_t *rec)
{
    ngx_str_t         value;
    ngx_table_elt_t  *h;

    h = ngx_agent_header_push(r);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&h->key, "Cache-Control");
    ngx_str_set(&h->value, "no-store");

    rec->no_store = h;

    if (rec->status == NGX_HTTP_SERVICE_UNAVAILABLE
        || rec->status == NGX_HTTP_TOO_MANY_REQUESTS)
    {
        return ngx_agent_challenge_retry(r, rec);
    }

    /* RFC 9110, 15.5.2: each 401 has one; others where they have an error */

    if (rec->status != NGX_HTTP_UNAUTHORIZED
        && agent_reason_error(rec->reason) == AGENT_ERROR_NONE)
    {
        return NGX_OK;
    }

    if (ngx_agent_challenge_value(r, conf, rec, &value) != NGX_OK
        || (rec->reason == AGENT_DPOP_NONCE
            && ngx_agent_challenge_nonce(r, conf) != NGX_OK))
    {
        return NGX_ERROR;
    }

    return ngx_agent_challenge_add(r, rec, &value);
}


/* core takes back one challenge, which may be another module's */

void
ngx_agent_challenge_drop(ngx_agent_record_t *rec)
{
    if (rec->challenge) {
        rec->challenge->hash = 0;
        rec->challenge = NULL;
    }

    if (rec->no_store) {
        rec->no_store->hash = 0;
        rec->no_store = NULL;
    }
}


/* RFC 9110, 10.2.3: what is left of a cool-down, else a second */

static ngx_int_t
ngx_agent_challenge_retry(ngx_http_request_t *r, const ngx_agent_record_t *rec)
{
    u_char           *p;
    ngx_uint_t        seconds;
    ngx_table_elt_t  *h;

    seconds = rec->token ? ngx_max(rec->token->retry_after, 1) : 1;

    p = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    h = ngx_agent_header_push(r);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&h->key, "Retry-After");
    h->value.data = p;
    h->value.len = ngx_sprintf(p, "%ui", seconds) - p;

    return NGX_OK;
}


static ngx_int_t
ngx_agent_challenge_value(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, const ngx_agent_record_t *rec,
    ngx_str_t *value)
{
    u_char             *p;
    ngx_str_t           scope, step_up;
    ngx_uint_t          bearer, dpop;
    const agent_str_t  *error;

    static const agent_str_t  none = agent_string("");

    ngx_str_set(&scope, "");
    ngx_str_set(&step_up, "");

    error = agent_error_name(agent_reason_error(rec->reason));

    if (rec->reason == AGENT_STEP_UP_REQUIRED && conf->step_up) {
        step_up = conf->step_up->challenge;
    }

    /*
     * Who asks for another token may ask for the right thing at once; clients
     * of MCP ask for all that there is where they are not told.
     */

    if ((rec->reason == AGENT_SCOPE_INSUFFICIENT
         || rec->reason == AGENT_STEP_UP_REQUIRED
         || rec->reason == AGENT_CREDENTIAL_MISSING
         || (conf->mcp != NGX_AGENT_MCP_OFF
             && rec->status == NGX_HTTP_UNAUTHORIZED))
        && ngx_agent_scopes_needed(r, conf, &scope) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /*
     * One for each scheme that is accepted; the error stands with the one that
     * the client used (RFC 9449, 7.2).
     */

    dpop = conf->challenge_dpop.len && (rec->dpop || conf->binding_line);
    bearer = !(dpop && conf->binding == NGX_AGENT_BINDING_REQUIRED
               && conf->takes == AGENT_BOUND_DPOP);

    p = ngx_pnalloc(r->pool, conf->challenge.len + conf->challenge_dpop.len
                             + 2 * (sizeof(", error=\"\"") - 1 + error->len
                                    + step_up.len
                                    + sizeof(", scope=\"\"") - 1
                                    + scope.len)
                             + 2);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value->data = p;

    if (bearer) {
        p = ngx_agent_challenge_one(p, &conf->challenge,
                                    (dpop && rec->dpop) ? &none : error,
                                    &step_up, &scope);
    }

    if (bearer && dpop) {
        *p++ = ',';
        *p++ = ' ';
    }

    if (dpop) {
        p = ngx_agent_challenge_one(p, &conf->challenge_dpop,
                                    (bearer && !rec->dpop) ? &none : error,
                                    &step_up, &scope);
    }

    value->len = p - value->data;

    return NGX_OK;
}


static u_char *
ngx_agent_challenge_one(u_char *p, const ngx_str_t *constant,
    const agent_str_t *error, const ngx_str_t *step_up,
    const ngx_str_t *scope)
{
    p = ngx_cpymem(p, constant->data, constant->len);

    if (error->len) {
        p = ngx_agent_copy(p, ", error=\"");
        p = ngx_cpymem(p, error->data, error->len);
        *p++ = '"';

        p = ngx_cpymem(p, step_up->data, step_up->len);
    }

    if (scope->len) {
        p = ngx_agent_copy(p, ", scope=\"");
        p = ngx_cpymem(p, scope->data, scope->len);
        *p++ = '"';
    }

    return p;
}


/* RFC 9449, 8.2 and 9 */

static ngx_int_t
ngx_agent_challenge_nonce(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf)
{
    u_char           *p;
    ngx_table_elt_t  *h;

    p = ngx_pnalloc(r->pool, NGX_AGENT_NONCE_LEN);

    if (p == NULL || ngx_agent_proof_nonce(conf->proofs, p) != NGX_OK) {
        return NGX_ERROR;
    }

    h = ngx_agent_header_push(r);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&h->key, "DPoP-Nonce");
    h->value.data = p;
    h->value.len = NGX_AGENT_NONCE_LEN;

    return NGX_OK;
}


/* core clears all that hang on this pointer if "satisfy any" is met later */

static ngx_int_t
ngx_agent_challenge_add(ngx_http_request_t *r, ngx_agent_record_t *rec,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_agent_header_push(r);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&h->key, "WWW-Authenticate");
    h->value = *value;

    ngx_agent_header_chain(h, r->headers_out.www_authenticate);

    rec->challenge = h;
    r->headers_out.www_authenticate = h;

    return NGX_OK;
}


static ngx_table_elt_t *
ngx_agent_header_push(ngx_http_request_t *r)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);

    if (h) {
        h->hash = 1;
        h->lowcase_key = NULL;

        ngx_agent_header_chain(h, NULL);
    }

    return h;
}
