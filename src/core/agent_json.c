
#include "agent_json.h"


/* sixteen octets at once: one register on any machine that nginx runs on */

typedef int8_t    agent_json_signed_t __attribute__((vector_size(16)));
typedef uint8_t   agent_json_octets_t __attribute__((vector_size(16)));
typedef uint64_t  agent_json_words_t __attribute__((vector_size(16)));


static agent_json_signed_t agent_json_clean(agent_json_octets_t octets);
static unsigned agent_json_all(agent_json_signed_t clean);
static void agent_json_escape(agent_json_t *json, const agent_str_t *value,
    size_t cap);
static size_t agent_json_cut(const agent_str_t *value, size_t cap);
static size_t agent_json_run(const uint8_t *p, const uint8_t *last);
static size_t agent_json_special(agent_json_t *json, const uint8_t *p,
    size_t len);
static void agent_json_unicode(agent_json_t *json, unsigned code);
static uint8_t *agent_json_large(uint8_t *dst, uint64_t n);
static void agent_json_four(uint8_t *dst, uint32_t n);


/* 0: stands for itself, 'u': \u00XX, 'x': begins a sequence or is none */

static const uint8_t  agent_json_class[256] = {
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u',
    'b', 't', 'n', 'u', 'f', 'r', 'u', 'u',
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u',
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u',

    ['"'] = '"',
    ['\\'] = '\\',

    [0x7f] = 'u',

    [0x80] = 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x',
    [0x88] = 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x',
    [0x90] = 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x',
    [0x98] = 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x',
    [0xa0] = 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x',
    [0xa8] = 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x',
    [0xb0] = 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x',
    [0xb8] = 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x',
    [0xc0] = 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x',
    [0xc8] = 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x',
    [0xd0] = 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x',
    [0xd8] = 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x',
    [0xe0] = 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x',
    [0xe8] = 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x',
    [0xf0] = 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x',
    [0xf8] = 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x'
};


static const char  agent_json_pairs[] =
    "00010203040506070809" "10111213141516171819"
    "20212223242526272829" "30313233343536373839"
    "40414243444546474849" "50515253545556575859"
    "60616263646566676869" "70717273747576777879"
    "80818283848586878889" "90919293949596979899";


void
agent_json_string_slow(agent_json_t *json, const char *name, size_t len,
    const agent_str_t *value, size_t cap)
{
    agent_json_raw(json, name, len);
    agent_json_escape(json, value, cap);
    agent_json_literal(json, "\",");
}


void
agent_json_escaped(agent_json_t *json, const agent_str_t *value, size_t cap)
{
    if (value->len <= cap && value->len <= (size_t) (json->end - json->pos)
        && agent_json_copy(json->pos, value->data, value->len))
    {
        json->pos += value->len;
        return;
    }

    agent_json_escape(json, value, cap);
}


/* the last sixteen octets, or eight or four, may overlap those before them */

unsigned
agent_json_copy(uint8_t *dst, const uint8_t *src, size_t len)
{
    size_t               i;
    uint8_t              bad;
    uint32_t             half[4];
    uint64_t             word[2];
    agent_json_octets_t  octets;
    agent_json_signed_t  clean;

    if (len >= 16) {

        memcpy(&octets, src + len - 16, 16);
        memcpy(dst + len - 16, &octets, 16);
        clean = agent_json_clean(octets);

        for (i = 0; i < len - 16; i += 16) {
            memcpy(&octets, src + i, 16);
            memcpy(dst + i, &octets, 16);
            clean &= agent_json_clean(octets);
        }

        return agent_json_all(clean);
    }

    if (len >= 8) {
        memcpy(&word[0], src, 8);
        memcpy(&word[1], src + len - 8, 8);
        memcpy(dst, &word[0], 8);
        memcpy(dst + len - 8, &word[1], 8);
        memcpy(&octets, word, 16);

        return agent_json_all(agent_json_clean(octets));
    }

    if (len >= 4) {
        memcpy(&half[0], src, 4);
        memcpy(&half[1], src + len - 4, 4);
        memcpy(dst, &half[0], 4);
        memcpy(dst + len - 4, &half[1], 4);

        half[2] = half[0];
        half[3] = half[0];

        memcpy(&octets, half, 16);

        return agent_json_all(agent_json_clean(octets));
    }

    for (i = 0, bad = 0; i < len; i++) {
        dst[i] = src[i];
        bad |= agent_json_class[src[i]];
    }

    return bad == 0;
}


/*
 * All bits of an octet are set where it is in 0x20-0x7e, neither '"' nor '\\'.
 * One more than DEL, or than anything beyond it, is no positive number; the
 * two exceptions are in the range, so that xor takes them out.
 */

static inline agent_json_signed_t
agent_json_clean(agent_json_octets_t octets)
{
    return ((agent_json_signed_t) (octets + 1) > 0x20)
           ^ ((octets == '"') | (octets == '\\'));
}


static inline unsigned
agent_json_all(agent_json_signed_t clean)
{
    agent_json_words_t  words;

    words = (agent_json_words_t) clean;

    return (words[0] & words[1]) == UINT64_MAX;
}


static void
agent_json_escape(agent_json_t *json, const agent_str_t *value, size_t cap)
{
    size_t          run;
    const uint8_t  *p, *last;

    p = value->data;
    last = p + value->len;

    if (value->len > cap) {
        json->cut = 1;
        last = p + agent_json_cut(value, cap);
    }

    while (p < last && !json->overflow) {

        run = agent_json_run(p, last);

        agent_json_raw(json, p, run);
        p += run;

        if (p < last) {
            p += agent_json_special(json, p, (size_t) (last - p));
        }
    }
}


