
#include "ngx_agent_cache.h"

#include <openssl/rand.h>


#define NGX_AGENT_CACHE_MAGIC    0x68636361     /* "acch" */
#define NGX_AGENT_CACHE_LAYOUT   4

/* how often a slot that is being written is looked at again */

#define NGX_AGENT_CACHE_RETRIES  16


static u_char *ngx_agent_cache_set_of(const ngx_agent_cache_t *cache,
    const u_char *key);
static ngx_int_t ngx_agent_cache_look(const ngx_agent_cache_t *cache,
    ngx_agent_cache_slot_t *slot, const u_char *key, const u_char *part,
    ngx_agent_cache_entry_t *entry);
static ngx_agent_cache_slot_t *ngx_agent_cache_victim(
    ngx_agent_cache_t *cache, u_char *set, const u_char *key,
    const u_char *part, int64_t now_ms, ngx_uint_t negative);
static ngx_uint_t ngx_agent_cache_less(const ngx_agent_cache_slot_t *a,
    const ngx_agent_cache_slot_t *b, int64_t now_ms);
static ngx_inline ngx_uint_t ngx_agent_cache_is(
    const ngx_agent_cache_slot_t *slot, const u_char *key,
    const u_char *part);
static ngx_inline uint64_t ngx_agent_cache_differ(const u_char *a,
    const u_char *b);
static void ngx_agent_cache_write(ngx_agent_cache_slot_t *slot,
    const ngx_agent_cache_slot_t *head, const u_char *data);


#define ngx_agent_cache_slot(cache, set, i)                                   \
    ((ngx_agent_cache_slot_t *) ((set) + (i) * (cache)->entry))


uint64_t
ngx_agent_cache_sets(size_t octets, size_t entry)
{
    return ngx_min(octets / (entry * NGX_AGENT_CACHE_WAYS), UINT32_MAX);
}


ngx_int_t
ngx_agent_cache_create(ngx_agent_cache_t *cache, ngx_slab_pool_t *shpool,
    ngx_agent_cache_sh_t *sh, ngx_uint_t kind, size_t octets, size_t entry)
{
    size_t    size;
    u_char   *slots;
    uint64_t  sets;

    if (entry % 64 || entry <= sizeof(ngx_agent_cache_slot_t)) {
        return NGX_ERROR;
    }

    size = entry * NGX_AGENT_CACHE_WAYS;
    sets = ngx_agent_cache_sets(octets, entry);

    if (sets == 0) {
        return NGX_ERROR;
    }

    if (RAND_bytes(sh->secret, AGENT_SIPHASH_KEY) != 1) {
        return NGX_ERROR;
    }

    slots = ngx_slab_calloc(shpool, sets * size);
    if (slots == NULL) {
        return NGX_ERROR;
    }

    sh->magic = NGX_AGENT_CACHE_MAGIC;
    sh->layout = NGX_AGENT_CACHE_LAYOUT;
    sh->kind = (uint32_t) kind;
    sh->entry = (uint32_t) entry;
    sh->sets = sets;
    sh->offset = (uint64_t) (slots - (u_char *) sh);

    return ngx_agent_cache_attach(cache, shpool, sh, kind, entry);
}


ngx_int_t
ngx_agent_cache_attach(ngx_agent_cache_t *cache, ngx_slab_pool_t *shpool,
    ngx_agent_cache_sh_t *sh, ngx_uint_t kind, size_t entry)
{
    u_char  *slots;

    if (sh->magic != NGX_AGENT_CACHE_MAGIC
        || sh->layout != NGX_AGENT_CACHE_LAYOUT
        || sh->kind != kind || sh->entry != entry
        || sh->sets == 0 || sh->sets > UINT32_MAX)
    {
        return NGX_DECLINED;
    }

    slots = (u_char *) sh + sh->offset;

    if (slots < shpool->start || slots >= shpool->end
        || sh->sets > (size_t) (shpool->end - slots)
                      / (entry * NGX_AGENT_CACHE_WAYS))
    {
        return NGX_DECLINED;
    }

    cache->shpool = shpool;
    cache->sh = sh;
    cache->entry = entry;
    cache->sets = sh->sets;
    cache->slots = slots;

    return NGX_OK;
}


