
/*
 * Fields of a request: which ones are meant by a name, and how they are taken
 * out of what the upstream will see.
 */

#ifndef _NGX_AGENT_HEADER_H_INCLUDED_
#define _NGX_AGENT_HEADER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* whether a field is one of those */

typedef ngx_uint_t (*ngx_agent_header_pt)(const ngx_table_elt_t *h,
    const void *data);


/*
 * Whether a field has this name as nginx names variables: in any case, '-' is
 * '_'.  The name is in small letters, with '_', and as long as that of h.
 */

ngx_uint_t ngx_agent_header_named(const ngx_table_elt_t *h,
    const ngx_str_t *name);


/*
 * Takes all fields with a name of so many octets that is() says yes to out of
 * the list of a main request.  NGX_ERROR: no memory, some may be left.
 */

ngx_int_t ngx_agent_header_remove(ngx_http_request_t *r, size_t len,
    ngx_agent_header_pt is, const void *data);


#endif /* _NGX_AGENT_HEADER_H_INCLUDED_ */
