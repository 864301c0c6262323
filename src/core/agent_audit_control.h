
/*
 * The audit line of a change that somebody made by the control API, or of what
 * an issuer told: an OCSF 1.8.0 event of class Entity Management (3004), a JSON
 * object on one line of its own.
 */

#ifndef _AGENT_AUDIT_CONTROL_H_INCLUDED_
#define _AGENT_AUDIT_CONTROL_H_INCLUDED_


#include "agent_str.h"


typedef enum {
    AGENT_CHANGE_REVOKE = 0,
    AGENT_CHANGE_UNREVOKE,
    AGENT_CHANGE_SUSPEND,
    AGENT_CHANGE_RESUME,
    AGENT_CHANGE_FLUSH,
    AGENT_CHANGE_RECORD             /* nothing: an issuer told something */
} agent_change_e;


/* empty strings and zero numbers are left out; the octets may be anybody's */

typedef struct {
    uint64_t             time_ms;       /* Unix epoch, UTC */
    uint64_t             sequence;      /* of the writing worker */

    agent_str_t          request_id;    /* metadata.uid */
    uint64_t             number;        /* of the change in the request */
    agent_str_t          server_name;   /* metadata.log_name */
    agent_str_t          client_ip;
    uint32_t             client_port;
    agent_str_t          caller;        /* who asked for it */

    agent_change_e       change;
    agent_str_t          kind;          /* of the entity: "token", "key" */
    agent_str_t          value;         /* which one; of a token: its SHA-256 */
    agent_str_t          issuer;        /* whose it is, or the key's zone */
    agent_str_t          id;            /* of the revocation, or the SET */
    agent_str_t          cause;
    int64_t              before;        /* epoch seconds: those issued before */
    int64_t              expires;       /* likewise: when it may be forgotten */

    uint32_t             http_status;   /* of the answer; 400 and more: the
                                           change was not made */
} agent_audit_control_t;


/*
 * Writes the line for ev to buf (size octets), the LF included.  Returns the
 * length of the line, or 0 where size is less than AGENT_AUDIT_LINE_MAX.  The
 * line is valid UTF-8 and JSON whatever the fields hold, and never longer than
 * that.  Source: OCSF 1.8.0, class 3004.
 */

size_t agent_audit_control_line(uint8_t *buf, size_t size,
    const agent_audit_control_t *ev);


/* "revoke", ...; static storage */

const agent_str_t *agent_change_name(agent_change_e change);


#endif /* _AGENT_AUDIT_CONTROL_H_INCLUDED_ */
