
/*
 * What core does when memory or random numbers fail.  Without this a key could
 * be made of octets that nobody drew, or a worker that is short of memory
 * could crash while it loads a key file (K-04, K-10).
 */

#include "tap.h"

#include "agent_assertion.h"
#include "keytab.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>


/* glibc's own, behind those that the sanitizers or we put before */

#if !defined(__SANITIZE_ADDRESS__) && defined(__GLIBC__)

#if defined(__has_feature)
#if !__has_feature(address_sanitizer)
#define HAVE_FAULTS  1
#endif
#else
#define HAVE_FAULTS  1
#endif

#endif


static void test_random(void);
static void test_random_fails(void);
static void test_random_table(void);
static void test_memory(void);
static void test_assertion(void);
static int drawn(unsigned char *buf, int num);
#if (HAVE_FAULTS)
static int load(const char **error_text);
static int memory_fails(void);
static void track(void *from, void *to);
static size_t still_taken(void);
#endif


/* how many calls may succeed; -1: all */

static int      random_left = -1;
#if (HAVE_FAULTS)
static int      memory_left = -1;

/* more octets are not given at once by malloc() */

static size_t   memory_most = (size_t) -1;

/* what load() took and did not give back */

static void    *taken[64];
static int      tracking;
#endif

/* how many calls give octets that are no digits */

static int      random_stuck;

static uint8_t  random_next;


int
main(void)
{
    make_shared();

    test_random();
    test_random_fails();
    test_random_table();
    test_memory();
    test_assertion();

    drop_shared();

    return tap_done();
}


/*
 * Octets are drawn 64 at a time and follow each other here; those from 248 on
 * are thrown away, the others are digits modulo 62.
 */

static void
test_random(void)
{
    size_t       i, wrong;
    uint8_t      buf[AGENT_KEY_MAX], octet;
    agent_str_t  prefix, value;
    agent_key_t  key;

    static const char  base62[] =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    agent_str_set(&prefix, "agk");

    random_next = 240;
    ok(agent_key_generate(&prefix, buf, &value, &key) == 0, "a key");

    for (i = 0, wrong = 0, octet = 240; i < AGENT_KEY_ID_LEN; i++) {
        wrong += key.id[i] != (uint8_t) base62[octet % 62];
        octet = octet == 247 ? 0 : octet + 1;
    }

    /* the id took the first 24 of 64 octets; the secret begins with new ones */

    for (i = 0; i < AGENT_KEY_SECRET_LEN; i++) {
        octet = (uint8_t) (240 + 64 + i);
        wrong += key.secret[i] != (uint8_t) base62[octet % 62];
    }

    ok(wrong == 0, "each digit of one octet, none of 248 and more");

    ok(random_next == (uint8_t) (240 + 128), "and no octet serves twice");
}


static void
test_random_fails(void)
{
    int          calls;
    size_t       i, left;
    uint8_t      buf[AGENT_KEY_MAX];
    agent_str_t  prefix, value;
    agent_key_t  key;

    agent_str_set(&prefix, "agk");

    for (calls = 0; calls < 2; calls++) {
        random_left = calls;
        ok(agent_key_generate(&prefix, buf, &value, &key) == -1,
           "no key when call %d for random octets fails", calls + 1);
    }

    /* octets that are all thrown away are no digits, whatever comes next */

    random_left = -1;
    random_stuck = 3;
    ok(agent_key_generate(&prefix, buf, &value, &key) == 0
       && random_stuck == 0, "a key after three calls for nothing");

    memset(buf, 0x55, sizeof(buf));
    random_left = 3;
    random_stuck = 3;
    ok(agent_key_generate(&prefix, buf, &value, &key) == -1,
       "no key when the fourth call fails then");

    for (i = 4, left = 0; i < 4 + AGENT_KEY_ID_LEN; i++) {
        left += buf[i] != 0;
    }

    ok(left == 0, "what was drawn before is cleansed");

    random_left = -1;
    random_stuck = 0;
}


/* the table's secret against crafted ids (K-11) */

static void
test_random_table(void)
{
    uint64_t                 block[512];
    agent_keytab_builder_t  *b;

    random_left = 0;
    b = agent_keytab_create((uint8_t *) block, sizeof(block), NULL, 0, 0);
    random_left = -1;

    ok(b == NULL, "no table without a secret");

    agent_keytab_destroy(b);
}


/* the first call for memory fails, then the second, until none does */

