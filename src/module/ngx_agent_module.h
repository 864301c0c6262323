
/*
 * What the files of the module share: its configurations, which are const at
 * request time, and the record of a request.
 */

#ifndef _NGX_AGENT_MODULE_H_INCLUDED_
#define _NGX_AGENT_MODULE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "agent_credential.h"
#include "agent_reason.h"
#include "agent_scope.h"
#include "ngx_agent_audit.h"
#include "ngx_agent_key.h"
#include "ngx_agent_proof.h"
#include "ngx_agent_revocation.h"
#include "ngx_agent_token.h"


#define NGX_AGENT_OFF             0
#define NGX_AGENT_KEY             1
#define NGX_AGENT_OAUTH           2

#define NGX_AGENT_ENFORCE         0
#define NGX_AGENT_OBSERVE         1

#define NGX_AGENT_BINDING_OFF        0
#define NGX_AGENT_BINDING_OPTIONAL   1
#define NGX_AGENT_BINDING_REQUIRED   2

#define NGX_AGENT_MCP_OFF         0
#define NGX_AGENT_MCP_OPTIONAL    1
#define NGX_AGENT_MCP_REQUIRED    2

#define NGX_AGENT_REQUEST_ID_LEN  32
#define NGX_AGENT_FINGERPRINT     16        /* hex digits */

/* the longest time that anything waits or is kept, in days: a hundred years */

#define NGX_AGENT_DAYS_MAX        ((ngx_int_t) 36525)


/* between ngx_str_t and agent_str_t, which differ in const only */

#define ngx_agent_view(dst, src)                                              \
    do {                                                                      \
        (dst)->len = (src)->len;                                              \
        (dst)->data = (src)->data;                                            \
    } while (0)


/* a place where a credential may stand */

typedef struct {
    ngx_str_t                    name;      /* of the variable */
    ngx_str_t                    header;    /* lower case, '_' for '-'; empty:
                                               any other variable */
    u_char                      *spelled;   /* the same, with '-' for '_' */
    ngx_int_t                    index;     /* of such a variable */
    unsigned                     scheme:1;  /* $http_authorization */
} ngx_agent_source_t;


/* a scope, and those that imply it: itself is the first */

typedef struct {
    ngx_str_t                    name;
    ngx_array_t                  accepted;  /* of agent_str_t */
} ngx_agent_scope_t;


typedef struct {
    ngx_http_complex_value_t    *complex;   /* NULL: literal */
    ngx_agent_scope_t           *literal;
    ngx_str_t                    text;
} ngx_agent_scope_value_t;


/* a directive agent_scope */

typedef struct {
    ngx_array_t                  values;    /* of ngx_agent_scope_value_t */
    const agent_str_t           *only;      /* all that there is to it, or
                                               NULL */
    unsigned                     any:1;
    unsigned                     allow_empty:1;
} ngx_agent_scope_rule_t;


/* a directive agent_require */

typedef struct {
    ngx_array_t                  values;    /* of ngx_http_complex_value_t */
    ngx_uint_t                   status;
} ngx_agent_require_t;


/* a directive agent_delegation */

typedef struct {
    ngx_array_t                  actors;    /* of agent_str_t; none: any */
    ngx_uint_t                   max_depth;
} ngx_agent_delegation_t;


/* a directive agent_step_up */

typedef struct {
    ngx_array_t                  acrs;      /* of agent_str_t; none: any */
    ngx_int_t                    max_age;   /* seconds; 0: any */
    ngx_str_t                    challenge; /* , acr_values="", max_age="" */
} ngx_agent_step_up_t;


/* a directive agent_key_sunset */

typedef struct {
    int64_t                      date;      /* epoch seconds */
    int64_t                      deprecated;    /* 0: not said */
    ngx_str_t                    link;      /* fields Link; empty: none */
    ngx_str_t                    link_sunset;
    unsigned                     observe:1;
} ngx_agent_sunset_t;


/* what agent_resource names, and what its document is made of */

