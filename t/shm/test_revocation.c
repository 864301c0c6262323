
/*
 * Without this a worker that is killed while it takes what is over out of the
 * table of revocations would leave all others refusing for ever, and while one
 * does so all would say that the state file cannot be read.
 */

#include "ngx_agent_revocation_zone.h"
#include "shim.h"
#include "tap.h"

#include <sys/wait.h>
#include <unistd.h>


#define POOL     (64 * 4096)
#define ENTRIES  3


static void table_new(void);
static void file_new(void);
static void line(const char *value);
static ngx_int_t follow(void);
static int found(const char *value);
static void killed(void);
static void under_way(void);
static void lock_anew(void);


static char                            dir[] = "/tmp/revocation-XXXXXX";
static char                            path[64], lock[64];
static ngx_agent_revocation_zone_t     zone;
static ngx_agent_revocation_process_t  process;


int
main(void)
{
    if (mkdtemp(dir) == NULL) {
        return 2;
    }

    snprintf(path, sizeof(path), "%s/state", dir);
    snprintf(lock, sizeof(lock), "%s/state.lock", dir);

    table_new();
    file_new();

    killed();
    under_way();
    lock_anew();

    agent_revocation_file_close(&process.file);
    unlink(path);
    unlink(lock);
    rmdir(dir);

    return tap_done();
}


static void
table_new(void)
{
    ngx_slab_pool_t            *pool;
    ngx_agent_revocation_sh_t  *sh;

    pool = shim_pool(POOL);
    sh = ngx_slab_calloc(pool, sizeof(ngx_agent_revocation_sh_t));

    ok(ngx_agent_revocation_table_create(&zone.table, pool, sh) == NGX_OK,
       "a table");

    zone.process = &process;
    process.buf = malloc(AGENT_REVOCATION_BUFFER);
    process.text = malloc(AGENT_REVOCATION_LINE_MAX);
    process.ops = calloc(NGX_AGENT_REVOCATION_CHUNK,
                         sizeof(ngx_agent_revocation_op_t));
    process.ends = calloc(NGX_AGENT_REVOCATION_CHUNK, sizeof(uint64_t));
}


static void
file_new(void)
{
    char      err[AGENT_ERROR_LEN], value[16];
    uint64_t  word, bad;
    unsigned  i;

    ok(agent_revocation_file_open(&process.file, path, 1, (uid_t) -1,
                                  (gid_t) -1, err) == 0, "a file");
    ok(agent_revocation_file_settle(&process.file, 1, &word, &bad, err) == 0,
       "is adopted");
    agent_revocation_file_publish(&process.file, word);

    for (i = 0; i < ENTRIES; i++) {
        snprintf(value, sizeof(value), "agent-%u", i);
        line(value);
    }
}


static void
line(const char *value)
{
    char                err[AGENT_ERROR_LEN];
    uint8_t             text[AGENT_REVOCATION_LINE_MAX];
    uint64_t            word, bad;
    agent_revocation_t  rev;

    memset(&rev, 0, sizeof(rev));

    rev.op = AGENT_REVOKE;
    rev.kind = AGENT_REVOKED_AGENT;
    rev.at = 1800000000000;
    rev.before = AGENT_REVOCATION_NONE;
    rev.expires = AGENT_REVOCATION_NONE;
    rev.id.data = (const uint8_t *) "an-id";
    rev.id.len = 5;
    rev.value.data = (const uint8_t *) value;
    rev.value.len = strlen(value);

    ok(agent_revocation_file_settle(&process.file, 0, &word, &bad, err) == 0
       && agent_revocation_file_append(&process.file, text,
                                       agent_revocation_write(text, &rev),
                                       &word, err) == 0,
       "a line, %s", value);

    agent_revocation_file_publish(&process.file, word);
}


static ngx_int_t
follow(void)
{
    char      err[AGENT_ERROR_LEN];
    uint64_t  bad;

    return ngx_agent_revocation_follow(&zone, 16, &bad, err);
}


static int
found(const char *value)
{
    agent_revocation_t         rev;
    ngx_agent_revocation_op_t  op;

    memset(&rev, 0, sizeof(rev));
    rev.kind = AGENT_REVOKED_AGENT;
    rev.value.data = (const uint8_t *) value;
    rev.value.len = strlen(value);

    ngx_agent_revocation_op(&zone, &rev, &op);

    return ngx_agent_revocation_table_find(&zone.table, op.hash) != NULL;
}


static void
killed(void)
{
    ok(follow() == NGX_OK && found("agent-0") && found("agent-2"),
       "what is in the file is in the table");

    /* all was applied: there is nothing to be read that would help */

    zone.table.sh->version++;
    zone.table.heads[0] = 77;
    memset(zone.table.heads, 0, zone.table.capacity * sizeof(uint32_t));

    ok(follow() == NGX_OK, "somebody was killed who took entries away");
    ok(found("agent-0") && found("agent-1") && found("agent-2"),
       "it is filled anew");
    ok((zone.table.sh->version & 1) == 0, "and whole");
}


static void
under_way(void)
{
    int    status;
    pid_t  pid;

    pid = fork();

    if (pid == 0) {
        shim_child();
        _exit(ngx_agent_revocation_table_lock(&zone.table) == NGX_OK ? 0 : 1);
    }

    ok(waitpid(pid, &status, 0) == pid && status == 0, "another has the mutex");

    zone.table.sh->version++;
    ok(follow() == NGX_BUSY, "who takes entries away: it is to wait for that");
    zone.table.sh->version++;

    *zone.table.shpool->mutex.lock = 0;
    ok(follow() == NGX_OK, "it is done");
}


/* the epoch of a new lock may be below that of what the table has */

static void
lock_anew(void)
{
    char      err[AGENT_ERROR_LEN];
    uint64_t  word, bad, high;

    high = agent_revocation_word(AGENT_REVOCATION_EPOCH_MAX - 2, 0);
    ngx_agent_revocation_table_clear(&zone.table, high);

    unlink(lock);

    ok(agent_revocation_file_settle(&process.file, 0, &word, &bad, err) == -1,
       "others would lock another file");

    agent_revocation_file_close(&process.file);

    ok(agent_revocation_file_open(&process.file, path, 1, (uid_t) -1,
                                  (gid_t) -1, err) == 0, "a lock made anew");

    zone.table.sh->applied = 0;
    ok(follow() == NGX_BUSY && zone.table.sh->applied == 0,
       "is not followed before it says of what");
    zone.table.sh->applied = high;

    ok(agent_revocation_file_settle(&process.file, 1, &word, &bad, err) == 0
       && agent_revocation_file_exceed(&process.file, high, &word, err) == 0,
       "it is adopted");
    agent_revocation_file_publish(&process.file, word);

    ok(follow() == NGX_OK && found("agent-0") && found("agent-2"),
       "the table has what the file has");

    line("later");
    ok(follow() == NGX_OK && found("later"), "and what comes later");

    /* whoever starts while it is cut has no page to look at */

    ok(truncate(lock, 0) == 0
       && agent_revocation_file_own(&process.file, err) == -1
       && follow() == NGX_ERROR, "one that was cut is not looked at");
}
