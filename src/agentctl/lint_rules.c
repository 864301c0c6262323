
#include "lint.h"
#include "options.h"
#include "print.h"
#include "record.h"

#include <stdlib.h>
#include <sys/stat.h>


/* how long a key may wait for somebody to resume it */

#define CTL_LINT_PENDING  (30 * 86400)

#define CTL_LINT_NAME     40


static void ctl_lint_live(ctl_lint_t *lint, const agent_key_record_t *rec,
    const char *key);
static void ctl_lint_dates(ctl_lint_t *lint, const agent_key_record_t *rec,
    const char *key);
static void ctl_lint_state(ctl_lint_t *lint, const agent_key_record_t *rec,
    const char *key);
static void ctl_lint_link(ctl_lint_t *lint, const agent_key_record_t *rec);
static void ctl_lint_revived(ctl_lint_t *lint, const agent_key_record_t *rec,
    const char *key);
static void ctl_lint_links(ctl_lint_t *lint);
static void ctl_lint_gone(ctl_lint_t *lint);


void
ctl_lint_record(ctl_lint_t *lint, const agent_key_record_t *rec)
{
    char          *agent, *key;
    ctl_status_e   status;

    agent = ctl_shown(&rec->agent, CTL_LINT_NAME);
    key = ctl_format("key %.*s of \"%s\"", (int) rec->id.len,
                     (const char *) rec->id.data, agent);

    status = ctl_status(rec, lint->ctl->now);

    lint->hmacs += rec->pepper.len > 0;

    if (status != CTL_REVOKED && status != CTL_EXPIRED) {
        ctl_lint_live(lint, rec, key);
    }

    ctl_lint_revived(lint, rec, key);
    ctl_lint_link(lint, rec);

    free(agent);
    free(key);
}


static void
ctl_lint_live(ctl_lint_t *lint, const agent_key_record_t *rec, const char *key)
{
    ctl_lint_dates(lint, rec, key);
    ctl_lint_state(lint, rec, key);

    /* of a key in grace its successor is told the same */

    if (rec->state != AGENT_KEY_DEPRECATED
        && json_array_size(rec->scopes) == 0
        && json_array_size(rec->services) == 0
        && json_array_size(rec->networks) == 0)
    {
        ctl_lint_warn(lint, lint->reader.line, "%s is limited by no scope, "
                      "service or network", key);
    }
}


static void
ctl_lint_dates(ctl_lint_t *lint, const agent_key_record_t *rec,
    const char *key)
{
    char      span[CTL_AGO_MAX], most[CTL_AGO_MAX], date[CTL_DATE_MAX];
    int64_t   now, begin;
    uint64_t  line;

    now = lint->ctl->now;
    line = lint->reader.line;

    /* that a key in grace ends soon is what its rotation was for */

    if (rec->state != AGENT_KEY_DEPRECATED
        && rec->expires - now <= lint->within)
    {
        ctl_span(span, rec->expires - now);
        ctl_date(date, rec->expires);
        ctl_lint_warn(lint, line, "%s expires in %s, at %s", key, span, date);
    }

    begin = rec->created == AGENT_TIME_NONE ? now : rec->created;

    if (rec->state != AGENT_KEY_DEPRECATED
        && rec->expires - begin > lint->max_age)
    {
        ctl_span(span, rec->expires - begin);
        ctl_span(most, lint->max_age);
        ctl_lint_warn(lint, line, "%s lives for %s, longer than %s", key, span,
                      most);
    }

    if (rec->not_before != AGENT_TIME_NONE
        && rec->not_before >= agent_key_end(rec))
    {
        ctl_lint_warn(lint, line, "%s is never accepted, its \"not_before\" is "
                      "not before its end", key);
    }

    if (rec->grace_until != AGENT_TIME_NONE
        && rec->grace_until > rec->expires)
    {
        ctl_lint_warn(lint, line, "%s has \"grace_until\" after \"expires\", "
                      "which is what counts", key);
    }
}


