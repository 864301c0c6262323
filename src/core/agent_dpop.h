
/*
 * Proofs of possession: RFC 9449.  That a proof comes only once is for a table
 * of the caller's.
 */

#ifndef _AGENT_DPOP_H_INCLUDED_
#define _AGENT_DPOP_H_INCLUDED_


#include "agent_claims.h"
#include "agent_jwk.h"
#include "agent_jws.h"
#include "agent_reason.h"


/* characters of a proof, octets of its "jti", bits of its RSA key: anybody may
 * have anything checked */

#define AGENT_DPOP_MAX      8192
#define AGENT_DPOP_JTI_MAX  256
#define AGENT_DPOP_RSA_MAX  4096


/* what a proof must be about */

typedef struct {
    agent_str_t                method;
    agent_str_t                origin;      /* "https://rs.example" */
    agent_str_t                path;        /* as sent; a query is cut */
    agent_str_t                nonce;       /* empty: none is asked for */
    agent_str_t                previous;    /* good as well; or empty */
    const uint8_t             *ath;         /* SHA-256 of the token */
    const uint8_t             *jkt;         /* what the token is bound to */
    const agent_jwk_curves_t  *curves;      /* or NULL */
    uint32_t                   algs;        /* HMACs are refused anyway */
    int64_t                    now;         /* milliseconds */
    int64_t                    window;      /* how old it may be, likewise */
    int64_t                    leeway;      /* how far ahead, likewise */
} agent_dpop_expected_t;


/* of a proof that is right: by id it is to be used once until the end */

typedef struct {
    uint8_t                    id[AGENT_SHA256_LEN];
    int64_t                    until;       /* milliseconds since the epoch */
} agent_dpop_proof_t;


/* octets of the buffer that agent_dpop_check() uses */

#define agent_dpop_room(proof, expected)                                      \
    (agent_jws_room((proof)->len) + (proof)->len + 1                          \
     + 2 * ((expected)->origin.len + (expected)->path.len) + 1)


/*
 * The checks of RFC 9449, 4.3, on the value of the only DPoP field (1 is the
 * caller's), buf being of agent_dpop_room() octets.
 *
 * AGENT_OK: proof is set.  AGENT_DPOP_INVALID: 2 to 9, 11, or another token
 * (12); AGENT_DPOP_NONCE: no nonce, or another one (10), in a proof that is
 * right so far; AGENT_BINDING_MISMATCH: right, but of another key than the
 * token's (12); AGENT_INTERNAL_ERROR: no memory.  err says more, and quotes
 * nothing.
 */

agent_reason_e agent_dpop_check(const agent_str_t *value,
    const agent_dpop_expected_t *expected, uint8_t *buf,
    agent_dpop_proof_t *proof, char *err);


#endif /* _AGENT_DPOP_H_INCLUDED_ */
