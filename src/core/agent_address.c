
#include "agent_address.h"

#include <string.h>


typedef struct {
    uint8_t                addr[16];
    unsigned               bits;
    agent_address_class_e  class;
} agent_address_net_t;


static agent_address_class_e agent_address_v4(const uint8_t *addr);
static agent_address_class_e agent_address_v6(const uint8_t *addr);
static const agent_address_net_t *agent_address_find(
    const agent_address_net_t *net, size_t n, const uint8_t *addr);
static int agent_address_in(const agent_address_net_t *net,
    const uint8_t *addr);


#define agent_address_n(nets)  (sizeof(nets) / sizeof((nets)[0]))


static const agent_address_net_t  agent_address_v4_nets[] = {
    { { 0 }, 8, AGENT_ADDRESS_LOCAL },
    { { 10 }, 8, AGENT_ADDRESS_PRIVATE },
    { { 100, 64 }, 10, AGENT_ADDRESS_PRIVATE },
    { { 127 }, 8, AGENT_ADDRESS_LOCAL },
    { { 169, 254 }, 16, AGENT_ADDRESS_LOCAL },
    { { 172, 16 }, 12, AGENT_ADDRESS_PRIVATE },
    { { 192, 0, 0 }, 24, AGENT_ADDRESS_PRIVATE },
    { { 192, 0, 2 }, 24, AGENT_ADDRESS_PRIVATE },
    { { 192, 168 }, 16, AGENT_ADDRESS_PRIVATE },
    { { 198, 18 }, 15, AGENT_ADDRESS_PRIVATE },
    { { 198, 51, 100 }, 24, AGENT_ADDRESS_PRIVATE },
    { { 203, 0, 113 }, 24, AGENT_ADDRESS_PRIVATE },

    /* multicast, reserved and broadcast */

    { { 224 }, 3, AGENT_ADDRESS_LOCAL }
};


static const agent_address_net_t  agent_address_v6_nets[] = {
    { { 0xfe, 0x80 }, 10, AGENT_ADDRESS_LOCAL },
    { { 0xff }, 8, AGENT_ADDRESS_LOCAL },

    /* Teredo carries its IPv4 address in disguise: RFC 4380, 4 */

    { { 0x20, 0x01, 0, 0 }, 32, AGENT_ADDRESS_PRIVATE },
    { { 0x20, 0x01, 0x0d, 0xb8 }, 32, AGENT_ADDRESS_PRIVATE },
    { { 0x3f, 0xff }, 20, AGENT_ADDRESS_PRIVATE },

    /* global unicast as far as it is given out, RFC 4291, 2.4 */

    { { 0x20 }, 3, AGENT_ADDRESS_PUBLIC }
};


/* networks of addresses that carry one of IPv4, which follows the prefix */

static const agent_address_net_t  agent_address_carriers[] = {
    { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff }, 96, 0 },
    { { 0, 0x64, 0xff, 0x9b }, 96, 0 },
    { { 0x20, 0x02 }, 16, 0 },

    /* with :: and ::1, which are 0.0.0.0 and 0.0.0.1 here */

    { { 0 }, 96, 0 }
};


agent_address_class_e
agent_address_class(const uint8_t *addr, size_t len)
{
    switch (len) {

    case 4:
        return agent_address_v4(addr);

    case 16:
        return agent_address_v6(addr);

    default:
        return AGENT_ADDRESS_LOCAL;
    }
}


static agent_address_class_e
agent_address_v4(const uint8_t *addr)
{
    const agent_address_net_t  *net;

    net = agent_address_find(agent_address_v4_nets,
                             agent_address_n(agent_address_v4_nets), addr);

    return net ? net->class : AGENT_ADDRESS_PUBLIC;
}


static agent_address_class_e
agent_address_v6(const uint8_t *addr)
{
    const agent_address_net_t  *net;

    net = agent_address_find(agent_address_carriers,
                             agent_address_n(agent_address_carriers), addr);

    if (net) {
        return agent_address_v4(addr + net->bits / 8);
    }

    net = agent_address_find(agent_address_v6_nets,
                             agent_address_n(agent_address_v6_nets), addr);

    /* fc00::/7, fec0::/10, local NAT64, and what nobody has been given */

    return net ? net->class : AGENT_ADDRESS_PRIVATE;
}


/* the first that holds the address, or NULL */

static const agent_address_net_t *
agent_address_find(const agent_address_net_t *net, size_t n,
    const uint8_t *addr)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (agent_address_in(&net[i], addr)) {
            return &net[i];
        }
    }

    return NULL;
}


static int
agent_address_in(const agent_address_net_t *net, const uint8_t *addr)
{
    size_t   octets;
    uint8_t  mask;

    octets = net->bits / 8;
    mask = (uint8_t) (0xff00 >> net->bits % 8);

    return memcmp(net->addr, addr, octets) == 0
           && (net->bits % 8 == 0
               || ((net->addr[octets] ^ addr[octets]) & mask) == 0);
}
