
/*
 * Without this a reader could take half of a key table for a whole one, or a
 * worker that was killed while it loaded could leave a wrong table or none
 * that can ever be replaced.  Readers and writers are processes; the writers
 * are killed at random.
 */

#include "ngx_agent_gen.h"
#include "shim.h"
#include "tap.h"

#include <sys/mman.h>
#include <sys/wait.h>


#define KIND     7
#define POOL     (64 * 4096)
#define READERS  2
#define SECONDS  3


typedef struct {
    uint64_t  reads;
    uint64_t  torn;         /* halves of two generations, and not noticed */
    uint64_t  control;      /* those that the check noticed */
    uint64_t  backwards;
    uint64_t  gave_up;
} counts_t;


static void leases(void);
static void layout(void);
static void stress(void);
static void reader(const ngx_agent_gen_t *gen, counts_t *counts);
static int copy(const ngx_agent_gen_t *gen, uint64_t *value, uint64_t *torn);
static void writer(ngx_agent_gen_t *gen);
static void fill(ngx_agent_gen_t *gen, u_char *arena);
static pid_t child(void (*run)(ngx_agent_gen_t *gen), ngx_agent_gen_t *gen);
static void claim_and_wait(ngx_agent_gen_t *gen);
static void end(pid_t pid, int sig);


static int  ready[2];


int
main(void)
{
    if (pipe(ready) == -1) {
        return 2;
    }

    leases();
    layout();
    stress();

    return tap_done();
}


static void
leases(void)
{
    pid_t             pid;
    u_char           *arena;
    uint64_t          g;
    ngx_agent_gen_t   gen, next;
    ngx_slab_pool_t  *pool;

    pool = shim_pool(POOL);
    memset(&gen, 0, sizeof(gen));

    ok(ngx_agent_gen_create(&gen, pool, ngx_slab_calloc(pool, 4096), KIND)
       == NGX_OK, "two arenas fit");
    ok(ngx_agent_gen_read(&gen, &g) == NULL, "nothing is published at first");

    arena = ngx_agent_gen_claim(&gen);
    ok(arena != NULL, "the lease is free");
    fill(&gen, arena);
    ok(ngx_agent_gen_publish(&gen) == NGX_OK, "published");
    ok(ngx_agent_gen_read(&gen, &g) == arena && g == 1, "and read");

    pid = child(claim_and_wait, &gen);
    ok(ngx_agent_gen_claim(&gen) == NULL, "held by a process that runs");

    (void) kill(pid, SIGSTOP);
    ok(ngx_agent_gen_claim(&gen) == NULL, "held by a process that is stopped");
    ok(ngx_agent_gen_read(&gen, &g) == arena
       && ngx_agent_gen_check(&gen, g) == NGX_OK, "readers do not care");

    end(pid, SIGKILL);
    ok(ngx_agent_gen_claim(&gen) != NULL, "taken over from one that is gone");

    (void) ngx_shmtx_trylock(&pool->mutex);
    ok(ngx_agent_gen_publish(&gen) == NGX_AGAIN, "nobody waits for the mutex");
    ngx_shmtx_unlock(&pool->mutex);

    memset(&next, 0, sizeof(next));
    ok(ngx_agent_gen_attach(&next, pool, gen.sh, KIND) == NGX_OK, "attached");
    ngx_agent_gen_commit(&next);

    ok(ngx_agent_gen_held(&gen) == NGX_DECLINED
       && ngx_agent_gen_publish(&gen) == NGX_DECLINED,
       "an older configuration publishes nothing");
    ok(ngx_agent_gen_claim(&gen) == NULL, "nor does it take the lease");

    ngx_agent_gen_release(&gen);
    ok(ngx_agent_gen_claim(&next) != NULL, "the newer one does");
    ngx_agent_gen_release(&next);

    ok(ngx_agent_gen_read(&next, &g) == arena && g == 1,
       "what was published stays");
}


static void
layout(void)
{
    ngx_agent_gen_t   gen;
    ngx_slab_pool_t  *pool;

    memset(&gen, 0, sizeof(gen));
    pool = shim_pool(2 * 4096);
    ok(ngx_agent_gen_create(&gen, pool, (void *) pool->end, KIND)
       == NGX_ERROR, "one page is no room for two arenas");

    pool = shim_pool(POOL);
    (void) ngx_agent_gen_create(&gen, pool, ngx_slab_calloc(pool, 4096), KIND);

    ok(ngx_agent_gen_attach(&gen, pool, gen.sh, KIND + 1) == NGX_DECLINED,
       "another kind");

    gen.sh->offset[1] = POOL;
    ok(ngx_agent_gen_attach(&gen, pool, gen.sh, KIND) == NGX_DECLINED,
       "an arena beyond the zone");

    gen.sh->offset[1] = gen.sh->offset[0];
    gen.sh->size = POOL;
    ok(ngx_agent_gen_attach(&gen, pool, gen.sh, KIND) == NGX_DECLINED,
       "an arena larger than the zone");

    gen.sh->magic = 0;
    ok(ngx_agent_gen_attach(&gen, pool, gen.sh, KIND) == NGX_DECLINED,
       "something else");
}


