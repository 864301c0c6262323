
/*
 * The Authorization field that a client sends: the scheme does not depend on
 * case, the credential is the rest of the value, and a token is what the
 * grammar of RFC 6750, 2.1 says, read here in another way.
 */

#include "fuzz.h"

#include "agent_credential.h"


static void fuzz_split(const agent_str_t *value);
static void fuzz_prefixed(const agent_str_t *value, const char *name,
    agent_scheme_e expected);
static void fuzz_token(const agent_str_t *value);
static int is_b64token(const agent_str_t *value);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t      *copy;
    agent_str_t   value;

    copy = fuzz_copy(data, size);

    value.data = copy;
    value.len = size;

    fuzz_split(&value);
    fuzz_prefixed(&value, "Bearer ", AGENT_SCHEME_BEARER);
    fuzz_prefixed(&value, "dPOP ", AGENT_SCHEME_DPOP);
    fuzz_token(&value);

    free(copy);

    return 0;
}


static void
fuzz_split(const agent_str_t *value)
{
    size_t           i, len;
    uint8_t         *swapped;
    agent_str_t      rest, other, again;
    agent_scheme_e   scheme;

    scheme = agent_credential_scheme(value, &rest);

    if (scheme == AGENT_SCHEME_OTHER) {
        fuzz_check(rest.len == 0);

    } else {
        len = scheme == AGENT_SCHEME_BEARER ? 6 : 4;

        fuzz_check(value->len >= len);
        fuzz_check(rest.data + rest.len == value->data + value->len);
        fuzz_check(rest.data >= value->data + len);
        fuzz_check(rest.len == 0 || rest.data[0] != ' ');

        for (i = len; value->data + i < rest.data; i++) {
            fuzz_check(value->data[i] == ' ');
        }

        fuzz_check(i > len || rest.len == 0);
    }

    /* letters of the other case */

    swapped = fuzz_copy(value->data, value->len);

    for (i = 0; i < value->len && swapped[i] != ' '; i++) {
        if ((swapped[i] >= 'A' && swapped[i] <= 'Z')
            || (swapped[i] >= 'a' && swapped[i] <= 'z'))
        {
            swapped[i] ^= 0x20;
        }
    }

    other.data = swapped;
    other.len = value->len;

    fuzz_check(agent_credential_scheme(&other, &again) == scheme);
    fuzz_check(again.len == rest.len);

    free(swapped);
}


/* the whole input as a credential behind a scheme */

static void
fuzz_prefixed(const agent_str_t *value, const char *name,
    agent_scheme_e expected)
{
    size_t        len, spaces;
    uint8_t      *text;
    agent_str_t   field, rest;

    len = strlen(name);

    text = malloc(len + value->len);
    memcpy(text, name, len);
    memcpy(text + len, value->data, value->len);

    field.data = text;
    field.len = len + value->len;

    for (spaces = 0; spaces < value->len; spaces++) {
        if (value->data[spaces] != ' ') {
            break;
        }
    }

    fuzz_check(agent_credential_scheme(&field, &rest) == expected);
    fuzz_check(rest.data == text + len + spaces);
    fuzz_check(rest.len == value->len - spaces);

    free(text);
}


static void
fuzz_token(const agent_str_t *value)
{
    int          token, visible;
    size_t       i;
    uint8_t      *longer;
    agent_str_t   s;

    token = agent_b64token_valid(value);
    visible = agent_visible_valid(value);

    fuzz_check(token == is_b64token(value));
    fuzz_check(!token || visible);

    for (i = 0; i < value->len; i++) {
        fuzz_check(!visible
                   || (value->data[i] > 0x20 && value->data[i] < 0x7f));
    }

    /* padding more is still a token, a letter after padding is none */

    longer = malloc(value->len + 2);
    memcpy(longer, value->data, value->len);
    longer[value->len] = '=';
    longer[value->len + 1] = 'a';

    s.data = longer;
    s.len = value->len + 1;
    fuzz_check(agent_b64token_valid(&s) == token);

    s.len = value->len + 2;
    fuzz_check(!agent_b64token_valid(&s));

    free(longer);
}


/* 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"=" */

static int
is_b64token(const agent_str_t *value)
{
    size_t  i;

    static const char  alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
        "0123456789-._~+/";

    for (i = 0; i < value->len; i++) {
        if (!memchr(alphabet, value->data[i], sizeof(alphabet) - 1)) {
            break;
        }
    }

    if (i == 0) {
        return 0;
    }

    while (i < value->len && value->data[i] == '=') {
        i++;
    }

    return i == value->len;
}
