
#include "agent_keyfile.h"
#include "agent_secret.h"

#include <openssl/crypto.h>


static int agent_pepper_line(const uint8_t *p, const uint8_t *last,
    const char *what, agent_pepper_t *pepper, char *err);


int
agent_pepper_parse(const agent_str_t *text, const char *what,
    agent_pepper_t *peppers, size_t *n, uint64_t *line, char *err)
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
            return agent_fail(err, "more than %d lines", AGENT_PEPPERS_MAX);
        }

        if (agent_pepper_line(p, lf, what, &peppers[*n], err) != 0) {
            return -1;
        }

        id.data = peppers[*n].id;
        id.len = peppers[*n].id_len;

        if (agent_pepper_find(peppers, *n, &id) != NULL) {
            return agent_fail(err, "duplicate %s id", what);
        }

        (*n)++;
    }

    return 0;
}


static int
agent_pepper_line(const uint8_t *p, const uint8_t *last, const char *what,
    agent_pepper_t *pepper, char *err)
{
    int          len;
    uint8_t      key[AGENT_SECRET_MAX];
    agent_str_t  id;

    len = agent_secret_line(p, last, &id, key, err);

    if (len < AGENT_PEPPER_KEY_MIN) {
        OPENSSL_cleanse(key, sizeof(key));

        return len == -2 ? -1
               : agent_fail(err, "a %s must be at least %d octets in base64",
                            what, AGENT_PEPPER_KEY_MIN);
    }

    memset(pepper, 0, sizeof(*pepper));

    pepper->id_len = (uint32_t) id.len;
    memcpy(pepper->id, id.data, id.len);

    agent_hmac_key(&pepper->key, key, (size_t) len);
    OPENSSL_cleanse(key, sizeof(key));

    return 0;
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
