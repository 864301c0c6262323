
/*
 * The key table.  Without this one of a million keys could be lost or found
 * under another's id, or a table that does not fit could be published cut
 * short (K-02, K-10, K-11).
 */

#include "tap.h"

#include "keytab.h"


static void test_layout(void);
static void test_counts(size_t count, size_t absent);
static void test_find_all(const block_t *block, size_t count);
static void test_find_none(const block_t *block, size_t count, size_t absent);
static void test_walk(const block_t *block, size_t count);
static void test_fields(void);
static void test_strings(const block_t *block, const agent_keytab_rec_t *kr);
static void test_no_strings(const block_t *block);
static void test_longest(void);
static void test_peppers(void);
static void test_decoy(const block_t *block);
static void test_duplicates(void);
static void test_duplicate(int digest, size_t first, size_t second);
static void test_create(void);
static void test_sizes(size_t count);
static void test_slices(void);
static void test_unfinished(void);

static int build_json(block_t *block, const char **lines, size_t n,
    const agent_pepper_t *peppers, size_t npeppers, uint64_t *line);
static int build_lines(block_t *block, const char **lines, size_t n,
    const agent_pepper_t *peppers, size_t npeppers, uint64_t *line,
    uint64_t *need);
static void make_peppered(const char **lines, const agent_pepper_t *peppers);


#define HEX                                                                   \
    "00112233445566778899aabbccddeeff" "00112233445566778899aabbccddeeff"


int
main(void)
{
    make_shared();

    test_layout();
    test_counts(0, 1000);
    test_counts(1, 1000);
    test_counts(2, 1000);
    test_counts(1000, 10000);
    test_counts(100000, 100000);
    test_fields();
    test_longest();
    test_peppers();
    test_duplicates();
    test_create();
    test_sizes(0);
    test_sizes(1);
    test_sizes(2);
    test_sizes(3);
    test_sizes(1000);
    test_slices();
    test_unfinished();

    drop_shared();

    return tap_done();
}


static void
test_layout(void)
{
    ok(sizeof(agent_keytab_rec_t) == 88, "a record has 88 octets");
    ok(sizeof(agent_keytab_head_t) <= AGENT_KEYTAB_RECORDS,
       "the head is before the records");
    ok(sizeof(agent_cidr_t) == 18, "a network has no padding");
}


/* every seventh record that make() makes is imported */

static void
test_counts(size_t count, size_t absent)
{
    int      rc;
    block_t  block;

    rc = build(&block, count);

    ok(rc == 0, "%lu keys: built in %lu octets",
       (unsigned long) count, (unsigned long) block.size);

    ok(count < 100000 || block.size <= count * 128, "128 octets a key do");

    test_find_all(&block, count);
    test_walk(&block, count);
    test_find_none(&block, count, absent);

    drop(&block);
}


static void
test_find_all(const block_t *block, size_t count)
{
    size_t              i, missed, wrong, states;
    agent_str_t         found;
    agent_key_record_t  rec;
    agent_keytab_rec_t  kr;

    for (i = 0, missed = 0, wrong = 0, states = 0; i < count; i++) {

        make(i, &rec);

        if ((rec.imported
             ? agent_keytab_imported(&block->tab, rec.digest, &kr)
             : agent_keytab_issued(&block->tab, rec.id.data,
                                   (uint8_t *) secret, &kr))
            != AGENT_KEYTAB_FOUND)
        {
            missed++;
            continue;
        }

        wrong += memcmp(kr.digest, rec.digest, AGENT_SHA256_LEN) != 0
                 || agent_keytab_id(&block->tab, &kr, &found) != 0
                 || !agent_str_eq(&found, &rec.id)
                 || agent_keytab_string(&block->tab, kr.agent, &found) != 0
                 || !agent_str_eq(&found, &rec.agent)
                 || kr.imported != rec.imported;

        states += kr.state != rec.state || kr.expires != rec.expires
                  || kr.not_before != rec.not_before;
    }

    ok(missed == 0, "all are found");
    ok(wrong == 0, "each under its own name");
    ok(states == 0, "each with its own state and dates");
}


