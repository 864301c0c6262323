
/*
 * All that is handed in within one turn of the event loop is written at once:
 * one write, one fdatasync, and it is in force.
 */

#include "ngx_agent_revocation_zone.h"

#include <openssl/rand.h>


/* ms: between two tries for the lock, and until it is given up */

#define NGX_AGENT_REVOCATION_PAUSE  2
#define NGX_AGENT_REVOCATION_WAIT   5000

#define NGX_AGENT_REVOCATION_NAME   28


typedef struct {
    ngx_queue_t                      queue;
    ngx_agent_revocation_zone_t     *zone;
    ngx_agent_revocation_op_t       *ops;
    ngx_str_t                       *lines;
    ngx_uint_t                       n;
    ngx_pool_cleanup_t              *cln;
    ngx_agent_revocation_pt          handler;
    void                            *data;
    ngx_int_t                        rc;
} ngx_agent_submission_t;


static ngx_int_t ngx_agent_revocation_copy(ngx_agent_submission_t *sub,
    const agent_revocation_t *list, ngx_pool_t *pool);
static ngx_int_t ngx_agent_revocation_id(u_char *id);
static void ngx_agent_revocation_leave(void *data);
static ngx_int_t ngx_agent_revocation_write(ngx_agent_revocation_zone_t *zone,
    ngx_queue_t *queue);
static ngx_int_t ngx_agent_revocation_ready(ngx_agent_revocation_zone_t *zone,
    uint64_t *word);
static ngx_int_t ngx_agent_revocation_reserve(
    ngx_agent_revocation_zone_t *zone, ngx_queue_t *queue, size_t *len);
static uint64_t ngx_agent_revocation_need(
    const ngx_agent_revocation_table_t *table,
    const ngx_agent_submission_t *sub, int64_t now);
static ngx_int_t ngx_agent_revocation_append(
    ngx_agent_revocation_zone_t *zone, ngx_queue_t *queue, size_t len,
    uint64_t *word);
static void ngx_agent_revocation_enforce(ngx_agent_revocation_zone_t *zone,
    ngx_queue_t *queue, uint64_t from, uint64_t word);
static void ngx_agent_revocation_settled(ngx_agent_revocation_zone_t *zone,
    ngx_queue_t *queue, ngx_int_t rc);
static void ngx_agent_revocation_failed(ngx_agent_revocation_zone_t *zone,
    const char *err);


