# Claims of a token in variables.  Without this an upstream could be told a
# claim that the token does not have, one that nobody vouches for, or a header
# field that a claim smuggles in; or what agent_require looks at would be wrong.
#
# requirements.md, I-14, W-27

use lib 't/lib';
use AgentAuth;
use AgentAS;

our $as = AgentAS->start(faults => 1);

config_preamble(verdict_fields());

my $providers = 0;

sub provider {
    return $as->provider('c' . ++$providers, @_);
}


# a token of which the server says this, in JSON

our $tokens = 0;

sub said_of {
    my ($claims) = @_;

    $as->clear;
    $as->scripted('introspection', '{"active":true,"client_id":"c"'
        . ($claims eq '' ? '' : ",$claims") . '}');

    return (Authorization => 'Bearer ' . planted("CANARY-claims-$$-"
        . time . ++$tokens));
}


run_tests();

__DATA__

=== TEST 1: what becomes of a claim
--- http_config
{{provider()}}
agent_claim_set $upper   Name;
agent_claim_set $deep    a B "c d";
agent_claim_set $url     https://example.com/claims tenant;
agent_claim_set $missing a B c;
--- config
    agent_audience off;
    add_header C "[$agent_claim_c]" always;
    add_header Set "[$upper] [$deep] [$url] [$missing]" always;
    location /t { agent_auth oauth; empty_gif; }
--- run
for (
    [ '"c":"text"', 'text' ],
    [ '"c":"a \"quoted\" one"', 'a "quoted" one' ],
    [ '"c":"\u00e9"', "\xc3\xa9" ],
    [ '"c":7', '7' ],
    [ '"c":-7.5', '-7.5' ],
    [ '"c":true', 'true' ],
    [ '"c":false', 'false' ],
    [ '"c":[ "a", 1, null ]', '["a",1,null]' ],
    [ '"c":{ "x": { "y": [] } }', '{"x":{"y":[]}}' ],
    [ '"c":null', '' ],
    [ '"c":""', '' ],
    [ '"C":"upper"', '' ],
    [ '', '' ],
    [ '"c":"a\r\nSet-Cookie: x=1"', '' ],
    [ '"c":"a\tb"', '' ],
    [ '"c":["a\r\nSet-Cookie: x=1"]', '["a\r\nSet-Cookie: x=1"]' ],
    [ '"c":"a\u007f"', '' ],
    [ '"c":' . '[' x 25 . ']' x 25, '[' x 25 . ']' x 25 ],
    [ '"c":"' . 'x' x 3000 . '"', 'x' x 3000 ],
) {
    my ($claims, $value) = @$_;
    my $answer = decided ask('GET /t', said_of($claims)), 'ok',
        length $claims < 80 ? $claims : 'a long one';

    is(fields($answer, 'C'), "[$value]", 'its value');
    ok(!$answer->{field}{'set-cookie'}, 'no other field');
}

decided ask('GET /t', said_of('"c":' . '[' x 500 . ']' x 500)),
    'provider_bad_answer', 'one of 500 arrays';

my $answer = decided ask('GET /t', said_of('"Name":"n","name":"m","a":{"B":'
    . '{"c d":[1]}},"https://example.com/claims":{"tenant":"t"}')), 'ok',
    'names that lead to a claim';
is(fields($answer, 'Set'), '[n] [[1]] [t] []', 'their values');

$answer = decided ask('GET /t', said_of('"a":"B","https://example.com/claims":'
    . '["tenant"]')), 'ok', 'others that do not';
is(fields($answer, 'Set'), '[] [] [] []', 'no values');
$as->clear;



=== TEST 2: only of a token that proved authentic, to whom it belongs
--- keys
alpha
--- http_config
{{provider()}}
limit_req_zone $agent_claim_tenant zone=tenants:1m rate=1r/m;
--- config
    agent_audience https://api.test/a;
    agent_auth key oauth;
    add_header C "[$agent_claim_tenant]" always;

    location /t { limit_req zone=tenants; empty_gif; }
    location /observe { agent_mode observe; empty_gif; }
    location /require { agent_require $agent_claim_tenant error=401;
        empty_gif; }
    location /open { agent_auth off; empty_gif; }
    set $early "";
    add_header Early $early;
    location /early { set $early "[$agent_claim_tenant]"; empty_gif; }
