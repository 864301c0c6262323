
/*
 * The directives that have a grammar of their own.
 */

#include "ngx_agent_module.h"


static ngx_int_t ngx_agent_conf_method(ngx_conf_t *cf,
    ngx_agent_loc_conf_t *alcf, ngx_str_t *value);
static ngx_int_t ngx_agent_conf_oauth(ngx_conf_t *cf,
    ngx_agent_loc_conf_t *alcf, ngx_str_t *value);
static ngx_int_t ngx_agent_conf_source(ngx_conf_t *cf, ngx_str_t *value,
    ngx_agent_source_t *source);
static char *ngx_agent_conf_list(ngx_conf_t *cf, ngx_array_t **list,
    size_t size, void **element);
static ngx_int_t ngx_agent_conf_scope_value(ngx_conf_t *cf, ngx_str_t *text,
    ngx_agent_scope_value_t *value);
static ngx_int_t ngx_agent_conf_require_value(ngx_conf_t *cf,
    ngx_str_t *value, ngx_agent_require_t *require);
static ngx_int_t ngx_agent_conf_complex(ngx_conf_t *cf, ngx_str_t *text,
    ngx_http_complex_value_t *cv);
static ngx_uint_t ngx_agent_conf_off(ngx_conf_t *cf);


#define ngx_agent_conf_invalid(cf, value, directive)                          \
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,                                  \
                       "invalid parameter \"%V\" in \"" directive "\"", value)


/* agent_auth off | method ... */

char *
ngx_agent_conf_auth(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_agent_loc_conf_t  *alcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

    if (alcf->methods != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    alcf->methods = NGX_AGENT_OFF;

    /* a copy: the name of an included file does not outlive its reading */

    alcf->conf_line = cf->conf_file->line;
    alcf->conf_file.len = cf->conf_file->file.name.len;
    alcf->conf_file.data = ngx_pstrdup(cf->pool, &cf->conf_file->file.name);

    if (alcf->conf_file.data == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_agent_conf_off(cf)) {
        return NGX_CONF_OK;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_agent_conf_method(cf, alcf, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_agent_conf_method(ngx_conf_t *cf, ngx_agent_loc_conf_t *alcf,
    ngx_str_t *value)
{
    if (ngx_strncmp(value->data, "key", 3) == 0
        && (value->len == 3 || (value->data[3] == '=' && value->len > 4)))
    {
        if (alcf->methods & NGX_AGENT_KEY) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate method \"%V\" in \"agent_auth\"",
                               value);
            return NGX_ERROR;
        }

        alcf->methods |= NGX_AGENT_KEY;

        if (value->len > 4) {
            alcf->zone_name.data = value->data + 4;
            alcf->zone_name.len = value->len - 4;
        }

        return NGX_OK;
    }

    if (ngx_strncmp(value->data, "oauth", 5) == 0
        && (value->len == 5 || (value->data[5] == '=' && value->len > 6)))
    {
        return ngx_agent_conf_oauth(cf, alcf, value);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"agent_auth\", expected "
                       "\"off\", \"oauth[=provider]\" or \"key[=zone]\"",
                       value);

    return NGX_ERROR;
}


static ngx_int_t
ngx_agent_conf_oauth(ngx_conf_t *cf, ngx_agent_loc_conf_t *alcf,
    ngx_str_t *value)
{
    ngx_str_t   *name;
    ngx_uint_t   i;

    if (alcf->provider_names == NULL) {
        alcf->provider_names = ngx_array_create(cf->pool, 2,
                                                sizeof(ngx_str_t));
        if (alcf->provider_names == NULL) {
            return NGX_ERROR;
        }
    }

    name = alcf->provider_names->elts;

    if ((alcf->methods & NGX_AGENT_OAUTH)
        && (value->len == 5 || alcf->provider_names->nelts == 0))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "method \"%V\" in \"agent_auth\" beside another "
                           "provider: each must be named", value);
        return NGX_ERROR;
    }

    alcf->methods |= NGX_AGENT_OAUTH;

    if (value->len == 5) {
        return NGX_OK;
    }

    for (i = 0; i < alcf->provider_names->nelts; i++) {
        if (name[i].len == value->len - 6
            && ngx_strncmp(name[i].data, value->data + 6, name[i].len) == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate method \"%V\" in \"agent_auth\"",
                               value);
            return NGX_ERROR;
        }
    }

    name = ngx_array_push(alcf->provider_names);
    if (name == NULL) {
        return NGX_ERROR;
    }

    name->data = value->data + 6;
    name->len = value->len - 6;

    return NGX_OK;
}


