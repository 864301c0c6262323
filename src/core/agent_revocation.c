
#include "agent_revocation.h"
#include "agent_b64url.h"
#include "agent_json.h"
#include "agent_json_tree.h"
#include "agent_keyfile.h"


#define AGENT_REVOCATION_TIME_MAX  INT64_C(253402300799999)

#define AGENT_DIGEST_HEX           (AGENT_SHA256_LEN * 2)
#define AGENT_DIGEST_B64URL        agent_b64url_room(AGENT_SHA256_LEN)


typedef enum {
    AGENT_VALUE_TEXT = 0,
    AGENT_VALUE_HEX,
    AGENT_VALUE_B64URL,
    AGENT_VALUE_ID
} agent_revocation_form_e;


typedef struct {
    agent_str_t               name;
    agent_revocation_form_e   form;
    unsigned                  issuer;
} agent_revocation_kind_t;


typedef struct {
    const char               *name;
    size_t                    offset;
    unsigned                  time;     /* else a text */
} agent_revocation_member_t;


static int agent_revocation_names(const agent_revocation_t *rev, char *err);
static int agent_revocation_value(const agent_revocation_t *rev, char *err);
static int agent_revocation_times(const agent_revocation_t *rev, char *err);
static int agent_revocation_utf8(const agent_str_t *text);
static int agent_revocation_id(const agent_str_t *id);
static int agent_revocation_members(const json_t *tree, uint8_t *buf,
    agent_revocation_t *rev, char *err);
static int agent_revocation_member(const char *name, const json_t *value,
    uint8_t **buf, agent_revocation_t *rev, char *err);
static int agent_revocation_enum(const char *name, const json_t *value,
    agent_revocation_t *rev, char *err);


static const agent_str_t  agent_revocation_ops[] = {
    agent_string("revoke"),
    agent_string("unrevoke"),
    agent_string("suspend"),
    agent_string("resume")
};


static const agent_revocation_kind_t  agent_revocation_kinds[] = {
    { agent_string("token"), AGENT_VALUE_HEX, 0 },
    { agent_string("jti"), AGENT_VALUE_TEXT, 1 },
    { agent_string("subject"), AGENT_VALUE_TEXT, 1 },
    { agent_string("client"), AGENT_VALUE_TEXT, 1 },
    { agent_string("agent"), AGENT_VALUE_TEXT, 0 },
    { agent_string("issuer"), AGENT_VALUE_TEXT, 0 },
    { agent_string("kid"), AGENT_VALUE_TEXT, 1 },
    { agent_string("jwk"), AGENT_VALUE_B64URL, 0 },
    { agent_string("key"), AGENT_VALUE_ID, 0 },
    { agent_string("certificate"), AGENT_VALUE_B64URL, 0 }
};


#define agent_revocation_offset(member)  offsetof(agent_revocation_t, member)

static const agent_revocation_member_t  agent_revocation_known[] = {
    { "issuer", agent_revocation_offset(issuer), 0 },
    { "value", agent_revocation_offset(value), 0 },
    { "id", agent_revocation_offset(id), 0 },
    { "cause", agent_revocation_offset(cause), 0 },
    { "by", agent_revocation_offset(by), 0 },
    { "before", agent_revocation_offset(before), 1 },
    { "expires", agent_revocation_offset(expires), 1 },
    { "at", agent_revocation_offset(at), 1 }
};

#define AGENT_REVOCATION_MEMBERS                                              \
    (sizeof(agent_revocation_known) / sizeof(agent_revocation_known[0]))


const agent_str_t *
agent_revocation_op_name(agent_revocation_op_e op)
{
    return &agent_revocation_ops[op];
}


const agent_str_t *
agent_revocation_kind_name(agent_revocation_kind_e kind)
{
    return &agent_revocation_kinds[kind].name;
}


int
agent_revocation_op(const agent_str_t *name)
{
    int  i;

    for (i = 0; i < AGENT_REVOCATION_OPS; i++) {
        if (agent_str_eq(name, &agent_revocation_ops[i])) {
            return i;
        }
    }

    return -1;
}


int
agent_revocation_kind(const agent_str_t *name)
{
    int  i;

    for (i = 0; i < AGENT_REVOCATION_KINDS; i++) {
        if (agent_str_eq(name, &agent_revocation_kinds[i].name)) {
            return i;
        }
    }

    return -1;
}


