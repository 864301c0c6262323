
/*
 * The closed list of decisions: what was decided, why, and of which class the
 * answer to the client is.  Only the access handler maps a reason to a status,
 * only the challenge builder to an error code, both through this table.
 */

#ifndef _AGENT_REASON_H_INCLUDED_
#define _AGENT_REASON_H_INCLUDED_


#include "agent_str.h"


typedef enum {
    AGENT_RESULT_NONE = 0,          /* no decision was made */
    AGENT_RESULT_ALLOW,
    AGENT_RESULT_DENY,
    AGENT_RESULT_WOULD_DENY,        /* in observe mode */
    AGENT_RESULT_OFF                /* the location is not guarded */
} agent_result_e;


typedef enum {
    AGENT_AUTH_NONE = 0,
    AGENT_AUTH_KEY,
    AGENT_AUTH_OAUTH
} agent_auth_type_e;


/* AGENT_OK is the only reason that lets a request pass, and it is not zero:
 * memory that nobody filled in denies */

typedef enum {
    AGENT_NOT_EVALUATED = 0,
    AGENT_OK,

    AGENT_CREDENTIAL_MISSING,
    AGENT_CREDENTIAL_MALFORMED,
    AGENT_CREDENTIAL_MULTIPLE,

    AGENT_KEY_UNKNOWN,
    AGENT_KEY_NOT_YET_VALID,
    AGENT_KEY_EXPIRED,
    AGENT_KEY_SUSPENDED,
    AGENT_KEY_REVOKED,
    AGENT_KEY_SUNSET,
    AGENT_KEY_NETWORK,
    AGENT_KEY_SERVICE,

    AGENT_TOKEN_INACTIVE,
    AGENT_TOKEN_MALFORMED,
    AGENT_TOKEN_EXPIRED,
    AGENT_TOKEN_NOT_YET_VALID,
    AGENT_TOKEN_REVOKED,
    AGENT_TOKEN_TYPE,
    AGENT_TOKEN_CLAIMS,
    AGENT_SIGNATURE_INVALID,
    AGENT_ALGORITHM_REFUSED,
    AGENT_SIGNING_KEY_UNKNOWN,
    AGENT_ISSUER_MISMATCH,
    AGENT_AUDIENCE_MISMATCH,
    AGENT_BINDING_MISSING,
    AGENT_BINDING_MISMATCH,
    AGENT_DPOP_INVALID,
    AGENT_DPOP_REPLAYED,
    AGENT_DPOP_NONCE,

    AGENT_SCOPE_INSUFFICIENT,
    AGENT_REQUIREMENT_FAILED,
    AGENT_DELEGATION_REFUSED,
    AGENT_STEP_UP_REQUIRED,
    AGENT_MCP_INVALID,

    AGENT_PROVIDER_UNAVAILABLE,
    AGENT_PROVIDER_REFUSED_CLIENT,
    AGENT_PROVIDER_BAD_ANSWER,
    AGENT_TABLE_BUSY,
    AGENT_RATE_LIMITED,
    AGENT_SUBREQUEST_REFUSED,
    AGENT_INTERNAL_ERROR,

    AGENT_REASON_MAX
} agent_reason_e;


/* RFC 6750, 3.1; RFC 9449, 7.1 and 9; RFC 9470, 3 */

typedef enum {
    AGENT_ERROR_NONE = 0,
    AGENT_ERROR_INVALID_REQUEST,
    AGENT_ERROR_INVALID_TOKEN,
    AGENT_ERROR_INSUFFICIENT_SCOPE,
    AGENT_ERROR_INVALID_DPOP_PROOF,
    AGENT_ERROR_USE_DPOP_NONCE,
    AGENT_ERROR_INSUFFICIENT_USER_AUTHENTICATION
} agent_error_e;


/*
 * The name of a result ("allow"), of a type ("key"), of a reason
 * ("key_unknown") and of an error code ("invalid_token"); empty for
 * AGENT_AUTH_NONE and AGENT_ERROR_NONE, "internal_error" for a reason out of
 * range.  Static storage.
 */

const agent_str_t *agent_result_name(agent_result_e result);
const agent_str_t *agent_auth_type_name(agent_auth_type_e type);
const agent_str_t *agent_reason_name(agent_reason_e reason);
const agent_str_t *agent_error_name(agent_error_e error);


/*
 * The HTTP status that refuses a request for this reason: 400 to 403, 429, 500
 * or 503.  0 for AGENT_OK and AGENT_NOT_EVALUATED, which do not refuse; 500
 * for a reason out of range: what nobody knows does not pass.
 */

unsigned agent_reason_status(agent_reason_e reason);


/* the error code of the challenge that goes with the reason, RFC 6750, 3.1 */

agent_error_e agent_reason_error(agent_reason_e reason);


#endif /* _AGENT_REASON_H_INCLUDED_ */
