
#include "agent_reason.h"


typedef struct {
    agent_str_t    name;
    unsigned       status;
    agent_error_e  error;
} agent_reason_t;


static const agent_str_t  agent_results[] = {
    agent_string("none"),
    agent_string("allow"),
    agent_string("deny"),
    agent_string("would_deny"),
    agent_string("off")
};


static const agent_str_t  agent_auth_types[] = {
    agent_string(""),
    agent_string("key"),
    agent_string("oauth")
};


static const agent_str_t  agent_errors[] = {
    agent_string(""),
    agent_string("invalid_request"),
    agent_string("invalid_token"),
    agent_string("insufficient_scope"),
    agent_string("invalid_dpop_proof"),
    agent_string("use_dpop_nonce"),
    agent_string("insufficient_user_authentication")
};


static const agent_reason_t  agent_reasons[] = {

    [AGENT_NOT_EVALUATED] =
        { agent_string("not_evaluated"), 0, AGENT_ERROR_NONE },

    [AGENT_OK] =
        { agent_string("ok"), 0, AGENT_ERROR_NONE },

    [AGENT_CREDENTIAL_MISSING] =
        { agent_string("credential_missing"), 401, AGENT_ERROR_NONE },

    [AGENT_CREDENTIAL_MALFORMED] =
        { agent_string("credential_malformed"), 400,
          AGENT_ERROR_INVALID_REQUEST },

    [AGENT_CREDENTIAL_MULTIPLE] =
        { agent_string("credential_multiple"), 400,
          AGENT_ERROR_INVALID_REQUEST },

    [AGENT_KEY_UNKNOWN] =
        { agent_string("key_unknown"), 401, AGENT_ERROR_INVALID_TOKEN },

    [AGENT_KEY_NOT_YET_VALID] =
        { agent_string("key_not_yet_valid"), 401, AGENT_ERROR_INVALID_TOKEN },

    [AGENT_KEY_EXPIRED] =
        { agent_string("key_expired"), 401, AGENT_ERROR_INVALID_TOKEN },

    [AGENT_KEY_SUSPENDED] =
        { agent_string("key_suspended"), 401, AGENT_ERROR_INVALID_TOKEN },

    [AGENT_KEY_REVOKED] =
        { agent_string("key_revoked"), 401, AGENT_ERROR_INVALID_TOKEN },

    [AGENT_KEY_SUNSET] =
        { agent_string("key_sunset"), 401, AGENT_ERROR_INVALID_TOKEN },

    [AGENT_KEY_NETWORK] =
        { agent_string("key_network"), 401, AGENT_ERROR_INVALID_TOKEN },

    [AGENT_KEY_SERVICE] =
        { agent_string("key_service"), 403, AGENT_ERROR_NONE },

    [AGENT_TOKEN_INACTIVE] =
        { agent_string("token_inactive"), 401, AGENT_ERROR_INVALID_TOKEN },

    [AGENT_TOKEN_MALFORMED] =
        { agent_string("token_malformed"), 401, AGENT_ERROR_INVALID_TOKEN },

    [AGENT_TOKEN_EXPIRED] =
        { agent_string("token_expired"), 401, AGENT_ERROR_INVALID_TOKEN },

    [AGENT_TOKEN_NOT_YET_VALID] =
        { agent_string("token_not_yet_valid"), 401, AGENT_ERROR_INVALID_TOKEN },

    [AGENT_TOKEN_REVOKED] =
        { agent_string("token_revoked"), 401, AGENT_ERROR_INVALID_TOKEN },

    [AGENT_TOKEN_TYPE] =
        { agent_string("token_type"), 401, AGENT_ERROR_INVALID_TOKEN },

    [AGENT_TOKEN_CLAIMS] =
        { agent_string("token_claims"), 401, AGENT_ERROR_INVALID_TOKEN },

    [AGENT_SIGNATURE_INVALID] =
        { agent_string("signature_invalid"), 401, AGENT_ERROR_INVALID_TOKEN },

    [AGENT_ALGORITHM_REFUSED] =
        { agent_string("algorithm_refused"), 401, AGENT_ERROR_INVALID_TOKEN },

    [AGENT_SIGNING_KEY_UNKNOWN] =
        { agent_string("signing_key_unknown"), 401, AGENT_ERROR_INVALID_TOKEN },

    [AGENT_ISSUER_MISMATCH] =
        { agent_string("issuer_mismatch"), 401, AGENT_ERROR_INVALID_TOKEN },

    [AGENT_AUDIENCE_MISMATCH] =
        { agent_string("audience_mismatch"), 401, AGENT_ERROR_INVALID_TOKEN },

    [AGENT_BINDING_MISSING] =
        { agent_string("binding_missing"), 401, AGENT_ERROR_INVALID_TOKEN },

    [AGENT_BINDING_MISMATCH] =
        { agent_string("binding_mismatch"), 401, AGENT_ERROR_INVALID_TOKEN },

    [AGENT_DPOP_INVALID] =
        { agent_string("dpop_invalid"), 401, AGENT_ERROR_INVALID_DPOP_PROOF },

    [AGENT_DPOP_REPLAYED] =
        { agent_string("dpop_replayed"), 401, AGENT_ERROR_INVALID_DPOP_PROOF },

    [AGENT_DPOP_NONCE] =
        { agent_string("dpop_nonce"), 401, AGENT_ERROR_USE_DPOP_NONCE },

    [AGENT_SCOPE_INSUFFICIENT] =
        { agent_string("scope_insufficient"), 403,
          AGENT_ERROR_INSUFFICIENT_SCOPE },

    [AGENT_REQUIREMENT_FAILED] =
        { agent_string("requirement_failed"), 403, AGENT_ERROR_NONE },

    [AGENT_DELEGATION_REFUSED] =
        { agent_string("delegation_refused"), 403, AGENT_ERROR_NONE },

    [AGENT_STEP_UP_REQUIRED] =
        { agent_string("step_up_required"), 401,
          AGENT_ERROR_INSUFFICIENT_USER_AUTHENTICATION },

    [AGENT_MCP_INVALID] =
        { agent_string("mcp_invalid"), 400, AGENT_ERROR_NONE },

    [AGENT_PROVIDER_UNAVAILABLE] =
        { agent_string("provider_unavailable"), 503, AGENT_ERROR_NONE },

    [AGENT_PROVIDER_REFUSED_CLIENT] =
        { agent_string("provider_refused_client"), 503, AGENT_ERROR_NONE },

    [AGENT_PROVIDER_BAD_ANSWER] =
        { agent_string("provider_bad_answer"), 503, AGENT_ERROR_NONE },

    [AGENT_TABLE_BUSY] =
        { agent_string("table_busy"), 503, AGENT_ERROR_NONE },

    [AGENT_RATE_LIMITED] =
        { agent_string("rate_limited"), 429, AGENT_ERROR_NONE },

    [AGENT_SUBREQUEST_REFUSED] =
        { agent_string("subrequest_refused"), 403, AGENT_ERROR_NONE },

    [AGENT_INTERNAL_ERROR] =
        { agent_string("internal_error"), 500, AGENT_ERROR_NONE }
};


