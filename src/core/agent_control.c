
#include "agent_control.h"
#include "agent_json_tree.h"
#include "agent_time.h"


typedef struct {
    const char   *path;         /* '*' is a segment: zone, then id */
    const char   *methods;
} agent_control_path_t;


static int agent_control_match(const char *pattern, const agent_str_t *path,
    agent_control_route_t *route);
static json_t *agent_control_object(const uint8_t *body, size_t len,
    char *err);
static int agent_control_entry(const json_t *json, agent_revocation_t *rev,
    char *err);
static int agent_control_known(const json_t *json, const char *const *names,
    char *err);
static int agent_control_text(const json_t *json, const char *name,
    size_t max, agent_str_t *text, char *err);
static int agent_control_time(const json_t *json, const char *name,
    int64_t *t, char *err);
static int agent_control_flush_take(const json_t *json,
    agent_control_flush_t *flush, char *err);


/* in the order of agent_control_resource_e */

static const agent_control_path_t  agent_control_paths[] = {
    { "/revocations",              "GET, HEAD, POST" },
    { "/revocations/*",            "DELETE" },
    { "/keys/*/*",                 "GET, HEAD" },
    { "/keys/*/*/suspend",         "POST" },
    { "/keys/*/*/resume",          "POST" },
    { "/keys/*/*/revoke",          "POST" },
    { "/flush",                    "POST" },
    { "/providers",                "GET, HEAD" },
    { "/zones",                    "GET, HEAD" },
    { "/global-token-revocation",  "POST" }
};


int
agent_control_route(const agent_str_t *path, agent_control_route_t *route)
{
    unsigned  i;

    for (i = 0; i < AGENT_CONTROL_RESOURCES; i++) {

        memset(route, 0, sizeof(*route));
        route->resource = (agent_control_resource_e) i;

        if (agent_control_match(agent_control_paths[i].path, path, route)) {
            return 0;
        }
    }

    return -1;
}


static int
agent_control_match(const char *pattern, const agent_str_t *path,
    agent_control_route_t *route)
{
    agent_str_t     segment;
    const uint8_t  *p, *last;

    p = path->data;
    last = p + path->len;

    for ( /* void */ ; *pattern; pattern++) {

        if (*pattern != '*') {
            if (p == last || *p != (uint8_t) *pattern) {
                return 0;
            }

            p++;
            continue;
        }

        segment.data = p;

        while (p < last && *p != '/') {
            p++;
        }

        segment.len = (size_t) (p - segment.data);

        if (segment.len == 0 || segment.len > AGENT_CONTROL_SEGMENT_MAX) {
            return 0;
        }

        /* where there is one only it is the id */

        route->zone = route->id;
        route->id = segment;
    }

    return p == last;
}


const char *
agent_control_methods(agent_control_resource_e resource)
{
    return agent_control_paths[resource].methods;
}


json_t *
agent_control_revocations(const uint8_t *body, size_t len,
    agent_revocation_t *entries, size_t *n, char *err)
{
    char     why[AGENT_ERROR_LEN];
    size_t   i;
    json_t  *tree, *one;

    *n = 0;

    tree = agent_json_list(body, len, 0);

    if (tree == NULL) {
        (void) agent_fail(err, "the body is not JSON, or not as strict as it "
                          "has to be");
        return NULL;
    }

    if (!json_is_array(tree)) {
        one = tree;

        if (agent_control_entry(one, &entries[0], err) != 0) {
            goto failed;
        }

        *n = 1;
        return tree;
    }

    if (json_array_size(tree) == 0
        || json_array_size(tree) > AGENT_CONTROL_ENTRIES_MAX)
    {
        (void) agent_fail(err, "an array must have 1 to %d elements",
                          AGENT_CONTROL_ENTRIES_MAX);
        goto failed;
    }

    for (i = 0; i < json_array_size(tree); i++) {

        if (agent_control_entry(json_array_get(tree, i), &entries[i], why)
            != 0)
        {
            (void) agent_fail(err, "element %u: %.200s", (unsigned) i, why);
            goto failed;
        }
    }

    *n = json_array_size(tree);

    return tree;

failed:

    json_decref(tree);

    return NULL;
}


static int
agent_control_entry(const json_t *json, agent_revocation_t *rev, char *err)
{
    int          kind;
    agent_str_t  name;

    static const char *const  members[] = {
        "kind", "value", "issuer", "before", "expires", "cause", NULL
    };

    memset(rev, 0, sizeof(*rev));

    rev->op = AGENT_REVOKE;
    rev->at = AGENT_REVOCATION_NONE;

    if (agent_control_known(json, members, err) != 0
        || agent_control_text(json, "kind", AGENT_REVOCATION_ID_MAX, &name,
                              err)
           != 0
        || agent_control_text(json, "value", AGENT_REVOCATION_VALUE_MAX,
                              &rev->value, err)
           != 0
        || agent_control_text(json, "issuer", AGENT_REVOCATION_VALUE_MAX,
                              &rev->issuer, err)
           != 0
        || agent_control_text(json, "cause", AGENT_REVOCATION_CAUSE_MAX,
                              &rev->cause, err)
           != 0
        || agent_control_time(json, "before", &rev->before, err) != 0
        || agent_control_time(json, "expires", &rev->expires, err) != 0)
    {
        return -1;
    }

    kind = agent_revocation_kind(&name);

    if (kind < 0) {
        return agent_fail(err, "\"kind\" is missing, or none that there is");
    }

    rev->kind = (agent_revocation_kind_e) kind;

    return agent_revocation_check(rev, err);
}


/* an object, and no member of a name that is not in the list */

