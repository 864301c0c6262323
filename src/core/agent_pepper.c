
#include "agent_keyfile.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>


/* octets of a key in base64; RFC 4648, 4 */

#define AGENT_PEPPER_BASE64_MAX  1024


static int agent_pepper_line(const uint8_t *p, const uint8_t *last,
    agent_pepper_t *pepper, char *err);
static int agent_pepper_decode(uint8_t *dst, const uint8_t *src, size_t len);


int
agent_pepper_parse(const agent_str_t *text, agent_pepper_t *peppers, size_t *n,
    uint64_t *line, char *err)
{
    agent_str_t      id;
    const uint8_t   *p, *last, *lf;

    *n = 0;
    *line = 0;

    if (text->len == 0) {
        return agent_fail(err, "empty file");
    }

    last = text->data + text->len;

    for (p = text->data; p < last; p = lf + 1) {

        (*line)++;

        lf = memchr(p, '\n', (size_t) (last - p));

        if (lf == NULL) {
            lf = last;
        }

        if (*n == AGENT_PEPPERS_MAX) {
            return agent_fail(err, "more than %d peppers", AGENT_PEPPERS_MAX);
        }

        if (agent_pepper_line(p, lf, &peppers[*n], err) != 0) {
            return -1;
        }

        id.data = peppers[*n].id;
        id.len = peppers[*n].id_len;

        if (agent_pepper_find(peppers, *n, &id) != NULL) {
            return agent_fail(err, "duplicate pepper id");
        }

        (*n)++;
    }

    return 0;
}


static int
agent_pepper_line(const uint8_t *p, const uint8_t *last,
    agent_pepper_t *pepper, char *err)
{
    int             len;
    uint8_t         key[AGENT_PEPPER_BASE64_MAX];
    agent_str_t     id;
    const uint8_t  *space;

    space = memchr(p, ' ', (size_t) (last - p));

    id.data = p;
    id.len = space ? (size_t) (space - p) : 0;

    if (!agent_id_valid(&id, AGENT_PEPPER_ID_MAX)) {
        return agent_fail(err, "expected \"id base64\", the id being 1 to %d "
                          "of 0-9 A-Z a-z . _ -", AGENT_PEPPER_ID_MAX);
    }

    len = agent_pepper_decode(key, space + 1, (size_t) (last - space - 1));

    if (len < AGENT_PEPPER_KEY_MIN) {
        OPENSSL_cleanse(key, sizeof(key));
        return agent_fail(err, "a pepper must be at least %d octets in base64",
                          AGENT_PEPPER_KEY_MIN);
    }

    memset(pepper, 0, sizeof(*pepper));

    pepper->id_len = (uint32_t) id.len;
    memcpy(pepper->id, id.data, id.len);

    agent_hmac_key(&pepper->key, key, (size_t) len);
    OPENSSL_cleanse(key, sizeof(key));

    return 0;
}


/* octets written, at most AGENT_PEPPER_BASE64_MAX; -1 where it is no base64 */

static int
agent_pepper_decode(uint8_t *dst, const uint8_t *src, size_t len)
{
    int     n, padding;
    size_t  i;

    if (len == 0 || len % 4 != 0 || len > AGENT_PEPPER_BASE64_MAX) {
        return -1;
    }

    padding = (src[len - 1] == '=') + (src[len - 2] == '=');

    /* EVP_DecodeBlock() would skip white space and take '=' anywhere */

    for (i = 0; i < len - (size_t) padding; i++) {
        if (!((src[i] >= '0' && src[i] <= '9')
              || (src[i] >= 'A' && src[i] <= 'Z')
              || (src[i] >= 'a' && src[i] <= 'z')
              || src[i] == '+' || src[i] == '/'))
        {
            return -1;
        }
    }

    n = EVP_DecodeBlock(dst, src, (int) len);

    return n < 0 ? -1 : n - padding;
}


const agent_pepper_t *
agent_pepper_find(const agent_pepper_t *peppers, size_t n,
    const agent_str_t *id)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (peppers[i].id_len == id->len
            && memcmp(peppers[i].id, id->data, id->len) == 0)
        {
            return &peppers[i];
        }
    }

    return NULL;
}
