
#include "migration.h"
#include "print.h"
#include "record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static json_t *ctl_mj_lines(const ctl_migration_t *m);
static json_t *ctl_mj_places(const ctl_migration_t *m);
static json_t *ctl_mj_agents(const ctl_migration_t *m);
static json_t *ctl_mj_pairs(const ctl_migration_t *m);
static json_t *ctl_mj_uses(const ctl_migration_t *m, agent_auth_type_e type,
    int grace);
static json_t *ctl_mj_refusals(const ctl_migration_t *m);
static json_t *ctl_mj_on(const size_t *on);
static void ctl_mj_place(json_t *to, const ctl_place_t *place);
static void ctl_mj_requests(json_t *to, uint64_t key, uint64_t token);
static void ctl_mj_text(json_t *to, const char *name, const char *text);
static void ctl_mj_number(json_t *to, const char *name, uint64_t n);
static void ctl_mj_time(json_t *to, const char *name, int64_t t);


#define ctl_item(type, map, i)  ((type *) (map)->items[i])


/* empty names are left out, and so are dates that are not known */

void
ctl_migration_json(const ctl_migration_t *m)
{
    char    *text;
    json_t  *json;

    json = json_object();

    ctl_mj_number(json, "version", 1);
    ctl_mj_time(json, "from", m->first);
    ctl_mj_time(json, "to", m->last);
    ctl_mj_time(json, "recent", m->requests ? m->recent : 0);
    ctl_record_set(json, "lines", ctl_mj_lines(m));
    ctl_mj_requests(json, m->key, m->token);
    ctl_record_set(json, "agents_on", ctl_mj_on(m->on));
    ctl_record_set(json, "locations", ctl_mj_places(m));
    ctl_record_set(json, "agents", ctl_mj_agents(m));
    ctl_record_set(json, "breaks", ctl_mj_pairs(m));
    ctl_record_set(json, "keys", ctl_mj_uses(m, AGENT_AUTH_KEY, 0));
    ctl_record_set(json, "tokens", ctl_mj_uses(m, AGENT_AUTH_OAUTH, 0));
    ctl_record_set(json, "grace", ctl_mj_uses(m, AGENT_AUTH_KEY, 1));
    ctl_record_set(json, "refusals", ctl_mj_refusals(m));

    /* DEL and U+0080 to U+009F are control characters to a terminal */

    text = json_dumps(json, JSON_INDENT(1)|JSON_ENSURE_ASCII);

    printf("%s\n", text ? text : "null");

    free(text);
    json_decref(json);
}


static json_t *
ctl_mj_lines(const ctl_migration_t *m)
{
    size_t   i;
    json_t  *lines, *faults, *fault;

    lines = json_object();
    faults = json_array();

    ctl_mj_number(lines, "read", m->lines);
    ctl_mj_number(lines, "requests", m->requests);
    ctl_mj_number(lines, "bad", m->bad);
    ctl_mj_number(lines, "lost", m->lost);
    ctl_mj_number(lines, "dropped", m->dropped);

    for (i = 0; i < m->bad && i < CTL_MIGRATION_FAULTS; i++) {

        fault = json_object();

        ctl_mj_text(fault, "file", m->faults[i].file);
        ctl_mj_number(fault, "line", m->faults[i].line);
        ctl_mj_text(fault, "fault", m->faults[i].fault);
        (void) json_array_append_new(faults, fault);
    }

    ctl_record_set(lines, "faults", faults);

    return lines;
}


static json_t *
ctl_mj_places(const ctl_migration_t *m)
{
    size_t              i;
    json_t             *list, *one;
    const ctl_place_t  *place;

    list = json_array();

    for (i = 0; i < m->places.n; i++) {

        place = ctl_item(const ctl_place_t, &m->places, i);
        one = json_object();

        ctl_mj_place(one, place);
        ctl_mj_time(one, "sunset", place->sunset);
        ctl_mj_time(one, "first_token", place->first_token);
        ctl_mj_requests(one, place->key, place->token);
        ctl_record_set(one, "agents_on", ctl_mj_on(place->agents));
        (void) json_array_append_new(list, one);
    }

    return list;
}


static json_t *
ctl_mj_agents(const ctl_migration_t *m)
{
    size_t              i;
    json_t             *list, *one;
    const ctl_agent_t  *agent;

    static const char  *on[] = { "idle", "keys", "both", "tokens" };

    list = json_array();

    for (i = 0; i < m->agents.n; i++) {

        agent = ctl_item(const ctl_agent_t, &m->agents, i);
        one = json_object();

        ctl_mj_text(one, "agent", ctl_map_part(agent, 0));
        ctl_mj_text(one, "owner", agent->owner);
        ctl_mj_text(one, "on", on[agent->on]);
        ctl_mj_requests(one, agent->key, agent->token);
        ctl_record_set(one, "locations_on", ctl_mj_on(agent->places));
        ctl_mj_time(one, "last_key", agent->key_last);
        ctl_mj_time(one, "last_token", agent->token_last);
        (void) json_array_append_new(list, one);
    }

    return list;
}


