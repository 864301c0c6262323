
#include "agent_form.h"
#include "agent_b64url.h"


/* characters that are translated at once, a multiple of 4 */

#define AGENT_BASE64_CHUNK  256


static uint8_t agent_base64_digit(uint8_t c);


/* ALPHA / DIGIT / "-" / "." / "_" / "~" */

static const uint8_t  agent_unreserved[256] = {
    ['0'] = 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    ['A'] = 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
            1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    ['a'] = 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
            1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    ['-'] = 1, ['.'] = 1, ['_'] = 1, ['~'] = 1
};


uint8_t *
agent_form_encode(uint8_t *dst, const agent_str_t *text)
{
    size_t   i;
    uint8_t  c;

    static const uint8_t  hex[] = "0123456789ABCDEF";

    for (i = 0; i < text->len; i++) {
        c = text->data[i];

        if (agent_unreserved[c]) {
            *dst++ = c;

        } else {
            *dst++ = '%';
            *dst++ = hex[c >> 4];
            *dst++ = hex[c & 0xf];
        }
    }

    return dst;
}


uint8_t *
agent_base64_encode(uint8_t *dst, const uint8_t *data, size_t len)
{
    uint32_t  bits;

    static const uint8_t  alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                       "abcdefghijklmnopqrstuvwxyz0123456789+/";

    for ( /* void */ ; len > 2; len -= 3, data += 3) {
        bits = (uint32_t) data[0] << 16 | (uint32_t) data[1] << 8 | data[2];

        *dst++ = alphabet[bits >> 18];
        *dst++ = alphabet[bits >> 12 & 0x3f];
        *dst++ = alphabet[bits >> 6 & 0x3f];
        *dst++ = alphabet[bits & 0x3f];
    }

    if (len) {
        bits = (uint32_t) data[0] << 16;

        if (len == 2) {
            bits |= (uint32_t) data[1] << 8;
        }

        *dst++ = alphabet[bits >> 18];
        *dst++ = alphabet[bits >> 12 & 0x3f];
        *dst++ = len == 2 ? alphabet[bits >> 6 & 0x3f] : '=';
        *dst++ = '=';
    }

    return dst;
}


/* in the alphabet of base64url, without padding, a part at a time */

int
agent_base64_decode(uint8_t *dst, size_t *n, const uint8_t *src, size_t len)
{
    size_t   i, part, octets;
    uint8_t  chunk[AGENT_BASE64_CHUNK];

    *n = 0;

    if (len == 0 || len % 4 != 0) {
        return -1;
    }

    len -= (src[len - 1] == '=') + (src[len - 1] == '=' && src[len - 2] == '=');

    while (len) {
        part = len < sizeof(chunk) ? len : sizeof(chunk);

        for (i = 0; i < part; i++) {
            chunk[i] = agent_base64_digit(src[i]);
        }

        if (agent_b64url_decode(dst + *n, &octets, chunk, part) != 0) {
            *n = 0;
            return -1;
        }

        *n += octets;
        src += part;
        len -= part;
    }

    return 0;
}


/* what is of the other alphabet alone is bad, as '=' is in both */

static uint8_t
agent_base64_digit(uint8_t c)
{
    switch (c) {

    case '+':
        return '-';

    case '/':
        return '_';

    case '-':
    case '_':
        return '=';

    default:
        return c;
    }
}
