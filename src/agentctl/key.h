
/*
 * The commands of "agentctl key".  Each returns an exit code and prints its
 * errors.
 */

#ifndef _AGENTCTL_KEY_H_INCLUDED_
#define _AGENTCTL_KEY_H_INCLUDED_


#include "agentctl.h"


int ctl_key_issue(ctl_t *ctl);
int ctl_key_import(ctl_t *ctl);
int ctl_key_rotate(ctl_t *ctl);
int ctl_key_revoke(ctl_t *ctl);
int ctl_key_suspend(ctl_t *ctl);
int ctl_key_resume(ctl_t *ctl);
int ctl_key_list(ctl_t *ctl);
int ctl_key_show(ctl_t *ctl);
int ctl_key_lint(ctl_t *ctl);


extern const ctl_command_t  ctl_key_commands[];


#endif /* _AGENTCTL_KEY_H_INCLUDED_ */
