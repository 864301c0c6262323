
#include "agent_audit.h"
#include "agent_audit_metadata.h"
#include "agent_claims.h"
#include "agent_json.h"


typedef enum {
    AGENT_AUDIT_NO_VERDICT = 0,
    AGENT_AUDIT_ALLOWED,
    AGENT_AUDIT_ALERT,
    AGENT_AUDIT_BLOCKED,
    AGENT_AUDIT_UNAUTHORIZED,
    AGENT_AUDIT_ERROR
} agent_audit_verdict_e;


/* how many octets of a field are taken */

typedef struct {
    size_t  path;
    size_t  user_agent;
    size_t  stranger;   /* what else the client may fill in */
    size_t  own;        /* from configuration and key file */
} agent_audit_caps_t;


typedef struct {
    agent_str_t  name;
    agent_str_t  api;       /* begins it */
    agent_str_t  request;   /* begins http_request */
    agent_str_t  class;
} agent_audit_method_t;


static unsigned agent_audit_write(agent_json_t *json,
    const agent_audit_event_t *ev, const agent_audit_caps_t *caps);
static const agent_audit_method_t *agent_audit_method_find(
    const agent_str_t *name);
static void agent_audit_outcome(agent_json_t *json,
    const agent_audit_event_t *ev);
static agent_audit_verdict_e agent_audit_judge(const agent_audit_event_t *ev);
static void agent_audit_actor(agent_json_t *json,
    const agent_audit_event_t *ev, const agent_audit_caps_t *caps);
static void agent_audit_api(agent_json_t *json, const agent_audit_event_t *ev,
    const agent_audit_caps_t *caps, const agent_audit_method_t *method);
static void agent_audit_http(agent_json_t *json, const agent_audit_event_t *ev,
    const agent_audit_caps_t *caps, const agent_audit_method_t *method);
static void agent_audit_endpoints(agent_json_t *json,
    const agent_audit_event_t *ev, const agent_audit_caps_t *caps);
static void agent_audit_unmapped(agent_json_t *json,
    const agent_audit_event_t *ev, const agent_audit_caps_t *caps);
static void agent_audit_mcp(agent_json_t *json, const agent_audit_event_t *ev,
    size_t cap);
static void agent_audit_scopes(agent_json_t *json, const agent_str_t *scopes,
    size_t cap);
static void agent_audit_act(agent_json_t *json, const agent_audit_event_t *ev,
    size_t cap);
static void agent_audit_metadata(agent_json_t *json,
    const agent_audit_event_t *ev, const agent_audit_caps_t *caps);
static void agent_audit_str(agent_json_t *json, const agent_str_t *text);


/*
 * Each row is tried when a line by the one before did not fit.  The first are
 * at the expense of the client alone, who may fill its fields with octets that
 * become six; the last fits whatever the fields hold.
 */

static const agent_audit_caps_t  agent_audit_caps[] = {
    { 2048, 512, 256, 256 },
    {  512, 256,  64, 256 },
    {  192,  64,  32, 256 },
    {   64,  64,  32,  32 }
};

#define AGENT_AUDIT_CAPS                                                      \
    (sizeof(agent_audit_caps) / sizeof(agent_audit_caps[0]))


#define AGENT_AUDIT_API      "\"api\":{\"operation\":\""
#define AGENT_AUDIT_REQUEST  "\"http_request\":{"

#define agent_audit_class(activity)                                           \
    "\"category_uid\":6,\"class_uid\":6003,"                                  \
    "\"type_uid\":6003" activity ","

#define AGENT_AUDIT_UNKNOWN  agent_audit_class("00,\"activity_id\":0")
#define AGENT_AUDIT_CREATE   agent_audit_class("01,\"activity_id\":1")
#define AGENT_AUDIT_READ     agent_audit_class("02,\"activity_id\":2")
#define AGENT_AUDIT_UPDATE   agent_audit_class("03,\"activity_id\":3")
#define AGENT_AUDIT_DELETE   agent_audit_class("04,\"activity_id\":4")
#define AGENT_AUDIT_OTHER    agent_audit_class("99,\"activity_id\":99")

