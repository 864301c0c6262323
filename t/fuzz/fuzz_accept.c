
/*
 * The field Accept: what is chosen is one of the offers, whatever stands in it,
 * and does not change where a range is added that nothing here is of.
 */

#include "agent_accept.h"
#include "fuzz.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t      *copy, *longer;
    unsigned      n;
    agent_str_t   value;

    static const agent_media_t  offers[] = {
        { agent_string("application"), agent_string("json") },
        { agent_string("text"), agent_string("html") },
        { agent_string("application"), agent_string("openmetrics-text") },
        { agent_string("text"), agent_string("plain") }
    };

    static const char  other[] = "image/png;q=1,";

    copy = fuzz_copy(data, size);

    value.data = copy;
    value.len = size;

    n = agent_accept(&value, offers, 4);

    fuzz_check(n < 4);
    fuzz_check(agent_accept(&value, offers, 1) == 0);

    longer = malloc(sizeof(other) - 1 + size);
    memcpy(longer, other, sizeof(other) - 1);
    memcpy(longer + sizeof(other) - 1, copy, size);

    value.data = longer;
    value.len = sizeof(other) - 1 + size;

    fuzz_check(agent_accept(&value, offers, 4) == n);

    free(longer);
    free(copy);

    return 0;
}
