
/*
 * Introspection answers that the server signs, RFC 9701: they count once a key
 * of the server has proved them, and may have to wait for it.
 */

#include "ngx_agent_call.h"
#include "ngx_agent_jwks.h"
#include "agent_introspection_jwt.h"


static agent_reason_e ngx_agent_signed_read(ngx_agent_call_t *call,
    const agent_jwks_t *set, agent_claims_t *claims, char *err);


ngx_int_t
ngx_agent_signed_ready(ngx_agent_call_t *call)
{
    const agent_jwks_t  *set;

    return ngx_agent_jwks_get(call->provider, &set, &call->retry_after)
           == NGX_DECLINED ? NGX_DECLINED : NGX_OK;
}


void
ngx_agent_signed_answer(ngx_agent_call_t *call,
    const ngx_agent_answer_t *answer)
{
    u_char       *p;
    agent_str_t   type;

    type.len = answer->type.len;
    type.data = answer->type.data;

    if (!agent_introspection_jwt_type(&type)) {
        ngx_agent_introspect_done(call, AGENT_PROVIDER_BAD_ANSWER, NULL,
                                  "the introspection answer is no "
                                  AGENT_INTROSPECTION_JWT_TYPE ", the server "
                                  "must sign answers for this client");
        return;
    }

    p = ngx_pnalloc(call->pool, answer->body.len + 1);
    if (p == NULL) {
        ngx_agent_call_finish(call, AGENT_INTERNAL_ERROR, NULL);
        return;
    }

    if (answer->body.len) {
        ngx_memcpy(p, answer->body.data, answer->body.len);
    }

    call->answer.data = p;
    call->answer.len = answer->body.len;

    (void) ngx_agent_signed_try(call);
}


ngx_int_t
ngx_agent_signed_try(ngx_agent_call_t *call)
{
    char                 err[AGENT_ERROR_LEN];
    agent_reason_e       reason;
    agent_claims_t       claims;
    const agent_jwks_t  *set;

    switch (ngx_agent_jwks_next(call->provider, &set, &call->tried,
                                &call->retry_after))
    {

    case NGX_OK:

        if (set == NULL) {
            ngx_agent_introspect_done(call, AGENT_PROVIDER_BAD_ANSWER, NULL,
                                      "its metadata names no \"jwks_uri\" for "
                                      "the keys of introspection answers");
            return NGX_OK;
        }

        reason = ngx_agent_signed_read(call, set, &claims, err);

        if (reason != AGENT_SIGNING_KEY_UNKNOWN) {
            ngx_agent_introspect_done(call, reason, &claims, err);
            return NGX_OK;
        }

        if (ngx_agent_jwks_renew(call->provider) == NGX_AGAIN) {
            break;
        }

        /* fall through */

    case NGX_DONE:
        ngx_agent_introspect_done(call, AGENT_PROVIDER_BAD_ANSWER, NULL,
                                  "no key of the provider is the one that "
                                  "signed the introspection answer");
        return NGX_OK;

    case NGX_AGAIN:
        break;

    default:
        ngx_agent_introspect_done(call, AGENT_PROVIDER_UNAVAILABLE, NULL,
                                  NULL);
        return NGX_OK;
    }

    call->taken = 0;
    ngx_agent_call_wait(call);

    return NGX_AGAIN;
}


static agent_reason_e
ngx_agent_signed_read(ngx_agent_call_t *call, const agent_jwks_t *set,
    agent_claims_t *claims, char *err)
{
    size_t                           size;
    u_char                          *buf;
    agent_str_t                      body;
    agent_introspection_expected_t   expected;
    const ngx_agent_provider_t      *provider;

    provider = call->provider;

    body.len = call->answer.len;
    body.data = call->answer.data;

    size = agent_jws_room(body.len) + NGX_AGENT_CLAIMS_BUFFER;

    buf = ngx_palloc(call->pool, size);
    if (buf == NULL) {
        return AGENT_INTERNAL_ERROR;
    }

    expected.issuer.len = provider->issuer.len;
    expected.issuer.data = provider->issuer.data;
    expected.audience.len = provider->client_id.len;
    expected.audience.data = provider->client_id.data;
    expected.algs = provider->jwt.algs;
    expected.leeway = provider->jwt.leeway;
    expected.asked = call->since;
    expected.now = ngx_agent_now();

    return agent_introspection_jwt(&body, &expected, set, buf, size, claims,
                                   err);
}
