
/*
 * Revocations: what is said of a credential after it was issued, one JSON
 * object on a line of its own in the state file that all processes follow.
 */

#ifndef _AGENT_REVOCATION_H_INCLUDED_
#define _AGENT_REVOCATION_H_INCLUDED_


#include "agent_digest.h"
#include "agent_error.h"
#include "agent_str.h"


/* a time that is not there */

#define AGENT_REVOCATION_NONE        INT64_MIN

/* octets of issuer and value, id, cause and by */

#define AGENT_REVOCATION_VALUE_MAX   2048
#define AGENT_REVOCATION_ID_MAX      64
#define AGENT_REVOCATION_CAUSE_MAX   256
#define AGENT_REVOCATION_BY_MAX      128

/* octets of a line, the LF counted: all of it escaped as \u0000 */

#define AGENT_REVOCATION_LINE_MAX    32768


typedef enum {
    AGENT_REVOKE = 0,
    AGENT_UNREVOKE,
    AGENT_SUSPEND,                  /* this and the next: keys only */
    AGENT_RESUME,

    AGENT_REVOCATION_OPS
} agent_revocation_op_e;


/* what value is; those marked with * need an issuer, the others have none */

typedef enum {
    AGENT_REVOKED_TOKEN = 0,        /* SHA-256 of the value, hex */
    AGENT_REVOKED_JTI,              /* * */
    AGENT_REVOKED_SUBJECT,          /* * */
    AGENT_REVOKED_CLIENT,           /* * */
    AGENT_REVOKED_AGENT,            /* as $agent_id */
    AGENT_REVOKED_ISSUER,
    AGENT_REVOKED_KID,              /* * */
    AGENT_REVOKED_JWK,              /* RFC 7638, base64url */
    AGENT_REVOKED_KEY,              /* id of an API key */
    AGENT_REVOKED_CERTIFICATE,      /* x5t#S256, base64url */

    AGENT_REVOCATION_KINDS
} agent_revocation_kind_e;


/*
 * Times are milliseconds since the epoch.  before: a token that was issued
 * then or later is not meant, one without "iat" is; none: whatever it says.
 * expires: when the entry may be forgotten; none: never.  That is not when what
 * it revokes is good again: tokens are to end before.
 */

typedef struct {
    agent_revocation_op_e     op;
    agent_revocation_kind_e   kind;
    agent_str_t               issuer;
    agent_str_t               value;
    agent_str_t               id;       /* unique: of [0-9A-Za-z._:-] */
    agent_str_t               cause;    /* free text */
    agent_str_t               by;       /* who */
    int64_t                   before;
    int64_t                   expires;
    int64_t                   at;       /* when it was said */
} agent_revocation_t;


/* "revoke", "jti" and so on; static storage */

const agent_str_t *agent_revocation_op_name(agent_revocation_op_e op);
const agent_str_t *agent_revocation_kind_name(agent_revocation_kind_e kind);


/* the enumerations for names, or -1 */

int agent_revocation_op(const agent_str_t *name);
int agent_revocation_kind(const agent_str_t *name);


/* 1 where entries of this kind name an issuer besides the value */

int agent_revocation_has_issuer(agent_revocation_kind_e kind);


/*
 * Whether an entry holds together: op and kind, the form of value for its kind,
 * lengths, UTF-8 without NUL, and that before and expires go with op.  id and
 * at may be missing, which agent_revocation_write() does not allow.  Returns 0,
 * or -1 with err set, which quotes nothing of the entry.
 */

int agent_revocation_check(const agent_revocation_t *rev, char *err);


/*
 * Reads a line of len octets, without its LF, and checks it.  What rev points
 * at goes to buf, of len octets.  Members that begin with "x_" are ignored,
 * other unknown ones refused.  Returns 0, or -1 with err set.
 */

int agent_revocation_parse(const uint8_t *line, size_t len, uint8_t *buf,
    agent_revocation_t *rev, char *err);


/*
 * Writes the line of an entry that agent_revocation_check() passed, the LF
 * included, to buf of AGENT_REVOCATION_LINE_MAX octets; cause and by are cut at
 * their maximum.  Returns its length; 0 where id or at are missing.
 */

size_t agent_revocation_write(uint8_t *buf, const agent_revocation_t *rev);


/*
 * What a table knows the entry by: a hash with secret (AGENT_SIPHASH_KEY
 * octets) of kind, issuer and value.  One for the issuer serves several values;
 * no issuer: 0.  Of a token, jwk or certificate value is not the text but its
 * octets, of a jwk the first eight (agent_jwk_t's id).
 */

uint64_t agent_revocation_issuer_hash(const uint8_t *secret,
    const agent_str_t *issuer);
uint64_t agent_revocation_hash(const uint8_t *secret,
    agent_revocation_kind_e kind, uint64_t issuer, const uint8_t *value,
    size_t len);


/* the same of an entry that agent_revocation_check() passed */

uint64_t agent_revocation_entry_hash(const uint8_t *secret,
    const agent_revocation_t *rev);


#endif /* _AGENT_REVOCATION_H_INCLUDED_ */
