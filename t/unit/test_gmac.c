
/*
 * AES-256-GMAC.  Without this a tag could be wrong, or one that is wrong be
 * taken for right; or two tags be made with one nonce, from which whoever sees
 * them computes how to make others: U-09.
 */

#include "tap.h"

#include "agent_digest.h"
#include "gcm.h"


/* the longest line, and a MAC behind it */

#define LONGEST  (8192 + 16)


static void test_vectors(void);
static size_t octets(uint8_t *dst, const char *hex);
static void test_evp(void);
static void test_nonces(void);
static void test_keys(void);
static void test_wiped(void);
static int in_heap(const uint8_t *hidden, size_t len, unsigned swapped);


int
main(void)
{
    test_vectors();
    test_evp();
    test_nonces();
    test_keys();
    test_wiped();

    return tap_done();
}


static void
test_vectors(void)
{
    size_t         i, n, len;
    uint8_t        key[AGENT_GMAC_KEY], nonce[AGENT_GMAC_NONCE];
    uint8_t        data[LONGEST], tag[AGENT_GMAC_LEN];
    agent_gmac_t  *gmac;

    static const struct {
        const char  *source;
        const char  *key;
        const char  *nonce;
        const char  *data;
        const char  *tag;
    } vectors[] = {

        /* The Galois/Counter Mode of Operation (GCM), appendix B */

        { "McGrew and Viega, test case 13",
          "0000000000000000000000000000000000000000000000000000000000000000",
          "000000000000000000000000", "", "530f8afbc74536b9a963b4f1c4cb738b" },

        /* AES_GCM_256 of the NIST's validation program, PTlen 0, AADlen 128 */

        { "CAVP, gcmEncryptExtIV256",
          "78dc4e0aaf52d935c3c01eea57428f00ca1fd475f5da86a49c8dd73d68c8e223",
          "d79cf22d504cc793c3fb6c8a", "b96baa8c1c75a671bfb2d08d06be5f36",
          "3e5d486aa2e30b22e040b85723a06e76" },

        /* C2SP/wycheproof, aes_gmac_test.json, by tcId */

        { "Wycheproof 281",
          "4576c1e2470b557f85ae2defc078cb9eeac52b3235137f8bcefd9c116b804d2c",
          "20d29dd528b26a716b1122d4", "4e284ab6f6e49b",
          "eb910afec079b3da4601fe6c9de32969" },
        { "Wycheproof 282",
          "be855e5f4477a5f06e64e969cf0f7aad2399d10ac6301bd29618b530315304aa",
          "1dc8f6cba3828cb8862ea90d", "b35ea00e01f30438",
          "badbcdfb66e68b949bcb314b367c82cf" },
        { "Wycheproof 283",
          "30f10609fcf8ae398fa50fb2807e0b605fe1f5962f7cd7d663fa2c50bb0ed537",
          "f251345f8011b4f7fdd59aa2", "c66f86fbee5eda6a0ac4f64d7ef4b8",
          "b7e5ecd235a406152edd4909f1635206" },
        { "Wycheproof 284",
          "b5ca16877137e3595d056001b182eb1651e4ae6af080ce7ee0a0c5651a094603",
          "1fc2128cf247fecb746859fc", "ea94e062b10e5dfd2ea993cb6a103d98",
          "21439fb407247ac0a98a302d6cff4b0f" },
        { "Wycheproof 285",
          "b5684255463e5788bec2d75c8c463a658c79428d49fb2af5f1256c6bb1711f33",
          "9388c4bf74157c590180e0c1", "329f304b5d32e48186822306d6641c090a",
          "ff54ecd26aa94aacd6d92bd9f6323ff9" },
        { "Wycheproof 286",
          "76074fefee148cd8873d2351175b8f0b46ba3881f07d5bd7e67a659e01830a40",
          "0c5b68a8c3fdf645e3ac1e56",
          "8c0337fc9401e6a58e408a11dff57ab2ddc17c1682778fa9",
          "3686f1f8c18a944cb970f089c939ccd5" },
        { "Wycheproof 287",
          "e2a72f64301e4db6e8c05c312f2cea92fb8b063eb7fec23ea4e98c46fd0484d6",
          "8998ac05e11c964f22090ce7",
          "c70fb43de3aff11dbcab9b6c267c4b5b35cd9c08ec6999419a6771bcc734ae86"
          "50a56a4299c2105b32be02181eaaebe79f0747761573959d2bd71b0874de54ec"
          "2fd17bfd871acd766d5313cbffbe26ced083f5224f2777cd65ac4d2db08f213c"
          "0f7a5bccbc19b9bd42ab64116142f4d94b09280ee584744055f81e2fef291b36"
          "ae",
          "54548320e2801dad4568329756586706" },
        { "Wycheproof 289",
          "ddbafdc95b4c1c192d3ac68b03d5674a36ef50771749f4fcef6df9acaf2ed0c2",
          "cb866b2f568838b93cecec38",
          "87ed96039e80aee791dc8910b8febc4f51f297794a6a47380b801d455e893790"
          "67b69ee56a52855d5e35d421120be062f5a9f9f49a829a9a19626311632e6a16"
          "6725795b6646576d4812470a9f20f0816df2320a47ae7774c53bdac5c9a13aaa"
          "915e4ab8ac8c9eb45f069f05b1114310b7b2c2c848040765d8eaa9e91122bb77"
          "0188eb14b169c00d14110d983bd298cebb268c0164cbfd75704e83a0597c0ccf"
          "5b83cb5805689847b4eca6457ec12ed74dd7d261dbb06f114014af14abc1d76b"
          "d30ab69be280872948967dcac0b55a02083afcc4020c946e9709c399477036ef"
          "b4b8c54fc00a35fdcd2883ccd5df6f033dc0130ada4b9ad3aee697a70036b5f3"
          "0483a0ef8cfae49ab491ffee22f5adb024ed3a18ea",
          "d8ee23f779c0b54b7ab383cb107b0098" }
    };

    gmac = agent_gmac_create();

    for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {

        (void) octets(key, vectors[i].key);
        (void) octets(nonce, vectors[i].nonce);
        (void) octets(tag, vectors[i].tag);
        len = octets(data, vectors[i].data);

        ok(agent_gmac_key(gmac, key) == 0
           && agent_gmac_verify(gmac, nonce, data, len, tag),
           "%s: %u octets", vectors[i].source, (unsigned) len);

        /* as Wycheproof's tags that are invalid: each bit counts */

        for (n = 0; n < 8 * AGENT_GMAC_LEN; n++) {
            tag[n / 8] ^= (uint8_t) (1 << n % 8);

            if (agent_gmac_verify(gmac, nonce, data, len, tag)) {
                break;
            }

            tag[n / 8] ^= (uint8_t) (1 << n % 8);
        }

        ok(n == 8 * AGENT_GMAC_LEN, "%s: no other tag", vectors[i].source);
    }

    agent_gmac_free(gmac);
}


