
/*
 * The audit line, from fields that hold any octets.  Whatever they are it has
 * to be one line of strict JSON in UTF-8 that fits, without a character that
 * ends a line or steers a terminal (U-04, U-05).
 *
 * Of the input each field takes a length of two octets and what follows.
 */

#include "fuzz.h"

#include <stddef.h>

#include <jansson.h>

#include "agent_audit.h"


#define GUARD  0xa5


typedef struct {
    const uint8_t  *pos;
    size_t          left;
} fuzz_input_t;


static void fuzz_numbers(fuzz_input_t *in, agent_audit_event_t *ev);
static uint64_t fuzz_number(fuzz_input_t *in, size_t len);
static void fuzz_text(fuzz_input_t *in, agent_str_t *field);
static void fuzz_line(const uint8_t *line, size_t len, int cut);
static int fuzz_is_long(const agent_audit_event_t *ev);


static const size_t  fields[] = {
    offsetof(agent_audit_event_t, path),
    offsetof(agent_audit_event_t, user_agent),
    offsetof(agent_audit_event_t, http_method),
    offsetof(agent_audit_event_t, client_ip),
    offsetof(agent_audit_event_t, host),
    offsetof(agent_audit_event_t, agent),
    offsetof(agent_audit_event_t, key_id),
    offsetof(agent_audit_event_t, scopes),
    offsetof(agent_audit_event_t, request_id),
    offsetof(agent_audit_event_t, correlation),
    offsetof(agent_audit_event_t, server_name),
    offsetof(agent_audit_event_t, trace_id),
    offsetof(agent_audit_event_t, http_version),
    offsetof(agent_audit_event_t, owner),
    offsetof(agent_audit_event_t, unverified_key_id),
    offsetof(agent_audit_event_t, credential),
    offsetof(agent_audit_event_t, service),
    offsetof(agent_audit_event_t, location),
    offsetof(agent_audit_event_t, mcp_version),
    offsetof(agent_audit_event_t, mcp_method),
    offsetof(agent_audit_event_t, mcp_name)
};

#define FIELDS  (sizeof(fields) / sizeof(fields[0]))


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t               i, len;
    agent_str_t         *field;
    fuzz_input_t         in;
    agent_audit_event_t   ev;
    agent_audit_record_t  rec;
    static uint8_t       buf[AGENT_AUDIT_LINE_MAX + 1];

    in.pos = data;
    in.left = size;

    memset(&ev, 0, sizeof(ev));

    fuzz_numbers(&in, &ev);

    for (i = 0; i < FIELDS; i++) {
        fuzz_text(&in, (agent_str_t *) ((char *) &ev + fields[i]));
    }

    buf[AGENT_AUDIT_LINE_MAX] = GUARD;

    len = agent_audit_line(buf, AGENT_AUDIT_LINE_MAX, &ev);

    fuzz_line(buf, len, fuzz_is_long(&ev));

    memset(&rec, 0, sizeof(rec));

    rec.event = (agent_audit_record_e) (ev.sequence % 6);
    rec.time_ms = ev.time_ms;
    rec.uid = ev.path;
    rec.count = ev.sequence;

    len = agent_audit_record_line(buf, AGENT_AUDIT_LINE_MAX, &rec);

    fuzz_line(buf, len, ev.path.len > 256);

    fuzz_check(buf[AGENT_AUDIT_LINE_MAX] == GUARD);

    for (i = 0; i < FIELDS; i++) {
        field = (agent_str_t *) ((char *) &ev + fields[i]);
        free((uint8_t *) field->data);
    }

    return 0;
}


static void
fuzz_numbers(fuzz_input_t *in, agent_audit_event_t *ev)
{
    ev->result = (agent_result_e) fuzz_number(in, 1);
    ev->reason = (agent_reason_e) fuzz_number(in, 1);
    ev->overruled = (agent_reason_e) fuzz_number(in, 1);
    ev->auth_type = (agent_auth_type_e) fuzz_number(in, 1);
    ev->deprecated = fuzz_number(in, 1) & 1;
    ev->http_status = (uint32_t) fuzz_number(in, 4);
    ev->client_port = (uint32_t) fuzz_number(in, 4);
    ev->server_port = (uint32_t) fuzz_number(in, 4);
    ev->subrequests_refused = (uint32_t) fuzz_number(in, 4);
    ev->expires = (int64_t) fuzz_number(in, 8);

    /* they have to fit the signed numbers of OCSF */

    ev->time_ms = fuzz_number(in, 8) >> 1;
    ev->latency_ms = fuzz_number(in, 8) >> 1;
    ev->sequence = fuzz_number(in, 8) >> 1;
}


static uint64_t
fuzz_number(fuzz_input_t *in, size_t len)
{
    uint64_t  n;

    for (n = 0; len > 0 && in->left > 0; len--) {
        n = n << 8 | *in->pos;
        in->pos++;
        in->left--;
    }

    return n;
}


static void
fuzz_text(fuzz_input_t *in, agent_str_t *field)
{
    size_t  len;

    len = (size_t) fuzz_number(in, 2) & 0xfff;

    /* a copy, to end where its memory ends */

    field->len = len < in->left ? len : in->left;
    field->data = field->len ? fuzz_copy(in->pos, field->len) : NULL;

    in->pos += field->len;
    in->left -= field->len;
}


static void
fuzz_line(const uint8_t *line, size_t len, int cut)
{
    size_t   i;
    json_t  *root, *metadata;

    fuzz_check(len > 0 && len <= AGENT_AUDIT_LINE_MAX && line[len - 1] == '\n');

    for (i = 0; i < len - 1; i++) {
        fuzz_check(line[i] >= 0x20 && line[i] != 0x7f);
        fuzz_check(line[i] != 0xc2 || line[i + 1] >= 0xa0);
        fuzz_check(line[i] != 0xe2 || line[i + 1] != 0x80
              || (line[i + 2] != 0xa8 && line[i + 2] != 0xa9));
    }

    /* jansson refuses what is not UTF-8 */

    root = json_loadb((const char *) line, len - 1,
                      JSON_REJECT_DUPLICATES|JSON_ALLOW_NUL, NULL);

    fuzz_check(json_is_object(root));

    metadata = json_object_get(root, "metadata");

    fuzz_check(json_is_object(metadata));
    fuzz_check(!cut || json_is_true(json_object_get(metadata, "is_truncated")));
    fuzz_check(json_is_integer(json_object_get(root, "type_uid")));

    json_decref(root);
}


/* whether a field that is in every line is over its cap */

static int
fuzz_is_long(const agent_audit_event_t *ev)
{
    return ev->path.len > 2048 || ev->user_agent.len > 512
           || ev->agent.len > 256 || ev->owner.len > 256
           || ev->scopes.len > 256 || ev->request_id.len > 256
           || ev->host.len > 256 || ev->location.len > 256;
}
