
#include "migration.h"
#include "options.h"

#include <stdlib.h>
#include <string.h>


#define CTL_RECENT  (30 * 86400)


static void ctl_sum_pairs(ctl_migration_t *m);
static void ctl_sum_pair(const ctl_migration_t *m, ctl_pair_t *pair);
static void ctl_sum_agents(ctl_migration_t *m);
static void ctl_sum_refusals(ctl_migration_t *m);
static ctl_on_e ctl_sum_on(const ctl_migration_t *m, int64_t key,
    int64_t token);
static int ctl_by_place(const void *one, const void *two);
static int ctl_by_agent(const void *one, const void *two);
static int ctl_by_use(const void *one, const void *two);
static int ctl_by_refusal(const void *one, const void *two);
static int ctl_by_number(uint64_t one, uint64_t two);


#define ctl_item(type, map, i)  ((type *) (map)->items[i])


void
ctl_migration_sum(ctl_migration_t *m)
{
    size_t  i;

    m->recent = m->last - ctl_option_duration(m->ctl, CTL_OPT_RECENT,
                                              CTL_RECENT);

    if (m->places.n) {
        qsort(m->places.items, m->places.n, sizeof(void *), ctl_by_place);
    }

    if (m->agents.n) {
        qsort(m->agents.items, m->agents.n, sizeof(void *), ctl_by_agent);
    }

    for (i = 0; i < m->places.n; i++) {
        ctl_item(ctl_place_t, &m->places, i)->rank = i;
    }

    for (i = 0; i < m->agents.n; i++) {
        ctl_item(ctl_agent_t, &m->agents, i)->rank = i;
        ctl_item(ctl_agent_t, &m->agents, i)->owner = "";
    }

    if (m->uses.n) {
        qsort(m->uses.items, m->uses.n, sizeof(void *), ctl_by_use);
    }

    ctl_sum_pairs(m);
    ctl_sum_agents(m);
    ctl_sum_refusals(m);
}


/* uses are in the order of places, and of agents there */

static void
ctl_sum_pairs(ctl_migration_t *m)
{
    size_t            i;
    ctl_pair_t       *pair;
    const ctl_use_t  *use;

    m->pairs = ctl_alloc((m->uses.n + 1) * sizeof(ctl_pair_t));

    for (i = 0, pair = NULL; i < m->uses.n; i++) {

        use = ctl_item(const ctl_use_t, &m->uses, i);

        if (pair == NULL || pair->place != use->place
            || pair->agent != use->agent)
        {
            if (pair) {
                ctl_sum_pair(m, pair);
            }

            pair = &m->pairs[m->npairs++];
            memset(pair, 0, sizeof(ctl_pair_t));

            pair->place = ctl_item(ctl_place_t, &m->places, use->place->rank);
            pair->agent = use->agent;
            pair->owner = "";
        }

        if (use->type == AGENT_AUTH_OAUTH) {
            pair->token += use->passed;

            if (use->passed_last > pair->token_last) {
                pair->token_last = use->passed_last;
            }

            continue;
        }

        pair->key += use->passed;

        if (use->passed_last > pair->key_last) {
            pair->key_last = use->passed_last;
        }

        if (use->owner[0]) {
            pair->owner = use->owner;
        }
    }

    if (pair) {
        ctl_sum_pair(m, pair);
    }
}


static void
ctl_sum_pair(const ctl_migration_t *m, ctl_pair_t *pair)
{
    ctl_agent_t  *agent;
    ctl_place_t  *place;

    agent = pair->agent;
    place = pair->place;

    pair->on = ctl_sum_on(m, pair->key_last, pair->token_last);

    place->key += pair->key;
    place->token += pair->token;
    place->agents[pair->on]++;

    agent->key += pair->key;
    agent->token += pair->token;
    agent->places[pair->on]++;

    if (pair->owner[0]) {
        agent->owner = pair->owner;
    }

    if (pair->key_last > agent->key_last) {
        agent->key_last = pair->key_last;
    }

    if (pair->token_last > agent->token_last) {
        agent->token_last = pair->token_last;
    }
}


