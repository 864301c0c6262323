
/*
 * Turns an access token into claims: from the cache, or by one call to its
 * authorization server for all who wait.
 */

#ifndef _NGX_AGENT_TOKEN_H_INCLUDED_
#define _NGX_AGENT_TOKEN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "agent_reason.h"
#include "ngx_agent_token_zone.h"


typedef enum {
    NGX_AGENT_CACHE_NONE = 0,
    NGX_AGENT_CACHE_HIT,
    NGX_AGENT_CACHE_MISS,
    NGX_AGENT_CACHE_COALESCED,
    NGX_AGENT_CACHE_NEGATED,
    NGX_AGENT_CACHE_STALE
} ngx_agent_cache_e;


typedef struct ngx_agent_call_s  ngx_agent_call_t;

typedef void (*ngx_agent_token_pt)(void *data);


/* a token in a request; the caller fills in the first part */

typedef struct {
    const ngx_agent_token_zone_t  *zone;
    const ngx_agent_provider_t    *provider;
    agent_str_t                    value;
    const u_char                  *digest;      /* SHA-256 of value */
    const struct sockaddr         *sockaddr;    /* of the client */
    ngx_uint_t                     hurried;     /* waits for no probe */
    ngx_pool_t                    *pool;
    ngx_log_t                     *log;
    ngx_agent_token_pt             handler;     /* when it is decided */
    void                          *data;

    /* AGENT_OK: authentic and in its time, claims are set, in pool */
    agent_reason_e                 reason;
    ngx_agent_cache_e              cache;
    ngx_uint_t                     retry_after; /* seconds, with a 503 */

    /* the claims are those on record, for when the provider cannot be asked */
    unsigned                       has_stale:1;
    unsigned                       decided:1;

    /* of a hit: what its entry of the cache remembers, ngx_agent_cache.h */
    uint64_t                      *clean;
    uint64_t                       seq;

    uint32_t                       flushes;     /* before what is stale */

    ngx_queue_t                    queue;
    ngx_agent_call_t              *call;        /* that it waits for */

    /* the last member: what is before it is zeroed for a new token */
    agent_claims_t                 claims;
} ngx_agent_token_t;


/*
 * NGX_OK: token->reason is set.  NGX_AGAIN: token->handler will be called once
 * it is, never from within this call, unless ngx_agent_token_leave() comes
 * first.  Implements RFC 7662; what may be stale: docs/directives.md.
 */

ngx_int_t ngx_agent_token_verify(ngx_agent_token_t *token);


/*
 * NGX_OK: the cache has it that the provider vouches for the token and is its
 * issuer, token->reason is AGENT_OK.  Otherwise NGX_DECLINED, with the token as
 * it was.
 */

ngx_int_t ngx_agent_token_vouched(ngx_agent_token_t *token);


/* the request goes: nothing will be called any more */

void ngx_agent_token_leave(ngx_agent_token_t *token);


/* whether claims may be used now: times that pass while they are cached */

agent_reason_e ngx_agent_token_usable(const ngx_agent_provider_t *provider,
    const agent_claims_t *claims);


/* "hit", "miss", ...; static storage */

const agent_str_t *ngx_agent_token_cache_name(ngx_agent_cache_e cache);


/* in each worker, before the first request */

void ngx_agent_token_init_process(void);


#endif /* _NGX_AGENT_TOKEN_H_INCLUDED_ */
