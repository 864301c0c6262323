
#include "revocation.h"
#include "agent_revocation_file.h"
#include "agent_time.h"
#include "options.h"
#include "print.h"

#include <openssl/rand.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>


#define CTL_REVOCATION_COMMON                                                 \
    (ctl_bit(CTL_OPT_STATE_FILE)|ctl_bit(CTL_OPT_KIND)|ctl_bit(CTL_OPT_VALUE) \
     |ctl_bit(CTL_OPT_ISSUER)|ctl_bit(CTL_OPT_NOTE)|ctl_bit(CTL_OPT_JSON))

#define CTL_REVOCATION_REQUIRED                                               \
    (ctl_bit(CTL_OPT_STATE_FILE)|ctl_bit(CTL_OPT_KIND)|ctl_bit(CTL_OPT_VALUE))

#define CTL_REVOCATION_ID  40


static int ctl_revocation_revoke(ctl_t *ctl);
static int ctl_revocation_unrevoke(ctl_t *ctl);
static int ctl_revocation_suspend(ctl_t *ctl);
static int ctl_revocation_resume(ctl_t *ctl);
static int ctl_revocation_add(ctl_t *ctl, agent_revocation_op_e op);
static int ctl_revocation_entry(const ctl_t *ctl, agent_revocation_t *rev,
    char *id);
static int64_t ctl_revocation_ms(int64_t seconds);
static int ctl_revocation_append(const ctl_t *ctl,
    const agent_revocation_t *rev);
static int ctl_revocation_heeded(const ctl_t *ctl);
static int ctl_revocation_open(const ctl_t *ctl,
    agent_revocation_file_t *file, int create);
static int ctl_revocation_list(ctl_t *ctl);
static void ctl_revocation_row(const ctl_t *ctl,
    const agent_revocation_t *rev, const uint8_t *line, size_t len,
    int first);
static agent_str_t ctl_revocation_text(const char *text);


const ctl_command_t  ctl_revocation_commands[] = {

    { .name = "revoke",
      .summary = "refuse a credential from now on",
      .text =
"Adds a line to the state file of agent_revocations.  An nginx that runs\n"
"obeys it with its next request.  With --before only what was issued before\n"
"that time is refused, and what does not say when it was.  --expires is when\n"
"the line may be forgotten, not when the credential is good again.\n",
      .example =
"  agentctl revocation revoke --state-file /var/lib/agent/revocations \\\n"
"      --kind subject --issuer https://as.example.com --value alice \\\n"
"      --before 0s --note \"left the company\"\n",
      .run = ctl_revocation_revoke,
      .options = CTL_REVOCATION_COMMON|ctl_bit(CTL_OPT_BEFORE)
                 |ctl_bit(CTL_OPT_EXPIRES),
      .required = CTL_REVOCATION_REQUIRED },

    { .name = "unrevoke",
      .summary = "take that back",
      .text =
"Takes back whatever was said of this kind, issuer and value.\n",
      .example =
"  agentctl revocation unrevoke --state-file /var/lib/agent/revocations \\\n"
"      --kind subject --issuer https://as.example.com --value alice\n",
      .run = ctl_revocation_unrevoke,
      .options = CTL_REVOCATION_COMMON,
      .required = CTL_REVOCATION_REQUIRED },

    { .name = "suspend",
      .summary = "refuse an API key until it is resumed",
      .text =
"Suspends an API key without a change of the key file.\n",
      .example =
"  agentctl revocation suspend --state-file /var/lib/agent/revocations \\\n"
"      --kind key --value 3hVfQ0wZ8LrT2nYc\n",
      .run = ctl_revocation_suspend,
      .options = CTL_REVOCATION_COMMON|ctl_bit(CTL_OPT_EXPIRES),
      .required = CTL_REVOCATION_REQUIRED },

    { .name = "resume",
      .summary = "accept it again",
      .text =
"Ends a suspension by this command's \"suspend\".  One of the key file stays,\n"
"and so does a revocation.\n",
      .example =
"  agentctl revocation resume --state-file /var/lib/agent/revocations \\\n"
"      --kind key --value 3hVfQ0wZ8LrT2nYc\n",
      .run = ctl_revocation_resume,
      .options = CTL_REVOCATION_COMMON,
      .required = CTL_REVOCATION_REQUIRED },

    { .name = "list",
      .summary = "print what was said, the oldest first",
      .text =
"Prints all lines of the state file.  A later line about the same value\n"
"counts besides the earlier ones, or takes them back.\n",
      .example =
"  agentctl revocation list --state-file /var/lib/agent/revocations --json\n",
      .run = ctl_revocation_list,
      .options = ctl_bit(CTL_OPT_STATE_FILE)|ctl_bit(CTL_OPT_JSON),
      .required = ctl_bit(CTL_OPT_STATE_FILE) },

    { .name = NULL }
};


