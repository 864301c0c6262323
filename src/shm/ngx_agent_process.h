
/*
 * Which process it is that something in shared memory belongs to.
 */

#ifndef _NGX_AGENT_PROCESS_H_INCLUDED_
#define _NGX_AGENT_PROCESS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* when a process began, in ticks since boot; 0 where nobody can tell */

uint64_t ngx_agent_process_start(ngx_pid_t pid);


/* that of this process, looked up once */

uint64_t ngx_agent_process_own(void);


/*
 * Whether the process of this pid that began then still runs.  One that was
 * killed does not, though its parent may not have heard of it yet.
 */

ngx_uint_t ngx_agent_process_runs(ngx_pid_t pid, uint64_t start);


/*
 * A process as one word that can be compared and set; never 0.  Where words
 * have 32 bits it is the pid alone.
 */

ngx_atomic_uint_t ngx_agent_process_word(void);


/* whether the process of such a word still runs */

ngx_uint_t ngx_agent_process_word_runs(ngx_atomic_uint_t word);


#endif /* _NGX_AGENT_PROCESS_H_INCLUDED_ */
