
/*
 * What the files of src/audit share: a sink, and how events get there.
 */

#ifndef _NGX_AGENT_AUDIT_SINK_H_INCLUDED_
#define _NGX_AGENT_AUDIT_SINK_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "ngx_agent_audit.h"
#include "ngx_agent_count.h"
#include "agent_status.h"
#include "agent_audit_chain.h"


/* ms after which a sink that failed is tried again, and one that was busy */

#define NGX_AGENT_AUDIT_RETRY  1000
#define NGX_AGENT_AUDIT_BUSY   10

/* ms after which workers look again for what the dead left behind */

#define NGX_AGENT_AUDIT_HEIR   1000

/* generations of buffers of a sink: sizes that were changed by a reload while
   workers of before are still there */

#define NGX_AGENT_AUDIT_LINES  4


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

    /* of the chains of this file, see ngx_agent_audit_chain.c: the seed of the
       next one is that of its parity */
    volatile uint32_t         chains;   /* how many were begun */
    uint32_t                  kid_len;  /* 0: there is no seed */
    u_char                    kid[AGENT_PEPPER_ID_MAX];
    u_char                    mark[8];  /* of the secret */
    u_char                    boot[AGENT_AUDIT_BOOT_LEN];
    u_char                    seed[2][AGENT_SHA256_LEN];

    size_t                    len;
    u_char                    name[1];
};


/*
 * The buffer of one worker for one file.  It lies in shared memory, so that
 * lines that wait survive a worker that is killed: another one writes them,
 * see ngx_agent_audit_heir.c.  At each instant, wherever the worker is killed,
 * what is here tells which octets wait; the compiler must keep the order of
 * stores, hence ngx_agent_audit_settled().
 */

typedef struct {
    ngx_atomic_t              owner;    /* ngx_agent_process_word(), 0: free */
    volatile uint64_t         span;     /* [start, last) of the lines, offsets
                                           in 32 bits each */
    volatile uint64_t         moved;    /* octets that were moved to the
                                           beginning, while start is not 0 */

    /* a write() under way: octets, 0 none, from where in the buffer, how large
       the file was then, and which one it is */
    volatile uint64_t         writing;
    uint64_t                  from;
    uint64_t                  offset;
    uint64_t                  dev;
    uint64_t                  inode;

    /* the chain of its lines, and the number of the last one */
    volatile uint64_t         seq;
    uint64_t                  taken;    /* lines that a successor has written */
    uint32_t                  uid_len;  /* 0: there is no chain */
    u_char                    uid[AGENT_AUDIT_CHAIN_UID];
} ngx_agent_audit_slot_t;


/* slots of the workers and then their buffers; see ngx_agent_audit_lines.c */

typedef struct {
    ngx_uint_t                layout;
    ngx_uint_t                n;
    size_t                    size;     /* octets of a buffer */
    u_char                   *blocks;
    ngx_agent_audit_slot_t    slot[1];
} ngx_agent_audit_lines_t;


#define ngx_agent_audit_settled()  __asm__ volatile ("" : : : "memory")


/* a place in the configuration */

typedef struct {
    ngx_str_t                 file;
    ngx_uint_t                line;
} ngx_agent_audit_place_t;


/* agent_audit_chain */

typedef struct {
    ngx_str_t                 key_file; /* empty: off */
    ngx_msec_t                interval;
    ngx_uint_t                lines;    /* after which the key changes */
    ngx_agent_audit_place_t   place;
    unsigned                  set:1;
} ngx_agent_audit_chain_conf_t;


typedef struct {
    ngx_array_t               sinks;    /* of ngx_agent_audit_sink_t * */
    ngx_cycle_t              *cycle;
    ngx_shm_zone_t           *shm_zone;
    uint64_t                  sequence; /* events of this process */
    uint64_t                  records;  /* of lost lines, of this process */
    ngx_event_t               event;    /* looks for the lines of the dead */

    ngx_agent_audit_chain_conf_t  chain;
    unsigned                  reload:1; /* another configuration was before */
} ngx_agent_audit_conf_t;


/* each process has its own copy of all this, but for the state */

