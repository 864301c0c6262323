
/*
 * Without this a token could pass with a certificate or key that it is not
 * bound to, or be refused with the one that it is; and what a proxy passes on
 * as the certificate of its client could be something else, or be read in two
 * ways (M-01, M-06, D-13; RFC 7638, RFC 8705, RFC 9440).
 */

#include "agent_form.h"
#include "agent_thumbprint.h"
#include "jose.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>


#define NO_COLONS  "no byte sequence between colons"
#define NO_BASE64  "no base64 between the colons"
#define NO_DER     "no certificate in DER"


static void test_published(void);
static void published(const char *members, const char *expected,
    const char *what);
static void test_same_as_jwk(void);
static void test_short_coordinates(void);
static int same_as_jwk(const EVP_PKEY *pkey, uint32_t alg);
static void test_no_thumbprint(void);
static void test_certificate(void);
static void test_field(void);
static void field(const char *value, size_t len, const char *why,
    const char *what);
static void test_sizes(void);
static void test_framing(void);
static size_t certificate(uint8_t *der, X509 **x509);
static size_t encoded(char *text, const uint8_t *data, size_t len);


int
main(void)
{
    test_published();
    test_same_as_jwk();
    test_short_coordinates();
    test_no_thumbprint();
    test_certificate();
    test_field();
    test_sizes();
    test_framing();

    ok(ERR_peek_error() == 0, "no error is left to others");

    return tap_done();
}


/* RFC 7638, 3.1; RFC 8037, A.3 */

static void
test_published(void)
{
    published("\"kty\":\"RSA\",\"n\":\""
              "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT8"
              "6zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W"
              "-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY36"
              "8QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08q"
              "NLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0L"
              "s1jF44-csFCur-kEgU8awapJzKnqDKgw\",\"e\":\"AQAB\"",
              "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", "RFC 7638");

    published("\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\""
              "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"",
              "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "RFC 8037");
}


static void
published(const char *members, const char *expected, const char *what)
{
    char          text[1024], err[AGENT_ERROR_LEN], *thumbprint;
    json_t       *json;
    uint8_t       digest[AGENT_SHA256_LEN];
    agent_jwk_t   jwk;

    snprintf(text, sizeof(text), "{%s}", members);
    json = json_loads(text, 0, NULL);

    ok(agent_jwk_take(&jwk, json, 0, NULL, err) == 0
       && agent_pkey_thumbprint(jwk.pkey, digest) == 0, "%s: a key", what);

    thumbprint = jose_b64(digest, sizeof(digest));
    is_str(thumbprint, strlen(thumbprint), expected, "%s: thumbprint", what);

    free(thumbprint);
    agent_jwk_free(&jwk);
    json_decref(json);
}


static void
test_same_as_jwk(void)
{
    size_t     i;
    EVP_PKEY  *pkey;

    static const uint32_t  algs[] = {
        AGENT_ALG_RS256, AGENT_ALG_ES256, AGENT_ALG_ES384, AGENT_ALG_ES512,
        AGENT_ALG_EDDSA
    };

    for (i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
        pkey = jose_key(algs[i]);
        ok(same_as_jwk(pkey, algs[i]), "%s: that of the JWK",
           JOSE_NAME(algs[i]));
        EVP_PKEY_free(pkey);
    }
}


/* RFC 7518, 6.2.1.2: of 600 keys some have a coordinate that begins with 0 */

static void
test_short_coordinates(void)
{
    int        i, good;
    EVP_PKEY  *pkey;

    for (i = 0, good = 0; i < 600; i++) {
        pkey = jose_key(AGENT_ALG_ES256);
        good += same_as_jwk(pkey, AGENT_ALG_ES256);
        EVP_PKEY_free(pkey);
    }

    ok(good == 600, "%d of 600 keys have the thumbprint of the JWK", good);
}


static int
same_as_jwk(const EVP_PKEY *pkey, uint32_t alg)
{
    int           same;
    char          text[4096], err[AGENT_ERROR_LEN], *members;
    json_t       *json;
    uint8_t       digest[AGENT_SHA256_LEN];
    agent_jwk_t   jwk;

    members = jose_members(pkey, alg, "");
    snprintf(text, sizeof(text), "{%s}", members);
    json = json_loads(text, 0, NULL);

    same = agent_jwk_take(&jwk, json, 0, NULL, err) == 0;

    if (same) {
        same = agent_pkey_thumbprint(pkey, digest) == 0
               && agent_digest_eq(digest, jwk.thumbprint);
        agent_jwk_free(&jwk);
    }

    json_decref(json);
    free(members);

    return same;
}


static void
test_no_thumbprint(void)
{
    size_t     i, n;
    uint8_t    digest[AGENT_SHA256_LEN];
    EVP_PKEY  *pkey;

    static const char  *types[] = { "X25519", "ED448", "secp256k1" };

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        pkey = i == 2 ? EVP_EC_gen(types[i])
                      : EVP_PKEY_Q_keygen(NULL, NULL, types[i]);

        memset(digest, 0xff, sizeof(digest));
        ok(agent_pkey_thumbprint(pkey, digest) == -1, "%s: none", types[i]);

        for (n = 0; n < sizeof(digest) && digest[n] == 0; n++) { /* void */ }
        ok(n == sizeof(digest), "%s: zeroed", types[i]);

        EVP_PKEY_free(pkey);
    }
}


