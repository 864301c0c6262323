
/*
 * JSON Web Signature, RFC 7515: the compact form and nothing else.  What it
 * says about itself is read here and believed nowhere: keys that a header
 * brings or points at (jwk, jku, x5u, x5c) are never used.
 */

#ifndef _AGENT_JWS_H_INCLUDED_
#define _AGENT_JWS_H_INCLUDED_


#include "agent_alg.h"
#include "agent_error.h"
#include "agent_reason.h"

#include <jansson.h>


/* characters of a whole token, and of its encoded header */

#define AGENT_JWS_MAX         65536
#define AGENT_JWS_HEADER_MAX  12288

/* octets of a key id */

#define AGENT_JWS_KID_MAX     1024

/* octets of the buffer for a token of len characters */

#define agent_jws_room(len)   (len)


typedef struct {
    agent_str_t   input;            /* what is signed, in the token */
    agent_str_t   payload;          /* decoded, in the caller's buffer */
    agent_str_t   signature;        /* likewise */
    agent_str_t   kid;              /* in header; empty where there is none */
    agent_str_t   typ;              /* likewise */
    uint32_t      alg;              /* a bit of agent_alg_e */
    json_t       *header;
} agent_jws_t;


/*
 * Takes a token apart.  buf is of agent_jws_room(token->len) octets and, as the
 * token, is used for as long as jws.  Neither is the signature checked, nor
 * whether the algorithm is allowed.
 *
 * AGENT_OK: jws is to be freed with agent_jws_free().  Otherwise
 * AGENT_ALGORITHM_REFUSED, as no list has it ("none", for one), or
 * AGENT_TOKEN_MALFORMED for what is no JWS (RFC 7515, 5.2), has "crit" (4.1.11:
 * no extension is understood) or "b64" (RFC 7797); err says why and quotes
 * nothing of the token; nothing is to be freed.
 */

agent_reason_e agent_jws_parse(agent_jws_t *jws, const agent_str_t *token,
    uint8_t *buf, char *err);


void agent_jws_free(agent_jws_t *jws);


/*
 * 1 where typ is this media type, in any case, "application/" left out or not:
 * RFC 7515, 4.1.9.  name is in small letters and without it.
 */

int agent_jws_typ_is(const agent_str_t *typ, const char *name);


/*
 * 1 where a credential is meant to be a JOSE object, however broken: what
 * stands before its first dot is base64url, strict or not, of something that
 * begins as a JSON object does.
 */

int agent_jws_likely(const agent_str_t *value);


/*
 * agent_json_tree() with integers as reals, as one too large for 64 bits would
 * void the whole text
 */

json_t *agent_jws_object(const uint8_t *text, size_t len);


#endif /* _AGENT_JWS_H_INCLUDED_ */
