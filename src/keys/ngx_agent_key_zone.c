
#include "ngx_agent_key.h"
#include "ngx_agent_key_files.h"
#include "ngx_agent_key_loader.h"
#include "ngx_agent_count.h"
#include "agent_status.h"

#include <openssl/crypto.h>
#include <grp.h>


/* layout of the arenas and of ngx_agent_key_sh_t: change either, change it */

#define NGX_AGENT_KEY_KIND    0x6b010003

#define NGX_AGENT_KEY_GROUPS  64
#define NGX_AGENT_KEY_TRIES   100


static ngx_int_t ngx_agent_key_zone_args(ngx_conf_t *cf,
    ngx_agent_key_zone_t *zone, ssize_t *size);
static ngx_int_t ngx_agent_key_zone_sealed(ngx_conf_t *cf,
    ngx_agent_key_zone_t *zone, ngx_str_t *value);
static ngx_int_t ngx_agent_key_zone_check(ngx_conf_t *cf,
    ngx_agent_key_zone_t *zone);
static ngx_int_t ngx_agent_key_zone_name(ngx_conf_t *cf,
    ngx_agent_key_zone_t *zone, ngx_str_t *value, ssize_t *size);
static ngx_int_t ngx_agent_key_zone_path(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *value, size_t prefix);
static ngx_int_t ngx_agent_key_zone_keks(ngx_conf_t *cf,
    ngx_agent_key_zone_t *zone);
static ngx_int_t ngx_agent_key_zone_peppers(ngx_conf_t *cf,
    ngx_agent_key_zone_t *zone);
static ngx_int_t ngx_agent_key_zone_secrets(ngx_conf_t *cf, ngx_int_t rc,
    const char *parameter, ngx_str_t *path);
static void ngx_agent_key_zone_cleanse_keks(void *data);
static void ngx_agent_key_zone_cleanse(void *data);
static ngx_int_t ngx_agent_key_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_agent_key_zone_reuse(ngx_agent_key_zone_t *zone,
    ngx_agent_key_sh_t *sh);
static ngx_int_t ngx_agent_key_zone_first(ngx_agent_key_zone_t *zone);
static ngx_int_t ngx_agent_key_zone_load(ngx_agent_key_zone_t *zone,
    ngx_uint_t level, ngx_log_t *log);
static ngx_int_t ngx_agent_key_zone_publish(ngx_agent_key_zone_t *zone);
static ngx_uint_t ngx_agent_key_changed(ngx_agent_key_zone_t *zone);
static ngx_uint_t ngx_agent_key_other(const ngx_agent_key_zone_t *zone,
    const ngx_agent_key_envelopes_t *envelopes);
static void ngx_agent_key_zone_access(ngx_agent_key_zone_t *zone);
static ngx_uint_t ngx_agent_user_reads(ngx_core_conf_t *ccf,
    ngx_file_info_t *fi);
static ngx_uint_t ngx_agent_nginx_runs(ngx_cycle_t *cycle);


