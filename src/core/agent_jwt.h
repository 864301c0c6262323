
/*
 * Access tokens that are JSON Web Tokens (RFC 7519): the profile of RFC 9068,
 * and what servers issue that do not follow it.
 */

#ifndef _AGENT_JWT_H_INCLUDED_
#define _AGENT_JWT_H_INCLUDED_


#include "agent_claims.h"
#include "agent_jwk.h"
#include "agent_jws.h"
#include "agent_reason.h"


/* octets of the buffer for a token of len characters: the token decoded, the
 * texts of its claims, the id of the key */

#define agent_jwt_room(len)                                                   \
    (agent_jws_room(len) + (len) + AGENT_JWS_KID_MAX)


/* a token taken apart; nothing of it is proved */

typedef struct {
    agent_jws_t    jws;
    json_t        *claims;
    agent_str_t    issuer;          /* "iss"; in claims */
    uint8_t       *buf;             /* of the caller's, for the claims */
    size_t         size;
} agent_jwt_t;


/* what a token must be: of the provider, const once configured */

typedef struct {
    agent_str_t    issuer;
    uint32_t       algs;            /* mask of agent_alg_e */
    int64_t        leeway;          /* milliseconds, 0 or more */
    unsigned       any_type:1;      /* also what is not "at+jwt" */
} agent_jwt_policy_t;


/*
 * Takes a token apart.  buf is of agent_jwt_room(token->len) octets and, as the
 * token, is used for as long as jwt and the claims that come of it.
 *
 * AGENT_OK: jwt is to be freed with agent_jwt_free().  Otherwise the reasons of
 * agent_jws_parse(), AGENT_TOKEN_MALFORMED also for claims that are no JSON
 * object (RFC 7519, 7.2); nothing is to be freed.
 */

agent_reason_e agent_jwt_parse(agent_jwt_t *jwt, const agent_str_t *token,
    uint8_t *buf, char *err);


void agent_jwt_free(agent_jwt_t *jwt);


/*
 * The part of agent_jwt_check() that needs no key, and comes first: AGENT_OK,
 * AGENT_ALGORITHM_REFUSED, AGENT_TOKEN_TYPE ("typ") or AGENT_ISSUER_MISMATCH.
 */

agent_reason_e agent_jwt_claimed(const agent_jwt_t *jwt,
    const agent_jwt_policy_t *policy, char *err);


/*
 * Checks a token, in this order: AGENT_ALGORITHM_REFUSED, AGENT_TOKEN_TYPE
 * ("typ": RFC 9068, 4), AGENT_ISSUER_MISMATCH, AGENT_SIGNING_KEY_UNKNOWN (no
 * key, or none that is the only one: ask again with a newer set),
 * AGENT_SIGNATURE_INVALID; then, of a token that is authentic,
 * AGENT_TOKEN_TYPE (a kind of token that is told by its claims),
 * AGENT_TOKEN_CLAIMS (of a wrong type, or missing), AGENT_AUDIENCE_MISMATCH (no
 * audience where RFC 9068 demands one), and those of agent_jwt_usable().
 * AGENT_INTERNAL_ERROR: no memory.
 *
 * now is in milliseconds since the epoch.  Where it is AGENT_OK claims are set
 * and point into the buffer of jwt; which audience it must be is asked for each
 * location, with agent_claims_audience().  err says more, for the operator.
 * May be called again with another set.
 */

agent_reason_e agent_jwt_check(const agent_jwt_t *jwt,
    const agent_jwt_policy_t *policy, const agent_jwks_t *set, int64_t now,
    agent_claims_t *claims, char *err);


/*
 * Whether the claims of a JWT may be used now: AGENT_OK, AGENT_TOKEN_EXPIRED,
 * or AGENT_TOKEN_NOT_YET_VALID for an "nbf" or "iat" that lies ahead.  Leeway,
 * in milliseconds, is granted to all three (RFC 7519, 4.1.4 to 4.1.6).
 */

agent_reason_e agent_jwt_usable(const agent_claims_t *claims, int64_t now,
    int64_t leeway);


#endif /* _AGENT_JWT_H_INCLUDED_ */
