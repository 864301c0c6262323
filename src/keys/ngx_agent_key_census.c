
#include "ngx_agent_key_census.h"
#include "ngx_agent_key_files.h"
#include "agent_time.h"

#include <ngx_event.h>


/* keys of a table that is walked while a request waits: well under a ms */

#define NGX_AGENT_CENSUS_SMALL  16384

/* of a larger one in a turn, and ms between two */

#define NGX_AGENT_CENSUS_PIECE  8192
#define NGX_AGENT_CENSUS_PAUSE  2

/* seconds that a walk of a large table serves */

#define NGX_AGENT_CENSUS_KEPT   60

#define NGX_AGENT_CENSUS_DAY    (24 * 60 * 60)


typedef struct {
    time_t                   at;        /* epoch seconds; 0: none yet */
    uint64_t                 gen;
    uint64_t                 state[AGENT_COUNTED_STATES];
    uint64_t                 soon;      /* expire within 7 days */
    uint64_t                 later;     /* within 30 */
} ngx_agent_key_counted_t;


/* this worker's; const is what the configuration has */

struct ngx_agent_key_walk_s {
    ngx_event_t              event;
    const ngx_agent_key_zone_t *zone;
    ngx_pool_t              *pool;
    uint64_t                 next;      /* key */
    ngx_agent_key_counted_t  part;      /* of the walk under way */
    ngx_agent_key_counted_t  whole;
    unsigned                 begun:1;
    unsigned                 under_way:1;
};


static void ngx_agent_key_census_walk(const ngx_agent_key_zone_t *zone,
    uint64_t keys, agent_status_key_zone_t *status);
static ngx_int_t ngx_agent_key_walk_piece(ngx_agent_key_walk_t *walk,
    uint64_t n);
static void ngx_agent_key_walk_begin(ngx_agent_key_walk_t *walk);
static void ngx_agent_key_walk_handler(ngx_event_t *ev);
static void ngx_agent_key_walk_cleanup(void *data);
static void ngx_agent_key_walk_count(ngx_agent_key_counted_t *counted,
    const agent_keytab_rec_t *rec);
static agent_status_key_e ngx_agent_key_walk_state(
    const agent_keytab_rec_t *rec, time_t now);
static agent_status_file_e ngx_agent_key_census_file(
    const ngx_agent_key_zone_t *zone, const ngx_agent_key_files_t *loaded);


ngx_agent_key_walk_t *
ngx_agent_key_walk_new(ngx_pool_t *pool, const ngx_agent_key_zone_t *zone)
{
    ngx_agent_key_walk_t  *walk;

    walk = ngx_pcalloc(pool, sizeof(ngx_agent_key_walk_t));

    if (walk) {
        walk->zone = zone;
        walk->pool = pool;
    }

    return walk;
}


void
ngx_agent_key_census(const ngx_agent_key_zone_t *zone,
    agent_status_key_zone_t *status)
{
    u_char                 *base;
    uint64_t                g;
    ngx_uint_t              tries;
    agent_keytab_t          tab;
    ngx_agent_key_sh_t     *sh;
    ngx_agent_key_files_t   files;

    sh = zone->sh;

    ngx_memzero(&files, sizeof(files));

    status->room = zone->gen.size;

    for (tries = 0; tries < NGX_AGENT_GEN_RETRIES; tries++) {

        base = ngx_agent_gen_read(&zone->gen, &g);

        if (base == NULL) {
            break;
        }

        status->generation = g;
        status->keys = sh->keys[g & 1];
        status->loaded = sh->loaded[g & 1];
        status->octets = agent_keytab_open(&tab, base, zone->gen.size) == 0
                         ? agent_keytab_octets(&tab) : 0;

        files = sh->files[g & 1];

        if (ngx_agent_gen_check(&zone->gen, g) == NGX_OK) {
            break;
        }
    }

    status->file = ngx_agent_key_census_file(zone, &files);

    ngx_agent_key_census_walk(zone, status->keys, status);
}


/* a worker may see a file that it may not read */

static agent_status_file_e
ngx_agent_key_census_file(const ngx_agent_key_zone_t *zone,
    const ngx_agent_key_files_t *loaded)
{
    ngx_agent_key_files_t  files;

    if (ngx_agent_key_files(zone, &files, NULL) != NGX_OK) {
        return AGENT_FILE_UNREADABLE;
    }

    if (ngx_agent_key_files_same(&files, loaded)) {
        return AGENT_FILE_CURRENT;
    }

    if (ngx_agent_key_files_same(&files, &zone->sh->refused)) {
        return AGENT_FILE_REFUSED;
    }

    return access((const char *) zone->file.data, R_OK) == -1
           ? AGENT_FILE_UNREADABLE : AGENT_FILE_CHANGED;
}


