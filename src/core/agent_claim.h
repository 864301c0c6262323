
/*
 * One claim of a token, by its name or by the names that lead to it, as text.
 */

#ifndef _AGENT_CLAIM_H_INCLUDED_
#define _AGENT_CLAIM_H_INCLUDED_


#include "agent_str.h"

#include <jansson.h>


/*
 * The claims, to be released with json_decref(); json was read once before.  An
 * integer that 64 bits may not hold, with which they are no JSON for jansson,
 * is a string of its digits, so that its text is what it was.  NULL: no memory,
 * or no JSON.
 */

json_t *agent_claim_tree(const agent_str_t *json);


/*
 * The claim that the n names of path lead to, from the top down, each in the
 * object of the one before; compared octet by octet.  It belongs to claims.
 * NULL: there is none.
 */

const json_t *agent_claim_find(const json_t *claims, const agent_str_t *path,
    size_t n);


/*
 * What a claim is as text: a string as it is; a number or a boolean as in
 * JSON; an array or an object as JSON without spaces.  null is no text, nor is
 * what has a control character, which could end a field or a line.
 *
 * Returns 1 with *text set, in memory of the claim, which is to outlive it.  0:
 * there is no text.  -1: text->len octets of memory are needed, for
 * agent_claim_dump().
 */

int agent_claim_text(const json_t *claim, agent_str_t *text);


/*
 * For what needs memory: dst has the text->len octets of agent_claim_text().
 * 1 with *text set to them; 0: there is no text.
 */

int agent_claim_dump(const json_t *claim, uint8_t *dst, agent_str_t *text);


/*
 * Whether details, a claim "authorization_details", allows something, and
 * nothing of a type that is none of the n types: 1 for an array, not empty, of
 * objects whose "type" is one of them, compared octet by octet; else 0.
 * Source: RFC 9396, 2 and 2.1.
 */

int agent_claim_details(const json_t *details, const agent_str_t *types,
    size_t n);


#endif /* _AGENT_CLAIM_H_INCLUDED_ */
