
#include "ngx_agent_proof.h"

#include <openssl/hmac.h>
#include <openssl/rand.h>


#define NGX_AGENT_PROOF_NAME   "agent_proofs"
#define NGX_AGENT_PROOF_SIZE   (4 * 1024 * 1024)
#define NGX_AGENT_PROOF_LEAST  (64 * 1024)

#define NGX_AGENT_PROOF_WARN   60               /* seconds */


static ngx_agent_proof_zone_t *ngx_agent_proof_zone_new(ngx_conf_t *cf);
static ngx_int_t ngx_agent_proof_zone_arg(ngx_agent_proof_zone_t *zone,
    ngx_str_t *value, ssize_t *size);
static ngx_int_t ngx_agent_proof_zone_add(ngx_conf_t *cf,
    ngx_agent_proof_zone_t *zone, size_t size, void *tag);
static ngx_int_t ngx_agent_proof_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_agent_proof_zone_create(ngx_agent_proof_zone_t *zone,
    ngx_slab_pool_t *shpool);
static void ngx_agent_proof_zone_inherit(ngx_agent_proof_zone_t *zone);
static void ngx_agent_proof_zone_copy(ngx_agent_proof_zone_t *zone,
    const ngx_shm_zone_t *before);
static agent_reason_e ngx_agent_proof_once(const ngx_agent_proof_zone_t *zone,
    const agent_dpop_proof_t *proof, int64_t now, ngx_log_t *log);
static void ngx_agent_proof_full(const ngx_agent_proof_zone_t *zone,
    ngx_log_t *log);
static ngx_int_t ngx_agent_proof_nonce_of(const ngx_agent_proof_zone_t *zone,
    int64_t turn, u_char *nonce);
static int64_t ngx_agent_proof_now(void);


/* of this worker */

static agent_jwk_curves_t  ngx_agent_proof_curves;


void
ngx_agent_proof_init_process(void)
{
    if (ngx_agent_proof_curves.pkeys[0] == NULL) {
        (void) agent_jwk_curves_init(&ngx_agent_proof_curves);
    }
}


void
ngx_agent_proof_exit_process(void)
{
    agent_jwk_curves_free(&ngx_agent_proof_curves);
    ngx_memzero(&ngx_agent_proof_curves, sizeof(ngx_agent_proof_curves));
}


char *
ngx_agent_proof_zone(ngx_conf_t *cf, ngx_agent_proof_zone_t **zone, void *tag)
{
    ssize_t      size;
    ngx_str_t   *value;
    ngx_uint_t   i;

    if (*zone) {
        return "is duplicate";
    }

    *zone = ngx_agent_proof_zone_new(cf);
    if (*zone == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;
    size = 0;

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_agent_proof_zone_arg(*zone, &value[i], &size) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in "
                               "\"agent_dpop_cache\"", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    if ((*zone)->name.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"agent_dpop_cache\" must have "
                           "\"zone=name:size\"");
        return NGX_CONF_ERROR;
    }

    if (size < NGX_AGENT_PROOF_LEAST) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" in \"agent_dpop_cache\" is too small, "
                           "it needs zone=%V:%dk at least", &(*zone)->name,
                           &(*zone)->name, NGX_AGENT_PROOF_LEAST / 1024);
        return NGX_CONF_ERROR;
    }

    return ngx_agent_proof_zone_add(cf, *zone, size, tag) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


ngx_int_t
ngx_agent_proof_zone_default(ngx_conf_t *cf, ngx_agent_proof_zone_t **zone,
    void *tag)
{
    if (*zone) {
        return NGX_OK;
    }

    *zone = ngx_agent_proof_zone_new(cf);
    if (*zone == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&(*zone)->name, NGX_AGENT_PROOF_NAME);

    return ngx_agent_proof_zone_add(cf, *zone, NGX_AGENT_PROOF_SIZE, tag);
}


static ngx_agent_proof_zone_t *
ngx_agent_proof_zone_new(ngx_conf_t *cf)
{
    ngx_agent_proof_zone_t  *zone;

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_agent_proof_zone_t));
    if (zone == NULL) {
        return NULL;
    }

    zone->conf_line = cf->conf_file->line;
    zone->conf_file.len = cf->conf_file->file.name.len;
    zone->conf_file.data = ngx_pstrdup(cf->pool, &cf->conf_file->file.name);

    return zone->conf_file.data ? zone : NULL;
}


