
/* memmem() */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "agent_audit_known.h"
#include "agent_b64url.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <stdlib.h>


/* the most chains of a boot, and epochs that a line may be ahead: numbers that
   nobody has vouched for yet must not keep us busy */

#define AGENT_AUDIT_CHAINS     1000000
#define AGENT_AUDIT_EPOCHS     1000000

/* keys that lines may cost, else a few that are made up would cost hours: so
   many, and more with each that is proven */

#define AGENT_AUDIT_CREDIT     4000000
#define AGENT_AUDIT_PROVEN     1000

/* parts of lines that wait for the whole ones */

#define AGENT_AUDIT_PARTS      16

/* ms beyond two intervals after which a chain is not merely late */

#define AGENT_AUDIT_LATE       60000

#define AGENT_AUDIT_RECORD     "\"unmapped\":{\"audit\":"
#define AGENT_AUDIT_INTEGRITY  ",\"integrity\":{\"chain_uid\":\""

typedef struct {
    agent_audit_pos_t     pos;
    size_t                len;
    uint8_t               text[AGENT_AUDIT_LINE_MAX];
} agent_audit_part_t;


struct agent_audit_verify_s {
    agent_audit_known_t   known;
    unsigned              partial;

    agent_audit_fault_pt  fault;
    void                 *data;

    agent_audit_part_t   *parts;
    uint32_t              nparts;

    uint64_t              newest;
    int64_t               credit;       /* a line may take more than it */
    agent_audit_result_t  result;
};


static void agent_audit_fault(agent_audit_verify_t *v,
    agent_audit_fault_e fault, const agent_audit_pos_t *pos,
    const agent_str_t *uid, uint64_t seq, uint64_t expected);
static void agent_audit_part(agent_audit_verify_t *v,
    const agent_audit_pos_t *pos, const uint8_t *line, size_t len);
static void agent_audit_whole(agent_audit_verify_t *v, const uint8_t *line,
    size_t len);
static int agent_audit_next(agent_audit_verify_t *v,
    agent_audit_state_t *chain, const agent_audit_link_t *link,
    const agent_audit_pos_t *pos);
static int agent_audit_prove(agent_audit_verify_t *v,
    agent_audit_state_t *chain, const agent_audit_link_t *link,
    const agent_audit_pos_t *pos, const uint8_t *line);
static int agent_audit_proves(agent_audit_verify_t *v,
    agent_audit_state_t *chain, const agent_audit_link_t *link,
    const uint8_t *line, const uint8_t *prev);
static int agent_audit_event(agent_audit_verify_t *v,
    agent_audit_state_t *chain, const agent_audit_link_t *link,
    const uint8_t *line);
static json_t *agent_audit_event_json(const agent_audit_link_t *link,
    const uint8_t *line);
static int agent_audit_takeover(agent_audit_verify_t *v, const json_t *event,
    const agent_audit_link_t *by);
static uint64_t agent_audit_member_number(const json_t *json,
    const char *name);
static void agent_audit_ends(agent_audit_verify_t *v);
static void agent_audit_gaps(agent_audit_verify_t *v);


agent_audit_verify_t *
agent_audit_verify_create(const agent_pepper_t *secrets, size_t n,
    unsigned partial, agent_audit_fault_pt fault, void *data)
{
    agent_audit_verify_t  *v;

    v = calloc(1, sizeof(agent_audit_verify_t));
    if (v == NULL) {
        return NULL;
    }

    v->known.secrets = secrets;
    v->known.nsecrets = n;
    v->partial = partial;
    v->fault = fault;
    v->data = data;
    v->credit = AGENT_AUDIT_CREDIT;

    return v;
}


void
agent_audit_verify_free(agent_audit_verify_t *v)
{
    if (v == NULL) {
        return;
    }

    agent_audit_known_free(&v->known);

    free(v->parts);
    free(v);
}


