
/*
 * The key file: JSON Lines, one API key a line, an optional first line that
 * tells version and count.  The module and agentctl read it through these
 * functions, so that what one accepts the other does, in the same words.
 */

#ifndef _AGENT_KEYFILE_H_INCLUDED_
#define _AGENT_KEYFILE_H_INCLUDED_


#include "agent_cidr.h"
#include "agent_digest.h"
#include "agent_error.h"
#include "agent_secret.h"
#include "agent_str.h"

#include <jansson.h>


/* octets of a line, the LF not counted */

#define AGENT_KEYFILE_LINE_MAX  65536

/* the shortest line that can hold a record; for estimates */

#define AGENT_KEYFILE_LINE_MIN  140

/* octets of an id, and of any other text member or list element */

#define AGENT_KEY_ID_MAX        64
#define AGENT_KEY_TEXT_MAX      255

/* octets of the scopes or services of one key, the spaces counted */

#define AGENT_KEY_LIST_MAX      8192
#define AGENT_KEY_NETWORKS_MAX  256

#define AGENT_PEPPERS_MAX       16
#define AGENT_PEPPER_ID_MAX     AGENT_SECRET_ID_MAX
#define AGENT_PEPPER_KEY_MIN    16


typedef enum {
    AGENT_KEY_PENDING = 0,
    AGENT_KEY_ACTIVE,
    AGENT_KEY_DEPRECATED,
    AGENT_KEY_STATE_SUSPENDED,
    AGENT_KEY_STATE_REVOKED
} agent_key_state_e;


/*
 * One record after every check.  The strings and lists point into the JSON
 * value that it was made from; dates are Unix seconds or AGENT_TIME_NONE;
 * absent strings are empty, absent lists NULL.
 */

typedef struct {
    agent_str_t         id;
    agent_str_t         agent;
    agent_str_t         owner;
    agent_str_t         successor;
    agent_str_t         note;
    agent_str_t         pepper;         /* empty: a plain SHA-256 digest */
    uint8_t             digest[AGENT_SHA256_LEN];

    const json_t       *scopes;
    const json_t       *services;
    const json_t       *networks;

    int64_t             created;
    int64_t             not_before;
    int64_t             expires;
    int64_t             grace_until;

    agent_key_state_e   state;
    unsigned            imported:1;
} agent_key_record_t;


/* where in a file a reader is; all zero (agent_keyfile_init) at its start */

typedef struct {
    uint64_t            line;           /* lines read; the last one's number */
    uint64_t            records;
    uint64_t            promised;       /* count in the first line */
    unsigned            header:1;       /* there was such a first line */
} agent_keyfile_t;


typedef struct {
    uint8_t             id[AGENT_PEPPER_ID_MAX];
    uint32_t            id_len;
    agent_hmac_key_t    key;
} agent_pepper_t;


typedef enum {
    AGENT_LINE_ERROR = -1,
    AGENT_LINE_RECORD,
    AGENT_LINE_HEADER
} agent_line_e;


/*
 * Reads the next line (without its LF).
 *
 * Returns AGENT_LINE_RECORD and sets rec and *json, which the caller drops
 * with json_decref() when done with rec; AGENT_LINE_HEADER for a first line
 * with version and count; or AGENT_LINE_ERROR with the fault in err
 * (AGENT_ERROR_LEN octets), which is for "FILE:LINE: ", file->line being the
 * line.  err never quotes a digest, nor a text that is as long as one or as
 * a secret.
 */

agent_line_e agent_keyfile_line(agent_keyfile_t *file, const uint8_t *line,
    size_t len, agent_key_record_t *rec, json_t **json, char *err);


/*
 * Checks at the end of the file: truncated tells that octets were left after
 * the last LF.  Returns 0, or -1 with err set as above.
 */

int agent_keyfile_end(const agent_keyfile_t *file, int truncated, char *err);


/* a record from a JSON object that the caller keeps; 0, or -1 with err set */

int agent_keyfile_record(const json_t *json, agent_key_record_t *rec,
    char *err);


/* the earlier of expires and grace_until */

int64_t agent_key_end(const agent_key_record_t *rec);


/* 1 where id is 1 to max of [0-9A-Za-z._-] */

int agent_id_valid(const agent_str_t *id, size_t max);


/* "pending" ... "revoked"; static storage */

const char *agent_key_state_name(agent_key_state_e state);


/*
 * Reads the text of a pepper file: lines "id base64"; or of another file of
 * such secrets.  what: of which kind they are, "pepper", for err.
 *
 * Sets peppers (AGENT_PEPPERS_MAX elements) and *n and returns 0, or returns
 * -1 with *line and err set.  The caller cleanses text and peppers.
 */

int agent_pepper_parse(const agent_str_t *text, const char *what,
    agent_pepper_t *peppers, size_t *n, uint64_t *line, char *err);


/* the pepper of this id, or NULL */

const agent_pepper_t *agent_pepper_find(const agent_pepper_t *peppers,
    size_t n, const agent_str_t *id);


#endif /* _AGENT_KEYFILE_H_INCLUDED_ */
