
/*
 * How the gate proves to an authorization server who it is: client_auth of
 * agent_oauth_provider.
 */

#ifndef _NGX_AGENT_CLIENT_H_INCLUDED_
#define _NGX_AGENT_CLIENT_H_INCLUDED_


#include "ngx_agent_token_zone.h"


/*
 * Looks whether the provider has all that its client_auth needs (RFC 7662,
 * 2.1) and reads the file of the secret or key.  NGX_ERROR is logged.
 */

ngx_int_t ngx_agent_client_conf(ngx_conf_t *cf,
    ngx_agent_provider_t *provider);


/*
 * What the client sends for one call: the secret as it is in its file now, or a
 * new assertion, signed with the key that is in its file now; empty where
 * client_auth needs neither.  Where this process may not read the file, what
 * the master read serves.  proof is in pool, and the caller cleanses it.
 * NGX_ERROR is logged, once a minute.
 */

ngx_int_t ngx_agent_client_proof(ngx_pool_t *pool,
    const ngx_agent_token_zone_t *zone, const ngx_agent_provider_t *provider,
    ngx_str_t *proof, ngx_log_t *log);


#endif /* _NGX_AGENT_CLIENT_H_INCLUDED_ */
