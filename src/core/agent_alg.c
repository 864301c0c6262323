
#include "agent_alg.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>


/* octets of a number of P-521, and of a SEQUENCE of two with their headers */

#define AGENT_ALG_NUMBER_MAX  66
#define AGENT_ALG_DER_MAX     (3 + 2 * (3 + AGENT_ALG_NUMBER_MAX))


typedef struct {
    agent_str_t     name;
    uint32_t        alg;
    const EVP_MD *(*md)(void);          /* NULL: the algorithm has its own */
    size_t          len;                /* of a signature; 0: of the modulus */
    const uint8_t  *order;              /* ECDSA: of the curve, len / 2 */
} agent_alg_t;


static const agent_alg_t *agent_alg_entry(uint32_t alg);
static int agent_alg_init(const agent_alg_t *entry, EVP_MD_CTX *ctx,
    EVP_PKEY *key);
static size_t agent_alg_der(const agent_alg_t *entry, uint8_t *der,
    const agent_str_t *signature);
static uint8_t *agent_alg_der_integer(uint8_t *p, const uint8_t *number,
    size_t len, const uint8_t *order);


/* n of the curves, SEC 2, 2.4.2, 2.5.1 and 2.6.1 */

static const uint8_t  agent_alg_p256[] = {
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84,
    0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51
};

static const uint8_t  agent_alg_p384[] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf,
    0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a,
    0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73
};

static const uint8_t  agent_alg_p521[] = {
    0x01, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfa,
    0x51, 0x86, 0x87, 0x83, 0xbf, 0x2f, 0x96, 0x6b,
    0x7f, 0xcc, 0x01, 0x48, 0xf7, 0x09, 0xa5, 0xd0,
    0x3b, 0xb5, 0xc9, 0xb8, 0x89, 0x9c, 0x47, 0xae,
    0xbb, 0x6f, 0xb7, 0x1e, 0x91, 0x38, 0x64, 0x09
};


static const agent_alg_t  agent_algs[] = {
    { agent_string("RS256"), AGENT_ALG_RS256, EVP_sha256, 0, NULL },
    { agent_string("RS384"), AGENT_ALG_RS384, EVP_sha384, 0, NULL },
    { agent_string("RS512"), AGENT_ALG_RS512, EVP_sha512, 0, NULL },
    { agent_string("PS256"), AGENT_ALG_PS256, EVP_sha256, 0, NULL },
    { agent_string("PS384"), AGENT_ALG_PS384, EVP_sha384, 0, NULL },
    { agent_string("PS512"), AGENT_ALG_PS512, EVP_sha512, 0, NULL },
    { agent_string("ES256"), AGENT_ALG_ES256, EVP_sha256, 64, agent_alg_p256 },
    { agent_string("ES384"), AGENT_ALG_ES384, EVP_sha384, 96, agent_alg_p384 },
    { agent_string("ES512"), AGENT_ALG_ES512, EVP_sha512, 132, agent_alg_p521 },
    { agent_string("EdDSA"), AGENT_ALG_EDDSA, NULL, 64, NULL },
    { agent_string("Ed25519"), AGENT_ALG_ED25519, NULL, 64, NULL },
    { agent_string("HS256"), AGENT_ALG_HS256, EVP_sha256, 32, NULL },
    { agent_string("HS384"), AGENT_ALG_HS384, EVP_sha384, 48, NULL },
    { agent_string("HS512"), AGENT_ALG_HS512, EVP_sha512, 64, NULL },
#ifdef AGENT_HAVE_ML_DSA
    { agent_string("ML-DSA-44"), AGENT_ALG_ML_DSA_44, NULL, 2420, NULL },
    { agent_string("ML-DSA-65"), AGENT_ALG_ML_DSA_65, NULL, 3309, NULL },
    { agent_string("ML-DSA-87"), AGENT_ALG_ML_DSA_87, NULL, 4627, NULL },
#endif
};

#define AGENT_ALGS  (sizeof(agent_algs) / sizeof(agent_algs[0]))


uint32_t
agent_alg_find(const agent_str_t *name)
{
    size_t  i;

    for (i = 0; i < AGENT_ALGS; i++) {
        if (agent_str_eq(&agent_algs[i].name, name)) {
            return agent_algs[i].alg;
        }
    }

    return 0;
}


const agent_str_t *
agent_alg_name(uint32_t alg)
{
    const agent_alg_t  *entry;

    static const agent_str_t  none = agent_string("");

    entry = agent_alg_entry(alg);

    return entry ? &entry->name : &none;
}


static const agent_alg_t *
agent_alg_entry(uint32_t alg)
{
    size_t  i;

    for (i = 0; i < AGENT_ALGS; i++) {
        if (agent_algs[i].alg == alg) {
            return &agent_algs[i];
        }
    }

    return NULL;
}


