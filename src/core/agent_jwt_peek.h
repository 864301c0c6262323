
/*
 * Whose a token says it is, before anything of it is proved: good for nothing
 * but to choose whom to ask.
 */

#ifndef _AGENT_JWT_PEEK_H_INCLUDED_
#define _AGENT_JWT_PEEK_H_INCLUDED_


#include "agent_reason.h"
#include "agent_str.h"


/* octets of the buffer for a token of len characters */

#define agent_jwt_peek_room(len)  (len)


/*
 * The "iss" of a token that agent_jws_likely() takes for one of JOSE, in buf
 * (agent_jwt_peek_room(token->len) octets).
 *
 * AGENT_OK; AGENT_TOKEN_MALFORMED where it is no JWS in the compact form
 * (RFC 7515, 7.1) with a header and claims that are JSON objects (RFC 7519,
 * 7.2); AGENT_ALGORITHM_REFUSED where it has no "alg" that is a string;
 * AGENT_ISSUER_MISMATCH where it has no "iss" that is one.  Which algorithm it
 * is and whether the signature is one is not looked at.
 */

agent_reason_e agent_jwt_peek(const agent_str_t *token, uint8_t *buf,
    agent_str_t *issuer);


#endif /* _AGENT_JWT_PEEK_H_INCLUDED_ */
