
#include "agent_scope.h"


int
agent_scope_token_valid(const agent_str_t *token)
{
    size_t   i;
    uint8_t  c;

    for (i = 0; i < token->len; i++) {
        c = token->data[i];

        if (c < 0x21 || c > 0x7e || c == '"' || c == '\\') {
            return 0;
        }
    }

    return token->len > 0;
}


int
agent_scope_next(agent_str_t *rest, agent_str_t *token)
{
    const uint8_t  *p, *last, *space;

    if (rest->len == 0) {
        token->len = 0;
        token->data = rest->data;
        return 0;
    }

    p = rest->data;
    last = p + rest->len;

    while (p < last && *p == ' ') {
        p++;
    }

    token->data = p;

    space = memchr(p, ' ', (size_t) (last - p));

    if (space == NULL) {
        space = last;
    }

    token->len = (size_t) (space - p);

    rest->data = space;
    rest->len = (size_t) (last - space);

    return token->len > 0;
}


/* agent_scope_next() in line: this is asked for each request */

int
agent_scope_contains(const agent_str_t *set, const agent_str_t *token)
{
    size_t          left;
    const uint8_t  *p, *space;

    p = set->data;
    left = set->len;

    while (left && token->len) {

        space = memchr(p, ' ', left);

        if ((space ? (size_t) (space - p) : left) == token->len
            && memcmp(p, token->data, token->len) == 0)
        {
            return 1;
        }

        if (space == NULL) {
            return 0;
        }

        left -= (size_t) (space + 1 - p);
        p = space + 1;
    }

    return 0;
}
