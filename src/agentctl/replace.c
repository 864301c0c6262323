
#include "replace.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>


#define CTL_NEW_MODE      0640
#define CTL_COPY_BUFFER   65536
#define CTL_XATTR_MAX     65536

/* a worker of nginx may have its right to read the file from this alone */

#define CTL_XATTR_ACL     "system.posix_acl_access"


static int ctl_replace_write(const ctl_store_t *store,
    const ctl_piece_t *pieces, size_t n, ctl_seal_t *seal);
static int ctl_replace_copy(const ctl_store_t *store, ctl_seal_t *seal,
    uint64_t from, uint64_t to);
static int ctl_replace_rights(const ctl_store_t *store, int fd);
static int ctl_replace_xattrs(const ctl_store_t *store, int fd);
static int ctl_replace_xattr(const ctl_store_t *store, int fd,
    const char *name, char *value);
static int ctl_replace_unchanged(const ctl_store_t *store);
static int ctl_replace_rename(const ctl_store_t *store, int fd);
static void ctl_replace_sync(const ctl_store_t *store);


int
ctl_replace(const ctl_store_t *store, const ctl_piece_t *pieces, size_t n)
{
    int         fd, rc;
    ctl_seal_t  seal;

    /* under the lock it can only be what a killed agentctl left behind */

    (void) unlink(store->temp_path);

    fd = open(store->temp_path, O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC|O_NOFOLLOW,
              0600);

    if (fd == -1) {
        ctl_error_errno(errno, "cannot create \"%s\"", store->temp_path);
        return CTL_REFUSED;
    }

    rc = -1;

    if (ctl_seal_begin(&seal, fd, &store->label) != 0
        || ctl_replace_write(store, pieces, n, &seal) != 0
        || ctl_seal_end(&seal) != 0)
    {
        ctl_error_errno(errno, "cannot write \"%s\", nothing was changed",
                        store->temp_path);

    } else if (ctl_replace_rights(store, fd) == 0) {
        rc = ctl_replace_rename(store, fd);
    }

    ctl_seal_free(&seal);
    (void) close(fd);

    if (rc != 0) {
        (void) unlink(store->temp_path);
        return CTL_REFUSED;
    }

    ctl_replace_sync(store);

    return CTL_DONE;
}


/* 0, or -1 with errno set */

static int
ctl_replace_write(const ctl_store_t *store, const ctl_piece_t *pieces,
    size_t n, ctl_seal_t *seal)
{
    char      more;
    size_t    i;
    uint64_t  done;

    for (i = 0, done = 0; i < n; i++) {

        if (ctl_replace_copy(store, seal, done, pieces[i].at.offset) != 0
            || ctl_seal_write(seal, pieces[i].text, strlen(pieces[i].text))
               != 0)
        {
            return -1;
        }

        done = pieces[i].at.offset + pieces[i].at.len;
    }

    if (store->absent) {
        return 0;
    }

    if (ctl_replace_copy(store, seal, done, store->reader.size) != 0) {
        return -1;
    }

    /* what was copied is authentic only if the end is */

    return store->reader.envelope
           ? (int) ctl_reader_pread(&store->reader, &more, 1,
                                    store->reader.size)
           : 0;
}


static int
ctl_replace_copy(const ctl_store_t *store, ctl_seal_t *seal, uint64_t from,
    uint64_t to)
{
    int      rc;
    char     buf[CTL_COPY_BUFFER];
    size_t   size;
    ssize_t  n;

    rc = 0;

    while (from < to && rc == 0) {

        size = to - from < sizeof(buf) ? (size_t) (to - from) : sizeof(buf);

        n = ctl_reader_pread(&store->reader, buf, size, from);

        if (n == -1 && errno == EINTR) {
            continue;
        }

        if (n == 0) {
            errno = ESTALE;
        }

        if (n <= 0 || ctl_seal_write(seal, buf, (size_t) n) != 0) {
            rc = -1;

        } else {
            from += (uint64_t) n;
        }
    }

    /* of an envelope it was what is in there */

    OPENSSL_cleanse(buf, sizeof(buf));

    return rc;
}