#define agent_audit_named(name)                                               \
    "\"activity_name\":\"" name "\"," AGENT_AUDIT_OTHER

#define agent_audit_method(name, class)                                       \
    { agent_string(name),                                                     \
      agent_string(AGENT_AUDIT_API name),                                     \
      agent_string(AGENT_AUDIT_REQUEST "\"http_method\":\"" name "\","),       \
      agent_string(class) }

/* the closed list of http_request.http_method, and what the methods do */

static const agent_audit_method_t  agent_audit_methods[] = {
    agent_audit_method("GET",     AGENT_AUDIT_READ),
    agent_audit_method("POST",    AGENT_AUDIT_CREATE),
    agent_audit_method("PUT",     AGENT_AUDIT_UPDATE),
    agent_audit_method("PATCH",   AGENT_AUDIT_UPDATE),
    agent_audit_method("DELETE",  AGENT_AUDIT_DELETE),
    agent_audit_method("HEAD",    AGENT_AUDIT_READ),
    agent_audit_method("OPTIONS", agent_audit_named("OPTIONS")),
    agent_audit_method("CONNECT", agent_audit_named("CONNECT")),
    agent_audit_method("TRACE",   agent_audit_named("TRACE"))
};

#define AGENT_AUDIT_METHODS                                                   \
    (sizeof(agent_audit_methods) / sizeof(agent_audit_methods[0]))

/* no http_method; the name of the first is in api.operation all the same */

static const agent_audit_method_t  agent_audit_method_other = {
    agent_string(""), agent_string(AGENT_AUDIT_API),
    agent_string(AGENT_AUDIT_REQUEST), agent_string(AGENT_AUDIT_OTHER)
};

static const agent_audit_method_t  agent_audit_method_none = {
    agent_string(""), agent_string(AGENT_AUDIT_API "unknown"),
    agent_string(AGENT_AUDIT_REQUEST), agent_string(AGENT_AUDIT_UNKNOWN)
};


#define AGENT_AUDIT_INFORMATIONAL                                             \
    "\"severity_id\":1,\"severity\":\"Informational\","
#define AGENT_AUDIT_LOW                                                       \
    "\"severity_id\":2,\"severity\":\"Low\","
#define AGENT_AUDIT_MEDIUM                                                    \
    "\"severity_id\":3,\"severity\":\"Medium\","

#define agent_audit_verdict(action, disposition, severity)                    \
    agent_string("\",\"action_id\":" action ",\"disposition_id\":" disposition \
                 "," severity)

#define agent_audit_unknown(severity)                                         \
    agent_audit_verdict("0,\"action\":\"Unknown\"",                           \
                        "0,\"disposition\":\"Unknown\"", severity)

#define agent_audit_allowed(severity)                                         \
    agent_audit_verdict("1,\"action\":\"Allowed\"",                           \
                        "1,\"disposition\":\"Allowed\"", severity)

/* by its definition in OCSF */

#define agent_audit_alert(severity)                                           \
    agent_audit_verdict("1,\"action\":\"Allowed\"",                           \
                        "19,\"disposition\":\"Alert\",\"is_alert\":true",     \
                        severity)

#define agent_audit_denied(disposition, severity)                             \
    agent_audit_verdict("2,\"action\":\"Denied\"", disposition, severity)

#define agent_audit_blocked(severity)                                         \
    agent_audit_denied("2,\"disposition\":\"Blocked\"", severity)

#define agent_audit_unauthorized(severity)                                    \
    agent_audit_denied("26,\"disposition\":\"Unauthorized\"", severity)

#define agent_audit_error(severity)                                           \
    agent_audit_denied("27,\"disposition\":\"Error\"", severity)


