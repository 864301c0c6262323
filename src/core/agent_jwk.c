
#include "agent_b64url.h"
#include "agent_jwk.h"
#include "agent_jws.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include <stdlib.h>


/* octets of the longest value: a public key of ML-DSA-87, FIPS 204, 4 */

#define AGENT_JWK_VALUE_MAX       2592
#define AGENT_JWK_THUMBPRINT_MAX  (agent_b64url_room(AGENT_JWK_VALUE_MAX) + 64)

#define AGENT_JWK_COORDINATE_MAX  66
#define AGENT_JWK_EXPONENT_MAX    8


typedef struct {
    size_t       len;
    uint8_t      data[AGENT_JWK_VALUE_MAX];
} agent_jwk_value_t;


typedef struct {
    const char  *crv;
    uint32_t     algs;
    size_t       len;               /* octets of a coordinate */
} agent_jwk_curve_t;


typedef struct {
    const char  *kty;
    int        (*take)(agent_jwk_t *key, const json_t *jwk,
                       const agent_jwk_curves_t *curves, char *err);
} agent_jwk_type_t;


static int agent_jwk_purpose(const json_t *jwk, char *err);
static int agent_jwk_private(const json_t *jwk);
static int agent_jwk_kid(agent_jwk_t *key, const json_t *jwk, char *err);
static int agent_jwk_alg(agent_jwk_t *key, const json_t *jwk, char *err);
static int agent_jwk_value(const json_t *jwk, const char *name,
    agent_jwk_value_t *value, char *err);
static int agent_jwk_rsa(agent_jwk_t *key, const json_t *jwk,
    const agent_jwk_curves_t *curves, char *err);
static int agent_jwk_rsa_sane(const BIGNUM *n, char *err);
static int agent_jwk_roca(const BIGNUM *n);
static int agent_jwk_rsa_make(agent_jwk_t *key, const BIGNUM *n,
    const BIGNUM *e);
static int agent_jwk_ec(agent_jwk_t *key, const json_t *jwk,
    const agent_jwk_curves_t *curves, char *err);
static int agent_jwk_ec_make(agent_jwk_t *key, const agent_jwk_curve_t *curve,
    const agent_jwk_curves_t *curves, uint8_t *point, size_t len);
static int agent_jwk_okp(agent_jwk_t *key, const json_t *jwk,
    const agent_jwk_curves_t *curves, char *err);
static int agent_jwk_oct(agent_jwk_t *key, const json_t *jwk,
    const agent_jwk_curves_t *curves, char *err);
#ifdef AGENT_HAVE_ML_DSA
static int agent_jwk_akp(agent_jwk_t *key, const json_t *jwk,
    const agent_jwk_curves_t *curves, char *err);
#endif
static int agent_jwk_import(EVP_PKEY **pkey, const char *type, int selection,
    OSSL_PARAM *params);
static int agent_jwk_thumbprint(agent_jwk_t *key, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));


static const agent_jwk_curve_t  agent_jwk_curves[] = {
    { "P-256", AGENT_ALG_ES256, 32 },
    { "P-384", AGENT_ALG_ES384, 48 },
    { "P-521", AGENT_ALG_ES512, 66 },
    { NULL, 0, 0 }
};


static const agent_jwk_type_t  agent_jwk_types[] = {
    { "RSA", agent_jwk_rsa },
    { "EC", agent_jwk_ec },
    { "OKP", agent_jwk_okp },
    { "oct", agent_jwk_oct },
#ifdef AGENT_HAVE_ML_DSA
    { "AKP", agent_jwk_akp },
#endif
    { NULL, NULL }
};


int
agent_jwk_take(agent_jwk_t *key, const json_t *jwk, int secrets,
    const agent_jwk_curves_t *curves, char *err)
{
    int                      rc;
    const char              *kty;
    const agent_jwk_type_t  *type;

    memset(key, 0, sizeof(*key));

    kty = agent_jwk_string(jwk, "kty");

    if (kty == NULL) {
        return agent_fail(err, "no object with a string \"kty\"");
    }

    for (type = agent_jwk_types; type->kty; type++) {
        if (strcmp(type->kty, kty) == 0) {
            break;
        }
    }

    if (type->kty == NULL) {
        return agent_fail(err, "a type of key that is not known");
    }

    if (type->take == agent_jwk_oct && !secrets) {
        return agent_fail(err, "a secret, which has no place in a set of "
                          "public keys");
    }

    if (agent_jwk_private(jwk)
        || (type->take != agent_jwk_oct && json_object_get(jwk, "k")))
    {
        return agent_fail(err, "a private key: whoever published it must "
                          "replace it");
    }

    /* an error that stayed in OpenSSL's queue would be the next call's */

    (void) ERR_set_mark();

    rc = (agent_jwk_purpose(jwk, err) != 0
          || agent_jwk_kid(key, jwk, err) != 0
          || type->take(key, jwk, curves, err) != 0
          || agent_jwk_alg(key, jwk, err) != 0) ? -1 : 0;

    (void) ERR_pop_to_mark();

    if (rc != 0) {
        agent_jwk_free(key);
    }

    return rc;
}


