
/*
 * What differs between versions of nginx, and nowhere else.
 */

#ifndef _NGX_AGENT_COMPAT_H_INCLUDED_
#define _NGX_AGENT_COMPAT_H_INCLUDED_


/* nginx_version, without which the oldest nginx would be taken for granted */

#include <ngx_config.h>
#include <ngx_core.h>
#include <nginx.h>


/* since 1.23.0 fields of one name form a list, which must be ended */

#if (nginx_version >= 1023000)
#define ngx_agent_header_chain(h, following)  (h)->next = following
#else
#define ngx_agent_header_chain(h, following)
#endif


#endif /* _NGX_AGENT_COMPAT_H_INCLUDED_ */
