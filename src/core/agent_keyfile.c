
#include "agent_keyfile.h"
#include "agent_key.h"
#include "agent_scope.h"
#include "agent_time.h"


#define AGENT_DIGEST_HEX  (AGENT_SHA256_LEN * 2)


typedef struct agent_member_s  agent_member_t;

typedef int (*agent_member_pt)(const agent_member_t *member,
    const json_t *value, agent_key_record_t *rec, char *err);

struct agent_member_s {
    const char       *name;
    agent_member_pt   handler;
    size_t            offset;
    unsigned          required;
};


static int agent_keyfile_header(agent_keyfile_t *file, const json_t *json,
    char *err);
static int agent_member_check(const json_t *json, const agent_member_t *known,
    size_t n, char *err);
static int agent_member_text(const agent_member_t *member,
    const json_t *value, agent_key_record_t *rec, char *err);
static int agent_member_digest(const agent_member_t *member,
    const json_t *value, agent_key_record_t *rec, char *err);
static int agent_member_date(const agent_member_t *member,
    const json_t *value, agent_key_record_t *rec, char *err);
static int agent_member_state(const agent_member_t *member,
    const json_t *value, agent_key_record_t *rec, char *err);
static int agent_member_flag(const agent_member_t *member,
    const json_t *value, agent_key_record_t *rec, char *err);
static int agent_member_list(const agent_member_t *member,
    const json_t *value, agent_key_record_t *rec, char *err);
static int agent_member_networks(const agent_member_t *member,
    const json_t *value, agent_key_record_t *rec, char *err);
static int agent_record_check(const agent_key_record_t *rec, char *err);
static agent_str_t agent_json_text(const json_t *value);
static const char *agent_printable(char *dst, const agent_str_t *text);


#define AGENT_PRINTABLE_LEN  32

#define agent_offset(member)  offsetof(agent_key_record_t, member)


static const agent_member_t  agent_members[] = {
    { "id", agent_member_text, agent_offset(id), 1 },
    { "digest", agent_member_digest, agent_offset(digest), 1 },
    { "agent", agent_member_text, agent_offset(agent), 1 },
    { "owner", agent_member_text, agent_offset(owner), 0 },
    { "scopes", agent_member_list, agent_offset(scopes), 0 },
    { "services", agent_member_list, agent_offset(services), 0 },
    { "networks", agent_member_networks, agent_offset(networks), 0 },
    { "state", agent_member_state, agent_offset(state), 1 },
    { "created", agent_member_date, agent_offset(created), 0 },
    { "not_before", agent_member_date, agent_offset(not_before), 0 },
    { "expires", agent_member_date, agent_offset(expires), 1 },
    { "grace_until", agent_member_date, agent_offset(grace_until), 0 },
    { "successor", agent_member_text, agent_offset(successor), 0 },
    { "imported", agent_member_flag, 0, 0 },
    { "note", agent_member_text, agent_offset(note), 0 }
};

#define AGENT_MEMBERS  (sizeof(agent_members) / sizeof(agent_members[0]))


static const char  *agent_key_states[] =
    { "pending", "active", "deprecated", "suspended", "revoked" };

#define AGENT_KEY_STATES                                                      \
    (sizeof(agent_key_states) / sizeof(agent_key_states[0]))


agent_line_e
agent_keyfile_line(agent_keyfile_t *file, const uint8_t *line, size_t len,
    agent_key_record_t *rec, json_t **json, char *err)
{
    json_error_t  error;

    file->line++;

    if (len > AGENT_KEYFILE_LINE_MAX) {
        return agent_fail(err, "line is longer than %d octets",
                          AGENT_KEYFILE_LINE_MAX);
    }

    if (len == 0) {
        return agent_fail(err, "empty line");
    }

    if (memchr(line, '\0', len) != NULL) {
        return agent_fail(err, "not a JSON object: an octet of zero");
    }

    *json = json_loadb((const char *) line, len, JSON_REJECT_DUPLICATES,
                       &error);

    if (*json == NULL) {

        /* error.text quotes the line, which may hold a pasted secret */

        if (json_error_code(&error) == json_error_duplicate_key) {
            return agent_fail(err, "duplicate member at column %d",
                              error.column);
        }

        return agent_fail(err, "not a JSON object: syntax error at column %d",
                          error.column);
    }

    if (!json_is_object(*json)) {
        (void) agent_fail(err, "not a JSON object");

    } else if (file->line == 1 && json_object_get(*json, "version") != NULL) {

        if (agent_keyfile_header(file, *json, err) == 0) {
            json_decref(*json);
            *json = NULL;
            return AGENT_LINE_HEADER;
        }

    } else if (agent_keyfile_record(*json, rec, err) == 0) {
        file->records++;
        return AGENT_LINE_RECORD;
    }

    json_decref(*json);
    *json = NULL;

    return AGENT_LINE_ERROR;
}


