
/*
 * A syslog server that takes audit lines, one in each datagram.  The address
 * and the header are core's, but the socket is ours: core logs each datagram
 * that fails, at levels for bugs, and cannot say which one was lost.
 */

#include "ngx_agent_audit_sink.h"


/* as core reckons: priority and time, host, tag of at most 32 octets */

#define NGX_AGENT_AUDIT_HEADER                                                \
    (sizeof("<255>Jan 01 00:00:00 ") - 1 + NGX_MAXHOSTNAMELEN + 1 + 32 + 2)


static ngx_int_t ngx_agent_audit_syslog_send(ngx_agent_audit_sink_t *sink,
    u_char *buf, size_t size, ngx_uint_t weight);
static ngx_err_t ngx_agent_audit_syslog_try(ngx_agent_audit_sink_t *sink,
    u_char *buf, size_t size);
static ngx_err_t ngx_agent_audit_syslog_connect(ngx_syslog_peer_t *peer);
static void ngx_agent_audit_syslog_close(ngx_syslog_peer_t *peer);
static void ngx_agent_audit_syslog_record(ngx_agent_audit_sink_t *sink);
static void ngx_agent_audit_syslog_failed(ngx_agent_audit_sink_t *sink,
    ngx_err_t err);


ngx_int_t
ngx_agent_audit_syslog_init(ngx_agent_audit_sink_t *sink)
{
    sink->block = ngx_pnalloc(sink->conf->cycle->pool,
                              NGX_AGENT_AUDIT_HEADER + AGENT_AUDIT_LINE_MAX);
    if (sink->block == NULL) {
        return NGX_ERROR;
    }

    sink->start = sink->block;

    return NGX_OK;
}


u_char *
ngx_agent_audit_syslog_room(ngx_agent_audit_sink_t *sink)
{
    if (ngx_agent_audit_waits(sink)) {
        ngx_agent_audit_state_lose(sink, 1);
        return NULL;
    }

    if (sink->second != ngx_time()) {
        sink->second = ngx_time();
        sink->start = ngx_syslog_add_header(sink->peer, sink->block);
    }

    return sink->start;
}


void
ngx_agent_audit_syslog_add(ngx_agent_audit_sink_t *sink, size_t len)
{
    ngx_int_t  rc;

    /* a datagram needs no LF */

    rc = ngx_agent_audit_syslog_send(sink, sink->block,
                                     sink->start - sink->block + len - 1, 1);

    if (rc != NGX_ERROR) {
        ngx_agent_count(sink->count + AGENT_STATUS_WRITTEN);
    }

    if (rc == NGX_OK && sink->state->lost) {
        ngx_agent_audit_syslog_record(sink);
    }
}


/*
 * NGX_OK; NGX_DECLINED: sent, but the one before was refused; NGX_ERROR.
 * weight is how many lines are lost where this datagram is.
 */

static ngx_int_t
ngx_agent_audit_syslog_send(ngx_agent_audit_sink_t *sink, u_char *buf,
    size_t size, ngx_uint_t weight)
{
    ngx_int_t  rc;
    ngx_err_t  err;

    rc = NGX_OK;

    err = ngx_agent_audit_syslog_try(sink, buf, size);

    if (err == NGX_ECONNREFUSED
        && sink->peer->server.sockaddr->sa_family != AF_UNIX)
    {
        /*
         * UDP: the refusal is of an earlier datagram, and this one was not
         * even sent; the socket stays good
         */

        ngx_agent_audit_state_lose(sink, sink->weight);
        sink->weight = 0;

        if (ngx_agent_audit_state_warn(sink->state)) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, err,
                          "agent_auth: audit lines to \"%V\" are lost",
                          &sink->name);
        }

        rc = NGX_DECLINED;
        err = ngx_agent_audit_syslog_try(sink, buf, size);

    } else if (err && err != NGX_EAGAIN) {

        /* the server may have made its socket anew */

        ngx_agent_audit_syslog_close(sink->peer);
        err = ngx_agent_audit_syslog_try(sink, buf, size);
    }

    if (err) {
        ngx_agent_audit_state_lose(sink, weight);
        ngx_agent_audit_syslog_failed(sink, err);
        return NGX_ERROR;
    }

    sink->failed = 0;
    sink->weight = weight;

    return rc;
}


static ngx_err_t
ngx_agent_audit_syslog_try(ngx_agent_audit_sink_t *sink, u_char *buf,
    size_t size)
{
    ssize_t             n;
    ngx_err_t           err;
    ngx_syslog_peer_t  *peer;

    peer = sink->peer;

    if (peer->conn.fd == (ngx_socket_t) -1) {
        err = ngx_agent_audit_syslog_connect(peer);
        if (err) {
            return err;
        }
    }

    do {
        n = send(peer->conn.fd, buf, size, 0);
        err = ngx_socket_errno;
    } while (n == -1 && err == NGX_EINTR);

    return (n == -1) ? err : 0;
}


static ngx_err_t
ngx_agent_audit_syslog_connect(ngx_syslog_peer_t *peer)
{
    ngx_err_t     err;
    ngx_socket_t  fd;

    fd = ngx_socket(peer->server.sockaddr->sa_family,
                    SOCK_DGRAM|SOCK_CLOEXEC, 0);

    if (fd == (ngx_socket_t) -1) {
        return ngx_socket_errno;
    }

    if (ngx_nonblocking(fd) == -1
        || connect(fd, peer->server.sockaddr, peer->server.socklen) == -1)
    {
        err = ngx_socket_errno;
        (void) ngx_close_socket(fd);
        return err;
    }

    /* core closes it with the configuration */

    peer->conn.fd = fd;

    return 0;
}


static void
ngx_agent_audit_syslog_close(ngx_syslog_peer_t *peer)
{
    if (peer->conn.fd != (ngx_socket_t) -1) {
        (void) ngx_close_socket(peer->conn.fd);
        peer->conn.fd = (ngx_socket_t) -1;
    }
}


/* in memory of its own: the line just sent may yet go to other sinks */

static void
ngx_agent_audit_syslog_record(ngx_agent_audit_sink_t *sink)
{
    u_char       buf[NGX_AGENT_AUDIT_HEADER + AGENT_AUDIT_LINE_MAX];
    u_char      *p;
    size_t       len;
    ngx_int_t    rc;
    ngx_uint_t   lost;

    lost = ngx_agent_audit_state_take(sink->state);

    if (lost == 0) {
        return;
    }

    p = ngx_syslog_add_header(sink->peer, buf);
    len = ngx_agent_audit_lost(sink, p, lost);

    rc = ngx_agent_audit_syslog_send(sink, buf, p - buf + len - 1, lost);

    if (rc != NGX_ERROR) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "agent_auth: audit lines go to \"%V\" again, "
                      "%ui were lost", &sink->name, lost);
    }
}


static void
ngx_agent_audit_syslog_failed(ngx_agent_audit_sink_t *sink, ngx_err_t err)
{
    if (err != NGX_EAGAIN) {
        ngx_agent_audit_syslog_close(sink->peer);

        sink->failed = 1;
        sink->retry = ngx_current_msec + NGX_AGENT_AUDIT_RETRY;
    }

    if (ngx_agent_audit_state_warn(sink->state)) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, err,
                      "agent_auth: audit lines to \"%V\" are lost",
                      &sink->name);
    }
}
