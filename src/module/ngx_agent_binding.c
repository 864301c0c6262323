
/*
 * Tokens that only one client may use: it shows that it has the key or the
 * certificate that the token is bound to (RFC 9449, RFC 8705).
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "agent_resource.h"
#include "ngx_agent_module.h"
#include "ngx_agent_proof.h"

#include <openssl/crypto.h>


static agent_reason_e ngx_agent_binding_dpop(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, ngx_agent_record_t *rec,
    const agent_claims_t *claims);
static ngx_int_t ngx_agent_binding_field(ngx_http_request_t *r,
    agent_str_t *value);
static agent_reason_e ngx_agent_binding_proof(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, ngx_agent_record_t *rec,
    const agent_claims_t *claims, const agent_str_t *value);
static agent_reason_e ngx_agent_binding_mtls(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, ngx_agent_record_t *rec,
    const agent_claims_t *claims);
static agent_reason_e ngx_agent_binding_tls(ngx_http_request_t *r,
    u_char *digest);


/* agent_binding off | optional | required [mtls] [dpop] */

char *
ngx_agent_conf_binding(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_agent_loc_conf_t  *alcf = conf;

    ngx_str_t             *value;
    ngx_uint_t             i, bit;

    if (alcf->binding != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0 && cf->args->nelts == 2) {
        alcf->binding = NGX_AGENT_BINDING_OFF;
        return NGX_CONF_OK;
    }

    alcf->binding_line = cf->conf_file->line;

    if (ngx_strcmp(value[1].data, "optional") == 0) {
        alcf->binding = NGX_AGENT_BINDING_OPTIONAL;

    } else if (ngx_strcmp(value[1].data, "required") == 0) {
        alcf->binding = NGX_AGENT_BINDING_REQUIRED;

    } else {
        i = 1;
        goto invalid;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        bit = (ngx_strcmp(value[i].data, "mtls") == 0) ? AGENT_BOUND_MTLS
              : (ngx_strcmp(value[i].data, "dpop") == 0) ? AGENT_BOUND_DPOP
              : 0;

        if (bit == 0 || (alcf->bindings & bit)) {
            goto invalid;
        }

        alcf->bindings |= bit;
    }

    return NGX_CONF_OK;

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"agent_binding\"",
                       &value[i]);
    return NGX_CONF_ERROR;
}


ngx_int_t
ngx_agent_binding_init(ngx_conf_t *cf, ngx_agent_main_conf_t *amcf,
    ngx_agent_loc_conf_t *conf)
{
    char              err[AGENT_ERROR_LEN];
    agent_str_t       uri;
    agent_resource_t  parts;

    /* what is inherited is the directive, not what became of it here */

    conf->takes = conf->bindings ? conf->bindings
                                 : AGENT_BOUND_MTLS|AGENT_BOUND_DPOP;

    if (conf->binding == NGX_AGENT_BINDING_OFF) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "agent_auth: \"agent_binding off\": whoever has got hold "
                      "of a bound token may use it, for \"agent_auth\" in "
                      "%V:%ui", &conf->conf_file, conf->conf_line);
        conf->dpop = 1;
        return NGX_OK;
    }

    /* what a proof is for is the resource, whatever the client calls it */

    if (conf->resource) {
        ngx_agent_view(&uri, &conf->resource->uri);

        if (agent_resource_parse(&uri, &parts, err) != 0) {
            return NGX_ERROR;
        }

        conf->origin = parts.origin;
        conf->proofs = amcf->proof_zone;
        conf->dpop = (conf->takes & AGENT_BOUND_DPOP) != 0;

        return NGX_OK;
    }

    if (conf->takes == AGENT_BOUND_DPOP) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"agent_binding\" with \"dpop\" needs "
                      "\"agent_resource\", with which proofs are compared, "
                      "for \"agent_auth\" in %V:%ui", &conf->conf_file,
                      conf->conf_line);
        return NGX_ERROR;
    }

    /* a subrequest may bring a proof to where there is no zone for it */

    conf->takes &= ~(ngx_uint_t) AGENT_BOUND_DPOP;

    return NGX_OK;
}


agent_reason_e
ngx_agent_binding_check(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, ngx_agent_record_t *rec,
    const agent_claims_t *claims)
{
    agent_reason_e  reason;

    if (conf->binding == NGX_AGENT_BINDING_OFF) {
        return AGENT_OK;
    }

    if (claims->bound == 0) {

        /* D-16: the scheme says that there is a binding, the token does not */

        return (rec->dpop || conf->binding == NGX_AGENT_BINDING_REQUIRED)
               ? AGENT_BINDING_MISSING : AGENT_OK;
    }

    /* what nobody here understands is not proved: RFC 7800, 3.1 */

    if (claims->bound & AGENT_BOUND_UNKNOWN) {
        return AGENT_BINDING_MISMATCH;
    }

    if ((claims->bound & conf->takes) != claims->bound) {
        return AGENT_BINDING_MISSING;
    }

    reason = AGENT_OK;

    /* RFC 9449, 7.2: with "Bearer" it is refused, the other way round, too */

    if ((claims->bound & AGENT_BOUND_DPOP) || rec->dpop) {
        reason = ngx_agent_binding_dpop(r->main, conf, rec, claims);
    }

    if (reason == AGENT_OK && (claims->bound & AGENT_BOUND_MTLS)) {
        reason = ngx_agent_binding_mtls(r->main, conf, rec, claims);
    }

    return reason;
}


