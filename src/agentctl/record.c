
#include "record.h"
#include "agent_key.h"
#include "options.h"
#include "print.h"

#include <stdlib.h>


#define CTL_PREFIX         "agk"

/* nginx ignores it; without it a successor would begin otherwise */

#define CTL_PREFIX_MEMBER  "x_prefix"


static void ctl_record_list(const ctl_t *ctl, json_t *record,
    const char *name, unsigned option);
static int ctl_record_dates(const ctl_t *ctl, json_t *record);


ctl_status_e
ctl_status(const agent_key_record_t *rec, int64_t now)
{
    if (rec->state == AGENT_KEY_STATE_REVOKED) {
        return CTL_REVOKED;
    }

    if (now >= agent_key_end(rec)) {
        return CTL_EXPIRED;
    }

    if (rec->state == AGENT_KEY_STATE_SUSPENDED) {
        return CTL_SUSPENDED;
    }

    /* a date ahead counts in each state, none at all in pending only */

    if (rec->not_before == AGENT_TIME_NONE
        ? rec->state == AGENT_KEY_PENDING : now < rec->not_before)
    {
        return CTL_PENDING;
    }

    return rec->state == AGENT_KEY_DEPRECATED ? CTL_GRACE : CTL_ACTIVE;
}


const char *
ctl_status_name(ctl_status_e status)
{
    static const char  *names[] =
        { "active", "grace", "pending", "suspended", "expired", "revoked" };

    return names[status];
}


json_t *
ctl_record_new(const ctl_t *ctl, const char *id, const char *digest,
    int imported)
{
    char                 err[AGENT_ERROR_LEN];
    json_t              *record;
    agent_key_record_t   rec;

    /* in the order in which people like to read them */

    record = json_object();

    ctl_record_set_text(record, "id", id);
    ctl_record_set_text(record, "digest", digest);
    ctl_record_set_option(ctl, record, "agent", CTL_OPT_AGENT);
    ctl_record_set_option(ctl, record, "owner", CTL_OPT_OWNER);
    ctl_record_list(ctl, record, "scopes", CTL_OPT_SCOPE);
    ctl_record_list(ctl, record, "services", CTL_OPT_SERVICE);
    ctl_record_list(ctl, record, "networks", CTL_OPT_NETWORK);

    if (ctl_record_dates(ctl, record) != CTL_DONE) {
        json_decref(record);
        return NULL;
    }

    if (imported) {
        ctl_record_set(record, "imported", json_true());
    }

    ctl_record_set_option(ctl, record, "note", CTL_OPT_NOTE);

    if (agent_keyfile_record(record, &rec, err) != 0) {
        ctl_error("%s", err);
        json_decref(record);
        return NULL;
    }

    return record;
}


static void
ctl_record_list(const ctl_t *ctl, json_t *record, const char *name,
    unsigned option)
{
    size_t       i, k;
    json_t      *list, *text;
    const char  *value;

    list = json_array();
    i = 0;

    while ((value = ctl_option_next(ctl, option, &i)) != NULL) {

        text = json_string(value);

        for (k = 0; k < json_array_size(list); k++) {
            if (json_equal(text, json_array_get(list, k))) {
                break;
            }
        }

        if (k < json_array_size(list)) {
            json_decref(text);

        } else {
            (void) json_array_append_new(list, text);
        }
    }

    if (json_array_size(list)) {
        ctl_record_set(record, name, list);

    } else {
        json_decref(list);
    }
}


static int
ctl_record_dates(const ctl_t *ctl, json_t *record)
{
    int64_t  not_before, expires;

    not_before = ctl_option_time(ctl, CTL_OPT_NOT_BEFORE);
    expires = ctl_option_time(ctl, CTL_OPT_EXPIRES);

    if (expires <= ctl->now) {
        ctl_error("--expires \"%s\" is not in the future",
                  ctl_option(ctl, CTL_OPT_EXPIRES));
        return CTL_USAGE;
    }

    if (not_before != AGENT_TIME_NONE && not_before >= expires) {
        ctl_error("--not-before \"%s\" is not before --expires \"%s\"",
                  ctl_option(ctl, CTL_OPT_NOT_BEFORE),
                  ctl_option(ctl, CTL_OPT_EXPIRES));
        return CTL_USAGE;
    }

    ctl_record_set_text(record, "state",
                        agent_key_state_name(not_before > ctl->now
                                             ? AGENT_KEY_PENDING
                                             : AGENT_KEY_ACTIVE));

    ctl_record_set_time(record, "created", ctl->now);

    if (not_before != AGENT_TIME_NONE) {
        ctl_record_set_time(record, "not_before", not_before);
    }

    ctl_record_set_time(record, "expires", expires);

    return CTL_DONE;
}


char *
ctl_record_json(const ctl_t *ctl, const agent_key_record_t *rec,
    json_t *record)
{
    char  *text;

    ctl_record_set_text(record, "status",
                        ctl_status_name(ctl_status(rec, ctl->now)));

    text = json_dumps(record, JSON_COMPACT);

    if (text == NULL) {
        ctl_error("not enough memory for a record");
        exit(CTL_REFUSED);
    }

    return text;
}


/* the id is not quoted: it could be a key that slipped in */

void
ctl_no_key(const ctl_t *ctl)
{
    ctl_error("there is no key with this id in \"%s\", \"agentctl key list\" "
              "shows what is there", ctl->file);
}


void
ctl_record_set(json_t *record, const char *name, json_t *value)
{
    if (json_object_set_new(record, name, value) != 0) {
        ctl_error("not enough memory for a record");
        exit(CTL_REFUSED);
    }
}


void
ctl_record_set_text(json_t *record, const char *name, const char *text)
{
    ctl_record_set(record, name, json_string(text));
}


void
ctl_record_set_option(const ctl_t *ctl, json_t *record, const char *name,
    unsigned option)
{
    const char  *value;

    value = ctl_option(ctl, option);

    if (value) {
        ctl_record_set_text(record, name, value);
    }
}


void
ctl_record_set_time(json_t *record, const char *name, int64_t t)
{
    char  date[CTL_DATE_MAX];

    ctl_date(date, t);
    ctl_record_set_text(record, name, date);
}


const char *
ctl_prefix(const ctl_t *ctl, const json_t *record)
{
    agent_str_t   text;
    const char   *prefix;

    prefix = ctl_option(ctl, CTL_OPT_PREFIX);

    if (prefix == NULL) {
        prefix = json_string_value(json_object_get(record, CTL_PREFIX_MEMBER));
    }

    if (prefix == NULL) {
        return CTL_PREFIX;
    }

    text.data = (const uint8_t *) prefix;
    text.len = strlen(prefix);

    if (!agent_key_prefix_valid(&text)) {
        ctl_error("the prefix of a key must be %d to %d of a-z 0-9, give "
                  "--prefix", AGENT_KEY_PREFIX_MIN, AGENT_KEY_PREFIX_MAX);
        return NULL;
    }

    return prefix;
}


void
ctl_record_set_prefix(json_t *record, const char *prefix)
{
    if (strcmp(prefix, CTL_PREFIX) != 0) {
        ctl_record_set_text(record, CTL_PREFIX_MEMBER, prefix);
    }
}
