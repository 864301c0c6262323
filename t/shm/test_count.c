
/*
 * Counters in shared memory.  Without this a count of one worker could be lost
 * by another's, a name could be given the numbers of another one, or a zone of
 * another layout could be read as if it were ours.
 */

#include "ngx_agent_count.h"
#include "ngx_agent_cache.h"
#include "ngx_agent_flight.h"
#include "ngx_agent_once.h"
#include "shim.h"
#include "tap.h"

#include <sys/wait.h>


#define POOL   (512 * 4096)
#define HOUR   3600


static void names(ngx_agent_counts_t *counts);
static void reload(ngx_agent_counts_t *counts, ngx_slab_pool_t *pool);
static void race(ngx_agent_counts_t *counts);
static void hour(ngx_agent_counts_t *counts);
static void samples(void);
static ngx_uint_t named(ngx_agent_counts_t *counts, ngx_uint_t group,
    const char *text);


static const ngx_agent_count_group_t  groups[] = {
    { 0, 8 }, { 3, 4 }, { 2, 2 }
};

static const ngx_agent_count_group_t  others[] = {
    { 0, 8 }, { 3, 4 }, { 2, 3 }
};

static ngx_uint_t  shared;


int
main(void)
{
    ngx_slab_pool_t       *pool;
    ngx_agent_counts_t     counts;
    ngx_agent_count_sh_t  *sh;

    pool = shim_pool(POOL);

    sh = ngx_slab_calloc(pool, ngx_agent_counts_size(groups, 3));
    ngx_agent_counts_create(sh, groups, 3, 1000);

    ok(ngx_agent_counts_attach(&counts, pool, sh, groups, 3) == NGX_OK,
       "attached");
    ok(ngx_agent_counts_attach(&counts, pool, sh, others, 3) == NGX_DECLINED,
       "other groups");
    ok(ngx_agent_counts_attach(&counts, pool, sh, groups, 2) == NGX_DECLINED,
       "fewer groups");

    sh->blocks += POOL;
    ok(ngx_agent_counts_attach(&counts, pool, sh, groups, 3) == NGX_DECLINED,
       "blocks beyond the zone");
    sh->blocks -= POOL;

    sh->layout++;
    ok(ngx_agent_counts_attach(&counts, pool, sh, groups, 3) == NGX_DECLINED,
       "another layout");
    sh->layout--;

    ok(ngx_agent_counts_attach(&counts, pool,
                               (ngx_agent_count_sh_t *) (pool->end - 64),
                               groups, 3) == NGX_DECLINED,
       "past the end");

    (void) ngx_agent_counts_attach(&counts, pool, sh, groups, 3);

    ngx_agent_count(1);
    ok(ngx_agent_count_get(&counts, 1) == 0, "nobody counts");

    names(&counts);
    race(&counts);
    reload(&counts, pool);
    hour(&counts);
    samples();

    return tap_done();
}


static void
names(ngx_agent_counts_t *counts)
{
    ngx_uint_t  a, b;

    ok(ngx_agent_count_first(counts, 0) == 0, "first of the first group");
    ok(ngx_agent_count_first(counts, 1) == 8, "of the second");
    ok(ngx_agent_count_first(counts, 2) == 8 + 4 * 4, "of the third");
    ok(counts->cells >= 8 + 4 * 4 + 3 * 2 && counts->cells % 8 == 0,
       "all fit");

    a = named(counts, 1, "a");
    b = named(counts, 1, "b");

    ok(a >= 12 && b >= 12 && a != b && a % 4 == 0, "two names");
    ok(named(counts, 1, "a") == a && !shared, "one name, one place");
    ok(named(counts, 2, "a") != a, "other groups have their own");
    ok(named(counts, 1, "c") != 8 && !shared, "the last place");
    ok(named(counts, 1, "d") == 8 && shared, "one too many shares the first");
    ok(named(counts, 1, "b") == b && !shared, "which those before do not");
}


/* a name that is gone gives way, one that stays keeps its numbers */

