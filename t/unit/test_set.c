
/*
 * Security Event Tokens.  Without this an access token, or a SET of somebody
 * else, could void the tokens of subjects; an event could void those of another
 * issuer's; or one that should void them could pass for one that says nothing
 * (C-01 to C-10, C-12).
 */

#include "agent_set.h"
#include "jose.h"


static void envelope(void);
static void claims(void);
static void caep(void);
static void risc(void);
static void states(void);
static void subjects(void);
static void strangers(void);
static void complex_subjects(void);
static void api_keys(void);
static void times(void);
static void hostile(void);
static agent_set_e check(const char *header, const char *payload);
static agent_set_e event(const char *type, const char *members,
    const char *sub_id);
static int does(agent_set_action_e action, const char *type,
    const char *members);
static int is_about(const char *sub_id, agent_revocation_kind_e kind,
    const char *value);


#define NOW      1800000000000
#define ISSUER   "https://as.example"
#define CAEP     "https://schemas.openid.net/secevent/caep/event-type/"
#define RISC     "https://schemas.openid.net/secevent/risc/event-type/"
#define SSF      "https://schemas.openid.net/secevent/ssf/event-type/"

#define HEAD     "{\"typ\":\"secevent+jwt\",\"alg\":\"ES256\",\"kid\":\"k\"}"
#define ISS      "\"iss\":\"" ISSUER "\""
#define AUD      "\"aud\":\"https://rs.example/events\""
#define REST     "\"jti\":\"j\",\"iat\":1799999990"
#define ALICE    "{\"format\":\"iss_sub\",\"iss\":\"" ISSUER                   \
                 "\",\"sub\":\"alice\"}"
#define REVOKED  "\"events\":{\"" CAEP "session-revoked\":{}}"
#define ALL      ISS "," AUD "," REST ",\"sub_id\":" ALICE "," REVOKED

#define envelope_is(error, header, payload)                                   \
    ok(check(header, payload) == (error), "%s: %.60s %.200s",                  \
       agent_set_error_name(error), header, payload)


static char                err[AGENT_ERROR_LEN];
static uint8_t             buf[1 << 17];
static EVP_PKEY           *key, *other;
static agent_jwks_t       *set;

/* the last one: its texts are gone, but for subjects copied from it */
static agent_set_event_t   last;
static size_t              nevents;
static char                value[4096], issuer[4096];
static agent_set_policy_t  policy;


int
main(void)
{
    char  *members;

    key = jose_key(AGENT_ALG_ES256);
    other = jose_key(AGENT_ALG_ES256);

    members = jose_members(key, AGENT_ALG_ES256, ",\"kid\":\"k\"");
    set = jose_set_of(members, 0);
    free(members);

    agent_str_set(&policy.issuer, ISSUER);
    agent_str_set(&policy.subjects, ISSUER);
    agent_str_set(&policy.audience, "https://rs.example/events");
    policy.algs = AGENT_ALG_ES256|AGENT_ALG_RS256;
    policy.leeway = 30000;

    envelope();
    claims();
    caep();
    risc();
    states();
    subjects();
    strangers();
    complex_subjects();
    api_keys();
    times();
    hostile();

    agent_jwks_free(set);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);

    return tap_done();
}


/* C-02, C-03, C-12 */

