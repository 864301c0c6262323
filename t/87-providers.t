# Several providers in one location.  Without this a token could be shown to a
# server that did not issue it, which could use it; a server could vouch for the
# tokens of another; or a fleet could not move from one server to the next.
#
# requirements.md, W-04, I-01; design: a credential is never shown to a second
# server

use lib 't/lib';
use AgentAuth;
use AgentAS;

our ($one, $two) = map { AgentAS->start(faults => 1) } 1, 2;
our $api = 'https://api.test/a';

config_preamble(verdict_fields() . ' add_header Cache "$agent_cache";'
    . ' add_header Issuer "$agent_issuer";');


# both, with names of the block's own: cached verdicts outlive a reload

my $providers = 0;

sub providers {
    my (%param) = @_;

    $providers++;

    return $one->provider("a$providers", %param)
        . $two->provider("b$providers", %param);
}


sub both { return "oauth=a$providers oauth=b$providers" }
sub only { return "oauth=$_[0]$providers" }


sub bearer {
    return (Authorization => "Bearer $_[0]");
}


# The same, where each has a say of its own: verify and the like.  Keys are
# those that the server publishes.

sub providers_of {
    my ($first, $second) = @_;

    $providers++;

    return join '', map {
        my ($as, $name, $param) = @$_;
        $as->provider("$name$providers", jwks_uri => $as->url('jwks'), %$param)
    } [ $one, 'a', $first ], [ $two, 'b', $second ];
}


sub signed_token {
    my ($as) = @_;

    return $as->token('agent-basic', scope => 'invoices:read',
        resource => "$api?format=jwt");
}


sub opaque_token {
    return $_[0]->token('agent-basic', scope => 'invoices:read',
        resource => $api);
}


# how often each was asked for a verdict