static int
ctl_replace_rights(const ctl_store_t *store, int fd)
{
    struct stat         st;
    const struct stat  *old;

    if (store->absent) {

        if (fchmod(fd, CTL_NEW_MODE) == -1) {
            ctl_error_errno(errno, "cannot set the mode of \"%s\"",
                            store->temp_path);
            return -1;
        }

        return 0;
    }

    old = &store->reader.st;

    if (fstat(fd, &st) == -1
        || ((st.st_uid != old->st_uid || st.st_gid != old->st_gid)
            && fchown(fd, old->st_uid, old->st_gid) == -1)
        || fchmod(fd, old->st_mode & 07777) == -1)
    {
        ctl_error_errno(errno, "cannot keep owner, group and mode of \"%s\", "
                        "nothing was changed; run this as its owner or root",
                        store->name);
        return -1;
    }

    return ctl_replace_xattrs(store, fd);
}


static int
ctl_replace_xattrs(const ctl_store_t *store, int fd)
{
    int       rc;
    char     *names, *name, *value;
    ssize_t   n;

    /* the directory may have given the copy a list that the file has not */

    (void) fremovexattr(fd, CTL_XATTR_ACL);

    names = ctl_alloc(CTL_XATTR_MAX);
    value = ctl_alloc(CTL_XATTR_MAX);

    n = flistxattr(store->reader.fd, names, CTL_XATTR_MAX);
    rc = 0;

    for (name = names; n > 0 && name < names + n; name += strlen(name) + 1) {
        if (ctl_replace_xattr(store, fd, name, value) != 0) {
            rc = -1;
            break;
        }
    }

    free(names);
    free(value);

    return rc;
}


/* value: CTL_XATTR_MAX octets to work in */

static int
ctl_replace_xattr(const ctl_store_t *store, int fd, const char *name,
    char *value)
{
    ssize_t  n;

    n = fgetxattr(store->reader.fd, name, value, CTL_XATTR_MAX);

    if (n != -1 && fsetxattr(fd, name, value, (size_t) n, 0) == 0) {
        return 0;
    }

    /* labels of the system's are made anew, or are root's alone to set */

    if (strcmp(name, CTL_XATTR_ACL) != 0) {
        return 0;
    }

    ctl_error_errno(errno, "cannot keep the access list of \"%s\", nothing was "
                    "changed", store->name);

    return -1;
}


static int
ctl_replace_rename(const ctl_store_t *store, int fd)
{
    if (fsync(fd) == -1) {
        ctl_error_errno(errno, "cannot sync \"%s\", nothing was changed",
                        store->temp_path);
        return -1;
    }

    if (!ctl_replace_unchanged(store)) {
        ctl_error("another program changed \"%s\" meanwhile, nothing was "
                  "changed here; run this again", store->name);
        return -1;
    }

    if (ctl_interrupted()) {
        ctl_error("interrupted, nothing was changed");
        return -1;
    }

    if (rename(store->temp_path, store->path) == -1) {
        ctl_error_errno(errno, "cannot rename \"%s\" to \"%s\", nothing was "
                        "changed", store->temp_path, store->path);
        return -1;
    }

    return 0;
}


/* 1 where the file is still what was read: editors take no lock */

static int
ctl_replace_unchanged(const ctl_store_t *store)
{
    struct stat         held, seen;
    const struct stat  *old;

    if (store->absent) {
        return lstat(store->path, &seen) == -1 && errno == ENOENT;
    }

    old = &store->reader.st;

    return fstat(store->reader.fd, &held) == 0
           && stat(store->path, &seen) == 0
           && seen.st_dev == old->st_dev && seen.st_ino == old->st_ino
           && held.st_size == old->st_size
           && held.st_mtim.tv_sec == old->st_mtim.tv_sec
           && held.st_mtim.tv_nsec == old->st_mtim.tv_nsec
           && held.st_ctim.tv_sec == old->st_ctim.tv_sec
           && held.st_ctim.tv_nsec == old->st_ctim.tv_nsec;
}


/* so that the new name, too, outlives a loss of power */

static void
ctl_replace_sync(const ctl_store_t *store)
{
    int    fd;
    char  *copy;

    copy = ctl_format("%s", store->path);
    fd = open(dirname(copy), O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (fd == -1 || fsync(fd) == -1) {
        ctl_error_errno(errno, "warning: cannot sync the directory of \"%s\"",
                        store->name);
    }

    if (fd != -1) {
        (void) close(fd);
    }

    free(copy);
}


int
ctl_interrupted(void)
{
    sigset_t  set;

    return sigpending(&set) == 0
           && (sigismember(&set, SIGINT) == 1
               || sigismember(&set, SIGTERM) == 1
               || sigismember(&set, SIGHUP) == 1);
}
