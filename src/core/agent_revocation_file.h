
/*
 * The state file of revocations.  It only grows, by whole lines, until it is
 * replaced by a shorter one that says the same.  Whoever appends holds a lock;
 * whoever reads follows a word in a small file beside it, PATH.lock, which all
 * map: how much of the file is in force.
 */

#ifndef _AGENT_REVOCATION_FILE_H_INCLUDED_
#define _AGENT_REVOCATION_FILE_H_INCLUDED_


#include "agent_error.h"
#include "agent_revocation.h"

#include <sys/types.h>


/*
 * A word: which file it is, its epoch, which grows with each that takes the
 * place of another, and how many octets of it are in force.  A larger word is
 * a later one.
 */

#define AGENT_REVOCATION_SHIFT       44

#define agent_revocation_word(epoch, size)                                    \
    ((uint64_t) (epoch) << AGENT_REVOCATION_SHIFT | (uint64_t) (size))

#define agent_revocation_epoch(word)  ((word) >> AGENT_REVOCATION_SHIFT)

#define agent_revocation_size(word)                                           \
    ((word) & (((uint64_t) 1 << AGENT_REVOCATION_SHIFT) - 1))


/* no more files are replaced then: a later word must be larger */

#define AGENT_REVOCATION_EPOCH_MAX   0xffff0


/* what all map; written under the lock, the word last */

typedef struct {
    uint32_t                    magic;
    uint32_t                    layout;
    uint64_t                    word;
    uint64_t                    prev;   /* of the file that was replaced */
    uint64_t                    base;   /* of what said the same */
    uint64_t                    dev;    /* of the file */
    uint64_t                    ino;
} agent_revocation_shared_t;


typedef struct {
    char                       *path;
    char                       *lock_path;
    int                         fd;
    int                         lock;
    uint64_t                    epoch;  /* of fd */
    agent_revocation_shared_t  *shared;
} agent_revocation_file_t;


/* lines between two offsets, one by one */

typedef struct {
    int                         fd;
    uint64_t                    offset; /* of the next line */
    uint64_t                    end;
    uint8_t                    *buf;
    size_t                      have;   /* octets in buf, and of these read */
    size_t                      used;
} agent_revocation_reader_t;


#define AGENT_REVOCATION_BUFFER      65536


/*
 * Opens the state file and the one beside it, and maps that.  create: both are
 * made where they are missing; uid, gid: whose they become, (uid_t) -1: whose
 * they are.  Returns 0, or -1 with err set and nothing open.
 */

int agent_revocation_file_open(agent_revocation_file_t *file,
    const char *path, int create, uid_t uid, gid_t gid, char *err);
void agent_revocation_file_close(agent_revocation_file_t *file);


/*
 * Opens both anew for this process, since a lock belongs to whoever opened it,
 * in this process or a parent; the map is kept.  Returns 0, or -1 with err set
 * and file as it was, but without a map where its file was cut: to look at that
 * would end the process.
 */

int agent_revocation_file_own(agent_revocation_file_t *file, char *err);


/* opens the file that is in the place of the one that was replaced: 0 or -1 */

int agent_revocation_file_follow(agent_revocation_file_t *file, char *err);


/* 1: the lock is ours; 0: it is taken; -1: it cannot be had.  unlock: only
 * where it is ours */

int agent_revocation_file_trylock(agent_revocation_file_t *file);

/* waits some seconds: 0, or -1 with err set */

int agent_revocation_file_wait(agent_revocation_file_t *file, char *err);
void agent_revocation_file_unlock(agent_revocation_file_t *file);


/* 1: what we lock and look at is what others do, at PATH.lock */

int agent_revocation_file_shared(const agent_revocation_file_t *file);


/*
 * Under the lock, before anything is appended or replaced: what is behind the
 * octets in force is of a writer who died.  Whole lines come into force, what
 * is left is cut off.  adopt: a file that somebody put there or cut is taken
 * for a new one, of which all lines are new; else that is an error, as it is
 * when others lock another file by now.
 *
 * Returns 0 with *word set to what is to be published, or -1 with err set;
 * *bad: the offset of a line that cannot be read, else UINT64_MAX.
 */

int agent_revocation_file_settle(agent_revocation_file_t *file, int adopt,
    uint64_t *word, uint64_t *bad, char *err);


/*
 * Under the lock, after agent_revocation_file_settle(): appends len octets,
 * whole lines, and brings them to the disk.  *word is moved on.  Returns 0, or
 * -1 with err set and the file as it was.
 */

int agent_revocation_file_append(agent_revocation_file_t *file,
    const uint8_t *lines, size_t len, uint64_t *word, char *err);


/*
 * Under the lock, before that is published: where a table has more than *word,
 * PATH.lock is another one than that which the table followed, and *word goes
 * beyond: a lesser one would never be followed.  Returns 0, or -1 with err set.
 */

int agent_revocation_file_exceed(agent_revocation_file_t *file,
    uint64_t applied, uint64_t *word, char *err);


/* under the lock: all processes are to see it */

void agent_revocation_file_publish(agent_revocation_file_t *file,
    uint64_t word);


/*
 * Under the lock: puts the file temp (its path, open as fd, complete) in the
 * place of the file, which it says the same as up to *word.  *word is that of
 * the new one, to be published.  fd is the file's from then on.  Returns 0, or
 * -1 with err set, fd still being the caller's.
 */

int agent_revocation_file_replace(agent_revocation_file_t *file,
    const char *temp, int fd, uint64_t *word, char *err);


/* of a process that has no map: nothing has come so far */

#define AGENT_REVOCATION_UNKNOWN  UINT64_MAX


/* the word that is in force */

static inline uint64_t
agent_revocation_file_word(const agent_revocation_file_t *file)
{
    return file->shared ? __atomic_load_n(&file->shared->word,
                                          __ATOMIC_ACQUIRE)
                        : AGENT_REVOCATION_UNKNOWN;
}


/* buf: AGENT_REVOCATION_BUFFER octets of the caller */

void agent_revocation_reader_init(agent_revocation_reader_t *reader, int fd,
    uint64_t from, uint64_t to, uint8_t *buf);


/*
 * 1: a line of *len octets without its LF, at *offset; it is in the reader's
 * buffer.  0: none is left, reader->offset is where the whole lines end.  -1:
 * the file cannot be read, or a line at reader->offset is too long.
 */

int agent_revocation_reader_next(agent_revocation_reader_t *reader,
    const uint8_t **line, size_t *len, uint64_t *offset);


/* the number of the line at this offset, from 1 on; 0 where nobody can tell */

uint64_t agent_revocation_line_number(int fd, uint64_t offset);


#endif /* _AGENT_REVOCATION_FILE_H_INCLUDED_ */
