
/*
 * Reads a key file into an arena, a few lines at a time.
 */

#ifndef _NGX_AGENT_KEY_LOADER_H_INCLUDED_
#define _NGX_AGENT_KEY_LOADER_H_INCLUDED_


#include "ngx_agent_key.h"


typedef struct ngx_agent_key_loader_s  ngx_agent_key_loader_t;


/*
 * Opens the files of the zone and begins a table in the arena at base
 * (zone->gen.size octets).  NULL where that fails, which is logged at level.
 */

ngx_agent_key_loader_t *ngx_agent_key_loader_open(ngx_agent_key_zone_t *zone,
    u_char *base, ngx_uint_t level, ngx_log_t *log);


/*
 * Does a piece of work of well under a millisecond.
 *
 * NGX_AGAIN: there is more to do.  NGX_OK: the arena is complete and the files
 * are still what they were.  NGX_ERROR: the file is at fault, which was
 * logged.  NGX_DECLINED: the files changed while they were read.
 */

ngx_int_t ngx_agent_key_loader_step(ngx_agent_key_loader_t *loader);


/* to be called before the arena is published: notes what it was made from */

void ngx_agent_key_loader_note(ngx_agent_key_loader_t *loader);


/* notes that the files as they are were refused: nobody need try again soon */

void ngx_agent_key_loader_refuse(ngx_agent_key_loader_t *loader);


/* the same of files for which there is no loader */

void ngx_agent_key_refuse(const ngx_agent_key_zone_t *zone,
    const ngx_agent_key_files_t *files);


uint64_t ngx_agent_key_loader_count(ngx_agent_key_loader_t *loader);


void ngx_agent_key_loader_close(ngx_agent_key_loader_t *loader);


/* ms of a clock that all processes share and that nobody sets */

uint64_t ngx_agent_key_clock(void);


#endif /* _NGX_AGENT_KEY_LOADER_H_INCLUDED_ */
