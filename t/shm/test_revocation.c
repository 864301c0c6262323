
/*
 * Without this a worker that is killed while it writes to the table of
 * revocations would leave all others refusing for ever, all would refuse while
 * one takes out what is over, and what is in force could be overlooked then.
 */

#include "ngx_agent_revocation_zone.h"
#include "shim.h"
#include "tap.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>


#define POOL     (64 * 4096)
#define ENTRIES  3
#define LIVE     8
#define ROUNDS   200
#define SECONDS  60


static void table_new(void);
static void file_new(void);
static void line(const char *value);
static ngx_int_t follow(void);
static int found(const char *value);
static void killed(void);
static void under_way(void);
static void lock_anew(void);
static ngx_agent_revocation_op_t churn(uint64_t hash, int64_t expires);
static void fill(int64_t now, uint64_t from);
static void swept(void);
static void writer(void);
static void stress(void);


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
    swept();
    stress();

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


static ngx_agent_revocation_op_t
churn(uint64_t hash, int64_t expires)
{
    ngx_agent_revocation_op_t  op;

    memset(&op, 0, sizeof(op));

    /* of few chains, so that those have what stays and what goes */

    op.hash = hash % 64 << 58 | hash;
    op.op = AGENT_REVOKE;
    op.kind = AGENT_REVOKED_AGENT;
    op.before = AGENT_REVOCATION_NONE;
    op.expires = expires;

    return op;
}


/* under the mutex: as many as there is room for, which are over soon */

static void
fill(int64_t now, uint64_t from)
{
    ngx_agent_revocation_op_t  op;

    do {
        op = churn(++from, now + 500);
    } while (ngx_agent_revocation_table_room(&zone.table)
             && ngx_agent_revocation_table_apply(&zone.table, &op, now)
                == NGX_OK);
}


static void
swept(void)
{
    int                         i, there;
    uint64_t                    version;
    ngx_agent_revocation_op_t   op;
    ngx_agent_revocation_sh_t  *sh;

    sh = zone.table.sh;

    ngx_agent_revocation_table_lock(&zone.table);
    ngx_agent_revocation_table_clear(&zone.table, 0);

    for (i = 1; i <= LIVE; i++) {
        op = churn(i, AGENT_REVOCATION_NONE);
        ngx_agent_revocation_table_apply(&zone.table, &op, 1000);
    }

    fill(1000, LIVE);
    ok(ngx_agent_revocation_table_room(&zone.table) == 0, "it is full");

    version = sh->version;
    ngx_agent_revocation_table_sweep(&zone.table, 5000);

    ok(sh->version == version && (version & 1) == 0,
       "who reads need not begin anew while it is swept");
    ok(ngx_agent_revocation_table_room(&zone.table)
       == zone.table.capacity - LIVE, "what was over is gone");

    op = churn(LIVE + 1, 9000);
    ok(ngx_agent_revocation_table_apply(&zone.table, &op, 5000) == NGX_OK
       && (sh->version & 1), "but when an entry is used again");

    ngx_agent_revocation_table_unlock(&zone.table);
    ok(sh->version == version + 2, "until that is done");

    for (i = 1, there = 0; i <= LIVE; i++) {
        op = churn(i, 0);
        there += (ngx_agent_revocation_table_find(&zone.table, op.hash)
                  != NULL);
    }

    ok(there == LIVE, "what stays is there");
}


static void
writer(void)
{
    int64_t   now;
    uint64_t  from;

    shim_child();

    for (now = 10000, from = 1000; ; now += 1000, from += 100000) {

        if (ngx_agent_revocation_table_lock(&zone.table) != NGX_OK) {
            continue;
        }

        ngx_agent_revocation_table_sweep(&zone.table, now);
        fill(now, from);

        ngx_agent_revocation_table_unlock(&zone.table);
    }
}


/* one reads what stays while another sweeps and fills */

static void
stress(void)
{
    pid_t                       pid;
    time_t                      end;
    uint64_t                    version, reads, anew, missed, rounds, i;
    ngx_agent_revocation_op_t   op;
    ngx_agent_revocation_sh_t  *sh;

    sh = zone.table.sh;
    reads = anew = missed = 0;
    rounds = sh->version;
    end = time(NULL) + SECONDS;

    pid = fork();

    if (pid == 0) {
        writer();
    }

    version = rounds;

    for (i = 0;
         version - rounds < 2 * ROUNDS && (i % 256 || time(NULL) < end);
         i++)
    {
        version = ngx_agent_revocation_load(&sh->version);
        op = churn(1 + i % LIVE, 0);

        if (version & 1) {
            anew++;
            continue;
        }

        if (ngx_agent_revocation_table_find(&zone.table, op.hash) != NULL) {
            reads++;
            continue;
        }

        __atomic_thread_fence(__ATOMIC_ACQUIRE);

        if (ngx_agent_revocation_load(&sh->version) == version) {
            missed++;
        } else {
            anew++;
        }
    }

    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);

    printf("# %llu found, %llu to be read anew, %llu rounds\n",
           (unsigned long long) reads, (unsigned long long) anew,
           (unsigned long long) (sh->version - rounds) / 2);

    ok(reads && anew && version - rounds >= 2 * ROUNDS,
       "it was read and written");
    ok(missed == 0, "nothing that is in force was overlooked");
}
