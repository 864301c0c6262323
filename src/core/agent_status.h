
/*
 * The state of the gate as text: JSON, and what Prometheus reads.  The caller
 * fills the parts in; everything in them is named by the configuration, so
 * that no more is written than that has names for, and nothing that a client
 * sent.
 */

#ifndef _AGENT_STATUS_H_INCLUDED_
#define _AGENT_STATUS_H_INCLUDED_


#include "agent_json.h"
#include "agent_reason.h"
#include "agent_revocation.h"


/* the version of the JSON document: what is there keeps its name and meaning */

#define AGENT_STATUS_VERSION  1


/* counters of decisions; fields are powers of two, so that a shift finds one */

#define AGENT_STATUS_MODES    2
#define AGENT_STATUS_METHODS  4
#define AGENT_STATUS_RESULTS  4
#define AGENT_STATUS_REASONS  64

#define AGENT_STATUS_DECISIONS                                                \
    (AGENT_STATUS_MODES * AGENT_STATUS_METHODS * AGENT_STATUS_RESULTS         \
     * AGENT_STATUS_REASONS)

#define agent_status_decision(observe, method, result, reason)                \
    (((((observe) * AGENT_STATUS_METHODS + ((method) & 3))                    \
       * AGENT_STATUS_RESULTS) + ((result) & 3)) * AGENT_STATUS_REASONS       \
     + ((reason) & 63))


/* counters of a provider: the number of the first of a kind */

#define AGENT_STATUS_CACHE       0      /* bypass, hit, miss, coalesced,
                                           negative, stale */
#define AGENT_STATUS_CACHES      6
#define AGENT_STATUS_CALL        6      /* agent_status_call_e */
#define AGENT_STATUS_CALL_MS     12     /* ms that answers took, in all */
#define AGENT_STATUS_BUCKET      13     /* answers by the time they took */
#define AGENT_STATUS_METADATA    25     /* fetched; the next one: failed */
#define AGENT_STATUS_KEYS        27     /* likewise */
#define AGENT_STATUS_PROVIDER    32     /* so many in all */

#define AGENT_STATUS_BUCKETS     12     /* the last one has no bound */


typedef enum {
    AGENT_CALL_ACTIVE = 0,
    AGENT_CALL_REFUSED,             /* inactive, or of no use */
    AGENT_CALL_UNAVAILABLE,         /* not reached, 5xx, 429 */
    AGENT_CALL_TIMEOUT,
    AGENT_CALL_CLIENT,              /* it refuses our own credentials */
    AGENT_CALL_BAD_ANSWER,
    AGENT_CALLS
} agent_status_call_e;


/* of a location: by method and result, then those with a key in its grace */

#define agent_status_request(method, result)                                  \
    ((((method) & 3) * AGENT_STATUS_RESULTS) + ((result) & 3))

#define AGENT_STATUS_GRACE       12
#define AGENT_STATUS_LOCATION    16

/* of a key zone, and of a place where audit lines go */

#define AGENT_STATUS_LOADED      0
#define AGENT_STATUS_REFUSED     1
#define AGENT_STATUS_KEY_ZONE    2

#define AGENT_STATUS_WRITTEN     0
#define AGENT_STATUS_LOST        1
#define AGENT_STATUS_SINK        2


typedef enum {
    AGENT_BREAKER_CLOSED = 0,
    AGENT_BREAKER_OPEN,             /* the server is not asked */
    AGENT_BREAKER_HALF_OPEN         /* one call may try */
} agent_status_breaker_e;


typedef struct {
    unsigned                      used;         /* it is fetched at all */
    uint64_t                      generation;   /* 0: there is none yet */
    int64_t                       age;          /* seconds; -1: none */
    uint64_t                      failures;     /* in a row */
} agent_status_document_t;


typedef struct {
    agent_str_t                   name;
    const uint64_t               *count;        /* AGENT_STATUS_PROVIDER */
    agent_status_breaker_e        breaker;
    uint64_t                      failures;     /* in a row */
    uint64_t                      retry;        /* seconds it is open for */
    uint64_t                      pending;
    uint64_t                      max_pending;
    agent_status_document_t       metadata;
    agent_status_document_t       keys;
} agent_status_provider_t;


typedef struct {
    agent_str_t                   server;
    agent_str_t                   location;
    agent_str_t                   service;
    unsigned                      observe;
    const uint64_t               *count;        /* AGENT_STATUS_LOCATION */
} agent_status_location_t;


/* by state, as they are now */

typedef enum {
    AGENT_COUNTED_ACTIVE = 0,
    AGENT_COUNTED_DEPRECATED,       /* in its grace period */
    AGENT_COUNTED_PENDING,
    AGENT_COUNTED_SUSPENDED,
    AGENT_COUNTED_REVOKED,
    AGENT_COUNTED_EXPIRED,
    AGENT_COUNTED_STATES
} agent_status_key_e;


