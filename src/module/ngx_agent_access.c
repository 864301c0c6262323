
/*
 * The decision: a request with its credential and a location become a reason,
 * and here, only here, the reason becomes a status.
 */

#include "ngx_agent_recheck.h"


static ngx_int_t ngx_agent_visit_phase(ngx_http_request_t *r,
    ngx_http_phase_handler_t *ph);
static ngx_int_t ngx_agent_access_phase(ngx_http_request_t *r,
    ngx_http_phase_handler_t *ph);
static ngx_int_t ngx_agent_precontent_phase(ngx_http_request_t *r,
    ngx_http_phase_handler_t *ph);
static ngx_int_t ngx_agent_visit_guarded(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf);
static ngx_inline ngx_int_t ngx_agent_visit(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf);
static ngx_int_t ngx_agent_access(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf);
static ngx_inline ngx_int_t ngx_agent_decide(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, ngx_agent_record_t *rec,
    agent_reason_e *reason);
static agent_reason_e ngx_agent_policy(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, ngx_agent_record_t *rec);
static ngx_inline agent_reason_e ngx_agent_policy_key(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, ngx_agent_record_t *rec);
static ngx_inline agent_reason_e ngx_agent_policy_token(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, ngx_agent_record_t *rec,
    const agent_claims_t *claims);
static ngx_inline agent_reason_e ngx_agent_policy_location(
    ngx_http_request_t *r, const ngx_agent_loc_conf_t *conf,
    ngx_agent_record_t *rec, const agent_str_t *scopes);
static agent_reason_e ngx_agent_policy_service(
    const ngx_agent_loc_conf_t *conf, const ngx_agent_record_t *rec);
static agent_reason_e ngx_agent_policy_require(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, ngx_agent_record_t *rec);
static ngx_int_t ngx_agent_refuse(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, ngx_agent_record_t *rec);
static ngx_int_t ngx_agent_error_page(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, ngx_agent_record_t *rec);
static ngx_int_t ngx_agent_precontent_guarded(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf);
static ngx_int_t ngx_agent_precontent(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf);
static void ngx_agent_overruled(ngx_agent_record_t *rec);
static ngx_int_t ngx_agent_subrequest(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, ngx_agent_record_t *rec);


/*
 * nginx calls a handler of each of three phases for every request of every
 * location.  Here they are called at once, in the place of the phase's checker,
 * and where nothing is guarded not at all: that is half of what such a location
 * costs.
 */

void
ngx_agent_access_init_module(ngx_cycle_t *cycle)
{
    ngx_http_phase_handler_t   *ph;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_core_module);

    for (ph = cmcf->phase_engine.handlers; ph->checker; ph++) {

        if (ph->handler == ngx_agent_visit_handler
            && ph->checker == ngx_http_core_rewrite_phase)
        {
            ph->checker = ngx_agent_visit_phase;

        } else if (ph->handler == ngx_agent_access_handler
                   && ph->checker == ngx_http_core_access_phase)
        {
            ph->checker = ngx_agent_access_phase;

        } else if (ph->handler == ngx_agent_precontent_handler
                   && ph->checker == ngx_http_core_generic_phase)
        {
            ph->checker = ngx_agent_precontent_phase;
        }
    }
}


/* as ngx_http_core_rewrite_phase() does with a handler that declines */

static ngx_int_t
ngx_agent_visit_phase(ngx_http_request_t *r, ngx_http_phase_handler_t *ph)
{
    const ngx_agent_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_agent_auth_module);

    /* to others the call must not cost even the registers that it saves */

    if (conf->methods != NGX_AGENT_OFF) {
        return ngx_agent_visit_guarded(r, conf);
    }

    r->phase_handler++;

    return NGX_AGAIN;
}


static __attribute__((noinline)) ngx_int_t
ngx_agent_visit_guarded(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf)
{
    if (ngx_agent_visit(r, conf) != NGX_DECLINED) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return NGX_OK;
    }

    r->phase_handler++;

    return NGX_AGAIN;
}


/* "satisfy" is core's business */

