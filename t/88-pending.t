# Requests that wait for a provider.  Without this a body that comes meanwhile
# could be lost, or sent twice; a client that leaves could take the worker with
# it, or the verdict that others wait for; one that waits could get what was
# decided of another; and what nginx does besides, redirects and subrequests,
# could pass by a verdict that is still under way.
#
# requirements.md, I-13, I-16, U-01, 15 (parity over h1 and h2)

use lib 't/lib';
use AgentAuth;
use AgentAS;

our $as = AgentAS->start(faults => 1);

config_preamble(verdict_fields() . ' add_header Cache "$agent_cache" always;');
worker_connections(512);

my $providers = 0;

sub provider {
    return $as->provider('w' . ++$providers, @_);
}


sub token {
    return $as->token($_[0] // 'agent-basic', scope => 'invoices:read',
        resource => 'https://api.test/a');
}


sub bearer {
    return (Authorization => "Bearer $_[0]");
}


# one that no server knows

my $nobodies = 0;

sub nobody {
    return planted("CANARY-nobody-$$-" . time . '-' . ++$nobodies);
}


sub calls {
    return $as->fault_stats->{paths}{'/token/introspection'}{requests} // 0;
}


# the next answer to a question is held until release()

sub held {
    $as->reset;
    $as->fault(path => 'introspection', hold => JSON::PP::true, times => 1);
}


sub asked_for { $as->await_faults(stalled => 1) }


# what the upstream got, and that it got it once

