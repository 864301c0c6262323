
/*
 * Introspection answers: what is taken for active says so literally, and its
 * claims survive being packed and unpacked.
 */

#include "agent_claim.h"
#include "agent_claims.h"

#include <stdlib.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static void fuzz_each(const agent_claims_t *claims);
static void fuzz_text(const json_t *claim);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                    err[AGENT_ERROR_LEN];
    size_t                  len;
    agent_str_t             one;
    agent_claims_t          claims, again;
    agent_introspection_e   answer;

    static uint8_t          buf[65536], record[65536];

    answer = agent_introspection(data, size, buf, sizeof(buf), &claims, err);

    if (answer != AGENT_INTROSPECTION_ACTIVE) {

        /* the octets may be a record as well */

        if (agent_claims_unpack(data, size, &again) == 0) {
            (void) agent_claims_audience(&again, &again.issuer);

            while (agent_claims_next(&again.actors, &one)) {
                /* void */
            }
        }

        return 0;
    }

    if (memmem(data, size, "true", 4) == NULL) {
        abort();
    }

    len = agent_claims_pack(&claims, record, sizeof(record));

    if (len == 0 || agent_claims_unpack(record, len, &again) != 0
        || !agent_str_eq(&again.subject, &claims.subject)
        || !agent_str_eq(&again.audiences, &claims.audiences)
        || !agent_str_eq(&again.actors, &claims.actors)
        || !agent_str_eq(&again.acr, &claims.acr)
        || again.act_depth != claims.act_depth
        || again.auth_time != claims.auth_time
        || again.expires != claims.expires)
    {
        abort();
    }

    fuzz_each(&again);

    return 0;
}


/* each claim is found by its name, and its text has no control character */

static void
fuzz_each(const agent_claims_t *claims)
{
    void         *iter;
    json_t       *tree;
    agent_str_t   name;

    tree = json_loadb((const char *) claims->json.data, claims->json.len, 0,
                      NULL);
    if (tree == NULL) {
        abort();
    }

    for (iter = json_object_iter(tree); iter;
         iter = json_object_iter_next(tree, iter))
    {
        name.data = (const uint8_t *) json_object_iter_key(iter);
        name.len = strlen((const char *) name.data);

        if (agent_claim_find(tree, &name, 1) != json_object_iter_value(iter)) {
            abort();
        }

        fuzz_text(json_object_iter_value(iter));
    }

    json_decref(tree);
}


static void
fuzz_text(const json_t *claim)
{
    int           rc;
    size_t        i;
    uint8_t      *copy;
    agent_str_t   text;

    copy = NULL;
    rc = agent_claim_text(claim, &text);

    if (rc == -1) {
        copy = malloc(text.len);
        rc = agent_claim_dump(claim, copy, &text);
    }

    for (i = 0; rc == 1 && i < text.len; i++) {
        if (text.data[i] < 0x20 || text.data[i] == 0x7f) {
            abort();
        }
    }

    free(copy);
}
