
#include "ngx_agent_key_loader.h"
#include "ngx_agent_count.h"
#include "ngx_agent_key_files.h"
#include "agent_status.h"

#include <openssl/crypto.h>


#define NGX_AGENT_LOADER_BUFFER  (256 * 1024)
#define NGX_AGENT_LOADER_LINES   32
#define NGX_AGENT_LOADER_OCTETS  16384
#define NGX_AGENT_LOADER_STEPS   256

struct ngx_agent_key_loader_s {
    ngx_agent_key_zone_t    *zone;
    agent_keytab_builder_t  *builder;
    ngx_log_t               *log;
    ngx_uint_t               level;
    ngx_fd_t                 fd;

    ngx_agent_key_files_t    files;
    ngx_agent_key_peppers_t  peppers;

    agent_envelope_t         envelope;
    agent_keks_t             keks;      /* until the envelopes are open */
    uint64_t                 least;     /* generation that is accepted */

    agent_keyfile_t          state;
    u_char                  *start;     /* of what is not parsed yet */
    u_char                  *last;
    unsigned                 sealed:1;
    unsigned                 authentic:1;
    unsigned                 eof:1;
    unsigned                 parsed:1;

    u_char                   buffer[NGX_AGENT_LOADER_BUFFER];
};


static ngx_int_t ngx_agent_key_loader_file(ngx_agent_key_loader_t *loader);
static void ngx_agent_key_loader_least(ngx_agent_key_loader_t *loader);
static ngx_int_t ngx_agent_key_loader_keks(ngx_agent_key_loader_t *loader);
static ngx_int_t ngx_agent_key_loader_peppers(ngx_agent_key_loader_t *loader);
static ngx_int_t ngx_agent_key_loader_envelope(
    ngx_agent_key_loader_t *loader);
static ngx_int_t ngx_agent_key_loader_authentic(
    ngx_agent_key_loader_t *loader);
static ngx_int_t ngx_agent_key_loader_lines(ngx_agent_key_loader_t *loader);
static ngx_int_t ngx_agent_key_loader_line(ngx_agent_key_loader_t *loader,
    u_char *line, size_t len);
static ngx_int_t ngx_agent_key_loader_read(ngx_agent_key_loader_t *loader);
static ssize_t ngx_agent_key_loader_octets(ngx_agent_key_loader_t *loader,
    u_char *buf, size_t size);
static ngx_int_t ngx_agent_key_loader_finish(ngx_agent_key_loader_t *loader);
static void ngx_agent_key_loader_too_small(ngx_agent_key_loader_t *loader);
static void ngx_agent_key_loader_error(ngx_agent_key_loader_t *loader,
    uint64_t line, char *err);


ngx_agent_key_loader_t *
ngx_agent_key_loader_open(ngx_agent_key_zone_t *zone, u_char *base,
    ngx_uint_t level, ngx_log_t *log)
{
    uint64_t                 size;
    ngx_agent_key_loader_t  *loader;

    loader = ngx_alloc(sizeof(ngx_agent_key_loader_t), log);
    if (loader == NULL) {
        return NULL;
    }

    ngx_memzero(loader, offsetof(ngx_agent_key_loader_t, buffer));

    loader->zone = zone;
    loader->log = log;
    loader->level = level;
    loader->start = loader->buffer;
    loader->last = loader->buffer;

    if (ngx_agent_key_loader_file(loader) != NGX_OK) {
        goto failed;
    }

    ngx_agent_key_loader_least(loader);

    if (ngx_agent_key_loader_keks(loader) != NGX_OK
        || ngx_agent_key_loader_peppers(loader) != NGX_OK
        || ngx_agent_key_loader_envelope(loader) != NGX_OK)
    {
        goto failed;
    }

    OPENSSL_cleanse(&loader->keks, sizeof(agent_keks_t));

    size = loader->sealed ? agent_envelope_size(&loader->envelope)
                          : loader->files.file.size;

    loader->builder = agent_keytab_create(base, zone->gen.size,
                                          loader->peppers.pepper,
                                          loader->peppers.n,
                                          size / AGENT_KEYFILE_LINE_MIN);
    if (loader->builder == NULL) {
        ngx_log_error(level, log, 0,
                      "agent_auth: not enough memory to load \"%V\"",
                      &zone->file);
        goto failed;
    }

    return loader;

failed:

    ngx_agent_key_loader_close(loader);

    return NULL;
}


