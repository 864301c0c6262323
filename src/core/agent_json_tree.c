
#include "agent_json_tree.h"


static int agent_json_deep(const uint8_t *text, size_t len);


json_t *
agent_json_tree(const uint8_t *text, size_t len, size_t flags)
{
    json_t  *json;

    json = agent_json_list(text, len, flags);

    if (!json_is_object(json)) {
        json_decref(json);
        return NULL;
    }

    return json;
}


json_t *
agent_json_list(const uint8_t *text, size_t len, size_t flags)
{
    json_error_t  error;

    /* nothing may be nowhere, which memchr() is not to be asked about */

    if (len == 0) {
        return NULL;
    }

    /*
     * Jansson recurses: how deep is not for the text to say.  And it passes
     * over an octet of zero behind a number, or behind what is none.
     */

    if (agent_json_deep(text, len) || memchr(text, '\0', len) != NULL) {
        return NULL;
    }

    /* it takes nothing but objects and arrays */

    return json_loadb((const char *) text, len, JSON_REJECT_DUPLICATES|flags,
                      &error);
}


static int
agent_json_deep(const uint8_t *text, size_t len)
{
    size_t  i, depth, quoted;

    for (i = 0, depth = 0, quoted = 0; i < len; i++) {

        switch (text[i]) {

        case '"':
            quoted = !quoted;
            break;

        case '\\':
            i++;
            break;

        case '{':
        case '[':
            if (!quoted && ++depth > AGENT_JSON_DEPTH_MAX) {
                return 1;
            }

            break;

        case '}':
        case ']':
            if (!quoted && depth > 0) {
                depth--;
            }

            break;
        }
    }

    return 0;
}
