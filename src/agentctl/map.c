
#include "map.h"
#include "agentctl.h"

#include <openssl/rand.h>
#include <stdlib.h>


#define CTL_MAP_MIN  256


/* before each item */

typedef struct ctl_map_item_s {
    uint64_t     hash;
    size_t       len;
    char        *key;               /* the strings, each with a zero behind */
    uint64_t     item[];
} ctl_map_item_t;


static void ctl_map_grow(ctl_map_t *map);
static ctl_map_item_t **ctl_map_slot(const ctl_map_t *map, uint64_t hash,
    const char *key, size_t len);


int
ctl_map_init(ctl_map_t *map, size_t size)
{
    memset(map, 0, sizeof(*map));

    map->size = size;

    /* whoever may write a log may not choose where its names collide */

    if (RAND_bytes(map->hash_key, AGENT_SIPHASH_KEY) != 1) {
        ctl_error("the system gives no random numbers");
        return -1;
    }

    return 0;
}


void
ctl_map_free(ctl_map_t *map)
{
    size_t  i;

    for (i = 0; i < map->nslots; i++) {
        if (map->slots[i]) {
            free(map->slots[i]->key);
            free(map->slots[i]);
        }
    }

    free(map->items);
    free(map->slots);

    memset(map, 0, sizeof(*map));
}


void *
ctl_map_find(ctl_map_t *map, const agent_str_t *parts, size_t n, int create)
{
    char             *key, *p;
    size_t            i, len;
    uint64_t          hash;
    ctl_map_item_t   *item, **slot;

    for (i = 0, len = 0; i < n; i++) {
        len += parts[i].len + 1;
    }

    key = ctl_alloc(len + 1);

    for (i = 0, p = key; i < n; i++) {

        if (parts[i].len) {
            memcpy(p, parts[i].data, parts[i].len);
        }

        p += parts[i].len;
        *p++ = '\0';
    }

    if (map->n * 2 >= map->nslots) {
        ctl_map_grow(map);
    }

    hash = agent_siphash(map->hash_key, (const uint8_t *) key, len);
    slot = ctl_map_slot(map, hash, key, len);

    if (*slot || !create) {
        free(key);
        return *slot ? (*slot)->item : NULL;
    }

    item = ctl_alloc(sizeof(ctl_map_item_t) + map->size);
    memset(item, 0, sizeof(ctl_map_item_t) + map->size);

    item->hash = hash;
    item->len = len;
    item->key = key;

    map->octets += sizeof(ctl_map_item_t) + map->size + len;

    *slot = item;
    map->items[map->n++] = item->item;

    return item->item;
}


static void
ctl_map_grow(ctl_map_t *map)
{
    size_t           i, n;
    ctl_map_item_t **old;

    old = map->slots;
    n = map->nslots;

    map->nslots = n ? n * 2 : CTL_MAP_MIN;
    map->slots = ctl_alloc(map->nslots * sizeof(ctl_map_item_t *));
    memset(map->slots, 0, map->nslots * sizeof(ctl_map_item_t *));

    map->items = ctl_realloc(map->items, map->nslots / 2 * sizeof(void *));

    for (i = 0; i < n; i++) {
        if (old[i]) {
            *ctl_map_slot(map, old[i]->hash, old[i]->key, old[i]->len) = old[i];
        }
    }

    free(old);
}


/* where it is, or where it would go */

static ctl_map_item_t **
ctl_map_slot(const ctl_map_t *map, uint64_t hash, const char *key, size_t len)
{
    size_t           i;
    ctl_map_item_t  *item;

    for (i = hash & (map->nslots - 1); map->slots[i];
         i = (i + 1) & (map->nslots - 1))
    {
        item = map->slots[i];

        if (item->hash == hash && item->len == len
            && memcmp(item->key, key, len) == 0)
        {
            break;
        }
    }

    return &map->slots[i];
}


const char *
ctl_map_part(const void *item, size_t part)
{
    const char            *p;
    const ctl_map_item_t  *head;

    head = (const ctl_map_item_t *)
           ((const char *) item - offsetof(ctl_map_item_t, item));

    for (p = head->key; part > 0; part--) {
        p += strlen(p) + 1;
    }

    return p;
}
