# Without this: a script cannot tell a wrong command line (2) from a refusal
# (1), help shows commands that do not work, and the manual page and help
# drift apart.

use strict;
use warnings;

use lib 't/agentctl';

use Ctl;
use Test::More;


my @commands = (
    (map { [ revocation => $_ ] }
        qw/ revoke unrevoke suspend resume list /),
    (map { [ envelope => $_ ] } qw/ seal rewrap open info /),
    (map { [ key => $_ ] }
        qw/ issue rotate revoke suspend resume list show lint import /),
);

# those that speak to a gate: their examples need one

my @gate = (
    (map { [ revoke => $_ ] }
        qw/ token jti subject client agent issuer kid key undo list /),
    (map { [ control => $_ ] } qw/ providers zones flush key suspend resume /),
);


sub usage {
    my ($name, $error, @args) = @_;

    my $run = agentctl(@args);

    is($run->{rc}, 2, "$name: exit status");
    like($run->{err}, $error, "$name: error");
    is($run->{out}, '', "$name: nothing on standard output");
}


# help

for my $args ([ '--help' ], [ 'key', '--help' ], [ 'envelope', '--help' ],
              [ 'revocation', '--help' ], [ 'revoke', '--help' ],
              [ 'control', '--help' ],
              map { [ @$_, '--help' ] } @commands, @gate)
{
    my $run = agentctl(@$args);

    is($run->{rc}, 0, "@$args");
    is($run->{err}, '', "@$args: nothing on standard error");
    like($run->{out}, qr/^Usage: agentctl/, "@$args: usage first");
    like($run->{out}, qr/\nExample:\n(  .+\n)+\z/, "@$args: example last");
    unlike($run->{out}, qr/^.{81}/m, "@$args: 80 columns");
}

for my $one (@commands, @gate) {
    my ($group, $command) = @$one;

    like(agentctl('--help')->{out}, qr/^  $group $command /m,
         "--help names $command");
    like(agentctl($group, '--help')->{out}, qr/^  $command /m,
         "$group --help names $command");
}

like(agentctl('--version')->{out}, qr/^agentctl \d+\.\d+\.\d+ /, '--version');

is(agentctl('key', 'issue', '--json', '--help')->{rc}, 0,
   'help needs nothing that the command needs');


# every example is carried out, as a shell does it

my $old = '3hVfQ0wZ8LrT2nYc';
my $pending = '7sKdPm4XbE9uJ1Ga';

spew(path('keks'), 'k1 ' . 'A' x 43 . "=\n");

for my $args ([ '--help' ], [ 'key', '--help' ], [ 'envelope', '--help' ],
              map { [ @$_, '--help' ] }
                  grep { $_->[0] ne 'revocation' } @commands)
{
    my ($example) = agentctl(@$args)->{out} =~ /\nExample:\n(.+)\z/s;

    keyfile('keys.jsonl', record(id => $old),
            record(id => $pending, state => 'pending'));

    my $bin = dir() . '/bin';
    mkdir $bin;
    symlink binary(), "$bin/agentctl";

    local $ENV{PATH} = "$bin:$ENV{PATH}";
    local $ENV{LEGACY_KEY} = 'hj2K9sLm4QwE8rTy7UiP';

    spew(path('example'), $example);

    my $out = dir() . '/out';
    my $rc = system "cd " . dir() . " && sh -e ./example >out 2>&1";

    is($rc, 0, "example of @$args") or diag(slurp($out));
    isnt(slurp($out), '', "example of @$args prints");
}

is((records(path('keys.jsonl')))[2]{agent}, 'legacy-bot',
   'the example of import, the last one, changed the file');


# the manual page

my $page = slurp('docs/agentctl.1');
my (%help, %manual);

for my $command (@commands, @gate) {
    my $help = agentctl(@$command, '--help')->{out};

    $help{$1} = 1 while $help =~ /^  --([a-z-]+)/mg;

    like($page, qr/^\.It Cm @$command\b/m, "the manual page has @$command");
}

