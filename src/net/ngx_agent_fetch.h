
/*
 * The one HTTP/1.1 client of the module: asynchronous, independent of any
 * request, with TLS and idle connections kept per worker.  It knows no OAuth.
 */

#ifndef _NGX_AGENT_FETCH_H_INCLUDED_
#define _NGX_AGENT_FETCH_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "agent_address.h"
#include "agent_error.h"
#include "agent_http.h"


/* octets of a body; more is NGX_AGENT_FETCH_TOO_LARGE */

#define NGX_AGENT_FETCH_BODY  65536


/* where to fetch from */

typedef struct {
    ngx_str_t              url;
    ngx_str_t              host;        /* without brackets; NUL-terminated */
    ngx_str_t              authority;   /* for the Host field */
    ngx_str_t              uri;         /* path and query */
    ngx_str_t              origin;      /* tells servers apart */
    in_port_t              port;
    ngx_addr_t            *addrs;       /* of a literal, localhost, unix: */
    ngx_uint_t             naddrs;      /* 0: to be resolved */
    unsigned               tls:1;
    unsigned               literal:1;   /* the host is an address */

    /* for the caller to set: whoever named it may not send us to an address
     * that is more private than limit, nor to a unix socket */
    unsigned               limited:1;
    agent_address_class_e  limit;
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
    ngx_msec_t           timeout;       /* 0: that of the configuration */
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
    ngx_agent_fetch_e      error;
    ngx_uint_t             status;
    ngx_str_t              body;
    ngx_str_t              type;        /* Content-Type, or empty */
    int64_t                max_age;     /* seconds, as agent_http_t has it */

    /* of the address that answered; of ngx_agent_fetch_class(), the least
     * private one of all that the server has */
    agent_address_class_e  class;
} ngx_agent_answer_t;


typedef struct ngx_agent_fetch_s  ngx_agent_fetch_t;

typedef void (*ngx_agent_fetch_pt)(void *data,
    const ngx_agent_answer_t *answer);


/*
 * Reads an https, http or http://unix: URL, at any time; nothing is resolved.
 * ep points into url and pool.  NGX_ERROR: err (AGENT_ERROR_LEN octets) tells
 * why, and holds no octet of the URL.
 */

ngx_int_t ngx_agent_endpoint_parse(ngx_pool_t *pool, const ngx_str_t *url,
    ngx_agent_endpoint_t *ep, char *err);


/* a copy with all that it points at, in pool; NULL: no memory */

ngx_agent_endpoint_t *ngx_agent_endpoint_copy(ngx_pool_t *pool,
    const ngx_agent_endpoint_t *ep);


/* a unix socket is local */

agent_address_class_e ngx_agent_sockaddr_class(const struct sockaddr *sa);


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
 * NULL: no memory.  Redirects are answers, they are not followed.  conf must
 * last as long as the worker; ep is copied.
 */

ngx_agent_fetch_t *ngx_agent_fetch_start(const ngx_agent_fetch_conf_t *conf,
    const ngx_agent_endpoint_t *ep, const ngx_agent_fetch_request_t *request,
    ngx_agent_fetch_pt handler, void *data);


/*
 * Resolves the endpoint's name and nothing more: the answer has error and
 * class.  The rest is as with ngx_agent_fetch_start().
 */

ngx_agent_fetch_t *ngx_agent_fetch_class(const ngx_agent_fetch_conf_t *conf,
    const ngx_agent_endpoint_t *ep, ngx_agent_fetch_pt handler, void *data);


/* in each worker, before the first fetch */

void ngx_agent_fetch_init_process(void);


#endif /* _NGX_AGENT_FETCH_H_INCLUDED_ */
