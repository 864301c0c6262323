
/*
 * The issued form of a key.  Without this a mistyped key could cost a digest
 * or be taken for a foreign one (K-01), and a bias in the generator would make
 * secrets easier to guess than their 256 bits say (K-04).
 */

#include "tap.h"

#include "agent_key.h"


#define GENERATED  10000
#define RANDOM     (AGENT_KEY_ID_LEN + AGENT_KEY_SECRET_LEN)
#define TAIL       (AGENT_KEY_MAX - AGENT_KEY_PREFIX_MAX)


static void test_crc32(void);
static void test_known(void);
static void test_mutations(void);
static void test_lengths(void);
static void test_prefixes(void);
static void test_id(void);
static void test_generate(void);
static void test_flat(const uint8_t *keys);
static void test_distinct(uint8_t *keys);
static double chi_square(const unsigned *counts, unsigned total);
static int compare(const void *one, const void *two);
static agent_key_shape_e parse(const uint8_t *data, size_t len,
    agent_key_t *key, uint8_t *copy);
static uint32_t crc32_bitwise(const uint8_t *data, size_t len);
static int is_base62(unsigned c);


static const char  base62[] =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";


/* the checks were computed with zlib's crc32() */

static const char  known[] =
    "agk_0123456789abcdEF_TESTsecretTESTsecretTESTsecretTESTsecret0aZ4L3SgE";

static const char  padded[] =
    "ab_0000000000006974_0000000000000000000000000000000000000000000000L9j";


int
main(void)
{
    test_crc32();
    test_known();
    test_mutations();
    test_lengths();
    test_prefixes();
    test_id();
    test_generate();

    return tap_done();
}


static void
test_crc32(void)
{
    size_t    len, bad;
    uint8_t   data[600];
    uint32_t  seed;

    ok(agent_crc32((const uint8_t *) "123456789", 9) == 0xcbf43926,
       "crc-32 of 123456789");
    ok(agent_crc32(NULL, 0) == 0, "crc-32 of nothing");

    for (len = 0, bad = 0, seed = 7; len < sizeof(data); len++) {
        bad += agent_crc32(data, len) != crc32_bitwise(data, len);

        seed = seed * 1103515245 + 12345;
        data[len] = (uint8_t) (seed >> 16);
    }

    ok(bad == 0, "crc-32 by table is as by polynomial");
}


static void
test_known(void)
{
    uint8_t      copy[256];
    agent_key_t  key;

    ok(parse((const uint8_t *) known, strlen(known), &key, copy)
       == AGENT_KEY_ISSUED, "a good key");
    is_str(key.id, AGENT_KEY_ID_LEN, "0123456789abcdEF", "its id");
    is_str(key.secret, AGENT_KEY_SECRET_LEN,
           "TESTsecretTESTsecretTESTsecretTESTsecret0aZ", "its secret");
    ok(key.id == copy + 4 && key.secret == copy + 21,
       "both point into the value");

    ok(parse((const uint8_t *) padded, strlen(padded), &key, copy)
       == AGENT_KEY_ISSUED, "a small check is padded with 0");
}


/* K-01 */

