
/*
 * A worker that was killed leaves lines in its buffer.  Its successor, or
 * whoever looks first, takes the buffer over by its owner's word and writes
 * them.  Who dies at that is inherited from likewise.
 *
 * It may have died amid a write(), of which the file has all, nothing or a
 * part: the kernel looks for signals after each page.  So that no line is
 * written twice, who writes notes before how large the file is, holds a lock
 * on it that the kernel lets go of with the process, and does what is to be
 * done here first.  Then nobody has written behind the part, and it is
 * completed where it stands.
 */

#include "ngx_agent_audit_sink.h"
#include "ngx_agent_process.h"


/* octets behind a write() that is looked for, where others had no lock */

#define NGX_AGENT_AUDIT_BEHIND  (256 * 1024)


static void ngx_agent_audit_heir_timer(ngx_event_t *ev);
static void ngx_agent_audit_inherit_slot(ngx_agent_audit_sink_t *sink,
    ngx_agent_audit_lines_t *lines, ngx_uint_t n, ngx_atomic_uint_t owner,
    ngx_uint_t amid);
static void ngx_agent_audit_heir_write(ngx_agent_audit_sink_t *sink,
    ngx_agent_audit_lines_t *lines, ngx_uint_t n, ngx_uint_t amid);
static void ngx_agent_audit_heir_seq(ngx_agent_audit_sink_t *heir);
static ngx_int_t ngx_agent_audit_heir_record(ngx_agent_audit_sink_t *sink,
    ngx_agent_audit_slot_t *slot);
static void ngx_agent_audit_heir_resume(ngx_agent_audit_sink_t *heir);
static size_t ngx_agent_audit_heir_written(ngx_agent_audit_sink_t *heir,
    size_t size);
static u_char *ngx_agent_audit_heir_read(ngx_agent_audit_sink_t *heir,
    off_t offset, size_t size);
static size_t ngx_agent_audit_heir_compare(const u_char *text, size_t len,
    const u_char *lines, size_t size);


void
ngx_agent_audit_heir_start(ngx_agent_audit_conf_t *conf)
{
    if (conf->sinks.nelts == 0) {
        return;
    }

    conf->event.handler = ngx_agent_audit_heir_timer;
    conf->event.data = conf;
    conf->event.log = ngx_cycle->log;
    conf->event.cancelable = 1;

    ngx_agent_audit_heir_timer(&conf->event);
}


static void
ngx_agent_audit_heir_timer(ngx_event_t *ev)
{
    ngx_uint_t                i, chained;
    ngx_agent_audit_conf_t   *conf;
    ngx_agent_audit_sink_t  **sink;

    conf = ev->data;
    sink = conf->sinks.elts;
    chained = 0;

    for (i = 0; i < conf->sinks.nelts; i++) {
        if (sink[i]->file && sink[i]->lines[0]) {
            ngx_agent_audit_inherit(sink[i], 0);
        }

        if (sink[i]->chain) {
            chained = 1;
        }

        ngx_agent_audit_chain_check(sink[i]);
    }

    /*
     * A timer makes those of each request dearer, by 70 instructions.  Without
     * it the dead are looked for when a worker begins, flushes or ends.
     */

    if (chained) {
        ngx_add_timer(ev, NGX_AGENT_AUDIT_HEIR);
    }
}


void
ngx_agent_audit_inherit(ngx_agent_audit_sink_t *sink, ngx_uint_t amid)
{
    ngx_uint_t                i, n;
    ngx_atomic_uint_t         owner, own;
    ngx_agent_audit_slot_t   *slot;
    ngx_agent_audit_lines_t  *lines;

    own = ngx_agent_process_word();

    for (i = 0; i < NGX_AGENT_AUDIT_LINES && sink->lines[i]; i++) {

        lines = ngx_agent_audit_lines(sink->lines[i]);

        for (n = 0; lines && n < lines->n; n++) {

            slot = &lines->slot[n];
            owner = slot->owner;

            if (owner == 0 || slot == sink->slot || (amid && !slot->writing)) {
                continue;
            }

            /* ours already: it could not be written the last time */

            if (owner == own || !ngx_agent_process_word_runs(owner)) {
                ngx_agent_audit_inherit_slot(sink, lines, n, owner, amid);
            }
        }
    }
}