int
agent_audit_verify_line(agent_audit_verify_t *v, const agent_audit_pos_t *pos,
    const uint8_t *line, size_t len)
{
    int                   proven;
    agent_audit_link_t    link;
    agent_audit_state_t  *chain;

    if (len > AGENT_AUDIT_LINE_MAX
        || agent_audit_link_parse(&link, line, len) != 0)
    {
        agent_audit_part(v, pos, line, len);
        return 0;
    }

    if (link.index >= AGENT_AUDIT_CHAINS || v->known.cost > v->credit) {
        agent_audit_fault(v, AGENT_AUDIT_CHANGED, pos, &link.uid, link.seq, 0);
        return 0;
    }

    if (agent_pepper_find(v->known.secrets, v->known.nsecrets, &link.kid)
        == NULL)
    {
        agent_audit_fault(v, AGENT_AUDIT_NO_KEY, pos, &link.uid, link.seq, 0);
        return 0;
    }

    if (agent_audit_known_chain(&v->known, &link, &chain) != 0) {
        return -1;
    }

    if (agent_audit_next(v, chain, &link, pos) != 0) {
        return 0;
    }

    proven = agent_audit_prove(v, chain, &link, pos, line);

    if (proven == -1) {
        return -1;
    }

    /* whatever it is, it is for the next line to build upon */

    chain->seq = link.seq;
    chain->pos = *pos;
    chain->proven = 1;
    memcpy(chain->mac, link.mac, AGENT_GMAC_LEN);

    if (!proven) {
        return 0;
    }

    v->result.lines++;
    v->credit += AGENT_AUDIT_PROVEN;

    chain->time = agent_audit_line_time(line, len);
    if (chain->time > v->newest) {
        v->newest = chain->time;
    }

    agent_audit_whole(v, line, len);

    return agent_audit_event(v, chain, &link, line);
}


static void
agent_audit_fault(agent_audit_verify_t *v, agent_audit_fault_e fault,
    const agent_audit_pos_t *pos, const agent_str_t *uid, uint64_t seq,
    uint64_t expected)
{
    agent_audit_fault_t  f;

    f.fault = fault;
    f.pos = *pos;
    f.uid = *uid;
    f.seq = seq;
    f.expected = expected;

    v->result.faults++;

    v->fault(v->data, &f);
}


/*
 * A full disk may have torn a line, which was then written again.  The part is
 * of no harm where the whole line comes later; any other is a fault.
 */

static void
agent_audit_part(agent_audit_verify_t *v, const agent_audit_pos_t *pos,
    const uint8_t *line, size_t len)
{
    agent_str_t          none = agent_string("");
    agent_audit_part_t  *part;

    if (v->parts == NULL) {
        v->parts = calloc(AGENT_AUDIT_PARTS, sizeof(agent_audit_part_t));
    }

    if (len == 0 || line[0] != '{' || len >= AGENT_AUDIT_LINE_MAX
        || v->parts == NULL || v->nparts == AGENT_AUDIT_PARTS)
    {
        agent_audit_fault(v, AGENT_AUDIT_FOREIGN, pos, &none, 0, 0);
        return;
    }

    part = &v->parts[v->nparts++];

    part->pos = *pos;
    part->len = len;
    memcpy(part->text, line, len);
}


static void
agent_audit_whole(agent_audit_verify_t *v, const uint8_t *line, size_t len)
{
    uint32_t             i;
    agent_audit_part_t  *part;

    for (i = 0; i < v->nparts; i++) {

        part = &v->parts[i];

        if (part->len < len && memcmp(part->text, line, part->len) == 0) {
            *part = v->parts[--v->nparts];
            v->result.torn++;
            return;
        }
    }
}


/* 0 where the line is to be taken as the next one of its chain */

