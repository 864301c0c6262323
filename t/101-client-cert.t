# Certificates that a proxy vouches for.  Without this whoever sends a field
# Client-Cert could use a token that is bound to somebody else's certificate,
# or tell an upstream that he is somebody else; or behind a proxy nobody could
# use a token that is bound to his own.
#
# RFC 9440; requirements.md, M-01 to M-03, M-06, G-01

use lib 't/lib';
use AgentAuth;
use AgentAS;
use Digest::SHA qw/ sha256 /;
use MIME::Base64 qw/ encode_base64 encode_base64url decode_base64 /;

our $as = AgentAS->start(tls => 1);
our $issuer = 'https://own.test';
our $api = 'https://api.test/a';
our ($providers, $serial, $told, $upstream) = (0, 0, 0);

config_preamble(verdict_fields());


sub der {
    open my $in, '<', $as->dir . "/$_[0].crt" or die "$_[0].crt: $!\n";
    my ($pem) = do { local $/; <$in> }
        =~ /-----BEGIN CERTIFICATE-----(.*?)-----END/s;

    return decode_base64($pem);
}


# the field's value

sub field_of { return ':' . encode_base64($_[0], '') . ':' }


our $mine = field_of(der('agent-tls'));
our $other = field_of(der('agent-self'));

open my $out, '>', $as->dir . '/keys.json' or die $!;
print $out JSON::PP->new->encode({ keys => [
    { %{ $as->jwk($as->dir . '/gate-es256.key') }, kid => 'k' } ] });
close $out;


sub provider {
    return 'agent_oauth_provider own' . ++$providers . " {\n"
        . "issuer $issuer; metadata_uri off; jwks_file "
        . $as->dir . "/keys.json; }\n"
        . "large_client_header_buffers 8 32k; underscores_in_headers on;\n";
}


sub token {
    my ($der) = @_;

    my $now = time;

    return $as->jwt({ alg => 'ES256', typ => 'at+jwt', kid => 'k' },
        { iss => $issuer, aud => $api, sub => 's', client_id => 'c',
          jti => "t$$-" . ++$serial, iat => $now, exp => $now + 86400,
          defined $der ? (cnf => { 'x5t#S256' =>
              encode_base64url(sha256($der)) }) : () },
        $as->dir . '/gate-es256.key');
}


our $bound = token(der('agent-tls'));
our $plain = token();


# a request with a token has the reason; an option is what ask() takes

sub judged {
    my ($reason, $what, $token, @request) = @_;

    my $path = ($request[0] // '') =~ m{^/} ? shift @request : '/t';

    return decided ask("GET $path", Authorization => "Bearer $token",
        @request), $reason, $what;
}


# the fields about certificates that the upstream sees

sub passed {
    my ($what, $expected, @request) = @_;

    $upstream //= upstream(2);

    my %option = ref $request[-1] ? %{ pop @request } : ();
    my $path = delete $option{path} // '/p';
    my ($seen) = through($upstream, "GET $path",
        Authorization => 'Bearer ' . (delete $option{token} // $plain),
        @request, { %option });

    is_deeply([ grep { /^[^:]*cert/i } lines_of($seen) ], $expected, $what);
    like($seen // '', qr{^GET /}, "$what - it came");
    audit_lines(1);
}


add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => provider())
        unless defined $block->http_config;
    $block->set_value(config => <<'END') unless defined $block->config;
agent_audience https://api.test/a;
agent_client_cert 127.0.0.1;
agent_auth oauth;
location /t { empty_gif; }
location /r { agent_binding required mtls; empty_gif; }
location /off { agent_client_cert off; empty_gif; }
location /none { agent_binding off; empty_gif; }
location /p { proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_2; }
location /watch {
    agent_mode observe;
    proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_2;
}
location /open { agent_auth off; proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_2; }
location /as { agent_client_cert off;
    proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_2; }
END
});

run_tests();

__DATA__

=== TEST 1: M-01, M-06: of a trusted proxy it counts
--- run
judged 'ok', 'his certificate', $main::bound, 'Client-Cert' => $main::mine;
judged 'ok', 'again, of a cached verdict', $main::bound,
    'client-cert' => $main::mine;
judged 'ok', 'in capitals', $main::bound, 'CLIENT-CERT' => $main::mine;
judged 'ok', 'with a chain', $main::bound, 'Client-Cert' => $main::mine,
    'Client-Cert-Chain' => $main::other;
