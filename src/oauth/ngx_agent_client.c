
#include "ngx_agent_client.h"

#include <openssl/crypto.h>


#define NGX_AGENT_SECRET_MAX     4096

/* what is read of a file: an octet too many tells that there is too much */

#define NGX_AGENT_CLIENT_BUFFER  (AGENT_ASSERTION_KEY_MAX + 1)


static const char *ngx_agent_client_lacks(
    const ngx_agent_provider_t *provider);
static void ngx_agent_client_open(ngx_conf_t *cf, const char *name,
    const ngx_str_t *file);
static const ngx_str_t *ngx_agent_client_file(
    const ngx_agent_provider_t *provider, const char **name);
static void ngx_agent_client_cleanse(void *data);
static ngx_int_t ngx_agent_client_load(const ngx_agent_provider_t *provider,
    const ngx_str_t *file, u_char *buf, ngx_str_t *text,
    agent_assertion_key_t *key, char *err);
static ngx_int_t ngx_agent_client_read(const ngx_str_t *file, u_char *buf,
    size_t *len, char *err);
static ngx_int_t ngx_agent_client_secret(ngx_str_t *text, char *err);
static ngx_int_t ngx_agent_client_key(const ngx_agent_provider_t *provider,
    const ngx_str_t *text, agent_assertion_key_t *key, char *err);
static ngx_int_t ngx_agent_client_assertion(ngx_pool_t *pool,
    const ngx_agent_provider_t *provider, const ngx_str_t *pem,
    const agent_assertion_key_t *key, ngx_str_t *proof, char *err);
static ngx_int_t ngx_agent_client_copy(ngx_pool_t *pool, const u_char *data,
    size_t len, ngx_str_t *copy);


ngx_int_t
ngx_agent_client_conf(ngx_conf_t *cf, ngx_agent_provider_t *provider)
{
    char                    err[AGENT_ERROR_LEN];
    u_char                  buf[NGX_AGENT_CLIENT_BUFFER];
    ngx_int_t               rc;
    ngx_str_t               text;
    const char             *name;
    const ngx_str_t        *file;
    ngx_pool_cleanup_t     *cln;
    agent_assertion_key_t   key;

    name = ngx_agent_client_lacks(provider);

    if (name) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"agent_oauth_provider %V\" must have \"%s\" for "
                           "its \"client_auth\"", &provider->name, name);
        return NGX_ERROR;
    }

    if (provider->client_auth == NGX_AGENT_CLIENT_NONE) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "agent_auth: \"client_auth none\": provider \"%V\" "
                           "lets anybody probe tokens", &provider->name);
    }

    ngx_agent_client_open(cf, "client_secret_file",
                          &provider->client_secret_file);
    ngx_agent_client_open(cf, "client_key_file", &provider->client_key_file);

    file = ngx_agent_client_file(provider, &name);

    if (file == NULL) {
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_agent_client_cleanse;
    cln->data = &provider->secret;

    rc = ngx_agent_client_load(provider, file, buf, &text, &key, err);

    if (rc != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" of \"%s\" in "
                           "\"agent_oauth_provider\": %s", file, name, err);

    } else {
        provider->secret_key = key;
        rc = ngx_agent_client_copy(cf->pool, text.data, text.len,
                                   &provider->secret);
    }

    OPENSSL_cleanse(buf, sizeof(buf));

    return rc;
}


static const char *
ngx_agent_client_lacks(const ngx_agent_provider_t *provider)
{
    const ngx_uint_t  auth = provider->client_auth;

    if (provider->client_id.len == 0
        && auth != NGX_AGENT_CLIENT_BEARER
        && auth != NGX_AGENT_CLIENT_NONE)
    {
        return "client_id";
    }

    switch (auth) {

    case NGX_AGENT_CLIENT_BASIC:
    case NGX_AGENT_CLIENT_POST:
    case NGX_AGENT_CLIENT_BEARER:
        return provider->client_secret_file.len ? NULL : "client_secret_file";

    case NGX_AGENT_CLIENT_TLS:

        if (provider->client_certificate.len == 0) {
            return "client_certificate";
        }

        /* fall through */

    case NGX_AGENT_CLIENT_JWT:
        return provider->client_key_file.len ? NULL : "client_key_file";

    default:
        return NULL;
    }
}


