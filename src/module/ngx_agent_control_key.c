
/*
 * API keys: what the table and the state file say of one, and what the state
 * file is to say.  A key may be used only where both allow it.
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include "agent_time.h"
#include "ngx_agent_call.h"
#include "ngx_agent_control.h"


/* of a key, as it is now */

typedef struct {
    const ngx_agent_key_zone_t    *zone;
    ngx_agent_key_identity_t       identity;
    agent_reason_e                 file;        /* says the key file */
    agent_reason_e                 reason;      /* say both */
    unsigned                       revoked:1;   /* by either */
    unsigned                       suspended:1; /* by the state file */
} ngx_agent_control_key_t;


static ngx_int_t ngx_agent_control_key_find(ngx_http_request_t *r,
    const agent_control_route_t *route, ngx_agent_control_key_t *key);
static agent_reason_e ngx_agent_control_key_file(
    const ngx_agent_key_identity_t *identity);
static ngx_int_t ngx_agent_control_key_problem(ngx_http_request_t *r,
    ngx_int_t rc);
static ngx_int_t ngx_agent_control_key_show(ngx_http_request_t *r,
    const ngx_agent_control_key_t *key);
static ngx_int_t ngx_agent_control_key_body(ngx_http_request_t *r,
    const ngx_str_t *body);
static const char *ngx_agent_control_key_illegal(
    agent_control_resource_e resource, const ngx_agent_control_key_t *key);
static ngx_int_t ngx_agent_control_key_submit(ngx_http_request_t *r,
    const agent_control_route_t *route, const agent_str_t *cause);
static ngx_int_t ngx_agent_control_key_answer(ngx_http_request_t *r, void *op);


ngx_int_t
ngx_agent_control_key(ngx_http_request_t *r,
    const agent_control_route_t *route)
{
    ngx_int_t                rc;
    ngx_agent_control_key_t  key;

    rc = ngx_agent_control_key_find(r, route, &key);

    return rc == NGX_OK ? ngx_agent_control_key_show(r, &key)
                        : ngx_agent_control_key_problem(r, rc);
}


/* NGX_DECLINED: no such zone or key; NGX_BUSY: a table is being written */

static ngx_int_t
ngx_agent_control_key_find(ngx_http_request_t *r,
    const agent_control_route_t *route, ngx_agent_control_key_t *key)
{
    ngx_str_t                      name;
    agent_revocation_t             rev;
    ngx_agent_main_conf_t         *amcf;
    ngx_agent_revocation_state_t   state;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_agent_auth_module);

    ngx_memzero(key, sizeof(ngx_agent_control_key_t));

    name.len = route->zone.len;
    name.data = (u_char *) route->zone.data;

    key->zone = ngx_agent_key_zone_find(&amcf->key_zones, &name);
    if (key->zone == NULL) {
        return NGX_DECLINED;
    }

    switch (ngx_agent_key_find(key->zone, &route->id, r->pool,
                               &key->identity))
    {

    case AGENT_OK:
        break;

    case AGENT_KEY_UNKNOWN:
        return NGX_DECLINED;

    case AGENT_TABLE_BUSY:
        return NGX_BUSY;

    default:
        return NGX_ERROR;
    }

    key->file = ngx_agent_control_key_file(&key->identity);
    key->reason = key->file;
    key->revoked = (key->file == AGENT_KEY_REVOKED);

    if (amcf->revocations == NULL) {
        return NGX_OK;
    }

    ngx_memzero(&rev, sizeof(agent_revocation_t));
    rev.kind = AGENT_REVOKED_KEY;
    rev.value = route->id;

    if (ngx_agent_revocation_find(amcf->revocations, &rev, &state) != NGX_OK) {
        return NGX_BUSY;
    }

    if (state.until > ngx_agent_now()) {
        key->revoked = 1;
        key->reason = AGENT_KEY_REVOKED;
    }

    if (state.suspended_until > ngx_agent_now()) {
        key->suspended = 1;

        if (!key->revoked) {
            key->reason = AGENT_KEY_SUSPENDED;
        }
    }

    return NGX_OK;
}


/* wherever it comes from */

static agent_reason_e
ngx_agent_control_key_file(const ngx_agent_key_identity_t *identity)
{
    struct sockaddr           nowhere;
    ngx_agent_key_identity_t  anywhere;

    ngx_memzero(&nowhere, sizeof(struct sockaddr));

    anywhere = *identity;
    anywhere.nnetworks = 0;

    return ngx_agent_key_usable(&anywhere, ngx_time(), &nowhere);
}


