# What t/run says of suites that fail.  Without this their own words could be
# lost among those of others, or behind the end that CI shows, and those of a
# first try altogether.

use strict;
use warnings;

use File::Copy qw/ copy /;
use File::Path qw/ make_path /;
use File::Temp qw/ tempdir /;
use Test::More;

my $dir = tempdir(CLEANUP => 1);

make_path("$dir/t/lib");
copy("t/$_", "$dir/t/$_") or die "$_: $!\n" for qw( run lib/said );

# a run of its own, whatever this one is a part of

delete @ENV{qw/ TEST_AGENT_LOCKED TEST_AGENT_NO_AS STEADY SUITES /};
$ENV{TEST_AGENT_STATE} = "$dir/build";


sub suite {
    my ($name, $text) = @_;

    open my $out, '>', "$dir/t/$name" or die $!;
    print $out "use Test::More;\n$text\ndone_testing();\n";
    close $out;
}


sub ran {
    my $text = `sh $dir/t/run suite 2>&1`;

    return ($? >> 8, $text);
}


suite('good.t', 'ok(1, "fine"); warn "a warning\n";');
suite('late.t', "ok(-e '$dir/flag', 'at the second try');\n"
    . "open my \$flag, '>', '$dir/flag';");

my ($status, $text) = ran();

is($status, 0, 'who passes alone has passed');
like($text, qr/, 0 failed, .*second try: t\/late\.t/, 'which is said');
like($text, qr/^-- t\/late\.t says:.*^# +Failed test 'at the second try'/ms,
    'together with what failed at the first');

my $log = do { local (@ARGV, $/) = "$dir/build/run/suite.log"; <> };
like($log, qr/^t_good\.t: a warning$/m, 'a warning is in the log, with a name');

# what comes behind it does not hide it

suite('bad.t', 'is(1, 2, "one is two");');
suite("other$_.t", 'ok(0, "another");') for 1 .. 9;

($status, $text) = ran();

is($status, 1, 'who does not fails');
like($text, qr/^-- t\/bad\.t says:.*^# +Failed test 'one is two'/ms,
    'in his own words');
like($text, qr/^# +expected: '2'/m, 'all of them');
like($text, qr/^-- the end of .*suite\.log:.*^Result: FAIL/ms, 'and the end');
cmp_ok(length $text, '<', 20000, 'which is not too much');

done_testing();
