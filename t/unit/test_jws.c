
/*
 * What a token looks like.  Without this one that nobody signed, or that brings
 * its own key, could be taken for one of the provider's: W-01 to W-05, W-08 to
 * W-10 and the attacks of requirements.md, 15 on the form of a JWS.
 */

#include "jose.h"


static void structure(void);
static void large(void);
static void headers(void);
static void none(void);
static void critical(void);
static void embedded(void);
static void likely(void);
static agent_reason_e parse(const char *token);
static agent_reason_e parse_header(const char *header);


#define HEADER   "{\"alg\":\"ES256\",\"kid\":\"k\"}"
#define PAYLOAD  "{\"sub\":\"s\"}"

#define malformed(token)                                                      \
    ok(parse(token) == AGENT_TOKEN_MALFORMED, "no token: %.40s", token)

#define header_malformed(header)                                              \
    ok(parse_header(header) == AGENT_TOKEN_MALFORMED, "no header: %.60s",     \
       header)

#define header_refused(header)                                                \
    ok(parse_header(header) == AGENT_ALGORITHM_REFUSED, "refused: %.60s",     \
       header)


static char       err[AGENT_ERROR_LEN];
static EVP_PKEY  *ec;


int
main(void)
{
    ec = jose_key(AGENT_ALG_ES256);

    structure();
    large();
    headers();
    none();
    critical();
    embedded();
    likely();

    EVP_PKEY_free(ec);

    return tap_done();
}


/* W-01, W-02 */

static void
structure(void)
{
    char  *token, *changed;

    token = jose_token(ec, AGENT_ALG_ES256, HEADER, PAYLOAD);
    changed = malloc(strlen(token) + 64);

    ok(parse(token) == AGENT_OK, "a token");

    malformed("");
    malformed(".");
    malformed("..");
    malformed("...");
    malformed("a");
    malformed("a.b");
    malformed("a.b.c");
    malformed("e30");
    malformed("e30.e30");
    malformed("{\"payload\":\"\",\"signatures\":[]}");

    sprintf(changed, "%s.", token);
    malformed(changed);
    sprintf(changed, "%s.e30", token);
    malformed(changed);
    sprintf(changed, "%s.e30.e30", token);
    ok(parse(changed) == AGENT_TOKEN_MALFORMED, "five parts, as a JWE");
    sprintf(changed, ".%s", token);
    malformed(changed);
    sprintf(changed, " %s", token);
    malformed(changed);
    sprintf(changed, "%s ", token);
    malformed(changed);
    sprintf(changed, "%s\n", token);
    malformed(changed);
    sprintf(changed, "%s=", token);
    malformed(changed);
    sprintf(changed, "%s", token);
    *strchr(changed, '.') = '\n';
    ok(parse(changed) == AGENT_TOKEN_MALFORMED, "a line feed for a dot");
    sprintf(changed, "%s", token);
    changed[3] = '+';
    malformed(changed);

    /* the same octets in another spelling: W-03 */

    sprintf(changed, "%s", token);
    changed[strlen(changed) - 1]++;
    malformed(changed);

    free(token);
    free(changed);
}


static void
large(void)
{
    char         *token;
    size_t        i, len;
    uint8_t      *buf;
    agent_str_t   value;
    agent_jws_t   jws;

    /* in memory that ends where the token does, under AddressSanitizer */

    len = 1 << 20;
    token = malloc(len);
    buf = malloc(agent_jws_room(len));
    value.data = (uint8_t *) token;

    memset(token, 'e', len);
    value.len = len;
    ok(agent_jws_parse(&jws, &value, buf, err) == AGENT_TOKEN_MALFORMED,
       "a megabyte");

    memset(token, '.', len);
    value.len = 16384;
    ok(agent_jws_parse(&jws, &value, buf, err) == AGENT_TOKEN_MALFORMED,
       "16 KB of dots");

    memset(token, '[', 3000);
    memcpy(token, "{\"a\":", 5);
    token[3000] = '\0';
    header_malformed(token);

    i = (size_t) sprintf(token, "{\"alg\":\"ES256\",\"a\":");
    memset(token + i, '[', 31);
    memset(token + i + 31, ']', 31);
    strcpy(token + i + 62, "}");
    ok(parse_header(token) == AGENT_OK, "32 levels");

    memset(token + i, '[', 32);
    memset(token + i + 32, ']', 32);
    strcpy(token + i + 64, "}");
    header_malformed(token);

    i = (size_t) sprintf(token, "{\"alg\":\"ES256\",\"a\":\"[[[[[[[[[[[[[[[[[[["
                         "[[[[[[[[[[[[[[[[[[[\\\"[[\"}");
    ok(parse_header(token) == AGENT_OK, "brackets in a string are no levels");

    i = (size_t) sprintf(token, "{\"alg\":\"ES256\",\"kid\":\"");
    memset(token + i, 'k', AGENT_JWS_KID_MAX);
    strcpy(token + i + AGENT_JWS_KID_MAX, "\"}");
    ok(parse_header(token) == AGENT_OK, "a key id as long as it may be");

    memset(token + i, 'k', AGENT_JWS_KID_MAX + 1);
    strcpy(token + i + AGENT_JWS_KID_MAX + 1, "\"}");
    header_malformed(token);

    i = (size_t) sprintf(token, "{\"alg\":\"ES256\",\"x5c\":\"");
    memset(token + i, 'x', AGENT_JWS_HEADER_MAX);
    strcpy(token + i + AGENT_JWS_HEADER_MAX, "\"}");
    header_malformed(token);

    free(token);
    free(buf);
}


