
/*
 * Key files for the benchmarks, and the keys in them: a million in a second.
 * Key number I is the same in every file and at every call.
 *
 *     keys [-h | -i] [-r I] COUNT   a key file; -h: digests with the pepper,
 *                                   -i: imported keys, -r: key I is revoked
 *     keys [-i] [-w] -k I           key I; -i: as imported ones look, -w: with
 *                                   another secret
 *     keys -p                       a pepper file
 */

#include "agent_digest.h"
#include "agent_key.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


#define KEYS_PEPPER  "a pepper of thirty-two octets..."


typedef struct {
    int       hmac;
    int       imported;
    int       wrong;
    int64_t   revoked;      /* -1: none */
} keys_options_t;


static int keys_usage(void);
static void keys_file(uint64_t count, const keys_options_t *options);
static void keys_record(uint64_t n, const keys_options_t *options,
    const agent_hmac_key_t *pepper);
static size_t keys_value(uint64_t n, const keys_options_t *options,
    uint8_t *value);
static void keys_base62(uint64_t n, const char *what, uint8_t *dst,
    size_t len);


static const char  keys_alphabet[] =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";


int
main(int argc, char **argv)
{
    int             option;
    size_t          len;
    uint8_t         value[AGENT_KEY_MAX];
    int64_t         key;
    keys_options_t  options = { 0, 0, 0, -1 };

    key = -1;

    while ((option = getopt(argc, argv, "hik:pr:w")) != -1) {

        switch (option) {

        case 'h':
            options.hmac = 1;
            break;

        case 'i':
            options.imported = 1;
            break;

        case 'k':
            key = strtoll(optarg, NULL, 10);
            break;

        case 'p':
            /* KEYS_PEPPER in base64 */
            puts("p1 YSBwZXBwZXIgb2YgdGhpcnR5LXR3byBvY3RldHMuLi4=");
            return 0;

        case 'r':
            options.revoked = strtoll(optarg, NULL, 10);
            break;

        case 'w':
            options.wrong = 1;
            break;

        default:
            return keys_usage();
        }
    }

    if (key >= 0) {
        len = keys_value((uint64_t) key, &options, value);
        printf("%.*s\n", (int) len, value);
        return 0;
    }

    if (optind + 1 != argc) {
        return keys_usage();
    }

    keys_file(strtoull(argv[optind], NULL, 10), &options);

    return fflush(stdout) == 0 ? 0 : 1;
}


static int
keys_usage(void)
{
    fputs("usage: keys [-h | -i] [-r I] COUNT\n"
          "       keys [-i] [-w] -k I\n"
          "       keys -p\n", stderr);

    return 2;
}


static void
keys_file(uint64_t count, const keys_options_t *options)
{
    uint64_t          n;
    agent_hmac_key_t  pepper;

    agent_hmac_key(&pepper, (const uint8_t *) KEYS_PEPPER,
                   sizeof(KEYS_PEPPER) - 1);

    printf("{\"version\":1,\"keys\":%" PRIu64 "}\n", count);

    for (n = 0; n < count; n++) {
        keys_record(n, options, &pepper);
    }
}


static void
keys_record(uint64_t n, const keys_options_t *options,
    const agent_hmac_key_t *pepper)
{
    size_t          len;
    uint8_t         value[AGENT_KEY_MAX], digest[AGENT_SHA256_LEN];
    uint8_t         hex[2 * AGENT_SHA256_LEN];
    const uint8_t  *id, *secret;

    len = keys_value(n, options, value);
    id = value + 4;
    secret = id + AGENT_KEY_ID_LEN + 1;

    if (options->imported) {
        agent_sha256(value, len, digest);

    } else if (options->hmac) {
        agent_hmac_sha256(pepper, secret, AGENT_KEY_SECRET_LEN, digest);

    } else {
        agent_sha256(secret, AGENT_KEY_SECRET_LEN, digest);
    }

    agent_hex(hex, digest, sizeof(digest));

    /* ten keys an agent, a thousand agents a team */

    printf("{\"id\":\"%.*s\",\"digest\":\"%s%.*s\","
           "\"agent\":\"billing-bot-%05" PRIu64 "\","
           "\"owner\":\"team-%" PRIu64 "\","
           "\"scopes\":[\"invoices:read\",\"region-%02" PRIu64 ":write\"],"
           "\"state\":\"%s\",\"created\":\"2026-01-01T00:00:00Z\","
           "\"expires\":\"2099-01-01T00:00:00Z\"%s}\n",
           AGENT_KEY_ID_LEN, id,
           options->hmac ? "hmac-sha256:p1:" : "sha256:",
           (int) sizeof(hex), hex, n / 10, n / 10000, n % 100,
           options->revoked == (int64_t) n ? "revoked" : "active",
           options->imported ? ",\"imported\":true" : "");
}


static size_t
keys_value(uint64_t n, const keys_options_t *options, uint8_t *value)
{
    size_t    i;
    uint8_t  *p;
    uint32_t  crc;

    p = value;

    memcpy(p, "agk_", 4);
    p += 4;

    keys_base62(n, "id", p, AGENT_KEY_ID_LEN);
    p += AGENT_KEY_ID_LEN;

    *p++ = '_';

    keys_base62(n, options->wrong ? "wrong" : "secret", p,
                AGENT_KEY_SECRET_LEN);
    p += AGENT_KEY_SECRET_LEN;

    crc = agent_crc32(value, (size_t) (p - value));

    for (i = AGENT_KEY_CHECK_LEN; i-- > 0; /* void */ ) {
        p[i] = (uint8_t) keys_alphabet[crc % 62];
        crc /= 62;
    }

    p += AGENT_KEY_CHECK_LEN;

    /* no issued key has such an octet */

    if (options->imported) {
        p[-1] = '.';
    }

    return (size_t) (p - value);
}


/* the secrets of these keys are for everybody to compute */

static void
keys_base62(uint64_t n, const char *what, uint8_t *dst, size_t len)
{
    int      seed_len;
    char     seed[64];
    size_t   i;
    uint8_t  digest[AGENT_SHA256_LEN];

    for (i = 0; i < len; i++) {

        if (i % AGENT_SHA256_LEN == 0) {
            seed_len = snprintf(seed, sizeof(seed), "bench %s %" PRIu64 " %zu",
                                what, n, i);
            agent_sha256((const uint8_t *) seed, (size_t) seed_len, digest);
        }

        dst[i] = (uint8_t) keys_alphabet[digest[i % AGENT_SHA256_LEN] % 62];
    }
}