/* in their order, and not one more */

static void
test_walk(const block_t *block, size_t count)
{
    size_t              i, wrong;
    agent_str_t         found;
    agent_key_record_t  rec;
    agent_keytab_rec_t  kr;

    for (i = 0, wrong = 0; i < count; i++) {
        make(i, &rec);

        wrong += agent_keytab_nth(&block->tab, i, &kr) != AGENT_KEYTAB_FOUND
                 || agent_keytab_id(&block->tab, &kr, &found) != 0
                 || !agent_str_eq(&found, &rec.id);
    }

    ok(wrong == 0, "each by its number");
    ok(agent_keytab_nth(&block->tab, count, &kr) == AGENT_KEYTAB_ABSENT
       && agent_keytab_nth(&block->tab, UINT64_MAX, &kr)
          == AGENT_KEYTAB_ABSENT, "and no other");
    ok(agent_keytab_octets(&block->tab) <= block->size, "octets");
}


/* K-02 */

static void
test_find_none(const block_t *block, size_t count, size_t absent)
{
    size_t              i, found, crossed, flipped;
    agent_key_record_t  rec;
    agent_keytab_rec_t  kr;

    static const uint8_t  zeroes[] = "0000000000000000";

    for (i = 0, found = 0; i < absent; i++) {
        make(count + i, &rec);

        found += agent_keytab_issued(&block->tab, zeroes, (uint8_t *) secret,
                                     &kr) != AGENT_KEYTAB_ABSENT;

        if (!rec.imported) {
            found += agent_keytab_issued(&block->tab, rec.id.data,
                                         (uint8_t *) secret, &kr)
                     != AGENT_KEYTAB_ABSENT;
        }

        found += agent_keytab_imported(&block->tab, rec.digest, &kr)
                 != AGENT_KEYTAB_ABSENT;
    }

    ok(found == 0, "none of %lu others is found", (unsigned long) absent);

    for (i = 0, crossed = 0, flipped = 0; i < count && i < 2000; i++) {
        make(i, &rec);

        if (rec.imported) {

            /* an imported key has no id that a client could name */

            if (rec.id.len == AGENT_KEY_ID_LEN) {
                crossed += agent_keytab_issued(&block->tab, rec.id.data,
                                               (uint8_t *) secret, &kr)
                           != AGENT_KEYTAB_ABSENT;
            }

            rec.digest[i % AGENT_SHA256_LEN] ^= 1;
            flipped += agent_keytab_imported(&block->tab, rec.digest, &kr)
                       != AGENT_KEYTAB_ABSENT;
            continue;
        }

        /* nor is the digest of an issued key one of an imported one */

        crossed += agent_keytab_imported(&block->tab, rec.digest, &kr)
                   != AGENT_KEYTAB_ABSENT;

        secret[i % AGENT_KEY_SECRET_LEN] ^= 1;
        flipped += agent_keytab_issued(&block->tab, rec.id.data,
                                       (uint8_t *) secret, &kr)
                   != AGENT_KEYTAB_ABSENT;
    }

    ok(crossed == 0, "no issued key as an imported one, nor the reverse");
    ok(flipped == 0, "no key with one bit of it the other way");
}


/* K-06 */

