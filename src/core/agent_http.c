
#include "agent_http.h"
#include "agent_http_text.h"


typedef enum {
    AGENT_HTTP_ST_STATUS = 0,
    AGENT_HTTP_ST_FIELD,
    AGENT_HTTP_ST_LENGTH,
    AGENT_HTTP_ST_CLOSE,
    AGENT_HTTP_ST_CHUNK_SIZE,
    AGENT_HTTP_ST_CHUNK_DATA,
    AGENT_HTTP_ST_CHUNK_END,
    AGENT_HTTP_ST_TRAILER,
    AGENT_HTTP_ST_DONE,
    AGENT_HTTP_ST_BAD,
    AGENT_HTTP_ST_TOO_LARGE
} agent_http_state_e;


typedef agent_http_e (*agent_http_field_pt)(agent_http_t *h,
    const agent_str_t *value);

typedef struct {
    agent_str_t          name;
    agent_http_field_pt  handler;
} agent_http_known_t;


static agent_http_e agent_http_line_octet(agent_http_t *h, uint8_t c,
    int *complete);
static size_t agent_http_line_max(const agent_http_t *h);
static agent_http_e agent_http_line(agent_http_t *h);
static agent_http_e agent_http_status(agent_http_t *h,
    const agent_str_t *line);
static agent_http_e agent_http_field(agent_http_t *h,
    const agent_str_t *line);
static agent_http_e agent_http_split(agent_http_t *h, const agent_str_t *line,
    agent_str_t *name, agent_str_t *value);
static agent_http_e agent_http_head_end(agent_http_t *h);
static agent_http_e agent_http_chunk_size(agent_http_t *h,
    const agent_str_t *line);
static agent_http_e agent_http_take(agent_http_t *h, agent_str_t *in,
    agent_str_t *body);
static agent_http_e agent_http_count(agent_http_t *h, uint64_t len);
static agent_http_e agent_http_refuse(agent_http_t *h, const char *reason);
static agent_http_e agent_http_large(agent_http_t *h, const char *reason);

static agent_http_e agent_http_cache_control(agent_http_t *h,
    const agent_str_t *value);
static agent_http_e agent_http_age(agent_http_t *h, const agent_str_t *value);
static agent_http_e agent_http_connection(agent_http_t *h,
    const agent_str_t *value);
static agent_http_e agent_http_content_encoding(agent_http_t *h,
    const agent_str_t *value);
static agent_http_e agent_http_content_length(agent_http_t *h,
    const agent_str_t *value);
static agent_http_e agent_http_content_type(agent_http_t *h,
    const agent_str_t *value);
static agent_http_e agent_http_retry_after(agent_http_t *h,
    const agent_str_t *value);
static agent_http_e agent_http_transfer_encoding(agent_http_t *h,
    const agent_str_t *value);


static const agent_http_known_t  agent_http_known[] = {
    { agent_string("cache-control"), agent_http_cache_control },
    { agent_string("age"), agent_http_age },
    { agent_string("connection"), agent_http_connection },
    { agent_string("content-encoding"), agent_http_content_encoding },
    { agent_string("content-length"), agent_http_content_length },
    { agent_string("content-type"), agent_http_content_type },
    { agent_string("retry-after"), agent_http_retry_after },
    { agent_string("transfer-encoding"), agent_http_transfer_encoding }
};

#define AGENT_HTTP_KNOWN                                                      \
    (sizeof(agent_http_known) / sizeof(agent_http_known[0]))


void
agent_http_init(agent_http_t *h, uint8_t *head, size_t size,
    uint64_t max_body, agent_http_field_t *fields, size_t nfields)
{
    size_t  i;

    memset(h, 0, sizeof(agent_http_t));

    h->head = head;
    h->size = size;
    h->max_body = max_body;
    h->fields = fields;
    h->nfields = nfields;
    h->max_age = -1;
    h->state = AGENT_HTTP_ST_STATUS;

    for (i = 0; i < nfields; i++) {
        fields[i].value.len = 0;
        fields[i].value.data = NULL;
    }
}


agent_http_e
agent_http_parse(agent_http_t *h, agent_str_t *in, agent_str_t *body)
{
    int           complete;
    uint8_t       c;
    agent_http_e  rc;

    for ( ;; ) {

        switch (h->state) {

        case AGENT_HTTP_ST_DONE:
            return AGENT_HTTP_DONE;

        case AGENT_HTTP_ST_BAD:
            return AGENT_HTTP_BAD;

        case AGENT_HTTP_ST_TOO_LARGE:
            return AGENT_HTTP_TOO_LARGE;

        case AGENT_HTTP_ST_LENGTH:
        case AGENT_HTTP_ST_CLOSE:
        case AGENT_HTTP_ST_CHUNK_DATA:
            return agent_http_take(h, in, body);
        }

        if (in->len == 0) {
            return AGENT_HTTP_AGAIN;
        }

        c = *in->data;
        in->data++;
        in->len--;

        rc = agent_http_line_octet(h, c, &complete);

        if (rc == AGENT_HTTP_AGAIN && complete) {
            rc = agent_http_line(h);
        }

        if (rc != AGENT_HTTP_AGAIN) {
            return rc;
        }
    }
}