/*
 * The lock comes before the owner's word: who has it, and finds a word of the
 * living beside a write(), must not find ours.
 */

static void
ngx_agent_audit_inherit_slot(ngx_agent_audit_sink_t *sink,
    ngx_agent_audit_lines_t *lines, ngx_uint_t n, ngx_atomic_uint_t owner,
    ngx_uint_t amid)
{
    ngx_uint_t         locked;
    ngx_atomic_uint_t  own;

    /* all that is known of the file holds for the other buffer, too */

    ngx_agent_audit_file_know(sink);

    locked = ngx_agent_audit_lock(sink);

    own = ngx_agent_process_word();

    if (owner == own
        || ngx_atomic_cmp_set(&lines->slot[n].owner, owner, own))
    {
        ngx_agent_audit_heir_write(sink, lines, n, amid);
    }

    if (locked) {
        ngx_agent_audit_unlock(sink);
    }
}


static void
ngx_agent_audit_heir_write(ngx_agent_audit_sink_t *sink,
    ngx_agent_audit_lines_t *lines, ngx_uint_t n, ngx_uint_t amid)
{
    u_char                  *p;
    ngx_uint_t               count;
    ngx_agent_audit_sink_t   heir;

    heir = *sink;
    heir.waiting = 0;
    heir.heir = 1;
    heir.chain = NULL;

    if (!ngx_agent_audit_attach(&heir, lines, n)) {

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "agent_auth: the lines that a process that died left "
                      "for audit log \"%V\" are damaged, and lost",
                      &sink->name);

        lines->slot[n].owner = 0;
        return;
    }

    ngx_agent_audit_heir_seq(&heir);
    ngx_agent_audit_heir_resume(&heir);

    /* with the lock, which is not ours to let go of */

    sink->reading = heir.reading;

    count = 0;

    for (p = heir.start; p != heir.last; p++) {
        count += (*p == LF);
    }

    if (count) {
        if (ngx_agent_audit_file_drain(&heir) != 0) {
            return;
        }

        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "agent_auth: %ui audit lines of a process that died "
                      "were written to \"%V\"", count, &sink->name);

        heir.slot->taken += count;
    }

    /* amid a write() of our own lines there is no place for a record */

    if (heir.slot->uid_len && sink->conf->chain.key_file.len
        && (amid || ngx_agent_audit_heir_record(sink, heir.slot) != NGX_OK))
    {
        return;
    }

    ngx_agent_audit_lines_release(&heir);
}


/* it may have died before it noted the number of the last line */

static void
ngx_agent_audit_heir_seq(ngx_agent_audit_sink_t *heir)
{
    u_char                  *p, *last;
    agent_audit_link_t       link;
    ngx_agent_audit_slot_t  *slot;

    slot = heir->slot;

    if (slot->uid_len > AGENT_AUDIT_CHAIN_UID) {
        slot->uid_len = 0;
    }

    if (slot->uid_len == 0 || heir->last == heir->start) {
        return;
    }

    last = heir->last - 1;

    for (p = last; p > heir->start && p[-1] != LF; p--) { /* void */ }

    if (agent_audit_link_parse(&link, p, last - p) == 0
        && link.uid.len == slot->uid_len
        && ngx_memcmp(link.uid.data, slot->uid, slot->uid_len) == 0
        && link.seq > slot->seq)
    {
        slot->seq = link.seq;
    }
}


static ngx_int_t
ngx_agent_audit_heir_record(ngx_agent_audit_sink_t *sink,
    ngx_agent_audit_slot_t *slot)
{
    agent_audit_record_t  rec;

    if (sink->chain == NULL) {
        return sink->block ? NGX_OK : NGX_AGAIN;
    }

    ngx_memzero(&rec, sizeof(agent_audit_record_t));

    rec.event = AGENT_AUDIT_TAKEOVER;
    rec.chain.data = slot->uid;
    rec.chain.len = slot->uid_len;
    rec.seq = slot->seq;
    rec.count = slot->taken;

    return ngx_agent_audit_chain_record(sink, &rec);
}


