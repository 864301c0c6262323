
/*
 * The table of decisions.  Without this a reason that somebody adds could have
 * no status and let its request pass, or a challenge could carry an error code
 * that tells a stranger more than RFC 6750, 3.1 does (B-03, B-05, B-07, K-09).
 */

#include "tap.h"

#include "agent_reason.h"


typedef struct {
    agent_reason_e  reason;
    const char     *name;
    unsigned        status;
    const char     *error;
} expected_t;


static void test_reasons(void);
static void test_every_reason(void);
static void test_key_states(void);
static void test_names(void);
static void test_out_of_range(void);
static int is(const agent_str_t *s, const char *text);


static const expected_t  expected[] = {
    { AGENT_NOT_EVALUATED, "not_evaluated", 0, "" },
    { AGENT_OK, "ok", 0, "" },
    { AGENT_CREDENTIAL_MISSING, "credential_missing", 401, "" },
    { AGENT_CREDENTIAL_MALFORMED, "credential_malformed", 400,
      "invalid_request" },
    { AGENT_CREDENTIAL_MULTIPLE, "credential_multiple", 400,
      "invalid_request" },
    { AGENT_KEY_UNKNOWN, "key_unknown", 401, "invalid_token" },
    { AGENT_KEY_NOT_YET_VALID, "key_not_yet_valid", 401, "invalid_token" },
    { AGENT_KEY_EXPIRED, "key_expired", 401, "invalid_token" },
    { AGENT_KEY_SUSPENDED, "key_suspended", 401, "invalid_token" },
    { AGENT_KEY_REVOKED, "key_revoked", 401, "invalid_token" },
    { AGENT_KEY_SUNSET, "key_sunset", 401, "invalid_token" },
    { AGENT_KEY_NETWORK, "key_network", 401, "invalid_token" },
    { AGENT_KEY_SERVICE, "key_service", 403, "" },
    { AGENT_SCOPE_INSUFFICIENT, "scope_insufficient", 403,
      "insufficient_scope" },
    { AGENT_REQUIREMENT_FAILED, "requirement_failed", 403, "" },
    { AGENT_DELEGATION_REFUSED, "delegation_refused", 403, "" },
    { AGENT_STEP_UP_REQUIRED, "step_up_required", 401,
      "insufficient_user_authentication" },
    { AGENT_MCP_INVALID, "mcp_invalid", 400, "" },
    { AGENT_TOKEN_INACTIVE, "token_inactive", 401, "invalid_token" },
    { AGENT_TOKEN_MALFORMED, "token_malformed", 401, "invalid_token" },
    { AGENT_TOKEN_EXPIRED, "token_expired", 401, "invalid_token" },
    { AGENT_TOKEN_NOT_YET_VALID, "token_not_yet_valid", 401, "invalid_token" },
    { AGENT_TOKEN_REVOKED, "token_revoked", 401, "invalid_token" },
    { AGENT_TOKEN_TYPE, "token_type", 401, "invalid_token" },
    { AGENT_TOKEN_CLAIMS, "token_claims", 401, "invalid_token" },
    { AGENT_SIGNATURE_INVALID, "signature_invalid", 401, "invalid_token" },
    { AGENT_ALGORITHM_REFUSED, "algorithm_refused", 401, "invalid_token" },
    { AGENT_SIGNING_KEY_UNKNOWN, "signing_key_unknown", 401, "invalid_token" },
    { AGENT_ISSUER_MISMATCH, "issuer_mismatch", 401, "invalid_token" },
    { AGENT_AUDIENCE_MISMATCH, "audience_mismatch", 401, "invalid_token" },
    { AGENT_BINDING_MISSING, "binding_missing", 401, "invalid_token" },
    { AGENT_BINDING_MISMATCH, "binding_mismatch", 401, "invalid_token" },
    { AGENT_DPOP_INVALID, "dpop_invalid", 401, "invalid_dpop_proof" },
    { AGENT_DPOP_NONCE, "dpop_nonce", 401, "use_dpop_nonce" },
    { AGENT_PROVIDER_UNAVAILABLE, "provider_unavailable", 503, "" },
    { AGENT_PROVIDER_REFUSED_CLIENT, "provider_refused_client", 503, "" },
    { AGENT_PROVIDER_BAD_ANSWER, "provider_bad_answer", 503, "" },
    { AGENT_RATE_LIMITED, "rate_limited", 429, "" },
    { AGENT_TABLE_BUSY, "table_busy", 503, "" },
    { AGENT_SUBREQUEST_REFUSED, "subrequest_refused", 403, "" },
    { AGENT_INTERNAL_ERROR, "internal_error", 500, "" }
};

#define EXPECTED  (sizeof(expected) / sizeof(expected[0]))


int
main(void)
{
    test_reasons();
    test_every_reason();
    test_key_states();
    test_names();
    test_out_of_range();

    return tap_done();
}


