
#include "ngx_agent_process.h"


/* of /proc/<pid>/stat, and where in it the start time is, counted after ')' */

#define NGX_AGENT_STAT_LEN    1024
#define NGX_AGENT_STAT_START  20


static ngx_uint_t ngx_agent_process_lives(ngx_pid_t pid, uint64_t *start);
static uint64_t ngx_agent_process_stat(ngx_pid_t pid, u_char *state);


ngx_uint_t
ngx_agent_process_runs(ngx_pid_t pid, uint64_t start)
{
    uint64_t  now;

    return ngx_agent_process_lives(pid, &now) && (now == 0 || now == start);
}


ngx_atomic_uint_t
ngx_agent_process_word(void)
{
    return (ngx_atomic_uint_t) (ngx_agent_process_own() << 32
                                | (uint32_t) ngx_pid);
}


ngx_uint_t
ngx_agent_process_word_runs(ngx_atomic_uint_t word)
{
    uint64_t   now;
    uint32_t   start;
    ngx_pid_t  pid;

    pid = (ngx_pid_t) (uint32_t) word;
    start = (uint32_t) ((uint64_t) word >> 32);

    return ngx_agent_process_lives(pid, &now)
           && (now == 0 || start == 0 || (uint32_t) now == start);
}


/* whether there is a process of this pid that is not dead, and its start */

static ngx_uint_t
ngx_agent_process_lives(ngx_pid_t pid, uint64_t *start)
{
    u_char  state;

    if (kill(pid, 0) == -1 && ngx_errno == NGX_ESRCH) {
        return 0;
    }

    *start = ngx_agent_process_stat(pid, &state);

    return state != 'Z' && state != 'X';
}


uint64_t
ngx_agent_process_own(void)
{
    static uint64_t   start;
    static ngx_pid_t  pid;

    if (pid != ngx_pid || start == 0) {
        start = ngx_agent_process_start(ngx_pid);
        pid = ngx_pid;
    }

    return start;
}


uint64_t
ngx_agent_process_start(ngx_pid_t pid)
{
    u_char  state;

    return ngx_agent_process_stat(pid, &state);
}


/* the state is a letter of proc(5), or 0 where nobody can tell */

static uint64_t
ngx_agent_process_stat(ngx_pid_t pid, u_char *state)
{
#if (NGX_LINUX)

    u_char      *p, *last, buf[NGX_AGENT_STAT_LEN];
    ssize_t      n;
    uint64_t     start;
    ngx_fd_t     fd;
    ngx_uint_t   field;

    *state = 0;

    (void) ngx_sprintf(buf, "/proc/%P/stat%Z", pid);

    fd = ngx_open_file(buf, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        return 0;
    }

    n = ngx_read_fd(fd, buf, NGX_AGENT_STAT_LEN);

    (void) ngx_close_file(fd);

    if (n <= 0) {
        return 0;
    }

    last = buf + n;

    /* the name of the program may hold spaces and parentheses */

    for (p = last; p > buf && p[-1] != ')'; p--) { /* void */ }

    if (last - p > 1) {
        *state = p[1];
    }

    for (field = 0; p < last && field < NGX_AGENT_STAT_START; p++) {
        if (*p == ' ') {
            field++;
        }
    }

    for (start = 0; p < last && *p >= '0' && *p <= '9'; p++) {
        start = start * 10 + (*p - '0');
    }

    return start;

#else

    *state = 0;

    return 0;

#endif
}
