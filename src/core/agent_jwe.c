
#include "agent_jwe.h"
#include "agent_b64url.h"
#include "agent_json_tree.h"

#include <limits.h>
#include <openssl/crypto.h>


static int agent_jwe_part(const agent_str_t *text, size_t *at, size_t max,
    agent_str_t *part);
static int agent_jwe_header(agent_jwe_t *jwe, char *err);
static int agent_jwe_algorithms(agent_jwe_t *jwe, char *err);
static int agent_jwe_text(const json_t *header, const char *name,
    agent_str_t *text);
static int agent_jwe_exactly(uint8_t *dst, size_t size,
    const agent_str_t *text);
static int agent_jwe_unwrap_gcm(const agent_jwe_t *jwe, const uint8_t *kek,
    uint8_t *cek, EVP_CIPHER_CTX *ctx);
static int agent_jwe_unwrap_kw(const agent_jwe_t *jwe, const uint8_t *kek,
    uint8_t *cek, EVP_CIPHER_CTX *ctx);


int
agent_jwe_parse(agent_jwe_t *jwe, const agent_str_t *text, char *err)
{
    size_t       wrapped;
    agent_str_t  key, iv;

    memset(jwe, 0, sizeof(*jwe));

    if (agent_jwe_part(text, &jwe->len, AGENT_JWE_HEADER_MAX, &jwe->aad) != 0
        || agent_jwe_part(text, &jwe->len, AGENT_JWE_HEAD_MAX, &key) != 0
        || agent_jwe_part(text, &jwe->len, AGENT_JWE_HEAD_MAX, &iv) != 0)
    {
        return agent_fail(err, "it is no JWE of five parts (RFC 7516, 7.1)");
    }

    if (agent_jwe_header(jwe, err) != 0) {
        agent_jwe_free(jwe);
        return -1;
    }

    wrapped = jwe->alg == AGENT_JWE_A256KW ? AGENT_JWE_WRAPPED : AGENT_JWE_KEY;

    if (agent_jwe_exactly(jwe->key, wrapped, &key) != 0) {
        agent_jwe_free(jwe);
        return agent_fail(err, "the encrypted key of the envelope must be "
                          "base64url of %d octets", (int) wrapped);
    }

    if (agent_jwe_exactly(jwe->iv, AGENT_JWE_IV, &iv) != 0) {
        agent_jwe_free(jwe);
        return agent_fail(err, "the IV of the envelope must be base64url of "
                          "%d octets", AGENT_JWE_IV);
    }

    return 0;
}


/* what stands before the next dot; *at is moved behind that */

static int
agent_jwe_part(const agent_str_t *text, size_t *at, size_t max,
    agent_str_t *part)
{
    size_t          left;
    const uint8_t  *dot;

    left = text->len - *at;

    if (left == 0) {
        return -1;
    }

    part->data = text->data + *at;
    dot = memchr(part->data, '.', left);

    if (dot == NULL) {
        return -1;
    }

    part->len = (size_t) (dot - part->data);
    *at += part->len + 1;

    return part->len <= max ? 0 : -1;
}


static int
agent_jwe_header(agent_jwe_t *jwe, char *err)
{
    size_t   n;
    uint8_t  json[agent_b64url_octets(AGENT_JWE_HEADER_MAX)];

    if (agent_b64url_decode(json, &n, jwe->aad.data, jwe->aad.len) == 0) {
        jwe->header = agent_json_tree(json, n, 0);
    }

    if (jwe->header == NULL) {
        return agent_fail(err, "the header of the envelope is no JSON object "
                          "without duplicate members in base64url");
    }

    if (json_object_get(jwe->header, "zip")
        || json_object_get(jwe->header, "crit"))
    {
        return agent_fail(err, "the envelope has \"zip\" or \"crit\"");
    }

    if (agent_jwe_text(jwe->header, "kid", &jwe->kid) != 0
        || agent_jwe_text(jwe->header, "typ", &jwe->typ) != 0)
    {
        return agent_fail(err, "\"kid\" or \"typ\" of the envelope is no "
                          "string");
    }

    return agent_jwe_algorithms(jwe, err);
}


