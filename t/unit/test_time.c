
/*
 * Dates and durations.  Without this a key could expire a day late in a leap
 * year, a date with an offset could be read as UTC, or a duration that
 * overflows could make a key that ends in the past or never (K-06, K-08).
 */

#define _DEFAULT_SOURCE

#include "tap.h"

#include "agent_time.h"

#include <time.h>


typedef struct {
    const char  *text;
    int64_t      seconds;
} sample_t;


static void test_dates(void);
static void test_bad_dates(void);
static void test_zones(void);
static void test_every_day(void);
static void test_every_month(void);
static void test_mutations(void);
static void test_cut(void);
static void test_durations(void);
static void test_bad_durations(void);
static int days_in(int year, int month);
static int parse(const char *text, size_t len, int64_t *t);
static int duration(const char *text, size_t len, int64_t *seconds);


#define UNTOUCHED  0x5555555555555555

#define DAY        INT64_C(86400)
#define YEAR       (365 * DAY)


/* the numbers are those of date -u +%s */

static const sample_t  dates[] = {
    { "1970-01-01T00:00:00Z", 0 },
    { "1969-12-31T23:59:59Z", -1 },
    { "2027-01-31T23:59:59Z", 1801439999 },
    { "2038-01-19T03:14:08Z", INT64_C(2147483648) },
    { "0000-01-01T00:00:00Z", INT64_C(-62167219200) },
    { "0000-02-29T00:00:00Z", INT64_C(-62162121600) },
    { "9999-12-31T23:59:59Z", INT64_C(253402300799) },
    { "2000-02-29T12:00:00Z", 951825600 },
    { "2024-02-29T00:00:00Z", 1709164800 },
    { "2400-02-29T00:00:00Z", INT64_C(13574563200) },

    /* RFC 3339, 5.8, examples */

    { "1985-04-12T23:20:50.52Z", 482196050 },
    { "1996-12-19T16:39:57-08:00", 851042397 },
    { "1990-12-31T23:59:60Z", 662688000 },
    { "1990-12-31T15:59:60-08:00", 662688000 },
    { "1937-01-01T12:00:27.87+00:20", -1041337173 },

    /* 5.6: T and Z may be lower case */

    { "2027-01-31t23:59:59z", 1801439999 },
    { "2027-01-31T23:59:59.0Z", 1801439999 },
    { "2027-01-31T23:59:59.999999999999999999999999999999Z", 1801439999 },
    { "2027-01-31T23:59:59-00:00", 1801439999 },
    { "2027-01-31T23:59:59+23:59", 1801353659 },
    { "2027-01-31T23:59:59-23:59", 1801526339 },
    { "2027-01-31T23:59:59.5+01:00", 1801436399 },
    { "1969-12-31T23:59:59.999Z", -1 }
};


static const char  *bad_dates[] = {
    "",
    "2027",
    "2027-01-31",
    "2027-01-31T23:59:59",
    "2027-01-31 23:59:59Z",
    "2027-01-31T23:59Z",
    "2027-1-31T23:59:59Z",
    "2027-01-31T23:59:59Zx",
    "2027-01-31T23:59:59 Z",
    " 2027-01-31T23:59:59Z",
    "2027-01-31T23:59:59Z ",
    "2027-01-31T23:59:59ZZ",
    "20270131T235959Z0000",
    "+027-01-31T23:59:59Z",
    "-027-01-31T23:59:59Z",
    "12027-01-31T23:59:59Z",
    "2027/01/31T23:59:59Z",

    /* out of range */

    "2027-00-31T23:59:59Z",
    "2027-13-31T23:59:59Z",
    "2027-01-00T23:59:59Z",
    "2027-01-32T23:59:59Z",
    "2027-04-31T23:59:59Z",
    "2027-02-29T00:00:00Z",
    "2024-02-30T00:00:00Z",
    "1900-02-29T00:00:00Z",
    "2100-02-29T00:00:00Z",
    "2027-01-31T24:00:00Z",
    "2027-01-31T23:60:00Z",
    "2027-01-31T23:59:61Z",
    "2027-01-31T23:59:99Z",

    /* fractions and offsets */

    "2027-01-31T23:59:59.Z",
    "2027-01-31T23:59:59,5Z",
    "2027-01-31T23:59:59.5",
    "2027-01-31T23:59:59.5.5Z",
    "2027-01-31T23:59:59.-5Z",
    "2027-01-31T23:59:59+24:00",
    "2027-01-31T23:59:59+00:60",
    "2027-01-31T23:59:59+0000",
    "2027-01-31T23:59:59+00",
    "2027-01-31T23:59:59+00:0",
    "2027-01-31T23:59:59+00:000",
    "2027-01-31T23:59:59+-1:00",
    "2027-01-31T23:59:59*01:00",
    "2027-01-31T23:59:59Z+01:00",

    /* years before 0000 and after 9999, which no text of ours can say */

    "0000-01-01T00:00:00+00:01",
    "9999-12-31T23:59:59-00:01",
    "9999-12-31T23:59:60Z"
};


