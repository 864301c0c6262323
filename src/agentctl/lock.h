
/*
 * A lock that one agentctl holds on a key file while it changes it.
 */

#ifndef _AGENTCTL_LOCK_H_INCLUDED_
#define _AGENTCTL_LOCK_H_INCLUDED_


/*
 * Locks the file at path, which exists only as long as somebody holds or waits
 * for the lock.  Waits up to a minute.  Returns a descriptor, or -1 with the
 * error printed.
 */

int ctl_lock(const char *path);
void ctl_unlock(const char *path, int fd);


#endif /* _AGENTCTL_LOCK_H_INCLUDED_ */
