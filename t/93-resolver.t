# Where an authorization server is: names and their addresses of both families,
# sockets of this machine; and how many may ask it at a time.  Without this one
# address that is dead, or a name server that is, would turn clients away, or
# keep them waiting; or one client could use up what is there for all.
#
# requirements.md, I-09, I-10, I-13; design.md, 4 (resolver, max_pending,
# miss_rate)

use lib 't/lib';
use AgentAuth;
use AgentAS;
use AgentDNS;
use AgentLoad;

use File::Temp ();
use Time::HiRes qw/ time /;

our $dir = File::Temp->newdir('agent-names-XXXXXX', TMPDIR => 1);
chmod 0755, $dir;

our $as = AgentAS->start(faults => 1);
our ($port) = $as->issuer =~ /(\d+)$/;
our $as6 = eval { connected(host => '::1', port => 1) } || $@ !~ /refused/
    ? undef : AgentAS->start(faults => 1, host => '::1', port => $port);
our $dns = AgentDNS->start(port => port(8), path => "$dir/names");
our $good = '{"active":true,"aud":"https://api.test/a","client_id":"c"}';

config_preamble(verdict_fields() . ' add_header Cache "$agent_cache" always;');
workers(2);
worker_connections(1024);

our $providers = 0;

sub provider {
    my ($host, %param) = @_;

    return $as->provider('n' . ++$providers, keepalive => 0,
        breaker => 'failures=10000', introspection_endpoint =>
            "http://$host:$port/token/introspection", %param);
}


sub resolver {
    return 'resolver 127.0.0.1:' . port(8) . "; resolver_timeout 1s;\n";
}


sub calls {
    return ($_[0] // $as)->fault_stats->{paths}{'/token/introspection'}
        {requests} // 0;
}


sub bearer {
    return (Authorization => 'Bearer ' . (@_ ? $_[0] : fresh()));
}


# from now on these are the names: workers forget what they have learnt

sub named {
    $dns->names(@_);

    return ok(replaced('HUP'), 'other names');
}


# both servers have the token for good, and have not been asked

sub all_good {
    for (grep { defined } $as, $as6) {
        $_->reset;
        $_->scripted('introspection', $good);
    }
}


add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(config => "agent_audience https://api.test/a;\n"
        . "location /plain { empty_gif; }\n"
        . 'location /t { agent_auth oauth; empty_gif; }')
        unless defined $block->config;
});

run_tests();

__DATA__

=== TEST 1: a name, and its addresses
--- http_config
{{resolver()}}
{{provider('as.test')}}
--- run
# one at which nobody listens, and one that answers

named('as.test' => { A => [ '127.0.0.2', '127.0.0.1' ] });
main::all_good();
decided ask('GET /t', main::bearer()), 'ok', "one of two $_" for 1 .. 8;
is(main::calls(), 8, 'a call each');
cmp_ok($dns->asked('as.test', 'A'), '<=', 4, 'of the name server hardly one');

my %host = map { $_->{headers}{host} => 1 } $as->seen;
is(join(' ', keys %host), "as.test:$main::port", 'which is asked by its name');



=== TEST 2: addresses of both families
--- http_config
{{resolver()}}
{{provider('both.test')}}
{{provider('six.test')}}
--- config
    agent_audience https://api.test/a;
    location /both { agent_auth oauth=n{{$main::providers - 1}}; empty_gif; }
    location /six { agent_auth oauth=n{{$main::providers}}; empty_gif; }
--- run
named('both.test' => { A => [ '127.0.0.2' ], AAAA => [ '::1' ] },
      'six.test' => { AAAA => [ '::1' ] });

SKIP: {
    skip 'no IPv6 here', 1 unless $main::as6;

    main::all_good();
    decided ask("GET /$_", main::bearer()), 'ok', $_
        for ('both', 'six') x 4;
    is(main::calls($main::as6), 8, 'by the address that answers');
    is(main::calls(), 0, 'and by no other');

    # and the other way round

    named('both.test' => { A => [ '127.0.0.1' ], AAAA => [ '::2' ] });
    main::all_good();
    decided ask('GET /both', main::bearer()), 'ok', "IPv4 $_" for 1 .. 4;
    decided ask('GET /six', main::bearer()), 'provider_unavailable',
        'a name that is gone';
}



=== TEST 3: an address that says nothing
--- http_config
{{resolver()}}
{{provider('as.test', timeout => '60s')}}
--- run
# a queue that is full: what comes next is not answered

my $deaf = IO::Socket::INET->new(LocalAddr => '127.0.0.3',
    LocalPort => $main::port, Listen => 1, ReuseAddr => 1) or die "deaf: $@";
my @queued = map {
    IO::Socket::INET->new(PeerAddr => '127.0.0.3', PeerPort => $main::port,
        Blocking => 0)
} 1 .. 8;

named('as.test' => { A => [ '127.0.0.3', '127.0.0.1' ] });
main::all_good();

