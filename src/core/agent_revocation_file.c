
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "agent_revocation_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>


#define AGENT_REVOCATION_MAGIC   0x6b766572     /* "revk" */
#define AGENT_REVOCATION_LAYOUT  1

#define AGENT_REVOCATION_PAGE    4096

/* waits of 5 ms for the lock: ten seconds */

#define AGENT_REVOCATION_TRIES   2000

#define AGENT_REVOCATION_FLAGS   (O_CLOEXEC|O_NOFOLLOW|O_NONBLOCK|O_NOCTTY)


static int agent_revocation_file_map(agent_revocation_file_t *file,
    char *err);
static int agent_revocation_file_room(agent_revocation_file_t *file,
    char *err);
static int agent_revocation_open(const char *path, int flags, mode_t mode,
    uid_t uid, gid_t gid, char *err);
static int agent_revocation_file_same(agent_revocation_file_t *file,
    struct stat *st, char *err);
static int agent_revocation_file_adopt(agent_revocation_file_t *file,
    uint64_t *word, char *err);
static int agent_revocation_file_tail(agent_revocation_file_t *file,
    uint64_t from, uint64_t size, uint64_t *to, uint64_t *bad, char *err);
static int agent_revocation_file_torn(int fd, uint64_t offset, uint64_t size);
static int agent_revocation_file_fits(uint64_t size);
static int agent_revocation_sync_dir(const char *path);


int
agent_revocation_file_open(agent_revocation_file_t *file, const char *path,
    int create, uid_t uid, gid_t gid, char *err)
{
    int  made;

    made = create ? O_CREAT : 0;

    memset(file, 0, sizeof(*file));
    file->fd = -1;
    file->lock = -1;

    file->path = strdup(path);

    if (file->path == NULL
        || asprintf(&file->lock_path, "%s.lock", path) == -1)
    {
        file->lock_path = NULL;
        agent_revocation_file_close(file);
        return agent_fail(err, "no memory");
    }

    /* nobody else may lock it, for as long as he likes */

    file->fd = agent_revocation_open(path, O_RDWR|O_APPEND|made, 0640, uid,
                                     gid, err);

    if (file->fd != -1) {
        file->lock = agent_revocation_open(file->lock_path, O_RDWR|made, 0600,
                                           uid, gid, err);
    }

    if (file->lock == -1 || agent_revocation_file_map(file, err) != 0) {
        agent_revocation_file_close(file);
        return -1;
    }

    return 0;
}


static int
agent_revocation_open(const char *path, int flags, mode_t mode, uid_t uid,
    gid_t gid, char *err)
{
    int          fd;
    struct stat  st;

    fd = open(path, flags|AGENT_REVOCATION_FLAGS, mode);

    if (fd == -1) {
        return agent_fail(err, "open() failed: %s", strerror(errno));
    }

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        (void) close(fd);
        return agent_fail(err, "it is not a regular file");
    }

    if (uid != (uid_t) -1 && st.st_uid != uid && fchown(fd, uid, gid) != 0) {
        (void) agent_fail(err, "fchown() failed: %s", strerror(errno));
        (void) close(fd);
        return -1;
    }

    return fd;
}


static int
agent_revocation_file_map(agent_revocation_file_t *file, char *err)
{
    void                       *addr;
    int                         rc;
    agent_revocation_shared_t  *shared;

    if (agent_revocation_file_wait(file, err) != 0) {
        return -1;
    }

    rc = agent_revocation_file_room(file, err);

    if (rc != 0) {
        agent_revocation_file_unlock(file);
        return -1;
    }

    addr = mmap(NULL, AGENT_REVOCATION_PAGE, PROT_READ|PROT_WRITE, MAP_SHARED,
                file->lock, 0);

    if (addr == MAP_FAILED) {
        agent_revocation_file_unlock(file);
        return agent_fail(err, "mmap() failed: %s", strerror(errno));
    }

    file->shared = addr;
    shared = file->shared;

    /* the epoch of the first file is any: nothing may remember another */

    if (shared->magic != AGENT_REVOCATION_MAGIC) {
        memset(shared, 0, sizeof(*shared));
        shared->layout = AGENT_REVOCATION_LAYOUT;
        shared->word = agent_revocation_word(1 + (time(NULL) & 0x3ffff), 0);
        shared->magic = AGENT_REVOCATION_MAGIC;
    }

    agent_revocation_file_unlock(file);

    if (shared->layout != AGENT_REVOCATION_LAYOUT) {
        return agent_fail(err, "\"%s\" is of another version",
                          file->lock_path);
    }

    file->epoch = agent_revocation_epoch(agent_revocation_file_word(file));

    return 0;
}


/* octets that are there: a hole could not be filled once the disk is full */

