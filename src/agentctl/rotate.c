
#include "key.h"
#include "agent_time.h"
#include "options.h"
#include "record.h"
#include "store.h"

#include <string.h>


#define CTL_OVERLAP  86400


static int ctl_rotate(const ctl_t *ctl, const ctl_peppers_t *peppers,
    ctl_key_t *key);
static int ctl_rotate_record(const ctl_t *ctl, ctl_store_t *store,
    const ctl_peppers_t *peppers, ctl_key_t *key);
static int ctl_rotate_allowed(const ctl_t *ctl, const ctl_store_t *store,
    const ctl_peppers_t *peppers);
static int64_t ctl_rotate_expires(const ctl_t *ctl,
    const agent_key_record_t *rec);
static json_t *ctl_rotate_successor(const ctl_t *ctl, const json_t *old,
    const ctl_key_t *key, int64_t expires);
static void ctl_rotate_old(const ctl_t *ctl, ctl_store_t *store,
    const char *successor);


int
ctl_key_rotate(ctl_t *ctl)
{
    int64_t  expires;

    expires = ctl_option_time(ctl, CTL_OPT_EXPIRES);

    if (expires != AGENT_TIME_NONE && expires <= ctl->now) {
        ctl_error("--expires \"%s\" is not in the future",
                  ctl_option(ctl, CTL_OPT_EXPIRES));
        return CTL_USAGE;
    }

    if (ctl_option(ctl, CTL_OPT_PREFIX) && ctl_prefix(ctl, NULL) == NULL) {
        return CTL_USAGE;
    }

    return ctl_key_run(ctl, ctl_rotate);
}


static int
ctl_rotate(const ctl_t *ctl, const ctl_peppers_t *peppers, ctl_key_t *key)
{
    int          rc;
    ctl_store_t  store;

    rc = ctl_store_open(&store, ctl, peppers);

    if (rc != CTL_DONE) {
        return rc;
    }

    rc = ctl_rotate_allowed(ctl, &store, peppers);

    if (rc == CTL_DONE) {
        rc = ctl_rotate_record(ctl, &store, peppers, key);
    }

    ctl_store_close(&store);

    return rc;
}


static int
ctl_rotate_record(const ctl_t *ctl, ctl_store_t *store,
    const ctl_peppers_t *peppers, ctl_key_t *key)
{
    int          rc;
    json_t      *successor;
    int64_t      expires;
    const char  *prefix;

    expires = ctl_rotate_expires(ctl, &store->rec);

    if (expires == AGENT_TIME_NONE) {
        ctl_error("the lifetime of key %s does not show from its record, give "
                  "--expires", ctl->operand);
        return CTL_REFUSED;
    }

    prefix = ctl_prefix(ctl, store->record);

    if (prefix == NULL || ctl_key_make(key, prefix, peppers) != 0) {
        return CTL_REFUSED;
    }

    successor = ctl_rotate_successor(ctl, store->record, key, expires);
    ctl_record_set_prefix(successor, prefix);

    ctl_rotate_old(ctl, store, key->id);

    rc = ctl_store_commit(store, 1, successor);

    if (rc == CTL_DONE) {
        rc = ctl_key_print(ctl, key,
                           json_string_value(json_object_get(successor,
                                                             "agent")),
                           expires, ctl->operand);
    }

    json_decref(successor);

    return rc;
}


static int
ctl_rotate_allowed(const ctl_t *ctl, const ctl_store_t *store,
    const ctl_peppers_t *peppers)
{
    ctl_status_e               status;
    const agent_key_record_t  *rec;

    static const char  *advice[CTL_STATUS_MAX] = {
        [CTL_PENDING] = "resume it first, or revoke it and issue another",
        [CTL_SUSPENDED] = "resume it first, or issue another",
        [CTL_EXPIRED] = "issue another",
        [CTL_REVOKED] = "issue another"
    };

    rec = &store->rec;
    status = ctl_status(rec, ctl->now);

    if (advice[status]) {
        ctl_error("key %s is %s: %s", ctl->operand, ctl_status_name(status),
                  advice[status]);
        return CTL_REFUSED;
    }

    if (ctl_index_find(&store->index, &rec->successor)) {
        ctl_error("key %s was rotated already: its successor is %.*s",
                  ctl->operand, (int) rec->successor.len,
                  (const char *) rec->successor.data);
        return CTL_REFUSED;
    }

    if (rec->pepper.len && peppers == NULL) {
        ctl_error("the digest of key %s is an HMAC, and its successor's would "
                  "be none: give --pepper-file", ctl->operand);
        return CTL_REFUSED;
    }

    return CTL_DONE;
}


/* AGENT_TIME_NONE where it is not to be known */

static int64_t
ctl_rotate_expires(const ctl_t *ctl, const agent_key_record_t *rec)
{
    int64_t  expires;

    expires = ctl_option_time(ctl, CTL_OPT_EXPIRES);

    if (expires != AGENT_TIME_NONE || rec->created == AGENT_TIME_NONE
        || rec->created >= rec->expires)
    {
        return expires;
    }

    expires = ctl->now + (rec->expires - rec->created);

    return expires <= CTL_TIME_MAX ? expires : AGENT_TIME_NONE;
}


static json_t *
ctl_rotate_successor(const ctl_t *ctl, const json_t *old, const ctl_key_t *key,
    int64_t expires)
{
    size_t   i;
    json_t  *record, *value;

    static const char  *kept[] =
        { "agent", "owner", "scopes", "services", "networks" };

    record = json_object();

    ctl_record_set_text(record, "id", key->id);
    ctl_record_set_text(record, "digest", key->digest);

    for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {

        value = json_object_get(old, kept[i]);

        if (value) {
            ctl_record_set(record, kept[i], json_incref(value));
        }
    }

    ctl_record_set_text(record, "state",
                        agent_key_state_name(AGENT_KEY_ACTIVE));
    ctl_record_set_time(record, "created", ctl->now);
    ctl_record_set_time(record, "expires", expires);

    ctl_record_set_option(ctl, record, "note", CTL_OPT_NOTE);

    return record;
}


static void
ctl_rotate_old(const ctl_t *ctl, ctl_store_t *store, const char *successor)
{
    int64_t  grace, end, overlap;

    end = agent_key_end(&store->rec);
    overlap = ctl_option_duration(ctl, CTL_OPT_OVERLAP, CTL_OVERLAP);
    grace = overlap < end - ctl->now ? ctl->now + overlap : end;

    ctl_record_set_text(store->record, "state",
                        agent_key_state_name(AGENT_KEY_DEPRECATED));
    ctl_record_set_time(store->record, "grace_until", grace);
    ctl_record_set_text(store->record, "successor", successor);
}