sub upstream_got {
    my ($upstream, $what, $body) = @_;

    IO::Select->new($upstream)->can_read($AgentAuth::Patience)
        or return fail("$what - nothing came");

    my $peer = AgentClient::Connection->new(scalar $upstream->accept);
    my $seen = $peer->message;

    $peer->send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n"
        . "Connection: close\r\n\r\nupstream");

    ok(((split /\r\n\r\n/, $seen, 2)[1] // '') eq $body, "$what - the body");
    unlike($seen, qr/^Authorization:/mi, "$what - without the credential");
}


sub not_again {
    my ($upstream, $what) = @_;

    ok(!IO::Select->new($upstream)->can_read(0), "$what - and no more");
}


# RFC 9113, 3.4 and 4.1; RFC 7541, 6.2.2: literals that are not indexed

sub frame {
    my ($type, $flags, $stream, $payload) = @_;

    return substr(pack('N', length $payload), 1)
        . pack('CCN', $type, $flags, $stream) . $payload;
}


sub preface {
    return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . frame(4, 0, 0, '');
}


# begins a request; flags: 4 where a body follows, else 5

sub request {
    my ($stream, $flags, $line, @headers) = @_;
    my ($method, $path) = split ' ', $line;
    my $block = '';

    unshift @headers, ':method' => $method, ':scheme' => 'http',
        ':path' => $path, ':authority' => 'localhost';

    while (my ($name, $value) = splice @headers, 0, 2) {
        $block .= pack 'C C/a*', 0, lc $name;
        $block .= length $value < 127 ? pack('C/a*', $value)
            : pack('CC', 127, length($value) - 127) . $value;
    }

    return frame(1, $flags, $stream, $block);
}


# the bodies of the next so many streams that end, by stream

sub bodies {
    my ($connection, $n) = @_;
    my (%body, $ended);

    while (($ended // 0) < $n) {
        my ($high, $low, $type, $flags, $stream)
            = unpack 'C n C C N', $connection->octets(9);
        last unless defined $stream;

        my $payload = $connection->octets(($high << 16) + $low);

        $body{$stream} .= $payload if $type == 0;
        $ended++ if $type <= 1 && $flags & 1;
        $connection->send(frame(4, 1, 0, '')) if $type == 4 && !($flags & 1);
    }

    return \%body;
}


sub connected2 {
    my $connection = connected(port => port(2));

    $connection->send(preface());

    return $connection;
}


sub server2 {
    return 'server { listen ' . port(2) . " http2;\n"
        . "agent_audience https://api.test/a; $_[0] }";
}


run_tests();

__DATA__

=== TEST 1: bodies of HTTP/1.1
--- http_config
{{provider()}}
--- config
    agent_audience https://api.test/a;
    client_body_buffer_size 8k;
    location /t {
        client_max_body_size 1m;
        agent_auth oauth;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- run
my $upstream = upstream 1;
my $large = join '', map { sprintf '%09d.', $_ } 1 .. 20_000;
my $chunks = join '', map { "2710\r\n" . substr($large, $_ * 10_000, 10_000)
    . "\r\n" } 0 .. 19;
my @chunked = ('Transfer-Encoding' => 'chunked');

for (
    [ 'small', [ 'Content-Length' => 5 ], 'hello', '', 'hello' ],
    [ 'none yet', [ 'Content-Length' => 5 ], '', 'hello', 'hello' ],
    [ 'in two', [ 'Content-Length' => 5 ], 'he', 'llo', 'hello' ],
    [ 'large', [ 'Content-Length' => length $large ], $large, '', $large ],
    [ 'large, in two', [ 'Content-Length' => length $large ],
      substr($large, 0, 70_001), substr($large, 70_001), $large ],
    [ 'chunked', \@chunked, "5\r\nhello\r\n0\r\n\r\n", '', 'hello' ],
    [ 'chunked, in two', \@chunked, "5\r\nhe", "llo\r\n0\r\n\r\n", 'hello' ],
    [ 'chunked, large', \@chunked, $chunks, "0\r\n\r\n", $large ],
) {
    my ($what, $headers, $before, $after, $body) = @$_;
    my $client = connected();

    held();
    $client->send(asked('POST /t', bearer(token()), @$headers) . $before);
    asked_for();
    not_again($upstream, "$what - nothing before the verdict");
    $as->release;
    $client->send($after);
    upstream_got($upstream, $what, $body);
    is($client->answer->{status}, 200, "$what - passes");

    # the connection is as good as before
    $client->send(asked('POST /t', bearer(nobody()), { body => $body }));
    is($client->answer->{status}, 401, "$what - the next is refused");
    not_again($upstream, $what);
    is(calls(), 2, "$what - one call each");
    $as->clear;
}

# who asks whether to send it is answered after the verdict

my $client = connected();

held();
$client->send(asked('POST /t', bearer(token()), Expect => '100-continue',
    'Content-Length' => 5));
asked_for();
$as->release;
like($client->head, qr{^HTTP/1.1 100 }, 'Expect - go on');
$client->send('hello');
upstream_got($upstream, 'Expect', 'hello');
is($client->answer->{status}, 200, 'Expect - passes');

held();
$as->clear;
$client->send(asked('POST /t', bearer(nobody()), Expect => '100-continue',
    'Content-Length' => 5));
is($client->answer->{status}, 401, 'Expect - refused without a word');

# too large: known at once, or when it comes

held();
$as->clear;
is(ask('POST /t', bearer(token()), 'Content-Length' => 1_048_577)->{status},
    413, 'too large - said at once');
is(calls(), 0, 'too large - nobody is asked');

held();
$client = connected();
$client->send(asked('POST /t', bearer(token()), @chunked));
asked_for();
$as->release;
$client->send("200000\r\nbegun");
is($client->answer->{status}, 413, 'too large - when it comes');
not_again($upstream, 'too large');



=== TEST 2: bodies of HTTP/2
--- http_config
{{provider()}}
{{server2('client_body_buffer_size 8k; client_max_body_size 60k;
    location /t {
        agent_auth oauth;
        proxy_pass http://127.0.0.1:' . port(1) . ';
    }')}}
--- config
--- suppress_stderr
--- run
my $upstream = upstream 1;

for my $pieces ([ 'hello' ], [ 'he', 'llo' ], [ '', 'hello' ],
    [ 'a' x 16_000, 'b' x 16_000, 'c' x 16_000 ])
{
    my $body = join '', @$pieces;
    my $what = @$pieces . ' pieces, ' . length $body;
    my $client = connected2();
    my ($first, @rest) = @$pieces;

    held();
    $client->send(request(1, 4, 'POST /t', bearer(token()))
        . frame(0, @rest ? 0 : 1, 1, $first));
    asked_for();
    not_again($upstream, "$what - nothing before the verdict");
    $as->release;
    $client->send(frame(0, $_ == $#rest ? 1 : 0, 1, $rest[$_])) for 0 .. $#rest;
    upstream_got($upstream, $what, $body);
    is(bodies($client, 1)->{1}, 'upstream', "$what - passes");
    not_again($upstream, $what);
    is(calls(), 1, "$what - one call");
}

# all of it while it waits

my $client = connected2();

held();
$client->send(request(1, 4, 'POST /t', bearer(token()))
    . join '', map { frame(0, $_ == 3, 1, $_ x 15_000) } 1 .. 3);
asked_for();
$as->release;
upstream_got($upstream, 'all at once', join '', map { $_ x 15_000 } 1 .. 3);
is(bodies($client, 1)->{1}, 'upstream', 'all at once - passes');

held();
$client->send(request(3, 4, 'POST /t', bearer(token()))
    . join '', map { frame(0, $_ == 3, 3, $_ x 16_000) } 1 .. 3);
asked_for();
$client->send(request(5, 4, 'POST /t', bearer(token()),
    'content-length' => 70_000));
like(bodies($client, 1)->{5}, qr/413/, 'too large, beside one that waits');
$as->release;
upstream_got($upstream, 'the other', join '', map { $_ x 16_000 } 1 .. 3);
is(bodies($client, 1)->{3}, 'upstream', 'the other - passes');
not_again($upstream, 'no other');



=== TEST 3: clients that leave
--- http_config
{{provider()}}
{{server2('location /t { agent_auth oauth; empty_gif; }')}}
--- config
    agent_audience https://api.test/a;
    location /t { agent_auth oauth; empty_gif; }
--- suppress_stderr
--- run
for (
    [ 'a connection is closed', \&connected, sub {
        asked("$_[1] /t", bearer($_[0]), $_[1] eq 'POST'
            ? ('Content-Length' => 9) : ()) }, sub { close $_[0]->handle } ],
    [ 'a connection of HTTP/2 is closed', \&connected2, sub {
        request(1, $_[1] eq 'POST' ? 4 : 5, "$_[1] /t", bearer($_[0])) },
      sub { close $_[0]->handle } ],
    [ 'a stream is cancelled', \&connected2, sub {
        request(1, $_[1] eq 'POST' ? 4 : 5, "$_[1] /t", bearer($_[0])) },
      sub { $_[0]->send(frame(3, 0, 1, pack 'N', 8)) } ],
) {
    my ($how, $connect, $request, $leave) = @$_;

    for my $method (qw/ GET POST /) {
        my $what = "$how, $method";
        my $token = token();
        my $client = $connect->();

        audit_rest();
        held();
        $client->send($request->($token, $method));
        asked_for();
        $leave->($client);

        my ($line) = audit_lines(1);
        is($line->{unmapped}{agent_auth}{result} . ' '
            . $line->{http_response}{code}, 'none 499', "$what - audited");

        $as->release;

        my $answer = ask('GET /t', bearer($token));
        is($answer->{status}, 200, "$what - the next one passes");
        is(fields(ask('GET /t', bearer($token)), 'Cache'), 'hit',
            "$what - the verdict is known");
        is(calls(), 1, "$what - one call");
        is(scalar(audit_lines(2)), 2, "$what - their lines");
        is(scalar(audit_rest()), 0, "$what - no other line");
    }
}



=== TEST 4: who waits beside others is not taken for them
--- http_config
{{provider(max_ttl => '10ms', negative_ttl => '10ms')}}
{{server2('location /t { agent_auth oauth; try_files /none @who; }
    location @who { return 200 "$agent_client_id"; }')}}
--- config
    agent_audience https://api.test/a;
    location /t { agent_auth oauth; try_files /none @who; }
    location @who { return 200 "$agent_client_id"; }
--- suppress_stderr
--- run
my @name = qw/ agent-basic agent-post /;
my @token = map { token($_) } @name;
my @clients = map { connected() } 1 .. 8;
my $client2 = connected2();
my ($n, @wrong) = (0);

$as->reset;
$as->delay(introspection => 5);

for my $i (0 .. 62) {
    my @who = map { ($i + $_) % 3 == 0 ? 1 : 0 } 0 .. 7;
    my @stream = map { 1 + 2 * (8 * $i + $_) } 0 .. 7;

    $client2->send(join '', map { request($stream[$_], 5, 'GET /t',
        bearer($token[!$who[$_]])) } 0 .. 7);
    $clients[$_]->send(asked('GET /t', bearer($token[$who[$_]]))) for 0 .. 7;

    my $body = bodies($client2, 8);

    for (0 .. 7) {
        my $got = $clients[$_]->answer->{body};

        push @wrong, "$i, $_: $got" if $got ne $name[$who[$_]];
        push @wrong, "$i, stream $_: " . ($body->{$stream[$_]} // '')
            if ($body->{$stream[$_]} // '') ne $name[!$who[$_]];
        $n += 2;
    }
}

$as->delay(introspection => 0);
is_deeply(\@wrong, [], "$n requests");
cmp_ok(calls(), '>', 20, 'and many waited');



=== TEST 5: auth_delay
--- http_config
{{provider()}}
--- config
    agent_audience https://api.test/a;
    location /t { agent_auth oauth; auth_delay 300ms; empty_gif; }
--- run
for my $good (1, 0) {
    my $client = connected();

    held();
    $client->send(asked('GET /t', bearer($good ? token() : nobody())));
    asked_for();

    my $began = AgentAuth::time();
    $as->release;
    decided $client->answer, $good ? 'ok' : 'token_inactive',
        $good ? 'not for who passes' : 'for who does not';
    cmp_ok(AgentAuth::time() - $began, '>=', 0.25, 'and that takes its time')
        if !$good;
    is(calls(), 1, 'one call');
}



=== TEST 6: satisfy any
--- http_config
{{provider()}}
--- config
    agent_audience https://api.test/a;
    agent_auth oauth;
    agent_credential $http_x_token;
    agent_hide_credential on;
    satisfy any;
    location = /deny { deny all; empty_gif; }
    location = /allow { allow all; empty_gif; }
    location = /basic {
        deny all;
        auth_basic b;
        auth_basic_user_file $TEST_NGINX_SERVER_ROOT/html/htpasswd;
        empty_gif;
    }
--- user_files
>>> htpasswd
alice:{PLAIN}pw
--- run
my @alice = (Authorization => 'Basic YWxpY2U6cHc=');

for (
    [ '/deny', \&token, 200, 'allow ok', 1 ],
    [ '/deny', \&nobody, 401, 'deny token_inactive', 1 ],
    [ '/allow', \&nobody, 200, 'none not_evaluated', 0 ],
    [ '/basic', \&token, 200, 'allow ok', 1 ],
    [ '/basic', \&nobody, 401, 'deny token_inactive', 1 ],
    [ '/basic', \&nobody, 200, 'none not_evaluated', 1, @alice ],
) {
    my ($path, $token, $status, $verdict, $calls, @more) = @$_;
    my $client = connected();

    held();
    $client->send(asked("GET $path", 'X-Token' => $token->(), @more));
    asked_for() if $calls;
    $as->release;

    my $answer = $client->answer;
    is("$answer->{status} " . fields($answer, 'Agent'), "$status $verdict",
        "$path, $verdict");
    is(calls(), $calls, "$path - calls");
    $as->clear;
}



=== TEST 7: includes, error pages, and redirects
--- http_config
{{our $a = provider(max_ttl => '300s'); $a}}
{{our $b = provider(max_ttl => '300s'); $b}}
--- config
    root $TEST_NGINX_SERVER_ROOT/html;
    agent_audience https://api.test/a;
    agent_auth oauth={{$a =~ /r (w\d+)/; $1}};

    location = /page.html { ssi on; }
    location = /open.html { agent_auth off; ssi on; }
    location = /part { try_files /part.txt =404; }
    location = /other { agent_auth oauth={{$b =~ /r (w\d+)/; $1}};
        try_files /part.txt =404; }
    location = /more { agent_scope payroll:read; try_files /part.txt =404; }

    location = /try-part { try_files /none /part; }
    location = /try-other { try_files /none /other; }
    location = /try-more { try_files /none /more; }
    location /dir/ { index i.html; }
    location = /dir/i.html { agent_auth oauth={{$b =~ /r (w\d+)/; $1}}; }

    location = /missing { agent_auth off; error_page 404 = /part;
        try_files /none =404; }
    location = /refused { error_page 401 /sorry; empty_gif; }
    location = /sorry { agent_auth off; try_files /sorry.txt =404; }
    location = /closed { error_page 401 /part; empty_gif; }

    location = /accel { proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
--- user_files
>>> page.html
[<!--#include virtual="/part"-->][<!--#include virtual="/other"-->]
>>> open.html
[<!--#include virtual="/part"-->]
>>> part.txt
PART
>>> sorry.txt
SORRY
>>> dir/i.html
INDEX
--- run
my $pending = sub {
    my ($path, $token, $calls) = @_;
    my $client = connected();

    $as->reset;
    $as->fault(path => 'introspection', delay => 20);
    $client->send(asked("GET $path", bearer($token)));

    my $answer = $client->answer;
    is(calls(), $calls, "$path - calls");
    $as->clear;

    return $answer;
};

my $answer = $pending->('/page.html', token(), 1);
decided $answer, 'ok', 'SSI';
like($answer->{body}, qr/\[PART\n\]/, 'includes what its provider vouches for');
is(() = $answer->{body} =~ /PART/g, 1, 'and not that of another');
unlike($pending->('/open.html', token(), 0)->{body}, qr/PART/,
    'nobody waits for an open page');
decided $pending->('/page.html', nobody(), 1), 'token_inactive', 'refused';

decided $pending->('/try-part', token(), 1), 'ok', 'the same provider';
decided $pending->('/try-other', token(), 2), 'ok', 'another: asked, too';
decided $pending->('/try-other', nobody(), 1), 'token_inactive', 'refused';
decided $pending->('/try-more', token(), 1), 'scope_insufficient',
    'more scope', scope => 'payroll:read';
decided $pending->('/dir/', token(), 2), 'ok', 'index', body => qr/INDEX/;

decided $pending->('/missing', token(), 1), 'ok', 'a page for what is missing';
decided $pending->('/missing', nobody(), 1), 'token_inactive',
    'is not for everybody';
decided $pending->('/refused', nobody(), 1), 'token_inactive', 'a page',
    body => qr/SORRY/;
$answer = $pending->('/closed', nobody(), 1);
is($answer->{status}, 401, 'a page that the refused may not see');
unlike($answer->{body}, qr/PART/, 'nor do they');

my $upstream = upstream 1;

for (
    [ '/part', 'ok', 1 ],
    [ '/other', 'ok', 2 ],
    [ '/more', 'scope_insufficient', 1, scope => 'payroll:read' ],
) {
    my ($to, $reason, $calls, @option) = @$_;

    $as->reset;
    $as->fault(path => 'introspection', delay => 20);

    my ($seen, $answer) = through $upstream, 'GET /accel', bearer(token()),
        { answer => "HTTP/1.1 200 OK\r\nX-Accel-Redirect: $to\r\n"
            . "Content-Length: 0\r\nConnection: close\r\n\r\n" };

    decided $answer, $reason, "X-Accel-Redirect to $to", @option;
    is(calls(), $calls, "X-Accel-Redirect to $to - calls");
    $as->clear;
}