struct ngx_agent_audit_sink_s {
    ngx_str_t                 name;     /* full path, or "syslog:..." */
    ngx_agent_audit_conf_t   *conf;
    ngx_agent_audit_state_t  *state;
    ngx_uint_t                count;    /* its first counter */
    ngx_uint_t                waiting;  /* lines, those of lost ones not */

    ngx_agent_audit_place_t   place;    /* where it is named first */
    ngx_agent_audit_place_t   sized;    /* where "buffer" is given */
    ngx_agent_audit_place_t   timed;    /* where "flush" is given */

    /* lines that wait are in [start, last); an LF stands before start.
       For syslog the header of the message ends at start */
    u_char                   *block;
    u_char                   *start;
    u_char                   *last;
    u_char                   *end;

    /* of the block, and the shared memory that it may be in; those of
       generations before follow */
    ngx_agent_audit_slot_t   *slot;
    ngx_shm_zone_t           *lines[NGX_AGENT_AUDIT_LINES];

    agent_audit_chain_t      *chain;    /* NULL: off, or not begun, or ended */
    ngx_uint_t                first;    /* of its chains */
    ngx_uint_t                since;    /* lines since the last checkpoint */
    ngx_msec_t                checked;  /* when that was */
    ngx_uint_t                told;     /* lost lines, in records that wait */

    ngx_msec_t                retry;    /* while it fails: not before */
    unsigned                  failed:1;

    /* of a file */
    size_t                    size;
    ngx_msec_t                flush;
    ngx_event_t               event;
    ngx_open_file_t          *file;
    ngx_fd_t                  fd;       /* what is known is known of this */
    ngx_fd_t                  reading;  /* while locked: see
                                           ngx_agent_audit_unlock() */
    ino_t                     inode;
    dev_t                     dev;
    unsigned                  pipe:1;
    unsigned                  regular:1;
    unsigned                  locked:1;
    unsigned                  heir:1;   /* for lines of a process that died */

    /* of a syslog server */
    ngx_syslog_peer_t        *peer;
    time_t                    second;   /* of the header */
    ngx_uint_t                weight;   /* lines that the last datagram stands
                                           for */
};


/* ngx_agent_audit.c */

/*
 * The line of a record, at buf: AGENT_AUDIT_LINE_MAX octets; its size.  Sets
 * time and uid.
 */

size_t ngx_agent_audit_record(ngx_agent_audit_sink_t *sink, u_char *buf,
    agent_audit_record_t *rec);


/* a line for count lost ones, likewise */

size_t ngx_agent_audit_lost(ngx_agent_audit_sink_t *sink, u_char *buf,
    ngx_uint_t count);


/* where a directive stands */

ngx_int_t ngx_agent_audit_place(ngx_conf_t *cf,
    ngx_agent_audit_place_t *place);


/* 1 while a sink that failed is to be left alone */

ngx_uint_t ngx_agent_audit_waits(const ngx_agent_audit_sink_t *sink);


/* ngx_agent_audit_open.c: what can be seen once all directives were read */

char *ngx_agent_audit_init_conf(ngx_cycle_t *cycle, void *conf);


/* ngx_agent_audit_state.c */

/* asks for the shared memory, once in a configuration */

ngx_int_t ngx_agent_audit_state_zone(ngx_conf_t *cf,
    ngx_agent_audit_conf_t *conf);


/* n lines are lost, which some worker will record */

void ngx_agent_audit_state_lose(ngx_agent_audit_sink_t *sink, ngx_uint_t n);


/* takes the count of lost lines, whoever recorded them; leaves 0 */

ngx_uint_t ngx_agent_audit_state_take(ngx_agent_audit_state_t *state);


/* 1 at most once a minute and sink, in all workers together */

ngx_uint_t ngx_agent_audit_state_warn(ngx_agent_audit_state_t *state);


/* ngx_agent_audit_lines.c */

/*
 * Asks for the shared memory of the buffers of a file, and for that of the
 * generations before in which there are workers yet.
 */

ngx_int_t ngx_agent_audit_lines_init(ngx_cycle_t *cycle,
    ngx_agent_audit_sink_t *sink);


