package H2;

# As much of HTTP/2 (RFC 9113) as asks for the same again and again.

use strict;
use warnings;

use Bench qw/ fields /;

use constant {
    DATA => 0, HEADERS => 1, SETTINGS => 4, GOAWAY => 7, WINDOW_UPDATE => 8,
    END_STREAM => 1, END_HEADERS => 4, ACK => 1,
    WINDOW => 2 ** 30,
};


sub new {
    my ($class, $socket) = @_;

    my $self = bless { socket => $socket, stream => 1, buffer => '' }, $class;

    $self->put("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", frame(SETTINGS, 0, 0, ''),
        frame(WINDOW_UPDATE, 0, 0, pack 'N', WINDOW));

    return $self;
}


sub frame {
    my ($type, $flags, $stream, $payload) = @_;

    return pack('NCN', length($payload) << 8 | $type, $flags, $stream)
        . $payload;
}


# A field section (RFC 7541) of literals only, whose names are not indexed
# either, so that every request is the same octets.

sub section {
    my ($row) = @_;

    my @fields = ([ ':method' => 'GET' ], [ ':scheme' => 'http' ],
        [ ':path' => '/v1/invoices/2026-000123' ],
        [ ':authority' => 'bench.example' ],
        map { [ lc $_->[0], $_->[1] ] } fields($row, 0));

    return join '', map { "\0" . string($_->[0]) . string($_->[1]) } @fields;
}


sub string {
    my ($text) = @_;

    my $more = length($text) - 127;

    return $more < 0 ? chr(length $text) . $text
        : chr(127) . chr($more) . $text;
}


sub put {
    my ($self, @octets) = @_;

    my $octets = join '', @octets;

    syswrite($self->{socket}, $octets) == length $octets
        or die "write: $!\n";
}


sub begin {
    my ($self, $section) = @_;

    my $half = frame(HEADERS, END_STREAM | END_HEADERS, 1, $section);

    $self->put(substr $half, 0, length($half) / 2);
}


sub ask {
    my ($self, $section, $n) = @_;

    for (1 .. $n) {
        my $stream = $self->{stream};
        my $answered = 0;

        $self->{stream} += 2;
        $self->put(frame(HEADERS, END_STREAM | END_HEADERS, $stream,
            $section));

        until ($answered) {
            my ($type, $flags, $payload) = $self->get;

            $self->put(frame(SETTINGS, ACK, 0, ''))
                if $type == SETTINGS && !($flags & ACK);
            die "the connection goes away\n" if $type == GOAWAY;

            # :status 200 is one of the static table: RFC 7541, A
            die "not 200\n"
                if $type == HEADERS && $payload !~ /^[\x20-\x3f]?\x88/;

            $answered = ($type == HEADERS || $type == DATA)
                && $flags & END_STREAM;
        }
    }
}


sub get {
    my ($self) = @_;

    my $buffer = \$self->{buffer};

    while (1) {

        if (length $$buffer >= 9) {
            my ($word, $flags) = unpack 'NC', $$buffer;
            my $len = $word >> 8;

            if (length $$buffer >= 9 + $len) {
                my $payload = substr $$buffer, 9, $len;
                substr $$buffer, 0, 9 + $len, '';
                return ($word & 0xff, $flags, $payload);
            }
        }

        sysread $self->{socket}, $$buffer, 65536, length $$buffer
            or die "nginx closed the connection\n";
    }
}


1;