static int
agent_keyfile_header(agent_keyfile_t *file, const json_t *json, char *err)
{
    const json_t  *version, *keys;

    version = json_object_get(json, "version");
    keys = json_object_get(json, "keys");

    if (!json_is_integer(version) || json_integer_value(version) != 1) {
        return agent_fail(err, "unknown \"version\", this program reads 1");
    }

    if (!json_is_integer(keys) || json_integer_value(keys) < 0) {
        return agent_fail(err, "\"keys\" must be the number of keys");
    }

    if (agent_member_check(json, NULL, 0, err) != 0) {
        return -1;
    }

    file->header = 1;
    file->promised = (uint64_t) json_integer_value(keys);

    return 0;
}


int
agent_keyfile_end(const agent_keyfile_t *file, int truncated, char *err)
{
    if (truncated) {
        return agent_fail(err, "last line does not end in LF: truncated");
    }

    if (file->line == 0) {
        return agent_fail(err, "empty file");
    }

    if (file->header && file->promised != file->records) {
        return agent_fail(err, "first line promises %llu keys, file has %llu",
                          (unsigned long long) file->promised,
                          (unsigned long long) file->records);
    }

    return 0;
}


int
agent_keyfile_record(const json_t *json, agent_key_record_t *rec, char *err)
{
    size_t         i;
    const json_t  *value;

    memset(rec, 0, sizeof(*rec));

    rec->created = AGENT_TIME_NONE;
    rec->not_before = AGENT_TIME_NONE;
    rec->expires = AGENT_TIME_NONE;
    rec->grace_until = AGENT_TIME_NONE;

    if (agent_member_check(json, agent_members, AGENT_MEMBERS, err) != 0) {
        return -1;
    }

    for (i = 0; i < AGENT_MEMBERS; i++) {

        value = json_object_get(json, agent_members[i].name);

        if (value == NULL) {

            if (agent_members[i].required) {
                return agent_fail(err, "\"%s\" is missing",
                                  agent_members[i].name);
            }

            continue;
        }

        if (agent_members[i].handler(&agent_members[i], value, rec, err) != 0) {
            return -1;
        }
    }

    return agent_record_check(rec, err);
}


static int
agent_member_check(const json_t *json, const agent_member_t *known, size_t n,
    char *err)
{
    char          text[AGENT_PRINTABLE_LEN];
    size_t        i;
    json_t       *object;
    const char   *name;
    const void   *iter;
    agent_str_t   member;

    /* jansson iterates over non-const objects only, and changes nothing */

    object = (json_t *) json;

    for (iter = json_object_iter(object);
         iter;
         iter = json_object_iter_next(object, (void *) iter))
    {
        name = json_object_iter_key((void *) iter);

        if (name[0] == 'x' && name[1] == '_') {
            continue;
        }

        if (known == NULL
            && (strcmp(name, "version") == 0 || strcmp(name, "keys") == 0))
        {
            continue;
        }

        for (i = 0; i < n; i++) {
            if (strcmp(known[i].name, name) == 0) {
                break;
            }
        }

        if (i == n) {
            member.data = (const uint8_t *) name;
            member.len = strlen(name);

            return agent_fail(err, "unknown member \"%s\"",
                              agent_printable(text, &member));
        }
    }

    return 0;
}


