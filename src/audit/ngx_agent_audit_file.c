
/*
 * A file that takes audit lines: a buffer in each worker, whole lines only,
 * and nothing forgotten while the file cannot be written.
 */

#include "ngx_agent_audit_sink.h"


/* looks at a lock that another worker has for the time of its write() */

#define NGX_AGENT_AUDIT_LOOKS   200

/* the reason of a write() that took some octets but not all */

#define NGX_AGENT_AUDIT_SHORT  -1


static void ngx_agent_audit_file_timer(ngx_event_t *ev);
static void ngx_agent_audit_file_reopen(ngx_open_file_t *file,
    ngx_log_t *log);
static size_t ngx_agent_audit_file_portion(ngx_agent_audit_sink_t *sink);
static ngx_err_t ngx_agent_audit_file_put(ngx_agent_audit_sink_t *sink,
    size_t size);
static void ngx_agent_audit_file_mark(ngx_agent_audit_sink_t *sink,
    size_t size);
static void ngx_agent_audit_file_written(ngx_agent_audit_sink_t *sink,
    size_t done);
static void ngx_agent_audit_file_count(ngx_agent_audit_sink_t *sink,
    size_t whole);
static ngx_uint_t ngx_agent_audit_file_torn(ngx_agent_audit_sink_t *sink);
static ngx_err_t ngx_agent_audit_file_record(ngx_agent_audit_sink_t *sink);
static void ngx_agent_audit_file_failed(ngx_agent_audit_sink_t *sink,
    ngx_err_t err);
static void ngx_agent_audit_file_retired(void *data);


ngx_int_t
ngx_agent_audit_file_init(ngx_agent_audit_sink_t *sink)
{
    ngx_cycle_t      *cycle;
    ngx_open_file_t  *file;

    cycle = sink->conf->cycle;

    /* the process that is to write will ask for its buffer */

    if (ngx_agent_audit_lines_init(cycle, sink) != NGX_OK) {
        return NGX_ERROR;
    }

    sink->fd = NGX_INVALID_FILE;
    sink->reading = NGX_INVALID_FILE;

    sink->event.handler = ngx_agent_audit_file_timer;
    sink->event.data = sink;
    sink->event.log = &cycle->new_log;
    sink->event.cancelable = 1;

    /* opened with the logs, reopened with them, flushed at exit with them */

    file = ngx_list_push(&cycle->open_files);
    if (file == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(file, sizeof(ngx_open_file_t));

    file->fd = NGX_INVALID_FILE;
    file->name = sink->name;
    file->flush = ngx_agent_audit_file_reopen;
    file->data = sink;

    sink->file = file;

    return NGX_OK;
}


u_char *
ngx_agent_audit_file_room(ngx_agent_audit_sink_t *sink)
{
    if (sink->end - sink->last >= AGENT_AUDIT_LINE_MAX) {
        return sink->last;
    }

    if (!ngx_agent_audit_waits(sink)) {
        (void) ngx_agent_audit_file_flush(sink);
    }

    if (sink->block) {
        ngx_agent_audit_compact(sink);

        if (sink->end - sink->last >= AGENT_AUDIT_LINE_MAX) {
            return sink->last;
        }
    }

    ngx_agent_audit_state_lose(sink, 1);

    if (ngx_agent_audit_state_warn(sink->state)) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "agent_auth: audit lines are lost, "
                      "\"%V\" does not take them", &sink->name);
    }

    return NULL;
}


void
ngx_agent_audit_file_add(ngx_agent_audit_sink_t *sink, size_t len)
{
    if (sink->chain) {
        len = ngx_agent_audit_chain_line(sink, len, 0);
    }

    sink->last += len;
    sink->waiting++;

    ngx_agent_audit_publish(sink);

    if (sink->chain) {
        ngx_agent_audit_settled();
        sink->slot->seq = sink->chain->seq;

        ngx_agent_audit_chain_check(sink);
    }

    if (sink->file == NULL && !ngx_agent_audit_waits(sink)) {

        /* retired: nobody will tell us of the end of the process */

        (void) ngx_agent_audit_file_flush(sink);
        return;
    }

    if (!sink->event.timer_set) {
        ngx_add_timer(&sink->event, sink->flush);
    }
}