/* members of RFC 7518, 6.2.2, 6.3.2, of RFC 8037, 2, and of "AKP" */

static int
agent_jwk_private(const json_t *jwk)
{
    size_t  i;

    static const char  *names[] = {
        "d", "p", "q", "dp", "dq", "qi", "oth", "priv"
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (json_object_get(jwk, names[i])) {
            return 1;
        }
    }

    return 0;
}


/* RFC 7517, 4.2 and 4.3 */

static int
agent_jwk_purpose(const json_t *jwk, char *err)
{
    size_t         i;
    const char    *use, *op;
    const json_t  *ops;

    use = agent_jwk_string(jwk, "use");

    if (json_object_get(jwk, "use")
        && (use == NULL || strcmp(use, "sig") != 0))
    {
        return agent_fail(err, "\"use\" is not \"sig\"");
    }

    ops = json_object_get(jwk, "key_ops");

    if (ops == NULL) {
        return 0;
    }

    for (i = 0; i < json_array_size(ops); i++) {
        op = json_string_value(json_array_get(ops, i));

        if (op && strcmp(op, "verify") == 0) {
            return 0;
        }
    }

    return agent_fail(err, "\"key_ops\" is no array with \"verify\"");
}


static int
agent_jwk_kid(agent_jwk_t *key, const json_t *jwk, char *err)
{
    size_t         i, len;
    uint8_t       *copy;
    const json_t  *kid;

    kid = json_object_get(jwk, "kid");

    if (kid == NULL) {
        return 0;
    }

    len = json_string_length(kid);

    if (!json_is_string(kid) || len > AGENT_JWS_KID_MAX) {
        return agent_fail(err, "\"kid\" is no string, or too long");
    }

    copy = malloc(len ? len : 1);
    if (copy == NULL) {
        return agent_fail(err, "no memory for a key");
    }

    memcpy(copy, json_string_value(kid), len);

    key->kid.data = copy;
    key->kid.len = len;

    /* it goes into logs, as claims do */

    for (i = 0; i < len; i++) {
        if (copy[i] < 0x20 || copy[i] == 0x7f) {
            return agent_fail(err, "control character in \"kid\"");
        }
    }

    return 0;
}


/* RFC 7517, 4.4: where it is said, it is the only one */

static int
agent_jwk_alg(agent_jwk_t *key, const json_t *jwk, char *err)
{
    agent_str_t    name;
    const json_t  *alg;

    alg = json_object_get(jwk, "alg");

    if (alg == NULL) {
        return 0;
    }

    name.data = (const uint8_t *) json_string_value(alg);
    name.len = json_string_length(alg);

    key->algs &= agent_alg_find(&name);

    if (key->algs == 0) {
        return agent_fail(err, "\"alg\" is none that is known and fits the "
                          "key");
    }

    return 0;
}


static int
agent_jwk_value(const json_t *jwk, const char *name, agent_jwk_value_t *value,
    char *err)
{
    size_t         len;
    const json_t  *text;

    text = json_object_get(jwk, name);
    len = json_string_length(text);

    if (!json_is_string(text)
        || len == 0
        || agent_b64url_octets(len) > sizeof(value->data)
        || agent_b64url_decode(value->data, &value->len,
                               (const uint8_t *) json_string_value(text), len)
           != 0)
    {
        return agent_fail(err, "\"%s\" is no base64url, or too long", name);
    }

    return 0;
}


/* RFC 7518, 6.3.1 */

