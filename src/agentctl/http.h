
/*
 * Calls of the control API: HTTP/1.1 over a UNIX socket, TCP or TLS.
 */

#ifndef _AGENTCTL_HTTP_H_INCLUDED_
#define _AGENTCTL_HTTP_H_INCLUDED_


#include "agentctl.h"

#include <jansson.h>


/* octets of an answer */

#define CTL_ANSWER_MAX  (1024 * 1024)


typedef struct {
    unsigned      status;
    char         *body;         /* len octets and a NUL */
    size_t        len;
    json_t       *json;         /* of the body; NULL: it is no JSON object */
} ctl_answer_t;


/*
 * Calls the server that --control names, with the credentials of the other
 * options.  path begins with "/", below the prefix of the API; body is JSON, or
 * NULL.  Both may be secret.
 *
 * Returns CTL_DONE with an answer of 2xx, which the caller frees.  Otherwise an
 * exit code, the error printed, which has no octet of body or credential in it.
 */

int ctl_call(const ctl_t *ctl, const char *method, const char *path,
    const char *body, ctl_answer_t *answer);

void ctl_answer_free(ctl_answer_t *answer);


/* text as a segment of a path or a value of a query; the caller frees it */

char *ctl_url_escaped(const char *text);


#endif /* _AGENTCTL_HTTP_H_INCLUDED_ */
