package AgentDNS;

# A name server on a port of loopback, for a suite; it ends with the suite.
#
#     my $dns = AgentDNS->start(port => $port, path => "$dir/names");
#
#     $dns->names('as.test' => { A => [ '127.0.0.2', '127.0.0.1' ],
#                                AAAA => [ '::1' ], ttl => 1 },
#                 'down.test' => { rcode => 2 }, 'slow.test' => { drop => 1 });
#     is($dns->asked('as.test', 'A'), 1);
#
# A name that it was not told of does not exist.

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use POSIX ();
use Socket qw/ AF_INET AF_INET6 inet_pton /;

my %Type = (1 => 'A', 28 => 'AAAA');
my $json = JSON::PP->new->canonical;


# The names are in a file, and so is what was asked, a question a line.

sub start {
    my ($class, %option) = @_;

    my $self = bless { %option, owner => $$ }, $class;

    $self->names();
    open my $out, '>', "$self->{path}.asked" or die "$self->{path}: $!\n";
    close $out;

    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $self->{port}, Proto => 'udp')
        or die "port $self->{port}: $@\n";

    # should the suite be killed, this end of the pipe says so
    pipe my $input, $self->{hold} or die "pipe: $!\n";

    $self->{pid} = fork // die "fork: $!\n";

    if ($self->{pid} == 0) {
        close $self->{hold};
        $SIG{TERM} = 'DEFAULT';
        eval { $self->serve($socket, $input) };
        POSIX::_exit(0);
    }

    return $self;
}


sub names {
    my ($self, %names) = @_;

    open my $out, '>', "$self->{path}.new" or die "$self->{path}: $!\n";
    print $out $json->encode(\%names);
    close $out;
    rename "$self->{path}.new", $self->{path} or die "$self->{path}: $!\n";
}


sub asked {
    my ($self, @question) = @_;

    open my $in, '<', "$self->{path}.asked" or return 0;

    return scalar grep { $_ eq "@question\n" } <$in>;
}


sub serve {
    my ($self, $socket, $input) = @_;

    for ( ;; ) {
        my @ready = IO::Select->new($socket, $input)->can_read;

        return if grep { $_ == $input } @ready;

        my $from = recv($socket, my $query, 4096, 0) // next;
        my $answer = $self->answer($query) // next;

        send $socket, $answer, 0, $from;
    }
}


# RFC 1035, 4.1: one question, as nginx asks

sub answer {
    my ($self, $query) = @_;

    my ($id) = unpack 'n', $query;
    my ($name, $at) = ('', 12);

    while (my $length = unpack "x$at C", $query) {
        $name .= ($name eq '' ? '' : '.') . substr $query, $at + 1, $length;
        $at += 1 + $length;
    }

    my $question = substr $query, 12, $at + 5 - 12;
    my $type = $Type{ unpack 'n', substr $query, $at + 1, 2 } // return;

    open my $out, '>>', "$self->{path}.asked" or return;
    print $out "$name $type\n";
    close $out;

    open my $in, '<', $self->{path} or return;
    my $known = $json->decode(do { local $/; <$in> })->{$name}
        // { rcode => 3 };

    return if $known->{drop};

    my $family = $type eq 'A' ? AF_INET : AF_INET6;
    my @records = map {
        my $address = inet_pton($family, $_);

        # a pointer to the name in the question
        pack 'n n n N n/a', 0xc00c, $type eq 'A' ? 1 : 28, 1,
            $known->{ttl} // 60, $address;
    } @{ $known->{$type} // [] };

    return pack('n n n n n n', $id, 0x8180 | ($known->{rcode} // 0), 1,
        scalar @records, 0, 0) . $question . join '', @records;
}


sub stop {
    my ($self) = @_;

    return if $self->{owner} != $$ || !$self->{pid};

    kill 'TERM', $self->{pid};
    waitpid $self->{pid}, 0;
    delete $self->{pid};
}


sub DESTROY {
    local ($?, $!, $@);
    $_[0]->stop();
}


1;
