
#include "agent_jwt.h"


static agent_reason_e agent_jwt_type(const agent_jwt_t *jwt,
    const agent_jwt_policy_t *policy, char *err);
static agent_reason_e agent_jwt_signature(const agent_jwt_t *jwt,
    const agent_jwks_t *set, const agent_jwk_t **key, char *err);
static agent_reason_e agent_jwt_kind(const json_t *claims, char *err);
static agent_reason_e agent_jwt_required(const agent_jwt_t *jwt,
    const agent_jwt_policy_t *policy, const agent_claims_t *claims, char *err);


agent_reason_e
agent_jwt_parse(agent_jwt_t *jwt, const agent_str_t *token, uint8_t *buf,
    char *err)
{
    agent_reason_e  reason;
    const json_t   *iss;

    memset(jwt, 0, sizeof(*jwt));

    reason = agent_jws_parse(&jwt->jws, token, buf, err);

    if (reason != AGENT_OK) {
        return reason;
    }

    jwt->buf = buf + agent_jws_room(token->len);
    jwt->size = token->len;

    jwt->claims = agent_jws_object(jwt->jws.payload.data,
                                   jwt->jws.payload.len);
    if (jwt->claims == NULL) {
        agent_jws_free(&jwt->jws);

        (void) agent_fail(err, "the claims of the token are no JSON object "
                          "without duplicate members");
        return AGENT_TOKEN_MALFORMED;
    }

    iss = json_object_get(jwt->claims, "iss");

    jwt->issuer.data = (const uint8_t *) json_string_value(iss);
    jwt->issuer.len = json_string_length(iss);

    return AGENT_OK;
}


void
agent_jwt_free(agent_jwt_t *jwt)
{
    agent_jws_free(&jwt->jws);

    json_decref(jwt->claims);
    jwt->claims = NULL;
}


agent_reason_e
agent_jwt_check(const agent_jwt_t *jwt, const agent_jwt_policy_t *policy,
    const agent_jwks_t *set, int64_t now, agent_claims_t *claims, char *err)
{
    agent_reason_e      reason;
    const agent_jwk_t  *key;

    memset(claims, 0, sizeof(*claims));

    reason = agent_jwt_claimed(jwt, policy, err);

    if (reason == AGENT_OK) {
        reason = agent_jwt_signature(jwt, set, &key, err);
    }

    if (reason != AGENT_OK) {
        return reason;
    }

    if (policy->any_type) {
        reason = agent_jwt_kind(jwt->claims, err);

        if (reason != AGENT_OK) {
            return reason;
        }
    }

    if (agent_claims_take(jwt->claims, &jwt->jws.payload, jwt->buf, jwt->size,
                          claims, err)
        != 0)
    {
        return AGENT_TOKEN_CLAIMS;
    }

    /* the set may be gone before the claims are */

    if (key->kid.len) {
        memcpy(jwt->buf + jwt->size, key->kid.data, key->kid.len);
        claims->key_id.data = jwt->buf + jwt->size;
        claims->key_id.len = key->kid.len;
    }

    claims->signer = key->id;

    reason = agent_jwt_required(jwt, policy, claims, err);

    if (reason != AGENT_OK) {
        return reason;
    }

    reason = agent_jwt_usable(claims, now, policy->leeway);

    if (reason != AGENT_OK) {
        (void) agent_fail(err, "the token is not in its time");
    }

    return reason;
}


agent_reason_e
agent_jwt_claimed(const agent_jwt_t *jwt, const agent_jwt_policy_t *policy,
    char *err)
{
    agent_reason_e  reason;

    if (!(jwt->jws.alg & policy->algs)) {
        (void) agent_fail(err, "the algorithm of the token is not allowed");
        return AGENT_ALGORITHM_REFUSED;
    }

    reason = agent_jwt_type(jwt, policy, err);

    if (reason != AGENT_OK) {
        return reason;
    }

    /* keys belong to their issuer: those of another one prove nothing */

    if (!agent_str_eq(&jwt->issuer, &policy->issuer)) {
        (void) agent_fail(err, "claim \"iss\" is not the issuer");
        return AGENT_ISSUER_MISMATCH;
    }

    return AGENT_OK;
}


