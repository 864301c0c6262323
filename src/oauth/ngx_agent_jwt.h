
/*
 * Tokens that are checked here, with the keys of their provider: RFC 9068.
 */

#ifndef _NGX_AGENT_JWT_H_INCLUDED_
#define _NGX_AGENT_JWT_H_INCLUDED_


#include "ngx_agent_call.h"


/*
 * What the provider's configuration says of such tokens; which of its endpoints
 * its metadata has to tell.  NGX_ERROR is logged.
 */

ngx_int_t ngx_agent_jwt_conf(ngx_conf_t *cf, ngx_agent_provider_t *provider);


/* whether its keys are needed: for such tokens, or for answers of RFC 9701 */

ngx_uint_t ngx_agent_jwt_keys(const ngx_agent_provider_t *provider);


/*
 * Whether the provider's tokens that look like this are checked here.  What
 * does is never shown to it, also if the check fails.
 */

ngx_uint_t ngx_agent_jwt_local(const ngx_agent_provider_t *provider,
    const agent_str_t *value);


/*
 * NGX_OK: *reason is set, and with AGENT_OK claims, which point into pool.
 * NGX_AGAIN: keys are being fetched, ask again soon, with the same *reason,
 * AGENT_NOT_EVALUATED at first, and *tried, 0 at first.  NGX_DECLINED: there
 * are none, *retry_after is as that of ngx_agent_jwks_get().
 */

ngx_int_t ngx_agent_jwt_check(const ngx_agent_provider_t *provider,
    const agent_str_t *value, ngx_pool_t *pool, agent_reason_e *reason,
    agent_claims_t *claims, uint64_t *tried, ngx_uint_t *retry_after);


/* whether the verdict is one that stays, until its time is over */

ngx_uint_t ngx_agent_jwt_lasting(agent_reason_e reason);


#endif /* _NGX_AGENT_JWT_H_INCLUDED_ */
