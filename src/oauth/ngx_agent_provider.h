
/*
 * An authorization server as the configuration names it: the block
 * agent_oauth_provider.
 */

#ifndef _NGX_AGENT_PROVIDER_H_INCLUDED_
#define _NGX_AGENT_PROVIDER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "agent_assertion.h"
#include "agent_claims.h"
#include "agent_jwt.h"
#include "ngx_agent_cache.h"
#include "ngx_agent_document.h"
#include "ngx_agent_fetch.h"
#include "ngx_agent_flight.h"


typedef enum {
    NGX_AGENT_CLIENT_BASIC = 0,
    NGX_AGENT_CLIENT_POST,
    NGX_AGENT_CLIENT_JWT,
    NGX_AGENT_CLIENT_TLS,
    NGX_AGENT_CLIENT_BEARER,
    NGX_AGENT_CLIENT_NONE
} ngx_agent_client_auth_e;


typedef enum {
    NGX_AGENT_VERIFY_AUTO = 0,
    NGX_AGENT_VERIFY_JWT,
    NGX_AGENT_VERIFY_INTROSPECTION
} ngx_agent_verify_e;


/* const once the configuration is in force */

typedef struct {
    ngx_str_t                    name;
    ngx_str_t                    issuer;
    ngx_str_t                    metadata_uri;  /* "off": none is looked for */
    ngx_str_t                    introspection_endpoint;
    ngx_str_t                    jwks_uri;
    ngx_str_t                    jwks_file;
    ngx_str_t                    client_id;
    ngx_str_t                    client_secret_file;
    ngx_str_t                    client_key_file;
    ngx_str_t                    client_key_id; /* "thumbprint": its own */
    ngx_str_t                    client_certificate;
    ngx_str_t                    ssl_trusted_certificate;
    ngx_str_t                    ssl_crl;

    ngx_uint_t                   verify;
    ngx_uint_t                   client_auth;
    ngx_uint_t                   algorithms;    /* of agent_alg_e */
    ngx_uint_t                   token_type;    /* any */
    ngx_uint_t                   response_jwt;  /* of introspection */
    ngx_msec_t                   leeway;
    ngx_msec_t                   max_ttl;
    ngx_msec_t                   negative_ttl;
    ngx_msec_t                   stale_if_error;
    ngx_msec_t                   timeout;
    ngx_uint_t                   max_pending;
    ngx_uint_t                   miss_rate;     /* a minute; 0: off */
    ngx_uint_t                   keepalive;
    ngx_uint_t                   breaker_failures;
    ngx_msec_t                   breaker_cooldown;
    ngx_flag_t                   ssl_verify;

    ngx_str_t                    secret;        /* or key, as the master read
                                                   it */
    agent_assertion_key_t        secret_key;    /* what that key is */
    u_char                       part[NGX_AGENT_CACHE_PART];
    ngx_uint_t                   count;         /* its first counter */

    ngx_agent_endpoint_t         endpoint;      /* of introspection, where it
                                                   is configured */
    ngx_agent_endpoint_t         jwks_endpoint; /* likewise */
    agent_jwt_policy_t           jwt;
    const agent_jwks_t          *jwks;          /* of jwks_file */
    ngx_array_t                  places;        /* ngx_agent_endpoint_t where
                                                   metadata may be */
    ngx_agent_document_t        *metadata;      /* this worker's; NULL: there
                                                   are no such places */
    ngx_agent_document_t        *keys;          /* likewise; NULL: they are not
                                                   fetched */
    ngx_agent_fetch_conf_t       fetch;

    ngx_str_t                    conf_file;
    ngx_uint_t                   conf_line;

    unsigned                     discover:1;    /* metadata is needed */

    /* any of the servers that are asked: */
    unsigned                     tls:1;
    unsigned                     resolve:1;     /* has to be resolved */
    unsigned                     plain:1;       /* is asked without TLS over a
                                                   network */
} ngx_agent_provider_t;


/* agent_oauth_provider name { ... }; providers: ngx_agent_provider_t * */

char *ngx_agent_provider_block(ngx_conf_t *cf, ngx_array_t *providers);


/* a server that the provider's configuration names: what it needs */

void ngx_agent_provider_server(ngx_agent_provider_t *provider,
    const ngx_agent_endpoint_t *ep);


/* the provider of this name, or NULL */

ngx_agent_provider_t *ngx_agent_provider_find(ngx_array_t *providers,
    ngx_str_t *name);


#endif /* _NGX_AGENT_PROVIDER_H_INCLUDED_ */
