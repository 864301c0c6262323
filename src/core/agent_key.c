
#include "agent_key.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>


#define AGENT_KEY_TAIL_LEN                                                    \
    (1 + AGENT_KEY_ID_LEN + 1 + AGENT_KEY_SECRET_LEN + AGENT_KEY_CHECK_LEN)


/* sixteen octets at once; all bits of a bool are set where it is true */

typedef int8_t    agent_bools_t __attribute__((vector_size(16)));
typedef uint8_t   agent_octets_t __attribute__((vector_size(16)));
typedef uint64_t  agent_words_t __attribute__((vector_size(16)));


static int agent_prefix_all(const uint8_t *p, size_t len);
static int agent_base62_all(const uint8_t *p, size_t len);
static agent_bools_t agent_base62_sixteen(const uint8_t *p);
static void agent_key_check(uint8_t *check, const uint8_t *data, size_t len);
static int agent_base62_random(uint8_t *dst, size_t len);
static uint32_t agent_le32(const uint8_t *p);


static const uint8_t  agent_base62[] =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";


/* those of the digits that may stand in a prefix */

static const uint8_t  agent_prefix_class[256] = {
    ['0'] = 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    ['a'] = 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
            1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1
};


/*
 * CRC-32 by four octets at once: table n is for an octet that n others follow.
 * An entry is the sum of those of its bits, which are below, from the lowest.
 */

#define agent_crc32_entry(n, b0, b1, b2, b3, b4, b5, b6, b7)                  \
    (((n) & 0x01 ? b0 : 0) ^ ((n) & 0x02 ? b1 : 0)                            \
     ^ ((n) & 0x04 ? b2 : 0) ^ ((n) & 0x08 ? b3 : 0)                          \
     ^ ((n) & 0x10 ? b4 : 0) ^ ((n) & 0x20 ? b5 : 0)                          \
     ^ ((n) & 0x40 ? b6 : 0) ^ ((n) & 0x80 ? b7 : 0))

#define agent_crc32_4(n, ...)                                                 \
    agent_crc32_entry(n, __VA_ARGS__), agent_crc32_entry(n + 1, __VA_ARGS__), \
    agent_crc32_entry(n + 2, __VA_ARGS__), agent_crc32_entry(n + 3, __VA_ARGS__)

#define agent_crc32_16(n, ...)                                                \
    agent_crc32_4(n, __VA_ARGS__), agent_crc32_4(n + 4, __VA_ARGS__),         \
    agent_crc32_4(n + 8, __VA_ARGS__), agent_crc32_4(n + 12, __VA_ARGS__)

#define agent_crc32_64(n, ...)                                                \
    agent_crc32_16(n, __VA_ARGS__), agent_crc32_16(n + 16, __VA_ARGS__),      \
    agent_crc32_16(n + 32, __VA_ARGS__), agent_crc32_16(n + 48, __VA_ARGS__)

#define agent_crc32_256(...)                                                  \
    agent_crc32_64(0, __VA_ARGS__), agent_crc32_64(64, __VA_ARGS__),          \
    agent_crc32_64(128, __VA_ARGS__), agent_crc32_64(192, __VA_ARGS__)

static const uint32_t  agent_crc32_table[4][256] = {
    { agent_crc32_256(0x77073096, 0xee0e612c, 0x076dc419, 0x0edb8832,
                      0x1db71064, 0x3b6e20c8, 0x76dc4190, 0xedb88320) },
    { agent_crc32_256(0x191b3141, 0x32366282, 0x646cc504, 0xc8d98a08,
                      0x4ac21251, 0x958424a2, 0xf0794f05, 0x3b83984b) },
    { agent_crc32_256(0x01c26a37, 0x0384d46e, 0x0709a8dc, 0x0e1351b8,
                      0x1c26a370, 0x384d46e0, 0x709a8dc0, 0xe1351b80) },
    { agent_crc32_256(0xb8bc6765, 0xaa09c88b, 0x8f629757, 0xc5b428ef,
                      0x5019579f, 0xa032af3e, 0x9b14583d, 0xed59b63b) }
};


agent_key_shape_e
agent_key_parse(const agent_str_t *value, agent_key_t *key)
{
    size_t   prefix;
    uint8_t  check[AGENT_KEY_CHECK_LEN];

    if (value->len < AGENT_KEY_PREFIX_MIN + AGENT_KEY_TAIL_LEN
        || value->len > AGENT_KEY_PREFIX_MAX + AGENT_KEY_TAIL_LEN)
    {
        return AGENT_KEY_FOREIGN;
    }

    prefix = value->len - AGENT_KEY_TAIL_LEN;

    key->id = value->data + prefix + 1;
    key->secret = key->id + AGENT_KEY_ID_LEN + 1;

    if (key->id[-1] != '_' || key->secret[-1] != '_'
        || !agent_prefix_all(value->data, prefix)
        || !agent_base62_all(key->id, AGENT_KEY_ID_LEN)
        || !agent_base62_all(key->secret,
                             AGENT_KEY_SECRET_LEN + AGENT_KEY_CHECK_LEN))
    {
        return AGENT_KEY_FOREIGN;
    }

    agent_key_check(check, value->data, value->len - AGENT_KEY_CHECK_LEN);

    /* the check is no secret: whoever has the value can compute it */

    if (memcmp(check, key->secret + AGENT_KEY_SECRET_LEN, AGENT_KEY_CHECK_LEN)
        != 0)
    {
        return AGENT_KEY_BAD_CHECK;
    }

    return AGENT_KEY_ISSUED;
}


