
#include "http.h"
#include "agent_http.h"
#include "agent_json_tree.h"
#include "connect.h"
#include "options.h"
#include "print.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


#define CTL_HEAD_MAX   16384
#define CTL_TOKEN_MAX  16384


static int ctl_call_place(const ctl_t *ctl, const ctl_place_t *place,
    const char *method, const char *path, const char *body,
    ctl_answer_t *answer);
static int ctl_token(const ctl_t *ctl, char **token);
static int ctl_token_read(const char *path, char *buf, size_t *len);
static int ctl_exchange(ctl_connection_t *c, const char *request,
    ctl_answer_t *answer);
static int ctl_answer_read(ctl_connection_t *c, agent_http_t *h,
    ctl_answer_t *answer);
static int ctl_answer_refused(const ctl_answer_t *answer);
static void ctl_wipe(char *text);


int
ctl_call(const ctl_t *ctl, const char *method, const char *path,
    const char *body, ctl_answer_t *answer)
{
    int          rc;
    const char  *url;
    ctl_place_t  place;

    memset(answer, 0, sizeof(*answer));

    url = ctl_option(ctl, CTL_OPT_CONTROL);

    if (url == NULL) {
        url = getenv("AGENT_CONTROL");
    }

    if (url == NULL || url[0] == '\0') {
        ctl_error("where is the control API? give --control URL or set "
                  "AGENT_CONTROL");
        return CTL_USAGE;
    }

    if (ctl_place_parse(&place, url) != 0) {
        ctl_error("--control must be as unix:/run/gate.sock:/control, "
                  "http://localhost:8080/control or https://HOST/control");
        rc = CTL_USAGE;

    } else {
        rc = ctl_call_place(ctl, &place, method, path, body, answer);
    }

    ctl_place_free(&place);

    if (rc != CTL_DONE) {
        ctl_answer_free(answer);
    }

    return rc;
}


static int
ctl_call_place(const ctl_t *ctl, const ctl_place_t *place, const char *method,
    const char *path, const char *body, ctl_answer_t *answer)
{
    int                rc;
    char              *request, *token;
    ctl_connection_t   c;

    rc = ctl_token(ctl, &token);

    if (rc != CTL_DONE) {
        return rc;
    }

    request = ctl_format("%s %s%s HTTP/1.1\r\n"
                         "Host: %s\r\n"
                         "User-Agent: agentctl\r\n"
                         "Accept: application/json\r\n"
                         "Connection: close\r\n"
                         "%s%s%s"
                         "%s"
                         "Content-Length: %zu\r\n\r\n%s",
                         method, place->prefix, path, place->authority,
                         token ? "Authorization: Bearer " : "",
                         token ? token : "", token ? "\r\n" : "",
                         body ? "Content-Type: application/json\r\n" : "",
                         body ? strlen(body) : 0, body ? body : "");

    rc = ctl_connect(ctl, place, &c);

    if (rc == CTL_DONE) {
        rc = ctl_exchange(&c, request, answer);
    }

    ctl_disconnect(&c);

    ctl_wipe(request);
    ctl_wipe(token);

    return rc == CTL_DONE ? ctl_answer_refused(answer) : rc;
}


/* the content of --token-file, or NULL without it */

static int
ctl_token(const ctl_t *ctl, char **token)
{
    size_t       i, len;
    char        *buf;
    const char  *path;

    *token = NULL;

    path = ctl_option(ctl, CTL_OPT_TOKEN_FILE);

    if (path == NULL) {
        return CTL_DONE;
    }

    buf = ctl_alloc(CTL_TOKEN_MAX + 1);

    if (ctl_token_read(path, buf, &len) != 0) {
        free(buf);
        return CTL_REFUSED;
    }

    if (len && buf[len - 1] == '\n') {
        len--;
    }

    buf[len] = '\0';

    for (i = 0; i < len && buf[i] > ' ' && buf[i] < 0x7f; i++) {
        /* void */
    }

    if (len == 0 || i < len) {
        ctl_wipe(buf);
        ctl_error("what --token-file names is no token or key: one line "
                  "without spaces");
        return CTL_REFUSED;
    }

    *token = buf;

    return CTL_DONE;
}


