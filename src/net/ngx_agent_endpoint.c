
/*
 * What the configuration says about a server: its URL, its names, its TLS.
 */

#include "ngx_agent_fetch.h"

#include <openssl/x509v3.h>


#define NGX_AGENT_RESOLV_CONF     "/etc/resolv.conf"
#define NGX_AGENT_RESOLV_LEN      4096
#define NGX_AGENT_NAMESERVERS     3
#define NGX_AGENT_VERIFY_DEPTH    4


static ngx_int_t ngx_agent_endpoint_host(ngx_pool_t *pool,
    ngx_agent_endpoint_t *ep, ngx_url_t *u, char *err);
static ngx_int_t ngx_agent_endpoint_text(ngx_pool_t *pool, ngx_str_t *text);
static ngx_int_t ngx_agent_endpoint_addrs(ngx_pool_t *pool,
    ngx_agent_endpoint_t *ep);
static ngx_uint_t ngx_agent_resolv_conf(ngx_conf_t *cf, ngx_str_t *names);


ngx_int_t
ngx_agent_endpoint_parse(ngx_pool_t *pool, const ngx_str_t *url,
    ngx_agent_endpoint_t *ep, char *err)
{
    size_t      add;
    ngx_url_t   u;
    ngx_uint_t  i;

    ngx_memzero(ep, sizeof(ngx_agent_endpoint_t));

    for (i = 0; i < url->len; i++) {
        if (url->data[i] <= 0x20 || url->data[i] > 0x7e
            || url->data[i] == '#' || url->data[i] == '@')
        {
            (void) agent_fail(err, "a space, control character, \"#\" or "
                              "\"@\" in the URL");
            return NGX_ERROR;
        }
    }

    ngx_memzero(&u, sizeof(ngx_url_t));

    if (url->len > 8 && ngx_strncasecmp(url->data, (u_char *) "https://", 8)
                        == 0)
    {
        add = 8;
        u.default_port = 443;
        ep->tls = 1;

    } else if (url->len > 7
               && ngx_strncasecmp(url->data, (u_char *) "http://", 7) == 0)
    {
        add = 7;
        u.default_port = 80;

    } else {
        (void) agent_fail(err, "expected https:// or http://");
        return NGX_ERROR;
    }

    ep->url = *url;

    u.url.data = url->data + add;
    u.url.len = url->len - add;
    u.uri_part = 1;
    u.no_resolve = 1;

    if (ngx_parse_url(pool, &u) != NGX_OK) {
        (void) agent_fail(err, "%s", u.err ? u.err : "bad URL");
        return NGX_ERROR;
    }

    ep->uri = u.uri;
    ep->port = u.port;
    ep->addrs = u.addrs;
    ep->naddrs = u.naddrs;

    if (ep->uri.len == 0) {
        ngx_str_set(&ep->uri, "/");
    }

    return ngx_agent_endpoint_host(pool, ep, &u, err);
}


static ngx_int_t
ngx_agent_endpoint_host(ngx_pool_t *pool, ngx_agent_endpoint_t *ep,
    ngx_url_t *u, char *err)
{
    u_char     *p;
    ngx_str_t   host;
    ngx_url_t   local;

    if (u->family == AF_UNIX) {
        ngx_str_set(&ep->host, "localhost");
        ep->authority = ep->host;
        ep->origin = ep->addrs->name;
        return NGX_OK;
    }

    host = u->host;

    ep->authority.data = u->url.data;
    ep->authority.len = u->uri.len ? (size_t) (u->uri.data - u->url.data)
                                   : u->url.len;
    ep->origin = ep->authority;
    ep->literal = (ep->naddrs != 0);

    if (host.len > 2 && host.data[0] == '[') {
        host.data++;
        host.len -= 2;
    }

    p = ngx_pnalloc(pool, host.len + 1);
    if (p == NULL) {
        (void) agent_fail(err, "no memory");
        return NGX_ERROR;
    }

    (void) ngx_cpystrn(p, host.data, host.len + 1);

    ep->host.data = p;
    ep->host.len = host.len;

    if (host.len != 9 || ngx_strncasecmp(p, (u_char *) "localhost", 9) != 0) {
        return NGX_OK;
    }

    /* RFC 6761, 6.3: no server needs to be asked */

    ngx_memzero(&local, sizeof(ngx_url_t));

    ngx_str_set(&local.url, "127.0.0.1");
    local.default_port = ep->port;
    local.no_resolve = 1;

    if (ngx_parse_url(pool, &local) != NGX_OK) {
        (void) agent_fail(err, "no memory");
        return NGX_ERROR;
    }

    ep->addrs = local.addrs;
    ep->naddrs = local.naddrs;

    return NGX_OK;
}


