
#include "ngx_agent_revocation_table.h"

#include <openssl/rand.h>


#define NGX_AGENT_REVOCATION_MAGIC   0x746b7672         /* "rvkt" */
#define NGX_AGENT_REVOCATION_LAYOUT  3

/* looks at a mutex that is taken */

#define NGX_AGENT_REVOCATION_SPINS   4096

/* what one entry takes: itself and its head */

#define NGX_AGENT_REVOCATION_OCTETS                                           \
    (sizeof(ngx_agent_revocation_entry_t) + sizeof(uint32_t))


static uint32_t *ngx_agent_revocation_head(
    const ngx_agent_revocation_table_t *table, uint64_t hash);
static ngx_agent_revocation_entry_t *ngx_agent_revocation_table_add(
    const ngx_agent_revocation_table_t *table,
    const ngx_agent_revocation_op_t *op, int64_t now_ms);
static void ngx_agent_revocation_set(int64_t *p, int64_t value);
static void ngx_agent_revocation_table_sweep_head(
    const ngx_agent_revocation_table_t *table, uint32_t *head,
    int64_t now_ms);


size_t
ngx_agent_revocation_table_size(uint64_t entries)
{
    size_t  size;

    size = sizeof(ngx_agent_revocation_sh_t)
           + (entries + 1) * NGX_AGENT_REVOCATION_OCTETS;

    /* ngx_slab_init() takes 24 octets for each page, and some pages */

    return size + size / 128 + 16 * ngx_pagesize;
}


ngx_int_t
ngx_agent_revocation_table_create(ngx_agent_revocation_table_t *table,
    ngx_slab_pool_t *shpool, ngx_agent_revocation_sh_t *sh)
{
    u_char    *p;
    size_t     room;
    uint64_t   n;

    room = shpool->pfree * ngx_pagesize;
    n = ngx_min(room / NGX_AGENT_REVOCATION_OCTETS, UINT32_MAX - 1);

    if (n == 0 || RAND_bytes(sh->secret, AGENT_SIPHASH_KEY) != 1) {
        return NGX_ERROR;
    }

    p = ngx_slab_calloc(shpool, n * NGX_AGENT_REVOCATION_OCTETS);
    if (p == NULL) {
        return NGX_ERROR;
    }

    sh->capacity = n;
    sh->entries = (uint64_t) (p - (u_char *) sh);
    sh->heads = sh->entries + n * sizeof(ngx_agent_revocation_entry_t);
    sh->layout = NGX_AGENT_REVOCATION_LAYOUT;
    sh->magic = NGX_AGENT_REVOCATION_MAGIC;

    return ngx_agent_revocation_table_attach(table, shpool, sh);
}


ngx_int_t
ngx_agent_revocation_table_attach(ngx_agent_revocation_table_t *table,
    ngx_slab_pool_t *shpool, ngx_agent_revocation_sh_t *sh)
{
    uint64_t  room;

    if (sh->magic != NGX_AGENT_REVOCATION_MAGIC
        || sh->layout != NGX_AGENT_REVOCATION_LAYOUT)
    {
        return NGX_DECLINED;
    }

    room = (uint64_t) (shpool->end - (u_char *) sh);

    if (sh->capacity == 0
        || sh->capacity > room / NGX_AGENT_REVOCATION_OCTETS
        || sh->entries > room
        || sh->capacity * NGX_AGENT_REVOCATION_OCTETS > room - sh->entries
        || sh->heads != sh->entries
                        + sh->capacity * sizeof(ngx_agent_revocation_entry_t))
    {
        return NGX_DECLINED;
    }

    table->shpool = shpool;
    table->sh = sh;
    table->capacity = sh->capacity;
    table->entries = (ngx_agent_revocation_entry_t *)
                     ((u_char *) sh + sh->entries);
    table->heads = (uint32_t *) ((u_char *) sh + sh->heads);

    return NGX_OK;
}


