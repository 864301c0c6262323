
/*
 * The fields of MCP: what is taken of them is text that can stand in another
 * field, what base64 hid is written again octet for octet as it came, and of a
 * revision in which they bind nobody nothing is taken at all.
 *
 * The first octet of the input says how often each field came, the rest is
 * version, method and name, parted by line feeds.
 */

#include "agent_form.h"
#include "agent_json.h"
#include "agent_mcp.h"
#include "fuzz.h"


static void fuzz_field(agent_mcp_field_t *field, const uint8_t **pos,
    const uint8_t *end, unsigned count);
static void fuzz_taken(const agent_mcp_t *mcp,
    const agent_mcp_fields_t *fields, const uint8_t *room);
static void fuzz_encoded(const agent_mcp_t *mcp,
    const agent_mcp_fields_t *fields);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                 rc;
    char                err[AGENT_ERROR_LEN];
    size_t              len;
    uint8_t             *room;
    const uint8_t       *pos, *end;
    agent_mcp_t          mcp;
    agent_mcp_fields_t   fields;

    if (size == 0) {
        return 0;
    }

    pos = data + 1;
    end = data + size;

    fuzz_field(&fields.version, &pos, end, data[0] & 3);
    fuzz_field(&fields.method, &pos, end, data[0] >> 2 & 3);
    fuzz_field(&fields.name, &pos, end, data[0] >> 4 & 3);

    len = agent_mcp_room(&fields);
    room = malloc(len + 1);

    /* what is behind the room is not touched */

    room[len] = 0x5a;
    err[0] = '\0';

    rc = agent_mcp_parse(&mcp, &fields, room, err);

    fuzz_check(room[len] == 0x5a);

    if (rc == 0) {
        fuzz_check(err[0] == '\0');
        fuzz_taken(&mcp, &fields, room);

    } else {
        fuzz_check(rc == -1 && err[0] != '\0');
        fuzz_check(mcp.method.len == 0 && mcp.name.len == 0);
    }

    rc = agent_mcp_complete(&mcp, err);
    fuzz_check(rc == -1 || mcp.method.len);

    free(room);
    free((uint8_t *) fields.version.value.data);
    free((uint8_t *) fields.method.value.data);
    free((uint8_t *) fields.name.value.data);

    return 0;
}


static void
fuzz_field(agent_mcp_field_t *field, const uint8_t **pos, const uint8_t *end,
    unsigned count)
{
    const uint8_t  *lf;

    lf = memchr(*pos, '\n', (size_t) (end - *pos));
    lf = lf ? lf : end;

    field->count = count;
    field->value.len = count ? (size_t) (lf - *pos) : 0;
    field->value.data = count ? fuzz_copy(*pos, field->value.len) : NULL;

    *pos = lf < end ? lf + 1 : end;
}


static void
fuzz_taken(const agent_mcp_t *mcp, const agent_mcp_fields_t *fields,
    const uint8_t *room)
{
    size_t  i;

    if (mcp->version.len == 0
        || memcmp(mcp->version.data, AGENT_MCP_REVISION, 10) < 0)
    {
        fuzz_check(mcp->method.len == 0 && mcp->name.len == 0);
        return;
    }

    fuzz_check(mcp->version.len == 10 && fields->version.count == 1);
    fuzz_check((mcp->method.len != 0) == (fields->method.count == 1));
    fuzz_check((mcp->name.len != 0) == (fields->name.count == 1));

    for (i = 0; i < mcp->method.len; i++) {
        fuzz_check(mcp->method.data[i] > 0x20 && mcp->method.data[i] < 0x7f);
    }

    fuzz_check(agent_json_utf8_valid(&mcp->name));

    for (i = 0; i < mcp->name.len; i++) {
        fuzz_check(mcp->name.data[i] >= 0x20 && mcp->name.data[i] != 0x7f);
    }

    if (mcp->name.len && mcp->name.data == room) {
        fuzz_encoded(mcp, fields);
    }
}


static void
fuzz_encoded(const agent_mcp_t *mcp, const agent_mcp_fields_t *fields)
{
    size_t       len;
    uint8_t     *text;
    agent_str_t  value;

    value = fields->name.value;

    while (value.data[0] == ' ' || value.data[0] == '\t') {
        value.data++;
        value.len--;
    }

    text = malloc(agent_base64_room(mcp->name.len));
    len = (size_t) (agent_base64_encode(text, mcp->name.data, mcp->name.len)
                    - text);

    fuzz_check(value.len >= 9 + len + 2);
    fuzz_check(memcmp(value.data + 9, text, len) == 0);
    fuzz_check(memcmp(value.data + 9 + len, "?=", 2) == 0);

    free(text);
}
