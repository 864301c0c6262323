
/*
 * Claims that are rightly signed, whatever they are: what is behind a signature
 * must bear them.
 */

#ifndef _AGENT_FUZZ_SIGNED_H_INCLUDED_
#define _AGENT_FUZZ_SIGNED_H_INCLUDED_


#include "agent_b64url.h"
#include "agent_jwk.h"
#include "fuzz.h"

#include <openssl/hmac.h>


#define FUZZ_SECRET  "0123456789abcdef0123456789abcdef"


/* the set of the key that signs */

static inline void
fuzz_signer(agent_jwks_t *set)
{
    set->n = 1;
    agent_str_set(&set->keys[0].secret, FUZZ_SECRET);
    agent_str_set(&set->keys[0].kid, "the only one");
    set->keys[0].algs = AGENT_ALG_HS256;
    set->keys[0].id = 1;
}


/* a token of these claims; head is its header, encoded, with the dot.  To be
 * freed */

static inline char *
fuzz_sign(const char *head, const uint8_t *data, size_t size)
{
    char          *text;
    size_t         head_len;
    uint8_t       *p, mac[32];
    unsigned int   len;

    head_len = strlen(head);
    text = malloc(head_len + agent_b64url_room(size) + 64);

    memcpy(text, head, head_len);
    p = agent_b64url_encode((uint8_t *) text + head_len, data, size);

    HMAC(EVP_sha256(), FUZZ_SECRET, sizeof(FUZZ_SECRET) - 1, (uint8_t *) text,
         (size_t) (p - (uint8_t *) text), mac, &len);

    *p++ = '.';
    p = agent_b64url_encode(p, mac, len);
    *p = '\0';

    return text;
}


#endif /* _AGENT_FUZZ_SIGNED_H_INCLUDED_ */
