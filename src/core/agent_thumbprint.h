
/*
 * By what a token names the key or certificate that it is bound to, and by what
 * a key is named: thumbprints, of AGENT_SHA256_LEN octets each.
 */

#ifndef _AGENT_THUMBPRINT_H_INCLUDED_
#define _AGENT_THUMBPRINT_H_INCLUDED_


#include "agent_digest.h"
#include "agent_error.h"

#include <openssl/evp.h>


/* octets of a certificate that a header field brings */

#define AGENT_CLIENT_CERT_MAX        16384

/* octets of the buffer for a field value of len characters */

#define agent_client_cert_room(len)  ((len) / 4 * 3)


/*
 * The certificate in a Client-Cert field, RFC 9440, 2.1: one byte sequence of
 * RFC 9651, ":base64:".  No space, no parameter, no list (of several fields,
 * too); base64 with its padding, and bits that stand for nothing are zero,
 * which is stricter than RFC 9651, 4.2.7: nobody but a proxy of ours writes
 * it.  der is in buf, of agent_client_cert_room(value->len) octets.
 *
 * Returns 0, or -1 with err set, which quotes nothing of value.  That it is a
 * certificate is looked at no further than agent_certificate_thumbprint() does,
 * and whose it is not at all: that is what the proxy vouches for.
 */

int agent_client_cert_parse(const agent_str_t *value, uint8_t *buf,
    agent_str_t *der, char *err);


/*
 * "x5t#S256", RFC 8705, 3.1: the SHA-256 of a certificate.  Returns 0, or -1
 * with digest zeroed where der is no single sequence in DER, as long as it
 * says.
 */

int agent_certificate_thumbprint(const agent_str_t *der, uint8_t *digest);


/*
 * RFC 7638, of the public key in pkey: RSA of up to 8192 bits, EC of P-256,
 * P-384 or P-521, Ed25519 (RFC 8037, 2).  Returns 0, or -1 with digest zeroed
 * for any other, or where OpenSSL fails.
 */

int agent_pkey_thumbprint(const EVP_PKEY *pkey, uint8_t *digest);


#endif /* _AGENT_THUMBPRINT_H_INCLUDED_ */
