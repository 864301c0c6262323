
/*
 * Bodies and paths of the control API: what is taken of them lies in the tree
 * or the path, holds together, and what is said of a fault quotes nothing.
 */

#include "fuzz.h"

#include "agent_audit.h"
#include "agent_audit_control.h"
#include "agent_control.h"


static void fuzz_path(const uint8_t *data, size_t size);
static void fuzz_revocations(const uint8_t *body, size_t size);
static void fuzz_others(const uint8_t *body, size_t size);
static void fuzz_audit(const uint8_t *data, size_t size);
static void fuzz_error(const char *err);


static agent_revocation_t  entries[AGENT_CONTROL_ENTRIES_MAX];


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t  *copy;

    if (size > AGENT_CONTROL_BODY_MAX) {
        return 0;
    }

    copy = fuzz_copy(data, size);

    fuzz_path(copy, size);
    fuzz_revocations(copy, size);
    fuzz_others(copy, size);
    fuzz_audit(copy, size);

    free(copy);

    return 0;
}


static void
fuzz_path(const uint8_t *data, size_t size)
{
    agent_str_t            path;
    agent_control_route_t  route;

    path.data = data;
    path.len = size;

    if (agent_control_route(&path, &route) != 0) {
        return;
    }

    fuzz_check(route.resource < AGENT_CONTROL_RESOURCES);
    fuzz_check(route.id.len <= AGENT_CONTROL_SEGMENT_MAX);
    fuzz_check(route.zone.len + route.id.len < size);
    fuzz_check(route.id.len == 0
               || memchr(route.id.data, '/', route.id.len) == NULL);
}


static void
fuzz_revocations(const uint8_t *body, size_t size)
{
    char     err[AGENT_ERROR_LEN];
    size_t   i, n;
    json_t  *tree;

    static uint8_t  line[AGENT_REVOCATION_LINE_MAX];

    tree = agent_control_revocations(body, size, entries, &n, err);

    if (tree == NULL) {
        fuzz_error(err);
        return;
    }

    fuzz_check(n > 0 && n <= AGENT_CONTROL_ENTRIES_MAX);

    for (i = 0; i < n; i++) {
        fuzz_check(entries[i].op == AGENT_REVOKE);
        fuzz_check(agent_revocation_check(&entries[i], err) == 0);

        agent_str_set(&entries[i].id, "id");
        entries[i].at = 1;
        fuzz_check(agent_revocation_write(line, &entries[i]) > 0);
    }

    json_decref(tree);
}


static void
fuzz_others(const uint8_t *body, size_t size)
{
    char                    err[AGENT_ERROR_LEN];
    json_t                 *tree;
    agent_str_t             cause;
    agent_sub_id_t          id;
    agent_control_flush_t   flush;

    tree = agent_control_cause(body, size, &cause, err);

    if (tree == NULL) {
        fuzz_error(err);
    }

    fuzz_check(tree == NULL || cause.len <= AGENT_REVOCATION_CAUSE_MAX);
    json_decref(tree);

    tree = agent_control_flush(body, size, &flush, err);

    if (tree == NULL) {
        fuzz_error(err);
    }

    fuzz_check(tree == NULL || flush.what <= AGENT_FLUSH_TOKEN);
    json_decref(tree);

    tree = agent_control_subject(body, size, &id, err);

    if (tree == NULL) {
        fuzz_error(err);

    } else {
        fuzz_check((id.value.len == 0) == (id.format == AGENT_SUB_ID_OTHER));
        fuzz_check((id.issuer.len != 0)
                   == (id.format == AGENT_SUB_ID_ISS_SUB));
    }

    json_decref(tree);
}


static void
fuzz_audit(const uint8_t *data, size_t size)
{
    size_t                 len;
    json_t                *json;
    agent_audit_control_t  ev;

    static uint8_t  buf[AGENT_AUDIT_LINE_MAX];

    memset(&ev, 0, sizeof(ev));

    ev.change = (agent_change_e) (size % (AGENT_CHANGE_RECORD + 1));
    ev.value.data = data;
    ev.value.len = size;
    ev.cause = ev.value;
    ev.issuer = ev.value;
    ev.caller = ev.value;
    ev.client_ip = ev.value;
    ev.server_name = ev.value;

    len = agent_audit_control_line(buf, sizeof(buf), &ev);

    fuzz_check(len > 0 && len <= sizeof(buf) && buf[len - 1] == '\n');
    fuzz_check(memchr(buf, '\n', len - 1) == NULL);

    json = json_loadb((char *) buf, len, JSON_ALLOW_NUL, NULL);
    fuzz_check(json != NULL);
    json_decref(json);
}


/* a text of ours, that may stand in an answer */

static void
fuzz_error(const char *err)
{
    fuzz_check(memchr(err, '\0', AGENT_ERROR_LEN) != NULL);

    for ( /* void */ ; *err; err++) {
        fuzz_check(*err >= 0x20 && *err < 0x7f);
    }
}
