# What an authorization server may answer, right or wrong, and what becomes of
# the request.  Without this an answer that is none could admit somebody, as it
# did with others; a good one could be refused; either could be remembered for
# too long, or be asked for again and again.
#
# requirements.md, I-01, I-04 to I-07, I-09, I-11 to I-16; RFC 7662, RFC 9112
#
# What others were seen to do, and where the right answer is shown:
#
#   an inactive token passes, since the status is 200          TEST 1, TEST 2
#   any text with status 200 passes, and goes upstream         TEST 2, TEST 9
#   "active" as a string passes                                TEST 2
#   of two members "active" the last one counts                TEST 2
#   "exp" as a string passes; one in the past passes           TEST 2, TEST 3
#   "exp" equal to now passes                                  TEST 3
#   "exp" is not heeded by the cache                           80 TEST 4
#   an answer without "exp" is asked for each time             TEST 4
#   inactive, bad or oversized ones cause a call each time     TEST 1, TEST 4,
#                                                              89 TEST 4
#   a chunked answer kills the worker at the second request    TEST 5
#   an answer of 100 KB closes the client's connection         TEST 6
#   garbage goes upstream each time a hot entry ends           TEST 10
#   status 500, or no server: the client is told 401 or 403    TEST 7, 83
#   a server that hangs: the client hangs, too                 TEST 7
#   the worker is blocked while it asks                        89 TEST 6
#   a cached token works on while the server is down           TEST 8
#   a revoked one works on for as long as it would have lived  TEST 8
#   "&" in a token adds parameters to the request, or
#   changes our own credentials in it                          TEST 11
#   a connection for each call                                 TEST 12
#   a call for each of many who wait, or waiting by turns      89 TEST 1
#   a reload forgets what was cached                           90 TEST 1
#   the token itself stands in shared memory                   92 TEST 1
#
# (Those of JWT, as algorithms that are confused, are not for this suite.)

use lib 't/lib';
use AgentAuth;
use AgentAS;
use AgentLoad;

use MIME::Base64 qw/ encode_base64 decode_base64 /;
use Time::HiRes qw/ time /;

our $as = AgentAS->start(faults => 1);
our $api = 'https://api.test/a';
our $good = '{"active":true,"aud":"https://api.test/a","client_id":"c"}';

config_preamble(verdict_fields() . ' add_header Cache "$agent_cache" always;'
    . ' add_header Who "$agent_client_id" always;');

our $providers = 0;

sub provider {
    return $as->provider('a' . ++$providers, breaker => 'failures=10000', @_);
}


sub calls {
    return $as->fault_stats->{paths}{'/token/introspection'}{requests} // 0;
}


sub bearer {
    return (Authorization => "Bearer $_[0]");
}


sub active {
    my (%claim) = @_;

    return JSON::PP->new->canonical->encode({ active => JSON::PP::true,
        aud => $api, client_id => 'c', %claim });
}


# Requests with one new token, under the rule: each has the reason.  What is
# remembered costs one call; what is not is good as soon as the server is.

sub judged {
    my ($reason, $what, %rule) = @_;

    my $remembered = $reason =~ /^(?:ok|token_inactive)$/;
    my ($token) = fresh();

    $as->reset;
    $as->fault(path => 'introspection', %rule);

    for my $i (1 .. ($remembered ? 3 : 2)) {
        my $answer = decided(ask('GET /t', bearer($token)), $reason,
            "$what - $i");
        my $retry = fields($answer, 'Retry-After');

        is($retry, $answer->{status} == 503 ? 1 : undef,
            "$what - $i - Retry-After");
    }

    if ($remembered) {
        is(calls(), 1, "$what - one call");
        return;
    }

    $as->clear;
    $as->scripted('introspection', $good);
    decided(ask('GET /t', bearer($token)), 'ok', "$what - not remembered");
}


sub named {
    my ($body) = @_;

    $body = substr($body, 0, 40) . ' and so on' if length $body > 60;
    $body =~ s/([^\x20-\x7e])/sprintf '\\x%02x', ord $1/ge;

    return $body eq '' ? 'nothing' : $body;
}


sub in_base64 {
    return (status => 200, base64 => JSON::PP::true,
        body => encode_base64($_[0], ''));
}


# many bodies: a request for each, one call of each

sub bodies {
    my ($reason, @bodies) = @_;

    $as->reset;
    $as->fault(path => 'introspection', times => 1, in_base64($_)) for @bodies;
    decided(ask('GET /t', bearer(fresh())), $reason, named($_)) for @bodies;
    is(calls(), scalar @bodies, 'a call for each');
    $as->clear;
}