static void
envelope(void)
{
    envelope_is(AGENT_SET_OK, HEAD, "{" ALL "}");
    envelope_is(AGENT_SET_OK, "{\"typ\":\"application/SECEVENT+jwt\","
                "\"alg\":\"ES256\",\"kid\":\"k\"}", "{" ALL "}");

    envelope_is(AGENT_SET_INVALID_REQUEST, "{\"typ\":\"at+jwt\","
                "\"alg\":\"ES256\",\"kid\":\"k\"}", "{" ALL "}");
    envelope_is(AGENT_SET_INVALID_REQUEST, "{\"typ\":\"JWT\","
                "\"alg\":\"ES256\",\"kid\":\"k\"}", "{" ALL "}");
    envelope_is(AGENT_SET_INVALID_REQUEST, "{\"alg\":\"ES256\",\"kid\":\"k\"}",
                "{" ALL "}");
    envelope_is(AGENT_SET_INVALID_KEY, "{\"typ\":\"secevent+jwt\","
                "\"alg\":\"none\"}", "{" ALL "}");
    envelope_is(AGENT_SET_INVALID_KEY, "{\"typ\":\"secevent+jwt\","
                "\"alg\":\"ES384\",\"kid\":\"k\"}", "{" ALL "}");
    envelope_is(AGENT_SET_INVALID_KEY, "{\"typ\":\"secevent+jwt\","
                "\"alg\":\"ES256\",\"kid\":\"x\"}", "{" ALL "}");

    envelope_is(AGENT_SET_INVALID_ISSUER, HEAD, "{" AUD "," REST
                ",\"sub_id\":" ALICE "," REVOKED "}");
    envelope_is(AGENT_SET_INVALID_ISSUER, HEAD, "{\"iss\":\"" ISSUER "/\"," AUD
                "," REST ",\"sub_id\":" ALICE "," REVOKED "}");
    envelope_is(AGENT_SET_INVALID_ISSUER, HEAD, "{\"iss\":[\"" ISSUER "\"],"
                AUD "," REST ",\"sub_id\":" ALICE "," REVOKED "}");

    envelope_is(AGENT_SET_INVALID_AUDIENCE, HEAD, "{" ISS "," REST
                ",\"sub_id\":" ALICE "," REVOKED "}");
    envelope_is(AGENT_SET_INVALID_AUDIENCE, HEAD, "{" ISS ",\"aud\":[],"
                REST ",\"sub_id\":" ALICE "," REVOKED "}");
    envelope_is(AGENT_SET_INVALID_AUDIENCE, HEAD, "{" ISS
                ",\"aud\":\"https://rs.example/event\"," REST ",\"sub_id\":"
                ALICE "," REVOKED "}");
    envelope_is(AGENT_SET_OK, HEAD, "{" ISS
                ",\"aud\":[1,\"a\",\"https://rs.example/events\"]," REST
                ",\"sub_id\":" ALICE "," REVOKED "}");

    policy.algs = AGENT_ALG_RS256;
    envelope_is(AGENT_SET_INVALID_KEY, HEAD, "{" ALL "}");
    policy.algs = AGENT_ALG_ES256;
}


/* C-03: RFC 8417, 2.2; SSF 1.0, 4.1 */

