
#include "agent_audit_known.h"

#include <openssl/crypto.h>
#include <stdlib.h>


/* what a new boot or chain costs, in keys */

#define AGENT_AUDIT_NEW   100

#define AGENT_AUDIT_NONE  UINT32_MAX


static agent_audit_boot_t *agent_audit_boot(agent_audit_known_t *known,
    const agent_audit_link_t *link);
static void agent_audit_boot_seed(agent_audit_known_t *known,
    agent_audit_boot_t *boot, uint32_t index);
static int agent_audit_grow(agent_audit_known_t *known);
static uint32_t *agent_audit_place(const agent_audit_known_t *known,
    uint32_t boot, uint32_t index);


void
agent_audit_known_free(agent_audit_known_t *known)
{
    uint32_t  i;

    for (i = 0; i < AGENT_AUDIT_READY; i++) {
        agent_gmac_free(known->ready[i].gmac);
    }

    if (known->boots) {
        OPENSSL_cleanse(known->boots,
                        known->nboots * sizeof(agent_audit_boot_t));
    }

    if (known->chains) {
        OPENSSL_cleanse(known->chains,
                        known->nchains * sizeof(agent_audit_state_t));
    }

    free(known->boots);
    free(known->chains);
    free(known->table);
}


int
agent_audit_known_chain(agent_audit_known_t *known,
    const agent_audit_link_t *link, agent_audit_state_t **chain)
{
    uint32_t             *place;
    agent_audit_boot_t   *boot;
    agent_audit_state_t  *c;

    boot = agent_audit_boot(known, link);

    if (boot == NULL || agent_audit_grow(known) != 0) {
        return -1;
    }

    place = agent_audit_place(known, (uint32_t) (boot - known->boots),
                              link->index);

    if (*place != AGENT_AUDIT_NONE) {
        *chain = &known->chains[*place];
        return 0;
    }

    *place = known->nchains;

    c = &known->chains[known->nchains++];

    memset(c, 0, sizeof(*c));

    c->boot = (uint32_t) (boot - known->boots);
    c->index = link->index;

    agent_audit_boot_seed(known, boot, link->index);
    agent_audit_key_first(&c->key, boot->seed);

    boot->chains++;

    if (link->index > boot->last) {
        boot->last = link->index;
    }

    *chain = c;

    return 0;
}


static agent_audit_boot_t *
agent_audit_boot(agent_audit_known_t *known, const agent_audit_link_t *link)
{
    size_t               size;
    uint32_t             i;
    agent_audit_boot_t  *boot, *boots;

    /* that of the lines before is mostly that of the next */

    for (i = known->nboots; i > 0; i--) {
        boot = &known->boots[i - 1];

        if (memcmp(boot->boot, link->boot, AGENT_AUDIT_BOOT_LEN) == 0) {
            return boot;
        }
    }

    known->cost += AGENT_AUDIT_NEW + (int64_t) known->nboots;
    boots = calloc(known->nboots + 1, sizeof(agent_audit_boot_t));
    if (boots == NULL) {
        return NULL;
    }

    size = known->nboots * sizeof(agent_audit_boot_t);

    if (size) {
        memcpy(boots, known->boots, size);
        OPENSSL_cleanse(known->boots, size);
    }

    free(known->boots);
    known->boots = boots;

    boot = &boots[known->nboots++];

    memcpy(boot->boot, link->boot, AGENT_AUDIT_BOOT_LEN);
    boot->secret = agent_pepper_find(known->secrets, known->nsecrets,
                                     &link->kid);

    agent_audit_seed(boot->seed, &boot->secret->key, boot->boot);

    return boot;
}


/* goes forth from the seed that there is, or from the first one */

static void
agent_audit_boot_seed(agent_audit_known_t *known, agent_audit_boot_t *boot,
    uint32_t index)
{
    if (index < boot->index) {
        agent_audit_seed(boot->seed, &boot->secret->key, boot->boot);
        boot->index = 0;
    }

    known->cost += AGENT_AUDIT_NEW + (int64_t) (index - boot->index);

    while (boot->index < index) {
        agent_audit_seed_next(boot->seed);
        boot->index++;
    }
}


/* room for one more chain, in a table that is half empty */

static int
agent_audit_grow(agent_audit_known_t *known)
{
    size_t                used;
    uint32_t              i, size, *table;
    agent_audit_state_t  *chains;

    if (known->table && 2 * (known->nchains + 1) <= known->mask + 1) {
        return 0;
    }

    size = known->table ? 2 * (known->mask + 1) : 64;

    table = malloc(size * sizeof(uint32_t));
    chains = calloc(size / 2, sizeof(agent_audit_state_t));

    if (table == NULL || chains == NULL) {
        free(table);
        free(chains);
        return -1;
    }

    used = known->nchains * sizeof(agent_audit_state_t);

    if (used) {
        memcpy(chains, known->chains, used);
        OPENSSL_cleanse(known->chains, used);
    }

    free(known->chains);
    free(known->table);

    known->chains = chains;
    known->table = table;
    known->mask = size - 1;

    for (i = 0; i < size; i++) {
        table[i] = AGENT_AUDIT_NONE;
    }

    for (i = 0; i < known->nchains; i++) {
        *agent_audit_place(known, chains[i].boot, chains[i].index) = i;
    }

    return 0;
}


static uint32_t *
agent_audit_place(const agent_audit_known_t *known, uint32_t boot,
    uint32_t index)
{
    uint32_t              i;
    agent_audit_state_t  *chain;

    i = (boot * 2654435761u) ^ (index * 2246822519u);

    for ( ;; ) {
        i &= known->mask;

        if (known->table[i] == AGENT_AUDIT_NONE) {
            return &known->table[i];
        }

        chain = &known->chains[known->table[i]];

        if (chain->boot == boot && chain->index == index) {
            return &known->table[i];
        }

        i++;
    }
}


agent_audit_state_t *
agent_audit_known_nth(const agent_audit_known_t *known, uint32_t boot,
    uint32_t index)
{
    uint32_t  n;

    if (known->table == NULL) {
        return NULL;
    }

    n = *agent_audit_place(known, boot, index);

    return (n == AGENT_AUDIT_NONE) ? NULL : &known->chains[n];
}


/*
 * Lines of chains that are written to side by side come in turns, and a key
 * takes more time to be made ready than a line to be verified.
 */

agent_gmac_t *
agent_audit_known_gmac(agent_audit_known_t *known,
    const agent_audit_state_t *chain, const agent_hmac_key_t *key,
    uint32_t epoch)
{
    uint32_t              n;
    agent_audit_ready_t  *ready;

    n = (uint32_t) (chain - known->chains);
    ready = &known->ready[n % AGENT_AUDIT_READY];

    if (ready->gmac == NULL) {

        ready->gmac = agent_gmac_create();

        if (ready->gmac == NULL) {
            return NULL;
        }
    }

    if (ready->chain != n + 1 || ready->epoch != epoch) {

        /* where it fails it proves nothing, nor will it later */

        (void) agent_audit_key_gmac(ready->gmac, key);

        known->cost++;
        ready->chain = n + 1;
        ready->epoch = epoch;
    }

    return ready->gmac;
}
