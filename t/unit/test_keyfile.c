
/*
 * The records of a key file.  Without this a member that is wrong in a way
 * nobody thought of could be taken for right, or a revoked key could come back
 * through a mistyped state (K-06, K-07, K-10).
 */

#include "tap.h"

#include "keyfile.h"


typedef struct {
    const char  *name;          /* of the member that is replaced */
    const char  *value;         /* JSON, NULL to leave it out */
    const char  *error;         /* NULL where the line is good */
} sample_t;


static void test_good(void);
static void test_minimal(void);
static void test_members(void);
static void test_types(void);
static void test_lists(void);
static void test_states(void);
static void test_imported(void);


#define DATE_ERROR(shown, name)                                               \
    "bad date \"" shown "\" in \"" name "\", expected RFC 3339 as in "        \
    "\"2027-01-31T00:00:00Z\""

#define DIGEST_ERROR                                                          \
    "\"digest\" must be \"sha256:\" or \"hmac-sha256:<pepper id>:\" and 64 "  \
    "lower-case hex digits"

#define STATE_ERROR(shown)                                                    \
    "unknown state \"" shown "\", expected pending, active, deprecated, "     \
    "suspended or revoked"

#define NETWORK_ERROR(shown)                                                  \
    "bad network \"" shown "\", expected an address or a CIDR without host "  \
    "bits"

#define LIST_ERROR(name)                                                      \
    "\"" name "\" must hold strings of 1 to 255 printable ASCII characters "  \
    "without space, '\"' and '\\'"

#define ID_ERROR  "\"id\" must be 16 of 0-9 A-Z a-z"

#define IMPORTED_ERROR                                                        \
    "\"id\" of an imported key must be 1 to 64 of 0-9 A-Z a-z . _ -"


