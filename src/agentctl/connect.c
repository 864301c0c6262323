
#include "connect.h"
#include "options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>


/* seconds without an octet */

#define CTL_TIMEOUT  30


static int ctl_place_unix(ctl_place_t *place, const char *path);
static int ctl_place_authority(ctl_place_t *place, const char *text,
    size_t len);
static char *ctl_prefix(const char *text);
static int ctl_connect_unix(const ctl_place_t *place, ctl_connection_t *c);
static int ctl_connect_tcp(const ctl_place_t *place, ctl_connection_t *c);
static int ctl_loopback(const struct sockaddr *sa);
static int ctl_socket(int family, const struct sockaddr *sa, socklen_t len);
static int ctl_connect_tls(const ctl_t *ctl, const ctl_place_t *place,
    ctl_connection_t *c);
static int ctl_tls_files(const ctl_t *ctl, SSL_CTX *ctx);
static int ctl_tls_name(SSL *ssl, const char *host);
static void ctl_tls_error(const char *what, const SSL *ssl);


int
ctl_place_parse(ctl_place_t *place, const char *url)
{
    size_t       len;
    const char  *p;

    memset(place, 0, sizeof(*place));

    if (strncmp(url, "unix:", 5) == 0) {
        return ctl_place_unix(place, url + 5);
    }

    if (strncmp(url, "https://", 8) == 0) {
        place->tls = 1;
        p = url + 8;

    } else if (strncmp(url, "http://", 7) == 0) {
        p = url + 7;

    } else {
        return -1;
    }

    len = strcspn(p, "/?#@\\ ");

    if (p[len] != '\0' && p[len] != '/') {
        return -1;
    }

    if (ctl_place_authority(place, p, len) != 0) {
        return -1;
    }

    place->prefix = ctl_prefix(p + len);

    return place->prefix ? 0 : -1;
}


/* as nginx writes them: unix:/run/gate.sock:/control */

static int
ctl_place_unix(ctl_place_t *place, const char *path)
{
    size_t  len;

    len = strcspn(path, ":");

    if (len == 0) {
        return -1;
    }

    place->path = ctl_format("%.*s", (int) len, path);
    place->authority = ctl_format("localhost");
    place->prefix = ctl_prefix(path[len] ? path + len + 1 : "");

    return place->prefix ? 0 : -1;
}


static int
ctl_place_authority(ctl_place_t *place, const char *text, size_t len)
{
    size_t       host;
    const char  *p, *port;

    if (text[0] == '[') {
        p = memchr(text, ']', len);

        if (p == NULL) {
            return -1;
        }

        host = (size_t) (p - text) + 1;
        place->host = ctl_format("%.*s", (int) host - 2, text + 1);

    } else {
        host = strcspn(text, ":/");
        host = host < len ? host : len;
        place->host = ctl_format("%.*s", (int) host, text);
    }

    if (place->host[0] == '\0') {
        return -1;
    }

    port = text + host;

    if (host == len) {
        place->port = ctl_format("%s", place->tls ? "443" : "80");

    } else if (*port == ':' && len - host >= 2 && len - host <= 6
               && strspn(port + 1, "0123456789") == len - host - 1)
    {
        place->port = ctl_format("%.*s", (int) (len - host - 1), port + 1);

    } else {
        return -1;
    }

    place->authority = ctl_format("%.*s", (int) len, text);

    return 0;
}


/* empty, or a path; NULL: it is none */

static char *
ctl_prefix(const char *text)
{
    size_t  i, len;

    len = strlen(text);

    if (len && text[len - 1] == '/') {
        len--;
    }

    for (i = 0; i < len; i++) {
        if ((unsigned char) text[i] <= ' ' || (unsigned char) text[i] >= 0x7f
            || text[i] == '?' || text[i] == '#' || (i == 0 && text[i] != '/'))
        {
            return NULL;
        }
    }

    return ctl_format("%.*s", (int) len, text);
}


void
ctl_place_free(ctl_place_t *place)
{
    free(place->path);
    free(place->host);
    free(place->port);
    free(place->authority);
    free(place->prefix);
}


