
/*
 * Key tables of made records, for the tests of the key table.
 */

#ifndef _AGENT_TEST_KEYTAB_H_INCLUDED_
#define _AGENT_TEST_KEYTAB_H_INCLUDED_


#include "agent_key.h"
#include "agent_keytab.h"
#include "agent_keytab_layout.h"
#include "agent_time.h"

#include <stdio.h>
#include <stdlib.h>


#define FIRST_LINE  2

/* 43 characters: the secret of a made record, the whole value if imported */

#define SECRET  "TEST%039lu"


/* a block that ends where its memory ends, for the sanitizer */

typedef struct {
    uint8_t         *base;
    size_t           size;
    agent_keytab_t   tab;
} block_t;


static inline int build(block_t *block, size_t count);
static inline agent_build_e build_into(uint8_t *base, size_t size,
    size_t count, uint64_t *need);
static inline agent_keytab_builder_t *begin(uint8_t *base, size_t size,
    size_t count);
static inline void make_shared(void);
static inline void drop_shared(void);
static inline void take(block_t *block, size_t size);
static inline void drop(block_t *block);
static inline void make(size_t n, agent_key_record_t *rec);
static inline void make_pepper(agent_pepper_t *pepper, const char *name);
static inline uint32_t next(uint32_t *seed);


static char      error[AGENT_ERROR_LEN];
static char      id[AGENT_KEY_ID_MAX + 1], secret[AGENT_KEY_SECRET_LEN + 1];
static json_t   *shared_scopes, *shared_networks;


/* what many records have in common */

static inline void
make_shared(void)
{
    shared_scopes = json_pack("[ss]", "invoices:read", "invoices:list");
    shared_networks = json_pack("[ss]", "10.0.0.0/8", "2001:db8::/32");
}


static inline void
drop_shared(void)
{
    json_decref(shared_scopes);
    json_decref(shared_networks);
}


/* builds into a block of exactly the size that the builder asks for */

static inline int
build(block_t *block, size_t count)
{
    uint64_t  need, head[AGENT_KEYTAB_RECORDS / sizeof(uint64_t)];

    (void) build_into((uint8_t *) head, sizeof(head), count, &need);

    take(block, need);

    return build_into(block->base, need, count, &need) == AGENT_BUILD_DONE
           && agent_keytab_open(&block->tab, block->base, block->size) == 0
           ? 0 : -1;
}


static inline agent_build_e
build_into(uint8_t *base, size_t size, size_t count, uint64_t *need)
{
    uint64_t                 line;
    agent_build_e            rc;
    agent_keytab_builder_t  *b;

    b = begin(base, size, count);
    *need = agent_keytab_need(b);

    rc = agent_keytab_finish(b, UINT64_MAX, &line, error);
    agent_keytab_destroy(b);

    return rc;
}


static inline agent_keytab_builder_t *
begin(uint8_t *base, size_t size, size_t count)
{
    size_t                   i;
    agent_key_record_t       rec;
    agent_keytab_builder_t  *b;

    b = agent_keytab_create(base, size, NULL, 0, count);

    for (i = 0; i < count; i++) {
        make(i, &rec);
        (void) agent_keytab_add(b, &rec, FIRST_LINE + i, error);
    }

    return b;
}


static inline void
take(block_t *block, size_t size)
{
    block->size = size;
    block->base = malloc(size);
    memset(block->base, 0xa5, size);
}


static inline void
drop(block_t *block)
{
    free(block->base);
    block->base = NULL;
}


/*
 * The record number n, the same in each run; every seventh is imported.  Sets
 * id and secret, which the record points to.
 */

static inline void
make(size_t n, agent_key_record_t *rec)
{
    static char         agent[16];
    static const char  *formats[] =
        { "k-%lu", "an.imported_key-of.some-%020lu", "%016lu" };

    memset(rec, 0, sizeof(*rec));

    rec->imported = n % 7 == 6;

    (void) snprintf(id, sizeof(id), rec->imported ? formats[n / 7 % 3]
                                                  : "%016lu",
                    (unsigned long) n);
    (void) snprintf(secret, sizeof(secret), SECRET, (unsigned long) n);
    (void) snprintf(agent, sizeof(agent), "agent-%u", (unsigned) n % 1000);

    agent_sha256((uint8_t *) secret, AGENT_KEY_SECRET_LEN, rec->digest);

    rec->id.data = (uint8_t *) id;
    rec->id.len = strlen(id);
    rec->agent.data = (uint8_t *) agent;
    rec->agent.len = strlen(agent);

    rec->scopes = n % 3 ? shared_scopes : NULL;
    rec->networks = n % 5 ? shared_networks : NULL;
    rec->state = (agent_key_state_e) (n % 5);
    rec->not_before = n % 2 ? (int64_t) n : AGENT_TIME_NONE;
    rec->expires = 1801353600 + (int64_t) n;
    rec->grace_until = AGENT_TIME_NONE;
}


static inline void
make_pepper(agent_pepper_t *pepper, const char *name)
{
    memset(pepper, 0, sizeof(*pepper));

    pepper->id_len = (uint32_t) strlen(name);
    memcpy(pepper->id, name, strlen(name));

    agent_hmac_key(&pepper->key, (uint8_t *) name, strlen(name));
}


static inline uint32_t
next(uint32_t *seed)
{
    *seed = *seed * 1103515245 + 12345;

    return *seed >> 16;
}


#endif /* _AGENT_TEST_KEYTAB_H_INCLUDED_ */