static const sample_t  samples[] = {

    /* missing */

    { "id", NULL, "\"id\" is missing" },
    { "digest", NULL, "\"digest\" is missing" },
    { "agent", NULL, "\"agent\" is missing" },
    { "state", NULL, "\"state\" is missing" },
    { "expires", NULL, "\"expires\" is missing" },
    { "owner", NULL, NULL },
    { "scopes", NULL, NULL },
    { "services", NULL, NULL },
    { "networks", NULL, NULL },
    { "created", NULL, NULL },
    { "not_before", NULL, NULL },
    { "grace_until", NULL, NULL },
    { "successor", NULL, NULL },
    { "imported", NULL, NULL },
    { "note", NULL, NULL },

    /* ids */

    { "id", "\"\"", ID_ERROR },
    { "id", "\"0aZ0aZ0aZ0aZ0aZ\"", ID_ERROR },
    { "id", "\"0aZ0aZ0aZ0aZ0aZ00\"", ID_ERROR },
    { "id", "\"0aZ0aZ0aZ0aZ0aZ_\"", ID_ERROR },
    { "id", "\"0aZ0aZ0aZ0aZ0a\\u00e9\"", ID_ERROR },
    { "id", "\"0aZ0aZ0aZ0aZ0aZ\\n\"", "control character in \"id\"" },

    /* digests */

    { "digest", "\"hmac-sha256:p1:" HEX "\"", NULL },
    { "digest", "\"hmac-sha256:p:" HEX "\"", NULL },
    { "digest", "\"hmac-sha256:0123456789abcdefghijklmnop.-_XYZ:" HEX "\"",
      NULL },
    { "digest", "\"hmac-sha256:0123456789abcdefghijklmnop.-_XYZ0:" HEX "\"",
      DIGEST_ERROR },
    { "digest", "\"hmac-sha256::" HEX "\"", DIGEST_ERROR },
    { "digest", "\"hmac-sha256:" HEX "\"", DIGEST_ERROR },
    { "digest", "\"hmac-sha256:p 1:" HEX "\"", DIGEST_ERROR },
    { "digest", "\"hmac-sha256:p:1:" HEX "\"", DIGEST_ERROR },
    { "digest", "\"hmac-sha256:p\\u00e9:" HEX "\"", DIGEST_ERROR },
    { "digest", "\"hmac-sha256:p1:" HEX "0\"", DIGEST_ERROR },
    { "digest", "\"hmac-sha256:p1;" HEX "\"", DIGEST_ERROR },
    { "digest", "\"HMAC-SHA256:p1:" HEX "\"", DIGEST_ERROR },
    { "digest", "\"\"", DIGEST_ERROR },
    { "digest", "\"sha256:\"", DIGEST_ERROR },
    { "digest", "\"" HEX "\"", DIGEST_ERROR },
    { "digest", "\"SHA256:" HEX "\"", DIGEST_ERROR },
    { "digest", "\"sha256 " HEX "\"", DIGEST_ERROR },
    { "digest", "\"sha512:" HEX "\"", DIGEST_ERROR },
    { "digest", "\"md5:" HEX "\"", DIGEST_ERROR },
    { "digest", "\"sha256:" HEX "0\"", DIGEST_ERROR },
    { "digest", "\"sha256:" HEX HEX "\"", DIGEST_ERROR },
    { "digest",
      "\"sha256:00112233445566778899aabbccddeeff"
      "00112233445566778899aabbccddeef\"", DIGEST_ERROR },
    { "digest",
      "\"sha256:00112233445566778899aabbccddeeff"
      "00112233445566778899aabbccddeeFF\"", DIGEST_ERROR },
    { "digest",
      "\"sha256:00112233445566778899aabbccddeeff"
      "00112233445566778899aabbccddeefg\"", DIGEST_ERROR },
    { "digest",
      "\"sha256: 0112233445566778899aabbccddeeff"
      "00112233445566778899aabbccddeeff\"", DIGEST_ERROR },

    /* dates */

    { "expires", "\"2027-02-29T00:00:00Z\"",
      DATE_ERROR("2027-02-29T00:00:00Z", "expires") },
    { "expires", "\"never\"", DATE_ERROR("never", "expires") },
    { "expires", "\"\"", DATE_ERROR("", "expires") },
    { "expires", "\"~\"", DATE_ERROR("~", "expires") },
    { "expires", "\"90d\"", DATE_ERROR("90d", "expires") },
    { "expires", "\"2027-01-31\"", DATE_ERROR("2027-01-31", "expires") },
    { "expires", "\"a\\\"b\\u00e9\\n\"", DATE_ERROR("a?b???", "expires") },
    { "created", "\"now\"", DATE_ERROR("now", "created") },
    { "not_before", "\"2027-01-31T00:00:00\"",
      DATE_ERROR("2027-01-31T00:00:00", "not_before") },
    { "grace_until", "\"2027-01-31T25:00:00Z\"",
      DATE_ERROR("2027-01-31T25:00:00Z", "grace_until") },
    { "expires", "\"0123456789012345678901234567890\"",
      DATE_ERROR("0123456789012345678901234567890", "expires") },
    { "expires", "\"01234567890123456789012345678901\"",
      DATE_ERROR("...", "expires") },

    /* networks */

    { "networks", "[]", NULL },
    { "networks", "[\"192.0.2.1\"]", NULL },
    { "networks", "[\"10.0.0.1/8\"]", NETWORK_ERROR("10.0.0.1/8") },
    { "networks", "[\"10.0.0.0/33\"]", NETWORK_ERROR("10.0.0.0/33") },
    { "networks", "[\"10.0.0.0/8\",\"\"]", NETWORK_ERROR("") },
    { "networks", "[\"fe80::1%eth0\"]", NETWORK_ERROR("fe80::1%eth0") },
    { "networks", "[\"10.0.0.0/8 10.1.0.0/16\"]",
      NETWORK_ERROR("10.0.0.0/8 10.1.0.0/16") },

    /* scopes and services */

    { "scopes", "[]", NULL },
    { "services", "[]", NULL },
    { "scopes", "[\"\"]", LIST_ERROR("scopes") },
    { "scopes", "[\"a b\"]", LIST_ERROR("scopes") },
    { "scopes", "[\"a\\\"b\"]", LIST_ERROR("scopes") },
    { "scopes", "[\"a\\\\b\"]", LIST_ERROR("scopes") },
    { "scopes", "[\"a\\tb\"]", LIST_ERROR("scopes") },
    { "scopes", "[\"\\u00e9\"]", LIST_ERROR("scopes") },
    { "services", "[\"ok\",\"not ok\"]", LIST_ERROR("services") },

    /* texts */

    { "agent", "\"\"", "\"agent\" is empty" },
    { "agent", "\"B\\u00fcrobot \\u65e5\\ud83e\\udd16\"", NULL },
    { "agent", "\"a\\nb\"", "control character in \"agent\"" },
    { "agent", "\"a\\u007fb\"", "control character in \"agent\"" },
    { "agent", "\"a\\u0080b\"", "control character in \"agent\"" },
    { "agent", "\"a\\u0085\"", "control character in \"agent\"" },
    { "agent", "\"a\\u009b2J\"", "control character in \"agent\"" },
    { "agent", "\"a\\u00a0b\"", NULL },
    { "owner", "\"\"", NULL },
    { "owner", "\"\\u001b[2J\"", "control character in \"owner\"" },
    { "note", "\"\\u0000\"",
      "not a JSON object: syntax error at column " },
    { "note", "\"a\\tb\"", "control character in \"note\"" },
    { "successor", "\"a\\rb\"", "control character in \"successor\"" },

    /* members that nobody knows */

    { "x_team", "\"anything\"", NULL },
    { "x_", "{\"deep\":[1,2.5,null,true,{}]}", NULL },
    { "expiry", "\"2027-01-31T00:00:00Z\"", "unknown member \"expiry\"" },
    { "Expires", "\"2027-01-31T00:00:00Z\"", "unknown member \"Expires\"" },
    { "x", "1", "unknown member \"x\"" },
    { "X_team", "1", "unknown member \"X_team\"" },
    { " x_team", "1", "unknown member \" x_team\"" },
    { "", "1", "unknown member \"\"" },
    { "version", "1", "\"keys\" must be the number of keys" },
    { "keys", "1", "unknown member \"keys\"" },
    { "secret", "\"TESTsecret\"", "unknown member \"secret\"" },
    { "\\u0001\\\"\\u00e9", "1", "unknown member \"????\"" }
};


