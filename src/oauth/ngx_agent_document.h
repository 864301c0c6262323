
/*
 * A document of a provider, its metadata or its keys: fetched by one worker
 * when it is first needed and before it is too old, read by all of them.
 */

#ifndef _NGX_AGENT_DOCUMENT_H_INCLUDED_
#define _NGX_AGENT_DOCUMENT_H_INCLUDED_


#include "ngx_agent_fetch.h"
#include "ngx_agent_flight.h"


#define NGX_AGENT_DOCUMENTS    128
#define NGX_AGENT_DOCUMENT_ID  16


/* what the workers share of a document; times are epoch ms */

typedef struct {
    u_char                          id[NGX_AGENT_DOCUMENT_ID];
    uint64_t                        taken;      /* 0: the slot is free */
    uint64_t                        generation; /* of the body; 0: none yet */
    uint64_t                        failures;   /* in a row */
    int64_t                         fetched;    /* the last success */
    int64_t                         next;       /* to be fetched then, or
                                                   one of those below */
    uint64_t                        offset;     /* of the body, in the zone */
    uint32_t                        len;
    uint32_t                        address;    /* agent_address_class_e of
                                                   where it came from */
} ngx_agent_document_sh_t;


/* what next is, too: in the past, for whoever only compares */

#define NGX_AGENT_DOCUMENT_WANTED  0            /* by a fetch yet to begin */
#define NGX_AGENT_DOCUMENT_ASKED   1            /* one has begun */


typedef struct {
    uint32_t                        magic;
    uint32_t                        layout;
    uint64_t                        generation; /* the last one given */
    ngx_agent_document_sh_t         document[NGX_AGENT_DOCUMENTS];
    ngx_agent_flight_sh_t           flights;
} ngx_agent_documents_sh_t;


typedef struct {
    ngx_shm_zone_t                 *shm_zone;
    ngx_slab_pool_t                *shpool;
    ngx_agent_documents_sh_t       *sh;
    ngx_agent_flights_t             flights;
    ngx_array_t                     documents;  /* of ngx_agent_document_t * */
} ngx_agent_document_zone_t;


typedef struct ngx_agent_document_s  ngx_agent_document_t;


/* the n-th place to fetch it from, from 0; NULL: there is none, or not now */

typedef const ngx_agent_endpoint_t *(*ngx_agent_document_place_pt)(
    ngx_agent_document_t *doc, ngx_uint_t n);


/*
 * Makes of the body what doc->parsed will be, in pool.  NGX_ERROR: it is not
 * one, err (AGENT_ERROR_LEN octets) tells why.
 */

typedef ngx_int_t (*ngx_agent_document_parse_pt)(ngx_agent_document_t *doc,
    const ngx_str_t *body, ngx_pool_t *pool, void **parsed, char *err);


/* this worker's side; the first part is the configuration's */

struct ngx_agent_document_s {
    ngx_agent_document_zone_t      *zone;
    ngx_pool_t                     *conf_pool;
    u_char                          id[NGX_AGENT_DOCUMENT_ID];
    ngx_str_t                       kind;       /* for messages */
    const ngx_agent_fetch_conf_t   *fetch_conf;
    ngx_agent_document_place_pt     place;
    ngx_agent_document_parse_pt     parse;
    const void                     *data;       /* the user's */
    ngx_msec_t                      ttl;        /* unless the answer says */
    ngx_msec_t                      ttl_min;
    ngx_msec_t                      ttl_max;
    ngx_msec_t                      keep;       /* past the last success; 0:
                                                   as long as it takes */
    ngx_msec_t                      cooldown;   /* after a failure */
    ngx_uint_t                      count;      /* counter of those fetched;
                                                   the next: of failures */

    ngx_agent_document_sh_t        *sh;         /* from the zone's init on */

    ngx_event_t                     refresh;
    ngx_agent_fetch_t              *fetch;
    uint64_t                        flight;
    ngx_msec_t                      asked;      /* last, in vain, for it */
    ngx_uint_t                      n;          /* the place being tried */
    char                            err[AGENT_ERROR_LEN];

    uint64_t                        generation; /* of parsed */
    uint64_t                        refused;    /* one that is of no use */
    ngx_msec_t                      refused_at;
    void                           *parsed;
    ngx_uint_t                      address;
    ngx_pool_t                     *pool;       /* of parsed */
    unsigned                        begun:1;
};


/* the zone; made at the first call */

ngx_int_t ngx_agent_document_zone(ngx_conf_t *cf,
    ngx_agent_document_zone_t **zone, void *tag);


/*
 * A document of the zone, its configuration empty but for id, which is made of
 * what it depends on (text): others of the same id share one.  NULL: no
 * memory, or too many, which is logged.
 */

ngx_agent_document_t *ngx_agent_document_add(ngx_conf_t *cf,
    ngx_agent_document_zone_t *zone, const ngx_str_t *text);


/*
 * NGX_OK: doc->parsed is set, and stays until the next turn of the event loop.
 * NGX_AGAIN: it is being fetched, ask again soon.  NGX_DECLINED: it cannot be
 * had, *retry_after seconds are left until it is asked for again.
 */

ngx_int_t ngx_agent_document_get(ngx_agent_document_t *doc,
    ngx_uint_t *retry_after);


/* what it is now, or NULL; likewise, and nothing is fetched for it */

void *ngx_agent_document_peek(ngx_agent_document_t *doc);


/*
 * Has it fetched anew, unless that was done or tried within ms: NGX_AGAIN, ask
 * for it soon; NGX_DECLINED: it was.
 */

ngx_int_t ngx_agent_document_renew(ngx_agent_document_t *doc, ngx_msec_t ms);


/*
 * Has it fetched anew, and what a fetch that is under way in any worker brings
 * fetched once more: the server may have sent it before.  The one that there is
 * serves on until then.
 */

void ngx_agent_document_flush(ngx_agent_document_t *doc);


/* ngx_agent_document_zone.c, for ngx_agent_document.c */

/* whether the slot is still this document's: its times are */

ngx_uint_t ngx_agent_document_ours(const ngx_agent_document_t *doc);

/*
 * Copies the body into pool: NGX_OK, *generation and doc->address are set.
 * NGX_DECLINED: there is none.  NGX_BUSY: the mutex is taken.
 */

ngx_int_t ngx_agent_document_copy(ngx_agent_document_t *doc, ngx_pool_t *pool,
    ngx_str_t *body, uint64_t *generation);


/*
 * Puts a body into the zone, for all workers.  NGX_OK: it is there, or was.
 * NGX_DECLINED: a newer configuration has given the slot to another document.
 * NGX_BUSY: the mutex is taken.  NGX_ERROR: no room, which is logged.
 */

ngx_int_t ngx_agent_document_publish(ngx_agent_document_t *doc,
    const ngx_str_t *body, ngx_uint_t address);


#endif /* _NGX_AGENT_DOCUMENT_H_INCLUDED_ */
