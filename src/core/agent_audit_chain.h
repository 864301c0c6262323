
/*
 * A chain of audit lines: each carries a number and a MAC of its octets and of
 * the MAC before, by AES-256-GMAC (NIST SP 800-38D, RFC 9044) and under a key
 * that is replaced by its own HMAC-SHA-256 (RFC 2104) from time to time and
 * then forgotten.  Who gets hold of a key later can change no line that was
 * written under those before.
 *
 *     seed(0)       = HMAC(secret, "agent audit seed" || boot)
 *     seed(i + 1)   = HMAC(seed(i), "agent audit next seed")
 *     key(i, 0)     = HMAC(seed(i), "agent audit chain")
 *     key(i, e + 1) = HMAC(key(i, e), "agent audit next key")
 *     gkey(i, e)    = HMAC(key(i, e), "agent audit gmac key")
 *     mac(n)        = GMAC(gkey(i, e), n, line(n) || mac(n - 1))
 *     mac(0)        = 16 zeros
 *
 * boot are 16 random octets, drawn whenever nginx begins to write to a file;
 * chain i of them is that of one worker and file.  line(n) is the line from
 * its first octet to the one before ,"gmac": and so needs no canonical form.
 *
 * The nonce is n, the line's seq, as a number of 96 bits.  Two lines with one
 * key and nonce would give GHASH's key away (SP 800-38D, A), and with it all
 * lines of this epoch.  So seq never goes back within a chain, also where the
 * key changes; no seed is for two chains, see ngx_agent_audit_chain.c; and
 * agent_gmac() refuses a number that is not higher than the last one.
 */

#ifndef _AGENT_AUDIT_CHAIN_H_INCLUDED_
#define _AGENT_AUDIT_CHAIN_H_INCLUDED_


#include "agent_audit.h"
#include "agent_digest.h"
#include "agent_gmac.h"
#include "agent_keyfile.h"


#define AGENT_AUDIT_BOOT_LEN  16
#define AGENT_AUDIT_BOOT_TEXT 22    /* in base64url */
#define AGENT_AUDIT_MAC_TEXT  22

/* the most octets of chain_uid: boot, a dot, and the number of the chain */

#define AGENT_AUDIT_CHAIN_UID (AGENT_AUDIT_BOOT_TEXT + 1 + 10)

/* the most octets of a member "integrity" before its numbers */

#define AGENT_AUDIT_PREFIX    (AGENT_AUDIT_CHAIN_UID + AGENT_PEPPER_ID_MAX + 80)


typedef struct {
    agent_hmac_key_t  key;                          /* of this epoch */
    agent_gmac_t     *gmac;                         /* likewise */
    uint8_t           mac[AGENT_GMAC_LEN];          /* of the last line */
    uint64_t          seq;                          /* its number */
    uint32_t          epoch;
    uint32_t          uid_len;
    uint32_t          kid_len;
    uint32_t          prefix_len;
    uint8_t           uid[AGENT_AUDIT_CHAIN_UID];
    uint8_t           kid[AGENT_PEPPER_ID_MAX];
    uint8_t           prefix[AGENT_AUDIT_PREFIX];
} agent_audit_chain_t;


/* what a line says of its place in a chain; the views are into the line */

typedef struct {
    agent_str_t       uid;
    agent_str_t       kid;
    uint8_t           boot[AGENT_AUDIT_BOOT_LEN];
    uint32_t          index;
    uint32_t          epoch;
    uint64_t          seq;
    size_t            covered;                      /* octets under the MAC */
    unsigned          has_prev:1;
    uint8_t           prev[AGENT_GMAC_LEN];
    uint8_t           mac[AGENT_GMAC_LEN];
} agent_audit_link_t;


/* seed (AGENT_SHA256_LEN octets) of the first chain; boot as above */

void agent_audit_seed(uint8_t *seed, const agent_hmac_key_t *secret,
    const uint8_t *boot);


/* that of the next chain, in the place of the last one's */

void agent_audit_seed_next(uint8_t *seed);


/*
 * Eight octets that tell secrets apart and nothing about them; mark them where
 * it is to be known whether a secret is the same.
 */

void agent_audit_secret_mark(uint8_t *mark, const agent_hmac_key_t *secret);


/*
 * Begins chain number index of boot with its seed.  kid (1 to
 * AGENT_PEPPER_ID_MAX octets) names the secret.  gmac is the chain's from here
 * on.  Returns 0, or -1 where OpenSSL fails; agent_audit_chain_end() is due in
 * either case.
 */

int agent_audit_chain_begin(agent_audit_chain_t *chain, agent_gmac_t *gmac,
    const uint8_t *seed, const uint8_t *boot, uint32_t index,
    const agent_str_t *kid);


/* the name of a chain, to uid (AGENT_AUDIT_CHAIN_UID octets); its length */

size_t agent_audit_chain_uid(uint8_t *uid, const uint8_t *boot,
    uint32_t index);


/*
 * Replaces the key: the lines so far cannot be forged from here on.  Returns
 * 0, or -1 where OpenSSL fails: the chain takes no more lines then.
 */

int agent_audit_chain_epoch(agent_audit_chain_t *chain);


/* wipes what is secret */

void agent_audit_chain_end(agent_audit_chain_t *chain);


/*
 * Adds the member "integrity" to a line of len octets, whose last object is
 * "unmapped" and which therefore ends in "}}" and LF.  There is room for
 * AGENT_AUDIT_CHAIN_MAX octets more.  prev adds the MAC before, so that the
 * line can be verified without its predecessor.
 *
 * Returns the length of the line, or 0 where it does not end so, or no MAC can
 * be had; it is as it was then.
 */

size_t agent_audit_chain_add(agent_audit_chain_t *chain, uint8_t *line,
    size_t len, unsigned prev);


/*
 * Reads the member from a line of len octets without its LF.  Returns 0, or -1
 * where it has none that agent_audit_chain_add() could have written.
 */

int agent_audit_link_parse(agent_audit_link_t *link, const uint8_t *line,
    size_t len);


/*
 * Whether the MAC of a line is right, by agent_audit_key_gmac(); prev: that of
 * the line before, AGENT_GMAC_LEN octets.
 */

int agent_audit_link_verify(const agent_audit_link_t *link,
    const uint8_t *line, agent_gmac_t *gmac, const uint8_t *prev);


/* the key of the next epoch, in the place of key */

void agent_audit_key_next(agent_hmac_key_t *key);


/* the first key of a chain with this seed */

void agent_audit_key_first(agent_hmac_key_t *key, const uint8_t *seed);


/* makes gmac ready for the lines of an epoch; 0, or -1 where OpenSSL fails */

int agent_audit_key_gmac(agent_gmac_t *gmac, const agent_hmac_key_t *key);


/* the milliseconds that a line begins with, or 0 */

uint64_t agent_audit_line_time(const uint8_t *line, size_t len);


#endif /* _AGENT_AUDIT_CHAIN_H_INCLUDED_ */
