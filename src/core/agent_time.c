
#include "agent_time.h"


#define AGENT_TIME_MAX    ((int64_t) 10000 * 366 * 86400)

/* days from 0000-03-01 to 1970-01-01, and 400 years */

#define AGENT_TIME_EPOCH  (719468 + 146097)

/* the first second of the year 0 and the last of the year 9999 */

#define AGENT_TIME_FIRST  INT64_C(-62167219200)
#define AGENT_TIME_LAST   INT64_C(253402300799)


static int agent_time_digits(const uint8_t *p, size_t n);
static int agent_time_zone(const uint8_t *p, const uint8_t *last,
    int64_t *offset);
static int64_t agent_time_days(int64_t year, int64_t month, int64_t day);
static void agent_time_put(uint8_t *dst, int64_t value, size_t n);


int
agent_time_parse(const agent_str_t *text, int64_t *t)
{
    int             year, month, day, hour, minute, second, leap;
    int64_t         offset, seconds;
    const uint8_t  *p, *last;

    static const uint8_t  length[] =
        { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

    if (text->len < AGENT_TIME_TEXT_LEN) {
        return -1;
    }

    p = text->data;
    last = p + text->len;

    if (p[4] != '-' || p[7] != '-' || (p[10] != 'T' && p[10] != 't')
        || p[13] != ':' || p[16] != ':')
    {
        return -1;
    }

    year = agent_time_digits(p, 4);
    month = agent_time_digits(p + 5, 2);
    day = agent_time_digits(p + 8, 2);
    hour = agent_time_digits(p + 11, 2);
    minute = agent_time_digits(p + 14, 2);
    second = agent_time_digits(p + 17, 2);

    if (year < 0 || month < 1 || month > 12 || day < 1 || hour < 0
        || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
    {
        return -1;
    }

    leap = month == 2
           && ((year % 4 == 0 && year % 100 != 0) || year % 400 == 0);

    if (day > length[month - 1] + leap) {
        return -1;
    }

    if (agent_time_zone(p + 19, last, &offset) != 0) {
        return -1;
    }

    seconds = agent_time_days(year, month, day) * 86400
              + hour * 3600 + minute * 60 + second - offset;

    /* an offset or a leap second may lead out of the years that can be told */

    if (seconds < AGENT_TIME_FIRST || seconds > AGENT_TIME_LAST) {
        return -1;
    }

    *t = seconds;

    return 0;
}


static int
agent_time_digits(const uint8_t *p, size_t n)
{
    int  value;

    for (value = 0; n > 0; n--, p++) {
        if (*p < '0' || *p > '9') {
            return -1;
        }

        value = value * 10 + (*p - '0');
    }

    return value;
}


static int
agent_time_zone(const uint8_t *p, const uint8_t *last, int64_t *offset)
{
    int  hour, minute;

    if (*p == '.') {
        p++;

        if (p == last || *p < '0' || *p > '9') {
            return -1;
        }

        while (p < last && *p >= '0' && *p <= '9') {
            p++;
        }
    }

    if (last - p == 1 && (*p == 'Z' || *p == 'z')) {
        *offset = 0;
        return 0;
    }

    if (last - p != 6 || (*p != '+' && *p != '-') || p[3] != ':') {
        return -1;
    }

    hour = agent_time_digits(p + 1, 2);
    minute = agent_time_digits(p + 4, 2);

    if (hour < 0 || hour > 23 || minute < 0 || minute > 59) {
        return -1;
    }

    *offset = hour * 3600 + minute * 60;

    if (*p == '-') {
        *offset = -*offset;
    }

    return 0;
}


static int64_t
agent_time_days(int64_t year, int64_t month, int64_t day)
{
    int64_t  yday;

    /* the year begins in March, so that the leap day ends it; 400 years more,
     * which is a whole cycle of 146097 days, keep all terms positive */

    month -= 3;
    year += 400;

    if (month < 0) {
        month += 12;
        year--;
    }

    yday = (153 * month + 2) / 5 + day - 1;

    return 365 * year + year / 4 - year / 100 + year / 400 + yday
           - AGENT_TIME_EPOCH;
}


void
agent_time_format(uint8_t *dst, int64_t t)
{
    int64_t  days, seconds, cycle, year, month, day, yday;

    days = t / 86400;
    seconds = t % 86400;

    if (seconds < 0) {
        seconds += 86400;
        days--;
    }

    /* the inverse of agent_time_days(): cycle, year of the cycle, day */

    days += AGENT_TIME_EPOCH;
    cycle = days / 146097;
    days = days % 146097;

    year = (days - days / 1460 + days / 36524 - days / 146096) / 365;
    yday = days - (365 * year + year / 4 - year / 100);

    month = (5 * yday + 2) / 153;
    day = yday - (153 * month + 2) / 5 + 1;

    year += cycle * 400 - 400;
    month += 3;

    if (month > 12) {
        month -= 12;
        year++;
    }

    agent_time_put(dst, year, 4);
    dst[4] = '-';
    agent_time_put(dst + 5, month, 2);
    dst[7] = '-';
    agent_time_put(dst + 8, day, 2);
    dst[10] = 'T';
    agent_time_put(dst + 11, seconds / 3600, 2);
    dst[13] = ':';
    agent_time_put(dst + 14, seconds / 60 % 60, 2);
    dst[16] = ':';
    agent_time_put(dst + 17, seconds % 60, 2);
    dst[19] = 'Z';
}


static void
agent_time_put(uint8_t *dst, int64_t value, size_t n)
{
    while (n-- > 0) {
        dst[n] = (uint8_t) ('0' + value % 10);
        value /= 10;
    }
}


int
agent_duration_parse(const agent_str_t *text, int64_t *seconds)
{
    int             unit, next;
    size_t          i;
    int64_t         total, value;
    const uint8_t  *p, *last;

    static const struct {
        uint8_t     letter;
        int64_t     seconds;
    } units[] = {
        { 'y', 365 * 86400 },
        { 'M', 30 * 86400 },
        { 'w', 7 * 86400 },
        { 'd', 86400 },
        { 'h', 3600 },
        { 'm', 60 },
        { 's', 1 }
    };

    if (text->len == 0) {
        return -1;
    }

    p = text->data;
    last = p + text->len;

    for (total = 0, next = 0; p < last; next = unit + 1) {

        if (*p < '0' || *p > '9') {
            return -1;
        }

        for (value = 0; p < last && *p >= '0' && *p <= '9'; p++) {
            value = value * 10 + (*p - '0');

            if (value > AGENT_TIME_MAX) {
                return -1;
            }
        }

        unit = -1;

        if (p == last) {
            unit = 6;

        } else {
            for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
                if (units[i].letter == *p) {
                    unit = (int) i;
                }
            }

            p++;
        }

        if (unit < next || value > AGENT_TIME_MAX / units[unit].seconds) {
            return -1;
        }

        total += value * units[unit].seconds;

        if (total > AGENT_TIME_MAX) {
            return -1;
        }
    }

    *seconds = total;

    return 0;
}