/* takes out of the buffer what a write() that was under way has written */

static void
ngx_agent_audit_heir_resume(ngx_agent_audit_sink_t *heir)
{
    uint64_t                 writing;
    ngx_agent_audit_slot_t  *slot;

    slot = heir->slot;
    writing = slot->writing;

    /* where start is another one it was done, and known to be */

    if (writing
        && slot->from == (uint64_t) (heir->start - heir->block - 1)
        && writing <= (uint64_t) (heir->last - heir->start))
    {
        heir->start += ngx_agent_audit_heir_written(heir, (size_t) writing);
        ngx_agent_audit_publish(heir);
    }

    ngx_agent_audit_settled();
    slot->writing = 0;
}


/*
 * How many of the first size octets are in the file.  Of a pipe nobody knows,
 * nor of a file that is another one meanwhile: lines may be there twice then,
 * which is better than not at all.
 */

static size_t
ngx_agent_audit_heir_written(ngx_agent_audit_sink_t *heir, size_t size)
{
    off_t             end, offset;
    size_t            n, len;
    u_char           *text;
    ngx_file_info_t   fi;

    if (!heir->regular
        || heir->slot->dev != (uint64_t) heir->dev
        || heir->slot->inode != (uint64_t) heir->inode
        || ngx_fd_info(heir->fd, &fi) == NGX_FILE_ERROR)
    {
        return 0;
    }

    end = ngx_file_size(&fi);
    offset = (off_t) heir->slot->offset;

    /* it was truncated meanwhile */

    if (offset < 0 || offset > end) {
        offset = 0;
    }

    len = (size_t) ngx_min(end - offset,
                           (off_t) (size + NGX_AGENT_AUDIT_BEHIND));
    if (len == 0) {
        return 0;
    }

    text = ngx_agent_audit_heir_read(heir, offset, len);

    if (text == NULL) {

        /* not readable by us: what it grew by */

        return ngx_min(len, size);
    }

    n = ngx_agent_audit_heir_compare(text, len, heir->start, size);

    ngx_free(text);

    return n;
}


/* the file is open for writing only */

static u_char *
ngx_agent_audit_heir_read(ngx_agent_audit_sink_t *heir, off_t offset,
    size_t size)
{
    u_char    *text, path[sizeof("/proc/self/fd/") + NGX_INT_T_LEN];
    size_t     done;
    ssize_t    n;
    ngx_fd_t   fd;

    fd = heir->reading;

    if (fd == NGX_INVALID_FILE) {
        (void) ngx_sprintf(path, "/proc/self/fd/%d%Z", heir->fd);

        fd = ngx_open_file(path, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
    }

    if (fd == NGX_INVALID_FILE) {
        return NULL;
    }

    text = ngx_alloc(size, ngx_cycle->log);

    for (done = 0; text && done < size; done += n) {

        n = pread(fd, text + done, size - done, offset + (off_t) done);

        if (n <= 0) {
            ngx_free(text);
            text = NULL;
        }
    }

    /* to close it now would let go of the lock, too */

    if (heir->locked) {
        heir->reading = fd;

    } else {
        (void) ngx_close_file(fd);
    }

    return text;
}


/*
 * How many of the size octets at lines are in text, the end of the file: a
 * part that others wrote behind counts up to its last whole line.
 */

static size_t
ngx_agent_audit_heir_compare(const u_char *text, size_t len,
    const u_char *lines, size_t size)
{
    size_t         n, first;
    const u_char  *p, *lf;

    lf = memchr(lines, LF, size);
    first = lf ? (size_t) (lf + 1 - lines) : size;

    /* each line is another one, by its time and number */

    p = memmem(text, len, lines, first);

    if (p == NULL) {

        /* less than the first line, at the very end */

        p = text + len;

        while (p > text && p[-1] != LF) {
            p--;
        }

        len = text + len - p;

        return (len < size && ngx_memcmp(p, lines, len) == 0) ? len : 0;
    }

    len = text + len - p;

    for (n = 0; n < size && n < len && p[n] == lines[n]; n++) { /* void */ }

    if (n == len || n == size) {
        return n;
    }

    while (n && lines[n - 1] != LF) {
        n--;
    }

    return n;
}