ngx_agent_endpoint_t *
ngx_agent_endpoint_copy(ngx_pool_t *pool, const ngx_agent_endpoint_t *ep)
{
    ngx_agent_endpoint_t  *copy;

    copy = ngx_palloc(pool, sizeof(ngx_agent_endpoint_t));
    if (copy == NULL) {
        return NULL;
    }

    *copy = *ep;

    if (ngx_agent_endpoint_text(pool, &copy->url) != NGX_OK
        || ngx_agent_endpoint_text(pool, &copy->host) != NGX_OK
        || ngx_agent_endpoint_text(pool, &copy->authority) != NGX_OK
        || ngx_agent_endpoint_text(pool, &copy->uri) != NGX_OK
        || ngx_agent_endpoint_text(pool, &copy->origin) != NGX_OK
        || ngx_agent_endpoint_addrs(pool, copy) != NGX_OK)
    {
        return NULL;
    }

    return copy;
}


/* OpenSSL wants a NUL behind the host; the others have one for nothing */

static ngx_int_t
ngx_agent_endpoint_text(ngx_pool_t *pool, ngx_str_t *text)
{
    u_char  *p;

    p = ngx_pnalloc(pool, text->len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, text->data, text->len);
    p[text->len] = '\0';

    text->data = p;

    return NGX_OK;
}


static ngx_int_t
ngx_agent_endpoint_addrs(ngx_pool_t *pool, ngx_agent_endpoint_t *ep)
{
    ngx_uint_t        i;
    ngx_addr_t       *addrs;
    struct sockaddr  *sa;

    if (ep->naddrs == 0) {
        return NGX_OK;
    }

    addrs = ngx_palloc(pool, ep->naddrs * sizeof(ngx_addr_t));
    if (addrs == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < ep->naddrs; i++) {
        addrs[i] = ep->addrs[i];

        sa = ngx_palloc(pool, addrs[i].socklen);

        if (sa == NULL
            || ngx_agent_endpoint_text(pool, &addrs[i].name) != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_memcpy(sa, addrs[i].sockaddr, addrs[i].socklen);
        addrs[i].sockaddr = sa;
    }

    ep->addrs = addrs;

    return NGX_OK;
}


agent_address_class_e
ngx_agent_sockaddr_class(const struct sockaddr *sa)
{
    const struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    const struct sockaddr_in6  *sin6;
#endif

    switch (sa->sa_family) {

    case AF_INET:
        sin = (const struct sockaddr_in *) sa;
        return agent_address_class((const u_char *) &sin->sin_addr, 4);

#if (NGX_HAVE_INET6)

    case AF_INET6:
        sin6 = (const struct sockaddr_in6 *) sa;
        return agent_address_class(sin6->sin6_addr.s6_addr, 16);

#endif

    default:
        return agent_address_class(NULL, 0);
    }
}


ngx_resolver_t *
ngx_agent_fetch_resolver(ngx_conf_t *cf)
{
    ngx_str_t        names[NGX_AGENT_NAMESERVERS];
    ngx_uint_t       n;
    ngx_resolver_t  *resolver;

    n = ngx_agent_resolv_conf(cf, names);

    if (n == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no nameserver in " NGX_AGENT_RESOLV_CONF
                           ", set \"resolver\" in http for the providers of "
                           "\"agent_oauth_provider\"");
        return NULL;
    }

    resolver = ngx_resolver_create(cf, names, n);

    if (resolver == NULL) {
        return NULL;
    }

    ngx_conf_log_error(NGX_LOG_NOTICE, cf, 0,
                       "agent_auth: no \"resolver\", taking \"%V\" of "
                       NGX_AGENT_RESOLV_CONF, &names[0]);

    /* a notice goes to the log only, and who tests wants to know */

    if (ngx_test_config && !ngx_quiet_mode) {
        ngx_log_stderr(0, "agent_auth: no \"resolver\", taking \"%V\" of "
                       NGX_AGENT_RESOLV_CONF, &names[0]);
    }

    return resolver;
}


