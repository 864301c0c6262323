# Audit logs that cannot be written: a full disk, a pipe that nobody reads, a
# syslog server that is away.  Without what this proves lines could go missing
# without a trace, a torn line could swallow the next one, or a request could
# wait for the log.

use lib 't/lib';
use AgentSink;

use File::Temp qw/ tempdir /;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP ();
use POSIX qw/ mkfifo /;
use Test::More;
use Time::HiRes qw/ sleep time /;

my $dir = tempdir(CLEANUP => 1);
my $mounted;


# a disk of 256k with room for so many octets

sub small_disk {
    my ($room) = @_;

    if (!$mounted) {
        system("mount -t tmpfs -o size=256k,mode=755 tmpfs $dir 2>/dev/null")
            == 0 or return 0;
        $mounted = 1;
    }

    unlink glob "$dir/*";

    open my $out, '>', "$dir/filler" or die $!;
    $out->autoflush;
    syswrite $out, 'x' x (256 * 1024 - $room);
    close $out;

    return 1;
}


sub space {
    unlink "$dir/filler";
}


# each request has a line, or is one of those that the log says were lost

sub accounted {
    my ($what, @path) = @_;

    my @events = lines(@path);
    my @numbers = audited(@events);

    is("@{[ duplicates(@numbers) ]}", '', "$what: no line is there twice");
    is(@numbers + lost(@events), sent(),
        "$what: all are accounted for, " . @numbers . ' written and '
        . lost(@events) . ' lost');
}


# a torn line is a part of one, and nothing else

sub torn {
    my ($what, @path) = @_;

    my @broken = broken(@path);
    my %whole;

    for my $file (map { path($_) } @path) {
        open my $in, '<', $file or next;
        $whole{substr $_, 0, 120}++ while <$in>;
    }

    chomp @broken;

    is(scalar(grep { /.\{"time"/ } @broken), 0,
        "$what: no line was merged with another");
    is(scalar(grep { $_ eq '' } @broken), 0, "$what: there is no empty line");

    return scalar @broken;
}


SKIP: {
    skip 'no tmpfs can be mounted here', 1 unless small_disk(60_000);

    my @path = ("$dir/audit.log");

    # the disk fills, and has room again

    start(audit => "$path[0] buffer=16k flush=20ms", workers => 2);
    ok(load(2, 100), 'full: all requests are answered');

    # what was written so far, and has room in the buffers, is not lost; the
    # disk is full once anybody has been told so
    ok(await(sub { grep { /No space left/ } log_lines() }, 'the full disk'),
        'full: the error log tells of it');
    ok(load(2, 20), 'full: all requests are answered without room');

    my $size = -s $path[0];
    ok(load(2, 5), 'full: and more of them');
    is(-s $path[0], $size, 'full: nothing can be written');
    is(lost(lines(@path)), 0, 'full: so that nothing tells of the losses');

    my @told = grep { /audit log .* failed,.*No space left/ } log_lines();
    is(scalar @told, 1, 'full: once');

    space();

    ok(await(sub { lost(lines(@path)) }, 'the record'), 'full: the record');
    load(2, 10);
    stop();

    accounted('full', @path);
    cmp_ok(lost(lines(@path)), '>', 50, 'full: many were lost');
    cmp_ok(torn('full', @path), '<=', 2,
        'full: a worker tears no more than the line that met the end');

    my ($record) = grep { $_->{class_uid} == 0 } lines(@path);
    like($record->{message}, qr/audit lines lost/, 'full: what it says');
    like($record->{metadata}{uid}, qr/^lost-/, 'full: it has a uid');
    is(scalar(grep { /is written again, \d+ lines were lost/ } log_lines()),
        scalar(grep { $_->{class_uid} == 0 } lines(@path)),
        'full: the error log tells of each record');
    finish(qr/No space left|audit lines are lost/);


    # workers that end without having written what they have

    small_disk(20_000);
    start(audit => "$path[0] buffer=32k flush=20ms", workers => 2);
    ok(load(2, 40), 'end: all requests are answered');
    reload();

    @told = grep { /(\d+) audit lines are lost.* when the process ended/ }
        log_lines();
    cmp_ok(scalar @told, '>=', 1, 'end: the old workers tell what they lost');

    space();
    load(1, 2);
    stop();

    accounted('end', @path);
    torn('end', @path);
    finish(qr/No space left|audit lines are lost/);


    # the disk has room for the line that waits, and none for the record

    small_disk(16_384);
    start(audit => "$path[0] buffer=8k flush=20ms", workers => 1);
    load(1, 8, '"' x 1550);
    ok(await(sub { count($path[0]) == 5 }, 'four lines and a torn one'),
        'record: the fifth line is torn');

    truncate "$dir/filler", 256 * 1024 - 5 * 4096 or die $!;
    ok(await(sub { lines($path[0]) == 5 }, 'the fifth line'),
        'record: now it is whole');
    is(lost(lines(@path)), 0, 'record: the record is not there');
    is(-s $path[0], 5 * 4096, 'record: and would not fit');

    space();
    ok(await(sub { lost(lines(@path)) }, 'the record'), 'record: now it is');
    load(1, 1);
    stop();

    accounted('record', @path);
    is(lost(lines(@path)), 3, 'record: three are lost');
    torn('record', @path);
    finish(qr/No space left|audit lines are lost/);


    # rotation to a place with room: the lines go to the new file, whole

    small_disk(20_000);
    start(audit => 'logs/moving.audit buffer=32k flush=20ms', workers => 1,
        before => sub {
            symlink "$dir/moving.audit", path('logs/moving.audit') or die $!;
        });
    ok(load(1, 30), 'moved: all requests are answered');
    ok(await(sub { grep { /No space left/ } log_lines() }, 'the full disk'),
        'moved: the disk is full');

    unlink path('logs/moving.audit');
    @path = ("$dir/moving.audit", 'logs/moving.audit');
    kill 'USR1', master();
    ok(await(sub { count($path[1]) >= 5 }, 'the new file'),
        'moved: what waited is in the new file');
    stop();

    accounted('moved', @path);
    torn('moved', @path);
    is(scalar(broken($path[1])), 0, 'moved: the new file has whole lines');
    is(lost(lines(@path)), 0, 'moved: nothing is lost');
    finish(qr/No space left/);
}


# a pipe that nobody reads for a while; U-11

mkfifo("$dir/fifo", 0600) or die $!;
open my $reader, '+<', "$dir/fifo" or die $!;

start(audit => "$dir/fifo buffer=16k flush=10ms", workers => 2);

# one that waited for it would wait for good
ok(load(2, 200), 'pipe: all requests are answered, none waits for it');

open my $copy, '>', path('logs/fifo.audit') or die $!;
$copy->autoflush;

# what is in the pipe

sub drain {
    while (IO::Select->new($reader)->can_read(0)) {
        sysread $reader, my $octets, 65536 or last;
        print $copy $octets;
    }

    my @events = lines('logs/fifo.audit');

    return audited(@events) + lost(@events);
}

await(sub { drain() == sent() }, 'the first lines');
load(2, 2);
await(sub { drain() == sent() }, 'the last lines');
stop();
drain();
close $copy;

accounted('pipe', 'logs/fifo.audit');
is(scalar(broken('logs/fifo.audit')), 0, 'pipe: every line is whole');
cmp_ok(lost(lines('logs/fifo.audit')), '>', 50, 'pipe: many were lost');
finish(qr/audit lines are lost/);


# a syslog server on UDP that goes and comes

# Datagrams, until lines and losses are so many, together with those of
# before; without a number what is there.

sub receive {
    my ($socket, $n, @events) = @_;

    my $deadline = time + $AgentAuth::Patience;

    for ( ;; ) {
        my $more = defined $n && audited(@events) + lost(@events) < $n
            ? $deadline - time : 0;

        IO::Select->new($socket)->can_read($more > 0 ? $more : 0) or last;
        defined $socket->recv(my $octets, 65536) or last;
        $octets =~ s/^<\d+>.*? nginx: // or next;
        push @events, JSON::PP->new->utf8->decode($octets);
    }

    return @events;
}

sub udp {
    return IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1',
        LocalPort => $_[0]) // die $!;
}

