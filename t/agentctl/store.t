# Without this: two operators at once lose a key, a full disk or a kill leaves
# half a file, an edit takes the file from nginx's group, or loses what other
# tools wrote into it.

use strict;
use warnings;

use lib 't/agentctl';

use Ctl;
use Digest::SHA qw/ sha256_hex /;
use Fcntl qw/ :flock :mode /;
use POSIX qw/ :sys_wait_h /;
use Test::More;
use Time::HiRes ();


my $id = 'TESTstoreTESTsto';
my $file = path('keys.jsonl');
my @quiet = ('--file', $file, '--json');


sub issue { agentctl(@_, 'key', 'issue', @quiet, qw/ --agent a --expires 9d /) }

sub lints_clean { agentctl('key', 'lint', '--file', $file)->{rc} == 0 }

# agentctl with these arguments, stopped when it has read some of the file: its
# pid, or nothing where it was too quick

sub stopped_while_reading {
    my (@arguments) = @_;

    my $pid = fork // die;
    if ($pid == 0) {
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', path('err');
        exec binary(), @arguments;
    }

    # it has not read anything when it is first seen to have the file open

    until (amid_file($pid)) {
        return if waitpid($pid, WNOHANG) == $pid;
        select undef, undef, undef, 0.001;
    }

    kill 'STOP', $pid;
    waitpid $pid, WUNTRACED;
    return unless WIFSTOPPED(${^CHILD_ERROR_NATIVE});
    return $pid if amid_file($pid);

    kill 'CONT', $pid;
    waitpid $pid, 0;
    return;
}


# whether a process has read some of the file, and not all

