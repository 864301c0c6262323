
/*
 * A token is looked up in the cache; if it is not there it joins the call for
 * it that is under way in this worker, or begins one.  A call asks first
 * whether another worker has one under way, and if so waits for what that one
 * puts into the cache.
 */

#include "ngx_agent_jwks.h"
#include "ngx_agent_jwt.h"


/* how often an entry that is written to is read again */

#define NGX_AGENT_TOKEN_TRIES  4


/* what an entry of the cache holds, before the record of the claims */

typedef struct {
    int64_t   fresh;            /* epoch ms; later it is stale */
    uint32_t  reason;           /* agent_reason_e */
    uint32_t  flushes;          /* before it was asked for */
} ngx_agent_entry_t;


static ngx_int_t ngx_agent_token_ask(ngx_agent_token_t *token);
static ngx_int_t ngx_agent_token_local(ngx_agent_token_t *token);
static ngx_int_t ngx_agent_token_down(ngx_agent_token_t *token,
    ngx_uint_t retry);
static ngx_int_t ngx_agent_token_call(ngx_agent_token_t *token,
    int64_t probe);
static ngx_int_t ngx_agent_token_negative(ngx_agent_token_t *token,
    const ngx_agent_cache_entry_t *entry, int64_t now);
static ngx_int_t ngx_agent_token_positive(ngx_agent_token_t *token,
    const ngx_agent_cache_entry_t *entry, int64_t now);
static ngx_int_t ngx_agent_token_done(ngx_agent_token_t *token,
    agent_reason_e reason, ngx_agent_cache_e cache);
static ngx_inline agent_reason_e ngx_agent_token_timely(
    const ngx_agent_provider_t *provider, const agent_claims_t *claims,
    int64_t now);


static const agent_str_t  ngx_agent_cache_names[] = {
    agent_string("bypass"),
    agent_string("hit"),
    agent_string("miss"),
    agent_string("coalesced"),
    agent_string("negative"),
    agent_string("stale")
};


const agent_str_t *
ngx_agent_token_cache_name(ngx_agent_cache_e cache)
{
    return &ngx_agent_cache_names[cache];
}


ngx_int_t
ngx_agent_token_verify(ngx_agent_token_t *token)
{
    return ngx_agent_token_cached(token) == NGX_OK
           ? NGX_OK : ngx_agent_token_ask(token);
}


/* apart, so that a token that is cached saves no register for it */

static __attribute__((noinline)) ngx_int_t
ngx_agent_token_ask(ngx_agent_token_t *token)
{
    int64_t            probe;
    ngx_uint_t         retry;
    ngx_agent_call_t  *call;

    if (ngx_agent_jwt_local(token->provider, &token->value)) {
        return ngx_agent_token_local(token);
    }

    retry = ngx_agent_breaker_open(token->zone, token->provider, &probe);

    call = ngx_agent_call_find(token);

    if (call && probe) {
        call->probe = probe;
    }

    /* while it is known to be down nobody waits, but for whom is asked */

    if (retry && (call == NULL || call->probe == 0)) {
        return ngx_agent_token_down(token, retry);
    }

    if (call == NULL) {
        return ngx_agent_token_call(token, probe);
    }

    if (call->probe && (token->hurried || token->has_stale)) {
        return ngx_agent_token_down(token, 1);
    }

    ngx_agent_call_join(call, token);
    token->cache = NGX_AGENT_CACHE_COALESCED;

    return NGX_AGAIN;
}


/* needs keys, which the server may be asked for; the token it does not see */

static ngx_int_t
ngx_agent_token_local(ngx_agent_token_t *token)
{
    ngx_agent_call_t  *call;

    call = ngx_agent_call_find(token);

    token->cache = call ? NGX_AGENT_CACHE_COALESCED : NGX_AGENT_CACHE_MISS;

    if (call == NULL) {
        call = ngx_agent_call_begin(token, 0);
        if (call == NULL) {
            return ngx_agent_token_done(token, AGENT_INTERNAL_ERROR,
                                        NGX_AGENT_CACHE_MISS);
        }

        call->local = 1;
    }

    ngx_agent_call_join(call, token);

    return NGX_AGAIN;
}


static ngx_int_t
ngx_agent_token_down(ngx_agent_token_t *token, ngx_uint_t retry)
{
    token->retry_after = retry;
    ngx_agent_token_fail(token, AGENT_PROVIDER_UNAVAILABLE);

    return NGX_OK;
}


