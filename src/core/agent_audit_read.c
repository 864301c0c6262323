
#include "agent_audit_read.h"
#include "agent_json_tree.h"


/* the last millisecond of the year 9999 */

#define AGENT_AUDIT_TIME_MAX  INT64_C(253402300799999)


static agent_audit_read_e agent_audit_read_event(const json_t *json,
    agent_audit_entry_t *entry, char *err);
static int agent_audit_read_decision(const json_t *auth,
    agent_audit_entry_t *entry, char *err);
static int agent_audit_read_actor(const json_t *json,
    agent_audit_entry_t *entry, char *err);
static int agent_audit_read_reason(const json_t *auth, agent_str_t *reason,
    char *err);
static int agent_audit_read_name(const json_t *object, const char *name,
    agent_str_t *text, char *err);
static int agent_audit_read_number(const json_t *object, const char *name,
    int64_t max, int64_t *n, char *err);


agent_audit_read_e
agent_audit_read(const uint8_t *line, size_t len, agent_audit_entry_t *entry,
    json_t **json, char *err)
{
    agent_audit_read_e  kind;

    memset(entry, 0, sizeof(*entry));

    /* what a client may have put elsewhere does not void the line */

    *json = agent_json_tree(line, len, JSON_ALLOW_NUL);

    if (*json == NULL) {
        (void) agent_fail(err, "no JSON object");
        return AGENT_AUDIT_BAD;
    }

    kind = agent_audit_read_event(*json, entry, err);

    if (kind == AGENT_AUDIT_BAD) {
        json_decref(*json);
        *json = NULL;
    }

    return kind;
}


static agent_audit_read_e
agent_audit_read_event(const json_t *json, agent_audit_entry_t *entry,
    char *err)
{
    int64_t        class, n;
    agent_str_t    message;
    const json_t  *auth, *metadata;

    static const agent_str_t  lost = agent_string("audit lines lost");

    n = 0;
    class = -1;

    if (agent_audit_read_number(json, "time", AGENT_AUDIT_TIME_MAX,
                                &entry->time, err)
        != 0
        || agent_audit_read_number(json, "class_uid", INT64_MAX, &class, err)
           != 0)
    {
        return AGENT_AUDIT_BAD;
    }

    entry->time /= 1000;

    if (class == 0) {

        if (agent_audit_read_name(json, "message", &message, err) != 0
            || agent_audit_read_number(json, "count", INT64_MAX, &n, err) != 0)
        {
            return AGENT_AUDIT_BAD;
        }

        entry->lost = (uint64_t) n;

        return agent_str_eq(&message, &lost) ? AGENT_AUDIT_LOST
                                             : AGENT_AUDIT_OTHER;
    }

    auth = json_object_get(json_object_get(json, "unmapped"), "agent_auth");

    if (class != 6003 || json_object_get(auth, "result") == NULL) {
        return AGENT_AUDIT_OTHER;
    }

    metadata = json_object_get(json, "metadata");

    if (agent_audit_read_decision(auth, entry, err) != 0
        || agent_audit_read_actor(json, entry, err) != 0
        || agent_audit_read_name(metadata, "log_name", &entry->server, err)
           != 0)
    {
        return AGENT_AUDIT_BAD;
    }

    if (entry->time == 0) {
        (void) agent_fail(err, "no \"time\"");
        return AGENT_AUDIT_BAD;
    }

    return AGENT_AUDIT_REQUEST;
}


