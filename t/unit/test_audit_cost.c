
/*
 * What the verifier of audit lines spends on lines that nobody has vouched for.
 * Without this a log of some kilobytes, made up by whoever does not want it to
 * be read, keeps it busy for hours, or takes all of the memory.
 */

#include "tap.h"

#include "agent_audit_verify.h"

#include <stdio.h>
#include <time.h>


#define LINES  20000

/* s of the processor: where each is followed it takes an hour and more */

#define PATIENCE  60


static void try_lines(const char *what, unsigned boots, unsigned chains,
    unsigned epochs, unsigned most);
static void count_fault(void *data, const agent_audit_fault_t *fault);


int
main(void)
{
    try_lines("chains far apart", 0, 1, 0, 10);
    try_lines("keys far ahead", 0, 0, 1, 2);
    try_lines("boots", 1, 0, 0, 4000);

    return tap_done();
}


static void
try_lines(const char *what, unsigned boots, unsigned chains, unsigned epochs,
    unsigned most)
{
    int                    len, rc;
    char                   line[512];
    clock_t                start;
    unsigned               i, index, faults;
    agent_pepper_t         secret;
    agent_audit_pos_t      pos;
    agent_audit_result_t   result;
    agent_audit_verify_t  *v;

    memset(&secret, 0, sizeof(secret));
    memcpy(secret.id, "k1", 2);
    secret.id_len = 2;
    agent_hmac_key(&secret.key, (const uint8_t *) "key", 3);

    faults = 0;
    rc = 0;
    pos.file = 0;
    start = clock();

    /* in a part of a log no line before is missed */

    v = agent_audit_verify_create(&secret, 1, 1, count_fault, &faults);

    for (i = 1; i <= LINES; i++) {

        index = chains ? (i % 2 ? 999999 - i : i) : 0;

        len = snprintf(line, sizeof(line),
                       "{\"time\":1,\"unmapped\":{\"a\":1,\"integrity\":{"
                       "\"chain_uid\":\"%018uAAAA.%u\",\"kid\":\"k1\","
                       "\"epoch\":%u,\"seq\":%u%s,\"gmac\":\"%021uA\"}}}",
                       boots ? i : 0, index, epochs ? 900000 : 0,
                       1000000 + i * 2,
                       epochs ? ",\"prev\":\"AAAAAAAAAAAAAAAAAAAAAA\"" : "", 0);

        pos.line = i;
        rc |= agent_audit_verify_line(v, &pos, (const uint8_t *) line,
                                      (size_t) len);
    }

    agent_audit_verify_end(v, &result);
    agent_audit_verify_free(v);

    ok(rc == 0 && result.lines == 0 && faults >= LINES - most,
       "%s: %u faults, nothing is proven", what, faults);
    ok(result.chains > 0 && result.chains <= most, "%s: %u chains", what,
       (unsigned) result.chains);
    ok((clock() - start) / CLOCKS_PER_SEC < PATIENCE, "%s: in time", what);
}


static void
count_fault(void *data, const agent_audit_fault_t *fault)
{
    (void) fault;

    (*(unsigned *) data)++;
}
