
/*
 * Prometheus's text format 0.0.4 and OpenMetrics 1.0, which differ in how a
 * family is named: the one by its samples, the other without their suffix.
 */

#include "agent_metrics.h"


#define AGENT_METRIC_MS  32


static void agent_metric_text(agent_metrics_t *m, const char *text);
static void agent_metric_head(agent_metrics_t *m, const char *what,
    const char *text);
static void agent_metric_labels(agent_metrics_t *m,
    const agent_label_t *label, unsigned n);
static void agent_metric_value(agent_metrics_t *m, const agent_str_t *value);
static size_t agent_metric_octet(agent_metrics_t *m, const uint8_t *p,
    size_t len);
static void agent_metric_line(agent_metrics_t *m, const char *suffix,
    const agent_label_t *label, unsigned n);
static size_t agent_metric_seconds(char *dst, uint64_t ms);


static const char  *agent_metric_types[] = {
    "counter", "gauge", "histogram", "info"
};


static const char  *agent_metric_suffixes[] = {
    "_total", "", "", "_info"
};


void
agent_metric(agent_metrics_t *m, const char *name, agent_metric_e type,
    const char *unit, const char *help)
{
    m->name = name;
    m->suffix = agent_metric_suffixes[type];

    if (type == AGENT_METRIC_INFO && !m->open) {
        type = AGENT_METRIC_GAUGE;
    }

    agent_metric_head(m, "# TYPE ", agent_metric_types[type]);

    if (m->open && *unit) {
        agent_metric_head(m, "# UNIT ", unit);
    }

    agent_metric_head(m, "# HELP ", help);
}


static void
agent_metric_text(agent_metrics_t *m, const char *text)
{
    agent_json_raw(m->json, text, strlen(text));
}


static void
agent_metric_head(agent_metrics_t *m, const char *what, const char *text)
{
    agent_metric_text(m, what);
    agent_metric_text(m, m->name);

    if (!m->open) {
        agent_metric_text(m, m->suffix);
    }

    agent_metric_text(m, " ");
    agent_metric_text(m, text);
    agent_metric_text(m, "\n");
}


void
agent_metric_sample(agent_metrics_t *m, const agent_label_t *label, unsigned n,
    uint64_t value)
{
    agent_metric_line(m, m->suffix, label, n);
    agent_json_uint(m->json, value);
    agent_metric_text(m, "\n");
}


static void
agent_metric_line(agent_metrics_t *m, const char *suffix,
    const agent_label_t *label, unsigned n)
{
    agent_metric_text(m, m->name);
    agent_metric_text(m, suffix);
    agent_metric_labels(m, label, n);
    agent_metric_text(m, " ");
}


static void
agent_metric_labels(agent_metrics_t *m, const agent_label_t *label, unsigned n)
{
    unsigned  i;

    for (i = 0; i < n; i++) {
        agent_metric_text(m, i == 0 ? "{" : ",");
        agent_metric_text(m, label[i].name);
        agent_metric_text(m, "=\"");
        agent_metric_value(m, &label[i].value);
        agent_metric_text(m, "\"");
    }

    if (n) {
        agent_metric_text(m, "}");
    }
}


static void
agent_metric_value(agent_metrics_t *m, const agent_str_t *value)
{
    size_t  i;

    for (i = 0; i < value->len; /* void */ ) {
        i += agent_metric_octet(m, value->data + i, value->len - i);
    }
}


/*
 * What is escaped in a label: backslash, quote, LF.  A terminal must not be
 * told things by the name of a zone, and the text is UTF-8: other octets are
 * spelled out, so that two names stay two.
 */

static size_t
agent_metric_octet(agent_metrics_t *m, const uint8_t *p, size_t len)
{
    size_t   n;
    uint8_t  spelled[5];

    static const uint8_t  digits[] = "0123456789abcdef";

    switch (*p) {

    case '\\':
        agent_metric_text(m, "\\\\");
        return 1;

    case '"':
        agent_metric_text(m, "\\\"");
        return 1;

    case '\n':
        agent_metric_text(m, "\\n");
        return 1;

    default:
        break;
    }

    n = (*p < 0x80) ? (*p >= 0x20 && *p != 0x7f) : agent_json_utf8(p, len);

    /* C1 and U+2028, U+2029, as in JSON */

    if ((n == 2 && p[0] == 0xc2 && p[1] < 0xa0)
        || (n == 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] | 1) == 0xa9))
    {
        n = 0;
    }

    if (n) {
        agent_json_raw(m->json, p, n);
        return n;
    }

    memcpy(spelled, "\\\\x", 3);
    spelled[3] = digits[*p >> 4];
    spelled[4] = digits[*p & 0xf];

    agent_json_raw(m->json, spelled, sizeof(spelled));

    return 1;
}


void
agent_metric_histogram(agent_metrics_t *m, const agent_label_t *label,
    const uint64_t *count, unsigned buckets, uint64_t (*bound)(unsigned),
    uint64_t sum_ms)
{
    char           text[AGENT_METRIC_MS];
    uint64_t       n;
    unsigned       i;
    agent_label_t  both[2];

    both[0] = *label;

    for (i = 0, n = 0; i < buckets; i++) {
        n += count[i];

        if (bound(i)) {
            both[1].value.len = agent_metric_seconds(text, bound(i));
            both[1].value.data = (uint8_t *) text;
            both[1].name = "le";

        } else {
            agent_label_set(&both[1], "le", "+Inf");
        }

        agent_metric_line(m, "_bucket", both, 2);
        agent_json_uint(m->json, n);
        agent_metric_text(m, "\n");
    }

    agent_metric_line(m, "_count", label, 1);
    agent_json_uint(m->json, n);
    agent_metric_text(m, "\n");

    agent_metric_line(m, "_sum", label, 1);
    agent_json_raw(m->json, text, agent_metric_seconds(text, sum_ms));
    agent_metric_text(m, "\n");
}


/* "0.005", "2.5", "10.0": as few digits as there are; returns how many */

static size_t
agent_metric_seconds(char *dst, uint64_t ms)
{
    char     *p;
    uint64_t  rest;

    p = (char *) agent_json_digits((uint8_t *) dst, ms / 1000);
    rest = ms % 1000;

    *p++ = '.';
    *p++ = (char) ('0' + rest / 100);

    if (rest % 100) {
        *p++ = (char) ('0' + rest / 10 % 10);
    }

    if (rest % 10) {
        *p++ = (char) ('0' + rest % 10);
    }

    return (size_t) (p - dst);
}


void
agent_metrics_end(agent_metrics_t *m)
{
    if (m->open) {
        agent_metric_text(m, "# EOF\n");
    }
}
