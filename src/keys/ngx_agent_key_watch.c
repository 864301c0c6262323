
/*
 * Each worker looks at the key files from time to time; the one that takes the
 * lease of a zone loads a changed file, in slices between requests.
 */

#include "ngx_agent_key.h"
#include "ngx_agent_key_files.h"
#include "ngx_agent_key_loader.h"
#include "ngx_agent_count.h"
#include "agent_status.h"

#include <ngx_event.h>


/* ms of one slice: no turn of the event loop is to take more than 10 */

#define NGX_AGENT_SLICE        4

/* seconds between two warnings of one kind, by all workers */

#define NGX_AGENT_WARN_PERIOD  60

/* looks after which a file that was refused is tried again */

#define NGX_AGENT_REFUSED      30


typedef struct {
    ngx_event_t              event;
    ngx_cycle_t             *cycle;
    ngx_agent_key_zone_t    *zone;

    /* the state of the files at the last look */
    ngx_agent_key_files_t    files;

    ngx_agent_key_loader_t  *loader;
    ngx_uint_t               complete;  /* what is left is to publish */
} ngx_agent_key_watch_t;


static void ngx_agent_key_watch_cleanup(void *data);
static void ngx_agent_key_watch_handler(ngx_event_t *ev);
static void ngx_agent_key_watch_look(ngx_agent_key_watch_t *w);
static ngx_int_t ngx_agent_key_watch_stat(ngx_agent_key_watch_t *w,
    ngx_agent_key_files_t *files);
static ngx_uint_t ngx_agent_key_watch_known(ngx_agent_key_watch_t *w);
static ngx_uint_t ngx_agent_key_watch_refused(ngx_agent_key_watch_t *w);
static void ngx_agent_key_watch_begin(ngx_agent_key_watch_t *w);
static void ngx_agent_key_watch_slice(ngx_agent_key_watch_t *w);
static void ngx_agent_key_watch_stays(ngx_agent_key_watch_t *w);
static void ngx_agent_key_watch_publish(ngx_agent_key_watch_t *w);
static void ngx_agent_key_watch_end(ngx_agent_key_watch_t *w);
static ngx_uint_t ngx_agent_key_watch_warn(ngx_agent_key_watch_t *w);


ngx_int_t
ngx_agent_key_zones_watch(ngx_cycle_t *cycle, ngx_array_t *zones)
{
    ngx_uint_t               i;
    ngx_pool_cleanup_t      *cln;
    ngx_agent_key_zone_t   **zone;
    ngx_agent_key_watch_t   *w;

    zone = zones->elts;

    for (i = 0; i < zones->nelts; i++) {

        ngx_agent_key_keks_drop(zone[i]);

        cln = ngx_pool_cleanup_add(cycle->pool, sizeof(ngx_agent_key_watch_t));
        if (cln == NULL) {
            return NGX_ERROR;
        }

        w = cln->data;
        ngx_memzero(w, sizeof(ngx_agent_key_watch_t));

        cln->handler = ngx_agent_key_watch_cleanup;

        w->cycle = cycle;
        w->zone = zone[i];

        w->event.handler = ngx_agent_key_watch_handler;
        w->event.data = w;
        w->event.log = cycle->log;
        w->event.cancelable = 1;

        /* workers look at different times, and soon after they begin */

        ngx_add_timer(&w->event, 1 + ngx_random() % zone[i]->check);
    }

    return NGX_OK;
}


/* without a master process the configuration changes within the process */

static void
ngx_agent_key_watch_cleanup(void *data)
{
    ngx_agent_key_watch_t  *w = data;

    if (w->event.timer_set) {
        ngx_del_timer(&w->event);
    }

    if (w->loader) {
        ngx_agent_key_watch_end(w);
    }
}