/* nginx's units: a month has 30 days, a year 365 */

static const sample_t  durations[] = {
    { "0", 0 },
    { "0s", 0 },
    { "00000000000000000000000000000000000000007d", 7 * DAY },
    { "15", 15 },
    { "15s", 15 },
    { "15m", 900 },
    { "24h", DAY },
    { "90d", 90 * DAY },
    { "2w", 14 * DAY },
    { "1M", 30 * DAY },
    { "1y", YEAR },
    { "1y2M3w4d5h6m7s",
      YEAR + 60 * DAY + 21 * DAY + 4 * DAY + 5 * 3600 + 6 * 60 + 7 },
    { "1y1s", YEAR + 1 },
    { "1h30", 3630 },
    { "1M1m", 30 * DAY + 60 },
    { "1000000s", 1000000 },
    { "316224000000", INT64_C(316224000000) },
    { "3660000d", 3660000 * DAY }
};


static const char  *bad_durations[] = {
    "",
    " ",
    "d",
    "-1d",
    "+1d",
    "1.5d",
    "1 d",
    "1d ",
    " 1d",
    "1d 2h",
    "1x",
    "1D",
    "1H",
    "1ms",
    "0x10",
    "1dd",

    /* each unit once, the larger first */

    "1d1d",
    "1h1d",
    "1s1m",
    "1m1M",
    "30s15",
    "30 15",
    "1d1y",

    /* too long, in one number and in the sum, and around 2^31 and 2^63 */

    "316224000001",
    "3660001d",
    "3660000d1s",
    "5000y5100y",
    "10000y10001d",
    "99999999y",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "18446744073709551617s",
    "99999999999999999999999999999999999999999999999999999999999999y",
    "2562047788015216h",
    "106751991167301d"
};


int
main(void)
{
    test_dates();
    test_bad_dates();
    test_zones();
    test_every_day();
    test_every_month();
    test_mutations();
    test_cut();
    test_durations();
    test_bad_durations();

    return tap_done();
}


static void
test_dates(void)
{
    size_t   i;
    int64_t  t;

    for (i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
        t = UNTOUCHED;

        ok(parse(dates[i].text, strlen(dates[i].text), &t) == 0
           && t == dates[i].seconds,
           "\"%s\" is %lld", dates[i].text, (long long) t);
    }
}


static void
test_bad_dates(void)
{
    size_t   i;
    int64_t  t;

    for (i = 0; i < sizeof(bad_dates) / sizeof(bad_dates[0]); i++) {
        t = UNTOUCHED;

        ok(parse(bad_dates[i], strlen(bad_dates[i]), &t) == -1
           && t == UNTOUCHED,
           "\"%s\" is no date", bad_dates[i]);
    }

    ok(parse("2027-01-31T23:59:59\0", 20, &t) == -1, "NUL for Z");
    ok(parse("2027-01-31T23:59:59Z\0", 21, &t) == -1, "NUL after Z");
}


