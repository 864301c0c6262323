package AgentLoad;

# Many requests at once, and who in nginx is busy with them.
#
#     my @connections = warm(200, '/plain');
#     my ($answers, $seconds) = herd(\@connections, 'GET /t', fresh(200));
#     is(statuses(@$answers), '200:200');
#
#     my $load = AgentLoad->begin(4, sub { ask('GET /t')->{status} });
#     $load->await(100);
#     ...
#     is_deeply($load->end, { 200 => ... });
#
# A herd is one request for each connection, all sent before the first answer is
# read: with the tokens given, by turns.

use strict;
use warnings;

use Exporter 'import';
use IO::Handle;
use IO::Select;
use POSIX ();
use Time::HiRes qw/ time /;

use Test::More ();

use AgentAuth ();
use AgentClient ();

our @EXPORT = qw/
    fresh warm herd statuses slowest measured soon master_pid worker_pids asking
    each_worker connection_of signal_master replaced reconfigured rewritten
    upgraded quits
/;

my $tokens = 0;


# tokens that nobody issued and nobody has seen; one, where one is asked for

sub fresh {
    my ($n) = @_;

    my $mark = "CANARY-fresh-$$-" . int(time * 1000);

    my @fresh = map { AgentAuth::planted("$mark-" . ++$tokens) } 1 .. $n // 1;

    return wantarray ? @fresh : $fresh[0];
}


# connections that nginx has accepted: each was answered once

sub warm {
    my ($n, $path) = @_;

    my @connections = map { AgentClient::connected() } 1 .. $n;

    $_->send(AgentClient::asked("GET $path")) for @connections;
    $_->answer for @connections;

    return @connections;
}


# (answers, seconds from the first octet sent to the last answer)

sub herd {
    my ($connections, $line, @tokens) = @_;

    my @octets = map {
        AgentClient::asked($line, Authorization => "Bearer $_")
    } @tokens;

    my $began = time;

    $connections->[$_]->send($octets[$_ % @octets]) for 0 .. $#$connections;

    # a connection may end, as that of a worker that was killed
    my @answers = map {
        my $one = $_;
        eval { $one->answer } // { status => 0, head => '', field => {},
                                   body => $@ };
    } @$connections;

    return (\@answers, time - $began);
}


# "200:3 401:1"

sub statuses {
    my %count;

    $count{ $_->{status} }++ for @_;

    return join ' ', map { "$_:$count{$_}" } sort keys %count;
}


# the largest number in that field

