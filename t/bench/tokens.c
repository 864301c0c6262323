
/*
 * JWTs and proofs for the benchmarks, and the verification that they are
 * compared with.
 *
 *     tokens ALG COUNT SET     COUNT tokens, each another one; the key that
 *                              they are signed with goes to the file SET
 *     tokens -p COUNT SET      a token bound to a key, and COUNT proofs
 *                              (RFC 9449) of that key, all signed by ES256
 *     tokens -v ALG COUNT      verifies a signature COUNT times, with a key
 *                              that is ready, in tokens_verify()
 */

#include "jose.h"

#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#include "agent_digest.h"
#include "agent_thumbprint.h"


#define TOKENS_ISSUER  "https://auth.bench.example"
#define TOKENS_API     "https://api.bench.example"


static int tokens_usage(void);
static void tokens_list(uint32_t alg, uint64_t count, const char *set);
static void tokens_proofs(uint64_t count, const char *set);
static void tokens_set(EVP_PKEY *key, uint32_t alg, const char *path);
static char *tokens_token(EVP_PKEY *key, uint32_t alg, uint64_t n,
    const char *confirmation);
static char *tokens_proof(EVP_PKEY *key, const char *members,
    const char *token, uint64_t n);
static int tokens_verify(EVP_PKEY *key, uint32_t alg, const char *input,
    const uint8_t *signature, size_t len, uint64_t count);
static int tokens_bare(uint32_t alg, uint64_t count);


int
main(int argc, char **argv)
{
    int          proofs, bare, option;
    uint32_t     alg;
    agent_str_t  name;

    proofs = 0;
    bare = 0;

    while ((option = getopt(argc, argv, "pv")) != -1) {

        switch (option) {

        case 'p':
            proofs = 1;
            break;

        case 'v':
            bare = 1;
            break;

        default:
            return tokens_usage();
        }
    }

    argv += optind;
    argc -= optind;

    if (proofs && argc == 2) {
        tokens_proofs(strtoull(argv[0], NULL, 10), argv[1]);
        return fflush(stdout) == 0 ? 0 : 1;
    }

    if (proofs || argc != (bare ? 2 : 3)) {
        return tokens_usage();
    }

    name.data = (const uint8_t *) argv[0];
    name.len = strlen(argv[0]);
    alg = agent_alg_find(&name);

    if (alg == 0) {
        return tokens_usage();
    }

    if (bare) {
        return tokens_bare(alg, strtoull(argv[1], NULL, 10));
    }

    tokens_list(alg, strtoull(argv[1], NULL, 10), argv[2]);

    return fflush(stdout) == 0 ? 0 : 1;
}


static int
tokens_usage(void)
{
    fputs("usage: tokens ALG COUNT SET\n"
          "       tokens -p COUNT SET\n"
          "       tokens -v ALG COUNT\n", stderr);

    return 2;
}


static void
tokens_list(uint32_t alg, uint64_t count, const char *set)
{
    char      *token;
    uint64_t   n;
    EVP_PKEY  *key;

    key = jose_key(alg);
    tokens_set(key, alg, set);

    for (n = 0; n < count; n++) {
        token = tokens_token(key, alg, n, "");
        puts(token);
        free(token);
    }

    EVP_PKEY_free(key);
}


static void
tokens_proofs(uint64_t count, const char *set)
{
    char      *token, *proof, *members, *jkt;
    char       confirmation[256];
    uint8_t    print[AGENT_SHA256_LEN];
    uint64_t   n;
    EVP_PKEY  *key, *own;

    key = jose_key(AGENT_ALG_ES256);
    own = jose_key(AGENT_ALG_ES256);
    tokens_set(key, AGENT_ALG_ES256, set);

    members = jose_members(own, AGENT_ALG_ES256, "");

    if (agent_pkey_thumbprint(own, print) != 0) {
        fputs("tokens: a key has no thumbprint\n", stderr);
        exit(1);
    }

    jkt = jose_b64(print, sizeof(print));
    sprintf(confirmation, ",\"cnf\":{\"jkt\":\"%s\"}", jkt);

    token = tokens_token(key, AGENT_ALG_ES256, 0, confirmation);
    puts(token);

    for (n = 0; n < count; n++) {
        proof = tokens_proof(own, members, token, n);
        puts(proof);
        free(proof);
    }

    free(token);
    free(jkt);
    free(members);
    EVP_PKEY_free(own);
    EVP_PKEY_free(key);
}


