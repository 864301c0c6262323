
/*
 * The audit line.  Without this a decision could be recorded as another one,
 * or an identity that was only claimed as one that was proven (N-05).
 */

#include "tap.h"

#include "agent_version.h"
#include "audit.h"


typedef struct {
    agent_result_e   result;
    agent_reason_e   reason;
    uint32_t         status;
    int              status_id;
    int              action_id;
    int              disposition_id;
    int              severity_id;
} outcome_t;


static void test_line(void);
static void test_refusal(void);
static void test_bare(void);
static void test_outcomes(void);
static void test_every_decision(void);
static void test_activities(void);
static void test_endpoints(void);
static void test_overruled(void);
static void test_expires(void);
static void test_lost(void);
static void test_size(void);
static void test_actors(void);


#define ALLOW  AGENT_RESULT_ALLOW
#define DENY   AGENT_RESULT_DENY
#define WOULD  AGENT_RESULT_WOULD_DENY
#define NONE   AGENT_RESULT_NONE
#define OFF    AGENT_RESULT_OFF

static const outcome_t  outcomes[] = {
    { ALLOW, AGENT_OK, 200, 1, 1, 1, 1 },
    { ALLOW, AGENT_OK, 399, 1, 1, 1, 1 },
    { ALLOW, AGENT_OK, 400, 2, 1, 1, 1 },
    { ALLOW, AGENT_OK, 502, 2, 1, 1, 1 },
    { ALLOW, AGENT_OK, 0, 2, 1, 1, 1 },

    { NONE, AGENT_NOT_EVALUATED, 200, 1, 0, 0, 1 },
    { NONE, AGENT_NOT_EVALUATED, 499, 2, 0, 0, 1 },
    { OFF, AGENT_NOT_EVALUATED, 200, 1, 0, 0, 1 },

    { DENY, AGENT_CREDENTIAL_MISSING, 401, 2, 2, 26, 2 },
    { DENY, AGENT_CREDENTIAL_MALFORMED, 400, 2, 2, 2, 2 },
    { DENY, AGENT_CREDENTIAL_MULTIPLE, 400, 2, 2, 2, 2 },
    { DENY, AGENT_KEY_UNKNOWN, 401, 2, 2, 26, 2 },
    { DENY, AGENT_KEY_NOT_YET_VALID, 401, 2, 2, 26, 2 },
    { DENY, AGENT_KEY_EXPIRED, 401, 2, 2, 26, 2 },
    { DENY, AGENT_KEY_SUSPENDED, 401, 2, 2, 26, 3 },
    { DENY, AGENT_KEY_REVOKED, 401, 2, 2, 26, 3 },
    { DENY, AGENT_KEY_NETWORK, 401, 2, 2, 26, 3 },
    { DENY, AGENT_KEY_SERVICE, 403, 2, 2, 2, 2 },
    { DENY, AGENT_SCOPE_INSUFFICIENT, 403, 2, 2, 2, 2 },
    { DENY, AGENT_REQUIREMENT_FAILED, 403, 2, 2, 2, 2 },
    { DENY, AGENT_REQUIREMENT_FAILED, 401, 2, 2, 26, 2 },
    { DENY, AGENT_SUBREQUEST_REFUSED, 403, 2, 2, 2, 2 },
    { DENY, AGENT_TABLE_BUSY, 503, 2, 2, 27, 3 },
    { DENY, AGENT_INTERNAL_ERROR, 500, 2, 2, 27, 3 },

    /* error_page may answer a refusal with anything */
    { DENY, AGENT_KEY_UNKNOWN, 302, 2, 2, 26, 2 },

    { WOULD, AGENT_KEY_UNKNOWN, 200, 1, 1, 19, 2 },
    { WOULD, AGENT_KEY_REVOKED, 200, 1, 1, 19, 3 },
    { WOULD, AGENT_INTERNAL_ERROR, 200, 1, 1, 19, 3 },
    { WOULD, AGENT_SCOPE_INSUFFICIENT, 404, 2, 1, 19, 2 },

    /* what nobody knows is not recorded as allowed */
    { (agent_result_e) 77, AGENT_OK, 200, 1, 0, 0, 1 },
    { DENY, AGENT_REASON_MAX, 500, 2, 2, 27, 3 }
};

