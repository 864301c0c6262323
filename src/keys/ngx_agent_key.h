
/*
 * API keys: the zone that holds the key table, the file that it is loaded
 * from and loaded again when it changes, and the look-up of a key.
 */

#ifndef _NGX_AGENT_KEY_H_INCLUDED_
#define _NGX_AGENT_KEY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "agent_key.h"
#include "agent_keytab.h"
#include "agent_reason.h"
#include "ngx_agent_gen.h"


/* what tells one state of a file from another; all zero: no file */

typedef struct {
    uint64_t               dev;
    uint64_t               ino;
    uint64_t               size;
    int64_t                mtime;       /* ns since the epoch */
    int64_t                ctime;
} ngx_agent_file_id_t;


/* at the head of the zone */

typedef struct {
    ngx_agent_gen_sh_t     gen;

    /* by generation: what it was loaded from, how many keys, and when */
    ngx_agent_file_id_t    file[2];
    ngx_agent_file_id_t    pepper[2];
    uint64_t               keys[2];
    int64_t                loaded[2];   /* epoch seconds */

    /* the last state of the files that was refused, and when: monotonic ms */
    ngx_agent_file_id_t    refused;
    ngx_agent_file_id_t    refused_pepper;
    uint64_t               refused_at;

    uint64_t               warned;      /* epoch seconds of the last warning */
} ngx_agent_key_sh_t;


/* the walk of one worker through a table: ngx_agent_key_census.c */

typedef struct ngx_agent_key_walk_s  ngx_agent_key_walk_t;


/* a directive agent_key_zone; const once the configuration is in force */

typedef struct {
    ngx_str_t              name;
    ngx_str_t              file;
    ngx_str_t              pepper_file;
    ngx_msec_t             check;
    ngx_shm_zone_t        *shm_zone;
    ngx_agent_gen_t        gen;
    ngx_agent_key_sh_t    *sh;
    agent_pepper_t        *peppers;     /* as the master read them */
    size_t                 npeppers;
    ngx_agent_file_id_t    pepper_id;
    ngx_cycle_t           *cycle;
    ngx_agent_key_walk_t  *walk;
    ngx_uint_t             count;       /* its first counter */
    ngx_str_t              conf_file;   /* where the directive stands */
    ngx_uint_t             conf_line;
} ngx_agent_key_zone_t;


/* a key that proved authentic, copied into the request's pool */

typedef struct {
    agent_str_t            id;
    agent_str_t            agent;
    agent_str_t            owner;
    agent_str_t            scopes;
    agent_str_t            services;
    const agent_cidr_t    *networks;
    ngx_uint_t             nnetworks;
    int64_t                not_before;
    int64_t                expires;
    ngx_uint_t             state;       /* agent_key_state_e */
} ngx_agent_key_identity_t;


/* agent_key_zone zone=name:size file=path [pepper_file=path] [check=time] */

char *ngx_agent_key_zone(ngx_conf_t *cf, ngx_array_t *zones, void *tag);


/* the zone of this name, or NULL; zones: of ngx_agent_key_zone_t * */

ngx_agent_key_zone_t *ngx_agent_key_zone_find(ngx_array_t *zones,
    ngx_str_t *name);


/*
 * The configuration comes into force (init_module, in the master): a file
 * that changed since it was loaded is loaded now.
 */

void ngx_agent_key_zones_commit(ngx_cycle_t *cycle, ngx_array_t *zones);


/* begins to watch the files (init_process of a worker) */

ngx_int_t ngx_agent_key_zones_watch(ngx_cycle_t *cycle, ngx_array_t *zones);


/*
 * Looks a credential up.  digest is the SHA-256 of value; it is asked for
 * only where shape is AGENT_KEY_FOREIGN.
 *
 * AGENT_OK: authentic; identity is filled in from pool, its validity not yet
 * judged.  Else AGENT_KEY_UNKNOWN, AGENT_TABLE_BUSY, AGENT_INTERNAL_ERROR.
 */

agent_reason_e ngx_agent_key_lookup(const ngx_agent_key_zone_t *zone,
    agent_key_shape_e shape, const agent_key_t *key, const u_char *digest,
    ngx_pool_t *pool, ngx_agent_key_identity_t *identity);


/* whether the key may be used now from this address (AF_INET, AF_INET6; other
 * families are in no network) */

agent_reason_e ngx_agent_key_usable(const ngx_agent_key_identity_t *identity,
    time_t now, const struct sockaddr *sockaddr);


/* ngx_agent_key_census.c, for ngx_agent_key_zone.c; NULL: no memory */

ngx_agent_key_walk_t *ngx_agent_key_walk_new(ngx_pool_t *pool,
    const ngx_agent_key_zone_t *zone);


#endif /* _NGX_AGENT_KEY_H_INCLUDED_ */
