
/*
 * "agentctl audit verify": whether chained audit lines are those that nginx
 * wrote, all of them, and in its order.
 */

#ifndef _AGENTCTL_VERIFY_H_INCLUDED_
#define _AGENTCTL_VERIFY_H_INCLUDED_


#include "agentctl.h"


extern const ctl_command_t  ctl_audit_commands[];


#endif /* _AGENTCTL_VERIFY_H_INCLUDED_ */
