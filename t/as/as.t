# The authorization server of the tests, and the faults before it.  Without
# this a test of the gate could pass since the server does not do what the test
# thinks that it does: a client that is let in without its secret, a fault that
# never happened, a count that does not count.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use AgentAS;

use IO::Select;
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw/ time /;

my $api = 'https://api.test/invoices';
my $began;

my ($plain, $secure, $front) = (
    AgentAS->start(faults => 1),
    AgentAS->start(tls => 1),
    AgentAS->start(tls => 1, faults => 1, path => '/tenant'),
);


sub active_ok {
    my ($answer, $expected, $name) = @_;

    is($answer->{status}, 200, "$name - status")
        or diag($answer->{head}, "\n", $answer->{body});
    is(!!$answer->{json}{active}, !!$expected, "$name - active");
}


# -- metadata

for my $as ($plain, $secure, $front) {
    for my $name (qw/ metadata discovery /) {
        my $json = $as->http($as->url($name))->{json};

        is($json->{issuer}, $as->issuer, "$name of " . $as->issuer);
        is($json->{"${_}_endpoint"}, $as->url($_), "$name - $_")
            for qw/ token introspection revocation /;
        is($json->{jwks_uri}, $as->url('jwks'), "$name - jwks_uri");
    }
}


# -- each method of authentication, of both kinds of clients

my $token = $secure->token('agent-basic', resource => $api,
    scope => 'invoices:read unheard:of');

my $answer = $secure->introspect('gate-basic', $token);
my $json = $answer->{json};

is($json->{aud}, $api, 'audience');
is($json->{scope}, 'invoices:read', 'scope');
is($json->{client_id}, 'agent-basic', 'client');
is($json->{iss}, $secure->issuer, 'issuer');
is($json->{exp} - $json->{iat}, 600, 'lifetime');

for my $kind (qw/ basic post odd rs256 es256 tls self none bearer jwt /) {
    active_ok($secure->introspect("gate-$kind", $token), 1, "gate-$kind");
}

for my $kind (qw/ basic post odd rs256 es256 tls self /) {
    active_ok($secure->introspect('gate-basic',
        $secure->token("agent-$kind")), 1, "agent-$kind");
}

for my $kind (qw/ basic post odd rs256 es256 /) {
    active_ok($plain->introspect("gate-$kind",
        $plain->token("agent-$kind")), 1, "$kind without TLS");
}

is($secure->http($secure->url('introspection'), form => [ token => $token,
        client_id => 'gate-basic', client_secret => 'wrong' ])->{status}, 401,
    'a wrong secret');
is($secure->http($secure->url('introspection'), form => [ token => $token,
        client_id => 'gate-tls' ])->{status}, 401, 'no certificate');
is($secure->http($secure->url('introspection'), form => [ token => $token,
        client_id => 'gate-tls' ], cert => 'gate-self')->{status}, 401,
    'a certificate of nobody');
is($secure->http($secure->url('introspection'), form => [ token => $token ],
        headers => [ Authorization => 'Bearer wrong' ])->{status}, 400,
    'a wrong bearer');
is($secure->introspect('agent-post', $token)->{json}{active}, JSON::PP::false,
    'an agent does not see the token of another');


# -- tokens

active_ok($plain->introspect('gate-basic', 'never-issued'), 0,
    'an unknown token');

$token = $plain->token('agent-basic', scope => 'invoices:read');
$json = $plain->introspect('gate-basic', $token)->{json};
is($json->{scope}, 'invoices:read', 'scope without a resource');
ok(!exists $json->{aud}, 'no audience without a resource');

$token = $plain->token('agent-basic', resource =>
    "$api?ttl=2&claims={\"act\":{\"sub\":\"bot\"}}");
my $short = $token;
$json = $plain->introspect('gate-basic', $token)->{json};
is($json->{aud}, $api, 'the query is not part of the audience');
is($json->{exp} - $json->{iat}, 2, 'a short life');
is($json->{act}{sub}, 'bot', 'a further claim');

$began = time;
select undef, undef, undef, 0.05
    while $plain->introspect('gate-basic', $short)->{json}{active}
        && time - $began < 6;
cmp_ok(time - $began, '<', 5, 'a short life - ended');

