
/*
 * Dates as RFC 3339 writes them and durations as nginx does.
 */

#ifndef _AGENT_TIME_H_INCLUDED_
#define _AGENT_TIME_H_INCLUDED_


#include "agent_str.h"


/* a date that is not there */

#define AGENT_TIME_NONE      INT64_MIN

#define AGENT_TIME_TEXT_LEN  20


/*
 * RFC 3339, 5.6 date-time ("2027-01-31T23:59:59Z", an offset and a fraction
 * allowed, the fraction cut) to seconds since the Unix epoch.
 *
 * Returns 0, or -1 where it is no such date or, offset applied, not in the
 * years 0 to 9999; *t is unchanged then.
 */

int agent_time_parse(const agent_str_t *text, int64_t *t);


/*
 * Seconds since the Unix epoch, in the years 0 to 9999, to
 * "2027-01-31T23:59:59Z": AGENT_TIME_TEXT_LEN octets, no NUL.
 */

void agent_time_format(uint8_t *dst, int64_t t);


/*
 * A duration in nginx's units (y, M, w, d, h, m, s, in this order, each once,
 * a bare number in seconds) to seconds.
 *
 * Returns 0, or -1 where it is none or exceeds ten thousand years.
 */

int agent_duration_parse(const agent_str_t *text, int64_t *seconds);


#endif /* _AGENT_TIME_H_INCLUDED_ */
