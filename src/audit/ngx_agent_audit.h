
/*
 * Where audit lines go: files and syslog servers.  The line itself is made by
 * the core, see agent_audit.h.
 */

#ifndef _NGX_AGENT_AUDIT_H_INCLUDED_
#define _NGX_AGENT_AUDIT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "agent_audit.h"
#include "agent_audit_control.h"


typedef struct ngx_agent_audit_sink_s  ngx_agent_audit_sink_t;


/*
 * Reads a directive
 *
 *     agent_audit path|syslog:... [buffer=size] [flush=time] | off;
 *
 * and appends to *sinks, an array of ngx_agent_audit_sink_t *, which is NULL
 * before the first directive of a level.  "off" yields an empty array.  All
 * levels that name one path share the sink, and what one level says of its
 * buffer holds for all.  Returns NGX_CONF_OK, or NGX_CONF_ERROR after a
 * message.  The files are opened once the whole configuration was read.
 */

char *ngx_agent_audit(ngx_conf_t *cf, ngx_array_t **sinks);


/*
 * Reads the directive
 *
 *     agent_audit_chain key_file=path [checkpoint=time] [lines=number] | off;
 *
 * which holds for all files.  Returns as ngx_agent_audit().
 */

char *ngx_agent_audit_chain(ngx_conf_t *cf);


/*
 * Hands an event to all sinks of the array, numbering it: ev->sequence counts
 * the events of this process from 1.  Never waits, but for the write() to a
 * local file; an event that a sink cannot take is counted, and recorded in
 * that sink when it can be written again.  No sink keeps ev.  Faults of a sink
 * are not those of a request, and go to the error log of the process; log is
 * for debugging.
 */

void ngx_agent_audit_write(ngx_array_t *sinks, agent_audit_event_t *ev,
    ngx_log_t *log);


/* the same of a change that was made by the control API */

void ngx_agent_audit_control(ngx_array_t *sinks, agent_audit_control_t *ev,
    ngx_log_t *log);


/*
 * Of the n-th sink of a configuration, from 0, its name: a path, or of syslog
 * servers "syslog", "syslog-2" and so on, in pool, without their addresses.
 * Returns where its first counter is kept, NULL where there are no so many.
 */

ngx_uint_t *ngx_agent_audit_nth(ngx_cycle_t *cycle, ngx_uint_t n,
    ngx_pool_t *pool, ngx_str_t *name);


extern ngx_module_t  ngx_agent_audit_module;


#endif /* _NGX_AGENT_AUDIT_H_INCLUDED_ */
