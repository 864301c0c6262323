# What agent_status counts.  Without this the numbers that operators and their
# alerts go by could be wrong, begin anew with each reload, or count what is
# not there.
#
# requirements.md, N-09 (bounded tables), X-06 (migration)

use lib 't/lib';
use AgentAuth;
use AgentAS;
use AgentLoad ();
use AgentStatus;

our $as = AgentAS->start(faults => 1);
our $api = 'https://api.test/a';
our $tokens = 0;

workers(2);

sub date {
    my @t = gmtime(time + $_[0] * 86400);
    return sprintf '%04d-%02d-%02dT%02d:%02d:%02dZ', $t[5] + 1900, $t[4] + 1,
        @t[3, 2, 1, 0];
}


# a provider of the block's own, named for it

sub provider { return $as->provider(@_) }

sub bearer { return (Authorization => "Bearer $_[0]") }

sub unknown { return planted("CANARY-status-$$-" . ++$tokens) }


# what the scripted server says of a token

sub said_of {
    my ($body, %rule) = @_;

    $as->clear;
    $as->scripted('introspection', $body, %rule);

    return unknown();
}


sub active { return qq({"active":true,"aud":"$api","client_id":"c"}) }


run_tests();

__DATA__

=== TEST 1: decisions, by reason, result, method and mode
--- keys
alpha  scopes=a
gone   state=revoked
old    state=deprecated grace_until=2099-01-01T00:00:00Z
--- config
    agent_auth key;
    location /t { empty_gif; }
    location /scope { agent_scope b; empty_gif; }
    location /watched { agent_mode observe; agent_service watched; empty_gif; }
    location /open { agent_auth off; empty_gif; }
    location /status { agent_auth off; agent_status; allow 127.0.0.1; deny all; }
--- run
my $before = state();

ask('GET /t', 'X-API-Key' => key 'alpha') for 1 .. 3;
ask('GET /t', 'X-API-Key' => key 'old') for 1 .. 2;
ask('GET /t', 'X-API-Key' => key 'gone');
ask('GET /t', 'X-API-Key' => key 'nobody');
ask('GET /t');
ask('GET /scope', 'X-API-Key' => key 'alpha');
ask('GET /watched', 'X-API-Key' => key 'alpha');
ask('GET /watched', 'X-API-Key' => key 'gone');
ask('GET /open', 'X-API-Key' => key 'gone') for 1 .. 3;

my $after = settled($before, 11);

is_deeply(grown($before, $after), {
    'ok allow key enforce'                  => 5,
    'key_revoked deny key enforce'          => 1,
    'key_unknown deny key enforce'          => 1,
    'credential_missing deny none enforce'  => 1,
    'scope_insufficient deny key enforce'   => 1,
    'ok allow key observe'                  => 1,
    'key_revoked would_deny key observe'    => 1,
}, 'each once, and nothing else');

is($after->{decisions}{total} - $before->{decisions}{total}, 11, 'in all');
is($after->{decisions}{allow} - $before->{decisions}{allow}, 6, 'allowed');
is($after->{decisions}{would_deny} - $before->{decisions}{would_deny}, 1,
    'would be denied');
is($after->{observed_locations}, 1, 'in observe');

my ($a, $b) = map { place($_, '/t') } $before, $after;

is($b->{requests}{key}{allow} - $a->{requests}{key}{allow}, 5, 'of /t');
is($b->{requests}{none}{deny} - $a->{requests}{none}{deny}, 1, 'without');
is($b->{grace} - $a->{grace}, 2, 'in grace');
is(place($after, '/watched')->{mode}, 'observe', 'mode');
is(place($after, '/watched')->{service}, 'watched', 'service');
is(place($after, '/open'), undef, 'what is not guarded is not counted');



=== TEST 2: tokens, by what the cache knew, and calls
--- http_config
{{provider('counted')}}
--- config
    agent_audience https://api.test/a;
    location /t { agent_auth oauth; empty_gif; }
    location /status { agent_status; allow 127.0.0.1; deny all; }
--- run
my $first = state();
my $before = provider_of($first, 'counted');

my $token = said_of(active(), delay => 30);
ask('GET /t', bearer($token)) for 1 .. 3;
$token = said_of('{"active":false}');
ask('GET /t', bearer($token)) for 1 .. 2;
$token = said_of('no json');
ask('GET /t', bearer($token));
$token = said_of('', status => 401);
ask('GET /t', bearer($token));
$token = said_of('', status => 503);
ask('GET /t', bearer($token));
$as->clear;

my $after = provider_of(settled($first, 8), 'counted');

my %cache = map { $_ => $after->{cache}{$_} - $before->{cache}{$_} }
    keys %{ $after->{cache} };

is_deeply(\%cache, { bypass => 0, hit => 2, miss => 5, coalesced => 0,
    negative => 1, stale => 0 }, 'look-ups');

my %call = map { $_ => $after->{introspection}{$_}
                       - $before->{introspection}{$_} }
    grep { !/_ms$/ } keys %{ $after->{introspection} };

is_deeply(\%call, { active => 1, refused => 1, unavailable => 1, timeout => 0,
    refused_client => 1, bad_answer => 1 }, 'calls');

my ($last) = map { $after->{introspection}{within_ms}[-1]{count}
    - $before->{introspection}{within_ms}[-1]{count} } 1;

