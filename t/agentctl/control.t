# Without this: a token could stand on a command line, in an error or in what
# is sent; a credential could go over a network in the clear; an answer that is
# none, or hostile, could be taken for a good one or steer a terminal.

use strict;
use warnings;

use lib 't/agentctl';

use Ctl;
use Digest::SHA qw/ sha256_hex /;
use IO::Socket::UNIX;
use Test::More;


my $socket = path('gate.sock');
my $at = "unix:$socket:/control";


# A server that answers one request: { run => what agentctl did, seen => the
# request }.

sub served {
    my ($answer, @args) = @_;

    my %option = ref $args[0] ? %{ shift @args } : ();

    unlink $socket;

    my $listener = IO::Socket::UNIX->new(Local => $socket, Listen => 1)
        or die "$socket: $!";

    pipe my $seen, my $tell or die;

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        my $peer = $listener->accept;
        my $request = '';

        while (sysread $peer, $request, 65536, length $request) {
            my ($head, $body) = split /\r\n\r\n/, $request, 2;
            last if defined $body
                && length $body >= ($head =~ /^Content-Length: (\d+)/m)[0];
        }

        syswrite $tell, $request;
        local $SIG{PIPE} = 'IGNORE';
        syswrite $peer, $answer, 4096, $_ * 4096
            for 0 .. int(length($answer) / 4096);
        POSIX::_exit(0);
    }

    close $tell;
    close $listener;

    my $run = agentctl(\%option, @args, '--control', $at);

    waitpid $pid, 0;

    return { run => $run, seen => do { local $/; <$seen> } };
}