static void
test_certificate(void)
{
    char          err[AGENT_ERROR_LEN], value[4096];
    X509         *x509;
    size_t        len;
    uint8_t       der[2048], buf[4096];
    uint8_t       digest[AGENT_SHA256_LEN], expected[AGENT_SHA256_LEN];
    agent_str_t   text, found;

    len = certificate(der, &x509);
    (void) X509_digest(x509, EVP_sha256(), expected, NULL);
    X509_free(x509);

    found.data = der;
    found.len = len;

    ok(agent_certificate_thumbprint(&found, digest) == 0
       && agent_digest_eq(digest, expected), "x5t#S256 of a certificate");

    text.data = (const uint8_t *) value;
    text.len = encoded(value, der, len);

    ok(agent_client_cert_parse(&text, buf, &found, err) == 0, "a field");
    ok(found.data == buf && found.len == len && memcmp(buf, der, len) == 0,
       "the certificate in it");
    ok(agent_certificate_thumbprint(&found, digest) == 0
       && agent_digest_eq(digest, expected), "and its x5t#S256");

    found.len--;
    memset(digest, 0xff, sizeof(digest));
    ok(agent_certificate_thumbprint(&found, digest) == -1
       && digest[0] == 0 && digest[31] == 0, "cut: none, and zeroed");
}