#define OUTCOMES  (sizeof(outcomes) / sizeof(outcomes[0]))


int
main(void)
{
    test_line();
    test_refusal();
    test_bare();
    test_outcomes();
    test_every_decision();
    test_activities();
    test_endpoints();
    test_overruled();
    test_expires();
    test_lost();
    test_size();
    test_actors();

    return tap_done();
}


static void
test_line(void)
{
    size_t               len;
    uint8_t              buf[AGENT_AUDIT_LINE_MAX];
    agent_audit_event_t  ev;

    typical(&ev);

    len = agent_audit_line(buf, sizeof(buf), &ev);

    is_str(buf, len,
           "{\"time\":1795449600123,\"status_id\":1,\"status\":\"Success\","
           "\"status_code\":\"200\",\"status_detail\":\"ok\","
           "\"action_id\":1,\"action\":\"Allowed\","
           "\"disposition_id\":1,\"disposition\":\"Allowed\","
           "\"severity_id\":1,\"severity\":\"Informational\",\"duration\":12,"
           "\"actor\":{\"app_name\":\"billing-bot\","
           "\"user\":{\"uid\":\"billing-bot\","
           "\"credential_uid\":\"0aZ81kLmQwErTy45\",\"type_id\":4}},"
           "\"api\":{\"operation\":\"GET /v1/invoices/\","
           "\"service\":{\"name\":\"invoices\"},"
           "\"token\":{\"uid\":\"0aZ81kLmQwErTy45\","
           "\"expiration_time\":1795450000000,\"type_id\":7}},"
           "\"http_request\":{\"http_method\":\"GET\","
           "\"url\":{\"path\":\"/v1/invoices/17\"},"
           "\"user_agent\":\"billing-agent/2.4\",\"version\":\"1.1\"},"
           "\"http_response\":{\"code\":200,\"latency\":12},"
           "\"src_endpoint\":{\"ip\":\"203.0.113.9\",\"port\":50112},"
           "\"dst_endpoint\":{\"hostname\":\"api.example\",\"port\":443},"
           "\"trace\":{\"uid\":\"4bf92f3577b34da6a3ce929d0e0e4736\"},"
           "\"metadata\":{\"version\":\"1.8.0\","
           "\"product\":{\"name\":\"ngx_http_agent_auth_module\","
           "\"vendor_name\":\"nginx agent auth\",\"version\":\""
           AGENT_VERSION "\"},"
           "\"profiles\":[\"security_control\",\"trace\"],"
           "\"log_name\":\"example\",\"uid\":\"9f2c4e6a81b35d70-2d093\","
           "\"sequence\":184467,\"correlation_uid\":\"req-7\"},"
           "\"category_uid\":6,\"class_uid\":6003,\"type_uid\":600302,"
           "\"activity_id\":2,"
           "\"unmapped\":{\"agent_auth\":{\"result\":\"allow\","
           "\"reason\":\"ok\",\"method\":\"key\",\"service\":\"invoices\","
           "\"location\":\"/v1/invoices/\",\"owner\":\"team-pay\","
           "\"scope\":\"invoices:read invoices:list\",\"deprecated\":true,"
           "\"sunset\":1767225600,"
           "\"credential\":\"9f86d081884c7d65\"}}}\n",
           "the line of an ordinary request");
}


