
/*
 * A delivery: the SET is read, checked with the keys of the provider, which may
 * have to be fetched first, and what it says is put into force before the
 * answer goes out (RFC 8935, 2.2: once it is taken nobody sends it again).
 */

#include "ngx_agent_call.h"
#include "ngx_agent_events.h"
#include "ngx_agent_flush.h"
#include "ngx_agent_jwks.h"
#include "agent_json.h"


/* ms between two looks whether keys have come */

#define NGX_AGENT_EVENTS_POLL  10

#define NGX_AGENT_EVENTS_MOST  (AGENT_SET_EVENTS_MAX * AGENT_SET_SUBJECTS_MAX)

#define NGX_AGENT_EVENTS_KEYS  "the issuer's keys cannot be had"


/* a delivery that is being worked on; it goes with the request */

typedef struct {
    ngx_http_request_t          *request;
    const ngx_agent_events_t    *events;
    agent_str_t                  text;
    agent_set_t                  set;
    ngx_event_t                  event;
    ngx_msec_t                   deadline;
    uint64_t                     tried;     /* keys */
    agent_set_e                  error;     /* with those */
    char                         err[AGENT_ERROR_LEN];
    unsigned                     parsed:1;
} ngx_agent_delivery_t;


static void ngx_agent_events_body(ngx_http_request_t *r);
static ngx_int_t ngx_agent_events_receive(ngx_http_request_t *r);
static void ngx_agent_events_cleanup(void *data);
static void ngx_agent_events_again(ngx_event_t *ev);
static ngx_int_t ngx_agent_events_check(ngx_agent_delivery_t *delivery);
static ngx_int_t ngx_agent_events_wait(ngx_agent_delivery_t *delivery,
    ngx_uint_t retry_after);
static ngx_int_t ngx_agent_events_unavailable(ngx_http_request_t *r,
    ngx_uint_t retry_after, const char *detail);
static ngx_int_t ngx_agent_events_apply(ngx_agent_delivery_t *delivery);
static ngx_int_t ngx_agent_events_entries(
    const ngx_agent_delivery_t *delivery, const agent_set_event_t *event,
    ngx_agent_control_op_t *op);
static void ngx_agent_events_note(const ngx_agent_delivery_t *delivery,
    const agent_set_event_t *event, agent_change_e change,
    ngx_agent_control_op_t *op);
static void ngx_agent_events_tell(const ngx_agent_delivery_t *delivery,
    const agent_set_event_t *event);
static void ngx_agent_events_flush(const ngx_agent_delivery_t *delivery,
    const agent_set_event_t *event);
static ngx_uint_t ngx_agent_events_acts(const ngx_agent_events_t *events,
    const agent_set_event_t *event);
static void ngx_agent_events_entry(const ngx_agent_delivery_t *delivery,
    const agent_set_event_t *event, const agent_set_subject_t *subject,
    agent_revocation_t *entry);
static ngx_int_t ngx_agent_events_in_force(
    const ngx_agent_delivery_t *delivery, const agent_revocation_t *entry);
static ngx_int_t ngx_agent_events_taken(ngx_http_request_t *r, void *data);
static ngx_int_t ngx_agent_events_refuse(ngx_http_request_t *r,
    agent_set_e error, const char *err);


ngx_int_t
ngx_agent_events_handler(ngx_http_request_t *r)
{
    ngx_str_t  methods;

    static const ngx_str_t  allow = ngx_string("Allow");

    if (r != r->main) {
        return NGX_HTTP_FORBIDDEN;
    }

    if (r->method != NGX_HTTP_POST) {
        ngx_str_set(&methods, "POST");

        return ngx_agent_answer_field(r, &allow, &methods) == NGX_OK
               ? ngx_agent_answer_problem(r, NGX_HTTP_NOT_ALLOWED, NULL)
               : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!ngx_agent_body_is(r, "application/secevent+jwt")) {
        return ngx_agent_events_refuse(r, AGENT_SET_INVALID_REQUEST,
                                       "the body must be "
                                       "application/secevent+jwt");
    }

    return ngx_agent_body_read(r, NGX_AGENT_EVENTS_BODY_MAX,
                               ngx_agent_events_body);
}


static void
ngx_agent_events_body(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    rc = ngx_agent_events_receive(r);

    if (rc != NGX_AGAIN) {
        ngx_http_finalize_request(r, rc);
    }
}


/* NGX_AGAIN: it goes on; else for ngx_http_finalize_request() */

