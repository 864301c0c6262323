
/*
 * AES is that of EVP, whichever provider has it, and GHASH is libcrypto's own
 * by its functions for modes, which "openssl speed ghash" measures as well.
 * EVP's AES-256-GCM looks parameters up by their names for each nonce and tag,
 * which takes more than GHASH does.  docs/decisions.md has the figures.
 */

#include "agent_gmac.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/modes.h>
#include <string.h>


#define AGENT_GMAC_BLOCK  16


struct agent_gmac_s {
    EVP_CIPHER_CTX  *aes;
    GCM128_CONTEXT  *gcm;
    uint64_t         last;                      /* nonce */
    unsigned         ready:1;

    /* what AES makes of the block that gcm is about to ask for */
    uint8_t          block[AGENT_GMAC_BLOCK];
};


static int agent_gmac_tag(agent_gmac_t *gmac, const uint8_t *nonce,
    const uint8_t *data, size_t len, uint8_t *tag);
static int agent_gmac_aes(agent_gmac_t *gmac, const uint8_t *block);
static void agent_gmac_block(const uint8_t *in, uint8_t *out,
    const void *key);


agent_gmac_t *
agent_gmac_create(void)
{
    EVP_CIPHER    *cipher;
    agent_gmac_t  *gmac;

    gmac = OPENSSL_zalloc(sizeof(agent_gmac_t));
    if (gmac == NULL) {
        return NULL;
    }

    cipher = EVP_CIPHER_fetch(NULL, "AES-256-ECB", NULL);

    gmac->aes = EVP_CIPHER_CTX_new();
    gmac->gcm = CRYPTO_gcm128_new(gmac, agent_gmac_block);

    if (cipher == NULL || gmac->aes == NULL || gmac->gcm == NULL
        || EVP_EncryptInit_ex2(gmac->aes, cipher, NULL, NULL, NULL) != 1
        || EVP_CIPHER_CTX_set_padding(gmac->aes, 0) != 1)
    {
        agent_gmac_free(gmac);
        gmac = NULL;

        ERR_clear_error();
    }

    EVP_CIPHER_free(cipher);

    return gmac;
}


int
agent_gmac_key(agent_gmac_t *gmac, const uint8_t *key)
{
    static const uint8_t  zeros[AGENT_GMAC_BLOCK];

    gmac->last = 0;
    gmac->ready = EVP_EncryptInit_ex2(gmac->aes, NULL, key, NULL, NULL) == 1
                  && agent_gmac_aes(gmac, zeros) == 0;

    /* SP 800-38D, 6.4: the key of GHASH is this block; wipes the one before */

    CRYPTO_gcm128_init(gmac->gcm, gmac, agent_gmac_block);

    return gmac->ready ? 0 : -1;
}


int
agent_gmac(agent_gmac_t *gmac, uint64_t n, const uint8_t *data, size_t len,
    uint8_t *tag)
{
    uint8_t  nonce[AGENT_GMAC_NONCE];

    if (n <= gmac->last) {
        return -1;
    }

    gmac->last = n;

    agent_gmac_nonce(nonce, n);

    return agent_gmac_tag(gmac, nonce, data, len, tag);
}


void
agent_gmac_nonce(uint8_t *nonce, uint64_t n)
{
    unsigned  i;

    memset(nonce, 0, AGENT_GMAC_NONCE - 8);

    for (i = 1; i <= 8; i++) {
        nonce[AGENT_GMAC_NONCE - i] = (uint8_t) n;
        n >>= 8;
    }
}


int
agent_gmac_verify(agent_gmac_t *gmac, const uint8_t *nonce,
    const uint8_t *data, size_t len, const uint8_t *tag)
{
    uint8_t  right[AGENT_GMAC_LEN];

    return agent_gmac_tag(gmac, nonce, data, len, right) == 0
           && CRYPTO_memcmp(right, tag, AGENT_GMAC_LEN) == 0;
}


/* SP 800-38D, 7.1 */

static int
agent_gmac_tag(agent_gmac_t *gmac, const uint8_t *nonce, const uint8_t *data,
    size_t len, uint8_t *tag)
{
    uint8_t  block[AGENT_GMAC_BLOCK];

    memcpy(block, nonce, AGENT_GMAC_NONCE);
    memcpy(block + AGENT_GMAC_NONCE, "\0\0\0\1", 4);

    if (!gmac->ready || agent_gmac_aes(gmac, block) != 0) {
        return -1;
    }

    CRYPTO_gcm128_setiv(gmac->gcm, nonce, AGENT_GMAC_NONCE);

    if (CRYPTO_gcm128_aad(gmac->gcm, data, len) != 0) {
        return -1;
    }

    CRYPTO_gcm128_tag(gmac->gcm, tag, AGENT_GMAC_LEN);

    return 0;
}


static int
agent_gmac_aes(agent_gmac_t *gmac, const uint8_t *block)
{
    int  n;

    if (EVP_EncryptUpdate(gmac->aes, gmac->block, &n, block, AGENT_GMAC_BLOCK)
        != 1
        || n != AGENT_GMAC_BLOCK)
    {
        ERR_clear_error();
        return -1;
    }

    return 0;
}


/* it cannot fail, so what can was done before */

static void
agent_gmac_block(const uint8_t *in, uint8_t *out, const void *key)
{
    const agent_gmac_t  *gmac = key;

    (void) in;

    memcpy(out, gmac->block, AGENT_GMAC_BLOCK);
}


void
agent_gmac_free(agent_gmac_t *gmac)
{
    if (gmac == NULL) {
        return;
    }

    EVP_CIPHER_CTX_free(gmac->aes);

    if (gmac->gcm) {
        CRYPTO_gcm128_release(gmac->gcm);
    }

    OPENSSL_clear_free(gmac, sizeof(agent_gmac_t));
}
