
/*
 * API keys: the zone that holds the key table, the file that it is loaded
 * from and loaded again when it changes, and the look-up of a key.
 */

#ifndef _NGX_AGENT_KEY_H_INCLUDED_
#define _NGX_AGENT_KEY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "agent_envelope.h"
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


/* what a table was made from */

typedef struct {
    ngx_agent_file_id_t    file;
    ngx_agent_file_id_t    pepper;
    ngx_agent_file_id_t    kek;
} ngx_agent_key_files_t;


/* of which envelopes; all zero: of none */

typedef struct {
    u_char                 bundle[AGENT_BUNDLE_MAX];    /* zeros behind it */
    uint64_t               keys;        /* generations */
    uint64_t               peppers;
} ngx_agent_key_envelopes_t;


/* at the head of the zone */

typedef struct {
    ngx_agent_gen_sh_t     gen;

    /* by generation: what it was loaded from, how many keys, and when */
    ngx_agent_key_files_t      files[2];
    ngx_agent_key_envelopes_t  envelopes[2];
    uint64_t               keys[2];
    int64_t                loaded[2];   /* epoch seconds */

    /* the last state of the files that was refused, and when: monotonic ms */
    ngx_agent_key_files_t  refused;
    uint64_t               refused_at;

    uint64_t               warned;      /* epoch seconds of the last warning */
} ngx_agent_key_sh_t;


typedef struct {
    agent_pepper_t         pepper[AGENT_PEPPERS_MAX];
    size_t                 n;
    uint64_t               generation;  /* of their envelope, 0: none */
} ngx_agent_key_peppers_t;


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

    ngx_str_t              kek_file;    /* where set, the others are sealed */
    agent_str_t            bundle;
    uint64_t               min_generation;

    /* as the master read them */
    ngx_agent_key_peppers_t  *peppers;
    agent_keks_t          *keks;        /* empty in a worker that can read */
    ngx_agent_key_files_t  read;        /* pepper and kek */

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


/*
 * agent_key_zone zone=name:size file=path [pepper_file=path] [check=time]
 *                [kek_file=path [bundle=name] [min_generation=number]]
 */

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


/* the same of the key with this id, which nobody presented */

agent_reason_e ngx_agent_key_find(const ngx_agent_key_zone_t *zone,
    const agent_str_t *id, ngx_pool_t *pool,
    ngx_agent_key_identity_t *identity);


/* whether the key may be used now from this address (AF_INET, AF_INET6; other
 * families are in no network) */

agent_reason_e ngx_agent_key_usable(const ngx_agent_key_identity_t *identity,
    time_t now, const struct sockaddr *sockaddr);


/* ngx_agent_key_census.c, for ngx_agent_key_zone.c; NULL: no memory */

ngx_agent_key_walk_t *ngx_agent_key_walk_new(ngx_pool_t *pool,
    const ngx_agent_key_zone_t *zone);


#endif /* _NGX_AGENT_KEY_H_INCLUDED_ */
