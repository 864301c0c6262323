
/*
 * The audit line: one request to a guarded location as an OCSF 1.8.0 event of
 * class API Activity (6003), a JSON object on one line of its own.
 */

#ifndef _AGENT_AUDIT_H_INCLUDED_
#define _AGENT_AUDIT_H_INCLUDED_


#include "agent_str.h"
#include "agent_reason.h"


/* the most octets of a line, the LF counted */

#define AGENT_AUDIT_LINE_MAX  8192

/* those before it is put into a chain, see agent_audit_chain.h */

#define AGENT_AUDIT_CHAIN_MAX  288
#define AGENT_AUDIT_TEXT_MAX   (AGENT_AUDIT_LINE_MAX - AGENT_AUDIT_CHAIN_MAX)


/*
 * What one request has to say.  Empty strings and zero numbers are left out
 * of the line; numbers are at most INT64_MAX, since OCSF's are signed.  The
 * octets may come from anybody: the writer escapes them, and cuts each field
 * at its cap.  The views must outlive the call only.
 */

typedef struct {
    uint64_t             time_ms;       /* end of request, Unix epoch, UTC */
    uint64_t             latency_ms;
    uint64_t             sequence;      /* of the writing worker */

    agent_str_t          request_id;    /* metadata.uid */
    agent_str_t          correlation;   /* metadata.correlation_uid */
    agent_str_t          server_name;   /* metadata.log_name */
    agent_str_t          trace_id;      /* 32 hex digits, W3C trace-context */

    agent_str_t          client_ip;
    uint32_t             client_port;
    agent_str_t          host;          /* dst_endpoint.hostname */
    uint32_t             server_port;

    agent_str_t          http_method;   /* the client's, not a redirect's */
    agent_str_t          http_version;  /* "1.1" */
    agent_str_t          path;          /* the client's, without a query */
    agent_str_t          user_agent;
    uint32_t             http_status;   /* 0 where no response was begun */

    agent_result_e       result;
    agent_reason_e       reason;
    agent_reason_e       overruled;     /* our refusal that satisfy any met
                                           otherwise, else AGENT_OK */
    agent_reason_e       cut;           /* why a response that was under way
                                           was; else AGENT_NOT_EVALUATED */
    agent_auth_type_e    auth_type;

    /* proven identity: empty unless the credential proved authentic */
    agent_str_t          agent;
    agent_str_t          owner;
    agent_str_t          key_id;
    agent_str_t          scopes;        /* space-separated */
    int64_t              expires;       /* epoch seconds */
    int64_t              sunset;        /* when keys end here, likewise */
    unsigned             deprecated:1;  /* a key in its grace period */

    /* of a token; key_id is its jti then */
    agent_str_t          issuer;
    agent_str_t          client_id;
    agent_str_t          subject;
    agent_str_t          actor;         /* begins the array act */
    agent_str_t          actors;        /* those within, agent_claims_next() */
    agent_str_t          cache;         /* "hit", "miss", ... */
    agent_str_t          binding;       /* "mtls", "dpop"; proved */

    /* claimed by the client and not proven */
    agent_str_t          unverified_key_id;
    agent_str_t          mcp_version;   /* of its body, agent_mcp.h */
    agent_str_t          mcp_method;
    agent_str_t          mcp_name;

    agent_str_t          credential;    /* fingerprint, 16 hex digits */
    agent_str_t          service;       /* agent_service of the location */
    agent_str_t          location;      /* name of the location */
    uint32_t             subrequests_refused;
} agent_audit_event_t;


/*
 * Writes the line for ev to buf (size octets), the LF included.
 *
 * Returns the length of the line, or 0 where size is less than
 * AGENT_AUDIT_LINE_MAX.  The line is valid UTF-8 and JSON whatever the fields
 * hold, and never longer than AGENT_AUDIT_TEXT_MAX: fields over their cap are
 * cut and metadata.is_truncated is set.  Source: OCSF 1.8.0, class 6003.
 */

size_t agent_audit_line(uint8_t *buf, size_t size,
    const agent_audit_event_t *ev);


/*
 * What the log says of itself: base events of OCSF 1.8.0 (class 0).  All but
 * AGENT_AUDIT_LOSS are written where there is a chain only.
 */

typedef enum {
    AGENT_AUDIT_LOSS = 0,       /* count lines, since the last record of it */
    AGENT_AUDIT_START,          /* of a chain */
    AGENT_AUDIT_STOP,           /* and its end */
    AGENT_AUDIT_REOPEN,         /* the file is another one from here on */
    AGENT_AUDIT_CHECKPOINT,     /* the next line has the next key */
    AGENT_AUDIT_TAKEOVER        /* another chain ends here, its worker died */
} agent_audit_record_e;


typedef struct {
    agent_audit_record_e  event;
    uint64_t              time_ms;      /* Unix epoch */
    agent_str_t           uid;          /* metadata.uid */
    uint64_t              count;        /* LOST, TAKEOVER: lines */
    agent_str_t           cause;        /* START: "start", "reload", ... */
    uint64_t              interval;     /* START: ms between checkpoints */
    agent_str_t           chain;        /* TAKEOVER: its chain_uid */
    uint64_t              seq;          /* TAKEOVER: its last number */
} agent_audit_record_t;


/*
 * Writes the line of a record.  Returns as agent_audit_line(); it is as long
 * as AGENT_AUDIT_TEXT_MAX at most, uid and chain being cut.
 */

size_t agent_audit_record_line(uint8_t *buf, size_t size,
    const agent_audit_record_t *rec);


#endif /* _AGENT_AUDIT_H_INCLUDED_ */