char *
ngx_agent_key_zone(ngx_conf_t *cf, ngx_array_t *zones, void *tag)
{
    ssize_t                 size;
    ngx_agent_key_zone_t   *zone, **zonep;

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_agent_key_zone_t));
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    size = 0;
    zone->check = 2000;
    zone->cycle = cf->cycle;

    /* a copy: the name of an included file does not outlive its reading */

    zone->conf_line = cf->conf_file->line;
    zone->conf_file.len = cf->conf_file->file.name.len;
    zone->conf_file.data = ngx_pstrdup(cf->pool, &cf->conf_file->file.name);

    if (zone->conf_file.data == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_agent_key_zone_args(cf, zone, &size) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_agent_key_zone_find(zones, &zone->name)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate zone \"%V\" in \"agent_key_zone\"",
                           &zone->name);
        return NGX_CONF_ERROR;
    }

    if (ngx_agent_key_zone_keks(cf, zone) != NGX_OK
        || ngx_agent_key_zone_peppers(cf, zone) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    zone->walk = ngx_agent_key_walk_new(cf->pool, zone);
    zone->shm_zone = ngx_shared_memory_add(cf, &zone->name, size, tag);

    if (zone->walk == NULL || zone->shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    zone->shm_zone->init = ngx_agent_key_zone_init;
    zone->shm_zone->data = zone;

    zonep = ngx_array_push(zones);
    if (zonep == NULL) {
        return NGX_CONF_ERROR;
    }

    *zonep = zone;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_agent_key_zone_args(ngx_conf_t *cf, ngx_agent_key_zone_t *zone,
    ssize_t *size)
{
    ngx_int_t    rc;
    ngx_str_t   *value, s;
    ngx_uint_t   i;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "zone=", 5) == 0) {
            rc = ngx_agent_key_zone_name(cf, zone, &value[i], size);

        } else if (ngx_strncmp(value[i].data, "file=", 5) == 0) {
            rc = ngx_agent_key_zone_path(cf, &zone->file, &value[i], 5);

        } else if (ngx_strncmp(value[i].data, "pepper_file=", 12) == 0) {
            rc = ngx_agent_key_zone_path(cf, &zone->pepper_file, &value[i],
                                         12);

        } else if (ngx_strncmp(value[i].data, "check=", 6) == 0) {
            s.data = value[i].data + 6;
            s.len = value[i].len - 6;

            zone->check = ngx_parse_time(&s, 0);
            rc = (zone->check == (ngx_msec_t) NGX_ERROR || zone->check < 100)
                 ? NGX_DECLINED : NGX_OK;

        } else {
            rc = ngx_agent_key_zone_sealed(cf, zone, &value[i]);
        }

        if (rc == NGX_DECLINED) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in "
                               "\"agent_key_zone\"", &value[i]);
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_agent_key_zone_check(cf, zone);
}


/* the parameters for files in envelopes */

