
#include "migration.h"
#include "agent_time.h"
#include "log.h"
#include "options.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>


#define CTL_DAY  86400


static int ctl_migration_report(ctl_t *ctl);
static int ctl_migration_init(ctl_migration_t *m, const ctl_t *ctl);
static void ctl_migration_free(ctl_migration_t *m);
static int ctl_migration_file(ctl_migration_t *m, const char *name);
static void ctl_migration_line(ctl_migration_t *m, const ctl_log_t *log);
static void ctl_migration_fault(ctl_migration_t *m, const ctl_log_t *log,
    const char *err);
static void ctl_migration_request(ctl_migration_t *m,
    const agent_audit_entry_t *entry);
static int ctl_migration_wanted(const ctl_migration_t *m,
    const agent_audit_entry_t *entry);
static int ctl_migration_among(const ctl_t *ctl, ctl_option_e option,
    const agent_str_t *name);
static void ctl_migration_alias(const ctl_t *ctl, agent_audit_entry_t *entry);
static int ctl_migration_passed(const agent_audit_entry_t *entry);
static int ctl_migration_use(ctl_migration_t *m, ctl_place_t *place,
    const agent_audit_entry_t *entry, int passed);
static int ctl_migration_refusal(ctl_migration_t *m, ctl_place_t *place,
    const agent_audit_entry_t *entry);
static void *ctl_migration_find(ctl_migration_t *m, ctl_map_t *map,
    const agent_str_t *parts, size_t n);


const ctl_command_t  ctl_migration_commands[] = {

    { .name = "report",
      .operand = "AUDITLOG...",
      .summary = "who still uses keys, and what would break without",
      .text =
"Reads audit logs, in any order, as they are or compressed by gzip; \"-\" is\n"
"standard input.  Tells who still uses keys and who tokens, where, how often\n"
"and when; who could not go on where tokens only were accepted; what\n"
"was refused since tokens are used; and which keys in grace are in use.\n"
"Agents are compared by name: a token counts for the agent that is called as\n"
"its client, or as --alias says.  Lines at fault are counted, and named on\n"
"standard error.\n",
      .example =
"  agentctl migration report /var/log/nginx/agent-audit.log* --since 30d\n",
      .run = ctl_migration_report,
      .options = ctl_bit(CTL_OPT_JSON)|ctl_bit(CTL_OPT_SINCE)
                 |ctl_bit(CTL_OPT_RECENT)|ctl_bit(CTL_OPT_LOCATION)
                 |ctl_bit(CTL_OPT_SERVICE)|ctl_bit(CTL_OPT_ALIAS),
      .files = 1 },

    { .name = NULL }
};


static int
ctl_migration_report(ctl_t *ctl)
{
    int              rc;
    size_t           i;
    ctl_migration_t  m;

    if (ctl_migration_init(&m, ctl) != 0) {
        return CTL_REFUSED;
    }

    for (i = 0, rc = CTL_DONE; i < ctl->nfiles; i++) {
        if (ctl_migration_file(&m, ctl->files[i]) != 0) {
            rc = CTL_REFUSED;
        }
    }

    for (i = 0; i < m.bad && i < CTL_MIGRATION_FAULTS; i++) {
        ctl_error("%s:%" PRIu64 ": %s", m.faults[i].file, m.faults[i].line,
                  m.faults[i].fault);
    }

    if (m.bad > CTL_MIGRATION_FAULTS) {
        ctl_error("%" PRIu64 " more lines are at fault",
                  m.bad - CTL_MIGRATION_FAULTS);
    }

    if (m.dropped) {
        ctl_error("more than %d sets of agent, key and location: %" PRIu64
                  " requests do not count; take --since, --location or "
                  "--service", CTL_MIGRATION_SETS, m.dropped);
        rc = CTL_REFUSED;
    }

    ctl_migration_sum(&m);

    if (ctl_option(ctl, CTL_OPT_JSON)) {
        ctl_migration_json(&m);

    } else {
        ctl_migration_text(&m);
    }

    if (m.bad) {
        rc = CTL_REFUSED;
    }

    ctl_migration_free(&m);

    return rc;
}


static int
ctl_migration_init(ctl_migration_t *m, const ctl_t *ctl)
{
    memset(m, 0, sizeof(*m));

    m->ctl = ctl;
    m->since = ctl_option_past(ctl, CTL_OPT_SINCE);

    return ctl_map_init(&m->places, sizeof(ctl_place_t)) == 0
           && ctl_map_init(&m->agents, sizeof(ctl_agent_t)) == 0
           && ctl_map_init(&m->uses, sizeof(ctl_use_t)) == 0
           && ctl_map_init(&m->refusals, sizeof(ctl_refusal_t)) == 0 ? 0 : -1;
}


