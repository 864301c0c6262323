
/*
 * Generations: a read-mostly block of shared memory that is replaced as a
 * whole.  Two arenas; one is published, the other is filled by one process at
 * a time.  Readers take no lock and never wait: they copy what they need and
 * ask afterwards whether the arena was reused meanwhile.
 */

#ifndef _NGX_AGENT_GEN_H_INCLUDED_
#define _NGX_AGENT_GEN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* how often a reader tries before it gives up: NGX_BUSY */

#define NGX_AGENT_GEN_RETRIES  16


/*
 * The shared part; lies in the zone, is zero at first.  A lease belongs to a
 * process (pid and start, since pids are used again) of a configuration
 * (epoch, which grows with each one that came into force).
 */

typedef struct {
    uint32_t           magic;
    uint32_t           layout;
    uint32_t           kind;
    uint32_t           reserved;
    uint64_t           size;            /* of an arena */
    uint64_t           offset[2];       /* of the arenas, from here */
    uint64_t           gen;             /* published, 0: none yet */
    uint64_t           building;        /* gen, or gen + 1 in the making */
    uint64_t           epoch;
    uint64_t           lease_epoch;
    uint64_t           lease_start;
    uint64_t           lease_pid;       /* 0: free */
} ngx_agent_gen_sh_t;


/* the part of one configuration; written while it comes into force only */

typedef struct {
    ngx_slab_pool_t     *shpool;
    ngx_agent_gen_sh_t  *sh;
    size_t               size;          /* of an arena; as trusted as our code,
                                           unlike what the zone says */
    uint64_t             offset[2];
    uint64_t             epoch;
} ngx_agent_gen_t;


/*
 * Lays out two arenas of what is left in a zone's pool.  sh is zeroed memory
 * of that pool.  kind tells the user's kind and layout of arenas.  Returns
 * NGX_ERROR where the zone has no room for two arenas of a page.
 */

ngx_int_t ngx_agent_gen_create(ngx_agent_gen_t *gen, ngx_slab_pool_t *shpool,
    ngx_agent_gen_sh_t *sh, ngx_uint_t kind);


/*
 * Attaches to sh as an earlier configuration made it.  Returns NGX_DECLINED
 * where it is of another layout or kind.
 */

ngx_int_t ngx_agent_gen_attach(ngx_agent_gen_t *gen, ngx_slab_pool_t *shpool,
    ngx_agent_gen_sh_t *sh, ngx_uint_t kind);


/* the configuration comes into force: earlier ones publish no more */

void ngx_agent_gen_commit(ngx_agent_gen_t *gen);


/*
 * The arena that is published, gen->size octets, and its generation; NULL
 * where none was yet.
 */

u_char *ngx_agent_gen_read(const ngx_agent_gen_t *gen, uint64_t *g);


/*
 * NGX_OK: what was copied from the arena since ngx_agent_gen_read() is of
 * generation g.  NGX_AGAIN: it may be torn; throw it away, read again.
 */

ngx_int_t ngx_agent_gen_check(const ngx_agent_gen_t *gen, uint64_t g);


/*
 * Takes the lease and returns the idle arena, or NULL where another process
 * that still runs holds it, this configuration is not the newest, or the
 * pool's mutex is busy: try again later.
 */

u_char *ngx_agent_gen_claim(ngx_agent_gen_t *gen);


/* NGX_OK while the lease is ours and the configuration is the newest one */

ngx_int_t ngx_agent_gen_held(const ngx_agent_gen_t *gen);


/*
 * Publishes the idle arena and gives the lease back: NGX_OK.  NGX_AGAIN: the
 * pool's mutex is busy, try again.  NGX_DECLINED: the lease is lost, nothing
 * was published.
 */

ngx_int_t ngx_agent_gen_publish(ngx_agent_gen_t *gen);


/* gives the lease back where it is ours; what was filled in is left idle */

void ngx_agent_gen_release(ngx_agent_gen_t *gen);


#endif /* _NGX_AGENT_GEN_H_INCLUDED_ */
