
/*
 * Structured fields of HTTP (RFC 9651), as far as they are read here.
 */

#ifndef _AGENT_SF_H_INCLUDED_
#define _AGENT_SF_H_INCLUDED_


#include "agent_str.h"


/*
 * A field that is an item, which is a date (RFC 9651, 3.3.7): "@1767225600",
 * spaces around it allowed, parameters not.  Sets *t, seconds since the Unix
 * epoch, and returns 0; or -1 where it is none or has more than 15 digits.
 */

int agent_sf_date(const agent_str_t *text, int64_t *t);


#endif /* _AGENT_SF_H_INCLUDED_ */