static void
test_fields(void)
{
    block_t             block;
    uint64_t            line;
    agent_keytab_rec_t  kr;

    static const char  *lines[] = {
        "{\"id\":\"0aZ0aZ0aZ0aZ0aZ0\",\"digest\":\"sha256:" HEX "\","
        "\"agent\":\"billing-bot\",\"owner\":\"team-pay\","
        "\"scopes\":[\"a\",\"bb\",\"ccc\"],\"services\":[\"invoices\"],"
        "\"networks\":[\"10.0.0.0/8\",\"2001:db8::/32\"],"
        "\"state\":\"deprecated\",\"not_before\":\"2026-11-02T00:00:00Z\","
        "\"expires\":\"2027-01-31T00:00:00Z\","
        "\"grace_until\":\"2027-01-30T00:00:00Z\"}",

        "{\"id\":\"imported.key-with_an.id-longer_than.16\","
        "\"digest\":\"sha256:" HEX "\",\"agent\":\"billing-bot\","
        "\"state\":\"revoked\",\"expires\":\"2027-01-31T00:00:00Z\","
        "\"imported\":true}"
    };

    ok(build_json(&block, lines, 1, NULL, 0, &line) == 0, "a full record");
    ok(agent_keytab_issued(&block.tab, (uint8_t *) "0aZ0aZ0aZ0aZ0aZ0",
                           (uint8_t *) lines[0], &kr) == AGENT_KEYTAB_ABSENT,
       "its secret is not known");

    memcpy(&kr, block.base + AGENT_KEYTAB_RECORDS, sizeof(kr));

    ok(kr.state == AGENT_KEY_DEPRECATED, "state");
    ok(kr.not_before == 1793577600, "not_before");
    ok(kr.expires == 1801267200, "expires when the grace period ends");
    ok(kr.imported == 0 && kr.pepper == 0 && kr.id_len == AGENT_KEY_ID_LEN,
       "not imported, no pepper");

    test_strings(&block, &kr);
    drop(&block);

    ok(build_json(&block, lines + 1, 1, NULL, 0, &line) == 0,
       "a record with the least");

    memcpy(&kr, block.base + AGENT_KEYTAB_RECORDS, sizeof(kr));

    ok(kr.state == AGENT_KEY_STATE_REVOKED && kr.imported
       && kr.not_before == AGENT_TIME_NONE && kr.expires == 1801353600,
       "state and dates");

    test_no_strings(&block);
    drop(&block);

    /* the same digest, once issued and once imported, is a mistake */

    ok(build_json(&block, lines, 2, NULL, 0, &line) == -1 && line == 3,
       "both with one digest");
    is_str(error, strlen(error), "duplicate digest, first on line 2",
           "it says so");
}


static void
test_strings(const block_t *block, const agent_keytab_rec_t *kr)
{
    agent_str_t   s, text;
    agent_cidr_t  cidr[2], expected[2];

    (void) agent_keytab_string(&block->tab, kr->agent, &s);
    is_str(s.data, s.len, "billing-bot", "agent");

    (void) agent_keytab_string(&block->tab, kr->owner, &s);
    is_str(s.data, s.len, "team-pay", "owner");

    (void) agent_keytab_string(&block->tab, kr->scopes, &s);
    is_str(s.data, s.len, "a bb ccc", "scopes");

    (void) agent_keytab_string(&block->tab, kr->services, &s);
    is_str(s.data, s.len, "invoices", "services");

    ok(agent_keytab_string(&block->tab, kr->networks, &s) == 0
       && s.len == sizeof(cidr), "two networks");

    memset(cidr, 0, sizeof(cidr));

    if (s.len == sizeof(cidr)) {
        memcpy(cidr, s.data, sizeof(cidr));
    }

    agent_str_set(&text, "10.0.0.0/8");
    (void) agent_cidr_parse(&text, &expected[0]);
    agent_str_set(&text, "2001:db8::/32");
    (void) agent_cidr_parse(&text, &expected[1]);

    ok(memcmp(cidr, expected, sizeof(cidr)) == 0, "as they were written");

    ok(agent_keytab_string(&block->tab, 0, &s) == 0 && s.len == 0,
       "offset 0 is the empty string");
    ok(agent_keytab_string(&block->tab, UINT32_MAX, &s) == -1,
       "the last offset is out of bounds");
}


