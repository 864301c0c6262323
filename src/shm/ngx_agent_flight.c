
#include "ngx_agent_flight.h"
#include "ngx_agent_process.h"


#define NGX_AGENT_FLIGHT_MAGIC   0x74686c66     /* "flht" */
#define NGX_AGENT_FLIGHT_LAYOUT  3

/* ms that the outcome of a landed flight is kept, while there is room */

#define NGX_AGENT_FLIGHT_KEPT    2000

/* ms between two looks at whether the holders run, each a file of /proc */

#define NGX_AGENT_FLIGHT_REAP    100


typedef struct {
    ngx_agent_flight_slot_t  *same;     /* the key, under way or landed */
    ngx_agent_flight_slot_t  *free;
    ngx_agent_flight_slot_t  *landed;   /* before all others */
    uint64_t                  age;      /* ms since it did */
    ngx_uint_t                group;    /* under way in the group */
} ngx_agent_flight_scan_t;


static void ngx_agent_flight_scan(ngx_agent_flight_sh_t *sh,
    const u_char *key, const u_char *part, int64_t now_ms,
    ngx_agent_flight_scan_t *scan);
static ngx_agent_flight_slot_t *ngx_agent_flight_room(
    const ngx_agent_flight_scan_t *scan, ngx_uint_t max);
static ngx_uint_t ngx_agent_flight_reap(ngx_agent_flight_sh_t *sh,
    int64_t now_ms);
static ngx_uint_t ngx_agent_flight_gone(ngx_agent_flight_slot_t *slot);


