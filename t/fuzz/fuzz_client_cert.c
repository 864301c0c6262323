
/*
 * The Client-Cert field: what is taken is written again octet for octet as it
 * came, so that no certificate has two spellings, and what is refused leaves
 * nothing.
 */

#include "agent_form.h"
#include "agent_thumbprint.h"
#include "fuzz.h"


static void fuzz_good(const agent_str_t *value, const agent_str_t *der);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int           rc;
    char          err[AGENT_ERROR_LEN];
    size_t        room;
    uint8_t      *copy, *buf, digest[AGENT_SHA256_LEN];
    agent_str_t   value, der;

    copy = fuzz_copy(data, size);
    room = agent_client_cert_room(size);
    buf = malloc(room + 1);

    value.data = copy;
    value.len = size;

    /* what is behind the room is not touched */

    buf[room] = 0x5a;
    err[0] = '\0';

    rc = agent_client_cert_parse(&value, buf, &der, err);

    fuzz_check(buf[room] == 0x5a);

    if (rc == 0) {
        fuzz_check(der.len <= room && err[0] == '\0');
        fuzz_good(&value, &der);

    } else {
        fuzz_check(rc == -1 && der.len == 0 && err[0] != '\0');
    }

    /* the same octets as if they were the certificate */

    rc = agent_certificate_thumbprint(&value, digest);
    fuzz_check(rc == 0 || rc == -1);
    fuzz_check(rc == -1 || (size > 1 && data[0] == 0x30));

    free(copy);
    free(buf);

    return 0;
}


static void
fuzz_good(const agent_str_t *value, const agent_str_t *der)
{
    uint8_t  *text, *last, digest[AGENT_SHA256_LEN];

    text = malloc(agent_base64_room(der->len));
    last = agent_base64_encode(text, der->data, der->len);

    fuzz_check((size_t) (last - text) == value->len - 2);
    fuzz_check(memcmp(text, value->data + 1, value->len - 2) == 0);
    fuzz_check(value->data[0] == ':' && value->data[value->len - 1] == ':');
    fuzz_check(agent_certificate_thumbprint(der, digest) == 0);

    free(text);
}
