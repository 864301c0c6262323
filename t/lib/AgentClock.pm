package AgentClock;

# A wall clock for nginx that a test can set, as an administrator or NTP does.
#
#     use AgentClock;         # before AgentAuth
#     use AgentAuth;
#     ...
#     step(-3600);            # an hour back; step(0): the true time again
#
# t/lib/clock.c is loaded before the C library into nginx alone.  It adds to
# gettimeofday() what a page of memory says that all its processes share; timers
# have a clock of their own, which nobody sets.

use strict;
use warnings;

use Exporter 'import';
use File::Basename qw/ dirname /;
use File::Temp ();

our @EXPORT = qw/ step /;

my $dir = File::Temp->newdir('agent-clock-XXXXXX', TMPDIR => 1);

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
    step(0);

    $ENV{TEST_NGINX_BINARY} = "$dir/nginx";
}


# so many seconds from the true time, in all of nginx, at once

sub step {
    my ($seconds) = @_;

    # in its place: it is mapped
    open my $out, -e "$dir/offset" ? '+<' : '>', "$dir/offset"
        or die "$dir/offset: $!\n";
    syswrite $out, pack('q', $seconds);
    close $out;
}


1;
