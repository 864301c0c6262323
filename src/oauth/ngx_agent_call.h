
/*
 * One call to an authorization server about one token, and those in this
 * worker who wait for it.  For the files of src/oauth.
 */

#ifndef _NGX_AGENT_CALL_H_INCLUDED_
#define _NGX_AGENT_CALL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "ngx_agent_flush.h"
#include "ngx_agent_token.h"


struct ngx_agent_call_s {
    ngx_rbtree_node_t              node;        /* among all calls */
    ngx_queue_t                    link;        /* of those without a turn */
    ngx_queue_t                    waiters;
    const ngx_agent_token_zone_t  *zone;
    const ngx_agent_provider_t    *provider;
    ngx_pool_t                    *pool;
    ngx_log_t                     *log;
    agent_str_t                    value;       /* a copy, cleansed */
    u_char                         key[NGX_AGENT_CACHE_KEY];

    ngx_event_t                    event;       /* to begin, then to end */
    ngx_msec_t                     deadline;
    ngx_msec_t                     asked;       /* when the server was */
    int64_t                        since;
    uint32_t                       flushes;     /* before it began */
    uint64_t                       id;          /* of our flight, 0: none */
    int64_t                        probe;       /* claim on it, 0: none */
    ngx_uint_t                     retry_after; /* seconds; 0: not known */
    const ngx_agent_endpoint_t    *ep;          /* in this turn only */
    ngx_str_t                      answer;      /* that waits for keys */
    uint64_t                       tried;       /* keys, of a JWT */
    agent_reason_e                 reason;      /* with those */
    ngx_uint_t                     local;       /* a JWT that waits for keys */
    ngx_agent_fetch_t             *fetch;
    unsigned                       begun:1;
    unsigned                       linked:1;
    unsigned                       taken:1;     /* its key, by another one */
    unsigned                       cut:1;       /* less than the timeout left */
};


/* epoch milliseconds */

static ngx_inline int64_t
ngx_agent_now(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (int64_t) tp->sec * 1000 + tp->msec;
}


ngx_agent_call_t *ngx_agent_call_find(const ngx_agent_token_t *token);
void ngx_agent_call_join(ngx_agent_call_t *call, ngx_agent_token_t *token);


/* it is tried again soon, until its deadline */

void ngx_agent_call_wait(ngx_agent_call_t *call);


/*
 * What an answer says is of a moment before a flush, perhaps: the server is
 * asked once more, until the deadline, and those who wait go on to.  claims: of
 * an active token, else NULL.  NGX_DECLINED: there was no such flush.
 */

ngx_int_t ngx_agent_call_again(ngx_agent_call_t *call,
    const agent_claims_t *claims);


/* it waits for keys, not for a place among other calls */

#define ngx_agent_call_placed(call)                                           \
    ((call)->local || (call)->answer.data)


/*
 * Nobody waits for the call yet.  probe: what ngx_agent_breaker_open() gave,
 * which goes over to it.  NULL: no memory.
 */

ngx_agent_call_t *ngx_agent_call_begin(const ngx_agent_token_t *token,
    int64_t probe);


/* what is known of the token now goes to all who wait, and the call ends */

void ngx_agent_call_finish(ngx_agent_call_t *call, agent_reason_e reason,
    const agent_claims_t *claims);


/* ngx_agent_introspect.c: asks the server; NGX_ERROR is logged */

ngx_int_t ngx_agent_introspect(ngx_agent_call_t *call);


/*
 * The end of the call with what an answer was found to be; with AGENT_OK claims
 * are set, and checked against the clock and the issuer yet.  err: what to tell
 * with AGENT_PROVIDER_BAD_ANSWER.
 */

void ngx_agent_introspect_done(ngx_agent_call_t *call, agent_reason_e reason,
    const agent_claims_t *claims, const char *err);


/* octets for the claims of an answer */

#define NGX_AGENT_CLAIMS_BUFFER  (128 * 1024)


/*
 * ngx_agent_signed.c: answers that are JWTs, RFC 9701.  Before the server is
 * asked: NGX_OK, keys are there or being fetched; NGX_DECLINED, they cannot be
 * had, and so no answer is of use, call->retry_after is set.
 */

ngx_int_t ngx_agent_signed_ready(ngx_agent_call_t *call);


/*
 * The first takes an answer that has come; the second goes on with it, when
 * there may be keys: NGX_OK, the call is over, or NGX_AGAIN.
 */

void ngx_agent_signed_answer(ngx_agent_call_t *call,
    const ngx_agent_answer_t *answer);
ngx_int_t ngx_agent_signed_try(ngx_agent_call_t *call);


/*
 * ngx_agent_breaker.c.  0: the server may be asked; else in so many seconds it
 * may be again.  After its cool-down one caller of all workers gets 0 and a
 * claim, *probe, for the provider's timeout: its call decides for all.  With
 * probe NULL there is no claim to get.
 */

ngx_uint_t ngx_agent_breaker_open(const ngx_agent_token_zone_t *zone,
    const ngx_agent_provider_t *provider, int64_t *probe);


/* what came of a call that was made */

void ngx_agent_breaker_failed(ngx_agent_call_t *call);
void ngx_agent_breaker_worked(ngx_agent_call_t *call);


/* nothing was asked: the claim, where there is one, is the next one's */

void ngx_agent_breaker_leave(const ngx_agent_token_zone_t *zone,
    const ngx_agent_provider_t *provider, int64_t probe);


/* ngx_agent_token.c */

ngx_int_t ngx_agent_token_cached(ngx_agent_token_t *token);

void ngx_agent_token_fail(ngx_agent_token_t *token, agent_reason_e reason);
void ngx_agent_token_store(ngx_agent_call_t *call, agent_reason_e reason,
    const agent_claims_t *claims);
void ngx_agent_token_oversized(ngx_agent_call_t *call);


#endif /* _NGX_AGENT_CALL_H_INCLUDED_ */
