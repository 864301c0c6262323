
/*
 * The directive, and how its table is filled when nginx starts, when the zone
 * has another size, and when the file was changed by hand.
 */

#include "ngx_agent_revocation_zone.h"


#define NGX_AGENT_REVOCATION_LEAST  (64 * 1024)


static ngx_int_t ngx_agent_revocation_zone_args(ngx_conf_t *cf,
    ngx_agent_revocation_zone_t *zone, ssize_t *size);
static ngx_int_t ngx_agent_revocation_zone_name(
    ngx_agent_revocation_zone_t *zone, ngx_str_t *value, ssize_t *size);
static ngx_agent_revocation_process_t *ngx_agent_revocation_process(
    ngx_conf_t *cf);
static void ngx_agent_revocation_cleanup(void *data);
static ngx_int_t ngx_agent_revocation_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_agent_revocation_zone_create(
    ngx_agent_revocation_zone_t *zone, ngx_slab_pool_t *shpool);
static ngx_int_t ngx_agent_revocation_zone_reuse(
    ngx_agent_revocation_zone_t *zone, ngx_slab_pool_t *shpool);
static ngx_int_t ngx_agent_revocation_zone_open(
    ngx_agent_revocation_zone_t *zone);
static ngx_int_t ngx_agent_revocation_zone_test(
    ngx_agent_revocation_zone_t *zone);
static ngx_int_t ngx_agent_revocation_zone_fill(
    ngx_agent_revocation_zone_t *zone, ngx_uint_t level, ngx_log_t *log,
    uint64_t *word);
static void ngx_agent_revocation_zone_lock(
    const ngx_agent_revocation_zone_t *zone, ngx_log_t *log);
static void ngx_agent_revocation_zone_small(
    ngx_agent_revocation_zone_t *zone);
static void ngx_agent_revocation_zone_bad(ngx_agent_revocation_zone_t *zone,
    ngx_uint_t level, ngx_log_t *log, uint64_t bad, const char *err);


