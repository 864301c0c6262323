
#include "agent_audit_chain.h"
#include "agent_b64url.h"
#include "agent_json.h"

#include <openssl/crypto.h>


#define AGENT_AUDIT_MEMBER  ",\"integrity\":{\"chain_uid\":\""
#define AGENT_AUDIT_MAC     ",\"gmac\":\""
#define AGENT_AUDIT_PREV    ",\"prev\":\""
#define AGENT_AUDIT_END     "\"}}}"

/* what a line ends in before, and what of it is in AGENT_AUDIT_END, too */

#define AGENT_AUDIT_TAIL    "}}\n"


/* how a reader goes through a member */

typedef struct {
    const uint8_t  *pos;
    const uint8_t  *end;
    unsigned        failed:1;
} agent_audit_reader_t;


static void agent_audit_label(uint8_t *out, const agent_hmac_key_t *key,
    const char *label);
static void agent_audit_chain_prefix(agent_audit_chain_t *chain);
static uint8_t *agent_audit_put(uint8_t *p, const void *text, size_t len);
static void agent_audit_read(agent_audit_reader_t *r, const char *text);
static agent_str_t agent_audit_read_id(agent_audit_reader_t *r, size_t max);
static uint64_t agent_audit_read_number(agent_audit_reader_t *r, uint64_t max);
static void agent_audit_read_mac(agent_audit_reader_t *r, uint8_t *mac);
static const uint8_t *agent_audit_member(const uint8_t *line, size_t len);
static int agent_audit_link_uid(agent_audit_link_t *link);


#define agent_audit_literal(p, text)                                          \
    agent_audit_put(p, text, sizeof(text) - 1)


void
agent_audit_seed(uint8_t *seed, const agent_hmac_key_t *secret,
    const uint8_t *boot)
{
    uint8_t  text[16 + AGENT_AUDIT_BOOT_LEN];

    memcpy(text, "agent audit seed", 16);
    memcpy(text + 16, boot, AGENT_AUDIT_BOOT_LEN);

    agent_hmac_sha256(secret, text, sizeof(text), seed);
}


void
agent_audit_seed_next(uint8_t *seed)
{
    agent_hmac_key_t  key;

    agent_hmac_key(&key, seed, AGENT_SHA256_LEN);
    agent_audit_label(seed, &key, "agent audit next seed");

    OPENSSL_cleanse(&key, sizeof(key));
}


void
agent_audit_secret_mark(uint8_t *mark, const agent_hmac_key_t *secret)
{
    uint8_t  digest[AGENT_SHA256_LEN];

    agent_audit_label(digest, secret, "agent audit mark");
    memcpy(mark, digest, 8);

    OPENSSL_cleanse(digest, sizeof(digest));
}


static void
agent_audit_label(uint8_t *out, const agent_hmac_key_t *key, const char *label)
{
    agent_hmac_sha256(key, (const uint8_t *) label, strlen(label), out);
}


void
agent_audit_key_first(agent_hmac_key_t *key, const uint8_t *seed)
{
    uint8_t           raw[AGENT_SHA256_LEN];
    agent_hmac_key_t  from;

    agent_hmac_key(&from, seed, AGENT_SHA256_LEN);
    agent_audit_label(raw, &from, "agent audit chain");
    agent_hmac_key(key, raw, sizeof(raw));

    OPENSSL_cleanse(raw, sizeof(raw));
    OPENSSL_cleanse(&from, sizeof(from));
}


void
agent_audit_key_next(agent_hmac_key_t *key)
{
    uint8_t  raw[AGENT_SHA256_LEN];

    agent_audit_label(raw, key, "agent audit next key");
    agent_hmac_key(key, raw, sizeof(raw));

    OPENSSL_cleanse(raw, sizeof(raw));
}


int
agent_audit_key_gmac(agent_gmac_t *gmac, const agent_hmac_key_t *key)
{
    int      rc;
    uint8_t  raw[AGENT_SHA256_LEN];

    agent_audit_label(raw, key, "agent audit gmac key");
    rc = agent_gmac_key(gmac, raw);

    OPENSSL_cleanse(raw, sizeof(raw));

    return rc;
}


int
agent_audit_chain_begin(agent_audit_chain_t *chain, agent_gmac_t *gmac,
    const uint8_t *seed, const uint8_t *boot, uint32_t index,
    const agent_str_t *kid)
{
    memset(chain, 0, sizeof(*chain));

    chain->gmac = gmac;

    agent_audit_key_first(&chain->key, seed);

    chain->uid_len = (uint32_t) agent_audit_chain_uid(chain->uid, boot, index);

    chain->kid_len = (uint32_t) kid->len;
    memcpy(chain->kid, kid->data, kid->len);

    agent_audit_chain_prefix(chain);

    return agent_audit_key_gmac(chain->gmac, &chain->key);
}


