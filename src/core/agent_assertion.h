
/*
 * Client assertions: a client proves who it is by a JWT that it signs, RFC
 * 7523, 2.2 and 3, which OpenID Connect Core 1.0, 9 calls private_key_jwt.
 */

#ifndef _AGENT_ASSERTION_H_INCLUDED_
#define _AGENT_ASSERTION_H_INCLUDED_


#include "agent_error.h"
#include "agent_str.h"


/* characters of a thumbprint in base64url, the NUL counted */

#define AGENT_ASSERTION_KID_LEN  44


/* seconds for which an assertion is good */

#define AGENT_ASSERTION_TTL      60

/* octets of a key in PEM, and bits of an RSA modulus: RFC 7518, 3.3; a
 * signature by a larger one holds up all other requests of the worker */

#define AGENT_ASSERTION_KEY_MAX  16384
#define AGENT_ASSERTION_RSA_MIN  2048
#define AGENT_ASSERTION_RSA_MAX  4096


typedef enum {
    AGENT_ASSERTION_RS256 = 0,
    AGENT_ASSERTION_ES256
} agent_assertion_alg_e;


typedef struct {
    agent_assertion_alg_e   alg;
    char                    thumbprint[AGENT_ASSERTION_KID_LEN]; /* RFC 7638 */
} agent_assertion_key_t;


/* strings are of ASCII and end with a NUL */

typedef struct {
    agent_str_t             pem;        /* that agent_assertion_key() took */
    agent_assertion_alg_e   alg;        /* likewise */
    const char             *kid;        /* of the header; NULL: none */
    const char             *client_id;
    const char             *audience;   /* the server's issuer */
} agent_assertion_t;


/*
 * Looks whether assertions can be signed with the private key in this PEM text,
 * and what it is.  Returns 0, or -1 with err set: no private key, an
 * encrypted one, none of RSA and P-256, an RSA key too short or too long.
 */

int agent_assertion_key(const agent_str_t *pem, agent_assertion_key_t *key,
    char *err);


/*
 * A new assertion, with an id of its own: servers may take none twice.  now is
 * in seconds since the epoch.  To be freed with agent_assertion_free(); NULL:
 * no memory, no random numbers, or libjwt does not sign with this key.
 */

char *agent_assertion_sign(const agent_assertion_t *assertion, int64_t now);


/* also cleanses it; may be NULL */

void agent_assertion_free(char *text);


#endif /* _AGENT_ASSERTION_H_INCLUDED_ */
