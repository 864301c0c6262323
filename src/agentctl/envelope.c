
#include "envelope.h"
#include "options.h"
#include "print.h"
#include "replace.h"
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>


#define CTL_ENVELOPE_COMMON                                                   \
    (ctl_bit(CTL_OPT_FILE)|ctl_bit(CTL_OPT_KEK_FILE)|ctl_bit(CTL_OPT_BUNDLE)  \
     |ctl_bit(CTL_OPT_TYPE))

#define CTL_ENVELOPE_STEP  65536


/* what is to be put into an envelope; cleansed when it is freed */

typedef struct {
    uint8_t  *data;
    size_t    len;
    size_t    size;
} ctl_content_t;


static int ctl_seal_store(const ctl_t *ctl, const ctl_content_t *content);
static void ctl_sealed_print(const ctl_store_t *store);
static int ctl_content_read(ctl_content_t *content, const char *file);
static int ctl_content_fill(ctl_content_t *content, int fd);
static void ctl_content_free(ctl_content_t *content);
static int ctl_content_check(const ctl_t *ctl, const ctl_content_t *content);
static int ctl_content_peppers(const ctl_t *ctl, const agent_str_t *text);
static int ctl_content_keys(const ctl_t *ctl, const agent_str_t *text,
    ctl_index_t *index);
static int ctl_content_line(agent_keyfile_t *file, const uint8_t *p,
    size_t len, ctl_index_t *index, char *err);
static int ctl_envelope_fd(const ctl_t *ctl);
static int ctl_envelope_out(agent_envelope_t *env);
static int ctl_info_open(const ctl_t *ctl, agent_envelope_t *env, int fd);
static void ctl_info(const ctl_t *ctl, const agent_envelope_t *env);


const ctl_command_t  ctl_envelope_commands[] = {

    { .name = "seal",
      .summary = "put a key or pepper file into an envelope",
      .text =
"Checks a file as nginx would and writes it to --out, encrypted with the\n"
"first key of --kek-file.  \"--file -\" reads standard input, so that what is\n"
"secret need not be in a file before.  An envelope that is there already must\n"
"be of the same bundle and type, and is replaced by a newer generation.\n",
      .example =
"  agentctl envelope seal --file keys.jsonl --out keys.jwe \\\n"
"      --kek-file keks --bundle internal\n",
      .run = ctl_envelope_seal,
      .options = CTL_ENVELOPE_COMMON|ctl_bit(CTL_OPT_OUT)
                 |ctl_bit(CTL_OPT_GENERATION),
      .required = ctl_bit(CTL_OPT_OUT)|ctl_bit(CTL_OPT_KEK_FILE)
                  |ctl_bit(CTL_OPT_BUNDLE) },

    { .name = "rewrap",
      .summary = "encrypt an envelope anew, with the first key",
      .text =
"Opens an envelope with any key of --kek-file and encrypts what is in it\n"
"anew, with the first one: the step between adding a key to that file and\n"
"removing the old one.  The content stays as it is; the generation grows.\n",
      .example =
"  agentctl envelope rewrap --file keys.jwe --kek-file keks\n",
      .run = ctl_envelope_rewrap,
      .options = CTL_ENVELOPE_COMMON|ctl_bit(CTL_OPT_GENERATION),
      .required = ctl_bit(CTL_OPT_KEK_FILE) },

    { .name = "open",
      .summary = "print what is in an envelope",
      .text =
"Prints what is in an envelope to standard output, once all of it proved\n"
"authentic.\n",
      .example =
"  agentctl envelope open --file keys.jwe --kek-file keks | head -1\n",
      .run = ctl_envelope_show,
      .options = CTL_ENVELOPE_COMMON,
      .required = ctl_bit(CTL_OPT_KEK_FILE) },

    { .name = "info",
      .summary = "show what is written on an envelope",
      .text =
"Shows type, bundle, generation and the id of the key that opens an envelope.\n"
"Only with --kek-file it is known whether that is true.\n",
      .example =
"  agentctl envelope info --file keys.jwe --json\n",
      .run = ctl_envelope_info,
      .options = CTL_ENVELOPE_COMMON|ctl_bit(CTL_OPT_JSON) },

    { .name = NULL }
};