ngx_int_t
ngx_agent_revocation_table_lock(const ngx_agent_revocation_table_t *table)
{
    ngx_uint_t                  n;
    ngx_agent_revocation_sh_t  *sh;

    for (n = 0; !ngx_shmtx_trylock(&table->shpool->mutex); n++) {

        if (n == NGX_AGENT_REVOCATION_SPINS) {
            return NGX_BUSY;
        }

        ngx_cpu_pause();
    }

    sh = table->sh;

    /* the master took the mutex from somebody who was killed */

    if (sh->version & 1) {
        ngx_agent_revocation_table_clear(table, 0);
    }

    return NGX_OK;
}


void
ngx_agent_revocation_table_unlock(const ngx_agent_revocation_table_t *table)
{
    ngx_agent_revocation_sh_t  *sh;

    sh = table->sh;

    if (sh->version & 1) {
        ngx_memory_barrier();
        ngx_agent_revocation_store(&sh->version, sh->version + 1);
    }

    ngx_shmtx_unlock(&table->shpool->mutex);
}


ngx_int_t
ngx_agent_revocation_table_apply(const ngx_agent_revocation_table_t *table,
    const ngx_agent_revocation_op_t *op, int64_t now_ms)
{
    int64_t                        until, before;
    ngx_agent_revocation_entry_t  *e;

    e = ngx_agent_revocation_table_find(table, op->hash);

    if (op->op == AGENT_UNREVOKE || op->op == AGENT_RESUME) {

        if (e && op->op == AGENT_UNREVOKE) {
            ngx_agent_revocation_set(&e->until, 0);
        }

        /* whoever is revoked stays so when it is resumed, and vice versa */

        if (e && (op->op == AGENT_RESUME || op->kind != AGENT_REVOKED_KEY)) {
            ngx_agent_revocation_set(&e->before_until, 0);
        }

        return NGX_OK;
    }

    until = (op->expires == AGENT_REVOCATION_NONE) ? INT64_MAX : op->expires;

    if (until <= now_ms) {
        return NGX_OK;
    }

    if (e == NULL) {
        e = ngx_agent_revocation_table_add(table, op, now_ms);
        return e ? NGX_OK : NGX_DECLINED;
    }

    if (op->op == AGENT_REVOKE && op->before == AGENT_REVOCATION_NONE) {
        ngx_agent_revocation_set(&e->until, ngx_max(e->until, until));
        return NGX_OK;
    }

    /* what is over counts no more: only what is in force can be extended */

    if (e->before_until <= now_ms) {
        ngx_agent_revocation_set(&e->before, 0);
    }

    before = (op->op == AGENT_SUSPEND) ? INT64_MAX : op->before;

    ngx_agent_revocation_set(&e->before, ngx_max(e->before, before));
    ngx_agent_revocation_set(&e->before_until,
                             ngx_max(e->before_until, until));

    return NGX_OK;
}


static ngx_agent_revocation_entry_t *
ngx_agent_revocation_table_add(const ngx_agent_revocation_table_t *table,
    const ngx_agent_revocation_op_t *op, int64_t now_ms)
{
    int64_t                        until;
    uint32_t                      *head;
    uint64_t                       n;
    ngx_agent_revocation_sh_t     *sh;
    ngx_agent_revocation_entry_t  *e;

    sh = table->sh;

    if (sh->free == 0 && sh->used >= table->capacity) {
        ngx_agent_revocation_table_sweep(table, now_ms);
    }

    /* those that were swept, then those that were never used */

    n = sh->free;

    if (n == 0) {

        if (sh->used >= table->capacity) {
            return NULL;
        }

        n = ++sh->used;

    } else if (n > table->capacity) {
        return NULL;

    } else {
        /* a reader may have come to it by the chain where it was before; the
         * version stays odd until all is done that the mutex was taken for */

        ngx_agent_revocation_store(&sh->version, sh->version | 1);
        ngx_memory_barrier();

        sh->free = (uint64_t) table->entries[n - 1].before;

        /* it counts one less after somebody was killed who swept */

        sh->nfree -= (sh->nfree != 0);
    }

    e = &table->entries[n - 1];
    until = (op->expires == AGENT_REVOCATION_NONE) ? INT64_MAX : op->expires;

    ngx_memzero(e, sizeof(ngx_agent_revocation_entry_t));

    e->hash = op->hash;
    e->kind = (uint16_t) op->kind;

    if (op->op == AGENT_REVOKE && op->before == AGENT_REVOCATION_NONE) {
        e->until = until;

    } else {
        e->before = (op->op == AGENT_SUSPEND) ? INT64_MAX : op->before;
        e->before_until = until;
    }

    head = ngx_agent_revocation_head(table, op->hash);
    e->next = *head;

    ngx_agent_revocation_store(head, (uint32_t) n);

    ngx_agent_revocation_store(&sh->kinds,
                               sh->kinds | ((uint64_t) 1 << op->kind));

    return e;
}


