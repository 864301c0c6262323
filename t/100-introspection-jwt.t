# Introspection answers that the server signs.  Without this one that somebody
# on the way wrote, that is of another client or another time, or that nobody
# signed could admit a client; or a server that changes its keys would lock out
# all of them.
#
# RFC 9701; requirements.md, J-01 to J-04

use lib 't/lib';
use AgentClock;
use AgentAuth;
use AgentAS;
use AgentLoad;
use MIME::Base64 ();

our $as = AgentAS->start(faults => 1);
our $api = 'https://api.test/a';

our ($providers, $repeated, %told) = (0, 0);

config_preamble(verdict_fields() . ' add_header Cache "$agent_cache" always;'
    . ' add_header Who "$agent_client_id|$agent_subject|$agent_scope" always;'
    . ' add_header Claim "$agent_claim_client_id" always;');


# A provider of the block's own, for whom answers are signed.  The server goes
# by another clock than nginx, which is advanced: the leeway is a day.

sub provider {
    my (%param) = (as => 'gate-jwt', @_);

    return $as->provider('s' . ++$providers, introspection_response => 'jwt',
        jwks_uri => $as->url('jwks'), breaker => 'failures=10000',
        leeway => '1d', %param);
}


sub token {
    return $as->token('agent-basic', scope => 'invoices:read',
        resource => "$api?ttl=864000", @_);
}