static void
ngx_agent_key_census_walk(const ngx_agent_key_zone_t *zone, uint64_t keys,
    agent_status_key_zone_t *status)
{
    ngx_uint_t                tries;
    ngx_agent_key_walk_t     *walk;
    ngx_agent_key_counted_t  *counted;

    walk = zone->walk;
    counted = &walk->whole;

    if (keys <= NGX_AGENT_CENSUS_SMALL) {

        for (tries = 0; tries < NGX_AGENT_GEN_RETRIES; tries++) {
            ngx_agent_key_walk_begin(walk);

            if (ngx_agent_key_walk_piece(walk, NGX_AGENT_CENSUS_SMALL)
                != NGX_DECLINED)
            {
                break;
            }
        }

        walk->under_way = 0;

    } else if (!walk->under_way
               && (counted->gen != status->generation
                   || ngx_time() - counted->at >= NGX_AGENT_CENSUS_KEPT
                   || ngx_time() < counted->at))
    {
        ngx_agent_key_walk_begin(walk);

        /* else there is no memory for what ends it */

        if (walk->begun) {
            ngx_agent_key_walk_handler(&walk->event);
        }
    }

    status->counted = counted->at;
    ngx_memcpy(status->state, counted->state, sizeof(status->state));
    status->expiring_7d = counted->soon;
    status->expiring_30d = counted->soon + counted->later;
}


static void
ngx_agent_key_walk_begin(ngx_agent_key_walk_t *walk)
{
    ngx_pool_cleanup_t  *cln;

    ngx_memzero(&walk->part, sizeof(ngx_agent_key_counted_t));

    walk->next = 0;
    walk->part.at = ngx_time();

    if (walk->begun) {
        return;
    }

    /* without a master process the configuration changes within the process */

    cln = ngx_pool_cleanup_add(walk->pool, 0);
    if (cln == NULL) {
        return;
    }

    cln->handler = ngx_agent_key_walk_cleanup;
    cln->data = walk;

    walk->event.handler = ngx_agent_key_walk_handler;
    walk->event.data = walk;
    walk->event.log = ngx_cycle->log;
    walk->event.cancelable = 1;
    walk->begun = 1;
}


static void
ngx_agent_key_walk_cleanup(void *data)
{
    ngx_agent_key_walk_t  *walk = data;

    if (walk->event.timer_set) {
        ngx_del_timer(&walk->event);
    }
}


static void
ngx_agent_key_walk_handler(ngx_event_t *ev)
{
    ngx_agent_key_walk_t  *walk;

    walk = ev->data;

    if (ngx_exiting || ngx_terminate || ngx_quit) {
        walk->under_way = 0;
        return;
    }

    walk->under_way = (ngx_agent_key_walk_piece(walk, NGX_AGENT_CENSUS_PIECE)
                       == NGX_AGAIN);

    /* of a table that was replaced meanwhile: the next who asks begins anew */

    if (walk->under_way) {
        ngx_add_timer(ev, NGX_AGENT_CENSUS_PAUSE);
    }
}


/* NGX_OK: whole is set; NGX_AGAIN: there is more; NGX_DECLINED: the table is
 * another one, or is none */

static ngx_int_t
ngx_agent_key_walk_piece(ngx_agent_key_walk_t *walk, uint64_t n)
{
    u_char              *base;
    uint64_t             g, last;
    agent_keytab_t       tab;
    agent_keytab_rec_t   rec;

    base = ngx_agent_gen_read(&walk->zone->gen, &g);

    if (base == NULL
        || (walk->next && g != walk->part.gen)
        || agent_keytab_open(&tab, base, walk->zone->gen.size) != 0)
    {
        return NGX_DECLINED;
    }

    walk->part.gen = g;
    last = walk->next + n;

    while (walk->next < last
           && agent_keytab_nth(&tab, walk->next, &rec) == AGENT_KEYTAB_FOUND)
    {
        ngx_agent_key_walk_count(&walk->part, &rec);
        walk->next++;
    }

    if (ngx_agent_gen_check(&walk->zone->gen, g) != NGX_OK) {
        return NGX_DECLINED;
    }

    if (walk->next < tab.head.nkeys) {
        return NGX_AGAIN;
    }

    walk->whole = walk->part;

    return NGX_OK;
}


static void
ngx_agent_key_walk_count(ngx_agent_key_counted_t *counted,
    const agent_keytab_rec_t *rec)
{
    time_t              left;
    agent_status_key_e  state;

    state = ngx_agent_key_walk_state(rec, counted->at);
    counted->state[state]++;

    if (state != AGENT_COUNTED_ACTIVE && state != AGENT_COUNTED_DEPRECATED) {
        return;
    }

    left = rec->expires - counted->at;

    if (left <= 7 * NGX_AGENT_CENSUS_DAY) {
        counted->soon++;

    } else if (left <= 30 * NGX_AGENT_CENSUS_DAY) {
        counted->later++;
    }
}


/* as ngx_agent_key_usable() judges them; a state that it would not know is
 * that of a key which nobody can use */

static agent_status_key_e
ngx_agent_key_walk_state(const agent_keytab_rec_t *rec, time_t now)
{
    if (rec->state == AGENT_KEY_STATE_REVOKED
        || rec->state > AGENT_KEY_STATE_REVOKED)
    {
        return AGENT_COUNTED_REVOKED;
    }

    if (rec->state == AGENT_KEY_STATE_SUSPENDED) {
        return AGENT_COUNTED_SUSPENDED;
    }

    if (now >= rec->expires) {
        return AGENT_COUNTED_EXPIRED;
    }

    if (rec->not_before == AGENT_TIME_NONE
        ? rec->state == AGENT_KEY_PENDING : now < rec->not_before)
    {
        return AGENT_COUNTED_PENDING;
    }

    return rec->state == AGENT_KEY_DEPRECATED ? AGENT_COUNTED_DEPRECATED
                                              : AGENT_COUNTED_ACTIVE;
}