static void
claims(void)
{
    envelope_is(AGENT_SET_INVALID_REQUEST, HEAD, "{\"exp\":1800000100," ALL "}");
    envelope_is(AGENT_SET_INVALID_REQUEST, HEAD, "{\"sub\":\"alice\"," ALL "}");
    envelope_is(AGENT_SET_INVALID_REQUEST, HEAD, "{\"sub\":null," ALL "}");

    envelope_is(AGENT_SET_INVALID_REQUEST, HEAD, "{" ISS "," AUD
                ",\"iat\":1799999990,\"sub_id\":" ALICE "," REVOKED "}");
    envelope_is(AGENT_SET_INVALID_REQUEST, HEAD, "{" ISS "," AUD
                ",\"jti\":7,\"iat\":1799999990,\"sub_id\":" ALICE "," REVOKED
                "}");
    envelope_is(AGENT_SET_INVALID_REQUEST, HEAD, "{" ISS "," AUD
                ",\"jti\":\"\",\"iat\":1799999990,\"sub_id\":" ALICE ","
                REVOKED "}");
    envelope_is(AGENT_SET_INVALID_REQUEST, HEAD, "{" ISS "," AUD
                ",\"jti\":\"j\",\"sub_id\":" ALICE "," REVOKED "}");
    envelope_is(AGENT_SET_INVALID_REQUEST, HEAD, "{" ISS "," AUD
                ",\"jti\":\"j\",\"iat\":\"1799999990\",\"sub_id\":" ALICE ","
                REVOKED "}");
    envelope_is(AGENT_SET_INVALID_REQUEST, HEAD, "{" ISS "," AUD
                ",\"jti\":\"j\",\"iat\":1800000031,\"sub_id\":" ALICE ","
                REVOKED "}");
    envelope_is(AGENT_SET_OK, HEAD, "{" ISS "," AUD
                ",\"jti\":\"j\",\"iat\":1800000029,\"sub_id\":" ALICE ","
                REVOKED "}");

    envelope_is(AGENT_SET_INVALID_REQUEST, HEAD, "{" ISS "," AUD "," REST
                ",\"sub_id\":" ALICE "}");
    envelope_is(AGENT_SET_INVALID_REQUEST, HEAD, "{" ISS "," AUD "," REST
                ",\"sub_id\":" ALICE ",\"events\":{}}");
    envelope_is(AGENT_SET_INVALID_REQUEST, HEAD, "{" ISS "," AUD "," REST
                ",\"sub_id\":" ALICE ",\"events\":[]}");
    envelope_is(AGENT_SET_INVALID_REQUEST, HEAD, "{" ISS "," AUD "," REST
                ",\"sub_id\":" ALICE ",\"events\":{\"" CAEP
                "session-revoked\":null}}");
    envelope_is(AGENT_SET_INVALID_REQUEST, HEAD, "{" ISS "," AUD "," REST
                "," REVOKED "}");
    envelope_is(AGENT_SET_INVALID_REQUEST, HEAD, "{" ISS "," AUD "," REST
                ",\"sub_id\":\"alice\"," REVOKED "}");
    envelope_is(AGENT_SET_INVALID_REQUEST, HEAD, "{" ISS "," AUD "," REST
                ",\"sub_id\":{\"sub\":\"alice\"}," REVOKED "}");

    envelope_is(AGENT_SET_INVALID_REQUEST, HEAD, "{" ISS "," AUD "," REST
                ",\"sub_id\":" ALICE ",\"events\":{\"a\":{},\"b\":{},\"c\":{},"
                "\"d\":{},\"e\":{},\"f\":{},\"g\":{},\"h\":{},\"i\":{}}}");

    envelope_is(AGENT_SET_OK, HEAD, "{" ISS "," AUD "," REST ",\"sub_id\":"
                ALICE ",\"events\":{\"" CAEP "session-revoked\":{},\""
                CAEP "token-claims-change\":{\"claims\":{}}}}");
    ok(nevents == 2, "both events of a SET");
}


/* C-05 to C-08 */