static ngx_int_t
ngx_agent_token_call(ngx_agent_token_t *token, int64_t probe)
{
    ngx_agent_call_t  *call;

    if (!token->has_stale
        && !ngx_agent_token_zone_admit(token->zone, token->provider,
                                       token->sockaddr))
    {
        ngx_agent_breaker_leave(token->zone, token->provider, probe);

        token->retry_after = 1;
        return ngx_agent_token_done(token, AGENT_RATE_LIMITED,
                                    NGX_AGENT_CACHE_MISS);
    }

    call = ngx_agent_call_begin(token, probe);

    if (call == NULL) {
        ngx_agent_breaker_leave(token->zone, token->provider, probe);

        return ngx_agent_token_done(token, AGENT_INTERNAL_ERROR,
                                    NGX_AGENT_CACHE_MISS);
    }

    if (probe && (token->hurried || token->has_stale)) {
        return ngx_agent_token_down(token, 1);
    }

    ngx_agent_call_join(call, token);
    token->cache = NGX_AGENT_CACHE_MISS;

    return NGX_AGAIN;
}


ngx_int_t
ngx_agent_token_vouched(ngx_agent_token_t *token)
{
    const agent_str_t  *issuer;

    issuer = &token->claims.issuer;

    if (ngx_agent_token_cached(token) == NGX_OK
        && token->reason == AGENT_OK
        && issuer->len == token->provider->issuer.len
        && ngx_memcmp(issuer->data, token->provider->issuer.data, issuer->len)
           == 0)
    {
        return NGX_OK;
    }

    ngx_memzero(&token->claims, sizeof(agent_claims_t));

    token->reason = AGENT_OK;
    token->cache = NGX_AGENT_CACHE_NONE;
    token->has_stale = 0;
    token->decided = 0;
    token->clean = NULL;

    return NGX_DECLINED;
}


ngx_int_t
ngx_agent_token_cached(ngx_agent_token_t *token)
{
    int64_t                   now;
    ngx_int_t                 rc;
    ngx_uint_t                tries;
    ngx_agent_cache_entry_t   entry;

    now = ngx_agent_now();

    for (tries = 0; tries < NGX_AGENT_TOKEN_TRIES; tries++) {

        if (ngx_agent_cache_find(&token->zone->cache, token->digest,
                                 token->provider->part, now, &entry)
            != NGX_OK)
        {
            break;
        }

        rc = entry.negative ? ngx_agent_token_negative(token, &entry, now)
                            : ngx_agent_token_positive(token, &entry, now);

        if (rc != NGX_AGAIN) {
            return rc;
        }
    }

    return NGX_DECLINED;
}


/* NGX_AGAIN: the entry was written to meanwhile */

static ngx_int_t
ngx_agent_token_negative(ngx_agent_token_t *token,
    const ngx_agent_cache_entry_t *entry, int64_t now)
{
    agent_reason_e     reason;
    ngx_agent_entry_t  head;

    if (entry->len != sizeof(head)) {
        return NGX_DECLINED;
    }

    if (ngx_agent_cache_read(entry, (u_char *) &head) != NGX_OK) {
        return NGX_AGAIN;
    }

    /* one that is good for longer than any is of a clock that was set back */

    if (head.fresh > now + (int64_t) token->provider->negative_ttl) {
        return NGX_DECLINED;
    }

    if (head.flushes != ngx_agent_flushes(token->zone)
        && ngx_agent_flushed(token->zone, token->provider, token->digest, NULL,
                             head.flushes))
    {
        return NGX_DECLINED;
    }

    /* nothing but a refusal may come out of a negative entry */

    reason = (agent_reason_e) head.reason;

    return ngx_agent_token_done(token, reason == AGENT_OK
                                       ? AGENT_INTERNAL_ERROR : reason,
                                NGX_AGENT_CACHE_NEGATED);
}


static ngx_int_t
ngx_agent_token_positive(ngx_agent_token_t *token,
    const ngx_agent_cache_entry_t *entry, int64_t now)
{
    u_char             *data;
    agent_claims_t     *claims;
    ngx_agent_entry_t   head;

    if (entry->len < sizeof(head)) {
        return NGX_DECLINED;
    }

    data = ngx_pnalloc(token->pool, entry->len);
    if (data == NULL) {
        return ngx_agent_token_done(token, AGENT_INTERNAL_ERROR,
                                    NGX_AGENT_CACHE_NONE);
    }

    if (ngx_agent_cache_read(entry, data) != NGX_OK) {
        return NGX_AGAIN;
    }

    ngx_memcpy(&head, data, sizeof(head));

    claims = &token->claims;

    /* as above */

    if (head.fresh > now + (int64_t) token->provider->max_ttl
        || agent_claims_unpack(data + sizeof(head), entry->len - sizeof(head),
                               claims)
           != 0)
    {
        return NGX_DECLINED;
    }

    if (head.flushes != ngx_agent_flushes(token->zone)
        && ngx_agent_flushed(token->zone, token->provider, token->digest,
                             &claims->subject, head.flushes))
    {
        return NGX_DECLINED;
    }

    /* a key that left the set takes its verdicts with it */

    if (claims->signer
        && !ngx_agent_jwks_trusted(token->provider, claims->signer))
    {
        return NGX_DECLINED;
    }

    if (head.fresh <= now) {
        token->has_stale = 1;
        token->flushes = head.flushes;
        return NGX_DECLINED;
    }

    token->clean = entry->clean;
    token->seq = entry->seq;

    return ngx_agent_token_done(token,
                                ngx_agent_token_timely(token->provider, claims,
                                                       now),
                                NGX_AGENT_CACHE_HIT);
}


