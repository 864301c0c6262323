
/*
 * Who presents the credential: a key that a zone knows, or a token that a
 * provider vouches for.
 */

#include "ngx_agent_module.h"
#include "agent_jws.h"
#include "agent_jwt_peek.h"


static agent_reason_e ngx_agent_identify_key(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, ngx_agent_record_t *rec);
static ngx_int_t ngx_agent_identify_token(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, ngx_agent_record_t *rec);
static ngx_int_t ngx_agent_identify_choose(const ngx_agent_loc_conf_t *conf,
    ngx_agent_token_t *token);
static const ngx_agent_provider_t *ngx_agent_identify_opaque(
    const ngx_agent_loc_conf_t *conf);
static agent_reason_e ngx_agent_identify_issuer(
    const ngx_agent_loc_conf_t *conf, ngx_agent_token_t *token);
static ngx_uint_t ngx_agent_identify_among(const ngx_agent_loc_conf_t *conf,
    const ngx_agent_provider_t *provider);
static ngx_agent_token_t *ngx_agent_identify_token_new(ngx_http_request_t *r,
    ngx_agent_record_t *rec);
static ngx_int_t ngx_agent_identify_wait(ngx_http_request_t *r,
    ngx_agent_record_t *rec);
static void ngx_agent_identify_leave(void *data);
static void ngx_agent_identify_wake(void *data);


ngx_int_t
ngx_agent_identify(ngx_http_request_t *r, const ngx_agent_loc_conf_t *conf,
    ngx_agent_record_t *rec)
{
    rec->known = AGENT_KEY_UNKNOWN;

    if ((conf->methods & NGX_AGENT_KEY) && !rec->dpop) {
        rec->known = ngx_agent_identify_key(r, conf, rec);

    } else {

        /* who an earlier location took it for does not count here */

        rec->zone = NULL;
        rec->identified = 0;
    }

    /* what looks like a key is one, and is shown to no provider */

    if (rec->known != AGENT_KEY_UNKNOWN || rec->shape != AGENT_KEY_FOREIGN
        || !(conf->methods & NGX_AGENT_OAUTH))
    {
        return NGX_OK;
    }

    return ngx_agent_identify_token(r, conf, rec);
}


/* what a zone said of the credential holds for all locations of the zone */

static agent_reason_e
ngx_agent_identify_key(ngx_http_request_t *r, const ngx_agent_loc_conf_t *conf,
    ngx_agent_record_t *rec)
{
    const u_char  *digest;

    if (rec->zone == conf->zone && rec->key_known != AGENT_TABLE_BUSY) {
        return rec->key_known;
    }

    digest = NULL;

    if (rec->shape == AGENT_KEY_FOREIGN) {
        digest = ngx_agent_present_digest(rec);
    }

    rec->zone = conf->zone;
    rec->key_known = ngx_agent_key_lookup(conf->zone, rec->shape, &rec->key,
                                          digest, r->main->pool,
                                          &rec->identity);

    rec->identified = (rec->key_known == AGENT_OK);

    return rec->key_known;
}


static ngx_int_t
ngx_agent_identify_token(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, ngx_agent_record_t *rec)
{
    ngx_agent_token_t  *token;

    token = rec->token;

    if (token == NULL || !ngx_agent_identify_among(conf, token->provider)) {

        token = ngx_agent_identify_token_new(r, rec);
        if (token == NULL) {
            rec->known = AGENT_INTERNAL_ERROR;
            return NGX_OK;
        }

        token->zone = conf->token_zone;
        token->provider = conf->providers[0];
        token->value = rec->value;
        token->digest = ngx_agent_present_digest(rec);
        token->sockaddr = r->connection->sockaddr;
        token->hurried = (conf->mode == NGX_AGENT_OBSERVE);
        token->pool = r->main->pool;
        token->log = r->connection->log;
        token->handler = ngx_agent_identify_wake;
        token->data = rec;

        rec->token = token;
        rec->request = r->main;

        if ((conf->nproviders == 1 ? ngx_agent_token_verify(token)
                                   : ngx_agent_identify_choose(conf, token))
            == NGX_AGAIN)
        {
            return ngx_agent_identify_wait(r, rec);
        }

        rec->known = token->reason;

        return NGX_OK;
    }

    if (!token->decided) {
        return NGX_AGAIN;
    }

    rec->known = token->reason;

    /* it may have been decided a while ago */

    if (rec->known == AGENT_OK) {
        rec->known = ngx_agent_token_usable(token->provider,
                                            &token->claims);
    }

    return NGX_OK;
}


/*
 * One of several: an opaque token is shown to the first that introspects only,
 * a JWT is for the one that is its issuer, which a good verdict in the cache
 * tells as well.
 */

