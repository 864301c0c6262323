
/*
 * The connection of an exchange: to one address after the other until one
 * answers, and is who it should be.
 */

#include "ngx_agent_fetch_state.h"

#include <ngx_event_connect.h>


/* ms for one of several addresses */

#define NGX_AGENT_FETCH_CONNECT  1000


static void ngx_agent_fetch_classify(ngx_agent_fetch_t *f);
static ngx_uint_t ngx_agent_fetch_allowed(ngx_agent_fetch_t *f,
    ngx_addr_t *addr);
static ngx_int_t ngx_agent_fetch_peer(ngx_agent_fetch_t *f,
    ngx_addr_t *addr);
static void ngx_agent_fetch_connected(ngx_event_t *ev);
static void ngx_agent_fetch_handshake(ngx_agent_fetch_t *f);
static void ngx_agent_fetch_handshaking(ngx_event_t *ev);
static void ngx_agent_fetch_handshaken(ngx_connection_t *c);


void
ngx_agent_fetch_connect(ngx_agent_fetch_t *f)
{
    ngx_int_t    rc;
    ngx_addr_t  *addr;

    if (f->classify) {
        ngx_agent_fetch_classify(f);
        return;
    }

    while (f->next < f->naddrs) {

        addr = &f->addrs[f->next++];

        if (!ngx_agent_fetch_allowed(f, addr)) {
            continue;
        }

        rc = ngx_agent_fetch_peer(f, addr);

        if (rc == NGX_AGAIN) {
            ngx_add_timer(f->peer->connection->write,
                          f->next < f->naddrs ? NGX_AGENT_FETCH_CONNECT
                                              : f->timeout);
            return;
        }

        if (rc == NGX_OK) {
            ngx_agent_fetch_handshake(f);
            return;
        }
    }

    ngx_agent_fetch_finish(f, NGX_AGENT_FETCH_UNREACHABLE);
}


static void
ngx_agent_fetch_classify(ngx_agent_fetch_t *f)
{
    ngx_uint_t             i;
    agent_address_class_e  class;

    f->class = AGENT_ADDRESS_LOCAL;

    for (i = 0; i < f->naddrs; i++) {
        class = ngx_agent_sockaddr_class(f->addrs[i].sockaddr);
        f->class = ngx_min(f->class, class);
    }

    ngx_agent_fetch_finish(f, NGX_AGENT_FETCH_OK);
}


/* judged here, where no answer of a resolver can come in between */

static ngx_uint_t
ngx_agent_fetch_allowed(ngx_agent_fetch_t *f, ngx_addr_t *addr)
{
    if (!f->ep->limited
        || (addr->sockaddr->sa_family != AF_UNIX
            && ngx_agent_sockaddr_class(addr->sockaddr) <= f->ep->limit))
    {
        return 1;
    }

    if (!f->refused) {
        ngx_log_error(NGX_LOG_ERR, f->log, 0,
                      "agent_auth: address \"%V\" is refused, provider \"%V\" "
                      "may not name one so private", &addr->name,
                      &f->conf->name);
        f->refused = 1;
    }

    return 0;
}


static ngx_int_t
ngx_agent_fetch_peer(ngx_agent_fetch_t *f, ngx_addr_t *addr)
{
    ngx_int_t               rc;
    ngx_connection_t       *c;
    ngx_peer_connection_t   pc;

    ngx_memzero(&pc, sizeof(ngx_peer_connection_t));

    pc.sockaddr = addr->sockaddr;
    pc.socklen = addr->socklen;
    pc.name = &addr->name;
    pc.get = ngx_event_get_peer;
    pc.log = f->log;
    pc.log_error = NGX_ERROR_ERR;

    rc = ngx_event_connect_peer(&pc);

    c = pc.connection;

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        if (c) {
            ngx_close_connection(c);
        }

        return NGX_DECLINED;
    }

    f->peer = ngx_agent_peer_new(f, c, addr->sockaddr);
    if (f->peer == NULL) {
        return NGX_DECLINED;
    }

    c->sendfile = 0;
    c->log = f->log;
    c->read->log = f->log;
    c->write->log = f->log;
    c->read->handler = ngx_agent_fetch_connected;
    c->write->handler = ngx_agent_fetch_connected;

    return rc;
}


static void
ngx_agent_fetch_connected(ngx_event_t *ev)
{
    int                 err;
    socklen_t           len;
    ngx_connection_t   *c;
    ngx_agent_peer_t   *peer;
    ngx_agent_fetch_t  *f;

    c = ev->data;
    peer = c->data;
    f = peer->fetch;

    err = 0;
    len = sizeof(int);

    if (c->close) {
        ngx_agent_fetch_finish(f, NGX_AGENT_FETCH_UNREACHABLE);
        return;
    }

    if (ev->timedout) {
        err = NGX_ETIMEDOUT;

    } else if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len)
               == -1)
    {
        err = ngx_socket_errno;
    }

    if (err) {
        ngx_log_error(NGX_LOG_ERR, f->log, err,
                      "agent_auth: connect() to provider \"%V\" failed",
                      &f->conf->name);

        ngx_agent_peer_close(peer);
        f->peer = NULL;

        ngx_agent_fetch_connect(f);
        return;
    }

    ngx_agent_fetch_handshake(f);
}


static void
ngx_agent_fetch_handshake(ngx_agent_fetch_t *f)
{
    ngx_connection_t  *c;

    c = f->peer->connection;

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    if (!f->ep->tls || c->ssl) {
        ngx_agent_fetch_send(f);
        return;
    }

    if (ngx_agent_peer_tls(f, c) != NGX_OK) {
        ngx_agent_fetch_finish(f, NGX_AGENT_FETCH_UNREACHABLE);
        return;
    }

    ngx_agent_fetch_handshaking(c->read);
}


/*
 * In the place of the handler that ngx_ssl_handshake() sets, which would not
 * look whether a worker that exits waits no longer (worker_shutdown_timeout)
 */

static void
ngx_agent_fetch_handshaking(ngx_event_t *ev)
{
    ngx_connection_t  *c;
    ngx_agent_peer_t  *peer;

    c = ev->data;
    peer = c->data;

    if (c->close) {
        ngx_agent_fetch_finish(peer->fetch, NGX_AGENT_FETCH_UNREACHABLE);
        return;
    }

    if (ngx_ssl_handshake(c) == NGX_AGAIN) {
        c->ssl->handler = ngx_agent_fetch_handshaken;
        c->read->handler = ngx_agent_fetch_handshaking;
        c->write->handler = ngx_agent_fetch_handshaking;
        return;
    }

    ngx_agent_fetch_handshaken(c);
}


static void
ngx_agent_fetch_handshaken(ngx_connection_t *c)
{
    ngx_agent_peer_t   *peer;
    ngx_agent_fetch_t  *f;

    peer = c->data;
    f = peer->fetch;

    if (!c->ssl->handshaked || ngx_agent_peer_verify(f, c) != NGX_OK) {
        ngx_agent_fetch_finish(f, NGX_AGENT_FETCH_UNREACHABLE);
        return;
    }

    ngx_agent_fetch_send(f);
}
