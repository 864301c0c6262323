
/*
 * New records: keys that are issued here, and keys from elsewhere.
 */

#include "key.h"
#include "options.h"
#include "print.h"
#include "record.h"
#include "store.h"

#include <stdio.h>
#include <stdlib.h>


/*
 * An id made from a digest: "imp-" and its first 16 digits, which are the
 * fingerprint that nginx logs for the key.  The dash tells it from an id that
 * was issued.
 */

#define CTL_IMPORT_DIGITS  16
#define CTL_IMPORT_ID_MAX  (sizeof("imp-") + CTL_IMPORT_DIGITS)


static int ctl_issue(const ctl_t *ctl, const ctl_peppers_t *peppers,
    ctl_key_t *key);
static int ctl_import_digest(const ctl_t *ctl, char *digest);
static int ctl_import_print(const ctl_t *ctl, const char *id);


int
ctl_key_issue(ctl_t *ctl)
{
    return ctl_key_run(ctl, ctl_issue);
}


static int
ctl_issue(const ctl_t *ctl, const ctl_peppers_t *peppers, ctl_key_t *key)
{
    int           rc;
    json_t       *record;
    const char   *prefix;
    ctl_store_t   store;

    prefix = ctl_prefix(ctl, NULL);

    if (prefix == NULL) {
        return CTL_USAGE;
    }

    if (ctl_key_make(key, prefix, peppers) != 0) {
        return CTL_REFUSED;
    }

    record = ctl_record_new(ctl, key->id, key->digest, 0);

    if (record == NULL) {
        return CTL_USAGE;
    }

    ctl_record_set_prefix(record, prefix);

    rc = ctl_store_open(&store, ctl, peppers);

    if (rc == CTL_DONE) {
        rc = ctl_store_commit(&store, 0, record);

        if (rc == CTL_DONE) {
            rc = ctl_key_print(ctl, key, ctl_option(ctl, CTL_OPT_AGENT),
                               ctl_option_time(ctl, CTL_OPT_EXPIRES), NULL);
        }

        ctl_store_close(&store);
    }

    json_decref(record);

    return rc;
}


int
ctl_key_import(ctl_t *ctl)
{
    int           rc;
    char          digest[CTL_DIGEST_MAX], made[CTL_IMPORT_ID_MAX];
    json_t       *record;
    const char   *id;
    ctl_store_t   store;

    rc = ctl_import_digest(ctl, digest);

    if (rc != CTL_DONE) {
        return rc;
    }

    id = ctl_option(ctl, CTL_OPT_ID);

    if (id == NULL) {
        snprintf(made, sizeof(made), "imp-%.*s", CTL_IMPORT_DIGITS,
                 strchr(digest, ':') + 1);
        id = made;
    }

    record = ctl_record_new(ctl, id, digest, 1);

    if (record == NULL) {
        return CTL_USAGE;
    }

    rc = ctl_store_open(&store, ctl, NULL);

    if (rc == CTL_DONE) {
        rc = ctl_store_commit(&store, 0, record);
        ctl_store_close(&store);
    }

    json_decref(record);

    return rc == CTL_DONE ? ctl_import_print(ctl, id) : rc;
}


static int
ctl_import_digest(const ctl_t *ctl, char *digest)
{
    const char  *value;

    value = ctl_option(ctl, CTL_OPT_DIGEST);

    if ((value != NULL) == (ctl_option(ctl, CTL_OPT_STDIN) != NULL)) {
        ctl_error("\"key import\" needs --digest sha256:HEX or --stdin, one "
                  "of them");
        return CTL_USAGE;
    }

    if (value == NULL) {
        return ctl_key_foreign(digest);
    }

    /* what it says is checked with the rest of the record */

    if (strlen(value) >= CTL_DIGEST_MAX || strncmp(value, "sha256:", 7) != 0) {
        ctl_error("--digest must be \"sha256:\" and 64 lower-case hex digits");
        return CTL_USAGE;
    }

    memcpy(digest, value, strlen(value) + 1);

    return CTL_DONE;
}


static int
ctl_import_print(const ctl_t *ctl, const char *id)
{
    char  date[CTL_DATE_MAX], *agent;

    agent = ctl_json_text(ctl_option(ctl, CTL_OPT_AGENT));
    ctl_date(date, ctl_option_time(ctl, CTL_OPT_EXPIRES));

    if (ctl_option(ctl, CTL_OPT_JSON)) {
        printf("{\"id\":\"%s\",\"agent\":%s,\"expires\":\"%s\"}\n", id, agent,
               date);

    } else {
        printf("Imported as %s, for %s, valid until %s.\n", id, agent, date);
    }

    free(agent);

    return CTL_DONE;
}
