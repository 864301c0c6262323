
/*
 * The audit line.  Without this a client could forge, split or suppress the
 * record of what it did (U-04), push the proven identity out of it by filling
 * its own fields (U-05), or a decision could be recorded as another one.
 *
 * With the argument --lines it prints sample lines instead, each decision and
 * the worst inputs, for t/ocsf/validate.t.
 */

#include "tap.h"

#include <stddef.h>

#include <jansson.h>

#include "agent_audit.h"


#define GUARD  0xa5


typedef struct {
    const char      *path;      /* of the member that shows it */
    size_t           offset;
    size_t           cap;
} field_t;


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
static void test_hostile(void);
static void test_caps(void);
static void test_scopes(void);
static void test_worst(void);
static void test_identity_stays(void);
static void test_every_length(void);
static void test_lost(void);
static void test_size(void);
static void print_lines(void);
static void typical(agent_audit_event_t *ev);
static void fill(agent_audit_event_t *ev, const uint8_t *text, size_t len);
static void set(agent_str_t *field, const char *text);
static agent_str_t *field_of(agent_audit_event_t *ev, const field_t *field);
static json_t *parse(const agent_audit_event_t *ev);
static json_t *parse_text(const uint8_t *line, size_t len);
static json_t *find(json_t *root, const char *path);
static long long number(json_t *root, const char *path);
static int is(json_t *root, const char *path, const char *expected);
static int is_octets(json_t *root, const char *path, const char *expected,
    size_t len);
static int truncated(json_t *root);


#define field(path, name, cap)                                                \
    { path, offsetof(agent_audit_event_t, name), cap }

static const field_t  fields[] = {
    field("metadata.uid", request_id, 256),
    field("metadata.correlation_uid", correlation, 256),
    field("metadata.log_name", server_name, 256),
    field("trace.uid", trace_id, 256),
    field("src_endpoint.name", client_ip, 256),
    field("dst_endpoint.hostname", host, 256),
    field("activity_name", http_method, 256),
    field("http_request.version", http_version, 256),
    field("http_request.url.path", path, 2048),
    field("http_request.user_agent", user_agent, 512),
    field("actor.user.uid", agent, 256),
    field("unmapped.agent_auth.owner", owner, 256),
    field("actor.user.credential_uid", key_id, 256),
    field("unmapped.agent_auth.unverified.key_id", unverified_key_id, 256),
    field("unmapped.agent_auth.credential", credential, 256),
    field("unmapped.agent_auth.service", service, 256),
    field("unmapped.agent_auth.location", location, 256),

    /* cut between two scopes, so not among those of one size */
    field("unmapped.agent_auth.scope", scopes, 256)
};

#define FIELDS  (sizeof(fields) / sizeof(fields[0]))


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
main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--lines") == 0) {
        print_lines();
        return 0;
    }

    test_line();
    test_refusal();
    test_bare();
    test_outcomes();
    test_every_decision();
    test_activities();
    test_endpoints();
    test_overruled();
    test_expires();
    test_hostile();
    test_caps();
    test_scopes();
    test_worst();
    test_identity_stays();
    test_every_length();
    test_lost();
    test_size();

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
           "\"unmapped\":{\"agent_auth\":{\"result\":\"allow\","
           "\"reason\":\"ok\",\"method\":\"key\",\"service\":\"invoices\","
           "\"location\":\"/v1/invoices/\",\"owner\":\"team-pay\","
           "\"scope\":\"invoices:read invoices:list\",\"deprecated\":true,"
           "\"credential\":\"9f86d081884c7d65\"}},"
           "\"trace\":{\"uid\":\"4bf92f3577b34da6a3ce929d0e0e4736\"},"
           "\"metadata\":{\"version\":\"1.8.0\","
           "\"product\":{\"name\":\"ngx_http_agent_auth_module\","
           "\"vendor_name\":\"nginx agent auth\",\"version\":\""
           AGENT_AUDIT_PRODUCT_VERSION "\"},"
           "\"profiles\":[\"security_control\",\"trace\"],"
           "\"log_name\":\"example\",\"uid\":\"9f2c4e6a81b35d70-2d093\","
           "\"sequence\":184467,\"correlation_uid\":\"req-7\"},"
           "\"category_uid\":6,\"class_uid\":6003,\"type_uid\":600302,"
           "\"activity_id\":2}\n",
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

    set(&ev.unverified_key_id, "0123456789abcdef");

    root = parse(&ev);

    ok(is(root, "actor.app_name", "unauthenticated"),
       "nobody is called unauthenticated");
    ok(find(root, "actor.user") == NULL, "nobody is no user");
    ok(find(root, "api.token") == NULL, "nothing proven, no token");
    ok(is(root, "unmapped.agent_auth.unverified.key_id", "0123456789abcdef"),
       "a claimed key stands under unverified");
    ok(is(root, "status_detail", "key_unknown"), "the reason");
    ok(is(root, "unmapped.agent_auth.result", "deny"), "the result");
    ok(number(root, "unmapped.agent_auth.subrequests_refused") == 3,
       "subrequests that were refused");
    ok(find(root, "unmapped.agent_auth.method") == NULL, "no method");
    ok(find(root, "unmapped.agent_auth.deprecated") == NULL, "no grace");

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