static void
test_no_strings(const block_t *block)
{
    agent_str_t         s;
    agent_keytab_rec_t  kr;

    memcpy(&kr, block->base + AGENT_KEYTAB_RECORDS, sizeof(kr));

    ok(agent_keytab_id(&block->tab, &kr, &s) == 0, "a long id");
    is_str(s.data, s.len, "imported.key-with_an.id-longer_than.16",
           "is as it was written");
    ok(kr.owner == 0 && kr.scopes == 0 && kr.services == 0
       && kr.networks == 0, "what is absent is empty");
}


/* lists as long as the key file allows */

static void
test_longest(void)
{
    size_t                   i, octets, wrong;
    block_t                  block;
    uint64_t                 line;
    agent_str_t              s;
    agent_key_record_t       rec;
    agent_keytab_rec_t       kr;
    agent_keytab_builder_t  *b;

    make(0, &rec);

    rec.scopes = json_array();
    rec.networks = json_array();

    for (i = 0; i < AGENT_KEY_LIST_MAX / 4; i++) {
        (void) json_array_append_new((json_t *) rec.scopes,
                                     json_string("abc"));
    }

    for (i = 0; i < AGENT_KEY_NETWORKS_MAX; i++) {
        (void) json_array_append_new((json_t *) rec.networks,
                                     json_sprintf("192.0.2.%u",
                                                  (unsigned) i));
    }

    take(&block, 32768);
    b = agent_keytab_create(block.base, block.size, NULL, 0, 1);

    ok(agent_keytab_add(b, &rec, FIRST_LINE, error) == 0
       && agent_keytab_finish(b, UINT64_MAX, &line, error) == AGENT_BUILD_DONE
       && agent_keytab_open(&block.tab, block.base, block.size) == 0
       && agent_keytab_issued(&block.tab, rec.id.data, (uint8_t *) secret, &kr)
          == AGENT_KEYTAB_FOUND,
       "the longest lists");

    (void) agent_keytab_string(&block.tab, kr.scopes, &s);

    for (i = 0, octets = s.len, wrong = 0; i < octets; i++) {
        wrong += s.data[i] != (uint8_t) "abc "[i % 4];
    }

    ok(octets == AGENT_KEY_LIST_MAX - 1 && wrong == 0, "all scopes are there");

    (void) agent_keytab_string(&block.tab, kr.networks, &s);

    for (i = 0, octets = s.len, wrong = 0; i < octets; i++) {
        if (i % sizeof(agent_cidr_t) == offsetof(agent_cidr_t, addr) + 3) {
            wrong += s.data[i] != i / sizeof(agent_cidr_t);
        }
    }

    ok(octets == AGENT_KEY_NETWORKS_MAX * sizeof(agent_cidr_t) && wrong == 0,
       "all networks are there");

    agent_keytab_destroy(b);
    drop(&block);

    json_decref((json_t *) rec.scopes);
    json_decref((json_t *) rec.networks);
}


/* K-03, K-05 */

