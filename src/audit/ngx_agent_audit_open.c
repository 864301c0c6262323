
/*
 * Only when all directives were read can be seen who else writes to the file
 * of a sink.  Core opens the files right after that.
 */

#include "ngx_agent_audit_sink.h"


#define NGX_AGENT_AUDIT_BUFFER  65536
#define NGX_AGENT_AUDIT_FLUSH   1000


static ngx_int_t ngx_agent_audit_unique(ngx_agent_audit_conf_t *conf,
    ngx_uint_t n);
static ngx_int_t ngx_agent_audit_unused(ngx_cycle_t *cycle,
    ngx_agent_audit_sink_t *sink);
static ngx_uint_t ngx_agent_audit_same(const ngx_str_t *one,
    const ngx_str_t *two);
static ngx_int_t ngx_agent_audit_parent(const ngx_str_t *name,
    ngx_file_info_t *fi, ngx_str_t *base);


char *
ngx_agent_audit_init_conf(ngx_cycle_t *cycle, void *conf)
{
    ngx_agent_audit_conf_t  *aacf = conf;

    ngx_int_t                 rc;
    ngx_uint_t                i;
    ngx_agent_audit_sink_t  **sink;

    sink = aacf->sinks.elts;

    for (i = 0; i < aacf->sinks.nelts; i++) {

        if (sink[i]->peer) {

            if (aacf->chain.key_file.len) {
                ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                              "agent_auth: \"agent_audit_chain\" is for "
                              "files, lines to \"%V\" of %V:%ui are in no "
                              "chain", &sink[i]->name, &sink[i]->place.file,
                              sink[i]->place.line);
            }

            continue;
        }

        if (ngx_agent_audit_unused(cycle, sink[i]) != NGX_OK
            || ngx_agent_audit_unique(aacf, i) != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }

        if (sink[i]->size == 0) {
            sink[i]->size = NGX_AGENT_AUDIT_BUFFER;
        }

        if (sink[i]->flush == 0) {
            sink[i]->flush = NGX_AGENT_AUDIT_FLUSH;
        }
    }

    /* not before: the files of the sinks stand in that list now */

    for (i = 0; i < aacf->sinks.nelts; i++) {

        rc = sink[i]->peer ? ngx_agent_audit_syslog_init(sink[i])
                           : ngx_agent_audit_file_init(sink[i]);

        if (rc != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* no sink before number n is the same file by another name */

static ngx_int_t
ngx_agent_audit_unique(ngx_agent_audit_conf_t *conf, ngx_uint_t n)
{
    ngx_uint_t                i;
    ngx_agent_audit_sink_t  **sink;

    sink = conf->sinks.elts;

    for (i = 0; i < n; i++) {

        if (sink[i]->peer
            || !ngx_agent_audit_same(&sink[i]->name, &sink[n]->name))
        {
            continue;
        }

        ngx_log_error(NGX_LOG_EMERG, conf->cycle->log, 0,
                      "\"agent_audit\" path \"%V\" is the same file as "
                      "\"%V\" of %V:%ui, name it alike in %V:%ui",
                      &sink[n]->name, &sink[i]->name, &sink[i]->place.file,
                      sink[i]->place.line, &sink[n]->place.file,
                      sink[n]->place.line);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_agent_audit_unused(ngx_cycle_t *cycle, ngx_agent_audit_sink_t *sink)
{
    ngx_str_t         name;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_open_file_t  *file;

    /* core writes there until it has read the configuration, and where that
       names no error log; "stderr" is an empty name */

    name = cycle->error_log;

    if (name.len) {
        if (ngx_conf_full_name(cycle, &name, 0) != NGX_OK) {
            return NGX_ERROR;
        }

        if (ngx_agent_audit_same(&name, &sink->name)) {
            goto used;
        }
    }

    part = &cycle->open_files.part;
    file = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            file = part->elts;
            i = 0;
        }

        if (file[i].name.len
            && ngx_agent_audit_same(&file[i].name, &sink->name))
        {
            goto used;
        }
    }

    return NGX_OK;

used:

    ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                  "\"agent_audit\" path \"%V\" is also used by access_log or "
                  "error_log in %V:%ui",
                  &sink->name, &sink->place.file, sink->place.line);

    return NGX_ERROR;
}


/*
 * Two names of one file.  Devices and pipes are told apart by name only: what
 * /dev/stdout and /dev/stderr are is up to whoever started nginx.
 */

static ngx_uint_t
ngx_agent_audit_same(const ngx_str_t *one, const ngx_str_t *two)
{
    ngx_int_t        found;
    ngx_str_t        base, other;
    ngx_file_info_t  fi, fi2;

    if (one->len == two->len
        && ngx_strncmp(one->data, two->data, one->len) == 0)
    {
        return 1;
    }

    found = ngx_file_info(one->data, &fi);

    if (found != ngx_file_info(two->data, &fi2)) {
        return 0;
    }

    if (found != NGX_FILE_ERROR) {
        return ngx_is_file(&fi) && fi.st_dev == fi2.st_dev
               && fi.st_ino == fi2.st_ino;
    }

    /* neither is there yet */

    return ngx_agent_audit_parent(one, &fi, &base) == NGX_OK
           && ngx_agent_audit_parent(two, &fi2, &other) == NGX_OK
           && fi.st_dev == fi2.st_dev
           && fi.st_ino == fi2.st_ino
           && base.len == other.len
           && ngx_strncmp(base.data, other.data, base.len) == 0;
}


/* the directory of a name, and the rest of it */

static ngx_int_t
ngx_agent_audit_parent(const ngx_str_t *name, ngx_file_info_t *fi,
    ngx_str_t *base)
{
    u_char  path[NGX_MAX_PATH];
    size_t  len;

    len = name->len;

    while (len && name->data[len - 1] != '/') {
        len--;
    }

    if (len == 0 || len >= NGX_MAX_PATH) {
        return NGX_ERROR;
    }

    base->data = name->data + len;
    base->len = name->len - len;

    (void) ngx_cpystrn(path, name->data, len + 1);

    return (ngx_file_info(path, fi) == NGX_FILE_ERROR) ? NGX_ERROR : NGX_OK;
}
