# What t/fuzz/run says of a fuzzer.  Without this one that fails where nobody
# can look at its files, as in CI, could leave neither its name nor what it
# found.

use strict;
use warnings;

use File::Temp qw/ tempdir /;
use IO::Uncompress::Gunzip qw/ gunzip /;
use MIME::Base64 qw/ decode_base64 /;
use Test::More;

my $dir = tempdir(CLEANUP => 1);

mkdir "$dir/fuzz" or die $!;


sub slurp {
    open my $in, '<', $_[0] or die "$_[0]: $!\n";
    local $/;

    return scalar <$in>;
}


# a fuzzer that is none: the status and what it says

sub ran {
    my ($name, $status, $says) = @_;

    open my $out, '>', "$dir/fuzz/fuzz_$name" or die $!;
    print $out "#!/bin/sh\ncat << 'END'\n${says}END\nexit $status\n";
    close $out;
    chmod 0755, "$dir/fuzz/fuzz_$name";

    my $text = `sh t/fuzz/run $dir $name -runs=1 2>&1`;

    return ($? >> 8, $text);
}


my ($status, $text) = ran('good', 0, <<'END');
INFO: Running with entropic power schedule (0xFF, 100).
"\377" # Uses: 12
stat::number_of_executed_units: 17
END

is($status, 0, 'one that finds nothing');
is($text, "fuzz_good: ok, 17 runs\n", 'says so in a line');

for my $length (3, 9000) {
    my $input = 'x' x $length;
    my $file = "$dir/fuzz/bad-crash-$length";

    open my $out, '>', $file or die $!;
    print $out $input;
    close $out;

    ($status, $text) = ran('bad', 77, <<"END");
INFO: Running with entropic power schedule (0xFF, 100).
t/fuzz/fuzz_bad.c:9: n > 0
==1== ERROR: libFuzzer: deadly signal
    #7 0x1 in LLVMFuzzerTestOneInput t/fuzz/fuzz_bad.c:9:5
    #8 0x2 in fuzzer::Fuzzer::RunOne(unsigned char const*)
SUMMARY: libFuzzer: deadly signal
"\\377" # Uses: 12
artifact_prefix='$dir/'; Test unit written to $file
END

    is($status, 1, "$length octets: it fails");
    like($text, qr/^fuzz_bad: FAILED with status 77, .*bad\.log$/m, 'its name');
    like($text, qr/^t\/fuzz\/fuzz_bad\.c:9: n > 0$/m, 'what failed');
    like($text, qr/ in LLVMFuzzerTestOneInput /, 'where');
    like($text, qr/^SUMMARY: /m, 'its summary');
    unlike($text, qr/INFO|Uses|RunOne/, 'and no more');
    like(slurp("$dir/fuzz/bad.log"), qr/INFO.*Uses/s, 'which is in its log');

    my ($how, $base64) = $text =~ /^(.*in base64:)\n(.*)\z/ms;
    my $found = decode_base64($base64);

    gunzip(\(my $packed = $found) => \$found) if $how =~ /gzip/;
    is($found, $input, 'the input');
    cmp_ok(length $text, '<', 10000, 'in few words');
}

done_testing();