static ngx_int_t
ngx_agent_identify_choose(const ngx_agent_loc_conf_t *conf,
    ngx_agent_token_t *token)
{
    ngx_uint_t      i;
    agent_reason_e  reason;

    if (!agent_jws_likely(&token->value)) {
        token->provider = ngx_agent_identify_opaque(conf);
        return ngx_agent_token_verify(token);
    }

    for (i = 0; i < conf->nproviders; i++) {

        token->provider = conf->providers[i];

        if (ngx_agent_token_vouched(token) == NGX_OK) {
            return NGX_OK;
        }
    }

    reason = ngx_agent_identify_issuer(conf, token);

    if (reason == AGENT_OK) {
        return ngx_agent_token_verify(token);
    }

    token->provider = NULL;
    token->reason = reason;
    token->decided = 1;

    return NGX_OK;
}


/* where all take nothing but JWTs the first one refuses it */

static const ngx_agent_provider_t *
ngx_agent_identify_opaque(const ngx_agent_loc_conf_t *conf)
{
    ngx_uint_t  i;

    for (i = 0; i < conf->nproviders; i++) {
        if (conf->providers[i]->verify != NGX_AGENT_VERIFY_JWT) {
            return conf->providers[i];
        }
    }

    return conf->providers[0];
}


/* sets the provider that the token says it is of */

static agent_reason_e
ngx_agent_identify_issuer(const ngx_agent_loc_conf_t *conf,
    ngx_agent_token_t *token)
{
    u_char          *buf;
    ngx_uint_t       i;
    agent_str_t      issuer, name;
    agent_reason_e   reason;

    buf = ngx_pnalloc(token->pool, agent_jwt_peek_room(token->value.len));
    if (buf == NULL) {
        return AGENT_INTERNAL_ERROR;
    }

    reason = agent_jwt_peek(&token->value, buf, &issuer);

    if (reason != AGENT_OK) {
        return reason;
    }

    for (i = 0; i < conf->nproviders; i++) {

        ngx_agent_view(&name, &conf->providers[i]->issuer);

        if (agent_str_eq(&name, &issuer)) {
            token->provider = conf->providers[i];
            return AGENT_OK;
        }
    }

    return AGENT_ISSUER_MISMATCH;
}


static ngx_uint_t
ngx_agent_identify_among(const ngx_agent_loc_conf_t *conf,
    const ngx_agent_provider_t *provider)
{
    ngx_uint_t  i;

    for (i = 0; i < conf->nproviders; i++) {
        if (conf->providers[i] == provider) {
            return 1;
        }
    }

    return 0;
}


static ngx_agent_token_t *
ngx_agent_identify_token_new(ngx_http_request_t *r, ngx_agent_record_t *rec)
{
    /* a cleanup of the request may still know an earlier one */

    if (rec->taken) {
        return ngx_pcalloc(r->main->pool, sizeof(ngx_agent_token_t));
    }

    rec->taken = 1;
    ngx_memzero(&rec->first_token, offsetof(ngx_agent_token_t, claims));

    return &rec->first_token;
}


/* as ngx_http_limit_req_handler() waits */

static ngx_int_t
ngx_agent_identify_wait(ngx_http_request_t *r, ngx_agent_record_t *rec)
{
    ngx_http_cleanup_t  *cln;

    cln = ngx_http_cleanup_add(r, 0);

    if (cln == NULL
        || ngx_handle_read_event(r->connection->read, 0) != NGX_OK)
    {
        ngx_agent_token_leave(rec->token);
        rec->token = NULL;
        rec->known = AGENT_INTERNAL_ERROR;
        return NGX_OK;
    }

    cln->handler = ngx_agent_identify_leave;
    cln->data = rec->token;

    if (r->connection->read->ready) {
        ngx_post_event(r->connection->read, &ngx_posted_events);
    }

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    return NGX_AGAIN;
}


static void
ngx_agent_identify_leave(void *data)
{
    ngx_agent_token_leave(data);
}


static void
ngx_agent_identify_wake(void *data)
{
    ngx_agent_record_t  *rec = data;

    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = rec->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);
    ngx_http_run_posted_requests(c);
}


ngx_uint_t
ngx_agent_identify_known(const ngx_agent_loc_conf_t *conf,
    const ngx_agent_record_t *rec)
{
    if (rec->identified) {
        return rec->zone == conf->zone;
    }

    return ngx_agent_identify_claims(rec) != NULL
           && (conf->methods & NGX_AGENT_OAUTH)
           && ngx_agent_identify_among(conf, rec->token->provider);
}


const agent_str_t *
ngx_agent_identify_agent(const agent_claims_t *claims)
{
    return claims->actor.len ? &claims->actor
           : claims->client_id.len ? &claims->client_id : &claims->subject;
}


agent_reason_e
ngx_agent_identify_token_policy(const ngx_agent_loc_conf_t *conf,
    const agent_claims_t *claims)
{
    ngx_uint_t          i;
    const agent_str_t  *audience;

    if (conf->audiences == NULL) {
        return AGENT_OK;
    }

    audience = conf->audiences->elts;

    for (i = 0; i < conf->audiences->nelts; i++) {
        if (agent_claims_audience(claims, &audience[i])) {
            return AGENT_OK;
        }
    }

    return AGENT_AUDIENCE_MISMATCH;
}