{
    for my $command ('migration report', 'audit verify') {
        my $help = agentctl(split(' ', $command), '--help')->{out};

        $help{$1} = 1 while $help =~ /^  --([a-z-]+)/mg;
        like($page, qr/^\.It Cm $command\b/m, 'the manual page has it');
    }
}

$manual{$1} = 1 while $page =~ /^\.It Fl -([a-z-]+)/mg;
$help{version} = 1;

is(join(' ', sort keys %manual), join(' ', sort keys %help),
   'help and the manual page name the same options');

my %used;
$used{$1} = 1 while $page =~ /(?:Fl -|--)([a-z][a-z-]+)/g;
delete @used{qw/ option /};
is(join(' ', grep { !$help{$_} } sort keys %used), '',
   'no other option is mentioned in the manual page');

SKIP: {
    my ($groff) = grep { -x } map { "$_/groff" } split /:/, $ENV{PATH};
    skip 'no groff', 1 unless $groff;

    is(`groff -mdoc -ww -b -Tutf8 docs/agentctl.1 2>&1 >/dev/null`, '',
       'the manual page has no warnings');
}


# what is wrong whatever the file holds

my $file = keyfile('usage.jsonl', record(id => $old));
my $before = slurp($file);
my @issue = ('key', 'issue', '--file', $file, '--agent', 'a');

usage('no arguments', qr/^Usage: agentctl/);
usage('no command', qr/^Usage: agentctl key/, 'key');
usage('unknown group', qr/no "kex" commands, see "agentctl --help"/, 'kex');
usage('unknown command', qr/unknown command "isue", see "agentctl key --help"/,
      'key', 'isue');
usage('option before group', qr/options come after/, '--json', 'key', 'list');
usage('option before command', qr/options come after/, 'key', '--json', 'list');
usage('unknown option', qr/unknown option "--foo", see "agentctl key list/,
      'key', 'list', '--foo=planted-secret');
unlike(agentctl('key', 'list', '--foo=planted-secret')->{err}, qr/planted/,
       'the value of an unknown option is not repeated');
usage('single dash', qr/unknown option "-f"/, 'key', 'list', '-f');
usage('abbreviated option', qr/unknown option "--fil"/, 'key', 'list', '--fil');
usage('option of another command', qr/"--overlap" does not go with "key list"/,
      'key', 'list', '--overlap', '1h');
usage('no file', qr/give --file FILE or set AGENT_KEY_FILE/, 'key', 'list');
usage('no value', qr/"--file" needs a value/, 'key', 'list', '--file');
usage('option as value', qr/"--agent" needs a value/,
      'key', 'issue', '--agent', '--owner', 'x');
usage('empty value', qr/"--agent" needs a value/, @issue[0 .. 3], '--agent=');
usage('flag with value', qr/"--json" takes no value/,
      'key', 'list', '--json=yes');
usage('given twice', qr/"--agent" is given twice/, @issue, '--agent', 'b');
usage('no id', qr/"key show" needs the ID/, 'key', 'show', '--file', $file);
usage('two ids', qr/takes one ID/, 'key', 'show', '--file', $file, $old, $old);
usage('an argument too many', qr/takes options only/,
      'key', 'list', '--file', $file, 'x');
usage('no id at all', qr/not the id of a key/,
      'key', 'show', '--file', $file, 'a/b');
usage('no agent', qr/needs --agent NAME/,
      'key', 'issue', '--file', $file, '--expires', '1d');
usage('no expiry', qr/needs --expires TIME/, @issue);
usage('bad time', qr/--expires "soon" is neither a date .* nor a duration/,
      @issue, '--expires', 'soon');
usage('date without time', qr/neither a date/,
      @issue, '--expires', '2099-01-01');
usage('no such date', qr/neither a date/,
      @issue, '--expires', '2099-02-30T00:00:00Z');