int
agent_revocation_has_issuer(agent_revocation_kind_e kind)
{
    return agent_revocation_kinds[kind].issuer != 0;
}


int
agent_revocation_check(const agent_revocation_t *rev, char *err)
{
    if (agent_revocation_names(rev, err) != 0
        || agent_revocation_value(rev, err) != 0
        || agent_revocation_times(rev, err) != 0)
    {
        return -1;
    }

    /* the writer would put another character in the place of what is none */

    if (!agent_revocation_utf8(&rev->issuer)
        || !agent_revocation_utf8(&rev->value))
    {
        return agent_fail(err, "\"issuer\" or \"value\" is not UTF-8");
    }

    return 0;
}


static int
agent_revocation_names(const agent_revocation_t *rev, char *err)
{
    if (rev->op >= AGENT_REVOCATION_OPS
        || rev->kind >= AGENT_REVOCATION_KINDS)
    {
        return agent_fail(err, "there is no such operation or kind");
    }

    if ((rev->op == AGENT_SUSPEND || rev->op == AGENT_RESUME)
        && rev->kind != AGENT_REVOKED_KEY)
    {
        return agent_fail(err, "only a \"key\" can be suspended or resumed");
    }

    if (rev->id.len && !agent_revocation_id(&rev->id)) {
        return agent_fail(err, "\"id\" is not 1 to %d of 0-9 A-Z a-z . _ : -",
                          AGENT_REVOCATION_ID_MAX);
    }

    return 0;
}


static int
agent_revocation_value(const agent_revocation_t *rev, char *err)
{
    size_t                          n;
    uint8_t                         octets[AGENT_SHA256_LEN];
    const agent_revocation_kind_t  *kind;

    kind = &agent_revocation_kinds[rev->kind];

    if (kind->issuer != (rev->issuer.len != 0)) {
        return agent_fail(err, "\"%s\" %s", (const char *) kind->name.data,
                          kind->issuer ? "needs an \"issuer\""
                                       : "goes without \"issuer\"");
    }

    if (rev->value.len == 0) {
        return agent_fail(err, "\"value\" is missing");
    }

    if (rev->value.len > AGENT_REVOCATION_VALUE_MAX
        || rev->issuer.len > AGENT_REVOCATION_VALUE_MAX)
    {
        return agent_fail(err, "\"value\" or \"issuer\" is longer than %d "
                          "octets", AGENT_REVOCATION_VALUE_MAX);
    }

    switch (kind->form) {

    case AGENT_VALUE_HEX:
        if (rev->value.len != AGENT_DIGEST_HEX
            || agent_unhex(octets, AGENT_SHA256_LEN, rev->value.data) != 0)
        {
            return agent_fail(err, "the value of \"token\" is not its SHA-256 "
                              "in 64 digits of lower-case hex");
        }

        break;

    case AGENT_VALUE_B64URL:
        if (rev->value.len != AGENT_DIGEST_B64URL
            || agent_b64url_decode(octets, &n, rev->value.data,
                                   rev->value.len)
               != 0)
        {
            return agent_fail(err, "the value of \"%s\" is not a SHA-256 in "
                              "43 characters of base64url",
                              (const char *) kind->name.data);
        }

        break;

    case AGENT_VALUE_ID:
        if (!agent_id_valid(&rev->value, AGENT_KEY_ID_MAX)) {
            return agent_fail(err, "the value of \"key\" is not the id of a "
                              "key");
        }

        break;

    default:
        break;
    }

    return 0;
}


static int
agent_revocation_times(const agent_revocation_t *rev, char *err)
{
    size_t           i;
    const int64_t   *t;

    for (i = 0; i < AGENT_REVOCATION_MEMBERS; i++) {

        if (!agent_revocation_known[i].time) {
            continue;
        }

        t = (const int64_t *) ((const uint8_t *) rev
                               + agent_revocation_known[i].offset);

        if (*t != AGENT_REVOCATION_NONE
            && (*t <= 0 || *t > AGENT_REVOCATION_TIME_MAX))
        {
            return agent_fail(err, "\"%s\" is not in milliseconds since 1970",
                              agent_revocation_known[i].name);
        }
    }

    /* a key says nowhere when it was issued */

    if (rev->before != AGENT_REVOCATION_NONE
        && (rev->op != AGENT_REVOKE || rev->kind == AGENT_REVOKED_KEY))
    {
        return agent_fail(err, "\"before\" goes with \"revoke\" of tokens "
                          "only");
    }

    if (rev->expires != AGENT_REVOCATION_NONE
        && (rev->op == AGENT_UNREVOKE || rev->op == AGENT_RESUME))
    {
        return agent_fail(err, "\"expires\" goes with \"revoke\" and "
                          "\"suspend\" only");
    }

    return 0;
}