int
ctl_envelope_seal(ctl_t *ctl)
{
    int            rc;
    ctl_content_t  content;

    memset(&content, 0, sizeof(content));

    rc = ctl_content_read(&content, ctl->file);

    if (rc == CTL_DONE) {
        rc = ctl_content_check(ctl, &content);
    }

    if (rc == CTL_DONE) {
        rc = ctl_seal_store(ctl, &content);
    }

    ctl_content_free(&content);

    return rc;
}


static int
ctl_seal_store(const ctl_t *ctl, const ctl_content_t *content)
{
    int          rc;
    ctl_piece_t  piece;
    ctl_store_t  store;

    rc = ctl_store_lock(&store, ctl, ctl_option(ctl, CTL_OPT_OUT));

    if (rc != CTL_DONE) {
        return rc;
    }

    piece.at.offset = 0;
    piece.at.len = store.absent ? 0 : store.reader.size;
    piece.text = (char *) content->data;

    rc = ctl_replace(&store, &piece, 1);

    if (rc == CTL_DONE) {
        ctl_sealed_print(&store);
    }

    ctl_store_close(&store);

    return rc;
}


static void
ctl_sealed_print(const ctl_store_t *store)
{
    const ctl_label_t  *label;

    label = &store->label;

    printf("%s: %s of bundle \"%s\", generation %llu, KEK \"%.*s\"\n",
           store->name,
           label->kind == AGENT_ENVELOPE_PEPPERS ? "peppers" : "keys",
           label->bundle, (unsigned long long) label->generation,
           (int) label->kek.id_len, (const char *) label->kek.id);
}


/* with a NUL behind it, which no file that is accepted has in it */

static int
ctl_content_read(ctl_content_t *content, const char *file)
{
    int  fd, err;

    fd = strcmp(file, "-") == 0 ? STDIN_FILENO : open(file, O_RDONLY|O_CLOEXEC);

    if (fd == -1) {
        ctl_error_errno(errno, "cannot open \"%s\"", file);
        return CTL_REFUSED;
    }

    err = ctl_content_fill(content, fd);

    if (fd != STDIN_FILENO) {
        (void) close(fd);
    }

    if (err != 0) {
        ctl_error_errno(err, "cannot read \"%s\"", file);
        return CTL_REFUSED;
    }

    content->data[content->len] = '\0';

    if (strlen((const char *) content->data) != content->len) {
        ctl_error("\"%s\" has octets of zero in it", file);
        return CTL_REFUSED;
    }

    return CTL_DONE;
}


/* 0 or an errno */

static int
ctl_content_fill(ctl_content_t *content, int fd)
{
    ssize_t    n;
    uint8_t   *data;

    do {
        if (content->size - content->len < CTL_ENVELOPE_STEP + 1) {

            /* not realloc(), which would leave a copy behind */

            content->size = 2 * content->size + CTL_ENVELOPE_STEP + 1;
            data = ctl_alloc(content->size);

            if (content->data) {
                memcpy(data, content->data, content->len);
                OPENSSL_cleanse(content->data, content->len);
                free(content->data);
            }

            content->data = data;
        }

        n = read(fd, content->data + content->len, CTL_ENVELOPE_STEP);

        if (n == -1 && errno != EINTR) {
            return errno;
        }

        content->len += n > 0 ? (size_t) n : 0;

    } while (n != 0);

    return 0;
}


static void
ctl_content_free(ctl_content_t *content)
{
    if (content->data) {
        OPENSSL_cleanse(content->data, content->len);
        free(content->data);
    }
}


