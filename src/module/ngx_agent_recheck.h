
/*
 * A response that is under way for long: its credential is looked at again
 * from time to time, and the response is cut when that is good no more.
 */

#ifndef _NGX_AGENT_RECHECK_H_INCLUDED_
#define _NGX_AGENT_RECHECK_H_INCLUDED_


#include "ngx_agent_module.h"


char *ngx_agent_conf_recheck(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


/* an admitted main request of a location with agent_recheck; NGX_ERROR: no
 * memory for it */

ngx_int_t ngx_agent_recheck_begin(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, ngx_agent_record_t *rec);


#endif /* _NGX_AGENT_RECHECK_H_INCLUDED_ */
