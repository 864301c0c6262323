
/*
 * Handlers of our own that not everybody may ask.
 */

#include "ngx_agent_handlers.h"


static ngx_uint_t ngx_agent_open(void **loc_conf);


/* nginx may be built without it */

extern ngx_module_t  ngx_http_access_module __attribute__((weak));


void
ngx_agent_open_warn(ngx_conf_t *cf, const char *directive, void **loc_conf,
    const ngx_str_t *file, ngx_uint_t line)
{
    if (!ngx_agent_open(loc_conf)) {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "agent_auth: \"%s\" is open to whoever can connect: its "
                  "location has neither \"agent_auth\" nor \"allow\" or "
                  "\"deny\", in %V:%ui", directive, file, line);
}


/*
 * As far as can be seen: what ngx_http_access_module has of a location are
 * arrays of rules, for IPv4 first, then for what else nginx was built with.
 */

static ngx_uint_t
ngx_agent_open(void **loc_conf)
{
    ngx_uint_t                   i, families;
    ngx_array_t                **rules;
    const ngx_agent_loc_conf_t  *alcf;

    alcf = loc_conf[ngx_http_agent_auth_module.ctx_index];

    if (alcf->methods != NGX_AGENT_OFF && alcf->mode == NGX_AGENT_ENFORCE) {
        return 0;
    }

    if (&ngx_http_access_module == NULL) {
        return 1;
    }

    families = 1;

#if (NGX_HAVE_INET6)
    families++;
#endif
#if (NGX_HAVE_UNIX_DOMAIN)
    families++;
#endif

    rules = loc_conf[ngx_http_access_module.ctx_index];

    for (i = 0; i < families; i++) {
        if (rules[i]) {
            return 0;
        }
    }

    return 1;
}