judged 'binding_mismatch', 'another one', $main::bound,
    'Client-Cert' => $main::other;
judged 'binding_missing', 'none', $main::bound;
judged 'binding_missing', 'a chain alone', $main::bound,
    'Client-Cert-Chain' => $main::mine;
judged 'ok', 'a plain token', $main::plain, 'Client-Cert' => $main::mine;
judged 'ok', 'a plain token without', $main::plain;
judged 'binding_missing', 'a plain one where it must be bound', $main::plain,
    '/r', 'Client-Cert' => $main::mine;
judged 'ok', 'a bound one there', $main::bound, '/r',
    'Client-Cert' => $main::mine;



=== TEST 2: M-06: of others it does not
--- run
my @stranger = { from => '127.0.0.2' };

judged 'binding_missing', 'of a stranger', $main::bound, '/t',
    'Client-Cert' => $main::mine, @stranger;
judged 'ok', 'a plain token of a stranger', $main::plain, '/t',
    'Client-Cert' => $main::mine, @stranger;
judged 'binding_missing', 'where none is trusted', $main::bound, '/off',
    'Client-Cert' => $main::mine;
judged 'ok', 'where nothing is asked for', $main::bound, '/none';



=== TEST 3: M-02: several, malformed, large
--- run
log_mark();
my $value = $main::mine;
my $bare = substr $value, 1, -1;

judged 'binding_mismatch', 'two fields', $main::bound, 'Client-Cert' => $value,
    'client-cert' => $value;
judged 'binding_mismatch', 'two, one of them empty', $main::bound,
    'Client-Cert' => $value, 'Client-Cert' => '';
judged 'binding_missing', 'spelled otherwise', $main::bound,
    'Client_Cert' => $value;
judged 'ok', 'spelled otherwise beside it', $main::bound,
    'Client_Cert' => $main::other, 'Client-Cert' => $value;

judged 'binding_mismatch', $_->[0], $main::bound, 'Client-Cert' => $_->[1] for
    [ 'nothing', '' ], [ 'colons', '::' ], [ 'a colon', ':' ],
    [ 'no colons', $bare ], [ 'no colon at the end', ":$bare" ],
    [ 'a list', "$value, $value" ], [ 'a parameter', "$value;a=1" ],
    [ 'a string', qq("$bare") ], [ 'base64url', $value =~ tr{+/}{-_}r ],
    [ 'PEM, escaped', '-----BEGIN%20CERTIFICATE-----%0A' ],
    [ 'a space', ":$bare :" ], [ 'cut off', substr($value, 0, 401) . ':' ],
    [ 'more behind it', main::field_of(main::der('agent-tls') . "\0") ],
    [ 'its digest', ':' . MIME::Base64::encode_base64(
        Digest::SHA::sha256(main::der('agent-tls')), '') . ':' ],
    [ '16 KB and more', ':' . 'A' x 22000 . ':' ];

# of 16 KB, as long as it says

my $large = pack 'CCna*', 0x30, 0x82, 16000, 'x' x 16000;
my $token = token($large);

judged 'ok', '16 KB', $token, 'Client-Cert' => main::field_of($large);
judged 'binding_mismatch', '16 KB, another one', $token,
    'Client-Cert' => main::field_of($large =~ s/x$/y/r);

said qr/field "Client-Cert" of a proxy that is trusted is of no use: / if !$main::told++;
log_mark();
judged 'binding_mismatch', 'nobody is told the value', $main::bound,
    'Client-Cert' => ':secret-value:';
is(scalar(grep { /agent_auth.*secret-value/ } error_lines()), 0, 'not logged');



=== TEST 4: G-01: what is not believed does not reach the upstream
--- run
my ($v, $w) = ('Client-Cert: x', 'Client-Cert-Chain: y');
my @both = ('Client-Cert' => 'x', 'Client-Cert-Chain' => 'y');
my %stranger = (from => '127.0.0.2');

passed('of a trusted proxy', [ $v, $w ], @both);
passed('other spellings of a trusted proxy', [ $v, $w ],
    'Client_Cert' => 'a', @both, 'client_cert_chain' => 'b',
    'CLIENT_CERT' => 'c', 'Client-Cert_Chain' => 'd');
