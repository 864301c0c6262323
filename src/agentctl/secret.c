
#include "secret.h"
#include "options.h"
#include "print.h"
#include "seal.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>


/* what a key that nobody chose has, and "aaaa...", "1234..." have not */

#define CTL_FOREIGN_DISTINCT  6
#define CTL_FOREIGN_SURPRISE  12


static ssize_t ctl_read_all(int fd, uint8_t *buf, size_t size);
static const char *ctl_secret_noun(const char *name);
static char *ctl_secrets_plain(const char *name, const char *path, int fd,
    uint8_t *buf, size_t *len);
static void ctl_key_digest(ctl_key_t *key, const uint8_t *secret,
    const ctl_peppers_t *peppers);
static ssize_t ctl_foreign_read(uint8_t *buf, size_t size);
static int ctl_foreign_check(const agent_str_t *value);
static size_t ctl_foreign_distinct(const agent_str_t *value);
static size_t ctl_foreign_surprise(const agent_str_t *value);


char *
ctl_peppers_load(ctl_peppers_t *peppers, const ctl_t *ctl, const char *name,
    const char *path)
{
    char         *fault, err[AGENT_ERROR_LEN];
    uint8_t      *buf;
    uint64_t      line;
    agent_str_t   text;

    memset(peppers, 0, sizeof(*peppers));

    buf = ctl_alloc(CTL_SECRETS_ROOM);

    fault = ctl_secrets_read(ctl, name, path, buf, &text.len);

    text.data = buf;

    if (fault == NULL
        && agent_pepper_parse(&text, ctl_secret_noun(name), peppers->pepper,
                              &peppers->n, &line, err)
           != 0)
    {
        fault = ctl_format("%s:%llu: %s", path, (unsigned long long) line,
                           err);
    }

    OPENSSL_cleanse(buf, CTL_SECRETS_ROOM);
    free(buf);

    return fault;
}


/* what is in a file that is called so */

static const char *
ctl_secret_noun(const char *name)
{
    return name[0] == 'K' ? "KEK" : name[0] == 'p' ? "pepper" : "key";
}


char *
ctl_secrets_read(const ctl_t *ctl, const char *name, const char *path,
    uint8_t *buf, size_t *len)
{
    int    fd;
    char  *fault;

    fd = open(path, O_RDONLY|O_CLOEXEC|O_NONBLOCK|O_NOCTTY);

    if (fd == -1) {
        return ctl_format("cannot open %s \"%s\" (%d: %s)", name, path, errno,
                          strerror(errno));
    }

    fault = ctl && ctl_sealed(ctl)
            ? ctl_envelope_secrets(ctl, path, fd, buf, len)
            : ctl_secrets_plain(name, path, fd, buf, len);

    (void) close(fd);

    return fault;
}


static char *
ctl_secrets_plain(const char *name, const char *path, int fd, uint8_t *buf,
    size_t *len)
{
    ssize_t      n;
    struct stat  st;

    n = fstat(fd, &st) == 0 ? ctl_read_all(fd, buf, CTL_SECRETS_MAX) : -1;

    if (n == -1) {
        return ctl_format("cannot read %s \"%s\" (%d: %s)", name, path, errno,
                          strerror(errno));
    }

    if (st.st_mode & S_IROTH) {
        return ctl_format("%s \"%s\" is readable by everyone, do "
                          "\"chmod o-rwx\" and make new %ss", name, path,
                          ctl_secret_noun(name));
    }

    if (n == CTL_SECRETS_MAX) {
        return ctl_format("%s \"%s\" is too long", name, path);
    }

    *len = (size_t) n;

    return NULL;
}


/* octets read, at most size; -1 with errno set */

static ssize_t
ctl_read_all(int fd, uint8_t *buf, size_t size)
{
    size_t   len;
    ssize_t  n;

    for (len = 0; len < size; len += (size_t) n) {

        n = read(fd, buf + len, size - len);

        if (n == -1 && errno == EINTR) {
            n = 0;
            continue;
        }

        if (n == -1) {
            return -1;
        }

        if (n == 0) {
            break;
        }
    }

    return (ssize_t) len;
}