size_t
ngx_agent_cache_room(const ngx_agent_cache_t *cache)
{
    return cache->entry - sizeof(ngx_agent_cache_slot_t);
}


ngx_int_t
ngx_agent_cache_find(const ngx_agent_cache_t *cache, const u_char *key,
    const u_char *part, int64_t now_ms, ngx_agent_cache_entry_t *entry)
{
    u_char                  *p, *last;
    ngx_agent_cache_slot_t  *slot;

    p = ngx_agent_cache_set_of(cache, key);
    last = p + cache->entry * NGX_AGENT_CACHE_WAYS;

    for ( /* void */ ; p < last; p += cache->entry) {

        slot = (ngx_agent_cache_slot_t *) p;

        /* those of others most often differ here */

        if (ngx_agent_cache_differ(slot->key, key)
            || ngx_agent_cache_look(cache, slot, key, part, entry) != NGX_OK)
        {
            continue;
        }

        if (entry->until <= now_ms) {
            return NGX_DECLINED;
        }

        /* a hint for who is to go: no more than one store a second */

        if ((uint64_t) (now_ms - (int64_t) slot->used * 1000) >= 1000) {
            __atomic_store_n(&slot->used, (uint32_t) (now_ms / 1000),
                             __ATOMIC_RELAXED);
        }

        return NGX_OK;
    }

    return NGX_DECLINED;
}


/*
 * The key is a digest, which nobody chooses; times a secret of the zone, which
 * is odd, so that none but a few pairs that nobody knows share a set (multiply-
 * shift, a universal hash).  It is scaled to the number of sets, which need not
 * be a power of two.
 */

static u_char *
ngx_agent_cache_set_of(const ngx_agent_cache_t *cache, const u_char *key)
{
    uint64_t  hash, secret;

    ngx_memcpy(&hash, key, sizeof(hash));
    ngx_memcpy(&secret, cache->sh->secret, sizeof(secret));

    hash *= secret | 1;

    return cache->slots + ((hash >> 32) * cache->sets >> 32)
                          * cache->entry * NGX_AGENT_CACHE_WAYS;
}


/* NGX_OK: the slot holds this key, and *entry is of one state of it */

