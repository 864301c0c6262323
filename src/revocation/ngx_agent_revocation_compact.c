
/*
 * What is over or was taken back need not be read again: where it is much, the
 * file is replaced by one of the lines that count.
 */

#include "ngx_agent_revocation_zone.h"


/* a quarter of the lines */

#define NGX_AGENT_REVOCATION_SHARE  4

/* of an entry, whose line was kept */

#define NGX_AGENT_REVOCATION_UNTIL  1
#define NGX_AGENT_REVOCATION_BOTH   2
#define NGX_AGENT_REVOCATION_FIRST  4
#define NGX_AGENT_REVOCATION_LAST   8


typedef struct {
    ngx_fd_t                     fd;
    u_char                      *buf;
    u_char                      *pos;
    u_char                      *end;
    uint64_t                     lines;
    uint64_t                     kept;
} ngx_agent_revocation_copy_t;


static ngx_fd_t ngx_agent_revocation_temp(ngx_agent_revocation_zone_t *zone,
    u_char *path, ngx_log_t *log);
static ngx_int_t ngx_agent_revocation_lines(ngx_agent_revocation_zone_t *zone,
    ngx_agent_revocation_copy_t *copy, uint64_t word);
static ngx_uint_t ngx_agent_revocation_keep(
    ngx_agent_revocation_zone_t *zone, const agent_revocation_t *rev);
static ngx_uint_t ngx_agent_revocation_once(ngx_agent_revocation_entry_t *e,
    ngx_uint_t mark);
static ngx_int_t ngx_agent_revocation_put(ngx_agent_revocation_copy_t *copy,
    const u_char *line, size_t len);
static ngx_int_t ngx_agent_revocation_out(ngx_agent_revocation_copy_t *copy);
static ngx_int_t ngx_agent_revocation_exchange(
    ngx_agent_revocation_zone_t *zone, const u_char *temp,
    ngx_agent_revocation_copy_t *copy, uint64_t *word, ngx_log_t *log);


ngx_int_t
ngx_agent_revocation_compact(ngx_agent_revocation_zone_t *zone,
    uint64_t *word, ngx_log_t *log)
{
    u_char                       *temp;
    ngx_int_t                     rc;
    ngx_agent_revocation_copy_t   copy;

    if (agent_revocation_size(*word) == 0) {
        return NGX_OK;
    }

    temp = ngx_alloc(zone->path.len + sizeof(".tmp"), log);
    if (temp == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(temp, "%V.tmp%Z", &zone->path);

    ngx_memzero(&copy, sizeof(copy));

    copy.fd = ngx_agent_revocation_temp(zone, temp, log);
    copy.buf = ngx_alloc(AGENT_REVOCATION_BUFFER, log);
    copy.pos = copy.buf;
    copy.end = copy.buf + AGENT_REVOCATION_BUFFER;

    rc = NGX_ERROR;

    if (copy.fd != NGX_INVALID_FILE && copy.buf) {

        rc = ngx_agent_revocation_lines(zone, &copy, *word);

        if (rc == NGX_OK
            && (copy.lines - copy.kept) * NGX_AGENT_REVOCATION_SHARE
               >= copy.lines)
        {
            rc = ngx_agent_revocation_exchange(zone, temp, &copy, word, log);
        }

        if (copy.fd != NGX_INVALID_FILE) {
            (void) ngx_close_file(copy.fd);
            (void) ngx_delete_file(temp);
        }
    }

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "agent_auth: state file \"%V\" could not be made "
                      "shorter, it is used as it is", &zone->path);
    }

    if (copy.buf) {
        ngx_free(copy.buf);
    }

    ngx_free(temp);

    return rc;
}


static ngx_fd_t
ngx_agent_revocation_temp(ngx_agent_revocation_zone_t *zone, u_char *path,
    ngx_log_t *log)
{
    ngx_fd_t         fd;
    ngx_file_info_t  fi;

    (void) ngx_delete_file(path);

    fd = open((char *) path, O_RDWR|O_APPEND|O_CREAT|O_EXCL|O_NOFOLLOW
                             |O_CLOEXEC, 0600);

    if (fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_WARN, log, ngx_errno,
                      ngx_open_file_n " \"%s\" failed", path);
        return NGX_INVALID_FILE;
    }

    /* whoever could read and write it can do so with the new one */

    if (ngx_fd_info(zone->process->file.fd, &fi) == NGX_FILE_ERROR
        || (geteuid() == 0 && fchown(fd, fi.st_uid, fi.st_gid) == -1)
        || fchmod(fd, fi.st_mode & 0777) == -1)
    {
        ngx_log_error(NGX_LOG_WARN, log, ngx_errno,
                      "fchmod() or fchown() \"%s\" failed", path);
        (void) ngx_close_file(fd);
        (void) ngx_delete_file(path);
        return NGX_INVALID_FILE;
    }

    return fd;
}


