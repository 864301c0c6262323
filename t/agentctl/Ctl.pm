package Ctl;

# What the tests of agentctl share: a directory of their own, runs of the
# binary, records and keys made without its help.

use strict;
use warnings;

use Digest::SHA qw/ sha256_hex /;
use Exporter qw/ import /;
use File::Copy qw/ copy /;
use File::Temp;
use JSON::PP;
use POSIX qw/ strftime /;

our @EXPORT = qw/
    agentctl binary dir path spew slurp iso record keyfile records find
    issued crc32 base62 decoded left_behind lately $NOW
/;

our $NOW = time;

my $built = $ENV{AGENTCTL} // 'build/agentctl';
die "no agentctl: run make, or set AGENTCTL\n" unless -x $built;

my $dir = File::Temp->newdir('agentctl-XXXXXX', TMPDIR => 1);
my $bin = File::Temp->newdir('agentctl-XXXXXX', TMPDIR => 1);
chmod 0755, $dir, $bin;

# a copy: some tests run it as a user who may not look into the source tree

copy($built, binary()) or die "$bin: $!\n";
chmod 0755, binary();

delete $ENV{AGENT_KEY_FILE};

# lint warns of files that everyone can read

umask 027;

my $json = JSON::PP->new->utf8->canonical;


sub binary { "$bin/agentctl" }
sub dir { "$dir" }
sub path { "$dir/$_[0]" }


# agentctl(args...) or agentctl({ stdin => , env => , shell => }, args...):
# { rc, out, err }, rc being -N where signal N ended it

sub agentctl {
    my %option = ref $_[0] ? %{ shift() } : ();
    my @args = @_;

    my ($in, $out, $err) = map { path(".run-$$-$_") } qw/ in out err /;

    spew($in, $option{stdin} // '');

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        open STDIN, '<', $in or die;
        open STDOUT, '>', $option{stdout} // $out or POSIX::_exit(125);
        open STDERR, '>', $err or die;
        close STDOUT if $option{closed};

        %ENV = (%ENV, %{ $option{env} // {} });
        $option{before}->() if $option{before};

        exec { binary() } 'agentctl', @args or POSIX::_exit(126);
    }

    waitpid $pid, 0;

    my %run = (
        rc => $? & 127 ? -($? & 127) : $? >> 8,
        out => -f $out ? slurp($out) : '',
        err => slurp($err),
    );

    unlink $in, $out, $err;

    return \%run;
}


sub spew {
    my ($file, $text) = @_;

    open my $to, '>:raw', $file or die "$file: $!";
    print $to $text or die "$file: $!";
    close $to or die "$file: $!";

    return $file;
}


sub slurp {
    my ($file) = @_;

    open my $from, '<:raw', $file or die "$file: $!";
    local $/;

    return scalar(<$from>) // '';
}


# an RFC 3339 date so many seconds from now

sub iso { strftime('%Y-%m-%dT%H:%M:%SZ', gmtime($NOW + ($_[0] // 0))) }


# the seconds of this test so far: what was made "now" is of one of them

sub lately { 0 .. time - $NOW }


my $number = 0;

# a record as a line; id and digest differ at each call

sub record {
    my (%with) = @_;

    $number++;

    my %record = (
        id => sprintf('TESTid%010d', $number),
        digest => 'sha256:' . sha256_hex("digest $number"),
        agent => 'test-bot',
        scopes => [ 'a:read' ],
        state => 'active',
        created => iso(-86400),
        expires => iso(90 * 86400),
        %with,
    );

    delete $record{$_} for grep { !defined $record{$_} } keys %record;

    return $json->encode(\%record) . "\n";
}


# writes a key file of these lines, with a first line, and returns its path

sub keyfile {
    my ($name, @lines) = @_;

    return spew(path($name),
                join '', '{"version":1,"keys":' . @lines . "}\n", @lines);
}


# the records of a key file; the count of its first line is checked

sub records {
    my ($file) = @_;

    my @lines = map { $json->decode($_) } split /\n/, slurp($file);
    my $first = shift @lines;

    die "count of $file is wrong\n" unless $first->{keys} == @lines;

    return @lines;
}


sub find {
    my ($file, $id) = @_;

    return (grep { $_->{id} eq $id } records($file))[0];
}


sub decoded { $json->decode($_[0]) }


# files in the directory of the tests but these

sub left_behind {
    my %known = map { $_ => 1 } @_;

    opendir my $d, dir() or die;
    return join ' ', sort grep { !/^\.\.?$/ && !$known{$_} } readdir $d;
}


# CRC-32 bit by bit, RFC 1952, 8: neither the core's table nor zlib

sub crc32 {
    my ($data) = @_;

    my $crc = 0xffffffff;

    for my $octet (unpack 'C*', $data) {
        $crc ^= $octet;
        $crc = $crc & 1 ? ($crc >> 1) ^ 0xedb88320 : $crc >> 1 for 1 .. 8;
    }

    return $crc ^ 0xffffffff;
}


sub base62 {
    my ($n, $digits) = @_;

    my @alphabet = (0 .. 9, 'A' .. 'Z', 'a' .. 'z');
    my $text = '';

    while ($digits--) {
        $text = $alphabet[$n % 62] . $text;
        $n = int $n / 62;
    }

    return $text;
}


# prefix, id and secret of a key of the issued form whose check is right

sub issued {
    my ($key) = @_;

    my ($prefix, $id, $secret, $check) = $key
        =~ /^([a-z0-9]{2,8})_([0-9A-Za-z]{16})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/
        or return;

    return unless $check eq base62(crc32(substr $key, 0, -6), 6);
    return ($prefix, $id, $secret);
}


1;
