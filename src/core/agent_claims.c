
#include "agent_b64url.h"
#include "agent_claims.h"
#include "agent_json_tree.h"
#include "agent_scope.h"

#include <math.h>


/* seconds; beyond it doubles lose whole ones: 2^53 */

#define AGENT_NUMERIC_MAX    9007199254740992.0


/* where the text goes that claims point at */

typedef struct {
    uint8_t      *p;
    uint8_t      *last;
} agent_claims_buf_t;


static int agent_claims_text(const json_t *object, const char *name,
    agent_claims_buf_t *b, agent_str_t *text, char *err);
static int agent_claims_printable(const agent_str_t *text);
static int agent_claims_put(agent_claims_buf_t *b, const void *data,
    size_t len, agent_str_t *text);
static int agent_claims_scope(const json_t *object, agent_claims_buf_t *b,
    agent_claims_t *claims, char *err);
static int agent_claims_aud(const json_t *object, agent_claims_buf_t *b,
    agent_claims_t *claims, char *err);
static int agent_claims_add(const json_t *value, agent_claims_buf_t *b);
static int agent_claims_take_one(agent_str_t *rest, agent_str_t *one);
static int agent_claims_act(const json_t *object, agent_claims_buf_t *b,
    agent_claims_t *claims, char *err);
static int agent_claims_actors(const json_t *act, agent_claims_buf_t *b,
    agent_claims_t *claims, char *err);
static int agent_claims_cnf(const json_t *object, agent_claims_t *claims,
    char *err);
static int agent_claims_thumbprint(const json_t *value, uint8_t *dst);
static int agent_claims_json(const json_t *object, const agent_str_t *text,
    agent_claims_buf_t *b, agent_claims_t *claims, char *err);


agent_introspection_e
agent_introspection(const uint8_t *body, size_t len, uint8_t *buf, size_t size,
    agent_claims_t *claims, char *err)
{
    json_t                 *json;
    agent_introspection_e   answer;

    json = agent_json_tree(body, len, 0);

    if (json == NULL) {
        return agent_fail(err, "the introspection answer is no JSON object "
                          "without duplicate members, or too deep");
    }

    answer = agent_introspection_take(json, buf, size, claims, err);

    json_decref(json);

    return answer;
}


agent_introspection_e
agent_introspection_take(const json_t *object, uint8_t *buf, size_t size,
    agent_claims_t *claims, char *err)
{
    const json_t  *active;

    active = json_object_get(object, "active");

    if (json_is_false(active)) {
        return AGENT_INTROSPECTION_INACTIVE;
    }

    if (!json_is_true(active)) {
        return agent_fail(err, "\"active\" in the introspection answer is "
                          "neither true nor false");
    }

    return agent_claims_take(object, NULL, buf, size, claims, err) == 0
           ? AGENT_INTROSPECTION_ACTIVE : AGENT_INTROSPECTION_BAD;
}


int
agent_claims_take(const json_t *object, const agent_str_t *text, uint8_t *buf,
    size_t size, agent_claims_t *claims, char *err)
{
    agent_claims_buf_t  b;

    memset(claims, 0, sizeof(*claims));

    b.p = buf;
    b.last = buf + size;

    if (agent_claims_text(object, "iss", &b, &claims->issuer, err) != 0
        || agent_claims_text(object, "sub", &b, &claims->subject, err) != 0
        || agent_claims_text(object, "client_id", &b, &claims->client_id, err)
           != 0
        || agent_claims_text(object, "jti", &b, &claims->token_id, err) != 0
        || agent_claims_text(object, "token_type", &b, &claims->token_type,
                             err) != 0
        || agent_claims_text(object, "acr", &b, &claims->acr, err) != 0
        || agent_claims_time(object, "exp", &claims->expires, err) != 0
        || agent_claims_time(object, "nbf", &claims->not_before, err) != 0
        || agent_claims_time(object, "iat", &claims->issued, err) != 0
        || agent_claims_time(object, "auth_time", &claims->auth_time, err) != 0
        || agent_claims_scope(object, &b, claims, err) != 0
        || agent_claims_aud(object, &b, claims, err) != 0
        || agent_claims_act(object, &b, claims, err) != 0
        || agent_claims_cnf(object, claims, err) != 0)
    {
        return -1;
    }

    if (claims->client_id.len == 0
        && agent_claims_text(object, "azp", &b, &claims->client_id, err) != 0)
    {
        return -1;
    }

    return agent_claims_json(object, text, &b, claims, err);
}