static void
ctl_lint_state(ctl_lint_t *lint, const agent_key_record_t *rec,
    const char *key)
{
    uint64_t  line;

    line = lint->reader.line;

    if (rec->state == AGENT_KEY_DEPRECATED) {

        if (rec->grace_until == AGENT_TIME_NONE) {
            ctl_lint_warn(lint, line, "%s is deprecated without "
                          "\"grace_until\", it is accepted until it expires",
                          key);
        }

        if (rec->successor.len == 0) {
            ctl_lint_warn(lint, line, "%s is deprecated without a "
                          "\"successor\"", key);
        }
    }

    if (rec->state == AGENT_KEY_PENDING && rec->not_before == AGENT_TIME_NONE
        && (rec->created == AGENT_TIME_NONE
            || lint->ctl->now - rec->created > CTL_LINT_PENDING))
    {
        ctl_lint_warn(lint, line, "%s has been pending for long without "
                      "\"not_before\", resume or revoke it", key);
    }
}


static void
ctl_lint_revived(ctl_lint_t *lint, const agent_key_record_t *rec,
    const char *key)
{
    ctl_entry_t  *entry;

    if (rec->state == AGENT_KEY_STATE_REVOKED) {
        return;
    }

    entry = ctl_index_find(&lint->previous, &rec->id);

    if (entry && entry->mark == CTL_LINT_REVOKED) {
        ctl_lint_warn(lint, lint->reader.line, "%s was revoked in \"%s\" and "
                      "is not any more, but revoked is final", key,
                      ctl_option(lint->ctl, CTL_OPT_PREVIOUS));
    }
}


/* the successor may stand on a later line */

static void
ctl_lint_link(ctl_lint_t *lint, const agent_key_record_t *rec)
{
    ctl_link_t  *link;

    if (rec->successor.len == 0) {
        return;
    }

    if (lint->nlinks == lint->links_size) {
        lint->links_size = lint->links_size ? 2 * lint->links_size : 64;
        lint->links = ctl_realloc(lint->links,
                                  lint->links_size * sizeof(ctl_link_t));
    }

    link = &lint->links[lint->nlinks++];

    link->line = lint->reader.line;
    link->id = ctl_format("%.*s", (int) rec->successor.len,
                          (const char *) rec->successor.data);
}


void
ctl_lint_whole(ctl_lint_t *lint)
{
    ctl_lint_links(lint);
    ctl_lint_gone(lint);

    if (lint->hmacs && !ctl_option(lint->ctl, CTL_OPT_PEPPER_FILE)) {
        ctl_lint_warn(lint, 0, "%llu keys have an HMAC digest, give "
                      "--pepper-file to see whether their peppers are there",
                      (unsigned long long) lint->hmacs);
    }

    if (lint->reader.st.st_mode & S_IROTH) {
        ctl_lint_warn(lint, 0, "readable by everyone, do \"chmod o-rwx\"");
    }

    if (lint->reader.st.st_mode & S_IWOTH) {
        ctl_lint_warn(lint, 0, "writable by everyone, do \"chmod o-rwx\" and "
                      "look for keys that do not belong there");
    }
}


static void
ctl_lint_links(ctl_lint_t *lint)
{
    char         *shown;
    size_t        i;
    agent_str_t   id;

    for (i = 0; i < lint->nlinks; i++) {

        id.data = (const uint8_t *) lint->links[i].id;
        id.len = strlen(lint->links[i].id);

        if (ctl_index_find(&lint->index, &id)) {
            continue;
        }

        shown = ctl_shown(&id, AGENT_KEY_ID_MAX);
        ctl_lint_warn(lint, lint->links[i].line, "there is no key with the id "
                      "that \"successor\" names, \"%s\"", shown);
        free(shown);
    }
}


/* revoked and expired records are to stay, so that their keys stay known */

static void
ctl_lint_gone(ctl_lint_t *lint)
{
    size_t        i;
    agent_str_t   id;
    ctl_entry_t  *entry;

    for (i = 0; i < lint->previous.n; i++) {

        entry = &lint->previous.entries[i];
        id = ctl_index_id(&lint->previous, entry);

        if (entry->mark && !ctl_index_find(&lint->index, &id)) {
            ctl_lint_warn(lint, 0, "key %.*s, %s in \"%s\", is gone, put its "
                          "record back", (int) id.len, (const char *) id.data,
                          entry->mark == CTL_LINT_REVOKED ? "revoked"
                                                          : "expired",
                          ctl_option(lint->ctl, CTL_OPT_PREVIOUS));
        }
    }
}
