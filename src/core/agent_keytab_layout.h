
/*
 * How a key table lies in its block; for agent_keytab.c, which reads it, and
 * agent_keytab_build.c, which writes it:
 *
 *     head, to 192 octets
 *     records, in the order of the file
 *     index: u32 slots, 0 empty, else the number of a record and one; found
 *         from the SipHash of an issued key's id or an imported key's digest
 *         by linear probing
 *     peppers: agent_hmac_key_t
 *     strings: u16 length and octets, each string once
 */

#ifndef _AGENT_KEYTAB_LAYOUT_H_INCLUDED_
#define _AGENT_KEYTAB_LAYOUT_H_INCLUDED_


#define AGENT_KEYTAB_MAGIC        0x6b746167    /* "gatk" */
#define AGENT_KEYTAB_LAYOUT       1
#define AGENT_KEYTAB_RECORDS      192
#define AGENT_KEYTAB_STRING_HEAD  2

/* at a load of one half a run this long is not met in the life of a machine */

#define AGENT_KEYTAB_PROBES       1024


#endif /* _AGENT_KEYTAB_LAYOUT_H_INCLUDED_ */
