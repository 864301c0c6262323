
/*
 * The low-level SHA256_*() calls are deprecated since OpenSSL 3.0 yet are what
 * a digest for each request needs: EVP allocates, looks algorithms up and
 * cannot resume from a saved state.  docs/decisions.md has the figures.
 */

#define OPENSSL_SUPPRESS_DEPRECATED

#include "agent_digest.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>


#define AGENT_SHA256_BLOCK  64

/* the longest rest of a message that leaves room for the padding */

#define AGENT_SHA256_SHORT  (AGENT_SHA256_BLOCK - 9)

#define agent_rotl(x, b)  (((x) << (b)) | ((x) >> (64 - (b))))

#define agent_sipround(v)                                                     \
    v[0] += v[1]; v[1] = agent_rotl(v[1], 13); v[1] ^= v[0];                  \
    v[0] = agent_rotl(v[0], 32);                                              \
    v[2] += v[3]; v[3] = agent_rotl(v[3], 16); v[3] ^= v[2];                  \
    v[0] += v[3]; v[3] = agent_rotl(v[3], 21); v[3] ^= v[0];                  \
    v[2] += v[1]; v[1] = agent_rotl(v[1], 17); v[1] ^= v[2];                  \
    v[2] = agent_rotl(v[2], 32)


/* four words at once */

typedef uint32_t  agent_quad_t __attribute__((vector_size(16)));


static void agent_sha256_resume(const uint32_t *state, uint32_t before,
    const uint8_t *data, size_t len, uint8_t *digest);
static void agent_sha256_long(const uint32_t *state, uint32_t before,
    const uint8_t *data, size_t len, uint8_t *digest);
static void agent_be32_four(uint8_t *p, const uint32_t *words);
static void agent_hmac_pad(uint32_t *state, const uint8_t *block, uint8_t pad);
static inline uint64_t agent_siphash_rounds(const uint8_t *key,
    const uint8_t *data, size_t len, unsigned c, unsigned d);
static inline void agent_sipword(uint64_t *v, uint64_t m, unsigned c);
static inline uint64_t agent_le64(const uint8_t *p);


/* FIPS 180-4, 5.3.3 */

static const uint32_t  agent_sha256_initial[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19
};


void
agent_sha256(const uint8_t *data, size_t len, uint8_t *digest)
{
    agent_sha256_resume(agent_sha256_initial, 0, data, len, digest);
}


/*
 * The rest of a message, before octets of which led to the state: one block or
 * none.  A secret fits into a single block with the padding of FIPS 180-4,
 * 5.1.1, and SHA256_Update() and _Final() need 200 instructions to find that
 * out.
 */

static void
agent_sha256_resume(const uint32_t *state, uint32_t before,
    const uint8_t *data, size_t len, uint8_t *digest)
{
    size_t      bits;
    uint8_t     block[AGENT_SHA256_BLOCK];
    SHA256_CTX  ctx;

    if (len > AGENT_SHA256_SHORT) {
        agent_sha256_long(state, before, data, len, digest);
        return;
    }

    memset(block, 0, sizeof(block));

    if (len) {
        memcpy(block, data, len);
    }

    bits = (before + len) * 8;

    block[len] = 0x80;
    block[AGENT_SHA256_BLOCK - 2] = (uint8_t) (bits >> 8);
    block[AGENT_SHA256_BLOCK - 1] = (uint8_t) bits;

    memcpy(ctx.h, state, sizeof(ctx.h));

    SHA256_Transform(&ctx, block);

    agent_be32_four(digest, ctx.h);
    agent_be32_four(digest + 16, ctx.h + 4);

    /*
     * as explicit_bzero(): the compiler must believe that somebody looks at
     * the zeros
     */

    memset(block, 0, sizeof(block));
    memset(ctx.h, 0, sizeof(ctx.h));
    __asm__ volatile ("" : : "r" (block), "r" (ctx.h) : "memory");
}


static __attribute__((noinline)) void
agent_sha256_long(const uint32_t *state, uint32_t before, const uint8_t *data,
    size_t len, uint8_t *digest)
{
    SHA256_CTX  ctx;

    /* what is not the state: the lengths and the kind of digest */

    (void) SHA256_Init(&ctx);

    memcpy(ctx.h, state, sizeof(ctx.h));
    ctx.Nl = before * 8;

    (void) SHA256_Update(&ctx, data, len);
    (void) SHA256_Final(digest, &ctx);

    OPENSSL_cleanse(ctx.h, sizeof(ctx.h));
}


/* SHA_LONG is unsigned int, of 32 bits */

static inline void
agent_be32_four(uint8_t *p, const uint32_t *words)
{
    agent_quad_t  w;

    memcpy(&w, words, sizeof(w));

#if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
    w = w << 24 | (w & 0xff00) << 8 | (w >> 8 & 0xff00) | w >> 24;
#endif

    memcpy(p, &w, sizeof(w));
}


