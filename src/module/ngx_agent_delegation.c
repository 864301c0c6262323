
/*
 * Agents that act for others (RFC 8693): whether the one that acts may.
 */

#include "ngx_agent_module.h"


static ngx_int_t ngx_agent_delegation_depth(ngx_conf_t *cf, ngx_str_t *value,
    ngx_agent_delegation_t *delegation);
static ngx_int_t ngx_agent_delegation_actor(ngx_conf_t *cf, ngx_str_t *value,
    ngx_agent_delegation_t *delegation);
static ngx_int_t ngx_agent_delegation_invalid(ngx_conf_t *cf,
    ngx_str_t *value);
static const agent_str_t *ngx_agent_delegation_who(
    const ngx_agent_record_t *rec);


/* agent_delegation [max_depth=n] [actor=value ...] | off */

char *
ngx_agent_conf_delegation(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_agent_loc_conf_t  *alcf = conf;

    ngx_int_t                rc;
    ngx_str_t               *value;
    ngx_uint_t               i;
    ngx_agent_delegation_t  *delegation;

    if (alcf->delegation != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        alcf->delegation = NULL;
        return NGX_CONF_OK;
    }

    delegation = ngx_palloc(cf->pool, sizeof(ngx_agent_delegation_t));

    if (delegation == NULL
        || ngx_array_init(&delegation->actors, cf->pool, cf->args->nelts - 1,
                          sizeof(agent_str_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    delegation->max_depth = NGX_CONF_UNSET_UINT;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "max_depth=", 10) == 0) {
            rc = ngx_agent_delegation_depth(cf, &value[i], delegation);

        } else if (ngx_strncmp(value[i].data, "actor=", 6) == 0) {
            rc = ngx_agent_delegation_actor(cf, &value[i], delegation);

        } else {
            rc = ngx_agent_delegation_invalid(cf, &value[i]);
        }

        if (rc != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    ngx_conf_init_uint_value(delegation->max_depth, AGENT_ACT_DEPTH_MAX);

    alcf->delegation = delegation;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_agent_delegation_depth(ngx_conf_t *cf, ngx_str_t *value,
    ngx_agent_delegation_t *delegation)
{
    ngx_int_t  depth;

    depth = ngx_atoi(value->data + 10, value->len - 10);

    /* a longer chain is no claim that could be read */

    if (depth == NGX_ERROR || depth > AGENT_ACT_DEPTH_MAX
        || delegation->max_depth != NGX_CONF_UNSET_UINT)
    {
        return ngx_agent_delegation_invalid(cf, value);
    }

    delegation->max_depth = depth;

    return NGX_OK;
}


static ngx_int_t
ngx_agent_delegation_actor(ngx_conf_t *cf, ngx_str_t *value,
    ngx_agent_delegation_t *delegation)
{
    agent_str_t  *actor;

    if (value->len == 6 || value->len - 6 > AGENT_CLAIM_MAX
        || ngx_http_script_variables_count(value))
    {
        return ngx_agent_delegation_invalid(cf, value);
    }

    actor = ngx_array_push(&delegation->actors);
    if (actor == NULL) {
        return NGX_ERROR;
    }

    actor->data = value->data + 6;
    actor->len = value->len - 6;

    return NGX_OK;
}


static ngx_int_t
ngx_agent_delegation_invalid(ngx_conf_t *cf, ngx_str_t *value)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"agent_delegation\"",
                       value);

    return NGX_ERROR;
}


agent_reason_e
ngx_agent_delegation_check(const ngx_agent_delegation_t *delegation,
    const ngx_agent_record_t *rec)
{
    ngx_uint_t             i;
    const agent_str_t     *actor, *who;
    const agent_claims_t  *claims;

    claims = ngx_agent_identify_claims(rec);

    if (claims && claims->act_depth > delegation->max_depth) {
        return AGENT_DELEGATION_REFUSED;
    }

    if (delegation->actors.nelts == 0) {
        return AGENT_OK;
    }

    who = ngx_agent_delegation_who(rec);

    if (who == NULL) {
        return AGENT_DELEGATION_REFUSED;
    }

    actor = delegation->actors.elts;

    for (i = 0; i < delegation->actors.nelts; i++) {
        if (agent_str_eq(&actor[i], who)) {
            return AGENT_OK;
        }
    }

    return AGENT_DELEGATION_REFUSED;
}


/*
 * The one that acts: RFC 8693, 4.1, the outermost actor alone, or, where
 * nobody acts for another, the client itself.  NULL: nobody who is known here.
 */

static const agent_str_t *
ngx_agent_delegation_who(const ngx_agent_record_t *rec)
{
    agent_str_t            issuer;
    const agent_claims_t  *claims;

    if (rec->identified) {
        return &rec->identity.agent;
    }

    claims = ngx_agent_identify_claims(rec);

    if (claims == NULL) {
        return NULL;
    }

    /* "sub" alone may be a person, whose name may be of his own choice */

    if (claims->act_depth == 0) {
        return claims->client_id.len ? &claims->client_id : NULL;
    }

    /* the same name at another issuer is somebody else's */

    ngx_agent_view(&issuer, &rec->token->provider->issuer);

    if (claims->actor_issuer.len
        && !agent_str_eq(&claims->actor_issuer, &issuer))
    {
        return NULL;
    }

    return &claims->actor;
}
