
#include "ngx_agent_call.h"

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


ngx_int_t
ngx_agent_call_begin(ngx_agent_token_t *token)
{
    u_char            *p;
    ngx_pool_t        *pool;
    ngx_agent_call_t  *call;

    pool = ngx_create_pool(1024, ngx_cycle->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    call = ngx_pcalloc(pool, sizeof(ngx_agent_call_t));
    p = ngx_pnalloc(pool, token->value.len);

    if (call == NULL || p == NULL) {
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    call->pool = pool;
    call->log = ngx_cycle->log;
    call->zone = token->zone;
    call->provider = token->provider;
    call->since = ngx_agent_now();
    call->deadline = ngx_current_msec + token->provider->timeout;
    call->delay = NGX_AGENT_CALL_DELAY;

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

    ngx_agent_call_join(call, token);

    /* not from within the request's own turn, which is not done yet */

    ngx_add_timer(&call->event, 0);

    return NGX_OK;
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


ngx_uint_t
ngx_agent_breaker_open(const ngx_agent_token_zone_t *zone,
    const ngx_agent_provider_t *provider)
{
    int64_t                      now, until;
    ngx_agent_provider_state_t  *state;

    state = ngx_agent_token_zone_state(zone, provider);
    until = __atomic_load_n(&state->open_until, __ATOMIC_RELAXED);
    now = ngx_agent_now();

    /* one that lies further off is of a clock that was set back */

    if (until <= now || until > now + (int64_t) provider->breaker_cooldown) {
        return 0;
    }

    return (ngx_uint_t) ((until - now + 999) / 1000);
}


void
ngx_agent_breaker_failed(ngx_agent_call_t *call)
{
    uint64_t                       failures;
    const ngx_agent_provider_t    *provider;
    ngx_agent_provider_state_t    *state;

    provider = call->provider;
    state = ngx_agent_token_zone_state(call->zone, provider);

    failures = __atomic_add_fetch(&state->failures, 1, __ATOMIC_RELAXED);

    /* from then on each failure, a probe's, opens it again */

    if (failures < provider->breaker_failures) {
        return;
    }

    __atomic_store_n(&state->open_until,
                     ngx_agent_now() + (int64_t) provider->breaker_cooldown,
                     __ATOMIC_RELAXED);

    ngx_log_error(NGX_LOG_ERR, call->log, 0,
                  "agent_auth: provider \"%V\" failed %uL times, it is not "
                  "asked for %M ms", &provider->name, failures,
                  provider->breaker_cooldown);
}


void
ngx_agent_breaker_worked(ngx_agent_call_t *call)
{
    ngx_agent_provider_state_t  *state;

    state = ngx_agent_token_zone_state(call->zone, call->provider);

    if (__atomic_exchange_n(&state->failures, 0, __ATOMIC_RELAXED)
        >= call->provider->breaker_failures)
    {
        ngx_log_error(NGX_LOG_NOTICE, call->log, 0,
                      "agent_auth: provider \"%V\" answers again",
                      &call->provider->name);
    }

    __atomic_store_n(&state->open_until, 0, __ATOMIC_RELAXED);
}