typedef struct {
    ngx_str_t                    uri;
    ngx_str_t                    name;
    ngx_str_t                    documentation;
    ngx_str_t                    path;      /* of the document, decoded */
    ngx_str_t                    args;
    ngx_str_t                    metadata;  /* URL of the document */
    ngx_array_t                  audiences; /* of agent_str_t: the uri */
    ngx_array_t                  issuers;   /* of agent_str_t */
    ngx_array_t                  scopes;    /* of agent_str_t */
    ngx_array_t                  details;   /* of agent_str_t: types */
    ngx_http_complex_value_t     document;
    unsigned                     used:1;    /* by a guarded location */
    unsigned                     dpop:1;    /* one says that it takes proofs */
    unsigned                     mtls:1;    /* or certificates */
    unsigned                     unbound:1; /* one can do without proofs */
} ngx_agent_resource_t;


typedef struct ngx_agent_mcp_s  ngx_agent_mcp_t;     /* ngx_agent_mcp.c */


/* ngx_agent_status.h */

typedef struct ngx_agent_status_zone_s  ngx_agent_status_zone_t;

typedef struct ngx_agent_control_s  ngx_agent_control_t;
typedef struct ngx_agent_events_s   ngx_agent_events_t;


typedef struct {
    ngx_array_t                  key_zones; /* of ngx_agent_key_zone_t * */
    ngx_array_t                  providers; /* of ngx_agent_provider_t * */
    ngx_agent_token_zone_t      *token_zone;
    ngx_agent_proof_zone_t      *proof_zone;
    ngx_agent_status_zone_t     *status;    /* NULL: nothing is counted */
    ngx_agent_revocation_zone_t *revocations;
    ngx_array_t                  implies;   /* of ngx_agent_implies_t */
    ngx_array_t                  scopes;    /* of ngx_agent_scope_t: those that
                                               others imply */
    ngx_array_t                  controls;  /* of ngx_agent_control_t * */
    ngx_array_t                  receivers; /* of ngx_agent_events_t * */
    ngx_array_t                 *uses;      /* ngx_agent_uses.c */
    ngx_uint_t                   guarded;   /* locations */
    ngx_uint_t                   observed;
    u_char                      *warned_file;   /* the last warning, about */
    ngx_uint_t                   warned_line;
} ngx_agent_main_conf_t;


typedef struct {
    ngx_flag_t                   guarded;   /* the server or any location */
    ngx_array_t                 *resources; /* of ngx_agent_resource_t * */
    ngx_array_t                  documents; /* those that are served */
} ngx_agent_srv_conf_t;


typedef struct {
    ngx_uint_t                   methods;
    ngx_str_t                    zone_name;
    const ngx_agent_key_zone_t  *zone;
    ngx_array_t                 *provider_names;    /* of ngx_str_t */
    const ngx_agent_provider_t **providers; /* in order of preference */
    ngx_uint_t                   nproviders;
    const ngx_agent_token_zone_t *token_zone;
    const ngx_agent_revocation_zone_t *revocations; /* NULL: there are none */
    ngx_msec_t                   recheck;   /* 0: never */

    ngx_agent_resource_t        *resource;
    ngx_array_t                 *audience;  /* of agent_str_t, as configured */
    const ngx_array_t           *audiences; /* those, or the resource */
    ngx_array_t                 *credentials;
    const ngx_array_t           *sources;   /* those, or the default ones */
    ngx_array_t                 *scopes;
    ngx_array_t                 *requires;
    ngx_array_t                 *details;   /* of agent_str_t: types */
    const ngx_agent_delegation_t *delegation;   /* NULL: not judged */
    const ngx_agent_step_up_t   *step_up;   /* likewise */
    const ngx_agent_sunset_t    *sunset;    /* of keys; NULL: none */
    ngx_array_t                 *audit;
    ngx_agent_control_t         *control;   /* a location of agent_control */
    ngx_agent_events_t          *events;    /* of agent_security_events */
    ngx_str_t                    service;
    ngx_str_t                    realm;
    ngx_uint_t                   mode;
    ngx_uint_t                   mcp;
    ngx_flag_t                   hide;

    ngx_uint_t                   binding;
    ngx_uint_t                   bindings;  /* of agent_bound_e; 0: both */
    ngx_uint_t                   takes;     /* those that can be proved here */
    ngx_uint_t                   binding_line;  /* 0: by default */
    ngx_array_t                 *client_cert;   /* of ngx_cidr_t: proxies */
    agent_str_t                  origin;    /* of the resource */
    const ngx_agent_proof_zone_t *proofs;
    unsigned                     dpop:1;    /* the scheme is understood */

    unsigned                     shadowed:1;    /* by a location "/" */

    ngx_str_t                    challenge; /* Bearer realm="..." */
    ngx_str_t                    challenge_dpop;    /* DPoP realm="..." */
    ngx_str_t                    conf_file; /* of agent_auth */
    ngx_uint_t                   conf_line;
    ngx_uint_t                   count;     /* its first counter */
    const void                  *status;    /* ngx_agent_status_t, of
                                               agent_status */
} ngx_agent_loc_conf_t;


