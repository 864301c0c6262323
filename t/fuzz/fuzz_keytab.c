
/*
 * The key table.  A key file becomes a table in which each of its records is
 * found, and the same table with octets of it changed, or any other memory in
 * its place, is read without leaving it.
 */

#include "fuzz.h"

#include "agent_key.h"
#include "agent_keytab.h"
#include "agent_keytab_layout.h"

#include <openssl/rand.h>


/* a block of this size holds what a small key file makes */

#define BLOCK  8192
#define KEYS   24


static void fuzz_file(const uint8_t *data, size_t size);
static void fuzz_built(agent_keytab_builder_t *b, uint8_t *base,
    const agent_key_record_t *recs, size_t n);
static void fuzz_found(const agent_keytab_t *tab,
    const agent_key_record_t *rec);
static void fuzz_patched(const uint8_t *data, size_t size);
static size_t fuzz_table(uint8_t *base);
static void fuzz_memory(const uint8_t *data, size_t size);
static void fuzz_look(const uint8_t *base, size_t size);
static void fuzz_strings(const agent_keytab_t *tab,
    const agent_keytab_rec_t *kr, size_t size);
static void fuzz_within(const agent_keytab_t *tab, const agent_str_t *s,
    size_t size);
static void fuzz_name(size_t n, char *id, char *secret);


static const agent_pepper_t  peppers[2] = {
    { .id = "p1", .id_len = 2 },
    { .id = "p2", .id_len = 2 }
};


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }

    switch (data[0] % 3) {

    case 0:
        fuzz_file(data + 1, size - 1);
        break;

    case 1:
        fuzz_patched(data + 1, size - 1);
        break;

    default:
        fuzz_memory(data + 1, size - 1);
    }

    return 0;
}


/* in place of OpenSSL's: the same input shall do the same each time */

int
RAND_bytes(unsigned char *buf, int num)
{
    memset(buf, 0x5a, (size_t) num);

    return 1;
}


static void
fuzz_file(const uint8_t *data, size_t size)
{
    char                     error[AGENT_ERROR_LEN];
    size_t                   n;
    json_t                  *json[KEYS];
    uint8_t                 *base;
    const uint8_t           *p, *last, *lf;
    agent_keyfile_t          file;
    agent_key_record_t       recs[KEYS];
    agent_keytab_builder_t  *b;

    memset(&file, 0, sizeof(file));

    base = malloc(BLOCK);
    memset(base, 0xa5, BLOCK);

    b = agent_keytab_create(base, BLOCK, peppers, 2, 0);
    fuzz_check(b != NULL);

    p = data;
    last = data + size;

    for (n = 0; p < last && n < KEYS; p = lf + 1) {

        lf = memchr(p, '\n', (size_t) (last - p));
        lf = lf ? lf : last;

        if (agent_keyfile_line(&file, p, (size_t) (lf - p), &recs[n], &json[n],
                               error) != AGENT_LINE_RECORD)
        {
            continue;
        }

        if (agent_keytab_add(b, &recs[n], n + 1, error) != 0) {
            fuzz_check(strncmp(error, "unknown pepper \"", 16) == 0);
            json_decref(json[n]);
            continue;
        }

        n++;
    }

    fuzz_check(agent_keytab_count(b) == n);

    fuzz_built(b, base, recs, n);

    while (n-- > 0) {
        json_decref(json[n]);
    }

    free(base);
}


static void
fuzz_built(agent_keytab_builder_t *b, uint8_t *base,
    const agent_key_record_t *recs, size_t n)
{
    char            error[AGENT_ERROR_LEN];
    size_t          i, j, same;
    uint64_t        line, need;
    agent_build_e   rc;
    agent_keytab_t  tab;

    need = agent_keytab_need(b);

    do {
        fuzz_check(agent_keytab_open(&tab, base, BLOCK) == -1);
        rc = agent_keytab_finish(b, 3, &line, error);
    } while (rc == AGENT_BUILD_AGAIN);

    agent_keytab_destroy(b);

    for (i = 0, same = 0; i < n; i++) {

        for (j = 0; j < i; j++) {
            same += agent_str_eq(&recs[i].id, &recs[j].id)
                    || memcmp(recs[i].digest, recs[j].digest,
                              AGENT_SHA256_LEN) == 0;
        }
    }

    fuzz_check((rc == AGENT_BUILD_DONE) == (need <= BLOCK && same == 0));

    if (rc != AGENT_BUILD_DONE) {
        fuzz_check(need > BLOCK ? line == 0 : line > 1 && line <= n);
        return;
    }

    fuzz_check(agent_keytab_open(&tab, base, need) == 0);

    for (i = 0; i < n; i++) {
        fuzz_found(&tab, &recs[i]);
    }

    fuzz_look(base, need);
}


