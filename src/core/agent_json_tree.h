
/*
 * JSON (RFC 8259) that somebody else wrote: tokens, and answers of servers.
 */

#ifndef _AGENT_JSON_TREE_H_INCLUDED_
#define _AGENT_JSON_TREE_H_INCLUDED_


#include "agent_str.h"

#include <jansson.h>


#define AGENT_JSON_DEPTH_MAX  32


/*
 * An object of len octets, without members of the same name and not deeper
 * than AGENT_JSON_DEPTH_MAX, which the caller releases with json_decref(); or
 * NULL.  flags are those of json_loadb(), if it is to be stricter or to read
 * integers as reals.
 */

json_t *agent_json_tree(const uint8_t *text, size_t len, size_t flags);


/* the same, or an array */

json_t *agent_json_list(const uint8_t *text, size_t len, size_t flags);


#endif /* _AGENT_JSON_TREE_H_INCLUDED_ */
