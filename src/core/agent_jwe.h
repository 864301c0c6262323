
/*
 * JSON Web Encryption, RFC 7516: the compact form, for files at rest.  A
 * content key wrapped by a key of 256 bits (A256KW or A256GCMKW: RFC 7518, 4.4
 * and 4.7), content in AES-256-GCM (5.3), nothing else.  What a header says is
 * not to be believed before the tag of the content was checked.
 */

#ifndef _AGENT_JWE_H_INCLUDED_
#define _AGENT_JWE_H_INCLUDED_


#include "agent_error.h"
#include "agent_str.h"

#include <jansson.h>
#include <openssl/evp.h>


/* octets; of the tag also characters */

#define AGENT_JWE_KEY         32
#define AGENT_JWE_IV          12
#define AGENT_JWE_TAG         16
#define AGENT_JWE_TAG_TEXT    22

/* octets of a key that is wrapped by A256KW (RFC 3394) */

#define AGENT_JWE_WRAPPED     (AGENT_JWE_KEY + 8)

/* characters of the encoded header, and of all that precedes the content */

#define AGENT_JWE_HEADER_MAX  4096
#define AGENT_JWE_HEAD_MAX    (AGENT_JWE_HEADER_MAX + 1 + 54 + 1 + 16 + 1)


typedef enum {
    AGENT_JWE_A256KW = 0,
    AGENT_JWE_A256GCMKW
} agent_jwe_alg_e;


typedef struct {
    json_t           *header;
    agent_str_t       kid;          /* in header; empty where there is none */
    agent_str_t       typ;          /* likewise */
    agent_str_t       aad;          /* the encoded header, in the text */
    size_t            len;          /* characters before the content */
    agent_jwe_alg_e   alg;

    uint8_t           key[AGENT_JWE_WRAPPED];
    uint8_t           key_iv[AGENT_JWE_IV];     /* A256GCMKW */
    uint8_t           key_tag[AGENT_JWE_TAG];   /* likewise */
    uint8_t           iv[AGENT_JWE_IV];
} agent_jwe_t;


/*
 * Reads what precedes the content: header, encrypted key and IV, with their
 * dots.  text is the JWE or its first AGENT_JWE_HEAD_MAX characters and is used
 * for as long as jwe.
 *
 * Returns 0, jwe being to be freed with agent_jwe_free(); or -1 with err set,
 * for what is malformed, names another algorithm, or has "zip" or "crit" (RFC
 * 7516, 4.1.13: no extension is understood).  err quotes nothing.
 */

int agent_jwe_parse(agent_jwe_t *jwe, const agent_str_t *text, char *err);
void agent_jwe_free(agent_jwe_t *jwe);


/*
 * Unwraps the content key to cek with kek, AGENT_JWE_KEY octets each; the
 * caller cleanses both.  Returns 0, or -1 where kek is not the right one or
 * the key was changed: cek is zero then.
 */

int agent_jwe_unwrap(const agent_jwe_t *jwe, const uint8_t *kek, uint8_t *cek);


/*
 * The content: begins (a cek of NULL begins again with the key that ctx has),
 * decrypts len octets at data in place, and checks the tag, AGENT_JWE_TAG
 * octets.  Each returns 0, or -1.  Only after the last of them is known that
 * what was decrypted is what was encrypted.
 */

int agent_jwe_begin(const agent_jwe_t *jwe, const uint8_t *cek,
    EVP_CIPHER_CTX *ctx);
int agent_jwe_update(EVP_CIPHER_CTX *ctx, uint8_t *data, size_t len);
int agent_jwe_end(EVP_CIPHER_CTX *ctx, const uint8_t *tag);


#endif /* _AGENT_JWE_H_INCLUDED_ */
