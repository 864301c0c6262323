
/*
 * Without this a token could get the verdict on another one, one that is over
 * could go on, made-up tokens could drive good ones out, or a worker killed
 * while it stored could leave half an entry that is taken for a whole one.
 */

#include "ngx_agent_cache.h"
#include "shim.h"
#include "tap.h"

#include <sys/mman.h>
#include <sys/wait.h>


#define KIND      9
#define ENTRY     256
#define POOL      (1000 * 4096)
#define SECONDS   3
#define NOW       1000000
#define FOREVER   (NOW + 1000000000)
#define HOT       64


typedef struct {
    uint64_t  hits;
    uint64_t  misses;
    uint64_t  wrong;
} counts_t;


static void entries(void);
static void quota(void);
static void clock_set_back(void);
static void layout(void);
static void dead_writer(void);
static void stress(void);
static void reader(ngx_agent_cache_t *cache, counts_t *counts);
static void writer(ngx_agent_cache_t *cache);
static ngx_slab_pool_t *make(ngx_agent_cache_t *cache);
static void key_of(u_char *key, uint64_t n);
static ngx_int_t put(ngx_agent_cache_t *cache, uint64_t n, int64_t until,
    ngx_uint_t negative);
static ngx_int_t put_at(ngx_agent_cache_t *cache, uint64_t n, int64_t now,
    int64_t until, ngx_uint_t negative);
static ngx_int_t get(ngx_agent_cache_t *cache, uint64_t n, int64_t now);


static u_char  part[NGX_AGENT_CACHE_PART] = "a provider";
static u_char  other[NGX_AGENT_CACHE_PART] = "another one";


int
main(void)
{
    entries();
    quota();
    clock_set_back();
    layout();
    dead_writer();
    stress();

    return tap_done();
}


static void
entries(void)
{
    u_char                    key[NGX_AGENT_CACHE_KEY], data[ENTRY];
    ngx_agent_cache_t         cache;
    ngx_agent_cache_entry_t   entry;

    (void) make(&cache);
    key_of(key, 1);

    ok(get(&cache, 1, NOW) == NGX_DECLINED, "an empty cache has nothing");
    ok(put(&cache, 1, NOW + 10, 0) == NGX_OK, "stored");
    ok(get(&cache, 1, NOW) == NGX_OK, "and found");
    ok(get(&cache, 1, NOW + 9) == NGX_OK, "until its time is over");
    ok(get(&cache, 1, NOW + 10) == NGX_DECLINED, "and no longer");
    ok(get(&cache, 2, NOW) == NGX_DECLINED, "another key is not found");
    ok(ngx_agent_cache_find(&cache, key, other, NOW, &entry) == NGX_DECLINED,
       "nor the same key in another partition");

    (void) put(&cache, 1, NOW + 20, 0);
    ok(get(&cache, 1, NOW + 15) == NGX_OK, "stored again, for longer");

    (void) put(&cache, 1, NOW + 20, 1);
    ok(ngx_agent_cache_find(&cache, key, part, NOW, &entry) == NGX_OK
       && entry.negative, "the good entry has become a negative one");

    (void) put(&cache, 1, NOW + 30, 1);
    ok(ngx_agent_cache_read(&entry, data) == NGX_DECLINED,
       "what was written to since it was found is not read");

    ok(ngx_agent_cache_delete(&cache, key, part) == NGX_OK
       && get(&cache, 1, NOW) == NGX_DECLINED, "forgotten");
    ok(ngx_agent_cache_delete(&cache, key, part) == NGX_DECLINED,
       "which can be done once");

    entry.until = FOREVER;
    entry.negative = 0;
    entry.len = (uint16_t) (ngx_agent_cache_room(&cache) + 1);
    ok(ngx_agent_cache_set(&cache, key, part, NOW, &entry, data)
       == NGX_DECLINED && cache.sh->oversized == 1, "too large, and counted");

    (void) ngx_shmtx_trylock(&cache.shpool->mutex);
    ok(put(&cache, 1, FOREVER, 0) == NGX_BUSY && cache.sh->skipped == 1
       && ngx_agent_cache_delete(&cache, key, part) == NGX_BUSY,
       "nobody waits for the mutex");
    ok(get(&cache, 1, NOW) == NGX_DECLINED, "and readers need none");
    ngx_shmtx_unlock(&cache.shpool->mutex);
}