sub answer {
    my ($status, $body, $type) = @_;

    return "HTTP/1.1 $status Some\r\nContent-Type: "
        . ($type // 'application/json') . "\r\nContent-Length: "
        . length($body) . "\r\n\r\n$body";
}


my $ids = answer(201, '{"ids":["abc-1"]}');


# what is sent

my $secret = 'planted.secret-token';
my $digest = sha256_hex($secret);

my $did = served($ids, { stdin => "$secret\n" }, 'revoke', 'token', '-');
is($did->{run}{rc}, 0, 'a token on standard input');
is($did->{run}{out}, "Revoked, with id abc-1.\n", 'what is said');
like($did->{seen}, qr{^POST /control/revocations HTTP/1\.1\r\n}, 'the call');
like($did->{seen}, qr/^Content-Type: application\/json\r$/m, 'its type');
is((split /\r\n\r\n/, $did->{seen})[1],
   qq({"kind":"token","value":"$digest"}), 'its body');
unlike($did->{seen}, qr/planted/, 'which has no token');

$did = served($ids, 'revoke', 'token', $digest, '--json');
is($did->{run}{out}, '{"ids":["abc-1"]}', '--json');

$did = served($ids, 'revoke', 'subject', 'alice "x"', '--issuer', 'https://a',
              '--before', '2026-01-01T00:00:00Z', '--expires',
              '2030-01-01T00:00:00Z', '--cause', 'left');
is((split /\r\n\r\n/, $did->{seen})[1],
   '{"kind":"subject","value":"alice \"x\"","issuer":"https://a",'
   . '"cause":"left","before":"2026-01-01T00:00:00Z",'
   . '"expires":"2030-01-01T00:00:00Z"}', 'all that there is');

$did = served(answer(204, ''), 'revoke', 'undo', 'a/b ?');
like($did->{seen}, qr{^DELETE /control/revocations/a%2Fb%20%3F HTTP}, 'undo');
is($did->{run}{out}, "Taken back.\n", 'is said');

$did = served(answer(204, ''), { stdin => $secret }, 'control', 'flush',
              '--stdin');
is((split /\r\n\r\n/, $did->{seen})[1], qq({"token_sha256":"$digest"}),
   'flush of a token');

$did = served(answer(204, ''), 'control', 'flush', '--all');
is((split /\r\n\r\n/, $did->{seen})[1], '{"all":true}', 'flush of all');
is($did->{run}{out}, "Flushed.\n", 'is said');

$did = served(answer(200, '{"usable":false,"reason":"key_suspended"}'),
              'control', 'suspend', '3hVfQ0wZ8LrT2nYc', '--zone', 'a b');
like($did->{seen}, qr{^POST /control/keys/a%20b/3hVfQ0wZ8LrT2nYc/suspend },
     'suspend');
is($did->{run}{out}, "Key 3hVfQ0wZ8LrT2nYc is suspended now.\n", 'is said');

$did = served(answer(200, '{"usable":true}'), 'control', 'resume',
              '3hVfQ0wZ8LrT2nYc', '--zone', 'z');
is($did->{run}{out}, "Key 3hVfQ0wZ8LrT2nYc is resumed now.\n", 'resume');

$did = served(answer(200, '{"revocations":[{"at":"2026-01-01T00:00:00Z",'
                          . '"op":"revoke","kind":"jti","value":"\u001b[2Jx",'
                          . '"id":"i-1"}]}'), 'revoke', 'list');
like($did->{seen}, qr{^GET /control/revocations\?limit=1000 HTTP}, 'list');
like($did->{run}{out}, qr/^2026-01-01T00:00:00Z +revoke +jti +.*x +i-1 $/,
     'is shown');
unlike($did->{run}{out}, qr/\e/, 'and steers no terminal');

$did = served(answer(200, '{"keys":[{"zone":"k","keys":2}],"a":{"b":true}}'),
              'control', 'zones');
is($did->{run}{out}, "keys:\n  -\n    zone: k\n    keys: 2\na:\n  b: true\n",
   'zones for people');


# credentials

spew(path('token'), "$secret\n");
$did = served(answer(204, ''), 'control', 'flush', '--all', '--token-file',
              path('token'));
like($did->{seen}, qr/^Authorization: Bearer \Q$secret\E\r$/m,
     'the token is shown to the API');

for ([ 'two lines', "a\nb\n" ], [ 'a space', 'a b' ], [ 'nothing', '' ],
     [ 'a control character', "a\x01" ], [ 'CR', "a\r\nX: y" ])
{
    spew(path('bad'), $_->[1]);
    my $run = agentctl('control', 'flush', '--all', '--token-file',
                       path('bad'), '--control', $at);
    is("$run->{rc} $run->{out}", '1 ', "a token file with $_->[0]");
    like($run->{err}, qr/is no token or key/, 'is refused');
}

my $run = agentctl('control', 'zones', '--control', 'http://192.0.2.1/control',
                   '--token-file', path('token'));
is($run->{rc}, 2, 'no credential over a network in the clear');
like($run->{err}, qr/use https:/, 'says so');


# usage

for my $url ('', 'gate.sock', 'unix:', 'unix:/x:control', 'ftp://localhost/',
             'http:///x', 'http://localhost:/x', 'http://localhost:http/',
             'http://localhost/?x', 'http://u@localhost/', 'http://[::1/x',
             'http://localhost:123456/', "http://localhost/a b")
{
    my @control = length $url ? ('--control', $url) : ();

    is(agentctl('control', 'zones', @control)->{rc}, 2, "at \"$url\"");
}

for ([ 'token', $secret ], [ 'token', 'A' x 64 ], [ 'token', 'a' x 63 ]) {
    $run = agentctl('revoke', @$_, '--control', $at);
    is($run->{rc}, 2, 'no digest of a token');
    like($run->{err}, qr/standard input, with -/, 'says how');
    unlike($run->{err}, qr/planted|aaa|AAA/, 'and does not repeat it');
}

is(agentctl('revoke', 'subject', 'x', '--control', $at)->{rc}, 2,
   'no issuer');
is(agentctl('revoke', 'subject', '--issuer', 'x', '--control', $at)->{rc}, 2,
   'no subject');
is(agentctl('control', 'flush', '--control', $at)->{rc}, 2, 'nothing to flush');
is(agentctl('control', 'flush', '--all', '--subject', 'x', '--control',
            $at)->{rc}, 2, 'two things to flush');
is(agentctl('control', 'suspend', '3hVfQ0wZ8LrT2nYc', '--control', $at)->{rc},
   2, 'no zone');

my $key = decoded(agentctl('key', 'issue', '--file', path('k.jsonl'), '--agent',
                           'a', '--expires', '1d', '--json')->{out})->{key};
$run = agentctl('revoke', 'key', $key, '--control', $at);
is($run->{rc}, 2, 'a whole key');
is(index($run->{err}, $key), -1, 'which is not repeated');

is(agentctl({ stdin => '' }, 'revoke', 'token', '-', '--control', $at)->{rc},
   1, 'no token on standard input');
is(agentctl({ stdin => 'x' x 65537 }, 'revoke', 'token', '-', '--control',
            $at)->{rc}, 1, 'too long a token');


# what may come back

unlink $socket;
$run = agentctl('control', 'zones', '--control', $at);
is($run->{rc}, 1, 'nobody there');
like($run->{err}, qr/no connection to/, 'says so');

$did = served(answer(409, '{"detail":"a \u001b[31mreason"}',
                     'application/problem+json'), 'control', 'zones');
is($did->{run}{rc}, 1, 'refused');
like($did->{run}{err}, qr/refused with status 409: a .*reason/, 'why');
unlike($did->{run}{err}, qr/\e/, 'without the colour');

for ([ 'nothing', '' ], [ 'garbage', "hello\r\n\r\n" ],
     [ 'half an answer', substr answer(200, '{"keys":[]}'), 0, -3 ],
     [ 'no JSON', answer(200, 'x') ], [ 'an array', answer(200, '[]') ],
     [ 'too much', answer(200, ' ' x (1024 * 1024 + 1)) ],
     [ 'too long a head', "HTTP/1.1 200 OK\r\nX: " . 'x' x 20000 ],
     [ 'an error', answer(500, '<html>') ])
{
    $did = served($_->[1], 'control', 'zones');
    is("$did->{run}{rc} $did->{run}{out}", '1 ', "the answer is $_->[0]");
    isnt($did->{run}{err}, '', 'which is said');
}

done_testing();