static agent_reason_e
ngx_agent_binding_dpop(ngx_http_request_t *r, const ngx_agent_loc_conf_t *conf,
    ngx_agent_record_t *rec, const agent_claims_t *claims)
{
    agent_str_t     value;
    agent_reason_e  reason;

    if (!(claims->bound & AGENT_BOUND_DPOP) || !rec->dpop) {
        return AGENT_BINDING_MISSING;
    }

    /*
     * A request enters several locations with one proof, which is not new to
     * the second.  What it was found to be holds for the same token and
     * resource, and where whoever vouches for the token names the same key.
     */

    if (rec->proof_for && rec->proof_for == conf->origin.data
        && rec->proof_of == rec->value.data
        && ngx_memcmp(rec->proof_key, claims->jkt, AGENT_THUMBPRINT_LEN) == 0)
    {
        reason = rec->proof;

    } else {
        reason = AGENT_DPOP_INVALID;

        if (ngx_agent_binding_field(r, &value) == NGX_OK) {
            reason = ngx_agent_binding_proof(r, conf, rec, claims, &value);
        }

        rec->proof = reason;
        rec->proof_for = conf->origin.data;
        rec->proof_of = rec->value.data;
        rec->proof_key = claims->jkt;
    }

    if (reason == AGENT_OK) {
        rec->binding |= AGENT_BOUND_DPOP;
    }

    return reason;
}


/* the one DPoP field: RFC 9449, 4.3, 1 */

static ngx_int_t
ngx_agent_binding_field(ngx_http_request_t *r, agent_str_t *value)
{
    ngx_uint_t        i, n;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    n = 0;

    for (part = &r->headers_in.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == 4
                && ngx_strncasecmp(h[i].key.data, (u_char *) "dpop", 4) == 0)
            {
                ngx_agent_view(value, &h[i].value);
                n++;
            }
        }
    }

    return n == 1 ? NGX_OK : NGX_ERROR;
}


static agent_reason_e
ngx_agent_binding_proof(ngx_http_request_t *r,
    const ngx_agent_loc_conf_t *conf, ngx_agent_record_t *rec,
    const agent_claims_t *claims, const agent_str_t *value)
{
    u_char                 *p, *last;
    agent_dpop_expected_t   expected;

    ngx_memzero(&expected, sizeof(expected));

    /* the client's: a redirect changes r->method_name */

    p = r->request_line.data;
    last = p + r->request_line.len;

    expected.method.data = p;

    while (p < last && *p != ' ') {
        p++;
    }

    expected.method.len = p - expected.method.data;

    ngx_agent_view(&expected.path, &r->unparsed_uri);

    expected.origin = conf->origin;
    expected.ath = ngx_agent_present_digest(rec);
    expected.jkt = claims->jkt;

    return ngx_agent_proof_check(conf->proofs, value, &expected, r->pool,
                                 r->connection->log);
}


/*
 * RFC 8705, 3: the certificate, whoever issued it.  Of a connection from a
 * trusted proxy that of TLS is the proxy's own.
 */

static agent_reason_e
ngx_agent_binding_mtls(ngx_http_request_t *r, const ngx_agent_loc_conf_t *conf,
    ngx_agent_record_t *rec, const agent_claims_t *claims)
{
    u_char          digest[EVP_MAX_MD_SIZE];
    agent_reason_e  reason;

    reason = ngx_agent_client_cert_check(r, conf, rec, digest);

    if (reason == AGENT_NOT_EVALUATED) {
        reason = ngx_agent_binding_tls(r, digest);
    }

    if (reason != AGENT_OK) {
        return reason;
    }

    if (CRYPTO_memcmp(digest, claims->x5t, AGENT_THUMBPRINT_LEN) != 0) {
        return AGENT_BINDING_MISMATCH;
    }

    rec->binding |= AGENT_BOUND_MTLS;

    return AGENT_OK;
}


/* digest: of EVP_MAX_MD_SIZE octets, AGENT_THUMBPRINT_LEN of which are set */

static agent_reason_e
ngx_agent_binding_tls(ngx_http_request_t *r, u_char *digest)
{
    int        rc;
    X509      *cert;
    unsigned   len;

    if (r->connection->ssl == NULL) {
        return AGENT_BINDING_MISSING;
    }

    cert = SSL_get_peer_certificate(r->connection->ssl->connection);

    if (cert == NULL) {
        return AGENT_BINDING_MISSING;
    }

    len = 0;
    rc = X509_digest(cert, EVP_sha256(), digest, &len);

    X509_free(cert);

    return (rc == 1 && len == AGENT_THUMBPRINT_LEN) ? AGENT_OK
                                                    : AGENT_INTERNAL_ERROR;
}


const agent_str_t *
ngx_agent_binding_name(const ngx_agent_record_t *rec)
{
    static const agent_str_t  names[] = {
        agent_string(""),
        agent_string("mtls"),
        agent_string("dpop"),
        agent_string("mtls dpop")
    };

    return &names[rec->binding & 3];
}