/* all offsets; the local time less the offset is UTC */

static void
test_zones(void)
{
    int      hour, minute, sign;
    char     text[40];
    size_t   len, bad;
    int64_t  t;

    for (sign = -1, bad = 0; sign <= 1; sign += 2) {

        for (hour = 0; hour < 100; hour++) {

            for (minute = 0; minute < 100; minute++) {
                len = (size_t) snprintf(text, sizeof(text),
                                        "2027-01-31T23:59:59%c%02d:%02d",
                                        sign < 0 ? '-' : '+', hour, minute);

                if (hour > 23 || minute > 59) {
                    bad += parse(text, len, &t) != -1;
                    continue;
                }

                bad += parse(text, len, &t) != 0
                       || t != 1801439999 - sign * (hour * 60 + minute) * 60;
            }
        }
    }

    ok(bad == 0, "every offset");
}


/* 1600 to 2399: two whole cycles of the Gregorian calendar */

static void
test_every_day(void)
{
    int        year, month, day;
    char       text[40];
    size_t     len, wrong, back;
    int64_t    t;
    uint8_t    out[AGENT_TIME_TEXT_LEN + 1];
    uint32_t   second;
    struct tm  tm;

    out[AGENT_TIME_TEXT_LEN] = 0x55;

    for (year = 1600, wrong = 0, back = 0, second = 0; year < 2400; year++) {

        for (month = 1; month <= 12; month++) {

            for (day = 1; day <= days_in(year, month); day++) {

                /* another second of each day */

                second = (second + 86399) % 86401 % 86400;

                memset(&tm, 0, sizeof(tm));
                tm.tm_year = year - 1900;
                tm.tm_mon = month - 1;
                tm.tm_mday = day;
                tm.tm_hour = (int) second / 3600;
                tm.tm_min = (int) second / 60 % 60;
                tm.tm_sec = (int) second % 60;

                len = (size_t) snprintf(text, sizeof(text),
                                        "%04d-%02d-%02dT%02d:%02d:%02dZ",
                                        year, month, day, tm.tm_hour,
                                        tm.tm_min, tm.tm_sec);

                t = UNTOUCHED;
                wrong += parse(text, len, &t) != 0 || t != timegm(&tm);

                agent_time_format(out, t);
                back += memcmp(out, text, AGENT_TIME_TEXT_LEN) != 0;
            }
        }
    }

    ok(wrong == 0, "every day of 800 years is as timegm() says");
    ok(back == 0, "and is written as it was read");
    ok(out[AGENT_TIME_TEXT_LEN] == 0x55, "and writes no octet more");
}


/* 0000 to 9999: the first and last second of each month, the day after it */

static void
test_every_month(void)
{
    int        year, month, last;
    char       text[40];
    size_t     wrong, back, accepted;
    int64_t    first, end;
    uint8_t    out[AGENT_TIME_TEXT_LEN];
    struct tm  tm;

    for (year = 0, wrong = 0, back = 0, accepted = 0; year < 10000; year++) {

        for (month = 1; month <= 12; month++) {
            last = days_in(year, month);

            memset(&tm, 0, sizeof(tm));
            tm.tm_year = year - 1900;
            tm.tm_mon = month - 1;
            tm.tm_mday = 1;

            (void) snprintf(text, sizeof(text), "%04d-%02d-01T00:00:00Z",
                            year, month);
            wrong += parse(text, 20, &first) != 0 || first != timegm(&tm);

            agent_time_format(out, first);
            back += memcmp(out, text, AGENT_TIME_TEXT_LEN) != 0;

            (void) snprintf(text, sizeof(text), "%04d-%02d-%02dT23:59:59Z",
                            year, month, last);
            wrong += parse(text, 20, &end) != 0
                     || end != first + last * DAY - 1;

            agent_time_format(out, end);
            back += memcmp(out, text, AGENT_TIME_TEXT_LEN) != 0;

            (void) snprintf(text, sizeof(text), "%04d-%02d-%02dT00:00:00Z",
                            year, month, last + 1);
            accepted += parse(text, 20, &end) == 0;
        }
    }

    ok(wrong == 0, "every month of 10,000 years is as timegm() says");
    ok(back == 0, "and is written as it was read");
    ok(accepted == 0, "no month has a day more");
}