agent_http_e
agent_http_eof(agent_http_t *h)
{
    switch (h->state) {

    case AGENT_HTTP_ST_CLOSE:
        h->state = AGENT_HTTP_ST_DONE;
        return AGENT_HTTP_DONE;

    case AGENT_HTTP_ST_DONE:
        return AGENT_HTTP_DONE;

    case AGENT_HTTP_ST_BAD:
    case AGENT_HTTP_ST_TOO_LARGE:
        return AGENT_HTTP_BAD;

    default:
        return agent_http_refuse(h, "closed amid the answer");
    }
}


/* each octet is judged as it comes, so that no bad one is waited behind */

static agent_http_e
agent_http_line_octet(agent_http_t *h, uint8_t c, int *complete)
{
    int  cr;

    *complete = 0;

    if (h->pos == h->size || h->pos - h->line >= agent_http_line_max(h)) {
        return agent_http_large(h, "too long head");
    }

    cr = h->pos > h->line && h->head[h->pos - 1] == '\r';

    if (cr != (c == '\n')) {
        return agent_http_refuse(h, "CR or LF without the other");
    }

    /* RFC 9110, 5.5 */

    if ((c < 0x20 && c != '\r' && c != '\n' && c != '\t') || c == 0x7f) {
        return agent_http_refuse(h, "control character");
    }

    h->head[h->pos++] = c;
    *complete = cr;

    return AGENT_HTTP_AGAIN;
}


static size_t
agent_http_line_max(const agent_http_t *h)
{
    switch (h->state) {

    case AGENT_HTTP_ST_STATUS:
        return AGENT_HTTP_STATUS_LINE;

    case AGENT_HTTP_ST_CHUNK_SIZE:
    case AGENT_HTTP_ST_CHUNK_END:
        return AGENT_HTTP_CHUNK_LINE;

    default:
        return h->size;
    }
}


static agent_http_e
agent_http_line(agent_http_t *h)
{
    agent_str_t  line, name, value;

    line.data = h->head + h->line;
    line.len = h->pos - h->line - 2;

    h->line = h->pos;

    switch (h->state) {

    case AGENT_HTTP_ST_STATUS:
        return agent_http_status(h, &line);

    case AGENT_HTTP_ST_FIELD:
        if (line.len == 0) {
            return agent_http_head_end(h);
        }

        return agent_http_field(h, &line);

    case AGENT_HTTP_ST_CHUNK_SIZE:
        h->line = h->pos = h->trailer;
        return agent_http_chunk_size(h, &line);

    case AGENT_HTTP_ST_CHUNK_END:
        if (line.len) {
            return agent_http_refuse(h, "chunk longer than its size");
        }

        h->line = h->pos = h->trailer;
        h->state = AGENT_HTTP_ST_CHUNK_SIZE;

        return AGENT_HTTP_AGAIN;

    default: /* AGENT_HTTP_ST_TRAILER */
        if (line.len == 0) {
            h->state = AGENT_HTTP_ST_DONE;
            return AGENT_HTTP_DONE;
        }

        /* dropped: RFC 9110, 6.5.1 */

        return agent_http_split(h, &line, &name, &value);
    }
}


/* HTTP/1.x SP 3DIGIT [ SP reason ]: RFC 9112, 4; some omit the second SP */

static agent_http_e
agent_http_status(agent_http_t *h, const agent_str_t *line)
{
    const uint8_t  *p;

    p = line->data;

    if (line->len < 12
        || memcmp(p, "HTTP/1.", 7) != 0
        || (p[7] != '0' && p[7] != '1')
        || p[8] != ' '
        || p[9] < '1' || p[9] > '5'
        || p[10] < '0' || p[10] > '9'
        || p[11] < '0' || p[11] > '9'
        || (line->len > 12 && p[12] != ' '))
    {
        return agent_http_refuse(h, "status line");
    }

    h->minor = (unsigned) (p[7] - '0');
    h->status = (unsigned) ((p[9] - '0') * 100 + (p[10] - '0') * 10
                            + (p[11] - '0'));

    if (h->status == 101) {
        return agent_http_refuse(h, "status 101, which nobody asked for");
    }

    h->state = AGENT_HTTP_ST_FIELD;

    return AGENT_HTTP_AGAIN;
}


