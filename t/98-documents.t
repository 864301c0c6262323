# The metadata and keys of a server are fetched by one worker, and the others
# wait for it.  Without this many who wait would keep a worker busy with asking
# whether it is there: one that has nothing to do with the fetch at all.
#
# requirements.md, J-01

use lib 't/lib';
use AgentAuth;
use AgentAS;
use AgentLoad;
use MIME::Base64 ();

our $as = AgentAS->start(faults => 1);
our ($providers, $tokens) = (0, 0);

config_preamble(verdict_fields());
workers(2);
worker_connections(1024);


sub provider {
    return $as->provider('k' . ++$providers, introspection_endpoint => undef,
        jwks_uri => $as->url('jwks'), verify => 'jwt', timeout => '60s', @_);
}


# looks like a JWT, of a key that there is not

sub stranger {
    return join '.', map { MIME::Base64::encode_base64url($_) }
        '{"alg":"ES256","typ":"at+jwt","kid":"k' . ++$tokens . '"}',
        '{"iss":"' . $as->issuer . '"}', 'x' x 64;
}


# seconds of the CPU that the workers have used

sub busy {
    my $ticks = 0;

    for my $pid (worker_pids()) {
        open my $in, '<', "/proc/$pid/stat" or next;
        my @fields = split ' ', (<$in> // '') =~ s/.*\) //r;
        $ticks += $fields[11] + $fields[12];
    }

    return $ticks / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}


run_tests();

__DATA__

=== TEST 1: many wait for keys that another worker fetches
--- http_config
{{provider()}}
--- config
    agent_audience https://api.test/a;
    location /t { agent_auth oauth; empty_gif; }
    location /plain { return 204; }
--- run
$as->reset;
$as->fault(path => '/jwks', delay => 4000);

# the second herd finds the keys there, and does not wait

my ($waiting, $without) = map {
    my @connections = warm(600, '/plain');
    my @strangers = map { stranger() } 1 .. 600;
    my $before = busy();
    my ($answers) = herd(\@connections, 'GET /t', @strangers);

    is(statuses(@$answers), '401:600', "all are refused, $_ keys came");
    busy() - $before;
} qw/ until once /;

cmp_ok($waiting, '<', 3 * $without + 0.4, 'those who wait cost nothing');
Test::More::note("$waiting s of the CPU for those who wait, $without"
    . ' for the others');
