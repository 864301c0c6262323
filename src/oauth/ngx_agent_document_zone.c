
/*
 * The zone with the documents of the providers.  It has a size of its own, so
 * that another size of the token cache does not forget keys while the server
 * that has them is down.
 */

#include "ngx_agent_document.h"
#include "agent_digest.h"


#define NGX_AGENT_DOCUMENT_MAGIC   0x746e6564           /* "dent" */
#define NGX_AGENT_DOCUMENT_LAYOUT  1

#define NGX_AGENT_DOCUMENT_SIZE    (4 * 1024 * 1024)

#define NGX_AGENT_DOCUMENT_TRIES   64


static ngx_int_t ngx_agent_document_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_agent_document_zone_attach(
    ngx_agent_document_zone_t *zone);
static ngx_agent_document_sh_t *ngx_agent_document_slot(
    ngx_agent_document_zone_t *zone, const u_char *id);
static ngx_uint_t ngx_agent_document_used(const ngx_agent_document_zone_t *zone,
    const ngx_agent_document_sh_t *slot);
static u_char *ngx_agent_document_body(const ngx_agent_document_t *doc,
    const ngx_agent_document_sh_t *slot);
static ngx_uint_t ngx_agent_document_lock(ngx_slab_pool_t *shpool);


static ngx_str_t  ngx_agent_document_zone_name =
    ngx_string("agent_provider_documents");


ngx_int_t
ngx_agent_document_zone(ngx_conf_t *cf, ngx_agent_document_zone_t **zone,
    void *tag)
{
    ngx_agent_document_zone_t  *z;

    if (*zone) {
        return NGX_OK;
    }

    z = ngx_pcalloc(cf->pool, sizeof(ngx_agent_document_zone_t));

    if (z == NULL
        || ngx_array_init(&z->documents, cf->pool, 2,
                          sizeof(ngx_agent_document_t *)) != NGX_OK)
    {
        return NGX_ERROR;
    }

    z->shm_zone = ngx_shared_memory_add(cf, &ngx_agent_document_zone_name,
                                        NGX_AGENT_DOCUMENT_SIZE, tag);
    if (z->shm_zone == NULL) {
        return NGX_ERROR;
    }

    z->shm_zone->init = ngx_agent_document_zone_init;
    z->shm_zone->data = z;

    *zone = z;

    return NGX_OK;
}


static ngx_int_t
ngx_agent_document_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_int_t                   rc;
    ngx_slab_pool_t            *shpool;
    ngx_agent_documents_sh_t   *sh;
    ngx_agent_document_zone_t  *zone;

    zone = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    zone->shpool = shpool;

    if (data == NULL && !shm_zone->shm.exists) {

        sh = ngx_slab_calloc(shpool, sizeof(ngx_agent_documents_sh_t));
        if (sh == NULL) {
            return NGX_ERROR;
        }

        sh->magic = NGX_AGENT_DOCUMENT_MAGIC;
        sh->layout = NGX_AGENT_DOCUMENT_LAYOUT;

        shpool->data = sh;

        /* what does not fit is told by us, with what to do */

        shpool->log_nomem = 0;
    }

    sh = shpool->data;

    if ((u_char *) sh < shpool->start
        || (u_char *) sh > shpool->end - sizeof(ngx_agent_documents_sh_t)
        || sh->magic != NGX_AGENT_DOCUMENT_MAGIC
        || sh->layout != NGX_AGENT_DOCUMENT_LAYOUT
        || ngx_agent_flights_init(&zone->flights, shpool, &sh->flights)
           != NGX_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "agent_auth: zone \"%V\" was made by another version of "
                      "this module, restart nginx", &shm_zone->shm.name);
        return NGX_ERROR;
    }

    zone->sh = sh;

    ngx_shmtx_lock(&shpool->mutex);

    rc = ngx_agent_document_zone_attach(zone);

    ngx_shmtx_unlock(&shpool->mutex);

    return rc;
}