static int
agent_member_text(const agent_member_t *member, const json_t *value,
    agent_key_record_t *rec, char *err)
{
    size_t        i;
    agent_str_t  *text;

    text = (agent_str_t *) ((uint8_t *) rec + member->offset);

    if (!json_is_string(value)) {
        return agent_fail(err, "\"%s\" must be a string", member->name);
    }

    *text = agent_json_text(value);

    if (text->len > AGENT_KEY_TEXT_MAX) {
        return agent_fail(err, "\"%s\" is longer than %d octets",
                          member->name, AGENT_KEY_TEXT_MAX);
    }

    /* these go into variables, and from there into headers, logs and onto
     * terminals, which obey U+0080 to U+009F too */

    for (i = 0; i < text->len; i++) {
        if (text->data[i] < 0x20 || text->data[i] == 0x7f
            || (text->data[i] == 0xc2 && i + 1 < text->len
                && text->data[i + 1] < 0xa0))
        {
            return agent_fail(err, "control character in \"%s\"",
                              member->name);
        }
    }

    return 0;
}


static int
agent_member_digest(const agent_member_t *member, const json_t *value,
    agent_key_record_t *rec, char *err)
{
    size_t        len;
    agent_str_t   text;

    static const agent_str_t  sha256 = agent_string("sha256:");
    static const agent_str_t  hmac = agent_string("hmac-sha256:");

    (void) member;

    text = agent_json_text(value);

    if (text.len == sha256.len + AGENT_DIGEST_HEX
        && memcmp(text.data, sha256.data, sha256.len) == 0)
    {
        text.data += sha256.len;

    } else if (text.len > hmac.len + 1 + AGENT_DIGEST_HEX
               && memcmp(text.data, hmac.data, hmac.len) == 0)
    {
        len = text.len - hmac.len - 1 - AGENT_DIGEST_HEX;

        rec->pepper.data = text.data + hmac.len;
        rec->pepper.len = len;

        text.data += hmac.len + len + 1;

        if (text.data[-1] != ':'
            || !agent_id_valid(&rec->pepper, AGENT_PEPPER_ID_MAX))
        {
            text.data = NULL;
        }

    } else {
        text.data = NULL;
    }

    if (text.data == NULL
        || agent_unhex(rec->digest, AGENT_SHA256_LEN, text.data) != 0)
    {
        return agent_fail(err, "\"digest\" must be \"sha256:\" or "
                          "\"hmac-sha256:<pepper id>:\" and 64 lower-case "
                          "hex digits");
    }

    return 0;
}


static int
agent_member_date(const agent_member_t *member, const json_t *value,
    agent_key_record_t *rec, char *err)
{
    char          shown[AGENT_PRINTABLE_LEN];
    int64_t      *t;
    agent_str_t   text;

    t = (int64_t *) ((uint8_t *) rec + member->offset);
    text = agent_json_text(value);

    if (agent_time_parse(&text, t) != 0) {
        return agent_fail(err, "bad date \"%s\" in \"%s\", expected RFC 3339 "
                          "as in \"2027-01-31T00:00:00Z\"",
                          agent_printable(shown, &text), member->name);
    }

    return 0;
}


static int
agent_member_state(const agent_member_t *member, const json_t *value,
    agent_key_record_t *rec, char *err)
{
    char         shown[AGENT_PRINTABLE_LEN];
    size_t       i;
    agent_str_t  text;

    (void) member;

    text = agent_json_text(value);

    for (i = 0; i < AGENT_KEY_STATES; i++) {
        if (text.len == strlen(agent_key_states[i])
            && memcmp(text.data, agent_key_states[i], text.len) == 0)
        {
            rec->state = (agent_key_state_e) i;
            return 0;
        }
    }

    return agent_fail(err, "unknown state \"%s\", expected pending, active, "
                      "deprecated, suspended or revoked",
                      agent_printable(shown, &text));
}


static int
agent_member_flag(const agent_member_t *member, const json_t *value,
    agent_key_record_t *rec, char *err)
{
    if (!json_is_boolean(value)) {
        return agent_fail(err, "\"%s\" must be true or false", member->name);
    }

    rec->imported = json_is_true(value);

    return 0;
}