ngx_int_t
ngx_agent_flights_init(ngx_agent_flights_t *flights, ngx_slab_pool_t *shpool,
    ngx_agent_flight_sh_t *sh)
{
    flights->shpool = shpool;
    flights->sh = sh;

    if (sh->magic == 0) {
        sh->magic = NGX_AGENT_FLIGHT_MAGIC;
        sh->layout = NGX_AGENT_FLIGHT_LAYOUT;
    }

    return (sh->magic == NGX_AGENT_FLIGHT_MAGIC
            && sh->layout == NGX_AGENT_FLIGHT_LAYOUT)
           ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_agent_flight_claim(ngx_agent_flights_t *flights, const u_char *key,
    const u_char *part, ngx_uint_t max, int64_t since, int64_t now_ms,
    uint64_t *id, uint64_t *outcome)
{
    ngx_int_t                 rc;
    ngx_agent_flight_slot_t  *slot;
    ngx_agent_flight_scan_t   scan;

    if (!ngx_shmtx_trylock(&flights->shpool->mutex)) {
        return NGX_BUSY;
    }

    ngx_agent_flight_scan(flights->sh, key, part, now_ms, &scan);

    slot = scan.same;
    rc = NGX_BUSY;

    if (slot && slot->pid && !ngx_agent_flight_gone(slot)) {
        rc = NGX_DECLINED;
        goto done;
    }

    /* one that is yet to land has landed before the clock was set back */

    if (slot && slot->pid == 0 && slot->landed >= since
        && slot->landed <= now_ms + NGX_AGENT_FLIGHT_KEPT)
    {
        *outcome = slot->outcome;
        rc = NGX_DONE;
        goto done;
    }

    slot = ngx_agent_flight_room(&scan, max);

    if (slot == NULL && ngx_agent_flight_reap(flights->sh, now_ms)) {
        ngx_agent_flight_scan(flights->sh, key, part, now_ms, &scan);
        slot = ngx_agent_flight_room(&scan, max);
    }

    if (slot == NULL) {
        goto done;
    }

    slot->start = ngx_agent_process_own();
    slot->pid = (uint64_t) ngx_pid;
    slot->landed = 0;
    slot->outcome = 0;
    ngx_memcpy(slot->key, key, NGX_AGENT_FLIGHT_KEY);
    ngx_memcpy(slot->part, part, NGX_AGENT_FLIGHT_PART);
    slot->id = ++flights->sh->last_id;

    *id = slot->id;
    rc = NGX_OK;

done:

    ngx_shmtx_unlock(&flights->shpool->mutex);

    return rc;
}


static void
ngx_agent_flight_scan(ngx_agent_flight_sh_t *sh, const u_char *key,
    const u_char *part, int64_t now_ms, ngx_agent_flight_scan_t *scan)
{
    uint64_t                  age;
    ngx_uint_t                i;
    ngx_agent_flight_slot_t  *slot;

    ngx_memzero(scan, sizeof(ngx_agent_flight_scan_t));

    for (i = 0; i < NGX_AGENT_FLIGHTS; i++) {

        slot = &sh->slot[i];

        if (slot->id == 0) {

            /* slots are taken from the first on: the rest was never used */

            scan->free = slot;
            return;
        }

        if (ngx_memcmp(slot->part, part, NGX_AGENT_FLIGHT_PART) == 0) {

            if (ngx_memcmp(slot->key, key, NGX_AGENT_FLIGHT_KEY) == 0) {
                scan->same = slot;
            }

            scan->group += (slot->pid != 0 && slot != scan->same);
        }

        /* of a clock that was set back: as if it were long ago */

        age = (uint64_t) (now_ms - slot->landed);

        if (slot->pid == 0 && slot != scan->same
            && (scan->landed == NULL || age > scan->age))
        {
            scan->landed = slot;
            scan->age = age;
        }
    }
}


/*
 * Where a flight is noted: in the place of one that nobody asks for any more,
 * so that there are few to look through, else of the one that landed first.
 */

static ngx_agent_flight_slot_t *
ngx_agent_flight_room(const ngx_agent_flight_scan_t *scan, ngx_uint_t max)
{
    if (scan->group >= max) {
        return NULL;
    }

    if (scan->same) {
        return scan->same;
    }

    if (scan->free
        && (scan->landed == NULL
            || scan->age <= NGX_AGENT_FLIGHT_KEPT))
    {
        return scan->free;
    }

    return scan->landed;
}


/* frees what processes left behind that are gone; how many */

static ngx_uint_t
ngx_agent_flight_reap(ngx_agent_flight_sh_t *sh, int64_t now_ms)
{
    ngx_uint_t  i, n;

    /* those who wait ask again every few ms, and may be many */

    if (now_ms >= sh->reaped && now_ms - sh->reaped < NGX_AGENT_FLIGHT_REAP) {
        return 0;
    }

    sh->reaped = now_ms;

    for (i = 0, n = 0; i < NGX_AGENT_FLIGHTS && sh->slot[i].id; i++) {

        if (sh->slot[i].pid && ngx_agent_flight_gone(&sh->slot[i])) {
            sh->slot[i].pid = 0;
            sh->slot[i].landed = 0;
            ngx_memzero(sh->slot[i].key, NGX_AGENT_FLIGHT_KEY);
            n++;
        }
    }

    return n;
}


static ngx_uint_t
ngx_agent_flight_gone(ngx_agent_flight_slot_t *slot)
{
    return !ngx_agent_process_runs((ngx_pid_t) slot->pid, slot->start);
}


void
ngx_agent_flight_land(ngx_agent_flights_t *flights, uint64_t id,
    uint64_t outcome, int64_t now_ms)
{
    ngx_uint_t                i;
    ngx_agent_flight_slot_t  *slot;

    /*
     * A slot that is taken is written by its holder alone, so no mutex is
     * needed: pid last, since from then on it is anybody's.
     */

    for (i = 0; i < NGX_AGENT_FLIGHTS; i++) {

        slot = &flights->sh->slot[i];

        if (slot->id == id && slot->pid == (uint64_t) ngx_pid) {
            slot->outcome = outcome;
            slot->landed = now_ms;
            __atomic_store_n(&slot->pid, 0, __ATOMIC_RELEASE);
            (void) __atomic_add_fetch(&flights->sh->landings, 1,
                                      __ATOMIC_RELEASE);
            return;
        }
    }
}


uint64_t
ngx_agent_flight_landings(const ngx_agent_flights_t *flights)
{
    return __atomic_load_n(&flights->sh->landings, __ATOMIC_ACQUIRE);
}


/* without the mutex, as one more or less is all the same to who looks */

ngx_uint_t
ngx_agent_flight_pending(const ngx_agent_flights_t *flights,
    const u_char *part)
{
    ngx_uint_t                      i, n;
    const ngx_agent_flight_slot_t  *slot;

    n = 0;
    slot = flights->sh->slot;

    for (i = 0; i < NGX_AGENT_FLIGHTS; i++) {
        n += (__atomic_load_n(&slot[i].id, __ATOMIC_RELAXED) != 0
              && __atomic_load_n(&slot[i].pid, __ATOMIC_RELAXED) != 0
              && ngx_memcmp(slot[i].part, part, NGX_AGENT_FLIGHT_PART) == 0);
    }

    return n;
}
