
/*
 * The key file.  Without this a line that is wrong in a way nobody thought of
 * could be taken for a key, a revoked key could come back through a mistyped
 * state, and an error text could carry a secret into the log (K-06, K-10,
 * U-02).
 */

#include "tap.h"

#include "agent_keyfile.h"
#include "agent_time.h"


typedef struct {
    const char  *name;          /* of the member that is replaced */
    const char  *value;         /* JSON, NULL to leave it out */
    const char  *error;         /* NULL where the line is good */
} sample_t;


typedef struct {
    const char  *line;
    const char  *error;
} raw_t;


static void test_good(void);
static void test_minimal(void);
static void test_members(void);
static void test_types(void);
static void test_lists(void);
static void test_states(void);
static void test_imported(void);
static void test_raw(void);
static void test_octets(void);
static void test_utf8(void);
static void test_long_lines(void);
static void test_deep(void);
static void test_header(void);
static void test_end(void);
static void test_secrets(void);
static void test_secrets_raw(const char *secret, size_t *leaked);
static void test_mutations(void);
static void test_key_end(void);
static void test_id_valid(void);

static agent_line_e read_line(const char *line, size_t len);
static agent_line_e read_record(const char *name, const char *value);
static size_t make_record(const char *name, const char *value);
static agent_line_e read_nth(agent_keyfile_t *file, const char *line);
static int end(agent_keyfile_t *file, int truncated);
static int leaks(const char *secret);
static char *repeat(const char *head, const char *body, size_t n,
    const char *tail);
static int is(const agent_str_t *s, const char *text);


#define ZEROES                                                                \
    "00000000000000000000000000000000" "00000000000000000000000000000000"

#define HEX                                                                   \
    "00112233445566778899aabbccddeeff" "00112233445566778899aabbccddeeff"

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


static char                sample[2 * AGENT_KEYFILE_LINE_MAX];
static char                error[AGENT_ERROR_LEN];
static json_t             *json;
static agent_key_record_t  rec;


static const char  *members[][2] = {
    { "id", "\"0aZ0aZ0aZ0aZ0aZ0\"" },
    { "digest", "\"sha256:" HEX "\"" },
    { "agent", "\"billing-bot\"" },
    { "owner", "\"team-pay\"" },
    { "scopes", "[\"invoices:read\",\"invoices:list\"]" },
    { "services", "[\"invoices\"]" },
    { "networks", "[\"10.0.0.0/8\",\"2001:db8::/32\"]" },
    { "state", "\"active\"" },
    { "created", "\"2026-11-01T00:00:00Z\"" },
    { "not_before", "\"2026-11-02T00:00:00Z\"" },
    { "expires", "\"2027-01-31T00:00:00Z\"" },
    { "grace_until", "\"2027-01-30T00:00:00Z\"" },
    { "successor", "\"1aZ0aZ0aZ0aZ0aZ0\"" },
    { "imported", "false" },
    { "note", "\"for the month-end run\"" }
};

#define MEMBERS  (sizeof(members) / sizeof(members[0]))


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


static const raw_t  raws[] = {
    { "", "empty line" },
    { " ", "not a JSON object: syntax error" },
    { "\t", "not a JSON object: syntax error" },
    { "\r", "not a JSON object: syntax error" },
    { "#", "not a JSON object: syntax error" },
    { "# a comment", "not a JSON object: syntax error" },
    { "null", "not a JSON object" },
    { "1", "not a JSON object" },
    { "\"id\"", "not a JSON object" },
    { "[]", "not a JSON object" },
    { "[{}]", "not a JSON object" },
    { "{", "not a JSON object: syntax error" },
    { "}", "not a JSON object: syntax error" },
    { "{}{}", "not a JSON object: syntax error" },
    { "{} x", "not a JSON object: syntax error" },
    { "{},", "not a JSON object: syntax error" },
    { "{'id':1}", "not a JSON object: syntax error" },
    { "{\"id\":1,}", "not a JSON object: syntax error" },
    { "{\"id\" 1}", "not a JSON object: syntax error" },
    { "{id:1}", "not a JSON object: syntax error" },
    { "{\"x_n\":NaN}", "not a JSON object: syntax error" },
    { "{\"x_n\":1e999}", "not a JSON object: syntax error" },
    { "{\"x_n\":99999999999999999999}", "not a JSON object: syntax error" },
    { "{\"x_n\":01}", "not a JSON object: syntax error" },
    { "{\"x_s\":\"\\ud800\"}", "not a JSON object: syntax error" },
    { "{\"x_s\":\"\\x41\"}", "not a JSON object: syntax error" },
    { "{\"x_s\":\"a\tb\"}", "not a JSON object: syntax error" },
    { "{}", "\"id\" is missing" },
    { "{\"id\":\"a\",\"id\":\"b\"}", "duplicate member at column" },
    { "{\"id\":\"a\",\"\\u0069d\":\"b\"}", "duplicate member at column" },
    { "{\"x_a\":1,\"x_a\":1}", "duplicate member at column" },
    { "{\"x_a\":{\"b\":1,\"b\":2}}", "duplicate member at column" }
};


