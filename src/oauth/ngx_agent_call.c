
#include "ngx_agent_call.h"
#include "ngx_agent_jwt.h"
#include "ngx_agent_metadata.h"

#include <openssl/crypto.h>


/*
 * While calls of this worker wait for a turn it looks each 2 ms whether one
 * has ended in any worker, which costs a read of memory.  Those that wait for
 * a place ask all the same each 8 ms, as the mutex may have been taken, and
 * those whose key another worker has each 64 ms, as that one may have died.
 */

#define NGX_AGENT_CALL_TICK   2
#define NGX_AGENT_CALL_PLACE  4
#define NGX_AGENT_CALL_TAKEN  32


static void ngx_agent_call_insert(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel);
static ngx_int_t ngx_agent_call_cmp(const ngx_agent_call_t *call,
    const ngx_agent_provider_t *provider, const u_char *key);
static ngx_rbtree_key_t ngx_agent_call_hash(const u_char *key);
static void ngx_agent_call_handler(ngx_event_t *ev);
static ngx_int_t ngx_agent_call_try(ngx_agent_call_t *call);
static ngx_int_t ngx_agent_call_server(ngx_agent_call_t *call);
static ngx_int_t ngx_agent_call_local(ngx_agent_call_t *call);
static ngx_int_t ngx_agent_call_claim(ngx_agent_call_t *call);
static void ngx_agent_call_tick(ngx_event_t *ev);
static void ngx_agent_call_turns(ngx_uint_t places, ngx_uint_t taken);
static ngx_uint_t ngx_agent_call_cached(ngx_agent_call_t *call);
static void ngx_agent_call_tell(ngx_agent_call_t *call,
    ngx_agent_token_t *token, agent_reason_e reason,
    const agent_claims_t *claims);
static ngx_int_t ngx_agent_call_copy(ngx_pool_t *pool,
    const agent_claims_t *claims, agent_claims_t *copy);


/* of this worker */

static ngx_rbtree_t       ngx_agent_calls;
static ngx_rbtree_node_t  ngx_agent_calls_sentinel;

static ngx_queue_t        ngx_agent_calls_waiting;  /* the oldest first */
static ngx_event_t        ngx_agent_calls_event;
static ngx_connection_t   ngx_agent_calls_dumb;     /* nginx logs its fd */
static ngx_uint_t         ngx_agent_calls_ticks;
static uint64_t           ngx_agent_calls_landings;


void
ngx_agent_token_init_process(void)
{
    ngx_rbtree_init(&ngx_agent_calls, &ngx_agent_calls_sentinel,
                    ngx_agent_call_insert);
    ngx_queue_init(&ngx_agent_calls_waiting);

    ngx_memzero(&ngx_agent_calls_event, sizeof(ngx_event_t));

    ngx_agent_calls_event.handler = ngx_agent_call_tick;
    ngx_agent_calls_event.data = &ngx_agent_calls_dumb;
    ngx_agent_calls_event.log = ngx_cycle->log;

    ngx_agent_calls_dumb.fd = (ngx_socket_t) -1;
}


ngx_agent_call_t *
ngx_agent_call_find(const ngx_agent_token_t *token)
{
    ngx_int_t           rc;
    ngx_agent_call_t   *call;
    ngx_rbtree_key_t    hash;
    ngx_rbtree_node_t  *node;

    hash = ngx_agent_call_hash(token->digest);
    node = ngx_agent_calls.root;

    while (node != ngx_agent_calls.sentinel) {

        if (hash != node->key) {
            node = (hash < node->key) ? node->left : node->right;
            continue;
        }

        call = ngx_rbtree_data(node, ngx_agent_call_t, node);

        rc = ngx_agent_call_cmp(call, token->provider, token->digest);

        if (rc == 0) {
            return call;
        }

        node = (rc < 0) ? node->left : node->right;
    }

    return NULL;
}


/* as ngx_str_rbtree_insert_value() */

static void
ngx_agent_call_insert(ngx_rbtree_node_t *temp, ngx_rbtree_node_t *node,
    ngx_rbtree_node_t *sentinel)
{
    ngx_agent_call_t    *call, *other;
    ngx_rbtree_node_t  **p;

    call = ngx_rbtree_data(node, ngx_agent_call_t, node);

    for ( ;; ) {

        if (node->key != temp->key) {
            p = (node->key < temp->key) ? &temp->left : &temp->right;

        } else {
            other = ngx_rbtree_data(temp, ngx_agent_call_t, node);

            p = (ngx_agent_call_cmp(other, call->provider, call->key) < 0)
                ? &temp->left : &temp->right;
        }

        if (*p == sentinel) {
            break;
        }

        temp = *p;
    }

    *p = node;
    node->parent = temp;
    node->left = sentinel;
    node->right = sentinel;
    ngx_rbt_red(node);
}


