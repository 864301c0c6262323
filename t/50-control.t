# The API for operators: what its resources answer, who may ask, and what it
# refuses.  Without this an operator could not see a provider that is down or a
# key file that is refused, a stranger could change what is in force, and a
# malformed call could change something or put what it brought into a log.
#
# requirements.md, V-01, N-06, T-01

use lib 't/lib';
use AgentAuth;
use AgentAS;

our $as = AgentAS->start(faults => 1);

config_preamble(verdict_fields());
workers(2);

our $providers = 0;

sub provider {
    return $as->provider('c' . ++$providers, jwks_uri => $as->url('jwks'),
        verify => 'auto', @_);
}


# call 'POST', 'flush', '{"all":true}': the answer, and in json its body

sub call {
    my ($method, $path, $body, %option) = @_;

    my $type = exists $option{type} ? $option{type} : 'application/json';

    my @headers = defined $body && defined $type
        ? ('Content-Type' => $type) : ();
    push @headers, @{ $option{headers} // [] };

    my $answer = ask("$method /control/$path", @headers,
        { defined $body ? (body => $body) : () });

    $answer->{json} = eval { JSON::PP->new->utf8->decode($answer->{body}) };

    return $answer;
}


# a refusal: problem details of this status, which quote nothing of the body

sub problem {
    my ($answer, $status, $what, @secrets) = @_;

    my $json = $answer->{json} // {};

    is(join(' ', $answer->{status}, fields($answer, 'Content-Type') // '-',
            $json->{status} // '-', fields($answer, 'Cache-Control') // '-'),
        "$status application/problem+json $status no-store", $what);

    for (@secrets) {
        is(index($answer->{body}, $_), -1, "$what, without an echo");
    }
}


add_block_preprocessor(sub {
    my ($block) = @_;

    return if defined $block->config || defined $block->emerg
        || defined $block->startup;

    $block->set_value(config => "agent_audience https://api.test/a;\n"
        . "agent_audit logs/audit.log flush=20ms;\n"
        . 'location /control/ { allow 127.0.0.1; deny all; agent_control; }'
        . 'location /t { agent_auth oauth; empty_gif; }');
});

run_tests();

__DATA__

=== TEST 1: what is there, and what may be done with it
--- keys
alpha
--- http_config
{{provider()}}
--- run
for (['GET', 'zones', 200], ['HEAD', 'zones', 200],
     ['GET', 'providers', 200], ['HEAD', 'providers', 200],
     ['GET', 'keys/keys/' . key_id('alpha'), 200])
{
    my $answer = call($_->[0], $_->[1]);

    is("$answer->{status} " . fields($answer, 'Content-Type') . ' '
        . fields($answer, 'Cache-Control'),
        "$_->[2] application/json no-store", "$_->[0] $_->[1]");
    is(length $answer->{body} ? 1 : 0, $_->[0] eq 'HEAD' ? 0 : 1, 'its body');
}

for (['POST', 'zones', 'GET, HEAD'], ['DELETE', 'providers', 'GET, HEAD'],
     ['GET', 'flush', 'POST'], ['PUT', 'flush', 'POST'],
     ['PROPFIND', 'revocations', 'GET, HEAD, POST'],
     ['GET', 'revocations/x', 'DELETE'], ['DELETE', 'keys/keys/x', 'GET, HEAD'],
     ['GET', 'keys/keys/x/suspend', 'POST'],
     ['GET', 'global-token-revocation', 'POST'])
{
    my $answer = call($_->[0], $_->[1]);

    problem($answer, 405, "$_->[0] $_->[1]");
    is(fields($answer, 'Allow'), $_->[2], 'allowed are others');
}

problem(call('GET', $_), 404, "no \"$_\"")
    for '', 'x', 'zones/', 'zones/x', 'revocations/', 'revocations/a/b',
        'keys', 'keys/keys', 'keys/keys/', 'keys//x', 'keys/keys/x/y',
        'revocations/' . 'x' x 129, 'keys/nowhere/x', 'keys/keys/nobody';



=== TEST 2: what is out of the question
--- keys
alpha
--- http_config
{{provider()}}
--- run
my $secret = planted("CANARY-control-$$");
my $deep = '[' x 40 . ']' x 40;

my %bad = (
    flush => [
        '', ' ', 'x', 'null', 'true', '1', '"x"', '[]', '[{"all":true}]', '{',
        '{}', '{"all":true', '{"all":true}x', '{"all":true,}', '{"all":false}',
        '{"all":1}', '{"all":"true"}', '{"all":null}', '{"all":true,"all":true}',
        '{"all":true,"subject":"x"}', '{"token":"x","subject":"x"}',
        '{"subject":""}', '{"subject":1}', '{"subject":null}',
        '{"subject":["x"]}', '{"subject":{"x":1}}',
        '{"subject":"' . 'x' x 2049 . '"}', "{\"subject\":\"\xff\"}",
        "{\"subject\":\"\\u0000\"}", "{\"subject\":\"a\nb\"}",
        '{"subject":"\ud800"}', '{"token_sha256":"x"}',
        '{"token_sha256":"' . 'A' x 64 . '"}',
        '{"token_sha256":"' . 'g' x 64 . '"}',
        '{"token_sha256":"' . 'a' x 63 . '"}',
        '{"token_sha256":"' . 'a' x 66 . '"}',
        "{\"token\":\"$secret\",\"x\":1}", "{\"$secret\":true}",
        "{\"token\":\"$secret\"", "{\"token\":[\"$secret\"]}",
        '{"provider":""}', "{\"provider\":\"x\",\"$secret\":\"x\"}",
        "{\"all\":$deep}", $deep, "\xef\xbb\xbf{\"all\":true}", "\0",
        "{\"all\":true}\0", 'all=true', '{"all":tru}', "{'all':true}",
        '{"all":true}{"all":true}', '{"all":01}', '{all:true}', '//',
        '{"all":/**/true}', '{"ALL":true}', '{"all ":true}',
    ],
);

my $before = call('GET', 'zones')->{json}{tokens}{flushes};

for my $path (sort keys %bad) {
    my $n = 0;

    problem(call('POST', $path, $_), 400, "$path, bad body " . ++$n, $secret)
        for @{ $bad{$path} };
}

problem(call('POST', 'flush', '{"provider":"nobody"}'), 404,
    'a provider that is not there');
problem(call('POST', 'flush', '{"all":true}', type => $_), 415,
    'a body that is ' . ($_ // 'nothing'))
    for undef, 'text/json', 'application/jsonx', 'application/json-seq',
        'application/x-www-form-urlencoded', '';
problem(call('POST', 'flush', ' ' x 65537), 413, 'too long a body');

is(call('GET', 'zones')->{json}{tokens}{flushes}, $before,
    'nothing was flushed');
is(scalar(grep { index($_, $secret) >= 0 } error_lines()), 0,
    'and nothing of it is in the log');
is(join(' ', map { $_->{class_uid} } audit_rest()), '', 'nor audited');



=== TEST 3: media types and ways to send a body
--- http_config
    client_body_buffer_size 1k;
{{provider()}}
--- run
for my $type ('application/json', 'APPLICATION/JSON',
    'application/json; charset=utf-8', "application/json\t;x=y")
{
    my $answer = call('POST', 'flush', '{"all":true}', type => $type);

    is($answer->{status}, 204, "\"$type\"");
    is($answer->{body}, '', 'and nothing more');
    is(fields($answer, 'Content-Length'), undef, 'not even its length');
}

my $long = '{"all":true' . ' ' x 60000 . '}';
is(call('POST', 'flush', $long)->{status}, 204, 'one that goes to a file');

my $post = "POST /control/flush HTTP/1.1\r\nHost: localhost\r\n"
    . "Content-Type: application/json\r\n";

for ([ 1, 200 ], [ 5000, 5 ]) {
    my ($size, $count) = @$_;

    my $connection = connected();
    $connection->send("${post}Transfer-Encoding: chunked\r\n"
        . "Connection: close\r\n\r\n");
    $connection->send(sprintf("%x\r\n%s\r\n", $size, ' ' x $size))
        for 1 .. $count;
    $connection->send("c\r\n{\"all\":true}\r\n0\r\n\r\n");
    is($connection->answer->{status}, 204, "$count chunks of $size");
}

my $connection = connected();
$connection->send("${post}Transfer-Encoding: chunked\r\n"
    . "Connection: close\r\n\r\n");
$connection->send(sprintf("%x\r\n%s\r\n", 8192, ' ' x 8192)) for 1 .. 9;
$connection->send("0\r\n\r\n");

my $answer = $connection->answer;
$answer->{json} = JSON::PP->new->utf8->decode($answer->{body});
problem($answer, 413, 'too many chunks');

$connection = connected();
$connection->send("${post}Content-Length: 12\r\nExpect: 100-continue\r\n"
    . "Connection: close\r\n\r\n");
like($connection->octets(12), qr{^HTTP/1.1 100}, 'a client that waits');
$connection->more until $connection->{buffer} =~ /\r\n\r\n/
    || $connection->{buffer} =~ /^\r\n/;
$connection->{buffer} =~ s/^.*?\r\n\r\n//s;
$connection->send('{"all":true}');
is($connection->answer->{status}, 204, 'gets its answer');

# the body of a refused request is not the next request

$connection = connected();
$connection->send("POST /control/flush HTTP/1.1\r\nHost: localhost\r\n"
    . "Content-Length: 12\r\n\r\n{\"all\":true}"
    . "GET /control/zones HTTP/1.1\r\nHost: localhost\r\n"
    . "Connection: close\r\n\r\n");
is($connection->answer->{status}, 415, 'a body that nobody reads');
is($connection->answer->{status}, 200, 'and the request behind it');



=== TEST 4: a key, as table and state have it
--- keys
alpha  owner=team
early  not_before=2098-01-01T00:00:00Z
late   expires=2001-01-01T00:00:00Z
gone   state=revoked
held   state=suspended
old    imported=1
--- http_config
{{provider()}}
--- run
for (['alpha', 'ok'], ['early', 'key_not_yet_valid'], ['late', 'key_expired'],
     ['gone', 'key_revoked'], ['held', 'key_suspended'], ['old', 'ok', 'old'])
{
    my ($name, $reason, $id) = @$_;
    my $json = call('GET', 'keys/keys/' . ($id // key_id($name)))->{json};

    is("$json->{zone} $json->{id} $json->{agent} $json->{file} $json->{reason} "
        . ($json->{usable} ? 1 : 0) . ($json->{suspended} ? 1 : 0),
        'keys ' . ($id // key_id($name)) . " $name $reason $reason "
        . ($reason eq 'ok' ? 1 : 0) . '0', $name);
    ok(!grep({ $json->{$_} =~ /sha256/ } keys %$json), 'without its digest');
}

my $json = call('GET', 'keys/keys/' . key_id('early'))->{json};
is("$json->{not_before} $json->{expires}",
    '2098-01-01T00:00:00Z 2099-01-01T00:00:00Z', 'its times');
is(call('GET', 'keys/keys/' . key_id('alpha'))->{json}{owner}, 'team',
    'its owner');



=== TEST 5: a provider that is down, and what is known of it
--- http_config
{{provider(breaker => 'failures=1 cooldown=1h', timeout => '2s')}}
--- run
my $json = call('GET', 'providers')->{json}{providers}[0];
is($json->{issuer}, $as->issuer, 'whose it is');
like($json->{name}, qr/^c\d+$/, 'its name');

SKIP: {
    skip 'its breaker is open', 3 if $json->{breaker} eq 'open';

    is("$json->{breaker} $json->{failures} $json->{keys}{generation}",
        'closed 0 0', 'at first');

    my $token = planted("CANARY-down-$$");
    $as->fault(path => 'introspection', status => 500, times => 1);
    is(ask('GET /t', Authorization => "Bearer $token")->{status}, 503,
        'an error of the server');
    $as->clear;

    $json = call('GET', 'providers')->{json}{providers}[0];
    is($json->{breaker}, 'open', 'is seen');
}

cmp_ok($json->{retry_after}, '>', 0, 'and how long it lasts');



=== TEST 6: a key file that is refused
--- keys
alpha
--- http_config
{{provider()}}
--- run
my $zone;

# the repetition before this one left another file

await(sub {
    $zone = call('GET', 'zones')->{json}{keys}[0];
    $zone->{keys} == 1 && $zone->{state} eq 'current';
});

is("$zone->{zone} $zone->{keys} $zone->{state}", 'keys 1 current', 'at first');
my $generation = $zone->{generation};

write_file('keys.jsonl', "no record\n");
await(sub { call('GET', 'zones')->{json}{keys}[0]{state} eq 'refused' });

$zone = call('GET', 'zones')->{json}{keys}[0];
is("$zone->{generation} $zone->{keys} $zone->{state}",
    "$generation 1 refused", 'what was there is in force');

write_keys('keys.jsonl', "alpha\nbeta\n");
await(sub { call('GET', 'zones')->{json}{keys}[0]{state} eq 'current' });
$zone = call('GET', 'zones')->{json}{keys}[0];
cmp_ok($zone->{generation}, '>', $generation, 'another generation');
is($zone->{keys}, 2, 'of two keys');
like($zone->{loaded}, qr/^\d{4}-\d\d-\d\dT[\d:]{8}Z$/, 'loaded just now');
write_keys('keys.jsonl', "alpha\n");



=== TEST 7: without zones, keys or providers
--- config
    location /control/ { allow all; agent_control; }
--- run
is(call('GET', 'zones')->{body}, "{\"keys\":[]}\n", 'no zones');
is(call('GET', 'providers')->{body}, "{\"providers\":[]}\n", 'no providers');
is(call('POST', 'flush', '{"all":true}')->{status}, 204, 'nothing to flush');
problem(call($_->[0], $_->[1], $_->[2]), 501, "$_->[0] $_->[1]")
    for ['GET', 'revocations'], ['POST', 'revocations', '{}'],
        ['DELETE', 'revocations/x'],
        ['POST', 'global-token-revocation', '{}'],
        ['POST', 'keys/keys/x/revoke', '{}'];



=== TEST 8: faults of the configuration
--- config
    location = /control { agent_control; }    # fault
--- emerg
"agent_control" must stand in a location that is a prefix



=== TEST 9: a regular expression is no prefix
--- config
    location ~ /control { agent_control; }    # fault
--- emerg
"agent_control" must stand in a location that is a prefix



=== TEST 10: a parameter
--- config
    location /control/ { agent_control email=yes; }    # fault
--- emerg
invalid parameter "email=yes" in "agent_control"



=== TEST 11: a time
--- config
    location /control/ { agent_control keep=0; }    # fault
--- emerg
invalid parameter "keep=0" in "agent_control"



=== TEST 12: a provider that is not there
--- config
    location /control/ { agent_control provider=nobody; }    # fault
--- emerg
unknown provider "nobody" in "agent_control"



=== TEST 13: twice
--- config
    location /control/ {
        agent_control;
        agent_control;    # fault
    }
--- emerg
"agent_control" directive is duplicate



=== TEST 14: nobody is kept out, and nobody audited
--- config
    location /control/ { agent_control; }    # fault
--- startup
"agent_control" is open to whoever can connect
who changes what by "agent_control" is not audited
--- request
GET /control/zones
--- error_code: 200



=== TEST 15: who may ask
--- keys
admin  scopes=gate:control
alpha
--- config
    agent_audit logs/audit.log flush=20ms;

    location /control/ {
        agent_auth key;
        agent_scope gate:control;
        agent_control;
    }

    location /denied/ { deny all; agent_control; }
    location /mirrored { mirror /control/zones; empty_gif; }
--- run
is(call('GET', 'zones')->{status}, 401, 'not a stranger');
is(call('GET', 'zones', undef, headers => ['X-API-Key' => key 'alpha'])
    ->{status}, 403, 'nor a key without the scope');
is(call('POST', 'flush', '{"all":true}',
    headers => ['X-API-Key' => key 'alpha'])->{status}, 403,
    'which changes nothing');
is(call('POST', 'flush', '{"all":true}',
    headers => ['X-API-Key' => key 'admin'])->{status}, 204, 'one with it');
is(ask('GET /denied/zones')->{status}, 403, 'where nobody may');
is(ask('GET /mirrored')->{status}, 200, 'a mirror');

my @lines = grep { $_->{class_uid} == 3004 } audit_lines(6);

is(scalar @lines, 1, 'one change');
is("$lines[0]{actor}{app_name} $lines[0]{unmapped}{agent_control}{change} "
    . "$lines[0]{entity}{uid} $lines[0]{src_endpoint}{ip}",
    'admin flush all 127.0.0.1', 'and who made it');
