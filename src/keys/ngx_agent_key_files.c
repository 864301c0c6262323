
#include "ngx_agent_key_files.h"

#include <openssl/crypto.h>


/* of a file of secrets: AGENT_PEPPERS_MAX lines of at most 1100 octets */

#define NGX_AGENT_SECRETS_TEXT  (AGENT_PEPPERS_MAX * 1100)
#define NGX_AGENT_SECRETS_ROOM  (NGX_AGENT_SECRETS_TEXT + AGENT_ENVELOPE_PIECE)


typedef struct {
    const char           *name;         /* for messages */
    const char           *secrets;      /* likewise */
    const ngx_str_t      *path;
    ngx_file_info_t       info;
    u_char               *text;         /* NGX_AGENT_SECRETS_ROOM octets */
    size_t                len;
    ngx_uint_t            level;
    ngx_log_t            *log;
} ngx_agent_key_secrets_t;


static ngx_int_t ngx_agent_key_file_id(const ngx_str_t *path,
    ngx_agent_file_id_t *id);
static ngx_int_t ngx_agent_key_secret_id(const ngx_str_t *path,
    const ngx_agent_file_id_t *read, ngx_agent_file_id_t *id);
static ngx_int_t ngx_agent_key_peppers_text(
    const ngx_agent_key_zone_t *zone, const agent_keks_t *keks,
    ngx_agent_key_peppers_t *peppers, ngx_agent_file_id_t *id,
    ngx_agent_key_secrets_t *s);
static ngx_fd_t ngx_agent_key_secrets_open(ngx_agent_key_secrets_t *s);
static ngx_int_t ngx_agent_key_secrets_read(ngx_agent_key_secrets_t *s,
    ngx_fd_t fd);
static ngx_int_t ngx_agent_key_secrets_decrypt(ngx_agent_key_secrets_t *s,
    ngx_fd_t fd, const agent_keks_t *keks, agent_envelope_want_t *want);


ngx_int_t
ngx_agent_key_files(const ngx_agent_key_zone_t *zone,
    ngx_agent_key_files_t *files, const ngx_str_t **path)
{
    ngx_int_t         rc;
    const ngx_str_t  *at;

    ngx_memzero(files, sizeof(ngx_agent_key_files_t));

    at = &zone->file;
    rc = ngx_agent_key_file_id(at, &files->file);

    if (rc == NGX_OK && zone->pepper_file.len) {
        at = &zone->pepper_file;
        rc = ngx_agent_key_secret_id(at, &zone->read.pepper, &files->pepper);
    }

    if (rc == NGX_OK && zone->kek_file.len) {
        at = &zone->kek_file;
        rc = ngx_agent_key_secret_id(at, &zone->read.kek, &files->kek);
    }

    if (path) {
        *path = at;
    }

    return rc;
}


static ngx_int_t
ngx_agent_key_file_id(const ngx_str_t *path, ngx_agent_file_id_t *id)
{
    ngx_file_info_t  fi;

    if (ngx_file_info(path->data, &fi) == NGX_FILE_ERROR) {
        return NGX_ERROR;
    }

    ngx_agent_key_stat_id(&fi, id);

    return ngx_is_file(&fi) ? NGX_OK : NGX_DECLINED;
}


/* read: of the file that the master read */

static ngx_int_t
ngx_agent_key_secret_id(const ngx_str_t *path,
    const ngx_agent_file_id_t *read, ngx_agent_file_id_t *id)
{
    if (access((const char *) path->data, R_OK) == -1
        && ngx_errno == NGX_EACCES)
    {
        *id = *read;
        return NGX_OK;
    }

    return ngx_agent_key_file_id(path, id);
}


void
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
ngx_agent_key_keks(const ngx_agent_key_zone_t *zone, agent_keks_t *keks,
    ngx_agent_file_id_t *id, ngx_uint_t level, ngx_log_t *log)
{
    char                     err[AGENT_ERROR_LEN];
    u_char                   buf[NGX_AGENT_SECRETS_ROOM];
    uint64_t                 line;
    ngx_fd_t                 fd;
    ngx_int_t                rc;
    agent_str_t              text;
    ngx_agent_key_secrets_t  s;

    keks->n = 0;

    if (zone->kek_file.len == 0) {
        return NGX_OK;
    }

    s.name = "KEK file";
    s.secrets = "KEKs";
    s.path = &zone->kek_file;
    s.text = buf;
    s.level = level;
    s.log = log;

    fd = ngx_agent_key_secrets_open(&s);

    if (fd == NGX_INVALID_FILE) {
        return ngx_errno == NGX_EACCES ? NGX_DECLINED : NGX_ERROR;
    }

    rc = ngx_agent_key_secrets_read(&s, fd);

    (void) ngx_close_file(fd);

    if (rc == NGX_OK) {
        ngx_agent_key_stat_id(&s.info, id);

        text.data = buf;
        text.len = s.len;

        if (agent_keks_parse(&text, keks, &line, err) != 0) {
            ngx_log_error(level, log, 0, "agent_auth: %V:%uL: %s", s.path,
                          line, err);
            rc = NGX_ERROR;
        }
    }

    OPENSSL_cleanse(buf, sizeof(buf));

    return rc;
}