int
main(void)
{
    test_good();
    test_minimal();
    test_members();
    test_types();
    test_lists();
    test_states();
    test_imported();

    json_decref(json);

    return tap_done();
}


static void
test_good(void)
{
    uint8_t  digest[AGENT_SHA256_LEN];

    ok(read_record(NULL, NULL) == AGENT_LINE_RECORD, "every member");

    (void) agent_unhex(digest, sizeof(digest), (const uint8_t *) HEX);

    ok(is(&rec.id, "0aZ0aZ0aZ0aZ0aZ0"), "id");
    ok(memcmp(rec.digest, digest, sizeof(digest)) == 0, "digest");
    ok(rec.pepper.len == 0, "no pepper");
    ok(is(&rec.agent, "billing-bot"), "agent");
    ok(is(&rec.owner, "team-pay"), "owner");
    ok(is(&rec.successor, "1aZ0aZ0aZ0aZ0aZ0"), "successor");
    ok(is(&rec.note, "for the month-end run"), "note");
    ok(json_array_size(rec.scopes) == 2, "scopes");
    ok(json_array_size(rec.services) == 1, "services");
    ok(json_array_size(rec.networks) == 2, "networks");
    ok(rec.state == AGENT_KEY_ACTIVE, "state");
    ok(rec.created == 1793491200, "created");
    ok(rec.not_before == 1793577600, "not_before");
    ok(rec.expires == 1801353600, "expires");
    ok(rec.grace_until == 1801267200, "grace_until");
    ok(rec.imported == 0, "imported");

    ok(read_record("digest", "\"hmac-sha256:p1:" HEX "\"")
       == AGENT_LINE_RECORD
       && is(&rec.pepper, "p1")
       && memcmp(rec.digest, digest, sizeof(digest)) == 0,
       "digest with a pepper");
}


static void
test_minimal(void)
{
    size_t  len;

    static const char  line[] =
        "{\"id\":\"a\",\"digest\":\"sha256:" ZEROES "\",\"agent\":\"a\","
        "\"state\":\"active\",\"expires\":\"2027-01-31T00:00:00Z\","
        "\"imported\":true}";

    len = strlen(line);

    ok(read_line(line, len) == AGENT_LINE_RECORD, "a line with the least");
    ok(rec.owner.len == 0 && rec.note.len == 0 && rec.successor.len == 0,
       "absent texts are empty");
    ok(rec.scopes == NULL && rec.services == NULL && rec.networks == NULL,
       "absent lists are NULL");
    ok(rec.created == AGENT_TIME_NONE && rec.not_before == AGENT_TIME_NONE
       && rec.grace_until == AGENT_TIME_NONE,
       "absent dates are AGENT_TIME_NONE");
    ok(len >= AGENT_KEYFILE_LINE_MIN,
       "estimates by AGENT_KEYFILE_LINE_MIN are not too low");
}