static void
caep(void)
{
    ok(does(AGENT_SET_REVOKE, CAEP "session-revoked", "")
       && last.nsubjects == 1
       && last.subjects[0].kind == AGENT_REVOKED_SUBJECT
       && strcmp(value, "alice") == 0 && strcmp(issuer, ISSUER) == 0,
       "session-revoked: C-05");

    ok(does(AGENT_SET_REVOKE, CAEP "credential-change",
            "\"credential_type\":\"password\",\"change_type\":\"revoke\""),
       "credential-change: C-06");
    ok(does(AGENT_SET_REVOKE, CAEP "credential-change",
            "\"credential_type\":\"fido2-roaming\",\"change_type\":\"delete\""),
       "a credential was deleted");
    ok(does(AGENT_SET_REVOKE, CAEP "credential-change",
            "\"credential_type\":\"x509\",\"change_type\":\"update\""),
       "a credential was changed");
    ok(does(AGENT_SET_RECORD, CAEP "credential-change",
            "\"credential_type\":\"x509\",\"change_type\":\"create\""),
       "a credential was added, which voids none");
    ok(event(CAEP "credential-change", "\"change_type\":\"revoke\"", ALICE)
       == AGENT_SET_INVALID_REQUEST, "credential_type is required");
    ok(event(CAEP "credential-change", "\"credential_type\":\"pin\"", ALICE)
       == AGENT_SET_INVALID_REQUEST, "change_type is required");
    ok(event(CAEP "credential-change", "\"credential_type\":\"pin\","
             "\"change_type\":\"lost\"", ALICE)
       == AGENT_SET_INVALID_REQUEST, "an unknown change is not passed over");

    ok(does(AGENT_SET_FLUSH, CAEP "token-claims-change",
            "\"claims\":{\"role\":\"ro\"}"), "token-claims-change: C-07");
    ok(event(CAEP "token-claims-change", "", ALICE)
       == AGENT_SET_INVALID_REQUEST, "claims are required");

    ok(does(AGENT_SET_RISK, CAEP "assurance-level-change",
            "\"current_level\":\"nist-aal1\",\"change_direction\":\"decrease\""),
       "assurance-level-change: C-08");
    ok(does(AGENT_SET_RISK, CAEP "assurance-level-change",
            "\"current_level\":\"nist-aal1\""),
       "a direction that is not told may be down");
    ok(does(AGENT_SET_RECORD, CAEP "assurance-level-change",
            "\"current_level\":\"nist-aal2\",\"change_direction\":\"increase\""),
       "more assurance is no risk");
    ok(event(CAEP "assurance-level-change", "", ALICE)
       == AGENT_SET_INVALID_REQUEST, "current_level is required");
    ok(does(AGENT_SET_RISK, CAEP "device-compliance-change",
            "\"current_status\":\"not-compliant\""), "not compliant: C-08");
    ok(does(AGENT_SET_RECORD, CAEP "device-compliance-change",
            "\"current_status\":\"compliant\""), "compliant again");
    ok(event(CAEP "device-compliance-change", "\"current_status\":\"odd\"",
             ALICE) == AGENT_SET_INVALID_REQUEST, "an unknown status");
    ok(does(AGENT_SET_RISK, CAEP "risk-level-change",
            "\"current_level\":\"HIGH\""), "high risk: C-08");
    ok(does(AGENT_SET_RECORD, CAEP "risk-level-change",
            "\"current_level\":\"LOW\""), "low risk");
    ok(event(CAEP "risk-level-change", "\"current_level\":\"high\"", ALICE)
       == AGENT_SET_INVALID_REQUEST, "an unknown level");

    ok(does(AGENT_SET_RECORD, CAEP "session-established", ""),
       "what voids nothing");
    ok(does(AGENT_SET_RECORD, "https://example.com/event", ""),
       "what nobody knows");
    ok(does(AGENT_SET_RECORD, "https://example.com/event",
            "\"event_timestamp\":\"yesterday\""),
       "whose members are nobody's affair");
    ok(does(AGENT_SET_RECORD, CAEP "session-revoked/", "") && !last.known,
       "types are compared octet by octet");
}


/* C-09 */

static void
risc(void)
{
    ok(does(AGENT_SET_DISABLE, RISC "account-disabled",
            "\"reason\":\"hijacking\""), "account-disabled: C-09");
    ok(does(AGENT_SET_DISABLE, RISC "account-purged", ""), "account-purged");
    ok(does(AGENT_SET_RECORD, RISC "account-enabled", "") && last.known,
       "account-enabled lets nobody in");
    ok(last.nsubjects == 1 && strcmp(value, "alice") == 0,
       "but whom it is about is written down");
    ok(event(RISC "account-enabled", "", "7") == AGENT_SET_OK
       && last.action == AGENT_SET_RECORD && last.nsubjects == 0,
       "or that it is nobody");
    ok(does(AGENT_SET_REVOKE, RISC "identifier-changed",
            "\"new-value\":\"bob\""), "identifier-changed");
    ok(does(AGENT_SET_REVOKE, RISC "identifier-recycled", ""),
       "identifier-recycled");
    ok(does(AGENT_SET_REVOKE, RISC "credential-compromise",
            "\"credential_type\":\"password\""), "credential-compromise");
    ok(does(AGENT_SET_REVOKE, RISC "sessions-revoked", ""), "sessions-revoked");
    ok(does(AGENT_SET_RECORD, RISC "opt-in", ""), "opt-in");
}


/* C-10 */

static void
states(void)
{
    ok(does(AGENT_SET_RECORD, SSF "verification", "\"state\":\"s\""),
       "any state where none is expected");
    ok(does(AGENT_SET_RECORD, SSF "verification", ""), "no state");

    agent_str_set(&policy.state, "s");
    ok(does(AGENT_SET_RECORD, SSF "verification", "\"state\":\"s\""),
       "the state that is expected: C-10");
    ok(does(AGENT_SET_RECORD, SSF "verification", ""),
       "a verification that nobody asked for");
    ok(event(SSF "verification", "\"state\":\"t\"", ALICE)
       == AGENT_SET_INVALID_STATE, "another state: C-10");
    agent_str_set(&policy.state, "");

    ok(event(SSF "verification", "\"state\":1", ALICE)
       == AGENT_SET_INVALID_REQUEST, "a state that is no string");

    ok(event(SSF "verification", "\"state\":\"s\"", "7") == AGENT_SET_OK,
       "its subject is the stream");
}


