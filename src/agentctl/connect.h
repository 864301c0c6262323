
/*
 * Where the control API is, and the connection to it.
 */

#ifndef _AGENTCTL_CONNECT_H_INCLUDED_
#define _AGENTCTL_CONNECT_H_INCLUDED_


#include "agentctl.h"

#include <openssl/ssl.h>


/* all of them allocated */

typedef struct {
    char         *path;         /* of a UNIX socket, or NULL */
    char         *host;
    char         *port;
    char         *authority;    /* for the field Host */
    char         *prefix;       /* without a "/" at its end */
    unsigned      tls:1;
} ctl_place_t;


typedef struct {
    int           fd;
    SSL_CTX      *ctx;
    SSL          *ssl;          /* NULL: there is no TLS */
} ctl_connection_t;


/*
 * Takes "unix:PATH[:PREFIX]", "http://HOST[:PORT][PREFIX]" or https apart.
 * Returns 0, or -1; place is to be freed in either case.
 */

int ctl_place_parse(ctl_place_t *place, const char *url);
void ctl_place_free(ctl_place_t *place);


/* returns an exit code with the error printed; to be closed in either case */

int ctl_connect(const ctl_t *ctl, const ctl_place_t *place,
    ctl_connection_t *c);
void ctl_disconnect(ctl_connection_t *c);


/* all of them: 0; -1, printed */

int ctl_send(ctl_connection_t *c, const char *data, size_t len);


/* the number of octets, 0 at the end, or -1, printed */

long ctl_receive(ctl_connection_t *c, uint8_t *buf, size_t size);


#endif /* _AGENTCTL_CONNECT_H_INCLUDED_ */
