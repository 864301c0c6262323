
/*
 * agent_status [json|prometheus|html]; and the zone with the counters, which
 * is there where the directive is.
 */

#include "ngx_agent_status.h"


#define NGX_AGENT_STATUS_NAME    "agent_status_"


/* a guarded location, before the zone is there */

typedef struct {
    ngx_agent_loc_conf_t      *conf;
    ngx_agent_status_place_t   place;
} ngx_agent_status_conf_t;


static ngx_int_t ngx_agent_status_format(const ngx_str_t *value,
    ngx_agent_status_format_e *format);
static ngx_int_t ngx_agent_status_zone(ngx_conf_t *cf,
    ngx_agent_main_conf_t *amcf);
static ngx_int_t ngx_agent_status_zone_name(ngx_conf_t *cf, ngx_str_t *name);
static ngx_int_t ngx_agent_status_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_agent_status_zone_create(ngx_slab_pool_t *shpool);
static void ngx_agent_status_names(ngx_agent_status_zone_t *zone);
static ngx_int_t ngx_agent_status_places(ngx_agent_status_zone_t *zone);
static ngx_int_t ngx_agent_status_place_name(ngx_agent_status_zone_t *zone,
    const ngx_agent_status_place_t *place, ngx_str_t *name);


/* the order is that of NGX_AGENT_STATUS_NOWHERE and so on */

static const ngx_agent_count_group_t
    ngx_agent_status_groups[NGX_AGENT_STATUS_GROUPS] =
{
    { 0, NGX_AGENT_STATUS_UNREAD },
    { 0, AGENT_STATUS_DECISIONS },
    { NGX_AGENT_PROVIDERS, AGENT_STATUS_PROVIDER },
    { 256, AGENT_STATUS_LOCATION },
    { 32, AGENT_STATUS_KEY_ZONE },
    { 32, AGENT_STATUS_SINK }
};


char *
ngx_agent_conf_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_agent_loc_conf_t  *alcf = conf;

    ngx_str_t                  *value;
    ngx_agent_status_t         *status, **directive;
    ngx_agent_main_conf_t      *amcf;
    ngx_http_core_loc_conf_t   *clcf;

    if (alcf->status) {
        return "is duplicate";
    }

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_agent_auth_module);
    status = ngx_pcalloc(cf->pool, sizeof(ngx_agent_status_t));

    if (status == NULL || ngx_agent_status_zone(cf, amcf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2
        && ngx_agent_status_format(&value[1], &status->format) != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"agent_status\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    status->loc_conf = ((ngx_http_conf_ctx_t *) cf->ctx)->loc_conf;
    status->conf_line = cf->conf_file->line;
    status->conf_file.len = cf->conf_file->file.name.len;
    status->conf_file.data = ngx_pstrdup(cf->pool, &cf->conf_file->file.name);

    directive = ngx_array_push(&amcf->status->directives);

    if (status->conf_file.data == NULL || directive == NULL) {
        return NGX_CONF_ERROR;
    }

    *directive = status;
    alcf->status = status;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_agent_status_handler;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_agent_status_format(const ngx_str_t *value,
    ngx_agent_status_format_e *format)
{
    if (ngx_strcmp(value->data, "json") == 0) {
        *format = NGX_AGENT_STATUS_JSON;

    } else if (ngx_strcmp(value->data, "prometheus") == 0) {
        *format = NGX_AGENT_STATUS_PROMETHEUS;

    } else if (ngx_strcmp(value->data, "html") == 0) {
        *format = NGX_AGENT_STATUS_HTML;

    } else {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_agent_status_zone(ngx_conf_t *cf, ngx_agent_main_conf_t *amcf)
{
    size_t                    size;
    ngx_str_t                 name;
    ngx_agent_status_zone_t  *zone;

    if (amcf->status) {
        return NGX_OK;
    }

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_agent_status_zone_t));

    if (zone == NULL
        || ngx_array_init(&zone->confs, cf->pool, 8,
                          sizeof(ngx_agent_status_conf_t)) != NGX_OK
        || ngx_array_init(&zone->places, cf->pool, 8,
                          sizeof(ngx_agent_status_place_t)) != NGX_OK
        || ngx_array_init(&zone->directives, cf->pool, 2,
                          sizeof(ngx_agent_status_t *)) != NGX_OK
        || ngx_agent_status_zone_name(cf, &name) != NGX_OK)
    {
        return NGX_ERROR;
    }

    zone->cycle = cf->cycle;
    zone->amcf = amcf;

    size = ngx_agent_counts_size(ngx_agent_status_groups,
                                 NGX_AGENT_STATUS_GROUPS);

    /* ngx_slab_init() takes 24 octets for each page, and some pages */

    size += size / 128 + 8 * ngx_pagesize;

    zone->shm_zone = ngx_shared_memory_add(cf, &name, size,
                                           &ngx_http_core_module);
    if (zone->shm_zone == NULL) {
        return NGX_ERROR;
    }

    zone->shm_zone->init = ngx_agent_status_zone_init;
    zone->shm_zone->data = zone;

    amcf->status = zone;

    return NGX_OK;
}


/*
 * The name tells what the counters are: where another version of the module
 * has others they begin anew, for which nobody has to restart nginx.
 */

static ngx_int_t
ngx_agent_status_zone_name(ngx_conf_t *cf, ngx_str_t *name)
{
    uint32_t            crc;
    ngx_uint_t          i;
    const agent_str_t  *reason;

    ngx_crc32_init(crc);
    ngx_crc32_update(&crc, (u_char *) ngx_agent_status_groups,
                     sizeof(ngx_agent_status_groups));

    for (i = 0; i < AGENT_REASON_MAX; i++) {
        reason = agent_reason_name(i);
        ngx_crc32_update(&crc, (u_char *) reason->data, reason->len);
    }

    ngx_crc32_final(crc);

    name->data = ngx_pnalloc(cf->pool, sizeof(NGX_AGENT_STATUS_NAME) + 8);
    if (name->data == NULL) {
        return NGX_ERROR;
    }

    name->len = ngx_sprintf(name->data, NGX_AGENT_STATUS_NAME "%08xD", crc)
                - name->data;

    return NGX_OK;
}


static ngx_int_t
ngx_agent_status_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_slab_pool_t          *shpool;
    ngx_agent_status_zone_t  *zone;

    zone = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (data == NULL && !shm_zone->shm.exists
        && ngx_agent_status_zone_create(shpool) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_agent_counts_attach(&zone->counts, shpool, shpool->data,
                                ngx_agent_status_groups,
                                NGX_AGENT_STATUS_GROUPS)
        != NGX_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "agent_auth: zone \"%V\" was made by another version of "
                      "this module, restart nginx", &shm_zone->shm.name);
        return NGX_ERROR;
    }

    ngx_agent_status_names(zone);

    return ngx_agent_status_places(zone);
}