static void
test_refusal(void)
{
    json_t               *root;
    agent_audit_event_t   ev;

    typical(&ev);

    ev.result = AGENT_RESULT_DENY;
    ev.reason = AGENT_KEY_UNKNOWN;
    ev.http_status = 401;
    ev.auth_type = AGENT_AUTH_NONE;
    ev.subrequests_refused = 3;

    ev.agent.len = 0;
    ev.owner.len = 0;
    ev.key_id.len = 0;
    ev.scopes.len = 0;
    ev.expires = INT64_MIN;
    ev.deprecated = 0;
    ev.sunset = 0;

    set(&ev.unverified_key_id, "0123456789abcdef");

    root = parse(&ev);

    ok(is(root, "actor.app_name", "unauthenticated"),
       "nobody is called unauthenticated");
    ok(find(root, "actor.user") == NULL, "nobody is no user");
    ok(find(root, "api.token") == NULL, "nothing proven, no token");
    ok(is(root, "unmapped.agent_auth.unverified.key_id", "0123456789abcdef"),
       "a claimed key stands under unverified");
    ok(find(root, "unmapped.agent_auth.mcp") == NULL, "no word of MCP");
    ok(is(root, "status_detail", "key_unknown"), "the reason");
    ok(is(root, "unmapped.agent_auth.result", "deny"), "the result");
    ok(number(root, "unmapped.agent_auth.subrequests_refused") == 3,
       "subrequests that were refused");
    ok(find(root, "unmapped.agent_auth.method") == NULL, "no method");
    ok(find(root, "unmapped.agent_auth.deprecated") == NULL, "no grace");
    ok(find(root, "unmapped.agent_auth.sunset") == NULL, "no sunset");

    json_decref(root);
}


/* a request of which nothing is known still has its line (U-01) */

static void
test_bare(void)
{
    json_t               *root;
    agent_audit_event_t   ev;

    memset(&ev, 0, sizeof(ev));

    root = parse(&ev);

    ok(root != NULL, "an event without anything");
    ok(number(root, "time") == 0, "time is always there");
    ok(number(root, "activity_id") == 0 && number(root, "type_uid") == 600300,
       "activity unknown");
    ok(is(root, "api.operation", "unknown"), "operation unknown");
    ok(is(root, "src_endpoint.name", "unknown"), "source unknown");
    ok(is(root, "status_detail", "not_evaluated"), "not evaluated");
    ok(number(root, "status_id") == 2, "nothing was answered");
    ok(find(root, "status_code") == NULL, "no status code");
    ok(find(root, "http_response") == NULL, "no response");
    ok(find(root, "http_request") == NULL, "no request");
    ok(find(root, "dst_endpoint") == NULL, "no destination");
    ok(find(root, "trace") == NULL, "no trace");
    ok(find(root, "unmapped.agent_auth.overruled") == NULL,
       "nothing overruled");
    ok(json_array_size(find(root, "metadata.profiles")) == 1,
       "the trace profile is not claimed");
    ok(!truncated(root), "nothing was cut");

    json_decref(root);
}


static void
test_outcomes(void)
{
    size_t                i;
    json_t               *root;
    const outcome_t      *o;
    agent_audit_event_t   ev;

    for (i = 0; i < OUTCOMES; i++) {

        o = &outcomes[i];

        typical(&ev);
        ev.result = o->result;
        ev.reason = o->reason;
        ev.http_status = o->status;

        root = parse(&ev);

        ok(number(root, "status_id") == o->status_id
           && number(root, "action_id") == o->action_id
           && number(root, "disposition_id") == o->disposition_id
           && number(root, "severity_id") == o->severity_id,
           "result %d, %s, %u", o->result,
           agent_reason_name(o->reason)->data, (unsigned) o->status);

        json_decref(root);
    }
}


