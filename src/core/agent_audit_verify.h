
/*
 * Verifies audit lines that are chained, see agent_audit_chain.h: reads them
 * once, in the order in which they were written, and keeps some 400 octets for
 * each chain.  Where lines that are not proven have cost too many keys, all
 * that follow are faults.
 */

#ifndef _AGENT_AUDIT_VERIFY_H_INCLUDED_
#define _AGENT_AUDIT_VERIFY_H_INCLUDED_


#include "agent_audit_chain.h"


typedef enum {
    AGENT_AUDIT_FOREIGN = 0,    /* a line that is in no chain */
    AGENT_AUDIT_NO_KEY,         /* nobody gave us the key that it names */
    AGENT_AUDIT_CHANGED,        /* its MAC is wrong */
    AGENT_AUDIT_MISSING,        /* lines are missing right before it */
    AGENT_AUDIT_ORDER,          /* it was there already, or others after it */
    AGENT_AUDIT_HEADLESS,       /* the first line of its chain here is not the
                                   first of the chain */
    AGENT_AUDIT_AFTER_END,      /* its chain had ended */
    AGENT_AUDIT_CUT,            /* the chain went on behind this line, by what
                                   another one says */
    AGENT_AUDIT_NO_STOP,        /* the chain does not go on and did not end */
    AGENT_AUDIT_NO_CHAIN        /* a whole chain is missing; uid is its name */
} agent_audit_fault_e;


typedef struct {
    uint32_t              file;         /* as the caller counts them */
    uint64_t              line;         /* from 1; 0 where there is none */
} agent_audit_pos_t;


typedef struct {
    agent_audit_fault_e   fault;
    agent_audit_pos_t     pos;
    agent_str_t           uid;          /* of the chain, may be empty; it is
                                           gone after the call */
    uint64_t              seq;          /* of the line */
    uint64_t              expected;     /* MISSING, ORDER: the next number;
                                           CUT: the last */
} agent_audit_fault_t;


typedef void (*agent_audit_fault_pt)(void *data,
    const agent_audit_fault_t *fault);


typedef struct {
    uint64_t              lines;        /* that are as they were written */
    uint64_t              unproven;     /* of which nobody can tell: the first
                                           of a chain here, or behind a gap */
    uint64_t              torn;         /* parts of lines, which are there as a
                                           whole, too */
    uint64_t              lost;         /* lines that the log says were lost */
    uint64_t              chains;
    uint64_t              open;         /* of them: those that go on */
    uint64_t              faults;
} agent_audit_result_t;


typedef struct agent_audit_verify_s  agent_audit_verify_t;


/*
 * secrets (n of them) and data must outlive the verifier.  partial: lines may
 * be missing before the first and after the last, files of a longer log being
 * looked at.  NULL where there is no memory.
 */

agent_audit_verify_t *agent_audit_verify_create(const agent_pepper_t *secrets,
    size_t n, unsigned partial, agent_audit_fault_pt fault, void *data);


/*
 * The next line, of len octets, without its LF.  Returns 0, or -1 where there
 * is no memory, or no AES-256 in OpenSSL.
 */

int agent_audit_verify_line(agent_audit_verify_t *v,
    const agent_audit_pos_t *pos, const uint8_t *line, size_t len);


/* after the last line; what is known by then only goes to the callback, too */

void agent_audit_verify_end(agent_audit_verify_t *v,
    agent_audit_result_t *result);


/* also wipes what is secret; NULL is no verifier */

void agent_audit_verify_free(agent_audit_verify_t *v);


#endif /* _AGENT_AUDIT_VERIFY_H_INCLUDED_ */