/* what follows status_detail, in ordinary and in grave cases */

static const agent_str_t  agent_audit_verdicts[][2] = {

    [AGENT_AUDIT_NO_VERDICT] =
        { agent_audit_unknown(AGENT_AUDIT_INFORMATIONAL),
          agent_audit_unknown(AGENT_AUDIT_INFORMATIONAL) },

    [AGENT_AUDIT_ALLOWED] =
        { agent_audit_allowed(AGENT_AUDIT_INFORMATIONAL),
          agent_audit_allowed(AGENT_AUDIT_INFORMATIONAL) },

    [AGENT_AUDIT_ALERT] =
        { agent_audit_alert(AGENT_AUDIT_LOW),
          agent_audit_alert(AGENT_AUDIT_MEDIUM) },

    [AGENT_AUDIT_BLOCKED] =
        { agent_audit_blocked(AGENT_AUDIT_LOW),
          agent_audit_blocked(AGENT_AUDIT_MEDIUM) },

    [AGENT_AUDIT_UNAUTHORIZED] =
        { agent_audit_unauthorized(AGENT_AUDIT_LOW),
          agent_audit_unauthorized(AGENT_AUDIT_MEDIUM) },

    [AGENT_AUDIT_ERROR] =
        { agent_audit_error(AGENT_AUDIT_LOW),
          agent_audit_error(AGENT_AUDIT_MEDIUM) }
};


size_t
agent_audit_line(uint8_t *buf, size_t size, const agent_audit_event_t *ev)
{
    size_t        i;
    unsigned      cut, told;
    agent_json_t  json;

    if (size < AGENT_AUDIT_LINE_MAX) {
        return 0;
    }

    i = 0;
    cut = 0;

    while (i < AGENT_AUDIT_CAPS) {

        agent_json_init(&json, buf, AGENT_AUDIT_TEXT_MAX);
        json.cut = cut;

        told = agent_audit_write(&json, ev, &agent_audit_caps[i]);

        if (json.overflow) {
            i++;

        } else if (json.cut && !told) {
            cut = 1;

        } else {
            return (size_t) (json.pos - buf);
        }
    }

    return 0;
}


/*
 * What a person looks for comes first, what a machine needs last; "unmapped"
 * ends the line, so that a member may be added to it.  Returns whether the
 * line tells that something was cut, before what stands under "unmapped".
 */

static __attribute__((noinline)) unsigned
agent_audit_write(agent_json_t *json, const agent_audit_event_t *ev,
    const agent_audit_caps_t *caps)
{
    unsigned                     told;
    const agent_audit_method_t  *method;

    method = agent_audit_method_find(&ev->http_method);

    agent_audit_outcome(json, ev);
    agent_audit_actor(json, ev, caps);
    agent_audit_api(json, ev, caps, method);
    agent_audit_http(json, ev, caps, method);
    agent_audit_endpoints(json, ev, caps);

    if (method == &agent_audit_method_other) {
        agent_json_string(json, "activity_name", &ev->http_method,
                          caps->stranger);
    }

    told = json->cut;

    agent_audit_metadata(json, ev, caps);
    agent_audit_str(json, &method->class);
    agent_audit_unmapped(json, ev, caps);

    return told;
}


static const agent_audit_method_t *
agent_audit_method_find(const agent_str_t *name)
{
    size_t  i;

    if (name->len == 0) {
        return &agent_audit_method_none;
    }

    for (i = 0; i < AGENT_AUDIT_METHODS; i++) {
        if (agent_str_eq(&agent_audit_methods[i].name, name)) {
            return &agent_audit_methods[i];
        }
    }

    return &agent_audit_method_other;
}


