
#include "agent_sf.h"


#define AGENT_SF_DIGITS_MAX  15


int
agent_sf_date(const agent_str_t *text, int64_t *t)
{
    int             negative;
    int64_t         value;
    const uint8_t  *p, *last, *digits;

    p = text->data;
    last = p + text->len;

    while (p < last && *p == ' ') {
        p++;
    }

    while (p < last && last[-1] == ' ') {
        last--;
    }

    if (p == last || *p++ != '@') {
        return -1;
    }

    negative = (p < last && *p == '-');
    p += negative;

    if (p == last || last - p > AGENT_SF_DIGITS_MAX) {
        return -1;
    }

    for (digits = p, value = 0; digits < last; digits++) {

        if (*digits < '0' || *digits > '9') {
            return -1;
        }

        value = value * 10 + (*digits - '0');
    }

    *t = negative ? -value : value;

    return 0;
}