static void
test_field(void)
{
    char     value[8200], good[4096];
    X509    *x509;
    size_t   len, n;
    uint8_t  der[2048];

    n = certificate(der, &x509);
    X509_free(x509);

    len = encoded(good, der, n);

    field(good, len, NULL, "a good one");

    field("", 0, NO_COLONS, "nothing");
    field(":", 1, NO_COLONS, "a colon");
    field("::", 2, NO_BASE64, "two colons");
    field(good + 1, len - 1, NO_COLONS, "none before");
    field(good, len - 1, NO_COLONS, "none behind");
    field(good + 1, len - 2, NO_COLONS, "neither");

    snprintf(value, sizeof(value), " %s", good);
    field(value, len + 1, NO_COLONS, "a space before");
    snprintf(value, sizeof(value), "%s ", good);
    field(value, len + 1, NO_COLONS, "a space behind");
    snprintf(value, sizeof(value), "%s;a=1", good);
    field(value, len + 4, NO_COLONS, "a parameter");
    snprintf(value, sizeof(value), "%s;a=:AAAA:", good);
    field(value, strlen(value), NO_BASE64, "a parameter of the same kind");
    snprintf(value, sizeof(value), "%s, %s", good, good);
    field(value, 2 * len + 2, NO_BASE64, "a list");
    snprintf(value, sizeof(value), "%s,%s", good, good);
    field(value, 2 * len + 1, NO_BASE64, "a list without a space");
    snprintf(value, sizeof(value), "\"%.*s\"", (int) len - 2, good + 1);
    field(value, len, NO_COLONS, "a string");

    memcpy(value, good, len);
    value[5] = '\n';
    field(value, len, NO_BASE64, "a line feed");
    value[5] = '\0';
    field(value, len, NO_BASE64, "a NUL");
    value[5] = '-';
    field(value, len, NO_BASE64, "base64url");
    value[5] = '_';
    field(value, len, NO_BASE64, "likewise");
    value[5] = '=';
    field(value, len, NO_BASE64, "padding inside");
    value[5] = (char) 0xc3;
    field(value, len, NO_BASE64, "an octet that is no ASCII");

    snprintf(value, sizeof(value), ":-----BEGIN CERTIFICATE-----%.*s:",
             (int) len - 2, good + 1);
    field(value, strlen(value), NO_BASE64, "PEM");

    /* one spelling: 0x30 0x01 0x00 0x.. in two and in three characters */

    field(":MAEA:", 6, NULL, "three octets");
    field(":MAA=:", 6, NULL, "two octets");
    field(":MAB=:", 6, NO_BASE64, "a bit that stands for nothing");
    field(":MAA:", 5, NO_BASE64, "no padding");
    field(":MA==:", 6, NO_DER, "one octet");
    field(":M===:", 6, NO_BASE64, "three for padding");
    field(":====:", 6, NO_BASE64, "nothing but padding");
    field(":MAA==:", 7, NO_BASE64, "too much of it");
    field(":AAAA:", 6, NO_DER, "no sequence");
}


/* why: NULL for a good one */

static void
field(const char *value, size_t len, const char *why, const char *what)
{
    int           rc;
    char          err[AGENT_ERROR_LEN];
    uint8_t      *copy, *buf;
    agent_str_t   text, der;

    /* of exactly the size, so that the sanitizer sees what is beyond */

    copy = malloc(len ? len : 1);
    memcpy(copy, value, len);
    buf = malloc(len > 3 ? agent_client_cert_room(len) : 1);

    text.data = copy;
    text.len = len;
    err[0] = '\0';

    rc = agent_client_cert_parse(&text, buf, &der, err);

    if (why == NULL) {
        ok(rc == 0 && der.len > 0, "field, %s", what);

    } else {
        ok(rc == -1 && der.len == 0, "field, %s: refused", what);
        is_str(err, strlen(err), why, "field, %s: why", what);
    }

    free(copy);
    free(buf);
}


/* chunks end at each place; the largest that is taken, and one more */

static void
test_sizes(void)
{
    char         *value, err[AGENT_ERROR_LEN];
    size_t        n, wrong;
    uint8_t      *der, *buf;
    agent_str_t   text, found;

    der = malloc(AGENT_CLIENT_CERT_MAX + 16);
    buf = malloc(AGENT_CLIENT_CERT_MAX + 16);
    value = malloc(agent_base64_room(AGENT_CLIENT_CERT_MAX + 16) + 3);

    for (n = 260, wrong = 0; n < AGENT_CLIENT_CERT_MAX; n += n < 1400 ? 1 : 97)
    {
        memset(der, (int) n & 0xff, n);
        memcpy(der, "\x30\x82", 2);
        der[2] = (uint8_t) ((n - 4) >> 8);
        der[3] = (uint8_t) (n - 4);

        text.data = (const uint8_t *) value;
        text.len = encoded(value, der, n);

        wrong += agent_client_cert_parse(&text, buf, &found, err) != 0
                 || found.len != n || memcmp(buf, der, n) != 0;
    }

    ok(wrong == 0, "of all sizes");

    n = AGENT_CLIENT_CERT_MAX + 3;
    memcpy(der, "\x30\x82\x3f\xff", 4);

    text.data = (const uint8_t *) value;
    text.len = encoded(value, der, n);

    ok(agent_client_cert_parse(&text, buf, &found, err) == -1
       && found.len == 0, "too large a one is refused");
    is_str(err, strlen(err), "more than 16384 octets", "and says so");

    free(der);
    free(buf);
    free(value);
}


