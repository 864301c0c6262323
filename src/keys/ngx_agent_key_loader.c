
#include "ngx_agent_key_loader.h"
#include "ngx_agent_count.h"
#include "agent_status.h"

#include <openssl/crypto.h>


#define NGX_AGENT_LOADER_BUFFER  (256 * 1024)
#define NGX_AGENT_LOADER_LINES   32
#define NGX_AGENT_LOADER_OCTETS  16384
#define NGX_AGENT_LOADER_STEPS   256

/* of a pepper file: AGENT_PEPPERS_MAX lines of at most this many octets */

#define NGX_AGENT_PEPPER_LINE    1100


struct ngx_agent_key_loader_s {
    ngx_agent_key_zone_t    *zone;
    agent_keytab_builder_t  *builder;
    ngx_log_t               *log;
    ngx_uint_t               level;
    ngx_fd_t                 fd;

    ngx_agent_file_id_t      file;
    ngx_agent_file_id_t      pepper;
    agent_pepper_t           peppers[AGENT_PEPPERS_MAX];
    size_t                   npeppers;

    agent_keyfile_t          state;
    u_char                  *start;     /* of what is not parsed yet */
    u_char                  *last;
    unsigned                 eof:1;
    unsigned                 parsed:1;

    u_char                   buffer[NGX_AGENT_LOADER_BUFFER];
};


static ngx_int_t ngx_agent_key_loader_peppers(ngx_agent_key_loader_t *loader);
static ngx_int_t ngx_agent_key_loader_lines(ngx_agent_key_loader_t *loader);
static ngx_int_t ngx_agent_key_loader_line(ngx_agent_key_loader_t *loader,
    u_char *line, size_t len);
static ngx_int_t ngx_agent_key_loader_read(ngx_agent_key_loader_t *loader);
static ngx_int_t ngx_agent_key_loader_finish(ngx_agent_key_loader_t *loader);
static void ngx_agent_key_loader_too_small(ngx_agent_key_loader_t *loader);
static void ngx_agent_key_loader_error(ngx_agent_key_loader_t *loader,
    uint64_t line, char *err);
static ngx_int_t ngx_agent_key_pepper_read(const ngx_str_t *path, u_char *buf,
    size_t *len, ngx_agent_file_id_t *id, ngx_uint_t level, ngx_log_t *log);
static void ngx_agent_key_stat_id(ngx_file_info_t *fi,
    ngx_agent_file_id_t *id);


