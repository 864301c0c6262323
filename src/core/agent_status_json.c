
#include "agent_status.h"
#include "agent_time.h"
#include "agent_version.h"


static void agent_status_date(agent_json_t *json, const char *name,
    int64_t t);
static void agent_status_flag(agent_json_t *json, const char *name,
    unsigned value);
static void agent_status_decisions(agent_json_t *json, const uint64_t *count);
static void agent_status_by(agent_json_t *json, const uint64_t *count);
static void agent_status_provider(agent_json_t *json,
    const agent_status_provider_t *provider);
static void agent_status_calls(agent_json_t *json, const uint64_t *count);
static void agent_status_document(agent_json_t *json, const char *name,
    const agent_status_document_t *doc, const uint64_t *count);
static void agent_status_location(agent_json_t *json,
    const agent_status_location_t *location);
static void agent_status_key_zone(agent_json_t *json,
    const agent_status_key_zone_t *zone);
static void agent_status_zones(agent_json_t *json,
    const agent_status_t *status);
static void agent_status_revocations(agent_json_t *json,
    const agent_status_revocations_t *revocations);


void
agent_status_json(agent_json_t *json, const agent_status_t *status)
{
    size_t  i;

    agent_status_text(json, "{");
    agent_status_member(json, "version", AGENT_STATUS_VERSION);
    agent_status_word(json, "module", AGENT_VERSION);
    agent_status_date(json, "now", status->now);
    agent_status_date(json, "since", status->since);
    agent_status_member(json, "guarded_locations", status->guarded);
    agent_status_member(json, "observed_locations", status->observed);

    agent_status_decisions(json, status->decisions);

    agent_status_text(json, "\"providers\":[");

    for (i = 0; i < status->nproviders; i++) {
        agent_status_provider(json, &status->providers[i]);
    }

    agent_status_end(json, "],\"locations\":[");

    for (i = 0; i < status->nlocations; i++) {
        agent_status_location(json, &status->locations[i]);
    }

    agent_status_end(json, "],\"key_zones\":[");

    for (i = 0; i < status->nkey_zones; i++) {
        agent_status_key_zone(json, &status->key_zones[i]);
    }

    agent_status_end(json, "],");
    agent_status_zones(json, status);

    if (status->revocations.name.len) {
        agent_status_revocations(json, &status->revocations);
    }

    agent_status_text(json, "\"audit\":[");

    for (i = 0; i < status->nsinks; i++) {
        agent_status_text(json, "{");
        agent_status_string(json, "name", &status->sinks[i].name);
        agent_status_member(json, "written",
                            status->sinks[i].count[AGENT_STATUS_WRITTEN]);
        agent_status_member(json, "lost",
                            status->sinks[i].count[AGENT_STATUS_LOST]);
        agent_status_end(json, "},");
    }

    agent_status_end(json, "],\"advice\":[");
    agent_status_advice(json, status);
    agent_status_end(json, "]}\n");
}


void
agent_status_text(agent_json_t *json, const char *text)
{
    agent_json_raw(json, text, strlen(text));
}


static void
agent_status_name(agent_json_t *json, const char *name)
{
    agent_status_text(json, "\"");
    agent_status_text(json, name);
    agent_status_text(json, "\":");
}


void
agent_status_member(agent_json_t *json, const char *name, uint64_t n)
{
    agent_status_name(json, name);
    agent_json_uint(json, n);
    agent_status_text(json, ",");
}


void
agent_status_string(agent_json_t *json, const char *name,
    const agent_str_t *value)
{
    agent_status_name(json, name);
    agent_status_text(json, "\"");

    if (value->len) {
        agent_json_escaped(json, value, value->len);
    }

    agent_status_text(json, "\",");
}


void
agent_status_word(agent_json_t *json, const char *name, const char *value)
{
    agent_str_t  s;

    s.data = (const uint8_t *) value;
    s.len = strlen(value);

    agent_status_string(json, name, &s);
}


/* without room nothing may stand before pos */

void
agent_status_end(agent_json_t *json, const char *text)
{
    if (!json->overflow && json->pos[-1] == ',') {
        json->pos--;
    }

    agent_status_text(json, text);
}


static void
agent_status_date(agent_json_t *json, const char *name, int64_t t)
{
    uint8_t      text[AGENT_TIME_TEXT_LEN];
    agent_str_t  s;

    agent_time_format(text, t);

    s.data = text;
    s.len = AGENT_TIME_TEXT_LEN;

    agent_status_string(json, name, &s);
}


static void
agent_status_flag(agent_json_t *json, const char *name, unsigned value)
{
    agent_status_name(json, name);
    agent_status_text(json, value ? "true," : "false,");
}


