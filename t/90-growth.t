# What a worker holds after many requests is what it held after some.  Without
# this a few octets that each request leaves behind, which no leak checker sees
# as long as something points to them, would end a worker in a week.

use lib 't/lib';
use AgentAuth;
use AgentAS;
use AgentLoad;
use AgentRevocation;
use IO::Select;
use MIME::Base64 qw/ encode_base64url /;

our $as = AgentAS->start(faults => 1);

# what allocators and caches may still take, in kB: with the counts of requests
# below a leak of a pointer or two in each is more

our $Slack = 120;
our $batch = 100;
our ($providers, $octets) = (0, 0);

workers(1);
log_level('warn');
worker_connections(256);

our $blind = ($ENV{TEST_AGENT_MODE} // '') eq 'asan';


# memory of the process's own, in kB: not the zones

sub held {
    my ($pid) = @_;

    open my $in, '<', "/proc/$pid/smaps_rollup" or die "smaps_rollup: $!\n";
    my ($kb) = map { /^Anonymous:\s+(\d+) kB/ } <$in>;

    return $kb;
}


# Requests in batches on connections that are kept, each of them by $make: what
# was answered, counted by its first lines only.

sub many {
    my ($n, $make) = @_;

    my (%count, $connection, $used);

    for ( ; $n > 0; $n -= $batch) {
        ($connection, $used) = (connected(), 0)
            if !$connection || $used++ == 20;

        $connection->send(join '', map { asked(@{ $make->() }) } 1 .. $batch);

        my ($seen, $text) = (0, '');

        while ($seen < $batch) {
            IO::Select->new($connection->handle)->can_read($AgentAuth::Patience)
                && sysread $connection->handle, $text, 65536, length $text
                or return "an end after $seen";

            while ($text =~ m{HTTP/1\.1 (\d+) }g) {
                $count{$1}++;
                $seen++;
            }

            # what may be the beginning of a line
            $text = substr $text, -20;
            $text =~ s{.*HTTP/1\.1 \d+ }{}s;
        }
    }

    return join ' ', map { "$_:$count{$_}" } sort keys %count;
}


# The first warm what is warmed once.  What is taken now and then, as a pool of
# another size, is taken in one round of several: a leak is in each.

sub no_growth {
    my ($what, $n, $status, $make) = @_;

    # one that a reload replaced may take its leave
    my ($pid) = @{ await(sub {
        my @pids = worker_pids();
        return @pids == 1 ? \@pids : undef;
    }, 'one worker') };

    is(many($n, $make), "$status:$n", "$what: to begin with");
    is(least(sub {
        my $answers = many($n, $make);
        return held($pid) if $answers eq "$status:$n";
        Test::More::diag("$what: $answers");
        return;
    }, held($pid)), 'no more', "$what: after $n more");
}


# the code says what is held after a round

sub least {
    my ($round, $before) = @_;

    my @grown;

    # what sanitizers keep of what was freed looks like growth
    while (@grown < 4) {
        my $after = $round->() // return 'other answers';

        push @grown, $after - $before;
        return 'no more' if $blind || $grown[-1] <= $Slack;
        $before = $after;
    }

    return "@grown kB";
}


sub with_token { return [ 'GET /t', Authorization => "Bearer $_[0]" ] }

sub own { return own_provider($as) }

sub scripted_provider { return $as->provider('g' . ++$providers, @_) }


add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(keys => 'alpha');
    $block->set_value(config => <<'CONF' . ($block->config // ''));
    keepalive_requests 100000;
    agent_audience https://api.test/a;
    location /t { agent_auth key oauth; empty_gif; }
    location /control/ { agent_control; allow 127.0.0.1; deny all; }
    location = /status { agent_status; allow 127.0.0.1; deny all; }
CONF
});

run_tests();

__DATA__

=== TEST 1: credentials that are known, and requests without a good one
--- http_config
    agent_revocations zone=growth:1m state=logs/state;
{{own()}}
--- run
my $jwt = own_token($as);
my ($head, $claims, $signature) = split /\./, $jwt;
my $n = 0;

my ($key, $nobody) = (key('alpha'), key('nobody'));

no_growth('a key', 8000, 200, sub { [ 'GET /t', 'X-API-Key' => $key ] });
no_growth('a token', 8000, 200, sub { with_token($jwt) });
no_growth('none', 8000, 401, sub { [ 'GET /t' ] });
no_growth('an unknown key', 8000, 401,
    sub { [ 'GET /t', 'X-API-Key' => $nobody ] });
no_growth('no JWT', 8000, 401, sub { with_token($head . '.e30.' . ++$n) });

# at each first sight keys are found, and numbers calculated with

no_growth('a wrong signature', 2000, 401, sub {
    with_token("$head.$claims." . encode_base64url(pack 'x56N2', 1, ++$n));
});
--- timeout: 120



=== TEST 2: tokens that are asked about, each for the first time
--- http_config
    agent_revocations zone=growth:1m state=logs/state;
{{scripted_provider(miss_rate => 'off')}}
--- run
$as->clear;
$as->scripted('introspection',
    '{"active":true,"aud":"https://api.test/a","client_id":"c","scope":"a b"}');
no_growth('active', 1500, 200, sub { with_token(fresh()) });

$as->clear;
$as->scripted('introspection', '{"active":false}');
no_growth('inactive', 1500, 401, sub { with_token(fresh()) });

$as->clear;
$as->scripted('introspection', '{"active":');
no_growth('no JSON', 1500, 503, sub { with_token(fresh()) });
--- timeout: 120



=== TEST 3: operators
--- http_config
    agent_revocations zone=growth:2m state=logs/state;
{{own()}}
--- run
my $body = '{"kind":"agent","value":"nobody"}';

no_growth('status', 1000, 200, sub { [ 'GET /status' ] });
no_growth('metrics', 1000, 200, sub { [ 'GET /status?format=prometheus' ] });
no_growth('zones', 1000, 200, sub { [ 'GET /control/zones' ] });
no_growth('the same revocation', 500, 201, sub { [ 'POST /control/revocations',
    'Content-Type' => 'application/json', { body => $body } ] });
--- timeout: 120



=== TEST 4: reloads
--- http_config
    agent_revocations zone=growth:1m state=logs/state;
{{own()}}
--- run
my $jwt = own_token($as);

my $reloads = sub {
    for (1 .. $_[0]) {
        replaced('HUP') or return;
        ask(@{ with_token($jwt) })->{status} == 200 or return;
    }

    return held(master_pid());
};

my $before = $reloads->(5) // 0;

is(least(sub { $reloads->(8) }, $before), 'no more', 'the master: after reloads');
--- timeout: 120