static void
test_mutations(void)
{
    size_t             i, len, issued, shape;
    uint8_t            value[AGENT_KEY_MAX], copy[256], swap;
    unsigned           c;
    agent_key_t        key;
    agent_key_shape_e  got, expected;

    len = strlen(known);

    for (i = 0, issued = 0, shape = 0; i < len; i++) {

        for (c = 0; c < 256; c++) {

            if (c == (uint8_t) known[i]) {
                continue;
            }

            memcpy(value, known, len);
            value[i] = (uint8_t) c;

            expected = AGENT_KEY_FOREIGN;

            if (i < 3 ? (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
                      : i != 3 && i != 20 && is_base62(c))
            {
                expected = AGENT_KEY_BAD_CHECK;
            }

            got = parse(value, len, &key, copy);

            issued += got == AGENT_KEY_ISSUED;
            shape += got != expected;
        }
    }

    ok(issued == 0, "no other octet at any place makes a good key");
    ok(shape == 0, "outside the alphabet foreign, else a bad check");

    for (i = 0, issued = 0; i + 1 < len; i++) {
        memcpy(value, known, len);
        swap = value[i];
        value[i] = value[i + 1];
        value[i + 1] = swap;

        got = parse(value, len, &key, copy);
        issued += got == AGENT_KEY_ISSUED && value[i] != value[i + 1];
    }

    ok(issued == 0, "no two neighbours change places unseen");
}


static void
test_lengths(void)
{
    size_t             len, bad;
    uint8_t            value[200], copy[256];
    agent_key_t        key;
    agent_key_shape_e  got;

    memset(value, 'a', sizeof(value));
    memcpy(value, known, strlen(known));

    for (len = 0, bad = 0; len <= sizeof(value); len++) {
        got = parse(value, len, &key, copy);
        bad += (got == AGENT_KEY_ISSUED) != (len == strlen(known));
    }

    ok(bad == 0, "of all lengths to 200 of a good key only its own is good");

    /* a tail of the right shape behind a prefix of each length */

    for (len = TAIL, bad = 0; len <= sizeof(value); len++) {
        memset(value, 'a', sizeof(value));
        value[len - TAIL] = '_';
        value[len - TAIL + 1 + AGENT_KEY_ID_LEN] = '_';

        got = parse(value, len, &key, copy);

        bad += got != (len >= TAIL + AGENT_KEY_PREFIX_MIN
                       && len <= AGENT_KEY_MAX ? AGENT_KEY_BAD_CHECK
                                               : AGENT_KEY_FOREIGN);
    }

    ok(bad == 0, "a prefix has 2 to 8 characters");
    ok(parse(NULL, 0, &key, copy) == AGENT_KEY_FOREIGN, "no value at all");
}


static void
test_prefixes(void)
{
    size_t       i, len, bad;
    uint8_t      text[12];
    unsigned     c;
    agent_str_t  prefix;

    prefix.data = text;
    memset(text, 'k', sizeof(text));

    for (len = 0, bad = 0; len <= sizeof(text); len++) {
        prefix.len = len;
        bad += agent_key_prefix_valid(&prefix) != (len >= 2 && len <= 8);
    }

    ok(bad == 0, "prefix of each length");

    prefix.len = 8;

    for (i = 0, bad = 0; i < 8; i++) {

        for (c = 0; c < 256; c++) {
            memset(text, 'k', sizeof(text));
            text[i] = (uint8_t) c;

            bad += agent_key_prefix_valid(&prefix)
                   != ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'));
        }
    }

    ok(bad == 0, "prefix of each octet");
}


static void
test_id(void)
{
    size_t       i, len, bad;
    uint8_t      text[20];
    unsigned     c;
    agent_str_t  id;

    id.data = text;
    memset(text, 'Z', sizeof(text));

    for (len = 0, bad = 0; len <= sizeof(text); len++) {
        id.len = len;
        bad += agent_key_id_valid(&id) != (len == AGENT_KEY_ID_LEN);
    }

    ok(bad == 0, "id of each length");

    id.len = AGENT_KEY_ID_LEN;

    for (i = 0, bad = 0; i < AGENT_KEY_ID_LEN; i++) {

        for (c = 0; c < 256; c++) {
            memset(text, 'Z', sizeof(text));
            text[i] = (uint8_t) c;
            bad += agent_key_id_valid(&id) != is_base62(c);
        }
    }

    ok(bad == 0, "id of each octet");
}


static void
test_generate(void)
{
    size_t       i, bad;
    uint8_t      buf[AGENT_KEY_MAX + 1], copy[256], *keys;
    agent_str_t  prefix, value;
    agent_key_t  key, parsed;

    keys = malloc(GENERATED * RANDOM);
    agent_str_set(&prefix, "agk");

    for (i = 0, bad = 0; i < GENERATED; i++) {

        if (agent_key_generate(&prefix, buf, &value, &key) != 0
            || value.data != buf || value.len != TAIL + 3
            || memcmp(buf, "agk_", 4) != 0
            || parse(value.data, value.len, &parsed, copy) != AGENT_KEY_ISSUED
            || memcmp(parsed.id, key.id, AGENT_KEY_ID_LEN) != 0
            || memcmp(parsed.secret, key.secret, AGENT_KEY_SECRET_LEN) != 0)
        {
            bad++;
            continue;
        }

        memcpy(keys + i * RANDOM, key.id, AGENT_KEY_ID_LEN);
        memcpy(keys + i * RANDOM + AGENT_KEY_ID_LEN, key.secret,
               AGENT_KEY_SECRET_LEN);
    }

    ok(bad == 0, "%d keys are generated and parse", GENERATED);

    if (bad == 0) {
        test_flat(keys);
        test_distinct(keys);
    }

    free(keys);

    agent_str_set(&prefix, "longest8");
    buf[AGENT_KEY_MAX] = 0x55;

    ok(agent_key_generate(&prefix, buf, &value, &key) == 0
       && value.len == AGENT_KEY_MAX && buf[AGENT_KEY_MAX] == 0x55,
       "the longest key has AGENT_KEY_MAX octets");

    agent_str_set(&prefix, "a");
    ok(agent_key_generate(&prefix, buf, &value, &key) == -1,
       "prefix too short");

    agent_str_set(&prefix, "ninechars");
    ok(agent_key_generate(&prefix, buf, &value, &key) == -1,
       "prefix too long");

    agent_str_set(&prefix, "AGK");
    ok(agent_key_generate(&prefix, buf, &value, &key) == -1,
       "prefix in upper case");
}


/*
 * 61 degrees of freedom: mean 61, deviation 11.  A good generator exceeds 150
 * once in some 10^8 runs; the octet modulo 62 with no octet thrown away would
 * come out at some 8000 over all places.
 */

static void
test_flat(const uint8_t *keys)
{
    size_t    i, j;
    double    chi, worst;
    unsigned  all[62], here[62];

    memset(all, 0, sizeof(all));

    for (j = 0, worst = 0; j < RANDOM; j++) {
        memset(here, 0, sizeof(here));

        for (i = 0; i < GENERATED; i++) {
            here[strchr(base62, keys[i * RANDOM + j]) - base62]++;
        }

        for (i = 0; i < 62; i++) {
            all[i] += here[i];
        }

        chi = chi_square(here, GENERATED);
        worst = chi > worst ? chi : worst;
    }

    chi = chi_square(all, GENERATED * RANDOM);

    ok(chi < 150, "the characters are equally frequent, chi-square %.1f", chi);
    ok(worst < 170, "and at each place, worst chi-square %.1f", worst);
}


static double
chi_square(const unsigned *counts, unsigned total)
{
    size_t  i;
    double  sum, expected, d;

    expected = total / 62.0;

    for (i = 0, sum = 0; i < 62; i++) {
        d = counts[i] - expected;
        sum += d * d / expected;
    }

    return sum;
}


static void
test_distinct(uint8_t *keys)
{
    size_t   i, j, same;
    uint8_t  id[RANDOM];

    qsort(keys, GENERATED, RANDOM, compare);

    for (i = 1, same = 0; i < GENERATED; i++) {
        same += memcmp(keys + (i - 1) * RANDOM, keys + i * RANDOM,
                       AGENT_KEY_ID_LEN) == 0;
    }

    ok(same == 0, "their ids are distinct");

    /* the secret to the front, to sort by it */

    for (i = 0; i < GENERATED; i++) {
        memcpy(id, keys + i * RANDOM, RANDOM);

        for (j = 0; j < RANDOM; j++) {
            keys[i * RANDOM + j] = id[(j + AGENT_KEY_ID_LEN) % RANDOM];
        }
    }

    qsort(keys, GENERATED, RANDOM, compare);

    for (i = 1, same = 0; i < GENERATED; i++) {
        same += memcmp(keys + (i - 1) * RANDOM, keys + i * RANDOM,
                       AGENT_KEY_SECRET_LEN) == 0;
    }

    ok(same == 0, "their secrets are distinct");
}


static int
compare(const void *one, const void *two)
{
    return memcmp(one, two, RANDOM);
}


/*
 * Parses a copy that ends where its memory ends, for the sanitizer; copy (256
 * octets) holds what key points into.
 */

static agent_key_shape_e
parse(const uint8_t *data, size_t len, agent_key_t *key, uint8_t *copy)
{
    uint8_t            *exact;
    agent_str_t         value;
    agent_key_shape_e   shape;

    exact = malloc(len ? len : 1);

    if (len) {
        memcpy(exact, data, len);
        memcpy(copy, data, len);
    }

    value.data = exact;
    value.len = len;

    shape = agent_key_parse(&value, key);

    if (shape != AGENT_KEY_FOREIGN) {
        key->id = copy + (key->id - exact);
        key->secret = copy + (key->secret - exact);
    }

    free(exact);

    return shape;
}


/* the definition: reflected polynomial 0xedb88320 */

static uint32_t
crc32_bitwise(const uint8_t *data, size_t len)
{
    size_t    i;
    unsigned  bit;
    uint32_t  crc;

    crc = 0xffffffff;

    for (i = 0; i < len; i++) {
        crc ^= data[i];

        for (bit = 0; bit < 8; bit++) {
            crc = (crc & 1) ? (crc >> 1) ^ 0xedb88320 : crc >> 1;
        }
    }

    return ~crc;
}


static int
is_base62(unsigned c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
           || (c >= 'a' && c <= 'z');
}