static void
agent_status_decisions(agent_json_t *json, const uint64_t *count)
{
    unsigned  i, r;
    uint64_t  n, total, sum[AGENT_STATUS_RESULTS];

    memset(sum, 0, sizeof(sum));
    total = 0;

    for (i = 0; i < AGENT_STATUS_DECISIONS; i++) {
        n = count[i];
        total += n;
        sum[i / AGENT_STATUS_REASONS % AGENT_STATUS_RESULTS] += n;
    }

    agent_status_text(json, "\"decisions\":{");
    agent_status_member(json, "total", total);

    for (r = 0; r < AGENT_STATUS_RESULTS; r++) {
        agent_status_member(json, agent_status_result_name(r), sum[r]);
    }

    agent_status_text(json, "\"by\":[");
    agent_status_by(json, count);
    agent_status_end(json, "]},");
}


static void
agent_status_by(agent_json_t *json, const uint64_t *count)
{
    unsigned  i, n;

    for (i = 0; i < AGENT_STATUS_DECISIONS; i++) {

        if (count[i] == 0) {
            continue;
        }

        n = i / AGENT_STATUS_REASONS;

        agent_status_text(json, "{");
        agent_status_string(json, "reason",
                            agent_reason_name(i % AGENT_STATUS_REASONS));
        agent_status_word(json, "result",
                          agent_status_result_name(n % AGENT_STATUS_RESULTS));

        n /= AGENT_STATUS_RESULTS;

        agent_status_word(json, "method",
                          agent_status_method_name(n % AGENT_STATUS_METHODS));
        agent_status_word(json, "mode", n / AGENT_STATUS_METHODS
                                        ? "observe" : "enforce");
        agent_status_member(json, "count", count[i]);
        agent_status_end(json, "},");
    }
}


static void
agent_status_provider(agent_json_t *json,
    const agent_status_provider_t *provider)
{
    unsigned         i;
    const uint64_t  *count;

    count = provider->count;

    agent_status_text(json, "{");
    agent_status_string(json, "name", &provider->name);
    agent_status_word(json, "breaker",
                      agent_status_breaker_name(provider->breaker));
    agent_status_member(json, "failures", provider->failures);
    agent_status_member(json, "retry_seconds", provider->retry);
    agent_status_member(json, "pending", provider->pending);
    agent_status_member(json, "max_pending", provider->max_pending);

    agent_status_text(json, "\"cache\":{");

    for (i = 0; i < AGENT_STATUS_CACHES; i++) {
        agent_status_member(json, agent_status_cache_name(i),
                            count[AGENT_STATUS_CACHE + i]);
    }

    agent_status_end(json, "},");
    agent_status_calls(json, count);

    agent_status_document(json, "metadata", &provider->metadata,
                          count + AGENT_STATUS_METADATA);
    agent_status_document(json, "keys", &provider->keys,
                          count + AGENT_STATUS_KEYS);

    agent_status_end(json, "},");
}


static void
agent_status_calls(agent_json_t *json, const uint64_t *count)
{
    unsigned  i;
    uint64_t  n;

    agent_status_text(json, "\"introspection\":{");

    for (i = 0; i < AGENT_CALLS; i++) {
        agent_status_member(json, agent_status_call_name(i),
                            count[AGENT_STATUS_CALL + i]);
    }

    agent_status_member(json, "total_ms", count[AGENT_STATUS_CALL_MS]);

    /* as many as took so long or less */

    agent_status_text(json, "\"within_ms\":[");

    for (i = 0, n = 0; i < AGENT_STATUS_BUCKETS; i++) {
        n += count[AGENT_STATUS_BUCKET + i];

        agent_status_text(json, "{");

        if (agent_status_bound(i)) {
            agent_status_member(json, "ms", agent_status_bound(i));

        } else {
            agent_status_text(json, "\"ms\":null,");
        }

        agent_status_member(json, "count", n);
        agent_status_end(json, "},");
    }

    agent_status_end(json, "]},");
}


static void
agent_status_document(agent_json_t *json, const char *name,
    const agent_status_document_t *doc, const uint64_t *count)
{
    if (!doc->used) {
        return;
    }

    agent_status_name(json, name);
    agent_status_text(json, "{");
    agent_status_flag(json, "present", doc->generation != 0);
    agent_status_member(json, "generation", doc->generation);

    if (doc->age >= 0) {
        agent_status_member(json, "age_seconds", (uint64_t) doc->age);

    } else {
        agent_status_text(json, "\"age_seconds\":null,");
    }

    agent_status_member(json, "failures", doc->failures);
    agent_status_member(json, "fetched", count[0]);
    agent_status_member(json, "failed", count[1]);
    agent_status_end(json, "},");
}