static void
test_reasons(void)
{
    size_t             i;
    const expected_t  *e;

    for (i = 0; i < EXPECTED; i++) {
        e = &expected[i];

        ok(is(agent_reason_name(e->reason), e->name)
           && agent_reason_status(e->reason) == e->status
           && is(agent_error_name(agent_reason_error(e->reason)), e->error),
           "%s: %u %s", e->name, e->status, e->error);
    }
}


/* also those that this test does not know yet */

static void
test_every_reason(void)
{
    int                i, j;
    size_t             unnamed, same, passes, mixed;
    unsigned           status;
    agent_error_e      error;
    const agent_str_t *name;

    for (i = 0, unnamed = 0, same = 0, passes = 0, mixed = 0;
         i < AGENT_REASON_MAX;
         i++)
    {
        name = agent_reason_name((agent_reason_e) i);
        status = agent_reason_status((agent_reason_e) i);
        error = agent_reason_error((agent_reason_e) i);

        unnamed += name->len == 0;

        for (j = 0; j < i; j++) {
            same += agent_str_eq(name, agent_reason_name((agent_reason_e) j));
        }

        passes += status != 400 && status != 401 && status != 403
                  && status != 429 && status != 500 && status != 503
                  && i != AGENT_OK && i != AGENT_NOT_EVALUATED;

        /* RFC 6750, 3.1 and RFC 9449, 7.1 tie each code to a status */

        mixed += (error == AGENT_ERROR_INVALID_REQUEST && status != 400)
                 || (error == AGENT_ERROR_INVALID_TOKEN && status != 401)
                 || (error == AGENT_ERROR_INSUFFICIENT_SCOPE && status != 403)
                 || (error == AGENT_ERROR_INVALID_DPOP_PROOF && status != 401)
                 || (error == AGENT_ERROR_USE_DPOP_NONCE && status != 401);
    }

    ok(unnamed == 0, "every reason has a name");
    ok(same == 0, "no two have the same");
    ok(passes == 0, "every reason but ok and not_evaluated refuses");
    ok(mixed == 0, "error codes go with their status");
    ok(AGENT_OK != 0 && AGENT_NOT_EVALUATED == 0,
       "memory of zeroes holds no ok");
    ok(AGENT_RESULT_ALLOW != 0 && AGENT_RESULT_NONE == 0, "and no allow");
}


/* K-09, B-13: the client cannot tell in what state a key is */

static void
test_key_states(void)
{
    size_t  i, differ;

    static const agent_reason_e  alike[] = {
        AGENT_KEY_UNKNOWN, AGENT_KEY_NOT_YET_VALID, AGENT_KEY_EXPIRED,
        AGENT_KEY_SUSPENDED, AGENT_KEY_REVOKED, AGENT_KEY_NETWORK
    };

    for (i = 1, differ = 0; i < sizeof(alike) / sizeof(alike[0]); i++) {
        differ += agent_reason_status(alike[i])
                  != agent_reason_status(alike[0])
                  || agent_reason_error(alike[i])
                     != agent_reason_error(alike[0]);
    }

    ok(differ == 0, "all keys that are no good get one answer");
}


static void
test_names(void)
{
    ok(is(agent_result_name(AGENT_RESULT_NONE), "none"), "result none");
    ok(is(agent_result_name(AGENT_RESULT_ALLOW), "allow"), "result allow");
    ok(is(agent_result_name(AGENT_RESULT_DENY), "deny"), "result deny");
    ok(is(agent_result_name(AGENT_RESULT_WOULD_DENY), "would_deny"),
       "result would_deny");
    ok(is(agent_result_name(AGENT_RESULT_OFF), "off"), "result off");

    ok(is(agent_auth_type_name(AGENT_AUTH_NONE), ""), "no type");
    ok(is(agent_auth_type_name(AGENT_AUTH_KEY), "key"), "type key");
    ok(is(agent_auth_type_name(AGENT_AUTH_OAUTH), "oauth"), "type oauth");

    ok(is(agent_error_name(AGENT_ERROR_NONE), ""), "no error code");
}


/* what nobody knows does not pass */

static void
test_out_of_range(void)
{
    int     i;
    size_t  wrong;

    static const int  outside[] =
        { -1, AGENT_REASON_MAX, AGENT_REASON_MAX + 1, 1000, INT32_MAX,
          INT32_MIN };

    for (i = 0, wrong = 0; i < 6; i++) {
        wrong += agent_reason_status((agent_reason_e) outside[i]) != 500
                 || !is(agent_reason_name((agent_reason_e) outside[i]),
                        "internal_error")
                 || agent_reason_error((agent_reason_e) outside[i])
                    != AGENT_ERROR_NONE;
    }

    ok(wrong == 0, "a reason out of range is an internal error");
    ok(is(agent_result_name((agent_result_e) 99), "none")
       && is(agent_result_name((agent_result_e) -1), "none"),
       "a result out of range is none");
    ok(is(agent_auth_type_name((agent_auth_type_e) 99), ""),
       "a type out of range is none");
    ok(is(agent_error_name((agent_error_e) 99), ""),
       "an error out of range is none");
}


static int
is(const agent_str_t *s, const char *text)
{
    return s->len == strlen(text) && memcmp(s->data, text, s->len) == 0;
}
