
/*
 * The files of a zone: their states, and what is secret in them.  KEK: the key
 * that opens envelopes.
 */

#ifndef _NGX_AGENT_KEY_FILES_H_INCLUDED_
#define _NGX_AGENT_KEY_FILES_H_INCLUDED_


#include "ngx_agent_key.h"


/*
 * The state of the files, through symbolic links; that of a file that the zone
 * has not is zero.  Where this process may not read a file of secrets: that of
 * the file which the master read, since only a reload brings another one into
 * force.
 *
 * NGX_OK; NGX_ERROR, with ngx_errno, where one is not to be seen, NGX_DECLINED
 * where it is no regular file: its state is zero then, and *path, unless path
 * is NULL, its name.
 */

ngx_int_t ngx_agent_key_files(const ngx_agent_key_zone_t *zone,
    ngx_agent_key_files_t *files, const ngx_str_t **path);


/*
 * Reads the KEK file of the zone, if it has one.  NGX_OK; NGX_DECLINED: this
 * process may not read it.  NGX_ERROR: logged at level.
 */

ngx_int_t ngx_agent_key_keks(const ngx_agent_key_zone_t *zone,
    agent_keks_t *keks, ngx_agent_file_id_t *id, ngx_uint_t level,
    ngx_log_t *log);


/*
 * The same of its pepper file, which is in an envelope where the zone has a
 * KEK file; of a generation below peppers->generation it is refused.
 */

ngx_int_t ngx_agent_key_peppers(const ngx_agent_key_zone_t *zone,
    const agent_keks_t *keks, ngx_agent_key_peppers_t *peppers,
    ngx_agent_file_id_t *id, ngx_uint_t level, ngx_log_t *log);


/* a KEK that this process can read again is not to lie in its memory */

void ngx_agent_key_keks_drop(const ngx_agent_key_zone_t *zone);


void ngx_agent_key_stat_id(ngx_file_info_t *fi, ngx_agent_file_id_t *id);


#define ngx_agent_key_files_same(a, b)                                        \
    (ngx_memcmp(a, b, sizeof(ngx_agent_key_files_t)) == 0)


#endif /* _NGX_AGENT_KEY_FILES_H_INCLUDED_ */
