# What is inherited, replaced and taken away.  Without this a location would
# be open that its server guards, or be judged by another one's rules.
#
# design.md, 4

use lib 't/lib';
use AgentAuth;

config_preamble(verdict_fields());

run_tests();

__DATA__

=== TEST 1: agent_auth from http, server, location; off, and on again
--- keys
alpha
--- http_config
    agent_auth key;

    server {
        listen $TEST_NGINX_PORT_1;
        add_header Agent "$agent_result $agent_reason" always;
        add_header Agent-Request $agent_request_id always;

        location / { empty_gif; }
    }

    server {
        listen $TEST_NGINX_PORT_2;
        agent_auth off;
        add_header Agent "$agent_result $agent_reason" always;

        location / { empty_gif; }
    }
--- config
    location = /http { empty_gif; }

    location /off {
        agent_auth off;
        empty_gif;
        location /off/inherits { empty_gif; }
        location /off/on       { agent_auth key; empty_gif; }
    }

    location ~ ^/regex {
        empty_gif;
        location ~ /off$ { agent_auth off; empty_gif; }
    }
--- run
my $on = sub { decided ask($_[0], @_[1 .. $#_]), 'credential_missing', $_[0] };
my $off = sub {
    my $answer = ask($_[0], @_[1 .. $#_]);
    is("$answer->{status} " . fields($answer, 'Agent'),
        '200 off not_evaluated', $_[0]);
};

$on->('GET /http');
$off->('GET /off');
$off->('GET /off/inherits');
$on->('GET /off/on');
$on->('GET /regex');
$off->('GET /regex/off');
$on->('GET /x', { port => port 1 });
$off->('GET /x', { port => port 2 });

decided ask('GET /off/on', 'X-API-Key' => key 'alpha'), 'ok', 'admitted';



=== TEST 2: what one location says of itself leaves the others alone
--- keys
alpha   scopes=a
--- config
    agent_auth key;
    agent_realm outer;
    agent_scope a;
    agent_service s;

    location /own {
        agent_realm inner;
        agent_scope b;
        agent_require $arg_r error=401;
        empty_gif;
        location /own/inner { agent_scope a; empty_gif; }
    }
    location /plain { empty_gif; }
--- run
my @key = ('X-API-Key' => key 'alpha');

decided ask('GET /plain', @key), 'ok', 'beside it';
decided ask('GET /plain'), 'credential_missing', 'beside it, its realm',
    realm => 'outer', scope => 'a';
decided ask('GET /own', @key), 'scope_insufficient', 'its own',
    realm => 'inner', scope => 'b';
decided ask('GET /own/inner', @key), 'requirement_failed',
    'within: some inherited, some replaced', realm => 'inner', status => 401;
decided ask('GET /own/inner?r=1', @key), 'ok', 'within, met';



=== TEST 3: guarded by the server: what no location speaks of
--- keys
alpha
--- config
    agent_auth key;
--- user_files
>>> a.txt
text
--- run
decided ask('GET /a.txt'), 'credential_missing', 'a file';
decided ask('GET /none.txt'), 'credential_missing',
    'no file: who may not ask does not learn it';
decided ask('GET /none.txt', 'X-API-Key' => key 'alpha'), 'ok',
    'who may ask does', audit => 0, status => 404;



=== TEST 4: within "if", which is a location of its own
--- keys
alpha   scopes=a
--- config
    location /if {
        agent_auth key;
        agent_scope a;
        agent_realm here;

        if ($arg_x) { set $y 1; }

        empty_gif;
    }
    location /server-if { empty_gif; agent_auth key; }

    set $z 0;
    if ($arg_s) { set $z 1; }
--- run
for my $query ('', '?x=1', '?s=1', '?s=1&x=1') {
    decided ask("GET /if$query"), 'credential_missing', "no key$query",
        realm => 'here', scope => 'a';
    decided ask("GET /if$query", 'X-API-Key' => key 'alpha'), 'ok',
        "a key$query";
}



=== TEST 5: several zones, each location has its own
--- key_files
>>> one.jsonl
alpha  agent=of-one
>>> two.jsonl
beta   agent=of-two
alpha  agent=also-of-two
--- http_config
    agent_key_zone zone=one:1m file=one.jsonl check=100ms;
    agent_key_zone zone=two:1m file=two.jsonl check=100ms;
--- config
    location = /one { agent_auth key=one; empty_gif; }
    location = /two { agent_auth key=two; empty_gif; }
    location /outer {
        agent_auth key=one;
        empty_gif;
        location /outer/inherits { empty_gif; }
        location /outer/other    { agent_auth key=two; empty_gif; }
        location /outer/except   {
            limit_except GET { agent_auth key=two; }
            empty_gif;
        }
    }
--- run
my @alpha = ('X-API-Key' => key 'alpha');
my @beta = ('X-API-Key' => key 'beta');

decided ask('GET /one', @alpha), 'ok', 'one';
decided ask('GET /one', @beta), 'key_unknown', 'one, a key of two';
decided ask('GET /two', @beta), 'ok', 'two';
decided ask('GET /two', @alpha), 'ok', 'two, which has both';
decided ask('GET /outer', @beta), 'key_unknown', 'outer';
decided ask('GET /outer/inherits', @beta), 'key_unknown', 'inherits';
decided ask('GET /outer/inherits', @alpha), 'ok', 'inherits, a key of one';
decided ask('GET /outer/other', @beta), 'ok', 'replaced';
decided ask('GET /outer/except', @beta), 'key_unknown', 'GET';
decided ask('PUT /outer/except', @beta), 'ok', 'PUT', status => 405;
--- after
my ($line) = grep { $_->{http_request}{url}{path} eq '/two'
    && $_->{actor}{app_name} eq 'also-of-two' } audit_lines(10);
ok($line, 'the agent is what the zone of the location says');



=== TEST 6: the only zone needs no name, also where it has one
--- keys
alpha
--- config
    location = /named { agent_auth key=keys; empty_gif; }
    location = /plain { agent_auth key; empty_gif; }
--- run
decided ask("GET $_", 'X-API-Key' => key 'alpha'), 'ok', $_
    for qw{ /named /plain };



=== TEST 7: limit_except, of its own methods only
--- keys
read    scopes=read
write   scopes=write
--- config
    location /t {
        agent_auth off;
        limit_except GET POST { agent_auth key; agent_scope write; }
        empty_gif;
    }
--- run
is(ask('GET /t')->{status}, 200, 'GET');
is(ask('HEAD /t')->{status}, 200, 'HEAD');
is(ask('POST /t', { body => 'x' })->{status}, 405, 'POST');
decided ask('PUT /t'), 'credential_missing', 'PUT', scope => 'write';
decided ask('DELETE /t', 'X-API-Key' => key 'read'), 'scope_insufficient',
    'DELETE', scope => 'write';
decided ask('PUT /t', 'X-API-Key' => key 'write'), 'ok', 'PUT, a writer',
    status => 405;



=== TEST 8: two servers on one port, chosen by name
--- keys
alpha   services=a
--- http_config
    agent_auth key;
    server {
        listen $TEST_NGINX_PORT_1;
        server_name a.test;
        agent_service a;
        add_header Agent "$agent_result $agent_reason" always;
        location / { empty_gif; }
    }
    server {
        listen $TEST_NGINX_PORT_1;
        server_name b.test;
        agent_service b;
        add_header Agent "$agent_result $agent_reason" always;
        location / { empty_gif; }
    }
--- config
    agent_auth off;
--- run
my $connection = connected(port => port 1);

for my $case ([ 'a', 'allow ok' ], [ 'b', 'deny key_service' ],
    [ 'a', 'allow ok' ])
{
    my ($host, $verdict) = @$case;

    $connection->send("GET / HTTP/1.1\r\nHost: $host.test\r\nX-API-Key: "
        . key('alpha') . "\r\n\r\n");
    is(fields($connection->answer, 'Agent'), $verdict, "$host.test");
}