/* X.690, 10.1: what is shorter, longer or written in more octets than needed */

static void
test_framing(void)
{
    size_t       i;
    uint8_t      octets[300], digest[AGENT_SHA256_LEN];
    agent_str_t  der;

    static const struct {
        const char  *head;
        size_t       n;             /* octets of it */
        size_t       len;           /* of all */
        int          good;
    } cases[] = {
        { "\x30\x00", 2, 2, 1 },
        { "\x30\x7f", 2, 129, 1 },
        { "\x30\x81\x80", 3, 131, 1 },
        { "\x30\x82\x01\x00", 4, 260, 1 },
        { "\x30", 1, 1, 0 },
        { "\x30\x01", 2, 2, 0 },
        { "\x30\x00", 2, 3, 0 },
        { "\x30\x80", 2, 4, 0 },
        { "\x30\x81\x7f", 3, 130, 0 },
        { "\x30\x81", 2, 2, 0 },
        { "\x30\x82\x00\x80", 4, 132, 0 },
        { "\x30\x82\x01", 3, 3, 0 },
        { "\x30\x82\x01\x00", 4, 259, 0 },
        { "\x30\x82\x01\x00", 4, 261, 0 },
        { "\x30\x84\xff\xff\xff\xff", 6, 300, 0 },
        { "\x30\x85\x00\x00\x00\x00\x80", 7, 135, 0 },
        { "\x30\xff", 2, 300, 0 },
        { "\x31\x00", 2, 2, 0 },
        { "\xb0\x00", 2, 2, 0 }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memset(octets, 0, sizeof(octets));
        memcpy(octets, cases[i].head, cases[i].n);

        der.data = octets;
        der.len = cases[i].len;

        ok((agent_certificate_thumbprint(&der, digest) == 0) == cases[i].good,
           "frame %zu: %s", i, cases[i].good ? "taken" : "refused");
    }

    der.len = 0;
    ok(agent_certificate_thumbprint(&der, digest) == -1, "nothing: refused");
}


/* to be freed by X509_free(); returns the size of its DER */

static size_t
certificate(uint8_t *der, X509 **x509)
{
    EVP_PKEY  *pkey;

    pkey = EVP_EC_gen("P-256");
    *x509 = X509_new();

    ASN1_INTEGER_set(X509_get_serialNumber(*x509), 7);
    X509_gmtime_adj(X509_getm_notBefore(*x509), 0);
    X509_gmtime_adj(X509_getm_notAfter(*x509), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(*x509), "CN",
                               MBSTRING_ASC, (const uint8_t *) "agent", -1, -1,
                               0);
    X509_set_issuer_name(*x509, X509_get_subject_name(*x509));
    X509_set_pubkey(*x509, pkey);
    X509_sign(*x509, pkey, EVP_sha256());

    EVP_PKEY_free(pkey);

    return (size_t) i2d_X509(*x509, &der);
}


/* ":base64:" and a NUL; returns its length */

static size_t
encoded(char *text, const uint8_t *data, size_t len)
{
    uint8_t  *p;

    text[0] = ':';
    p = agent_base64_encode((uint8_t *) text + 1, data, len);
    *p++ = ':';
    *p = '\0';

    return (size_t) (p - (uint8_t *) text);
}
