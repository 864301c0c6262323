
/*
 * Signatures.  Without this one could pass that is of another algorithm, made
 * with what is public, of no length that it may have, or none at all: W-06,
 * W-07, W-12, W-13 and the attacks of requirements.md, 15 on signatures.
 */

#include "jose.h"

#include <openssl/pem.h>
#include <openssl/x509.h>


static void algorithms(void);
static void orders(void);
static void order_of(int nid, int size, uint32_t alg, const char *input,
    BN_CTX *ctx);
static char *number(const BIGNUM *n, int len);
static void bounds(const char *members, uint32_t alg, const char *input,
    const BIGNUM *r, const BIGNUM *n, int size);
static void lengths(void);
static void numbers(void);
static void flipped(void);
static void confusion(void);
static void confuse_key(EVP_PKEY *key, uint32_t alg, const char *more);
static void confuse_number(const agent_jwks_t *set, EVP_PKEY *key,
    uint32_t alg);
static void confuse(const agent_jwks_t *set, const void *secret, size_t len,
    const char *what);
static void wycheproof(void);
static int wycheproof_test(const agent_jwks_t *set, const json_t *test);
static void rfc7520(void);


#define HEADER   "{\"alg\":\"ES256\",\"kid\":\"k\"}"
#define PAYLOAD  "{\"sub\":\"s\"}"


static const uint32_t  algs[] = {
    AGENT_ALG_RS256, AGENT_ALG_RS384, AGENT_ALG_RS512, AGENT_ALG_PS256,
    AGENT_ALG_PS384, AGENT_ALG_PS512, AGENT_ALG_ES256, AGENT_ALG_ES384,
    AGENT_ALG_ES512, AGENT_ALG_EDDSA, AGENT_ALG_ED25519,
#ifdef AGENT_HAVE_ML_DSA
    AGENT_ALG_ML_DSA_44, AGENT_ALG_ML_DSA_65, AGENT_ALG_ML_DSA_87
#endif
};

#define ALGS  (sizeof(algs) / sizeof(algs[0]))

static EVP_PKEY  *ec, *rsa, *ed;


int
main(void)
{
    ec = jose_key(AGENT_ALG_ES256);
    rsa = jose_key(AGENT_ALG_RS256);
    ed = jose_key(AGENT_ALG_EDDSA);

    algorithms();
    orders();
    lengths();
    numbers();
    flipped();
    confusion();
    wycheproof();
    rfc7520();

    EVP_PKEY_free(ec);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ed);

    return tap_done();
}


/* what each algorithm signs verifies with it, and with no other: W-06, W-13 */

static void
algorithms(void)
{
    char          *members, header[64], more[64], *token;
    size_t         i, j, others;
    EVP_PKEY      *key;
    agent_str_t    name;
    agent_jwks_t  *set;

    for (i = 0; i < ALGS; i++) {
        name = *agent_alg_name(algs[i]);

        ok(name.len && agent_alg_find(&name) == algs[i], "%s has a name",
           JOSE_NAME(algs[i]));

        key = (algs[i] & AGENT_ALGS_RSA) ? rsa : jose_key(algs[i]);
        sprintf(header, "{\"alg\":\"%s\",\"kid\":\"k\"}", JOSE_NAME(algs[i]));
        sprintf(more, ",\"kid\":\"k\",\"alg\":\"%s\"", JOSE_NAME(algs[i]));

        members = jose_members(key, algs[i], more);
        token = jose_token(key, algs[i], header, PAYLOAD);
        set = jose_set_of(members, 0);

        ok(set && set->n == 1 && jose_verify(set, token) == 1, "%s",
           JOSE_NAME(algs[i]));

        for (j = 0, others = 0; j < ALGS; j++) {
            others += (j != i && jose_verify_alg(set, algs[j], token) != 0);
        }

        ok(others == 0, "%s: the key is for no other algorithm",
           JOSE_NAME(algs[i]));

        /* also below the set: a signature is of one algorithm */

        for (j = 0, others = 0; j < ALGS && (algs[i] & AGENT_ALGS_RSA); j++) {
            set->keys[0].algs = AGENT_ALGS_RSA;
            others += (j != i && jose_verify_alg(set, algs[j], token) != 0);
        }

        ok(others == 0, "%s: the signature is of no other one",
           JOSE_NAME(algs[i]));

        agent_jwks_free(set);
        free(members);
        free(token);

        if (key != rsa) {
            EVP_PKEY_free(key);
        }
    }

    name = *agent_alg_name(AGENT_ALG_RS256|AGENT_ALG_PS256);
    ok(name.len == 0, "two algorithms have no name");

#ifndef AGENT_HAVE_ML_DSA
    agent_str_set(&name, "ML-DSA-44");
    ok(agent_alg_find(&name) == 0, "no ML-DSA with this OpenSSL");
#endif
}


