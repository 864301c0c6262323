
#include "control.h"
#include "key.h"
#include "envelope.h"
#include "migration.h"
#include "options.h"
#include "revocation.h"
#include "verify.h"


#define CTL_COMMON                                                            \
    (ctl_bit(CTL_OPT_FILE)|ctl_bit(CTL_OPT_JSON)|ctl_bit(CTL_OPT_KEK_FILE)    \
     |ctl_bit(CTL_OPT_BUNDLE))

#define CTL_LIMITS                                                            \
    (ctl_bit(CTL_OPT_AGENT)|ctl_bit(CTL_OPT_OWNER)|ctl_bit(CTL_OPT_SCOPE)     \
     |ctl_bit(CTL_OPT_SERVICE)|ctl_bit(CTL_OPT_NETWORK)                       \
     |ctl_bit(CTL_OPT_NOT_BEFORE)|ctl_bit(CTL_OPT_EXPIRES)                    \
     |ctl_bit(CTL_OPT_NOTE))


const ctl_command_t  ctl_key_commands[] = {

    { .name = "issue",
      .summary = "make a key and print it, once",
      .text =
"Makes a new key and adds its record to the key file; a file that does not\n"
"exist is made, with mode 0640.  The key goes to standard output and is\n"
"stored nowhere: the file holds its digest only.  With --pepper-file that is\n"
"an HMAC.  A key with --not-before ahead is pending until then.\n",
      .example =
"  agentctl key issue --file keys.jsonl --agent billing-bot \\\n"
"      --scope invoices:read --network 10.0.0.0/8 --expires 90d --json\n",
      .run = ctl_key_issue,
      .options = CTL_COMMON|CTL_LIMITS|ctl_bit(CTL_OPT_PREFIX)
                 |ctl_bit(CTL_OPT_PEPPER_FILE),
      .required = ctl_bit(CTL_OPT_AGENT)|ctl_bit(CTL_OPT_EXPIRES) },

    { .name = "rotate",
      .operand = "ID",
      .summary = "make a successor, the old key ends after an overlap",
      .text =
"Issues a successor with the agent, owner, scopes, services, networks and\n"
"lifetime of the old key, and puts the old key into grace: it is accepted\n"
"until the overlap is over or it expires, whichever is first.  A key that is\n"
"pending, suspended, expired, revoked or rotated already is refused.\n",
      .example =
"  agentctl key rotate 3hVfQ0wZ8LrT2nYc --file keys.jsonl --overlap 24h\n",
      .run = ctl_key_rotate,
      .options = CTL_COMMON|ctl_bit(CTL_OPT_OVERLAP)|ctl_bit(CTL_OPT_EXPIRES)
                 |ctl_bit(CTL_OPT_NOTE)|ctl_bit(CTL_OPT_PREFIX)
                 |ctl_bit(CTL_OPT_PEPPER_FILE) },

    { .name = "revoke",
      .operand = "ID",
      .summary = "end a key for good",
      .text =
"Ends a key at once and for good.  Its record stays in the file, so that the\n"
"key is still known as a revoked one.\n",
      .example =
"  agentctl key revoke 3hVfQ0wZ8LrT2nYc --file keys.jsonl --note leaked\n",
      .run = ctl_key_revoke,
      .options = CTL_COMMON|ctl_bit(CTL_OPT_NOTE) },

    { .name = "suspend",
      .operand = "ID",
      .summary = "refuse a key until it is resumed",
      .text =
"Has a key refused until \"agentctl key resume\" lifts that.\n",
      .example =
"  agentctl key suspend 3hVfQ0wZ8LrT2nYc --file keys.jsonl\n",
      .run = ctl_key_suspend,
      .options = CTL_COMMON|ctl_bit(CTL_OPT_NOTE) },

    { .name = "resume",
      .operand = "ID",
      .summary = "accept a suspended or pending key again, or from now on",
      .text =
"Brings a suspended key back to what it was: active, in grace where it was\n"
"rotated, or pending where its begin lies ahead.  A pending key becomes\n"
"active now, without waiting for its begin.\n",
      .example =
"  agentctl key resume 7sKdPm4XbE9uJ1Ga --file keys.jsonl\n",
      .run = ctl_key_resume,
      .options = CTL_COMMON|ctl_bit(CTL_OPT_NOTE) },

    { .name = "list",
      .summary = "show all keys in a table",
      .text =
"Shows the keys of the file.  STATE is what state and dates amount to now:\n"
"active, grace, pending, suspended, expired or revoked.  With --json that is\n"
"\"status\", beside all members of the record but its digest.\n",
      .example =
"  agentctl key list --file keys.jsonl --state active\n",
      .run = ctl_key_list,
      .options = CTL_COMMON|ctl_bit(CTL_OPT_AGENT)|ctl_bit(CTL_OPT_STATE) },

    { .name = "show",
      .operand = "ID",
      .summary = "show all that is recorded of a key",
      .text =
"Shows all members of a key's record.\n",
      .example =
"  agentctl key show 3hVfQ0wZ8LrT2nYc --file keys.jsonl\n",
      .run = ctl_key_show,
      .options = CTL_COMMON },

    { .name = "lint",
      .summary = "check a key file as nginx would, and warn of more",
      .text =
"Prints every fault for which nginx would refuse the file, in the same\n"
"words, and warns of what is likely a mistake.  With --pepper-file also of\n"
"peppers that are not there.\n",
      .example =
"  agentctl key lint --file keys.jsonl --within 30d\n",
      .run = ctl_key_lint,
      .options = CTL_COMMON|ctl_bit(CTL_OPT_PEPPER_FILE)
                 |ctl_bit(CTL_OPT_PREVIOUS)|ctl_bit(CTL_OPT_WITHIN)
                 |ctl_bit(CTL_OPT_MAX_AGE)|ctl_bit(CTL_OPT_STRICT) },

    { .name = "import",
      .summary = "take over a key that was issued elsewhere",
      .text =
"Records a key that some other system issued, by its SHA-256 (--digest) or by\n"
"the key itself on standard input (--stdin), which is not shown, stored or\n"
"taken from the command line.  Only with --stdin it is seen whether a key is\n"
"too short, too regular or in a form that would not be found.\n",
      .example =
"  printf %s \"$LEGACY_KEY\" | agentctl key import --file keys.jsonl \\\n"
"      --stdin --agent legacy-bot --scope invoices:read --expires 30d\n",
      .run = ctl_key_import,
      .options = CTL_COMMON|CTL_LIMITS|ctl_bit(CTL_OPT_ID)
                 |ctl_bit(CTL_OPT_DIGEST)|ctl_bit(CTL_OPT_STDIN),
      .required = ctl_bit(CTL_OPT_AGENT)|ctl_bit(CTL_OPT_EXPIRES) },

    { .name = NULL }
};


