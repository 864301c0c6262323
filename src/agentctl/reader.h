
/*
 * Reads a key file line by line and checks each line as nginx would.
 */

#ifndef _AGENTCTL_READER_H_INCLUDED_
#define _AGENTCTL_READER_H_INCLUDED_


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
    const char           *name;
    int                   fd;
    struct stat           st;       /* when it was opened */

    /* of the line read last */
    uint64_t              line;
    uint64_t              offset;   /* of its first octet in the file */
    size_t                len;      /* octets, the LF not counted */

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
 * messages and must outlive it.  Returns 0, or an errno with the error
 * printed, but for ENOENT, which is left to the caller.
 */

int ctl_reader_open(ctl_reader_t *r, const char *path, const char *name);
void ctl_reader_close(ctl_reader_t *r);


/*
 * Reads the next line.  CTL_LINE_RECORD: rec and *json are set, and json is
 * the caller's to json_decref(); *json is NULL otherwise.  CTL_LINE_FAULT: err
 * (AGENT_ERROR_LEN octets) is for "name:line: ".
 */

ctl_line_e ctl_reader_next(ctl_reader_t *r, agent_key_record_t *rec,
    json_t **json, char *err);


/* goes back to the first line */

int ctl_reader_rewind(ctl_reader_t *r);


#endif /* _AGENTCTL_READER_H_INCLUDED_ */