/*
 * R and S are numbers below the order of the curve, up to the last one: keys
 * are chosen such that S = n - 1 is right, d being (-k - e) / r.
 */

static void
orders(void)
{
    char    *input;
    size_t   i;
    BN_CTX  *ctx;

    static const struct {
        int       nid;
        int       size;
        uint32_t  alg;
    } curves[] = {
        { NID_X9_62_prime256v1, 32, AGENT_ALG_ES256 },
        { NID_secp384r1, 48, AGENT_ALG_ES384 },
        { NID_secp521r1, 66, AGENT_ALG_ES512 }
    };

    ctx = BN_CTX_new();
    input = jose_input(HEADER, PAYLOAD);

    for (i = 0; i < 3; i++) {
        BN_CTX_start(ctx);
        order_of(curves[i].nid, curves[i].size, curves[i].alg, input, ctx);
        BN_CTX_end(ctx);
    }

    free(input);
    BN_CTX_free(ctx);
}


static void
order_of(int nid, int size, uint32_t alg, const char *input, BN_CTX *ctx)
{
    char           members[1024], *x, *y;
    BIGNUM        *k, *r, *d, *e, *qx, *qy;
    uint8_t        hash[EVP_MAX_MD_SIZE];
    EC_GROUP      *group;
    EC_POINT      *point;
    const BIGNUM  *n;
    unsigned int   len;

    group = EC_GROUP_new_by_curve_name(nid);
    point = EC_POINT_new(group);
    n = EC_GROUP_get0_order(group);

    k = BN_CTX_get(ctx);
    r = BN_CTX_get(ctx);
    d = BN_CTX_get(ctx);
    e = BN_CTX_get(ctx);
    qx = BN_CTX_get(ctx);
    qy = BN_CTX_get(ctx);

    (void) EVP_Digest(input, strlen(input), hash, &len, jose_md(alg), NULL);
    (void) BN_bin2bn(hash, (int) len, e);

    (void) BN_set_word(k, 123456789);
    (void) EC_POINT_mul(group, point, k, NULL, NULL, ctx);
    (void) EC_POINT_get_affine_coordinates(group, point, qx, qy, ctx);
    (void) BN_nnmod(r, qx, n, ctx);

    (void) BN_mod_add(e, e, k, n, ctx);
    (void) BN_sub(e, n, e);
    (void) BN_mod_inverse(d, r, n, ctx);
    (void) BN_mod_mul(d, d, e, n, ctx);

    (void) EC_POINT_mul(group, point, d, NULL, NULL, ctx);
    (void) EC_POINT_get_affine_coordinates(group, point, qx, qy, ctx);

    x = number(qx, size);
    y = number(qy, size);
    sprintf(members, "\"kty\":\"EC\",\"crv\":\"P-%d\",\"x\":\"%s\","
            "\"y\":\"%s\"", size == 66 ? 521 : size * 8, x, y);

    bounds(members, alg, input, r, n, size);

    free(x);
    free(y);
    EC_POINT_free(point);
    EC_GROUP_free(group);
}


static char *
number(const BIGNUM *n, int len)
{
    uint8_t  octets[66];

    (void) BN_bn2binpad(n, octets, len);

    return jose_b64(octets, (size_t) len);
}


static void
bounds(const char *members, uint32_t alg, const char *input, const BIGNUM *r,
    const BIGNUM *n, int size)
{
    BIGNUM        *one;
    uint8_t        signature[132];
    agent_str_t    in, sig;
    agent_jwks_t  *set;

    set = jose_set_of(members, 0);
    one = BN_dup(n);
    (void) BN_sub_word(one, 1);

    in.data = (const uint8_t *) input;
    in.len = strlen(input);
    sig.data = signature;
    sig.len = (size_t) size * 2;

    (void) BN_bn2binpad(r, signature, size);
    (void) BN_bn2binpad(one, signature + size, size);
    ok(agent_jwk_verify(&set->keys[0], alg, &in, &sig) == 1,
       "%s: S is n - 1", JOSE_NAME(alg));

    (void) BN_bn2binpad(n, signature + size, size);
    ok(agent_jwk_verify(&set->keys[0], alg, &in, &sig) == 0,
       "%s: S is n", JOSE_NAME(alg));

    memset(signature + size, 0, (size_t) size);
    ok(agent_jwk_verify(&set->keys[0], alg, &in, &sig) == 0,
       "%s: S is 0", JOSE_NAME(alg));

    (void) BN_bn2binpad(one, signature + size, size);
    (void) BN_bn2binpad(n, signature, size);
    ok(agent_jwk_verify(&set->keys[0], alg, &in, &sig) == 0,
       "%s: R is n", JOSE_NAME(alg));

    memset(signature, 0, sizeof(signature));
    ok(agent_jwk_verify(&set->keys[0], alg, &in, &sig) == 0,
       "%s: R and S are 0 (CVE-2022-21449)", JOSE_NAME(alg));

    BN_free(one);
    agent_jwks_free(set);
}