passed('two of a trusted proxy', [], @both, 'client-cert' => 'z');
passed('nothing of a stranger', [], { %stranger });
passed('of a stranger', [], @both, { %stranger });
passed('in all spellings', [],
    (map { $_ => 'x' } 'client-cert', 'CLIENT-CERT', 'Client_Cert',
     'cLIENT_cERT', 'client_cert_chain', 'Client-Cert_Chain',
     'Client_Cert-Chain', 'CLIENT-CERT-CHAIN') x 4, { %stranger });
passed('similar names', [ 'X-Client-Cert: x', 'Client-Certs: x',
    'ClientCert: x', 'Client-Cert-Chains: x' ],
    map({ $_ => 'x' } 'X-Client-Cert', 'Client-Certs', 'ClientCert',
    'Client-Cert-Chains'), { %stranger });

# wherever it stands in nginx's list of fields, whose parts have twenty

for my $n (0, 1, 18, 19, 20, 21, 38, 39, 40, 41) {
    my @fields = map { ("X-$_" => $_) } 1 .. $n;
    passed("behind $n", [], @fields, @both, { %stranger });
    passed("before $n", [], @both, @fields, { %stranger });
}

passed('in observe mode', [ $v, $w ], @both, { %stranger, path => '/watch' });
passed('where the directive is off', [ $v, $w ], @both,
    { %stranger, path => '/as' });
my ($seen) = through($main::upstream, 'GET /open', @both, { %stranger });
is(scalar(grep { /^Client-Cert/ } lines_of($seen)), 2,
    'where nothing is guarded');



=== TEST 5: G-01: also where the request is refused, or let in by address
--- config
    agent_audience https://api.test/a;
    agent_client_cert 127.0.0.1;
    location /t {
        agent_auth oauth;
        error_page 401 /page;
        empty_gif;
    }
    location /page { proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_2; }
    location /any {
        agent_auth oauth;
        satisfy any; allow 127.0.0.2; deny all;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_2;
    }
    location /again {
        agent_auth oauth;
        agent_client_cert 127.0.0.9;
        agent_binding off;
        try_files /none /p;
    }
    location /p {
        agent_auth oauth;
        agent_binding required mtls;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_2;
    }
--- run
passed('an error page', [], 'Client-Cert' => 'x',
    { from => '127.0.0.2', path => '/t', token => 'a' });
passed('by address', [], 'Client-Cert' => 'x',
    { from => '127.0.0.2', path => '/any', token => 'a' });
passed('two locations that trust others', [], 'Client-Cert' => $main::mine,
    { path => '/again', token => $main::bound });



=== TEST 6: of the connection: realip does not change it
--- config
    set_real_ip_from 127.0.0.0/8;
    real_ip_header X-Real-IP;
    agent_audience https://api.test/a;
    agent_client_cert 127.0.0.1 192.0.2.1;
    agent_auth oauth;
    location /t { empty_gif; }
    location /p { proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_2; }
--- run
judged 'ok', 'a proxy that tells an address', $main::bound,
    'Client-Cert' => $main::mine, 'X-Real-IP' => '198.51.100.1';
judged 'binding_missing', 'who tells a trusted one', $main::bound, '/t',
    'Client-Cert' => $main::mine, 'X-Real-IP' => '127.0.0.1',
    { from => '127.0.0.2' };
judged 'binding_missing', 'or another trusted one', $main::bound, '/t',
    'Client-Cert' => $main::mine, 'X-Real-IP' => '192.0.2.1',
    { from => '127.0.0.2' };
passed('nor does it go upstream', [], 'Client-Cert' => $main::mine,
    'X-Real-IP' => '127.0.0.1', { from => '127.0.0.2' });



=== TEST 7: unix sockets, IPv6, networks
--- http_config
{{provider()}}
agent_audience https://api.test/a;
server {
    listen unix:$TEST_NGINX_SERVER_ROOT/logs/one.sock;
    listen [::1]:$TEST_NGINX_PORT_3;
    {{verdict_fields()}}
    agent_auth oauth;
    agent_client_cert unix: ::1;
    location /t { empty_gif; }
}
server {
    listen unix:$TEST_NGINX_SERVER_ROOT/logs/two.sock;
    listen [::1]:$TEST_NGINX_PORT_4;
    listen $TEST_NGINX_PORT_4;
    {{verdict_fields()}}
    agent_auth oauth;
    agent_client_cert 127.0.0.0/30 2001:db8::/32;
    location /t { empty_gif; }
}
--- config
    location /x { empty_gif; }
