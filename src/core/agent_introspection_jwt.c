
#include "agent_http_text.h"
#include "agent_introspection_jwt.h"
#include "agent_json_tree.h"


/* "iat" is in whole seconds */

#define AGENT_INTROSPECTION_SECOND  1000


static int agent_introspection_encrypted(const agent_str_t *body);
static agent_reason_e agent_introspection_signed(const agent_jws_t *jws,
    const agent_introspection_expected_t *expected, const agent_jwks_t *set,
    char *err);
static int agent_introspection_outer(const json_t *outer,
    const agent_introspection_expected_t *expected, char *err);
static int agent_introspection_audience(const json_t *aud,
    const agent_str_t *audience);
static int agent_introspection_text_is(const json_t *value,
    const agent_str_t *text);
static agent_reason_e agent_introspection_inner(const json_t *outer,
    uint8_t *buf, size_t size, agent_claims_t *claims, char *err);


int
agent_introspection_jwt_type(const agent_str_t *type)
{
    agent_str_t     media;
    const uint8_t  *p;

    media = *type;
    p = media.len ? memchr(media.data, ';', media.len) : NULL;

    if (p) {
        media.len = (size_t) (p - media.data);
    }

    agent_http_trim(&media);

    return agent_http_is(&media, AGENT_INTROSPECTION_JWT_TYPE);
}


agent_reason_e
agent_introspection_jwt(const agent_str_t *body,
    const agent_introspection_expected_t *expected, const agent_jwks_t *set,
    uint8_t *buf, size_t size, agent_claims_t *claims, char *err)
{
    size_t          room;
    json_t         *outer;
    agent_jws_t     jws;
    agent_reason_e  reason;

    memset(claims, 0, sizeof(*claims));

    room = agent_jws_room(body->len);

    if (room > size) {
        (void) agent_fail(err, "the introspection answer is too large");
        return AGENT_PROVIDER_BAD_ANSWER;
    }

    if (agent_introspection_encrypted(body)) {
        (void) agent_fail(err, "the introspection answer is encrypted (JWE), "
                          "the server must only sign it for this client");
        return AGENT_PROVIDER_BAD_ANSWER;
    }

    if (agent_jws_parse(&jws, body, buf, err) != AGENT_OK) {
        (void) agent_fail(err, "the introspection answer is no JWT, or of no "
                          "algorithm that signs");
        return AGENT_PROVIDER_BAD_ANSWER;
    }

    reason = agent_introspection_signed(&jws, expected, set, err);

    if (reason != AGENT_OK) {
        agent_jws_free(&jws);
        return reason;
    }

    outer = agent_json_tree(jws.payload.data, jws.payload.len, 0);

    if (outer == NULL) {
        (void) agent_fail(err, "the claims of the introspection answer are no "
                          "JSON object without duplicate members, or too "
                          "deep");
        reason = AGENT_PROVIDER_BAD_ANSWER;

    } else if (agent_introspection_outer(outer, expected, err) != 0) {
        reason = AGENT_PROVIDER_BAD_ANSWER;

    } else {
        reason = agent_introspection_inner(outer, buf + room, size - room,
                                           claims, err);
    }

    json_decref(outer);
    agent_jws_free(&jws);

    return reason;
}


/* RFC 7516, 7.1: five parts */

static int
agent_introspection_encrypted(const agent_str_t *body)
{
    size_t  i, dots;

    for (i = 0, dots = 0; i < body->len; i++) {
        dots += (body->data[i] == '.');
    }

    return dots == 4;
}


/* the type first: the server signs other JWTs with the same keys */