sub slowest {
    my ($field, @answers) = @_;

    my ($most) = sort { $b <=> $a }
        map { AgentClient::fields($_, $field) // 0 } @answers;

    return $most;
}


# What is asserted must stand on a busy machine; this says what it took, beside
# the target for a quiet one.  The field Took is "$request_time".

sub measured {
    my ($what, $seconds, $target, @answers) = @_;

    Test::More::note(sprintf '%s: the slowest of %d took %.0f ms in nginx,'
        . ' %.0f ms as the client sees all; the target is %d ms', $what,
        scalar @answers, 1000 * slowest('Took', @answers), 1000 * $seconds,
        $target);
}


# The code says how many seconds it took, each time anew: what others do on this
# machine may slow it down now and then, but not for a minute.

sub soon {
    my ($bound, $what, $code) = @_;

    my $deadline = time + $AgentAuth::Patience;
    my $least;

    do {
        my $seconds = $code->();

        $least = $seconds if !defined $least || $seconds < $least;
    } until $least < $bound || time > $deadline;

    Test::More::cmp_ok($least, '<', $bound, $what);
}


# -- load

# So many processes call the code again and again, which returns a word.

sub begin {
    my ($class, $n, $code) = @_;

    pipe my $steps, my $step or die "pipe: $!\n";
    pipe my $stop, my $hold or die "pipe: $!\n";

    my $self = bless { steps => $steps, hold => $hold, child => [] }, $class;

    for my $number (0 .. $n - 1) {
        pipe my $result, my $out or die "pipe: $!\n";

        my $pid = fork // die "fork: $!\n";

        if ($pid == 0) {
            close $hold;
            close $steps;
            $SIG{TERM} = 'DEFAULT';
            eval { print $out called($code, $number, $step, $stop) };
            close $out;
            POSIX::_exit(0);
        }

        push @{ $self->{child} }, { pid => $pid, result => $result };
    }

    return $self;
}


# how often which word was returned, as lines

sub called {
    my ($code, $number, $step, $stop) = @_;

    my %count;

    srand $number;
    $SIG{PIPE} = 'IGNORE';
    $step->blocking(0);

    until (IO::Select->new($stop)->can_read(0)) {
        my $word = eval { $code->($number) } // "died: $@";

        $count{ $word =~ s/\s+/ /gr }++;
        syswrite $step, '.';
    }

    return map { "$count{$_} $_\n" } sort keys %count;
}


# until that many more calls have returned

sub await {
    my ($self, $n) = @_;

    my $select = IO::Select->new($self->{steps});

    while ($n > 0 && $select->can_read($AgentAuth::Patience)) {
        my $some = sysread $self->{steps}, my $octets, $n or last;
        $n -= $some;
    }

    return Test::More::is($n, 0, 'the load goes on');
}


# the same, without those that have returned by now

sub await_anew {
    my ($self, $n) = @_;

    my $select = IO::Select->new($self->{steps});

    while ($select->can_read(0)) {
        sysread $self->{steps}, my $octets, 65536 or last;
    }

    return $self->await($n);
}


# { word => how often }

sub end {
    my ($self) = @_;

    my %count;

    close $self->{hold};

    for my $child (@{ $self->{child} }) {
        my $result = $child->{result};

        while (<$result>) {
            my ($n, $word) = /^(\d+) (.*)/;
            $count{$word} += $n;
        }

        waitpid $child->{pid}, 0;
    }

    return \%count;
}


# -- processes

sub master_pid {
    open my $in, '<', $_[0] // $Test::Nginx::Util::PidFile or return 0;

    return int(<$in> // 0);
}


# the signal, and then until other workers have taken over

sub replaced {
    my ($signal) = @_;

    my %old = map { $_ => 1 } worker_pids();

    signal_master($signal);

    return AgentAuth::await(sub {
        my @now = worker_pids();
        return @now >= keys %old && !grep { $old{$_} } @now;
    }, 'new workers');
}


# the configuration in other words, and a reload; the code changes $_

sub reconfigured {
    rewritten($_[0]);

    return replaced('HUP');
}


sub rewritten {
    my ($code) = @_;

    my $path = $Test::Nginx::Util::ConfFile;

    open my $in, '<', $path or die "$path: $!\n";
    local $_ = do { local $/; <$in> };
    my $before = $_;

    $code->();
    die "nothing was changed in $path\n" if $_ eq $before;

    open my $out, '>', $path or die "$path: $!\n";
    print $out $_;
    close $out or die "$path: $!\n";
}


sub signal_master {
    my ($signal) = @_;

    kill $signal, master_pid() or die "no master: $!\n";
}


# Another executable takes over (USR2): (its master, the one before), both with
# as many workers as there were.

sub upgraded {
    my $old = master_pid();
    my $workers = worker_pids();
    my $path = $Test::Nginx::Util::PidFile;

    kill USR2 => $old;

    my $new = AgentAuth::await(sub {
        my $pid = master_pid();

        return master_pid("$path.oldbin") == $old && $pid && $pid != $old
            && worker_pids($pid) == $workers && $pid;
    }, 'the new master');

    Test::More::ok($new, 'a new master');

    return ($new // 0, $old);
}


# One of the two masters ends, with its workers, and the other one is left.

sub quits {
    my ($master) = @_;

    my @all = ($master, worker_pids($master));

    kill QUIT => $master;

    return Test::More::ok(AgentAuth::await(sub {
        return !-e "$Test::Nginx::Util::PidFile.oldbin"
            && !grep { AgentAuth::running($_) } @all;
    }, 'a master to go'), 'a master goes');
}


# the workers of a master, of this one if none is named

sub worker_pids {
    my $master = $_[0] // master_pid();
    my @workers;

    for my $dir (glob '/proc/[0-9]*') {
        open my $in, '<', "$dir/stat" or next;

        # the name of the program is in parentheses
        my ($pid, $state, $parent) = (<$in> // '')
            =~ /^(\d+) \(.*\) (\S) (\d+)/ or next;

        next if $parent != $master || $state eq 'Z';

        open my $line, '<', "$dir/cmdline" or next;
        push @workers, $pid if (<$line> // '') =~ /worker process/;
    }

    return @workers;
}


# What the code returns for each of these workers, of the two there are if none
# is named, while the others are stopped: the system may give all connections to
# the same one.

sub each_worker {
    my ($code, @workers) = @_;

    @workers = @{ AgentAuth::await(sub {
        my @pids = worker_pids();
        return @pids == 2 && \@pids;
    }, 'two workers') } unless @workers;

    my @said;

    for my $worker (@workers) {
        my @others = grep { $_ != $worker } @workers;

        kill 'STOP', @others;
        AgentAuth::await(sub { !grep { !stopped($_) } @others },
            'workers that stop');
        my $done = eval { push @said, $code->(); 1 };
        my $error = $@;
        kill 'CONT', @others;

        die $error unless $done;
    }

    return @said;
}


sub stopped {
    open my $in, '<', "/proc/$_[0]/stat" or return 1;

    return (<$in> // '') =~ /^\d+ \(.*\) T /;
}


# A connection that one of these workers has, while others are busy, too; the
# field Worker is "$pid".

sub connection_of {
    my ($path, @workers) = @_;

    my %is = map { $_ => 1 } @workers;

    return AgentAuth::await(sub {
        my $connection = AgentClient::connected();
        my $answer = AgentClient::answer_of($connection, "GET $path");

        return $is{AgentClient::fields($answer, 'Worker') // ''}
            && $connection;
    }, 'a worker among others');
}


# the workers that have a connection to that port

sub asking {
    my ($port) = @_;

    my %socket;

    open my $in, '<', '/proc/net/tcp' or return;

    for (<$in>) {
        my @word = split;
        $socket{"socket:[$word[9]]"} = 1
            if $word[2] eq sprintf('0100007F:%04X', $port) && $word[3] eq '01';
    }

    return grep {
        my $pid = $_;
        grep { $socket{ readlink($_) // '' } } glob "/proc/$pid/fd/*";
    } worker_pids();
}


1;