/* U-04: in each field, and what a reader gets is what is expected */

static void
test_hostile(void)
{
    size_t                i, j;
    json_t               *root;
    unsigned              wrong;
    agent_audit_event_t   ev;

#define hostile(text, shown)                                                  \
    { text, sizeof(text) - 1, shown, sizeof(shown) - 1 }

    static const struct {
        const char  *text;
        size_t       len;
        const char  *shown;
        size_t       shown_len;
    } samples[] = {
        hostile("z\"}\n{\"time\":1,\"x\":\"", "z\"}\n{\"time\":1,\"x\":\""),
        hostile("z\\", "z\\"),
        hostile("z\\\"", "z\\\""),
        hostile("z\r\n\t\b\f\v", "z\r\n\t\b\f\v"),
        hostile("z\0nul", "z\0nul"),
        hostile("z\x1b[2J\x1b]0;title\x07", "z\x1b[2J\x1b]0;title\x07"),
        hostile("z\x7f", "z\x7f"),
        hostile("z\xc2\x9b" "31m", "z\xc2\x9b" "31m"),
        hostile("z\xe2\x80\xa8", "z\xe2\x80\xa8"),
        hostile("z\xff\xfe", "z\xef\xbf\xbd\xef\xbf\xbd"),
        hostile("z\xc0\xae", "z\xef\xbf\xbd\xef\xbf\xbd"),
        hostile("z\xed\xa0\x80", "z\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"),
        hostile("z\xe2\x82", "z\xef\xbf\xbd\xef\xbf\xbd"),
        hostile("z\xf0\x9f\xa4\x96", "z\xf0\x9f\xa4\x96")
    };

    for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        for (j = 0, wrong = 0; j < FIELDS; j++) {

            typical(&ev);
            field_of(&ev, &fields[j])->data =
                                         (const uint8_t *) samples[i].text;
            field_of(&ev, &fields[j])->len = samples[i].len;

            root = parse(&ev);

            if (!is_octets(root, fields[j].path, samples[i].shown,
                           samples[i].shown_len)
                || truncated(root))
            {
                printf("# %s\n", fields[j].path);
                wrong++;
            }

            json_decref(root);
        }

        ok(wrong == 0, "hostile octets, sample %u: %u wrong", (unsigned) i,
           wrong);
    }
}


/* U-05: at the cap nothing is cut, one octet more is, and no sequence in two */

static void
test_caps(void)
{
    size_t                i, cap, length;
    json_t               *at, *over, *split;
    uint8_t               text[4096];
    agent_str_t          *value;
    agent_audit_event_t   ev;

    for (i = 0; i < FIELDS - 1; i++) {

        cap = fields[i].cap;

        typical(&ev);
        value = field_of(&ev, &fields[i]);

        memset(text, 'z', sizeof(text));
        value->data = text;

        value->len = cap;
        at = parse(&ev);

        value->len = cap + 1;
        over = parse(&ev);

        memcpy(text + cap - 1, "\xc3\xbc", 2);
        split = parse(&ev);

        length = json_string_length(find(at, fields[i].path));

        ok(length == cap && !truncated(at)
           && json_string_length(find(over, fields[i].path)) == cap
           && truncated(over)
           && json_string_length(find(split, fields[i].path)) == cap - 1
           && truncated(split),
           "%s holds %u octets", fields[i].path, (unsigned) cap);

        json_decref(at);
        json_decref(over);
        json_decref(split);
    }
}


