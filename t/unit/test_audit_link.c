
/*
 * What a chain adds to audit lines: U-08, U-09.  Without this another verifier
 * could not tell what is right, something else be taken for a place in a
 * chain, or two lines have one number under one key, from which whoever reads
 * the log computes how to change its lines.
 */

#include "tap.h"

#include "chain.h"
#include "gcm.h"


#define VECTOR_1  "z59h3zSryUDkxxYRENVaAw"
#define VECTOR_2  "s4Hl_9DspS5G_jvau_rOUg"

#define PLAIN  "{\"time\":1,\"unmapped\":{\"a\":{\"b\":1}}}\n"

#define CHAINS  3
#define EPOCHS  4
#define LINES   (CHAINS * EPOCHS * 10)


/* what a MAC was made with */

typedef struct {
    uint8_t   key[AGENT_SHA256_LEN];
    uint64_t  seq;
} used_t;


static void test_vector(void);
static void test_parse(void);
static void test_nonces(void);
static void use_chain(uint32_t index, used_t *used);
static int use_line(agent_audit_chain_t *chain, unsigned prev, used_t *used);
static void test_refused(void);


int
main(void)
{
    make_secret();

    test_vector();
    test_parse();
    test_nonces();
    test_refused();

    return tap_done();
}


/*
 * By the definition in agent_audit_chain.h, computed with Python's hmac and
 * cryptography, so that whoever writes another verifier has something to go by.
 */

static void
test_vector(void)
{
    size_t               len;
    uint8_t              buf[AGENT_AUDIT_LINE_MAX];
    agent_audit_chain_t  chain;

    static const char  first[] =
        "{\"time\":1,\"unmapped\":{\"a\":{\"b\":1},\"integrity\":{"
        "\"chain_uid\":\"MDEyMzQ1Njc4OWFiY2RlZg.1\",\"kid\":\"k1\","
        "\"epoch\":0,\"seq\":1,\"gmac\":\""
        VECTOR_1 "\"}}}\n";
    static const char  second[] =
        "{\"time\":1,\"unmapped\":{\"a\":{\"b\":1},\"integrity\":{"
        "\"chain_uid\":\"MDEyMzQ1Njc4OWFiY2RlZg.1\",\"kid\":\"k1\","
        "\"epoch\":1,\"seq\":2,\"prev\":\""
        VECTOR_1 "\",\"gmac\":\""
        VECTOR_2 "\"}}}\n";

    begin(&chain, 1);

    memcpy(buf, PLAIN, sizeof(PLAIN) - 1);
    len = agent_audit_chain_add(&chain, buf, sizeof(PLAIN) - 1, 0);
    ok(len == sizeof(first) - 1 && memcmp(buf, first, len) == 0,
       "the first line");

    (void) agent_audit_chain_epoch(&chain);

    memcpy(buf, PLAIN, sizeof(PLAIN) - 1);
    len = agent_audit_chain_add(&chain, buf, sizeof(PLAIN) - 1, 1);
    ok(len == sizeof(second) - 1 && memcmp(buf, second, len) == 0,
       "the second, with the next key and the MAC before");

    ok(agent_audit_chain_add(&chain, buf, len - 1, 0) == 0
       && agent_audit_chain_add(&chain, buf, 2, 0) == 0,
       "a line that ends otherwise has no place for it");

    agent_audit_chain_end(&chain);
}