static int
agent_revocation_file_room(agent_revocation_file_t *file, char *err)
{
    ssize_t      n;
    uint8_t      page[AGENT_REVOCATION_PAGE];
    struct stat  st;

    if (fstat(file->lock, &st) != 0) {
        return agent_fail(err, "fstat() failed: %s", strerror(errno));
    }

    if (st.st_size >= AGENT_REVOCATION_PAGE) {
        return 0;
    }

    memset(page, 0, sizeof(page));

    n = pwrite(file->lock, page, sizeof(page), 0);

    if (n != (ssize_t) sizeof(page)) {
        return agent_fail(err, "pwrite() of \"%s\" failed: %s",
                          file->lock_path, n == -1 ? strerror(errno)
                                                   : "no space");
    }

    return 0;
}


void
agent_revocation_file_close(agent_revocation_file_t *file)
{
    if (file->shared) {
        (void) munmap(file->shared, AGENT_REVOCATION_PAGE);
    }

    if (file->lock != -1) {
        (void) close(file->lock);
    }

    if (file->fd != -1) {
        (void) close(file->fd);
    }

    free(file->path);
    free(file->lock_path);

    memset(file, 0, sizeof(*file));
    file->fd = -1;
    file->lock = -1;
}


int
agent_revocation_file_own(agent_revocation_file_t *file, char *err)
{
    int          fd, lock;
    struct stat  a, b;

    fd = agent_revocation_open(file->path, O_RDWR|O_APPEND, 0, (uid_t) -1,
                               (gid_t) -1, err);
    if (fd == -1) {
        return -1;
    }

    lock = agent_revocation_open(file->lock_path, O_RDWR, 0, (uid_t) -1,
                                 (gid_t) -1, err);
    if (lock == -1) {
        (void) close(fd);
        return -1;
    }

    /* it would lock what nobody else does */

    if (fstat(lock, &a) != 0 || fstat(file->lock, &b) != 0
        || a.st_dev != b.st_dev || a.st_ino != b.st_ino)
    {
        (void) close(fd);
        (void) close(lock);
        return agent_fail(err, "\"%s\" was replaced", file->lock_path);
    }

    /* whoever looks at a page that is not there any more is killed */

    if (a.st_size < AGENT_REVOCATION_PAGE) {
        (void) munmap(file->shared, AGENT_REVOCATION_PAGE);
        file->shared = NULL;
        (void) close(fd);
        (void) close(lock);
        return agent_fail(err, "\"%s\" was cut, a reload makes it anew",
                          file->lock_path);
    }

    (void) close(file->lock);
    file->lock = lock;

    /* one that was replaced meanwhile is opened when that is followed */

    if (fstat(fd, &a) == 0 && fstat(file->fd, &b) == 0
        && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
    {
        (void) close(file->fd);
        file->fd = fd;

    } else {
        (void) close(fd);
    }

    return 0;
}


int
agent_revocation_file_follow(agent_revocation_file_t *file, char *err)
{
    int          fd;
    uint64_t     word;
    struct stat  st;

    if (file->shared == NULL) {
        return agent_fail(err, "\"%s\" was cut", file->lock_path);
    }

    word = agent_revocation_file_word(file);

    fd = agent_revocation_open(file->path, O_RDWR|O_APPEND, 0, (uid_t) -1,
                               (gid_t) -1, err);
    if (fd == -1) {
        return -1;
    }

    if (fstat(fd, &st) != 0 || (uint64_t) st.st_dev != file->shared->dev
        || (uint64_t) st.st_ino != file->shared->ino
        || agent_revocation_file_word(file) < word)
    {
        (void) close(fd);
        return agent_fail(err, "it is not the file that is in force");
    }

    if (file->fd != -1) {
        (void) close(file->fd);
    }

    file->fd = fd;
    file->epoch = agent_revocation_epoch(word);

    return 0;
}


int
agent_revocation_file_trylock(agent_revocation_file_t *file)
{
    if (flock(file->lock, LOCK_EX|LOCK_NB) == 0) {
        return 1;
    }

    return (errno == EWOULDBLOCK || errno == EINTR) ? 0 : -1;
}


int
agent_revocation_file_wait(agent_revocation_file_t *file, char *err)
{
    int              rc, tries;
    struct timespec  pause;

    pause.tv_sec = 0;
    pause.tv_nsec = 5000000;

    for (tries = 0; tries < AGENT_REVOCATION_TRIES; tries++) {

        rc = agent_revocation_file_trylock(file);

        if (rc == 1) {
            return 0;
        }

        if (rc == -1) {
            return agent_fail(err, "flock() of \"%s\" failed: %s",
                              file->lock_path, strerror(errno));
        }

        (void) nanosleep(&pause, NULL);
    }

    return agent_fail(err, "another process holds the lock \"%s\"",
                      file->lock_path);
}


void
agent_revocation_file_unlock(agent_revocation_file_t *file)
{
    (void) flock(file->lock, LOCK_UN);
}


int
agent_revocation_file_settle(agent_revocation_file_t *file, int adopt,
    uint64_t *word, uint64_t *bad, char *err)
{
    int          same;
    uint64_t     from, to;
    struct stat  st;

    *bad = UINT64_MAX;

    if (!adopt && !agent_revocation_file_shared(file)) {
        return agent_fail(err, "\"%s\" was replaced or cut, a reload takes it "
                          "as it is", file->lock_path);
    }

    *word = agent_revocation_file_word(file);

    if (agent_revocation_epoch(*word) != file->epoch
        && agent_revocation_file_follow(file, err) != 0
        && !adopt)
    {
        return -1;
    }

    same = agent_revocation_file_same(file, &st, err);

    if (same == -1) {
        return -1;
    }

    if (!same || (uint64_t) st.st_size < agent_revocation_size(*word)) {

        if (!adopt && file->shared->ino) {
            return agent_fail(err, "somebody replaced or cut it, a reload "
                              "takes it as it is");
        }

        if (agent_revocation_file_adopt(file, word, err) != 0
            || fstat(file->fd, &st) != 0)
        {
            return -1;
        }
    }

    from = agent_revocation_size(*word);

    if ((uint64_t) st.st_size == from) {
        return 0;
    }

    if (agent_revocation_file_tail(file, from, (uint64_t) st.st_size, &to, bad,
                                   err)
        != 0)
    {
        return -1;
    }

    *word = agent_revocation_word(agent_revocation_epoch(*word), to);

    return 0;
}


int
agent_revocation_file_shared(const agent_revocation_file_t *file)
{
    struct stat  st, named;

    return fstat(file->lock, &st) == 0
           && st.st_size >= AGENT_REVOCATION_PAGE
           && lstat(file->lock_path, &named) == 0
           && named.st_dev == st.st_dev && named.st_ino == st.st_ino;
}


/* 1: the path still leads to the file that is in force and that we have open */

static int
agent_revocation_file_same(agent_revocation_file_t *file, struct stat *st,
    char *err)
{
    struct stat                       named;
    const agent_revocation_shared_t  *shared;

    shared = file->shared;

    if (fstat(file->fd, st) != 0) {
        return agent_fail(err, "fstat() failed: %s", strerror(errno));
    }

    return lstat(file->path, &named) == 0
           && named.st_dev == st->st_dev && named.st_ino == st->st_ino
           && (uint64_t) st->st_dev == shared->dev
           && (uint64_t) st->st_ino == shared->ino;
}


static int
agent_revocation_file_adopt(agent_revocation_file_t *file, uint64_t *word,
    char *err)
{
    int          fd;
    uint64_t     epoch;
    struct stat  st;

    fd = agent_revocation_open(file->path, O_RDWR|O_APPEND, 0, (uid_t) -1,
                               (gid_t) -1, err);
    if (fd == -1) {
        return -1;
    }

    if (fstat(fd, &st) != 0) {
        (void) close(fd);
        return agent_fail(err, "fstat() failed: %s", strerror(errno));
    }

    (void) close(file->fd);
    file->fd = fd;

    /* of the first file nobody knows anything yet */

    epoch = agent_revocation_epoch(*word) + (file->shared->ino != 0);

    file->epoch = epoch;
    *word = agent_revocation_word(epoch, 0);

    return 0;
}


static int
agent_revocation_file_tail(agent_revocation_file_t *file, uint64_t from,
    uint64_t size, uint64_t *to, uint64_t *bad, char *err)
{
    int                         rc;
    size_t                      len;
    uint8_t                    *buf, *text;
    uint64_t                    offset;
    const uint8_t              *line;
    agent_revocation_t          rev;
    agent_revocation_reader_t   reader;

    buf = malloc(AGENT_REVOCATION_BUFFER + AGENT_REVOCATION_LINE_MAX);
    if (buf == NULL) {
        return agent_fail(err, "no memory");
    }

    text = buf + AGENT_REVOCATION_BUFFER;

    agent_revocation_reader_init(&reader, file->fd, from, size, buf);

    for ( ;; ) {
        rc = agent_revocation_reader_next(&reader, &line, &len, &offset);

        if (rc != 1) {
            break;
        }

        if (agent_revocation_parse(line, len, text, &rev, err) != 0) {
            *bad = offset;
            rc = -1;
            break;
        }
    }

    free(buf);

    /* octets of a block that was never written may be any number of zeros */

    if (rc == -1 && *bad == UINT64_MAX
        && agent_revocation_file_torn(file->fd, reader.offset, size))
    {
        rc = 0;
    }

    if (rc == -1) {

        if (*bad == UINT64_MAX) {
            *bad = reader.offset;
            (void) agent_fail(err, "it cannot be read, or the line is too "
                              "long");
        }

        return -1;
    }

    *to = reader.offset;

    /* what was written, and not told to anybody, may not be on the disk yet */

    if ((*to < size && ftruncate(file->fd, (off_t) *to) != 0)
        || fdatasync(file->fd) != 0)
    {
        return agent_fail(err, "cutting off a torn line failed: %s",
                          strerror(errno));
    }

    return 0;
}


/* 1: nothing but a line that was not ended */

static int
agent_revocation_file_torn(int fd, uint64_t offset, uint64_t size)
{
    ssize_t  n;
    uint8_t  buf[4096];

    for ( /* void */ ; offset < size; offset += (uint64_t) n) {

        n = pread(fd, buf, sizeof(buf), (off_t) offset);

        if (n <= 0 || memchr(buf, '\n', (size_t) n)) {
            return 0;
        }
    }

    return 1;
}


int
agent_revocation_file_append(agent_revocation_file_t *file,
    const uint8_t *lines, size_t len, uint64_t *word, char *err)
{
    int       e;
    size_t    done;
    ssize_t   n;
    uint64_t  size;

    size = agent_revocation_size(*word);
    done = 0;
    e = agent_revocation_file_fits(size + len) ? 0 : EFBIG;

    while (e == 0 && done < len) {

        n = write(file->fd, lines + done, len - done);

        if (n > 0) {
            done += (size_t) n;
            continue;
        }

        if (n == -1 && errno == EINTR) {
            continue;
        }

        e = (n == -1) ? errno : ENOSPC;
    }

    if (done == len && fdatasync(file->fd) != 0) {
        e = errno;
    }

    if (e) {
        (void) agent_fail(err, "writing failed: %s", strerror(e));

        /* else the next who settles it does so */

        if (ftruncate(file->fd, (off_t) size) != 0) {
            (void) fdatasync(file->fd);
        }

        return -1;
    }

    *word += len;

    return 0;
}


/* beyond the limit of the process its next write() would end it: SIGXFSZ */

static int
agent_revocation_file_fits(uint64_t size)
{
    struct rlimit  limit;

    return getrlimit(RLIMIT_FSIZE, &limit) != 0
           || limit.rlim_cur == RLIM_INFINITY
           || size <= limit.rlim_cur;
}


int
agent_revocation_file_exceed(agent_revocation_file_t *file, uint64_t applied,
    uint64_t *word, char *err)
{
    uint64_t  epoch;

    if (applied <= *word) {
        return 0;
    }

    epoch = agent_revocation_epoch(applied) + 1;

    if (epoch > AGENT_REVOCATION_EPOCH_MAX) {
        return agent_fail(err, "it was replaced too often, restart nginx");
    }

    file->epoch = epoch;
    *word = agent_revocation_word(epoch, agent_revocation_size(*word));

    return 0;
}


void
agent_revocation_file_publish(agent_revocation_file_t *file, uint64_t word)
{
    struct stat  st;

    if (agent_revocation_file_word(file) == word && file->shared->ino) {
        return;
    }

    if (fstat(file->fd, &st) == 0) {
        file->shared->dev = (uint64_t) st.st_dev;
        file->shared->ino = (uint64_t) st.st_ino;
    }

    __atomic_store_n(&file->shared->word, word, __ATOMIC_SEQ_CST);
}


int
agent_revocation_file_replace(agent_revocation_file_t *file, const char *temp,
    int fd, uint64_t *word, char *err)
{
    uint64_t     epoch;
    struct stat  st;

    epoch = agent_revocation_epoch(*word);

    if (epoch >= AGENT_REVOCATION_EPOCH_MAX) {
        return agent_fail(err, "it was replaced too often, remove \"%s\" "
                          "while nginx does not run", file->lock_path);
    }

    if (fsync(fd) != 0 || fstat(fd, &st) != 0 || rename(temp, file->path) != 0)
    {
        return agent_fail(err, "replacing it failed: %s", strerror(errno));
    }

    (void) agent_revocation_sync_dir(file->path);

    (void) close(file->fd);
    file->fd = fd;
    file->epoch = epoch + 1;

    file->shared->prev = *word;
    *word = agent_revocation_word(epoch + 1, st.st_size);
    file->shared->base = *word;

    return 0;
}


static int
agent_revocation_sync_dir(const char *path)
{
    int          fd, rc;
    char        *dir;
    const char  *slash;

    slash = strrchr(path, '/');
    dir = slash ? strndup(path, (size_t) (slash - path) + 1) : strdup(".");

    if (dir == NULL) {
        return -1;
    }

    fd = open(dir, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    free(dir);

    if (fd == -1) {
        return -1;
    }

    rc = fsync(fd);
    (void) close(fd);

    return rc;
}
