
#include "agent_mcp.h"
#include "agent_form.h"
#include "agent_http_text.h"
#include "agent_json.h"


#define AGENT_MCP_PREFIX  "=?base64?"
#define AGENT_MCP_SUFFIX  "?="


static int agent_mcp_encoded(const agent_str_t *value);
static int agent_mcp_dated(const agent_str_t *version);
static int agent_mcp_counts(const agent_str_t *version);
static int agent_mcp_method(agent_str_t *method,
    const agent_mcp_field_t *field, char *err);
static int agent_mcp_name(agent_str_t *name, const agent_mcp_field_t *field,
    uint8_t *room, char *err);
static int agent_mcp_decode(agent_str_t *name, uint8_t *room);
static int agent_mcp_text(const agent_str_t *text, uint8_t first,
    uint8_t last);


/* those whose parameters have a name or a URI */

static const agent_str_t  agent_mcp_named[] = {
    agent_string("tools/call"),
    agent_string("prompts/get"),
    agent_string("resources/read")
};

#define AGENT_MCP_NAMED  (sizeof(agent_mcp_named) / sizeof(agent_mcp_named[0]))


size_t
agent_mcp_room(const agent_mcp_fields_t *fields)
{
    agent_str_t  value;

    value = fields->name.value;
    agent_http_trim(&value);

    return agent_mcp_encoded(&value) ? value.len : 0;
}


/* these marks are in lower case, and only so: MCP, "Value Encoding" */

static int
agent_mcp_encoded(const agent_str_t *value)
{
    size_t  prefix, suffix;

    prefix = sizeof(AGENT_MCP_PREFIX) - 1;
    suffix = sizeof(AGENT_MCP_SUFFIX) - 1;

    return value->len >= prefix
           && memcmp(value->data, AGENT_MCP_PREFIX, prefix) == 0
           && memcmp(value->data + value->len - suffix, AGENT_MCP_SUFFIX,
                     suffix)
              == 0;
}


int
agent_mcp_parse(agent_mcp_t *mcp, const agent_mcp_fields_t *fields,
    uint8_t *room, char *err)
{
    agent_str_t  version;

    memset(mcp, 0, sizeof(agent_mcp_t));

    if (fields->version.count > 1) {
        return agent_fail(err, "MCP-Protocol-Version came more than once");
    }

    version = fields->version.value;
    agent_http_trim(&version);

    if (fields->version.count == 0 || !agent_mcp_dated(&version)) {
        return 0;
    }

    mcp->version = version;

    if (!agent_mcp_counts(&version)) {
        return 0;
    }

    if (agent_mcp_method(&mcp->method, &fields->method, err) != 0
        || agent_mcp_name(&mcp->name, &fields->name, room, err) != 0)
    {
        memset(&mcp->method, 0, sizeof(agent_str_t));
        memset(&mcp->name, 0, sizeof(agent_str_t));
        return -1;
    }

    return 0;
}


/* YYYY-MM-DD: else "draft" would be later than any date */

static int
agent_mcp_dated(const agent_str_t *version)
{
    size_t   i;
    uint8_t  c;

    if (version->len != sizeof(AGENT_MCP_REVISION) - 1) {
        return 0;
    }

    for (i = 0; i < version->len; i++) {
        c = version->data[i];

        if ((i == 4 || i == 7) ? c != '-' : (c < '0' || c > '9')) {
            return 0;
        }
    }

    return 1;
}


static int
agent_mcp_counts(const agent_str_t *version)
{
    return version->len == sizeof(AGENT_MCP_REVISION) - 1
           && memcmp(version->data, AGENT_MCP_REVISION, version->len) >= 0;
}


static int
agent_mcp_method(agent_str_t *method, const agent_mcp_field_t *field,
    char *err)
{
    if (field->count == 0) {
        return 0;
    }

    if (field->count > 1) {
        return agent_fail(err, "Mcp-Method came more than once");
    }

    *method = field->value;
    agent_http_trim(method);

    if (method->len == 0 || method->len > AGENT_MCP_METHOD_MAX
        || !agent_mcp_text(method, 0x21, 0x7e))
    {
        return agent_fail(err, "Mcp-Method is no name of a method");
    }

    return 0;
}


static int
agent_mcp_name(agent_str_t *name, const agent_mcp_field_t *field,
    uint8_t *room, char *err)
{
    if (field->count == 0) {
        return 0;
    }

    if (field->count > 1) {
        return agent_fail(err, "Mcp-Name came more than once");
    }

    *name = field->value;
    agent_http_trim(name);

    if (agent_mcp_encoded(name)) {

        if (agent_mcp_decode(name, room) != 0) {
            return agent_fail(err, "Mcp-Name is no base64");
        }

        /* what ends a line must not get into another field by a variable */

        if (!agent_json_utf8_valid(name) || !agent_mcp_text(name, 0x20, 0xff))
        {
            return agent_fail(err, "Mcp-Name is no base64 of a text in UTF-8 "
                              "without control characters");
        }

    } else if (!agent_mcp_text(name, 0x20, 0x7e)) {
        return agent_fail(err, "Mcp-Name has octets that base64 must encode");
    }

    if (name->len == 0) {
        return agent_fail(err, "Mcp-Name is empty");
    }

    return 0;
}


static int
agent_mcp_decode(agent_str_t *name, uint8_t *room)
{
    size_t       len, prefix, suffix;
    agent_str_t  text;

    prefix = sizeof(AGENT_MCP_PREFIX) - 1;
    suffix = sizeof(AGENT_MCP_SUFFIX) - 1;

    /* "=?base64?=" has one mark only */

    if (name->len < prefix + suffix) {
        return -1;
    }

    text.data = name->data + prefix;
    text.len = name->len - prefix - suffix;

    if (text.len && agent_base64_decode(room, &len, text.data, text.len) != 0)
    {
        return -1;
    }

    name->data = room;
    name->len = text.len ? len : 0;

    return 0;
}


static int
agent_mcp_text(const agent_str_t *text, uint8_t first, uint8_t last)
{
    size_t  i;

    for (i = 0; i < text->len; i++) {
        if (text->data[i] < first || text->data[i] > last
            || text->data[i] == 0x7f)
        {
            return 0;
        }
    }

    return 1;
}


int
agent_mcp_complete(const agent_mcp_t *mcp, char *err)
{
    size_t  i;

    if (!agent_mcp_counts(&mcp->version)) {
        return agent_fail(err, "MCP-Protocol-Version is not %s or later",
                          AGENT_MCP_REVISION);
    }

    if (mcp->method.len == 0) {
        return agent_fail(err, "Mcp-Method is missing");
    }

    for (i = 0; i < AGENT_MCP_NAMED; i++) {
        if (agent_str_eq(&mcp->method, &agent_mcp_named[i])
            && mcp->name.len == 0)
        {
            return agent_fail(err, "Mcp-Name is missing");
        }
    }

    return 0;
}
