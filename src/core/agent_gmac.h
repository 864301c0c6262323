
/*
 * AES-256-GMAC: the tag of AES-256-GCM where nothing is encrypted (NIST SP
 * 800-38D, 3; RFC 9044), for lines that each need one.
 */

#ifndef _AGENT_GMAC_H_INCLUDED_
#define _AGENT_GMAC_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>


#define AGENT_GMAC_KEY    32
#define AGENT_GMAC_NONCE  12
#define AGENT_GMAC_LEN    16


/* a key that is ready; as secret as the key */

typedef struct agent_gmac_s  agent_gmac_t;


/* NULL where OpenSSL has no AES-256 here, or there is no memory */

agent_gmac_t *agent_gmac_create(void);


/*
 * Another key, AGENT_GMAC_KEY octets: nothing is left of the one before.  No
 * key may be given twice.  Returns 0, or -1, and no tag is computed then.
 */

int agent_gmac_key(agent_gmac_t *gmac, const uint8_t *key);


/*
 * The tag of data, AGENT_GMAC_LEN octets.  n is the nonce, as a number of 96
 * bits: from 1, and higher each time.  Two tags with one key and nonce would
 * tell how to forge all others of this key, hence -1 where it is not higher;
 * likewise where there is no key, or OpenSSL fails.
 */

int agent_gmac(agent_gmac_t *gmac, uint64_t n, const uint8_t *data,
    size_t len, uint8_t *tag);


/*
 * Whether the tag is that of data with a nonce, AGENT_GMAC_NONCE octets; takes
 * the same time wherever they differ.
 */

int agent_gmac_verify(agent_gmac_t *gmac, const uint8_t *nonce,
    const uint8_t *data, size_t len, const uint8_t *tag);


/* n as a nonce, AGENT_GMAC_NONCE octets */

void agent_gmac_nonce(uint8_t *nonce, uint64_t n);


/* also wipes what is secret; NULL is none */

void agent_gmac_free(agent_gmac_t *gmac);


#endif /* _AGENT_GMAC_H_INCLUDED_ */
