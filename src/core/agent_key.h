
/*
 * API keys of the issued form: <prefix>_<id>_<secret><check>.
 */

#ifndef _AGENT_KEY_H_INCLUDED_
#define _AGENT_KEY_H_INCLUDED_


#include "agent_str.h"


#define AGENT_KEY_PREFIX_MIN   2
#define AGENT_KEY_PREFIX_MAX   8
#define AGENT_KEY_ID_LEN       16
#define AGENT_KEY_SECRET_LEN   43
#define AGENT_KEY_CHECK_LEN    6

#define AGENT_KEY_MAX                                                         \
    (AGENT_KEY_PREFIX_MAX + 1 + AGENT_KEY_ID_LEN + 1 + AGENT_KEY_SECRET_LEN   \
     + AGENT_KEY_CHECK_LEN)


typedef enum {
    AGENT_KEY_FOREIGN = 0,      /* not of the issued shape */
    AGENT_KEY_BAD_CHECK,        /* of the shape, mistyped or cut */
    AGENT_KEY_ISSUED
} agent_key_shape_e;


typedef struct {
    const uint8_t  *id;         /* AGENT_KEY_ID_LEN octets */
    const uint8_t  *secret;     /* AGENT_KEY_SECRET_LEN octets */
} agent_key_t;


/*
 * Tells whether value is of the issued shape and whether its check is right.
 * key points into value; it is set for both shapes but AGENT_KEY_FOREIGN.
 */

agent_key_shape_e agent_key_parse(const agent_str_t *value, agent_key_t *key);


/*
 * Makes a key from the system's CSPRNG.  prefix: AGENT_KEY_PREFIX_MIN to
 * AGENT_KEY_PREFIX_MAX of [a-z0-9]; buf: AGENT_KEY_MAX octets, which the caller
 * cleanses.  value and key point into buf.
 *
 * Returns 0, or -1 for a bad prefix or where the CSPRNG fails.
 */

int agent_key_generate(const agent_str_t *prefix, uint8_t *buf,
    agent_str_t *value, agent_key_t *key);


/* 1 where id is AGENT_KEY_ID_LEN of [0-9A-Za-z] */

int agent_key_id_valid(const agent_str_t *id);


/* 1 where prefix may begin a key */

int agent_key_prefix_valid(const agent_str_t *prefix);


/* CRC-32 as zlib's, RFC 1952, 8 */

uint32_t agent_crc32(const uint8_t *data, size_t len);


#endif /* _AGENT_KEY_H_INCLUDED_ */
