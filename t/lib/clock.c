
/*
 * gettimeofday() of a clock that a test sets: see AgentClock.pm.  The offset
 * in seconds is the 64-bit number in the file that AGENT_CLOCK names.
 */

#define _GNU_SOURCE

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>


static const volatile int64_t  *offset;


__attribute__((constructor)) static void
clock_map(void)
{
    int          fd;
    void        *page;
    const char  *path;

    path = getenv("AGENT_CLOCK");
    fd = path ? open(path, O_RDONLY) : -1;

    if (fd == -1) {
        return;
    }

    page = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);

    (void) close(fd);

    if (page != MAP_FAILED) {
        offset = page;
    }
}


int
gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    struct timespec  ts;

    (void) tz;

    if (clock_gettime(CLOCK_REALTIME, &ts) == -1) {
        return -1;
    }

    tv->tv_sec = ts.tv_sec + (offset ? (time_t) *offset : 0);
    tv->tv_usec = ts.tv_nsec / 1000;

    return 0;
}
