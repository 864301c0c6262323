
/*
 * The state of the gate as text.  Without this a name with a quote could end a
 * label or a member, a text could be written past its end, or a number could
 * stand under another name.
 */

#include "tap.h"

#include "agent_metrics.h"
#include "agent_status.h"

#include <jansson.h>
#include <stdlib.h>


#define ROOM  (256 * 1024)


static void test_buckets(void);
static void test_json(void);
static void test_advice(void);
static void test_metrics(void);
static void test_labels(void);
static void test_room(void);
static void fill(agent_status_t *status);
static json_t *parsed(const agent_status_t *status);
static const char *text(const agent_status_t *status, unsigned open);
static unsigned advised(const agent_status_t *status, const char *code);
static unsigned has(const char *text, const char *line);


static uint64_t                 decisions[AGENT_STATUS_DECISIONS];
static uint64_t                 provider_count[AGENT_STATUS_PROVIDER];
static uint64_t                 location_count[AGENT_STATUS_LOCATION];
static uint64_t                 zone_count[AGENT_STATUS_KEY_ZONE];
static uint64_t                 sink_count[AGENT_STATUS_SINK];
static agent_status_provider_t  provider;
static agent_status_location_t  location;
static agent_status_key_zone_t  zone;
static agent_status_sink_t      sink;
static uint8_t                  buffer[ROOM];


int
main(void)
{
    test_buckets();
    test_json();
    test_advice();
    test_metrics();
    test_labels();
    test_room();

    return tap_done();
}


static void
test_buckets(void)
{
    unsigned  i, wrong;

    for (i = 0, wrong = 0; i < AGENT_STATUS_BUCKETS - 1; i++) {
        wrong += (agent_status_bucket(agent_status_bound(i)) != i);
        wrong += (agent_status_bucket(agent_status_bound(i) + 1) != i + 1);
        wrong += (i && agent_status_bound(i) <= agent_status_bound(i - 1));
    }

    ok(wrong == 0, "each bound is in its bucket, and no more");
    ok(agent_status_bucket(0) == 0, "no time at all");
    ok(agent_status_bucket(UINT64_MAX) == AGENT_STATUS_BUCKETS - 1, "ever");
    ok(agent_status_bound(AGENT_STATUS_BUCKETS - 1) == 0, "without a bound");

    ok(AGENT_REASON_MAX <= AGENT_STATUS_REASONS, "room for all reasons");
    ok(AGENT_STATUS_BUCKET + AGENT_STATUS_BUCKETS <= AGENT_STATUS_METADATA
       && AGENT_STATUS_KEYS + 2 <= AGENT_STATUS_PROVIDER
       && AGENT_STATUS_CALL + AGENT_CALLS <= AGENT_STATUS_CALL_MS,
       "counters of a provider do not overlap");
    ok(agent_status_decision(1, 3, 3, 63) == AGENT_STATUS_DECISIONS - 1,
       "the last decision");
}


static void
test_json(void)
{
    json_t          *root, *by, *p;
    agent_status_t   status;

    fill(&status);
    root = parsed(&status);

    ok(root != NULL, "JSON");

    ok(json_integer_value(json_object_get(root, "version")) == 1, "version");
    is_str(json_string_value(json_object_get(root, "now")), 20,
           "2027-01-15T08:00:00Z", "a date");

    by = json_object_get(json_object_get(root, "decisions"), "by");
    ok(json_array_size(by) == 2, "two decisions");

    p = json_array_get(by, 0);
    is_str(json_string_value(json_object_get(p, "reason")), 2, "ok", "reason");
    is_str(json_string_value(json_object_get(p, "mode")), 7, "enforce",
           "mode");
    ok(json_integer_value(json_object_get(p, "count")) == 40, "count");

    p = json_object_get(root, "decisions");
    ok(json_integer_value(json_object_get(p, "total")) == 42, "total");
    ok(json_integer_value(json_object_get(p, "would_deny")) == 2,
       "by result");

    p = json_array_get(json_object_get(root, "providers"), 0);
    ok(strcmp(json_string_value(json_object_get(p, "name")),
              "a\"b\\c\n\xc3\xa9\xef\xbf\xbd") == 0, "a hostile name");
    ok(json_object_get(p, "metadata") != NULL
       && json_object_get(p, "keys") == NULL, "documents that there are");

    p = json_array_get(json_object_get(root, "key_zones"), 0);
    ok(json_is_object(json_object_get(p, "states")), "states");

    json_decref(root);

    zone.counted = 0;
    root = parsed(&status);
    p = json_array_get(json_object_get(root, "key_zones"), 0);
    ok(json_is_null(json_object_get(p, "counted"))
       && json_object_get(p, "states") == NULL, "not counted yet");
    ok(json_object_get(root, "token_cache") != NULL
       && json_object_get(root, "dpop_cache") == NULL, "zones that there are");
    json_decref(root);

    memset(&status, 0, sizeof(status));
    status.decisions = decisions;
    root = parsed(&status);
    ok(root != NULL, "nothing is configured");
    json_decref(root);
}