static void
ctl_migration_free(ctl_migration_t *m)
{
    size_t  i;

    for (i = 0; i < CTL_MIGRATION_FAULTS; i++) {
        free(m->faults[i].file);
    }

    free(m->pairs);

    ctl_map_free(&m->uses);
    ctl_map_free(&m->refusals);
    ctl_map_free(&m->agents);
    ctl_map_free(&m->places);
}


/* what was read of a file that ends in a fault counts all the same */

static int
ctl_migration_file(ctl_migration_t *m, const char *name)
{
    ctl_log_e  kind;
    ctl_log_t  log;

    if (ctl_log_open(&log, name) != 0) {
        return -1;
    }

    while ((kind = ctl_log_next(&log)) > CTL_LOG_END) {

        m->lines++;

        if (kind == CTL_LOG_LONG) {
            ctl_migration_fault(m, &log, "too long for an audit line");

        } else {
            ctl_migration_line(m, &log);
        }
    }

    ctl_log_close(&log);

    return kind == CTL_LOG_END ? 0 : -1;
}


static void
ctl_migration_line(ctl_migration_t *m, const ctl_log_t *log)
{
    char                 err[AGENT_ERROR_LEN];
    json_t              *json;
    agent_audit_entry_t  entry;

    switch (agent_audit_read(log->text, log->len, &entry, &json, err)) {

    case AGENT_AUDIT_REQUEST:

        /* what is recent goes by the last line: nobody would use keys lately */

        if (entry.time > m->ctl->now + CTL_DAY) {
            ctl_migration_fault(m, log, "\"time\" is in the future");
            break;
        }

        ctl_migration_alias(m->ctl, &entry);

        if (ctl_migration_wanted(m, &entry)) {
            ctl_migration_request(m, &entry);
        }

        break;

    case AGENT_AUDIT_LOST:
        if (m->since == 0 || entry.time >= m->since) {
            m->lost = entry.lost < INT64_MAX - m->lost ? m->lost + entry.lost
                                                       : INT64_MAX;
        }

        break;

    case AGENT_AUDIT_OTHER:
        break;

    default:
        ctl_migration_fault(m, log, err);
    }

    json_decref(json);
}


static void
ctl_migration_fault(ctl_migration_t *m, const ctl_log_t *log, const char *err)
{
    ctl_fault_t  *fault;

    if (m->bad < CTL_MIGRATION_FAULTS) {
        fault = &m->faults[m->bad];

        fault->file = ctl_format("%s", log->name);
        fault->line = log->line;
        (void) snprintf(fault->fault, sizeof(fault->fault), "%s", err);
    }

    m->bad++;
}


static void
ctl_migration_alias(const ctl_t *ctl, agent_audit_entry_t *entry)
{
    size_t       i, len;
    const char  *alias, *client;

    if (entry->auth_type != AGENT_AUTH_OAUTH) {
        return;
    }

    for (i = 0; (alias = ctl_option_next(ctl, CTL_OPT_ALIAS, &i)) != NULL; ) {

        client = strchr(alias, '=');
        len = client ? strlen(client + 1) : 0;

        if (len && len == entry->agent.len
            && memcmp(client + 1, entry->agent.data, len) == 0)
        {
            entry->agent.data = (const uint8_t *) alias;
            entry->agent.len = (size_t) (client - alias);
            return;
        }
    }
}


static int
ctl_migration_wanted(const ctl_migration_t *m,
    const agent_audit_entry_t *entry)
{
    return (m->since == 0 || entry->time >= m->since)
           && ctl_migration_among(m->ctl, CTL_OPT_LOCATION, &entry->location)
           && ctl_migration_among(m->ctl, CTL_OPT_SERVICE, &entry->service);
}


