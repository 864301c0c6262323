
/*
 * The few functions of nginx that src/shm calls, for tests that link it
 * without nginx: shared memory of the test's own, a mutex that is nginx's by
 * protocol (a pid in a word), an allocator that only goes forward.
 */

#ifndef _AGENT_SHIM_H_INCLUDED_
#define _AGENT_SHIM_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* a pool of size octets in memory that children share; ends the test if it
 * cannot be had */

ngx_slab_pool_t *shim_pool(size_t size);


/* to be called by a child first: it is another process than its parent */

void shim_child(void);


#endif /* _AGENT_SHIM_H_INCLUDED_ */
