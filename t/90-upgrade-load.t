# Reload and upgrade while clients come with tokens.  Without this a request
# could be lost by either, each token would be asked about again, or a verdict
# would go on under settings that it was not made under.
#
# requirements.md, I-16; design.md, 2 and 9 (partition by the settings)

use lib 't/lib';
use AgentAuth;
use AgentAS;
use AgentLoad;

our $as = AgentAS->start(faults => 1);
our $good = '{"active":true,"aud":"https://api.test/a","client_id":"c"}';

config_preamble(verdict_fields() . ' add_header Cache "$agent_cache" always;');
workers(2);
worker_connections(1024);
env_to_nginx('LSAN_OPTIONS', 'UBSAN_OPTIONS');

my $providers = 0;

sub provider {
    return $as->provider('u' . ++$providers, max_ttl => '10m', @_);
}


sub calls {
    return $as->fault_stats->{paths}{'/token/introspection'}{requests} // 0;
}


sub ask_for {
    my $answer = ask('GET /t', Authorization => "Bearer $_[0]");

    return "$answer->{status} " . (fields($answer, 'Cache') // '-');
}


# clients that come with one of these tokens and now and then a new one: each
# by a connection of its own, since one that is kept may end with its worker

sub load_with {
    my (@tokens) = @_;

    return AgentLoad->begin(3, sub {
        my $new = rand() < 0.1;
        my ($token) = $new ? fresh() : $tokens[rand @tokens];
        my $answer = ask('GET /t', Authorization => "Bearer $token");

        return $answer->{status} . ($new ? ' new' : ' known');
    });
}


# the tokens are known: no call is made for them, and all pass

sub known {
    my ($what, @tokens) = @_;

    $as->reset;
    $as->scripted('introspection', '{"active":false}');
    is(join(' ', map { ask_for($_) } @tokens),
        join(' ', ('200 hit') x @tokens), "$what - are known");
    is(calls(), 0, "$what - without a call");
}


add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(config => "agent_audience https://api.test/a;\n"
        . 'location /t { agent_auth oauth; empty_gif; }');
});

run_tests();

__DATA__

=== TEST 1: reloads while clients come
--- http_config
{{provider()}}
--- run
my @tokens = fresh(20);

$as->reset;
$as->scripted('introspection', $main::good, delay => 5);
is(ask_for($_), '200 miss', 'a token') for @tokens;

my $load = load_with(@tokens);

for my $i (1 .. 4) {
    $load->await(50);
    ok(replaced('HUP'), "reload $i");
}

$load->await(50);

my $count = $load->end;