int
ctl_key_run(const ctl_t *ctl, ctl_key_pt run)
{
    int             rc;
    char           *fault;
    ctl_key_t       key;
    const char     *path;
    ctl_peppers_t   peppers;

    if (ctl->no_output) {
        ctl_error("standard output is closed, the key could not be shown");
        return CTL_REFUSED;
    }

    path = ctl_option(ctl, CTL_OPT_PEPPER_FILE);
    fault = path ? ctl_peppers_load(&peppers, ctl, "pepper file", path)
                 : NULL;

    if (fault) {
        ctl_error("%s", fault);
        free(fault);
        rc = CTL_REFUSED;

    } else {
        rc = run(ctl, path ? &peppers : NULL, &key);
    }

    OPENSSL_cleanse(&key, sizeof(key));
    OPENSSL_cleanse(&peppers, sizeof(peppers));

    return rc;
}


int
ctl_key_make(ctl_key_t *key, const char *prefix, const ctl_peppers_t *peppers)
{
    agent_key_t  parts;
    agent_str_t  text;

    text.data = (const uint8_t *) prefix;
    text.len = strlen(prefix);

    if (agent_key_generate(&text, key->buf, &key->value, &parts) != 0) {
        ctl_error("the system gives no random numbers");
        return -1;
    }

    memcpy(key->id, parts.id, AGENT_KEY_ID_LEN);
    key->id[AGENT_KEY_ID_LEN] = '\0';

    ctl_key_digest(key, parts.secret, peppers);

    return 0;
}


static void
ctl_key_digest(ctl_key_t *key, const uint8_t *secret,
    const ctl_peppers_t *peppers)
{
    int                    len;
    uint8_t                digest[AGENT_SHA256_LEN];
    const agent_pepper_t  *pepper;

    if (peppers) {
        pepper = &peppers->pepper[0];

        agent_hmac_sha256(&pepper->key, secret, AGENT_KEY_SECRET_LEN, digest);

        len = snprintf(key->digest, sizeof(key->digest), "hmac-sha256:%.*s:",
                       (int) pepper->id_len, (const char *) pepper->id);

    } else {
        agent_sha256(secret, AGENT_KEY_SECRET_LEN, digest);

        len = snprintf(key->digest, sizeof(key->digest), "sha256:");
    }

    agent_hex((uint8_t *) key->digest + len, digest, AGENT_SHA256_LEN);
    key->digest[len + 2 * AGENT_SHA256_LEN] = '\0';
}


int
ctl_key_print(const ctl_t *ctl, const ctl_key_t *key, const char *agent,
    int64_t expires, const char *replaces)
{
    int    rc;
    char   line[AGENT_KEY_MAX + 4096], date[CTL_DATE_MAX], *name;
    size_t len;

    ctl_date(date, expires);
    name = ctl_json_text(agent);

    if (ctl_option(ctl, CTL_OPT_JSON)) {
        len = (size_t) snprintf(line, sizeof(line), "{\"id\":\"%s\",\"key\":"
                                "\"%.*s\",\"agent\":%s,\"expires\":\"%s\""
                                "%s%s%s}\n", key->id, (int) key->value.len,
                                (const char *) key->value.data, name, date,
                                replaces ? ",\"replaces\":\"" : "",
                                replaces ? replaces : "",
                                replaces ? "\"" : "");

    } else {
        fprintf(stderr, "Key %s of %s, valid until %s%s%s.\n"
                "It is shown this once and stored nowhere; keep it safe:\n\n",
                key->id, name, date, replaces ? ", in the place of " : "",
                replaces ? replaces : "");

        len = (size_t) snprintf(line, sizeof(line), "%.*s\n",
                                (int) key->value.len,
                                (const char *) key->value.data);
    }

    rc = len < sizeof(line) ? ctl_write_all(STDOUT_FILENO, line, len)
                            : EMSGSIZE;

    OPENSSL_cleanse(line, sizeof(line));
    free(name);

    if (rc == 0) {
        return CTL_DONE;
    }

    ctl_error_errno(rc, "key %s is in \"%s\", but it could not be printed and "
                    "so is lost: revoke it and issue another", key->id,
                    ctl->file);

    return CTL_REFUSED;
}


int
ctl_write_all(int fd, const void *data, size_t len)
{
    ssize_t      n;
    const char  *buf;

    buf = data;

    while (len > 0) {

        n = write(fd, buf, len);

        if (n == -1 && errno == EINTR) {
            continue;
        }

        if (n == -1) {
            return errno;
        }

        buf += n;
        len -= (size_t) n;
    }

    return 0;
}


