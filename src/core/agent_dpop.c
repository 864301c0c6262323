
#include "agent_b64url.h"
#include "agent_dpop.h"
#include "agent_uri.h"

#include <openssl/crypto.h>


#define agent_dpop_fail(err, text)                                            \
    ((void) agent_fail(err, text), AGENT_DPOP_INVALID)


static agent_reason_e agent_dpop_signature(const agent_jws_t *jws,
    const agent_dpop_expected_t *expected, uint8_t *jkt, char *err);
static agent_reason_e agent_dpop_claims(const json_t *claims,
    const agent_dpop_expected_t *expected, uint8_t *buf,
    agent_dpop_proof_t *proof, const uint8_t *jkt, char *err);
static int agent_dpop_text(const json_t *claims, const char *name,
    agent_str_t *text);
static int agent_dpop_uri(const agent_str_t *htu,
    const agent_dpop_expected_t *expected, uint8_t *buf);
static int agent_dpop_time(const json_t *claims,
    const agent_dpop_expected_t *expected, int64_t *until, char *err);
static int agent_dpop_token(const json_t *claims,
    const agent_dpop_expected_t *expected);
static int agent_dpop_nonce(const json_t *claims,
    const agent_dpop_expected_t *expected);
static int agent_dpop_same(const agent_str_t *a, const agent_str_t *b);
static void agent_dpop_id(const uint8_t *jkt, const agent_str_t *jti,
    uint8_t *id);


agent_reason_e
agent_dpop_check(const agent_str_t *value,
    const agent_dpop_expected_t *expected, uint8_t *buf,
    agent_dpop_proof_t *proof, char *err)
{
    json_t          *claims;
    uint8_t          jkt[AGENT_SHA256_LEN];
    agent_jws_t      jws;
    agent_reason_e   reason;

    memset(proof, 0, sizeof(*proof));

    /* two fields that a proxy joined have a comma, which is no base64url */

    if (value->len > AGENT_DPOP_MAX) {
        return agent_dpop_fail(err, "the proof is too long");
    }

    if (agent_jws_parse(&jws, value, buf, err) != AGENT_OK) {
        return AGENT_DPOP_INVALID;
    }

    reason = agent_dpop_signature(&jws, expected, jkt, err);

    if (reason == AGENT_OK) {

        claims = agent_jws_object(jws.payload.data, jws.payload.len);

        if (claims) {
            reason = agent_dpop_claims(claims, expected,
                                       buf + agent_jws_room(value->len),
                                       proof, jkt, err);
            json_decref(claims);

        } else {
            reason = agent_dpop_fail(err, "the claims of the proof are no JSON "
                                     "object without duplicate members");
        }
    }

    agent_jws_free(&jws);

    return reason;
}


/* 4 to 7 */

static agent_reason_e
agent_dpop_signature(const agent_jws_t *jws,
    const agent_dpop_expected_t *expected, uint8_t *jkt, char *err)
{
    int          rc;
    agent_jwk_t  key;

    if (!agent_jws_typ_is(&jws->typ, "dpop+jwt")) {
        return agent_dpop_fail(err, "\"typ\" of the proof is not \"dpop+jwt\"");
    }

    if (!(jws->alg & expected->algs & ~(uint32_t) AGENT_ALGS_HMAC)) {
        return agent_dpop_fail(err, "the algorithm of the proof is not "
                               "allowed");
    }

    /* of all headers this is the one whose key counts: the token names it */

    if (agent_jwk_take(&key, json_object_get(jws->header, "jwk"), 0,
                       expected->curves, err)
        != 0)
    {
        return AGENT_DPOP_INVALID;
    }

    if ((key.algs & AGENT_ALGS_RSA)
        && EVP_PKEY_get_bits(key.pkey) > AGENT_DPOP_RSA_MAX)
    {
        agent_jwk_free(&key);

        return agent_dpop_fail(err, "the RSA key of the proof is longer than "
                               "it may be");
    }

    rc = agent_jwk_verify(&key, jws->alg, &jws->input, &jws->signature);
    memcpy(jkt, key.thumbprint, AGENT_SHA256_LEN);

    agent_jwk_free(&key);

    if (rc < 0) {
        (void) agent_fail(err, "no memory to check a signature");
        return AGENT_INTERNAL_ERROR;
    }

    if (rc == 0) {
        return agent_dpop_fail(err, "the signature of the proof is wrong");
    }

    return AGENT_OK;
}


/* 3 and 8 to 12 */

