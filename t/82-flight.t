# Many requests while an authorization server is asked.  Without this a new
# token would be asked about by each of them, a server would be flooded, a
# worker that dies would leave others waiting, or one would get what is
# another's.
#
# requirements.md, I-13, I-16

use lib 't/lib';
use AgentAuth;
use AgentAS;

use Time::HiRes qw/ time /;

our $as = AgentAS->start(faults => 1);

config_preamble(verdict_fields() . ' add_header Who "$agent_client_id";'
    . ' add_header Pid "$pid" always;');
workers(2);
worker_connections(1024);

my ($providers, $tokens) = (0, 0);

sub provider {
    return $as->provider('f' . ++$providers, @_);
}


sub token {
    return $as->token('agent-basic', scope => 'invoices:read',
        resource => 'https://api.test/a', @_);
}


sub token_of {
    return $as->token($_[0], scope => 'invoices:read',
        resource => 'https://api.test/a');
}


# tokens of nobody that the scripted server takes for good

sub some {
    my ($n) = @_;

    return map { planted("CANARY-some-$$-" . ++$tokens) } 1 .. $n;
}


our $good = '{"active":true,"aud":"https://api.test/a","client_id":"c"}';

sub calls {
    return $as->fault_stats->{paths}{'/token/introspection'}{requests} // 0;
}


# asks with each token at once: (the answers, seconds)

sub at_once {
    my (@values) = @_;

    my @clients = map { connected() } @values;
    my @octets = map { asked('GET /t', Authorization => "Bearer $_") } @values;
    my $began = time;

    $clients[$_]->send($octets[$_]) for 0 .. $#clients;

    my @answers = map { $_->answer } @clients;

    return (\@answers, time - $began);
}


sub statuses {
    my %count;

    $count{ $_->{status} }++ for @{ $_[0] };

    return join ' ', map { "$_:$count{$_}" } sort keys %count;
}


# the processes that have a connection to the faults

sub asking {
    my ($port) = $as->issuer =~ /(\d+)$/;
    my %inode;

    open my $in, '<', '/proc/net/tcp' or return;

    for (<$in>) {
        my @word = split;
        $inode{"socket:[$word[9]]"} = 1
            if $word[2] eq sprintf('0100007F:%04X', $port) && $word[3] eq '01';
    }

    return grep {
        my $pid = $_;
        grep { $inode{ readlink($_) // '' } } glob "/proc/$pid/fd/*";
    } workers_of();
}


sub workers_of {
    open my $in, '<', $Test::Nginx::Util::PidFile or return;

    return split ' ', `pgrep -P @{[ int <$in> ]}`;
}




add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(config => "agent_audience https://api.test/a;\n"
        . 'location /t { agent_auth oauth; empty_gif; }')
        unless defined $block->config;
});

run_tests();

__DATA__

=== TEST 1: two hundred with one new token
--- http_config
{{provider()}}
--- run
my $token = token();
my $before = calls();

$as->delay(introspection => 50);

my ($answers, $seconds) = at_once(($token) x 200);

$as->delay(introspection => 0);
is(statuses($answers), '200:200', 'all pass');
is(calls() - $before, 1, 'one call');

# a third of what the call may take
cmp_ok($seconds, '<', 50, 'long before the timeout');



=== TEST 2: many with one token of nobody
--- http_config
{{provider()}}
--- run
my ($token) = some(1);
my $before = calls();
my ($answers) = at_once(($token) x 100);

is(statuses($answers), '401:100', 'none passes');
is(calls() - $before, 1, 'one call');



=== TEST 3: fifty new tokens are asked about side by side
--- http_config
{{provider(keepalive => 0)}}
--- run
$as->reset;
$as->scripted('introspection', $main::good, hold => JSON::PP::true);

my @clients = map { connected() } 1 .. 50;
my @values = some(50);

$clients[$_]->send(asked('GET /t', Authorization => "Bearer $values[$_]"))
    for 0 .. $#clients;

# no answer before all have asked
$as->await_faults(stalled => 50);
$as->release;

is(statuses([ map { $_->answer } @clients ]), '200:50', 'all pass');
is(calls(), 50, 'fifty calls');
$as->clear;



=== TEST 4: no more at once than max_pending
--- http_config
{{provider(max_pending => 3)}}
--- run
$as->reset;
$as->scripted('introspection', $main::good, delay => 20);

my ($answers) = at_once(some(20));

is(statuses($answers), '200:20', 'all have their turn');
cmp_ok($as->fault_stats->{most}, '<=', 3, 'three at once at most');
$as->clear;



=== TEST 5: who brings too many new tokens waits
--- http_config
{{provider(miss_rate => '2/m')}}
--- run
my $token = token();
my $before = calls();
my @answers = map { ask('GET /t', Authorization => "Bearer $_") } some(20);
my @refused = grep { $_->{status} == 429 } @answers;

