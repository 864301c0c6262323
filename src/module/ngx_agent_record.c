
#include "ngx_agent_module.h"

#include <openssl/rand.h>


#define NGX_AGENT_ID_PREFIX  16


static void ngx_agent_record_cleanup(void *data);


/* of this worker: a random prefix, so that ids of two never meet */

static u_char    ngx_agent_id_prefix[NGX_AGENT_ID_PREFIX];
static uint64_t  ngx_agent_id_counter;


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
    ngx_pool_cleanup_t  *cln;
    ngx_agent_record_t  *rec;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_agent_record_t));
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_agent_record_cleanup;

    rec = cln->data;
    ngx_memzero(rec, sizeof(ngx_agent_record_t));

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
    u_char      *p;
    uint64_t     n;
    ngx_uint_t   i;

    static const u_char  hex[] = "0123456789abcdef";

    if (!rec->numbered) {
        rec->numbered = 1;

        p = ngx_cpymem(rec->request_id, ngx_agent_id_prefix,
                       NGX_AGENT_ID_PREFIX);

        n = ++ngx_agent_id_counter;

        for (i = NGX_AGENT_REQUEST_ID_LEN - NGX_AGENT_ID_PREFIX; i > 0; i--) {
            p[i - 1] = hex[n & 0xf];
            n >>= 4;
        }
    }

    return rec->request_id;
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

    agent_hex(ngx_agent_id_prefix, octets, sizeof(octets));

    return NGX_OK;
}
