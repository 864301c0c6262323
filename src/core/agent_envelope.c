
#include "agent_envelope.h"
#include "agent_b64url.h"
#include "agent_jws.h"
#include "agent_keyfile.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>


/* characters of a piece */

#define AGENT_ENVELOPE_TEXT  agent_b64url_room(AGENT_ENVELOPE_PIECE)

/* octets: NIST SP 800-38D, 5.2.1.1 */

#define AGENT_ENVELOPE_MAX   ((UINT64_C(1) << 36) - 32)


static int agent_kek_line(const uint8_t *p, const uint8_t *last,
    agent_kek_t *kek, char *err);
static int agent_envelope_tail(agent_envelope_t *env, uint64_t size,
    char *err);
static int agent_envelope_pread(int fd, uint8_t *dst, size_t len, uint64_t at);
static int agent_envelope_label(agent_envelope_t *env, char *err);
static int agent_envelope_end(agent_envelope_t *env, char *err);


int
agent_keks_parse(const agent_str_t *text, agent_keks_t *keks, uint64_t *line,
    char *err)
{
    agent_str_t     id;
    agent_kek_t    *kek;
    const uint8_t  *p, *last, *lf;

    memset(keks, 0, sizeof(*keks));
    *line = 0;

    if (text->len == 0) {
        return agent_fail(err, "empty file");
    }

    last = text->data + text->len;

    for (p = text->data; p < last; p = lf + 1) {

        (*line)++;

        lf = memchr(p, '\n', (size_t) (last - p));

        if (lf == NULL) {
            lf = last;
        }

        if (keks->n == AGENT_KEKS_MAX) {
            return agent_fail(err, "more than %d KEKs", AGENT_KEKS_MAX);
        }

        kek = &keks->kek[keks->n];

        if (agent_kek_line(p, lf, kek, err) != 0) {
            return -1;
        }

        id.data = kek->id;
        id.len = kek->id_len;

        if (agent_kek_find(keks, &id)) {
            return agent_fail(err, "duplicate KEK id");
        }

        keks->n++;
    }

    return 0;
}


static int
agent_kek_line(const uint8_t *p, const uint8_t *last, agent_kek_t *kek,
    char *err)
{
    int          len;
    uint8_t      key[AGENT_SECRET_MAX];
    agent_str_t  id;

    len = agent_secret_line(p, last, &id, key, err);

    if (len == AGENT_JWE_KEY) {
        memcpy(kek->key, key, AGENT_JWE_KEY);
        memcpy(kek->id, id.data, id.len);
        kek->id_len = (uint32_t) id.len;
    }

    OPENSSL_cleanse(key, sizeof(key));

    if (len == AGENT_JWE_KEY) {
        return 0;
    }

    return len == -2 ? -1 : agent_fail(err, "a KEK must be %d octets in base64",
                                       AGENT_JWE_KEY);
}


const agent_kek_t *
agent_kek_find(const agent_keks_t *keks, const agent_str_t *id)
{
    size_t  i;

    for (i = 0; i < keks->n; i++) {
        if (keks->kek[i].id_len == id->len
            && memcmp(keks->kek[i].id, id->data, id->len) == 0)
        {
            return &keks->kek[i];
        }
    }

    return NULL;
}


const char *
agent_envelope_typ(agent_envelope_kind_e kind)
{
    return kind == AGENT_ENVELOPE_KEYS ? "agent-keys+jwe"
                                       : "agent-peppers+jwe";
}


agent_envelope_kind_e
agent_envelope_kind(const agent_envelope_t *env)
{
    const char  *typ;

    typ = agent_envelope_typ(AGENT_ENVELOPE_PEPPERS);

    return agent_jws_typ_is(&env->jwe.typ, typ) ? AGENT_ENVELOPE_PEPPERS
                                                : AGENT_ENVELOPE_KEYS;
}


/* "{" and a quote in base64url; as agent_jws_likely(), but of a file */

int
agent_envelope_likely(int fd)
{
    uint8_t  text[3];

    return agent_envelope_pread(fd, text, sizeof(text), 0) == 0
           && memcmp(text, "eyJ", 3) == 0;
}