static ngx_uint_t
ngx_agent_resolv_conf(ngx_conf_t *cf, ngx_str_t *names)
{
    u_char      *p, *last, *lf, *end, *buf;
    ssize_t      len;
    ngx_fd_t     fd;
    ngx_uint_t   n;

    buf = ngx_palloc(cf->pool, NGX_AGENT_RESOLV_LEN);
    if (buf == NULL) {
        return 0;
    }

    fd = ngx_open_file(NGX_AGENT_RESOLV_CONF, NGX_FILE_RDONLY, NGX_FILE_OPEN,
                       0);
    if (fd == NGX_INVALID_FILE) {
        return 0;
    }

    len = ngx_read_fd(fd, buf, NGX_AGENT_RESOLV_LEN);
    (void) ngx_close_file(fd);

    last = buf + ngx_max(len, 0);

    for (p = buf, n = 0; p < last && n < NGX_AGENT_NAMESERVERS; p = lf + 1) {

        lf = ngx_strlchr(p, last, LF);
        lf = lf ? lf : last;

        if (lf - p < 12 || ngx_strncmp(p, "nameserver", 10) != 0) {
            continue;
        }

        for (p += 10; p < lf && (*p == ' ' || *p == '\t'); p++) { /* void */ }

        for (end = p; end < lf && *end > ' ' && *end != '%'; end++) {
            /* void */
        }

        names[n].data = p;
        names[n].len = end - p;

        /* an IPv6 address wants brackets, which need room of their own */

        if (ngx_strlchr(p, end, ':')) {
            names[n].data = ngx_pnalloc(cf->pool, end - p + 2);
            if (names[n].data == NULL) {
                return 0;
            }

            names[n].len = ngx_sprintf(names[n].data, "[%*s]",
                                       (size_t) (end - p), p)
                           - names[n].data;
        }

        n += (names[n].len != 0);
    }

    return n;
}


ngx_ssl_t *
ngx_agent_fetch_ssl(ngx_conf_t *cf, ngx_uint_t verify, ngx_str_t *trusted,
    ngx_str_t *crl, ngx_str_t *certificate, ngx_str_t *key)
{
    ngx_ssl_t           *ssl;
    ngx_pool_cleanup_t  *cln;

    ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    if (ssl == NULL) {
        return NULL;
    }

    ssl->log = cf->log;

    if (ngx_ssl_create(ssl, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL) != NGX_OK) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        ngx_ssl_cleanup_ctx(ssl);
        return NULL;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = ssl;

    if (certificate->len
        && ngx_ssl_certificate(cf, ssl, certificate, key, NULL) != NGX_OK)
    {
        return NULL;
    }

    if (!verify) {
        return ssl;
    }

    if (trusted->len == 0) {
        if (SSL_CTX_set_default_verify_paths(ssl->ctx) == 0) {
            ngx_ssl_error(NGX_LOG_EMERG, ssl->log, 0,
                          "SSL_CTX_set_default_verify_paths() failed");
            return NULL;
        }

    } else if (ngx_ssl_trusted_certificate(cf, ssl, trusted,
                                           NGX_AGENT_VERIFY_DEPTH)
               != NGX_OK)
    {
        return NULL;
    }

    if (crl->len && ngx_ssl_crl(cf, ssl, crl) != NGX_OK) {
        return NULL;
    }

    return ssl;
}