static void
test_every_decision(void)
{
    int                   result, reason;
    json_t               *root;
    unsigned              wrong;
    agent_audit_event_t   ev;

    for (result = 0, wrong = 0; result <= AGENT_RESULT_OFF; result++) {
        for (reason = 0; reason < AGENT_REASON_MAX; reason++) {

            typical(&ev);
            ev.result = (agent_result_e) result;
            ev.reason = (agent_reason_e) reason;

            root = parse(&ev);

            wrong += root == NULL
                     || !is(root, "status_detail", (const char *)
                            agent_reason_name(ev.reason)->data)
                     || !is(root, "unmapped.agent_auth.reason", (const char *)
                            agent_reason_name(ev.reason)->data)
                     || !is(root, "unmapped.agent_auth.result", (const char *)
                            agent_result_name(ev.result)->data)
                     || (find(root, "is_alert") == json_true())
                        != (result == AGENT_RESULT_WOULD_DENY);

            json_decref(root);
        }
    }

    ok(wrong == 0, "each result with each reason: %u wrong", wrong);
}


static void
test_activities(void)
{
    size_t                i;
    json_t               *root;
    agent_audit_event_t   ev;

    static const struct {
        const char  *method;
        int          activity;
        int          listed;
    } methods[] = {
        { "GET", 2, 1 }, { "HEAD", 2, 1 }, { "POST", 1, 1 }, { "PUT", 3, 1 },
        { "PATCH", 3, 1 }, { "DELETE", 4, 1 }, { "OPTIONS", 99, 1 },
        { "TRACE", 99, 1 }, { "CONNECT", 99, 1 }, { "PROPFIND", 99, 0 },
        { "get", 99, 0 }, { "G", 99, 0 }, { "GETS", 99, 0 }
    };

    for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {

        typical(&ev);
        set(&ev.http_method, methods[i].method);
        ev.location.len = 0;

        root = parse(&ev);

        ok(number(root, "activity_id") == methods[i].activity
           && number(root, "type_uid") == 600300 + methods[i].activity
           && is(root, "api.operation", methods[i].method)
           && (find(root, "http_request.http_method") != NULL)
              == methods[i].listed
           && (methods[i].activity != 99
               || is(root, "activity_name", methods[i].method)),
           "%s is activity %d", methods[i].method, methods[i].activity);

        json_decref(root);
    }
}


static void
test_endpoints(void)
{
    json_t               *root;
    agent_audit_event_t   ev;

    typical(&ev);

    set(&ev.client_ip, "2001:db8::7");
    ev.host.len = 0;

    root = parse(&ev);
    ok(is(root, "src_endpoint.ip", "2001:db8::7"), "an IPv6 address");
    ok(is(root, "dst_endpoint.name", "example"),
       "without Host the server's name");
    json_decref(root);

    set(&ev.client_ip, "::1");

    root = parse(&ev);
    ok(is(root, "src_endpoint.ip", "::1"), "loopback");
    json_decref(root);

    set(&ev.client_ip, "unix:");
    ev.client_port = 0;

    root = parse(&ev);
    ok(is(root, "src_endpoint.name", "unix:"),
       "a peer without an address is no ip_t");
    ok(find(root, "src_endpoint.port") == NULL, "and has no port");
    json_decref(root);

    set(&ev.client_ip, "fe80:0000:0000:0000:0000:0000:0000:0001%a");

    root = parse(&ev);
    ok(find(root, "src_endpoint.name") != NULL
       && find(root, "src_endpoint.ip") == NULL, "an ip_t is not that long");
    json_decref(root);
}


static void
test_overruled(void)
{
    json_t               *root;
    agent_audit_event_t   ev;

    typical(&ev);

    ev.overruled = AGENT_KEY_EXPIRED;

    root = parse(&ev);
    ok(is(root, "unmapped.agent_auth.overruled", "key_expired"),
       "our refusal that satisfy any overruled");
    json_decref(root);

    ev.overruled = AGENT_OK;

    root = parse(&ev);
    ok(find(root, "unmapped.agent_auth.overruled") == NULL,
       "nothing overruled");
    json_decref(root);
}