static const raw_t  headers[] = {
    { "{\"version\":1,\"keys\":0}", NULL },
    { "{\"keys\":0,\"version\":1}", NULL },
    { " { \"version\" : 1 , \"keys\" : 9007199254740993 } ", NULL },
    { "{\"version\":1,\"keys\":0,\"x_made\":\"by hand\"}", NULL },
    { "{\"version\":2,\"keys\":0}",
      "unknown \"version\", this program reads 1" },
    { "{\"version\":0,\"keys\":0}",
      "unknown \"version\", this program reads 1" },
    { "{\"version\":-1,\"keys\":0}",
      "unknown \"version\", this program reads 1" },
    { "{\"version\":1.0,\"keys\":0}",
      "unknown \"version\", this program reads 1" },
    { "{\"version\":\"1\",\"keys\":0}",
      "unknown \"version\", this program reads 1" },
    { "{\"version\":null,\"keys\":0}",
      "unknown \"version\", this program reads 1" },
    { "{\"version\":true,\"keys\":0}",
      "unknown \"version\", this program reads 1" },
    { "{\"version\":4294967297,\"keys\":0}",
      "unknown \"version\", this program reads 1" },
    { "{\"version\":1}", "\"keys\" must be the number of keys" },
    { "{\"version\":1,\"keys\":-1}", "\"keys\" must be the number of keys" },
    { "{\"version\":1,\"keys\":1.0}", "\"keys\" must be the number of keys" },
    { "{\"version\":1,\"keys\":\"1\"}", "\"keys\" must be the number of keys" },
    { "{\"version\":1,\"keys\":null}", "\"keys\" must be the number of keys" },
    { "{\"version\":1,\"keys\":[]}", "\"keys\" must be the number of keys" },
    { "{\"version\":1,\"keys\":18446744073709551617}",
      "not a JSON object: syntax error" },
    { "{\"version\":1,\"keys\":0,\"key\":0}", "unknown member \"key\"" },
    { "{\"version\":1,\"version\":1,\"keys\":0}",
      "duplicate member at column" },
    { "{\"keys\":0}", "unknown member \"keys\"" }
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
    test_raw();
    test_octets();
    test_utf8();
    test_long_lines();
    test_deep();
    test_header();
    test_end();
    test_secrets();
    test_mutations();
    test_key_end();
    test_id_valid();

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
            printf("# got: %s\n", error);
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
                printf("# accepted: %s %s\n", name, values[j]);
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
                printf("# %s %s: %s\n", name, values[j], error);
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


static void
test_raw(void)
{
    size_t        i, len;
    agent_line_e  got;

    for (i = 0; i < sizeof(raws) / sizeof(raws[0]); i++) {
        got = read_line(raws[i].line, strlen(raws[i].line));
        len = strlen(raws[i].error);

        ok(got == AGENT_LINE_ERROR && strncmp(error, raws[i].error, len) == 0,
           "\"%s\": %s", strcmp(raws[i].line, "\r") ? raws[i].line : "CR",
           error);
    }

    len = make_record(NULL, NULL);

    /* JSON's white space around a record is no fault: CR LF, indentation */

    memcpy(sample + len, "\r", 2);
    ok(read_line(sample, len + 1) == AGENT_LINE_RECORD, "CR LF");

    memmove(sample + 2, sample, len);
    memcpy(sample, "\t ", 2);
    ok(read_line(sample, len + 2) == AGENT_LINE_RECORD, "indented");

    /* LF is the caller's to cut, within a record it is white space too */

    len = make_record(NULL, NULL);
    memcpy(sample + len, sample, len);
    ok(read_line(sample, 2 * len) == AGENT_LINE_ERROR, "two in one line");
}


/* an octet of each kind before, after and within the record */

static void
test_octets(void)
{
    size_t    len, before, after, within;
    unsigned  c;

    for (c = 0, before = 0, after = 0, within = 0; c < 256; c++) {

        len = make_record(NULL, NULL);

        sample[len] = (char) c;
        after += (read_line(sample, len + 1) == AGENT_LINE_RECORD)
                 != (c == ' ' || c == '\t' || c == '\r' || c == '\n');

        memmove(sample + 1, sample, len);
        sample[0] = (char) c;
        before += (read_line(sample, len + 1) == AGENT_LINE_RECORD)
                  != (c == ' ' || c == '\t' || c == '\r' || c == '\n');

        /* in the middle of the first value, the id */

        len = make_record(NULL, NULL);
        sample[10] = (char) c;
        within += (read_line(sample, len) == AGENT_LINE_RECORD)
                  != ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
                      || (c >= 'a' && c <= 'z'));
    }

    ok(before == 0, "nothing but white space before a record");
    ok(after == 0, "nothing but white space after a record, no NUL either");
    ok(within == 0, "nothing but base62 in an id");
}