for (1 .. 4) {
    my $began = time;

    decided ask('GET /t', main::bearer()), 'ok', "the other one serves $_";
    cmp_ok(time - $began, '<', 50, "and is not waited for $_");
}



=== TEST 4: no address, no name, no name server
--- http_config
{{resolver()}}
{{provider('as.test', timeout => '3s')}}
--- run
my $answer;

for (
    [ 'no such name', rcode => 3 ],
    [ 'a server that fails', rcode => 2 ],
    [ 'one that refuses', rcode => 5 ],
    [ 'no address', ttl => 1 ],
    [ 'nothing', drop => 1 ],
) {
    my ($what, @entry) = @$_;

    named('as.test' => { @entry });
    main::all_good();
    my ($token) = fresh();

    $answer = decided ask('GET /t', main::bearer($token)),
        'provider_unavailable', $what;
    like(fields($answer, 'Retry-After') // '', qr/^[1-9]\d*$/,
        "$what - Retry-After");

    # not remembered as inactive

    $dns->names('as.test' => { A => [ '127.0.0.1' ] });
    ok(await(sub { ask('GET /t', main::bearer($token))->{status} == 200 },
        'the name'), "$what - until it is there");
}

$dns->names('as.test' => { A => [ '127.0.0.1' ] });
$dns->stop;
ok(replaced('HUP'), 'names are forgotten');

my @connections = warm(20, '/plain');
my ($answers, $seconds) = herd(\@connections, 'GET /t', fresh());

is(statuses(@$answers), '503:20', 'without a name server nobody passes');
cmp_ok($seconds, '<', 50, 'and nobody hangs');

$dns = AgentDNS->start(port => port(8), path => "$main::dir/names");
$dns->names('as.test' => { A => [ '127.0.0.1' ] });
main::all_good();
ok(await(sub { ask('GET /t', main::bearer())->{status} == 200 }, 'the name'),
    'and with it all goes on');



=== TEST 5: an address is used for as long as it may
--- http_config
{{resolver()}}
{{provider('as.test')}}
--- run
named('as.test' => { A => [ '127.0.0.1' ], ttl => 1 });
main::all_good();
decided ask('GET /t', main::bearer()), 'ok', 'where it was';

# it has moved to where nobody is, and then to where somebody is again

$dns->names('as.test' => { A => [ '127.0.0.2' ], ttl => 1 });
ok(await(sub { ask('GET /t', main::bearer())->{status} == 503 }, 'the ttl'),
    'it has moved');
$dns->names('as.test' => { A => [ '127.0.0.1' ], ttl => 1 });
ok(await(sub { ask('GET /t', main::bearer())->{status} == 200 }, 'the ttl'),
    'and back');



=== TEST 6: the name servers of the system, and where none is needed
--- config
    location /t { empty_gif; }
--- run
AgentAuth::write_file('secret', "CANARYsecret\n");

