
/*
 * Subject identifiers (RFC 9493): whom another system speaks of.
 */

#ifndef _AGENT_SUB_ID_H_INCLUDED_
#define _AGENT_SUB_ID_H_INCLUDED_


#include "agent_error.h"
#include "agent_str.h"

#include <jansson.h>


/* octets of a member */

#define AGENT_SUB_ID_MAX  2048


typedef enum {
    AGENT_SUB_ID_ISS_SUB = 0,
    AGENT_SUB_ID_OPAQUE,
    AGENT_SUB_ID_EMAIL,

    /* "account", "aliases", "did", "phone_number", "uri": they are registered,
     * and no token says them of its subject */
    AGENT_SUB_ID_OTHER
} agent_sub_id_e;


typedef struct {
    agent_sub_id_e  format;
    agent_str_t     issuer;     /* of ISS_SUB only */
    agent_str_t     value;      /* sub, id or email; empty: OTHER */
} agent_sub_id_t;


/*
 * Reads a Subject Identifier; what id points at belongs to json.  Returns 0,
 * or -1 with err set (which quotes nothing of it) where it is none, has a
 * member too many or too few, or is of a format that nobody registered.
 */

int agent_sub_id(const json_t *json, agent_sub_id_t *id, char *err);


#endif /* _AGENT_SUB_ID_H_INCLUDED_ */
