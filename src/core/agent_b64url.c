
#include "agent_b64url.h"


/* what no character of the alphabet stands for: more than six bits */

#define AGENT_B64URL_BAD  0x40


static int agent_b64url_tail(uint8_t *dst, const uint8_t *src, size_t len);


static const uint8_t  agent_b64url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";


/* the value of each character with the bad bit turned: zero is bad */

static const uint8_t  agent_b64url_value[256] = {
    ['A'] = 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76,
            77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89,
    ['a'] = 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 101, 102,
            103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115,
    ['0'] = 116, 117, 118, 119, 120, 121, 122, 123, 124, 125,
    ['-'] = 126, ['_'] = 127
};

#define agent_b64url_digit(c)                                                 \
    ((uint32_t) agent_b64url_value[c] ^ AGENT_B64URL_BAD)


int
agent_b64url_decode(uint8_t *dst, size_t *n, const uint8_t *src, size_t len)
{
    size_t    i;
    uint32_t  a, b, c, d, bits, bad;

    *n = 0;

    for (i = 0, bad = 0; i + 4 <= len; i += 4) {
        a = agent_b64url_digit(src[i]);
        b = agent_b64url_digit(src[i + 1]);
        c = agent_b64url_digit(src[i + 2]);
        d = agent_b64url_digit(src[i + 3]);

        bad |= a | b | c | d;
        bits = a << 18 | b << 12 | c << 6 | d;

        *dst++ = (uint8_t) (bits >> 16);
        *dst++ = (uint8_t) (bits >> 8);
        *dst++ = (uint8_t) bits;
    }

    if ((bad & AGENT_B64URL_BAD)
        || agent_b64url_tail(dst, src + i, len - i) != 0)
    {
        return -1;
    }

    *n = agent_b64url_octets(len);

    return 0;
}


/* two characters for one octet, three for two; the rest of the bits is zero */

static int
agent_b64url_tail(uint8_t *dst, const uint8_t *src, size_t len)
{
    uint32_t  a, b, c, bits;

    if (len == 0) {
        return 0;
    }

    if (len == 1) {
        return -1;
    }

    a = agent_b64url_digit(src[0]);
    b = agent_b64url_digit(src[1]);
    c = (len == 3) ? agent_b64url_digit(src[2]) : 0;

    bits = a << 18 | b << 12 | c << 6;

    if (((a | b | c) & AGENT_B64URL_BAD)
        || (bits & (len == 3 ? 0xff : 0xffff)))
    {
        return -1;
    }

    dst[0] = (uint8_t) (bits >> 16);

    if (len == 3) {
        dst[1] = (uint8_t) (bits >> 8);
    }

    return 0;
}


uint8_t *
agent_b64url_encode(uint8_t *dst, const uint8_t *data, size_t len)
{
    size_t    i;
    uint32_t  bits;

    for (i = 0; i + 3 <= len; i += 3) {
        bits = (uint32_t) data[i] << 16 | (uint32_t) data[i + 1] << 8
               | data[i + 2];

        *dst++ = agent_b64url_alphabet[bits >> 18];
        *dst++ = agent_b64url_alphabet[bits >> 12 & 0x3f];
        *dst++ = agent_b64url_alphabet[bits >> 6 & 0x3f];
        *dst++ = agent_b64url_alphabet[bits & 0x3f];
    }

    if (len - i == 1) {
        *dst++ = agent_b64url_alphabet[data[i] >> 2];
        *dst++ = agent_b64url_alphabet[(data[i] & 0x3) << 4];

    } else if (len - i == 2) {
        bits = (uint32_t) data[i] << 8 | data[i + 1];

        *dst++ = agent_b64url_alphabet[bits >> 10];
        *dst++ = agent_b64url_alphabet[bits >> 4 & 0x3f];
        *dst++ = agent_b64url_alphabet[(bits & 0xf) << 2];
    }

    return dst;
}
