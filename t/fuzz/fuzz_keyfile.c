
/*
 * The key file: what is accepted can be written and read again alike, and what
 * is refused is refused with one printable text that shows no secret.
 */

#include "fuzz.h"

#include "agent_key.h"
#include "agent_keyfile.h"
#include "agent_scope.h"
#include "agent_time.h"


/* the longest run of such characters that an error may show */

#define RUN_MAX  31


static void fuzz_file(const uint8_t *data, size_t size);
static void fuzz_member(const uint8_t *data, size_t size);
static void fuzz_record(const agent_key_record_t *rec, const json_t *json);
static void fuzz_text(const agent_str_t *text, size_t max);
static void fuzz_list(const json_t *list);
static void fuzz_networks(const json_t *networks);
static void fuzz_date(int64_t t);
static void fuzz_again(const agent_key_record_t *rec, const json_t *json);
static void fuzz_error(const char *error);


/* a good record of members and values */

static const char  *members[][2] = {
    { "id", "\"0aZ0aZ0aZ0aZ0aZ0\"" },
    { "digest", "\"sha256:00112233445566778899aabbccddeeff"
                "00112233445566778899aabbccddeeff\"" },
    { "agent", "\"billing-bot\"" },
    { "state", "\"active\"" },
    { "expires", "\"2027-01-31T00:00:00Z\"" },
    { "owner", "\"team-pay\"" },
    { "scopes", "[\"invoices:read\"]" },
    { "services", "[\"invoices\"]" },
    { "networks", "[\"10.0.0.0/8\"]" },
    { "created", "\"2026-11-01T00:00:00Z\"" },
    { "not_before", "\"2026-11-02T00:00:00Z\"" },
    { "grace_until", "\"2027-01-30T00:00:00Z\"" },
    { "successor", "\"1aZ0aZ0aZ0aZ0aZ0\"" },
    { "imported", "false" },
    { "note", "\"\"" },
    { "x_y", "1" }
};

#define MEMBERS  (sizeof(members) / sizeof(members[0]))


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_file(data, size);
    fuzz_member(data, size);

    return 0;
}


static void
fuzz_file(const uint8_t *data, size_t size)
{
    int                  faults, truncated;
    char                 error[AGENT_ERROR_LEN];
    json_t              *json;
    uint8_t             *line;
    agent_line_e         rc;
    const uint8_t       *p, *last, *lf;
    agent_keyfile_t      file;
    agent_key_record_t   rec;

    memset(&file, 0, sizeof(file));

    p = data;
    last = data + size;

    for (faults = 0, truncated = 0; p < last; p = lf + 1) {

        lf = memchr(p, '\n', (size_t) (last - p));

        if (lf == NULL) {
            truncated = 1;
            lf = last;
        }

        line = fuzz_copy(p, (size_t) (lf - p));
        json = NULL;
        memset(error, 0, sizeof(error));

        rc = agent_keyfile_line(&file, line, (size_t) (lf - p), &rec, &json,
                                error);
        free(line);

        switch (rc) {

        case AGENT_LINE_RECORD:
            fuzz_record(&rec, json);
            json_decref(json);
            break;

        case AGENT_LINE_HEADER:
            fuzz_check(file.line == 1 && file.header && json == NULL);
            break;

        default:
            fuzz_check(rc == AGENT_LINE_ERROR && json == NULL);
            fuzz_error(error);
            faults++;
        }
    }

    fuzz_check(file.records + (uint64_t) faults + file.header == file.line);

    memset(error, 0, sizeof(error));

    if (agent_keyfile_end(&file, truncated, error) != 0) {
        fuzz_error(error);

    } else {
        fuzz_check(!truncated && file.line > 0);
        fuzz_check(!file.header || file.promised == file.records);
    }
}


/* the input as the value of one member of a good record, bare or in a string */

static void
fuzz_member(const uint8_t *data, size_t size)
{
    char     line[4096], *p;
    size_t   i, which;

    if (size < 1 || size > 2048) {
        return;
    }

    which = data[0] % MEMBERS;
    p = line;

    for (i = 0; i < MEMBERS; i++) {
        p += sprintf(p, "%c\"%s\":", i ? ',' : '{', members[i][0]);

        if (i != which) {
            p = stpcpy(p, members[i][1]);
            continue;
        }

        p += sprintf(p, "%s", data[0] & 0x80 ? "[\"" : data[0] & 0x40 ? "\""
                                                                     : "");
        memcpy(p, data + 1, size - 1);
        p += size - 1;
        p += sprintf(p, "%s", data[0] & 0x80 ? "\"]" : data[0] & 0x40 ? "\""
                                                                     : "");
    }

    *p++ = '}';
    *p++ = '\n';

    fuzz_file((uint8_t *) line, (size_t) (p - line));
}


static void
fuzz_record(const agent_key_record_t *rec, const json_t *json)
{
    if (rec->imported) {
        fuzz_check(agent_id_valid(&rec->id, AGENT_KEY_ID_MAX));
        fuzz_check(rec->pepper.len == 0);

    } else {
        fuzz_check(agent_key_id_valid(&rec->id));
    }

    fuzz_check(rec->agent.len > 0);
    fuzz_check(rec->pepper.len == 0
               || agent_id_valid(&rec->pepper, AGENT_PEPPER_ID_MAX));
    fuzz_check((unsigned) rec->state <= AGENT_KEY_STATE_REVOKED);

    fuzz_text(&rec->agent, AGENT_KEY_TEXT_MAX);
    fuzz_text(&rec->owner, AGENT_KEY_TEXT_MAX);
    fuzz_text(&rec->successor, AGENT_KEY_TEXT_MAX);
    fuzz_text(&rec->note, AGENT_KEY_TEXT_MAX);

    fuzz_list(rec->scopes);
    fuzz_list(rec->services);
    fuzz_networks(rec->networks);

    fuzz_check(rec->expires != AGENT_TIME_NONE);
    fuzz_check(agent_key_end(rec) <= rec->expires);

    fuzz_date(rec->created);
    fuzz_date(rec->not_before);
    fuzz_date(rec->expires);
    fuzz_date(rec->grace_until);

    fuzz_again(rec, json);
}


