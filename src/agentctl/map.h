
/*
 * A table of things that are found by a few strings.
 */

#ifndef _AGENTCTL_MAP_H_INCLUDED_
#define _AGENTCTL_MAP_H_INCLUDED_


#include "agent_digest.h"
#include "agent_str.h"


typedef struct {
    void       **items;             /* n of them, in the order of their first
                                       appearance until somebody sorts them */
    size_t       n;

    struct ctl_map_item_s  **slots;
    size_t       nslots;            /* a power of two */
    size_t       size;              /* of an item */
    size_t       octets;            /* of all items and their strings */
    uint8_t      hash_key[AGENT_SIPHASH_KEY];
} ctl_map_t;


/* for items of size octets; 0, or -1 with the error printed */

int ctl_map_init(ctl_map_t *map, size_t size);
void ctl_map_free(ctl_map_t *map);


/*
 * The item for n strings, none of which has an octet of zero: a new one of
 * zeros where there is none and create is set; else NULL.  Items stay where
 * they are until ctl_map_free().
 */

void *ctl_map_find(ctl_map_t *map, const agent_str_t *parts, size_t n,
    int create);


/* the strings of an item, each ended by an octet of zero */

const char *ctl_map_part(const void *item, size_t part);


#endif /* _AGENTCTL_MAP_H_INCLUDED_ */