static void
ngx_agent_revocation_set(int64_t *p, int64_t value)
{
    ngx_agent_revocation_store(p, value);
}


static uint32_t *
ngx_agent_revocation_head(const ngx_agent_revocation_table_t *table,
    uint64_t hash)
{
    return &table->heads[(hash >> 32) * table->capacity >> 32];
}


ngx_agent_revocation_entry_t *
ngx_agent_revocation_table_find(const ngx_agent_revocation_table_t *table,
    uint64_t hash)
{
    uint32_t                       n;
    uint64_t                       i;
    ngx_agent_revocation_entry_t  *e;

    n = ngx_agent_revocation_load(ngx_agent_revocation_head(table, hash));

    /* an index from shared memory, in a chain that may lead anywhere */

    for (i = 0; n && n <= table->capacity && i < table->capacity; i++) {

        e = &table->entries[n - 1];

        if (e->hash == hash) {
            return e;
        }

        n = ngx_agent_revocation_load(&e->next);
    }

    return NULL;
}


uint64_t
ngx_agent_revocation_table_room(const ngx_agent_revocation_table_t *table)
{
    uint64_t  used, nfree;

    used = ngx_min(table->sh->used, table->capacity);
    nfree = ngx_min(table->sh->nfree, used);

    return table->capacity - used + nfree;
}


void
ngx_agent_revocation_table_sweep(const ngx_agent_revocation_table_t *table,
    int64_t now_ms)
{
    uint64_t                    now;
    ngx_uint_t                  i;
    ngx_agent_revocation_sh_t  *sh;

    sh = table->sh;
    now = (uint64_t) (now_ms / 1000);

    if (sh->swept == now) {
        return;
    }

    sh->swept = now;

    for (i = 0; i < table->capacity; i++) {
        ngx_agent_revocation_table_sweep_head(table, &table->heads[i],
                                              now_ms);
    }
}


/*
 * Readers go on meanwhile: whoever has come to an entry that is taken out gets
 * from there to those that followed it, until it is used again.
 */

static void
ngx_agent_revocation_table_sweep_head(
    const ngx_agent_revocation_table_t *table, uint32_t *head, int64_t now_ms)
{
    uint32_t                       n;
    uint64_t                       i;
    ngx_agent_revocation_entry_t  *e;

    for (i = 0; *head && *head <= table->capacity && i < table->capacity; i++)
    {
        n = *head;
        e = &table->entries[n - 1];

        if (e->until > now_ms || e->before_until > now_ms) {
            head = &e->next;
            continue;
        }

        ngx_agent_revocation_store(head, e->next);

        e->hash = 0;
        e->before = (int64_t) table->sh->free;
        table->sh->free = n;
        table->sh->nfree++;
    }
}


void
ngx_agent_revocation_table_clear(const ngx_agent_revocation_table_t *table,
    uint64_t applied)
{
    ngx_agent_revocation_sh_t  *sh;

    sh = table->sh;

    ngx_agent_revocation_store(&sh->version, sh->version | 1);
    ngx_memory_barrier();

    ngx_agent_revocation_store(&sh->applied, applied);

    ngx_memzero(table->heads, table->capacity * sizeof(uint32_t));

    sh->kinds = 0;
    sh->used = 0;
    sh->free = 0;
    sh->nfree = 0;
    sh->swept = 0;
    sh->stuck = 0;

    ngx_memory_barrier();
    ngx_agent_revocation_store(&sh->version, sh->version + 1);
}
