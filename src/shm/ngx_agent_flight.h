
/*
 * Single flight: of all workers one at a time works on a key, and no more than
 * so many work for one group.  Whoever dies gives way to the next.
 */

#ifndef _NGX_AGENT_FLIGHT_H_INCLUDED_
#define _NGX_AGENT_FLIGHT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_AGENT_FLIGHT_KEY   32
#define NGX_AGENT_FLIGHT_PART  16

/* in all groups and workers at once */

#define NGX_AGENT_FLIGHTS      1024


typedef struct {
    uint64_t                 id;        /* never used twice; 0: free */
    uint64_t                 pid;       /* 0: landed */
    uint64_t                 start;     /* of the process */
    int64_t                  landed;    /* epoch ms */
    u_char                   key[NGX_AGENT_FLIGHT_KEY];
    u_char                   part[NGX_AGENT_FLIGHT_PART];
    uint64_t                 outcome;   /* the user's, of a landed one */
} ngx_agent_flight_slot_t;


typedef struct {
    uint32_t                 magic;
    uint32_t                 layout;
    uint64_t                 last_id;
    uint64_t                 landings;
    int64_t                  reaped;    /* epoch ms: when holders were looked
                                           at for the last time */
    ngx_agent_flight_slot_t  slot[NGX_AGENT_FLIGHTS];
} ngx_agent_flight_sh_t;


typedef struct {
    ngx_slab_pool_t         *shpool;
    ngx_agent_flight_sh_t   *sh;
} ngx_agent_flights_t;


/* sh is zeroed memory of the pool, or as an earlier configuration left it;
 * NGX_DECLINED where that is of another layout */

ngx_int_t ngx_agent_flights_init(ngx_agent_flights_t *flights,
    ngx_slab_pool_t *shpool, ngx_agent_flight_sh_t *sh);


/*
 * Asks for the key (NGX_AGENT_FLIGHT_KEY octets) of a group (part,
 * NGX_AGENT_FLIGHT_PART octets), of which at most max may be under way.
 *
 * NGX_OK: it is ours until ngx_agent_flight_land(); *id is set.
 * NGX_DECLINED: another process that runs has it.  NGX_DONE: it landed after
 * since (epoch ms), and *outcome is set, which is kept while there is room.
 * NGX_BUSY: too many are under way, or the pool's mutex is taken: ask again.
 */

ngx_int_t ngx_agent_flight_claim(ngx_agent_flights_t *flights,
    const u_char *key, const u_char *part, ngx_uint_t max, int64_t since,
    int64_t now_ms, uint64_t *id, uint64_t *outcome);


/* how many have landed: while it stays as it is asking again is of no use, but
 * for what a process held that is gone */

uint64_t ngx_agent_flight_landings(const ngx_agent_flights_t *flights);


/* gives a key back and tells whoever waits what came of it */

void ngx_agent_flight_land(ngx_agent_flights_t *flights, uint64_t id,
    uint64_t outcome, int64_t now_ms);


/* how many are under way in a group, those of processes that died included */

ngx_uint_t ngx_agent_flight_pending(const ngx_agent_flights_t *flights,
    const u_char *part);


#endif /* _NGX_AGENT_FLIGHT_H_INCLUDED_ */