static int
agent_control_known(const json_t *json, const char *const *names, char *err)
{
    size_t  i, known;

    if (!json_is_object(json)) {
        return agent_fail(err, "it must be an object");
    }

    for (i = 0, known = 0; names[i]; i++) {
        known += (json_object_get(json, names[i]) != NULL);
    }

    return json_object_size(json) == known
           ? 0 : agent_fail(err, "it has a member that is not known");
}


/* not there: empty */

static int
agent_control_text(const json_t *json, const char *name, size_t max,
    agent_str_t *text, char *err)
{
    const json_t  *member;

    member = json_object_get(json, name);

    if (member == NULL) {
        text->len = 0;
        text->data = NULL;
        return 0;
    }

    if (!json_is_string(member)) {
        return agent_fail(err, "\"%s\" must be a string", name);
    }

    text->len = json_string_length(member);
    text->data = (const uint8_t *) json_string_value(member);

    if (text->len == 0 || text->len > max) {
        return agent_fail(err, "\"%s\" must have 1 to %u octets", name,
                          (unsigned) max);
    }

    return 0;
}


/* RFC 3339 to milliseconds */

static int
agent_control_time(const json_t *json, const char *name, int64_t *t, char *err)
{
    int64_t      seconds;
    agent_str_t  text;

    *t = AGENT_REVOCATION_NONE;

    if (agent_control_text(json, name, 64, &text, err) != 0) {
        return -1;
    }

    if (text.len == 0) {
        return 0;
    }

    if (agent_time_parse(&text, &seconds) != 0 || seconds < 0) {
        return agent_fail(err, "\"%s\" must be a date such as "
                          "\"2027-01-31T00:00:00Z\"", name);
    }

    *t = seconds * 1000;

    return 0;
}


json_t *
agent_control_cause(const uint8_t *body, size_t len, agent_str_t *cause,
    char *err)
{
    json_t  *tree;

    static const char *const  members[] = { "cause", NULL };

    cause->len = 0;
    cause->data = NULL;

    if (len == 0) {
        tree = json_object();

        if (tree == NULL) {
            (void) agent_fail(err, "no memory");
        }

        return tree;
    }

    tree = agent_control_object(body, len, err);

    if (tree
        && (agent_control_known(tree, members, err) != 0
            || agent_control_text(tree, "cause", AGENT_REVOCATION_CAUSE_MAX,
                                  cause, err)
               != 0))
    {
        json_decref(tree);
        return NULL;
    }

    return tree;
}


static json_t *
agent_control_object(const uint8_t *body, size_t len, char *err)
{
    json_t  *tree;

    tree = agent_json_tree(body, len, 0);

    if (tree == NULL) {
        (void) agent_fail(err, "the body is no JSON object, or not as strict "
                          "as it has to be");
    }

    return tree;
}


json_t *
agent_control_flush(const uint8_t *body, size_t len,
    agent_control_flush_t *flush, char *err)
{
    json_t  *tree;

    memset(flush, 0, sizeof(*flush));

    tree = agent_control_object(body, len, err);

    if (tree && agent_control_flush_take(tree, flush, err) != 0) {
        json_decref(tree);
        return NULL;
    }

    return tree;
}


static int
agent_control_flush_take(const json_t *json, agent_control_flush_t *flush,
    char *err)
{
    agent_str_t  token, digest, subject, provider;

    static const char *const  members[] = {
        "token", "token_sha256", "subject", "provider", "all", NULL
    };

    if (agent_control_known(json, members, err) != 0
        || agent_control_text(json, "token", AGENT_CONTROL_BODY_MAX, &token,
                              err)
           != 0
        || agent_control_text(json, "token_sha256", 2 * AGENT_SHA256_LEN,
                              &digest, err)
           != 0
        || agent_control_text(json, "subject", AGENT_REVOCATION_VALUE_MAX,
                              &subject, err)
           != 0
        || agent_control_text(json, "provider", AGENT_REVOCATION_VALUE_MAX,
                              &provider, err)
           != 0)
    {
        return -1;
    }

    if (json_object_size(json) != 1) {
        return agent_fail(err, "it must have one of \"token\", "
                          "\"token_sha256\", \"subject\", \"provider\" and "
                          "\"all\"");
    }

    if (token.len) {
        flush->what = AGENT_FLUSH_TOKEN;
        agent_sha256(token.data, token.len, flush->digest);
        return 0;
    }

    if (digest.len) {
        flush->what = AGENT_FLUSH_TOKEN;

        if (digest.len == 2 * AGENT_SHA256_LEN
            && agent_unhex(flush->digest, AGENT_SHA256_LEN, digest.data) == 0)
        {
            return 0;
        }

        return agent_fail(err, "\"token_sha256\" must be 64 lower-case hex "
                          "digits");
    }

    if (subject.len || provider.len) {
        flush->what = subject.len ? AGENT_FLUSH_SUBJECT : AGENT_FLUSH_PROVIDER;
        flush->value = subject.len ? subject : provider;
        return 0;
    }

    flush->what = AGENT_FLUSH_ALL;

    return json_is_true(json_object_get(json, "all"))
           ? 0 : agent_fail(err, "\"all\" must be true");
}


json_t *
agent_control_subject(const uint8_t *body, size_t len, agent_sub_id_t *id,
    char *err)
{
    json_t  *tree;

    static const char *const  members[] = { "sub_id", NULL };

    tree = agent_control_object(body, len, err);

    if (tree
        && (agent_control_known(tree, members, err) != 0
            || agent_sub_id(json_object_get(tree, "sub_id"), id, err) != 0))
    {
        json_decref(tree);
        return NULL;
    }

    return tree;
}
