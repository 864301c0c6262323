
/*
 * Changes a key file: under a lock, as a whole or not at all.
 */

#ifndef _AGENTCTL_STORE_H_INCLUDED_
#define _AGENTCTL_STORE_H_INCLUDED_


#include "agentctl.h"
#include "reader.h"
#include "seal.h"

#include <signal.h>


/* a line of the file */

typedef struct {
    uint64_t              offset;
    uint64_t              len;      /* octets, the LF counted; 0: none */
} ctl_span_t;


typedef struct {
    const char           *name;     /* of the file, as it was given */
    char                 *path;     /* with all symbolic links resolved */
    char                 *lock_path;
    char                 *temp_path;
    int                   lock;

    ctl_reader_t          reader;
    ctl_index_t           index;

    ctl_label_t           label;    /* of the envelope to write */

    char                 *header;   /* the first line, where it is one */
    ctl_span_t            header_at;

    json_t               *record;   /* the one asked for, or NULL */
    agent_key_record_t    rec;      /* the same, checked, as it was read */
    ctl_span_t            record_at;

    sigset_t              signals;  /* as they were before they were held */
    unsigned              held:1;
    unsigned              absent:1; /* there is no such file yet */
} ctl_store_t;


/*
 * Locks a file and opens it, which may be absent; what is in it is not looked
 * at, but for the envelope that it is in with --kek-file.  Returns CTL_DONE,
 * or another exit code with the error printed and nothing to close.
 */

int ctl_store_lock(ctl_store_t *store, const ctl_t *ctl, const char *file);


/*
 * Locks ctl->file, reads it and checks every line, with peppers, which may be
 * NULL, also that each is known.  Where ctl->operand is set the record of that
 * id is found; otherwise the file may be absent.
 *
 * Returns CTL_DONE, or another exit code with the error printed and nothing to
 * close.
 */

int ctl_store_open(ctl_store_t *store, const ctl_t *ctl,
    const ctl_peppers_t *peppers);


/*
 * Writes the file anew: store->record as it is now where changed is set, and
 * added, which may be NULL, as a new last line.  All other lines keep their
 * octets, the file its owner, group, mode and extended attributes.
 *
 * Returns CTL_DONE, or another exit code with the error printed: the file is
 * as it was then.
 */

int ctl_store_commit(ctl_store_t *store, int changed, const json_t *added);


/*
 * Unlocks; a record that was found is gone with it.  A signal that came since
 * ctl_store_open() ends the program here: print a new key before.
 */

void ctl_store_close(ctl_store_t *store);


#endif /* _AGENTCTL_STORE_H_INCLUDED_ */