static void
test_scopes(void)
{
    char                  text[600];
    json_t               *root;
    agent_audit_event_t   ev;

    typical(&ev);

    memset(text, 'a', sizeof(text));
    text[250] = ' ';
    memcpy(text + 251, "admin:readonly", 14);

    ev.scopes.data = (const uint8_t *) text;

    ev.scopes.len = 265;
    root = parse(&ev);
    ok(json_string_length(find(root, "unmapped.agent_auth.scope")) == 250
       && truncated(root), "no part of a scope is shown as one");
    json_decref(root);

    text[256] = ' ';

    root = parse(&ev);
    ok(json_string_length(find(root, "unmapped.agent_auth.scope")) == 256
       && truncated(root), "a scope that ends at the cap is shown");
    json_decref(root);

    memset(text, 'a', sizeof(text));

    root = parse(&ev);
    ok(find(root, "unmapped.agent_auth.scope") == NULL && truncated(root),
       "a scope that is longer than the cap is left out");
    json_decref(root);
}


/* every field at its longest, of octets that become six, three, two, one */

static void
test_worst(void)
{
    size_t                i, len;
    json_t               *root;
    uint8_t               text[9000], buf[AGENT_AUDIT_LINE_MAX + 1];
    agent_audit_event_t   ev;

    static const char * const  worst[] =
        { "\x01", "\x7f", "\xff", "\"", "\xc2\x80", "\xe2\x80\xa8",
          "\xf0\x9f\xa4\x96", "a", "a " };

    for (i = 0; i < sizeof(worst) / sizeof(worst[0]); i++) {

        for (len = 0; len < sizeof(text); len++) {
            text[len] = (uint8_t) worst[i][len % strlen(worst[i])];
        }

        fill(&ev, text, sizeof(text));

        memset(buf, GUARD, sizeof(buf));
        len = agent_audit_line(buf, AGENT_AUDIT_LINE_MAX, &ev);

        root = parse_text(buf, len);

        ok(root && truncated(root) && buf[AGENT_AUDIT_LINE_MAX] == GUARD,
           "all fields of 9000 octets, sample %u: a line of %u", (unsigned) i,
           (unsigned) len);

        json_decref(root);
    }
}


/* the client fills what it can fill; what we know of it is not cut */

static void
test_identity_stays(void)
{
    size_t                i;
    char                  own[256];
    json_t               *root;
    uint8_t               text[9000];
    agent_audit_event_t   ev;

    static const uint8_t  octets[] = { 0x01, 0xff, '"', 'a' };

    memset(own, 'n', sizeof(own));

    for (i = 0; i < sizeof(octets); i++) {

        memset(text, octets[i], sizeof(text));

        fill(&ev, text, sizeof(text));

        set(&ev.request_id, "9f2c4e6a81b35d70-2d093");
        set(&ev.server_name, "example");
        set(&ev.credential, "9f86d081884c7d65");

        ev.agent.data = ev.owner.data = ev.key_id.data = (uint8_t *) own;
        ev.service.data = ev.location.data = ev.scopes.data = ev.agent.data;
        ev.agent.len = ev.owner.len = 255;
        ev.service.len = ev.location.len = 128;
        ev.scopes.len = 256;
        ev.key_id.len = 64;

        root = parse(&ev);

        ok(is_octets(root, "actor.user.uid", own, 255)
           && is_octets(root, "actor.user.credential_uid", own, 64)
           && is_octets(root, "unmapped.agent_auth.owner", own, 255)
           && is_octets(root, "unmapped.agent_auth.scope", own, 256)
           && is_octets(root, "unmapped.agent_auth.service", own, 128)
           && is_octets(root, "unmapped.agent_auth.location", own, 128)
           && is(root, "metadata.uid", "9f2c4e6a81b35d70-2d093")
           && is(root, "status_detail", "key_expired")
           && truncated(root),
           "a client that sends 9000 times 0x%02x cuts only its own fields",
           octets[i]);

        json_decref(root);
    }
}


/* wherever in the line the buffer ends, nothing is written past it */

