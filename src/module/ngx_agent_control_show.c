
/*
 * How the providers do, and what the zones hold.
 */

#include "ngx_agent_call.h"
#include "ngx_agent_control.h"
#include "ngx_agent_key_census.h"


/* octets of an answer: what each may need besides texts of the configuration */

#define NGX_AGENT_CONTROL_EACH  1024

/* of a zone: how much is used is told by so many of its sets */

#define NGX_AGENT_CONTROL_SETS  256


static void ngx_agent_control_provider(agent_json_t *json,
    const ngx_agent_main_conf_t *amcf, const ngx_agent_provider_t *provider);
static void ngx_agent_control_document(agent_json_t *json, const char *name,
    const ngx_agent_document_t *doc);
static void ngx_agent_control_key_zone(agent_json_t *json,
    const ngx_agent_key_zone_t *zone);
static void ngx_agent_control_token_zone(agent_json_t *json,
    const ngx_agent_token_zone_t *zone);
static void ngx_agent_control_proof_zone(agent_json_t *json,
    const ngx_agent_proof_zone_t *zone);
static void ngx_agent_control_revocations(agent_json_t *json,
    const ngx_agent_revocation_zone_t *zone);
static void ngx_agent_control_list_end(agent_json_t *json, const char *text);


ngx_int_t
ngx_agent_control_providers(ngx_http_request_t *r)
{
    size_t                   size;
    u_char                  *p;
    ngx_uint_t               i;
    agent_json_t             json;
    ngx_agent_main_conf_t   *amcf;
    ngx_agent_provider_t   **provider;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_agent_auth_module);

    provider = amcf->providers.elts;
    size = NGX_AGENT_CONTROL_EACH;

    for (i = 0; i < amcf->providers.nelts; i++) {
        size += NGX_AGENT_CONTROL_EACH
                + AGENT_JSON_ESCAPE_MAX * (provider[i]->name.len
                                           + provider[i]->issuer.len);
    }

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    agent_json_init(&json, p, size);
    agent_json_literal(&json, "{\"providers\":[");

    for (i = 0; i < amcf->providers.nelts; i++) {
        ngx_agent_control_provider(&json, amcf, provider[i]);
    }

    ngx_agent_control_list_end(&json, "]}\n");

    return ngx_agent_control_json(r, NGX_HTTP_OK, p, &json);
}


static void
ngx_agent_control_provider(agent_json_t *json,
    const ngx_agent_main_conf_t *amcf, const ngx_agent_provider_t *provider)
{
    ngx_uint_t                   retry;
    agent_str_t                  text;
    ngx_agent_provider_state_t  *state;

    agent_json_literal(json, "{");

    ngx_agent_view(&text, &provider->name);
    ngx_agent_control_text(json, "\"name\":", &text);

    ngx_agent_view(&text, &provider->issuer);
    ngx_agent_control_text(json, "\"issuer\":", &text);

    state = ngx_agent_token_zone_state(amcf->token_zone, provider);
    retry = ngx_agent_breaker_open(amcf->token_zone, provider, NULL);

    if (retry) {
        agent_json_literal(json, "\"breaker\":\"open\",");
        ngx_agent_control_number(json, "\"retry_after\":", retry);

    } else {
        agent_json_literal(json, "\"breaker\":\"closed\",");
    }

    ngx_agent_control_number(json, "\"failures\":",
                             __atomic_load_n(&state->failures,
                                             __ATOMIC_RELAXED));

    ngx_agent_control_number(json, "\"pending\":",
                             ngx_agent_flight_pending(
                                 &amcf->token_zone->flights, provider->part));

    ngx_agent_control_document(json, "\"metadata\":{", provider->metadata);
    ngx_agent_control_document(json, "\"keys\":{", provider->keys);

    agent_json_close(json, ",");
}


/* a slot that a newer configuration gave to another document says nothing */