char *
ngx_agent_revocation_zone(ngx_conf_t *cf, ngx_agent_revocation_zone_t **zonep,
    void *tag)
{
    ssize_t                       size;
    ngx_agent_revocation_zone_t  *zone;

    if (*zonep) {
        return "is duplicate";
    }

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_agent_revocation_zone_t));
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    zone->cycle = cf->cycle;
    zone->conf_line = cf->conf_file->line;
    zone->conf_file.len = cf->conf_file->file.name.len;
    zone->conf_file.data = ngx_pstrdup(cf->pool, &cf->conf_file->file.name);
    zone->process = ngx_agent_revocation_process(cf);

    if (zone->conf_file.data == NULL || zone->process == NULL) {
        return NGX_CONF_ERROR;
    }

    size = 0;

    if (ngx_agent_revocation_zone_args(cf, zone, &size) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (size < NGX_AGENT_REVOCATION_LEAST) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" in \"agent_revocations\" is too "
                           "small, it needs zone=%V:%dk at least",
                           &zone->name, &zone->name,
                           NGX_AGENT_REVOCATION_LEAST / 1024);
        return NGX_CONF_ERROR;
    }

    zone->shm_zone = ngx_shared_memory_add(cf, &zone->name, size, tag);
    if (zone->shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    zone->shm_zone->init = ngx_agent_revocation_zone_init;
    zone->shm_zone->data = zone;

    *zonep = zone;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_agent_revocation_zone_args(ngx_conf_t *cf,
    ngx_agent_revocation_zone_t *zone, ssize_t *size)
{
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "state=", 6) == 0
            && value[i].len > 6 && zone->path.len == 0)
        {
            zone->path.data = value[i].data + 6;
            zone->path.len = value[i].len - 6;

            if (ngx_conf_full_name(cf->cycle, &zone->path, 0) != NGX_OK) {
                return NGX_ERROR;
            }

            continue;
        }

        if (ngx_strncmp(value[i].data, "zone=", 5) == 0
            && zone->name.len == 0
            && ngx_agent_revocation_zone_name(zone, &value[i], size)
               == NGX_OK)
        {
            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in "
                           "\"agent_revocations\"", &value[i]);
        return NGX_ERROR;
    }

    if (zone->name.len == 0 || zone->path.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"agent_revocations\" must have \"%s\"",
                           zone->name.len ? "state=path" : "zone=name:size");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_agent_revocation_zone_name(ngx_agent_revocation_zone_t *zone,
    ngx_str_t *value, ssize_t *size)
{
    u_char     *p;
    ngx_str_t   s;

    zone->name.data = value->data + 5;

    p = (u_char *) ngx_strchr(zone->name.data, ':');

    if (p == NULL || p == zone->name.data) {
        return NGX_ERROR;
    }

    zone->name.len = p - zone->name.data;

    s.data = p + 1;
    s.len = value->data + value->len - s.data;

    *size = ngx_parse_size(&s);

    return *size == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


static ngx_agent_revocation_process_t *
ngx_agent_revocation_process(ngx_conf_t *cf)
{
    ngx_pool_cleanup_t              *cln;
    ngx_agent_revocation_process_t  *process;

    cln = ngx_pool_cleanup_add(cf->pool,
                               sizeof(ngx_agent_revocation_process_t));
    if (cln == NULL) {
        return NULL;
    }

    process = cln->data;
    ngx_memzero(process, sizeof(ngx_agent_revocation_process_t));

    cln->handler = ngx_agent_revocation_cleanup;

    process->file.fd = -1;
    process->file.lock = -1;
    process->log = cf->log;
    process->event.handler = ngx_agent_revocation_flush;

    ngx_queue_init(&process->queue);

    process->buf = ngx_palloc(cf->pool, AGENT_REVOCATION_BUFFER);
    process->text = ngx_palloc(cf->pool, AGENT_REVOCATION_LINE_MAX);
    process->ops = ngx_palloc(cf->pool,
                              NGX_AGENT_REVOCATION_CHUNK
                              * sizeof(ngx_agent_revocation_op_t));
    process->ends = ngx_palloc(cf->pool,
                               NGX_AGENT_REVOCATION_CHUNK * sizeof(uint64_t));

    return process->buf && process->text && process->ops && process->ends
           ? process : NULL;
}


/* also without a master process, when the configuration before goes */

static void
ngx_agent_revocation_cleanup(void *data)
{
    ngx_agent_revocation_process_t  *process = data;

    if (process->event.timer_set) {
        ngx_del_timer(&process->event);
    }

    if (process->event.posted) {
        ngx_delete_posted_event(&process->event);
    }

    agent_revocation_file_close(&process->file);
}


static ngx_int_t
ngx_agent_revocation_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_slab_pool_t              *shpool;
    ngx_agent_revocation_zone_t  *zone;

    zone = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if ((data || shm_zone->shm.exists
         ? ngx_agent_revocation_zone_reuse(zone, shpool)
         : ngx_agent_revocation_zone_create(zone, shpool))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_test_config) {
        return ngx_agent_revocation_zone_test(zone);
    }

    return ngx_agent_revocation_zone_open(zone);
}