static ngx_int_t
ngx_agent_access_phase(ngx_http_request_t *r, ngx_http_phase_handler_t *ph)
{
    const ngx_agent_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_agent_auth_module);

    if (conf->methods != NGX_AGENT_OFF) {
        return ngx_http_core_access_phase(r, ph);
    }

    r->phase_handler++;

    return NGX_AGAIN;
}


/* nothing is left to do for a main request that was admitted just now */

static ngx_int_t
ngx_agent_precontent_phase(ngx_http_request_t *r, ngx_http_phase_handler_t *ph)
{
    ngx_agent_record_t          *rec;
    const ngx_agent_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_agent_auth_module);

    if (conf->methods != NGX_AGENT_OFF) {

        rec = ngx_http_get_module_ctx(r, ngx_http_agent_auth_module);

        if (rec == NULL || !rec->passed || rec->conf != conf || r != r->main) {
            return ngx_agent_precontent_guarded(r, conf);
        }
    }

    r->phase_handler++;

    return NGX_AGAIN;
}


/* as ngx_http_core_generic_phase() */

static __attribute__((noinline)) ngx_int_t
ngx_agent_precontent_guarded(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf)
{
    ngx_int_t  rc;

    rc = ngx_agent_precontent(r, conf);

    if (rc != NGX_DECLINED) {
        ngx_http_finalize_request(r, rc);
        return NGX_OK;
    }

    r->phase_handler++;

    return NGX_AGAIN;
}


/*
 * Rewrite phase: notes that the request came by a guarded location, so that
 * it is audited even if it ends before the access phase or elsewhere.
 */

ngx_int_t
ngx_agent_visit_handler(ngx_http_request_t *r)
{
    const ngx_agent_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_agent_auth_module);

    return conf->methods == NGX_AGENT_OFF ? NGX_DECLINED
                                          : ngx_agent_visit(r, conf);
}


