# Without this: keys from elsewhere that nginx never finds, keys that could be
# guessed, or keys that are shown or stored (K-03, K-04).

use strict;
use warnings;

use lib 't/agentctl';

use Ctl;
use Digest::SHA qw/ sha256_hex /;
use Test::More;


my $file = path('keys.jsonl');
my $key = 'sk_live_Zk3+9=/Qm.2~vT7x';


sub import_key {
    my ($stdin, @args) = @_;

    return agentctl({ stdin => $stdin }, 'key', 'import', '--file', $file,
                    '--agent', 'legacy', '--expires', '30d', @args);
}


# by the key itself

my $run = import_key($key, '--stdin', '--json', '--scope', 'a', '--owner', 'o');
my $digest = sha256_hex($key);

is($run->{rc}, 0, 'imported from standard input');
my $shown = decoded($run->{out});
is(join(' ', sort keys %$shown), 'agent expires id', 'members of --json');
is($shown->{id}, 'imp-' . substr($digest, 0, 16),
   'the id is made from the fingerprint');
unlike($run->{out} . $run->{err}, qr/sk_live/, 'the key is not shown');

my ($record) = records($file);

is($record->{digest}, "sha256:$digest", 'digest of the whole value');
ok($record->{imported}, 'imported');
is($record->{state}, 'active', 'active');
is("@{ $record->{scopes} }", 'a', 'scopes');
unlike(slurp($file), qr/sk_live/, 'the key is not stored');

$run = import_key("$key\n", '--stdin');
is($run->{rc}, 1, 'one newline at the end is cut: the same key again');
like($run->{err}, qr/duplicate id, first on line 2/, 'is refused');

$run = import_key("$key\n", '--stdin', '--id', 'other');
is($run->{rc}, 1, 'under another id as well');
like($run->{err}, qr/duplicate digest, first on line 2/, 'says so');


# by its digest

$digest = sha256_hex('another');
$run = import_key('', '--digest', "sha256:$digest", '--id', 'a.b-c_d');
is($run->{rc}, 0, 'imported by its digest');
like($run->{out}, qr/^Imported as a\.b-c_d, for "legacy"/, 'says so');
is(find($file, 'a.b-c_d')->{digest}, "sha256:$digest", 'digest');

is(import_key('', '--digest', 'sha256:' . sha256_hex('third'))->{rc}, 0,
   'without an id');
is((records($file))[2]{id}, 'imp-' . substr(sha256_hex('third'), 0, 16),
   'it is made as well');


# what is wrong on the command line

for my $case (
    [ 'neither digest nor stdin', qr/needs --digest .* or --stdin, one/ ],
    [ 'both', qr/needs --digest .* or --stdin, one/,
      '--stdin', '--digest', "sha256:$digest" ],
    [ 'a pepper', qr/"--pepper-file" does not go with "key import"/,
      '--stdin', '--pepper-file', 'x' ],
    [ 'an HMAC', qr/--digest must be "sha256:"/,
      '--digest', "hmac-sha256:p1:$digest" ],
    [ 'no kind', qr/--digest must be "sha256:"/, '--digest', $digest ],
    [ 'upper case', qr/"digest" must be/, '--digest', 'sha256:' . uc $digest ],
    [ 'too short', qr/"digest" must be/,
      '--digest', 'sha256:' . substr $digest, 1 ],
    [ 'too long', qr/"digest" must be/, '--digest', "sha256:${digest}0" ],
    [ 'far too long', qr/--digest must be/,
      '--digest', 'sha256:' . '0' x 5000 ],
    [ 'bad id', qr/"id" of an imported key must be/,
      '--digest', "sha256:$digest", '--id', 'a b' ],
    [ 'long id', qr/"id" of an imported key must be/,
      '--digest', "sha256:$digest", '--id', 'i' x 65 ],
)
{
    my ($name, $error, @args) = @$case;

    $run = import_key($key, @args);
    is($run->{rc}, 2, "$name: exit status");
    like($run->{err}, $error, "$name: error");
}


# what is wrong with the key

my $issued = 'agk_' . 'i' x 16 . '_' . 'PLANTED' x 6 . 'P';
$issued .= base62(crc32($issued), 6);
ok(issued($issued), 'a key of the issued form');

my @random = map { sha256_hex("random $_") } 1 .. 500;

