
/*
 * Log phase: what became of a request to a guarded location is one audit line.
 */

#include "ngx_agent_status.h"
#include "agent_time.h"


/* seconds between two notes of what grows within an hour */

#define NGX_AGENT_LOG_NOTE  30


static void ngx_agent_log_count(uint64_t *cells, ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, const ngx_agent_record_t *rec);
static void ngx_agent_log_note(ngx_http_request_t *r);
static const ngx_agent_loc_conf_t *ngx_agent_log_conf(ngx_http_request_t *r,
    const ngx_agent_record_t *rec);
static ngx_uint_t ngx_agent_log_early(ngx_http_request_t *r);
static ngx_int_t ngx_agent_log_line(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, ngx_agent_record_t *rec);
static void ngx_agent_log_request(ngx_http_request_t *r,
    agent_audit_event_t *ev);
static void ngx_agent_log_endpoints(ngx_http_request_t *r,
    agent_audit_event_t *ev);
static uint32_t ngx_agent_log_port(const struct sockaddr *sa);
static void ngx_agent_log_decision(ngx_agent_record_t *rec,
    agent_audit_event_t *ev, u_char *fingerprint);
static void ngx_agent_log_trace(ngx_http_request_t *r,
    agent_audit_event_t *ev);
static ngx_table_elt_t *ngx_agent_log_traceparent(ngx_http_request_t *r);


ngx_int_t
ngx_agent_log_handler(ngx_http_request_t *r)
{
    ngx_agent_record_t          *rec;
    const ngx_agent_loc_conf_t  *conf;

    if (r != r->main) {
        return NGX_OK;
    }

    rec = ngx_agent_record_find(r);
    conf = ngx_agent_log_conf(r, rec);

    if (conf == NULL) {
        return NGX_OK;
    }

    if (ngx_agent_count_cells) {
        ngx_agent_log_count(ngx_agent_count_cells, r, conf, rec);
    }

    if (conf->audit == NULL || conf->audit->nelts == 0) {
        return NGX_OK;
    }

    return ngx_agent_log_line(r, conf, rec);
}


/* what is counted has the names of the configuration, never of a client; apart,
 * so that it costs nothing where nobody counts */

static __attribute__((noinline)) void
ngx_agent_log_count(uint64_t *cells, ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, const ngx_agent_record_t *rec)
{
    ngx_uint_t  method, result, reason;

    static time_t  noted;

    method = AGENT_AUTH_NONE;
    result = AGENT_RESULT_NONE;
    reason = AGENT_NOT_EVALUATED;

    if (rec) {
        method = ngx_agent_auth_type(rec);
        result = rec->result;
        reason = rec->reason;

        if (method == AGENT_AUTH_OAUTH) {

            if (rec->token->decided && rec->token->provider) {
                ngx_agent_count_in(cells, rec->token->provider->count
                                          + AGENT_STATUS_CACHE
                                          + rec->token->cache);
            }

        } else if (reason == AGENT_OK
                   && rec->identity.state == AGENT_KEY_DEPRECATED)
        {
            ngx_agent_count_in(cells, conf->count + AGENT_STATUS_GRACE);
        }
    }

    ngx_agent_count_in(cells,
                       conf->count + agent_status_request(method, result));
    ngx_agent_count_in(cells,
                       NGX_AGENT_STATUS_UNREAD
                       + agent_status_decision(conf->mode, method, result,
                                               reason));

    /* a timer would cost each request that sets one more */

    if ((ngx_uint_t) (ngx_time() - noted) >= NGX_AGENT_LOG_NOTE) {
        noted = ngx_time();
        ngx_agent_log_note(r);
    }
}


static __attribute__((noinline)) void
ngx_agent_log_note(ngx_http_request_t *r)
{
    const ngx_agent_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_agent_auth_module);

    /* without a master process r may be of a configuration that is gone */

    if (amcf->status) {
        ngx_agent_status_note(amcf->status);
    }
}


/* the location whose audit log the request belongs to; NULL: none */

static const ngx_agent_loc_conf_t *
ngx_agent_log_conf(ngx_http_request_t *r, const ngx_agent_record_t *rec)
{
    ngx_agent_srv_conf_t        *ascf;
    ngx_http_core_srv_conf_t    *cscf;
    const ngx_agent_loc_conf_t  *conf;

    if (rec && rec->visited) {
        return rec->conf;
    }

    /* what everybody may read is no decision */

    if (rec && rec->document) {
        return NULL;
    }

    conf = ngx_http_get_module_loc_conf(r, ngx_http_agent_auth_module);

    if (conf->methods != NGX_AGENT_OFF) {
        return conf;
    }

    ascf = ngx_http_get_module_srv_conf(r, ngx_http_agent_auth_module);

    if (!ascf->guarded || !ngx_agent_log_early(r)) {
        return NULL;
    }

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

    return cscf->ctx->loc_conf[ngx_http_agent_auth_module.ctx_index];
}


