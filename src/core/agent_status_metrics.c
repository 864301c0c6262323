
#include "agent_status.h"
#include "agent_metrics.h"
#include "agent_version.h"


#define AGENT_STATUS_LABELS  5


static void agent_metrics_gate(agent_metrics_t *m,
    const agent_status_t *status);
static void agent_metrics_decisions(agent_metrics_t *m, const uint64_t *count);
static void agent_metrics_locations(agent_metrics_t *m,
    const agent_status_t *status);
static void agent_metrics_calls(agent_metrics_t *m,
    const agent_status_t *status);
static void agent_metrics_providers(agent_metrics_t *m,
    const agent_status_t *status);
static void agent_metrics_documents(agent_metrics_t *m,
    const agent_status_t *status);
static void agent_metrics_document(agent_metrics_t *m,
    const agent_status_t *status, unsigned what);
static void agent_metrics_document_sample(agent_metrics_t *m,
    const agent_status_document_t *doc, const agent_str_t *provider,
    const char *kind, const uint64_t *count, unsigned what);
static void agent_metrics_cache(agent_metrics_t *m,
    const agent_status_cache_t *cache);
static void agent_metrics_proofs(agent_metrics_t *m,
    const agent_status_proofs_t *proofs);
static void agent_metrics_key_zones(agent_metrics_t *m,
    const agent_status_t *status);
static void agent_metrics_keys(agent_metrics_t *m,
    const agent_status_t *status);
static void agent_metrics_revocations(agent_metrics_t *m,
    const agent_status_revocations_t *revocations);
static void agent_metrics_sinks(agent_metrics_t *m,
    const agent_status_t *status);
static void agent_metrics_named(agent_metrics_t *m, const char *label,
    const agent_str_t *name, uint64_t value);
static void agent_metrics_two(agent_metrics_t *m, const char *label,
    const agent_str_t *name, const char *second, const char *value,
    uint64_t n);


enum {
    AGENT_DOCUMENT_FETCHES = 0,
    AGENT_DOCUMENT_FAILURES,
    AGENT_DOCUMENT_AGE,
    AGENT_DOCUMENT_GENERATION
};


void
agent_status_metrics(agent_json_t *json, const agent_status_t *status,
    unsigned open)
{
    agent_metrics_t  m;

    m.json = json;
    m.open = open;
    m.name = "";
    m.suffix = "";

    agent_metrics_gate(&m, status);
    agent_metrics_decisions(&m, status->decisions);
    agent_metrics_locations(&m, status);

    if (status->nproviders) {
        agent_metrics_calls(&m, status);
        agent_metrics_providers(&m, status);
        agent_metrics_documents(&m, status);
    }

    if (status->cache.name.len) {
        agent_metrics_cache(&m, &status->cache);
    }

    if (status->proofs.name.len) {
        agent_metrics_proofs(&m, &status->proofs);
    }

    if (status->nkey_zones) {
        agent_metrics_key_zones(&m, status);
        agent_metrics_keys(&m, status);
    }

    if (status->revocations.name.len) {
        agent_metrics_revocations(&m, &status->revocations);
    }

    if (status->nsinks) {
        agent_metrics_sinks(&m, status);
    }

    agent_metrics_end(&m);
}


static void
agent_metrics_gate(agent_metrics_t *m, const agent_status_t *status)
{
    agent_label_t  label;

    agent_metric(m, "nginx_agent_build", AGENT_METRIC_INFO, "",
                 "The version of the module.");
    agent_label_set(&label, "version", AGENT_VERSION);
    agent_metric_sample(m, &label, 1, 1);

    agent_metric(m, "nginx_agent_counting_since_timestamp_seconds",
                 AGENT_METRIC_GAUGE, "seconds",
                 "When the counters began at zero.");
    agent_metric_sample(m, NULL, 0, (uint64_t) status->since);

    agent_metric(m, "nginx_agent_guarded_locations", AGENT_METRIC_GAUGE, "",
                 "Locations where agent_auth is on, by mode.");
    agent_label_set(&label, "mode", "enforce");
    agent_metric_sample(m, &label, 1, status->guarded - status->observed);
    agent_label_set(&label, "mode", "observe");
    agent_metric_sample(m, &label, 1, status->observed);
}


