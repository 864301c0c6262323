
#include "agent_claim.h"

#include <stdlib.h>


static size_t agent_claim_quoted(const agent_str_t *json, uint8_t *dst);
static size_t agent_claim_number(const uint8_t *p, const uint8_t *last,
    int *large);
static const json_t *agent_claim_member(const json_t *object,
    const agent_str_t *name);
static int agent_claim_clean(const agent_str_t *text);


#define AGENT_CLAIM_FLAGS  (JSON_COMPACT|JSON_ENCODE_ANY)

/* digits of an integer that 64 bits hold, whatever they are */

#define AGENT_CLAIM_DIGITS  18


json_t *
agent_claim_tree(const agent_str_t *json)
{
    size_t    len;
    json_t   *tree;
    uint8_t  *copy;

    tree = json_loadb((const char *) json->data, json->len, 0, NULL);

    if (tree || json->len == 0) {
        return tree;
    }

    /* two quotes for each number of more digits than that */

    copy = malloc(json->len + json->len / AGENT_CLAIM_DIGITS * 2 + 2);
    if (copy == NULL) {
        return NULL;
    }

    len = agent_claim_quoted(json, copy);
    tree = json_loadb((const char *) copy, len, 0, NULL);

    free(copy);

    return tree;
}


static size_t
agent_claim_quoted(const agent_str_t *json, uint8_t *dst)
{
    int             large, string;
    size_t          n;
    uint8_t        *start;
    const uint8_t  *p, *last;

    start = dst;
    string = 0;
    last = json->data + json->len;

    for (p = json->data; p < last; p += n) {

        n = 1;
        large = 0;

        if (*p == '"') {
            string = !string;

        } else if (string) {
            n = (*p == '\\' && last - p > 1) ? 2 : 1;

        } else if (*p == '-' || (*p >= '0' && *p <= '9')) {
            n = agent_claim_number(p, last, &large);
        }

        if (large) {
            *dst++ = '"';
        }

        memcpy(dst, p, n);
        dst += n;

        if (large) {
            *dst++ = '"';
        }
    }

    return (size_t) (dst - start);
}


/* RFC 8259, 6 */

static size_t
agent_claim_number(const uint8_t *p, const uint8_t *last, int *large)
{
    size_t          digits;
    const uint8_t  *start;

    start = p++;
    digits = (*start != '-');

    while (p < last && *p >= '0' && *p <= '9') {
        digits++;
        p++;
    }

    *large = (digits > AGENT_CLAIM_DIGITS);

    while (p < last && *p && strchr("0123456789+-.eE", *p)) {
        *large = 0;
        p++;
    }

    return (size_t) (p - start);
}


const json_t *
agent_claim_find(const json_t *claims, const agent_str_t *path, size_t n)
{
    size_t  i;

    for (i = 0; i < n && claims; i++) {
        claims = agent_claim_member(claims, &path[i]);
    }

    return claims;
}


/* names are few, and json_object_getn() is not in all versions of jansson */

static const json_t *
agent_claim_member(const json_t *object, const agent_str_t *name)
{
    void         *iter;
    json_t       *mutable;
    agent_str_t   key;

    mutable = (json_t *) object;

    for (iter = json_object_iter(mutable); iter;
         iter = json_object_iter_next(mutable, iter))
    {
        key.data = (const uint8_t *) json_object_iter_key(iter);
        key.len = strlen((const char *) key.data);

        if (agent_str_eq(&key, name)) {
            return json_object_iter_value(iter);
        }
    }

    return NULL;
}


int
agent_claim_text(const json_t *claim, agent_str_t *text)
{
    text->data = NULL;
    text->len = 0;

    switch (json_typeof(claim)) {

    case JSON_STRING:
        text->data = (const uint8_t *) json_string_value(claim);
        text->len = json_string_length(claim);

        return agent_claim_clean(text);

    case JSON_TRUE:
        agent_str_set(text, "true");
        return 1;

    case JSON_FALSE:
        agent_str_set(text, "false");
        return 1;

    case JSON_NULL:
        return 0;

    default:
        text->len = json_dumpb(claim, NULL, 0, AGENT_CLAIM_FLAGS);
        return text->len ? -1 : 0;
    }
}


int
agent_claim_dump(const json_t *claim, uint8_t *dst, agent_str_t *text)
{
    if (json_dumpb(claim, (char *) dst, text->len, AGENT_CLAIM_FLAGS)
        != text->len)
    {
        return 0;
    }

    text->data = dst;

    return agent_claim_clean(text);
}


/* jansson escapes C0 in JSON, but not DEL */

static int
agent_claim_clean(const agent_str_t *text)
{
    size_t  i;

    for (i = 0; i < text->len; i++) {
        if (text->data[i] < 0x20 || text->data[i] == 0x7f) {
            return 0;
        }
    }

    return 1;
}


int
agent_claim_details(const json_t *details, const agent_str_t *types, size_t n)
{
    size_t         i, j;
    agent_str_t    text;
    const json_t  *type;

    for (i = 0; i < json_array_size(details); i++) {

        type = json_object_get(json_array_get(details, i), "type");

        if (!json_is_string(type)) {
            return 0;
        }

        text.data = (const uint8_t *) json_string_value(type);
        text.len = json_string_length(type);

        for (j = 0; j < n && !agent_str_eq(&types[j], &text); j++) {
            /* void */
        }

        if (j == n) {
            return 0;
        }
    }

    return i > 0;
}
