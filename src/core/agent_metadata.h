
/*
 * What an authorization server says of itself: where its metadata may be, and
 * what of it a resource server needs (RFC 8414; OpenID Connect Discovery 1.0).
 */

#ifndef _AGENT_METADATA_H_INCLUDED_
#define _AGENT_METADATA_H_INCLUDED_


#include "agent_error.h"
#include "agent_str.h"


/* octets of a URL that metadata may name */

#define AGENT_METADATA_URL_MAX  2048

/* places where the metadata of an issuer may be */

#define AGENT_METADATA_PLACES   3


/* ways to authenticate at the introspection endpoint */

typedef enum {
    AGENT_METHOD_BASIC = 1,
    AGENT_METHOD_POST = 2,
    AGENT_METHOD_PRIVATE_KEY_JWT = 4,
    AGENT_METHOD_TLS = 8,
    AGENT_METHOD_BEARER = 16,
    AGENT_METHOD_NONE = 32
} agent_method_e;


/* the strings are empty where the metadata does not say */

typedef struct {
    agent_str_t   introspection_endpoint;
    agent_str_t   tls_introspection_endpoint;   /* RFC 8705, 5 */
    agent_str_t   jwks_uri;
    unsigned      methods;          /* of agent_method_e; 0: it does not say */
} agent_metadata_t;


/*
 * The n-th URL, from 0, at which the metadata of the issuer may be, written
 * to buf (size octets): with the well-known path put between host and path,
 * of RFC 8414, 3.1, then of OpenID, then OpenID's own, which appends it.
 * Returns its length; 0 where there is no n-th one, or issuer is no URL of
 * https or http without query and fragment, or buf is too small.
 */

size_t agent_metadata_url(const agent_str_t *issuer, unsigned n, uint8_t *buf,
    size_t size);


/*
 * Reads a metadata document.  Its issuer must be the same octets as the one
 * that is asked (RFC 8414, 3.3).  The strings go to buf: size octets, len and
 * AGENT_METADATA_URL_MAX suffice.  Returns 0, or -1 with err set.
 */

int agent_metadata_parse(const uint8_t *body, size_t len,
    const agent_str_t *issuer, uint8_t *buf, size_t size,
    agent_metadata_t *metadata, char *err);


#endif /* _AGENT_METADATA_H_INCLUDED_ */
