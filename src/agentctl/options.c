
#include "options.h"
#include "agent_envelope.h"
#include "agent_key.h"
#include "agent_keyfile.h"
#include "agent_time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define CTL_HELP_COLUMN  24


typedef enum {
    CTL_TYPE_FLAG = 0,
    CTL_TYPE_PATH,
    CTL_TYPE_TEXT,
    CTL_TYPE_LIST,
    CTL_TYPE_TIME,
    CTL_TYPE_PAST,
    CTL_TYPE_ALIAS,
    CTL_TYPE_DURATION,
    CTL_TYPE_BUNDLE,
    CTL_TYPE_KIND,
    CTL_TYPE_NUMBER
} ctl_type_e;


typedef struct {
    const char  *name;
    const char  *value;
    const char  *help;
    ctl_type_e   type;
} ctl_option_t;


static int ctl_options_one(ctl_t *ctl, int argc, char **argv, int *i);
static int ctl_option_find(const char *name, size_t len);
static int ctl_option_check(const ctl_t *ctl, unsigned option,
    const char *value);
static int ctl_utf8(const char *text);
static int ctl_option_value(const ctl_t *ctl, const ctl_option_t *o,
    const char *value);
static int ctl_option_label(const ctl_option_t *o, const char *value);
static int ctl_options_complete(ctl_t *ctl);
static int ctl_operand_add(ctl_t *ctl, const char *operand, int number);
static void ctl_operand_missing(const ctl_t *ctl);
static int ctl_operand_check(const ctl_t *ctl);
static int ctl_time_value(const char *text, int64_t now, int sign, int64_t *t);
static agent_str_t ctl_text(const char *text);


/* in the order of ctl_option_e */

