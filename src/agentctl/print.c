
#include "print.h"

#include <stdio.h>
#include <stdlib.h>


void
ctl_date(char *dst, int64_t t)
{
    agent_time_format((uint8_t *) dst, t);
    dst[AGENT_TIME_TEXT_LEN] = '\0';
}


void
ctl_span(char *dst, int64_t seconds)
{
    size_t   i;
    int64_t  most;

    static const struct {
        int64_t  seconds;
        char     letter;
    } units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };

    most = seconds < 0 ? -seconds : seconds;

    for (i = 0; i < 3 && most < 2 * units[i].seconds; i++) { /* void */ }

    snprintf(dst, CTL_AGO_MAX, "%lld%c",
             (long long) (seconds / units[i].seconds), units[i].letter);
}


char *
ctl_json_text(const char *text)
{
    char    *dumped;
    json_t  *json;

    json = json_string(text);
    dumped = json ? json_dumps(json, JSON_ENCODE_ANY) : NULL;
    json_decref(json);

    return dumped ? dumped : ctl_format("\"?\"");
}


char *
ctl_shown(const agent_str_t *text, size_t width)
{
    char     *shown;
    size_t    i, n, columns;
    uint8_t   c;

    shown = ctl_alloc(text->len + 1);

    for (i = 0, n = 0, columns = 0; i < text->len; i++) {

        c = text->data[i];

        if (width && (c & 0xc0) != 0x80 && ++columns > width) {

            /* back over the last characters: ".." takes their place */

            for (columns = 0; columns < 2 && n > 0; columns++) {
                while (n > 0 && (shown[--n] & 0xc0) == 0x80) { /* void */ }
            }

            shown[n++] = '.';
            shown[n++] = '.';
            break;
        }

        /* U+0080 to U+009F are control characters to some terminals */

        if (c < 0x20 || c == 0x7f) {
            shown[n++] = '?';

        } else if (c == 0xc2 && i + 1 < text->len && text->data[i + 1] < 0xa0) {
            shown[n++] = '?';
            i++;

        } else {
            shown[n++] = (char) c;
        }
    }

    shown[n] = '\0';

    return shown;
}


size_t
ctl_width(const char *text)
{
    size_t  n;

    for (n = 0; *text; text++) {
        n += (*text & 0xc0) != 0x80;
    }

    return n;
}


void
ctl_pad(const char *text, size_t width)
{
    size_t  n;

    n = ctl_width(text);

    printf("%s%*s", text, n < width ? (int) (width - n) : 0, "");
}


char *
ctl_joined(const json_t *list)
{
    char         *joined;
    size_t        i, len;
    const json_t  *value;

    for (i = 0, len = 1; i < json_array_size(list); i++) {
        len += json_string_length(json_array_get(list, i)) + 1;
    }

    joined = ctl_alloc(len);

    for (i = 0, len = 0; i < json_array_size(list); i++) {

        value = json_array_get(list, i);

        if (len) {
            joined[len++] = ' ';
        }

        memcpy(joined + len, json_string_value(value),
               json_string_length(value));
        len += json_string_length(value);
    }

    joined[len] = '\0';

    return joined;
}