static int
agent_member_list(const agent_member_t *member, const json_t *value,
    agent_key_record_t *rec, char *err)
{
    size_t         i, total;
    agent_str_t    text;
    const json_t  *element;

    if (!json_is_array(value)) {
        return agent_fail(err, "\"%s\" must be an array of strings",
                          member->name);
    }

    for (i = 0, total = 0; i < json_array_size(value); i++) {

        element = json_array_get(value, i);
        text = agent_json_text(element);

        if (!json_is_string(element) || text.len > AGENT_KEY_TEXT_MAX
            || !agent_scope_token_valid(&text))
        {
            return agent_fail(err, "\"%s\" must hold strings of 1 to %d "
                              "printable ASCII characters without space, "
                              "'\"' and '\\'",
                              member->name, AGENT_KEY_TEXT_MAX);
        }

        total += text.len + 1;

        if (total > AGENT_KEY_LIST_MAX) {
            return agent_fail(err, "\"%s\" holds more than %d octets",
                              member->name, AGENT_KEY_LIST_MAX);
        }
    }

    *(const json_t **) ((uint8_t *) rec + member->offset) = value;

    return 0;
}


static int
agent_member_networks(const agent_member_t *member, const json_t *value,
    agent_key_record_t *rec, char *err)
{
    char           shown[AGENT_PRINTABLE_LEN];
    size_t         i;
    agent_str_t    text;
    agent_cidr_t   cidr;

    (void) member;

    if (!json_is_array(value)
        || json_array_size(value) > AGENT_KEY_NETWORKS_MAX)
    {
        return agent_fail(err, "\"networks\" must be an array of at most %d "
                          "strings", AGENT_KEY_NETWORKS_MAX);
    }

    for (i = 0; i < json_array_size(value); i++) {

        text = agent_json_text(json_array_get(value, i));

        if (agent_cidr_parse(&text, &cidr) != 0) {
            return agent_fail(err, "bad network \"%s\", expected an address "
                              "or a CIDR without host bits",
                              agent_printable(shown, &text));
        }
    }

    rec->networks = value;

    return 0;
}


static int
agent_record_check(const agent_key_record_t *rec, char *err)
{
    if (rec->imported) {

        if (!agent_id_valid(&rec->id, AGENT_KEY_ID_MAX)) {
            return agent_fail(err, "\"id\" of an imported key must be 1 to %d "
                              "of 0-9 A-Z a-z . _ -", AGENT_KEY_ID_MAX);
        }

        if (rec->pepper.len) {
            return agent_fail(err, "the digest of an imported key must be "
                              "\"sha256:\"");
        }

    } else if (!agent_key_id_valid(&rec->id)) {
        return agent_fail(err, "\"id\" must be %d of 0-9 A-Z a-z",
                          AGENT_KEY_ID_LEN);
    }

    if (rec->agent.len == 0) {
        return agent_fail(err, "\"agent\" is empty");
    }

    return 0;
}


int64_t
agent_key_end(const agent_key_record_t *rec)
{
    if (rec->grace_until != AGENT_TIME_NONE
        && rec->grace_until < rec->expires)
    {
        return rec->grace_until;
    }

    return rec->expires;
}


const char *
agent_key_state_name(agent_key_state_e state)
{
    return (unsigned) state < AGENT_KEY_STATES ? agent_key_states[state]
                                               : "unknown";
}


int
agent_id_valid(const agent_str_t *id, size_t max)
{
    size_t   i;
    uint8_t  c;

    for (i = 0; i < id->len; i++) {
        c = id->data[i];

        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
              || (c >= 'a' && c <= 'z') || c == '.' || c == '_' || c == '-'))
        {
            return 0;
        }
    }

    return id->len > 0 && id->len <= max;
}


/* empty where the value is no string, which no member that asks may be */

static agent_str_t
agent_json_text(const json_t *value)
{
    agent_str_t  text;

    text.len = 0;
    text.data = (const uint8_t *) "";

    if (json_is_string(value)) {
        text.data = (const uint8_t *) json_string_value(value);
        text.len = json_string_length(value);
    }

    return text;
}


/*
 * For error messages: dst has AGENT_PRINTABLE_LEN octets.  What is long enough
 * to be a digest or a pasted secret is not shown, not even its beginning.
 */

static const char *
agent_printable(char *dst, const agent_str_t *text)
{
    size_t  i;

    if (text->len >= AGENT_PRINTABLE_LEN) {
        return "...";
    }

    for (i = 0; i < text->len; i++) {
        dst[i] = (text->data[i] < 0x20 || text->data[i] > 0x7e
                  || text->data[i] == '"')
                 ? '?' : (char) text->data[i];
    }

    dst[i] = '\0';

    return dst;
}
