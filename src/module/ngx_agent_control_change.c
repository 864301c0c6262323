
/*
 * Changes: they are settled by the state file of revocations, whether or not
 * who asked is still there, and each leaves an audit line.
 */

#include "ngx_agent_call.h"
#include "ngx_agent_control.h"


static ngx_int_t ngx_agent_control_revoke_body(ngx_http_request_t *r,
    const ngx_str_t *body);
static ngx_int_t ngx_agent_control_revoked(ngx_http_request_t *r, void *data);
static ngx_int_t ngx_agent_control_subject_body(ngx_http_request_t *r,
    const ngx_str_t *body);
static ngx_uint_t ngx_agent_control_subject_issuer(ngx_http_request_t *r,
    const agent_sub_id_t *id, agent_str_t *issuer);
static ngx_int_t ngx_agent_control_flush_body(ngx_http_request_t *r,
    const ngx_str_t *body);
static ngx_int_t ngx_agent_control_flush_now(ngx_http_request_t *r,
    ngx_agent_control_op_t *op, const agent_control_flush_t *flush);
static ngx_int_t ngx_agent_control_flush_provider(ngx_http_request_t *r,
    ngx_agent_main_conf_t *amcf, const agent_str_t *name);
static ngx_int_t ngx_agent_control_caller(ngx_http_request_t *r,
    ngx_pool_t *pool, agent_str_t *caller);
static ngx_int_t ngx_agent_control_certificate(ngx_http_request_t *r,
    ngx_str_t *subject);
static ngx_int_t ngx_agent_control_keep(ngx_agent_control_op_t *op);
static ngx_int_t ngx_agent_control_keep_notes(ngx_agent_control_op_t *op);
static ngx_int_t ngx_agent_control_copy(ngx_pool_t *pool, agent_str_t *text);
static void ngx_agent_control_leave(void *data);
static void ngx_agent_control_settled(ngx_int_t rc, void *data);
static ngx_int_t ngx_agent_control_failed(ngx_http_request_t *r,
    ngx_uint_t status);
static void ngx_agent_control_audit(ngx_agent_control_op_t *op,
    ngx_uint_t status);
static void ngx_agent_control_audit_notes(ngx_agent_control_op_t *op);


void
ngx_agent_control_revoke(ngx_http_request_t *r)
{
    ngx_int_t  rc;
    ngx_str_t  body;

    rc = ngx_agent_control_body(r, &body);

    ngx_http_finalize_request(r, rc == NGX_OK
                                 ? ngx_agent_control_revoke_body(r, &body)
                                 : rc);
}


