
#include "ngx_agent_document.h"
#include "ngx_agent_count.h"
#include "agent_digest.h"


/* ms, so that not all workers look at the same time */

#define NGX_AGENT_DOCUMENT_SPREAD  1000

/* ms until a body that was of no use here is looked at again */

#define NGX_AGENT_DOCUMENT_AGAIN   1000


static void ngx_agent_document_begin(ngx_agent_document_t *doc);
static void ngx_agent_document_cleanup(void *data);
static void ngx_agent_document_refresh(ngx_event_t *ev);
static ngx_uint_t ngx_agent_document_due(const ngx_agent_document_t *doc);
static void ngx_agent_document_arm(ngx_agent_document_t *doc);
static void ngx_agent_document_read(ngx_agent_document_t *doc);
static void ngx_agent_document_take(ngx_agent_document_t *doc,
    ngx_pool_t *pool, void *parsed, uint64_t generation);
static ngx_uint_t ngx_agent_document_kept(const ngx_agent_document_t *doc);
static ngx_int_t ngx_agent_document_claim(ngx_agent_document_t *doc);
static ngx_int_t ngx_agent_document_fetch(ngx_agent_document_t *doc);
static void ngx_agent_document_answer(void *data,
    const ngx_agent_answer_t *answer);
static ngx_int_t ngx_agent_document_use(ngx_agent_document_t *doc,
    const ngx_agent_answer_t *answer);
static int64_t ngx_agent_document_ttl(const ngx_agent_document_t *doc,
    const ngx_agent_answer_t *answer);
static void ngx_agent_document_later(ngx_agent_document_t *doc, int64_t ms);
static void ngx_agent_document_failed(ngx_agent_document_t *doc);
static void ngx_agent_document_land(ngx_agent_document_t *doc);
static int64_t ngx_agent_document_now(void);


ngx_int_t
ngx_agent_document_get(ngx_agent_document_t *doc, ngx_uint_t *retry_after)
{
    int64_t  now, next;

    *retry_after = 0;

    if (ngx_agent_document_peek(doc)) {
        return NGX_OK;
    }

    if (doc->fetch) {
        return NGX_AGAIN;
    }

    now = ngx_agent_document_now();
    next = __atomic_load_n(&doc->sh->next, __ATOMIC_RELAXED);

    /* one that lies further off is of a clock that was set back */

    if (__atomic_load_n(&doc->sh->failures, __ATOMIC_RELAXED)
        && next > now && next - now <= (int64_t) doc->cooldown)
    {
        *retry_after = (ngx_uint_t) ((next - now + 999) / 1000);
        return NGX_DECLINED;
    }

    /* that it is not ours means that another worker is at it */

    if (ngx_agent_document_claim(doc) != NGX_ERROR) {
        return NGX_AGAIN;
    }

    *retry_after = (doc->cooldown + 999) / 1000;

    return NGX_DECLINED;
}


void *
ngx_agent_document_peek(ngx_agent_document_t *doc)
{
    if (!doc->begun) {
        ngx_agent_document_begin(doc);
    }

    ngx_agent_document_read(doc);

    return (doc->parsed && ngx_agent_document_kept(doc)) ? doc->parsed : NULL;
}


ngx_int_t
ngx_agent_document_renew(ngx_agent_document_t *doc, ngx_msec_t ms)
{
    int64_t  now, fetched, next;

    now = ngx_agent_document_now();
    fetched = __atomic_load_n(&doc->sh->fetched, __ATOMIC_RELAXED);
    next = __atomic_load_n(&doc->sh->next, __ATOMIC_RELAXED);

    if (doc->fetch) {
        return NGX_AGAIN;
    }

    if (fetched <= now && now - fetched < (int64_t) ms) {
        return NGX_DECLINED;
    }

    if (__atomic_load_n(&doc->sh->failures, __ATOMIC_RELAXED)
        && next > now && next - now <= (int64_t) doc->cooldown)
    {
        return NGX_DECLINED;
    }

    return ngx_agent_document_claim(doc) == NGX_ERROR ? NGX_DECLINED
                                                      : NGX_AGAIN;
}


