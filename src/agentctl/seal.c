
#include "seal.h"
#include "agent_b64url.h"
#include "options.h"
#include "secret.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>


/* octets of one step, in whole groups of three */

#define CTL_SEAL_PIECE  12288


static agent_envelope_kind_e ctl_envelope_kind(const ctl_t *ctl,
    const agent_envelope_t *env);
static int ctl_envelope_unlock(agent_envelope_t *env,
    agent_envelope_kind_e kind, const ctl_t *ctl, const agent_keks_t *keks,
    char *err);
static int ctl_envelope_authentic(agent_envelope_t *env, char *err);
static int ctl_label_bundle(ctl_label_t *label, const ctl_t *ctl,
    const agent_envelope_t *env);
static int ctl_label_generation(ctl_label_t *label, const ctl_t *ctl,
    const agent_envelope_t *env);
static int ctl_seal_head(ctl_seal_t *seal, const ctl_label_t *label,
    const uint8_t *cek, const uint8_t *iv);
static int ctl_seal_wrap(const ctl_label_t *label, const uint8_t *cek,
    uint8_t *wrapped);
static int ctl_seal_piece(ctl_seal_t *seal, const uint8_t *data, size_t len);
static int ctl_seal_text(ctl_seal_t *seal, const uint8_t *data, size_t len);
static int ctl_seal_octets(int fd, const void *data, size_t len);


int
ctl_sealed(const ctl_t *ctl)
{
    return ctl_option(ctl, CTL_OPT_KEK_FILE) != NULL;
}


agent_envelope_kind_e
ctl_type(const ctl_t *ctl)
{
    const char  *type;

    type = ctl_option(ctl, CTL_OPT_TYPE);

    return type && strcmp(type, "peppers") == 0 ? AGENT_ENVELOPE_PEPPERS
                                                : AGENT_ENVELOPE_KEYS;
}


int
ctl_keks_load(agent_keks_t *keks, const ctl_t *ctl)
{
    char         *fault, err[AGENT_ERROR_LEN];
    uint8_t      *buf;
    uint64_t      line;
    const char   *path;
    agent_str_t   text;

    memset(keks, 0, sizeof(*keks));

    path = ctl_option(ctl, CTL_OPT_KEK_FILE);
    buf = ctl_alloc(CTL_SECRETS_ROOM);

    fault = ctl_secrets_read(NULL, "KEK file", path, buf, &text.len);

    text.data = buf;

    if (fault == NULL && agent_keks_parse(&text, keks, &line, err) != 0) {
        fault = ctl_format("%s:%llu: %s", path, (unsigned long long) line,
                           err);
    }

    OPENSSL_cleanse(buf, CTL_SECRETS_ROOM);
    free(buf);

    if (fault) {
        ctl_error("%s", fault);
        free(fault);
        return CTL_REFUSED;
    }

    return CTL_DONE;
}


int
ctl_envelope_open(agent_envelope_t *env, int fd, const ctl_t *ctl,
    const char *name)
{
    int           rc;
    char          err[AGENT_ERROR_LEN];
    agent_keks_t  keks;

    rc = -1;

    if (ctl_keks_load(&keks, ctl) == CTL_DONE) {

        rc = agent_envelope_open(env, fd, err);

        if (rc == 0) {
            rc = ctl_envelope_unlock(env, ctl_envelope_kind(ctl, env), ctl,
                                     &keks, err);

            if (rc != 0) {
                agent_envelope_close(env);
            }
        }

        if (rc != 0) {
            ctl_error("%s: %s", name, err);
        }
    }

    OPENSSL_cleanse(&keks, sizeof(keks));

    return rc;
}


static agent_envelope_kind_e
ctl_envelope_kind(const ctl_t *ctl, const agent_envelope_t *env)
{
    if (ctl_option(ctl, CTL_OPT_TYPE) || ctl_option(ctl, CTL_OPT_OUT)) {
        return ctl_type(ctl);
    }

    return (ctl->command->options & ctl_bit(CTL_OPT_TYPE))
           ? agent_envelope_kind(env) : AGENT_ENVELOPE_KEYS;
}


static int
ctl_envelope_unlock(agent_envelope_t *env, agent_envelope_kind_e kind,
    const ctl_t *ctl, const agent_keks_t *keks, char *err)
{
    const char             *bundle;
    agent_envelope_want_t   want;

    bundle = ctl_option(ctl, CTL_OPT_BUNDLE);

    want.kind = kind;
    want.bundle.data = (const uint8_t *) bundle;
    want.bundle.len = bundle ? strlen(bundle) : 0;
    want.generation = 1;

    return agent_envelope_check(env, &want, err) == 0
           && agent_envelope_unlock(env, keks, err) == 0
           && ctl_envelope_authentic(env, err) == 0
           ? 0 : -1;
}