static void
test_advice(void)
{
    agent_status_t  status;

    fill(&status);
    ok(advised(&status, "") == 0, "nothing to do");

    provider.breaker = AGENT_BREAKER_HALF_OPEN;
    ok(advised(&status, "provider_down") == 1, "half open is not well");

    fill(&status);
    provider.pending = provider.max_pending = 8;
    ok(advised(&status, "provider_busy") == 1, "busy");

    fill(&status);
    provider.metadata.failures = 1;
    ok(advised(&status, "metadata_failing") == 1, "metadata");
    provider.metadata.used = 0;
    ok(advised(&status, "metadata_failing") == 0, "which are not used");

    fill(&status);
    zone.file = AGENT_FILE_REFUSED;
    ok(advised(&status, "key_file_refused") == 1, "refused");
    zone.file = AGENT_FILE_UNREADABLE;
    ok(advised(&status, "key_file_unreadable") == 1, "unreadable");
    zone.file = AGENT_FILE_CHANGED;
    ok(advised(&status, "") == 0, "changed just now");

    fill(&status);
    zone.room = 1000;
    zone.octets = 800;
    ok(advised(&status, "key_zone_filling") == 0, "four fifths");
    zone.octets = 801;
    ok(advised(&status, "key_zone_filling") == 1, "and more");
    zone.octets = zone.room = INT64_MAX;
    ok(advised(&status, "key_zone_filling") == 1, "without an overflow");
    zone.expiring_7d = 1;
    ok(advised(&status, "keys_expiring") == 1, "keys expire");

    fill(&status);
    status.cache.evicted = 5;
    ok(advised(&status, "") == 0, "long ago");
    status.cache.evicted_1h = 1;
    ok(advised(&status, "token_cache_evicting") == 1, "evicting");
    status.cache.oversized_1h = 1;
    ok(advised(&status, "token_cache_oversized") == 1, "too large");
    status.proofs.full_1h = 1;
    ok(advised(&status, "dpop_cache_full") == 1, "proofs");
    status.lost_1h = 1;
    ok(advised(&status, "audit_lost") == 1, "audit");

    fill(&status);
    agent_str_set(&status.revocations.name, "revocations");
    status.revocations.capacity = 1000;
    status.revocations.entries = 800;
    ok(advised(&status, "") == 0, "revocations");
    status.revocations.entries = 801;
    ok(advised(&status, "revocations_filling") == 1, "more of them");
    status.revocations.stuck = 1;
    ok(advised(&status, "revocations_stuck") == 1, "and no further");
}