/* agent_audience uri ... | off */

char *
ngx_agent_conf_audience(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_agent_loc_conf_t  *alcf = conf;

    ngx_str_t    *value;
    ngx_uint_t    i;
    agent_str_t  *audience;

    if (alcf->audience != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    if (ngx_agent_conf_off(cf)) {
        alcf->audience = NULL;
        return NGX_CONF_OK;
    }

    alcf->audience = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                       sizeof(agent_str_t));
    if (alcf->audience == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (value[i].len == 0 || ngx_http_script_variables_count(&value[i])) {
            ngx_agent_conf_invalid(cf, &value[i], "agent_audience");
            return NGX_CONF_ERROR;
        }

        audience = ngx_array_push(alcf->audience);
        if (audience == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_agent_view(audience, &value[i]);
    }

    return NGX_CONF_OK;
}


/* agent_credential $variable ... | off */

char *
ngx_agent_conf_credential(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_agent_loc_conf_t  *alcf = conf;

    ngx_str_t           *value;
    ngx_uint_t           i, j;
    ngx_agent_source_t  *source, *other;

    if (alcf->credentials != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    if (ngx_agent_conf_off(cf)) {
        alcf->credentials = NULL;
        return NGX_CONF_OK;
    }

    alcf->credentials = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                         sizeof(ngx_agent_source_t));
    if (alcf->credentials == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        source = ngx_array_push(alcf->credentials);
        if (source == NULL) {
            return NGX_CONF_ERROR;
        }

        if (ngx_agent_conf_source(cf, &value[i], source) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        other = alcf->credentials->elts;

        for (j = 0; j < i - 1; j++) {
            if (other[j].name.len == source->name.len
                && ngx_strncasecmp(other[j].name.data, source->name.data,
                                   source->name.len)
                   == 0)
            {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "duplicate variable \"%V\" in "
                                   "\"agent_credential\"", &value[i]);
                return NGX_CONF_ERROR;
            }
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_agent_conf_source(ngx_conf_t *cf, ngx_str_t *value,
    ngx_agent_source_t *source)
{
    ngx_uint_t  i;

    ngx_memzero(source, sizeof(ngx_agent_source_t));

    if (value->data[0] != '$' || value->len < 2) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"agent_credential\", "
                           "expected a variable", value);
        return NGX_ERROR;
    }

    source->name.data = value->data + 1;
    source->name.len = value->len - 1;

    if (source->name.len > 5
        && ngx_strncasecmp(source->name.data, (u_char *) "http_", 5) == 0)
    {
        source->header.len = source->name.len - 5;
        source->header.data = ngx_pnalloc(cf->pool, source->header.len);
        source->spelled = ngx_pnalloc(cf->pool, source->header.len);

        if (source->header.data == NULL || source->spelled == NULL) {
            return NGX_ERROR;
        }

        ngx_strlow(source->header.data, source->name.data + 5,
                   source->header.len);

        for (i = 0; i < source->header.len; i++) {
            source->spelled[i] = (source->header.data[i] == '_')
                                 ? '-' : source->header.data[i];
        }

        source->scheme = source->header.len == sizeof("authorization") - 1
                         && ngx_strncmp(source->header.data, "authorization",
                                        source->header.len)
                            == 0;
        return NGX_OK;
    }

    source->index = ngx_http_get_variable_index(cf, &source->name);

    return source->index == NGX_ERROR ? NGX_ERROR
                                      : ngx_agent_uses_add(cf, value);
}


/* agent_scope [all|any] [allow_empty] value ... | off */

char *
ngx_agent_conf_scope(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_agent_loc_conf_t  *alcf = conf;

    char                     *rv;
    ngx_str_t                *value;
    ngx_uint_t                i;
    ngx_agent_scope_rule_t   *rule;
    ngx_agent_scope_value_t  *sv;

    rv = ngx_agent_conf_list(cf, &alcf->scopes, sizeof(ngx_agent_scope_rule_t),
                             (void **) &rule);

    if (rv != NGX_CONF_OK || rule == NULL) {
        return rv;
    }

    if (ngx_array_init(&rule->values, cf->pool, cf->args->nelts,
                       sizeof(ngx_agent_scope_value_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;
    i = 1;

    if (ngx_strcmp(value[i].data, "any") == 0
        || ngx_strcmp(value[i].data, "all") == 0)
    {
        rule->any = (value[i].data[1] == 'n');
        i++;
    }

    if (i < cf->args->nelts && ngx_strcmp(value[i].data, "allow_empty") == 0) {
        rule->allow_empty = 1;
        i++;
    }

    if (i == cf->args->nelts) {
        return "has no value";
    }

    for ( /* void */ ; i < cf->args->nelts; i++) {

        sv = ngx_array_push(&rule->values);
        if (sv == NULL) {
            return NGX_CONF_ERROR;
        }

        if (ngx_agent_conf_scope_value(cf, &value[i], sv) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/*
 * A directive that may be repeated at one level, unless it is "off": a new
 * zeroed element of *list, or NULL for "off".
 */

static char *
ngx_agent_conf_list(ngx_conf_t *cf, ngx_array_t **list, size_t size,
    void **element)
{
    *element = NULL;

    if (*list == NULL
        || (*list != NGX_CONF_UNSET_PTR && ngx_agent_conf_off(cf)))
    {
        return "has \"off\" beside other values";
    }

    if (ngx_agent_conf_off(cf)) {
        *list = NULL;
        return NGX_CONF_OK;
    }

    if (*list == NGX_CONF_UNSET_PTR) {
        *list = ngx_array_create(cf->pool, 2, size);
        if (*list == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    *element = ngx_array_push(*list);
    if (*element == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(*element, size);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_agent_conf_scope_value(ngx_conf_t *cf, ngx_str_t *text,
    ngx_agent_scope_value_t *value)
{
    agent_str_t  token;

    ngx_memzero(value, sizeof(ngx_agent_scope_value_t));

    value->text = *text;

    if (ngx_http_script_variables_count(text)) {

        value->complex = ngx_palloc(cf->pool,
                                    sizeof(ngx_http_complex_value_t));
        if (value->complex == NULL) {
            return NGX_ERROR;
        }

        return ngx_agent_conf_complex(cf, text, value->complex);
    }

    token.len = text->len;
    token.data = text->data;

    if (!agent_scope_token_valid(&token)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid scope \"%V\" in \"agent_scope\": RFC 6750 "
                           "allows printable ASCII without space, '\"' and "
                           "'\\'", text);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* agent_scope_implies broad narrow ... */

char *
ngx_agent_conf_implies(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_agent_main_conf_t  *amcf = conf;

    ngx_str_t            *value;
    ngx_uint_t            i;
    agent_str_t           token;
    ngx_agent_implies_t  *implies;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        token.len = value[i].len;
        token.data = value[i].data;

        if (!agent_scope_token_valid(&token)
            || ngx_http_script_variables_count(&value[i]))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid scope \"%V\" in "
                               "\"agent_scope_implies\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        if (i == 1) {
            continue;
        }

        implies = ngx_array_push(&amcf->implies);
        if (implies == NULL) {
            return NGX_CONF_ERROR;
        }

        implies->broad = value[1];
        implies->narrow = value[i];
    }

    return NGX_CONF_OK;
}


/* agent_require $value ... [error=401|403] | off */

char *
ngx_agent_conf_require(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_agent_loc_conf_t  *alcf = conf;

    char                 *rv;
    ngx_str_t            *value;
    ngx_uint_t            i, n;
    ngx_agent_require_t  *require;

    rv = ngx_agent_conf_list(cf, &alcf->requires, sizeof(ngx_agent_require_t),
                             (void **) &require);

    if (rv != NGX_CONF_OK || require == NULL) {
        return rv;
    }

    require->status = NGX_HTTP_FORBIDDEN;

    value = cf->args->elts;
    n = cf->args->nelts;

    if (ngx_strncmp(value[n - 1].data, "error=", 6) == 0) {

        if (ngx_strcmp(value[n - 1].data + 6, "401") == 0) {
            require->status = NGX_HTTP_UNAUTHORIZED;

        } else if (ngx_strcmp(value[n - 1].data + 6, "403") != 0) {
            ngx_agent_conf_invalid(cf, &value[n - 1], "agent_require");
            return NGX_CONF_ERROR;
        }

        n--;
    }

    if (n == 1) {
        return "has no value";
    }

    if (ngx_array_init(&require->values, cf->pool, n,
                       sizeof(ngx_http_complex_value_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < n; i++) {
        if (ngx_agent_conf_require_value(cf, &value[i], require) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_agent_conf_require_value(ngx_conf_t *cf, ngx_str_t *value,
    ngx_agent_require_t *require)
{
    ngx_http_complex_value_t  *cv;

    /* a constant would always or never be met */

    if (ngx_http_script_variables_count(value) == 0) {
        ngx_agent_conf_invalid(cf, value, "agent_require");
        return NGX_ERROR;
    }

    cv = ngx_array_push(&require->values);
    if (cv == NULL) {
        return NGX_ERROR;
    }

    return ngx_agent_conf_complex(cf, value, cv);
}


static ngx_int_t
ngx_agent_conf_complex(ngx_conf_t *cf, ngx_str_t *text,
    ngx_http_complex_value_t *cv)
{
    ngx_http_compile_complex_value_t  ccv;

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = text;
    ccv.complex_value = cv;

    return ngx_http_compile_complex_value(&ccv) == NGX_OK
           ? ngx_agent_uses_add(cf, text) : NGX_ERROR;
}


/* agent_service name | off */

char *
ngx_agent_conf_service(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_agent_loc_conf_t  *alcf = conf;

    ngx_str_t    *value;
    agent_str_t   token;

    if (alcf->service.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    token.len = value[1].len;
    token.data = value[1].data;

    if (!agent_scope_token_valid(&token) || token.len > AGENT_KEY_TEXT_MAX
        || ngx_http_script_variables_count(&value[1]))
    {
        ngx_agent_conf_invalid(cf, &value[1], "agent_service");
        return NGX_CONF_ERROR;
    }

    alcf->service = value[1];

    if (ngx_agent_conf_off(cf)) {
        alcf->service.len = 0;
    }

    return NGX_CONF_OK;
}


/* agent_mode enforce | observe */

char *
ngx_agent_conf_mode(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_agent_loc_conf_t  *alcf = conf;

    ngx_str_t  *value;

    if (alcf->mode != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "enforce") == 0) {
        alcf->mode = NGX_AGENT_ENFORCE;

    } else if (ngx_strcmp(value[1].data, "observe") == 0) {
        alcf->mode = NGX_AGENT_OBSERVE;

    } else {

        /* ngx_conf_set_enum_slot() would not name the directive */

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"agent_mode\" directive, "
                           "it must be \"enforce\" or \"observe\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* agent_realm text */

char *
ngx_agent_conf_realm(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_agent_loc_conf_t  *alcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

    if (alcf->realm.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    /* a quoted-string without escapes, RFC 9110, 5.6.4 */

    for (i = 0; i < value[1].len; i++) {
        if (value[1].data[i] < 0x20 || value[1].data[i] > 0x7e
            || value[1].data[i] == '"' || value[1].data[i] == '\\')
        {
            ngx_agent_conf_invalid(cf, &value[1], "agent_realm");
            return NGX_CONF_ERROR;
        }
    }

    if (value[1].len == 0 || ngx_http_script_variables_count(&value[1])) {
        ngx_agent_conf_invalid(cf, &value[1], "agent_realm");
        return NGX_CONF_ERROR;
    }

    alcf->realm = value[1];

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_agent_conf_off(ngx_conf_t *cf)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    return cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0;
}