static ngx_int_t
ngx_agent_revocation_zone_create(ngx_agent_revocation_zone_t *zone,
    ngx_slab_pool_t *shpool)
{
    ngx_agent_revocation_sh_t  *sh;

    sh = ngx_slab_calloc(shpool, sizeof(ngx_agent_revocation_sh_t));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    shpool->data = sh;
    zone->fresh = 1;

    agent_sha256(zone->path.data, zone->path.len, sh->path);

    shpool->log_ctx = ngx_slab_alloc(shpool, sizeof(" in revocations \"\"")
                                             + zone->name.len);
    if (shpool->log_ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(shpool->log_ctx, " in revocations \"%V\"%Z", &zone->name);

    return ngx_agent_revocation_table_create(&zone->table, shpool, sh);
}


static ngx_int_t
ngx_agent_revocation_zone_reuse(ngx_agent_revocation_zone_t *zone,
    ngx_slab_pool_t *shpool)
{
    u_char                      path[AGENT_SHA256_LEN];
    ngx_agent_revocation_sh_t  *sh;

    sh = shpool->data;

    agent_sha256(zone->path.data, zone->path.len, path);

    if ((u_char *) sh < shpool->start
        || (u_char *) sh > shpool->end - sizeof(ngx_agent_revocation_sh_t)
        || ngx_agent_revocation_table_attach(&zone->table, shpool, sh)
           != NGX_OK
        || ngx_memcmp(sh->path, path, AGENT_SHA256_LEN) != 0)
    {
        ngx_log_error(NGX_LOG_EMERG, zone->shm_zone->shm.log, 0,
                      "agent_auth: zone \"%V\" had another \"state\" or was "
                      "made by another version of this module, rename the "
                      "zone or restart nginx, in %V:%ui",
                      &zone->name, &zone->conf_file, zone->conf_line);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_agent_revocation_zone_open(ngx_agent_revocation_zone_t *zone)
{
    char              err[AGENT_ERROR_LEN];
    uid_t             uid;
    gid_t             gid;
    uint64_t          word;
    ngx_int_t         rc;
    ngx_log_t        *log;
    ngx_core_conf_t  *ccf;

    log = zone->shm_zone->shm.log;

    /* workers write it, and only root can give it to them */

    ccf = (ngx_core_conf_t *) ngx_get_conf(zone->cycle->conf_ctx,
                                           ngx_core_module);
    uid = (uid_t) -1;
    gid = (gid_t) -1;

    if (geteuid() == 0 && ccf->user != (ngx_uid_t) NGX_CONF_UNSET_UINT) {
        uid = ccf->user;
        gid = ccf->group;
    }

    if (agent_revocation_file_open(&zone->process->file,
                                   (char *) zone->path.data, 1, uid, gid, err)
        != 0)
    {
        ngx_agent_revocation_zone_bad(zone, NGX_LOG_EMERG, log, UINT64_MAX,
                                      err);
        return NGX_ERROR;
    }

    if (!zone->fresh) {
        return NGX_OK;
    }

    if (agent_revocation_file_wait(&zone->process->file, err) != 0) {
        ngx_agent_revocation_zone_bad(zone, NGX_LOG_EMERG, log, UINT64_MAX,
                                      err);
        return NGX_ERROR;
    }

    rc = ngx_agent_revocation_zone_fill(zone, NGX_LOG_EMERG, log, &word);

    agent_revocation_file_unlock(&zone->process->file);

    return rc;
}


/* under the lock */

static ngx_int_t
ngx_agent_revocation_zone_fill(ngx_agent_revocation_zone_t *zone,
    ngx_uint_t level, ngx_log_t *log, uint64_t *word)
{
    char                      err[AGENT_ERROR_LEN];
    uint64_t                  bad;
    ngx_int_t                 rc;
    agent_revocation_file_t  *file;

    file = &zone->process->file;

    if (agent_revocation_file_settle(file, 1, word, &bad, err) != 0
        || agent_revocation_file_exceed(file,
                            ngx_agent_revocation_load(&zone->table.sh->applied),
                            word, err)
           != 0)
    {
        ngx_agent_revocation_zone_bad(zone, level, log, bad, err);
        return NGX_ERROR;
    }

    agent_revocation_file_publish(file, *word);

    rc = ngx_agent_revocation_follow(zone, NGX_MAX_UINT32_VALUE, &bad, err);

    if (rc == NGX_DECLINED) {
        ngx_agent_revocation_zone_small(zone);
        return NGX_ERROR;
    }

    if (rc != NGX_OK) {

        if (rc == NGX_BUSY) {
            (void) agent_fail(err, "its zone is locked");
        }

        ngx_agent_revocation_zone_bad(zone, level, log, bad, err);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_agent_revocation_zone_bad(ngx_agent_revocation_zone_t *zone,
    ngx_uint_t level, ngx_log_t *log, uint64_t bad, const char *err)
{
    uint64_t  line;

    line = 0;

    if (bad != UINT64_MAX && zone->process->file.fd != -1) {
        line = agent_revocation_line_number(zone->process->file.fd, bad);
    }

    if (line) {
        ngx_log_error(level, log, 0, "agent_auth: %V:%uL: %s, "
                      "in \"agent_revocations\" in %V:%ui", &zone->path, line,
                      err, &zone->conf_file, zone->conf_line);
        return;
    }

    ngx_log_error(level, log, 0, "agent_auth: state file \"%V\": %s, "
                  "in \"agent_revocations\" in %V:%ui", &zone->path, err,
                  &zone->conf_file, zone->conf_line);
}


/* what follows in the file may revoke a thing twice: it is enough all the
 * same */

static void
ngx_agent_revocation_zone_small(ngx_agent_revocation_zone_t *zone)
{
    size_t                      len, size;
    uint64_t                    n, offset;
    const uint8_t              *line;
    agent_revocation_reader_t   reader;
    ngx_agent_revocation_sh_t  *sh;

    sh = zone->table.sh;
    n = zone->table.capacity;

    agent_revocation_reader_init(&reader, zone->process->file.fd,
                           agent_revocation_size(sh->applied),
                           agent_revocation_size(agent_revocation_file_word(
                                                     &zone->process->file)),
                           zone->process->buf);

    while (agent_revocation_reader_next(&reader, &line, &len, &offset) == 1) {
        n++;
    }

    /* with some room to go on */

    size = ngx_agent_revocation_table_size(n + n / 8) / 1024 + 1;

    ngx_log_error(NGX_LOG_EMERG, zone->shm_zone->shm.log, 0,
                  "agent_auth: zone \"%V\" in \"agent_revocations\" is too "
                  "small for \"%V\", it needs zone=%V:%uzk, in %V:%ui",
                  &zone->name, &zone->path, &zone->name, size,
                  &zone->conf_file, zone->conf_line);
}


/* nginx -t makes nothing and changes nothing */

static ngx_int_t
ngx_agent_revocation_zone_test(ngx_agent_revocation_zone_t *zone)
{
    int                         rc;
    char                        err[AGENT_ERROR_LEN];
    size_t                      len;
    uint64_t                    offset;
    const uint8_t              *line;
    ngx_file_info_t             fi;
    agent_revocation_t          rev;
    agent_revocation_file_t    *file;
    agent_revocation_reader_t   reader;

    file = &zone->process->file;
    file->fd = ngx_open_file(zone->path.data, NGX_FILE_RDONLY, NGX_FILE_OPEN,
                             0);

    if (file->fd == NGX_INVALID_FILE) {

        if (ngx_errno == NGX_ENOENT) {
            return NGX_OK;
        }

        ngx_log_error(NGX_LOG_EMERG, zone->shm_zone->shm.log, ngx_errno,
                      ngx_open_file_n " \"%V\" failed", &zone->path);
        return NGX_ERROR;
    }

    if (ngx_fd_info(file->fd, &fi) == NGX_FILE_ERROR) {
        return NGX_ERROR;
    }

    agent_revocation_reader_init(&reader, file->fd, 0, ngx_file_size(&fi),
                                 zone->process->buf);

    while ((rc = agent_revocation_reader_next(&reader, &line, &len, &offset))
           == 1)
    {
        if (agent_revocation_parse(line, len, zone->process->text, &rev, err)
            != 0)
        {
            ngx_agent_revocation_zone_bad(zone, NGX_LOG_EMERG,
                                          zone->shm_zone->shm.log, offset,
                                          err);
            return NGX_ERROR;
        }
    }

    if (rc == -1) {
        ngx_agent_revocation_zone_bad(zone, NGX_LOG_EMERG,
                                      zone->shm_zone->shm.log, reader.offset,
                                      "the line is too long");
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_agent_revocation_commit(ngx_cycle_t *cycle,
    ngx_agent_revocation_zone_t *zone)
{
    char                      err[AGENT_ERROR_LEN];
    uint64_t                  word;
    agent_revocation_file_t  *file;

    file = &zone->process->file;
    zone->process->log = cycle->log;

    if (agent_revocation_file_wait(file, err) != 0) {
        ngx_agent_revocation_zone_bad(zone, NGX_LOG_ERR, cycle->log,
                                      UINT64_MAX, err);
        return;
    }

    ngx_agent_revocation_zone_lock(zone, cycle->log);

    if (ngx_agent_revocation_zone_fill(zone, NGX_LOG_ERR, cycle->log, &word)
        == NGX_OK)
    {
        (void) ngx_agent_revocation_compact(zone, &word, cycle->log);

        ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                      "agent_auth: zone \"%V\" has room for %uL revocations "
                      "besides those of \"%V\"", &zone->name,
                      ngx_agent_revocation_table_room(&zone->table),
                      &zone->path);

    } else {
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                      "agent_auth: the revocations of zone \"%V\" stay as "
                      "they were", &zone->name);
    }

    agent_revocation_file_unlock(file);
}


/* whether it is the lock that the configuration before had */

static void
ngx_agent_revocation_zone_lock(const ngx_agent_revocation_zone_t *zone,
    ngx_log_t *log)
{
    ngx_file_info_t             fi;
    ngx_agent_revocation_sh_t  *sh;

    sh = zone->table.sh;

    if (ngx_fd_info(zone->process->file.lock, &fi) == NGX_FILE_ERROR) {
        return;
    }

    if (sh->lock_ino
        && (sh->lock_ino != (uint64_t) fi.st_ino
            || sh->lock_dev != (uint64_t) fi.st_dev))
    {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "agent_auth: \"%V.lock\" was replaced while nginx ran, "
                      "revocations that others wrote since are in force from "
                      "this reload on, in \"agent_revocations\" in %V:%ui",
                      &zone->path, &zone->conf_file, zone->conf_line);
    }

    sh->lock_dev = (uint64_t) fi.st_dev;
    sh->lock_ino = (uint64_t) fi.st_ino;
}


ngx_int_t
ngx_agent_revocation_init_process(ngx_cycle_t *cycle,
    ngx_agent_revocation_zone_t *zone)
{
    char                             err[AGENT_ERROR_LEN];
    ngx_agent_revocation_process_t  *process;

    process = zone->process;

    process->log = cycle->log;
    process->event.log = cycle->log;
    process->event.data = zone;

    ngx_queue_init(&process->queue);

    /* what is in force is followed all the same */

    process->owned = (agent_revocation_file_own(&process->file, err) == 0);

    if (!process->owned) {
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                      "agent_auth: state file \"%V\" cannot be written by "
                      "this process, it takes no revocations: %s",
                      &zone->path, err);
    }

    process->look = ngx_agent_revocation_now() + NGX_AGENT_REVOCATION_WATCH;

    return NGX_OK;
}


void
ngx_agent_revocation_watch(const ngx_agent_revocation_zone_t *zone)
{
    ngx_agent_revocation_process_t  *process;

    process = zone->process;
    process->look = ngx_agent_revocation_now() + NGX_AGENT_REVOCATION_WATCH;

    /* a reload has made that right for whoever is to come */

    if (ngx_exiting || ngx_terminate || ngx_quit) {
        return;
    }

    if (!agent_revocation_file_shared(&process->file)
        && ngx_agent_revocation_warn(zone))
    {
        ngx_log_error(NGX_LOG_ERR, process->log, 0,
                      "agent_auth: \"%V.lock\" was deleted, replaced or cut, "
                      "revocations that others write are not in force until a "
                      "reload", &zone->path);
    }
}


void
ngx_agent_revocation_exit_process(ngx_agent_revocation_zone_t *zone)
{
    agent_revocation_file_close(&zone->process->file);
}
