# A worker that writes what a dead one has left keeps others from the file while
# it does.  Without what this proves the lock is gone once the heir has looked
# at the file, and a line that it completes may be written into.

use lib 't/lib';
use AgentSink;

use Errno qw/ EAGAIN /;
use Fcntl;
use MIME::Base64 qw/ encode_base64 /;
use POSIX qw/ mkfifo /;
use Test::More;

my $audit = 'logs/audit.log';
my $chunk = "x\n" x 2048;

# what a file may have in octets: who writes more is ended by SIGXFSZ, amid it
my $limit = 65536;


# who has a lock on the file that another process would meet, or 0

sub lock_holder {
    open my $file, '+<', path($audit) or die $!;

    my $layout = 's s x![q] q q i x![q]';
    my $lock = pack $layout, F_WRLCK, 0, 0, 0, 0;

    fcntl($file, F_GETLK, $lock) or die "F_GETLK: $!";

    my ($type, undef, undef, undef, $pid) = unpack $layout, $lock;

    return $type == F_UNLCK ? 0 : $pid;
}


sub state_of {
    my ($pid) = @_;

    open my $in, '<', "/proc/$pid/stat" or return '';

    return readline($in) =~ /\) (\S)/ ? $1 : '';
}


# the error log is a pipe: full, it holds up whoever writes to it

my $log;

sub fill {
    1 while syswrite $log, $chunk;
    $!{EAGAIN} or die $!;

    # not even a short line has a place
    1 while syswrite $log, "\n";
}


sub drain {
    my $text = '';

    1 while sysread $log, $text, 65536, length $text;

    return grep { !/^x?\n?\z/ } split /^/, $text;
}


# a request; who answered it

sub answered {
    my ($path) = @_;

    my $socket = AgentSink::connection() or die 'no connection';
    my $head = '';

    local $SIG{ALRM} = sub { die "no answer to $path\n" };
    alarm $AgentAuth::Patience;

    print {$socket} "GET $path HTTP/1.0\r\n\r\n";
    1 while sysread $socket, $head, 65536, length $head;
    alarm 0;

    return $head =~ /^Worker: (\d+)/m ? $1 : 0;
}


# nginx alone is limited: files that the test itself writes may be longer

sub start_limited {
    local $ENV{TEST_NGINX_BINARY} = "prlimit --fsize=$limit: "
        . $ENV{TEST_NGINX_BINARY};

    start(@_);
}


# with a chain workers look for what the dead left even when they are idle
start_limited(audit => "$audit flush=20ms", workers => 2,
    http => 'add_header Worker $pid always;
        agent_audit_chain key_file=audit.key;',
    before => sub {
        open my $key, '>', path('conf/audit.key') or die $!;
        print $key 'k1 ', encode_base64('x' x 32, ''), "\n";
        close $key;
        chmod 0600, path('conf/audit.key');

        mkfifo(path('logs/error.log'), 0600) or die $!;
        sysopen $log, path('logs/error.log'), O_RDWR | O_NONBLOCK or die $!;
    });

# the one that answers is the heir, and stops; the other one is the victim
my $master = master();
my $heir = answered('/1');
await(sub { count($audit) == 3 }, 'its line, and two that begin a chain');

for my $pid ($heir, $master) {
    kill 'STOP', $pid;
    await(sub { state_of($pid) eq 'T' }, "$pid to stop");
}

open my $out, '>', path($audit) or die $!;
print $out "{ }\n" x ($limit / 4);
close $out;

my $victim = answered('/2');
isnt($victim, $heir, 'another worker answers');
ok(await(sub { state_of($victim) =~ /^[ZX]?\z/ }, 'its end'),
    'and dies amid a write()');
is(-s path($audit), $limit, 'of which nothing was written');

# now there is room, and something that the heir has to look at
truncate path($audit), 4 or die $!;

my @said = drain();
fill();
kill 'CONT', $heir;

# the heir tells the error log of the lines, which takes it as long as we like
ok(await(sub { audited(lines($audit)) }, 'the line'), 'the heir wrote its line');
is(lock_holder(), $heir, 'and has the lock until it is done');

# opened to be read, too, for as long
is(scalar(grep { (readlink // '') eq path($audit) } glob "/proc/$heir/fd/*"),
    2, 'it has the file open twice');

push @said, drain();
ok(await(sub { push @said, drain(); lock_holder() == 0 }, 'the unlocking'),
    'then it lets go');
is(scalar(grep { (readlink // '') eq path($audit) } glob "/proc/$heir/fd/*"),
    1, 'and has the file open once');
is(state_of($heir) =~ /[RSD]/ ? 1 : 0, 1, 'and is alive');

kill 'CONT', $master;
await(sub { push @said, drain(); grep { /exited on signal/ } @said },
    'the master');
push @said, drain();
kill 'QUIT', $master;
ok(await(sub { push @said, drain(); !AgentAuth::running($master) }, 'the end'),
    'nginx ends');

is("@{[ audited(lines($audit)) ]}", '2', 'the line is there once');
is(scalar(grep { /1 audit lines of a process that died were written/ } @said),
    1, 'and the error log tells of it');

# who searches the logs later would wait for a writer
unlink path('logs/error.log') or die $!;

done_testing();
