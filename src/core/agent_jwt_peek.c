
#include "agent_b64url.h"
#include "agent_jws.h"
#include "agent_jwt_peek.h"


static json_t *agent_jwt_peek_part(agent_str_t *rest, uint8_t *buf);


agent_reason_e
agent_jwt_peek(const agent_str_t *token, uint8_t *buf, agent_str_t *issuer)
{
    json_t          *header, *claims;
    const json_t    *iss;
    agent_str_t      rest;
    agent_reason_e   reason;

    issuer->len = 0;
    issuer->data = buf;

    rest = *token;

    if (token->len > AGENT_JWS_MAX) {
        return AGENT_TOKEN_MALFORMED;
    }

    header = agent_jwt_peek_part(&rest, buf);
    claims = header ? agent_jwt_peek_part(&rest, buf) : NULL;

    /* a third part follows, and no fourth; five are a JWE, of which it would
     * be the key that is no JSON */

    if (claims == NULL
        || (rest.len && memchr(rest.data, '.', rest.len) != NULL))
    {
        reason = AGENT_TOKEN_MALFORMED;
        goto done;
    }

    if (!json_is_string(json_object_get(header, "alg"))) {
        reason = AGENT_ALGORITHM_REFUSED;
        goto done;
    }

    iss = json_object_get(claims, "iss");

    if (!json_is_string(iss) || json_string_length(iss) == 0) {
        reason = AGENT_ISSUER_MISMATCH;
        goto done;
    }

    /* it is shorter than what it was decoded from */

    issuer->len = json_string_length(iss);
    memcpy(buf, json_string_value(iss), issuer->len);

    reason = AGENT_OK;

done:

    json_decref(header);
    json_decref(claims);

    return reason;
}


/* takes a part and its dot off the front of *rest */

static json_t *
agent_jwt_peek_part(agent_str_t *rest, uint8_t *buf)
{
    size_t          n, len;
    const uint8_t  *dot;

    dot = rest->len ? memchr(rest->data, '.', rest->len) : NULL;
    if (dot == NULL) {
        return NULL;
    }

    len = (size_t) (dot - rest->data);

    if (agent_b64url_decode(buf, &n, rest->data, len) != 0) {
        return NULL;
    }

    rest->data += len + 1;
    rest->len -= len + 1;

    return agent_jws_object(buf, n);
}