static void
test_members(void)
{
    size_t           i, len;
    agent_line_e     got;
    const sample_t  *s;

    for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        s = &samples[i];
        got = read_record(s->name, s->value);

        if (s->error == NULL) {
            ok(got == AGENT_LINE_RECORD, "%s %s is good", s->name,
               s->value ? s->value : "absent");
            continue;
        }

        len = strlen(s->error);

        if (got == AGENT_LINE_RECORD || strncmp(error, s->error, len) != 0) {
            fprintf(stderr, "# got: %s\n", error);
        }

        ok(got == AGENT_LINE_ERROR && strncmp(error, s->error, len) == 0,
           "%s %s: %s", s->name, s->value ? s->value : "absent", s->error);
    }
}


/* each member of each JSON type that is not its own */

static void
test_types(void)
{
    char          wanted[64];
    size_t        i, j, accepted, unnamed;
    const char   *name;
    agent_line_e  got;

    static const char  *values[] = {
        "null", "true", "false", "0", "-1", "1.5", "1801353600", "\"text\"",
        "[]", "[1]", "[null]", "[[\"a\"]]", "[{}]", "[true]", "[\"a\",1]",
        "{}", "{\"a\":\"b\"}"
    };

    for (i = 0, accepted = 0, unnamed = 0; i < MEMBERS; i++) {

        name = members[i][0];

        for (j = 0; j < sizeof(values) / sizeof(values[0]); j++) {

            got = read_record(name, values[j]);

            /* of these some are right for some */

            if (got == AGENT_LINE_RECORD) {

                if ((values[j][0] == '"' && strchr("aosn", name[0]))
                    || (strcmp(values[j], "[]") == 0
                        && name[strlen(name) - 1] == 's')
                    || (strcmp(name, "imported") == 0
                        && strcmp(values[j], "false") == 0)
                    || (strcmp(name, "imported") == 0
                        && strcmp(values[j], "true") == 0))
                {
                    continue;
                }

                accepted++;
                fprintf(stderr, "# accepted: %s %s\n", name, values[j]);
                continue;
            }

            /* the message names the member, or what it would be */

            (void) snprintf(wanted, sizeof(wanted), "\"%s\"", name);

            if (strstr(error, wanted) == NULL
                && strstr(error, strcmp(name, "state") == 0 ? "state"
                                                            : "network")
                   == NULL)
            {
                unnamed++;
                fprintf(stderr, "# %s %s: %s\n", name, values[j], error);
            }
        }
    }

    ok(accepted == 0, "no member of a wrong type");
    ok(unnamed == 0, "the message says which");
}


static void
test_lists(void)
{
    char  *list;

    list = repeat("\"", "a", AGENT_KEY_TEXT_MAX, "\"");
    ok(read_record("agent", list) == AGENT_LINE_RECORD, "longest agent");
    ok(read_record("note", list) == AGENT_LINE_RECORD, "longest note");
    free(list);

    list = repeat("\"", "a", AGENT_KEY_TEXT_MAX + 1, "\"");
    ok(read_record("agent", list) == AGENT_LINE_ERROR, "agent too long");
    is_str(error, strlen(error), "\"agent\" is longer than 255 octets",
           "it says so");
    ok(read_record("owner", list) == AGENT_LINE_ERROR, "owner too long");
    ok(read_record("note", list) == AGENT_LINE_ERROR, "note too long");
    ok(read_record("successor", list) == AGENT_LINE_ERROR,
       "successor too long");
    ok(read_record("id", list) == AGENT_LINE_ERROR, "id too long");
    free(list);

    list = repeat("[\"", "a", AGENT_KEY_TEXT_MAX, "\"]");
    ok(read_record("scopes", list) == AGENT_LINE_RECORD, "longest scope");
    free(list);

    list = repeat("[\"", "a", AGENT_KEY_TEXT_MAX + 1, "\"]");
    ok(read_record("scopes", list) == AGENT_LINE_ERROR, "scope too long");
    ok(read_record("services", list) == AGENT_LINE_ERROR, "service too long");
    free(list);

    /* three letters and a space each: 8192 octets */

    list = repeat("[\"xyz\"", ",\"abc\"", 2047, "]");
    ok(read_record("scopes", list) == AGENT_LINE_RECORD, "most scopes");
    ok(read_record("services", list) == AGENT_LINE_RECORD, "most services");
    free(list);

    list = repeat("[\"wxyz\"", ",\"abc\"", 2047, "]");
    ok(read_record("scopes", list) == AGENT_LINE_ERROR, "too many scopes");
    is_str(error, strlen(error), "\"scopes\" holds more than 8192 octets",
           "it says so");
    ok(read_record("services", list) == AGENT_LINE_ERROR,
       "too many services");
    free(list);

    list = repeat("[\"::1\"", ",\"10.0.0.0/8\"", AGENT_KEY_NETWORKS_MAX - 1,
                  "]");
    ok(read_record("networks", list) == AGENT_LINE_RECORD, "most networks");
    free(list);

    list = repeat("[\"::1\"", ",\"10.0.0.0/8\"", AGENT_KEY_NETWORKS_MAX, "]");
    ok(read_record("networks", list) == AGENT_LINE_ERROR,
       "too many networks");
    is_str(error, strlen(error),
           "\"networks\" must be an array of at most 256 strings",
           "it says so");
    free(list);
}


