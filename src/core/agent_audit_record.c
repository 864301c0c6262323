
#include "agent_audit.h"
#include "agent_audit_metadata.h"
#include "agent_json.h"


typedef struct {
    agent_str_t  name;          /* unmapped.audit.event */
    agent_str_t  message;
    agent_str_t  severity;
} agent_audit_kind_t;


#define AGENT_AUDIT_SEVERITY_1                                                \
    "\"severity_id\":1,\"severity\":\"Informational\","
#define AGENT_AUDIT_SEVERITY_3                                                \
    "\"severity_id\":3,\"severity\":\"Medium\","
#define AGENT_AUDIT_SEVERITY_4                                                \
    "\"severity_id\":4,\"severity\":\"High\","


static const agent_audit_kind_t  agent_audit_kinds[] = {

    [AGENT_AUDIT_LOSS] =
        { agent_string("lost"), agent_string("audit lines lost"),
          agent_string(AGENT_AUDIT_SEVERITY_4) },

    [AGENT_AUDIT_START] =
        { agent_string("start"), agent_string("audit chain started"),
          agent_string(AGENT_AUDIT_SEVERITY_1) },

    [AGENT_AUDIT_STOP] =
        { agent_string("stop"), agent_string("audit chain stopped"),
          agent_string(AGENT_AUDIT_SEVERITY_1) },

    [AGENT_AUDIT_REOPEN] =
        { agent_string("reopen"), agent_string("audit log reopened"),
          agent_string(AGENT_AUDIT_SEVERITY_1) },

    [AGENT_AUDIT_CHECKPOINT] =
        { agent_string("checkpoint"), agent_string("audit checkpoint"),
          agent_string(AGENT_AUDIT_SEVERITY_1) },

    [AGENT_AUDIT_TAKEOVER] =
        { agent_string("takeover"), agent_string("audit chain taken over"),
          agent_string(AGENT_AUDIT_SEVERITY_3) }
};


size_t
agent_audit_record_line(uint8_t *buf, size_t size,
    const agent_audit_record_t *rec)
{
    agent_json_t               json;
    const agent_audit_kind_t  *kind;

    if (size < AGENT_AUDIT_LINE_MAX) {
        return 0;
    }

    kind = &agent_audit_kinds[rec->event];

    agent_json_init(&json, buf, AGENT_AUDIT_TEXT_MAX);

    agent_json_literal(&json, "{\"time\":");
    agent_json_uint(&json, rec->time_ms);
    agent_json_literal(&json, ",");
    agent_json_string(&json, "message", &kind->message, AGENT_AUDIT_UID_MAX);

    /* also where it is 0 */

    if (rec->event == AGENT_AUDIT_LOSS) {
        agent_json_literal(&json, "\"count\":");
        agent_json_uint(&json, rec->count);
        agent_json_literal(&json, ",");
    }

    agent_json_raw(&json, kind->severity.data, kind->severity.len);
    agent_json_literal(&json, AGENT_AUDIT_METADATA);
    agent_json_string(&json, "uid", &rec->uid, AGENT_AUDIT_UID_MAX);

    if (json.cut) {
        agent_json_literal(&json, "\"is_truncated\":true,");
    }

    agent_json_close(&json, ",");
    agent_json_literal(&json, "\"category_uid\":0,\"class_uid\":0,"
                       "\"type_uid\":99,\"activity_id\":99,");
    agent_json_string(&json, "activity_name", &kind->message,
                      AGENT_AUDIT_UID_MAX);

    agent_json_open(&json, "unmapped\":{\"audit", "event", &kind->name,
                    AGENT_AUDIT_UID_MAX);
    agent_json_string(&json, "cause", &rec->cause, AGENT_AUDIT_UID_MAX);
    agent_json_number(&json, "interval", rec->interval);
    agent_json_string(&json, "chain_uid", &rec->chain, AGENT_AUDIT_UID_MAX);
    agent_json_number(&json, "seq", rec->seq);
    agent_json_number(&json, "lines", rec->count);
    agent_json_close(&json, "}}\n");

    return json.overflow ? 0 : (size_t) (json.pos - buf);
}
