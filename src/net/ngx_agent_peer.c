
/*
 * The other side of an exchange: whether it is who it should be, and its
 * connection, which waits for the next exchange.
 */

#include "ngx_agent_fetch_state.h"

#include <openssl/x509v3.h>


/* ms that a connection waits */

#define NGX_AGENT_PEER_IDLE  60000


static ngx_uint_t ngx_agent_peer_of(const ngx_agent_peer_t *peer,
    const ngx_agent_fetch_conf_t *conf, const ngx_str_t *origin,
    ngx_uint_t tls);
static void ngx_agent_peer_message(int sent, int version, int type,
    const void *buf, size_t len, SSL *ssl, void *data);
static void ngx_agent_peer_idle_event(ngx_event_t *ev);


/* idle connections of this worker, the one used last first */

static ngx_queue_t  ngx_agent_idle;


void
ngx_agent_fetch_init_process(void)
{
    ngx_queue_init(&ngx_agent_idle);
}


ngx_agent_peer_t *
ngx_agent_peer_new(ngx_agent_fetch_t *f, ngx_connection_t *c,
    const struct sockaddr *sa)
{
    ngx_str_t          origin;
    ngx_pool_t        *pool;
    ngx_agent_peer_t  *peer;

    pool = ngx_create_pool(512, ngx_cycle->log);
    if (pool == NULL) {
        ngx_close_connection(c);
        return NULL;
    }

    peer = ngx_pcalloc(pool, sizeof(ngx_agent_peer_t));

    /* it outlives the endpoint of the exchange */

    if (peer) {
        origin = f->ep->origin;

        peer->origin.len = origin.len;
        peer->origin.data = ngx_pstrdup(pool, &origin);
    }

    if (peer == NULL || peer->origin.data == NULL) {
        ngx_close_connection(c);
        ngx_destroy_pool(pool);
        return NULL;
    }

    peer->connection = c;
    peer->conf = f->conf;
    peer->fetch = f;
    peer->tls = f->ep->tls;
    peer->class = ngx_agent_sockaddr_class(sa);

    c->pool = pool;
    c->data = peer;

    return peer;
}


ngx_agent_peer_t *
ngx_agent_peer_take(ngx_agent_fetch_t *f, ngx_event_handler_pt readable,
    ngx_event_handler_pt writable)
{
    ngx_queue_t       *q;
    ngx_connection_t  *c;
    ngx_agent_peer_t  *peer;

    for (q = ngx_queue_head(&ngx_agent_idle);
         q != ngx_queue_sentinel(&ngx_agent_idle);
         q = ngx_queue_next(q))
    {
        peer = ngx_queue_data(q, ngx_agent_peer_t, queue);

        if (!ngx_agent_peer_of(peer, f->conf, &f->ep->origin, f->ep->tls)
            || (f->ep->limited && peer->class > f->ep->limit))
        {
            continue;
        }

        ngx_queue_remove(q);

        c = peer->connection;
        c->idle = 0;

        if (c->read->timer_set) {
            ngx_del_timer(c->read);
        }

        c->read->cancelable = 0;
        c->read->handler = readable;
        c->write->handler = writable;
        peer->fetch = f;

        return peer;
    }

    return NULL;
}


/* the settings of TLS are the configuration's */

static ngx_uint_t
ngx_agent_peer_of(const ngx_agent_peer_t *peer,
    const ngx_agent_fetch_conf_t *conf, const ngx_str_t *origin,
    ngx_uint_t tls)
{
    return peer->conf == conf
           && peer->tls == tls
           && peer->origin.len == origin->len
           && ngx_memcmp(peer->origin.data, origin->data, origin->len) == 0;
}


