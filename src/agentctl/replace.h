
/*
 * Replaces a file by a changed copy of itself.
 */

#ifndef _AGENTCTL_REPLACE_H_INCLUDED_
#define _AGENTCTL_REPLACE_H_INCLUDED_


#include "store.h"


/* text stands for what is at a place; where len is 0 it is put in there */

typedef struct {
    ctl_span_t   at;
    char        *text;
} ctl_piece_t;


/*
 * Writes the store's file with n pieces changed, which are in the order of
 * their places: a copy beside it, synced, then renamed.  Returns an exit code;
 * where it is not CTL_DONE the error is printed, the file is as it was and
 * the copy is removed.
 */

int ctl_replace(const ctl_store_t *store, const ctl_piece_t *pieces, size_t n);


/* 1 where one of the signals that the store holds has come */

int ctl_interrupted(void);


#endif /* _AGENTCTL_REPLACE_H_INCLUDED_ */
