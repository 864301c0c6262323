# Without this: an operator reads a wrong state, cannot find a key, or a name
# in the file takes over the terminal.

use strict;
use warnings;

use lib 't/agentctl';

use Ctl;
use Test::More;


my $day = 86400;
my $file = keyfile('keys.jsonl',
    record(id => 'ACTIVE0000000000', owner => 'team-pay',
           scopes => [ 'invoices:read', 'invoices:write' ]),
    record(id => 'GRACE00000000000', state => 'deprecated',
           grace_until => iso(7000), agent => 'other-bot'),
    record(id => 'PENDING000000000', state => 'pending',
           not_before => iso($day)),
    record(id => 'BEGUN00000000000', state => 'pending', not_before => iso(-1)),
    record(id => 'SUSPENDED0000000', state => 'suspended'),
    record(id => 'EXPIRED000000000', expires => iso(-3 * $day)),
    record(id => 'REVOKED000000000', state => 'revoked', scopes => undef),
    record(id => 'legacy', imported => \1, agent => "z\x{f6}e" . 'x' x 40,
           scopes => [ map { "scope$_" } 1 .. 40 ]),
);

my %status = (
    ACTIVE0000000000 => 'active', GRACE00000000000 => 'grace',
    PENDING000000000 => 'pending', BEGUN00000000000 => 'active',
    SUSPENDED0000000 => 'suspended', EXPIRED000000000 => 'expired',
    REVOKED000000000 => 'revoked', legacy => 'active',
);


# the table

my $run = agentctl('key', 'list', '--file', $file);
my ($head, @rows) = split /\n/, $run->{out};

is($run->{rc}, 0, 'list');
is($run->{err}, '', 'nothing on standard error');
like($head, qr/^ID +STATE +AGENT +OWNER +EXPIRES +LEFT +SCOPES$/, 'head');
is(scalar @rows, 8, 'a row a key');

for my $row (@rows) {
    my ($id, $state) = split ' ', $row;
    is($state, $status{$id}, "state of $id");
}

utf8::decode($_) for @rows;
is(scalar(grep { length > 100 } @rows), 0, '100 columns');

my $at = index $head, 'EXPIRES';
is(scalar(grep { substr($_, $at) !~ /^\d{4}-\d\d-\d\d / } @rows), 0,
   'columns are aligned');

like($rows[0], qr/ team-pay +\S+ +(89|90)d +invoices:read invo\.\.$/,
     'owner, days left, scopes');
like($rows[1], qr/ other-bot .* (115|116)m /, 'what counts is the end of grace');
like($rows[5], qr/ -3d /, 'what is past');
like($rows[7], qr/z\x{f6}ex+\.\. .* scope1 .*\.\.$/, 'what is cut shows it');


# filters

sub ids {
    my $run = agentctl('key', 'list', '--file', $file, @_);
    is($run->{rc}, 0, "list @_");

    my ($head, @rows) = split /\n/, $run->{out};
    return join ' ', map { (split)[0] } @rows;
}

for my $state (qw/ active grace pending suspended expired revoked /) {
    is(ids('--state', $state),
       join(' ', map { $_->{id} } grep { $status{$_->{id}} eq $state }
            records($file)), "only $state ones");
}

is(ids('--agent', 'other-bot'), 'GRACE00000000000', '--agent');
is(ids('--agent', 'test-bot', '--state', 'expired'), 'EXPIRED000000000',
   '--agent and --state');

$run = agentctl('key', 'list', '--file', $file, '--agent', 'test-bo');
is($run->{rc}, 0, 'no key of an agent');
is("$run->{out}$run->{err}", "No keys.\n", 'says so, on standard error');

$run = agentctl('key', 'list', '--file', keyfile('none.jsonl'));
is($run->{rc}, 0, 'a file without keys');


# JSON

my $list = decoded(agentctl('key', 'list', '--file', $file, '--json')->{out});

