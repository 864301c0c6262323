# Access tokens that are JWTs, checked here.  Without this a token could pass
# that nobody signed, or that a key signed which the server has given up; or a
# server that changes its keys would lock out all its clients.
#
# RFC 9068; requirements.md, A-01 to A-08, W-01 to W-21, W-24,
# W-26, J-01

use lib 't/lib';
use AgentClock;
use AgentAuth;
use AgentAS;
use AgentLoad;
use Digest::SHA ();
use MIME::Base64 ();

our $as = AgentAS->start(faults => 1);
our $api = 'https://api.test/a';

config_preamble(verdict_fields() . ' add_header Cache "$agent_cache" always;'
    . ' add_header Who "$agent_id|$agent_client_id|$agent_subject|'
    . '$agent_scope|$agent_issuer|$agent_token_id|$agent_expires";');

our ($providers, %seen) = (0);


# a provider of the block's own

sub provider {
    return $as->provider('j' . ++$providers, introspection_endpoint => undef,
        verify => 'auto', @_);
}


sub first {
    return $seen{$providers}++ ? 0 : 1;
}


sub token {
    my (%param) = (ttl => 864000, @_);

    my $query = join '&', 'format=jwt', map { "$_=$param{$_}" }
        sort keys %param;

    return $as->token('agent-basic', scope => 'invoices:read',
        resource => "$api?$query");
}


