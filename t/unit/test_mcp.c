
/*
 * Without this a client could say "tools/list" to the gate in a spelling that
 * the server behind it reads otherwise, or a name in base64 could bring a line
 * end into a field of the request to that server (MCP-07, MCP-08).
 */

#include "agent_mcp.h"
#include "tap.h"


typedef struct {
    const char  *version;
    const char  *method;
    const char  *name;
} request_t;


static void good(void);
static void older(void);
static void bad(void);
static void repeated(void);
static void encoded(void);
static void hostile(void);
static void complete(void);
static int parse(agent_mcp_t *mcp, const request_t *r, char *err);
static void set(agent_mcp_field_t *field, const char *text);


static uint8_t  room[4096];


int
main(void)
{
    good();
    older();
    bad();
    repeated();
    encoded();
    hostile();
    complete();

    return tap_done();
}


static void
good(void)
{
    char         err[AGENT_ERROR_LEN];
    agent_mcp_t  mcp;

    request_t  call = { "2026-07-28", "tools/call", "find_invoice" },
               spaces = { " 2027-01-01\t", "\ttools/call ", "  two words\t" };

    ok(parse(&mcp, &call, err) == 0, "a call of a tool");
    is_str(mcp.version.data, mcp.version.len, "2026-07-28", "its version");
    is_str(mcp.method.data, mcp.method.len, "tools/call", "its method");
    is_str(mcp.name.data, mcp.name.len, "find_invoice", "its name");
    ok(agent_mcp_complete(&mcp, err) == 0, "all is there");

    ok(parse(&mcp, &spaces, err) == 0, "white space around the fields");
    is_str(mcp.version.data, mcp.version.len, "2027-01-01", "a later version");
    is_str(mcp.method.data, mcp.method.len, "tools/call", "the method");
    is_str(mcp.name.data, mcp.name.len, "two words", "space within stays");
}


/* what no server must compare with the body binds nobody */

static void
older(void)
{
    char         err[AGENT_ERROR_LEN];
    size_t       i;
    request_t    r;
    agent_mcp_t  mcp;

    static const char  *versions[] = {
        NULL, "", " ", "2025-11-25", "2026-07-27", "2024-11-05", "draft",
        "zzzz-zz-zz", "9999-99-9", "2026-07-288", "2026-07-28, 2026-07-28",
        "2026/07/28", "2026-07-2\xb9", "DRAFT-2026", "12026-07-28", "-",
        "2026-07-28-RC1"
    };

    for (i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        r.version = versions[i];
        r.method = "tools/list";
        r.name = "=?base64?!?=";

        ok(parse(&mcp, &r, err) == 0, "version %u is no fault", (unsigned) i);
        ok(mcp.method.len == 0 && mcp.name.len == 0, "and nothing is known");
        ok(agent_mcp_complete(&mcp, err) == -1, "which is not enough");
    }

    r.version = "2025-11-25";
    (void) parse(&mcp, &r, err);
    is_str(mcp.version.data, mcp.version.len, "2025-11-25", "told all the same");
}


static void
bad(void)
{
    char         err[AGENT_ERROR_LEN], *p;
    size_t       i;
    request_t    r;
    agent_mcp_t  mcp;

    char               longest[AGENT_MCP_METHOD_MAX + 2];
    static const char  *methods[] = {
        "", " ", "tools call", "tools\tcall", "tools/c\xc3\xa4ll", "\x7f",
        "tools/list\x01"
    };
    static const char  *names[] = {
        "", "\t", "caf\xc3\xa9", "a\x01" "b", "a\tb", "\x7f", "\xff"
    };

    for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        r.version = "2026-07-28";
        r.method = methods[i];
        r.name = "find_invoice";

        ok(parse(&mcp, &r, err) == -1, "bad method %u", (unsigned) i);
        ok(mcp.method.len == 0 && mcp.name.len == 0, "and nothing is known");
        ok(strstr(err, "Mcp-Method"), "says which: %s", err);
    }

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        r.method = "tools/call";
        r.name = names[i];

        ok(parse(&mcp, &r, err) == -1, "bad name %u", (unsigned) i);
        ok(mcp.method.len == 0 && mcp.name.len == 0, "and nothing is known");
        ok(strstr(err, "Mcp-Name"), "says which: %s", err);
    }

    p = longest;
    memset(p, 'm', sizeof(longest));
    p[AGENT_MCP_METHOD_MAX] = '\0';

    r.method = longest;
    r.name = NULL;
    ok(parse(&mcp, &r, err) == 0, "a method of so many octets");

    p[AGENT_MCP_METHOD_MAX] = 'm';
    p[AGENT_MCP_METHOD_MAX + 1] = '\0';
    ok(parse(&mcp, &r, err) == -1, "and of one more");
}