const agent_str_t *
agent_result_name(agent_result_e result)
{
    if ((unsigned) result > AGENT_RESULT_OFF) {
        return &agent_results[AGENT_RESULT_NONE];
    }

    return &agent_results[result];
}


const agent_str_t *
agent_auth_type_name(agent_auth_type_e type)
{
    if ((unsigned) type > AGENT_AUTH_OAUTH) {
        return &agent_auth_types[AGENT_AUTH_NONE];
    }

    return &agent_auth_types[type];
}


const agent_str_t *
agent_reason_name(agent_reason_e reason)
{
    if ((unsigned) reason >= AGENT_REASON_MAX) {
        return &agent_reasons[AGENT_INTERNAL_ERROR].name;
    }

    return &agent_reasons[reason].name;
}


unsigned
agent_reason_status(agent_reason_e reason)
{
    if ((unsigned) reason >= AGENT_REASON_MAX) {
        return agent_reasons[AGENT_INTERNAL_ERROR].status;
    }

    return agent_reasons[reason].status;
}


agent_error_e
agent_reason_error(agent_reason_e reason)
{
    if ((unsigned) reason >= AGENT_REASON_MAX) {
        return AGENT_ERROR_NONE;
    }

    return agent_reasons[reason].error;
}


const agent_str_t *
agent_error_name(agent_error_e error)
{
    if ((unsigned) error > AGENT_ERROR_INSUFFICIENT_USER_AUTHENTICATION) {
        return &agent_errors[AGENT_ERROR_NONE];
    }

    return &agent_errors[error];
}