static int
agent_audit_read_decision(const json_t *auth, agent_audit_entry_t *entry,
    char *err)
{
    agent_str_t        result, method;
    agent_result_e     r;
    agent_auth_type_e  type;

    if (agent_audit_read_name(auth, "result", &result, err) != 0
        || agent_audit_read_reason(auth, &entry->reason, err) != 0
        || agent_audit_read_name(auth, "method", &method, err) != 0
        || agent_audit_read_name(auth, "service", &entry->service, err) != 0
        || agent_audit_read_name(auth, "location", &entry->location, err) != 0
        || agent_audit_read_number(auth, "sunset", AGENT_AUDIT_TIME_MAX / 1000,
                                   &entry->sunset, err)
           != 0)
    {
        return -1;
    }

    for (r = AGENT_RESULT_NONE; r <= AGENT_RESULT_OFF; r++) {
        if (agent_str_eq(&result, agent_result_name(r))) {
            break;
        }
    }

    if (r > AGENT_RESULT_OFF) {
        return agent_fail(err, "unknown \"result\"");
    }

    for (type = AGENT_AUTH_NONE; type <= AGENT_AUTH_OAUTH; type++) {
        if (agent_str_eq(&method, agent_auth_type_name(type))) {
            break;
        }
    }

    if (type > AGENT_AUTH_OAUTH) {
        return agent_fail(err, "unknown \"method\"");
    }

    entry->result = r;
    entry->auth_type = type;
    entry->deprecated = json_is_true(json_object_get(auth, "deprecated"));

    return agent_audit_read_name(auth, "owner", &entry->owner, err);
}


/* without a user nobody proved who he is */

static int
agent_audit_read_actor(const json_t *json, agent_audit_entry_t *entry,
    char *err)
{
    int64_t        ms;
    const json_t  *user, *token;

    ms = 0;
    user = json_object_get(json_object_get(json, "actor"), "user");
    token = json_object_get(json_object_get(json, "api"), "token");

    if (agent_audit_read_name(user, "uid", &entry->agent, err) != 0
        || agent_audit_read_name(user, "credential_uid", &entry->key_id, err)
           != 0
        || agent_audit_read_number(token, "expiration_time", INT64_MAX, &ms,
                                   err)
           != 0)
    {
        return -1;
    }

    entry->expires = ms <= AGENT_AUDIT_TIME_MAX ? ms / 1000 : 0;

    return 0;
}


/* a later version may have more of them */

static int
agent_audit_read_reason(const json_t *auth, agent_str_t *reason, char *err)
{
    size_t   i;
    uint8_t  c;

    if (agent_audit_read_name(auth, "reason", reason, err) != 0) {
        return -1;
    }

    for (i = 0; i < reason->len; i++) {

        c = reason->data[i];

        if ((c < 'a' || c > 'z') && c != '_') {
            break;
        }
    }

    if (i == 0 || i < reason->len || i > AGENT_AUDIT_REASON_MAX) {
        return agent_fail(err, "no \"reason\"");
    }

    return 0;
}


/* members that may be absent: a name is empty then, a number as it was */

static int
agent_audit_read_name(const json_t *object, const char *name,
    agent_str_t *text, char *err)
{
    const json_t  *value;

    text->len = 0;
    text->data = (const uint8_t *) "";

    value = json_object_get(object, name);

    if (value == NULL) {
        return 0;
    }

    if (!json_is_string(value)) {
        return agent_fail(err, "\"%s\" is no string", name);
    }

    if (json_string_length(value) > AGENT_AUDIT_NAME_MAX) {
        return agent_fail(err, "\"%s\" is too long", name);
    }

    if (strlen(json_string_value(value)) != json_string_length(value)) {
        return agent_fail(err, "\"%s\" has an octet of zero", name);
    }

    text->len = json_string_length(value);
    text->data = (const uint8_t *) json_string_value(value);

    return 0;
}


static int
agent_audit_read_number(const json_t *object, const char *name, int64_t max,
    int64_t *n, char *err)
{
    const json_t  *value;

    value = json_object_get(object, name);

    if (value == NULL) {
        return 0;
    }

    if (!json_is_integer(value) || json_integer_value(value) < 0
        || json_integer_value(value) > max)
    {
        return agent_fail(err, "\"%s\" is no such number", name);
    }

    *n = json_integer_value(value);

    return 0;
}
