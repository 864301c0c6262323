
#include "control.h"
#include "agent_digest.h"
#include "agent_key.h"
#include "agent_revocation.h"
#include "http.h"
#include "options.h"
#include "print.h"
#include "token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define CTL_CALL                                                              \
    (ctl_bit(CTL_OPT_CONTROL)|ctl_bit(CTL_OPT_TOKEN_FILE)                     \
     |ctl_bit(CTL_OPT_CACERT)|ctl_bit(CTL_OPT_CERT)|ctl_bit(CTL_OPT_KEY)      \
     |ctl_bit(CTL_OPT_JSON))

#define CTL_WHY                                                               \
    (CTL_CALL|ctl_bit(CTL_OPT_EXPIRES)|ctl_bit(CTL_OPT_CAUSE))

#define CTL_WHOSE  ctl_bit(CTL_OPT_ISSUER)

#define CTL_LIST_MAX  1000


static int ctl_revoke_value(const ctl_t *ctl, json_t *json);
static int ctl_revoke_token(const ctl_t *ctl, char *hex);
static void ctl_revoke_date(const ctl_t *ctl, json_t *json, const char *name,
    ctl_option_e option);
static int ctl_revoke_page(const ctl_t *ctl, json_t *all, char **cursor);
static void ctl_revoke_print(const json_t *list);
static void ctl_revoke_cell(const json_t *json, const char *name,
    size_t width);


#define ctl_revoke_command(name_, operand_, what, options_, required_)        \
    { .name = name_,                                                          \
      .operand = operand_,                                                    \
      .summary = "refuse " what,                                              \
      .text = "Has " what " refused\nby all of the gate, from the next "      \
              "request on.\n",                                                \
      .example = "  agentctl revoke " name_ " " EXAMPLE_ ## required_ " \\\n" \
                 "      --control unix:/run/gate.sock:/control\n",            \
      .run = ctl_revoke,                                                      \
      .options = CTL_WHY|options_,                                            \
      .required = CTL_NEEDS_ ## required_,                                    \
      .free_operand = 1 }

#define CTL_NEEDS_none    0
#define CTL_NEEDS_uri     0
#define CTL_NEEDS_issuer  CTL_WHOSE

#define EXAMPLE_none      "billing-bot"
#define EXAMPLE_uri       "https://as.example"
#define EXAMPLE_issuer    "s6BhdRkqt3 --issuer https://as.example"

#define CTL_BEFORE  ctl_bit(CTL_OPT_BEFORE)


const ctl_command_t  ctl_revoke_commands[] = {

    { .name = "token",
      .operand = "VALUE",
      .summary = "refuse a token",
      .text =
"Has a token refused by all of the gate, from the next request on.  With - it\n"
"is read from standard input, and leaves this machine as its SHA-256 only;\n"
"VALUE may be that one, 64 lower-case hex digits.  A token itself does not\n"
"belong on a command line.\n",
      .example =
"  agentctl revoke token - --cause leaked <token \\\n"
"      --control unix:/run/gate.sock:/control\n",
      .run = ctl_revoke,
      .options = CTL_WHY,
      .free_operand = 1 },

    ctl_revoke_command("jti", "ID", "the token that has this \"jti\"",
                       CTL_WHOSE, issuer),
    ctl_revoke_command("subject", "SUB", "tokens of a subject",
                       CTL_WHOSE|CTL_BEFORE, issuer),
    ctl_revoke_command("client", "ID", "tokens of a client",
                       CTL_WHOSE|CTL_BEFORE, issuer),
    ctl_revoke_command("agent", "NAME", "tokens and keys of an agent",
                       CTL_BEFORE, none),
    ctl_revoke_command("issuer", "URI", "tokens of an issuer", CTL_BEFORE,
                       uri),
    ctl_revoke_command("kid", "KID", "tokens signed with a key of an issuer",
                       CTL_WHOSE|CTL_BEFORE, issuer),

    { .name = "key",
      .operand = "ID",
      .summary = "refuse an API key, for good",
      .text =
"Has an API key refused by all of the gate, whatever the key file says.  That\n"
"is final: \"agentctl control suspend\" can be taken back.\n",
      .example =
"  agentctl revoke key 3hVfQ0wZ8LrT2nYc --cause leaked \\\n"
"      --control unix:/run/gate.sock:/control\n",
      .run = ctl_revoke,
      .options = CTL_WHY },

    { .name = "undo",
      .operand = "ID",
      .summary = "take a revocation back",
      .text =
"Takes back what is revoked with this id, which was printed then and is shown\n"
"by \"agentctl revoke list\".\n",
      .example =
"  agentctl revoke undo 5f0c-1 --control unix:/run/gate.sock:/control\n",
      .run = ctl_revoke_undo,
      .options = CTL_CALL,
      .free_operand = 1 },

    { .name = "list",
      .summary = "show what is revoked or suspended",
      .text =
"Shows the revocations that are in force, the oldest first.\n",
      .example =
"  agentctl revoke list --control unix:/run/gate.sock:/control\n",
      .run = ctl_revoke_list,
      .options = CTL_CALL },

    { .name = NULL }
};


