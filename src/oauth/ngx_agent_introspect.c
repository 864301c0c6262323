
/*
 * Token introspection, RFC 7662: the request, and what an answer means.
 */

#include "ngx_agent_call.h"
#include "ngx_agent_client.h"
#include "ngx_agent_count.h"
#include "agent_form.h"
#include "agent_introspection_jwt.h"
#include "agent_status.h"

#include <openssl/crypto.h>


/* the longest that goes before what proves who asks */

#define NGX_AGENT_ASSERTION_PARAMS                                            \
    "&client_assertion_type="                                                 \
    "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"        \
    "&client_assertion="

/* ms that may pass before a call is made without its being late */

#define NGX_AGENT_CALL_SLACK     20


static ngx_int_t ngx_agent_introspect_body(ngx_agent_call_t *call,
    const ngx_str_t *secret, ngx_str_t *body);
static ngx_int_t ngx_agent_introspect_headers(ngx_agent_call_t *call,
    const ngx_str_t *secret, ngx_str_t *headers);
static u_char *ngx_agent_introspect_basic(ngx_agent_call_t *call, u_char *p,
    const ngx_str_t *secret);
static void ngx_agent_introspect_answer(void *data,
    const ngx_agent_answer_t *answer);
static void ngx_agent_introspect_took(const ngx_agent_call_t *call);
static void ngx_agent_introspect_count(const ngx_agent_call_t *call,
    agent_reason_e reason, ngx_uint_t timeout);
static ngx_uint_t ngx_agent_introspect_lasting(agent_reason_e reason);
static agent_reason_e ngx_agent_introspect_status(ngx_agent_call_t *call,
    const ngx_agent_answer_t *answer);
static agent_reason_e ngx_agent_introspect_claims(
    const ngx_agent_answer_t *answer, u_char *buf, agent_claims_t *claims,
    char *err);
static agent_reason_e ngx_agent_introspect_judge(
    const ngx_agent_provider_t *provider, const agent_claims_t *claims);
static ngx_uint_t ngx_agent_introspect_warn(ngx_agent_call_t *call,
    ngx_agent_warn_e kind);


#define ngx_agent_copy(p, text)  ngx_cpymem(p, text, sizeof(text) - 1)


