
/*
 * What a token says once it proved authentic: the claims that a decision
 * needs, in a form that is cheap to keep and to read again.
 */

#ifndef _AGENT_CLAIMS_H_INCLUDED_
#define _AGENT_CLAIMS_H_INCLUDED_


#include "agent_error.h"
#include "agent_str.h"

#include <jansson.h>


/* a time that is not there */

#define AGENT_CLAIM_NONE       INT64_MIN

#define AGENT_THUMBPRINT_LEN   32

/* octets of one text claim, and of all audiences with their lengths */

#define AGENT_CLAIM_MAX        2048
#define AGENT_AUDIENCES_MAX    4096

/* who acts for whom that acts for whom ... : RFC 8693, 4.1 */

#define AGENT_ACT_DEPTH_MAX    8


typedef enum {
    AGENT_BOUND_MTLS = 1,           /* RFC 8705: x5t#S256 */
    AGENT_BOUND_DPOP = 2,           /* RFC 9449: jkt */
    AGENT_BOUND_UNKNOWN = 4         /* a confirmation of another kind */
} agent_bound_e;


/*
 * Times are milliseconds since the epoch: a NumericDate may be fractional.  All
 * texts stand before expires, those that few tokens have last: it is in this
 * order that they are packed, up to the last one there is.
 */

typedef struct {
    agent_str_t   issuer;
    agent_str_t   subject;
    agent_str_t   client_id;
    agent_str_t   token_id;         /* jti */
    agent_str_t   token_type;
    agent_str_t   scope;            /* space-separated */
    agent_str_t   audiences;        /* agent_claims_next(), _audience() */
    agent_str_t   json;             /* all claims, for those who ask for one */
    agent_str_t   actor;            /* act.sub, RFC 8693, 4.1 */
    agent_str_t   actor_issuer;     /* act.iss */
    agent_str_t   actors;           /* act.act.sub, ...: agent_claims_next() */
    agent_str_t   acr;              /* RFC 9470 */
    agent_str_t   key_id;           /* kid of the key that signed */

    int64_t       expires;
    int64_t       not_before;
    int64_t       issued;
    int64_t       auth_time;

    uint64_t      signer;           /* id of agent_jwk_t; 0: no signature */
    uint32_t      act_depth;        /* actors, the outermost counted */

    uint32_t      bound;            /* of agent_bound_e */
    uint8_t       x5t[AGENT_THUMBPRINT_LEN];
    uint8_t       jkt[AGENT_THUMBPRINT_LEN];
} agent_claims_t;


typedef enum {
    AGENT_INTROSPECTION_BAD = -1,
    AGENT_INTROSPECTION_INACTIVE,
    AGENT_INTROSPECTION_ACTIVE
} agent_introspection_e;


/*
 * Reads the body of an introspection answer (RFC 7662, 2.2).
 *
 * AGENT_INTROSPECTION_ACTIVE: "active" is literally true; claims point into
 * buf (size octets), which is filled in.  AGENT_INTROSPECTION_INACTIVE: it is
 * literally false.  AGENT_INTROSPECTION_BAD: anything else, with err set.
 */

agent_introspection_e agent_introspection(const uint8_t *body, size_t len,
    uint8_t *buf, size_t size, agent_claims_t *claims, char *err);


/* the same of an object that was read: that of RFC 9701 stands in another */

agent_introspection_e agent_introspection_take(const json_t *object,
    uint8_t *buf, size_t size, agent_claims_t *claims, char *err);


/*
 * Takes the claims out of a JSON object; what claims point at goes to buf (size
 * octets).  text is what the object was read from, which claims then point at,
 * too; NULL: it is written anew.  Returns 0, or -1 with err set where a claim
 * is of the wrong type or all together too large.
 */

int agent_claims_take(const json_t *object, const agent_str_t *text,
    uint8_t *buf, size_t size, agent_claims_t *claims, char *err);


/*
 * A NumericDate (RFC 7519, 2: a JSON number, perhaps with a fraction) to
 * milliseconds, AGENT_CLAIM_NONE where the member is not there.  Returns 0, or
 * -1 with err set where it is none, negative, or so large that a double loses
 * milliseconds.
 */

int agent_claims_time(const json_t *object, const char *name, int64_t *t,
    char *err);


/*
 * Takes the next text off the front of a list (audiences, actors): returns 1
 * and sets *one, which points into *rest, or 0 where none is left.
 */

int agent_claims_next(agent_str_t *rest, agent_str_t *one);


/* 1 where the token is for this audience: compared octet by octet */

int agent_claims_audience(const agent_claims_t *claims,
    const agent_str_t *audience);


/* octets that the record of these claims has at most */

size_t agent_claims_size(const agent_claims_t *claims);


/*
 * A compact record of the claims, in which text that stands in the JSON is not
 * repeated: agent_claims_pack() writes at most size octets and returns their
 * number, or 0 where they do not fit, or are more than 65535 of text.  What
 * agent_claims_unpack() sets points into the record; it returns -1 where the
 * record is not one.
 */

size_t agent_claims_pack(const agent_claims_t *claims, uint8_t *record,
    size_t size);
int agent_claims_unpack(const uint8_t *record, size_t len,
    agent_claims_t *claims);


#endif /* _AGENT_CLAIMS_H_INCLUDED_ */