int
ctl_connect(const ctl_t *ctl, const ctl_place_t *place, ctl_connection_t *c)
{
    int  rc;

    memset(c, 0, sizeof(*c));
    c->fd = -1;

    rc = place->path ? ctl_connect_unix(place, c) : ctl_connect_tcp(place, c);

    if (rc == CTL_DONE && place->tls) {
        rc = ctl_connect_tls(ctl, place, c);
    }

    return rc;
}


static int
ctl_connect_unix(const ctl_place_t *place, ctl_connection_t *c)
{
    struct sockaddr_un  sun;

    memset(&sun, 0, sizeof(sun));
    sun.sun_family = AF_UNIX;

    if (strlen(place->path) >= sizeof(sun.sun_path)) {
        ctl_error("the path of the socket in --control is too long");
        return CTL_USAGE;
    }

    memcpy(sun.sun_path, place->path, strlen(place->path));

    c->fd = ctl_socket(AF_UNIX, (struct sockaddr *) &sun, sizeof(sun));

    if (c->fd == -1) {
        ctl_error_errno(errno, "no connection to %s", place->path);
        return CTL_REFUSED;
    }

    return CTL_DONE;
}


/* what is not encrypted does not leave the machine */

static int
ctl_connect_tcp(const ctl_place_t *place, ctl_connection_t *c)
{
    int               rc, err;
    struct addrinfo   hints, *list, *ai;

    memset(&hints, 0, sizeof(hints));
    hints.ai_socktype = SOCK_STREAM;

    rc = getaddrinfo(place->host, place->port, &hints, &list);

    if (rc != 0) {
        ctl_error("no address of %s: %s", place->host, gai_strerror(rc));
        return CTL_REFUSED;
    }

    err = 0;

    for (ai = list; ai && c->fd == -1; ai = ai->ai_next) {

        if (!place->tls && !ctl_loopback(ai->ai_addr)) {
            freeaddrinfo(list);
            ctl_error("http:// is for this machine only, %s is another: use "
                      "https://", place->host);
            return CTL_USAGE;
        }

        c->fd = ctl_socket(ai->ai_family, ai->ai_addr, ai->ai_addrlen);
        err = errno;
    }

    freeaddrinfo(list);

    if (c->fd == -1) {
        ctl_error_errno(err, "no connection to %s port %s", place->host,
                        place->port);
        return CTL_REFUSED;
    }

    return CTL_DONE;
}


static int
ctl_loopback(const struct sockaddr *sa)
{
    const struct sockaddr_in   *sin;
    const struct sockaddr_in6  *sin6;

    if (sa->sa_family == AF_INET) {
        sin = (const struct sockaddr_in *) sa;
        return (ntohl(sin->sin_addr.s_addr) >> 24) == 127;
    }

    if (sa->sa_family == AF_INET6) {
        sin6 = (const struct sockaddr_in6 *) sa;
        return IN6_IS_ADDR_LOOPBACK(&sin6->sin6_addr);
    }

    return 0;
}


static int
ctl_socket(int family, const struct sockaddr *sa, socklen_t len)
{
    int             fd, err;
    struct timeval  tv;

    fd = socket(family, SOCK_STREAM|SOCK_CLOEXEC, 0);

    if (fd == -1) {
        return -1;
    }

    tv.tv_sec = CTL_TIMEOUT;
    tv.tv_usec = 0;

    /* of connect(), too: socket(7) */

    (void) setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
    (void) setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));

    if (connect(fd, sa, len) == 0) {
        return fd;
    }

    err = errno;
    (void) close(fd);
    errno = err;

    return -1;
}


static int
ctl_connect_tls(const ctl_t *ctl, const ctl_place_t *place,
    ctl_connection_t *c)
{
    c->ctx = SSL_CTX_new(TLS_client_method());

    if (c->ctx == NULL
        || SSL_CTX_set_min_proto_version(c->ctx, TLS1_2_VERSION) != 1)
    {
        ctl_tls_error("TLS cannot be used", NULL);
        return CTL_REFUSED;
    }

    SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, NULL);

    /* an answer says itself how long it is */

    SSL_CTX_set_options(c->ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);

    if (ctl_tls_files(ctl, c->ctx) != CTL_DONE) {
        return CTL_REFUSED;
    }

    c->ssl = SSL_new(c->ctx);

    if (c->ssl == NULL || ctl_tls_name(c->ssl, place->host) != 1
        || SSL_set_fd(c->ssl, c->fd) != 1)
    {
        ctl_tls_error("TLS cannot be used", NULL);
        return CTL_REFUSED;
    }

    if (SSL_connect(c->ssl) != 1) {
        ctl_tls_error("no TLS connection", c->ssl);
        return CTL_REFUSED;
    }

    return CTL_DONE;
}


