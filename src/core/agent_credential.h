
/*
 * What the Authorization field carries: RFC 9110, 11.6.2; RFC 6750, 2.1;
 * RFC 9449, 7.1.
 */

#ifndef _AGENT_CREDENTIAL_H_INCLUDED_
#define _AGENT_CREDENTIAL_H_INCLUDED_


#include "agent_str.h"


typedef enum {
    AGENT_SCHEME_OTHER = 0,
    AGENT_SCHEME_BEARER,
    AGENT_SCHEME_DPOP
} agent_scheme_e;


/*
 * Splits the value of an Authorization field.  The scheme is compared without
 * case; credential, which points into value, is what follows the spaces after
 * it, and may be empty.  For other schemes credential is empty.
 */

agent_scheme_e agent_credential_scheme(const agent_str_t *value,
    agent_str_t *credential);


/* 1 where value is a b64token: RFC 6750, 2.1 */

int agent_b64token_valid(const agent_str_t *value);


/* 1 where value is 1 or more octets of 0x21-0x7e */

int agent_visible_valid(const agent_str_t *value);


#endif /* _AGENT_CREDENTIAL_H_INCLUDED_ */