static int
ctl_token_read(const char *path, char *buf, size_t *len)
{
    int      fd, err;
    ssize_t  n;

    fd = open(path, O_RDONLY|O_CLOEXEC);

    if (fd == -1) {
        ctl_error_errno(errno, "%s cannot be read", path);
        return -1;
    }

    *len = 0;

    do {
        n = read(fd, buf + *len, CTL_TOKEN_MAX - *len);

        if (n > 0) {
            *len += (size_t) n;
        }

    } while (n > 0 || (n == -1 && errno == EINTR));

    err = errno;
    (void) close(fd);

    if (n == -1) {
        OPENSSL_cleanse(buf, *len);
        ctl_error_errno(err, "%s cannot be read", path);
        return -1;
    }

    return 0;
}


static int
ctl_exchange(ctl_connection_t *c, const char *request, ctl_answer_t *answer)
{
    int            rc;
    uint8_t       *head;
    agent_http_t   h;

    if (ctl_send(c, request, strlen(request)) != 0) {
        return CTL_REFUSED;
    }

    head = ctl_alloc(CTL_HEAD_MAX);

    agent_http_init(&h, head, CTL_HEAD_MAX, CTL_ANSWER_MAX, NULL, 0);

    rc = ctl_answer_read(c, &h, answer);

    free(head);

    return rc;
}


static int
ctl_answer_read(ctl_connection_t *c, agent_http_t *h, ctl_answer_t *answer)
{
    long          n;
    uint8_t       buf[8192];
    agent_str_t   in, body;
    agent_http_e  rc;

    answer->body = ctl_alloc(CTL_ANSWER_MAX + 1);
    answer->len = 0;

    do {
        n = ctl_receive(c, buf, sizeof(buf));

        if (n == -1) {
            return CTL_REFUSED;
        }

        in.data = buf;
        in.len = (size_t) n;

        rc = (n == 0) ? agent_http_eof(h) : agent_http_parse(h, &in, &body);

        while (rc == AGENT_HTTP_BODY) {

            /* not longer than it may be, says the parser */

            memcpy(answer->body + answer->len, body.data, body.len);
            answer->len += body.len;

            rc = agent_http_parse(h, &in, &body);
        }

    } while (rc == AGENT_HTTP_AGAIN);

    if (rc != AGENT_HTTP_DONE) {
        ctl_error("the answer is not one of HTTP, or too long%s%s",
                  h->reason ? ": " : "", h->reason ? h->reason : "");
        return CTL_REFUSED;
    }

    answer->body[answer->len] = '\0';
    answer->status = h->status;
    answer->json = agent_json_tree((uint8_t *) answer->body, answer->len, 0);

    return CTL_DONE;
}


/* what it says of itself may be anything */

static int
ctl_answer_refused(const ctl_answer_t *answer)
{
    char          *shown;
    agent_str_t    text;
    const json_t  *detail;

    if (answer->status >= 200 && answer->status < 300) {
        return CTL_DONE;
    }

    detail = json_object_get(answer->json, "detail");

    if (!json_is_string(detail)) {
        ctl_error("refused with status %u", answer->status);
        return CTL_REFUSED;
    }

    text.data = (const uint8_t *) json_string_value(detail);
    text.len = json_string_length(detail);

    shown = ctl_shown(&text, 0);
    ctl_error("refused with status %u: %s", answer->status, shown);
    free(shown);

    return CTL_REFUSED;
}


void
ctl_answer_free(ctl_answer_t *answer)
{
    json_decref(answer->json);
    free(answer->body);

    memset(answer, 0, sizeof(*answer));
}


static void
ctl_wipe(char *text)
{
    if (text) {
        OPENSSL_cleanse(text, strlen(text));
        free(text);
    }
}


char *
ctl_url_escaped(const char *text)
{
    char           *escaped, *p;
    unsigned char   c;

    static const char  hex[] = "0123456789ABCDEF";

    escaped = ctl_alloc(3 * strlen(text) + 1);
    p = escaped;

    while ((c = (unsigned char) *text++) != '\0') {

        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
            || (c >= 'A' && c <= 'Z') || strchr("-._~", c))
        {
            *p++ = (char) c;
            continue;
        }

        *p++ = '%';
        *p++ = hex[c >> 4];
        *p++ = hex[c & 15];
    }

    *p = '\0';

    return escaped;
}