static int
agent_jwk_rsa(agent_jwk_t *key, const json_t *jwk,
    const agent_jwk_curves_t *curves, char *err)
{
    int                rc;
    BIGNUM            *modulus, *exponent;
    agent_jwk_value_t  n, e;

    (void) curves;

    if (agent_jwk_value(jwk, "n", &n, err) != 0
        || agent_jwk_value(jwk, "e", &e, err) != 0)
    {
        return -1;
    }

    if (n.data[0] == 0 || e.data[0] == 0) {
        return agent_fail(err, "a number of the RSA key begins with a zero "
                          "octet");
    }

    if (e.len > AGENT_JWK_EXPONENT_MAX || !(e.data[e.len - 1] & 1)
        || (e.len == 1 && e.data[0] == 1))
    {
        return agent_fail(err, "the exponent of the RSA key is 1, even or "
                          "longer than %d octets", AGENT_JWK_EXPONENT_MAX);
    }

    rc = -1;

    modulus = BN_bin2bn(n.data, (int) n.len, NULL);
    exponent = BN_bin2bn(e.data, (int) e.len, NULL);

    if (modulus == NULL || exponent == NULL) {
        (void) agent_fail(err, "no memory for a key");

    } else if (agent_jwk_rsa_sane(modulus, err) == 0) {

        rc = agent_jwk_rsa_make(key, modulus, exponent);

        if (rc != 0) {
            (void) agent_fail(err, "OpenSSL takes no such RSA key");
        }
    }

    BN_free(modulus);
    BN_free(exponent);

    if (rc != 0) {
        return -1;
    }

    key->algs = AGENT_ALGS_RSA;

    return agent_jwk_thumbprint(key, "{\"e\":\"%s\",\"kty\":\"RSA\","
                                "\"n\":\"%s\"}", agent_jwk_string(jwk, "e"),
                                agent_jwk_string(jwk, "n"));
}


static int
agent_jwk_rsa_sane(const BIGNUM *n, char *err)
{
    int  bits;

    bits = BN_num_bits(n);

    if (bits < AGENT_JWK_RSA_MIN || bits > AGENT_JWK_RSA_MAX) {
        return agent_fail(err, "an RSA key of %d bits: it must be %d to %d",
                          bits, AGENT_JWK_RSA_MIN, AGENT_JWK_RSA_MAX);
    }

    if (!BN_is_odd(n)) {
        return agent_fail(err, "the modulus of the RSA key is even");
    }

    if (agent_jwk_roca(n)) {
        return agent_fail(err, "an RSA key of a generator that is broken "
                          "(ROCA, CVE-2017-15361)");
    }

    return 0;
}


/*
 * Moduli of that generator are powers of 65537 modulo each small prime (Nemec
 * et al., "The Return of Coppersmith's Attack", 2017, 2.3); of any other one
 * they are so once in 2^27.
 */

static int
agent_jwk_roca(const BIGNUM *n)
{
    size_t    i;
    BN_ULONG  prime, rest, power;

    static const uint8_t  primes[] = {
        3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67,
        71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139,
        149, 151, 157, 163, 167
    };

    for (i = 0; i < sizeof(primes); i++) {
        prime = primes[i];
        rest = BN_mod_word(n, prime);
        power = 1;

        do {
            if (power == rest) {
                break;
            }

            power = power * 65537 % prime;

        } while (power != 1);

        if (power != rest) {
            return 0;
        }
    }

    return 1;
}


static int
agent_jwk_rsa_make(agent_jwk_t *key, const BIGNUM *n, const BIGNUM *e)
{
    int              rc;
    OSSL_PARAM      *params;
    OSSL_PARAM_BLD  *bld;

    bld = OSSL_PARAM_BLD_new();

    if (bld == NULL
        || OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) != 1
        || OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e) != 1)
    {
        OSSL_PARAM_BLD_free(bld);
        return -1;
    }

    params = OSSL_PARAM_BLD_to_param(bld);
    OSSL_PARAM_BLD_free(bld);

    if (params == NULL) {
        return -1;
    }

    rc = agent_jwk_import(&key->pkey, "RSA", EVP_PKEY_PUBLIC_KEY, params);

    OSSL_PARAM_free(params);

    return rc;
}


/* RFC 7518, 6.2.1: coordinates of the full size; OpenSSL checks the curve */

