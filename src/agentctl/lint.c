
/*
 * Says what is wrong with a key file: faults, for which nginx refuses it, in
 * nginx's words, and warnings.
 */

#include "lint.h"
#include "key.h"
#include "options.h"
#include "print.h"
#include "record.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>


#define CTL_LINT_WITHIN   (14 * 86400)
#define CTL_LINT_MAX_AGE  (366 * 86400)


static int ctl_lint(ctl_lint_t *lint, ctl_peppers_t *peppers);
static int ctl_lint_open(ctl_reader_t *r, const ctl_t *ctl, const char *path);
static void ctl_lint_peppers(ctl_lint_t *lint, ctl_peppers_t *peppers);
static int ctl_lint_previous(ctl_lint_t *lint);
static int ctl_lint_lines(ctl_lint_t *lint);
static void ctl_lint_finding(ctl_lint_t *lint, const char *level,
    uint64_t line, const char *text);
static int ctl_lint_done(const ctl_lint_t *lint);
static void ctl_lint_free(ctl_lint_t *lint);


int
ctl_key_lint(ctl_t *ctl)
{
    int             rc;
    ctl_lint_t      lint;
    ctl_peppers_t   peppers;

    memset(&lint, 0, sizeof(lint));

    lint.ctl = ctl;
    lint.reader.fd = -1;
    lint.within = ctl_option_duration(ctl, CTL_OPT_WITHIN, CTL_LINT_WITHIN);
    lint.max_age = ctl_option_duration(ctl, CTL_OPT_MAX_AGE, CTL_LINT_MAX_AGE);

    rc = -1;

    if (ctl_index_init(&lint.index) == 0
        && ctl_index_init(&lint.previous) == 0
        && ctl_lint_previous(&lint) == 0
        && ctl_lint_open(&lint.reader, ctl, ctl->file) == 0)
    {
        rc = ctl_lint(&lint, &peppers);
        OPENSSL_cleanse(&peppers, sizeof(peppers));
    }

    ctl_lint_free(&lint);

    return rc == -1 ? CTL_REFUSED : rc;
}


static int
ctl_lint(ctl_lint_t *lint, ctl_peppers_t *peppers)
{
    char  *file;

    if (ctl_option(lint->ctl, CTL_OPT_JSON)) {
        file = ctl_json_text(lint->ctl->file);
        printf("{\"file\":%s,\"findings\":[", file);
        free(file);
    }

    lint->reader.index = &lint->index;

    ctl_lint_peppers(lint, peppers);

    if (ctl_lint_lines(lint) != 0) {
        return CTL_REFUSED;
    }

    ctl_lint_whole(lint);

    return ctl_lint_done(lint);
}


static int
ctl_lint_open(ctl_reader_t *r, const ctl_t *ctl, const char *path)
{
    int  err;

    err = ctl_reader_open(r, ctl, path, path);

    if (err == ENOENT) {
        ctl_error("there is no key file \"%s\"", path);
    }

    return err == 0 ? 0 : -1;
}


/* a bad pepper file is a fault: nginx would not start with it */

static void
ctl_lint_peppers(ctl_lint_t *lint, ctl_peppers_t *peppers)
{
    char        *fault;
    const char  *path;

    path = ctl_option(lint->ctl, CTL_OPT_PEPPER_FILE);

    if (path == NULL) {
        return;
    }

    fault = ctl_peppers_load(peppers, lint->ctl, "pepper file", path);

    if (fault == NULL) {
        lint->reader.peppers = peppers;
        return;
    }

    ctl_lint_finding(lint, "fault", 0, fault);
    free(fault);
}


/* what was in an older copy of the file, and how it stood with it */

