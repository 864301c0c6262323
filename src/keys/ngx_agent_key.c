
#include "ngx_agent_key.h"
#include "agent_time.h"


static agent_reason_e ngx_agent_key_copy(const agent_keytab_t *tab,
    const agent_keytab_rec_t *rec, ngx_pool_t *pool,
    ngx_agent_key_identity_t *identity);
static u_char *ngx_agent_key_text(u_char *p, agent_str_t *dst,
    const agent_str_t *src);
static ngx_uint_t ngx_agent_key_in_networks(
    const ngx_agent_key_identity_t *identity, const struct sockaddr *sockaddr);


agent_reason_e
ngx_agent_key_lookup(const ngx_agent_key_zone_t *zone, agent_key_shape_e shape,
    const agent_key_t *key, const u_char *digest, ngx_pool_t *pool,
    ngx_agent_key_identity_t *identity)
{
    u_char              *base;
    uint64_t             g;
    ngx_uint_t           tries;
    agent_keytab_e       found;
    agent_keytab_t       tab;
    agent_reason_e       reason;
    agent_keytab_rec_t   rec;

    if (shape == AGENT_KEY_BAD_CHECK) {
        return AGENT_KEY_UNKNOWN;
    }

    for (tries = 0; tries < NGX_AGENT_GEN_RETRIES; tries++) {

        base = ngx_agent_gen_read(&zone->gen, &g);

        if (base == NULL) {
            return AGENT_INTERNAL_ERROR;
        }

        if (agent_keytab_open(&tab, base, zone->gen.size) != 0) {
            reason = AGENT_INTERNAL_ERROR;

        } else {
            found = (shape == AGENT_KEY_ISSUED)
                    ? agent_keytab_issued(&tab, key->id, key->secret, &rec)
                    : agent_keytab_imported(&tab, digest, &rec);

            switch (found) {

            case AGENT_KEYTAB_FOUND:
                reason = ngx_agent_key_copy(&tab, &rec, pool, identity);
                break;

            case AGENT_KEYTAB_ABSENT:
                reason = AGENT_KEY_UNKNOWN;
                break;

            default:
                reason = AGENT_INTERNAL_ERROR;
            }
        }

        /* whatever was read, it counts only if nobody wrote meanwhile */

        if (ngx_agent_gen_check(&zone->gen, g) == NGX_OK) {
            return reason;
        }
    }

    return AGENT_TABLE_BUSY;
}


agent_reason_e
ngx_agent_key_find(const ngx_agent_key_zone_t *zone, const agent_str_t *id,
    ngx_pool_t *pool, ngx_agent_key_identity_t *identity)
{
    u_char              *base;
    uint64_t             g;
    ngx_uint_t           tries;
    agent_keytab_t       tab;
    agent_keytab_e       found;
    agent_reason_e       reason;
    agent_keytab_rec_t   rec;

    for (tries = 0; tries < NGX_AGENT_GEN_RETRIES; tries++) {

        base = ngx_agent_gen_read(&zone->gen, &g);

        if (base == NULL) {
            return AGENT_INTERNAL_ERROR;
        }

        found = AGENT_KEYTAB_CORRUPT;

        if (agent_keytab_open(&tab, base, zone->gen.size) == 0) {
            found = agent_keytab_find(&tab, id, &rec);
        }

        reason = (found == AGENT_KEYTAB_FOUND)
                 ? ngx_agent_key_copy(&tab, &rec, pool, identity)
                 : (found == AGENT_KEYTAB_ABSENT) ? AGENT_KEY_UNKNOWN
                                                  : AGENT_INTERNAL_ERROR;

        if (ngx_agent_gen_check(&zone->gen, g) == NGX_OK) {
            return reason;
        }
    }

    return AGENT_TABLE_BUSY;
}