/* W-12 and what HAProxy once did with 21,830 characters */

static void
lengths(void)
{
    char          *members, *input, *token;
    size_t         i, len, passed, right;
    uint8_t       *signature;
    agent_jwks_t  *set;

    signature = calloc(1, 20000);

    for (i = 0; i < ALGS; i++) {

        if (algs[i] == AGENT_ALG_ES384 || algs[i] == AGENT_ALG_ES512
            || algs[i] > AGENT_ALG_ED25519)
        {
            continue;
        }

        members = jose_members((algs[i] & AGENT_ALGS_RSA) ? rsa
                               : algs[i] == AGENT_ALG_ES256 ? ec : ed,
                               algs[i], "");
        set = jose_set_of(members, 0);
        input = jose_input(HEADER, PAYLOAD);
        right = jose_sign((algs[i] & AGENT_ALGS_RSA) ? rsa
                          : algs[i] == AGENT_ALG_ES256 ? ec : ed, algs[i],
                          input, signature);

        for (len = 0, passed = 0; len < 16373;
             len += (len < 600 ? 1 : 251))
        {
            token = jose_join(input, signature, len);
            passed += (jose_verify_alg(set, algs[i], token) == 1) * (len + 1);
            free(token);
        }

        ok(passed == right + 1, "%s: a signature of %zu octets, and no other",
           JOSE_NAME(algs[i]), right);

        free(input);
        free(members);
        agent_jwks_free(set);
    }

    free(signature);
}


/* ECDSA as TLS writes it is not ECDSA as JOSE does */

static void
numbers(void)
{
    char           *members, *input, *token;
    size_t          len;
    uint8_t         der[128];
    EVP_MD_CTX     *ctx;
    agent_jwks_t   *set;

    members = jose_members(ec, AGENT_ALG_ES256, "");
    set = jose_set_of(members, 0);
    input = jose_input(HEADER, PAYLOAD);

    len = sizeof(der);
    ctx = EVP_MD_CTX_new();
    (void) EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, ec);
    (void) EVP_DigestSign(ctx, der, &len, (uint8_t *) input, strlen(input));
    EVP_MD_CTX_free(ctx);

    token = jose_join(input, der, len);
    ok(jose_verify_alg(set, AGENT_ALG_ES256, token) == 0, "DER");
    free(token);

    /* R || S in which each is one octet too long */

    memmove(der + 1, der + 4, 32);
    der[0] = 0;
    token = jose_join(input, der, 66);
    ok(jose_verify_alg(set, AGENT_ALG_ES256, token) == 0, "with a sign");
    free(token);

    free(input);
    free(members);
    agent_jwks_free(set);
}


/* no bit of a token may be another one */

static void
flipped(void)
{
    char          *members, *token, *changed;
    size_t         i, k, len, passed;
    EVP_PKEY      *keys[3];
    agent_jwks_t  *set;

    static const uint32_t  of[] = {
        AGENT_ALG_ES256, AGENT_ALG_RS256, AGENT_ALG_ED25519
    };

    keys[0] = ec;
    keys[1] = rsa;
    keys[2] = ed;

    for (k = 0; k < 3; k++) {
        members = jose_members(keys[k], of[k], "");
        set = jose_set_of(members, 0);
        token = jose_token(keys[k], of[k], HEADER, PAYLOAD);
        len = strlen(token);
        changed = malloc(len + 1);

        ok(jose_verify_alg(set, of[k], token) == 1, "%s: as it is",
           JOSE_NAME(of[k]));

        for (i = 0, passed = 0; i < len * 8; i += 5) {
            memcpy(changed, token, len + 1);
            changed[i / 8] ^= (char) (1 << (i % 8));
            passed += (jose_verify_alg(set, of[k], changed) == 1);
        }

        ok(passed == 0, "%s: no bit changed", JOSE_NAME(of[k]));

        for (i = 0, passed = 0; i < len; i++) {
            memcpy(changed, token, len + 1);
            changed[i] = '\0';
            passed += (jose_verify_alg(set, of[k], changed) == 1);
        }

        ok(passed == 0, "%s: no end cut", JOSE_NAME(of[k]));

        free(changed);
        free(token);
        free(members);
        agent_jwks_free(set);
    }
}