static json_t *
ctl_mj_pairs(const ctl_migration_t *m)
{
    size_t             i;
    json_t            *list, *one;
    const ctl_pair_t  *pair;

    list = json_array();

    for (i = 0; i < m->npairs; i++) {

        pair = &m->pairs[i];

        if (pair->on != CTL_ON_KEYS) {
            continue;
        }

        one = json_object();

        ctl_mj_place(one, pair->place);
        ctl_mj_text(one, "agent", ctl_map_part(pair->agent, 0));
        ctl_mj_text(one, "owner", pair->owner);
        ctl_mj_number(one, "requests", pair->key);
        ctl_mj_time(one, "last", pair->key_last);
        (void) json_array_append_new(list, one);
    }

    return list;
}


static json_t *
ctl_mj_uses(const ctl_migration_t *m, agent_auth_type_e type, int grace)
{
    size_t            i;
    json_t           *list, *one;
    const ctl_use_t  *use;

    list = json_array();

    for (i = 0; i < m->uses.n; i++) {

        use = ctl_item(const ctl_use_t, &m->uses, i);

        if (use->type != type || (grace && use->grace == 0)) {
            continue;
        }

        one = json_object();

        ctl_mj_text(one, "agent", ctl_map_part(use->agent, 0));
        ctl_mj_text(one, "owner", use->owner);
        ctl_mj_text(one, "key_id", use->key_id);
        ctl_mj_place(one, use->place);

        if (grace) {
            ctl_mj_number(one, "requests", use->grace);
            ctl_mj_time(one, "last", use->grace_last);
            ctl_mj_time(one, "ends", use->ends);

        } else {
            ctl_mj_number(one, "admitted", use->passed);
            ctl_mj_number(one, "refused", use->refused);
            ctl_mj_time(one, "first", use->first);
            ctl_mj_time(one, "last", use->last);
        }

        (void) json_array_append_new(list, one);
    }

    return list;
}


static json_t *
ctl_mj_refusals(const ctl_migration_t *m)
{
    size_t                i;
    json_t               *list, *one;
    const ctl_refusal_t  *refusal;

    list = json_array();

    for (i = 0; i < m->refusals.n; i++) {

        refusal = ctl_item(const ctl_refusal_t, &m->refusals, i);
        one = json_object();

        ctl_mj_place(one, refusal->place);
        ctl_mj_text(one, "method", (const char *)
                                   agent_auth_type_name(refusal->type)->data);
        ctl_mj_text(one, "reason", refusal->reason);
        ctl_mj_number(one, "requests", refusal->count);
        ctl_mj_time(one, "last", refusal->last);
        (void) json_array_append_new(list, one);
    }

    return list;
}


static json_t *
ctl_mj_on(const size_t *on)
{
    json_t  *one;

    one = json_object();

    ctl_mj_number(one, "tokens", on[CTL_ON_TOKENS]);
    ctl_mj_number(one, "both", on[CTL_ON_BOTH]);
    ctl_mj_number(one, "keys", on[CTL_ON_KEYS]);
    ctl_mj_number(one, "idle", on[CTL_IDLE]);
    ctl_mj_number(one, "percent",
                  ctl_migration_percent(on[CTL_ON_TOKENS],
                                        on[CTL_ON_BOTH] + on[CTL_ON_KEYS]));
    return one;
}


static void
ctl_mj_place(json_t *to, const ctl_place_t *place)
{
    ctl_mj_text(to, "server", ctl_map_part(place, 0));
    ctl_mj_text(to, "service", ctl_map_part(place, 1));
    ctl_mj_text(to, "location", ctl_map_part(place, 2));
}


static void
ctl_mj_requests(json_t *to, uint64_t key, uint64_t token)
{
    json_t  *one;

    one = json_object();

    ctl_mj_number(one, "key", key);
    ctl_mj_number(one, "token", token);
    ctl_mj_number(one, "percent", ctl_migration_percent(token, key));
    ctl_record_set(to, "requests", one);
}


static void
ctl_mj_text(json_t *to, const char *name, const char *text)
{
    json_t  *value;

    if (text[0] == '\0') {
        return;
    }

    value = json_string(text);

    /* the name of a file need not be UTF-8 */

    ctl_record_set(to, name, value ? value : json_string("?"));
}


static void
ctl_mj_number(json_t *to, const char *name, uint64_t n)
{
    ctl_record_set(to, name, json_integer((json_int_t) n));
}


static void
ctl_mj_time(json_t *to, const char *name, int64_t t)
{
    char  date[CTL_DATE_MAX];

    if (t > 0) {
        ctl_date(date, t);
        ctl_record_set_text(to, name, date);
    }
}
