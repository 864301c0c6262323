
/*
 * Chains of audit lines: one for each worker and file.  The master makes the
 * first seed of a file from the secret and forgets the secret; each worker
 * takes the seed that there is for its chain, and leaves the next one in its
 * place.  What agent_audit_chain.h says of keys is kept up here: no seed, key
 * or secret stays in memory for longer than it is the next one.
 */

#include "ngx_agent_audit_sink.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>


#define NGX_AGENT_AUDIT_INTERVAL      60000
#define NGX_AGENT_AUDIT_INTERVAL_MIN  1000
#define NGX_AGENT_AUDIT_INTERVAL_MAX  3600000
#define NGX_AGENT_AUDIT_EPOCH         1000
#define NGX_AGENT_AUDIT_EPOCH_MAX     1000000

/* of a key file: AGENT_PEPPERS_MAX lines of at most this many octets */

#define NGX_AGENT_AUDIT_KEY_LINE      2048


typedef struct {
    agent_pepper_t  peppers[AGENT_PEPPERS_MAX];
    u_char          text[AGENT_PEPPERS_MAX * NGX_AGENT_AUDIT_KEY_LINE];
} ngx_agent_audit_secret_t;


static ngx_int_t ngx_agent_audit_chain_param(ngx_conf_t *cf,
    ngx_agent_audit_chain_conf_t *chain, ngx_str_t *value);
static ngx_int_t ngx_agent_audit_secret(
    const ngx_agent_audit_chain_conf_t *chain,
    ngx_agent_audit_secret_t *secret, ngx_log_t *log);
static ngx_int_t ngx_agent_audit_secret_read(
    const ngx_agent_audit_chain_conf_t *chain, u_char *buf, size_t *len,
    ngx_log_t *log);
static ngx_int_t ngx_agent_audit_seed_renew(ngx_agent_audit_sink_t *sink,
    const agent_pepper_t *pepper, const u_char *mark);
static ngx_int_t ngx_agent_audit_seed_claim(ngx_agent_audit_sink_t *sink,
    agent_audit_chain_t *chain);
static void ngx_agent_audit_chain_fail(ngx_agent_audit_sink_t *sink);
static ngx_int_t ngx_agent_audit_chain_put(ngx_agent_audit_sink_t *sink,
    agent_audit_record_t *rec, ngx_uint_t prev);
static void ngx_agent_audit_chain_event(agent_audit_record_t *rec,
    agent_audit_record_e event);


