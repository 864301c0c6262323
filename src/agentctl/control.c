
#include "control.h"
#include "agent_digest.h"
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


static int ctl_control_show(ctl_t *ctl, const char *path);
static void ctl_control_print(const json_t *json, int depth);
static void ctl_control_value(const json_t *json);
static int ctl_control_change(ctl_t *ctl, const char *verb);
static char *ctl_control_key_path(const ctl_t *ctl, const char *verb);
static json_t *ctl_control_flush_body(const ctl_t *ctl);


const ctl_command_t  ctl_control_commands[] = {

    { .name = "providers",
      .summary = "show how the authorization servers do",
      .text =
"Shows of each provider whether it is asked (breaker), failures in a row, and\n"
"the generation and age of its metadata and keys.\n",
      .example =
"  agentctl control providers --control unix:/run/gate.sock:/control\n",
      .run = ctl_control_providers,
      .options = CTL_CALL },

    { .name = "zones",
      .summary = "show what the zones hold, and key files that are refused",
      .text =
"Shows the key zones with the state of their files, and of what is shared\n"
"about tokens and revocations how much there is.\n",
      .example =
"  agentctl control zones --control unix:/run/gate.sock:/control\n",
      .run = ctl_control_zones,
      .options = CTL_CALL },

    { .name = "flush",
      .summary = "have verdicts on tokens asked for anew",
      .text =
"From now on what is cached is not believed: all of it, that of a provider\n"
"(whose metadata and keys are fetched anew, too), of a subject, or of a token\n"
"that is read from standard input.  Nothing is revoked by that.\n",
      .example =
"  agentctl control flush --subject alice --control http://localhost:8080/c\n",
      .run = ctl_control_flush,
      .options = CTL_CALL|ctl_bit(CTL_OPT_ALL)|ctl_bit(CTL_OPT_PROVIDER)
                 |ctl_bit(CTL_OPT_SUBJECT)|ctl_bit(CTL_OPT_STDIN) },

    { .name = "key",
      .operand = "ID",
      .summary = "show whether the gate accepts an API key",
      .text =
"Shows what the key file and the state of the gate say of a key.\n",
      .example =
"  agentctl control key 3hVfQ0wZ8LrT2nYc --zone keys \\\n"
"      --control unix:/run/gate.sock:/control\n",
      .run = ctl_control_key,
      .options = CTL_CALL|ctl_bit(CTL_OPT_ZONE),
      .required = ctl_bit(CTL_OPT_ZONE) },

    { .name = "suspend",
      .operand = "ID",
      .summary = "refuse an API key until it is resumed, at once",
      .text =
"Has a key refused by all of the gate, whatever the key file says.\n",
      .example =
"  agentctl control suspend 3hVfQ0wZ8LrT2nYc --zone keys --cause lost \\\n"
"      --control unix:/run/gate.sock:/control\n",
      .run = ctl_control_suspend,
      .options = CTL_CALL|ctl_bit(CTL_OPT_ZONE)|ctl_bit(CTL_OPT_CAUSE),
      .required = ctl_bit(CTL_OPT_ZONE) },

    { .name = "resume",
      .operand = "ID",
      .summary = "lift what \"control suspend\" did",
      .text =
"Has a key accepted again if the key file allows it.  A key that is suspended\n"
"in the key file is resumed there, by \"agentctl key resume\".\n",
      .example =
"  agentctl control resume 3hVfQ0wZ8LrT2nYc --zone keys \\\n"
"      --control unix:/run/gate.sock:/control\n",
      .run = ctl_control_resume,
      .options = CTL_CALL|ctl_bit(CTL_OPT_ZONE)|ctl_bit(CTL_OPT_CAUSE),
      .required = ctl_bit(CTL_OPT_ZONE) },

    { .name = NULL }
};


int
ctl_control_providers(ctl_t *ctl)
{
    return ctl_control_show(ctl, "/providers");
}


int
ctl_control_zones(ctl_t *ctl)
{
    return ctl_control_show(ctl, "/zones");
}


int
ctl_control_key(ctl_t *ctl)
{
    int    rc;
    char  *path;

    path = ctl_control_key_path(ctl, "");
    rc = ctl_control_show(ctl, path);
    free(path);

    return rc;
}


static int
ctl_control_show(ctl_t *ctl, const char *path)
{
    int           rc;
    ctl_answer_t  answer;

    rc = ctl_call(ctl, "GET", path, NULL, &answer);

    if (rc != CTL_DONE) {
        return rc;
    }

    if (answer.json == NULL) {
        ctl_error("the answer is no JSON object");
        rc = CTL_REFUSED;

    } else if (ctl_option(ctl, CTL_OPT_JSON)) {
        printf("%s", answer.body);

    } else {
        ctl_control_print(answer.json, 0);
    }

    ctl_answer_free(&answer);

    return rc;
}


/* "name: value" a line, what is within two columns to the right */

