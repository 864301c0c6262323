
#include "ngx_agent_token_zone.h"


/* layout of ngx_agent_token_sh_t and of what entries hold */

#define NGX_AGENT_TOKEN_KIND     0x74010005

#define NGX_AGENT_TOKEN_NAME     "agent_tokens"
#define NGX_AGENT_TOKEN_SIZE     (16 * 1024 * 1024)
#define NGX_AGENT_TOKEN_ENTRY    1024
#define NGX_AGENT_TOKEN_LEAST    (1024 * 1024)

/* seconds after which a provider's slot may be another one's, if need be */

#define NGX_AGENT_PROVIDER_IDLE  60

/* seconds between two messages of a kind about a provider */

#define NGX_AGENT_WARN_PERIOD    60


static ngx_agent_token_zone_t *ngx_agent_token_zone_new(ngx_conf_t *cf);
static ngx_int_t ngx_agent_token_zone_arg(ngx_conf_t *cf,
    ngx_agent_token_zone_t *zone, ngx_str_t *value, ssize_t *size);
static ngx_int_t ngx_agent_token_zone_add(ngx_conf_t *cf,
    ngx_agent_token_zone_t *zone, size_t size, void *tag);
static ngx_int_t ngx_agent_token_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_agent_token_zone_create(ngx_agent_token_zone_t *zone,
    ngx_slab_pool_t *shpool, size_t size);
static size_t ngx_agent_token_zone_octets(size_t size);
static ngx_uint_t ngx_agent_provider_state_take(
    ngx_agent_provider_state_t *state, uint64_t owner, uint64_t part);
static ngx_agent_provider_state_t *ngx_agent_token_zone_reuse(
    const ngx_agent_token_zone_t *zone, uint64_t part, uint64_t now);
static uint64_t ngx_agent_source_hash(const ngx_agent_token_zone_t *zone,
    const ngx_agent_provider_t *provider, const struct sockaddr *sa);


char *
ngx_agent_token_zone(ngx_conf_t *cf, ngx_agent_token_zone_t **zone, void *tag)
{
    ssize_t      size;
    ngx_str_t   *value;
    ngx_uint_t   i;

    if (*zone) {
        return "is duplicate";
    }

    *zone = ngx_agent_token_zone_new(cf);
    if (*zone == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;
    size = 0;

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_agent_token_zone_arg(cf, *zone, &value[i], &size) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in "
                               "\"agent_token_cache\"", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    if ((*zone)->name.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"agent_token_cache\" must have "
                           "\"zone=name:size\"");
        return NGX_CONF_ERROR;
    }

    if (size < NGX_AGENT_TOKEN_LEAST) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" in \"agent_token_cache\" is too "
                           "small, it needs zone=%V:%dk at least",
                           &(*zone)->name, &(*zone)->name,
                           NGX_AGENT_TOKEN_LEAST / 1024);
        return NGX_CONF_ERROR;
    }

    return ngx_agent_token_zone_add(cf, *zone, size, tag) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


ngx_int_t
ngx_agent_token_zone_default(ngx_conf_t *cf, ngx_agent_token_zone_t **zone,
    void *tag)
{
    if (*zone) {
        return NGX_OK;
    }

    *zone = ngx_agent_token_zone_new(cf);
    if (*zone == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&(*zone)->name, NGX_AGENT_TOKEN_NAME);

    return ngx_agent_token_zone_add(cf, *zone, NGX_AGENT_TOKEN_SIZE, tag);
}


static ngx_agent_token_zone_t *
ngx_agent_token_zone_new(ngx_conf_t *cf)
{
    ngx_agent_token_zone_t  *zone;

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_agent_token_zone_t));
    if (zone == NULL) {
        return NULL;
    }

    zone->entry = NGX_AGENT_TOKEN_ENTRY;
    zone->conf_line = cf->conf_file->line;
    zone->conf_file.len = cf->conf_file->file.name.len;
    zone->conf_file.data = ngx_pstrdup(cf->pool, &cf->conf_file->file.name);

    return zone->conf_file.data ? zone : NULL;
}