size_t
agent_audit_chain_uid(uint8_t *uid, const uint8_t *boot, uint32_t index)
{
    uint8_t  *p;

    p = agent_b64url_encode(uid, boot, AGENT_AUDIT_BOOT_LEN);
    *p++ = '.';
    p = agent_json_digits(p, index);

    return (size_t) (p - uid);
}


int
agent_audit_chain_epoch(agent_audit_chain_t *chain)
{
    agent_audit_key_next(&chain->key);
    chain->epoch++;

    agent_audit_chain_prefix(chain);

    return agent_audit_key_gmac(chain->gmac, &chain->key);
}


void
agent_audit_chain_end(agent_audit_chain_t *chain)
{
    agent_gmac_free(chain->gmac);

    OPENSSL_cleanse(chain, sizeof(*chain));
}


/* the same for all lines of an epoch */

static void
agent_audit_chain_prefix(agent_audit_chain_t *chain)
{
    uint8_t  *p;

    p = agent_audit_literal(chain->prefix, AGENT_AUDIT_MEMBER);
    p = agent_audit_put(p, chain->uid, chain->uid_len);
    p = agent_audit_literal(p, "\",\"kid\":\"");
    p = agent_audit_put(p, chain->kid, chain->kid_len);
    p = agent_audit_literal(p, "\",\"epoch\":");
    p = agent_json_digits(p, chain->epoch);
    p = agent_audit_literal(p, ",\"seq\":");

    chain->prefix_len = (uint32_t) (p - chain->prefix);
}


static inline uint8_t *
agent_audit_put(uint8_t *p, const void *text, size_t len)
{
    memcpy(p, text, len);

    return p + len;
}


size_t
agent_audit_chain_add(agent_audit_chain_t *chain, uint8_t *line, size_t len,
    unsigned prev)
{
    uint8_t  *p, *tail;

    if (len < sizeof(AGENT_AUDIT_TAIL) - 1) {
        return 0;
    }

    tail = line + len - (sizeof(AGENT_AUDIT_TAIL) - 1);

    if (memcmp(tail, AGENT_AUDIT_TAIL, sizeof(AGENT_AUDIT_TAIL) - 1) != 0
        || chain->seq == INT64_MAX)
    {
        return 0;
    }

    p = agent_audit_put(tail, chain->prefix, chain->prefix_len);
    p = agent_json_digits(p, ++chain->seq);

    if (prev) {
        p = agent_audit_literal(p, AGENT_AUDIT_PREV);
        p = agent_b64url_encode(p, chain->mac, AGENT_GMAC_LEN);
        *p++ = '"';
    }

    /* the MAC before stands behind the line for as long as it takes */

    memcpy(p, chain->mac, AGENT_GMAC_LEN);

    if (agent_gmac(chain->gmac, chain->seq, line,
                   (size_t) (p - line) + AGENT_GMAC_LEN, chain->mac)
        != 0)
    {
        memcpy(tail, AGENT_AUDIT_TAIL, sizeof(AGENT_AUDIT_TAIL) - 1);
        return 0;
    }

    p = agent_audit_literal(p, AGENT_AUDIT_MAC);
    p = agent_b64url_encode(p, chain->mac, AGENT_GMAC_LEN);
    p = agent_audit_literal(p, AGENT_AUDIT_END "\n");

    return (size_t) (p - line);
}


int
agent_audit_link_parse(agent_audit_link_t *link, const uint8_t *line,
    size_t len)
{
    const uint8_t         *member;
    agent_audit_reader_t   r;

    member = agent_audit_member(line, len);

    if (member == NULL) {
        return -1;
    }

    r.pos = member;
    r.end = line + len;
    r.failed = 0;

    agent_audit_read(&r, AGENT_AUDIT_MEMBER);
    link->uid = agent_audit_read_id(&r, AGENT_AUDIT_CHAIN_UID);
    agent_audit_read(&r, "\",\"kid\":\"");
    link->kid = agent_audit_read_id(&r, AGENT_PEPPER_ID_MAX);
    agent_audit_read(&r, "\",\"epoch\":");
    link->epoch = (uint32_t) agent_audit_read_number(&r, UINT32_MAX);
    agent_audit_read(&r, ",\"seq\":");
    link->seq = agent_audit_read_number(&r, INT64_MAX);

    link->has_prev = (size_t) (r.end - r.pos) > sizeof(AGENT_AUDIT_PREV) - 1
                     && memcmp(r.pos, AGENT_AUDIT_PREV,
                               sizeof(AGENT_AUDIT_PREV) - 1)
                        == 0;

    if (link->has_prev) {
        agent_audit_read(&r, AGENT_AUDIT_PREV);
        agent_audit_read_mac(&r, link->prev);
        agent_audit_read(&r, "\"");
    }

    link->covered = (size_t) (r.pos - line);

    agent_audit_read(&r, AGENT_AUDIT_MAC);
    agent_audit_read_mac(&r, link->mac);
    agent_audit_read(&r, AGENT_AUDIT_END);

    if (r.failed || r.pos != r.end || link->seq == 0) {
        return -1;
    }

    return agent_audit_link_uid(link);
}