usage('past', qr/is not in the future/,
      @issue, '--expires', '2020-01-01T00:00:00Z');
usage('now', qr/is not in the future/, @issue, '--expires', '0');
usage('past year 9999', qr/neither a date/, @issue, '--expires', '9000y');
usage('begin after end', qr/--not-before "2d" is not before --expires "1d"/,
      @issue, '--expires', '1d', '--not-before', '2d');
usage('bad duration', qr/--overlap "1x" is no duration/,
      'key', 'rotate', '--file', $file, $old, '--overlap', '1x');
usage('date for a duration', qr/is no duration/,
      'key', 'lint', '--file', $file, '--within', '2099-01-01T00:00:00Z');
usage('bad network', qr/bad network "10\.0\.0\.1\/8", expected/,
      @issue, '--expires', '1d', '--network', '10.0.0.1/8');
usage('bad scope', qr/"scopes" must hold strings/,
      @issue, '--expires', '1d', '--scope', 'a b');
usage('bad prefix', qr/prefix of a key must be 2 to 8 of a-z 0-9/,
      @issue, '--expires', '1d', '--prefix', 'A_');
usage('bad prefix of rotate', qr/prefix of a key must be/,
      'key', 'rotate', '--file', $file, $old, '--prefix', 'x');
usage('past expiry of rotate', qr/is not in the future/,
      'key', 'rotate', '--file', $file, $old, '--expires', '0s');
usage('not UTF-8', qr/value of --agent is not UTF-8/,
      'key', 'issue', '--file', $file, '--agent', "a\xff", '--expires', '1d');
usage('control character', qr/control character in "agent"/,
      'key', 'issue', '--file', $file, '--agent', "a\nb", '--expires', '1d');
usage('long note', qr/"note" is longer than 255 octets/,
      @issue, '--expires', '1d', '--note', 'n' x 256);
usage('bad state', qr/--state must be active, grace/,
      'key', 'list', '--file', $file, '--state', 'dead');

is(slurp($file), $before, 'nothing of this changed the file');


# a whole key in the place of an id: its secret is not repeated

my $whole = "agk_${old}_" . 'S' x 43;
$whole .= base62(crc32($whole), 6);

for my $key ($whole, substr($whole, 0, -1) . '-') {
    my $run = agentctl('key', 'revoke', '--file', $file, $key);

    is($run->{rc}, 2, 'a key is no id');
    unlike($run->{err}, qr/SSSS/, 'and not repeated');
}

like(agentctl('key', 'show', '--file', $file, $whole)->{err},
     qr/whole key, whose id is $old/, 'but its id is');


# the environment, both ways to write an option, ids that begin with a dash

is(agentctl({ env => { AGENT_KEY_FILE => $file } }, 'key', 'list')->{rc}, 0,
   'AGENT_KEY_FILE');
is(agentctl({ env => { AGENT_KEY_FILE => '/nonexistent' } },
            'key', 'list', "--file=$file")->{rc}, 0,
   '--file= goes before AGENT_KEY_FILE');

my $dashed = keyfile('dashed.jsonl', record(id => '-x', imported => \1));

is(agentctl('key', 'show', '--file', $dashed, '--', '-x')->{rc}, 0,
   'what follows -- is no option');


# no such file

for my $command (qw/ list lint /) {
    my $run = agentctl('key', $command, '--file', path('none'));

    is($run->{rc}, 1, "$command without a file");
    like($run->{err}, qr/there is no key file ".*none"/, "$command says so");
}

for my $command (qw/ show revoke suspend resume rotate /) {
    my $run = agentctl('key', $command, $old, '--file', path('none'));

    is($run->{rc}, 1, "$command without a file");
    like($run->{err}, qr/there is no key file ".*none"/, "$command says so");

    $run = agentctl('key', $command, 'X' x 16, '--file', $file);

    is($run->{rc}, 1, "$command of an unknown id");
    like($run->{err}, qr/there is no key with this id/, "$command says so");
}

done_testing();
