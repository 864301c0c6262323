
/*
 * The state of the gate: counters, and what there is to see of providers,
 * zones and files, for the handler of agent_status.
 */

#ifndef _NGX_AGENT_STATUS_H_INCLUDED_
#define _NGX_AGENT_STATUS_H_INCLUDED_


#include "ngx_agent_handlers.h"
#include "ngx_agent_count.h"
#include "agent_status.h"


typedef enum {
    NGX_AGENT_STATUS_ANY = 0,           /* as the client likes it */
    NGX_AGENT_STATUS_JSON,
    NGX_AGENT_STATUS_PROMETHEUS,        /* in the one format or the other */
    NGX_AGENT_STATUS_TEXT,
    NGX_AGENT_STATUS_OPENMETRICS,
    NGX_AGENT_STATUS_HTML
} ngx_agent_status_format_e;


/* groups of counters; the first one is where nobody reads */

#define NGX_AGENT_STATUS_NOWHERE    0
#define NGX_AGENT_STATUS_DECISIONS  1
#define NGX_AGENT_STATUS_PROVIDERS  2
#define NGX_AGENT_STATUS_LOCATIONS  3
#define NGX_AGENT_STATUS_KEY_ZONES  4
#define NGX_AGENT_STATUS_SINKS      5
#define NGX_AGENT_STATUS_GROUPS     6

/* counters in the first group, and so the number of the first decision */

#define NGX_AGENT_STATUS_UNREAD     32


/* a directive agent_status */

typedef struct {
    ngx_agent_status_format_e    format;
    void                       **loc_conf;
    ngx_str_t                    conf_file;
    ngx_uint_t                   conf_line;
} ngx_agent_status_t;


/* guarded locations that are counted as one: the names are the same */

typedef struct {
    ngx_str_t                    server;
    ngx_str_t                    location;
    ngx_str_t                    service;
    ngx_uint_t                   observe;
    ngx_uint_t                   count;
} ngx_agent_status_place_t;


struct ngx_agent_status_zone_s {
    ngx_shm_zone_t              *shm_zone;
    ngx_cycle_t                 *cycle;
    ngx_agent_main_conf_t       *amcf;
    ngx_array_t                  confs;     /* ngx_agent_status_conf.c */
    ngx_array_t                  places;    /* of ngx_agent_status_place_t */
    ngx_array_t                  directives;    /* ngx_agent_status_t * */
    ngx_agent_counts_t           counts;
};


/* ngx_agent_status_gather.c: in r->pool; NGX_ERROR: no memory */

ngx_int_t ngx_agent_status_gather(ngx_http_request_t *r,
    const ngx_agent_status_zone_t *zone, agent_status_t *status);


/* notes once in a minute what is told of the last hour */

void ngx_agent_status_note(const ngx_agent_status_zone_t *zone);


/* ngx_agent_status.c */

ngx_int_t ngx_agent_status_handler(ngx_http_request_t *r);


#endif /* _NGX_AGENT_STATUS_H_INCLUDED_ */