static void
ngx_agent_key_watch_handler(ngx_event_t *ev)
{
    ngx_agent_key_watch_t  *w;

    w = ev->data;

    if (ngx_exiting || ngx_quit || ngx_terminate) {

        if (w->loader) {
            ngx_agent_key_watch_end(w);
        }

        return;
    }

    if (w->loader == NULL) {
        ngx_agent_key_watch_look(w);

    } else if (w->complete) {
        ngx_agent_key_watch_publish(w);

    } else {
        ngx_agent_key_watch_slice(w);
    }

    ngx_add_timer(ev, w->loader ? 1 : w->zone->check);
}


static void
ngx_agent_key_watch_look(ngx_agent_key_watch_t *w)
{
    ngx_uint_t             same;
    ngx_agent_key_files_t  files;

    if (ngx_agent_key_watch_stat(w, &files) != NGX_OK) {
        return;
    }

    same = ngx_agent_key_files_same(&files, &w->files);
    w->files = files;

    if (ngx_agent_key_watch_known(w)) {
        return;
    }

    /* one that is being written has another size or time at the next look */

    if (!same) {
        ngx_log_debug1(NGX_LOG_DEBUG_CORE, w->cycle->log, 0,
                       "agent_auth: \"%V\" changed", &w->zone->file);
        return;
    }

    ngx_agent_key_watch_begin(w);
}


static ngx_int_t
ngx_agent_key_watch_stat(ngx_agent_key_watch_t *w,
    ngx_agent_key_files_t *files)
{
    ngx_int_t         rc;
    ngx_err_t         err;
    const ngx_str_t  *path;

    rc = ngx_agent_key_files(w->zone, files, &path);

    if (rc == NGX_OK) {
        return NGX_OK;
    }

    err = (rc == NGX_ERROR) ? ngx_errno : 0;

    if (ngx_agent_key_watch_warn(w)) {
        ngx_log_error(NGX_LOG_ERR, w->cycle->log, err,
                      "agent_auth: \"%V\" is no file that can be read, the key "
                      "table of zone \"%V\" stays as it was",
                      path, &w->zone->name);
    }

    return NGX_ERROR;
}


/* whether the files are those of the table, or were refused just now */

static ngx_uint_t
ngx_agent_key_watch_known(ngx_agent_key_watch_t *w)
{
    uint64_t             g;
    ngx_uint_t           known;
    ngx_agent_key_sh_t  *sh;

    sh = w->zone->sh;

    if (ngx_agent_key_watch_refused(w)) {
        return 1;
    }

    if (ngx_agent_gen_read(&w->zone->gen, &g) == NULL) {
        return 0;
    }

    known = ngx_agent_key_files_same(&w->files, &sh->files[g & 1]);

    /* a newer table is being made: the next look will tell */

    return known || ngx_agent_gen_check(&w->zone->gen, g) != NGX_OK;
}


/*
 * Not for ever: what failed may have been this machine, short of descriptors
 * or of memory, and the file may revoke a key.
 */

static ngx_uint_t
ngx_agent_key_watch_refused(ngx_agent_key_watch_t *w)
{
    ngx_agent_key_sh_t  *sh;

    sh = w->zone->sh;

    return ngx_agent_key_files_same(&w->files, &sh->refused)
           && ngx_agent_key_clock() - sh->refused_at
              < (uint64_t) NGX_AGENT_REFUSED * w->zone->check;
}


