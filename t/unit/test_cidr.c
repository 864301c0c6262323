
/*
 * Networks.  Without this a key could be let in from a network that its record
 * does not name: a wrong mask at some prefix length, an IPv4 address that
 * comes in IPv6's clothes, a text that is read only up to its NUL (K-06).
 */

#include "tap.h"

#include "agent_cidr.h"

#include <arpa/inet.h>


typedef struct {
    const char  *cidr;
    const char  *address;
    int          match;
} sample_t;


static void test_good(void);
static void test_bad(void);
static void test_octets(void);
static void test_every_prefix(int family, size_t len);
static void test_mapped(void);
static void test_mapped_prefixes(void);
static void test_lengths(void);
static int parse(const char *text, size_t len, agent_cidr_t *cidr);
static int match(const agent_cidr_t *cidr, const uint8_t *addr, size_t len);
static int match_bitwise(const uint8_t *one, const uint8_t *two, size_t bits);
static size_t address(const char *text, uint8_t *addr);
static void mask(uint8_t *addr, size_t len, size_t bits);


static const sample_t  samples[] = {
    { "10.0.0.0/8", "10.255.255.255", 1 },
    { "10.0.0.0/8", "11.0.0.0", 0 },
    { "10.0.0.0/8", "9.255.255.255", 0 },
    { "192.0.2.1", "192.0.2.1", 1 },
    { "192.0.2.1", "192.0.2.0", 0 },
    { "192.0.2.1/32", "192.0.2.1", 1 },
    { "0.0.0.0/0", "255.255.255.255", 1 },
    { "255.255.255.255/32", "255.255.255.255", 1 },
    { "2001:db8::/32", "2001:db8:ffff::1", 1 },
    { "2001:DB8::/32", "2001:db8::", 1 },
    { "2001:db8::/32", "2001:db9::", 0 },
    { "::1", "::1", 1 },
    { "::1/128", "::2", 0 },
    { "::/0", "2001:db8::1", 1 },
    { "64:ff9b::192.0.2.0/120", "64:ff9b::c000:2ff", 1 },

    /* the families are apart */

    { "0.0.0.0/0", "::1", 0 },
    { "0.0.0.0/0", "2001:db8::1", 0 },
    { "::/0", "192.0.2.1", 0 },
    { "::/0", "::ffff:192.0.2.1", 0 },
    { "0.0.0.0/8", "::", 0 },
    { "::/96", "0.0.0.0", 0 },

    /* RFC 4291, 2.5.5.2 */

    { "10.0.0.0/8", "::ffff:10.1.2.3", 1 },
    { "10.0.0.0/8", "::ffff:a01:203", 1 },
    { "10.0.0.0/8", "::ffff:11.1.2.3", 0 },
    { "10.0.0.0/8", "::fffe:10.1.2.3", 0 },
    { "10.0.0.0/8", "::10.1.2.3", 0 },
    { "::ffff:10.0.0.0/104", "10.1.2.3", 1 },
    { "::ffff:10.0.0.0/104", "::ffff:10.1.2.3", 1 },
    { "::ffff:10.0.0.0/104", "11.1.2.3", 0 },
    { "::ffff:0:0/96", "192.0.2.1", 1 },
    { "::ffff:192.0.2.1", "192.0.2.1", 1 },
    { "::ffff:192.0.2.1", "192.0.2.2", 0 }
};


static const char  *bad[] = {
    "",
    "/",
    "/8",
    "10.0.0.0/",
    "10.0.0.0/33",
    "10.0.0.0/128",
    "10.0.0.0/256",
    "10.0.0.0/264",
    "10.0.0.0/999",
    "10.0.0.0/0008",
    "10.0.0.0/08",
    "10.0.0.0/00",
    "10.0.0.0/+8",
    "10.0.0.0/-8",
    "10.0.0.0/ 8",
    "10.0.0.0/8 ",
    "10.0.0.0 /8",
    " 10.0.0.0/8",
    "10.0.0.0/8/8",
    "10.0.0.0//8",
    "10.0.0.0/8x",
    "10.0.0.0/0x8",
    "10.0.0.0/255.0.0.0",
    "10.0.0.0/4294967304",
    "0.0.0.0/",
    "0.0.0.0/00",
    "0.0.0.0/000",
    "0.0.0.0/0000",
    "0.0.0.0/x",
    "0.0.0.0/0x",
    "::/",
    "::/00",
    "::/-0",
    "::/x",
    "10/8",
    "10.0/8",
    "10.0.0/8",
    "10.0.0.0.0/8",
    "10.0.0.256",
    "10.0.0.-1",
    "010.0.0.0/8",
    "10.0.0.00",
    "0x0a.0.0.0",
    "167772160",
    "10.0.0.0-10.0.0.9",
    "10.0.0.*",
    "localhost",
    "any",
    "*",
    "unix:",

    /* host bits */

    "10.0.0.1/8",
    "10.0.0.1/31",
    "192.0.2.128/24",
    "128.0.0.0/0",
    "0.0.0.1/0",
    "2001:db8::1/32",
    "2001:db8:8000::/32",
    "::1/0",
    "::1/127",
    "8000::/0",
    "::ffff:10.0.0.1/104",
    "::ffff:0:0/95",

    "::/129",
    "::/200",
    ":",
    ":::",
    "::1::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "12345::",
    "g::",
    "[::1]",
    "[2001:db8::]/32",
    "::1.2.3",
    "::1.2.3.4.5",
    "::1.2.3.256",

    /* zone ids, RFC 4007, 11: they mean something on one machine only */

    "fe80::1%eth0",
    "fe80::%1/64",
    "fe80::/64%eth0",
    "fe80::1%",

    /* longer than any address */

    "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555555555555555555555555",
    "00000000000000000000000000000000000000000000000000000000000001.0.0.0"
};


