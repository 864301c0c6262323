
#include "agent_keytab.h"
#include "agent_key.h"
#include "agent_keytab_layout.h"
#include "agent_time.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <stdlib.h>


#define AGENT_STRINGS_MAX   UINT32_MAX
#define AGENT_STRING_MAX    UINT16_MAX
#define AGENT_COPY_PIECE    4096
#define AGENT_INTERN_MIN    1024


typedef enum {
    AGENT_STEP_FIT = 0,
    AGENT_STEP_CLEAR,
    AGENT_STEP_INDEX,
    AGENT_STEP_STRINGS,
    AGENT_STEP_HEAD,
    AGENT_STEP_DONE
} agent_step_e;


/* a string that is already stored, and the next one of its bucket */

typedef struct {
    uint32_t             offset;
    uint32_t             next;
} agent_intern_t;


/*
 * Records go straight into the block; strings wait in memory of our own until
 * their number is known, as do the two sets that find duplicates.
 */

struct agent_keytab_builder_s {
    uint8_t             *base;
    uint64_t             size;

    agent_pepper_t       peppers[AGENT_PEPPERS_MAX];
    uint32_t             npeppers;

    agent_keytab_head_t  head;
    uint64_t             first_line;

    uint8_t             *strings;
    uint64_t             strings_len;
    uint64_t             strings_size;

    agent_intern_t      *interned;
    uint64_t             ninterned;
    uint64_t             interned_size;
    uint32_t            *buckets;
    uint64_t             nbuckets;

    uint32_t            *ids;
    uint32_t            *digests;

    agent_step_e         step;
    uint64_t             done;
};


static int agent_build_record(agent_keytab_builder_t *b,
    const agent_key_record_t *rec, agent_keytab_rec_t *kr, char *err);
static int agent_build_list(agent_keytab_builder_t *b, const json_t *list,
    uint32_t *offset);
static int agent_build_networks(agent_keytab_builder_t *b,
    const json_t *networks, uint32_t *offset);
static int agent_build_intern(agent_keytab_builder_t *b, const uint8_t *data,
    size_t len, uint32_t *offset);
static int agent_build_grow(void **p, uint64_t *size, uint64_t need,
    size_t element);
static int agent_build_fit(agent_keytab_builder_t *b, char *err);
static int agent_build_clear(agent_keytab_builder_t *b);
static int agent_build_index(agent_keytab_builder_t *b, uint64_t *line,
    char *err);
static int agent_build_unique(agent_keytab_builder_t *b, uint32_t *set,
    int digest, uint64_t *other);
static int agent_build_strings(agent_keytab_builder_t *b);
static void agent_build_head(agent_keytab_builder_t *b);
static agent_keytab_rec_t *agent_build_at(const agent_keytab_builder_t *b,
    uint64_t n);
static agent_str_t agent_build_id(const agent_keytab_builder_t *b,
    const agent_keytab_rec_t *kr);


agent_keytab_builder_t *
agent_keytab_create(uint8_t *base, size_t size, const agent_pepper_t *peppers,
    size_t npeppers, uint64_t hint)
{
    agent_keytab_builder_t  *b;

    if (npeppers > AGENT_PEPPERS_MAX || size < AGENT_KEYTAB_RECORDS) {
        return NULL;
    }

    b = calloc(1, sizeof(agent_keytab_builder_t));
    if (b == NULL) {
        return NULL;
    }

    b->base = base;
    b->size = size;

    b->npeppers = (uint32_t) npeppers;

    if (npeppers) {
        memcpy(b->peppers, peppers, npeppers * sizeof(agent_pepper_t));
    }

    /* offset 0 is the empty string */

    b->strings_len = AGENT_KEYTAB_STRING_HEAD;

    b->nbuckets = AGENT_INTERN_MIN;

    while (b->nbuckets < hint && b->nbuckets < (1 << 24)) {
        b->nbuckets *= 2;
    }

    b->buckets = calloc(b->nbuckets, sizeof(uint32_t));

    if (b->buckets == NULL
        || agent_build_grow((void **) &b->strings, &b->strings_size,
                            AGENT_STRING_MAX, 1) != 0
        || RAND_bytes(b->head.hash_key, AGENT_SIPHASH_KEY) != 1)
    {
        agent_keytab_destroy(b);
        return NULL;
    }

    memset(b->strings, 0, AGENT_KEYTAB_STRING_HEAD);

    /* a reader of a half-built block must not take it for the last one */

    memset(base, 0, AGENT_KEYTAB_RECORDS);

    return b;
}


