
/*
 * Security Event Tokens that are rightly signed: what passes is of the stream,
 * and voids nothing but subjects of its issuer, and nothing ahead of time.
 *
 * The input is the claims; the first octet chooses the policy.
 */

#include "agent_set.h"
#include "signed.h"


static void passed(const agent_set_t *set, const agent_set_policy_t *policy);


#define NOW   1800000000000

/* {"alg":"HS256","typ":"secevent+jwt"} */

#define HEAD  "eyJhbGciOiJIUzI1NiIsInR5cCI6InNlY2V2ZW50K2p3dCJ9."


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                  err[AGENT_ERROR_LEN], *text;
    uint8_t              *buf;
    agent_str_t           token;
    agent_set_e           rc;
    agent_set_t           set;
    agent_set_policy_t    policy;

    static agent_jwks_t   keys;

    if (size == 0 || size > AGENT_JWS_MAX / 2) {
        return 0;
    }

    if (keys.n == 0) {
        fuzz_signer(&keys);
    }

    memset(&policy, 0, sizeof(policy));
    agent_str_set(&policy.issuer, "i");
    agent_str_set(&policy.subjects, "i");
    agent_str_set(&policy.audience, "a");
    policy.algs = AGENT_ALG_HS256;
    policy.leeway = data[0] & 2 ? 30000 : 0;
    policy.keys = data[0] & 1;
    policy.email = policy.keys;

    if (data[0] & 4) {
        agent_str_set(&policy.state, "s");
    }

    text = fuzz_sign(HEAD, data + 1, size - 1);
    token.data = (const uint8_t *) text;
    token.len = strlen(text);
    buf = malloc(agent_set_room(token.len));

    if (agent_set_parse(&set, &token, buf, err) == AGENT_SET_OK) {

        rc = agent_set_check(&set, &policy, &keys, NOW, err);

        fuzz_check(rc != AGENT_SET_INVALID_KEY
                   && rc != AGENT_SET_AUTHENTICATION_FAILED
                   && rc != AGENT_SET_INTERNAL);

        if (rc == AGENT_SET_OK) {
            passed(&set, &policy);
        }

        agent_set_free(&set);
    }

    free(buf);
    free(text);

    return 0;
}


static void
passed(const agent_set_t *set, const agent_set_policy_t *policy)
{
    size_t                      i, j;
    const agent_set_event_t    *event;
    const agent_set_subject_t  *subject;

    fuzz_check(agent_str_eq(&set->issuer, &policy->issuer));
    fuzz_check(set->id.len > 0 && set->id.len <= AGENT_SET_ID_MAX);
    fuzz_check(set->issued >= 0 && set->issued <= NOW + policy->leeway);
    fuzz_check(set->nevents > 0 && set->nevents <= AGENT_SET_EVENTS_MAX);

    for (i = 0; i < set->nevents; i++) {

        event = &set->events[i];

        fuzz_check(event->before >= 0 && event->before <= NOW + 1000);
        fuzz_check(event->nsubjects <= AGENT_SET_SUBJECTS_MAX);
        fuzz_check(event->nsubjects > 0
                   || event->action == AGENT_SET_RECORD
                   || event->action == AGENT_SET_DISCARD);

        for (j = 0; j < event->nsubjects; j++) {

            subject = &event->subjects[j];

            fuzz_check(subject->value.len > 0
                       && subject->value.len <= AGENT_REVOCATION_VALUE_MAX);
            fuzz_check(subject->kind == AGENT_REVOKED_KEY
                       ? policy->keys && subject->issuer.len == 0
                       : agent_str_eq(&subject->issuer, &policy->subjects));
        }
    }
}