static ngx_int_t
ngx_agent_token_zone_arg(ngx_conf_t *cf, ngx_agent_token_zone_t *zone,
    ngx_str_t *value, ssize_t *size)
{
    u_char     *p;
    ssize_t     entry;
    ngx_str_t   s;

    if (ngx_strncmp(value->data, "entry=", 6) == 0) {

        s.data = value->data + 6;
        s.len = value->len - 6;

        entry = ngx_parse_size(&s);

        if (entry < 512 || entry > 65536 || entry % 64) {
            return NGX_ERROR;
        }

        zone->entry = entry;

        return NGX_OK;
    }

    if (ngx_strncmp(value->data, "zone=", 5) != 0) {
        return NGX_ERROR;
    }

    zone->name.data = value->data + 5;

    p = (u_char *) ngx_strchr(zone->name.data, ':');

    if (p == NULL || p == zone->name.data) {
        return NGX_ERROR;
    }

    zone->name.len = p - zone->name.data;

    s.data = p + 1;
    s.len = value->data + value->len - s.data;

    *size = ngx_parse_size(&s);

    return *size == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_agent_token_zone_add(ngx_conf_t *cf, ngx_agent_token_zone_t *zone,
    size_t size, void *tag)
{
    uint64_t  sets, active, refusals;

    sets = ngx_agent_cache_sets(ngx_agent_token_zone_octets(size),
                                zone->entry);

    active = sets * (NGX_AGENT_CACHE_WAYS - NGX_AGENT_CACHE_NEGATIVE);
    refusals = sets * NGX_AGENT_CACHE_NEGATIVE;

    ngx_log_error(NGX_LOG_NOTICE, cf->log, 0,
                  "agent_auth: zone \"%V\" holds %uL active tokens and %uL "
                  "refusals", &zone->name, active, refusals);

    /* a notice goes to the log only, and who tests wants to know */

    if (ngx_test_config && !ngx_quiet_mode) {
        ngx_log_stderr(0, "agent_auth: zone \"%V\" holds %uL active tokens "
                       "and %uL refusals", &zone->name, active, refusals);
    }

    zone->shm_zone = ngx_shared_memory_add(cf, &zone->name, size, tag);
    if (zone->shm_zone == NULL) {
        return NGX_ERROR;
    }

    zone->shm_zone->init = ngx_agent_token_zone_init;
    zone->shm_zone->data = zone;

    return NGX_OK;
}


static ngx_int_t
ngx_agent_token_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_slab_pool_t         *shpool;
    ngx_agent_token_sh_t    *sh;
    ngx_agent_token_zone_t  *zone;

    zone = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (data == NULL && !shm_zone->shm.exists) {
        return ngx_agent_token_zone_create(zone, shpool, shm_zone->shm.size);
    }

    sh = shpool->data;

    if ((u_char *) sh < shpool->start
        || (u_char *) sh > shpool->end - sizeof(ngx_agent_token_sh_t)
        || ngx_agent_cache_attach(&zone->cache, shpool, &sh->cache,
                                  NGX_AGENT_TOKEN_KIND, zone->entry)
           != NGX_OK
        || ngx_agent_flights_init(&zone->flights, shpool, &sh->flights)
           != NGX_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "agent_auth: zone \"%V\" had another \"entry\" or was "
                      "made by another version of this module, rename the "
                      "zone or restart nginx, in %V:%ui",
                      &zone->name, &zone->conf_file, zone->conf_line);
        return NGX_ERROR;
    }

    zone->sh = sh;

    return NGX_OK;
}