static void
test_metrics(void)
{
    const char      *s;
    agent_status_t   status;

    fill(&status);
    s = text(&status, 0);

    ok(has(s, "# TYPE nginx_agent_decisions_total counter"), "text: type");
    ok(has(s, "nginx_agent_decisions_total{reason=\"ok\",result=\"allow\","
              "method=\"key\",mode=\"enforce\"} 40"), "text: a decision");
    ok(has(s, "# TYPE nginx_agent_build_info gauge"), "text: no info");
    ok(strstr(s, "# UNIT") == NULL && strstr(s, "# EOF") == NULL,
       "text: nothing of the other format");
    ok(has(s, "nginx_agent_introspections_total{provider="
              "\"a\\\"b\\\\c\\n\xc3\xa9\\\\xff\",outcome=\"active\"} 3"),
       "a hostile name");

    s = text(&status, 1);

    ok(has(s, "# TYPE nginx_agent_decisions counter"), "OpenMetrics: type");
    ok(has(s, "# TYPE nginx_agent_build info"), "OpenMetrics: info");
    ok(has(s, "# UNIT nginx_agent_introspection_duration_seconds seconds"),
       "OpenMetrics: unit");
    ok(strcmp(s + strlen(s) - 6, "# EOF\n") == 0, "OpenMetrics: its end");

    ok(strstr(s, "_bucket{provider=\"a\\\"b\\\\c\\n\xc3\xa9\\\\xff\","
                 "le=\"0.005\"} 1\n")
       && strstr(s, "le=\"0.01\"} 3\n") && strstr(s, "le=\"10.0\"} 3\n")
       && strstr(s, "le=\"+Inf\"} 4\n"), "buckets have all before them");
    ok(strstr(s, "_count{provider=\"a\\\"b\\\\c\\n\xc3\xa9\\\\xff\"} 4\n")
       && strstr(s, "_sum{provider=\"a\\\"b\\\\c\\n\xc3\xa9\\\\xff\"} "
                    "12.045\n"), "their count and sum");

    ok(has(s, "nginx_agent_provider_breaker{provider="
              "\"a\\\"b\\\\c\\n\xc3\xa9\\\\xff\",state=\"closed\"} 1")
       && has(s, "nginx_agent_provider_breaker{provider="
                 "\"a\\\"b\\\\c\\n\xc3\xa9\\\\xff\",state=\"open\"} 0"),
       "one state of several");

    provider.metadata.age = -1;
    ok(strstr(text(&status, 1), "nginx_agent_document_age_seconds{") == NULL,
       "no age of what there is not");
}


/* each octet as a value: a label ends where it should, and is UTF-8 */

static void
test_labels(void)
{
    size_t           i;
    unsigned         c, wrong;
    uint8_t          value[3];
    agent_str_t      s;
    agent_json_t     json;
    agent_label_t    label;
    agent_metrics_t  m;

    m.json = &json;
    m.open = 1;

    for (c = 0, wrong = 0; c < 256; c++) {

        value[0] = 'a';
        value[1] = (uint8_t) c;
        value[2] = 'b';

        label.name = "l";
        label.value.data = value;
        label.value.len = 3;

        agent_json_init(&json, buffer, ROOM);
        agent_metric(&m, "f", AGENT_METRIC_GAUGE, "", "");
        json.pos = buffer;
        agent_metric_sample(&m, &label, 1, 1);

        s.data = buffer;
        s.len = (size_t) (json.pos - buffer);

        wrong += (memcmp(buffer, "f{l=\"a", 6) != 0);
        wrong += (memcmp(json.pos - 6, "b\"} 1\n", 6) != 0);
        wrong += !agent_json_utf8_valid(&s);

        for (i = 6; i + 6 < s.len; i++) {
            wrong += (buffer[i] < 0x20 || buffer[i] == 0x7f);

            if (buffer[i] == '\\') {
                i++;
                wrong += (memchr("\\\"n", buffer[i], 3) == NULL);

            } else {
                wrong += (buffer[i] == '"');
            }
        }
    }

    ok(wrong == 0, "each octet in a label");
}


/* in whatever room: all of it, or the flag, and nothing beyond */

static void
test_room(void)
{
    size_t           size, whole;
    uint8_t         *p;
    unsigned         kind, wrong;
    agent_json_t     json;
    agent_status_t   status;

    fill(&status);
    provider.breaker = AGENT_BREAKER_OPEN;

    for (kind = 0; kind < 3; kind++) {

        agent_json_init(&json, buffer, ROOM);

        if (kind == 0) {
            agent_status_json(&json, &status);

        } else {
            agent_status_metrics(&json, &status, kind - 1);
        }

        whole = (size_t) (json.pos - buffer);
        wrong = json.overflow;

        for (size = 0; size <= whole + 20; size++) {

            p = malloc(size ? size : 1);
            agent_json_init(&json, p, size);

            if (kind == 0) {
                agent_status_json(&json, &status);

            } else {
                agent_status_metrics(&json, &status, kind - 1);
            }

            /* a number is written where there is room for the longest */

            wrong += (size < whole && !json.overflow);
            wrong += (size >= whole + 20 && json.overflow);
            wrong += (size_t) (json.pos - p) > size;

            free(p);
        }

        ok(wrong == 0, "in any room, %zu octets: %u", whole, kind);
    }
}