is(scalar @$list, 8, '--json: an array of all');

for my $record (@$list) {
    is($record->{status}, $status{$record->{id}}, "status of $record->{id}");
    ok(!exists $record->{digest}, 'no digest');
}

my %first = %{ (records($file))[0] };
delete $first{digest};
is_deeply($list->[0], { %first, status => 'active' }, 'all other members');

is_deeply(decoded(agentctl('key', 'list', '--file', $file, '--json',
                           '--agent', 'nobody')->{out}), [], 'an empty array');


# show

$run = agentctl('key', 'show', 'GRACE00000000000', '--file', $file);
is($run->{rc}, 0, 'show');
like($run->{out}, qr/^status +grace, ends in (115|116)m$/m, 'status');
like($run->{out}, qr/^$_ /m, "member $_") for keys %{ (records($file))[1] };
like($run->{out}, qr/^scopes +a:read$/m, 'scopes');

is_deeply(decoded(agentctl('key', 'show', 'legacy', '--file', $file,
                           '--json')->{out}),
          { %{ find($file, 'legacy') }, status => 'active' },
          'show --json: the record and its status');

like(agentctl('key', 'show', 'EXPIRED000000000', '--file', $file)->{out},
     qr/^status +expired, ended 3d ago$/m, 'a key that has ended');


# names and members cannot reach the terminal: U+009B begins a command to it

my $evil = keyfile('evil.jsonl',
                   record(id => 'evil', imported => \1, agent => "a\x{9b}31mb",
                          owner => "o\x{85}",
                          "x_\x{9b}1m" => "\x{9b}2J\nsecond line\e[2J",
                          x_list => [ "\e[2J" ]));

for my $command ([ 'list' ], [ 'show', 'evil' ], [ 'lint' ]) {
    my $out = agentctl('key', @$command, '--file', $evil)->{out};
    utf8::decode($out);
    unlike($out, qr/[\x00-\x09\x0b-\x1f\x7f-\x9f]/, "@$command: no control");
    unlike($out, qr/^second/m, "@$command: no line of its own");
}


# a file that nginx would refuse is shown as far as it goes

my $bad = keyfile('bad.jsonl', record(id => 'GOOD000000000000'),
                  record(state => 'dead'), record(id => 'GOOD000000000001'));

$run = agentctl('key', 'list', '--file', $bad);
is($run->{rc}, 1, 'a line at fault');
like($run->{err}, qr/bad\.jsonl:3: unknown state "dead"/, 'is named');
is(scalar(() = $run->{err} =~ /\n/g), 1, 'once');
like($run->{out}, qr/GOOD000000000000.*GOOD000000000001/s, 'others are shown');

is(scalar @{ decoded(agentctl('key', 'list', '--file', $bad, '--json')
                     ->{out}) }, 2, 'also with --json');
is(agentctl('key', 'show', 'GOOD000000000001', '--file', $bad)->{rc}, 0,
   'and by show');

$run = agentctl('key', 'show', 'GOOD000000000009', '--file', $bad);
is($run->{rc}, 1, 'a key that is not found');
like($run->{err}, qr/but 1 of its lines cannot be read/,
     'may be on a line at fault');


# what is no file

mkdir path('directory');
$run = agentctl('key', 'list', '--file', path('directory'));
is($run->{rc}, 1, 'a directory');
like($run->{err}, qr/is not a regular file/, 'says so');

POSIX::mkfifo(path('fifo'), 0600) or die;
is(agentctl('key', 'list', '--file', path('fifo'))->{rc}, 1,
   'a FIFO is not waited for');


# output that cannot be written

SKIP: {
    skip 'no /dev/full', 2 unless -w '/dev/full';

    $run = agentctl({ stdout => '/dev/full' }, 'key', 'list', '--file', $file);
    is($run->{rc}, 1, 'a full disk');
    like($run->{err}, qr/writing to standard output failed/, 'is told');
}

done_testing();
