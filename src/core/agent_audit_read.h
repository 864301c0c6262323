
/*
 * The audit line read again: what agent_audit.h wrote, or what somebody put in
 * its place.
 */

#ifndef _AGENT_AUDIT_READ_H_INCLUDED_
#define _AGENT_AUDIT_READ_H_INCLUDED_


#include "agent_error.h"
#include "agent_reason.h"

#include <jansson.h>


/* octets of a name; longer ones are at fault */

#define AGENT_AUDIT_NAME_MAX    1024
#define AGENT_AUDIT_REASON_MAX  64


typedef enum {
    AGENT_AUDIT_BAD = -1,           /* err says what */
    AGENT_AUDIT_OTHER,              /* an event that is no request's */
    AGENT_AUDIT_LOST,               /* lines were lost: how many is in lost */
    AGENT_AUDIT_REQUEST
} agent_audit_read_e;


/* of a request; names are empty where the line has none, and hold no zero */

typedef struct {
    int64_t              time;      /* seconds since the epoch */
    agent_result_e       result;
    agent_auth_type_e    auth_type;
    agent_str_t          reason;    /* one or more of a-z and "_" */

    agent_str_t          server;
    agent_str_t          service;
    agent_str_t          location;

    /* proven identity */
    agent_str_t          agent;
    agent_str_t          owner;
    agent_str_t          key_id;    /* of a token: its jti */
    int64_t              expires;   /* seconds; 0: not known */
    int64_t              sunset;
    unsigned             deprecated:1;

    uint64_t             lost;
} agent_audit_entry_t;


/*
 * Reads a line of len octets without its LF.  Sets *json, which the caller
 * drops with json_decref() when done with the names in entry, or NULL; err
 * (AGENT_ERROR_LEN octets) is set for AGENT_AUDIT_BAD only and quotes nothing
 * of the line.  Source: OCSF 1.8.0, class 6003.
 */

agent_audit_read_e agent_audit_read(const uint8_t *line, size_t len,
    agent_audit_entry_t *entry, json_t **json, char *err);


#endif /* _AGENT_AUDIT_READ_H_INCLUDED_ */