typedef enum {
    AGENT_FILE_CURRENT = 0,         /* the table is of the file as it is */
    AGENT_FILE_CHANGED,             /* it will be looked at soon */
    AGENT_FILE_REFUSED,
    AGENT_FILE_UNREADABLE
} agent_status_file_e;


typedef struct {
    agent_str_t                   name;
    const uint64_t               *count;        /* AGENT_STATUS_KEY_ZONE */
    agent_status_file_e           file;
    uint64_t                      generation;
    int64_t                       loaded;       /* epoch seconds */
    uint64_t                      keys;
    uint64_t                      octets;       /* of the table */
    uint64_t                      room;         /* that it may have */
    int64_t                       counted;      /* epoch seconds; 0: not yet */
    uint64_t                      state[AGENT_COUNTED_STATES];
    uint64_t                      expiring_7d;  /* usable until then */
    uint64_t                      expiring_30d;
} agent_status_key_zone_t;


typedef struct {
    agent_str_t                   name;         /* empty: there is none */
    uint64_t                      capacity;     /* active tokens */
    uint64_t                      entries;      /* estimated */
    uint64_t                      negative_capacity;
    uint64_t                      negative_entries;
    uint64_t                      evicted;
    uint64_t                      skipped;
    uint64_t                      oversized;
    uint64_t                      evicted_1h;   /* in the last hour */
    uint64_t                      oversized_1h;
} agent_status_cache_t;


typedef struct {
    agent_str_t                   name;         /* empty: there is none */
    uint64_t                      capacity;
    uint64_t                      entries;      /* estimated */
    uint64_t                      full;         /* found no place */
    uint64_t                      full_1h;
} agent_status_proofs_t;


typedef struct {
    agent_str_t                   name;         /* empty: there is none */
    uint64_t                      capacity;
    uint64_t                      entries;      /* those of no use, too */
    uint64_t                      kind[AGENT_REVOCATION_KINDS]; /* in force */
    uint64_t                      submitted;
    uint64_t                      refused;      /* there was no room */
    uint64_t                      failed;       /* not written to the file */
    unsigned                      stuck;        /* requests are refused */
} agent_status_revocations_t;


typedef struct {
    agent_str_t                   name;
    const uint64_t               *count;        /* AGENT_STATUS_SINK */
} agent_status_sink_t;


typedef struct {
    int64_t                       now;          /* epoch seconds */
    int64_t                       since;        /* of the counters */
    uint64_t                      guarded;      /* locations */
    uint64_t                      observed;
    const uint64_t               *decisions;    /* AGENT_STATUS_DECISIONS */
    uint64_t                      lost_1h;      /* audit lines */

    const agent_status_provider_t *providers;
    size_t                        nproviders;
    const agent_status_location_t *locations;
    size_t                        nlocations;
    const agent_status_key_zone_t *key_zones;
    size_t                        nkey_zones;
    const agent_status_sink_t    *sinks;
    size_t                        nsinks;

    agent_status_cache_t          cache;
    agent_status_proofs_t         proofs;
    agent_status_revocations_t    revocations;
} agent_status_t;


/* the bound of a bucket in ms, 0 for the last; the bucket of a time */

uint64_t agent_status_bound(unsigned bucket);
unsigned agent_status_bucket(uint64_t ms);


/* "closed", "current", "active", "hit" and so on; static storage */

const char *agent_status_breaker_name(agent_status_breaker_e breaker);
const char *agent_status_file_name(agent_status_file_e file);
const char *agent_status_key_name(agent_status_key_e state);
const char *agent_status_call_name(agent_status_call_e call);
const char *agent_status_cache_name(unsigned cache);

/* of a number that counts, so that "none" is a method, too */

const char *agent_status_method_name(unsigned method);
const char *agent_status_result_name(unsigned result);


/*
 * Write into json, whose flag overflow tells that there was not enough room.
 * JSON: docs/status.schema.json.  Metrics: the text format 0.0.4 of Prometheus,
 * or OpenMetrics 1.0 where open is set.
 */

void agent_status_json(agent_json_t *json, const agent_status_t *status);
void agent_status_metrics(agent_json_t *json, const agent_status_t *status,
    unsigned open);


/*
 * agent_status_advice.c: what should be done, as members of an array of JSON,
 * each ended by a comma.
 */

void agent_status_advice(agent_json_t *json, const agent_status_t *status);


/* agent_status_json.c, for agent_status_advice.c; name: as it is */

void agent_status_text(agent_json_t *json, const char *text);
void agent_status_member(agent_json_t *json, const char *name, uint64_t n);
void agent_status_string(agent_json_t *json, const char *name,
    const agent_str_t *value);
void agent_status_word(agent_json_t *json, const char *name,
    const char *value);


/* replaces a comma at the end by text */

void agent_status_end(agent_json_t *json, const char *text);


#endif /* _AGENT_STATUS_H_INCLUDED_ */
