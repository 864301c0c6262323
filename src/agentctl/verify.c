
#include "verify.h"
#include "agent_audit_verify.h"
#include "log.h"
#include "options.h"
#include "print.h"
#include "secret.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/* faults that are named; and with how many more nobody reads on */

#define CTL_VERIFY_SHOWN  20
#define CTL_VERIFY_MAX    10000

#define CTL_VERIFY_TEXT   160


typedef struct {
    const char            *name;
    size_t                 given;       /* its place on the command line */
    uint64_t               time;        /* of its first line */
} ctl_verify_file_t;


/* uid as of agent_audit_fault_t, kept */

typedef struct {
    agent_audit_fault_t    fault;
    char                   uid[AGENT_AUDIT_CHAIN_UID + 1];
} ctl_verify_fault_t;


typedef struct {
    ctl_verify_file_t     *files;
    size_t                 nfiles;
    ctl_verify_fault_t     faults[CTL_VERIFY_SHOWN];
    ctl_verify_fault_t     first;       /* by file and line */
    uint64_t               nfaults;
    unsigned               unread:1;    /* a file could not be */
} ctl_verify_t;


static int ctl_audit_verify(ctl_t *ctl);
static int ctl_verify_run(const ctl_t *ctl, ctl_verify_t *run,
    const ctl_peppers_t *secrets);
static void ctl_verify_sort(const ctl_t *ctl, ctl_verify_t *run);
static uint64_t ctl_verify_time(const char *name);
static int ctl_verify_compare(const void *one, const void *two);
static int ctl_verify_file(ctl_verify_t *run, agent_audit_verify_t *v,
    size_t n);
static void ctl_verify_note(void *data, const agent_audit_fault_t *fault);
static int ctl_verify_before(const agent_audit_fault_t *one,
    const agent_audit_fault_t *two);
static void ctl_verify_say(char *text, const ctl_verify_fault_t *f);
static char *ctl_verify_place(const ctl_verify_t *run,
    const agent_audit_fault_t *fault);
static void ctl_verify_text(const ctl_verify_t *run,
    const agent_audit_result_t *result);
static void ctl_verify_json(const ctl_verify_t *run,
    const agent_audit_result_t *result);
static void ctl_verify_json_fault(const ctl_verify_t *run,
    const ctl_verify_fault_t *f);


/* in the order of agent_audit_fault_e; what --json calls them */

static const char  *ctl_verify_kinds[] = {
    "foreign", "no_key", "changed", "missing", "order", "headless",
    "after_end", "cut", "no_stop", "no_chain"
};


const ctl_command_t  ctl_audit_commands[] = {

    { .name = "verify",
      .operand = "AUDITLOG...",
      .summary = "whether lines were changed, removed or added",
      .text =
"Reads audit logs that were written with agent_audit_chain, as they are or\n"
"compressed by gzip, and in the order of their first lines.  Names the first\n"
"line that was changed, is missing, or is not where or what it was.  All\n"
"files of a log are needed, from when nginx started; of fewer --partial tells\n"
"what can be told.  The key file is that of agent_audit_chain, with the keys\n"
"of before below the first one.\n",
      .example =
"  printf 'k1 %s\\n' \"$(openssl rand -base64 32)\" > audit.key\n"
"  chmod 600 audit.key\n"
"  agentctl audit verify --key-file audit.key agent-audit.log\n",
      .run = ctl_audit_verify,
      .options = ctl_bit(CTL_OPT_JSON)|ctl_bit(CTL_OPT_KEY_FILE)
                 |ctl_bit(CTL_OPT_PARTIAL),
      .required = ctl_bit(CTL_OPT_KEY_FILE),
      .files = 1 },

    { .name = NULL }
};