static int
agent_revocation_utf8(const agent_str_t *text)
{
    json_t  *json;

    if (text->len == 0) {
        return 1;
    }

    if (memchr(text->data, '\0', text->len)) {
        return 0;
    }

    json = json_stringn((const char *) text->data, text->len);
    json_decref(json);

    return json != NULL;
}


static int
agent_revocation_id(const agent_str_t *id)
{
    size_t   i;
    uint8_t  ch;

    if (id->len > AGENT_REVOCATION_ID_MAX) {
        return 0;
    }

    for (i = 0; i < id->len; i++) {

        ch = id->data[i];

        if (!((ch >= '0' && ch <= '9') || (ch >= 'A' && ch <= 'Z')
              || (ch >= 'a' && ch <= 'z') || ch == '.' || ch == '_'
              || ch == ':' || ch == '-'))
        {
            return 0;
        }
    }

    return 1;
}


int
agent_revocation_parse(const uint8_t *line, size_t len, uint8_t *buf,
    agent_revocation_t *rev, char *err)
{
    int      rc;
    json_t  *tree;

    memset(rev, 0, sizeof(*rev));

    rev->op = AGENT_REVOCATION_OPS;
    rev->kind = AGENT_REVOCATION_KINDS;
    rev->before = AGENT_REVOCATION_NONE;
    rev->expires = AGENT_REVOCATION_NONE;
    rev->at = AGENT_REVOCATION_NONE;

    if (len >= AGENT_REVOCATION_LINE_MAX) {
        return agent_fail(err, "the line is longer than %d octets",
                          AGENT_REVOCATION_LINE_MAX - 1);
    }

    tree = agent_json_tree(line, len, 0);

    if (tree == NULL) {
        return agent_fail(err, "the line is not a JSON object");
    }

    rc = agent_revocation_members(tree, buf, rev, err);

    json_decref(tree);

    if (rc != 0) {
        return -1;
    }

    if (rev->id.len == 0 || rev->at == AGENT_REVOCATION_NONE) {
        return agent_fail(err, "\"id\" or \"at\" is missing");
    }

    /* what is read as JSON is UTF-8 */

    return agent_revocation_names(rev, err) == 0
           && agent_revocation_value(rev, err) == 0
           && agent_revocation_times(rev, err) == 0 ? 0 : -1;
}


static int
agent_revocation_members(const json_t *tree, uint8_t *buf,
    agent_revocation_t *rev, char *err)
{
    json_t      *value;
    const char  *name;

    /* it is only read */

    json_object_foreach((json_t *) tree, name, value) {

        if (strncmp(name, "x_", 2) == 0) {
            continue;
        }

        if (strcmp(name, "op") == 0 || strcmp(name, "kind") == 0) {

            if (agent_revocation_enum(name, value, rev, err) != 0) {
                return -1;
            }

            continue;
        }

        if (agent_revocation_member(name, value, &buf, rev, err) != 0) {
            return -1;
        }
    }

    return 0;
}


static int
agent_revocation_enum(const char *name, const json_t *value,
    agent_revocation_t *rev, char *err)
{
    int          n;
    agent_str_t  text;

    text.len = json_string_length(value);
    text.data = (const uint8_t *) json_string_value(value);

    n = (name[0] == 'o') ? agent_revocation_op(&text)
                         : agent_revocation_kind(&text);

    if (n == -1) {
        return agent_fail(err, "unknown \"%s\"", name);
    }

    if (name[0] == 'o') {
        rev->op = (agent_revocation_op_e) n;

    } else {
        rev->kind = (agent_revocation_kind_e) n;
    }

    return 0;
}