/* C-04: RFC 9493 */

static void
subjects(void)
{
    ok(is_about("{\"format\":\"opaque\",\"id\":\"o\"}",
                AGENT_REVOKED_SUBJECT, "o"), "opaque");
    ok(event(CAEP "session-revoked", "",
             "{\"format\":\"email\",\"email\":\"a@example.com\"}")
       == AGENT_SET_OK && last.action == AGENT_SET_DISCARD,
       "an address, which tokens may not have as a subject");

    policy.email = 1;

    ok(is_about("{\"format\":\"email\",\"email\":\"a@example.com\"}",
                AGENT_REVOKED_SUBJECT, "a@example.com"), "email");
    ok(is_about("{\"format\":\"phone_number\",\"phone_number\":\"+1\"}",
                AGENT_REVOKED_SUBJECT, "+1"), "phone_number");
    ok(is_about("{\"format\":\"account\",\"uri\":\"acct:a@example.com\"}",
                AGENT_REVOKED_SUBJECT, "acct:a@example.com"), "account");
    ok(is_about("{\"format\":\"did\",\"url\":\"did:example:1\"}",
                AGENT_REVOKED_SUBJECT, "did:example:1"), "did");
    ok(is_about("{\"format\":\"uri\",\"uri\":\"urn:x\"}",
                AGENT_REVOKED_SUBJECT, "urn:x"), "uri");
    ok(is_about("{\"format\":\"jwt_id\",\"iss\":\"" ISSUER
                "\",\"jti\":\"t\"}", AGENT_REVOKED_JTI, "t"), "jwt_id");

    ok(event(CAEP "session-revoked", "", "{\"format\":\"aliases\","
             "\"identifiers\":[" ALICE ",{\"format\":\"email\",\"email\":\"e\"},"
             "{\"format\":\"odd\"},{\"format\":\"aliases\",\"identifiers\":["
             ALICE "]}]}") == AGENT_SET_OK
       && last.action == AGENT_SET_REVOKE && last.nsubjects == 2,
       "aliases that are known, of one level");

    policy.email = 0;

    ok(event(CAEP "session-revoked", "", "{\"format\":\"aliases\","
             "\"identifiers\":[]}") == AGENT_SET_INVALID_REQUEST,
       "no aliases");
    ok(event(CAEP "session-revoked", "", "{\"format\":\"aliases\","
             "\"identifiers\":[{},{},{},{},{},{},{},{},{}]}")
       == AGENT_SET_INVALID_REQUEST, "too many aliases");

    ok(event(CAEP "session-revoked", "", "{\"format\":\"iss_sub\",\"iss\":\""
             ISSUER "\"}") == AGENT_SET_INVALID_REQUEST, "no sub");
    ok(event(CAEP "session-revoked", "", "{\"format\":\"opaque\",\"id\":7}")
       == AGENT_SET_INVALID_REQUEST, "an id that is no string");
    ok(event(CAEP "session-revoked", "", "{\"format\":\"opaque\",\"id\":\"\"}")
       == AGENT_SET_INVALID_REQUEST, "an id that is empty");
}


/* a stream is about its own issuer: W-15 */

static void
strangers(void)
{
    ok(event(CAEP "session-revoked", "", "{\"format\":\"iss_sub\","
             "\"iss\":\"https://other.example\",\"sub\":\"alice\"}")
       == AGENT_SET_OK
       && last.action == AGENT_SET_DISCARD && last.nsubjects == 0,
       "a subject of another issuer");
    ok(event(CAEP "session-revoked", "", "{\"format\":\"jwt_id\","
             "\"iss\":\"https://other.example\",\"jti\":\"t\"}")
       == AGENT_SET_OK && last.action == AGENT_SET_DISCARD,
       "a token of another issuer");
    ok(event(CAEP "session-revoked", "", "{\"format\":\"saml_assertion_id\","
             "\"issuer\":\"i\",\"assertion_id\":\"a\"}") == AGENT_SET_OK
       && last.action == AGENT_SET_DISCARD, "a format that names no token");
}


