
/*
 * The directive agent_audit, and the way of an event to its sinks.
 */

#include "ngx_agent_audit_sink.h"


/* a write() of more would be cut (Linux, write(2)) */

#define NGX_AGENT_AUDIT_BUFFER_MAX  (1024 * 1024 * 1024)


typedef size_t (*ngx_agent_audit_line_pt)(u_char *buf, const void *ev);


static ngx_int_t ngx_agent_audit_off(ngx_conf_t *cf, ngx_array_t **sinks);
static ngx_agent_audit_sink_t *ngx_agent_audit_get(ngx_conf_t *cf,
    ngx_str_t *value);
static ngx_int_t ngx_agent_audit_name(ngx_conf_t *cf, ngx_str_t *value,
    ngx_str_t *name);
static ngx_agent_audit_sink_t *ngx_agent_audit_find(
    const ngx_agent_audit_conf_t *conf, const ngx_str_t *name);
static ngx_int_t ngx_agent_audit_syslog_conf(ngx_conf_t *cf,
    ngx_agent_audit_sink_t *sink);
static ngx_int_t ngx_agent_audit_param(ngx_conf_t *cf,
    ngx_agent_audit_sink_t *sink, ngx_str_t *value);
static ngx_int_t ngx_agent_audit_buffer(ngx_conf_t *cf,
    ngx_agent_audit_sink_t *sink, ngx_str_t *value);
static ngx_int_t ngx_agent_audit_flush(ngx_conf_t *cf,
    ngx_agent_audit_sink_t *sink, ngx_str_t *value);
static ngx_int_t ngx_agent_audit_append(ngx_conf_t *cf, ngx_array_t **sinks,
    ngx_agent_audit_sink_t *sink);
static size_t ngx_agent_audit_request(u_char *buf, const void *ev);
static size_t ngx_agent_audit_change(u_char *buf, const void *ev);
static ngx_inline void ngx_agent_audit_put(ngx_array_t *sinks,
    uint64_t *sequence, ngx_agent_audit_line_pt write, const void *ev,
    ngx_log_t *log);
static void *ngx_agent_audit_create_conf(ngx_cycle_t *cycle);
static ngx_int_t ngx_agent_audit_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_agent_audit_init_process(ngx_cycle_t *cycle);
static void ngx_agent_audit_exit_process(ngx_cycle_t *cycle);


static ngx_core_module_t  ngx_agent_audit_module_ctx = {
    ngx_string("agent_audit"),
    ngx_agent_audit_create_conf,
    ngx_agent_audit_init_conf
};


ngx_module_t  ngx_agent_audit_module = {
    NGX_MODULE_V1,
    &ngx_agent_audit_module_ctx,           /* module context */
    NULL,                                  /* module directives */
    NGX_CORE_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_agent_audit_init_module,           /* init module */
    ngx_agent_audit_init_process,          /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_agent_audit_exit_process,          /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


char *
ngx_agent_audit(ngx_conf_t *cf, ngx_array_t **sinks)
{
    ngx_str_t               *value;
    ngx_uint_t               i;
    ngx_agent_audit_sink_t  *sink;

    value = cf->args->elts;

    if (*sinks && (*sinks)->nelts == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"agent_audit\" cannot follow \"agent_audit off\" "
                           "at the same level");
        return NGX_CONF_ERROR;
    }

    if (ngx_strcmp(value[1].data, "off") == 0) {
        return (ngx_agent_audit_off(cf, sinks) == NGX_OK) ? NGX_CONF_OK
                                                          : NGX_CONF_ERROR;
    }

    sink = ngx_agent_audit_get(cf, &value[1]);
    if (sink == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_agent_audit_param(cf, sink, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return (ngx_agent_audit_append(cf, sinks, sink) == NGX_OK)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_int_t
ngx_agent_audit_off(ngx_conf_t *cf, ngx_array_t **sinks)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (cf->args->nelts > 2) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"agent_audit off\"",
                           &value[2]);
        return NGX_ERROR;
    }

    if (*sinks) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"agent_audit off\" cannot follow \"agent_audit\" "
                           "at the same level");
        return NGX_ERROR;
    }

    *sinks = ngx_array_create(cf->pool, 1, sizeof(ngx_agent_audit_sink_t *));

    return *sinks ? NGX_OK : NGX_ERROR;
}


/* the sink of that name, made where there is none */

