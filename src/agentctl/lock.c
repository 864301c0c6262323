
/*
 * The lock is a file of its own and not the key file: that is replaced at each
 * change, and workers of nginx, who may read it, could lock it for ever.
 */

#include "lock.h"
#include "agentctl.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>


#define CTL_LOCK_SECONDS  60


static int ctl_lock_wait(int fd, const char *path);
static void ctl_lock_alarm(int signo);
static int ctl_lock_current(int fd, const char *path);


int
ctl_lock(const char *path)
{
    int  fd;

    for ( ;; ) {

        fd = open(path, O_RDWR|O_CREAT|O_CLOEXEC|O_NOFOLLOW|O_NONBLOCK, 0600);

        if (fd == -1) {
            ctl_error_errno(errno, "cannot create the lock file \"%s\"", path);
            return -1;
        }

        if (ctl_lock_wait(fd, path) != 0) {
            (void) close(fd);
            return -1;
        }

        /* whoever held it may have removed it meanwhile */

        if (ctl_lock_current(fd, path)) {
            return fd;
        }

        (void) close(fd);
    }
}


static int
ctl_lock_wait(int fd, const char *path)
{
    int               rc, err;
    struct sigaction  action, saved;

    if (flock(fd, LOCK_EX|LOCK_NB) == 0) {
        return 0;
    }

    /* no SA_RESTART: the alarm is to end the waiting */

    memset(&action, 0, sizeof(action));
    action.sa_handler = ctl_lock_alarm;

    (void) sigaction(SIGALRM, &action, &saved);
    (void) alarm(CTL_LOCK_SECONDS);

    rc = flock(fd, LOCK_EX);
    err = errno;

    (void) alarm(0);
    (void) sigaction(SIGALRM, &saved, NULL);

    if (rc == 0) {
        return 0;
    }

    if (err == EINTR) {
        ctl_error("another program has held the lock \"%s\" for %d seconds, "
                  "\"fuser %s\" tells which", path, CTL_LOCK_SECONDS, path);

    } else {
        ctl_error_errno(err, "cannot lock \"%s\"", path);
    }

    return -1;
}


static void
ctl_lock_alarm(int signo)
{
    (void) signo;
}


static int
ctl_lock_current(int fd, const char *path)
{
    struct stat  held, seen;

    return fstat(fd, &held) == 0 && lstat(path, &seen) == 0
           && held.st_dev == seen.st_dev && held.st_ino == seen.st_ino;
}


void
ctl_unlock(const char *path, int fd)
{
    (void) unlink(path);
    (void) close(fd);
}
