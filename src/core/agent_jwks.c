
#include "agent_jwk.h"
#include "agent_jws.h"

#include <stdlib.h>


static int agent_jwks_mixed(const json_t *keys);
static void agent_jwks_add(agent_jwks_t *set, size_t index, const json_t *jwk,
    int secrets, agent_jwks_warn_pt warn, void *data);


agent_jwks_t *
agent_jwks_parse(const uint8_t *text, size_t len, int secrets,
    agent_jwks_warn_pt warn, void *data, char *err)
{
    size_t         i;
    json_t        *json, *keys;
    agent_jwks_t  *set;

    json = agent_jws_object(text, len);
    keys = json_object_get(json, "keys");

    if (!json_is_array(keys)) {
        json_decref(json);
        (void) agent_fail(err, "the key set is no JSON object with an array "
                          "\"keys\" and without duplicate members");
        return NULL;
    }

    if (json_array_size(keys) > AGENT_JWKS_MAX) {
        json_decref(json);
        (void) agent_fail(err, "the key set has more than %d keys",
                          AGENT_JWKS_MAX);
        return NULL;
    }

    set = calloc(1, sizeof(*set));
    if (set == NULL) {
        json_decref(json);
        (void) agent_fail(err, "no memory for a key set");
        return NULL;
    }

    secrets = secrets && !agent_jwks_mixed(keys);

    for (i = 0; i < json_array_size(keys); i++) {
        agent_jwks_add(set, i, json_array_get(keys, i), secrets, warn, data);
    }

    json_decref(json);

    return set;
}


static int
agent_jwks_mixed(const json_t *keys)
{
    size_t       i;
    const char  *kty;

    for (i = 0; i < json_array_size(keys); i++) {
        kty = agent_jwk_string(json_array_get(keys, i), "kty");

        if (kty == NULL || strcmp(kty, "oct") != 0) {
            return 1;
        }
    }

    return 0;
}


static void
agent_jwks_add(agent_jwks_t *set, size_t index, const json_t *jwk, int secrets,
    agent_jwks_warn_pt warn, void *data)
{
    char          err[AGENT_ERROR_LEN];
    size_t        i;
    agent_jwk_t  *key, *other;

    key = &set->keys[set->n];

    if (agent_jwk_take(key, jwk, secrets, NULL, err) != 0) {
        warn(data, index, err);
        return;
    }

    set->n++;

    for (i = 0; key->kid.len && i < set->n - 1; i++) {
        other = &set->keys[i];

        if (agent_str_eq(&other->kid, &key->kid) && (other->algs & key->algs)
            && !agent_digest_eq(other->thumbprint, key->thumbprint))
        {
            warn(data, index, "another key has the same \"kid\" and fits the "
                              "same algorithm: neither is used for it");
            return;
        }
    }
}


void
agent_jwks_free(agent_jwks_t *set)
{
    size_t  i;

    if (set == NULL) {
        return;
    }

    for (i = 0; i < set->n; i++) {
        agent_jwk_free(&set->keys[i]);
    }

    free(set);
}


const agent_jwk_t *
agent_jwks_find(const agent_jwks_t *set, const agent_str_t *kid, uint32_t alg)
{
    size_t              i;
    const agent_jwk_t  *key, *found;

    found = NULL;

    for (i = 0; i < set->n; i++) {
        key = &set->keys[i];

        if (!(key->algs & alg)
            || (kid->len && !agent_str_eq(&key->kid, kid)))
        {
            continue;
        }

        if (found && !agent_digest_eq(found->thumbprint, key->thumbprint)) {
            return NULL;
        }

        found = key;
    }

    return found;
}


int
agent_jwks_has(const agent_jwks_t *set, uint64_t id)
{
    size_t  i;

    for (i = 0; i < set->n; i++) {
        if (set->keys[i].id == id) {
            return 1;
        }
    }

    return 0;
}
