# The clock is set while tokens are cached and servers are asked.  Without this
# one step back, by an hour or a year, could let a revoked token pass for that
# long, keep a server that is well from being asked, or keep clients out; a step
# forward could let an expired one pass.
#
# requirements.md, I-06, I-09, I-10, Y-06; design.md, 9

use lib 't/lib';
use AgentClock;
use AgentAuth;
use AgentAS;
use AgentLoad;

our $as = AgentAS->start(faults => 1);
our $good = '{"active":true,"aud":"https://api.test/a","client_id":"c"}';
our $hour = 3600;

config_preamble(verdict_fields() . ' add_header Cache "$agent_cache" always;'
    . ' add_header Date-Of-Nginx $msec always;');
workers(2);

my $providers = 0;

sub provider {
    return $as->provider('t' . ++$providers, @_);
}


sub calls {
    return $as->fault_stats->{paths}{'/token/introspection'}{requests} // 0;
}


sub ask_for {
    my $answer = ask('GET /t', Authorization => "Bearer $_[0]");

    return "$answer->{status} " . (fields($answer, 'Cache') // '-');
}


# until both workers have seen the clock: connections go to either

sub stepped {
    my ($seconds) = @_;

    step($seconds);

    my $worked = await(sub {
        return !grep {
            my $now = fields(ask('GET /plain'), 'Date-Of-Nginx');
            abs($now - time - $seconds) > 60;
        } 1 .. 10;
    }, 'the clock');

    return ok($worked, "$seconds seconds from now");
}


add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(config => "agent_audience https://api.test/a;\n"
        . "location /plain { empty_gif; }\n"
        . 'location /t { agent_auth oauth; empty_gif; }');
    step(0);
});

run_tests();

__DATA__

=== TEST 1: forward
--- http_config
{{provider(max_ttl => '10m', negative_ttl => '10m')}}
--- run
my ($token, $short, $bad) = fresh(3);
my $exp = time + 300;

$as->reset;
$as->scripted('introspection', $main::good, times => 1);
$as->scripted('introspection', $main::good =~ s/}/,"exp":$exp}/r, times => 1);
$as->scripted('introspection', '{"active":false}');
is(ask_for($token), '200 miss', 'good');
is(ask_for($short), '200 miss', 'good for five minutes');
is(ask_for($bad), '401 miss', 'inactive');
is(ask_for($_), '200 hit', 'known') for $token, $short;

stepped(400);
is(ask_for($token), '200 hit', 'is good for ten minutes');
like(ask_for($short), qr/^401 /, 'is over');
stepped(700);
is(ask_for($token), '401 miss', 'is asked about again');

stepped(0);
$as->clear;



=== TEST 2: back
--- http_config
{{provider(max_ttl => '30s', negative_ttl => '30s')}}
--- run
my ($token, $bad) = fresh(2);

$as->reset;
$as->scripted('introspection', $main::good, times => 1);
$as->scripted('introspection', '{"active":false}', times => 1);
is(ask_for($token), '200 miss', 'good');
is(ask_for($bad), '401 miss', 'inactive');

# it is revoked, the other one issued, and no verdict outlives its time

$as->scripted('introspection', '{"active":false}', times => 1);
$as->scripted('introspection', $main::good, times => 1);
stepped(-$main::hour);
is(ask_for($token), '401 miss', 'what was good is asked about');
is(ask_for($bad), '200 miss', 'what was inactive, too');

# and what is learnt now is remembered, even if the clock jumps to and fro

is(ask_for($token), '401 negative', 'known');
is(ask_for($bad), '200 hit', 'known');
stepped(-3 * $main::hour);
$as->scripted('introspection', $main::good);
is(ask_for($token), '200 miss', 'farther back');
stepped(0);
is(ask_for($token), '200 miss', 'as it was');
is(ask_for($token), '200 hit', 'and known');
$as->clear;



=== TEST 3: stale verdicts
--- http_config
{{provider(max_ttl => '100ms', stale_if_error => '10m',
           breaker => 'failures=10000')}}
--- run
my ($token) = fresh();

$as->reset;
$as->scripted('introspection', $main::good, times => 1);
$as->fault(path => 'introspection', status => 500, body => '');
is(ask_for($token), '200 miss', 'good');
ok(await(sub { ask_for($token) eq '200 stale' }, 'max_ttl'), 'stale');
stepped(300);
is(ask_for($token), '200 stale', 'for ten minutes');
stepped(700);
is(ask_for($token), '503 miss', 'and not longer');
stepped(-$main::hour);
is(ask_for($token), '503 miss', 'nor if the clock is set back');
stepped(0);
$as->clear;



=== TEST 4: a breaker
--- http_config
{{provider(breaker => 'failures=1 cooldown=60s')}}
--- run
# forward: its time is over; back: it must not last longer than it may

for my $seconds ($main::hour, -$main::hour, -365 * 24 * $main::hour) {
    stepped(0);
    $as->reset;
    $as->fault(path => 'introspection', status => 500, body => '', times => 1);
    $as->scripted('introspection', $main::good);

    is(ask_for(fresh()), '503 miss', 'the server fails');
    like(ask_for(fresh()), qr/^503 /, 'and is left in peace');
    is(calls(), 1, 'one call');
    stepped($seconds);
    is(ask_for(fresh()), '200 miss', "$seconds - it is asked again");
}

stepped(0);
$as->clear;



=== TEST 5: who comes with many new tokens
--- http_config
{{provider(miss_rate => '2/m')}}
--- run
for my $seconds ($main::hour, -$main::hour) {
    stepped(0);
    $as->reset;
    $as->scripted('introspection', $main::good);
    ok(await(sub { ask_for(fresh()) =~ /^429 / }, 'the limit'), 'a limit');
    stepped($seconds);
    is(ask_for(fresh()), '200 miss', "$seconds - does not keep him out");
    ok(await(sub { ask_for(fresh()) =~ /^429 / }, 'the limit'),
        "$seconds - and still there is one");
}

stepped(0);
$as->clear;



=== TEST 6: while a server is asked
--- http_config
{{provider(timeout => '30s')}}
--- run
for my $seconds ($main::hour, -$main::hour) {
    my ($token) = fresh();
    my @waiting = warm(20, '/plain');

    stepped(0);
    $as->reset;
    $as->scripted('introspection', $main::good, hold => JSON::PP::true,
        times => 1);
    $as->scripted('introspection', $main::good);

    $_->send(asked('GET /t', Authorization => "Bearer $token")) for @waiting;
    $as->await_faults(stalled => 1);
    stepped($seconds);
    $as->release;

    is(statuses(map { $_->answer } @waiting), '200:20',
        "$seconds - all are served");
    cmp_ok(calls(), '<=', 2, "$seconds - by a call or two");
    is(ask_for($token), '200 hit', "$seconds - and it is known");
}

stepped(0);
$as->clear;
