
/*
 * agent_resource: the document that tells clients which authorization servers
 * issue tokens for what is guarded here (RFC 9728).
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include "agent_json.h"
#include "agent_resource.h"
#include "ngx_agent_body.h"
#include "ngx_agent_module.h"


static ngx_agent_resource_t *ngx_agent_resource_get(ngx_conf_t *cf,
    ngx_agent_srv_conf_t *ascf, const ngx_str_t *uri);
static ngx_int_t ngx_agent_resource_create(ngx_conf_t *cf,
    ngx_agent_srv_conf_t *ascf, const ngx_str_t *uri,
    ngx_agent_resource_t *resource);
static ngx_int_t ngx_agent_resource_addresses(ngx_conf_t *cf,
    ngx_agent_resource_t *resource, const agent_resource_t *parts);
static ngx_int_t ngx_agent_resource_option(ngx_conf_t *cf,
    ngx_agent_resource_t *resource, ngx_str_t *value);
static ngx_int_t ngx_agent_resource_tokens(ngx_agent_resource_t *resource,
    const ngx_agent_loc_conf_t *conf);
static ngx_int_t ngx_agent_resource_scopes(const ngx_agent_scope_rule_t *rule,
    ngx_agent_resource_t *resource);
static ngx_int_t ngx_agent_resource_add(ngx_array_t *list,
    const agent_str_t *text);
static ngx_int_t ngx_agent_resource_server(ngx_conf_t *cf,
    ngx_agent_srv_conf_t *ascf);
static ngx_int_t ngx_agent_resource_document(ngx_conf_t *cf,
    ngx_agent_resource_t *resource);
static void ngx_agent_resource_describe(agent_json_t *json,
    const ngx_agent_resource_t *resource);
static size_t ngx_agent_resource_room(const ngx_array_t *list);
static void ngx_agent_resource_list(agent_json_t *json,
    const ngx_array_t *list);
static ngx_int_t ngx_agent_resource_serve(ngx_http_request_t *r,
    const ngx_agent_srv_conf_t *ascf);
static const ngx_agent_resource_t *ngx_agent_resource_find(
    ngx_http_request_t *r, const ngx_agent_srv_conf_t *ascf);


#define NGX_AGENT_WELL_KNOWN                                                  \
    (sizeof(AGENT_RESOURCE_WELL_KNOWN) - 1)


/* members of the document: RFC 9728, 2 */

#define NGX_AGENT_RESOURCE_DETAILS                                            \
    "\"authorization_details_types_supported\":"

#define NGX_AGENT_RESOURCE_MTLS                                               \
    "\"tls_client_certificate_bound_access_tokens\":true,"

#define NGX_AGENT_RESOURCE_DPOP                                               \
    "\"dpop_signing_alg_values_supported\":"

#define NGX_AGENT_RESOURCE_BOUND                                              \
    "\"dpop_bound_access_tokens_required\":true,"


static ngx_str_t  ngx_agent_resource_type = ngx_string("application/json");


/* agent_resource uri ["name=text"] [documentation=uri] | off */