static ngx_int_t
ngx_agent_control_revoke_body(ngx_http_request_t *r, const ngx_str_t *body)
{
    char                     err[AGENT_ERROR_LEN];
    size_t                   n;
    json_t                  *tree;
    ngx_int_t                rc;
    ngx_agent_control_op_t  *op;

    op = ngx_agent_control_op(r, AGENT_CONTROL_ENTRIES_MAX);
    if (op == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    tree = agent_control_revocations(body->data, body->len, op->entries, &n,
                                     err);
    if (tree == NULL) {
        ngx_destroy_pool(op->pool);
        return ngx_agent_answer_problem(r, NGX_HTTP_BAD_REQUEST, err);
    }

    op->n = n;
    op->answer = ngx_agent_control_revoked;
    op->event.http_status = NGX_HTTP_CREATED;

    rc = ngx_agent_control_submit(r, op);

    json_decref(tree);

    return rc;
}


static ngx_int_t
ngx_agent_control_revoked(ngx_http_request_t *r, void *data)
{
    ngx_agent_control_op_t  *op = data;

    size_t        size;
    u_char       *p;
    ngx_uint_t    i;
    agent_json_t  json;

    size = sizeof("{\"ids\":[]}\n") + op->n * (AGENT_REVOCATION_ID_MAX + 3);

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    agent_json_init(&json, p, size);

    for (i = 0; i < op->n; i++) {
        agent_json_raw(&json, i ? "\",\"" : "{\"ids\":[\"", i ? 3 : 9);
        agent_json_raw(&json, op->entries[i].id.data, op->entries[i].id.len);
    }

    agent_json_literal(&json, "\"]}\n");

    return ngx_agent_control_json(r, NGX_HTTP_CREATED, p, &json);
}


/* draft-parecki-oauth-global-token-revocation, 4 */

void
ngx_agent_control_subject(ngx_http_request_t *r)
{
    ngx_int_t  rc;
    ngx_str_t  body;

    rc = ngx_agent_control_body(r, &body);

    ngx_http_finalize_request(r, rc == NGX_OK
                                 ? ngx_agent_control_subject_body(r, &body)
                                 : rc);
}


static ngx_int_t
ngx_agent_control_subject_body(ngx_http_request_t *r, const ngx_str_t *body)
{
    char                          err[AGENT_ERROR_LEN];
    json_t                       *tree;
    ngx_int_t                     rc;
    ngx_uint_t                    status;
    agent_sub_id_t                id;
    agent_revocation_t           *rev;
    ngx_agent_control_op_t       *op;
    const ngx_agent_loc_conf_t   *conf;

    tree = agent_control_subject(body->data, body->len, &id, err);
    if (tree == NULL) {
        return ngx_agent_answer_problem(r, NGX_HTTP_BAD_REQUEST, err);
    }

    op = ngx_agent_control_op(r, 1);
    if (op == NULL) {
        json_decref(tree);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    conf = ngx_http_get_module_loc_conf(r, ngx_http_agent_auth_module);

    rev = op->entries;

    rev->op = AGENT_REVOKE;
    rev->kind = AGENT_REVOKED_SUBJECT;
    rev->value = id.value;

    /* those of tokens that are issued from now on are good */

    rev->at = ngx_agent_now();
    rev->before = rev->at;
    rev->expires = conf->control->keep
                   ? rev->before + (int64_t) conf->control->keep
                   : AGENT_REVOCATION_NONE;

    agent_str_set(&rev->cause, "global token revocation");

    status = ngx_agent_control_subject_issuer(r, &id, &rev->issuer);

    if (status == 0 && agent_revocation_check(rev, err) != 0) {
        status = NGX_HTTP_BAD_REQUEST;
    }

    if (status) {
        rc = ngx_agent_answer_problem(r, status,
                                      status == NGX_HTTP_NOT_FOUND
                                      ? "no provider here has that issuer"
                                      : "no token here can be told to be that "
                                        "subject's");
        ngx_destroy_pool(op->pool);

    } else {
        op->answer = ngx_agent_control_done;
        op->event.http_status = NGX_HTTP_NO_CONTENT;

        rc = ngx_agent_control_submit(r, op);
    }

    json_decref(tree);

    return rc;
}


/* whose subject it is; else the status to answer with */

static ngx_uint_t
ngx_agent_control_subject_issuer(ngx_http_request_t *r,
    const agent_sub_id_t *id, agent_str_t *issuer)
{
    ngx_uint_t                    i;
    ngx_agent_main_conf_t        *amcf;
    ngx_agent_provider_t        **provider;
    const ngx_agent_control_t    *control;
    const ngx_agent_loc_conf_t   *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_agent_auth_module);
    amcf = ngx_http_get_module_main_conf(r, ngx_http_agent_auth_module);

    control = conf->control;
    provider = amcf->providers.elts;

    switch (id->format) {

    case AGENT_SUB_ID_ISS_SUB:

        for (i = 0; i < amcf->providers.nelts; i++) {
            ngx_agent_view(issuer, &provider[i]->issuer);

            if (agent_str_eq(issuer, &id->issuer)) {
                return 0;
            }
        }

        return NGX_HTTP_NOT_FOUND;

    case AGENT_SUB_ID_OPAQUE:
        break;

    case AGENT_SUB_ID_EMAIL:

        if (control->email) {
            break;
        }

        /* fall through */

    default:
        return NGX_AGENT_UNPROCESSABLE;
    }

    if (control->provider == NULL) {
        return NGX_AGENT_UNPROCESSABLE;
    }

    ngx_agent_view(issuer, &control->provider->issuer);

    return 0;
}


void
ngx_agent_control_flush(ngx_http_request_t *r)
{
    ngx_int_t  rc;
    ngx_str_t  body;

    rc = ngx_agent_control_body(r, &body);

    ngx_http_finalize_request(r, rc == NGX_OK
                                 ? ngx_agent_control_flush_body(r, &body)
                                 : rc);
}


static ngx_int_t
ngx_agent_control_flush_body(ngx_http_request_t *r, const ngx_str_t *body)
{
    char                     err[AGENT_ERROR_LEN];
    json_t                  *tree;
    ngx_int_t                rc;
    agent_control_flush_t    flush;
    ngx_agent_control_op_t  *op;

    tree = agent_control_flush(body->data, body->len, &flush, err);
    if (tree == NULL) {
        return ngx_agent_answer_problem(r, NGX_HTTP_BAD_REQUEST, err);
    }

    op = ngx_agent_control_op(r, 1);

    if (op == NULL) {
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;

    } else {
        rc = ngx_agent_control_flush_now(r, op, &flush);
        ngx_destroy_pool(op->pool);
    }

    json_decref(tree);

    return rc;
}


static ngx_int_t
ngx_agent_control_flush_now(ngx_http_request_t *r, ngx_agent_control_op_t *op,
    const agent_control_flush_t *flush)
{
    u_char                  hex[2 * AGENT_SHA256_LEN];
    ngx_agent_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_agent_auth_module);

    op->event.change = AGENT_CHANGE_FLUSH;
    op->event.value = flush->value;
    op->event.number = 1;
    op->event.http_status = NGX_HTTP_NO_CONTENT;

    /* without a provider there is no such zone, and nothing to forget */

    switch (flush->what) {

    case AGENT_FLUSH_TOKEN:
        agent_str_set(&op->event.kind, "token");
        agent_hex(hex, flush->digest, AGENT_SHA256_LEN);
        op->event.value.data = hex;
        op->event.value.len = sizeof(hex);

        if (amcf->token_zone) {
            ngx_agent_flush_token(amcf->token_zone, flush->digest);
        }

        break;

    case AGENT_FLUSH_SUBJECT:
        agent_str_set(&op->event.kind, "subject");

        if (amcf->token_zone) {
            ngx_agent_flush_subject(amcf->token_zone, &flush->value);
        }

        break;

    case AGENT_FLUSH_PROVIDER:
        agent_str_set(&op->event.kind, "provider");

        if (ngx_agent_control_flush_provider(r, amcf, &flush->value)
            != NGX_OK)
        {
            return ngx_agent_answer_problem(r, NGX_HTTP_NOT_FOUND,
                                            "there is no such provider");
        }

        break;

    default:
        agent_str_set(&op->event.kind, "cache");

        if (amcf->token_zone) {
            ngx_agent_flush_all(amcf->token_zone);
        }
    }

    if (op->conf->audit) {
        ngx_agent_audit_control(op->conf->audit, &op->event,
                                r->connection->log);
    }

    return ngx_agent_control_done(r, op);
}


