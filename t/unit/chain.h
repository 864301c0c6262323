
/*
 * For the tests of chains of audit lines: a secret, and chains that begin with
 * it.
 */

#ifndef _AGENT_TEST_CHAIN_H_INCLUDED_
#define _AGENT_TEST_CHAIN_H_INCLUDED_


#include "agent_audit_chain.h"


static agent_pepper_t  secret;

static const uint8_t   boot[AGENT_AUDIT_BOOT_LEN + 1] = "0123456789abcdef";


static inline void
make_secret(void)
{
    static const uint8_t  key[32 + 1] = "a secret of thirty-two octets...";

    memset(&secret, 0, sizeof(secret));

    memcpy(secret.id, "k1", 2);
    secret.id_len = 2;

    agent_hmac_key(&secret.key, key, sizeof(key) - 1);
}


static inline void
begin(agent_audit_chain_t *chain, uint32_t index)
{
    uint8_t      seed[AGENT_SHA256_LEN];
    agent_str_t  kid = agent_string("k1");
    uint32_t     i;

    agent_audit_seed(seed, &secret.key, boot);

    for (i = 0; i < index; i++) {
        agent_audit_seed_next(seed);
    }

    if (agent_audit_chain_begin(chain, agent_gmac_create(), seed, boot, index,
                                &kid)
        != 0)
    {
        printf("Bail out! no chain\n");
        exit(1);
    }
}


#endif /* _AGENT_TEST_CHAIN_H_INCLUDED_ */
