# Keys end some day, and their answers say so before.  Without this agents would
# learn of it by being refused; a key would go on past the day, or be refused
# before it; or an answer would say it twice, so that no client can read it.
#
# RFC 9745, RFC 8594; requirements.md, X-01 to X-05, K-08, N-11

use lib 't/lib';
use AgentClock;
use AgentAuth;

our $sunset = 'Tue, 30 Jun 2099 23:59:59 GMT';
our $deprecation = '@1767225600';
our $link = '<https://docs.test/keys>; rel="%s"; type="text/html"';
our $links = join ', ', map { sprintf $link, $_ } qw/ deprecation sunset /;
our $date = '2099-06-30T23:59:59Z deprecated=2026-01-01T00:00:00Z'
    . ' link=https://docs.test/keys';

config_preamble(verdict_fields());


sub iso {
    my ($s, $min, $h, $d, $m, $y) = gmtime $_[0];

    return sprintf '%d-%02d-%02dT%02d:%02d:%02dZ', $y + 1900, $m + 1, $d, $h,
        $min, $s;
}


# what an answer says of the end: Deprecation | Sunset | Link

sub told {
    my ($answer) = @_;

    return join ' | ', map { fields($answer, $_) // '-' }
        qw/ Deprecation Sunset Link /;
}


our $all = "$deprecation | $sunset | $links";
our $nothing = '- | - | -';
our @alpha = ('X-API-Key' => key('alpha'));

run_tests();

__DATA__

=== TEST 1: what an answer says
--- keys
alpha
beta expires=2001-01-01T00:00:00Z
--- config
    agent_auth key;
    agent_key_sunset {{$main::date}};

    location /t { empty_gif; }
    location /scope { agent_scope pay; empty_gif; }
    location /off { agent_key_sunset off; empty_gif; }
    location /open { agent_auth off; empty_gif; }
    location /watched { agent_mode observe; empty_gif; }
    location /bare { agent_key_sunset 2099-06-30T23:59:59Z; empty_gif; }
    location /ahead {
        agent_key_sunset 2099-06-30T23:59:59Z deprecated=2099-06-30T23:59:59Z;
        empty_gif;
    }
    location /zone {
        agent_key_sunset 2099-07-01T01:59:59.5+02:00 link=/keys?a=%20#b;
        empty_gif;
    }
--- run
my $answer = decided ask('GET /t', @main::alpha), 'ok', 'a key';
is(told($answer), $main::all, 'all of it');
my $field = $answer->{field};
is("@{[ map { scalar @{ $field->{$_} } } qw/ deprecation sunset link / ]}",
    '1 1 2', 'fields');

is(told(decided ask('HEAD /t', @main::alpha), 'ok', 'HEAD'), $main::all,
    'likewise');

is(told(decided ask('GET /scope', @main::alpha), 'scope_insufficient',
    'not admitted', scope => 'pay'), $main::nothing, 'nothing');
is(told(decided ask('GET /t', 'X-API-Key' => key('beta')), 'key_expired',
    'expired'), $main::nothing, 'nothing');
is(told(decided ask('GET /t', 'X-API-Key' => key('gamma')), 'key_unknown',
    'unknown'), $main::nothing, 'nothing');
is(told(decided ask('GET /t'), 'credential_missing', 'nobody'),
    $main::nothing, 'nothing');
is(told(decided ask('GET /off', @main::alpha), 'ok', 'off'),
    $main::nothing, 'nothing');
is(told(ask('GET /open', @main::alpha)), $main::nothing, 'not guarded');
is(told(decided ask('GET /watched', @main::alpha), 'ok', 'observed'),
    $main::nothing, 'no field is touched');
is(told(decided ask('GET /bare', @main::alpha), 'ok', 'no more than a date'),
    "- | $main::sunset | -", 'the date');
is(told(decided ask('GET /ahead', @main::alpha), 'ok', 'still to come'),
    "\@4086547199 | $main::sunset | -", 'at once');
is(told(decided ask('GET /zone', @main::alpha), 'ok', 'another zone'),
    "- | $main::sunset | </keys?a=%20#b>; rel=\"deprecation\"; "
    . 'type="text/html", </keys?a=%20#b>; rel="sunset"; type="text/html"',
    'in GMT');



=== TEST 2: the day comes
--- http_config
    agent_oauth_provider p {
        issuer http://127.0.0.1:1/;
        client_id gate;
        verify jwt;
        jwks_uri http://127.0.0.1:1/jwks;
        metadata_uri off;
    }
--- keys
alpha scopes=read
beta state=revoked
gamma expires=2001-01-01T00:00:00Z
delta services=other
--- config
    agent_auth key oauth;
    agent_resource https://api.test/a;
    agent_key_sunset {{main::iso(CORE::time() + 500)}}
        deprecated=2001-01-01T00:00:00Z link=https://docs.test/keys;

    location /t { agent_scope read; empty_gif; }
    location /bound { agent_binding required; empty_gif; }
    location /dpop { agent_binding optional dpop; empty_gif; }
    location /watched { agent_mode observe; empty_gif; }
    location /sub { agent_auth key; agent_key_sunset off; ssi on;
        default_type text/html; root html; }
    location /any { satisfy any; allow all; empty_gif; }
--- user_files
>>> sub/page.html
[<!--#include virtual="/t" -->]
--- run
my @metadata =
    (metadata => 'https://api.test/.well-known/oauth-protected-resource/a');

my $answer = decided ask('GET /t', @main::alpha), 'ok', 'before';
like(told($answer), qr/^\@978307200 \| \w{3}, .* GMT \| <.*>;/, 'deprecated');
decided ask('GET /watched', @main::alpha), 'ok', 'before';
like(ask('GET /sub/page.html', @main::alpha)->{body}, qr/GIF/, 'before');

step(501);
ask('GET /watched');

$answer = decided ask('GET /t', @main::alpha), 'key_sunset', 'after', @metadata;
is(told($answer), $main::nothing, 'there is no more to announce');
my $unknown = decided ask('GET /t', 'X-API-Key' => key('nobody')),
    'key_unknown', 'a key that there is not', @metadata;
is($answer->{body}, $unknown->{body}, 'says the same');
is(join('|', sort keys %{ $answer->{field} }),
    join('|', sort keys %{ $unknown->{field} }), 'in the same fields');

decided ask('GET /t', Authorization => 'Bearer ' . key('alpha')), 'key_sunset',
    'as a bearer', @metadata;
decided ask('GET /t', 'X-API-Key' => key('beta')), 'key_revoked',
    'was revoked anyway', @metadata;
decided ask('GET /t', 'X-API-Key' => key('gamma')), 'key_expired',
    'had expired anyway', @metadata;
decided ask('GET /t', 'X-API-Key' => key('delta')), 'key_sunset',
    'for another service', @metadata;
for my $path (qw/ bound dpop /) {
    like(fields(ask("GET /$path", @main::alpha), 'WWW-Authenticate'),
        qr/^Bearer [^,]+, resource_metadata="[^"]+", error="invalid_token", DPoP /,
        'the challenges of the location');
}

$answer = decided ask('GET /watched', @main::alpha), 'key_sunset', 'observed',
    result => 'would_deny';
is(told($answer), $main::nothing, 'no field is touched');

$answer = ask('GET /sub/page.html', @main::alpha);
is($answer->{status}, 200, 'where keys are still good');
unlike($answer->{body}, qr/GIF/, 'not by a subrequest, either');

is(told(ask('GET /any', @main::alpha)), $main::nothing, 'satisfied otherwise');

step(0);
ask('GET /watched');
decided ask('GET /t', @main::alpha), 'ok', 'the clock was wrong';



=== TEST 3: what would be if it had come
--- keys
alpha scopes=read
beta scopes=write
--- config
    agent_auth key;
    agent_key_sunset 2020-01-01T00:00:00Z deprecated=2019-01-01T00:00:00Z
        observe;

    location /t {
        agent_scope read;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
        proxy_set_header Is "$agent_id $agent_result $agent_reason";
    }
    location /inner { agent_scope read; internal; empty_gif; }
    location /outer { try_files /nothing /inner; }
    location /ahead { agent_key_sunset 2099-06-30T23:59:59Z observe; empty_gif; }
    location /watched { agent_mode observe; empty_gif; }
--- run
my $upstream = upstream 1;
my ($seen, $answer) = through $upstream, 'GET /t', @main::alpha,
    Connection => 'close';
decided $answer, 'key_sunset', 'passes', result => 'would_deny';
is(join("\n", lines_of($seen)), 'Is: alpha would_deny key_sunset',
    'as the agent, and the key is hidden');
is(told($answer), '@1546300800 | Wed, 01 Jan 2020 00:00:00 GMT | -',
    'is told');

decided ask('GET /t', 'X-API-Key' => key('beta')), 'scope_insufficient',
    'refused for another reason', scope => 'read';
decided ask('GET /t'), 'credential_missing', 'nobody', scope => 'read';
decided ask('GET /outer', @main::alpha), 'key_sunset', 'redirected',
    result => 'would_deny';
decided ask('GET /ahead', @main::alpha), 'ok', 'not yet';
decided ask('GET /watched', @main::alpha), 'ok', 'passes';



=== TEST 4: audit
--- keys
alpha owner=team
beta state=deprecated grace_until=2098-01-01T00:00:00Z
gamma state=revoked
--- config
    agent_auth key;
    agent_key_sunset 2099-06-30T23:59:59Z;

    location /t { empty_gif; }
    location /off { agent_key_sunset off; empty_gif; }
    location /over { agent_key_sunset 2001-01-01T00:00:00Z; empty_gif; }
    location /dry { agent_key_sunset 2001-01-01T00:00:00Z observe; empty_gif; }
--- run
decided ask('GET /t', @main::alpha), 'ok', 'a key';
decided ask('GET /t', 'X-API-Key' => key('beta')), 'ok', 'in grace';
decided ask('GET /off', @main::alpha), 'ok', 'off';
decided ask('GET /over', @main::alpha), 'key_sunset', 'over';
decided ask('GET /dry', @main::alpha), 'key_sunset', 'would be',
    result => 'would_deny';
decided ask('GET /t', 'X-API-Key' => key('gamma')), 'key_revoked', 'revoked';
decided ask('GET /t', 'X-API-Key' => key('delta')), 'key_unknown', 'unknown';
--- audit
reason=ok sunset=4086547199 owner=team !deprecated
reason=ok sunset=4086547199 deprecated=true
reason=ok !sunset
reason=key_sunset result=deny sunset=978307200 agent=alpha
reason=key_sunset result=would_deny sunset=978307200 agent=alpha
reason=key_revoked sunset=4086547199
reason=key_unknown !sunset



=== TEST 5: a key in its grace period
--- keys
alpha
beta state=deprecated grace_until=2098-01-01T00:00:00Z
gamma state=deprecated expires=2097-01-01T00:00:00Z grace_until=2098-01-01T00:00:00Z
delta state=deprecated grace_until=2001-01-01T00:00:00Z
--- config
    agent_auth key;

    location /t { empty_gif; }
    location /watched { agent_mode observe; empty_gif; }
    location /soon { agent_key_sunset 2090-01-01T00:00:00Z
        deprecated=2020-01-01T00:00:00Z link=/soon; empty_gif; }
    location /late { agent_key_sunset 2099-06-30T23:59:59Z
        deprecated=2099-01-01T00:00:00Z; empty_gif; }
    location /off { agent_key_sunset off; empty_gif; }
--- run
my %key = map { $_ => [ 'X-API-Key' => key($_) ] } qw/ beta gamma delta /;

# a date that nothing tells is the one of the answer

my $now = sub {
    my ($answer) = @_;
    my ($told) = fields($answer, 'Deprecation') =~ /^\@(\d+)$/;

    return cmp_ok(abs($told - time), '<', 600, 'deprecated by now');
};

is(told(decided ask('GET /t', @main::alpha), 'ok', 'another key'),
    $main::nothing, 'nothing');

my $answer = decided ask('GET /t', @{ $key{beta} }), 'ok', 'in grace';
$now->($answer);
is(fields($answer, 'Sunset'), 'Wed, 01 Jan 2098 00:00:00 GMT', 'until then');
is(fields($answer, 'Link'), undef, 'no link');

is(fields(decided(ask('GET /t', @{ $key{gamma} }), 'ok', 'expires before'),
    'Sunset'), 'Tue, 01 Jan 2097 00:00:00 GMT', 'the earlier one');
is(told(decided ask('GET /t', @{ $key{delta} }), 'key_expired', 'too late'),
    $main::nothing, 'nothing');
is(told(decided ask('GET /watched', @{ $key{beta} }), 'ok', 'observed'),
    $main::nothing, 'no field is touched');

like(told(decided ask('GET /soon', @{ $key{beta} }), 'ok', 'in a location'),
    qr{^\@1577836800 \| Sun, 01 Jan 2090 00:00:00 GMT \| </soon>;},
    'the earlier dates');
$answer = decided ask('GET /late', @{ $key{beta} }), 'ok', 'in another';
$now->($answer);
is(fields($answer, 'Sunset'), 'Wed, 01 Jan 2098 00:00:00 GMT', 'the earlier');
$now->(decided ask('GET /off', @{ $key{beta} }), 'ok',
    'the key goes, wherever it is');