typedef struct ngx_agent_recheck_s  ngx_agent_recheck_t;


/*
 * One for each main request that comes by a guarded location, or that asks
 * for one of the variables.  It hangs on a cleanup of the request's pool,
 * since internal redirects zero r->ctx.
 */

typedef struct {
    /* the credential, as found in these places */
    const ngx_array_t           *sources;
    const ngx_agent_source_t    *source;
    agent_reason_e               presented; /* AGENT_OK: there is one */
    agent_str_t                  value;
    agent_key_shape_e            shape;
    agent_key_t                  key;
    u_char                       digest[AGENT_SHA256_LEN];

    /* who it is, says this zone */
    const ngx_agent_key_zone_t  *zone;
    agent_reason_e               key_known;
    agent_reason_e               known;     /* of key or token */
    ngx_agent_key_identity_t     identity;

    /* or, where it is a token, this */
    ngx_agent_token_t           *token;
    ngx_http_request_t          *request;
    const json_t                *tree;      /* its claims, ngx_agent_claim.c */
    const u_char                *tree_of;

    /* what it is bound to, and the proof of that for a resource */
    ngx_uint_t                   binding;   /* proved, of agent_bound_e */
    agent_reason_e               proof;
    const u_char                *proof_for; /* the resource's origin */
    const u_char                *proof_of;  /* the token */
    const u_char                *proof_key; /* that one's jkt */

    /* of the fields of MCP, NULL before somebody asked */
    const ngx_agent_mcp_t       *mcp;

    /* fields Client-Cert, the last one; ngx_agent_client_cert.c */
    ngx_uint_t                   certs;
    agent_str_t                  cert;

    /* the last decision, and where it was made */
    const ngx_agent_loc_conf_t  *conf;
    agent_result_e               result;
    agent_reason_e               reason;
    agent_reason_e               overruled;
    agent_reason_e               cut;       /* why the response was; else 0 */
    ngx_agent_recheck_t         *recheck;
    ngx_uint_t                   status;
    ngx_uint_t                   refused;   /* subrequests */

    /* what is to be said of the key that was admitted, 0 or NULL: nothing */
    int64_t                      sunset;
    int64_t                      deprecated;
    const ngx_agent_sunset_t    *successor; /* whose link */

    /* what a refusal put into the response */
    ngx_table_elt_t             *no_store;
    ngx_table_elt_t             *challenge;

    u_char                       request_id[NGX_AGENT_REQUEST_ID_LEN];

    unsigned                     dpop:1;    /* by its scheme */
    unsigned                     digested:1;
    unsigned                     hidden:1;
    unsigned                     identified:1;
    unsigned                     evaluated:1;
    unsigned                     visited:1; /* a guarded location */
    unsigned                     numbered:1;
    unsigned                     passed:1;  /* the access phase */
    unsigned                     ended:1;   /* by our refusal */
    unsigned                     page:1;    /* of that refusal's error_page */
    unsigned                     document:1;    /* ngx_agent_resource.c */
    unsigned                     taken:1;   /* the token below */
    unsigned                     certs_found:1; /* they were looked for */
    unsigned                     certs_told:1;  /* or others like them */

    /* room for the first token, not set by ngx_agent_record_create() */
    ngx_agent_token_t            first_token;
} ngx_agent_record_t;


extern ngx_module_t  ngx_http_agent_auth_module;


/* ngx_agent_main.c: after http{} was read, before locations are merged */

char *ngx_agent_init_main_conf(ngx_conf_t *cf, void *conf);


/* ngx_agent_conf.c: the directives that have a grammar of their own */