static int
ctl_content_check(const ctl_t *ctl, const ctl_content_t *content)
{
    int           rc;
    agent_str_t   text;
    ctl_index_t   index;

    text.data = content->data;
    text.len = content->len;

    if (ctl_type(ctl) == AGENT_ENVELOPE_PEPPERS) {
        return ctl_content_peppers(ctl, &text);
    }

    rc = ctl_index_init(&index) == 0 ? ctl_content_keys(ctl, &text, &index)
                                     : CTL_REFUSED;
    ctl_index_free(&index);

    return rc;
}


static int
ctl_content_peppers(const ctl_t *ctl, const agent_str_t *text)
{
    int              rc;
    char             err[AGENT_ERROR_LEN];
    uint64_t         line;
    ctl_peppers_t   *peppers;

    peppers = ctl_alloc(sizeof(ctl_peppers_t));

    rc = agent_pepper_parse(text, "pepper", peppers->pepper, &peppers->n,
                            &line, err);

    OPENSSL_cleanse(peppers, sizeof(ctl_peppers_t));
    free(peppers);

    if (rc != 0) {
        ctl_error("%s:%llu: %s", ctl->file, (unsigned long long) line, err);
        return CTL_REFUSED;
    }

    return CTL_DONE;
}


static int
ctl_content_keys(const ctl_t *ctl, const agent_str_t *text,
    ctl_index_t *index)
{
    int               rc;
    char              err[AGENT_ERROR_LEN];
    const uint8_t    *p, *last, *lf;
    agent_keyfile_t   file;

    memset(&file, 0, sizeof(file));

    p = text->data;
    last = p + text->len;
    rc = 0;

    while (rc == 0 && (lf = memchr(p, '\n', (size_t) (last - p)))) {
        rc = ctl_content_line(&file, p, (size_t) (lf - p), index, err);
        p = lf + 1;
    }

    if (rc == 0) {
        rc = agent_keyfile_end(&file, p != last, err);
        file.line++;
    }

    if (rc != 0) {
        ctl_error("%s:%llu: %s", ctl->file, (unsigned long long) file.line,
                  err);
        return CTL_REFUSED;
    }

    return CTL_DONE;
}


static int
ctl_content_line(agent_keyfile_t *file, const uint8_t *p, size_t len,
    ctl_index_t *index, char *err)
{
    int                  rc;
    json_t              *json;
    agent_line_e         kind;
    agent_key_record_t   rec;

    kind = agent_keyfile_line(file, p, len, &rec, &json, err);

    if (kind != AGENT_LINE_RECORD) {
        return kind == AGENT_LINE_HEADER ? 0 : -1;
    }

    rc = ctl_index_add(index, &rec, file->line, err) ? 0 : -1;

    json_decref(json);

    return rc;
}


int
ctl_envelope_rewrap(ctl_t *ctl)
{
    int          rc;
    ctl_store_t  store;

    if (access(ctl->file, F_OK) == -1) {
        ctl_error_errno(errno, "cannot open \"%s\"", ctl->file);
        return CTL_REFUSED;
    }

    rc = ctl_store_lock(&store, ctl, ctl->file);

    if (rc != CTL_DONE) {
        return rc;
    }

    rc = ctl_replace(&store, NULL, 0);

    if (rc == CTL_DONE) {
        ctl_sealed_print(&store);
    }

    ctl_store_close(&store);

    return rc;
}


int
ctl_envelope_show(ctl_t *ctl)
{
    int               fd, rc;
    agent_envelope_t  env;

    if (ctl->no_output) {
        ctl_error("standard output is closed");
        return CTL_REFUSED;
    }

    fd = ctl_envelope_fd(ctl);

    if (fd == -1) {
        return CTL_REFUSED;
    }

    rc = CTL_REFUSED;

    if (ctl_envelope_open(&env, fd, ctl, ctl->file) == 0) {
        rc = ctl_envelope_out(&env);
        agent_envelope_close(&env);
    }

    (void) close(fd);

    return rc;
}


