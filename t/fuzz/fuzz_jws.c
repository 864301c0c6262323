
/*
 * Signed tokens: what is taken apart is what stands there, in one spelling, and
 * nothing is read beyond the token or written beyond its room; a signature by
 * nobody is never right.
 */

#include "agent_b64url.h"
#include "agent_jwk.h"
#include "agent_jws.h"
#include "fuzz.h"


static void spelled(const agent_str_t *token, const agent_jws_t *jws);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char           err[AGENT_ERROR_LEN];
    size_t         i;
    json_t        *jwk;
    uint8_t       *copy, *buf;
    agent_str_t    token;
    agent_jws_t    jws;

    static const char  *keys[] = {
        "{\"kty\":\"EC\",\"crv\":\"P-256\","
        "\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
        "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"}",
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
        "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"
    };
    static agent_jwk_t  key[2];

    for (i = 0; i < 2 && key[i].pkey == NULL; i++) {
        jwk = json_loads(keys[i], 0, NULL);
        fuzz_check(agent_jwk_take(&key[i], jwk, 0, NULL, err) == 0);
        json_decref(jwk);
    }

    copy = fuzz_copy(data, size);
    buf = malloc(agent_jws_room(size) ? agent_jws_room(size) : 1);

    token.data = copy;
    token.len = size;

    (void) agent_jws_likely(&token);

    if (agent_jws_parse(&jws, &token, buf, err) == AGENT_OK) {

        fuzz_check(jws.alg != 0 && (jws.alg & (jws.alg - 1)) == 0);
        fuzz_check(agent_jws_likely(&token));
        spelled(&token, &jws);

        for (i = 0; i < 2; i++) {
            fuzz_check(agent_jwk_verify(&key[i], jws.alg, &jws.input,
                                        &jws.signature) == 0);
        }

        agent_jws_free(&jws);
    }

    free(copy);
    free(buf);

    return 0;
}


/* payload and signature, encoded again, are the end of the token */

static void
spelled(const agent_str_t *token, const agent_jws_t *jws)
{
    size_t    len;
    uint8_t  *text, *p;

    text = malloc(agent_b64url_room(jws->payload.len) + 1
                  + agent_b64url_room(jws->signature.len) + 1);

    p = agent_b64url_encode(text, jws->payload.data, jws->payload.len);
    *p++ = '.';
    p = agent_b64url_encode(p, jws->signature.data, jws->signature.len);
    len = (size_t) (p - text);

    fuzz_check(len < token->len
               && memcmp(token->data + token->len - len, text, len) == 0);
    free(text);
}
