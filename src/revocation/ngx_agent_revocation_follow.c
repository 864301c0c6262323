
/*
 * The table follows the file: by what was appended, over to a shorter file
 * that says the same, or from the beginning.
 */

#include "ngx_agent_revocation_zone.h"


/* steps for one decision: some thousand lines, some milliseconds */

#define NGX_AGENT_REVOCATION_STEPS   16

/* seconds between two messages by all processes */

#define NGX_AGENT_REVOCATION_PERIOD  60


static ngx_int_t ngx_agent_revocation_mend(
    const ngx_agent_revocation_table_t *table);
static ngx_int_t ngx_agent_revocation_step(
    const ngx_agent_revocation_zone_t *zone, uint64_t word, uint64_t applied,
    uint64_t *bad, char *err);
static ngx_int_t ngx_agent_revocation_move(
    const ngx_agent_revocation_zone_t *zone, uint64_t applied, uint64_t base);
static ngx_int_t ngx_agent_revocation_anew(
    const ngx_agent_revocation_zone_t *zone, uint64_t applied, uint64_t word);
static ngx_int_t ngx_agent_revocation_chunk(
    const ngx_agent_revocation_zone_t *zone, uint64_t applied, uint64_t to,
    uint64_t *bad, char *err);
static ngx_int_t ngx_agent_revocation_read(
    const ngx_agent_revocation_zone_t *zone, uint64_t from, uint64_t to,
    ngx_uint_t *n, uint64_t *bad, char *err);
static ngx_int_t ngx_agent_revocation_apply(
    const ngx_agent_revocation_zone_t *zone, uint64_t applied, ngx_uint_t n);


ngx_int_t
ngx_agent_revocation_catch_up(const ngx_agent_revocation_zone_t *zone)
{
    char                        err[AGENT_ERROR_LEN];
    uint64_t                    bad;
    ngx_int_t                   rc;
    ngx_agent_revocation_sh_t  *sh;

    sh = zone->table.sh;
    err[0] = '\0';

    rc = ngx_agent_revocation_follow(zone, NGX_AGENT_REVOCATION_STEPS, &bad,
                                     err);

    if (rc == NGX_OK || rc == NGX_BUSY) {
        return rc;
    }

    ngx_agent_revocation_store(&sh->stuck, 1);

    if (!ngx_agent_revocation_warn(zone)) {
        return rc;
    }

    if (rc == NGX_DECLINED) {
        ngx_log_error(NGX_LOG_ERR, zone->process->log, 0,
                      "agent_auth: zone \"%V\" has no room for revocations "
                      "that are in force, requests are refused, raise its "
                      "size in \"agent_revocations\"", &zone->name);

    } else {
        ngx_log_error(NGX_LOG_ERR, zone->process->log, 0,
                      "agent_auth: revocations in \"%V\" cannot be followed, "
                      "requests are refused: %s", &zone->path, err);
    }

    return rc;
}


