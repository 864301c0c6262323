package AgentLoad;

# Many requests at once, and who in nginx is busy with them.
#
#     my @connections = warm(200, '/plain');
#     my ($answers, $seconds) = herd(\@connections, 'GET /t', fresh(200));
#     is(statuses(@$answers), '200:200');
#
# A herd is one request for each connection, all sent before the first answer is
# read: with the tokens given, by turns.

use strict;
use warnings;

use Exporter 'import';
use Time::HiRes qw/ time /;

use Test::More ();

use AgentAuth ();
use AgentClient ();

our @EXPORT = qw/
    fresh warm herd statuses slowest measured soon master_pid worker_pids asking
    signal_master
/;

my $tokens = 0;


# tokens that nobody issued and nobody has seen

sub fresh {
    my ($n) = @_;

    my $mark = "CANARY-fresh-$$-" . int(time * 1000);

    return map { AgentAuth::planted("$mark-" . ++$tokens) } 1 .. $n // 1;
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
# machine may slow it down now and then, but not ten times in a row.

sub soon {
    my ($bound, $what, $code) = @_;

    my $least;

    for (1 .. 10) {
        my $seconds = $code->();

        $least = $seconds if !defined $least || $seconds < $least;
        last if $least < $bound;
    }

    Test::More::cmp_ok($least, '<', $bound, $what);
}


# -- processes

sub master_pid {
    open my $in, '<', $_[0] // $Test::Nginx::Util::PidFile or return 0;

    return int(<$in> // 0);
}


sub signal_master {
    my ($signal) = @_;

    kill $signal, master_pid() or die "no master: $!\n";
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
