package AgentClock;

# Clocks for nginx that a test moves.
#
#     use AgentClock;         # before AgentAuth
#     use AgentAuth;
#     ...
#     step(-3600);            # the one on the wall is an hour behind;
#     step(0);                # and is right again
#     advance(61);            # as if 61 seconds had passed, on both
#     now();                  # seconds since the epoch, says nginx
#
# t/lib/clock.c is loaded before the C library into nginx alone.  It adds to
# the clocks what a page of memory says that all its processes share.  A worker
# that sleeps sees it once a request wakes it.  The one that timers go by is
# never set back.

use strict;
use warnings;

use Exporter 'import';
use File::Basename qw/ dirname /;
use File::Temp ();
use Time::HiRes ();

our @EXPORT = qw/ step advance now /;

my $dir = File::Temp->newdir('agent-clock-XXXXXX', TMPDIR => 1);
my ($wall, $timers) = (0, 0);

prepare();


sub prepare {
    my $binary = $ENV{TEST_NGINX_BINARY}
        // (-x '/usr/sbin/nginx' ? '/usr/sbin/nginx' : 'nginx');
    my $source = dirname(__FILE__) . '/clock.c';

    system($ENV{CC} // 'cc', '-shared', '-fPIC', '-O', '-o', "$dir/clock.so",
        $source) == 0 or die "$source does not compile\n";

    # AddressSanitizer wants to be the first, but needs nothing of ours

    open my $out, '>', "$dir/nginx" or die "$dir/nginx: $!\n";
    print $out "#!/bin/sh\n",
        "AGENT_CLOCK=$dir/offset LD_PRELOAD=$dir/clock.so\n",
        "ASAN_OPTIONS=\$ASAN_OPTIONS:verify_asan_link_order=0\n",
        "export AGENT_CLOCK LD_PRELOAD ASAN_OPTIONS\n",
        "exec $binary \"\$@\"\n";
    close $out;

    chmod 0755, $dir, "$dir/nginx", "$dir/clock.so";
    offsets(0, 0);

    $ENV{TEST_NGINX_BINARY} = "$dir/nginx";
}


# nanoseconds, in all of nginx at once

sub offsets {
    ($wall, $timers) = @_;

    # in its place: it is mapped
    open my $out, -e "$dir/offset" ? '+<' : '>', "$dir/offset"
        or die "$dir/offset: $!\n";
    syswrite $out, pack('q2', map { int($_ * 1e9) } $wall, $timers);
    close $out;
}


sub step    { offsets($_[0], $timers) }
sub advance { offsets($wall + $_[0], $timers + $_[0]) }
sub now     { return Time::HiRes::time() + $wall }


1;
