
/*
 * How private an address is: whoever names a server must not thereby reach
 * one that only hosts nearer to us may reach.
 */

#ifndef _AGENT_ADDRESS_H_INCLUDED_
#define _AGENT_ADDRESS_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>


/* in this order: each is more private than those before it */

typedef enum {
    AGENT_ADDRESS_PUBLIC = 0,
    AGENT_ADDRESS_PRIVATE,
    AGENT_ADDRESS_LOCAL         /* this host, its link, nobody's */
} agent_address_class_e;


/*
 * The class of an address in network order, of len octets: 4 or 16.  What is
 * of any other length, as a path of a unix socket, is local.
 *
 * Registries: RFC 6890 (special-purpose addresses), RFC 1918, RFC 6598, RFC
 * 4193, RFC 4291.  An IPv6 address that carries an IPv4 one is of the class of
 * that one: mapped and compatible (RFC 4291, 2.5.5), NAT64 (RFC 6052, 2.1),
 * 6to4 (RFC 3056, 2).
 */

agent_address_class_e agent_address_class(const uint8_t *addr, size_t len);


#endif /* _AGENT_ADDRESS_H_INCLUDED_ */