char *
ngx_agent_audit_chain(ngx_conf_t *cf)
{
    ngx_str_t                     *value;
    ngx_int_t                      rc;
    ngx_uint_t                     i;
    agent_gmac_t                  *gmac;
    ngx_agent_audit_conf_t        *conf;
    ngx_agent_audit_secret_t       secret;
    ngx_agent_audit_chain_conf_t  *chain;

    conf = (ngx_agent_audit_conf_t *)
               ngx_get_conf(cf->cycle->conf_ctx, ngx_agent_audit_module);

    chain = &conf->chain;

    if (chain->set) {
        return "is duplicate";
    }

    chain->set = 1;
    chain->interval = NGX_AGENT_AUDIT_INTERVAL;
    chain->lines = NGX_AGENT_AUDIT_EPOCH;

    if (ngx_agent_audit_place(cf, &chain->place) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        return (cf->args->nelts == 2) ? NGX_CONF_OK
                                      : "has \"off\" beside other values";
    }

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_agent_audit_chain_param(cf, chain, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (chain->key_file.len == 0) {
        return "has no \"key_file\"";
    }

    /* each worker makes its own, this one only tells whether it can */

    gmac = agent_gmac_create();

    if (gmac == NULL) {
        return "needs AES-256, which OpenSSL does not have here";
    }

    agent_gmac_free(gmac);

    rc = ngx_agent_audit_secret(chain, &secret, cf->log);

    OPENSSL_cleanse(&secret, sizeof(secret));

    return (rc == NGX_OK) ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_int_t
ngx_agent_audit_chain_param(ngx_conf_t *cf, ngx_agent_audit_chain_conf_t *chain,
    ngx_str_t *value)
{
    ngx_int_t  n;
    ngx_str_t  s;

    if (ngx_strncmp(value->data, "key_file=", 9) == 0 && value->len > 9) {

        chain->key_file.data = value->data + 9;
        chain->key_file.len = value->len - 9;

        return ngx_conf_full_name(cf->cycle, &chain->key_file, 1);
    }

    if (ngx_strncmp(value->data, "checkpoint=", 11) == 0) {

        s.data = value->data + 11;
        s.len = value->len - 11;

        n = ngx_parse_time(&s, 0);

        if (n >= NGX_AGENT_AUDIT_INTERVAL_MIN
            && n <= NGX_AGENT_AUDIT_INTERVAL_MAX)
        {
            chain->interval = n;
            return NGX_OK;
        }

    } else if (ngx_strncmp(value->data, "lines=", 6) == 0) {

        n = ngx_atoi(value->data + 6, value->len - 6);

        if (n > 0 && n <= NGX_AGENT_AUDIT_EPOCH_MAX) {
            chain->lines = n;
            return NGX_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"agent_audit_chain\"",
                       value);

    return NGX_ERROR;
}


/* reads the key file; the caller cleanses secret in either case */

static ngx_int_t
ngx_agent_audit_secret(const ngx_agent_audit_chain_conf_t *chain,
    ngx_agent_audit_secret_t *secret, ngx_log_t *log)
{
    char         err[AGENT_ERROR_LEN];
    size_t       n;
    uint64_t     line;
    agent_str_t  text;

    text.data = secret->text;
    text.len = sizeof(secret->text);

    if (ngx_agent_audit_secret_read(chain, secret->text, &text.len, log)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (agent_pepper_parse(&text, "key", secret->peppers, &n, &line, err)
        != 0)
    {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "\"agent_audit_chain\" %V:%uL: %s in %V:%ui",
                      &chain->key_file, line, err, &chain->place.file,
                      chain->place.line);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* *len: the room in buf, then what was read */

static ngx_int_t
ngx_agent_audit_secret_read(const ngx_agent_audit_chain_conf_t *chain,
    u_char *buf, size_t *len, ngx_log_t *log)
{
    char             *fault;
    u_char            text[256], *last;
    ssize_t           n;
    ngx_fd_t          fd;
    ngx_err_t         err;
    ngx_file_info_t   fi;

    n = -1;
    err = 0;
    fault = "cannot be read";

    fd = ngx_open_file(chain->key_file.data, NGX_FILE_RDONLY,
                       NGX_FILE_OPEN|NGX_FILE_NONBLOCK, 0);

    if (fd == NGX_INVALID_FILE || ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        err = ngx_errno;
        goto failed;
    }

    /* workers are not to read it, nor is whoever reads logs */

    if (!ngx_is_file(&fi) || (fi.st_mode & (S_IRWXG|S_IRWXO))) {
        fault = "is not a file that is its owner's alone, do \"chmod 600\" "
                "and make a new key";
        goto failed;
    }

    n = ngx_read_fd(fd, buf, *len);

    if (n == -1) {
        err = ngx_errno;
        goto failed;
    }

    if ((size_t) n == *len) {
        fault = "is too long";
        goto failed;
    }

    (void) ngx_close_file(fd);

    *len = n;

    return NGX_OK;

failed:

    if (fd != NGX_INVALID_FILE) {
        (void) ngx_close_file(fd);
    }

    /* the place comes last, as in other errors of a configuration */

    last = text;

    if (err) {
        last = ngx_slprintf(text, text + sizeof(text), " (%d: ", err);
        last = ngx_strerror(err, last, text + sizeof(text) - last);
        last = ngx_slprintf(last, text + sizeof(text), ")");
    }

    ngx_log_error(NGX_LOG_EMERG, log, 0,
                  "\"agent_audit_chain\" key file \"%V\" %s%*s in %V:%ui",
                  &chain->key_file, fault, (size_t) (last - text), text,
                  &chain->place.file, chain->place.line);

    return NGX_ERROR;
}


ngx_int_t
ngx_agent_audit_chain_seed(ngx_agent_audit_sink_t *sink)
{
    u_char                     mark[8];
    ngx_int_t                  rc;
    agent_pepper_t            *pepper;
    ngx_agent_audit_conf_t    *conf;
    ngx_agent_audit_state_t   *state;
    ngx_agent_audit_secret_t   secret;

    conf = sink->conf;
    state = sink->state;

    if (conf->chain.key_file.len == 0) {
        return NGX_OK;
    }

    rc = ngx_agent_audit_secret(&conf->chain, &secret, conf->cycle->log);

    if (rc != NGX_OK) {
        goto done;
    }

    /* the first is for new chains, the others are for those who verify */

    pepper = &secret.peppers[0];

    agent_audit_secret_mark(mark, &pepper->key);

    sink->first = state->chains;

    if (state->kid_len == pepper->id_len
        && ngx_memcmp(state->kid, pepper->id, pepper->id_len) == 0
        && ngx_memcmp(state->mark, mark, sizeof(mark)) == 0)
    {
        goto done;
    }

    rc = ngx_agent_audit_seed_renew(sink, pepper, mark);

done:

    OPENSSL_cleanse(&secret, sizeof(secret));

    return rc;
}


/*
 * Another secret.  Workers of before may begin a chain right now, hence the
 * mutex; none of the seeds that they would have had next is left.
 */

static ngx_int_t
ngx_agent_audit_seed_renew(ngx_agent_audit_sink_t *sink,
    const agent_pepper_t *pepper, const u_char *mark)
{
    u_char                    boot[AGENT_AUDIT_BOOT_LEN];
    ngx_slab_pool_t          *shpool;
    ngx_agent_audit_conf_t   *conf;
    ngx_agent_audit_state_t  *state;

    conf = sink->conf;
    state = sink->state;

    if (RAND_bytes(boot, AGENT_AUDIT_BOOT_LEN) != 1) {
        ngx_log_error(NGX_LOG_EMERG, conf->cycle->log, 0,
                      "no random octets for \"agent_audit_chain\" in %V:%ui",
                      &conf->chain.place.file, conf->chain.place.line);
        return NGX_ERROR;
    }

    shpool = (ngx_slab_pool_t *) conf->shm_zone->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);

    OPENSSL_cleanse(state->seed, sizeof(state->seed));

    ngx_memcpy(state->boot, boot, AGENT_AUDIT_BOOT_LEN);
    agent_audit_seed(state->seed[0], &pepper->key, boot);

    state->chains = 0;
    sink->first = 0;

    ngx_memcpy(state->mark, mark, sizeof(state->mark));
    ngx_memcpy(state->kid, pepper->id, pepper->id_len);
    state->kid_len = pepper->id_len;

    ngx_shmtx_unlock(&shpool->mutex);

    return NGX_OK;
}


void
ngx_agent_audit_chain_begin(ngx_agent_audit_sink_t *sink)
{
    ngx_uint_t               n, first;
    ngx_core_conf_t         *ccf;
    agent_audit_chain_t     *chain;
    agent_audit_record_t     rec;
    ngx_agent_audit_slot_t  *slot;

    if (sink->conf->chain.key_file.len == 0) {
        return;
    }

    chain = ngx_pcalloc(sink->conf->cycle->pool, sizeof(agent_audit_chain_t));

    n = sink->state->chains;
    first = sink->first;

    if (chain == NULL || ngx_agent_audit_seed_claim(sink, chain) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "agent_auth: no chain could be begun for audit log "
                      "\"%V\"", &sink->name);
        return;
    }

    slot = sink->slot;

    ngx_memcpy(slot->uid, chain->uid, chain->uid_len);
    slot->seq = 0;

    ngx_agent_audit_settled();
    slot->uid_len = chain->uid_len;

    sink->chain = chain;
    sink->since = 0;
    sink->checked = ngx_current_msec;

    ngx_agent_audit_chain_event(&rec, AGENT_AUDIT_START);

    ccf = (ngx_core_conf_t *) ngx_get_conf(sink->conf->cycle->conf_ctx,
                                           ngx_core_module);

    if (ccf->master && n >= first + (ngx_uint_t) ccf->worker_processes) {
        agent_str_set(&rec.cause, "respawn");

    } else if (sink->conf->reload) {
        agent_str_set(&rec.cause, "reload");

    } else {
        agent_str_set(&rec.cause, "start");
    }

    rec.interval = sink->conf->chain.interval;

    (void) ngx_agent_audit_chain_put(sink, &rec, 0);
}


/*
 * Under the mutex of the zone, while the worker starts.  The next seed is there
 * before this one goes: who is killed at this leaves a seed in either case.
 * Whoever takes it over then has the same keys and numbers, and no line has
 * been written with them: none is before this returns.
 */

static ngx_int_t
ngx_agent_audit_seed_claim(ngx_agent_audit_sink_t *sink,
    agent_audit_chain_t *chain)
{
    u_char                    seed[AGENT_SHA256_LEN];
    uint32_t                  n;
    ngx_int_t                 rc;
    agent_str_t               kid;
    agent_gmac_t             *gmac;
    ngx_slab_pool_t          *shpool;
    ngx_agent_audit_state_t  *state;

    gmac = agent_gmac_create();
    if (gmac == NULL) {
        return NGX_ERROR;
    }

    state = sink->state;
    shpool = (ngx_slab_pool_t *) sink->conf->shm_zone->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);

    n = state->chains;

    kid.data = state->kid;
    kid.len = state->kid_len;

    if (kid.len == 0 || kid.len > AGENT_PEPPER_ID_MAX) {
        ngx_shmtx_unlock(&shpool->mutex);
        agent_gmac_free(gmac);
        return NGX_ERROR;
    }

    ngx_memcpy(seed, state->seed[n & 1], sizeof(seed));

    rc = agent_audit_chain_begin(chain, gmac, seed, state->boot, n, &kid);

    if (rc == 0) {
        agent_audit_seed_next(seed);
        ngx_memcpy(state->seed[(n + 1) & 1], seed, sizeof(seed));

        ngx_agent_audit_settled();
        state->chains = n + 1;

        ngx_agent_audit_settled();
        OPENSSL_cleanse(state->seed[n & 1], sizeof(seed));
    }

    ngx_shmtx_unlock(&shpool->mutex);

    OPENSSL_cleanse(seed, sizeof(seed));

    if (rc != 0) {
        agent_audit_chain_end(chain);
        return NGX_ERROR;
    }

    return NGX_OK;
}


size_t
ngx_agent_audit_chain_line(ngx_agent_audit_sink_t *sink, size_t len,
    ngx_uint_t prev)
{
    size_t  size;

    size = agent_audit_chain_add(sink->chain, sink->last, len,
                                 (unsigned) prev);

    if (size == 0) {
        ngx_agent_audit_chain_fail(sink);
        return len;
    }

    sink->since++;

    return size;
}


/*
 * No MAC can be had, or none that gives no key away.  Lines are written all the
 * same, and the verifier says that they are in no chain.
 */

static void
ngx_agent_audit_chain_fail(ngx_agent_audit_sink_t *sink)
{
    agent_audit_chain_end(sink->chain);

    sink->chain = NULL;

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "agent_auth: the chain of audit log \"%V\" cannot go on, "
                  "lines of this worker are in no chain", &sink->name);
}


void
ngx_agent_audit_chain_check(ngx_agent_audit_sink_t *sink)
{
    agent_audit_record_t                 rec;
    const ngx_agent_audit_chain_conf_t  *conf;

    conf = &sink->conf->chain;

    if (sink->chain == NULL
        || (sink->since < conf->lines
            && ngx_current_msec - sink->checked < conf->interval))
    {
        return;
    }

    ngx_agent_audit_chain_event(&rec, AGENT_AUDIT_CHECKPOINT);

    /* where there is no room it is tried again with the next line */

    if (ngx_agent_audit_chain_put(sink, &rec, 1) != NGX_OK
        || sink->chain == NULL)
    {
        return;
    }

    sink->since = 0;
    sink->checked = ngx_current_msec;

    if (agent_audit_chain_epoch(sink->chain) != 0) {
        ngx_agent_audit_chain_fail(sink);
    }
}


ngx_int_t
ngx_agent_audit_chain_record(ngx_agent_audit_sink_t *sink,
    agent_audit_record_t *rec)
{
    return sink->chain ? ngx_agent_audit_chain_put(sink, rec, 0) : NGX_OK;
}


/* where the buffer is full it is written once; no line is counted as lost */

static ngx_int_t
ngx_agent_audit_chain_put(ngx_agent_audit_sink_t *sink,
    agent_audit_record_t *rec, ngx_uint_t prev)
{
    size_t  len;

    if (sink->end - sink->last < AGENT_AUDIT_LINE_MAX
        && !ngx_agent_audit_waits(sink))
    {
        (void) ngx_agent_audit_file_drain(sink);
        ngx_agent_audit_compact(sink);
    }

    if (sink->end - sink->last < AGENT_AUDIT_LINE_MAX) {
        return NGX_AGAIN;
    }

    len = ngx_agent_audit_record(sink, sink->last, rec);
    len = ngx_agent_audit_chain_line(sink, len, prev);

    sink->last += len;

    ngx_agent_audit_publish(sink);

    if (sink->chain) {
        ngx_agent_audit_settled();
        sink->slot->seq = sink->chain->seq;
    }

    if (sink->file && !sink->event.timer_set) {
        ngx_add_timer(&sink->event, sink->flush);
    }

    return NGX_OK;
}


static void
ngx_agent_audit_chain_event(agent_audit_record_t *rec,
    agent_audit_record_e event)
{
    ngx_memzero(rec, sizeof(agent_audit_record_t));

    rec->event = event;
}


/*
 * The first line of the new file has the MAC of the last one of the old file,
 * so that each can be verified alone.
 */

void
ngx_agent_audit_chain_reopen(ngx_agent_audit_sink_t *sink)
{
    agent_audit_record_t  rec;

    /* a process that ends reopens nothing, its files are only flushed */

    if (sink->chain == NULL || ngx_exiting || ngx_terminate || ngx_quit
        || sink->end - sink->last < AGENT_AUDIT_LINE_MAX)
    {
        return;
    }

    ngx_agent_audit_chain_event(&rec, AGENT_AUDIT_REOPEN);

    (void) ngx_agent_audit_chain_put(sink, &rec, 1);
}


void
ngx_agent_audit_chain_end(ngx_agent_audit_sink_t *sink)
{
    agent_audit_record_t  rec;

    if (sink->chain == NULL) {
        return;
    }

    ngx_agent_audit_chain_event(&rec, AGENT_AUDIT_STOP);

    (void) ngx_agent_audit_chain_put(sink, &rec, 1);

    if (sink->chain) {
        agent_audit_chain_end(sink->chain);
        sink->chain = NULL;
    }
}