is($last, 5, 'each has its time');
cmp_ok($after->{introspection}{total_ms} - $before->{introspection}{total_ms},
    '>=', 29, 'which is the sum');
is($after->{pending}, 0, 'none is under way');
is($after->{max_pending}, 64, 'as many as may be');
--- serious
1 refuses our own credentials



=== TEST 3: a breaker that is open
--- http_config
{{provider('broken', breaker => 'failures=2 cooldown=1h')}}
--- config
    agent_audience https://api.test/a;
    location /t { agent_auth oauth; empty_gif; }
    location /status { agent_status; allow 127.0.0.1; deny all; }
--- run
$as->clear;
$as->fault(path => 'introspection', status => 503, body => '');

for (1 .. 3) {
    ask('GET /t', bearer(unknown()));
}

my $state = state();
my $provider = provider_of($state, 'broken');

is($provider->{breaker}, 'open', 'open');
cmp_ok($provider->{failures}, '>=', 2, 'failures in a row');
cmp_ok($provider->{retry_seconds}, '>', 3500, 'for how long');
is(scalar(grep { $_->{code} eq 'provider_down' && $_->{name} eq 'broken' }
          @{ $state->{advice} }), 1, 'and what to do');

my $samples = samples(metrics('prometheus')->{body});

is($samples->{'nginx_agent_provider_breaker{provider="broken",state="open"}'},
    1, 'as a metric');
$as->clear;



=== TEST 4: keys by state, their file, and their expiry
--- keys
a
b
soon     expires={{date(5)}}
later    expires={{date(20)}}
grace    state=deprecated grace_until={{date(3)}}
pending  state=pending
todo     not_before=2098-01-01T00:00:00Z
asleep   state=suspended
gone     state=revoked
over     expires=2020-01-01T00:00:00Z
--- config
    location /t { agent_auth key; empty_gif; }
    location /status { agent_status; allow 127.0.0.1; deny all; }
--- run
await(sub { zone_of(state(), 'keys')->{file} eq 'current' }, 'loaded');

my $zone = zone_of(state(), 'keys');

is_deeply($zone->{states}, { active => 4, deprecated => 1, pending => 2,
    suspended => 1, revoked => 1, expired => 1 }, 'states');
is($zone->{keys}, 10, 'in all');
is($zone->{expiring_7d}, 2, 'within 7 days');
is($zone->{expiring_30d}, 3, 'within 30 days');
is($zone->{file}, 'current', 'the file');
cmp_ok($zone->{octets}, '>', 10 * 88, 'octets of the table');
cmp_ok($zone->{room}, '>', $zone->{octets}, 'which has more room');

my $path = conf_file('keys.jsonl');
open my $in, '<', $path or die $!;
my $good = do { local $/; <$in> };
close $in;

write_file('keys.jsonl', $good . "no record\n");
await(sub { zone_of(state(), 'keys')->{refusals} > $zone->{refusals} },
    'refused');

my $state = state();
my $now = zone_of($state, 'keys');

is($now->{file}, 'refused', 'a bad file');
is($now->{generation}, $zone->{generation}, 'changes nothing');
is(scalar(grep { $_->{code} eq 'key_file_refused' } @{ $state->{advice} }), 1,
    'and what to do');

write_file('keys.jsonl', $good);
await(sub { zone_of(state(), 'keys')->{generation} > $zone->{generation} },
    'loaded again');
$now = zone_of(state(), 'keys');
is($now->{file}, 'current', 'a good one');
cmp_ok($now->{loads}, '>', $zone->{loads}, 'which was counted');



=== TEST 5: audit lines, written and waiting
--- keys
alpha
--- config
    location /t { agent_auth key; empty_gif; }
    location /status { agent_status; allow 127.0.0.1; deny all; }
--- run
my $before = state()->{audit}[0];

ask('GET /t', 'X-API-Key' => key 'alpha') for 1 .. 7;
await(sub { state()->{audit}[0]{written} >= $before->{written} + 7 },
    'written');

my $after = state()->{audit}[0];

is($after->{written} - $before->{written}, 7, 'lines');
is($after->{lost}, 0, 'none is lost');
like($after->{name}, qr{/logs/audit\.log$}, 'of the file');



=== TEST 6: nothing is counted where nobody asks
--- keys
alpha
--- config
    location /t { agent_auth key; empty_gif; }
--- request
GET /t
--- more_headers
X-API-Key: {{key 'alpha'}}
--- error_code: 200



=== TEST 7: the same over HTTP/2, and in an "if"
--- keys
alpha
--- config
    listen $TEST_NGINX_PORT_2 http2;
    location /t { agent_auth key; empty_gif; }
    location /status {
        agent_status; allow 127.0.0.1; deny all;
        if ($arg_x) { set $y 1; }
    }
--- run
my $before = state();
my $curl = "curl -s --max-time 60 --http2-prior-knowledge http://127.0.0.1:"
    . port(2);

`$curl/t -H 'X-API-Key: @{[ key 'alpha' ]}'` for 1 .. 2;
`$curl/t`;

is_deeply(grown($before, settled($before, 3)), {
    'ok allow key enforce' => 2,
    'credential_missing deny none enforce' => 1,
}, 'decisions');

my $state = JSON::PP->new->utf8->decode(`$curl/status`);
is($state->{version}, 1, 'the status itself');
is(ask('GET /status?x=1')->{status}, 200, 'in an "if"');
