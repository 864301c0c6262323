# The breaker, which all workers share.  Without this each worker would try a
# server that is down by itself, with every request that comes when its rest is
# over; one that died while it tried would leave it closed to all for ever; and
# a log would say the same thing for each failure.
#
# requirements.md, I-09; design.md, 4 (agent_mode)

use lib 't/lib';
use AgentAuth;
use AgentAS;

use IO::Select;
use Time::HiRes qw/ time /;

our $as = AgentAS->start(faults => 1);

config_preamble(verdict_fields() . ' add_header Cache "$agent_cache" always;');
workers(2);
worker_connections(1024);

our ($providers, $tokens) = (0, 0);

sub provider {
    return $as->provider('k' . ++$providers,
        breaker => 'failures=2 cooldown=300ms', @_);
}


our $good = '{"active":true,"aud":"https://api.test/a","client_id":"c"}';

sub calls {
    return $as->fault_stats->{paths}{'/token/introspection'}{requests} // 0;
}


sub some {
    return planted("CANARY-breaker-$$-" . ++$tokens);
}


sub ask_for {
    return ask('GET ' . ($_[1] // '/t'), Authorization => "Bearer $_[0]");
}


# lines of the error log about the provider

sub lines {
    my ($pattern) = @_;

    open my $in, '<', AgentClient::error_log_path();

    return scalar grep { /provider "k$providers" .*$pattern/ } <$in>;
}


sub sent {
    my ($token, $location) = @_;

    my $client = connected();

    $client->send(asked('GET ' . ($location // '/t'),
        Authorization => "Bearer $token"));

    return $client;
}


# Two calls fail, and the breaker is open.  The server holds what comes next.

sub open_it {
    $as->reset;
    $as->fault(path => 'introspection', status => 500, body => '', times => 2);
    $as->fault(path => 'introspection', hold => JSON::PP::true, times => 1, @_);
    $as->scripted('introspection', $good);

    decided ask_for(some()), 'provider_unavailable', "failure $_" for 1, 2;
    is(calls(), 2, 'two calls');
}


# asks until the rest is over: the request that waits for the server, as that
# has it

sub probed {
    return AgentAuth::await(sub {
        my $client = sent(some());
        my $select = IO::Select->new($client->handle);

        until ($select->can_read(0.01)) {
            return $client if $as->fault_stats->{stalled};
        }

        $client->answer;
        return;
    }, 'somebody who asks the server') // die "nobody asks the server\n";
}


sub probed_well {
    my $answer;

    await(sub { ($answer = ask_for(some()))->{status} == 200 }, 'it is back');

    return $answer;
}


sub workers_of {
    open my $in, '<', $Test::Nginx::Util::PidFile or return;

    return split ' ', `pgrep -P @{[ int <$in> ]}`;
}


# whether the process has a connection to the port

sub holds {
    my ($pid, $port) = @_;

    my %inode;

    open my $in, '<', '/proc/net/tcp' or return;

    for (<$in>) {
        my @word = split;
        $inode{"socket:[$word[9]]"} = 1
            if $word[2] eq sprintf('0100007F:%04X', $port) && $word[3] eq '01';
    }

    return grep { $inode{ readlink($_) // '' } } glob "/proc/$pid/fd/*";
}


sub verdicts {
    my %count;

    $count{ fields($_, 'Agent') // $_->{status} }++ for @_;

    return join ', ', map { "$_: $count{$_}" } sort keys %count;
}


add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(config => "agent_audience https://api.test/a;\n"
        . "location /t { agent_auth oauth; empty_gif; }\n"
        . 'location /o { agent_auth oauth; agent_mode observe; empty_gif; }');
});

run_tests();

__DATA__

=== TEST 1: one call of all workers asks whether it is back
--- http_config
{{provider()}}
--- run
my ($opened, $closed) = (lines('is not asked'), lines('answers again'));

open_it(status => 200, body => $main::good);

my $probe = probed();
my $began = time;
my @clients = map { sent(some()) } 1 .. 40;
my @answers = map { $_->answer } @clients;

is(verdicts(@answers), 'deny provider_unavailable: 40', 'nobody else asks');
is(verdicts(map { { field => { agent => [ fields($_, 'Retry-After') ] } } }
    @answers), '1: 40', 'Retry-After');
cmp_ok(time - $began, '<', 50, 'or waits');
is(calls(), 3, 'one call');

$as->release;
decided $probe->answer, 'ok', 'who asked has the answer';
@answers = map { $_->answer } map { sent(some()) } 1 .. 10;
is(verdicts(@answers), 'allow ok: 10', 'and it is open to all');
is(lines('is not asked') - $opened, 1, 'said once that it is shut');
is(lines('answers again') - $closed, 1, 'and once that it is open');
$as->clear;



=== TEST 2: it is not back
--- http_config
{{provider(breaker => 'failures=2 cooldown=2500ms')}}
--- run
my $opened = lines('is not asked');

open_it(status => 503, body => '');

my $probe = probed();

is(calls(), 3, 'it was asked');
$as->release;

my $answer = decided $probe->answer, 'provider_unavailable', 'still down';

is(fields($answer, 'Retry-After'), 3, 'Retry-After - what is left');

my $shut = time;

# one that comes too late, on a machine that is slow, is the next to ask

for (1 .. 3) {
    my ($again, $calls) = (ask_for(some()), calls());

    last if time > $shut + 2.4;
    decided $again, 'provider_unavailable', "shut again $_";
    is($calls, 3, 'one call');
}

# the rest ends with the next one, which finds it well
decided probed_well(), 'ok', 'back';
is(lines('is not asked') - $opened, 1, 'said once, whatever failed since');
$as->clear;



=== TEST 3: who asks dies
--- http_config
{{provider(timeout => '4s', keepalive => 0)}}
--- run
open_it();

# the server keeps the request, and its connection shows who has made it
my $probe = probed();

my ($port) = $as->issuer =~ /(\d+)$/;
my ($pid) = grep { holds($_, $port) } workers_of();

ok($pid, 'a worker asks');
kill 'KILL', $pid;

my $answer;
ok(await(sub { ($answer = eval { ask_for(some()) } // {})->{status} // 0;
               ($answer->{status} // 0) == 200 }, 'another one'),
    'another one does, in time');
$as->release;
is(calls(), 4, 'with one call');
$as->clear;
--- serious
1x exited on signal 9
--- no_error_log
open socket



=== TEST 4: stale verdicts do not wait for it
--- http_config
{{provider(max_ttl => '1ms', stale_if_error => '60s')}}
--- run
my $token = some();

$as->reset;
$as->scripted('introspection', $main::good);
decided ask_for($token), 'ok', 'good';

open_it(status => 200, body => $main::good);

my ($answer, $client);
ok(await(sub { $client = sent($token); $answer = $client->answer;
               calls() > 2 }, 'the end of the rest'), 'it is asked');
decided $answer, 'ok', 'meanwhile it is good';
is(fields($answer, 'Cache'), 'stale', 'as stale');
is(calls(), 3, 'one call');
decided ask_for(some()), 'provider_unavailable', 'another one';
$as->release;
ok(await(sub { ask_for(some())->{status} == 200 }, 'it is back'),
    'for which nobody had to wait');
$as->clear;



=== TEST 5: nor does who is only observed
--- http_config
{{provider()}}
--- run
open_it(status => 200, body => $main::good);

my $began = time;
my $answer = decided ask_for(some(), '/o'), 'provider_unavailable', 'open',
    result => 'would_deny';

ok(await(sub { $answer = ask_for(some(), '/o'); calls() > 2 },
    'the end of the rest'), 'it is asked');
decided $answer, 'provider_unavailable', 'meanwhile', result => 'would_deny';
is(fields($answer, 'Cache'), 'bypass', 'not asked');
decided ask_for(some()), 'provider_unavailable', 'another one';
is(calls(), 3, 'one call');
$as->release;
ok(await(sub { ask_for(some())->{status} == 200 }, 'it is back'),
    'for which nobody had to wait');
$as->clear;



=== TEST 6: who waited for a turn does not ask any more
--- http_config
{{provider(max_pending => 1, breaker => 'failures=1 cooldown=2s')}}
--- run
$as->reset;
$as->fault(path => 'introspection', hold => JSON::PP::true, times => 1,
    status => 500, body => '');
$as->scripted('introspection', $main::good);

my @clients = map { sent(some()) } 1 .. 10;

$as->await_faults(stalled => 1);
$as->release;

my @answers = map { $_->answer } @clients;

is(verdicts(@answers), 'deny provider_unavailable: 10', 'all go');
is(calls(), 1, 'one call');
ok(await(sub { ask_for(some())->{status} == 200 }, 'it is back'), 'it is back');
$as->clear;
