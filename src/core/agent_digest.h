
/*
 * SHA-256, HMAC-SHA-256 and SipHash-2-4 for the request path: no allocation,
 * no algorithm look-up.  Sources: FIPS 180-4, RFC 2104, SipHash (Aumasson and
 * Bernstein, 2012).
 */

#ifndef _AGENT_DIGEST_H_INCLUDED_
#define _AGENT_DIGEST_H_INCLUDED_


#include "agent_str.h"


#define AGENT_SHA256_LEN     32
#define AGENT_SIPHASH_KEY    16


/*
 * An HMAC key after its two padded blocks have been absorbed: what is left to
 * do for a message is the message itself.  As secret as the key.
 */

typedef struct {
    uint32_t  inner[8];
    uint32_t  outer[8];
} agent_hmac_key_t;


/* digest: AGENT_SHA256_LEN octets */

void agent_sha256(const uint8_t *data, size_t len, uint8_t *digest);


/* absorbs a key of any length; the caller cleanses hk when done with it */

void agent_hmac_key(agent_hmac_key_t *hk, const uint8_t *key, size_t len);


/* digest: AGENT_SHA256_LEN octets */

void agent_hmac_sha256(const agent_hmac_key_t *hk, const uint8_t *data,
    size_t len, uint8_t *digest);


/*
 * 1 where two digests are the same, AGENT_SHA256_LEN octets each; takes the
 * same time wherever they differ.
 */

int agent_digest_eq(const uint8_t *a, const uint8_t *b);


/* SipHash-2-4; key: AGENT_SIPHASH_KEY octets */

uint64_t agent_siphash(const uint8_t *key, const uint8_t *data, size_t len);


/* SipHash-1-3, for a table that is asked several times for a request */

uint64_t agent_siphash13(const uint8_t *key, const uint8_t *data, size_t len);


/* lower-case hex of len octets to dst (2 * len octets, no NUL) */

void agent_hex(uint8_t *dst, const uint8_t *src, size_t len);


/*
 * Lower-case hex of exactly 2 * len digits to dst (len octets).
 * Returns 0, or -1 where a character is no digit: upper case is refused, so
 * that a digest has one spelling only.
 */

int agent_unhex(uint8_t *dst, size_t len, const uint8_t *src);


#endif /* _AGENT_DIGEST_H_INCLUDED_ */
