
/*
 * Proofs: the octets as a proof, and as the claims of one that is rightly
 * signed.  What passes says the method, the time and the token, and the normal
 * form of an address is one.
 */

#include "agent_b64url.h"
#include "agent_dpop.h"
#include "agent_uri.h"
#include "fuzz.h"

#include <openssl/evp.h>


static void address(const uint8_t *data, size_t size);
static agent_reason_e check(const uint8_t *data, size_t size,
    agent_dpop_proof_t *proof);
static char *sign(const uint8_t *data, size_t size);


#define NOW  1800000000000
#define ATH  "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                 *text;
    agent_dpop_proof_t    proof;

    address(data, size);

    fuzz_check(check(data, size, &proof) != AGENT_OK);

    if (size > AGENT_DPOP_MAX / 2) {
        return 0;
    }

    text = sign(data, size);

    if (check((const uint8_t *) text, strlen(text), &proof) == AGENT_OK) {
        fuzz_check(memmem(data, size, "47DE", 4) || memchr(data, '\\', size));
        fuzz_check(proof.until > NOW && proof.until <= NOW + 65000);
    }

    free(text);

    return 0;
}


static void
address(const uint8_t *data, size_t size)
{
    size_t        n, again;
    uint8_t      *copy, *one, *two;
    agent_str_t   uri;

    copy = fuzz_copy(data, size);
    one = malloc(size + 1);

    uri.data = copy;
    uri.len = size;

    if (agent_uri_normal(one, &n, &uri) == 0) {
        fuzz_check(n <= size + 1 && n >= sizeof("http://a/") - 1);

        two = malloc(n + 1);
        uri.data = one;
        uri.len = n;

        fuzz_check(agent_uri_normal(two, &again, &uri) == 0);
        fuzz_check(again == n && memcmp(one, two, n) == 0);
        free(two);

    } else {
        fuzz_check(n == 0);
    }

    free(copy);
    free(one);
}


static agent_reason_e
check(const uint8_t *data, size_t size, agent_dpop_proof_t *proof)
{
    char                        err[AGENT_ERROR_LEN];
    uint8_t                    *copy, *buf, ath[AGENT_SHA256_LEN];
    agent_str_t                 value;
    agent_reason_e              reason;
    agent_dpop_expected_t       expected;

    static agent_jwk_curves_t   curves;

    if (curves.pkeys[0] == NULL) {
        fuzz_check(agent_jwk_curves_init(&curves) == 0);
    }

    agent_sha256((const uint8_t *) "", 0, ath);

    memset(&expected, 0, sizeof(expected));
    agent_str_set(&expected.method, "GET");
    agent_str_set(&expected.origin, "https://a");
    agent_str_set(&expected.path, "/b");
    expected.ath = ath;
    expected.curves = &curves;
    expected.algs = ~0u;
    expected.now = NOW;
    expected.window = 60000;
    expected.leeway = 5000;

    copy = fuzz_copy(data, size);
    value.data = copy;
    value.len = size;
    buf = malloc(agent_dpop_room(&value, &expected));

    reason = agent_dpop_check(&value, &expected, buf, proof, err);

    fuzz_check(reason == AGENT_OK || reason == AGENT_DPOP_INVALID);

    free(buf);
    free(copy);

    return reason;
}


/* Ed25519, as it signs fastest; the seed is the one of RFC 8037, A.1 */

static char *
sign(const uint8_t *data, size_t size)
{
    char              *text;
    size_t             len;
    uint8_t           *p, *q, signature[64];
    EVP_MD_CTX        *ctx;

    static EVP_PKEY   *key;

    static const char  seed[] = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
    static const char  head[] =
        "{\"typ\":\"dpop+jwt\",\"alg\":\"EdDSA\",\"jwk\":{\"kty\":\"OKP\","
        "\"crv\":\"Ed25519\","
        "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}}";

    if (key == NULL) {
        fuzz_check(agent_b64url_decode(signature, &len, (const uint8_t *) seed,
                                       sizeof(seed) - 1)
                   == 0);
        key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, signature,
                                           len);
    }

    text = malloc(agent_b64url_room(sizeof(head)) + agent_b64url_room(size)
                  + 100);

    p = (uint8_t *) text;
    q = agent_b64url_encode(p, (const uint8_t *) head, sizeof(head) - 1);
    *q++ = '.';
    q = agent_b64url_encode(q, data, size);

    len = sizeof(signature);
    ctx = EVP_MD_CTX_new();
    fuzz_check(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1
               && EVP_DigestSign(ctx, signature, &len, p, (size_t) (q - p))
                  == 1);
    EVP_MD_CTX_free(ctx);

    *q++ = '.';
    q = agent_b64url_encode(q, signature, len);
    *q = '\0';

    return text;
}