for my $alg (qw/ RS256 PS256 ES256 EdDSA /) {
    my $jwt = $plain->token('agent-basic', scope => 'invoices:read',
        resource => "$api?format=jwt&alg=$alg");
    my ($header, $payload) = $plain->decoded($jwt);

    is("$header->{alg} $header->{typ}", "$alg at+jwt", "JWT - $alg");
    is("$payload->{iss} $payload->{aud} $payload->{scope}",
        $plain->issuer . " $api invoices:read", "JWT - $alg - claims");
}

my $key = $plain->dir . '/agent-es256.key';
$answer = $plain->token_answer('agent-dpop', dpop => $key, resource => $api);
is($answer->{json}{token_type}, 'DPoP', 'DPoP - type');
is($plain->introspect('gate-basic', $answer->{json}{access_token})
        ->{json}{cnf}{jkt}, $plain->thumbprint($key), 'DPoP - jkt');
is($plain->token_answer('agent-dpop')->{status}, 400, 'DPoP - no proof');

$token = $secure->token('agent-mtls', resource => $api);
like($secure->introspect('gate-basic', $token)->{json}{cnf}{'x5t#S256'},
    qr/^[\w-]{43}$/, 'mTLS - thumbprint');
is($secure->token_answer('agent-mtls', cert => undef)->{status}, 400,
    'mTLS - no certificate');

$answer = $plain->introspect("gate-$_->[0]", $plain->token('agent-basic'),
    Accept => 'application/token-introspection+jwt') and do {
        my ($header, $payload) = $plain->decoded($answer->{body});

        like($answer->{field}{'content-type'},
            qr{^application/token-introspection\+jwt}, "$_->[1] - type");
        is("$header->{alg} $header->{typ}", "$_->[1] token-introspection+jwt",
            "$_->[1] - header");
        is($payload->{aud}, "gate-$_->[0]", "$_->[1] - audience");
        ok($payload->{token_introspection}{active}, "$_->[1] - active");
    } for [ 'jwt', 'RS256' ], [ 'jwt-es256', 'ES256' ];

$token = $plain->token('agent-basic');
active_ok($plain->introspect('gate-basic', $token), 1, 'before revocation');
$plain->revoke('agent-basic', $token);
active_ok($plain->introspect('gate-basic', $token), 0, 'after revocation');


# -- control of the server

my $kid = ($plain->decoded($plain->token('agent-basic',
    resource => "$api?format=jwt")))[0]{kid};
my $stays = $plain->token('agent-basic');
my $kids = $plain->rotate();

sub published {
    return map { $_->{kid} }
        @{ $plain->http($plain->url('jwks'))->{json}{keys} };
}

my ($header) = $plain->decoded($plain->token('agent-basic',
    resource => "$api?format=jwt"));

isnt($header->{kid}, $kid, 'rotation - another kid');
ok((grep { $_ eq $header->{kid} } published()), 'rotation - published');
ok((grep { $_ eq $kid } published()), 'rotation - the old one still is');
$plain->rotate(drop => 1);
ok(!(grep { $_ eq $kid } published()), 'rotation - dropped');
active_ok($plain->introspect('gate-basic', $stays), 1,
    'rotation - tokens stay');

$plain->reset();
$plain->delay(introspection => 120);
$began = time;
$plain->introspect('gate-basic', $stays);
cmp_ok(time - $began, '>=', 0.12, 'delay');
$plain->reset();
$plain->introspect('gate-basic', $stays) for 1 .. 3;
is($plain->calls('introspection'), 3, 'calls');

$token = $plain->token('agent-basic', resource => "$api?ttl=600");
$plain->forget();
active_ok($plain->introspect('gate-basic', $token), 0, 'forgotten');


# -- what faults sees

$plain->reset();
$token = $plain->token('agent-odd');
$plain->introspect('gate-post', "$token&active=1");

my @seen = $plain->seen;
is(scalar @seen, 2, 'seen - requests');
is($seen[0]{headers}{authorization}, 'Basic ' . MIME::Base64::encode_base64(
    'agent%3Aodd+%252F%2B%26%3D:p%25C3%2Bss%3A+%26%3D%3F%2F%23%22%5C%7Ex', ''),
    'seen - client');
is($seen[1]{body}, "client_id=gate-post&client_secret=secret-of-gate-post"
    . "&token=$token%26active%3D1", 'seen - form');
is($plain->fault_stats->{paths}{'/token'}{requests}, 1, 'seen - count');


# -- faults