static ngx_int_t
ngx_agent_proof_zone_arg(ngx_agent_proof_zone_t *zone, ngx_str_t *value,
    ssize_t *size)
{
    u_char     *p;
    ngx_int_t   ms;
    ngx_str_t   s;

    if (ngx_strncmp(value->data, "nonce=", 6) == 0 && zone->nonce == 0) {

        s.data = value->data + 6;
        s.len = value->len - 6;

        ms = ngx_parse_time(&s, 0);

        if (ms < 1000) {
            return NGX_ERROR;
        }

        zone->nonce = (ngx_msec_t) ms;

        return NGX_OK;
    }

    if (ngx_strncmp(value->data, "zone=", 5) != 0 || zone->name.len) {
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
ngx_agent_proof_zone_add(ngx_conf_t *cf, ngx_agent_proof_zone_t *zone,
    size_t size, void *tag)
{
    zone->shm_zone = ngx_shared_memory_add(cf, &zone->name, size, tag);
    if (zone->shm_zone == NULL) {
        return NGX_ERROR;
    }

    zone->shm_zone->init = ngx_agent_proof_zone_init;
    zone->shm_zone->data = zone;

    return NGX_OK;
}


static ngx_int_t
ngx_agent_proof_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_slab_pool_t         *shpool;
    ngx_agent_proof_sh_t    *sh;
    ngx_agent_proof_zone_t  *zone;

    zone = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (data == NULL && !shm_zone->shm.exists) {
        return ngx_agent_proof_zone_create(zone, shpool);
    }

    sh = shpool->data;

    if ((u_char *) sh < shpool->start
        || (u_char *) sh > shpool->end - sizeof(ngx_agent_proof_sh_t)
        || ngx_agent_once_attach(&zone->once, shpool, &sh->once) != NGX_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "agent_auth: zone \"%V\" was made by another version of "
                      "this module, rename the zone or restart nginx, in "
                      "%V:%ui", &zone->name, &zone->conf_file,
                      zone->conf_line);
        return NGX_ERROR;
    }

    zone->sh = sh;

    return NGX_OK;
}


static ngx_int_t
ngx_agent_proof_zone_create(ngx_agent_proof_zone_t *zone,
    ngx_slab_pool_t *shpool)
{
    ngx_agent_proof_sh_t  *sh;

    sh = ngx_slab_calloc(shpool, sizeof(ngx_agent_proof_sh_t));

    if (sh == NULL || RAND_bytes(sh->secret, AGENT_SHA256_LEN) != 1) {
        return NGX_ERROR;
    }

    shpool->data = sh;
    zone->sh = sh;

    if (ngx_agent_once_create(&zone->once, shpool, &sh->once,
                              shpool->pfree * ngx_pagesize)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_agent_proof_zone_inherit(zone);

    return NGX_OK;
}


/*
 * A zone of another size begins anew: what the one before knows would be good
 * once more.  The global ngx_cycle is still the one before.
 */

static void
ngx_agent_proof_zone_inherit(ngx_agent_proof_zone_t *zone)
{
    ngx_uint_t        i;
    ngx_shm_zone_t   *before;
    ngx_list_part_t  *part;

    if (ngx_test_config || ngx_cycle == NULL) {
        return;
    }

    part = (ngx_list_part_t *) &ngx_cycle->shared_memory.part;
    before = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {

            if (part->next == NULL) {
                return;
            }

            part = part->next;
            before = part->elts;
            i = 0;
        }

        if (before[i].tag == zone->shm_zone->tag
            && before[i].shm.addr
            && before[i].shm.addr != zone->shm_zone->shm.addr
            && before[i].shm.name.len == zone->name.len
            && ngx_strncmp(before[i].shm.name.data, zone->name.data,
                           zone->name.len)
               == 0)
        {
            ngx_agent_proof_zone_copy(zone, &before[i]);
            return;
        }
    }
}


static void
ngx_agent_proof_zone_copy(ngx_agent_proof_zone_t *zone,
    const ngx_shm_zone_t *before)
{
    ngx_uint_t             lost;
    ngx_slab_pool_t       *shpool;
    ngx_agent_once_t       once;
    ngx_agent_proof_sh_t  *sh;

    shpool = (ngx_slab_pool_t *) before->shm.addr;
    sh = shpool->data;

    if ((u_char *) sh < shpool->start
        || (u_char *) sh > shpool->end - sizeof(ngx_agent_proof_sh_t)
        || ngx_agent_once_attach(&once, shpool, &sh->once) != NGX_OK)
    {
        return;
    }

    /* nonces that were given out stay good */

    ngx_memcpy(zone->sh->secret, sh->secret, AGENT_SHA256_LEN);

    lost = ngx_agent_once_copy(&zone->once, &once, ngx_agent_proof_now(),
                               2 * (NGX_AGENT_PROOF_WINDOW
                                    + NGX_AGENT_PROOF_LEEWAY));

    if (lost) {
        ngx_log_error(NGX_LOG_WARN, zone->shm_zone->shm.log, 0,
                      "agent_auth: zone \"%V\" has no room for %ui proofs "
                      "of possession of the zone before, they could be used "
                      "again", &zone->name, lost);
    }
}