void
ngx_agent_document_flush(ngx_agent_document_t *doc)
{
    if (!doc->begun) {
        ngx_agent_document_begin(doc);
    }

    if (!ngx_agent_document_ours(doc)) {
        return;
    }

    /* whoever fetches it sees that at the end, and begins anew */

    __atomic_store_n(&doc->sh->next, NGX_AGENT_DOCUMENT_WANTED,
                     __ATOMIC_SEQ_CST);

    if (doc->fetch == NULL) {
        (void) ngx_agent_document_claim(doc);
    }

    /* in case that could not be told now, or that worker dies */

    if (doc->begun) {
        ngx_agent_document_arm(doc);
    }
}


/* from its first use on a worker looks after it */

static void
ngx_agent_document_begin(ngx_agent_document_t *doc)
{
    ngx_pool_cleanup_t  *cln;

    /* without a master process the configuration changes within the process */

    cln = ngx_pool_cleanup_add(doc->conf_pool, 0);
    if (cln == NULL) {
        return;
    }

    cln->handler = ngx_agent_document_cleanup;
    cln->data = doc;

    doc->refresh.handler = ngx_agent_document_refresh;
    doc->refresh.data = doc;
    doc->refresh.log = ngx_cycle->log;
    doc->refresh.cancelable = 1;

    doc->begun = 1;

    ngx_agent_document_arm(doc);
}


static void
ngx_agent_document_cleanup(void *data)
{
    ngx_agent_document_t  *doc = data;

    if (doc->refresh.timer_set) {
        ngx_del_timer(&doc->refresh);
    }

    if (doc->pool) {
        ngx_destroy_pool(doc->pool);
        doc->pool = NULL;
        doc->parsed = NULL;
    }
}


static void
ngx_agent_document_refresh(ngx_event_t *ev)
{
    ngx_agent_document_t  *doc;

    doc = ev->data;

    if (ngx_exiting || ngx_terminate || ngx_quit) {
        return;
    }

    ngx_agent_document_read(doc);

    if (doc->fetch == NULL && ngx_agent_document_due(doc)) {
        (void) ngx_agent_document_claim(doc);
    }

    ngx_agent_document_arm(doc);
}


/* what was fetched later than now was so before the clock was set back */

static ngx_uint_t
ngx_agent_document_due(const ngx_agent_document_t *doc)
{
    int64_t  now;

    now = ngx_agent_document_now();

    return __atomic_load_n(&doc->sh->next, __ATOMIC_RELAXED) <= now
           || __atomic_load_n(&doc->sh->fetched, __ATOMIC_RELAXED) > now;
}


static void
ngx_agent_document_arm(ngx_agent_document_t *doc)
{
    int64_t  left;

    left = __atomic_load_n(&doc->sh->next, __ATOMIC_RELAXED)
           - ngx_agent_document_now();

    left = ngx_max(left, 0);
    left = ngx_min(left, (int64_t) doc->ttl_max);

    ngx_add_timer(&doc->refresh,
                  left + 1 + ngx_random() % NGX_AGENT_DOCUMENT_SPREAD);
}


/* takes over what another worker has published */

static void
ngx_agent_document_read(ngx_agent_document_t *doc)
{
    void        *parsed;
    uint64_t     generation;
    ngx_str_t    body;
    ngx_pool_t  *pool, *temp;

    generation = __atomic_load_n(&doc->sh->generation, __ATOMIC_ACQUIRE);

    if (generation == 0 || generation == doc->generation) {
        return;
    }

    /* it was of use to a worker of other settings, or memory was short */

    if (generation == doc->refused
        && ngx_current_msec - doc->refused_at < NGX_AGENT_DOCUMENT_AGAIN)
    {
        return;
    }

    if (!ngx_agent_document_ours(doc)) {
        return;
    }

    pool = ngx_create_pool(4096, ngx_cycle->log);
    temp = ngx_create_pool(4096, ngx_cycle->log);
    parsed = NULL;

    if (pool && temp
        && ngx_agent_document_copy(doc, temp, &body, &generation) == NGX_OK)
    {
        if (doc->parse(doc, &body, pool, &parsed, doc->err) == NGX_OK) {
            ngx_agent_document_take(doc, pool, parsed, generation);
            pool = NULL;

        } else {
            doc->refused = generation;
            doc->refused_at = ngx_current_msec;
        }
    }

    if (pool) {
        ngx_destroy_pool(pool);
    }

    if (temp) {
        ngx_destroy_pool(temp);
    }
}