static void
ngx_agent_audit_file_timer(ngx_event_t *ev)
{
    ngx_agent_audit_sink_t  *sink;

    sink = ev->data;

    if (sink->block && sink->file && sink->lines[0]) {
        ngx_agent_audit_inherit(sink, 0);
    }

    (void) ngx_agent_audit_file_flush(sink);
}


/* core is about to reopen the file, or the process is about to exit */

static void
ngx_agent_audit_file_reopen(ngx_open_file_t *file, ngx_log_t *log)
{
    ngx_agent_audit_sink_t  *sink;

    sink = file->data;

    /* in the master, which writes nothing, there is no buffer */

    if (sink->block && sink->lines[0]) {
        ngx_agent_audit_inherit(sink, 0);
    }

    if (sink->last != sink->start && !ngx_agent_audit_waits(sink)) {
        (void) ngx_agent_audit_file_flush(sink);
    }

    /* the new file may well be better than the old one, and its descriptor
       may have the same number */

    sink->retry = ngx_current_msec;
    sink->fd = NGX_INVALID_FILE;

    ngx_agent_audit_chain_reopen(sink);
}


ngx_int_t
ngx_agent_audit_file_begin(ngx_agent_audit_sink_t *sink)
{
    if (ngx_agent_audit_lines_claim(sink) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_agent_audit_chain_begin(sink);

    return NGX_OK;
}


ngx_int_t
ngx_agent_audit_file_flush(ngx_agent_audit_sink_t *sink)
{
    ngx_err_t  err;

    if (sink->block == NULL && ngx_agent_audit_file_begin(sink) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_agent_audit_file_know(sink);

    err = ngx_agent_audit_file_drain(sink);

    if (err == 0 && sink->state->lost) {
        err = ngx_agent_audit_file_record(sink);
    }

    if (err) {
        ngx_agent_audit_file_failed(sink, err);
        return NGX_AGAIN;
    }

    sink->failed = 0;
    sink->told = 0;

    return NGX_OK;
}


void
ngx_agent_audit_file_know(ngx_agent_audit_sink_t *sink)
{
    ngx_file_info_t  fi;

    if (sink->file == NULL || sink->fd == sink->file->fd) {
        return;
    }

    sink->fd = sink->file->fd;
    sink->inode = 0;
    sink->dev = 0;
    sink->pipe = 0;
    sink->regular = 0;

    if (ngx_fd_info(sink->fd, &fi) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_errno,
                      ngx_fd_info_n " \"%V\" failed", &sink->name);
        return;
    }

    sink->inode = fi.st_ino;
    sink->dev = fi.st_dev;

    if (ngx_is_file(&fi)) {
        sink->regular = 1;
        return;
    }

    /* nobody may be reading a pipe or a terminal */

    sink->pipe = S_ISFIFO(fi.st_mode) ? 1 : 0;

    if (ngx_nonblocking(sink->fd) == -1) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_errno,
                      ngx_nonblocking_n " \"%V\" failed", &sink->name);
    }
}


ngx_err_t
ngx_agent_audit_file_drain(ngx_agent_audit_sink_t *sink)
{
    ngx_err_t   err;
    ngx_uint_t  tries;

    tries = 0;

    while (sink->last != sink->start) {

        err = ngx_agent_audit_file_put(sink,
                                       ngx_agent_audit_file_portion(sink));
        if (err == 0) {
            continue;
        }

        /* another attempt says what was wrong, or that nothing is any more */

        if (err == NGX_AGENT_AUDIT_SHORT && tries++ == 0) {
            continue;
        }

        return err;
    }

    return 0;
}


/*
 * A write to a file with O_APPEND is one piece whatever its size; to a pipe
 * that several processes write to, only up to PIPE_BUF octets (POSIX, write).
 */

