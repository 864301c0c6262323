
#include "agent_status.h"


static const uint64_t  agent_status_bounds[AGENT_STATUS_BUCKETS] = {
    5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 0
};


static const char  *agent_status_breakers[] = {
    "closed", "open", "half_open"
};


static const char  *agent_status_files[] = {
    "current", "changed", "refused", "unreadable"
};


static const char  *agent_status_states[] = {
    "active", "deprecated", "pending", "suspended", "revoked", "expired"
};


static const char  *agent_status_calls[] = {
    "active", "refused", "unavailable", "timeout", "refused_client",
    "bad_answer"
};


static const char  *agent_status_results[] = {
    "none", "allow", "deny", "would_deny"
};


static const char  *agent_status_caches[] = {
    "bypass", "hit", "miss", "coalesced", "negative", "stale"
};


uint64_t
agent_status_bound(unsigned bucket)
{
    return agent_status_bounds[bucket];
}


unsigned
agent_status_bucket(uint64_t ms)
{
    unsigned  i;

    for (i = 0; i < AGENT_STATUS_BUCKETS - 1; i++) {
        if (ms <= agent_status_bounds[i]) {
            break;
        }
    }

    return i;
}


const char *
agent_status_breaker_name(agent_status_breaker_e breaker)
{
    return agent_status_breakers[breaker];
}


const char *
agent_status_file_name(agent_status_file_e file)
{
    return agent_status_files[file];
}


const char *
agent_status_key_name(agent_status_key_e state)
{
    return agent_status_states[state];
}


const char *
agent_status_call_name(agent_status_call_e call)
{
    return agent_status_calls[call];
}


const char *
agent_status_cache_name(unsigned cache)
{
    return agent_status_caches[cache];
}


const char *
agent_status_method_name(unsigned method)
{
    switch (method) {

    case AGENT_AUTH_KEY:
        return "key";

    case AGENT_AUTH_OAUTH:
        return "oauth";

    default:
        return "none";
    }
}


const char *
agent_status_result_name(unsigned result)
{
    return agent_status_results[result];
}