/* K-07 */

static void
test_states(void)
{
    int     i;
    char    text[128];
    size_t  j;

    static const char  *names[] =
        { "pending", "active", "deprecated", "suspended", "revoked" };

    static const char  *unknown[] =
        { "", "Active", "ACTIVE", "activ", "active ", " active", "actives",
          "expired", "compromised", "1", "a" };

    for (i = 0; i < 5; i++) {
        (void) snprintf(text, sizeof(text), "\"%s\"", names[i]);

        ok(read_record("state", text) == AGENT_LINE_RECORD
           && (int) rec.state == i
           && strcmp(agent_key_state_name((agent_key_state_e) i), names[i])
              == 0,
           "state %s", names[i]);
    }

    for (j = 0; j < sizeof(unknown) / sizeof(unknown[0]); j++) {
        (void) snprintf(text, sizeof(text), "\"%s\"", unknown[j]);

        ok(read_record("state", text) == AGENT_LINE_ERROR, "state \"%s\"",
           unknown[j]);

        (void) snprintf(text, sizeof(text), STATE_ERROR("%s"), unknown[j]);
        ok(strncmp(error, text, strlen(text)) == 0, "it says so");
    }

    ok(strcmp(agent_key_state_name((agent_key_state_e) 5), "unknown") == 0
       && strcmp(agent_key_state_name((agent_key_state_e) -1), "unknown") == 0,
       "a state out of range has a name too");
    ok(AGENT_KEY_PENDING == 0, "memory of zeroes is no active key");
}


static void
test_imported(void)
{
    char  *line;

    static const char  tail[] =
        "\",\"agent\":\"a\",\"state\":\"active\","
        "\"expires\":\"2027-01-31T00:00:00Z\",\"imported\":true,"
        "\"digest\":\"sha256:" ZEROES "\"}";

    static const char  pepper[] =
        "{\"id\":\"a\",\"agent\":\"a\",\"state\":\"active\","
        "\"expires\":\"2027-01-31T00:00:00Z\",\"imported\":true,"
        "\"digest\":\"hmac-sha256:p1:" ZEROES "\"}";

    line = repeat("{\"id\":\"", "a", 1, tail);
    ok(read_line(line, strlen(line)) == AGENT_LINE_RECORD && rec.imported,
       "imported, id of 1");
    free(line);

    line = repeat("{\"id\":\"", "._-Z", 16, tail);
    ok(read_line(line, strlen(line)) == AGENT_LINE_RECORD
       && rec.id.len == AGENT_KEY_ID_MAX, "imported, id of 64");
    free(line);

    line = repeat("{\"id\":\"", "a", 65, tail);
    ok(read_line(line, strlen(line)) == AGENT_LINE_ERROR,
       "imported, id of 65");
    is_str(error, strlen(error), IMPORTED_ERROR, "it says so");
    free(line);

    line = repeat("{\"id\":\"", "", 0, tail);
    ok(read_line(line, strlen(line)) == AGENT_LINE_ERROR,
       "imported, empty id");
    free(line);

    line = repeat("{\"id\":\"", "a b", 1, tail);
    ok(read_line(line, strlen(line)) == AGENT_LINE_ERROR,
       "imported, id with a space");
    free(line);

    /* one digest serves all imported keys: design, 7 */

    ok(read_line(pepper, strlen(pepper))
       == AGENT_LINE_ERROR, "imported, with a pepper");
    is_str(error, strlen(error),
           "the digest of an imported key must be \"sha256:\"", "it says so");
}