static void
quota(void)
{
    uint64_t            n, good, left;
    ngx_agent_cache_t   cache;

    (void) make(&cache);

    good = cache.sets * 4;

    for (n = 0; n < good; n++) {
        (void) put(&cache, n, FOREVER, 0);
    }

    for (n = 0, left = 0; n < good; n++) {
        left += (get(&cache, n, NOW) == NGX_OK);
    }

    good = left;

    for (n = 0; n < 1000000; n++) {
        (void) put(&cache, (1ull << 32) + n, FOREVER, 1);
    }

    for (n = 0, left = 0; n < cache.sets * 4; n++) {
        left += (get(&cache, n, NOW) == NGX_OK);
    }

    ok(good > cache.sets * 3 && left == good,
       "a million negative entries evict none of %llu good ones",
       (unsigned long long) good);

    ok(get(&cache, (1ull << 32) + 999999, NOW) == NGX_OK,
       "and the last of them is there");

    for (n = 0; n < 1000; n++) {
        (void) put(&cache, (2ull << 32) + n, NOW + 1, 0);
    }

    cache.sh->evicted = 0;

    for (n = 0; n < cache.sets; n++) {
        (void) put(&cache, (3ull << 32) + n, FOREVER + 1, 0);
    }

    ok(get(&cache, (3ull << 32) + cache.sets - 1, NOW) == NGX_OK,
       "a good entry always finds a place");
}


/* used in what is now the future: they must not keep their places till then */

static void
clock_set_back(void)
{
    uint64_t            n, left;
    ngx_agent_cache_t   cache;

    (void) make(&cache);

    for (n = 0; n < cache.sets * 32; n++) {
        (void) put_at(&cache, n, NOW + 100000000, FOREVER, 0);
    }

    for (n = 0; n < cache.sets; n++) {
        (void) put_at(&cache, (1ull << 32) + n, NOW + (int64_t) n * 2000,
                      FOREVER, 0);
    }

    for (n = 0, left = 0; n < cache.sets; n++) {
        left += (get(&cache, (1ull << 32) + n, NOW) == NGX_OK);
    }

    ok(left > cache.sets * 15 / 16,
       "a clock set back: %llu of %llu new entries have a place",
       (unsigned long long) left, (unsigned long long) cache.sets);
}


static void
layout(void)
{
    ngx_slab_pool_t       *pool;
    ngx_agent_cache_t      cache;
    ngx_agent_cache_sh_t  *sh;

    pool = make(&cache);
    sh = cache.sh;

    ok(sh->sets * NGX_AGENT_CACHE_WAYS * ENTRY > POOL / 100 * 98,
       "98 %% of the zone are entries");
    ok(ngx_agent_cache_sets(4095 * 8, 4096) == 0
       && ngx_agent_cache_sets(4096 * 24 + 1, 4096) == 3, "sets that fit");
    ok(ngx_agent_cache_attach(&cache, pool, sh, KIND, ENTRY) == NGX_OK,
       "attached");
    ok(ngx_agent_cache_attach(&cache, pool, sh, KIND + 1, ENTRY)
       == NGX_DECLINED, "another kind");
    ok(ngx_agent_cache_attach(&cache, pool, sh, KIND, ENTRY * 2)
       == NGX_DECLINED, "another size of entries");

    sh->sets *= 1 << 20;
    ok(ngx_agent_cache_attach(&cache, pool, sh, KIND, ENTRY) == NGX_DECLINED,
       "more sets than the zone holds");

    sh->sets = 0;
    ok(ngx_agent_cache_attach(&cache, pool, sh, KIND, ENTRY) == NGX_DECLINED,
       "no sets");
    sh->sets = 1ull << 32;
    ok(ngx_agent_cache_attach(&cache, pool, sh, KIND, ENTRY) == NGX_DECLINED,
       "more than there can be");

    pool = shim_pool(8 * 4096);
    ok(ngx_agent_cache_create(&cache, pool, ngx_slab_calloc(pool, 4096), KIND,
                              4096, 1024) == NGX_ERROR,
       "no room for a set");
}


static void
dead_writer(void)
{
    uint64_t                 i;
    ngx_agent_cache_t        cache;
    ngx_agent_cache_slot_t  *slot;

    (void) make(&cache);
    (void) put(&cache, 5, FOREVER, 0);

    for (i = 0; i < cache.sets * NGX_AGENT_CACHE_WAYS; i++) {
        slot = (ngx_agent_cache_slot_t *) (cache.slots + i * cache.entry);

        if (slot->seq) {
            slot->seq++;
            break;
        }
    }

    ok(get(&cache, 5, NOW) == NGX_DECLINED,
       "an entry that is being written is none");
    ok(put(&cache, 5, FOREVER, 0) == NGX_OK && get(&cache, 5, NOW) == NGX_OK,
       "the next writer repairs what a dead one left");
}