static size_t
octets(uint8_t *dst, const char *hex)
{
    size_t  len;

    len = strlen(hex) / 2;

    if (agent_unhex(dst, len, (const uint8_t *) hex) != 0) {
        printf("Bail out! %s is no hex\n", hex);
        exit(1);
    }

    return len;
}


/* data and nonces of all lengths: EVP agrees */

static void
test_evp(void)
{
    size_t         i, n, len, wrong;
    uint8_t        key[AGENT_GMAC_KEY], nonce[AGENT_GMAC_NONCE];
    uint8_t        data[LONGEST], tag[AGENT_GMAC_LEN], right[AGENT_GMAC_LEN];
    uint64_t       number;
    agent_gmac_t  *gmac;

    srand(7);

    gmac = agent_gmac_create();
    number = 0;
    wrong = 0;

    for (n = 0; n < LONGEST; n++) {
        data[n] = (uint8_t) rand();
    }

    for (i = 0, len = 0; len <= LONGEST; len += (i++ < 300) ? 1 : 113) {

        /* a key for 60 lines, of which the last has the highest number */

        if (i % 60 == 0) {
            for (n = 0; n < sizeof(key); n++) {
                key[n] = (uint8_t) rand();
            }

            wrong += agent_gmac_key(gmac, key) != 0;
            number = 0;
        }

        number = (i % 60 == 59) ? UINT64_MAX : 2 * number + 1;

        for (n = 0; n < AGENT_GMAC_NONCE; n++) {
            nonce[n] = (uint8_t) (n < 4 ? 0 : number >> 8 * (11 - n));
        }

        if (agent_gmac(gmac, number, data, len, tag) != 0
            || evp_tag(right, key, nonce, data, len) != 0
            || memcmp(tag, right, sizeof(tag)) != 0
            || !agent_gmac_verify(gmac, nonce, data, len, tag))
        {
            wrong++;
        }
    }

    ok(wrong == 0, "%u tags are those of OpenSSL's AES-256-GCM", (unsigned) i);

    agent_gmac_free(gmac);
}