static ngx_int_t
ngx_agent_token_zone_create(ngx_agent_token_zone_t *zone,
    ngx_slab_pool_t *shpool, size_t size)
{
    ngx_agent_token_sh_t  *sh;

    sh = ngx_slab_calloc(shpool, sizeof(ngx_agent_token_sh_t));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    shpool->data = sh;
    zone->sh = sh;

    shpool->log_ctx = ngx_slab_alloc(shpool, sizeof(" in token cache \"\"")
                                             + zone->name.len);
    if (shpool->log_ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(shpool->log_ctx, " in token cache \"%V\"%Z", &zone->name);

    if (ngx_agent_cache_create(&zone->cache, shpool, &sh->cache,
                               NGX_AGENT_TOKEN_KIND,
                               ngx_min(shpool->pfree * ngx_pagesize,
                                       ngx_agent_token_zone_octets(size)),
                               zone->entry)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_agent_flights_init(&zone->flights, shpool, &sh->flights);
}


/*
 * What a zone has for entries, a little less than there is: ngx_slab_init()
 * takes 24 octets for each page, and some pages.
 */

static size_t
ngx_agent_token_zone_octets(size_t size)
{
    return size - size / 128 - sizeof(ngx_agent_token_sh_t)
           - 8 * ngx_pagesize;
}


ngx_agent_provider_state_t *
ngx_agent_token_zone_state(const ngx_agent_token_zone_t *zone,
    const ngx_agent_provider_t *provider)
{
    uint64_t                     part, found, now;
    ngx_uint_t                   i;
    ngx_agent_provider_state_t  *state;

    ngx_memcpy(&part, provider->part, sizeof(part));
    now = (uint64_t) ngx_time();

    /* slots are taken by whoever writes the first half of the name first */

    for (i = 0; i < NGX_AGENT_PROVIDERS - 1; i++) {

        state = &zone->sh->provider[i];
        found = __atomic_load_n((uint64_t *) state->part, __ATOMIC_ACQUIRE);

        if (found == part
            || (found == 0 && ngx_agent_provider_state_take(state, 0, part)))
        {
            if (__atomic_load_n(&state->used, __ATOMIC_RELAXED) != now) {
                __atomic_store_n(&state->used, now, __ATOMIC_RELAXED);
            }

            return state;
        }
    }

    return ngx_agent_token_zone_reuse(zone, part, now);
}


/* 1 where the slot is this provider's now, also by another process */

static ngx_uint_t
ngx_agent_provider_state_take(ngx_agent_provider_state_t *state,
    uint64_t owner, uint64_t part)
{
    return __atomic_compare_exchange_n((uint64_t *) state->part, &owner, part,
                                       0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
           || owner == part;
}


/*
 * The slot that nobody used for longest, and not within the last minute.  What
 * the one before left there for an instant is that its server failed.
 */

static ngx_agent_provider_state_t *
ngx_agent_token_zone_reuse(const ngx_agent_token_zone_t *zone, uint64_t part,
    uint64_t now)
{
    uint64_t                     used, least, owner;
    ngx_uint_t                   i;
    ngx_agent_provider_state_t  *state, *oldest;

    oldest = NULL;
    least = now - NGX_AGENT_PROVIDER_IDLE;

    for (i = 0; i < NGX_AGENT_PROVIDERS - 1; i++) {

        state = &zone->sh->provider[i];
        used = __atomic_load_n(&state->used, __ATOMIC_RELAXED);

        /* one from the future is of a clock that was set back */

        if (used > now) {
            used = 0;
        }

        if (used < least) {
            least = used;
            oldest = state;
        }
    }

    if (oldest) {
        owner = __atomic_load_n((uint64_t *) oldest->part, __ATOMIC_ACQUIRE);

        if (ngx_agent_provider_state_take(oldest, owner, part)) {

            __atomic_store_n(&oldest->used, now, __ATOMIC_RELAXED);
            __atomic_store_n(&oldest->failures, 0, __ATOMIC_SEQ_CST);
            __atomic_store_n(&oldest->open_until, 0, __ATOMIC_SEQ_CST);
            __atomic_store_n(&oldest->probe_until, 0, __ATOMIC_SEQ_CST);

            for (i = 0; i < NGX_AGENT_WARNS; i++) {
                __atomic_store_n(&oldest->warned[i], 0, __ATOMIC_RELAXED);
            }

            return oldest;
        }
    }

    return &zone->sh->provider[NGX_AGENT_PROVIDERS - 1];
}


ngx_uint_t
ngx_agent_token_zone_warn(const ngx_agent_token_zone_t *zone,
    const ngx_agent_provider_t *provider, ngx_agent_warn_e kind)
{
    uint64_t                     now, last;
    ngx_agent_provider_state_t  *state;

    state = ngx_agent_token_zone_state(zone, provider);

    now = (uint64_t) ngx_time();
    last = __atomic_load_n(&state->warned[kind], __ATOMIC_RELAXED);

    if (now >= last && now - last < NGX_AGENT_WARN_PERIOD) {
        return 0;
    }

    return __atomic_compare_exchange_n(&state->warned[kind], &last, now, 0,
                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}


ngx_uint_t
ngx_agent_token_zone_admit(const ngx_agent_token_zone_t *zone,
    const ngx_agent_provider_t *provider, const struct sockaddr *sa)
{
    uint64_t     now, tat, next, interval, *slot;
    ngx_uint_t   tries;
    ngx_time_t  *tp;

    if (provider->miss_rate == 0) {
        return 1;
    }

    tp = ngx_timeofday();
    now = (uint64_t) tp->sec * 1000000 + (uint64_t) tp->msec * 1000;

    interval = 60000000 / provider->miss_rate;

    slot = &zone->sh->source[ngx_agent_source_hash(zone, provider, sa)
                             % NGX_AGENT_SOURCES];

    for (tries = 0; tries < 16; tries++) {

        tat = __atomic_load_n(slot, __ATOMIC_RELAXED);

        /* one from the far future is of a clock that was set back */

        if (tat < now || tat > now + 61000000) {
            next = now + interval;

        } else {
            next = tat + interval;
        }

        /* a burst of what a second, or one turn, brings */

        if (next > now + ngx_max(1000000, interval)) {
            return 0;
        }

        if (__atomic_compare_exchange_n(slot, &tat, next, 0, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
        {
            return 1;
        }
    }

    return 0;
}


static uint64_t
ngx_agent_source_hash(const ngx_agent_token_zone_t *zone,
    const ngx_agent_provider_t *provider, const struct sockaddr *sa)
{
    u_char                id[NGX_AGENT_CACHE_PART + 8];
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    ngx_memzero(id, sizeof(id));
    ngx_memcpy(id, provider->part, NGX_AGENT_CACHE_PART);

    switch (sa->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) sa;
        ngx_memcpy(id + NGX_AGENT_CACHE_PART, &sin->sin_addr, 4);
        break;

#if (NGX_HAVE_INET6)

    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sa;

        if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr)) {
            ngx_memcpy(id + NGX_AGENT_CACHE_PART,
                       sin6->sin6_addr.s6_addr + 12, 4);

        } else {
            ngx_memcpy(id + NGX_AGENT_CACHE_PART, sin6->sin6_addr.s6_addr, 8);
        }

        break;

#endif

    default:
        break;
    }

    return agent_siphash(zone->sh->cache.secret, id, sizeof(id));
}