static void
complex_subjects(void)
{
    ok(is_about("{\"format\":\"complex\",\"user\":" ALICE ",\"session\":"
                "{\"format\":\"opaque\",\"id\":\"s\"}}",
                AGENT_REVOKED_SUBJECT, "alice"), "a session of a user");
    ok(is_about("{\"format\":\"complex\",\"session\":{\"format\":\"jwt_id\","
                "\"iss\":\"" ISSUER "\",\"jti\":\"t\"}}",
                AGENT_REVOKED_JTI, "t"), "a token");
    ok(is_about("{\"format\":\"complex\",\"application\":{\"format\":"
                "\"opaque\",\"id\":\"c\"}}", AGENT_REVOKED_CLIENT, "c"),
       "an application");
    ok(is_about("{\"format\":\"complex\",\"user\":{\"format\":\"email\","
                "\"email\":\"e\"},\"session\":{\"format\":\"jwt_id\","
                "\"iss\":\"" ISSUER "\",\"jti\":\"t\"}}",
                AGENT_REVOKED_JTI, "t"), "a token of a user no token names");
    ok(event(CAEP "session-revoked", "", "{\"format\":\"complex\","
             "\"user\":{\"format\":\"email\",\"email\":\"e\"},"
             "\"application\":{\"format\":\"opaque\",\"id\":\"c\"}}")
       == AGENT_SET_OK && last.action == AGENT_SET_DISCARD,
       "a user's application is not that of all");
    ok(event(CAEP "session-revoked", "", "{\"format\":\"complex\","
             "\"device\":{\"format\":\"opaque\",\"id\":\"d\"}}")
       == AGENT_SET_OK && last.action == AGENT_SET_DISCARD,
       "a device, which no token names: C-04");
    ok(event(CAEP "session-revoked", "", "{\"format\":\"complex\","
             "\"user\":{\"format\":\"complex\",\"user\":" ALICE "}}")
       == AGENT_SET_OK && last.action == AGENT_SET_DISCARD,
       "complex in complex");
}


static void
api_keys(void)
{
    static const char  revoked[] =
        "\"credential_type\":\"api-key\",\"change_type\":\"revoke\"";
    static const char  id[] = "{\"format\":\"opaque\",\"id\":\"0aZ\"}";

    ok(event(CAEP "credential-change", revoked, id) == AGENT_SET_OK
       && last.action == AGENT_SET_DISCARD,
       "who signs tokens does not void keys");

    policy.keys = 1;

    ok(event(CAEP "credential-change", revoked, id) == AGENT_SET_OK
       && last.action == AGENT_SET_DISABLE && last.nsubjects == 1
       && last.subjects[0].kind == AGENT_REVOKED_KEY
       && last.subjects[0].issuer.len == 0 && strcmp(value, "0aZ") == 0,
       "but where it may");
    ok(event(CAEP "credential-change", revoked, ALICE) == AGENT_SET_OK
       && last.action == AGENT_SET_DISCARD,
       "a key is no subject of the issuer");
    ok(event(CAEP "credential-change", revoked, "{\"format\":\"complex\","
             "\"application\":{\"format\":\"opaque\",\"id\":\"c\"}}")
       == AGENT_SET_OK && last.action == AGENT_SET_DISCARD,
       "nor is the client that has it");
    ok(event(CAEP "credential-change", "\"credential_type\":\"api-key\","
             "\"change_type\":\"update\"", id) == AGENT_SET_OK
       && last.action == AGENT_SET_RECORD, "a key that was described anew");
    ok(last.nsubjects == 1 && last.subjects[0].kind == AGENT_REVOKED_KEY,
       "and which");
    ok(event(RISC "account-disabled", "", id) == AGENT_SET_OK
       && last.action == AGENT_SET_DISABLE
       && last.subjects[0].kind == AGENT_REVOKED_SUBJECT,
       "an account is none");

    policy.keys = 0;
}


