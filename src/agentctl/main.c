
#include "agentctl.h"
#include "agent_version.h"
#include "options.h"

#include <fcntl.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>


static void ctl_prepare(ctl_t *ctl);
static int ctl_run(ctl_t *ctl, int argc, char **argv);
static int ctl_run_group(ctl_t *ctl, int argc, char **argv);
static int ctl_run_command(ctl_t *ctl, int argc, char **argv);
static int ctl_help(FILE *to);
static int ctl_group_help(const ctl_group_t *group, FILE *to);
static int ctl_command_help(const ctl_t *ctl);
static int ctl_version(void);


int
main(int argc, char **argv)
{
    int    rc;
    ctl_t  ctl;

    ctl_prepare(&ctl);

    rc = ctl_run(&ctl, argc, argv);

    free(ctl.args);
    free(ctl.files);

    if ((fflush(stdout) != 0 || ferror(stdout)) && rc == CTL_DONE) {
        ctl_error("writing to standard output failed");
        rc = CTL_REFUSED;
    }

    return rc;
}


static void
ctl_prepare(ctl_t *ctl)
{
    int            fd;
    struct rlimit  none;

    memset(ctl, 0, sizeof(*ctl));

    ctl->now = (int64_t) time(NULL);
    ctl->no_output = fcntl(STDOUT_FILENO, F_GETFD) == -1;

    /* else the key file would become standard output, and get the secret */

    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd != -1 && fd <= STDERR_FILENO);

    if (fd != -1) {
        (void) close(fd);
    }

    /* a secret must not lie about in a core file */

    none.rlim_cur = 0;
    none.rlim_max = 0;
    (void) setrlimit(RLIMIT_CORE, &none);

    /* the calls that fail instead say so, and clean up */

    (void) signal(SIGPIPE, SIG_IGN);
    (void) signal(SIGXFSZ, SIG_IGN);
}


static int
ctl_run(ctl_t *ctl, int argc, char **argv)
{
    const ctl_group_t  *group;

    if (argc < 2) {
        (void) ctl_help(stderr);
        return CTL_USAGE;
    }

    if (strcmp(argv[1], "--help") == 0) {
        return ctl_help(stdout);
    }

    if (strcmp(argv[1], "--version") == 0) {
        return ctl_version();
    }

    for (group = ctl_groups; group->name; group++) {
        if (strcmp(argv[1], group->name) == 0) {
            ctl->group = group;
            return ctl_run_group(ctl, argc, argv);
        }
    }

    if (argv[1][0] == '-') {
        ctl_error("options come after the command, see \"agentctl --help\"");

    } else {
        ctl_error("there are no \"%.32s\" commands, see \"agentctl --help\"",
                  argv[1]);
    }

    return CTL_USAGE;
}


static int
ctl_run_group(ctl_t *ctl, int argc, char **argv)
{
    const ctl_command_t  *command;

    if (argc < 3) {
        (void) ctl_group_help(ctl->group, stderr);
        return CTL_USAGE;
    }

    if (strcmp(argv[2], "--help") == 0) {
        return ctl_group_help(ctl->group, stdout);
    }

    for (command = ctl->group->commands; command->name; command++) {
        if (strcmp(argv[2], command->name) == 0) {
            ctl->command = command;
            return ctl_run_command(ctl, argc - 3, argv + 3);
        }
    }

    if (argv[2][0] == '-') {
        ctl_error("options come after the command, see \"agentctl %s --help\"",
                  ctl->group->name);

    } else {
        ctl_error("unknown command \"%.32s\", see \"agentctl %s --help\"",
                  argv[2], ctl->group->name);
    }

    return CTL_USAGE;
}


static int
ctl_run_command(ctl_t *ctl, int argc, char **argv)
{
    int  rc;

    rc = ctl_options_parse(ctl, argc, argv);

    if (rc != CTL_DONE) {
        return rc;
    }

    if (ctl_option(ctl, CTL_OPT_HELP)) {
        return ctl_command_help(ctl);
    }

    return ctl->command->run(ctl);
}


static int
ctl_help(FILE *to)
{
    const ctl_group_t    *group;
    const ctl_command_t  *command;

    fprintf(to, "Usage: agentctl GROUP COMMAND [OPTION...]\n"
            "       agentctl [GROUP [COMMAND]] --help\n"
            "       agentctl --version\n");

    for (group = ctl_groups; group->name; group++) {

        fprintf(to, "\n%s: %s\n", group->name, group->summary);

        for (command = group->commands; command->name; command++) {
            fprintf(to, "  %s %-10s %s\n", group->name, command->name,
                    command->summary);
        }
    }

    fprintf(to, "\nExample:\n  agentctl key --help\n");

    return CTL_DONE;
}


static int
ctl_group_help(const ctl_group_t *group, FILE *to)
{
    const ctl_command_t  *command;

    fprintf(to, "Usage: agentctl %s COMMAND [OPTION...]\n"
            "       agentctl %s COMMAND --help\n\n%s\nCommands:\n",
            group->name, group->name, group->text);

    for (command = group->commands; command->name; command++) {
        fprintf(to, "  %-10s %s\n", command->name, command->summary);
    }

    fprintf(to, "\nExample:\n%s", group->example);

    return CTL_DONE;
}


static int
ctl_command_help(const ctl_t *ctl)
{
    const ctl_command_t  *command;

    command = ctl->command;

    printf("Usage: agentctl %s %s%s%s [OPTION...]\n\n%s\nOptions:\n",
           ctl->group->name, command->name, command->operand ? " " : "",
           command->operand ? command->operand : "", command->text);

    ctl_options_help(command);

    printf("\nExit status: 0 done, 1 refused or not found, 2 wrong usage.\n"
           "\nExample:\n%s", command->example);

    return CTL_DONE;
}


static int
ctl_version(void)
{
    printf("agentctl %s (%s, jansson %s)\n", AGENT_VERSION,
           OpenSSL_version(OPENSSL_VERSION), jansson_version_str());

    return CTL_DONE;
}
