# The zone of the verdicts at its limits.  Without this a zone that is full, or
# that made-up tokens fill, could turn clients away or forget who is known; an
# answer too large for it could be lost in silence; a token could be read out of
# memory; or one that is revoked could serve on.
#
# requirements.md, I-07, I-10, I-16; design.md, 9 and 10 (what does not fit an
# entry); craft.md, C2

use lib 't/lib';
use AgentAuth;
use AgentAS;
use AgentLoad;

our $as = AgentAS->start(faults => 1);
our $api = 'https://api.test/a';
our $good = '{"active":true,"aud":"https://api.test/a","client_id":"c"}';

config_preamble(verdict_fields() . ' add_header Cache "$agent_cache" always;'
    . ' add_header Who "$agent_client_id" always;');
workers(2);
worker_connections(1024);

# thousands of requests
log_level('info');

our $providers = 0;

sub provider {
    return $as->provider('z' . ++$providers, max_ttl => '10m', @_);
}


sub calls {
    return $as->fault_stats->{paths}{'/token/introspection'}{requests} // 0;
}


sub ask_for {
    my $answer = ask('GET /t', Authorization => "Bearer $_[0]");

    return "$answer->{status} " . (fields($answer, 'Cache') // '-');
}


# what nginx shares among its workers, as octets; undef where it may not be read

sub shared_memory {
    my ($pid) = worker_pids();
    my $octets = '';

    open my $maps, '<', "/proc/$pid/maps" or return;
    open my $memory, '<:raw', "/proc/$pid/mem" or return;

    no warnings 'portable';

    for (grep { m{ rw-s .*/dev/zero} } <$maps>) {
        my ($from, $to) = map { hex } /^(\w+)-(\w+)/;

        seek $memory, $from, 0;
        read($memory, my $some, $to - $from) or return;
        $octets .= $some;
    }

    return $octets;
}


add_block_preprocessor(sub {
    my ($block) = @_;

    return if defined $block->config;

    $block->set_value(config => "agent_audience https://api.test/a;\n"
        . "keepalive_requests 100000;\nlocation /plain { empty_gif; }\n"
        . 'location /t { agent_auth oauth; empty_gif; }');
});

sub said_to_hold {
    my ($size) = @_;

    my (undef, $output) = try_conf("agent_token_cache zone=x:$size;");

    return $output =~ /zone "x" holds (\d+) active tokens and \d+ refusals/;
}


run_tests();

__DATA__

=== TEST 1: the memory that is shared holds no token
--- http_config
    agent_token_cache zone=bare:1m;
{{provider()}}
--- run
my ($good, $bad) = fresh(2);

$as->reset;
$as->scripted('introspection', '{"active":false}', times => 1);
$as->scripted('introspection', '{"active":true,"aud":"https://api.test/a",'
    . '"client_id":"whom-to-look-for"}');
is(ask_for($bad), '401 miss', 'an inactive token');
is(ask_for($good), '200 miss', 'a good one');

SKIP: {
    my $octets = main::shared_memory();

    skip 'the memory of a worker may not be read', 2 unless defined $octets;

    cmp_ok(index($octets, 'whom-to-look-for'), '>', 0, 'what is known of it');
    is(scalar(grep { index($octets, $_) >= 0 } $good, $bad,
        map { substr $_, 0, 12 } $good, $bad), 0, 'but neither of them');
}

$as->clear;



=== TEST 2: the smallest zone, full
--- http_config
    agent_token_cache zone=least:1m;
{{provider()}}
--- run
my ($status, $output) = try_conf('agent_token_cache zone=x:1023k;');

isnt($status, 0, 'there is a smallest one');
like($output, qr/\[emerg\].* zone "x" .* too small, it needs zone=x:1024k/,
    'whose size is said');

my ($least) = main::said_to_hold('1m');
my ($more) = main::said_to_hold('3m entry=2048');

cmp_ok($least, '>', 500, 'what one holds is said');
cmp_ok(2 * $more / $least, '>', 3, 'three times the size is of use');

my @connections = warm(20, '/plain');
my @tokens = fresh(1500);
my %status;

$as->reset;
$as->scripted('introspection', $main::good);

for (my @rest = @tokens; @rest; ) {
    my ($answers) = herd(\@connections, 'GET /t', splice @rest, 0, 20);
    $status{ $_->{status} }++ for @$answers;
}

is_deeply(\%status, { 200 => 1500 }, 'all pass, though few have a place');
is(calls(), 1500, 'a call for each');

# the youngest have driven out others

my @known = grep { ask_for($_) eq '200 hit' } @tokens[-50 .. -1];
cmp_ok(scalar @known, '>', 40, 'the last ones are known');
@known = grep { ask_for($_) eq '200 hit' } @tokens[0 .. 49];
cmp_ok(scalar @known, '<', 50, 'not all of the first ones are');
$as->clear;



=== TEST 3: two thousand of made-up tokens drive no good one out
--- http_config
    agent_token_cache zone=flood:4m;
{{provider(negative_ttl => '10m')}}
--- run
my @connections = warm(50, '/plain');
my @good = fresh(100);
my %status;

$as->reset;
$as->scripted('introspection', $main::good);
is(statuses(map { ask('GET /t', Authorization => "Bearer $_") } @good),
    '200:100', 'good ones');
$as->clear;
$as->scripted('introspection', '{"active":false}');

for (1 .. 40) {
    my ($answers) = herd(\@connections, 'GET /t', fresh(50));
    $status{ $_->{status} }++ for @$answers;
}

is_deeply(\%status, { 401 => 2000 }, 'none of the made-up ones passes');
$as->reset;
$as->scripted('introspection', '{"active":false}');
is(join(' ', map { ask_for($_) } @good), join(' ', ('200 hit') x 100),
    'all good ones are still known');
is(calls(), 0, 'without a call');
$as->clear;



=== TEST 4: an answer that is too large for an entry
--- http_config
    agent_token_cache zone=entries:1m entry=1k;
{{provider()}}
--- run
my $large = '{"active":true,"aud":"https://api.test/a","client_id":"large",'
    . '"x":"' . 'x' x 3000 . '"}';
my @connections = warm(100, '/plain');
my ($token) = fresh();

log_mark();
$as->reset;
$as->scripted('introspection', $large, hold => JSON::PP::true, times => 1);
$as->scripted('introspection', $large);

$connections[2 * $_]->send(asked('GET /t', Authorization => "Bearer $token"))
    for 0 .. 49;
$as->await_faults(stalled => 1);

# those have come when the other connections of their workers are served
answer_of($connections[2 * $_ + 1], 'GET /plain') for 0 .. 49;
$as->release;

is(statuses(map { $connections[2 * $_]->answer } 0 .. 49), '200:50',
    'it is used');
cmp_ok(calls(), '<=', 2, 'once for each worker');

my $before = calls();
is(ask_for($token), '200 miss', "not known $_") for 1 .. 3;
is(calls() - $before, 3, 'a call each');

my @said = grep { /do not fit an entry/ } error_lines();

is(scalar @said, 1, 'which is said once a minute');
like($said[0], qr/\[warn\].*claims of provider "z\d+" do not.*raise "entry"/,
    'with what to do');
like($said[0], qr/\(1 of all providers so far\)/, 'and counted');

# with room for it

ok(reconfigured(sub {
    s/zone=entries:1m entry=1k/zone=larger:1m entry=8k/;
}), 'larger entries');
is(ask_for($token), '200 miss', 'asked about once more');
is(ask_for($token), '200 hit', 'and then known');
ok(reconfigured(sub {
    s/zone=larger:1m entry=8k/zone=entries:1m entry=1k/;
}), 'as it was');
$as->clear;



=== TEST 5: what is revoked does not come back as a stale verdict
--- http_config
{{provider(max_ttl => '100ms', negative_ttl => '0', stale_if_error => '10m')}}
{{provider(max_ttl => '100ms', negative_ttl => '50ms',
           stale_if_error => '10m')}}
--- config
    agent_audience https://api.test/a;
    location /0 { agent_auth oauth=z{{$main::providers - 1}}; empty_gif; }
    location /50ms { agent_auth oauth=z{{$main::providers}}; empty_gif; }
--- run
for my $path ('/0', '/50ms') {
    my ($token, $other) = fresh(2);
    my $ask = sub {
        return ask("GET $path", Authorization => "Bearer $_[0]");
    };

    $as->reset;
    $as->scripted('introspection', $main::good, times => 2);
    $as->scripted('introspection', '{"active":false}', times => 1);
    $as->fault(path => 'introspection', status => 500, body => '');
    is($ask->($_)->{status}, 200, "$path - good") for $token, $other;

    ok(await(sub { $ask->($token)->{status} == 401 }, 'max_ttl'),
        "$path - revoked");
    is(fields($ask->($other), 'Agent'), 'allow ok', 'another one is stale');
    ok(await(sub { $ask->($token)->{status} == 503 }, 'negative_ttl'),
        "$path - but this one is not");
    $as->clear;
}
