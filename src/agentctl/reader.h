
/*
 * Reads a key file line by line and checks each line as nginx would.
 */

#ifndef _AGENTCTL_READER_H_INCLUDED_
#define _AGENTCTL_READER_H_INCLUDED_


#include "agent_envelope.h"
#include "index.h"
#include "secret.h"

#include <sys/stat.h>


typedef enum {
    CTL_LINE_ERROR = -1,            /* of the system; printed */
    CTL_LINE_END,
    CTL_LINE_RECORD,
    CTL_LINE_HEADER,
    CTL_LINE_FAULT                  /* err says what; read on */
} ctl_line_e;


typedef struct {
    uint64_t              offset;   /* of what is in buf */
    size_t                len;
    uint8_t               buf[AGENT_ENVELOPE_PIECE];
} ctl_part_t;


typedef struct {
    const char           *name;
    int                   fd;
    struct stat           st;       /* when it was opened */
    uint64_t              size;     /* octets, of what is in an envelope */
    agent_envelope_t     *envelope; /* NULL: in none */
    ctl_part_t           *part;     /* of that, for ctl_reader_pread() */

    /* of the line read last */
    uint64_t              line;
    uint64_t              offset;   /* of its first octet in the file */
    size_t                len;      /* octets, the LF not counted */
    const uint8_t        *text;     /* until the next one is read */

    /* where set, what the lines are checked against as well */
    ctl_index_t          *index;
    const ctl_peppers_t  *peppers;

    agent_keyfile_t       file;
    uint64_t              bad;      /* lines that are no record */
    uint64_t              next;     /* offset of the next line */
    uint8_t              *buf;
    size_t                start;
    size_t                last;
    unsigned              eof:1;
    unsigned              ended:1;
} ctl_reader_t;


/*
 * Opens path and makes a reader with nothing to check against; name is for
 * messages and must outlive it.  With --kek-file the file is in an envelope,
 * that of --bundle where that is given.  Returns 0, or an errno with the error
 * printed, but for ENOENT, which is left to the caller.
 */

int ctl_reader_open(ctl_reader_t *r, const ctl_t *ctl, const char *path,
    const char *name);
void ctl_reader_close(ctl_reader_t *r);


/*
 * Reads the next line.  CTL_LINE_RECORD: rec and *json are set, and json is
 * the caller's to json_decref(); *json is NULL otherwise.  CTL_LINE_FAULT: err
 * (AGENT_ERROR_LEN octets) is for "name:line: ".
 */

ctl_line_e ctl_reader_next(ctl_reader_t *r, agent_key_record_t *rec,
    json_t **json, char *err);


/*
 * Octets of the file, or of what is in its envelope, from an offset on, as
 * pread() has them; offsets must not go back, and lines are not to be read any
 * more.  0 at the end, where all of an envelope proved authentic again.
 */

ssize_t ctl_reader_pread(const ctl_reader_t *r, void *dst, size_t size,
    uint64_t offset);


/* goes back to the first line */

int ctl_reader_rewind(ctl_reader_t *r);


#endif /* _AGENTCTL_READER_H_INCLUDED_ */