static agent_http_e
agent_http_field(agent_http_t *h, const agent_str_t *line)
{
    size_t               i, k;
    agent_str_t          name, value;
    agent_http_e         rc;
    agent_http_field_t  *field;

    rc = agent_http_split(h, line, &name, &value);

    if (rc != AGENT_HTTP_AGAIN || h->status < 200) {
        return rc;
    }

    for (i = 0; i < h->nfields; i++) {
        field = &h->fields[i];

        if (field->value.data || field->name.len != name.len) {
            continue;
        }

        for (k = 0; k < name.len; k++) {
            if (agent_http_lower(field->name.data[k])
                != agent_http_lower(name.data[k]))
            {
                break;
            }
        }

        if (k == name.len) {
            field->value = value;
        }
    }

    for (i = 0; i < AGENT_HTTP_KNOWN; i++) {
        if (agent_http_is(&name, (const char *) agent_http_known[i].name.data))
        {
            return agent_http_known[i].handler(h, &value);
        }
    }

    return AGENT_HTTP_AGAIN;
}


/* RFC 9112, 5.  A line that is folded begins with what no name begins with */

static agent_http_e
agent_http_split(agent_http_t *h, const agent_str_t *line, agent_str_t *name,
    agent_str_t *value)
{
    size_t  i;

    for (i = 0; i < line->len && agent_http_tchar(line->data[i]); i++) {
        /* void */
    }

    if (i == 0 || i == line->len || line->data[i] != ':') {
        return agent_http_refuse(h, "field line");
    }

    name->data = line->data;
    name->len = i;

    value->data = line->data + i + 1;
    value->len = line->len - i - 1;

    agent_http_trim(value);

    return AGENT_HTTP_AGAIN;
}


/* how the body is framed: RFC 9112, 6.3 */

static agent_http_e
agent_http_head_end(agent_http_t *h)
{
    if (h->status < 200) {
        h->state = AGENT_HTTP_ST_STATUS;
        return AGENT_HTTP_AGAIN;
    }

    if (h->chunked && (h->has_length || h->minor == 0)) {
        return agent_http_refuse(h, "Transfer-Encoding with Content-Length, "
                                    "or in HTTP/1.0");
    }

    if (h->max_age > 0) {
        h->max_age = h->age < h->max_age ? h->max_age - h->age : 0;
    }

    h->keepalive = !h->close && (h->minor == 1 || h->persistent);
    h->trailer = h->pos;

    if (h->status == 204 || h->status == 304) {
        h->state = AGENT_HTTP_ST_DONE;
        return AGENT_HTTP_DONE;
    }

    if (h->chunked) {
        h->state = AGENT_HTTP_ST_CHUNK_SIZE;
        return AGENT_HTTP_AGAIN;
    }

    if (!h->has_length) {
        h->keepalive = 0;
        h->state = AGENT_HTTP_ST_CLOSE;
        return AGENT_HTTP_AGAIN;
    }

    if (h->length == 0) {
        h->state = AGENT_HTTP_ST_DONE;
        return AGENT_HTTP_DONE;
    }

    h->state = AGENT_HTTP_ST_LENGTH;

    return agent_http_count(h, h->length);
}


/* chunk-size [ BWS ";" extensions ]: RFC 9112, 7.1; bad whitespace is read */

static agent_http_e
agent_http_chunk_size(agent_http_t *h, const agent_str_t *line)
{
    size_t    i, digits;
    uint8_t   c;
    uint64_t  size;

    for (i = 0, size = 0; i < line->len; i++) {
        c = agent_http_lower(line->data[i]);

        if (c >= '0' && c <= '9') {
            c = (uint8_t) (c - '0');

        } else if (c >= 'a' && c <= 'f') {
            c = (uint8_t) (c - 'a' + 10);

        } else {
            break;
        }

        if (i == 15) {
            return agent_http_refuse(h, "size of a chunk");
        }

        size = size << 4 | c;
    }

    digits = i;

    while (i < line->len && (line->data[i] == ' ' || line->data[i] == '\t')) {
        i++;
    }

    if (digits == 0
        || (i == line->len ? i != digits : line->data[i] != ';'))
    {
        return agent_http_refuse(h, "size of a chunk");
    }

    if (size == 0) {
        h->state = AGENT_HTTP_ST_TRAILER;
        return AGENT_HTTP_AGAIN;
    }

    h->length = size;
    h->state = AGENT_HTTP_ST_CHUNK_DATA;

    return agent_http_count(h, size);
}


static agent_http_e
agent_http_take(agent_http_t *h, agent_str_t *in, agent_str_t *body)
{
    agent_http_e  rc;

    if (in->len == 0) {
        return AGENT_HTTP_AGAIN;
    }

    *body = *in;

    if (h->state == AGENT_HTTP_ST_CLOSE) {
        rc = agent_http_count(h, body->len);

        if (rc != AGENT_HTTP_AGAIN) {
            return rc;
        }

    } else {

        if (body->len > h->length) {
            body->len = (size_t) h->length;
        }

        h->length -= body->len;

        if (h->length == 0) {
            h->state = h->chunked ? AGENT_HTTP_ST_CHUNK_END
                                  : AGENT_HTTP_ST_DONE;
        }
    }

    in->data += body->len;
    in->len -= body->len;

    return AGENT_HTTP_BODY;
}


