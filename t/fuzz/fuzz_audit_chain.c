
/*
 * Lines of a chained audit log as somebody else may have left them.  Nobody
 * without the secret has a line taken as proven, and nothing is read beyond
 * the line.
 */

#include "agent_audit_verify.h"
#include "fuzz.h"


typedef struct {
    uint64_t        n;
} fuzz_faults_t;


static void fuzz_fault(void *data, const agent_audit_fault_t *fault);
static void fuzz_own(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                 len;
    uint8_t               *copy;
    const uint8_t         *p, *lf, *last;
    fuzz_faults_t          faults;
    agent_pepper_t         secret;
    agent_audit_pos_t      pos;
    agent_audit_result_t   result;
    agent_audit_verify_t  *v;

    static const uint8_t   key[32 + 1] = "not in any corpus: 32 octets ...";

    memset(&secret, 0, sizeof(secret));
    memset(&pos, 0, sizeof(pos));
    faults.n = 0;

    memcpy(secret.id, "k1", 2);
    secret.id_len = 2;
    agent_hmac_key(&secret.key, key, sizeof(key) - 1);

    v = agent_audit_verify_create(&secret, 1, size & 1, fuzz_fault, &faults);
    fuzz_check(v != NULL);

    last = data + size;

    for (p = data; p < last; p = lf + 1) {

        lf = memchr(p, '\n', (size_t) (last - p));

        if (lf == NULL) {
            lf = last;
        }

        len = (size_t) (lf - p);
        copy = fuzz_copy(p, len);
        pos.line++;

        fuzz_check(agent_audit_verify_line(v, &pos, copy, len) == 0);

        free(copy);
    }

    agent_audit_verify_end(v, &result);

    fuzz_check(result.lines == 0);
    fuzz_check(result.faults == faults.n);

    agent_audit_verify_free(v);

    fuzz_own(data, size);

    return 0;
}


static void
fuzz_fault(void *data, const agent_audit_fault_t *fault)
{
    fuzz_faults_t  *faults = data;

    faults->n++;

    fuzz_check(fault->uid.len <= AGENT_AUDIT_CHAIN_UID);
}


/* whatever a line says, it can be put into a chain, and is found there */

static void
fuzz_own(const uint8_t *data, size_t size)
{
    size_t                len;
    uint8_t              *line, seed[AGENT_SHA256_LEN];
    uint8_t               zeros[AGENT_SHA256_LEN];
    agent_str_t           kid = agent_string("k1");
    agent_gmac_t         *gmac;
    agent_audit_link_t    link;
    agent_audit_chain_t   chain;

    if (size > AGENT_AUDIT_TEXT_MAX - 3) {
        return;
    }

    memset(seed, 7, sizeof(seed));
    memset(zeros, 0, sizeof(zeros));

    line = malloc(size + 3 + AGENT_AUDIT_CHAIN_MAX);
    fuzz_check(line != NULL);

    if (size) {
        memcpy(line, data, size);
    }

    memcpy(line + size, "}}\n", 3);

    gmac = agent_gmac_create();
    fuzz_check(gmac != NULL);
    fuzz_check(agent_audit_chain_begin(&chain, gmac, seed, zeros, UINT32_MAX,
                                       &kid)
               == 0);
    chain.epoch = UINT32_MAX - 1;
    fuzz_check(agent_audit_chain_epoch(&chain) == 0);
    chain.seq = INT64_MAX - 1;

    len = agent_audit_chain_add(&chain, line, size + 3, 1);

    fuzz_check(len > size + 3 && len <= size + 3 + AGENT_AUDIT_CHAIN_MAX);
    fuzz_check(agent_audit_link_parse(&link, line, len - 1) == 0);
    fuzz_check(link.seq == INT64_MAX && link.epoch == UINT32_MAX
               && link.index == UINT32_MAX && link.has_prev);
    fuzz_check(agent_audit_link_verify(&link, line, gmac, zeros));

    line[size / 2] ^= 1;
    fuzz_check(!agent_audit_link_verify(&link, line, gmac, zeros));

    agent_audit_chain_end(&chain);
    free(line);
}