static ngx_agent_audit_sink_t *
ngx_agent_audit_get(ngx_conf_t *cf, ngx_str_t *value)
{
    ngx_str_t                 name;
    ngx_agent_audit_conf_t   *conf;
    ngx_agent_audit_sink_t   *sink, **sinkp;

    conf = (ngx_agent_audit_conf_t *)
               ngx_get_conf(cf->cycle->conf_ctx, ngx_agent_audit_module);

    if (ngx_agent_audit_name(cf, value, &name) != NGX_OK) {
        return NULL;
    }

    sink = ngx_agent_audit_find(conf, &name);
    if (sink) {
        return sink;
    }

    sink = ngx_pcalloc(cf->pool, sizeof(ngx_agent_audit_sink_t));
    sinkp = ngx_array_push(&conf->sinks);

    if (sink == NULL || sinkp == NULL) {
        return NULL;
    }

    *sinkp = sink;

    sink->name = name;
    sink->conf = conf;

    if (ngx_agent_audit_place(cf, &sink->place) != NGX_OK
        || ngx_agent_audit_state_zone(cf, conf) != NGX_OK)
    {
        return NULL;
    }

    if (ngx_strncmp(name.data, "syslog:", 7) == 0
        && ngx_agent_audit_syslog_conf(cf, sink) != NGX_OK)
    {
        return NULL;
    }

    return sink;
}


static ngx_int_t
ngx_agent_audit_name(ngx_conf_t *cf, ngx_str_t *value, ngx_str_t *name)
{
    if (value->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "empty path in \"agent_audit\"");
        return NGX_ERROR;
    }

    if (ngx_strncmp(value->data, "syslog:", 7) == 0) {

        /* a copy: reading the address cuts it up in place */

        name->len = value->len;
        name->data = ngx_pnalloc(cf->pool, value->len + 1);
        if (name->data == NULL) {
            return NGX_ERROR;
        }

        (void) ngx_cpystrn(name->data, value->data, value->len + 1);

        return NGX_OK;
    }

    if (ngx_strchr(value->data, '$')) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "variables are not supported in the path \"%V\" "
                           "in \"agent_audit\"", value);
        return NGX_ERROR;
    }

    *name = *value;

    return ngx_conf_full_name(cf->cycle, name, 0);
}


static ngx_agent_audit_sink_t *
ngx_agent_audit_find(const ngx_agent_audit_conf_t *conf,
    const ngx_str_t *name)
{
    ngx_uint_t                i;
    ngx_agent_audit_sink_t  **sink;

    sink = conf->sinks.elts;

    for (i = 0; i < conf->sinks.nelts; i++) {
        if (sink[i]->name.len == name->len
            && ngx_strncmp(sink[i]->name.data, name->data, name->len) == 0)
        {
            return sink[i];
        }
    }

    return NULL;
}


static ngx_int_t
ngx_agent_audit_syslog_conf(ngx_conf_t *cf, ngx_agent_audit_sink_t *sink)
{
    sink->peer = ngx_pcalloc(cf->pool, sizeof(ngx_syslog_peer_t));
    if (sink->peer == NULL) {
        return NGX_ERROR;
    }

    if (ngx_syslog_process_conf(cf, sink->peer) != NGX_CONF_OK) {

        /* core has said why, but not of which directive */

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid syslog server \"%V\" in \"agent_audit\"",
                           &sink->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* the name of an included file does not outlive the reading of it */

ngx_int_t
ngx_agent_audit_place(ngx_conf_t *cf, ngx_agent_audit_place_t *place)
{
    place->line = cf->conf_file->line;
    place->file.len = cf->conf_file->file.name.len;
    place->file.data = ngx_pstrdup(cf->pool, &cf->conf_file->file.name);

    return place->file.data ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_agent_audit_param(ngx_conf_t *cf, ngx_agent_audit_sink_t *sink,
    ngx_str_t *value)
{
    ngx_str_t  s;

    s.data = value->data + 7;
    s.len = value->len - 7;

    if (ngx_strncmp(value->data, "buffer=", 7) == 0) {

        if (sink->peer == NULL) {
            return ngx_agent_audit_buffer(cf, sink, &s);
        }

    } else if (ngx_strncmp(value->data, "flush=", 6) == 0) {

        if (sink->peer == NULL) {
            s.data--;
            s.len++;
            return ngx_agent_audit_flush(cf, sink, &s);
        }

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"agent_audit\"",
                           value);
        return NGX_ERROR;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" cannot be used with syslog in "
                       "\"agent_audit\": each line is sent at once", value);

    return NGX_ERROR;
}


static ngx_int_t
ngx_agent_audit_buffer(ngx_conf_t *cf, ngx_agent_audit_sink_t *sink,
    ngx_str_t *value)
{
    ssize_t  size;

    size = ngx_parse_size(value);

    if (size == NGX_ERROR || size > NGX_AGENT_AUDIT_BUFFER_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid buffer size \"%V\" in \"agent_audit\"",
                           value);
        return NGX_ERROR;
    }

    if (size < AGENT_AUDIT_LINE_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "buffer size \"%V\" in \"agent_audit\" is too "
                           "small, a line may need %dk", value,
                           AGENT_AUDIT_LINE_MAX / 1024);
        return NGX_ERROR;
    }

    if (sink->size && sink->size != (size_t) size) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"agent_audit\" path \"%V\" already has another "
                           "buffer size in %V:%ui", &sink->name,
                           &sink->sized.file, sink->sized.line);
        return NGX_ERROR;
    }

    sink->size = size;

    return ngx_agent_audit_place(cf, &sink->sized);
}