int
main(void)
{
    test_good();
    test_bad();
    test_octets();
    test_every_prefix(AF_INET, 4);
    test_every_prefix(AF_INET6, 16);
    test_mapped();
    test_mapped_prefixes();
    test_lengths();

    return tap_done();
}


static void
test_good(void)
{
    size_t           i, len;
    uint8_t          addr[16];
    agent_cidr_t     cidr;
    const sample_t  *s;

    for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        s = &samples[i];
        len = address(s->address, addr);

        ok(parse(s->cidr, strlen(s->cidr), &cidr) == 0
           && match(&cidr, addr, len) == s->match,
           "%s %s %s", s->address, s->match ? "in" : "not in", s->cidr);
    }
}


static void
test_bad(void)
{
    char          text[100];
    size_t        i, accepted;
    agent_cidr_t  cidr;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(parse(bad[i], strlen(bad[i]), &cidr) == -1,
           "\"%s\" is no network", bad[i]);
    }

    ok(parse("10.0.0.0\0/8", 11, &cidr) == -1, "NUL before the slash");
    ok(parse("10.0.0.0/8\0", 11, &cidr) == -1, "NUL at the end");
    ok(parse("10.0.0.0/\0008", 11, &cidr) == -1, "NUL after the slash");
    ok(parse("10.0.0.0\0.evil", 14, &cidr) == -1, "NUL, no slash");
    ok(parse("\0", 1, &cidr) == -1, "NUL alone");

    for (i = 0, accepted = 0; i < sizeof(text); i++) {
        memset(text, '1', sizeof(text));
        accepted += parse(text, i, &cidr) == 0;

        memset(text, ':', sizeof(text));
        accepted += parse(text, i, &cidr) == 0 && i != 2;
    }

    ok(accepted == 0, "no address of any length that has no form");
}


/* an octet more anywhere makes another network or none, never the same one */

static void
test_octets(void)
{
    char          text[16];
    size_t        pos, same, wrong;
    unsigned      c;
    agent_cidr_t  good, cidr;

    (void) parse("10.0.0.0/9", 10, &good);

    for (pos = 0, same = 0, wrong = 0; pos <= 10; pos++) {

        for (c = 0; c < 256; c++) {
            memcpy(text, "10.0.0.0/9", pos);
            text[pos] = (char) c;
            memcpy(text + pos + 1, &"10.0.0.0/9"[pos], 10 - pos);

            if (parse(text, 11, &cidr) == 0) {
                same += memcmp(&cidr, &good, sizeof(cidr)) == 0;
                wrong += c < '0' || c > '9';
            }
        }
    }

    ok(same == 0, "an octet more is not passed over");
    ok(wrong == 0, "and is no network but for a digit");
}


static void
test_every_prefix(int family, size_t len)
{
    char          text[INET6_ADDRSTRLEN + 8];
    size_t        bits, round, flip, parsed, wrong, host;
    uint8_t       net[16], addr[16];
    uint32_t      seed;
    agent_cidr_t  cidr;

    seed = 1;

    for (bits = 0, parsed = 0, wrong = 0, host = 0; bits <= len * 8; bits++) {

        for (round = 0; round < 8; round++) {

            for (flip = 0; flip < len; flip++) {
                seed = seed * 1103515245 + 12345;
                net[flip] = (uint8_t) (seed >> 16);
            }

            mask(net, len, bits);

            (void) inet_ntop(family, net, text, sizeof(text));
            (void) snprintf(text + strlen(text), 8, "/%u", (unsigned) bits);

            if (parse(text, strlen(text), &cidr) != 0
                || cidr.len != len || cidr.bits != bits
                || memcmp(cidr.addr, net, len) != 0)
            {
                parsed++;
                continue;
            }

            wrong += !match(&cidr, net, len);

            /* the network's address with each bit in turn the other way */

            for (flip = 0; flip < len * 8; flip++) {
                memcpy(addr, net, len);
                addr[flip / 8] ^= 0x80 >> flip % 8;

                wrong += match(&cidr, addr, len) != (flip >= bits)
                         || match(&cidr, addr, len)
                            != match_bitwise(addr, net, bits);

                (void) inet_ntop(family, addr, text, sizeof(text));
                (void) snprintf(text + strlen(text), 8, "/%u",
                                (unsigned) bits);

                host += (parse(text, strlen(text), &cidr) == 0)
                        != (flip < bits);

                memcpy(cidr.addr, net, len);
                cidr.bits = (uint8_t) bits;
                cidr.len = (uint8_t) len;
            }
        }
    }

    ok(parsed == 0, "networks of every prefix length, %u octets",
       (unsigned) len);
    ok(wrong == 0, "match as their bits say");
    ok(host == 0, "and are refused with any host bit set");
}