/* the secrets of issued keys are unknown here: their records stand in order */

static void
fuzz_found(const agent_keytab_t *tab, const agent_key_record_t *rec)
{
    size_t              i;
    agent_str_t         s;
    agent_keytab_rec_t  kr;

    if (rec->imported) {
        fuzz_check(agent_keytab_imported(tab, rec->digest, &kr)
                   == AGENT_KEYTAB_FOUND);

    } else {
        fuzz_check(agent_keytab_issued(tab, rec->id.data, rec->digest, &kr)
                   == AGENT_KEYTAB_ABSENT);
        fuzz_check(agent_keytab_imported(tab, rec->digest, &kr)
                   == AGENT_KEYTAB_ABSENT);

        for (i = 0; i < tab->head.nkeys; i++) {
            memcpy(&kr, tab->base + AGENT_KEYTAB_RECORDS + i * sizeof(kr),
                   sizeof(kr));

            if (memcmp(kr.digest, rec->digest, AGENT_SHA256_LEN) == 0) {
                break;
            }
        }

        fuzz_check(i < tab->head.nkeys);
    }

    fuzz_check(agent_keytab_id(tab, &kr, &s) == 0
               && agent_str_eq(&s, &rec->id));
    fuzz_check(agent_keytab_string(tab, kr.agent, &s) == 0
               && agent_str_eq(&s, &rec->agent));
    fuzz_check(agent_keytab_string(tab, kr.owner, &s) == 0
               && agent_str_eq(&s, &rec->owner));
    fuzz_check(agent_keytab_string(tab, kr.networks, &s) == 0
               && s.len == json_array_size(rec->networks)
                           * sizeof(agent_cidr_t));

    fuzz_check(kr.state == rec->state && kr.expires == agent_key_end(rec)
               && kr.not_before == rec->not_before
               && kr.imported == rec->imported
               && (kr.pepper != 0) == (rec->pepper.len != 0));
}


/* a good table; triples of offset and value say what becomes of it */

static void
fuzz_patched(const uint8_t *data, size_t size)
{
    size_t          need, at;
    uint8_t         *base;

    static size_t   good_size;
    static uint8_t  good[BLOCK];

    if (good_size == 0) {
        base = malloc(BLOCK);
        good_size = fuzz_table(base);
        memcpy(good, base, good_size);
        free(base);
    }

    need = good_size;
    base = fuzz_copy(good, need);

    for ( /* void */ ; size >= 3; data += 3, size -= 3) {

        /* the head is small, and most of what matters */

        at = (size_t) data[0] << 8 | data[1];
        at = at & 0x8000 ? at % AGENT_KEYTAB_RECORDS : at % need;

        base[at] = data[2];
    }

    fuzz_look(base, need);

    free(base);
}


static size_t
fuzz_table(uint8_t *base)
{
    char                     error[AGENT_ERROR_LEN], id[64], secret[64];
    size_t                   i, need;
    uint64_t                 line;
    agent_key_record_t       rec;
    agent_keytab_builder_t  *b;

    b = agent_keytab_create(base, BLOCK, peppers, 2, 0);

    for (i = 0; i < KEYS; i++) {
        memset(&rec, 0, sizeof(rec));
        fuzz_name(i, id, secret);

        rec.id.data = (uint8_t *) id;
        rec.id.len = strlen(id);
        rec.agent = rec.id;
        rec.imported = i % 4 == 3;
        rec.state = AGENT_KEY_ACTIVE;

        if (i % 4 == 1) {
            agent_str_set(&rec.pepper, "p2");
            agent_hmac_sha256(&peppers[1].key, (uint8_t *) secret,
                              AGENT_KEY_SECRET_LEN, rec.digest);

        } else {
            agent_sha256((uint8_t *) secret, AGENT_KEY_SECRET_LEN, rec.digest);
        }

        fuzz_check(agent_keytab_add(b, &rec, i + 1, error) == 0);
    }

    need = agent_keytab_need(b);

    fuzz_check(agent_keytab_finish(b, UINT64_MAX, &line, error)
               == AGENT_BUILD_DONE);
    agent_keytab_destroy(b);

    return need;
}