static int
ctl_envelope_authentic(agent_envelope_t *env, char *err)
{
    ssize_t   n;
    uint8_t  *buf;

    buf = ctl_alloc(AGENT_ENVELOPE_PIECE);

    do {
        n = agent_envelope_read(env, buf, err);
    } while (n > 0);

    OPENSSL_cleanse(buf, AGENT_ENVELOPE_PIECE);
    free(buf);

    return n == 0 ? agent_envelope_rewind(env, err) : -1;
}


char *
ctl_envelope_secrets(const ctl_t *ctl, const char *path, int fd, uint8_t *buf,
    size_t *len)
{
    int               rc;
    char              err[AGENT_ERROR_LEN];
    agent_keks_t      keks;
    agent_envelope_t  env;

    rc = -1;
    (void) agent_fail(err, "the KEK file is of no use");

    if (ctl_keks_load(&keks, ctl) == CTL_DONE
        && agent_envelope_open(&env, fd, err) == 0)
    {
        if (ctl_envelope_unlock(&env, AGENT_ENVELOPE_PEPPERS, ctl, &keks, err)
            == 0)
        {
            rc = agent_envelope_all(&env, buf, CTL_SECRETS_MAX, len, err);
        }

        agent_envelope_close(&env);
    }

    OPENSSL_cleanse(&keks, sizeof(keks));

    return rc == 0 ? NULL : ctl_format("%s: %s", path, err);
}


int
ctl_label(ctl_label_t *label, const ctl_t *ctl, const agent_envelope_t *env)
{
    int           rc;
    agent_keks_t  keks;

    memset(label, 0, sizeof(*label));

    rc = ctl_keks_load(&keks, ctl);
    label->kek = keks.kek[0];
    OPENSSL_cleanse(&keks, sizeof(keks));

    if (rc != CTL_DONE) {
        return rc;
    }

    rc = ctl_label_bundle(label, ctl, env);

    return rc == CTL_DONE ? ctl_label_generation(label, ctl, env) : rc;
}


static int
ctl_label_bundle(ctl_label_t *label, const ctl_t *ctl,
    const agent_envelope_t *env)
{
    agent_str_t  bundle;

    if (env) {
        bundle = env->bundle;
        label->kind = agent_envelope_kind(env);

    } else {
        label->kind = ctl_type(ctl);
        bundle.data = (const uint8_t *) ctl_option(ctl, CTL_OPT_BUNDLE);

        if (bundle.data == NULL) {
            ctl_error("a new envelope needs --bundle NAME, what "
                      "\"agent_key_zone\" has as bundle or zone");
            return CTL_USAGE;
        }

        bundle.len = strlen((const char *) bundle.data);
    }

    memcpy(label->bundle, bundle.data, bundle.len);

    return CTL_DONE;
}


/* a later second is a later one, whatever became of the file before */

static int
ctl_label_generation(ctl_label_t *label, const ctl_t *ctl,
    const agent_envelope_t *env)
{
    uint64_t     least;
    const char  *text;

    least = env ? env->generation + 1 : 1;
    text = ctl_option(ctl, CTL_OPT_GENERATION);

    label->generation = text ? strtoull(text, NULL, 10)
                             : (uint64_t) (ctl->now > 1 ? ctl->now : 1);

    if (text && label->generation < least) {
        ctl_error("--generation %s is not newer than %llu, that of the file",
                  text, (unsigned long long) least - 1);
        return CTL_REFUSED;
    }

    if (label->generation < least) {
        label->generation = least;
    }

    if (label->generation > AGENT_GENERATION_MAX) {
        ctl_error("there is no newer generation than that of the file");
        return CTL_REFUSED;
    }

    return CTL_DONE;
}


int
ctl_seal_begin(ctl_seal_t *seal, int fd, const ctl_label_t *label)
{
    int      rc;
    uint8_t  cek[AGENT_JWE_KEY], iv[AGENT_JWE_IV];

    memset(seal, 0, sizeof(*seal));
    seal->fd = fd;

    if (label->generation == 0) {
        return 0;
    }

    seal->ctx = EVP_CIPHER_CTX_new();

    /* a key for each envelope, so that no IV comes twice with one */

    if (seal->ctx == NULL
        || RAND_bytes(cek, sizeof(cek)) != 1
        || RAND_bytes(iv, sizeof(iv)) != 1)
    {
        errno = ENOMEM;
        return -1;
    }

    rc = ctl_seal_head(seal, label, cek, iv);

    OPENSSL_cleanse(cek, sizeof(cek));

    return rc;
}


/* header, encrypted key and IV: RFC 7516, 5.1 */