static void
agent_audit_outcome(agent_json_t *json, const agent_audit_event_t *ev)
{
    unsigned  grave, status;

    status = ev->http_status;

    agent_json_literal(json, "{\"time\":");
    agent_json_uint(json, ev->time_ms);

    if (status == 0) {
        agent_json_literal(json, ",\"status_id\":2,\"status\":\"Failure\","
                           "\"status_detail\":\"");

    } else {

        if (status < 400 && ev->result != AGENT_RESULT_DENY) {
            agent_json_literal(json, ",\"status_id\":1,"
                               "\"status\":\"Success\",\"status_code\":\"");

        } else {
            agent_json_literal(json, ",\"status_id\":2,"
                               "\"status\":\"Failure\",\"status_code\":\"");
        }

        agent_json_uint(json, status);
        agent_json_literal(json, "\",\"status_detail\":\"");
    }

    agent_audit_str(json, agent_reason_name(ev->reason));

    /* a key in the wrong hands, or a gate that does not work */

    grave = ev->reason == AGENT_KEY_SUSPENDED
            || ev->reason == AGENT_KEY_REVOKED
            || ev->reason == AGENT_KEY_NETWORK
            || ev->reason == AGENT_TOKEN_REVOKED
            || agent_reason_status(ev->reason) >= 500;

    agent_audit_str(json, &agent_audit_verdicts[agent_audit_judge(ev)][grave]);

    agent_json_number(json, "duration", ev->latency_ms);
}


static agent_audit_verdict_e
agent_audit_judge(const agent_audit_event_t *ev)
{
    unsigned  status;

    switch (ev->result) {

    case AGENT_RESULT_ALLOW:
        return AGENT_AUDIT_ALLOWED;

    case AGENT_RESULT_WOULD_DENY:
        return AGENT_AUDIT_ALERT;

    case AGENT_RESULT_DENY:
        break;

    default:
        return AGENT_AUDIT_NO_VERDICT;
    }

    status = agent_reason_status(ev->reason);

    if (status >= 500) {
        return AGENT_AUDIT_ERROR;
    }

    /* agent_require may refuse with 401 for a reason that is 403 otherwise */

    if (status == 401 || ev->http_status == 401) {
        return AGENT_AUDIT_UNAUTHORIZED;
    }

    return AGENT_AUDIT_BLOCKED;
}


static void
agent_audit_actor(agent_json_t *json, const agent_audit_event_t *ev,
    const agent_audit_caps_t *caps)
{
    if (ev->agent.len == 0) {
        agent_json_literal(json,
                           "\"actor\":{\"app_name\":\"unauthenticated\"},");
        return;
    }

    agent_json_open(json, "actor", "app_name", &ev->agent, caps->own);
    agent_json_open(json, "user", "uid", &ev->agent, caps->own);
    agent_json_string(json, "credential_uid", &ev->key_id, caps->own);

    /* type_id 4: a service account */

    agent_json_literal(json, "\"type_id\":4}},");
}


static void
agent_audit_api(agent_json_t *json, const agent_audit_event_t *ev,
    const agent_audit_caps_t *caps, const agent_audit_method_t *method)
{
    agent_audit_str(json, &method->api);

    if (method == &agent_audit_method_other) {
        agent_json_escaped(json, &ev->http_method, caps->stranger);
    }

    if (ev->location.len) {
        agent_json_literal(json, " ");
        agent_json_escaped(json, &ev->location, caps->own);
    }

    agent_json_literal(json, "\",");

    if (ev->service.len) {
        agent_json_open(json, "service", "name", &ev->service, caps->own);
        agent_json_close(json, ",");
    }

    if (ev->key_id.len) {
        agent_json_open(json, "token", "uid", &ev->key_id, caps->own);

        if (ev->expires > 0 && ev->expires <= INT64_MAX / 1000) {
            agent_json_number(json, "expiration_time",
                              (uint64_t) ev->expires * 1000);
        }

        /* 6: issued by an identity provider; 7: by the service itself */

        if (ev->auth_type == AGENT_AUTH_OAUTH) {
            agent_json_literal(json, "\"type_id\":6},");

        } else {
            agent_json_literal(json, "\"type_id\":7},");
        }
    }

    agent_json_close(json, ",");
}