static ngx_inline ngx_int_t
ngx_agent_visit(ngx_http_request_t *r, const ngx_agent_loc_conf_t *conf)
{
    ngx_agent_record_t  *rec;

    if (r->uri_changed || r != r->main) {
        return NGX_DECLINED;
    }

    rec = ngx_agent_record_get(r);

    /* without memory for it the access phase will refuse */

    if (rec == NULL) {
        return NGX_DECLINED;
    }

    rec->visited = 1;

    if (rec->conf == NULL) {
        rec->conf = conf;
    }

    if (conf->client_cert
        && ngx_agent_client_cert_visit(r, conf, rec) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_agent_access_handler(ngx_http_request_t *r)
{
    const ngx_agent_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_agent_auth_module);

    /* what is not guarded leaves before any register is saved */

    return conf->methods == NGX_AGENT_OFF ? NGX_DECLINED
                                          : ngx_agent_access(r, conf);
}


static __attribute__((noinline)) ngx_int_t
ngx_agent_access(ngx_http_request_t *r, const ngx_agent_loc_conf_t *conf)
{
    ngx_agent_record_t  *rec;

    rec = ngx_agent_record_get(r);

    if (rec == NULL) {
        return conf->mode == NGX_AGENT_OBSERVE
               ? NGX_DECLINED : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rec->passed = 0;

    if (rec->ended) {

        /* error_page led here; with another status this is another answer */

        if (r->err_status >= NGX_HTTP_BAD_REQUEST) {
            return ngx_agent_error_page(r, conf, rec);
        }

        ngx_agent_challenge_drop(rec);
        rec->ended = 0;
        rec->page = 0;
    }

    rec->visited = 1;
    rec->evaluated = 1;
    rec->conf = conf;
    rec->overruled = AGENT_OK;
    rec->status = 0;

    if (ngx_agent_decide(r, conf, rec, &rec->reason) == NGX_AGAIN) {
        rec->reason = AGENT_NOT_EVALUATED;
        return NGX_AGAIN;
    }

    /* "auth_request" may ask for a guarded location before the phase ends */

    rec->passed = (rec->reason == AGENT_OK);

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "agent_auth: %s, key \"%*s\"",
                   agent_reason_name(rec->reason)->data,
                   rec->identified ? rec->identity.id.len : 0,
                   rec->identity.id.data);

    if (conf->mode == NGX_AGENT_OBSERVE) {
        rec->result = (rec->reason == AGENT_OK) ? AGENT_RESULT_ALLOW
                                                : AGENT_RESULT_WOULD_DENY;

        /* not NGX_OK, which would meet "satisfy any" */

        return NGX_DECLINED;
    }

    if (rec->reason != AGENT_OK) {
        return ngx_agent_refuse(r, conf, rec);
    }

    if (conf->hide && ngx_agent_present_hide(r, rec) != NGX_OK) {
        rec->reason = AGENT_INTERNAL_ERROR;
        return ngx_agent_refuse(r, conf, rec);
    }

    if (conf->recheck && ngx_agent_recheck_begin(r, conf, rec) != NGX_OK) {
        rec->reason = AGENT_INTERNAL_ERROR;
        return ngx_agent_refuse(r, conf, rec);
    }

    rec->result = AGENT_RESULT_ALLOW;

    if (rec->identified
        && (conf->sunset || rec->identity.state == AGENT_KEY_DEPRECATED))
    {
        ngx_agent_sunset_admitted(conf, rec);
    }

    return NGX_OK;
}


/* NGX_OK: *reason is set; NGX_AGAIN: a provider is asked */

static ngx_inline ngx_int_t
ngx_agent_decide(ngx_http_request_t *r, const ngx_agent_loc_conf_t *conf,
    ngx_agent_record_t *rec, agent_reason_e *reason)
{
    /* first: no credential would help who speaks another protocol */

    if (conf->mcp != NGX_AGENT_MCP_OFF) {
        *reason = ngx_agent_mcp_check(r, conf, rec);

        if (*reason != AGENT_OK) {
            return NGX_OK;
        }
    }

    ngx_agent_present(r, conf, rec);

    *reason = rec->presented;

    /* RFC 9449, 7.1: a scheme that is not understood here */

    if (rec->dpop && !conf->dpop) {
        *reason = AGENT_CREDENTIAL_MISSING;
    }

    if (*reason != AGENT_OK) {
        return NGX_OK;
    }

    if (ngx_agent_identify(r, conf, rec) == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    *reason = rec->known;

    if (*reason == AGENT_OK) {
        *reason = ngx_agent_policy(r, conf, rec);
    }

    return NGX_OK;
}


static agent_reason_e
ngx_agent_policy(ngx_http_request_t *r, const ngx_agent_loc_conf_t *conf,
    ngx_agent_record_t *rec)
{
    agent_reason_e         reason;
    const agent_str_t     *scopes;
    const agent_claims_t  *claims;

    if (conf->revocations) {
        reason = ngx_agent_revoked(conf->revocations, rec);
        if (reason != AGENT_OK) {
            return reason;
        }
    }

    if (rec->identified) {
        scopes = &rec->identity.scopes;
        reason = ngx_agent_policy_key(r, conf, rec);

    } else {
        claims = ngx_agent_identify_claims(rec);

        if (claims == NULL) {
            return AGENT_INTERNAL_ERROR;
        }

        scopes = &claims->scope;
        reason = ngx_agent_policy_token(r, conf, rec, claims);
    }

    return reason == AGENT_OK ? ngx_agent_policy_location(r, conf, rec, scopes)
                              : reason;
}


static ngx_inline agent_reason_e
ngx_agent_policy_key(ngx_http_request_t *r, const ngx_agent_loc_conf_t *conf,
    ngx_agent_record_t *rec)
{
    agent_reason_e  reason;

    reason = ngx_agent_key_usable(&rec->identity, ngx_time(),
                                  r->connection->sockaddr);

    if (reason != AGENT_OK) {
        return reason;
    }

    /* last of what is about the key itself: else it would do */

    if (conf->sunset && !conf->sunset->observe
        && ngx_agent_sunset_over(conf->sunset))
    {
        return AGENT_KEY_SUNSET;
    }

    /* a key is bound to nobody */

    if (conf->binding == NGX_AGENT_BINDING_REQUIRED) {
        return AGENT_BINDING_MISSING;
    }

    return ngx_agent_policy_service(conf, rec);
}


static ngx_inline agent_reason_e
ngx_agent_policy_token(ngx_http_request_t *r, const ngx_agent_loc_conf_t *conf,
    ngx_agent_record_t *rec, const agent_claims_t *claims)
{
    agent_reason_e  reason;

    reason = ngx_agent_identify_token_policy(conf, claims);

    rec->binding = 0;

    if (reason != AGENT_OK) {
        return reason;
    }

    /* most tokens are bound to nobody, and sent as such */

    return (claims->bound || rec->dpop
            || conf->binding == NGX_AGENT_BINDING_REQUIRED)
           ? ngx_agent_binding_check(r, conf, rec, claims) : AGENT_OK;
}


/* what the location asks for, of keys and tokens alike */

static ngx_inline agent_reason_e
ngx_agent_policy_location(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, ngx_agent_record_t *rec,
    const agent_str_t *scopes)
{
    agent_reason_e  reason;

    if (conf->delegation) {
        reason = ngx_agent_delegation_check(conf->delegation, rec);
        if (reason != AGENT_OK) {
            return reason;
        }
    }

    if (conf->scopes) {
        reason = ngx_agent_scopes_check(r, conf, scopes);
        if (reason != AGENT_OK) {
            return reason;
        }
    }

    if (conf->details) {
        reason = ngx_agent_details_check(r, conf->details, rec);
        if (reason != AGENT_OK) {
            return reason;
        }
    }

    if (conf->requires) {
        reason = ngx_agent_policy_require(r, conf, rec);
        if (reason != AGENT_OK) {
            return reason;
        }
    }

    return conf->step_up ? ngx_agent_step_up_check(conf->step_up, rec)
                         : AGENT_OK;
}


/* a key that names services is for locations that name one of them */

static agent_reason_e
ngx_agent_policy_service(const ngx_agent_loc_conf_t *conf,
    const ngx_agent_record_t *rec)
{
    agent_str_t  service;

    if (rec->identity.services.len == 0) {
        return AGENT_OK;
    }

    service.len = conf->service.len;
    service.data = conf->service.data;

    return (service.len
            && agent_scope_contains(&rec->identity.services, &service))
           ? AGENT_OK : AGENT_KEY_SERVICE;
}


static agent_reason_e
ngx_agent_policy_require(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, ngx_agent_record_t *rec)
{
    ngx_str_t                  value;
    ngx_uint_t                 i, j;
    ngx_agent_require_t       *require;
    ngx_http_complex_value_t  *cv;

    require = conf->requires->elts;

    for (i = 0; i < conf->requires->nelts; i++) {

        cv = require[i].values.elts;

        for (j = 0; j < require[i].values.nelts; j++) {

            if (ngx_http_complex_value(r, &cv[j], &value) != NGX_OK) {
                return AGENT_INTERNAL_ERROR;
            }

            if (value.len == 0 || (value.len == 1 && value.data[0] == '0')) {
                rec->status = require[i].status;
                return AGENT_REQUIREMENT_FAILED;
            }
        }
    }

    return AGENT_OK;
}


static ngx_int_t
ngx_agent_refuse(ngx_http_request_t *r, const ngx_agent_loc_conf_t *conf,
    ngx_agent_record_t *rec)
{
    rec->ended = 1;
    rec->passed = 0;
    rec->result = AGENT_RESULT_DENY;

    if (rec->status == 0) {
        rec->status = agent_reason_status(rec->reason);
    }

    /* a reason that does not refuse must not get here, and does not pass */

    if (rec->status == 0) {
        rec->reason = AGENT_INTERNAL_ERROR;
        rec->status = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rec->reason == AGENT_INTERNAL_ERROR) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "agent_auth: internal error, see the messages before");

    } else {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "agent_auth: access refused: %s",
                      agent_reason_name(rec->reason)->data);
    }

    if (ngx_agent_challenge(r, conf, rec) != NGX_OK) {
        rec->reason = AGENT_INTERNAL_ERROR;
        rec->status = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return rec->status;
}


