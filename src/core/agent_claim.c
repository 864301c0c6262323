
#include "agent_claim.h"


static const json_t *agent_claim_member(const json_t *object,
    const agent_str_t *name);
static int agent_claim_clean(const agent_str_t *text);


#define AGENT_CLAIM_FLAGS  (JSON_COMPACT|JSON_ENCODE_ANY)


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