int
agent_keytab_add(agent_keytab_builder_t *b, const agent_key_record_t *rec,
    uint64_t line, char *err)
{
    agent_keytab_rec_t  kr;

    if (b->head.nkeys == 0) {
        b->first_line = line;
    }

    if (b->head.nkeys == UINT32_MAX - 1) {
        return agent_fail(err, "too many keys");
    }

    if (agent_build_record(b, rec, &kr, err) != 0) {
        return -1;
    }

    if (AGENT_KEYTAB_RECORDS + (b->head.nkeys + 1) * sizeof(kr) <= b->size) {
        memcpy(agent_build_at(b, b->head.nkeys), &kr, sizeof(kr));
    }

    b->head.kinds[kr.pepper] += !kr.imported;
    b->head.nkeys++;

    return 0;
}


static int
agent_build_record(agent_keytab_builder_t *b, const agent_key_record_t *rec,
    agent_keytab_rec_t *kr, char *err)
{
    uint32_t               offset;
    const agent_pepper_t  *pepper;

    memset(kr, 0, sizeof(*kr));

    memcpy(kr->digest, rec->digest, AGENT_SHA256_LEN);
    kr->not_before = rec->not_before;
    kr->expires = agent_key_end(rec);
    kr->state = (uint8_t) rec->state;
    kr->imported = rec->imported;
    kr->id_len = (uint8_t) rec->id.len;

    if (rec->pepper.len) {
        pepper = agent_pepper_find(b->peppers, b->npeppers, &rec->pepper);

        if (pepper == NULL) {
            return agent_fail(err, "unknown pepper \"%.*s\"",
                              (int) rec->pepper.len,
                              (const char *) rec->pepper.data);
        }

        kr->pepper = (uint8_t) (pepper - b->peppers + 1);
    }

    if (rec->id.len <= sizeof(kr->id)) {
        memcpy(kr->id, rec->id.data, rec->id.len);

    } else {
        if (agent_build_intern(b, rec->id.data, rec->id.len, &offset) != 0) {
            goto nomem;
        }

        memcpy(kr->id, &offset, sizeof(offset));
    }

    if (agent_build_intern(b, rec->agent.data, rec->agent.len, &kr->agent) == 0
        && agent_build_intern(b, rec->owner.data, rec->owner.len, &kr->owner)
           == 0
        && agent_build_list(b, rec->scopes, &kr->scopes) == 0
        && agent_build_list(b, rec->services, &kr->services) == 0
        && agent_build_networks(b, rec->networks, &kr->networks) == 0)
    {
        return 0;
    }

nomem:

    return agent_fail(err, "not enough memory for the strings of the keys");
}


static int
agent_build_list(agent_keytab_builder_t *b, const json_t *list,
    uint32_t *offset)
{
    size_t         i, n, len;
    uint8_t        text[AGENT_KEY_LIST_MAX];
    const json_t  *value;

    for (i = 0, len = 0; i < json_array_size(list); i++) {

        value = json_array_get(list, i);
        n = json_string_length(value);

        if (n + 1 > sizeof(text) - len) {
            return -1;
        }

        if (len) {
            text[len++] = ' ';
        }

        memcpy(text + len, json_string_value(value), n);
        len += n;
    }

    return agent_build_intern(b, text, len, offset);
}


static int
agent_build_networks(agent_keytab_builder_t *b, const json_t *networks,
    uint32_t *offset)
{
    size_t         i, n;
    agent_str_t    text;
    agent_cidr_t   cidr[AGENT_KEY_NETWORKS_MAX];
    const json_t  *value;

    n = json_array_size(networks);

    if (n > AGENT_KEY_NETWORKS_MAX) {
        return -1;
    }

    for (i = 0; i < n; i++) {
        value = json_array_get(networks, i);

        text.data = (const uint8_t *) json_string_value(value);
        text.len = json_string_length(value);

        if (agent_cidr_parse(&text, &cidr[i]) != 0) {
            return -1;
        }
    }

    return agent_build_intern(b, (const uint8_t *) cidr,
                              n * sizeof(agent_cidr_t), offset);
}