my $path = '/token/introspection';
my ($host) = $plain->issuer =~ m{//(.*)};


sub connected {
    return IO::Socket::INET->new(PeerAddr => $host, Timeout => 60)
        // die "connect: $@\n";
}


sub asked {
    my ($socket) = @_;

    print $socket "GET $path HTTP/1.1\r\nHost: as.test\r\n\r\n";
    $socket->flush;

    return $socket;
}


# octets until the end, and the error in the place of one; or of so many octets

sub drained {
    my ($socket, $size) = @_;

    my $text = '';

    while (!defined $size || length $text < $size) {
        IO::Select->new($socket)->can_read(60) or return "$text (waiting)";

        my $got = sysread $socket, $text, 65536, length $text;

        return "$text (error)" unless defined $got;
        last unless $got;
    }

    return $text;
}


# the answer to one request by a rule

sub faulty {
    my (%rule) = @_;

    $plain->clear();
    $plain->fault(path => 'introspection', %rule);

    return drained(asked(connected()));
}


sub body_of {
    return ($_[0] =~ /\r\n\r\n(.*)/s)[0];
}


my %close = (close => 1);
my $text = '{"active":"true"}';

$plain->scripted(introspection => $text, times => 1);
is($plain->introspect('gate-basic', 'x')->{body}, $text, 'a script');
active_ok($plain->introspect('gate-basic', 'x'), 0, 'once only');

for my $status (301, 401, 403, 429, 500, 503) {
    like(faulty(status => $status, %close,
            headers => { 'Retry-After' => 7, Location => 'http://a.test/' }),
        qr{^HTTP/1\.1 $status .*^Location: http://a.*^Retry-After: 7\r}ms,
        "status $status");
}

my $whole = faulty(body => $text, %close);

is($whole, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    . "Content-Length: 17\r\nConnection: close\r\n\r\n$text", 'an answer');

is(faulty(body => $text, %close, cut => $_), substr($whole, 0, $_),
    "cut at $_") for 0, 9, length($whole) - 3;
is(faulty(body => $text, %close, reset => $_),
    substr($whole, 0, $_) . ' (error)', "reset at $_") for 0, 20;

$plain->clear();
$plain->fault(path => 'introspection', body => $text, stall => 30, %close);
my $socket = asked(connected());
$plain->await_faults(stalled => 1);
is(drained($socket, 30), substr($whole, 0, 30), 'stall');
ok(!IO::Select->new($socket)->can_read(0.05), 'stall - nothing more');
$plain->release();
is(drained($socket), substr($whole, 30), 'stall - released');

$began = time;
is(faulty(body => $text, %close, drip => 10, octets => 20), $whole, 'drip');
cmp_ok(time - $began, '>=', 0.05, 'drip - slow');

like(faulty(body => $text, type => 'text/html', %close),
    qr{^Content-Type: text/html\r}m, 'type');
like(faulty(body => $text, gzip => 1, %close),
    qr/^Content-Encoding: gzip\r.*\r\n\r\n\x1f\x8b/ms, 'gzip');
is(length body_of(faulty(pad => 1e6, %close)), 1e6, 'huge');
is(faulty(raw => "HTTP/9.9 what\r\n\r\n", close => 1), "HTTP/9.9 what\r\n\r\n",
    'raw');
unlike(faulty(body => $text, length => JSON::PP::false), qr/^Content-Length/m,
    'no length');
like(faulty(body => $text, length => '0x11', %close),
    qr/^Content-Length: 0x11\r/m, 'a wrong length');

my %chunks = (
    'good'       => "8\r\n{\"active\r\n9\r\n\":\"true\"}\r\n0\r\n\r\n",
    'extension'  => "8;a=b\r\n{\"active\r\n9 ; c=\"d\"\r\n\":\"true\"}\r\n"
        . "0\r\n\r\n",
    'trailer'    => "8\r\n{\"active\r\n9\r\n\":\"true\"}\r\n0\r\n"
        . "X-Trailer: 1\r\n\r\n",
    'not-hex'    => "8\r\n{\"active\r\nxyz\r\n\":\"true\"}\r\n0\r\n\r\n",
    'negative'   => "8\r\n{\"active\r\n-9\r\n\":\"true\"}\r\n0\r\n\r\n",
    'empty-size' => "8\r\n{\"active\r\n\r\n\":\"true\"}\r\n0\r\n\r\n",
    'huge-size'  => "8\r\n{\"active\r\nfffffffffffffff0\r\n\":\"true\"}\r\n"
        . "0\r\n\r\n",
    'overflow'   => "8\r\n{\"active\r\n100000000000000009\r\n\":\"true\"}\r\n"
        . "0\r\n\r\n",
    'too-short'  => "8\r\n{\"active\r\n8\r\n\":\"true\"}\r\n0\r\n\r\n",
    'too-long'   => "8\r\n{\"active\r\nc\r\n\":\"true\"}\r\n0\r\n\r\n",
    'no-last'    => "8\r\n{\"active\r\n9\r\n\":\"true\"}\r\n",
);

is(body_of(faulty(body => $text, chunked => $_, %close)), $chunks{$_},
    "chunked - $_") for sort keys %chunks;

$plain->clear();
$plain->fault(path => 'introspection', body => $text, endless => 1);
$socket = asked(connected());
cmp_ok(length drained($socket, 3e6), '>=', 3e6, 'endless');
close $socket;

# two requests in one connection, then one that is closed without a word

$plain->reset();
$plain->fault(path => 'introspection', body => $text, times => 2);
$plain->fault(path => 'introspection', body => $text, close => 'silent');
$socket = connected();
my $kept = $whole =~ s/Connection: close\r\n//r;
is(drained(asked($socket), length $kept), $kept, "kept alive - $_") for 1, 2;
is(drained(asked($socket)), $kept, 'closed in silence');
is_deeply([ map { $_->{connection} - ($plain->seen)[0]{connection} }
            $plain->seen ], [ 0, 0, 0 ], 'one connection');

# how many at once: all are held, none has been answered

$plain->reset();
$plain->fault(path => 'introspection', body => $text, hold => 1, %close);
my @sockets = map { asked(connected()) } 1 .. 5;
$plain->await_faults(stalled => 5);
is($plain->fault_stats->{paths}{$path}{now}, 5, 'held');
$plain->release();
is(drained($_), $whole, 'held - answered') for @sockets;
is($plain->fault_stats->{most}, 5, 'held - most at once');

# of connections

# which may be as soon as connect() is about to return

$plain->accepting('reset', times => 1);
is(eval { drained(connected()) } // ' (error)', ' (error)',
    'reset when accepted');
$plain->accepting('close', times => 1);
is(drained(connected()), '', 'closed when accepted');
$plain->accepting('stall', times => 1);
$socket = asked(connected());
ok(!IO::Select->new($socket)->can_read(0.05), 'stalled when accepted');
$plain->clear();
is(drained($socket), '', 'stalled when accepted - released');

$plain->listening(0);
ok(!IO::Socket::INET->new(PeerAddr => $host), 'not listening');
$plain->listening(1);
active_ok($plain->introspect('gate-basic', 'x'), 0, 'listening again');

$plain->reset();
$socket = connected();
$plain->await_faults(connections => 1);
$plain->hang_up();
is(drained($socket), '', 'hung up');


# -- faults and TLS

$token = $front->token('agent-basic', resource => $api);
active_ok($front->introspect('gate-es256', $token), 1, 'behind TLS');

my $tls = ($front->seen)[0]{tls};
cmp_ok(($front->seen)[0]{connection}, '==', 1, 'TLS - connection');
like($tls->{version}, qr/^TLSv1\.[23]$/, 'TLS - version');

for my $name (qw/ wrong name expired /) {
    $front->certificate($name);
    is($front->introspect('gate-basic', $token)->{status}, 0, "TLS - $name");
}

$front->certificate('server', max => 'TLSv1.2');
active_ok($front->introspect('gate-basic', $token), 1, 'TLS - good again');
is(($front->seen)[-1]{tls}{version}, 'TLSv1.2', 'TLS - 1.2');

$front->restart_server();
active_ok($front->introspect('gate-basic', $token), 0, 'a new server');


# -- the end

my $pid = $secure->{process}{server}{pid};
close $secure->{process}{server}{hold};
my $line = AgentAS::first_line($secure->{process}{server}{output});
waitpid $pid, 0;
is($line . $?, '0', 'ends with the one who started it');

kill 'TERM', $pid = $plain->{process}{faults}{pid};
waitpid $pid, 0;
is($?, 0, 'ends by a signal');

done_testing();
