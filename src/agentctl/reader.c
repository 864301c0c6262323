
#include "reader.h"
#include "agentctl.h"
#include "seal.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <unistd.h>


/* several times the longest line, so that few lines are moved */

#define CTL_READER_BUFFER  (8 * AGENT_KEYFILE_LINE_MAX)


static int ctl_reader_envelope(ctl_reader_t *r, const ctl_t *ctl);
static ctl_line_e ctl_reader_check(ctl_reader_t *r,
    const agent_key_record_t *rec, char *err);
static ctl_line_e ctl_reader_end(ctl_reader_t *r, char *err);
static int ctl_reader_line(ctl_reader_t *r, const uint8_t **line);
static int ctl_reader_fill(ctl_reader_t *r);
static ssize_t ctl_reader_octets(ctl_reader_t *r, uint8_t *buf, size_t size);


int
ctl_reader_open(ctl_reader_t *r, const ctl_t *ctl, const char *path,
    const char *name)
{
    int  err;

    memset(r, 0, sizeof(*r));

    r->name = name;

    /* not to wait for ever where it is a FIFO */

    r->fd = open(path, O_RDONLY|O_CLOEXEC|O_NONBLOCK|O_NOCTTY);

    if (r->fd == -1) {
        err = errno;

        if (err != ENOENT) {
            ctl_error_errno(err, "cannot open \"%s\"", name);
        }

        return err;
    }

    if (fstat(r->fd, &r->st) == -1) {
        err = errno;
        ctl_error_errno(err, "cannot stat \"%s\"", name);
        ctl_reader_close(r);
        return err;
    }

    if (!S_ISREG(r->st.st_mode)) {
        ctl_error("\"%s\" is not a regular file", name);
        ctl_reader_close(r);
        return EINVAL;
    }

    r->size = (uint64_t) r->st.st_size;

    if (ctl_reader_envelope(r, ctl) != 0) {
        ctl_reader_close(r);
        return EINVAL;
    }

    r->buf = ctl_alloc(CTL_READER_BUFFER);

    return 0;
}


static int
ctl_reader_envelope(ctl_reader_t *r, const ctl_t *ctl)
{
    if (!ctl_sealed(ctl)) {

        if (!agent_envelope_likely(r->fd)) {
            return 0;
        }

        ctl_error("\"%s\" is in an envelope, give --kek-file", r->name);

        return -1;
    }

    r->envelope = ctl_alloc(sizeof(agent_envelope_t));

    if (ctl_envelope_open(r->envelope, r->fd, ctl, r->name) != 0) {
        free(r->envelope);
        r->envelope = NULL;
        return -1;
    }

    r->size = agent_envelope_size(r->envelope);
    r->part = ctl_alloc(sizeof(ctl_part_t));
    r->part->len = 0;

    return 0;
}


void
ctl_reader_close(ctl_reader_t *r)
{
    if (r->fd != -1) {
        (void) close(r->fd);
    }

    if (r->envelope) {
        agent_envelope_close(r->envelope);
        OPENSSL_cleanse(r->part, sizeof(ctl_part_t));

        if (r->buf) {
            OPENSSL_cleanse(r->buf, CTL_READER_BUFFER);
        }
    }

    free(r->envelope);
    free(r->part);
    free(r->buf);

    r->fd = -1;
    r->buf = NULL;
    r->envelope = NULL;
    r->part = NULL;
}


ctl_line_e
ctl_reader_next(ctl_reader_t *r, agent_key_record_t *rec, json_t **json,
    char *err)
{
    int             rc;
    ctl_line_e      kind;
    const uint8_t  *line;

    *json = NULL;

    if (r->ended) {
        return CTL_LINE_END;
    }

    rc = ctl_reader_line(r, &line);

    if (rc < 0) {
        return CTL_LINE_ERROR;
    }

    if (rc == 0) {
        return ctl_reader_end(r, err);
    }

    switch (agent_keyfile_line(&r->file, line, r->len, rec, json, err)) {

    case AGENT_LINE_HEADER:
        kind = CTL_LINE_HEADER;
        break;

    case AGENT_LINE_RECORD:
        kind = ctl_reader_check(r, rec, err);
        break;

    default:
        r->bad++;
        kind = CTL_LINE_FAULT;
    }

    r->line = r->file.line;

    if (kind == CTL_LINE_FAULT) {
        json_decref(*json);
        *json = NULL;
    }

    return kind;
}