static agent_reason_e
ngx_agent_key_copy(const agent_keytab_t *tab, const agent_keytab_rec_t *rec,
    ngx_pool_t *pool, ngx_agent_key_identity_t *identity)
{
    u_char       *p;
    agent_str_t   id, agent, owner, scopes, services, networks, copied;

    if (agent_keytab_id(tab, rec, &id) != 0
        || agent_keytab_string(tab, rec->agent, &agent) != 0
        || agent_keytab_string(tab, rec->owner, &owner) != 0
        || agent_keytab_string(tab, rec->scopes, &scopes) != 0
        || agent_keytab_string(tab, rec->services, &services) != 0
        || agent_keytab_string(tab, rec->networks, &networks) != 0
        || networks.len % sizeof(agent_cidr_t) != 0)
    {
        return AGENT_INTERNAL_ERROR;
    }

    p = ngx_pnalloc(pool, id.len + agent.len + owner.len + scopes.len
                          + services.len + networks.len);
    if (p == NULL) {
        return AGENT_INTERNAL_ERROR;
    }

    p = ngx_agent_key_text(p, &identity->id, &id);
    p = ngx_agent_key_text(p, &identity->agent, &agent);
    p = ngx_agent_key_text(p, &identity->owner, &owner);
    p = ngx_agent_key_text(p, &identity->scopes, &scopes);
    p = ngx_agent_key_text(p, &identity->services, &services);
    (void) ngx_agent_key_text(p, &copied, &networks);

    identity->networks = (const agent_cidr_t *) copied.data;
    identity->nnetworks = copied.len / sizeof(agent_cidr_t);
    identity->not_before = rec->not_before;
    identity->expires = rec->expires;
    identity->state = rec->state;

    return AGENT_OK;
}


/* copies src to p, where dst will be; returns what follows */

static u_char *
ngx_agent_key_text(u_char *p, agent_str_t *dst, const agent_str_t *src)
{
    dst->len = src->len;
    dst->data = p;

    return src->len ? ngx_cpymem(p, src->data, src->len) : p;
}


agent_reason_e
ngx_agent_key_usable(const ngx_agent_key_identity_t *identity, time_t now,
    const struct sockaddr *sockaddr)
{
    switch (identity->state) {

    case AGENT_KEY_ACTIVE:
    case AGENT_KEY_DEPRECATED:
        break;

    case AGENT_KEY_PENDING:

        /* without a date it waits for somebody to activate it */

        if (identity->not_before == AGENT_TIME_NONE) {
            return AGENT_KEY_NOT_YET_VALID;
        }

        break;

    case AGENT_KEY_STATE_SUSPENDED:
        return AGENT_KEY_SUSPENDED;

    case AGENT_KEY_STATE_REVOKED:
        return AGENT_KEY_REVOKED;

    default:
        return AGENT_INTERNAL_ERROR;
    }

    if (now >= identity->expires) {
        return AGENT_KEY_EXPIRED;
    }

    if (identity->not_before != AGENT_TIME_NONE && now < identity->not_before)
    {
        return AGENT_KEY_NOT_YET_VALID;
    }

    if (identity->nnetworks && !ngx_agent_key_in_networks(identity, sockaddr))
    {
        return AGENT_KEY_NETWORK;
    }

    return AGENT_OK;
}


static ngx_uint_t
ngx_agent_key_in_networks(const ngx_agent_key_identity_t *identity,
    const struct sockaddr *sockaddr)
{
    size_t                len;
    ngx_uint_t            i;
    const u_char         *addr;
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    switch (sockaddr->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) sockaddr;
        addr = (const u_char *) &sin->sin_addr;
        len = 4;
        break;

#if (NGX_HAVE_INET6)

    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sockaddr;
        addr = sin6->sin6_addr.s6_addr;
        len = 16;
        break;

#endif

    default:
        return 0;
    }

    for (i = 0; i < identity->nnetworks; i++) {
        if (agent_cidr_match(&identity->networks[i], addr, len)) {
            return 1;
        }
    }

    return 0;
}