int
agent_envelope_open(agent_envelope_t *env, int fd, char *err)
{
    uint64_t     size;
    agent_str_t  head;
    struct stat  st;

    memset(env, 0, sizeof(*env));

    env->fd = fd;

    if (fstat(fd, &st) == -1) {
        return agent_fail(err, "it cannot be read (%d: %s)", errno,
                          strerror(errno));
    }

    size = (uint64_t) st.st_size;

    head.data = env->head;
    head.len = size < sizeof(env->head) ? (size_t) size : sizeof(env->head);

    if (agent_envelope_pread(fd, env->head, head.len, 0) != 0) {
        return agent_fail(err, "it cannot be read (%d: %s)", errno,
                          strerror(errno));
    }

    if (agent_jwe_parse(&env->jwe, &head, err) != 0) {
        return -1;
    }

    env->at = env->jwe.len;

    if (agent_envelope_tail(env, size, err) != 0) {
        agent_envelope_close(env);
        return -1;
    }

    return 0;
}


/* where the content ends, and the tag; a line feed behind that is cut */

static int
agent_envelope_tail(agent_envelope_t *env, uint64_t size, char *err)
{
    size_t   n;
    uint8_t  text[1 + AGENT_JWE_TAG_TEXT + 1], *p;

    p = text;

    if (size < env->at + sizeof(text) - 1) {
        return agent_fail(err, "it is no JWE of five parts (RFC 7516, 7.1)");
    }

    n = size == env->at + sizeof(text) - 1 ? sizeof(text) - 1 : sizeof(text);

    if (agent_envelope_pread(env->fd, text, n, size - n) != 0) {
        return agent_fail(err, "it cannot be read (%d: %s)", errno,
                          strerror(errno));
    }

    if (n == sizeof(text)) {

        if (text[n - 1] == '\n') {
            size--;

        } else {
            p++;
        }
    }

    env->end = size - 1 - AGENT_JWE_TAG_TEXT;

    if (p[0] != '.'
        || agent_b64url_decode(env->tag, &n, p + 1, AGENT_JWE_TAG_TEXT) != 0)
    {
        return agent_fail(err, "the tag of the envelope must be base64url of "
                          "%d octets", AGENT_JWE_TAG);
    }

    if (agent_envelope_size(env) > AGENT_ENVELOPE_MAX) {
        return agent_fail(err, "the envelope is too large for AES-GCM");
    }

    return 0;
}


static int
agent_envelope_pread(int fd, uint8_t *dst, size_t len, uint64_t at)
{
    ssize_t  n;

    while (len > 0) {

        n = pread(fd, dst, len, (off_t) at);

        if (n == -1 && errno == EINTR) {
            continue;
        }

        if (n == 0) {
            errno = ESTALE;
        }

        if (n <= 0) {
            return -1;
        }

        dst += n;
        at += (uint64_t) n;
        len -= (size_t) n;
    }

    return 0;
}


int
agent_envelope_check(agent_envelope_t *env, const agent_envelope_want_t *want,
    char *err)
{
    const char  *typ;

    if (agent_envelope_label(env, err) != 0) {
        return -1;
    }

    typ = agent_envelope_typ(want->kind);

    if (!agent_jws_typ_is(&env->jwe.typ, typ)) {
        return agent_fail(err, "\"typ\" of the envelope must be \"%s\"", typ);
    }

    if (want->bundle.len && !agent_str_eq(&env->bundle, &want->bundle)) {
        return agent_fail(err, "the envelope is of bundle \"%.*s\", not of "
                          "\"%.*s\"", (int) env->bundle.len,
                          (const char *) env->bundle.data,
                          (int) want->bundle.len,
                          (const char *) want->bundle.data);
    }

    if (env->generation < want->generation) {
        agent_envelope_older(env->generation, want->generation, err);
        return -1;
    }

    return 0;
}


void
agent_envelope_older(uint64_t generation, uint64_t least, char *err)
{
    (void) agent_fail(err, "the envelope is of generation %llu, older than "
                      "%llu, the least that is accepted",
                      (unsigned long long) generation,
                      (unsigned long long) least);
}


