
/*
 * A server that fails is left in peace for a while, by all workers, and then
 * asked by one of them whether it is back.
 */

#include "ngx_agent_call.h"


static void ngx_agent_breaker_trip(ngx_agent_call_t *call,
    ngx_agent_provider_state_t *state, uint64_t failures);


ngx_uint_t
ngx_agent_breaker_open(const ngx_agent_token_zone_t *zone,
    const ngx_agent_provider_t *provider, int64_t *probe)
{
    int64_t                      now, until, claim;
    ngx_agent_provider_state_t  *state;

    state = ngx_agent_token_zone_state(zone, provider);
    until = __atomic_load_n(&state->open_until, __ATOMIC_SEQ_CST);

    if (probe) {
        *probe = 0;
    }

    if (until == 0) {
        return 0;
    }

    now = ngx_agent_now();

    /* times that lie further off are of a clock that was set back */

    if (until > now && until <= now + (int64_t) provider->breaker_cooldown) {
        return (ngx_uint_t) ((until - now + 999) / 1000);
    }

    claim = __atomic_load_n(&state->probe_until, __ATOMIC_SEQ_CST);

    if (probe == NULL
        || (claim > now && claim <= now + (int64_t) provider->timeout))
    {
        return 1;
    }

    /* nobody holds it, or somebody who has died or is over his time */

    if (!__atomic_compare_exchange_n(&state->probe_until, &claim,
                                     now + (int64_t) provider->timeout, 0,
                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
    {
        return 1;
    }

    *probe = now + (int64_t) provider->timeout;

    return 0;
}


void
ngx_agent_breaker_failed(ngx_agent_call_t *call)
{
    uint64_t                     failures;
    ngx_agent_provider_state_t  *state;

    state = ngx_agent_token_zone_state(call->zone, call->provider);

    if (call->probe) {
        __atomic_store_n(&state->open_until, ngx_agent_now()
                         + (int64_t) call->provider->breaker_cooldown,
                         __ATOMIC_SEQ_CST);

        ngx_agent_breaker_leave(call->zone, call->provider, call->probe);
        call->probe = 0;
        return;
    }

    /* calls that were under way when it opened change nothing */

    if (__atomic_load_n(&state->open_until, __ATOMIC_SEQ_CST)) {
        return;
    }

    failures = __atomic_add_fetch(&state->failures, 1, __ATOMIC_SEQ_CST);

    if (failures >= call->provider->breaker_failures) {
        ngx_agent_breaker_trip(call, state, failures);
    }
}


static void
ngx_agent_breaker_trip(ngx_agent_call_t *call,
    ngx_agent_provider_state_t *state, uint64_t failures)
{
    int64_t  closed;

    closed = 0;

    if (__atomic_compare_exchange_n(&state->open_until, &closed,
                                    ngx_agent_now() + (int64_t)
                                    call->provider->breaker_cooldown, 0,
                                    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
    {
        ngx_log_error(NGX_LOG_ERR, call->log, 0,
                      "agent_auth: provider \"%V\" failed %uL times, it is "
                      "not asked for %M ms", &call->provider->name, failures,
                      call->provider->breaker_cooldown);
    }
}


void
ngx_agent_breaker_worked(ngx_agent_call_t *call)
{
    ngx_agent_provider_state_t  *state;

    state = ngx_agent_token_zone_state(call->zone, call->provider);

    if (call->probe == 0) {

        /* a late answer does not tell how the server does now */

        if (__atomic_load_n(&state->open_until, __ATOMIC_SEQ_CST) == 0
            && __atomic_load_n(&state->failures, __ATOMIC_RELAXED))
        {
            __atomic_store_n(&state->failures, 0, __ATOMIC_SEQ_CST);
        }

        return;
    }

    __atomic_store_n(&state->failures, 0, __ATOMIC_SEQ_CST);

    if (__atomic_exchange_n(&state->open_until, 0, __ATOMIC_SEQ_CST)) {
        ngx_log_error(NGX_LOG_NOTICE, call->log, 0,
                      "agent_auth: provider \"%V\" answers again",
                      &call->provider->name);
    }

    ngx_agent_breaker_leave(call->zone, call->provider, call->probe);
    call->probe = 0;
}


void
ngx_agent_breaker_leave(const ngx_agent_token_zone_t *zone,
    const ngx_agent_provider_t *provider, int64_t probe)
{
    ngx_agent_provider_state_t  *state;

    if (probe == 0) {
        return;
    }

    /* it is another one's by now if ours took too long */

    state = ngx_agent_token_zone_state(zone, provider);

    (void) __atomic_compare_exchange_n(&state->probe_until, &probe, 0, 0,
                                       __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}
