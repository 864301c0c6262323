
#include "agent_audit.h"
#include "agent_audit_control.h"
#include "agent_audit_metadata.h"
#include "agent_json.h"


/*
 * Caps of what a line holds: six octets for each of four values and six texts,
 * and what is constant, are less than AGENT_AUDIT_LINE_MAX.
 */

#define AGENT_CONTROL_VALUE_MAX  200
#define AGENT_CONTROL_TEXT_MAX   64


typedef struct {
    agent_str_t  name;
    agent_str_t  class;     /* ends the line */
} agent_change_t;


static void agent_audit_control_outcome(agent_json_t *json,
    const agent_audit_control_t *ev);
static void agent_audit_control_entity(agent_json_t *json,
    const agent_audit_control_t *ev);
static void agent_audit_control_source(agent_json_t *json,
    const agent_audit_control_t *ev);
static void agent_audit_control_metadata(agent_json_t *json,
    const agent_audit_control_t *ev);
static void agent_audit_control_unmapped(agent_json_t *json,
    const agent_audit_control_t *ev);
static void agent_audit_control_time(agent_json_t *json, const char *name,
    int64_t t);


#define agent_change(name, id, activity)                                      \
    { agent_string(name),                                                     \
      agent_string("\"category_uid\":3,\"class_uid\":3004,\"type_uid\":3004"   \
                   id ",\"activity_name\":\"" activity "\",") }

/* in the order of agent_change_e; flushing is a change of what is cached */

static const agent_change_t  agent_changes[] = {
    agent_change("revoke",   "09,\"activity_id\":9",  "Disable"),
    agent_change("unrevoke", "08,\"activity_id\":8",  "Enable"),
    agent_change("suspend",  "12,\"activity_id\":12", "Suspend"),
    agent_change("resume",   "13,\"activity_id\":13", "Resume"),
    agent_change("flush",    "03,\"activity_id\":3",  "Update"),
    agent_change("record",   "99,\"activity_id\":99", "Record")
};


const agent_str_t *
agent_change_name(agent_change_e change)
{
    return &agent_changes[change].name;
}


size_t
agent_audit_control_line(uint8_t *buf, size_t size,
    const agent_audit_control_t *ev)
{
    agent_json_t        json;
    const agent_str_t  *class;

    if (size < AGENT_AUDIT_LINE_MAX) {
        return 0;
    }

    agent_json_init(&json, buf, AGENT_AUDIT_TEXT_MAX);

    agent_audit_control_outcome(&json, ev);
    agent_audit_control_entity(&json, ev);
    agent_audit_control_source(&json, ev);
    agent_audit_control_metadata(&json, ev);

    class = &agent_changes[ev->change].class;
    agent_json_raw(&json, class->data, class->len);

    /* last, so that a member may be added to it */

    agent_audit_control_unmapped(&json, ev);

    return json.overflow ? 0 : (size_t) (json.pos - buf);
}


static void
agent_audit_control_outcome(agent_json_t *json,
    const agent_audit_control_t *ev)
{
    agent_json_literal(json, "{\"time\":");
    agent_json_uint(json, ev->time_ms);

    if (ev->http_status < 400) {
        agent_json_literal(json, ",\"status_id\":1,\"status\":\"Success\","
                           "\"status_code\":\"");
    } else {
        agent_json_literal(json, ",\"status_id\":2,\"status\":\"Failure\","
                           "\"status_code\":\"");
    }

    agent_json_uint(json, ev->http_status);
    agent_json_literal(json, "\",\"severity_id\":1,"
                       "\"severity\":\"Informational\",");

    agent_json_string(json, "comment", &ev->cause, AGENT_CONTROL_VALUE_MAX);
}


static void
agent_audit_control_entity(agent_json_t *json, const agent_audit_control_t *ev)
{
    const agent_str_t  *uid;

    static const agent_str_t  all = agent_string("all");

    uid = ev->value.len ? &ev->value : &all;

    agent_json_open(json, "entity", "uid", uid, AGENT_CONTROL_VALUE_MAX);
    agent_json_string(json, "type", &ev->kind, AGENT_CONTROL_TEXT_MAX);
    agent_json_close(json, ",");
}


static void
agent_audit_control_unmapped(agent_json_t *json,
    const agent_audit_control_t *ev)
{
    agent_json_literal(json, "\"unmapped\":{\"agent_control\":{");

    agent_json_string(json, "change", agent_change_name(ev->change),
                      AGENT_CONTROL_TEXT_MAX);
    agent_json_string(json, "issuer", &ev->issuer, AGENT_CONTROL_VALUE_MAX);
    agent_json_string(json, "id", &ev->id, AGENT_CONTROL_TEXT_MAX);

    agent_audit_control_time(json, "\"before\":", ev->before);
    agent_audit_control_time(json, "\"expires\":", ev->expires);

    agent_json_close(json, "}}\n");
}


/* milliseconds, as all times of OCSF */

static void
agent_audit_control_time(agent_json_t *json, const char *name, int64_t t)
{
    if (t <= 0 || t > INT64_MAX / 1000) {
        return;
    }

    agent_json_raw(json, name, strlen(name));
    agent_json_uint(json, (uint64_t) t * 1000);
    agent_json_literal(json, ",");
}


static void
agent_audit_control_source(agent_json_t *json, const agent_audit_control_t *ev)
{
    const agent_str_t  *caller, *ip;

    static const agent_str_t  unknown = agent_string("unknown");

    caller = ev->caller.len ? &ev->caller : &unknown;
    ip = ev->client_ip.len ? &ev->client_ip : &unknown;

    agent_json_open(json, "actor", "app_name", caller,
                    AGENT_CONTROL_TEXT_MAX);
    agent_json_close(json, ",");

    if (ev->client_ip.len && agent_audit_is_ip(ip)) {
        agent_json_open(json, "src_endpoint", "ip", ip, AGENT_AUDIT_IP_MAX);

    } else {
        agent_json_open(json, "src_endpoint", "name", ip,
                        AGENT_CONTROL_TEXT_MAX);
    }

    agent_json_number(json, "port", ev->client_port);
    agent_json_close(json, ",");
}


/* the request's own line has the uid without the number */

static void
agent_audit_control_metadata(agent_json_t *json,
    const agent_audit_control_t *ev)
{
    agent_json_literal(json, AGENT_AUDIT_METADATA);

    agent_json_string(json, "log_name", &ev->server_name,
                      AGENT_CONTROL_TEXT_MAX);
    agent_json_string(json, "correlation_uid", &ev->request_id,
                      AGENT_CONTROL_TEXT_MAX);

    agent_json_literal(json, "\"uid\":\"");
    agent_json_escaped(json, &ev->request_id, AGENT_CONTROL_TEXT_MAX);
    agent_json_literal(json, "-");
    agent_json_uint(json, ev->number);
    agent_json_literal(json, "\",");

    agent_json_number(json, "sequence", ev->sequence);

    if (json->cut) {
        agent_json_literal(json, "\"is_truncated\":true,");
    }

    agent_json_close(json, ",");
}
