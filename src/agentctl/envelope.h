
/*
 * The commands of "agentctl envelope".  Each returns an exit code and prints
 * its errors.
 */

#ifndef _AGENTCTL_ENVELOPE_H_INCLUDED_
#define _AGENTCTL_ENVELOPE_H_INCLUDED_


#include "agentctl.h"


int ctl_envelope_seal(ctl_t *ctl);
int ctl_envelope_rewrap(ctl_t *ctl);
int ctl_envelope_show(ctl_t *ctl);
int ctl_envelope_info(ctl_t *ctl);


extern const ctl_command_t  ctl_envelope_commands[];


#endif /* _AGENTCTL_ENVELOPE_H_INCLUDED_ */
