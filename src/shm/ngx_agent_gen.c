
#include "ngx_agent_gen.h"
#include "ngx_agent_process.h"


#define NGX_AGENT_GEN_MAGIC   0x6e656761        /* "agen" */
#define NGX_AGENT_GEN_LAYOUT  1


static u_char *ngx_agent_gen_arena(const ngx_agent_gen_t *gen, uint64_t g);
static ngx_uint_t ngx_agent_gen_ours(const ngx_agent_gen_t *gen);
static ngx_uint_t ngx_agent_gen_holder_runs(ngx_agent_gen_sh_t *sh);


#define ngx_agent_load(p)        __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define ngx_agent_store(p, v)    __atomic_store_n(p, v, __ATOMIC_RELEASE)


ngx_int_t
ngx_agent_gen_create(ngx_agent_gen_t *gen, ngx_slab_pool_t *shpool,
    ngx_agent_gen_sh_t *sh, ngx_uint_t kind)
{
    size_t       size;
    u_char      *arena;
    ngx_uint_t   i;

    size = shpool->pfree / 2 * ngx_pagesize;

    if (size == 0) {
        return NGX_ERROR;
    }

    sh->magic = NGX_AGENT_GEN_MAGIC;
    sh->layout = NGX_AGENT_GEN_LAYOUT;
    sh->kind = (uint32_t) kind;
    sh->size = size;

    for (i = 0; i < 2; i++) {
        arena = ngx_slab_alloc(shpool, size);

        if (arena == NULL) {
            return NGX_ERROR;
        }

        sh->offset[i] = (uint64_t) (arena - (u_char *) sh);
        gen->offset[i] = sh->offset[i];
    }

    gen->shpool = shpool;
    gen->sh = sh;
    gen->size = size;

    return NGX_OK;
}


ngx_int_t
ngx_agent_gen_attach(ngx_agent_gen_t *gen, ngx_slab_pool_t *shpool,
    ngx_agent_gen_sh_t *sh, ngx_uint_t kind)
{
    u_char      *arena;
    ngx_uint_t   i;

    if (sh->magic != NGX_AGENT_GEN_MAGIC || sh->layout != NGX_AGENT_GEN_LAYOUT
        || sh->kind != kind)
    {
        return NGX_DECLINED;
    }

    for (i = 0; i < 2; i++) {
        arena = (u_char *) sh + sh->offset[i];

        if (arena < shpool->start || arena >= shpool->end
            || sh->size > (size_t) (shpool->end - arena))
        {
            return NGX_DECLINED;
        }

        gen->offset[i] = sh->offset[i];
    }

    gen->shpool = shpool;
    gen->sh = sh;
    gen->size = (size_t) sh->size;

    return NGX_OK;
}


void
ngx_agent_gen_commit(ngx_agent_gen_t *gen)
{
    gen->epoch = __atomic_add_fetch(&gen->sh->epoch, 1, __ATOMIC_SEQ_CST);
}


u_char *
ngx_agent_gen_read(const ngx_agent_gen_t *gen, uint64_t *g)
{
    *g = ngx_agent_load(&gen->sh->gen);

    return *g ? ngx_agent_gen_arena(gen, *g) : NULL;
}


ngx_int_t
ngx_agent_gen_check(const ngx_agent_gen_t *gen, uint64_t g)
{
    /* the copies must be complete before the counter is looked at */

    __atomic_thread_fence(__ATOMIC_ACQUIRE);

    return ngx_agent_load(&gen->sh->building) >= g + 2 ? NGX_AGAIN : NGX_OK;
}


static u_char *
ngx_agent_gen_arena(const ngx_agent_gen_t *gen, uint64_t g)
{
    return (u_char *) gen->sh + gen->offset[g & 1];
}


u_char *
ngx_agent_gen_claim(ngx_agent_gen_t *gen)
{
    u_char              *arena;
    ngx_agent_gen_sh_t  *sh;

    sh = gen->sh;

    /* a holder may be stopped within the mutex: nobody waits for it */

    if (!ngx_shmtx_trylock(&gen->shpool->mutex)) {
        return NULL;
    }

    if (gen->epoch != ngx_agent_load(&sh->epoch)
        || ngx_agent_gen_holder_runs(sh))
    {
        ngx_shmtx_unlock(&gen->shpool->mutex);
        return NULL;
    }

    sh->lease_epoch = gen->epoch;
    sh->lease_start = ngx_agent_process_start(ngx_pid);
    ngx_agent_store(&sh->lease_pid, (uint64_t) ngx_pid);

    /*
     * a full barrier, not a release: the stores into the arena that follow
     * must not be seen before this one
     */

    ngx_agent_store(&sh->building, sh->gen + 1);
    ngx_memory_barrier();

    arena = ngx_agent_gen_arena(gen, sh->building);

    ngx_shmtx_unlock(&gen->shpool->mutex);

    return arena;
}


ngx_int_t
ngx_agent_gen_held(const ngx_agent_gen_t *gen)
{
    return (ngx_agent_gen_ours(gen)
            && gen->epoch == ngx_agent_load(&gen->sh->epoch))
           ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_agent_gen_publish(ngx_agent_gen_t *gen)
{
    if (!ngx_shmtx_trylock(&gen->shpool->mutex)) {
        return NGX_AGAIN;
    }

    if (ngx_agent_gen_held(gen) != NGX_OK) {
        ngx_shmtx_unlock(&gen->shpool->mutex);
        return NGX_DECLINED;
    }

    ngx_memory_barrier();
    ngx_agent_store(&gen->sh->gen, gen->sh->building);
    ngx_agent_store(&gen->sh->lease_pid, 0);

    ngx_shmtx_unlock(&gen->shpool->mutex);

    return NGX_OK;
}


void
ngx_agent_gen_release(ngx_agent_gen_t *gen)
{
    /* nobody takes a lease from a process that runs, so no mutex is needed */

    if (ngx_agent_gen_ours(gen)) {
        ngx_agent_store(&gen->sh->lease_pid, 0);
    }
}


static ngx_uint_t
ngx_agent_gen_ours(const ngx_agent_gen_t *gen)
{
    return ngx_agent_load(&gen->sh->lease_pid) == (uint64_t) ngx_pid
           && gen->sh->lease_epoch == gen->epoch;
}


/*
 * Whether the process that holds the lease is still there.  It may be this
 * one: after a reload without a master process, or where our pid was that of
 * a worker that died; then nobody fills the arena.
 */

static ngx_uint_t
ngx_agent_gen_holder_runs(ngx_agent_gen_sh_t *sh)
{
    ngx_pid_t  pid;

    pid = (ngx_pid_t) ngx_agent_load(&sh->lease_pid);

    if (pid == 0 || pid == ngx_pid) {
        return 0;
    }

    return ngx_agent_process_runs(pid, sh->lease_start);
}
