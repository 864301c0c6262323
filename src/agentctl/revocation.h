
/*
 * "agentctl revocation": the state file of agent_revocations, for when nothing
 * else can say it to nginx, running or not.
 */

#ifndef _AGENTCTL_REVOCATION_H_INCLUDED_
#define _AGENTCTL_REVOCATION_H_INCLUDED_


#include "agentctl.h"


extern const ctl_command_t  ctl_revocation_commands[];


#endif /* _AGENTCTL_REVOCATION_H_INCLUDED_ */