const ctl_group_t  ctl_groups[] = {

    { .name = "key",
      .summary = "the API keys of a key file",
      .text =
"Shows and changes the API keys of a key file.  A change is made under a\n"
"lock and as a whole or not at all; nginx takes it up by itself.\n",
      .example =
"  agentctl key issue --help\n",
      .commands = ctl_key_commands },

    { .name = "envelope",
      .summary = "key and pepper files that are encrypted at rest",
      .text =
"Makes, opens and shows envelopes: files that nginx opens with the keys of\n"
"its \"kek_file\" (JWE, RFC 7516).  \"agentctl key\" with --kek-file changes\n"
"the keys in one; here is what else is to be done with it.\n",
      .example =
"  agentctl envelope seal --help\n",
      .commands = ctl_envelope_commands },

    { .name = "migration",
      .summary = "the way from keys to tokens",
      .text =
"Tells from audit logs how far agents have come on the way from API keys to\n"
"access tokens.  Nothing is changed.\n",
      .example =
"  agentctl migration report --help\n",
      .commands = ctl_migration_commands },

    { .name = "revocation",
      .summary = "what is said of credentials after they were issued",
      .text =
"Shows and adds to the state file of agent_revocations.  nginx, if it runs,\n"
"obeys with its next request; if not, when it starts.\n",
      .example =
"  agentctl revocation revoke --help\n",
      .commands = ctl_revocation_commands },

    { .name = "revoke",
      .summary = "what the gate is to refuse from now on",
      .text =
"Tells a running gate what it has to refuse, by its control API.  It is in\n"
"force before the command ends.\n",
      .example =
"  agentctl revoke subject --help\n",
      .commands = ctl_revoke_commands },

    { .name = "control",
      .summary = "a running gate: how it does, and its caches",
      .text =
"Asks and changes a running gate by its control API.\n",
      .example =
"  agentctl control zones --help\n",
      .commands = ctl_control_commands },

    { .name = "audit",
      .summary = "the audit log",
      .text =
"Tells whether the lines of an audit log are those that nginx wrote.  Nothing\n"
"is changed.\n",
      .example =
"  agentctl audit verify --help\n",
      .commands = ctl_audit_commands },

    { .name = NULL }
};
