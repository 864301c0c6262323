# An authorization server that fails.  Without this a server that is down would
# turn every client away as unknown, or let one in; a wrong answer could be
# taken for a good one, or be remembered; and a server in trouble would get
# more calls instead of fewer.
#
# requirements.md, I-05, I-08, I-09; RFC 7662, 2.3

use lib 't/lib';
use AgentAuth;
use AgentAS;

use Time::HiRes qw/ sleep time /;

our $as = AgentAS->start(faults => 1);

config_preamble(verdict_fields() . ' add_header Cache "$agent_cache" always;');

our ($providers, $tokens) = (0, 0);

sub provider {
    return $as->provider('b' . ++$providers, breaker => 'failures=1000', @_);
}


our $good = '{"active":true,"aud":"https://api.test/a","client_id":"c"}';

sub calls {
    return $as->fault_stats->{paths}{'/token/introspection'}{requests} // 0;
}


sub some {
    return planted("CANARY-some-$$-" . ++$tokens);
}


sub ask_for {
    return ask('GET ' . ($_[1] // '/t'), Authorization => "Bearer $_[0]");
}


# Under the rule nobody passes, for this reason; afterwards the same token is
# asked about anew, and is good.  A timeout that is short may be too short for
# a server on a busy machine, but each request is a call.

sub fails {
    my ($reason, $what, %rule) = @_;

    my $token = some();

    $as->clear;
    $as->fault(path => 'introspection', %rule);

    my $answer = decided(ask_for($token), $reason, $what);

    like(fields($answer, 'Retry-After') // '', qr/^[1-9]\d*$/,
        "$what - Retry-After");

    $as->clear;
    $as->scripted('introspection', $good);

    my $before = calls();
    my $asked = 0;

    AgentAuth::await(sub {
        $answer = ask_for($token);
        return $answer->{status} == 200 || calls() - $before != ++$asked;
    }, "$what - the token");

    decided($answer, 'ok', "$what - not remembered");
    $as->clear;
}


add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(config => "agent_audience https://api.test/a;\n"
        . 'location /t { agent_auth oauth; empty_gif; }')
        unless defined $block->config;
});

run_tests();

__DATA__

=== TEST 1: no answer
--- http_config
{{provider()}}
--- run
my $u = 'provider_unavailable';

fails $u, 'reset', reset => 0;
fails $u, 'closed', cut => 0;
fails $u, 'status 500', status => 500, body => '{"active":false}';
fails $u, 'status 503', status => 503, body => $main::good;
fails $u, 'status 429', status => 429, body => '',
    headers => { 'Retry-After' => '7' };

my $token = some();

$as->listening(0);
$as->hang_up;
decided ask_for($token), $u, 'refuses connections';
$as->listening(1);
$as->scripted('introspection', $main::good);
decided ask_for($token), 'ok', 'not remembered';
$as->clear;



=== TEST 2: no answer in time
--- http_config
{{provider(timeout => '400ms')}}
--- run
my $u = 'provider_unavailable';

fails $u, 'stalls before the first octet', stall => 0;
fails $u, 'stalls in the head', stall => 20;
fails $u, 'stalls in the body', status => 200, body => $main::good,
    stall => 100;



=== TEST 3: an answer that is none
--- http_config
{{provider()}}
--- run
my $b = 'provider_bad_answer';
my @good = (status => 200, body => $main::good);

fails $b, 'cut off in the body', @good, cut => 100;
fails $b, 'compressed', @good, gzip => JSON::PP::true;
fails $b, 'a redirect', status => 302, body => $main::good,
    headers => { Location => $main::as->url('introspection') };
fails $b, 'status 404', status => 404, body => '{"active":false}';
fails $b, 'status 400', status => 400, body => '{"active":false}';
fails $b, 'too large', pad => 2_000_000;
fails $b, 'endless', endless => JSON::PP::true;
fails $b, 'octets that are no HTTP', raw => "SSH-2.0-x\r\n\r\n";
fails $b, 'a bad length', raw => "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"
    . $main::good;
fails $b, 'two lengths', raw => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
    . "Content-Length: 6\r\n\r\n$main::good";
