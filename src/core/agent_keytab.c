
#include "agent_keytab.h"
#include "agent_key.h"
#include "agent_keytab_layout.h"


static agent_keytab_e agent_keytab_record(const agent_keytab_t *tab,
    uint32_t slot, agent_keytab_rec_t *rec);
static inline agent_keytab_e agent_keytab_probe(const agent_keytab_t *tab,
    const uint8_t *id, uint64_t hash, agent_keytab_rec_t *rec);
static void agent_keytab_decoy(const agent_keytab_t *tab, uint64_t hash,
    agent_keytab_rec_t *rec);
static int agent_keytab_digest(const agent_keytab_t *tab,
    const agent_keytab_rec_t *rec, const uint8_t *secret, uint8_t *digest);


int
agent_keytab_open(agent_keytab_t *tab, const uint8_t *base, size_t size)
{
    agent_keytab_head_t  *h;

    if (size < AGENT_KEYTAB_RECORDS) {
        return -1;
    }

    tab->base = base;
    h = &tab->head;

    memcpy(h, base, sizeof(agent_keytab_head_t));

    if (h->magic != AGENT_KEYTAB_MAGIC
        || h->layout != AGENT_KEYTAB_LAYOUT
        || h->rec_size != sizeof(agent_keytab_rec_t)
        || h->npeppers > AGENT_PEPPERS_MAX
        || h->nkeys > (size - AGENT_KEYTAB_RECORDS)
                      / sizeof(agent_keytab_rec_t))
    {
        return -1;
    }

    if (h->slots == 0 || (h->slots & (h->slots - 1)) != 0
        || h->slots > size / sizeof(uint32_t) || h->slots <= h->nkeys
        || h->index % 8 != 0 || h->peppers % 8 != 0)
    {
        return -1;
    }

    if (h->index < AGENT_KEYTAB_RECORDS
                   + h->nkeys * sizeof(agent_keytab_rec_t)
        || h->index > size - h->slots * sizeof(uint32_t)
        || h->peppers > size
        || h->npeppers * sizeof(agent_hmac_key_t) > size - h->peppers
        || h->strings > size
        || h->strings_len > size - h->strings)
    {
        return -1;
    }

    return 0;
}


agent_keytab_e
agent_keytab_issued(const agent_keytab_t *tab, const uint8_t *id,
    const uint8_t *secret, agent_keytab_rec_t *rec)
{
    int             same;
    uint8_t         digest[AGENT_SHA256_LEN];
    uint64_t        hash;
    agent_keytab_e  found;

    hash = agent_siphash(tab->head.hash_key, id, AGENT_KEY_ID_LEN);

    found = agent_keytab_probe(tab, id, hash, rec);

    if (found == AGENT_KEYTAB_CORRUPT) {
        return AGENT_KEYTAB_CORRUPT;
    }

    if (found == AGENT_KEYTAB_ABSENT) {
        agent_keytab_decoy(tab, hash, rec);
    }

    if (agent_keytab_digest(tab, rec, secret, digest) != 0) {
        return AGENT_KEYTAB_CORRUPT;
    }

    same = agent_digest_eq(digest, rec->digest);

    return (found & same) ? AGENT_KEYTAB_FOUND : AGENT_KEYTAB_ABSENT;
}


/* an issued key by its id */

static inline agent_keytab_e
agent_keytab_probe(const agent_keytab_t *tab, const uint8_t *id, uint64_t hash,
    agent_keytab_rec_t *rec)
{
    uint32_t         slot;
    uint64_t         i;
    const uint32_t  *index;

    index = (const uint32_t *) (tab->base + tab->head.index);

    for (i = 0; i < AGENT_KEYTAB_PROBES; i++) {

        slot = index[(hash + i) & (tab->head.slots - 1)];

        if (slot == 0) {
            break;
        }

        if (agent_keytab_record(tab, slot, rec) != AGENT_KEYTAB_FOUND) {
            return AGENT_KEYTAB_CORRUPT;
        }

        if (!rec->imported && rec->id_len == AGENT_KEY_ID_LEN
            && memcmp(rec->id, id, AGENT_KEY_ID_LEN) == 0)
        {
            return AGENT_KEYTAB_FOUND;
        }
    }

    return AGENT_KEYTAB_ABSENT;
}


agent_keytab_e
agent_keytab_find(const agent_keytab_t *tab, const agent_str_t *id,
    agent_keytab_rec_t *rec)
{
    uint64_t        n, hash;
    agent_str_t     text;
    agent_keytab_e  found;

    if (id->len == AGENT_KEY_ID_LEN) {

        hash = agent_siphash(tab->head.hash_key, id->data, AGENT_KEY_ID_LEN);
        found = agent_keytab_probe(tab, id->data, hash, rec);

        if (found != AGENT_KEYTAB_ABSENT) {
            return found;
        }
    }

    /* imported ones are found by their digests */

    for (n = 1; n <= tab->head.nkeys; n++) {

        if (agent_keytab_record(tab, (uint32_t) n, rec) != AGENT_KEYTAB_FOUND
            || (rec->imported && agent_keytab_id(tab, rec, &text) != 0))
        {
            return AGENT_KEYTAB_CORRUPT;
        }

        if (rec->imported && agent_str_eq(&text, id)) {
            return AGENT_KEYTAB_FOUND;
        }
    }

    return AGENT_KEYTAB_ABSENT;
}


