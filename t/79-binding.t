# Tokens that only one client may use.  Without this a token that is bound to a
# key or a certificate could be used by whoever has got hold of it, with a proof
# that was overheard, made for another request, or made up.
#
# requirements.md, D-01 to D-21, M-01 to M-04, G-03; RFC 9449, RFC 8705

use lib 't/lib';
use AgentClock;
use AgentAuth;
use AgentAS;
use Digest::SHA qw/ sha256 /;
use MIME::Base64 qw/ encode_base64url decode_base64 /;

our $as = AgentAS->start(tls => 1);
our $issuer = 'https://own.test';
our $api = 'https://api.test/a';
our ($providers, $serial) = (0, 0);

config_preamble(verdict_fields() . ' add_header Cache "$agent_cache" always;');
workers(2);


sub key_of { return $as->dir . "/$_[0].key" }

sub jkt { return $as->thumbprint(key_of($_[0])) }


sub x5t {
    open my $in, '<', $as->dir . "/$_[0].crt" or die "$_[0].crt: $!\n";
    my ($pem) = do { local $/; <$in> }
        =~ /-----BEGIN CERTIFICATE-----(.*?)-----END/s;

    return encode_base64url(sha256(decode_base64($pem)));
}


open my $out, '>', $as->dir . '/keys.json' or die $!;
print $out JSON::PP->new->encode({ keys => [
    { %{ $as->jwk(key_of('gate-es256')) }, kid => 'k' } ] });
close $out;


sub provider {
    return 'agent_oauth_provider own' . ++$providers . " {\n"
        . "issuer $issuer; metadata_uri off; jwks_file "
        . $as->dir . "/keys.json; }\n";
}


# a token bound to these, undef: a plain one

sub token {
    my ($cnf, %claims) = @_;

    my $now = int now();

    return $as->jwt({ alg => 'ES256', typ => 'at+jwt', kid => 'k' },
        { iss => $issuer, aud => $api, sub => 's', client_id => 'c',
          jti => "t$$-" . ++$serial, iat => $now, exp => $now + 86400,
          $cnf ? (cnf => $cnf) : (), %claims }, key_of('gate-es256'));
}


# a proof for GET /t of this token, by agent-es256; header and claims may be
# changed, undef: left out