static int
agent_jwe_algorithms(agent_jwe_t *jwe, char *err)
{
    agent_str_t  alg, enc, iv, tag;

    static const agent_str_t  kw = agent_string("A256KW");
    static const agent_str_t  gcmkw = agent_string("A256GCMKW");
    static const agent_str_t  gcm = agent_string("A256GCM");

    if (agent_jwe_text(jwe->header, "alg", &alg) != 0
        || !(agent_str_eq(&alg, &kw) || agent_str_eq(&alg, &gcmkw)))
    {
        return agent_fail(err, "\"alg\" of the envelope must be \"A256KW\" or "
                          "\"A256GCMKW\"");
    }

    if (agent_jwe_text(jwe->header, "enc", &enc) != 0
        || !agent_str_eq(&enc, &gcm))
    {
        return agent_fail(err, "\"enc\" of the envelope must be \"A256GCM\"");
    }

    if (agent_str_eq(&alg, &kw)) {
        jwe->alg = AGENT_JWE_A256KW;
        return 0;
    }

    jwe->alg = AGENT_JWE_A256GCMKW;

    /* RFC 7518, 4.7.1 */

    if (agent_jwe_text(jwe->header, "iv", &iv) != 0
        || agent_jwe_text(jwe->header, "tag", &tag) != 0
        || agent_jwe_exactly(jwe->key_iv, AGENT_JWE_IV, &iv) != 0
        || agent_jwe_exactly(jwe->key_tag, AGENT_JWE_TAG, &tag) != 0)
    {
        return agent_fail(err, "\"iv\" and \"tag\" of the envelope must be "
                          "base64url of %d and %d octets", AGENT_JWE_IV,
                          AGENT_JWE_TAG);
    }

    return 0;
}


/* a string, or empty where there is none; -1: something else */

static int
agent_jwe_text(const json_t *header, const char *name, agent_str_t *text)
{
    const json_t  *value;

    value = json_object_get(header, name);

    if (value && !json_is_string(value)) {
        return -1;
    }

    text->data = (const uint8_t *) json_string_value(value);
    text->len = json_string_length(value);

    return 0;
}


static int
agent_jwe_exactly(uint8_t *dst, size_t size, const agent_str_t *text)
{
    size_t  n;

    return text->len == agent_b64url_room(size)
           && agent_b64url_decode(dst, &n, text->data, text->len) == 0
           ? 0 : -1;
}


void
agent_jwe_free(agent_jwe_t *jwe)
{
    json_decref(jwe->header);
    jwe->header = NULL;
}


int
agent_jwe_unwrap(const agent_jwe_t *jwe, const uint8_t *kek, uint8_t *cek)
{
    int              rc;
    EVP_CIPHER_CTX  *ctx;

    ctx = EVP_CIPHER_CTX_new();
    rc = -1;

    if (ctx) {
        rc = jwe->alg == AGENT_JWE_A256KW
             ? agent_jwe_unwrap_kw(jwe, kek, cek, ctx)
             : agent_jwe_unwrap_gcm(jwe, kek, cek, ctx);
    }

    EVP_CIPHER_CTX_free(ctx);

    if (rc != 0) {
        OPENSSL_cleanse(cek, AGENT_JWE_KEY);
    }

    return rc;
}


/* RFC 7518, 4.7 */

static int
agent_jwe_unwrap_gcm(const agent_jwe_t *jwe, const uint8_t *kek, uint8_t *cek,
    EVP_CIPHER_CTX *ctx)
{
    int  n;

    return EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, kek, jwe->key_iv)
           && EVP_DecryptUpdate(ctx, cek, &n, jwe->key, AGENT_JWE_KEY)
           && agent_jwe_end(ctx, jwe->key_tag) == 0
           ? 0 : -1;
}


/* RFC 7518, 4.4; room for all that went in, to be sure */

static int
agent_jwe_unwrap_kw(const agent_jwe_t *jwe, const uint8_t *kek, uint8_t *cek,
    EVP_CIPHER_CTX *ctx)
{
    int      n, rc;
    uint8_t  buf[AGENT_JWE_WRAPPED + EVP_MAX_BLOCK_LENGTH];

    EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);

    rc = EVP_DecryptInit_ex(ctx, EVP_aes_256_wrap(), NULL, kek, NULL)
         && EVP_DecryptUpdate(ctx, buf, &n, jwe->key, AGENT_JWE_WRAPPED)
         && n == AGENT_JWE_KEY
         ? 0 : -1;

    if (rc == 0) {
        memcpy(cek, buf, AGENT_JWE_KEY);
    }

    OPENSSL_cleanse(buf, sizeof(buf));

    return rc;
}


int
agent_jwe_begin(const agent_jwe_t *jwe, const uint8_t *cek,
    EVP_CIPHER_CTX *ctx)
{
    int  n;

    return EVP_DecryptInit_ex(ctx, cek ? EVP_aes_256_gcm() : NULL, NULL, cek,
                              jwe->iv)
           && EVP_DecryptUpdate(ctx, NULL, &n, jwe->aad.data,
                                (int) jwe->aad.len)
           ? 0 : -1;
}


int
agent_jwe_update(EVP_CIPHER_CTX *ctx, uint8_t *data, size_t len)
{
    int  n;

    return len <= INT_MAX && EVP_DecryptUpdate(ctx, data, &n, data, (int) len)
           ? 0 : -1;
}


int
agent_jwe_end(EVP_CIPHER_CTX *ctx, const uint8_t *tag)
{
    int      n;
    uint8_t  copy[AGENT_JWE_TAG], none[EVP_MAX_BLOCK_LENGTH];

    memcpy(copy, tag, sizeof(copy));

    return EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, AGENT_JWE_TAG, copy)
           && EVP_DecryptFinal_ex(ctx, none, &n)
           ? 0 : -1;
}
