
/*
 * Envelopes made without agentctl's help: any header, any wrapped key.
 */

#ifndef _AGENT_TEST_ENVELOPE_H_INCLUDED_
#define _AGENT_TEST_ENVELOPE_H_INCLUDED_


#include "jose.h"

#include "agent_envelope.h"

#include <sys/mman.h>
#include <unistd.h>


typedef struct {
    const char     *header;
    const uint8_t  *key;            /* wrapped */
    size_t          key_len;
    const uint8_t  *cek;
    const uint8_t  *iv;
    const void     *data;
    size_t          len;
} sealed_t;


/* wraps cek by A256KW, in the words of RFC 3394, 2.2.1; out: 40 octets */

static inline void
envelope_wrap(const uint8_t *kek, const uint8_t *cek, uint8_t *out)
{
    int              i, j, n;
    uint8_t          b[16], in[16];
    EVP_CIPHER_CTX  *ctx;

    ctx = EVP_CIPHER_CTX_new();
    (void) EVP_EncryptInit_ex(ctx, EVP_aes_256_ecb(), NULL, kek, NULL);
    (void) EVP_CIPHER_CTX_set_padding(ctx, 0);

    memset(out, 0xa6, 8);
    memcpy(out + 8, cek, 32);

    for (j = 0; j < 6; j++) {
        for (i = 1; i <= 4; i++) {
            memcpy(in, out, 8);
            memcpy(in + 8, out + 8 * i, 8);
            (void) EVP_EncryptUpdate(ctx, b, &n, in, 16);
            b[7] ^= (uint8_t) (4 * j + i);
            memcpy(out, b, 8);
            memcpy(out + 8 * i, b + 8, 8);
        }
    }

    EVP_CIPHER_CTX_free(ctx);
}


/* AES-256-GCM; tag: 16 octets */

static inline void
envelope_gcm(const uint8_t *key, const uint8_t *iv, const char *aad,
    const void *data, size_t len, uint8_t *out, uint8_t *tag)
{
    int              n;
    EVP_CIPHER_CTX  *ctx;

    ctx = EVP_CIPHER_CTX_new();

    (void) EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, iv);
    (void) EVP_EncryptUpdate(ctx, NULL, &n, (const uint8_t *) aad,
                             (int) strlen(aad));
    (void) EVP_EncryptUpdate(ctx, out, &n, data, (int) len);
    (void) EVP_EncryptFinal_ex(ctx, out + n, &n);
    (void) EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag);

    EVP_CIPHER_CTX_free(ctx);
}


/* the JWE, with a NUL; to be freed */

static inline char *
envelope_text(const sealed_t *s)
{
    char     *text, *header, *key, *iv, *content, *tag;
    uint8_t  *out, mac[16];

    out = malloc(s->len + 16);
    header = jose_b64(s->header, strlen(s->header));
    envelope_gcm(s->cek, s->iv, header, s->data, s->len, out, mac);

    key = jose_b64(s->key, s->key_len);
    iv = jose_b64(s->iv, 12);
    content = jose_b64(out, s->len);
    tag = jose_b64(mac, 16);

    text = malloc(strlen(header) + strlen(key) + strlen(iv) + strlen(content)
                  + strlen(tag) + 5);
    sprintf(text, "%s.%s.%s.%s.%s", header, key, iv, content, tag);

    free(out);
    free(header);
    free(key);
    free(iv);
    free(content);
    free(tag);

    return text;
}


/* a file with this text, to be closed */

static inline int
envelope_file(const char *text, size_t len)
{
    int  fd;

    fd = memfd_create("envelope", MFD_CLOEXEC);

    if (write(fd, text, len) != (ssize_t) len) {
        abort();
    }

    return fd;
}


/* all of the content with this KEK, to be freed, or NULL with err set */

static inline uint8_t *
envelope_open(const char *text, size_t text_len, const uint8_t *kek,
    size_t *len, char *err)
{
    int                fd;
    uint8_t           *data;
    agent_envelope_t   env;

    fd = envelope_file(text, text_len);
    data = NULL;

    if (agent_envelope_open(&env, fd, err) == 0) {

        if (agent_envelope_unlock_with(&env, kek, err) == 0) {
            data = malloc(text_len + 1 + AGENT_ENVELOPE_PIECE);

            if (agent_envelope_all(&env, data, text_len + 1, len, err) != 0) {
                free(data);
                data = NULL;
            }
        }

        agent_envelope_close(&env);
    }

    (void) close(fd);

    return data;
}


#endif /* _AGENT_TEST_ENVELOPE_H_INCLUDED_ */
