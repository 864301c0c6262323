
#include "migration.h"
#include "options.h"
#include "print.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/* of the columns that names get; lines have 100 characters */

#define CTL_NAME   22
#define CTL_OWNER  14
#define CTL_PLACE  38
#define CTL_ID     16

#define CTL_SHORT_NAME   14
#define CTL_SHORT_PLACE  22


static void ctl_mt_head(const ctl_migration_t *m);
static void ctl_mt_places(const ctl_migration_t *m);
static void ctl_mt_agents(const ctl_migration_t *m);
static void ctl_mt_keys(const ctl_migration_t *m);
static void ctl_mt_breaks(const ctl_migration_t *m);
static void ctl_mt_grace(const ctl_migration_t *m);
static void ctl_mt_refusals(const ctl_migration_t *m);
static void ctl_mt_text(const char *text, size_t width);
static void ctl_mt_place(const ctl_place_t *place, size_t width);
static void ctl_mt_date(int64_t t, const char *end);
static void ctl_mt_minute(int64_t t, const char *end);
static void ctl_mt_count(uint64_t n);


#define ctl_item(type, map, i)  ((type *) (map)->items[i])


void
ctl_migration_text(const ctl_migration_t *m)
{
    if (m->requests == 0) {
        fprintf(stderr, "No requests that count.\n");
        return;
    }

    ctl_mt_head(m);
    ctl_mt_places(m);

    if (m->agents.n) {
        ctl_mt_agents(m);
    }

    ctl_mt_keys(m);
    ctl_mt_breaks(m);
    ctl_mt_grace(m);
    ctl_mt_refusals(m);
}


static void
ctl_mt_head(const ctl_migration_t *m)
{
    size_t  agents;
    char    from[CTL_DATE_MAX], to[CTL_DATE_MAX], recent[CTL_DATE_MAX];

    ctl_date(from, m->first);
    ctl_date(to, m->last);
    ctl_date(recent, m->recent > 0 ? m->recent : 0);

    printf("%" PRIu64 " requests from %s to %s; of late: since %s\n",
           m->requests, from, to, recent);

    if (m->bad || m->lost || m->dropped) {
        printf("Not complete: %" PRIu64 " lines at fault, %" PRIu64 " lost by "
               "the gate, %" PRIu64 " beyond the limit\n", m->bad, m->lost,
               m->dropped);
    }

    agents = m->on[CTL_ON_TOKENS] + m->on[CTL_ON_BOTH] + m->on[CTL_ON_KEYS];

    printf("\n%u%% of the requests admitted came with a token.\n"
           "Of %zu agents %zu use%s tokens only, %zu both, %zu keys only",
           ctl_migration_percent(m->token, m->key), agents,
           m->on[CTL_ON_TOKENS], m->on[CTL_ON_TOKENS] == 1 ? "s" : "",
           m->on[CTL_ON_BOTH], m->on[CTL_ON_KEYS]);

    if (m->on[CTL_IDLE]) {
        printf("; %zu more did nothing of late", m->on[CTL_IDLE]);
    }

    printf(".\n");
}


static void
ctl_mt_places(const ctl_migration_t *m)
{
    size_t              i;
    const ctl_place_t  *place;

    printf("\nLOCATIONS: requests by token; agents on tokens only, on both, on "
           "keys only\n\n%-*s  TOKENS      KEYS  DONE  AGENTS (T/B/K)  "
           "SUNSET\n", CTL_PLACE, "LOCATION SERVICE SERVER");

    for (i = 0; i < m->places.n; i++) {

        char  counts[64];

        place = ctl_item(const ctl_place_t, &m->places, i);

        ctl_mt_place(place, CTL_PLACE);
        printf("  %5u%%", ctl_migration_percent(place->token, place->key));
        ctl_mt_count(place->key);
        printf("  %3u%%",
               ctl_migration_percent(place->agents[CTL_ON_TOKENS],
                                     place->agents[CTL_ON_BOTH]
                                     + place->agents[CTL_ON_KEYS]));

        (void) snprintf(counts, sizeof(counts), "%zu/%zu/%zu",
                        place->agents[CTL_ON_TOKENS],
                        place->agents[CTL_ON_BOTH], place->agents[CTL_ON_KEYS]);
        printf("  %-14s  ", counts);

        ctl_mt_date(place->sunset, "\n");
    }
}


