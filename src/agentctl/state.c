
/*
 * What changes nothing of a key but whether it is accepted.
 */

#include "key.h"
#include "agent_time.h"
#include "options.h"
#include "record.h"
#include "store.h"

#include <stdio.h>


/* the state to set, or NULL with *why set */

typedef const char *(*ctl_change_pt)(const ctl_t *ctl, ctl_store_t *store,
    ctl_status_e status, const char **why);


static int ctl_change(const ctl_t *ctl, ctl_change_pt change,
    const char *verb);
static const char *ctl_change_revoke(const ctl_t *ctl, ctl_store_t *store,
    ctl_status_e status, const char **why);
static const char *ctl_change_suspend(const ctl_t *ctl, ctl_store_t *store,
    ctl_status_e status, const char **why);
static const char *ctl_change_resume(const ctl_t *ctl, ctl_store_t *store,
    ctl_status_e status, const char **why);
static void ctl_change_print(const ctl_t *ctl, const char *state);


int
ctl_key_revoke(ctl_t *ctl)
{
    return ctl_change(ctl, ctl_change_revoke, "revoked");
}


int
ctl_key_suspend(ctl_t *ctl)
{
    return ctl_change(ctl, ctl_change_suspend, "suspended");
}


int
ctl_key_resume(ctl_t *ctl)
{
    return ctl_change(ctl, ctl_change_resume, "resumed");
}


static int
ctl_change(const ctl_t *ctl, ctl_change_pt change, const char *verb)
{
    int           rc;
    const char   *state, *why;
    ctl_store_t   store;

    rc = ctl_store_open(&store, ctl, NULL);

    if (rc != CTL_DONE) {
        return rc;
    }

    state = change(ctl, &store, ctl_status(&store.rec, ctl->now), &why);

    if (state == NULL) {
        ctl_error("key %s cannot be %s: it %s", ctl->operand, verb, why);
        rc = CTL_REFUSED;

    } else {
        ctl_record_set_text(store.record, "state", state);
        ctl_record_set_option(ctl, store.record, "note", CTL_OPT_NOTE);

        rc = ctl_store_commit(&store, 1, NULL);
    }

    ctl_store_close(&store);

    if (rc == CTL_DONE) {
        ctl_change_print(ctl, state);
    }

    return rc;
}


static const char *
ctl_change_revoke(const ctl_t *ctl, ctl_store_t *store, ctl_status_e status,
    const char **why)
{
    (void) ctl;
    (void) store;

    if (status == CTL_REVOKED) {
        *why = "is revoked already, and that is final";
        return NULL;
    }

    return agent_key_state_name(AGENT_KEY_STATE_REVOKED);
}


static const char *
ctl_change_suspend(const ctl_t *ctl, ctl_store_t *store, ctl_status_e status,
    const char **why)
{
    (void) ctl;
    (void) store;

    switch (status) {

    case CTL_REVOKED:
        *why = "is revoked, and that is final";
        return NULL;

    case CTL_EXPIRED:
        *why = "has expired";
        return NULL;

    case CTL_SUSPENDED:
        *why = "is suspended already";
        return NULL;

    default:
        return agent_key_state_name(AGENT_KEY_STATE_SUSPENDED);
    }
}


static const char *
ctl_change_resume(const ctl_t *ctl, ctl_store_t *store, ctl_status_e status,
    const char **why)
{
    agent_key_state_e  state;

    switch (status) {

    case CTL_REVOKED:
        *why = "is revoked, and that is final; issue another";
        return NULL;

    case CTL_EXPIRED:
        *why = "has expired; issue another";
        return NULL;

    case CTL_ACTIVE:
    case CTL_GRACE:
        *why = "is neither suspended nor pending";
        return NULL;

    default:
        break;
    }

    state = store->rec.grace_until == AGENT_TIME_NONE ? AGENT_KEY_ACTIVE
                                                      : AGENT_KEY_DEPRECATED;

    if (status == CTL_SUSPENDED && state == AGENT_KEY_ACTIVE
        && store->rec.not_before > ctl->now)
    {
        return agent_key_state_name(AGENT_KEY_PENDING);
    }

    /* a begin that is ahead would have it refused all the same */

    if (status == CTL_PENDING && store->rec.not_before != AGENT_TIME_NONE) {
        (void) json_object_del(store->record, "not_before");
    }

    return agent_key_state_name(state);
}


static void
ctl_change_print(const ctl_t *ctl, const char *state)
{
    if (ctl_option(ctl, CTL_OPT_JSON)) {
        printf("{\"id\":\"%s\",\"state\":\"%s\"}\n", ctl->operand, state);

    } else {
        printf("Key %s is %s now.\n", ctl->operand, state);
    }
}