/* RFC 8259, 8.1 */

static void
test_utf8(void)
{
    size_t  i, len, accepted;

    static const char  *bad[] = {
        "\"\x80\"", "\"\xbf\"", "\"\xc0\x80\"", "\"\xc1\xbf\"", "\"\xc3\"",
        "\"\xc3(\"", "\"\xe2\x82\"", "\"\xe0\x80\x80\"", "\"\xed\xa0\x80\"",
        "\"\xf0\x80\x80\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xf8\x88\x80\x80\"",
        "\"\xfe\"", "\"\xff\""
    };

    for (i = 0, accepted = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        accepted += read_record("note", bad[i]) != AGENT_LINE_ERROR;
        accepted += read_record("x_note", bad[i]) != AGENT_LINE_ERROR;
    }

    ok(accepted == 0, "no invalid UTF-8");

    ok(read_record("note", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\xa4\x96\"")
       == AGENT_LINE_RECORD, "valid UTF-8");

    len = make_record(NULL, NULL);
    memmove(sample + 3, sample, len);
    memcpy(sample, "\xef\xbb\xbf", 3);

    ok(read_line(sample, len + 3) == AGENT_LINE_ERROR, "no BOM");
}


static void
test_long_lines(void)
{
    size_t  len;

    len = make_record(NULL, NULL);

    memset(sample + len, ' ', sizeof(sample) - len);
    ok(read_line(sample, AGENT_KEYFILE_LINE_MAX) == AGENT_LINE_RECORD,
       "longest line");
    ok(read_line(sample, AGENT_KEYFILE_LINE_MAX + 1) == AGENT_LINE_ERROR,
       "line too long");
    is_str(error, strlen(error), "line is longer than 65536 octets",
           "it says so");

    memset(sample, 'a', sizeof(sample));
    ok(read_line(sample, sizeof(sample)) == AGENT_LINE_ERROR,
       "much too long and no JSON");
    ok(read_line(sample, AGENT_KEYFILE_LINE_MAX) == AGENT_LINE_ERROR,
       "long and no JSON");
}