static int
ctl_revocation_revoke(ctl_t *ctl)
{
    return ctl_revocation_add(ctl, AGENT_REVOKE);
}


static int
ctl_revocation_unrevoke(ctl_t *ctl)
{
    return ctl_revocation_add(ctl, AGENT_UNREVOKE);
}


static int
ctl_revocation_suspend(ctl_t *ctl)
{
    return ctl_revocation_add(ctl, AGENT_SUSPEND);
}


static int
ctl_revocation_resume(ctl_t *ctl)
{
    return ctl_revocation_add(ctl, AGENT_RESUME);
}


static int
ctl_revocation_add(ctl_t *ctl, agent_revocation_op_e op)
{
    char                err[AGENT_ERROR_LEN], id[CTL_REVOCATION_ID];
    agent_revocation_t  rev;

    memset(&rev, 0, sizeof(rev));
    rev.op = op;

    if (ctl_revocation_entry(ctl, &rev, id) != CTL_DONE) {
        return CTL_REFUSED;
    }

    if (agent_revocation_check(&rev, err) != 0) {
        ctl_error("%s", err);
        return CTL_USAGE;
    }

    if (ctl_revocation_append(ctl, &rev) != CTL_DONE) {
        return CTL_REFUSED;
    }

    if (ctl_option(ctl, CTL_OPT_JSON)) {
        printf("{\"id\":\"%s\"}\n", id);
    }

    return CTL_DONE;
}


static int
ctl_revocation_entry(const ctl_t *ctl, agent_revocation_t *rev, char *id)
{
    int             kind;
    uint8_t         octets[8];
    const char     *text;
    agent_str_t     name;
    struct passwd  *user;

    name = ctl_revocation_text(ctl_option(ctl, CTL_OPT_KIND));
    kind = agent_revocation_kind(&name);

    rev->kind = kind == -1 ? AGENT_REVOCATION_KINDS
                           : (agent_revocation_kind_e) kind;
    rev->value = ctl_revocation_text(ctl_option(ctl, CTL_OPT_VALUE));
    rev->issuer = ctl_revocation_text(ctl_option(ctl, CTL_OPT_ISSUER));
    rev->cause = ctl_revocation_text(ctl_option(ctl, CTL_OPT_NOTE));
    rev->before = ctl_revocation_ms(ctl_option_time(ctl, CTL_OPT_BEFORE));
    rev->expires = ctl_revocation_ms(ctl_option_time(ctl, CTL_OPT_EXPIRES));
    rev->at = ctl->now * 1000;

    /* who is behind sudo is whom to ask */

    text = getenv("SUDO_USER");

    if (text == NULL) {
        user = getpwuid(getuid());
        text = user ? user->pw_name : "agentctl";
    }

    rev->by = ctl_revocation_text(text);

    if (RAND_bytes(octets, sizeof(octets)) != 1) {
        ctl_error("the random number generator failed");
        return CTL_REFUSED;
    }

    memset(id, 0, CTL_REVOCATION_ID);
    snprintf(id, CTL_REVOCATION_ID, "%011llx-",
             (unsigned long long) ctl->now * 1000);
    agent_hex((uint8_t *) id + strlen(id), octets, sizeof(octets));

    rev->id = ctl_revocation_text(id);

    return CTL_DONE;
}


static int64_t
ctl_revocation_ms(int64_t seconds)
{
    return seconds == AGENT_TIME_NONE ? AGENT_REVOCATION_NONE : seconds * 1000;
}


static int
ctl_revocation_append(const ctl_t *ctl, const agent_revocation_t *rev)
{
    int                       rc;
    char                      err[AGENT_ERROR_LEN];
    size_t                    len;
    uint8_t                  *line;
    uint64_t                  word, bad;
    agent_revocation_file_t   file;

    if (ctl_revocation_heeded(ctl) != CTL_DONE
        || ctl_revocation_open(ctl, &file, 0) != CTL_DONE)
    {
        return CTL_REFUSED;
    }

    line = ctl_alloc(AGENT_REVOCATION_LINE_MAX);
    len = agent_revocation_write(line, rev);

    rc = -1;

    if (agent_revocation_file_wait(&file, err) == 0) {

        rc = agent_revocation_file_settle(&file, 0, &word, &bad, err);

        if (rc == 0) {
            rc = agent_revocation_file_append(&file, line, len, &word, err);
        }

        if (rc == 0) {
            agent_revocation_file_publish(&file, word);
        }

        agent_revocation_file_unlock(&file);
    }

    if (rc != 0) {
        ctl_error("state file \"%s\": %s", file.path, err);
    }

    agent_revocation_file_close(&file);
    free(line);

    return rc == 0 ? CTL_DONE : CTL_REFUSED;
}