static void
tokens_set(EVP_PKEY *key, uint32_t alg, const char *path)
{
    FILE  *out;
    char  *members;

    members = jose_members(key, alg, ",\"kid\":\"bench\"");
    out = fopen(path, "w");

    if (out == NULL
        || fprintf(out, "{\"keys\":[{%s}]}\n", members) < 0
        || fclose(out) != 0)
    {
        perror(path);
        exit(1);
    }

    free(members);
}


/* what a server issues: RFC 9068, 2.2 */

static char *
tokens_token(EVP_PKEY *key, uint32_t alg, uint64_t n, const char *confirmation)
{
    long  now;
    char  header[128], payload[1024];

    now = (long) time(NULL);

    sprintf(header, "{\"alg\":\"%s\",\"typ\":\"at+jwt\",\"kid\":\"bench\"}",
            JOSE_NAME(alg));

    sprintf(payload, "{\"iss\":\"" TOKENS_ISSUER "\",\"sub\":\"billing-agent\","
            "\"client_id\":\"billing-agent\",\"exp\":%ld,\"iat\":%ld,"
            "\"aud\":[\"" TOKENS_API "/invoices\"],"
            "\"scope\":\"invoices:read invoices:write\","
            "\"jti\":\"5e1f2a9c-7a55-4d0f-9a57-%012" PRIx64 "\"%s}",
            now + 86400, now, n, confirmation);

    return jose_token(key, alg, header, payload);
}


static char *
tokens_proof(EVP_PKEY *key, const char *members, const char *token, uint64_t n)
{
    char     *ath, *proof;
    char      header[1024], payload[1024];
    uint8_t   digest[AGENT_SHA256_LEN];

    agent_sha256((const uint8_t *) token, strlen(token), digest);
    ath = jose_b64(digest, sizeof(digest));

    sprintf(header, "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"jwk\":{%s}}",
            members);

    sprintf(payload, "{\"jti\":\"7c0e5d1b-1f0e-4a3c-8d53-%012" PRIx64 "\","
            "\"htm\":\"GET\",\"htu\":\"" TOKENS_API
            "/v1/invoices/2026-000123\",\"iat\":%ld,\"ath\":\"%s\"}",
            n, (long) time(NULL), ath);

    proof = jose_token(key, AGENT_ALG_ES256, header, payload);
    free(ath);

    return proof;
}


static int
tokens_bare(uint32_t alg, uint64_t count)
{
    int        rc;
    char      *token, *dot;
    size_t     len;
    uint8_t    signature[8192];
    EVP_PKEY  *key;

    key = jose_key(alg);
    token = tokens_token(key, alg, 0, "");

    dot = strrchr(token, '.');
    *dot = '\0';
    len = jose_sign(key, alg, token, signature);

    rc = tokens_verify(key, alg, token, signature, len, count);

    free(token);
    EVP_PKEY_free(key);

    return rc;
}


/* as a program does that has the key ready, and the signature as OpenSSL
 * wants it is made before */

static __attribute__((noinline)) int
tokens_verify(EVP_PKEY *key, uint32_t alg, const char *input,
    const uint8_t *signature, size_t len, uint64_t count)
{
    int              rc;
    size_t           size;
    uint8_t         *der;
    uint64_t         n;
    ECDSA_SIG       *sig;
    EVP_MD_CTX      *ctx;
    EVP_PKEY_CTX    *pctx;
    const uint8_t   *s;
    const EVP_MD    *md;

    der = NULL;
    s = signature;
    size = len;

    if (alg & AGENT_ALG_ES256) {
        sig = ECDSA_SIG_new();
        (void) ECDSA_SIG_set0(sig, BN_bin2bn(signature, 32, NULL),
                              BN_bin2bn(signature + 32, 32, NULL));
        size = (size_t) i2d_ECDSA_SIG(sig, &der);
        s = der;
        ECDSA_SIG_free(sig);
    }

    md = (alg & (AGENT_ALG_EDDSA|AGENT_ALG_ED25519)) ? NULL : jose_md(alg);
    rc = 1;

    for (n = 0; n < count && rc == 1; n++) {
        ctx = EVP_MD_CTX_new();
        rc = (EVP_DigestVerifyInit(ctx, &pctx, md, NULL, key) == 1
              && EVP_DigestVerify(ctx, s, size, (const uint8_t *) input,
                                  strlen(input)) == 1);
        EVP_MD_CTX_free(ctx);
    }

    OPENSSL_free(der);

    return rc == 1 ? 0 : 1;
}
