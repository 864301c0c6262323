
/*
 * How the key table of a zone is: its file, its size, its keys by state.
 */

#ifndef _NGX_AGENT_KEY_CENSUS_H_INCLUDED_
#define _NGX_AGENT_KEY_CENSUS_H_INCLUDED_


#include "ngx_agent_key.h"
#include "agent_status.h"


/*
 * Fills in what is of the table now, all but name and count.  A small table is
 * walked at once, a large one piece by piece in later turns of the event loop
 * of this worker: until that is done its states are those of the walk before,
 * or status->counted is 0.
 */

void ngx_agent_key_census(const ngx_agent_key_zone_t *zone,
    agent_status_key_zone_t *status);


#endif /* _NGX_AGENT_KEY_CENSUS_H_INCLUDED_ */