static void
ctl_mt_agents(const ctl_migration_t *m)
{
    size_t              i;
    const ctl_agent_t  *agent;

    static const char  *on[] = { "-", "keys", "both", "tokens" };

    printf("\nAGENTS: what they use of late, and how many locations know them "
           "by tokens only\n\n%-*s  %-*s  USES    TOKENS      KEYS  DONE     "
           "LAST KEY    LAST TOKEN\n", CTL_NAME, "AGENT", CTL_OWNER, "OWNER");

    for (i = 0; i < m->agents.n; i++) {

        char  done[64];

        agent = ctl_item(const ctl_agent_t, &m->agents, i);

        ctl_mt_text(ctl_map_part(agent, 0), CTL_NAME);
        printf("  ");
        ctl_mt_text(agent->owner, CTL_OWNER);
        printf("  %-6s  %5u%%", on[agent->on],
               ctl_migration_percent(agent->token, agent->key));
        ctl_mt_count(agent->key);

        (void) snprintf(done, sizeof(done), "%zu of %zu",
                        agent->places[CTL_ON_TOKENS],
                        agent->places[CTL_ON_TOKENS]
                        + agent->places[CTL_ON_BOTH]
                        + agent->places[CTL_ON_KEYS]);
        printf("  %-7s  ", done);

        ctl_mt_date(agent->key_last, "  ");
        ctl_mt_date(agent->token_last, "\n");
    }
}


static void
ctl_mt_keys(const ctl_migration_t *m)
{
    int               any;
    size_t            i;
    const ctl_use_t  *use;

    for (i = 0, any = 0; i < m->uses.n; i++) {

        use = ctl_item(const ctl_use_t, &m->uses, i);

        if (use->type != AGENT_AUTH_KEY) {
            continue;
        }

        if (!any++) {
            printf("\nKEYS IN USE\n\n%-*s  %-*s  %-*s  ADMITTED   REFUSED  "
                   "FIRST       LAST\n", CTL_ID, "KEY", CTL_SHORT_NAME,
                   "AGENT", CTL_SHORT_PLACE, "LOCATION SERVICE");
        }

        ctl_mt_text(use->key_id, CTL_ID);
        printf("  ");
        ctl_mt_text(ctl_map_part(use->agent, 0), CTL_SHORT_NAME);
        printf("  ");
        ctl_mt_place(use->place, CTL_SHORT_PLACE);
        ctl_mt_count(use->passed);
        ctl_mt_count(use->refused);
        printf("  ");
        ctl_mt_date(use->first, "  ");
        ctl_mt_date(use->last, "\n");
    }
}


static void
ctl_mt_breaks(const ctl_migration_t *m)
{
    int                any;
    size_t             i;
    const ctl_pair_t  *pair;

    printf("\nWHAT WOULD BREAK without keys: agents with a key and no token of "
           "late\n\n");

    for (i = 0, any = 0; i < m->npairs; i++) {

        pair = &m->pairs[i];

        if (pair->on != CTL_ON_KEYS) {
            continue;
        }

        if (!any++) {
            printf("%-*s  %-*s  %-*s      KEYS  LAST KEY\n", CTL_PLACE,
                   "LOCATION SERVICE SERVER", CTL_NAME, "AGENT", CTL_OWNER,
                   "OWNER");
        }

        ctl_mt_place(pair->place, CTL_PLACE);
        printf("  ");
        ctl_mt_text(ctl_map_part(pair->agent, 0), CTL_NAME);
        printf("  ");
        ctl_mt_text(pair->owner, CTL_OWNER);
        ctl_mt_count(pair->key);
        printf("  ");
        ctl_mt_date(pair->key_last, "\n");
    }

    if (!any) {
        printf("Nothing.\n");
    }
}


