
/*
 * What the events of a SET mean, and whom they are about: CAEP 1.0, RISC 1.0,
 * SSF 1.0, subject identifiers of RFC 9493.
 */

#include "agent_set.h"
#include "agent_claims.h"


typedef struct agent_set_known_s  agent_set_known_t;

/* what there is to an event of this type beyond its type */

typedef agent_set_e (*agent_set_event_pt)(agent_set_event_t *event,
    const json_t *payload, const agent_set_policy_t *policy, char *err);


struct agent_set_known_s {
    agent_str_t          type;
    agent_set_action_e   action;
    agent_set_event_pt   handler;
};


/* a way to name a subject: RFC 9493, 3; SSF 1.0, 3 */

typedef struct {
    const char                *format;
    const char                *value;
    const char                *issuer;  /* NULL: that of the stream */
    agent_revocation_kind_e    kind;
    int                        email;   /* where the policy has it */
} agent_set_format_t;


static agent_set_e agent_set_event(agent_set_t *set, const char *type,
    const json_t *payload, const agent_set_policy_t *policy, int64_t now,
    char *err);
static const agent_set_known_t *agent_set_known_type(const agent_str_t *type);
static void agent_set_name(agent_set_event_t *event);
static agent_set_e agent_set_before(const agent_set_t *set,
    agent_set_event_t *event, const json_t *payload, int64_t now, char *err);
static agent_set_e agent_set_credential(agent_set_event_t *event,
    const json_t *payload, const agent_set_policy_t *policy, char *err);
static agent_set_e agent_set_claims_change(agent_set_event_t *event,
    const json_t *payload, const agent_set_policy_t *policy, char *err);
static agent_set_e agent_set_assurance(agent_set_event_t *event,
    const json_t *payload, const agent_set_policy_t *policy, char *err);
static agent_set_e agent_set_compliance(agent_set_event_t *event,
    const json_t *payload, const agent_set_policy_t *policy, char *err);
static agent_set_e agent_set_risk(agent_set_event_t *event,
    const json_t *payload, const agent_set_policy_t *policy, char *err);
static agent_set_e agent_set_state(agent_set_event_t *event,
    const json_t *payload, const agent_set_policy_t *policy, char *err);
static agent_set_e agent_set_missing(const char *member, char *err);
static void agent_set_recorded(agent_set_event_t *event,
    const json_t *sub_id, const agent_set_policy_t *policy);
static agent_set_e agent_set_subjects(agent_set_event_t *event,
    const json_t *sub_id, const agent_set_policy_t *policy, char *err);
static agent_set_e agent_set_complex(agent_set_event_t *event,
    const json_t *sub_id, const agent_set_policy_t *policy, char *err);
static agent_set_e agent_set_simple(agent_set_event_t *event,
    const json_t *sub_id, const agent_set_policy_t *policy, char *err);
static agent_set_e agent_set_aliases(agent_set_event_t *event,
    const json_t *sub_id, const agent_set_policy_t *policy, char *err);
static agent_set_e agent_set_add(agent_set_event_t *event,
    const json_t *sub_id, const agent_set_format_t *format,
    const agent_set_policy_t *policy, char *err);
static void agent_set_text(const json_t *object, const char *name,
    agent_str_t *text);
static int agent_set_is(const json_t *object, const char *name,
    const char *value);


#define AGENT_CAEP  "https://schemas.openid.net/secevent/caep/event-type/"
#define AGENT_RISC  "https://schemas.openid.net/secevent/risc/event-type/"
#define AGENT_SSF   "https://schemas.openid.net/secevent/ssf/event-type/"


/*
 * "account-enabled" is only recorded: else it would let in again what was kept
 * out, and deliveries come late, and twice.
 */