/*
 * Whether the request ended before it had a location, or its error did and
 * error_page led it to one.
 */

static ngx_uint_t
ngx_agent_log_early(ngx_http_request_t *r)
{
    ngx_http_core_main_conf_t  *cmcf;

    if (r->internal) {

        switch (r->err_status) {

        case NGX_HTTP_BAD_REQUEST:
        case NGX_HTTP_REQUEST_TIME_OUT:
        case NGX_HTTP_LENGTH_REQUIRED:
        case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
        case NGX_HTTP_REQUEST_URI_TOO_LARGE:
        case NGX_HTTP_MISDIRECTED_REQUEST:
        case NGX_HTTP_REQUEST_HEADER_TOO_LARGE:
        case NGX_HTTPS_CERT_ERROR:
        case NGX_HTTPS_NO_CERT:
        case NGX_HTTP_TO_HTTPS:
            return 1;

        default:
            return 0;
        }
    }

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

    return r->phase_handler < (ngx_int_t)
                              cmcf->phase_engine.location_rewrite_index;
}


/* apart from the handler, so that what is not guarded saves no register */

static __attribute__((noinline)) ngx_int_t
ngx_agent_log_line(ngx_http_request_t *r, const ngx_agent_loc_conf_t *conf,
    ngx_agent_record_t *rec)
{
    u_char                     fingerprint[NGX_AGENT_FINGERPRINT];
    agent_audit_event_t        ev;
    ngx_http_core_loc_conf_t  *clcf;

    if (rec == NULL) {
        rec = ngx_agent_record_get(r);
        if (rec == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_memzero(&ev, sizeof(agent_audit_event_t));

    ev.request_id.len = NGX_AGENT_REQUEST_ID_LEN;
    ev.request_id.data = ngx_agent_record_id(rec);

    ngx_agent_log_request(r, &ev);
    ngx_agent_log_endpoints(r, &ev);
    ngx_agent_log_trace(r, &ev);
    ngx_agent_log_decision(rec, &ev, fingerprint);

    if (conf->mcp != NGX_AGENT_MCP_OFF) {
        ngx_agent_mcp_log(r, rec, &ev);
    }

    ngx_agent_view(&ev.service, &conf->service);

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    ngx_agent_view(&ev.location, &clcf->name);

    ngx_agent_audit_write(conf->audit, &ev, r->connection->log);

    return NGX_OK;
}


static void
ngx_agent_log_request(ngx_http_request_t *r, agent_audit_event_t *ev)
{
    u_char                    *p, *last;
    ngx_time_t                *tp;
    ngx_msec_int_t             ms;
    ngx_http_core_srv_conf_t  *cscf;

    tp = ngx_timeofday();

    ev->time_ms = (uint64_t) tp->sec * 1000 + tp->msec;

    ms = (ngx_msec_int_t) ((tp->sec - r->start_sec) * 1000
                           + (tp->msec - r->start_msec));
    ev->latency_ms = ngx_max(ms, 0);

    /* the line as the client sent it: a redirect changes r->method_name */

    p = r->request_line.data;
    last = p + r->request_line.len;

    while (p < last && ((*p >= 'A' && *p <= 'Z') || *p == '-' || *p == '_')) {
        p++;
    }

    ev->http_method.data = r->request_line.data;
    ev->http_method.len = p - r->request_line.data;

    /* a query may hold what is nobody's business */

    ngx_agent_view(&ev->path, &r->unparsed_uri);

    if (ev->path.len) {
        p = memchr(r->unparsed_uri.data, '?', r->unparsed_uri.len);

        if (p) {
            ev->path.len = p - r->unparsed_uri.data;
        }
    }

    if (r->http_protocol.len > sizeof("HTTP/") - 1) {
        ev->http_version.data = r->http_protocol.data + sizeof("HTTP/") - 1;
        ev->http_version.len = r->http_protocol.len - (sizeof("HTTP/") - 1);
    }

    if (r->headers_in.user_agent) {
        ngx_agent_view(&ev->user_agent, &r->headers_in.user_agent->value);
    }

    /* as $status */

    ev->http_status = (uint32_t) (r->err_status ? r->err_status
                                                : r->headers_out.status);

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);
    ngx_agent_view(&ev->server_name, &cscf->server_name);
}


static void
ngx_agent_log_endpoints(ngx_http_request_t *r, agent_audit_event_t *ev)
{
    ngx_connection_t  *c;

    c = r->connection;

    ngx_agent_view(&ev->client_ip, &c->addr_text);
    ev->client_port = ngx_agent_log_port(c->sockaddr);

    ngx_agent_view(&ev->host, &r->headers_in.server);

    if (c->local_sockaddr) {
        ev->server_port = ngx_agent_log_port(c->local_sockaddr);
    }
}


static uint32_t
ngx_agent_log_port(const struct sockaddr *sa)
{
    switch (sa->sa_family) {

    case AF_INET:
        return ntohs(((const struct sockaddr_in *) sa)->sin_port);

#if (NGX_HAVE_INET6)

    case AF_INET6:
        return ntohs(((const struct sockaddr_in6 *) sa)->sin6_port);

#endif

    default:
        return 0;
    }
}


static void
ngx_agent_log_decision(ngx_agent_record_t *rec, agent_audit_event_t *ev,
    u_char *fingerprint)
{
    const agent_claims_t  *claims;

    ev->result = rec->result;
    ev->reason = rec->reason;
    ev->overruled = rec->overruled;
    ev->cut = rec->cut;
    ev->subrequests_refused = (uint32_t) rec->refused;

    ev->auth_type = ngx_agent_auth_type(rec);

    if (ev->auth_type == AGENT_AUTH_OAUTH && rec->token->decided) {
        ev->cache = *ngx_agent_token_cache_name(rec->token->cache);
        ev->binding = *ngx_agent_binding_name(rec);
    }

    claims = ngx_agent_known_claims(rec);

    if (claims) {
        ev->agent = *ngx_agent_identify_agent(claims);
        ev->key_id = claims->token_id;
        ev->scopes = claims->scope;
        ev->issuer = claims->issuer;
        ev->client_id = claims->client_id;
        ev->subject = claims->subject;
        ev->actor = claims->actor;
        ev->actors = claims->actors;

        if (claims->expires != AGENT_CLAIM_NONE) {
            ev->expires = claims->expires / 1000;
        }

    } else if (ngx_agent_identified(rec)) {
        ev->agent = rec->identity.agent;
        ev->owner = rec->identity.owner;
        ev->key_id = rec->identity.id;
        ev->scopes = rec->identity.scopes;
        ev->expires = rec->identity.expires;
        ev->deprecated = (rec->identity.state == AGENT_KEY_DEPRECATED);

        if (rec->conf && rec->conf->sunset) {
            ev->sunset = rec->conf->sunset->date;
        }

    } else if (rec->presented == AGENT_OK && rec->shape == AGENT_KEY_ISSUED) {

        ev->unverified_key_id.len = AGENT_KEY_ID_LEN;
        ev->unverified_key_id.data = rec->key.id;
    }

    /* a digest only for this would cost more than the line */

    if (rec->digested) {
        agent_hex(fingerprint, rec->digest, NGX_AGENT_FINGERPRINT / 2);

        ev->credential.len = NGX_AGENT_FINGERPRINT;
        ev->credential.data = fingerprint;
    }
}


/*
 * W3C Trace Context, 3.2: 00-<32 hex>-<16 hex>-<2 hex>, no id all zero, in one
 * field; else it is none at all.  Never trusted.
 */

static void
ngx_agent_log_trace(ngx_http_request_t *r, agent_audit_event_t *ev)
{
    u_char            octets[16], *p;
    ngx_table_elt_t  *h;

    static const u_char  zeros[16];

    h = ngx_agent_log_traceparent(r);

    if (h == NULL || h->value.len != 55) {
        return;
    }

    p = h->value.data;

    if (ngx_strncmp(p, "00-", 3) != 0 || p[35] != '-' || p[52] != '-'
        || agent_unhex(octets, 1, p + 53) != 0
        || agent_unhex(octets, 8, p + 36) != 0
        || ngx_memcmp(octets, zeros, 8) == 0
        || agent_unhex(octets, 16, p + 3) != 0
        || ngx_memcmp(octets, zeros, 16) == 0)
    {
        return;
    }

    ev->trace_id.len = 32;
    ev->trace_id.data = p + 3;
}


/* the one that there is, or NULL */

static ngx_table_elt_t *
ngx_agent_log_traceparent(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h, *found;

    static const ngx_str_t  name = ngx_string("traceparent");

    found = NULL;

    for (part = &r->headers_in.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len != name.len
                || ngx_strncasecmp(h[i].key.data, name.data, name.len) != 0)
            {
                continue;
            }

            if (found) {
                return NULL;
            }

            found = &h[i];
        }
    }

    return found;
}