/*
 * No reason to stop: a secret that is delivered into a container often is so,
 * and only what is in there could read it
 */

static void
ngx_agent_client_open(ngx_conf_t *cf, const char *name, const ngx_str_t *file)
{
    ngx_file_info_t  fi;

    if (file->len == 0
        || ngx_file_info(file->data, &fi) == NGX_FILE_ERROR
        || !ngx_is_file(&fi)
        || !(fi.st_mode & S_IROTH))
    {
        return;
    }

    ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                       "agent_auth: \"%s\" \"%V\" is readable by everyone, do "
                       "\"chmod o-rwx\" and make a new one", name, file);
}


/* the one that is read for each call, or NULL */

static const ngx_str_t *
ngx_agent_client_file(const ngx_agent_provider_t *provider, const char **name)
{
    switch (provider->client_auth) {

    case NGX_AGENT_CLIENT_BASIC:
    case NGX_AGENT_CLIENT_POST:
    case NGX_AGENT_CLIENT_BEARER:
        *name = "client_secret_file";
        return &provider->client_secret_file;

    case NGX_AGENT_CLIENT_JWT:
        *name = "client_key_file";
        return &provider->client_key_file;

    default:
        return NULL;
    }
}


static void
ngx_agent_client_cleanse(void *data)
{
    ngx_str_t  *secret = data;

    OPENSSL_cleanse(secret->data, secret->len);
}


ngx_int_t
ngx_agent_client_proof(ngx_pool_t *pool, const ngx_agent_token_zone_t *zone,
    const ngx_agent_provider_t *provider, ngx_str_t *proof, ngx_log_t *log)
{
    char                    err[AGENT_ERROR_LEN];
    u_char                  buf[NGX_AGENT_CLIENT_BUFFER];
    ngx_int_t               rc;
    ngx_str_t               text;
    const char             *name;
    const ngx_str_t        *file;
    agent_assertion_key_t   key;

    ngx_str_null(proof);

    file = ngx_agent_client_file(provider, &name);

    if (file == NULL) {
        return NGX_OK;
    }

    rc = ngx_agent_client_load(provider, file, buf, &text, &key, err);

    if (rc == NGX_OK) {
        rc = provider->client_auth == NGX_AGENT_CLIENT_JWT
             ? ngx_agent_client_assertion(pool, provider, &text, &key, proof,
                                          err)
             : ngx_agent_client_copy(pool, text.data, text.len, proof);
    }

    OPENSSL_cleanse(buf, sizeof(buf));

    if (rc != NGX_DECLINED && rc != NGX_ABORT) {
        return rc;
    }

    if (ngx_agent_token_zone_warn(zone, provider, rc == NGX_ABORT
                                                  ? NGX_AGENT_WARN_FILE
                                                  : NGX_AGENT_WARN_SECRET))
    {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "agent_auth: \"%s\" \"%V\" of provider \"%V\" is of no "
                      "use: %s", name, file, &provider->name, err);
    }

    return NGX_ERROR;
}


/*
 * What is in the file, or what the master read: in buf, or in the memory of
 * the configuration.  NGX_ABORT and NGX_DECLINED: the file cannot be read, or
 * what is in it cannot be used, err says why.
 */

static ngx_int_t
ngx_agent_client_load(const ngx_agent_provider_t *provider,
    const ngx_str_t *file, u_char *buf, ngx_str_t *text,
    agent_assertion_key_t *key, char *err)
{
    *key = provider->secret_key;

    text->data = buf;

    if (ngx_agent_client_read(file, buf, &text->len, err) != NGX_OK) {

        if (ngx_errno == NGX_EACCES && provider->secret.len) {
            *text = provider->secret;
            return NGX_OK;
        }

        return NGX_ABORT;
    }

    if (provider->client_auth == NGX_AGENT_CLIENT_JWT) {
        return ngx_agent_client_key(provider, text, key, err);
    }

    return ngx_agent_client_secret(text, err);
}