/*
 * Gives the process a buffer: one in shared memory where there is a free one,
 * else memory of its own.
 */

ngx_int_t ngx_agent_audit_lines_claim(ngx_agent_audit_sink_t *sink);


/* the process ends, and its buffer is empty */

void ngx_agent_audit_lines_release(ngx_agent_audit_sink_t *sink);


/* the buffers of a generation, or NULL; slots are checked to be within it */

ngx_agent_audit_lines_t *ngx_agent_audit_lines(ngx_shm_zone_t *shm_zone);


/* the block of a slot: an LF, and then lines->size octets */

u_char *ngx_agent_audit_block(ngx_agent_audit_lines_t *lines, ngx_uint_t n);


/* makes what start and last are known to whoever comes after us */

void ngx_agent_audit_publish(ngx_agent_audit_sink_t *sink);


/* moves the lines that wait to the beginning of the buffer */

void ngx_agent_audit_compact(ngx_agent_audit_sink_t *sink);


/*
 * Points start, last and end of the sink to what the slot says; 0 where that
 * cannot be.
 */

ngx_uint_t ngx_agent_audit_attach(ngx_agent_audit_sink_t *sink,
    ngx_agent_audit_lines_t *lines, ngx_uint_t n);


/* ngx_agent_audit_chain.c */

/*
 * Makes the first seed of a file, in the master, unless the secret is the same
 * as before.  What is secret is gone from the master's memory afterwards, which
 * the workers inherit.
 */

ngx_int_t ngx_agent_audit_chain_seed(ngx_agent_audit_sink_t *sink);


/* begins a chain, where the configuration has one, and says so in the log */

void ngx_agent_audit_chain_begin(ngx_agent_audit_sink_t *sink);


/*
 * Puts the line of len octets at sink->last into the chain; its new size.
 * Where that cannot be the chain is given up, sink->chain is NULL then, and the
 * line stays as it is.
 */

size_t ngx_agent_audit_chain_line(ngx_agent_audit_sink_t *sink, size_t len,
    ngx_uint_t prev);


/* a checkpoint, if it is time for one */

void ngx_agent_audit_chain_check(ngx_agent_audit_sink_t *sink);


/* a record; NGX_AGAIN: there is no room; NGX_OK also without a chain */

ngx_int_t ngx_agent_audit_chain_record(ngx_agent_audit_sink_t *sink,
    agent_audit_record_t *rec);


/* ngx_agent_audit_file_reopen() was here: the next line is of another file */

void ngx_agent_audit_chain_reopen(ngx_agent_audit_sink_t *sink);


/* the last line of the chain */

void ngx_agent_audit_chain_end(ngx_agent_audit_sink_t *sink);


/* ngx_agent_audit_heir.c */

/*
 * Writes what workers that are dead have left in the buffers of the sink.
 * With amid those alone that died amid a write() to its file, which nobody
 * else may write to before.
 */

void ngx_agent_audit_inherit(ngx_agent_audit_sink_t *sink, ngx_uint_t amid);


/* of all sinks of the process: now, and each second where there are chains,
 * whose checkpoints are looked at, too */

void ngx_agent_audit_heir_start(ngx_agent_audit_conf_t *conf);


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


/* looks at the file once after it was opened */

void ngx_agent_audit_file_know(ngx_agent_audit_sink_t *sink);


/*
 * Keeps other processes from writing to a regular file: 1 where it does now
 * and did not before.  Not for the life of it: a worker that does not let go
 * stops nobody.
 *
 * The lock goes as soon as the process closes any descriptor of the file
 * (POSIX, fcntl).  One that is opened meanwhile is left in sink->reading, which
 * is closed when the lock is let go of.
 */

ngx_uint_t ngx_agent_audit_lock(ngx_agent_audit_sink_t *sink);
void ngx_agent_audit_unlock(ngx_agent_audit_sink_t *sink);


/* writes what waits; 0, or the reason why some of it still does */

ngx_err_t ngx_agent_audit_file_drain(ngx_agent_audit_sink_t *sink);


/* the buffer of the process, and its chain */

ngx_int_t ngx_agent_audit_file_begin(ngx_agent_audit_sink_t *sink);


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
