
/*
 * Which of some media types a client would rather have: the field Accept.
 */

#ifndef _AGENT_ACCEPT_H_INCLUDED_
#define _AGENT_ACCEPT_H_INCLUDED_


#include "agent_str.h"


#define AGENT_ACCEPT_OFFERS  8


typedef struct {
    agent_str_t  type;          /* "text" */
    agent_str_t  subtype;       /* "html" */
} agent_media_t;


/*
 * The number of the offer (of n, at most AGENT_ACCEPT_OFFERS) that the value
 * gives the greatest weight, the first of several with the same one (RFC 9110,
 * 12.5.1).  Where it accepts none of them, or is no such field, 0.  Parameters
 * other than the weight are not looked at.
 */

unsigned agent_accept(const agent_str_t *value, const agent_media_t *offer,
    unsigned n);


#endif /* _AGENT_ACCEPT_H_INCLUDED_ */