static ngx_int_t
ngx_agent_client_read(const ngx_str_t *file, u_char *buf, size_t *len,
    char *err)
{
    ssize_t    n;
    ngx_fd_t   fd;
    ngx_err_t  reason;

    *len = 0;

    fd = ngx_open_file(file->data, NGX_FILE_RDONLY,
                       NGX_FILE_OPEN|NGX_FILE_NONBLOCK, 0);

    if (fd == NGX_INVALID_FILE) {
        reason = ngx_errno;
        (void) agent_fail(err, "open() failed (%d: %s)", reason,
                          strerror(reason));
        ngx_set_errno(reason);
        return NGX_DECLINED;
    }

    n = ngx_read_fd(fd, buf, NGX_AGENT_CLIENT_BUFFER);
    reason = ngx_errno;

    (void) ngx_close_file(fd);

    if (n == -1) {
        (void) agent_fail(err, "read() failed (%d: %s)", reason,
                          strerror(reason));
        ngx_set_errno(reason);
        return NGX_DECLINED;
    }

    *len = n;

    return NGX_OK;
}


/* one line feed at the end is of the editor, not of the secret */

static ngx_int_t
ngx_agent_client_secret(ngx_str_t *text, char *err)
{
    size_t  i;

    if (text->len && text->data[text->len - 1] == LF) {
        text->len--;
    }

    if (text->len && text->data[text->len - 1] == CR) {
        text->len--;
    }

    if (text->len == 0 || text->len > NGX_AGENT_SECRET_MAX) {
        (void) agent_fail(err, "it must be 1 to %d octets",
                          NGX_AGENT_SECRET_MAX);
        return NGX_DECLINED;
    }

    /* a line break would begin another field of the request */

    for (i = 0; i < text->len; i++) {
        if (text->data[i] < 0x20 || text->data[i] == 0x7f) {
            (void) agent_fail(err, "it must have no control characters but a "
                              "line feed at its end");
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_agent_client_key(const ngx_agent_provider_t *provider,
    const ngx_str_t *text, agent_assertion_key_t *key, char *err)
{
    agent_str_t  pem;

    /* the one that was looked at when the configuration was loaded */

    if (text->len == provider->secret.len
        && CRYPTO_memcmp(text->data, provider->secret.data, text->len) == 0
        && text->len)
    {
        return NGX_OK;
    }

    pem.len = text->len;
    pem.data = text->data;

    return agent_assertion_key(&pem, key, err) == 0 ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_agent_client_assertion(ngx_pool_t *pool,
    const ngx_agent_provider_t *provider, const ngx_str_t *pem,
    const agent_assertion_key_t *key, ngx_str_t *proof, char *err)
{
    char               *text;
    ngx_int_t           rc;
    agent_assertion_t   assertion;

    assertion.pem.len = pem->len;
    assertion.pem.data = pem->data;
    assertion.alg = key->alg;

    /* words of the configuration end with a NUL */

    assertion.kid = (const char *) provider->client_key_id.data;

    if (assertion.kid && ngx_strcmp(assertion.kid, "thumbprint") == 0) {
        assertion.kid = key->thumbprint;
    }

    assertion.client_id = (const char *) provider->client_id.data;
    assertion.audience = (const char *) provider->issuer.data;

    text = agent_assertion_sign(&assertion, ngx_time());

    if (text == NULL) {
        (void) agent_fail(err, "no assertion could be signed");
        return NGX_DECLINED;
    }

    rc = ngx_agent_client_copy(pool, (u_char *) text, ngx_strlen(text), proof);

    agent_assertion_free(text);

    return rc;
}


static ngx_int_t
ngx_agent_client_copy(ngx_pool_t *pool, const u_char *data, size_t len,
    ngx_str_t *copy)
{
    copy->data = ngx_pnalloc(pool, len);
    if (copy->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(copy->data, data, len);
    copy->len = len;

    return NGX_OK;
}
