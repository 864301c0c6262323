# Responses that take long.  Without this who was revoked would go on to get what
# a stream of events or a websocket brings, for hours; or one that is good would
# be cut; or nobody could tell afterwards why it ended.
#
# requirements.md, V-07

use lib 't/lib', 't/bench';
use AgentAuth;
use AgentAS;
use AgentLoad;
use AgentRevocation;
use H2;

our $as = AgentAS->start;
our $up;

config_preamble(verdict_fields());

sub own { return own_provider($as, @_) }

our $routes = <<'CONF';
    agent_audience https://api.test/a;
    agent_recheck 100ms;
    proxy_buffering off;
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $http_connection;
    location /t { agent_auth key oauth; proxy_pass http://127.0.0.1:PORT; }
    location /off {
        agent_auth key oauth;
        agent_recheck off;
        proxy_pass http://127.0.0.1:PORT;
    }
    location /o {
        agent_auth key oauth;
        agent_mode observe;
        proxy_pass http://127.0.0.1:PORT;
    }
CONF

add_block_preprocessor(sub {
    my ($block) = @_;

    my ($port) = port(1) =~ /(\d+)$/;
    my $conf = $routes =~ s/PORT/$port/gr;

    $up //= upstream(1);

    $block->set_value(keys => "alpha\nbeta\n");
    $block->set_value(http_config => <<CONF . own());
    agent_revocations zone=revocations:1m state=logs/state;
    server { listen \$TEST_NGINX_PORT_2 http2; $conf }
CONF
    $block->set_value(config => $conf);
});


sub goes_on {
    my ($client, $server, $what) = @_;

    # more than one look
    my $until = Time::HiRes::time() + 0.5;
    my $got = 0;

    while ($got <= 3 || Time::HiRes::time() < $until) {
        $server->send("5\r\nagain\r\n");
        last if $client->octets(10) ne "5\r\nagain\r\n";
        $got++;
    }

    cmp_ok($got, '>', 3, "$what: goes on");
}


# the end of the stream, and not the end of the response

sub is_cut {
    my ($client, $server, $what) = @_;

    is($client->octets(1000), '', "$what: cut");
    is($server->octets(1000), '', "$what: the upstream, too");
}


sub audited_cut {
    my ($reason) = @_;

    my @lines = audit_lines(1);

    my $auth = $lines[-1]{unmapped}{agent_auth};

    is("$auth->{result} $auth->{reason} " . ($auth->{cut} // '-'),
        "allow ok $reason", "the audit line: $reason");
}


run_tests();

__DATA__

=== TEST 1: keys
--- run
for my $case ([ 'revoke', 'key_revoked', 'unrevoke' ],
              [ 'suspend', 'key_suspended', 'resume' ]) {
    my ($op, $reason, $undo) = @$case;
    my %alpha = (kind => 'key', value => key_id('alpha'));

    my @alpha = streaming($up, 'GET /t', 'X-API-Key' => key('alpha'));
    my @beta = streaming($up, 'GET /t', 'X-API-Key' => key('beta'));

    goes_on(@alpha, 'alpha');
    revocation($op, 'logs/state', %alpha);

    is_cut(@alpha, $op);
    audited_cut($reason);
    goes_on(@beta, 'another');

    $beta[1]->send("0\r\n\r\n");
    is($beta[0]->octets(5), "0\r\n\r\n", 'and ends well');
    audited_cut('-');

    revocation($undo, 'logs/state', %alpha);
}

# the key file

my @beta = streaming($up, 'GET /t', 'X-API-Key' => key('beta'));
write_keys('keys.jsonl', "alpha\nbeta state=suspended\n");
is_cut(@beta, 'the key file');
audited_cut('key_suspended');

write_keys('keys.jsonl', "alpha\nbeta\n");
my $tries = 0;

await(sub {
    $tries++;
    my $client = connected();
    $client->send(asked('GET /t', 'X-API-Key' => key('beta'),
        Connection => 'close'));
    my $server = passed($up, $client) // return 0;
    $server->message;
    $server->send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    return $client->answer->{status} == 200;
}, 'the key again');
audit_lines($tries);



=== TEST 2: tokens: revoked, and expired
--- run
my $token = own_token($as, sub => 'stream');
my @stream = streaming($up, 'GET /t', Authorization => "Bearer $token");

goes_on(@stream, 'good');
revocation('revoke', 'logs/state', kind => 'subject', issuer => own_issuer(),
    value => 'stream');
is_cut(@stream, 'revoked');
audited_cut('token_revoked');
revocation('unrevoke', 'logs/state', kind => 'subject', issuer => own_issuer(),
    value => 'stream');

# with the leeway of 30 seconds; a machine that is slow gets a longer time

my @refused;

for my $seconds (2, 10, 30) {
    $token = own_token($as, exp => seconds() - 30 + $seconds);
    @stream = eval {
        streaming($up, 'GET /t', Authorization => "Bearer $token")
    };
    last if @stream;
    push @refused, audit_lines(1);
}

cmp_ok(scalar @refused, '<', 3, 'it is good for a while');
is_cut(@stream, 'expired');
audited_cut('token_expired');



=== TEST 3: a websocket
--- run
my $client = connected();
$client->send(asked('GET /t', 'X-API-Key' => key('alpha'),
    Upgrade => 'websocket', Connection => 'upgrade'));

my $server = AgentClient::Connection->new(scalar $up->accept);
$server->message;
$server->send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
    . "Connection: upgrade\r\n\r\n");
like($client->head, qr/ 101 /, 'it begins');

$client->send('ping');
is($server->octets(4), 'ping', 'to the upstream');
$server->send('pong');
is($client->octets(4), 'pong', 'to the client');

revocation('revoke', 'logs/state', kind => 'agent', value => 'alpha');
is_cut($client, $server, 'revoked');
audited_cut('key_revoked');
revocation('unrevoke', 'logs/state', kind => 'agent', value => 'alpha');



=== TEST 4: off, and observe
--- run
my @off = streaming($up, 'GET /off', 'X-API-Key' => key('alpha'));
my @observed = streaming($up, 'GET /o', 'X-API-Key' => key('alpha'));

revocation('revoke', 'logs/state', kind => 'agent', value => 'alpha');
goes_on(@off, 'off');
goes_on(@observed, 'observe');
revocation('unrevoke', 'logs/state', kind => 'agent', value => 'alpha');

for ([ 'off', @off ], [ 'observe', @observed ]) {
    $_->[2]->send("0\r\n\r\n");
    is($_->[1]->octets(5), "0\r\n\r\n", "$_->[0]: ends well");
    audited_cut('-');
}



=== TEST 5: one stream of HTTP/2, and not the others
--- run
my $h2 = H2->new(connected(port => port(2))->handle);

sub open_stream {
    my ($h2, $id, $name) = @_;

    my @fields = ([ ':method' => 'GET' ], [ ':scheme' => 'http' ],
        [ ':path' => '/t' ], [ ':authority' => 'localhost' ],
        [ 'x-api-key' => key($name) ]);

    $h2->put(H2::frame(H2::HEADERS, 5, $id, join '', map {
        "\0" . H2::string($_->[0]) . H2::string($_->[1]) } @fields));

    my $server = AgentClient::Connection->new(scalar $up->accept);
    $server->message;
    $server->send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        . "5\r\nfirst\r\n");

    return $server;
}

# RST_STREAM is 3; the number of a stream is not told by this client

sub next_of {
    my ($h2, @types) = @_;

    while (1) {
        my ($type, $flags, $payload) = $h2->get;
        return ($type, $flags, $payload) if grep { $type == $_ } @types;
    }
}

my $alpha = open_stream($h2, 1, 'alpha');
is((next_of($h2, H2::DATA))[2], 'first', 'one stream');
my $beta = open_stream($h2, 3, 'beta');
is((next_of($h2, H2::DATA))[2], 'first', 'another');

revocation('revoke', 'logs/state', kind => 'key', value => key_id('alpha'));
is((next_of($h2, 3, H2::GOAWAY))[0], 3, 'a stream is reset');
is($alpha->octets(1000), '', 'that one');

$beta->send("5\r\nagain\r\n");
is((next_of($h2, H2::DATA, 3))[2], 'again', 'the other one goes on');
$beta->send("0\r\n\r\n");
revocation('unrevoke', 'logs/state', kind => 'key', value => key_id('alpha'));