ngx_uint_t
ngx_agent_revocation_warn(const ngx_agent_revocation_zone_t *zone)
{
    uint64_t  now, last, *warned;

    warned = &zone->table.sh->warned;
    now = (uint64_t) ngx_time();
    last = __atomic_load_n(warned, __ATOMIC_RELAXED);

    if (now >= last && now - last < NGX_AGENT_REVOCATION_PERIOD) {
        return 0;
    }

    return __atomic_compare_exchange_n(warned, &last, now, 0,
                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}


ngx_int_t
ngx_agent_revocation_follow(const ngx_agent_revocation_zone_t *zone,
    ngx_uint_t steps, uint64_t *bad, char *err)
{
    uint64_t                    word, applied;
    ngx_int_t                   rc;
    ngx_uint_t                  i;
    ngx_agent_revocation_sh_t  *sh;

    sh = zone->table.sh;

    for (i = 0; i < steps; i++) {

        word = agent_revocation_file_word(&zone->process->file);
        applied = ngx_agent_revocation_load(&sh->applied);

        if (ngx_agent_revocation_load(&sh->version) & 1) {
            rc = ngx_agent_revocation_mend(&zone->table);

        } else if (applied >= word) {
            return NGX_OK;

        } else {
            rc = ngx_agent_revocation_step(zone, word, applied, bad, err);
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_BUSY;
}


/* entries are used again: by somebody who holds the mutex, or by nobody any
 * more, who was killed, and whoever has the mutex next clears that away */

static ngx_int_t
ngx_agent_revocation_mend(const ngx_agent_revocation_table_t *table)
{
    if (ngx_agent_revocation_table_lock(table) != NGX_OK) {
        return NGX_BUSY;
    }

    ngx_agent_revocation_table_unlock(table);

    return NGX_OK;
}


static ngx_int_t
ngx_agent_revocation_step(const ngx_agent_revocation_zone_t *zone,
    uint64_t word, uint64_t applied, uint64_t *bad, char *err)
{
    uint64_t                          prev, base;
    agent_revocation_file_t          *file;
    const agent_revocation_shared_t  *shared;

    file = &zone->process->file;
    shared = file->shared;

    *bad = UINT64_MAX;

    if (word == AGENT_REVOCATION_UNKNOWN) {
        (void) agent_fail(err, "its lock was cut, a reload makes it anew");
        return NGX_ERROR;
    }

    if (agent_revocation_epoch(applied) == agent_revocation_epoch(word)) {

        if (file->epoch != agent_revocation_epoch(word)
            && agent_revocation_file_follow(file, err) != 0)
        {
            return NGX_ERROR;
        }

        return ngx_agent_revocation_chunk(zone, applied, word, bad, err);
    }

    /* a lock that was made anew: whoever made it has yet to say of what */

    if (ngx_agent_revocation_load(&shared->ino) == 0) {
        return NGX_BUSY;
    }

    /* the file was made shorter: what was in force before is what is now */

    base = ngx_agent_revocation_load(&shared->base);
    prev = ngx_agent_revocation_load(&shared->prev);

    if (agent_revocation_epoch(base) == agent_revocation_epoch(word)
        && agent_revocation_epoch(prev) == agent_revocation_epoch(applied))
    {
        if (applied >= prev) {
            return ngx_agent_revocation_move(zone, applied, base);
        }

        if (file->epoch == agent_revocation_epoch(applied)) {
            return ngx_agent_revocation_chunk(zone, applied, prev, bad, err);
        }
    }

    return ngx_agent_revocation_anew(zone, applied, word);
}


static ngx_int_t
ngx_agent_revocation_move(const ngx_agent_revocation_zone_t *zone,
    uint64_t applied, uint64_t base)
{
    const ngx_agent_revocation_table_t  *table;

    table = &zone->table;

    if (ngx_agent_revocation_table_lock(table) != NGX_OK) {
        return NGX_BUSY;
    }

    if (table->sh->applied == applied) {
        ngx_agent_revocation_store(&table->sh->applied, base);
    }

    ngx_agent_revocation_table_unlock(table);

    return NGX_OK;
}


static ngx_int_t
ngx_agent_revocation_anew(const ngx_agent_revocation_zone_t *zone,
    uint64_t applied, uint64_t word)
{
    const ngx_agent_revocation_table_t  *table;

    table = &zone->table;

    if (ngx_agent_revocation_table_lock(table) != NGX_OK) {
        return NGX_BUSY;
    }

    if (table->sh->applied == applied) {
        word = agent_revocation_word(agent_revocation_epoch(word), 0);
        ngx_agent_revocation_table_clear(table, word);
    }

    ngx_agent_revocation_table_unlock(table);

    return NGX_OK;
}


/* lines are read before the mutex is taken, by however many processes */

static ngx_int_t
ngx_agent_revocation_chunk(const ngx_agent_revocation_zone_t *zone,
    uint64_t applied, uint64_t to, uint64_t *bad, char *err)
{
    ngx_int_t   rc;
    ngx_uint_t  n;

    rc = ngx_agent_revocation_read(zone, agent_revocation_size(applied),
                                   agent_revocation_size(to), &n, bad, err);

    return rc == NGX_OK ? ngx_agent_revocation_apply(zone, applied, n) : rc;
}


static ngx_int_t
ngx_agent_revocation_read(const ngx_agent_revocation_zone_t *zone,
    uint64_t from, uint64_t to, ngx_uint_t *n, uint64_t *bad, char *err)
{
    int                              rc;
    size_t                           len;
    uint64_t                         offset;
    const uint8_t                   *line;
    agent_revocation_t               rev;
    agent_revocation_reader_t        reader;
    ngx_agent_revocation_process_t  *process;

    process = zone->process;

    agent_revocation_reader_init(&reader, process->file.fd, from, to,
                                 process->buf);

    for (*n = 0; *n < NGX_AGENT_REVOCATION_CHUNK; (*n)++) {

        rc = agent_revocation_reader_next(&reader, &line, &len, &offset);

        if (rc != 1) {

            if (rc == 0 && *n) {
                return NGX_OK;
            }

            /* what is in force ends with a line feed */

            *bad = reader.offset;
            (void) agent_fail(err, "it cannot be read, or a line is too long "
                              "or not ended");
            return NGX_ERROR;
        }

        if (agent_revocation_parse(line, len, process->text, &rev, err) != 0) {
            *bad = offset;
            return NGX_ERROR;
        }

        ngx_agent_revocation_op(zone, &rev, &process->ops[*n]);
        process->ends[*n] = reader.offset;

        if (reader.offset == to) {
            (*n)++;
            return NGX_OK;
        }
    }

    return NGX_OK;
}


void
ngx_agent_revocation_op(const ngx_agent_revocation_zone_t *zone,
    const agent_revocation_t *rev, ngx_agent_revocation_op_t *op)
{
    op->hash = agent_revocation_entry_hash(zone->table.sh->secret, rev);
    op->before = rev->before;
    op->expires = rev->expires;
    op->op = rev->op;
    op->kind = rev->kind;
}


static ngx_int_t
ngx_agent_revocation_apply(const ngx_agent_revocation_zone_t *zone,
    uint64_t applied, ngx_uint_t n)
{
    int64_t                              now;
    uint64_t                             end;
    ngx_int_t                            rc;
    ngx_uint_t                           i;
    const ngx_agent_revocation_table_t  *table;

    table = &zone->table;
    now = ngx_agent_revocation_now();
    end = agent_revocation_size(applied);

    if (ngx_agent_revocation_table_lock(table) != NGX_OK) {
        return NGX_BUSY;
    }

    /* somebody else was here meanwhile */

    if (table->sh->applied != applied) {
        ngx_agent_revocation_table_unlock(table);
        return NGX_OK;
    }

    rc = NGX_OK;

    for (i = 0; i < n && rc == NGX_OK; i++) {

        rc = ngx_agent_revocation_table_apply(table, &zone->process->ops[i],
                                              now);
        if (rc == NGX_OK) {
            end = zone->process->ends[i];
        }
    }

    applied = agent_revocation_word(agent_revocation_epoch(applied), end);

    ngx_agent_revocation_store(&table->sh->applied, applied);

    if (rc == NGX_OK) {
        ngx_agent_revocation_store(&table->sh->stuck, 0);
    }

    ngx_agent_revocation_table_unlock(table);

    return rc;
}
