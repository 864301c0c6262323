
/*
 * What a client would rather have.  Without this Prometheus could be given a
 * page and a browser a text, or a field that is none could be read past its
 * end (RFC 9110, 12.5.1).
 */

#include "tap.h"

#include "agent_accept.h"

#include <stdlib.h>


static unsigned chosen(const char *text);


static const agent_media_t  offers[] = {
    { agent_string("application"), agent_string("json") },
    { agent_string("text"), agent_string("html") },
    { agent_string("application"), agent_string("openmetrics-text") },
    { agent_string("text"), agent_string("plain") }
};


static const struct {
    const char  *text;
    unsigned     offer;
} cases[] = {
    { "", 0 },
    { "*/*", 0 },
    { "application/json", 0 },
    { "text/html", 1 },
    { "TEXT/HTML", 1 },
    { "text/plain", 3 },
    { "text/*", 1 },
    { "application/*", 0 },
    { "application/openmetrics-text", 2 },

    /* the greatest weight, and 1 where there is none */
    { "text/html;q=0.5, text/plain", 3 },
    { "text/html;q=0.5, text/plain;q=0.4", 1 },
    { "text/html ; q=0.001 , */* ; q=0", 1 },
    { "text/html;Q=0.9,text/plain;q=0.95", 3 },
    { "text/plain;q=1.000,text/html;q=0.999", 3 },

    /* the most exact range counts, wherever it stands */
    { "*/*;q=0.9, application/json;q=0.1", 1 },
    { "application/json;q=0, */*;q=0.1", 1 },
    { "text/*, text/html;q=0", 3 },
    { "text/html;q=0, text/*", 3 },
    { "text/plain;q=0.3, text/plain;version=0.0.4;q=0.7, text/html;q=0.5", 3 },

    /* as browsers and Prometheus ask */
    { "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,"
      "image/webp,*/*;q=0.8", 1 },
    { "application/openmetrics-text;version=1.0.0;q=0.6,"
      "application/openmetrics-text;version=0.0.1;q=0.5,"
      "text/plain;version=0.0.4;q=0.3,*/*;q=0.2", 2 },
    { "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
      "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6", 3 },

    /* parameters, quoted ones too, and empty elements */
    { "text/html;a=\"x,y;q=0\\\"\";q=0.9, text/plain;q=0.8", 1 },
    { "text/html;level;q=0.9,,, ,text/plain;q=0.8,", 1 },
    { "text/html;", 1 },

    /* nothing that is offered */
    { "image/png", 0 },
    { "*/*;q=0", 0 },

    /* no such field: as if there were none */
    { "text/html, text", 0 },
    { "text/html, /plain", 0 },
    { "text/html, text/", 0 },
    { "text/html;q=2", 0 },
    { "text/html;q=1.001", 0 },
    { "text/html;q=0.1234", 0 },
    { "text/html;q=", 0 },
    { "text/html;q=.5", 0 },
    { "text/html;q=0,5", 0 },
    { "text/html;q=-1", 0 },
    { "text/html;a=\"", 0 },
    { "text/html;a=\"\\", 0 },
    { "text/html text/plain", 0 },
    { "\"text/html\"", 0 },
    { "*/html", 0 }
};


int
main(void)
{
    size_t    i;
    unsigned  n;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        n = chosen(cases[i].text);
        ok(n == cases[i].offer, "\"%s\": %u", cases[i].text, n);
    }

    return tap_done();
}


/* of a copy that ends where its memory ends */

static unsigned
chosen(const char *text)
{
    unsigned      n;
    uint8_t      *copy;
    agent_str_t   value;

    value.len = strlen(text);
    copy = malloc(value.len ? value.len : 1);
    memcpy(copy, text, value.len);
    value.data = copy;

    n = agent_accept(&value, offers, 4);

    free(copy);

    return n;
}
