# Flushes of verdicts while a server is asked.  Without this what it said before
# would go on to be believed: kept in the cache, handed to whoever waits, or to
# who comes later and joins; and keys that an issuer has withdrawn would be
# fetched before, and serve for their time.
#
# requirements.md, C-07, I-13

use lib 't/lib';
use AgentAuth;
use AgentAS;
use AgentLoad;

our $as = AgentAS->start(faults => 1);
our $good = '{"active":true,"aud":"https://api.test/a","client_id":"c",'
    . '"sub":"agent-basic"}';
our $bad = '{"active":false}';
our $caep = 'https://schemas.openid.net/secevent/caep/event-type';
our ($providers, $sets) = (0, 0);

config_preamble(verdict_fields() . ' add_header Cache "$agent_cache" always;');
workers(2);


sub provider {
    return $as->provider('corp', verify => 'auto', @_);
}


sub calls {
    return $as->fault_stats->{paths}{'/token/introspection'}{requests} // 0;
}


sub ask_for {
    my $answer = ask('GET /t', Authorization => "Bearer $_[0]");

    return "$answer->{status} " . (fields($answer, 'Cache') // '-');
}


sub flush {
    my ($body) = @_;

    is(ask('POST /control/flush', 'Content-Type' => 'application/json',
        { body => $body })->{status}, 204, "flush $body");
}


sub event {
    my ($subject) = @_;

    my $set = $as->sign('secevent+jwt', { iss => $as->issuer,
        aud => 'https://api.test/events', jti => "set-$$-" . ++$sets,
        iat => time, sub_id => { format => 'iss_sub', iss => $as->issuer,
                                 sub => $subject },
        events => { "$caep/token-claims-change"
                        => { claims => { role => 'ro' } } } });

    is(ask('POST /events', 'Content-Type' => 'application/secevent+jwt',
        { body => $set })->{status}, 202, "event for $subject");
}


# So many wait for one call, whose answer is "good" and held; what the server
# says from then on is the second.  Then the code, and the answer comes: what
# each of them gets.

sub held {
    my ($n, $token, $then, $code) = @_;

    my @waiting = map { connected() } 1 .. $n;

    $as->reset;
    $as->scripted('introspection', $good, hold => JSON::PP::true, times => 1);
    $as->scripted('introspection', $then);

    $_->send(asked('GET /t', Authorization => "Bearer $token")) for @waiting;
    $as->await_faults(stalled => 1);
    $code->();
    $as->release;

    return statuses(map { $_->answer } @waiting);
}


add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(config => <<'CONF');
    agent_audience https://api.test/a;
    agent_audit logs/audit.log flush=20ms;
    location /plain { empty_gif; }
    location /t { agent_auth oauth; empty_gif; }
    location /control/ { allow 127.0.0.1; deny all; agent_control; }
    location = /events {
        agent_security_events provider=corp
                              audience=https://api.test/events;
    }
CONF
    $block->set_value(http_config =>
        "agent_revocations zone=revocations:1m state=logs/state;\n"
        . $block->http_config);
});

run_tests();

__DATA__

=== TEST 1: who waits gets what the server says after the flush
--- http_config
{{provider()}}
--- run
my %flush = (
    'all'      => sub { flush('{"all":true}') },
    'token'    => sub { flush("{\"token\":\"$_[0]\"}") },
    'subject'  => sub { flush('{"subject":"agent-basic"}') },
    'provider' => sub { flush('{"provider":"corp"}') },
    'event'    => sub { event('agent-basic') },
);

for my $what (sort keys %flush) {
    my $token = fresh();

    is(held(1, $token, $main::bad, sub { $flush{$what}->($token) }), '401:1',
        "$what: is asked again");
    is(calls(), 2, "$what: once");
    is(ask_for($token), '401 negative', "$what: and that is known");
    is(calls(), 2, "$what: to all");
}

# what was flushed is not this one

my %other = (
    'token'    => sub { flush('{"token":"another"}') },
    'subject'  => sub { flush('{"subject":"another"}') },
    'event'    => sub { event('another') },
);

for my $what (sort keys %other) {
    my $token = fresh();

    is(held(1, $token, $main::bad, $other{$what}), '200:1',
        "another $what: is as it was");
    is(ask_for($token), '200 hit', "another $what: and known");
    is(calls(), 1, "another $what: one call");
}

