
/*
 * A key table in memory that was torn.  Without this a worker that reads while
 * another one writes, or after one was killed, could read out of bounds or
 * never return (K-10).
 */

#include "tap.h"

#include "keytab.h"


static void test_open(void);
static void test_heads(void);
static int open_with(const block_t *block, size_t offset, size_t len,
    uint64_t value);
static void test_corrupt_head(void);
static void test_corrupt_block(void);
static void test_corrupt_index(void);
static void corrupt(block_t *block);
static size_t look(const block_t *block, uint32_t seed);
static size_t look_at(const block_t *block, const agent_keytab_rec_t *kr);
static size_t within(const block_t *block, const agent_str_t *s);


/* block and h are those of test_heads() */

#define opens(member, value)                                                  \
    open_with(&block, offsetof(agent_keytab_head_t, member),                  \
              sizeof(h->member), value)


int
main(void)
{
    make_shared();

    test_open();
    test_heads();
    test_corrupt_head();
    test_corrupt_block();
    test_corrupt_index();

    drop_shared();

    return tap_done();
}


static void
test_open(void)
{
    size_t          size, opened;
    block_t         block;
    uint8_t        *zeroes;
    agent_keytab_t  tab;

    (void) build(&block, 10);

    for (size = 0, opened = 0; size + 8 <= block.size; size++) {
        opened += agent_keytab_open(&tab, block.base, size) == 0;
    }

    ok(opened == 0, "a block that was cut does not open");
    drop(&block);

    zeroes = calloc(1, 4096);
    ok(agent_keytab_open(&tab, zeroes, 4096) == -1,
       "memory of zeroes does not open");
    free(zeroes);
}


/* each bound that the head is held to, from both of its sides */

static void
test_heads(void)
{
    uint64_t              records, index, size;
    block_t               block;
    agent_keytab_head_t  *h;

    (void) build(&block, 100);
    (void) agent_keytab_open(&block.tab, block.base, block.size);

    h = &block.tab.head;
    size = block.size;
    records = AGENT_KEYTAB_RECORDS + h->nkeys * sizeof(agent_keytab_rec_t);
    index = h->slots * sizeof(uint32_t);

    ok(opens(magic, AGENT_KEYTAB_MAGIC), "a table opens");
    ok(!opens(magic, AGENT_KEYTAB_MAGIC + 1), "other magic");
    ok(!opens(layout, AGENT_KEYTAB_LAYOUT + 1), "a later layout");
    ok(!opens(layout, 0), "no layout");
    ok(!opens(rec_size, sizeof(agent_keytab_rec_t) + 8), "larger records");
    ok(!opens(rec_size, 0), "no records");

    ok(opens(nkeys, 99), "a key less");
    ok(!opens(nkeys, 101), "a key more, which the index begins with");
    ok(!opens(nkeys, UINT64_MAX), "keys without end");
    ok(!opens(nkeys, UINT64_MAX / sizeof(agent_keytab_rec_t) + 1),
       "keys that overflow");

    ok(h->slots == 256 && opens(slots, 128), "half of the slots");
    ok(!opens(slots, 64), "fewer slots than keys");
    ok(!opens(slots, 0), "no slots");
    ok(!opens(slots, 255), "slots that are no power of two");
    ok(!opens(slots, size / sizeof(uint32_t) * 2), "more slots than fit");
    ok(!opens(slots, UINT64_C(1) << 62), "slots that overflow");
    ok(!opens(slots, UINT64_C(1) << 63), "slots without end");

    ok(opens(index, records), "an index behind the records");
    ok(!opens(index, records - 8), "an index in the records");
    ok(!opens(index, records + 4), "an index that is not aligned");
    ok(opens(index, (size - index) & ~(uint64_t) 7), "an index at the end");
    ok(!opens(index, ((size - index) & ~(uint64_t) 7) + 8),
       "an index behind the end");
    ok(!opens(index, UINT64_MAX - 7), "an index without end");

    ok(opens(peppers, size & ~(uint64_t) 7), "no peppers at the end");
    ok(!opens(peppers, size + 8), "no peppers behind the end");
    ok(!opens(peppers, 4), "peppers that are not aligned");
    ok(opens(npeppers, 16) && !opens(npeppers, 17), "at most 16 peppers");

    *(uint64_t *) (block.base + offsetof(agent_keytab_head_t, peppers)) =
        size - 128;
    ok(opens(npeppers, 2) && !opens(npeppers, 3), "peppers at the end");

    ok(opens(strings, size - h->strings_len), "strings at the end");
    ok(!opens(strings, size - h->strings_len + 1), "one octet behind it");
    ok(!opens(strings, UINT64_MAX), "strings without end");
    ok(opens(strings_len, size - h->strings), "the longest strings");
    ok(!opens(strings_len, size - h->strings + 1), "one octet longer");
    ok(!opens(strings_len, UINT64_MAX), "strings of endless length");
    ok(opens(strings_len, 0), "no strings");

    drop(&block);
}


