# Many revocations at once, while nginx serves, and workers that are killed while
# they write.  Without this one that was acknowledged could be lost, or a feed of
# events hold up the requests of all others.
#
# requirements.md, V-05, V-06

use lib 't/lib';
use AgentAuth;
use AgentLoad;
use AgentRevocation;

config_preamble(verdict_fields());
workers(2);
worker_connections(512);
log_level('info');

our $runs = 0;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(keys => 'alpha');
    $block->set_value(http_config => <<'CONF');
    agent_revocations zone=revocations:16m state=logs/state;
    server {
        listen $TEST_NGINX_PORT_2;
        keepalive_requests 1000000;
        location /control/ { agent_control; allow 127.0.0.1; deny all; }
    }
CONF
    $block->set_value(config => 'keepalive_requests 1000000;'
        . 'location /t { agent_auth key; empty_gif; }');
});


# one entry after another by one client, which notes what was acknowledged

sub submitting {
    my ($dir, $run) = @_;

    my ($client, $out, $n);

    return sub {
        my ($number) = @_;

        if (!$client) {
            open $out, '>>', "$dir/acknowledged-$run-$number" or die $!;
            $out->autoflush;
            $client = connected(port => port(2));
        }

        my $value = "r$run-$number-" . ++$n;

        my $answer = eval {
            $client->send(asked('POST /control/revocations',
                'Content-Type' => 'application/json',
                { body => qq({"kind":"agent","value":"$value"}) }));
            $client->answer;
        };

        if (!$answer || !$answer->{status}) {
            undef $client;
            return 'lost';
        }

        print $out "$value\n" if $answer->{status} == 201;

        return $answer->{status};
    };
}


sub acknowledged {
    my ($dir, $run) = @_;

    return map {
        open my $in, '<', $_ or die $!;
        map { chomp; $_ } <$in>;
    } glob "$dir/acknowledged-$run-*";
}


run_tests();

__DATA__

=== TEST 1: while nginx serves
--- run
my $run = ++$runs . "-$$";
my $dir = state_path('logs');

my $client;
my $served = AgentLoad->begin(2, sub {
    $client //= connected();
    $client->send(asked('GET /t', 'X-API-Key' => key('alpha')));
    return $client->answer->{status};
});

$served->await(100);

my $began = Time::HiRes::time();
my $load = AgentLoad->begin(16, submitting($dir, $run));
$load->await(3000);
my $seconds = Time::HiRes::time() - $began;
my $count = $load->end;
my $other = $served->end;

Test::More::note(sprintf '%d revocations in %.1f s, %.0f a second, beside %d'
    . ' requests', 3000, $seconds, 3000 / $seconds, $other->{200} // 0);

is(join(' ', sort keys %$count), '201', 'all are taken');
is(join(' ', sort keys %$other), '200', 'and all others served');

my %there = map { $_->{value} => 1 } state_lines('logs/state');
my @told = acknowledged($dir, $run);

cmp_ok(scalar @told, '>=', 3000, 'so many were acknowledged');
is(scalar grep({ !$there{$_} } @told), 0, 'and are in the file');



=== TEST 2: workers are killed meanwhile
--- serious
4x exited on signal 9
--- run
my $run = ++$runs . "-$$";
my $dir = state_path('logs');
my $load = AgentLoad->begin(8, submitting($dir, $run));

for (1 .. 4) {
    $load->await(200);

    my ($pid) = worker_pids();
    kill KILL => $pid;
    await(sub { 2 == grep { $_ != $pid } worker_pids() }, 'another worker');
}

$load->await(200);
$load->end;

revocation('revoke', 'logs/state', kind => 'agent', value => 'alpha');

my %there = map { $_->{value} => 1 } state_lines('logs/state');
my @told = acknowledged($dir, $run);

cmp_ok(scalar @told, '>', 300, scalar(@told) . ' were acknowledged');
is(scalar grep({ !$there{$_} } @told), 0, 'and are in the file');
is(ask('GET /t', 'X-API-Key' => key('alpha'))->{status}, 401, 'followed');
revocation('unrevoke', 'logs/state', kind => 'agent', value => 'alpha');

replaced('HUP');
is(ask('GET /t', 'X-API-Key' => key('alpha'))->{status}, 200, 'and on');