is(join(', ', grep { !/^200 / } sort keys %$count), '', 'none is lost');
is(calls(), 20 + ($count->{'200 new'} // 0), 'a call for each token');
known('after four reloads', @tokens);



=== TEST 2: workers come and go
--- http_config
{{provider()}}
--- run
my @tokens = fresh(5);

$as->reset;
$as->scripted('introspection', $main::good);
is(ask_for($_), '200 miss', 'a token') for @tokens;

for my $signal ('QUIT', 'KILL') {
    my %old = map { $_ => 1 } worker_pids();

    kill $signal, keys %old;
    ok(await(sub { 2 == grep { !$old{$_} } worker_pids() }, 'new workers'),
        "$signal - new workers");
    ok(await(sub { !grep { $old{$_} } worker_pids() }, 'the old ones to go'),
        "$signal - the old ones are gone");
    known("after $signal", @tokens);
}
--- serious
2x exited on signal 9



=== TEST 3: verdicts serve only under the settings they were made under
--- http_config
{{provider(timeout => '50s', negative_ttl => '5s', keepalive => 7)}}
--- run
my ($endpoint) = map { qr/\Q$_\E/ } $as->url('introspection');

# what is set does not change what the server would say, or for how long

my %same = (
    'timeout'     => sub { s/timeout 50s/timeout 51s/ },
    'keepalive'   => sub { s/keepalive 7/keepalive 8/ },
    'miss_rate'   => sub { s/miss_rate off/miss_rate 10000\/s/ },
    'max_pending' => sub { s/(keepalive 7;)/$1 max_pending 9;/ },
    'breaker'     => sub { s/(keepalive 7;)/$1 breaker failures=9;/ },
);

my %other = (
    'issuer'                 => sub { s/(issuer .*);/$1\/;/ },
    'introspection_endpoint' => sub { s/$endpoint/$&?x=1/ },
    'client_id'              => sub { s/"gate-basic"/"gate-other"/ },
    'client_auth'            => sub { s/(keepalive 7;)/$1 client_auth
                                                       client_secret_post;/ },
    'max_ttl'                => sub { s/max_ttl 10m/max_ttl 20m/ },
    'negative_ttl'           => sub { s/negative_ttl 5s/negative_ttl 4s/ },
    'stale_if_error'         => sub { s/(keepalive 7;)/$1 stale_if_error 5s;/ },
);

my $path = $Test::Nginx::Util::ConfFile;
open my $in, '<', $path;
my $original = do { local $/; <$in> };
my ($token) = fresh();

$as->reset;
$as->scripted('introspection', $main::good);
is(ask_for($token), '200 miss', 'a token');

for my $name (sort keys %same) {
    ok(reconfigured($same{$name}), "another $name");
    known("another $name", $token);
    ok(reconfigured(sub { $_ = $original }), "another $name - and back");
}

for my $name (sort keys %other) {
    $as->reset;
    $as->scripted('introspection', '{"active":false}');
    ok(reconfigured($other{$name}), "another $name");
    is(ask_for($token), '401 miss', "another $name - is asked about again");
    ok(reconfigured(sub { $_ = $original }), "another $name - and back");
    known("another $name, and back,", $token);
}

$as->clear;



=== TEST 4: a zone of another size, and of other entries
--- http_config
    agent_token_cache zone=sized:1m;
{{provider()}}
--- run
my ($token) = fresh();
my $name = 'sized';

$as->reset;
$as->scripted('introspection', $main::good);
is(ask_for($token), '200 miss', 'a token');
ok(replaced('HUP'), 'a reload');
is(ask_for($token), '200 hit', 'is known');

ok(reconfigured(sub { s/$name:1m/$name:2m/ }), 'more room');
is(ask_for($token), '200 miss', 'which is empty');
is(ask_for($token), '200 hit', 'at first');

# nginx goes on as it was

my %workers = map { $_ => 1 } worker_pids();

log_mark();
rewritten(sub { s/$name:2m/$name:2m entry=2k/ });
signal_master('HUP');
said(qr/\[emerg\].* zone "$name" had another "entry" .* in \S+:\d+/,
    'other entries need another name');
is(join(' ', grep { !$workers{$_} } worker_pids()), '', 'nothing is begun');
is(ask_for($token), '200 hit', 'it is still known');

ok(reconfigured(sub { s/$name:2m/other$name:2m/ }), 'another name');
is(ask_for($token), '200 miss', 'which is empty');
is(ask_for($token), '200 hit', 'at first');
ok(reconfigured(sub { s/other$name:2m entry=2k/$name:1m/ }), 'as it was');
$as->clear;
--- serious
1x had another "entry"



=== TEST 5: another executable takes over while clients come
--- http_config
{{provider()}}
--- run
my @tokens = fresh(20);

$as->reset;
$as->scripted('introspection', $main::good, delay => 5);
ask_for($_) for @tokens;

my $load = load_with(@tokens);

$load->await(50);
my (undef, $old) = upgraded();

$load->await(100);
kill WINCH => $old;
ok(await(sub { !worker_pids($old) }, 'the old workers to go'),
    'the old workers go');
$load->await(100);
quits($old);
$load->await(50);

my $count = $load->end;

is(join(', ', grep { !/^200 / } sort keys %$count), '', 'none is lost');

# each of the two had a table of its own
ask_for($_) for @tokens;
known('with the new one', @tokens);