static ngx_int_t
ngx_agent_control_flush_provider(ngx_http_request_t *r,
    ngx_agent_main_conf_t *amcf, const agent_str_t *name)
{
    ngx_str_t              s;
    ngx_agent_provider_t  *provider;

    s.len = name->len;
    s.data = (u_char *) name->data;

    provider = ngx_agent_provider_find(&amcf->providers, &s);
    if (provider == NULL) {
        return NGX_DECLINED;
    }

    ngx_agent_flush_provider(amcf->token_zone, provider);

    if (provider->metadata) {
        ngx_agent_document_flush(provider->metadata);
    }

    if (provider->keys) {
        ngx_agent_document_flush(provider->keys);
    }

    return NGX_OK;
}


ngx_int_t
ngx_agent_control_done(ngx_http_request_t *r, void *op)
{
    return ngx_agent_answer(r, NGX_HTTP_NO_CONTENT, NULL, NULL);
}


ngx_agent_control_op_t *
ngx_agent_control_op(ngx_http_request_t *r, ngx_uint_t n)
{
    ngx_pool_t                *pool;
    ngx_agent_record_t        *rec;
    agent_audit_control_t     *ev;
    ngx_agent_control_op_t    *op;
    ngx_http_core_srv_conf_t  *cscf;

    rec = ngx_agent_record_get(r);
    pool = ngx_create_pool(4096, ngx_cycle->log);

    if (rec == NULL || pool == NULL) {
        goto failed;
    }

    op = ngx_pcalloc(pool, sizeof(ngx_agent_control_op_t));
    if (op == NULL) {
        goto failed;
    }

    op->entries = ngx_pcalloc(pool, n * sizeof(agent_revocation_t));
    if (op->entries == NULL) {
        goto failed;
    }

    op->pool = pool;
    op->n = n;
    op->conf = ngx_http_get_module_loc_conf(r, ngx_http_agent_auth_module);

    ev = &op->event;

    ev->time_ms = (uint64_t) ngx_agent_now();
    ev->request_id.len = NGX_AGENT_REQUEST_ID_LEN;
    ev->request_id.data = ngx_agent_record_id(rec);
    ev->client_port = ngx_inet_get_port(r->connection->sockaddr);

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);
    ngx_agent_view(&ev->server_name, &cscf->server_name);
    ngx_agent_view(&ev->client_ip, &r->connection->addr_text);

    if (ngx_agent_control_caller(r, pool, &ev->caller) != NGX_OK
        || ngx_agent_control_copy(pool, &ev->request_id) != NGX_OK
        || ngx_agent_control_copy(pool, &ev->client_ip) != NGX_OK)
    {
        goto failed;
    }

    return op;

