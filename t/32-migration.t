# The stages of docs/migration.md, each as it is written there, with a real
# authorization server.  Without this the plan could promise what a stage does
# not do: let in everybody where it says that keys are enforced, or lock out the
# agents that it says are still admitted.
#
# requirements.md, X-01 to X-06

use lib 't/lib';
use AgentAuth;
use AgentAS;

our $as = AgentAS->start;
our $api = 'https://api.test/a';
our ($providers, $shown) = (0, 0);
our $links = join ', ', map {
    "<https://docs.example.com/tokens>; rel=\"$_\"; type=\"text/html\"" }
    qw/ deprecation sunset /;
our $told = "\@1767225600 | Wed, 30 Jun 2027 23:59:59 GMT | $links";
our $nothing = '- | - | -';
our @metadata = (metadata =>
    'https://api.test/.well-known/oauth-protected-resource/a');
our @refused = (scope => 'invoices:read', @metadata);

config_preamble(verdict_fields());


# what stands in http{} of the stage, with the addresses of the test

sub stage {
    my ($number, %change) = @_;

    open my $in, '<:encoding(UTF-8)', "$AgentAuth::Root/docs/migration.md"
        or die $!;
    my $page = do { local $/; <$in> };

    my ($text) = $page =~ /^## Stage $number:.*?^```nginx\n(.*?)^```$/ms
        or die "no stage $number\n";
    my ($http) = $text =~ /^http \{\n(.*)^\}\n\z/ms or die "no http\n";
    my $provider = $as->provider('corp' . ++$providers);

    $http =~ s/^ *resolver .*\n//m or die;
    $http =~ s/^ *agent_oauth_provider.*?\}\n/$provider/ms or die;
    $http =~ s{/var/log/nginx/agent-audit.log}{logs/audit.log flush=20ms} or die;
    $http =~ s{/etc/nginx/keys.jsonl}{keys.jsonl check=100ms};
    $http =~ s{agent_resource +https://api.example.com/}{agent_resource $api}
        or die;
    $http =~ s/listen +8080/listen $ENV{TEST_NGINX_PORT_2}/ or die;
    $http =~ s/127.0.0.1:8081/127.0.0.1:$ENV{TEST_NGINX_PORT_1}/g or die;
    $http =~ s/server_name .*\K/ add_header Agent "\$agent_result \$agent_reason" always; add_header Agent-Request \$agent_request_id always;/
        or die;

    while (my ($from, $to) = each %change) {
        $http =~ s/\Q$from\E/$to/g or die "nothing to change in stage $number\n";
    }

    return $http;
}


sub token {
    my (%option) = @_;

    return (Authorization => 'Bearer ' . $as->token('agent-basic',
        scope => 'invoices:read', resource => $api, %option));
}


# asks the server of the stage; the upstream answers if it is asked

sub at {
    my ($line, @headers) = @_;

    my $upstream = upstream 1;

    return (through $upstream, $line, @headers, Connection => 'close',
        { port => port 2 })[1];
}


sub told {
    my ($answer) = @_;

    return join ' | ', map { fields($answer, $_) // '-' }
        qw/ Deprecation Sunset Link /;
}


our @key = ('X-API-Key' => key('agent-basic'));
our @bearer = (Authorization => 'Bearer ' . key('agent-basic'));

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(keys => "agent-basic scopes=invoices:read owner=pay\n"
        . "other scopes=invoices:write\n"
        . "old scopes=invoices:read imported=abcdefgh-Imported-0123456789\n");
    $block->set_value(config => 'location /t { return 404; }');
});

run_tests();

__DATA__

=== TEST 1: the gate watches
--- http_config
{{stage(1)}}
--- run
my $upstream = upstream 1;

for my $sent ([ 'ok', @main::key ], [ 'ok', token() ],
    [ 'credential_missing' ], [ 'key_unknown', 'X-API-Key' => key('nobody') ],
    [ 'credential_multiple', token(), @main::key ],
    [ 'scope_insufficient', 'X-API-Key' => key('other') ])
{
    my ($reason, @headers) = @$sent;

    my ($seen, $answer) = through $upstream, 'GET /invoices', @headers,
        Connection => 'close', { port => port 2 };

    decided $answer, $reason, $reason,
        $reason eq 'ok' ? () : (result => 'would_deny');
    is(scalar lines_of($seen), @headers / 2, 'everything gets through');
    is(told($answer), $main::nothing, 'and nothing is added');
}



