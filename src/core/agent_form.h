
/*
 * application/x-www-form-urlencoded and base64, as OAuth requests need them.
 */

#ifndef _AGENT_FORM_H_INCLUDED_
#define _AGENT_FORM_H_INCLUDED_


#include "agent_str.h"


/* room for the encoded form of len octets */

#define agent_form_room(len)    ((len) * 3)
#define agent_base64_room(len)  (((len) + 2) / 3 * 4)


/*
 * Percent-encodes text to dst (agent_form_room(text->len) octets) and returns
 * the end.  Only unreserved characters (RFC 3986, 2.3) stay as they are, so
 * that no octet of a token can end a parameter: RFC 6749, appendix B.
 */

uint8_t *agent_form_encode(uint8_t *dst, const agent_str_t *text);


/*
 * Base64 with padding (RFC 4648, 4) to dst (agent_base64_room(len) octets);
 * returns the end.
 */

uint8_t *agent_base64_encode(uint8_t *dst, const uint8_t *data, size_t len);


/*
 * Decodes len characters at src, padding and all, to dst, which has room for
 * len / 4 * 3 octets and does not overlap them; *n is how many were written.
 *
 * Returns 0, or -1, with *n set to 0, where that is no base64 with padding, no
 * octets at all, or another spelling than agent_base64_encode() would choose.
 */

int agent_base64_decode(uint8_t *dst, size_t *n, const uint8_t *src,
    size_t len);


#endif /* _AGENT_FORM_H_INCLUDED_ */
