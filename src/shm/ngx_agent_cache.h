
/*
 * A cache in shared memory: sets of eight slots of one size, each with a
 * sequence counter.  Readers take no lock and copy; writers hold the pool's
 * mutex.  What a slot holds is the user's business.  Keys are digests: the
 * first octets of one are enough to choose a set.
 */

#ifndef _NGX_AGENT_CACHE_H_INCLUDED_
#define _NGX_AGENT_CACHE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "agent_digest.h"


#define NGX_AGENT_CACHE_KEY      32
#define NGX_AGENT_CACHE_PART     16

/* of the eight slots of a set the last two are for negative entries */

#define NGX_AGENT_CACHE_WAYS     8
#define NGX_AGENT_CACHE_NEGATIVE 2


/* the head of a slot; its data follows */

typedef struct {
    uint64_t                 seq;       /* odd: being written */
    int64_t                  until;     /* epoch ms; of no use from then on */
    u_char                   key[NGX_AGENT_CACHE_KEY];
    u_char                   part[NGX_AGENT_CACHE_PART];
    uint32_t                 used;      /* epoch seconds of the last use */
    uint16_t                 len;
    uint16_t                 negative;
    uint64_t                 clean;     /* for the user, with seq in it: who
                                           writes the slot leaves it alone */
} ngx_agent_cache_slot_t;


typedef struct {
    uint32_t                 magic;
    uint32_t                 layout;
    uint32_t                 kind;
    uint32_t                 entry;     /* octets of a slot, head included */
    uint64_t                 sets;      /* less than 2^32 */
    uint64_t                 offset;    /* of the first set, from here */
    u_char                   secret[AGENT_SIPHASH_KEY];

    uint64_t                 evicted;   /* entries that were still good */
    uint64_t                 skipped;   /* stores that found the mutex busy */
    uint64_t                 oversized;
} ngx_agent_cache_sh_t;


typedef struct {
    ngx_slab_pool_t         *shpool;
    ngx_agent_cache_sh_t    *sh;
    size_t                   entry;
    uint64_t                 sets;
    u_char                  *slots;
} ngx_agent_cache_t;


/* what is known of an entry before its data is read */

typedef struct {
    int64_t                  until;
    uint16_t                 len;       /* of the data */
    uint16_t                 negative;

    /* of one that was found: where, and in which state */
    const u_char            *data;
    const uint64_t          *counter;
    uint64_t                 seq;
    uint64_t                *clean;
} ngx_agent_cache_entry_t;


/* how many sets fit into so many octets; entry: octets of a slot */

uint64_t ngx_agent_cache_sets(size_t octets, size_t entry);


/*
 * Lays the cache out in octets of what is left in a zone's pool; sh is zeroed
 * memory of that pool.  entry: octets of a slot, a multiple of 64.  NGX_ERROR
 * where there is no room for a set or no randomness.
 */

ngx_int_t ngx_agent_cache_create(ngx_agent_cache_t *cache,
    ngx_slab_pool_t *shpool, ngx_agent_cache_sh_t *sh, ngx_uint_t kind,
    size_t octets, size_t entry);


/* attaches to sh; NGX_DECLINED where it is of another layout, kind or entry */

ngx_int_t ngx_agent_cache_attach(ngx_agent_cache_t *cache,
    ngx_slab_pool_t *shpool, ngx_agent_cache_sh_t *sh, ngx_uint_t kind,
    size_t entry);


/* the most octets of data that an entry takes */

size_t ngx_agent_cache_room(const ngx_agent_cache_t *cache);


/*
 * Looks key (NGX_AGENT_CACHE_KEY octets) up in a partition
 * (NGX_AGENT_CACHE_PART octets).
 *
 * NGX_OK: a good entry, of which at most ngx_agent_cache_room() octets of data
 * can be read.  NGX_DECLINED: none, or one whose time is over, or one that is
 * being written.
 */

ngx_int_t ngx_agent_cache_find(const ngx_agent_cache_t *cache,
    const u_char *key, const u_char *part, int64_t now_ms,
    ngx_agent_cache_entry_t *entry);


/*
 * Copies the data of an entry that was found: entry->len octets.  NGX_DECLINED:
 * it was written to meanwhile, the copy is of no use.
 */

ngx_int_t ngx_agent_cache_read(const ngx_agent_cache_entry_t *entry,
    u_char *data);


/*
 * Stores an entry, of which until, len and negative are looked at, in the place
 * of the same key, else of one whose time is over, else of the one not used for
 * longest.  Negative entries have slots of
 * their own, so that made-up keys cannot drive one good entry out.
 *
 * NGX_OK.  NGX_BUSY: the mutex is taken, nothing was stored.  NGX_DECLINED:
 * too large.
 */

ngx_int_t ngx_agent_cache_set(ngx_agent_cache_t *cache, const u_char *key,
    const u_char *part, int64_t now_ms, const ngx_agent_cache_entry_t *entry,
    const u_char *data);


/* forgets an entry: NGX_OK, NGX_DECLINED (none), NGX_BUSY */

ngx_int_t ngx_agent_cache_delete(ngx_agent_cache_t *cache, const u_char *key,
    const u_char *part);


/* how many of some slots hold an entry that is good */

typedef struct {
    uint64_t                 slots;
    uint64_t                 used;
    uint64_t                 negative_slots;
    uint64_t                 negative_used;
} ngx_agent_cache_sample_t;


/* looks at no more than so many sets, spread over the cache */

void ngx_agent_cache_sample(const ngx_agent_cache_t *cache, int64_t now_ms,
    uint64_t sets, ngx_agent_cache_sample_t *sample);


#endif /* _NGX_AGENT_CACHE_H_INCLUDED_ */
