
/*
 * The keys that a provider signs tokens with: of a file, or fetched and kept
 * up to date (RFC 7517, 5).
 */

#ifndef _NGX_AGENT_JWKS_H_INCLUDED_
#define _NGX_AGENT_JWKS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "agent_jwk.h"
#include "ngx_agent_provider.h"


/* reads the keys of jwks_file; NGX_ERROR is logged */

ngx_int_t ngx_agent_jwks_file(ngx_conf_t *cf, ngx_agent_provider_t *provider);


/* the document of a provider whose keys are fetched; NGX_ERROR is logged */

ngx_int_t ngx_agent_jwks_add(ngx_conf_t *cf, ngx_agent_provider_t *provider,
    ngx_agent_document_zone_t *zone);


/*
 * The keys as they are now: NGX_OK, *set stays until the next turn of the
 * event loop; NULL: the server has none, says its metadata.  NGX_AGAIN and
 * NGX_DECLINED are as those of ngx_agent_document_get().
 */

ngx_int_t ngx_agent_jwks_get(const ngx_agent_provider_t *provider,
    const agent_jwks_t **set, ngx_uint_t *retry_after);


/* whether there are any, for which nothing has to be fetched */

ngx_uint_t ngx_agent_jwks_known(const ngx_agent_provider_t *provider);


/*
 * The same, for who found no key of use before: *tried, 0 at first, tells with
 * which ones.  NGX_DONE: there are no others, and will be none soon.
 */

ngx_int_t ngx_agent_jwks_next(const ngx_agent_provider_t *provider,
    const agent_jwks_t **set, uint64_t *tried, ngx_uint_t *retry_after);


/*
 * A token may be of a key that is not among them: NGX_AGAIN, they are fetched
 * anew, get them again soon.  NGX_DECLINED: they were, just now.
 */

ngx_int_t ngx_agent_jwks_renew(const ngx_agent_provider_t *provider);


/* whether the key that signed a token (claims->signer) is still among them */

ngx_uint_t ngx_agent_jwks_trusted(const ngx_agent_provider_t *provider,
    uint64_t signer);


#endif /* _NGX_AGENT_JWKS_H_INCLUDED_ */