static void
agent_metrics_decisions(agent_metrics_t *m, const uint64_t *count)
{
    unsigned       i, n;
    agent_label_t  label[4];

    agent_metric(m, "nginx_agent_decisions", AGENT_METRIC_COUNTER, "",
                 "Requests to guarded locations, by what became of them.");

    for (i = 0; i < AGENT_STATUS_DECISIONS; i++) {

        if (count[i] == 0) {
            continue;
        }

        n = i / AGENT_STATUS_REASONS;

        label[0].name = "reason";
        label[0].value = *agent_reason_name(i % AGENT_STATUS_REASONS);
        agent_label_set(&label[1], "result",
                        agent_status_result_name(n % AGENT_STATUS_RESULTS));

        n /= AGENT_STATUS_RESULTS;

        agent_label_set(&label[2], "method",
                        agent_status_method_name(n % AGENT_STATUS_METHODS));
        agent_label_set(&label[3], "mode", n / AGENT_STATUS_METHODS
                                           ? "observe" : "enforce");

        agent_metric_sample(m, label, 4, count[i]);
    }
}


static void
agent_metrics_locations(agent_metrics_t *m, const agent_status_t *status)
{
    size_t          i;
    unsigned        j;
    agent_label_t   label[AGENT_STATUS_LABELS];
    const uint64_t *count;

    if (status->nlocations == 0) {
        return;
    }

    agent_metric(m, "nginx_agent_location_requests", AGENT_METRIC_COUNTER, "",
                 "Requests to a guarded location, by credential and result.");

    for (i = 0; i < status->nlocations; i++) {

        count = status->locations[i].count;

        label[0].name = "server";
        label[0].value = status->locations[i].server;
        label[1].name = "location";
        label[1].value = status->locations[i].location;
        label[2].name = "service";
        label[2].value = status->locations[i].service;

        for (j = 0; j < AGENT_STATUS_GRACE; j++) {
            agent_label_set(&label[3], "method",
                            agent_status_method_name(j / AGENT_STATUS_RESULTS));
            agent_label_set(&label[4], "result",
                            agent_status_result_name(j % AGENT_STATUS_RESULTS));
            agent_metric_sample(m, label, 5, count[j]);
        }
    }

    agent_metric(m, "nginx_agent_location_grace_requests",
                 AGENT_METRIC_COUNTER, "",
                 "Requests with a key that is in its grace period.");

    for (i = 0; i < status->nlocations; i++) {
        label[0].value = status->locations[i].server;
        label[1].value = status->locations[i].location;
        label[2].value = status->locations[i].service;
        agent_metric_sample(m, label, 3,
                            status->locations[i].count[AGENT_STATUS_GRACE]);
    }
}


static void
agent_metrics_calls(agent_metrics_t *m, const agent_status_t *status)
{
    size_t                          i;
    unsigned                        j;
    agent_label_t                   label;
    const agent_status_provider_t  *p;

    p = status->providers;

    agent_metric(m, "nginx_agent_token_lookups", AGENT_METRIC_COUNTER, "",
                 "Requests with a token, by what the cache knew of it.");

    for (i = 0; i < status->nproviders; i++) {
        for (j = 0; j < AGENT_STATUS_CACHES; j++) {
            agent_metrics_two(m, "provider", &p[i].name, "cache",
                              agent_status_cache_name(j),
                              p[i].count[AGENT_STATUS_CACHE + j]);
        }
    }

    agent_metric(m, "nginx_agent_introspections", AGENT_METRIC_COUNTER, "",
                 "Calls about a token that ended, by outcome.");

    for (i = 0; i < status->nproviders; i++) {
        for (j = 0; j < AGENT_CALLS; j++) {
            agent_metrics_two(m, "provider", &p[i].name, "outcome",
                              agent_status_call_name(j),
                              p[i].count[AGENT_STATUS_CALL + j]);
        }
    }

    agent_metric(m, "nginx_agent_introspection_duration_seconds",
                 AGENT_METRIC_HISTOGRAM, "seconds",
                 "How long these calls took.");

    for (i = 0; i < status->nproviders; i++) {
        label.name = "provider";
        label.value = p[i].name;
        agent_metric_histogram(m, &label, p[i].count + AGENT_STATUS_BUCKET,
                               AGENT_STATUS_BUCKETS, agent_status_bound,
                               p[i].count[AGENT_STATUS_CALL_MS]);
    }
}


