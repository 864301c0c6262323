
/*
 * Answers of HTTP servers: however the octets are split, the outcome and the
 * body are the same, and nothing is taken from outside the input.
 */

#include "agent_http.h"

#include <stdlib.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static agent_http_e feed(const uint8_t *data, size_t size, size_t step,
    uint8_t *body, size_t *len, unsigned *status);


#define HEAD  4096
#define BODY  65536


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t          len, again;
    unsigned        status, other;
    agent_http_e    whole, split;

    static uint8_t  one[BODY], two[BODY];

    if (size == 0) {
        return 0;
    }

    whole = feed(data, size, size, one, &len, &status);
    split = feed(data, size, 1 + data[0] % 7, two, &again, &other);

    if (whole != split) {
        abort();
    }

    if (whole == AGENT_HTTP_DONE
        && (status != other || len != again || memcmp(one, two, len) != 0))
    {
        abort();
    }

    return 0;
}


static agent_http_e
feed(const uint8_t *data, size_t size, size_t step, uint8_t *body, size_t *len,
    unsigned *status)
{
    size_t          n;
    uint8_t         head[HEAD];
    agent_str_t     in, part;
    agent_http_t    http;
    agent_http_e    rc;

    agent_http_init(&http, head, sizeof(head), BODY, NULL, 0);

    *len = 0;
    rc = AGENT_HTTP_AGAIN;

    while (size && rc == AGENT_HTTP_AGAIN) {

        n = size < step ? size : step;

        in.data = data;
        in.len = n;

        while ((rc = agent_http_parse(&http, &in, &part)) == AGENT_HTTP_BODY) {

            if (part.data < data || part.data + part.len > data + n
                || part.len > BODY - *len)
            {
                abort();
            }

            memcpy(body + *len, part.data, part.len);
            *len += part.len;
        }

        data += n;
        size -= n;
    }

    if (rc == AGENT_HTTP_AGAIN) {
        rc = agent_http_eof(&http);
    }

    *status = http.status;

    return rc;
}
