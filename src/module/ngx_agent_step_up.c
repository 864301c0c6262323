
/*
 * Step-up (RFC 9470): how strongly, and how long ago, whoever is behind a token
 * proved who he is.
 */

#include "ngx_agent_module.h"
#include "ngx_agent_call.h"


static ngx_int_t ngx_agent_step_up_acr(ngx_conf_t *cf, ngx_str_t *value,
    ngx_agent_step_up_t *step_up);
static ngx_int_t ngx_agent_step_up_max_age(ngx_conf_t *cf, ngx_str_t *value,
    ngx_agent_step_up_t *step_up);
static ngx_int_t ngx_agent_step_up_invalid(ngx_conf_t *cf, ngx_str_t *value);
static ngx_int_t ngx_agent_step_up_challenge(ngx_conf_t *cf,
    ngx_agent_step_up_t *step_up);
static ngx_uint_t ngx_agent_step_up_strong(const ngx_agent_step_up_t *step_up,
    const agent_claims_t *claims);
static ngx_uint_t ngx_agent_step_up_recent(const ngx_agent_step_up_t *step_up,
    const agent_claims_t *claims, int64_t leeway);


#define ngx_agent_step_up_copy(p, text)                                       \
    ngx_cpymem(p, text, sizeof(text) - 1)


/* agent_step_up [acr=value ...] [max_age=time] | off */

char *
ngx_agent_conf_step_up(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_agent_loc_conf_t  *alcf = conf;

    ngx_int_t             rc;
    ngx_str_t            *value;
    ngx_uint_t            i;
    ngx_agent_step_up_t  *step_up;

    if (alcf->step_up != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        alcf->step_up = NULL;
        return NGX_CONF_OK;
    }

    step_up = ngx_pcalloc(cf->pool, sizeof(ngx_agent_step_up_t));

    if (step_up == NULL
        || ngx_array_init(&step_up->acrs, cf->pool, cf->args->nelts - 1,
                          sizeof(agent_str_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "acr=", 4) == 0) {
            rc = ngx_agent_step_up_acr(cf, &value[i], step_up);

        } else if (ngx_strncmp(value[i].data, "max_age=", 8) == 0) {
            rc = ngx_agent_step_up_max_age(cf, &value[i], step_up);

        } else {
            rc = ngx_agent_step_up_invalid(cf, &value[i]);
        }

        if (rc != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_agent_step_up_challenge(cf, step_up) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    alcf->step_up = step_up;

    return NGX_CONF_OK;
}


/* one of a list that spaces separate, in a quoted-string: RFC 9470, 3 */

static ngx_int_t
ngx_agent_step_up_acr(ngx_conf_t *cf, ngx_str_t *value,
    ngx_agent_step_up_t *step_up)
{
    agent_str_t  acr, *p;

    acr.data = value->data + 4;
    acr.len = value->len - 4;

    if (!agent_scope_token_valid(&acr) || acr.len > AGENT_CLAIM_MAX
        || ngx_http_script_variables_count(value))
    {
        return ngx_agent_step_up_invalid(cf, value);
    }

    p = ngx_array_push(&step_up->acrs);
    if (p == NULL) {
        return NGX_ERROR;
    }

    *p = acr;

    return NGX_OK;
}


static ngx_int_t
ngx_agent_step_up_max_age(ngx_conf_t *cf, ngx_str_t *value,
    ngx_agent_step_up_t *step_up)
{
    ngx_int_t  seconds;
    ngx_str_t  time;

    time.data = value->data + 8;
    time.len = value->len - 8;

    seconds = time.len ? ngx_parse_time(&time, 1) : NGX_ERROR;

    /* within no time nobody could come back with a new token */

    if (seconds == NGX_ERROR || seconds == 0 || step_up->max_age
        || seconds > NGX_AGENT_DAYS_MAX * 24 * 3600)
    {
        return ngx_agent_step_up_invalid(cf, value);
    }

    step_up->max_age = seconds;

    return NGX_OK;
}


static ngx_int_t
ngx_agent_step_up_invalid(ngx_conf_t *cf, ngx_str_t *value)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"agent_step_up\"",
                       value);

    return NGX_ERROR;
}


/* RFC 9470, 3: what the client asks its authorization server for */

static ngx_int_t
ngx_agent_step_up_challenge(ngx_conf_t *cf, ngx_agent_step_up_t *step_up)
{
    size_t        size;
    u_char       *p;
    ngx_uint_t    i;
    agent_str_t  *acr;

    acr = step_up->acrs.elts;

    size = sizeof(", acr_values=\"\"") - 1
           + sizeof(", max_age=\"\"") - 1 + NGX_INT_T_LEN;

    for (i = 0; i < step_up->acrs.nelts; i++) {
        size += acr[i].len + 1;
    }

    p = ngx_pnalloc(cf->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    step_up->challenge.data = p;

    for (i = 0; i < step_up->acrs.nelts; i++) {
        p = (i == 0) ? ngx_agent_step_up_copy(p, ", acr_values=\"")
                     : ngx_agent_step_up_copy(p, " ");
        p = ngx_cpymem(p, acr[i].data, acr[i].len);
    }

    if (i) {
        *p++ = '"';
    }

    if (step_up->max_age) {
        p = ngx_sprintf(p, ", max_age=\"%i\"", step_up->max_age);
    }

    step_up->challenge.len = p - step_up->challenge.data;

    return NGX_OK;
}


/* a location that no credential could get into is a mistake */

ngx_int_t
ngx_agent_step_up_guard(ngx_conf_t *cf, const ngx_agent_loc_conf_t *conf)
{
    if (conf->methods & NGX_AGENT_OAUTH) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "\"agent_step_up\" cannot be met by keys: accept tokens with "
                  "\"oauth\", or set \"agent_step_up off\", for \"agent_auth\" "
                  "in %V:%ui", &conf->conf_file, conf->conf_line);

    return NGX_ERROR;
}


agent_reason_e
ngx_agent_step_up_check(const ngx_agent_step_up_t *step_up,
    const ngx_agent_record_t *rec)
{
    const agent_claims_t        *claims;
    const ngx_agent_provider_t  *provider;

    claims = ngx_agent_identify_claims(rec);

    /* behind a key nobody authenticates */

    if (claims == NULL) {
        return AGENT_STEP_UP_REQUIRED;
    }

    provider = rec->token->provider;

    return (ngx_agent_step_up_strong(step_up, claims)
            && ngx_agent_step_up_recent(step_up, claims,
                                        (int64_t) provider->leeway))
           ? AGENT_OK : AGENT_STEP_UP_REQUIRED;
}


static ngx_uint_t
ngx_agent_step_up_strong(const ngx_agent_step_up_t *step_up,
    const agent_claims_t *claims)
{
    ngx_uint_t          i;
    const agent_str_t  *acr;

    if (step_up->acrs.nelts == 0) {
        return 1;
    }

    acr = step_up->acrs.elts;

    for (i = 0; i < step_up->acrs.nelts; i++) {
        if (agent_str_eq(&acr[i], &claims->acr)) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_agent_step_up_recent(const ngx_agent_step_up_t *step_up,
    const agent_claims_t *claims, int64_t leeway)
{
    int64_t  age;

    if (step_up->max_age == 0) {
        return 1;
    }

    if (claims->auth_time == AGENT_CLAIM_NONE) {
        return 0;
    }

    /* the provider's clock may be ahead: else it has not happened yet */

    age = ngx_agent_now() - claims->auth_time;

    return age >= -leeway && age <= (int64_t) step_up->max_age * 1000;
}