sub proof {
    my ($token, $header, $claims, $key) = @_;

    my %header = (alg => 'ES256', typ => 'dpop+jwt',
        jwk => $as->jwk(key_of('agent-es256')), %{ $header // {} });
    my %claims = (htm => 'GET', htu => 'https://api.test/t',
        iat => int now(), jti => "p$$-" . ++$serial,
        ath => encode_base64url(sha256($token)), %{ $claims // {} });

    delete $header{$_} for grep { !defined $header{$_} } keys %header;
    delete $claims{$_} for grep { !defined $claims{$_} } keys %claims;

    return $as->jwt(\%header, \%claims, key_of($key // 'agent-es256'));
}


sub with {
    my ($token, $proof, %option) = @_;

    return ask($option{request} // 'GET /t', Authorization => "DPoP $token",
        defined $proof ? (DPoP => $proof) : ());
}


our $bound = { jkt => jkt('agent-es256') };
our $algs = 'algs="ES256 ES384 ES512 EdDSA Ed25519 RS256 PS256"';


# a refusal's challenge

sub challenge {
    my ($answer, $pattern, $what) = @_;

    like(fields($answer, 'WWW-Authenticate') // '', $pattern,
        "$what - the challenge");
}


add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => provider())
        unless defined $block->http_config;
    $block->set_value(config => "agent_resource https://api.test/a;\n"
        . 'location /t { agent_auth oauth; empty_gif; }')
        unless defined $block->config;
});

run_tests();

__DATA__

=== TEST 1: with a proof, once
--- config
    agent_resource https://api.test/a;
    location /t { agent_auth oauth; empty_gif; }
    location /again { agent_auth oauth; try_files /none /t; }

    # other places to look in, and nothing hidden on the way
    location /other {
        agent_auth oauth; agent_hide_credential off;
        agent_credential $http_authorization $http_x_token;
        try_files /none /t;
    }
--- run
my $token = token($main::bound);
my $proof = proof($token);

is(with($token, $proof)->{status}, 200, 'a token with its proof');
my ($line) = audit_lines(1);
is($line->{unmapped}{agent_auth}{binding}, 'dpop', 'is audited');

for my $n (1 .. 8) {
    my $answer = with($token, $proof);
    is($answer->{status}, 401, "replayed, in either worker, $n");
    challenge($answer, qr/^Bearer realm="agents", resource_metadata="[^"]+", DPoP realm="agents", \Q$main::algs\E, resource_metadata="[^"]+", error="invalid_dpop_proof"$/,
        'replayed') if $n == 1;
}

is($_->{unmapped}{agent_auth}{reason}, 'dpop_replayed', 'for this reason')
    for audit_lines(8);

is(with($token, proof($token))->{status}, 200, 'another proof');
is(with($token, proof($token, {}, { htu => 'https://api.test/again' }),
    request => 'GET /again')->{status}, 200,
    'one proof for a request that enters two locations');
is(with($token, proof($token, {}, { htu => 'https://api.test/other' }),
    request => 'GET /other')->{status}, 200,
    'also where the second one looks for credentials elsewhere');
audit_lines(3);

my $answer = ask('GET /t', Authorization => "dpop $token",
    DPoP => proof($token));
is($answer->{status}, 200, 'the scheme in any case');
audit_lines(1);



=== TEST 2: what a proof must be
--- run
my $token = token($main::bound);
my $now = int now();

my $check = sub {
    my ($reason, $what, $proof, %option) = @_;
    with($token, $proof, %option);
    my ($line) = audit_lines(1);
    is($line->{unmapped}{agent_auth}{reason}, $reason, $what);
};

$check->('dpop_invalid', 'none', undef);
$check->('dpop_invalid', 'empty', '');
$check->('dpop_invalid', 'no JWT', 'x');
$check->('dpop_invalid', 'two in one field', proof($token) . ','
    . proof($token));
$check->('dpop_invalid', 'typ', proof($token, { typ => 'JWT' }));
$check->('dpop_invalid', 'no typ', proof($token, { typ => undef }));
$check->('dpop_invalid', 'no key', proof($token, { jwk => undef }));
$check->('dpop_invalid', 'a private key',
    proof($token, { jwk => { %{ $as->jwk(key_of('agent-es256')) },
    d => 'AAAA' } }));
$check->('dpop_invalid', 'HS256', proof($token, { alg => 'HS256' }));
$check->('dpop_invalid', 'none', proof($token, { alg => 'none' }));
$check->('dpop_invalid', 'signed by another', proof($token, {}, {},
    'gate-es256'));
$check->('dpop_invalid', 'htm', proof($token, {}, { htm => 'POST' }));
$check->('dpop_invalid', 'htm in small letters',
    proof($token, {}, { htm => 'get' }));
$check->('dpop_invalid', "no $_", proof($token, {}, { $_ => undef }))
    for qw/ htm htu iat jti ath /;
$check->('dpop_invalid', "htu $_", proof($token, {}, { htu => $_ }))
    for 'http://api.test/t', 'https://other.test/t', 'https://api.test/T',
        'https://api.test/t/', 'https://api.test:444/t', '/t';
$check->('dpop_invalid', 'ath of another token',
    proof(token($main::bound)));
$check->('dpop_invalid', 'old', proof($token, {}, { iat => $now - 90 }));
$check->('dpop_invalid', 'from the future',
    proof($token, {}, { iat => $now + 90 }));
$check->('dpop_invalid', 'a time that is none',
    proof($token, {}, { iat => "$now" }));
$check->('dpop_invalid', 'a long jti', proof($token, {}, { jti => 'x' x 300 }));
$check->('dpop_invalid', 'another method', proof($token),
    request => 'POST /t');
$check->('binding_mismatch', 'a proof of another key',
    proof($token, { jwk => $as->jwk(key_of('gate-es256')) }, {},
    'gate-es256'));

$check->('ok', 'htu in another spelling',
    proof($token, {}, { htu => 'HTTPS://API.test:443/%74?x#y' }));
$check->('ok', 'a query is not compared', proof($token),
    request => 'GET /t?a=1');

ask('GET /t', Authorization => "DPoP $token", DPoP => proof($token),
    dpop => proof($token));
my ($line) = audit_lines(1);
is($line->{unmapped}{agent_auth}{reason}, 'dpop_invalid', 'two fields');



=== TEST 3: what is not bound, or bound otherwise
--- run
my $bound = token($main::bound);
my $plain = token();

my $check = sub {
    my ($reason, $what, @request) = @_;
    my $answer = ask('GET /t', @request);
    my ($line) = audit_lines(1);
    is($line->{unmapped}{agent_auth}{reason}, $reason, $what);
    return $answer;
};

my $answer = $check->('binding_missing', 'a bound one as Bearer',
    Authorization => "Bearer $bound");
challenge($answer, qr/^Bearer .*error="invalid_token"$/, 'as Bearer');

$check->('binding_missing', 'as Bearer with a proof',
    Authorization => "Bearer $bound", DPoP => proof($bound));
$check->('ok', 'a plain one', Authorization => "Bearer $plain");
$check->('binding_missing', 'a plain one as DPoP',
    Authorization => "DPoP $plain", DPoP => proof($plain));
$check->('binding_mismatch', 'a confirmation nobody knows',
    Authorization => 'Bearer ' . token({ kid => 'x' }));
$check->('binding_mismatch', 'an empty confirmation',
    Authorization => 'Bearer ' . token({}));
$check->('binding_missing', 'a certificate, without TLS',
    Authorization => 'Bearer ' . token({ 'x5t#S256' => x5t('agent-tls') }));



=== TEST 4: required
--- config
    agent_resource https://api.test/a;
    location /t { agent_auth oauth; agent_binding required dpop; empty_gif; }
--- run
my $answer = ask('GET /t', Authorization => 'Bearer ' . token());
is($answer->{status}, 401, 'a plain one');
challenge($answer, qr/^DPoP realm="agents", \Q$main::algs\E.*error="invalid_token"$/,
    'a plain one');
my $token = token($main::bound);
is(with($token, proof($token))->{status}, 200, 'a bound one');
challenge(ask('GET /t'), qr/^DPoP realm="agents", \Q$main::algs\E, resource_metadata="[^"]+"$/,
    'nothing');
audit_lines(3);



=== TEST 5: off
--- config
    agent_resource https://api.test/a;
    location /t { agent_auth oauth; agent_binding off; empty_gif; }
--- run
my $token = token($main::bound);

is(ask('GET /t', Authorization => "Bearer $token")->{status}, 200, 'Bearer');
is(ask('GET /t', Authorization => "DPoP $token")->{status}, 200, 'DPoP');
audit_lines(2);



=== TEST 6: keys are bound to nobody
--- keys
alpha
--- http_config
{{provider()}}
--- config
    agent_resource https://api.test/a;
    location /t { agent_auth oauth key; agent_binding required; empty_gif; }
    location /o { agent_auth oauth key; empty_gif; }
--- run
ask('GET /t', 'X-API-Key' => key 'alpha');
my ($line) = audit_lines(1);
is($line->{unmapped}{agent_auth}{reason}, 'binding_missing', 'a key');

is(ask('GET /o', 'X-API-Key' => key 'alpha')->{status}, 200, 'not required');
audit_lines(1);

my $answer = ask('GET /o', Authorization => 'DPoP ' . key 'alpha');
is($answer->{status}, 401, 'a key is no token');
audit_lines(1);



=== TEST 7: where proofs are not understood
--- config
    agent_audience https://api.test/a;
    location /t { agent_auth oauth; empty_gif; }
    location /m {
        agent_resource https://api.test/a; agent_auth oauth;
        agent_binding optional mtls; empty_gif;
    }
--- run
my $token = token($main::bound);

for my $path ('/t', '/m') {
    ask("GET $path", Authorization => "DPoP $token", DPoP => proof($token));
    my ($line) = audit_lines(1);
    is($line->{unmapped}{agent_auth}{reason}, 'credential_missing',
        "DPoP at $path");
    ask("GET $path", Authorization => "Bearer $token");
    ($line) = audit_lines(1);
    is($line->{unmapped}{agent_auth}{reason}, 'binding_missing',
        "Bearer at $path");
}



=== TEST 8: nonces
--- http_config
agent_dpop_cache zone=nonces:1m nonce=60s;
{{provider()}}
--- run
# nonces change with each minute of the clock: this one begins

advance(60 - now() + 60 * int(now() / 60));

my $token = token($main::bound);
my $answer = with($token, proof($token));

is($answer->{status}, 401, 'without a nonce');
challenge($answer, qr/DPoP .*error="use_dpop_nonce"$/, 'without');
my $nonce = fields($answer, 'DPoP-Nonce');
like($nonce, qr/^[0-9a-f]{32}$/, 'is told one');

is(with($token, proof($token, {}, { nonce => $nonce }))->{status}, 200,
    'with it');
is(with($token, proof($token, {}, { nonce => 'f' x 32 }))->{status}, 401,
    'another one');
advance(60);
is(with($token, proof($token, {}, { nonce => $nonce }))->{status}, 200,
    'the one before');
advance(60);
$answer = with($token, proof($token, {}, { nonce => $nonce }));
is($answer->{status}, 401, 'an older one');
isnt(fields($answer, 'DPoP-Nonce'), $nonce, 'is told the new one');
audit_lines(5);



=== TEST 9: a certificate
--- http_config
{{provider()}}
server {
    listen {{port(1)}} ssl;
    ssl_certificate {{$main::as->dir}}/server.crt;
    ssl_certificate_key {{$main::as->dir}}/server.key;
    ssl_verify_client optional_no_ca;
    agent_resource https://api.test/a;
    location /t { agent_auth oauth; empty_gif; }
    location /r { agent_auth oauth; agent_binding required mtls; empty_gif; }
}
--- run
my $token = token({ 'x5t#S256' => x5t('agent-tls') });
my $url = 'https://127.0.0.1:' . port(1);

my $check = sub {
    my ($reason, $what, $path, $value, @option) = @_;
    $as->http("$url$path", headers => [ Authorization => "Bearer $value" ],
        @option);
    my ($line) = audit_lines(1);
    is($line->{unmapped}{agent_auth}{reason}, $reason, $what);
    return $line;
};

my $line = $check->('ok', 'its certificate', '/t', $token,
    cert => 'agent-tls');
is($line->{unmapped}{agent_auth}{binding}, 'mtls', 'is audited');
$check->('ok', 'again, by the cached verdict', '/t', $token,
    cert => 'agent-tls');
$check->('binding_missing', 'no certificate', '/t', $token);
$check->('binding_mismatch', 'another one', '/t', $token,
    cert => 'agent-self');
$check->('binding_missing', 'a plain token', '/r', token(),
    cert => 'agent-tls');
$check->('ok', 'a bound one', '/r', $token, cert => 'agent-tls');



=== TEST 10: a subrequest to where no proof can be compared
--- config
    location /t {
        agent_auth oauth; agent_resource https://api.test/a;
        auth_request /sub;
        empty_gif;
    }
    location /sub {
        internal;
        agent_auth oauth; agent_audience https://api.test/a;
        empty_gif;
    }
--- run
my $token = token($main::bound);

is(with($token, proof($token))->{status}, 403, 'refused');
is(ask('GET /t', Authorization => 'Bearer ' . token())->{status}, 200,
    'a plain one');

for my $i (1, 2) {
    is(with($token, proof($token))->{status}, 403, 'and nobody crashed');
}

audit_lines(4);



=== TEST 11: a location with a resource within a server that has none
--- config
    agent_auth oauth;
    agent_audience https://api.test/a;
    agent_binding optional;

    location /t { agent_resource https://api.test/a; empty_gif; }
    location /plain { empty_gif; }
--- run
my $token = token($main::bound);

is(with($token, proof($token))->{status}, 200, 'takes proofs');
my ($one) = audit_lines(1);
is(with($token, proof($token), request => 'GET /plain')->{status}, 401,
    'the other does not');
my ($other) = audit_lines(1);
is($one->{unmapped}{agent_auth}{binding}, 'dpop', 'the proof counts');
is($other->{unmapped}{agent_auth}{reason}, 'credential_missing',
    'nor the scheme');



=== TEST 12: what was proved stays so, whatever a subrequest needs
--- config
    agent_resource https://api.test/a;
    agent_auth oauth;

    location /t { auth_request /sub; empty_gif; }
    location /sub { internal; agent_binding off; empty_gif; }
--- run
my $token = token($main::bound);

is(with($token, proof($token))->{status}, 200, 'with a proof');
my ($line) = audit_lines(1);
is($line->{unmapped}{agent_auth}{binding}, 'dpop', 'is audited');



=== TEST 13: a clock that is set back by some seconds
A proof that was over is good again: it is known for ten seconds longer.
--- http_config
{{provider()}}
    agent_dpop_cache zone=back:64k;
--- run
step(0);

my $token = token($main::bound);
my ($base, $count) = (0, 20);

# until all comes within some seconds, on whatever machine; what is signed
# before does not count

await(sub {
    $base += 1000;

    my $then = int(now()) + $base;
    my @first = map { proof($token, {}, { iat => $then + 9 }) } 1 .. $count;
    my @second = map { proof($token, {}, { iat => $then + 72 }) } 1 .. $count;
    my $at = sub { step($then - Time::HiRes::time() + $_[0]) };
    my $client = connected();
    my $ask = sub { answer_of($client, 'GET /t',
        Authorization => "DPoP $token", DPoP => $_[0]) };

    # they are over, and others take whatever place is free

    $at->(0);
    my @statuses = map { $ask->($_)->{status} } @first;
    my $late = now() - $then;
    $at->(71);
    push @statuses, map { $ask->($_)->{status} } @second;
    $late += now() - $then - 71;
    $at->(62);
    my @again = map { fields($ask->($_), 'Agent') } @first;
    $late += now() - $then - 62;

    step(0);
    return 0 if $late > 6;

    is(join(' ', @statuses), join(' ', (200) x (2 * $count)), 'proofs');
    is(join(' ', @again), join(' ', ('deny dpop_replayed') x $count),
        'none is good once more');

    return 1;
}, 'proofs in time');
