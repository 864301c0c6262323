
/*
 * One exchange: resolve, connect (ngx_agent_fetch_connect.c), send, read, and
 * hand the answer over.  Connections that stay open wait for the next one.
 */

#include "ngx_agent_fetch_state.h"

#include <openssl/crypto.h>


static ngx_agent_fetch_t *ngx_agent_fetch_new(
    const ngx_agent_fetch_conf_t *conf, const ngx_agent_endpoint_t *ep,
    ngx_agent_fetch_pt handler, void *data);
static ngx_int_t ngx_agent_fetch_request(ngx_agent_fetch_t *f,
    const ngx_agent_fetch_request_t *request);
static void ngx_agent_fetch_event(ngx_event_t *ev);
static void ngx_agent_fetch_begin(ngx_agent_fetch_t *f);
static void ngx_agent_fetch_resolve(ngx_agent_fetch_t *f);
static void ngx_agent_fetch_resolved(ngx_resolver_ctx_t *ctx);
static ngx_int_t ngx_agent_fetch_addrs(ngx_agent_fetch_t *f,
    ngx_resolver_ctx_t *ctx);
static void ngx_agent_fetch_writable(ngx_event_t *ev);
static void ngx_agent_fetch_readable(ngx_event_t *ev);
static ngx_int_t ngx_agent_fetch_take(ngx_agent_fetch_t *f, ssize_t n);
static agent_http_e ngx_agent_fetch_eof(ngx_agent_fetch_t *f);
static void ngx_agent_fetch_broken(ngx_agent_fetch_t *f);


ngx_agent_fetch_t *
ngx_agent_fetch_start(const ngx_agent_fetch_conf_t *conf,
    const ngx_agent_endpoint_t *ep, const ngx_agent_fetch_request_t *request,
    ngx_agent_fetch_pt handler, void *data)
{
    ngx_agent_fetch_t  *f;

    f = ngx_agent_fetch_new(conf, ep, handler, data);
    if (f == NULL) {
        return NULL;
    }

    if (request->timeout) {
        f->timeout = request->timeout;
    }

    if (ngx_agent_fetch_request(f, request) != NGX_OK) {
        ngx_destroy_pool(f->pool);
        return NULL;
    }

    ngx_post_event(&f->event, &ngx_posted_events);

    return f;
}


ngx_agent_fetch_t *
ngx_agent_fetch_class(const ngx_agent_fetch_conf_t *conf,
    const ngx_agent_endpoint_t *ep, ngx_agent_fetch_pt handler, void *data)
{
    ngx_agent_fetch_t  *f;

    f = ngx_agent_fetch_new(conf, ep, handler, data);
    if (f == NULL) {
        return NULL;
    }

    f->classify = 1;

    ngx_post_event(&f->event, &ngx_posted_events);

    return f;
}