static void
test_expires(void)
{
    size_t                i;
    json_t               *root;
    agent_audit_event_t   ev;

    static const struct {
        int64_t  seconds, ms;
    } dates[] = {
        { 1, 1000 }, { 253402300799, 253402300799000 },
        { INT64_MAX / 1000, INT64_MAX / 1000 * 1000 },
        { INT64_MAX / 1000 + 1, -1 }, { INT64_MAX, -1 }, { 0, -1 },
        { -1, -1 }, { INT64_MIN, -1 }
    };

    for (i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {

        typical(&ev);
        ev.expires = dates[i].seconds;

        root = parse(&ev);
        ok(root && number(root, "api.token.expiration_time") == dates[i].ms,
           "expires %lld", (long long) dates[i].seconds);
        json_decref(root);
    }
}


static void
test_lost(void)
{
    size_t        len;
    json_t       *root;
    uint8_t       buf[AGENT_AUDIT_LINE_MAX], text[9000];
    agent_str_t   uid = agent_string("1f3a-9");

    len = lost_line(buf, sizeof(buf), 1795449600123, &uid, 17);
    root = parse_text(buf, len);

    ok(number(root, "time") == 1795449600123, "when");
    ok(number(root, "count") == 17, "how many");
    ok(is(root, "message", "audit lines lost"), "the message");
    ok(is(root, "metadata.uid", "1f3a-9"), "its id");
    ok(number(root, "class_uid") == 0 && number(root, "category_uid") == 0
       && number(root, "type_uid") == 99 && number(root, "activity_id") == 99,
       "a base event");
    ok(number(root, "severity_id") == 4, "severity high");

    json_decref(root);

    memset(text, 0x01, sizeof(text));
    uid.data = text;
    uid.len = sizeof(text);

    len = lost_line(buf, sizeof(buf), INT64_MAX, &uid, INT64_MAX);
    root = parse_text(buf, len);
    ok(root && truncated(root), "an id of 9000 octets");
    json_decref(root);

    uid.len = 0;

    len = lost_line(buf, sizeof(buf), 0, &uid, 0);
    root = parse_text(buf, len);
    ok(number(root, "count") == 0 && find(root, "metadata.uid") == NULL,
       "nothing lost, no id");
    json_decref(root);
}


static void
test_size(void)
{
    uint8_t              buf[AGENT_AUDIT_LINE_MAX];
    agent_str_t          uid = agent_string("1");
    agent_audit_event_t  ev;

    typical(&ev);
    memset(buf, GUARD, sizeof(buf));

    ok(agent_audit_line(buf, AGENT_AUDIT_LINE_MAX - 1, &ev) == 0
       && lost_line(buf, AGENT_AUDIT_LINE_MAX - 1, 1, &uid, 1)
          == 0
       && agent_audit_line(buf, 0, &ev) == 0 && buf[0] == GUARD,
       "a buffer that is too small is not touched");
}


/* RFC 8693, 4.1: who acts stays, and no name within is cut short */

static void
test_actors(void)
{
    size_t                i;
    json_t               *root, *act, *auth;
    uint8_t               list[3 * (2 + 250)], *p;
    uint16_t              len;
    agent_audit_event_t   ev;

    p = list;
    len = 250;

    for (i = 0; i < 3; i++) {
        memcpy(p, &len, sizeof(len));
        memset(p + sizeof(len), 'a' + (int) i, len);
        p += sizeof(len) + len;
    }

    typical(&ev);
    set(&ev.actor, "booker");
    ev.actors.data = list;
    ev.actors.len = sizeof(list);

    root = parse(&ev);
    auth = json_object_get(json_object_get(root, "unmapped"), "agent_auth");
    act = json_object_get(auth, "act");

    ok(json_array_size(act) == 3
       && strcmp(json_string_value(json_array_get(act, 0)), "booker") == 0
       && json_string_length(json_array_get(act, 2)) == 250,
       "actors: those that there is room for, as a whole");
    ok(find(root, "metadata.is_truncated") != NULL, "and that one is missing");

    json_decref(root);

    typical(&ev);
    ev.actors.data = list;
    ev.actors.len = sizeof(list);

    root = parse(&ev);

    ok(find(root, "unmapped.agent_auth.act") == NULL,
       "actors: nobody acts, and nobody within");

    json_decref(root);
}