/* W-04, W-10 */

static void
headers(void)
{
    agent_str_t  in;
    agent_jws_t  jws;
    uint8_t      buf[256];

    static const char  text[] = "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZ"
                                "CI6Ii4uLy4uL2V0Yy9wYXNzd2QifQ.e30.AAAA";

    in.data = (const uint8_t *) text;
    in.len = sizeof(text) - 1;

    ok(agent_jws_parse(&jws, &in, buf, err) == AGENT_OK
       && jws.alg == AGENT_ALG_ES256, "what the header says");
    is_str(jws.kid.data, jws.kid.len, "../../etc/passwd", "kid, to look up");
    is_str(jws.typ.data, jws.typ.len, "at+jwt", "typ");
    is_str(jws.payload.data, jws.payload.len, "{}", "payload");
    ok(jws.signature.len == 3 && jws.input.len == in.len - 5, "signature");
    agent_jws_free(&jws);

    header_malformed("");
    header_malformed("[]");
    header_malformed("\"alg\"");
    header_malformed("{\"alg\":\"ES256\"");
    header_malformed("{\"alg\":\"ES256\"}}");
    header_malformed("{\"alg\":\"ES256\"}{}");
    header_malformed("{\"alg\":\"ES256\",\"alg\":\"none\"}");
    header_malformed("{\"alg\":\"ES256\",\"kid\":\"a\",\"kid\":\"b\"}");
    header_malformed("{\"alg\":\"ES256\",\"x\":{\"a\":1,\"a\":2}}");
    header_malformed("{\"alg\":\"ES256\",\"kid\":\"\xff\"}");
    header_malformed("{\"alg\":\"ES256\",\"kid\":\"\\u0000\"}");
    header_malformed("{\"alg\":\"ES256\",\"kid\":1}");
    header_malformed("{\"alg\":\"ES256\",\"kid\":null}");
    header_malformed("{\"alg\":\"ES256\",\"kid\":[\"k\"]}");
    header_malformed("{\"alg\":\"ES256\",\"typ\":1}");
    header_malformed("\xef\xbb\xbf{\"alg\":\"ES256\"}");
    header_malformed("{\"alg\":\"ES256\",\"a\":1e400}");
}


/* W-05 */

static void
none(void)
{
    header_refused("{\"alg\":\"none\"}");
    header_refused("{\"alg\":\"None\"}");
    header_refused("{\"alg\":\"NONE\"}");
    header_refused("{\"alg\":\"nOnE\"}");
    header_refused("{\"alg\":\"none \"}");
    header_refused("{\"alg\":\" none\"}");
    header_refused("{\"alg\":\"n\\u006fne\"}");
    header_refused("{\"alg\":\"\"}");
    header_refused("{\"alg\":null}");
    header_refused("{\"alg\":0}");
    header_refused("{\"alg\":[\"ES256\"]}");
    header_refused("{\"alg\":{\"ES256\":1}}");
    header_refused("{}");
    header_refused("{\"typ\":\"at+jwt\"}");
    header_refused("{\"Alg\":\"ES256\"}");
    header_refused("{\"alg\":\"es256\"}");
    header_refused("{\"alg\":\"ES256 \"}");
    header_refused("{\"alg\":\"ES256K\"}");
    header_refused("{\"alg\":\"ES521\"}");
    header_refused("{\"alg\":\"RS1\"}");
    header_refused("{\"alg\":\"RSA1_5\"}");
    header_refused("{\"alg\":\"dir\"}");
    header_refused("{\"alg\":\"Ed448\"}");
    header_refused("{\"alg\":\"A256KW\",\"enc\":\"A256GCM\"}");
}


/* W-08 */

