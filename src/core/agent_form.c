
#include "agent_form.h"


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