static void
fill(agent_status_t *status)
{
    memset(status, 0, sizeof(*status));
    memset(decisions, 0, sizeof(decisions));
    memset(provider_count, 0, sizeof(provider_count));
    memset(&provider, 0, sizeof(provider));
    memset(&zone, 0, sizeof(zone));

    decisions[agent_status_decision(0, AGENT_AUTH_KEY, AGENT_RESULT_ALLOW,
                                    AGENT_OK)] = 40;
    decisions[agent_status_decision(1, AGENT_AUTH_NONE,
                                    AGENT_RESULT_WOULD_DENY,
                                    AGENT_CREDENTIAL_MISSING)] = 2;

    provider_count[AGENT_STATUS_CALL + AGENT_CALL_ACTIVE] = 3;
    provider_count[AGENT_STATUS_BUCKET] = 1;
    provider_count[AGENT_STATUS_BUCKET + 1] = 2;
    provider_count[AGENT_STATUS_BUCKET + AGENT_STATUS_BUCKETS - 1] = 1;
    provider_count[AGENT_STATUS_CALL_MS] = 12045;

    agent_str_set(&provider.name, "a\"b\\c\n\xc3\xa9\xff");
    provider.count = provider_count;
    provider.max_pending = 64;
    provider.metadata.used = 1;
    provider.metadata.generation = 3;
    provider.metadata.age = 12;

    agent_str_set(&location.server, "api.test");
    agent_str_set(&location.location, "/t");
    location.count = location_count;

    agent_str_set(&zone.name, "keys");
    zone.count = zone_count;
    zone.room = 1000;
    zone.octets = 100;
    zone.loaded = zone.counted = 1800000000;

    agent_str_set(&sink.name, "/var/log/audit.log");
    sink.count = sink_count;

    status->now = 1800000000;
    status->since = 1700000000;
    status->guarded = 3;
    status->observed = 1;
    status->decisions = decisions;
    status->providers = &provider;
    status->nproviders = 1;
    status->locations = &location;
    status->nlocations = 1;
    status->key_zones = &zone;
    status->nkey_zones = 1;
    status->sinks = &sink;
    status->nsinks = 1;

    agent_str_set(&status->cache.name, "agent_tokens");
    status->cache.capacity = 12000;
}


static json_t *
parsed(const agent_status_t *status)
{
    agent_json_t  json;
    json_error_t  error;

    agent_json_init(&json, buffer, ROOM);
    agent_status_json(&json, status);

    return json.overflow ? NULL
                         : json_loadb((char *) buffer,
                                      (size_t) (json.pos - buffer),
                                      JSON_REJECT_DUPLICATES, &error);
}


static const char *
text(const agent_status_t *status, unsigned open)
{
    agent_json_t  json;

    agent_json_init(&json, buffer, ROOM - 1);
    agent_status_metrics(&json, status, open);
    *json.pos = '\0';

    return (char *) buffer;
}


/* how many pieces of advice have this code; of "" all */

static unsigned
advised(const agent_status_t *status, const char *code)
{
    size_t    i;
    json_t   *root, *list;
    unsigned  n;

    root = parsed(status);
    list = json_object_get(root, "advice");
    n = 0;

    for (i = 0; i < json_array_size(list); i++) {
        n += *code == '\0'
             || strcmp(json_string_value(json_object_get(
                           json_array_get(list, i), "code")), code) == 0;
    }

    json_decref(root);

    return n;
}


static unsigned
has(const char *all, const char *line)
{
    size_t       len;
    const char  *p;

    len = strlen(line);

    for (p = all; (p = strstr(p, line)) != NULL; p++) {
        if ((p == all || p[-1] == '\n') && p[len] == '\n') {
            return 1;
        }
    }

    return 0;
}