static int
agent_prefix_all(const uint8_t *p, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (!agent_prefix_class[p[i]]) {
            return 0;
        }
    }

    return 1;
}


/* at least sixteen octets; the last sixteen may overlap those before them */

static int
agent_base62_all(const uint8_t *p, size_t len)
{
    size_t         i;
    agent_bools_t  all;
    agent_words_t  words;

    all = agent_base62_sixteen(p + len - 16);

    for (i = 0; i + 16 < len; i += 16) {
        all &= agent_base62_sixteen(p + i);
    }

    words = (agent_words_t) all;

    return (words[0] & words[1]) == UINT64_MAX;
}


static inline agent_bools_t
agent_base62_sixteen(const uint8_t *p)
{
    agent_octets_t  octets;

    memcpy(&octets, p, sizeof(octets));

    /* bit 0x20 tells a small letter from a capital one */

    return (octets - '0' < 10) | ((octets | 0x20) - 'a' < 26);
}


static void
agent_key_check(uint8_t *check, const uint8_t *data, size_t len)
{
    size_t    i;
    uint32_t  crc;

    crc = agent_crc32(data, len);

    for (i = AGENT_KEY_CHECK_LEN; i-- > 0; /* void */ ) {
        check[i] = agent_base62[crc % 62];
        crc /= 62;
    }
}


int
agent_key_generate(const agent_str_t *prefix, uint8_t *buf, agent_str_t *value,
    agent_key_t *key)
{
    uint8_t  *p;

    if (!agent_key_prefix_valid(prefix)) {
        return -1;
    }

    p = buf;
    memcpy(p, prefix->data, prefix->len);
    p += prefix->len;

    *p++ = '_';
    key->id = p;

    if (agent_base62_random(p, AGENT_KEY_ID_LEN) != 0) {
        return -1;
    }

    p += AGENT_KEY_ID_LEN;

    *p++ = '_';
    key->secret = p;

    if (agent_base62_random(p, AGENT_KEY_SECRET_LEN) != 0) {
        return -1;
    }

    p += AGENT_KEY_SECRET_LEN;

    agent_key_check(p, buf, (size_t) (p - buf));
    p += AGENT_KEY_CHECK_LEN;

    value->data = buf;
    value->len = (size_t) (p - buf);

    return 0;
}


static int
agent_base62_random(uint8_t *dst, size_t len)
{
    size_t   i, n;
    uint8_t  octets[64];

    /* octets from 248 on are thrown away: 248 = 4 * 62, no digit is favoured */

    for (n = 0; n < len; /* void */ ) {

        if (RAND_priv_bytes(octets, sizeof(octets)) != 1) {
            OPENSSL_cleanse(dst, len);
            OPENSSL_cleanse(octets, sizeof(octets));
            return -1;
        }

        for (i = 0; i < sizeof(octets) && n < len; i++) {
            if (octets[i] < 248) {
                dst[n++] = agent_base62[octets[i] % 62];
            }
        }
    }

    OPENSSL_cleanse(octets, sizeof(octets));

    return 0;
}


int
agent_key_id_valid(const agent_str_t *id)
{
    return id->len == AGENT_KEY_ID_LEN && agent_base62_all(id->data, id->len);
}


int
agent_key_prefix_valid(const agent_str_t *prefix)
{
    return prefix->len >= AGENT_KEY_PREFIX_MIN
           && prefix->len <= AGENT_KEY_PREFIX_MAX
           && agent_prefix_all(prefix->data, prefix->len);
}


uint32_t
agent_crc32(const uint8_t *data, size_t len)
{
    uint32_t  crc;

    crc = 0xffffffff;

    for ( /* void */ ; len >= 4; len -= 4) {

        crc ^= agent_le32(data);
        data += 4;

        crc = agent_crc32_table[3][crc & 0xff]
              ^ agent_crc32_table[2][(crc >> 8) & 0xff]
              ^ agent_crc32_table[1][(crc >> 16) & 0xff]
              ^ agent_crc32_table[0][crc >> 24];
    }

    for ( /* void */ ; len > 0; len--) {
        crc = agent_crc32_table[0][(crc ^ *data++) & 0xff] ^ (crc >> 8);
    }

    return crc ^ 0xffffffff;
}


static uint32_t
agent_le32(const uint8_t *p)
{
    return (uint32_t) p[0] | (uint32_t) p[1] << 8
           | (uint32_t) p[2] << 16 | (uint32_t) p[3] << 24;
}
