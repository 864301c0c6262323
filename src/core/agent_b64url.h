
/*
 * Base64url as JOSE has it (RFC 7515, 2): RFC 4648, 5 without padding, and one
 * spelling only for any octets.
 */

#ifndef _AGENT_B64URL_H_INCLUDED_
#define _AGENT_B64URL_H_INCLUDED_


#include "agent_str.h"


/* characters of len octets; octets that len characters become, at most */

#define agent_b64url_room(len)     (((len) * 4 + 2) / 3)
#define agent_b64url_octets(len)   ((len) / 4 * 3 + (len) % 4 * 3 / 4)


/*
 * Decodes len characters at src to dst, which has room for
 * agent_b64url_octets(len) octets and does not overlap them; *n is how many
 * were written.
 *
 * Returns 0, or -1, with *n set to 0, where a character is none of the
 * alphabet (padding, white space, '+' and '/' among them), one character is
 * left over, or bits that stand for nothing are not zero: two spellings of one
 * signature would be two tokens to whoever goes by their digest.
 */

int agent_b64url_decode(uint8_t *dst, size_t *n, const uint8_t *src,
    size_t len);


/* to dst (agent_b64url_room(len) octets, no NUL); returns its end */

uint8_t *agent_b64url_encode(uint8_t *dst, const uint8_t *data, size_t len);


#endif /* _AGENT_B64URL_H_INCLUDED_ */