sub amid_file {
    my ($pid) = @_;

    my ($fd) = grep { (readlink($_) // '') eq $file } glob "/proc/$pid/fd/*";

    open my $info, '<', ($fd // return 0) =~ s{/fd/}{/fdinfo/}r or return 0;
    my ($position) = join('', <$info>) =~ /^pos:\s*(\d+)/ or return 0;

    return $position > 0 && $position < -s $file;
}


sub which { (grep { -x } map { "$_/$_[0]" } split(/:/, $ENV{PATH}), '/sbin')[0] }


# other lines keep their octets, the changed one its other members

my $odd = ' { "x_b" : 1.50 ,"id":"TESTodd000000000", "digest": "sha256:'
          . sha256_hex('odd') . '",' . "\t" . '"agent":"\u00e9\/" ,"x_a":[ ],'
          . '"state":"active","expires":"2099-01-01t00:00:00+01:00"  } ' . "\n";
my $mine = record(id => $id, x_z => { a => [ 1, undef, "\x{e9}" ] }, x_y => '');
my $crlf = record() =~ s/\n/\r\n/r;

spew($file, qq({ "keys": 3 , "version":1,"x_made":"by hand" }\n$odd$mine$crlf));

is(agentctl('key', 'suspend', $id, @quiet)->{rc}, 0, 'suspended');

my @lines = split /(?<=\n)/, slurp($file);
is($lines[0], qq({ "keys": 3 , "version":1,"x_made":"by hand" }\n),
   'the first line stays where the count does');
is($lines[1], $odd, 'an odd line stays');
is($lines[3], $crlf, 'one with CR, too');
is_deeply(decoded($lines[2]), { %{ decoded($mine) }, state => 'suspended' },
          'in the changed line only the state differs');

is(issue()->{rc}, 0, 'issued');

@lines = split /(?<=\n)/, slurp($file);
is_deeply(decoded($lines[0]),
          { version => 1, keys => 4, x_made => 'by hand' },
          'the count is right, other members of the first line stay');
is($lines[1], $odd, 'the odd line stays');
is(scalar @lines, 5, 'one line more');

spew($file, record(id => $id));
is(issue()->{rc}, 0, 'a file without a first line');
is(scalar(() = slurp($file) =~ /\n/g), 2, 'gets none');
is(agentctl('key', 'rotate', $id, @quiet)->{rc}, 0, 'rotated');
ok(lints_clean(), 'the file is right');


# no trace of the key anywhere beside standard output

{
    my $trace = path('trace');
    my $strace = which('strace');

    keyfile('keys.jsonl', record(id => $id));

    for my $command ([ 'issue', '--agent', 'a', '--expires', '9d' ],
                     [ 'rotate', $id ])
    {
        my @trace = $strace ? ($strace, '-f', '-s', '9999', '-o', $trace) : ();
        my $out = qx(@trace @{[ binary() ]} key @$command --file $file 2>&1);
        my ($key) = $out =~ /^(agk_\w+)$/m;
        my (undef, undef, $secret) = issued($key);

        ok($secret, "$command->[0]: printed");
        is(scalar(() = $out =~ /$secret/g), 1, 'once');

        for my $name (split ' ', left_behind('trace')) {
            unlike(slurp(path($name)), qr/\Q$secret/, "not in $name");
        }

        SKIP: {
            skip 'no strace here', 1 unless $strace && -s $trace;

            my @calls = grep { /\Q$secret/ } split /\n/, slurp($trace);
            is(scalar(grep { !/ write\(1, / } @calls), 0,
               'no system call but the one that prints it sees it')
                or diag(@calls);
        }

        unlink $trace;
    }
}

is(left_behind(), 'keys.jsonl', 'neither lock nor copy is left behind');


# owner, group, mode, access list

for my $mode (0600, 0640, 0644, 0660, 0440, 02640) {
    keyfile('keys.jsonl', record(id => $id));
    chmod $mode, $file;
    issue();
    is(sprintf('%o', (stat $file)[2] & 07777), sprintf('%o', $mode),
       sprintf 'mode %o stays', $mode);
    unlink $file;
}

SKIP: {
    skip 'not root', 6 unless $> == 0;

    keyfile('keys.jsonl', record(id => $id));
    chown 12345, 12346, $file;
    chmod 0640, $file;
    is(issue()->{rc}, 0, 'root edits a file of somebody else');
    is(join(':', (stat $file)[4, 5]), '12345:12346', 'owner and group stay');

    # the owner may write the directory, and may not give the file away

    chown 0, 12346, $file;
    chown 12347, 12347, dir();

    my $before = slurp($file);
    chmod 0644, $file;

    my $run = issue({ before => sub {
        $) = '12347 12347';
        POSIX::setgid(12347);
        POSIX::setuid(12347);
    } });
    chown 0, 0, dir();

    is($run->{rc}, 1, 'whoever cannot keep the owner changes nothing');
    like($run->{err}, qr/cannot keep owner, group and mode/, 'and is told');
    is(slurp($file), $before, 'the file is as it was');
    is(left_behind(), 'keys.jsonl', 'and nothing is left behind');
    unlink $file;
}

SKIP: {
    my ($setfacl, $getfacl) = (which('setfacl'), which('getfacl'));
    skip 'no setfacl', 2 unless $setfacl && $getfacl;

    keyfile('keys.jsonl', record(id => $id));
    chmod 0640, $file;
    skip 'no access lists here', 2
        if system("$setfacl -m u:12345:r $file 2>/dev/null") != 0;

    my $before = qx($getfacl -cp $file);
    is(issue()->{rc}, 0, 'a file with an access list');
    is(qx($getfacl -cp $file), $before, 'keeps it');
}


# symbolic links

{
    mkdir path('real');
    unlink $file;
    rename keyfile('k', record(id => $id)), path('real/keys.jsonl') or die;
    symlink 'real/keys.jsonl', $file or die;

    is(issue()->{rc}, 0, 'through a symbolic link');
    ok(-l $file, 'which stays');
    is(scalar(() = records(path('real/keys.jsonl'))), 2,
       'the file it leads to is changed');

    opendir my $d, path('real');
    is(join(' ', grep { !/^\./ } readdir $d), 'keys.jsonl',
       'nothing is left behind there');

    unlink path('real/keys.jsonl');
    my $run = issue();
    is($run->{rc}, 1, 'a link that leads nowhere');
    like($run->{err}, qr/cannot follow "\Q$file\E"/, 'says so');
    unlink $file;
    rmdir path('real');
}


# what cannot be edited

{
    spew($file, record() . record(state => 'dead'));
    my $before = slurp($file);

    for my $command ([ 'issue', '--agent', 'a', '--expires', '9d' ],
                     [ 'revoke', $id ], [ 'rotate', $id ],
                     [ 'import', '--agent', 'a', '--expires', '9d', '--digest',
                       'sha256:' . sha256_hex('i') ])
    {
        my $run = agentctl('key', @$command, @quiet);
        is($run->{rc}, 1, "$command->[0]: a file that is at fault");
        like($run->{err}, qr/keys\.jsonl:2: unknown state "dead"/, 'is named');
        like($run->{err}, qr/nothing was changed; "agentctl key lint/,
             'with what to do');
        is(slurp($file), $before, 'and is as it was');
    }

    spew($file, '');
    my $run = issue();
    is($run->{rc}, 1, 'an empty file may be a lost one');
    like($run->{err}, qr/keys\.jsonl:1: empty file/, 'says so');

    spew($file, record() . '{"id":');
    like(issue()->{err}, qr/keys\.jsonl:2: last line does not end in LF/,
         'half a line');

    unlink $file;
    mkdir $file;
    like(issue()->{err}, qr/is not a regular file/, 'a directory');
    rmdir $file;

    $run = agentctl('key', 'issue', '--agent', 'a', '--expires', '9d',
                    '--file', path('no/keys.jsonl'));
    is($run->{rc}, 1, 'no directory');
    like($run->{err}, qr/cannot find the directory of/, 'says so');

    # a record at its greatest cannot grow over the longest line

    my $long = record(id => $id, x_long => 'l' x 65000);
    $long = record(id => $id, x_long => 'l' x (65000 + 65536 - length $long));
    keyfile('keys.jsonl', $long);
    ok(lints_clean(), 'the longest line');
    $before = slurp($file);
    $run = agentctl('key', 'rotate', $id, @quiet);
    is($run->{rc}, 1, 'would be too long');
    like($run->{err}, qr/nothing was changed.*longer than 65536/, 'says so');
    is(slurp($file), $before, 'and stays');

    is(left_behind(), 'keys.jsonl', 'nothing is left behind');
}


# a directory that must not be written, as nobody

SKIP: {
    skip 'not root', 3 unless $> == 0;

    keyfile('keys.jsonl', record(id => $id));
    chmod 0666, $file;
    my $before = slurp($file);

    my $run = issue({ before => sub { POSIX::setuid(65534) } });
    is($run->{rc}, 1, 'no right to write the directory');
    like($run->{err}, qr/cannot create the lock file .*Permission denied/,
         'says so');
    is(slurp($file), $before, 'the file is as it was');
}


# a full disk, and a file that may not grow

sub stays_whole {
    my ($name, $error, $run, $at, $before) = @_;

    is($run->{rc}, 1, "$name: exit status");
    like($run->{err}, $error, "$name: error");
    unlike($run->{out}, qr/agk_/, "$name: no key is printed");
    is(sha256_hex(slurp($at)), sha256_hex($before),
       "$name: the file is as it was");
}

{
    keyfile('keys.jsonl', map { record(note => 'n' x 200) } 1 .. 200);
    my $before = slurp($file);
    my $limit = binary();

    my $out = qx(sh -c 'ulimit -f 16; exec "\$@"' sh $limit key issue \\
                 --agent a --expires 9d --file $file 2>&1);

    stays_whole('ulimit -f', qr/cannot write .*nothing was changed/,
                { rc => $? >> 8, err => $out, out => $out }, $file, $before);
    is(left_behind(), 'keys.jsonl', 'ulimit -f: nothing is left behind');
}

SKIP: {
    my $tmp = path('full');
    mkdir $tmp;

    skip 'no tmpfs', 5
        if $> != 0 || system("mount -t tmpfs -o size=64k none $tmp 2>/dev/null");

    my $at = "$tmp/keys.jsonl";
    rename keyfile('k', map { record(note => 'n' x 200) } 1 .. 20), $at
        or system 'cp', path('k'), $at;
    unlink path('k');

    my $before = slurp($at);
    open my $fill, '>', "$tmp/fill";
    syswrite $fill, 'f' x 4096 or last for 1 .. 100;
    close $fill;

    stays_whole('full disk', qr/No space left on device/,
                agentctl('key', 'issue', '--agent', 'a', '--expires', '9d',
                         '--file', $at), $at, $before);

    opendir(my $d, $tmp) or die;
    is(join(' ', sort grep { !/^\./ } readdir $d), 'fill keys.jsonl',
       'full disk: nothing is left behind');
    closedir $d;
    system 'umount', $tmp;
}

rmdir path('full');


# standard output that is closed or full: the key must not end in the file

{
    keyfile('keys.jsonl', record(id => $id));
    my $before = slurp($file);

    for my $command ([ 'issue', '--agent', 'a', '--expires', '9d' ],
                     [ 'rotate', $id ])
    {
        my $run = agentctl({ closed => 1 }, 'key', @$command, @quiet);
        is($run->{rc}, 1, "$command->[0]: standard output is closed");
        like($run->{err}, qr/standard output is closed/, 'says so');
        is(slurp($file), $before, 'no key is made');
    }

    SKIP: {
        skip 'no /dev/full', 3 unless -w '/dev/full';

        my $run = issue({ stdout => '/dev/full' });
        is($run->{rc}, 1, 'standard output is full');
        like($run->{err}, qr/could not be printed and so is lost: revoke it/,
             'says what to do');
        my ($lost) = $run->{err} =~ /key (\w{16}) is in/;
        is(find($file, $lost // '')->{state}, 'active', 'with the right id');
    }

    my ($reader, $writer);
    pipe $reader, $writer or die "pipe: $!";
    close $reader;
    my $pid = fork // die;
    if ($pid == 0) {
        open STDOUT, '>&', $writer;
        open STDERR, '>', '/dev/null';
        exec binary(), qw/ key issue --agent a --expires 9d /, @quiet;
    }
    waitpid $pid, 0;
    is($?, 1 << 8, 'a pipe that nobody reads is no end by a signal');

    is(left_behind(), 'keys.jsonl', 'nothing is left behind');
}


# many at once: they wait for each other, and no key is lost

{
    unlink $file;

    my @out = map { path("out$_") } 1 .. 100;

    for my $out (@out) {
        my $pid = fork // die "fork: $!";
        next if $pid;

        open STDOUT, '>', $out;
        exec binary(), qw/ key issue --agent a --expires 9d --json /,
             '--file', $file;
    }

    my $failed = 0;
    1 while wait != -1 && ($failed += $? ? 1 : 0, 1);

    is($failed, 0, '100 at once, on a file that is not there: all succeed');

    my %ids = map { $_->{id} => 1 } records($file);
    is(scalar keys %ids, 100, '100 keys');
    is(scalar(grep { !$ids{decoded(slurp($_))->{id}} } @out), 0,
       'those that were printed');
    unlink @out;

    ok(lints_clean(), 'the file is right');
    is(left_behind(), 'keys.jsonl', 'and alone');

    # different edits of the same keys

    my @ids = (keys %ids)[0 .. 19];

    for my $id (@ids) {
        for my $command (qw/ rotate suspend revoke /) {
            my $pid = fork // die "fork: $!";
            next if $pid;

            open STDOUT, '>', '/dev/null';
            open STDERR, '>', '/dev/null';
            exec binary(), 'key', $command, $id, '--file', $file;
        }
    }

    1 while wait != -1;

    is(scalar(grep { find($file, $_)->{state} ne 'revoked' } @ids), 0,
       'of three edits of each key the revocation is never lost');
    ok(lints_clean(), 'the file is right');
}


# the lock

{
    keyfile('keys.jsonl', record(id => $id));
    open my $lock, '>', "$file.lock" or die;
    flock $lock, LOCK_EX or die;

    my $out = path('out');
    my $pid = fork // die;
    if ($pid == 0) {
        close $lock;
        open STDOUT, '>', $out;
        open STDERR, '>', '/dev/null';
        exec binary(), qw/ key issue --agent a --expires 9d --file /, $file;
    }

    # it waits for as long as /proc says that it stands in flock()

    my $deadline = time + 60;
    my $waits = 0;

    while (time < $deadline && !$waits) {
        last if waitpid($pid, WNOHANG) == $pid;
        $waits = grep { /^\d+: -> FLOCK .* $pid / }
                 split /\n/, slurp('/proc/locks');
        select undef, undef, undef, 0.01;
    }

    SKIP: {
        skip '/proc/locks does not tell', 1
            unless slurp('/proc/locks') =~ /FLOCK/;
        ok($waits, 'a locked file is waited for');
    }

    is(scalar(() = records($file)), 1, 'nothing is changed meanwhile');

    close $lock;
    waitpid $pid, 0;
    is($?, 0, 'until the lock is gone');
    is(scalar(() = records($file)), 2, 'then the key is issued');
    unlink $out;

    # what a crash leaves behind is no obstacle

    spew("$file.lock", '');
    spew("$file.agentctl-new", 'half a li');
    is(issue()->{rc}, 0, 'an old lock file and half a copy');
    is(left_behind(), 'keys.jsonl', 'are removed');

    # nor can a link in their place do harm

    my $victim = spew(path('victim'), 'precious');
    symlink $victim, "$file.agentctl-new";
    is(issue()->{rc}, 0, 'a link in the place of the copy');
    is(slurp($victim), 'precious', 'is not followed');
    symlink $victim, "$file.lock";
    is(issue()->{rc}, 1, 'a link in the place of the lock');
    is(slurp($victim), 'precious', 'is not followed');
    unlink $victim, "$file.lock";
}


# killed at any moment: the file is whole

{
    my @records = map { record(note => 'n' x 200) } 1 .. 300;
    keyfile('keys.jsonl', record(id => $id), @records);

    my ($broken, $changed, $killed) = (0, 0, 0);

    # The kills are spread over a bit more than what a run takes here, which is
    # found out on the way.

    my $begin = Time::HiRes::time;
    agentctl('key', $_, $id, @quiet) for (qw/ suspend resume /) x 5;
    my $wait = (Time::HiRes::time - $begin) / 10 * 1.5;
    my $round = 0;

    while (++$round <= 150
           || ($killed <= 10 || $changed <= 10) && $round <= 1500)
    {
        my $command = $round % 2 ? 'suspend' : 'resume';
        my $signal = (qw/ KILL TERM INT KILL HUP /)[$round % 5];
        my $before = slurp($file);

        my $pid = fork // die;
        if ($pid == 0) {
            open STDOUT, '>', '/dev/null';
            open STDERR, '>', '/dev/null';
            exec binary(), 'key', $command, $id, '--file', $file;
        }

        select undef, undef, undef, $wait * ($round % 50) / 50;
        kill $signal, $pid;
        waitpid $pid, 0;

        $wait *= $? & 127 ? 1.02 : 0.98;
        $killed++ if $? & 127;
        $changed++ if slurp($file) ne $before;
        $broken++ unless 301 == eval { scalar(() = records($file)) } // 0;
    }

    is($broken, 0, 'the file was whole after each of these kills');
    cmp_ok($killed, '>', 10, 'of which some hit');
    cmp_ok($changed, '>', 10, 'and some came too late');
    diag("killed $killed, changed $changed");

    ok(lints_clean(), 'the file is right');
    is(issue()->{rc}, 0, 'and can be edited');
    is(left_behind(), 'keys.jsonl', 'which cleans up');
}


# stopped by a signal where it waits for the lock, or where it may not be

{
    keyfile('keys.jsonl', record(id => $id));
    open my $lock, '>', "$file.lock" or die;
    flock $lock, LOCK_EX or die;

    my $pid = fork // die;
    if ($pid == 0) {
        close $lock;
        exec binary(), qw/ key issue --agent a --expires 9d --file /, $file;
    }

    my $deadline = time + 60;
    until (slurp('/proc/locks') =~ /-> FLOCK .* $pid / || time > $deadline) {
        select undef, undef, undef, 0.01;
    }

    kill 'TERM', $pid;
    waitpid $pid, 0;
    is($? & 127, POSIX::SIGTERM(), 'a signal ends the waiting');
    close $lock;
    unlink "$file.lock";
    is(scalar(() = records($file)), 1, 'and nothing was changed');
}


# stopped while it reads: an editor that takes no lock, a signal

{
    my $many = join '', map { record() } 1 .. 40_000;

    for my $case ([ 'an editor', 1 << 8, sub {
                        spew("$file.edited", slurp($file) . record());
                        rename "$file.edited", $file;
                    } ],
                  [ 'a write in place', 1 << 8, sub {
                        open my $to, '>>', $file;
                        print $to record();
                    } ],
                  [ 'SIGTERM', POSIX::SIGTERM(), sub { kill 'TERM', $_[0] } ],
                  [ 'SIGHUP', POSIX::SIGHUP(), sub { kill 'HUP', $_[0] } ])
    {
        my ($name, $status, $meanwhile) = @$case;

        # one that has read all before it is seen to read is not the one

        my $pid;

        for (1 .. 100) {
            spew($file, record(id => $id) . $many);
            $pid = stopped_while_reading(
                qw/ key revoke /, $id, '--file', $file);
            last if defined $pid;
        }

        $pid // die "nothing is stopped while it reads\n";
        $meanwhile->($pid);

        my $there = slurp($file);

        kill 'CONT', $pid;
        waitpid $pid, 0;

        is($?, $status, "$name: ends it");
        like(slurp(path('err')), qr/another program changed .* run this again/,
             "$name: says why") if $status == 1 << 8;
        ok(slurp($file) eq $there, "$name: nothing was changed");
        unlink path('err');
        is(left_behind(), 'keys.jsonl', "$name: nothing is left behind");
    }
}

done_testing();
