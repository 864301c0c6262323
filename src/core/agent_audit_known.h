
/*
 * What a verifier of audit lines knows of boots and chains, see
 * agent_audit_verify.h.
 */

#ifndef _AGENT_AUDIT_KNOWN_H_INCLUDED_
#define _AGENT_AUDIT_KNOWN_H_INCLUDED_


#include "agent_audit_verify.h"


/* keys that are ready at a time: of as many chains that are written to */

#define AGENT_AUDIT_READY  64


typedef struct {
    uint8_t               boot[AGENT_AUDIT_BOOT_LEN];
    const agent_pepper_t *secret;
    uint8_t               seed[AGENT_SHA256_LEN];
    uint32_t              index;        /* whose seed it is */
    uint32_t              last;         /* the highest index that was seen */
    uint32_t              chains;       /* how many were seen */
} agent_audit_boot_t;


typedef struct {
    uint32_t              boot;
    uint32_t              index;
    uint32_t              epoch;
    agent_hmac_key_t      key;          /* of the epoch */
    uint8_t               mac[AGENT_GMAC_LEN];
    uint64_t              seq;          /* of the last line */
    uint64_t              time;
    uint64_t              interval;
    agent_audit_pos_t     pos;
    unsigned              ended:1;
    unsigned              proven:1;     /* mac is known */
} agent_audit_state_t;


/* made ready for an epoch of a chain */

typedef struct {
    agent_gmac_t         *gmac;
    uint32_t              chain;        /* its number from 1; 0: for none */
    uint32_t              epoch;
} agent_audit_ready_t;


/* zeroed but for the secrets before the first line */

typedef struct {
    const agent_pepper_t *secrets;
    size_t                nsecrets;

    agent_audit_boot_t   *boots;
    uint32_t              nboots;

    agent_audit_state_t  *chains;
    uint32_t              nchains;
    uint32_t             *table;        /* of their numbers, by hash */
    uint32_t              mask;

    agent_audit_ready_t   ready[AGENT_AUDIT_READY];

    int64_t               cost;         /* keys computed, or as dear */
} agent_audit_known_t;


/* wipes what is secret */

void agent_audit_known_free(agent_audit_known_t *known);


/*
 * The chain of a line, whose kid is one of the secrets'.  It is made where
 * there is none.  Returns 0, or -1 where there is no memory.
 */

int agent_audit_known_chain(agent_audit_known_t *known,
    const agent_audit_link_t *link, agent_audit_state_t **chain);


/* the n-th chain of a boot, or NULL */

agent_audit_state_t *agent_audit_known_nth(const agent_audit_known_t *known,
    uint32_t boot, uint32_t index);


/* the MAC of an epoch of a chain, by the epoch's key; NULL: see
   agent_gmac_create() */

agent_gmac_t *agent_audit_known_gmac(agent_audit_known_t *known,
    const agent_audit_state_t *chain, const agent_hmac_key_t *key,
    uint32_t epoch);


#endif /* _AGENT_AUDIT_KNOWN_H_INCLUDED_ */
