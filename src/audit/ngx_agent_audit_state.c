
/*
 * What all workers know of the sinks: a list in shared memory, by name.  Only
 * the master adds to it, while a configuration comes into force; the counters
 * are atomic, so that no worker ever waits for another.
 */

#include "ngx_agent_audit_sink.h"


/* layout of the root and of a state: change either, change it */

#define NGX_AGENT_AUDIT_LAYOUT       0x61010002

#define NGX_AGENT_AUDIT_PAGES        32
#define NGX_AGENT_AUDIT_WARN_PERIOD  60


typedef struct {
    ngx_uint_t                layout;
    ngx_agent_audit_state_t  *first;
} ngx_agent_audit_root_t;


static ngx_int_t ngx_agent_audit_state_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_agent_audit_state_t *ngx_agent_audit_state_get(
    ngx_slab_pool_t *shpool, ngx_str_t *name);


ngx_int_t
ngx_agent_audit_state_zone(ngx_conf_t *cf, ngx_agent_audit_conf_t *conf)
{
    ngx_str_t  name = ngx_string("ngx_agent_audit");

    if (conf->shm_zone) {
        return NGX_OK;
    }

    /* the tag is an address inside nginx: one inside our image would not be
       found again after the image was replaced */

    conf->shm_zone = ngx_shared_memory_add(cf, &name,
                                           NGX_AGENT_AUDIT_PAGES
                                           * ngx_pagesize, &ngx_core_module);
    if (conf->shm_zone == NULL) {
        return NGX_ERROR;
    }

    conf->shm_zone->init = ngx_agent_audit_state_init;
    conf->shm_zone->data = conf;

    return NGX_OK;
}


static ngx_int_t
ngx_agent_audit_state_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_uint_t                i;
    ngx_slab_pool_t          *shpool;
    ngx_agent_audit_conf_t   *conf;
    ngx_agent_audit_root_t   *root;
    ngx_agent_audit_sink_t  **sink;

    conf = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    shpool->log_nomem = 0;

    conf->reload = !ngx_is_init_cycle(conf->cycle->old_cycle);

    root = shpool->data;

    if (root == NULL || root->layout != NGX_AGENT_AUDIT_LAYOUT) {

        /* workers of an older image keep the list they have */

        root = ngx_slab_calloc(shpool, sizeof(ngx_agent_audit_root_t));
        if (root == NULL) {
            return NGX_ERROR;
        }

        root->layout = NGX_AGENT_AUDIT_LAYOUT;
        shpool->data = root;
    }

    sink = conf->sinks.elts;

    for (i = 0; i < conf->sinks.nelts; i++) {

        sink[i]->state = ngx_agent_audit_state_get(shpool, &sink[i]->name);

        if (sink[i]->state) {

            if (sink[i]->peer == NULL
                && ngx_agent_audit_chain_seed(sink[i]) != NGX_OK)
            {
                return NGX_ERROR;
            }

            continue;
        }

        if (sink[i]->peer == NULL && conf->chain.key_file.len) {
            ngx_log_error(NGX_LOG_EMERG, conf->cycle->log, 0,
                          "no memory for the chain of audit log \"%V\"",
                          &sink[i]->name);
            return NGX_ERROR;
        }

        /* after very many changes of the paths: then each worker for itself */

        sink[i]->state = ngx_pcalloc(conf->cycle->pool,
                                     sizeof(ngx_agent_audit_state_t));
        if (sink[i]->state == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_agent_audit_state_t *
ngx_agent_audit_state_get(ngx_slab_pool_t *shpool, ngx_str_t *name)
{
    ngx_agent_audit_root_t   *root;
    ngx_agent_audit_state_t  *state;

    root = shpool->data;

    for (state = root->first; state; state = state->next) {
        if (state->len == name->len
            && ngx_memcmp(state->name, name->data, name->len) == 0)
        {
            return state;
        }
    }

    state = ngx_slab_calloc(shpool,
                            offsetof(ngx_agent_audit_state_t, name)
                            + name->len);
    if (state == NULL) {
        return NULL;
    }

    state->len = name->len;
    ngx_memcpy(state->name, name->data, name->len);

    state->next = root->first;
    root->first = state;

    return state;
}


void
ngx_agent_audit_state_lose(ngx_agent_audit_sink_t *sink, ngx_uint_t n)
{
    (void) ngx_atomic_fetch_add(&sink->state->lost, (ngx_atomic_int_t) n);

    ngx_agent_count_add(sink->count + AGENT_STATUS_LOST, n);
}


ngx_uint_t
ngx_agent_audit_state_take(ngx_agent_audit_state_t *state)
{
    ngx_atomic_uint_t  lost;

    do {
        lost = state->lost;
    } while (lost && !ngx_atomic_cmp_set(&state->lost, lost, 0));

    return lost;
}


ngx_uint_t
ngx_agent_audit_state_warn(ngx_agent_audit_state_t *state)
{
    ngx_atomic_uint_t  now, warned;

    now = ngx_time();
    warned = state->warned;

    /* a clock that was set back must not silence us */

    if (now >= warned && now - warned < NGX_AGENT_AUDIT_WARN_PERIOD) {
        return 0;
    }

    return ngx_atomic_cmp_set(&state->warned, warned, now);
}