my $try = sub {
    my ($host, $resolver) = @_;

    return try_conf(($resolver // '') . "agent_oauth_provider p {\n"
        . "issuer https://as.test;\nintrospection_endpoint $host;\n"
        . "client_id c;\nclient_secret_file secret;\nverify introspection;\n}\n"
        . "server { listen 127.0.0.1:1; location / { agent_auth oauth;\n"
        . "agent_audience x; } }\n");
};

my ($system) = do { local @ARGV = '/etc/resolv.conf'; -r $ARGV[0]
    ? map { /^nameserver\s+([^\s%]+)/ ? $1 : () } <> : () };
my ($status, $output) = $try->('https://as.test/i');

if (defined $system) {
    is($status, 0, 'a name');
    like($output, qr/no "resolver", taking "\[?\Q$system\E\]?" of .*conf/,
        'and it is said who is asked');
    unlike(join('', nginx_run('-t -q -c ' . try_path())), qr/no "resolver"/,
        'unless nothing is to be said');

} else {
    isnt($status, 0, 'a name');
    like($output, qr/\[emerg\].* no nameserver in .* set "resolver" in http/,
        'and it is said who is missing');
}

for ('http://127.0.0.1/i', 'http://[::1]:81/i', 'http://localhost:81/i',
    'http://unix:/x:/i')
{
    ($status, $output) = $try->($_);
    is($status, 0, $_) or diag $output;
    unlike($output, qr/no "resolver"|resolv\.conf/, "$_ - no name server");
}

($status, $output) = $try->('https://as.test/i', "resolver 127.0.0.1;\n");
is($status, 0, 'a resolver') or diag $output;
unlike($output, qr/resolv\.conf/, 'which is enough');



=== TEST 7: literal addresses, localhost
--- http_config
{{provider('localhost')}}
{{provider('[::1]')}}
--- config
    agent_audience https://api.test/a;
    location /local { agent_auth oauth=n{{$main::providers - 1}}; empty_gif; }
    location /six { agent_auth oauth=n{{$main::providers}}; empty_gif; }
--- run
named();
main::all_good();
decided ask('GET /local', main::bearer()), 'ok', 'localhost';
is(main::calls(), 1, 'by IPv4');

SKIP: {
    skip 'no IPv6 here', 1 unless $main::as6;

    decided ask('GET /six', main::bearer()), 'ok', 'an address of IPv6';
    my ($seen) = $main::as6->seen;
    is($seen->{headers}{host}, "[::1]:$main::port", 'and it is named');
}

is($dns->asked('localhost', 'A') + $dns->asked('localhost', 'AAAA'), 0,
    'no name server is asked');



=== TEST 8: a socket of this machine
--- http_config
{{
    $main::unix //= AgentAS->start(faults => 1, unix => "$main::dir/socket");
    $main::unix->provider('n' . ++$main::providers, introspection_endpoint =>
        "http://unix:$main::dir/socket:/token/introspection")
}}
--- run
our $unix;
my $token = $unix->token('agent-basic', scope => 'a',
    resource => 'https://api.test/a');

$unix->reset;
decided ask('GET /t', main::bearer($token)), 'ok', 'a token';
decided ask('GET /t', main::bearer()), 'token_inactive', 'another one';
cmp_ok($unix->fault_stats->{connections}, '<=', 2, 'one of each worker');

my ($seen) = $unix->seen;
is("$seen->{method} $seen->{path} $seen->{headers}{host}",
    'POST /token/introspection localhost', 'what is asked');

rename "$main::dir/socket", "$main::dir/gone";
$unix->hang_up;
decided ask('GET /t', main::bearer()), 'provider_unavailable', 'it is gone';
rename "$main::dir/gone", "$main::dir/socket";
decided ask('GET /t', main::bearer()), 'token_inactive', 'and there again';
--- serious
1x connect() to unix:



=== TEST 9: so many calls at a time, in all workers together
--- http_config
{{provider('127.0.0.1', max_pending => 3, timeout => '3s')}}
--- run
my @connections = warm(40, '/plain');

$as->reset;
$as->scripted('introspection', $main::good, delay => 5);

my ($answers) = herd(\@connections, 'GET /t', fresh(40));

# on a machine that is very slow some may wait in vain
is(join(' ', grep { !/^(?:200|503):/ } split ' ', statuses(@$answers)), '',
    'who has his turn passes');
cmp_ok((grep { $_->{status} == 200 } @$answers), '>=', 3, 'and many have');
cmp_ok($as->fault_stats->{most}, '<=', 3, 'three at a time');

# where nobody has an answer, nobody else asks, and all are turned away

$as->clear;
$as->reset;
$as->fault(path => 'introspection', hold => JSON::PP::true);
my @tokens = fresh(40);
$connections[$_]->send(asked('GET /t', main::bearer($tokens[$_])))
    for 0 .. 39;
$as->await_faults(now => 3);
warm(10, '/plain');
is(main::calls(), 3, 'three ask');
@$answers = map { $_->answer } @connections;

is(statuses(@$answers), '503:40', 'nobody passes');
is(scalar(grep { (fields($_, 'Agent') // '') ne 'deny provider_unavailable' }
    @$answers), 0, 'the reason');

main::all_good();
decided ask('GET /t', main::bearer()), 'ok', 'afterwards';
$as->clear;



=== TEST 10: so many new tokens of each source
--- http_config
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Real-IP;
{{provider('127.0.0.1', miss_rate => '1/m')}}
--- run
my $n = 10 * int(rand 6000);
my $from = sub {
    return ask('GET /t', 'X-Real-IP' => $_[0], main::bearer($_[1] // fresh()));
};
my $address = sub { sprintf '10.%d.%d.%d', 1 + $_[0], $n / 250, $n % 250 };
my $net = sub { sprintf '2001:db8:%x:%x:%s', $n, $_[0], $_[1] };
my ($known) = fresh();

main::all_good();

# of IPv4 each address, of IPv6 each /64

for (
    [ 'IPv4', $address->(0), $address->(0), $address->(1) ],
    [ 'IPv6', $net->(1, ':1'), $net->(1, 'ffff:1:2:3'), $net->(2, ':1') ],
    [ 'IPv4 in IPv6', '::ffff:' . $address->(2), $address->(2),
      '::ffff:' . $address->(3) ],
) {
    my ($what, $one, $same, $other) = @$_;

    decided $from->($one, $known), 'ok', "$what - the first one";

    my $before = main::calls();
    my $answer = decided $from->($same), 'rate_limited', "$what - the next";

    like(fields($answer, 'Retry-After') // '', qr/^[1-9]\d*$/,
        "$what - Retry-After");
    is(main::calls() - $before, 0, "$what - which costs no call");
    decided $from->($same, $known), 'ok', "$what - what is known passes";
    decided $from->($other), 'ok', "$what - of another";
    ($known) = fresh();
}

$as->clear;
