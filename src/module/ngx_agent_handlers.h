
/*
 * Locations that answer by themselves, agent_status, agent_control and
 * agent_security_events: what of them the configuration needs to know.
 */

#ifndef _NGX_AGENT_HANDLERS_H_INCLUDED_
#define _NGX_AGENT_HANDLERS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_agent_module.h"


/* ngx_agent_status_conf.c: what the gate does is counted, and told */

char *ngx_agent_conf_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


/* a merged location where agent_auth is on is to be counted */

ngx_int_t ngx_agent_status_guard(ngx_conf_t *cf, ngx_agent_main_conf_t *amcf,
    ngx_agent_loc_conf_t *conf);


/* warns of what is open to strangers, when all locations are merged */

void ngx_agent_status_warn(ngx_conf_t *cf, const ngx_agent_main_conf_t *amcf);


/* amcf: NULL where there is no http */

void ngx_agent_status_init_module(const ngx_agent_main_conf_t *amcf);
void ngx_agent_status_init_process(const ngx_agent_main_conf_t *amcf);


/* ngx_agent_status.c: a location that inherits the handler, as of an "if" */

void ngx_agent_status_merge(ngx_conf_t *cf, const ngx_agent_loc_conf_t *prev,
    ngx_agent_loc_conf_t *conf);


/* ngx_agent_control_conf.c: the API for operators */

char *ngx_agent_conf_control(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

void ngx_agent_control_merge(ngx_conf_t *cf, ngx_agent_loc_conf_t *prev,
    ngx_agent_loc_conf_t *conf);

ngx_int_t ngx_agent_controls_init(ngx_conf_t *cf, ngx_agent_main_conf_t *amcf);


/* ngx_agent_events_conf.c: where an issuer tells of its subjects */

char *ngx_agent_conf_events(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


/* once http{} was read, before the documents of providers are listed */

ngx_int_t ngx_agent_events_init(ngx_conf_t *cf, ngx_agent_main_conf_t *amcf);


/*
 * ngx_agent_open.c: warns where a handler of ours is open to everybody.
 * loc_conf: of all modules, merged; file, line: where the directive stands.
 */

void ngx_agent_open_warn(ngx_conf_t *cf, const char *directive,
    void **loc_conf, const ngx_str_t *file, ngx_uint_t line);


#endif /* _NGX_AGENT_HANDLERS_H_INCLUDED_ */
