
/*
 * For the tests of JOSE: keys made on the spot, tokens signed with them, and
 * the published vectors.  What it returns is static or for the test to free.
 */

#ifndef _AGENT_TEST_JOSE_H_INCLUDED_
#define _AGENT_TEST_JOSE_H_INCLUDED_


#include "agent_alg.h"
#include "agent_b64url.h"
#include "agent_jwk.h"
#include "agent_jws.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>

#include "tap.h"


#define JOSE_NAME(alg)  ((const char *) agent_alg_name(alg)->data)


/* the key that signs with alg; not for an HMAC */

static inline EVP_PKEY *
jose_key(uint32_t alg)
{
    if (alg & AGENT_ALGS_RSA) {
        return EVP_RSA_gen(2048);
    }

    switch (alg) {
    case AGENT_ALG_ES256:
        return EVP_EC_gen("P-256");
    case AGENT_ALG_ES384:
        return EVP_EC_gen("P-384");
    case AGENT_ALG_ES512:
        return EVP_EC_gen("P-521");
    case AGENT_ALG_EDDSA:
    case AGENT_ALG_ED25519:
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    default:
        return EVP_PKEY_Q_keygen(NULL, NULL, JOSE_NAME(alg));
    }
}


/* base64url of data, with a NUL; to be freed */

static inline char *
jose_b64(const void *data, size_t len)
{
    char  *text;

    text = malloc(agent_b64url_room(len) + 1);
    *agent_b64url_encode((uint8_t *) text, data, len) = '\0';

    return text;
}


/* a number of key in base64url, len octets or (0) as few as it takes */

static inline char *
jose_number(const EVP_PKEY *key, const char *name, int len)
{
    char    *text;
    BIGNUM  *n;
    uint8_t  octets[1024];

    n = NULL;
    (void) EVP_PKEY_get_bn_param(key, name, &n);

    len = len ? len : BN_num_bytes(n);
    (void) BN_bn2binpad(n, octets, len);
    text = jose_b64(octets, (size_t) len);

    BN_free(n);

    return text;
}


/*
 * The members of the public key that alg signs with, "kty" first, without
 * braces; more of them (",..." or "") are put after them.  To be freed.
 */

static inline char *
jose_members(const EVP_PKEY *key, uint32_t alg, const char *more)
{
    int          len;
    char        *text, *one, *two;
    size_t       n;
    uint8_t      pub[4096];

    text = malloc(8192);

    if (alg & AGENT_ALGS_RSA) {
        one = jose_number(key, "n", 0);
        two = jose_number(key, "e", 0);
        sprintf(text, "\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"%s", one, two,
                more);

    } else if (alg & (AGENT_ALG_ES256|AGENT_ALG_ES384|AGENT_ALG_ES512)) {
        len = alg == AGENT_ALG_ES256 ? 32 : alg == AGENT_ALG_ES384 ? 48 : 66;
        one = jose_number(key, "qx", len);
        two = jose_number(key, "qy", len);
        sprintf(text, "\"kty\":\"EC\",\"crv\":\"P-%d\",\"x\":\"%s\","
                "\"y\":\"%s\"%s", len == 66 ? 521 : len * 8, one, two, more);

    } else {
        n = sizeof(pub);
        (void) EVP_PKEY_get_raw_public_key(key, pub, &n);
        one = jose_b64(pub, n);
        two = NULL;

        if (alg & (AGENT_ALG_EDDSA|AGENT_ALG_ED25519)) {
            sprintf(text, "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\"%s",
                    one, more);

        } else {
            sprintf(text, "\"kty\":\"AKP\",\"pub\":\"%s\"%s", one, more);
        }
    }

    free(one);
    free(two);

    return text;
}


/* R || S of a DER signature, in place; half: octets of a number */

static inline size_t
jose_raw(uint8_t *signature, size_t len, int half)
{
    ECDSA_SIG      *sig;
    const uint8_t  *p;

    p = signature;
    sig = d2i_ECDSA_SIG(NULL, &p, (long) len);

    (void) BN_bn2binpad(ECDSA_SIG_get0_r(sig), signature, half);
    (void) BN_bn2binpad(ECDSA_SIG_get0_s(sig), signature + half, half);

    ECDSA_SIG_free(sig);

    return (size_t) half * 2;
}


static inline const EVP_MD *
jose_md(uint32_t alg)
{
    const char  *name;

    name = JOSE_NAME(alg);

    if (strlen(name) != 5) {
        return NULL;
    }

    return strcmp(name + 2, "256") == 0 ? EVP_sha256()
           : strcmp(name + 2, "384") == 0 ? EVP_sha384() : EVP_sha512();
}


/* signs input; returns the octets written to signature, 8192 at most */

static inline size_t
jose_sign(EVP_PKEY *key, uint32_t alg, const char *input, uint8_t *signature)
{
    size_t          len;
    EVP_MD_CTX     *ctx;
    const EVP_MD   *md;
    EVP_PKEY_CTX   *pctx;

    /* "EdDSA" is as long as "HS256", and hashes for itself */

    md = (alg & (AGENT_ALG_EDDSA|AGENT_ALG_ED25519)) ? NULL : jose_md(alg);
    ctx = EVP_MD_CTX_new();
    len = 8192;

    (void) EVP_DigestSignInit(ctx, &pctx, md, NULL, key);

    if (alg & (AGENT_ALG_PS256|AGENT_ALG_PS384|AGENT_ALG_PS512)) {
        (void) EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING);
        (void) EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST);
    }

    (void) EVP_DigestSign(ctx, signature, &len, (const uint8_t *) input,
                          strlen(input));
    EVP_MD_CTX_free(ctx);

    switch (alg) {
    case AGENT_ALG_ES256:
        return jose_raw(signature, len, 32);
    case AGENT_ALG_ES384:
        return jose_raw(signature, len, 48);
    case AGENT_ALG_ES512:
        return jose_raw(signature, len, 66);
    default:
        return len;
    }
}


