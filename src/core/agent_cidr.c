
#include "agent_cidr.h"

#include <arpa/inet.h>


static int agent_cidr_bits(const uint8_t *p, const uint8_t *last);
static void agent_cidr_unmap(agent_cidr_t *cidr);


static const uint8_t  agent_cidr_mapped[12] =
    { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };


int
agent_cidr_parse(const agent_str_t *text, agent_cidr_t *cidr)
{
    int             bits, full;
    char            addr[INET6_ADDRSTRLEN];
    size_t          i, len;
    const uint8_t  *slash;

    slash = text->len ? memchr(text->data, '/', text->len) : NULL;
    len = slash ? (size_t) (slash - text->data) : text->len;

    if (len == 0 || len >= sizeof(addr)) {
        return -1;
    }

    memcpy(addr, text->data, len);
    addr[len] = '\0';

    memset(cidr, 0, sizeof(*cidr));

    /* a NUL within the text would hide what follows it */

    if (strlen(addr) != len) {
        return -1;
    }

    if (inet_pton(AF_INET, addr, cidr->addr) == 1) {
        cidr->len = 4;

    } else if (inet_pton(AF_INET6, addr, cidr->addr) == 1) {
        cidr->len = 16;

    } else {
        return -1;
    }

    full = cidr->len * 8;
    bits = slash ? agent_cidr_bits(slash + 1, text->data + text->len) : full;

    if (bits < 0 || bits > full) {
        return -1;
    }

    cidr->bits = (uint8_t) bits;

    for (i = (size_t) bits; i < (size_t) full; i++) {
        if (cidr->addr[i / 8] & (0x80 >> (i % 8))) {
            return -1;
        }
    }

    agent_cidr_unmap(cidr);

    return 0;
}


static int
agent_cidr_bits(const uint8_t *p, const uint8_t *last)
{
    int  bits;

    if (p == last || last - p > 3 || (*p == '0' && last - p > 1)) {
        return -1;
    }

    for (bits = 0; p < last; p++) {
        if (*p < '0' || *p > '9') {
            return -1;
        }

        bits = bits * 10 + (*p - '0');
    }

    return bits;
}


static void
agent_cidr_unmap(agent_cidr_t *cidr)
{
    if (cidr->len == 16 && cidr->bits >= 96
        && memcmp(cidr->addr, agent_cidr_mapped, 12) == 0)
    {
        memcpy(cidr->addr, cidr->addr + 12, 4);
        memset(cidr->addr + 4, 0, 12);
        cidr->bits = (uint8_t) (cidr->bits - 96);
        cidr->len = 4;
    }
}


int
agent_cidr_match(const agent_cidr_t *cidr, const uint8_t *addr, size_t len)
{
    size_t   octets, bits;
    uint8_t  mask;

    if (len == 16 && memcmp(addr, agent_cidr_mapped, 12) == 0) {
        addr += 12;
        len = 4;
    }

    /* the network may come from memory that was torn */

    if ((len != 4 && len != 16) || cidr->len != len || cidr->bits > len * 8) {
        return 0;
    }

    octets = cidr->bits / 8;
    bits = cidr->bits % 8;

    if (memcmp(cidr->addr, addr, octets) != 0) {
        return 0;
    }

    if (bits == 0) {
        return 1;
    }

    mask = (uint8_t) (0xff << (8 - bits));

    return (cidr->addr[octets] & mask) == (addr[octets] & mask);
}