static void
fuzz_text(const agent_str_t *text, size_t max)
{
    size_t  i;

    fuzz_check(text->len <= max);

    for (i = 0; i < text->len; i++) {
        fuzz_check(text->data[i] >= 0x20 && text->data[i] != 0x7f);
    }
}


/* as many octets as a table makes of it, spaces between */

static void
fuzz_list(const json_t *list)
{
    size_t        i, total;
    agent_str_t   text;

    for (i = 0, total = 0; i < json_array_size(list); i++) {
        text.data = (const uint8_t *) json_string_value(json_array_get(list,
                                                                       i));
        text.len = json_string_length(json_array_get(list, i));

        fuzz_check(text.data != NULL && text.len <= AGENT_KEY_TEXT_MAX);
        fuzz_check(agent_scope_token_valid(&text));

        total += text.len + 1;
    }

    fuzz_check(total <= AGENT_KEY_LIST_MAX);
}


/* the network's own address is in it, whichever way it is written */

static void
fuzz_networks(const json_t *networks)
{
    size_t        i;
    uint8_t       mapped[16];
    agent_str_t   text;
    agent_cidr_t  cidr;

    fuzz_check(json_array_size(networks) <= AGENT_KEY_NETWORKS_MAX);

    for (i = 0; i < json_array_size(networks); i++) {
        text.data = (const uint8_t *)
                    json_string_value(json_array_get(networks, i));
        text.len = json_string_length(json_array_get(networks, i));

        fuzz_check(agent_cidr_parse(&text, &cidr) == 0);
        fuzz_check(cidr.len == 4 || cidr.len == 16);
        fuzz_check(cidr.bits <= cidr.len * 8);
        fuzz_check(agent_cidr_match(&cidr, cidr.addr, cidr.len));

        if (cidr.len == 4) {
            memset(mapped, 0, 10);
            memset(mapped + 10, 0xff, 2);
            memcpy(mapped + 12, cidr.addr, 4);

            fuzz_check(agent_cidr_match(&cidr, mapped, 16));
        }

        if (cidr.bits) {
            cidr.addr[0] ^= 0x80;
            memcpy(mapped, cidr.addr, cidr.len);
            cidr.addr[0] ^= 0x80;

            fuzz_check(!agent_cidr_match(&cidr, mapped, cidr.len));
        }
    }
}


static void
fuzz_date(int64_t t)
{
    int64_t      again;
    uint8_t      out[AGENT_TIME_TEXT_LEN];
    agent_str_t  text;

    if (t == AGENT_TIME_NONE) {
        return;
    }

    agent_time_format(out, t);

    text.data = out;
    text.len = sizeof(out);

    fuzz_check(agent_time_parse(&text, &again) == 0 && again == t);
}


/* written by jansson and read again it is the same record */

static void
fuzz_again(const agent_key_record_t *rec, const json_t *json)
{
    char                 error[AGENT_ERROR_LEN], *text;
    json_t              *second;
    agent_keyfile_t      file;
    agent_key_record_t   same;

    text = json_dumps(json, JSON_COMPACT | JSON_PRESERVE_ORDER);
    fuzz_check(text != NULL);

    if (strlen(text) > AGENT_KEYFILE_LINE_MAX) {
        free(text);
        return;
    }

    memset(&file, 0, sizeof(file));
    file.line = 1;

    fuzz_check(agent_keyfile_line(&file, (uint8_t *) text, strlen(text), &same,
                                  &second, error) == AGENT_LINE_RECORD);

    fuzz_check(agent_str_eq(&rec->id, &same.id)
               && agent_str_eq(&rec->agent, &same.agent)
               && agent_str_eq(&rec->owner, &same.owner)
               && agent_str_eq(&rec->successor, &same.successor)
               && agent_str_eq(&rec->note, &same.note)
               && agent_str_eq(&rec->pepper, &same.pepper));

    fuzz_check(memcmp(rec->digest, same.digest, AGENT_SHA256_LEN) == 0);

    fuzz_check(rec->created == same.created
               && rec->not_before == same.not_before
               && rec->expires == same.expires
               && rec->grace_until == same.grace_until
               && rec->state == same.state && rec->imported == same.imported);

    fuzz_check(json_equal(json, second));

    json_decref(second);
    free(text);
}


static void
fuzz_error(const char *error)
{
    size_t  i, run;

    fuzz_check(error[0] != '\0');
    fuzz_check(strnlen(error, AGENT_ERROR_LEN) < AGENT_ERROR_LEN);

    for (i = 0, run = 0; error[i]; i++) {
        fuzz_check(error[i] >= 0x20 && error[i] < 0x7f);

        run = (error[i] >= '0' && error[i] <= '9')
              || (error[i] >= 'A' && error[i] <= 'Z')
              || (error[i] >= 'a' && error[i] <= 'z') || error[i] == '_'
              ? run + 1 : 0;

        fuzz_check(run <= RUN_MAX);
    }
}