static ngx_int_t
ngx_agent_audit_flush(ngx_conf_t *cf, ngx_agent_audit_sink_t *sink,
    ngx_str_t *value)
{
    ngx_msec_t  flush;

    flush = ngx_parse_time(value, 0);

    if (flush == (ngx_msec_t) NGX_ERROR || flush == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid flush time \"%V\" in \"agent_audit\"",
                           value);
        return NGX_ERROR;
    }

    if (sink->flush && sink->flush != flush) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"agent_audit\" path \"%V\" already has another "
                           "flush time in %V:%ui", &sink->name,
                           &sink->timed.file, sink->timed.line);
        return NGX_ERROR;
    }

    sink->flush = flush;

    return ngx_agent_audit_place(cf, &sink->timed);
}


static ngx_int_t
ngx_agent_audit_append(ngx_conf_t *cf, ngx_array_t **sinks,
    ngx_agent_audit_sink_t *sink)
{
    ngx_uint_t                i;
    ngx_agent_audit_sink_t  **sinkp;

    if (*sinks == NULL) {
        *sinks = ngx_array_create(cf->pool, 2,
                                  sizeof(ngx_agent_audit_sink_t *));
        if (*sinks == NULL) {
            return NGX_ERROR;
        }
    }

    sinkp = (*sinks)->elts;

    for (i = 0; i < (*sinks)->nelts; i++) {
        if (sinkp[i] == sink) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate \"agent_audit %V\" at the same "
                               "level", &sink->name);
            return NGX_ERROR;
        }
    }

    sinkp = ngx_array_push(*sinks);
    if (sinkp == NULL) {
        return NGX_ERROR;
    }

    *sinkp = sink;

    return NGX_OK;
}


void
ngx_agent_audit_write(ngx_array_t *sinks, agent_audit_event_t *ev,
    ngx_log_t *log)
{
    ngx_agent_audit_put(sinks, &ev->sequence, ngx_agent_audit_request, ev,
                        log);
}


void
ngx_agent_audit_control(ngx_array_t *sinks, agent_audit_control_t *ev,
    ngx_log_t *log)
{
    ngx_agent_audit_put(sinks, &ev->sequence, ngx_agent_audit_change, ev, log);
}


static size_t
ngx_agent_audit_request(u_char *buf, const void *ev)
{
    return agent_audit_line(buf, AGENT_AUDIT_LINE_MAX, ev);
}


static size_t
ngx_agent_audit_change(u_char *buf, const void *ev)
{
    return agent_audit_control_line(buf, AGENT_AUDIT_LINE_MAX, ev);
}


static ngx_inline void
ngx_agent_audit_put(ngx_array_t *sinks, uint64_t *sequence,
    ngx_agent_audit_line_pt write, const void *ev, ngx_log_t *log)
{
    u_char                   *p, *line;
    size_t                    len;
    ngx_uint_t                i;
    ngx_agent_audit_sink_t  **sink;

    if (sinks->nelts == 0) {
        return;
    }

    sink = sinks->elts;

    *sequence = ++sink[0]->conf->sequence;

    len = 0;
    line = NULL;

    for (i = 0; i < sinks->nelts; i++) {

        p = sink[i]->peer ? ngx_agent_audit_syslog_room(sink[i])
                          : ngx_agent_audit_file_room(sink[i]);

        if (p == NULL) {
            continue;
        }

        if (line == NULL) {
            line = p;
            len = write(line, ev);

        } else {
            ngx_memcpy(p, line, len);

            /* the end may have given way to a place in a chain */

            ngx_memcpy(p + len - 3, "}}\n", 3);
        }

        if (sink[i]->peer) {
            ngx_agent_audit_syslog_add(sink[i], len);

        } else {
            ngx_agent_audit_file_add(sink[i], len);
        }
    }

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, log, 0,
                   "agent audit event %uL, %uz octets", *sequence, len);
}


size_t
ngx_agent_audit_lost(ngx_agent_audit_sink_t *sink, u_char *buf,
    ngx_uint_t count)
{
    agent_audit_record_t  rec;

    ngx_memzero(&rec, sizeof(agent_audit_record_t));

    rec.event = AGENT_AUDIT_LOSS;
    rec.count = count;

    return ngx_agent_audit_record(sink, buf, &rec);
}


