
/*
 * The buffers of the workers, in shared memory: for each file a zone of its
 * own, with a slot and a block for each worker of two generations, since those
 * of the configuration before are there for a while after a reload.  No worker
 * waits for another one: a slot is taken by compare-and-set, and what is in it
 * is written by its owner alone.
 *
 * A zone is named by file, number and size of buffers.  Where a reload changes
 * those, the zone of before goes on as a second one until its workers are gone.
 */

#include "ngx_agent_audit_sink.h"
#include "ngx_agent_process.h"


/* layout of lines and slots: change either, change the name of the zones */

#define NGX_AGENT_AUDIT_LAYOUT  0x61020002
#define NGX_AGENT_AUDIT_ZONE    "ngx_agent_audit_1:"

/* octets that the buffers of a file may take in all; they are no memory until
   they are written to */

#define NGX_AGENT_AUDIT_ZONE_MAX  ((size_t) 1024 * 1024 * 1024)

/* slots beyond those of two generations */

#define NGX_AGENT_AUDIT_SPARE   2


static ngx_uint_t ngx_agent_audit_lines_n(ngx_cycle_t *cycle);
static void ngx_agent_audit_lines_unshared(ngx_cycle_t *cycle,
    const ngx_agent_audit_sink_t *sink);
static ngx_int_t ngx_agent_audit_lines_before(ngx_conf_t *cf,
    ngx_agent_audit_sink_t *sink);
static ngx_uint_t ngx_agent_audit_lines_used(ngx_shm_zone_t *shm_zone);
static void ngx_agent_audit_lines_left(ngx_cycle_t *cycle,
    const ngx_agent_audit_sink_t *sink, const ngx_str_t *zone);
static ngx_shm_zone_t *ngx_agent_audit_lines_zone(ngx_conf_t *cf,
    ngx_str_t *name, size_t size);
static ngx_int_t ngx_agent_audit_lines_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);
static size_t ngx_agent_audit_stride(size_t size);
static ngx_int_t ngx_agent_audit_lines_private(ngx_agent_audit_sink_t *sink);


ngx_int_t
ngx_agent_audit_lines_init(ngx_cycle_t *cycle, ngx_agent_audit_sink_t *sink)
{
    u_char           *p;
    size_t            size;
    ngx_str_t         name;
    ngx_conf_t        cf;
    ngx_uint_t        n;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    /* without a master process there is nobody to inherit */

    if (!ccf->master) {
        return NGX_OK;
    }

    n = ngx_agent_audit_lines_n(cycle);

    if (n > NGX_AGENT_AUDIT_ZONE_MAX / ngx_agent_audit_stride(sink->size)) {
        ngx_agent_audit_lines_unshared(cycle, sink);
        return NGX_OK;
    }

    size = n * ngx_agent_audit_stride(sink->size);

    ngx_memzero(&cf, sizeof(ngx_conf_t));

    cf.cycle = cycle;
    cf.pool = cycle->pool;
    cf.log = cycle->log;

    name.len = sizeof(NGX_AGENT_AUDIT_ZONE) + sink->name.len
               + sizeof(":x") + 2 * NGX_SIZE_T_LEN;
    name.data = ngx_pnalloc(cycle->pool, name.len);
    if (name.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(name.data, NGX_AGENT_AUDIT_ZONE "%V:%uix%uz", &sink->name,
                    n, sink->size);
    name.len = p - name.data;

    /* the blocks, the slots, and what the allocator needs for itself */

    size += n * sizeof(ngx_agent_audit_slot_t);
    size += size / 64 + 16 * ngx_pagesize;

    sink->lines[0] = ngx_agent_audit_lines_zone(&cf, &name, size);
    if (sink->lines[0] == NULL) {
        return NGX_ERROR;
    }

    sink->lines[0]->data = sink;

    return ngx_agent_audit_lines_before(&cf, sink);
}


/* slots: no more than can be counted, however many workers somebody asks for */

static ngx_uint_t
ngx_agent_audit_lines_n(ngx_cycle_t *cycle)
{
    ngx_uint_t        n;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    n = (ngx_uint_t) ngx_max(ccf->worker_processes, 1);

    return 2 * ngx_min(n, NGX_AGENT_AUDIT_ZONE_MAX) + NGX_AGENT_AUDIT_SPARE;
}


static void
ngx_agent_audit_lines_unshared(ngx_cycle_t *cycle,
    const ngx_agent_audit_sink_t *sink)
{
    const ngx_agent_audit_place_t  *place;

    place = sink->sized.file.len ? &sink->sized : &sink->place;

    ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                  "agent_auth: the buffers of audit log \"%V\" would take "
                  "more than 1g and are not shared, lines that wait would be "
                  "lost with a worker that is killed, in %V:%ui",
                  &sink->name, &place->file, place->line);
}


/* the zones of this file in the configuration that goes */

