
/*
 * Whether something that is in force speaks against a credential, asked for
 * each decision.
 */

#include "ngx_agent_revocation_zone.h"


/* how often a decision begins anew because entries were used again, or waits
 * for who is writing */

#define NGX_AGENT_REVOCATION_TRIES  8

/* octets that are read of a line first */

#define NGX_AGENT_REVOCATION_PIECE  1024


/* the table, in a state that holds all that is in force */

typedef struct {
    uint64_t                       version;
    uint64_t                       applied;
    int64_t                        now;
    ngx_uint_t                     over;    /* something was, by the clock */
    const ngx_agent_revocation_table_t *table;
} ngx_agent_revocation_view_t;


static ngx_int_t ngx_agent_revocation_view(
    const ngx_agent_revocation_zone_t *zone,
    ngx_agent_revocation_view_t *view);
static ngx_uint_t ngx_agent_revocation_viewed(
    const ngx_agent_revocation_view_t *view);
static ngx_uint_t ngx_agent_revocation_claims(
    ngx_agent_revocation_view_t *view,
    const ngx_agent_revocation_token_t *token);
static ngx_uint_t ngx_agent_revocation_hit(
    ngx_agent_revocation_view_t *view, agent_revocation_kind_e kind,
    uint64_t issuer, const u_char *value, size_t len, int64_t issued);
static agent_reason_e ngx_agent_revocation_key_state(
    ngx_agent_revocation_view_t *view, const agent_str_t *id,
    const agent_str_t *agent);
static void ngx_agent_revocation_state(const ngx_agent_revocation_entry_t *e,
    agent_revocation_kind_e kind, ngx_agent_revocation_state_t *state);
static ngx_uint_t ngx_agent_revocation_live(
    const ngx_agent_revocation_zone_t *zone, const agent_revocation_t *rev);


#define ngx_agent_revocation_has(sh, kind)                                    \
    ((sh)->kinds & ((uint64_t) 1 << (kind)))

/*
 * A verdict in the cache was good when so much of the file was in the table.
 * The product is another for each word, so that no other entry's number makes
 * up for it.
 */

#define ngx_agent_revocation_mark(view, seq)                                  \
    ((view)->applied * 0x9e3779b97f4a7c15 + (seq))


agent_reason_e
ngx_agent_revocation_token(const ngx_agent_revocation_zone_t *zone,
    const ngx_agent_revocation_token_t *token)
{
    ngx_uint_t                   tries, hit;
    ngx_agent_revocation_view_t  view;

    for (tries = 0; tries < NGX_AGENT_REVOCATION_TRIES; tries++) {

        if (ngx_agent_revocation_view(zone, &view) != NGX_OK) {
            return AGENT_TABLE_BUSY;
        }

        if (token->clean
            && __atomic_load_n(token->clean, __ATOMIC_RELAXED)
               == ngx_agent_revocation_mark(&view, token->seq))
        {
            return AGENT_OK;
        }

        hit = ngx_agent_revocation_claims(&view, token);

        if (!ngx_agent_revocation_viewed(&view)) {
            continue;
        }

        if (hit) {
            return AGENT_TOKEN_REVOKED;
        }

        /*
         * Whoever takes the entry's place has another number.  What is over
         * comes again for a clock that is set back: no mark tells of that.
         */

        if (token->clean && !view.over) {
            __atomic_store_n(token->clean,
                             ngx_agent_revocation_mark(&view, token->seq),
                             __ATOMIC_RELAXED);
        }

        return AGENT_OK;
    }

    return AGENT_TABLE_BUSY;
}


agent_reason_e
ngx_agent_revocation_key(const ngx_agent_revocation_zone_t *zone,
    const agent_str_t *id, const agent_str_t *agent)
{
    ngx_uint_t                   tries;
    agent_reason_e               reason;
    ngx_agent_revocation_view_t  view;

    for (tries = 0; tries < NGX_AGENT_REVOCATION_TRIES; tries++) {

        if (ngx_agent_revocation_view(zone, &view) != NGX_OK) {
            return AGENT_TABLE_BUSY;
        }

        reason = ngx_agent_revocation_key_state(&view, id, agent);

        if (ngx_agent_revocation_viewed(&view)) {
            return reason;
        }
    }

    return AGENT_TABLE_BUSY;
}