size_t
agent_alg_secret_min(uint32_t alg)
{
    const agent_alg_t  *entry;

    entry = agent_alg_entry(alg & AGENT_ALGS_HMAC);

    return entry ? entry->len : 0;
}


int
agent_alg_verify(uint32_t alg, EVP_PKEY *key, const agent_str_t *input,
    const agent_str_t *signature)
{
    int                 rc;
    size_t              len;
    uint8_t             der[AGENT_ALG_DER_MAX];
    EVP_MD_CTX         *ctx;
    const uint8_t      *p;
    const agent_alg_t  *entry;

    entry = agent_alg_entry(alg & ~(uint32_t) AGENT_ALGS_HMAC);

    if (entry == NULL
        || signature->len != (entry->len ? entry->len
                                         : (size_t) EVP_PKEY_get_size(key)))
    {
        return 0;
    }

    p = signature->data;
    len = signature->len;

    if (entry->order) {

        len = agent_alg_der(entry, der, signature);
        if (len == 0) {
            return 0;
        }

        p = der;
    }

    ctx = EVP_MD_CTX_new();
    if (ctx == NULL) {
        return -1;
    }

    /* what a stranger's signature puts there is not the next caller's error */

    (void) ERR_set_mark();

    rc = agent_alg_init(entry, ctx, key);

    if (rc == 1) {
        rc = (EVP_DigestVerify(ctx, p, len, input->data, input->len) == 1);
    }

    (void) ERR_pop_to_mark();

    EVP_MD_CTX_free(ctx);

    return rc;
}


static int
agent_alg_init(const agent_alg_t *entry, EVP_MD_CTX *ctx, EVP_PKEY *key)
{
    EVP_PKEY_CTX  *pctx;

    if (EVP_DigestVerifyInit(ctx, &pctx, entry->md ? entry->md() : NULL, NULL,
                             key)
        != 1)
    {
        return -1;
    }

    if (entry->alg & (AGENT_ALG_PS256|AGENT_ALG_PS384|AGENT_ALG_PS512)) {

        /* RFC 7518, 3.5: the same hash in MGF1, a salt as long as the hash */

        if (EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) != 1
            || EVP_PKEY_CTX_set_rsa_mgf1_md(pctx, entry->md()) != 1
            || EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST)
               != 1)
        {
            return -1;
        }
    }

    return 1;
}


/*
 * R || S to SEQUENCE { INTEGER, INTEGER }, which OpenSSL reads; returns the
 * octets written, or 0 where a number is out of range.
 */

static size_t
agent_alg_der(const agent_alg_t *entry, uint8_t *der,
    const agent_str_t *signature)
{
    size_t   half, body, head;
    uint8_t  *p, numbers[AGENT_ALG_DER_MAX];

    half = signature->len / 2;

    p = agent_alg_der_integer(numbers, signature->data, half, entry->order);
    if (p == NULL) {
        return 0;
    }

    p = agent_alg_der_integer(p, signature->data + half, half, entry->order);
    if (p == NULL) {
        return 0;
    }

    body = (size_t) (p - numbers);
    head = 0;

    der[head++] = 0x30;

    if (body > 0x7f) {
        der[head++] = 0x81;
    }

    der[head++] = (uint8_t) body;

    memcpy(der + head, numbers, body);

    return head + body;
}


static uint8_t *
agent_alg_der_integer(uint8_t *p, const uint8_t *number, size_t len,
    const uint8_t *order)
{
    if (memcmp(number, order, len) >= 0) {
        return NULL;
    }

    while (len > 0 && *number == 0) {
        number++;
        len--;
    }

    if (len == 0) {
        return NULL;
    }

    *p++ = 0x02;

    if (*number & 0x80) {
        *p++ = (uint8_t) (len + 1);
        *p++ = 0;

    } else {
        *p++ = (uint8_t) len;
    }

    memcpy(p, number, len);

    return p + len;
}


int
agent_alg_verify_mac(uint32_t alg, const agent_str_t *secret,
    const agent_str_t *input, const agent_str_t *signature)
{
    int                 rc;
    uint8_t             mac[EVP_MAX_MD_SIZE];
    unsigned int        len;
    const agent_alg_t  *entry;

    entry = agent_alg_entry(alg & AGENT_ALGS_HMAC);

    if (entry == NULL || signature->len != entry->len
        || secret->len < entry->len)
    {
        return 0;
    }

    if (HMAC(entry->md(), secret->data, (int) secret->len, input->data,
             input->len, mac, &len)
        == NULL)
    {
        return -1;
    }

    rc = (len == entry->len
          && CRYPTO_memcmp(mac, signature->data, entry->len) == 0);

    OPENSSL_cleanse(mac, sizeof(mac));

    return rc;
}
