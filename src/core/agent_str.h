
/*
 * A length-counted octet string.  It never owns its octets and is never
 * NUL-terminated: core code passes views into headers, files and shared
 * memory, and what they point at belongs to whoever made the view.
 */

#ifndef _AGENT_STR_H_INCLUDED_
#define _AGENT_STR_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>
#include <string.h>


typedef struct {
    size_t          len;        /* octets */
    const uint8_t  *data;       /* may be NULL where len is 0 */
} agent_str_t;


#define agent_string(text)                                                    \
    { sizeof(text) - 1, (const uint8_t *) text }

#define agent_str_set(s, text)                                                \
    (s)->len = sizeof(text) - 1; (s)->data = (const uint8_t *) text


/* 1 where both hold the same octets; not for secrets: it stops early */

static inline int
agent_str_eq(const agent_str_t *a, const agent_str_t *b)
{
    return a->len == b->len
           && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}


#endif /* _AGENT_STR_H_INCLUDED_ */
