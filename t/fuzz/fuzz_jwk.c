
/*
 * Key sets: a key that is taken fits one family of algorithms, is strong enough
 * and found again; no set leads out of its memory.
 */

#include "agent_jwk.h"
#include "fuzz.h"


static void warn(void *data, size_t index, const char *text);
static void one_key(const agent_jwks_t *set, const agent_jwk_t *key);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int            secrets;
    char           err[AGENT_ERROR_LEN];
    size_t         i;
    uint8_t       *copy;
    agent_jwks_t  *set;

    copy = fuzz_copy(data, size);

    for (secrets = 0; secrets < 2; secrets++) {

        err[0] = '\0';
        set = agent_jwks_parse(copy, size, secrets, warn, NULL, err);

        fuzz_check((set == NULL) == (err[0] != '\0'));

        for (i = 0; set && i < set->n; i++) {
            fuzz_check(secrets || set->keys[i].pkey);
            one_key(set, &set->keys[i]);
        }

        agent_jwks_free(set);
    }

    free(copy);

    return 0;
}


static void
warn(void *data, size_t index, const char *text)
{
    (void) data;

    fuzz_check(index < AGENT_JWKS_MAX && text[0] != '\0');
}


static void
one_key(const agent_jwks_t *set, const agent_jwk_t *key)
{
    uint32_t            alg;
    const agent_jwk_t  *found;

    fuzz_check(key->algs != 0 && key->id != 0);
    fuzz_check((key->pkey == NULL) == (key->secret.len != 0));
    fuzz_check((key->secret.len == 0) == !(key->algs & AGENT_ALGS_HMAC));
    fuzz_check(agent_jwks_has(set, key->id));

    if (key->algs & AGENT_ALGS_RSA) {
        fuzz_check(!(key->algs & ~(uint32_t) AGENT_ALGS_RSA)
                   && EVP_PKEY_get_bits(key->pkey) >= AGENT_JWK_RSA_MIN
                   && EVP_PKEY_get_bits(key->pkey) <= AGENT_JWK_RSA_MAX);
    }

    for (alg = 1; alg; alg <<= 1) {
        found = agent_jwks_find(set, &key->kid, alg);

        fuzz_check(found == NULL || (found->algs & alg));
        fuzz_check(found == NULL || !(key->algs & alg)
                   || agent_digest_eq(found->thumbprint, key->thumbprint));
    }
}