static void
test_memory(void)
{
#if (HAVE_FAULTS)

    int          n, rc;
    size_t       odd, leaked;
    const char  *text;

    for (n = 0, odd = 0, leaked = 0; n < 1000; n++) {
        memory_left = n;
        tracking = 1;
        rc = load(&text);
        tracking = 0;

        leaked += still_taken();

        if (rc == 0) {
            break;
        }

        /* create, add, finish: the last two say so */

        odd += text && strstr(text, "not enough memory") == NULL;
    }

    memory_left = -1;

    ok(n > 8 && n < 1000, "a table is built when none of %d calls fails", n);
    ok(odd == 0, "else it says that memory is short");
    ok(leaked == 0, "and gives back what it took");
    ok(load(&text) == 0, "and all is well again");

#else

    ok(1, "memory faults # skip the sanitizer has its own allocator");

#endif
}


/* an id that is not random could be that of an earlier assertion (I-02) */

static void
test_assertion(void)
{
    BIO                *bio;
    long                n;
    char               *pem, *text;
    EVP_PKEY           *pkey;
    agent_assertion_t   assertion;

    bio = BIO_new(BIO_s_mem());
    pkey = EVP_EC_gen("P-256");

    PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL);
    n = BIO_get_mem_data(bio, &pem);

    memset(&assertion, 0, sizeof(assertion));

    assertion.pem.data = (uint8_t *) pem;
    assertion.pem.len = (size_t) n;
    assertion.alg = AGENT_ASSERTION_ES256;
    assertion.client_id = "gate";
    assertion.audience = "https://as.test";

    text = agent_assertion_sign(&assertion, 1);
    ok(text != NULL, "an assertion");
    agent_assertion_free(text);

    random_left = 0;
    ok(agent_assertion_sign(&assertion, 1) == NULL,
       "none without random octets");
    random_left = -1;

#if (HAVE_FAULTS)

    /* libjwt would not look what it got */

    memory_most = 1024;
    ok(agent_assertion_sign(&assertion, 1) == NULL,
       "none where memory is short");
    memory_most = (size_t) -1;

#endif

    EVP_PKEY_free(pkey);
    BIO_free(bio);
}


/* in place of OpenSSL's and the C library's */

int
RAND_bytes(unsigned char *buf, int num)
{
    return drawn(buf, num);
}


int
RAND_priv_bytes(unsigned char *buf, int num)
{
    return drawn(buf, num);
}


static int
drawn(unsigned char *buf, int num)
{
    int  i;

    if (random_left == 0) {
        return 0;
    }

    if (random_left > 0) {
        random_left--;
    }

    if (random_stuck) {
        random_stuck--;
        memset(buf, 0xff, (size_t) num);
        return 1;
    }

    for (i = 0; i < num; i++) {
        buf[i] = random_next++;
    }

    return 1;
}


#if (HAVE_FAULTS)

/* 0, or -1 with the text or NULL where there is none */

static int
load(const char **error_text)
{
    int                      rc;
    size_t                   i;
    uint64_t                 line;
    agent_key_record_t       rec;
    agent_keytab_builder_t  *b;

    static uint64_t  block[65536];

    *error_text = NULL;

    b = agent_keytab_create((uint8_t *) block, sizeof(block), NULL, 0, 0);

    if (b == NULL) {
        return -1;
    }

    *error_text = error;

    for (i = 0, rc = 0; i < 2500 && rc == 0; i++) {
        make(i, &rec);
        rec.owner = rec.id;
        rc = agent_keytab_add(b, &rec, i + 1, error);
    }

    if (rc == 0) {
        rc = agent_keytab_finish(b, UINT64_MAX, &line, error)
             == AGENT_BUILD_DONE ? 0 : -1;
    }

    agent_keytab_destroy(b);

    return rc;
}


void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void __libc_free(void *p);


void *
malloc(size_t size)
{
    return size > memory_most ? NULL : __libc_malloc(size);
}


void *
calloc(size_t n, size_t size)
{
    void  *p;

    if (memory_fails()) {
        return NULL;
    }

    p = __libc_calloc(n, size);
    track(NULL, p);

    return p;
}


void *
realloc(void *p, size_t size)
{
    void  *grown;

    if (memory_fails()) {
        return NULL;
    }

    grown = __libc_realloc(p, size);
    track(p, grown);

    return grown;
}


void
free(void *p)
{
    track(p, NULL);
    __libc_free(p);
}


static int
memory_fails(void)
{
    if (memory_left > 0) {
        memory_left--;
        return 0;
    }

    return memory_left == 0;
}


static void
track(void *from, void *to)
{
    size_t  i;

    if (!tracking || from == to) {
        return;
    }

    for (i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        if (taken[i] == from) {
            taken[i] = to;
            return;
        }
    }
}


static size_t
still_taken(void)
{
    size_t  i, n;

    for (i = 0, n = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        n += taken[i] != NULL;
        taken[i] = NULL;
    }

    return n;
}

#endif