static const ctl_option_t  ctl_options[] = {
    { "file", "FILE", "the key file; default: the environment's\n"
      "AGENT_KEY_FILE", CTL_TYPE_PATH },
    { "agent", "NAME", "name of the agent", CTL_TYPE_TEXT },
    { "owner", "NAME", "who answers for the agent", CTL_TYPE_TEXT },
    { "scope", "SCOPE", "a scope that the key has (repeatable)",
      CTL_TYPE_LIST },
    { "service", "NAME", "a service the key is restricted to, or the report\n"
      "is about (repeatable)", CTL_TYPE_LIST },
    { "network", "CIDR", "a network the key is accepted from (repeatable)",
      CTL_TYPE_LIST },
    { "not-before", "TIME", "when the key begins to be accepted",
      CTL_TYPE_TIME },
    { "expires", "TIME", "when it ends: a date, 2027-01-31T00:00:00Z,\n"
      "or a duration from now on, 90d", CTL_TYPE_TIME },
    { "overlap", "DURATION", "how long the old key is still accepted;\n"
      "default 24h, 0 ends it at once", CTL_TYPE_DURATION },
    { "note", "TEXT", "a note kept with the key", CTL_TYPE_TEXT },
    { "prefix", "TEXT", "what the key begins with, 2 to 8 of a-z 0-9;\n"
      "default agk", CTL_TYPE_TEXT },
    { "id", "ID", "the id of the imported key, 1 to 64 of\n"
      "0-9 A-Z a-z . _ -; default: made from its digest", CTL_TYPE_TEXT },
    { "digest", "sha256:HEX", "the SHA-256 of the key, in lower-case hex",
      CTL_TYPE_TEXT },
    { "stdin", NULL, "read the key, or token, from standard input",
      CTL_TYPE_FLAG },
    { "state", "STATE", "only keys in this state: pending, active,\n"
      "grace, suspended, revoked or expired", CTL_TYPE_TEXT },
    { "pepper-file", "FILE", "lines \"id base64\"; the first one's pepper\n"
      "makes the digest of a new key", CTL_TYPE_PATH },
    { "kek-file", "FILE", "lines \"id base64\": one of these keys opens the\n"
      "envelope of the file, the first one seals", CTL_TYPE_PATH },
    { "bundle", "NAME", "whose the envelope is: bundle or zone of\n"
      "agent_key_zone; needed for a new one", CTL_TYPE_BUNDLE },
    { "type", "TYPE", "what is in the envelope: keys or peppers",
      CTL_TYPE_KIND },
    { "generation", "NUMBER", "newer than that of the envelope before;\n"
      "default: the time, in seconds", CTL_TYPE_NUMBER },
    { "out", "FILE", "the envelope", CTL_TYPE_PATH },
    { "previous", "OLDFILE", "an older copy of the key file: warn of\n"
      "revoked and expired keys that are gone", CTL_TYPE_PATH },
    { "within", "DURATION", "warn of keys that expire this soon;\n"
      "default 14d", CTL_TYPE_DURATION },
    { "max-age", "DURATION", "warn of keys that live longer than this;\n"
      "default 366d", CTL_TYPE_DURATION },
    { "strict", NULL, "exit 1 where there are only warnings, too",
      CTL_TYPE_FLAG },
    { "since", "TIME", "only lines from then on: a date or, back from now,\n"
      "a duration", CTL_TYPE_PAST },
    { "recent", "DURATION", "how long before the last line is of late;\n"
      "default 30d", CTL_TYPE_DURATION },
    { "location", "NAME", "only this location, as nginx names it\n"
      "(repeatable)", CTL_TYPE_LIST },
    { "alias", "AGENT=CLIENT", "tokens of this client are of the agent\n"
      "whose keys have that name (repeatable)", CTL_TYPE_ALIAS },
    { "state-file", "FILE", "the state file of agent_revocations",
      CTL_TYPE_PATH },
    { "kind", "KIND", "what the value is: token (its SHA-256 in hex), jti,\n"
      "subject, client, agent, issuer, kid, jwk (RFC 7638),\n"
      "key (the id of one) or certificate (x5t#S256)", CTL_TYPE_TEXT },
    { "value", "TEXT", "which one", CTL_TYPE_TEXT },
    { "control", "URL", "the control API: unix:PATH:/control, or an http or\n"
      "https address; default: the environment's AGENT_CONTROL",
      CTL_TYPE_PATH },
    { "token-file", "FILE", "the token or key to show to the API",
      CTL_TYPE_PATH },
    { "cacert", "FILE", "the CA that the API's certificate is of; default:\n"
      "those of the system", CTL_TYPE_PATH },
    { "cert", "FILE", "the certificate to show to the API", CTL_TYPE_PATH },
    { "key", "FILE", "its private key; default: in the file of --cert",
      CTL_TYPE_PATH },
    { "issuer", "URI", "whose jti, subject, client or kid it is",
      CTL_TYPE_TEXT },
    { "before", "TIME", "only what was issued before that: a date, or 0s\n"
      "for now", CTL_TYPE_TIME },
    { "cause", "TEXT", "why, for the audit log", CTL_TYPE_TEXT },
    { "zone", "NAME", "the key zone, as agent_key_zone names it",
      CTL_TYPE_TEXT },
    { "provider", "NAME", "the provider, as agent_oauth_provider names it",
      CTL_TYPE_TEXT },
    { "subject", "SUB", "the subject of tokens", CTL_TYPE_TEXT },
    { "all", NULL, "everything", CTL_TYPE_FLAG },
    { "key-file", "FILE", "the key file of agent_audit_chain",
      CTL_TYPE_PATH },
    { "partial", NULL, "files of a longer log: lines may be missing before\n"
      "the first and after the last", CTL_TYPE_FLAG },
    { "json", NULL, "print JSON", CTL_TYPE_FLAG },
    { "help", NULL, "print this text", CTL_TYPE_FLAG }
};


int
ctl_options_parse(ctl_t *ctl, int argc, char **argv)
{
    int  i, rest;

    ctl->args = ctl_alloc(((size_t) argc + 1) * sizeof(ctl_arg_t));
    ctl->files = ctl_alloc(((size_t) argc + 1) * sizeof(char *));

    for (i = 0, rest = 0; i < argc; i++) {

        if (!rest && strcmp(argv[i], "--") == 0) {
            rest = 1;
            continue;
        }

        if (!rest && argv[i][0] == '-' && argv[i][1] != '\0') {

            if (ctl_options_one(ctl, argc, argv, &i) != CTL_DONE) {
                return CTL_USAGE;
            }

            continue;
        }

        if (ctl_operand_add(ctl, argv[i], i + 1) != CTL_DONE) {
            return CTL_USAGE;
        }
    }

    return ctl_option(ctl, CTL_OPT_HELP) ? CTL_DONE
                                         : ctl_options_complete(ctl);
}


