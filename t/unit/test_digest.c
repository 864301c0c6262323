
/*
 * Digests.  Without this a wrong rotation or a padded block that is off by one
 * would refuse every key, or, worse, give all of them one digest (K-03), and
 * the table's hash would depend on where its input lies (K-11).
 */

#include "tap.h"

#include "agent_digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>


#define TEXT_MAX  320


typedef struct {
    const char  *name;
    const char  *key;
    size_t       key_len;
    const char  *data;
    size_t       data_len;
    const char  *mac;
} hmac_vector_t;


static void test_sha256(void);
static void test_sha256_lengths(void);
static void test_eq(void);
static void test_hmac(void);
static void test_hmac_lengths(void);
static void test_hmac_resumed(void);
static void test_siphash(void);
static void test_siphash_lengths(void);
static void test_hex(void);
static void is_digest(const uint8_t *digest, const char *hex,
    const char *name);
static void fill(uint8_t *p, size_t len, uint32_t seed);


#define octets(text)  text, sizeof(text) - 1

#define TWENTY(c)  c c c c c c c c c c c c c c c c c c c c


/* RFC 4231, 4.2 to 4.8; in case 5 only 128 bits are given */

static const hmac_vector_t  hmac_vectors[] = {

    { "case 1", octets(TWENTY("\x0b")), octets("Hi There"),
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },

    { "case 2", octets("Jefe"), octets("what do ya want for nothing?"),
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },

    { "case 3", octets(TWENTY("\xaa")),
      octets(TWENTY("\xdd") TWENTY("\xdd")
             "\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd"),
      "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },

    { "case 4",
      octets("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
             "\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19"),
      octets(TWENTY("\xcd") TWENTY("\xcd")
             "\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd"),
      "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b" },

    { "case 5", octets(TWENTY("\x0c")), octets("Test With Truncation"),
      "a3b6167473100ee06e0c796c2955552b" },

    { "case 6",
      octets(TWENTY("\xaa") TWENTY("\xaa") TWENTY("\xaa") TWENTY("\xaa")
             TWENTY("\xaa") TWENTY("\xaa") "\xaa\xaa\xaa\xaa\xaa\xaa\xaa"
             "\xaa\xaa\xaa\xaa"),
      octets("Test Using Larger Than Block-Size Key - Hash Key First"),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },

    { "case 7",
      octets(TWENTY("\xaa") TWENTY("\xaa") TWENTY("\xaa") TWENTY("\xaa")
             TWENTY("\xaa") TWENTY("\xaa") "\xaa\xaa\xaa\xaa\xaa\xaa\xaa"
             "\xaa\xaa\xaa\xaa"),
      octets("This is a test using a larger than block-size key and a larger "
             "than block-size data. The key needs to be hashed before being "
             "used by the HMAC algorithm."),
      "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2" }
};


int
main(void)
{
    test_sha256();
    test_sha256_lengths();
    test_eq();
    test_hmac();
    test_hmac_lengths();
    test_hmac_resumed();
    test_siphash();
    test_siphash_lengths();
    test_hex();

    return tap_done();
}


/* FIPS 180-4, examples */

static void
test_sha256(void)
{
    char     *million;
    uint8_t   digest[AGENT_SHA256_LEN];

    agent_sha256((const uint8_t *) "abc", 3, digest);
    is_digest(digest, "ba7816bf8f01cfea414140de5dae2223"
                      "b00361a396177a9cb410ff61f20015ad", "sha256 abc");

    agent_sha256((const uint8_t *) "", 0, digest);
    is_digest(digest, "e3b0c44298fc1c149afbf4c8996fb924"
                      "27ae41e4649b934ca495991b7852b855", "sha256 of nothing");

    agent_sha256(NULL, 0, digest);
    is_digest(digest, "e3b0c44298fc1c149afbf4c8996fb924"
                      "27ae41e4649b934ca495991b7852b855", "sha256 of NULL");

    agent_sha256((const uint8_t *) octets(
                 "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
                 digest);
    is_digest(digest, "248d6a61d20638b8e5c026930c3e6039"
                      "a33ce45964ff2167f6ecedd419db06c1", "sha256 448 bits");

    agent_sha256((const uint8_t *) octets(
                 "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                 "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"),
                 digest);
    is_digest(digest, "cf5b16a778af8380036ce59e7b049237"
                      "0b249b11e8f07a51afac45037afee9d1", "sha256 896 bits");

    million = malloc(1000000);
    memset(million, 'a', 1000000);

    agent_sha256((const uint8_t *) million, 1000000, digest);
    is_digest(digest, "cdc76e5c9914fb9281a1c7e284d73e67"
                      "f1809a48a497200e046d39ccc7112cd0", "sha256 million a");

    free(million);
}


static void
test_sha256_lengths(void)
{
    size_t    len, bad;
    uint8_t  *data, digest[AGENT_SHA256_LEN], expected[EVP_MAX_MD_SIZE];

    for (len = 0, bad = 0; len < TEXT_MAX; len++) {
        data = malloc(len + 1);
        fill(data, len + 1, (uint32_t) len);

        /* one octet off, so that alignment plays no part */

        agent_sha256(data + 1, len, digest);
        (void) EVP_Digest(data + 1, len, expected, NULL, EVP_sha256(), NULL);

        bad += memcmp(digest, expected, AGENT_SHA256_LEN) != 0;
        free(data);
    }

    ok(bad == 0, "sha256 of every length to %d is as EVP's", TEXT_MAX);
}


/* no bit of a digest is left out */

static void
test_eq(void)
{
    int      bad;
    size_t   bit;
    uint8_t  a[AGENT_SHA256_LEN + 1], b[AGENT_SHA256_LEN];

    agent_sha256((const uint8_t *) "abc", 3, a + 1);
    memcpy(b, a + 1, sizeof(b));

    ok(agent_digest_eq(a + 1, b), "a digest is the same as its copy");

    for (bit = 0, bad = 0; bit < 8 * sizeof(b); bit++) {
        b[bit / 8] ^= (uint8_t) (1 << (bit & 7));
        bad += agent_digest_eq(a + 1, b) != 0;
        b[bit / 8] ^= (uint8_t) (1 << (bit & 7));
    }

    ok(bad == 0, "a digest with any bit flipped is another one");
}


static void
test_hmac(void)
{
    size_t                i;
    uint8_t               mac[AGENT_SHA256_LEN];
    agent_hmac_key_t      hk;
    const hmac_vector_t  *v;

    for (i = 0; i < sizeof(hmac_vectors) / sizeof(hmac_vectors[0]); i++) {
        v = &hmac_vectors[i];

        agent_hmac_key(&hk, (const uint8_t *) v->key, v->key_len);
        agent_hmac_sha256(&hk, (const uint8_t *) v->data, v->data_len, mac);

        is_digest(mac, v->mac, v->name);
    }
}


static void
test_hmac_lengths(void)
{
    size_t            key_len, len, bad;
    uint8_t           key[TEXT_MAX], data[TEXT_MAX], mac[AGENT_SHA256_LEN];
    uint8_t           expected[EVP_MAX_MD_SIZE];
    agent_hmac_key_t  hk;

    fill(key, sizeof(key), 1);
    fill(data, sizeof(data), 2);

    for (key_len = 0, bad = 0; key_len < 140; key_len++) {

        agent_hmac_key(&hk, key, key_len);

        for (len = 0; len < 140; len += 1 + len / 16) {
            agent_hmac_sha256(&hk, data, len, mac);
            (void) HMAC(EVP_sha256(), key, (int) key_len, data, len, expected,
                        NULL);

            bad += memcmp(mac, expected, AGENT_SHA256_LEN) != 0;
        }
    }

    ok(bad == 0, "hmac with keys around the block size is as OpenSSL's");
}


/* a pepper is absorbed once and serves many requests */

static void
test_hmac_resumed(void)
{
    uint8_t           first[AGENT_SHA256_LEN], again[AGENT_SHA256_LEN];
    agent_hmac_key_t  hk, copy;

    agent_hmac_key(&hk, (const uint8_t *) "TEST-pepper-1", 13);
    copy = hk;

    agent_hmac_sha256(&hk, (const uint8_t *) "one", 3, first);
    agent_hmac_sha256(&hk, (const uint8_t *) "two", 3, again);

    ok(memcmp(first, again, sizeof(first)) != 0,
       "hmac of another message is another");

    agent_hmac_sha256(&hk, (const uint8_t *) "one", 3, again);

    ok(memcmp(first, again, sizeof(first)) == 0, "hmac key serves twice");
    ok(memcmp(&hk, &copy, sizeof(hk)) == 0, "hmac leaves its key as it was");

    agent_hmac_key(&copy, (const uint8_t *) "TEST-pepper-2", 13);
    agent_hmac_sha256(&copy, (const uint8_t *) "one", 3, again);

    ok(memcmp(first, again, sizeof(first)) != 0,
       "hmac with another key is another");
}


/* the reference vector of the SipHash paper, appendix A, and two short ones */

static void
test_siphash(void)
{
    size_t   i;
    uint8_t  key[AGENT_SIPHASH_KEY], data[15];

    for (i = 0; i < sizeof(key); i++) {
        key[i] = (uint8_t) i;
    }

    for (i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t) i;
    }

    ok(agent_siphash(key, data, 15) == 0xa129ca6149be45e5,
       "siphash, reference vector of 15 octets");
    ok(agent_siphash(key, data, 0) == 0x726fdb47dd0e0e31,
       "siphash of nothing");
    ok(agent_siphash(key, data, 1) == 0x74f839c593dc67fd,
       "siphash of one octet");

    ok(agent_siphash13(key, data, 0) == 0xabac0158050fc4dc,
       "siphash-1-3 of nothing");
    ok(agent_siphash13(key, data, 15) != agent_siphash(key, data, 15)
       && agent_siphash13(key, data, 15) != agent_siphash13(key, data, 14),
       "siphash-1-3 is another one");

    key[15] ^= 0x80;

    ok(agent_siphash(key, data, 15) != 0xa129ca6149be45e5,
       "siphash depends on the last bit of its key");
}


static void
test_siphash_lengths(void)
{
    size_t        len, size, i, bad;
    uint8_t      *data, key[AGENT_SIPHASH_KEY], out[8];
    EVP_MAC      *mac;
    uint64_t      expected;
    EVP_MAC_CTX  *ctx;
    OSSL_PARAM    params[2];

    fill(key, sizeof(key), 3);

    size = sizeof(out);
    params[0] = OSSL_PARAM_construct_size_t("size", &size);
    params[1] = OSSL_PARAM_construct_end();

    mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    ctx = EVP_MAC_CTX_new(mac);

    for (len = 0, bad = 0; len < TEXT_MAX; len++) {
        data = malloc(len + 1);
        fill(data, len + 1, (uint32_t) len);

        (void) EVP_MAC_init(ctx, key, sizeof(key), params);
        (void) EVP_MAC_update(ctx, data + 1, len);

        if (EVP_MAC_final(ctx, out, &size, sizeof(out)) != 1) {
            bad++;
        }

        for (i = 0, expected = 0; i < 8; i++) {
            expected |= (uint64_t) out[i] << (8 * i);
        }

        bad += agent_siphash(key, data + 1, len) != expected;
        free(data);
    }

    ok(bad == 0, "siphash of every length to %d is as OpenSSL's", TEXT_MAX);

    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);
}


static void
test_hex(void)
{
    size_t   i, pos, bad;
    uint8_t  all[256], hex[512], back[256], digits[64], out[33], good;

    for (i = 0; i < 256; i++) {
        all[i] = (uint8_t) i;
    }

    agent_hex(hex, all, 256);
    ok(agent_unhex(back, 256, hex) == 0 && memcmp(back, all, 256) == 0,
       "hex of all octets and back");
    is_str(hex + 20, 12, "0a0b0c0d0e0f", "hex is lower case");

    for (pos = 0, bad = 0; pos < 64; pos++) {

        for (i = 0; i < 256; i++) {
            memset(digits, '0', sizeof(digits));
            digits[pos] = (uint8_t) i;

            good = (i >= '0' && i <= '9') || (i >= 'a' && i <= 'f');
            bad += (agent_unhex(out, 32, digits) == 0) != good;
        }
    }

    ok(bad == 0, "unhex takes 0-9a-f and nothing else at any place");

    memset(digits, 'f', sizeof(digits));
    out[32] = 0x55;

    ok(agent_unhex(out, 32, digits) == 0 && out[32] == 0x55 && out[31] == 0xff,
       "unhex writes as much as it says");
    ok(agent_unhex(out, 0, NULL) == 0, "unhex of nothing");
}


static void
is_digest(const uint8_t *digest, const char *hex, const char *name)
{
    uint8_t  text[AGENT_SHA256_LEN * 2];

    agent_hex(text, digest, AGENT_SHA256_LEN);
    is_str(text, strlen(hex), hex, "%s", name);
}


/* octets of a linear congruential generator: any, yet the same in each run */

static void
fill(uint8_t *p, size_t len, uint32_t seed)
{
    while (len--) {
        seed = seed * 1103515245 + 12345;
        *p++ = (uint8_t) (seed >> 16);
    }
}