static size_t
ngx_agent_audit_file_portion(ngx_agent_audit_sink_t *sink)
{
    u_char  *p, *lf;
    size_t   size;

    size = sink->last - sink->start;

    if (!sink->pipe || size < PIPE_BUF) {
        return size;
    }

    p = sink->start;

    for ( ;; ) {
        lf = memchr(p, LF, sink->last - p);

        /* one octet is for the LF that may have to go first */

        if (lf == NULL || lf + 1 - sink->start >= PIPE_BUF) {
            break;
        }

        p = lf + 1;
    }

    if (p == sink->start && lf) {
        p = lf + 1;
    }

    return p - sink->start;
}


/*
 * Writes the first size octets, which are whole lines, and takes those that
 * are in the file out of the buffer.  A line of which only a part got there
 * stays, to be written anew: other workers may have appended to the part, so
 * that what is left of the line would not complete it.  They must not, and
 * neither must we, write on in that part: whoever is next ends it with an LF.
 */

static ngx_err_t
ngx_agent_audit_file_put(ngx_agent_audit_sink_t *sink, size_t size)
{
    ssize_t     n;
    ngx_err_t   err;
    ngx_uint_t  locked, torn;

    locked = ngx_agent_audit_lock(sink);

    if (sink->lines[0] && (locked || !sink->locked)) {
        ngx_agent_audit_inherit(sink, 1);
    }

    torn = ngx_agent_audit_file_torn(sink);

    ngx_agent_audit_file_mark(sink, size);

    do {
        n = write(sink->fd, sink->start - torn, size + torn);
        err = ngx_errno;
    } while (n == -1 && err == NGX_EINTR);

    if (n > (ssize_t) torn) {
        ngx_agent_audit_file_written(sink, n - torn);
    }

    if (n <= 0 && torn) {
        (void) ngx_atomic_cmp_set(&sink->state->torn, 0,
                                  (ngx_atomic_uint_t) sink->inode);
    }

    ngx_agent_audit_settled();
    sink->slot->writing = 0;

    if (locked) {
        ngx_agent_audit_unlock(sink);
    }

    if (n <= 0) {
        return (n == 0) ? NGX_ENOSPC : err;
    }

    return ((size_t) n == size + torn) ? 0 : NGX_AGENT_AUDIT_SHORT;
}


/* for whoever finds us dead: what is about to be written, and where */

static void
ngx_agent_audit_file_mark(ngx_agent_audit_sink_t *sink, size_t size)
{
    ngx_file_info_t          fi;
    ngx_agent_audit_slot_t  *slot;

    if (!sink->regular || sink->lines[0] == NULL
        || ngx_fd_info(sink->fd, &fi) == NGX_FILE_ERROR)
    {
        return;
    }

    slot = sink->slot;

    slot->from = sink->start - sink->block - 1;
    slot->offset = (uint64_t) ngx_file_size(&fi);
    slot->dev = (uint64_t) sink->dev;
    slot->inode = (uint64_t) sink->inode;

    ngx_agent_audit_settled();
    slot->writing = size;
}


/* done octets of the lines are in the file */

static void
ngx_agent_audit_file_written(ngx_agent_audit_sink_t *sink, size_t done)
{
    size_t  whole;

    whole = done;

    while (whole && sink->start[whole - 1] != LF) {
        whole--;
    }

    if (whole != done) {
        sink->state->torn = (ngx_atomic_uint_t) sink->inode;
    }

    ngx_agent_audit_file_count(sink, whole);

    sink->start += whole;

    if (sink->start == sink->last) {
        sink->start = sink->block + 1;
        sink->last = sink->start;
    }

    ngx_agent_audit_publish(sink);
}


