
/*
 * Without this an authorization server could refuse what proves who we are, or
 * take it a second time, or for longer than it has to be good; a key of a kind
 * that nobody can check it with would be found at the first call; and nginx
 * could stop to ask its terminal for a passphrase (requirement I-02; RFC 7523,
 * 3).
 */

#include "agent_assertion.h"
#include "tap.h"

#include <jansson.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>


#define NOW    1700000000

/* of so many signatures some have an r or s that begins with a zero octet */

#define TIMES  600


typedef struct {
    size_t   len;
    uint8_t  data[AGENT_ASSERTION_KEY_MAX + 1];
} octets_t;


static void test_keys(void);
static void test_no_keys(void);
static void refused(const octets_t *pem, const char *why, const char *what);
static void test_signed(EVP_PKEY *pkey, const char *alg);
static void test_again(EVP_PKEY *pkey);
static void test_odd(EVP_PKEY *pkey);
static void test_kid(EVP_PKEY *pkey);
static void test_other_key(EVP_PKEY *pkey);
static void assertion_of(agent_assertion_t *assertion, octets_t *pem,
    EVP_PKEY *pkey);
static void pem_of(octets_t *pem, EVP_PKEY *pkey, const char *passphrase);
static int verified(char *text, EVP_PKEY *pkey);
static int der_of(octets_t *der, const octets_t *raw);
static json_t *part(const char *text, int n);
static void decoded(octets_t *out, const char *text, size_t len);


int
main(void)
{
    EVP_PKEY  *ec, *rsa;

    ec = EVP_EC_gen("P-256");
    rsa = EVP_RSA_gen(2048);

    if (ec == NULL || rsa == NULL) {
        printf("Bail out! no keys\n");
        return 1;
    }

    test_keys();
    test_no_keys();

    test_signed(ec, "ES256");
    test_signed(rsa, "RS256");
    test_again(ec);
    test_odd(ec);
    test_kid(ec);
    test_other_key(rsa);

    EVP_PKEY_free(ec);
    EVP_PKEY_free(rsa);

    ok(ERR_peek_error() == 0, "no error is left to others");

    return tap_done();
}


static void
test_keys(void)
{
    char                    err[AGENT_ERROR_LEN];
    size_t                  i;
    octets_t                pem;
    EVP_PKEY               *pkey;
    agent_str_t             text;
    agent_assertion_key_t   key;

    static const struct {
        const char  *name;
        const char  *why;           /* NULL: it is taken */
        int          bits;          /* of RSA, else a curve */
    } keys[] = {
        { "RSA 1024", "an RSA key of 1024 bits: it must be 2048 to 4096",
          1024 },
        { "RSA 2047", "an RSA key of 2047 bits: it must be 2048 to 4096",
          2047 },
        { "RSA 3072", NULL, 3072 },
        { "P-256", NULL, 0 },
        { "P-384", "the key must be of RSA or of the curve P-256", 0 },
        { "secp256k1", "the key must be of RSA or of the curve P-256", 0 },
        { "ED25519", "the key must be of RSA or of the curve P-256", -1 }
    };

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {

        pkey = keys[i].bits > 0 ? EVP_RSA_gen((unsigned) keys[i].bits)
               : keys[i].bits < 0 ? EVP_PKEY_Q_keygen(NULL, NULL, keys[i].name)
               : EVP_EC_gen(keys[i].name);

        pem_of(&pem, pkey, NULL);
        EVP_PKEY_free(pkey);

        text.data = pem.data;
        text.len = pem.len;

        if (keys[i].why) {
            refused(&pem, keys[i].why, keys[i].name);
            continue;
        }

        ok(agent_assertion_key(&text, &key, err) == 0
           && key.alg == (keys[i].bits ? AGENT_ASSERTION_RS256
                                       : AGENT_ASSERTION_ES256),
           "%s is taken", keys[i].name);
        ok(strlen(key.thumbprint) == 43, "%s has a thumbprint", keys[i].name);
    }
}


static void
test_no_keys(void)
{
    BIO       *bio;
    long       n;
    char      *data;
    octets_t   pem;
    EVP_PKEY  *pkey;

    const char  *no_key = "it has no private key in PEM";
    const char  *size = "it must be 1 to 16384 octets";

    pkey = EVP_EC_gen("P-256");

    pem_of(&pem, pkey, "secret");
    refused(&pem, "the key is encrypted, and there is nobody to ask for its "
            "passphrase", "an encrypted key");

    /* the older form, which says so in lines of its own */

    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey_traditional(bio, pkey, EVP_aes_128_cbc(),
                                         (const unsigned char *) "secret", 6,
                                         NULL, NULL);
    n = BIO_get_mem_data(bio, &data);
    memcpy(pem.data, data, (size_t) n);
    pem.len = (size_t) n;
    BIO_free(bio);
    refused(&pem, "the key is encrypted, and there is nobody to ask for its "
            "passphrase", "an encrypted key in the older form");

    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(bio, pkey);
    n = BIO_get_mem_data(bio, &data);
    memcpy(pem.data, data, (size_t) n);
    pem.len = (size_t) n;
    BIO_free(bio);
    refused(&pem, no_key, "a public key");

    pem_of(&pem, pkey, NULL);
    pem.len /= 2;
    refused(&pem, no_key, "half a key");

    pem_of(&pem, pkey, NULL);
    pem.data[40] = '\0';
    refused(&pem, no_key, "a NUL");

    memset(pem.data, 'x', sizeof(pem.data));
    pem.len = AGENT_ASSERTION_KEY_MAX;
    refused(&pem, no_key, "something else");
    pem.len++;
    refused(&pem, size, "too much");
    pem.len = 0;
    refused(&pem, size, "nothing");

    EVP_PKEY_free(pkey);
}


