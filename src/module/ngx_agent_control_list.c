
/*
 * The revocations that are in force, as the state file has them, and how one is
 * taken back.  The file may be long: it is read a piece at a time.
 */

#include "ngx_agent_control.h"


/* lines that are read in one turn of the event loop */

#define NGX_AGENT_CONTROL_LINES   1024

/* entries of an answer */

#define NGX_AGENT_CONTROL_LIMIT   100
#define NGX_AGENT_CONTROL_MOST    1000

/* octets of an answer; the last entry may have as many as a line */

#define NGX_AGENT_CONTROL_ROOM    (8 * AGENT_REVOCATION_LINE_MAX)


typedef struct {
    uint64_t                     cursor;
    uint64_t                     limit;
    ngx_int_t                    kind;      /* NGX_ERROR: any */
    agent_str_t                  value;     /* data is NULL: any */
} ngx_agent_control_query_t;


/* of a revocation to be taken back */

typedef struct {
    ngx_http_request_t          *request;
    agent_str_t                  id;
    uint64_t                     cursor;
    ngx_uint_t                   again;     /* the file was replaced */
    ngx_event_t                  event;
    u_char                      *buf;
} ngx_agent_control_scan_t;


static ngx_int_t ngx_agent_control_query(ngx_http_request_t *r,
    ngx_agent_control_query_t *query);
static ngx_int_t ngx_agent_control_arg(ngx_http_request_t *r,
    const char *name, agent_str_t *text);
static ngx_int_t ngx_agent_control_arg_number(ngx_http_request_t *r,
    const char *name, uint64_t *n);
static ngx_int_t ngx_agent_control_page(ngx_http_request_t *r,
    const ngx_agent_control_query_t *query, agent_json_t *json, u_char *buf);
static ngx_uint_t ngx_agent_control_wanted(
    const ngx_agent_control_query_t *query, const agent_revocation_t *rev);
static void ngx_agent_control_line(agent_json_t *json,
    const agent_revocation_t *rev);
static void ngx_agent_control_scan_event(ngx_event_t *ev);
static void ngx_agent_control_scan_leave(void *data);
static ngx_int_t ngx_agent_control_scan(ngx_agent_control_scan_t *scan);
static ngx_int_t ngx_agent_control_found(ngx_http_request_t *r,
    const agent_revocation_t *rev);


