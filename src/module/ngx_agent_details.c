
/*
 * Rich authorization requests (RFC 9396): what a token allows in detail must be
 * of types that are known here.
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include "agent_claim.h"
#include "ngx_agent_module.h"


/* agent_require_details type ... | off */

char *
ngx_agent_conf_details(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_agent_loc_conf_t  *alcf = conf;

    ngx_str_t    *value;
    ngx_uint_t    i;
    agent_str_t  *type;

    if (alcf->details != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        alcf->details = NULL;
        return NGX_CONF_OK;
    }

    alcf->details = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                     sizeof(agent_str_t));
    if (alcf->details == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (value[i].len == 0 || ngx_strcmp(value[i].data, "off") == 0
            || ngx_http_script_variables_count(&value[i]))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in "
                               "\"agent_require_details\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        type = ngx_array_push(alcf->details);
        if (type == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_agent_view(type, &value[i]);
    }

    return NGX_CONF_OK;
}


agent_reason_e
ngx_agent_details_check(ngx_http_request_t *r, const ngx_array_t *types,
    ngx_agent_record_t *rec)
{
    const json_t          *tree, *details;
    const agent_claims_t  *claims;

    static const agent_str_t  name = agent_string("authorization_details");

    claims = ngx_agent_identify_claims(rec);

    /* a key has none */

    if (claims == NULL || claims->json.len == 0) {
        return AGENT_REQUIREMENT_FAILED;
    }

    tree = ngx_agent_claim_tree(r, rec, claims);
    if (tree == NULL) {
        return AGENT_INTERNAL_ERROR;
    }

    details = agent_claim_find(tree, &name, 1);

    return (details && agent_claim_details(details, types->elts, types->nelts))
           ? AGENT_OK : AGENT_REQUIREMENT_FAILED;
}
