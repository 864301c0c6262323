
/*
 * Lines of the state file of revocations.  What is read is written again and
 * says the same, on one line.
 */

#include "agent_revocation.h"
#include "fuzz.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                      err[AGENT_ERROR_LEN];
    size_t                    len;
    uint8_t                  *copy, *buf, *again, *line;
    agent_revocation_t        rev, same;
    static const uint8_t      secret[AGENT_SIPHASH_KEY];

    copy = fuzz_copy(data, size);
    buf = malloc(size ? size : 1);
    err[0] = '\0';

    if (agent_revocation_parse(copy, size, buf, &rev, err) != 0) {
        fuzz_check(err[0] != '\0');
        free(copy);
        free(buf);
        return 0;
    }

    fuzz_check(agent_revocation_check(&rev, err) == 0);
    fuzz_check(agent_revocation_entry_hash(secret, &rev) != 0);

    line = malloc(AGENT_REVOCATION_LINE_MAX);
    len = agent_revocation_write(line, &rev);

    fuzz_check(len > 0 && memchr(line, '\n', len) == line + len - 1);

    again = malloc(len);

    fuzz_check(agent_revocation_parse(line, len - 1, again, &same, err) == 0);
    fuzz_check(same.op == rev.op && same.kind == rev.kind);
    fuzz_check(same.before == rev.before && same.expires == rev.expires
               && same.at == rev.at);
    fuzz_check(agent_str_eq(&same.value, &rev.value)
               && agent_str_eq(&same.issuer, &rev.issuer)
               && agent_str_eq(&same.id, &rev.id));
    fuzz_check(agent_revocation_entry_hash(secret, &rev)
               == agent_revocation_entry_hash(secret, &same));

    free(again);
    free(line);
    free(buf);
    free(copy);

    return 0;
}