static int
ctl_audit_verify(ctl_t *ctl)
{
    int             rc;
    char           *fault;
    ctl_verify_t    run;
    ctl_peppers_t   secrets;

    memset(&run, 0, sizeof(run));

    fault = ctl_peppers_load(&secrets, NULL, "audit key file",
                             ctl_option(ctl, CTL_OPT_KEY_FILE));

    if (fault) {
        ctl_error("%s", fault);
        free(fault);
        rc = CTL_REFUSED;

    } else {
        ctl_verify_sort(ctl, &run);
        rc = ctl_verify_run(ctl, &run, &secrets);
    }

    OPENSSL_cleanse(&secrets, sizeof(secrets));
    free(run.files);

    return rc;
}


static int
ctl_verify_run(const ctl_t *ctl, ctl_verify_t *run,
    const ctl_peppers_t *secrets)
{
    size_t                 i;
    agent_audit_result_t   result;
    agent_audit_verify_t  *v;

    v = agent_audit_verify_create(secrets->pepper, secrets->n,
                                  ctl_option(ctl, CTL_OPT_PARTIAL) != NULL,
                                  ctl_verify_note, run);

    for (i = 0; v && i < run->nfiles; i++) {
        if (ctl_verify_file(run, v, i) != 0) {
            run->unread = 1;
        }
    }

    if (v == NULL) {
        ctl_error("there is no memory");
        return CTL_REFUSED;
    }

    agent_audit_verify_end(v, &result);
    agent_audit_verify_free(v);

    /* somebody may have emptied it */

    if (result.lines == 0 && run->nfaults == 0) {
        ctl_error("there is no line that could be verified");
        run->unread = 1;
    }

    if (ctl_option(ctl, CTL_OPT_JSON)) {
        ctl_verify_json(run, &result);

    } else {
        ctl_verify_text(run, &result);
    }

    return (run->nfaults || run->unread) ? CTL_REFUSED : CTL_DONE;
}


/* chains go on from file to file, whatever the files are called */

static void
ctl_verify_sort(const ctl_t *ctl, ctl_verify_t *run)
{
    size_t  i;

    run->nfiles = ctl->nfiles;
    run->files = ctl_alloc(ctl->nfiles * sizeof(ctl_verify_file_t));

    for (i = 0; i < ctl->nfiles; i++) {
        run->files[i].name = ctl->files[i];
        run->files[i].given = i;
        run->files[i].time = (ctl->nfiles > 1) ? ctl_verify_time(ctl->files[i])
                                               : 0;
    }

    qsort(run->files, run->nfiles, sizeof(ctl_verify_file_t),
          ctl_verify_compare);
}


/* standard input cannot be read twice, and comes first; so do empty files */

static uint64_t
ctl_verify_time(const char *name)
{
    uint64_t   time;
    ctl_log_t  log;

    if (strcmp(name, "-") == 0 || ctl_log_open(&log, name) != 0) {
        return 0;
    }

    time = 0;

    if (ctl_log_next(&log) == CTL_LOG_LINE) {
        time = agent_audit_line_time(log.text, log.len);
    }

    ctl_log_close(&log);

    return time;
}


static int
ctl_verify_compare(const void *one, const void *two)
{
    const ctl_verify_file_t  *a = one, *b = two;

    if (a->time != b->time) {
        return a->time < b->time ? -1 : 1;
    }

    return a->given < b->given ? -1 : 1;
}


static int
ctl_verify_file(ctl_verify_t *run, agent_audit_verify_t *v, size_t n)
{
    int                rc;
    ctl_log_e          kind;
    ctl_log_t          log;
    agent_audit_pos_t  pos;

    if (ctl_log_open(&log, run->files[n].name) != 0) {
        return -1;
    }

    rc = 0;
    pos.file = (uint32_t) n;

    while ((kind = ctl_log_next(&log)) > CTL_LOG_END) {

        pos.line = log.line;

        /* one that is too long is none of ours, whatever is in it */

        if (agent_audit_verify_line(v, &pos, log.text,
                                    kind == CTL_LOG_LONG ? 0 : log.len)
            != 0)
        {
            ctl_error("there is no memory, or no AES-256 in OpenSSL");
            rc = -1;
            break;
        }

        if (run->nfaults > CTL_VERIFY_MAX) {
            ctl_error("%s:%" PRIu64 ": too many faults, this is as far as it "
                      "was read", log.name, log.line);
            rc = -1;
            break;
        }
    }

    if (kind == CTL_LOG_ERROR) {
        rc = -1;
    }

    ctl_log_close(&log);

    return rc;
}


