
/*
 * Without this a proof of possession that somebody has overheard could be used
 * again, at once by another worker, or as soon as the table is full
 * (requirements D-14).
 */

#include "ngx_agent_once.h"
#include "shim.h"
#include "tap.h"

#include <sys/wait.h>


#define POOL   (64 * 4096)
#define ROOM   (4 * NGX_AGENT_ONCE_WAYS * sizeof(ngx_agent_once_slot_t))
#define NOW    1000000
#define MOST   120000


static ngx_int_t take(ngx_agent_once_t *once, uint64_t n, int64_t now,
    int64_t until);
static void full(ngx_agent_once_t *once);
static void copied(ngx_agent_once_t *once);
static void race(ngx_agent_once_t *once);


int
main(void)
{
    ngx_slab_pool_t      *pool;
    ngx_agent_once_t      once, again;
    ngx_agent_once_sh_t  *sh;

    pool = shim_pool(POOL);
    sh = ngx_slab_calloc(pool, sizeof(ngx_agent_once_sh_t));

    ok(ngx_agent_once_create(&once, pool, sh, 1) == NGX_ERROR, "no room");
    ok(ngx_agent_once_create(&once, pool, sh, ROOM) == NGX_OK, "made");
    ok(ngx_agent_once_attach(&again, pool, sh) == NGX_OK, "attached");

    ok(take(&once, 1, NOW, NOW + 60000) == NGX_OK, "the first time");
    ok(take(&again, 1, NOW + 1, NOW + 60000) == NGX_DECLINED, "again");
    ok(take(&once, 1, NOW + 59999, NOW + 119999) == NGX_DECLINED, "until then");
    ok(take(&once, 1, NOW + 60000, NOW + 120000) == NGX_OK, "when it is over");
    ok(take(&once, 1, NOW - 3600000, NOW - 3540000) == NGX_OK,
       "a clock set back does not keep it");

    full(&once);
    copied(&once);
    race(&once);

    sh->sets = 1000000;
    ok(ngx_agent_once_attach(&again, pool, sh) == NGX_DECLINED, "too large");
    sh->sets = 0;
    ok(ngx_agent_once_attach(&again, pool, sh) == NGX_DECLINED, "empty");
    sh->layout++;
    ok(ngx_agent_once_attach(&again, pool, sh) == NGX_DECLINED,
       "another layout");

    return tap_done();
}


static ngx_int_t
take(ngx_agent_once_t *once, uint64_t n, int64_t now, int64_t until)
{
    u_char  id[NGX_AGENT_ONCE_ID];

    ngx_memzero(id, sizeof(id));
    ngx_memcpy(id + 8, &n, sizeof(n));

    return ngx_agent_once_take(once, id, now, until, MOST);
}


static void
full(ngx_agent_once_t *once)
{
    int       lost, wrong;
    uint64_t  n;

    lost = 0;
    wrong = 0;

    for (n = 100; n < 400; n++) {
        lost += (take(once, n, 2 * NOW, 2 * NOW + 60000) == NGX_ERROR);
    }

    ok(lost >= 300 - 4 * NGX_AGENT_ONCE_WAYS, "more than it holds: %d", lost);
    ok(once->sh->full == (uint64_t) lost, "which is counted");

    for (n = 100; n < 400; n++) {
        wrong += (take(once, n, 2 * NOW + 1, 2 * NOW + 60000) == NGX_OK);
    }

    ok(wrong == 0, "nothing is forgotten for it");
    ok(take(once, 500, 3 * NOW, 3 * NOW + 60000) == NGX_OK, "later there is room");
}


/* a table of another size takes over what is not over */

static void
copied(ngx_agent_once_t *once)
{
    size_t                size;
    ngx_slab_pool_t      *pool;
    ngx_agent_once_t      larger;
    ngx_agent_once_sh_t  *sh;

    size = 64 * ngx_pagesize;
    pool = shim_pool(size);
    sh = ngx_slab_calloc(pool, sizeof(ngx_agent_once_sh_t));

    ok(ngx_agent_once_create(&larger, pool, sh, 32 * ngx_pagesize) == NGX_OK
       && larger.sets > once->sets, "a larger table");

    ok(take(once, 7000, 5 * NOW, 5 * NOW + 60000) == NGX_OK
       && take(once, 7001, 5 * NOW, 5 * NOW + 1) == NGX_OK, "two ids");

    ok(ngx_agent_once_copy(&larger, once, 5 * NOW + 10, 120000) == 0,
       "all have a place");
    ok(take(&larger, 7000, 5 * NOW + 10, 5 * NOW + 60000) == NGX_DECLINED,
       "what came before is known");
    ok(take(&larger, 7001, 5 * NOW + 10, 5 * NOW + 60000) == NGX_OK,
       "what is over is not");
    ok(take(&larger, 7002, 5 * NOW + 10, 5 * NOW + 60000) == NGX_OK,
       "nor what never came");
}


/* of several processes one is the first */

static void
race(ngx_agent_once_t *once)
{
    int       i, n, first, status;
    pid_t     pid[4];
    uint64_t  id;

    first = 0;

    for (i = 0; i < 4; i++) {
        pid[i] = fork();

        if (pid[i] == 0) {
            shim_child();
            n = 0;

            for (id = 1000; id < 1040; id++) {
                n += (take(once, id, 4 * NOW, 4 * NOW + 60000) == NGX_OK);
            }

            _exit(n);
        }
    }

    for (i = 0; i < 4; i++) {
        if (waitpid(pid[i], &status, 0) == pid[i] && WIFEXITED(status)) {
            first += WEXITSTATUS(status);
        }
    }

    ok(first == 40, "each once: %d", first);
}