# a port that nobody else is given while it is not there
my $port = $ENV{TEST_NGINX_PORT_1};
my $server = udp($port);

start(audit => [ "syslog:server=127.0.0.1:$port",
    'logs/beside.audit flush=20ms' ], workers => 1);
load(1, 20);

my @events = receive($server, 20);
is(scalar(audited(@events)), 20, 'udp: all lines arrive');

close $server;
load(1, 30);
$server = udp($port);
load(1, 20);
@events = receive($server, sent(), @events);

# all that is known of a datagram is that it was refused, and that by the next
is(audited(@events) + lost(@events), sent(), 'udp: all are accounted for');
is(lost(@events), 30, 'udp: those that were refused are lost');
is(scalar(grep { /audit lines to .* are lost/ } log_lines()), 1,
    'udp: the error log tells of it once');
stop();

# a record to one sink is none of the others' concern
is(scalar(audited(lines('logs/beside.audit'))), sent(),
    'udp: the file beside has all lines');
is(lost(lines('logs/beside.audit')), 0, 'udp: and no other');
finish(qr/audit lines to .* are lost/);


# and one on a socket in the file system, which is not there at first

my $path = "$dir/syslog";

start(audit => "syslog:server=unix:$path", workers => 1);

sub sockets {
    my ($worker) = workers(1);

    return scalar grep { /^socket:/ } map { readlink }
        glob "/proc/$worker/fd/*";
}

my $sockets = sockets();

load(1, 10);

$server = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $path) or die $!;
chmod 0666, $path;
chmod 0755, $dir;

@events = ();

ok(await(sub { load(1, 1); @events = receive($server, undef, @events) },
    'the first datagram'), 'unix: the server is found again');
load(1, 10);
@events = receive($server, sent(), @events);

is(audited(@events) + lost(@events), sent(), 'unix: all are accounted for');
cmp_ok(lost(@events), '>=', 10, 'unix: those without a server are lost');

# started anew, it has a new socket by the old name
close $server;
unlink $path;
$server = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $path) or die $!;
chmod 0666, $path;
load(1, 10);
@events = receive($server, 10);
is(scalar(audited(@events)), 10, 'unix: a new socket costs no line');

# one that does not read
load(1, 400);
@events = receive($server, undef, @events);
load(1, 1);
@events = receive($server, 411, @events);
is(audited(@events) + lost(@events), 411, 'unix: a full queue is counted');
cmp_ok(lost(@events), '>', 0, 'unix: it was full');

ok(await(sub { sockets() == $sockets + 1 }, 'the end of connections'),
    'unix: no descriptor is left behind');
finish(qr/audit lines to .* are lost/);


END {
    my $status = $?;

    system "umount -l $dir" if $mounted;
    $? = $status;
}

done_testing();