static void
test_peppers(void)
{
    size_t              i;
    block_t             block;
    uint64_t            fault;
    const char         *lines[3];
    agent_pepper_t      peppers[2];
    agent_keytab_rec_t  kr;

    make_pepper(&peppers[0], "p1");
    make_pepper(&peppers[1], "p2");
    make_peppered(lines, peppers);

    ok(build_json(&block, lines, 2, peppers, 2, &fault) == 0, "two peppers");

    for (i = 0; i < 2; i++) {
        (void) snprintf(id, sizeof(id), "%016u", (unsigned) i);

        ok(agent_keytab_issued(&block.tab, (uint8_t *) id, (uint8_t *) secret,
                               &kr) == AGENT_KEYTAB_FOUND
           && kr.pepper == i + 1,
           "a key with pepper %u", (unsigned) i + 1);
    }

    secret[42] ^= 1;
    ok(agent_keytab_issued(&block.tab, (uint8_t *) id, (uint8_t *) secret, &kr)
       == AGENT_KEYTAB_ABSENT, "with a wrong secret");
    secret[42] ^= 1;

    test_decoy(&block);
    drop(&block);

    ok(build_json(&block, lines, 3, peppers, 2, &fault) == -1 && fault == 4,
       "a pepper that is not there");
    is_str(error, strlen(error), "unknown pepper \"p3\"", "it says so");

    ok(build_json(&block, lines, 1, NULL, 0, &fault) == -1 && fault == 2,
       "no peppers at all");

    /* the same table with the peppers in another order */

    make_pepper(&peppers[0], "p2");
    make_pepper(&peppers[1], "p1");

    ok(build_json(&block, lines, 2, peppers, 2, &fault) == 0
       && agent_keytab_issued(&block.tab, (uint8_t *) "0000000000000000",
                              (uint8_t *) secret, &kr) == AGENT_KEYTAB_FOUND
       && kr.pepper == 2,
       "the id and not the place of a pepper counts");

    drop(&block);
}


/* K-02: as for a known id, so that the time taken tells nothing */

static void
test_decoy(const block_t *block)
{
    size_t              i, plain;
    agent_keytab_rec_t  kr;

    for (i = 0, plain = 0; i < 64; i++) {
        (void) snprintf(id, sizeof(id), "00000000000001%02u", (unsigned) i);

        plain += agent_keytab_issued(&block->tab, (uint8_t *) id,
                                     (uint8_t *) secret, &kr)
                 != AGENT_KEYTAB_ABSENT || kr.pepper == 0;
    }

    ok(plain == 0, "for an unknown id an HMAC is computed all the same");
}


/* K-10 */

static void
test_duplicates(void)
{
    test_duplicate(0, 0, 1);
    test_duplicate(0, 0, 999);
    test_duplicate(0, 500, 501);
    test_duplicate(1, 0, 1);
    test_duplicate(1, 3, 999);

    /* one of them imported, with a short id, and with a long one */

    test_duplicate(1, 0, 6);
    test_duplicate(0, 6, 7);
    test_duplicate(0, 13, 14);
}


static void
test_duplicate(int digest, size_t first, size_t second)
{
    char                     wanted[64];
    size_t                   i;
    uint8_t                 *base;
    uint64_t                 line;
    agent_key_record_t       rec, copied;
    agent_keytab_builder_t  *b;

    base = malloc(1000 * 256);
    b = agent_keytab_create(base, 1000 * 256, NULL, 0, 1000);

    for (i = 0; i < 1000; i++) {

        make(first, &copied);
        make(i, &rec);

        if (i == second && digest) {
            memcpy(rec.digest, copied.digest, AGENT_SHA256_LEN);

        } else if (i == second) {
            make(first, &rec);
            rec.digest[0] ^= 1;
        }

        (void) agent_keytab_add(b, &rec, FIRST_LINE + i, error);
    }

    line = 0;

    ok(agent_keytab_finish(b, UINT64_MAX, &line, error) == AGENT_BUILD_ERROR
       && line == FIRST_LINE + second,
       "keys %u and %u have one %s: refused", (unsigned) first,
       (unsigned) second, digest ? "digest" : "id");

    (void) snprintf(wanted, sizeof(wanted), "duplicate %s, first on line %u",
                    digest ? "digest" : "id", (unsigned) first + FIRST_LINE);
    is_str(error, strlen(error), wanted, "it says so");

    agent_keytab_destroy(b);
    free(base);
}


