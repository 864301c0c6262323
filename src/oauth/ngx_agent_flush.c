
/*
 * Flushes are numbered.  Each leaves its number at what it is of, and a verdict
 * has that of the last one before it was asked for: while there was none since,
 * which is nearly always, a hit costs one comparison.
 */

#include "ngx_agent_flush.h"


static void ngx_agent_flush(const ngx_agent_token_zone_t *zone,
    uint64_t *mark);
static uint64_t *ngx_agent_flush_mark(const ngx_agent_token_zone_t *zone,
    const u_char *data, size_t len);
static ngx_uint_t ngx_agent_flush_since(const uint64_t *mark,
    uint32_t flushes);


void
ngx_agent_flush_all(const ngx_agent_token_zone_t *zone)
{
    ngx_agent_flush(zone, &zone->sh->flushed);
}


void
ngx_agent_flush_provider(const ngx_agent_token_zone_t *zone,
    const ngx_agent_provider_t *provider)
{
    ngx_agent_flush(zone, &ngx_agent_token_zone_state(zone, provider)->flushed);
}


void
ngx_agent_flush_token(const ngx_agent_token_zone_t *zone, const u_char *digest)
{
    ngx_agent_flush(zone, ngx_agent_flush_mark(zone, digest,
                                               NGX_AGENT_CACHE_KEY));
}


void
ngx_agent_flush_subject(const ngx_agent_token_zone_t *zone,
    const agent_str_t *subject)
{
    ngx_agent_flush(zone, ngx_agent_flush_mark(zone, subject->data,
                                               subject->len));
}


static void
ngx_agent_flush(const ngx_agent_token_zone_t *zone, uint64_t *mark)
{
    uint64_t  flush, last;

    flush = __atomic_add_fetch(&zone->sh->flushes, 1, __ATOMIC_SEQ_CST);
    last = __atomic_load_n(mark, __ATOMIC_SEQ_CST);

    /* another process may have been faster, with a later one */

    while (last < flush
           && !__atomic_compare_exchange_n(mark, &last, flush, 0,
                                           __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
    {
        /* void */
    }
}


/* tokens and subjects share the marks */

static uint64_t *
ngx_agent_flush_mark(const ngx_agent_token_zone_t *zone, const u_char *data,
    size_t len)
{
    return &zone->sh->mark[agent_siphash(zone->sh->cache.secret, data, len)
                           % NGX_AGENT_MARKS];
}


ngx_uint_t
ngx_agent_flushed(const ngx_agent_token_zone_t *zone,
    const ngx_agent_provider_t *provider, const u_char *digest,
    const agent_str_t *subject, uint32_t flushes)
{
    if (ngx_agent_flush_since(&zone->sh->flushed, flushes)
        || ngx_agent_flush_since(&ngx_agent_token_zone_state(zone, provider)
                                  ->flushed, flushes)
        || ngx_agent_flush_since(ngx_agent_flush_mark(zone, digest,
                                                      NGX_AGENT_CACHE_KEY),
                                 flushes))
    {
        return 1;
    }

    return subject
           && ngx_agent_flush_since(ngx_agent_flush_mark(zone, subject->data,
                                                         subject->len),
                                    flushes);
}


/*
 * Verdicts keep the lower half of the number: none lasts for 2^31 flushes.  A
 * mark that is far behind counts as one, which costs a question.
 */

static ngx_uint_t
ngx_agent_flush_since(const uint64_t *mark, uint32_t flushes)
{
    uint64_t  flush;

    flush = __atomic_load_n(mark, __ATOMIC_SEQ_CST);

    return flush && (int32_t) ((uint32_t) flush - flushes) > 0;
}
