
#include "agent_secret.h"
#include "agent_keyfile.h"

#include <openssl/evp.h>


static int agent_secret_decode(uint8_t *dst, const uint8_t *src, size_t len);


int
agent_secret_line(const uint8_t *p, const uint8_t *last, agent_str_t *id,
    uint8_t *secret, char *err)
{
    const uint8_t  *space;

    space = memchr(p, ' ', (size_t) (last - p));

    id->data = p;
    id->len = space ? (size_t) (space - p) : 0;

    if (!agent_id_valid(id, AGENT_SECRET_ID_MAX)) {
        (void) agent_fail(err, "expected \"id base64\", the id being 1 to %d "
                          "of 0-9 A-Z a-z . _ -", AGENT_SECRET_ID_MAX);
        return -2;
    }

    return agent_secret_decode(secret, space + 1, (size_t) (last - space - 1));
}


/* octets written, at most AGENT_SECRET_MAX; -1 where it is no base64 */

static int
agent_secret_decode(uint8_t *dst, const uint8_t *src, size_t len)
{
    int     n, padding;
    size_t  i;

    if (len == 0 || len % 4 != 0 || len > AGENT_SECRET_MAX) {
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

    /* of octets that padding stands for: two spellings would be one secret */

    if (n < 0 || (padding && dst[n - padding] != 0)) {
        return -1;
    }

    return n - padding;
}