static void
test_create(void)
{
    uint8_t                 *base;
    agent_pepper_t           peppers[AGENT_PEPPERS_MAX];
    agent_keytab_builder_t  *b;

    base = malloc(AGENT_KEYTAB_RECORDS);
    memset(peppers, 0, sizeof(peppers));

    ok(agent_keytab_create(base, AGENT_KEYTAB_RECORDS - 1, NULL, 0, 0) == NULL,
       "no table without a head");
    ok(agent_keytab_create(base, AGENT_KEYTAB_RECORDS, peppers,
                           AGENT_PEPPERS_MAX + 1, 0) == NULL,
       "no table with 17 peppers");

    b = agent_keytab_create(base, AGENT_KEYTAB_RECORDS, peppers,
                            AGENT_PEPPERS_MAX, UINT64_MAX);
    ok(b != NULL, "a hint beyond all reason");
    ok(b && agent_keytab_count(b) == 0, "no keys yet");

    agent_keytab_destroy(b);
    agent_keytab_destroy(NULL);
    free(base);
}


/* a table that does not fit says what it needs, and that is enough */

static void
test_sizes(size_t count)
{
    char       wanted[128];
    size_t     size, done;
    uint8_t   *base;
    uint64_t   need, again;
    block_t    block;

    base = malloc(AGENT_KEYTAB_RECORDS);

    ok(build_into(base, AGENT_KEYTAB_RECORDS, count, &need)
       == AGENT_BUILD_ERROR && need > AGENT_KEYTAB_RECORDS,
       "%u keys do not fit into the head", (unsigned) count);

    (void) snprintf(wanted, sizeof(wanted),
                    "%u keys need %llu octets, there are %u",
                    (unsigned) count, (unsigned long long) need,
                    AGENT_KEYTAB_RECORDS);
    is_str(error, strlen(error), wanted, "it says so");

    free(base);

    for (size = need > 600 ? need - 600 : AGENT_KEYTAB_RECORDS, done = 0;
         size < need;
         size++)
    {
        take(&block, size);
        done += build_into(block.base, size, count, &again)
                != AGENT_BUILD_ERROR || again != need;
        drop(&block);
    }

    ok(done == 0, "nor into any size below the one it says, %llu",
       (unsigned long long) need);

    take(&block, need);
    ok(build_into(block.base, need, count, &again) == AGENT_BUILD_DONE
       && agent_keytab_open(&block.tab, block.base, need) == 0,
       "they fit into that one");
    test_find_all(&block, count);
    test_walk(&block, count);
    drop(&block);

    take(&block, need + 12345);
    ok(build_into(block.base, need + 12345, count, &again) == AGENT_BUILD_DONE
       && agent_keytab_open(&block.tab, block.base, need + 12345) == 0,
       "and into a larger one");
    drop(&block);
}


/*
 * The builder works in slices while the block holds an older table: at no
 * moment may a reader open what is neither the one nor the other.
 */

static void
test_slices(void)
{
    size_t                   calls, opened;
    block_t                  block;
    uint64_t                 line;
    agent_build_e            rc;
    agent_keytab_builder_t  *b;

    (void) build(&block, 1000);

    b = begin(block.base, block.size, 1000);

    ok(agent_keytab_open(&block.tab, block.base, block.size) == -1,
       "the older table is gone as soon as records are added");
    ok(agent_keytab_finish(b, 0, &line, error) == AGENT_BUILD_AGAIN,
       "no step, not done");

    for (calls = 0, opened = 0; calls < 100000; calls++) {

        rc = agent_keytab_finish(b, 1, &line, error);

        if (rc != AGENT_BUILD_AGAIN) {
            break;
        }

        opened += agent_keytab_open(&block.tab, block.base, block.size) == 0;
    }

    ok(rc == AGENT_BUILD_DONE, "done step by step");
    ok(calls > 1000 && calls < 2000, "in %u steps", (unsigned) calls);
    ok(opened == 0, "none of which leaves a table that opens");
    ok(agent_keytab_finish(b, 1, &line, error) == AGENT_BUILD_DONE,
       "what is done stays done");
    ok(agent_keytab_count(b) == 1000
       && agent_keytab_need(b) == block.size, "it counted them");

    agent_keytab_destroy(b);

    ok(agent_keytab_open(&block.tab, block.base, block.size) == 0,
       "then it opens");
    test_find_all(&block, 1000);
    drop(&block);
}