$as->clear;



=== TEST 2: many who wait, and who comes after the flush, of all workers
--- http_config
{{provider()}}
--- run
my $token = fresh();
my @later;

is(held(20, $token, $main::bad, sub {
    flush('{"all":true}');

    # what is written before the plain request is read before it, too
    @later = warm(20, '/plain');
    $_->send(asked('GET /t', Authorization => "Bearer $token")) for @later;
    ask('GET /plain') for 1 .. 20;
}), '401:20', 'before the flush');

is(statuses(map { $_->answer } @later), '401:20', 'after the flush');
cmp_ok(calls(), '<=', 3, 'the server is not flooded');
is(ask_for($token), '401 negative', 'it is known');
$as->clear;



=== TEST 3: flushed once more
--- http_config
{{provider()}}
--- run
my $token = fresh();
my ($waiting) = connected();

$as->reset;
$as->scripted('introspection', $main::good, hold => JSON::PP::true,
    times => 3);
$as->scripted('introspection', $main::bad);
$waiting->send(asked('GET /t', Authorization => "Bearer $token"));

for my $n (1 .. 3) {
    await(sub { calls() == $n }, "call $n");
    flush('{"all":true}');
    $as->release;
}

is($waiting->answer->{status}, 401, 'what was said at last');
is(calls(), 4, 'each flush has a call of its own');
$as->clear;



=== TEST 4: no longer than a call may take
--- http_config
{{provider(timeout => '1s')}}
--- run
my $token = fresh();
my ($waiting) = connected();

$as->reset;
$as->scripted('introspection', $main::good, hold => JSON::PP::true);
$waiting->send(asked('GET /t', Authorization => "Bearer $token"));
$as->await_faults(stalled => 1);
flush('{"all":true}');
is($waiting->answer->{status}, 503, 'nobody answers');
$as->release;
$as->clear;



=== TEST 5: a stale verdict that was flushed is not what is left
--- http_config
{{provider(max_ttl => '100ms', stale_if_error => '10m',
           breaker => 'failures=10000')}}
--- run
for my $flush (0, 1) {
    my $token = fresh();
    my $waiting = connected();

    $as->reset;
    $as->scripted('introspection', $main::good, times => 1);
    $as->fault(path => 'introspection', status => 500, body => '');
    is(ask_for($token), '200 miss', 'good');
    ok(await(sub { ask_for($token) eq '200 stale' }, 'max_ttl'), 'stale');
    $as->reset;
    $as->fault(path => 'introspection', status => 500, body => '',
        hold => JSON::PP::true);
    $waiting->send(asked('GET /t', Authorization => "Bearer $token"));
    $as->await_faults(stalled => 1);
    flush('{"all":true}') if $flush;
    $as->release;

    my $answer = $waiting->answer;
    is("$answer->{status} " . fields($answer, 'Cache'),
        $flush ? '503 miss' : '200 stale', $flush ? 'flushed' : 'as it was');
    $as->clear;
}



=== TEST 6: keys that are being fetched are fetched again
--- http_config
{{provider(verify => 'jwt')}}
--- run
my $fetches = sub {
    return $as->fault_stats->{paths}{'/jwks'}{requests} // 0;
};

# the repetition before this one left others

$as->clear;
flush('{"provider":"corp"}');

my $jwt = $as->token('agent-basic', scope => 'x',
    resource => 'https://api.test/a?format=jwt');

ok(await(sub { ask_for($jwt) =~ /^200/ }, 'keys'), 'good');
$as->reset;

# what is held is a set with its key; the server has another one by then

$as->fault(path => '/jwks', hold => JSON::PP::true, times => 1);
$as->scripted('jwks', JSON::PP->new->encode({ keys => [
    { %{ $as->jwk($as->dir . '/agent-es256.key') }, kid => 'other' } ] }));

flush('{"provider":"corp"}');
$as->await_faults(stalled => 1);
is(ask_for($jwt), '200 miss', 'old keys serve until then');
flush('{"provider":"corp"}');
is($fetches->(), 1, 'one fetch at a time');
$as->release;

ok(await(sub { ask_for($jwt) =~ /^401/ }, 'other keys'),
    'the key that was withdrawn is not trusted');
is($fetches->(), 2, 'by another fetch');
$as->clear;
