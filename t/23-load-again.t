# A key file that could not be loaded through no fault of its own.  Without
# this a key that was revoked while a worker had no descriptor to spare would
# stay in force until the file changed once more.
#
# V-05; issue: "a revocation takes effect within 15 s"

use lib 't/lib';
use AgentAuth;
use File::Basename qw/ basename /;

config_preamble(verdict_fields());


sub becomes {
    my ($name, $status, $what) = @_;

    ok(await(sub { ask('GET /t', 'X-API-Key' => key($name))->{status}
                   == $status }, "$name: $status"), $what);
}


sub worker {
    open my $in, '<', server_root() . '/logs/nginx.pid' or die $!;

    my $master = <$in> + 0;
    my ($worker) = split ' ', `ps -o pid= --ppid $master`;

    return $worker;
}


# as the worker's user, which needs no capability

sub prlimit {
    my (@args) = @_;

    my @as = $> == 0 ? qw/ setpriv --reuid=www-data --regid=www-data
                           --clear-groups / : ();

    open my $in, '-|', @as, 'prlimit', '--noheadings', '--output=SOFT', @args
        or die "prlimit: $!\n";

    my $limit = <$in>;
    close $in or die "prlimit failed\n";

    return $limit && $limit + 0;
}


# the limit under which a process can open just one file more

sub limit_of_one {
    my ($pid) = @_;

    my %open = map { basename($_) => 1 } glob "/proc/$pid/fd/*";
    my $free = 0;

    $free++ while $open{$free};

    return $free + 1;
}


run_tests();

__DATA__

=== TEST 1: no descriptor for the pepper file
--- keys
alpha pepper=p1
--- pepper
p1
--- http_config
    agent_key_zone zone=keys:1m file=keys.jsonl pepper_file=pepper check=100ms;
--- config
    location /t { agent_auth key; empty_gif; }
--- run
becomes('alpha', 200, 'at first');

my $pid = worker();
my $before = prlimit('--nofile', "--pid=$pid");

log_mark();
prlimit('--nofile=' . limit_of_one($pid) . ':', "--pid=$pid");

write_keys('keys.jsonl', "alpha pepper=p1 state=revoked\n");

said(qr/pepper" failed \(24: /, 'the pepper file could not be opened');

prlimit("--nofile=$before:", "--pid=$pid");

becomes('alpha', 401, 'and is loaded when it can be');