static ngx_int_t
ngx_agent_revocation_lines(ngx_agent_revocation_zone_t *zone,
    ngx_agent_revocation_copy_t *copy, uint64_t word)
{
    int                         rc;
    char                        err[AGENT_ERROR_LEN];
    size_t                      len;
    uint64_t                    i, offset;
    const uint8_t              *line;
    agent_revocation_t          rev;
    agent_revocation_reader_t   reader;

    for (i = 0; i < zone->table.capacity; i++) {
        zone->table.entries[i].kept = 0;
    }

    agent_revocation_reader_init(&reader, zone->process->file.fd, 0,
                                 agent_revocation_size(word),
                                 zone->process->buf);

    while ((rc = agent_revocation_reader_next(&reader, &line, &len, &offset))
           == 1)
    {
        if (agent_revocation_parse(line, len, zone->process->text, &rev, err)
            != 0)
        {
            return NGX_ERROR;
        }

        copy->lines++;

        if (!ngx_agent_revocation_keep(zone, &rev)) {
            continue;
        }

        copy->kept++;

        if (ngx_agent_revocation_put(copy, line, len + 1) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return rc == 0 ? ngx_agent_revocation_out(copy) : NGX_ERROR;
}


/* whether what is in force rests on this line */

static ngx_uint_t
ngx_agent_revocation_keep(ngx_agent_revocation_zone_t *zone,
    const agent_revocation_t *rev)
{
    int64_t                        now, until, before;
    ngx_agent_revocation_op_t      op;
    ngx_agent_revocation_entry_t  *e;

    if (rev->op != AGENT_REVOKE && rev->op != AGENT_SUSPEND) {
        return 0;
    }

    ngx_agent_revocation_op(zone, rev, &op);

    e = ngx_agent_revocation_table_find(&zone->table, op.hash);

    now = ngx_agent_revocation_now();
    until = (op.expires == AGENT_REVOCATION_NONE) ? INT64_MAX : op.expires;

    if (e == NULL || until <= now) {
        return 0;
    }

    if (op.op == AGENT_REVOKE && op.before == AGENT_REVOCATION_NONE) {
        return e->until == until
               && ngx_agent_revocation_once(e, NGX_AGENT_REVOCATION_UNTIL);
    }

    before = (op.op == AGENT_SUSPEND) ? INT64_MAX : op.before;

    if (until > e->before_until || before > e->before) {
        return 0;
    }

    if (until == e->before_until && before == e->before) {
        return ngx_agent_revocation_once(e, NGX_AGENT_REVOCATION_BOTH);
    }

    /* of two that were joined both are needed */

    return (before == e->before
            && ngx_agent_revocation_once(e, NGX_AGENT_REVOCATION_FIRST))
           || (until == e->before_until
               && ngx_agent_revocation_once(e, NGX_AGENT_REVOCATION_LAST));
}


static ngx_uint_t
ngx_agent_revocation_once(ngx_agent_revocation_entry_t *e, ngx_uint_t mark)
{
    if (e->kept & mark) {
        return 0;
    }

    e->kept |= (uint16_t) mark;

    return 1;
}


static ngx_int_t
ngx_agent_revocation_put(ngx_agent_revocation_copy_t *copy,
    const u_char *line, size_t len)
{
    if ((size_t) (copy->end - copy->pos) < len
        && ngx_agent_revocation_out(copy) != NGX_OK)
    {
        return NGX_ERROR;
    }

    copy->pos = ngx_cpymem(copy->pos, line, len);

    return NGX_OK;
}


static ngx_int_t
ngx_agent_revocation_out(ngx_agent_revocation_copy_t *copy)
{
    u_char   *p;
    ssize_t   n;

    for (p = copy->buf; p < copy->pos; p += n) {

        n = ngx_write_fd(copy->fd, p, copy->pos - p);

        if (n <= 0) {
            return NGX_ERROR;
        }
    }

    copy->pos = copy->buf;

    return NGX_OK;
}


static ngx_int_t
ngx_agent_revocation_exchange(ngx_agent_revocation_zone_t *zone,
    const u_char *temp, ngx_agent_revocation_copy_t *copy, uint64_t *word,
    ngx_log_t *log)
{
    char                                 err[AGENT_ERROR_LEN];
    uint64_t                             from;
    agent_revocation_file_t             *file;
    const ngx_agent_revocation_table_t  *table;

    file = &zone->process->file;
    table = &zone->table;
    from = *word;

    if (agent_revocation_file_replace(file, (char *) temp, copy->fd, word,
                                      err)
        != 0)
    {
        ngx_log_error(NGX_LOG_WARN, log, 0, "agent_auth: state file \"%V\": "
                      "%s", &zone->path, err);
        return NGX_ERROR;
    }

    copy->fd = NGX_INVALID_FILE;

    /* else whoever decides next goes over to it */

    if (ngx_agent_revocation_table_lock(table) == NGX_OK) {

        if (table->sh->applied == from) {
            ngx_agent_revocation_store(&table->sh->applied, *word);
        }

        ngx_agent_revocation_table_unlock(table);
    }

    agent_revocation_file_publish(file, *word);

    ngx_log_error(NGX_LOG_NOTICE, log, 0,
                  "agent_auth: state file \"%V\" was made shorter, %uL of "
                  "%uL lines are left", &zone->path, copy->kept, copy->lines);

    return NGX_OK;
}