static ngx_int_t
ngx_agent_document_zone_attach(ngx_agent_document_zone_t *zone)
{
    ngx_uint_t              i;
    ngx_agent_document_t  **doc;

    doc = zone->documents.elts;

    for (i = 0; i < zone->documents.nelts; i++) {

        doc[i]->sh = ngx_agent_document_slot(zone, doc[i]->id);

        if (doc[i]->sh == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * The slot of this document: as an earlier configuration left it, or a free
 * one, or the one fetched longest ago of those that this configuration does
 * not have.  Whoever has it still in use sees another id, and no document.
 */

static ngx_agent_document_sh_t *
ngx_agent_document_slot(ngx_agent_document_zone_t *zone, const u_char *id)
{
    ngx_uint_t                i;
    ngx_agent_document_sh_t  *slot, *best;

    best = NULL;

    for (i = 0; i < NGX_AGENT_DOCUMENTS; i++) {

        slot = &zone->sh->document[i];

        if (slot->taken
            && ngx_memcmp(slot->id, id, NGX_AGENT_DOCUMENT_ID) == 0)
        {
            return slot;
        }

        if (ngx_agent_document_used(zone, slot)) {
            continue;
        }

        if (best == NULL
            || (best->taken && (!slot->taken || slot->fetched < best->fetched)))
        {
            best = slot;
        }
    }

    if (best == NULL) {
        return NULL;
    }

    if (best->offset && best->offset < (uint64_t) (zone->shpool->end
                                                   - (u_char *) zone->shpool))
    {
        ngx_slab_free_locked(zone->shpool,
                             (u_char *) zone->shpool + best->offset);
    }

    ngx_memzero(best, sizeof(ngx_agent_document_sh_t));
    ngx_memcpy(best->id, id, NGX_AGENT_DOCUMENT_ID);
    best->taken = 1;

    return best;
}


static ngx_uint_t
ngx_agent_document_used(const ngx_agent_document_zone_t *zone,
    const ngx_agent_document_sh_t *slot)
{
    ngx_uint_t              i;
    ngx_agent_document_t  **doc;

    doc = zone->documents.elts;

    for (i = 0; i < zone->documents.nelts; i++) {
        if (ngx_memcmp(slot->id, doc[i]->id, NGX_AGENT_DOCUMENT_ID) == 0) {
            return 1;
        }
    }

    return 0;
}


ngx_agent_document_t *
ngx_agent_document_add(ngx_conf_t *cf, ngx_agent_document_zone_t *zone,
    const ngx_str_t *text)
{
    u_char                  digest[AGENT_SHA256_LEN];
    ngx_agent_document_t   *doc, **p;

    if (zone->documents.nelts == NGX_AGENT_DOCUMENTS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "too many \"agent_oauth_provider\", their "
                           "documents are at most %d", NGX_AGENT_DOCUMENTS);
        return NULL;
    }

    doc = ngx_pcalloc(cf->pool, sizeof(ngx_agent_document_t));
    p = ngx_array_push(&zone->documents);

    if (doc == NULL || p == NULL) {
        return NULL;
    }

    *p = doc;

    agent_sha256(text->data, text->len, digest);
    ngx_memcpy(doc->id, digest, NGX_AGENT_DOCUMENT_ID);

    doc->zone = zone;
    doc->conf_pool = cf->pool;

    return doc;
}


ngx_uint_t
ngx_agent_document_ours(const ngx_agent_document_t *doc)
{
    return ngx_memcmp(doc->sh->id, doc->id, NGX_AGENT_DOCUMENT_ID) == 0;
}


ngx_int_t
ngx_agent_document_copy(ngx_agent_document_t *doc, ngx_pool_t *pool,
    ngx_str_t *body, uint64_t *generation)
{
    u_char                   *p, *data;
    ngx_int_t                 rc;
    ngx_slab_pool_t          *shpool;
    ngx_agent_document_sh_t  *slot;

    data = ngx_pnalloc(pool, NGX_AGENT_FETCH_BODY);
    if (data == NULL) {
        return NGX_ERROR;
    }

    slot = doc->sh;
    shpool = doc->zone->shpool;

    if (!ngx_shmtx_trylock(&shpool->mutex)) {
        return NGX_BUSY;
    }

    p = ngx_agent_document_body(doc, slot);
    rc = NGX_DECLINED;

    if (p) {
        body->data = data;
        body->len = slot->len;
        ngx_memcpy(data, p, slot->len);

        *generation = slot->generation;
        doc->address = slot->address;
        rc = NGX_OK;
    }

    ngx_shmtx_unlock(&shpool->mutex);

    return rc;
}


/* NULL: there is none, or the slot is another document's by now */

static u_char *
ngx_agent_document_body(const ngx_agent_document_t *doc,
    const ngx_agent_document_sh_t *slot)
{
    size_t  size;

    size = doc->zone->shpool->end - (u_char *) doc->zone->shpool;

    if (!ngx_agent_document_ours(doc)
        || slot->generation == 0
        || slot->len == 0
        || slot->len > NGX_AGENT_FETCH_BODY
        || slot->offset == 0
        || slot->offset > size
        || slot->len > size - slot->offset)
    {
        return NULL;
    }

    return (u_char *) doc->zone->shpool + slot->offset;
}


ngx_int_t
ngx_agent_document_publish(ngx_agent_document_t *doc, const ngx_str_t *body,
    ngx_uint_t address)
{
    u_char                   *p, *old;
    ngx_int_t                 rc;
    ngx_slab_pool_t          *shpool;
    ngx_agent_document_sh_t  *slot;

    slot = doc->sh;
    shpool = doc->zone->shpool;
    rc = NGX_OK;

    if (!ngx_agent_document_lock(shpool)) {
        return NGX_BUSY;
    }

    if (!ngx_agent_document_ours(doc)) {
        rc = NGX_DECLINED;
        goto done;
    }

    old = ngx_agent_document_body(doc, slot);

    if (old && slot->len == body->len && slot->address == address
        && ngx_memcmp(old, body->data, body->len) == 0)
    {
        goto done;
    }

    p = ngx_slab_alloc_locked(shpool, body->len);

    if (p == NULL) {
        rc = NGX_ERROR;
        goto done;
    }

    ngx_memcpy(p, body->data, body->len);

    /* whoever is killed from here on leaves none, not half of each */

    __atomic_store_n(&slot->generation, 0, __ATOMIC_RELEASE);

    slot->offset = p - (u_char *) shpool;
    slot->len = body->len;
    slot->address = address;

    __atomic_store_n(&slot->generation, ++doc->zone->sh->generation,
                     __ATOMIC_RELEASE);

    if (old) {
        ngx_slab_free_locked(shpool, old);
    }

done:

    ngx_shmtx_unlock(&shpool->mutex);

    if (rc == NGX_ERROR) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "agent_auth: no room for the %V of provider \"%V\" in "
                      "zone \"%V\"", &doc->kind, &doc->fetch_conf->name,
                      &doc->zone->shm_zone->shm.name);
    }

    return rc;
}


/* an answer is not to be lost because another worker copies its own; one that
 * was stopped with the mutex must not stop us, too */

static ngx_uint_t
ngx_agent_document_lock(ngx_slab_pool_t *shpool)
{
    ngx_uint_t  tries;

    for (tries = 0; tries < NGX_AGENT_DOCUMENT_TRIES; tries++) {

        if (ngx_shmtx_trylock(&shpool->mutex)) {
            return 1;
        }

        ngx_sched_yield();
    }

    return 0;
}