static int
open_with(const block_t *block, size_t offset, size_t len, uint64_t value)
{
    int             rc;
    uint8_t         saved[8];
    uint32_t        value32;
    agent_keytab_t  tab;

    memcpy(saved, block->base + offset, len);

    value32 = (uint32_t) value;
    memcpy(block->base + offset,
           len == sizeof(value32) ? (void *) &value32 : (void *) &value, len);

    rc = agent_keytab_open(&tab, block->base, block->size) == 0;

    memcpy(block->base + offset, saved, len);

    return rc;
}


/* every octet of the head, with every value */

static void
test_corrupt_head(void)
{
    size_t    i, opened, outside;
    block_t   block;
    uint8_t   saved;
    unsigned  c;

    (void) build(&block, 50);

    for (i = 0, opened = 0, outside = 0; i < AGENT_KEYTAB_RECORDS; i++) {

        saved = block.base[i];

        for (c = 0; c < 256; c++) {
            block.base[i] = (uint8_t) c;

            if (agent_keytab_open(&block.tab, block.base, block.size) == 0) {
                opened++;
                outside += look(&block, (uint32_t) i);
            }
        }

        block.base[i] = saved;
    }

    ok(outside == 0, "no head makes a reader leave the block");
    ok(opened >= AGENT_KEYTAB_RECORDS, "and not all of them were refused, %u",
       (unsigned) opened);

    drop(&block);
}


/* random octets anywhere, 100,000 times */

static void
test_corrupt_block(void)
{
    block_t  block;

    (void) build(&block, 50);
    corrupt(&block);
    drop(&block);
}


static void
corrupt(block_t *block)
{
    size_t    i, j, n, opened, outside, at[16];
    uint8_t   saved[16];
    uint32_t  seed;

    for (i = 0, opened = 0, outside = 0, seed = 1; i < 100000; i++) {

        n = 1 + next(&seed) % 16;

        for (j = 0; j < n; j++) {
            at[j] = next(&seed) % block->size;

            /* the head is small and would seldom be hit, yet must open */

            if (i % 4 == 0 && j == 0) {
                at[j] = 24 + next(&seed) % 56;
            }

            saved[j] = block->base[at[j]];
            block->base[at[j]] = (uint8_t) next(&seed);
        }

        if (agent_keytab_open(&block->tab, block->base, block->size) == 0) {
            opened++;
            outside += look(block, next(&seed));
        }

        while (j-- > 0) {
            block->base[at[j]] = saved[j];
        }
    }

    ok(outside == 0, "no octets make a reader leave the block");
    ok(opened > 30000, "and most of the 100,000 were read, %u",
       (unsigned) opened);
}


/* an index without an empty slot, an index of wild numbers */

