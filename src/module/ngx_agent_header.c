
#include "ngx_agent_header.h"


static ngx_int_t ngx_agent_header_unlink(ngx_pool_t *pool, ngx_list_t *list,
    ngx_list_part_t *part, ngx_uint_t i);
static void ngx_agent_header_drop_part(ngx_list_t *list,
    ngx_list_part_t *prev, ngx_list_part_t *part);


ngx_uint_t
ngx_agent_header_named(const ngx_table_elt_t *h, const ngx_str_t *name)
{
    u_char      c;
    ngx_uint_t  i;

    for (i = 0; i < name->len; i++) {
        c = ngx_tolower(h->key.data[i]);

        if ((c == '-' ? '_' : c) != name->data[i]) {
            return 0;
        }
    }

    return 1;
}


ngx_int_t
ngx_agent_header_remove(ngx_http_request_t *r, size_t len,
    ngx_agent_header_pt is, const void *data)
{
    ngx_uint_t        i;
    ngx_list_t       *list;
    ngx_list_part_t  *part, *prev;
    ngx_table_elt_t  *h;

    list = &r->headers_in.headers;

    prev = NULL;
    part = &list->part;
    i = 0;

    while (part) {

        h = part->elts;

        if (i >= part->nelts) {
            prev = part;
            part = part->next;
            i = 0;
            continue;
        }

        if (h[i].key.len != len || !is(&h[i], data)) {
            i++;
            continue;
        }

        if (&h[i] == r->headers_in.authorization) {
            r->headers_in.authorization = NULL;
        }

        if (prev && part->nelts == 1) {
            ngx_agent_header_drop_part(list, prev, part);

            /* on with what follows it */

            part = prev;
            i = prev->nelts;

        } else if (ngx_agent_header_unlink(r->pool, list, part, i) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    /*
     * What room the last part has is no longer what the list says: let
     * ngx_list_push() begin a part of its own.
     */

    if (list->last->nelts) {
        list->nalloc = list->last->nelts;
    }

    return NGX_OK;
}


/*
 * Takes one element out of the list without moving any other, as pointers to
 * elements stand in r->headers_in.  No part is left empty, which nginx's loops
 * could not stand, unless it is the only one.
 */

static ngx_int_t
ngx_agent_header_unlink(ngx_pool_t *pool, ngx_list_t *list,
    ngx_list_part_t *part, ngx_uint_t i)
{
    ngx_list_part_t  *rest;
    ngx_table_elt_t  *h;

    h = part->elts;

    if (part->nelts == 1) {
        ngx_agent_header_drop_part(list, NULL, part);

    } else if (i == 0) {
        part->elts = &h[1];
        part->nelts--;

    } else if (i == part->nelts - 1) {
        part->nelts--;

    } else {
        rest = ngx_palloc(pool, sizeof(ngx_list_part_t));
        if (rest == NULL) {
            return NGX_ERROR;
        }

        rest->elts = &h[i + 1];
        rest->nelts = part->nelts - i - 1;
        rest->next = part->next;

        part->nelts = i;
        part->next = rest;

        if (list->last == part) {
            list->last = rest;
        }
    }

    return NGX_OK;
}


static void
ngx_agent_header_drop_part(ngx_list_t *list, ngx_list_part_t *prev,
    ngx_list_part_t *part)
{
    ngx_list_part_t  *next;

    next = part->next;

    if (prev) {
        prev->next = next;

        if (list->last == part) {
            list->last = prev;
        }

        return;
    }

    /* the first part is a member of the list itself */

    if (next == NULL) {
        part->nelts = 0;
        return;
    }

    *part = *next;

    if (list->last == next) {
        list->last = part;
    }
}