static ngx_int_t
ngx_agent_control_key_problem(ngx_http_request_t *r, ngx_int_t rc)
{
    switch (rc) {

    case NGX_DECLINED:
        return ngx_agent_answer_problem(r, NGX_HTTP_NOT_FOUND,
                                        "there is no such zone, or no such "
                                        "key in it");

    case NGX_BUSY:
        return ngx_agent_answer_problem(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                        "a table is being written, ask again");

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


static ngx_int_t
ngx_agent_control_key_show(ngx_http_request_t *r,
    const ngx_agent_control_key_t *key)
{
    size_t                           size;
    u_char                          *p;
    agent_str_t                      zone;
    agent_json_t                     json;
    const ngx_agent_key_identity_t  *id;

    id = &key->identity;

    ngx_agent_view(&zone, &key->zone->name);

    size = 1024 + AGENT_JSON_ESCAPE_MAX * (zone.len + id->id.len
                                           + id->agent.len + id->owner.len);

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    agent_json_init(&json, p, size);

    agent_json_literal(&json, "{");
    ngx_agent_control_text(&json, "\"zone\":", &zone);
    ngx_agent_control_text(&json, "\"id\":", &id->id);
    ngx_agent_control_text(&json, "\"agent\":", &id->agent);

    agent_json_string(&json, "owner", &id->owner, id->owner.len);

    if (id->not_before != AGENT_TIME_NONE) {
        ngx_agent_control_date(&json, "\"not_before\":",
                               id->not_before * 1000);
    }

    ngx_agent_control_date(&json, "\"expires\":", id->expires * 1000);

    ngx_agent_control_text(&json, "\"file\":", agent_reason_name(key->file));

    if (key->suspended) {
        agent_json_literal(&json, "\"suspended\":true,");
    } else {
        agent_json_literal(&json, "\"suspended\":false,");
    }

    ngx_agent_control_text(&json, "\"reason\":",
                           agent_reason_name(key->reason));

    if (key->reason == AGENT_OK) {
        agent_json_literal(&json, "\"usable\":true}\n");
    } else {
        agent_json_literal(&json, "\"usable\":false}\n");
    }

    return ngx_agent_control_json(r, NGX_HTTP_OK, p, &json);
}


void
ngx_agent_control_key_change(ngx_http_request_t *r)
{
    ngx_int_t  rc;
    ngx_str_t  body;

    rc = ngx_agent_control_body(r, &body);

    ngx_http_finalize_request(r, rc == NGX_OK
                                 ? ngx_agent_control_key_body(r, &body) : rc);
}


static ngx_int_t
ngx_agent_control_key_body(ngx_http_request_t *r, const ngx_str_t *body)
{
    char                      err[AGENT_ERROR_LEN];
    json_t                   *tree;
    ngx_int_t                 rc;
    const char               *why;
    agent_str_t               cause;
    agent_control_route_t     route;
    ngx_agent_control_key_t   key;

    tree = agent_control_cause(body->data, body->len, &cause, err);
    if (tree == NULL) {
        return ngx_agent_answer_problem(r, NGX_HTTP_BAD_REQUEST, err);
    }

    (void) ngx_agent_control_route(r, &route);

    rc = ngx_agent_control_key_find(r, &route, &key);

    if (rc != NGX_OK) {
        rc = ngx_agent_control_key_problem(r, rc);
        goto done;
    }

    why = ngx_agent_control_key_illegal(route.resource, &key);

    if (why) {
        rc = ngx_agent_answer_problem(r, NGX_HTTP_CONFLICT, why);
        goto done;
    }

    /* who asks again since an answer was lost is not wrong */

    if ((route.resource == AGENT_CONTROL_KEY_REVOKE && key.revoked)
        || (route.resource == AGENT_CONTROL_KEY_SUSPEND && key.suspended))
    {
        rc = ngx_agent_control_key_show(r, &key);
        goto done;
    }

    rc = ngx_agent_control_key_submit(r, &route, &cause);

done:

    json_decref(tree);

    return rc;
}


/* NULL: it may be done */

static const char *
ngx_agent_control_key_illegal(agent_control_resource_e resource,
    const ngx_agent_control_key_t *key)
{
    if (resource == AGENT_CONTROL_KEY_REVOKE) {
        return NULL;
    }

    if (key->revoked) {
        return "the key is revoked, and that is final";
    }

    if (key->file == AGENT_KEY_EXPIRED) {
        return "the key has expired";
    }

    if (resource == AGENT_CONTROL_KEY_RESUME && !key->suspended) {
        return (key->file == AGENT_KEY_SUSPENDED)
               ? "it is the key file that suspends the key, resume it there"
               : "the key is not suspended";
    }

    return NULL;
}


static ngx_int_t
ngx_agent_control_key_submit(ngx_http_request_t *r,
    const agent_control_route_t *route, const agent_str_t *cause)
{
    agent_revocation_t      *entry;
    ngx_agent_control_op_t  *op;

    op = ngx_agent_control_op(r, 1);
    if (op == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    entry = op->entries;

    entry->op = (route->resource == AGENT_CONTROL_KEY_REVOKE) ? AGENT_REVOKE
                : (route->resource == AGENT_CONTROL_KEY_SUSPEND)
                  ? AGENT_SUSPEND : AGENT_RESUME;
    entry->kind = AGENT_REVOKED_KEY;
    entry->value = route->id;
    entry->cause = *cause;
    entry->before = AGENT_REVOCATION_NONE;
    entry->expires = AGENT_REVOCATION_NONE;

    op->answer = ngx_agent_control_key_answer;
    op->event.http_status = NGX_HTTP_OK;

    return ngx_agent_control_submit(r, op);
}


/* as it is now */

static ngx_int_t
ngx_agent_control_key_answer(ngx_http_request_t *r, void *op)
{
    agent_control_route_t  route;

    if (ngx_agent_control_route(r, &route) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_agent_control_key(r, &route);
}
