
#include "agent_assertion.h"
#include "agent_b64url.h"
#include "agent_thumbprint.h"

#include <stdlib.h>

#include <jwt.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>


/* random octets of "jti" */

#define AGENT_ASSERTION_ID      16

/* octets, more than it all takes with the largest key and the longest id */

#define AGENT_ASSERTION_MEMORY  114688


static int agent_assertion_no_passphrase(char *buf, int size, int writing,
    void *data);
static int agent_assertion_take(const EVP_PKEY *pkey,
    agent_assertion_key_t *key, char *err);
static int agent_assertion_type(const EVP_PKEY *pkey,
    agent_assertion_alg_e *alg, char *err);
static int agent_assertion_memory(void);
static int agent_assertion_claims(jwt_t *jwt,
    const agent_assertion_t *assertion, int64_t now);
static char *agent_assertion_encode(jwt_t *jwt);


int
agent_assertion_key(const agent_str_t *pem, agent_assertion_key_t *key,
    char *err)
{
    int        rc, encrypted;
    BIO       *bio;
    EVP_PKEY  *pkey;

    if (pem->len == 0 || pem->len > AGENT_ASSERTION_KEY_MAX) {
        return agent_fail(err, "it must be 1 to %d octets",
                          AGENT_ASSERTION_KEY_MAX);
    }

    bio = BIO_new_mem_buf(pem->data, (int) pem->len);
    if (bio == NULL) {
        ERR_clear_error();
        return agent_fail(err, "no memory");
    }

    /* libjwt leaves it to OpenSSL to ask for a passphrase, at the terminal */

    encrypted = 0;
    pkey = PEM_read_bio_PrivateKey(bio, NULL, agent_assertion_no_passphrase,
                                   &encrypted);

    if (encrypted) {
        rc = agent_fail(err, "the key is encrypted, and there is nobody to "
                        "ask for its passphrase");

    } else if (pkey == NULL) {
        rc = agent_fail(err, "it has no private key in PEM");

    } else {
        rc = agent_assertion_take(pkey, key, err);
    }

    EVP_PKEY_free(pkey);
    BIO_free(bio);

    /* nginx would take it for an error of its next connection */

    ERR_clear_error();

    return rc;
}


static int
agent_assertion_no_passphrase(char *buf, int size, int writing, void *data)
{
    (void) buf;
    (void) size;
    (void) writing;

    *(int *) data = 1;

    return -1;
}


static int
agent_assertion_take(const EVP_PKEY *pkey, agent_assertion_key_t *key,
    char *err)
{
    uint8_t  digest[AGENT_SHA256_LEN], *last;

    if (agent_assertion_type(pkey, &key->alg, err) != 0) {
        return -1;
    }

    if (agent_pkey_thumbprint(pkey, digest) != 0) {
        return agent_fail(err, "no thumbprint of the key");
    }

    last = agent_b64url_encode((uint8_t *) key->thumbprint, digest,
                               sizeof(digest));
    *last = '\0';

    return 0;
}


static int
agent_assertion_type(const EVP_PKEY *pkey, agent_assertion_alg_e *alg,
    char *err)
{
    int     bits;
    char    group[32];
    size_t  len;

    if (EVP_PKEY_is_a(pkey, "RSA")) {

        bits = EVP_PKEY_get_bits(pkey);

        if (bits < AGENT_ASSERTION_RSA_MIN || bits > AGENT_ASSERTION_RSA_MAX) {
            return agent_fail(err, "an RSA key of %d bits: it must be %d to %d",
                              bits, AGENT_ASSERTION_RSA_MIN,
                              AGENT_ASSERTION_RSA_MAX);
        }

        *alg = AGENT_ASSERTION_RS256;

        return 0;
    }

    if (EVP_PKEY_is_a(pkey, "EC")
        && EVP_PKEY_get_group_name(pkey, group, sizeof(group), &len) == 1
        && strcmp(group, "prime256v1") == 0)
    {
        *alg = AGENT_ASSERTION_ES256;
        return 0;
    }

    return agent_fail(err, "the key must be of RSA or of the curve P-256");
}


char *
agent_assertion_sign(const agent_assertion_t *assertion, int64_t now)
{
    char       *text;
    jwt_t      *jwt;
    jwt_alg_t   alg;

    if (agent_assertion_memory() != 0 || jwt_new(&jwt) != 0) {
        return NULL;
    }

    alg = assertion->alg == AGENT_ASSERTION_ES256 ? JWT_ALG_ES256
                                                  : JWT_ALG_RS256;
    text = NULL;

    if (agent_assertion_claims(jwt, assertion, now) == 0
        && (assertion->kid == NULL
            || jwt_add_header(jwt, "kid", assertion->kid) == 0)
        && jwt_set_alg(jwt, alg, assertion->pem.data,
                       (int) assertion->pem.len) == 0)
    {
        text = agent_assertion_encode(jwt);
    }

    /* it cleanses its copy of the key */

    jwt_free(jwt);

    ERR_clear_error();

    return text;
}


/*
 * libjwt 1.10 does not look whether it got the memory for a text.  What is
 * free now is there when it asks, as nobody else does meanwhile.
 */

static int
agent_assertion_memory(void)
{
    void  *p;

    p = OPENSSL_malloc(AGENT_ASSERTION_MEMORY);

    OPENSSL_free(p);

    return p ? 0 : -1;
}


/*
 * RFC 7523, 3.  No "nbf", as it would only let a clock that is behind refuse
 * what "exp" bounds anyway.
 */

static int
agent_assertion_claims(jwt_t *jwt, const agent_assertion_t *assertion,
    int64_t now)
{
    char     jti[2 * AGENT_ASSERTION_ID + 1];
    uint8_t  random[AGENT_ASSERTION_ID];

    if (RAND_bytes(random, sizeof(random)) != 1) {
        return -1;
    }

    agent_hex((uint8_t *) jti, random, sizeof(random));
    jti[sizeof(jti) - 1] = '\0';

    return (jwt_add_grant(jwt, "iss", assertion->client_id) == 0
            && jwt_add_grant(jwt, "sub", assertion->client_id) == 0
            && jwt_add_grant(jwt, "aud", assertion->audience) == 0
            && jwt_add_grant(jwt, "jti", jti) == 0
            && jwt_add_grant_int(jwt, "iat", (long) now) == 0
            && jwt_add_grant_int(jwt, "exp",
                                 (long) now + AGENT_ASSERTION_TTL) == 0)
           ? 0 : -1;
}


/*
 * Written to a stream of ours: what jwt_encode_str() returns is freed in
 * another way in each version.
 */

static char *
agent_assertion_encode(jwt_t *jwt)
{
    int      failed;
    FILE    *stream;
    char    *text;
    size_t   len;

    text = NULL;
    stream = open_memstream(&text, &len);

    if (stream == NULL) {
        return NULL;
    }

    failed = jwt_encode_fp(jwt, stream) != 0;
    failed |= fclose(stream) != 0;

    if (failed || len == 0) {
        agent_assertion_free(text);
        return NULL;
    }

    return text;
}


void
agent_assertion_free(char *text)
{
    if (text) {
        OPENSSL_cleanse(text, strlen(text));
        free(text);
    }
}
