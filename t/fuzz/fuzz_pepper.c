
/*
 * The pepper file: what is accepted is what a base64 decoder of its own reads,
 * and what is refused is refused with a line and a text that shows nothing.
 */

#include "fuzz.h"

#include "agent_keyfile.h"


static void fuzz_good(const agent_str_t *text, const agent_pepper_t *peppers,
    size_t n);
static void fuzz_line(const uint8_t *p, const uint8_t *last,
    const agent_pepper_t *pepper);
static void fuzz_bad(const agent_str_t *text, uint64_t line,
    const char *error);
static size_t decode(uint8_t *dst, const uint8_t *src, size_t len);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int              rc;
    char             error[AGENT_ERROR_LEN];
    size_t           n, again;
    uint8_t         *copy;
    uint64_t         line;
    agent_str_t      text;
    agent_pepper_t   peppers[AGENT_PEPPERS_MAX], twice[AGENT_PEPPERS_MAX];

    copy = fuzz_copy(data, size);

    text.data = copy;
    text.len = size;

    memset(error, 0, sizeof(error));

    rc = agent_pepper_parse(&text, "pepper", peppers, &n, &line, error);

    fuzz_check(rc == 0 || rc == -1);
    fuzz_check(n <= AGENT_PEPPERS_MAX);
    fuzz_check(rc == agent_pepper_parse(&text, "pepper", twice, &again, &line,
                                        error));
    fuzz_check(n == again);
    fuzz_check(memcmp(peppers, twice, n * sizeof(agent_pepper_t)) == 0);

    if (rc == 0) {
        fuzz_good(&text, peppers, n);

    } else {
        fuzz_bad(&text, line, error);
    }

    free(copy);

    return 0;
}


static void
fuzz_good(const agent_str_t *text, const agent_pepper_t *peppers, size_t n)
{
    size_t           i;
    agent_str_t      id;
    const uint8_t   *p, *last, *lf;

    p = text->data;
    last = p + text->len;

    fuzz_check(n > 0);

    for (i = 0; i < n; i++) {
        id.data = peppers[i].id;
        id.len = peppers[i].id_len;

        fuzz_check(agent_id_valid(&id, AGENT_PEPPER_ID_MAX));
        fuzz_check(agent_pepper_find(peppers, n, &id) == &peppers[i]);

        fuzz_check(p < last);

        lf = memchr(p, '\n', (size_t) (last - p));
        lf = lf ? lf : last;

        fuzz_line(p, lf, &peppers[i]);
        p = lf + 1;
    }

    fuzz_check(p >= last);
}


static void
fuzz_line(const uint8_t *p, const uint8_t *last, const agent_pepper_t *pepper)
{
    size_t             len;
    uint8_t            key[1024];
    agent_hmac_key_t   expected;

    fuzz_check((size_t) (last - p) > pepper->id_len + 1);
    fuzz_check(memcmp(p, pepper->id, pepper->id_len) == 0);
    fuzz_check(p[pepper->id_len] == ' ');

    p += pepper->id_len + 1;

    fuzz_check(last - p <= 1024 && (last - p) % 4 == 0);

    len = decode(key, p, (size_t) (last - p));

    fuzz_check(len >= AGENT_PEPPER_KEY_MIN);

    agent_hmac_key(&expected, key, len);

    fuzz_check(memcmp(&expected, &pepper->key, sizeof(expected)) == 0);
}


static void
fuzz_bad(const agent_str_t *text, uint64_t line, const char *error)
{
    size_t    i;
    uint64_t  lines;

    for (i = 0, lines = text->len != 0; i + 1 < text->len; i++) {
        lines += text->data[i] == '\n';
    }

    fuzz_check(line <= lines && (line > 0 || text->len == 0));

    /* all texts are constants */

    fuzz_check(strncmp(error, "empty file", 10) == 0
               || strncmp(error, "expected \"id base64\", the id being 1", 36)
                  == 0
               || strcmp(error, "a pepper must be at least 16 octets in "
                                "base64") == 0
               || strcmp(error, "duplicate pepper id") == 0
               || strcmp(error, "more than 16 lines") == 0);
}


/* RFC 4648, 4; the input is known to be base64 by its alphabet */

static size_t
decode(uint8_t *dst, const uint8_t *src, size_t len)
{
    size_t       i, n;
    uint32_t     bits;
    const char  *digit;

    static const char  alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (i = 0, n = 0, bits = 0; i < len && src[i] != '='; i++) {

        digit = memchr(alphabet, src[i], 64);
        fuzz_check(digit != NULL);

        bits = bits << 6 | (uint32_t) (digit - alphabet);

        if (i % 4 != 0) {
            dst[n++] = (uint8_t) (bits >> (6 - 2 * (i % 4)));
        }
    }

    fuzz_check(len - i <= 2);

    for ( /* void */ ; i < len; i++) {
        fuzz_check(src[i] == '=');
    }

    return n;
}