int
ctl_revoke(ctl_t *ctl)
{
    int            rc;
    char          *body;
    json_t        *json, *id;
    const char    *value;
    ctl_answer_t   answer;

    json = json_object();

    (void) json_object_set_new(json, "kind", json_string(ctl->command->name));

    rc = ctl_revoke_value(ctl, json);

    if (rc != CTL_DONE) {
        json_decref(json);
        return rc;
    }

    value = ctl_option(ctl, CTL_OPT_ISSUER);

    if (value) {
        (void) json_object_set_new(json, "issuer", json_string(value));
    }

    value = ctl_option(ctl, CTL_OPT_CAUSE);

    if (value) {
        (void) json_object_set_new(json, "cause", json_string(value));
    }

    ctl_revoke_date(ctl, json, "before", CTL_OPT_BEFORE);
    ctl_revoke_date(ctl, json, "expires", CTL_OPT_EXPIRES);

    body = json_dumps(json, JSON_COMPACT);
    rc = ctl_call(ctl, "POST", "/revocations", body, &answer);

    free(body);
    json_decref(json);

    if (rc != CTL_DONE) {
        return rc;
    }

    id = json_array_get(json_object_get(answer.json, "ids"), 0);

    if (ctl_option(ctl, CTL_OPT_JSON)) {
        printf("%s", answer.body);

    } else {
        printf("Revoked, with id %s.\n",
               json_is_string(id) ? json_string_value(id) : "-");
    }

    ctl_answer_free(&answer);

    return CTL_DONE;
}


static int
ctl_revoke_value(const ctl_t *ctl, json_t *json)
{
    int      rc;
    char     hex[2 * AGENT_SHA256_LEN + 1];
    json_t  *value;

    if (strcmp(ctl->command->name, "token") == 0) {

        rc = ctl_revoke_token(ctl, hex);

        if (rc != CTL_DONE) {
            return rc;
        }

        value = json_string(hex);

    } else {
        value = json_string(ctl->operand);
    }

    if (value == NULL) {
        ctl_error("the %s is not UTF-8", ctl->command->operand);
        return CTL_USAGE;
    }

    (void) json_object_set_new(json, "value", value);

    return CTL_DONE;
}


/* it is not quoted: it may be a token */

static int
ctl_revoke_token(const ctl_t *ctl, char *hex)
{
    uint8_t  digest[AGENT_SHA256_LEN];

    if (strcmp(ctl->operand, "-") == 0) {
        return ctl_token_digest(hex);
    }

    if (strlen(ctl->operand) != 2 * AGENT_SHA256_LEN
        || agent_unhex(digest, AGENT_SHA256_LEN,
                       (const uint8_t *) ctl->operand)
           != 0)
    {
        ctl_error("that is no SHA-256 of a token; a token itself is read from "
                  "standard input, with -; what was typed may be in the "
                  "shell's history now");
        return CTL_USAGE;
    }

    memcpy(hex, ctl->operand, 2 * AGENT_SHA256_LEN + 1);

    return CTL_DONE;
}


