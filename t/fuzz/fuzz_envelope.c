
/*
 * Files in envelopes, and the file of the keys that open them.  The first octet
 * says what the others are: the text of an envelope, a header and a content for
 * one that is made here with the right keys, or the text of a KEK file.  What is
 * opened is what was put in, and errors quote nothing that is long.
 */

#include "fuzz.h"

#include "../unit/envelope.h"

#include "agent_keyfile.h"


static void fuzz_text(const char *text, size_t len, const uint8_t *content,
    size_t content_len);
static void fuzz_open(agent_envelope_t *env, const uint8_t *content,
    size_t content_len, size_t max);
static void fuzz_made(const uint8_t *data, size_t size);
static void fuzz_keks(const uint8_t *data, size_t size);
static void fuzz_error(const char *err);


static const uint8_t  kek[32 + 1] = "the key that encrypts other keys";
static const uint8_t  cek[32 + 1] = "the key that encrypts a content.";
static const uint8_t  iv[12 + 1] = "only once, 1";


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t  *copy;

    if (size == 0 || size > 65536) {
        return 0;
    }

    copy = fuzz_copy(data + 1, size - 1);

    switch (data[0] % 3) {

    case 0:
        fuzz_text((const char *) copy, size - 1, NULL, 0);
        break;

    case 1:
        fuzz_made(copy, size - 1);
        break;

    default:
        fuzz_keks(copy, size - 1);
    }

    free(copy);

    return 0;
}


/* content: what must be in it, if it opens; NULL: anything */

static void
fuzz_text(const char *text, size_t len, const uint8_t *content,
    size_t content_len)
{
    int                fd;
    char               err[AGENT_ERROR_LEN];
    agent_envelope_t   env;

    fd = envelope_file(text, len);

    if (agent_envelope_open(&env, fd, err) == 0) {
        fuzz_open(&env, content, content_len, len + 1);
        agent_envelope_close(&env);

    } else {
        fuzz_error(err);
    }

    (void) close(fd);
}


static void
fuzz_open(agent_envelope_t *env, const uint8_t *content, size_t content_len,
    size_t max)
{
    char                    err[AGENT_ERROR_LEN];
    size_t                  len, again;
    uint8_t                *out;
    agent_envelope_want_t   want;

    memset(&want, 0, sizeof(want));
    want.kind = agent_envelope_kind(env);

    if (agent_envelope_check(env, &want, err) == 0) {
        fuzz_check(agent_id_valid(&env->jwe.kid, AGENT_SECRET_ID_MAX));
        fuzz_check(agent_id_valid(&env->bundle, AGENT_BUNDLE_MAX));
        fuzz_check(env->generation >= 1
                   && env->generation <= AGENT_GENERATION_MAX);

    } else {
        fuzz_error(err);
    }

    if (agent_envelope_unlock_with(env, kek, err) != 0) {
        fuzz_error(err);
        return;
    }

    out = malloc(max + AGENT_ENVELOPE_PIECE);

    if (agent_envelope_all(env, out, max, &len, err) == 0) {

        fuzz_check(len == agent_envelope_size(env));
        fuzz_check(content == NULL
                   || (len == content_len
                       && memcmp(out, content, len) == 0));

        fuzz_check(agent_envelope_rewind(env, err) == 0);
        fuzz_check(agent_envelope_all(env, out, max, &again, err) == 0);
        fuzz_check(again == len);

    } else {
        fuzz_error(err);

        /* made with the right keys, it opens if it can be unlocked */

        fuzz_check(content == NULL);
    }

    free(out);
}


/* two octets for how long the header is, the header, the content */

static void
fuzz_made(const uint8_t *data, size_t size)
{
    char      *text, *header;
    size_t     n;
    uint8_t    wrapped[40];
    sealed_t   s;

    if (size < 2) {
        return;
    }

    n = ((size_t) data[0] << 8 | data[1]) % 4096;
    n = n < size - 2 ? n : size - 2;

    header = malloc(n + 1);
    memcpy(header, data + 2, n);
    header[n] = '\0';

    envelope_wrap(kek, cek, wrapped);

    s = (sealed_t) { header, wrapped, 40, cek, iv, data + 2 + n, size - 2 - n };
    text = envelope_text(&s);

    fuzz_text(text, strlen(text), data + 2 + n, size - 2 - n);

    free(header);
    free(text);
}


static void
fuzz_keks(const uint8_t *data, size_t size)
{
    int            rc;
    char           err[AGENT_ERROR_LEN];
    size_t         i;
    uint64_t       line;
    agent_str_t    text, id;
    agent_keks_t   keks;

    text.data = data;
    text.len = size;

    rc = agent_keks_parse(&text, &keks, &line, err);

    fuzz_check(keks.n <= AGENT_KEKS_MAX);

    if (rc != 0) {
        fuzz_error(err);
        return;
    }

    fuzz_check(keks.n == line && line > 0);

    for (i = 0; i < keks.n; i++) {
        id.data = keks.kek[i].id;
        id.len = keks.kek[i].id_len;

        fuzz_check(agent_id_valid(&id, AGENT_SECRET_ID_MAX));
        fuzz_check(agent_kek_find(&keks, &id) == &keks.kek[i]);
    }
}


static void
fuzz_error(const char *err)
{
    size_t  i;

    fuzz_check(strlen(err) > 0 && strlen(err) < AGENT_ERROR_LEN - 1);

    for (i = 0; err[i]; i++) {
        fuzz_check(err[i] >= 0x20 && err[i] <= 0x7e);
    }
}