ngx_int_t
ngx_agent_key_peppers(const ngx_agent_key_zone_t *zone,
    const agent_keks_t *keks, ngx_agent_key_peppers_t *peppers,
    ngx_agent_file_id_t *id, ngx_uint_t level, ngx_log_t *log)
{
    u_char                   buf[NGX_AGENT_SECRETS_ROOM];
    ngx_int_t                rc;
    ngx_agent_key_secrets_t  s;

    s.name = "pepper file";
    s.secrets = "peppers";
    s.path = &zone->pepper_file;
    s.text = buf;
    s.level = level;
    s.log = log;

    rc = ngx_agent_key_peppers_text(zone, keks, peppers, id, &s);

    OPENSSL_cleanse(buf, sizeof(buf));

    return rc;
}


static ngx_int_t
ngx_agent_key_peppers_text(const ngx_agent_key_zone_t *zone,
    const agent_keks_t *keks, ngx_agent_key_peppers_t *peppers,
    ngx_agent_file_id_t *id, ngx_agent_key_secrets_t *s)
{
    char                   err[AGENT_ERROR_LEN];
    uint64_t               line;
    ngx_fd_t               fd;
    ngx_int_t              rc;
    agent_str_t            text;
    agent_envelope_want_t  want;

    fd = ngx_agent_key_secrets_open(s);

    if (fd == NGX_INVALID_FILE) {
        return ngx_errno == NGX_EACCES ? NGX_DECLINED : NGX_ERROR;
    }

    want.kind = AGENT_ENVELOPE_PEPPERS;
    want.bundle = zone->bundle;
    want.generation = peppers->generation;

    rc = zone->kek_file.len
         ? ngx_agent_key_secrets_decrypt(s, fd, keks, &want)
         : ngx_agent_key_secrets_read(s, fd);

    (void) ngx_close_file(fd);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_agent_key_stat_id(&s->info, id);
    peppers->generation = want.generation;

    text.data = s->text;
    text.len = s->len;

    if (agent_pepper_parse(&text, "pepper", peppers->pepper, &peppers->n,
                           &line, err)
        != 0)
    {
        ngx_log_error(s->level, s->log, 0, "agent_auth: %V:%uL: %s", s->path,
                      line, err);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* NGX_INVALID_FILE with ngx_errno, which is logged unless it is NGX_EACCES */

static ngx_fd_t
ngx_agent_key_secrets_open(ngx_agent_key_secrets_t *s)
{
    ngx_fd_t   fd;
    ngx_err_t  err;

    fd = ngx_open_file(s->path->data, NGX_FILE_RDONLY,
                       NGX_FILE_OPEN|NGX_FILE_NONBLOCK, 0);

    if (fd == NGX_INVALID_FILE) {
        err = ngx_errno;

        if (err != NGX_EACCES) {
            ngx_log_error(s->level, s->log, err,
                          "agent_auth: " ngx_open_file_n " \"%V\" failed",
                          s->path);
        }

        ngx_set_errno(err);
    }

    return fd;
}


static ngx_int_t
ngx_agent_key_secrets_read(ngx_agent_key_secrets_t *s, ngx_fd_t fd)
{
    ssize_t  n;

    n = -1;

    if (ngx_fd_info(fd, &s->info) != NGX_FILE_ERROR) {
        n = ngx_read_fd(fd, s->text, NGX_AGENT_SECRETS_TEXT);
    }

    if (n == -1) {
        ngx_log_error(s->level, s->log, ngx_errno,
                      "agent_auth: " ngx_read_fd_n " \"%V\" failed", s->path);
        return NGX_ERROR;
    }

    if (s->info.st_mode & S_IROTH) {
        ngx_log_error(s->level, s->log, 0,
                      "agent_auth: %s \"%V\" is readable by everyone, do "
                      "\"chmod o-rwx\" and make new %s", s->name, s->path,
                      s->secrets);
        return NGX_ERROR;
    }

    if (n == NGX_AGENT_SECRETS_TEXT) {
        ngx_log_error(s->level, s->log, 0,
                      "agent_auth: %s \"%V\" is too long", s->name, s->path);
        return NGX_ERROR;
    }

    s->len = n;

    return NGX_OK;
}


/* the same of an envelope, whose generation becomes that of want */

static ngx_int_t
ngx_agent_key_secrets_decrypt(ngx_agent_key_secrets_t *s, ngx_fd_t fd,
    const agent_keks_t *keks, agent_envelope_want_t *want)
{
    char              err[AGENT_ERROR_LEN];
    ngx_int_t         rc;
    agent_envelope_t  env;

    if (ngx_fd_info(fd, &s->info) == NGX_FILE_ERROR) {
        ngx_log_error(s->level, s->log, ngx_errno,
                      "agent_auth: " ngx_fd_info_n " \"%V\" failed", s->path);
        return NGX_ERROR;
    }

    rc = NGX_ERROR;

    if (agent_envelope_open(&env, fd, err) == 0) {

        if (agent_envelope_check(&env, want, err) == 0
            && agent_envelope_unlock(&env, keks, err) == 0
            && agent_envelope_all(&env, s->text, NGX_AGENT_SECRETS_TEXT,
                                  &s->len, err)
               == 0)
        {
            rc = NGX_OK;
        }

        want->generation = env.generation;
        agent_envelope_close(&env);
    }

    if (rc != NGX_OK) {
        ngx_log_error(s->level, s->log, 0, "agent_auth: %V: %s", s->path, err);
    }

    return rc;
}


void
ngx_agent_key_keks_drop(const ngx_agent_key_zone_t *zone)
{
    if (zone->keks
        && access((const char *) zone->kek_file.data, R_OK) == 0)
    {
        OPENSSL_cleanse(zone->keks, sizeof(agent_keks_t));
    }
}
