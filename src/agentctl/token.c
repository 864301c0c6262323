
#include "token.h"
#include "agent_digest.h"
#include "agentctl.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <unistd.h>


#define CTL_TOKEN_MAX  65536


static int ctl_token_input(uint8_t *buf, size_t *len);


int
ctl_token_digest(char *hex)
{
    int       rc;
    size_t    i, len;
    uint8_t  *buf, digest[AGENT_SHA256_LEN];

    buf = ctl_alloc(CTL_TOKEN_MAX + 1);

    rc = ctl_token_input(buf, &len);

    if (rc == CTL_DONE) {

        if (len && buf[len - 1] == '\n') {
            len--;
        }

        for (i = 0; i < len && buf[i] > ' ' && buf[i] < 0x7f; i++) {
            /* void */
        }

        if (len == 0 || len > CTL_TOKEN_MAX || i < len) {
            ctl_error("what standard input has is no token: one line without "
                      "spaces");
            rc = CTL_REFUSED;

        } else {
            agent_sha256(buf, len, digest);
            agent_hex((uint8_t *) hex, digest, AGENT_SHA256_LEN);
            hex[2 * AGENT_SHA256_LEN] = '\0';
        }
    }

    OPENSSL_cleanse(buf, CTL_TOKEN_MAX + 1);
    free(buf);

    return rc;
}


static int
ctl_token_input(uint8_t *buf, size_t *len)
{
    ssize_t  n;

    *len = 0;

    while (*len <= CTL_TOKEN_MAX) {

        n = read(STDIN_FILENO, buf + *len, CTL_TOKEN_MAX + 1 - *len);

        if (n == 0) {
            break;
        }

        if (n == -1 && errno == EINTR) {
            continue;
        }

        if (n == -1) {
            ctl_error_errno(errno, "standard input cannot be read");
            return CTL_REFUSED;
        }

        *len += (size_t) n;
    }

    return CTL_DONE;
}
