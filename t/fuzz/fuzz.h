
/*
 * For the fuzz targets: checks that stay in whatever is defined, and copies
 * that end where their memory ends.
 */

#ifndef _AGENT_FUZZ_H_INCLUDED_
#define _AGENT_FUZZ_H_INCLUDED_


#include "agent_str.h"

#include <stdio.h>
#include <stdlib.h>


#define fuzz_check(condition)                                                 \
    do {                                                                      \
        if (!(condition)) {                                                   \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);   \
            abort();                                                          \
        }                                                                     \
    } while (0)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* to be freed; never NULL, also for no octets */

static inline uint8_t *
fuzz_copy(const uint8_t *data, size_t size)
{
    uint8_t  *copy;

    copy = malloc(size ? size : 1);

    if (size) {
        memcpy(copy, data, size);
    }

    return copy;
}


#endif /* _AGENT_FUZZ_H_INCLUDED_ */