ngx_int_t
ngx_agent_introspect(ngx_agent_call_t *call)
{
    ngx_int_t                     rc;
    ngx_str_t                     secret;
    ngx_msec_int_t                left;
    ngx_agent_fetch_request_t     request;
    const ngx_agent_provider_t   *provider;

    provider = call->provider;

    if (ngx_agent_client_proof(call->pool, call->zone, provider, &secret,
                               call->log)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memzero(&request, sizeof(request));
    ngx_str_set(&request.method, "POST");

    /* of the time that clients wait some may be over */

    left = (ngx_msec_int_t) (call->deadline - ngx_current_msec);
    request.timeout = (ngx_msec_t) ngx_max(left, 1);

    call->asked = ngx_current_msec;
    call->cut = (request.timeout + NGX_AGENT_CALL_SLACK < provider->timeout);

    rc = ngx_agent_introspect_body(call, &secret, &request.body);

    if (rc == NGX_OK) {
        rc = ngx_agent_introspect_headers(call, &secret, &request.headers);
    }

    if (rc == NGX_OK) {
        call->fetch = ngx_agent_fetch_start(&provider->fetch,
                                            call->ep, &request,
                                            ngx_agent_introspect_answer, call);
        rc = call->fetch ? NGX_OK : NGX_ERROR;
    }

    /* the fetch has copies of its own, and cleanses them */

    OPENSSL_cleanse(request.body.data, request.body.len);
    OPENSSL_cleanse(request.headers.data, request.headers.len);
    OPENSSL_cleanse(secret.data, secret.len);

    return rc;
}


/* RFC 7662, 2.1; RFC 6749, 2.3.1; RFC 7521, 4.2 */

static ngx_int_t
ngx_agent_introspect_body(ngx_agent_call_t *call, const ngx_str_t *secret,
    ngx_str_t *body)
{
    u_char                       *p;
    agent_str_t                   id, text;
    const ngx_agent_provider_t   *provider;

    provider = call->provider;

    id.len = provider->client_id.len;
    id.data = provider->client_id.data;
    text.len = secret->len;
    text.data = secret->data;

    p = ngx_pnalloc(call->pool,
                    sizeof("token=&token_type_hint=access_token&client_id="
                           NGX_AGENT_ASSERTION_PARAMS) - 1
                    + agent_form_room(call->value.len)
                    + agent_form_room(id.len) + agent_form_room(text.len));
    if (p == NULL) {
        return NGX_ERROR;
    }

    body->data = p;

    p = ngx_agent_copy(p, "token=");
    p = agent_form_encode(p, &call->value);
    p = ngx_agent_copy(p, "&token_type_hint=access_token");

    if (provider->client_auth == NGX_AGENT_CLIENT_POST
        || provider->client_auth == NGX_AGENT_CLIENT_JWT
        || provider->client_auth == NGX_AGENT_CLIENT_TLS
        || (provider->client_auth == NGX_AGENT_CLIENT_NONE && id.len))
    {
        p = ngx_agent_copy(p, "&client_id=");
        p = agent_form_encode(p, &id);
    }

    if (provider->client_auth == NGX_AGENT_CLIENT_POST) {
        p = ngx_agent_copy(p, "&client_secret=");
        p = agent_form_encode(p, &text);

    } else if (provider->client_auth == NGX_AGENT_CLIENT_JWT) {
        p = ngx_agent_copy(p, NGX_AGENT_ASSERTION_PARAMS);
        p = agent_form_encode(p, &text);
    }

    body->len = p - body->data;

    return NGX_OK;
}


static ngx_int_t
ngx_agent_introspect_headers(ngx_agent_call_t *call, const ngx_str_t *secret,
    ngx_str_t *headers)
{
    u_char  *p;

    static const u_char  fixed[] =
        "Content-Type: application/x-www-form-urlencoded" CRLF
        "Accept: ";

    p = ngx_pnalloc(call->pool,
                    sizeof(fixed) + sizeof(AGENT_INTROSPECTION_JWT_TYPE CRLF)
                    + sizeof("Authorization: Bearer " CRLF)
                    + agent_base64_room(
                          agent_form_room(call->provider->client_id.len) + 1
                          + agent_form_room(secret->len)));
    if (p == NULL) {
        return NGX_ERROR;
    }

    headers->data = p;

    p = ngx_agent_copy(p, fixed);

    if (call->provider->response_jwt) {
        p = ngx_agent_copy(p, AGENT_INTROSPECTION_JWT_TYPE CRLF);

    } else {
        p = ngx_agent_copy(p, "application/json" CRLF);
    }

    if (call->provider->client_auth == NGX_AGENT_CLIENT_BASIC) {
        p = ngx_agent_introspect_basic(call, p, secret);

        if (p == NULL) {
            return NGX_ERROR;
        }

    } else if (call->provider->client_auth == NGX_AGENT_CLIENT_BEARER) {
        p = ngx_agent_copy(p, "Authorization: Bearer ");
        p = ngx_cpymem(p, secret->data, secret->len);
        p = ngx_agent_copy(p, CRLF);
    }

    headers->len = p - headers->data;

    return NGX_OK;
}


/* id and secret are form-encoded before they are joined: RFC 6749, 2.3.1 */

static u_char *
ngx_agent_introspect_basic(ngx_agent_call_t *call, u_char *p,
    const ngx_str_t *secret)
{
    u_char       *pair, *last;
    agent_str_t   id, text;

    id.len = call->provider->client_id.len;
    id.data = call->provider->client_id.data;
    text.len = secret->len;
    text.data = secret->data;

    pair = ngx_pnalloc(call->pool, agent_form_room(id.len) + 1
                                   + agent_form_room(text.len));
    if (pair == NULL) {
        return NULL;
    }

    last = agent_form_encode(pair, &id);
    *last++ = ':';
    last = agent_form_encode(last, &text);

    p = ngx_agent_copy(p, "Authorization: Basic ");
    p = agent_base64_encode(p, pair, last - pair);
    p = ngx_agent_copy(p, CRLF);

    OPENSSL_cleanse(pair, last - pair);

    return p;
}


static void
ngx_agent_introspect_answer(void *data, const ngx_agent_answer_t *answer)
{
    ngx_agent_call_t *call = data;

    char             err[AGENT_ERROR_LEN];
    u_char          *buf;
    agent_reason_e   reason;
    agent_claims_t   claims;

    call->fetch = NULL;

    reason = ngx_agent_introspect_status(call, answer);

    ngx_agent_introspect_took(call);

    if (reason != AGENT_OK) {
        ngx_agent_introspect_count(call, reason,
                                   answer->error == NGX_AGENT_FETCH_TIMEOUT);
        ngx_agent_call_finish(call, reason, NULL);
        return;
    }

    if (call->provider->response_jwt) {
        ngx_agent_signed_answer(call, answer);
        return;
    }

    buf = ngx_palloc(call->pool, NGX_AGENT_CLAIMS_BUFFER);
    if (buf == NULL) {
        ngx_agent_call_finish(call, AGENT_INTERNAL_ERROR, NULL);
        return;
    }

    reason = ngx_agent_introspect_claims(answer, buf, &claims, err);

    ngx_agent_introspect_done(call, reason, &claims, err);
}


void
ngx_agent_introspect_done(ngx_agent_call_t *call, agent_reason_e reason,
    const agent_claims_t *claims, const char *err)
{
    if (reason == AGENT_PROVIDER_BAD_ANSWER
        && ngx_agent_introspect_warn(call, NGX_AGENT_WARN_CLAIMS))
    {
        ngx_log_error(NGX_LOG_ERR, call->log, 0,
                      "agent_auth: provider \"%V\": %s",
                      &call->provider->name, err);
    }

    if (reason == AGENT_OK) {
        reason = ngx_agent_introspect_judge(call->provider, claims);
    }

    ngx_agent_introspect_count(call, reason, 0);

    if (ngx_agent_introspect_lasting(reason)) {

        if (ngx_agent_call_again(call, reason == AGENT_OK ? claims : NULL)
            == NGX_OK)
        {
            return;
        }

        ngx_agent_token_store(call, reason, claims);
    }

    ngx_agent_call_finish(call, reason, claims);
}


static void
ngx_agent_introspect_took(const ngx_agent_call_t *call)
{
    ngx_uint_t      count;
    ngx_msec_int_t  ms;

    count = call->provider->count;

    ms = (ngx_msec_int_t) (ngx_current_msec - call->asked);
    ms = ngx_max(ms, 0);

    ngx_agent_count(count + AGENT_STATUS_BUCKET + agent_status_bucket(ms));
    ngx_agent_count_add(count + AGENT_STATUS_CALL_MS, ms);
}


static void
ngx_agent_introspect_count(const ngx_agent_call_t *call,
    agent_reason_e reason, ngx_uint_t timeout)
{
    agent_status_call_e  outcome;

    switch (reason) {

    case AGENT_OK:
        outcome = AGENT_CALL_ACTIVE;
        break;

    case AGENT_PROVIDER_UNAVAILABLE:
        outcome = timeout ? AGENT_CALL_TIMEOUT : AGENT_CALL_UNAVAILABLE;
        break;

    case AGENT_PROVIDER_REFUSED_CLIENT:
        outcome = AGENT_CALL_CLIENT;
        break;

    case AGENT_PROVIDER_BAD_ANSWER:
        outcome = AGENT_CALL_BAD_ANSWER;
        break;

    default:
        outcome = AGENT_CALL_REFUSED;
    }

    ngx_agent_count(call->provider->count + AGENT_STATUS_CALL + outcome);
}


/* what is of the token alone, whatever location it is shown at, and when */

static ngx_uint_t
ngx_agent_introspect_lasting(agent_reason_e reason)
{
    switch (reason) {

    case AGENT_OK:
    case AGENT_TOKEN_INACTIVE:
    case AGENT_TOKEN_EXPIRED:
    case AGENT_TOKEN_NOT_YET_VALID:
    case AGENT_TOKEN_CLAIMS:
    case AGENT_ISSUER_MISMATCH:
        return 1;

    default:
        return 0;
    }
}


/* AGENT_OK: there is an answer to be read */

static agent_reason_e
ngx_agent_introspect_status(ngx_agent_call_t *call,
    const ngx_agent_answer_t *answer)
{
    if (answer->error == NGX_AGENT_FETCH_BAD_ANSWER
        || answer->error == NGX_AGENT_FETCH_TOO_LARGE)
    {
        if (ngx_agent_introspect_warn(call, NGX_AGENT_WARN_HTTP)) {
            ngx_log_error(NGX_LOG_ERR, call->log, 0,
                          "agent_auth: provider \"%V\" gave an answer that is "
                          "no good HTTP, or too large",
                          &call->provider->name);
        }

        ngx_agent_breaker_failed(call);
        return AGENT_PROVIDER_BAD_ANSWER;
    }

    if (answer->error != NGX_AGENT_FETCH_OK
        || answer->status >= 500
        || answer->status == 429)
    {
        /* a server that was given less time has not failed */

        if (answer->error != NGX_AGENT_FETCH_TIMEOUT || !call->cut) {
            ngx_agent_breaker_failed(call);
        }

        return AGENT_PROVIDER_UNAVAILABLE;
    }

    ngx_agent_breaker_worked(call);

    if (answer->status == 200) {
        return AGENT_OK;
    }

    /* our own credentials, not the client's: RFC 7662, 2.3 */

    if (answer->status == 401
        || answer->status == 403)
    {
        if (ngx_agent_introspect_warn(call, NGX_AGENT_WARN_CLIENT)) {
            ngx_log_error(NGX_LOG_ALERT, call->log, 0,
                          "agent_auth: provider \"%V\" refuses our own "
                          "credentials with status %ui, see its client_auth, "
                          "client_id and secret or key in %V:%ui",
                          &call->provider->name, answer->status,
                          &call->provider->conf_file,
                          call->provider->conf_line);
        }

        return AGENT_PROVIDER_REFUSED_CLIENT;
    }

    if (ngx_agent_introspect_warn(call, NGX_AGENT_WARN_STATUS)) {
        ngx_log_error(NGX_LOG_ERR, call->log, 0,
                      "agent_auth: provider \"%V\" answered with status %ui",
                      &call->provider->name, answer->status);
    }

    return AGENT_PROVIDER_BAD_ANSWER;
}


static agent_reason_e
ngx_agent_introspect_claims(const ngx_agent_answer_t *answer, u_char *buf,
    agent_claims_t *claims, char *err)
{
    switch (agent_introspection(answer->body.data, answer->body.len, buf,
                                NGX_AGENT_CLAIMS_BUFFER, claims, err))
    {

    case AGENT_INTROSPECTION_ACTIVE:
        return AGENT_OK;

    case AGENT_INTROSPECTION_INACTIVE:
        return AGENT_TOKEN_INACTIVE;

    default:
        return AGENT_PROVIDER_BAD_ANSWER;
    }
}


/* what active says is not believed beyond what the claims say */

static agent_reason_e
ngx_agent_introspect_judge(const ngx_agent_provider_t *provider,
    const agent_claims_t *claims)
{
    static const agent_str_t  dpop = agent_string("DPoP");

    if (claims->issuer.len
        && (claims->issuer.len != provider->issuer.len
            || ngx_memcmp(claims->issuer.data, provider->issuer.data,
                          provider->issuer.len) != 0))
    {
        return AGENT_ISSUER_MISMATCH;
    }

    /* RFC 9449, 6.2 */

    if (agent_str_eq(&claims->token_type, &dpop)
        && !(claims->bound & AGENT_BOUND_DPOP))
    {
        return AGENT_TOKEN_CLAIMS;
    }

    return ngx_agent_token_usable(provider, claims);
}


static ngx_uint_t
ngx_agent_introspect_warn(ngx_agent_call_t *call, ngx_agent_warn_e kind)
{
    return ngx_agent_token_zone_warn(call->zone, call->provider, kind);
}


void
ngx_agent_token_oversized(ngx_agent_call_t *call)
{
    uint64_t  n;

    n = __atomic_add_fetch(&call->zone->sh->cache.oversized, 1,
                           __ATOMIC_RELAXED);

    if (ngx_agent_introspect_warn(call, NGX_AGENT_WARN_OVERSIZED)) {
        ngx_log_error(NGX_LOG_WARN, call->log, 0,
                      "agent_auth: claims of provider \"%V\" do not fit an "
                      "entry of the token cache, raise \"entry\" of "
                      "\"agent_token_cache\" (%uL of all providers so far)",
                      &call->provider->name, n);
    }
}