static int
agent_jwk_ec(agent_jwk_t *key, const json_t *jwk,
    const agent_jwk_curves_t *curves, char *err)
{
    uint8_t                   point[1 + 2 * AGENT_JWK_COORDINATE_MAX];
    const char               *crv;
    agent_jwk_value_t         x, y;
    const agent_jwk_curve_t  *curve;

    crv = agent_jwk_string(jwk, "crv");

    for (curve = agent_jwk_curves; curve->crv; curve++) {
        if (crv && strcmp(curve->crv, crv) == 0) {
            break;
        }
    }

    if (curve->crv == NULL) {
        return agent_fail(err, "a curve that is not known");
    }

    if (agent_jwk_value(jwk, "x", &x, err) != 0
        || agent_jwk_value(jwk, "y", &y, err) != 0)
    {
        return -1;
    }

    if (x.len != curve->len || y.len != curve->len) {
        return agent_fail(err, "a coordinate is not of %zu octets",
                          curve->len);
    }

    point[0] = POINT_CONVERSION_UNCOMPRESSED;
    memcpy(point + 1, x.data, x.len);
    memcpy(point + 1 + x.len, y.data, y.len);

    if (agent_jwk_ec_make(key, curve, curves, point, 1 + 2 * x.len) != 0) {
        return agent_fail(err, "the point is not on its curve");
    }

    key->algs = curve->algs;

    return agent_jwk_thumbprint(key, "{\"crv\":\"%s\",\"kty\":\"EC\","
                                "\"x\":\"%s\",\"y\":\"%s\"}", curve->crv,
                                agent_jwk_string(jwk, "x"),
                                agent_jwk_string(jwk, "y"));
}


static int
agent_jwk_ec_make(agent_jwk_t *key, const agent_jwk_curve_t *curve,
    const agent_jwk_curves_t *curves, uint8_t *point, size_t len)
{
    OSSL_PARAM  params[3];

    if (curves == NULL) {
        params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                                     (char *) curve->crv, 0);
        params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
                                                      point, len);
        params[2] = OSSL_PARAM_construct_end();

        return agent_jwk_import(&key->pkey, "EC", EVP_PKEY_PUBLIC_KEY, params);
    }

    key->pkey = EVP_PKEY_dup(curves->pkeys[curve - agent_jwk_curves]);

    return (key->pkey
            && EVP_PKEY_set1_encoded_public_key(key->pkey, point, len) == 1)
           ? 0 : -1;
}


int
agent_jwk_curves_init(agent_jwk_curves_t *curves)
{
    size_t      i;
    OSSL_PARAM  params[2];

    memset(curves, 0, sizeof(*curves));

    (void) ERR_set_mark();

    for (i = 0; agent_jwk_curves[i].crv; i++) {
        params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                        (char *) agent_jwk_curves[i].crv, 0);
        params[1] = OSSL_PARAM_construct_end();

        if (agent_jwk_import(&curves->pkeys[i], "EC", EVP_PKEY_KEY_PARAMETERS,
                             params)
            != 0)
        {
            agent_jwk_curves_free(curves);
            break;
        }
    }

    (void) ERR_pop_to_mark();

    return agent_jwk_curves[i].crv ? -1 : 0;
}


void
agent_jwk_curves_free(agent_jwk_curves_t *curves)
{
    size_t  i;

    for (i = 0; agent_jwk_curves[i].crv; i++) {
        EVP_PKEY_free(curves->pkeys[i]);
        curves->pkeys[i] = NULL;
    }
}


/* RFC 8037, 2 */

static int
agent_jwk_okp(agent_jwk_t *key, const json_t *jwk,
    const agent_jwk_curves_t *curves, char *err)
{
    const char         *crv;
    agent_jwk_value_t   x;

    (void) curves;

    crv = agent_jwk_string(jwk, "crv");

    if (crv == NULL || strcmp(crv, "Ed25519") != 0) {
        return agent_fail(err, "a curve that is not known");
    }

    if (agent_jwk_value(jwk, "x", &x, err) != 0) {
        return -1;
    }

    /* also fails where it is not of 32 octets */

    key->pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x.data,
                                            x.len);
    if (key->pkey == NULL) {
        return agent_fail(err, "OpenSSL takes no such Ed25519 key");
    }

    key->algs = AGENT_ALG_EDDSA|AGENT_ALG_ED25519;

    return agent_jwk_thumbprint(key, "{\"crv\":\"Ed25519\",\"kty\":\"OKP\","
                                "\"x\":\"%s\"}", agent_jwk_string(jwk, "x"));
}


/* RFC 7518, 6.4 */

