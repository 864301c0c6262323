
/*
 * The lines of a key file.  Without this a file that was cut short, or that
 * some editor spoilt, could be loaded in part, and an error text could carry a
 * secret into the log (K-10, U-02).
 */

#include "tap.h"

#include "keyfile.h"


typedef struct {
    const char  *line;
    const char  *error;
} raw_t;


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

static agent_line_e read_nth(agent_keyfile_t *file, const char *line);
static int end(agent_keyfile_t *file, int truncated);
static int leaks(const char *secret);


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

    /* behind a literal, where jansson passes over it */

    len = make_record("x_zero", "true");
    sample[len - 1] = '\0';
    sample[len] = '}';

    ok(read_line(sample, len + 1) == AGENT_LINE_ERROR
       && strcmp(error, "not a JSON object: an octet of zero") == 0,
       "an octet of zero");
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
            fprintf(stderr, "# \"%s\" in \"%s\"\n", part, error);
            return 1;
        }
    }

    return 0;
}
