
/*
 * Any octets as an audit line: what is one has names without an octet of zero
 * that are not too long, and times that can be told.
 */

#include "fuzz.h"

#include "agent_audit_read.h"


static void fuzz_name(const agent_str_t *name);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                  err[AGENT_ERROR_LEN];
    json_t               *json;
    uint8_t              *copy;
    agent_audit_read_e    kind;
    agent_audit_entry_t   entry;

    copy = fuzz_copy(data, size);

    kind = agent_audit_read(copy, size, &entry, &json, err);

    fuzz_check((kind == AGENT_AUDIT_BAD) == (json == NULL));

    if (kind == AGENT_AUDIT_REQUEST) {
        fuzz_check(entry.time > 0 && entry.time <= INT64_C(253402300799));
        fuzz_check(entry.sunset >= 0);
        fuzz_check(entry.expires >= 0);
        fuzz_check((unsigned) entry.result <= AGENT_RESULT_OFF);
        fuzz_check((unsigned) entry.auth_type <= AGENT_AUTH_OAUTH);
        fuzz_check(entry.reason.len > 0);

        fuzz_name(&entry.reason);
        fuzz_name(&entry.server);
        fuzz_name(&entry.service);
        fuzz_name(&entry.location);
        fuzz_name(&entry.agent);
        fuzz_name(&entry.owner);
        fuzz_name(&entry.key_id);
    }

    json_decref(json);
    free(copy);

    return 0;
}


static void
fuzz_name(const agent_str_t *name)
{
    fuzz_check(name->len <= AGENT_AUDIT_NAME_MAX);
    fuzz_check(memchr(name->data, '\0', name->len) == NULL);
}
