
#include "ngx_agent_once.h"

#include <openssl/rand.h>


#define NGX_AGENT_ONCE_MAGIC   0x65636e6f           /* "once" */
#define NGX_AGENT_ONCE_LAYOUT  2

/* looks at a mutex that is taken: it is held for 32 compares at most */

#define NGX_AGENT_ONCE_SPINS   2048


static ngx_agent_once_slot_t *ngx_agent_once_set(const ngx_agent_once_t *once,
    const uint64_t *id);
static ngx_int_t ngx_agent_once_place(ngx_agent_once_slot_t *slot,
    const uint64_t *id, int64_t now_ms, int64_t until, int64_t most);


ngx_int_t
ngx_agent_once_create(ngx_agent_once_t *once, ngx_slab_pool_t *shpool,
    ngx_agent_once_sh_t *sh, size_t octets)
{
    u_char  *p;
    size_t   set;

    set = NGX_AGENT_ONCE_WAYS * sizeof(ngx_agent_once_slot_t);

    if (octets < set || RAND_bytes(sh->secret, AGENT_SIPHASH_KEY) != 1) {
        return NGX_ERROR;
    }

    p = ngx_slab_calloc(shpool, octets / set * set);
    if (p == NULL) {
        return NGX_ERROR;
    }

    sh->sets = octets / set;
    sh->offset = p - (u_char *) sh;
    sh->layout = NGX_AGENT_ONCE_LAYOUT;
    sh->magic = NGX_AGENT_ONCE_MAGIC;

    return ngx_agent_once_attach(once, shpool, sh);
}


ngx_int_t
ngx_agent_once_attach(ngx_agent_once_t *once, ngx_slab_pool_t *shpool,
    ngx_agent_once_sh_t *sh)
{
    uint64_t  room, set;

    if (sh->magic != NGX_AGENT_ONCE_MAGIC
        || sh->layout != NGX_AGENT_ONCE_LAYOUT)
    {
        return NGX_DECLINED;
    }

    set = NGX_AGENT_ONCE_WAYS * sizeof(ngx_agent_once_slot_t);
    room = shpool->end - (u_char *) sh;

    if (sh->sets == 0
        || sh->offset > room
        || sh->sets > (room - sh->offset) / set)
    {
        return NGX_DECLINED;
    }

    once->shpool = shpool;
    once->sh = sh;
    once->sets = sh->sets;
    once->slots = (ngx_agent_once_slot_t *) ((u_char *) sh + sh->offset);

    return NGX_OK;
}


ngx_int_t
ngx_agent_once_take(const ngx_agent_once_t *once, const u_char *id,
    int64_t now_ms, int64_t until, int64_t most)
{
    uint64_t    words[2];
    ngx_int_t   rc;
    ngx_uint_t  n;

    ngx_memcpy(words, id, sizeof(words));

    for (n = 0; !ngx_shmtx_trylock(&once->shpool->mutex); n++) {

        if (n == NGX_AGENT_ONCE_SPINS) {
            return NGX_BUSY;
        }

        ngx_cpu_pause();
    }

    rc = ngx_agent_once_place(ngx_agent_once_set(once, words), words, now_ms,
                              until, most);

    if (rc == NGX_ERROR) {
        once->sh->full++;
    }

    ngx_shmtx_unlock(&once->shpool->mutex);

    return rc;
}


/* by what a slot keeps of the id, so that it can be copied */

static ngx_agent_once_slot_t *
ngx_agent_once_set(const ngx_agent_once_t *once, const uint64_t *id)
{
    uint64_t  set;

    set = agent_siphash(once->sh->secret, (const u_char *) id,
                        2 * sizeof(uint64_t))
          % once->sets;

    return &once->slots[set * NGX_AGENT_ONCE_WAYS];
}


ngx_uint_t
ngx_agent_once_copy(const ngx_agent_once_t *once,
    const ngx_agent_once_t *other, int64_t now_ms, int64_t most)
{
    uint64_t               i;
    ngx_uint_t             lost;
    ngx_agent_once_slot_t  slot;

    lost = 0;

    for (i = 0; i < other->sets * NGX_AGENT_ONCE_WAYS; i++) {

        slot = other->slots[i];

        if (slot.until <= now_ms || slot.until > now_ms + most) {
            continue;
        }

        if (ngx_agent_once_place(ngx_agent_once_set(once, slot.id), slot.id,
                                 now_ms, slot.until, most)
            == NGX_ERROR)
        {
            lost++;
        }
    }

    return lost;
}


static ngx_int_t
ngx_agent_once_place(ngx_agent_once_slot_t *slot, const uint64_t *id,
    int64_t now_ms, int64_t until, int64_t most)
{
    ngx_uint_t              i;
    ngx_agent_once_slot_t  *free;

    free = NULL;

    for (i = 0; i < NGX_AGENT_ONCE_WAYS; i++) {

        /* what is further off than may be is of a clock that was set back */

        if (slot[i].until <= now_ms || slot[i].until > now_ms + most) {
            free = free ? free : &slot[i];
            continue;
        }

        if (slot[i].id[0] == id[0] && slot[i].id[1] == id[1]) {
            return NGX_DECLINED;
        }
    }

    if (free == NULL) {
        return NGX_ERROR;
    }

    /* whoever is killed in between leaves a slot that is free */

    free->until = 0;
    free->id[0] = id[0];
    free->id[1] = id[1];
    free->until = until;

    return NGX_OK;
}


uint64_t
ngx_agent_once_sample(const ngx_agent_once_t *once, int64_t now_ms,
    uint64_t sets, uint64_t *slots)
{
    uint64_t                i, step, taken;
    ngx_uint_t              n;
    ngx_agent_once_slot_t  *slot;

    step = (once->sets + sets - 1) / sets;
    taken = 0;
    *slots = 0;

    for (i = 0; i < once->sets; i += step) {

        slot = once->slots + i * NGX_AGENT_ONCE_WAYS;

        for (n = 0; n < NGX_AGENT_ONCE_WAYS; n++) {
            taken += (__atomic_load_n(&slot[n].until, __ATOMIC_RELAXED)
                      > now_ms);
        }

        *slots += NGX_AGENT_ONCE_WAYS;
    }

    return taken;
}
