
/*
 * The text that Prometheus reads, a family of samples at a time; for
 * agent_status_metrics.c.
 */

#ifndef _AGENT_METRICS_H_INCLUDED_
#define _AGENT_METRICS_H_INCLUDED_


#include "agent_json.h"


typedef enum {
    AGENT_METRIC_COUNTER = 0,
    AGENT_METRIC_GAUGE,
    AGENT_METRIC_HISTOGRAM,
    AGENT_METRIC_INFO
} agent_metric_e;


typedef struct {
    agent_json_t   *json;       /* the writer; the text is no JSON */
    unsigned        open:1;     /* OpenMetrics 1.0, else text format 0.0.4 */
    const char     *name;       /* of the family */
    const char     *suffix;     /* of its samples */
} agent_metrics_t;


typedef struct {
    const char     *name;
    agent_str_t     value;
} agent_label_t;


/*
 * Begins a family.  name: without the suffix of its samples, ending in unit
 * where there is one (else "").  All texts are literals of ours.
 */

void agent_metric(agent_metrics_t *m, const char *name, agent_metric_e type,
    const char *unit, const char *help);


/* a sample of the family with n labels, whose values may hold any octets */

void agent_metric_sample(agent_metrics_t *m, const agent_label_t *label,
    unsigned n, uint64_t value);


/*
 * The samples of a histogram with one label: count of so many buckets, each
 * with its own, the bounds in ms (the last one 0), and the sum of all in ms.
 */

void agent_metric_histogram(agent_metrics_t *m, const agent_label_t *label,
    const uint64_t *count, unsigned buckets, uint64_t (*bound)(unsigned),
    uint64_t sum_ms);


/* after the last family */

void agent_metrics_end(agent_metrics_t *m);


#define agent_label_set(label, key, text)                                     \
    (label)->name = key;                                                      \
    (label)->value.data = (const uint8_t *) (text);                           \
    (label)->value.len = strlen(text)


#endif /* _AGENT_METRICS_H_INCLUDED_ */
