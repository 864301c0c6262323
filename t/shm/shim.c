
#include "shim.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>


static ngx_time_t  shim_now = { 1800000000, 0, 0 };

ngx_pid_t             ngx_pid;
ngx_uint_t            ngx_pagesize = 4096;
volatile ngx_time_t  *ngx_cached_time = &shim_now;


ngx_slab_pool_t *
shim_pool(size_t size)
{
    ngx_slab_pool_t  *pool;

    shim_child();

    pool = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_ANON|MAP_SHARED, -1, 0);

    if (pool == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }

    pool->start = (u_char *) pool + ngx_pagesize;
    pool->end = (u_char *) pool + size;
    pool->free.slab = (uintptr_t) pool->start;
    pool->pfree = size / ngx_pagesize - 1;
    pool->mutex.lock = &pool->lock.lock;

    return pool;
}


void
shim_child(void)
{
    ngx_pid = getpid();
}


ngx_uint_t
ngx_shmtx_trylock(ngx_shmtx_t *mtx)
{
    return *mtx->lock == 0
           && __sync_bool_compare_and_swap(mtx->lock, 0,
                                           (ngx_atomic_uint_t) ngx_pid);
}


void
ngx_shmtx_unlock(ngx_shmtx_t *mtx)
{
    (void) __sync_bool_compare_and_swap(mtx->lock,
                                        (ngx_atomic_uint_t) ngx_pid, 0);
}


void *
ngx_slab_alloc(ngx_slab_pool_t *pool, size_t size)
{
    u_char  *p;
    size_t   pages;

    pages = (size + ngx_pagesize - 1) / ngx_pagesize;

    if (pages > pool->pfree) {
        return NULL;
    }

    p = (u_char *) pool->free.slab;
    pool->free.slab += pages * ngx_pagesize;
    pool->pfree -= pages;

    return p;
}


void *
ngx_slab_calloc(ngx_slab_pool_t *pool, size_t size)
{
    /* the mapping is zero, and nothing is given back */

    return ngx_slab_alloc(pool, size);
}


/* "/proc/%P/stat%Z" is all that is asked for */

u_char *
ngx_sprintf(u_char *buf, const char *fmt, ...)
{
    va_list  args;

    if (strcmp(fmt, "/proc/%P/stat%Z") != 0) {
        fprintf(stderr, "shim: unexpected format \"%s\"\n", fmt);
        exit(2);
    }

    va_start(args, fmt);
    buf += sprintf((char *) buf, "/proc/%d/stat", (int) va_arg(args,
                                                               ngx_pid_t));
    va_end(args);

    return buf + 1;
}


void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
    fprintf(stderr, "# logged: %s\n", fmt);
}