static void
test_every_length(void)
{
    size_t                len, line;
    json_t               *root;
    uint8_t               text[3000], buf[AGENT_AUDIT_LINE_MAX + 1];
    unsigned              wrong;
    agent_audit_event_t   ev;

    memset(text, 0x01, sizeof(text));
    memset(buf, GUARD, sizeof(buf));

    for (len = 1, wrong = 0; len <= 2100; len++) {

        typical(&ev);

        ev.path.data = text;
        ev.path.len = len;
        ev.user_agent.data = text;
        ev.user_agent.len = len / 4;

        line = agent_audit_line(buf, AGENT_AUDIT_LINE_MAX, &ev);
        root = parse_text(buf, line);

        wrong += root == NULL || buf[AGENT_AUDIT_LINE_MAX] != GUARD;

        json_decref(root);
    }

    ok(wrong == 0, "paths of 1 to 2100 octets: %u wrong", wrong);
}


static void
test_lost(void)
{
    size_t        len;
    json_t       *root;
    uint8_t       buf[AGENT_AUDIT_LINE_MAX], text[9000];
    agent_str_t   uid = agent_string("1f3a-9");

    len = agent_audit_lost_line(buf, sizeof(buf), 1795449600123, &uid, 17);
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

    len = agent_audit_lost_line(buf, sizeof(buf), INT64_MAX, &uid, INT64_MAX);
    root = parse_text(buf, len);
    ok(root && truncated(root), "an id of 9000 octets");
    json_decref(root);

    uid.len = 0;

    len = agent_audit_lost_line(buf, sizeof(buf), 0, &uid, 0);
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
       && agent_audit_lost_line(buf, AGENT_AUDIT_LINE_MAX - 1, 1, &uid, 1)
          == 0
       && agent_audit_line(buf, 0, &ev) == 0 && buf[0] == GUARD,
       "a buffer that is too small is not touched");
}


static void
print_lines(void)
{
    int                  result, reason;
    size_t               i, len;
    uint8_t              buf[AGENT_AUDIT_LINE_MAX], text[9000];
    agent_str_t          uid = agent_string("1f3a-9");
    agent_audit_event_t  ev;

    static const char * const  methods[] =
        { "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE",
          "CONNECT", "PROPFIND", "" };

    for (result = 0; result <= AGENT_RESULT_OFF; result++) {
        for (reason = 0; reason < AGENT_REASON_MAX; reason++) {

            typical(&ev);
            ev.result = (agent_result_e) result;
            ev.reason = (agent_reason_e) reason;
            ev.http_status = agent_reason_status(ev.reason);

            fwrite(buf, 1, agent_audit_line(buf, sizeof(buf), &ev), stdout);
        }
    }

    for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {

        typical(&ev);
        set(&ev.http_method, methods[i]);

        fwrite(buf, 1, agent_audit_line(buf, sizeof(buf), &ev), stdout);
    }

    for (i = 0; i < sizeof(text); i++) {
        text[i] = (uint8_t) i;
    }

    for (i = 0; i < 256; i++) {
        fill(&ev, text + i, i % 7 ? 300 : 8000);

        fwrite(buf, 1, agent_audit_line(buf, sizeof(buf), &ev), stdout);
    }

    memset(&ev, 0, sizeof(ev));
    fwrite(buf, 1, agent_audit_line(buf, sizeof(buf), &ev), stdout);

    len = agent_audit_lost_line(buf, sizeof(buf), 1795449600123, &uid, 17);
    fwrite(buf, 1, len, stdout);
}