failed:

    if (pool) {
        ngx_destroy_pool(pool);
    }

    return NULL;
}


/* whoever proved who he is, else the address */

static ngx_int_t
ngx_agent_control_caller(ngx_http_request_t *r, ngx_pool_t *pool,
    agent_str_t *caller)
{
    ngx_str_t              subject;
    ngx_agent_record_t    *rec;
    const agent_claims_t  *claims;

    rec = ngx_agent_record_find(r);

    claims = rec ? ngx_agent_known_claims(rec) : NULL;

    if (claims) {
        *caller = *ngx_agent_identify_agent(claims);

    } else if (rec && ngx_agent_identified(rec)) {
        *caller = rec->identity.agent;

    } else if (ngx_agent_control_certificate(r, &subject) == NGX_OK) {
        ngx_agent_view(caller, &subject);

    } else {
        ngx_agent_view(caller, &r->connection->addr_text);
    }

    return ngx_agent_control_copy(pool, caller);
}


/* the subject of one that was verified, in what every reader takes for text */

static ngx_int_t
ngx_agent_control_certificate(ngx_http_request_t *r, ngx_str_t *subject)
{
#if (NGX_HTTP_SSL)
    size_t             i;
    ngx_str_t          verify;
    ngx_connection_t  *c;

    c = r->connection;

    if (c->ssl == NULL
        || ngx_ssl_get_client_verify(c, r->pool, &verify) != NGX_OK
        || verify.len != sizeof("SUCCESS") - 1
        || ngx_strncmp(verify.data, "SUCCESS", verify.len) != 0
        || ngx_ssl_get_subject_dn(c, r->pool, subject) != NGX_OK
        || subject->len == 0)
    {
        return NGX_DECLINED;
    }

    for (i = 0; i < subject->len; i++) {
        if (subject->data[i] < 0x20 || subject->data[i] > 0x7e) {
            subject->data[i] = '?';
        }
    }

    return NGX_OK;
#else
    return NGX_DECLINED;
#endif
}


ngx_int_t
ngx_agent_control_submit(ngx_http_request_t *r, ngx_agent_control_op_t *op)
{
    ngx_int_t               rc;
    ngx_uint_t              status;
    ngx_http_cleanup_t     *cln;
    ngx_agent_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_agent_auth_module);

    if (op->n == 0) {
        ngx_agent_control_audit(op, op->event.http_status);
        rc = op->answer(r, op);
        ngx_destroy_pool(op->pool);
        return rc;
    }

    status = NGX_HTTP_INTERNAL_SERVER_ERROR;

    cln = ngx_http_cleanup_add(r, 0);

    if (cln && ngx_agent_control_keep(op) == NGX_OK
        && ngx_agent_control_keep_notes(op) == NGX_OK
        && ngx_agent_revocation_submit(amcf->revocations, op->entries, op->n,
                                       op->pool, ngx_agent_control_settled, op)
           == NGX_AGAIN)
    {
        cln->handler = ngx_agent_control_leave;
        cln->data = op;

        op->request = r;
        op->cleanup = cln;

        r->read_event_handler = ngx_http_block_reading;
        r->write_event_handler = ngx_http_request_empty_handler;

        r->main->count++;

        return NGX_DONE;
    }

    ngx_agent_control_audit(op, status);
    ngx_destroy_pool(op->pool);

    return ngx_agent_control_failed(r, status);
}


/* what the entries point at is the body's, which goes with the request */

