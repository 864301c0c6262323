
/*
 * The table of what is in force, in shared memory: chains of entries, each
 * known by a hash.  Writers hold the pool's mutex.  Readers take no lock; they
 * ask afterwards whether entries were used again meanwhile.
 */

#ifndef _NGX_AGENT_REVOCATION_TABLE_H_INCLUDED_
#define _NGX_AGENT_REVOCATION_TABLE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "agent_revocation.h"


/* epoch ms; an entry whose times are over, or zero, is dead */

typedef struct {
    uint64_t                  hash;
    int64_t                   until;    /* whatever is meant, until then */
    int64_t                   before;   /* what was issued before that time;
                                           of a free one: the next of those */
    int64_t                   before_until;     /* until then; of a key:
                                                   suspended until then */
    uint32_t                  next;     /* index + 1; 0: the last */
    uint16_t                  kind;
    uint16_t                  kept;     /* while the file is made shorter */
} ngx_agent_revocation_entry_t;


typedef struct {
    uint32_t                  magic;
    uint32_t                  layout;
    u_char                    path[AGENT_SHA256_LEN];   /* of which file */
    u_char                    secret[AGENT_SIPHASH_KEY];
    uint64_t                  capacity;
    uint64_t                  heads;    /* offsets, from here */
    uint64_t                  entries;

    /* a word of agent_revocation_file.h: what of the file is in the table */
    uint64_t                  applied;

    /* odd: entries are used again, or all are forgotten; another: some were */
    uint64_t                  version;

    uint64_t                  kinds;    /* bits of those that there are */
    uint64_t                  used;     /* entries, dead ones, too */
    uint64_t                  free;     /* index + 1 of the first free one */
    uint64_t                  nfree;    /* of those used: free again */
    uint64_t                  swept;    /* epoch seconds */

    uint64_t                  submitted;
    uint64_t                  refused;
    uint64_t                  failed;
    uint64_t                  failed_at;        /* epoch seconds */
    uint64_t                  stuck;
    uint64_t                  warned;   /* epoch seconds */

    uint64_t                  lock_dev; /* of the file that was locked */
    uint64_t                  lock_ino;
} ngx_agent_revocation_sh_t;


typedef struct {
    ngx_slab_pool_t              *shpool;
    ngx_agent_revocation_sh_t    *sh;
    uint64_t                      capacity;
    uint32_t                     *heads;
    ngx_agent_revocation_entry_t *entries;
} ngx_agent_revocation_table_t;


/* a line, as far as the table goes */

typedef struct {
    uint64_t                  hash;
    int64_t                   before;
    int64_t                   expires;
    agent_revocation_op_e     op;
    agent_revocation_kind_e   kind;
} ngx_agent_revocation_op_t;


/* octets of a zone for so many entries */

size_t ngx_agent_revocation_table_size(uint64_t entries);


/*
 * Lays the table out in what is left in a zone's pool; sh is zeroed memory of
 * that pool.  NGX_ERROR where there is no room or no randomness.
 */

ngx_int_t ngx_agent_revocation_table_create(
    ngx_agent_revocation_table_t *table, ngx_slab_pool_t *shpool,
    ngx_agent_revocation_sh_t *sh);


/* attaches to sh; NGX_DECLINED where it is of another layout */

ngx_int_t ngx_agent_revocation_table_attach(
    ngx_agent_revocation_table_t *table, ngx_slab_pool_t *shpool,
    ngx_agent_revocation_sh_t *sh);


/* the mutex, tried for some microseconds: NGX_OK or NGX_BUSY.  What a process
 * left half done that died in it is cleared away, the table is to be filled
 * anew then. */

ngx_int_t ngx_agent_revocation_table_lock(
    const ngx_agent_revocation_table_t *table);
void ngx_agent_revocation_table_unlock(
    const ngx_agent_revocation_table_t *table);


/* the following up to the next comment: under the mutex */

/* NGX_OK, or NGX_DECLINED: there is no room */

ngx_int_t ngx_agent_revocation_table_apply(
    const ngx_agent_revocation_table_t *table,
    const ngx_agent_revocation_op_t *op, int64_t now_ms);

/* how many more entries there is room for */

uint64_t ngx_agent_revocation_table_room(
    const ngx_agent_revocation_table_t *table);

/* forgets dead entries, once a second at most; what reads need not wait */

void ngx_agent_revocation_table_sweep(
    const ngx_agent_revocation_table_t *table, int64_t now_ms);

/* forgets all; applied is a word of no octets then */

void ngx_agent_revocation_table_clear(
    const ngx_agent_revocation_table_t *table, uint64_t applied);


/* the entry of a hash, or NULL; what it says is read by whoever asks */

ngx_agent_revocation_entry_t *ngx_agent_revocation_table_find(
    const ngx_agent_revocation_table_t *table, uint64_t hash);


#define ngx_agent_revocation_load(p)      __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define ngx_agent_revocation_store(p, v)                                      \
    __atomic_store_n(p, v, __ATOMIC_RELEASE)


#endif /* _NGX_AGENT_REVOCATION_TABLE_H_INCLUDED_ */
