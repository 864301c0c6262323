
/*
 * What audit lines of all classes share.
 */

#ifndef _AGENT_AUDIT_METADATA_H_INCLUDED_
#define _AGENT_AUDIT_METADATA_H_INCLUDED_


#include "agent_str.h"
#include "agent_version.h"


#define AGENT_AUDIT_IP_MAX   40     /* ip_t of OCSF */
#define AGENT_AUDIT_UID_MAX  256

#define AGENT_AUDIT_METADATA                                                  \
    "\"metadata\":{\"version\":\"1.8.0\","                                    \
    "\"product\":{\"name\":\"ngx_http_agent_auth_module\","                   \
    "\"vendor_name\":\"nginx agent auth\","                                   \
    "\"version\":\"" AGENT_VERSION "\"},"


/* whether text may be an address, for src_endpoint.ip */

static inline int
agent_audit_is_ip(const agent_str_t *text)
{
    uint8_t  c;

    c = text->len ? text->data[0] : 0;

    return text->len <= AGENT_AUDIT_IP_MAX
           && (c == ':' || (c >= '0' && c <= '9')
               || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'));
}


#endif /* _AGENT_AUDIT_METADATA_H_INCLUDED_ */