static void
test_corrupt_index(void)
{
    size_t              i;
    block_t             block;
    uint32_t           *index;
    agent_key_record_t  rec;
    agent_keytab_rec_t  kr;

    (void) build(&block, 5000);
    make(5000, &rec);

    index = (uint32_t *) (block.base + block.tab.head.index);

    for (i = 0; i < block.tab.head.slots; i++) {
        index[i] = 1;
    }

    ok(agent_keytab_issued(&block.tab, rec.id.data, (uint8_t *) secret, &kr)
       == AGENT_KEYTAB_ABSENT, "a full index, an unknown id: it ends");
    ok(agent_keytab_imported(&block.tab, rec.digest, &kr)
       == AGENT_KEYTAB_ABSENT, "a full index, an unknown digest: it ends");

    for (i = 0; i < block.tab.head.slots; i++) {
        index[i] = 5001;
    }

    ok(agent_keytab_issued(&block.tab, rec.id.data, (uint8_t *) secret, &kr)
       == AGENT_KEYTAB_CORRUPT, "a record behind the last one, by id");
    ok(agent_keytab_imported(&block.tab, rec.digest, &kr)
       == AGENT_KEYTAB_CORRUPT, "a record behind the last one, by digest");

    memset(index, 0xff, block.tab.head.slots * sizeof(uint32_t));

    ok(agent_keytab_issued(&block.tab, rec.id.data, (uint8_t *) secret, &kr)
       == AGENT_KEYTAB_CORRUPT, "a wild record");

    drop(&block);

    /* a pepper that the head does not have */

    (void) build(&block, 1);
    make(0, &rec);

    ((agent_keytab_rec_t *) (block.base + AGENT_KEYTAB_RECORDS))->pepper = 1;

    ok(agent_keytab_issued(&block.tab, rec.id.data, (uint8_t *) secret, &kr)
       == AGENT_KEYTAB_CORRUPT, "a pepper behind the last one");

    drop(&block);
}


/* does what a reader may do, and counts what it was given outside the block */

static size_t
look(const block_t *block, uint32_t seed)
{
    size_t              i, outside;
    uint32_t            offset;
    agent_str_t         s;
    agent_key_record_t  rec;
    agent_keytab_rec_t  kr;

    for (i = 0, outside = 0; i < 8; i++) {

        make(next(&seed) % 60, &rec);

        if (agent_keytab_issued(&block->tab, rec.id.data, (uint8_t *) secret,
                                &kr) == AGENT_KEYTAB_FOUND
            || agent_keytab_imported(&block->tab, rec.digest, &kr)
               == AGENT_KEYTAB_FOUND)
        {
            outside += look_at(block, &kr);
        }

        /* a record as it may stand there, and offsets as they may */

        memcpy(&kr, block->base + AGENT_KEYTAB_RECORDS
                    + next(&seed) % 50 * sizeof(kr),
               sizeof(kr));
        outside += look_at(block, &kr);

        offset = next(&seed) << 16 ^ next(&seed);
        offset >>= next(&seed) % 32;

        if (agent_keytab_string(&block->tab, offset, &s) == 0) {
            outside += within(block, &s);
        }
    }

    return outside;
}


static size_t
look_at(const block_t *block, const agent_keytab_rec_t *kr)
{
    size_t           i, outside;
    agent_str_t      s;
    const uint32_t   offsets[] =
        { kr->agent, kr->owner, kr->scopes, kr->services, kr->networks };

    for (i = 0, outside = 0; i < 5; i++) {
        if (agent_keytab_string(&block->tab, offsets[i], &s) == 0) {
            outside += within(block, &s);
        }
    }

    if (agent_keytab_id(&block->tab, kr, &s) == 0) {

        if (s.data == kr->id) {
            outside += s.len > sizeof(kr->id);

        } else {
            outside += within(block, &s);
        }
    }

    return outside;
}


/* 0 where it is; all octets are read, for the sanitizer */

static size_t
within(const block_t *block, const agent_str_t *s)
{
    size_t  i, sum;

    for (i = 0, sum = 0; i < s->len; i++) {
        sum += s->data[i];
    }

    return s->data < block->base
           || s->data + s->len > block->base + block->size
           || sum > s->len * 255;
}