char *ngx_agent_conf_auth(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_agent_conf_audience(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_agent_conf_credential(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_agent_conf_scope(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_agent_conf_implies(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_agent_conf_require(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_agent_conf_service(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_agent_conf_mode(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_agent_conf_realm(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


/* ngx_agent_resource.c: the document of RFC 9728 */

char *ngx_agent_conf_resource(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


/* what the document says of a guarded location with this resource */

ngx_int_t ngx_agent_resource_use(ngx_agent_resource_t *resource,
    const ngx_agent_loc_conf_t *conf);


/* makes them, once all locations are merged; *documents: how many there are */

ngx_int_t ngx_agent_resources_init(ngx_conf_t *cf, ngx_uint_t *documents);

ngx_int_t ngx_agent_resource_handler(ngx_http_request_t *r);


/* ngx_agent_guard.c: a merged location where agent_auth is on */

ngx_int_t ngx_agent_guard(ngx_conf_t *cf, ngx_agent_loc_conf_t *conf);


/* ngx_agent_uses.c: variables that directives use, told with their place */

/* those in text, a parameter of the directive that is being read */

ngx_int_t ngx_agent_uses_add(ngx_conf_t *cf, const ngx_str_t *text);


/* when all variables are known; NGX_ERROR after a message */

ngx_int_t ngx_agent_uses_check(ngx_conf_t *cf,
    const ngx_agent_main_conf_t *amcf);


/* ngx_agent_scopes.c: scopes that imply others, and those of a location */

typedef struct {
    ngx_str_t                    broad;
    ngx_str_t                    narrow;
} ngx_agent_implies_t;

ngx_int_t ngx_agent_scopes_init(ngx_conf_t *cf, ngx_agent_main_conf_t *amcf);
ngx_int_t ngx_agent_scopes_resolve(ngx_conf_t *cf,
    ngx_agent_main_conf_t *amcf, ngx_array_t *rules);


/*
 * AGENT_OK, AGENT_SCOPE_INSUFFICIENT, or AGENT_INTERNAL_ERROR where a variable
 * yields octets that no scope may have (RFC 6749, 3.3).
 */

agent_reason_e ngx_agent_scopes_check(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, const agent_str_t *held);


/*
 * All scopes that the location asks for, separated by spaces, in the pool of
 * the request; empty where it asks for none or a variable yields none.
 */

ngx_int_t ngx_agent_scopes_needed(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, ngx_str_t *needed);


/* ngx_agent_record.c */

/* for the functions below; r is a main request */

ngx_agent_record_t *ngx_agent_record_recall(ngx_http_request_t *r);
ngx_agent_record_t *ngx_agent_record_create(ngx_http_request_t *r);


/* the record of the main request; NULL where there is none (yet) */

static ngx_inline ngx_agent_record_t *
ngx_agent_record_find(ngx_http_request_t *r)
{
    ngx_agent_record_t  *rec;

    r = r->main;
    rec = ngx_http_get_module_ctx(r, ngx_http_agent_auth_module);

    /* an internal redirect zeroes r->ctx; ngx_http_realip_get_module_ctx() */

    if (rec == NULL && (r->internal || r->filter_finalize)) {
        rec = ngx_agent_record_recall(r);
    }

    return rec;
}


/* the same, made where there is none; NULL: no memory */

static ngx_inline ngx_agent_record_t *
ngx_agent_record_get(ngx_http_request_t *r)
{
    ngx_agent_record_t  *rec;

    rec = ngx_agent_record_find(r);

    return rec ? rec : ngx_agent_record_create(r->main);
}


u_char *ngx_agent_record_id(ngx_agent_record_t *rec);
ngx_int_t ngx_agent_record_init_process(ngx_cycle_t *cycle);


/*
 * Whether it is known who asks.  A request that we refused and that met
 * "satisfy any" otherwise is nobody's: what its upstream is told must not be
 * the owner of a revoked key.
 */

#define ngx_agent_identified(rec)                                             \
    ((rec)->identified && (rec)->overruled == AGENT_OK)


/* what the credential was taken for, proven or not */

#define ngx_agent_auth_type(rec)                                              \
    ((rec)->overruled != AGENT_OK ? AGENT_AUTH_NONE                           \
     : (rec)->token && !(rec)->identified ? AGENT_AUTH_OAUTH                  \
     : (rec)->zone ? AGENT_AUTH_KEY : AGENT_AUTH_NONE)

#define ngx_agent_known_claims(rec)                                           \
    ((rec)->overruled == AGENT_OK ? ngx_agent_identify_claims(rec) : NULL)


/* ngx_agent_present.c: the credential in a request */

/* finds it, once for each list of places; rec->presented tells the outcome */

void ngx_agent_present(ngx_http_request_t *r, const ngx_agent_loc_conf_t *conf,
    ngx_agent_record_t *rec);


/* SHA-256 of the credential, computed at the first call */

static ngx_inline const u_char *
ngx_agent_present_digest(ngx_agent_record_t *rec)
{
    if (!rec->digested) {
        agent_sha256(rec->value.data, rec->value.len, rec->digest);
        rec->digested = 1;
    }

    return rec->digest;
}


/* takes it out of what the upstream will see */

ngx_int_t ngx_agent_present_hide(ngx_http_request_t *r,
    ngx_agent_record_t *rec);


/* ngx_agent_access.c */

ngx_int_t ngx_agent_visit_handler(ngx_http_request_t *r);
ngx_int_t ngx_agent_access_handler(ngx_http_request_t *r);
ngx_int_t ngx_agent_precontent_handler(ngx_http_request_t *r);


/* when all phases are laid out: spares locations that are not guarded */

void ngx_agent_access_init_module(ngx_cycle_t *cycle);


/* ngx_agent_identify.c: who presents the credential */

/*
 * NGX_OK: rec->known tells; NGX_AGAIN: the request waits for a provider, and
 * its phases are run again when that has answered.
 */

ngx_int_t ngx_agent_identify(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, ngx_agent_record_t *rec);


/* whether the location's zone or provider has said who it is */

ngx_uint_t ngx_agent_identify_known(const ngx_agent_loc_conf_t *conf,
    const ngx_agent_record_t *rec);


/* the claims of a token that proved authentic, or NULL */

static ngx_inline const agent_claims_t *
ngx_agent_identify_claims(const ngx_agent_record_t *rec)
{
    return (!rec->identified && rec->token && rec->token->decided
            && rec->token->reason == AGENT_OK)
           ? &rec->token->claims : NULL;
}


/* act.sub, client_id (or azp), sub: the first one present */

const agent_str_t *ngx_agent_identify_agent(const agent_claims_t *claims);


/* what a token must meet besides what a key must */

agent_reason_e ngx_agent_identify_token_policy(
    const ngx_agent_loc_conf_t *conf, const agent_claims_t *claims);


/* ngx_agent_revoked.c: what is in force against a credential */

char *ngx_agent_conf_revocations(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* AGENT_OK, or why it is refused, of one that is authentic */

agent_reason_e ngx_agent_revoked(
    const ngx_agent_revocation_zone_t *revocations,
    ngx_agent_record_t *rec);


/* ngx_agent_delegation.c: who may act, for himself or for others */

char *ngx_agent_conf_delegation(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* AGENT_OK or AGENT_DELEGATION_REFUSED, of a credential that is authentic */

agent_reason_e ngx_agent_delegation_check(
    const ngx_agent_delegation_t *delegation, const ngx_agent_record_t *rec);


/* ngx_agent_step_up.c: how whoever is behind a token authenticated */

char *ngx_agent_conf_step_up(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


/* a merged location with agent_step_up; NGX_ERROR after a message */

ngx_int_t ngx_agent_step_up_guard(ngx_conf_t *cf,
    const ngx_agent_loc_conf_t *conf);


/* AGENT_OK or AGENT_STEP_UP_REQUIRED, of a credential that is authentic */

agent_reason_e ngx_agent_step_up_check(const ngx_agent_step_up_t *step_up,
    const ngx_agent_record_t *rec);


/* ngx_agent_sunset.c: the end of keys, announced */

char *ngx_agent_conf_sunset(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


/* when the methods are merged; NGX_ERROR after a message */

ngx_int_t ngx_agent_sunset_merge(ngx_conf_t *cf,
    const ngx_agent_loc_conf_t *prev, ngx_agent_loc_conf_t *conf);


static ngx_inline ngx_uint_t
ngx_agent_sunset_over(const ngx_agent_sunset_t *sunset)
{
    return ngx_time() >= sunset->date;
}


/* the header filter, in a worker */

void ngx_agent_sunset_init_process(const ngx_agent_main_conf_t *amcf);


/*
 * A key was admitted by a location with a sunset, or one in its grace period
 * by any: notes what the response will say, and whether "observe" says more.
 */

void ngx_agent_sunset_admitted(const ngx_agent_loc_conf_t *conf,
    ngx_agent_record_t *rec);


/* ngx_agent_details.c: what a token allows in detail, RFC 9396 */

char *ngx_agent_conf_details(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


/* AGENT_OK, AGENT_REQUIREMENT_FAILED or, without memory, _INTERNAL_ERROR */

agent_reason_e ngx_agent_details_check(ngx_http_request_t *r,
    const ngx_array_t *types, ngx_agent_record_t *rec);


/* ngx_agent_mcp.c: what a client of MCP says of the body of its request */

char *ngx_agent_conf_mcp(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


/* for a location where agent_mcp is on: AGENT_OK, AGENT_MCP_INVALID or, without
 * memory, AGENT_INTERNAL_ERROR; needs no credential */

agent_reason_e ngx_agent_mcp_check(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, ngx_agent_record_t *rec);

void ngx_agent_mcp_log(ngx_http_request_t *r, ngx_agent_record_t *rec,
    agent_audit_event_t *ev);


/* the get_handler of $agent_mcp_*; data: the offset in agent_mcp_t */

ngx_int_t ngx_agent_mcp_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


/* ngx_agent_binding.c: tokens that only one client may use */

char *ngx_agent_conf_binding(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* what a guarded location that accepts tokens needs for it */

ngx_int_t ngx_agent_binding_init(ngx_conf_t *cf, ngx_agent_main_conf_t *amcf,
    ngx_agent_loc_conf_t *conf);


/*
 * AGENT_OK: the token is not bound, and need not be, or the client has shown
 * that it is bound to it.  rec->binding is 0 before.
 */

agent_reason_e ngx_agent_binding_check(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, ngx_agent_record_t *rec,
    const agent_claims_t *claims);

/* "mtls", "dpop", "mtls dpop" or empty; static storage */

const agent_str_t *ngx_agent_binding_name(const ngx_agent_record_t *rec);


/* ngx_agent_client_cert.c: certificates that a proxy vouches for */

char *ngx_agent_conf_client_cert(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* a main request comes to a guarded location with conf->client_cert; NGX_ERROR:
 * no memory, and the upstream could see what it must not */

ngx_int_t ngx_agent_client_cert_visit(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, ngx_agent_record_t *rec);


/*
 * AGENT_OK: digest (AGENT_SHA256_LEN octets) is that of the certificate that a
 * trusted proxy tells.  AGENT_NOT_EVALUATED: the main request comes from none.
 * AGENT_BINDING_MISSING: it tells none; AGENT_BINDING_MISMATCH: several, or
 * what is none.
 */

agent_reason_e ngx_agent_client_cert_check(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, ngx_agent_record_t *rec,
    u_char *digest);


/* ngx_agent_challenge.c */

/* the fields that go with a refusal */

ngx_int_t ngx_agent_challenge(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, ngx_agent_record_t *rec);

/* takes them back */

void ngx_agent_challenge_drop(ngx_agent_record_t *rec);

ngx_int_t ngx_agent_challenge_init(ngx_conf_t *cf, ngx_agent_loc_conf_t *conf);


/* ngx_agent_log.c: the record becomes an audit line */

ngx_int_t ngx_agent_log_handler(ngx_http_request_t *r);


/* ngx_agent_variables.c */

ngx_int_t ngx_agent_variables_add(ngx_conf_t *cf);


/* ngx_agent_claim.c */

char *ngx_agent_conf_claim_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


/* the claims of the record's token, parsed once; NULL after a message */

const json_t *ngx_agent_claim_tree(ngx_http_request_t *r,
    ngx_agent_record_t *rec, const agent_claims_t *claims);


/* the get_handler of $agent_claim_<name> */

ngx_int_t ngx_agent_claim_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


#endif /* _NGX_AGENT_MODULE_H_INCLUDED_ */