static void
ngx_agent_control_document(agent_json_t *json, const char *name,
    const ngx_agent_document_t *doc)
{
    int64_t   fetched, now;
    uint64_t  generation;

    if (doc == NULL || !ngx_agent_document_ours(doc)) {
        return;
    }

    agent_json_raw(json, name, ngx_strlen(name));

    generation = __atomic_load_n(&doc->sh->generation, __ATOMIC_RELAXED);
    fetched = __atomic_load_n(&doc->sh->fetched, __ATOMIC_RELAXED);
    now = ngx_agent_now();

    ngx_agent_control_number(json, "\"generation\":", generation);

    if (generation && fetched > 0) {
        ngx_agent_control_date(json, "\"fetched\":", fetched);
        ngx_agent_control_number(json, "\"age\":",
                                 (uint64_t) (now > fetched
                                             ? (now - fetched) / 1000 : 0));
    }

    ngx_agent_control_number(json, "\"failures\":",
                             __atomic_load_n(&doc->sh->failures,
                                             __ATOMIC_RELAXED));
    agent_json_close(json, ",");
}


ngx_int_t
ngx_agent_control_zones(ngx_http_request_t *r)
{
    size_t                   size;
    u_char                  *p;
    ngx_uint_t               i;
    agent_json_t             json;
    ngx_agent_main_conf_t   *amcf;
    ngx_agent_key_zone_t   **zone;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_agent_auth_module);

    zone = amcf->key_zones.elts;
    size = 4 * NGX_AGENT_CONTROL_EACH;

    for (i = 0; i < amcf->key_zones.nelts; i++) {
        size += NGX_AGENT_CONTROL_EACH
                + AGENT_JSON_ESCAPE_MAX * (zone[i]->name.len
                                           + zone[i]->file.len);
    }

    if (amcf->token_zone) {
        size += AGENT_JSON_ESCAPE_MAX * amcf->token_zone->name.len;
    }

    if (amcf->proof_zone) {
        size += AGENT_JSON_ESCAPE_MAX * amcf->proof_zone->name.len;
    }

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    agent_json_init(&json, p, size);
    agent_json_literal(&json, "{\"keys\":[");

    for (i = 0; i < amcf->key_zones.nelts; i++) {
        ngx_agent_control_key_zone(&json, zone[i]);
    }

    ngx_agent_control_list_end(&json, "],");

    if (amcf->token_zone) {
        ngx_agent_control_token_zone(&json, amcf->token_zone);
    }

    if (amcf->proof_zone) {
        ngx_agent_control_proof_zone(&json, amcf->proof_zone);
    }

    if (amcf->revocations) {
        ngx_agent_control_revocations(&json, amcf->revocations);
    }

    agent_json_close(&json, "\n");

    return ngx_agent_control_json(r, NGX_HTTP_OK, p, &json);
}


static void
ngx_agent_control_key_zone(agent_json_t *json,
    const ngx_agent_key_zone_t *zone)
{
    agent_str_t              text;
    agent_status_key_zone_t  status;

    ngx_memzero(&status, sizeof(agent_status_key_zone_t));

    ngx_agent_key_census(zone, &status);

    agent_json_literal(json, "{");

    ngx_agent_view(&text, &zone->name);
    ngx_agent_control_text(json, "\"zone\":", &text);

    ngx_agent_view(&text, &zone->file);
    ngx_agent_control_text(json, "\"file\":", &text);

    text.data = (u_char *) agent_status_file_name(status.file);
    text.len = ngx_strlen(text.data);

    ngx_agent_control_text(json, "\"state\":", &text);

    ngx_agent_control_number(json, "\"generation\":", status.generation);
    ngx_agent_control_number(json, "\"keys\":", status.keys);
    ngx_agent_control_number(json, "\"octets\":", status.octets);
    ngx_agent_control_number(json, "\"room\":", status.room);
    ngx_agent_control_date(json, "\"loaded\":", status.loaded * 1000);

    agent_json_close(json, ",");
}