static void
repeated(void)
{
    char                err[AGENT_ERROR_LEN];
    agent_mcp_t         mcp;
    agent_mcp_fields_t  fields;

    set(&fields.version, "2026-07-28");
    set(&fields.method, "tools/list");
    set(&fields.name, "a");

    fields.version.count = 2;
    ok(agent_mcp_parse(&mcp, &fields, room, err) == -1, "two versions");
    ok(mcp.version.len == 0, "none of them is taken");

    fields.version.count = 1;
    fields.method.count = 2;
    ok(agent_mcp_parse(&mcp, &fields, room, err) == -1, "two methods");

    fields.method.count = 1;
    fields.name.count = 2;
    ok(agent_mcp_parse(&mcp, &fields, room, err) == -1, "two names");
    ok(mcp.method.len == 0 && mcp.name.len == 0, "none is taken");

    set(&fields.version, "2025-11-25");
    ok(agent_mcp_parse(&mcp, &fields, room, err) == 0,
       "which bind nobody in an older version");

    set(&fields.version, "2025-11-25");
    fields.version.count = 2;
    ok(agent_mcp_parse(&mcp, &fields, room, err) == -1,
       "but of two versions another reader may take the other");
}


/* MCP, "Value Encoding" */

static void
encoded(void)
{
    char         err[AGENT_ERROR_LEN];
    size_t       i;
    request_t    r;
    agent_mcp_t  mcp;

    static const char  *pairs[][2] = {
        { "=?base64?ZmluZF9pbnZvaWNl?=", "find_invoice" },
        { "=?base64?SGVsbG8sIOS4lueVjA==?=",
          "Hello, \xe4\xb8\x96\xe7\x95\x8c" },
        { "=?base64?IHBhZGRlZCA=?=", " padded " },
        { "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=", "=?base64?literal?=" },
        { "=?base64?w7/Dvg==?=", "\xc3\xbf\xc3\xbe" },
        { " =?base64?YQ==?= ", "a" },

        /* no mark of one: these are what they are */
        { "=?BASE64?YQ==?=", "=?BASE64?YQ==?=" },
        { "=?base64?YQ==", "=?base64?YQ==" },
        { "?base64?YQ==?=", "?base64?YQ==?=" },
        { "=?base64YQ==?=", "=?base64YQ==?=" }
    };

    r.version = "2026-07-28";
    r.method = "tools/call";

    for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        r.name = pairs[i][0];

        ok(parse(&mcp, &r, err) == 0, "%s", pairs[i][0]);
        is_str(mcp.name.data, mcp.name.len, pairs[i][1], "its name");
    }
}


static void
hostile(void)
{
    char         err[AGENT_ERROR_LEN];
    size_t       i;
    request_t    r;
    agent_mcp_t  mcp;

    static const char  *names[] = {
        "=?base64?=", "=?base64?" "?=", "=?base64?!?=", "=?base64?YQ?=",
        "=?base64?YQ=?=", "=?base64?YQ===?=", "=?base64?YR==?=",
        "=?base64?Y Q==?=", "=?base64?YQ==YQ==?=", "=?base64?====?=",
        "=?base64?_-8=?=",
        "=?base64?/w==?=",              /* 0xff */
        "=?base64?wIA=?=",              /* NUL, overlong */
        "=?base64?7aCA?=",              /* a surrogate */
        "=?base64?4pg=?=",              /* cut short */
        "=?base64?AA==?=",              /* NUL */
        "=?base64?ZmluZAA=?=",          /* "find" and NUL */
        "=?base64?eA0KWC1Vc2VyOiByb290?=", /* "x" CR LF "X-User: root" */
        "=?base64?fw==?=",              /* DEL */
        "=?base64?Cg==?="
    };

    r.version = "2026-07-28";
    r.method = "tools/call";

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        r.name = names[i];

        ok(parse(&mcp, &r, err) == -1, "%s", names[i]);
        ok(mcp.method.len == 0 && mcp.name.len == 0, "and nothing is known");
        ok(strstr(err, "Mcp-Name"), "says which: %s", err);
    }
}


static void
complete(void)
{
    char         err[AGENT_ERROR_LEN];
    size_t       i;
    request_t    r;
    agent_mcp_t  mcp;

    static const char  *named[] = {
        "tools/call", "prompts/get", "resources/read"
    };

    r.version = "2026-07-28";
    r.method = NULL;
    r.name = "find_invoice";

    ok(parse(&mcp, &r, err) == 0, "no method is no fault of form");
    ok(agent_mcp_complete(&mcp, err) == -1, "but not enough");
    ok(strstr(err, "Mcp-Method"), "says so: %s", err);

    r.method = "tools/list";
    r.name = NULL;
    (void) parse(&mcp, &r, err);
    ok(agent_mcp_complete(&mcp, err) == 0, "a list has no name");

    for (i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
        r.method = named[i];
        (void) parse(&mcp, &r, err);
        ok(agent_mcp_complete(&mcp, err) == -1, "%s without a name", named[i]);
        ok(strstr(err, "Mcp-Name"), "says so: %s", err);
    }
}


static int
parse(agent_mcp_t *mcp, const request_t *r, char *err)
{
    agent_mcp_fields_t  fields;

    set(&fields.version, r->version);
    set(&fields.method, r->method);
    set(&fields.name, r->name);

    ok(agent_mcp_room(&fields) <= sizeof(room), "there is room");

    err[0] = '\0';

    return agent_mcp_parse(mcp, &fields, room, err);
}


static void
set(agent_mcp_field_t *field, const char *text)
{
    memset(field, 0, sizeof(agent_mcp_field_t));

    if (text) {
        field->value.data = (const uint8_t *) text;
        field->value.len = strlen(text);
        field->count = 1;
    }
}