static void
test_deep(void)
{
    char         *value;
    size_t        i;
    agent_line_e  got;

    static const char  *open[] = { "[", "{\"a\":" };

    for (i = 0; i < 2; i++) {
        value = repeat("", open[i], 10000, "");
        got = read_record("x_deep", value);

        ok(got == AGENT_LINE_ERROR
           && strncmp(error, "not a JSON object: syntax error at column ", 42)
              == 0,
           "10,000 times %s", open[i]);
        free(value);
    }

    value = malloc(1001);
    memset(value, '[', 500);
    memset(value + 500, ']', 500);
    value[1000] = '\0';

    ok(read_record("x_deep", value) == AGENT_LINE_RECORD,
       "500 arrays in an ignored member");
    ok(read_record("scopes", value) == AGENT_LINE_ERROR,
       "500 arrays for scopes");
    free(value);
}


static void
test_header(void)
{
    size_t           i, len;
    agent_line_e     got;
    agent_keyfile_t  file;

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        got = read_line(headers[i].line, strlen(headers[i].line));

        if (headers[i].error == NULL) {
            ok(got == AGENT_LINE_HEADER && json == NULL, "%s",
               headers[i].line);
            continue;
        }

        len = strlen(headers[i].error);
        ok(got == AGENT_LINE_ERROR
           && strncmp(error, headers[i].error, len) == 0,
           "%s: %s", headers[i].line, error);
    }

    memset(&file, 0, sizeof(file));
    ok(read_nth(&file, "{\"version\":1,\"keys\":7}") == AGENT_LINE_HEADER
       && file.line == 1 && file.records == 0 && file.header
       && file.promised == 7, "first line");
    ok(read_nth(&file, "{\"version\":1,\"keys\":7}") == AGENT_LINE_ERROR
       && file.line == 2,
       "no second first line");
    ok(strncmp(error, "unknown member \"", 16) == 0, "it says so");

    memset(&file, 0, sizeof(file));
    (void) make_record(NULL, NULL);
    ok(read_nth(&file, sample) == AGENT_LINE_RECORD && file.records == 1
       && file.header == 0, "no first line");
    ok(read_nth(&file, "{\"version\":1,\"keys\":1}") == AGENT_LINE_ERROR,
       "then none later");
}


static void
test_end(void)
{
    agent_keyfile_t  file;

    memset(&file, 0, sizeof(file));
    ok(end(&file, 0) == -1, "empty file");
    is_str(error, strlen(error), "empty file", "it says so");
    ok(end(&file, 1) == -1, "octets without LF");
    is_str(error, strlen(error), "last line does not end in LF: truncated",
           "it says so");

    (void) read_nth(&file, "{\"version\":1,\"keys\":0}");
    ok(end(&file, 0) == 0, "a first line only");
    ok(end(&file, 1) == -1, "and octets without LF");

    memset(&file, 0, sizeof(file));
    (void) read_nth(&file, "{\"version\":1,\"keys\":2}");
    ok(end(&file, 0) == -1, "two keys promised, none there");
    is_str(error, strlen(error), "first line promises 2 keys, file has 0",
           "it says so");

    (void) make_record(NULL, NULL);
    (void) read_nth(&file, sample);
    ok(end(&file, 0) == -1, "one there");
    (void) read_nth(&file, sample);
    ok(end(&file, 0) == 0, "two there");
    ok(end(&file, 1) == -1, "two there and the beginning of a third");
    (void) read_nth(&file, sample);
    ok(end(&file, 0) == -1, "three there");
    is_str(error, strlen(error), "first line promises 2 keys, file has 3",
           "it says so");

    memset(&file, 0, sizeof(file));
    (void) read_nth(&file, sample);
    (void) read_nth(&file, sample);
    ok(end(&file, 0) == 0, "nothing promised, two there");
}


/* U-02: what was pasted into the wrong place does not get into the log */

