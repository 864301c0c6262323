
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


#define CTL_LOG_BUFFER  (CTL_LOG_LINE_MAX + 1)


static int ctl_log_fill(ctl_log_t *log);
static int ctl_log_fault(const ctl_log_t *log);


int
ctl_log_open(ctl_log_t *log, const char *name)
{
    int          fd;
    struct stat  st;

    memset(log, 0, sizeof(*log));

    log->name = strcmp(name, "-") == 0 ? "standard input" : name;

    fd = strcmp(name, "-") == 0 ? dup(STDIN_FILENO)
                                : open(name, O_RDONLY|O_CLOEXEC);

    if (fd == -1 || fstat(fd, &st) == -1) {
        ctl_error_errno(errno, "cannot open \"%s\"", log->name);

        if (fd != -1) {
            (void) close(fd);
        }

        return -1;
    }

    if (S_ISDIR(st.st_mode)) {
        ctl_error("\"%s\" is a directory", log->name);
        (void) close(fd);
        return -1;
    }

    log->gz = gzdopen(fd, "rb");

    if (log->gz == NULL) {
        ctl_error("there is no memory to read \"%s\"", log->name);
        (void) close(fd);
        return -1;
    }

    (void) gzbuffer(log->gz, CTL_LOG_LINE_MAX);

    log->buf = ctl_alloc(CTL_LOG_BUFFER);

    return 0;
}


void
ctl_log_close(ctl_log_t *log)
{
    if (log->gz) {
        (void) gzclose(log->gz);
    }

    free(log->buf);

    log->gz = NULL;
    log->buf = NULL;
}


ctl_log_e
ctl_log_next(ctl_log_t *log)
{
    ctl_log_e       kind;
    const uint8_t  *lf;

    for ( ;; ) {

        log->text = log->buf + log->start;
        lf = memchr(log->text, '\n', log->last - log->start);

        if (lf == NULL && log->eof && log->start == log->last) {
            return CTL_LOG_END;
        }

        if (lf || log->eof) {
            break;
        }

        /* of a line that fills the buffer nothing need be kept */

        if (log->last - log->start == CTL_LOG_BUFFER) {
            log->skip = 1;
            log->last = log->start;
        }

        if (ctl_log_fill(log) != 0) {
            return CTL_LOG_ERROR;
        }
    }

    /* the last line may be one that is being written */

    log->len = lf ? (size_t) (lf - log->text) : log->last - log->start;
    log->start += log->len + (lf != NULL);
    log->line++;

    kind = log->skip ? CTL_LOG_LONG : CTL_LOG_LINE;
    log->skip = 0;

    return kind;
}


static int
ctl_log_fill(ctl_log_t *log)
{
    int  n;

    memmove(log->buf, log->buf + log->start, log->last - log->start);
    log->last -= log->start;
    log->start = 0;

    n = gzread(log->gz, log->buf + log->last,
               (unsigned) (CTL_LOG_BUFFER - log->last));

    if (n < 0) {
        return ctl_log_fault(log);
    }

    log->last += (size_t) n;

    if (n > 0) {
        return 0;
    }

    log->eof = 1;

    /* a compressed file that was cut short says so only now */

    return ctl_log_fault(log);
}


static int
ctl_log_fault(const ctl_log_t *log)
{
    int          err;
    const char  *text;

    text = gzerror(log->gz, &err);

    switch (err) {

    case Z_OK:
    case Z_STREAM_END:
        return 0;

    case Z_ERRNO:
        ctl_error_errno(errno, "cannot read \"%s\"", log->name);
        break;

    default:
        ctl_error("cannot read \"%s\" after line %llu: %s", log->name,
                  (unsigned long long) log->line,
                  err == Z_BUF_ERROR ? "it ends too soon" : text);
    }

    return -1;
}