/*
 * RFC 9068, 4.  Where servers that do not set "typ" are let in, tokens of
 * another kind still are not (RFC 8725, 3.11).
 */

static agent_reason_e
agent_jwt_type(const agent_jwt_t *jwt, const agent_jwt_policy_t *policy,
    char *err)
{
    const agent_str_t  *typ;

    typ = &jwt->jws.typ;

    if (agent_jws_typ_is(typ, "at+jwt")
        || (policy->any_type
            && (typ->len == 0 || agent_jws_typ_is(typ, "jwt"))))
    {
        return AGENT_OK;
    }

    (void) agent_fail(err, "\"typ\" of the token is none of an access token");

    return AGENT_TOKEN_TYPE;
}


static agent_reason_e
agent_jwt_signature(const agent_jwt_t *jwt, const agent_jwks_t *set,
    const agent_jwk_t **key, char *err)
{
    int                 rc;
    const agent_jws_t  *jws;

    jws = &jwt->jws;

    *key = agent_jwks_find(set, &jws->kid, jws->alg);

    if (*key == NULL) {
        (void) agent_fail(err, "no key of the set is the one that the token "
                          "names and fits its algorithm");
        return AGENT_SIGNING_KEY_UNKNOWN;
    }

    rc = agent_jwk_verify(*key, jws->alg, &jws->input, &jws->signature);

    if (rc < 0) {
        (void) agent_fail(err, "no memory to check a signature");
        return AGENT_INTERNAL_ERROR;
    }

    if (rc == 0) {
        (void) agent_fail(err, "the signature of the token is wrong");
        return AGENT_SIGNATURE_INVALID;
    }

    return AGENT_OK;
}


/*
 * Without a "typ" the claims must do: hashes of other tokens are in ID tokens
 * only (OpenID Connect Core, 3.3.2.11), "events" in security events and logout
 * tokens (RFC 8417, 2.2), the rest in answers of RFC 9701 and proofs of RFC
 * 9449.
 */

static agent_reason_e
agent_jwt_kind(const json_t *claims, char *err)
{
    size_t  i;

    static const char  *names[] = {
        "at_hash", "c_hash", "s_hash", "events", "token_introspection", "htm",
        "htu"
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (json_object_get(claims, names[i])) {
            (void) agent_fail(err, "claim \"%s\" is not of an access token",
                              names[i]);
            return AGENT_TOKEN_TYPE;
        }
    }

    return AGENT_OK;
}


/* RFC 9068, 2.2; an end to its life is asked of any token */

static agent_reason_e
agent_jwt_required(const agent_jwt_t *jwt, const agent_jwt_policy_t *policy,
    const agent_claims_t *claims, char *err)
{
    if (claims->expires == AGENT_CLAIM_NONE) {
        (void) agent_fail(err, "the token has no claim \"exp\"");
        return AGENT_TOKEN_CLAIMS;
    }

    if (policy->any_type) {
        return AGENT_OK;
    }

    /* "azp" is no "client_id" here, though it serves as one elsewhere */

    if (claims->subject.len == 0 || claims->token_id.len == 0
        || claims->issued == AGENT_CLAIM_NONE
        || json_string_length(json_object_get(jwt->claims, "client_id")) == 0)
    {
        (void) agent_fail(err, "the token has no \"sub\", \"client_id\", "
                          "\"iat\" or \"jti\"");
        return AGENT_TOKEN_CLAIMS;
    }

    if (claims->audiences.len == 0) {
        (void) agent_fail(err, "the token has no claim \"aud\"");
        return AGENT_AUDIENCE_MISMATCH;
    }

    return AGENT_OK;
}


agent_reason_e
agent_jwt_usable(const agent_claims_t *claims, int64_t now, int64_t leeway)
{
    /* times are 2^53 at most: no sum of them overflows */

    if (claims->expires != AGENT_CLAIM_NONE
        && claims->expires + leeway <= now)
    {
        return AGENT_TOKEN_EXPIRED;
    }

    if ((claims->not_before != AGENT_CLAIM_NONE
         && claims->not_before > now + leeway)
        || (claims->issued != AGENT_CLAIM_NONE
            && claims->issued > now + leeway))
    {
        return AGENT_TOKEN_NOT_YET_VALID;
    }

    return AGENT_OK;
}