static int
agent_revocation_member(const char *name, const json_t *value,
    uint8_t **buf, agent_revocation_t *rev, char *err)
{
    void                             *member;
    size_t                            i;
    agent_str_t                      *text;
    const agent_revocation_member_t  *known;

    for (i = 0; strcmp(agent_revocation_known[i].name, name) != 0; i++) {
        if (i == AGENT_REVOCATION_MEMBERS - 1) {
            return agent_fail(err, "there is an unknown member");
        }
    }

    known = &agent_revocation_known[i];
    member = (uint8_t *) rev + known->offset;

    if (known->time) {

        if (!json_is_integer(value)) {
            return agent_fail(err, "\"%s\" is not an integer", name);
        }

        *(int64_t *) member = json_integer_value(value);

        /* one that would be taken for none */

        return *(int64_t *) member == AGENT_REVOCATION_NONE
               ? agent_fail(err, "\"%s\" is not a time", name) : 0;
    }

    if (!json_is_string(value)) {
        return agent_fail(err, "\"%s\" is not a string", name);
    }

    text = member;
    text->len = json_string_length(value);
    text->data = *buf;

    memcpy(*buf, json_string_value(value), text->len);
    *buf += text->len;

    return 0;
}


size_t
agent_revocation_write(uint8_t *buf, const agent_revocation_t *rev)
{
    agent_json_t  json;

    if (rev->id.len == 0 || rev->at == AGENT_REVOCATION_NONE) {
        return 0;
    }

    agent_json_init(&json, buf, AGENT_REVOCATION_LINE_MAX);

    agent_json_literal(&json, "{");
    agent_json_string(&json, "id", &rev->id, AGENT_REVOCATION_ID_MAX);
    agent_json_number(&json, "at", (uint64_t) rev->at);
    agent_json_string(&json, "op", agent_revocation_op_name(rev->op), 16);
    agent_json_string(&json, "kind", agent_revocation_kind_name(rev->kind),
                      16);
    agent_json_string(&json, "issuer", &rev->issuer,
                      AGENT_REVOCATION_VALUE_MAX);
    agent_json_string(&json, "value", &rev->value, AGENT_REVOCATION_VALUE_MAX);

    if (rev->before != AGENT_REVOCATION_NONE) {
        agent_json_number(&json, "before", (uint64_t) rev->before);
    }

    if (rev->expires != AGENT_REVOCATION_NONE) {
        agent_json_number(&json, "expires", (uint64_t) rev->expires);
    }

    agent_json_string(&json, "cause", &rev->cause, AGENT_REVOCATION_CAUSE_MAX);
    agent_json_string(&json, "by", &rev->by, AGENT_REVOCATION_BY_MAX);
    agent_json_close(&json, "\n");

    return json.overflow ? 0 : (size_t) (json.pos - buf);
}


uint64_t
agent_revocation_issuer_hash(const uint8_t *secret, const agent_str_t *issuer)
{
    return issuer->len ? agent_siphash(secret, issuer->data, issuer->len) : 0;
}


uint64_t
agent_revocation_hash(const uint8_t *secret, agent_revocation_kind_e kind,
    uint64_t issuer, const uint8_t *value, size_t len)
{
    uint64_t  hash;

    /* nobody can have revoked what is longer */

    if (len > AGENT_REVOCATION_VALUE_MAX) {
        return 0;
    }

    /* the hashes are secret: nobody can have what is added make up for them */

    hash = agent_siphash13(secret, value, len);

    return hash + issuer * UINT64_C(0x9e3779b97f4a7c15)
           + ((uint64_t) kind + 1) * UINT64_C(0xd1b54a32d192ed03);
}


uint64_t
agent_revocation_entry_hash(const uint8_t *secret,
    const agent_revocation_t *rev)
{
    size_t    len;
    uint8_t   octets[AGENT_SHA256_LEN];
    uint64_t  issuer;

    issuer = agent_revocation_issuer_hash(secret, &rev->issuer);

    switch (agent_revocation_kinds[rev->kind].form) {

    case AGENT_VALUE_HEX:
        if (agent_unhex(octets, AGENT_SHA256_LEN, rev->value.data) != 0) {
            return 0;
        }

        len = AGENT_SHA256_LEN;
        break;

    case AGENT_VALUE_B64URL:
        if (agent_b64url_decode(octets, &len, rev->value.data, rev->value.len)
            != 0)
        {
            return 0;
        }

        /* of a key that signed claims tell as much */

        if (rev->kind == AGENT_REVOKED_JWK) {
            len = sizeof(uint64_t);
        }

        break;

    default:
        return agent_revocation_hash(secret, rev->kind, issuer,
                                     rev->value.data, rev->value.len);
    }

    return agent_revocation_hash(secret, rev->kind, issuer, octets, len);
}
