
/*
 * For the tests of the audit line: an ordinary event, and a look into what
 * became of it.
 */

#ifndef _AGENT_TEST_AUDIT_H_INCLUDED_
#define _AGENT_TEST_AUDIT_H_INCLUDED_


#include <jansson.h>

#include "agent_audit.h"


#define GUARD  0xa5


static inline void
set(agent_str_t *field, const char *text)
{
    field->data = (const uint8_t *) text;
    field->len = strlen(text);
}


static inline void
typical(agent_audit_event_t *ev)
{
    memset(ev, 0, sizeof(agent_audit_event_t));

    ev->time_ms = 1795449600123;
    ev->latency_ms = 12;
    ev->sequence = 184467;

    set(&ev->request_id, "9f2c4e6a81b35d70-2d093");
    set(&ev->correlation, "req-7");
    set(&ev->server_name, "example");
    set(&ev->trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");

    set(&ev->client_ip, "203.0.113.9");
    ev->client_port = 50112;
    set(&ev->host, "api.example");
    ev->server_port = 443;

    set(&ev->http_method, "GET");
    set(&ev->http_version, "1.1");
    set(&ev->path, "/v1/invoices/17");
    set(&ev->user_agent, "billing-agent/2.4");
    ev->http_status = 200;

    ev->result = AGENT_RESULT_ALLOW;
    ev->reason = AGENT_OK;
    ev->overruled = AGENT_OK;
    ev->auth_type = AGENT_AUTH_KEY;

    set(&ev->agent, "billing-bot");
    set(&ev->owner, "team-pay");
    set(&ev->key_id, "0aZ81kLmQwErTy45");
    set(&ev->scopes, "invoices:read invoices:list");
    ev->expires = 1795450000;
    ev->deprecated = 1;
    ev->sunset = 1767225600;

    set(&ev->credential, "9f86d081884c7d65");
    set(&ev->service, "invoices");
    set(&ev->location, "/v1/invoices/");
}


/* the line that says how many were lost */

static inline size_t
lost_line(uint8_t *buf, size_t size, uint64_t time_ms, const agent_str_t *uid,
    uint64_t count)
{
    agent_audit_record_t  rec;

    memset(&rec, 0, sizeof(rec));

    rec.event = AGENT_AUDIT_LOSS;
    rec.time_ms = time_ms;
    rec.uid = *uid;
    rec.count = count;

    return agent_audit_record_line(buf, size, &rec);
}


/* NULL where it is not one line that holds one strict JSON object */

static inline json_t *
parse_text(const uint8_t *line, size_t len)
{
    size_t        i;
    json_t       *root;
    json_error_t  error;

    if (len == 0 || len > AGENT_AUDIT_LINE_MAX || line[len - 1] != '\n') {
        fprintf(stderr, "# no line: %u octets\n", (unsigned) len);
        return NULL;
    }

    for (i = 0; i < len - 1; i++) {
        if (line[i] < 0x20 || line[i] == 0x7f
            || (line[i] == 0xc2 && line[i + 1] < 0xa0)
            || (line[i] == 0xe2 && line[i + 1] == 0x80
                && (line[i + 2] == 0xa8 || line[i + 2] == 0xa9)))
        {
            fprintf(stderr, "# control character at %u\n", (unsigned) i);
            return NULL;
        }
    }

    root = json_loadb((const char *) line, len - 1,
                      JSON_REJECT_DUPLICATES|JSON_ALLOW_NUL, &error);

    if (root == NULL) {
        fprintf(stderr, "# %s at %d: %.*s", error.text, error.position,
                (int) len, line);
    }

    return root;
}


static inline json_t *
parse(const agent_audit_event_t *ev)
{
    size_t   len;
    uint8_t  buf[AGENT_AUDIT_LINE_MAX];

    len = agent_audit_line(buf, sizeof(buf), ev);

    return parse_text(buf, len);
}


static inline json_t *
find(json_t *root, const char *path)
{
    char         name[64];
    size_t       len;
    const char  *dot;

    for ( ;; ) {
        dot = strchr(path, '.');
        len = dot ? (size_t) (dot - path) : strlen(path);

        snprintf(name, sizeof(name), "%.*s", (int) len, path);
        root = json_object_get(root, name);

        if (dot == NULL) {
            return root;
        }

        path = dot + 1;
    }
}


/* -1 where there is none */

static inline long long
number(json_t *root, const char *path)
{
    json_t  *value;

    value = find(root, path);

    return json_is_integer(value) ? json_integer_value(value) : -1;
}


static inline int
is_octets(json_t *root, const char *path, const char *expected, size_t len)
{
    json_t  *value;

    value = find(root, path);

    return value != NULL && json_string_length(value) == len
           && memcmp(json_string_value(value), expected, len) == 0;
}


static inline int
is(json_t *root, const char *path, const char *expected)
{
    return is_octets(root, path, expected, strlen(expected));
}


static inline int
truncated(json_t *root)
{
    return json_is_true(find(root, "metadata.is_truncated"));
}


#endif /* _AGENT_TEST_AUDIT_H_INCLUDED_ */
