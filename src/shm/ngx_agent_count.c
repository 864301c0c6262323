
#include "ngx_agent_count.h"
#include "agent_digest.h"


#define NGX_AGENT_COUNT_MAGIC   0x746e6361      /* "acnt" */
#define NGX_AGENT_COUNT_LAYOUT  1

/* a block begins where a line of the processor's cache does */

#define NGX_AGENT_COUNT_ALIGN   64


typedef struct {
    u_char                    id[NGX_AGENT_COUNT_ID];
    uint64_t                  conf;     /* the last that had it; 0: free */
} ngx_agent_count_name_t;


static uint64_t ngx_agent_count_cells_of(const ngx_agent_count_group_t *group,
    ngx_uint_t n);
static uint64_t ngx_agent_count_names_of(const ngx_agent_count_group_t *group,
    ngx_uint_t n);
static ngx_agent_count_name_t *ngx_agent_count_place(
    ngx_agent_count_name_t *name, ngx_uint_t n, const u_char *id,
    uint64_t conf);
static void ngx_agent_count_clear(ngx_agent_counts_t *counts, uint64_t cell,
    uint64_t n);


uint64_t  *ngx_agent_count_cells;


size_t
ngx_agent_counts_size(const ngx_agent_count_group_t *group, ngx_uint_t n)
{
    return sizeof(ngx_agent_count_sh_t)
           + ngx_agent_count_names_of(group, n)
             * sizeof(ngx_agent_count_name_t)
           + NGX_AGENT_COUNT_ALIGN
           + NGX_AGENT_COUNT_BLOCKS * ngx_agent_count_cells_of(group, n)
             * sizeof(uint64_t);
}


/* each group has one place more, for those that find none */

static uint64_t
ngx_agent_count_cells_of(const ngx_agent_count_group_t *group, ngx_uint_t n)
{
    uint64_t    cells, line;
    ngx_uint_t  i;

    cells = 0;

    for (i = 0; i < n; i++) {
        cells += (uint64_t) (group[i].names + 1) * group[i].cells;
    }

    line = NGX_AGENT_COUNT_ALIGN / sizeof(uint64_t);

    return (cells + line - 1) / line * line;
}


static uint64_t
ngx_agent_count_names_of(const ngx_agent_count_group_t *group, ngx_uint_t n)
{
    uint64_t    names;
    ngx_uint_t  i;

    names = 0;

    for (i = 0; i < n; i++) {
        names += group[i].names;
    }

    return names;
}


void
ngx_agent_counts_create(ngx_agent_count_sh_t *sh,
    const ngx_agent_count_group_t *group, ngx_uint_t n, time_t now)
{
    u_char      *p;
    ngx_uint_t   i;

    sh->ngroups = (uint32_t) n;

    for (i = 0; i < n; i++) {
        sh->group[i] = group[i];
    }

    sh->since = now;
    sh->cells = ngx_agent_count_cells_of(group, n);
    sh->names = sizeof(ngx_agent_count_sh_t);

    p = (u_char *) sh + sh->names
        + ngx_agent_count_names_of(group, n) * sizeof(ngx_agent_count_name_t);
    p = ngx_align_ptr(p, NGX_AGENT_COUNT_ALIGN);

    sh->blocks = (uint64_t) (p - (u_char *) sh);

    sh->layout = NGX_AGENT_COUNT_LAYOUT;
    sh->magic = NGX_AGENT_COUNT_MAGIC;
}


ngx_int_t
ngx_agent_counts_attach(ngx_agent_counts_t *counts, ngx_slab_pool_t *shpool,
    ngx_agent_count_sh_t *sh, const ngx_agent_count_group_t *group,
    ngx_uint_t n)
{
    uint64_t  names, cells, room;

    names = ngx_agent_count_names_of(group, n);
    cells = ngx_agent_count_cells_of(group, n);

    if ((u_char *) sh < shpool->start
        || (size_t) (shpool->end - (u_char *) sh)
           < ngx_agent_counts_size(group, n)
        || sh->magic != NGX_AGENT_COUNT_MAGIC
        || sh->layout != NGX_AGENT_COUNT_LAYOUT
        || sh->ngroups != n
        || ngx_memcmp(sh->group, group, n * sizeof(ngx_agent_count_group_t))
           != 0
        || sh->cells != cells
        || sh->names != sizeof(ngx_agent_count_sh_t))
    {
        return NGX_DECLINED;
    }

    room = shpool->end - (u_char *) sh;

    if (sh->blocks < sh->names + names * sizeof(ngx_agent_count_name_t)
        || sh->blocks > room
        || cells * NGX_AGENT_COUNT_BLOCKS * sizeof(uint64_t)
           > room - sh->blocks
        || sh->blocks % sizeof(uint64_t))
    {
        return NGX_DECLINED;
    }

    counts->sh = sh;
    counts->group = group;
    counts->cells = cells;
    counts->names = (u_char *) sh + sh->names;
    counts->blocks = (uint64_t *) ((u_char *) sh + sh->blocks);

    sh->conf++;

    return NGX_OK;
}


