
/*
 * Any octets as a date of a structured field: what is one can be written again
 * and is the same.
 */

#include "fuzz.h"

#include "agent_sf.h"

#include <inttypes.h>


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char         again[32];
    int64_t      t, same;
    uint8_t     *copy;
    agent_str_t  text;

    copy = fuzz_copy(data, size);

    text.data = copy;
    text.len = size;

    if (agent_sf_date(&text, &t) == 0) {

        fuzz_check(memchr(copy, '@', size) != NULL);
        fuzz_check(t > -INT64_C(1000000000000000));
        fuzz_check(t < INT64_C(1000000000000000));

        text.data = (const uint8_t *) again;
        text.len = (size_t) snprintf(again, sizeof(again), "@%" PRId64, t);

        fuzz_check(agent_sf_date(&text, &same) == 0 && same == t);
    }

    free(copy);

    return 0;
}