static void
test_secrets(void)
{
    char    text[512];
    size_t  i, j, k, leaked, accepted;

    static const char  *secrets[] = {
        ("agk_0123456789abcdEF_TESTsecretTESTsecretTESTsecretTESTsecret0aZ"
         "4L3SgE"),
        "TESTsecretTESTsecretTESTsecretTESTsecret0aZ",
        "deadbeefcafef00ddeadbeefcafef00d",
        "deadbeefcafef00ddeadbeefcafef00ddeadbeefcafef00ddeadbeefcafef00d",
        "DEADBEEFCAFEF00DDEADBEEFCAFEF00DDEADBEEFCAFEF00DDEADBEEFCAFEF00D"
    };

    static const char  *forms[] = {
        "\"%s\"", "[\"%s\"]", "[\"10.0.0.0/8\",\"%s\"]", "{\"%s\":1}",
        "[[\"%s\"]]", "%s", "\"%s", "\"\\%s\"", "\"%s \"", "\"%s\\n\"",
        "1,\"%s\":1", "1,\"%s\":1,\"%s\":2", "'%s'", "\"a\" \"%s\"",
        "\"sha256:%s0\"", "\"hmac-sha256:pp:%s0\"", "\"hmac-sha256:%s:\""
    };

    for (i = 0, leaked = 0, accepted = 0; i < 5; i++) {

        for (j = 0; j < MEMBERS; j++) {

            for (k = 0; k < sizeof(forms) / sizeof(forms[0]); k++) {
                (void) snprintf(text, sizeof(text), forms[k], secrets[i],
                                secrets[i]);

                if (read_record(members[j][0], text) != AGENT_LINE_ERROR) {
                    accepted++;

                } else {
                    leaked += leaks(secrets[i]);
                }
            }
        }

        test_secrets_raw(secrets[i], &leaked);
    }

    ok(leaked == 0, "no error shows any twelve characters of a secret");

    /* the rest was looked at */

    ok(accepted < 5 * MEMBERS * 4, "and most of it was an error");
}


static void
test_secrets_raw(const char *secret, size_t *leaked)
{
    char    text[512], saved;
    size_t  i, len;

    (void) snprintf(text, sizeof(text), "\"%s\"", secret);
    len = make_record("x_secret", text);

    /* cut at each octet, and broken at each octet */

    for (i = 0; i < len; i++) {

        if (read_line(sample, i) == AGENT_LINE_ERROR) {
            *leaked += leaks(secret);
        }

        saved = sample[i];
        sample[i] = '"';

        if (read_line(sample, len) == AGENT_LINE_ERROR) {
            *leaked += leaks(secret);
        }

        sample[i] = saved;
    }

    (void) read_line(secret, strlen(secret));
    *leaked += leaks(secret);

    (void) snprintf(text, sizeof(text), "{\"version\":\"%s\",\"keys\":0}",
                    secret);
    (void) read_line(text, strlen(text));
    *leaked += leaks(secret);

    (void) snprintf(text, sizeof(text), "{\"version\":1,\"keys\":\"%s\"}",
                    secret);
    (void) read_line(text, strlen(text));
    *leaked += leaks(secret);

    (void) snprintf(text, sizeof(text), "{\"version\":1,\"keys\":0,\"%s\":0}",
                    secret);
    (void) read_line(text, strlen(text));
    *leaked += leaks(secret);
}


/* 200,000 lines with a few octets changed: none crashes, all say what is up */

static void
test_mutations(void)
{
    char      good[1024], line[1024];
    size_t    i, j, len, silent, accepted;
    uint32_t  seed;

    static const char  odd[] = "\"{}[]:,\\0a\n\x80\xff e";

    len = make_record(NULL, NULL);
    memcpy(good, sample, len);

    for (i = 0, silent = 0, accepted = 0, seed = 1; i < 200000; i++) {

        memcpy(line, good, len);

        for (j = 0; j < 1 + i % 3; j++) {
            seed = seed * 1103515245 + 12345;
            line[(seed >> 16) % len] = odd[(seed >> 8) % sizeof(odd)];
        }

        switch (read_line(line, len)) {

        case AGENT_LINE_RECORD:
            accepted++;
            break;

        case AGENT_LINE_HEADER:
            silent++;
            break;

        default:
            silent += error[0] == '\0' || json != NULL;
        }
    }

    ok(silent == 0, "every broken line gets a message");
    ok(accepted > 0 && accepted < 150000, "some are good, most are not");
}


/* K-08 */

static void
test_key_end(void)
{
    agent_key_record_t  r;

    memset(&r, 0, sizeof(r));

    r.expires = 1000;
    r.grace_until = AGENT_TIME_NONE;
    ok(agent_key_end(&r) == 1000, "no grace: at expiry");

    r.grace_until = 999;
    ok(agent_key_end(&r) == 999, "grace ends before expiry");

    r.grace_until = 1001;
    ok(agent_key_end(&r) == 1000, "expiry ends before grace");

    r.grace_until = -5;
    ok(agent_key_end(&r) == -5, "grace that ended before 1970");
}