static const agent_set_known_t  agent_set_known[] = {

    { agent_string(AGENT_CAEP "session-revoked"), AGENT_SET_REVOKE, NULL },
    { agent_string(AGENT_CAEP "credential-change"), AGENT_SET_REVOKE,
      agent_set_credential },
    { agent_string(AGENT_CAEP "token-claims-change"), AGENT_SET_FLUSH,
      agent_set_claims_change },
    { agent_string(AGENT_CAEP "assurance-level-change"), AGENT_SET_RISK,
      agent_set_assurance },
    { agent_string(AGENT_CAEP "device-compliance-change"), AGENT_SET_RISK,
      agent_set_compliance },
    { agent_string(AGENT_CAEP "risk-level-change"), AGENT_SET_RISK,
      agent_set_risk },

    { agent_string(AGENT_RISC "account-disabled"), AGENT_SET_DISABLE, NULL },
    { agent_string(AGENT_RISC "account-purged"), AGENT_SET_DISABLE, NULL },
    { agent_string(AGENT_RISC "account-enabled"), AGENT_SET_RECORD, NULL },
    { agent_string(AGENT_RISC "identifier-changed"), AGENT_SET_REVOKE, NULL },
    { agent_string(AGENT_RISC "identifier-recycled"), AGENT_SET_REVOKE, NULL },
    { agent_string(AGENT_RISC "credential-compromise"), AGENT_SET_REVOKE,
      NULL },
    { agent_string(AGENT_RISC "sessions-revoked"), AGENT_SET_REVOKE, NULL },

    { agent_string(AGENT_SSF "verification"), AGENT_SET_RECORD,
      agent_set_state },

    { agent_string(""), AGENT_SET_RECORD, NULL }
};


/*
 * Where an identifier has no issuer of its own it is what the provider calls
 * the subject.
 */

static const agent_set_format_t  agent_set_formats[] = {
    { "iss_sub", "sub", "iss", AGENT_REVOKED_SUBJECT, 0 },
    { "opaque", "id", NULL, AGENT_REVOKED_SUBJECT, 0 },
    { "email", "email", NULL, AGENT_REVOKED_SUBJECT, 1 },
    { "phone_number", "phone_number", NULL, AGENT_REVOKED_SUBJECT, 1 },
    { "account", "uri", NULL, AGENT_REVOKED_SUBJECT, 0 },
    { "uri", "uri", NULL, AGENT_REVOKED_SUBJECT, 0 },
    { "did", "url", NULL, AGENT_REVOKED_SUBJECT, 0 },
    { "jwt_id", "jti", "iss", AGENT_REVOKED_JTI, 0 },
    { NULL, NULL, NULL, AGENT_REVOKED_SUBJECT, 0 }
};


/* a subject that is an application is a client, not what tokens are about */

static const agent_set_format_t  agent_set_clients[] = {
    { "iss_sub", "sub", "iss", AGENT_REVOKED_CLIENT, 0 },
    { "opaque", "id", NULL, AGENT_REVOKED_CLIENT, 0 },
    { "uri", "uri", NULL, AGENT_REVOKED_CLIENT, 0 },
    { NULL, NULL, NULL, AGENT_REVOKED_CLIENT, 0 }
};


static const agent_set_format_t  agent_set_key = {
    "opaque", "id", NULL, AGENT_REVOKED_KEY, 0
};


agent_set_e
agent_set_events(agent_set_t *set, const agent_set_policy_t *policy,
    int64_t now, char *err)
{
    json_t       *events, *payload;
    agent_set_e   rc;
    const char   *type;

    set->nevents = 0;

    events = json_object_get(set->claims, "events");

    if (!json_is_object(events) || json_object_size(events) == 0
        || json_object_size(events) > AGENT_SET_EVENTS_MAX)
    {
        (void) agent_fail(err, "claim \"events\" is no object of 1 to %d "
                          "events", AGENT_SET_EVENTS_MAX);
        return AGENT_SET_INVALID_REQUEST;
    }

    json_object_foreach(events, type, payload) {

        rc = agent_set_event(set, type, payload, policy, now, err);

        if (rc != AGENT_SET_OK) {
            return rc;
        }
    }

    return AGENT_SET_OK;
}


