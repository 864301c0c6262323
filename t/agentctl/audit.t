# agentctl audit verify, by itself.  Without this a log that cannot be read, or
# is none, could be called intact; what it says of logs of nginx is for
# t/audit-chain.t.

use strict;
use warnings;

use lib 't/agentctl';

use Ctl;
use Digest::SHA qw/ hmac_sha256 /;
use IO::Compress::Gzip ();
use MIME::Base64 qw/ encode_base64 encode_base64url /;
use Test::More;

my $secret = 'a secret of thirty-two octets...';
my $boot = '0123456789abcdef';
my $key = spew(path('audit.key'), 'k1 ' . encode_base64($secret, ''));


# AES-256-GMAC, by openssl

sub gmac {
    my ($k, $seq, $data) = @_;

    my @command = (qw/ openssl mac -cipher AES-256-GCM -macopt /,
        'hexkey:' . unpack('H*', $k), '-macopt', sprintf('hexiv:%024x', $seq),
        '-binary', '-in', spew(path('data'), $data), 'GMAC');

    open my $in, '-|', @command or die "openssl: $!";
    binmode $in;
    my $mac = do { local $/; <$in> };
    close $in or die "openssl mac: $?";

    return $mac;
}


# a chain by its definition, without the core's help

sub chain {
    my ($n, @text) = @_;

    my $seed = hmac_sha256("agent audit seed$boot", $secret);
    $seed = hmac_sha256('agent audit next seed', $seed) for 1 .. $n;

    my $k = hmac_sha256('agent audit chain', $seed);
    my $mac = "\0" x 16;
    my $uid = encode_base64url($boot) . ".$n";
    my ($seq, $epoch, @lines) = (0, 0);

    for my $text (@text) {
        $seq++;

        my $line = $text =~ s/\}\}\z//r
            . qq(,"integrity":{"chain_uid":"$uid","kid":"k1",)
            . qq("epoch":$epoch,"seq":$seq);

        $mac = gmac(hmac_sha256('agent audit gmac key', $k), $seq,
            $line . $mac);
        push @lines, qq($line,"gmac":") . encode_base64url($mac) . "\"}}}\n";

        next unless $text =~ /"checkpoint"/;

        $k = hmac_sha256('agent audit next key', $k);
        $epoch++;
    }

    return @lines;
}