/*
 * A guarded error page of our own refusal: whoever may see it does, but what
 * was decided is the refusal.
 */

static ngx_int_t
ngx_agent_error_page(ngx_http_request_t *r, const ngx_agent_loc_conf_t *conf,
    ngx_agent_record_t *rec)
{
    ngx_uint_t      status;
    agent_reason_e  reason;

    rec->page = 1;

    if (conf->mode == NGX_AGENT_OBSERVE) {
        return NGX_DECLINED;
    }

    status = rec->status;

    if (ngx_agent_decide(r, conf, rec, &reason) == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    rec->status = status;

    if (reason != AGENT_OK
        || (conf->hide && ngx_agent_present_hide(r, rec) != NGX_OK))
    {
        return status;
    }

    return NGX_OK;
}


/*
 * After the access phase: a main request that we refused and that is here all
 * the same met "satisfy any" otherwise; a subrequest did not pass the access
 * phase at all, which core skips for it.
 */

ngx_int_t
ngx_agent_precontent_handler(ngx_http_request_t *r)
{
    const ngx_agent_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_agent_auth_module);

    return conf->methods == NGX_AGENT_OFF ? NGX_DECLINED
                                          : ngx_agent_precontent(r, conf);
}


static __attribute__((noinline)) ngx_int_t
ngx_agent_precontent(ngx_http_request_t *r, const ngx_agent_loc_conf_t *conf)
{
    ngx_agent_record_t  *rec;

    rec = ngx_agent_record_get(r);

    if (rec == NULL) {
        return conf->mode == NGX_AGENT_OBSERVE
               ? NGX_DECLINED : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (r != r->main) {
        return ngx_agent_subrequest(r, conf, rec);
    }

    if (rec->ended && !rec->page && rec->conf == conf) {
        ngx_agent_overruled(rec);
    }

    /*
     * Where the address alone met "satisfy any" our handler did not run.  In
     * observe mode everybody gets here, which vouches for nobody.
     */

    rec->passed = (conf->mode == NGX_AGENT_ENFORCE
                   || (rec->conf == conf && rec->result == AGENT_RESULT_ALLOW));

    return NGX_DECLINED;
}


static void
ngx_agent_overruled(ngx_agent_record_t *rec)
{
    rec->ended = 0;
    rec->overruled = rec->reason;
    rec->reason = AGENT_NOT_EVALUATED;
    rec->result = AGENT_RESULT_NONE;

    ngx_agent_challenge_drop(rec);
}


static ngx_int_t
ngx_agent_subrequest(ngx_http_request_t *r, const ngx_agent_loc_conf_t *conf,
    ngx_agent_record_t *rec)
{
    ngx_uint_t      binding;
    agent_reason_e  reason;

    reason = AGENT_SUBREQUEST_REFUSED;

    /* what the main request proved, which may be more than is asked here */

    binding = rec->binding;

    if (rec->passed) {

        reason = AGENT_OK;

        /* who showed a credential is held to it here, too */

        if (rec->identified || ngx_agent_identify_claims(rec)) {
            reason = ngx_agent_identify_known(conf, rec)
                     ? ngx_agent_policy(r, conf, rec)
                     : AGENT_SUBREQUEST_REFUSED;
        }
    }

    rec->binding = binding;

    if (reason == AGENT_OK && conf->mcp != NGX_AGENT_MCP_OFF) {
        reason = ngx_agent_mcp_check(r, conf, rec);
    }

    if (reason == AGENT_OK) {
        return NGX_DECLINED;
    }

    rec->refused++;

    /* core's log context tells which subrequest */

    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                  "agent_auth: subrequest to a guarded location %s: %s",
                  conf->mode == NGX_AGENT_OBSERVE ? "would be refused"
                                                  : "refused",
                  agent_reason_name(reason)->data);

    if (conf->mode == NGX_AGENT_OBSERVE) {
        return NGX_DECLINED;
    }

    /* no decision on the main request itself: this is all there is to say */

    if (!rec->visited) {
        rec->visited = 1;
        rec->conf = conf;
        rec->result = AGENT_RESULT_DENY;
        rec->reason = AGENT_SUBREQUEST_REFUSED;
    }

    return NGX_HTTP_FORBIDDEN;
}