=== TEST 2: keys and tokens
--- http_config
{{stage(2)}}
--- run
for my $sent (\@main::key, \@main::bearer, [ token() ]) {
    my $answer = decided at('GET /invoices', @$sent), 'ok', $sent->[0];
    is(told($answer), $main::nothing, 'nothing is said');
}

decided at('GET /invoices'), 'credential_missing', 'nobody', @main::refused;
decided at('GET /invoices', token(), @main::key), 'credential_multiple',
    'both at once', @main::metadata;
decided at('GET /invoices', 'X-API-Key' => key('nobody')), 'key_unknown',
    'an unknown key', @main::metadata;
decided at('GET /invoices', 'X-API-Key' => key('other')), 'scope_insufficient',
    'another scope', @main::refused;
decided at('GET /invoices', token(scope => 'invoices:write')),
    'scope_insufficient', 'of a token, too', @main::refused;
decided at('GET /invoices', token(resource => 'https://api.test/b')),
    'audience_mismatch', 'a token for something else', @main::metadata;

my $document = ask 'GET /.well-known/oauth-protected-resource/a',
    { port => port 2 };
my $json = JSON::PP->new->decode($document->{body});
is("@{ $json->{authorization_servers} }", $main::as->issuer,
    'where tokens are had');



=== TEST 3: keys are deprecated
--- http_config
{{stage(3)}}
--- run
for my $sent (\@main::key, \@main::bearer) {
    is(told(decided at('GET /invoices', @$sent), 'ok', 'a key'), $main::told,
        'is told');
}

is(told(decided at('GET /invoices', token()), 'ok', 'a token'),
    $main::nothing, 'is told nothing');
is(told(decided at('GET /invoices'), 'credential_missing', 'nobody',
    @main::refused), $main::nothing, 'likewise');
decided at('GET /invoices', 'X-API-Key' => key('other')), 'scope_insufficient',
    'may do what it could, and no more', @main::refused;



=== TEST 4: a rehearsal
--- http_config
{{stage(4)}}
--- run
my $answer = decided at('GET /reports/1', @main::key), 'key_sunset',
    'a key', result => 'would_deny';
like(told($answer), qr/^- \| Thu, 01 Jan 2026 00:00:00 GMT \| \Q$main::links\E$/,
    'is told');
decided at('GET /reports/1', token()), 'ok', 'a token';
decided at('GET /reports/1'), 'credential_missing', 'nobody', @main::refused;
decided at('GET /reports/1', 'X-API-Key' => key('nobody')), 'key_unknown',
    'an unknown key', @main::metadata;
decided at('GET /reports/1', 'X-API-Key' => key('other')),
    'scope_insufficient', 'another scope', @main::refused;
is(told(decided at('GET /invoices', @main::key), 'ok', 'elsewhere'),
    $main::told, 'as before');



=== TEST 5: what the report says of it
--- http_config
{{stage(4)}}
--- run
my $log = "$Test::Nginx::Util::ServRoot/logs/audit.log";
my $part = "$Test::Nginx::Util::ServRoot/logs/part.log";
my $from = -s $log // 0;

decided at('GET /reports/1', @main::key), 'key_sunset', 'a key',
    result => 'would_deny';
decided at('GET /reports/1', 'X-API-Key' => 'abcdefgh-Imported-0123456789'),
    'key_sunset', 'an imported one', result => 'would_deny';
decided at('GET /invoices', token()), 'ok', 'a token';
decided at('GET /reports/1', token()), 'ok', 'a token';
decided at('GET /reports/1'), 'credential_missing', 'nobody', @main::refused;

my $lines = sub {
    open my $in, '<', $log or return ();
    seek $in, $from, 0;
    return <$in>;
};

ok(await(sub { scalar(() = $lines->()) >= 5 }, 'the audit lines'), 'audited');

open my $out, '>', $part or die $!;
print $out $lines->();
close $out;

my $text = `$AgentAuth::Root/build/agentctl migration report --json $part`;
is($?, 0, 'agentctl');
my $report = JSON::PP->new->utf8->decode($text);

