
#include "agent_set.h"
#include "agent_claims.h"


static int agent_set_audience(const json_t *claims,
    const agent_str_t *audience);
static agent_set_e agent_set_signature(const agent_set_t *set,
    const agent_jwks_t *keys, char *err);
static agent_set_e agent_set_claims(agent_set_t *set,
    const agent_set_policy_t *policy, int64_t now, char *err);


static const char  *agent_set_errors[] = {
    "",
    "invalid_request",
    "invalid_key",
    "invalid_issuer",
    "invalid_audience",
    "authentication_failed",
    "invalid_state",
    ""
};


const char *
agent_set_error_name(agent_set_e error)
{
    return agent_set_errors[error];
}


agent_set_e
agent_set_parse(agent_set_t *set, const agent_str_t *text, uint8_t *buf,
    char *err)
{
    const json_t    *iss;
    agent_reason_e   reason;

    memset(set, 0, sizeof(*set));

    reason = agent_jws_parse(&set->jws, text, buf, err);

    if (reason != AGENT_OK) {
        return reason == AGENT_ALGORITHM_REFUSED ? AGENT_SET_INVALID_KEY
                                                 : AGENT_SET_INVALID_REQUEST;
    }

    set->claims = agent_jws_object(set->jws.payload.data,
                                   set->jws.payload.len);

    if (set->claims == NULL) {
        agent_jws_free(&set->jws);

        (void) agent_fail(err, "its claims are no JSON object without "
                          "duplicate members");
        return AGENT_SET_INVALID_REQUEST;
    }

    iss = json_object_get(set->claims, "iss");

    set->issuer.data = (const uint8_t *) json_string_value(iss);
    set->issuer.len = json_string_length(iss);

    return AGENT_SET_OK;
}


void
agent_set_free(agent_set_t *set)
{
    agent_jws_free(&set->jws);

    json_decref(set->claims);
    set->claims = NULL;
}


agent_set_e
agent_set_check(agent_set_t *set, const agent_set_policy_t *policy,
    const agent_jwks_t *keys, int64_t now, char *err)
{
    agent_set_e  rc;

    rc = agent_set_claimed(set, policy, err);

    if (rc == AGENT_SET_OK) {
        rc = agent_set_signature(set, keys, err);
    }

    if (rc == AGENT_SET_OK) {
        rc = agent_set_claims(set, policy, now, err);
    }

    return rc == AGENT_SET_OK ? agent_set_events(set, policy, now, err) : rc;
}


agent_set_e
agent_set_claimed(const agent_set_t *set, const agent_set_policy_t *policy,
    char *err)
{
    /* an access token is none, nor any other JWT: RFC 8417, 4.5 */

    if (!agent_jws_typ_is(&set->jws.typ, "secevent+jwt")) {
        (void) agent_fail(err, "its \"typ\" is not \"secevent+jwt\"");
        return AGENT_SET_INVALID_REQUEST;
    }

    if (!(set->jws.alg & policy->algs)) {
        (void) agent_fail(err, "its algorithm is not allowed");
        return AGENT_SET_INVALID_KEY;
    }

    if (!agent_str_eq(&set->issuer, &policy->issuer)) {
        (void) agent_fail(err, "claim \"iss\" is not the issuer of the stream");
        return AGENT_SET_INVALID_ISSUER;
    }

    if (!agent_set_audience(set->claims, &policy->audience)) {
        (void) agent_fail(err, "claim \"aud\" does not name this receiver");
        return AGENT_SET_INVALID_AUDIENCE;
    }

    return AGENT_SET_OK;
}


/* a string, or an array of strings: RFC 7519, 4.1.3 */

static int
agent_set_audience(const json_t *claims, const agent_str_t *audience)
{
    size_t         i;
    const json_t  *aud, *one;
    agent_str_t    text;

    aud = json_object_get(claims, "aud");

    for (i = 0; i == 0 || i < json_array_size(aud); i++) {

        one = json_is_array(aud) ? json_array_get(aud, i) : aud;

        text.data = (const uint8_t *) json_string_value(one);
        text.len = json_string_length(one);

        if (text.len && agent_str_eq(&text, audience)) {
            return 1;
        }
    }

    return 0;
}


static agent_set_e
agent_set_signature(const agent_set_t *set, const agent_jwks_t *keys, char *err)
{
    int                 rc;
    const agent_jwk_t  *key;

    key = agent_jwks_find(keys, &set->jws.kid, set->jws.alg);

    if (key == NULL) {
        (void) agent_fail(err, "no key of the set is the one that it names "
                          "and fits its algorithm");
        return AGENT_SET_INVALID_KEY;
    }

    rc = agent_jwk_verify(key, set->jws.alg, &set->jws.input,
                          &set->jws.signature);

    if (rc < 0) {
        (void) agent_fail(err, "no memory to check a signature");
        return AGENT_SET_INTERNAL;
    }

    if (rc == 0) {
        (void) agent_fail(err, "its signature is wrong");
        return AGENT_SET_AUTHENTICATION_FAILED;
    }

    return AGENT_SET_OK;
}


/*
 * SSF 1.0, 4.1: "sub" and "exp" are left out, so that nothing takes a SET for
 * a token that somebody may use.
 */

static agent_set_e
agent_set_claims(agent_set_t *set, const agent_set_policy_t *policy,
    int64_t now, char *err)
{
    const json_t  *jti;

    jti = json_object_get(set->claims, "jti");

    set->id.data = (const uint8_t *) json_string_value(jti);
    set->id.len = json_string_length(jti);

    if (set->id.len == 0 || set->id.len > AGENT_SET_ID_MAX) {
        (void) agent_fail(err, "claim \"jti\" is no string of 1 to %d octets",
                          AGENT_SET_ID_MAX);
        return AGENT_SET_INVALID_REQUEST;
    }

    if (agent_claims_time(set->claims, "iat", &set->issued, err) != 0) {
        return AGENT_SET_INVALID_REQUEST;
    }

    if (set->issued == AGENT_CLAIM_NONE
        || set->issued > now + policy->leeway)
    {
        (void) agent_fail(err, "claim \"iat\" is missing, or lies ahead");
        return AGENT_SET_INVALID_REQUEST;
    }

    if (json_object_get(set->claims, "sub")
        || json_object_get(set->claims, "exp"))
    {
        (void) agent_fail(err, "it has a claim \"sub\" or \"exp\"");
        return AGENT_SET_INVALID_REQUEST;
    }

    return AGENT_SET_OK;
}