static void
refused(const octets_t *pem, const char *why, const char *what)
{
    char                    err[AGENT_ERROR_LEN];
    agent_str_t             text;
    agent_assertion_key_t   key;

    text.data = pem->data;
    text.len = pem->len;

    err[0] = '\0';

    ok(agent_assertion_key(&text, &key, err) == -1, "%s: refused", what);
    is_str(err, strlen(err), why, "%s: says why", what);
}


static void
test_signed(EVP_PKEY *pkey, const char *alg)
{
    char               *text;
    json_t             *header, *claims;
    octets_t            pem;
    const char         *iss, *sub, *aud, *jti;
    agent_assertion_t   assertion;

    assertion_of(&assertion, &pem, pkey);

    text = agent_assertion_sign(&assertion, NOW);

    ok(text != NULL, "%s: signed", alg);

    if (text == NULL) {
        return;
    }

    header = part(text, 0);
    claims = part(text, 1);

    ok(json_object_size(header) == 2, "%s: two members of the header", alg);
    is_str(json_string_value(json_object_get(header, "alg")),
           strlen(alg), alg, "%s: alg", alg);
    ok(json_object_get(header, "typ") != NULL, "%s: typ", alg);

    iss = json_string_value(json_object_get(claims, "iss"));
    sub = json_string_value(json_object_get(claims, "sub"));
    aud = json_string_value(json_object_get(claims, "aud"));
    jti = json_string_value(json_object_get(claims, "jti"));

    ok(json_object_size(claims) == 6, "%s: six claims", alg);
    ok(iss && strcmp(iss, "gate") == 0, "%s: iss is the client", alg);
    ok(sub && strcmp(sub, "gate") == 0, "%s: sub too", alg);
    ok(aud && strcmp(aud, "https://as.test/tenant") == 0,
       "%s: aud is the issuer, as a string", alg);
    ok(jti && strlen(jti) == 32, "%s: jti is of 128 bits", alg);
    ok(json_integer_value(json_object_get(claims, "iat")) == NOW,
       "%s: iat", alg);
    ok(json_integer_value(json_object_get(claims, "exp")) == NOW + 60,
       "%s: exp, a minute later", alg);

    ok(verified(text, pkey), "%s: verified", alg);

    json_decref(header);
    json_decref(claims);
    agent_assertion_free(text);
}


static void
test_again(EVP_PKEY *pkey)
{
    char               *text, *last;
    int                 i, good, other;
    json_t             *claims, *before;
    octets_t            pem;
    agent_assertion_t   assertion;

    assertion_of(&assertion, &pem, pkey);

    good = 0;
    other = 0;
    last = NULL;

    for (i = 0; i < TIMES; i++) {
        text = agent_assertion_sign(&assertion, NOW);
        good += text && verified(text, pkey);

        if (text && last) {
            claims = part(text, 1);
            before = part(last, 1);
            other += !json_equal(json_object_get(claims, "jti"),
                                 json_object_get(before, "jti"));
            json_decref(claims);
            json_decref(before);
        }

        agent_assertion_free(last);
        last = text;
    }

    agent_assertion_free(last);

    ok(good == TIMES, "%d of %d are verified", good, TIMES);
    ok(other == TIMES - 1, "%d have another jti than the one before", other);
}


/* RFC 6749, A.1: an id may be of all printable characters */

static void
test_odd(EVP_PKEY *pkey)
{
    int                 i;
    char                id[128], *text;
    json_t             *claims;
    octets_t            pem;
    const char         *sub;
    agent_assertion_t   assertion;

    for (i = 0; i < 0x7f - 0x20; i++) {
        id[i] = (char) (0x20 + i);
    }

    id[i] = '\0';

    assertion_of(&assertion, &pem, pkey);
    assertion.client_id = id;

    text = agent_assertion_sign(&assertion, NOW);
    claims = text ? part(text, 1) : NULL;
    sub = json_string_value(json_object_get(claims, "sub"));

    ok(sub && strcmp(sub, id) == 0, "an odd id arrives as it is");

    json_decref(claims);
    agent_assertion_free(text);
    agent_assertion_free(NULL);
}


