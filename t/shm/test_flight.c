
/*
 * Without this several workers could ask an authorization server for the same
 * token at once, a worker that dies could leave its token unasked for ever, or
 * a flood of tokens could become a flood of calls.
 */

#include "ngx_agent_flight.h"
#include "shim.h"
#include "tap.h"

#include <sys/wait.h>


#define POOL  (256 * 4096)
#define NOW   1000000
#define MAX   4


static void turns(ngx_agent_flights_t *flights);
static void limits(ngx_agent_flights_t *flights);
static void many(ngx_agent_flights_t *flights, int64_t ms, const char *what);
static void race(ngx_agent_flights_t *flights);
static void racer(ngx_agent_flights_t *flights);
static ngx_int_t claim(ngx_agent_flights_t *flights, u_char n, int64_t since,
    int64_t now);
static pid_t holder(ngx_agent_flights_t *flights, u_char n);


static u_char    part[NGX_AGENT_FLIGHT_PART] = "a provider";
static uint64_t  id, outcome;
static int       ready[2];


int
main(void)
{
    ngx_slab_pool_t      *pool;
    ngx_agent_flights_t   flights;

    if (pipe(ready) == -1) {
        return 2;
    }

    pool = shim_pool(POOL);

    ok(ngx_agent_flights_init(&flights, pool,
                              ngx_slab_calloc(pool,
                                              sizeof(ngx_agent_flight_sh_t)))
       == NGX_OK, "made");
    ok(ngx_agent_flights_init(&flights, pool, flights.sh) == NGX_OK,
       "attached");

    turns(&flights);
    limits(&flights);
    race(&flights);

    flights.sh->layout++;
    ok(ngx_agent_flights_init(&flights, pool, flights.sh) == NGX_DECLINED,
       "another layout");

    return tap_done();
}


static void
turns(ngx_agent_flights_t *flights)
{
    pid_t     pid;
    uint64_t  first, landings;

    landings = ngx_agent_flight_landings(flights);

    ok(claim(flights, 1, 0, NOW) == NGX_OK, "the first has it");
    first = id;

    ok(claim(flights, 1, 0, NOW) == NGX_DECLINED, "the second does not");
    ok(claim(flights, 2, 0, NOW) == NGX_OK && id != first, "another key is");

    ngx_agent_flight_land(flights, id, 22, NOW);
    ngx_agent_flight_land(flights, first, 11, NOW + 5);

    ok(ngx_agent_flight_landings(flights) == landings + 2, "both are counted");

    ok(claim(flights, 1, NOW, NOW + 6) == NGX_DONE && outcome == 11,
       "who waits is told what came of it");
    ok(claim(flights, 1, NOW + 6, NOW + 6) == NGX_OK,
       "who came later flies anew");

    ngx_agent_flight_land(flights, first, 99, NOW + 7);
    ok(ngx_agent_flight_landings(flights) == landings + 2, "once");
    ok(claim(flights, 1, NOW + 6, NOW + 8) == NGX_DECLINED,
       "what landed once does not land again");
    ngx_agent_flight_land(flights, id, 0, NOW + 9);

    ok(claim(flights, 1, NOW + 9 - 3600000, NOW + 10 - 3600000) == NGX_OK,
       "who comes after the clock was set back flies anew");
    ngx_agent_flight_land(flights, id, 0, NOW + 11);

    pid = holder(flights, 3);
    ok(claim(flights, 3, 0, NOW) == NGX_DECLINED, "held by another process");

    (void) kill(pid, SIGKILL);
    (void) waitpid(pid, NULL, 0);

    ok(claim(flights, 3, 0, NOW) == NGX_OK, "and free when that is gone");
    ngx_agent_flight_land(flights, id, 0, NOW);

    (void) ngx_shmtx_trylock(&flights->shpool->mutex);
    ok(claim(flights, 4, 0, NOW) == NGX_BUSY, "nobody waits for the mutex");
    ngx_shmtx_unlock(&flights->shpool->mutex);
}