static ngx_int_t
ngx_agent_events_receive(ngx_http_request_t *r)
{
    char                         err[AGENT_ERROR_LEN];
    u_char                      *buf;
    ngx_int_t                    rc;
    ngx_str_t                    body;
    agent_set_e                  error;
    ngx_http_cleanup_t          *cln;
    ngx_agent_delivery_t        *delivery;
    const ngx_agent_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_agent_auth_module);

    rc = ngx_agent_body_text(r, NGX_AGENT_EVENTS_BODY_MAX, &body);

    if (rc != NGX_OK) {
        return ngx_agent_answer_problem(r, rc, NULL);
    }

    cln = ngx_http_cleanup_add(r, sizeof(ngx_agent_delivery_t));
    buf = ngx_pnalloc(r->pool, agent_set_room(body.len) + 1);

    if (cln == NULL || buf == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    delivery = cln->data;
    ngx_memzero(delivery, sizeof(ngx_agent_delivery_t));

    delivery->request = r;
    delivery->events = conf->events;
    delivery->deadline = ngx_current_msec + conf->events->provider->timeout;
    delivery->event.handler = ngx_agent_events_again;
    delivery->event.data = delivery;
    delivery->event.log = r->connection->log;

    ngx_agent_view(&delivery->text, &body);
    cln->handler = ngx_agent_events_cleanup;

    error = agent_set_parse(&delivery->set, &delivery->text, buf, err);

    if (error != AGENT_SET_OK) {
        return ngx_agent_events_refuse(r, error, err);
    }

    delivery->parsed = 1;

    error = agent_set_claimed(&delivery->set, &conf->events->policy, err);

    if (error != AGENT_SET_OK) {
        return ngx_agent_events_refuse(r, error, err);
    }

    return ngx_agent_events_check(delivery);
}


static void
ngx_agent_events_cleanup(void *data)
{
    ngx_agent_delivery_t *delivery = data;

    if (delivery->event.timer_set) {
        ngx_del_timer(&delivery->event);
    }

    if (delivery->parsed) {
        agent_set_free(&delivery->set);
        delivery->parsed = 0;
    }
}