static void
agent_audit_http(agent_json_t *json, const agent_audit_event_t *ev,
    const agent_audit_caps_t *caps, const agent_audit_method_t *method)
{
    uint8_t  *start;

    start = json->pos;

    agent_audit_str(json, &method->request);

    if (ev->path.len) {
        agent_json_open(json, "url", "path", &ev->path, caps->path);
        agent_json_close(json, ",");
    }

    agent_json_string(json, "user_agent", &ev->user_agent, caps->user_agent);
    agent_json_string(json, "version", &ev->http_version, caps->stranger);

    if (json->pos[-1] == ',') {
        agent_json_close(json, ",");

    } else {
        json->pos = start;
    }

    if (ev->http_status) {
        agent_json_literal(json, "\"http_response\":{");
        agent_json_number(json, "code", ev->http_status);
        agent_json_number(json, "latency", ev->latency_ms);
        agent_json_close(json, ",");
    }
}


static void
agent_audit_endpoints(agent_json_t *json, const agent_audit_event_t *ev,
    const agent_audit_caps_t *caps)
{
    const agent_str_t  *ip;

    ip = &ev->client_ip;

    if (ip->len == 0 || ip->data[0] == '\0') {
        agent_json_literal(json, "\"src_endpoint\":{\"name\":\"unknown\",");

    } else if (agent_audit_is_ip(ip)) {
        agent_json_open(json, "src_endpoint", "ip", ip, caps->stranger);

    } else {

        /* a peer on a UNIX socket has no address, it is called "unix:" */

        agent_json_open(json, "src_endpoint", "name", ip, caps->stranger);
    }

    agent_json_number(json, "port", ev->client_port);
    agent_json_close(json, ",");

    /* HTTP/1.0 needs no Host, and OCSF no endpoint that is only a port */

    if (ev->host.len) {
        agent_json_open(json, "dst_endpoint", "hostname", &ev->host,
                        caps->stranger);

    } else if (ev->server_name.len) {
        agent_json_open(json, "dst_endpoint", "name", &ev->server_name,
                        caps->own);

    } else {
        return;
    }

    agent_json_number(json, "port", ev->server_port);
    agent_json_close(json, ",");
}


static void
agent_audit_unmapped(agent_json_t *json, const agent_audit_event_t *ev,
    const agent_audit_caps_t *caps)
{
    agent_json_literal(json, "\"unmapped\":{\"agent_auth\":{\"result\":\"");
    agent_audit_str(json, agent_result_name(ev->result));
    agent_json_literal(json, "\",\"reason\":\"");
    agent_audit_str(json, agent_reason_name(ev->reason));
    agent_json_literal(json, "\",");

    agent_json_string(json, "method", agent_auth_type_name(ev->auth_type),
                      caps->own);
    agent_json_string(json, "service", &ev->service, caps->own);
    agent_json_string(json, "location", &ev->location, caps->own);
    agent_json_string(json, "owner", &ev->owner, caps->own);

    agent_audit_scopes(json, &ev->scopes, caps->own);

    if (ev->deprecated) {
        agent_json_literal(json, "\"deprecated\":true,");
    }

    if (ev->sunset > 0) {
        agent_json_number(json, "sunset", (uint64_t) ev->sunset);
    }

    agent_json_string(json, "credential", &ev->credential, caps->own);
    agent_json_string(json, "cache", &ev->cache, caps->own);
    agent_json_string(json, "binding", &ev->binding, caps->own);
    agent_json_string(json, "issuer", &ev->issuer, caps->own);
    agent_json_string(json, "client_id", &ev->client_id, caps->own);
    agent_json_string(json, "subject", &ev->subject, caps->own);

    agent_audit_act(json, ev, caps->own);

    if (ev->overruled != AGENT_NOT_EVALUATED && ev->overruled != AGENT_OK) {
        agent_json_literal(json, "\"overruled\":\"");
        agent_audit_str(json, agent_reason_name(ev->overruled));
        agent_json_literal(json, "\",");
    }

    if (ev->cut != AGENT_NOT_EVALUATED) {
        agent_json_literal(json, "\"cut\":\"");
        agent_audit_str(json, agent_reason_name(ev->cut));
        agent_json_literal(json, "\",");
    }

    agent_json_number(json, "subrequests_refused", ev->subrequests_refused);

    if (ev->unverified_key_id.len) {
        agent_json_open(json, "unverified", "key_id", &ev->unverified_key_id,
                        caps->stranger);
        agent_json_close(json, ",");
    }

    agent_audit_mcp(json, ev, caps->stranger);

    agent_json_close(json, "}}\n");
}


