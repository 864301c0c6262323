
/*
 * Verdicts on tokens that an operator does not want believed any more: all, or
 * those of a provider, a token or a subject.
 */

#ifndef _NGX_AGENT_FLUSH_H_INCLUDED_
#define _NGX_AGENT_FLUSH_H_INCLUDED_


#include "ngx_agent_token_zone.h"


/* how many flushes there were; a verdict notes it before it is asked for */

#define ngx_agent_flushes(zone)                                               \
    ((uint32_t) __atomic_load_n(&(zone)->sh->flushes, __ATOMIC_ACQUIRE))


/*
 * From now on nobody believes a verdict that was asked for before.  A few
 * others are asked for anew, too: those whose token or subject has the same
 * hash.  digest: SHA-256 of the token.
 */

void ngx_agent_flush_all(const ngx_agent_token_zone_t *zone);
void ngx_agent_flush_provider(const ngx_agent_token_zone_t *zone,
    const ngx_agent_provider_t *provider);
void ngx_agent_flush_token(const ngx_agent_token_zone_t *zone,
    const u_char *digest);
void ngx_agent_flush_subject(const ngx_agent_token_zone_t *zone,
    const agent_str_t *subject);


/*
 * Whether a verdict was flushed that was asked for when there had been so many
 * flushes.  subject: NULL where it is not known.
 */

ngx_uint_t ngx_agent_flushed(const ngx_agent_token_zone_t *zone,
    const ngx_agent_provider_t *provider, const u_char *digest,
    const agent_str_t *subject, uint32_t flushes);


#endif /* _NGX_AGENT_FLUSH_H_INCLUDED_ */
