
/*
 * The version of the module and of agentctl, which are built together.
 */

#ifndef _AGENT_VERSION_H_INCLUDED_
#define _AGENT_VERSION_H_INCLUDED_


#define AGENT_VERSION  "0.1.0"


#endif /* _AGENT_VERSION_H_INCLUDED_ */