static ngx_int_t
ngx_agent_key_loader_file(ngx_agent_key_loader_t *loader)
{
    ngx_str_t        *path;
    ngx_file_info_t   fi;

    path = &loader->zone->file;

    /* a FIFO in the place of the file must not stop the event loop */

    loader->fd = ngx_open_file(path->data, NGX_FILE_RDONLY,
                               NGX_FILE_OPEN|NGX_FILE_NONBLOCK, 0);

    if (loader->fd == NGX_INVALID_FILE) {
        ngx_log_error(loader->level, loader->log, ngx_errno,
                      "agent_auth: " ngx_open_file_n " \"%V\" failed", path);
        return NGX_ERROR;
    }

    if (ngx_fd_info(loader->fd, &fi) == NGX_FILE_ERROR) {
        ngx_log_error(loader->level, loader->log, ngx_errno,
                      "agent_auth: " ngx_fd_info_n " \"%V\" failed", path);
        return NGX_ERROR;
    }

    if (!ngx_is_file(&fi)) {
        ngx_log_error(loader->level, loader->log, 0,
                      "agent_auth: key file \"%V\" is not a regular file",
                      path);
        return NGX_ERROR;
    }

    ngx_agent_key_stat_id(&fi, &loader->files.file);

    return NGX_OK;
}


/*
 * Which generations are not older than the one in force.  Whoever loads has
 * the lease, so that what is read here stays.
 */

static void
ngx_agent_key_loader_least(ngx_agent_key_loader_t *loader)
{
    uint64_t                    g;
    ngx_agent_key_zone_t       *zone;
    ngx_agent_key_envelopes_t  *now, ours;

    zone = loader->zone;
    loader->least = zone->min_generation;

    if (ngx_agent_gen_read(&zone->gen, &g) == NULL) {
        return;
    }

    ngx_memzero(&ours, sizeof(ngx_agent_key_envelopes_t));

    if (zone->bundle.len) {
        ngx_memcpy(ours.bundle, zone->bundle.data, zone->bundle.len);
    }

    /* numbers of another bundle tell nothing */

    now = &zone->sh->envelopes[g & 1];

    if (ngx_memcmp(now->bundle, ours.bundle, AGENT_BUNDLE_MAX) != 0) {
        return;
    }

    loader->least = ngx_max(loader->least, now->keys);
    loader->peppers.generation = now->peppers;
}


static ngx_int_t
ngx_agent_key_loader_keks(ngx_agent_key_loader_t *loader)
{
    ngx_int_t              rc;
    ngx_agent_key_zone_t  *zone;

    zone = loader->zone;

    rc = ngx_agent_key_keks(zone, &loader->keks, &loader->files.kek,
                            loader->level, loader->log);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (zone->keks->n == 0) {
        ngx_log_error(loader->level, loader->log, NGX_EACCES,
                      "agent_auth: " ngx_open_file_n " \"%V\" failed",
                      &zone->kek_file);
        return NGX_ERROR;
    }

    loader->keks = *zone->keks;
    loader->files.kek = zone->read.kek;

    return NGX_OK;
}


static ngx_int_t
ngx_agent_key_loader_peppers(ngx_agent_key_loader_t *loader)
{
    char                   err[AGENT_ERROR_LEN];
    ngx_int_t              rc;
    ngx_agent_key_zone_t  *zone;

    zone = loader->zone;

    if (zone->pepper_file.len == 0) {
        return NGX_OK;
    }

    rc = ngx_agent_key_peppers(zone, &loader->keks, &loader->peppers,
                               &loader->files.pepper, loader->level,
                               loader->log);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    /* for root's eyes only, as it should be: the master has read it */

    if (zone->peppers->generation < loader->peppers.generation) {
        agent_envelope_older(zone->peppers->generation,
                             loader->peppers.generation, err);
        ngx_log_error(loader->level, loader->log, 0, "agent_auth: %V: %s",
                      &zone->pepper_file, err);
        return NGX_ERROR;
    }

    loader->peppers = *zone->peppers;
    loader->files.pepper = zone->read.pepper;

    return NGX_OK;
}


/* the envelope of the key file, where it must be in one */

static ngx_int_t
ngx_agent_key_loader_envelope(ngx_agent_key_loader_t *loader)
{
    char                   err[AGENT_ERROR_LEN];
    ngx_agent_key_zone_t  *zone;
    agent_envelope_want_t  want;

    zone = loader->zone;

    if (zone->kek_file.len == 0) {

        if (!agent_envelope_likely(loader->fd)) {
            return NGX_OK;
        }

        (void) agent_fail(err, "it is in an envelope, and \"agent_key_zone\" "
                          "has no \"kek_file\"");
        goto failed;
    }

    want.kind = AGENT_ENVELOPE_KEYS;
    want.bundle = zone->bundle;
    want.generation = loader->least;

    if (agent_envelope_open(&loader->envelope, loader->fd, err) == 0
        && agent_envelope_check(&loader->envelope, &want, err) == 0
        && agent_envelope_unlock(&loader->envelope, &loader->keks, err) == 0)
    {
        loader->sealed = 1;
        return NGX_OK;
    }

failed:

    ngx_agent_key_loader_error(loader, 0, err);

    return NGX_ERROR;
}