static void
agent_metrics_providers(agent_metrics_t *m, const agent_status_t *status)
{
    size_t                          i;
    unsigned                        j;
    const agent_status_provider_t  *p;

    p = status->providers;

    agent_metric(m, "nginx_agent_provider_breaker", AGENT_METRIC_GAUGE, "",
                 "1 for the state that the provider's breaker is in.");

    for (i = 0; i < status->nproviders; i++) {
        for (j = 0; j <= AGENT_BREAKER_HALF_OPEN; j++) {
            agent_metrics_two(m, "provider", &p[i].name, "state",
                              agent_status_breaker_name(j),
                              p[i].breaker == j);
        }
    }

    agent_metric(m, "nginx_agent_provider_failures", AGENT_METRIC_GAUGE, "",
                 "Calls that failed in a row.");

    for (i = 0; i < status->nproviders; i++) {
        agent_metrics_named(m, "provider", &p[i].name, p[i].failures);
    }

    agent_metric(m, "nginx_agent_provider_pending", AGENT_METRIC_GAUGE, "",
                 "Calls under way.");

    for (i = 0; i < status->nproviders; i++) {
        agent_metrics_named(m, "provider", &p[i].name, p[i].pending);
    }

    agent_metric(m, "nginx_agent_provider_pending_limit", AGENT_METRIC_GAUGE,
                 "", "As many as may be: max_pending.");

    for (i = 0; i < status->nproviders; i++) {
        agent_metrics_named(m, "provider", &p[i].name, p[i].max_pending);
    }
}


static void
agent_metrics_documents(agent_metrics_t *m, const agent_status_t *status)
{
    agent_metric(m, "nginx_agent_document_fetches", AGENT_METRIC_COUNTER, "",
                 "Attempts to fetch metadata or keys, by outcome.");
    agent_metrics_document(m, status, AGENT_DOCUMENT_FETCHES);

    agent_metric(m, "nginx_agent_document_failures", AGENT_METRIC_GAUGE, "",
                 "Attempts that failed in a row.");
    agent_metrics_document(m, status, AGENT_DOCUMENT_FAILURES);

    agent_metric(m, "nginx_agent_document_age_seconds", AGENT_METRIC_GAUGE,
                 "seconds", "Since the document was fetched.");
    agent_metrics_document(m, status, AGENT_DOCUMENT_AGE);

    agent_metric(m, "nginx_agent_document_generation", AGENT_METRIC_GAUGE, "",
                 "Grows when the document changes, 0 while there is none.");
    agent_metrics_document(m, status, AGENT_DOCUMENT_GENERATION);
}


static void
agent_metrics_document(agent_metrics_t *m, const agent_status_t *status,
    unsigned what)
{
    size_t                          i;
    const agent_status_provider_t  *p;

    for (i = 0; i < status->nproviders; i++) {

        p = &status->providers[i];

        agent_metrics_document_sample(m, &p->metadata, &p->name, "metadata",
                                      p->count + AGENT_STATUS_METADATA, what);
        agent_metrics_document_sample(m, &p->keys, &p->name, "keys",
                                      p->count + AGENT_STATUS_KEYS, what);
    }
}


static void
agent_metrics_document_sample(agent_metrics_t *m,
    const agent_status_document_t *doc, const agent_str_t *provider,
    const char *kind, const uint64_t *count, unsigned what)
{
    agent_label_t  label[3];

    if (!doc->used) {
        return;
    }

    label[0].name = "provider";
    label[0].value = *provider;
    agent_label_set(&label[1], "document", kind);

    switch (what) {

    case AGENT_DOCUMENT_FETCHES:
        agent_label_set(&label[2], "outcome", "fetched");
        agent_metric_sample(m, label, 3, count[0]);
        agent_label_set(&label[2], "outcome", "failed");
        agent_metric_sample(m, label, 3, count[1]);
        break;

    case AGENT_DOCUMENT_FAILURES:
        agent_metric_sample(m, label, 2, doc->failures);
        break;

    case AGENT_DOCUMENT_AGE:
        if (doc->age >= 0) {
            agent_metric_sample(m, label, 2, (uint64_t) doc->age);
        }
        break;

    default: /* AGENT_DOCUMENT_GENERATION */
        agent_metric_sample(m, label, 2, doc->generation);
    }
}


