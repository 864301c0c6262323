
/*
 * What the files of src/audit share: a sink, and how events get there.
 */

#ifndef _NGX_AGENT_AUDIT_SINK_H_INCLUDED_
#define _NGX_AGENT_AUDIT_SINK_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "ngx_agent_audit.h"


/* ms after which a sink that failed is tried again, and one that was busy */

#define NGX_AGENT_AUDIT_RETRY  1000
#define NGX_AGENT_AUDIT_BUSY   10


/*
 * What all workers know of a sink.  It lies in shared memory and is kept over
 * reloads, so that what a worker could not say before it exited is recorded by
 * another one.
 */

typedef struct ngx_agent_audit_state_s  ngx_agent_audit_state_t;

struct ngx_agent_audit_state_s {
    ngx_agent_audit_state_t  *next;
    ngx_atomic_t              lost;     /* lines, not recorded so far */
    ngx_atomic_t              torn;     /* inode of a file that ends amid a
                                           line, else 0 */
    ngx_atomic_t              warned;   /* epoch seconds */
    size_t                    len;
    u_char                    name[1];
};


/* a place in the configuration */

typedef struct {
    ngx_str_t                 file;
    ngx_uint_t                line;
} ngx_agent_audit_place_t;


typedef struct {
    ngx_array_t               sinks;    /* of ngx_agent_audit_sink_t * */
    ngx_cycle_t              *cycle;
    ngx_shm_zone_t           *shm_zone;
    uint64_t                  sequence; /* events of this process */
    uint64_t                  records;  /* of lost lines, of this process */
} ngx_agent_audit_conf_t;


/* each process has its own copy of all this, but for the state */

struct ngx_agent_audit_sink_s {
    ngx_str_t                 name;     /* full path, or "syslog:..." */
    ngx_agent_audit_conf_t   *conf;
    ngx_agent_audit_state_t  *state;

    ngx_agent_audit_place_t   place;    /* where it is named first */
    ngx_agent_audit_place_t   sized;    /* where "buffer" is given */
    ngx_agent_audit_place_t   timed;    /* where "flush" is given */

    /* lines that wait are in [start, last); an LF stands before start.
       For syslog the header of the message ends at start */
    u_char                   *block;
    u_char                   *start;
    u_char                   *last;
    u_char                   *end;

    ngx_msec_t                retry;    /* while it fails: not before */
    unsigned                  failed:1;

    /* of a file */
    size_t                    size;
    ngx_msec_t                flush;
    ngx_event_t               event;
    ngx_open_file_t          *file;
    ngx_fd_t                  fd;       /* what is known is known of this */
    ino_t                     inode;
    unsigned                  pipe:1;

    /* of a syslog server */
    ngx_syslog_peer_t        *peer;
    time_t                    second;   /* of the header */
    ngx_uint_t                weight;   /* lines that the last datagram stands
                                           for */
};


/* ngx_agent_audit.c */

/* a line for count lost ones, at buf: AGENT_AUDIT_LINE_MAX octets; its size */

size_t ngx_agent_audit_lost(ngx_agent_audit_sink_t *sink, u_char *buf,
    ngx_uint_t count);


/* 1 while a sink that failed is to be left alone */

ngx_uint_t ngx_agent_audit_waits(const ngx_agent_audit_sink_t *sink);


/* ngx_agent_audit_open.c: what can be seen once all directives were read */

char *ngx_agent_audit_init_conf(ngx_cycle_t *cycle, void *conf);


/* ngx_agent_audit_state.c */

/* asks for the shared memory, once in a configuration */

ngx_int_t ngx_agent_audit_state_zone(ngx_conf_t *cf,
    ngx_agent_audit_conf_t *conf);


/* takes the count of lost lines, whoever recorded them; leaves 0 */

ngx_uint_t ngx_agent_audit_state_take(ngx_agent_audit_state_t *state);


/* 1 at most once a minute and sink, in all workers together */

ngx_uint_t ngx_agent_audit_state_warn(ngx_agent_audit_state_t *state);


/*
 * ngx_agent_audit_file.c, ngx_agent_audit_syslog.c: room for a line,
 * AGENT_AUDIT_LINE_MAX octets, or NULL where the line is lost, and counted;
 * then the line of len octets that was put there goes its way.
 */

u_char *ngx_agent_audit_file_room(ngx_agent_audit_sink_t *sink);
void ngx_agent_audit_file_add(ngx_agent_audit_sink_t *sink, size_t len);

u_char *ngx_agent_audit_syslog_room(ngx_agent_audit_sink_t *sink);
void ngx_agent_audit_syslog_add(ngx_agent_audit_sink_t *sink, size_t len);


/* memory, and for a file its entry in the list of files to open */

ngx_int_t ngx_agent_audit_file_init(ngx_agent_audit_sink_t *sink);
ngx_int_t ngx_agent_audit_syslog_init(ngx_agent_audit_sink_t *sink);


/* NGX_OK where no line waits any more */

ngx_int_t ngx_agent_audit_file_flush(ngx_agent_audit_sink_t *sink);


/* the last attempt of a process: what cannot be written is lost */

void ngx_agent_audit_file_exit(ngx_agent_audit_sink_t *sink);


/*
 * Without a master process: the configuration gives way to another one, which
 * closes the files, but requests may still end under the old one.
 */

ngx_int_t ngx_agent_audit_file_retire(ngx_agent_audit_sink_t *sink);


#endif /* _NGX_AGENT_AUDIT_SINK_H_INCLUDED_ */
