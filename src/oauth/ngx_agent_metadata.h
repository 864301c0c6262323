
/*
 * Where a provider's endpoints are: as configured, or as its metadata says
 * (RFC 8414, OpenID Connect Discovery 1.0).
 */

#ifndef _NGX_AGENT_METADATA_H_INCLUDED_
#define _NGX_AGENT_METADATA_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "agent_metadata.h"
#include "ngx_agent_provider.h"


/*
 * The places where the provider's metadata may be, from metadata_uri or the
 * issuer.  NGX_ERROR is logged.  Where the configuration names all that is
 * needed there are none.
 */

ngx_int_t ngx_agent_metadata_conf(ngx_conf_t *cf,
    ngx_agent_provider_t *provider);


/* the document of a provider that has such places; NGX_ERROR is logged */

ngx_int_t ngx_agent_metadata_add(ngx_conf_t *cf,
    ngx_agent_provider_t *provider, ngx_agent_document_zone_t *zone);


/*
 * Where tokens are introspected: NGX_OK, *ep is set, and stays until the next
 * turn of the event loop; NULL: nowhere, says the metadata.  NGX_AGAIN and
 * NGX_DECLINED are as those of ngx_agent_document_get().
 */

ngx_int_t ngx_agent_metadata_introspection(
    const ngx_agent_provider_t *provider, const ngx_agent_endpoint_t **ep,
    ngx_uint_t *retry_after);


/* where the metadata that is known says that keys are; NULL: nowhere */

const ngx_agent_endpoint_t *ngx_agent_metadata_jwks(
    const ngx_agent_provider_t *provider);


#endif /* _NGX_AGENT_METADATA_H_INCLUDED_ */
