
/*
 * agent_security_events: where an issuer tells what happened to its subjects
 * (OpenID Shared Signals; push delivery, RFC 8935).  For the files of it.
 */

#ifndef _NGX_AGENT_EVENTS_H_INCLUDED_
#define _NGX_AGENT_EVENTS_H_INCLUDED_


#include "ngx_agent_control.h"
#include "agent_set.h"


/* octets of a SET */

#define NGX_AGENT_EVENTS_BODY_MAX  AGENT_JWS_MAX


/* a directive agent_security_events; const once it is in force */

struct ngx_agent_events_s {
    agent_str_t                  provider_name;
    const ngx_agent_provider_t  *provider;      /* whose keys sign */
    agent_set_policy_t           policy;
    ngx_msec_t                   keep;      /* revocations; 0: for good */
    ngx_uint_t                   risk;      /* revokes */
    ngx_str_t                    conf_file;
    ngx_uint_t                   conf_line;
};


/* a content handler */

ngx_int_t ngx_agent_events_handler(ngx_http_request_t *r);


#endif /* _NGX_AGENT_EVENTS_H_INCLUDED_ */
