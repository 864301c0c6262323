
/*
 * The key string that a client sends: what parses is made of its parts and of
 * a right check, and nothing but the right check makes it so.
 */

#include "fuzz.h"

#include "agent_key.h"


#define TAIL  (AGENT_KEY_MAX - AGENT_KEY_PREFIX_MAX)


static void fuzz_value(const uint8_t *data, size_t size);
static void fuzz_issued(const agent_str_t *value, const agent_key_t *key);
static void fuzz_mistyped(const agent_str_t *value, const agent_key_t *key);
static void fuzz_shaped(const uint8_t *data, size_t size);
static void fuzz_seal(uint8_t *value, size_t len);


static const uint8_t  base62[] =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_value(data, size);
    fuzz_shaped(data, size);

    return 0;
}


static void
fuzz_value(const uint8_t *data, size_t size)
{
    uint8_t      *copy;
    agent_key_t   key;
    agent_str_t   value;

    copy = fuzz_copy(data, size);

    value.data = copy;
    value.len = size;

    switch (agent_key_parse(&value, &key)) {

    case AGENT_KEY_ISSUED:
        fuzz_issued(&value, &key);
        break;

    case AGENT_KEY_BAD_CHECK:
        fuzz_mistyped(&value, &key);
        break;

    default:
        break;
    }

    free(copy);
}


/* the parts put together again are the value */

static void
fuzz_issued(const agent_str_t *value, const agent_key_t *key)
{
    size_t       len;
    uint8_t      again[AGENT_KEY_MAX];
    agent_str_t  part;

    fuzz_check(value->len >= TAIL + AGENT_KEY_PREFIX_MIN
               && value->len <= AGENT_KEY_MAX);

    len = value->len - TAIL;

    part.data = value->data;
    part.len = len;
    fuzz_check(agent_key_prefix_valid(&part));

    part.data = key->id;
    part.len = AGENT_KEY_ID_LEN;
    fuzz_check(agent_key_id_valid(&part));

    memcpy(again, value->data, len);
    again[len++] = '_';
    memcpy(again + len, key->id, AGENT_KEY_ID_LEN);
    len += AGENT_KEY_ID_LEN;
    again[len++] = '_';
    memcpy(again + len, key->secret, AGENT_KEY_SECRET_LEN);
    len += AGENT_KEY_SECRET_LEN + AGENT_KEY_CHECK_LEN;

    fuzz_seal(again, len);

    fuzz_check(len == value->len && memcmp(again, value->data, len) == 0);
}


/* with the right check it is a good key of the same parts */

static void
fuzz_mistyped(const agent_str_t *value, const agent_key_t *key)
{
    uint8_t      sealed[AGENT_KEY_MAX];
    agent_key_t  good;
    agent_str_t  mended;

    fuzz_check(value->len <= AGENT_KEY_MAX);

    memcpy(sealed, value->data, value->len);
    fuzz_seal(sealed, value->len);

    fuzz_check(memcmp(sealed, value->data, value->len) != 0);

    mended.data = sealed;
    mended.len = value->len;

    fuzz_check(agent_key_parse(&mended, &good) == AGENT_KEY_ISSUED);
    fuzz_check(good.id - sealed == key->id - value->data
               && good.secret - sealed == key->secret - value->data);
}


/* the input as digits of a key of the right shape, one octet of it changed */

static void
fuzz_shaped(const uint8_t *data, size_t size)
{
    size_t       i, len;
    uint8_t      value[AGENT_KEY_MAX], *copy;
    agent_key_t  key;
    agent_str_t  text;

    if (size < AGENT_KEY_MAX + 3) {
        return;
    }

    len = TAIL + AGENT_KEY_PREFIX_MIN + data[0] % 7;

    for (i = 0; i < len; i++) {
        value[i] = base62[data[i + 3] % 62];

        if (i < len - TAIL && value[i] >= 'A' && value[i] <= 'Z') {
            value[i] |= 0x20;
        }
    }

    value[len - TAIL] = '_';
    value[len - TAIL + 1 + AGENT_KEY_ID_LEN] = '_';

    fuzz_seal(value, len);

    copy = fuzz_copy(value, len);
    text.data = copy;
    text.len = len;

    fuzz_check(agent_key_parse(&text, &key) == AGENT_KEY_ISSUED);
    fuzz_issued(&text, &key);

    if (data[2]) {
        copy[data[1] % len] ^= data[2];
        fuzz_check(agent_key_parse(&text, &key) != AGENT_KEY_ISSUED);
    }

    free(copy);

    fuzz_value(value, len);
}


static void
fuzz_seal(uint8_t *value, size_t len)
{
    size_t    i;
    uint32_t  crc;

    crc = agent_crc32(value, len - AGENT_KEY_CHECK_LEN);

    for (i = 1; i <= AGENT_KEY_CHECK_LEN; i++) {
        value[len - i] = base62[crc % 62];
        crc /= 62;
    }
}