ngx_uint_t
ngx_agent_audit_lock(ngx_agent_audit_sink_t *sink)
{
    ngx_uint_t    i;
    struct flock  fl;

    if (!sink->regular || sink->locked || sink->lines[0] == NULL) {
        return 0;
    }

    ngx_memzero(&fl, sizeof(struct flock));

    fl.l_type = F_WRLCK;
    fl.l_whence = SEEK_SET;

    for (i = 0; i < NGX_AGENT_AUDIT_LOOKS; i++) {

        if (fcntl(sink->fd, F_SETLK, &fl) != -1) {
            sink->locked = 1;
            return 1;
        }

        if (ngx_errno != NGX_EACCES && ngx_errno != NGX_EAGAIN) {
            break;
        }

        ngx_sched_yield();
    }

    return 0;
}


void
ngx_agent_audit_unlock(ngx_agent_audit_sink_t *sink)
{
    struct flock  fl;

    ngx_memzero(&fl, sizeof(struct flock));

    fl.l_type = F_UNLCK;
    fl.l_whence = SEEK_SET;

    (void) fcntl(sink->fd, F_SETLK, &fl);

    sink->locked = 0;

    if (sink->reading != NGX_INVALID_FILE) {
        (void) ngx_close_file(sink->reading);
        sink->reading = NGX_INVALID_FILE;
    }
}


/* whole octets of the lines were written: mostly all that wait, and else, as
 * of a process that died, they are counted */

static void
ngx_agent_audit_file_count(ngx_agent_audit_sink_t *sink, size_t whole)
{
    u_char      *p, *end;
    ngx_uint_t   n;

    n = 0;
    end = sink->start + whole;

    if (end == sink->last && !sink->heir) {
        n = sink->waiting;

    } else {
        for (p = sink->start; p != end; p++) {
            n += (*p == LF);
        }
    }

    sink->waiting -= ngx_min(n, sink->waiting);

    ngx_agent_count_add(sink->count + AGENT_STATUS_WRITTEN, n);
}


/* 1 where it is up to us to end a torn line in our file */

static ngx_uint_t
ngx_agent_audit_file_torn(ngx_agent_audit_sink_t *sink)
{
    ngx_file_info_t    fi;
    ngx_atomic_uint_t  torn;

    torn = sink->state->torn;

    /* a line that is completed where it stands is not to be ended */

    if (torn == 0 || torn != (ngx_atomic_uint_t) sink->inode
        || sink->start[-1] != LF
        || !ngx_atomic_cmp_set(&sink->state->torn, torn, 0))
    {
        return 0;
    }

    /* it was truncated, or is a new file with the inode of an old one */

    if (!sink->pipe
        && ngx_fd_info(sink->fd, &fi) != NGX_FILE_ERROR
        && ngx_file_size(&fi) == 0)
    {
        return 0;
    }

    return 1;
}


/* the buffer is empty; 0, or why no line tells of the lost ones */

static ngx_err_t
ngx_agent_audit_file_record(ngx_agent_audit_sink_t *sink)
{
    size_t      len;
    ngx_err_t   err;
    ngx_uint_t  lost;

    /* behind the end of a chain nothing is written any more */

    if (sink->chain == NULL && sink->conf->chain.key_file.len) {
        return 0;
    }

    lost = ngx_agent_audit_state_take(sink->state);

    if (lost == 0) {
        return 0;
    }

    len = ngx_agent_audit_lost(sink, sink->start, lost);

    if (sink->chain) {
        len = ngx_agent_audit_chain_line(sink, len, 0);
    }

    sink->last += len;

    ngx_agent_audit_publish(sink);

    if (sink->chain) {
        ngx_agent_audit_settled();
        sink->slot->seq = sink->chain->seq;
    }

    err = ngx_agent_audit_file_drain(sink);

    if (err && sink->chain) {

        /* it has its place in the chain, and waits like any other line */

        sink->told += lost;

        return err;
    }

    if (err) {
        /* not left in the buffer: the next record counts these lines too */

        sink->last = sink->start;
        ngx_agent_audit_publish(sink);

        (void) ngx_atomic_fetch_add(&sink->state->lost, lost);

        return err;
    }

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "agent_auth: audit log \"%V\" is written again, "
                  "%ui lines were lost", &sink->name, lost);

    return 0;
}


