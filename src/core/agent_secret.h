
/*
 * The lines of a file of secrets: "id base64".
 */

#ifndef _AGENT_SECRET_H_INCLUDED_
#define _AGENT_SECRET_H_INCLUDED_


#include "agent_error.h"
#include "agent_str.h"


/* octets of an id, and of a secret */

#define AGENT_SECRET_ID_MAX  32
#define AGENT_SECRET_MAX     1024


/*
 * Takes what stands from p on, up to last, apart (RFC 4648, 4: with padding,
 * no white space, and bits that stand for nothing are zero).  id is in the
 * line, secret has room for AGENT_SECRET_MAX octets and is to be cleansed by
 * the caller in any case.
 *
 * Returns how many octets the secret has, -1 where it is no base64, or
 * -2 with err set where the line has no id.
 */

int agent_secret_line(const uint8_t *p, const uint8_t *last, agent_str_t *id,
    uint8_t *secret, char *err);


#endif /* _AGENT_SECRET_H_INCLUDED_ */