static void
agent_metrics_cache(agent_metrics_t *m, const agent_status_cache_t *cache)
{
    agent_metric(m, "nginx_agent_token_cache_entries", AGENT_METRIC_GAUGE, "",
                 "Verdicts that are good, estimated from a sample.");
    agent_metrics_two(m, "zone", &cache->name, "kind", "active",
                      cache->entries);
    agent_metrics_two(m, "zone", &cache->name, "kind", "negative",
                      cache->negative_entries);

    agent_metric(m, "nginx_agent_token_cache_capacity", AGENT_METRIC_GAUGE,
                 "", "Verdicts that the zone holds.");
    agent_metrics_two(m, "zone", &cache->name, "kind", "active",
                      cache->capacity);
    agent_metrics_two(m, "zone", &cache->name, "kind", "negative",
                      cache->negative_capacity);

    agent_metric(m, "nginx_agent_token_cache_evicted", AGENT_METRIC_COUNTER,
                 "", "Good entries that gave way to others.");
    agent_metrics_named(m, "zone", &cache->name, cache->evicted);

    agent_metric(m, "nginx_agent_token_cache_skipped", AGENT_METRIC_COUNTER,
                 "", "Entries not stored, as another worker stored one.");
    agent_metrics_named(m, "zone", &cache->name, cache->skipped);

    agent_metric(m, "nginx_agent_token_cache_oversized", AGENT_METRIC_COUNTER,
                 "", "Verdicts too large for an entry.");
    agent_metrics_named(m, "zone", &cache->name, cache->oversized);
}


static void
agent_metrics_proofs(agent_metrics_t *m, const agent_status_proofs_t *proofs)
{
    agent_metric(m, "nginx_agent_dpop_cache_entries", AGENT_METRIC_GAUGE, "",
                 "Proofs that were used, estimated from a sample.");
    agent_metrics_named(m, "zone", &proofs->name, proofs->entries);

    agent_metric(m, "nginx_agent_dpop_cache_capacity", AGENT_METRIC_GAUGE, "",
                 "Proofs that the zone holds.");
    agent_metrics_named(m, "zone", &proofs->name, proofs->capacity);

    agent_metric(m, "nginx_agent_dpop_cache_full", AGENT_METRIC_COUNTER, "",
                 "Proofs refused, as there was no place for them.");
    agent_metrics_named(m, "zone", &proofs->name, proofs->full);
}


static void
agent_metrics_key_zones(agent_metrics_t *m, const agent_status_t *status)
{
    size_t                          i;
    unsigned                        j;
    const agent_status_key_zone_t  *z;

    z = status->key_zones;

    agent_metric(m, "nginx_agent_key_file_state", AGENT_METRIC_GAUGE, "",
                 "1 for the state that the key file is in.");

    for (i = 0; i < status->nkey_zones; i++) {
        for (j = 0; j <= AGENT_FILE_UNREADABLE; j++) {
            agent_metrics_two(m, "zone", &z[i].name, "state",
                              agent_status_file_name(j), z[i].file == j);
        }
    }

    agent_metric(m, "nginx_agent_key_file_loads", AGENT_METRIC_COUNTER, "",
                 "Times that the key file was read again, by outcome.");

    for (i = 0; i < status->nkey_zones; i++) {
        agent_metrics_two(m, "zone", &z[i].name, "outcome", "loaded",
                          z[i].count[AGENT_STATUS_LOADED]);
        agent_metrics_two(m, "zone", &z[i].name, "outcome", "refused",
                          z[i].count[AGENT_STATUS_REFUSED]);
    }

    agent_metric(m, "nginx_agent_key_table_loaded_timestamp_seconds",
                 AGENT_METRIC_GAUGE, "seconds",
                 "When the table that serves was loaded.");

    for (i = 0; i < status->nkey_zones; i++) {
        agent_metrics_named(m, "zone", &z[i].name, (uint64_t) z[i].loaded);
    }

    agent_metric(m, "nginx_agent_key_table_generation", AGENT_METRIC_GAUGE,
                 "", "The number of that table.");

    for (i = 0; i < status->nkey_zones; i++) {
        agent_metrics_named(m, "zone", &z[i].name, z[i].generation);
    }

    agent_metric(m, "nginx_agent_key_table_bytes", AGENT_METRIC_GAUGE,
                 "bytes", "What it takes of its room.");

    for (i = 0; i < status->nkey_zones; i++) {
        agent_metrics_named(m, "zone", &z[i].name, z[i].octets);
    }

    agent_metric(m, "nginx_agent_key_table_limit_bytes", AGENT_METRIC_GAUGE,
                 "bytes", "Its room.");

    for (i = 0; i < status->nkey_zones; i++) {
        agent_metrics_named(m, "zone", &z[i].name, z[i].room);
    }
}