static ngx_int_t
ngx_agent_call_cmp(const ngx_agent_call_t *call,
    const ngx_agent_provider_t *provider, const u_char *key)
{
    if (provider != call->provider) {
        return ((uintptr_t) provider < (uintptr_t) call->provider) ? -1 : 1;
    }

    return ngx_memcmp(key, call->key, NGX_AGENT_CACHE_KEY);
}


/* a digest needs no hash of its own: nobody finds two that begin alike often */

static ngx_rbtree_key_t
ngx_agent_call_hash(const u_char *key)
{
    ngx_rbtree_key_t  hash;

    ngx_memcpy(&hash, key, sizeof(hash));

    return hash;
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
    call->flushes = ngx_agent_flushes(token->zone);
    call->deadline = ngx_current_msec + token->provider->timeout;
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

    call->node.key = ngx_agent_call_hash(call->key);
    ngx_rbtree_insert(&ngx_agent_calls, &call->node);

    /* not from within the request's own turn, which is not done yet */

    ngx_add_timer(&call->event, 0);

    return call;
}


static void
ngx_agent_call_handler(ngx_event_t *ev)
{
    ngx_agent_call_t  *call;

    call = ev->data;

    if (call->begun) {

        /* it never had its turn, for which the server is not to blame */

        ngx_agent_call_finish(call, AGENT_PROVIDER_UNAVAILABLE, NULL);
        return;
    }

    call->begun = 1;

    (void) ngx_agent_call_try(call);
}


/* NGX_OK: it is under way, or over; NGX_AGAIN: it waits for a turn */

static ngx_int_t
ngx_agent_call_try(ngx_agent_call_t *call)
{
    if (call->local) {
        return ngx_agent_call_local(call);
    }

    if (call->answer.data) {
        return ngx_agent_signed_try(call);
    }

    if (ngx_agent_call_cached(call)) {
        return NGX_OK;
    }

    switch (ngx_agent_call_server(call)) {

    case NGX_OK:
        break;

    case NGX_AGAIN:
        call->taken = 0;
        ngx_agent_call_wait(call);
        return NGX_AGAIN;

    default:
        ngx_agent_call_finish(call, AGENT_PROVIDER_UNAVAILABLE, NULL);
        return NGX_OK;
    }

    /* its tokens are JWTs, says the server, and this is none */

    if (call->ep == NULL) {
        ngx_agent_call_finish(call, AGENT_TOKEN_MALFORMED, NULL);
        return NGX_OK;
    }

    if (ngx_agent_call_claim(call) != NGX_OK) {
        ngx_agent_call_wait(call);
        return NGX_AGAIN;
    }

    return NGX_OK;
}


/* NGX_OK: it may be asked, at call->ep; NGX_AGAIN: soon */

static ngx_int_t
ngx_agent_call_server(ngx_agent_call_t *call)
{
    ngx_int_t  rc;

    /* it may have opened while this call waited */

    if (call->probe == 0
        && ngx_agent_breaker_open(call->zone, call->provider, NULL))
    {
        return NGX_DECLINED;
    }

    rc = ngx_agent_metadata_introspection(call->provider, &call->ep,
                                          &call->retry_after);

    if (rc != NGX_OK || !call->provider->response_jwt) {
        return rc;
    }

    return ngx_agent_signed_ready(call);
}


/* a JWT, which waits for nothing but keys */

static ngx_int_t
ngx_agent_call_local(ngx_agent_call_t *call)
{
    agent_claims_t  claims;

    switch (ngx_agent_jwt_check(call->provider, &call->value, call->pool,
                                &call->reason, &claims, &call->tried,
                                &call->retry_after))
    {

    case NGX_OK:
        break;

    case NGX_AGAIN:
        call->taken = 0;
        ngx_agent_call_wait(call);
        return NGX_AGAIN;

    default:
        call->reason = AGENT_PROVIDER_UNAVAILABLE;
    }

    if (ngx_agent_jwt_lasting(call->reason)) {
        ngx_agent_token_store(call, call->reason, &claims);
    }

    ngx_agent_call_finish(call, call->reason, &claims);

    return NGX_OK;
}


static ngx_int_t
ngx_agent_call_claim(ngx_agent_call_t *call)
{
    uint64_t             outcome;
    ngx_agent_flights_t  flights;

    flights = call->zone->flights;
    call->taken = 0;

    switch (ngx_agent_flight_claim(&flights, call->key, call->provider->part,
                                   call->provider->max_pending, call->since,
                                   ngx_agent_now(), &call->id, &outcome))
    {

    case NGX_OK:

        if (call->event.timer_set) {
            ngx_del_timer(&call->event);
        }

        if (ngx_agent_introspect(call) != NGX_OK) {
            ngx_agent_call_finish(call, AGENT_INTERNAL_ERROR, NULL);
        }

        return NGX_OK;

    case NGX_DECLINED:
        call->taken = 1;
        return NGX_AGAIN;

    case NGX_DONE:

        /* another's call failed: ours would, too, but for a fault of ours */

        if (outcome != AGENT_OK && outcome != AGENT_INTERNAL_ERROR) {
            ngx_agent_call_finish(call, (agent_reason_e) outcome, NULL);
            return NGX_OK;
        }

        /* what it learnt could not be cached: ask anew */

        call->since = ngx_agent_now() + 1;
        return NGX_AGAIN;

    default:
        return NGX_AGAIN;
    }
}


