
/*
 * How records, dates and texts are shown to people.
 */

#ifndef _AGENTCTL_PRINT_H_INCLUDED_
#define _AGENTCTL_PRINT_H_INCLUDED_


#include "agent_keyfile.h"
#include "agent_time.h"
#include "agentctl.h"


/* the longest duration in words, the NUL counted */

#define CTL_AGO_MAX   32
#define CTL_DATE_MAX  (AGENT_TIME_TEXT_LEN + 1)


/* "2027-01-31T00:00:00Z" and a NUL: CTL_DATE_MAX octets */

void ctl_date(char *dst, int64_t t);


/* "89d", "23h", "5m" or "-1s" and a NUL: CTL_AGO_MAX octets */

void ctl_span(char *dst, int64_t seconds);


/* a JSON string that the caller frees; text must be UTF-8 */

char *ctl_json_text(const char *text);


/*
 * A copy for terminals, which the caller frees: control characters are
 * replaced, and what has more than width characters is cut, unless width is 0.
 */

char *ctl_shown(const agent_str_t *text, size_t width);


/* characters of UTF-8 text */

size_t ctl_width(const char *text);


/* prints text and spaces up to width characters */

void ctl_pad(const char *text, size_t width);


/* the strings of an array, with spaces between; the caller frees it */

char *ctl_joined(const json_t *list);


#endif /* _AGENTCTL_PRINT_H_INCLUDED_ */
