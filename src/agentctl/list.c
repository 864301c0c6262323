
#include "key.h"
#include "options.h"
#include "print.h"
#include "reader.h"
#include "record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>


/* of a line, and the most that a name takes of it */

#define CTL_LIST_WIDTH   100
#define CTL_LIST_NAME    20
#define CTL_LIST_OWNER   12


typedef struct {
    const ctl_t   *ctl;
    ctl_reader_t   reader;
    size_t         id;              /* widths of columns */
    size_t         agent;
    size_t         owner;
    uint64_t       rows;
    uint64_t       faults;
} ctl_list_t;


typedef void (*ctl_list_pt)(ctl_list_t *list, const agent_key_record_t *rec,
    json_t *json);


static int ctl_list_open(ctl_list_t *list, const ctl_t *ctl);
static int ctl_list_state_check(const ctl_t *ctl);
static int ctl_list_each(ctl_list_t *list, ctl_list_pt show, int quiet);
static int ctl_list_wanted(const ctl_t *ctl, const agent_key_record_t *rec);
static void ctl_list_measure(ctl_list_t *list, const agent_key_record_t *rec,
    json_t *json);
static void ctl_list_wider(size_t *width, const agent_str_t *text, size_t max);
static void ctl_list_head(const ctl_list_t *list);
static void ctl_list_row(ctl_list_t *list, const agent_key_record_t *rec,
    json_t *json);
static void ctl_list_cell(const agent_str_t *text, size_t width);
static void ctl_list_scopes(const ctl_list_t *list,
    const agent_key_record_t *rec);
static void ctl_list_json(ctl_list_t *list, const agent_key_record_t *rec,
    json_t *json);


int
ctl_key_list(ctl_t *ctl)
{
    int         rc;
    ctl_list_t  list;

    if (ctl_list_state_check(ctl) != CTL_DONE) {
        return CTL_USAGE;
    }

    if (ctl_list_open(&list, ctl) != CTL_DONE) {
        return CTL_REFUSED;
    }

    if (ctl_option(ctl, CTL_OPT_JSON)) {
        printf("[");
        rc = ctl_list_each(&list, ctl_list_json, 0);
        printf("%s]\n", list.rows ? "\n" : "");

    } else {

        /* once for the widths of the columns, so as to hold no more than one
         * record of a file of any size */

        rc = ctl_list_each(&list, ctl_list_measure, 1);

        if (rc == 0 && list.rows) {
            ctl_list_head(&list);
        }

        if (rc == 0 && ctl_reader_rewind(&list.reader) == 0) {
            rc = ctl_list_each(&list, ctl_list_row, 0);
        }
    }

    ctl_reader_close(&list.reader);

    if (rc == 0 && list.rows == 0 && !ctl_option(ctl, CTL_OPT_JSON)) {
        fprintf(stderr, "No keys.\n");
    }

    return rc == 0 && list.faults == 0 ? CTL_DONE : CTL_REFUSED;
}


static int
ctl_list_open(ctl_list_t *list, const ctl_t *ctl)
{
    int  err;

    memset(list, 0, sizeof(*list));

    list->ctl = ctl;
    list->id = sizeof("ID") - 1;
    list->agent = sizeof("AGENT") - 1;

    err = ctl_reader_open(&list->reader, ctl, ctl->file, ctl->file);

    if (err == ENOENT) {
        ctl_error("there is no key file \"%s\"", ctl->file);
    }

    return err == 0 ? CTL_DONE : CTL_REFUSED;
}


static int
ctl_list_state_check(const ctl_t *ctl)
{
    unsigned     i;
    const char  *state;

    state = ctl_option(ctl, CTL_OPT_STATE);

    if (state == NULL) {
        return CTL_DONE;
    }

    for (i = 0; i < CTL_STATUS_MAX; i++) {
        if (strcmp(state, ctl_status_name(i)) == 0) {
            return CTL_DONE;
        }
    }

    ctl_error("--state must be active, grace, pending, suspended, expired or "
              "revoked");

    return CTL_USAGE;
}


/* 0, or -1 where reading failed; faults are printed unless quiet */