static int
ctl_envelope_fd(const ctl_t *ctl)
{
    int  fd;

    fd = open(ctl->file, O_RDONLY|O_CLOEXEC|O_NONBLOCK|O_NOCTTY);

    if (fd == -1) {
        ctl_error_errno(errno, "cannot open \"%s\"", ctl->file);
    }

    return fd;
}


static int
ctl_envelope_out(agent_envelope_t *env)
{
    int       rc;
    char      err[AGENT_ERROR_LEN];
    ssize_t   n;
    uint8_t  *buf;

    buf = ctl_alloc(AGENT_ENVELOPE_PIECE);
    rc = 0;

    while (rc == 0 && (n = agent_envelope_read(env, buf, err)) > 0) {
        rc = ctl_write_all(STDOUT_FILENO, buf, (size_t) n);
    }

    OPENSSL_cleanse(buf, AGENT_ENVELOPE_PIECE);
    free(buf);

    if (rc != 0) {
        ctl_error_errno(rc, "writing to standard output failed");
        return CTL_REFUSED;
    }

    if (n == -1) {
        ctl_error("%s", err);
        return CTL_REFUSED;
    }

    return CTL_DONE;
}


int
ctl_envelope_info(ctl_t *ctl)
{
    int               fd, rc;
    agent_envelope_t  env;

    fd = ctl_envelope_fd(ctl);

    if (fd == -1) {
        return CTL_REFUSED;
    }

    rc = CTL_REFUSED;

    if (ctl_info_open(ctl, &env, fd) == 0) {
        ctl_info(ctl, &env);
        agent_envelope_close(&env);
        rc = CTL_DONE;
    }

    (void) close(fd);

    return rc;
}


static int
ctl_info_open(const ctl_t *ctl, agent_envelope_t *env, int fd)
{
    char                    err[AGENT_ERROR_LEN];
    agent_envelope_want_t   want;

    if (ctl_sealed(ctl)) {
        return ctl_envelope_open(env, fd, ctl, ctl->file);
    }

    if (agent_envelope_open(env, fd, err) == 0) {

        memset(&want, 0, sizeof(want));
        want.kind = agent_envelope_kind(env);

        if (agent_envelope_check(env, &want, err) == 0) {
            return 0;
        }

        agent_envelope_close(env);
    }

    ctl_error("%s: %s", ctl->file, err);

    return -1;
}


static void
ctl_info(const ctl_t *ctl, const agent_envelope_t *env)
{
    char        *file;
    const char  *type, *alg;

    type = agent_envelope_kind(env) == AGENT_ENVELOPE_PEPPERS ? "peppers"
                                                              : "keys";
    alg = env->jwe.alg == AGENT_JWE_A256KW ? "A256KW" : "A256GCMKW";

    if (ctl_option(ctl, CTL_OPT_JSON)) {
        file = ctl_json_text(ctl->file);

        printf("{\"file\":%s,\"type\":\"%s\",\"bundle\":\"%.*s\","
               "\"generation\":%llu,\"kek\":\"%.*s\",\"alg\":\"%s\","
               "\"octets\":%llu,\"authentic\":%s}\n", file, type,
               (int) env->bundle.len, (const char *) env->bundle.data,
               (unsigned long long) env->generation,
               (int) env->jwe.kid.len, (const char *) env->jwe.kid.data, alg,
               (unsigned long long) agent_envelope_size(env),
               ctl_sealed(ctl) ? "true" : "null");

        free(file);

        return;
    }

    printf("type        %s\n"
           "bundle      %.*s\n"
           "generation  %llu\n"
           "KEK         %.*s (%s)\n"
           "octets      %llu\n"
           "authentic   %s\n", type,
           (int) env->bundle.len, (const char *) env->bundle.data,
           (unsigned long long) env->generation,
           (int) env->jwe.kid.len, (const char *) env->jwe.kid.data, alg,
           (unsigned long long) agent_envelope_size(env),
           ctl_sealed(ctl) ? "yes" : "not known without --kek-file");
}