static void
stress(void)
{
    int               i, kills;
    time_t            until;
    pid_t             readers[READERS], pid;
    counts_t         *counts, all;
    ngx_agent_gen_t   gen;
    ngx_slab_pool_t  *pool;

    pool = shim_pool(POOL);
    memset(&gen, 0, sizeof(gen));
    memset(&all, 0, sizeof(all));

    (void) ngx_agent_gen_create(&gen, pool, ngx_slab_calloc(pool, 4096), KIND);
    fill(&gen, ngx_agent_gen_claim(&gen));
    (void) ngx_agent_gen_publish(&gen);

    counts = mmap(NULL, READERS * sizeof(counts_t), PROT_READ|PROT_WRITE,
                  MAP_ANON|MAP_SHARED, -1, 0);

    for (i = 0; i < READERS; i++) {
        readers[i] = fork();

        if (readers[i] == 0) {
            reader(&gen, &counts[i]);
        }
    }

    for (kills = 0, until = time(NULL) + SECONDS; time(NULL) < until; kills++)
    {
        pid = child(writer, &gen);
        (void) usleep((useconds_t) (random() % 5000));
        end(pid, SIGKILL);

        /* as nginx does for a worker that died */

        if (pool->lock.lock == (ngx_atomic_uint_t) pid) {
            pool->lock.lock = 0;
        }
    }

    for (i = 0; i < READERS; i++) {
        end(readers[i], SIGKILL);

        all.reads += counts[i].reads;
        all.torn += counts[i].torn;
        all.control += counts[i].control;
        all.backwards += counts[i].backwards;
        all.gave_up += counts[i].gave_up;
    }

    printf("# %d writers killed, %llu generations, %llu reads, "
           "%llu torn and noticed, %llu gave up\n", kills,
           (unsigned long long) gen.sh->gen, (unsigned long long) all.reads,
           (unsigned long long) all.control, (unsigned long long) all.gave_up);

    ok(all.reads > 1000 && gen.sh->gen > 100, "readers and writers worked");
    ok(all.torn == 0, "no torn read went unnoticed");
    ok(all.control > 0, "and there were torn reads to be noticed");
    ok(all.backwards == 0, "no reader saw an older table after a newer one");
}


static void
reader(const ngx_agent_gen_t *gen, counts_t *counts)
{
    int       tries;
    uint64_t  value, last;

    shim_child();

    for (last = 0; /* void */ ; counts->reads++) {

        for (tries = 0; tries < NGX_AGENT_GEN_RETRIES; tries++) {

            switch (copy(gen, &value, &counts->torn)) {

            case 0:
                counts->backwards += (value < last);
                last = value;
                tries = NGX_AGENT_GEN_RETRIES;
                break;

            case 1:
                counts->control++;
                break;
            }
        }

        counts->gave_up += (tries == NGX_AGENT_GEN_RETRIES);
    }
}


/* 0: a good copy; 1: a torn one that was noticed; 2: thrown away, whole */

static int
copy(const ngx_agent_gen_t *gen, uint64_t *value, uint64_t *torn)
{
    int                 mixed;
    size_t              i, n;
    uint64_t            g, word;
    volatile uint64_t  *arena;

    arena = (volatile uint64_t *) ngx_agent_gen_read(gen, &g);
    n = gen->size / sizeof(uint64_t);

    *value = arena[0];

    for (i = 1, mixed = 0; i < n; i += 64) {
        word = arena[i];
        mixed |= (word != *value);
    }

    if (ngx_agent_gen_check(gen, g) == NGX_OK) {
        *torn += mixed || *value != g;
        return 0;
    }

    return mixed ? 1 : 2;
}


static void
writer(ngx_agent_gen_t *gen)
{
    u_char  *arena;

    for ( ;; ) {
        arena = ngx_agent_gen_claim(gen);

        if (arena) {
            fill(gen, arena);
            (void) ngx_agent_gen_publish(gen);
        }
    }
}


static void
fill(ngx_agent_gen_t *gen, u_char *arena)
{
    size_t              i;
    volatile uint64_t  *word;

    word = (volatile uint64_t *) arena;

    for (i = 0; i < gen->size / sizeof(uint64_t); i++) {
        word[i] = gen->sh->building;
    }
}


static void
claim_and_wait(ngx_agent_gen_t *gen)
{
    if (ngx_agent_gen_claim(gen) == NULL) {
        _exit(1);
    }

    if (write(ready[1], "", 1) != 1) {
        _exit(1);
    }

    for ( ;; ) {
        pause();
    }
}


/* returns when the child has got going */

static pid_t
child(void (*run)(ngx_agent_gen_t *gen), ngx_agent_gen_t *gen)
{
    char   c;
    pid_t  pid;

    pid = fork();

    if (pid == 0) {
        shim_child();

        if (run == writer && write(ready[1], "", 1) != 1) {
            _exit(1);
        }

        run(gen);
    }

    if (pid == -1 || read(ready[0], &c, 1) != 1) {
        exit(2);
    }

    return pid;
}


static void
end(pid_t pid, int sig)
{
    (void) kill(pid, sig);
    (void) waitpid(pid, NULL, 0);
}
