
/*
 * What the numbers ask an operator to do: a line each, with what it is about.
 */

#include "agent_status.h"


static void agent_advice_provider(agent_json_t *json,
    const agent_status_provider_t *provider);
static void agent_advice_document(agent_json_t *json,
    const agent_status_provider_t *provider, const char *what,
    const agent_status_document_t *doc);
static void agent_advice_key_zone(agent_json_t *json,
    const agent_status_key_zone_t *zone);
static void agent_advice_cache(agent_json_t *json,
    const agent_status_cache_t *cache);
static void agent_advice_revocations(agent_json_t *json,
    const agent_status_revocations_t *revocations);
static void agent_advice(agent_json_t *json, const char *level,
    const char *code, const agent_str_t *name, const char *text);


void
agent_status_advice(agent_json_t *json, const agent_status_t *status)
{
    size_t  i;

    static const agent_str_t  audit = agent_string("agent_audit");

    for (i = 0; i < status->nproviders; i++) {
        agent_advice_provider(json, &status->providers[i]);
    }

    for (i = 0; i < status->nkey_zones; i++) {
        agent_advice_key_zone(json, &status->key_zones[i]);
    }

    if (status->cache.name.len) {
        agent_advice_cache(json, &status->cache);
    }

    if (status->proofs.full_1h) {
        agent_advice(json, "critical", "dpop_cache_full",
                     &status->proofs.name,
                     "Proofs found no place within the last hour and were "
                     "refused: raise the size of agent_dpop_cache.");
    }

    if (status->revocations.name.len) {
        agent_advice_revocations(json, &status->revocations);
    }

    if (status->lost_1h) {
        agent_advice(json, "critical", "audit_lost", &audit,
                     "Audit lines were lost within the last hour: see to the "
                     "disk or the syslog server.");
    }
}


static void
agent_advice_provider(agent_json_t *json,
    const agent_status_provider_t *provider)
{
    if (provider->breaker != AGENT_BREAKER_CLOSED) {
        agent_advice(json, "critical", "provider_down", &provider->name,
                     "The authorization server fails and is not asked for "
                     "now: tokens that are not cached are refused with 503.");
    }

    if (provider->max_pending
        && provider->pending >= provider->max_pending)
    {
        agent_advice(json, "warning", "provider_busy", &provider->name,
                     "As many calls are under way as max_pending allows: the "
                     "server is slow, or max_pending too low.");
    }

    agent_advice_document(json, provider, "metadata_failing",
                          &provider->metadata);
    agent_advice_document(json, provider, "keys_failing", &provider->keys);
}


static void
agent_advice_document(agent_json_t *json,
    const agent_status_provider_t *provider, const char *code,
    const agent_status_document_t *doc)
{
    if (!doc->used || doc->failures == 0) {
        return;
    }

    agent_advice(json, doc->generation ? "warning" : "critical", code,
                 &provider->name,
                 "The last attempts to fetch a document of the authorization "
                 "server failed: see the error log.");
}


static void
agent_advice_key_zone(agent_json_t *json, const agent_status_key_zone_t *zone)
{
    if (zone->file == AGENT_FILE_REFUSED) {
        agent_advice(json, "critical", "key_file_refused", &zone->name,
                     "The key file was refused, the table before it serves "
                     "on: the error log names the line.");
    }

    if (zone->file == AGENT_FILE_UNREADABLE) {
        agent_advice(json, "critical", "key_file_unreadable", &zone->name,
                     "The key file is not to be seen or read: changes, "
                     "revocations too, do not take effect.");
    }

    /* a table of a file that grew has to fit as a whole */

    if (zone->room && zone->octets > zone->room / 5 * 4) {
        agent_advice(json, "warning", "key_zone_filling", &zone->name,
                     "The table takes more than four fifths of its room: "
                     "raise the size of agent_key_zone.");
    }

    if (zone->expiring_7d) {
        agent_advice(json, "warning", "keys_expiring", &zone->name,
                     "Keys expire within seven days: rotate them, see "
                     "agentctl key list.");
    }
}


static void
agent_advice_cache(agent_json_t *json, const agent_status_cache_t *cache)
{
    if (cache->evicted_1h) {
        agent_advice(json, "warning", "token_cache_evicting", &cache->name,
                     "Good entries gave way to others within the last hour: "
                     "raise the size of agent_token_cache.");
    }

    if (cache->oversized_1h) {
        agent_advice(json, "warning", "token_cache_oversized", &cache->name,
                     "Claims did not fit an entry within the last hour and "
                     "are asked for each time: raise entry of "
                     "agent_token_cache.");
    }
}


static void
agent_advice_revocations(agent_json_t *json,
    const agent_status_revocations_t *revocations)
{
    if (revocations->stuck) {
        agent_advice(json, "critical", "revocations_stuck",
                     &revocations->name,
                     "The state file of agent_revocations cannot be applied "
                     "beyond a line: requests are refused, the error log "
                     "says why.");
    }

    if (revocations->entries > revocations->capacity / 5 * 4) {
        agent_advice(json, "warning", "revocations_filling",
                     &revocations->name,
                     "The table takes more than four fifths of its room: "
                     "raise the size of agent_revocations.");
    }
}


static void
agent_advice(agent_json_t *json, const char *level, const char *code,
    const agent_str_t *name, const char *text)
{
    agent_status_text(json, "{");
    agent_status_word(json, "level", level);
    agent_status_word(json, "code", code);
    agent_status_string(json, "name", name);
    agent_status_word(json, "text", text);
    agent_status_end(json, "},");
}
