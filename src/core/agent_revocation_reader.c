
/* Lines of a state file, one by one, by whatever piece of it is read. */

#include "agent_revocation_file.h"

#include <string.h>
#include <unistd.h>


void
agent_revocation_reader_init(agent_revocation_reader_t *reader, int fd,
    uint64_t from, uint64_t to, uint8_t *buf)
{
    reader->fd = fd;
    reader->offset = from;
    reader->end = to;
    reader->buf = buf;
    reader->have = 0;
    reader->used = 0;
}


int
agent_revocation_reader_next(agent_revocation_reader_t *reader,
    const uint8_t **line, size_t *len, uint64_t *offset)
{
    size_t    left;
    ssize_t   n;
    uint8_t  *p, *lf;
    uint64_t  at;

    for ( ;; ) {

        p = reader->buf + reader->used;
        left = reader->have - reader->used;

        lf = left ? memchr(p, '\n', left) : NULL;

        if (lf) {
            *line = p;
            *len = (size_t) (lf - p);
            *offset = reader->offset;

            reader->used += *len + 1;
            reader->offset += *len + 1;
            return 1;
        }

        if (left >= AGENT_REVOCATION_LINE_MAX) {
            return -1;
        }

        memmove(reader->buf, p, left);

        reader->used = 0;
        reader->have = left;

        at = reader->offset + left;

        if (at >= reader->end) {
            return 0;
        }

        n = AGENT_REVOCATION_BUFFER - (ssize_t) left;

        if ((uint64_t) n > reader->end - at) {
            n = (ssize_t) (reader->end - at);
        }

        n = pread(reader->fd, reader->buf + left, (size_t) n, (off_t) at);

        if (n <= 0) {
            return -1;
        }

        reader->have += (size_t) n;
    }
}


uint64_t
agent_revocation_line_number(int fd, uint64_t offset)
{
    ssize_t   n, i;
    uint8_t   buf[4096];
    uint64_t  at, lines;

    lines = 1;

    for (at = 0; at < offset; at += (uint64_t) n) {

        n = (ssize_t) (offset - at < sizeof(buf) ? offset - at : sizeof(buf));
        n = pread(fd, buf, (size_t) n, (off_t) at);

        if (n <= 0) {
            return 0;
        }

        for (i = 0; i < n; i++) {
            lines += (buf[i] == '\n');
        }
    }

    return lines;
}