static ctl_line_e
ctl_reader_check(ctl_reader_t *r, const agent_key_record_t *rec, char *err)
{
    if (r->peppers && rec->pepper.len
        && agent_pepper_find(r->peppers->pepper, r->peppers->n, &rec->pepper)
           == NULL)
    {
        (void) agent_fail(err, "unknown pepper \"%.*s\"",
                          (int) rec->pepper.len,
                          (const char *) rec->pepper.data);
        return CTL_LINE_FAULT;
    }

    if (r->index && ctl_index_add(r->index, rec, r->file.line, err) == NULL) {
        return CTL_LINE_FAULT;
    }

    return CTL_LINE_RECORD;
}


static ctl_line_e
ctl_reader_end(ctl_reader_t *r, char *err)
{
    agent_keyfile_t  file;

    r->ended = 1;

    /* a line that is at fault was meant to be a key: it counts as one here */

    file = r->file;
    file.records += r->bad;

    if (agent_keyfile_end(&file, r->start != r->last, err) == 0) {
        return CTL_LINE_END;
    }

    /* as the module counts it */

    r->line = r->file.line + 1;

    return CTL_LINE_FAULT;
}


/* 1, or 0 at the end of the file, or -1 */

static int
ctl_reader_line(ctl_reader_t *r, const uint8_t **line)
{
    uint8_t  *lf;

    for ( ;; ) {

        lf = memchr(r->buf + r->start, '\n', r->last - r->start);

        if (lf) {
            break;
        }

        if (r->eof) {
            return 0;
        }

        if (ctl_reader_fill(r) != 0) {
            return -1;
        }
    }

    *line = r->buf + r->start;

    r->text = *line;
    r->len = (size_t) (lf - *line);
    r->start += r->len + 1;

    /* wrong behind an overlong line, but such a file is not edited */

    r->offset = r->next;
    r->next = r->offset + r->len + 1;

    return 1;
}


static int
ctl_reader_fill(ctl_reader_t *r)
{
    ssize_t  n;

    memmove(r->buf, r->buf + r->start, r->last - r->start);
    r->last -= r->start;
    r->start = 0;

    /*
     * The core refuses a line by its length alone: what is in the middle of
     * one that fills the buffer need not be kept.
     */

    if (CTL_READER_BUFFER - r->last < AGENT_ENVELOPE_PIECE) {
        r->last = AGENT_KEYFILE_LINE_MAX + 1;
    }

    n = ctl_reader_octets(r, r->buf + r->last, CTL_READER_BUFFER - r->last);

    if (n == -1) {
        return -1;
    }

    r->eof = (n == 0);
    r->last += (size_t) n;

    return 0;
}


static ssize_t
ctl_reader_octets(ctl_reader_t *r, uint8_t *buf, size_t size)
{
    char     err[AGENT_ERROR_LEN];
    ssize_t  n;

    if (r->envelope) {
        n = agent_envelope_read(r->envelope, buf, err);

        if (n == -1) {
            ctl_error("%s: %s", r->name, err);
        }

        return n;
    }

    do {
        n = read(r->fd, buf, size);
    } while (n == -1 && errno == EINTR);

    if (n == -1) {
        ctl_error_errno(errno, "cannot read \"%s\"", r->name);
    }

    return n;
}


ssize_t
ctl_reader_pread(const ctl_reader_t *r, void *dst, size_t size,
    uint64_t offset)
{
    char         err[AGENT_ERROR_LEN];
    size_t       at;
    ssize_t      n;
    ctl_part_t  *part;

    part = r->part;

    if (part == NULL) {
        return pread(r->fd, dst, size, (off_t) offset);
    }

    if (part->len == 0) {
        part->offset = 0;

        if (agent_envelope_rewind(r->envelope, err) != 0) {
            errno = ENOMEM;
            return -1;
        }
    }

    while (offset >= part->offset + part->len) {

        n = agent_envelope_read(r->envelope, part->buf, err);

        if (n <= 0) {
            errno = ESTALE;
            return n;
        }

        part->offset += part->len;
        part->len = (size_t) n;
    }

    at = (size_t) (offset - part->offset);
    size = size < part->len - at ? size : part->len - at;

    memcpy(dst, part->buf + at, size);

    return (ssize_t) size;
}


int
ctl_reader_rewind(ctl_reader_t *r)
{
    char  err[AGENT_ERROR_LEN];

    if (r->envelope && agent_envelope_rewind(r->envelope, err) != 0) {
        ctl_error("%s: %s", r->name, err);
        return -1;
    }

    if (lseek(r->fd, 0, SEEK_SET) == -1) {
        ctl_error_errno(errno, "cannot read \"%s\"", r->name);
        return -1;
    }

    memset(&r->file, 0, sizeof(r->file));

    r->line = 0;
    r->bad = 0;
    r->next = 0;
    r->start = 0;
    r->last = 0;
    r->eof = 0;
    r->ended = 0;

    return 0;
}
