
/*
 * The options of all commands.  A command names those that it takes by bits;
 * their values are checked here as far as that needs no file.
 */

#ifndef _AGENTCTL_OPTIONS_H_INCLUDED_
#define _AGENTCTL_OPTIONS_H_INCLUDED_


#include "agentctl.h"


/* 9999-12-31T23:59:59Z: a year has four digits, RFC 3339, 5.6 */

#define CTL_TIME_MAX  INT64_C(253402300799)


typedef enum {
    CTL_OPT_FILE = 0,
    CTL_OPT_AGENT,
    CTL_OPT_OWNER,
    CTL_OPT_SCOPE,
    CTL_OPT_SERVICE,
    CTL_OPT_NETWORK,
    CTL_OPT_NOT_BEFORE,
    CTL_OPT_EXPIRES,
    CTL_OPT_OVERLAP,
    CTL_OPT_NOTE,
    CTL_OPT_PREFIX,
    CTL_OPT_ID,
    CTL_OPT_DIGEST,
    CTL_OPT_STDIN,
    CTL_OPT_STATE,
    CTL_OPT_PEPPER_FILE,
    CTL_OPT_KEK_FILE,
    CTL_OPT_BUNDLE,
    CTL_OPT_TYPE,
    CTL_OPT_GENERATION,
    CTL_OPT_OUT,
    CTL_OPT_PREVIOUS,
    CTL_OPT_WITHIN,
    CTL_OPT_MAX_AGE,
    CTL_OPT_STRICT,
    CTL_OPT_SINCE,
    CTL_OPT_RECENT,
    CTL_OPT_LOCATION,
    CTL_OPT_ALIAS,
    CTL_OPT_STATE_FILE,
    CTL_OPT_KIND,
    CTL_OPT_VALUE,
    CTL_OPT_CONTROL,
    CTL_OPT_TOKEN_FILE,
    CTL_OPT_CACERT,
    CTL_OPT_CERT,
    CTL_OPT_KEY,
    CTL_OPT_ISSUER,
    CTL_OPT_BEFORE,
    CTL_OPT_CAUSE,
    CTL_OPT_ZONE,
    CTL_OPT_PROVIDER,
    CTL_OPT_SUBJECT,
    CTL_OPT_ALL,
    CTL_OPT_KEY_FILE,
    CTL_OPT_PARTIAL,
    CTL_OPT_JSON,
    CTL_OPT_HELP,
    CTL_OPT_MAX
} ctl_option_e;


#define ctl_bit(option)  ((uint64_t) 1 << (option))


/*
 * Reads what stands behind the command's name into ctl->args, ctl->operand and
 * ctl->file.  Returns CTL_DONE, or CTL_USAGE with the error printed.  Where
 * --help is among the options nothing else is required.
 */

int ctl_options_parse(ctl_t *ctl, int argc, char **argv);


/* the value of an option, or NULL; for a flag "" where it was given */

const char *ctl_option(const ctl_t *ctl, ctl_option_e option);


/*
 * The values of a repeatable option one after another: *i is 0 at first.
 * Returns NULL behind the last.
 */

const char *ctl_option_next(const ctl_t *ctl, ctl_option_e option, size_t *i);


/* a date, or a duration from ctl->now on; AGENT_TIME_NONE where not given */

int64_t ctl_option_time(const ctl_t *ctl, ctl_option_e option);


/* a date, or a duration before ctl->now; 0 where not given */

int64_t ctl_option_past(const ctl_t *ctl, ctl_option_e option);


/* seconds, or otherwise where not given */

int64_t ctl_option_duration(const ctl_t *ctl, ctl_option_e option,
    int64_t otherwise);


/* the lines of help for the options of a command */

void ctl_options_help(const ctl_command_t *command);


#endif /* _AGENTCTL_OPTIONS_H_INCLUDED_ */