static void
ctl_verify_note(void *data, const agent_audit_fault_t *fault)
{
    ctl_verify_t        *run = data;
    ctl_verify_fault_t   f;

    f.fault = *fault;

    (void) snprintf(f.uid, sizeof(f.uid), "%.*s", (int) fault->uid.len,
                    (const char *) fault->uid.data);

    if (run->nfaults < CTL_VERIFY_SHOWN) {
        run->faults[run->nfaults] = f;
    }

    if (run->nfaults == 0 || ctl_verify_before(&f.fault, &run->first.fault)) {
        run->first = f;
    }

    run->nfaults++;
}


static int
ctl_verify_before(const agent_audit_fault_t *one,
    const agent_audit_fault_t *two)
{
    /* what is of no line comes last */

    if (one->pos.line == 0 || two->pos.line == 0) {
        return one->pos.line != 0 && two->pos.line == 0;
    }

    return one->pos.file < two->pos.file
           || (one->pos.file == two->pos.file
               && one->pos.line < two->pos.line);
}


/* of a fault, in words, CTL_VERIFY_TEXT octets */

static void
ctl_verify_say(char *text, const ctl_verify_fault_t *f)
{
    uint64_t  seq, expected;

    seq = f->fault.seq;
    expected = f->fault.expected;

    switch (f->fault.fault) {

    case AGENT_AUDIT_FOREIGN:
        (void) snprintf(text, CTL_VERIFY_TEXT,
                        "the line is in no chain: it was added, or changed");
        return;

    case AGENT_AUDIT_NO_KEY:
        (void) snprintf(text, CTL_VERIFY_TEXT, "chain %s, line %" PRIu64
                        ": the key file has no key of its name", f->uid, seq);
        return;

    case AGENT_AUDIT_CHANGED:
        (void) snprintf(text, CTL_VERIFY_TEXT, "chain %s, line %" PRIu64
                        ": changed since it was written", f->uid, seq);
        return;

    case AGENT_AUDIT_MISSING:
        (void) snprintf(text, CTL_VERIFY_TEXT, "chain %s, line %" PRIu64
                        ": missing before it are lines %" PRIu64 " to %" PRIu64,
                        f->uid, seq, expected, seq - 1);
        return;

    case AGENT_AUDIT_ORDER:
        (void) snprintf(text, CTL_VERIFY_TEXT, "chain %s, line %" PRIu64
                        ": repeated or moved, the next is line %" PRIu64,
                        f->uid, seq, expected);
        return;

    case AGENT_AUDIT_HEADLESS:
        (void) snprintf(text, CTL_VERIFY_TEXT, "chain %s, line %" PRIu64
                        ": missing are all lines of its chain before it",
                        f->uid, seq);
        return;

    case AGENT_AUDIT_AFTER_END:
        (void) snprintf(text, CTL_VERIFY_TEXT, "chain %s, line %" PRIu64
                        ": its chain ended before, with line %" PRIu64, f->uid,
                        seq, expected);
        return;

    case AGENT_AUDIT_CUT:
        (void) snprintf(text, CTL_VERIFY_TEXT, "chain %s, line %" PRIu64
                        ": missing behind it are lines up to %" PRIu64, f->uid,
                        seq, expected);
        return;

    case AGENT_AUDIT_NO_STOP:
        (void) snprintf(text, CTL_VERIFY_TEXT, "chain %s, line %" PRIu64
                        ": the chain ends here without a stop record", f->uid,
                        seq);
        return;

    default:
        (void) snprintf(text, CTL_VERIFY_TEXT, "chain %s is missing", f->uid);
    }
}