static void
reload(ngx_agent_counts_t *counts, ngx_slab_pool_t *pool)
{
    ngx_uint_t  a, b, c, d;

    a = named(counts, 1, "a");
    b = named(counts, 1, "b");
    c = named(counts, 1, "c");

    ngx_agent_counts_use(counts, 3);
    ngx_agent_count_add(a, 5);
    ngx_agent_count_add(b, 7);
    ngx_agent_count_add(c + 3, 9);

    (void) ngx_agent_counts_attach(counts, pool, counts->sh, groups, 3);

    ok(named(counts, 1, "b") == b, "the same place");
    ok(ngx_agent_count_get(counts, b) == 7, "and the same number");
    ok(named(counts, 1, "a") == a, "another one");

    d = named(counts, 1, "d");
    ok(d == c && !shared, "the place of who is gone");
    ok(ngx_agent_count_get(counts, d + 3) == 0, "begins at zero");
    ok(ngx_agent_count_get(counts, a) == 5, "others do not");

    (void) ngx_agent_counts_attach(counts, pool, counts->sh, groups, 3);
    (void) named(counts, 1, "d");

    (void) ngx_agent_counts_attach(counts, pool, counts->sh, groups, 3);
    (void) named(counts, 1, "b");

    ok(named(counts, 1, "e") == a, "who is gone for longest gives way first");

    ngx_agent_counts_use(NULL, 0);
}


/* workers of the same number, as after a reload, share a block */

static void
race(ngx_agent_counts_t *counts)
{
    int        i, n, status;
    pid_t      pid[4];
    uint64_t   sum[64];

    for (i = 0; i < 4; i++) {
        pid[i] = fork();

        if (pid[i] == 0) {
            ngx_agent_counts_use(counts, (i % 2) + NGX_AGENT_COUNT_BLOCKS);

            for (n = 0; n < 100000; n++) {
                ngx_agent_count(2);
            }

            _exit(0);
        }
    }

    for (i = 0; i < 4; i++) {
        (void) waitpid(pid[i], &status, 0);
    }

    ok(counts->cells <= 64, "the test has room");

    ngx_agent_counts_sum(counts, sum);
    ok(sum[2] == 400000, "none is lost: %lu", (unsigned long) sum[2]);
    ok(sum[1] == 0 && sum[3] == 0, "nor beside");
    ok(ngx_agent_count_get(counts, 2) == 400000, "of one cell");
}


static void
hour(ngx_agent_counts_t *counts)
{
    time_t    now;
    uint64_t  value[NGX_AGENT_COUNT_VALUES], growth[NGX_AGENT_COUNT_VALUES];

    now = 1000000 / 60 * 60;

    ngx_memzero(value, sizeof(value));
    ngx_agent_count_growth(counts, now, value, growth);
    ok(growth[0] == 0, "nothing was noted");

    value[0] = 100;
    ngx_agent_count_note(counts, now, value);
    value[0] = 103;
    ngx_agent_count_note(counts, now + 10, value);

    ngx_agent_count_growth(counts, now + 20, value, growth);
    ok(growth[0] == 3, "since the first of the minute");

    value[0] = 110;
    ngx_agent_count_note(counts, now + 1800, value);
    value[0] = 120;
    ngx_agent_count_growth(counts, now + HOUR - 1, value, growth);
    ok(growth[0] == 20, "within the hour");

    ngx_agent_count_growth(counts, now + HOUR + 60, value, growth);
    ok(growth[0] == 10, "what is older does not count");

    ngx_agent_count_growth(counts, now + 2 * HOUR + 1800, value, growth);
    ok(growth[0] == 0, "nothing in the last hour");

    ngx_agent_count_growth(counts, now - HOUR, value, growth);
    ok(growth[0] == 0, "a clock that was set back");

    value[0] = 5;
    ngx_agent_count_growth(counts, now + HOUR - 1, value, growth);
    ok(growth[0] == 0, "a number that fell");
}


/* how full the other tables are */