static int
agent_build_intern(agent_keytab_builder_t *b, const uint8_t *data, size_t len,
    uint32_t *offset)
{
    uint16_t   stored;
    uint32_t   n, *bucket;
    uint8_t   *s;

    *offset = 0;

    if (len == 0) {
        return 0;
    }

    if (len > AGENT_STRING_MAX) {
        return -1;
    }

    bucket = &b->buckets[agent_siphash(b->head.hash_key, data, len)
                         & (b->nbuckets - 1)];

    for (n = *bucket; n; n = b->interned[n - 1].next) {

        s = b->strings + b->interned[n - 1].offset;
        memcpy(&stored, s, AGENT_KEYTAB_STRING_HEAD);

        if (stored == len
            && memcmp(s + AGENT_KEYTAB_STRING_HEAD, data, len) == 0)
        {
            *offset = b->interned[n - 1].offset;
            return 0;
        }
    }

    if (b->strings_len + AGENT_KEYTAB_STRING_HEAD + len > AGENT_STRINGS_MAX
        || agent_build_grow((void **) &b->strings, &b->strings_size,
                            b->strings_len + AGENT_KEYTAB_STRING_HEAD + len, 1)
           != 0
        || agent_build_grow((void **) &b->interned, &b->interned_size,
                            b->ninterned + 1, sizeof(agent_intern_t)) != 0)
    {
        return -1;
    }

    *offset = (uint32_t) b->strings_len;

    s = b->strings + b->strings_len;
    stored = (uint16_t) len;
    memcpy(s, &stored, AGENT_KEYTAB_STRING_HEAD);
    memcpy(s + AGENT_KEYTAB_STRING_HEAD, data, len);
    b->strings_len += AGENT_KEYTAB_STRING_HEAD + len;

    b->interned[b->ninterned].offset = *offset;
    b->interned[b->ninterned].next = *bucket;
    *bucket = (uint32_t) ++b->ninterned;

    return 0;
}


static int
agent_build_grow(void **p, uint64_t *size, uint64_t need, size_t element)
{
    void      *grown;
    uint64_t   n;

    if (need <= *size) {
        return 0;
    }

    n = *size ? *size * 2 : 256;

    if (n < need) {
        n = need;
    }

    grown = realloc(*p, n * element);
    if (grown == NULL) {
        return -1;
    }

    *p = grown;
    *size = n;

    return 0;
}


agent_build_e
agent_keytab_finish(agent_keytab_builder_t *b, uint64_t steps, uint64_t *line,
    char *err)
{
    int  rc;

    *line = 0;

    for ( /* void */ ; steps > 0; steps--) {

        switch (b->step) {

        case AGENT_STEP_FIT:
            rc = agent_build_fit(b, err);
            break;

        case AGENT_STEP_CLEAR:
            rc = agent_build_clear(b);
            break;

        case AGENT_STEP_INDEX:
            rc = agent_build_index(b, line, err);
            break;

        case AGENT_STEP_STRINGS:
            rc = agent_build_strings(b);
            break;

        case AGENT_STEP_HEAD:
            agent_build_head(b);
            rc = 1;
            break;

        default:
            return AGENT_BUILD_DONE;
        }

        if (rc < 0) {
            return AGENT_BUILD_ERROR;
        }

        if (rc > 0) {
            b->step++;
            b->done = 0;
        }
    }

    return b->step == AGENT_STEP_DONE ? AGENT_BUILD_DONE : AGENT_BUILD_AGAIN;
}


uint64_t
agent_keytab_need(const agent_keytab_builder_t *b)
{
    uint64_t  slots, need;

    for (slots = 2; slots < b->head.nkeys * 2; slots *= 2) { /* void */ }

    need = AGENT_KEYTAB_RECORDS + b->head.nkeys * sizeof(agent_keytab_rec_t);
    need += slots * sizeof(uint32_t);
    need += b->npeppers * sizeof(agent_hmac_key_t);
    need += b->strings_len;

    return (need + 7) & ~(uint64_t) 7;
}


uint64_t
agent_keytab_count(const agent_keytab_builder_t *b)
{
    return b->head.nkeys;
}


/* these return 1 where their step is complete, 0 to be called again, or -1 */

static int
agent_build_fit(agent_keytab_builder_t *b, char *err)
{
    agent_keytab_head_t  *h;

    h = &b->head;

    if (agent_keytab_need(b) > b->size) {
        return agent_fail(err, "%llu keys need %llu octets, there are %llu",
                          (unsigned long long) h->nkeys,
                          (unsigned long long) agent_keytab_need(b),
                          (unsigned long long) b->size);
    }

    h->magic = AGENT_KEYTAB_MAGIC;
    h->layout = AGENT_KEYTAB_LAYOUT;
    h->rec_size = sizeof(agent_keytab_rec_t);
    h->npeppers = b->npeppers;

    for (h->slots = 2; h->slots < h->nkeys * 2; h->slots *= 2) { /* void */ }

    h->index = AGENT_KEYTAB_RECORDS + h->nkeys * sizeof(agent_keytab_rec_t);
    h->peppers = h->index + h->slots * sizeof(uint32_t);
    h->strings = h->peppers + h->npeppers * sizeof(agent_hmac_key_t);
    h->strings_len = b->strings_len;

    b->ids = calloc(h->slots, sizeof(uint32_t));
    b->digests = calloc(h->slots, sizeof(uint32_t));

    if (b->ids == NULL || b->digests == NULL) {
        return agent_fail(err, "not enough memory to look for duplicates");
    }

    return 1;
}


