
/*
 * Answers of HTTP servers, split at every octet.  Without this an answer that
 * comes in pieces could read differently, or one that is framed in two ways
 * could be admitted.
 */

#include "tap.h"

#include "agent_http.h"


#define LARGE  AGENT_HTTP_TOO_LARGE
#define BAD    AGENT_HTTP_BAD
#define OK     AGENT_HTTP_DONE

#define H      "HTTP/1.1 200 OK\r\n"


typedef struct {
    const char    *text;
    agent_http_e   rc;
    const char    *body;
} sample_t;


static agent_http_e run(const char *text, size_t split, char *body);


static const sample_t  samples[] = {
    { H "Content-Length: 2\r\n\r\nab", OK, "ab" },
    { H "Content-Length: 0\r\n\r\n", OK, "" },
    { H "\r\nto the end", OK, "to the end" },
    { "HTTP/1.1 204\r\n\r\n", OK, "" },
    { "HTTP/1.1 103 x\r\nA: b\r\n\r\n" H "Content-Length: 1\r\n\r\nx",
      OK, "x" },
    { H "Transfer-Encoding: Chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\n"
      "T: v\r\n\r\n", OK, "abc" },
    { H "Transfer-Encoding: chunked\r\n\r\n2 \t;x\r\nab\r\n0;\r\n\r\n", OK,
      "ab" },
    { H "Content-Encoding: identity\r\nContent-Length: 1\r\n\r\nx", OK, "x" },

    { H "Content-Length: 3\r\n\r\nab", BAD, NULL },
    { H "Content-Length: 2\r\nContent-Length: 2\r\n\r\nab", BAD, NULL },
    { H "Content-Length: 2, 2\r\n\r\nab", BAD, NULL },
    { H "Content-Length: +2\r\n\r\nab", BAD, NULL },
    { H "Content-Length: \r\n\r\nab", BAD, NULL },
    { H "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      BAD, NULL },
    { H "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", BAD, NULL },
    { "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      BAD, NULL },
    { H "Transfer-Encoding: chunked\r\n\r\ng\r\n", BAD, NULL },
    { H "Transfer-Encoding: chunked\r\n\r\n\r\n", BAD, NULL },
    { H "Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n", BAD, NULL },
    { H "Transfer-Encoding: chunked\r\n\r\n-1\r\n", BAD, NULL },
    { H "Transfer-Encoding: chunked\r\n\r\n1 \r\na\r\n", BAD, NULL },
    { H "Transfer-Encoding: chunked\r\n\r\n1 a\r\na\r\n", BAD, NULL },
    { H "Transfer-Encoding: chunked\r\n\r\n ;x\r\na\r\n", BAD, NULL },
    { H "Transfer-Encoding: chunked\r\n\r\n0\r\n", BAD, NULL },
    { H "Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", BAD, NULL },
    { H "A: b\r\n folded\r\n\r\n", BAD, NULL },
    { H "A : b\r\n\r\n", BAD, NULL },
    { H "A: b\n\r\n", BAD, NULL },
    { H "A: b\rc\r\n\r\n", BAD, NULL },
    { H "A: \1\r\n\r\n", BAD, NULL },
    { "HTTP/1.1 101 x\r\n\r\n", BAD, NULL },
    { "HTTP/2 200\r\n\r\n", BAD, NULL },
    { "HTTP/1.1 2000\r\n\r\n", BAD, NULL },

    { H "Content-Length: 17\r\n\r\n", LARGE, NULL },
    { H "\r\n12345678901234567", LARGE, NULL },
    { H "Transfer-Encoding: chunked\r\n\r\n11\r\n", LARGE, NULL },
    { H "Transfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n", LARGE, NULL }
};


int
main(void)
{
    char      body[64];
    size_t    i, k, len, wrong;

    for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        len = strlen(samples[i].text);

        for (k = 0, wrong = 0; k <= len; k++) {
            wrong += run(samples[i].text, k, body) != samples[i].rc;
            wrong += samples[i].body && strcmp(body, samples[i].body) != 0;
        }

        ok(wrong == 0, "sample %d, split at each octet", (int) i);
    }

    return tap_done();
}


static agent_http_e
run(const char *text, size_t split, char *body)
{
    size_t        part, n;
    uint8_t       head[512];
    agent_str_t   in, found;
    agent_http_t  h;
    agent_http_e  rc;

    agent_http_init(&h, head, sizeof(head), 16, NULL, 0);

    for (part = 0, n = 0; part < 2; part++) {
        in.data = (const uint8_t *) text + (part ? split : 0);
        in.len = part ? strlen(text) - split : split;

        do {
            rc = agent_http_parse(&h, &in, &found);

            if (rc == AGENT_HTTP_BODY) {
                memcpy(body + n, found.data, found.len);
                n += found.len;
            }

        } while (rc == AGENT_HTTP_BODY);
    }

    body[n] = '\0';

    return rc == AGENT_HTTP_AGAIN ? agent_http_eof(&h) : rc;
}
