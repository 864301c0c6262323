# The same over HTTP/3, where a response is a QUIC stream that has no length of
# its own, and the connection no socket.  Without this a response that is cut
# could look like one that is complete, a revocation be missed on a connection
# that is open, or a stranger be taken for the proxy.
#
# requirements.md, 15 (parity), V-07, M-01

use lib 't/lib';
use AgentAuth;
use AgentAS;
use AgentRevocation;

plan(skip_all => 'no nginx with HTTP/3')
    if `$ENV{TEST_NGINX_BINARY} -V 2>&1` !~ /--with-http_v3_module/;
plan(skip_all => 'no curl with HTTP/3')
    if `curl --version 2>&1` !~ /^Features:.*\bHTTP3\b/m;

our $as = AgentAS->start;
our $up;

config_preamble(verdict_fields());

add_block_preprocessor(sub {
    my ($block) = @_;

    my ($port) = port(1) =~ /(\d+)$/;
    my ($quic) = port(2) =~ /(\d+)$/;
    my $dir = $as->dir;

    $up //= upstream(1);

    $block->set_value(keys => <<'END');
alpha
beta
far networks=192.0.2.0/24
near networks=127.0.0.0/8
END
    $block->set_value(config => 'location /x { empty_gif; }');
    $block->set_value(http_config => <<CONF . own_provider($as));
    agent_revocations zone=revocations:1m state=logs/state;
    server {
        listen $quic quic reuseport;
        ssl_certificate $dir/server.crt;
        ssl_certificate_key $dir/server.key;
        agent_auth key oauth;
        agent_audience https://api.test/a;
        agent_client_cert 127.0.0.1;
        proxy_buffering off;
        proxy_http_version 1.1;
        location /t { empty_gif; }
        location /s { agent_recheck 100ms; proxy_pass http://127.0.0.1:$port; }
    }
CONF
});


# curl with these paths, in one connection; after each what became of it

sub begun {
    my ($fields, @paths) = @_;

    my @headers = map { ('-H', "$_: $fields->{$_}") } sort keys %$fields;
    my ($port) = port(2) =~ /(\d+)$/;

    my $pid = open my $pipe, '-|', 'curl', '-s', '-N', '-k', '--max-time', 60,
        '--http3-only', '-w', '[%{http_code} %{num_connects} %{exitcode}]',
        @headers, map { "https://127.0.0.1:$port$_" } @paths
        or die "curl: $!\n";

    return $pipe;
}


sub ended {
    my ($pipe) = @_;

    my $text = do { local $/; <$pipe> } // '';
    close $pipe;

    return $text;
}


sub came {
    my ($expected, $reason, %fields) = @_;

    my $text = ended(begun(\%fields, '/t'));

    like($text, qr/\[$expected 1 0\]\z/, "$reason: $expected");
    is((audit_lines(1))[0]{unmapped}{agent_auth}{reason}, $reason,
        'the audit line');
}


# a stream of which some has come: (pipe, upstream, what the upstream was sent)

sub streaming {
    my ($fields, @more) = @_;

    my $pipe = begun($fields, '/s', @more);
    my $server = AgentClient::Connection->new(scalar $up->accept);
    my $seen = $server->message;

    $server->send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        . "5\r\nfirst\r\n");

    sysread $pipe, my $text, 5;
    is($text, 'first', 'it begins');

    return ($pipe, $server, $seen);
}


# curl says 18 (CURLE_PARTIAL_FILE) of a stream that is reset; one that ends is 0
# and would be taken for all of it

sub is_cut {
    my ($reason, $pipe, $server) = @_;

    like(ended($pipe), qr/\A\[200 1 [1-9]\d*\].*\[401 0 0\]\z/s,
        "$reason: reset, and no more in the same connection");
    is($server->octets(1000), '', 'the upstream, too');

    my %seen = map { $_->{unmapped}{agent_auth}{reason} => $_ } audit_lines(2);

    is($seen{ok}{unmapped}{agent_auth}{cut}, $reason, 'the audit line');
    ok($seen{$reason}, 'and the next one');
}

run_tests();

__DATA__

=== TEST 1: as over other protocols
--- run
came(401, 'credential_missing');
came(401, 'key_unknown', 'X-API-Key' => key('gamma'));
came(401, 'key_network', 'X-API-Key' => key('far'));
came(200, 'ok', 'X-API-Key' => key('near'));
came(200, 'ok', 'X-API-Key' => key('alpha'));
came(200, 'ok', Authorization => 'Bearer ' . own_token($as));



=== TEST 2: a response is cut, and the connection gets no other
--- run
my %alpha = (kind => 'key', value => key_id('alpha'));
my %sub = (kind => 'subject', issuer => own_issuer(), value => 'stream');
my %token = (Authorization => 'Bearer ' . own_token($as, sub => 'stream'));

my ($beta, $server) = streaming({ 'X-API-Key' => key('beta') });

for my $case ([ 'key_revoked', { 'X-API-Key' => key('alpha') },
                \%alpha, qw/ revoke unrevoke / ],
              [ 'key_suspended', { 'X-API-Key' => key('alpha') },
                \%alpha, qw/ suspend resume / ],
              [ 'token_revoked', \%token, \%sub, qw/ revoke unrevoke / ])
{
    my ($reason, $fields, $what, $op, $undo) = @$case;

    my @stream = streaming($fields, '/t');
    revocation($op, 'logs/state', %$what);
    is_cut($reason, @stream);
    revocation($undo, 'logs/state', %$what);
}

$server->send("5\r\nagain\r\n0\r\n\r\n");
is(ended($beta), 'again[200 1 0]', 'another goes on, and ends well');
is((audit_lines(1))[0]{unmapped}{agent_auth}{cut}, undef, 'the audit line');



=== TEST 3: nobody is a proxy whose certificates are believed
--- run
my ($pipe, $server, $seen) = streaming({ 'X-API-Key' => key('alpha'),
    'Client-Cert' => ':MAA=:' });

unlike($seen, qr/client-cert/i, 'the field does not go on');
$server->send("0\r\n\r\n");
is(ended($pipe), '[200 1 0]', 'it ends well');
audit_lines(1);
