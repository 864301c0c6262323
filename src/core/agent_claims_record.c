
/*
 * Claims as the cache keeps them: a record that is cheap to read again.
 */

/* memmem() */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "agent_claims.h"


#define AGENT_RECORD_MAGIC   0x336c6361         /* "acl3" */

/* the members that are text come first, in an array as it were */

#define AGENT_CLAIMS_TEXTS                                                    \
    (offsetof(agent_claims_t, expires) / sizeof(agent_str_t))

#define agent_claims_texts(claims)  ((agent_str_t *) (claims))


/*
 * A record begins with it.  Places of so many texts follow, the thumbprints
 * that bound tells, and octets of text.
 */

typedef struct {
    uint32_t      magic;
    uint16_t      bound;
    uint16_t      act_depth;
    uint16_t      texts;
    uint16_t      octets;
    uint32_t      pad;
    int64_t       expires;
    int64_t       not_before;
    int64_t       issued;
    int64_t       auth_time;
    uint64_t      signer;
} agent_record_head_t;


/* from expires to signer as in agent_claims_t: they are copied as a whole */

#define AGENT_RECORD_TIMES                                                    \
    (sizeof(agent_record_head_t) - offsetof(agent_record_head_t, expires))

_Static_assert(offsetof(agent_claims_t, signer) + sizeof(uint64_t)
               == offsetof(agent_claims_t, expires) + AGENT_RECORD_TIMES,
               "times in agent_claims_t and in a record");


/* of a text, from the first octet of text on */

typedef struct {
    uint16_t      offset;
    uint16_t      len;
} agent_record_place_t;


/* where the text goes */

typedef struct {
    uint8_t      *p;
    uint8_t      *last;
} agent_record_buf_t;


static int agent_record_places(const agent_claims_t *claims,
    agent_record_buf_t *b, agent_record_head_t *head, uint8_t *places);
static int agent_record_place(agent_record_buf_t *b, const uint8_t *start,
    const agent_str_t *text, uint8_t *place);
static const uint8_t *agent_record_bound(const uint8_t *p,
    const uint8_t *last, agent_claims_t *claims);
static int agent_record_put(agent_record_buf_t *b, const void *data,
    size_t len, agent_str_t *text);


size_t
agent_claims_size(const agent_claims_t *claims)
{
    size_t              i, size;
    const agent_str_t  *text;

    text = agent_claims_texts(claims);

    size = sizeof(agent_record_head_t) + 2 * AGENT_THUMBPRINT_LEN
           + AGENT_CLAIMS_TEXTS * sizeof(agent_record_place_t);

    for (i = 0; i < AGENT_CLAIMS_TEXTS; i++) {
        size += text[i].len;
    }

    return size;
}


size_t
agent_claims_pack(const agent_claims_t *claims, uint8_t *record, size_t size)
{
    uint8_t              *places;
    agent_str_t           bound;
    const agent_str_t    *text;
    agent_record_buf_t    b;
    agent_record_head_t   head;

    memset(&head, 0, sizeof(head));

    head.magic = AGENT_RECORD_MAGIC;
    head.bound = (uint16_t) claims->bound;
    head.act_depth = (uint16_t) claims->act_depth;
    head.texts = AGENT_CLAIMS_TEXTS;
    memcpy(&head.expires, &claims->expires, AGENT_RECORD_TIMES);

    text = agent_claims_texts(claims);

    while (head.texts && text[head.texts - 1].len == 0) {
        head.texts--;
    }

    if (size < sizeof(head) + head.texts * sizeof(agent_record_place_t)) {
        return 0;
    }

    places = record + sizeof(head);

    b.p = places + head.texts * sizeof(agent_record_place_t);
    b.last = record + size;

    if (((claims->bound & AGENT_BOUND_MTLS)
         && agent_record_put(&b, claims->x5t, AGENT_THUMBPRINT_LEN, &bound)
            != 0)
        || ((claims->bound & AGENT_BOUND_DPOP)
            && agent_record_put(&b, claims->jkt, AGENT_THUMBPRINT_LEN, &bound)
               != 0)
        || agent_record_places(claims, &b, &head, places) != 0)
    {
        return 0;
    }

    memcpy(record, &head, sizeof(head));

    return (size_t) (b.p - record);
}