ngx_int_t
ngx_agent_control_list(ngx_http_request_t *r)
{
    u_char                     *p, *buf;
    ngx_int_t                   rc;
    agent_json_t                json;
    ngx_agent_main_conf_t      *amcf;
    ngx_agent_control_query_t   query;

    rc = ngx_agent_control_query(r, &query);

    if (rc == NGX_DECLINED) {
        return ngx_agent_answer_problem(r, NGX_HTTP_BAD_REQUEST,
                                        "\"limit\", \"cursor\", \"kind\" or "
                                        "\"value\" is not what it may be");
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    amcf = ngx_http_get_module_main_conf(r, ngx_http_agent_auth_module);

    if (ngx_agent_revocation_cursor(amcf->revocations, query.cursor)
        == NGX_DECLINED)
    {
        return ngx_agent_answer_problem(r, NGX_HTTP_BAD_REQUEST,
                                        "\"cursor\" is not one of an answer");
    }

    p = ngx_palloc(r->pool, NGX_AGENT_CONTROL_ROOM);
    buf = ngx_palloc(r->pool, AGENT_REVOCATION_LINE_MAX);

    if (p == NULL || buf == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    agent_json_init(&json, p, NGX_AGENT_CONTROL_ROOM);

    switch (ngx_agent_control_page(r, &query, &json, buf)) {

    case NGX_OK:
        return ngx_agent_control_json(r, NGX_HTTP_OK, p, &json);

    case NGX_DECLINED:
        return ngx_agent_answer_problem(r, NGX_HTTP_CONFLICT,
                                        "the list was written anew, begin "
                                        "without \"cursor\"");

    default:
        return ngx_agent_answer_problem(r, NGX_HTTP_INTERNAL_SERVER_ERROR,
                                        "the state file cannot be read, see "
                                        "the error log");
    }
}


static ngx_int_t
ngx_agent_control_query(ngx_http_request_t *r,
    ngx_agent_control_query_t *query)
{
    ngx_int_t    rc;
    agent_str_t  kind;

    query->cursor = 0;
    query->limit = NGX_AGENT_CONTROL_LIMIT;
    query->kind = NGX_ERROR;

    if (ngx_agent_control_arg_number(r, "cursor", &query->cursor) != NGX_OK
        || ngx_agent_control_arg_number(r, "limit", &query->limit) != NGX_OK
        || query->limit == 0 || query->limit > NGX_AGENT_CONTROL_MOST)
    {
        return NGX_DECLINED;
    }

    rc = ngx_agent_control_arg(r, "kind", &kind);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK) {
        query->kind = agent_revocation_kind(&kind);

        if (query->kind < 0) {
            return NGX_DECLINED;
        }
    }

    return ngx_agent_control_arg(r, "value", &query->value) == NGX_ERROR
           ? NGX_ERROR : NGX_OK;
}


/* decoded; NGX_DECLINED: there is none */

static ngx_int_t
ngx_agent_control_arg(ngx_http_request_t *r, const char *name,
    agent_str_t *text)
{
    u_char     *p, *dst, *src;
    ngx_str_t   value;

    text->len = 0;
    text->data = NULL;

    if (ngx_http_arg(r, (u_char *) name, ngx_strlen(name), &value) != NGX_OK) {
        return NGX_DECLINED;
    }

    p = ngx_pnalloc(r->pool, value.len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    dst = p;
    src = value.data;

    ngx_unescape_uri(&dst, &src, value.len, 0);

    text->data = p;
    text->len = dst - p;

    return NGX_OK;
}


static ngx_int_t
ngx_agent_control_arg_number(ngx_http_request_t *r, const char *name,
    uint64_t *n)
{
    off_t      number;
    ngx_str_t  value;

    if (ngx_http_arg(r, (u_char *) name, ngx_strlen(name), &value) != NGX_OK) {
        return NGX_OK;
    }

    number = ngx_atoof(value.data, value.len);

    if (number == NGX_ERROR) {
        return NGX_ERROR;
    }

    *n = (uint64_t) number;

    return NGX_OK;
}


/*
 * As many as fit of those that a piece of the file has, and where to go on: a
 * page may be empty though others follow.
 */

static ngx_int_t
ngx_agent_control_page(ngx_http_request_t *r,
    const ngx_agent_control_query_t *query, agent_json_t *json, u_char *buf)
{
    uint64_t                cursor, n;
    ngx_int_t               rc;
    ngx_uint_t              i, live;
    agent_revocation_t      rev;
    ngx_agent_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_agent_auth_module);

    rc = NGX_OK;
    cursor = query->cursor;
    n = 0;

    agent_json_literal(json, "{\"revocations\":[");

    for (i = 0; i < NGX_AGENT_CONTROL_LINES && n < query->limit; i++) {

        if (json->end - json->pos < AGENT_REVOCATION_LINE_MAX + 512) {
            break;
        }

        rc = ngx_agent_revocation_next(amcf->revocations, &cursor, buf, &rev,
                                       &live);
        if (rc != NGX_OK) {
            break;
        }

        if (live && ngx_agent_control_wanted(query, &rev)) {
            ngx_agent_control_line(json, &rev);
            n++;
        }
    }

    if (rc == NGX_DECLINED || rc == NGX_ERROR) {
        return rc;
    }

    if (n) {
        json->pos--;
    }

    agent_json_literal(json, "],");

    if (rc != NGX_DONE) {
        ngx_agent_control_number(json, "\"cursor\":", cursor);
    }

    agent_json_close(json, "\n");

    return NGX_OK;
}


static ngx_uint_t
ngx_agent_control_wanted(const ngx_agent_control_query_t *query,
    const agent_revocation_t *rev)
{
    return (rev->op == AGENT_REVOKE || rev->op == AGENT_SUSPEND)
           && (query->kind < 0 || query->kind == (ngx_int_t) rev->kind)
           && (query->value.data == NULL
               || agent_str_eq(&query->value, &rev->value));
}


static void
ngx_agent_control_line(agent_json_t *json, const agent_revocation_t *rev)
{
    agent_json_literal(json, "{");

    ngx_agent_control_text(json, "\"id\":", &rev->id);
    ngx_agent_control_date(json, "\"at\":", rev->at);
    ngx_agent_control_text(json, "\"op\":", agent_revocation_op_name(rev->op));
    ngx_agent_control_text(json, "\"kind\":",
                           agent_revocation_kind_name(rev->kind));

    agent_json_string(json, "issuer", &rev->issuer, rev->issuer.len);
    agent_json_string(json, "value", &rev->value, rev->value.len);

    ngx_agent_control_date(json, "\"before\":", rev->before);
    ngx_agent_control_date(json, "\"expires\":", rev->expires);

    agent_json_string(json, "cause", &rev->cause, rev->cause.len);
    agent_json_string(json, "by", &rev->by, rev->by.len);
    agent_json_close(json, ",");
}


ngx_int_t
ngx_agent_control_undo(ngx_http_request_t *r, const agent_str_t *id)
{
    ngx_int_t                  rc;
    ngx_http_cleanup_t        *cln;
    ngx_agent_control_scan_t  *scan;

    scan = ngx_pcalloc(r->pool, sizeof(ngx_agent_control_scan_t));
    cln = ngx_http_cleanup_add(r, 0);

    if (scan == NULL || cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    scan->buf = ngx_palloc(r->pool, AGENT_REVOCATION_LINE_MAX);
    if (scan->buf == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    scan->request = r;
    scan->id = *id;

    cln->handler = ngx_agent_control_scan_leave;
    cln->data = scan;

    scan->event.handler = ngx_agent_control_scan_event;
    scan->event.data = scan;
    scan->event.log = r->connection->log;

    rc = ngx_agent_control_scan(scan);

    if (rc != NGX_AGAIN) {
        return rc;
    }

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    r->main->count++;

    ngx_add_timer(&scan->event, 1);

    return NGX_DONE;
}


static void
ngx_agent_control_scan_event(ngx_event_t *ev)
{
    ngx_int_t                  rc;
    ngx_connection_t          *c;
    ngx_http_request_t        *r;
    ngx_agent_control_scan_t  *scan;

    scan = ev->data;
    r = scan->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    rc = ngx_agent_control_scan(scan);

    if (rc == NGX_AGAIN) {
        ngx_add_timer(ev, 1);
        return;
    }

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


static void
ngx_agent_control_scan_leave(void *data)
{
    ngx_agent_control_scan_t  *scan = data;

    if (scan->event.timer_set) {
        ngx_del_timer(&scan->event);
    }
}


/* NGX_AGAIN: there is more; else what a handler returns */

static ngx_int_t
ngx_agent_control_scan(ngx_agent_control_scan_t *scan)
{
    ngx_int_t               rc;
    ngx_uint_t              i, live;
    agent_revocation_t      rev;
    ngx_http_request_t     *r;
    ngx_agent_main_conf_t  *amcf;

    r = scan->request;
    amcf = ngx_http_get_module_main_conf(r, ngx_http_agent_auth_module);

    for (i = 0; i < NGX_AGENT_CONTROL_LINES; i++) {

        rc = ngx_agent_revocation_next(amcf->revocations, &scan->cursor,
                                       scan->buf, &rev, &live);

        if (rc == NGX_DECLINED && scan->again++ < 3) {
            scan->cursor = 0;
            return NGX_AGAIN;
        }

        if (rc == NGX_DONE) {
            return ngx_agent_answer_problem(r, NGX_HTTP_NOT_FOUND,
                                            "no revocation that is in force "
                                            "has that id");
        }

        if (rc != NGX_OK) {
            return ngx_agent_answer_problem(r, NGX_HTTP_INTERNAL_SERVER_ERROR,
                                            "the state file cannot be read, "
                                            "see the error log");
        }

        if (live && agent_str_eq(&rev.id, &scan->id)
            && (rev.op == AGENT_REVOKE || rev.op == AGENT_SUSPEND))
        {
            return ngx_agent_control_found(r, &rev);
        }
    }

    return NGX_AGAIN;
}


static ngx_int_t
ngx_agent_control_found(ngx_http_request_t *r, const agent_revocation_t *rev)
{
    agent_revocation_t      *entry;
    ngx_agent_control_op_t  *op;

    if (rev->op == AGENT_SUSPEND) {
        return ngx_agent_answer_problem(r, NGX_HTTP_CONFLICT,
                                        "the key is suspended: resume it");
    }

    if (rev->kind == AGENT_REVOKED_KEY) {
        return ngx_agent_answer_problem(r, NGX_HTTP_CONFLICT,
                                        "a revoked key stays revoked: issue "
                                        "another");
    }

    op = ngx_agent_control_op(r, 1);
    if (op == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    entry = op->entries;

    entry->op = AGENT_UNREVOKE;
    entry->kind = rev->kind;
    entry->issuer = rev->issuer;
    entry->value = rev->value;
    entry->before = AGENT_REVOCATION_NONE;
    entry->expires = AGENT_REVOCATION_NONE;

    op->answer = ngx_agent_control_done;
    op->event.http_status = NGX_HTTP_NO_CONTENT;

    return ngx_agent_control_submit(r, op);
}
