
#include "agentctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


void
ctl_error(const char *fmt, ...)
{
    va_list  args;

    (void) fflush(stdout);

    fprintf(stderr, "agentctl: ");

    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);

    fprintf(stderr, "\n");
}


void
ctl_error_errno(int err, const char *fmt, ...)
{
    va_list  args;

    (void) fflush(stdout);

    fprintf(stderr, "agentctl: ");

    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);

    fprintf(stderr, " (%d: %s)\n", err, strerror(err));
}


void *
ctl_alloc(size_t size)
{
    return ctl_realloc(NULL, size);
}


void *
ctl_realloc(void *p, size_t size)
{
    p = realloc(p, size ? size : 1);

    if (p == NULL) {
        ctl_error("not enough memory, %zu octets were asked for", size);
        exit(CTL_REFUSED);
    }

    return p;
}


char *
ctl_format(const char *fmt, ...)
{
    char     *text;
    va_list   args;

    va_start(args, fmt);
    text = ctl_vformat(fmt, args);
    va_end(args);

    return text;
}


char *
ctl_vformat(const char *fmt, va_list args)
{
    int       len;
    char     *text;
    va_list   again;

    va_copy(again, args);
    len = vsnprintf(NULL, 0, fmt, again);
    va_end(again);

    text = ctl_alloc((size_t) len + 1);

    (void) vsnprintf(text, (size_t) len + 1, fmt, args);

    return text;
}
