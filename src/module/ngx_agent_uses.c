
/*
 * The variables that directives use.  nginx tells of an unknown one without
 * saying where it stands, so that each is noted with its place, and looked up
 * once all variables are known.
 */

#include "ngx_agent_module.h"


typedef struct {
    ngx_str_t     name;         /* lower case */
    ngx_str_t     directive;
    ngx_str_t     file;
    ngx_uint_t    line;
} ngx_agent_use_t;


static ngx_int_t ngx_agent_use_name(ngx_conf_t *cf,
    ngx_agent_main_conf_t *amcf, u_char *name, size_t len);
static ngx_uint_t ngx_agent_use_known(const ngx_http_core_main_conf_t *cmcf,
    const ngx_str_t *name);


#define ngx_agent_use_char(c)                                                 \
    ((c) == '_' || ((c) >= '0' && (c) <= '9') || ((c) >= 'a' && (c) <= 'z')   \
     || ((c) >= 'A' && (c) <= 'Z'))


/* text was compiled: its braces are closed; ngx_http_script_compile() */

ngx_int_t
ngx_agent_uses_add(ngx_conf_t *cf, const ngx_str_t *text)
{
    u_char                 *p, *last, *name;
    ngx_agent_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_agent_auth_module);

    p = text->data;
    last = p + text->len;

    while (p < last) {

        if (*p++ != '$') {
            continue;
        }

        if (p < last && *p == '{') {
            p++;
        }

        name = p;

        while (p < last && ngx_agent_use_char(*p)) {
            p++;
        }

        /* a capture of a regular expression is no variable */

        if (p == name || (*name >= '1' && *name <= '9')) {
            continue;
        }

        if (ngx_agent_use_name(cf, amcf, name, p - name) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_agent_use_name(ngx_conf_t *cf, ngx_agent_main_conf_t *amcf, u_char *name,
    size_t len)
{
    ngx_str_t        *value;
    ngx_agent_use_t  *use;

    if (amcf->uses == NULL) {
        amcf->uses = ngx_array_create(cf->pool, 8, sizeof(ngx_agent_use_t));
        if (amcf->uses == NULL) {
            return NGX_ERROR;
        }
    }

    use = ngx_array_push(amcf->uses);
    if (use == NULL) {
        return NGX_ERROR;
    }

    use->name.len = len;
    use->name.data = ngx_pnalloc(cf->pool, len);

    if (use->name.data == NULL) {
        return NGX_ERROR;
    }

    ngx_strlow(use->name.data, name, len);

    value = cf->args->elts;

    use->directive = value[0];
    use->line = cf->conf_file->line;
    use->file.len = cf->conf_file->file.name.len;
    use->file.data = ngx_pstrdup(cf->pool, &cf->conf_file->file.name);

    return use->file.data ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_agent_uses_check(ngx_conf_t *cf, const ngx_agent_main_conf_t *amcf)
{
    ngx_uint_t                  i;
    ngx_agent_use_t            *use;
    ngx_http_core_main_conf_t  *cmcf;

    if (amcf->uses == NULL) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    use = amcf->uses->elts;

    for (i = 0; i < amcf->uses->nelts; i++) {

        if (ngx_agent_use_known(cmcf, &use[i].name)) {
            continue;
        }

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "unknown variable \"$%V\" in \"%V\" in %V:%ui",
                      &use[i].name, &use[i].directive, &use[i].file,
                      use[i].line);

        return NGX_ERROR;
    }

    return NGX_OK;
}


/* as ngx_http_variables_init_vars() looks for it */

static ngx_uint_t
ngx_agent_use_known(const ngx_http_core_main_conf_t *cmcf,
    const ngx_str_t *name)
{
    ngx_uint_t            i;
    ngx_hash_key_t       *key;
    ngx_http_variable_t  *prefix;

    key = cmcf->variables_keys->keys.elts;

    for (i = 0; i < cmcf->variables_keys->keys.nelts; i++) {
        if (key[i].key.len == name->len
            && ngx_strncmp(key[i].key.data, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    prefix = cmcf->prefix_variables.elts;

    for (i = 0; i < cmcf->prefix_variables.nelts; i++) {
        if (name->len >= prefix[i].name.len
            && ngx_strncmp(name->data, prefix[i].name.data,
                           prefix[i].name.len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}
