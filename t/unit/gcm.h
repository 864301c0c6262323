
/*
 * For the tests of MACs: AES-256-GCM of OpenSSL's EVP, which src/core does
 * without.
 */

#ifndef _AGENT_TEST_GCM_H_INCLUDED_
#define _AGENT_TEST_GCM_H_INCLUDED_


#include <openssl/evp.h>

#include "agent_gmac.h"


/* the tag of data that is not encrypted; 0, or -1 */

static inline int
evp_tag(uint8_t *tag, const uint8_t *key, const uint8_t *nonce,
    const uint8_t *data, size_t len)
{
    int              n, rc;
    EVP_CIPHER_CTX  *ctx;

    ctx = EVP_CIPHER_CTX_new();

    rc = EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) == 1
         && EVP_EncryptUpdate(ctx, NULL, &n, data, (int) len) == 1
         && EVP_EncryptFinal_ex(ctx, tag, &n) == 1
         && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, AGENT_GMAC_LEN,
                                tag)
            == 1;

    EVP_CIPHER_CTX_free(ctx);

    return rc ? 0 : -1;
}


#endif /* _AGENT_TEST_GCM_H_INCLUDED_ */