static ngx_int_t
ngx_agent_cache_look(const ngx_agent_cache_t *cache,
    ngx_agent_cache_slot_t *slot, const u_char *key, const u_char *part,
    ngx_agent_cache_entry_t *entry)
{
    ngx_uint_t  tries;

    for (tries = 0; tries < NGX_AGENT_CACHE_RETRIES; tries++) {

        entry->seq = __atomic_load_n(&slot->seq, __ATOMIC_ACQUIRE);

        if (entry->seq & 1) {
            ngx_cpu_pause();
            continue;
        }

        if (entry->seq == 0 || !ngx_agent_cache_is(slot, key, part)) {
            return NGX_DECLINED;
        }

        entry->until = slot->until;
        entry->len = slot->len;
        entry->negative = slot->negative;
        entry->data = (const u_char *) (slot + 1);
        entry->counter = &slot->seq;
        entry->clean = &slot->clean;

        __atomic_thread_fence(__ATOMIC_ACQUIRE);

        if (__atomic_load_n(&slot->seq, __ATOMIC_RELAXED) == entry->seq) {

            /* a length from shared memory */

            return entry->len
                   <= cache->entry - sizeof(ngx_agent_cache_slot_t)
                   ? NGX_OK : NGX_DECLINED;
        }
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_agent_cache_read(const ngx_agent_cache_entry_t *entry, u_char *data)
{
    ngx_memcpy(data, entry->data, entry->len);

    __atomic_thread_fence(__ATOMIC_ACQUIRE);

    return __atomic_load_n(entry->counter, __ATOMIC_RELAXED) == entry->seq
           ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_agent_cache_set(ngx_agent_cache_t *cache, const u_char *key,
    const u_char *part, int64_t now_ms, const ngx_agent_cache_entry_t *entry,
    const u_char *data)
{
    u_char                  *set;
    ngx_agent_cache_slot_t  *slot, head;

    if (entry->len > ngx_agent_cache_room(cache)) {
        __atomic_add_fetch(&cache->sh->oversized, 1, __ATOMIC_RELAXED);
        return NGX_DECLINED;
    }

    if (!ngx_shmtx_trylock(&cache->shpool->mutex)) {
        __atomic_add_fetch(&cache->sh->skipped, 1, __ATOMIC_RELAXED);
        return NGX_BUSY;
    }

    set = ngx_agent_cache_set_of(cache, key);
    slot = ngx_agent_cache_victim(cache, set, key, part, now_ms,
                                  entry->negative);

    ngx_memzero(&head, sizeof(head));

    head.until = entry->until;
    head.used = (uint32_t) (now_ms / 1000);
    head.len = entry->len;
    head.negative = entry->negative;
    ngx_memcpy(head.key, key, NGX_AGENT_CACHE_KEY);
    ngx_memcpy(head.part, part, NGX_AGENT_CACHE_PART);

    ngx_agent_cache_write(slot, &head, data);

    ngx_shmtx_unlock(&cache->shpool->mutex);

    return NGX_OK;
}


/*
 * The slot of the same key, else among those for entries of its kind one
 * whose time is over, else the one not used for longest.
 */

static ngx_agent_cache_slot_t *
ngx_agent_cache_victim(ngx_agent_cache_t *cache, u_char *set,
    const u_char *key, const u_char *part, int64_t now_ms, ngx_uint_t negative)
{
    ngx_uint_t               i, ours;
    ngx_agent_cache_slot_t  *slot, *victim;

    victim = NULL;

    for (i = 0; i < NGX_AGENT_CACHE_WAYS; i++) {

        slot = ngx_agent_cache_slot(cache, set, i);

        /* under the mutex an odd counter is that of a writer who died */

        if (slot->seq & 1) {
            ngx_agent_cache_write(slot, NULL, NULL);
        }

        ours = (i >= NGX_AGENT_CACHE_WAYS - NGX_AGENT_CACHE_NEGATIVE)
               == (negative != 0);

        if (slot->seq && ngx_agent_cache_is(slot, key, part)) {

            if (ours) {
                return slot;
            }

            /* it was of the other kind */

            ngx_agent_cache_write(slot, NULL, NULL);
        }

        if (ours && (victim == NULL
                     || ngx_agent_cache_less(slot, victim, now_ms)))
        {
            victim = slot;
        }
    }

    if (victim->until > now_ms) {
        __atomic_add_fetch(&cache->sh->evicted, 1, __ATOMIC_RELAXED);
    }

    return victim;
}


/* whether a is missed less than b */

static ngx_uint_t
ngx_agent_cache_less(const ngx_agent_cache_slot_t *a,
    const ngx_agent_cache_slot_t *b, int64_t now_ms)
{
    uint32_t  soon, a_used, b_used;

    if ((a->until <= now_ms) != (b->until <= now_ms)) {
        return a->until <= now_ms;
    }

    /* a use that is yet to come is of a clock that was set back */

    soon = (uint32_t) (now_ms / 1000) + 1;

    a_used = a->used > soon ? 0 : a->used;
    b_used = b->used > soon ? 0 : b->used;

    if (a_used != b_used) {
        return a_used < b_used;
    }

    /* of those used in the same second the older one goes, not the last */

    return a->until < b->until;
}


static ngx_inline ngx_uint_t
ngx_agent_cache_is(const ngx_agent_cache_slot_t *slot, const u_char *key,
    const u_char *part)
{
    return (ngx_agent_cache_differ(slot->key, key)
            | ngx_agent_cache_differ(slot->key + 16, key + 16)
            | ngx_agent_cache_differ(slot->part, part))
           == 0;
}


/* sixteen octets */

static ngx_inline uint64_t
ngx_agent_cache_differ(const u_char *a, const u_char *b)
{
    uint64_t  x[2], y[2];

    ngx_memcpy(x, a, sizeof(x));
    ngx_memcpy(y, b, sizeof(y));

    return (x[0] ^ y[0]) | (x[1] ^ y[1]);
}


/* under the mutex; a NULL head empties the slot */

static void
ngx_agent_cache_write(ngx_agent_cache_slot_t *slot,
    const ngx_agent_cache_slot_t *head, const u_char *data)
{
    uint64_t  seq;

    seq = slot->seq | 1;

    __atomic_store_n(&slot->seq, seq, __ATOMIC_RELAXED);

    /* a full barrier: the stores below must not be seen before this one */

    ngx_memory_barrier();

    if (head) {
        slot->until = head->until;
        slot->used = head->used;
        slot->len = head->len;
        slot->negative = head->negative;
        ngx_memcpy(slot->key, head->key, NGX_AGENT_CACHE_KEY);
        ngx_memcpy(slot->part, head->part, NGX_AGENT_CACHE_PART);
        ngx_memcpy(slot + 1, data, head->len);

    } else {
        ngx_memzero(&slot->until, sizeof(ngx_agent_cache_slot_t)
                                  - offsetof(ngx_agent_cache_slot_t, until));
    }

    __atomic_store_n(&slot->seq, seq + 1, __ATOMIC_RELEASE);
}


ngx_int_t
ngx_agent_cache_delete(ngx_agent_cache_t *cache, const u_char *key,
    const u_char *part)
{
    u_char                  *set;
    ngx_int_t                rc;
    ngx_uint_t               i;
    ngx_agent_cache_slot_t  *slot;

    if (!ngx_shmtx_trylock(&cache->shpool->mutex)) {
        return NGX_BUSY;
    }

    rc = NGX_DECLINED;
    set = ngx_agent_cache_set_of(cache, key);

    for (i = 0; i < NGX_AGENT_CACHE_WAYS; i++) {

        slot = ngx_agent_cache_slot(cache, set, i);

        if (slot->seq && ngx_agent_cache_is(slot, key, part)) {
            ngx_agent_cache_write(slot, NULL, NULL);
            rc = NGX_OK;
        }
    }

    ngx_shmtx_unlock(&cache->shpool->mutex);

    return rc;
}


/* a slot that is written to meanwhile counts as it is seen */

void
ngx_agent_cache_sample(const ngx_agent_cache_t *cache, int64_t now_ms,
    uint64_t sets, ngx_agent_cache_sample_t *sample)
{
    u_char                  *set;
    uint64_t                 i, step;
    ngx_uint_t               n, good;
    ngx_agent_cache_slot_t  *slot;

    ngx_memzero(sample, sizeof(ngx_agent_cache_sample_t));

    step = (cache->sets + sets - 1) / sets;

    for (i = 0; i < cache->sets; i += step) {

        set = cache->slots + i * cache->entry * NGX_AGENT_CACHE_WAYS;

        for (n = 0; n < NGX_AGENT_CACHE_WAYS; n++) {

            slot = ngx_agent_cache_slot(cache, set, n);
            good = __atomic_load_n(&slot->until, __ATOMIC_RELAXED) > now_ms;

            if (n < NGX_AGENT_CACHE_WAYS - NGX_AGENT_CACHE_NEGATIVE) {
                sample->slots++;
                sample->used += good;

            } else {
                sample->negative_slots++;
                sample->negative_used += good;
            }
        }
    }
}