static int
agent_claims_text(const json_t *object, const char *name,
    agent_claims_buf_t *b, agent_str_t *text, char *err)
{
    agent_str_t    s;
    const json_t  *value;

    value = json_object_get(object, name);

    if (value == NULL) {
        return 0;
    }

    if (!json_is_string(value)) {
        return agent_fail(err, "claim \"%s\" is no string", name);
    }

    s.data = (const uint8_t *) json_string_value(value);
    s.len = json_string_length(value);

    if (s.len > AGENT_CLAIM_MAX) {
        return agent_fail(err, "claim \"%s\" is longer than %d octets", name,
                          AGENT_CLAIM_MAX);
    }

    if (agent_claims_printable(&s) != 0) {
        return agent_fail(err, "control character in claim \"%s\"", name);
    }

    if (agent_claims_put(b, s.data, s.len, text) != 0) {
        return agent_fail(err, "the claims are too large");
    }

    return 0;
}


/* texts go into variables, and from there into fields and logs */

static int
agent_claims_printable(const agent_str_t *text)
{
    size_t  i;

    for (i = 0; i < text->len; i++) {
        if (text->data[i] < 0x20 || text->data[i] == 0x7f) {
            return -1;
        }
    }

    return 0;
}


static int
agent_claims_put(agent_claims_buf_t *b, const void *data, size_t len,
    agent_str_t *text)
{
    if (len > (size_t) (b->last - b->p)) {
        return -1;
    }

    text->data = b->p;
    text->len = len;

    if (len) {
        memcpy(b->p, data, len);
    }

    b->p += len;

    return 0;
}


int
agent_claims_time(const json_t *object, const char *name, int64_t *t,
    char *err)
{
    double         seconds;
    const json_t  *value;

    *t = AGENT_CLAIM_NONE;

    value = json_object_get(object, name);

    if (value == NULL) {
        return 0;
    }

    seconds = json_number_value(value);

    if (!json_is_number(value) || !isfinite(seconds) || seconds < 0
        || seconds > AGENT_NUMERIC_MAX / 1000)
    {
        return agent_fail(err, "claim \"%s\" is no NumericDate", name);
    }

    /* towards the past: a token must not live longer for the rounding */

    *t = (int64_t) (seconds * 1000.0);

    return 0;
}


static int
agent_claims_scope(const json_t *object, agent_claims_buf_t *b,
    agent_claims_t *claims, char *err)
{
    agent_str_t  rest, token;

    if (agent_claims_text(object, "scope", b, &claims->scope, err) != 0) {
        return -1;
    }

    rest = claims->scope;

    while (agent_scope_next(&rest, &token)) {
        if (!agent_scope_token_valid(&token)) {
            return agent_fail(err, "claim \"scope\" holds octets that a scope "
                              "must not have");
        }
    }

    return 0;
}


/* a string or an array of them; each is kept behind its length */

static int
agent_claims_aud(const json_t *object, agent_claims_buf_t *b,
    agent_claims_t *claims, char *err)
{
    size_t          i;
    uint8_t        *start;
    const json_t   *value;

    value = json_object_get(object, "aud");

    if (value == NULL) {
        return 0;
    }

    start = b->p;

    if (json_is_string(value)) {

        if (agent_claims_add(value, b) != 0) {
            return agent_fail(err, "the claims are too large");
        }

    } else if (json_is_array(value)) {

        for (i = 0; i < json_array_size(value); i++) {

            if (!json_is_string(json_array_get(value, i))) {
                return agent_fail(err, "claim \"aud\" holds more than strings");
            }

            if (agent_claims_add(json_array_get(value, i), b) != 0) {
                return agent_fail(err, "the claims are too large");
            }
        }

    } else {
        return agent_fail(err, "claim \"aud\" is neither a string nor an "
                          "array");
    }

    claims->audiences.data = start;
    claims->audiences.len = (size_t) (b->p - start);

    if (claims->audiences.len > AGENT_AUDIENCES_MAX) {
        return agent_fail(err, "claim \"aud\" is longer than %d octets",
                          AGENT_AUDIENCES_MAX);
    }

    return 0;
}


static int
agent_claims_add(const json_t *value, agent_claims_buf_t *b)
{
    size_t    len;
    uint16_t  stored;

    len = json_string_length(value);

    if (len > AGENT_CLAIM_MAX
        || len + sizeof(stored) > (size_t) (b->last - b->p))
    {
        return -1;
    }

    stored = (uint16_t) len;

    memcpy(b->p, &stored, sizeof(stored));
    memcpy(b->p + sizeof(stored), json_string_value(value), len);
    b->p += sizeof(stored) + len;

    return 0;
}


int
agent_claims_audience(const agent_claims_t *claims,
    const agent_str_t *audience)
{
    agent_str_t  rest, one;

    rest = claims->audiences;

    while (agent_claims_take_one(&rest, &one)) {
        if (agent_str_eq(&one, audience)) {
            return 1;
        }
    }

    return 0;
}


int
agent_claims_next(agent_str_t *rest, agent_str_t *one)
{
    return agent_claims_take_one(rest, one);
}