static int
ctl_tls_files(const ctl_t *ctl, SSL_CTX *ctx)
{
    const char  *cacert, *cert, *key;

    cacert = ctl_option(ctl, CTL_OPT_CACERT);
    cert = ctl_option(ctl, CTL_OPT_CERT);
    key = ctl_option(ctl, CTL_OPT_KEY);

    if ((cacert ? SSL_CTX_load_verify_file(ctx, cacert)
                : SSL_CTX_set_default_verify_paths(ctx))
        != 1)
    {
        ctl_tls_error("--cacert cannot be read", NULL);
        return CTL_REFUSED;
    }

    if (cert && SSL_CTX_use_certificate_chain_file(ctx, cert) != 1) {
        ctl_tls_error("--cert cannot be read", NULL);
        return CTL_REFUSED;
    }

    if (cert
        && SSL_CTX_use_PrivateKey_file(ctx, key ? key : cert, SSL_FILETYPE_PEM)
           != 1)
    {
        ctl_tls_error("the private key of --cert cannot be read, or is "
                      "another's", NULL);
        return CTL_REFUSED;
    }

    return CTL_DONE;
}


/* an address has no name to be asked for: RFC 6066, 3 */

static int
ctl_tls_name(SSL *ssl, const char *host)
{
    struct in6_addr     addr;
    X509_VERIFY_PARAM  *param;

    if (inet_pton(AF_INET, host, &addr) == 1
        || inet_pton(AF_INET6, host, &addr) == 1)
    {
        param = SSL_get0_param(ssl);
        return X509_VERIFY_PARAM_set1_ip_asc(param, host);
    }

    return SSL_set1_host(ssl, host) == 1
           ? (int) SSL_set_tlsext_host_name(ssl, host) : 0;
}


static void
ctl_tls_error(const char *what, const SSL *ssl)
{
    long           verified;
    const char    *why;
    unsigned long  err;

    err = ERR_get_error();
    verified = ssl ? SSL_get_verify_result(ssl) : X509_V_OK;

    why = (verified != X509_V_OK) ? X509_verify_cert_error_string(verified)
          : err ? ERR_reason_error_string(err) : NULL;

    ctl_error("%s: %s", what, why ? why : "the connection ended");
    ERR_clear_error();
}


void
ctl_disconnect(ctl_connection_t *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->ctx);

    if (c->fd != -1) {
        (void) close(c->fd);
    }
}


int
ctl_send(ctl_connection_t *c, const char *data, size_t len)
{
    ssize_t  n;

    while (len) {

        if (c->ssl) {
            n = SSL_write(c->ssl, data, (int) len);

            if (n <= 0) {
                ctl_tls_error("sending failed", c->ssl);
                return -1;
            }

        } else {
            n = send(c->fd, data, len, MSG_NOSIGNAL);

            if (n == -1 && errno == EINTR) {
                continue;
            }

            if (n == -1) {
                ctl_error_errno(errno, "sending failed");
                return -1;
            }
        }

        data += n;
        len -= (size_t) n;
    }

    return 0;
}


long
ctl_receive(ctl_connection_t *c, uint8_t *buf, size_t size)
{
    int      why;
    ssize_t  n;

    if (c->ssl) {
        n = SSL_read(c->ssl, buf, (int) size);

        if (n > 0) {
            return n;
        }

        why = SSL_get_error(c->ssl, (int) n);

        if (why == SSL_ERROR_ZERO_RETURN) {
            return 0;
        }

        ctl_tls_error("no answer", c->ssl);
        return -1;
    }

    do {
        n = recv(c->fd, buf, size, 0);
    } while (n == -1 && errno == EINTR);

    if (n == -1) {
        ctl_error_errno(errno == EAGAIN ? ETIMEDOUT : errno, "no answer");
    }

    return n;
}