is(join(' ', map { "$_->{agent}:$_->{location}:$_->{requests}" }
    @{ $report->{breaks} }), 'old:/reports/:1', 'what would break');
is(join(' ', map { "$_->{agent}=$_->{on}" } @{ $report->{agents} }),
    'agent-basic=both old=keys', 'agents');
is($report->{locations}[1]{server}, 'api.example.com', 'the server');
is($report->{locations}[1]{sunset}, '2026-01-01T00:00:00Z', 'the day');
is(join(' ', map { "$_->{reason}:$_->{requests}" } @{ $report->{refusals} }),
    'credential_missing:1', 'refusals');



=== TEST 6: tokens only and observe, which is no rehearsal
--- http_config
{{stage(4, 'agent_key_sunset  2026-01-01T00:00:00Z' => 'agent_auth oauth;
    agent_mode observe; agent_key_sunset off; agent_realm',
    'link=https://docs.example.com/tokens observe' => '"x"')}}
--- run
$main::as->reset;

decided at('GET /reports/1', @main::key), 'credential_missing',
    'its field is not looked at', result => 'would_deny';
decided at('GET /reports/1', @main::bearer), 'key_unknown',
    'what looks like a key is one', result => 'would_deny';
decided at('GET /reports/1'), 'credential_missing', 'everybody gets in',
    result => 'would_deny';
is($main::as->calls('introspection'), 0, 'no key was shown to the server');

decided at('GET /reports/1',
    Authorization => 'Bearer abcdefgh-Imported-0123456789'), 'token_inactive',
    'a key that looks like a token', result => 'would_deny';

# a refusal is cached for a while, which may be over when this is repeated

my $calls = $main::as->calls('introspection');

$main::shown += $calls;
cmp_ok($main::shown, '>', 0, 'was');
cmp_ok($calls, '<=', 1, 'once');



=== TEST 7: location by location
--- http_config
{{stage(5)}}
--- run
$main::as->reset;

for my $sent (\@main::key, \@main::bearer) {
    is(told(decided at('GET /invoices', @$sent), 'ok', 'a key'), $main::told,
        'is told');
    is(told(decided at('GET /reports/1', @$sent), 'key_sunset', 'is refused',
        @main::metadata), $main::nothing, 'and told nothing');
}

decided at('GET /ledger/1', @main::key), 'credential_missing',
    'not looked at', @main::refused;
decided at('GET /ledger/1', @main::bearer), 'key_unknown', 'is no token',
    @main::metadata;
decided at('GET /reports/1',
    Authorization => 'Bearer abcdefgh-Imported-0123456789'), 'key_sunset',
    'nor is an imported one', @main::metadata;
is($main::as->calls('introspection'), 0, 'no key was shown to the server');

my @token = token();

for my $path (qw( /invoices /reports/1 /ledger/1 )) {
    is(told(decided at("GET $path", @token), 'ok', "a token for $path"),
        $main::nothing, 'is told nothing');
}



=== TEST 8: the day
--- http_config
{{stage(5, '2027-06-30T23:59:59Z' => '2026-01-02T00:00:00Z')}}
--- run
for my $path (qw( /invoices /reports/1 )) {
    for my $sent (\@main::key, \@main::bearer) {
        decided at("GET $path", @$sent), 'key_sunset', "no key for $path",
            @main::metadata;
    }

    decided at("GET $path", token()), 'ok', "a token for $path";
}



=== TEST 9: and how it is taken back
--- http_config
{{stage(5, '2027-06-30T23:59:59Z' => '2026-01-02T00:00:00Z observe')}}
--- run
decided at('GET /invoices', @main::key), 'key_sunset', 'a key',
    result => 'would_deny';
decided at('GET /invoices', token()), 'ok', 'a token';
decided at('GET /invoices'), 'credential_missing', 'nobody', @main::refused;



=== TEST 10: without keys
--- http_config
{{stage(7)}}
--- run
decided at('GET /invoices', token()), 'ok', 'a token';
decided at('GET /invoices', @main::key), 'credential_missing',
    'not looked at', @main::refused;
decided at('GET /invoices', @main::bearer), 'key_unknown', 'is no token',
    @main::metadata;
decided at('GET /invoices'), 'credential_missing', 'nobody', @main::refused;
