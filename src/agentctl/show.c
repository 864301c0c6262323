
#include "key.h"
#include "options.h"
#include "print.h"
#include "reader.h"
#include "record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>


static int ctl_show(const ctl_t *ctl, ctl_reader_t *r);
static int ctl_show_this(const ctl_t *ctl, const agent_key_record_t *rec);
static void ctl_show_record(const ctl_t *ctl, const agent_key_record_t *rec,
    json_t *json);
static void ctl_show_member(const char *name, const json_t *value);
static void ctl_show_line(const char *name, const char *text);


int
ctl_key_show(ctl_t *ctl)
{
    int           err, rc;
    ctl_reader_t  reader;

    err = ctl_reader_open(&reader, ctl, ctl->file, ctl->file);

    if (err == ENOENT) {
        ctl_error("there is no key file \"%s\"", ctl->file);
    }

    if (err != 0) {
        return CTL_REFUSED;
    }

    rc = ctl_show(ctl, &reader);

    ctl_reader_close(&reader);

    return rc;
}


/* lines at fault are passed over: what can be shown is */

static int
ctl_show(const ctl_t *ctl, ctl_reader_t *r)
{
    char                 err[AGENT_ERROR_LEN];
    json_t              *json;
    uint64_t             faults;
    ctl_line_e           kind;
    agent_key_record_t   rec;

    faults = 0;

    while ((kind = ctl_reader_next(r, &rec, &json, err)) != CTL_LINE_END) {

        if (kind == CTL_LINE_ERROR) {
            return CTL_REFUSED;
        }

        if (kind == CTL_LINE_RECORD && ctl_show_this(ctl, &rec)) {
            ctl_show_record(ctl, &rec, json);
            json_decref(json);
            return CTL_DONE;
        }

        faults += (kind == CTL_LINE_FAULT);
        json_decref(json);
    }

    ctl_no_key(ctl);

    if (faults) {
        ctl_error("but %llu of its lines cannot be read, see \"agentctl key "
                  "lint\"", (unsigned long long) faults);
    }

    return CTL_REFUSED;
}


static int
ctl_show_this(const ctl_t *ctl, const agent_key_record_t *rec)
{
    return rec->id.len == strlen(ctl->operand)
           && memcmp(rec->id.data, ctl->operand, rec->id.len) == 0;
}


static void
ctl_show_record(const ctl_t *ctl, const agent_key_record_t *rec, json_t *json)
{
    char        *text, left[CTL_AGO_MAX];
    void        *iter;
    int64_t      seconds;

    if (ctl_option(ctl, CTL_OPT_JSON)) {
        text = ctl_record_json(ctl, rec, json);
        printf("%s\n", text);
        free(text);
        return;
    }

    seconds = agent_key_end(rec) - ctl->now;
    ctl_span(left, seconds < 0 ? -seconds : seconds);

    text = ctl_format("%s, %s %s%s", ctl_status_name(ctl_status(rec, ctl->now)),
                      seconds > 0 ? "ends in" : "ended", left,
                      seconds > 0 ? "" : " ago");
    ctl_show_line("status", text);
    free(text);

    for (iter = json_object_iter(json);
         iter;
         iter = json_object_iter_next(json, iter))
    {
        ctl_show_member(json_object_iter_key(iter),
                        json_object_iter_value(iter));
    }
}


static void
ctl_show_member(const char *name, const json_t *value)
{
    char         *text, *shown, *label;
    agent_str_t   view;

    if (json_is_string(value)) {
        text = ctl_format("%s", json_string_value(value));

    } else if (json_is_array(value) && name[0] != 'x') {
        text = ctl_joined(value);

    } else {
        text = json_dumps(value, JSON_COMPACT|JSON_ENCODE_ANY);
        text = text ? text : ctl_format("?");
    }

    view.data = (const uint8_t *) text;
    view.len = strlen(text);
    shown = ctl_shown(&view, 0);

    view.data = (const uint8_t *) name;
    view.len = strlen(name);
    label = ctl_shown(&view, 0);

    ctl_show_line(label, shown);

    free(text);
    free(shown);
    free(label);
}


static void
ctl_show_line(const char *name, const char *text)
{
    ctl_pad(name, 11);
    printf("  %s\n", text);
}