sub ask_for {
    return ask('GET ' . ($_[1] // '/t'), Authorization => "Bearer $_[0]");
}


sub requests {
    return $as->fault_stats->{paths}{$_[0]}{requests} // 0;
}


sub begin {
    $as->reset;
    log_mark();
}


# -- tokens of our own making, with a key of t/as

our $issuer = 'https://own.test';

sub key_of {
    my ($name) = @_;

    $name = "agent-$name" unless $name =~ /-/;

    return $as->dir . "/$name.key";
}


sub write_set {
    my ($name, @keys) = @_;

    open my $out, '>', $as->dir . "/$name" or die "$name: $!\n";
    print $out JSON::PP->new->encode({ keys => \@keys });
    close $out;
}


write_set('keys.json', map { { %{ $as->jwk(key_of($_)) }, kid => $_ } }
    qw/ rs256 es256 /);
write_set('hs.json', { kty => 'oct', alg => 'HS256',
    k => MIME::Base64::encode_base64url(
        'CANARY-of-thirty-two-octets-at-least') });


sub own_provider {
    my (%param) = @_;

    return 'agent_oauth_provider own' . ++$providers . " {\n"
        . join('', map { "$_ $param{$_};\n" } grep { defined $param{$_} }
            sort keys %param) . "}\n";
}


sub own {
    return own_provider(issuer => $issuer, metadata_uri => 'off',
        jwks_file => $as->dir . '/keys.json', miss_rate => 'off', @_);
}


# header and claims may be changed, undef: left out

sub own_token {
    my ($header, $claims, %option) = @_;

    my $now = int now();
    my %header = (alg => 'ES256', typ => 'at+jwt', kid => 'es256', %$header);
    my %claims = (iss => $issuer, aud => $api, sub => 'own', client_id => 'c',
        jti => 'j' . ++$seen{jti}, iat => $now, exp => $now + 300, %$claims);

    delete $header{$_} for grep { !defined $header{$_} } keys %header;
    delete $claims{$_} for grep { !defined $claims{$_} } keys %claims;

    return $as->jwt(\%header, \%claims, $option{key} // key_of('es256'));
}


add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(config => "agent_audience https://api.test/a;\n"
        . 'location /t { agent_auth oauth; empty_gif; }')
        unless defined $block->config;
});

run_tests();

__DATA__

=== TEST 1: checked here, with keys fetched once
--- http_config
{{provider()}}
--- run
begin();

for my $alg (qw/ RS256 PS256 ES256 EdDSA /) {
    my $token = token(alg => $alg);

    my $answer = decided ask_for($token), 'ok', $alg;
    is(fields($answer, 'Cache'), 'miss', "$alg - at first sight");

    $answer = decided ask_for($token), 'ok', "$alg again";
    is(fields($answer, 'Cache'), 'hit', "$alg - known");
    like(fields($answer, 'Who'), qr{^agent-basic\|agent-basic\|}, 'who');
}

is(requests('/token/introspection'), 0, 'the server sees no token');
is(requests('/jwks'), first(), 'and is asked for keys once');



=== TEST 2: the server takes a new key (W-24, W-26)
--- http_config
{{provider()}}
--- run
begin();
decided ask_for(token()), 'ok', 'a token';

$as->rotate;
my $before = requests('/jwks');
my $token = token();

advance(11);
decided ask_for($token), 'ok', 'of the new key';
is(requests('/jwks') - $before, 1, 'keys are fetched anew');

for my $kid (1 .. 5) {
    my $stranger = $as->jwt({ alg => 'ES256', typ => 'at+jwt', kid => "k$kid" },
        { iss => $as->issuer }, $as->dir . '/agent-es256.key');
    decided ask_for($stranger), 'signing_key_unknown', "of a key k$kid";
}

is(requests('/jwks') - $before, 1, 'but once in a while only');

advance(11);
my $stranger = $as->jwt({ alg => 'ES256', typ => 'at+jwt', kid => 'again' },
    { iss => $as->issuer }, $as->dir . '/agent-es256.key');
decided ask_for($stranger), 'signing_key_unknown', 'later';
is(requests('/jwks') - $before, 2, 'then they are asked for again');
decided ask_for($token), 'ok', 'the good one is good';



=== TEST 3: the server gives up a key (W-26)
--- http_config
{{provider(max_ttl => '1h')}}
--- run
begin();
my $token = token();

decided ask_for($token), 'ok', 'a token';
is(fields(decided(ask_for($token), 'ok', 'again'), 'Cache'), 'hit', 'cached');

$as->rotate(drop => 1);
advance(601);

ok(AgentAuth::await(sub {
    return ask_for($token)->{status} == 401;
}, 'a refusal'), 'the verdict went with the key');

decided ask_for($token), 'signing_key_unknown', 'for this reason';
decided ask_for(token()), 'ok', 'one of the new key';



=== TEST 4: the server is away
--- http_config
{{provider(max_ttl => '2h', breaker => 'failures=3 cooldown=1s')}}
--- run
begin();
my $token = token();

decided ask_for($token), 'ok', 'a token';

$as->listening(0);
$as->hang_up;

advance(1800);
decided ask_for($token), 'ok', 'a verdict, half an hour later';
my $other = do { $as->listening(1); token() };
$as->listening(0);
$as->hang_up;
decided ask_for($other), 'ok', 'the keys serve, too';

advance(1900);
my $answer = decided ask_for($token), 'provider_unavailable', 'after an hour';
like(fields($answer, 'Retry-After'), qr/^[12]$/, 'with Retry-After');

$as->listening(1);
advance(2);

ok(AgentAuth::await(sub {
    return ask_for($token)->{status} == 200;
}, 'a token'), 'it is back');



=== TEST 5: what a token must be
--- http_config
{{own()}}
--- run
begin();
my $now = int now();
my $check = sub {
    my ($reason, $what, @token) = @_;
    decided ask_for(own_token(@token)), $reason, $what;
};

$check->('ok', 'a good one', {}, {});
$check->('ok', 'typ with its prefix', { typ => 'application/at+jwt' }, {});
$check->('ok', 'typ in capitals', { typ => 'AT+JWT' }, {});
$check->('ok', 'without kid', { kid => undef }, {});
$check->('ok', 'a list of audiences', {}, { aud => [ 'x', $main::api ] });
$check->('ok', 'a fraction of a second', {}, { exp => $now + 5.5 });
$check->('ok', 'within the leeway', {}, { exp => $now - 25 });
$check->('ok', 'not yet, within the leeway', {}, { nbf => $now + 25 });

$check->('token_type', 'typ JWT', { typ => 'JWT' }, {});
$check->('token_type', 'no typ', { typ => undef }, {});
$check->('token_type', 'an id token', { typ => 'id_token+jwt' }, {});
$check->('issuer_mismatch', 'another issuer', {}, { iss => 'https://x.test' });
$check->('issuer_mismatch', 'with a slash', {}, { iss => "$main::issuer/" });
$check->('issuer_mismatch', 'none', {}, { iss => undef });
$check->('token_expired', 'expired', {}, { exp => $now - 31 });
$check->('token_not_yet_valid', 'not yet', {}, { nbf => $now + 90 });
$check->('token_not_yet_valid', 'issued later', {}, { iat => $now + 90 });
$check->('token_claims', 'exp as a string', {}, { exp => "$now" . '9' });
$check->('token_claims', 'no exp', {}, { exp => undef });
$check->('token_claims', 'no sub', {}, { sub => undef });
$check->('token_claims', 'scope as a number', {}, { scope => 7 });
$check->('audience_mismatch', 'another audience', {}, { aud => 'x' });
$check->('audience_mismatch', 'no audience', {}, { aud => undef });
$check->('signing_key_unknown', 'an unknown key', { kid => 'x' }, {});
$check->('signing_key_unknown', 'of a key for another algorithm',
    { kid => 'rs256' }, {});
$check->('token_malformed', 'crit', { crit => [ 'exp' ] }, {});
$check->('token_malformed', 'crit, empty', { crit => [] }, {});
$check->('algorithm_refused', 'none', { alg => 'none' }, {});
$check->('algorithm_refused', 'nONE', { alg => 'nONE' }, {});
$check->('algorithm_refused', 'HS256', { alg => 'HS256' }, {});
$check->('algorithm_refused', 'not in the list', { alg => 'RS512' }, {});
$check->('signature_invalid', 'signed by another key', {}, {},
    key => key_of('gate-es256'));
$check->('binding_missing', 'bound', {}, { cnf => { jkt => 'A' x 43 } });

# RFC 7515, 4.1.2 to 4.1.8: keys that it brings are not looked at

$check->('signature_invalid', 'with a key of its own',
    { jwk => $as->jwk(key_of('gate-es256')) }, {},
    key => key_of('gate-es256'));
$check->('signing_key_unknown', 'with a place for keys',
    { jku => 'http://127.0.0.1:1/', x5u => 'http://127.0.0.1:1/', kid => 'x' },
    {});

my ($header, $claims, $signature) = split /\./, own_token({}, {});

for my $token ("$header.$claims.", "$header.$claims", ".$claims.$signature",
    "$header..$signature", "$header.$claims.$signature.",
    "$header.$claims.$signature.$signature.$signature",
    "$header.$claims.$signature=", "$header=.$claims.$signature",
    "$header.$claims.${signature}A", 'e30.e30.', 'a.b.c', 'opaque')
{
    like(ask_for($token)->{status}, qr/^40[01]$/, "refused: "
        . substr $token, 0, 60);
}



=== TEST 6: a cached verdict is looked at again
--- http_config
{{own(max_ttl => '1h', leeway => '5s')}}
--- run

my $token = own_token({}, { exp => int now() + 60 });

decided ask_for($token), 'ok', 'a token';
is(fields(decided(ask_for($token), 'ok', 'again'), 'Cache'), 'hit', 'known');
advance(62);
decided ask_for($token), 'ok', 'within the leeway';
advance(4);
decided ask_for($token), 'token_expired', 'after it';



=== TEST 7: a wrong signature costs once
--- http_config
{{own()}}
--- run
begin();
my $token = own_token({}, {}, key => key_of('gate-es256'));

is(fields(decided(ask_for($token), 'signature_invalid', 'a stranger'),
    'Cache'), 'miss', 'at first sight');
is(fields(decided(ask_for($token), 'signature_invalid', 'again'), 'Cache'),
    'negative', 'then remembered');



=== TEST 8: servers that know no RFC 9068
--- http_config
{{own(token_type => 'any')}}
--- run
begin();
decided ask_for(own_token({ typ => 'JWT' }, {})), 'ok', 'typ JWT';
decided ask_for(own_token({ typ => undef }, {})), 'ok', 'no typ';
decided ask_for(own_token({}, { jti => undef, iat => undef,
    client_id => undef, sub => 'x' })), 'ok', 'few claims';
decided ask_for(own_token({ typ => 'dpop+jwt' }, {})), 'token_type', 'a proof';



=== TEST 9: secrets, of a file
--- http_config
{{own_provider(issuer => $main::issuer, metadata_uri => 'off',
    jwks_file => $main::as->dir . '/hs.json',
    algorithms => 'HS256')}}
--- run
begin();
my $secret = 'CANARY-of-thirty-two-octets-at-least';

my $sign = sub {
    my ($key, %header) = @_;
    my $input = join '.', map { MIME::Base64::encode_base64url(
        JSON::PP->new->encode($_)) } { alg => 'HS256', typ => 'at+jwt',
        %header }, { iss => $main::issuer, aud => $main::api, sub => 's',
        client_id => 'c', jti => 'j', iat => int now(), exp => int now() + 60 };
    return "$input." . MIME::Base64::encode_base64url(
        Digest::SHA::hmac_sha256($input, $key));
};

decided ask_for($sign->($secret)), 'ok', 'a token';
decided ask_for($sign->("${secret}x")), 'signature_invalid', 'another secret';
decided ask_for($sign->('')), 'signature_invalid', 'no secret';



=== TEST 10: a public key is no secret
--- http_config
{{own()}}
--- run
begin();
my $pem = `openssl pkey -pubout -in @{[ key_of('rs256') ]}`;
my $input = join '.', map { MIME::Base64::encode_base64url(
    JSON::PP->new->encode($_)) } { alg => 'HS256', typ => 'at+jwt',
    kid => 'rs256' }, { iss => $main::issuer, aud => $main::api, sub => 's',
    client_id => 'c', jti => 'j', iat => int now(), exp => int now() + 60 };

decided ask_for("$input." . MIME::Base64::encode_base64url(
    Digest::SHA::hmac_sha256($input, $pem))), 'algorithm_refused',
    'HS256 with the public key in PEM';



=== TEST 11: what looks like a JWT is shown to nobody
--- http_config
{{provider(introspection_endpoint => $main::as->url('introspection'))}}
--- run
begin();
my ($header, $claims) = split /\./, token();

ask_for($_) for "$header.$claims.AAAA", "$header.$claims", "$header.",
    "$header.x.y.z", 'eyJhbGciOiJub25lIn0..';
is(requests('/token/introspection'), 0, 'none was');

my $opaque = $as->token('agent-basic', scope => 'invoices:read',
    resource => "$main::api?ttl=864000");
decided ask_for($opaque), 'ok', 'an opaque one';
is(requests('/token/introspection'), 1, 'was asked about');



=== TEST 12: verify jwt
--- http_config
{{own(verify => 'jwt')}}
--- run
begin();
decided ask_for(own_token({}, {})), 'ok', 'a JWT';
decided ask_for('opaque'), 'token_malformed', 'what is none';



=== TEST 13: verify introspection
--- http_config
{{provider(verify => 'introspection')}}
--- run
begin();
my $token = token();
$as->scripted('introspection', JSON::PP->new->encode({
    active => JSON::PP::true, aud => $main::api, client_id => 'told' }));

my $answer = decided ask_for($token), 'ok', 'a JWT';
is(requests('/token/introspection'), 1, 'the server was asked about it');
like(fields($answer, 'Who'), qr/^told\|/, 'and believed');



=== TEST 14: many at once wait for the keys
--- http_config
{{provider()}}
--- run
begin();
$as->fault(path => '/jwks', delay => 150);

my @tokens = map { token() } 1 .. 6;
my @clients = map { connected() } @tokens;

$clients[$_]->send("GET /t HTTP/1.1\r\nHost: localhost\r\n"
    . "Authorization: Bearer $tokens[$_]\r\nConnection: close\r\n\r\n")
    for 0 .. $#tokens;

is($_->answer->{status}, 200, 'is answered') for @clients;
is(requests('/jwks'), first(), 'one look for all');



=== TEST 15: keys of no use
--- http_config
{{provider()}}
--- run
begin();
my $rsa = $as->jwk(key_of('rs256'));
my $ec = $as->jwk(key_of('es256'));

$as->scripted('jwks', JSON::PP->new->encode({ keys => [
    { %$ec, kid => 'good' }, { %$ec, kid => 'curve', crv => 'P-384' },
    { %$rsa, kid => 'enc', use => 'enc' }, { kty => 'oct', k => 'AAAA' },
    { %$ec, kid => 'private', d => 'AAAA' } ] }));

my $token = sub {
    return $as->jwt({ alg => 'ES256', typ => 'at+jwt', kid => $_[0] },
        { iss => $as->issuer, aud => $main::api, sub => 's', client_id => 'c',
          jti => 'j', iat => int now(), exp => int now() + 60 }, key_of('es256'));
};

decided ask_for($token->('good')), 'ok', 'the good one';
decided ask_for($token->($_)), 'signing_key_unknown', "of $_"
    for qw/ curve private /;

if (first()) {
    said(qr/\[warn\].*agent_auth: key $_ of the keys of provider "j\d+" is not used: /,
        "key $_ is told") for 1 .. 4;
}



=== TEST 16: a reload keeps the keys
--- http_config
{{provider()}}
--- run
begin();
decided ask_for(token()), 'ok', 'a token';
my $token = token();

$as->listening(0);
$as->hang_up;

open my $pid, '<', AgentAuth::server_root() . '/logs/nginx.pid';
my $master = <$pid> + 0;
my $old = ask_for('x');
kill HUP => $master;

ok(AgentAuth::await(sub {
    return ask_for($token)->{status} == 200;
}, 'a token'), 'a token never seen, after a reload, with the server away');
$as->listening(1);



=== TEST 17: settings count however long the texts before them are
--- http_config
{{own(client_id => 'c' x 3000, verify => 'jwt', algorithms => 'ES256',
    introspection_endpoint => 'http://127.0.0.1:1/' . 'i' x 1500)}}
--- run
begin();
my $token = own_token({}, {});

decided ask_for($token), 'ok', 'a token';
is(fields(decided(ask_for($token), 'ok', 'again'), 'Cache'), 'hit', 'known');

ok(reconfigured(sub { s/algorithms ES256;/algorithms RS256;/ }), 'a reload');
decided ask_for($token), 'algorithm_refused', 'its verdict is of old settings';
ok(reconfigured(sub { s/algorithms RS256;/algorithms ES256;/ }), 'and back');



=== TEST 18: a new key, of a server that names none
--- http_config
{{provider()}}
--- run
begin();
my $set = sub {
    $as->clear;
    $as->scripted('jwks', JSON::PP->new->encode(
        { keys => [ $as->jwk(key_of($_[0])) ] }));
};

my $token = sub {
    return own_token({ kid => undef }, { iss => $as->issuer },
        key => key_of($_[0]));
};

$set->('es256');
advance(11);
decided ask_for($token->('es256')), 'ok', 'of the key there is';

$set->('gate-es256');
advance(11);
decided ask_for($token->('gate-es256')), 'ok', 'of the one that came after';
decided ask_for($token->('es256')), 'signature_invalid', 'of the old one';



=== TEST 19: a JWT where the server has no keys
--- http_config
{{provider()}}
--- run
begin();
$as->scripted('/.well-known/oauth-authorization-server',
    JSON::PP->new->encode({ issuer => $as->issuer,
        introspection_endpoint => $as->url('introspection') }));

decided ask_for(own_token({}, { iss => $as->issuer })), 'signing_key_unknown',
    'is refused';
is(requests('/token/introspection'), 0, 'and shown to nobody');

my $opaque = $as->token('agent-basic', scope => 'invoices:read',
    resource => "$main::api?ttl=864000");
decided ask_for($opaque), 'ok', 'an opaque one';
is(grep(/could not be fetched/, error_lines()), 0,
    'nothing is wrong with that');



=== TEST 20: what no key would help needs none
--- http_config
{{provider(verify => 'jwt')}}
{{provider()}}
--- config
    agent_audience https://api.test/a;
    location /t { agent_auth oauth=j{{$main::providers - 1}}; empty_gif; }
    location /auto { agent_auth oauth=j{{$main::providers}}; empty_gif; }
--- run
begin();
advance(4000);
$as->fault(status => 500);

my ($header, $claims, $signature) = split /\./, own_token({},
    { iss => $as->issuer });
my $jwe = MIME::Base64::encode_base64url('{"alg":"dir","enc":"A128GCM"}');
my %hopeless = (
    "$header.$claims"               => 'token_malformed',
    "$header.x.$signature"          => 'token_malformed',
    "$header.$claims.$signature.a"  => 'token_malformed',
    "$jwe..iv.text.tag"             => 'token_malformed',
    "e30.$claims.$signature"        => 'algorithm_refused',
    own_token({ typ => 'dpop+jwt' }, { iss => $as->issuer }) => 'token_type',
    own_token({}, { iss => 'https://other.test' })  => 'issuer_mismatch',
);

for my $path ('/t', '/auto') {
    decided ask_for($_, $path), $hopeless{$_}, "$path: " . substr $_, -20
        for sort keys %hopeless;
}

decided ask_for('opaque'), 'token_malformed', 'what is no JWT at all';

# once they were of use a worker looks for them of its own accord
is(requests('/jwks'), 0, 'no keys were asked for') if first();

decided ask_for("$header.$claims.$signature"), 'provider_unavailable',
    'what a key could help';
$as->clear;



=== TEST 21: integers beyond 64 bits
--- http_config
{{own()}}
--- config
    agent_audience https://api.test/a;
    add_header Claims "$agent_claim_large|$agent_claim_small|$agent_claim_list"
        always;
    location /t { agent_auth oauth; agent_require $agent_claim_large;
        empty_gif; }
--- run
begin();
my $header = MIME::Base64::encode_base64url(
    '{"alg":"ES256","typ":"at+jwt","kid":"es256"}');
my $claims = JSON::PP->new->canonical->encode({ iss => $main::issuer,
    aud => $main::api, sub => 's', client_id => 'c', jti => 'j'
    . ++$main::seen{jti}, iat => int now(), exp => int now() + 300 });

$claims =~ s/^\{/{"large":-18446744073709551616,"small":7,/;
$claims =~ s/\}$/,"list":[99999999999999999999,1]}/;

my $input = "$header." . MIME::Base64::encode_base64url($claims);
my $der = AgentAS::piped($input, 'openssl', 'dgst', '-sha256', '-sign',
    key_of('es256'));
my $token = "$input." . MIME::Base64::encode_base64url(join '',
    map { AgentAS::fixed32($_) } AgentAS::der_integers($der));

for my $what ('at first sight', 'again') {
    my $answer = decided ask_for($token), 'ok', $what;
    is(fields($answer, 'Claims'),
        '-18446744073709551616|7|["99999999999999999999",1]', "$what - text");
}

is(grep(/could not be read/, error_lines()), 0, 'nothing to complain about');