static void
ngx_agent_key_watch_begin(ngx_agent_key_watch_t *w)
{
    u_char     *base;
    ngx_fd_t    fd;
    ngx_err_t   err;

    /* to be silent about what only a reload can read takes a look first */

    fd = ngx_open_file(w->zone->file.data, NGX_FILE_RDONLY,
                       NGX_FILE_OPEN|NGX_FILE_NONBLOCK, 0);

    if (fd == NGX_INVALID_FILE) {
        err = ngx_errno;

        if (ngx_agent_key_watch_warn(w)) {
            ngx_log_error(NGX_LOG_ERR, w->cycle->log, err,
                          "agent_auth: key file \"%V\" changed and cannot be "
                          "read by this worker, the key table of zone \"%V\" "
                          "stays as it was until a reload",
                          &w->zone->file, &w->zone->name);
        }

        return;
    }

    (void) ngx_close_file(fd);

    base = ngx_agent_gen_claim(&w->zone->gen);

    if (base == NULL) {
        return;
    }

    /* another worker may have ended with these files since they were seen */

    if (ngx_agent_key_watch_known(w)) {
        ngx_agent_gen_release(&w->zone->gen);
        return;
    }

    w->complete = 0;
    w->loader = ngx_agent_key_loader_open(w->zone, base, NGX_LOG_ERR,
                                          w->cycle->log);
    if (w->loader == NULL) {
        ngx_agent_key_refuse(w->zone, &w->files);
        ngx_agent_key_watch_stays(w);
        ngx_agent_gen_release(&w->zone->gen);
        return;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_CORE, w->cycle->log, 0,
                   "agent_auth: loading \"%V\"", &w->zone->file);
}


static void
ngx_agent_key_watch_slice(ngx_agent_key_watch_t *w)
{
    uint64_t   start;
    ngx_int_t  rc;

    /* whoever has a newer configuration may fill the arena from now on */

    if (ngx_agent_gen_held(&w->zone->gen) != NGX_OK) {
        ngx_agent_key_watch_end(w);
        return;
    }

    start = ngx_agent_key_clock();

    do {
        rc = ngx_agent_key_loader_step(w->loader);
    } while (rc == NGX_AGAIN
             && ngx_agent_key_clock() - start < NGX_AGENT_SLICE);

    switch (rc) {

    case NGX_AGAIN:
        return;

    case NGX_OK:
        w->complete = 1;
        ngx_agent_key_watch_publish(w);
        return;

    case NGX_ERROR:
        ngx_agent_key_loader_refuse(w->loader);
        ngx_agent_key_watch_stays(w);

        /* fall through */

    default:
        ngx_agent_key_watch_end(w);
    }
}


static void
ngx_agent_key_watch_stays(ngx_agent_key_watch_t *w)
{
    ngx_log_error(NGX_LOG_ERR, w->cycle->log, 0,
                  "agent_auth: \"%V\" was refused, the key table of zone "
                  "\"%V\" stays as it was", &w->zone->file, &w->zone->name);
}


static void
ngx_agent_key_watch_publish(ngx_agent_key_watch_t *w)
{
    ngx_int_t  rc;

    if (ngx_agent_gen_held(&w->zone->gen) != NGX_OK) {
        ngx_agent_key_watch_end(w);
        return;
    }

    ngx_agent_key_loader_note(w->loader);

    rc = ngx_agent_gen_publish(&w->zone->gen);

    if (rc == NGX_AGAIN) {
        return;
    }

    if (rc == NGX_OK) {
        ngx_agent_count(w->zone->count + AGENT_STATUS_LOADED);

        ngx_log_error(NGX_LOG_NOTICE, w->cycle->log, 0,
                      "agent_auth: zone \"%V\" has %uL keys of \"%V\"",
                      &w->zone->name, ngx_agent_key_loader_count(w->loader),
                      &w->zone->file);
    }

    ngx_agent_key_watch_end(w);
}


static void
ngx_agent_key_watch_end(ngx_agent_key_watch_t *w)
{
    ngx_agent_key_loader_close(w->loader);
    w->loader = NULL;

    ngx_agent_gen_release(&w->zone->gen);
}


static ngx_uint_t
ngx_agent_key_watch_warn(ngx_agent_key_watch_t *w)
{
    uint64_t  now, last;

    now = ngx_time();
    last = __atomic_load_n(&w->zone->sh->warned, __ATOMIC_RELAXED);

    if (now >= last && now - last < NGX_AGENT_WARN_PERIOD) {
        return 0;
    }

    return __atomic_compare_exchange_n(&w->zone->sh->warned, &last, now, 0,
                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}
