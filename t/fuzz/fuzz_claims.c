
/*
 * Introspection answers: what is taken for active says so literally, and its
 * claims survive being packed and unpacked.
 */

#include "agent_claims.h"

#include <stdlib.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


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

    return 0;
}