static void
stress(void)
{
    int                 i, kills;
    pid_t               readers[2], pid;
    time_t              until;
    counts_t           *counts;
    ngx_slab_pool_t    *pool;
    ngx_agent_cache_t   cache;

    pool = make(&cache);

    counts = mmap(NULL, 2 * sizeof(counts_t), PROT_READ|PROT_WRITE,
                  MAP_ANON|MAP_SHARED, -1, 0);

    for (i = 0; i < 2; i++) {
        readers[i] = fork();

        if (readers[i] == 0) {
            reader(&cache, &counts[i]);
        }
    }

    for (kills = 0, until = time(NULL) + SECONDS; time(NULL) < until; kills++)
    {
        pid = fork();

        if (pid == 0) {
            writer(&cache);
        }

        (void) usleep((useconds_t) (random() % 5000));
        (void) kill(pid, SIGKILL);
        (void) waitpid(pid, NULL, 0);

        if (pool->lock.lock == (ngx_atomic_uint_t) pid) {
            pool->lock.lock = 0;
        }
    }

    for (i = 0; i < 2; i++) {
        (void) kill(readers[i], SIGKILL);
        (void) waitpid(readers[i], NULL, 0);
    }

    printf("# %d writers killed, %llu hits, %llu misses\n", kills,
           (unsigned long long) (counts[0].hits + counts[1].hits),
           (unsigned long long) (counts[0].misses + counts[1].misses));

    ok(counts[0].hits > 1000 && counts[1].hits > 1000, "readers found entries");
    ok(counts[0].wrong + counts[1].wrong == 0, "and whole ones only");
}


/* each octet of the data says whose it is */

static void
reader(ngx_agent_cache_t *cache, counts_t *counts)
{
    u_char                    key[NGX_AGENT_CACHE_KEY], data[ENTRY];
    uint64_t                  n, i;
    ngx_agent_cache_entry_t   entry;

    shim_child();

    for (n = 0; /* void */ ; n = (n + 1) % HOT) {

        key_of(key, n);

        if (ngx_agent_cache_find(cache, key, part, NOW, &entry) != NGX_OK
            || ngx_agent_cache_read(&entry, data) != NGX_OK)
        {
            counts->misses++;
            continue;
        }

        counts->hits++;

        for (i = 0; i < entry.len; i++) {
            if (data[i] != data[0] || data[i] % HOT != n) {
                counts->wrong++;
                break;
            }
        }
    }
}


static void
writer(ngx_agent_cache_t *cache)
{
    u_char                    key[NGX_AGENT_CACHE_KEY], data[ENTRY];
    uint64_t                  n;
    ngx_agent_cache_entry_t   entry;

    shim_child();

    for (n = (uint64_t) getpid(); /* void */ ; n = n * 6364136223846793005ull
                                               + 1442695040888963407ull)
    {
        key_of(key, (n >> 33) % HOT);
        memset(data, (int) ((n >> 33) % HOT + HOT * ((n >> 50) % 3)),
               sizeof(data));

        entry.until = FOREVER;
        entry.negative = 0;
        entry.len = (uint16_t) (1 + (n >> 40) % ngx_agent_cache_room(cache));

        (void) ngx_agent_cache_set(cache, key, part, NOW, &entry, data);
    }
}


static ngx_slab_pool_t *
make(ngx_agent_cache_t *cache)
{
    ngx_slab_pool_t       *pool;
    ngx_agent_cache_sh_t  *sh;

    pool = shim_pool(POOL);
    sh = ngx_slab_calloc(pool, 4096);

    if (ngx_agent_cache_create(cache, pool, sh, KIND, pool->pfree * 4096,
                               ENTRY)
        != NGX_OK)
    {
        printf("Bail out! no cache\n");
        exit(2);
    }

    return pool;
}


static void
key_of(u_char *key, uint64_t n)
{
    agent_sha256((const uint8_t *) &n, sizeof(n), key);
}


static ngx_int_t
put(ngx_agent_cache_t *cache, uint64_t n, int64_t until, ngx_uint_t negative)
{
    return put_at(cache, n, NOW, until, negative);
}


static ngx_int_t
put_at(ngx_agent_cache_t *cache, uint64_t n, int64_t now, int64_t until,
    ngx_uint_t negative)
{
    u_char                    key[NGX_AGENT_CACHE_KEY];
    ngx_agent_cache_entry_t   entry;

    key_of(key, n);

    entry.until = until;
    entry.negative = (uint16_t) negative;
    entry.len = sizeof(n);

    return ngx_agent_cache_set(cache, key, part, now, &entry,
                               (const u_char *) &n);
}


static ngx_int_t
get(ngx_agent_cache_t *cache, uint64_t n, int64_t now)
{
    u_char                    key[NGX_AGENT_CACHE_KEY], data[ENTRY];
    ngx_int_t                 rc;
    ngx_agent_cache_entry_t   entry;

    key_of(key, n);

    rc = ngx_agent_cache_find(cache, key, part, now, &entry);

    if (rc == NGX_OK
        && (ngx_agent_cache_read(&entry, data) != NGX_OK
            || entry.len != sizeof(n) || memcmp(data, &n, sizeof(n)) != 0))
    {
        return NGX_ERROR;
    }

    return rc;
}