static void
typical(agent_audit_event_t *ev)
{
    memset(ev, 0, sizeof(agent_audit_event_t));

    ev->time_ms = 1795449600123;
    ev->latency_ms = 12;
    ev->sequence = 184467;

    set(&ev->request_id, "9f2c4e6a81b35d70-2d093");
    set(&ev->correlation, "req-7");
    set(&ev->server_name, "example");
    set(&ev->trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");

    set(&ev->client_ip, "203.0.113.9");
    ev->client_port = 50112;
    set(&ev->host, "api.example");
    ev->server_port = 443;

    set(&ev->http_method, "GET");
    set(&ev->http_version, "1.1");
    set(&ev->path, "/v1/invoices/17");
    set(&ev->user_agent, "billing-agent/2.4");
    ev->http_status = 200;

    ev->result = AGENT_RESULT_ALLOW;
    ev->reason = AGENT_OK;
    ev->overruled = AGENT_OK;
    ev->auth_type = AGENT_AUTH_KEY;

    set(&ev->agent, "billing-bot");
    set(&ev->owner, "team-pay");
    set(&ev->key_id, "0aZ81kLmQwErTy45");
    set(&ev->scopes, "invoices:read invoices:list");
    ev->expires = 1795450000;
    ev->deprecated = 1;

    set(&ev->credential, "9f86d081884c7d65");
    set(&ev->service, "invoices");
    set(&ev->location, "/v1/invoices/");
}


/* everything there is, all strings the same, all numbers at their highest */

static void
fill(agent_audit_event_t *ev, const uint8_t *text, size_t len)
{
    size_t  i;

    memset(ev, 0, sizeof(agent_audit_event_t));

    for (i = 0; i < FIELDS; i++) {
        field_of(ev, &fields[i])->data = text;
        field_of(ev, &fields[i])->len = len;
    }

    ev->time_ms = INT64_MAX;
    ev->latency_ms = INT64_MAX;
    ev->sequence = INT64_MAX;
    ev->client_port = 65535;
    ev->server_port = 65535;
    ev->http_status = UINT32_MAX;
    ev->subrequests_refused = UINT32_MAX;
    ev->expires = INT64_MAX / 1000;
    ev->deprecated = 1;

    ev->result = AGENT_RESULT_WOULD_DENY;
    ev->reason = AGENT_KEY_EXPIRED;
    ev->overruled = AGENT_CREDENTIAL_MALFORMED;
    ev->auth_type = AGENT_AUTH_OAUTH;
}


static void
set(agent_str_t *field, const char *text)
{
    field->data = (const uint8_t *) text;
    field->len = strlen(text);
}


static agent_str_t *
field_of(agent_audit_event_t *ev, const field_t *field)
{
    return (agent_str_t *) ((char *) ev + field->offset);
}


static json_t *
parse(const agent_audit_event_t *ev)
{
    size_t   len;
    uint8_t  buf[AGENT_AUDIT_LINE_MAX];

    len = agent_audit_line(buf, sizeof(buf), ev);

    return parse_text(buf, len);
}


/* NULL where it is not one line that holds one strict JSON object */

static json_t *
parse_text(const uint8_t *line, size_t len)
{
    size_t        i;
    json_t       *root;
    json_error_t  error;

    if (len == 0 || len > AGENT_AUDIT_LINE_MAX || line[len - 1] != '\n') {
        printf("# no line: %u octets\n", (unsigned) len);
        return NULL;
    }

    for (i = 0; i < len - 1; i++) {
        if (line[i] < 0x20 || line[i] == 0x7f
            || (line[i] == 0xc2 && line[i + 1] < 0xa0)
            || (line[i] == 0xe2 && line[i + 1] == 0x80
                && (line[i + 2] == 0xa8 || line[i + 2] == 0xa9)))
        {
            printf("# control character at %u\n", (unsigned) i);
            return NULL;
        }
    }

    root = json_loadb((const char *) line, len - 1,
                      JSON_REJECT_DUPLICATES|JSON_ALLOW_NUL, &error);

    if (root == NULL) {
        printf("# %s at %d: %.*s", error.text, error.position, (int) len,
               line);
    }

    return root;
}


static json_t *
find(json_t *root, const char *path)
{
    char         name[64];
    size_t       len;
    const char  *dot;

    for ( ;; ) {
        dot = strchr(path, '.');
        len = dot ? (size_t) (dot - path) : strlen(path);

        snprintf(name, sizeof(name), "%.*s", (int) len, path);
        root = json_object_get(root, name);

        if (dot == NULL) {
            return root;
        }

        path = dot + 1;
    }
}


/* -1 where there is none */

static long long
number(json_t *root, const char *path)
{
    json_t  *value;

    value = find(root, path);

    return json_is_integer(value) ? json_integer_value(value) : -1;
}


static int
is(json_t *root, const char *path, const char *expected)
{
    return is_octets(root, path, expected, strlen(expected));
}


static int
is_octets(json_t *root, const char *path, const char *expected, size_t len)
{
    json_t  *value;

    value = find(root, path);

    return value != NULL && json_string_length(value) == len
           && memcmp(json_string_value(value), expected, len) == 0;
}


static int
truncated(json_t *root)
{
    return json_is_true(find(root, "metadata.is_truncated"));
}
