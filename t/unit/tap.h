
/*
 * Test Anything Protocol for the C unit tests, read by prove.  Each
 * t/unit/test_*.c is a program of its own, linked with all of src/core.
 */

#ifndef _AGENT_TAP_H_INCLUDED_
#define _AGENT_TAP_H_INCLUDED_


#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static unsigned  tap_run, tap_failed;


#define ok(condition, ...)                                                    \
    tap_ok((condition) ? 1 : 0, __FILE__, __LINE__, __VA_ARGS__)

#define is_str(got, len, expected, ...)                                       \
    tap_is_str((const char *) (got), len, expected, __FILE__, __LINE__,       \
               __VA_ARGS__)


__attribute__((format(printf, 4, 5)))
static inline void
tap_ok(int passed, const char *file, int line, const char *fmt, ...)
{
    char     name[256];
    va_list  args;

    tap_run++;

    va_start(args, fmt);
    vsnprintf(name, sizeof(name), fmt, args);
    va_end(args);

    printf("%sok %u - %s\n", passed ? "" : "not ", tap_run, name);

    /* on standard error, as prove shows nothing else of it */

    if (!passed) {
        tap_failed++;
        fprintf(stderr, "#   Failed test '%s'\n#   at %s line %d.\n", name,
                file, line);
    }
}


__attribute__((format(printf, 6, 7)))
static inline void
tap_is_str(const char *got, size_t len, const char *expected,
    const char *file, int line, const char *fmt, ...)
{
    int      passed;
    char     name[256];
    va_list  args;

    va_start(args, fmt);
    vsnprintf(name, sizeof(name), fmt, args);
    va_end(args);

    passed = len == strlen(expected) && memcmp(got, expected, len) == 0;

    tap_ok(passed, file, line, "%s", name);

    if (!passed) {
        fprintf(stderr, "#      got: \"%.*s\"\n# expected: \"%s\"\n",
                (int) len, got, expected);
    }
}


/* something that cannot be tried here, and why */

static inline void
tap_skip(const char *reason)
{
    printf("ok %u # skip %s\n", ++tap_run, reason);
}


static inline int
tap_done(void)
{
    printf("1..%u\n", tap_run);

    return tap_failed ? 1 : 0;
}


#endif /* _AGENT_TAP_H_INCLUDED_ */
