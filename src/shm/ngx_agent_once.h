
/*
 * What may come once, until its time is over: a table in shared memory that
 * forgets nothing before.  What an id stands for is the user's business.
 */

#ifndef _NGX_AGENT_ONCE_H_INCLUDED_
#define _NGX_AGENT_ONCE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "agent_digest.h"


/* octets of an id; the first 16 tell two apart */

#define NGX_AGENT_ONCE_ID    AGENT_SHA256_LEN

#define NGX_AGENT_ONCE_WAYS  32


typedef struct {
    uint64_t                id[2];
    int64_t                 until;      /* epoch ms; free from then on */
} ngx_agent_once_slot_t;


typedef struct {
    uint32_t                magic;
    uint32_t                layout;
    uint64_t                sets;
    uint64_t                offset;     /* of the first slot, from here */
    u_char                  secret[AGENT_SIPHASH_KEY];
    uint64_t                full;       /* ids that found no place */
} ngx_agent_once_sh_t;


typedef struct {
    ngx_slab_pool_t        *shpool;
    ngx_agent_once_sh_t    *sh;
    uint64_t                sets;
    ngx_agent_once_slot_t  *slots;
} ngx_agent_once_t;


/*
 * Lays the table out in octets of what is left in a zone's pool; sh is zeroed
 * memory of that pool.  NGX_ERROR where there is no room for a set or no
 * randomness.
 */

ngx_int_t ngx_agent_once_create(ngx_agent_once_t *once,
    ngx_slab_pool_t *shpool, ngx_agent_once_sh_t *sh, size_t octets);


/* attaches to sh; NGX_DECLINED where it is of another layout */

ngx_int_t ngx_agent_once_attach(ngx_agent_once_t *once,
    ngx_slab_pool_t *shpool, ngx_agent_once_sh_t *sh);


/*
 * Notes what other, of any size, knows and is not over yet; of a table that is
 * written to meanwhile that may be missing which comes later.  Nobody uses once
 * yet.  Returns how many found no place.
 */

ngx_uint_t ngx_agent_once_copy(const ngx_agent_once_t *once,
    const ngx_agent_once_t *other, int64_t now_ms, int64_t most);


/*
 * Notes that id (NGX_AGENT_ONCE_ID octets) has come; it is kept until then.
 * most: no time is further off than so many ms, unless the clock was set back.
 *
 * NGX_OK: for the first time.  NGX_DECLINED: it came before.  NGX_BUSY: the
 * mutex was taken for long.  NGX_ERROR: no place is free.  Only NGX_OK lets
 * pass.
 */

ngx_int_t ngx_agent_once_take(const ngx_agent_once_t *once, const u_char *id,
    int64_t now_ms, int64_t until, int64_t most);


/* of *slots of the places, spread over the table and no more than those of so
 * many sets, how many are taken */

uint64_t ngx_agent_once_sample(const ngx_agent_once_t *once, int64_t now_ms,
    uint64_t sets, uint64_t *slots);


#endif /* _NGX_AGENT_ONCE_H_INCLUDED_ */
