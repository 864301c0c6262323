
/*
 * The commands of "agentctl control" and "agentctl revoke", which speak to the
 * gate.  Each returns an exit code and prints its errors.
 */

#ifndef _AGENTCTL_CONTROL_H_INCLUDED_
#define _AGENTCTL_CONTROL_H_INCLUDED_


#include "agentctl.h"


int ctl_control_providers(ctl_t *ctl);
int ctl_control_zones(ctl_t *ctl);
int ctl_control_flush(ctl_t *ctl);
int ctl_control_key(ctl_t *ctl);
int ctl_control_suspend(ctl_t *ctl);
int ctl_control_resume(ctl_t *ctl);

int ctl_revoke(ctl_t *ctl);
int ctl_revoke_undo(ctl_t *ctl);
int ctl_revoke_list(ctl_t *ctl);


extern const ctl_command_t  ctl_control_commands[];
extern const ctl_command_t  ctl_revoke_commands[];


#endif /* _AGENTCTL_CONTROL_H_INCLUDED_ */