static int
agent_audit_next(agent_audit_verify_t *v, agent_audit_state_t *chain,
    const agent_audit_link_t *link, const agent_audit_pos_t *pos)
{
    if (chain->ended) {
        agent_audit_fault(v, AGENT_AUDIT_AFTER_END, pos, &link->uid, link->seq,
                          chain->seq);
        return -1;
    }

    if (link->seq <= chain->seq) {
        agent_audit_fault(v, AGENT_AUDIT_ORDER, pos, &link->uid, link->seq,
                          chain->seq + 1);
        return -1;
    }

    if (link->seq == chain->seq + 1) {

        /* of the first line the MAC before is 16 zeros */

        chain->proven = (chain->seq == 0) ? 1 : chain->proven;
        return 0;
    }

    if (chain->seq) {
        agent_audit_fault(v, AGENT_AUDIT_MISSING, pos, &link->uid, link->seq,
                          chain->seq + 1);

    } else if (!v->partial) {
        agent_audit_fault(v, AGENT_AUDIT_HEADLESS, pos, &link->uid, link->seq,
                          1);
    }

    chain->proven = 0;

    return 0;
}


/* 1 where the line is proven; -1: OpenSSL has no MAC */

static int
agent_audit_prove(agent_audit_verify_t *v, agent_audit_state_t *chain,
    const agent_audit_link_t *link, const agent_audit_pos_t *pos,
    const uint8_t *line)
{
    int  rc;

    if (!chain->proven && !link->has_prev) {
        v->result.unproven++;
        return 0;
    }

    rc = agent_audit_proves(v, chain, link, line,
                            chain->proven ? chain->mac : link->prev);

    if (rc != 0) {
        return rc;
    }

    agent_audit_fault(v, AGENT_AUDIT_CHANGED, pos, &link->uid, link->seq, 0);

    return 0;
}


/* the key goes on to the line's epoch where that proves right */

static int
agent_audit_proves(agent_audit_verify_t *v, agent_audit_state_t *chain,
    const agent_audit_link_t *link, const uint8_t *line, const uint8_t *prev)
{
    int               rc;
    uint32_t          n;
    agent_gmac_t     *gmac;
    agent_hmac_key_t  key;

    if (link->epoch < chain->epoch
        || link->epoch - chain->epoch > AGENT_AUDIT_EPOCHS
        || link->epoch > link->seq)
    {
        return 0;
    }

    key = chain->key;
    v->known.cost += link->epoch - chain->epoch;

    for (n = chain->epoch; n < link->epoch; n++) {
        agent_audit_key_next(&key);
    }

    gmac = agent_audit_known_gmac(&v->known, chain, &key, link->epoch);
    rc = gmac ? agent_audit_link_verify(link, line, gmac, prev) : -1;

    if (rc == 1) {
        chain->key = key;
        chain->epoch = link->epoch;
    }

    OPENSSL_cleanse(&key, sizeof(key));

    return rc;
}


/* what a line that is proven says of chains */

static int
agent_audit_event(agent_audit_verify_t *v, agent_audit_state_t *chain,
    const agent_audit_link_t *link, const uint8_t *line)
{
    int          rc;
    json_t      *event;
    const char  *name;

    event = agent_audit_event_json(link, line);

    if (event == NULL) {
        return 0;
    }

    rc = 0;
    name = json_string_value(json_object_get(event, "event"));

    if (name == NULL) {
        /* void */

    } else if (strcmp(name, "start") == 0) {
        chain->interval = agent_audit_member_number(event, "interval");

    } else if (strcmp(name, "stop") == 0) {
        chain->ended = 1;

    } else if (strcmp(name, "lost") == 0) {
        v->result.lost += agent_audit_member_number(event, "lines");

    } else if (strcmp(name, "takeover") == 0) {
        rc = agent_audit_takeover(v, event, link);
    }

    json_decref(event);

    return rc;
}


static json_t *
agent_audit_event_json(const agent_audit_link_t *link, const uint8_t *line)
{
    size_t          n;
    const uint8_t  *p, *end;

    n = sizeof(AGENT_AUDIT_RECORD) - 1;
    end = link->uid.data - (sizeof(AGENT_AUDIT_INTEGRITY) - 1);

    p = memmem(line, (size_t) (end - line), AGENT_AUDIT_RECORD, n);

    if (p == NULL) {
        return NULL;
    }

    return json_loadb((const char *) p + n, (size_t) (end - p) - n,
                      JSON_REJECT_DUPLICATES, NULL);
}