static int
agent_jwk_oct(agent_jwk_t *key, const json_t *jwk,
    const agent_jwk_curves_t *curves, char *err)
{
    size_t              min;
    uint8_t            *copy;
    agent_str_t         name;
    const char         *alg;
    agent_jwk_value_t   k;

    (void) curves;

    /* without it one secret would serve several hashes */

    alg = agent_jwk_string(jwk, "alg");

    name.data = (const uint8_t *) alg;
    name.len = alg ? strlen(alg) : 0;

    min = agent_alg_secret_min(agent_alg_find(&name));

    if (min == 0) {
        return agent_fail(err, "a secret without an \"alg\" of HMAC");
    }

    if (agent_jwk_value(jwk, "k", &k, err) != 0) {
        OPENSSL_cleanse(&k, sizeof(k));
        return -1;
    }

    if (k.len < min || k.len > AGENT_JWK_SECRET_MAX) {
        OPENSSL_cleanse(&k, sizeof(k));
        return agent_fail(err, "a secret that is not of %zu to %d octets", min,
                          AGENT_JWK_SECRET_MAX);
    }

    copy = malloc(k.len);

    if (copy) {
        memcpy(copy, k.data, k.len);
        key->secret.data = copy;
        key->secret.len = k.len;
    }

    OPENSSL_cleanse(&k, sizeof(k));

    if (copy == NULL) {
        return agent_fail(err, "no memory for a key");
    }

    key->algs = AGENT_ALGS_HMAC;

    return agent_jwk_thumbprint(key, "{\"k\":\"%s\",\"kty\":\"oct\"}",
                                agent_jwk_string(jwk, "k"));
}


#ifdef AGENT_HAVE_ML_DSA

/* "AKP" says its algorithm; the raw key is of one length for each */

static int
agent_jwk_akp(agent_jwk_t *key, const json_t *jwk,
    const agent_jwk_curves_t *curves, char *err)
{
    agent_str_t         name;
    const char         *alg;
    agent_jwk_value_t   pub;

    (void) curves;

    alg = agent_jwk_string(jwk, "alg");

    name.data = (const uint8_t *) alg;
    name.len = alg ? strlen(alg) : 0;

    key->algs = agent_alg_find(&name)
                & (AGENT_ALG_ML_DSA_44|AGENT_ALG_ML_DSA_65|AGENT_ALG_ML_DSA_87);

    if (key->algs == 0) {
        return agent_fail(err, "an \"alg\" that is not known");
    }

    if (agent_jwk_value(jwk, "pub", &pub, err) != 0) {
        return -1;
    }

    key->pkey = EVP_PKEY_new_raw_public_key_ex(NULL, alg, NULL, pub.data,
                                               pub.len);
    if (key->pkey == NULL) {
        return agent_fail(err, "OpenSSL takes no such ML-DSA key");
    }

    return agent_jwk_thumbprint(key, "{\"alg\":\"%s\",\"kty\":\"AKP\","
                                "\"pub\":\"%s\"}", alg,
                                agent_jwk_string(jwk, "pub"));
}

#endif


static int
agent_jwk_import(EVP_PKEY **pkey, const char *type, int selection,
    OSSL_PARAM *params)
{
    int            rc;
    EVP_PKEY_CTX  *ctx;

    ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);

    rc = (ctx
          && EVP_PKEY_fromdata_init(ctx) == 1
          && EVP_PKEY_fromdata(ctx, pkey, selection, params) == 1) ? 0 : -1;

    EVP_PKEY_CTX_free(ctx);

    return rc;
}


/* RFC 7638, 3: the members that make the key, in order, as they stand */

static int
agent_jwk_thumbprint(agent_jwk_t *key, const char *fmt, ...)
{
    int      n;
    char     text[AGENT_JWK_THUMBPRINT_MAX];
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    if (n < 0 || (size_t) n >= sizeof(text)) {
        return -1;
    }

    agent_sha256((const uint8_t *) text, (size_t) n, key->thumbprint);
    OPENSSL_cleanse(text, sizeof(text));

    memcpy(&key->id, key->thumbprint, sizeof(key->id));

    if (key->id == 0) {
        key->id = 1;
    }

    return 0;
}


void
agent_jwk_free(agent_jwk_t *key)
{
    EVP_PKEY_free(key->pkey);

    if (key->secret.len) {
        OPENSSL_cleanse((void *) key->secret.data, key->secret.len);
    }

    free((void *) key->secret.data);
    free((void *) key->kid.data);

    memset(key, 0, sizeof(*key));
}


int
agent_jwk_verify(const agent_jwk_t *key, uint32_t alg,
    const agent_str_t *input, const agent_str_t *signature)
{
    if (!(key->algs & alg)) {
        return 0;
    }

    if (key->secret.len) {
        return agent_alg_verify_mac(alg, &key->secret, input, signature);
    }

    return agent_alg_verify(alg, key->pkey, input, signature);
}