static ngx_int_t
ngx_agent_revocation_view(const ngx_agent_revocation_zone_t *zone,
    ngx_agent_revocation_view_t *view)
{
    uint64_t                          word;
    ngx_uint_t                        tries;
    const ngx_agent_revocation_sh_t  *sh;

    sh = zone->table.sh;

    for (tries = 0; tries < NGX_AGENT_REVOCATION_TRIES; tries++) {

        /* who publishes a word has put it into his table before */

        word = agent_revocation_file_word(&zone->process->file);

        view->version = ngx_agent_revocation_load(&sh->version);
        view->applied = ngx_agent_revocation_load(&sh->applied);

        if (view->applied >= word && (view->version & 1) == 0) {
            view->over = 0;
            view->table = &zone->table;
            view->now = ngx_agent_revocation_now();

            if (view->now >= zone->process->look) {
                ngx_agent_revocation_watch(zone);
            }

            return NGX_OK;
        }

        switch (ngx_agent_revocation_catch_up(zone)) {

        case NGX_OK:
        case NGX_BUSY:
            break;

        default:
            return NGX_ERROR;
        }
    }

    return NGX_BUSY;
}


/* no entry was used again since: what was not found is not there */

static ngx_uint_t
ngx_agent_revocation_viewed(const ngx_agent_revocation_view_t *view)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE);

    return ngx_agent_revocation_load(&view->table->sh->version)
           == view->version;
}


static ngx_uint_t
ngx_agent_revocation_claims(ngx_agent_revocation_view_t *view,
    const ngx_agent_revocation_token_t *token)
{
    int64_t                           issued;
    uint64_t                          kinds, hash;
    const agent_str_t                *issuer;
    const agent_claims_t             *claims;
    const ngx_agent_revocation_sh_t  *sh;

    sh = view->table->sh;
    kinds = ngx_agent_revocation_load(&sh->kinds);

    if (kinds == 0) {
        return 0;
    }

    claims = token->claims;
    issued = claims->issued;
    issuer = claims->issuer.len ? &claims->issuer : &token->issuer;

    hash = agent_revocation_issuer_hash(sh->secret, issuer);

#define ngx_agent_revocation_text(kind, by, text)                             \
    ((kinds & ((uint64_t) 1 << (kind))) && (text)->len                        \
     && ngx_agent_revocation_hit(view, kind, by, (text)->data, (text)->len,   \
                                 issued))

#define ngx_agent_revocation_octets(kind, octets, len)                        \
    ((kinds & ((uint64_t) 1 << (kind)))                                       \
     && ngx_agent_revocation_hit(view, kind, 0, (const u_char *) octets, len, \
                                 issued))

    return ngx_agent_revocation_octets(AGENT_REVOKED_TOKEN, token->digest,
                                       AGENT_SHA256_LEN)
           || ngx_agent_revocation_text(AGENT_REVOKED_JTI, hash,
                                        &claims->token_id)
           || ngx_agent_revocation_text(AGENT_REVOKED_SUBJECT, hash,
                                        &claims->subject)
           || ngx_agent_revocation_text(AGENT_REVOKED_CLIENT, hash,
                                        &claims->client_id)
           || ngx_agent_revocation_text(AGENT_REVOKED_AGENT, 0, token->agent)
           || ngx_agent_revocation_text(AGENT_REVOKED_ISSUER, 0, issuer)
           || ngx_agent_revocation_text(AGENT_REVOKED_KID, hash,
                                        &claims->key_id)
           || (claims->signer
               && ngx_agent_revocation_octets(AGENT_REVOKED_JWK,
                                              &claims->signer,
                                              sizeof(claims->signer)))
           || ((claims->bound & AGENT_BOUND_MTLS)
               && ngx_agent_revocation_octets(AGENT_REVOKED_CERTIFICATE,
                                              claims->x5t,
                                              AGENT_THUMBPRINT_LEN));
}


/* issued: AGENT_CLAIM_NONE where nobody knows, which is before any time */

static ngx_uint_t
ngx_agent_revocation_hit(ngx_agent_revocation_view_t *view,
    agent_revocation_kind_e kind, uint64_t issuer, const u_char *value,
    size_t len, int64_t issued)
{
    int64_t                        until, before_until;
    uint64_t                       hash;
    ngx_agent_revocation_entry_t  *e;

    hash = agent_revocation_hash(view->table->sh->secret, kind, issuer, value,
                                 len);

    e = ngx_agent_revocation_table_find(view->table, hash);

    if (e == NULL) {
        return 0;
    }

    until = ngx_agent_revocation_load(&e->until);

    if (issued < ngx_agent_revocation_load(&e->before)) {
        before_until = ngx_agent_revocation_load(&e->before_until);
        until = ngx_max(until, before_until);
    }

    if (until > view->now) {
        return 1;
    }

    if (until) {
        view->over = 1;
    }

    return 0;
}