ngx_agent_key_loader_t *
ngx_agent_key_loader_open(ngx_agent_key_zone_t *zone, u_char *base,
    ngx_uint_t level, ngx_log_t *log)
{
    ngx_file_info_t          fi;
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

    /* a FIFO in the place of the file must not stop the event loop */

    loader->fd = ngx_open_file(zone->file.data, NGX_FILE_RDONLY,
                               NGX_FILE_OPEN|NGX_FILE_NONBLOCK, 0);

    if (loader->fd == NGX_INVALID_FILE) {
        ngx_log_error(level, log, ngx_errno,
                      "agent_auth: " ngx_open_file_n " \"%V\" failed",
                      &zone->file);
        goto failed;
    }

    if (ngx_fd_info(loader->fd, &fi) == NGX_FILE_ERROR) {
        ngx_log_error(level, log, ngx_errno,
                      "agent_auth: " ngx_fd_info_n " \"%V\" failed",
                      &zone->file);
        goto failed;
    }

    if (!ngx_is_file(&fi)) {
        ngx_log_error(level, log, 0,
                      "agent_auth: key file \"%V\" is not a regular file",
                      &zone->file);
        goto failed;
    }

    ngx_agent_key_stat_id(&fi, &loader->file);

    if (ngx_agent_key_loader_peppers(loader) != NGX_OK) {
        goto failed;
    }

    loader->builder = agent_keytab_create(base, zone->gen.size,
                                          loader->peppers, loader->npeppers,
                                          ngx_file_size(&fi)
                                          / AGENT_KEYFILE_LINE_MIN);
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
ngx_agent_key_loader_peppers(ngx_agent_key_loader_t *loader)
{
    ngx_int_t              rc;
    ngx_agent_key_zone_t  *zone;

    zone = loader->zone;

    if (zone->pepper_file.len == 0) {
        return NGX_OK;
    }

    rc = ngx_agent_key_peppers(&zone->pepper_file, loader->peppers,
                               &loader->npeppers, &loader->pepper,
                               loader->level, loader->log);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    /* for root's eyes only, as it should be: the master has read it */

    ngx_memcpy(loader->peppers, zone->peppers,
               zone->npeppers * sizeof(agent_pepper_t));
    loader->npeppers = zone->npeppers;
    loader->pepper = zone->pepper_id;

    return NGX_OK;
}


ngx_int_t
ngx_agent_key_loader_step(ngx_agent_key_loader_t *loader)
{
    return loader->parsed ? ngx_agent_key_loader_finish(loader)
                          : ngx_agent_key_loader_lines(loader);
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

    n = ngx_read_fd(loader->fd, loader->last, NGX_AGENT_LOADER_BUFFER - left);

    if (n == -1) {
        ngx_log_error(loader->level, loader->log, ngx_errno,
                      "agent_auth: " ngx_read_fd_n " \"%V\" failed",
                      &loader->zone->file);
        return NGX_ERROR;
    }

    if (n == 0) {
        loader->eof = 1;
    }

    loader->last += n;

    return NGX_OK;
}


static ngx_int_t
ngx_agent_key_loader_finish(ngx_agent_key_loader_t *loader)
{
    char                  err[AGENT_ERROR_LEN];
    uint64_t              line;
    agent_build_e         built;
    ngx_agent_file_id_t   file, pepper;

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

    (void) ngx_agent_key_file_id(&loader->zone->file, &file);
    (void) ngx_agent_key_pepper_id(loader->zone, &pepper);

    return (ngx_agent_file_same(&file, &loader->file)
            && ngx_agent_file_same(&pepper, &loader->pepper))
           ? NGX_OK : NGX_DECLINED;
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
    ngx_uint_t           i;
    ngx_agent_key_sh_t  *sh;

    sh = loader->zone->sh;
    i = sh->gen.building & 1;

    sh->file[i] = loader->file;
    sh->pepper[i] = loader->pepper;
    sh->keys[i] = agent_keytab_count(loader->builder);
    sh->loaded[i] = ngx_time();
}


void
ngx_agent_key_loader_refuse(ngx_agent_key_loader_t *loader)
{
    ngx_agent_key_refuse(loader->zone, &loader->file, &loader->pepper);
}


void
ngx_agent_key_refuse(const ngx_agent_key_zone_t *zone,
    const ngx_agent_file_id_t *file, const ngx_agent_file_id_t *pepper)
{
    ngx_agent_key_sh_t  *sh;

    sh = zone->sh;

    ngx_agent_count(zone->count + AGENT_STATUS_REFUSED);

    sh->refused = *file;
    sh->refused_pepper = *pepper;
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

    OPENSSL_cleanse(loader->peppers, sizeof(loader->peppers));

    ngx_free(loader);
}


ngx_int_t
ngx_agent_key_file_id(const ngx_str_t *path, ngx_agent_file_id_t *id)
{
    ngx_file_info_t  fi;

    ngx_memzero(id, sizeof(ngx_agent_file_id_t));

    if (ngx_file_info(path->data, &fi) == NGX_FILE_ERROR) {
        return NGX_ERROR;
    }

    ngx_agent_key_stat_id(&fi, id);

    return ngx_is_file(&fi) ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_agent_key_pepper_id(const ngx_agent_key_zone_t *zone,
    ngx_agent_file_id_t *id)
{
    const ngx_str_t  *path;

    path = &zone->pepper_file;

    if (path->len == 0) {
        ngx_memzero(id, sizeof(ngx_agent_file_id_t));
        return NGX_OK;
    }

    if (access((const char *) path->data, R_OK) == -1
        && ngx_errno == NGX_EACCES)
    {
        *id = zone->pepper_id;
        return NGX_OK;
    }

    return ngx_agent_key_file_id(path, id);
}


static void
ngx_agent_key_stat_id(ngx_file_info_t *fi, ngx_agent_file_id_t *id)
{
    id->dev = fi->st_dev;
    id->ino = fi->st_ino;
    id->size = fi->st_size;
    id->mtime = (int64_t) fi->st_mtim.tv_sec * 1000000000
                + fi->st_mtim.tv_nsec;
    id->ctime = (int64_t) fi->st_ctim.tv_sec * 1000000000
                + fi->st_ctim.tv_nsec;
}


ngx_int_t
ngx_agent_key_peppers(const ngx_str_t *path, agent_pepper_t *peppers,
    size_t *n, ngx_agent_file_id_t *id, ngx_uint_t level, ngx_log_t *log)
{
    int          rc;
    char         err[AGENT_ERROR_LEN];
    u_char       buf[AGENT_PEPPERS_MAX * NGX_AGENT_PEPPER_LINE];
    uint64_t     line;
    ngx_int_t    read;
    agent_str_t  text;

    text.data = buf;
    text.len = sizeof(buf);

    read = ngx_agent_key_pepper_read(path, buf, &text.len, id, level, log);

    if (read != NGX_OK) {
        OPENSSL_cleanse(buf, sizeof(buf));
        return read;
    }

    rc = agent_pepper_parse(&text, peppers, n, &line, err);

    OPENSSL_cleanse(buf, sizeof(buf));

    if (rc != 0) {
        ngx_log_error(level, log, 0, "agent_auth: %V:%uL: %s", path, line,
                      err);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* *len: the room in buf, then what was read */

static ngx_int_t
ngx_agent_key_pepper_read(const ngx_str_t *path, u_char *buf, size_t *len,
    ngx_agent_file_id_t *id, ngx_uint_t level, ngx_log_t *log)
{
    ssize_t           n;
    ngx_fd_t          fd;
    ngx_file_info_t   fi;

    fd = ngx_open_file(path->data, NGX_FILE_RDONLY,
                       NGX_FILE_OPEN|NGX_FILE_NONBLOCK, 0);

    if (fd == NGX_INVALID_FILE) {

        if (ngx_errno == NGX_EACCES) {
            return NGX_DECLINED;
        }

        ngx_log_error(level, log, ngx_errno,
                      "agent_auth: " ngx_open_file_n " \"%V\" failed", path);
        return NGX_ERROR;
    }

    n = -1;

    if (ngx_fd_info(fd, &fi) != NGX_FILE_ERROR) {
        n = ngx_read_fd(fd, buf, *len);
    }

    if (n == -1) {
        ngx_log_error(level, log, ngx_errno,
                      "agent_auth: " ngx_read_fd_n " \"%V\" failed", path);
    }

    (void) ngx_close_file(fd);

    if (n == -1) {
        return NGX_ERROR;
    }

    ngx_agent_key_stat_id(&fi, id);

    if (fi.st_mode & S_IROTH) {
        ngx_log_error(level, log, 0,
                      "agent_auth: pepper file \"%V\" is readable by everyone, "
                      "do \"chmod o-rwx\" and make new peppers", path);
        return NGX_ERROR;
    }

    if ((size_t) n == *len) {
        ngx_log_error(level, log, 0,
                      "agent_auth: pepper file \"%V\" is too long", path);
        return NGX_ERROR;
    }

    *len = n;

    return NGX_OK;
}