static void
ctl_control_print(const json_t *json, int depth)
{
    size_t       i;
    json_t      *value;
    const char  *name;

    if (json_is_array(json)) {

        for (i = 0; i < json_array_size(json); i++) {
            printf("%*s-\n", depth, "");
            ctl_control_print(json_array_get(json, i), depth + 2);
        }

        return;
    }

    if (!json_is_object(json)) {
        printf("%*s", depth, "");
        ctl_control_value(json);
        return;
    }

    json_object_foreach((json_t *) json, name, value) {

        printf("%*s%s:", depth, "", name);

        if (json_is_object(value) || json_is_array(value)) {
            printf("\n");
            ctl_control_print(value, depth + 2);

        } else {
            printf(" ");
            ctl_control_value(value);
        }
    }
}


static void
ctl_control_value(const json_t *json)
{
    char         *text;
    agent_str_t   s;

    if (json_is_string(json)) {
        s.data = (const uint8_t *) json_string_value(json);
        s.len = json_string_length(json);
        text = ctl_shown(&s, 0);

    } else {
        text = json_dumps(json, JSON_ENCODE_ANY);
    }

    printf("%s\n", text ? text : "");
    free(text);
}


int
ctl_control_suspend(ctl_t *ctl)
{
    return ctl_control_change(ctl, "suspend");
}


int
ctl_control_resume(ctl_t *ctl)
{
    return ctl_control_change(ctl, "resume");
}


static int
ctl_control_change(ctl_t *ctl, const char *verb)
{
    int            rc;
    char          *path, *body;
    json_t        *json;
    const char    *cause;
    ctl_answer_t   answer;

    json = json_object();
    cause = ctl_option(ctl, CTL_OPT_CAUSE);

    if (cause) {
        (void) json_object_set_new(json, "cause", json_string(cause));
    }

    body = json_dumps(json, JSON_COMPACT);
    path = ctl_control_key_path(ctl, verb);

    rc = ctl_call(ctl, "POST", path, body, &answer);

    free(path);
    free(body);
    json_decref(json);

    if (rc != CTL_DONE) {
        return rc;
    }

    if (ctl_option(ctl, CTL_OPT_JSON)) {
        printf("%s", answer.body);

    } else {
        printf("Key %s is %s now%s.\n", ctl->operand,
               strcmp(verb, "suspend") == 0 ? "suspended" : "resumed",
               json_is_false(json_object_get(answer.json, "usable"))
               && strcmp(verb, "resume") == 0
               ? ", and refused for another reason" : "");
    }

    ctl_answer_free(&answer);

    return CTL_DONE;
}


static char *
ctl_control_key_path(const ctl_t *ctl, const char *verb)
{
    char  *zone, *id, *path;

    zone = ctl_url_escaped(ctl_option(ctl, CTL_OPT_ZONE));
    id = ctl_url_escaped(ctl->operand);

    path = ctl_format("/keys/%s/%s%s%s", zone, id, verb[0] ? "/" : "", verb);

    free(zone);
    free(id);

    return path;
}


int
ctl_control_flush(ctl_t *ctl)
{
    int            rc;
    char          *body;
    json_t        *json;
    ctl_answer_t   answer;

    json = ctl_control_flush_body(ctl);

    if (json == NULL) {
        return CTL_REFUSED;
    }

    if (json_object_size(json) != 1) {
        json_decref(json);
        ctl_error("what is to be flushed? give one of --all, --provider, "
                  "--subject and --stdin");
        return CTL_USAGE;
    }

    body = json_dumps(json, JSON_COMPACT);
    rc = ctl_call(ctl, "POST", "/flush", body, &answer);

    free(body);
    json_decref(json);

    if (rc != CTL_DONE) {
        return rc;
    }

    if (ctl_option(ctl, CTL_OPT_JSON)) {
        printf("{}\n");

    } else {
        printf("Flushed.\n");
    }

    ctl_answer_free(&answer);

    return CTL_DONE;
}


/* NULL: printed */

static json_t *
ctl_control_flush_body(const ctl_t *ctl)
{
    char         hex[2 * AGENT_SHA256_LEN + 1];
    json_t      *json;
    const char  *value;

    json = json_object();

    if (ctl_option(ctl, CTL_OPT_ALL)) {
        (void) json_object_set_new(json, "all", json_true());
    }

    value = ctl_option(ctl, CTL_OPT_PROVIDER);

    if (value) {
        (void) json_object_set_new(json, "provider", json_string(value));
    }

    value = ctl_option(ctl, CTL_OPT_SUBJECT);

    if (value) {
        (void) json_object_set_new(json, "subject", json_string(value));
    }

    if (ctl_option(ctl, CTL_OPT_STDIN)) {

        if (ctl_token_digest(hex) != CTL_DONE) {
            json_decref(json);
            return NULL;
        }

        (void) json_object_set_new(json, "token_sha256", json_string(hex));
    }

    return json;
}