/* "FILE:LINE: ", or nothing; the caller frees it */

static char *
ctl_verify_place(const ctl_verify_t *run, const agent_audit_fault_t *fault)
{
    if (fault->pos.line == 0) {
        return ctl_format("%s", "");
    }

    return ctl_format("%s:%" PRIu64 ": ", run->files[fault->pos.file].name,
                      fault->pos.line);
}


static void
ctl_verify_text(const ctl_verify_t *run, const agent_audit_result_t *result)
{
    char      *place, text[CTL_VERIFY_TEXT];
    uint64_t   i;

    for (i = 0; i < run->nfaults && i < CTL_VERIFY_SHOWN; i++) {
        place = ctl_verify_place(run, &run->faults[i].fault);
        ctl_verify_say(text, &run->faults[i]);
        printf("%s%s\n", place, text);
        free(place);
    }

    if (run->nfaults > CTL_VERIFY_SHOWN) {
        printf("and %" PRIu64 " more\n", run->nfaults - CTL_VERIFY_SHOWN);
    }

    printf("%s: %" PRIu64 " lines of %" PRIu64 " chains are as they were "
           "written\n",
           run->nfaults ? "not intact" : run->unread ? "not read" : "intact",
           result->lines, result->chains);

    if (run->nfaults) {
        place = ctl_verify_place(run, &run->first.fault);
        ctl_verify_say(text, &run->first);
        printf("first: %s%s\n", place, text);
        free(place);
    }

    if (result->open) {
        printf("%" PRIu64 " chains go on\n", result->open);
    }

    if (result->unproven) {
        printf("%" PRIu64 " lines could not be proven, those before are not "
               "here\n", result->unproven);
    }

    if (result->lost) {
        printf("%" PRIu64 " lines were lost, as the log itself says\n",
               result->lost);
    }

    if (result->torn) {
        printf("%" PRIu64 " parts of lines stand before the whole ones\n",
               result->torn);
    }
}


static void
ctl_verify_json(const ctl_verify_t *run, const agent_audit_result_t *result)
{
    uint64_t  i;

    printf("{\"intact\":%s,\"lines\":%" PRIu64 ",\"chains\":%" PRIu64
           ",\"open\":%" PRIu64 ",\"unproven\":%" PRIu64 ",\"lost\":%" PRIu64
           ",\"torn\":%" PRIu64 ",\"faults\":%" PRIu64 ",\"first\":",
           (run->nfaults || run->unread) ? "false" : "true", result->lines,
           result->chains, result->open, result->unproven, result->lost,
           result->torn, run->nfaults);

    if (run->nfaults) {
        ctl_verify_json_fault(run, &run->first);

    } else {
        printf("null");
    }

    printf(",\"list\":[");

    for (i = 0; i < run->nfaults && i < CTL_VERIFY_SHOWN; i++) {
        printf("%s", i ? "," : "");
        ctl_verify_json_fault(run, &run->faults[i]);
    }

    printf("]}\n");
}


static void
ctl_verify_json_fault(const ctl_verify_t *run, const ctl_verify_fault_t *f)
{
    char  *name, text[CTL_VERIFY_TEXT];

    ctl_verify_say(text, f);

    printf("{\"fault\":\"%s\",", ctl_verify_kinds[f->fault.fault]);

    if (f->fault.pos.line) {
        name = ctl_json_text(run->files[f->fault.pos.file].name);
        printf("\"file\":%s,\"line\":%" PRIu64 ",", name, f->fault.pos.line);
        free(name);
    }

    printf("\"chain_uid\":\"%s\",\"seq\":%" PRIu64 ",\"text\":\"%s\"}",
           f->uid, f->fault.seq, text);
}
