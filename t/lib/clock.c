
/*
 * Clocks that a test moves: what a process sees is the real time and an offset
 * of the file $AGENT_CLOCK, two 64-bit numbers of nanoseconds, for the clock
 * on the wall and for the one that is never set.  See AgentClock.pm.
 */

#define _GNU_SOURCE

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>


#define SECOND  1000000000


static volatile const int64_t  *offsets;


static __attribute__((constructor)) void
clock_open(void)
{
    int          fd;
    void        *map;
    const char  *path;

    path = getenv("AGENT_CLOCK");
    fd = path ? open(path, O_RDONLY|O_CLOEXEC) : -1;

    if (fd == -1) {
        return;
    }

    map = mmap(NULL, 2 * sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);

    if (map != MAP_FAILED) {
        offsets = map;
    }
}


int
clock_gettime(clockid_t id, struct timespec *ts)
{
    int      rc;
    int64_t  ns;

    rc = syscall(SYS_clock_gettime, id, ts);

    if (rc != 0 || offsets == NULL) {
        return rc;
    }

    switch (id) {

    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
        ns = ts->tv_nsec + offsets[0];
        break;

    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_BOOTTIME:
        ns = ts->tv_nsec + offsets[1];
        break;

    default:
        return rc;
    }

    ts->tv_sec += ns / SECOND;
    ns %= SECOND;

    if (ns < 0) {
        ts->tv_sec--;
        ns += SECOND;
    }

    ts->tv_nsec = ns;

    return rc;
}


int
gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    struct timespec  ts;

    (void) tz;

    clock_gettime(CLOCK_REALTIME, &ts);

    tv->tv_sec = ts.tv_sec;
    tv->tv_usec = ts.tv_nsec / 1000;

    return 0;
}


time_t
time(time_t *t)
{
    struct timespec  ts;

    clock_gettime(CLOCK_REALTIME, &ts);

    if (t) {
        *t = ts.tv_sec;
    }

    return ts.tv_sec;
}