ngx_int_t
ngx_agent_key_loader_step(ngx_agent_key_loader_t *loader)
{
    if (loader->sealed && !loader->authentic) {
        return ngx_agent_key_loader_authentic(loader);
    }

    return loader->parsed ? ngx_agent_key_loader_finish(loader)
                          : ngx_agent_key_loader_lines(loader);
}


/* once to the end: no line is parsed that somebody else may have made */

static ngx_int_t
ngx_agent_key_loader_authentic(ngx_agent_key_loader_t *loader)
{
    char     err[AGENT_ERROR_LEN];
    ssize_t  n;

    n = agent_envelope_read(&loader->envelope, loader->buffer, err);

    if (n == -1
        || (n == 0 && agent_envelope_rewind(&loader->envelope, err) != 0))
    {
        ngx_agent_key_loader_error(loader, 0, err);
        return NGX_ERROR;
    }

    loader->authentic = (n == 0);

    return NGX_AGAIN;
}


static ngx_int_t
ngx_agent_key_loader_lines(ngx_agent_key_loader_t *loader)
{
    char         err[AGENT_ERROR_LEN];
    u_char      *lf, *last;
    ngx_int_t    rc;
    ngx_uint_t   n;

    /* few lines where they are long */

    last = loader->start + NGX_AGENT_LOADER_OCTETS;

    for (n = 0; n < NGX_AGENT_LOADER_LINES && loader->start < last; n++) {

        lf = memchr(loader->start, LF, loader->last - loader->start);

        if (lf == NULL) {

            if (loader->eof) {
                goto parsed;
            }

            rc = ngx_agent_key_loader_read(loader);

            return rc == NGX_OK ? NGX_AGAIN : rc;
        }

        if (ngx_agent_key_loader_line(loader, loader->start,
                                      lf - loader->start)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        loader->start = lf + 1;
    }

    return NGX_AGAIN;

parsed:

    if (agent_keyfile_end(&loader->state, loader->start != loader->last, err)
        != 0)
    {
        ngx_agent_key_loader_error(loader, loader->state.line + 1, err);
        return NGX_ERROR;
    }

    loader->parsed = 1;

    return NGX_AGAIN;
}


static ngx_int_t
ngx_agent_key_loader_line(ngx_agent_key_loader_t *loader, u_char *line,
    size_t len)
{
    int                 rc;
    char                err[AGENT_ERROR_LEN];
    json_t             *json;
    agent_line_e        kind;
    agent_key_record_t  rec;

    kind = agent_keyfile_line(&loader->state, line, len, &rec, &json, err);

    if (kind == AGENT_LINE_HEADER) {
        return NGX_OK;
    }

    if (kind == AGENT_LINE_RECORD) {
        rc = agent_keytab_add(loader->builder, &rec, loader->state.line, err);
        json_decref(json);

        if (rc == 0) {
            return NGX_OK;
        }
    }

    ngx_agent_key_loader_error(loader, loader->state.line, err);

    return NGX_ERROR;
}


static ngx_int_t
ngx_agent_key_loader_read(ngx_agent_key_loader_t *loader)
{
    char     err[AGENT_ERROR_LEN];
    size_t   left;
    ssize_t  n;

    left = loader->last - loader->start;

    if (left > AGENT_KEYFILE_LINE_MAX) {
        (void) agent_fail(err, "line is longer than %d octets",
                          AGENT_KEYFILE_LINE_MAX);
        ngx_agent_key_loader_error(loader, loader->state.line + 1, err);
        return NGX_ERROR;
    }

    ngx_memmove(loader->buffer, loader->start, left);
    loader->start = loader->buffer;
    loader->last = loader->buffer + left;

    n = ngx_agent_key_loader_octets(loader, loader->last,
                                    NGX_AGENT_LOADER_BUFFER - left);

    if (n == -1) {
        return NGX_ERROR;
    }

    if (n == 0) {
        loader->eof = 1;
    }

    loader->last += n;

    return NGX_OK;
}


/* size: more than AGENT_ENVELOPE_PIECE */

static ssize_t
ngx_agent_key_loader_octets(ngx_agent_key_loader_t *loader, u_char *buf,
    size_t size)
{
    char     err[AGENT_ERROR_LEN];
    ssize_t  n;

    if (loader->sealed) {
        n = agent_envelope_read(&loader->envelope, buf, err);

        if (n == -1) {
            ngx_agent_key_loader_error(loader, 0, err);
        }

        return n;
    }

    n = ngx_read_fd(loader->fd, buf, size);

    if (n == -1) {
        ngx_log_error(loader->level, loader->log, ngx_errno,
                      "agent_auth: " ngx_read_fd_n " \"%V\" failed",
                      &loader->zone->file);
    }

    return n;
}


static ngx_int_t
ngx_agent_key_loader_finish(ngx_agent_key_loader_t *loader)
{
    char                   err[AGENT_ERROR_LEN];
    uint64_t               line;
    agent_build_e          built;
    ngx_agent_key_files_t  files;

    built = agent_keytab_finish(loader->builder, NGX_AGENT_LOADER_STEPS,
                                &line, err);

    if (built == AGENT_BUILD_AGAIN) {
        return NGX_AGAIN;
    }

    if (built == AGENT_BUILD_ERROR) {

        if (agent_keytab_need(loader->builder) > loader->zone->gen.size) {
            ngx_agent_key_loader_too_small(loader);

        } else {
            ngx_agent_key_loader_error(loader, line, err);
        }

        return NGX_ERROR;
    }

    (void) ngx_agent_key_files(loader->zone, &files, NULL);

    return ngx_agent_key_files_same(&files, &loader->files) ? NGX_OK
                                                            : NGX_DECLINED;
}


static void
ngx_agent_key_loader_too_small(ngx_agent_key_loader_t *loader)
{
    uint64_t  need;

    need = agent_keytab_need(loader->builder);
    need = (need + ngx_pagesize - 1) / ngx_pagesize * ngx_pagesize;

    /* two arenas, what the slab pool keeps for each page, and its head */

    need = 2 * need;
    need += need / ngx_pagesize * sizeof(ngx_slab_page_t) + 16 * ngx_pagesize;

    ngx_log_error(loader->level, loader->log, 0,
                  "agent_auth: zone \"%V\" is too small for the %uL keys of "
                  "\"%V\", it needs zone=%V:%uLk",
                  &loader->zone->name, agent_keytab_count(loader->builder),
                  &loader->zone->file, &loader->zone->name,
                  (need + 1023) / 1024);
}


static void
ngx_agent_key_loader_error(ngx_agent_key_loader_t *loader, uint64_t line,
    char *err)
{
    if (line) {
        ngx_log_error(loader->level, loader->log, 0, "agent_auth: %V:%uL: %s",
                      &loader->zone->file, line, err);

    } else {
        ngx_log_error(loader->level, loader->log, 0, "agent_auth: %V: %s",
                      &loader->zone->file, err);
    }
}


void
ngx_agent_key_loader_note(ngx_agent_key_loader_t *loader)
{
    ngx_uint_t                  i;
    ngx_agent_key_sh_t         *sh;
    ngx_agent_key_zone_t       *zone;
    ngx_agent_key_envelopes_t  *envelopes;

    zone = loader->zone;
    sh = zone->sh;
    i = sh->gen.building & 1;

    envelopes = &sh->envelopes[i];
    ngx_memzero(envelopes, sizeof(ngx_agent_key_envelopes_t));

    if (loader->sealed) {
        ngx_memcpy(envelopes->bundle, zone->bundle.data, zone->bundle.len);
        envelopes->keys = loader->envelope.generation;
        envelopes->peppers = loader->peppers.generation;
    }

    sh->files[i] = loader->files;
    sh->keys[i] = agent_keytab_count(loader->builder);
    sh->loaded[i] = ngx_time();
}


void
ngx_agent_key_loader_refuse(ngx_agent_key_loader_t *loader)
{
    ngx_agent_key_refuse(loader->zone, &loader->files);
}


void
ngx_agent_key_refuse(const ngx_agent_key_zone_t *zone,
    const ngx_agent_key_files_t *files)
{
    ngx_agent_key_sh_t  *sh;

    sh = zone->sh;

    ngx_agent_count(zone->count + AGENT_STATUS_REFUSED);

    sh->refused = *files;
    sh->refused_at = ngx_agent_key_clock();
}


/* the cached time stands still within a turn of the event loop */

uint64_t
ngx_agent_key_clock(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


uint64_t
ngx_agent_key_loader_count(ngx_agent_key_loader_t *loader)
{
    return agent_keytab_count(loader->builder);
}


void
ngx_agent_key_loader_close(ngx_agent_key_loader_t *loader)
{
    if (loader->fd != NGX_INVALID_FILE
        && ngx_close_file(loader->fd) == NGX_FILE_ERROR)
    {
        ngx_log_error(NGX_LOG_ALERT, loader->log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", &loader->zone->file);
    }

    agent_keytab_destroy(loader->builder);
    agent_envelope_close(&loader->envelope);

    OPENSSL_cleanse(&loader->peppers, sizeof(ngx_agent_key_peppers_t));
    OPENSSL_cleanse(&loader->keks, sizeof(agent_keks_t));
    OPENSSL_cleanse(loader->buffer, NGX_AGENT_LOADER_BUFFER);

    ngx_free(loader);
}
