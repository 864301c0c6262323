
#include "ngx_agent_call.h"
#include "ngx_agent_metadata.h"

#include <openssl/crypto.h>


/* ms between two questions whether another worker is done: 2, 4, 8, 8, ... */

#define NGX_AGENT_CALL_DELAY      2
#define NGX_AGENT_CALL_DELAY_MAX  8


static void ngx_agent_call_start(ngx_agent_call_t *call);
static void ngx_agent_call_wait(ngx_agent_call_t *call);
static void ngx_agent_call_handler(ngx_event_t *ev);
static ngx_uint_t ngx_agent_call_cached(ngx_agent_call_t *call);
static void ngx_agent_call_tell(ngx_agent_call_t *call,
    ngx_agent_token_t *token, agent_reason_e reason,
    const agent_claims_t *claims);
static ngx_int_t ngx_agent_call_copy(ngx_pool_t *pool,
    const agent_claims_t *claims, agent_claims_t *copy);


/* of this worker: calls are few, each is for a token never seen */

static ngx_queue_t  ngx_agent_calls;


void
ngx_agent_token_init_process(void)
{
    ngx_queue_init(&ngx_agent_calls);
}


int64_t
ngx_agent_now(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (int64_t) tp->sec * 1000 + tp->msec;
}


ngx_agent_call_t *
ngx_agent_call_find(const ngx_agent_token_t *token)
{
    ngx_queue_t       *q;
    ngx_agent_call_t  *call;

    for (q = ngx_queue_head(&ngx_agent_calls);
         q != ngx_queue_sentinel(&ngx_agent_calls);
         q = ngx_queue_next(q))
    {
        call = ngx_queue_data(q, ngx_agent_call_t, link);

        if (call->provider == token->provider
            && ngx_memcmp(call->key, token->digest, NGX_AGENT_CACHE_KEY) == 0)
        {
            return call;
        }
    }

    return NULL;
}


void
ngx_agent_call_join(ngx_agent_call_t *call, ngx_agent_token_t *token)
{
    token->call = call;
    ngx_queue_insert_tail(&call->waiters, &token->queue);
}


void
ngx_agent_token_leave(ngx_agent_token_t *token)
{
    /* the call goes on: its answer serves the next who has the token */

    if (token->call) {
        ngx_queue_remove(&token->queue);
        token->call = NULL;
    }
}


