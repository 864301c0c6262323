
/*
 * agentctl, the command-line tool: what all its commands share.
 */

#ifndef _AGENTCTL_H_INCLUDED_
#define _AGENTCTL_H_INCLUDED_


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>


/* exit codes; CTL_USAGE: wrong whatever the files hold */

#define CTL_DONE     0
#define CTL_REFUSED  1
#define CTL_USAGE    2


typedef struct ctl_s  ctl_t;


typedef struct {
    const char           *name;
    const char           *operand;      /* as help names it, or NULL */
    const char           *summary;
    const char           *text;         /* lines, for --help */
    const char           *example;      /* a shell command */
    int                 (*run)(ctl_t *ctl);
    uint64_t              options;      /* bits: ctl_bit() */
    uint64_t              required;
    unsigned              files:1;      /* the operand: one or more files */
    unsigned              free_operand:1;   /* it is no id of a key */
} ctl_command_t;


typedef struct {
    const char           *name;
    const char           *summary;
    const char           *text;
    const char           *example;
    const ctl_command_t  *commands;     /* up to one without a name */
} ctl_group_t;


/* one option that was given; value is NULL for a flag */

typedef struct {
    const char           *value;
    unsigned              option;       /* ctl_option_e */
} ctl_arg_t;


/* one run; nothing changes it once the command line is read */

struct ctl_s {
    const ctl_group_t    *group;
    const ctl_command_t  *command;
    const char           *file;         /* the key file */
    const char           *operand;      /* the id, or NULL */
    const char          **files;        /* instead of it, nfiles */
    size_t                nfiles;
    ctl_arg_t            *args;
    size_t                nargs;
    int64_t               now;
    unsigned              no_output:1;  /* standard output is closed */
};


extern const ctl_group_t  ctl_groups[];


/* "agentctl: ..." and a newline to standard error; never give it a secret */

__attribute__((format(printf, 1, 2)))
void ctl_error(const char *fmt, ...);


/* as ctl_error(), followed by the text of err, an errno */

__attribute__((format(printf, 2, 3)))
void ctl_error_errno(int err, const char *fmt, ...);


/* these end the program with CTL_REFUSED where there is no memory */

void *ctl_alloc(size_t size);
void *ctl_realloc(void *p, size_t size);

__attribute__((format(printf, 1, 2)))
char *ctl_format(const char *fmt, ...);

__attribute__((format(printf, 1, 0)))
char *ctl_vformat(const char *fmt, va_list args);


#endif /* _AGENTCTL_H_INCLUDED_ */
