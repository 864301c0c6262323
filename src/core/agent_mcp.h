
/*
 * The header fields in which a client of the Model Context Protocol says again
 * what stands in the body of its request: MCP, revision 2026-07-28, Streamable
 * HTTP, "Request Metadata".  Who reads them knows what the client says, no
 * more: it is the MCP server that must refuse a body which says something else,
 * and only servers of that revision and later ones must.
 */

#ifndef _AGENT_MCP_H_INCLUDED_
#define _AGENT_MCP_H_INCLUDED_


#include "agent_error.h"
#include "agent_str.h"


/* the first revision in which body and fields must agree */

#define AGENT_MCP_REVISION    "2026-07-28"

#define AGENT_MCP_METHOD_MAX  128


/* what a request has of a field, and how often */

typedef struct {
    agent_str_t  value;
    unsigned     count;
} agent_mcp_field_t;


typedef struct {
    agent_mcp_field_t  version;     /* MCP-Protocol-Version */
    agent_mcp_field_t  method;      /* Mcp-Method */
    agent_mcp_field_t  name;        /* Mcp-Name */
} agent_mcp_fields_t;


/*
 * Views into the fields, the name into the room of agent_mcp_parse() where it
 * was encoded.  What is empty is not known.
 */

typedef struct {
    agent_str_t  version;       /* any revision: YYYY-MM-DD */
    agent_str_t  method;        /* of AGENT_MCP_REVISION or later: 0x21-0x7e */
    agent_str_t  name;          /* likewise: UTF-8 without C0 and DEL */
} agent_mcp_t;


/* octets that agent_mcp_parse() needs to decode the name; 0: none */

size_t agent_mcp_room(const agent_mcp_fields_t *fields);


/*
 * Reads the fields; room has agent_mcp_room() octets and outlives mcp.
 *
 * Returns 0; method and name are empty where the version is none, is no date,
 * or is older than AGENT_MCP_REVISION: then they bind nobody, whatever they
 * hold.  Returns -1, both of them empty and the cause in err (AGENT_ERROR_LEN),
 * which quotes no field, where the version came more than once, or the version
 * is one that counts and another field came more than once, is empty, longer
 * than AGENT_MCP_METHOD_MAX (of the method), has octets that it must not have,
 * or has "=?base64?...?=" around what is not the base64 (RFC 4648, 4, with
 * padding, one spelling only) of such a text.
 */

int agent_mcp_parse(agent_mcp_t *mcp, const agent_mcp_fields_t *fields,
    uint8_t *room, char *err);


/*
 * Whether the revision is one that counts and all is there that it requires of
 * a request: the method, and the name for those methods that have one.  0, or
 * -1 and the cause in err.
 */

int agent_mcp_complete(const agent_mcp_t *mcp, char *err);


#endif /* _AGENT_MCP_H_INCLUDED_ */