/* a builder is given up at any moment */

static void
test_unfinished(void)
{
    size_t                   steps, opened;
    block_t                  block;
    uint64_t                 line;
    agent_keytab_builder_t  *b;

    for (steps = 1, opened = 0; steps < 20; steps++) {
        (void) build(&block, 10);

        b = begin(block.base, block.size, 10);
        (void) agent_keytab_finish(b, steps, &line, error);
        agent_keytab_destroy(b);

        opened += agent_keytab_open(&block.tab, block.base, block.size) == 0;
        drop(&block);
    }

    /* fit, clear, 10 keys and their end, strings, head */

    ok(opened == 19 - 14, "a table opens only where it was finished, %u",
       (unsigned) opened);
}


/*
 * Builds from lines as they stand in a file, into a block of exactly the size
 * that the builder asks for; -1 with the line and error.
 */

static int
build_json(block_t *block, const char **lines, size_t n,
    const agent_pepper_t *peppers, size_t npeppers, uint64_t *line)
{
    int       rc;
    uint64_t  need;

    take(block, 4096);

    rc = build_lines(block, lines, n, peppers, npeppers, line, &need);
    drop(block);

    if (rc == 0) {
        take(block, need);

        rc = build_lines(block, lines, n, peppers, npeppers, line, &need);

        if (rc != 0) {
            drop(block);
        }
    }

    return rc;
}


static int
build_lines(block_t *block, const char **lines, size_t n,
    const agent_pepper_t *peppers, size_t npeppers, uint64_t *line,
    uint64_t *need)
{
    int                      rc;
    size_t                   i;
    json_t                  *json;
    agent_key_record_t       rec;
    agent_keytab_builder_t  *b;

    b = agent_keytab_create(block->base, block->size, peppers, npeppers, n);

    for (i = 0, rc = 0; i < n && rc == 0; i++) {
        json = json_loads(lines[i], JSON_REJECT_DUPLICATES, NULL);
        *line = FIRST_LINE + i;

        rc = agent_keyfile_record(json, &rec, error) != 0
             || agent_keytab_add(b, &rec, *line, error) != 0;

        json_decref(json);
    }

    *need = agent_keytab_need(b);

    if (rc == 0) {
        rc = agent_keytab_finish(b, UINT64_MAX, line, error)
             != AGENT_BUILD_DONE
             || agent_keytab_open(&block->tab, block->base, block->size) != 0;
    }

    agent_keytab_destroy(b);

    return rc ? -1 : 0;
}


/* three lines; the third names a pepper that there is not; sets secret */

static void
make_peppered(const char **lines, const agent_pepper_t *peppers)
{
    char         hex[2 * AGENT_SHA256_LEN + 1];
    size_t       i;
    uint8_t      digest[AGENT_SHA256_LEN];

    static char  text[3][512];

    (void) snprintf(secret, sizeof(secret), SECRET, 1UL);

    for (i = 0; i < 3; i++) {
        agent_hmac_sha256(&peppers[i % 2].key, (uint8_t *) secret,
                          AGENT_KEY_SECRET_LEN, digest);

        /* no two digests are the same */

        digest[0] ^= i / 2;

        agent_hex((uint8_t *) hex, digest, sizeof(digest));
        hex[sizeof(hex) - 1] = '\0';

        (void) snprintf(text[i], sizeof(text[i]),
                        "{\"id\":\"%016u\",\"agent\":\"a\","
                        "\"digest\":\"hmac-sha256:p%u:%s\","
                        "\"state\":\"active\","
                        "\"expires\":\"2027-01-31T00:00:00Z\"}",
                        (unsigned) i, (unsigned) i + 1, hex);
        lines[i] = text[i];
    }
}
