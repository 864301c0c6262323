
/*
 * Addresses that are compared: RFC 3986, 6.2.2 and 6.2.3.
 */

#ifndef _AGENT_URI_H_INCLUDED_
#define _AGENT_URI_H_INCLUDED_


#include "agent_str.h"


/*
 * Writes an http or https address in its normal form, without query and
 * fragment, to dst (uri->len + 1 octets) and its length to *n: scheme and host
 * in small letters, no default port, no escape that need not be, dot segments
 * resolved, "/" for an empty path.
 *
 * Returns 0, or -1 where it is none, has user information (RFC 9110, 4.2.4),
 * white space, control characters, octets beyond ASCII, or "%" without two hex
 * digits.
 */

int agent_uri_normal(uint8_t *dst, size_t *n, const agent_str_t *uri);


#endif /* _AGENT_URI_H_INCLUDED_ */