/* it is not quoted: it may be a key that slipped in */

static int
ctl_operand_add(ctl_t *ctl, const char *operand, int number)
{
    if (ctl->command->files) {
        ctl->files[ctl->nfiles++] = operand;
        return CTL_DONE;
    }

    if (ctl->command->operand == NULL) {
        ctl_error("\"%s %s\" takes options only, argument %d is none",
                  ctl->group->name, ctl->command->name, number);
        return CTL_USAGE;
    }

    if (ctl->operand) {
        ctl_error("\"%s %s\" takes one %s, argument %d is one too many",
                  ctl->group->name, ctl->command->name,
                  ctl->command->operand, number);
        return CTL_USAGE;
    }

    ctl->operand = operand;

    return CTL_DONE;
}


/* argv[*i] begins with a dash; *i is moved on to the value where it is apart */

static int
ctl_options_one(ctl_t *ctl, int argc, char **argv, int *i)
{
    int          n;
    size_t       len;
    uint64_t     takes;
    const char  *name, *value;

    name = argv[*i] + 2;
    len = strcspn(name, "=");
    value = name[len] == '=' ? name + len + 1 : NULL;

    n = argv[*i][1] == '-' ? ctl_option_find(name, len) : -1;
    takes = ctl->command->options | ctl_bit(CTL_OPT_HELP);

    if (n < 0) {
        ctl_error("unknown option \"%.*s\", see \"agentctl %s %s --help\"",
                  (int) (len + 2), argv[*i], ctl->group->name,
                  ctl->command->name);
        return CTL_USAGE;
    }

    if (!(takes & ctl_bit(n))) {
        ctl_error("option \"--%s\" does not go with \"%s %s\", see "
                  "\"agentctl %s %s --help\"", ctl_options[n].name,
                  ctl->group->name, ctl->command->name, ctl->group->name,
                  ctl->command->name);
        return CTL_USAGE;
    }

    if (value == NULL && ctl_options[n].type != CTL_TYPE_FLAG
        && *i + 1 < argc && strncmp(argv[*i + 1], "--", 2) != 0)
    {
        value = argv[++*i];
    }

    if (ctl_option_check(ctl, (unsigned) n, value) != CTL_DONE) {
        return CTL_USAGE;
    }

    ctl->args[ctl->nargs].option = (unsigned) n;
    ctl->args[ctl->nargs].value = value ? value : "";
    ctl->nargs++;

    return CTL_DONE;
}


static int
ctl_option_find(const char *name, size_t len)
{
    int  i;

    for (i = 0; i < CTL_OPT_MAX; i++) {
        if (strlen(ctl_options[i].name) == len
            && memcmp(ctl_options[i].name, name, len) == 0)
        {
            return i;
        }
    }

    return -1;
}


static int
ctl_option_check(const ctl_t *ctl, unsigned option, const char *value)
{
    const ctl_option_t  *o;

    o = &ctl_options[option];

    if (o->type == CTL_TYPE_FLAG) {

        if (value) {
            ctl_error("option \"--%s\" takes no value", o->name);
            return CTL_USAGE;
        }

        return CTL_DONE;
    }

    if (value == NULL || value[0] == '\0') {
        ctl_error("option \"--%s\" needs a value; one that begins with \"--\" "
                  "is written --%s=VALUE", o->name, o->name);
        return CTL_USAGE;
    }

    if (o->type != CTL_TYPE_LIST && o->type != CTL_TYPE_ALIAS
        && ctl_option(ctl, option))
    {
        ctl_error("option \"--%s\" is given twice", o->name);
        return CTL_USAGE;
    }

    if (o->type != CTL_TYPE_PATH && !ctl_utf8(value)) {
        ctl_error("the value of --%s is not UTF-8", o->name);
        return CTL_USAGE;
    }

    return ctl_option_value(ctl, o, value);
}


static int
ctl_utf8(const char *text)
{
    json_t  *json;

    json = json_string(text);
    json_decref(json);

    return json != NULL;
}