/* how many of the first cap octets leave no sequence cut in two */

static size_t
agent_json_cut(const agent_str_t *value, size_t cap)
{
    size_t  back;

    for (back = 1; back < 4 && back <= cap; back++) {

        if (agent_json_utf8(value->data + cap - back, value->len - cap + back)
            > back)
        {
            return cap - back;
        }
    }

    return cap;
}


/* how many octets at p stand for themselves */

static size_t
agent_json_run(const uint8_t *p, const uint8_t *last)
{
    const uint8_t        *start;
    agent_json_octets_t   octets;

    start = p;

    while (last - p >= 16) {
        memcpy(&octets, p, 16);

        if (!agent_json_all(agent_json_clean(octets))) {
            break;
        }

        p += 16;
    }

    while (p < last && agent_json_class[*p] == 0) {
        p++;
    }

    return (size_t) (p - start);
}


/* writes what stands at p, and returns how many octets that was */

static size_t
agent_json_special(agent_json_t *json, const uint8_t *p, size_t len)
{
    size_t   n;
    uint8_t  escape[2];

    switch (agent_json_class[*p]) {

    case 'x':
        break;

    case 'u':
        agent_json_unicode(json, *p);
        return 1;

    default:
        escape[0] = '\\';
        escape[1] = agent_json_class[*p];

        agent_json_raw(json, escape, 2);
        return 1;
    }

    n = agent_json_utf8(p, len);

    if (n == 0) {
        agent_json_literal(json, "\xef\xbf\xbd");
        return 1;
    }

    if (n == 2 && p[0] == 0xc2 && p[1] < 0xa0) {
        agent_json_unicode(json, p[1]);

    } else if (n == 3 && p[0] == 0xe2 && p[1] == 0x80
               && (p[2] == 0xa8 || p[2] == 0xa9))
    {
        agent_json_unicode(json, 0x2000 | (p[2] & 0x3f));

    } else {
        agent_json_raw(json, p, n);
    }

    return n;
}


static void
agent_json_unicode(agent_json_t *json, unsigned code)
{
    uint8_t            escape[AGENT_JSON_ESCAPE_MAX];
    static const char  hex[] = "0123456789abcdef";

    escape[0] = '\\';
    escape[1] = 'u';
    escape[2] = (uint8_t) hex[code >> 12];
    escape[3] = (uint8_t) hex[(code >> 8) & 0xf];
    escape[4] = (uint8_t) hex[(code >> 4) & 0xf];
    escape[5] = (uint8_t) hex[code & 0xf];

    agent_json_raw(json, escape, sizeof(escape));
}


int
agent_json_utf8_valid(const agent_str_t *text)
{
    size_t  i, n;

    for (i = 0; i < text->len; i += n) {
        n = text->data[i] < 0x80 ? 1
            : agent_json_utf8(text->data + i, text->len - i);

        if (n == 0) {
            return 0;
        }
    }

    return 1;
}


/* without overlong forms, surrogates and what is beyond U+10FFFF */

size_t
agent_json_utf8(const uint8_t *p, size_t len)
{
    size_t   i, n;
    uint8_t  low, high;

    low = 0x80;
    high = 0xbf;

    if (p[0] < 0xc2 || p[0] > 0xf4) {
        return 0;

    } else if (p[0] < 0xe0) {
        n = 2;

    } else if (p[0] < 0xf0) {
        n = 3;
        low = (p[0] == 0xe0) ? 0xa0 : 0x80;
        high = (p[0] == 0xed) ? 0x9f : 0xbf;

    } else {
        n = 4;
        low = (p[0] == 0xf0) ? 0x90 : 0x80;
        high = (p[0] == 0xf4) ? 0x8f : 0xbf;
    }

    if (len < n || p[1] < low || p[1] > high) {
        return 0;
    }

    for (i = 2; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }

    return n;
}


uint8_t *
agent_json_digits(uint8_t *dst, uint64_t n)
{
    if (n >= 1000) {
        return agent_json_large(dst, n);
    }

    if (n < 10) {
        *dst = (uint8_t) ('0' + n);
        return dst + 1;
    }

    if (n >= 100) {
        *dst++ = (uint8_t) ('0' + (uint32_t) n / 100);
        n = (uint32_t) n % 100;
    }

    memcpy(dst, &agent_json_pairs[n * 2], 2);

    return dst + 2;
}


static uint8_t *
agent_json_large(uint8_t *dst, uint64_t n)
{
    uint32_t  low;

    if (n >= 100000000) {
        dst = agent_json_digits(dst, n / 100000000);
        low = (uint32_t) (n % 100000000);

        agent_json_four(dst, low / 10000);
        agent_json_four(dst + 4, low % 10000);

        return dst + 8;
    }

    low = (uint32_t) n;

    if (low >= 10000) {
        dst = agent_json_digits(dst, low / 10000);
        low %= 10000;
    }

    agent_json_four(dst, low);

    return dst + 4;
}


static inline void
agent_json_four(uint8_t *dst, uint32_t n)
{
    memcpy(dst, &agent_json_pairs[n / 100 * 2], 2);
    memcpy(dst + 2, &agent_json_pairs[n % 100 * 2], 2);
}
