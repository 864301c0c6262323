# Another executable takes over (USR2), and nginx without a master process.
# Without this an upgrade would share a key table between two sets of
# processes that know nothing of each other, or leave one of them without.
#
# design.md, 2 (a USR2 upgrade has two sets side by side; WORKER and SINGLE)

use lib 't/lib';
use AgentAuth;
use AgentLoad;

config_preamble(verdict_fields());

# what the new executable gets of the environment

env_to_nginx('LSAN_OPTIONS', 'UBSAN_OPTIONS');


sub status { return ask('GET /t', 'X-API-Key' => key($_[0]))->{status} }


sub becomes {
    my ($name, $status, $what) = @_;

    ok(await(sub { status($name) == $status }, "$name: $status"), $what);
}


# which of the two masters' workers answers: each has a prefix of its own

sub prefixes {
    my ($n) = @_;

    my %seen = map {
        substr(fields(ask('GET /t'), 'Agent-Request'), 0, 16) => 1
    } 1 .. $n;

    return sort keys %seen;
}


run_tests();

__DATA__

=== TEST 1: two sets of processes, each with a table of its own
--- keys
alpha
--- http_config
    agent_key_zone zone=upgraded:1m file=keys.jsonl check=100ms;
--- config
    location /t { agent_auth key; empty_gif; }
--- run
my ($before) = prefixes(1);

write_keys('keys.jsonl', "alpha\n");
becomes('alpha', 200, 'before');

my (undef, $old) = upgraded();

ok(await(sub { grep { $_ ne $before } prefixes(20) }, 'a new worker'),
    'whose worker answers');
is(join(' ', map { status('alpha') } 1 .. 20), join(' ', (200) x 20),
    'both know the key');

# both look at the file

write_keys('keys.jsonl', "beta\n");
ok(await(sub { !grep { status('beta') != 200 } 1 .. 20 }, 'both'),
    'both load a new one');
ok(await(sub { !grep { status('alpha') != 401 } 1 .. 20 }, 'both'),
    'and forget the old');

quits($old);

is(status('beta'), 200, 'the new one has its keys');
write_keys('keys.jsonl', "gamma\n");
becomes('gamma', 200, 'and goes on to look');
