
/*
 * Content handlers of our own: the small body that they take, and the answers
 * that they give.
 */

#ifndef _NGX_AGENT_BODY_H_INCLUDED_
#define _NGX_AGENT_BODY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/*
 * Whether the body is of this media type (lower case, such as
 * "application/json"), whatever its parameters: RFC 9110, 8.3.1.
 */

ngx_uint_t ngx_agent_body_is(ngx_http_request_t *r, const char *type);


/*
 * Reads the body, of at most max octets, and calls handler when it is there,
 * which ends the request with ngx_http_finalize_request(), now or later.
 * Returns what a content handler returns.  A body that is said to be longer is
 * refused with 413.
 */

ngx_int_t ngx_agent_body_read(ngx_http_request_t *r, size_t max,
    ngx_http_client_body_handler_pt handler);


/*
 * In handler: the whole body in one piece, in the request's pool or where
 * nginx has it.  NGX_OK; else the status to answer with, 413 (it came in
 * chunks, and is longer than max octets) or 500.
 */

ngx_int_t ngx_agent_body_text(ngx_http_request_t *r, size_t max,
    ngx_str_t *text);


/* a field of the response; name and value are kept, not copied */

ngx_int_t ngx_agent_answer_field(ngx_http_request_t *r, const ngx_str_t *name,
    const ngx_str_t *value);


/*
 * Answers with a body of this media type, which is kept, or without one where
 * type is NULL.  Returns what ngx_http_finalize_request() takes, and so may be
 * returned by a content handler.  What is left of the request's own body is
 * thrown away.  RFC 9111, 5.2.2.5: no-store.
 */

ngx_int_t ngx_agent_answer(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, const ngx_str_t *body);


/*
 * Answers with problem details (RFC 9457).  detail is a text of ours, and
 * nothing that a client sent; NULL: the status says it all.
 */

ngx_int_t ngx_agent_answer_problem(ngx_http_request_t *r, ngx_uint_t status,
    const char *detail);


#endif /* _NGX_AGENT_BODY_H_INCLUDED_ */
