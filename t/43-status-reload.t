# Counters of several workers, over reloads and deaths of workers.  Without this
# a reload or a crash would lose what was counted, two workers would lose counts
# of each other, or the names of an old configuration would be counted under
# new ones.

use lib 't/lib';
use AgentAuth;
use AgentLoad;
use AgentStatus;

use Digest::SHA ();

our $root = AgentAuth::server_root();

workers(2);
master_on();


sub conf { return "$root/conf/nginx.conf" }

sub reloaded {
    my ($change) = @_;

    open my $in, '<', conf() or die $!;
    my $text = do { local $/; <$in> };
    close $in;

    my $changed = $change ? $change->($text) : $text;
    open my $out, '>', conf() or die $!;
    print $out $changed;
    close $out or die $!;

    my @before = workers_of();

    kill 'HUP', master();
    await(sub {
        my %now = map { $_ => 1 } workers_of();
        return keys %now == 2 && !grep { $now{$_} } @before;
    }, 'other workers');

    return $text;
}


sub master {
    open my $in, '<', "$root/logs/nginx.pid" or die "nginx.pid: $!\n";
    return scalar(<$in>) + 0;
}


sub workers_of {
    my $master = master();
    my @pids = split ' ', `ps -o pid= --ppid $master`;

    return sort { $a <=> $b } @pids;
}


run_tests();

__DATA__

=== TEST 1: two workers, and a reload
--- keys
alpha
--- http_config
add_header Pid $pid always;
--- config
    agent_auth key;
    location /t { empty_gif; }
    location /status { agent_auth off; agent_status; allow 127.0.0.1; deny all; }
--- run
my $before = state();
my $n = 20;
my %pids;

each_worker(sub {
    $pids{ fields(ask('GET /t', 'X-API-Key' => key 'alpha'), 'Pid') }++
        for 1 .. $n / 2;
});

is(scalar keys %pids, 2, 'two workers answered');
is_deeply(grown($before, settled($before, $n)),
    { 'ok allow key enforce' => $n }, 'all are counted');

reloaded();
is_deeply(grown($before, state()), { 'ok allow key enforce' => $n },
    'and kept over a reload');
is(state()->{since}, $before->{since}, 'since when');

ask('GET /t', 'X-API-Key' => key 'alpha') for 1 .. 3;
is(place(settled($before, $n + 3), '/t')->{requests}{key}{allow}
       - place($before, '/t')->{requests}{key}{allow}, $n + 3, 'and go on');



=== TEST 2: a worker is killed
--- keys
alpha
--- http_config
add_header Pid $pid always;
--- config
    agent_auth key;
    location /t { empty_gif; }
    location /status { agent_auth off; agent_status; allow 127.0.0.1; deny all; }
--- run
my $before = state();

ask('GET /t', 'X-API-Key' => key 'alpha') for 1 .. 20;
settled($before, 20);

my @pids = workers_of();
kill 'KILL', @pids;
await(sub {
    my %now = map { $_ => 1 } workers_of();
    return keys %now == 2 && !grep { $now{$_} } @pids;
}, 'other workers');

is_deeply(grown($before, state()), { 'ok allow key enforce' => 20 },
    'nothing is lost');
ask('GET /t') for 1 .. 2;
is_deeply(grown($before, settled($before, 22)), {
    'ok allow key enforce' => 20,
    'credential_missing deny none enforce' => 2 }, 'and counting goes on');
--- serious
2x exited on signal 9



=== TEST 3: names that come and go
--- keys
alpha
--- config
    agent_auth key;
    location /a { empty_gif; }
    location /b { empty_gif; }
    location /status { agent_auth off; agent_status; allow 127.0.0.1; deny all; }
--- run
my $count = sub {
    my ($name) = @_;
    my $place = place(state(), $name) or return;
    return $place->{requests}{key}{allow};
};

my $before = state();
my ($a, $b) = map { $count->($_) } '/a', '/b';

ask('GET /a', 'X-API-Key' => key 'alpha') for 1 .. 2;
ask('GET /b', 'X-API-Key' => key 'alpha') for 1 .. 3;
settled($before, 5);

# another one before them, and /a gone
my $old = reloaded(sub { $_[0] =~ s{location /a }{location /new }r });

is($count->('/b'), $b + 3, 'what stays keeps its numbers');
is($count->('/new') // 'none', 0, 'what is new has none') if $a == 0;
is($count->('/a'), undef, 'what went is not told');
ask('GET /new', 'X-API-Key' => key 'alpha');

# and back
reloaded(sub { $old });
is($count->('/a'), $a + 2, 'what comes again has its own');
is($count->('/b'), $b + 3, 'as before');



=== TEST 4: counting is switched off and on
--- keys
alpha
--- config
    agent_auth key;
    location /t { empty_gif; }
    location /status { agent_auth off; agent_status; allow 127.0.0.1; deny all; }
--- run
ask('GET /t', 'X-API-Key' => key 'alpha') for 1 .. 3;
my $old = reloaded(sub { $_[0] =~ s/agent_status;/empty_gif;/r });

is(ask('GET /t', 'X-API-Key' => key 'alpha')->{status}, 200, 'served');
reloaded(sub { $old });

my $anew = state();
is($anew->{decisions}{total}, 0, 'it begins anew');
ask('GET /t', 'X-API-Key' => key 'alpha');
is(settled($anew, 1)->{decisions}{total}, 1, 'and counts');



=== TEST 5: more locations than are told apart
--- keys
alpha
--- config eval
"agent_auth key;\n"
. CORE::join('', map { "location /l$_ { empty_gif; }\n" } 1 .. 300)
. "location /status { agent_auth off; agent_status; allow 127.0.0.1; deny all; }\n"
--- run
my $before = state();
ask("GET /l$_", 'X-API-Key' => key 'alpha') for 1, 255, 299, 300;
my $after = settled($before, 4);

my $sum = sub {
    my ($state) = @_;
    my $n = 0;
    $n += $_->{requests}{key}{allow} for @{ $state->{locations} };
    return $n;
};

cmp_ok(scalar @{ $after->{locations} }, '<=', 257, 'no more are told');
is(scalar(grep { $_->{location} eq '*' } @{ $after->{locations} }), 1,
    'the rest as one');
is($sum->($after) - $sum->($before), 4, 'none is lost');
is($after->{decisions}{total} - $before->{decisions}{total}, 4, 'nor there');



=== TEST 6: a large table is walked in the background
--- config
    location /t { agent_auth key; empty_gif; }
    location /status { agent_status; allow 127.0.0.1; deny all; }
--- http_config
    agent_key_zone zone=large:32m file=large.jsonl check=100ms;
--- key_files eval
">>> large.jsonl\n" . CORE::join '', map {
    sprintf qq({"id":"k%d","digest":"sha256:%s","agent":"a","imported":true,)
        . qq("state":"%s","expires":"2099-01-01T00:00:00Z"}\n), $_,
        Digest::SHA::sha256_hex("status $_"), $_ % 4 ? 'active' : 'suspended'
} 1 .. 40000
--- run
my $zone;

await(sub {
    $zone = zone_of(state(), 'large');
    return $zone->{counted};
}, 'walked');

is_deeply($zone->{states}, { active => 30000, deprecated => 0, pending => 0,
    suspended => 10000, revoked => 0, expired => 0 }, 'each is counted');
is($zone->{expiring_30d}, 0, 'none is about to expire');
