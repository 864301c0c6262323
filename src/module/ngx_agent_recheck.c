
#include "ngx_agent_recheck.h"


#define NGX_AGENT_RECHECK_LEAST  100            /* ms */

/* in a row, that the tables could not tell */

#define NGX_AGENT_RECHECK_BUSY   3

#define NGX_AGENT_RECHECK_POOL   1024


struct ngx_agent_recheck_s {
    ngx_event_t                  event;
    ngx_http_request_t          *request;
    ngx_agent_record_t          *record;
    const ngx_agent_loc_conf_t  *conf;
    ngx_uint_t                   busy;
};


static void ngx_agent_recheck_cleanup(void *data);
static void ngx_agent_recheck_handler(ngx_event_t *ev);
static agent_reason_e ngx_agent_recheck(const ngx_agent_loc_conf_t *conf,
    ngx_agent_record_t *rec, ngx_connection_t *c);
static agent_reason_e ngx_agent_recheck_key(const ngx_agent_record_t *rec,
    ngx_connection_t *c);
static void ngx_agent_recheck_cut(ngx_agent_recheck_t *recheck,
    agent_reason_e reason);


char *
ngx_agent_conf_recheck(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_agent_loc_conf_t  *alcf = conf;

    ngx_int_t   ms;
    ngx_str_t  *value;

    if (alcf->recheck != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        alcf->recheck = 0;
        return NGX_CONF_OK;
    }

    ms = ngx_parse_time(&value[1], 0);

    if (ms == NGX_ERROR || ms < NGX_AGENT_RECHECK_LEAST) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"agent_recheck\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    alcf->recheck = (ngx_msec_t) ms;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_agent_recheck_begin(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, ngx_agent_record_t *rec)
{
    ngx_pool_cleanup_t   *cln;
    ngx_agent_recheck_t  *recheck;

    recheck = rec->recheck;

    /* an internal redirect: by the location that admitted it last */

    if (recheck) {
        recheck->conf = conf;
        ngx_add_timer(&recheck->event, conf->recheck);
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_agent_recheck_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    recheck = cln->data;
    ngx_memzero(recheck, sizeof(ngx_agent_recheck_t));

    cln->handler = ngx_agent_recheck_cleanup;

    recheck->request = r;
    recheck->record = rec;
    recheck->conf = conf;

    recheck->event.handler = ngx_agent_recheck_handler;
    recheck->event.data = recheck;
    recheck->event.log = r->connection->log;

    /* whoever waits for the request waits for it anyway */

    recheck->event.cancelable = 1;

    rec->recheck = recheck;

    ngx_add_timer(&recheck->event, conf->recheck);

    return NGX_OK;
}


static void
ngx_agent_recheck_cleanup(void *data)
{
    ngx_agent_recheck_t  *recheck = data;

    if (recheck->event.timer_set) {
        ngx_del_timer(&recheck->event);
    }
}


static void
ngx_agent_recheck_handler(ngx_event_t *ev)
{
    agent_reason_e        reason;
    ngx_agent_recheck_t  *recheck;

    recheck = ev->data;

    /* another location refused it meanwhile, and said so */

    if (recheck->record->result != AGENT_RESULT_ALLOW) {
        return;
    }

    reason = ngx_agent_recheck(recheck->conf, recheck->record,
                               recheck->request->connection);

    if (reason == AGENT_OK) {
        recheck->busy = 0;
        ngx_add_timer(ev, recheck->conf->recheck);
        return;
    }

    if (reason == AGENT_TABLE_BUSY
        && ++recheck->busy < NGX_AGENT_RECHECK_BUSY)
    {
        ngx_add_timer(ev, recheck->conf->recheck);
        return;
    }

    ngx_agent_recheck_cut(recheck, reason);
}


/* what may end while a response is under way: no scope, and no proof */

static agent_reason_e
ngx_agent_recheck(const ngx_agent_loc_conf_t *conf, ngx_agent_record_t *rec,
    ngx_connection_t *c)
{
    agent_reason_e         reason;
    const agent_claims_t  *claims;

    if (conf->revocations) {
        reason = ngx_agent_revoked(conf->revocations, rec);
        if (reason != AGENT_OK) {
            return reason;
        }
    }

    if (rec->identified) {
        return ngx_agent_recheck_key(rec, c);
    }

    claims = ngx_agent_identify_claims(rec);

    return claims ? ngx_agent_token_usable(rec->token->provider, claims)
                  : AGENT_INTERNAL_ERROR;
}


/* its state in the key table, which may have been loaded anew */

static agent_reason_e
ngx_agent_recheck_key(const ngx_agent_record_t *rec, ngx_connection_t *c)
{
    ngx_pool_t                *pool;
    agent_reason_e             reason;
    ngx_agent_key_identity_t   identity;

    /* that of the request would grow as long as the response takes */

    pool = ngx_create_pool(NGX_AGENT_RECHECK_POOL, c->log);
    if (pool == NULL) {
        return AGENT_TABLE_BUSY;
    }

    reason = ngx_agent_key_lookup(rec->zone, rec->shape, &rec->key,
                                  rec->digested ? rec->digest : NULL, pool,
                                  &identity);

    if (reason == AGENT_OK) {
        reason = ngx_agent_key_usable(&identity, ngx_time(), c->sockaddr);
    }

    ngx_destroy_pool(pool);

    return reason;
}


/* as "return 444" does, at any time: HTTP/2 resets the stream */

static void
ngx_agent_recheck_cut(ngx_agent_recheck_t *recheck, agent_reason_e reason)
{
    ngx_connection_t    *c, *shared;
    ngx_http_request_t  *r;

    r = recheck->request;
    c = r->connection;
    shared = NULL;

    recheck->record->cut = reason;

    ngx_http_set_log_request(c->log, r);

    ngx_log_error(NGX_LOG_INFO, c->log, 0,
                  "agent_auth: response is cut: %s",
                  agent_reason_name(reason)->data);

#if (NGX_HTTP_V2)

    if (r->stream) {
        shared = r->stream->connection->connection;
    }

#endif

    /*
     * The cleanup of an upstream ends the request as one that is complete,
     * were this the last count of it; what is posted sets the count itself.
     */

    r->main->count++;
    r->keepalive = 0;

    ngx_http_finalize_request(r, NGX_HTTP_CLOSE);
    ngx_http_run_posted_requests(c);

    /* else the reset would wait for what the other streams send */

    if (shared && !shared->destroyed) {
        ngx_post_event(shared->write, &ngx_posted_events);
    }
}