static void
test_mapped(void)
{
    size_t        i, wrong;
    uint8_t       addr[16];
    agent_cidr_t  cidr;

    (void) parse("0.0.0.0/0", 9, &cidr);

    for (i = 0, wrong = 0; i < 96; i++) {
        (void) address("::ffff:192.0.2.1", addr);
        addr[i / 8] ^= 0x80 >> i % 8;

        wrong += match(&cidr, addr, 16);
    }

    ok(wrong == 0, "all 96 bits before a mapped address count");
}


/* a mapped network and its IPv4 form are one */

static void
test_mapped_prefixes(void)
{
    char          text[INET6_ADDRSTRLEN + 16];
    size_t        bits, differ;
    uint8_t       net[4];
    agent_cidr_t  plain, mapped;

    for (bits = 0, differ = 0; bits <= 32; bits++) {
        memset(net, 0xff, sizeof(net));
        mask(net, 4, bits);

        (void) snprintf(text, sizeof(text), "%u.%u.%u.%u/%u", net[0], net[1],
                        net[2], net[3], (unsigned) bits);
        differ += parse(text, strlen(text), &plain) != 0;

        (void) snprintf(text, sizeof(text), "::ffff:%u.%u.%u.%u/%u", net[0],
                        net[1], net[2], net[3], (unsigned) bits + 96);
        differ += parse(text, strlen(text), &mapped) != 0;

        differ += memcmp(&plain, &mapped, sizeof(plain)) != 0;
    }

    ok(differ == 0, "mapped networks of every prefix length");
}


/* a client on a unix socket has no address, and memory may be torn */

static void
test_lengths(void)
{
    size_t        len, bits, matched;
    uint8_t       addr[32];
    agent_cidr_t  cidr;

    memset(addr, 0, sizeof(addr));
    memset(&cidr, 0, sizeof(cidr));

    ok(match(&cidr, addr, 0) == 0, "no address is in no network");

    for (len = 0, matched = 0; len <= sizeof(addr); len++) {

        for (bits = 0; bits < 256; bits++) {
            cidr.len = (uint8_t) len;
            cidr.bits = (uint8_t) bits;

            if (match(&cidr, addr, len)
                && ((len != 4 && len != 16) || bits > len * 8))
            {
                matched++;
            }
        }
    }

    ok(matched == 0, "an address of another length is in no network");
}


/* copies that end where their memory ends, for the sanitizer */

static int
parse(const char *text, size_t len, agent_cidr_t *cidr)
{
    int          rc;
    uint8_t     *exact;
    agent_str_t  value;

    exact = malloc(len ? len : 1);
    memcpy(exact, text, len);

    value.data = len ? exact : NULL;
    value.len = len;

    rc = agent_cidr_parse(&value, cidr);
    free(exact);

    return rc;
}


static int
match(const agent_cidr_t *cidr, const uint8_t *addr, size_t len)
{
    int       rc;
    uint8_t  *exact;

    exact = malloc(len ? len : 1);
    memcpy(exact, addr, len);

    rc = agent_cidr_match(cidr, exact, len);
    free(exact);

    return rc;
}


static int
match_bitwise(const uint8_t *one, const uint8_t *two, size_t bits)
{
    size_t  i;

    for (i = 0; i < bits; i++) {
        if ((one[i / 8] ^ two[i / 8]) & (0x80 >> i % 8)) {
            return 0;
        }
    }

    return 1;
}


static size_t
address(const char *text, uint8_t *addr)
{
    if (inet_pton(AF_INET, text, addr) == 1) {
        return 4;
    }

    return inet_pton(AF_INET6, text, addr) == 1 ? 16 : 0;
}


static void
mask(uint8_t *addr, size_t len, size_t bits)
{
    size_t  i;

    for (i = bits; i < len * 8; i++) {
        addr[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
    }
}