static ngx_int_t
ngx_agent_status_zone_create(ngx_slab_pool_t *shpool)
{
    ngx_agent_count_sh_t  *sh;

    sh = ngx_slab_calloc(shpool,
                         ngx_agent_counts_size(ngx_agent_status_groups,
                                               NGX_AGENT_STATUS_GROUPS));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    ngx_agent_counts_create(sh, ngx_agent_status_groups,
                            NGX_AGENT_STATUS_GROUPS, ngx_time());
    shpool->data = sh;

    return NGX_OK;
}


/* where there are too many the last ones share their counters */

static void
ngx_agent_status_names(ngx_agent_status_zone_t *zone)
{
    ngx_str_t               name;
    ngx_uint_t              i, shared, *count;
    ngx_agent_key_zone_t  **key_zone;
    ngx_agent_provider_t  **provider;

    shared = 0;
    provider = zone->amcf->providers.elts;

    for (i = 0; i < zone->amcf->providers.nelts; i++) {

        provider[i]->count = ngx_agent_count_name(&zone->counts,
                                                  NGX_AGENT_STATUS_PROVIDERS,
                                                  &provider[i]->name, &shared);

        if (provider[i]->metadata) {
            provider[i]->metadata->count = provider[i]->count
                                           + AGENT_STATUS_METADATA;
        }

        if (provider[i]->keys) {
            provider[i]->keys->count = provider[i]->count + AGENT_STATUS_KEYS;
        }
    }

    key_zone = zone->amcf->key_zones.elts;

    for (i = 0; i < zone->amcf->key_zones.nelts; i++) {
        key_zone[i]->count = ngx_agent_count_name(&zone->counts,
                                                  NGX_AGENT_STATUS_KEY_ZONES,
                                                  &key_zone[i]->name, &shared);
    }

    for (i = 0; /* void */ ; i++) {

        count = ngx_agent_audit_nth(zone->cycle, i, zone->cycle->pool, &name);
        if (count == NULL) {
            return;
        }

        *count = ngx_agent_count_name(&zone->counts, NGX_AGENT_STATUS_SINKS,
                                      &name, &shared);
    }
}


