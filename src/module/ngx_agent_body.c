
#include <ngx_config.h>
#include <ngx_core.h>

#include "agent_json.h"
#include "ngx_agent_body.h"
#include "ngx_agent_compat.h"


typedef struct {
    ngx_uint_t   status;
    const char  *title;
} ngx_agent_title_t;


static ngx_int_t ngx_agent_body_buf(ngx_buf_t *b, u_char *p, size_t len);
static const char *ngx_agent_answer_title(ngx_uint_t status);


/* RFC 9110, 15; RFC 4918, 11: those that we answer with */

static const ngx_agent_title_t  ngx_agent_titles[] = {
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 409, "Conflict" },
    { 413, "Content Too Large" },
    { 415, "Unsupported Media Type" },
    { 422, "Unprocessable Content" },
    { 500, "Internal Server Error" },
    { 501, "Not Implemented" },
    { 503, "Service Unavailable" },
    { 507, "Insufficient Storage" },
    { 0, "Error" }
};


ngx_uint_t
ngx_agent_body_is(ngx_http_request_t *r, const char *type)
{
    size_t      len;
    u_char     *p, *last;
    ngx_str_t  *value;

    if (r->headers_in.content_type == NULL) {
        return 0;
    }

    value = &r->headers_in.content_type->value;
    len = ngx_strlen(type);

    if (value->len < len
        || ngx_strncasecmp(value->data, (u_char *) type, len) != 0)
    {
        return 0;
    }

    last = value->data + value->len;

    for (p = value->data + len; p < last && (*p == ' ' || *p == '\t'); p++) {
        /* void */
    }

    return p == last || *p == ';';
}


ngx_int_t
ngx_agent_body_read(ngx_http_request_t *r, size_t max,
    ngx_http_client_body_handler_pt handler)
{
    ngx_int_t  rc;

    if (r->headers_in.content_length_n > (off_t) max) {
        return ngx_agent_answer_problem(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                        "the body is too long");
    }

    rc = ngx_http_read_client_request_body(r, handler);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


ngx_int_t
ngx_agent_body_text(ngx_http_request_t *r, size_t max, ngx_str_t *text)
{
    off_t         len;
    u_char       *p;
    ngx_buf_t    *b;
    ngx_chain_t  *cl, *bufs;

    ngx_str_null(text);

    bufs = r->request_body ? r->request_body->bufs : NULL;
    len = 0;

    for (cl = bufs; cl; cl = cl->next) {
        len += ngx_buf_size(cl->buf);

        if (len > (off_t) max) {
            return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
        }
    }

    if (len == 0) {
        return NGX_OK;
    }

    text->len = (size_t) len;

    if (bufs->next == NULL && !bufs->buf->in_file) {
        text->data = bufs->buf->pos;
        return NGX_OK;
    }

    text->data = ngx_pnalloc(r->pool, text->len);
    if (text->data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = text->data;

    for (cl = bufs; cl; cl = cl->next) {
        b = cl->buf;
        len = ngx_buf_size(b);

        if (ngx_agent_body_buf(b, p, (size_t) len) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        p += len;
    }

    return NGX_OK;
}


/* what did not fit into nginx's buffer was written to a file a moment ago */

static ngx_int_t
ngx_agent_body_buf(ngx_buf_t *b, u_char *p, size_t len)
{
    if (!b->in_file) {
        ngx_memcpy(p, b->pos, len);
        return NGX_OK;
    }

    /* it logs what fails */

    return ngx_read_file(b->file, p, len, b->file_pos) == (ssize_t) len
           ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_agent_answer_field(ngx_http_request_t *r, const ngx_str_t *name,
    const ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->key = *name;
    h->value = *value;
    h->lowcase_key = NULL;

    ngx_agent_header_chain(h, NULL);

    return NGX_OK;
}


ngx_int_t
ngx_agent_answer(ngx_http_request_t *r, ngx_uint_t status, const char *type,
    const ngx_str_t *body)
{
    u_char       *p;
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    static const ngx_str_t  control = ngx_string("Cache-Control");
    static const ngx_str_t  no_store = ngx_string("no-store");

    /* else the rest of it would be taken for the next request */

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_agent_answer_field(r, &control, &no_store) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = status;

    if (type == NULL) {
        r->header_only = 1;

        if (status != NGX_HTTP_NO_CONTENT) {
            r->headers_out.content_length_n = 0;
        }

        return ngx_http_send_header(r);
    }

    r->headers_out.content_length_n = body->len;
    r->headers_out.content_type.len = ngx_strlen(type);
    r->headers_out.content_type.data = (u_char *) type;
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    /* as of an upstream: what goes by types goes by what is before parameters,
     * and a charset that is told, which is always this one, is not changed */

    p = (u_char *) ngx_strchr(type, ';');

    if (p) {
        r->headers_out.content_type_len = p - (u_char *) type;
        ngx_str_set(&r->headers_out.charset, "utf-8");
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->pos = body->data;
    b->last = body->data + body->len;
    b->memory = body->len ? 1 : 0;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_output_filter(r, &out);
}


ngx_int_t
ngx_agent_answer_problem(ngx_http_request_t *r, ngx_uint_t status,
    const char *detail)
{
    size_t        size;
    ngx_str_t     body;
    agent_str_t   title, text;
    agent_json_t  json;

    title.data = (u_char *) ngx_agent_answer_title(status);
    title.len = ngx_strlen(title.data);

    text.data = (u_char *) detail;
    text.len = detail ? ngx_strlen(detail) : 0;

    size = sizeof("{\"title\":\"\",\"status\":,\"detail\":\"\",}\n")
           + AGENT_JSON_UINT_MAX
           + AGENT_JSON_ESCAPE_MAX * (title.len + text.len);

    body.data = ngx_pnalloc(r->pool, size);
    if (body.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* RFC 9457, 4.2.1: without a type it is "about:blank" */

    agent_json_init(&json, body.data, size);

    agent_json_literal(&json, "{");
    agent_json_string(&json, "title", &title, title.len);
    agent_json_number(&json, "status", status);
    agent_json_string(&json, "detail", &text, text.len);
    agent_json_close(&json, "\n");

    body.len = json.pos - body.data;

    return ngx_agent_answer(r, status, "application/problem+json", &body);
}


static const char *
ngx_agent_answer_title(ngx_uint_t status)
{
    const ngx_agent_title_t  *t;

    for (t = ngx_agent_titles; t->status && t->status != status; t++) {
        /* void */
    }

    return t->title;
}
