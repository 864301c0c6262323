
/*
 * Claims of JWTs, in tokens that are rightly signed: what passes is of the
 * issuer, in its time and complete, and its claims survive being packed.
 *
 * The input is the claims; the first octet chooses the policy.
 */

#include "agent_claim.h"
#include "agent_jwt.h"
#include "signed.h"


static void passed(const agent_claims_t *claims,
    const agent_jwt_policy_t *policy);


#define NOW   1800000000000

/* {"alg":"HS256","typ":"at+jwt"} */

#define HEAD  "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9."


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                  err[AGENT_ERROR_LEN], *text;
    uint8_t              *buf;
    agent_jwt_t           jwt;
    agent_str_t           token;
    agent_reason_e        reason;
    agent_claims_t        claims;
    agent_jwt_policy_t    policy;

    static agent_jwks_t   set;

    if (size == 0 || size > AGENT_JWS_MAX / 2) {
        return 0;
    }

    if (set.n == 0) {
        fuzz_signer(&set);
    }

    memset(&policy, 0, sizeof(policy));
    agent_str_set(&policy.issuer, "i");
    policy.algs = AGENT_ALG_HS256;
    policy.leeway = data[0] & 2 ? 30000 : 0;
    policy.any_type = data[0] & 1;

    text = fuzz_sign(HEAD, data + 1, size - 1);
    token.data = (const uint8_t *) text;
    token.len = strlen(text);
    buf = malloc(agent_jwt_room(token.len));

    if (agent_jwt_parse(&jwt, &token, buf, err) == AGENT_OK) {

        reason = agent_jwt_check(&jwt, &policy, &set, NOW, &claims, err);

        fuzz_check(reason != AGENT_NOT_EVALUATED
                   && reason != AGENT_SIGNATURE_INVALID
                   && reason != AGENT_SIGNING_KEY_UNKNOWN
                   && reason != AGENT_ALGORITHM_REFUSED
                   && reason != AGENT_INTERNAL_ERROR);

        agent_jwt_free(&jwt);

        if (reason == AGENT_OK) {
            passed(&claims, &policy);
        }
    }

    free(buf);
    free(text);

    return 0;
}


static void
passed(const agent_claims_t *claims, const agent_jwt_policy_t *policy)
{
    json_t          *tree;
    size_t           len, size;
    uint8_t         *record;
    agent_str_t      one;
    agent_claims_t   again;

    fuzz_check(agent_str_eq(&claims->issuer, &policy->issuer));
    fuzz_check(claims->expires > NOW - policy->leeway);
    fuzz_check(claims->issued == AGENT_CLAIM_NONE
               || claims->issued <= NOW + policy->leeway);
    fuzz_check(claims->signer == 1 && claims->key_id.len == 12);
    fuzz_check(policy->any_type
               || (claims->subject.len && claims->client_id.len
                   && claims->token_id.len && claims->audiences.len));

    /* what stands in the JSON is not kept twice */

    size = agent_claims_size(claims);
    record = malloc(size);
    len = agent_claims_pack(claims, record, size);

    fuzz_check(len > 0 && len <= size
               && agent_claims_unpack(record, len, &again) == 0
               && agent_str_eq(&again.json, &claims->json)
               && agent_str_eq(&again.actors, &claims->actors)
               && agent_str_eq(&again.subject, &claims->subject)
               && again.act_depth == claims->act_depth);

    /* whatever was taken can be asked for */

    tree = agent_claim_tree(&claims->json);
    fuzz_check(json_is_object(tree));
    json_decref(tree);

    while (agent_claims_next(&again.actors, &one)) {
        fuzz_check(one.len > 0);
    }

    free(record);
}