static void
test_parse(void)
{
    size_t              i, len;
    uint8_t            *copy;
    agent_audit_link_t  link;

#define MAC  "AAAAAAAAAAAAAAAAAAAAAA"
#define UID  "MDEyMzQ1Njc4OWFiY2RlZg"

    static const struct {
        const char  *text;
        int          rc;
    } texts[] = {
        { ",\"integrity\":{\"chain_uid\":\"" UID ".0\",\"kid\":\"k\","
          "\"epoch\":0,\"seq\":1,\"gmac\":\"" MAC "\"}}}", 0 },
        { "{},\"integrity\":{\"chain_uid\":\"" UID ".4294967295\","
          "\"kid\":\"k\",\"epoch\":4294967295,\"seq\":9223372036854775807,"
          "\"prev\":\"" MAC "\",\"gmac\":\"" MAC "\"}}}", 0 },
        { ",\"integrity\":{\"chain_uid\":\"" UID ".4294967296\","
          "\"kid\":\"k\",\"epoch\":0,\"seq\":1,\"gmac\":\"" MAC "\"}}}", -1 },
        { ",\"integrity\":{\"chain_uid\":\"" UID ".0\",\"kid\":\"k\","
          "\"epoch\":0,\"seq\":9223372036854775808,\"gmac\":\"" MAC "\"}}}",
          -1 },
        { ",\"integrity\":{\"chain_uid\":\"" UID ".0\",\"kid\":\"k\","
          "\"epoch\":0,\"seq\":18446744073709551617,\"gmac\":\"" MAC "\"}}}",
          -1 },
        { ",\"integrity\":{\"chain_uid\":\"" UID ".0\",\"kid\":\"k\","
          "\"epoch\":0,\"seq\":0,\"gmac\":\"" MAC "\"}}}", -1 },
        { ",\"integrity\":{\"chain_uid\":\"" UID ".0\",\"kid\":\"k\","
          "\"epoch\":0,\"seq\":01,\"gmac\":\"" MAC "\"}}}", -1 },
        { ",\"integrity\":{\"chain_uid\":\"" UID ".0\",\"kid\":\"k\","
          "\"epoch\":,\"seq\":1,\"gmac\":\"" MAC "\"}}}", -1 },
        { ",\"integrity\":{\"chain_uid\":\"" UID ".0\",\"kid\":\"\","
          "\"epoch\":0,\"seq\":1,\"gmac\":\"" MAC "\"}}}", -1 },
        { ",\"integrity\":{\"chain_uid\":\"" UID ".\",\"kid\":\"k\","
          "\"epoch\":0,\"seq\":1,\"gmac\":\"" MAC "\"}}}", -1 },
        { ",\"integrity\":{\"chain_uid\":\"" UID ".0.\",\"kid\":\"k\","
          "\"epoch\":0,\"seq\":1,\"gmac\":\"" MAC "\"}}}", -1 },
        { ",\"integrity\":{\"chain_uid\":\"=DEyMzQ1Njc4OWFiY2RlZg.0\","
          "\"kid\":\"k\",\"epoch\":0,\"seq\":1,\"gmac\":\"" MAC "\"}}}", -1 },
        { ",\"integrity\":{\"chain_uid\":\"" UID ".0\",\"kid\":\"k\","
          "\"epoch\":0,\"seq\":1,\"gmac\":\"" MAC "A\"}}}", -1 },
        { ",\"integrity\":{\"chain_uid\":\"" UID ".0\",\"kid\":\"k\","
          "\"epoch\":0,\"seq\":1,\"gmac\":\"" MAC "\"}}", -1 },
        { ",\"integrity\":{\"chain_uid\":\"" UID ".0\",\"kid\":\"k\","
          "\"epoch\":0,\"seq\":1,\"prev\":\"" MAC "\"}}}", -1 },
        { ",\"integrity\":{\"chain_uid\":\"" UID ".0\",\"kid\":\"k\","
          "\"epoch\":0,\"seq\":1,\"mac\":\"" MAC "\"}}}", -1 },
        { ",\"integrity\":{\"chain_uid\":\"", -1 },
        { "}}}", -1 },
        { "", -1 }
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {

        /* memory of just this size, for the address sanitizer */

        len = strlen(texts[i].text);
        copy = malloc(len ? len : 1);
        memcpy(copy, texts[i].text, len);

        ok(agent_audit_link_parse(&link, copy, len) == texts[i].rc,
           "member %u: %s", (unsigned) i, texts[i].rc ? "refused" : "read");

        /* and whatever is cut off */

        while (len) {
            len--;
            if (agent_audit_link_parse(&link, copy, len) == 0) {
                break;
            }
        }

        ok(len == 0, "member %u: never where it is cut", (unsigned) i);
        free(copy);
    }
}


/*
 * Chains of workers, with checkpoints, and files that are reopened: each MAC
 * has a key and nonce of its own, and is what EVP makes of these.
 */

static void
test_nonces(void)
{
    size_t    i, n, again;
    uint32_t  index;

    static used_t  used[LINES];

    for (index = 0; index < CHAINS; index++) {
        use_chain(index, used + index * (LINES / CHAINS));
    }

    again = 0;

    for (i = 0; i < LINES; i++) {
        for (n = 0; n < i; n++) {
            again += used[i].seq == used[n].seq
                     && memcmp(used[i].key, used[n].key, AGENT_SHA256_LEN)
                        == 0;
        }
    }

    ok(again == 0, "no key has a nonce twice");
}


static void
use_chain(uint32_t index, used_t *used)
{
    size_t               i, wrong;
    agent_audit_chain_t  chain;

    begin(&chain, index);
    wrong = 0;

    for (i = 0; i < LINES / CHAINS; i++) {

        /* with the MAC before: checkpoints, and after a reopening */

        wrong += use_line(&chain, i % 10 == 9 || i % 10 == 4, &used[i]) != 0
                 || used[i].seq != i + 1;

        if (i % 10 == 9) {
            wrong += agent_audit_chain_epoch(&chain) != 0;
        }
    }

    ok(wrong == 0 && chain.epoch == EPOCHS, "chain %u: numbers and keys",
       (unsigned) index);

    agent_audit_chain_end(&chain);
}


static int
use_line(agent_audit_chain_t *chain, unsigned prev, used_t *used)
{
    size_t              len;
    uint8_t             buf[AGENT_AUDIT_LINE_MAX], mac[AGENT_GMAC_LEN];
    uint8_t             nonce[AGENT_GMAC_NONCE];
    agent_audit_link_t  link;

    static const char  label[] = "agent audit gmac key";

    memcpy(mac, chain->mac, sizeof(mac));
    memcpy(buf, PLAIN, sizeof(PLAIN) - 1);
    len = agent_audit_chain_add(chain, buf, sizeof(PLAIN) - 1, prev);

    if (len == 0 || agent_audit_link_parse(&link, buf, len - 1) != 0
        || link.has_prev != prev || link.epoch != chain->epoch)
    {
        return -1;
    }

    used->seq = link.seq;
    agent_hmac_sha256(&chain->key, (const uint8_t *) label, sizeof(label) - 1,
                      used->key);

    memset(nonce, 0, sizeof(nonce));
    nonce[AGENT_GMAC_NONCE - 1] = (uint8_t) link.seq;

    memcpy(buf + link.covered, mac, sizeof(mac));

    return evp_tag(mac, used->key, nonce, buf, link.covered + sizeof(mac)) == 0
           && memcmp(mac, link.mac, sizeof(mac)) == 0
           ? 0 : -1;
}


static void
test_refused(void)
{
    uint8_t              buf[AGENT_AUDIT_LINE_MAX];
    agent_audit_chain_t  chain, copy;

#define add(chain)                                                            \
    (memcpy(buf, PLAIN, sizeof(PLAIN)),                                       \
     agent_audit_chain_add(chain, buf, sizeof(PLAIN) - 1, 0))

    begin(&chain, 0);

    ok(add(&chain) && add(&chain), "two lines");

    copy = chain;
    ok(add(&chain) != 0 && add(&copy) == 0 && copy.seq == chain.seq,
       "two that have the same chain do not number lines alike");
    ok(memcmp(buf, PLAIN, sizeof(PLAIN) - 1) == 0, "the line is as it was");

    chain.seq--;
    ok(add(&chain) == 0, "a number that goes back");
    ok(add(&chain) != 0, "one that goes on");

    chain.seq = INT64_MAX - 1;
    ok(add(&chain) != 0, "the last number");
    ok(add(&chain) == 0 && chain.seq == INT64_MAX, "there is none behind it");
    ok(memcmp(buf, PLAIN, sizeof(PLAIN) - 1) == 0, "the line is as it was");

    agent_audit_chain_end(&chain);
    ok(chain.gmac == NULL && chain.mac[0] == 0 && chain.key.inner[0] == 0,
       "nothing is left of it");
}
