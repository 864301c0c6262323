
/*
 * Texts that the fields of HTTP are made of: RFC 9110, 5.6.  Parts of what a
 * stranger sent, as views; nothing is copied, nothing can fail.
 */

#ifndef _AGENT_HTTP_TEXT_H_INCLUDED_
#define _AGENT_HTTP_TEXT_H_INCLUDED_


#include "agent_str.h"


/*
 * Takes the next element off the front of a list (RFC 9110, 5.6.1), white space
 * around it left out: 1, and *item points into what *rest was; 0 where none is
 * left.  Empty elements are passed over, and a comma in a quoted string does
 * not part two.
 */

int agent_http_list_next(agent_str_t *rest, agent_str_t *item);


/* leaves out spaces and tabs at both ends: RFC 9110, 5.6.3 */

void agent_http_trim(agent_str_t *s);


/* 1 where s is text, which is in lower case, whatever the case of s */

int agent_http_is(const agent_str_t *s, const char *text);


/* delta-seconds: RFC 9111, 1.2.2, 2^31 for any more; -1 where it is none */

int64_t agent_http_seconds(const agent_str_t *s);


/* 1 where c may stand in a token: RFC 9110, 5.6.2 */

int agent_http_tchar(uint8_t c);


uint8_t agent_http_lower(uint8_t c);


#endif /* _AGENT_HTTP_TEXT_H_INCLUDED_ */
