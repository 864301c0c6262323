
/*
 * Security Event Tokens (RFC 8417) as the OpenID Shared Signals Framework 1.0
 * sends them: what happened to a subject, signed by whoever knows.  Of the
 * events those of CAEP 1.0 and RISC 1.0 are understood.
 */

#ifndef _AGENT_SET_H_INCLUDED_
#define _AGENT_SET_H_INCLUDED_


#include "agent_error.h"
#include "agent_jwk.h"
#include "agent_jws.h"
#include "agent_revocation.h"


/* events of a SET, and subjects of an event */

#define AGENT_SET_EVENTS_MAX    8
#define AGENT_SET_SUBJECTS_MAX  8

/* octets of "jti" and of the "state" of a verification */

#define AGENT_SET_ID_MAX        256
#define AGENT_SET_STATE_MAX     1024


/* octets of the buffer for a SET of len characters */

#define agent_set_room(len)     agent_jws_room(len)


/* how a delivery fails: RFC 8935, 2.4, and SSF 1.0, 8.1.4 for the state */

typedef enum {
    AGENT_SET_OK = 0,
    AGENT_SET_INVALID_REQUEST,
    AGENT_SET_INVALID_KEY,
    AGENT_SET_INVALID_ISSUER,
    AGENT_SET_INVALID_AUDIENCE,
    AGENT_SET_AUTHENTICATION_FAILED,
    AGENT_SET_INVALID_STATE,
    AGENT_SET_INTERNAL                  /* no memory; not for the wire */
} agent_set_e;


/* what is to be done about an event */

typedef enum {
    AGENT_SET_RECORD = 0,           /* nothing: it is written down; subjects
                                       are those that could be read */
    AGENT_SET_REVOKE,               /* what was issued before is void */
    AGENT_SET_DISABLE,              /* all is, until a person lifts it */
    AGENT_SET_FLUSH,                /* what is cached may no longer be so */
    AGENT_SET_RISK,                 /* as AGENT_SET_REVOKE, where wanted */
    AGENT_SET_DISCARD               /* the subject is none that we know */
} agent_set_action_e;


/* whose: entries of revocations name the same */

typedef struct {
    agent_revocation_kind_e   kind;
    agent_str_t               issuer;
    agent_str_t               value;
} agent_set_subject_t;


typedef struct {
    agent_str_t               type;     /* a URI */
    agent_str_t               name;     /* its last part */
    agent_set_action_e        action;
    int64_t                   before;   /* milliseconds since the epoch */
    agent_set_subject_t       subjects[AGENT_SET_SUBJECTS_MAX];
    size_t                    nsubjects;
    unsigned                  known:1;  /* its type is */
    unsigned                  key:1;    /* of an API key */
} agent_set_event_t;


/* texts are in the tree of claims, or the token */

typedef struct {
    agent_jws_t               jws;
    json_t                   *claims;
    agent_str_t               issuer;
    agent_str_t               id;       /* "jti" */
    int64_t                   issued;   /* milliseconds since the epoch */
    agent_set_event_t         events[AGENT_SET_EVENTS_MAX];
    size_t                    nevents;
} agent_set_t;


/* what a SET must be: of the stream, const once configured */

typedef struct {
    agent_str_t               issuer;       /* that signs SETs */
    agent_str_t               subjects;     /* issuer of those they are about */
    agent_str_t               audience;
    agent_str_t               state;        /* empty: any */
    uint32_t                  algs;         /* mask of agent_alg_e */
    int64_t                   leeway;       /* milliseconds */
    unsigned                  keys:1;       /* may be about API keys, too */
    unsigned                  email:1;      /* "sub" of tokens may be one, or a
                                               telephone number */
} agent_set_policy_t;


/* "invalid_request", ...; static storage */

const char *agent_set_error_name(agent_set_e error);


/*
 * Takes a SET apart; nothing of it is proved.  buf is of
 * agent_set_room(text->len) octets and, as text, is used for as long as set.
 * AGENT_SET_OK: it is to be freed with agent_set_free().  Otherwise
 * AGENT_SET_INVALID_REQUEST or AGENT_SET_INVALID_KEY (an algorithm that no list
 * has) with err set, which quotes nothing; nothing is to be freed.
 */

agent_set_e agent_set_parse(agent_set_t *set, const agent_str_t *text,
    uint8_t *buf, char *err);


void agent_set_free(agent_set_t *set);


/*
 * The part of agent_set_check() that needs no key, and comes first: nobody is
 * asked for keys because of what none of them would help.
 */

agent_set_e agent_set_claimed(const agent_set_t *set,
    const agent_set_policy_t *policy, char *err);


/*
 * Checks a SET, in this order: its "typ" (RFC 8417, 2.3), algorithm, "iss",
 * "aud" and signature; then, of one that is authentic, the claims that SSF 1.0
 * asks for (4.1: "jti", "iat", "events"; neither "sub" nor "exp"), and its
 * events, which are set.  AGENT_SET_INVALID_KEY for a key that is not in keys:
 * ask again with a newer set, for which it may be called again.
 *
 * now is in milliseconds since the epoch.  An event that is not known, or not
 * about a subject that tokens can name, is no error: see its action.
 */

agent_set_e agent_set_check(agent_set_t *set, const agent_set_policy_t *policy,
    const agent_jwks_t *keys, int64_t now, char *err);


/* agent_set_event.c: the events of a SET that is authentic */

agent_set_e agent_set_events(agent_set_t *set,
    const agent_set_policy_t *policy, int64_t now, char *err);


#endif /* _AGENT_SET_H_INCLUDED_ */
