
/*
 * The end of keys, announced: Deprecation (RFC 9745), Sunset (RFC 8594) and
 * links to what takes their place, in answers to requests that a key admitted.
 */

#include "ngx_agent_compat.h"
#include "ngx_agent_module.h"
#include "agent_sf.h"
#include "agent_time.h"


/* what the answer says already */

typedef struct {
    int64_t     deprecated;     /* epoch seconds; 0: none */
    int64_t     sunset;
    ngx_uint_t  linked;         /* both of our links are there */
} ngx_agent_sunset_seen_t;


static ngx_int_t ngx_agent_sunset_date(ngx_conf_t *cf, ngx_str_t *value,
    size_t skip, int64_t *t);
static ngx_int_t ngx_agent_sunset_link(ngx_conf_t *cf, ngx_str_t *value,
    ngx_agent_sunset_t *sunset);
static ngx_int_t ngx_agent_sunset_field(ngx_conf_t *cf, ngx_str_t *field,
    ngx_str_t *uri, const char *rel);
static ngx_int_t ngx_agent_sunset_invalid(ngx_conf_t *cf, ngx_str_t *value);
static int64_t ngx_agent_sunset_earlier(int64_t one, int64_t other);
static ngx_int_t ngx_agent_sunset_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_agent_sunset_filter(ngx_http_request_t *r);
static ngx_int_t ngx_agent_sunset_tell(ngx_http_request_t *r,
    const ngx_agent_record_t *rec);
static void ngx_agent_sunset_look(ngx_http_request_t *r,
    const ngx_agent_record_t *rec, ngx_agent_sunset_seen_t *seen);
static int64_t ngx_agent_sunset_take(ngx_table_elt_t *h, ngx_uint_t http,
    int64_t known);
static ngx_uint_t ngx_agent_sunset_named(const ngx_table_elt_t *h,
    const char *name, size_t len);
static ngx_int_t ngx_agent_sunset_push(ngx_http_request_t *r, const char *name,
    const ngx_str_t *value);


static ngx_http_output_header_filter_pt  ngx_agent_sunset_next;


/* agent_key_sunset date [deprecated=date] [link=uri] [observe] | off */

char *
ngx_agent_conf_sunset(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_agent_loc_conf_t  *alcf = conf;

    ngx_int_t            rc;
    ngx_str_t           *value;
    ngx_uint_t           i;
    ngx_agent_sunset_t  *sunset;

    if (alcf->sunset != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        alcf->sunset = NULL;
        return NGX_CONF_OK;
    }

    sunset = ngx_pcalloc(cf->pool, sizeof(ngx_agent_sunset_t));

    if (sunset == NULL
        || ngx_agent_sunset_date(cf, &value[1], 0, &sunset->date) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "deprecated=", 11) == 0
            && sunset->deprecated == 0)
        {
            rc = ngx_agent_sunset_date(cf, &value[i], 11, &sunset->deprecated);

        } else if (ngx_strncmp(value[i].data, "link=", 5) == 0
                   && sunset->link.len == 0)
        {
            rc = ngx_agent_sunset_link(cf, &value[i], sunset);

        } else if (ngx_strcmp(value[i].data, "observe") == 0
                   && !sunset->observe)
        {
            sunset->observe = 1;
            rc = NGX_OK;

        } else {
            rc = ngx_agent_sunset_invalid(cf, &value[i]);
        }

        if (rc != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    /* RFC 9745, 4 */

    if (sunset->date < sunset->deprecated) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"agent_key_sunset\" has a sunset that is earlier "
                           "than its \"deprecated\"");
        return NGX_CONF_ERROR;
    }

    alcf->sunset = sunset;

    return NGX_CONF_OK;
}


/* zero stands for no date */

static ngx_int_t
ngx_agent_sunset_date(ngx_conf_t *cf, ngx_str_t *value, size_t skip,
    int64_t *t)
{
    agent_str_t  text;

    text.data = value->data + skip;
    text.len = value->len - skip;

    if (agent_time_parse(&text, t) == 0 && *t > 0) {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid date \"%V\" in \"agent_key_sunset\", expected "
                       "one such as \"2027-06-30T23:59:59Z\"", value);

    return NGX_ERROR;
}


/* RFC 8288, 3: within "<" and ">", so as not to end there */