static int
agent_build_clear(agent_keytab_builder_t *b)
{
    uint64_t  len, n;

    len = b->head.slots * sizeof(uint32_t);
    n = len - b->done < AGENT_COPY_PIECE ? len - b->done : AGENT_COPY_PIECE;

    memset(b->base + b->head.index + b->done, 0, n);
    b->done += n;

    return b->done == len;
}


static int
agent_build_index(agent_keytab_builder_t *b, uint64_t *line, char *err)
{
    uint32_t                  *index;
    uint64_t                   i, hash, mask, other;
    const agent_keytab_rec_t  *kr;

    if (b->done == b->head.nkeys) {
        return 1;
    }

    *line = b->first_line + b->done;

    if (!agent_build_unique(b, b->ids, 0, &other)) {
        return agent_fail(err, "duplicate id, first on line %llu",
                          (unsigned long long) (b->first_line + other));
    }

    if (!agent_build_unique(b, b->digests, 1, &other)) {
        return agent_fail(err, "duplicate digest, first on line %llu",
                          (unsigned long long) (b->first_line + other));
    }

    kr = agent_build_at(b, b->done);

    hash = kr->imported
           ? agent_siphash(b->head.hash_key, kr->digest, AGENT_SHA256_LEN)
           : agent_siphash(b->head.hash_key, kr->id, AGENT_KEY_ID_LEN);

    index = (uint32_t *) (b->base + b->head.index);
    mask = b->head.slots - 1;

    for (i = 0; i < AGENT_KEYTAB_PROBES; i++) {

        if (index[(hash + i) & mask] == 0) {
            index[(hash + i) & mask] = (uint32_t) ++b->done;
            *line = 0;
            return 0;
        }
    }

    *line = 0;

    return agent_fail(err, "the index is too crowded");
}


/* puts record b->done into the set: 1, or 0 where *other is the same */

static int
agent_build_unique(agent_keytab_builder_t *b, uint32_t *set, int digest,
    uint64_t *other)
{
    uint64_t                   i;
    agent_str_t                value, seen;
    const agent_keytab_rec_t  *kr;

    kr = agent_build_at(b, b->done);

    value.data = kr->digest;
    value.len = AGENT_SHA256_LEN;

    if (!digest) {
        value = agent_build_id(b, kr);
    }

    i = agent_siphash(b->head.hash_key, value.data, value.len);

    for ( /* void */ ;; i++) {

        i &= b->head.slots - 1;

        if (set[i] == 0) {
            set[i] = (uint32_t) b->done + 1;
            return 1;
        }

        kr = agent_build_at(b, set[i] - 1);

        seen.data = kr->digest;
        seen.len = AGENT_SHA256_LEN;

        if (!digest) {
            seen = agent_build_id(b, kr);
        }

        if (agent_str_eq(&value, &seen)) {
            *other = set[i] - 1;
            return 0;
        }
    }
}


static int
agent_build_strings(agent_keytab_builder_t *b)
{
    uint64_t  n;

    n = b->strings_len - b->done;

    if (n > AGENT_COPY_PIECE) {
        n = AGENT_COPY_PIECE;
    }

    memcpy(b->base + b->head.strings + b->done, b->strings + b->done, n);
    b->done += n;

    return b->done == b->strings_len;
}


static void
agent_build_head(agent_keytab_builder_t *b)
{
    uint32_t           i;
    agent_hmac_key_t  *keys;

    keys = (agent_hmac_key_t *) (b->base + b->head.peppers);

    for (i = 0; i < b->npeppers; i++) {
        keys[i] = b->peppers[i].key;
    }

    memcpy(b->base, &b->head, sizeof(agent_keytab_head_t));
}


static agent_keytab_rec_t *
agent_build_at(const agent_keytab_builder_t *b, uint64_t n)
{
    return (agent_keytab_rec_t *) (b->base + AGENT_KEYTAB_RECORDS) + n;
}


static agent_str_t
agent_build_id(const agent_keytab_builder_t *b, const agent_keytab_rec_t *kr)
{
    uint32_t     offset;
    agent_str_t  id;

    id.len = kr->id_len;
    id.data = kr->id;

    if (kr->id_len > sizeof(kr->id)) {
        memcpy(&offset, kr->id, sizeof(offset));
        id.data = b->strings + offset + AGENT_KEYTAB_STRING_HEAD;
    }

    return id;
}


void
agent_keytab_destroy(agent_keytab_builder_t *b)
{
    if (b == NULL) {
        return;
    }

    free(b->strings);
    free(b->interned);
    free(b->buckets);
    free(b->ids);
    free(b->digests);

    OPENSSL_cleanse(b->peppers, sizeof(b->peppers));

    free(b);
}