static int
ctl_lint_previous(ctl_lint_t *lint)
{
    char                 err[AGENT_ERROR_LEN];
    json_t              *json;
    ctl_line_e           kind;
    const char          *path;
    ctl_entry_t         *entry;
    ctl_reader_t         reader;
    ctl_status_e         status;
    agent_key_record_t   rec;

    path = ctl_option(lint->ctl, CTL_OPT_PREVIOUS);

    if (path == NULL) {
        return 0;
    }

    if (ctl_lint_open(&reader, lint->ctl, path) != 0) {
        return -1;
    }

    while ((kind = ctl_reader_next(&reader, &rec, &json, err)) > CTL_LINE_END) {

        entry = NULL;

        if (kind == CTL_LINE_RECORD) {
            entry = ctl_index_add(&lint->previous, &rec, reader.line, err);
        }

        if (entry) {
            status = ctl_status(&rec, lint->ctl->now);
            entry->mark = status == CTL_REVOKED ? CTL_LINT_REVOKED
                          : status == CTL_EXPIRED ? CTL_LINT_EXPIRED : 0;
        }

        json_decref(json);
    }

    ctl_reader_close(&reader);

    return kind == CTL_LINE_END ? 0 : -1;
}


static int
ctl_lint_lines(ctl_lint_t *lint)
{
    char                 err[AGENT_ERROR_LEN];
    json_t              *json;
    ctl_line_e           kind;
    ctl_reader_t        *r;
    agent_key_record_t   rec;

    r = &lint->reader;

    while ((kind = ctl_reader_next(r, &rec, &json, err)) != CTL_LINE_END) {

        if (kind == CTL_LINE_ERROR) {
            return -1;
        }

        if (kind == CTL_LINE_FAULT) {
            ctl_lint_finding(lint, "fault", r->line, err);
        }

        if (kind == CTL_LINE_RECORD) {
            lint->keys++;
            ctl_lint_record(lint, &rec);
        }

        json_decref(json);
    }

    return 0;
}


void
ctl_lint_warn(ctl_lint_t *lint, uint64_t line, const char *fmt, ...)
{
    char     *text;
    va_list   args;

    va_start(args, fmt);
    text = ctl_vformat(fmt, args);
    va_end(args);

    ctl_lint_finding(lint, "warning", line, text);

    free(text);
}


static void
ctl_lint_finding(ctl_lint_t *lint, const char *level, uint64_t line,
    const char *text)
{
    int         warning;
    char       *json;
    uint64_t    before;

    warning = strcmp(level, "warning") == 0;
    before = lint->faults + lint->warnings;

    if (warning) {
        lint->warnings++;

    } else {
        lint->faults++;
    }

    if (ctl_option(lint->ctl, CTL_OPT_JSON)) {
        json = ctl_json_text(text);

        printf("%s\n{", before ? "," : "");

        if (line) {
            printf("\"line\":%llu,", (unsigned long long) line);
        }

        printf("\"level\":\"%s\",\"text\":%s}", level, json);
        free(json);

        return;
    }

    /* a fault without a line names another file itself */

    if (line) {
        printf("%s:%llu: ", lint->ctl->file, (unsigned long long) line);

    } else if (warning) {
        printf("%s: ", lint->ctl->file);
    }

    printf("%s%s\n", warning ? "warning: " : "", text);
}


static int
ctl_lint_done(const ctl_lint_t *lint)
{
    if (ctl_option(lint->ctl, CTL_OPT_JSON)) {
        printf("\n],\"keys\":%llu,\"faults\":%llu,\"warnings\":%llu}\n",
               (unsigned long long) lint->keys,
               (unsigned long long) lint->faults,
               (unsigned long long) lint->warnings);

    } else {
        printf("%s: keys %llu, faults %llu, warnings %llu\n", lint->ctl->file,
               (unsigned long long) lint->keys,
               (unsigned long long) lint->faults,
               (unsigned long long) lint->warnings);
    }

    return lint->faults
           || (lint->warnings && ctl_option(lint->ctl, CTL_OPT_STRICT))
           ? CTL_REFUSED : CTL_DONE;
}


static void
ctl_lint_free(ctl_lint_t *lint)
{
    size_t  i;

    for (i = 0; i < lint->nlinks; i++) {
        free(lint->links[i].id);
    }

    free(lint->links);

    ctl_reader_close(&lint->reader);
    ctl_index_free(&lint->index);
    ctl_index_free(&lint->previous);
}