static ngx_int_t
ngx_agent_sunset_link(ngx_conf_t *cf, ngx_str_t *value,
    ngx_agent_sunset_t *sunset)
{
    ngx_str_t   uri;
    ngx_uint_t  i;

    uri.data = value->data + 5;
    uri.len = value->len - 5;

    if (ngx_strncmp(uri.data, "https://", 8) != 0
        && ngx_strncmp(uri.data, "http://", 7) != 0
        && (uri.len == 0 || uri.data[0] != '/'))
    {
        return ngx_agent_sunset_invalid(cf, value);
    }

    /* RFC 3986, 2: what a URI is made of */

    for (i = 0; i < uri.len; i++) {
        if (uri.data[i] <= ' ' || uri.data[i] >= 0x7f
            || ngx_strchr("\"<>\\^`{|}$", uri.data[i]))
        {
            return ngx_agent_sunset_invalid(cf, value);
        }
    }

    if (ngx_agent_sunset_field(cf, &sunset->link, &uri, "deprecation")
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_agent_sunset_field(cf, &sunset->link_sunset, &uri, "sunset");
}


/* RFC 9745, 3; RFC 8594, 6 */

static ngx_int_t
ngx_agent_sunset_field(ngx_conf_t *cf, ngx_str_t *field, ngx_str_t *uri,
    const char *rel)
{
    u_char  *p;

    field->len = uri->len + ngx_strlen(rel)
                 + sizeof("<>; rel=\"\"; type=\"text/html\"") - 1;

    p = ngx_pnalloc(cf->pool, field->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    field->data = p;

    (void) ngx_sprintf(p, "<%V>; rel=\"%s\"; type=\"text/html\"", uri, rel);

    return NGX_OK;
}


static ngx_int_t
ngx_agent_sunset_invalid(ngx_conf_t *cf, ngx_str_t *value)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"agent_key_sunset\"",
                       value);

    return NGX_ERROR;
}


/*
 * A location that accepts tokens only has done with keys, and may inherit a
 * date; one of its own is a mistake.
 */

ngx_int_t
ngx_agent_sunset_merge(ngx_conf_t *cf, const ngx_agent_loc_conf_t *prev,
    ngx_agent_loc_conf_t *conf)
{
    if (conf->sunset == NGX_CONF_UNSET_PTR) {
        conf->sunset = (prev->sunset == NGX_CONF_UNSET_PTR) ? NULL
                                                            : prev->sunset;
        return NGX_OK;
    }

    if (conf->sunset == NULL || conf->methods == NGX_AGENT_OFF
        || (conf->methods & NGX_AGENT_KEY))
    {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "\"agent_key_sunset\" where no keys are accepted: accept "
                  "them with \"key\", or remove it, for \"agent_auth\" in "
                  "%V:%ui", &conf->conf_file, conf->conf_line);

    return NGX_ERROR;
}


/*
 * Where a request comes by several locations, as by "index" or "try_files",
 * the earliest dates count: from then on it is refused.
 */

void
ngx_agent_sunset_admitted(const ngx_agent_loc_conf_t *conf,
    ngx_agent_record_t *rec)
{
    const ngx_agent_sunset_t  *sunset;

    sunset = conf->sunset;

    if (rec->identity.state == AGENT_KEY_DEPRECATED) {
        rec->sunset = ngx_agent_sunset_earlier(rec->sunset,
                                               rec->identity.expires);
        rec->deprecated = ngx_agent_sunset_earlier(rec->deprecated,
                                                   ngx_time());
    }

    if (sunset == NULL) {
        return;
    }

    rec->sunset = ngx_agent_sunset_earlier(rec->sunset, sunset->date);
    rec->deprecated = ngx_agent_sunset_earlier(rec->deprecated,
                                               sunset->deprecated);

    if (sunset->link.len
        && (rec->successor == NULL || sunset->date < rec->successor->date))
    {
        rec->successor = sunset;
    }

    /* not refused, but it would be */

    if (sunset->observe && ngx_agent_sunset_over(sunset)) {
        rec->result = AGENT_RESULT_WOULD_DENY;
        rec->reason = AGENT_KEY_SUNSET;
    }
}


static int64_t
ngx_agent_sunset_earlier(int64_t one, int64_t other)
{
    return (one == 0 || (other && other < one)) ? other : one;
}


/*
 * A filter that is put into the chain with the others, while the configuration
 * is read, is there still if that fails later on and the file of this module
 * goes: a worker that the master makes then would call into nothing.
 */

void
ngx_agent_sunset_init_process(const ngx_agent_main_conf_t *amcf)
{
    if (amcf->guarded && amcf->key_zones.nelts) {
        ngx_agent_sunset_next = ngx_http_top_header_filter;
        ngx_http_top_header_filter = ngx_agent_sunset_header_filter;
    }
}


