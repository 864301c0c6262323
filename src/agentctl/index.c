
#include "index.h"
#include "agentctl.h"

#include <openssl/rand.h>
#include <stdlib.h>


#define CTL_INDEX_MIN  1024


static uint32_t *ctl_index_slot(const ctl_index_t *index,
    const ctl_set_t *set, int digest, const agent_str_t *value);
static agent_str_t ctl_index_value(const ctl_index_t *index,
    const ctl_entry_t *entry, int digest);
static void ctl_index_grow(ctl_index_t *index, size_t id_len);
static void ctl_index_rehash(ctl_index_t *index, ctl_set_t *set, size_t n,
    int digest);


int
ctl_index_init(ctl_index_t *index)
{
    memset(index, 0, sizeof(*index));

    /* whoever may write the file may not choose where its ids collide */

    if (RAND_bytes(index->hash_key, AGENT_SIPHASH_KEY) != 1) {
        ctl_error("the system gives no random numbers");
        return -1;
    }

    return 0;
}


void
ctl_index_free(ctl_index_t *index)
{
    free(index->entries);
    free(index->ids);
    free(index->by_id.slots);
    free(index->by_digest.slots);

    memset(index, 0, sizeof(*index));
}


ctl_entry_t *
ctl_index_add(ctl_index_t *index, const agent_key_record_t *rec, uint64_t line,
    char *err)
{
    uint32_t     *id, *digest;
    agent_str_t   value;
    ctl_entry_t  *entry;

    ctl_index_grow(index, rec->id.len);

    id = ctl_index_slot(index, &index->by_id, 0, &rec->id);

    if (*id) {
        (void) agent_fail(err, "duplicate id, first on line %u",
                          index->entries[*id - 1].line);
        return NULL;
    }

    value.data = rec->digest;
    value.len = AGENT_SHA256_LEN;

    digest = ctl_index_slot(index, &index->by_digest, 1, &value);

    if (*digest) {
        (void) agent_fail(err, "duplicate digest, first on line %u",
                          index->entries[*digest - 1].line);
        return NULL;
    }

    entry = &index->entries[index->n++];

    memcpy(entry->digest, rec->digest, AGENT_SHA256_LEN);
    entry->line = (uint32_t) line;
    entry->mark = 0;
    entry->id = index->ids_len;
    entry->id_len = (uint8_t) rec->id.len;

    memcpy(index->ids + index->ids_len, rec->id.data, rec->id.len);
    index->ids_len += rec->id.len;

    *id = (uint32_t) index->n;
    *digest = (uint32_t) index->n;

    return entry;
}


/* where the value stands, or the empty slot where it belongs */

static uint32_t *
ctl_index_slot(const ctl_index_t *index, const ctl_set_t *set, int digest,
    const agent_str_t *value)
{
    size_t        i;
    agent_str_t   seen;

    i = (size_t) agent_siphash(index->hash_key, value->data, value->len);

    for ( /* void */ ;; i++) {

        i &= set->n - 1;

        if (set->slots[i] == 0) {
            return &set->slots[i];
        }

        seen = ctl_index_value(index, &index->entries[set->slots[i] - 1],
                               digest);

        if (agent_str_eq(&seen, value)) {
            return &set->slots[i];
        }
    }
}


static agent_str_t
ctl_index_value(const ctl_index_t *index, const ctl_entry_t *entry, int digest)
{
    agent_str_t  value;

    if (!digest) {
        return ctl_index_id(index, entry);
    }

    value.data = entry->digest;
    value.len = AGENT_SHA256_LEN;

    return value;
}


/* makes room for one more: at most half of the slots are taken */

static void
ctl_index_grow(ctl_index_t *index, size_t id_len)
{
    if (index->ids_len + id_len > index->ids_size) {
        index->ids_size = 2 * index->ids_size + CTL_INDEX_MIN * 16;
        index->ids = ctl_realloc(index->ids, index->ids_size);
    }

    if (index->n < index->size) {
        return;
    }

    index->size = index->size ? 2 * index->size : CTL_INDEX_MIN;
    index->entries = ctl_realloc(index->entries,
                                 index->size * sizeof(ctl_entry_t));

    ctl_index_rehash(index, &index->by_id, 2 * index->size, 0);
    ctl_index_rehash(index, &index->by_digest, 2 * index->size, 1);
}


static void
ctl_index_rehash(ctl_index_t *index, ctl_set_t *set, size_t n, int digest)
{
    size_t       i;
    agent_str_t  value;

    free(set->slots);

    set->n = n;
    set->slots = ctl_alloc(n * sizeof(uint32_t));
    memset(set->slots, 0, n * sizeof(uint32_t));

    for (i = 0; i < index->n; i++) {
        value = ctl_index_value(index, &index->entries[i], digest);
        *ctl_index_slot(index, set, digest, &value) = (uint32_t) i + 1;
    }
}


ctl_entry_t *
ctl_index_find(const ctl_index_t *index, const agent_str_t *id)
{
    uint32_t  *slot;

    if (index->n == 0) {
        return NULL;
    }

    slot = ctl_index_slot(index, &index->by_id, 0, id);

    return *slot ? &index->entries[*slot - 1] : NULL;
}


agent_str_t
ctl_index_id(const ctl_index_t *index, const ctl_entry_t *entry)
{
    agent_str_t  id;

    id.data = index->ids + entry->id;
    id.len = entry->id_len;

    return id;
}
