
/*
 * Certificates of clients whose TLS ends at a proxy before this one, which
 * tells them in a field: RFC 9440.
 */

#include "ngx_agent_header.h"
#include "ngx_agent_module.h"
#include "agent_thumbprint.h"


/* fields that are taken out; exact: also those in RFC 9440's own spelling */

typedef struct {
    ngx_str_t    name;
    ngx_uint_t   exact;
} ngx_agent_client_cert_drop_t;


static void ngx_agent_client_cert_open(ngx_conf_t *cf,
    const ngx_cidr_t *cidr, const ngx_str_t *value);
static void ngx_agent_client_cert_find(ngx_http_request_t *r,
    ngx_agent_record_t *rec);
static ngx_uint_t ngx_agent_client_cert_trusted(ngx_http_request_t *r,
    ngx_array_t *proxies);
static ngx_uint_t ngx_agent_client_cert_is(const ngx_table_elt_t *h,
    const void *data);
static agent_reason_e ngx_agent_client_cert_digest(ngx_http_request_t *r,
    const ngx_agent_record_t *rec, u_char *digest);
static void ngx_agent_client_cert_warn(ngx_http_request_t *r,
    const ngx_agent_record_t *rec, const char *text);


static const ngx_str_t  ngx_agent_client_cert_name =
    ngx_string("client_cert");

static const ngx_str_t  ngx_agent_client_cert_chain =
    ngx_string("client_cert_chain");


/* agent_client_cert off | address ... */

char *
ngx_agent_conf_client_cert(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_agent_loc_conf_t  *alcf = conf;

    ngx_int_t              rc;
    ngx_str_t             *value;
    ngx_uint_t             i;
    ngx_cidr_t            *cidr;

    if (alcf->client_cert != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        alcf->client_cert = NULL;
        return NGX_CONF_OK;
    }

    alcf->client_cert = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                         sizeof(ngx_cidr_t));
    if (alcf->client_cert == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        cidr = ngx_array_push(alcf->client_cert);
        if (cidr == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_memzero(cidr, sizeof(ngx_cidr_t));

        if (ngx_strcmp(value[i].data, "unix:") == 0) {
            cidr->family = AF_UNIX;
            continue;
        }

        rc = ngx_ptocidr(&value[i], cidr);

        if (rc == NGX_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid address \"%V\" in "
                               "\"agent_client_cert\", expected an address, a "
                               "CIDR or \"unix:\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        if (rc == NGX_DONE) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "host bits in \"%V\" in \"agent_client_cert\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        ngx_agent_client_cert_open(cf, cidr, &value[i]);
    }

    return NGX_CONF_OK;
}


static void
ngx_agent_client_cert_open(ngx_conf_t *cf, const ngx_cidr_t *cidr,
    const ngx_str_t *value)
{
    ngx_uint_t  bits;

    bits = 0;

    if (cidr->family == AF_INET) {
        bits = cidr->u.in.mask;
    }

#if (NGX_HAVE_INET6)

    if (cidr->family == AF_INET6) {
        bits = cidr->u.in6.mask.s6_addr[0];
    }

#endif

    if (bits == 0) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "agent_auth: \"%V\" in \"agent_client_cert\": "
                           "anybody can say that he has any certificate",
                           value);
    }
}


/*
 * Before anything else is done at a guarded location: what counts is kept in
 * the record, and what is not believed goes no further (RFC 9440, 2.4).
 */

