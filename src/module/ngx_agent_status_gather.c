
/*
 * What there is to tell, looked up at the time of the request.  Nothing here
 * takes a lock, and nothing takes longer than the configuration is long.
 */

#include "ngx_agent_status.h"
#include "ngx_agent_call.h"
#include "ngx_agent_key_census.h"
#include "ngx_agent_revocation_zone.h"


/* sets of a cache that are looked at, eight slots or 32 each */

#define NGX_AGENT_STATUS_SETS  256


static ngx_int_t ngx_agent_status_providers(ngx_http_request_t *r,
    const ngx_agent_main_conf_t *amcf, const uint64_t *sum,
    agent_status_t *status);
static void ngx_agent_status_provider(const ngx_agent_main_conf_t *amcf,
    const ngx_agent_provider_t *provider, agent_status_provider_t *p);
static void ngx_agent_status_document(const ngx_agent_document_t *doc,
    agent_status_document_t *d);
static ngx_int_t ngx_agent_status_locations(ngx_http_request_t *r,
    const ngx_agent_status_zone_t *zone, const uint64_t *sum,
    agent_status_t *status);
static ngx_uint_t ngx_agent_status_silent(const ngx_agent_status_place_t *place,
    const uint64_t *count);
static ngx_int_t ngx_agent_status_key_zones(ngx_http_request_t *r,
    const ngx_agent_main_conf_t *amcf, const uint64_t *sum,
    agent_status_t *status);
static ngx_int_t ngx_agent_status_sinks(ngx_http_request_t *r,
    const ngx_agent_status_zone_t *zone, const uint64_t *sum,
    agent_status_t *status);
static void ngx_agent_status_caches(const ngx_agent_status_zone_t *zone,
    agent_status_t *status);
static void ngx_agent_status_revocations(const ngx_agent_main_conf_t *amcf,
    agent_status_revocations_t *revocations);
static void ngx_agent_status_values(const ngx_agent_status_zone_t *zone,
    uint64_t *value);


/* what is noted of each minute */

enum {
    NGX_AGENT_NOTED_EVICTED = 0,
    NGX_AGENT_NOTED_OVERSIZED,
    NGX_AGENT_NOTED_FULL,
    NGX_AGENT_NOTED_LOST
};