size_t
ngx_agent_audit_record(ngx_agent_audit_sink_t *sink, u_char *buf,
    agent_audit_record_t *rec)
{
    u_char       id[3 * NGX_INT64_LEN];
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    rec->time_ms = (uint64_t) tp->sec * 1000 + tp->msec;

    /* in one process no two records have the same number */

    rec->uid.data = id;
    rec->uid.len = ngx_sprintf(id, "%s-%xD-%xL-%xL",
                               rec->event == AGENT_AUDIT_LOSS ? "lost"
                                                              : "audit",
                               (uint32_t) ngx_pid, rec->time_ms,
                               ++sink->conf->records)
                   - id;

    return agent_audit_record_line(buf, AGENT_AUDIT_LINE_MAX, rec);
}


ngx_uint_t
ngx_agent_audit_waits(const ngx_agent_audit_sink_t *sink)
{
    return sink->failed
           && (ngx_msec_int_t) (ngx_current_msec - sink->retry) < 0;
}


static void *
ngx_agent_audit_create_conf(ngx_cycle_t *cycle)
{
    ngx_agent_audit_conf_t  *conf;

    conf = ngx_pcalloc(cycle->pool, sizeof(ngx_agent_audit_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     conf->shm_zone = NULL;
     *     conf->sequence = 0;
     *     conf->records = 0;
     */

    conf->cycle = cycle;

    if (ngx_array_init(&conf->sinks, cycle->pool, 4,
                       sizeof(ngx_agent_audit_sink_t *))
        != NGX_OK)
    {
        return NULL;
    }

    return conf;
}


/* without a master process ngx_cycle is still the one that goes */

static ngx_int_t
ngx_agent_audit_init_module(ngx_cycle_t *cycle)
{
    ngx_uint_t                i;
    ngx_agent_audit_conf_t   *conf;
    ngx_agent_audit_sink_t  **sink;

    if (ngx_process != NGX_PROCESS_SINGLE || ngx_is_init_cycle(ngx_cycle)) {
        return NGX_OK;
    }

    conf = (ngx_agent_audit_conf_t *)
               ngx_get_conf(ngx_cycle->conf_ctx, ngx_agent_audit_module);

    if (conf == NULL) {
        return NGX_OK;
    }

    sink = conf->sinks.elts;

    for (i = 0; i < conf->sinks.nelts; i++) {
        if (sink[i]->file && ngx_agent_audit_file_retire(sink[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (conf->event.timer_set) {
        ngx_del_timer(&conf->event);
    }

    ngx_agent_audit_heir_start((ngx_agent_audit_conf_t *)
                                   ngx_get_conf(cycle->conf_ctx,
                                                ngx_agent_audit_module));

    return NGX_OK;
}


/* not in the helpers of a cache, which serve no request */

static ngx_int_t
ngx_agent_audit_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                i;
    ngx_agent_audit_conf_t   *conf;
    ngx_agent_audit_sink_t  **sink;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    conf = (ngx_agent_audit_conf_t *)
               ngx_get_conf(cycle->conf_ctx, ngx_agent_audit_module);

    sink = conf->sinks.elts;

    for (i = 0; i < conf->sinks.nelts; i++) {
        if (sink[i]->file && ngx_agent_audit_file_begin(sink[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_agent_audit_heir_start(conf);

    return NGX_OK;
}


static void
ngx_agent_audit_exit_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                i;
    ngx_agent_audit_conf_t   *conf;
    ngx_agent_audit_sink_t  **sink;

    conf = (ngx_agent_audit_conf_t *)
               ngx_get_conf(cycle->conf_ctx, ngx_agent_audit_module);

    sink = conf->sinks.elts;

    for (i = 0; i < conf->sinks.nelts; i++) {
        if (sink[i]->peer == NULL) {
            ngx_agent_audit_file_exit(sink[i]);
        }
    }
}


ngx_uint_t *
ngx_agent_audit_nth(ngx_cycle_t *cycle, ngx_uint_t n, ngx_pool_t *pool,
    ngx_str_t *name)
{
    u_char                   *p;
    ngx_uint_t                i, servers;
    ngx_agent_audit_conf_t   *conf;
    ngx_agent_audit_sink_t  **sink;

    conf = (ngx_agent_audit_conf_t *)
               ngx_get_conf(cycle->conf_ctx, ngx_agent_audit_module);

    if (n >= conf->sinks.nelts) {
        return NULL;
    }

    sink = conf->sinks.elts;
    *name = sink[n]->name;

    for (i = 0, servers = 0; i <= n; i++) {
        servers += (sink[i]->peer != NULL);
    }

    if (sink[n]->peer == NULL) {
        return &sink[n]->count;
    }

    ngx_str_set(name, "syslog");

    if (servers > 1) {
        p = ngx_pnalloc(pool, sizeof("syslog-") + NGX_INT_T_LEN);

        if (p) {
            name->data = p;
            name->len = ngx_sprintf(p, "syslog-%ui", servers) - p;
        }
    }

    return &sink[n]->count;
}