static agent_set_e
agent_set_event(agent_set_t *set, const char *type, const json_t *payload,
    const agent_set_policy_t *policy, int64_t now, char *err)
{
    agent_set_e               rc;
    const json_t             *sub_id;
    agent_set_event_t        *event;
    const agent_set_known_t  *known;

    if (!json_is_object(payload)) {
        (void) agent_fail(err, "an event is no object");
        return AGENT_SET_INVALID_REQUEST;
    }

    event = &set->events[set->nevents++];
    memset(event, 0, sizeof(*event));

    event->type.data = (const uint8_t *) type;
    event->type.len = strlen(type);
    agent_set_name(event);

    known = agent_set_known_type(&event->type);

    event->action = known->action;
    event->known = (known->type.len != 0);

    sub_id = json_object_get(set->claims, "sub_id");

    /* what its members are is not known either */

    if (!event->known) {
        agent_set_recorded(event, sub_id, policy);
        return AGENT_SET_OK;
    }

    rc = agent_set_before(set, event, payload, now, err);

    if (rc == AGENT_SET_OK && known->handler) {
        rc = known->handler(event, payload, policy, err);
    }

    if (rc != AGENT_SET_OK) {
        return rc;
    }

    if (event->action == AGENT_SET_RECORD) {
        agent_set_recorded(event, sub_id, policy);
        return AGENT_SET_OK;
    }

    return agent_set_subjects(event, sub_id, policy, err);
}


static const agent_set_known_t *
agent_set_known_type(const agent_str_t *type)
{
    const agent_set_known_t  *known;

    for (known = agent_set_known; known->type.len; known++) {
        if (agent_str_eq(&known->type, type)) {
            break;
        }
    }

    return known;
}


static void
agent_set_name(agent_set_event_t *event)
{
    size_t  i;

    for (i = event->type.len; i > 0 && event->type.data[i - 1] != '/'; i--) {
        /* void */
    }

    event->name.data = event->type.data + i;
    event->name.len = event->type.len - i;
}


/*
 * When it happened (CAEP 1.0, 2), or else when it was told.  A second is all of
 * it: what was issued within it may have been issued before.  What is issued
 * after this second is of a time when the issuer knew, so that a time further
 * ahead is not believed.
 */

static agent_set_e
agent_set_before(const agent_set_t *set, agent_set_event_t *event,
    const json_t *payload, int64_t now, char *err)
{
    int64_t  second;

    if (agent_claims_time(payload, "event_timestamp", &event->before, err)
        != 0)
    {
        return AGENT_SET_INVALID_REQUEST;
    }

    if (event->before == AGENT_CLAIM_NONE) {
        event->before = set->issued;
    }

    if (event->before % 1000 == 0) {
        event->before += 1000;
    }

    second = (now / 1000 + 1) * 1000;

    if (event->before > second) {
        event->before = second;
    }

    return AGENT_SET_OK;
}


/* CAEP 1.0, 3.3: one that was added takes nothing from the others */

static agent_set_e
agent_set_credential(agent_set_event_t *event, const json_t *payload,
    const agent_set_policy_t *policy, char *err)
{
    const json_t  *type;

    type = json_object_get(payload, "credential_type");

    if (json_string_length(type) == 0) {
        return agent_set_missing("credential_type", err);
    }

    event->key = agent_set_is(payload, "credential_type", "api-key");

    if (agent_set_is(payload, "change_type", "create")) {
        event->action = AGENT_SET_RECORD;

    } else if (agent_set_is(payload, "change_type", "update")) {

        /* a key that somebody described anew is the same key */

        if (event->key) {
            event->action = AGENT_SET_RECORD;
        }

    } else if (!agent_set_is(payload, "change_type", "revoke")
               && !agent_set_is(payload, "change_type", "delete"))
    {
        return agent_set_missing("change_type", err);
    }

    if (event->action == AGENT_SET_REVOKE && event->key) {
        event->action = policy->keys ? AGENT_SET_DISABLE : AGENT_SET_DISCARD;
    }

    return AGENT_SET_OK;
}


/* CAEP 1.0, 3.2 */

static agent_set_e
agent_set_claims_change(agent_set_event_t *event, const json_t *payload,
    const agent_set_policy_t *policy, char *err)
{
    (void) event;
    (void) policy;

    return json_is_object(json_object_get(payload, "claims"))
           ? AGENT_SET_OK : agent_set_missing("claims", err);
}


/* CAEP 1.0, 3.4 */

static agent_set_e
agent_set_assurance(agent_set_event_t *event, const json_t *payload,
    const agent_set_policy_t *policy, char *err)
{
    (void) policy;

    if (json_string_length(json_object_get(payload, "current_level")) == 0) {
        return agent_set_missing("current_level", err);
    }

    if (agent_set_is(payload, "change_direction", "increase")) {
        event->action = AGENT_SET_RECORD;
    }

    return AGENT_SET_OK;
}


/* CAEP 1.0, 3.5 */