static agent_reason_e
agent_dpop_claims(const json_t *claims, const agent_dpop_expected_t *expected,
    uint8_t *buf, agent_dpop_proof_t *proof, const uint8_t *jkt, char *err)
{
    int64_t      until;
    agent_str_t  jti, htm, htu;

    if (agent_dpop_text(claims, "jti", &jti) != 0
        || agent_dpop_text(claims, "htm", &htm) != 0
        || agent_dpop_text(claims, "htu", &htu) != 0
        || jti.len > AGENT_DPOP_JTI_MAX)
    {
        return agent_dpop_fail(err, "\"jti\", \"htm\" or \"htu\" of the proof "
                               "is no string, empty or too long");
    }

    if (!agent_str_eq(&htm, &expected->method)) {
        return agent_dpop_fail(err, "the proof is for another method");
    }

    if (agent_dpop_uri(&htu, expected, buf) != 0) {
        return agent_dpop_fail(err, "the proof is for another address");
    }

    if (agent_dpop_time(claims, expected, &until, err) != 0) {
        return AGENT_DPOP_INVALID;
    }

    if (agent_dpop_token(claims, expected) != 0) {
        return agent_dpop_fail(err, "the proof is for another token");
    }

    if (agent_dpop_nonce(claims, expected) != 0) {
        (void) agent_fail(err, "the proof has not the nonce that is asked for");
        return AGENT_DPOP_NONCE;
    }

    if (expected->jkt && !agent_digest_eq(jkt, expected->jkt)) {
        (void) agent_fail(err, "the proof is of another key than the token's");
        return AGENT_BINDING_MISMATCH;
    }

    agent_dpop_id(jkt, &jti, proof->id);
    proof->until = until;

    return AGENT_OK;
}


static int
agent_dpop_text(const json_t *claims, const char *name, agent_str_t *text)
{
    const json_t  *value;

    value = json_object_get(claims, name);

    text->data = (const uint8_t *) json_string_value(value);
    text->len = json_string_length(value);

    return text->len ? 0 : -1;
}


/* 9: both in their normal form, RFC 3986, 6.2.2 and 6.2.3 */

static int
agent_dpop_uri(const agent_str_t *htu, const agent_dpop_expected_t *expected,
    uint8_t *buf)
{
    size_t       n;
    agent_str_t  whole, ours, theirs;

    if (agent_uri_normal(buf, &n, htu) != 0) {
        return -1;
    }

    theirs.data = buf;
    theirs.len = n;
    buf += n;

    whole.data = buf;
    whole.len = expected->origin.len + expected->path.len;

    memcpy(buf, expected->origin.data, expected->origin.len);

    if (expected->path.len) {
        memcpy(buf + expected->origin.len, expected->path.data,
               expected->path.len);
    }

    buf += whole.len;

    if (agent_uri_normal(buf, &n, &whole) != 0) {
        return -1;
    }

    ours.data = buf;
    ours.len = n;

    return agent_str_eq(&ours, &theirs) ? 0 : -1;
}


/* 11 */

static int
agent_dpop_time(const json_t *claims, const agent_dpop_expected_t *expected,
    int64_t *until, char *err)
{
    int64_t  issued;

    if (agent_claims_time(claims, "iat", &issued, err) != 0) {
        return -1;
    }

    if (issued == AGENT_CLAIM_NONE) {
        return agent_fail(err, "the proof has no \"iat\"");
    }

    *until = issued + expected->window;

    if (*until <= expected->now) {
        return agent_fail(err, "the proof is too old");
    }

    if (issued > expected->now + expected->leeway) {
        return agent_fail(err, "the proof is of the future");
    }

    return 0;
}


/* 12 */

static int
agent_dpop_token(const json_t *claims, const agent_dpop_expected_t *expected)
{
    size_t       n;
    uint8_t      digest[AGENT_SHA256_LEN];
    agent_str_t  ath;

    if (expected->ath == NULL) {
        return 0;
    }

    if (agent_dpop_text(claims, "ath", &ath) != 0
        || ath.len != agent_b64url_room(sizeof(digest))
        || agent_b64url_decode(digest, &n, ath.data, ath.len) != 0)
    {
        return -1;
    }

    return agent_digest_eq(digest, expected->ath) ? 0 : -1;
}


/* 10 */

static int
agent_dpop_nonce(const json_t *claims, const agent_dpop_expected_t *expected)
{
    agent_str_t  nonce;

    if (expected->nonce.len == 0) {
        return 0;
    }

    if (agent_dpop_text(claims, "nonce", &nonce) != 0) {
        return -1;
    }

    return agent_dpop_same(&nonce, &expected->nonce)
           || agent_dpop_same(&nonce, &expected->previous) ? 0 : -1;
}


/* nonces are guessed at; b may be empty, a is not */

static int
agent_dpop_same(const agent_str_t *a, const agent_str_t *b)
{
    return a->len == b->len && CRYPTO_memcmp(a->data, b->data, a->len) == 0;
}


/* of the key and its "jti": nobody uses up the ids of somebody else */

static void
agent_dpop_id(const uint8_t *jkt, const agent_str_t *jti, uint8_t *id)
{
    uint8_t  data[AGENT_SHA256_LEN + AGENT_DPOP_JTI_MAX];

    memcpy(data, jkt, AGENT_SHA256_LEN);
    memcpy(data + AGENT_SHA256_LEN, jti->data, jti->len);

    agent_sha256(data, AGENT_SHA256_LEN + jti->len, id);
}