ngx_int_t
ngx_agent_revocation_submit(ngx_agent_revocation_zone_t *zone,
    const agent_revocation_t *list, ngx_uint_t n, ngx_pool_t *pool,
    ngx_agent_revocation_pt handler, void *data)
{
    ngx_pool_cleanup_t              *cln;
    ngx_agent_submission_t          *sub;
    ngx_agent_revocation_process_t  *process;

    process = zone->process;

    if (!process->owned || n == 0) {
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(pool, sizeof(ngx_agent_submission_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    sub = cln->data;
    ngx_memzero(sub, sizeof(ngx_agent_submission_t));

    sub->zone = zone;
    sub->n = n;
    sub->cln = cln;
    sub->handler = handler;
    sub->data = data;

    if (ngx_agent_revocation_copy(sub, list, pool) != NGX_OK) {
        return NGX_ERROR;
    }

    cln->handler = ngx_agent_revocation_leave;

    ngx_queue_insert_tail(&process->queue, &sub->queue);

    if (!process->event.posted && !process->event.timer_set) {
        ngx_post_event(&process->event, &ngx_posted_events);
    }

    return NGX_AGAIN;
}


static ngx_int_t
ngx_agent_revocation_copy(ngx_agent_submission_t *sub,
    const agent_revocation_t *list, ngx_pool_t *pool)
{
    char                 err[AGENT_ERROR_LEN];
    u_char               id[NGX_AGENT_REVOCATION_NAME], *text;
    ngx_uint_t           i;
    agent_revocation_t   rev;

    text = sub->zone->process->text;

    sub->ops = ngx_palloc(pool, sub->n * sizeof(ngx_agent_revocation_op_t));
    sub->lines = ngx_palloc(pool, sub->n * sizeof(ngx_str_t));

    if (sub->ops == NULL || sub->lines == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < sub->n; i++) {

        rev = list[i];

        if (rev.at == AGENT_REVOCATION_NONE || rev.at == 0) {
            rev.at = ngx_agent_revocation_now();
        }

        if (rev.id.len == 0) {

            if (ngx_agent_revocation_id(id) != NGX_OK) {
                return NGX_ERROR;
            }

            rev.id.data = id;
            rev.id.len = NGX_AGENT_REVOCATION_NAME;
        }

        if (agent_revocation_check(&rev, err) != 0) {
            ngx_log_error(NGX_LOG_ERR, sub->zone->process->log, 0,
                          "agent_auth: a revocation is no good: %s", err);
            return NGX_ERROR;
        }

        sub->lines[i].len = agent_revocation_write(text, &rev);

        if (sub->lines[i].len == 0) {
            return NGX_ERROR;
        }

        sub->lines[i].data = ngx_pnalloc(pool, sub->lines[i].len);
        if (sub->lines[i].data == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(sub->lines[i].data, text, sub->lines[i].len);

        ngx_agent_revocation_op(sub->zone, &rev, &sub->ops[i]);
    }

    return NGX_OK;
}


/* when, and 64 bits by chance */

static ngx_int_t
ngx_agent_revocation_id(u_char *id)
{
    u_char  octets[8];

    if (RAND_bytes(octets, sizeof(octets)) != 1) {
        return NGX_ERROR;
    }

    id = ngx_sprintf(id, "%011xL-", ngx_agent_revocation_now());

    agent_hex(id, octets, sizeof(octets));

    return NGX_OK;
}


/* who waited is gone */

static void
ngx_agent_revocation_leave(void *data)
{
    ngx_agent_submission_t  *sub = data;

    ngx_queue_remove(&sub->queue);
}


void
ngx_agent_revocation_flush(ngx_event_t *ev)
{
    ngx_int_t                        rc;
    ngx_queue_t                      queue;
    ngx_agent_revocation_zone_t     *zone;
    ngx_agent_revocation_process_t  *process;

    zone = ev->data;
    process = zone->process;

    if (ngx_queue_empty(&process->queue)) {
        process->waiting = 0;
        return;
    }

    rc = ngx_agent_revocation_write(zone, &process->queue);

    if (rc == NGX_BUSY) {

        if (!process->waiting) {
            process->waiting = 1;
            process->since = ngx_current_msec;
        }

        if (ngx_current_msec - process->since < NGX_AGENT_REVOCATION_WAIT) {
            ngx_add_timer(&process->event, NGX_AGENT_REVOCATION_PAUSE);
            return;
        }

        ngx_agent_revocation_failed(zone, "another process holds its lock or "
                                          "its zone");
        rc = NGX_ERROR;
    }

    process->waiting = 0;

    /* what handlers hand in is for another turn */

    ngx_queue_init(&queue);

    if (!ngx_queue_empty(&process->queue)) {
        ngx_queue_add(&queue, &process->queue);
        ngx_queue_init(&process->queue);
    }

    ngx_agent_revocation_settled(zone, &queue, rc);
}


/* NGX_OK: each submission has its rc.  NGX_ERROR: none was written.  NGX_BUSY:
 * try again */

static ngx_int_t
ngx_agent_revocation_write(ngx_agent_revocation_zone_t *zone,
    ngx_queue_t *queue)
{
    size_t                    len;
    uint64_t                  word, from;
    ngx_int_t                 rc;
    agent_revocation_file_t  *file;

    file = &zone->process->file;

    switch (agent_revocation_file_trylock(file)) {

    case 1:
        break;

    case 0:
        return NGX_BUSY;

    default:
        ngx_agent_revocation_failed(zone, "it cannot be locked");
        return NGX_ERROR;
    }

    rc = ngx_agent_revocation_ready(zone, &word);

    if (rc == NGX_OK) {
        rc = ngx_agent_revocation_reserve(zone, queue, &len);
    }

    if (rc == NGX_OK && len) {

        from = word;
        rc = ngx_agent_revocation_append(zone, queue, len, &word);

        if (rc == NGX_OK) {
            ngx_agent_revocation_enforce(zone, queue, from, word);
            agent_revocation_file_publish(file, word);
        }
    }

    agent_revocation_file_unlock(file);

    return rc;
}


/* under the lock: the file has whole lines, and the table has them all */

static ngx_int_t
ngx_agent_revocation_ready(ngx_agent_revocation_zone_t *zone, uint64_t *word)
{
    char                      err[AGENT_ERROR_LEN];
    uint64_t                  bad;
    ngx_int_t                 rc;
    agent_revocation_file_t  *file;

    file = &zone->process->file;

    if (agent_revocation_file_settle(file, 0, word, &bad, err) != 0) {
        ngx_agent_revocation_failed(zone, err);
        return NGX_ERROR;
    }

    agent_revocation_file_publish(file, *word);

    rc = ngx_agent_revocation_catch_up(zone);

    if (rc == NGX_DECLINED || rc == NGX_ERROR) {
        ngx_agent_revocation_failed(zone, "its lines cannot be followed");
        return NGX_ERROR;
    }

    return rc;
}


static ngx_int_t
ngx_agent_revocation_reserve(ngx_agent_revocation_zone_t *zone,
    ngx_queue_t *queue, size_t *len)
{
    int64_t                              now;
    uint64_t                             room, need, reserved;
    ngx_uint_t                           i, refused;
    ngx_queue_t                         *q;
    ngx_agent_submission_t              *sub;
    const ngx_agent_revocation_table_t  *table;

    table = &zone->table;
    now = ngx_agent_revocation_now();
    refused = 0;
    *len = 0;

    if (ngx_agent_revocation_table_lock(table) != NGX_OK) {
        return NGX_BUSY;
    }

    room = ngx_agent_revocation_table_room(table);

    for (q = ngx_queue_head(queue); q != ngx_queue_sentinel(queue);
         q = ngx_queue_next(q))
    {
        sub = ngx_queue_data(q, ngx_agent_submission_t, queue);
        need = ngx_agent_revocation_need(table, sub, now);

        if (need > room) {

            /* what is reserved already stays so */

            reserved = ngx_agent_revocation_table_room(table) - room;
            ngx_agent_revocation_table_sweep(table, now);

            room = ngx_agent_revocation_table_room(table) - reserved;
            need = ngx_agent_revocation_need(table, sub, now);
        }

        if (need > room) {
            sub->rc = NGX_DECLINED;
            refused += sub->n;
            continue;
        }

        sub->rc = NGX_OK;
        room -= need;

        for (i = 0; i < sub->n; i++) {
            *len += sub->lines[i].len;
        }
    }

    ngx_agent_revocation_table_unlock(table);

    if (refused) {
        (void) __atomic_add_fetch(&table->sh->refused, refused,
                                  __ATOMIC_RELAXED);

        ngx_log_error(NGX_LOG_ERR, zone->process->log, 0,
                      "agent_auth: zone \"%V\" is full, %ui revocations were "
                      "refused, raise its size in \"agent_revocations\"",
                      &zone->name, refused);
    }

    return NGX_OK;
}


static uint64_t
ngx_agent_revocation_need(const ngx_agent_revocation_table_t *table,
    const ngx_agent_submission_t *sub, int64_t now)
{
    uint64_t                          need;
    ngx_uint_t                        i;
    const ngx_agent_revocation_op_t  *op;

    need = 0;

    for (i = 0; i < sub->n; i++) {

        op = &sub->ops[i];

        if ((op->op == AGENT_REVOKE || op->op == AGENT_SUSPEND)
            && (op->expires == AGENT_REVOCATION_NONE || op->expires > now)
            && ngx_agent_revocation_table_find(table, op->hash) == NULL)
        {
            need++;
        }
    }

    return need;
}


static ngx_int_t
ngx_agent_revocation_append(ngx_agent_revocation_zone_t *zone,
    ngx_queue_t *queue, size_t len, uint64_t *word)
{
    int                      rc;
    char                     err[AGENT_ERROR_LEN];
    u_char                  *lines, *p;
    ngx_uint_t               i;
    ngx_queue_t             *q;
    ngx_agent_submission_t  *sub;

    lines = ngx_alloc(len, zone->process->log);
    if (lines == NULL) {
        return NGX_ERROR;
    }

    p = lines;

    for (q = ngx_queue_head(queue); q != ngx_queue_sentinel(queue);
         q = ngx_queue_next(q))
    {
        sub = ngx_queue_data(q, ngx_agent_submission_t, queue);

        for (i = 0; sub->rc == NGX_OK && i < sub->n; i++) {
            p = ngx_cpymem(p, sub->lines[i].data, sub->lines[i].len);
        }
    }

    rc = agent_revocation_file_append(&zone->process->file, lines, len, word,
                                      err);
    ngx_free(lines);

    if (rc != 0) {
        ngx_agent_revocation_failed(zone, err);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * Where the mutex is taken for long, whoever decides next reads the lines
 * himself.
 */

static void
ngx_agent_revocation_enforce(ngx_agent_revocation_zone_t *zone,
    ngx_queue_t *queue, uint64_t from, uint64_t word)
{
    int64_t                              now;
    ngx_int_t                            rc;
    ngx_uint_t                           i;
    ngx_queue_t                         *q;
    ngx_agent_submission_t              *sub;
    const ngx_agent_revocation_table_t  *table;

    table = &zone->table;
    now = ngx_agent_revocation_now();

    if (ngx_agent_revocation_table_lock(table) != NGX_OK) {
        return;
    }

    if (table->sh->applied != from) {
        ngx_agent_revocation_table_unlock(table);
        return;
    }

    rc = NGX_OK;

    for (q = ngx_queue_head(queue);
         q != ngx_queue_sentinel(queue) && rc == NGX_OK;
         q = ngx_queue_next(q))
    {
        sub = ngx_queue_data(q, ngx_agent_submission_t, queue);

        for (i = 0; sub->rc == NGX_OK && i < sub->n && rc == NGX_OK; i++) {
            rc = ngx_agent_revocation_table_apply(table, &sub->ops[i], now);
        }
    }

    if (rc == NGX_OK) {
        ngx_agent_revocation_store(&table->sh->applied, word);
    }

    ngx_agent_revocation_table_unlock(table);
}


static void
ngx_agent_revocation_settled(ngx_agent_revocation_zone_t *zone,
    ngx_queue_t *queue, ngx_int_t rc)
{
    ngx_queue_t                *q;
    ngx_agent_submission_t     *sub;
    ngx_agent_revocation_sh_t  *sh;

    sh = zone->table.sh;

    while (!ngx_queue_empty(queue)) {

        q = ngx_queue_head(queue);
        ngx_queue_remove(q);

        sub = ngx_queue_data(q, ngx_agent_submission_t, queue);
        sub->cln->handler = NULL;

        if (rc != NGX_OK) {
            sub->rc = rc;
            (void) __atomic_add_fetch(&sh->failed, sub->n, __ATOMIC_RELAXED);
            ngx_agent_revocation_store(&sh->failed_at,
                                       (uint64_t) ngx_time());

        } else if (sub->rc == NGX_OK) {
            (void) __atomic_add_fetch(&sh->submitted, sub->n,
                                      __ATOMIC_RELAXED);
        }

        sub->handler(sub->rc, sub->data);
    }
}


static void
ngx_agent_revocation_failed(ngx_agent_revocation_zone_t *zone,
    const char *err)
{
    ngx_log_error(NGX_LOG_ERR, zone->process->log, 0,
                  "agent_auth: revocations were not written to \"%V\": %s",
                  &zone->path, err);
}