static agent_set_e
agent_set_compliance(agent_set_event_t *event, const json_t *payload,
    const agent_set_policy_t *policy, char *err)
{
    (void) policy;

    if (agent_set_is(payload, "current_status", "compliant")) {
        event->action = AGENT_SET_RECORD;

    } else if (!agent_set_is(payload, "current_status", "not-compliant")) {
        return agent_set_missing("current_status", err);
    }

    return AGENT_SET_OK;
}


/* CAEP 1.0, 3.8 */

static agent_set_e
agent_set_risk(agent_set_event_t *event, const json_t *payload,
    const agent_set_policy_t *policy, char *err)
{
    (void) policy;

    if (agent_set_is(payload, "current_level", "LOW")
        || agent_set_is(payload, "current_level", "MEDIUM"))
    {
        event->action = AGENT_SET_RECORD;

    } else if (!agent_set_is(payload, "current_level", "HIGH")) {
        return agent_set_missing("current_level", err);
    }

    return AGENT_SET_OK;
}


/* SSF 1.0, 8.1.4: what was asked for comes back */

static agent_set_e
agent_set_state(agent_set_event_t *event, const json_t *payload,
    const agent_set_policy_t *policy, char *err)
{
    agent_str_t    text;
    const json_t  *state;

    (void) event;

    state = json_object_get(payload, "state");

    if ((state && !json_is_string(state))
        || json_string_length(state) > AGENT_SET_STATE_MAX)
    {
        (void) agent_fail(err, "member \"state\" is no string of at most %d "
                          "octets", AGENT_SET_STATE_MAX);
        return AGENT_SET_INVALID_REQUEST;
    }

    agent_set_text(payload, "state", &text);

    /* a verification that nobody asked for has none */

    if (policy->state.len && text.len
        && !agent_str_eq(&text, &policy->state))
    {
        (void) agent_fail(err, "member \"state\" is not what was asked for");
        return AGENT_SET_INVALID_STATE;
    }

    return AGENT_SET_OK;
}


static agent_set_e
agent_set_missing(const char *member, char *err)
{
    (void) agent_fail(err, "member \"%s\" of an event is missing, or not as "
                      "its specification has it", member);

    return AGENT_SET_INVALID_REQUEST;
}


/* nothing is done to whom it is about, so that it may be about anything */

static void
agent_set_recorded(agent_set_event_t *event, const json_t *sub_id,
    const agent_set_policy_t *policy)
{
    char  err[AGENT_ERROR_LEN];

    if (agent_set_subjects(event, sub_id, policy, err) != AGENT_SET_OK) {
        event->nsubjects = 0;
    }

    event->action = AGENT_SET_RECORD;
}


static agent_set_e
agent_set_subjects(agent_set_event_t *event, const json_t *sub_id,
    const agent_set_policy_t *policy, char *err)
{
    agent_set_e  rc;

    if (!json_is_object(sub_id)
        || json_string_length(json_object_get(sub_id, "format")) == 0)
    {
        (void) agent_fail(err, "claim \"sub_id\" is no subject identifier");
        return AGENT_SET_INVALID_REQUEST;
    }

    if (event->action == AGENT_SET_DISCARD) {
        return AGENT_SET_OK;
    }

    rc = !event->key && agent_set_is(sub_id, "format", "complex")
         ? agent_set_complex(event, sub_id, policy, err)
         : agent_set_simple(event, sub_id, policy, err);

    if (rc == AGENT_SET_OK && event->nsubjects == 0) {
        event->action = AGENT_SET_DISCARD;
    }

    return rc;
}


/*
 * SSF 1.0, 3.1: the subject is what all members together say.  A session or a
 * device of a user is nothing that a token tells: then it is all that the user
 * has.  A token of a user whom no token names is that token still, but an
 * application of his is not that of everybody.  Without a user or an
 * application it is nobody we know.
 */

