
/*
 * Whatever is secret: new keys, imported keys and peppers.  None of it is
 * ever written to a file or put into an error.
 */

#ifndef _AGENTCTL_SECRET_H_INCLUDED_
#define _AGENTCTL_SECRET_H_INCLUDED_


#include "agent_envelope.h"
#include "agent_key.h"
#include "agent_keyfile.h"
#include "agentctl.h"


/* octets of the text of a digest, the NUL counted */

#define CTL_DIGEST_MAX                                                        \
    (sizeof("hmac-sha256:") + AGENT_PEPPER_ID_MAX + 1 + 2 * AGENT_SHA256_LEN)

/* octets of a key issued elsewhere */

#define CTL_FOREIGN_MIN  16
#define CTL_FOREIGN_MAX  4096


/* as the module has it */

#define CTL_SECRETS_MAX   (AGENT_PEPPERS_MAX * 1100)
#define CTL_SECRETS_ROOM  (CTL_SECRETS_MAX + AGENT_ENVELOPE_PIECE)


typedef struct {
    agent_pepper_t   pepper[AGENT_PEPPERS_MAX];
    size_t           n;
} ctl_peppers_t;


typedef struct {
    uint8_t          buf[AGENT_KEY_MAX];
    agent_str_t      value;                     /* in buf */
    char             id[AGENT_KEY_ID_LEN + 1];
    char             digest[CTL_DIGEST_MAX];
} ctl_key_t;


/*
 * Reads a file of secrets at path, name being "pepper file", "KEK file" or
 * "audit key file", to buf, which has room for CTL_SECRETS_ROOM octets and
 * which the caller cleanses; with --kek-file what is in the envelope is read,
 * unless ctl is NULL.  Returns NULL, or what is wrong, in nginx's words and
 * with the file's name, which the caller frees.
 */

char *ctl_secrets_read(const ctl_t *ctl, const char *name, const char *path,
    uint8_t *buf, size_t *len);


/*
 * Likewise one of peppers, or of audit keys; the caller cleanses peppers in
 * either case.
 */

char *ctl_peppers_load(ctl_peppers_t *peppers, const ctl_t *ctl,
    const char *name, const char *path);


typedef int (*ctl_key_pt)(const ctl_t *ctl, const ctl_peppers_t *peppers,
    ctl_key_t *key);


/*
 * Runs a command that makes a key: with the peppers of --pepper-file, or NULL,
 * and room for a key, both of which are cleansed afterwards.  Returns its exit
 * code, or another one with the error printed.
 */

int ctl_key_run(const ctl_t *ctl, ctl_key_pt run);


/*
 * Makes a key with its id and digest, an HMAC with the first of the peppers
 * where there are any; NULL is none.  Returns 0, or -1 with the error printed.
 */

int ctl_key_make(ctl_key_t *key, const char *prefix,
    const ctl_peppers_t *peppers);


/* writes all of it, past all buffers; 0 or an errno */

int ctl_write_all(int fd, const void *data, size_t len);


/*
 * Prints a new key, as --json asks, once, past all buffers.  replaces is the
 * id of the old key or NULL.  Returns an exit code.
 */

int ctl_key_print(const ctl_t *ctl, const ctl_key_t *key, const char *agent,
    int64_t expires, const char *replaces);


/*
 * Reads a key that was issued elsewhere from standard input and writes the
 * text of its digest.  Returns an exit code, the error printed.
 */

int ctl_key_foreign(char *digest);


#endif /* _AGENTCTL_SECRET_H_INCLUDED_ */
