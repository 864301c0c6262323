
/*
 * Introspection answers that the server signs: RFC 9701.
 */

#ifndef _AGENT_INTROSPECTION_JWT_H_INCLUDED_
#define _AGENT_INTROSPECTION_JWT_H_INCLUDED_


#include "agent_claims.h"
#include "agent_jwk.h"
#include "agent_jws.h"


#define AGENT_INTROSPECTION_JWT_TYPE  "application/token-introspection+jwt"


/* what an answer must be; times are milliseconds since the epoch */

typedef struct {
    agent_str_t    issuer;
    agent_str_t    audience;        /* who asked: our client id */
    uint32_t       algs;            /* mask of agent_alg_e */
    int64_t        leeway;          /* milliseconds, 0 or more */
    int64_t        asked;
    int64_t        now;
} agent_introspection_expected_t;


/* 1 where a Content-Type is that of such an answer, with parameters or not */

int agent_introspection_jwt_type(const agent_str_t *type);


/*
 * Reads the body of such an answer.  buf is of size octets, of which
 * agent_jws_room(body->len) are for the answer taken apart, and the rest is for
 * what claims point at.
 *
 * AGENT_OK: the answer is authentic and says that the token is active, claims
 * are set.  AGENT_TOKEN_INACTIVE: likewise, it is not.
 * AGENT_SIGNING_KEY_UNKNOWN: no key of the set is the one; ask again with a
 * newer set.  AGENT_PROVIDER_BAD_ANSWER: anything else that RFC 9701, 5 does
 * not allow, also one of another issuer, for another client, or older than the
 * question.  AGENT_INTERNAL_ERROR: no memory.  err says more, and quotes
 * nothing.
 *
 * "token_introspection" alone decides on the token: "sub", "exp" and whatever
 * else stands beside it is not looked at.
 */

agent_reason_e agent_introspection_jwt(const agent_str_t *body,
    const agent_introspection_expected_t *expected, const agent_jwks_t *set,
    uint8_t *buf, size_t size, agent_claims_t *claims, char *err);


#endif /* _AGENT_INTROSPECTION_JWT_H_INCLUDED_ */
