
/*
 * Scopes: RFC 6749, 3.3.
 *
 *     scope       = scope-token *( SP scope-token )
 *     scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
 */

#ifndef _AGENT_SCOPE_H_INCLUDED_
#define _AGENT_SCOPE_H_INCLUDED_


#include "agent_str.h"


/* 1 where token is a scope-token */

int agent_scope_token_valid(const agent_str_t *token);


/*
 * Takes the next scope-token off the front of *rest.  Returns 1 and sets
 * *token, which points into *rest, or 0 where none is left.  Any number of
 * spaces separates; the octets of the token are not checked.
 */

int agent_scope_next(agent_str_t *rest, agent_str_t *token);


/* 1 where token is one of the space-separated tokens of set */

int agent_scope_contains(const agent_str_t *set, const agent_str_t *token);


#endif /* _AGENT_SCOPE_H_INCLUDED_ */
