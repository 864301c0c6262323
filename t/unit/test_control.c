
/*
 * What the control API is asked.  Without this a path could be taken for that
 * of another resource, a body that says two things for one of them, or a
 * revocation that holds nothing together be written down.
 */

#include "tap.h"

#include "agent_audit.h"
#include "agent_audit_control.h"
#include "agent_control.h"
#include "agent_time.h"


#define NONE  (-1)

typedef struct {
    const char  *path;
    int          resource;
    const char  *zone;
    const char  *id;
} path_t;


typedef struct {
    const char  *body;
    const char  *err;       /* a part of it; NULL: all is well */
} body_t;


static void test_paths(void);
static void test_revocations(void);
static void test_revocation(void);
static void test_array(void);
static void test_cause(void);
static void test_flush(void);
static void test_subject(void);
static void test_audit(void);
static void test_audit_hostile(void);


static const path_t  paths[] = {
    { "/revocations", AGENT_CONTROL_REVOCATIONS, "", "" },
    { "/revocations/a-1", AGENT_CONTROL_REVOCATION, "", "a-1" },
    { "/keys/z/k", AGENT_CONTROL_KEY, "z", "k" },
    { "/keys/z/k/suspend", AGENT_CONTROL_KEY_SUSPEND, "z", "k" },
    { "/keys/z/k/resume", AGENT_CONTROL_KEY_RESUME, "z", "k" },
    { "/keys/z/k/revoke", AGENT_CONTROL_KEY_REVOKE, "z", "k" },
    { "/keys/suspend/resume/revoke", AGENT_CONTROL_KEY_REVOKE, "suspend",
      "resume" },
    { "/flush", AGENT_CONTROL_FLUSH, "", "" },
    { "/providers", AGENT_CONTROL_PROVIDERS, "", "" },
    { "/zones", AGENT_CONTROL_ZONES, "", "" },
    { "/global-token-revocation", AGENT_CONTROL_SUBJECT, "", "" },

    { "", NONE, "", "" },
    { "/", NONE, "", "" },
    { "revocations", NONE, "", "" },
    { "//revocations", NONE, "", "" },
    { "/revocation", NONE, "", "" },
    { "/revocationsx", NONE, "", "" },
    { "/revocations/", NONE, "", "" },
    { "/revocations//", NONE, "", "" },
    { "/revocations/a/", NONE, "", "" },
    { "/revocations/a/b", NONE, "", "" },
    { "/Revocations", NONE, "", "" },
    { "/keys", NONE, "", "" },
    { "/keys/", NONE, "", "" },
    { "/keys/z", NONE, "", "" },
    { "/keys/z/", NONE, "", "" },
    { "/keys//k", NONE, "", "" },
    { "/keys/z/k/", NONE, "", "" },
    { "/keys/z//suspend", NONE, "", "" },
    { "/keys/z/k/suspended", NONE, "", "" },
    { "/keys/z/k/suspend/", NONE, "", "" },
    { "/zones/x", NONE, "", "" }
};


/* one revocation each */