/* W-07: what is public is no secret, whatever it is written as */

static void
confusion(void)
{
    size_t     i;
    EVP_PKEY  *keys[3];

    /* keys that say their algorithm, and some that do not (libjwt
     * GHSA-q843-6q5f-w55g) */

    static const struct {
        uint32_t     alg;
        const char  *more;
    } of[] = {
        { AGENT_ALG_RS256, "" },
        { AGENT_ALG_ES256, "" },
        { AGENT_ALG_EDDSA, "" },
        { AGENT_ALG_RS256, ",\"kid\":\"k\",\"alg\":\"RS256\"" },
        { AGENT_ALG_ES256, ",\"kid\":\"k\",\"alg\":\"ES256\"" },
        { AGENT_ALG_EDDSA, ",\"kid\":\"k\",\"alg\":\"EdDSA\"" }
    };

    keys[0] = rsa;
    keys[1] = ec;
    keys[2] = ed;

    for (i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
        confuse_key(keys[i % 3], of[i].alg, of[i].more);
    }
}


static void
confuse_key(EVP_PKEY *key, uint32_t alg, const char *more)
{
    int            len;
    char          *members, *jwk, *pem, *text;
    long           pem_len;
    BIO           *bio;
    size_t         i;
    uint8_t       *der;
    agent_jwks_t  *set;

    static const char  *ends[] = { "", "\n", "\r\n", " ", "\n\n" };

    members = jose_members(key, alg, more);
    set = jose_set_of(members, 1);

    bio = BIO_new(BIO_s_mem());
    (void) PEM_write_bio_PUBKEY(bio, key);
    pem_len = BIO_get_mem_data(bio, &pem);
    text = malloc((size_t) pem_len + 16);

    for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        memcpy(text, pem, (size_t) pem_len - 1);
        strcpy(text + pem_len - 1, ends[i]);
        confuse(set, text, strlen(text), "PEM");
    }

    sprintf(text, "\n%.*s", (int) pem_len, pem);
    confuse(set, text, strlen(text), "PEM after a line feed");

    der = NULL;
    len = i2d_PUBKEY(key, &der);
    confuse(set, der, (size_t) len, "DER");
    confuse(set, "", 0, "the empty key");
    confuse(set, "\0\0\0\0\0\0\0\0", 8, "zeros");

    jwk = malloc(strlen(members) + 3);
    sprintf(jwk, "{%s}", members);
    confuse(set, jwk, strlen(jwk), "JWK");

    confuse_number(set, key, alg);

    free(jwk);
    free(text);
    BIO_free(bio);
    OPENSSL_free(der);
    free(members);
    agent_jwks_free(set);
}


/* the modulus, or the point */

static void
confuse_number(const agent_jwks_t *set, EVP_PKEY *key, uint32_t alg)
{
    char     *text;
    size_t    len;
    BIGNUM   *n;
    uint8_t   octets[256];

    if (alg != AGENT_ALG_RS256) {
        len = sizeof(octets);
        (void) EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY,
                                               octets, sizeof(octets), &len);
        confuse(set, octets, len, "point");
        return;
    }

    n = NULL;
    (void) EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n);
    (void) BN_bn2binpad(n, octets, sizeof(octets));
    text = jose_number(key, OSSL_PKEY_PARAM_RSA_N, 0);

    confuse(set, octets, sizeof(octets), "modulus");
    confuse(set, text, strlen(text), "modulus in base64url");

    BN_free(n);
    free(text);
}