ngx_int_t
ngx_agent_client_cert_visit(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, ngx_agent_record_t *rec)
{
    ngx_agent_client_cert_drop_t  drop;

    ngx_agent_client_cert_find(r, rec);

    if (!rec->certs_told || conf->mode == NGX_AGENT_OBSERVE) {
        return NGX_OK;
    }

    drop.exact = (rec->certs > 1
                  || !ngx_agent_client_cert_trusted(r, conf->client_cert));

    drop.name = ngx_agent_client_cert_name;

    if (ngx_agent_header_remove(r, drop.name.len, ngx_agent_client_cert_is,
                                &drop)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    drop.name = ngx_agent_client_cert_chain;

    return ngx_agent_header_remove(r, drop.name.len, ngx_agent_client_cert_is,
                                   &drop);
}


/* once in a request, as a location may take them out */

static void
ngx_agent_client_cert_find(ngx_http_request_t *r, ngx_agent_record_t *rec)
{
    ngx_uint_t                     i;
    ngx_list_part_t               *part;
    ngx_table_elt_t               *h;
    ngx_agent_client_cert_drop_t   inexact, chain;

    if (rec->certs_found) {
        return;
    }

    rec->certs_found = 1;

    inexact.name = ngx_agent_client_cert_name;
    inexact.exact = 0;
    chain.name = ngx_agent_client_cert_chain;
    chain.exact = 1;

    for (part = &r->headers_in.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len == chain.name.len) {
                rec->certs_told |= ngx_agent_client_cert_is(&h[i], &chain);
                continue;
            }

            if (h[i].key.len != inexact.name.len
                || !ngx_agent_header_named(&h[i], &inexact.name))
            {
                continue;
            }

            rec->certs_told = 1;

            if (!ngx_agent_client_cert_is(&h[i], &inexact)) {
                ngx_agent_view(&rec->cert, &h[i].value);
                rec->certs++;
            }
        }
    }
}


static ngx_uint_t
ngx_agent_client_cert_is(const ngx_table_elt_t *h, const void *data)
{
    const ngx_agent_client_cert_drop_t  *drop = data;

    if (!ngx_agent_header_named(h, &drop->name)) {
        return 0;
    }

    return drop->exact
           || ngx_strlchr(h->key.data, h->key.data + h->key.len, '_') != NULL;
}


/*
 * Who is at the other end of the connection: the system is asked, as realip
 * puts the client's address into the connection.  Where it does not know
 * (QUIC) nobody is trusted.
 */

static ngx_uint_t
ngx_agent_client_cert_trusted(ngx_http_request_t *r, ngx_array_t *proxies)
{
    socklen_t       len;
    ngx_sockaddr_t  peer;

    ngx_memzero(&peer, sizeof(ngx_sockaddr_t));
    len = sizeof(ngx_sockaddr_t);

    if (getpeername(r->connection->fd, &peer.sockaddr, &len) == -1) {
        ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, ngx_socket_errno,
                       "agent_auth: getpeername() failed");
        return 0;
    }

    return ngx_cidr_match(&peer.sockaddr, proxies) == NGX_OK;
}


agent_reason_e
ngx_agent_client_cert_check(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, ngx_agent_record_t *rec, u_char *digest)
{
    if (conf->client_cert == NULL
        || !ngx_agent_client_cert_trusted(r, conf->client_cert))
    {
        return AGENT_NOT_EVALUATED;
    }

    /* a subrequest may be the first to need it */

    ngx_agent_client_cert_find(r, rec);

    if (rec->certs == 0) {
        return AGENT_BINDING_MISSING;
    }

    if (rec->certs > 1) {
        ngx_agent_client_cert_warn(r, rec, "several fields");
        return AGENT_BINDING_MISMATCH;
    }

    return ngx_agent_client_cert_digest(r, rec, digest);
}


static agent_reason_e
ngx_agent_client_cert_digest(ngx_http_request_t *r,
    const ngx_agent_record_t *rec, u_char *digest)
{
    char          err[AGENT_ERROR_LEN];
    u_char       *buf;
    agent_str_t   der;

    buf = ngx_pnalloc(r->pool, agent_client_cert_room(rec->cert.len) + 1);
    if (buf == NULL) {
        return AGENT_INTERNAL_ERROR;
    }

    if (agent_client_cert_parse(&rec->cert, buf, &der, err) != 0) {
        ngx_agent_client_cert_warn(r, rec, err);
        return AGENT_BINDING_MISMATCH;
    }

    return agent_certificate_thumbprint(&der, digest) == 0
           ? AGENT_OK : AGENT_BINDING_MISMATCH;
}


/* a fault of a proxy that is ours, and so worth a line, but not thousands */

static void
ngx_agent_client_cert_warn(ngx_http_request_t *r,
    const ngx_agent_record_t *rec, const char *text)
{
    const ngx_agent_token_t  *token;

    token = rec->token;

    if (token == NULL
        || !ngx_agent_token_zone_warn(token->zone, token->provider,
                                      NGX_AGENT_WARN_CLIENT_CERT))
    {
        return;
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "agent_auth: field \"Client-Cert\" of a proxy that is "
                  "trusted is of no use: %s", text);
}
