
/*
 * Who still uses keys and who uses tokens, where and since when, from audit
 * logs of any size.
 */

#ifndef _AGENTCTL_MIGRATION_H_INCLUDED_
#define _AGENTCTL_MIGRATION_H_INCLUDED_


#include "agent_audit_read.h"
#include "agentctl.h"
#include "map.h"


/*
 * How many sets of agent, key and location, and of location, reason and day,
 * are kept, and octets of their names at most: that is what memory goes by,
 * some 300 octets for each.
 */

#define CTL_MIGRATION_SETS    200000
#define CTL_MIGRATION_OCTETS  ((size_t) 256 << 20)

/* how many lines at fault are named */

#define CTL_MIGRATION_FAULTS  10


typedef enum {
    CTL_IDLE = 0,                   /* nothing of late */
    CTL_ON_KEYS,
    CTL_ON_BOTH,
    CTL_ON_TOKENS,
    CTL_ON_MAX
} ctl_on_e;


/* found by server, service, location */

typedef struct {
    size_t                rank;     /* in the order of names */
    int64_t               sunset;   /* as the newest line of a key says */
    int64_t               sunset_at;
    int64_t               first_token;  /* refused ones, too; 0: none */
    uint64_t              key;      /* requests admitted */
    uint64_t              token;
    size_t                agents[CTL_ON_MAX];
} ctl_place_t;


/* found by its name */

typedef struct {
    size_t                rank;
    const char           *owner;    /* of a key of its; "" */
    uint64_t              key;
    uint64_t              token;
    int64_t               key_last;
    int64_t               token_last;
    size_t                places[CTL_ON_MAX];
    ctl_on_e              on;
} ctl_agent_t;


/* found by place, agent, id of the key, owner and type */

typedef struct {
    const ctl_place_t    *place;
    ctl_agent_t          *agent;
    const char           *key_id;
    const char           *owner;
    agent_auth_type_e     type;
    uint64_t              passed;
    uint64_t              refused;
    uint64_t              grace;    /* of passed */
    int64_t               first;
    int64_t               last;
    int64_t               passed_last;
    int64_t               grace_last;
    int64_t               ends;
} ctl_use_t;


/* found by place, type, reason and day; after summing up, by the first three */

typedef struct {
    ctl_place_t          *place;
    agent_auth_type_e     type;
    const char           *reason;
    int64_t               day;
    uint64_t              count;
    int64_t               last;
} ctl_refusal_t;


/* an agent at a place */

typedef struct {
    ctl_place_t          *place;
    ctl_agent_t          *agent;
    const char           *owner;
    uint64_t              key;
    uint64_t              token;
    int64_t               key_last;
    int64_t               token_last;
    ctl_on_e              on;
} ctl_pair_t;


typedef struct {
    char                 *file;
    uint64_t              line;
    char                  fault[AGENT_ERROR_LEN];
} ctl_fault_t;


typedef struct {
    const ctl_t          *ctl;
    int64_t               since;    /* 0: from the first line on */

    ctl_map_t             places;
    ctl_map_t             agents;
    ctl_map_t             uses;
    ctl_map_t             refusals;

    uint64_t              lines;
    uint64_t              requests; /* that count here */
    uint64_t              bad;
    uint64_t              lost;     /* says the gate */
    uint64_t              dropped;  /* beyond CTL_MIGRATION_SETS */
    ctl_fault_t           faults[CTL_MIGRATION_FAULTS];
    int64_t               first;
    int64_t               last;

    /* set by ctl_migration_sum() */
    int64_t               recent;   /* since when */
    ctl_pair_t           *pairs;    /* by place and agent */
    size_t                npairs;
    uint64_t              key;
    uint64_t              token;
    size_t                on[CTL_ON_MAX];
} ctl_migration_t;


extern const ctl_command_t  ctl_migration_commands[];


/* when all lines were read: what follows from them, everything in order */

void ctl_migration_sum(ctl_migration_t *m);


/* of a hundred; 0 where there is nothing */

unsigned ctl_migration_percent(uint64_t part, uint64_t other);


void ctl_migration_text(const ctl_migration_t *m);
void ctl_migration_json(const ctl_migration_t *m);


#endif /* _AGENTCTL_MIGRATION_H_INCLUDED_ */