add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(config => "agent_audience https://api.test/a;\n"
        . 'location /t { agent_auth oauth; empty_gif; }')
        unless defined $block->config;
});

run_tests();

__DATA__

=== TEST 1: inactive is inactive, whatever else is said
--- http_config
{{provider()}}
--- run
judged('token_inactive', named($_), in_base64($_)) for
    '{"active":false}',
    ' { "active" : false } ' . "\n",
    '{"active":false,"exp":9999999999}',
    '{"active":false,"exp":"soon","aud":7,"scope":{},"cnf":[]}',
    main::active(active => JSON::PP::false, sub => 's', exp => time + 100),
    '{"\u0061ctive":false}';
$as->clear;



=== TEST 2: what is no answer admits nobody, and is not remembered
--- http_config
{{provider()}}
--- run
my $in = '"aud":"https://api.test/a","client_id":"c"';

bodies('provider_bad_answer',

    # "active" and nothing else says it, and says it once

    qq({"active":"true",$in}), qq({"active":"yes",$in}), qq({"active":1,$in}),
    qq({"active":[true],$in}), qq({"active":{"a":true},$in}),
    qq({"active":null,$in}), qq({"ACTIVE":true,$in}), qq({$in}), '{}',
    qq({"token":{"active":true,$in}}), qq({"error":"invalid_request"}),
    qq({"active":false,"active":true,$in}),
    qq({"active":true,"active":false,$in}),
    qq({"active":false,"\\u0061ctive":true,$in}),
    qq({"active":true,$in,"aud":"https://api.test/b"}),
    qq({"active":true,$in,"x":{"a":1,"a":2}}),

    # no JSON object

    '', ' ', 'true', 'active', '[]', qq([{"active":true,$in}]),
    '<html>active</html>', 'active=true', qq({"active":true,$in),
    qq({"active":true,$in}}), qq({"active":true,$in}{"active":true}),
    qq({"active":true,$in,}), qq({'active':true}), qq({active:true,$in}),
    qq({"active":True,$in}), qq(// x\n{"active":true,$in}),
    qq({"active":true,$in}\0), qq(\xef\xbb\xbf{"active":true,$in}),
    qq({"active":true,"client_id":"\xff",$in}),
    qq({"active":true,"sub":"\\u0000",$in}),
    qq({"active":true,"sub":"\\ud800",$in}),
    join('', map { "$_\0" } split //, qq({"active":true,$in})),
    'eyJhbGciOiJub25lIn0.eyJhY3RpdmUiOnRydWV9.',

    # deep

    qq({"active":true,$in,"x":) . '[' x 3000 . ']' x 3000 . '}',
    qq({"active":true,$in,"x":) . '{"a":' x 3000 . '1' . '}' x 3000 . '}',
    '[' x 60000,

    # claims of another type

    map { qq({"active":true,"aud":"https://api.test/a",$_}) }
        '"exp":"9999999999"', '"exp":null', '"exp":true', '"exp":[1]',
        '"exp":-1', '"exp":1e400', '"exp":99999999999999999999',
        '"exp":1e16', '"nbf":"1"', '"iat":{}', '"iss":7', '"sub":["s"]',
        '"client_id":{}', '"jti":1', '"token_type":[]', '"scope":["a","b"]',
        '"scope":7', '"scope":"a\\u00e9"', '"scope":"a\\"b"', '"cnf":"x"',
        '"cnf":{"jkt":7}', '"act":"x"', '"act":{"sub":7}',
        '"client_id":"a\\r\\nb"', '"sub":"\\u007f"');

bodies('provider_bad_answer', map { qq({"active":true,"aud":$_}) }
    '7', '{}', 'null', '[["https://api.test/a"]]', '["https://api.test/a",1]');



=== TEST 3: times at their edges
--- http_config
{{provider()}}
--- run
for (
    [ token_expired => 'now', sub { exp => int time } ],
    [ token_expired => 'a second ago', sub { exp => int(time) - 1 } ],
    [ token_expired => 'at the epoch', sub { exp => 0 } ],
    [ token_expired => 'a part of a second ago', sub { exp => time - 0.2 } ],
    [ token_not_yet_valid => 'in an hour', sub { nbf => int(time) + 3600 } ],
) {
    my ($reason, $what, $claims) = @$_;
    my ($token) = fresh();

    $as->clear;
    $as->scripted('introspection', main::active($claims->()));
    decided ask('GET /t', bearer($token)), $reason, "$what - $_" for 1, 2;
}

# a fraction is part of it; a machine that is slow gets a longer time
my ($token, $answer);

for my $seconds (1.5, 9.5, 50.5) {
    my $end = time + $seconds;

    ($token) = fresh();
    $as->clear;
    $as->scripted('introspection', main::active(exp => $end));
    $answer = ask('GET /t', bearer($token));
    last if time < $end;
}

decided $answer, 'ok', 'for a second and a half';
ok(await(sub { ask('GET /t', bearer($token))->{status} == 401 }, 'expiry'),
    'it ends');

my $now = int time;
bodies('ok', map { main::active(%$_) } { exp => $now + 3600 },
    { exp => 253402300800 }, { exp => $now + 3600.5 }, { nbf => $now },
    { nbf => $now - 0.5, iat => $now + 10, exp => $now + 100 });
$as->clear;



=== TEST 4: how long what is remembered
--- http_config
{{provider(max_ttl => '300ms')}}
{{provider(max_ttl => '0', negative_ttl => '0')}}
--- config
    agent_audience https://api.test/a;
    location /t { agent_auth oauth=a{{$main::providers - 1}}; empty_gif; }
    location /never { agent_auth oauth=a{{$main::providers}}; empty_gif; }
--- run
my ($token, $other) = fresh(2);

$as->reset;
$as->scripted('introspection', $main::good);

my $began = time;
decided ask('GET /t', bearer($token)), 'ok', 'without an expiry';
ok(await(sub { ask('GET /t', bearer($token)); calls() > 1 }, 'max_ttl'),
    'it is asked about again');
cmp_ok(time - $began, '>', 0.2, 'after max_ttl');

$as->reset;
$as->scripted('introspection', $main::good);

for (1 .. 3) {
    my $answer = decided ask('GET /never', bearer($other)), 'ok', "never $_";
    is(fields($answer, 'Cache'), 'miss', "never $_ - is not known");
}

is(calls(), 3, 'a call each');
$as->clear;
$as->scripted('introspection', '{"active":false}');
decided ask('GET /never', bearer($other)), 'token_inactive', 'revoked at once';
$as->clear;
$as->scripted('introspection', $main::good);
decided ask('GET /never', bearer($other)), 'ok', 'and inactive is not kept';
$as->clear;



=== TEST 5: chunks, good and bad
--- http_config
{{provider()}}
--- run
my @good = (status => 200, body => $main::good);

judged('ok', "chunks, $_", @good, chunked => $_)
    for qw/ good extension trailer /;
judged('provider_bad_answer', "chunks, $_", @good, chunked => $_,
    close => 'silent')
    for qw/ not-hex negative empty-size huge-size overflow too-short too-long
            no-last /;

my $chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n";
my $size = sprintf '%x', length $main::good;

judged('provider_bad_answer', "chunks, $_->[0]", close => 'silent',
    raw => $_->[1])
    for [ 'and a length', "${chunked}Content-Length: 5\r\n\r\n"
            . "$size\r\n$main::good\r\n0\r\n\r\n" ],
        [ 'twice', "${chunked}Transfer-Encoding: chunked\r\n\r\n"
            . "$size\r\n$main::good\r\n0\r\n\r\n" ],
        [ 'of another coding', "HTTP/1.1 200 OK\r\n"
            . "Transfer-Encoding: gzip, chunked\r\n\r\n"
            . "$size\r\n$main::good\r\n0\r\n\r\n" ],
        [ 'a space before the size', "$chunked\r\n $size\r\n$main::good\r\n"
            . "0\r\n\r\n" ],
        [ '0x', "$chunked\r\n0x$size\r\n$main::good\r\n0\r\n\r\n" ];



=== TEST 6: large, compressed, cut off
--- http_config
{{provider()}}
--- run
my $b = 'provider_bad_answer';
my @good = (status => 200, body => $main::good);

judged($b, '100 KB', pad => 100_000);
judged($b, '1 MB', pad => 1_000_000);
judged($b, '1 MB in chunks', pad => 1_000_000, chunked => 'good');
judged($b, '1 MB, whose length is not said', pad => 1_000_000,
    length => JSON::PP::false);
judged($b, 'large fields', @good, headers => { 'X-Pad' => 'x' x 100_000 });
judged($b, 'many fields', @good, headers => { 'X-Pad' => [ ('x') x 9999 ] });
judged($b, 'compressed', @good, gzip => JSON::PP::true);
judged($b, 'compressed chunks', @good, gzip => JSON::PP::true,
    chunked => 'good');
judged($b, 'a length too large', @good, length => 1000, close => 'silent');
judged($b, 'a length too small', @good, length => 20, close => 'silent');
judged($b, 'a length of nothing', @good, length => 0, close => 'silent');
judged($b, 'a length that is none', @good, length => '+58',
    close => 'silent');
judged($b, "cut off at $_", @good, cut => $_) for 1, 15, 60, 120;
judged('ok', 'up to the end of the connection', @good,
    length => JSON::PP::false);
judged('ok', 'octet by octet', @good, drip => 0, octets => 1);



=== TEST 7: another status, or none
--- http_config
{{provider()}}
--- run
my @good = (body => $main::good);

judged('provider_refused_client', "status $_", status => $_, @good)
    for 401, 403;
judged('provider_bad_answer', "status $_", status => $_, @good)
    for 201, 202, 204, 206, 300, 304, 307, 400, 404, 405, 499;
judged('provider_unavailable', "status $_", status => $_, @good)
    for 429, 500, 502, 503, 599;
--- serious
1 refuses our own credentials with status 401



=== TEST 8: the server is down, or revokes, while a token is cached
--- http_config
{{provider(max_ttl => '1s')}}
--- run
my ($token, $other) = fresh(2);

$as->reset;
$as->scripted('introspection', $main::good);
decided ask('GET /t', bearer($token)), 'ok', 'before';

$as->listening(0);
$as->hang_up;

my $answer = ask('GET /t', bearer($token));

# on a machine that is very slow its time may be over
is(fields($answer, 'Cache'), 'hit', 'a token that is known needs no server')
    if $answer->{status} == 200;
decided ask('GET /t', bearer($other)), 'provider_unavailable', 'another one';
ok(await(sub { ask('GET /t', bearer($token))->{status} == 503 }, 'max_ttl'),
    'it does not outlive max_ttl');
decided ask('GET /t', bearer($token)), 'provider_unavailable', 'afterwards';

$as->listening(1);
decided ask('GET /t', bearer($_)), 'ok', 'the server is back'
    for $token, $other;

$as->clear;
$as->scripted('introspection', '{"active":false}');
ok(await(sub { ask('GET /t', bearer($token))->{status} == 401 }, 'max_ttl'),
    'one that is revoked ends with max_ttl');
decided ask('GET /t', bearer($token)), 'token_inactive', 'revoked';
$as->clear;



=== TEST 9: nothing of an answer goes upstream
--- http_config
{{provider()}}
--- config
    agent_audience https://api.test/a;
    location /t {
        agent_auth oauth;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- run
my $upstream = upstream 1;
my ($token) = fresh();

$as->reset;
$as->scripted('introspection', main::active(sub => 's', username => 'u',
    email => 'e@x.test', scope => 'a', iss => $as->issuer));

for my $what ('asked about', 'known') {
    my ($seen, $answer) = through $upstream, 'GET /t', Connection => 'close',
        bearer($token);

    is($answer->{status}, 200, "$what - passes");
    is(join(', ', lines_of($seen)), '', "$what - without a field of ours");
}

$as->clear;



=== TEST 10: a hot entry ends again and again
--- http_config
    server {
        listen $TEST_NGINX_PORT_1;
        location / { return 200 "[$http_authorization]"; }
    }
{{provider(max_ttl => '20ms')}}
--- config
    agent_audience https://api.test/a;
    keepalive_requests 100000;
    location /plain { empty_gif; }
    location /t {
        agent_auth oauth;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- run
my @connections = warm(32, '/plain');
my ($token) = fresh();
my (%status, %body);

$as->reset;
$as->scripted('introspection', $main::good);

ok(await(sub {
    for (@{ (herd(\@connections, 'GET /t', $token))[0] }) {
        $status{ $_->{status} }++;
        $body{ $_->{body} }++;
    }

    return calls() > 20;
}, 'twenty calls'), 'it is asked about again and again');

is(join(' ', sort keys %status), '200', 'all pass');
is(join(' ', sort keys %body), '[]', 'and nothing goes upstream');
$as->clear;



=== TEST 11: what a token holds changes nothing of the request
--- http_config
{{provider()}}
--- config
    agent_audience https://api.test/a;
    location /t { agent_auth oauth; agent_credential $http_x_token; empty_gif; }
--- run
for my $value ('&authorization=Bearer%20EVIL', '&client_id=evil',
    '&token_type_hint=refresh_token', '&token=other', '%26token=other', '=',
    '#', '?', ';', '%00', '%0d%0aX:y', '+')
{
    my ($token) = fresh();

    planted("$token$value");
    $as->reset;
    decided ask('GET /t', 'X-Token' => "$token$value"), 'token_inactive',
        "with $value";

    my ($seen) = $as->seen;
    my %form = map {
        map { tr/+/ /r =~ s/%(..)/chr hex $1/egr } split /=/, $_, 2
    } split /&/, $seen->{body};

    is_deeply(\%form, { token => "$token$value",
        token_type_hint => 'access_token' }, "with $value - the form");
    is(decode_base64($seen->{headers}{authorization} =~ s/^Basic //r),
        'gate-basic:secret-of-gate-basic', "with $value - who asks");
    is(join(' ', @$seen{qw/ method path /},
            map { $seen->{headers}{$_} // '-' } qw/ content-type accept x /),
        'POST /token/introspection application/x-www-form-urlencoded'
            . ' application/json -', "with $value - the rest");
}



=== TEST 12: thirty calls, one connection
--- http_config
{{provider()}}
--- run
$as->reset;
$as->scripted('introspection', $main::good);
is(ask('GET /t', bearer($_))->{status}, 200, 'passes') for fresh(30);
is(calls(), 30, 'thirty calls');
cmp_ok($as->fault_stats->{connections}, '<=', 1, 'one connection');
$as->clear;



=== TEST 13: two tokens are two, however alike
--- http_config
{{provider()}}
--- config
    large_client_header_buffers 4 16k;
    agent_audience https://api.test/a;
    location /t { agent_auth oauth; empty_gif; }
--- run
my ($stem) = fresh();
my $long = $stem . 'x' x 6000;
my @tokens = ("$long-a", "$long-b", "a$long", "b$long", $long, $stem,
    substr($long, 0, -1), uc $stem, "$stem=", "$stem.");

planted($_) for @tokens;

for my $i (0 .. $#tokens) {
    $as->clear;
    $as->scripted('introspection', main::active(client_id => "c$i",
        sub => 'same'));
    decided ask('GET /t', bearer($tokens[$i])), 'ok', "token $i";
}

$as->clear;

for my $i (0 .. $#tokens) {
    my $answer = decided ask('GET /t', bearer($tokens[$i])), 'ok', "known $i";
    is(fields($answer, 'Who'), "c$i", "known $i - who");
    is(fields($answer, 'Cache'), 'hit', "known $i - is known");
}



=== TEST 14: all who wait are told, when nobody answers in time
--- http_config
{{provider(timeout => '3s')}}
--- config
    agent_audience https://api.test/a;
    location /plain { empty_gif; }
    location /t { agent_auth oauth; empty_gif; }
--- run
my @connections = warm(50, '/plain');

$as->reset;
$as->fault(path => 'introspection', hold => JSON::PP::true);

my ($answers, $seconds) = herd(\@connections, 'GET /t', fresh());

is(statuses(@$answers), '503:50', 'nobody passes');
is(calls(), 1, 'and nobody else asks');
is(join(' ', keys %{ { map { fields($_, 'Agent') => 1 } @$answers } }),
    'deny provider_unavailable', 'the reason');
cmp_ok($seconds, '>', 2.5, 'all wait as long as timeout');
cmp_ok($seconds, '<', 55, 'and nobody hangs');
$as->clear;
$as->scripted('introspection', $main::good);

# which may be short for a server on a busy machine

my $answer;
ok(await(sub { ($answer = ask('GET /t', bearer(fresh())))->{status} == 200 },
    'the server'), 'and then it answers');



=== TEST 15: a token that is bound says how
--- http_config
{{provider()}}
--- run
my %jkt = (cnf => { jkt => 'A' x 43 });

for (
    [ token_claims => 'DPoP without a key', token_type => 'DPoP' ],
    [ token_claims => 'DPoP with another', token_type => 'DPoP',
      cnf => { 'x5t#S256' => 'A' x 43 } ],
    [ binding_missing => 'DPoP', token_type => 'DPoP', %jkt ],
    [ binding_missing => 'a key, of no type', %jkt ],
    [ binding_missing => 'a key, of another type', token_type => 'Bearer',
      %jkt ],
) {
    my ($reason, $what, %claim) = @$_;

    $as->clear;
    $as->scripted('introspection', main::active(%claim));
    decided ask('GET /t', bearer(fresh())), $reason, $what;
}

bodies('ok', main::active(token_type => 'Bearer'),
    main::active(token_type => 'bearer'));
$as->clear;