static void
ctl_revoke_date(const ctl_t *ctl, json_t *json, const char *name,
    ctl_option_e option)
{
    char  date[CTL_DATE_MAX];

    if (ctl_option(ctl, option) == NULL) {
        return;
    }

    ctl_date(date, ctl_option_time(ctl, option));

    (void) json_object_set_new(json, name, json_string(date));
}


int
ctl_revoke_undo(ctl_t *ctl)
{
    int            rc;
    char          *id, *path;
    ctl_answer_t   answer;

    id = ctl_url_escaped(ctl->operand);
    path = ctl_format("/revocations/%s", id);

    rc = ctl_call(ctl, "DELETE", path, NULL, &answer);

    free(id);
    free(path);

    if (rc != CTL_DONE) {
        return rc;
    }

    if (ctl_option(ctl, CTL_OPT_JSON)) {
        printf("{}\n");

    } else {
        printf("Taken back.\n");
    }

    ctl_answer_free(&answer);

    return CTL_DONE;
}


int
ctl_revoke_list(ctl_t *ctl)
{
    int      rc;
    char    *cursor, *text;
    json_t  *all;

    all = json_array();
    cursor = NULL;

    do {
        rc = ctl_revoke_page(ctl, all, &cursor);
    } while (rc == CTL_DONE && cursor);

    free(cursor);

    if (rc == CTL_DONE && ctl_option(ctl, CTL_OPT_JSON)) {
        text = json_dumps(all, JSON_COMPACT);
        printf("%s\n", text ? text : "[]");
        free(text);

    } else if (rc == CTL_DONE) {
        ctl_revoke_print(all);
    }

    json_decref(all);

    return rc;
}


/* *cursor is replaced by that of the next page, NULL: there is none */

static int
ctl_revoke_page(const ctl_t *ctl, json_t *all, char **cursor)
{
    int            rc;
    char          *path;
    json_t        *list, *next;
    ctl_answer_t   answer;

    path = ctl_format("/revocations?limit=%d%s%s", CTL_LIST_MAX,
                      *cursor ? "&cursor=" : "", *cursor ? *cursor : "");

    rc = ctl_call(ctl, "GET", path, NULL, &answer);

    free(path);

    if (rc != CTL_DONE) {
        return rc;
    }

    list = json_object_get(answer.json, "revocations");

    if (!json_is_array(list) || json_array_extend(all, list) != 0) {
        ctl_error("the answer has no \"revocations\"");
        ctl_answer_free(&answer);
        return CTL_REFUSED;
    }

    next = json_object_get(answer.json, "cursor");

    free(*cursor);
    *cursor = json_is_integer(next)
              ? ctl_format("%" JSON_INTEGER_FORMAT, json_integer_value(next))
              : NULL;

    ctl_answer_free(&answer);

    return CTL_DONE;
}


static void
ctl_revoke_print(const json_t *list)
{
    size_t         i;
    const json_t  *one;

    for (i = 0; i < json_array_size(list); i++) {

        one = json_array_get(list, i);

        ctl_revoke_cell(one, "at", 21);
        ctl_revoke_cell(one, "op", 8);
        ctl_revoke_cell(one, "kind", 8);
        ctl_revoke_cell(one, "value", 0);
        ctl_revoke_cell(one, "issuer", 0);
        ctl_revoke_cell(one, "id", 0);
        printf("\n");
    }
}


static void
ctl_revoke_cell(const json_t *json, const char *name, size_t width)
{
    char          *text;
    agent_str_t    s;
    const json_t  *member;

    member = json_object_get(json, name);

    if (!json_is_string(member)) {
        return;
    }

    s.data = (const uint8_t *) json_string_value(member);
    s.len = json_string_length(member);

    text = ctl_shown(&s, 0);

    ctl_pad(text, width);
    printf(" ");

    free(text);
}
