
/*
 * The envelope of a file at rest: a JWE whose header says what it is (typ),
 * which key-encryption key (KEK) opens it (kid), whose it is (bundle) and which
 * one of them (generation).  It is read piece by piece, so that a file of any
 * size takes no more memory than a small one.
 */

#ifndef _AGENT_ENVELOPE_H_INCLUDED_
#define _AGENT_ENVELOPE_H_INCLUDED_


#include "agent_jwe.h"
#include "agent_secret.h"


#define AGENT_KEKS_MAX        16

/* octets of a bundle's name */

#define AGENT_BUNDLE_MAX      64

/* 2^53 - 1: the largest number that JSON has everywhere (RFC 8259, 6) */

#define AGENT_GENERATION_MAX  INT64_C(9007199254740991)

/* octets that agent_envelope_read() needs room for, and writes at most */

#define AGENT_ENVELOPE_PIECE  12288


typedef struct {
    uint8_t           id[AGENT_SECRET_ID_MAX];
    uint32_t          id_len;
    uint8_t           key[AGENT_JWE_KEY];
} agent_kek_t;


/* all zero: none */

typedef struct {
    agent_kek_t       kek[AGENT_KEKS_MAX];
    size_t            n;
} agent_keks_t;


typedef enum {
    AGENT_ENVELOPE_KEYS = 0,
    AGENT_ENVELOPE_PEPPERS
} agent_envelope_kind_e;


/* what an envelope must be */

typedef struct {
    agent_envelope_kind_e   kind;
    agent_str_t             bundle;         /* empty: any */
    uint64_t                generation;     /* at least */
} agent_envelope_want_t;


/* all zero: not open; parts of it point at others, it must not be moved */

typedef struct {
    int               fd;
    EVP_CIPHER_CTX   *ctx;          /* from agent_envelope_unlock() on */
    agent_jwe_t       jwe;
    agent_str_t       bundle;       /* in the header; from _check() on */
    uint64_t          generation;   /* likewise */

    uint64_t          at;           /* of the next character of the content */
    uint64_t          end;
    uint8_t           tag[AGENT_JWE_TAG];
    uint8_t           head[AGENT_JWE_HEAD_MAX];
    unsigned          ended:1;
} agent_envelope_t;


/*
 * Reads the text of a KEK file: lines "id base64", the key being
 * AGENT_JWE_KEY octets.  Returns 0, or -1 with *line and err set.  The caller
 * cleanses text and keks.
 */

int agent_keks_parse(const agent_str_t *text, agent_keks_t *keks,
    uint64_t *line, char *err);


/* the KEK of this id, or NULL */

const agent_kek_t *agent_kek_find(const agent_keks_t *keks,
    const agent_str_t *id);


/* the typ of a kind (in small letters) */

const char *agent_envelope_typ(agent_envelope_kind_e kind);


/* the kind that typ says, AGENT_ENVELOPE_KEYS where it is none */

agent_envelope_kind_e agent_envelope_kind(const agent_envelope_t *env);


/* 1 where the file begins as an envelope does, and no file of lines can */

int agent_envelope_likely(int fd);


/*
 * Reads head and tag of the file, which is read by pread() and stays the
 * caller's.  Returns 0, or -1 with err set and nothing to close.
 */

int agent_envelope_open(agent_envelope_t *env, int fd, char *err);


/*
 * Reads kid, bundle and generation and compares them, and typ, with what is
 * wanted: 0, or -1 with err set.  They are not authentic before all was read.
 */

int agent_envelope_check(agent_envelope_t *env,
    const agent_envelope_want_t *want, char *err);


/* the text for one whose generation is below least */

void agent_envelope_older(uint64_t generation, uint64_t least, char *err);


/* begins to decrypt with the KEK that kid names; 0, or -1 with err set */

int agent_envelope_unlock(agent_envelope_t *env, const agent_keks_t *keks,
    char *err);


/* the same with this KEK, AGENT_JWE_KEY octets, whatever kid says */

int agent_envelope_unlock_with(agent_envelope_t *env, const uint8_t *kek,
    char *err);


/*
 * The next octets of the content to dst, which has room for
 * AGENT_ENVELOPE_PIECE.  Returns how many; 0 at the end, once the tag is known
 * to be right, or -1 with err set.  What came before the end may be anybody's:
 * read all of it once, rewind, and use what comes then, again to the end.
 */

ssize_t agent_envelope_read(agent_envelope_t *env, uint8_t *dst, char *err);


/*
 * All of a content of less than max octets to dst, which has room for max and
 * AGENT_ENVELOPE_PIECE more: 0 with *len set, or -1 with err set.
 */

int agent_envelope_all(agent_envelope_t *env, uint8_t *dst, size_t max,
    size_t *len, char *err);


/* begins the content again; 0, or -1 with err set */

int agent_envelope_rewind(agent_envelope_t *env, char *err);


/* how many octets the content has */

uint64_t agent_envelope_size(const agent_envelope_t *env);


/* may be called of one that is not open */

void agent_envelope_close(agent_envelope_t *env);


#endif /* _AGENT_ENVELOPE_H_INCLUDED_ */
