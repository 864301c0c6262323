
#include "agent_credential.h"


static int agent_scheme_is(const agent_str_t *value, const char *name,
    size_t len);


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
    size_t          len;
    agent_scheme_e  scheme;

    credential->len = 0;
    credential->data = value->data;

    if (agent_scheme_is(value, "bearer", 6)) {
        scheme = AGENT_SCHEME_BEARER;
        len = 6;

    } else if (agent_scheme_is(value, "dpop", 4)) {
        scheme = AGENT_SCHEME_DPOP;
        len = 4;

    } else {
        return AGENT_SCHEME_OTHER;
    }

    while (len < value->len && value->data[len] == ' ') {
        len++;
    }

    credential->data = value->data + len;
    credential->len = value->len - len;

    return scheme;
}


/* len is at most eight, name in small letters */

static inline int
agent_scheme_is(const agent_str_t *value, const char *name, size_t len)
{
    uint64_t  word, small, scheme;

    if (value->len < len || (value->len > len && value->data[len] != ' ')) {
        return 0;
    }

    word = 0;
    small = 0;
    scheme = 0;

    memcpy(&word, value->data, len);
    memset(&small, 0x20, len);
    memcpy(&scheme, name, len);

    return (word | small) == scheme;
}


int
agent_b64token_valid(const agent_str_t *value)
{
    size_t  i, len;

    len = value->len;

    while (len > 0 && value->data[len - 1] == '=') {
        len--;
    }

    for (i = 0; i < len; i++) {
        if (!agent_b64token[value->data[i]]) {
            return 0;
        }
    }

    return len > 0;
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
