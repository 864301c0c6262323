
/*
 * An exchange and its connection; for the files of src/net.
 */

#ifndef _NGX_AGENT_FETCH_STATE_H_INCLUDED_
#define _NGX_AGENT_FETCH_STATE_H_INCLUDED_


#include "ngx_agent_fetch.h"


#define NGX_AGENT_FETCH_HEAD  16384
#define NGX_AGENT_FETCH_READ  16384


/* lives in a pool of its own, as long as the connection */

typedef struct {
    ngx_queue_t                    queue;       /* of those that are idle */
    ngx_connection_t              *connection;
    const ngx_agent_fetch_conf_t  *conf;
    ngx_agent_fetch_t             *fetch;       /* NULL: idle */
    ngx_str_t                      origin;      /* of its endpoint */
    agent_address_class_e          class;
    unsigned                       tls:1;
    unsigned                       ended:1;     /* with close_notify */
} ngx_agent_peer_t;


struct ngx_agent_fetch_s {
    ngx_pool_t                    *pool;
    ngx_log_t                     *log;
    const ngx_agent_fetch_conf_t  *conf;
    const ngx_agent_endpoint_t    *ep;
    ngx_agent_fetch_pt             handler;
    void                          *data;

    ngx_msec_t                     timeout;
    ngx_event_t                    event;       /* begin, then the deadline */
    ngx_resolver_ctx_t            *resolving;
    ngx_addr_t                    *addrs;
    ngx_uint_t                     naddrs;
    ngx_uint_t                     next;

    ngx_agent_peer_t              *peer;
    u_char                        *request;
    size_t                         size;
    size_t                         sent;

    agent_http_t                   http;
    u_char                        *body;
    size_t                         len;

    unsigned                       begun:1;
    unsigned                       classify:1;  /* nothing is asked */
    unsigned                       reused:1;
    unsigned                       again:1;     /* by a new connection */
    unsigned                       answered:1;  /* an octet of it came */
    unsigned                       refused:1;   /* an address, and logged */
    agent_address_class_e          class;

    u_char                         head[NGX_AGENT_FETCH_HEAD];
    u_char                         buffer[NGX_AGENT_FETCH_READ];
};


/* ngx_agent_fetch.c */

/* the request, by f->peer, whose handshake is done */

void ngx_agent_fetch_send(ngx_agent_fetch_t *f);


/* hands the answer over; f is gone */

void ngx_agent_fetch_finish(ngx_agent_fetch_t *f, ngx_agent_fetch_e error);


/* ngx_agent_fetch_connect.c */

/*
 * To the next address that has not been tried, and on to
 * ngx_agent_fetch_send(), or with none left to ngx_agent_fetch_finish()
 */

void ngx_agent_fetch_connect(ngx_agent_fetch_t *f);


/* ngx_agent_peer.c */

/* a connection of its own, which takes c over; NULL: no memory, c is closed */

ngx_agent_peer_t *ngx_agent_peer_new(ngx_agent_fetch_t *f,
    ngx_connection_t *c, const struct sockaddr *sa);


/* an idle connection to the endpoint, with these handlers, or NULL */

ngx_agent_peer_t *ngx_agent_peer_take(ngx_agent_fetch_t *f,
    ngx_event_handler_pt readable, ngx_event_handler_pt writable);


/* keeps the connection for the next exchange, or closes it */

void ngx_agent_peer_park(ngx_agent_peer_t *peer);

void ngx_agent_peer_close(ngx_agent_peer_t *peer);


/* TLS on the connection, ready for its handshake; NGX_ERROR is logged */

ngx_int_t ngx_agent_peer_tls(ngx_agent_fetch_t *f, ngx_connection_t *c);


/*
 * Whether the certificate of the other side is trusted and is for the host of
 * the endpoint (RFC 9110, 4.3.4); NGX_ERROR is logged.
 */

ngx_int_t ngx_agent_peer_verify(ngx_agent_fetch_t *f, ngx_connection_t *c);


#endif /* _NGX_AGENT_FETCH_STATE_H_INCLUDED_ */