static int
ctl_list_each(ctl_list_t *list, ctl_list_pt show, int quiet)
{
    char                 err[AGENT_ERROR_LEN];
    json_t              *json;
    ctl_line_e           kind;
    ctl_reader_t        *r;
    agent_key_record_t   rec;

    r = &list->reader;

    while ((kind = ctl_reader_next(r, &rec, &json, err)) != CTL_LINE_END) {

        if (kind == CTL_LINE_ERROR) {
            return -1;
        }

        if (kind == CTL_LINE_FAULT && !quiet) {
            list->faults++;
            ctl_error("%s:%llu: %s", r->name, (unsigned long long) r->line,
                      err);
        }

        if (kind == CTL_LINE_RECORD && ctl_list_wanted(list->ctl, &rec)) {
            show(list, &rec, json);
        }

        json_decref(json);
    }

    return 0;
}


static int
ctl_list_wanted(const ctl_t *ctl, const agent_key_record_t *rec)
{
    const char  *agent, *state;

    agent = ctl_option(ctl, CTL_OPT_AGENT);
    state = ctl_option(ctl, CTL_OPT_STATE);

    if (agent && (strlen(agent) != rec->agent.len
                  || memcmp(agent, rec->agent.data, rec->agent.len) != 0))
    {
        return 0;
    }

    return state == NULL
           || strcmp(state, ctl_status_name(ctl_status(rec, ctl->now))) == 0;
}


static void
ctl_list_measure(ctl_list_t *list, const agent_key_record_t *rec, json_t *json)
{
    (void) json;

    ctl_list_wider(&list->id, &rec->id, AGENT_KEY_ID_MAX);
    ctl_list_wider(&list->agent, &rec->agent, CTL_LIST_NAME);
    ctl_list_wider(&list->owner, &rec->owner, CTL_LIST_OWNER);

    if (list->owner && list->owner < sizeof("OWNER") - 1) {
        list->owner = sizeof("OWNER") - 1;
    }

    list->rows++;
}


static void
ctl_list_wider(size_t *width, const agent_str_t *text, size_t max)
{
    char    *shown;
    size_t   n;

    shown = ctl_shown(text, max);
    n = ctl_width(shown);
    free(shown);

    if (n > *width) {
        *width = n;
    }
}


static void
ctl_list_head(const ctl_list_t *list)
{
    ctl_pad("ID", list->id);
    printf("  ");
    ctl_pad("STATE", 9);
    printf("  ");
    ctl_pad("AGENT", list->agent);

    if (list->owner) {
        printf("  ");
        ctl_pad("OWNER", list->owner);
    }

    printf("  EXPIRES     LEFT  SCOPES\n");
}


static void
ctl_list_row(ctl_list_t *list, const agent_key_record_t *rec, json_t *json)
{
    char     date[CTL_DATE_MAX], left[CTL_AGO_MAX];
    int64_t  end;

    (void) json;

    end = agent_key_end(rec);
    ctl_date(date, end);
    ctl_span(left, end - list->ctl->now);

    ctl_list_cell(&rec->id, list->id);
    ctl_pad(ctl_status_name(ctl_status(rec, list->ctl->now)), 9);
    printf("  ");
    ctl_list_cell(&rec->agent, list->agent);

    if (list->owner) {
        ctl_list_cell(&rec->owner, list->owner);
    }

    printf("%.10s  %5s", date, left);

    ctl_list_scopes(list, rec);
}


static void
ctl_list_cell(const agent_str_t *text, size_t width)
{
    char  *shown;

    shown = ctl_shown(text, width);
    ctl_pad(shown, width);
    printf("  ");

    free(shown);
}


/* in what is left of the line, but at least a few */

static void
ctl_list_scopes(const ctl_list_t *list, const agent_key_record_t *rec)
{
    char         *joined, *shown;
    size_t        used;
    agent_str_t   text;

    used = list->id + 2 + 9 + 2 + list->agent + 2 + 10 + 2 + 5 + 2;

    if (list->owner) {
        used += list->owner + 2;
    }

    joined = ctl_joined(rec->scopes);

    text.data = (const uint8_t *) joined;
    text.len = strlen(joined);

    shown = ctl_shown(&text, used + 12 < CTL_LIST_WIDTH ? CTL_LIST_WIDTH - used
                                                        : 12);

    printf("%s%s\n", *shown ? "  " : "", shown);

    free(joined);
    free(shown);
}


static void
ctl_list_json(ctl_list_t *list, const agent_key_record_t *rec, json_t *json)
{
    char  *text;

    /* of use to nobody, and of an imported key better not passed around */

    (void) json_object_del(json, "digest");

    text = ctl_record_json(list->ctl, rec, json);
    printf("%s\n%s", list->rows++ ? "," : "", text);

    free(text);
}
