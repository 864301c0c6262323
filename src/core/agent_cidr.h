
/*
 * Networks in CIDR notation (RFC 4632, RFC 4291) and addresses in them.
 */

#ifndef _AGENT_CIDR_H_INCLUDED_
#define _AGENT_CIDR_H_INCLUDED_


#include "agent_str.h"


/* no padding: stored in shared memory as it is */

typedef struct {
    uint8_t  len;               /* octets of the address: 4 or 16 */
    uint8_t  bits;              /* of the prefix */
    uint8_t  addr[16];
} agent_cidr_t;


/*
 * "10.0.0.0/8", "2001:db8::/32"; without a slash the single address.
 *
 * Returns 0, or -1 where it is no network or has host bits set: who writes
 * 10.0.0.1/8 means something else than 10.0.0.0/8.
 */

int agent_cidr_parse(const agent_str_t *text, agent_cidr_t *cidr);


/*
 * 1 where the address (len octets, 4 or 16) is in the network.  An IPv4
 * address mapped into IPv6 (RFC 4291, 2.5.5.2) is taken as IPv4.  What has no
 * such address, as the client of a unix socket, is in none.
 */

int agent_cidr_match(const agent_cidr_t *cidr, const uint8_t *addr,
    size_t len);


#endif /* _AGENT_CIDR_H_INCLUDED_ */