fails $b, 'a bad size of a chunk', raw => "HTTP/1.1 200 OK\r\n"
    . "Transfer-Encoding: chunked\r\n\r\nzz\r\n$main::good\r\n0\r\n\r\n";

my $token = some();
$as->fault(path => 'introspection', @good, chunked => 'good');
decided ask_for($token), 'ok', 'good chunks';
$as->clear;



=== TEST 4: an answer of another kind
--- http_config
{{provider()}}
--- run
my $b = 'provider_bad_answer';

for (
    '{"active":"true"}', '{"active":1}', '{"active":null}', '{}', '[]', '',
    'true', '"active"', '[{"active":true}]', '{"active":true',
    '{"active":true}x', '{"active":true,"active":true}',
    '{"active":false,"active":true}', '{"Active":true}',
    '{"active":true,"exp":"soon"}', '{"active":true,"scope":{}}',
    '{"active":true,"aud":[["https://api.test/a"]]}',
    '{"active":true,"aud":7}', '{"active":true,"iss":["x"]}',
    '{"active":true,"a":' . '[' x 5000 . ']' x 5000 . '}',
) {
    my $what = length > 60 ? 'deep nesting' : $_ eq '' ? 'nothing' : $_;

    fails $b, $what, status => 200, body => $_;
}



=== TEST 5: our own credentials are refused
--- http_config
{{provider(as => 'gate-post', client_auth => 'client_secret_post')}}
--- run
# what has been said before does not keep the alert back
fails 'provider_bad_answer', 'no JSON', status => 200, body => '[]';
fails 'provider_refused_client', 'status 401', status => 401,
    body => '{"error":"invalid_client"}';
fails 'provider_refused_client', 'status 403', status => 403, body => '';
--- serious
1 refuses our own credentials with status 401
--- no_error_log
secret-of-gate



=== TEST 6: a server that fails is left in peace, and is asked again
--- http_config
{{provider(breaker => 'failures=3 cooldown=1h')}}
{{provider(breaker => 'failures=3 cooldown=300ms')}}
--- config
    agent_audience https://api.test/a;
    location /t { agent_auth oauth=b{{$main::providers - 1}}; empty_gif; }
    location /u { agent_auth oauth=b{{$main::providers}}; empty_gif; }
--- run
$as->reset;
$as->fault(path => 'introspection', status => 500, body => '');

# the pause of one of them outlasts the test, that of the other is over soon

if (!our $paused++) {
    decided ask_for(some()), 'provider_unavailable', "failure $_" for 1 .. 3;
    is(calls(), 3, 'three calls');
    decided ask_for(some()), 'provider_unavailable', "paused $_" for 1 .. 3;
    is(calls(), 3, 'and no more');
}

decided ask_for(some(), '/u'), 'provider_unavailable', "failure $_" for 1 .. 3;

$as->clear;
$as->scripted('introspection', $main::good);
ok(await(sub { ask_for(some(), '/u')->{status} == 200 }, 'the end'),
    'it is asked again');
decided ask_for(some(), '/u'), 'ok', 'and goes on';
$as->clear;



=== TEST 7: what was good serves on for a while
--- http_config
{{provider(max_ttl => '100ms', stale_if_error => '60s')}}
--- run
my $token = some();

$as->reset;
$as->scripted('introspection', $main::good, times => 1);
$as->fault(path => 'introspection', status => 500, body => '');
decided ask_for($token), 'ok', 'good';

my $answer;
ok(await(sub { $answer = ask_for($token); calls() > 1 }, 'max_ttl'),
    'it is asked about again');
decided $answer, 'ok', 'the server is down';
is(fields($answer, 'Cache'), 'stale', 'and it is said');
decided ask_for(some()), 'provider_unavailable', 'another one';

$as->clear;
$as->fault(path => 'introspection', status => 401, body => '');
decided ask_for($token), 'provider_refused_client', 'not for a refused client';
$as->clear;
$as->scripted('introspection', '{"active":false}');
decided ask_for($token), 'token_inactive', 'revoked';
$as->clear;
$as->fault(path => 'introspection', status => 500, body => '');
decided ask_for($token), 'token_inactive', 'nor once it is known as revoked';
$as->clear;
--- serious
1 refuses our own credentials with status 401