static void
ngx_agent_audit_file_failed(ngx_agent_audit_sink_t *sink, ngx_err_t err)
{
    ngx_msec_t  msec;

    /* a reader that is a little late is no fault */

    msec = (err == NGX_EAGAIN) ? NGX_AGENT_AUDIT_BUSY : NGX_AGENT_AUDIT_RETRY;

    sink->failed = 1;
    sink->retry = ngx_current_msec + msec;

    ngx_add_timer(&sink->event, msec);

    if (err == NGX_EAGAIN || !ngx_agent_audit_state_warn(sink->state)) {
        return;
    }

    if (err == NGX_AGENT_AUDIT_SHORT) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "agent_auth: write() to audit log \"%V\" was "
                      "incomplete, %uz octets wait", &sink->name,
                      (size_t) (sink->last - sink->start));
        return;
    }

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, err,
                  "agent_auth: write() to audit log \"%V\" failed, "
                  "%uz octets wait", &sink->name,
                  (size_t) (sink->last - sink->start));
}


void
ngx_agent_audit_file_exit(ngx_agent_audit_sink_t *sink)
{
    u_char      *p;
    ngx_uint_t   n;

    if (sink->block && sink->file && sink->lines[0]) {
        ngx_agent_audit_inherit(sink, 0);
    }

    if (sink->last != sink->start || sink->state->lost) {
        (void) ngx_agent_audit_file_flush(sink);
    }

    if (sink->chain) {
        ngx_agent_audit_chain_end(sink);
        (void) ngx_agent_audit_file_flush(sink);
    }

    n = 0;

    for (p = sink->start; p != sink->last; p++) {
        n += (*p == LF);
    }

    if (n == 0) {
        ngx_agent_audit_lines_release(sink);
        return;
    }

    sink->last = sink->start;
    ngx_agent_audit_publish(sink);
    ngx_agent_audit_lines_release(sink);

    ngx_agent_audit_state_lose(sink, n);
    (void) ngx_atomic_fetch_add(&sink->state->lost,
                                (ngx_atomic_int_t) sink->told);

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "agent_auth: %ui audit lines are lost, \"%V\" could not be "
                  "written when the process ended", n, &sink->name);
}


ngx_int_t
ngx_agent_audit_file_retire(ngx_agent_audit_sink_t *sink)
{
    ngx_fd_t                  fd;
    ngx_pool_cleanup_t       *cln;
    ngx_agent_audit_state_t  *state;

    if (sink->block == NULL && ngx_agent_audit_file_begin(sink) != NGX_OK) {
        return NGX_ERROR;
    }

    if (sink->last != sink->start) {
        (void) ngx_agent_audit_file_flush(sink);
    }

    ngx_agent_audit_file_know(sink);

    cln = ngx_pool_cleanup_add(sink->conf->cycle->pool, 0);
    state = ngx_pcalloc(sink->conf->cycle->pool,
                        sizeof(ngx_agent_audit_state_t));

    if (cln == NULL || state == NULL) {
        return NGX_ERROR;
    }

    fd = fcntl(sink->fd, F_DUPFD_CLOEXEC, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_errno,
                      "fcntl(F_DUPFD_CLOEXEC) \"%V\" failed", &sink->name);
        return NGX_ERROR;
    }

    sink->fd = fd;
    sink->file = NULL;

    /* the zone goes too where the other configuration has none */

    sink->state = state;

    cln->handler = ngx_agent_audit_file_retired;
    cln->data = sink;

    return NGX_OK;
}


static void
ngx_agent_audit_file_retired(void *data)
{
    ngx_agent_audit_sink_t  *sink = data;

    ngx_agent_audit_file_exit(sink);

    if (sink->event.timer_set) {
        ngx_del_timer(&sink->event);
    }

    if (ngx_close_file(sink->fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", &sink->name);
    }
}