static void
ctl_sum_agents(ctl_migration_t *m)
{
    size_t        i;
    ctl_agent_t  *agent;

    for (i = 0; i < m->agents.n; i++) {

        agent = ctl_item(ctl_agent_t, &m->agents, i);
        agent->on = ctl_sum_on(m, agent->key_last, agent->token_last);

        m->key += agent->key;
        m->token += agent->token;
        m->on[agent->on]++;
    }
}


/*
 * Those of the days on which, and after which, tokens were used at the place,
 * in one for each reason: m->refusals.n becomes the number of these.
 */

static void
ctl_sum_refusals(ctl_migration_t *m)
{
    size_t          i, n;
    ctl_refusal_t  *refusal, *sum;

    for (i = 0, n = 0; i < m->refusals.n; i++) {

        refusal = ctl_item(ctl_refusal_t, &m->refusals, i);

        if (refusal->place->first_token
            && refusal->day >= refusal->place->first_token / 86400)
        {
            m->refusals.items[n++] = refusal;
        }
    }

    m->refusals.n = n;

    if (n) {
        qsort(m->refusals.items, n, sizeof(void *), ctl_by_refusal);
    }

    for (i = 0, n = 0; i < m->refusals.n; i++) {

        refusal = ctl_item(ctl_refusal_t, &m->refusals, i);
        sum = n ? ctl_item(ctl_refusal_t, &m->refusals, n - 1) : NULL;

        if (sum == NULL || ctl_by_refusal(&sum, &refusal) != 0) {
            m->refusals.items[n++] = refusal;
            continue;
        }

        sum->count += refusal->count;

        if (refusal->last > sum->last) {
            sum->last = refusal->last;
        }
    }

    m->refusals.n = n;
}


static ctl_on_e
ctl_sum_on(const ctl_migration_t *m, int64_t key, int64_t token)
{
    int  keys, tokens;

    keys = key && key >= m->recent;
    tokens = token && token >= m->recent;

    if (keys) {
        return tokens ? CTL_ON_BOTH : CTL_ON_KEYS;
    }

    return tokens ? CTL_ON_TOKENS : CTL_IDLE;
}


unsigned
ctl_migration_percent(uint64_t part, uint64_t other)
{
    if (part + other == 0) {
        return 0;
    }

    /* 100 is for those who are done */

    return (unsigned) ((double) part * 100 / ((double) part + (double) other));
}


static int
ctl_by_place(const void *one, const void *two)
{
    int          rc;
    size_t       i;
    const void  *a, *b;

    a = *(const void *const *) one;
    b = *(const void *const *) two;

    for (i = 0, rc = 0; i < 3 && rc == 0; i++) {
        rc = strcmp(ctl_map_part(a, i), ctl_map_part(b, i));
    }

    return rc;
}


static int
ctl_by_agent(const void *one, const void *two)
{
    return strcmp(ctl_map_part(*(const void *const *) one, 0),
                  ctl_map_part(*(const void *const *) two, 0));
}


static int
ctl_by_use(const void *one, const void *two)
{
    int               rc;
    const ctl_use_t  *a, *b;

    a = *(const ctl_use_t *const *) one;
    b = *(const ctl_use_t *const *) two;

    rc = ctl_by_number(a->place->rank, b->place->rank);
    rc = rc ? rc : ctl_by_number(a->agent->rank, b->agent->rank);
    rc = rc ? rc : ctl_by_number(a->type, b->type);
    rc = rc ? rc : strcmp(a->key_id, b->key_id);

    return rc ? rc : strcmp(a->owner, b->owner);
}


static int
ctl_by_refusal(const void *one, const void *two)
{
    int                   rc;
    const ctl_refusal_t  *a, *b;

    a = *(const ctl_refusal_t *const *) one;
    b = *(const ctl_refusal_t *const *) two;

    rc = ctl_by_number(a->place->rank, b->place->rank);
    rc = rc ? rc : ctl_by_number(a->type, b->type);

    return rc ? rc : strcmp(a->reason, b->reason);
}


static int
ctl_by_number(uint64_t one, uint64_t two)
{
    return (one > two) - (one < two);
}
