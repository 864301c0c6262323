
#include "ngx_agent_flight.h"
#include "ngx_agent_process.h"


#define NGX_AGENT_FLIGHT_MAGIC   0x74686c66     /* "flht" */
#define NGX_AGENT_FLIGHT_LAYOUT  2

/* ms that the outcome of a landed flight is kept for those who wait */

#define NGX_AGENT_FLIGHT_KEPT    2000


typedef struct {
    ngx_agent_flight_slot_t  *same;     /* the key, under way or landed */
    ngx_agent_flight_slot_t  *free;
    ngx_agent_flight_slot_t  *stale;    /* landed and kept no longer */
    ngx_uint_t                group;    /* under way in the group */
} ngx_agent_flight_scan_t;


static void ngx_agent_flight_scan(ngx_agent_flight_sh_t *sh,
    const u_char *key, const u_char *part, int64_t now_ms,
    ngx_agent_flight_scan_t *scan);
static ngx_uint_t ngx_agent_flight_reap(ngx_agent_flight_sh_t *sh);
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

    if (slot == NULL) {
        slot = scan.free ? scan.free : scan.stale;

        if ((slot == NULL || scan.group >= max)
            && ngx_agent_flight_reap(flights->sh))
        {
            ngx_agent_flight_scan(flights->sh, key, part, now_ms, &scan);
            slot = scan.free ? scan.free : scan.stale;
        }
    }

    if (slot == NULL || scan.group >= max) {
        goto done;
    }

    slot->start = ngx_agent_process_start(ngx_pid);
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

        /* a clock that was set back must not keep it for ever */

        if (slot->pid == 0 && slot != scan->same && scan->stale == NULL
            && (now_ms - slot->landed > NGX_AGENT_FLIGHT_KEPT
                || now_ms < slot->landed))
        {
            scan->stale = slot;
        }
    }
}


/* frees what processes left behind that are gone; how many */

static ngx_uint_t
ngx_agent_flight_reap(ngx_agent_flight_sh_t *sh)
{
    ngx_uint_t  i, n;

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