int
ctl_key_foreign(char *digest)
{
    int          rc;
    uint8_t      buf[CTL_FOREIGN_MAX + 2], hash[AGENT_SHA256_LEN];
    ssize_t      n;
    agent_str_t  value;

    n = ctl_foreign_read(buf, sizeof(buf));

    if (n == -1) {
        ctl_error_errno(errno, "cannot read the key from standard input");
        return CTL_REFUSED;
    }

    value.data = buf;
    value.len = (size_t) n;

    if (n > 0 && buf[n - 1] == '\n') {
        value.len--;
    }

    rc = ctl_foreign_check(&value);

    if (rc == CTL_DONE) {
        agent_sha256(value.data, value.len, hash);

        memcpy(digest, "sha256:", 7);
        agent_hex((uint8_t *) digest + 7, hash, AGENT_SHA256_LEN);
        digest[7 + 2 * AGENT_SHA256_LEN] = '\0';
    }

    OPENSSL_cleanse(buf, sizeof(buf));

    return rc;
}


static ssize_t
ctl_foreign_read(uint8_t *buf, size_t size)
{
    int             err;
    ssize_t         n;
    struct termios  saved, quiet;

    if (tcgetattr(STDIN_FILENO, &saved) == -1) {
        return ctl_read_all(STDIN_FILENO, buf, size);
    }

    /* without ISIG nothing ends this program before echo is on again */

    quiet = saved;
    quiet.c_lflag &= ~(tcflag_t) (ECHO|ISIG);

    (void) tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);

    fprintf(stderr, "Key, it is not shown: ");

    n = read(STDIN_FILENO, buf, size);
    err = errno;

    (void) tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved);

    fprintf(stderr, "\n");
    errno = err;

    return n;
}


static int
ctl_foreign_check(const agent_str_t *value)
{
    size_t       i;
    agent_key_t  parts;

    if (value->len < CTL_FOREIGN_MIN || value->len > CTL_FOREIGN_MAX) {
        ctl_error("the key must have %d to %d octets", CTL_FOREIGN_MIN,
                  CTL_FOREIGN_MAX);
        return CTL_REFUSED;
    }

    for (i = 0; i < value->len; i++) {
        if (value->data[i] < 0x21 || value->data[i] > 0x7e) {
            ctl_error("octet %zu of the key is no printable ASCII character: "
                      "no client could send it in a header", i + 1);
            return CTL_REFUSED;
        }
    }

    if (agent_key_parse(value, &parts) != AGENT_KEY_FOREIGN) {
        ctl_error("this key has the form of those that agentctl issues, and "
                  "nginx looks such a key up by the id within it: imported "
                  "it would never be found; copy its record from the key file "
                  "that it was issued in, or issue a new key");
        return CTL_REFUSED;
    }

    if (ctl_foreign_distinct(value) < CTL_FOREIGN_DISTINCT
        || ctl_foreign_surprise(value) < CTL_FOREIGN_SURPRISE)
    {
        ctl_error("the key is too regular to be random, and so could be "
                  "guessed: replace it by an issued one");
        return CTL_REFUSED;
    }

    return CTL_DONE;
}


static size_t
ctl_foreign_distinct(const agent_str_t *value)
{
    size_t   i, n;
    uint8_t  seen[256];

    memset(seen, 0, sizeof(seen));

    for (i = 0, n = 0; i < value->len; i++) {
        n += !seen[value->data[i]];
        seen[value->data[i]] = 1;
    }

    return n;
}


/* characters that do not just continue a run ("456") or a repetition */

static size_t
ctl_foreign_surprise(const agent_str_t *value)
{
    int             step;
    size_t          i, period, run, same, most;
    const uint8_t  *p;

    p = value->data;

    for (i = 2, run = 0; i < value->len; i++) {
        step = p[i] - p[i - 1];
        run += step >= -1 && step <= 1 && step == p[i - 1] - p[i - 2];
    }

    most = run;

    for (period = 1; period <= value->len / 2; period++) {

        for (i = period, same = 0; i < value->len; i++) {
            same += p[i] == p[i - period];
        }

        if (same >= (value->len - period) / 4 * 3 && same > most) {
            most = same;
        }
    }

    return value->len - most;
}
