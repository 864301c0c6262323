
/*
 * The control API: what is asked for, by path and body.
 */

#ifndef _AGENT_CONTROL_H_INCLUDED_
#define _AGENT_CONTROL_H_INCLUDED_


#include "agent_revocation.h"
#include "agent_sub_id.h"

#include <jansson.h>


/* octets of a body, and entries of a list in one */

#define AGENT_CONTROL_BODY_MAX     65536
#define AGENT_CONTROL_ENTRIES_MAX  256

/* octets of a segment of a path */

#define AGENT_CONTROL_SEGMENT_MAX  128


typedef enum {
    AGENT_CONTROL_REVOCATIONS = 0,
    AGENT_CONTROL_REVOCATION,
    AGENT_CONTROL_KEY,
    AGENT_CONTROL_KEY_SUSPEND,
    AGENT_CONTROL_KEY_RESUME,
    AGENT_CONTROL_KEY_REVOKE,
    AGENT_CONTROL_FLUSH,
    AGENT_CONTROL_PROVIDERS,
    AGENT_CONTROL_ZONES,
    AGENT_CONTROL_SUBJECT,          /* Global Token Revocation */

    AGENT_CONTROL_RESOURCES
} agent_control_resource_e;


typedef struct {
    agent_control_resource_e   resource;
    agent_str_t                zone;        /* of a key */
    agent_str_t                id;          /* of a key or revocation */
} agent_control_route_t;


typedef enum {
    AGENT_FLUSH_ALL = 0,
    AGENT_FLUSH_PROVIDER,
    AGENT_FLUSH_SUBJECT,
    AGENT_FLUSH_TOKEN
} agent_flush_e;


/* value: of a subject or provider; digest: of a token */

typedef struct {
    agent_flush_e              what;
    agent_str_t                value;
    uint8_t                    digest[AGENT_SHA256_LEN];
} agent_control_flush_t;


/*
 * Finds the resource of a path, which begins with "/" below the location's
 * prefix and is decoded already.  Returns 0, with views into path, or -1 where
 * there is none.
 */

int agent_control_route(const agent_str_t *path, agent_control_route_t *route);


/* "GET, HEAD, POST" and so on, for the field Allow; static storage */

const char *agent_control_methods(agent_control_resource_e resource);


/*
 * Reads a body of len octets.  Each returns the tree that the result points
 * into, which the caller releases with json_decref(), or NULL with err set.
 * What err says of the body are names of members that are known, and no octet
 * of it.
 */

/*
 * One revocation or an array of 1 to AGENT_CONTROL_ENTRIES_MAX, to entries (as
 * many elements); *n tells how many.  They are checked; id, by and at are the
 * caller's to fill in.
 */

json_t *agent_control_revocations(const uint8_t *body, size_t len,
    agent_revocation_t *entries, size_t *n, char *err);

/* the cause that an operation on a key may have; len may be 0 */

json_t *agent_control_cause(const uint8_t *body, size_t len,
    agent_str_t *cause, char *err);

json_t *agent_control_flush(const uint8_t *body, size_t len,
    agent_control_flush_t *flush, char *err);

/* {"sub_id":{...}}: draft-parecki-oauth-global-token-revocation */

json_t *agent_control_subject(const uint8_t *body, size_t len,
    agent_sub_id_t *id, char *err);


#endif /* _AGENT_CONTROL_H_INCLUDED_ */
