
/*
 * The zone that all workers share about tokens: verdicts, calls under way,
 * and how the providers do.
 */

#ifndef _NGX_AGENT_TOKEN_ZONE_H_INCLUDED_
#define _NGX_AGENT_TOKEN_ZONE_H_INCLUDED_


#include "ngx_agent_provider.h"


#define NGX_AGENT_PROVIDERS      64
#define NGX_AGENT_SOURCES        8192
#define NGX_AGENT_MARKS          4096


/* messages, each of which is said of a provider once in a while */

typedef enum {
    NGX_AGENT_WARN_HTTP = 0,
    NGX_AGENT_WARN_STATUS,
    NGX_AGENT_WARN_CLIENT,
    NGX_AGENT_WARN_CLAIMS,
    NGX_AGENT_WARN_OVERSIZED,
    NGX_AGENT_WARN_CLIENT_CERT,
    NGX_AGENT_WARN_FILE,
    NGX_AGENT_WARN_SECRET,
    NGX_AGENT_WARNS = 15
} ngx_agent_warn_e;


/* by partition, so that it survives a reload that changes nothing */

typedef struct {
    u_char                   part[NGX_AGENT_CACHE_PART];
    uint64_t                 failures;      /* in a row */
    int64_t                  open_until;    /* epoch ms; 0: closed */
    int64_t                  probe_until;   /* of a probe; 0: there is none */
    uint64_t                 flushed;       /* the last flush of its verdicts */
    uint64_t                 warned[NGX_AGENT_WARNS];   /* epoch seconds */
    uint64_t                 used;          /* likewise, last */
} ngx_agent_provider_state_t;


typedef struct {
    ngx_agent_cache_sh_t        cache;
    ngx_agent_provider_state_t  provider[NGX_AGENT_PROVIDERS];

    /* by hash of source address and provider: the time, in us, when what was
     * let through so far would be through at the rate (GCRA) */
    uint64_t                    source[NGX_AGENT_SOURCES];

    /* ngx_agent_flush.h: how many there were, the last one of all, and, by hash
     * of token or subject, the last one of that */
    uint64_t                    flushes;
    uint64_t                    flushed;
    uint64_t                    mark[NGX_AGENT_MARKS];

    ngx_agent_flight_sh_t       flights;
} ngx_agent_token_sh_t;


typedef struct {
    ngx_str_t                name;
    size_t                   entry;
    ngx_shm_zone_t          *shm_zone;
    ngx_agent_cache_t        cache;
    ngx_agent_flights_t      flights;
    ngx_agent_token_sh_t    *sh;
    ngx_str_t                conf_file;
    ngx_uint_t               conf_line;
} ngx_agent_token_zone_t;


/* agent_token_cache zone=name:size [entry=size] */

char *ngx_agent_token_zone(ngx_conf_t *cf, ngx_agent_token_zone_t **zone,
    void *tag);


/* the same with the defaults, where a provider is configured without it */

ngx_int_t ngx_agent_token_zone_default(ngx_conf_t *cf,
    ngx_agent_token_zone_t **zone, void *tag);


/*
 * How the provider does.  Where all slots are taken it gets the one that was
 * not used for longest, as providers of earlier configurations leave theirs
 * behind; never NULL: while all are in use what is beyond the limit shares one.
 */

ngx_agent_provider_state_t *ngx_agent_token_zone_state(
    const ngx_agent_token_zone_t *zone, const ngx_agent_provider_t *provider);


/* whether a message of this kind may be written now: once in a minute, by all
 * workers together */

ngx_uint_t ngx_agent_token_zone_warn(const ngx_agent_token_zone_t *zone,
    const ngx_agent_provider_t *provider, ngx_agent_warn_e kind);


/*
 * Whether a never-seen token from this address may cause a call now: at most
 * provider->miss_rate a minute from an IPv4 address or an IPv6 /64.
 */

ngx_uint_t ngx_agent_token_zone_admit(const ngx_agent_token_zone_t *zone,
    const ngx_agent_provider_t *provider, const struct sockaddr *sa);


#endif /* _NGX_AGENT_TOKEN_ZONE_H_INCLUDED_ */
