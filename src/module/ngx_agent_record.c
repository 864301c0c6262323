
#include "ngx_agent_module.h"

#include <openssl/rand.h>


#define NGX_AGENT_ID_PREFIX  16


static void ngx_agent_record_cleanup(void *data);
static void ngx_agent_id_next(void);


/*
 * The last id of this worker: a random prefix, so that ids of two never meet,
 * and a number.
 */

static u_char  ngx_agent_id[NGX_AGENT_REQUEST_ID_LEN];


ngx_agent_record_t *
ngx_agent_record_recall(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t  *cln;

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_agent_record_cleanup) {
            ngx_http_set_ctx(r, cln->data, ngx_http_agent_auth_module);
            return cln->data;
        }
    }

    return NULL;
}


ngx_agent_record_t *
ngx_agent_record_create(ngx_http_request_t *r)
{
    size_t               size;
    ngx_pool_cleanup_t  *cln;
    ngx_agent_record_t  *rec;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_agent_record_t));
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_agent_record_cleanup;

    rec = cln->data;
    size = offsetof(ngx_agent_record_t, first_token);

    /* a size that is not known beforehand is left to libc, whose stores are
     * wider than those that a compiler makes of it */

    __asm__ ("" : "+r" (size));

    ngx_memzero(rec, size);

    /* set by ngx_memzero():
     *
     *     rec->result = AGENT_RESULT_NONE;
     *     rec->reason = AGENT_NOT_EVALUATED;
     */

    rec->overruled = AGENT_OK;

    ngx_http_set_ctx(r, rec, ngx_http_agent_auth_module);

    return rec;
}


/* its address is what the record is found by */

static void
ngx_agent_record_cleanup(void *data)
{
    ngx_agent_record_t  *rec = data;

    rec->presented = AGENT_NOT_EVALUATED;
}


u_char *
ngx_agent_record_id(ngx_agent_record_t *rec)
{
    if (!rec->numbered) {
        rec->numbered = 1;

        ngx_agent_id_next();

        ngx_memcpy(rec->request_id, ngx_agent_id, NGX_AGENT_REQUEST_ID_LEN);
    }

    return rec->request_id;
}


/* counts in hexadecimal digits, of which most requests change one */

static void
ngx_agent_id_next(void)
{
    u_char  *p;

    p = ngx_agent_id + NGX_AGENT_REQUEST_ID_LEN - 1;

    while (*p == 'f' && p > ngx_agent_id + NGX_AGENT_ID_PREFIX) {
        *p-- = '0';
    }

    *p = (*p == '9') ? 'a' : *p + 1;
}


ngx_int_t
ngx_agent_record_init_process(ngx_cycle_t *cycle)
{
    u_char  octets[NGX_AGENT_ID_PREFIX / 2];

    if (RAND_bytes(octets, sizeof(octets)) != 1) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "agent_auth: the random number generator failed");
        return NGX_ERROR;
    }

    agent_hex(ngx_agent_id, octets, sizeof(octets));

    ngx_memset(ngx_agent_id + NGX_AGENT_ID_PREFIX, '0',
               NGX_AGENT_REQUEST_ID_LEN - NGX_AGENT_ID_PREFIX);

    return NGX_OK;
}