static void
critical(void)
{
    header_malformed("{\"alg\":\"ES256\",\"crit\":[]}");
    header_malformed("{\"alg\":\"ES256\",\"crit\":null}");
    header_malformed("{\"alg\":\"ES256\",\"crit\":\"exp\"}");
    header_malformed("{\"alg\":\"ES256\",\"crit\":{}}");
    header_malformed("{\"alg\":\"ES256\",\"crit\":[\"exp\"],\"exp\":1}");
    header_malformed("{\"alg\":\"ES256\",\"crit\":[\"a\",\"a\"],\"a\":1}");
    header_malformed("{\"alg\":\"ES256\",\"crit\":[\"alg\"]}");
    header_malformed("{\"alg\":\"ES256\",\"crit\":[\"unknown\"]}");
    header_malformed("{\"alg\":\"ES256\",\"crit\":[1]}");
    header_malformed("{\"alg\":\"ES256\",\"crit\":[\"b64\"],\"b64\":false}");
    header_malformed("{\"alg\":\"ES256\",\"crit\":[\"b64\"],\"b64\":true}");
    header_malformed("{\"alg\":\"ES256\",\"b64\":false}");
    header_malformed("{\"alg\":\"ES256\",\"b64\":true}");
}


/* what a token brings along is not what it is checked with: W-09; nor does a
 * header of encryption make it something else (CVE-2024-33531) */

static void
embedded(void)
{
    int            n;
    char          *members, *header, *token, *mine;
    size_t         i;
    EVP_PKEY      *thief;
    agent_jwks_t  *set;

    /* %s: the key of a thief */

    static const char  *formats[] = {
        "\"jwk\":{%s}",
        "\"jwk\":{%s},\"jku\":\"http://127.0.0.1:1/\"",
        "\"x\":{%s},\"x5u\":\"http://127.0.0.1:1/\",\"x5c\":[\"MIIB\"]",
        "\"x\":{%s},\"enc\":\"A256GCM\",\"zip\":\"DEF\",\"cty\":\"JWT\""
    };

    thief = jose_key(AGENT_ALG_ES256);
    mine = jose_members(ec, AGENT_ALG_ES256, ",\"kid\":\"k\"");
    members = jose_members(thief, AGENT_ALG_ES256, ",\"kid\":\"k\"");
    header = malloc(strlen(members) + 256);
    set = jose_set_of(mine, 0);

    for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        n = sprintf(header, "{\"alg\":\"ES256\",\"kid\":\"k\",");
        n += sprintf(header + n, formats[i], members);
        strcpy(header + n, "}");

        token = jose_token(thief, AGENT_ALG_ES256, header, PAYLOAD);
        ok(jose_verify(set, token) == 0, "not by what it brings (%zu)", i);
        free(token);

        token = jose_token(ec, AGENT_ALG_ES256, header, PAYLOAD);
        ok(jose_verify(set, token) == 1, "by the one that is known (%zu)", i);
        free(token);
    }

    agent_jwks_free(set);
    free(mine);
    free(members);
    free(header);
    EVP_PKEY_free(thief);
}


/* which values are never shown to an introspection endpoint */

static void
likely(void)
{
    size_t       i;
    agent_str_t  value;

    static const char  *yes[] = {
        "eyJhbGciOiJub25lIn0.e30.", "e30.e30.", "eyJ.", "ew.x", "ICAgICB7.",
        "eyJhbGciOiJkaXIifQ..a.b.c", "CQoNew.", "ewo.", "IHt_!.",
        "eyJhbGciOiJub25lIn0=.e30."
    };
    static const char  *no[] = {
        "", ".", "..", "e", "e.", "eyJhbGciOiJub25lIn0", "agk_1.2", "a.b.c",
        "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU", "ICAg.e30.e30",
        "v4.public.x"
    };

    for (i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        value.data = (const uint8_t *) yes[i];
        value.len = strlen(yes[i]);
        ok(agent_jws_likely(&value), "meant as JOSE: %s", yes[i]);
    }

    for (i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        value.data = (const uint8_t *) no[i];
        value.len = strlen(no[i]);
        ok(!agent_jws_likely(&value), "opaque: %s", no[i]);
    }

    value.data = NULL;
    value.len = 0;
    ok(!agent_jws_likely(&value), "nothing at all");
}


static agent_reason_e
parse(const char *token)
{
    uint8_t         *buf;
    agent_jws_t      jws;
    agent_str_t      value;
    agent_reason_e   reason;

    value.data = (const uint8_t *) token;
    value.len = strlen(token);
    buf = malloc(agent_jws_room(value.len) + 1);

    reason = agent_jws_parse(&jws, &value, buf, err);

    if (reason == AGENT_OK) {
        agent_jws_free(&jws);
    }

    free(buf);

    return reason;
}


static agent_reason_e
parse_header(const char *header)
{
    char            *token;
    agent_reason_e   reason;

    token = jose_token(ec, AGENT_ALG_ES256, header, PAYLOAD);
    reason = parse(token);
    free(token);

    return reason;
}