static agent_keytab_e
agent_keytab_record(const agent_keytab_t *tab, uint32_t slot,
    agent_keytab_rec_t *rec)
{
    /* slots hold the number of the record and one */

    if (slot > tab->head.nkeys) {
        return AGENT_KEYTAB_CORRUPT;
    }

    memcpy(rec, tab->base + AGENT_KEYTAB_RECORDS
                + (uint64_t) (slot - 1) * sizeof(agent_keytab_rec_t),
           sizeof(agent_keytab_rec_t));

    return AGENT_KEYTAB_FOUND;
}


/*
 * For an id that is not there the digest of another key is computed: plain or
 * with a pepper as often as among the issued keys of the table, and for one id
 * always the same.  So the time taken does not tell who has a key.
 */

static void
agent_keytab_decoy(const agent_keytab_t *tab, uint64_t hash,
    agent_keytab_rec_t *rec)
{
    uint64_t  i, issued, pick;

    memset(rec, 0, sizeof(agent_keytab_rec_t));

    hash >>= 32;

    /* a record is read, too, as for an id that is there */

    if (tab->head.nkeys) {
        (void) agent_keytab_record(tab, (uint32_t) (hash % tab->head.nkeys) + 1,
                                   rec);
    }

    for (i = 0, issued = 0; i <= AGENT_PEPPERS_MAX; i++) {
        issued += tab->head.kinds[i];
    }

    rec->pepper = 0;

    if (issued == 0) {
        return;
    }

    pick = hash % issued;

    for (i = 0; i < AGENT_PEPPERS_MAX && pick >= tab->head.kinds[i]; i++) {
        pick -= tab->head.kinds[i];
    }

    rec->pepper = (uint8_t) i;
}


static int
agent_keytab_digest(const agent_keytab_t *tab, const agent_keytab_rec_t *rec,
    const uint8_t *secret, uint8_t *digest)
{
    const agent_hmac_key_t  *peppers;

    if (rec->pepper == 0) {
        agent_sha256(secret, AGENT_KEY_SECRET_LEN, digest);
        return 0;
    }

    if (rec->pepper > tab->head.npeppers) {
        return -1;
    }

    peppers = (const agent_hmac_key_t *) (tab->base + tab->head.peppers);

    agent_hmac_sha256(&peppers[rec->pepper - 1], secret, AGENT_KEY_SECRET_LEN,
                      digest);

    return 0;
}


agent_keytab_e
agent_keytab_imported(const agent_keytab_t *tab, const uint8_t *digest,
    agent_keytab_rec_t *rec)
{
    uint32_t         slot;
    uint64_t         i, hash;
    const uint32_t  *index;

    hash = agent_siphash(tab->head.hash_key, digest, AGENT_SHA256_LEN);
    index = (const uint32_t *) (tab->base + tab->head.index);

    for (i = 0; i < AGENT_KEYTAB_PROBES; i++) {

        slot = index[(hash + i) & (tab->head.slots - 1)];

        if (slot == 0) {
            break;
        }

        if (agent_keytab_record(tab, slot, rec) != AGENT_KEYTAB_FOUND) {
            return AGENT_KEYTAB_CORRUPT;
        }

        if (rec->imported && agent_digest_eq(rec->digest, digest)) {
            return AGENT_KEYTAB_FOUND;
        }
    }

    return AGENT_KEYTAB_ABSENT;
}


int
agent_keytab_string(const agent_keytab_t *tab, uint32_t offset, agent_str_t *s)
{
    uint16_t        len;
    const uint8_t  *strings;

    if (offset == 0) {
        s->len = 0;
        s->data = tab->base;
        return 0;
    }

    if (tab->head.strings_len < AGENT_KEYTAB_STRING_HEAD
        || offset > tab->head.strings_len - AGENT_KEYTAB_STRING_HEAD)
    {
        return -1;
    }

    strings = tab->base + tab->head.strings;

    memcpy(&len, strings + offset, AGENT_KEYTAB_STRING_HEAD);
    offset += AGENT_KEYTAB_STRING_HEAD;

    if (len > tab->head.strings_len - offset) {
        return -1;
    }

    s->len = len;
    s->data = strings + offset;

    return 0;
}


int
agent_keytab_id(const agent_keytab_t *tab, const agent_keytab_rec_t *rec,
    agent_str_t *id)
{
    uint32_t  offset;

    if (rec->id_len <= sizeof(rec->id)) {
        id->len = rec->id_len;
        id->data = rec->id;
        return 0;
    }

    memcpy(&offset, rec->id, sizeof(offset));

    return agent_keytab_string(tab, offset, id);
}


agent_keytab_e
agent_keytab_nth(const agent_keytab_t *tab, uint64_t n,
    agent_keytab_rec_t *rec)
{
    if (n >= tab->head.nkeys) {
        return AGENT_KEYTAB_ABSENT;
    }

    return agent_keytab_record(tab, (uint32_t) (n + 1), rec);
}


/* the strings are its last part */

uint64_t
agent_keytab_octets(const agent_keytab_t *tab)
{
    return tab->head.strings + tab->head.strings_len;
}
