
/*
 * Lines of a key file, for its tests: a record with every member, one of them
 * replaced.
 */

#ifndef _AGENT_TEST_KEYFILE_H_INCLUDED_
#define _AGENT_TEST_KEYFILE_H_INCLUDED_


#include "agent_keyfile.h"
#include "agent_time.h"

#include <stdio.h>
#include <stdlib.h>


static inline agent_line_e read_line(const char *line, size_t len);
static inline agent_line_e read_record(const char *name, const char *value);
static inline size_t make_record(const char *name, const char *value);
static inline char *repeat(const char *head, const char *body, size_t n,
    const char *tail);
static inline int is(const agent_str_t *s, const char *text);


#define ZEROES                                                                \
    "00000000000000000000000000000000" "00000000000000000000000000000000"

#define HEX                                                                   \
    "00112233445566778899aabbccddeeff" "00112233445566778899aabbccddeeff"


static char                sample[2 * AGENT_KEYFILE_LINE_MAX];
static char                error[AGENT_ERROR_LEN];
static json_t             *json;
static agent_key_record_t  rec;


static const char  *members[][2] = {
    { "id", "\"0aZ0aZ0aZ0aZ0aZ0\"" },
    { "digest", "\"sha256:" HEX "\"" },
    { "agent", "\"billing-bot\"" },
    { "owner", "\"team-pay\"" },
    { "scopes", "[\"invoices:read\",\"invoices:list\"]" },
    { "services", "[\"invoices\"]" },
    { "networks", "[\"10.0.0.0/8\",\"2001:db8::/32\"]" },
    { "state", "\"active\"" },
    { "created", "\"2026-11-01T00:00:00Z\"" },
    { "not_before", "\"2026-11-02T00:00:00Z\"" },
    { "expires", "\"2027-01-31T00:00:00Z\"" },
    { "grace_until", "\"2027-01-30T00:00:00Z\"" },
    { "successor", "\"1aZ0aZ0aZ0aZ0aZ0\"" },
    { "imported", "false" },
    { "note", "\"for the month-end run\"" }
};

#define MEMBERS  (sizeof(members) / sizeof(members[0]))


/* as the only line of a file */

static inline agent_line_e
read_line(const char *line, size_t len)
{
    uint8_t          *exact;
    agent_line_e      got;
    agent_keyfile_t   file;

    json_decref(json);
    json = NULL;

    memset(&file, 0, sizeof(file));
    memset(error, 0, sizeof(error));

    /* a copy that ends where its memory ends, for the sanitizer */

    exact = malloc(len ? len : 1);
    memcpy(exact, line, len);

    got = agent_keyfile_line(&file, exact, len, &rec, &json, error);

    free(exact);

    return got;
}


static inline agent_line_e
read_record(const char *name, const char *value)
{
    size_t  len;

    len = make_record(name, value);

    return read_line(sample, len);
}


/* a line with every member, one of them replaced, left out or added */

static inline size_t
make_record(const char *name, const char *value)
{
    int          known;
    char        *p, *last;
    size_t       i;
    const char  *text;

    p = sample;
    last = sample + sizeof(sample);
    known = name == NULL;

    *p++ = '{';

    for (i = 0; i < MEMBERS; i++) {

        text = members[i][1];

        if (name && strcmp(name, members[i][0]) == 0) {
            known = 1;
            text = value;
        }

        if (text) {
            p += snprintf(p, (size_t) (last - p), "%s\"%s\":%s",
                          p == sample + 1 ? "" : ",", members[i][0], text);
        }
    }

    if (!known) {
        p += snprintf(p, (size_t) (last - p), ",\"%s\":%s", name, value);
    }

    *p++ = '}';
    *p = '\0';

    return (size_t) (p - sample);
}


static inline char *
repeat(const char *head, const char *body, size_t n, const char *tail)
{
    char    *text, *p;
    size_t   i;

    text = malloc(strlen(head) + n * strlen(body) + strlen(tail) + 1);

    p = stpcpy(text, head);

    for (i = 0; i < n; i++) {
        p = stpcpy(p, body);
    }

    (void) strcpy(p, tail);

    return text;
}


static inline int
is(const agent_str_t *s, const char *text)
{
    return s->len == strlen(text) && memcmp(s->data, text, s->len) == 0;
}


#endif /* _AGENT_TEST_KEYFILE_H_INCLUDED_ */