static int
agent_envelope_label(agent_envelope_t *env, char *err)
{
    json_int_t     generation;
    const json_t  *bundle, *number;

    if (!agent_id_valid(&env->jwe.kid, AGENT_SECRET_ID_MAX)) {
        return agent_fail(err, "\"kid\" of the envelope must be 1 to %d of "
                          "0-9 A-Z a-z . _ -", AGENT_SECRET_ID_MAX);
    }

    bundle = json_object_get(env->jwe.header, "bundle");

    env->bundle.data = (const uint8_t *) json_string_value(bundle);
    env->bundle.len = json_string_length(bundle);

    if (!agent_id_valid(&env->bundle, AGENT_BUNDLE_MAX)) {
        return agent_fail(err, "\"bundle\" of the envelope must be 1 to %d of "
                          "0-9 A-Z a-z . _ -", AGENT_BUNDLE_MAX);
    }

    number = json_object_get(env->jwe.header, "generation");
    generation = json_integer_value(number);

    if (generation < 1 || generation > AGENT_GENERATION_MAX) {
        return agent_fail(err, "\"generation\" of the envelope must be a "
                          "number from 1 to 2^53 - 1");
    }

    env->generation = (uint64_t) generation;

    return 0;
}


int
agent_envelope_unlock(agent_envelope_t *env, const agent_keks_t *keks,
    char *err)
{
    const agent_kek_t  *kek;

    kek = agent_kek_find(keks, &env->jwe.kid);

    if (kek == NULL) {
        return agent_fail(err, "KEK \"%.*s\" of the envelope is not in the KEK "
                          "file", (int) env->jwe.kid.len,
                          (const char *) env->jwe.kid.data);
    }

    return agent_envelope_unlock_with(env, kek->key, err);
}


int
agent_envelope_unlock_with(agent_envelope_t *env, const uint8_t *kek,
    char *err)
{
    int      rc;
    uint8_t  cek[AGENT_JWE_KEY];

    if (agent_jwe_unwrap(&env->jwe, kek, cek) != 0) {
        return agent_fail(err, "the KEK does not open the envelope: it is "
                          "another one, or the envelope was changed");
    }

    EVP_CIPHER_CTX_free(env->ctx);
    env->ctx = EVP_CIPHER_CTX_new();

    rc = env->ctx ? agent_jwe_begin(&env->jwe, cek, env->ctx) : -1;

    OPENSSL_cleanse(cek, sizeof(cek));

    return rc == 0 ? 0 : agent_fail(err, "the envelope cannot be decrypted: "
                                    "not enough memory");
}


ssize_t
agent_envelope_read(agent_envelope_t *env, uint8_t *dst, char *err)
{
    size_t   n, len;
    uint8_t  text[AGENT_ENVELOPE_TEXT];

    if (env->at == env->end) {
        return agent_envelope_end(env, err);
    }

    /* all but the last are of whole groups of four characters */

    len = env->end - env->at < sizeof(text) ? (size_t) (env->end - env->at)
                                            : sizeof(text);

    if (agent_envelope_pread(env->fd, text, len, env->at) != 0) {
        return agent_fail(err, "it cannot be read (%d: %s)", errno,
                          strerror(errno));
    }

    if (agent_b64url_decode(dst, &n, text, len) != 0) {
        return agent_fail(err, "the content of the envelope is no base64url");
    }

    env->at += len;

    if (agent_jwe_update(env->ctx, dst, n) != 0) {
        return agent_fail(err, "the envelope was changed or cut short");
    }

    return (ssize_t) n;
}


static int
agent_envelope_end(agent_envelope_t *env, char *err)
{
    if (!env->ended && agent_jwe_end(env->ctx, env->tag) != 0) {
        return agent_fail(err, "the envelope was changed or cut short");
    }

    env->ended = 1;

    return 0;
}


int
agent_envelope_all(agent_envelope_t *env, uint8_t *dst, size_t max,
    size_t *len, char *err)
{
    ssize_t  n;

    *len = 0;

    do {
        if (*len >= max) {
            return agent_fail(err, "the content of the envelope is too long");
        }

        n = agent_envelope_read(env, dst + *len, err);

        if (n == -1) {
            return -1;
        }

        *len += (size_t) n;

    } while (n > 0);

    return 0;
}


int
agent_envelope_rewind(agent_envelope_t *env, char *err)
{
    env->at = env->jwe.len;
    env->ended = 0;

    /* with the key that the context has */

    if (agent_jwe_begin(&env->jwe, NULL, env->ctx) != 0) {
        return agent_fail(err, "the envelope cannot be decrypted: not enough "
                          "memory");
    }

    return 0;
}


uint64_t
agent_envelope_size(const agent_envelope_t *env)
{
    return agent_b64url_octets(env->end - env->jwe.len);
}


void
agent_envelope_close(agent_envelope_t *env)
{
    /* which overwrites the key */

    EVP_CIPHER_CTX_free(env->ctx);
    env->ctx = NULL;

    agent_jwe_free(&env->jwe);
}
