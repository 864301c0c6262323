
#include "store.h"
#include "lock.h"
#include "record.h"
#include "replace.h"

#include <errno.h>
#include <libgen.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>


/* how often a long file is left off to see whether somebody wants to stop */

#define CTL_SIGNAL_LINES  1024


static int ctl_store_file(ctl_store_t *store, const ctl_t *ctl);
static void ctl_store_hold_signals(ctl_store_t *store);
static char *ctl_store_path(const char *file);
static char *ctl_store_new_path(const char *file);
static int ctl_store_read(ctl_store_t *store, const ctl_t *ctl,
    const ctl_peppers_t *peppers);
static int ctl_store_scan(ctl_store_t *store, const ctl_t *ctl);
static void ctl_store_record(ctl_store_t *store, const ctl_t *ctl,
    const agent_key_record_t *rec, json_t *json);
static char *ctl_store_header(const ctl_store_t *store);
static char *ctl_store_line(ctl_store_t *store, const json_t *record,
    int added);


int
ctl_store_open(ctl_store_t *store, const ctl_t *ctl,
    const ctl_peppers_t *peppers)
{
    int  rc;

    rc = ctl_store_lock(store, ctl, ctl->file);

    if (rc != CTL_DONE) {
        return rc;
    }

    rc = ctl_store_read(store, ctl, peppers);

    if (rc != CTL_DONE) {
        ctl_store_close(store);
    }

    return rc;
}


int
ctl_store_lock(ctl_store_t *store, const ctl_t *ctl, const char *file)
{
    int    rc;
    char  *path;

    memset(store, 0, sizeof(*store));

    store->name = file;
    store->lock = -1;
    store->reader.fd = -1;

    store->path = ctl_store_path(file);

    if (store->path == NULL) {
        return CTL_REFUSED;
    }

    store->lock_path = ctl_format("%s.lock", store->path);
    store->temp_path = ctl_format("%s.agentctl-new", store->path);

    store->lock = ctl_lock(store->lock_path);

    if (store->lock == -1) {
        ctl_store_close(store);
        return CTL_REFUSED;
    }

    ctl_store_hold_signals(store);

    /* a symbolic link may lead elsewhere by now */

    path = ctl_store_path(file);
    rc = path && strcmp(path, store->path) == 0 ? CTL_DONE : CTL_REFUSED;
    free(path);

    if (rc != CTL_DONE) {
        ctl_error("\"%s\" was moved by another program, run this again",
                  store->name);

    } else {
        rc = ctl_store_file(store, ctl);
    }

    if (rc != CTL_DONE) {
        ctl_store_close(store);
    }

    return rc;
}


static int
ctl_store_file(ctl_store_t *store, const ctl_t *ctl)
{
    int  err;

    err = ctl_reader_open(&store->reader, ctl, store->path, store->name);

    store->absent = (err == ENOENT);

    if (err != 0 && err != ENOENT) {
        return CTL_REFUSED;
    }

    /* there is no record to be changed, which is said later */

    if (store->absent && ctl->operand) {
        return CTL_DONE;
    }

    return ctl_sealed(ctl)
           ? ctl_label(&store->label, ctl, store->reader.envelope) : CTL_DONE;
}


/* until the lock is gone: they are looked at where it is safe to stop */

static void
ctl_store_hold_signals(ctl_store_t *store)
{
    size_t            i;
    sigset_t          set;
    struct sigaction  action;

    static const int  signals[] = { SIGINT, SIGTERM, SIGHUP };

    (void) sigemptyset(&set);

    for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {

        /* one that is ignored, as under nohup, would stay pending */

        if (sigaction(signals[i], NULL, &action) == 0
            && action.sa_handler != SIG_IGN)
        {
            (void) sigaddset(&set, signals[i]);
        }
    }

    store->held = sigprocmask(SIG_BLOCK, &set, &store->signals) == 0;
}


/* what the file's name leads to; NULL with the error printed */

static char *
ctl_store_path(const char *file)
{
    int          err;
    char        *path;
    struct stat  st;

    path = realpath(file, NULL);

    if (path) {
        return path;
    }

    err = errno;

    if (err == ENOENT && lstat(file, &st) == -1) {
        return ctl_store_new_path(file);
    }

    ctl_error_errno(err, "cannot follow \"%s\"", file);

    return NULL;
}


static char *
ctl_store_new_path(const char *file)
{
    int    err;
    char  *copy, *dir, *path;

    copy = ctl_format("%s", file);
    dir = realpath(dirname(copy), NULL);
    err = errno;
    free(copy);

    if (dir == NULL) {
        ctl_error_errno(err, "cannot find the directory of \"%s\"", file);
        return NULL;
    }

    copy = ctl_format("%s", file);
    path = ctl_format("%s/%s", dir, basename(copy));

    free(copy);
    free(dir);

    return path;
}


static int
ctl_store_read(ctl_store_t *store, const ctl_t *ctl,
    const ctl_peppers_t *peppers)
{
    if (ctl_index_init(&store->index) != 0) {
        return CTL_REFUSED;
    }

    if (store->absent && ctl->operand) {
        ctl_error("there is no key file \"%s\"", store->name);
        return CTL_REFUSED;
    }

    if (store->absent) {
        return CTL_DONE;
    }

    store->reader.index = &store->index;
    store->reader.peppers = peppers;

    return ctl_store_scan(store, ctl);
}


