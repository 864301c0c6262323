
#include "agent_sub_id.h"


typedef struct {
    const char      *name;
    agent_sub_id_e   format;
    const char      *first;     /* its members besides "format" */
    const char      *second;
} agent_sub_format_t;


static int agent_sub_id_text(const json_t *json, const char *name,
    agent_str_t *text, char *err);


/* RFC 9493, 3.2 */

static const agent_sub_format_t  agent_sub_formats[] = {
    { "iss_sub", AGENT_SUB_ID_ISS_SUB, "sub", "iss" },
    { "opaque", AGENT_SUB_ID_OPAQUE, "id", NULL },
    { "email", AGENT_SUB_ID_EMAIL, "email", NULL },
    { "account", AGENT_SUB_ID_OTHER, NULL, NULL },
    { "aliases", AGENT_SUB_ID_OTHER, NULL, NULL },
    { "did", AGENT_SUB_ID_OTHER, NULL, NULL },
    { "phone_number", AGENT_SUB_ID_OTHER, NULL, NULL },
    { "uri", AGENT_SUB_ID_OTHER, NULL, NULL },
    { NULL, AGENT_SUB_ID_OTHER, NULL, NULL }
};


int
agent_sub_id(const json_t *json, agent_sub_id_t *id, char *err)
{
    size_t                     members;
    agent_str_t                name;
    const agent_sub_format_t  *f;

    memset(id, 0, sizeof(*id));

    if (!json_is_object(json)) {
        return agent_fail(err, "a subject identifier must be an object");
    }

    if (agent_sub_id_text(json, "format", &name, err) != 0) {
        return -1;
    }

    for (f = agent_sub_formats; f->name; f++) {
        if (name.len == strlen(f->name)
            && memcmp(name.data, f->name, name.len) == 0)
        {
            break;
        }
    }

    if (f->name == NULL) {
        return agent_fail(err, "an unknown \"format\" of subject identifier");
    }

    id->format = f->format;

    if (f->first == NULL) {
        return 0;
    }

    members = f->second ? 3 : 2;

    if (agent_sub_id_text(json, f->first, &id->value, err) != 0
        || (f->second
            && agent_sub_id_text(json, f->second, &id->issuer, err) != 0))
    {
        return -1;
    }

    /* RFC 9493, 3: those of its format, and no others */

    if (json_object_size(json) != members) {
        return agent_fail(err, "a subject identifier with a member too many");
    }

    return 0;
}


static int
agent_sub_id_text(const json_t *json, const char *name, agent_str_t *text,
    char *err)
{
    const json_t  *member;

    member = json_object_get(json, name);

    if (!json_is_string(member)) {
        return agent_fail(err, "\"%s\" of a subject identifier must be a "
                          "string", name);
    }

    text->len = json_string_length(member);
    text->data = (const uint8_t *) json_string_value(member);

    if (text->len == 0 || text->len > AGENT_SUB_ID_MAX) {
        return agent_fail(err, "\"%s\" of a subject identifier must have 1 to "
                          "%d octets", name, AGENT_SUB_ID_MAX);
    }

    return 0;
}