static void
agent_status_location(agent_json_t *json,
    const agent_status_location_t *location)
{
    unsigned  method, r;

    agent_status_text(json, "{");
    agent_status_string(json, "server", &location->server);
    agent_status_string(json, "location", &location->location);
    agent_status_string(json, "service", &location->service);
    agent_status_word(json, "mode", location->observe ? "observe" : "enforce");

    agent_status_text(json, "\"requests\":{");

    for (method = 0; method <= AGENT_AUTH_OAUTH; method++) {

        agent_status_name(json, agent_status_method_name(method));
        agent_status_text(json, "{");

        for (r = 0; r < AGENT_STATUS_RESULTS; r++) {
            agent_status_member(json, agent_status_result_name(r),
                                location->count[agent_status_request(method,
                                                                     r)]);
        }

        agent_status_end(json, "},");
    }

    agent_status_end(json, "},");
    agent_status_member(json, "grace", location->count[AGENT_STATUS_GRACE]);
    agent_status_end(json, "},");
}


static void
agent_status_key_zone(agent_json_t *json, const agent_status_key_zone_t *zone)
{
    unsigned  i;

    agent_status_text(json, "{");
    agent_status_string(json, "name", &zone->name);
    agent_status_word(json, "file", agent_status_file_name(zone->file));
    agent_status_member(json, "generation", zone->generation);

    if (zone->loaded) {
        agent_status_date(json, "loaded", zone->loaded);

    } else {
        agent_status_text(json, "\"loaded\":null,");
    }

    agent_status_member(json, "loads",
                        zone->count[AGENT_STATUS_LOADED]);
    agent_status_member(json, "refusals",
                        zone->count[AGENT_STATUS_REFUSED]);
    agent_status_member(json, "keys", zone->keys);
    agent_status_member(json, "octets", zone->octets);
    agent_status_member(json, "room", zone->room);

    if (zone->counted == 0) {
        agent_status_end(json, ",\"counted\":null},");
        return;
    }

    agent_status_date(json, "counted", zone->counted);
    agent_status_text(json, "\"states\":{");

    for (i = 0; i < AGENT_COUNTED_STATES; i++) {
        agent_status_member(json, agent_status_key_name(i), zone->state[i]);
    }

    agent_status_end(json, "},");
    agent_status_member(json, "expiring_7d", zone->expiring_7d);
    agent_status_member(json, "expiring_30d", zone->expiring_30d);
    agent_status_end(json, "},");
}


static void
agent_status_zones(agent_json_t *json, const agent_status_t *status)
{
    const agent_status_cache_t   *cache;
    const agent_status_proofs_t  *proofs;

    cache = &status->cache;
    proofs = &status->proofs;

    if (cache->name.len) {
        agent_status_text(json, "\"token_cache\":{");
        agent_status_string(json, "name", &cache->name);
        agent_status_member(json, "capacity", cache->capacity);
        agent_status_member(json, "entries", cache->entries);
        agent_status_member(json, "negative_capacity",
                            cache->negative_capacity);
        agent_status_member(json, "negative_entries",
                            cache->negative_entries);
        agent_status_member(json, "evicted", cache->evicted);
        agent_status_member(json, "evicted_1h", cache->evicted_1h);
        agent_status_member(json, "skipped", cache->skipped);
        agent_status_member(json, "oversized", cache->oversized);
        agent_status_member(json, "oversized_1h", cache->oversized_1h);
        agent_status_end(json, "},");
    }

    if (proofs->name.len) {
        agent_status_text(json, "\"dpop_cache\":{");
        agent_status_string(json, "name", &proofs->name);
        agent_status_member(json, "capacity", proofs->capacity);
        agent_status_member(json, "entries", proofs->entries);
        agent_status_member(json, "full", proofs->full);
        agent_status_member(json, "full_1h", proofs->full_1h);
        agent_status_end(json, "},");
    }
}


static void
agent_status_revocations(agent_json_t *json,
    const agent_status_revocations_t *revocations)
{
    unsigned            i;
    const agent_str_t  *kind;

    agent_status_text(json, "\"revocations\":{");
    agent_status_string(json, "name", &revocations->name);
    agent_status_member(json, "capacity", revocations->capacity);
    agent_status_member(json, "entries", revocations->entries);

    agent_status_text(json, "\"in_force\":{");

    for (i = 0; i < AGENT_REVOCATION_KINDS; i++) {
        kind = agent_revocation_kind_name(i);

        agent_status_text(json, "\"");
        agent_json_raw(json, kind->data, kind->len);
        agent_status_text(json, "\":");
        agent_json_uint(json, revocations->kind[i]);
        agent_status_text(json, ",");
    }

    agent_status_end(json, "},");
    agent_status_member(json, "submitted", revocations->submitted);
    agent_status_member(json, "refused", revocations->refused);
    agent_status_member(json, "failed", revocations->failed);
    agent_status_flag(json, "stuck", revocations->stuck);
    agent_status_end(json, "},");
}