static int
agent_record_places(const agent_claims_t *claims, agent_record_buf_t *b,
    agent_record_head_t *head, uint8_t *places)
{
    size_t              i;
    uint8_t            *start;
    agent_str_t         json;
    const agent_str_t  *text;

    text = agent_claims_texts(claims);
    start = b->p;

    /* the JSON goes first, as most of the others stand in it */

    if (agent_record_put(b, claims->json.data, claims->json.len, &json) != 0) {
        return -1;
    }

    for (i = 0; i < head->texts; i++) {
        if (agent_record_place(b, start, &text[i],
                               places + i * sizeof(agent_record_place_t))
            != 0)
        {
            return -1;
        }
    }

    if (b->p - start > UINT16_MAX) {
        return -1;
    }

    head->octets = (uint16_t) (b->p - start);

    return 0;
}


/* text that is there already is not kept twice */

static int
agent_record_place(agent_record_buf_t *b, const uint8_t *start,
    const agent_str_t *text, uint8_t *place)
{
    agent_str_t            put;
    const uint8_t         *found;
    agent_record_place_t   stored;

    put.data = start;

    if (text->len) {

        found = memmem(start, (size_t) (b->p - start), text->data, text->len);

        if (found) {
            put.data = found;

        } else if (agent_record_put(b, text->data, text->len, &put) != 0) {
            return -1;
        }
    }

    if (text->len > UINT16_MAX || put.data - start > UINT16_MAX) {
        return -1;
    }

    stored.offset = (uint16_t) (put.data - start);
    stored.len = (uint16_t) text->len;

    memcpy(place, &stored, sizeof(stored));

    return 0;
}


static int
agent_record_put(agent_record_buf_t *b, const void *data, size_t len,
    agent_str_t *text)
{
    if (len > (size_t) (b->last - b->p)) {
        return -1;
    }

    text->data = b->p;
    text->len = len;

    if (len) {
        memcpy(b->p, data, len);
    }

    b->p += len;

    return 0;
}


int
agent_claims_unpack(const uint8_t *record, size_t len, agent_claims_t *claims)
{
    size_t                 octets;
    agent_str_t           *text, *last;
    const uint8_t         *p, *places;
    agent_record_head_t    head;
    agent_record_place_t   place;

    if (len < sizeof(head)) {
        return -1;
    }

    memcpy(&head, record, offsetof(agent_record_head_t, expires));
    memcpy(&claims->expires, record + offsetof(agent_record_head_t, expires),
           AGENT_RECORD_TIMES);

    if (head.magic != AGENT_RECORD_MAGIC || head.texts > AGENT_CLAIMS_TEXTS
        || len - sizeof(head) < head.texts * sizeof(place))
    {
        return -1;
    }

    claims->act_depth = head.act_depth;
    claims->bound = head.bound;

    places = record + sizeof(head);

    p = agent_record_bound(places + head.texts * sizeof(place), record + len,
                           claims);
    octets = head.octets;

    if (p == NULL || (size_t) (record + len - p) != octets) {
        return -1;
    }

    text = agent_claims_texts(claims);
    last = text + head.texts;

    for ( /* void */ ; text < last; text++, places += sizeof(place)) {

        memcpy(&place, places, sizeof(place));

        text->data = p + place.offset;
        text->len = place.len;

        if (place.offset + text->len > octets) {
            return -1;
        }
    }

    last = agent_claims_texts(claims) + AGENT_CLAIMS_TEXTS;

    for ( /* void */ ; text < last; text++) {
        memset(text, 0, sizeof(*text));
    }

    return 0;
}


/* the thumbprints, most often none; what follows them, or NULL */

static const uint8_t *
agent_record_bound(const uint8_t *p, const uint8_t *last,
    agent_claims_t *claims)
{
    memset(claims->x5t, 0, AGENT_THUMBPRINT_LEN);
    memset(claims->jkt, 0, AGENT_THUMBPRINT_LEN);

    if (claims->bound == 0) {
        return p;
    }

    if (claims->bound & AGENT_BOUND_MTLS) {

        if (last - p < AGENT_THUMBPRINT_LEN) {
            return NULL;
        }

        memcpy(claims->x5t, p, AGENT_THUMBPRINT_LEN);
        p += AGENT_THUMBPRINT_LEN;
    }

    if (claims->bound & AGENT_BOUND_DPOP) {

        if (last - p < AGENT_THUMBPRINT_LEN) {
            return NULL;
        }

        memcpy(claims->jkt, p, AGENT_THUMBPRINT_LEN);
        p += AGENT_THUMBPRINT_LEN;
    }

    return p;
}
