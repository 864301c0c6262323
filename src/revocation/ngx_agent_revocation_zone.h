
/*
 * What the files of this room share: the directive, and the part of it that
 * each process has of its own.
 */

#ifndef _NGX_AGENT_REVOCATION_ZONE_H_INCLUDED_
#define _NGX_AGENT_REVOCATION_ZONE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "agent_revocation_file.h"
#include "ngx_agent_revocation.h"
#include "ngx_agent_revocation_table.h"


/* lines that are applied at once, under the mutex */

#define NGX_AGENT_REVOCATION_CHUNK  512


/* ms between two looks at the lock's name */

#define NGX_AGENT_REVOCATION_WATCH  5000


typedef struct {
    agent_revocation_file_t        file;
    ngx_uint_t                     owned;   /* may be locked and written */
    ngx_log_t                     *log;

    /* to read by */
    u_char                        *buf;     /* AGENT_REVOCATION_BUFFER */
    u_char                        *text;    /* AGENT_REVOCATION_LINE_MAX */
    ngx_agent_revocation_op_t     *ops;     /* _CHUNK of them */
    uint64_t                      *ends;    /* where their lines end */

    /* what was handed in */
    ngx_queue_t                    queue;
    ngx_event_t                    event;   /* posted, or a timer */
    ngx_msec_t                     since;   /* it waits for the lock */
    ngx_uint_t                     waiting;

    int64_t                        look;    /* at the lock's name, then */
} ngx_agent_revocation_process_t;


struct ngx_agent_revocation_zone_s {
    ngx_str_t                      name;
    ngx_str_t                      path;
    ngx_shm_zone_t                *shm_zone;
    ngx_agent_revocation_table_t   table;
    ngx_agent_revocation_process_t *process;
    ngx_uint_t                     fresh;   /* the zone is new */
    ngx_cycle_t                   *cycle;
    ngx_str_t                      conf_file;
    ngx_uint_t                     conf_line;
};


/*
 * Brings the table to where the word is, by that many steps at most.  NGX_OK;
 * NGX_BUSY: not done yet; NGX_DECLINED: there is no room in the table;
 * NGX_ERROR: the file cannot be read.  *bad: where.
 */

ngx_int_t ngx_agent_revocation_follow(const ngx_agent_revocation_zone_t *zone,
    ngx_uint_t steps, uint64_t *bad, char *err);


/* the same for a decision, which says once in a minute what is wrong */

ngx_int_t ngx_agent_revocation_catch_up(
    const ngx_agent_revocation_zone_t *zone);


/* whether a message may be written now: once in a minute, by all processes */

ngx_uint_t ngx_agent_revocation_warn(const ngx_agent_revocation_zone_t *zone);


/*
 * Looks whether the lock is still the one of its name, and logs it where it is
 * not: who opens another in its place is heeded by nobody here, and does not
 * know.  For requests that come NGX_AGENT_REVOCATION_WATCH ms after the last
 * look; a timer would cost each of them more than the question.
 */

void ngx_agent_revocation_watch(const ngx_agent_revocation_zone_t *zone);


/* what of a line goes to the table */

void ngx_agent_revocation_op(const ngx_agent_revocation_zone_t *zone,
    const agent_revocation_t *rev, ngx_agent_revocation_op_t *op);


/* ngx_agent_revocation_compact.c: under the lock, with all applied */

ngx_int_t ngx_agent_revocation_compact(ngx_agent_revocation_zone_t *zone,
    uint64_t *word, ngx_log_t *log);


/* ngx_agent_revocation_submit.c */

void ngx_agent_revocation_flush(ngx_event_t *ev);


/* ms since the epoch, as of this turn of the event loop */

static ngx_inline int64_t
ngx_agent_revocation_now(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (int64_t) tp->sec * 1000 + tp->msec;
}


#endif /* _NGX_AGENT_REVOCATION_ZONE_H_INCLUDED_ */