static void
ngx_agent_events_again(ngx_event_t *ev)
{
    ngx_agent_delivery_t *delivery = ev->data;

    ngx_int_t            rc;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = delivery->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    rc = ngx_agent_events_check(delivery);

    if (rc != NGX_AGAIN) {
        ngx_http_finalize_request(r, rc);
    }

    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_agent_events_check(ngx_agent_delivery_t *delivery)
{
    ngx_int_t                    rc;
    ngx_uint_t                   retry_after;
    agent_set_e                  error;
    const agent_jwks_t          *keys;
    const ngx_agent_provider_t  *provider;

    provider = delivery->events->provider;

    rc = ngx_agent_jwks_next(provider, &keys, &delivery->tried, &retry_after);

    if (rc == NGX_AGAIN) {
        return ngx_agent_events_wait(delivery, 1);
    }

    /* it was refused, and there are no other keys */

    if (rc == NGX_DONE) {
        return ngx_agent_events_refuse(delivery->request, delivery->error,
                                       delivery->err);
    }

    if (rc != NGX_OK || keys == NULL) {
        return ngx_agent_events_unavailable(delivery->request, retry_after,
                                            NGX_AGENT_EVENTS_KEYS);
    }

    error = agent_set_check(&delivery->set, &delivery->events->policy, keys,
                            ngx_agent_now(), delivery->err);

    if (error == AGENT_SET_OK) {
        return ngx_agent_events_apply(delivery);
    }

    delivery->error = error;

    /* of a new key the server may not have told yet */

    if ((error == AGENT_SET_INVALID_KEY
         || (error == AGENT_SET_AUTHENTICATION_FAILED
             && delivery->set.jws.kid.len == 0))
        && ngx_agent_jwks_renew(provider) == NGX_AGAIN)
    {
        return ngx_agent_events_wait(delivery, 1);
    }

    return ngx_agent_events_refuse(delivery->request, error, delivery->err);
}


static ngx_int_t
ngx_agent_events_wait(ngx_agent_delivery_t *delivery, ngx_uint_t retry_after)
{
    if ((ngx_msec_int_t) (delivery->deadline - ngx_current_msec) <= 0) {
        return ngx_agent_events_unavailable(delivery->request, retry_after,
                                            NGX_AGENT_EVENTS_KEYS);
    }

    ngx_add_timer(&delivery->event, NGX_AGENT_EVENTS_POLL);

    return NGX_AGAIN;
}


/* it is sent again: RFC 8935, 2.4, has it for the same reason as HTTP has */

static ngx_int_t
ngx_agent_events_unavailable(ngx_http_request_t *r, ngx_uint_t retry_after,
    const char *detail)
{
    u_char     *p;
    ngx_str_t   seconds;

    static const ngx_str_t  name = ngx_string("Retry-After");

    p = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    seconds.data = p;
    seconds.len = ngx_sprintf(p, "%ui", ngx_max(retry_after, 1)) - p;

    return ngx_agent_answer_field(r, &name, &seconds) == NGX_OK
           ? ngx_agent_answer_problem(r, NGX_HTTP_SERVICE_UNAVAILABLE, detail)
           : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


static ngx_int_t
ngx_agent_events_apply(ngx_agent_delivery_t *delivery)
{
    ngx_uint_t                i;
    ngx_http_request_t       *r;
    agent_set_event_t        *event;
    ngx_agent_control_op_t   *op;

    r = delivery->request;

    op = ngx_agent_control_op(r, NGX_AGENT_EVENTS_MOST);
    if (op == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    op->n = 0;
    op->answer = ngx_agent_events_taken;
    op->event.http_status = NGX_HTTP_ACCEPTED;

    op->notes = ngx_palloc(op->pool, NGX_AGENT_EVENTS_MOST
                                     * sizeof(ngx_agent_control_note_t));
    if (op->notes == NULL) {
        ngx_destroy_pool(op->pool);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (i = 0; i < delivery->set.nevents; i++) {

        event = &delivery->set.events[i];

        ngx_agent_events_tell(delivery, event);

        if (ngx_agent_events_entries(delivery, event, op) != NGX_OK) {
            ngx_destroy_pool(op->pool);
            return ngx_agent_events_unavailable(r, 1, "revocations are busy");
        }
    }

    return ngx_agent_control_submit(r, op);
}


/* an audit line for each event, whatever it does */

static ngx_int_t
ngx_agent_events_entries(const ngx_agent_delivery_t *delivery,
    const agent_set_event_t *event, ngx_agent_control_op_t *op)
{
    ngx_int_t            rc;
    ngx_uint_t           i, n;
    agent_revocation_t  *entry;

    if (event->action == AGENT_SET_FLUSH) {
        ngx_agent_events_flush(delivery, event);
        ngx_agent_events_note(delivery, event, AGENT_CHANGE_FLUSH, op);
        return NGX_OK;
    }

    n = op->n;

    if (ngx_agent_events_acts(delivery->events, event)) {

        for (i = 0; i < event->nsubjects; i++) {

            entry = &op->entries[op->n];
            ngx_agent_events_entry(delivery, event, &event->subjects[i],
                                   entry);

            rc = ngx_agent_events_in_force(delivery, entry);

            if (rc == NGX_BUSY) {
                return NGX_BUSY;
            }

            op->n += (rc == NGX_DECLINED);
        }
    }

    if (op->n == n) {
        ngx_agent_events_note(delivery, event, AGENT_CHANGE_RECORD, op);
    }

    return NGX_OK;
}


/* a line for each of its subjects, or one that names the SET */

static void
ngx_agent_events_note(const ngx_agent_delivery_t *delivery,
    const agent_set_event_t *event, agent_change_e change,
    ngx_agent_control_op_t *op)
{
    ngx_uint_t                  i;
    const agent_set_subject_t  *subject;
    ngx_agent_control_note_t   *note;

    i = 0;

    do {
        note = &op->notes[op->nnotes++];

        note->change = change;
        note->id = delivery->set.id;
        note->cause = event->known ? event->name : event->type;

        if (event->nsubjects == 0) {
            agent_str_set(&note->kind, "event");
            note->value = delivery->set.id;
            note->issuer = delivery->set.issuer;
            return;
        }

        subject = &event->subjects[i];

        note->kind = *agent_revocation_kind_name(subject->kind);
        note->value = subject->value;
        note->issuer = subject->issuer;

    } while (++i < event->nsubjects);
}


/*
 * Nobody but the issuer knows that something was to be done where it was not.
 * Only a type that is known here has such an action, so that its name may be
 * printed.
 */

static void
ngx_agent_events_tell(const ngx_agent_delivery_t *delivery,
    const agent_set_event_t *event)
{
    if (event->action != AGENT_SET_DISCARD) {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, delivery->request->connection->log, 0,
                  "agent_auth: nothing was done about a security event "
                  "\"%*s\" of provider \"%V\": its subject is none of the "
                  "provider's, or named in a way that no token is",
                  event->name.len, event->name.data,
                  &delivery->events->provider->name);
}


/*
 * CAEP 1.0, 3.2: the next request is for the server to judge anew.  Verdicts
 * are marked by their subject: where a token or a client is meant it is all of
 * the provider.
 */

static void
ngx_agent_events_flush(const ngx_agent_delivery_t *delivery,
    const agent_set_event_t *event)
{
    ngx_uint_t              i;
    ngx_agent_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(delivery->request,
                                         ngx_http_agent_auth_module);

    for (i = 0; i < event->nsubjects; i++) {

        if (event->subjects[i].kind == AGENT_REVOKED_SUBJECT) {
            ngx_agent_flush_subject(amcf->token_zone,
                                    &event->subjects[i].value);
        } else {
            ngx_agent_flush_provider(amcf->token_zone,
                                     delivery->events->provider);
        }
    }
}


static ngx_uint_t
ngx_agent_events_acts(const ngx_agent_events_t *events,
    const agent_set_event_t *event)
{
    switch (event->action) {

    case AGENT_SET_REVOKE:
    case AGENT_SET_DISABLE:
        return 1;

    case AGENT_SET_RISK:
        return events->risk;

    default:
        return 0;
    }
}


static void
ngx_agent_events_entry(const ngx_agent_delivery_t *delivery,
    const agent_set_event_t *event, const agent_set_subject_t *subject,
    agent_revocation_t *entry)
{
    int64_t  keep, from;

    ngx_memzero(entry, sizeof(agent_revocation_t));

    entry->op = AGENT_REVOKE;
    entry->kind = subject->kind;
    entry->issuer = subject->issuer;
    entry->value = subject->value;
    entry->cause = event->name;
    entry->before = AGENT_REVOCATION_NONE;
    entry->expires = AGENT_REVOCATION_NONE;

    if (event->action == AGENT_SET_DISABLE) {
        return;
    }

    /* a token is told by its id, whenever it was issued */

    if (subject->kind != AGENT_REVOKED_JTI) {
        entry->before = event->before;
    }

    keep = (int64_t) delivery->events->keep;

    /* the issuer's clock may be ahead: see ngx_agent_events_in_force() */

    if (keep) {
        from = ngx_max(ngx_agent_now(), delivery->set.issued);
        entry->expires = from + keep;
    }
}


/*
 * NGX_OK: it is, and a delivery that comes again adds nothing.  NGX_DECLINED:
 * it is not, or not for as long.  NGX_BUSY: that cannot be told now.
 */

static ngx_int_t
ngx_agent_events_in_force(const ngx_agent_delivery_t *delivery,
    const agent_revocation_t *entry)
{
    int64_t                        least;
    ngx_agent_main_conf_t         *amcf;
    ngx_agent_revocation_state_t   state;

    amcf = ngx_http_get_module_main_conf(delivery->request,
                                         ngx_http_agent_auth_module);

    if (ngx_agent_revocation_find(amcf->revocations, entry, &state) != NGX_OK) {
        return NGX_BUSY;
    }

    /* what this delivery left when it came first lasts that long at least */

    least = INT64_MAX;

    if (entry->expires != AGENT_REVOCATION_NONE) {
        least = delivery->set.issued + (int64_t) delivery->events->keep;
        least = ngx_max(least, ngx_agent_now());
    }

    if (state.until >= least) {
        return NGX_OK;
    }

    return (entry->before != AGENT_REVOCATION_NONE
            && state.before >= entry->before && state.before_until >= least)
           ? NGX_OK : NGX_DECLINED;
}


/* RFC 8935, 2.2 */

static ngx_int_t
ngx_agent_events_taken(ngx_http_request_t *r, void *data)
{
    return ngx_agent_answer(r, NGX_HTTP_ACCEPTED, NULL, NULL);
}


/* RFC 8935, 2.4: err quotes nothing of what came */

static ngx_int_t
ngx_agent_events_refuse(ngx_http_request_t *r, agent_set_e error,
    const char *err)
{
    size_t         size;
    u_char        *p;
    ngx_str_t      body;
    agent_str_t    name, text;
    agent_json_t   json;

    static const ngx_str_t  language = ngx_string("Content-Language");
    static const ngx_str_t  english = ngx_string("en");

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "agent_auth: a security event token is refused: %s", err);

    if (error == AGENT_SET_INTERNAL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    name.data = (const uint8_t *) agent_set_error_name(error);
    name.len = ngx_strlen(name.data);

    text.data = (const uint8_t *) err;
    text.len = ngx_strlen(err);

    size = 64 + name.len + text.len * AGENT_JSON_ESCAPE_MAX;

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    agent_json_init(&json, p, size);

    agent_json_literal(&json, "{");
    agent_json_string(&json, "err", &name, name.len);
    agent_json_string(&json, "description", &text, text.len);
    agent_json_close(&json, "\n");

    body.data = p;
    body.len = json.pos - p;

    if (ngx_agent_answer_field(r, &language, &english) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_agent_answer(r, NGX_HTTP_BAD_REQUEST, "application/json", &body);
}