char *
ngx_agent_conf_resource(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_agent_loc_conf_t  *alcf = conf;

    ngx_str_t             *value;
    ngx_uint_t             i;
    ngx_agent_srv_conf_t  *ascf;

    if (alcf->resource != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        alcf->resource = NULL;
        return NGX_CONF_OK;
    }

    ascf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_agent_auth_module);

    alcf->resource = ngx_agent_resource_get(cf, ascf, &value[1]);

    if (alcf->resource == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_agent_resource_option(cf, alcf->resource, &value[i])
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* the resource of this server, which several locations may name */

static ngx_agent_resource_t *
ngx_agent_resource_get(ngx_conf_t *cf, ngx_agent_srv_conf_t *ascf,
    const ngx_str_t *uri)
{
    ngx_uint_t             i;
    ngx_agent_resource_t  *resource, **list;

    if (ascf->resources == NULL) {
        ascf->resources = ngx_array_create(cf->pool, 2,
                                           sizeof(ngx_agent_resource_t *));
        if (ascf->resources == NULL) {
            return NULL;
        }
    }

    list = ascf->resources->elts;

    for (i = 0; i < ascf->resources->nelts; i++) {
        if (list[i]->uri.len == uri->len
            && ngx_strncmp(list[i]->uri.data, uri->data, uri->len) == 0)
        {
            return list[i];
        }
    }

    resource = ngx_pcalloc(cf->pool, sizeof(ngx_agent_resource_t));

    if (resource == NULL
        || ngx_agent_resource_create(cf, ascf, uri, resource) != NGX_OK)
    {
        return NULL;
    }

    list = ngx_array_push(ascf->resources);
    if (list == NULL) {
        return NULL;
    }

    *list = resource;

    return resource;
}


static ngx_int_t
ngx_agent_resource_create(ngx_conf_t *cf, ngx_agent_srv_conf_t *ascf,
    const ngx_str_t *uri, ngx_agent_resource_t *resource)
{
    char                    err[AGENT_ERROR_LEN];
    agent_str_t             text;
    ngx_uint_t              i;
    agent_resource_t        parts;
    ngx_agent_resource_t  **list;

    ngx_agent_view(&text, uri);

    /* "$" may stand in a URI, but here it is a variable */

    if (agent_resource_parse(&text, &parts, err) != 0
        || (ngx_strlchr(uri->data, uri->data + uri->len, '$')
            && agent_fail(err, "variables are not expanded") != 0))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid URI \"%V\" in \"agent_resource\": %s",
                           uri, err);
        return NGX_ERROR;
    }

    resource->uri = *uri;

    if (ngx_agent_resource_addresses(cf, resource, &parts) != NGX_OK
        || ngx_array_init(&resource->audiences, cf->pool, 1,
                          sizeof(agent_str_t)) != NGX_OK
        || ngx_array_init(&resource->issuers, cf->pool, 2,
                          sizeof(agent_str_t)) != NGX_OK
        || ngx_array_init(&resource->scopes, cf->pool, 4,
                          sizeof(agent_str_t)) != NGX_OK
        || ngx_array_init(&resource->details, cf->pool, 1,
                          sizeof(agent_str_t)) != NGX_OK
        || ngx_agent_resource_add(&resource->audiences, &text) != NGX_OK)
    {
        return NGX_ERROR;
    }

    list = ascf->resources->elts;

    for (i = 0; i < ascf->resources->nelts; i++) {

        if (list[i]->path.len != resource->path.len
            || ngx_strncmp(list[i]->path.data, resource->path.data,
                           resource->path.len)
               != 0)
        {
            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "resource \"%V\" in \"agent_resource\" would have "
                           "its document at the path of that of \"%V\"",
                           uri, &list[i]->uri);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* where the document is, for requests and for challenges: RFC 9728, 3.1 */

static ngx_int_t
ngx_agent_resource_addresses(ngx_conf_t *cf, ngx_agent_resource_t *resource,
    const agent_resource_t *parts)
{
    u_char  *p;

    p = ngx_pnalloc(cf->pool, NGX_AGENT_WELL_KNOWN + parts->path.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    resource->path.data = p;

    p = ngx_cpymem(p, AGENT_RESOURCE_WELL_KNOWN, NGX_AGENT_WELL_KNOWN);
    p = agent_resource_path(parts, p);

    resource->path.len = p - resource->path.data;

    p = ngx_pnalloc(cf->pool, parts->origin.len + NGX_AGENT_WELL_KNOWN
                              + parts->path.len + parts->query.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    resource->metadata.data = p;

    p = ngx_cpymem(p, parts->origin.data, parts->origin.len);
    p = ngx_cpymem(p, AGENT_RESOURCE_WELL_KNOWN, NGX_AGENT_WELL_KNOWN);
    p = ngx_cpymem(p, parts->path.data, parts->path.len);
    p = ngx_cpymem(p, parts->query.data, parts->query.len);

    resource->metadata.len = p - resource->metadata.data;

    if (parts->query.len) {
        resource->args.data = (u_char *) parts->query.data + 1;
        resource->args.len = parts->query.len - 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_agent_resource_option(ngx_conf_t *cf, ngx_agent_resource_t *resource,
    ngx_str_t *value)
{
    ngx_str_t    text, *option;
    agent_str_t  uri;

    if (ngx_http_script_variables_count(value)) {
        option = NULL;

    } else if (ngx_strncmp(value->data, "name=", 5) == 0 && value->len > 5) {
        option = &resource->name;
        text.data = value->data + 5;
        text.len = value->len - 5;

    } else if (ngx_strncmp(value->data, "documentation=", 14) == 0) {
        option = &resource->documentation;
        text.data = value->data + 14;
        text.len = value->len - 14;

        ngx_agent_view(&uri, &text);

        if (!agent_resource_uri_valid(&uri)) {
            option = NULL;
        }

    } else {
        option = NULL;
    }

    if (option == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"agent_resource\", "
                           "expected \"name=text\" or "
                           "\"documentation=uri\"", value);
        return NGX_ERROR;
    }

    if (option->len
        && (option->len != text.len
            || ngx_strncmp(option->data, text.data, text.len) != 0))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "parameter \"%V\" in \"agent_resource\" differs "
                           "from what was given for \"%V\" before",
                           value, &resource->uri);
        return NGX_ERROR;
    }

    *option = text;

    return NGX_OK;
}


ngx_int_t
ngx_agent_resource_use(ngx_agent_resource_t *resource,
    const ngx_agent_loc_conf_t *conf)
{
    ngx_uint_t               i;
    agent_str_t              issuer;
    ngx_agent_scope_rule_t  *rule;

    resource->used = 1;

    for (i = 0; i < conf->nproviders; i++) {

        ngx_agent_view(&issuer, &conf->providers[i]->issuer);

        if (ngx_agent_resource_add(&resource->issuers, &issuer) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if ((conf->methods & NGX_AGENT_OAUTH) && !conf->shadowed
        && ngx_agent_resource_tokens(resource, conf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (conf->scopes == NULL) {
        return NGX_OK;
    }

    rule = conf->scopes->elts;

    for (i = 0; i < conf->scopes->nelts; i++) {
        if (ngx_agent_resource_scopes(&rule[i], resource) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* what is said of bound tokens is said where the configuration says it */

static ngx_int_t
ngx_agent_resource_tokens(ngx_agent_resource_t *resource,
    const ngx_agent_loc_conf_t *conf)
{
    ngx_uint_t    i, required;
    agent_str_t  *type;

    required = (conf->binding == NGX_AGENT_BINDING_REQUIRED);

    if (conf->binding != NGX_AGENT_BINDING_OFF && conf->binding_line) {

        if (conf->takes & AGENT_BOUND_DPOP) {
            resource->dpop = 1;
        }

        /* by default it depends on whether TLS asks for certificates */

        if ((conf->takes & AGENT_BOUND_MTLS) && (required || conf->bindings)) {
            resource->mtls = 1;
        }
    }

    /* what observes demands nothing */

    if (!required || conf->takes != AGENT_BOUND_DPOP
        || conf->mode == NGX_AGENT_OBSERVE)
    {
        resource->unbound = 1;
    }

    if (conf->details == NULL) {
        return NGX_OK;
    }

    type = conf->details->elts;

    for (i = 0; i < conf->details->nelts; i++) {
        if (ngx_agent_resource_add(&resource->details, &type[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_agent_resource_scopes(const ngx_agent_scope_rule_t *rule,
    ngx_agent_resource_t *resource)
{
    ngx_uint_t                i;
    agent_str_t               scope;
    ngx_agent_scope_value_t  *value;

    static const agent_str_t  offline = agent_string("offline_access");

    value = rule->values.elts;

    for (i = 0; i < rule->values.nelts; i++) {

        ngx_agent_view(&scope, &value[i].text);

        /* whether a client gets refresh tokens is no matter of a resource */

        if (value[i].complex || agent_str_eq(&scope, &offline)) {
            continue;
        }

        if (ngx_agent_resource_add(&resource->scopes, &scope) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* each once, in the order of the configuration */

static ngx_int_t
ngx_agent_resource_add(ngx_array_t *list, const agent_str_t *text)
{
    ngx_uint_t    i;
    agent_str_t  *element;

    element = list->elts;

    for (i = 0; i < list->nelts; i++) {
        if (agent_str_eq(&element[i], text)) {
            return NGX_OK;
        }
    }

    element = ngx_array_push(list);
    if (element == NULL) {
        return NGX_ERROR;
    }

    *element = *text;

    return NGX_OK;
}


ngx_int_t
ngx_agent_resources_init(ngx_conf_t *cf, ngx_uint_t *documents)
{
    ngx_uint_t                  i;
    ngx_agent_srv_conf_t       *ascf;
    ngx_http_core_srv_conf_t  **cscf;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    cscf = cmcf->servers.elts;

    *documents = 0;

    for (i = 0; i < cmcf->servers.nelts; i++) {

        ascf = cscf[i]->ctx->srv_conf[ngx_http_agent_auth_module.ctx_index];

        if (ascf->resources == NULL) {
            continue;
        }

        if (ngx_agent_resource_server(cf, ascf) != NGX_OK) {
            return NGX_ERROR;
        }

        *documents += ascf->documents.nelts;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_agent_resource_server(ngx_conf_t *cf, ngx_agent_srv_conf_t *ascf)
{
    ngx_uint_t              i;
    ngx_agent_resource_t  **list, **document;

    if (ngx_array_init(&ascf->documents, cf->pool, ascf->resources->nelts,
                       sizeof(ngx_agent_resource_t *))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    list = ascf->resources->elts;

    for (i = 0; i < ascf->resources->nelts; i++) {

        if (!list[i]->used) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "agent_auth: no guarded location has resource "
                          "\"%V\", for which there will be no document",
                          &list[i]->uri);
            continue;
        }

        document = ngx_array_push(&ascf->documents);

        if (document == NULL
            || ngx_agent_resource_document(cf, list[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }

        *document = list[i];
    }

    return NGX_OK;
}


/* RFC 9728, 2 */

static ngx_int_t
ngx_agent_resource_document(ngx_conf_t *cf, ngx_agent_resource_t *resource)
{
    size_t        size;
    u_char       *p;
    agent_str_t   uri, name, documentation;
    agent_json_t  json;

    ngx_agent_view(&uri, &resource->uri);
    ngx_agent_view(&name, &resource->name);
    ngx_agent_view(&documentation, &resource->documentation);

    size = sizeof("{\"resource\":\"\",\"authorization_servers\":[],"
                  "\"scopes_supported\":[],"
                  "\"bearer_methods_supported\":[\"header\"],"
                  "\"resource_name\":\"\",\"resource_documentation\":\"\","
                  NGX_AGENT_RESOURCE_DETAILS "[],"
                  NGX_AGENT_RESOURCE_MTLS NGX_AGENT_RESOURCE_DPOP "[],"
                  NGX_AGENT_RESOURCE_BOUND "}\n")
           + sizeof("\"\",") * sizeof(NGX_AGENT_PROOF_NAMES)
           + (uri.len + name.len + documentation.len) * AGENT_JSON_ESCAPE_MAX
           + ngx_agent_resource_room(&resource->issuers)
           + ngx_agent_resource_room(&resource->scopes)
           + ngx_agent_resource_room(&resource->details);

    p = ngx_pnalloc(cf->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    agent_json_init(&json, p, size);

    agent_json_literal(&json, "{");
    agent_json_string(&json, "resource", &uri, uri.len);

    if (resource->issuers.nelts) {
        agent_json_literal(&json, "\"authorization_servers\":");
        ngx_agent_resource_list(&json, &resource->issuers);
    }

    if (resource->scopes.nelts) {
        agent_json_literal(&json, "\"scopes_supported\":");
        ngx_agent_resource_list(&json, &resource->scopes);
    }

    agent_json_literal(&json, "\"bearer_methods_supported\":[\"header\"],");
    agent_json_string(&json, "resource_name", &name, name.len);
    agent_json_string(&json, "resource_documentation", &documentation,
                      documentation.len);
    ngx_agent_resource_describe(&json, resource);
    agent_json_close(&json, "\n");

    resource->document.value.data = p;
    resource->document.value.len = json.pos - p;

    return json.overflow ? NGX_ERROR : NGX_OK;
}


/* which tokens it takes; each member ends in a comma */

static void
ngx_agent_resource_describe(agent_json_t *json,
    const ngx_agent_resource_t *resource)
{
    agent_str_t  rest, name;

    static const agent_str_t  names = agent_string(NGX_AGENT_PROOF_NAMES);

    if (resource->details.nelts) {
        agent_json_literal(json, NGX_AGENT_RESOURCE_DETAILS);
        ngx_agent_resource_list(json, &resource->details);
    }

    if (resource->mtls) {
        agent_json_literal(json, NGX_AGENT_RESOURCE_MTLS);
    }

    if (!resource->dpop) {
        return;
    }

    agent_json_literal(json, NGX_AGENT_RESOURCE_DPOP);

    rest = names;

    while (agent_scope_next(&rest, &name)) {
        agent_json_raw(json, name.data == names.data ? "[\"" : ",\"", 2);
        agent_json_raw(json, name.data, name.len);
        agent_json_literal(json, "\"");
    }

    agent_json_literal(json, "],");

    if (!resource->unbound) {
        agent_json_literal(json, NGX_AGENT_RESOURCE_BOUND);
    }
}


static size_t
ngx_agent_resource_room(const ngx_array_t *list)
{
    size_t              room;
    ngx_uint_t          i;
    const agent_str_t  *element;

    room = 0;
    element = list->elts;

    for (i = 0; i < list->nelts; i++) {
        room += element[i].len * AGENT_JSON_ESCAPE_MAX + sizeof("\"\",") - 1;
    }

    return room;
}


/* an array of strings that is not empty, and a comma */

static void
ngx_agent_resource_list(agent_json_t *json, const ngx_array_t *list)
{
    ngx_uint_t          i;
    const agent_str_t  *element;

    element = list->elts;

    for (i = 0; i < list->nelts; i++) {
        agent_json_raw(json, i ? ",\"" : "[\"", 2);
        agent_json_escaped(json, &element[i], element[i].len);
        agent_json_literal(json, "\"");
    }

    agent_json_literal(json, "],");
}


/*
 * Server rewrite phase: the document is public, and asked for by who has no
 * credential yet, so that no location, access rule or limit has a say in it.
 */

ngx_int_t
ngx_agent_resource_handler(ngx_http_request_t *r)
{
    const ngx_agent_srv_conf_t  *ascf;

    ascf = ngx_http_get_module_srv_conf(r, ngx_http_agent_auth_module);

    if (ascf->documents.nelts == 0
        || r->uri.len < NGX_AGENT_WELL_KNOWN
        || ngx_memcmp(r->uri.data, AGENT_RESOURCE_WELL_KNOWN,
                      NGX_AGENT_WELL_KNOWN)
           != 0)
    {
        return NGX_DECLINED;
    }

    /* where a redirect or a subrequest leads is the configuration's affair */

    return r->internal ? NGX_DECLINED : ngx_agent_resource_serve(r, ascf);
}


static ngx_int_t
ngx_agent_resource_serve(ngx_http_request_t *r,
    const ngx_agent_srv_conf_t *ascf)
{
    ngx_agent_record_t          *rec;
    ngx_http_complex_value_t     document;
    const ngx_agent_resource_t  *resource;

    static const ngx_str_t  allow = ngx_string("Allow");
    static const ngx_str_t  methods = ngx_string("GET, HEAD");
    static const ngx_str_t  origin =
        ngx_string("Access-Control-Allow-Origin");
    static const ngx_str_t  any = ngx_string("*");
    static const ngx_str_t  control = ngx_string("Cache-Control");
    static const ngx_str_t  age = ngx_string("max-age=3600");

    resource = ngx_agent_resource_find(r, ascf);

    if (resource == NULL) {
        return NGX_DECLINED;
    }

    rec = ngx_agent_record_get(r);
    if (rec == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rec->document = 1;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_agent_answer_field(r, &allow, &methods) == NGX_OK
               ? NGX_HTTP_NOT_ALLOWED : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_agent_answer_field(r, &origin, &any) != NGX_OK
        || ngx_agent_answer_field(r, &control, &age) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    document = resource->document;

    return ngx_http_send_response(r, NGX_HTTP_OK, &ngx_agent_resource_type,
                                  &document);
}


static const ngx_agent_resource_t *
ngx_agent_resource_find(ngx_http_request_t *r,
    const ngx_agent_srv_conf_t *ascf)
{
    ngx_uint_t                    i;
    ngx_agent_resource_t *const  *list;

    list = ascf->documents.elts;

    for (i = 0; i < ascf->documents.nelts; i++) {

        if (list[i]->path.len == r->uri.len
            && ngx_memcmp(list[i]->path.data, r->uri.data, r->uri.len) == 0
            && (list[i]->args.len == 0
                || (list[i]->args.len == r->args.len
                    && ngx_memcmp(list[i]->args.data, r->args.data,
                                  r->args.len)
                       == 0)))
        {
            return list[i];
        }
    }

    /* who does not know the path of the resource asks at the root */

    return (ascf->documents.nelts == 1 && r->uri.len == NGX_AGENT_WELL_KNOWN)
           ? list[0] : NULL;
}