agent_reason_e
ngx_agent_proof_check(const ngx_agent_proof_zone_t *zone,
    const agent_str_t *value, agent_dpop_expected_t *expected,
    ngx_pool_t *pool, ngx_log_t *log)
{
    char                 err[AGENT_ERROR_LEN];
    u_char              *buf, nonce[2][NGX_AGENT_NONCE_LEN];
    int64_t              turn;
    agent_reason_e       reason;
    agent_dpop_proof_t   proof;

    err[0] = '\0';

    expected->now = ngx_agent_proof_now();
    expected->window = NGX_AGENT_PROOF_WINDOW;
    expected->leeway = NGX_AGENT_PROOF_LEEWAY;
    expected->algs = NGX_AGENT_PROOF_ALGS;
    expected->curves = ngx_agent_proof_curves.pkeys[0] ? &ngx_agent_proof_curves
                                                       : NULL;

    expected->nonce.len = 0;
    expected->previous.len = 0;

    if (zone->nonce) {
        turn = expected->now / (int64_t) zone->nonce;

        if (ngx_agent_proof_nonce_of(zone, turn, nonce[0]) != NGX_OK
            || ngx_agent_proof_nonce_of(zone, turn - 1, nonce[1]) != NGX_OK)
        {
            return AGENT_INTERNAL_ERROR;
        }

        expected->nonce.data = nonce[0];
        expected->nonce.len = NGX_AGENT_NONCE_LEN;
        expected->previous.data = nonce[1];
        expected->previous.len = NGX_AGENT_NONCE_LEN;
    }

    /* its length is bounded before it decides about memory */

    if (value->len > AGENT_DPOP_MAX) {
        return AGENT_DPOP_INVALID;
    }

    buf = ngx_pnalloc(pool, agent_dpop_room(value, expected));
    if (buf == NULL) {
        return AGENT_INTERNAL_ERROR;
    }

    reason = agent_dpop_check(value, expected, buf, &proof, err);

    if (reason == AGENT_OK) {
        reason = ngx_agent_proof_once(zone, &proof, expected->now, log);

    } else {
        ngx_log_error(NGX_LOG_INFO, log, 0,
                      "agent_auth: proof of possession is refused: %s", err);
    }

    return reason;
}


static agent_reason_e
ngx_agent_proof_once(const ngx_agent_proof_zone_t *zone,
    const agent_dpop_proof_t *proof, int64_t now, ngx_log_t *log)
{
    switch (ngx_agent_once_take(&zone->once, proof->id, now,
                                proof->until + NGX_AGENT_PROOF_MARGIN,
                                2 * (NGX_AGENT_PROOF_WINDOW
                                     + NGX_AGENT_PROOF_LEEWAY)))
    {

    case NGX_OK:
        return AGENT_OK;

    case NGX_DECLINED:
        return AGENT_DPOP_REPLAYED;

    case NGX_ERROR:
        ngx_agent_proof_full(zone, log);

        /* fall through */

    default:
        return AGENT_TABLE_BUSY;
    }
}


static void
ngx_agent_proof_full(const ngx_agent_proof_zone_t *zone, ngx_log_t *log)
{
    uint64_t  now, last;

    now = (uint64_t) ngx_time();
    last = __atomic_load_n(&zone->sh->warned, __ATOMIC_RELAXED);

    if ((now >= last && now - last < NGX_AGENT_PROOF_WARN)
        || !__atomic_compare_exchange_n(&zone->sh->warned, &last, now, 0,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED))
    {
        return;
    }

    ngx_log_error(NGX_LOG_ERR, log, 0,
                  "agent_auth: zone \"%V\" is full of proofs of possession, "
                  "requests are refused, raise its size in "
                  "\"agent_dpop_cache\"", &zone->name);
}


ngx_int_t
ngx_agent_proof_nonce(const ngx_agent_proof_zone_t *zone, u_char *nonce)
{
    return ngx_agent_proof_nonce_of(zone,
                                    ngx_agent_proof_now()
                                    / (int64_t) ngx_max(zone->nonce, 1),
                                    nonce);
}


/* RFC 9449, 8: unpredictable, and the same for all workers */

static ngx_int_t
ngx_agent_proof_nonce_of(const ngx_agent_proof_zone_t *zone, int64_t turn,
    u_char *nonce)
{
    u_char    mac[EVP_MAX_MD_SIZE];
    unsigned  len;

    if (HMAC(EVP_sha256(), zone->sh->secret, AGENT_SHA256_LEN,
             (u_char *) &turn, sizeof(turn), mac, &len)
        == NULL)
    {
        return NGX_ERROR;
    }

    (void) ngx_hex_dump(nonce, mac, NGX_AGENT_NONCE_LEN / 2);

    return NGX_OK;
}


static int64_t
ngx_agent_proof_now(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (int64_t) tp->sec * 1000 + tp->msec;
}