static agent_set_e
agent_set_complex(agent_set_event_t *event, const json_t *sub_id,
    const agent_set_policy_t *policy, char *err)
{
    size_t                     i;
    agent_set_e                rc;
    const json_t              *user, *member;
    const agent_set_format_t  *format;

    user = json_object_get(sub_id, "user");

    if (json_is_object(user)) {
        rc = agent_set_simple(event, user, policy, err);

        if (rc != AGENT_SET_OK || event->nsubjects) {
            return rc;
        }
    }

    member = json_object_get(sub_id, "session");

    if (agent_set_is(member, "format", "jwt_id")) {
        return agent_set_simple(event, member, policy, err);
    }

    if (user) {
        return AGENT_SET_OK;
    }

    member = json_object_get(sub_id, "application");

    for (i = 0; json_is_object(member) && agent_set_clients[i].format; i++) {

        format = &agent_set_clients[i];

        if (agent_set_is(member, "format", format->format)) {
            return agent_set_add(event, member, format, policy, err);
        }
    }

    return AGENT_SET_OK;
}


static agent_set_e
agent_set_simple(agent_set_event_t *event, const json_t *sub_id,
    const agent_set_policy_t *policy, char *err)
{
    const agent_set_format_t  *format;

    /* agreed between the two for "api-key" (CAEP 1.0, 3.3.1) */

    if (event->key) {
        return policy->keys && agent_set_is(sub_id, "format", "opaque")
               ? agent_set_add(event, sub_id, &agent_set_key, policy, err)
               : AGENT_SET_OK;
    }

    if (agent_set_is(sub_id, "format", "aliases")) {
        return agent_set_aliases(event, sub_id, policy, err);
    }

    for (format = agent_set_formats; format->format; format++) {
        if (agent_set_is(sub_id, "format", format->format)) {
            return agent_set_add(event, sub_id, format, policy, err);
        }
    }

    return AGENT_SET_OK;
}


/* RFC 9493, 3.2.8: several names of one subject, none of them again a list */

static agent_set_e
agent_set_aliases(agent_set_event_t *event, const json_t *sub_id,
    const agent_set_policy_t *policy, char *err)
{
    size_t                     i;
    agent_set_e                rc;
    const json_t              *list, *one;
    const agent_set_format_t  *format;

    list = json_object_get(sub_id, "identifiers");

    if (json_array_size(list) == 0
        || json_array_size(list) > AGENT_SET_SUBJECTS_MAX)
    {
        (void) agent_fail(err, "member \"identifiers\" is no array of 1 to %d "
                          "subject identifiers", AGENT_SET_SUBJECTS_MAX);
        return AGENT_SET_INVALID_REQUEST;
    }

    for (i = 0; i < json_array_size(list); i++) {

        one = json_array_get(list, i);

        for (format = agent_set_formats; format->format; format++) {

            if (!agent_set_is(one, "format", format->format)) {
                continue;
            }

            rc = agent_set_add(event, one, format, policy, err);

            if (rc != AGENT_SET_OK) {
                return rc;
            }
        }
    }

    return AGENT_SET_OK;
}


/* a subject of another issuer is none of this stream's business */

static agent_set_e
agent_set_add(agent_set_event_t *event, const json_t *sub_id,
    const agent_set_format_t *format, const agent_set_policy_t *policy,
    char *err)
{
    agent_str_t           issuer;
    agent_set_subject_t  *subject;

    subject = &event->subjects[event->nsubjects];

    subject->kind = format->kind;
    agent_set_text(sub_id, format->value, &subject->value);

    if (subject->value.len == 0
        || subject->value.len > AGENT_REVOCATION_VALUE_MAX)
    {
        (void) agent_fail(err, "member \"%s\" of a subject identifier is no "
                          "string of 1 to %d octets", format->value,
                          AGENT_REVOCATION_VALUE_MAX);
        return AGENT_SET_INVALID_REQUEST;
    }

    if (format->issuer) {

        agent_set_text(sub_id, format->issuer, &issuer);

        if (!agent_str_eq(&issuer, &policy->subjects)) {
            return AGENT_SET_OK;
        }
    }

    if (format->email && !policy->email) {
        return AGENT_SET_OK;
    }

    if (agent_revocation_has_issuer(format->kind)) {
        subject->issuer = policy->subjects;
    }

    event->nsubjects++;

    return AGENT_SET_OK;
}


static void
agent_set_text(const json_t *object, const char *name, agent_str_t *text)
{
    const json_t  *value;

    value = json_object_get(object, name);

    text->data = (const uint8_t *) json_string_value(value);
    text->len = json_string_length(value);
}


static int
agent_set_is(const json_t *object, const char *name, const char *value)
{
    const char  *text;

    text = json_string_value(json_object_get(object, name));

    return text && strcmp(text, value) == 0;
}