/* octets that are announced count before they come */

static agent_http_e
agent_http_count(agent_http_t *h, uint64_t len)
{
    if (len > h->max_body - h->total) {
        return agent_http_large(h, "too large body");
    }

    h->total += len;

    return AGENT_HTTP_AGAIN;
}


static agent_http_e
agent_http_refuse(agent_http_t *h, const char *reason)
{
    h->reason = reason;
    h->state = AGENT_HTTP_ST_BAD;

    return AGENT_HTTP_BAD;
}


static agent_http_e
agent_http_large(agent_http_t *h, const char *reason)
{
    h->reason = reason;
    h->state = AGENT_HTTP_ST_TOO_LARGE;

    return AGENT_HTTP_TOO_LARGE;
}


/* RFC 9111, 5.2.2; what cannot be read is stale: 4.2.1 */

static agent_http_e
agent_http_cache_control(agent_http_t *h, const agent_str_t *value)
{
    size_t       i;
    int64_t      seconds;
    agent_str_t  rest, item, name;

    rest = *value;

    while (agent_http_list_next(&rest, &item)) {

        for (i = 0; i < item.len && item.data[i] != '='; i++) { /* void */ }

        name.data = item.data;
        name.len = i;

        if (agent_http_is(&name, "no-store")
            || agent_http_is(&name, "no-cache"))
        {
            seconds = 0;

        } else if (agent_http_is(&name, "max-age")) {
            i = i < item.len ? i + 1 : i;
            item.data += i;
            item.len -= i;

            if (item.len > 1 && item.data[0] == '"'
                && item.data[item.len - 1] == '"')
            {
                item.data++;
                item.len -= 2;
            }

            seconds = agent_http_seconds(&item);
            seconds = seconds < 0 ? 0 : seconds;

        } else {
            continue;
        }

        if (h->max_age == -1 || seconds < h->max_age) {
            h->max_age = seconds;
        }
    }

    return AGENT_HTTP_AGAIN;
}


static agent_http_e
agent_http_age(agent_http_t *h, const agent_str_t *value)
{
    int64_t  seconds;

    seconds = agent_http_seconds(value);

    if (seconds > h->age) {
        h->age = seconds;
    }

    return AGENT_HTTP_AGAIN;
}


static agent_http_e
agent_http_connection(agent_http_t *h, const agent_str_t *value)
{
    agent_str_t  rest, item;

    rest = *value;

    while (agent_http_list_next(&rest, &item)) {

        if (agent_http_is(&item, "close")) {
            h->close = 1;

        } else if (agent_http_is(&item, "keep-alive")) {
            h->persistent = 1;
        }
    }

    return AGENT_HTTP_AGAIN;
}


/* none is asked for, so what is encoded is not for us */

static agent_http_e
agent_http_content_encoding(agent_http_t *h, const agent_str_t *value)
{
    if (value->len == 0 || agent_http_is(value, "identity")) {
        return AGENT_HTTP_AGAIN;
    }

    return agent_http_refuse(h, "Content-Encoding");
}


static agent_http_e
agent_http_content_length(agent_http_t *h, const agent_str_t *value)
{
    size_t  i;

    if (h->has_length || value->len == 0 || value->len > 18) {
        return agent_http_refuse(h, "Content-Length");
    }

    for (i = 0; i < value->len; i++) {
        if (value->data[i] < '0' || value->data[i] > '9') {
            return agent_http_refuse(h, "Content-Length");
        }

        h->length = h->length * 10 + (uint64_t) (value->data[i] - '0');
    }

    h->has_length = 1;

    return AGENT_HTTP_AGAIN;
}


static agent_http_e
agent_http_content_type(agent_http_t *h, const agent_str_t *value)
{
    if (h->content_type.data) {
        return agent_http_refuse(h, "several Content-Type");
    }

    h->content_type = *value;

    return AGENT_HTTP_AGAIN;
}


static agent_http_e
agent_http_retry_after(agent_http_t *h, const agent_str_t *value)
{
    if (h->retry_after.data == NULL) {
        h->retry_after = *value;
    }

    return AGENT_HTTP_AGAIN;
}


static agent_http_e
agent_http_transfer_encoding(agent_http_t *h, const agent_str_t *value)
{
    if (h->chunked || !agent_http_is(value, "chunked")) {
        return agent_http_refuse(h, "Transfer-Encoding");
    }

    h->chunked = 1;

    return AGENT_HTTP_AGAIN;
}