sub asked_of {
    return join ' ', map {
        $_->fault_stats->{paths}{'/token/introspection'}{requests} // 0 } $one,
        $two;
}


# what is asked of them by this code: "1 0" is one call to the first

sub asking {
    my ($calls, $what, $code) = @_;
    my @before = split ' ', asked_of();
    my $answer = $code->();
    my @after = split ' ', asked_of();

    is(join(' ', map { $after[$_] - $before[$_] } 0, 1), $calls,
        "$what: who is asked");

    return $answer;
}


# a token of three parts, which only the scripted answers know

our $tokens = 0;

sub encoded {
    my ($data) = @_;

    return AgentAS::encode_base64url(ref $data
        ? JSON::PP->new->canonical->encode($data) : $data);
}


sub jwt {
    my ($header, $claims, @more) = @_;

    return planted(join '.', encoded($header), encoded($claims),
        encoded("CANARY-jwt-$$-" . time . ++$tokens), @more);
}


# what they say of any token

sub says {
    my ($as, %claim) = @_;

    $as->clear;
    $as->scripted('introspection', JSON::PP->new->encode({
        active => JSON::PP::true, aud => $api, client_id => 'c', %claim }));
}


run_tests();

__DATA__

=== TEST 1: opaque tokens are shown to the first
--- http_config
{{providers()}}
--- config
    agent_audience https://api.test/a;
    location /t { agent_auth {{both()}}; empty_gif; }
--- run
$_->clear for $one, $two;

my $of_a = $one->token('agent-basic', scope => 'x', resource => $api);
my $of_b = $two->token('agent-basic', scope => 'x', resource => $api);

asking '1 0', 'its own', sub {
    decided ask('GET /t', bearer($of_a)), 'ok', 'of the first' };
asking '0 0', 'the same again', sub {
    decided ask('GET /t', bearer($of_a)), 'ok', 'of the first, again' };
asking '1 0', "another's", sub {
    decided ask('GET /t', bearer($of_b)), 'token_inactive', 'of the second' };
asking '0 0', 'the same again', sub {
    decided ask('GET /t', bearer($of_b)), 'token_inactive', 'again' };

# what has dots but is nothing of JOSE

for my $token ('a.b.c', '..', '.eyJ.', 'eyJ', 'W10.e30.x') {
    asking '1 0', $token, sub {
        decided ask('GET /t', bearer(planted("$token-CANARY-$$-"
            . time . ++$tokens))), 'token_inactive', 'no JWT' };
}



=== TEST 2: a JWT goes to its issuer, or nowhere
--- http_config
{{providers()}}
--- config
    agent_audience https://api.test/a;
    location /t { agent_auth {{both()}}; empty_gif; }
--- run
says($one);
says($two);

my ($alg, $at, $bt) = ({ alg => 'RS256' }, { iss => $one->issuer },
    { iss => $two->issuer });

asking '1 0', 'iss', sub {
    decided ask('GET /t', bearer(jwt($alg, $at))), 'ok', 'of the first' };
asking '0 1', 'iss', sub {
    decided ask('GET /t', bearer(jwt($alg, $bt))), 'ok', 'of the second' };

for (
    [ 'issuer_mismatch', 'of another', $alg, { iss => 'https://other.test' } ],
    [ 'issuer_mismatch', 'of almost the first', $alg,
      { iss => $one->issuer . '/' } ],
    [ 'issuer_mismatch', 'of nobody', $alg, {} ],
    [ 'issuer_mismatch', 'an issuer that is no text', $alg,
      { iss => [ $one->issuer ] } ],
    [ 'issuer_mismatch', 'an issuer in the header', { %$alg, %$at }, {} ],
    [ 'token_malformed', 'claims that are no object', $alg, '[]' ],
    [ 'token_malformed', 'claims that are nothing', $alg, '' ],
    [ 'token_malformed', 'two issuers', $alg, '{"iss":"' . $one->issuer
      . '","iss":"' . $two->issuer . '"}' ],
    [ 'algorithm_refused', 'no algorithm', {}, $at ],
    [ 'token_malformed', 'encrypted (JWE)', { alg => 'RSA-OAEP',
      enc => 'A128GCM' }, 'key', 'iv', 'text' ],
    [ 'token_malformed', 'a header that ends early', '{"alg":"RS256"', $at ],
    [ 'token_malformed', 'five parts', $alg, $at, 'x', 'y' ],
    [ 'token_malformed', 'deep', $alg, '{"iss":' . '[' x 1000 ],
) {
    my ($reason, $what, @parts) = @$_;

    asking '0 0', $what, sub {
        decided ask('GET /t', bearer(jwt(@parts))), $reason, $what };
}

# what they say of it counts, and is kept

says($one, iss => $two->issuer);
asking '1 0', 'a verdict of another', sub {
    decided ask('GET /t', bearer(jwt($alg, $at))), 'issuer_mismatch',
        'the first speaks for the second' };

says($two, iss => $two->issuer);
my $token = jwt($alg, $bt);
my $answer = asking '0 1', 'first', sub {
    decided ask('GET /t', bearer($token)), 'ok', 'with an issuer' };
is(fields($answer, 'Cache'), 'miss', 'it was not known');
is(fields($answer, 'Issuer'), $two->issuer, 'whose it is');
$answer = asking '0 0', 'then', sub {
    decided ask('GET /t', bearer($token)), 'ok', 'from the cache' };
is(fields($answer, 'Cache'), 'hit', 'it is known');

$two->clear;
$two->scripted('introspection', '{"active":false}');
$token = jwt($alg, $bt);
asking '0 1', 'inactive', sub {
    decided ask('GET /t', bearer($token)), 'token_inactive', 'inactive' };
$answer = asking '0 0', 'then', sub {
    decided ask('GET /t', bearer($token)), 'token_inactive', 'still' };
is(fields($answer, 'Cache') // '', '', 'refusals have no such field');



=== TEST 3: what one location learnt does not decide for another
--- http_config
{{providers()}}
--- config
    agent_audience https://api.test/a;
    location /both { agent_auth {{both()}}; empty_gif; }
    location /a { agent_auth {{only('a')}}; empty_gif; }
    location /b { agent_auth {{only('b')}}; empty_gif; }
--- run
$one->clear;
$one->scripted('introspection', '{"active":false}');
says($two);

# the first was asked for a token of the second, where it was the only one

my $token = jwt({ alg => 'RS256' }, { iss => $two->issuer });

asking '1 0', 'the only one', sub {
    decided ask('GET /a', bearer($token)), 'token_inactive', 'at the first' };
asking '0 1', 'of two', sub {
    decided ask('GET /both', bearer($token)), 'ok', 'at its own' };
asking '0 0', 'known', sub {
    decided ask('GET /b', bearer($token)), 'ok', 'there, too' };
asking '0 0', 'known', sub {
    decided ask('GET /a', bearer($token)), 'token_inactive', 'not there' };

# it vouched for one that says it is of the second, and named no issuer

says($one);
$token = jwt({ alg => 'RS256' }, { iss => $two->issuer });

asking '1 0', 'the only one', sub {
    decided ask('GET /a', bearer($token)), 'ok', 'the first vouches' };
$two->clear;
$two->scripted('introspection', '{"active":false}');
asking '0 1', 'of two', sub {
    decided ask('GET /both', bearer($token)), 'token_inactive',
        'the second does not' };



=== TEST 4: redirects from location to location
--- http_config
{{providers()}}
--- config
    agent_audience https://api.test/a;
    location /to_both { agent_auth {{only('b')}}; try_files /none /both; }
    location /to_a { agent_auth {{both()}}; try_files /none /a; }
    location /to_b { agent_auth {{both()}}; try_files /none /b; }
    location /both { agent_auth {{both()}}; empty_gif; }
    location /a { agent_auth {{only('a')}}; empty_gif; }
    location /b { agent_auth {{only('b')}}; empty_gif; }
--- run
says($two);
$one->clear;
$one->scripted('introspection', '{"active":false}');

my $claims = { iss => $two->issuer };
my $alg = { alg => 'RS256' };

asking '0 1', 'once', sub {
    decided ask('GET /to_both', bearer(jwt($alg, $claims))), 'ok',
        'its provider is among them' };
asking '0 1', 'once', sub {
    decided ask('GET /to_b', bearer(jwt($alg, $claims))), 'ok',
        'its provider is the one' };
asking '1 1', 'another', sub {
    decided ask('GET /to_a', bearer(jwt($alg, $claims))), 'token_inactive',
        'its provider is not the one' };
$_->clear for $one, $two;



=== TEST 5: one is down
--- http_config
{{providers()}}
--- config
    agent_audience https://api.test/a;
    location /t { agent_auth {{both()}}; empty_gif; }
--- run
$one->clear;
$one->scripted('introspection', '', status => 500);
says($two);

decided ask('GET /t', bearer(planted("CANARY-down-$$-" . time . ++$tokens))),
    'provider_unavailable', 'an opaque one is not shown to the other';
decided ask('GET /t', bearer(jwt({ alg => 'RS256' },
    { iss => $two->issuer }))), 'ok', 'a JWT of the other';
decided ask('GET /t', bearer(jwt({ alg => 'RS256' },
    { iss => $one->issuer }))), 'provider_unavailable', 'a JWT of the one';
$_->clear for $one, $two;



=== TEST 6: the first one takes JWTs only
--- http_config
{{providers_of({ verify => 'jwt', introspection_endpoint => undef,
    client_id => undef, client_secret_file => undef }, {})}}
--- config
    agent_audience https://api.test/a;
    location /t { agent_auth {{both()}}; empty_gif; }
    location /a { agent_auth {{only('a')}}; empty_gif; }
--- run
$_->reset for $one, $two;

asking '0 1', 'opaque', sub {
    decided ask('GET /t', bearer(opaque_token($two))), 'ok',
        'shown to the first one that introspects' };
asking '0 1', "another's", sub {
    decided ask('GET /t', bearer(opaque_token($one))), 'token_inactive',
        'who issued it does not introspect' };

my $token = signed_token($one);
asking '0 0', 'a JWT of the first', sub {
    decided ask('GET /t', bearer($token)), 'ok', 'checked here' };
asking '0 0', 'again', sub {
    decided ask('GET /a', bearer($token)), 'ok', 'where there is one' };

# the server does not introspect the JWTs that it issues

asking '0 1', 'a JWT of the second', sub {
    decided ask('GET /t', bearer(signed_token($two))), 'token_inactive',
        'introspected, as its provider says' };

# nobody's key, and the name of one who checks signatures, or introspects

asking '0 0', 'a signature that is none', sub {
    decided ask('GET /t', bearer(jwt({ alg => 'RS256', typ => 'at+jwt' },
        { iss => $one->issuer }))), 'signature_invalid', 'not passed on' };
asking '0 1', 'the same of the other', sub {
    decided ask('GET /t', bearer(jwt({ alg => 'RS256', typ => 'at+jwt' },
        { iss => $two->issuer }))), 'token_inactive', 'it has no say' };



=== TEST 7: all take JWTs only
--- http_config
{{providers_of(map { { verify => 'jwt', introspection_endpoint => undef,
    client_id => undef, client_secret_file => undef } } 1, 2)}}
--- config
    agent_audience https://api.test/a;
    location /t { agent_auth {{both()}}; empty_gif; }
--- run
$_->reset for $one, $two;

for my $as ($one, $two) {
    asking '0 0', 'a JWT', sub {
        decided ask('GET /t', bearer(signed_token($as))), 'ok', 'of either' };
    asking '0 0', 'opaque', sub {
        decided ask('GET /t', bearer(opaque_token($as))), 'token_malformed',
            'shown to nobody' };
}



=== TEST 8: both decide by the look of a token
--- http_config
{{providers_of({ verify => 'auto' }, { verify => 'auto' })}}
--- config
    agent_audience https://api.test/a;
    location /t { agent_auth {{both()}}; empty_gif; }
    location /a { agent_auth {{only('a')}}; empty_gif; }
    location /b { agent_auth {{only('b')}}; empty_gif; }
--- run
$_->reset for $one, $two;

for my $as ($one, $two) {
    my $token = signed_token($as);
    my ($own, $other) = $as == $one ? qw{ /a /b } : qw{ /b /a };

    asking '0 0', 'a JWT', sub {
        decided ask('GET /t', bearer($token)), 'ok', 'at its own' };
    my $answer = asking '0 0', 'known', sub {
        decided ask('GET /t', bearer($token)), 'ok', 'again' };
    is(fields($answer, 'Cache'), 'hit', 'from the cache');
    is(fields($answer, 'Issuer'), $as->issuer, 'whose it is');
    asking '0 0', 'alone', sub {
        decided ask("GET $own", bearer($token)), 'ok', 'there, too' };

    $answer = asking '0 0', 'elsewhere', sub { ask("GET $other",
        bearer($token)) };
    is($answer->{status}, 401, 'not where there is only the other');
}

asking '1 0', 'opaque', sub {
    decided ask('GET /t', bearer(opaque_token($one))), 'ok', 'of the first' };
asking '1 0', 'opaque', sub {
    decided ask('GET /t', bearer(opaque_token($two))), 'token_inactive',
        'of the second, shown to the first' };
asking '0 0', 'of another', sub {
    decided ask('GET /t', bearer(jwt({ alg => 'RS256', typ => 'at+jwt' },
        { iss => 'https://other.test' }))), 'issuer_mismatch', 'of nobody' };



=== TEST 9: the document names both, P-01
--- http_config
{{providers()}}
--- config
    agent_resource https://api.test/r;
    location /t { agent_auth {{both()}}; empty_gif; }
--- run
my $answer = ask('GET /.well-known/oauth-protected-resource/r');

is_deeply(JSON::PP->new->decode($answer->{body})->{authorization_servers},
    [ $one->issuer, $two->issuer ], 'both issuers');