/* any memory at all; the magic and layout are given, they stop too much */

static void
fuzz_memory(const uint8_t *data, size_t size)
{
    uint8_t   *base;
    uint32_t   head[3];

    base = fuzz_copy(data, size);

    head[0] = AGENT_KEYTAB_MAGIC;
    head[1] = AGENT_KEYTAB_LAYOUT;
    head[2] = sizeof(agent_keytab_rec_t);

    if (size >= sizeof(head)) {
        memcpy(base, head, sizeof(head));
    }

    fuzz_look(base, size);

    free(base);
}


/* what a reader may do; asked twice it says the same */

static void
fuzz_look(const uint8_t *base, size_t size)
{
    char                id[64], secret[64];
    size_t              i;
    uint8_t             digest[AGENT_SHA256_LEN];
    agent_str_t         s;
    agent_keytab_e      rc;
    agent_keytab_t      tab;
    agent_keytab_rec_t  kr, again;

    if (agent_keytab_open(&tab, base, size) != 0) {
        return;
    }

    for (i = 0; i < KEYS + 4; i++) {

        fuzz_name(i, id, secret);

        rc = agent_keytab_issued(&tab, (uint8_t *) id, (uint8_t *) secret,
                                 &kr);
        fuzz_check(rc == agent_keytab_issued(&tab, (uint8_t *) id,
                                             (uint8_t *) secret, &again));

        if (rc == AGENT_KEYTAB_FOUND) {
            fuzz_check(!kr.imported
                       && memcmp(kr.id, id, AGENT_KEY_ID_LEN) == 0);
            fuzz_strings(&tab, &kr, size);
        }

        agent_sha256((uint8_t *) secret, AGENT_KEY_SECRET_LEN, digest);

        if (agent_keytab_imported(&tab, digest, &kr) == AGENT_KEYTAB_FOUND) {
            fuzz_check(kr.imported
                       && memcmp(kr.digest, digest, sizeof(digest)) == 0);
            fuzz_strings(&tab, &kr, size);
        }

        if (i < tab.head.nkeys) {
            memcpy(&kr, base + AGENT_KEYTAB_RECORDS + i * sizeof(kr),
                   sizeof(kr));
            fuzz_strings(&tab, &kr, size);
        }

        if (agent_keytab_string(&tab, (uint32_t) (1 << i), &s) == 0) {
            fuzz_within(&tab, &s, size);
        }
    }
}


static void
fuzz_strings(const agent_keytab_t *tab, const agent_keytab_rec_t *kr,
    size_t size)
{
    size_t          i;
    agent_str_t     s;
    const uint32_t  offsets[] =
        { kr->agent, kr->owner, kr->scopes, kr->services, kr->networks };

    for (i = 0; i < 5; i++) {
        if (agent_keytab_string(tab, offsets[i], &s) == 0) {
            fuzz_within(tab, &s, size);
        }
    }

    if (agent_keytab_id(tab, kr, &s) == 0) {

        if (s.data == kr->id) {
            fuzz_check(s.len <= sizeof(kr->id));

        } else {
            fuzz_within(tab, &s, size);
        }
    }
}


static void
fuzz_within(const agent_keytab_t *tab, const agent_str_t *s, size_t size)
{
    size_t  i, sum;

    fuzz_check(s->data >= tab->base && s->len <= size
               && (size_t) (s->data - tab->base) <= size - s->len);

    for (i = 0, sum = 0; i < s->len; i++) {
        sum += s->data[i];
    }

    fuzz_check(sum <= s->len * 255);
}


/* 16 characters, more where the key is imported; a secret of 43 */

static void
fuzz_name(size_t n, char *id, char *secret)
{
    (void) sprintf(id, n % 4 == 3 ? "%016u-imported" : "%016u", (unsigned) n);
    (void) sprintf(secret, "TEST%039u", (unsigned) n);
}