static ngx_int_t
ngx_agent_token_done(ngx_agent_token_t *token, agent_reason_e reason,
    ngx_agent_cache_e cache)
{
    token->reason = reason;
    token->cache = cache;
    token->decided = 1;

    return NGX_OK;
}


void
ngx_agent_token_fail(ngx_agent_token_t *token, agent_reason_e reason)
{
    ngx_agent_cache_e  cache;

    cache = token->cache;

    /*
     * A good verdict serves on, for a bounded time, where nobody could ask; one
     * that was flushed while this request waited does not.
     */

    if (reason == AGENT_PROVIDER_UNAVAILABLE && token->has_stale
        && !ngx_agent_flushed(token->zone, token->provider, token->digest,
                              &token->claims.subject, token->flushes))
    {
        reason = ngx_agent_token_usable(token->provider,
                                        &token->claims);
        cache = NGX_AGENT_CACHE_STALE;
    }

    if (token->retry_after == 0) {
        token->retry_after = 1;
    }

    (void) ngx_agent_token_done(token, reason, cache);
}


agent_reason_e
ngx_agent_token_usable(const ngx_agent_provider_t *provider,
    const agent_claims_t *claims)
{
    return ngx_agent_token_timely(provider, claims, ngx_agent_now());
}


static ngx_inline agent_reason_e
ngx_agent_token_timely(const ngx_agent_provider_t *provider,
    const agent_claims_t *claims, int64_t now)
{
    if (claims->signer) {
        return agent_jwt_usable(claims, now, provider->jwt.leeway);
    }

    if (claims->expires != AGENT_CLAIM_NONE && claims->expires <= now) {
        return AGENT_TOKEN_EXPIRED;
    }

    if (claims->not_before != AGENT_CLAIM_NONE && claims->not_before > now) {
        return AGENT_TOKEN_NOT_YET_VALID;
    }

    return AGENT_OK;
}


/* what the provider said goes to the cache: as long as it may, not longer */

void
ngx_agent_token_store(ngx_agent_call_t *call, agent_reason_e reason,
    const agent_claims_t *claims)
{
    size_t                         room, len;
    int64_t                        now, expires;
    u_char                        *data;
    ngx_agent_cache_t              cache;
    ngx_agent_entry_t              head;
    ngx_agent_cache_entry_t        entry;
    const ngx_agent_provider_t    *provider;

    provider = call->provider;
    cache = call->zone->cache;
    now = ngx_agent_now();

    room = ngx_agent_cache_room(&cache);
    data = ngx_alloc(room, call->log);
    if (data == NULL) {
        return;
    }

    ngx_memzero(&head, sizeof(head));
    head.reason = reason;
    head.flushes = call->flushes;

    entry.negative = (reason != AGENT_OK);
    len = 0;

    if (reason != AGENT_OK) {
        head.fresh = now + (int64_t) provider->negative_ttl;

        if (reason == AGENT_TOKEN_NOT_YET_VALID) {
            head.fresh = ngx_min(head.fresh, claims->not_before);
        }

        entry.until = head.fresh;

    } else {
        head.fresh = now + (int64_t) provider->max_ttl;
        entry.until = head.fresh + (int64_t) provider->stale_if_error;

        expires = claims->expires;

        /* what was checked here needs nobody who could be down */

        if (claims->signer) {
            entry.until = head.fresh;
            expires += provider->jwt.leeway;
        }

        if (claims->expires != AGENT_CLAIM_NONE) {
            head.fresh = ngx_min(head.fresh, expires);
            entry.until = ngx_min(entry.until, expires);
        }

        len = agent_claims_pack(claims, data + sizeof(head),
                                room - sizeof(head));

        if (len == 0) {
            ngx_agent_token_oversized(call);
            ngx_free(data);
            return;
        }
    }

    ngx_memcpy(data, &head, sizeof(head));
    entry.len = (uint16_t) (sizeof(head) + len);

    if (entry.until > now) {
        (void) ngx_agent_cache_set(&cache, call->key, provider->part, now,
                                   &entry, data);

    } else if (entry.negative) {

        /* what was good before must not serve on as a stale verdict */

        (void) ngx_agent_cache_delete(&cache, call->key, provider->part);
    }

    ngx_free(data);
}
