
/*
 * How core functions tell what is wrong: a text for the operator, without the
 * name of the file and the number of the line, which the caller puts before.
 */

#ifndef _AGENT_ERROR_H_INCLUDED_
#define _AGENT_ERROR_H_INCLUDED_


#include <stdio.h>


/* octets of the text, the NUL counted */

#define AGENT_ERROR_LEN  256


/* writes the text and is -1; it must quote no secret */

#define agent_fail(err, ...)                                                  \
    (snprintf(err, AGENT_ERROR_LEN, __VA_ARGS__), -1)


#endif /* _AGENT_ERROR_H_INCLUDED_ */