static ngx_int_t
ngx_agent_status_places(ngx_agent_status_zone_t *zone)
{
    ngx_str_t                  name;
    ngx_uint_t                 i, j, count, shared, others;
    ngx_agent_status_conf_t   *conf;
    ngx_agent_status_place_t  *place;

    conf = zone->confs.elts;
    others = 0;

    for (i = 0; i < zone->confs.nelts; i++) {

        if (ngx_agent_status_place_name(zone, &conf[i].place, &name)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        shared = 0;
        count = ngx_agent_count_name(&zone->counts,
                                     NGX_AGENT_STATUS_LOCATIONS, &name,
                                     &shared);
        conf[i].conf->count = count;
        others += shared;

        place = zone->places.elts;

        for (j = 0; j < zone->places.nelts; j++) {
            if (place[j].count == count) {
                break;
            }
        }

        if (j < zone->places.nelts) {
            continue;
        }

        place = ngx_array_push(&zone->places);
        if (place == NULL) {
            return NGX_ERROR;
        }

        *place = conf[i].place;
        place->count = count;

        if (shared) {
            ngx_str_set(&place->server, "*");
            ngx_str_set(&place->location, "*");
            ngx_str_null(&place->service);
        }
    }

    if (others) {
        ngx_log_error(NGX_LOG_NOTICE, zone->shm_zone->shm.log, 0,
                      "agent_auth: %ui guarded locations are counted together "
                      "in \"agent_status\", which tells %uD apart", others,
                      ngx_agent_status_groups[NGX_AGENT_STATUS_LOCATIONS]
                      .names);
    }

    return NGX_OK;
}


/* a NUL is in none of the three, any of which may be empty */

static ngx_int_t
ngx_agent_status_place_name(ngx_agent_status_zone_t *zone,
    const ngx_agent_status_place_t *place, ngx_str_t *name)
{
    u_char            *p;
    ngx_uint_t         i;
    const ngx_str_t   *part[3];

    part[0] = &place->server;
    part[1] = &place->location;
    part[2] = &place->service;

    name->len = part[0]->len + part[1]->len + part[2]->len + 3;
    name->data = ngx_pnalloc(zone->cycle->pool, name->len);

    if (name->data == NULL) {
        return NGX_ERROR;
    }

    p = name->data;

    for (i = 0; i < 3; i++) {

        if (part[i]->len) {
            p = ngx_cpymem(p, part[i]->data, part[i]->len);
        }

        *p++ = '\0';
    }

    return NGX_OK;
}


ngx_int_t
ngx_agent_status_guard(ngx_conf_t *cf, ngx_agent_main_conf_t *amcf,
    ngx_agent_loc_conf_t *conf)
{
    ngx_agent_status_conf_t    *status;
    ngx_http_core_loc_conf_t   *clcf;
    ngx_http_core_srv_conf_t   *cscf;

    if (amcf->status == NULL) {
        return NGX_OK;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);

    status = ngx_array_push(&amcf->status->confs);
    if (status == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(status, sizeof(ngx_agent_status_conf_t));

    status->conf = conf;
    status->place.server = cscf->server_name;
    status->place.location = clcf->name;
    status->place.service = conf->service;
    status->place.observe = (conf->mode == NGX_AGENT_OBSERVE);

    return NGX_OK;
}


/* once all locations are merged */

void
ngx_agent_status_warn(ngx_conf_t *cf, const ngx_agent_main_conf_t *amcf)
{
    ngx_uint_t            i;
    ngx_agent_status_t  **status;

    if (amcf->status == NULL) {
        return;
    }

    status = amcf->status->directives.elts;

    for (i = 0; i < amcf->status->directives.nelts; i++) {

        ngx_agent_open_warn(cf, "agent_status", status[i]->loc_conf,
                            &status[i]->conf_file, status[i]->conf_line);
    }
}


/* in the master, when the configuration comes into force */

void
ngx_agent_status_init_module(const ngx_agent_main_conf_t *amcf)
{
    ngx_agent_counts_use(amcf && amcf->status ? &amcf->status->counts : NULL,
                         0);
}


void
ngx_agent_status_init_process(const ngx_agent_main_conf_t *amcf)
{
    if (amcf == NULL || amcf->status == NULL) {
        return;
    }

    ngx_agent_counts_use(&amcf->status->counts, ngx_worker);

    ngx_agent_status_note(amcf->status);
}