ngx_uint_t
ngx_agent_count_name(ngx_agent_counts_t *counts, ngx_uint_t group,
    const ngx_str_t *name, ngx_uint_t *shared)
{
    u_char                          id[AGENT_SHA256_LEN];
    ngx_uint_t                      i, cell;
    ngx_agent_count_name_t         *first, *place;
    const ngx_agent_count_group_t  *g;

    g = counts->group;
    first = (ngx_agent_count_name_t *) counts->names;

    for (i = 0; i < group; i++) {
        first += g[i].names;
    }

    cell = ngx_agent_count_first(counts, group);

    agent_sha256(name->data, name->len, id);

    place = ngx_agent_count_place(first, g[group].names, id,
                                  counts->sh->conf);
    if (place == NULL) {
        *shared = 1;
        return cell;
    }

    cell += (place - first + 1) * g[group].cells;

    if (place->conf == 0
        || ngx_memcmp(place->id, id, NGX_AGENT_COUNT_ID) != 0)
    {
        ngx_agent_count_clear(counts, cell, g[group].cells);
        ngx_memcpy(place->id, id, NGX_AGENT_COUNT_ID);
    }

    place->conf = counts->sh->conf;

    return cell;
}


static ngx_agent_count_name_t *
ngx_agent_count_place(ngx_agent_count_name_t *name, ngx_uint_t n,
    const u_char *id, uint64_t conf)
{
    ngx_uint_t               i;
    ngx_agent_count_name_t  *best;

    best = NULL;

    for (i = 0; i < n; i++) {

        if (name[i].conf && ngx_memcmp(name[i].id, id, NGX_AGENT_COUNT_ID) == 0)
        {
            return &name[i];
        }

        if (name[i].conf != conf
            && (best == NULL || name[i].conf < best->conf))
        {
            best = &name[i];
        }
    }

    return best;
}


static void
ngx_agent_count_clear(ngx_agent_counts_t *counts, uint64_t cell, uint64_t n)
{
    uint64_t    j;
    ngx_uint_t  i;

    for (i = 0; i < NGX_AGENT_COUNT_BLOCKS; i++) {
        for (j = 0; j < n; j++) {
            __atomic_store_n(&counts->blocks[i * counts->cells + cell + j], 0,
                             __ATOMIC_RELAXED);
        }
    }
}


ngx_uint_t
ngx_agent_count_first(const ngx_agent_counts_t *counts, ngx_uint_t group)
{
    ngx_uint_t                      i, cell;
    const ngx_agent_count_group_t  *g;

    cell = 0;
    g = counts->group;

    for (i = 0; i < group; i++) {
        cell += (g[i].names + 1) * g[i].cells;
    }

    return cell;
}


void
ngx_agent_counts_use(const ngx_agent_counts_t *counts, ngx_uint_t worker)
{
    ngx_agent_count_cells = counts
                            ? counts->blocks + counts->cells
                              * (worker % NGX_AGENT_COUNT_BLOCKS)
                            : NULL;
}


void
ngx_agent_counts_sum(const ngx_agent_counts_t *counts, uint64_t *sum)
{
    uint64_t     j;
    ngx_uint_t   i;
    uint64_t    *block;

    ngx_memzero(sum, counts->cells * sizeof(uint64_t));

    block = counts->blocks;

    for (i = 0; i < NGX_AGENT_COUNT_BLOCKS; i++) {

        for (j = 0; j < counts->cells; j++) {
            sum[j] += __atomic_load_n(&block[j], __ATOMIC_RELAXED);
        }

        block += counts->cells;
    }
}


uint64_t
ngx_agent_count_get(const ngx_agent_counts_t *counts, ngx_uint_t cell)
{
    uint64_t    sum;
    ngx_uint_t  i;

    sum = 0;

    for (i = 0; i < NGX_AGENT_COUNT_BLOCKS; i++) {
        sum += __atomic_load_n(&counts->blocks[i * counts->cells + cell],
                               __ATOMIC_RELAXED);
    }

    return sum;
}


/* two workers that do it at once write nearly the same */

void
ngx_agent_count_note(const ngx_agent_counts_t *counts, time_t now,
    const uint64_t *value)
{
    uint64_t               minute, i;
    ngx_uint_t             j;
    ngx_agent_count_sh_t  *sh;

    sh = counts->sh;
    minute = (uint64_t) now / 60;
    i = minute % NGX_AGENT_COUNT_MINUTES;

    if (__atomic_load_n(&sh->minute[i], __ATOMIC_RELAXED) == minute) {
        return;
    }

    for (j = 0; j < NGX_AGENT_COUNT_VALUES; j++) {
        __atomic_store_n(&sh->value[i][j], value[j], __ATOMIC_RELAXED);
    }

    __atomic_store_n(&sh->minute[i], minute, __ATOMIC_RELEASE);
}


void
ngx_agent_count_growth(const ngx_agent_counts_t *counts, time_t now,
    const uint64_t *value, uint64_t *growth)
{
    uint64_t               minute, m, oldest, then;
    ngx_uint_t             i, j;
    ngx_agent_count_sh_t  *sh;

    sh = counts->sh;
    minute = (uint64_t) now / 60;
    oldest = minute + 1;

    ngx_memzero(growth, NGX_AGENT_COUNT_VALUES * sizeof(uint64_t));

    for (i = 0; i < NGX_AGENT_COUNT_MINUTES; i++) {

        m = __atomic_load_n(&sh->minute[i], __ATOMIC_ACQUIRE);

        /* what is not of the last hour is of before, or of another clock */

        if (m > minute || minute - m >= NGX_AGENT_COUNT_MINUTES
            || m >= oldest)
        {
            continue;
        }

        oldest = m;

        for (j = 0; j < NGX_AGENT_COUNT_VALUES; j++) {
            then = __atomic_load_n(&sh->value[i][j], __ATOMIC_RELAXED);
            growth[j] = value[j] > then ? value[j] - then : 0;
        }
    }
}