for my $case (
    [ 'empty', '', qr/16 to 4096 octets/ ],
    [ 'a newline only', "\n", qr/16 to 4096 octets/ ],
    [ '15 octets', 'PLANTED8Kd72mQz', qr/16 to 4096 octets/ ],
    [ '4097 octets', 'PLANTED' . join('', @random[0 .. 63]) =~ s/^.{6}//r,
      qr/16 to 4096 octets/ ],
    [ 'a megabyte', 'PLANTED' . join('', @random) x 33, qr/16 to 4096/ ],
    [ 'a space', 'PLANTED8Kd72 mQzuu4', qr/octet 13 of the key is no print/ ],
    [ 'two newlines', "PLANTED8Kd72mQzuu4\n\n", qr/octet 19 of the key/ ],
    [ 'CR', "PLANTED8Kd72mQzuu4\r\n", qr/octet 19 of the key/ ],
    [ 'NUL', "PLANTED8Kd72\0mQzuu4", qr/octet 13 of the key/ ],
    [ 'over 0x7e', "PLANTED8Kd72mQzuu4\x7f", qr/octet 19 of the key/ ],
    [ 'UTF-8', "PLANTED8Kd72mQzuu4\xc3\xa9", qr/octet 19 of the key/ ],
    [ 'issued', $issued, qr/looks such a key up by the id/ ],
    [ 'issued, mistyped', substr($issued, 0, -1) . '0', qr/by the id/ ],
    [ 'one letter', 'P' x 32, qr/too regular/ ],
    [ 'a sequence', '1234567890123456', qr/too regular/ ],
    [ 'the alphabet', 'abcdefghijklmnopqrstuvwxyz', qr/too regular/ ],
    [ 'a word twice', 'PLANTEDpPLANTEDp', qr/too regular/ ],
    [ 'a word with digits', 'password12345678', qr/too regular/ ],
    [ 'a word thrice and a tail', 'changemechangemechangeme1', qr/regular/ ],
    [ 'few letters', 'PLANPLLANAPPNLAPNALPPANL', qr/too regular/ ],
)
{
    my ($name, $value, $error) = @$case;
    my $before = slurp($file);

    $run = import_key($value, '--stdin', '--json');
    is($run->{rc}, 1, "$name: exit status");
    like($run->{err}, $error, "$name: error");
    unlike($run->{err}, qr/PLANTED/, "$name: the key is not repeated");
    is(slurp($file), $before, "$name: the file is as it was");
}


# what is right with it

for my $case ([ '16 hex digits', substr sha256_hex('k'), 0, 16 ],
              [ 'a UUID', '550e8400-e29b-41d4-a716-446655440000' ],
              [ 'all kinds', q(~!}"|#{$`%_&^'](\\)[*@+?,>-=.</;:) ],
              [ '4096 octets', join '', @random[0 .. 63] ])
{
    $run = import_key("$case->[1]\n", '--stdin');
    is($run->{rc}, 0, $case->[0]) or diag($run->{err});
    is((records($file))[-1]{digest}, 'sha256:' . sha256_hex($case->[1]),
       'digest');
}

my $refused = 0;

for my $random (@random[100 .. 299]) {
    unlink path('one.jsonl');
    $refused++ if agentctl({ stdin => substr($random, 0, 16) }, 'key',
                           'import', '--file', path('one.jsonl'), '--stdin',
                           '--agent', 'a', '--expires', '1d')->{rc};
}

is($refused, 0, 'no random key is taken for a regular one');

is(agentctl('key', 'lint', '--file', $file)->{rc}, 0, 'the file is right');


# on a terminal the key is not echoed

SKIP: {
    my $script = (grep { -x } map { "$_/script" } split /:/, $ENV{PATH})[0];
    skip 'no script(1) for a terminal', 3 unless $script;
    skip 'no terminals here, as /dev/pts is not mounted', 3
        if system 'script -qec true /dev/null > /dev/null 2>&1';

    my $typed = path('typed');
    my $seen = path('seen');
    my $command = join ' ', binary(), qw/ key import --agent a --stdin /,
                            '--expires 1d --id tty --file', $file;

    spew($typed, "TypedSecret8Kd72mQzuu4\n");

    # typed only once the program has asked for it: echo is off then

    open my $terminal, '|-', 'script', '-qefc', $command, $seen
        or die "script: $!";
    $terminal->autoflush(1);

    my $deadline = time + 60;
    select undef, undef, undef, 0.01
        until (-s $seen && slurp($seen) =~ /not shown: /) || time > $deadline;

    print $terminal slurp($typed);
    close $terminal;

    is($?, 0, 'imported from a terminal');
    unlike(slurp($seen), qr/TypedSecret/, 'what was typed was not echoed');
    is(find($file, 'tty')->{digest},
       'sha256:' . sha256_hex('TypedSecret8Kd72mQzuu4'), 'but was read');
}

done_testing();
