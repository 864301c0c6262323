# A herd: many requests for tokens that are not known yet.  Without this each of
# them would cost a call, they would wait for one another, or a worker that dies
# with the call would leave the others without an answer.
#
# requirements.md, I-10, I-13; design.md, 9
#
# What is asserted stands on a busy machine; what was measured is said as a
# note, beside the target for a quiet one.

use lib 't/lib';
use AgentAuth;
use AgentAS;
use AgentLoad;

use Time::HiRes qw/ time /;

our $as = AgentAS->start(faults => 1);
our $good = '{"active":true,"aud":"https://api.test/a","client_id":"c"}';

# with the milliseconds that each request took as nginx sees it
config_preamble(verdict_fields() . ' add_header Cache "$agent_cache" always;'
    . ' add_header Pid "$pid" always; add_header Took $request_time always;');
workers(2);
worker_connections(1024);

my $providers = 0;

sub provider {
    return $as->provider('h' . ++$providers, @_);
}


sub calls {
    return $as->fault_stats->{paths}{'/token/introspection'}{requests} // 0;
}


add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(config => "agent_audience https://api.test/a;\n"
        . "keepalive_requests 10000;\n"
        . "location /t { agent_auth oauth; empty_gif; }\n"
        . "location /plain { empty_gif; }\n");
});

run_tests();

__DATA__

=== TEST 1: two hundred with one new token cost one call
--- http_config
{{provider()}}
--- run
my @connections = warm(200, '/plain');
my %pid;

soon 0.3, 'nobody waits much longer than the server takes', sub {
    $as->reset;
    $as->scripted('introspection', $main::good, delay => 50);

    my ($answers, $seconds) = herd(\@connections, 'GET /t', fresh());

    is(statuses(@$answers), '200:200', 'all pass');
    is(calls(), 1, 'one call');

    # who began says so, in each worker; the others had a part in it
    my %cache;
    $cache{ fields($_, 'Cache') }++ for @$answers;
    cmp_ok($cache{miss} // 0, '<=', 2, 'one misses it, in each worker');
    is(($cache{miss} // 0) + ($cache{coalesced} // 0) + ($cache{hit} // 0),
        200, 'the others wait, or come later');

    $pid{ fields($_, 'Pid') } = 1 for @$answers;
    measured('200 with one new token', $seconds, 70, @$answers);
    cmp_ok(slowest('Took', @$answers), '>=', 0.045, 'as long as it took');

    return $seconds;
};

is(scalar keys %pid, 2, 'both workers had a part');
$as->clear;



=== TEST 2: the worker that asks is killed
--- http_config
{{provider(keepalive => 0, timeout => '60s')}}
--- run
for my $body ($main::good, '{"active":false}') {
    my ($status) = $body eq $main::good ? 200 : 401;
    my @connections = warm(200, '/plain');
    my ($token) = fresh();

    $as->reset;
    $as->scripted('introspection', $body, hold => JSON::PP::true, times => 1);
    $as->scripted('introspection', $body, delay => 50);

    $_->send(asked('GET /t', Authorization => "Bearer $token"))
        for @connections;
    $as->await_faults(stalled => 1);

    my ($port) = $as->issuer =~ /(\d+)$/;
    my @asking = asking($port);

    is(scalar @asking, 1, "$status - one worker asks");

    my $began = time;
    kill 'KILL', @asking;

    my @answers = map { my $c = $_; eval { $c->answer } // { status => -1 } }
        @connections;
    my $seconds = time - $began;

    like(statuses(@answers), qr/^(?:0:\d+ )?$status:\d+$/,
        "$status - the other worker's have their verdict, no other is given");
    cmp_ok(calls(), '<=', 2, "$status - one more call at most");
    cmp_ok($seconds, '<', 50, "$status - nobody waits for the timeout");

    measured("$status after the worker died", $seconds, 70,
        grep { $_->{status} == $status } @answers);

    ok(await(sub { worker_pids() == 2 }, 'a new worker'),
        "$status - a new worker");
    is(ask('GET /t', Authorization => "Bearer $token")->{status}, $status,
        "$status - which knows the verdict");
    cmp_ok(calls(), '<=', 2, "$status - without a call");
    $as->clear;
}
--- serious
2x exited on signal 9
--- no_error_log
open socket



=== TEST 3: fifty new tokens are asked about side by side
--- http_config
{{provider()}}
--- run
my @connections = warm(50, '/plain');

# 2.5 s one after the other

soon 1.5, 'side by side', sub {
    $as->reset;
    $as->scripted('introspection', $main::good, delay => 50);

    my ($answers, $seconds) = herd(\@connections, 'GET /t', fresh(50));

    is(statuses(@$answers), '200:50', 'all pass');
    is(calls(), 50, 'a call for each');
    measured('50 new tokens', $seconds, 80, @$answers);

    return $seconds;
};

$as->clear;



=== TEST 4: five hundred requests with one inactive token
--- http_config
{{provider(negative_ttl => '5s')}}
--- run
my @connections = warm(10, '/plain');
my ($token) = fresh();

$as->reset;
$as->scripted('introspection', '{"active":false}');

my $began = time;
my @answers = map {
    @{ (herd(\@connections, 'GET /t', $token))[0] }
} 1 .. 50;

# on a machine that is very slow the verdict may have ended meanwhile
my $most = 1 + int((time - $began) / 5);

is(statuses(@answers), '401:500', 'none passes');
cmp_ok(calls(), '<=', $most, "no more calls than $most");
$as->clear;



=== TEST 5: an inactive token is asked about once in negative_ttl
--- http_config
{{provider(negative_ttl => '1s')}}
--- run
my @connections = warm(10, '/plain');
my ($token) = fresh();

$as->reset;
$as->scripted('introspection', '{"active":false}');

my ($n, $began) = (0, time);
my (%status, @call);

ok(await(sub {
    $status{ $_->{status} }++
        for @{ (herd(\@connections, 'GET /t', $token))[0] };
    $n += @connections;
    push @call, time while @call < calls();
    return @call >= 3;
}, 'the third call'), 'it is asked about again');

is(join(' ', keys %status), 401, 'none passes');

# it begins with the turn in which the answer came, which may have been long
cmp_ok($call[2] - $began, '>', 1.2, 'but not more often');
cmp_ok($n, '>', 3, 'than there are requests');
$as->clear;



=== TEST 6: while a server is waited for, others are served
--- http_config
{{provider(timeout => '60s', max_ttl => '10m')}}
--- run
my ($known, $unknown) = fresh(2);

$as->reset;
$as->scripted('introspection', $main::good, times => 1);
is(ask('GET /t', Authorization => "Bearer $known")->{status}, 200, 'known');

$as->fault(path => 'introspection', hold => JSON::PP::true);

my @waiting = warm(20, '/plain');
$_->send(asked('GET /t', Authorization => "Bearer $unknown")) for @waiting;
$as->await_faults(stalled => 1);

my @connections = warm(20, '/plain');

soon 5, 'at once', sub {
    my ($answers, $seconds) = herd(\@connections, 'GET /t', $known);

    is(statuses(@$answers), '200:20', 'a token that is known passes');
    measured('20 beside a call under way', $seconds, 5, @$answers);

    return $seconds;
};

$as->clear;
is(statuses(map { $_->answer } @waiting), '401:20', 'the others have theirs');