#define DIGEST                                                                \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const body_t  revocations[] = {
    { "{\"kind\":\"token\",\"value\":\"" DIGEST "\"}", NULL },
    { "{\"kind\":\"subject\",\"issuer\":\"https://a\",\"value\":\"s\"}", NULL },
    { "{\"kind\":\"subject\",\"issuer\":\"https://a\",\"value\":\"s\","
      "\"before\":\"2026-01-01T00:00:00Z\","
      "\"expires\":\"2027-01-01T00:00:00Z\",\"cause\":\"c\"}", NULL },
    { "{\"kind\":\"key\",\"value\":\"k\"}", NULL },
    { "[{\"kind\":\"agent\",\"value\":\"a\"}]", NULL },

    { "", "not JSON" },
    { "null", "not JSON" },
    { "[]", "1 to 256" },
    { "{}", "\"kind\"" },
    { "[1]", "element 0: it must be an object" },
    { "[[]]", "element 0: it must be an object" },
    { "{\"kind\":\"token\"}", "" },
    { "{\"kind\":\"token\",\"value\":\"x\"}", "" },
    { "{\"kind\":\"secret\",\"value\":\"x\"}", "\"kind\"" },
    { "{\"kind\":1,\"value\":\"x\"}", "\"kind\" must be a string" },
    { "{\"kind\":\"agent\",\"value\":\"\"}", "\"value\" must have 1" },
    { "{\"kind\":\"agent\",\"value\":\"a\",\"id\":\"x\"}", "not known" },
    { "{\"kind\":\"agent\",\"value\":\"a\",\"by\":\"x\"}", "not known" },
    { "{\"kind\":\"agent\",\"value\":\"a\",\"op\":\"suspend\"}", "not known" },
    { "{\"kind\":\"subject\",\"value\":\"s\"}", "" },
    { "{\"kind\":\"agent\",\"value\":\"a\",\"before\":1}", "\"before\"" },
    { "{\"kind\":\"agent\",\"value\":\"a\",\"before\":\"now\"}",
      "\"before\" must be a date" },
    { "{\"kind\":\"agent\",\"value\":\"a\","
      "\"before\":\"1960-01-01T00:00:00Z\"}", "\"before\" must be a date" },
    { "{\"kind\":\"agent\",\"value\":\"a\",\"expires\":\"90d\"}",
      "\"expires\" must be a date" },
    { "{\"kind\":\"agent\",\"kind\":\"agent\",\"value\":\"a\"}", "not JSON" },
    { "[{\"kind\":\"agent\",\"value\":\"a\"},{}]", "element 1: " }
};


static const body_t  flushes[] = {
    { "{\"all\":true}", NULL },
    { "{\"token\":\"t\"}", NULL },
    { "{\"token_sha256\":\"" DIGEST "\"}", NULL },
    { "{\"subject\":\"s\"}", NULL },
    { "{\"provider\":\"p\"}", NULL },

    { "", "no JSON object" },
    { "[]", "no JSON object" },
    { "{}", "one of" },
    { "{\"all\":false}", "\"all\" must be true" },
    { "{\"all\":1}", "\"all\" must be true" },
    { "{\"all\":true,\"token\":\"t\"}", "one of" },
    { "{\"token_sha256\":\"t\"}", "64" },
    { "{\"token\":\"\"}", "\"token\" must have 1" },
    { "{\"subject\":null}", "\"subject\" must be a string" },
    { "{\"scope\":\"x\"}", "not known" }
};


static const body_t  subjects[] = {
    { "{\"sub_id\":{\"format\":\"iss_sub\",\"iss\":\"i\",\"sub\":\"s\"}}",
      NULL },
    { "{\"sub_id\":{\"format\":\"opaque\",\"id\":\"s\"}}", NULL },
    { "{\"sub_id\":{\"format\":\"email\",\"email\":\"a@b\"}}", NULL },
    { "{\"sub_id\":{\"format\":\"phone_number\",\"phone_number\":\"+1\"}}",
      NULL },
    { "{\"sub_id\":{\"format\":\"aliases\",\"identifiers\":[]}}", NULL },

    { "{}", "must be an object" },
    { "{\"sub_id\":\"s\"}", "must be an object" },
    { "{\"sub_id\":{}}", "\"format\"" },
    { "{\"sub_id\":{\"format\":1}}", "\"format\"" },
    { "{\"sub_id\":{\"format\":\"\"}}", "\"format\"" },
    { "{\"sub_id\":{\"format\":\"user\"}}", "unknown" },
    { "{\"sub_id\":{\"format\":\"opaque\"}}", "\"id\"" },
    { "{\"sub_id\":{\"format\":\"opaque\",\"id\":1}}", "\"id\"" },
    { "{\"sub_id\":{\"format\":\"opaque\",\"id\":\"\"}}", "\"id\"" },
    { "{\"sub_id\":{\"format\":\"opaque\",\"id\":\"s\",\"iss\":\"i\"}}",
      "too many" },
    { "{\"sub_id\":{\"format\":\"iss_sub\",\"sub\":\"s\"}}", "\"iss\"" },
    { "{\"sub_id\":{\"format\":\"iss_sub\",\"iss\":\"i\"}}", "\"sub\"" },
    { "{\"sub_id\":{\"format\":\"opaque\",\"id\":\"s\"},\"x\":1}",
      "not known" },
    { "{\"sub_id\":{\"format\":\"opaque\",\"id\":\"s\"}", "no JSON object" }
};


