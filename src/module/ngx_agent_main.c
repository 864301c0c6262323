
/*
 * What is known once http{} was read, and before locations are merged: which
 * zones providers need, how their names are resolved, which of their documents
 * are fetched.
 */

#include "ngx_agent_handlers.h"
#include "ngx_agent_jwks.h"
#include "ngx_agent_jwt.h"
#include "ngx_agent_metadata.h"


static ngx_int_t ngx_agent_main_resolver(ngx_conf_t *cf,
    ngx_agent_main_conf_t *amcf);
static ngx_int_t ngx_agent_main_documents(ngx_conf_t *cf,
    ngx_agent_main_conf_t *amcf);


char *
ngx_agent_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_agent_main_conf_t  *amcf = conf;

    if (ngx_agent_events_init(cf, amcf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (amcf->providers.nelts
        && (ngx_agent_token_zone_default(cf, &amcf->token_zone,
                                         &ngx_http_core_module) != NGX_OK
            || ngx_agent_proof_zone_default(cf, &amcf->proof_zone,
                                            &ngx_http_core_module) != NGX_OK
            || ngx_agent_main_resolver(cf, amcf) != NGX_OK
            || ngx_agent_main_documents(cf, amcf) != NGX_OK))
    {
        return NGX_CONF_ERROR;
    }

    return ngx_agent_scopes_init(cf, amcf) == NGX_OK ? NGX_CONF_OK
                                                     : NGX_CONF_ERROR;
}


/* names of providers are resolved as those of upstreams are */

static ngx_int_t
ngx_agent_main_resolver(ngx_conf_t *cf, ngx_agent_main_conf_t *amcf)
{
    ngx_uint_t                  i;
    ngx_msec_t                  timeout;
    ngx_resolver_t             *resolver;
    ngx_agent_provider_t      **provider;
    ngx_http_core_loc_conf_t   *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    resolver = clcf->resolver;
    timeout = clcf->resolver_timeout;

    /* where none is configured core makes one that knows no server */

    if (resolver && resolver->connections.nelts == 0) {
        resolver = NULL;
    }

    provider = amcf->providers.elts;

    for (i = 0; i < amcf->providers.nelts; i++) {

        if (provider[i]->resolve && resolver == NULL) {
            resolver = ngx_agent_fetch_resolver(cf);
            if (resolver == NULL) {
                return NGX_ERROR;
            }
        }

        provider[i]->fetch.resolver = resolver;
        provider[i]->fetch.resolver_timeout =
            (timeout == NGX_CONF_UNSET_MSEC) ? provider[i]->timeout : timeout;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_agent_main_documents(ngx_conf_t *cf, ngx_agent_main_conf_t *amcf)
{
    ngx_uint_t                   i;
    ngx_agent_provider_t       **provider;
    ngx_agent_document_zone_t   *zone;

    provider = amcf->providers.elts;
    zone = NULL;

    for (i = 0; i < amcf->providers.nelts; i++) {

        if ((provider[i]->discover || provider[i]->jwks_uri.len)
            && ngx_agent_document_zone(cf, &zone, &ngx_http_core_module)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (provider[i]->discover
            && ngx_agent_metadata_add(cf, provider[i], zone) != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (ngx_agent_jwt_keys(provider[i])
            && provider[i]->jwks == NULL
            && ngx_agent_jwks_add(cf, provider[i], zone) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