static int
ctl_migration_among(const ctl_t *ctl, ctl_option_e option,
    const agent_str_t *name)
{
    size_t       i;
    const char  *value;

    for (i = 0; (value = ctl_option_next(ctl, option, &i)) != NULL; ) {
        if (strlen(value) == name->len
            && memcmp(value, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return ctl_option(ctl, option) == NULL;
}


static void
ctl_migration_request(ctl_migration_t *m, const agent_audit_entry_t *entry)
{
    int           passed, kept;
    ctl_place_t  *place;
    agent_str_t   parts[3];

    passed = ctl_migration_passed(entry);

    if (entry->result == AGENT_RESULT_NONE
        || entry->result == AGENT_RESULT_OFF)
    {
        return;
    }

    parts[0] = entry->server;
    parts[1] = entry->service;
    parts[2] = entry->location;

    place = ctl_migration_find(m, &m->places, parts, 3);
    if (place == NULL) {
        m->dropped++;
        return;
    }

    m->requests++;

    if (m->first == 0 || entry->time < m->first) {
        m->first = entry->time;
    }

    if (entry->time > m->last) {
        m->last = entry->time;
    }

    if (entry->auth_type == AGENT_AUTH_KEY && entry->agent.len
        && entry->time >= place->sunset_at)
    {
        place->sunset = entry->sunset;
        place->sunset_at = entry->time;
    }

    if (entry->auth_type == AGENT_AUTH_OAUTH
        && (place->first_token == 0 || entry->time < place->first_token))
    {
        place->first_token = entry->time;
    }

    kept = 1;

    if (entry->auth_type != AGENT_AUTH_NONE && entry->agent.len) {
        kept = ctl_migration_use(m, place, entry, passed);
    }

    if (!passed) {
        kept &= ctl_migration_refusal(m, place, entry);
    }

    m->dropped += !kept;
}


/* a key that only would be refused, and only since the day has come, passes */

static int
ctl_migration_passed(const agent_audit_entry_t *entry)
{
    static const agent_str_t  sunset = agent_string("key_sunset");

    return entry->result == AGENT_RESULT_ALLOW
           || (entry->result == AGENT_RESULT_WOULD_DENY
               && agent_str_eq(&entry->reason, &sunset));
}


/* 0 where there is no room for it */

static int
ctl_migration_use(ctl_migration_t *m, ctl_place_t *place,
    const agent_audit_entry_t *entry, int passed)
{
    ctl_use_t    *use;
    agent_str_t   parts[7];

    parts[0] = entry->server;
    parts[1] = entry->service;
    parts[2] = entry->location;
    parts[3] = entry->agent;
    parts[4] = entry->key_id;
    parts[5] = entry->owner;
    parts[6] = *agent_auth_type_name(entry->auth_type);

    /* each token has another id */

    if (entry->auth_type == AGENT_AUTH_OAUTH) {
        parts[4].len = 0;
        parts[5].len = 0;
    }

    use = ctl_migration_find(m, &m->uses, parts, 7);
    if (use == NULL) {
        return 0;
    }

    if (use->place == NULL) {
        use->place = place;
        use->agent = ctl_map_find(&m->agents, &parts[3], 1, 1);
        use->key_id = ctl_map_part(use, 4);
        use->owner = ctl_map_part(use, 5);
        use->type = entry->auth_type;
        use->first = entry->time;
    }

    if (entry->time < use->first) {
        use->first = entry->time;
    }

    if (entry->time >= use->last) {
        use->last = entry->time;
        use->ends = entry->expires;
    }

    use->refused += !passed;

    if (!passed) {
        return 1;
    }

    use->passed++;

    if (entry->time > use->passed_last) {
        use->passed_last = entry->time;
    }

    if (entry->deprecated) {
        use->grace++;

        if (entry->time > use->grace_last) {
            use->grace_last = entry->time;
        }
    }

    return 1;
}


static int
ctl_migration_refusal(ctl_migration_t *m, ctl_place_t *place,
    const agent_audit_entry_t *entry)
{
    char            day[32];
    agent_str_t     parts[6];
    ctl_refusal_t  *refusal;

    parts[0] = entry->server;
    parts[1] = entry->service;
    parts[2] = entry->location;
    parts[3] = *agent_auth_type_name(entry->auth_type);
    parts[4] = entry->reason;
    parts[5].data = (const uint8_t *) day;
    parts[5].len = (size_t) snprintf(day, sizeof(day), "%" PRId64,
                                     entry->time / CTL_DAY);

    refusal = ctl_migration_find(m, &m->refusals, parts, 6);
    if (refusal == NULL) {
        return 0;
    }

    refusal->place = place;
    refusal->type = entry->auth_type;
    refusal->reason = ctl_map_part(refusal, 4);
    refusal->day = entry->time / CTL_DAY;
    refusal->count++;

    if (entry->time > refusal->last) {
        refusal->last = entry->time;
    }

    return 1;
}


/* NULL where there are too many */

static void *
ctl_migration_find(ctl_migration_t *m, ctl_map_t *map,
    const agent_str_t *parts, size_t n)
{
    int  room;

    room = m->places.n + m->uses.n + m->refusals.n < CTL_MIGRATION_SETS
           && m->places.octets + m->uses.octets + m->refusals.octets
              < CTL_MIGRATION_OCTETS;

    return ctl_map_find(map, parts, n, room);
}
