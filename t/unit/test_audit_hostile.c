
/*
 * The audit line of those who would rather have none.  Without this a client
 * could forge, split or suppress the record of what it did (U-04), or push the
 * proven identity out of it by filling its own fields (U-05).
 *
 * With the argument --lines it prints sample lines instead, each decision and
 * the worst inputs, for t/ocsf/validate.t.
 */

#include "tap.h"

#include <stddef.h>

#include "agent_claims.h"
#include "audit.h"


typedef struct {
    const char  *path;      /* of the member that shows it */
    size_t       offset;
    size_t       cap;
} field_t;


static void test_hostile(void);
static void test_caps(void);
static void test_scopes(void);
static void test_worst(void);
static void test_identity_stays(void);
static void test_every_length(void);
static void print_lines(void);
static void fill(agent_audit_event_t *ev, const uint8_t *text, size_t len);
static void fill_actors(agent_audit_event_t *ev, const uint8_t *text,
    size_t len);
static agent_str_t *field_of(agent_audit_event_t *ev, const field_t *field);


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
    field("unmapped.agent_auth.mcp.version", mcp_version, 256),
    field("unmapped.agent_auth.mcp.method", mcp_method, 256),
    field("unmapped.agent_auth.mcp.name", mcp_name, 256),
    field("unmapped.agent_auth.credential", credential, 256),
    field("unmapped.agent_auth.service", service, 256),
    field("unmapped.agent_auth.location", location, 256),
    field("unmapped.agent_auth.issuer", issuer, 256),
    field("unmapped.agent_auth.client_id", client_id, 256),
    field("unmapped.agent_auth.subject", subject, 256),

    /* cut between two scopes, so not among those of one size */
    field("unmapped.agent_auth.scope", scopes, 256)
};

#define FIELDS  (sizeof(fields) / sizeof(fields[0]))


int
main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--lines") == 0) {
        print_lines();
        return 0;
    }

    test_hostile();
    test_caps();
    test_scopes();
    test_worst();
    test_identity_stays();
    test_every_length();

    return tap_done();
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
                fprintf(stderr, "# %s\n", fields[j].path);
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

        /* of a token, whose texts have no control characters */

        set(&ev.issuer, "https://as.example");
        set(&ev.client_id, "client");
        set(&ev.subject, "subject");
        set(&ev.actor, "actor");
        ev.actors.len = 0;

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

    len = lost_line(buf, sizeof(buf), 1795449600123, &uid, 17);
    fwrite(buf, 1, len, stdout);
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

    fill_actors(ev, text, len);

    ev->time_ms = INT64_MAX;
    ev->latency_ms = INT64_MAX;
    ev->sequence = INT64_MAX;
    ev->client_port = 65535;
    ev->server_port = 65535;
    ev->http_status = UINT32_MAX;
    ev->subrequests_refused = UINT32_MAX;
    ev->expires = INT64_MAX / 1000;
    ev->deprecated = 1;
    ev->sunset = INT64_MAX;

    ev->result = AGENT_RESULT_WOULD_DENY;
    ev->reason = AGENT_KEY_EXPIRED;
    ev->overruled = AGENT_CREDENTIAL_MALFORMED;
    ev->auth_type = AGENT_AUTH_OAUTH;
}


/* as many as a token may name, RFC 8693, 4.1, and short: they fit longest */

#define ACTOR_MAX  9

static void
fill_actors(agent_audit_event_t *ev, const uint8_t *text, size_t len)
{
    size_t    i;
    uint8_t  *p;
    uint16_t  n;

    static uint8_t  list[(AGENT_ACT_DEPTH_MAX - 1)
                         * (sizeof(uint16_t) + ACTOR_MAX)];

    n = (uint16_t) (len < ACTOR_MAX ? len : ACTOR_MAX);
    p = list;

    for (i = 1; i < AGENT_ACT_DEPTH_MAX; i++) {
        memcpy(p, &n, sizeof(n));
        memcpy(p + sizeof(n), text, n);
        p += sizeof(n) + n;
    }

    ev->actor.data = text;
    ev->actor.len = len;
    ev->actors.data = list;
    ev->actors.len = (size_t) (p - list);
}


static agent_str_t *
field_of(agent_audit_event_t *ev, const field_t *field)
{
    return (agent_str_t *) ((char *) ev + field->offset);
}
