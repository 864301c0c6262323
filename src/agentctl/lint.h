
/*
 * One run of "agentctl key lint": lint.c reads and prints, lint_rules.c knows
 * what to warn of.
 */

#ifndef _AGENTCTL_LINT_H_INCLUDED_
#define _AGENTCTL_LINT_H_INCLUDED_


#include "agentctl.h"
#include "reader.h"


/* marks of the entries in previous */

#define CTL_LINT_EXPIRED  1
#define CTL_LINT_REVOKED  2


/* a successor to look for once all lines are read */

typedef struct {
    uint64_t       line;
    char          *id;
} ctl_link_t;


typedef struct {
    const ctl_t   *ctl;
    ctl_reader_t   reader;
    ctl_index_t    index;
    ctl_index_t    previous;        /* of --previous */

    ctl_link_t    *links;
    size_t         nlinks;
    size_t         links_size;

    int64_t        within;          /* seconds */
    int64_t        max_age;

    uint64_t       keys;
    uint64_t       hmacs;           /* keys with an HMAC digest */
    uint64_t       faults;
    uint64_t       warnings;
} ctl_lint_t;


/* prints a warning; line 0 is the file as a whole */

__attribute__((format(printf, 3, 4)))
void ctl_lint_warn(ctl_lint_t *lint, uint64_t line, const char *fmt, ...);


/* looks at one record, then at all of them, for what is likely a mistake */

void ctl_lint_record(ctl_lint_t *lint, const agent_key_record_t *rec);
void ctl_lint_whole(ctl_lint_t *lint);


#endif /* _AGENTCTL_LINT_H_INCLUDED_ */
