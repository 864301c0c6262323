
/*
 * Introspection answers of RFC 9701.  The input is the claims of one that is
 * rightly signed, or, where it begins with "=", the whole answer: what passes
 * is of the issuer, for the client, and says literally that it is active.
 */

#include "agent_introspection_jwt.h"
#include "signed.h"


static void check(const agent_str_t *body, int whole);
static void passed(const agent_claims_t *claims);


#define NOW     1800000000000
#define CLAIMS  65536

/* {"alg":"HS256","typ":"token-introspection+jwt"} */

#define HEAD    "eyJhbGciOiJIUzI1NiIsInR5cCI6InRva2VuLWludHJvc3BlY3Rpb24rand0In0."


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char         *text;
    agent_str_t   body;

    if (size > AGENT_JWS_MAX / 2) {
        return 0;
    }

    if (size && data[0] == '=') {
        text = (char *) fuzz_copy(data + 1, size - 1);
        body.len = size - 1;

    } else {
        text = fuzz_sign(HEAD, data, size);
        body.len = strlen(text);
    }

    body.data = (const uint8_t *) text;

    (void) agent_introspection_jwt_type(&body);

    check(&body, size && data[0] == '=');

    free(text);

    return 0;
}


static void
check(const agent_str_t *body, int whole)
{
    char                             err[AGENT_ERROR_LEN];
    size_t                           size;
    uint8_t                         *buf;
    agent_claims_t                   claims;
    agent_reason_e                   reason;
    agent_introspection_expected_t   expected;

    static agent_jwks_t              set;

    if (set.n == 0) {
        fuzz_signer(&set);
    }

    memset(&expected, 0, sizeof(expected));
    agent_str_set(&expected.issuer, "i");
    agent_str_set(&expected.audience, "c");
    expected.algs = AGENT_ALG_HS256;
    expected.leeway = 30000;
    expected.asked = NOW;
    expected.now = NOW;

    size = agent_jws_room(body->len) + CLAIMS;
    buf = malloc(size);
    err[0] = '\0';

    reason = agent_introspection_jwt(body, &expected, &set, buf, size, &claims,
                                     err);

    fuzz_check(reason == AGENT_OK || reason == AGENT_TOKEN_INACTIVE
               || reason == AGENT_PROVIDER_BAD_ANSWER
               || (whole && reason == AGENT_SIGNING_KEY_UNKNOWN));
    fuzz_check(reason != AGENT_PROVIDER_BAD_ANSWER || err[0] != '\0');

    if (reason == AGENT_OK) {
        passed(&claims);
    }

    free(buf);
}


static void
passed(const agent_claims_t *claims)
{
    size_t           len, size;
    uint8_t         *record;
    agent_claims_t   again;

    fuzz_check(claims->signer == 0 && claims->key_id.len == 0);
    fuzz_check(memmem(claims->json.data, claims->json.len, "\"active\":true",
                      13) != NULL);

    size = agent_claims_size(claims);
    record = malloc(size);
    len = agent_claims_pack(claims, record, size);

    fuzz_check(len > 0 && len <= size
               && agent_claims_unpack(record, len, &again) == 0
               && agent_str_eq(&again.json, &claims->json));

    free(record);
}
