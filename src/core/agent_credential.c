
#include "agent_credential.h"


/* sixteen octets at once; all bits of a bool are set where it is true */

typedef int8_t    agent_bools_t __attribute__((vector_size(16)));
typedef uint8_t   agent_octets_t __attribute__((vector_size(16)));
typedef uint64_t  agent_words_t __attribute__((vector_size(16)));


static uint32_t agent_small4(const uint8_t *p);
static agent_bools_t agent_b64token_sixteen(const uint8_t *p);


/* "-" / "." / "_" / "~" / "+" / "/" and alphanumerics */

static const uint8_t  agent_b64token[256] = {
    ['0'] = 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    ['A'] = 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
            1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    ['a'] = 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
            1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    ['-'] = 1, ['.'] = 1, ['_'] = 1, ['~'] = 1, ['+'] = 1, ['/'] = 1
};


agent_scheme_e
agent_credential_scheme(const agent_str_t *value, agent_str_t *credential)
{
    size_t           len;
    const uint8_t   *p;
    agent_scheme_e   scheme;

    p = value->data;

    if (value->len >= 6
        && agent_small4(p) == agent_small4((const uint8_t *) "bear")
        && (p[4] | 0x20) == 'e' && (p[5] | 0x20) == 'r')
    {
        scheme = AGENT_SCHEME_BEARER;
        len = 6;

    } else if (value->len >= 4
               && agent_small4(p) == agent_small4((const uint8_t *) "dpop"))
    {
        scheme = AGENT_SCHEME_DPOP;
        len = 4;

    } else {
        goto other;
    }

    if (value->len > len && p[len] != ' ') {
        goto other;
    }

    while (len < value->len && p[len] == ' ') {
        len++;
    }

    credential->data = p + len;
    credential->len = value->len - len;

    return scheme;

other:

    credential->len = 0;
    credential->data = p;

    return AGENT_SCHEME_OTHER;
}


/* four octets; bit 0x20 tells a small letter from a capital one */

static inline uint32_t
agent_small4(const uint8_t *p)
{
    uint32_t  word;

    memcpy(&word, p, sizeof(word));

    return word | 0x20202020;
}


int
agent_b64token_valid(const agent_str_t *value)
{
    size_t         i, len;
    agent_bools_t  all;
    agent_words_t  words;

    len = value->len;

    while (len > 0 && value->data[len - 1] == '=') {
        len--;
    }

    if (len < 16) {

        for (i = 0; i < len; i++) {
            if (!agent_b64token[value->data[i]]) {
                return 0;
            }
        }

        return len > 0;
    }

    /* the last sixteen may overlap those before them */

    all = agent_b64token_sixteen(value->data + len - 16);

    for (i = 0; i + 16 < len; i += 16) {
        all &= agent_b64token_sixteen(value->data + i);
    }

    words = (agent_words_t) all;

    return (words[0] & words[1]) == UINT64_MAX;
}


static inline agent_bools_t
agent_b64token_sixteen(const uint8_t *p)
{
    agent_octets_t  octets;

    memcpy(&octets, p, sizeof(octets));

    /* from '-' on there are "-./" and the digits */

    return (octets - '-' < 13) | ((octets | 0x20) - 'a' < 26)
           | (octets == '_') | (octets == '~') | (octets == '+');
}


int
agent_visible_valid(const agent_str_t *value)
{
    size_t  i;

    for (i = 0; i < value->len; i++) {
        if (value->data[i] < 0x21 || value->data[i] > 0x7e) {
            return 0;
        }
    }

    return value->len > 0;
}