#define count(a)  (sizeof(a) / sizeof((a)[0]))

#define body_args(text)  (const uint8_t *) (text), strlen(text)


static agent_revocation_t  entries[AGENT_CONTROL_ENTRIES_MAX];


int
main(void)
{
    test_paths();
    test_revocations();
    test_revocation();
    test_array();
    test_cause();
    test_flush();
    test_subject();
    test_audit();
    test_audit_hostile();

    return tap_done();
}


static void
test_paths(void)
{
    int                     rc;
    size_t                  i;
    char                    long_path[256];
    agent_str_t             path;
    agent_control_route_t   route;

    for (i = 0; i < count(paths); i++) {

        path.data = (const uint8_t *) paths[i].path;
        path.len = strlen(paths[i].path);

        rc = agent_control_route(&path, &route);

        if (paths[i].resource == NONE) {
            ok(rc != 0, "no resource: \"%s\"", paths[i].path);
            continue;
        }

        ok(rc == 0 && (int) route.resource == paths[i].resource, "\"%s\"",
           paths[i].path);
        is_str(route.zone.data, route.zone.len, paths[i].zone, "its zone");
        is_str(route.id.data, route.id.len, paths[i].id, "its id");
    }

    memset(long_path, 'x', sizeof(long_path));
    memcpy(long_path, "/revocations/", 13);

    path.data = (uint8_t *) long_path;
    path.len = 13 + AGENT_CONTROL_SEGMENT_MAX;
    ok(agent_control_route(&path, &route) == 0, "the longest id");
    path.len++;
    ok(agent_control_route(&path, &route) != 0, "one more");

    for (i = 0; i < AGENT_CONTROL_RESOURCES; i++) {
        ok(strlen(agent_control_methods((agent_control_resource_e) i)) > 3,
           "methods of resource %u", (unsigned) i);
    }
}


static void
judge(const body_t *body, const json_t *tree, const char *err)
{
    if (body->err == NULL) {
        ok(tree != NULL, "good: %.60s", body->body);
        return;
    }

    ok(tree == NULL && strstr(err, body->err) != NULL, "bad: %.60s: %s",
       body->body, tree ? "-" : err);
}


static void
test_revocations(void)
{
    char     err[AGENT_ERROR_LEN];
    size_t   i, n;
    json_t  *tree;

    for (i = 0; i < count(revocations); i++) {

        tree = agent_control_revocations(body_args(revocations[i].body),
                                         entries, &n, err);

        judge(&revocations[i], tree, err);
        ok(n == (tree ? 1 : 0), "so many entries");

        json_decref(tree);
    }
}


static void
test_revocation(void)
{
    char     err[AGENT_ERROR_LEN];
    size_t   n;
    json_t  *tree;

    tree = agent_control_revocations(body_args(revocations[2].body), entries,
                                     &n, err);

    ok(entries[0].op == AGENT_REVOKE
       && entries[0].kind == AGENT_REVOKED_SUBJECT, "what is done");
    is_str(entries[0].value.data, entries[0].value.len, "s", "value");
    is_str(entries[0].issuer.data, entries[0].issuer.len, "https://a",
           "issuer");
    is_str(entries[0].cause.data, entries[0].cause.len, "c", "cause");
    ok(entries[0].before == INT64_C(1767225600000), "before");
    ok(entries[0].expires == INT64_C(1798761600000), "expires");
    ok(entries[0].id.len == 0 && entries[0].by.len == 0
       && entries[0].at == AGENT_REVOCATION_NONE, "the rest is the caller's");

    json_decref(tree);

    tree = agent_control_revocations(body_args(revocations[1].body), entries,
                                     &n, err);

    ok(entries[0].before == AGENT_REVOCATION_NONE
       && entries[0].expires == AGENT_REVOCATION_NONE, "no times");

    json_decref(tree);
}