static int
ctl_option_value(const ctl_t *ctl, const ctl_option_t *o, const char *value)
{
    int64_t      t;
    agent_str_t  text;

    if ((o->type == CTL_TYPE_TIME || o->type == CTL_TYPE_PAST)
        && ctl_time_value(value, ctl->now, o->type == CTL_TYPE_PAST ? -1 : 1,
                          &t)
           != 0)
    {
        ctl_error("--%s \"%s\" is neither a date such as "
                  "\"2027-01-31T00:00:00Z\" nor a duration such as \"90d\"",
                  o->name, value);
        return CTL_USAGE;
    }

    if (o->type == CTL_TYPE_ALIAS
        && (value[0] == '=' || strchr(value, '=') == NULL
            || strchr(value, '=')[1] == '\0'))
    {
        ctl_error("--%s \"%s\" is not of the form %s", o->name, value,
                  o->value);
        return CTL_USAGE;
    }

    text = ctl_text(value);

    if (o->type == CTL_TYPE_DURATION && agent_duration_parse(&text, &t) != 0) {
        ctl_error("--%s \"%s\" is no duration such as \"24h\" or \"90d\"",
                  o->name, value);
        return CTL_USAGE;
    }

    return ctl_option_label(o, value);
}


/* what is written on an envelope */

static int
ctl_option_label(const ctl_option_t *o, const char *value)
{
    size_t       len;
    agent_str_t  text;

    text = ctl_text(value);

    if (o->type == CTL_TYPE_BUNDLE
        && !agent_id_valid(&text, AGENT_BUNDLE_MAX))
    {
        ctl_error("--%s must be 1 to %d of 0-9 A-Z a-z . _ -", o->name,
                  AGENT_BUNDLE_MAX);
        return CTL_USAGE;
    }

    if (o->type == CTL_TYPE_KIND && strcmp(value, "keys") != 0
        && strcmp(value, "peppers") != 0)
    {
        ctl_error("--%s must be \"keys\" or \"peppers\"", o->name);
        return CTL_USAGE;
    }

    len = strspn(value, "0123456789");

    if (o->type == CTL_TYPE_NUMBER
        && (value[len] != '\0' || len > 16
            || strtoull(value, NULL, 10) < 1
            || strtoull(value, NULL, 10) > AGENT_GENERATION_MAX))
    {
        ctl_error("--%s must be a number from 1 to 2^53 - 1", o->name);
        return CTL_USAGE;
    }

    return CTL_DONE;
}


/* what is required, and where it may come from elsewhere */

static int
ctl_options_complete(ctl_t *ctl)
{
    unsigned  i;

    ctl->file = ctl_option(ctl, CTL_OPT_FILE);

    if (ctl->file == NULL) {
        ctl->file = getenv("AGENT_KEY_FILE");
    }

    if ((ctl->command->options & ctl_bit(CTL_OPT_FILE))
        && (ctl->file == NULL || ctl->file[0] == '\0'))
    {
        ctl_error("which key file? give --file FILE or set AGENT_KEY_FILE");
        return CTL_USAGE;
    }

    if (ctl->command->files && ctl->nfiles == 0) {
        ctl_error("\"%s %s\" needs a file, or \"-\" for standard input",
                  ctl->group->name, ctl->command->name);
        return CTL_USAGE;
    }

    if (ctl->command->operand && !ctl->command->files && ctl->operand == NULL) {
        ctl_operand_missing(ctl);
        return CTL_USAGE;
    }

    if (ctl->operand && !ctl->command->free_operand
        && ctl_operand_check(ctl) != CTL_DONE)
    {
        return CTL_USAGE;
    }

    for (i = 0; i < CTL_OPT_MAX; i++) {

        if ((ctl->command->required & ctl_bit(i)) && !ctl_option(ctl, i)) {
            ctl_error("\"%s %s\" needs --%s %s", ctl->group->name,
                      ctl->command->name, ctl_options[i].name,
                      ctl_options[i].value);
            return CTL_USAGE;
        }
    }

    return CTL_DONE;
}