static ngx_int_t
ngx_agent_key_zone_sealed(ngx_conf_t *cf, ngx_agent_key_zone_t *zone,
    ngx_str_t *value)
{
    off_t  n;

    if (ngx_strncmp(value->data, "kek_file=", 9) == 0) {
        return ngx_agent_key_zone_path(cf, &zone->kek_file, value, 9);
    }

    if (ngx_strncmp(value->data, "bundle=", 7) == 0) {
        zone->bundle.data = value->data + 7;
        zone->bundle.len = value->len - 7;

        return agent_id_valid(&zone->bundle, AGENT_BUNDLE_MAX) ? NGX_OK
                                                               : NGX_DECLINED;
    }

    if (ngx_strncmp(value->data, "min_generation=", 15) == 0) {
        n = ngx_atoof(value->data + 15, value->len - 15);

        if (n < 1 || n > AGENT_GENERATION_MAX) {
            return NGX_DECLINED;
        }

        zone->min_generation = n;

        return NGX_OK;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_agent_key_zone_check(ngx_conf_t *cf, ngx_agent_key_zone_t *zone)
{
    if (zone->name.len == 0 || zone->file.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"agent_key_zone\" must have \"%s\"",
                           zone->name.len ? "file=path" : "zone=name:size");
        return NGX_ERROR;
    }

    if (zone->kek_file.len == 0) {

        if (zone->bundle.len == 0 && zone->min_generation == 0) {
            return NGX_OK;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" in \"agent_key_zone\" needs "
                           "\"kek_file=path\"",
                           zone->bundle.len ? "bundle" : "min_generation");
        return NGX_ERROR;
    }

    if (zone->bundle.len == 0) {
        zone->bundle.data = zone->name.data;
        zone->bundle.len = zone->name.len;
    }

    if (!agent_id_valid(&zone->bundle, AGENT_BUNDLE_MAX)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" in \"agent_key_zone\" needs "
                           "\"bundle=name\", its own name cannot be that of "
                           "a bundle", &zone->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_agent_key_zone_name(ngx_conf_t *cf, ngx_agent_key_zone_t *zone,
    ngx_str_t *value, ssize_t *size)
{
    u_char     *p;
    ngx_str_t   s;

    zone->name.data = value->data + 5;

    p = (u_char *) ngx_strchr(zone->name.data, ':');

    if (p == NULL || p == zone->name.data) {
        return NGX_DECLINED;
    }

    zone->name.len = p - zone->name.data;

    s.data = p + 1;
    s.len = value->data + value->len - s.data;

    *size = ngx_parse_size(&s);

    if (*size == NGX_ERROR) {
        return NGX_DECLINED;
    }

    if (*size < (ssize_t) (8 * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" in \"agent_key_zone\" is too small, "
                           "it needs zone=%V:%uzk at least",
                           value, &zone->name, 8 * ngx_pagesize / 1024);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_agent_key_zone_path(ngx_conf_t *cf, ngx_str_t *path, ngx_str_t *value,
    size_t prefix)
{
    path->data = value->data + prefix;
    path->len = value->len - prefix;

    if (path->len == 0) {
        return NGX_DECLINED;
    }

    return ngx_conf_full_name(cf->cycle, path, 1);
}


static ngx_int_t
ngx_agent_key_zone_keks(ngx_conf_t *cf, ngx_agent_key_zone_t *zone)
{
    ngx_int_t            rc;
    ngx_pool_cleanup_t  *cln;

    if (zone->kek_file.len == 0) {
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(agent_keks_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    zone->keks = cln->data;
    cln->handler = ngx_agent_key_zone_cleanse_keks;

    rc = ngx_agent_key_keks(zone, zone->keks, &zone->read.kek, NGX_LOG_EMERG,
                            cf->log);

    return ngx_agent_key_zone_secrets(cf, rc, "kek_file", &zone->kek_file);
}


static ngx_int_t
ngx_agent_key_zone_peppers(ngx_conf_t *cf, ngx_agent_key_zone_t *zone)
{
    ngx_int_t            rc;
    ngx_pool_cleanup_t  *cln;

    if (zone->pepper_file.len == 0) {
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_agent_key_peppers_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    zone->peppers = cln->data;
    cln->handler = ngx_agent_key_zone_cleanse;

    zone->peppers->generation = 0;

    rc = ngx_agent_key_peppers(zone, zone->keks, zone->peppers,
                               &zone->read.pepper, NGX_LOG_EMERG, cf->log);

    return ngx_agent_key_zone_secrets(cf, rc, "pepper_file",
                                      &zone->pepper_file);
}


/* rc: of reading them */

static ngx_int_t
ngx_agent_key_zone_secrets(ngx_conf_t *cf, ngx_int_t rc,
    const char *parameter, ngx_str_t *path)
{
    if (rc == NGX_OK) {
        return NGX_OK;
    }

    if (rc == NGX_DECLINED) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, NGX_EACCES,
                      "agent_auth: " ngx_open_file_n " \"%V\" failed", path);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%s=%V\" in \"agent_key_zone\"",
                       parameter, path);

    return NGX_ERROR;
}


static void
ngx_agent_key_zone_cleanse_keks(void *data)
{
    OPENSSL_cleanse(data, sizeof(agent_keks_t));
}


static void
ngx_agent_key_zone_cleanse(void *data)
{
    OPENSSL_cleanse(data, sizeof(ngx_agent_key_peppers_t));
}


ngx_agent_key_zone_t *
ngx_agent_key_zone_find(ngx_array_t *zones, ngx_str_t *name)
{
    ngx_uint_t              i;
    ngx_agent_key_zone_t  **zone;

    zone = zones->elts;

    for (i = 0; i < zones->nelts; i++) {
        if (zone[i]->name.len == name->len
            && ngx_strncmp(zone[i]->name.data, name->data, name->len) == 0)
        {
            return zone[i];
        }
    }

    return NULL;
}


static ngx_int_t
ngx_agent_key_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_slab_pool_t       *shpool;
    ngx_agent_key_sh_t    *sh;
    ngx_agent_key_zone_t  *zone;

    zone = shm_zone->data;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    ngx_agent_key_zone_access(zone);

    /* what data points at was laid out by the module file before this one */

    if (data || shm_zone->shm.exists) {
        return ngx_agent_key_zone_reuse(zone, shpool->data);
    }

    sh = ngx_slab_calloc(shpool, sizeof(ngx_agent_key_sh_t));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    shpool->data = sh;
    zone->sh = sh;

    shpool->log_ctx = ngx_slab_alloc(shpool, sizeof(" in agent key zone \"\"")
                                             + zone->name.len);
    if (shpool->log_ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(shpool->log_ctx, " in agent key zone \"%V\"%Z", &zone->name);

    if (ngx_agent_gen_create(&zone->gen, shpool, &sh->gen, NGX_AGENT_KEY_KIND)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_agent_key_zone_first(zone);
}


/* the table of the configuration in force goes on to serve both */

static ngx_int_t
ngx_agent_key_zone_reuse(ngx_agent_key_zone_t *zone, ngx_agent_key_sh_t *sh)
{
    ngx_slab_pool_t  *shpool;

    shpool = (ngx_slab_pool_t *) zone->shm_zone->shm.addr;

    if ((u_char *) sh < shpool->start
        || (u_char *) sh > shpool->end - sizeof(ngx_agent_key_sh_t)
        || ngx_agent_gen_attach(&zone->gen, shpool, &sh->gen,
                                NGX_AGENT_KEY_KIND)
           != NGX_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, zone->shm_zone->shm.log, 0,
                      "agent_auth: zone \"%V\" was made by another version of "
                      "this module, rename the zone or restart nginx, "
                      "in %V:%ui",
                      &zone->name, &zone->conf_file, zone->conf_line);
        return NGX_ERROR;
    }

    zone->sh = sh;

    return NGX_OK;
}


/* a new zone: without a good file there would be nothing to decide by */

static ngx_int_t
ngx_agent_key_zone_first(ngx_agent_key_zone_t *zone)
{
    ngx_log_t   *log;
    ngx_uint_t   level;

    log = zone->shm_zone->shm.log;

    /* so that "nginx -t && nginx -s reload" works with a bad file, too: the
     * reload keeps the table that nginx has */

    level = ngx_agent_nginx_runs(zone->cycle) ? NGX_LOG_WARN : NGX_LOG_EMERG;

    if (ngx_agent_key_zone_load(zone, level, log) == NGX_OK) {
        return NGX_OK;
    }

    ngx_log_error(level, log, 0,
                  "agent_auth: \"agent_key_zone\" has no key table for zone "
                  "\"%V\" in %V:%ui%s",
                  &zone->name, &zone->conf_file, zone->conf_line,
                  level == NGX_LOG_WARN ? "; a reload would keep the table "
                                          "that is in force, a restart fails"
                                        : "");

    return level == NGX_LOG_WARN ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_agent_key_zone_load(ngx_agent_key_zone_t *zone, ngx_uint_t level,
    ngx_log_t *log)
{
    u_char                  *base;
    ngx_int_t                rc;
    ngx_agent_key_loader_t  *loader;

    base = ngx_agent_gen_claim(&zone->gen);

    if (base == NULL) {

        /* a worker loads just now; those of this configuration will look */

        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "agent_auth: zone \"%V\" is being loaded already",
                      &zone->name);
        return NGX_OK;
    }

    loader = ngx_agent_key_loader_open(zone, base, level, log);

    if (loader == NULL) {
        ngx_agent_gen_release(&zone->gen);
        return NGX_ERROR;
    }

    do {
        rc = ngx_agent_key_loader_step(loader);
    } while (rc == NGX_AGAIN);

    if (rc == NGX_OK) {
        ngx_agent_key_loader_note(loader);
        rc = ngx_agent_key_zone_publish(zone);
    }

    if (rc == NGX_OK) {
        ngx_agent_count(zone->count + AGENT_STATUS_LOADED);

        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "agent_auth: zone \"%V\" has %uL keys of \"%V\"",
                      &zone->name, ngx_agent_key_loader_count(loader),
                      &zone->file);

    } else if (rc == NGX_ERROR) {
        ngx_agent_key_loader_refuse(loader);

    } else {
        ngx_log_error(level, log, 0,
                      "agent_auth: \"%V\" changed while it was read, or its "
                      "zone is locked", &zone->file);
    }

    ngx_agent_gen_release(&zone->gen);
    ngx_agent_key_loader_close(loader);

    return rc == NGX_OK ? NGX_OK : NGX_ERROR;
}


/* the master may wait a little, but not for a worker that was stopped */

static ngx_int_t
ngx_agent_key_zone_publish(ngx_agent_key_zone_t *zone)
{
    ngx_int_t   rc;
    ngx_uint_t  tries;

    for (tries = 0; tries < NGX_AGENT_KEY_TRIES; tries++) {

        rc = ngx_agent_gen_publish(&zone->gen);

        if (rc != NGX_AGAIN) {
            return rc;
        }

        ngx_msleep(1);
    }

    return NGX_DECLINED;
}


void
ngx_agent_key_zones_commit(ngx_cycle_t *cycle, ngx_array_t *zones)
{
    ngx_uint_t              i;
    ngx_agent_key_zone_t  **zone;

    zone = zones->elts;

    for (i = 0; i < zones->nelts; i++) {

        ngx_agent_gen_commit(&zone[i]->gen);

        if (!ngx_agent_key_changed(zone[i])) {
            continue;
        }

        if (ngx_agent_key_zone_load(zone[i], NGX_LOG_ERR, cycle->log)
            != NGX_OK)
        {
            ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                          "agent_auth: the key table of zone \"%V\" stays as "
                          "it was", &zone[i]->name);
        }
    }
}


static ngx_uint_t
ngx_agent_key_changed(ngx_agent_key_zone_t *zone)
{
    uint64_t               g;
    ngx_agent_key_files_t  files;

    if (ngx_agent_gen_read(&zone->gen, &g) == NULL) {
        return 1;
    }

    (void) ngx_agent_key_files(zone, &files, NULL);

    return !ngx_agent_key_files_same(&files, &zone->sh->files[g & 1])
           || ngx_agent_key_other(zone, &zone->sh->envelopes[g & 1]);
}


/* the configuration asks for another envelope than the one in force: so that
 * a reload says it, the file is looked at though it did not change */

static ngx_uint_t
ngx_agent_key_other(const ngx_agent_key_zone_t *zone,
    const ngx_agent_key_envelopes_t *envelopes)
{
    size_t  len;

    len = zone->bundle.len;

    if (zone->kek_file.len == 0) {
        return 0;
    }

    return ngx_memcmp(envelopes->bundle, zone->bundle.data, len) != 0
           || (len < AGENT_BUNDLE_MAX && envelopes->bundle[len] != 0)
           || envelopes->keys < zone->min_generation;
}


/* tells early what would only show when the file changes */

static void
ngx_agent_key_zone_access(ngx_agent_key_zone_t *zone)
{
    ngx_core_conf_t  *ccf;
    ngx_file_info_t   fi;

    /* the global ngx_cycle is still the one before */

    ccf = (ngx_core_conf_t *) ngx_get_conf(zone->cycle->conf_ctx,
                                           ngx_core_module);

    if (geteuid() != 0
        || ngx_file_info(zone->file.data, &fi) == NGX_FILE_ERROR)
    {
        return;
    }

    if (!ngx_agent_user_reads(ccf, &fi)) {
        ngx_log_error(NGX_LOG_WARN, zone->shm_zone->shm.log, 0,
                      "agent_auth: key file \"%V\" is not readable by user "
                      "\"%s\": changes will take effect on reload only, "
                      "in %V:%ui",
                      &zone->file, ccf->username, &zone->conf_file,
                      zone->conf_line);
    }
}


static ngx_uint_t
ngx_agent_user_reads(ngx_core_conf_t *ccf, ngx_file_info_t *fi)
{
    int    i, n;
    gid_t  groups[NGX_AGENT_KEY_GROUPS];

    if (ccf->user == 0 || ccf->user == (ngx_uid_t) NGX_CONF_UNSET_UINT) {
        return 1;
    }

    if (fi->st_uid == ccf->user) {
        return (fi->st_mode & S_IRUSR) != 0;
    }

    n = NGX_AGENT_KEY_GROUPS;

    if (getgrouplist(ccf->username, ccf->group, groups, &n) == -1) {
        n = NGX_AGENT_KEY_GROUPS;
    }

    for (i = 0; i < n; i++) {
        if (fi->st_gid == groups[i]) {
            return (fi->st_mode & S_IRGRP) != 0;
        }
    }

    return (fi->st_mode & S_IROTH) != 0;
}


/* whether this is "nginx -t" beside an nginx that runs */

static ngx_uint_t
ngx_agent_nginx_runs(ngx_cycle_t *cycle)
{
    u_char            buf[NGX_INT64_LEN + 2];
    ssize_t           n;
    ngx_fd_t          fd;
    ngx_int_t         pid;
    ngx_core_conf_t  *ccf;

    if (!ngx_test_config) {
        return 0;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    fd = ngx_open_file(ccf->pid.data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        return 0;
    }

    n = ngx_read_fd(fd, buf, NGX_INT64_LEN + 2);

    (void) ngx_close_file(fd);

    while (n > 0 && (buf[n - 1] == CR || buf[n - 1] == LF)) {
        n--;
    }

    pid = n > 0 ? ngx_atoi(buf, n) : NGX_ERROR;

    return pid > 0 && (kill((ngx_pid_t) pid, 0) == 0
                       || ngx_errno == NGX_EPERM);
}
