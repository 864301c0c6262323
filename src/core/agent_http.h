
/*
 * Answers of HTTP/1.1 servers to GET and POST: RFC 9112.  Strict: whatever
 * two readers could frame in two ways is refused.
 */

#ifndef _AGENT_HTTP_H_INCLUDED_
#define _AGENT_HTTP_H_INCLUDED_


#include "agent_str.h"


/* octets: a status line; a line with the size of a chunk; both with CRLF */

#define AGENT_HTTP_STATUS_LINE  1024
#define AGENT_HTTP_CHUNK_LINE   256


typedef enum {
    AGENT_HTTP_AGAIN = 0,   /* all octets are taken, more are needed */
    AGENT_HTTP_BODY,        /* there is some body; call again with the rest */
    AGENT_HTTP_DONE,        /* the answer is complete */
    AGENT_HTTP_BAD,         /* it is none, or one that can be misread */
    AGENT_HTTP_TOO_LARGE    /* the status line, the head or the body */
} agent_http_e;


/* a field that the caller asks for */

typedef struct {
    agent_str_t   name;
    agent_str_t   value;    /* of the first one; data is NULL without */
} agent_http_field_t;


typedef struct {
    /* set by agent_http_init() */
    uint8_t             *head;
    size_t               size;
    uint64_t             max_body;
    agent_http_field_t  *fields;
    size_t               nfields;

    /* known once there is body or the answer is complete; the strings point
       into head */
    unsigned             status;        /* 200 to 599 */
    unsigned             minor;         /* HTTP/1.minor, 0 or 1 */
    agent_str_t          content_type;  /* data is NULL without */
    agent_str_t          retry_after;   /* likewise; seconds or a date */
    int64_t              max_age;       /* seconds for which Cache-Control
                                           lets the answer be kept, its Age
                                           taken off; -1 where it is silent */
    unsigned             keepalive;     /* 1 where the connection stays */

    /* why the answer is refused: text without octets of the answer */
    const char          *reason;

    /* private */
    unsigned             state;
    size_t               pos;           /* of head */
    size_t               line;          /* where the line begins in head */
    size_t               trailer;       /* where lines of chunks begin */
    uint64_t             length;        /* left of the body or the chunk */
    uint64_t             total;         /* octets of body so far */
    int64_t              age;
    unsigned             has_length:1;
    unsigned             chunked:1;
    unsigned             close:1;
    unsigned             persistent:1;
} agent_http_t;


/*
 * Makes h ready for one answer.  head of size octets (16384 is plenty) takes
 * the status line, all fields, interim answers and trailers; it belongs to the
 * caller, as do the nfields fields, and both must last while h is used.
 * max_body is in octets.
 */

void agent_http_init(agent_http_t *h, uint8_t *head, size_t size,
    uint64_t max_body, agent_http_field_t *fields, size_t nfields);


/*
 * Takes octets off the front of *in, which may end anywhere.  With
 * AGENT_HTTP_BODY body points at what was found of it, inside of *in, at least
 * an octet.  With AGENT_HTTP_DONE what is left in *in does not belong to the
 * answer, and the connection is not to be used again.  After AGENT_HTTP_BAD
 * and AGENT_HTTP_TOO_LARGE each further call returns the same.
 *
 * Interim answers (1xx) are skipped, but for 101, which is bad.
 */

agent_http_e agent_http_parse(agent_http_t *h, agent_str_t *in,
    agent_str_t *body);


/*
 * The peer has closed: AGENT_HTTP_DONE where that ends the body (RFC 9112,
 * 6.3, case 8) or the answer was complete, else AGENT_HTTP_BAD.
 */

agent_http_e agent_http_eof(agent_http_t *h);


#endif /* _AGENT_HTTP_H_INCLUDED_ */
