# Keys that are for some services only.  Without this a key that was given out
# for one service, and stolen there, would open all others.
#
# K-06, G-02, N-02

use lib 't/lib';
use AgentAuth;

config_preamble(verdict_fields());

run_tests();

__DATA__

=== TEST 1: a key that names services is for locations of one of them
--- keys
any
one      services=one
both     services=one,two
long     services=onetwo,on,o,One
--- config
    agent_auth key;

    location = /one  { agent_service one; empty_gif; }
    location = /two  { agent_service two; empty_gif; }
    location = /none { empty_gif; }
--- run
for my $line (grep { /\S/ } split /\n/, <<'END') {
any    /one   ok
any    /two   ok
any    /none  ok
one    /one   ok
one    /two   key_service
one    /none  key_service
both   /one   ok
both   /two   ok
both   /none  key_service
long   /one   key_service
long   /two   key_service
END
    my ($name, $path, $reason) = split ' ', $line;
    decided ask("GET $path", 'X-API-Key' => key $name), $reason,
        "$name at $path";
}



=== TEST 2: a service is inherited, replaced, taken away
--- keys
one      services=one
two      services=two
--- config
    agent_auth key;
    agent_service one;

    location /inherits {
        empty_gif;
        location /inherits/own { agent_service two; empty_gif; }
        location /inherits/off { agent_service off; empty_gif; }
    }
--- run
for my $line (grep { /\S/ } split /\n/, <<'END') {
one    /inherits      ok
two    /inherits      key_service
one    /inherits/own  key_service
two    /inherits/own  ok
one    /inherits/off  key_service
END
    my ($name, $path, $reason) = split ' ', $line;
    decided ask("GET $path", 'X-API-Key' => key $name), $reason,
        "$name at $path";
}



=== TEST 3: each request of a connection is judged by its own location (G-02)
--- keys
one      services=one
--- config
    agent_auth key;

    location = /one { agent_service one; empty_gif; }
    location = /two { agent_service two; empty_gif; }
--- run
my $connection = connected();
my @key = ('X-API-Key' => key 'one');

for my $round (1 .. 3) {
    decided answer_of($connection, 'GET /one', @key), 'ok', "one, $round";
    decided answer_of($connection, 'GET /two', @key), 'key_service',
        "two, $round";
}



=== TEST 4: the audit line names the service that was asked for, and who asked
--- keys
one      services=one agent=bot owner=team-pay
--- config
    agent_auth key;

    location = /two  { agent_service two; empty_gif; }
    location = /none { empty_gif; }
--- request eval
["GET /two", "GET /none"]
--- more_headers
X-API-Key: {{key 'one'}}
--- error_code eval
[403, 403]
--- audit
result=deny reason=key_service service=two agent=bot owner=team-pay
result=deny reason=key_service !service agent=bot