/* any octet at any place: refused, or a date that is written and read alike */

static void
test_mutations(void)
{
    char      text[32];
    size_t    i, len, bad, accepted;
    int64_t   t, again;
    uint8_t   out[AGENT_TIME_TEXT_LEN];
    unsigned  c;

    static const char  good[] = "2024-02-29T23:59:59.5+09:30";

    len = strlen(good);

    for (i = 0, bad = 0, accepted = 0; i < len; i++) {

        for (c = 0; c < 256; c++) {
            memcpy(text, good, len);
            text[i] = (char) c;

            if (parse(text, len, &t) != 0) {
                continue;
            }

            accepted++;
            agent_time_format(out, t);

            bad += parse((char *) out, sizeof(out), &again) != 0 || again != t;
        }
    }

    ok(bad == 0, "what is read is written and read alike");

    ok(accepted > 100 && accepted < 200, "few other octets are read at all, %u",
       (unsigned) accepted);
}


static void
test_cut(void)
{
    size_t   len, bad;
    int64_t  t;

    static const char  good[] = "2027-01-31T23:59:59.123456+01:00";

    for (len = 0, bad = 0; len < strlen(good); len++) {
        bad += parse(good, len, &t) != -1;
    }

    ok(bad == 0, "a date that was cut anywhere is none");
}


static void
test_durations(void)
{
    size_t   i;
    int64_t  seconds;

    for (i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
        seconds = UNTOUCHED;

        ok(duration(durations[i].text, strlen(durations[i].text), &seconds)
           == 0 && seconds == durations[i].seconds,
           "\"%s\" is %lld seconds", durations[i].text, (long long) seconds);
    }
}


static void
test_bad_durations(void)
{
    char      text[2];
    size_t    i, accepted;
    int64_t   seconds;
    unsigned  c;

    for (i = 0; i < sizeof(bad_durations) / sizeof(bad_durations[0]); i++) {
        seconds = UNTOUCHED;

        ok(duration(bad_durations[i], strlen(bad_durations[i]), &seconds) == -1
           && seconds == UNTOUCHED,
           "\"%s\" is no duration", bad_durations[i]);
    }

    ok(duration("1d\0", 3, &seconds) == -1, "NUL after a duration");

    for (c = 0, accepted = 0; c < 256; c++) {
        text[0] = '1';
        text[1] = (char) c;

        if (duration(text, 2, &seconds) == 0
            && strchr("yMwdhms0123456789", (int) c) == NULL)
        {
            accepted++;
        }
    }

    ok(accepted == 0, "no unit but yMwdhms");
}


static int
days_in(int year, int month)
{
    if (month == 2) {
        return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28;
    }

    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}


/* both: a copy that ends where its memory ends, for the sanitizer */

static int
parse(const char *text, size_t len, int64_t *t)
{
    int          rc;
    uint8_t     *exact;
    agent_str_t  value;

    exact = malloc(len ? len : 1);
    memcpy(exact, text, len);

    value.data = len ? exact : NULL;
    value.len = len;

    rc = agent_time_parse(&value, t);
    free(exact);

    return rc;
}


static int
duration(const char *text, size_t len, int64_t *seconds)
{
    int          rc;
    uint8_t     *exact;
    agent_str_t  value;

    exact = malloc(len ? len : 1);
    memcpy(exact, text, len);

    value.data = len ? exact : NULL;
    value.len = len;

    rc = agent_duration_parse(&value, seconds);
    free(exact);

    return rc;
}
