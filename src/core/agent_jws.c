
#include "agent_b64url.h"
#include "agent_json_tree.h"
#include "agent_jws.h"


static int agent_jws_split(agent_jws_t *jws, const agent_str_t *token,
    agent_str_t *part);
static int agent_jws_decode(const agent_str_t *part, uint8_t **buf,
    agent_str_t *decoded);
static agent_reason_e agent_jws_header(agent_jws_t *jws, char *err);
static int agent_jws_text(const json_t *header, const char *name,
    agent_str_t *text);


agent_reason_e
agent_jws_parse(agent_jws_t *jws, const agent_str_t *token, uint8_t *buf,
    char *err)
{
    agent_str_t     part[3], header;
    agent_reason_e  reason;

    memset(jws, 0, sizeof(*jws));

    if (agent_jws_split(jws, token, part) != 0) {
        (void) agent_fail(err, "the token is not of three parts, or too long");
        return AGENT_TOKEN_MALFORMED;
    }

    if (agent_jws_decode(&part[0], &buf, &header) != 0
        || agent_jws_decode(&part[1], &buf, &jws->payload) != 0
        || agent_jws_decode(&part[2], &buf, &jws->signature) != 0)
    {
        (void) agent_fail(err, "a part of the token is no base64url");
        return AGENT_TOKEN_MALFORMED;
    }

    jws->header = agent_jws_object(header.data, header.len);

    if (jws->header == NULL) {
        (void) agent_fail(err, "the header of the token is no JSON object "
                          "without duplicate members");
        return AGENT_TOKEN_MALFORMED;
    }

    reason = agent_jws_header(jws, err);

    if (reason != AGENT_OK) {
        agent_jws_free(jws);
    }

    return reason;
}


/* RFC 7515, 7.1; five parts would be a JWE, which is for nobody here */

static int
agent_jws_split(agent_jws_t *jws, const agent_str_t *token, agent_str_t *part)
{
    const uint8_t  *last, *one, *two;

    if (token->len == 0 || token->len > AGENT_JWS_MAX) {
        return -1;
    }

    last = token->data + token->len;

    one = memchr(token->data, '.', token->len);
    if (one == NULL || one - token->data > AGENT_JWS_HEADER_MAX) {
        return -1;
    }

    two = memchr(one + 1, '.', (size_t) (last - one - 1));
    if (two == NULL) {
        return -1;
    }

    /* a third dot would be refused as a character of the signature, later */

    part[0].data = token->data;
    part[0].len = (size_t) (one - token->data);
    part[1].data = one + 1;
    part[1].len = (size_t) (two - one - 1);
    part[2].data = two + 1;
    part[2].len = (size_t) (last - two - 1);

    jws->input.data = token->data;
    jws->input.len = (size_t) (two - token->data);

    return memchr(part[2].data, '.', part[2].len) ? -1 : 0;
}


static int
agent_jws_decode(const agent_str_t *part, uint8_t **buf, agent_str_t *decoded)
{
    decoded->data = *buf;

    if (agent_b64url_decode(*buf, &decoded->len, part->data, part->len) != 0) {
        return -1;
    }

    *buf += decoded->len;

    return 0;
}


static agent_reason_e
agent_jws_header(agent_jws_t *jws, char *err)
{
    agent_str_t  alg;

    if (agent_jws_text(jws->header, "kid", &jws->kid) != 0
        || agent_jws_text(jws->header, "typ", &jws->typ) != 0
        || jws->kid.len > AGENT_JWS_KID_MAX)
    {
        (void) agent_fail(err, "\"kid\" or \"typ\" of the token is no string, "
                          "or too long");
        return AGENT_TOKEN_MALFORMED;
    }

    if (json_object_get(jws->header, "crit")
        || json_object_get(jws->header, "b64"))
    {
        (void) agent_fail(err, "the token has \"crit\" or \"b64\"");
        return AGENT_TOKEN_MALFORMED;
    }

    if (agent_jws_text(jws->header, "alg", &alg) != 0) {
        (void) agent_fail(err, "\"alg\" of the token is no string");
        return AGENT_ALGORITHM_REFUSED;
    }

    /* "none", in any spelling, is no name that is known */

    jws->alg = agent_alg_find(&alg);

    if (jws->alg == 0) {
        (void) agent_fail(err, "the algorithm of the token is not known");
        return AGENT_ALGORITHM_REFUSED;
    }

    return AGENT_OK;
}


static int
agent_jws_text(const json_t *header, const char *name, agent_str_t *text)
{
    const json_t  *value;

    text->len = 0;
    text->data = NULL;

    value = json_object_get(header, name);

    if (value == NULL) {
        return 0;
    }

    if (!json_is_string(value)) {
        return -1;
    }

    text->data = (const uint8_t *) json_string_value(value);
    text->len = json_string_length(value);

    return 0;
}


void
agent_jws_free(agent_jws_t *jws)
{
    json_decref(jws->header);
    jws->header = NULL;
}


int
agent_jws_typ_is(const agent_str_t *typ, const char *name)
{
    size_t          i, len, prefix;
    uint8_t         c;
    const uint8_t  *p;

    static const char  application[] = "application/";

    len = strlen(name);
    prefix = sizeof(application) - 1;

    p = typ->data;

    if (typ->len == prefix + len) {

        for (i = 0; i < prefix; i++) {
            c = *p++;

            if ((c >= 'A' && c <= 'Z' ? c | 0x20 : c) != application[i]) {
                return 0;
            }
        }

    } else if (typ->len != len) {
        return 0;
    }

    for (i = 0; i < len; i++) {
        c = *p++;

        if ((c >= 'A' && c <= 'Z' ? c | 0x20 : c) != name[i]) {
            return 0;
        }
    }

    return 1;
}


int
agent_jws_likely(const agent_str_t *value)
{
    size_t          i, j, n, len;
    uint8_t         four[4], text[3];
    const uint8_t  *dot;

    dot = value->len ? memchr(value->data, '.', value->len) : NULL;
    if (dot == NULL) {
        return 0;
    }

    len = (size_t) (dot - value->data);

    /* white space may precede the brace; bits left over are not looked at */

    for (i = 0; i + 2 <= len; i += 4) {

        n = len - i < 4 ? len - i : 4;

        memset(four, 'A', sizeof(four));
        memcpy(four, value->data + i, n);

        if (agent_b64url_decode(text, &j, four, sizeof(four)) != 0) {
            return 0;
        }

        for (j = 0; j < n - 1; j++) {

            if (text[j] == '{') {
                return 1;
            }

            if (text[j] != ' ' && text[j] != '\t' && text[j] != '\n'
                && text[j] != '\r')
            {
                return 0;
            }
        }
    }

    return 0;
}


json_t *
agent_jws_object(const uint8_t *text, size_t len)
{
    return agent_json_tree(text, len, JSON_DECODE_INT_AS_REAL);
}
