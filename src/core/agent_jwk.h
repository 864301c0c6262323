
/*
 * Public keys as JSON: JSON Web Key and JSON Web Key Set, RFC 7517.  They are
 * made ready once, so that a token costs the check of its signature only.
 */

#ifndef _AGENT_JWK_H_INCLUDED_
#define _AGENT_JWK_H_INCLUDED_


#include "agent_alg.h"
#include "agent_digest.h"
#include "agent_error.h"

#include <jansson.h>


/* keys of a set; more are refused together, as no order says which matter */

#define AGENT_JWKS_MAX         64

/* bits of an RSA modulus: RFC 7518, 3.3, and what a check may cost */

#define AGENT_JWK_RSA_MIN      2048
#define AGENT_JWK_RSA_MAX      8192

/* octets of a secret */

#define AGENT_JWK_SECRET_MAX   1024


typedef struct {
    agent_str_t    kid;             /* empty where there is none */
    agent_str_t    secret;          /* of an HMAC, else empty */
    EVP_PKEY      *pkey;            /* else NULL */
    uint32_t       algs;            /* of agent_alg_e, that fit the key */
    uint64_t       id;              /* of the thumbprint; never 0 */
    uint8_t        thumbprint[AGENT_SHA256_LEN];    /* RFC 7638 */
} agent_jwk_t;


typedef struct {
    size_t         n;
    agent_jwk_t    keys[AGENT_JWKS_MAX];
} agent_jwks_t;


/* keys without a point, which one that comes with a request is made of at a
 * fifth of the price: in each worker, const once made */

typedef struct {
    EVP_PKEY      *pkeys[3];        /* P-256, P-384, P-521 */
} agent_jwk_curves_t;


/* why the key at this place in the set, from 0 on, is not used, or is in doubt;
 * text quotes nothing of the set */

typedef void (*agent_jwks_warn_pt)(void *data, size_t index, const char *text);


/*
 * Reads a key set.  A key that is of no use is left out, and warn is called
 * with the reason: another type, use or algorithm than those of agent_alg.h, an
 * RSA key too small, large or flawed, a point that is not on its curve, members
 * that only a private key has.  A secret (kty "oct") is left out unless secrets
 * is set, and where the set has keys of another type too: such a set is meant
 * to be public.  It must say its "alg".
 *
 * Returns NULL with err set where text is no set, or of more than
 * AGENT_JWKS_MAX keys, or memory is short.  A set may have come out empty.
 */

agent_jwks_t *agent_jwks_parse(const uint8_t *text, size_t len, int secrets,
    agent_jwks_warn_pt warn, void *data, char *err);


/* also cleanses the secrets; set may be NULL */

void agent_jwks_free(agent_jwks_t *set);


/*
 * The key with this id (or, where kid is empty, any) that fits the one bit of
 * alg; NULL where there is none, or several that differ: which of them signed
 * is not tried.
 */

const agent_jwk_t *agent_jwks_find(const agent_jwks_t *set,
    const agent_str_t *kid, uint32_t alg);


/* 1 where a key of this id is in the set: verdicts it signed may stand */

int agent_jwks_has(const agent_jwks_t *set, uint64_t id);


/*
 * Reads one key; it is to be freed with agent_jwk_free().  curves may be NULL.
 * Returns 0, or -1 with err set and nothing to be freed.
 */

int agent_jwk_take(agent_jwk_t *key, const json_t *jwk, int secrets,
    const agent_jwk_curves_t *curves, char *err);
void agent_jwk_free(agent_jwk_t *key);


/* 0, or -1: no memory, and nothing to be freed */

int agent_jwk_curves_init(agent_jwk_curves_t *curves);
void agent_jwk_curves_free(agent_jwk_curves_t *curves);


/* a member that is a string, or NULL */

#define agent_jwk_string(jwk, name)                                           \
    json_string_value(json_object_get(jwk, name))


/*
 * 1 where signature over input is of this key and alg fits the key; 0 where it
 * is not; -1: no memory.
 */

int agent_jwk_verify(const agent_jwk_t *key, uint32_t alg,
    const agent_str_t *input, const agent_str_t *signature);


#endif /* _AGENT_JWK_H_INCLUDED_ */