static void
test_nonces(void)
{
    size_t         i;
    uint8_t        tag[AGENT_GMAC_LEN];
    agent_gmac_t  *gmac;

    static const uint8_t  key[AGENT_GMAC_KEY] = "thirty-two octets";
    static const uint8_t  data[] = "one line";

    static const struct {
        uint64_t  n;
        int       rc;
    } nonces[] = {
        { 0, -1 }, { 1, 0 }, { 1, -1 }, { 2, 0 }, { 1, -1 }, { 2, -1 },
        { 7, 0 }, { 3, -1 }, { UINT64_MAX, 0 }, { UINT64_MAX, -1 }, { 0, -1 },
        { 8, -1 }
    };

    gmac = agent_gmac_create();

    ok(agent_gmac(gmac, 1, data, sizeof(data), tag) == -1, "no key, no tag");

    (void) agent_gmac_key(gmac, key);

    for (i = 0; i < sizeof(nonces) / sizeof(nonces[0]); i++) {

        memset(tag, 0, sizeof(tag));

        ok(agent_gmac(gmac, nonces[i].n, data, sizeof(data), tag)
           == nonces[i].rc,
           "nonce %u: %s", (unsigned) nonces[i].n,
           nonces[i].rc ? "never again" : "is higher");

        ok((memcmp(tag, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", sizeof(tag)) == 0)
           == (nonces[i].rc != 0),
           "nonce %u: a tag or none", (unsigned) nonces[i].n);
    }

    agent_gmac_free(gmac);
}


static void
test_keys(void)
{
    uint8_t        tag[3][AGENT_GMAC_LEN], key[AGENT_GMAC_KEY];
    agent_gmac_t  *gmac, *other;

    static const uint8_t  data[] = "one line";

    gmac = agent_gmac_create();
    other = agent_gmac_create();

    memset(key, 1, sizeof(key));
    (void) agent_gmac_key(gmac, key);
    ok(agent_gmac(gmac, 5, data, sizeof(data), tag[0]) == 0, "a key");

    key[AGENT_GMAC_KEY - 1]++;
    (void) agent_gmac_key(gmac, key);
    ok(agent_gmac(gmac, 5, data, sizeof(data), tag[1]) == 0
       && memcmp(tag[0], tag[1], AGENT_GMAC_LEN) != 0,
       "another key has its own nonces");

    (void) agent_gmac_key(other, key);
    ok(agent_gmac(other, 5, data, sizeof(data), tag[2]) == 0
       && memcmp(tag[1], tag[2], AGENT_GMAC_LEN) == 0,
       "nothing is left of the one before");

    agent_gmac_free(gmac);
    agent_gmac_free(other);
    agent_gmac_free(NULL);
}


/*
 * What OpenSSL keeps of a key: AES's first round keys are the key, GHASH's is
 * AES of zeros.  Both are looked for by their complement, so that they are not
 * found here.
 */

static void
test_wiped(void)
{
    size_t           i;
    int              n;
    uint8_t          key[AGENT_GMAC_KEY], hash[16], tag[AGENT_GMAC_LEN];
    uint8_t          hidden[AGENT_GMAC_KEY], hidden_hash[16];
    agent_gmac_t    *gmac;
    EVP_CIPHER_CTX  *ctx;

    for (i = 0; i < sizeof(key); i++) {
        key[i] = (uint8_t) (11 * i + 5);
        hidden[i] = (uint8_t) ~key[i];
    }

    memset(hash, 0, sizeof(hash));

    ctx = EVP_CIPHER_CTX_new();
    (void) EVP_EncryptInit_ex(ctx, EVP_aes_256_ecb(), NULL, key, NULL);
    (void) EVP_EncryptUpdate(ctx, hash, &n, hash, sizeof(hash));
    EVP_CIPHER_CTX_free(ctx);

    for (i = 0; i < sizeof(hash); i++) {
        hidden_hash[i] = (uint8_t) ~hash[i];
    }

    memset(hash, 0, sizeof(hash));

    gmac = agent_gmac_create();
    (void) agent_gmac_key(gmac, key);
    (void) agent_gmac(gmac, 1, key, 5, tag);

    ok(in_heap(hidden, sizeof(hidden), 0)
       && (in_heap(hidden_hash, sizeof(hidden_hash), 0)
           || in_heap(hidden_hash, sizeof(hidden_hash), 1)),
       "a key is in memory while it is used");

    memset(key, 9, sizeof(key));
    (void) agent_gmac_key(gmac, key);

    ok(!in_heap(hidden, sizeof(hidden), 0)
       && !in_heap(hidden_hash, sizeof(hidden_hash), 0)
       && !in_heap(hidden_hash, sizeof(hidden_hash), 1),
       "and not once there is another one");

    agent_gmac_free(gmac);
}


/* swapped: words of eight octets are in the order of little-endian machines */

static int
in_heap(const uint8_t *hidden, size_t len, unsigned swapped)
{
    char            line[256];
    FILE           *maps;
    size_t          i;
    const uint8_t  *p, *last;
    unsigned long   from, to;

    maps = fopen("/proc/self/maps", "r");
    from = 0;
    to = 0;

    while (maps && fgets(line, sizeof(line), maps)) {
        if (strstr(line, "[heap]")
            && sscanf(line, "%lx-%lx", &from, &to) == 2)
        {
            break;
        }
    }

    if (maps) {
        fclose(maps);
    }

    last = (const uint8_t *) to;

    for (p = (const uint8_t *) from; p + len <= last; p++) {

        for (i = 0; i < len; i++) {
            if ((p[i] ^ hidden[swapped ? i ^ 7 : i]) != 0xff) {
                break;
            }
        }

        if (i == len) {
            return 1;
        }
    }

    return 0;
}