static void
ngx_agent_document_take(ngx_agent_document_t *doc, ngx_pool_t *pool,
    void *parsed, uint64_t generation)
{
    if (doc->pool) {
        ngx_destroy_pool(doc->pool);
    }

    doc->pool = pool;
    doc->parsed = parsed;
    doc->generation = generation;
}


static ngx_uint_t
ngx_agent_document_kept(const ngx_agent_document_t *doc)
{
    return doc->keep == 0
           || (ngx_agent_document_ours(doc)
               && ngx_agent_document_now()
                  - __atomic_load_n(&doc->sh->fetched, __ATOMIC_RELAXED)
                  <= (int64_t) doc->keep);
}


/* NGX_OK: this worker fetches it; NGX_DECLINED: another one does */

static ngx_int_t
ngx_agent_document_claim(ngx_agent_document_t *doc)
{
    u_char    key[AGENT_SHA256_LEN];
    int64_t   now;
    uint64_t  outcome;

    /* many may wait, who all ask within a turn, and to ask is not cheap */

    if (doc->asked == ngx_current_msec) {
        return NGX_DECLINED;
    }

    /* keys that the metadata does not name are nobody's failure */

    if (!ngx_agent_document_ours(doc) || doc->place(doc, 0) == NULL) {
        return NGX_ERROR;
    }

    now = ngx_agent_document_now();

    agent_sha256(doc->id, NGX_AGENT_DOCUMENT_ID, key);

    /* what came of one that has landed is in doc->sh */

    if (ngx_agent_flight_claim(&doc->zone->flights, key, doc->id, 1, now + 1,
                               now, &doc->flight, &outcome)
        != NGX_OK)
    {
        doc->asked = ngx_current_msec;
        return NGX_DECLINED;
    }

    __atomic_store_n(&doc->sh->next, NGX_AGENT_DOCUMENT_ASKED,
                     __ATOMIC_SEQ_CST);

    doc->n = 0;
    (void) agent_fail(doc->err, "no place to fetch it from");

    if (ngx_agent_document_fetch(doc) != NGX_OK) {
        ngx_agent_document_failed(doc);
        ngx_agent_document_land(doc);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_agent_document_fetch(ngx_agent_document_t *doc)
{
    ngx_agent_fetch_request_t    request;
    const ngx_agent_endpoint_t  *ep;

    ep = doc->place(doc, doc->n);

    if (ep == NULL) {
        return NGX_DECLINED;
    }

    ngx_memzero(&request, sizeof(request));

    ngx_str_set(&request.method, "GET");
    ngx_str_set(&request.headers, "Accept: application/json" CRLF);

    doc->fetch = ngx_agent_fetch_start(doc->fetch_conf, ep, &request,
                                       ngx_agent_document_answer, doc);

    return doc->fetch ? NGX_OK : NGX_ERROR;
}


static void
ngx_agent_document_answer(void *data, const ngx_agent_answer_t *answer)
{
    ngx_agent_document_t *doc = data;

    ngx_int_t  rc;

    doc->fetch = NULL;

    rc = ngx_agent_document_use(doc, answer);

    /* something else may be at this place, the right one at the next */

    if (rc == NGX_DECLINED) {
        doc->n++;

        if (ngx_agent_document_fetch(doc) == NGX_OK) {
            return;
        }
    }

    if (rc != NGX_OK) {
        ngx_agent_document_failed(doc);
    }

    ngx_agent_document_land(doc);

    /* it was flushed meanwhile: this may be what the server had before */

    if (__atomic_load_n(&doc->sh->next, __ATOMIC_SEQ_CST)
        == NGX_AGENT_DOCUMENT_WANTED)
    {
        ngx_agent_document_flush(doc);
    }
}


/* NGX_DECLINED: there is no such document; NGX_ERROR: who can tell? */

static ngx_int_t
ngx_agent_document_use(ngx_agent_document_t *doc,
    const ngx_agent_answer_t *answer)
{
    void        *parsed;
    int64_t      now;
    ngx_int_t    rc;
    ngx_pool_t  *pool;

    if (answer->error == NGX_AGENT_FETCH_UNREACHABLE
        || answer->error == NGX_AGENT_FETCH_TIMEOUT)
    {
        (void) agent_fail(doc->err, answer->error == NGX_AGENT_FETCH_TIMEOUT
                          ? "no answer in time" : "the server is not reached");
        return NGX_ERROR;
    }

    if (answer->error != NGX_AGENT_FETCH_OK) {
        (void) agent_fail(doc->err, "the answer is no good HTTP, or too "
                          "large");
        return NGX_DECLINED;
    }

    if (answer->status != 200 || answer->body.len == 0) {
        (void) agent_fail(doc->err, "the answer has status %u",
                          (unsigned) answer->status);
        return NGX_DECLINED;
    }

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    doc->address = answer->class;

    rc = doc->parse(doc, &answer->body, pool, &parsed, doc->err);

    /* all workers, this one too, read it from the zone */

    ngx_destroy_pool(pool);

    if (rc != NGX_OK) {
        return NGX_DECLINED;
    }

    rc = ngx_agent_document_publish(doc, &answer->body, answer->class);

    /* the times of another document are not for us to set */

    if (rc == NGX_DECLINED) {
        return NGX_OK;
    }

    if (rc != NGX_OK) {
        (void) agent_fail(doc->err, "it could not be kept");
        return NGX_ERROR;
    }

    ngx_agent_count(doc->count);

    now = ngx_agent_document_now();

    __atomic_store_n(&doc->sh->failures, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&doc->sh->fetched, now, __ATOMIC_RELAXED);
    ngx_agent_document_later(doc, ngx_agent_document_ttl(doc, answer));

    return NGX_OK;
}


/* unless somebody wants it before */

static void
ngx_agent_document_later(ngx_agent_document_t *doc, int64_t ms)
{
    int64_t  next;

    next = __atomic_load_n(&doc->sh->next, __ATOMIC_SEQ_CST);

    if (next != NGX_AGENT_DOCUMENT_WANTED) {
        (void) __atomic_compare_exchange_n(&doc->sh->next, &next,
                                           ngx_agent_document_now() + ms, 0,
                                           __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    }
}


static int64_t
ngx_agent_document_ttl(const ngx_agent_document_t *doc,
    const ngx_agent_answer_t *answer)
{
    int64_t  ttl;

    ttl = (int64_t) doc->ttl;

    if (answer->max_age >= 0) {
        ttl = ngx_min(answer->max_age, 86400) * 1000;
    }

    ttl = ngx_max(ttl, (int64_t) doc->ttl_min);

    return ngx_min(ttl, (int64_t) doc->ttl_max);
}


/* said at the first, second, fourth, eighth ... failure in a row */

static void
ngx_agent_document_failed(ngx_agent_document_t *doc)
{
    uint64_t  failures;

    ngx_agent_count(doc->count + 1);

    if (!ngx_agent_document_ours(doc)) {
        return;
    }

    failures = __atomic_add_fetch(&doc->sh->failures, 1, __ATOMIC_RELAXED);

    __atomic_store_n(&doc->sh->next,
                     ngx_agent_document_now() + (int64_t) doc->cooldown,
                     __ATOMIC_RELAXED);

    if ((failures & (failures - 1)) == 0) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "agent_auth: %V of provider \"%V\" could not be fetched "
                      "(%uL times in a row): %s", &doc->kind,
                      &doc->fetch_conf->name, failures, doc->err);
    }
}


static void
ngx_agent_document_land(ngx_agent_document_t *doc)
{
    ngx_agent_flight_land(&doc->zone->flights, doc->flight, 0,
                          ngx_agent_document_now());
    doc->flight = 0;
}


static int64_t
ngx_agent_document_now(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (int64_t) tp->sec * 1000 + tp->msec;
}
