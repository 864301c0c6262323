
/*
 * The credential that a request presents: where it stands, and how it is taken
 * out of what the upstream will see.
 */

#include "ngx_agent_header.h"
#include "ngx_agent_module.h"


/* the fields of a place; known: one that nginx has found */

typedef struct {
    const ngx_agent_source_t    *source;
    const ngx_table_elt_t       *known;
} ngx_agent_present_place_t;


static ngx_uint_t ngx_agent_present_held(const ngx_agent_record_t *rec);
static void ngx_agent_present_none(ngx_agent_record_t *rec,
    agent_reason_e reason);
static ngx_int_t ngx_agent_present_source(ngx_http_request_t *r,
    const ngx_agent_source_t *source, agent_str_t *value);
static ngx_int_t ngx_agent_present_header(ngx_http_request_t *r,
    const ngx_agent_source_t *source, agent_str_t *value);
static ngx_uint_t ngx_agent_header_is(const ngx_table_elt_t *h,
    const ngx_agent_source_t *source);
static ngx_int_t ngx_agent_present_add(ngx_agent_record_t *rec,
    const ngx_agent_source_t *source, const agent_str_t *value);
static void ngx_agent_present_check(ngx_agent_record_t *rec, ngx_uint_t bare);
static ngx_uint_t ngx_agent_present_is(const ngx_table_elt_t *h,
    const void *data);


void
ngx_agent_present(ngx_http_request_t *r, const ngx_agent_loc_conf_t *conf,
    ngx_agent_record_t *rec)
{
    ngx_uint_t                 i, held, first;
    agent_str_t                value;
    const ngx_agent_source_t  *source;

    if (rec->sources == conf->sources) {
        return;
    }

    first = (rec->sources == NULL);
    rec->sources = conf->sources;

    /* what an earlier location took out of the request is in the record */

    held = ngx_agent_present_held(rec);

    if (first) {
        rec->presented = AGENT_CREDENTIAL_MISSING;

    } else if (!held) {
        ngx_agent_present_none(rec, AGENT_CREDENTIAL_MISSING);
    }

    source = conf->sources->elts;

    for (i = 0; i < conf->sources->nelts; i++) {

        switch (ngx_agent_present_source(r->main, &source[i], &value)) {

        case NGX_DECLINED:
            continue;

        case NGX_OK:
            if (ngx_agent_present_add(rec, &source[i], &value) == NGX_OK) {
                continue;
            }

            /* fall through */

        default:
            ngx_agent_present_none(rec, AGENT_CREDENTIAL_MULTIPLE);
            return;
        }
    }

    if (rec->source && !held) {
        ngx_agent_present_check(rec, !rec->source->scheme);
    }
}


static ngx_uint_t
ngx_agent_present_held(const ngx_agent_record_t *rec)
{
    ngx_uint_t                 i;
    const ngx_str_t           *header;
    const ngx_agent_source_t  *source;

    if (!rec->hidden) {
        return 0;
    }

    header = &rec->source->header;
    source = rec->sources->elts;

    for (i = 0; i < rec->sources->nelts; i++) {
        if (source[i].header.len == header->len
            && ngx_memcmp(source[i].header.data, header->data, header->len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


static void
ngx_agent_present_none(ngx_agent_record_t *rec, agent_reason_e reason)
{
    rec->source = NULL;
    rec->zone = NULL;
    rec->token = NULL;
    rec->identified = 0;
    rec->dpop = 0;
    rec->digested = 0;
    rec->hidden = 0;
    rec->presented = reason;
}


/* NGX_DECLINED: the place is empty; NGX_ERROR: it is filled twice */

static ngx_int_t
ngx_agent_present_source(ngx_http_request_t *r,
    const ngx_agent_source_t *source, agent_str_t *value)
{
    ngx_table_elt_t            *h;
    ngx_http_variable_value_t  *vv;

    if (source->scheme) {
        h = r->headers_in.authorization;

        if (h == NULL) {
            return NGX_DECLINED;
        }

        value->len = h->value.len;
        value->data = h->value.data;

        return NGX_OK;
    }

    if (source->header.len) {
        return ngx_agent_present_header(r, source, value);
    }

    vv = ngx_http_get_indexed_variable(r, source->index);

    if (vv == NULL || vv->not_found || vv->len == 0) {
        return NGX_DECLINED;
    }

    value->len = vv->len;
    value->data = vv->data;

    return NGX_OK;
}


/*
 * The list is walked, as $http_ joins fields of one name or takes the first,
 * depending on nginx's version.
 */

static ngx_int_t
ngx_agent_present_header(ngx_http_request_t *r,
    const ngx_agent_source_t *source, agent_str_t *value)
{
    ngx_int_t         rc;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    rc = NGX_DECLINED;

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (!ngx_agent_header_is(&h[i], source) || h[i].value.len == 0) {
            continue;
        }

        if (rc == NGX_OK) {
            return NGX_ERROR;
        }

        value->len = h[i].value.len;
        value->data = h[i].value.data;

        rc = NGX_OK;
    }

    return rc;
}


static ngx_inline ngx_uint_t
ngx_agent_header_is(const ngx_table_elt_t *h, const ngx_agent_source_t *source)
{
    return h->key.len == source->header.len
           && ((h->lowcase_key
                && ngx_memcmp(h->lowcase_key, source->spelled, h->key.len)
                   == 0)
               || ngx_agent_header_named(h, &source->header));
}


/* NGX_ERROR: there is a credential already, and this is another one */

static ngx_int_t
ngx_agent_present_add(ngx_agent_record_t *rec,
    const ngx_agent_source_t *source, const agent_str_t *value)
{
    agent_str_t     credential;
    agent_scheme_e  scheme;

    credential = *value;
    scheme = AGENT_SCHEME_BEARER;

    if (source->scheme) {

        scheme = agent_credential_scheme(value, &credential);

        if (scheme == AGENT_SCHEME_OTHER) {
            return NGX_OK;
        }
    }

    if (rec->source) {
        return NGX_ERROR;
    }

    rec->source = source;
    rec->value = credential;
    rec->presented = AGENT_OK;
    rec->dpop = (scheme == AGENT_SCHEME_DPOP);

    return NGX_OK;
}


static void
ngx_agent_present_check(ngx_agent_record_t *rec, ngx_uint_t bare)
{
    if (rec->presented != AGENT_OK) {
        return;
    }

    rec->shape = agent_key_parse(&rec->value, &rec->key);

    if (rec->shape != AGENT_KEY_FOREIGN) {
        return;
    }

    if (bare ? !agent_visible_valid(&rec->value)
             : !agent_b64token_valid(&rec->value))
    {
        rec->presented = AGENT_CREDENTIAL_MALFORMED;
    }
}


ngx_int_t
ngx_agent_present_hide(ngx_http_request_t *r, ngx_agent_record_t *rec)
{
    ngx_agent_present_place_t  place;

    if (rec->hidden) {
        return NGX_OK;
    }

    r = r->main;

    place.source = rec->source;
    place.known = rec->source->scheme ? r->headers_in.authorization : NULL;

    if (ngx_agent_header_remove(r, rec->source->header.len,
                                ngx_agent_present_is, &place)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    rec->hidden = 1;

    return NGX_OK;
}


static ngx_uint_t
ngx_agent_present_is(const ngx_table_elt_t *h, const void *data)
{
    const ngx_agent_present_place_t  *place = data;

    return h == place->known || ngx_agent_header_is(h, place->source);
}