ngx_agent_call_t *
ngx_agent_call_begin(const ngx_agent_token_t *token, int64_t probe)
{
    u_char            *p;
    ngx_pool_t        *pool;
    ngx_agent_call_t  *call;

    pool = ngx_create_pool(1024, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    call = ngx_pcalloc(pool, sizeof(ngx_agent_call_t));
    p = ngx_pnalloc(pool, token->value.len);

    if (call == NULL || p == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    call->pool = pool;
    call->log = ngx_cycle->log;
    call->zone = token->zone;
    call->provider = token->provider;
    call->since = ngx_agent_now();
    call->deadline = ngx_current_msec + token->provider->timeout;
    call->delay = NGX_AGENT_CALL_DELAY;
    call->probe = probe;

    call->value.data = p;
    call->value.len = token->value.len;
    ngx_memcpy(p, token->value.data, token->value.len);
    ngx_memcpy(call->key, token->digest, NGX_AGENT_CACHE_KEY);

    /* somebody waits: the worker must not exit before it is over */

    call->event.handler = ngx_agent_call_handler;
    call->event.data = call;
    call->event.log = call->log;

    ngx_queue_init(&call->waiters);
    ngx_queue_insert_tail(&ngx_agent_calls, &call->link);

    /* not from within the request's own turn, which is not done yet */

    ngx_add_timer(&call->event, 0);

    return call;
}


static void
ngx_agent_call_handler(ngx_event_t *ev)
{
    ngx_agent_call_t  *call;

    call = ev->data;

    if (ngx_agent_call_cached(call)) {
        return;
    }

    if ((ngx_msec_int_t) (call->deadline - ngx_current_msec) <= 0) {
        ngx_agent_call_finish(call, AGENT_PROVIDER_UNAVAILABLE, NULL);
        return;
    }

    ngx_agent_call_start(call);
}


static void
ngx_agent_call_start(ngx_agent_call_t *call)
{
    uint64_t              outcome;
    ngx_agent_flights_t   flights;

    /* it may have opened while this call waited for its turn */

    if (call->probe == 0
        && ngx_agent_breaker_open(call->zone, call->provider, NULL))
    {
        ngx_agent_call_finish(call, AGENT_PROVIDER_UNAVAILABLE, NULL);
        return;
    }

    switch (ngx_agent_metadata_introspection(call->provider, &call->ep,
                                             &call->retry_after))
    {

    case NGX_OK:
        break;

    case NGX_AGAIN:
        ngx_agent_call_wait(call);
        return;

    default:
        ngx_agent_call_finish(call, AGENT_PROVIDER_UNAVAILABLE, NULL);
        return;
    }

    flights = call->zone->flights;

    switch (ngx_agent_flight_claim(&flights, call->key, call->provider->part,
                                   call->provider->max_pending, call->since,
                                   ngx_agent_now(), &call->id, &outcome))
    {

    case NGX_OK:

        if (ngx_agent_introspect(call) != NGX_OK) {
            ngx_agent_call_finish(call, AGENT_INTERNAL_ERROR, NULL);
        }

        return;

    case NGX_DONE:

        /* another worker's call failed: ours would, too */

        if (outcome != AGENT_OK) {
            ngx_agent_call_finish(call, (agent_reason_e) outcome, NULL);
            return;
        }

        /* it did not, yet what it learnt could not be cached: ask anew */

        call->since = ngx_agent_now() + 1;
        break;

    default:
        break;
    }

    ngx_agent_call_wait(call);
}


static void
ngx_agent_call_wait(ngx_agent_call_t *call)
{
    ngx_msec_t  left;

    left = call->deadline - ngx_current_msec;

    ngx_add_timer(&call->event, ngx_min(call->delay, ngx_max(left, 1)));

    call->delay = ngx_min(call->delay * 2, NGX_AGENT_CALL_DELAY_MAX);
}


/* whether another worker has put the verdict into the cache meanwhile */

static ngx_uint_t
ngx_agent_call_cached(ngx_agent_call_t *call)
{
    ngx_agent_token_t  token;

    ngx_memzero(&token, sizeof(ngx_agent_token_t));

    token.zone = call->zone;
    token.provider = call->provider;
    token.digest = call->key;
    token.pool = call->pool;

    if (ngx_agent_token_cached(&token) != NGX_OK) {
        return 0;
    }

    ngx_agent_call_finish(call, token.reason, &token.claims);

    return 1;
}


void
ngx_agent_call_finish(ngx_agent_call_t *call, agent_reason_e reason,
    const agent_claims_t *claims)
{
    ngx_queue_t          *q, waiters;
    ngx_agent_token_t    *token;
    ngx_agent_flights_t   flights;

    if (call->event.timer_set) {
        ngx_del_timer(&call->event);
    }

    ngx_agent_breaker_leave(call->zone, call->provider, call->probe);

    if (call->id) {
        flights = call->zone->flights;
        ngx_agent_flight_land(&flights, call->id, reason, ngx_agent_now());
    }

    /* nobody joins from now on, whatever the handlers do */

    ngx_queue_remove(&call->link);

    ngx_queue_init(&waiters);

    if (!ngx_queue_empty(&call->waiters)) {
        ngx_queue_add(&waiters, &call->waiters);
    }

    while (!ngx_queue_empty(&waiters)) {

        q = ngx_queue_head(&waiters);
        ngx_queue_remove(q);

        token = ngx_queue_data(q, ngx_agent_token_t, queue);
        token->call = NULL;

        ngx_agent_call_tell(call, token, reason, claims);
    }

    OPENSSL_cleanse((void *) call->value.data, call->value.len);
    ngx_destroy_pool(call->pool);
}


static void
ngx_agent_call_tell(ngx_agent_call_t *call, ngx_agent_token_t *token,
    agent_reason_e reason, const agent_claims_t *claims)
{
    if (reason == AGENT_OK
        && ngx_agent_call_copy(token->pool, claims, &token->claims) != NGX_OK)
    {
        reason = AGENT_INTERNAL_ERROR;
    }

    token->retry_after = call->retry_after;

    if (agent_reason_status(reason) == 503 && token->retry_after == 0) {
        token->retry_after = ngx_agent_breaker_open(call->zone, call->provider,
                                                    NULL);
    }

    ngx_agent_token_fail(token, reason);

    token->handler(token->data);
}


/* the record that the cache would hold, which points into itself */

static ngx_int_t
ngx_agent_call_copy(ngx_pool_t *pool, const agent_claims_t *claims,
    agent_claims_t *copy)
{
    size_t   len;
    u_char  *p;

    len = agent_claims_size(claims);

    p = ngx_pnalloc(pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    len = agent_claims_pack(claims, p, len);

    return (len && agent_claims_unpack(p, len, copy) == 0) ? NGX_OK
                                                           : NGX_ERROR;
}