static void
ctl_mt_grace(const ctl_migration_t *m)
{
    int               any;
    size_t            i;
    const ctl_use_t  *use;

    for (i = 0, any = 0; i < m->uses.n; i++) {

        use = ctl_item(const ctl_use_t, &m->uses, i);

        if (use->grace == 0) {
            continue;
        }

        if (!any++) {
            printf("\nKEYS IN GRACE that are in use\n\n%-*s  %-*s  %-*s"
                   "      USES  LAST USE          ENDS\n", CTL_ID, "KEY",
                   CTL_NAME - 2, "AGENT", CTL_OWNER, "OWNER");
        }

        ctl_mt_text(use->key_id, CTL_ID);
        printf("  ");
        ctl_mt_text(ctl_map_part(use->agent, 0), CTL_NAME - 2);
        printf("  ");
        ctl_mt_text(use->owner, CTL_OWNER);
        ctl_mt_count(use->grace);
        printf("  ");
        ctl_mt_minute(use->grace_last, "  ");
        ctl_mt_minute(use->ends, "\n");
    }
}


static void
ctl_mt_refusals(const ctl_migration_t *m)
{
    size_t                i;
    const char           *method;
    const ctl_refusal_t  *refusal;

    if (m->refusals.n == 0) {
        return;
    }

    printf("\nREFUSED since the day of the first token there, or would be, by "
           "reason\n\n%-*s  METHOD  %-23s     COUNT  LAST\n", CTL_PLACE,
           "LOCATION SERVICE SERVER", "REASON");

    for (i = 0; i < m->refusals.n; i++) {

        refusal = ctl_item(const ctl_refusal_t, &m->refusals, i);
        method = (const char *) agent_auth_type_name(refusal->type)->data;

        ctl_mt_place(refusal->place, CTL_PLACE);
        printf("  %-6s  ", method[0] ? method : "-");
        ctl_mt_text(refusal->reason, 23);
        ctl_mt_count(refusal->count);
        printf("  ");
        ctl_mt_minute(refusal->last, "\n");
    }
}


/* what is too long is cut, and control characters do nothing */

static void
ctl_mt_text(const char *text, size_t width)
{
    char         *shown;
    agent_str_t   s;

    s.data = (const uint8_t *) (text[0] ? text : "-");
    s.len = strlen((const char *) s.data);

    shown = ctl_shown(&s, width);
    ctl_pad(shown, width);

    free(shown);
}


static void
ctl_mt_place(const ctl_place_t *place, size_t width)
{
    char        *text;
    const char  *server, *service;

    server = ctl_map_part(place, 0);
    service = ctl_map_part(place, 1);

    /* what is cut first is most often the same */

    text = ctl_format("%s %s %s", ctl_map_part(place, 2),
                      service[0] ? service : "-", server[0] ? server : "-");
    ctl_mt_text(text, width);

    free(text);
}


/* what is at the end of a line needs no spaces behind it */

static void
ctl_mt_date(int64_t t, const char *end)
{
    char  date[CTL_DATE_MAX];

    if (t <= 0) {
        printf("%-*s%s", *end == '\n' ? 1 : 10, "-", end);
        return;
    }

    ctl_date(date, t);
    printf("%.10s%s", date, end);
}


static void
ctl_mt_minute(int64_t t, const char *end)
{
    char  date[CTL_DATE_MAX];

    if (t <= 0) {
        printf("%-*s%s", *end == '\n' ? 1 : 16, "-", end);
        return;
    }

    ctl_date(date, t);
    printf("%.10s %.5s%s", date, date + 11, end);
}


static void
ctl_mt_count(uint64_t n)
{
    printf("  %8" PRIu64, n);
}