static int
ctl_seal_head(ctl_seal_t *seal, const ctl_label_t *label, const uint8_t *cek,
    const uint8_t *iv)
{
    int      n, len;
    char     json[512];
    uint8_t  text[1024], wrapped[AGENT_JWE_WRAPPED], *p, *aad;

    /* all of it is of characters that JSON takes as they are */

    n = snprintf(json, sizeof(json), "{\"alg\":\"A256KW\",\"enc\":\"A256GCM\","
                 "\"typ\":\"%s\",\"kid\":\"%.*s\",\"bundle\":\"%s\","
                 "\"generation\":%llu}", agent_envelope_typ(label->kind),
                 (int) label->kek.id_len, (const char *) label->kek.id,
                 label->bundle, (unsigned long long) label->generation);

    if (n < 0 || (size_t) n >= sizeof(json)
        || ctl_seal_wrap(label, cek, wrapped) != 0)
    {
        errno = ENOMEM;
        return -1;
    }

    p = agent_b64url_encode(text, (const uint8_t *) json, (size_t) n);
    aad = p;
    *p++ = '.';
    p = agent_b64url_encode(p, wrapped, sizeof(wrapped));
    *p++ = '.';
    p = agent_b64url_encode(p, iv, AGENT_JWE_IV);
    *p++ = '.';

    if (!EVP_EncryptInit_ex(seal->ctx, EVP_aes_256_gcm(), NULL, cek, iv)
        || !EVP_EncryptUpdate(seal->ctx, NULL, &len, text, (int) (aad - text)))
    {
        errno = ENOMEM;
        return -1;
    }

    return ctl_seal_octets(seal->fd, text, (size_t) (p - text));
}


/* wrapped: AGENT_JWE_WRAPPED octets; RFC 7518, 4.4 */

static int
ctl_seal_wrap(const ctl_label_t *label, const uint8_t *cek, uint8_t *wrapped)
{
    int              n, rc;
    uint8_t          buf[AGENT_JWE_WRAPPED + EVP_MAX_BLOCK_LENGTH];
    EVP_CIPHER_CTX  *ctx;

    ctx = EVP_CIPHER_CTX_new();

    if (ctx == NULL) {
        return -1;
    }

    EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);

    rc = EVP_EncryptInit_ex(ctx, EVP_aes_256_wrap(), NULL, label->kek.key,
                            NULL)
         && EVP_EncryptUpdate(ctx, buf, &n, cek, AGENT_JWE_KEY)
         && n == AGENT_JWE_WRAPPED
         ? 0 : -1;

    EVP_CIPHER_CTX_free(ctx);

    if (rc == 0) {
        memcpy(wrapped, buf, AGENT_JWE_WRAPPED);
    }

    return rc;
}


int
ctl_seal_write(ctl_seal_t *seal, const void *data, size_t len)
{
    int             rc;
    size_t          n;
    const uint8_t  *p;

    if (seal->ctx == NULL) {
        return ctl_seal_octets(seal->fd, data, len);
    }

    for (p = data, rc = 0; len > 0 && rc == 0; p += n, len -= n) {
        n = len < CTL_SEAL_PIECE ? len : CTL_SEAL_PIECE;
        rc = ctl_seal_piece(seal, p, n);
    }

    return rc;
}


static int
ctl_seal_piece(ctl_seal_t *seal, const uint8_t *data, size_t len)
{
    int      n;
    size_t   all, whole;
    uint8_t  buf[3 + CTL_SEAL_PIECE];

    memcpy(buf, seal->rest, seal->nrest);

    if (!EVP_EncryptUpdate(seal->ctx, buf + seal->nrest, &n, data, (int) len)) {
        errno = ENOMEM;
        return -1;
    }

    all = seal->nrest + (size_t) n;
    whole = all - all % 3;

    seal->nrest = all - whole;
    memcpy(seal->rest, buf + whole, seal->nrest);

    return ctl_seal_text(seal, buf, whole);
}


/* len: at most 3 + CTL_SEAL_PIECE */

static int
ctl_seal_text(ctl_seal_t *seal, const uint8_t *data, size_t len)
{
    uint8_t   text[agent_b64url_room(3 + CTL_SEAL_PIECE)], *last;

    last = agent_b64url_encode(text, data, len);

    return ctl_seal_octets(seal->fd, text, (size_t) (last - text));
}


int
ctl_seal_end(ctl_seal_t *seal)
{
    int      n;
    uint8_t  tag[AGENT_JWE_TAG], none[EVP_MAX_BLOCK_LENGTH];

    if (seal->ctx == NULL) {
        return 0;
    }

    if (!EVP_EncryptFinal_ex(seal->ctx, none, &n)
        || !EVP_CIPHER_CTX_ctrl(seal->ctx, EVP_CTRL_AEAD_GET_TAG,
                                AGENT_JWE_TAG, tag))
    {
        errno = ENOMEM;
        return -1;
    }

    return ctl_seal_text(seal, seal->rest, seal->nrest) == 0
           && ctl_seal_octets(seal->fd, ".", 1) == 0
           && ctl_seal_text(seal, tag, sizeof(tag)) == 0
           && ctl_seal_octets(seal->fd, "\n", 1) == 0
           ? 0 : -1;
}


static int
ctl_seal_octets(int fd, const void *data, size_t len)
{
    errno = ctl_write_all(fd, data, len);

    return errno == 0 ? 0 : -1;
}


void
ctl_seal_free(ctl_seal_t *seal)
{
    EVP_CIPHER_CTX_free(seal->ctx);
    seal->ctx = NULL;
}
