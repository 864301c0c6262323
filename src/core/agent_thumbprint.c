
#include "agent_thumbprint.h"
#include "agent_b64url.h"
#include "agent_form.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>


/* octets of an RSA modulus, of the longest that is hashed here */

#define AGENT_PKEY_VALUE_MAX     1024

/* and of the JSON text with two of them, the NUL counted */

#define AGENT_PKEY_TEXT_MAX                                                   \
    (2 * agent_b64url_room(AGENT_PKEY_VALUE_MAX) + 64)


typedef struct {
    char  text[agent_b64url_room(AGENT_PKEY_VALUE_MAX) + 1];
} agent_pkey_value_t;


static int agent_certificate_framed(const agent_str_t *der);
static int agent_pkey_rsa(const EVP_PKEY *pkey, char *text);
static int agent_pkey_ec(const EVP_PKEY *pkey, char *text);
static int agent_pkey_ed25519(const EVP_PKEY *pkey, char *text);
static int agent_pkey_number(const EVP_PKEY *pkey, const char *name,
    size_t len, agent_pkey_value_t *value);
static void agent_pkey_value(agent_pkey_value_t *value, const uint8_t *data,
    size_t len);


int
agent_client_cert_parse(const agent_str_t *value, uint8_t *buf,
    agent_str_t *der, char *err)
{
    size_t  n;

    der->data = buf;
    der->len = 0;

    if (value->len < 2
        || value->data[0] != ':'
        || value->data[value->len - 1] != ':')
    {
        return agent_fail(err, "no byte sequence between colons");
    }

    if (agent_client_cert_room(value->len) > AGENT_CLIENT_CERT_MAX) {
        return agent_fail(err, "more than %d octets", AGENT_CLIENT_CERT_MAX);
    }

    if (agent_base64_decode(buf, &n, value->data + 1, value->len - 2)
        != 0)
    {
        return agent_fail(err, "no base64 between the colons");
    }

    der->len = n;

    if (!agent_certificate_framed(der)) {
        der->len = 0;
        return agent_fail(err, "no certificate in DER");
    }

    return 0;
}


int
agent_certificate_thumbprint(const agent_str_t *der, uint8_t *digest)
{
    if (!agent_certificate_framed(der)) {
        memset(digest, 0, AGENT_SHA256_LEN);
        return -1;
    }

    agent_sha256(der->data, der->len, digest);

    return 0;
}


/* X.690, 8.1.3 and 10.1: a sequence, its length in the fewest octets */

static int
agent_certificate_framed(const agent_str_t *der)
{
    size_t          i, len, octets;
    const uint8_t  *p;

    p = der->data;

    if (der->len < 2 || p[0] != 0x30) {
        return 0;
    }

    if (p[1] < 0x80) {
        return der->len - 2 == p[1];
    }

    octets = p[1] & 0x7f;

    if (octets == 0 || octets > sizeof(uint32_t) || der->len - 2 < octets) {
        return 0;
    }

    for (i = 0, len = 0; i < octets; i++) {
        len = len << 8 | p[2 + i];
    }

    return p[2] != 0 && len >= 0x80 && der->len - 2 - octets == len;
}


int
agent_pkey_thumbprint(const EVP_PKEY *pkey, uint8_t *digest)
{
    int   rc;
    char  text[AGENT_PKEY_TEXT_MAX];

    memset(digest, 0, AGENT_SHA256_LEN);

    if (EVP_PKEY_is_a(pkey, "RSA")) {
        rc = agent_pkey_rsa(pkey, text);

    } else if (EVP_PKEY_is_a(pkey, "EC")) {
        rc = agent_pkey_ec(pkey, text);

    } else if (EVP_PKEY_is_a(pkey, "ED25519")) {
        rc = agent_pkey_ed25519(pkey, text);

    } else {
        rc = -1;
    }

    ERR_clear_error();

    if (rc != 0) {
        return -1;
    }

    agent_sha256((const uint8_t *) text, strlen(text), digest);

    return 0;
}


/* RFC 7518, 6.3.1: numbers without leading zero octets */

static int
agent_pkey_rsa(const EVP_PKEY *pkey, char *text)
{
    agent_pkey_value_t  n, e;

    if (agent_pkey_number(pkey, OSSL_PKEY_PARAM_RSA_N, 0, &n) != 0
        || agent_pkey_number(pkey, OSSL_PKEY_PARAM_RSA_E, 0, &e) != 0)
    {
        return -1;
    }

    snprintf(text, AGENT_PKEY_TEXT_MAX,
             "{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}", e.text, n.text);

    return 0;
}


/* RFC 7518, 6.2.1: coordinates as long as the field's numbers */

static int
agent_pkey_ec(const EVP_PKEY *pkey, char *text)
{
    char                 name[32];
    size_t               i, len;
    agent_pkey_value_t   x, y;

    static const struct {
        const char  *name;          /* of OpenSSL */
        const char  *crv;
        size_t       len;
    } curves[] = {
        { "prime256v1", "P-256", 32 },
        { "secp384r1", "P-384", 48 },
        { "secp521r1", "P-521", 66 }
    };

    if (EVP_PKEY_get_group_name(pkey, name, sizeof(name), &len) != 1) {
        return -1;
    }

    for (i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {

        if (strcmp(name, curves[i].name) != 0) {
            continue;
        }

        len = curves[i].len;

        if (agent_pkey_number(pkey, OSSL_PKEY_PARAM_EC_PUB_X, len, &x) != 0
            || agent_pkey_number(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, len, &y) != 0)
        {
            return -1;
        }

        snprintf(text, AGENT_PKEY_TEXT_MAX, "{\"crv\":\"%s\",\"kty\":\"EC\","
                 "\"x\":\"%s\",\"y\":\"%s\"}", curves[i].crv, x.text, y.text);
        return 0;
    }

    return -1;
}


static int
agent_pkey_ed25519(const EVP_PKEY *pkey, char *text)
{
    size_t               len;
    uint8_t              octets[32];
    agent_pkey_value_t   x;

    len = sizeof(octets);

    if (EVP_PKEY_get_raw_public_key(pkey, octets, &len) != 1
        || len != sizeof(octets))
    {
        return -1;
    }

    agent_pkey_value(&x, octets, len);

    snprintf(text, AGENT_PKEY_TEXT_MAX,
             "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"%s\"}", x.text);

    return 0;
}


/* len: octets that it must have; 0: the fewest */

static int
agent_pkey_number(const EVP_PKEY *pkey, const char *name, size_t len,
    agent_pkey_value_t *value)
{
    int      rc;
    BIGNUM  *number;
    uint8_t  octets[AGENT_PKEY_VALUE_MAX];

    number = NULL;

    if (EVP_PKEY_get_bn_param(pkey, name, &number) != 1) {
        return -1;
    }

    if (len == 0) {
        len = (size_t) BN_num_bytes(number);
    }

    rc = -1;

    if (len <= sizeof(octets)
        && BN_bn2binpad(number, octets, (int) len) == (int) len)
    {
        agent_pkey_value(value, octets, len);
        rc = 0;
    }

    BN_free(number);

    return rc;
}


/* len: at most AGENT_PKEY_VALUE_MAX */

static void
agent_pkey_value(agent_pkey_value_t *value, const uint8_t *data, size_t len)
{
    uint8_t  *last;

    last = agent_b64url_encode((uint8_t *) value->text, data, len);
    *last = '\0';
}