static void
limits(ngx_agent_flights_t *flights)
{
    int       i;
    pid_t     pid;
    uint64_t  ids[MAX];

    for (i = 0; i < MAX - 1; i++) {
        (void) claim(flights, (u_char) (10 + i), 0, NOW);
        ids[i] = id;
    }

    pid = holder(flights, 20);

    ok(claim(flights, 21, 0, NOW) == NGX_BUSY, "no more than the limit");

    (void) kill(pid, SIGKILL);
    (void) waitpid(pid, NULL, 0);

    ok(claim(flights, 21, 0, NOW + 99) == NGX_BUSY
       && claim(flights, 21, 0, NOW + 100) == NGX_OK,
       "the dead do not count, which is looked at ten times a second");
    ngx_agent_flight_land(flights, id, 0, NOW);

    for (i = 0; i < MAX - 1; i++) {
        ngx_agent_flight_land(flights, ids[i], 0, NOW);
    }

    many(flights, 10000, "landed ones make room");
    many(flights, 0, "all at once, too");

    part[0] = 0;
    part[1] = 0;
    (void) claim(flights, 1, 0, NOW + 10);
    ngx_agent_flight_land(flights, id, 77, NOW + 10);

    for (i = 1; i < NGX_AGENT_FLIGHTS; i++) {
        part[0] = (u_char) i;
        part[1] = (u_char) (128 + (i >> 8));
        (void) claim(flights, 1, 0, NOW + 11);
        ngx_agent_flight_land(flights, id, 0, NOW + 11);
    }

    part[0] = 0;
    part[1] = 0;
    ok(claim(flights, 1, NOW, NOW + 11) == NGX_DONE && outcome == 77,
       "those that landed first go first");
}


/* so many ms lie between the landings, and a second is all they are kept */

static void
many(ngx_agent_flights_t *flights, int64_t ms, const char *what)
{
    int  i;

    for (i = 0; i < 4 * NGX_AGENT_FLIGHTS; i++) {

        part[0] = (u_char) i;
        part[1] = (u_char) (i >> 8);

        if (claim(flights, 1, NOW + 1 + i * ms, NOW + 1 + i * ms) != NGX_OK) {
            break;
        }

        ngx_agent_flight_land(flights, id, 0, NOW + i * ms);
    }

    ok(i == 4 * NGX_AGENT_FLIGHTS, "%s", what);
}


static void
race(ngx_agent_flights_t *flights)
{
    int        i;
    char       c;
    pid_t      pid[16];
    uint64_t   last;

    last = flights->sh->last_id;

    for (i = 0; i < 16; i++) {
        pid[i] = fork();

        if (pid[i] == 0) {
            racer(flights);
        }
    }

    for (i = 0; i < 16; i++) {
        if (read(ready[0], &c, 1) != 1) {
            exit(2);
        }
    }

    ok(flights->sh->last_id == last + 1, "of sixteen one has it");

    for (i = 0; i < 16; i++) {
        (void) kill(pid[i], SIGKILL);
        (void) waitpid(pid[i], NULL, 0);
    }
}


static void
racer(ngx_agent_flights_t *flights)
{
    shim_child();

    while (claim(flights, 200, 0, NOW) == NGX_BUSY) { /* void */ }

    if (write(ready[1], "", 1) != 1) {
        _exit(1);
    }

    for ( ;; ) {
        pause();
    }
}


static ngx_int_t
claim(ngx_agent_flights_t *flights, u_char n, int64_t since, int64_t now)
{
    u_char  key[NGX_AGENT_FLIGHT_KEY];

    memset(key, n, sizeof(key));

    return ngx_agent_flight_claim(flights, key, part, MAX, since, now, &id,
                                  &outcome);
}


/* a process that has taken the key and does not give it back */

static pid_t
holder(ngx_agent_flights_t *flights, u_char n)
{
    char   c;
    pid_t  pid;

    pid = fork();

    if (pid == 0) {
        shim_child();

        if (claim(flights, n, 0, NOW) != NGX_OK
            || write(ready[1], "", 1) != 1)
        {
            _exit(1);
        }

        for ( ;; ) {
            pause();
        }
    }

    if (pid == -1 || read(ready[0], &c, 1) != 1) {
        exit(2);
    }

    return pid;
}
