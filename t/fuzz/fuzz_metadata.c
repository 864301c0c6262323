
/*
 * Metadata of authorization servers: nothing is taken of a document that does
 * not name the issuer, and all that is taken lies within the buffer.
 */

#include "agent_metadata.h"

#include <stdlib.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char               err[AGENT_ERROR_LEN];
    size_t             len;
    unsigned           n;
    agent_str_t        text;
    agent_metadata_t   md;

    static uint8_t            buf[4096];
    static const agent_str_t  issuer = agent_string("https://a");

    text.data = data;
    text.len = size;

    for (n = 0; n < AGENT_METADATA_PLACES; n++) {
        len = agent_metadata_url(&text, n, buf, sizeof(buf));

        if (len > sizeof(buf) || (len && len < size)) {
            abort();
        }
    }

    if (agent_metadata_parse(data, size, &issuer, buf, sizeof(buf), &md, err)
        != 0)
    {
        return 0;
    }

    if (memmem(data, size, "issuer", 6) == NULL
        && memmem(data, size, "\\u", 2) == NULL)
    {
        abort();
    }

    if (md.introspection_endpoint.len + md.jwks_uri.len
        + md.tls_introspection_endpoint.len > sizeof(buf))
    {
        abort();
    }

    return 0;
}
