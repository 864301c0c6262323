
/*
 * A writer of JSON (RFC 8259) into a buffer of the caller's.  It allocates
 * nothing and never writes past the end: what does not fit sets a flag that
 * stays set.  What it writes is valid UTF-8 without control characters,
 * whatever octets a string holds.
 *
 * Members end in a comma, and closing an object takes back the last one, so
 * that each member may be left out without a look at its neighbours.
 */

#ifndef _AGENT_JSON_H_INCLUDED_
#define _AGENT_JSON_H_INCLUDED_


#include "agent_str.h"


/* the most octets that one octet of a string becomes: \u0000 */

#define AGENT_JSON_ESCAPE_MAX  6

/* the most octets of a number */

#define AGENT_JSON_UINT_MAX    20


typedef struct {
    uint8_t  *pos;          /* where the next octet goes */
    uint8_t  *end;          /* past the last octet that may be written */
    unsigned  overflow:1;   /* something did not fit: the text is void */
    unsigned  cut:1;        /* a string was longer than its cap */
} agent_json_t;


/*
 * Writes the octets of value, escaped, without quotes around them: at most
 * cap octets of the source are taken.  A longer one sets json->cut; a UTF-8
 * sequence (RFC 3629) is never cut in two, it is left out as a whole.
 *
 * Escaped are '"', '\', C0, DEL, C1 and U+2028, U+2029 (line ends to some
 * readers); each octet that is not UTF-8 becomes U+FFFD.
 */

void agent_json_escaped(agent_json_t *json, const agent_str_t *value,
    size_t cap);


/*
 * Copies len octets and returns 1 where each of them stands for itself in a
 * string; returns 0 otherwise, with anything in the len octets at dst.
 */

unsigned agent_json_copy(uint8_t *dst, const uint8_t *src, size_t len);


/* 1 where all of text is UTF-8 (RFC 3629), of no octets too */

int agent_json_utf8_valid(const agent_str_t *text);


/* the member of a string that takes more than a copy, name being as it is */

void agent_json_string_slow(agent_json_t *json, const char *name, size_t len,
    const agent_str_t *value, size_t cap);


/* the length of the UTF-8 sequence of several octets at p, of which there are
 * len and at least one; 0 where there is no valid one (RFC 3629, 4) */

size_t agent_json_utf8(const uint8_t *p, size_t len);


/* writes n in decimal to dst, at most AGENT_JSON_UINT_MAX octets; returns the
 * octet after them */

uint8_t *agent_json_digits(uint8_t *dst, uint64_t n);


/* the writer will use size octets at buf, which the caller owns */

static inline void
agent_json_init(agent_json_t *json, uint8_t *buf, size_t size)
{
    json->pos = buf;
    json->end = buf + size;
    json->overflow = 0;
    json->cut = 0;
}


/* writes len octets as they are, all of them or none */

static inline void
agent_json_raw(agent_json_t *json, const void *text, size_t len)
{
    if ((size_t) (json->end - json->pos) < len) {
        json->overflow = 1;
        return;
    }

    memcpy(json->pos, text, len);
    json->pos += len;
}


#define agent_json_literal(json, text)                                        \
    agent_json_raw(json, text, sizeof(text) - 1)


/* the members "name":"value", and "name":n, unless value is empty or n is 0 */

#define agent_json_string(json, name, value, cap)                             \
    agent_json_string_member(json, "\"" name "\":\"",                         \
                             sizeof(name) - 1 + 4, value, cap)

#define agent_json_number(json, name, n)                                      \
    agent_json_number_member(json, "\"" name "\":", sizeof(name) - 1 + 3, n)


/* the same as the first member of an object, which agent_json_close() ends */

#define agent_json_open(json, object, name, value, cap)                       \
    agent_json_string_member(json, "\"" object "\":{\"" name "\":\"",          \
                             sizeof(object name) - 1 + 8, value, cap)


static inline void
agent_json_string_member(agent_json_t *json, const char *name, size_t len,
    const agent_str_t *value, size_t cap)
{
    uint8_t  *p;

    if (value->len == 0) {
        return;
    }

    p = json->pos;

    /* nearly every string is short printable ASCII */

    if (value->len <= cap
        && len + value->len + 2 <= (size_t) (json->end - p)
        && agent_json_copy(p + len, value->data, value->len))
    {
        memcpy(p, name, len);
        p += len + value->len;
        memcpy(p, "\",", 2);
        json->pos = p + 2;
        return;
    }

    agent_json_string_slow(json, name, len, value, cap);
}


static inline void
agent_json_number_member(agent_json_t *json, const char *name, size_t len,
    uint64_t n)
{
    uint8_t  *p;

    if (n == 0) {
        return;
    }

    p = json->pos;

    if ((size_t) (json->end - p) < len + AGENT_JSON_UINT_MAX + 1) {
        json->overflow = 1;
        return;
    }

    memcpy(p, name, len);
    p = agent_json_digits(p + len, n);
    *p = ',';
    json->pos = p + 1;
}


/* writes n in decimal */

static inline void
agent_json_uint(agent_json_t *json, uint64_t n)
{
    if ((size_t) (json->end - json->pos) < AGENT_JSON_UINT_MAX) {
        json->overflow = 1;
        return;
    }

    json->pos = agent_json_digits(json->pos, n);
}


/*
 * Ends an object that has members already, "}" taking the place of the last
 * comma, and writes the literal that follows.
 */

#define agent_json_close(json, text)                                          \
    (json)->pos[-1] = '}'; agent_json_literal(json, text)


#endif /* _AGENT_JSON_H_INCLUDED_ */