/* what the client says of its body, which nobody here has read */

static void
agent_audit_mcp(agent_json_t *json, const agent_audit_event_t *ev, size_t cap)
{
    if (ev->mcp_version.len == 0 && ev->mcp_method.len == 0
        && ev->mcp_name.len == 0)
    {
        return;
    }

    agent_json_literal(json, "\"mcp\":{");
    agent_json_string(json, "version", &ev->mcp_version, cap);
    agent_json_string(json, "method", &ev->mcp_method, cap);
    agent_json_string(json, "name", &ev->mcp_name, cap);
    agent_json_close(json, ",");
}


/* a scope that is cut short would be another one */

static void
agent_audit_scopes(agent_json_t *json, const agent_str_t *scopes, size_t cap)
{
    size_t       len;
    agent_str_t  whole;

    whole = *scopes;

    if (whole.len > cap) {
        json->cut = 1;

        for (len = cap; len > 0 && whole.data[len] != ' '; len--) {
            /* void */
        }

        whole.len = len;
    }

    agent_json_string(json, "scope", &whole, cap);
}


/*
 * Who acts, the outermost first: RFC 8693, 4.1.  Those within are history, and
 * what there is no room for goes as a whole.
 */

static void
agent_audit_act(agent_json_t *json, const agent_audit_event_t *ev, size_t cap)
{
    size_t       room;
    agent_str_t  rest, actor;

    if (ev->actor.len == 0) {
        return;
    }

    agent_json_literal(json, "\"act\":[\"");
    agent_json_escaped(json, &ev->actor, cap);

    rest = ev->actors;
    room = 2 * cap;

    while (agent_claims_next(&rest, &actor)) {

        if (actor.len > room) {
            json->cut = 1;
            break;
        }

        room -= actor.len;

        agent_json_literal(json, "\",\"");
        agent_json_escaped(json, &actor, actor.len);
    }

    agent_json_literal(json, "\"],");
}


/* after all that may be cut, but for what is under "unmapped" */

static void
agent_audit_metadata(agent_json_t *json, const agent_audit_event_t *ev,
    const agent_audit_caps_t *caps)
{
    if (ev->trace_id.len) {
        agent_json_open(json, "trace", "uid", &ev->trace_id, caps->stranger);
        agent_json_close(json, "," AGENT_AUDIT_METADATA
                         "\"profiles\":[\"security_control\",\"trace\"],");

    } else {
        agent_json_literal(json, AGENT_AUDIT_METADATA
                           "\"profiles\":[\"security_control\"],");
    }

    agent_json_string(json, "log_name", &ev->server_name, caps->own);
    agent_json_string(json, "uid", &ev->request_id, caps->own);
    agent_json_number(json, "sequence", ev->sequence);
    agent_json_string(json, "correlation_uid", &ev->correlation,
                      caps->stranger);

    if (json->cut) {
        agent_json_literal(json, "\"is_truncated\":true,");
    }

    agent_json_close(json, ",");
}


static void
agent_audit_str(agent_json_t *json, const agent_str_t *text)
{
    agent_json_raw(json, text->data, text->len);
}