static void
ctl_operand_missing(const ctl_t *ctl)
{
    const char  *group, *command, *operand;

    group = ctl->group->name;
    command = ctl->command->name;
    operand = ctl->command->operand;

    if (ctl->command->free_operand) {
        ctl_error("\"%s %s\" needs the %s, see \"agentctl %s %s --help\"",
                  group, command, operand, group, command);

    } else {
        ctl_error("\"%s %s\" needs the %s of a key, \"agentctl key list\" "
                  "shows them", group, command, operand);
    }
}


/* it is not quoted: it may be a key that slipped in */

static int
ctl_operand_check(const ctl_t *ctl)
{
    agent_key_t  parts;
    agent_str_t  id;

    id = ctl_text(ctl->operand);

    if (agent_key_parse(&id, &parts) != AGENT_KEY_FOREIGN) {
        ctl_error("that is a whole key, whose id is %.*s; what was typed may "
                  "be in the shell's history now", AGENT_KEY_ID_LEN,
                  (const char *) parts.id);
        return CTL_USAGE;
    }

    if (!agent_id_valid(&id, AGENT_KEY_ID_MAX)) {
        ctl_error("that is not the id of a key, \"agentctl key list\" shows "
                  "them");
        return CTL_USAGE;
    }

    return CTL_DONE;
}


const char *
ctl_option(const ctl_t *ctl, ctl_option_e option)
{
    size_t  i;

    i = 0;

    return ctl_option_next(ctl, option, &i);
}


const char *
ctl_option_next(const ctl_t *ctl, ctl_option_e option, size_t *i)
{
    while (*i < ctl->nargs) {

        if (ctl->args[(*i)++].option == option) {
            return ctl->args[*i - 1].value;
        }
    }

    return NULL;
}


int64_t
ctl_option_time(const ctl_t *ctl, ctl_option_e option)
{
    int64_t      t;
    const char  *value;

    value = ctl_option(ctl, option);

    if (value == NULL || ctl_time_value(value, ctl->now, 1, &t) != 0) {
        return AGENT_TIME_NONE;
    }

    return t;
}


int64_t
ctl_option_past(const ctl_t *ctl, ctl_option_e option)
{
    int64_t      t;
    const char  *value;

    value = ctl_option(ctl, option);

    if (value == NULL || ctl_time_value(value, ctl->now, -1, &t) != 0) {
        return 0;
    }

    return t;
}


/* sign: whether a duration leads forward or back */

static int
ctl_time_value(const char *value, int64_t now, int sign, int64_t *t)
{
    int64_t      seconds;
    agent_str_t  text;

    text = ctl_text(value);

    if (agent_time_parse(&text, t) == 0) {
        return 0;
    }

    if (agent_duration_parse(&text, &seconds) != 0
        || seconds > CTL_TIME_MAX - now)
    {
        return -1;
    }

    *t = now + sign * seconds;

    return 0;
}


int64_t
ctl_option_duration(const ctl_t *ctl, ctl_option_e option, int64_t otherwise)
{
    int64_t      seconds;
    const char  *value;
    agent_str_t  text;

    value = ctl_option(ctl, option);

    if (value == NULL) {
        return otherwise;
    }

    text = ctl_text(value);

    return agent_duration_parse(&text, &seconds) == 0 ? seconds : otherwise;
}


static agent_str_t
ctl_text(const char *text)
{
    agent_str_t  s;

    s.data = (const uint8_t *) text;
    s.len = strlen(text);

    return s;
}


void
ctl_options_help(const ctl_command_t *command)
{
    int                  n;
    unsigned             i;
    const char          *line, *lf;
    const ctl_option_t  *o;

    for (i = 0; i < CTL_OPT_MAX; i++) {

        o = &ctl_options[i];

        if (!((command->options | ctl_bit(CTL_OPT_HELP)) & ctl_bit(i))) {
            continue;
        }

        n = printf("  --%s%s%s", o->name, o->value ? " " : "",
                   o->value ? o->value : "");

        for (line = o->help; line; line = lf ? lf + 1 : NULL) {

            lf = strchr(line, '\n');

            printf("%*s%.*s%s\n", n < CTL_HELP_COLUMN ? CTL_HELP_COLUMN - n : 1,
                   "", (int) (lf ? lf - line : (long) strlen(line)), line,
                   lf == NULL && (command->required & ctl_bit(i))
                   ? "; required" : "");
            n = 0;
        }
    }
}