static void
test_array(void)
{
    char     err[AGENT_ERROR_LEN];
    char    *text, *p;
    size_t   i, n, elements;
    json_t  *tree;

    static const char  one[] = "{\"kind\":\"agent\",\"value\":\"a\"}";

    text = malloc((AGENT_CONTROL_ENTRIES_MAX + 1) * (sizeof(one) + 1) + 3);

    for (elements = AGENT_CONTROL_ENTRIES_MAX;
         elements <= AGENT_CONTROL_ENTRIES_MAX + 1;
         elements++)
    {
        p = text;
        *p++ = '[';

        for (i = 0; i < elements; i++) {
            memcpy(p, one, sizeof(one) - 1);
            p += sizeof(one) - 1;
            *p++ = ',';
        }

        p[-1] = ']';
        *p = '\0';

        tree = agent_control_revocations(body_args(text), entries, &n, err);

        if (elements == AGENT_CONTROL_ENTRIES_MAX) {
            ok(tree && n == elements, "the most elements");
        } else {
            ok(tree == NULL && n == 0, "one more");
        }

        json_decref(tree);
    }

    free(text);
}


static void
test_cause(void)
{
    char          err[AGENT_ERROR_LEN];
    json_t       *tree;
    agent_str_t   cause;

    tree = agent_control_cause(NULL, 0, &cause, err);
    ok(tree && cause.len == 0, "no body");
    json_decref(tree);

    tree = agent_control_cause(body_args("{}"), &cause, err);
    ok(tree && cause.len == 0, "no cause");
    json_decref(tree);

    tree = agent_control_cause(body_args("{\"cause\":\"lost\"}"), &cause, err);
    ok(tree != NULL, "a cause");
    is_str(cause.data, cause.len, "lost", "it");
    json_decref(tree);

    ok(agent_control_cause(body_args("[]"), &cause, err) == NULL, "an array");
    ok(agent_control_cause(body_args("{\"cause\":1}"), &cause, err) == NULL,
       "a number");
    ok(agent_control_cause(body_args("{\"force\":true}"), &cause, err) == NULL,
       "something else");
}


static void
test_flush(void)
{
    char                    err[AGENT_ERROR_LEN];
    size_t                  i;
    json_t                 *tree;
    uint8_t                 digest[AGENT_SHA256_LEN];
    agent_control_flush_t   flush;

    static const agent_flush_e  what[] = {
        AGENT_FLUSH_ALL, AGENT_FLUSH_TOKEN, AGENT_FLUSH_TOKEN,
        AGENT_FLUSH_SUBJECT, AGENT_FLUSH_PROVIDER
    };

    for (i = 0; i < count(flushes); i++) {

        tree = agent_control_flush(body_args(flushes[i].body), &flush, err);

        judge(&flushes[i], tree, err);

        if (i < count(what)) {
            ok(flush.what == what[i], "what is flushed");
        }

        if (i == 1) {
            agent_sha256((const uint8_t *) "t", 1, digest);
            ok(memcmp(flush.digest, digest, sizeof(digest)) == 0,
               "the digest of the token");
        }

        if (i == 3) {
            is_str(flush.value.data, flush.value.len, "s", "the subject");
        }

        json_decref(tree);
    }
}


static void
test_subject(void)
{
    char             err[AGENT_ERROR_LEN];
    size_t           i;
    json_t          *tree;
    agent_sub_id_t   id;

    static const char *const  values[] = { "s", "s", "a@b", "", "" };

    for (i = 0; i < count(subjects); i++) {

        tree = agent_control_subject(body_args(subjects[i].body), &id, err);

        judge(&subjects[i], tree, err);

        if (i < count(values)) {
            is_str(id.value.data, id.value.len, values[i], "its value");
            is_str(id.issuer.data, id.issuer.len, i == 0 ? "i" : "",
                   "its issuer");
            ok(id.format == (i < 3 ? (agent_sub_id_e) i : AGENT_SUB_ID_OTHER),
               "its format");
        }

        json_decref(tree);
    }
}


