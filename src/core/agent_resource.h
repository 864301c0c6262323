
/*
 * The identifier of a protected resource: RFC 9728, 1.2 and 3.1.
 */

#ifndef _AGENT_RESOURCE_H_INCLUDED_
#define _AGENT_RESOURCE_H_INCLUDED_


#include "agent_error.h"
#include "agent_str.h"


#define AGENT_RESOURCE_WELL_KNOWN  "/.well-known/oauth-protected-resource"

/* octets of an identifier */

#define AGENT_RESOURCE_MAX         1024


typedef struct {
    agent_str_t  origin;    /* scheme://authority */
    agent_str_t  path;      /* as it is written; empty where it is "/" */
    agent_str_t  query;     /* with its "?"; empty without */
} agent_resource_t;


/*
 * Splits an identifier; what is set points into uri.  Returns -1 with err set
 * where it is none: https (http on loopback) is the scheme, in lower case;
 * there is no fragment, no user; each octet is one of RFC 3986; no path
 * segment is empty but the last, none is "." or "..", since servers would
 * take those away from the path of the request.
 */

int agent_resource_parse(const agent_str_t *uri, agent_resource_t *resource,
    char *err);


/*
 * Writes the path as it is once it is decoded (RFC 3986, 2.1) to dst, which
 * has room for path.len octets, and returns the end.  For a path that
 * agent_resource_parse() found.
 */

uint8_t *agent_resource_path(const agent_resource_t *resource, uint8_t *dst);


/* 1 where text is an https or http URI of octets that RFC 3986 allows */

int agent_resource_uri_valid(const agent_str_t *text);


#endif /* _AGENT_RESOURCE_H_INCLUDED_ */
