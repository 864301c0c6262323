
/*
 * A token that must not stand on a command line, nor leave this process.
 */

#ifndef _AGENTCTL_TOKEN_H_INCLUDED_
#define _AGENTCTL_TOKEN_H_INCLUDED_


/*
 * Reads a token from standard input, one newline at its end left out, and
 * writes its SHA-256 in hex with a NUL to hex (65 octets).  Returns an exit
 * code, the error printed.
 */

int ctl_token_digest(char *hex);


#endif /* _AGENTCTL_TOKEN_H_INCLUDED_ */