static int
ctl_store_scan(ctl_store_t *store, const ctl_t *ctl)
{
    char                 err[AGENT_ERROR_LEN];
    json_t              *json;
    ctl_line_e           kind;
    ctl_reader_t        *r;
    agent_key_record_t   rec;

    r = &store->reader;

    while ((kind = ctl_reader_next(r, &rec, &json, err)) != CTL_LINE_END) {

        switch (kind) {

        case CTL_LINE_HEADER:
            store->header_at.offset = r->offset;
            store->header_at.len = r->len + 1;
            store->header = ctl_format("%.*s", (int) r->len,
                                       (const char *) r->text);
            break;

        case CTL_LINE_RECORD:
            ctl_store_record(store, ctl, &rec, json);
            break;

        case CTL_LINE_FAULT:
            ctl_error("%s:%llu: %s", r->name, (unsigned long long) r->line,
                      err);
            ctl_error("nothing was changed; \"agentctl key lint --file %s\" "
                      "shows all that is wrong", r->name);
            return CTL_REFUSED;

        default:
            return CTL_REFUSED;
        }

        if (r->line % CTL_SIGNAL_LINES == 0 && ctl_interrupted()) {
            return CTL_REFUSED;
        }
    }

    if (ctl->operand && store->record == NULL) {
        ctl_no_key(ctl);
        return CTL_REFUSED;
    }

    return CTL_DONE;
}


/* takes over json */

static void
ctl_store_record(ctl_store_t *store, const ctl_t *ctl,
    const agent_key_record_t *rec, json_t *json)
{
    if (ctl->operand == NULL || rec->id.len != strlen(ctl->operand)
        || memcmp(rec->id.data, ctl->operand, rec->id.len) != 0)
    {
        json_decref(json);
        return;
    }

    store->rec = *rec;
    store->record = json;
    store->record_at.offset = store->reader.offset;
    store->record_at.len = store->reader.len + 1;
}


int
ctl_store_commit(ctl_store_t *store, int changed, const json_t *added)
{
    int          rc;
    size_t       i, n;
    ctl_piece_t  pieces[3];

    memset(pieces, 0, sizeof(pieces));
    n = 0;

    if (added && (store->absent || store->header_at.len)) {
        pieces[n].at = store->header_at;
        pieces[n++].text = ctl_store_header(store);
    }

    if (changed) {
        pieces[n].at = store->record_at;
        pieces[n++].text = ctl_store_line(store, store->record, 0);
    }

    if (added) {
        pieces[n].at.offset = store->absent
                              ? 0 : store->reader.size;
        pieces[n++].text = ctl_store_line(store, added, 1);
    }

    rc = CTL_DONE;

    for (i = 0; i < n; i++) {
        if (pieces[i].text == NULL) {
            rc = CTL_REFUSED;
        }
    }

    if (rc == CTL_DONE) {
        rc = ctl_replace(store, pieces, n);
    }

    for (i = 0; i < n; i++) {
        free(pieces[i].text);
    }

    return rc;
}


static char *
ctl_store_header(const ctl_store_t *store)
{
    char    *dumped, *line;
    json_t  *header;

    header = store->absent ? json_pack("{s:i}", "version", 1)
                           : json_loads(store->header, 0, NULL);

    if (header == NULL) {
        ctl_error("cannot read the first line of \"%s\" again", store->name);
        return NULL;
    }

    ctl_record_set(header, "keys",
                   json_integer((json_int_t) store->reader.file.promised + 1));

    dumped = json_dumps(header, JSON_COMPACT);
    line = dumped ? ctl_format("%s\n", dumped) : NULL;

    free(dumped);
    json_decref(header);

    return line;
}


/* the line of a record, once it is shown that it reads as one */

static char *
ctl_store_line(ctl_store_t *store, const json_t *record, int added)
{
    char                *line, err[AGENT_ERROR_LEN];
    json_t              *json;
    agent_line_e         kind;
    agent_keyfile_t      file;
    agent_key_record_t   rec;

    line = json_dumps(record, JSON_COMPACT);

    if (line == NULL) {
        ctl_error("not enough memory for a record");
        return NULL;
    }

    memset(&file, 0, sizeof(file));

    kind = agent_keyfile_line(&file, (const uint8_t *) line, strlen(line),
                              &rec, &json, err);

    if (kind == AGENT_LINE_RECORD
        && (!added || ctl_index_add(&store->index, &rec,
                                    store->reader.file.line + 1, err)))
    {
        json_decref(json);

        line = ctl_realloc(line, strlen(line) + 2);
        strcat(line, "\n");

        return line;
    }

    if (kind == AGENT_LINE_RECORD) {
        json_decref(json);
    }

    ctl_error("nothing was changed, the new line would be refused: %s", err);
    free(line);

    return NULL;
}


void
ctl_store_close(ctl_store_t *store)
{
    if (store->lock != -1) {
        ctl_unlock(store->lock_path, store->lock);
    }

    ctl_reader_close(&store->reader);
    ctl_index_free(&store->index);
    json_decref(store->record);

    OPENSSL_cleanse(&store->label, sizeof(store->label));

    free(store->header);
    free(store->path);
    free(store->lock_path);
    free(store->temp_path);

    if (store->held) {
        (void) sigprocmask(SIG_SETMASK, &store->signals, NULL);
    }
}
