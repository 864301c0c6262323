
/*
 * Counters in shared memory, in groups of so many for each of so many names.
 * What a counter counts is the user's business.  Each worker adds to a block
 * of its own, which it shares with others only where there are many, and a
 * reader sums them up: nobody waits for anybody.
 */

#ifndef _NGX_AGENT_COUNT_H_INCLUDED_
#define _NGX_AGENT_COUNT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_AGENT_COUNT_BLOCKS  16
#define NGX_AGENT_COUNT_GROUPS  8
#define NGX_AGENT_COUNT_ID      16

/* values that are remembered of each of the last minutes */

#define NGX_AGENT_COUNT_VALUES  4
#define NGX_AGENT_COUNT_MINUTES 60


/* names: of a configuration, beyond which they share the first place */

typedef struct {
    uint32_t                  names;
    uint32_t                  cells;    /* counters of a name */
} ngx_agent_count_group_t;


/* at the head of the zone; names and blocks follow */

typedef struct {
    uint32_t                  magic;
    uint32_t                  layout;
    uint32_t                  ngroups;
    uint32_t                  reserved;
    ngx_agent_count_group_t   group[NGX_AGENT_COUNT_GROUPS];
    uint64_t                  cells;    /* of a block */
    uint64_t                  names;    /* offsets from here */
    uint64_t                  blocks;
    uint64_t                  conf;     /* configurations so far */
    int64_t                   since;    /* epoch seconds */
    uint64_t                  minute[NGX_AGENT_COUNT_MINUTES];
    uint64_t                  value[NGX_AGENT_COUNT_MINUTES]
                                   [NGX_AGENT_COUNT_VALUES];
} ngx_agent_count_sh_t;


/* written while a configuration comes into force only */

typedef struct {
    ngx_agent_count_sh_t     *sh;
    const ngx_agent_count_group_t *group;   /* as the caller has them */
    uint64_t                  cells;
    u_char                   *names;
    uint64_t                 *blocks;
} ngx_agent_counts_t;


/* this process's block; NULL: nobody wants to know; hidden, as the look at it
 * is part of each request */

extern uint64_t  *ngx_agent_count_cells
    __attribute__((visibility("hidden")));


/* counts in the cell, as ngx_agent_count_name() and its user number them */

static ngx_inline void
ngx_agent_count_add(ngx_uint_t cell, uint64_t n)
{
    uint64_t  *cells;

    cells = ngx_agent_count_cells;

    if (cells) {
        (void) __atomic_fetch_add(&cells[cell], n, __ATOMIC_RELAXED);
    }
}


#define ngx_agent_count(cell)  ngx_agent_count_add(cell, 1)

/* the same of a block that is known, for several at once */

#define ngx_agent_count_in(cells, cell)                                       \
    (void) __atomic_fetch_add(&(cells)[cell], 1, __ATOMIC_RELAXED)


/* octets that a zone of these groups (n of them) takes of its pool */

size_t ngx_agent_counts_size(const ngx_agent_count_group_t *group,
    ngx_uint_t n);


/*
 * Lays counters out in sh, zeroed memory of the pool of
 * ngx_agent_counts_size() octets.  now: epoch seconds.
 */

void ngx_agent_counts_create(ngx_agent_count_sh_t *sh,
    const ngx_agent_count_group_t *group, ngx_uint_t n, time_t now);


/*
 * Attaches to sh and begins the names of a configuration; group is kept.
 * NGX_DECLINED where it is of another layout or has other groups.
 */

ngx_int_t ngx_agent_counts_attach(ngx_agent_counts_t *counts,
    ngx_slab_pool_t *shpool, ngx_agent_count_sh_t *sh,
    const ngx_agent_count_group_t *group, ngx_uint_t n);


/*
 * The first cell of a name in a group, in the master, while a configuration
 * comes into force.  The place is the one it had, else a free one, else that
 * of the name no configuration has had for longest, counted from 0.  *shared
 * is set where all are of this configuration: then it is the group's first.
 */

ngx_uint_t ngx_agent_count_name(ngx_agent_counts_t *counts, ngx_uint_t group,
    const ngx_str_t *name, ngx_uint_t *shared);


/* the first cell of the group's first place, which has no name */

ngx_uint_t ngx_agent_count_first(const ngx_agent_counts_t *counts,
    ngx_uint_t group);


/* this process counts in the block of this number, or, with NULL, not at all */

void ngx_agent_counts_use(const ngx_agent_counts_t *counts,
    ngx_uint_t worker);


/* the sums of all blocks: counts->cells numbers at sum */

void ngx_agent_counts_sum(const ngx_agent_counts_t *counts, uint64_t *sum);


/* the sum of one cell */

uint64_t ngx_agent_count_get(const ngx_agent_counts_t *counts,
    ngx_uint_t cell);


/* remembers NGX_AGENT_COUNT_VALUES values of this minute, the first of it */

void ngx_agent_count_note(const ngx_agent_counts_t *counts, time_t now,
    const uint64_t *value);


/*
 * How much each value grew within the last hour, or since they are noted.
 * value: what they are now.
 */

void ngx_agent_count_growth(const ngx_agent_counts_t *counts, time_t now,
    const uint64_t *value, uint64_t *growth);


#endif /* _NGX_AGENT_COUNT_H_INCLUDED_ */
