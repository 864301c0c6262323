
/*
 * Without this a disk that is full, a limit of the process or a link in the
 * place of the state file could leave half a line in force, end a worker, or
 * make it write elsewhere.
 */

#include "agent_revocation_file.h"
#include "tap.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>


static int append(agent_revocation_file_t *file, const char *id, char *err);
static uint64_t size_of(const char *name);
static void limited(agent_revocation_file_t *file);
static void linked(agent_revocation_file_t *file);
static void cut(agent_revocation_file_t *file);


static char  dir[] = "/tmp/revocation-XXXXXX";
static char  path[64], lock[64], other[64];


int
main(void)
{
    char                     err[AGENT_ERROR_LEN];
    agent_revocation_file_t  file;

    if (mkdtemp(dir) == NULL) {
        return 2;
    }

    snprintf(path, sizeof(path), "%s/state", dir);
    snprintf(lock, sizeof(lock), "%s/state.lock", dir);
    snprintf(other, sizeof(other), "%s/other", dir);

    ok(agent_revocation_file_open(&file, path, 1, (uid_t) -1, (gid_t) -1, err)
       == 0, "it is made");
    ok(append(&file, "first", err) == 0, "a line");

    limited(&file);
    linked(&file);
    cut(&file);

    agent_revocation_file_close(&file);

    unlink(path);
    unlink(lock);
    unlink(other);
    rmdir(dir);

    return tap_done();
}


static int
append(agent_revocation_file_t *file, const char *id, char *err)
{
    int                 rc;
    uint8_t             text[AGENT_REVOCATION_LINE_MAX];
    uint64_t            word, bad;
    agent_revocation_t  rev;

    memset(&rev, 0, sizeof(rev));

    rev.op = AGENT_REVOKE;
    rev.kind = AGENT_REVOKED_AGENT;
    rev.at = 1800000000000;
    rev.before = AGENT_REVOCATION_NONE;
    rev.expires = AGENT_REVOCATION_NONE;
    rev.id.data = (const uint8_t *) id;
    rev.id.len = strlen(id);
    rev.value = rev.id;

    rc = agent_revocation_file_settle(file, file->shared->ino == 0, &word,
                                      &bad, err);
    if (rc == 0) {
        agent_revocation_file_publish(file, word);

        rc = agent_revocation_file_append(file, text,
                                          agent_revocation_write(text, &rev),
                                          &word, err);
    }

    if (rc == 0) {
        agent_revocation_file_publish(file, word);
    }

    return rc;
}


static uint64_t
size_of(const char *name)
{
    struct stat  st;

    return stat(name, &st) == 0 ? (uint64_t) st.st_size : 0;
}


/* SIGXFSZ is as it is by default: the test would end */

static void
limited(agent_revocation_file_t *file)
{
    char           err[AGENT_ERROR_LEN];
    uint64_t       size, word;
    struct rlimit  old, limit;

    size = size_of(path);
    word = agent_revocation_file_word(file);

    ok(agent_revocation_size(word) == size, "all of it is in force");

    if (getrlimit(RLIMIT_FSIZE, &old) != 0) {
        return;
    }

    limit = old;
    limit.rlim_cur = size + 10;
    (void) setrlimit(RLIMIT_FSIZE, &limit);

    ok(append(file, "second", err) == -1, "beyond the limit");
    ok(strstr(err, "File too large") != NULL, "it is said, %s", err);
    ok(size_of(path) == size, "nothing of it is there");
    ok(agent_revocation_file_word(file) == word, "or in force");

    (void) setrlimit(RLIMIT_FSIZE, &old);

    ok(append(file, "third", err) == 0, "without the limit it goes on");
    ok(size_of(path) > size, "with a line");
}


static void
linked(agent_revocation_file_t *file)
{
    char                     err[AGENT_ERROR_LEN];
    uint64_t                 word, bad, size;
    agent_revocation_file_t  second;

    size = size_of(path);

    ok(rename(path, other) == 0 && symlink(other, path) == 0, "a link");
    ok(append(file, "fourth", err) == -1 && size_of(other) == size,
       "nothing is written beyond it");
    ok(agent_revocation_file_settle(file, 1, &word, &bad, err) == -1,
       "nor is it adopted");
    ok(agent_revocation_file_open(&second, path, 1, (uid_t) -1, (gid_t) -1,
                                  err) == -1, "or opened: %s", err);

    ok(unlink(path) == 0 && rename(other, path) == 0
       && append(file, "fifth", err) == 0, "it is back");

    /* the same with the lock */

    ok(rename(lock, other) == 0 && symlink(other, lock) == 0, "a linked lock");
    ok(append(file, "sixth", err) == -1, "is nobody's");
    ok(agent_revocation_file_own(file, err) == -1, "and not taken");
    ok(unlink(lock) == 0 && rename(other, lock) == 0
       && append(file, "seventh", err) == 0, "it is back");
}


static void
cut(agent_revocation_file_t *file)
{
    char      err[AGENT_ERROR_LEN];
    uint64_t  size, word, bad;

    size = size_of(path);

    ok(truncate(path, (off_t) size - 1) == 0, "somebody cut the last line");
    ok(append(file, "eighth", err) == -1 && size_of(path) == size - 1,
       "nothing is put behind it");
    ok(agent_revocation_file_settle(file, 1, &word, &bad, err) == 0
       && agent_revocation_epoch(word)
          > agent_revocation_epoch(agent_revocation_file_word(file))
       && agent_revocation_size(word) < size - 1,
       "a reload takes what is whole");

    agent_revocation_file_publish(file, word);

    ok(append(file, "ninth", err) == 0
       && size_of(path)
          == agent_revocation_size(agent_revocation_file_word(file)),
       "and it goes on");
}