static agent_reason_e
agent_introspection_signed(const agent_jws_t *jws,
    const agent_introspection_expected_t *expected, const agent_jwks_t *set,
    char *err)
{
    const agent_jwk_t  *key;

    if (!agent_jws_typ_is(&jws->typ, "token-introspection+jwt")) {
        (void) agent_fail(err, "\"typ\" of the introspection answer is not "
                          "\"token-introspection+jwt\"");
        return AGENT_PROVIDER_BAD_ANSWER;
    }

    if (!(jws->alg & expected->algs)) {
        (void) agent_fail(err, "the introspection answer is signed with %s, "
                          "which \"algorithms\" does not allow",
                          (const char *) agent_alg_name(jws->alg)->data);
        return AGENT_PROVIDER_BAD_ANSWER;
    }

    key = agent_jwks_find(set, &jws->kid, jws->alg);

    if (key == NULL) {
        (void) agent_fail(err, "no key of the set is the one that the "
                          "introspection answer names and fits its algorithm");
        return AGENT_SIGNING_KEY_UNKNOWN;
    }

    switch (agent_jwk_verify(key, jws->alg, &jws->input, &jws->signature)) {

    case 1:
        return AGENT_OK;

    case 0:
        (void) agent_fail(err, "the signature of the introspection answer is "
                          "wrong");

        /* a new key of a server that names none fails like a forgery */

        return jws->kid.len ? AGENT_PROVIDER_BAD_ANSWER
                            : AGENT_SIGNING_KEY_UNKNOWN;

    default:
        (void) agent_fail(err, "no memory to check a signature");
        return AGENT_INTERNAL_ERROR;
    }
}


/* RFC 9701, 5; the answer is made for the question: it is not older */

static int
agent_introspection_outer(const json_t *outer,
    const agent_introspection_expected_t *expected, char *err)
{
    int64_t  issued;

    if (!agent_introspection_text_is(json_object_get(outer, "iss"),
                                     &expected->issuer))
    {
        return agent_fail(err, "\"iss\" of the introspection answer is not "
                          "the issuer");
    }

    if (!agent_introspection_audience(json_object_get(outer, "aud"),
                                      &expected->audience))
    {
        return agent_fail(err, "\"aud\" of the introspection answer is not "
                          "\"client_id\"");
    }

    if (agent_claims_time(outer, "iat", &issued, err) != 0
        || issued == AGENT_CLAIM_NONE)
    {
        return agent_fail(err, "\"iat\" of the introspection answer is no "
                          "NumericDate");
    }

    if (issued > expected->now + expected->leeway) {
        return agent_fail(err, "\"iat\" of the introspection answer lies "
                          "ahead, see the clocks and \"leeway\"");
    }

    if (issued + AGENT_INTROSPECTION_SECOND + expected->leeway
        <= expected->asked)
    {
        return agent_fail(err, "the introspection answer is older than the "
                          "question, see the clocks and \"leeway\"");
    }

    return 0;
}


/* RFC 7519, 4.1.3 */

static int
agent_introspection_audience(const json_t *aud, const agent_str_t *audience)
{
    size_t  i;

    if (!json_is_array(aud)) {
        return agent_introspection_text_is(aud, audience);
    }

    for (i = 0; i < json_array_size(aud); i++) {
        if (agent_introspection_text_is(json_array_get(aud, i), audience)) {
            return 1;
        }
    }

    return 0;
}


static int
agent_introspection_text_is(const json_t *value, const agent_str_t *text)
{
    agent_str_t  s;

    if (!json_is_string(value)) {
        return 0;
    }

    s.data = (const uint8_t *) json_string_value(value);
    s.len = json_string_length(value);

    return text->len && agent_str_eq(&s, text);
}


static agent_reason_e
agent_introspection_inner(const json_t *outer, uint8_t *buf, size_t size,
    agent_claims_t *claims, char *err)
{
    const json_t  *inner;

    inner = json_object_get(outer, "token_introspection");

    if (!json_is_object(inner)) {
        (void) agent_fail(err, "\"token_introspection\" of the introspection "
                          "answer is no object");
        return AGENT_PROVIDER_BAD_ANSWER;
    }

    switch (agent_introspection_take(inner, buf, size, claims, err)) {

    case AGENT_INTROSPECTION_ACTIVE:
        return AGENT_OK;

    case AGENT_INTROSPECTION_INACTIVE:
        return AGENT_TOKEN_INACTIVE;

    default:
        return AGENT_PROVIDER_BAD_ANSWER;
    }
}
