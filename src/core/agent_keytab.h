
/*
 * The key table: all API keys of a key file in one flat block of memory.
 *
 * The block holds offsets and no pointers, so that it means the same in every
 * process.  It may be overwritten while it is read: a reader copies what it
 * needs, checks each offset against the block, and throws the result away if
 * the owner of the block says afterwards that it was reused.
 */

#ifndef _AGENT_KEYTAB_H_INCLUDED_
#define _AGENT_KEYTAB_H_INCLUDED_


#include "agent_keyfile.h"


/* stored once for each key: 88 octets */

typedef struct {
    uint8_t             digest[AGENT_SHA256_LEN];
    uint8_t             id[16];         /* a u32 string offset where id_len
                                           is more than 16 */
    int64_t             not_before;     /* AGENT_TIME_NONE: none */
    int64_t             expires;        /* the earlier of expiry and grace */
    uint32_t            agent;          /* string offsets, 0 is empty */
    uint32_t            owner;
    uint32_t            scopes;         /* space-separated */
    uint32_t            services;       /* space-separated */
    uint32_t            networks;       /* array of agent_cidr_t */
    uint8_t             id_len;
    uint8_t             state;          /* agent_key_state_e */
    uint8_t             imported;
    uint8_t             pepper;         /* 0: none, else its number from 1 */
} agent_keytab_rec_t;


typedef struct {
    uint32_t            magic;
    uint32_t            layout;
    uint32_t            rec_size;
    uint32_t            npeppers;
    uint64_t            nkeys;
    uint64_t            slots;          /* a power of two */
    uint64_t            index;          /* offsets from the block's start */
    uint64_t            peppers;
    uint64_t            strings;
    uint64_t            strings_len;
    uint8_t             hash_key[AGENT_SIPHASH_KEY];
    uint32_t            kinds[AGENT_PEPPERS_MAX + 1];   /* issued keys by
                                           pepper, 0: plain digests */
    uint32_t            pad;
} agent_keytab_head_t;


/* a checked view of a block */

typedef struct {
    const uint8_t      *base;
    agent_keytab_head_t head;
} agent_keytab_t;


typedef enum {
    AGENT_KEYTAB_CORRUPT = -1,
    AGENT_KEYTAB_ABSENT,
    AGENT_KEYTAB_FOUND
} agent_keytab_e;


typedef enum {
    AGENT_BUILD_ERROR = -1,
    AGENT_BUILD_DONE,
    AGENT_BUILD_AGAIN
} agent_build_e;


typedef struct agent_keytab_builder_s  agent_keytab_builder_t;


/*
 * Opens the block at base (size octets, aligned to 8).  Returns 0, or -1 where
 * it holds no table of this layout that fits into size.
 */

int agent_keytab_open(agent_keytab_t *tab, const uint8_t *base, size_t size);


/*
 * Finds an issued key by its id (AGENT_KEY_ID_LEN octets) and checks secret
 * (AGENT_KEY_SECRET_LEN octets) against its digest in constant time.
 *
 * AGENT_KEYTAB_FOUND: id and secret are right, rec is the copied record.
 * AGENT_KEYTAB_ABSENT: no such key; takes the time of a digest of a kind that
 * the table holds all the same.  AGENT_KEYTAB_CORRUPT: an offset is out of
 * bounds.
 */

agent_keytab_e agent_keytab_issued(const agent_keytab_t *tab,
    const uint8_t *id, const uint8_t *secret, agent_keytab_rec_t *rec);


/* finds an imported key by the SHA-256 of its whole value; as above */

agent_keytab_e agent_keytab_imported(const agent_keytab_t *tab,
    const uint8_t *digest, agent_keytab_rec_t *rec);


/* copies the n-th record, from 0: AGENT_KEYTAB_FOUND, or AGENT_KEYTAB_ABSENT
 * where there are no so many */

agent_keytab_e agent_keytab_nth(const agent_keytab_t *tab, uint64_t n,
    agent_keytab_rec_t *rec);


/* octets of the block that the table takes */

uint64_t agent_keytab_octets(const agent_keytab_t *tab);


/* finds a key by its id, whoever presents it: for those who manage keys.  Where
 * it may be an imported one all records are looked at. */

agent_keytab_e agent_keytab_find(const agent_keytab_t *tab,
    const agent_str_t *id, agent_keytab_rec_t *rec);


/*
 * The string at an offset that a record holds, or its id.  The view points
 * into the block: copy it before the block is asked whether it was reused.
 * Returns 0, or -1 where the offset or the length is out of bounds.
 */

int agent_keytab_string(const agent_keytab_t *tab, uint32_t offset,
    agent_str_t *s);
int agent_keytab_id(const agent_keytab_t *tab, const agent_keytab_rec_t *rec,
    agent_str_t *id);


/*
 * Begins a table in the block at base (size octets, aligned to 8).  peppers
 * (npeppers elements, copied) are those that records may name; hint is how
 * many records to expect.  Returns NULL where memory or the CSPRNG fails.
 */

agent_keytab_builder_t *agent_keytab_create(uint8_t *base, size_t size,
    const agent_pepper_t *peppers, size_t npeppers, uint64_t hint);


/*
 * Adds the record of a line; lines follow each other without a gap.  Returns
 * 0, or -1 with err set (AGENT_ERROR_LEN octets).  Records that the block has
 * no room for are counted: agent_keytab_finish() refuses them.
 */

int agent_keytab_add(agent_keytab_builder_t *b, const agent_key_record_t *rec,
    uint64_t line, char *err);


/*
 * Does at most steps small pieces of what is left to do, each well under a
 * microsecond's worth of hashing or 4096 octets of copying.
 *
 * AGENT_BUILD_AGAIN: call again.  AGENT_BUILD_DONE: the block is complete.
 * AGENT_BUILD_ERROR: err is set; *line is the line at fault, or 0 where the
 * fault is none of a line; where agent_keytab_need() exceeds the size of the
 * block, that is the fault.
 */

agent_build_e agent_keytab_finish(agent_keytab_builder_t *b, uint64_t steps,
    uint64_t *line, char *err);


/* octets that the block of all records added so far needs */

uint64_t agent_keytab_need(const agent_keytab_builder_t *b);
uint64_t agent_keytab_count(const agent_keytab_builder_t *b);


/* frees the builder at any time; the block is the caller's */

void agent_keytab_destroy(agent_keytab_builder_t *b);


#endif /* _AGENT_KEYTAB_H_INCLUDED_ */
