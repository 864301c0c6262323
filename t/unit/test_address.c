
/*
 * Classes of addresses.  Without this a document that anybody could write
 * might send this host to itself or into the network behind it: by an address
 * in another's clothes, or by one that a list forgot (SSRF).
 */

#include "tap.h"

#include "agent_address.h"

#include <arpa/inet.h>


#define PUBLIC   AGENT_ADDRESS_PUBLIC
#define PRIVATE  AGENT_ADDRESS_PRIVATE
#define LOCAL    AGENT_ADDRESS_LOCAL


typedef struct {
    const char             *text;
    agent_address_class_e   class;
} sample_t;


static void test_embedded(const char *text, agent_address_class_e class);
static agent_address_class_e class_of(const char *text);


static const sample_t  samples[] = {
    { "1.1.1.1", PUBLIC },
    { "9.255.255.255", PUBLIC },
    { "11.0.0.0", PUBLIC },
    { "100.63.255.255", PUBLIC },
    { "100.128.0.0", PUBLIC },
    { "126.255.255.255", PUBLIC },
    { "128.0.0.0", PUBLIC },
    { "169.253.255.255", PUBLIC },
    { "169.255.0.0", PUBLIC },
    { "172.15.255.255", PUBLIC },
    { "172.32.0.0", PUBLIC },
    { "192.167.255.255", PUBLIC },
    { "192.169.0.0", PUBLIC },
    { "198.17.255.255", PUBLIC },
    { "198.20.0.0", PUBLIC },
    { "223.255.255.255", PUBLIC },

    { "10.0.0.0", PRIVATE },
    { "10.255.255.255", PRIVATE },
    { "100.64.0.0", PRIVATE },
    { "100.127.255.255", PRIVATE },
    { "172.16.0.0", PRIVATE },
    { "172.31.255.255", PRIVATE },
    { "192.0.0.1", PRIVATE },
    { "192.0.2.1", PRIVATE },
    { "192.168.0.0", PRIVATE },
    { "192.168.255.255", PRIVATE },
    { "198.18.0.0", PRIVATE },
    { "198.19.255.255", PRIVATE },
    { "198.51.100.1", PRIVATE },
    { "203.0.113.1", PRIVATE },

    { "0.0.0.0", LOCAL },
    { "0.255.255.255", LOCAL },
    { "127.0.0.1", LOCAL },
    { "127.255.255.255", LOCAL },
    { "169.254.0.0", LOCAL },
    { "169.254.169.254", LOCAL },
    { "169.254.255.255", LOCAL },
    { "224.0.0.1", LOCAL },
    { "239.255.255.255", LOCAL },
    { "240.0.0.0", LOCAL },
    { "255.255.255.255", LOCAL },

    { "2001:200::1", PUBLIC },
    { "2606:4700::1111", PUBLIC },
    { "2a00:1450::1", PUBLIC },
    { "2001:db7:ffff::1", PUBLIC },
    { "2001:db9::1", PUBLIC },
    { "3ffe::1", PUBLIC },
    { "3fff:1000::1", PUBLIC },

    { "2001::1", PRIVATE },
    { "2001:db8::1", PRIVATE },
    { "3fff::1", PRIVATE },
    { "3fff:fff::1", PRIVATE },
    { "fc00::1", PRIVATE },
    { "fd00:ec2::254", PRIVATE },
    { "fdff:ffff::1", PRIVATE },
    { "fec0::1", PRIVATE },
    { "64:ff9b:1::a00:1", PRIVATE },
    { "100::1", PRIVATE },
    { "1fff::1", PRIVATE },
    { "4000::1", PRIVATE },
    { "fe00::1", PRIVATE },

    { "::", LOCAL },
    { "::1", LOCAL },
    { "fe80::1", LOCAL },
    { "febf:ffff::1", LOCAL },
    { "ff02::1", LOCAL },
    { "ff0e::1", LOCAL }
};


int
main(void)
{
    size_t   i, wrong;
    uint8_t  addr[32];

    for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        ok(class_of(samples[i].text) == samples[i].class, "%s",
           samples[i].text);

        if (strchr(samples[i].text, '.')) {
            test_embedded(samples[i].text, samples[i].class);
        }
    }

    memset(addr, 1, sizeof(addr));

    for (i = 0, wrong = 0; i <= sizeof(addr); i++) {
        wrong += i != 4 && i != 16
                 && agent_address_class(addr, i) != AGENT_ADDRESS_LOCAL;
    }

    ok(wrong == 0, "what is no address is as private as can be");
    ok(PUBLIC < PRIVATE && PRIVATE < LOCAL, "the classes have an order");

    return tap_done();
}


static void
test_embedded(const char *text, agent_address_class_e class)
{
    char      v6[64];
    uint8_t   v4[4];
    unsigned  high, low;

    (void) inet_pton(AF_INET, text, v4);

    (void) snprintf(v6, sizeof(v6), "::ffff:%s", text);
    ok(class_of(v6) == class, "%s", v6);

    (void) snprintf(v6, sizeof(v6), "::%s", text);
    ok(class_of(v6) == class, "%s", v6);

    (void) snprintf(v6, sizeof(v6), "64:ff9b::%s", text);
    ok(class_of(v6) == class, "%s", v6);

    high = (unsigned) v4[0] << 8 | v4[1];
    low = (unsigned) v4[2] << 8 | v4[3];

    (void) snprintf(v6, sizeof(v6), "2002:%x:%x:5::1", high, low);
    ok(class_of(v6) == class, "%s", v6);
}


/* in memory of its own, for the sanitizer */

static agent_address_class_e
class_of(const char *text)
{
    size_t                  len;
    uint8_t                *addr;
    agent_address_class_e   class;

    len = strchr(text, ':') ? 16 : 4;
    addr = malloc(len);

    if (inet_pton(len == 4 ? AF_INET : AF_INET6, text, addr) != 1) {
        fprintf(stderr, "# %s is no address\n", text);
        exit(1);
    }

    class = agent_address_class(addr, len);
    free(addr);

    return class;
}