ngx_int_t
ngx_agent_status_gather(ngx_http_request_t *r,
    const ngx_agent_status_zone_t *zone, agent_status_t *status)
{
    uint64_t  *sum;

    ngx_memzero(status, sizeof(agent_status_t));

    sum = ngx_palloc(r->pool, zone->counts.cells * sizeof(uint64_t));
    if (sum == NULL) {
        return NGX_ERROR;
    }

    ngx_agent_counts_sum(&zone->counts, sum);

    status->now = ngx_time();
    status->since = zone->counts.sh->since;
    status->guarded = zone->amcf->guarded;
    status->observed = zone->amcf->observed;
    status->decisions = sum + ngx_agent_count_first(&zone->counts,
                                                 NGX_AGENT_STATUS_DECISIONS);

    if (ngx_agent_status_providers(r, zone->amcf, sum, status) != NGX_OK
        || ngx_agent_status_locations(r, zone, sum, status) != NGX_OK
        || ngx_agent_status_key_zones(r, zone->amcf, sum, status) != NGX_OK
        || ngx_agent_status_sinks(r, zone, sum, status) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_agent_status_caches(zone, status);

    if (zone->amcf->revocations) {
        ngx_agent_status_revocations(zone->amcf, &status->revocations);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_agent_status_providers(ngx_http_request_t *r,
    const ngx_agent_main_conf_t *amcf, const uint64_t *sum,
    agent_status_t *status)
{
    ngx_uint_t                     i;
    agent_status_provider_t       *p;
    ngx_agent_provider_t *const   *provider;

    provider = amcf->providers.elts;

    p = ngx_pcalloc(r->pool, ngx_max(amcf->providers.nelts, 1)
                             * sizeof(agent_status_provider_t));
    if (p == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < amcf->providers.nelts; i++) {
        ngx_agent_view(&p[i].name, &provider[i]->name);
        p[i].count = sum + provider[i]->count;
        ngx_agent_status_provider(amcf, provider[i], &p[i]);
    }

    status->providers = p;
    status->nproviders = i;

    return NGX_OK;
}


static void
ngx_agent_status_provider(const ngx_agent_main_conf_t *amcf,
    const ngx_agent_provider_t *provider, agent_status_provider_t *p)
{
    ngx_agent_provider_state_t  *state;

    state = ngx_agent_token_zone_state(amcf->token_zone, provider);

    p->failures = __atomic_load_n(&state->failures, __ATOMIC_RELAXED);

    if (__atomic_load_n(&state->open_until, __ATOMIC_RELAXED)) {

        /* with NULL it takes no claim: the next call that comes may try */

        p->retry = ngx_agent_breaker_open(amcf->token_zone, provider, NULL);

        p->breaker = __atomic_load_n(&state->open_until, __ATOMIC_RELAXED)
                     > ngx_agent_now()
                     ? AGENT_BREAKER_OPEN : AGENT_BREAKER_HALF_OPEN;

        if (p->breaker == AGENT_BREAKER_HALF_OPEN) {
            p->retry = 0;
        }
    }

    p->pending = ngx_agent_flight_pending(&amcf->token_zone->flights,
                                          provider->part);
    p->max_pending = provider->max_pending;

    ngx_agent_status_document(provider->metadata, &p->metadata);
    ngx_agent_status_document(provider->keys, &p->keys);
}


static void
ngx_agent_status_document(const ngx_agent_document_t *doc,
    agent_status_document_t *d)
{
    int64_t  fetched, now;

    d->age = -1;

    if (doc == NULL) {
        return;
    }

    d->used = 1;

    /* a newer configuration has given the slot to another document */

    if (doc->sh == NULL || !ngx_agent_document_ours(doc)) {
        return;
    }

    d->generation = __atomic_load_n(&doc->sh->generation, __ATOMIC_RELAXED);
    d->failures = __atomic_load_n(&doc->sh->failures, __ATOMIC_RELAXED);
    fetched = __atomic_load_n(&doc->sh->fetched, __ATOMIC_RELAXED);

    if (fetched) {
        now = ngx_agent_now();
        d->age = now > fetched ? (now - fetched) / 1000 : 0;
    }
}


static ngx_int_t
ngx_agent_status_locations(ngx_http_request_t *r,
    const ngx_agent_status_zone_t *zone, const uint64_t *sum,
    agent_status_t *status)
{
    ngx_uint_t                       i, n;
    agent_status_location_t         *l;
    const ngx_agent_status_place_t  *place;

    place = zone->places.elts;

    l = ngx_pcalloc(r->pool, ngx_max(zone->places.nelts, 1)
                             * sizeof(agent_status_location_t));
    if (l == NULL) {
        return NGX_ERROR;
    }

    for (i = 0, n = 0; i < zone->places.nelts; i++) {

        if (ngx_agent_status_silent(&place[i], sum + place[i].count)) {
            continue;
        }

        ngx_agent_view(&l[n].server, &place[i].server);
        ngx_agent_view(&l[n].location, &place[i].location);
        ngx_agent_view(&l[n].service, &place[i].service);
        l[n].observe = (unsigned) place[i].observe;
        l[n].count = sum + place[i].count;
        n++;
    }

    status->locations = l;
    status->nlocations = n;

    return NGX_OK;
}


/* a server as such has requests only that end before they have a location */

static ngx_uint_t
ngx_agent_status_silent(const ngx_agent_status_place_t *place,
    const uint64_t *count)
{
    ngx_uint_t  i;

    for (i = 0; i < AGENT_STATUS_LOCATION; i++) {
        if (count[i]) {
            return 0;
        }
    }

    return place->location.len == 0;
}


static ngx_int_t
ngx_agent_status_key_zones(ngx_http_request_t *r,
    const ngx_agent_main_conf_t *amcf, const uint64_t *sum,
    agent_status_t *status)
{
    ngx_uint_t                     i;
    agent_status_key_zone_t       *z;
    ngx_agent_key_zone_t *const   *zone;

    zone = amcf->key_zones.elts;

    z = ngx_pcalloc(r->pool, ngx_max(amcf->key_zones.nelts, 1)
                             * sizeof(agent_status_key_zone_t));
    if (z == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < amcf->key_zones.nelts; i++) {
        ngx_agent_view(&z[i].name, &zone[i]->name);
        z[i].count = sum + zone[i]->count;
        ngx_agent_key_census(zone[i], &z[i]);
    }

    status->key_zones = z;
    status->nkey_zones = i;

    return NGX_OK;
}


static ngx_int_t
ngx_agent_status_sinks(ngx_http_request_t *r,
    const ngx_agent_status_zone_t *zone, const uint64_t *sum,
    agent_status_t *status)
{
    ngx_str_t             name;
    ngx_uint_t            i, n, *count;
    agent_status_sink_t  *s;

    for (n = 0; ngx_agent_audit_nth(zone->cycle, n, r->pool, &name); n++) {
        /* void */
    }

    s = ngx_palloc(r->pool, ngx_max(n, 1) * sizeof(agent_status_sink_t));
    if (s == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        count = ngx_agent_audit_nth(zone->cycle, i, r->pool, &name);

        ngx_agent_view(&s[i].name, &name);
        s[i].count = sum + *count;
    }

    status->sinks = s;
    status->nsinks = n;

    return NGX_OK;
}


/* of many slots a part is looked at */

static void
ngx_agent_status_caches(const ngx_agent_status_zone_t *zone,
    agent_status_t *status)
{
    uint64_t                       value[NGX_AGENT_COUNT_VALUES];
    uint64_t                       growth[NGX_AGENT_COUNT_VALUES];
    uint64_t                       slots, used;
    agent_status_cache_t          *c;
    agent_status_proofs_t         *p;
    ngx_agent_cache_sample_t       sample;
    const ngx_agent_token_zone_t  *tokens;
    const ngx_agent_proof_zone_t  *proofs;

    ngx_agent_status_note(zone);
    ngx_agent_status_values(zone, value);
    ngx_agent_count_growth(&zone->counts, ngx_time(), value, growth);

    status->lost_1h = growth[NGX_AGENT_NOTED_LOST];

    c = &status->cache;
    tokens = zone->amcf->token_zone;

    if (tokens) {
        ngx_agent_cache_sample(&tokens->cache, ngx_agent_now(),
                               NGX_AGENT_STATUS_SETS, &sample);

        ngx_agent_view(&c->name, &tokens->name);

        c->negative_capacity = tokens->cache.sets * NGX_AGENT_CACHE_NEGATIVE;
        c->capacity = tokens->cache.sets * NGX_AGENT_CACHE_WAYS
                      - c->negative_capacity;
        c->entries = sample.used * c->capacity / sample.slots;
        c->negative_entries = sample.negative_used * c->negative_capacity
                              / sample.negative_slots;

        c->evicted = value[NGX_AGENT_NOTED_EVICTED];
        c->evicted_1h = growth[NGX_AGENT_NOTED_EVICTED];
        c->oversized = value[NGX_AGENT_NOTED_OVERSIZED];
        c->oversized_1h = growth[NGX_AGENT_NOTED_OVERSIZED];
        c->skipped = __atomic_load_n(&tokens->sh->cache.skipped,
                                     __ATOMIC_RELAXED);
    }

    p = &status->proofs;
    proofs = zone->amcf->proof_zone;

    if (proofs) {
        used = ngx_agent_once_sample(&proofs->once, ngx_agent_now(),
                                     NGX_AGENT_STATUS_SETS, &slots);

        ngx_agent_view(&p->name, &proofs->name);

        p->capacity = proofs->once.sets * NGX_AGENT_ONCE_WAYS;
        p->entries = used * p->capacity / slots;
        p->full = value[NGX_AGENT_NOTED_FULL];
        p->full_1h = growth[NGX_AGENT_NOTED_FULL];
    }
}


static void
ngx_agent_status_revocations(const ngx_agent_main_conf_t *amcf,
    agent_status_revocations_t *revocations)
{
    ngx_uint_t                     i;
    ngx_agent_revocation_status_t  state;

    ngx_agent_revocation_status(amcf->revocations, &state);

    ngx_agent_view(&revocations->name, &amcf->revocations->name);

    revocations->capacity = state.capacity;
    revocations->entries = state.entries;
    revocations->submitted = state.submitted;
    revocations->refused = state.refused;
    revocations->failed = state.failed;
    revocations->stuck = (state.stuck != 0);

    for (i = 0; i < AGENT_REVOCATION_KINDS; i++) {
        revocations->kind[i] = state.kinds[i];
    }
}


void
ngx_agent_status_note(const ngx_agent_status_zone_t *zone)
{
    uint64_t  value[NGX_AGENT_COUNT_VALUES];

    ngx_agent_status_values(zone, value);
    ngx_agent_count_note(&zone->counts, ngx_time(), value);
}


static void
ngx_agent_status_values(const ngx_agent_status_zone_t *zone, uint64_t *value)
{
    ngx_uint_t              i, cell;
    ngx_agent_main_conf_t  *amcf;

    amcf = zone->amcf;

    ngx_memzero(value, NGX_AGENT_COUNT_VALUES * sizeof(uint64_t));

    if (amcf->token_zone) {
        value[NGX_AGENT_NOTED_EVICTED] =
            __atomic_load_n(&amcf->token_zone->sh->cache.evicted,
                            __ATOMIC_RELAXED);
        value[NGX_AGENT_NOTED_OVERSIZED] =
            __atomic_load_n(&amcf->token_zone->sh->cache.oversized,
                            __ATOMIC_RELAXED);
    }

    if (amcf->proof_zone) {
        value[NGX_AGENT_NOTED_FULL] =
            __atomic_load_n(&amcf->proof_zone->sh->once.full,
                            __ATOMIC_RELAXED);
    }

    /* of all sinks that there ever were */

    cell = ngx_agent_count_first(&zone->counts, NGX_AGENT_STATUS_SINKS);

    for (i = 0; i <= zone->counts.group[NGX_AGENT_STATUS_SINKS].names;
         i++)
    {
        value[NGX_AGENT_NOTED_LOST] +=
            ngx_agent_count_get(&zone->counts, cell + AGENT_STATUS_LOST);
        cell += AGENT_STATUS_SINK;
    }
}