static int
agent_audit_takeover(agent_audit_verify_t *v, const json_t *event,
    const agent_audit_link_t *by)
{
    size_t                n;
    uint64_t              seq;
    const char           *uid;
    agent_audit_link_t    link;
    agent_audit_state_t  *chain;

    uid = json_string_value(json_object_get(event, "chain_uid"));

    if (uid == NULL || strlen(uid) < AGENT_AUDIT_BOOT_TEXT + 2
        || agent_b64url_decode(link.boot, &n, (const uint8_t *) uid,
                               AGENT_AUDIT_BOOT_TEXT)
           != 0)
    {
        return 0;
    }

    link.kid = by->kid;
    link.uid.data = (const uint8_t *) uid;
    link.uid.len = strlen(uid);
    link.index = (uint32_t) strtoul(uid + AGENT_AUDIT_BOOT_TEXT + 1, NULL, 10);

    seq = agent_audit_member_number(event, "seq");

    if (link.index >= AGENT_AUDIT_CHAINS) {
        return 0;
    }

    if (agent_audit_known_chain(&v->known, &link, &chain) != 0) {
        return -1;
    }

    if (chain->seq < seq && (chain->seq || !v->partial)) {
        agent_audit_fault(v, AGENT_AUDIT_CUT, &chain->pos, &link.uid,
                          chain->seq, seq);
    }

    chain->ended = 1;

    return 0;
}


static uint64_t
agent_audit_member_number(const json_t *json, const char *name)
{
    json_int_t  n;

    n = json_integer_value(json_object_get(json, name));

    return (n > 0) ? (uint64_t) n : 0;
}


void
agent_audit_verify_end(agent_audit_verify_t *v, agent_audit_result_t *result)
{
    uint32_t     i;
    agent_str_t  none = agent_string("");

    for (i = 0; i < v->nparts; i++) {
        agent_audit_fault(v, AGENT_AUDIT_FOREIGN, &v->parts[i].pos, &none, 0,
                          0);
    }

    v->nparts = 0;

    agent_audit_ends(v);

    if (!v->partial) {
        agent_audit_gaps(v);
    }

    v->result.chains = v->known.nchains;

    *result = v->result;
}


static void
agent_audit_ends(agent_audit_verify_t *v)
{
    uint8_t               buf[AGENT_AUDIT_CHAIN_UID];
    uint32_t              i;
    uint64_t              late;
    agent_str_t           uid;
    agent_audit_state_t  *chain;

    for (i = 0; i < v->known.nchains; i++) {

        chain = &v->known.chains[i];

        if (chain->ended) {
            continue;
        }

        late = chain->time + 2 * chain->interval + AGENT_AUDIT_LATE;

        if (v->partial || chain->interval > INT64_MAX / 4 || v->newest <= late)
        {
            v->result.open++;
            continue;
        }

        uid.data = buf;
        uid.len = agent_audit_chain_uid(buf, v->known.boots[chain->boot].boot,
                                        chain->index);

        agent_audit_fault(v, AGENT_AUDIT_NO_STOP, &chain->pos, &uid,
                          chain->seq, 0);
    }
}


/* chains are numbered: the first that is not here, of each boot */

static void
agent_audit_gaps(agent_audit_verify_t *v)
{
    uint8_t              buf[AGENT_AUDIT_CHAIN_UID];
    uint32_t             i, n;
    agent_str_t          uid;
    agent_audit_pos_t    nowhere = { 0, 0 };
    agent_audit_boot_t  *boot;

    for (i = 0; i < v->known.nboots; i++) {

        boot = &v->known.boots[i];

        if (boot->chains > boot->last) {
            continue;
        }

        for (n = 0; agent_audit_known_nth(&v->known, i, n); n++) {
            /* void */
        }

        uid.data = buf;
        uid.len = agent_audit_chain_uid(buf, boot->boot, n);

        agent_audit_fault(v, AGENT_AUDIT_NO_CHAIN, &nowhere, &uid, 0, 0);
    }
}
