
/*
 * The ids and digests of a key file, to find what stands twice in it.
 */

#ifndef _AGENTCTL_INDEX_H_INCLUDED_
#define _AGENTCTL_INDEX_H_INCLUDED_


#include "agent_keyfile.h"


typedef struct {
    uint8_t        digest[AGENT_SHA256_LEN];
    uint64_t       id;              /* offset in ids */
    uint32_t       line;
    uint8_t        id_len;
    uint8_t        mark;            /* the caller's, 0 at first */
} ctl_entry_t;


typedef struct {
    uint32_t      *slots;           /* number of an entry and 1, 0 is empty */
    size_t         n;
} ctl_set_t;


typedef struct {
    ctl_entry_t   *entries;
    size_t         n;
    size_t         size;

    uint8_t       *ids;
    uint64_t       ids_len;
    uint64_t       ids_size;

    ctl_set_t      by_id;
    ctl_set_t      by_digest;

    uint8_t        hash_key[AGENT_SIPHASH_KEY];
} ctl_index_t;


/* 0, or -1 where the CSPRNG fails, with the error printed */

int ctl_index_init(ctl_index_t *index);
void ctl_index_free(ctl_index_t *index);


/*
 * Adds a record; line is for messages.  Returns its entry, which moves with
 * the next record, or NULL with err set (AGENT_ERROR_LEN octets) in the words
 * of agent_keytab_finish().
 */

ctl_entry_t *ctl_index_add(ctl_index_t *index, const agent_key_record_t *rec,
    uint64_t line, char *err);


/* the entry with this id, or NULL */

ctl_entry_t *ctl_index_find(const ctl_index_t *index, const agent_str_t *id);


/* the view is good until the next record is added */

agent_str_t ctl_index_id(const ctl_index_t *index, const ctl_entry_t *entry);


#endif /* _AGENTCTL_INDEX_H_INCLUDED_ */