cmp_ok(scalar @refused, '>', 0, 'there is a limit');
is(calls() - $before, 20 - @refused, 'who is refused causes no call');
like(fields($refused[0] // {}, 'Retry-After') // '', qr/^\d+$/, 'Retry-After');
is(fields($refused[0] // {}, 'Agent'), 'deny rate_limited', 'the reason');



=== TEST 6: a worker dies while it asks
--- http_config
{{provider(keepalive => 0)}}
--- run
my $token = token();

$as->reset;
$as->fault(path => 'introspection', hold => JSON::PP::true, times => 1);

my @clients = map { connected() } 1 .. 20;
$_->send(asked('GET /t', Authorization => "Bearer $token")) for @clients;
$as->await_faults(stalled => 1);

my @asking = asking();
is(scalar @asking, 1, 'one worker asks');

my $began = time;
kill 'KILL', @asking;

my @statuses = map { my $c = $_; eval { $c->answer->{status} } // 0 } @clients;
my @odd = grep { $_ != 200 && $_ != 0 } @statuses;

is("@odd", '', 'those of the other worker pass');
cmp_ok(time - $began, '<', 50, 'and do not wait for the timeout');
cmp_ok(calls(), '<=', 2, 'one more call at most');

await(sub { workers_of() == 2 }, 'a new worker');
is(eval { ask('GET /t', Authorization => "Bearer $token")->{status} }, 200,
    'and the token is good');
$as->clear;
--- serious
1x exited on signal 9
--- no_error_log
open socket



=== TEST 7: clients leave while they wait
--- http_config
{{provider()}}
--- run
my $token = token();

$as->reset;
$as->fault(path => 'introspection', hold => JSON::PP::true, times => 1);

my @clients = map { connected() } 1 .. 10;
$_->send(asked('GET /t', Authorization => "Bearer $token")) for @clients;
$as->await_faults(stalled => 1);
close $_->handle for splice @clients, 0, 5;
$as->release;

is(statuses([ map { $_->answer } @clients ]), '200:5', 'those who stay pass');
is(calls(), 1, 'one call');
$as->clear;



=== TEST 8: a body is kept meanwhile
--- config
    agent_audience https://api.test/a;
    location /t {
        agent_auth oauth;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- http_config
{{provider()}}
--- run
my $upstream = upstream 1;

for my $size (10, 100_000) {
    my $token = token();
    my $body = 'b' x $size;

    $as->delay(introspection => 30);

    my ($seen, $answer) = through $upstream, 'POST /t', Connection => 'close',
        Authorization => "Bearer $token", { body => $body };

    $as->delay(introspection => 0);
    is($answer->{status}, 200, "$size octets - passes");
    is((split /\r\n\r\n/, $seen, 2)[1], $body, "$size octets - the body");
}



=== TEST 9: two who come by turns are never taken for each other
--- http_config
{{provider(max_ttl => '10ms', negative_ttl => '10ms')}}
--- run
my %token = map { $_ => token_of($_) }
    qw/ agent-basic agent-post /;
my @clients = map { connected() } 1 .. 8;
my @wrong;

for my $i (0 .. 60) {
    my @who = map { (sort keys %token)[($i + $_) % 2] } 0 .. $#clients;

    $clients[$_]->send(asked('GET /t', Authorization =>
        "Bearer $token{$who[$_]}")) for 0 .. $#clients;

    for (0 .. $#clients) {
        my $answer = $clients[$_]->answer;
        my $got = fields($answer, 'Who') // $answer->{status};
        push @wrong, "$i: $who[$_]: $got" if $got ne $who[$_];
    }
}

is_deeply(\@wrong, [], 'each is who it is');



=== TEST 10: a reload while a server is asked
--- http_config
{{provider()}}
--- run
my $token = token();

$as->reset;
$as->fault(path => 'introspection', hold => JSON::PP::true, times => 1);

my @clients = map { connected() } 1 .. 10;
$_->send(asked('GET /t', Authorization => "Bearer $token")) for @clients;
$as->await_faults(stalled => 1);

my @old = workers_of();
open my $in, '<', $Test::Nginx::Util::PidFile;
kill 'HUP', int <$in>;
await(sub { my %now = map { $_ => 1 } workers_of();
            keys(%now) > 2 || !grep { $now{$_} } @old }, 'new workers');
$as->release;

is(statuses([ map { $_->answer } @clients ]), '200:10', 'all pass');

# connections that are kept alive end with the worker
ok(await(sub { my %now = map { $_ => 1 } workers_of();
               !grep { $now{$_} } @old }, 'the end of the old workers'),
    'the old workers exit');
is(ask('GET /t', Authorization => "Bearer $token")->{status}, 200,
    'the verdict is still known');
is(calls(), 1, 'one call');
$as->clear;
--- no_error_log
open socket



=== TEST 11: nobody waits for longer than timeout, turn and call together
--- http_config
{{provider(max_pending => 1, timeout => '4s', breaker => 'failures=1')}}
--- run
$as->reset;
$as->scripted('introspection', $main::good, hold => JSON::PP::true);

my @clients = map { connected() } 1, 2;
my @tokens = some(2);
my $began = time;

$clients[$_]->send(asked('GET /t', Authorization => "Bearer $tokens[$_]"))
    for 0, 1;

# the second has its turn when 1.5 s are left, and no answer before they end
await(sub { time > $began + 2.5 }, 'its turn');
$as->release;

my @answers = map { $_->answer } @clients;
my $seconds = time - $began;

is(statuses(\@answers), '200:1 503:1', 'one of them has its verdict');
cmp_ok($seconds, '<', 6, 'both have their answer');

$as->clear;
$as->scripted('introspection', $main::good);
is(ask('GET /t', Authorization => 'Bearer ' . (some(1))[0])->{status}, 200,
    'that the time was short is not held against the server');
$as->clear;



=== TEST 12: many who wait for a turn
--- http_config
{{provider(max_pending => 4)}}
--- run
my @body = (status => 200, body => $main::good);

$as->reset;
$as->fault(path => 'introspection', hold => JSON::PP::true, times => 4, @body);
$as->fault(path => 'introspection', delay => 5, @body);

my @clients = map { connected() } 1 .. 200;
my @tokens = some(200);

$clients[$_]->send(asked('GET /t', Authorization => "Bearer $tokens[$_]"))
    for 0 .. $#clients;

# not "now": a call that the gate gave up may still be under way there
$as->await_faults(requests => 4);
is(calls(), 4, 'four at once, and no more while they last');

$as->release;

is(statuses([ map { $_->answer } @clients ]), '200:200', 'all have it');
is(calls(), 200, 'once');
$as->clear;
