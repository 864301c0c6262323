
/*
 * Envelopes of files: opens them as nginx does, and makes them.  What is in one
 * is in memory only.
 */

#ifndef _AGENTCTL_SEAL_H_INCLUDED_
#define _AGENTCTL_SEAL_H_INCLUDED_


#include "agent_envelope.h"
#include "agentctl.h"


/* what is written on an envelope; all zero: there is none */

typedef struct {
    agent_envelope_kind_e   kind;
    char                    bundle[AGENT_BUNDLE_MAX + 1];
    uint64_t                generation;
    agent_kek_t             kek;            /* the caller cleanses it */
} ctl_label_t;


/* one that is being written; without ctx a plain file */

typedef struct {
    int                     fd;
    EVP_CIPHER_CTX         *ctx;
    uint8_t                 rest[3];        /* octets of no whole group yet */
    size_t                  nrest;
} ctl_seal_t;


/* 1 where there is a --kek-file: files are in envelopes */

int ctl_sealed(const ctl_t *ctl);


/* --type, keys where there is none */

agent_envelope_kind_e ctl_type(const ctl_t *ctl);


/* reads the --kek-file; the caller cleanses keks.  CTL_DONE, or printed */

int ctl_keks_load(agent_keks_t *keks, const ctl_t *ctl);


/*
 * Opens the envelope in fd, whose name is for messages, and reads all of it
 * once: it is authentic then, and to be read from its beginning.  It must be
 * of --bundle and --type, where these are given; of another command than those
 * for envelopes, of keys.  Returns 0, or -1 with the error printed.
 */

int ctl_envelope_open(agent_envelope_t *env, int fd, const ctl_t *ctl,
    const char *name);


/*
 * What is in an envelope of peppers, as ctl_secrets_read() has it: NULL, or
 * what is wrong, which the caller frees.
 */

char *ctl_envelope_secrets(const ctl_t *ctl, const char *path, int fd,
    uint8_t *buf, size_t *len);


/*
 * Sets what is to be written on the envelope that replaces env, or on a new one
 * (NULL): the first KEK, the same bundle or --bundle, --generation or one that
 * is newer.  Returns an exit code, the error printed.
 */

int ctl_label(ctl_label_t *label, const ctl_t *ctl,
    const agent_envelope_t *env);


/*
 * Writes to fd: an envelope with this label, or the octets as they are where
 * its generation is 0.  Each returns 0, or -1 with errno set.  ctl_seal_free()
 * is needed in either case.
 */

int ctl_seal_begin(ctl_seal_t *seal, int fd, const ctl_label_t *label);
int ctl_seal_write(ctl_seal_t *seal, const void *data, size_t len);
int ctl_seal_end(ctl_seal_t *seal);
void ctl_seal_free(ctl_seal_t *seal);


#endif /* _AGENTCTL_SEAL_H_INCLUDED_ */
