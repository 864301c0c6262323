
/*
 * Any octets as a token: whatever names an issuer has three parts, and looks
 * like a token of JOSE to who asks that first.
 */

#include "fuzz.h"

#include "agent_jws.h"
#include "agent_jwt_peek.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t        i, dots;
    uint8_t      *copy, *buf;
    agent_str_t   token, issuer;

    copy = fuzz_copy(data, size);
    buf = fuzz_copy(data, agent_jwt_peek_room(size));

    token.data = copy;
    token.len = size;

    if (agent_jwt_peek(&token, buf, &issuer) == AGENT_OK) {

        for (i = 0, dots = 0; i < size; i++) {
            dots += copy[i] == '.';
        }

        fuzz_check(dots == 2);
        fuzz_check(issuer.len > 0 && issuer.len <= size);
        fuzz_check(agent_jws_likely(&token));
        fuzz_check(memchr(issuer.data, '\0', issuer.len) == NULL);

    } else {
        fuzz_check(issuer.len == 0);
    }

    free(copy);
    free(buf);

    return 0;
}