void
agent_hmac_key(agent_hmac_key_t *hk, const uint8_t *key, size_t len)
{
    uint8_t  block[AGENT_SHA256_BLOCK];

    memset(block, 0, sizeof(block));

    if (len > AGENT_SHA256_BLOCK) {
        agent_sha256(key, len, block);

    } else if (len) {
        memcpy(block, key, len);
    }

    agent_hmac_pad(hk->inner, block, 0x36);
    agent_hmac_pad(hk->outer, block, 0x5c);

    OPENSSL_cleanse(block, sizeof(block));
}


static void
agent_hmac_pad(uint32_t *state, const uint8_t *block, uint8_t pad)
{
    size_t      i;
    uint8_t     padded[AGENT_SHA256_BLOCK];
    SHA256_CTX  ctx;

    for (i = 0; i < AGENT_SHA256_BLOCK; i++) {
        padded[i] = block[i] ^ pad;
    }

    (void) SHA256_Init(&ctx);
    (void) SHA256_Update(&ctx, padded, AGENT_SHA256_BLOCK);

    for (i = 0; i < 8; i++) {
        state[i] = ctx.h[i];
    }

    OPENSSL_cleanse(padded, sizeof(padded));
    OPENSSL_cleanse(&ctx, sizeof(ctx));
}


void
agent_hmac_sha256(const agent_hmac_key_t *hk, const uint8_t *data, size_t len,
    uint8_t *digest)
{
    agent_sha256_resume(hk->inner, AGENT_SHA256_BLOCK, data, len, digest);
    agent_sha256_resume(hk->outer, AGENT_SHA256_BLOCK, digest,
                        AGENT_SHA256_LEN, digest);
}


int
agent_digest_eq(const uint8_t *a, const uint8_t *b)
{
    volatile uint64_t  diff;

    /*
     * as CRYPTO_memcmp(), which goes by octets; volatile keeps a compiler from
     * stopping at the first word that differs
     */

    diff = (agent_le64(a) ^ agent_le64(b))
           | (agent_le64(a + 8) ^ agent_le64(b + 8))
           | (agent_le64(a + 16) ^ agent_le64(b + 16))
           | (agent_le64(a + 24) ^ agent_le64(b + 24));

    return diff == 0;
}


uint64_t
agent_siphash(const uint8_t *key, const uint8_t *data, size_t len)
{
    return agent_siphash_rounds(key, data, len, 2, 4);
}


uint64_t
agent_siphash13(const uint8_t *key, const uint8_t *data, size_t len)
{
    return agent_siphash_rounds(key, data, len, 1, 3);
}


/* c rounds for each word, 1 or 2, and d at the end, 3 or 4 */

static inline uint64_t
agent_siphash_rounds(const uint8_t *key, const uint8_t *data, size_t len,
    unsigned c, unsigned d)
{
    size_t    i;
    uint64_t  k[2], m, v[4];

    k[0] = agent_le64(key);
    k[1] = agent_le64(key + 8);

    v[0] = k[0] ^ 0x736f6d6570736575;
    v[1] = k[1] ^ 0x646f72616e646f6d;
    v[2] = k[0] ^ 0x6c7967656e657261;
    v[3] = k[1] ^ 0x7465646279746573;

    for (i = 0; i + 8 <= len; i += 8) {
        m = agent_le64(data + i);
        agent_sipword(v, m, c);
    }

    m = (uint64_t) len << 56;

    for ( /* void */ ; i < len; i++) {
        m |= (uint64_t) data[i] << (8 * (i & 7));
    }

    agent_sipword(v, m, c);

    v[2] ^= 0xff;

    agent_sipround(v);
    agent_sipround(v);
    agent_sipround(v);

    if (d == 4) {
        agent_sipround(v);
    }

    return v[0] ^ v[1] ^ v[2] ^ v[3];
}


static inline void
agent_sipword(uint64_t *v, uint64_t m, unsigned c)
{
    v[3] ^= m;

    agent_sipround(v);

    if (c == 2) {
        agent_sipround(v);
    }

    v[0] ^= m;
}


static inline uint64_t
agent_le64(const uint8_t *p)
{
    return (uint64_t) p[0] | (uint64_t) p[1] << 8
           | (uint64_t) p[2] << 16 | (uint64_t) p[3] << 24
           | (uint64_t) p[4] << 32 | (uint64_t) p[5] << 40
           | (uint64_t) p[6] << 48 | (uint64_t) p[7] << 56;
}


void
agent_hex(uint8_t *dst, const uint8_t *src, size_t len)
{
    static const uint8_t  digits[] = "0123456789abcdef";

    while (len--) {
        *dst++ = digits[*src >> 4];
        *dst++ = digits[*src++ & 0xf];
    }
}


int
agent_unhex(uint8_t *dst, size_t len, const uint8_t *src)
{
    size_t   i;
    uint8_t  c, value;

    for (i = 0; i < 2 * len; i++) {
        c = src[i];

        if (c >= '0' && c <= '9') {
            value = c - '0';

        } else if (c >= 'a' && c <= 'f') {
            value = c - 'a' + 10;

        } else {
            return -1;
        }

        dst[i / 2] = (i & 1) ? (uint8_t) (dst[i / 2] | value)
                             : (uint8_t) (value << 4);
    }

    return 0;
}