/* "header.payload" of two texts; to be freed */

static inline char *
jose_input(const char *header, const char *payload)
{
    char  *input, *one, *two;

    one = jose_b64(header, strlen(header));
    two = jose_b64(payload, strlen(payload));

    input = malloc(strlen(one) + strlen(two) + 2);
    sprintf(input, "%s.%s", one, two);

    free(one);
    free(two);

    return input;
}


/* input with a signature; to be freed */

static inline char *
jose_join(const char *input, const uint8_t *signature, size_t len)
{
    char  *token, *text;

    text = jose_b64(signature, len);
    token = malloc(strlen(input) + strlen(text) + 2);
    sprintf(token, "%s.%s", input, text);
    free(text);

    return token;
}


/* a token of two texts; to be freed */

static inline char *
jose_token(EVP_PKEY *key, uint32_t alg, const char *header, const char *payload)
{
    char     *input, *token;
    size_t    len;
    uint8_t   signature[8192];

    input = jose_input(header, payload);
    len = jose_sign(key, alg, input, signature);
    token = jose_join(input, signature, len);

    free(input);

    return token;
}


/* the same with an HMAC of any secret */

static inline char *
jose_mac(uint32_t alg, const void *secret, size_t secret_len,
    const char *header, const char *payload)
{
    char          *input, *token;
    uint8_t        mac[EVP_MAX_MD_SIZE];
    unsigned int   len;

    input = jose_input(header, payload);
    (void) HMAC(jose_md(alg), secret, (int) secret_len,
                (const uint8_t *) input, strlen(input), mac, &len);
    token = jose_join(input, mac, len);

    free(input);

    return token;
}


static inline void
jose_no_warning(void *data, size_t index, const char *text)
{
    (void) index;
    (void) text;

    if (data) {
        (*(size_t *) data)++;
    }
}


/* the set of this text; *warnings (which may be NULL) is counted up */

static inline agent_jwks_t *
jose_set(const char *text, int secrets, size_t *warnings)
{
    char  err[AGENT_ERROR_LEN];

    return agent_jwks_parse((const uint8_t *) text, strlen(text), secrets,
                            jose_no_warning, warnings, err);
}


/* the set of one key: members in braces are put into it */

static inline agent_jwks_t *
jose_set_of(const char *members, int secrets)
{
    char          *text;
    agent_jwks_t  *set;

    text = malloc(strlen(members) + 32);
    sprintf(text, "{\"keys\":[{%s}]}", members);
    set = jose_set(text, secrets, NULL);
    free(text);

    return set;
}


/* with the key of set that the token names: 1 where it is right, or 0 */

static inline int
jose_verify(const agent_jwks_t *set, const char *token)
{
    int                 rc;
    char                err[AGENT_ERROR_LEN];
    uint8_t            *buf;
    agent_jws_t         jws;
    agent_str_t         value;
    const agent_jwk_t  *key;

    value.data = (const uint8_t *) token;
    value.len = strlen(token);
    buf = malloc(agent_jws_room(value.len) + 1);
    rc = 0;

    if (agent_jws_parse(&jws, &value, buf, err) == AGENT_OK) {
        key = agent_jwks_find(set, &jws.kid, jws.alg);
        rc = key && agent_jwk_verify(key, jws.alg, &jws.input, &jws.signature)
                    == 1;
        agent_jws_free(&jws);
    }

    free(buf);

    return rc;
}


/* with the first key of set, and alg, whatever the token says: 1, or 0 */

static inline int
jose_verify_alg(const agent_jwks_t *set, uint32_t alg, const char *token)
{
    int           rc;
    char          err[AGENT_ERROR_LEN];
    uint8_t      *buf;
    agent_jws_t   jws;
    agent_str_t   value;

    value.data = (const uint8_t *) token;
    value.len = strlen(token);
    buf = malloc(agent_jws_room(value.len) + 1);
    rc = 0;

    if (agent_jws_parse(&jws, &value, buf, err) == AGENT_OK) {
        rc = agent_jwk_verify(&set->keys[0], alg, &jws.input, &jws.signature)
             == 1;
        agent_jws_free(&jws);
    }

    free(buf);

    return rc;
}


/*
 * A file of $VECTORS (../shared/vectors) as JSON; NULL where there is none,
 * which is said.
 */

static inline json_t *
jose_vectors(const char *name)
{
    char          path[1024], reason[1200];
    json_t       *json;
    const char   *dir;

    dir = getenv("VECTORS");
    snprintf(path, sizeof(path), "%s/%s", dir ? dir : "../shared/vectors",
             name);

    json = json_load_file(path, 0, NULL);

    if (json == NULL) {
        snprintf(reason, sizeof(reason), "no vectors in %s", path);
        tap_skip(reason);
    }

    return json;
}


#endif /* _AGENT_TEST_JOSE_H_INCLUDED_ */