sub ask_for {
    return ask('GET ' . ($_[1] // '/t'), Authorization => "Bearer $_[0]");
}


sub requests {
    return $as->fault_stats->{paths}{$_[0]}{requests} // 0;
}


# -- answers of our own making, with a key of t/as

our $issuer = $as->issuer;
our $type = 'application/token-introspection+jwt';

sub key_of {
    return $as->dir . "/agent-$_[0].key";
}


sub write_set {
    open my $out, '>', $as->dir . "/$_[0]" or die "$_[0]: $!\n";
    print $out JSON::PP->new->encode({ keys => [ map {
        { %{ $as->jwk(key_of($_)) }, kid => $_ } } qw/ rs256 es256 / ] });
    close $out;
}


write_set('keys.json');

sub own {
    return provider(jwks_uri => undef, jwks_file => $as->dir . '/keys.json',
        leeway => '30s', @_);
}


# header, claims and inner object may be changed, undef: left out

sub own_answer {
    my ($header, $claims, $inner, %option) = @_;

    my %header = (alg => 'ES256', typ => 'token-introspection+jwt',
        kid => 'es256', %$header);
    my %claims = (iss => $issuer, aud => 'gate-jwt', iat => int now(),
        token_introspection => { active => JSON::PP::true, aud => $api,
            client_id => 'inner', sub => 'inner', %$inner }, %$claims);

    delete $header{$_} for grep { !defined $header{$_} } keys %header;
    delete $claims{$_} for grep { !defined $claims{$_} } keys %claims;

    return $as->jwt(\%header, \%claims, $option{key} // key_of('es256'));
}


sub answers {
    my ($body, %rule) = @_;

    $as->clear;
    $as->fault(path => 'introspection', status => 200, body => $body,
        type => $type, %rule);
}


# each is said once in a minute

sub messages {
    advance(61);
    log_mark();
}


# a new token, under this answer, has the reason; what is bad is not remembered

sub judged {
    my ($reason, $what, $body, %rule) = @_;

    my ($token) = fresh();

    answers($body, %rule);

    my $answer = decided ask_for($token), $reason, $what;

    return $answer if $reason ne 'provider_bad_answer';

    answers(own_answer({}, {}, {}));
    decided ask_for($token), 'ok', "$what - not remembered";
}


add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(config => "agent_audience https://api.test/a;\n"
        . 'location /t { agent_auth oauth; empty_gif; }')
        unless defined $block->config;
});

run_tests();

__DATA__

=== TEST 1: J-01, J-02: the server signs, and is believed
--- http_config
{{provider()}}
--- run
$as->reset;
my $token = token();

my $answer = decided ask_for($token), 'ok', 'RS256';
is(fields($answer, 'Cache'), 'miss', 'at first sight');
is(fields($answer, 'Who'), 'agent-basic||invoices:read', 'who it is');
is(fields($answer, 'Claim'), 'agent-basic', 'claims are those of the token');

$answer = decided ask_for($token), 'ok', 'again';
is(fields($answer, 'Cache'), 'hit', 'it is known');
is(requests('/token/introspection'), 1, 'one call');

my ($seen) = grep { $_->{path} =~ /introspection/ } $as->seen;
is($seen->{headers}{accept}, 'application/token-introspection+jwt',
    'a JWT is asked for');

my ($stranger) = fresh();
decided ask_for($stranger), 'token_inactive', 'an unknown token';
is(fields(decided(ask_for($stranger), 'token_inactive', 'again'), 'Cache'),
    'negative', 'which is remembered');

my $other = token(resource => 'https://api.test/b');
decided ask_for($other), 'audience_mismatch', 'of another audience';

decided ask_for(token()), 'ok', 'another one';
is(requests('/jwks'), $main::repeated++ ? 0 : 1, 'keys were fetched once');



=== TEST 2: J-01, J-02: another algorithm, and what is not allowed
--- http_config
{{provider(as => 'gate-jwt-es256')}}
{{provider(algorithms => 'PS256 ES256')}}
--- config
    agent_audience https://api.test/a;
    location /t { agent_auth oauth=s{{$main::providers - 1}}; empty_gif; }
    location /n { agent_auth oauth=s{{$main::providers}}; empty_gif; }
--- run
$as->reset;
messages();
my $token = token();

decided ask_for($token), 'ok', 'ES256';
decided ask_for($token, '/n'), 'provider_bad_answer', 'RS256 where it may not';
said qr/answer is signed with RS256, which "algorithms" does not allow/;



=== TEST 3: J-01: what is no signed answer
--- http_config
{{own()}}
--- run
messages();
judged 'ok', 'ours', own_answer({}, {}, {});
judged 'ok', 'the type with a parameter', own_answer({}, {}, {}),
    type => "$main::type; charset=utf-8";

my $json = '{"active":true,"aud":"https://api.test/a","client_id":"c"}';

judged 'provider_bad_answer', 'JSON', $json, type => 'application/json';
said qr/the introspection answer is no application\/token-introspection\+jwt/;

for my $type ('application/json', 'application/jwt', 'text/plain', '',
    'application/token-introspection+jwt2')
{
    judged 'provider_bad_answer', "as \"$type\"", own_answer({}, {}, {}),
        type => $type;
}

judged 'provider_bad_answer', 'JSON as a JWT', $json;
judged 'provider_bad_answer', 'nothing', '';
judged 'provider_bad_answer', 'two', join "\n", (own_answer({}, {}, {})) x 2;
judged 'provider_bad_answer', 'an access token',
    own_answer({ typ => 'at+jwt' }, {}, {});
judged 'provider_bad_answer', 'of no type',
    own_answer({ typ => undef }, {}, {});



=== TEST 4: J-02: signatures
--- http_config
{{own()}}
--- run
my ($header, $claims, $signature) = split /\./, own_answer({}, {}, {});
my $none = MIME::Base64::encode_base64url(
    '{"alg":"none","typ":"token-introspection+jwt"}');

judged 'provider_bad_answer', $_->[0], $_->[1] for
    [ 'of another key', own_answer({}, {}, {},
        key => $as->dir . '/gate-es256.key') ],
    [ 'none', "$none.$claims." ],
    [ 'none, signed', "$none.$claims.$signature" ],
    [ 'left out', "$header.$claims." ],
    [ 'of other claims', "$header." . (split /\./, own_answer({}, {},
        { sub => 'other' }))[1] . ".$signature" ],
    [ 'of an unknown key', own_answer({ kid => 'new' }, {}, {}) ];

messages();
judged 'provider_bad_answer', 'encrypted', MIME::Base64::encode_base64url(
    '{"alg":"RSA-OAEP","enc":"A128GCM"}') . '.a.b.c.d';
said qr/the introspection answer is encrypted \(JWE\)/;



=== TEST 5: J-02, J-03: claims
--- http_config
{{own()}}
--- run
my $now = int now();

judged 'provider_bad_answer', $_->[0], own_answer({}, $_->[1], {}) for
    [ 'of no issuer', { iss => undef } ],
    [ 'of another issuer', { iss => 'https://other.test' } ],
    [ 'for nobody', { aud => undef } ],
    [ 'for another client', { aud => 'gate-basic' } ],
    [ 'for others', { aud => [ 'gate-basic', 'agent-basic' ] } ],
    [ 'of no time', { iat => undef } ],
    [ 'of a time that is a text', { iat => "$now" } ],
    [ 'of a time to come', { iat => $now + 120 } ],
    [ 'that is old', { iat => $now - 120 } ],
    [ 'of nothing', { token_introspection => undef } ],
    [ 'that is active outside', { token_introspection => undef,
        active => JSON::PP::true, aud => [ 'gate-jwt', $main::api ] } ],
    [ 'of a list', { token_introspection => [
        { active => JSON::PP::true } ] } ];

judged 'provider_bad_answer', 'active as a text', own_answer({}, {},
    { active => 'true' });

my $answer = judged 'ok', 'the outer ones do not count', own_answer({},
    { sub => 'outer', exp => 1, nbf => 9999999999, scope => 'admin',
      active => JSON::PP::false, client_id => 'outer',
      aud => [ 'x', 'gate-jwt' ] }, { scope => 'a' });
is(fields($answer, 'Who'), 'inner|inner|a', 'who it is');

judged 'token_inactive', 'nor do they admit', own_answer({},
    { active => JSON::PP::true, aud => [ 'gate-jwt', $main::api ] },
    { active => JSON::PP::false });
judged 'token_expired', 'the inner exp', own_answer({}, { exp => $now + 99 },
    { exp => $now - 1 });
judged 'issuer_mismatch', 'the inner iss', own_answer({}, {},
    { iss => 'https://other.test' });
judged 'audience_mismatch', 'the inner aud', own_answer({},
    { aud => [ 'gate-jwt', $main::api ] }, { aud => 'https://api.test/b' });



=== TEST 6: the server takes a new key
--- http_config
{{provider()}}
--- run
$as->reset;
decided ask_for(token()), 'ok', 'a token';

$as->rotate;
my $before = requests('/jwks');

advance(11);
decided ask_for(token()), 'ok', 'of the new key';
is(requests('/jwks') - $before, 1, 'keys are fetched anew');

for my $kid (1 .. 3) {
    answers(own_answer({ kid => "k$kid" }, {}, {}));
    decided ask_for(fresh()), 'provider_bad_answer', "of a key k$kid";
}

is(requests('/jwks') - $before, 1, 'but once in a while only');
$as->clear;
decided ask_for(token()), 'ok', 'the good one is good';



=== TEST 7: keys come while the answer waits, or after it
--- http_config
{{provider()}}
--- config
    agent_audience https://api.test/a;
    location /t { agent_auth oauth; empty_gif; }
--- run
$as->reset;
my ($one, $two) = (token(), token());

# a provider that has no keys yet, in the first round; keys are held back

advance(4000);
$as->fault(path => '/jwks', hold => JSON::PP::true, times => 1);

my $load = AgentLoad->begin(2, sub {
    my ($n) = @_;
    return ask_for($n % 2 ? $one : $two)->{status};
});

$as->await_faults(stalled => 1);
ok(await(sub { requests('/token/introspection') >= 2 }, 'calls'),
    'the server is asked meanwhile');
$as->release;
$load->await(2);
is_deeply([ keys %{ $load->end } ], [ 200 ], 'all are let in');

decided ask_for($_), 'ok', 'known' for $one, $two;



=== TEST 8: no keys: nobody is let in
--- http_config
{{provider(timeout => '300ms', breaker => 'failures=1 cooldown=1s')}}
--- run
$as->reset;
advance(8000);
$as->fault(path => '/jwks', hold => JSON::PP::true);
my $token = token();

my $answer = decided ask_for($token), 'provider_unavailable', 'no keys come';
is(fields($answer, 'Retry-After'), 1, 'Retry-After');
$as->clear;
$as->fault(path => '/jwks', status => 500);
ok(await(sub { ask_for($token)->{status} == 503 }, 'refusal'), 'none are had');
$as->clear;
advance(11);
ok(await(sub { ask_for($token)->{status} == 200 }, 'keys'),
    'they are there again');



=== TEST 9: J-04: an answer is no access token
--- http_config
{{provider(verify => 'auto')}}
{{provider(verify => 'auto', token_type => 'any')}}
{{provider(verify => 'introspection')}}
--- config
    agent_audience https://api.test/a;
    location /t { agent_auth oauth=s{{$main::providers - 2}}; empty_gif; }
    location /any { agent_auth oauth=s{{$main::providers - 1}}; empty_gif; }
    location /ask { agent_auth oauth=s{{$main::providers}}; empty_gif; }
--- run
$as->reset;
my $token = token();
my $stolen = $as->introspect('gate-jwt', $token,
    Accept => $main::type)->{body};

like($stolen, qr/^eyJ[^.]*\.[^.]+\.[^.]+$/, 'an answer to the gate');
decided ask_for($stolen), 'token_type', 'as a token';
decided ask_for($stolen, '/any'), 'token_type', 'where any typ will do';
decided ask_for($stolen, '/ask'), 'token_inactive', 'where the server decides';
decided ask_for($token, $_), 'ok', "the token itself at $_"
    for '/t', '/any', '/ask';



=== TEST 10: of the metadata
--- http_config
{{provider(introspection_endpoint => undef, jwks_uri => undef)}}
{{provider(introspection_endpoint => undef, jwks_uri => undef)}}
--- config
    agent_audience https://api.test/a;
    location /t { agent_auth oauth=s{{$main::providers - 1}}; empty_gif; }
    location /n { agent_auth oauth=s{{$main::providers}}; empty_gif; }
--- run
$as->reset;
messages();
decided ask_for(token()), 'ok', 'all is found';

$as->scripted(".well-known/$_", JSON::PP->new->encode({ issuer => $as->issuer,
        introspection_endpoint => $as->url('introspection') }))
    for 'oauth-authorization-server', 'openid-configuration';

if (!$main::told{metadata}++) {
    decided ask_for(token(), '/n'), 'provider_unavailable', 'without keys';
    said qr/it names no "jwks_uri"/;
}

$as->clear;



=== TEST 11: one that is cached
--- http_config
{{own(max_ttl => '1h')}}
--- run
my ($token) = fresh();
my $now = int now();

answers(own_answer({}, {}, { exp => $now + 60 }));
decided ask_for($token), 'ok', 'an active one';
answers('nonsense');
is(fields(decided(ask_for($token), 'ok', 'again'), 'Cache'), 'hit', 'known');
advance(61);
decided ask_for($token), 'provider_bad_answer', 'no longer than its inner exp';