static ngx_int_t
ngx_agent_sunset_header_filter(ngx_http_request_t *r)
{
    /* what is not guarded leaves before any register is saved */

    if (ngx_http_get_module_ctx(r, ngx_http_agent_auth_module) == NULL
        && !r->internal && !r->filter_finalize)
    {
        return ngx_agent_sunset_next(r);
    }

    return ngx_agent_sunset_filter(r);
}


static __attribute__((noinline)) ngx_int_t
ngx_agent_sunset_filter(ngx_http_request_t *r)
{
    ngx_agent_record_t  *rec;

    if (r == r->main) {
        rec = ngx_agent_record_find(r);

        /* an unusable key must not show that it is known */

        if (rec && rec->sunset && !rec->ended
            && ngx_agent_sunset_tell(r, rec) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_agent_sunset_next(r);
}


static __attribute__((noinline)) ngx_int_t
ngx_agent_sunset_tell(ngx_http_request_t *r, const ngx_agent_record_t *rec)
{
    u_char                   *p;
    ngx_str_t                 deprecation, sunset;
    ngx_agent_sunset_seen_t   seen;

    ngx_agent_sunset_look(r, rec, &seen);

    /* RFC 9745, 4: not later than the sunset */

    if (seen.deprecated) {
        seen.deprecated = ngx_min(seen.deprecated, seen.sunset);
    }

    p = ngx_pnalloc(r->pool, sizeof("@") - 1 + NGX_INT64_LEN
                             + sizeof("Mon, 28 Sep 1970 06:00:00 GMT") - 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    sunset.data = p;
    p = ngx_http_time(p, (time_t) seen.sunset);
    sunset.len = p - sunset.data;

    deprecation.data = p;
    p = ngx_sprintf(p, "@%L", seen.deprecated);
    deprecation.len = p - deprecation.data;

    if ((seen.deprecated
         && ngx_agent_sunset_push(r, "Deprecation", &deprecation) != NGX_OK)
        || ngx_agent_sunset_push(r, "Sunset", &sunset) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (rec->successor == NULL || seen.linked) {
        return NGX_OK;
    }

    return (ngx_agent_sunset_push(r, "Link", &rec->successor->link) == NGX_OK
            && ngx_agent_sunset_push(r, "Link", &rec->successor->link_sunset)
               == NGX_OK)
           ? NGX_OK : NGX_ERROR;
}


/*
 * Two dates in one field would be none (RFC 9651, 4.2): what an upstream says
 * of itself is compared with what holds of the key, and the earlier date goes.
 */

static void
ngx_agent_sunset_look(ngx_http_request_t *r, const ngx_agent_record_t *rec,
    ngx_agent_sunset_seen_t *seen)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    seen->deprecated = rec->deprecated;
    seen->sunset = rec->sunset;
    seen->linked = 0;

    part = &r->headers_out.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].hash == 0) {
            continue;
        }

        if (ngx_agent_sunset_named(&h[i], "Deprecation", 11)) {
            seen->deprecated = ngx_agent_sunset_take(&h[i], 0,
                                                     seen->deprecated);

        } else if (ngx_agent_sunset_named(&h[i], "Sunset", 6)) {
            seen->sunset = ngx_agent_sunset_take(&h[i], 1, seen->sunset);

        } else if (rec->successor && ngx_agent_sunset_named(&h[i], "Link", 4)
                   && h[i].value.len == rec->successor->link.len
                   && ngx_memcmp(h[i].value.data, rec->successor->link.data,
                                 h[i].value.len)
                      == 0)
        {
            seen->linked = 1;
        }
    }
}


/* takes the field out, where there will be another: the earlier date */

static int64_t
ngx_agent_sunset_take(ngx_table_elt_t *h, ngx_uint_t http, int64_t known)
{
    int64_t      t;
    agent_str_t  text;

    t = 0;

    if (http) {
        t = ngx_parse_http_time(h->value.data, h->value.len);

    } else {
        ngx_agent_view(&text, &h->value);

        if (agent_sf_date(&text, &t) != 0) {
            t = 0;
        }
    }

    /* no date, or none that can be told from no date */

    if (t <= 0) {
        t = 0;
    }

    if (t || known) {
        h->hash = 0;
    }

    return ngx_agent_sunset_earlier(known, t);
}


static ngx_uint_t
ngx_agent_sunset_named(const ngx_table_elt_t *h, const char *name, size_t len)
{
    return h->key.len == len
           && ngx_strncasecmp(h->key.data, (u_char *) name, len) == 0;
}


static ngx_int_t
ngx_agent_sunset_push(ngx_http_request_t *r, const char *name,
    const ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value = *value;
    h->lowcase_key = NULL;

    ngx_agent_header_chain(h, NULL);

    return NGX_OK;
}