/* of a large table not before it was walked */

static void
agent_metrics_keys(agent_metrics_t *m, const agent_status_t *status)
{
    size_t                          i;
    unsigned                        j;
    const agent_status_key_zone_t  *z;

    z = status->key_zones;

    agent_metric(m, "nginx_agent_keys", AGENT_METRIC_GAUGE, "",
                 "Keys by the state that they are in now.");

    for (i = 0; i < status->nkey_zones; i++) {
        for (j = 0; z[i].counted && j < AGENT_COUNTED_STATES; j++) {
            agent_metrics_two(m, "zone", &z[i].name, "state",
                              agent_status_key_name(j), z[i].state[j]);
        }
    }

    agent_metric(m, "nginx_agent_keys_expiring", AGENT_METRIC_GAUGE, "",
                 "Keys that may be used and will expire within so long.");

    for (i = 0; i < status->nkey_zones; i++) {
        if (z[i].counted) {
            agent_metrics_two(m, "zone", &z[i].name, "within", "7d",
                              z[i].expiring_7d);
            agent_metrics_two(m, "zone", &z[i].name, "within", "30d",
                              z[i].expiring_30d);
        }
    }
}


static void
agent_metrics_revocations(agent_metrics_t *m,
    const agent_status_revocations_t *revocations)
{
    unsigned            i;
    agent_label_t       label[2];
    const agent_str_t  *name;

    name = &revocations->name;

    agent_metric(m, "nginx_agent_revocations", AGENT_METRIC_GAUGE, "",
                 "Revocations and suspensions that are in force, by kind.");

    label[0].name = "zone";
    label[0].value = *name;
    label[1].name = "kind";

    for (i = 0; i < AGENT_REVOCATION_KINDS; i++) {
        label[1].value = *agent_revocation_kind_name(i);
        agent_metric_sample(m, label, 2, revocations->kind[i]);
    }

    agent_metric(m, "nginx_agent_revocation_entries", AGENT_METRIC_GAUGE, "",
                 "Entries of the table, those of no use any more too.");
    agent_metrics_named(m, "zone", name, revocations->entries);

    agent_metric(m, "nginx_agent_revocation_capacity", AGENT_METRIC_GAUGE, "",
                 "Entries that the table holds.");
    agent_metrics_named(m, "zone", name, revocations->capacity);

    agent_metric(m, "nginx_agent_revocation_submissions",
                 AGENT_METRIC_COUNTER, "",
                 "What was handed in, by outcome.");
    agent_metrics_two(m, "zone", name, "outcome", "submitted",
                      revocations->submitted);
    agent_metrics_two(m, "zone", name, "outcome", "refused",
                      revocations->refused);
    agent_metrics_two(m, "zone", name, "outcome", "failed",
                      revocations->failed);

    agent_metric(m, "nginx_agent_revocation_stuck", AGENT_METRIC_GAUGE, "",
                 "1 while the state file cannot be applied.");
    agent_metrics_named(m, "zone", name, revocations->stuck);
}


static void
agent_metrics_sinks(agent_metrics_t *m, const agent_status_t *status)
{
    size_t                      i;
    const agent_status_sink_t  *s;

    s = status->sinks;

    agent_metric(m, "nginx_agent_audit_lines", AGENT_METRIC_COUNTER, "",
                 "Audit lines by what became of them.");

    for (i = 0; i < status->nsinks; i++) {
        agent_metrics_two(m, "sink", &s[i].name, "outcome", "written",
                          s[i].count[AGENT_STATUS_WRITTEN]);
        agent_metrics_two(m, "sink", &s[i].name, "outcome", "lost",
                          s[i].count[AGENT_STATUS_LOST]);
    }
}


static void
agent_metrics_named(agent_metrics_t *m, const char *label,
    const agent_str_t *name, uint64_t value)
{
    agent_label_t  one;

    one.name = label;
    one.value = *name;

    agent_metric_sample(m, &one, 1, value);
}


static void
agent_metrics_two(agent_metrics_t *m, const char *label,
    const agent_str_t *name, const char *second, const char *value, uint64_t n)
{
    agent_label_t  two[2];

    two[0].name = label;
    two[0].value = *name;
    agent_label_set(&two[1], second, value);

    agent_metric_sample(m, two, 2, n);
}