static void
test_id_valid(void)
{
    size_t       len, wrong;
    uint8_t      text[80];
    unsigned     c;
    agent_str_t  id;

    memset(text, 'a', sizeof(text));
    id.data = text;

    for (len = 0, wrong = 0; len < sizeof(text); len++) {
        id.len = len;
        wrong += agent_id_valid(&id, 64) != (len >= 1 && len <= 64);
    }

    ok(wrong == 0, "ids of each length");

    id.len = 3;

    for (c = 0, wrong = 0; c < 256; c++) {
        text[1] = (uint8_t) c;
        wrong += agent_id_valid(&id, 64)
                 != ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
                     || (c >= 'a' && c <= 'z') || c == '.' || c == '_'
                     || c == '-');
    }

    ok(wrong == 0, "ids of each octet");

    id.data = NULL;
    id.len = 0;
    ok(agent_id_valid(&id, 64) == 0, "no id at all");
}


/* as the only line of a file */

static agent_line_e
read_line(const char *line, size_t len)
{
    uint8_t          *exact;
    agent_line_e      got;
    agent_keyfile_t   file;

    json_decref(json);
    json = NULL;

    memset(&file, 0, sizeof(file));
    memset(error, 0, sizeof(error));

    /* a copy that ends where its memory ends, for the sanitizer */

    exact = malloc(len ? len : 1);
    memcpy(exact, line, len);

    got = agent_keyfile_line(&file, exact, len, &rec, &json, error);

    free(exact);

    return got;
}


static agent_line_e
read_record(const char *name, const char *value)
{
    size_t  len;

    len = make_record(name, value);

    return read_line(sample, len);
}


/* a line with every member, one of them replaced, left out or added */

static size_t
make_record(const char *name, const char *value)
{
    int          known;
    char        *p, *last;
    size_t       i;
    const char  *text;

    p = sample;
    last = sample + sizeof(sample);
    known = name == NULL;

    *p++ = '{';

    for (i = 0; i < MEMBERS; i++) {

        text = members[i][1];

        if (name && strcmp(name, members[i][0]) == 0) {
            known = 1;
            text = value;
        }

        if (text) {
            p += snprintf(p, (size_t) (last - p), "%s\"%s\":%s",
                          p == sample + 1 ? "" : ",", members[i][0], text);
        }
    }

    if (!known) {
        p += snprintf(p, (size_t) (last - p), ",\"%s\":%s", name, value);
    }

    *p++ = '}';
    *p = '\0';

    return (size_t) (p - sample);
}


static agent_line_e
read_nth(agent_keyfile_t *file, const char *line)
{
    json_decref(json);
    json = NULL;

    return agent_keyfile_line(file, (const uint8_t *) line, strlen(line), &rec,
                              &json, error);
}


static int
end(agent_keyfile_t *file, int truncated)
{
    memset(error, 0, sizeof(error));

    return agent_keyfile_end(file, truncated, error);
}


/* any twelve octets of the secret in the error */

static int
leaks(const char *secret)
{
    char    part[13];
    size_t  i;

    part[12] = '\0';

    for (i = 0; i + 12 <= strlen(secret); i++) {
        memcpy(part, secret + i, 12);

        if (strstr(error, part)) {
            printf("# \"%s\" in \"%s\"\n", part, error);
            return 1;
        }
    }

    return 0;
}


static char *
repeat(const char *head, const char *body, size_t n, const char *tail)
{
    char    *text, *p;
    size_t   i;

    text = malloc(strlen(head) + n * strlen(body) + strlen(tail) + 1);

    p = stpcpy(text, head);

    for (i = 0; i < n; i++) {
        p = stpcpy(p, body);
    }

    (void) strcpy(p, tail);

    return text;
}


static int
is(const agent_str_t *s, const char *text)
{
    return s->len == strlen(text) && memcmp(s->data, text, s->len) == 0;
}
