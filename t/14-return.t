# "return" answers before access is checked.  Without this an operator would
# believe in a guard that is none.
#
# design.md, 2

use lib 't/lib';
use AgentAuth;

run_tests();

__DATA__

=== TEST 1: a location that answers by return is warned about
--- keys
alpha
--- config
    location /t {
        agent_auth key;  # fault
        return 200 "open";
    }
--- request
GET /t
--- response_body: open
--- suppress_stderr
--- startup
location "/t" answers by "return", before access is checked, and so is not guarded
--- audit
result=none reason=not_evaluated status=200 agent=unauthenticated



=== TEST 2: also where the guard is inherited
--- keys
alpha
--- config
    agent_auth key;  # fault

    location /t { return 204; }
    location /fine { empty_gif; }
--- request
GET /t
--- error_code: 204
--- suppress_stderr
--- startup
location "/t" answers by "return", before access is checked, and so is not guarded
--- no_error_log
location "/fine" answers



=== TEST 3: a server that does
--- keys
alpha
--- http_config
    server {
        listen $TEST_NGINX_PORT_1;
        agent_auth key;  # fault
        return 204;
    }
--- config
    location /t { agent_auth key; empty_gif; }
--- request
GET /t
--- error_code: 401
--- suppress_stderr
--- startup
answers by "return", before access is checked, and so is not guarded



=== TEST 4: no warning where nothing is guarded, or only some are turned away
--- keys
alpha
--- config
    location /open { return 200 "open"; }
    location /off  { agent_auth off; return 200 "open"; }
    location /some {
        agent_auth key;
        if ($arg_x) { return 404; }
        empty_gif;
    }
    location /set  { agent_auth key; set $x 1; empty_gif; }
--- request eval
["GET /open", "GET /some", "GET /some?x=1"]
--- error_code eval
[200, 401, 404]
--- no_error_log
answers by "return"
--- audit
result=deny reason=credential_missing
result=none reason=not_evaluated status=404



=== TEST 5: it is a warning: such a configuration works
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        return 200 "open";
    }
--- suppress_stderr
--- run
my ($status, $output) = nginx_run('-t');

is($status, 0, 'nginx -t succeeds');
like($output, qr/\[warn\].* answers by "return"/, 'and says so');
