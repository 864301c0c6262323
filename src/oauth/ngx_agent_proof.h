
/*
 * Proofs of possession that come with requests (RFC 9449): each is used once,
 * by whatever worker, and may have to bring a nonce of ours.
 */

#ifndef _NGX_AGENT_PROOF_H_INCLUDED_
#define _NGX_AGENT_PROOF_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "agent_dpop.h"
#include "ngx_agent_once.h"


/* ms: how old a proof may be, and how far ahead its clock */

#define NGX_AGENT_PROOF_WINDOW  60000
#define NGX_AGENT_PROOF_LEEWAY  10000

/*
 * For how long a proof is known after it was good, as a clock that is set back
 * makes it good again: by as much as clocks are taken to differ anyway.
 */

#define NGX_AGENT_PROOF_MARGIN  NGX_AGENT_PROOF_LEEWAY

/* hex digits of a nonce */

#define NGX_AGENT_NONCE_LEN     32


#define NGX_AGENT_PROOF_ALGS                                                  \
    (AGENT_ALG_ES256 | AGENT_ALG_ES384 | AGENT_ALG_ES512 | AGENT_ALG_EDDSA    \
     | AGENT_ALG_ED25519 | AGENT_ALG_RS256 | AGENT_ALG_PS256)

#define NGX_AGENT_PROOF_NAMES                                                 \
    "ES256 ES384 ES512 EdDSA Ed25519 RS256 PS256"


typedef struct {
    ngx_agent_once_sh_t    once;
    u_char                 secret[AGENT_SHA256_LEN];    /* of nonces */
    uint64_t               warned;      /* epoch seconds */
} ngx_agent_proof_sh_t;


typedef struct {
    ngx_str_t              name;
    ngx_msec_t             nonce;       /* how long one serves; 0: none */
    ngx_shm_zone_t        *shm_zone;
    ngx_agent_proof_sh_t  *sh;
    ngx_agent_once_t       once;
    ngx_str_t              conf_file;
    ngx_uint_t             conf_line;
} ngx_agent_proof_zone_t;


/* agent_dpop_cache zone=name:size [nonce=time] */

char *ngx_agent_proof_zone(ngx_conf_t *cf, ngx_agent_proof_zone_t **zone,
    void *tag);


/* the same with the defaults */

ngx_int_t ngx_agent_proof_zone_default(ngx_conf_t *cf,
    ngx_agent_proof_zone_t **zone, void *tag);


/*
 * Checks the value of the one DPoP field (RFC 9449, 4.3), and that it came for
 * the first time.  Of expected the caller sets method, origin, path, ath and
 * jkt, none of them NULL.
 *
 * AGENT_OK; the reasons of agent_dpop_check(); AGENT_DPOP_REPLAYED;
 * AGENT_TABLE_BUSY: no place, or none in time, so that it may have come before.
 */

agent_reason_e ngx_agent_proof_check(const ngx_agent_proof_zone_t *zone,
    const agent_str_t *value, agent_dpop_expected_t *expected,
    ngx_pool_t *pool, ngx_log_t *log);


/* the nonce to bring now, NGX_AGENT_NONCE_LEN octets */

ngx_int_t ngx_agent_proof_nonce(const ngx_agent_proof_zone_t *zone,
    u_char *nonce);


/* in each worker, before the first request and after the last one */

void ngx_agent_proof_init_process(void);
void ngx_agent_proof_exit_process(void);


#endif /* _NGX_AGENT_PROOF_H_INCLUDED_ */
