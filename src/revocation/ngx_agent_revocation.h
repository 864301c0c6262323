
/*
 * Revocations: what a worker is told of a credential after it was issued is
 * written to the state file, in force for every process, and asked for each
 * decision.
 */

#ifndef _NGX_AGENT_REVOCATION_H_INCLUDED_
#define _NGX_AGENT_REVOCATION_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "agent_claims.h"
#include "agent_reason.h"
#include "agent_revocation.h"


/* a directive agent_revocations; const once the configuration is in force */

typedef struct ngx_agent_revocation_zone_s  ngx_agent_revocation_zone_t;


/*
 * Called when a submission is settled, from the event loop.  NGX_OK: all of it
 * is durable and in force for every process.  NGX_DECLINED: the table has no
 * room for it.  NGX_ERROR: it could not be written, a message is in the log.
 * Where it is not NGX_OK, none of it is in force.
 */

typedef void (*ngx_agent_revocation_pt)(ngx_int_t rc, void *data);


/*
 * Of a token what is asked for, besides its claims: what was presented, and
 * what its cached verdict remembers (NULL: it is not from the cache).
 */

typedef struct {
    const u_char              *digest;      /* SHA-256 of the value */
    const agent_claims_t      *claims;
    agent_str_t                issuer;      /* where claims name none */
    const agent_str_t         *agent;       /* as $agent_id */

    /* a word of the cache and the number that marks this entry of it */
    uint64_t                  *clean;
    uint64_t                   seq;
} ngx_agent_revocation_token_t;


/* what is in force about one value: epoch ms, 0: nothing, INT64_MAX: ever */

typedef struct {
    int64_t                    until;       /* revoked */
    int64_t                    before;      /* issued before: revoked, too, */
    int64_t                    before_until;    /* until then */
    int64_t                    suspended_until; /* of a key */
} ngx_agent_revocation_state_t;


typedef struct {
    uint64_t                   entries;     /* in the table, dead ones, too */
    uint64_t                   capacity;
    uint64_t                   kinds[AGENT_REVOCATION_KINDS];   /* in force */
    uint64_t                   submitted;
    uint64_t                   refused;     /* no room */
    uint64_t                   failed;      /* not written */
    int64_t                    failed_at;   /* the last one, epoch seconds */
    uint64_t                   size;        /* of the state file, octets */
    uint64_t                   applied;     /* of that: in the table */
    ngx_uint_t                 stuck;       /* what follows cannot be applied:
                                               requests are refused */
} ngx_agent_revocation_status_t;


/* agent_revocations zone=name:size state=path; *zone: NULL at first */

char *ngx_agent_revocation_zone(ngx_conf_t *cf,
    ngx_agent_revocation_zone_t **zone, void *tag);


/* the configuration comes into force (init_module, in the master) */

void ngx_agent_revocation_commit(ngx_cycle_t *cycle,
    ngx_agent_revocation_zone_t *zone);


/* before the first request of a worker, and after its last */

ngx_int_t ngx_agent_revocation_init_process(ngx_cycle_t *cycle,
    ngx_agent_revocation_zone_t *zone);
void ngx_agent_revocation_exit_process(ngx_agent_revocation_zone_t *zone);


/*
 * Hands n entries in, all or nothing; those without id or at are given one.
 * They are copied before it returns.  pool: of who waits; when it is destroyed
 * first, handler is not called, and what was not written yet is dropped.
 *
 * NGX_AGAIN: handler will be called, never from within this call.  NGX_ERROR:
 * an entry is no good (agent_revocation_check()), or there is no memory or no
 * worker to do it; handler will not be called.
 */

ngx_int_t ngx_agent_revocation_submit(ngx_agent_revocation_zone_t *zone,
    const agent_revocation_t *list, ngx_uint_t n, ngx_pool_t *pool,
    ngx_agent_revocation_pt handler, void *data);


/*
 * AGENT_OK: nothing that is in force speaks against it now.  Else
 * AGENT_TOKEN_REVOKED, or of a key AGENT_KEY_REVOKED, AGENT_KEY_SUSPENDED, or
 * AGENT_TABLE_BUSY: that could not be told in time.
 */

agent_reason_e ngx_agent_revocation_token(
    const ngx_agent_revocation_zone_t *zone,
    const ngx_agent_revocation_token_t *token);
agent_reason_e ngx_agent_revocation_key(
    const ngx_agent_revocation_zone_t *zone, const agent_str_t *id,
    const agent_str_t *agent);


/*
 * What is in force about the kind, issuer and value of rev: NGX_OK.  NGX_BUSY
 * as above.
 */

ngx_int_t ngx_agent_revocation_find(const ngx_agent_revocation_zone_t *zone,
    const agent_revocation_t *rev, ngx_agent_revocation_state_t *state);


/*
 * Reads the lines of the state file one by one, the oldest first; *cursor is 0
 * at first.  buf: AGENT_REVOCATION_LINE_MAX octets, which rev will point into.
 * *live: whether what the line says is in force.  A line that was said again
 * later is shown twice.
 *
 * NGX_OK, with *cursor moved on; NGX_DONE: that was all; NGX_DECLINED: the file
 * was replaced since, begin anew; NGX_ERROR: it cannot be read.
 */

ngx_int_t ngx_agent_revocation_next(const ngx_agent_revocation_zone_t *zone,
    uint64_t *cursor, u_char *buf, agent_revocation_t *rev, ngx_uint_t *live);


/*
 * Of a cursor that somebody else kept: NGX_OK, unless the file was replaced a
 * line begins there, or the file ends; NGX_DECLINED, it is none; NGX_ERROR, the
 * file cannot be read.
 */

ngx_int_t ngx_agent_revocation_cursor(const ngx_agent_revocation_zone_t *zone,
    uint64_t cursor);


/* for a status page; walks the table, which takes a millisecond or so of each
 * hundred thousand entries */

void ngx_agent_revocation_status(const ngx_agent_revocation_zone_t *zone,
    ngx_agent_revocation_status_t *status);


#endif /* _NGX_AGENT_REVOCATION_H_INCLUDED_ */
