
#include "agent_http_text.h"


/* enough for any Age and max-age: RFC 9111, 1.2.2 */

#define AGENT_HTTP_SECONDS_MAX  2147483648


/* elements of a list: RFC 9110, 5.6.1; a comma inside quotes does not part */

int
agent_http_list_next(agent_str_t *rest, agent_str_t *item)
{
    int     quoted;
    size_t  i;

    while (rest->len) {

        for (i = 0, quoted = 0; i < rest->len; i++) {

            if (rest->data[i] == '"') {
                quoted = !quoted;

            } else if (quoted && rest->data[i] == '\\' && i + 1 < rest->len) {
                i++;

            } else if (!quoted && rest->data[i] == ',') {
                break;
            }
        }

        item->data = rest->data;
        item->len = i;

        i = i < rest->len ? i + 1 : i;
        rest->data += i;
        rest->len -= i;

        agent_http_trim(item);

        if (item->len) {
            return 1;
        }
    }

    return 0;
}


void
agent_http_trim(agent_str_t *s)
{
    while (s->len && (s->data[0] == ' ' || s->data[0] == '\t')) {
        s->data++;
        s->len--;
    }

    while (s->len
           && (s->data[s->len - 1] == ' ' || s->data[s->len - 1] == '\t'))
    {
        s->len--;
    }
}


/* without case; text is in lower case */

int
agent_http_is(const agent_str_t *s, const char *text)
{
    size_t  i;

    if (s->len != strlen(text)) {
        return 0;
    }

    for (i = 0; i < s->len; i++) {
        if (agent_http_lower(s->data[i]) != (uint8_t) text[i]) {
            return 0;
        }
    }

    return 1;
}


/* delta-seconds: RFC 9111, 1.2.2; -1 where it is none */

int64_t
agent_http_seconds(const agent_str_t *s)
{
    size_t   i;
    int64_t  n;

    for (i = 0, n = 0; i < s->len; i++) {
        if (s->data[i] < '0' || s->data[i] > '9') {
            return -1;
        }

        n = n * 10 + (s->data[i] - '0');

        if (n > AGENT_HTTP_SECONDS_MAX) {
            n = AGENT_HTTP_SECONDS_MAX;
        }
    }

    return s->len ? n : -1;
}


/* RFC 9110, 5.6.2 */

int
agent_http_tchar(uint8_t c)
{
    if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
        || (c >= 'a' && c <= 'z'))
    {
        return 1;
    }

    return c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}


uint8_t
agent_http_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t) (c | 0x20) : c;
}
