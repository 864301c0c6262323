
/*
 * The one HTTP/1.1 client of the module: asynchronous, independent of any
 * request, with TLS and idle connections kept per worker.  It knows no OAuth.
 */

#ifndef _NGX_AGENT_FETCH_H_INCLUDED_
#define _NGX_AGENT_FETCH_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "agent_error.h"
#include "agent_http.h"


/* octets of a body; more is NGX_AGENT_FETCH_TOO_LARGE */

#define NGX_AGENT_FETCH_BODY  65536


/* where to fetch from */

typedef struct {
    ngx_str_t            url;
    ngx_str_t            host;          /* without brackets; NUL-terminated */
    ngx_str_t            authority;     /* for the Host field */
    ngx_str_t            uri;           /* path and query */
    in_port_t            port;
    ngx_addr_t          *addrs;         /* of a literal, localhost, unix: */
    ngx_uint_t           naddrs;        /* 0: to be resolved */
    unsigned             tls:1;
    unsigned             literal:1;     /* the host is an address */
} ngx_agent_endpoint_t;


typedef struct {
    ngx_str_t            name;          /* for messages */
    ngx_msec_t           timeout;       /* of the whole exchange */
    ngx_uint_t           keepalive;     /* idle connections of a worker */
    ngx_resolver_t      *resolver;
    ngx_msec_t           resolver_timeout;
    ngx_ssl_t           *ssl;           /* where the endpoint is tls */
    ngx_uint_t           ssl_verify;
} ngx_agent_fetch_conf_t;


/* what the caller builds; copied by ngx_agent_fetch_start() */

typedef struct {
    ngx_str_t            method;
    ngx_str_t            headers;       /* whole lines, each with CRLF */
    ngx_str_t            body;
} ngx_agent_fetch_request_t;


typedef enum {
    NGX_AGENT_FETCH_OK = 0,
    NGX_AGENT_FETCH_UNREACHABLE,        /* resolver, connection, TLS */
    NGX_AGENT_FETCH_TIMEOUT,
    NGX_AGENT_FETCH_BAD_ANSWER,
    NGX_AGENT_FETCH_TOO_LARGE
} ngx_agent_fetch_e;


/* the strings last until the handler returns */

typedef struct {
    ngx_agent_fetch_e    error;
    ngx_uint_t           status;
    ngx_str_t            body;
} ngx_agent_answer_t;


typedef struct ngx_agent_fetch_s  ngx_agent_fetch_t;

typedef void (*ngx_agent_fetch_pt)(void *data,
    const ngx_agent_answer_t *answer);


/*
 * Reads an https, http or http://unix: URL, at configuration time.
 * NGX_ERROR: err (AGENT_ERROR_LEN octets) tells why.
 */

ngx_int_t ngx_agent_endpoint_parse(ngx_pool_t *pool, const ngx_str_t *url,
    ngx_agent_endpoint_t *ep, char *err);


/* the nameservers of /etc/resolv.conf; NULL: none, which is logged */

ngx_resolver_t *ngx_agent_fetch_resolver(ngx_conf_t *cf);


/*
 * A TLS context: 1.2 and later, the peer verified against the file or, where
 * it is empty, the system's authorities.  NULL: logged.
 */

ngx_ssl_t *ngx_agent_fetch_ssl(ngx_conf_t *cf, ngx_uint_t verify,
    ngx_str_t *trusted, ngx_str_t *crl, ngx_str_t *certificate,
    ngx_str_t *key);


/*
 * Begins an exchange.  handler is called once, never from within this call.
 * NULL: no memory.  Redirects are answers, they are not followed.
 */

ngx_agent_fetch_t *ngx_agent_fetch_start(const ngx_agent_fetch_conf_t *conf,
    const ngx_agent_endpoint_t *ep, const ngx_agent_fetch_request_t *request,
    ngx_agent_fetch_pt handler, void *data);


/* in each worker, before the first fetch */

void ngx_agent_fetch_init_process(void);


#endif /* _NGX_AGENT_FETCH_H_INCLUDED_ */