static void
test_audit(void)
{
    size_t                 len;
    json_t                *json;
    uint8_t                buf[AGENT_AUDIT_LINE_MAX];
    agent_audit_control_t  ev;

    memset(&ev, 0, sizeof(ev));

    ev.time_ms = 1700000000000;
    ev.sequence = 7;
    ev.number = 2;
    ev.before = 1600000000;
    ev.http_status = 201;
    ev.change = AGENT_CHANGE_SUSPEND;
    agent_str_set(&ev.request_id, "abc");
    agent_str_set(&ev.client_ip, "::1");
    agent_str_set(&ev.caller, "ops");
    agent_str_set(&ev.kind, "key");
    agent_str_set(&ev.value, "k1");
    agent_str_set(&ev.cause, "lost \"laptop\"");

    ok(agent_audit_control_line(buf, sizeof(buf) - 1, &ev) == 0, "no room");

    len = agent_audit_control_line(buf, sizeof(buf), &ev);

    ok(len && buf[len - 1] == '\n' && memchr(buf, '\n', len - 1) == NULL,
       "one line");

    json = json_loadb((char *) buf, len, JSON_REJECT_DUPLICATES, NULL);

    ok(json != NULL, "of JSON");
    ok(json_integer_value(json_object_get(json, "type_uid")) == 300412,
       "suspended");
    is_str(json_string_value(json_object_get(json, "comment")), 13,
           "lost \"laptop\"", "why");
    is_str(json_string_value(json_object_get(json_object_get(json, "entity"),
                                             "uid")), 2, "k1", "what");
    is_str(json_string_value(json_object_get(json_object_get(json, "metadata"),
                                             "uid")), 5, "abc-2", "its id");
    is_str(json_string_value(json_object_get(json_object_get(json, "actor"),
                                             "app_name")), 3, "ops", "who");
    is_str(json_string_value(json_object_get(json_object_get(json,
                                                             "src_endpoint"),
                                             "ip")), 3, "::1", "from where");
    ok(json_integer_value(json_object_get(json, "status_id")) == 1, "done");

    json_decref(json);

    ev.http_status = 507;
    len = agent_audit_control_line(buf, sizeof(buf), &ev);
    json = json_loadb((char *) buf, len, 0, NULL);
    ok(json_integer_value(json_object_get(json, "status_id")) == 2,
       "not done");
    json_decref(json);
}


/* octets that become six, in all that may be anybody's */

static void
test_audit_hostile(void)
{
    size_t                  i, len;
    json_t                 *json;
    uint8_t                 buf[AGENT_AUDIT_LINE_MAX], octets[4096];
    agent_str_t            *all[8];
    agent_audit_control_t   ev;

    memset(octets, 1, sizeof(octets));
    memset(&ev, 0, sizeof(ev));

    all[0] = &ev.request_id;
    all[1] = &ev.server_name;
    all[2] = &ev.client_ip;
    all[3] = &ev.caller;
    all[4] = &ev.kind;
    all[5] = &ev.value;
    all[6] = &ev.issuer;
    all[7] = &ev.cause;

    for (i = 0; i < count(all); i++) {
        all[i]->data = octets;
        all[i]->len = sizeof(octets);
    }

    ev.id = ev.cause;
    ev.time_ms = INT64_MAX;
    ev.sequence = INT64_MAX;
    ev.number = INT64_MAX;
    ev.before = INT64_MAX / 1000;
    ev.expires = INT64_MAX / 1000;
    ev.client_port = 65535;
    ev.http_status = 507;

    for (i = AGENT_CHANGE_REVOKE; i <= AGENT_CHANGE_RECORD; i++) {

        ev.change = (agent_change_e) i;
        len = agent_audit_control_line(buf, sizeof(buf), &ev);

        json = json_loadb((char *) buf, len, JSON_REJECT_DUPLICATES, NULL);

        ok(len && json, "%u octets of the worst",
           (unsigned) len);
        ok(json_is_true(json_object_get(json_object_get(json, "metadata"),
                                        "is_truncated")), "said to be cut");
        json_decref(json);
    }
}