sub said {
    my ($event, $time) = @_;

    return qq({"time":$time,"unmapped":{"audit":{"event":"$event",)
        . '"interval":1000}}}';
}


sub request { qq({"time":$_[0],"unmapped":{"agent_auth":{"n":$_[0]}}}) }


sub verify {
    my @args = @_;

    return agentctl(qw/ audit verify --key-file /, $key, @args);
}


my @one = chain(0, said('start', 1000), map({ request($_) } 1001 .. 1020),
    said('checkpoint', 1021), map({ request($_) } 1022 .. 1040),
    said('stop', 1041));
my @two = chain(1, said('start', 1000), map({ request($_) } 1030 .. 1050),
    said('stop', 1051));
my $log = spew(path('log'), join '', @one, @two);

my $run = verify($log);
is($run->{rc}, 0, 'intact') or diag($run->{out});
is($run->{out}, "intact: 65 lines of 2 chains are as they were written\n",
    'what it says');

$run = verify('--json', $log);
is_deeply(decoded($run->{out}), { intact => decoded('[true]')->[0],
    lines => 65, chains => 2, open => 0, unproven => 0, lost => 0, torn => 0,
    faults => 0, first => undef, list => [] }, 'and as JSON');


# compressed, in two files, named in the wrong order, from standard input

my $old = spew(path('old'), join '', @one[0 .. 20], @two[0 .. 1]);
my $new = spew(path('new'), join '', @one[21 .. $#one], @two[2 .. $#two]);

IO::Compress::Gzip::gzip($old => path('old.gz')) or die;

is(verify($new, path('old.gz'))->{rc}, 0, 'two files, one compressed');
is(agentctl({ stdin => slurp($log) }, qw/ audit verify --key-file /, $key,
    '-')->{rc}, 0, 'standard input');
is(verify($new)->{rc}, 1, 'the second alone is not the log');
is(verify('--partial', $new)->{rc}, 0, 'but may be a part of it');


# every line removed, moved, edited and repeated in turn

my @all = (@one, @two);

for my $what (qw/ removed moved edited repeated /) {
    my @passed;

    for my $i (0 .. $#all - 1) {
        my @lines = @all;

        if ($what eq 'removed') {
            splice @lines, $i, 1;

        } elsif ($what eq 'moved') {
            next if $i == $#one;
            @lines[$i, $i + 1] = @lines[$i + 1, $i];

        } elsif ($what eq 'edited') {
            substr($lines[$i], rand(length($lines[$i]) - 1), 1) ^= "\1";

        } else {
            splice @lines, $i, 0, $lines[$i];
        }

        spew(path('changed'), join '', @lines);
        push @passed, $i if verify(path('changed'))->{rc} != 1;
    }

    # without its stop a chain may go on, for a minute and two intervals
    @passed = grep { $_ != $#one } @passed if $what eq 'removed';

    is("@passed", '', "each line $what");
}


# what is said of a fault

spew(path('changed'), join '', @one[0 .. 9], @one[11 .. $#one], @two);
$run = verify(path('changed'));
like($run->{out}, qr/^\Q${\ path('changed')}\E:11:\ chain\ \S+\.0,\ line\ 12:
    \ missing\ before\ it\ are\ lines\ 11\ to\ 11\n
    not\ intact:.*\n
    first:\ \Q${\ path('changed')}\E:11:/x, 'file, line, chain and number');
is($run->{err}, '', 'and nothing on standard error');

my $fault = decoded(verify('--json', path('changed'))->{out})->{first};
is_deeply([ @$fault{qw/ fault line seq /} ], [ 'missing', 11, 12 ],
    'also as JSON');


# logs that are none, and files that cannot be read

for (
    [ 'an empty file' => '', 1 ],
    [ 'lines without a chain' => request(1) . "\n", 1 ],
    [ 'octets' => join('', map { chr } 0 .. 255) x 300, 1 ],
    [ 'a line that is too long' => 'x' x 200_000 . "\n", 1 ],
    [ 'a line that is cut' => join('', @one, @two[0 .. 5])
        . substr($two[6], 0, 50), 1 ],
) {
    my ($what, $text, $rc) = @$_;

    is(verify(spew(path('other'), $text))->{rc}, $rc, $what);
}

spew(path('cut.gz'), substr slurp(path('old.gz')), 0, -30);
$run = verify(path('cut.gz'));
is($run->{rc}, 1, 'a compressed file that is cut short');
like($run->{err}, qr/cut\.gz" after line \d+: it ends too soon/, 'is named');

$run = verify($log, path('none'));
is($run->{rc}, 1, 'a file that is not there');
like($run->{err}, qr/cannot open ".*none"/, 'is named');

$run = agentctl(qw/ audit verify --key-file /, path('none'), $log);
is($run->{rc}, 1, 'a key that is not there');
like($run->{err}, qr/cannot open audit key file ".*none"/, 'is named');
chmod 0644, spew(path('open.key'), slurp($key));
$run = agentctl(qw/ audit verify --key-file /, path('open.key'), $log);
is($run->{rc}, 1, 'a key that all can read');
like($run->{err}, qr/ audit key file ".*" is readable .* make new keys$/m,
    'is named');
spew(path('k2.key'), 'k2 ' . encode_base64($secret, ''));
$run = agentctl(qw/ audit verify --key-file /, path('k2.key'), $log);
is($run->{rc}, 1, 'a key of another name');
like($run->{out}, qr/the key file has no key of its name/, 'says so');
unlike(join('', map { $_->{out} . $_->{err} } $run), qr/thirty/,
    'no secret is printed');

is(agentctl(qw/ audit verify /, $log)->{rc}, 2, 'no key');
is(agentctl(qw/ audit verify --key-file /, $key)->{rc}, 2, 'no log');

done_testing();