static agent_reason_e
ngx_agent_revocation_key_state(ngx_agent_revocation_view_t *view,
    const agent_str_t *id, const agent_str_t *agent)
{
    uint64_t                          hash;
    const ngx_agent_revocation_sh_t  *sh;
    ngx_agent_revocation_entry_t     *e;

    sh = view->table->sh;

    if (ngx_agent_revocation_has(sh, AGENT_REVOKED_AGENT)
        && ngx_agent_revocation_hit(view, AGENT_REVOKED_AGENT, 0, agent->data,
                                    agent->len, AGENT_CLAIM_NONE))
    {
        return AGENT_KEY_REVOKED;
    }

    if (!ngx_agent_revocation_has(sh, AGENT_REVOKED_KEY)) {
        return AGENT_OK;
    }

    hash = agent_revocation_hash(sh->secret, AGENT_REVOKED_KEY, 0, id->data,
                                 id->len);

    e = ngx_agent_revocation_table_find(view->table, hash);

    if (e == NULL) {
        return AGENT_OK;
    }

    if (ngx_agent_revocation_load(&e->until) > view->now) {
        return AGENT_KEY_REVOKED;
    }

    return ngx_agent_revocation_load(&e->before_until) > view->now
           ? AGENT_KEY_SUSPENDED : AGENT_OK;
}


ngx_int_t
ngx_agent_revocation_find(const ngx_agent_revocation_zone_t *zone,
    const agent_revocation_t *rev, ngx_agent_revocation_state_t *state)
{
    uint64_t                       hash;
    ngx_uint_t                     tries;
    ngx_agent_revocation_view_t    view;
    ngx_agent_revocation_entry_t  *e;

    for (tries = 0; tries < NGX_AGENT_REVOCATION_TRIES; tries++) {

        ngx_memzero(state, sizeof(ngx_agent_revocation_state_t));

        if (ngx_agent_revocation_view(zone, &view) != NGX_OK) {
            return NGX_BUSY;
        }

        hash = agent_revocation_entry_hash(zone->table.sh->secret, rev);
        e = ngx_agent_revocation_table_find(view.table, hash);

        if (e) {
            ngx_agent_revocation_state(e, rev->kind, state);
        }

        if (ngx_agent_revocation_viewed(&view)) {
            return NGX_OK;
        }
    }

    return NGX_BUSY;
}


static void
ngx_agent_revocation_state(const ngx_agent_revocation_entry_t *e,
    agent_revocation_kind_e kind, ngx_agent_revocation_state_t *state)
{
    int64_t  now;

    now = ngx_agent_revocation_now();

    state->until = ngx_agent_revocation_load(&e->until);
    state->before = ngx_agent_revocation_load(&e->before);
    state->before_until = ngx_agent_revocation_load(&e->before_until);

    if (state->until <= now) {
        state->until = 0;
    }

    if (state->before_until <= now) {
        state->before = 0;
        state->before_until = 0;
    }

    if (kind == AGENT_REVOKED_KEY) {
        state->suspended_until = state->before_until;
        state->before = 0;
        state->before_until = 0;
    }
}