/* the last one: what else looks like it is in the octets under the MAC */

static const uint8_t *
agent_audit_member(const uint8_t *line, size_t len)
{
    size_t          n;
    const uint8_t  *p, *first;

    n = sizeof(AGENT_AUDIT_MEMBER) - 1;

    if (len < n) {
        return NULL;
    }

    first = (len > AGENT_AUDIT_CHAIN_MAX) ? line + len - AGENT_AUDIT_CHAIN_MAX
                                          : line;

    for (p = line + len - n; p >= first; p--) {

        if (*p == ',' && memcmp(p, AGENT_AUDIT_MEMBER, n) == 0) {
            return p;
        }

        if (p == line) {
            break;
        }
    }

    return NULL;
}


static void
agent_audit_read(agent_audit_reader_t *r, const char *text)
{
    size_t  len;

    len = strlen(text);

    if ((size_t) (r->end - r->pos) < len || memcmp(r->pos, text, len) != 0) {
        r->failed = 1;
        return;
    }

    r->pos += len;
}


static agent_str_t
agent_audit_read_id(agent_audit_reader_t *r, size_t max)
{
    agent_str_t  id;

    id.data = r->pos;
    id.len = 0;

    while (r->pos < r->end && *r->pos != '"' && id.len <= max) {
        r->pos++;
        id.len++;
    }

    if (!agent_id_valid(&id, max)) {
        r->failed = 1;
    }

    return id;
}


/* one spelling only: no zeros in front */

static uint64_t
agent_audit_read_number(agent_audit_reader_t *r, uint64_t max)
{
    uint64_t        n;
    const uint8_t  *start;

    n = 0;

    for (start = r->pos;
         r->pos < r->end && *r->pos >= '0' && *r->pos <= '9';
         r->pos++)
    {
        if (n > (max - (uint64_t) (*r->pos - '0')) / 10
            || (r->pos != start && n == 0))
        {
            r->failed = 1;
            return 0;
        }

        n = n * 10 + (uint64_t) (*r->pos - '0');
    }

    if (r->pos == start) {
        r->failed = 1;
    }

    return n;
}


static void
agent_audit_read_mac(agent_audit_reader_t *r, uint8_t *mac)
{
    size_t  n;

    if (r->end - r->pos < AGENT_AUDIT_MAC_TEXT
        || agent_b64url_decode(mac, &n, r->pos, AGENT_AUDIT_MAC_TEXT) != 0)
    {
        r->failed = 1;
        return;
    }

    r->pos += AGENT_AUDIT_MAC_TEXT;
}


static int
agent_audit_link_uid(agent_audit_link_t *link)
{
    size_t                n;
    agent_audit_reader_t  r;

    if (link->uid.len < AGENT_AUDIT_BOOT_TEXT + 2
        || agent_b64url_decode(link->boot, &n, link->uid.data,
                               AGENT_AUDIT_BOOT_TEXT)
           != 0)
    {
        return -1;
    }

    r.pos = link->uid.data + AGENT_AUDIT_BOOT_TEXT;
    r.end = link->uid.data + link->uid.len;
    r.failed = 0;

    agent_audit_read(&r, ".");
    link->index = (uint32_t) agent_audit_read_number(&r, UINT32_MAX);

    return (r.failed || r.pos != r.end) ? -1 : 0;
}


int
agent_audit_link_verify(const agent_audit_link_t *link, const uint8_t *line,
    agent_gmac_t *gmac, const uint8_t *prev)
{
    uint8_t  nonce[AGENT_GMAC_NONCE];
    uint8_t  text[AGENT_AUDIT_LINE_MAX + AGENT_GMAC_LEN];

    if (link->covered > AGENT_AUDIT_LINE_MAX) {
        return 0;
    }

    memcpy(text, line, link->covered);
    memcpy(text + link->covered, prev, AGENT_GMAC_LEN);

    agent_gmac_nonce(nonce, link->seq);

    return agent_gmac_verify(gmac, nonce, text, link->covered + AGENT_GMAC_LEN,
                             link->mac);
}


uint64_t
agent_audit_line_time(const uint8_t *line, size_t len)
{
    size_t    i;
    uint64_t  time;

    if (len < 8 || memcmp(line, "{\"time\":", 8) != 0) {
        return 0;
    }

    time = 0;

    for (i = 8; i < len && line[i] >= '0' && line[i] <= '9'; i++) {

        if (time > (INT64_MAX - 9) / 10) {
            return 0;
        }

        time = time * 10 + (uint64_t) (line[i] - '0');
    }

    return time;
}
