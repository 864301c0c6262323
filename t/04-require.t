# Conditions of one's own.  Without this a location that asks for more than a
# key, an address or a header that a map judged, would be open to each key.
#
# POLICY: design.md, 4 and 6 (requirement_failed)

use lib 't/lib';
use AgentAuth;

config_preamble(verdict_fields());

run_tests();

__DATA__

=== TEST 1: a value must be there, and not be "0"
--- keys
alpha
revoked  state=revoked
--- config
    agent_auth key;

    location = /t     { agent_require $arg_a; empty_gif; }
    location = /both  { agent_require $arg_a $arg_b; empty_gif; }
    location = /lines { agent_require $arg_a; agent_require $arg_b; empty_gif; }
    location = /text  { agent_require "$arg_a$arg_b"; empty_gif; }
    location = /fixed { agent_require "x$arg_a"; empty_gif; }
--- run
my @key = ('X-API-Key' => key 'alpha');

for my $case (
    [ 1, '/t?a=1' ],          [ 1, '/t?a=x' ],       [ 1, '/t?a=00' ],
    [ 1, '/t?a=0.0' ],        [ 1, '/t?a=false' ],   [ 1, '/t?a=-' ],
    [ 0, '/t' ],              [ 0, '/t?a=' ],        [ 0, '/t?a=0' ],
    [ 1, '/both?a=1&b=1' ],   [ 0, '/both?a=1' ],    [ 0, '/both?b=1' ],
    [ 0, '/both?a=1&b=0' ],   [ 1, '/lines?a=1&b=1' ],
    [ 0, '/lines?a=1' ],      [ 0, '/lines?b=1' ],
    [ 1, '/text?b=1' ],       [ 1, '/text?a=0&b=0' ],
    [ 0, '/text' ],           [ 0, '/text?a=0' ],
    [ 1, '/fixed' ],          [ 1, '/fixed?a=0' ],
) {
    my ($met, $path) = @$case;
    decided ask("GET $path", @key), $met ? 'ok' : 'requirement_failed', $path;
}

decided ask('GET /t?a=1', 'X-API-Key' => key 'revoked'), 'key_revoked',
    'it is asked of good keys only';
decided ask('GET /t'), 'credential_missing', 'and not instead of one';



=== TEST 2: error=401 and error=403
--- keys
alpha
--- config
    agent_auth key;
    agent_realm here;

    location = /401 { agent_require $arg_a error=401; empty_gif; }
    location = /403 { agent_require $arg_a error=403; empty_gif; }
    location = /mixed {
        agent_require $arg_a error=401;
        agent_require $arg_b;
        empty_gif;
    }
--- run
my @key = ('X-API-Key' => key 'alpha');

decided ask('GET /401', @key), 'requirement_failed', 'a 401', status => 401,
    realm => 'here';
decided ask('GET /403', @key), 'requirement_failed', 'a 403';
decided ask('GET /mixed?b=1', @key), 'requirement_failed', 'the first of two',
    status => 401, realm => 'here';
decided ask('GET /mixed?a=1', @key), 'requirement_failed',
    'the second of two';
decided ask('GET /mixed?a=1&b=1', @key), 'ok', 'both';
--- after
my $answer = ask('GET /401', 'X-API-Key' => key 'alpha');
is(fields($answer, 'WWW-Authenticate'), 'Bearer realm="here"',
    'a 401 has its challenge, without an error (RFC 9110, 15.5.2)');
$answer = ask('GET /403', 'X-API-Key' => key 'alpha');
is(fields($answer, 'WWW-Authenticate'), undef, 'a 403 has none');



=== TEST 3: what it may ask about: the identity, and what a map makes of it
--- keys
alpha  agent=billing-bot scopes=x
beta   agent=other-bot
--- http_config
    map $agent_id $is_billing {
        billing-bot  1;
        default      0;
    }
    map "$request_method $agent_scope" $may {
        "GET x"  yes;
    }
--- config
    agent_auth key;

    location = /id    { agent_require $is_billing; empty_gif; }
    location = /may   { agent_require $may; empty_gif; }
    location = /known { agent_require $agent_key_id $agent_id; empty_gif; }
    location = /early { agent_require $agent_subject; empty_gif; }
--- run
my @alpha = ('X-API-Key' => key 'alpha');
my @beta = ('X-API-Key' => key 'beta');

decided ask('GET /id', @alpha), 'ok', 'the agent';
decided ask('GET /id', @beta), 'requirement_failed', 'another agent';
decided ask('GET /may', @alpha), 'ok', 'the method and the scope';
decided ask('HEAD /may', @alpha), 'requirement_failed', 'another method';
decided ask('GET /may', @beta), 'requirement_failed', 'another scope';
decided ask('GET /known', @beta), 'ok', 'variables are there by then';
decided ask('GET /early', @beta), 'requirement_failed',
    'what a key has not is empty';



=== TEST 4: after service and scope, which have their own answers
--- keys
alpha  scopes=x services=one
--- config
    agent_auth key;
    agent_require $arg_a;

    location = /service { agent_service two; empty_gif; }
    location = /scope   { agent_service one; agent_scope y; empty_gif; }
    location = /last    { agent_service one; agent_scope x; empty_gif; }
--- run
my @key = ('X-API-Key' => key 'alpha');

decided ask('GET /service', @key), 'key_service', 'service';
decided ask('GET /scope', @key), 'scope_insufficient', 'scope', scope => 'y';
decided ask('GET /last', @key), 'requirement_failed', 'requirement';
decided ask('GET /last?a=1', @key), 'ok', 'all is met';



=== TEST 5: inherited, replaced, taken away; limit_except
--- keys
alpha
--- config
    agent_auth key;
    agent_require $arg_a;

    location = /inherits { empty_gif; }
    location = /own      { agent_require $arg_b; empty_gif; }
    location = /off      { agent_require off; empty_gif; }
    location = /except {
        agent_require $arg_b;
        limit_except GET { agent_require $arg_c; }
        empty_gif;
    }
--- run
my @key = ('X-API-Key' => key 'alpha');

decided ask('GET /inherits', @key), 'requirement_failed', 'inherited';
decided ask('GET /inherits?a=1', @key), 'ok', 'inherited, met';
decided ask('GET /own?a=1', @key), 'requirement_failed', 'replaced';
decided ask('GET /own?b=1', @key), 'ok', 'replaced, met';
decided ask('GET /off', @key), 'ok', 'off';
decided ask('GET /except?b=1', @key), 'ok', 'GET';
decided ask('PUT /except?b=1', @key), 'requirement_failed', 'PUT';



=== TEST 6: the operator sees who it was
--- keys
alpha  agent=billing-bot
--- config
    location /t {
        agent_auth key;
        agent_require $arg_a;
        empty_gif;
    }
--- request
GET /t
--- more_headers
X-API-Key: {{key 'alpha'}}
--- error_code: 403
--- audit
result=deny reason=requirement_failed agent=billing-bot status=403