static void
times(void)
{
    ok(does(AGENT_SET_REVOKE, CAEP "session-revoked", "")
       && last.before == 1799999991000,
       "when it was told, to the end of the second");
    ok(does(AGENT_SET_REVOKE, CAEP "session-revoked",
            "\"event_timestamp\":1799999000.5")
       && last.before == 1799999000500, "when it happened: C-05");
    ok(does(AGENT_SET_REVOKE, CAEP "session-revoked",
            "\"event_timestamp\":1900000000") && last.before == NOW + 1000,
       "not ahead of us");
    ok(event(CAEP "session-revoked", "\"event_timestamp\":\"x\"", ALICE)
       == AGENT_SET_INVALID_REQUEST, "a time that is none");
    ok(event(CAEP "session-revoked", "\"event_timestamp\":-1", ALICE)
       == AGENT_SET_INVALID_REQUEST, "a time before all times");
}


static void
hostile(void)
{
    size_t        i;
    char         *token;
    agent_str_t   text;
    agent_set_t   one;
    agent_set_e   rc;

    static const char  *texts[] = {
        "", ".", "..", "...", "a.b.c", "e30.e30.", "e30.e30.AAAA", "{}",
        "eyJhbGciOiJub25lIn0.e30."
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        text.data = (const uint8_t *) texts[i];
        text.len = strlen(texts[i]);

        rc = agent_set_parse(&one, &text, buf, err);

        ok(rc == AGENT_SET_INVALID_REQUEST || rc == AGENT_SET_INVALID_KEY,
           "no SET: %s", texts[i]);
    }

    envelope_is(AGENT_SET_INVALID_REQUEST, HEAD, "[]");
    envelope_is(AGENT_SET_INVALID_REQUEST, HEAD, "{\"iss\":1,\"iss\":2}");

    token = jose_token(other, AGENT_ALG_ES256, HEAD, "{" ALL "}");
    text.data = (const uint8_t *) token;
    text.len = strlen(token);

    ok(agent_set_parse(&one, &text, buf, err) == AGENT_SET_OK
       && agent_set_check(&one, &policy, set, NOW, err)
          == AGENT_SET_AUTHENTICATION_FAILED, "signed with another key");

    agent_set_free(&one);
    free(token);
}


static agent_set_e
check(const char *header, const char *payload)
{
    char         *token;
    agent_str_t   text, *s;
    agent_set_e   rc;
    agent_set_t   one;

    token = jose_token(key, AGENT_ALG_ES256, header, payload);
    text.data = (const uint8_t *) token;
    text.len = strlen(token);

    memset(&last, 0, sizeof(last));
    nevents = 0;
    value[0] = '\0';
    issuer[0] = '\0';

    rc = agent_set_parse(&one, &text, buf, err);

    if (rc == AGENT_SET_OK) {
        rc = agent_set_check(&one, &policy, set, NOW, err);

        if (rc == AGENT_SET_OK) {
            last = one.events[0];
            nevents = one.nevents;
        }

        if (rc == AGENT_SET_OK && last.nsubjects) {
            s = &last.subjects[0].value;
            sprintf(value, "%.*s", (int) s->len, s->data);
            s = &last.subjects[0].issuer;
            sprintf(issuer, "%.*s", (int) s->len, s->data);
        }

        agent_set_free(&one);
    }

    free(token);

    return rc;
}


static agent_set_e
event(const char *type, const char *members, const char *sub_id)
{
    char  payload[4096];

    sprintf(payload, "{" ISS "," AUD "," REST ",\"sub_id\":%s,\"events\":"
            "{\"%s\":{%s}}}", sub_id, type, members);

    return check(HEAD, payload);
}


static int
does(agent_set_action_e action, const char *type, const char *members)
{
    return event(type, members, ALICE) == AGENT_SET_OK
           && last.action == action;
}


static int
is_about(const char *sub_id, agent_revocation_kind_e kind, const char *text)
{
    return event(CAEP "session-revoked", "", sub_id) == AGENT_SET_OK
           && last.action == AGENT_SET_REVOKE && last.nsubjects == 1
           && last.subjects[0].kind == kind && strcmp(value, text) == 0
           && strcmp(issuer, ISSUER) == 0;
}
