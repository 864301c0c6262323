
/*
 * One record of a key file: what it amounts to now, how a new one is made and
 * an old one changed.
 */

#ifndef _AGENTCTL_RECORD_H_INCLUDED_
#define _AGENTCTL_RECORD_H_INCLUDED_


#include "agent_keyfile.h"
#include "agentctl.h"


/* where one hides another the later one is shown */

typedef enum {
    CTL_ACTIVE = 0,
    CTL_GRACE,                  /* deprecated, and still accepted */
    CTL_PENDING,                /* also: not_before is ahead */
    CTL_SUSPENDED,
    CTL_EXPIRED,
    CTL_REVOKED,
    CTL_STATUS_MAX
} ctl_status_e;


/* what the state and the dates of a record amount to at the time now */

ctl_status_e ctl_status(const agent_key_record_t *rec, int64_t now);
const char *ctl_status_name(ctl_status_e status);


/*
 * A new record from the command's options.  Returns it, to be dropped with
 * json_decref(), or NULL with the error printed: the command line is wrong.
 */

json_t *ctl_record_new(const ctl_t *ctl, const char *id, const char *digest,
    int imported);


/* the record, with its status added, as JSON; the caller frees it */

char *ctl_record_json(const ctl_t *ctl, const agent_key_record_t *rec,
    json_t *record);


/* tells that ctl->operand is the id of no key */

void ctl_no_key(const ctl_t *ctl);


/* takes over value; the program ends where there is no memory */

void ctl_record_set(json_t *record, const char *name, json_t *value);
void ctl_record_set_text(json_t *record, const char *name, const char *text);
void ctl_record_set_option(const ctl_t *ctl, json_t *record, const char *name,
    unsigned option);
void ctl_record_set_time(json_t *record, const char *name, int64_t t);


/*
 * What a new key begins with: --prefix, else what the record it follows says,
 * which may be NULL, else agk.  Returns NULL with the error printed where it
 * cannot begin a key.
 */

const char *ctl_prefix(const ctl_t *ctl, const json_t *record);


/* notes in the record what its key begins with */

void ctl_record_set_prefix(json_t *record, const char *prefix);


#endif /* _AGENTCTL_RECORD_H_INCLUDED_ */