/*
 * Nginx makes the lock beside the file.  Were another one made in its place the
 * change would be written, and in force nowhere.
 */

static int
ctl_revocation_heeded(const ctl_t *ctl)
{
    int          rc;
    char        *lock;
    const char  *path;

    path = ctl_option(ctl, CTL_OPT_STATE_FILE);
    lock = ctl_format("%s.lock", path);

    rc = access(path, F_OK) != 0 || access(lock, F_OK) == 0 ? CTL_DONE
                                                            : CTL_REFUSED;

    if (rc != CTL_DONE) {
        ctl_error("state file \"%s\": there is no \"%s\", and nginx would not "
                  "heed a change; it makes one when it starts or reloads",
                  path, lock);
    }

    free(lock);

    return rc;
}


/*
 * What is beside it belongs to whom it belongs: nginx's workers.  create: it is
 * made where it is missing, to read a copy of a file.
 */

static int
ctl_revocation_open(const ctl_t *ctl, agent_revocation_file_t *file,
    int create)
{
    char         err[AGENT_ERROR_LEN];
    const char  *path;
    struct stat  st;

    path = ctl_option(ctl, CTL_OPT_STATE_FILE);

    if (stat(path, &st) != 0) {
        ctl_error("state file \"%s\" cannot be opened; nginx makes it when "
                  "it starts with \"agent_revocations\"", path);
        return CTL_REFUSED;
    }

    if (agent_revocation_file_open(file, path, create,
                                   geteuid() == 0 ? st.st_uid : (uid_t) -1,
                                   st.st_gid, err)
        != 0)
    {
        ctl_error("state file \"%s\": %s", path, err);
        return CTL_REFUSED;
    }

    return CTL_DONE;
}


static int
ctl_revocation_list(ctl_t *ctl)
{
    int                         rc, first;
    char                        err[AGENT_ERROR_LEN];
    size_t                      len;
    uint8_t                    *buf, *text;
    uint64_t                    offset;
    const uint8_t              *line;
    agent_revocation_t          rev;
    agent_revocation_file_t     file;
    agent_revocation_reader_t   reader;

    if (ctl_revocation_open(ctl, &file, 1) != CTL_DONE) {
        return CTL_REFUSED;
    }

    buf = ctl_alloc(AGENT_REVOCATION_BUFFER);
    text = ctl_alloc(AGENT_REVOCATION_LINE_MAX);
    err[0] = '\0';

    agent_revocation_reader_init(&reader, file.fd, 0,
                   agent_revocation_size(agent_revocation_file_word(&file)),
                   buf);

    for (first = 1; /* void */ ; first = 0) {

        rc = agent_revocation_reader_next(&reader, &line, &len, &offset);

        if (rc != 1) {
            break;
        }

        if (agent_revocation_parse(line, len, text, &rev, err) != 0) {
            rc = -1;
            break;
        }

        ctl_revocation_row(ctl, &rev, line, len, first);
    }

    if (ctl_option(ctl, CTL_OPT_JSON)) {
        printf("%s]\n", first ? "[" : "\n");
    }

    if (rc != 0) {
        ctl_error("%s:%llu: %s", file.path,
                  (unsigned long long) agent_revocation_line_number(file.fd,
                                                           reader.offset),
                  err[0] ? err : "the line cannot be read");
    }

    agent_revocation_file_close(&file);
    free(text);
    free(buf);

    return rc == 0 ? CTL_DONE : CTL_REFUSED;
}


static void
ctl_revocation_row(const ctl_t *ctl, const agent_revocation_t *rev,
    const uint8_t *line, size_t len, int first)
{
    char  at[CTL_DATE_MAX], *value, *issuer, *by;

    if (ctl_option(ctl, CTL_OPT_JSON)) {
        printf("%s %.*s", first ? "[\n" : ",\n", (int) len,
               (const char *) line);
        return;
    }

    ctl_date(at, rev->at / 1000);

    value = ctl_shown(&rev->value, 0);
    issuer = ctl_shown(&rev->issuer, 0);
    by = ctl_shown(&rev->by, 0);

    printf("%s %s %s %s%s%s%s%s%s\n", at,
           (const char *) agent_revocation_op_name(rev->op)->data,
           (const char *) agent_revocation_kind_name(rev->kind)->data,
           value, issuer[0] ? " of " : "", issuer,
           rev->before == AGENT_REVOCATION_NONE ? "" : ", issued before",
           by[0] ? ", by " : "", by);

    free(value);
    free(issuer);
    free(by);
}


static agent_str_t
ctl_revocation_text(const char *text)
{
    agent_str_t  s;

    s.data = (const uint8_t *) text;
    s.len = text ? strlen(text) : 0;

    return s;
}