static ngx_agent_fetch_t *
ngx_agent_fetch_new(const ngx_agent_fetch_conf_t *conf,
    const ngx_agent_endpoint_t *ep, ngx_agent_fetch_pt handler, void *data)
{
    ngx_pool_t         *pool;
    ngx_agent_fetch_t  *f;

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    f = ngx_palloc(pool, sizeof(ngx_agent_fetch_t));
    if (f == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    ngx_memzero(f, offsetof(ngx_agent_fetch_t, head));

    f->ep = ngx_agent_endpoint_copy(pool, ep);
    if (f->ep == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    f->pool = pool;
    f->log = ngx_cycle->log;
    f->conf = conf;
    f->timeout = conf->timeout;
    f->handler = handler;
    f->data = data;

    f->event.handler = ngx_agent_fetch_event;
    f->event.data = f;
    f->event.log = f->log;

    return f;
}


static ngx_int_t
ngx_agent_fetch_request(ngx_agent_fetch_t *f,
    const ngx_agent_fetch_request_t *request)
{
    u_char  *p, *last;
    size_t   len;

    len = request->method.len + f->ep->uri.len + f->ep->authority.len
          + request->headers.len + request->body.len
          + sizeof("  HTTP/1.1" CRLF "Host: " CRLF "Content-Length: " CRLF
                   "Connection: keep-alive" CRLF CRLF)
          + NGX_SIZE_T_LEN;

    p = ngx_pnalloc(f->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    last = ngx_sprintf(p, "%V %V HTTP/1.1" CRLF "Host: %V" CRLF
                       "Content-Length: %uz" CRLF
                       "Connection: keep-alive" CRLF "%V" CRLF,
                       &request->method, &f->ep->uri, &f->ep->authority,
                       request->body.len, &request->headers);

    if (request->body.len) {
        last = ngx_cpymem(last, request->body.data, request->body.len);
    }

    f->request = p;
    f->size = last - p;

    return NGX_OK;
}


static void
ngx_agent_fetch_event(ngx_event_t *ev)
{
    ngx_agent_fetch_t  *f;

    f = ev->data;

    if (f->begun) {
        ngx_agent_fetch_finish(f, NGX_AGENT_FETCH_TIMEOUT);
        return;
    }

    /* not cancelable: somebody waits for what comes of it */

    f->begun = 1;
    ngx_add_timer(&f->event, f->timeout);

    ngx_agent_fetch_begin(f);
}


static void
ngx_agent_fetch_begin(ngx_agent_fetch_t *f)
{
    agent_http_init(&f->http, f->head, sizeof(f->head), NGX_AGENT_FETCH_BODY,
                    NULL, 0);

    f->sent = 0;
    f->len = 0;
    f->reused = 0;
    f->answered = 0;

    if (!f->classify && !f->again) {
        f->peer = ngx_agent_peer_take(f, ngx_agent_fetch_readable,
                                      ngx_agent_fetch_writable);
    }

    if (f->peer) {
        f->reused = 1;
        ngx_agent_fetch_send(f);
        return;
    }

    if (f->ep->naddrs) {
        f->addrs = f->ep->addrs;
        f->naddrs = f->ep->naddrs;
        f->next = 0;
        ngx_agent_fetch_connect(f);
        return;
    }

    ngx_agent_fetch_resolve(f);
}


static void
ngx_agent_fetch_resolve(ngx_agent_fetch_t *f)
{
    ngx_resolver_ctx_t  *ctx;

    if (f->conf->resolver == NULL) {
        ngx_agent_fetch_finish(f, NGX_AGENT_FETCH_UNREACHABLE);
        return;
    }

    ctx = ngx_resolve_start(f->conf->resolver, NULL);

    if (ctx == NULL || ctx == NGX_NO_RESOLVER) {
        ngx_agent_fetch_finish(f, NGX_AGENT_FETCH_UNREACHABLE);
        return;
    }

    ctx->name = f->ep->host;
    ctx->handler = ngx_agent_fetch_resolved;
    ctx->data = f;
    ctx->timeout = f->conf->resolver_timeout;

    f->resolving = ctx;

    if (ngx_resolve_name(ctx) != NGX_OK) {
        f->resolving = NULL;
        ngx_agent_fetch_finish(f, NGX_AGENT_FETCH_UNREACHABLE);
    }
}


static void
ngx_agent_fetch_resolved(ngx_resolver_ctx_t *ctx)
{
    ngx_int_t           rc;
    ngx_agent_fetch_t  *f;

    f = ctx->data;

    rc = NGX_ERROR;

    if (ctx->state) {
        ngx_log_error(NGX_LOG_ERR, f->log, 0,
                      "agent_auth: \"%V\" of provider \"%V\" could not be "
                      "resolved (%i: %s)", &ctx->name, &f->conf->name,
                      ctx->state, ngx_resolver_strerror(ctx->state));

    } else {
        rc = ngx_agent_fetch_addrs(f, ctx);
    }

    ngx_resolve_name_done(ctx);
    f->resolving = NULL;

    if (rc != NGX_OK) {
        ngx_agent_fetch_finish(f, NGX_AGENT_FETCH_UNREACHABLE);
        return;
    }

    ngx_agent_fetch_connect(f);
}


static ngx_int_t
ngx_agent_fetch_addrs(ngx_agent_fetch_t *f, ngx_resolver_ctx_t *ctx)
{
    u_char           *p;
    size_t            len;
    ngx_uint_t        i;
    struct sockaddr  *sa;

    f->addrs = ngx_pcalloc(f->pool, ctx->naddrs * sizeof(ngx_addr_t));
    if (f->addrs == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < ctx->naddrs; i++) {

        sa = ngx_palloc(f->pool, ctx->addrs[i].socklen);
        p = ngx_pnalloc(f->pool, NGX_SOCKADDR_STRLEN);

        if (sa == NULL || p == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(sa, ctx->addrs[i].sockaddr, ctx->addrs[i].socklen);
        ngx_inet_set_port(sa, f->ep->port);

        len = ngx_sock_ntop(sa, ctx->addrs[i].socklen, p, NGX_SOCKADDR_STRLEN,
                            1);

        f->addrs[i].sockaddr = sa;
        f->addrs[i].socklen = ctx->addrs[i].socklen;
        f->addrs[i].name.data = p;
        f->addrs[i].name.len = len;
    }

    f->naddrs = ctx->naddrs;
    f->next = 0;

    return NGX_OK;
}


void
ngx_agent_fetch_send(ngx_agent_fetch_t *f)
{
    ngx_connection_t  *c;

    c = f->peer->connection;

    c->read->handler = ngx_agent_fetch_readable;
    c->write->handler = ngx_agent_fetch_writable;

    ngx_agent_fetch_writable(c->write);
}


static void
ngx_agent_fetch_writable(ngx_event_t *ev)
{
    ssize_t             n;
    ngx_connection_t   *c;
    ngx_agent_peer_t   *peer;
    ngx_agent_fetch_t  *f;

    c = ev->data;
    peer = c->data;
    f = peer->fetch;

    while (f->sent < f->size) {

        n = c->send(c, f->request + f->sent, f->size - f->sent);

        if (n == NGX_ERROR) {
            ngx_agent_fetch_broken(f);
            return;
        }

        if (n == NGX_AGAIN) {
            break;
        }

        f->sent += n;
    }

    if (ngx_handle_write_event(c->write, 0) != NGX_OK
        || ngx_handle_read_event(c->read, 0) != NGX_OK)
    {
        ngx_agent_fetch_finish(f, NGX_AGENT_FETCH_UNREACHABLE);
        return;
    }

    if (c->read->ready) {
        ngx_agent_fetch_readable(c->read);
    }
}


static void
ngx_agent_fetch_readable(ngx_event_t *ev)
{
    ssize_t             n;
    ngx_connection_t   *c;
    ngx_agent_peer_t   *peer;
    ngx_agent_fetch_t  *f;

    c = ev->data;
    peer = c->data;
    f = peer->fetch;

    /* worker_shutdown_timeout */

    if (c->close) {
        ngx_agent_fetch_finish(f, NGX_AGENT_FETCH_UNREACHABLE);
        return;
    }

    for ( ;; ) {

        n = c->recv(c, f->buffer, NGX_AGENT_FETCH_READ);

        if (n == NGX_AGAIN) {

            if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
                ngx_agent_fetch_finish(f, NGX_AGENT_FETCH_UNREACHABLE);
            }

            return;
        }

        if (n == NGX_ERROR || (n == 0 && !f->answered)) {
            ngx_agent_fetch_broken(f);
            return;
        }

        if (ngx_agent_fetch_take(f, n) == NGX_DONE) {
            return;
        }
    }
}


/* NGX_DONE: the exchange is over, f is gone */

static ngx_int_t
ngx_agent_fetch_take(ngx_agent_fetch_t *f, ssize_t n)
{
    agent_str_t    in, body;
    agent_http_e   rc;

    f->answered = 1;

    in.data = f->buffer;
    in.len = n;

    do {
        rc = n ? agent_http_parse(&f->http, &in, &body)
               : ngx_agent_fetch_eof(f);

        if (rc == AGENT_HTTP_BODY) {

            if (f->body == NULL) {
                f->body = ngx_palloc(f->pool, NGX_AGENT_FETCH_BODY);
            }

            if (f->body == NULL || body.len > NGX_AGENT_FETCH_BODY - f->len) {
                rc = AGENT_HTTP_TOO_LARGE;
                break;
            }

            ngx_memcpy(f->body + f->len, body.data, body.len);
            f->len += body.len;
        }

    } while (rc == AGENT_HTTP_BODY);

    switch (rc) {

    case AGENT_HTTP_AGAIN:
        return NGX_AGAIN;

    case AGENT_HTTP_DONE:

        /* octets behind the answer belong to nothing that was asked */

        f->http.keepalive &= (n != 0 && in.len == 0);

        ngx_agent_fetch_finish(f, NGX_AGENT_FETCH_OK);
        break;

    case AGENT_HTTP_TOO_LARGE:
        ngx_agent_fetch_finish(f, NGX_AGENT_FETCH_TOO_LARGE);
        break;

    default:
        ngx_log_error(NGX_LOG_ERR, f->log, 0,
                      "agent_auth: bad answer of provider \"%V\": %s",
                      &f->conf->name,
                      f->http.reason ? f->http.reason : "it is cut off");

        ngx_agent_fetch_finish(f, NGX_AGENT_FETCH_BAD_ANSWER);
    }

    return NGX_DONE;
}


/* RFC 9112, 9.8: what TLS does not end is not whole */

static agent_http_e
ngx_agent_fetch_eof(ngx_agent_fetch_t *f)
{
    if (f->peer->tls && !f->peer->ended) {
        return AGENT_HTTP_BAD;
    }

    return agent_http_eof(&f->http);
}


/*
 * The connection broke before an octet of the answer came.  One that was idle
 * may have been closed while the request was on its way: it is asked again,
 * which introspection stands, by a new one, since a server that begins anew
 * breaks all.
 */

static void
ngx_agent_fetch_broken(ngx_agent_fetch_t *f)
{
    if (!f->reused || f->answered) {
        ngx_agent_fetch_finish(f, f->answered ? NGX_AGENT_FETCH_BAD_ANSWER
                                              : NGX_AGENT_FETCH_UNREACHABLE);
        return;
    }

    ngx_agent_peer_close(f->peer);
    f->peer = NULL;
    f->again = 1;

    ngx_agent_fetch_begin(f);
}


void
ngx_agent_fetch_finish(ngx_agent_fetch_t *f, ngx_agent_fetch_e error)
{
    ngx_agent_answer_t  answer;

    if (f->event.timer_set) {
        ngx_del_timer(&f->event);
    }

    if (f->resolving) {
        ngx_resolve_name_done(f->resolving);
        f->resolving = NULL;
    }

    if (f->peer) {
        f->class = f->peer->class;
        f->peer->fetch = NULL;

        if (error == NGX_AGENT_FETCH_OK && f->http.keepalive
            && f->sent == f->size)
        {
            ngx_agent_peer_park(f->peer);

        } else {
            ngx_agent_peer_close(f->peer);
        }

        f->peer = NULL;
    }

    /* it holds our secret and the client's token */

    if (f->request) {
        OPENSSL_cleanse(f->request, f->size);
    }

    ngx_memzero(&answer, sizeof(ngx_agent_answer_t));

    answer.error = error;
    answer.class = f->class;
    answer.max_age = -1;

    if (error == NGX_AGENT_FETCH_OK) {
        answer.status = f->http.status;
        answer.body.data = f->body;
        answer.body.len = f->len;
        answer.type.data = (u_char *) f->http.content_type.data;
        answer.type.len = f->http.content_type.len;
        answer.max_age = f->http.max_age;
    }

    f->handler(f->data, &answer);

    ngx_destroy_pool(f->pool);
}