static void
ngx_agent_control_token_zone(agent_json_t *json,
    const ngx_agent_token_zone_t *zone)
{
    agent_str_t                text;
    ngx_agent_token_sh_t      *sh;
    ngx_agent_cache_sample_t   sample;

    sh = zone->sh;

    ngx_agent_cache_sample(&zone->cache, ngx_agent_now(),
                           NGX_AGENT_CONTROL_SETS, &sample);

    agent_json_literal(json, "\"tokens\":{");

    ngx_agent_view(&text, &zone->name);
    ngx_agent_control_text(json, "\"zone\":", &text);

    ngx_agent_control_number(json, "\"capacity\":",
                             zone->cache.sets * (NGX_AGENT_CACHE_WAYS
                                                 - NGX_AGENT_CACHE_NEGATIVE));
    ngx_agent_control_number(json, "\"used_percent\":",
                             100 * sample.used / ngx_max(sample.slots, 1));
    ngx_agent_control_number(json, "\"refusals\":",
                             zone->cache.sets * NGX_AGENT_CACHE_NEGATIVE);
    ngx_agent_control_number(json, "\"evicted\":",
                             __atomic_load_n(&sh->cache.evicted,
                                             __ATOMIC_RELAXED));
    ngx_agent_control_number(json, "\"skipped\":",
                             __atomic_load_n(&sh->cache.skipped,
                                             __ATOMIC_RELAXED));
    ngx_agent_control_number(json, "\"oversized\":",
                             __atomic_load_n(&sh->cache.oversized,
                                             __ATOMIC_RELAXED));
    ngx_agent_control_number(json, "\"flushes\":",
                             __atomic_load_n(&sh->flushes, __ATOMIC_RELAXED));
    agent_json_close(json, ",");
}


static void
ngx_agent_control_proof_zone(agent_json_t *json,
    const ngx_agent_proof_zone_t *zone)
{
    uint64_t     used, slots;
    agent_str_t  text;

    used = ngx_agent_once_sample(&zone->once, ngx_agent_now(),
                                 NGX_AGENT_CONTROL_SETS, &slots);

    agent_json_literal(json, "\"proofs\":{");

    ngx_agent_view(&text, &zone->name);
    ngx_agent_control_text(json, "\"zone\":", &text);

    ngx_agent_control_number(json, "\"capacity\":",
                             zone->once.sets * NGX_AGENT_ONCE_WAYS);
    ngx_agent_control_number(json, "\"used_percent\":",
                             100 * used / ngx_max(slots, 1));
    ngx_agent_control_number(json, "\"full\":",
                             __atomic_load_n(&zone->sh->once.full,
                                             __ATOMIC_RELAXED));
    agent_json_close(json, ",");
}


static void
ngx_agent_control_revocations(agent_json_t *json,
    const ngx_agent_revocation_zone_t *zone)
{
    ngx_agent_revocation_status_t  status;

    ngx_agent_revocation_status(zone, &status);

    agent_json_literal(json, "\"revocations\":{");
    ngx_agent_control_number(json, "\"entries\":", status.entries);
    ngx_agent_control_number(json, "\"capacity\":", status.capacity);
    ngx_agent_control_number(json, "\"submitted\":", status.submitted);
    ngx_agent_control_number(json, "\"refused\":", status.refused);
    ngx_agent_control_number(json, "\"failed\":", status.failed);
    ngx_agent_control_date(json, "\"failed_at\":", status.failed_at * 1000);
    ngx_agent_control_number(json, "\"size\":", status.size);
    ngx_agent_control_number(json, "\"applied\":", status.applied);

    if (status.stuck) {
        agent_json_literal(json, "\"stuck\":true,");
    } else {
        agent_json_literal(json, "\"stuck\":false,");
    }

    agent_json_close(json, ",");
}


/* takes a comma back */

static void
ngx_agent_control_list_end(agent_json_t *json, const char *text)
{
    if (json->pos[-1] == ',') {
        json->pos--;
    }

    agent_json_raw(json, text, ngx_strlen(text));
}