void
ngx_agent_call_wait(ngx_agent_call_t *call)
{
    ngx_msec_int_t  left;

    ngx_queue_insert_tail(&ngx_agent_calls_waiting, &call->link);
    call->linked = 1;

    if (!call->event.timer_set) {
        left = (ngx_msec_int_t) (call->deadline - ngx_current_msec);
        ngx_add_timer(&call->event, (ngx_msec_t) ngx_max(left, 1));
    }

    if (!ngx_agent_calls_event.timer_set) {
        ngx_add_timer(&ngx_agent_calls_event, NGX_AGENT_CALL_TICK);
    }
}


ngx_int_t
ngx_agent_call_again(ngx_agent_call_t *call, const agent_claims_t *claims)
{
    ngx_agent_flights_t  flights;

    if (call->flushes == ngx_agent_flushes(call->zone)
        || !ngx_agent_flushed(call->zone, call->provider, call->key,
                              claims ? &claims->subject : NULL,
                              call->flushes))
    {
        return NGX_DECLINED;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, call->log, 0,
                   "agent token: provider \"%V\" is asked again after a flush",
                   &call->provider->name);

    /* other workers learn that nothing was cached, and ask, too */

    flights = call->zone->flights;
    ngx_agent_flight_land(&flights, call->id, AGENT_OK, ngx_agent_now());

    call->id = 0;
    call->flushes = ngx_agent_flushes(call->zone);
    call->since = ngx_agent_now() + 1;
    call->answer.data = NULL;
    call->answer.len = 0;
    call->tried = 0;
    call->taken = 0;

    ngx_agent_call_wait(call);

    return NGX_OK;
}


static void
ngx_agent_call_tick(ngx_event_t *ev)
{
    uint64_t           landings;
    ngx_uint_t         landed;
    ngx_queue_t       *q;
    ngx_agent_call_t  *call;

    if (ngx_queue_empty(&ngx_agent_calls_waiting)) {
        return;
    }

    /* there is one zone */

    q = ngx_queue_head(&ngx_agent_calls_waiting);
    call = ngx_queue_data(q, ngx_agent_call_t, link);

    landings = ngx_agent_flight_landings(&call->zone->flights);
    landed = (landings != ngx_agent_calls_landings);

    ngx_agent_calls_landings = landings;
    ngx_agent_calls_ticks++;

    ngx_agent_call_turns(landed
                         || ngx_agent_calls_ticks % NGX_AGENT_CALL_PLACE == 0,
                         landed
                         || ngx_agent_calls_ticks % NGX_AGENT_CALL_TAKEN == 0);

    if (!ngx_queue_empty(&ngx_agent_calls_waiting) && !ev->timer_set) {
        ngx_add_timer(ev, NGX_AGENT_CALL_TICK);
    }
}


/* those that wait ask again, in their order */

static void
ngx_agent_call_turns(ngx_uint_t places, ngx_uint_t taken)
{
    ngx_int_t                     rc;
    ngx_queue_t                  *q, waiting;
    ngx_agent_call_t             *call;
    const ngx_agent_provider_t   *provider, *full;

    ngx_queue_init(&waiting);
    ngx_queue_add(&waiting, &ngx_agent_calls_waiting);
    ngx_queue_init(&ngx_agent_calls_waiting);

    full = NULL;

    while (!ngx_queue_empty(&waiting)) {

        q = ngx_queue_head(&waiting);
        call = ngx_queue_data(q, ngx_agent_call_t, link);
        provider = call->provider;

        ngx_queue_remove(q);
        call->linked = 0;

        /* where one has no place the next have none */

        if (call->taken ? !taken
            : (!places
               || (provider == full && !ngx_agent_call_placed(call))))
        {
            ngx_agent_call_wait(call);
            continue;
        }

        rc = ngx_agent_call_try(call);

        if (rc == NGX_AGAIN && !call->taken && !ngx_agent_call_placed(call)) {
            full = provider;
        }
    }
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

    if (call->linked) {
        ngx_queue_remove(&call->link);
        call->linked = 0;
    }

    ngx_agent_breaker_leave(call->zone, call->provider, call->probe);

    if (call->id) {
        flights = call->zone->flights;
        ngx_agent_flight_land(&flights, call->id, reason, ngx_agent_now());
    }

    /* nobody joins from now on, whatever the handlers do */

    ngx_rbtree_delete(&ngx_agent_calls, &call->node);

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