--- run
my $aud = '"aud":"https://api.test/a"';
my $c = sub { return fields($_[0], 'C') };

is($c->(decided ask('GET /t', said_of("$aud,\"tenant\":\"x\"")), 'ok',
    'a token'), '[x]', 'known');
is($c->(decided ask('GET /t', said_of("$aud,\"tenant\":\"x\"")), 'ok',
    'another one: before the access phase there was nothing to limit'),
    '[x]', 'known');
is($c->(decided ask('GET /t', said_of('"tenant":"x"')), 'audience_mismatch',
    'of another service'), '[x]', 'known, since it is authentic');
is($c->(decided ask('GET /observe', said_of('"tenant":"x"')),
    'audience_mismatch', 'in observe', result => 'would_deny'), '[x]',
    'known');
is($c->(decided ask('GET /t', said_of("$aud,\"tenant\":\"x\",\"exp\":1")),
    'token_expired', 'an expired one'), '[]', 'nothing');
is($c->(decided ask('GET /t', said_of("$aud,\"tenant\":\"x\",\"iss\":\"y\"")),
    'issuer_mismatch', 'of another issuer'), '[]', 'nothing');

$as->clear;
$as->scripted('introspection', '{"active":false,"tenant":"x"}');
is($c->(decided ask('GET /t', Authorization => 'Bearer '
    . planted("CANARY-inactive-$$-" . time . ++$main::tokens)),
    'token_inactive', 'an inactive one'), '[]', 'nothing');

is($c->(decided ask('GET /t', 'X-API-Key' => key('alpha')), 'ok', 'a key'),
    '[]', 'nothing');
is($c->(decided ask('GET /t'), 'credential_missing', 'nobody'), '[]',
    'nothing');
is($c->(ask('GET /open', said_of("$aud,\"tenant\":\"x\""))), '[]',
    'where nobody asks: nothing');

decided ask('GET /require', said_of("$aud,\"tenant\":\"x\"")), 'ok',
    'what is required';
decided ask('GET /require', said_of($aud)), 'requirement_failed',
    'is not there', status => 401;
decided ask('GET /require', said_of("$aud,\"tenant\":null")),
    'requirement_failed', 'is null', status => 401;
decided ask('GET /require', said_of("$aud,\"tenant\":0")),
    'requirement_failed', 'is 0', status => 401;
decided ask('GET /require', said_of("$aud,\"tenant\":\"\"")),
    'requirement_failed', 'is empty', status => 401;

my $answer = decided ask('GET /early', said_of("$aud,\"tenant\":\"x\"")), 'ok',
    'before the access phase';
is(fields($answer, 'Early'), '[]', 'nothing was known');
is($c->($answer), '[x]', 'and later it is: it is not cached');
$as->clear;



=== TEST 3: to the upstream, from the cache, over a redirect
--- http_config
{{provider()}}
agent_claim_set $team teamName;
--- config
    agent_audience off;
    agent_auth oauth;
    location /t {
        proxy_set_header X-Team $team;
        proxy_set_header X-List $agent_claim_list;
        proxy_set_header X-None $agent_claim_none;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/;
    }
    location /moved { try_files /none /t; }
--- run
my $upstream = upstream(1);
my @token = said_of('"teamName":"blue","list":["a","b"]');

for my $path ('/t', '/t', '/moved') {
    my ($seen, $answer) = through($upstream, "GET $path", @token,
        'X-Team' => 'red', 'X-None' => 'x');

    is(join(' ', sort { $a cmp $b } grep { /^X-/ } lines_of($seen)),
        'X-List: ["a","b"] X-Team: blue', "GET $path: what is passed on");
    is($answer->{status}, 200, 'and answered');
}

$as->clear;