ngx_int_t
ngx_agent_revocation_cursor(const ngx_agent_revocation_zone_t *zone,
    uint64_t cursor)
{
    char                      err[AGENT_ERROR_LEN];
    u_char                    c;
    uint64_t                  word, size;
    agent_revocation_file_t  *file;

    file = &zone->process->file;
    word = agent_revocation_file_word(file);
    size = agent_revocation_size(cursor);

    if (size == 0
        || agent_revocation_epoch(cursor) != agent_revocation_epoch(word))
    {
        return NGX_OK;
    }

    if (cursor > word) {
        return NGX_DECLINED;
    }

    if (file->epoch != agent_revocation_epoch(word)
        && agent_revocation_file_follow(file, err) != 0)
    {
        return NGX_ERROR;
    }

    if (pread(file->fd, &c, 1, (off_t) size - 1) != 1) {
        return NGX_ERROR;
    }

    return c == LF ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_agent_revocation_next(const ngx_agent_revocation_zone_t *zone,
    uint64_t *cursor, u_char *buf, agent_revocation_t *rev, ngx_uint_t *live)
{
    int                         rc;
    char                        err[AGENT_ERROR_LEN];
    size_t                      len;
    uint64_t                    word, offset, from, to, size;
    const uint8_t              *line;
    agent_revocation_file_t    *file;
    agent_revocation_reader_t   reader;

    file = &zone->process->file;
    word = agent_revocation_file_word(file);

    if (*cursor == 0) {
        *cursor = agent_revocation_word(agent_revocation_epoch(word), 0);
    }

    if (agent_revocation_epoch(*cursor) != agent_revocation_epoch(word)) {
        return NGX_DECLINED;
    }

    if (*cursor >= word) {
        return NGX_DONE;
    }

    if (file->epoch != agent_revocation_epoch(word)
        && agent_revocation_file_follow(file, err) != 0)
    {
        return NGX_ERROR;
    }

    /* few lines are longer, and what follows is read again the next time */

    from = agent_revocation_size(*cursor);
    size = agent_revocation_size(word);
    to = ngx_min(size, from + NGX_AGENT_REVOCATION_PIECE);

    for ( ;; ) {
        agent_revocation_reader_init(&reader, file->fd, from, to,
                                     zone->process->buf);

        rc = agent_revocation_reader_next(&reader, &line, &len, &offset);

        if (rc != 0 || to == size) {
            break;
        }

        to = size;
    }

    if (rc != 1 || agent_revocation_parse(line, len, buf, rev, err) != 0) {
        return NGX_ERROR;
    }

    *cursor = agent_revocation_word(agent_revocation_epoch(word),
                                    reader.offset);
    *live = ngx_agent_revocation_live(zone, rev);

    return NGX_OK;
}


static ngx_uint_t
ngx_agent_revocation_live(const ngx_agent_revocation_zone_t *zone,
    const agent_revocation_t *rev)
{
    int64_t                       expires, now;
    ngx_agent_revocation_state_t  state;

    if (rev->op == AGENT_UNREVOKE || rev->op == AGENT_RESUME
        || ngx_agent_revocation_find(zone, rev, &state) != NGX_OK)
    {
        return 0;
    }

    now = ngx_agent_revocation_now();
    expires = (rev->expires == AGENT_REVOCATION_NONE) ? INT64_MAX
                                                      : rev->expires;

    if (expires <= now) {
        return 0;
    }

    if (rev->op == AGENT_SUSPEND) {
        return state.suspended_until >= expires;
    }

    if (rev->before == AGENT_REVOCATION_NONE) {
        return state.until >= expires;
    }

    return state.before >= rev->before && state.before_until >= expires;
}


void
ngx_agent_revocation_status(const ngx_agent_revocation_zone_t *zone,
    ngx_agent_revocation_status_t *status)
{
    int64_t                              now;
    uint64_t                             used;
    ngx_uint_t                           i;
    const ngx_agent_revocation_sh_t     *sh;
    const ngx_agent_revocation_entry_t  *e;

    sh = zone->table.sh;
    now = ngx_agent_revocation_now();

    ngx_memzero(status, sizeof(ngx_agent_revocation_status_t));

    used = ngx_min(ngx_agent_revocation_load(&sh->used),
                   zone->table.capacity);

    for (i = 0; i < used; i++) {

        e = &zone->table.entries[i];

        if (e->hash && e->kind < AGENT_REVOCATION_KINDS
            && (e->until > now || e->before_until > now))
        {
            status->kinds[e->kind]++;
        }
    }

    status->entries = used - ngx_min(used, sh->nfree);
    status->capacity = zone->table.capacity;
    status->submitted = ngx_agent_revocation_load(&sh->submitted);
    status->refused = ngx_agent_revocation_load(&sh->refused);
    status->failed = ngx_agent_revocation_load(&sh->failed);
    status->failed_at = (int64_t) ngx_agent_revocation_load(&sh->failed_at);
    status->size =
             agent_revocation_size(agent_revocation_file_word(
                                                       &zone->process->file));
    status->applied =
            agent_revocation_size(ngx_agent_revocation_load(&sh->applied));
    status->stuck = (ngx_uint_t) ngx_agent_revocation_load(&sh->stuck);
}