ngx_int_t
ngx_agent_peer_tls(ngx_agent_fetch_t *f, ngx_connection_t *c)
{
    if (ngx_ssl_create_connection(f->conf->ssl, c,
                                  NGX_SSL_BUFFER|NGX_SSL_CLIENT)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* RFC 6066, 3: no addresses */

    if (!f->ep->literal
        && SSL_set_tlsext_host_name(c->ssl->connection,
                                    (char *) f->ep->host.data)
           == 0)
    {
        return NGX_ERROR;
    }

    SSL_set_msg_callback(c->ssl->connection, ngx_agent_peer_message);
    SSL_set_msg_callback_arg(c->ssl->connection, f->peer);

    return NGX_OK;
}


/*
 * Whoever is on the way can end a connection, but not send a close_notify
 * (RFC 8446, 6.1).  To SSL_read() both are the same: ngx_ssl_create() sets
 * SSL_OP_IGNORE_UNEXPECTED_EOF.  Without it a server that never sends one,
 * though its answers have a length, would leave a crit line for each.
 */

static void
ngx_agent_peer_message(int sent, int version, int type, const void *buf,
    size_t len, SSL *ssl, void *data)
{
    ngx_agent_peer_t  *peer;

    peer = data;

    if (!sent && type == SSL3_RT_ALERT && len == 2
        && ((const u_char *) buf)[1] == SSL3_AD_CLOSE_NOTIFY)
    {
        peer->ended = 1;
    }
}


ngx_int_t
ngx_agent_peer_verify(ngx_agent_fetch_t *f, ngx_connection_t *c)
{
    int         named;
    X509       *cert;
    long        rc;
    ngx_str_t   host;

    if (!f->conf->ssl_verify) {
        return NGX_OK;
    }

    rc = SSL_get_verify_result(c->ssl->connection);

    if (rc != X509_V_OK) {
        ngx_log_error(NGX_LOG_ERR, f->log, 0,
                      "agent_auth: certificate of provider \"%V\" is not "
                      "trusted: (%l:%s)", &f->conf->name, rc,
                      X509_verify_cert_error_string(rc));
        return NGX_ERROR;
    }

    host = f->ep->host;

    if (f->ep->literal) {
        cert = SSL_get_peer_certificate(c->ssl->connection);
        named = cert && X509_check_ip_asc(cert, (char *) host.data, 0) == 1;
        X509_free(cert);

    } else {
        named = ngx_ssl_check_host(c, &host) == NGX_OK;
    }

    if (!named) {
        ngx_log_error(NGX_LOG_ERR, f->log, 0,
                      "agent_auth: certificate of provider \"%V\" is not for "
                      "\"%V\"", &f->conf->name, &host);
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_agent_peer_park(ngx_agent_peer_t *peer)
{
    ngx_uint_t         n;
    ngx_queue_t       *q;
    ngx_connection_t  *c;
    ngx_agent_peer_t  *other;

    c = peer->connection;

    for (q = ngx_queue_head(&ngx_agent_idle), n = 0;
         q != ngx_queue_sentinel(&ngx_agent_idle);
         q = ngx_queue_next(q))
    {
        other = ngx_queue_data(q, ngx_agent_peer_t, queue);
        n += ngx_agent_peer_of(other, peer->conf, &peer->origin, peer->tls);
    }

    if (n >= peer->conf->keepalive || ngx_exiting || ngx_terminate
        || c->read->eof || c->read->error || c->write->error)
    {
        ngx_agent_peer_close(peer);
        return;
    }

    /* so that a worker that exits closes it */

    c->idle = 1;
    c->read->cancelable = 1;
    c->read->handler = ngx_agent_peer_idle_event;
    c->write->handler = ngx_agent_peer_idle_event;

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_agent_peer_close(peer);
        return;
    }

    ngx_add_timer(c->read, NGX_AGENT_PEER_IDLE);
    ngx_queue_insert_head(&ngx_agent_idle, &peer->queue);
}


/* nothing is asked: the peer closes, the time is over, or the worker exits */

static void
ngx_agent_peer_idle_event(ngx_event_t *ev)
{
    char               octet;
    ssize_t            n;
    ngx_connection_t  *c;
    ngx_agent_peer_t  *peer;

    c = ev->data;
    peer = c->data;

    if (ev->write) {
        return;
    }

    if (!c->close && !ev->timedout) {

        n = recv(c->fd, &octet, 1, MSG_PEEK);

        if (n == -1 && ngx_socket_errno == NGX_EAGAIN) {
            ev->ready = 0;

            if (ngx_handle_read_event(ev, 0) == NGX_OK) {
                return;
            }
        }
    }

    ngx_queue_remove(&peer->queue);
    ngx_agent_peer_close(peer);
}


void
ngx_agent_peer_close(ngx_agent_peer_t *peer)
{
    ngx_pool_t        *pool;
    ngx_connection_t  *c;

    c = peer->connection;
    pool = c->pool;

    if (c->ssl) {
        c->ssl->no_wait_shutdown = 1;
        c->ssl->no_send_shutdown = 1;
        (void) ngx_ssl_shutdown(c);
    }

    ngx_close_connection(c);
    ngx_destroy_pool(pool);
}