static void
samples(void)
{
    u_char                     id[32], part[16], data[16];
    uint64_t                   slots, n, found;
    uint64_t                   outcome;
    ngx_slab_pool_t           *pool;
    ngx_agent_once_t           once;
    ngx_agent_cache_t          cache;
    ngx_agent_once_sh_t       *once_sh;
    ngx_agent_flights_t        flights;
    ngx_agent_cache_sh_t      *cache_sh;
    ngx_agent_cache_entry_t    entry;
    ngx_agent_cache_sample_t   sample;

    pool = shim_pool(POOL);

    once_sh = ngx_slab_calloc(pool, sizeof(ngx_agent_once_sh_t));
    (void) ngx_agent_once_create(&once, pool, once_sh, 8 * 32 * 24);

    ok(ngx_agent_once_sample(&once, 1000, 100, &slots) == 0, "proofs: none");
    ok(slots == 8 * 32, "of all places");

    ngx_memzero(id, sizeof(id));
    ngx_memzero(data, sizeof(data));

    for (n = 1; n <= 50; n++) {
        ngx_memcpy(id + 8, &n, sizeof(n));
        (void) ngx_agent_once_take(&once, id, 1000, 2000, 10000);
    }

    ok(ngx_agent_once_sample(&once, 1000, 100, &slots) == 50, "50");
    ok(ngx_agent_once_sample(&once, 2000, 100, &slots) == 0, "later none");
    ok(ngx_agent_once_sample(&once, 1000, 2, &slots) <= 50 && slots == 64,
       "of two sets");

    cache_sh = ngx_slab_calloc(pool, sizeof(ngx_agent_cache_sh_t));
    (void) ngx_agent_cache_create(&cache, pool, cache_sh, 1, 16 * 8 * 128,
                                  128);

    ngx_memzero(part, sizeof(part));
    ngx_memzero(&entry, sizeof(entry));
    entry.until = 5000;
    entry.len = 8;

    for (n = 1; n <= 20; n++) {
        ngx_memcpy(id, &n, sizeof(n));
        entry.negative = (n > 15);
        (void) ngx_agent_cache_set(&cache, id, part, 1000, &entry, data);
    }

    ngx_agent_cache_sample(&cache, 1000, 1000, &sample);
    found = sample.used + sample.negative_used;
    ok(sample.slots == cache.sets * 6 && sample.negative_slots
       == cache.sets * 2, "tokens: of all places");
    ok(found <= 20 && found >= 20 - cache_sh->evicted, "as many as there are");
    ok(sample.used > 0 && sample.negative_used > 0, "of both kinds");

    ngx_agent_cache_sample(&cache, 5000, 1000, &sample);
    ok(sample.used == 0, "later none");

    ngx_agent_cache_sample(&cache, 1000, 3, &sample);
    ok(sample.slots <= 3 * 6 && sample.slots > 0, "of three sets at most");

    ok(ngx_agent_flights_init(&flights, pool,
                              ngx_slab_calloc(pool,
                                              sizeof(ngx_agent_flight_sh_t)))
       == NGX_OK, "calls");
    ok(ngx_agent_flight_pending(&flights, part) == 0, "none is under way");

    (void) ngx_agent_flight_claim(&flights, id, part, 8, 0, 1000, &n,
                                  &outcome);
    ok(ngx_agent_flight_pending(&flights, part) == 1, "one is");
    part[0] = 1;
    ok(ngx_agent_flight_pending(&flights, part) == 0, "none of another group");
    part[0] = 0;
    ngx_agent_flight_land(&flights, n, 0, 1000);
    ok(ngx_agent_flight_pending(&flights, part) == 0, "it landed");
}


static ngx_uint_t
named(ngx_agent_counts_t *counts, ngx_uint_t group, const char *text)
{
    ngx_str_t  name;

    name.data = (u_char *) text;
    name.len = ngx_strlen(text);

    shared = 0;

    return ngx_agent_count_name(counts, group, &name, &shared);
}
