
/*
 * Audit lines read again.  Without this a report could take an attempt for a
 * use, one agent for another, or stop at a line that somebody put into a log
 * (X-06).
 */

#include "tap.h"
#include "audit.h"

#include "agent_audit_read.h"

#include <stdlib.h>


static void test_round_trip(void);
static void test_token(void);
static void test_empty(void);
static void test_lost(void);
static void test_zero(void);
static void test_faults(void);
static void test_others(void);
static agent_audit_read_e read_event(const agent_audit_event_t *ev);
static agent_audit_read_e read_text(const char *text);


static char                 err[AGENT_ERROR_LEN];
static json_t              *json;
static agent_audit_entry_t  entry;


#define is_name(name, expected)                                               \
    is_str(entry.name.data, entry.name.len, expected, #name)


int
main(void)
{
    test_round_trip();
    test_token();
    test_empty();
    test_lost();
    test_zero();
    test_faults();
    test_others();

    return tap_done();
}


static void
test_round_trip(void)
{
    agent_reason_e       reason;
    agent_result_e       result;
    agent_audit_event_t  ev;

    typical(&ev);

    ok(read_event(&ev) == AGENT_AUDIT_REQUEST, "a line as it is written");
    ok(entry.time == 1795449600, "time");
    ok(entry.result == AGENT_RESULT_ALLOW, "result");
    ok(entry.auth_type == AGENT_AUTH_KEY, "type");
    is_name(reason, "ok");
    is_name(server, "example");
    is_name(service, "invoices");
    is_name(location, "/v1/invoices/");
    is_name(agent, "billing-bot");
    is_name(owner, "team-pay");
    is_name(key_id, "0aZ81kLmQwErTy45");
    ok(entry.expires == 1795450000, "expires");
    ok(entry.sunset == 1767225600, "sunset");
    ok(entry.deprecated, "deprecated");
    json_decref(json);

    for (reason = AGENT_NOT_EVALUATED; reason < AGENT_REASON_MAX; reason++) {
        for (result = AGENT_RESULT_NONE; result <= AGENT_RESULT_OFF; result++)
        {
            ev.reason = reason;
            ev.result = result;

            if (read_event(&ev) != AGENT_AUDIT_REQUEST
                || entry.result != result
                || !agent_str_eq(&entry.reason, agent_reason_name(reason)))
            {
                ok(0, "reason %d, result %d", (int) reason, (int) result);
            }

            json_decref(json);
        }
    }

    ok(1, "all reasons and results");
}


static void
test_token(void)
{
    agent_audit_event_t  ev;

    typical(&ev);

    ev.auth_type = AGENT_AUTH_OAUTH;
    ev.deprecated = 0;
    ev.sunset = 0;
    set(&ev.agent, "\xc3\xa4gent \"x\"");

    ok(read_event(&ev) == AGENT_AUDIT_REQUEST, "a token");
    ok(entry.auth_type == AGENT_AUTH_OAUTH, "type");
    is_name(agent, "\xc3\xa4gent \"x\"");
    ok(!entry.deprecated && entry.sunset == 0, "not deprecated");
    json_decref(json);
}


static void
test_empty(void)
{
    agent_audit_event_t  ev;

    memset(&ev, 0, sizeof(ev));
    ev.time_ms = 1000;

    ok(read_event(&ev) == AGENT_AUDIT_REQUEST, "next to nothing");
    ok(entry.result == AGENT_RESULT_NONE, "result");
    ok(entry.auth_type == AGENT_AUTH_NONE, "type");
    ok(entry.agent.len == 0 && entry.key_id.len == 0, "nobody");
    ok(entry.expires == 0, "without an end");
    json_decref(json);

    /* an attempt is nobody's */

    set(&ev.unverified_key_id, "0aZ81kLmQwErTy45");
    ev.result = AGENT_RESULT_DENY;
    ev.reason = AGENT_KEY_UNKNOWN;

    ok(read_event(&ev) == AGENT_AUDIT_REQUEST, "an attempt");
    ok(entry.agent.len == 0 && entry.key_id.len == 0, "is nobody's");
    json_decref(json);
}


static void
test_lost(void)
{
    size_t       len;
    uint8_t      buf[AGENT_AUDIT_LINE_MAX];
    agent_str_t  uid;

    set(&uid, "u");
    len = lost_line(buf, sizeof(buf), 1795449600123, &uid, 17);

    ok(agent_audit_read(buf, len - 1, &entry, &json, err) == AGENT_AUDIT_LOST,
       "lines that were lost");
    ok(entry.lost == 17 && entry.time == 1795449600, "how many, and when");
    json_decref(json);
}


/* names are compared as texts of C */

static void
test_zero(void)
{
    ok(read_text("{\"time\":1000,\"class_uid\":6003,\"a\":\"\\u0000\","
                 "\"unmapped\":{\"agent_auth\":{\"result\":\"allow\","
                 "\"reason\":\"ok\"}}}")
       == AGENT_AUDIT_REQUEST, "an octet of zero elsewhere");
    json_decref(json);

    ok(read_text("{\"time\":1000,\"class_uid\":6003,"
                 "\"unmapped\":{\"agent_auth\":{\"result\":\"allow\","
                 "\"reason\":\"ok\",\"owner\":\"a\\u0000b\"}}}")
       == AGENT_AUDIT_BAD, "one in a name");
    ok(json == NULL, "nothing is left");
}


static void
test_faults(void)
{
    size_t  i;
    char    text[1024];

    static const char  *faults[] = {
        "", "{", "[]", "null", "{}{}", "{\"time\":1,\"time\":2}",
        "{\"time\":-1}", "{\"time\":1.5}", "{\"time\":\"1\"}",
        "{\"time\":253402300800000}", "{\"class_uid\":null}",
        "{\"class_uid\":0,\"message\":1}", "{\"class_uid\":0,\"count\":-1}"
    };

    static const char  *members[] = {
        "\"result\":\"x\",\"reason\":\"ok\"",
        "\"result\":1,\"reason\":\"ok\"",
        "\"result\":\"\",\"reason\":\"ok\"",
        "\"result\":\"allow\"",
        "\"result\":\"allow\",\"reason\":\"\"",
        "\"result\":\"allow\",\"reason\":\"a b\"",
        "\"result\":\"allow\",\"reason\":\"ok\",\"method\":\"none\"",
        "\"result\":\"allow\",\"reason\":\"ok\",\"sunset\":-1",
        "\"result\":\"allow\",\"reason\":\"ok\",\"service\":[]",
        "\"result\":\"allow\",\"reason\":\"ok\",\"owner\":true"
    };

    for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        err[0] = '\0';
        ok(read_text(faults[i]) == AGENT_AUDIT_BAD && json == NULL && err[0],
           "%s: %s", faults[i], err);
    }

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        err[0] = '\0';
        snprintf(text, sizeof(text), "{\"time\":1000,\"class_uid\":6003,"
                 "\"unmapped\":{\"agent_auth\":{%s}}}", members[i]);
        ok(read_text(text) == AGENT_AUDIT_BAD && json == NULL && err[0],
           "%s: %s", members[i], err);
    }
}


static void
test_others(void)
{
    size_t  i;

    static const char  *others[] = {
        "{}", "{\"class_uid\":3002}", "{\"class_uid\":6003}",
        "{\"class_uid\":6003,\"unmapped\":1}",
        "{\"class_uid\":6003,\"unmapped\":{\"agent_auth\":[]}}",
        "{\"class_uid\":0,\"message\":\"audit lines lost?\"}"
    };

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        ok(read_text(others[i]) == AGENT_AUDIT_OTHER, "%s", others[i]);
        json_decref(json);
    }
}


static agent_audit_read_e
read_event(const agent_audit_event_t *ev)
{
    size_t   len;
    uint8_t  buf[AGENT_AUDIT_LINE_MAX];

    len = agent_audit_line(buf, sizeof(buf), ev);

    return agent_audit_read(buf, len - 1, &entry, &json, err);
}


static agent_audit_read_e
read_text(const char *text)
{
    size_t              len;
    uint8_t            *copy;
    agent_audit_read_e  kind;

    /* nothing behind it */

    len = strlen(text);
    copy = malloc(len ? len : 1);
    memcpy(copy, text, len);

    kind = agent_audit_read(copy, len, &entry, &json, err);

    free(copy);

    return kind;
}