static ngx_int_t
ngx_agent_audit_lines_before(ngx_conf_t *cf, ngx_agent_audit_sink_t *sink)
{
    u_char           *p;
    size_t            len;
    ngx_uint_t        i, n;
    ngx_list_part_t  *part;
    ngx_shm_zone_t   *zone;

    if (ngx_is_init_cycle(cf->cycle->old_cycle)) {
        return NGX_OK;
    }

    n = 1;
    len = sizeof(NGX_AGENT_AUDIT_ZONE) - 1;

    for (part = &cf->cycle->old_cycle->shared_memory.part; part;
         part = part->next)
    {
        zone = part->elts;

        for (i = 0; i < part->nelts; i++) {

            p = zone[i].shm.name.data;

            if (zone[i].shm.name.len <= len + sink->name.len
                || ngx_strncmp(p, NGX_AGENT_AUDIT_ZONE, len) != 0
                || ngx_strncmp(p + len, sink->name.data, sink->name.len) != 0
                || p[len + sink->name.len] != ':'
                || (zone[i].shm.name.len == sink->lines[0]->shm.name.len
                    && ngx_strncmp(p, sink->lines[0]->shm.name.data,
                                   zone[i].shm.name.len)
                       == 0)
                || !ngx_agent_audit_lines_used(&zone[i]))
            {
                continue;
            }

            if (n == NGX_AGENT_AUDIT_LINES) {
                ngx_agent_audit_lines_left(cf->cycle, sink, &zone[i].shm.name);
                continue;
            }

            sink->lines[n] = ngx_agent_audit_lines_zone(cf, &zone[i].shm.name,
                                                        zone[i].shm.size);
            if (sink->lines[n++] == NULL) {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_agent_audit_lines_used(ngx_shm_zone_t *shm_zone)
{
    ngx_uint_t                i;
    ngx_agent_audit_lines_t  *lines;

    lines = ngx_agent_audit_lines(shm_zone);

    for (i = 0; lines && i < lines->n; i++) {
        if (lines->slot[i].owner) {
            return 1;
        }
    }

    return 0;
}


static void
ngx_agent_audit_lines_left(ngx_cycle_t *cycle,
    const ngx_agent_audit_sink_t *sink, const ngx_str_t *zone)
{
    const ngx_agent_audit_place_t  *place;

    place = sink->sized.file.len ? &sink->sized : &sink->place;

    ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                  "agent_auth: workers of before have buffers of more than %d "
                  "sizes for audit log \"%V\", lines that wait in zone \"%V\" "
                  "are lost with a worker that is killed, in %V:%ui",
                  NGX_AGENT_AUDIT_LINES - 1, &sink->name, zone, &place->file,
                  place->line);
}


static ngx_shm_zone_t *
ngx_agent_audit_lines_zone(ngx_conf_t *cf, ngx_str_t *name, size_t size)
{
    ngx_str_t        copy;
    ngx_shm_zone_t  *shm_zone;

    /* that of the old configuration goes with it */

    copy.len = name->len;
    copy.data = ngx_pstrdup(cf->pool, name);
    if (copy.data == NULL) {
        return NULL;
    }

    shm_zone = ngx_shared_memory_add(cf, &copy, size, &ngx_core_module);
    if (shm_zone == NULL) {
        return NULL;
    }

    shm_zone->init = ngx_agent_audit_lines_zone_init;

    return shm_zone;
}


/* a zone of before is there already, and has no sink as its data */

static ngx_int_t
ngx_agent_audit_lines_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    size_t                    stride;
    ngx_uint_t                i, n;
    ngx_slab_pool_t          *shpool;
    ngx_agent_audit_sink_t   *sink;
    ngx_agent_audit_lines_t  *lines;

    sink = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (sink == NULL || shpool->data) {
        return NGX_OK;
    }

    n = ngx_agent_audit_lines_n(sink->conf->cycle);
    stride = ngx_agent_audit_stride(sink->size);

    lines = ngx_slab_calloc(shpool, sizeof(ngx_agent_audit_lines_t)
                                    + n * sizeof(ngx_agent_audit_slot_t));
    if (lines == NULL) {
        return NGX_ERROR;
    }

    lines->blocks = ngx_slab_alloc(shpool, n * stride);
    if (lines->blocks == NULL) {
        return NGX_ERROR;
    }

    lines->layout = NGX_AGENT_AUDIT_LAYOUT;
    lines->n = n;
    lines->size = sink->size;

    for (i = 0; i < n; i++) {
        *ngx_agent_audit_block(lines, i) = LF;
    }

    shpool->data = lines;

    return NGX_OK;
}


/* of a block: begins with a cache line of its own */

static size_t
ngx_agent_audit_stride(size_t size)
{
    return ngx_align(1 + size, 64);
}


ngx_agent_audit_lines_t *
ngx_agent_audit_lines(ngx_shm_zone_t *shm_zone)
{
    u_char                   *p, *end;
    ngx_slab_pool_t          *shpool;
    ngx_agent_audit_lines_t  *lines;

    if (shm_zone == NULL || shm_zone->shm.addr == NULL) {
        return NULL;
    }

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;
    end = shm_zone->shm.addr + shm_zone->shm.size;

    lines = shpool->data;
    p = (u_char *) lines;

    if (p < shm_zone->shm.addr || p > end
        || (size_t) (end - p) < sizeof(ngx_agent_audit_lines_t)
        || lines->layout != NGX_AGENT_AUDIT_LAYOUT
        || lines->size == 0
        || lines->size > NGX_AGENT_AUDIT_ZONE_MAX
        || lines->n > NGX_AGENT_AUDIT_ZONE_MAX / lines->size)
    {
        return NULL;
    }

    if ((size_t) (end - p) / sizeof(ngx_agent_audit_slot_t) <= lines->n
        || lines->blocks < shm_zone->shm.addr
        || lines->blocks > end
        || (size_t) (end - lines->blocks)
           < lines->n * ngx_agent_audit_stride(lines->size))
    {
        return NULL;
    }

    return lines;
}


u_char *
ngx_agent_audit_block(ngx_agent_audit_lines_t *lines, ngx_uint_t n)
{
    return lines->blocks + n * ngx_agent_audit_stride(lines->size);
}


ngx_int_t
ngx_agent_audit_lines_claim(ngx_agent_audit_sink_t *sink)
{
    ngx_uint_t                i;
    ngx_atomic_uint_t         own;
    ngx_agent_audit_slot_t   *slot;
    ngx_agent_audit_lines_t  *lines;

    lines = ngx_agent_audit_lines(sink->lines[0]);

    if (lines == NULL || lines->size != sink->size) {
        return ngx_agent_audit_lines_private(sink);
    }

    own = ngx_agent_process_word();

    for (i = 0; i < lines->n; i++) {

        slot = &lines->slot[i];

        if (slot->owner || !ngx_atomic_cmp_set(&slot->owner, 0, own)) {
            continue;
        }

        slot->writing = 0;
        slot->moved = 0;
        slot->span = 0;
        slot->seq = 0;
        slot->taken = 0;
        slot->uid_len = 0;

        (void) ngx_agent_audit_attach(sink, lines, i);

        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "agent_auth: no shared buffer is free for audit log \"%V\", "
                  "lines that wait would be lost with this process",
                  &sink->name);

    return ngx_agent_audit_lines_private(sink);
}


static ngx_int_t
ngx_agent_audit_lines_private(ngx_agent_audit_sink_t *sink)
{
    u_char                  *block;
    ngx_pool_t              *pool;
    ngx_agent_audit_slot_t  *slot;

    pool = sink->conf->cycle->pool;

    block = ngx_pnalloc(pool, 1 + sink->size);
    slot = ngx_pcalloc(pool, sizeof(ngx_agent_audit_slot_t));

    if (block == NULL || slot == NULL) {
        return NGX_ERROR;
    }

    block[0] = LF;

    sink->slot = slot;
    sink->block = block;
    sink->start = block + 1;
    sink->last = sink->start;
    sink->end = sink->start + sink->size;

    return NGX_OK;
}


void
ngx_agent_audit_lines_release(ngx_agent_audit_sink_t *sink)
{
    if (sink->slot == NULL || sink->last != sink->start) {
        return;
    }

    /* nobody looks at the word of a slot in memory of our own */

    ngx_agent_audit_settled();
    sink->slot->owner = 0;
}


void
ngx_agent_audit_publish(ngx_agent_audit_sink_t *sink)
{
    u_char  *first;

    first = sink->block + 1;

    ngx_agent_audit_settled();
    sink->slot->span = (uint64_t) (sink->start - first) << 32
                       | (uint64_t) (sink->last - first);
}


/*
 * Piece by piece, each no longer than the gap, so that the octets that are
 * being moved are whole where they were until they are counted as moved.
 */

void
ngx_agent_audit_compact(ngx_agent_audit_sink_t *sink)
{
    u_char  *first;
    size_t   gap, len, n, done;

    first = sink->block + 1;
    gap = sink->start - first;
    len = sink->last - sink->start;

    if (gap == 0) {
        return;
    }

    done = (size_t) sink->slot->moved;

    while (done < len) {
        n = ngx_min(gap, len - done);
        ngx_memcpy(first + done, sink->start + done, n);

        done += n;

        ngx_agent_audit_settled();
        sink->slot->moved = done;
    }

    sink->start = first;
    sink->last = first + len;

    ngx_agent_audit_publish(sink);

    ngx_agent_audit_settled();
    sink->slot->moved = 0;
}


ngx_uint_t
ngx_agent_audit_attach(ngx_agent_audit_sink_t *sink,
    ngx_agent_audit_lines_t *lines, ngx_uint_t n)
{
    u_char                  *block;
    uint32_t                 start, last;
    uint64_t                 span;
    ngx_agent_audit_slot_t  *slot;

    slot = &lines->slot[n];
    block = ngx_agent_audit_block(lines, n);

    span = slot->span;

    start = (uint32_t) (span >> 32);
    last = (uint32_t) span;

    if (start > last || last > lines->size) {
        return 0;
    }

    sink->slot = slot;
    sink->block = block;
    sink->start = block + 1 + start;
    sink->last = block + 1 + last;
    sink->end = block + 1 + lines->size;

    /* it was killed while it moved them, or right after */

    if (start == 0) {
        slot->moved = 0;

    } else if (slot->moved && slot->moved <= last - start) {
        ngx_agent_audit_compact(sink);
    }

    return 1;
}