static inline int
agent_claims_take_one(agent_str_t *rest, agent_str_t *one)
{
    uint16_t  len;

    if (rest->len < sizeof(len)) {
        return 0;
    }

    memcpy(&len, rest->data, sizeof(len));

    if (len > rest->len - sizeof(len)) {
        return 0;
    }

    one->data = rest->data + sizeof(len);
    one->len = len;

    rest->data += sizeof(len) + len;
    rest->len -= sizeof(len) + len;

    return 1;
}


/* RFC 8693, 4.1: the outermost actor is who acts, those within are history */

static int
agent_claims_act(const json_t *object, agent_claims_buf_t *b,
    agent_claims_t *claims, char *err)
{
    const json_t  *act;

    act = json_object_get(object, "act");

    if (act == NULL) {
        return 0;
    }

    if (!json_is_object(act)
        || json_string_length(json_object_get(act, "sub")) == 0)
    {
        return agent_fail(err, "claim \"act\" is no object with \"sub\"");
    }

    if (agent_claims_text(act, "sub", b, &claims->actor, err) != 0
        || agent_claims_text(act, "iss", b, &claims->actor_issuer, err) != 0)
    {
        return -1;
    }

    return agent_claims_actors(act, b, claims, err);
}


static int
agent_claims_actors(const json_t *act, agent_claims_buf_t *b,
    agent_claims_t *claims, char *err)
{
    uint8_t       *start;
    agent_str_t    text;
    const json_t  *sub;

    claims->act_depth = 1;
    start = b->p;

    while ((act = json_object_get(act, "act")) != NULL) {

        if (++claims->act_depth > AGENT_ACT_DEPTH_MAX) {
            return agent_fail(err, "claim \"act\" is nested deeper than %d",
                              AGENT_ACT_DEPTH_MAX);
        }

        sub = json_object_get(act, "sub");

        if (json_string_length(sub) == 0) {
            return agent_fail(err, "claim \"act\" within \"act\" is no object "
                              "with \"sub\"");
        }

        text.data = (const uint8_t *) json_string_value(sub);
        text.len = json_string_length(sub);

        if (agent_claims_printable(&text) != 0) {
            return agent_fail(err, "control character in claim \"act\"");
        }

        if (agent_claims_add(sub, b) != 0) {
            return agent_fail(err, "the claims are too large");
        }
    }

    claims->actors.data = start;
    claims->actors.len = (size_t) (b->p - start);

    return 0;
}


/* RFC 7800, 3.1: what is there must be proved, known to us or not */

static int
agent_claims_cnf(const json_t *object, agent_claims_t *claims, char *err)
{
    const json_t  *cnf, *x5t, *jkt;

    cnf = json_object_get(object, "cnf");

    if (cnf == NULL) {
        return 0;
    }

    if (!json_is_object(cnf)) {
        return agent_fail(err, "claim \"cnf\" is no object");
    }

    x5t = json_object_get(cnf, "x5t#S256");
    jkt = json_object_get(cnf, "jkt");

    if (x5t) {
        if (agent_claims_thumbprint(x5t, claims->x5t) != 0) {
            return agent_fail(err, "bad \"x5t#S256\" in claim \"cnf\"");
        }

        claims->bound |= AGENT_BOUND_MTLS;
    }

    if (jkt) {
        if (agent_claims_thumbprint(jkt, claims->jkt) != 0) {
            return agent_fail(err, "bad \"jkt\" in claim \"cnf\"");
        }

        claims->bound |= AGENT_BOUND_DPOP;
    }

    if (json_object_size(cnf) != (size_t) (x5t != NULL) + (jkt != NULL)
        || claims->bound == 0)
    {
        claims->bound |= AGENT_BOUND_UNKNOWN;
    }

    return 0;
}


/* base64url without padding, RFC 7515, 2: 43 characters for 32 octets */

static int
agent_claims_thumbprint(const json_t *value, uint8_t *dst)
{
    size_t  n, len;

    len = agent_b64url_room(AGENT_THUMBPRINT_LEN);

    if (!json_is_string(value) || json_string_length(value) != len) {
        return -1;
    }

    return agent_b64url_decode(dst, &n,
                               (const uint8_t *) json_string_value(value), len);
}


static int
agent_claims_json(const json_t *object, const agent_str_t *text,
    agent_claims_buf_t *b, agent_claims_t *claims, char *err)
{
    size_t  n;

    if (text) {
        claims->json = *text;

    } else {
        n = json_dumpb(object, (char *) b->p, (size_t) (b->last - b->p),
                       JSON_COMPACT);

        claims->json.data = b->p;
        claims->json.len = n;

        if (n == 0 || n > (size_t) (b->last - b->p)) {
            return agent_fail(err, "the claims are too large");
        }

        b->p += n;
    }

    if (claims->json.len > UINT16_MAX) {
        return agent_fail(err, "the claims are too large");
    }

    return 0;
}
