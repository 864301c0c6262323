
/*
 * Reads audit logs line by line, as they are or compressed by gzip.
 */

#ifndef _AGENTCTL_LOG_H_INCLUDED_
#define _AGENTCTL_LOG_H_INCLUDED_


#include "agentctl.h"

#include <zlib.h>


/* octets of a line, the LF not counted: several times what nginx writes */

#define CTL_LOG_LINE_MAX  65536


typedef enum {
    CTL_LOG_ERROR = -1,             /* of the system or of gzip; printed */
    CTL_LOG_END,
    CTL_LOG_LINE,
    CTL_LOG_LONG                    /* a line of more than that, passed over */
} ctl_log_e;


typedef struct {
    const char     *name;
    gzFile          gz;
    uint64_t        line;           /* number of the line that was read last */
    const uint8_t  *text;           /* that line, until the next one is read */
    size_t          len;

    uint8_t        *buf;
    size_t          start;
    size_t          last;
    unsigned        eof:1;
    unsigned        skip:1;         /* the rest of a long line */
} ctl_log_t;


/*
 * Opens a file, or standard input for "-"; name must outlive the log.  Returns
 * 0, or -1 with the error printed.
 */

int ctl_log_open(ctl_log_t *log, const char *name);
void ctl_log_close(ctl_log_t *log);


ctl_log_e ctl_log_next(ctl_log_t *log);


#endif /* _AGENTCTL_LOG_H_INCLUDED_ */