static void
confuse(const agent_jwks_t *set, const void *secret, size_t len,
    const char *what)
{
    char    *token, header[64];
    size_t   i, passed;

    static const uint32_t  macs[] = {
        AGENT_ALG_HS256, AGENT_ALG_HS384, AGENT_ALG_HS512
    };

    for (i = 0, passed = 0; i < 3; i++) {
        sprintf(header, "{\"alg\":\"%s\",\"kid\":\"k\"}", JOSE_NAME(macs[i]));
        token = jose_mac(macs[i], secret, len, header, PAYLOAD);
        passed += (jose_verify(set, token) != 0);

        /* and where a caller has found the key by something else */

        passed += (jose_verify_alg(set, macs[i], token) != 0);
        free(token);

        sprintf(header, "{\"alg\":\"%s\"}", JOSE_NAME(macs[i]));
        token = jose_mac(macs[i], secret, len, header, PAYLOAD);
        passed += (jose_verify(set, token) != 0);
        free(token);
    }

    ok(set->n == 1 && passed == 0, "HMAC keyed with %s", what);
}


/*
 * C2SP/wycheproof.  Where we differ: 346, 347, 350 and 351 use a key with
 * another algorithm than its "alg" (RFC 8725, 3.1), 367 and 370 are the same
 * octets as 357, which is valid, and 372 and 373 have a "?" in the base64url.
 */

static void
wycheproof(void)
{
    char          *text;
    size_t         i, j, run, wrong;
    json_t        *json, *group, *test, *key;
    agent_jwks_t  *set;

    json = jose_vectors("wycheproof_json_web_signature_test.json");
    if (json == NULL) {
        return;
    }

    run = 0;
    wrong = 0;

    json_array_foreach(json_object_get(json, "testGroups"), i, group) {

        key = json_object_get(group, "public");
        key = key ? key : json_object_get(group, "private");
        key = json_pack("{s:[O]}", "keys", key);
        text = json_dumps(key, 0);
        set = jose_set(text, 1, NULL);

        json_array_foreach(json_object_get(group, "tests"), j, test) {
            run++;
            wrong += !wycheproof_test(set, test);
        }

        free(text);
        json_decref(key);
        agent_jwks_free(set);
    }

    ok(run == 401 && wrong == 0, "wycheproof: %zu of %zu", run - wrong, run);

    json_decref(json);
}


static int
wycheproof_test(const agent_jwks_t *set, const json_t *test)
{
    int      id, valid, got;
    char    *token;
    size_t   i;

    static const int  refused[] = { 346, 347, 350, 351, 372, 373 };
    static const int  taken[] = { 367, 370 };

    id = (int) json_integer_value(json_object_get(test, "tcId"));
    valid = strcmp(json_string_value(json_object_get(test, "result")), "valid")
            == 0;

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        valid = valid && refused[i] != id;
    }

    for (i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        valid = valid || taken[i] == id;
    }

    /* in a copy that ends where the token does */

    token = strdup(json_string_value(json_object_get(test, "jws")));
    got = jose_verify(set, token);
    free(token);

    if (got != valid) {
        fprintf(stderr, "# %d: %s\n", id,
                json_string_value(json_object_get(test, "comment")));
    }

    return got == valid;
}


/* RFC 7520, 4.1 to 4.4 and 4.6; RFC 8037, A.4; RFC 7797, 4.2 */

static void
rfc7520(void)
{
    char          *text;
    size_t         i, j;
    json_t        *json, *key, *keys;
    const char    *token;
    agent_jwks_t  *set;

    static const char  *names[] = {
        "rfc7520/jws/4_1.rsa_v15_signature.json",
        "rfc7520/jws/4_2.rsa-pss_signature.json",
        "rfc7520/jws/4_3.ecdsa_signature.json",
        "rfc7520/jws/4_4.hmac-sha2_integrity_protection.json",
        "rfc7520/curve25519/jws.json"
    };
    static const char  *private[] = { "d", "p", "q", "dp", "dq", "qi" };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

        json = jose_vectors(names[i]);
        if (json == NULL) {
            continue;
        }

        key = json_deep_copy(json_object_get(json_object_get(json, "input"),
                                             "key"));

        keys = json_pack("{s:[O]}", "keys", key);
        text = json_dumps(keys, 0);
        set = jose_set(text, 1, NULL);
        token = json_string_value(json_object_get(
                    json_object_get(json, "output"), "compact"));

        if (i != 3) {
            ok(set->n == 0, "%s: the private key is not taken", names[i]);

            agent_jwks_free(set);
            free(text);

            for (j = 0; j < sizeof(private) / sizeof(private[0]); j++) {
                (void) json_object_del(key, private[j]);
            }

            text = json_dumps(keys, 0);
            set = jose_set(text, 0, NULL);
        }

        ok(set->n == 1 && jose_verify(set, token) == 1, "%s", names[i]);

        agent_jwks_free(set);
        free(text);
        json_decref(key);
        json_decref(keys);
        json_decref(json);
    }
}
