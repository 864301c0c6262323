
#include "agent_accept.h"


#define AGENT_ACCEPT_ONE  1000


typedef struct {
    const uint8_t  *p;
    const uint8_t  *end;
} agent_accept_text_t;


/* what is known of an offer: how exactly it was named, and its weight */

typedef struct {
    unsigned        exact;      /* 0: not at all, 1: all, 2: type, 3: itself */
    unsigned        weight;
} agent_accept_offer_t;


static int agent_accept_range(agent_accept_text_t *text, agent_media_t *range,
    unsigned *weight);
static int agent_accept_parameter(agent_accept_text_t *text,
    unsigned *weight);
static int agent_accept_quoted(agent_accept_text_t *text);
static int agent_accept_weight(const agent_str_t *value, unsigned *weight);
static void agent_accept_token(agent_accept_text_t *text, agent_str_t *token);
static void agent_accept_space(agent_accept_text_t *text);
static void agent_accept_note(const agent_media_t *range, unsigned weight,
    const agent_media_t *offer, agent_accept_offer_t *known);
static unsigned agent_accept_same(const agent_str_t *a, const agent_str_t *b);


#define agent_accept_any(s)  ((s)->len == 1 && (s)->data[0] == '*')


unsigned
agent_accept(const agent_str_t *value, const agent_media_t *offer, unsigned n)
{
    unsigned              i, best, weight;
    agent_media_t         range;
    agent_accept_text_t   text;
    agent_accept_offer_t  known[AGENT_ACCEPT_OFFERS];

    memset(known, 0, sizeof(known));

    text.p = value->data;
    text.end = value->data + value->len;

    while (text.p < text.end) {

        agent_accept_space(&text);

        /* an empty element of the list: RFC 9110, 5.6.1.2 */

        if (text.p < text.end && *text.p == ',') {
            text.p++;
            continue;
        }

        if (text.p == text.end) {
            break;
        }

        if (agent_accept_range(&text, &range, &weight) != 0) {
            return 0;
        }

        for (i = 0; i < n; i++) {
            agent_accept_note(&range, weight, &offer[i], &known[i]);
        }
    }

    for (i = 0, best = 0; i < n; i++) {
        if (known[i].weight > known[best].weight) {
            best = i;
        }
    }

    return best;
}


static int
agent_accept_range(agent_accept_text_t *text, agent_media_t *range,
    unsigned *weight)
{
    *weight = AGENT_ACCEPT_ONE;

    agent_accept_token(text, &range->type);

    if (range->type.len == 0 || text->p == text->end || *text->p++ != '/') {
        return -1;
    }

    agent_accept_token(text, &range->subtype);

    if (range->subtype.len == 0) {
        return -1;
    }

    for ( ;; ) {

        agent_accept_space(text);

        if (text->p == text->end) {
            return 0;
        }

        switch (*text->p++) {

        case ',':
            return 0;

        case ';':
            if (agent_accept_parameter(text, weight) != 0) {
                return -1;
            }

            break;

        default:
            return -1;
        }
    }
}


/* after the semicolon */

static int
agent_accept_parameter(agent_accept_text_t *text, unsigned *weight)
{
    agent_str_t  name, value;

    agent_accept_space(text);
    agent_accept_token(text, &name);

    if (name.len == 0) {
        return 0;
    }

    if (text->p == text->end || *text->p != '=') {
        return 0;
    }

    text->p++;

    if (text->p < text->end && *text->p == '"') {
        return agent_accept_quoted(text);
    }

    agent_accept_token(text, &value);

    if (name.len == 1 && (name.data[0] | 0x20) == 'q') {
        return agent_accept_weight(&value, weight);
    }

    return 0;
}


/* RFC 9110, 5.6.4 */

static int
agent_accept_quoted(agent_accept_text_t *text)
{
    for (text->p++; text->p < text->end; text->p++) {

        if (*text->p == '"') {
            text->p++;
            return 0;
        }

        if (*text->p == '\\' && text->end - text->p > 1) {
            text->p++;
        }
    }

    return -1;
}


/* RFC 9110, 12.4.2: 0 or 1, and up to three digits */

static int
agent_accept_weight(const agent_str_t *value, unsigned *weight)
{
    size_t    i;
    unsigned  n, unit;

    if (value->len == 0 || value->len > 5
        || (value->data[0] != '0' && value->data[0] != '1')
        || (value->len > 1 && value->data[1] != '.'))
    {
        return -1;
    }

    n = (unsigned) (value->data[0] - '0') * AGENT_ACCEPT_ONE;
    unit = AGENT_ACCEPT_ONE / 10;

    for (i = 2; i < value->len; i++, unit /= 10) {

        if (value->data[i] < '0' || value->data[i] > '9') {
            return -1;
        }

        n += (unsigned) (value->data[i] - '0') * unit;
    }

    if (n > AGENT_ACCEPT_ONE) {
        return -1;
    }

    *weight = n;

    return 0;
}


/* RFC 9110, 5.6.2 */

static void
agent_accept_token(agent_accept_text_t *text, agent_str_t *token)
{
    token->data = text->p;

    while (text->p < text->end && *text->p > 0x20 && *text->p < 0x7f
           && memchr("\"(),/:;<=>?@[\\]{}", *text->p, 17) == NULL)
    {
        text->p++;
    }

    token->len = (size_t) (text->p - token->data);
}


static void
agent_accept_space(agent_accept_text_t *text)
{
    while (text->p < text->end && (*text->p == ' ' || *text->p == '\t')) {
        text->p++;
    }
}


/* the most exact of the ranges counts, the greatest weight of several */

static void
agent_accept_note(const agent_media_t *range, unsigned weight,
    const agent_media_t *offer, agent_accept_offer_t *known)
{
    unsigned  exact;

    if (agent_accept_same(&range->type, &offer->type)) {
        exact = agent_accept_same(&range->subtype, &offer->subtype) ? 3
                : agent_accept_any(&range->subtype) ? 2 : 0;

    } else {
        exact = (agent_accept_any(&range->type)
                 && agent_accept_any(&range->subtype)) ? 1 : 0;
    }

    if (exact == 0 || exact < known->exact) {
        return;
    }

    if (exact > known->exact || weight > known->weight) {
        known->exact = exact;
        known->weight = weight;
    }
}


static unsigned
agent_accept_same(const agent_str_t *a, const agent_str_t *b)
{
    size_t   i;
    uint8_t  c;

    if (a->len != b->len) {
        return 0;
    }

    for (i = 0; i < a->len; i++) {
        c = a->data[i];
        c = (c >= 'A' && c <= 'Z') ? (uint8_t) (c | 0x20) : c;

        if (c != b->data[i]) {
            return 0;
        }
    }

    return 1;
}
