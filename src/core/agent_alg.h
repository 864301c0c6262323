
/*
 * Signature algorithms of JWS: their names (RFC 7518, 3.1; RFC 8037; RFC 9864),
 * each a bit, so that a list of those allowed is a mask, and the check of a
 * signature with a key that is ready made.
 */

#ifndef _AGENT_ALG_H_INCLUDED_
#define _AGENT_ALG_H_INCLUDED_


#include "agent_str.h"

#include <openssl/evp.h>
#include <openssl/opensslv.h>


/* ML-DSA came with OpenSSL 3.5; its names are unknown below that */

#if (OPENSSL_VERSION_NUMBER >= 0x30500000L)
#define AGENT_HAVE_ML_DSA  1
#endif


typedef enum {
    AGENT_ALG_RS256 = 0x00001,
    AGENT_ALG_RS384 = 0x00002,
    AGENT_ALG_RS512 = 0x00004,
    AGENT_ALG_PS256 = 0x00008,
    AGENT_ALG_PS384 = 0x00010,
    AGENT_ALG_PS512 = 0x00020,
    AGENT_ALG_ES256 = 0x00040,
    AGENT_ALG_ES384 = 0x00080,
    AGENT_ALG_ES512 = 0x00100,
    AGENT_ALG_EDDSA = 0x00200,          /* Ed25519 by its old name */
    AGENT_ALG_ED25519 = 0x00400,
    AGENT_ALG_HS256 = 0x00800,
    AGENT_ALG_HS384 = 0x01000,
    AGENT_ALG_HS512 = 0x02000,
    AGENT_ALG_ML_DSA_44 = 0x04000,
    AGENT_ALG_ML_DSA_65 = 0x08000,
    AGENT_ALG_ML_DSA_87 = 0x10000
} agent_alg_e;


#define AGENT_ALGS_RSA   0x0003f
#define AGENT_ALGS_HMAC  0x03800


/* the bit of a name, compared octet by octet; 0 where there is none */

uint32_t agent_alg_find(const agent_str_t *name);


/* the name of a bit, in static storage; empty where it is none */

const agent_str_t *agent_alg_name(uint32_t alg);


/*
 * The fewest octets of a secret for an HMAC: those of its hash (RFC 7518, 3.2);
 * 0 where alg is no HMAC.
 */

size_t agent_alg_secret_min(uint32_t alg);


/*
 * Checks a signature over input.  The caller has seen to it that key is of the
 * type and the curve that alg wants; agent_alg_verify() is not for an HMAC,
 * agent_alg_verify_mac() for nothing else.  The length must be exact: RFC 7518,
 * 3.3 to 3.5, RFC 8037, 3.1; R and S of ECDSA are numbers of 1 to n - 1.
 *
 * 1: it is right; 0: it is not; -1: no memory.  Leaves nothing in OpenSSL's
 * queue of errors.
 */

int agent_alg_verify(uint32_t alg, EVP_PKEY *key, const agent_str_t *input,
    const agent_str_t *signature);
int agent_alg_verify_mac(uint32_t alg, const agent_str_t *secret,
    const agent_str_t *input, const agent_str_t *signature);


#endif /* _AGENT_ALG_H_INCLUDED_ */