/* RFC 7515, 4.1.4 */

static void
test_kid(EVP_PKEY *pkey)
{
    char               *text;
    json_t             *header;
    octets_t            pem;
    const char         *kid;
    agent_assertion_t   assertion;

    assertion_of(&assertion, &pem, pkey);
    assertion.kid = "key \"1\"";

    text = agent_assertion_sign(&assertion, NOW);
    header = text ? part(text, 0) : NULL;
    kid = json_string_value(json_object_get(header, "kid"));

    ok(kid && strcmp(kid, "key \"1\"") == 0, "the id of the key");
    ok(json_object_size(header) == 3, "and no more than that");
    ok(text && verified(text, pkey), "which is signed, too");

    json_decref(header);
    agent_assertion_free(text);
}


static void
test_other_key(EVP_PKEY *pkey)
{
    octets_t            pem;
    agent_assertion_t   assertion;

    assertion_of(&assertion, &pem, pkey);
    assertion.alg = AGENT_ASSERTION_ES256;

    ok(agent_assertion_sign(&assertion, NOW) == NULL,
       "nothing is signed with a key of another type");

    assertion_of(&assertion, &pem, pkey);
    assertion.pem.len = 10;

    ok(agent_assertion_sign(&assertion, NOW) == NULL,
       "nothing is signed with what is no key");
}


static void
assertion_of(agent_assertion_t *assertion, octets_t *pem, EVP_PKEY *pkey)
{
    char                    err[AGENT_ERROR_LEN];
    agent_assertion_key_t   key;

    pem_of(pem, pkey, NULL);

    memset(assertion, 0, sizeof(*assertion));

    assertion->pem.data = pem->data;
    assertion->pem.len = pem->len;
    assertion->client_id = "gate";
    assertion->audience = "https://as.test/tenant";

    ok(agent_assertion_key(&assertion->pem, &key, err) == 0,
       "a key that signs");

    assertion->alg = key.alg;
}


static void
pem_of(octets_t *pem, EVP_PKEY *pkey, const char *passphrase)
{
    BIO   *bio;
    long   n;
    char  *data;

    bio = BIO_new(BIO_s_mem());

    PEM_write_bio_PKCS8PrivateKey(bio, pkey,
                                  passphrase ? EVP_aes_128_cbc() : NULL,
                                  passphrase, passphrase ? 6 : 0, NULL, NULL);

    n = BIO_get_mem_data(bio, &data);
    memcpy(pem->data, data, (size_t) n);
    pem->len = (size_t) n;

    BIO_free(bio);
}


/* by OpenSSL alone, and with r and s of exactly 32 octets: RFC 7518, 3.4 */

static int
verified(char *text, EVP_PKEY *pkey)
{
    int          good;
    char        *dot;
    octets_t     raw, der;
    EVP_MD_CTX  *ctx;

    dot = strrchr(text, '.');

    if (dot == NULL || strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmn"
                              "opqrstuvwxyz0123456789-_.") != strlen(text))
    {
        return 0;
    }

    decoded(&raw, dot + 1, strlen(dot + 1));

    if (EVP_PKEY_is_a(pkey, "EC")) {
        if (!der_of(&der, &raw)) {
            return 0;
        }

    } else {
        der = raw;
    }

    ctx = EVP_MD_CTX_new();

    good = EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, pkey) == 1
           && EVP_DigestVerify(ctx, der.data, der.len, (uint8_t *) text,
                               (size_t) (dot - text)) == 1;

    EVP_MD_CTX_free(ctx);

    return good;
}


static int
der_of(octets_t *der, const octets_t *raw)
{
    int         n;
    BIGNUM     *r, *s;
    ECDSA_SIG  *sig;

    uint8_t  *p = der->data;

    if (raw->len != 64) {
        return 0;
    }

    r = BN_bin2bn(raw->data, 32, NULL);
    s = BN_bin2bn(raw->data + 32, 32, NULL);
    sig = ECDSA_SIG_new();

    ECDSA_SIG_set0(sig, r, s);
    n = i2d_ECDSA_SIG(sig, &p);
    der->len = (size_t) n;

    ECDSA_SIG_free(sig);

    return n > 0;
}


static json_t *
part(const char *text, int n)
{
    octets_t  json;

    for ( /* void */ ; n; n--) {
        text = strchr(text, '.') + 1;
    }

    decoded(&json, text, strcspn(text, "."));

    return json_loadb((char *) json.data, json.len, JSON_REJECT_DUPLICATES,
                      NULL);
}


static void
decoded(octets_t *out, const char *text, size_t len)
{
    char    base64[4096];
    size_t  i, padding;

    for (i = 0; i < len; i++) {
        base64[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
    }

    for (padding = 0; i % 4; i++, padding++) {
        base64[i] = '=';
    }

    out->len = (size_t) EVP_DecodeBlock(out->data, (uint8_t *) base64, (int) i)
               - padding;
}