=== TEST 8: a connection that the server closed
--- http_config
{{provider()}}
--- run
for my $close (JSON::PP::true, 'silent') {
    $as->reset;
    $as->scripted('introspection', $main::good, close => $close);
    decided ask_for(some()), 'ok', "$close - $_" for 1 .. 5;
}

$as->reset;
$as->scripted('introspection', $main::good);
decided ask_for(some()), 'ok', "kept - $_" for 1 .. 5;
cmp_ok($as->fault_stats->{connections}, '<=', 1, 'one connection');

# closed while nothing was under way, and while the request was
$as->hang_up;
decided ask_for(some()), 'ok', 'closed before';
$as->clear;
$as->fault(path => 'introspection', cut => 0, times => 1);
$as->scripted('introspection', $main::good);
decided ask_for(some()), 'ok', 'closed under way';

# of two that were idle the other one is not tried: it may be as dead

$as->reset;
$as->scripted('introspection', $main::good, hold => JSON::PP::true);
my @waiting = map { connected() } 1, 2;
$_->send("GET /t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    . 'Authorization: Bearer ' . some() . "\r\n\r\n") for @waiting;
$as->await_faults(stalled => 2);
$as->release;
is($_->answer->{status}, 200, 'one of two') for @waiting;

my %idle = map { $_->{connection} => 1 } $as->seen;

is(scalar keys %idle, 2, 'two connections are idle');
$as->clear;
$as->fault(path => 'introspection', reset => 0, times => 1);
$as->scripted('introspection', $main::good);
decided ask_for(some()), 'ok', 'broken under way';

my (undef, undef, @by) = map { $_->{connection} } $as->seen;

is(join(' ', map { $idle{$_} ? 'idle' : 'new' } @by), 'idle new',
    'which is asked again by a new one');
$as->clear;



=== TEST 8: what no location changes is remembered like inactive
--- http_config
{{provider(negative_ttl => '60s')}}
--- run
my $now = int time;
my $of = sub { '{"active":true,"aud":"https://api.test/a",' . $_[0] . '}' };

for (
    [ 'issuer_mismatch', $of->('"iss":"https://another.example"') ],
    [ 'token_expired', $of->('"exp":' . ($now - 1)) ],
    [ 'token_not_yet_valid', $of->('"nbf":' . ($now + 3600)) ],
    [ 'token_claims', $of->('"token_type":"DPoP"') ],
    [ 'token_inactive', '{"active":false}' ],
) {
    my ($reason, $body) = @$_;
    my $token = some();

    $as->reset;
    $as->scripted('introspection', $body);
    decided ask_for($token), $reason, "$reason - once";

    my $answer = decided ask_for($token), $reason, "$reason - twice";

    is(fields($answer, 'Cache'), 'negative', "$reason - remembered");
    is(calls(), 1, "$reason - one call");
}

# the audience is another one at another location
my $token = some();
$as->reset;
$as->scripted('introspection', '{"active":true,"aud":"https://api.test/b"}');
decided ask_for($token), 'audience_mismatch', 'here';
decided ask('GET /u', Authorization => "Bearer $token"), 'ok', 'there';
is(calls(), 1, 'one call');
$as->clear;
--- config
    agent_audience https://api.test/a;
    location /t { agent_auth oauth; empty_gif; }
    location /u {
        agent_auth      oauth;
        agent_audience  https://api.test/b;
        empty_gif;
    }



=== TEST 9: a token not yet valid is forgotten when it is
--- http_config
{{provider(negative_ttl => '60s')}}
--- run
my ($token, $answer, @before);

# a machine that is slow gets a longer time

for my $seconds (1, 8, 50) {
    my $begin = time + $seconds;

    $token = some();
    $as->reset;
    $as->scripted('introspection', sprintf
        '{"active":true,"aud":"https://api.test/a","nbf":%.3f}', $begin);
    @before = map { ask_for($token) } 1, 2;
    last if time < $begin;
}

decided $_, 'token_not_yet_valid', 'before' for @before;
is(calls(), 1, 'one call');
ok(await(sub { ($answer = ask_for($token))->{status} == 200 }, 'its time'),
    'its time comes');
decided $answer, 'ok', 'then';
is(calls(), 2, 'another call');
$as->clear;
