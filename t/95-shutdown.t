# Workers that exit while calls are under way.  Without this a reload could
# answer those who wait with an error, or leave sockets, or an old worker could
# stay for as long as a server says nothing.
#
# requirements.md, I-16; nginx, worker_shutdown_timeout

use lib 't/lib';
use AgentAuth;
use AgentAS;
use AgentLoad;

our $as = AgentAS->start(faults => 1);
our $tls = AgentAS->start(faults => 1, tls => 1);
our $good = '{"active":true,"aud":"https://api.test/a"}';

config_preamble(verdict_fields());

my $providers = 0;

sub provider {
    my ($server, @param) = @_;

    return $server->provider('s' . ++$providers, @param);
}


# so many clients, each with a token of its own, and a call for each

sub waiting {
    my ($n, $server) = @_;

    my @clients = map { connected() } 1 .. $n;

    $_->send(asked('GET /t', Connection => 'close',
        Authorization => 'Bearer ' . fresh())) for @clients;
    $server->await_faults(stalled => $n);

    return @clients;
}


# Workers are told to exit; those that are there now, once new ones are, too

sub begun {
    my %old = map { $_ => 1 } worker_pids();

    signal_master('HUP');
    ok(await(sub { grep { !$old{$_} } worker_pids() }, 'a new worker'),
        'a new worker');

    return keys %old;
}


sub gone {
    my ($what, @old) = @_;

    my %old = map { $_ => 1 } @old;

    ok(await(sub { !grep { $old{$_} } worker_pids() }, 'the old worker', 50),
        $what);
}


# without an answer, or with one that lets nobody pass

sub refused {
    like($_->answer->{status}, qr/^(?:0|503)$/, 'nobody passes') for @_;
}


add_block_preprocessor(sub {
    $_[0]->set_value(config => "agent_audience https://api.test/a;\n"
        . 'location /t { agent_auth oauth; empty_gif; }');
});

run_tests();

__DATA__

=== TEST 1: calls under way, and connections that are idle
--- http_config
{{provider($main::as, keepalive => 4)}}
--- run
$as->reset;
$as->scripted('introspection', $main::good, hold => JSON::PP::true);

my @clients = waiting(4, $as);

$as->release;
is($_->answer->{status}, 200, 'before') for @clients;

@clients = waiting(2, $as);

my @old = begun();

ok((grep { my $pid = $_; grep { $_ == $pid } @old } worker_pids()),
    'the old worker waits');
$as->release;
is($_->answer->{status}, 200, 'who waited is answered') for @clients;
gone('and then it exits', @old);
ok(await(sub { $as->fault_stats->{open} == 0 }, 'its connections'),
    'and leaves no connection');
$as->clear;



=== TEST 2: the same with TLS
--- http_config
{{provider($main::tls, keepalive => 4)}}
--- run
$tls->reset;
$tls->scripted('introspection', $main::good, hold => JSON::PP::true);

my @clients = waiting(4, $tls);

$tls->release;
is($_->answer->{status}, 200, 'before') for @clients;

@clients = waiting(2, $tls);

my @old = begun();

$tls->release;
is($_->answer->{status}, 200, 'who waited is answered') for @clients;
gone('the old worker exits', @old);
$tls->clear;



=== TEST 3: a server that does not answer is not waited for
--- main_config
worker_shutdown_timeout 300ms;
--- http_config
{{provider($main::as)}}
--- run
$as->reset;
$as->fault(path => 'introspection', hold => JSON::PP::true);

my @clients = waiting(3, $as);

gone('the old worker exits', begun());
refused(@clients);
$as->clear;



=== TEST 4: nor is a handshake
--- main_config
worker_shutdown_timeout 300ms;
--- http_config
{{provider($main::tls, keepalive => 0)}}
--- run
$tls->reset;
$tls->accepting('stall');

my @clients = waiting(3, $tls);

gone('the old worker exits', begun());
refused(@clients);
$tls->clear;
