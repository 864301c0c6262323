
/*
 * Whether the credential of a request was revoked, looked at again each time
 * that a location decides.
 */

#include "ngx_agent_module.h"


char *
ngx_agent_conf_revocations(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_agent_main_conf_t  *amcf = conf;

    return ngx_agent_revocation_zone(cf, &amcf->revocations,
                                     &ngx_http_core_module);
}


agent_reason_e
ngx_agent_revoked(const ngx_agent_revocation_zone_t *revocations,
    ngx_agent_record_t *rec)
{
    const agent_claims_t          *claims;
    ngx_agent_revocation_token_t   token;

    if (rec->identified) {
        return ngx_agent_revocation_key(revocations, &rec->identity.id,
                                        &rec->identity.agent);
    }

    claims = ngx_agent_identify_claims(rec);

    if (claims == NULL) {
        return AGENT_INTERNAL_ERROR;
    }

    /* an introspection answer need not name its issuer (RFC 7662, 2.2) */

    ngx_agent_view(&token.issuer, &rec->token->provider->issuer);

    token.digest = rec->token->digest;
    token.claims = claims;
    token.agent = ngx_agent_identify_agent(claims);
    token.clean = rec->token->clean;
    token.seq = rec->token->seq;

    return ngx_agent_revocation_token(revocations, &token);
}
