# The cache manager and the cache loader run our module's code as well.
# Without this they would load key files, unseen by workers and at the cost of
# a second copy, or hold the lease of the table for as long as they live.
#
# design.md, 2 (init_process also runs in cache manager and loader)

use lib 't/lib';
use AgentAuth;

config_preamble(verdict_fields());


# pids by what their title says, of those whose parent is the master

sub processes {
    my $master = line_of(server_root() . '/logs/nginx.pid') + 0;
    my %pids;

    for my $dir (glob '/proc/[0-9]*') {
        my ($pid) = line_of("$dir/stat") =~ /^(\d+) \(.*\) [^Z] $master /
            or next;
        my ($title) = line_of("$dir/cmdline") =~ /^nginx: (.*?) process\0/
            or next;

        push @{ $pids{$title} }, $pid;
    }

    return \%pids;
}


sub line_of {
    open my $in, '<', $_[0] or return '';

    return <$in> // '';
}


run_tests();

__DATA__

=== TEST 1: key files are for workers only
--- keys
alpha
--- http_config
    proxy_cache_path $TEST_NGINX_SERVER_ROOT/the_cache keys_zone=cache:1m;
    agent_key_zone zone=helped:1m file=keys.jsonl check=100ms;
--- config
    location /t { agent_auth key; empty_gif; }
--- run
my $pids;

ok(await(sub {
    $pids = processes();
    return $pids->{worker} && @{ $pids->{worker} } == 1
        && $pids->{'cache manager'};
}, 'a worker and a cache manager'), 'there is a cache manager');

my ($worker) = @{ $pids->{worker} };
my ($manager) = @{ $pids->{'cache manager'} };
my $mark = 'mark' . ++our $generation;

log_mark();
write_keys('keys.jsonl', "alpha\n$mark\n");
ok(await(sub {
    ask('GET /t', 'X-API-Key' => key $mark)->{status} == 200
}, 'the new table'), 'a changed file is loaded');

my %by;
for (error_lines()) {
    $by{$1}++ if /\] (\d+)#\d+: .*agent_auth: /;
}

is_deeply([ keys %by ], [ $worker ], 'by the worker, and nobody else looked');

# with the worker stopped nobody is left who would

kill STOP => $worker;
log_mark();
write_keys('keys.jsonl', "alpha\nbeta$mark\n");

my $start = time;
await(sub { time > $start + 1 }, 'some looks');
is(scalar(grep { /agent_auth: / } error_lines()), 0, 'not the manager');

kill CONT => $worker;
ok(await(sub {
    ask('GET /t', 'X-API-Key' => key "beta$mark")->{status} == 200
}, 'the table of the worker'), 'the worker, when it goes on');

is_deeply(processes()->{'cache manager'}, [ $manager ], 'the manager lives');
