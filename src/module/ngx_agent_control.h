
/*
 * agent_control: an API for operators, JSON over HTTP.  For the files of it.
 */

#ifndef _NGX_AGENT_CONTROL_H_INCLUDED_
#define _NGX_AGENT_CONTROL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "agent_control.h"
#include "agent_json.h"
#include "ngx_agent_body.h"
#include "ngx_agent_handlers.h"
#include "ngx_agent_revocation.h"


#define NGX_AGENT_UNPROCESSABLE  422


/* a directive agent_control */

struct ngx_agent_control_s {
    ngx_str_t                    prefix;    /* without a "/" at its end */
    ngx_str_t                    provider_name;
    const ngx_agent_provider_t  *provider;  /* whose subjects are meant */
    ngx_msec_t                   keep;      /* revocations of subjects; 0: for
                                               good */
    ngx_uint_t                   email;     /* is a subject */
    void                       **loc_conf;  /* of all modules */
    ngx_str_t                    conf_file;
    ngx_uint_t                   conf_line;
};


/* what leaves an audit line, and no entry */

typedef struct {
    agent_change_e               change;
    agent_str_t                  kind;      /* static storage */
    agent_str_t                  value;
    agent_str_t                  issuer;
    agent_str_t                  id;
    agent_str_t                  cause;
} ngx_agent_control_note_t;


/* a change that was asked for; it outlives a request whose client leaves */

typedef struct {
    ngx_pool_t                  *pool;
    ngx_http_request_t          *request;   /* NULL: it is gone */
    ngx_http_cleanup_t          *cleanup;   /* that tells so */
    const ngx_agent_loc_conf_t  *conf;
    agent_revocation_t          *entries;   /* what they point at is copied */
    ngx_uint_t                   n;
    ngx_agent_control_note_t    *notes;     /* likewise */
    ngx_uint_t                   nnotes;
    ngx_int_t                  (*answer)(ngx_http_request_t *r, void *op);
    agent_audit_control_t        event;     /* of the request */
} ngx_agent_control_op_t;


/* what is in force, and no more: a content handler */

ngx_int_t ngx_agent_control_handler(ngx_http_request_t *r);


/*
 * ngx_agent_control_conf.c: for how long revocations last, to *keep in ms;
 * NGX_ERROR: it is no time, none at all, or more than a hundred years
 */

ngx_int_t ngx_agent_control_time(ngx_str_t *value, ngx_msec_t *keep);


/* ngx_agent_control_change.c */

/* handlers of bodies; each ends the request, now or later */

void ngx_agent_control_revoke(ngx_http_request_t *r);
void ngx_agent_control_subject(ngx_http_request_t *r);
void ngx_agent_control_flush(ngx_http_request_t *r);


/* a change with room for n entries, or NULL: no memory */

ngx_agent_control_op_t *ngx_agent_control_op(ngx_http_request_t *r,
    ngx_uint_t n);


/*
 * Hands the entries of op in; each must hold together, but for id, at and by,
 * which are set here.  When that is settled, at once where there are none, it
 * answers, by op->answer where all is well, and is released.  r waits for it.
 * What it returns is for ngx_http_finalize_request().
 */

ngx_int_t ngx_agent_control_submit(ngx_http_request_t *r,
    ngx_agent_control_op_t *op);


/* answers 204 */

ngx_int_t ngx_agent_control_done(ngx_http_request_t *r, void *op);


/* ngx_agent_control_list.c */

ngx_int_t ngx_agent_control_list(ngx_http_request_t *r);
ngx_int_t ngx_agent_control_undo(ngx_http_request_t *r,
    const agent_str_t *id);


/* ngx_agent_control_key.c */

ngx_int_t ngx_agent_control_key(ngx_http_request_t *r,
    const agent_control_route_t *route);
void ngx_agent_control_key_change(ngx_http_request_t *r);


/* ngx_agent_control_show.c */

ngx_int_t ngx_agent_control_providers(ngx_http_request_t *r);
ngx_int_t ngx_agent_control_zones(ngx_http_request_t *r);


/* ngx_agent_control.c */

/* the route of a request that has one */

ngx_int_t ngx_agent_control_route(ngx_http_request_t *r,
    agent_control_route_t *route);


/*
 * The body of a request: NGX_OK; else the request was answered, and what was
 * returned is for ngx_http_finalize_request().
 */

ngx_int_t ngx_agent_control_body(ngx_http_request_t *r, ngx_str_t *body);


/* answers with what was written */

ngx_int_t ngx_agent_control_json(ngx_http_request_t *r, ngx_uint_t status,
    u_char *start, const agent_json_t *json);


/* "name":"2027-01-31T00:00:00Z", for ms; left out where there is none */

void ngx_agent_control_date(agent_json_t *json, const char *name, int64_t ms);


/* "name":n, also where n is 0; name has its quotes and colon */

void ngx_agent_control_number(agent_json_t *json, const char *name,
    uint64_t n);


/* "name":"value", likewise */

void ngx_agent_control_text(agent_json_t *json, const char *name,
    const agent_str_t *value);


#endif /* _NGX_AGENT_CONTROL_H_INCLUDED_ */