static ngx_int_t
ngx_agent_control_keep(ngx_agent_control_op_t *op)
{
    u_char              *p;
    ngx_uint_t           i;
    agent_revocation_t  *rev;

    for (i = 0; i < op->n; i++) {

        rev = &op->entries[i];

        p = ngx_pnalloc(op->pool, AGENT_REVOCATION_ID_MAX);
        if (p == NULL) {
            return NGX_ERROR;
        }

        rev->id.data = p;
        rev->id.len = ngx_snprintf(p, AGENT_REVOCATION_ID_MAX, "%*s-%ui",
                                   op->event.request_id.len,
                                   op->event.request_id.data, i + 1)
                      - p;

        rev->at = (int64_t) op->event.time_ms;
        rev->by = op->event.caller;

        if (ngx_agent_control_copy(op->pool, &rev->issuer) != NGX_OK
            || ngx_agent_control_copy(op->pool, &rev->value) != NGX_OK
            || ngx_agent_control_copy(op->pool, &rev->cause) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_agent_control_keep_notes(ngx_agent_control_op_t *op)
{
    ngx_uint_t                 i;
    ngx_agent_control_note_t  *note;

    for (i = 0; i < op->nnotes; i++) {

        note = &op->notes[i];

        if (ngx_agent_control_copy(op->pool, &note->value) != NGX_OK
            || ngx_agent_control_copy(op->pool, &note->issuer) != NGX_OK
            || ngx_agent_control_copy(op->pool, &note->id) != NGX_OK
            || ngx_agent_control_copy(op->pool, &note->cause) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_agent_control_copy(ngx_pool_t *pool, agent_str_t *text)
{
    u_char  *p;

    if (text->len == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(pool, text->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, text->data, text->len);
    text->data = p;

    return NGX_OK;
}


/* what was asked for is done all the same */

static void
ngx_agent_control_leave(void *data)
{
    ngx_agent_control_op_t  *op = data;

    op->request = NULL;
}


static void
ngx_agent_control_settled(ngx_int_t rc, void *data)
{
    ngx_agent_control_op_t  *op = data;

    ngx_uint_t           status;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    status = (rc == NGX_OK) ? op->event.http_status
             : (rc == NGX_DECLINED) ? NGX_HTTP_INSUFFICIENT_STORAGE
                                    : NGX_HTTP_INTERNAL_SERVER_ERROR;

    ngx_agent_control_audit(op, status);

    r = op->request;

    if (r == NULL) {
        ngx_destroy_pool(op->pool);
        return;
    }

    op->cleanup->handler = NULL;

    c = r->connection;
    ngx_http_set_log_request(c->log, r);

    rc = (status < NGX_HTTP_BAD_REQUEST) ? op->answer(r, op)
                                         : ngx_agent_control_failed(r, status);

    ngx_destroy_pool(op->pool);

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_agent_control_failed(ngx_http_request_t *r, ngx_uint_t status)
{
    return ngx_agent_answer_problem(r, status,
                                    status == NGX_HTTP_INSUFFICIENT_STORAGE
                                    ? "the zone of \"agent_revocations\" is "
                                      "full, and nothing was changed"
                                    : "it could not be written, see the error "
                                      "log; nothing was changed");
}


static void
ngx_agent_control_audit(ngx_agent_control_op_t *op, ngx_uint_t status)
{
    ngx_uint_t                 i;
    const agent_revocation_t  *rev;

    static const agent_change_e  changes[] = {
        [AGENT_REVOKE] = AGENT_CHANGE_REVOKE,
        [AGENT_UNREVOKE] = AGENT_CHANGE_UNREVOKE,
        [AGENT_SUSPEND] = AGENT_CHANGE_SUSPEND,
        [AGENT_RESUME] = AGENT_CHANGE_RESUME
    };

    if (op->conf->audit == NULL) {
        return;
    }

    op->event.http_status = (uint32_t) status;

    for (i = 0; i < op->n; i++) {
        rev = &op->entries[i];

        op->event.number = i + 1;
        op->event.change = changes[rev->op];
        op->event.kind = *agent_revocation_kind_name(rev->kind);
        op->event.value = rev->value;
        op->event.issuer = rev->issuer;
        op->event.id = rev->id;
        op->event.cause = rev->cause;
        op->event.before = rev->before > 0 ? rev->before / 1000 : 0;
        op->event.expires = rev->expires > 0 ? rev->expires / 1000 : 0;

        ngx_agent_audit_control(op->conf->audit, &op->event, ngx_cycle->log);
    }

    ngx_agent_control_audit_notes(op);
}


static void
ngx_agent_control_audit_notes(ngx_agent_control_op_t *op)
{
    ngx_uint_t                       i;
    const ngx_agent_control_note_t  *note;

    op->event.before = 0;
    op->event.expires = 0;

    for (i = 0; i < op->nnotes; i++) {
        note = &op->notes[i];

        op->event.number = op->n + i + 1;
        op->event.change = note->change;
        op->event.kind = note->kind;
        op->event.value = note->value;
        op->event.issuer = note->issuer;
        op->event.id = note->id;
        op->event.cause = note->cause;

        ngx_agent_audit_control(op->conf->audit, &op->event, ngx_cycle->log);
    }
}