--- run
my $logs = "$Test::Nginx::Util::ServRoot/logs";
my @cert = ('Client-Cert' => $main::mine);

judged 'ok', 'a unix socket', $main::bound, '/t', @cert,
    { unix => "$logs/one.sock" };
judged 'binding_missing', 'one that is not trusted', $main::bound, '/t', @cert,
    { unix => "$logs/two.sock" };
judged 'ok', 'IPv6', $main::bound, '/t', @cert,
    { host => '::1', port => port(3) };
judged 'binding_missing', 'another address of IPv6', $main::bound, '/t', @cert,
    { host => '::1', port => port(4) };
judged 'ok', 'a network', $main::bound, '/t', @cert,
    { port => port(4), from => '127.0.0.3' };
judged 'binding_missing', 'beyond it', $main::bound, '/t', @cert,
    { port => port(4), from => '127.0.0.4' };



=== TEST 8: TLS of the connection itself
--- http_config
{{provider()}}
server {
    listen {{port(1)}} ssl;
    ssl_certificate {{$main::as->dir}}/server.crt;
    ssl_certificate_key {{$main::as->dir}}/server.key;
    ssl_verify_client optional_no_ca;
    agent_audience https://api.test/a;
    agent_auth oauth;
    location /t { agent_client_cert 127.0.0.1; empty_gif; }
    location /direct { agent_client_cert 127.0.0.9; empty_gif; }
}
--- config
    location /x { empty_gif; }
--- run
my $url = 'https://127.0.0.1:' . port(1);

for (
    [ ok => 'the field, of a proxy that has a certificate', '/t',
        'agent-self', $main::mine ],
    [ binding_mismatch => 'not that of the proxy', '/t', 'agent-tls',
        $main::other ],
    [ binding_missing => 'nor where there is no field', '/t', 'agent-tls' ],
    [ ok => 'that of a client', '/direct', 'agent-tls' ],
    [ ok => 'whatever field he sends', '/direct', 'agent-tls', $main::other ],
    [ binding_mismatch => 'or whose', '/direct', 'agent-self', $main::mine ],
) {
    my ($reason, $what, $path, $cert, $field) = @$_;

    $as->http("$url$path", cert => $cert, headers => [
        Authorization => "Bearer $main::bound",
        defined $field ? ('Client-Cert' => $field) : () ]);
    my ($line) = audit_lines(1);
    is($line->{unmapped}{agent_auth}{reason}, $reason, $what);
}



=== TEST 9: HTTP/2
--- http_config
{{provider()}}
server {
    listen $TEST_NGINX_PORT_5 http2;
    agent_audience https://api.test/a;
    agent_auth oauth;
    agent_client_cert 127.0.0.1;
    location /t { empty_gif; }
    location /p { proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_6; }
}
server {
    listen $TEST_NGINX_PORT_6;
    location / { return 200 "[$http_client_cert][$http_client_cert_chain]"; }
}
--- config
    location /x { empty_gif; }
--- run
SKIP: {
    skip 'no curl with HTTP/2', 4
        if `curl --version 2>&1` !~ /^Features:.*\bHTTP2\b/m;

    my $two = sub {
        my ($path, @option) = @_;
        my $text = AgentAS::piped("header = \"Authorization: Bearer "
            . "$main::bound\"\nheader = \"Client-Cert: $main::mine\"\n"
            . "header = \"Client-Cert-Chain: x\"\n", 'curl', '-s', '--max-time',
            60, '--http2-prior-knowledge', '-K', '-', @option,
            'http://127.0.0.1:' . port(5) . $path);
        my ($line) = audit_lines(1);
        return ($line->{unmapped}{agent_auth}{reason}, $text);
    };

    is(($two->('/t'))[0], 'ok', 'of a trusted proxy');
    is(($two->('/t', '--interface', '127.0.0.2'))[0], 'binding_missing',
        'of a stranger');

    my ($reason, $text) = $two->('/p');
    is($text, "[$main::mine][x]", 'the upstream sees it');
    is($reason, 'ok', 'of a trusted proxy');
}



=== TEST 10: who trusts all is told
--- config
    location /x { empty_gif; }
--- run
for my $value ('0.0.0.0/0', '::/0') {
    my ($status, $output) = try_conf("agent_client_cert 10.0.0.1 $value;");
    is($status, 0, "$value is let pass");
    like($output, qr/\[warn\] .*"\Q$value\E" in "agent_client_cert": anybody/,
        'and warned of');
}
