# An authentication that is strong and recent enough.  Without this an agent
# could do what needs a person with the token of last month's password, or would
# not be told what to ask its authorization server for.
#
# RFC 9470; requirements.md, S-01 to S-04

use lib 't/lib';
use AgentClock;
use AgentAuth;
use AgentAS;

our $as = AgentAS->start(faults => 1);
our $issuer = 'https://own.test';
our ($providers, $tokens) = (0, 0);

config_preamble(verdict_fields());

{
    open my $out, '>', $as->dir . '/step-up.json' or die $!;
    print $out JSON::PP->new->encode({ keys =>
        [ { %{ $as->jwk($as->dir . '/agent-es256.key') }, kid => 'k' } ] });
    close $out;
}


sub own {
    return 'agent_oauth_provider own' . ++$providers . " {\n"
        . "issuer $issuer;\nmetadata_uri off;\nmiss_rate off;\n"
        . "max_ttl 1h;\n"
        . 'jwks_file ' . $as->dir . "/step-up.json;\n}\n";
}


# of a JWT with these claims besides

sub token {
    my (%claims) = @_;

    my $now = int now();

    return (Authorization => 'Bearer ' . $as->jwt(
        { alg => 'ES256', typ => 'at+jwt', kid => 'k' },
        { iss => $issuer, aud => 'api', sub => 'anna', client_id => 'c',
            jti => 's' . ++$tokens, iat => $now, exp => $now + 3600,
            %claims }, $as->dir . '/agent-es256.key'));
}


our @acr = (step_up => 'acr_values="strong mfa"');
our @age = (step_up => 'max_age="300"');
our @both = (step_up => 'acr_values="strong mfa", max_age="300"');


add_block_preprocessor(sub {
    my ($block) = @_;

    my $config = $block->config // '';

    $block->set_value(config => "agent_audience api;\n" . ($config || <<'END'));
    agent_auth oauth;

    location /t { empty_gif; }
    location /acr { agent_step_up acr=strong acr=mfa; empty_gif; }
    location /age { agent_step_up max_age=5m; empty_gif; }
    location /both { agent_step_up acr=strong max_age=300 acr=mfa; empty_gif; }
END
});

run_tests();

__DATA__

=== TEST 1: how strongly
--- http_config
{{own()}}
--- run
decided ask('GET /t', token()), 'ok', 'nothing is asked for';
decided ask('GET /acr', token(acr => 'strong')), 'ok', 'the best';
decided ask('GET /acr', token(acr => 'mfa')), 'ok', 'good enough';

for my $acr ('pwd', 'MFA', 'mf', 'mfa2', 'strong mfa', '', '0') {
    decided ask('GET /acr', token(acr => $acr)), 'step_up_required',
        "not \"$acr\"", @main::acr;
}

decided ask('GET /acr', token()), 'step_up_required', 'none', @main::acr;
decided ask('GET /acr', token(acr => [ 'mfa' ])), 'token_claims', 'a list';



=== TEST 2: how long ago
--- http_config
{{own()}}
--- run
my $now = int now();

decided ask('GET /age', token(auth_time => $now)), 'ok', 'now';
decided ask('GET /age', token(auth_time => $now - 280)), 'ok', 'recently';
decided ask('GET /age', token(auth_time => $now + 20)), 'ok',
    'by a clock that is ahead';

for my $seconds (-301, -302, -86400, -$now, 120, 86400) {
    decided ask('GET /age', token(auth_time => $now + $seconds)),
        'step_up_required', "$seconds seconds from now", @main::age;
}

decided ask('GET /age', token()), 'step_up_required', 'nobody knows',
    @main::age;
decided ask('GET /age', token(auth_time => "$now")), 'token_claims', 'a text';



=== TEST 3: both, and what else the client has to ask for
--- http_config
{{own()}}
--- config
    agent_auth oauth;
    agent_step_up acr=strong acr=mfa max_age=5m;

    location /t { empty_gif; }
    location /scope { agent_scope pay; agent_scope read; empty_gif; }
    location /require { agent_require $agent_claim_ok; empty_gif; }
    location /off { agent_step_up off; empty_gif; }
    location /own { agent_step_up max_age=10m; empty_gif; }
    location /watched { agent_mode observe; empty_gif; }
--- run
my $now = int now();
my @good = (acr => 'mfa', auth_time => $now - 10);

decided ask('GET /t', token(@good)), 'ok', 'both hold';
decided ask('GET /t', token(@good, acr => 'pwd')), 'step_up_required',
    'too weak', @main::both;
decided ask('GET /t', token(@good, auth_time => $now - 400)),
    'step_up_required', 'too long ago', @main::both;

decided ask('GET /scope', token(scope => 'read pay')), 'step_up_required',
    'scopes', @main::both, scope => 'pay read';
decided ask('GET /scope', token(scope => 'read')), 'scope_insufficient',
    'what will not be granted comes first', scope => 'pay read';
decided ask('GET /require', token()), 'requirement_failed', 'likewise';
decided ask('GET /t', token(aud => 'x')), 'audience_mismatch', 'likewise';

decided ask('GET /off', token()), 'ok', 'off';
decided ask('GET /own', token(auth_time => $now - 400)), 'ok', 'replaced';
decided ask('GET /watched', token()), 'step_up_required', 'observed',
    result => 'would_deny', status => 200;
decided ask('GET /t'), 'credential_missing', 'nobody';



=== TEST 4: a cached verdict grows old
--- http_config
{{own()}}
--- config
    agent_auth oauth;
    add_header Cache $agent_cache always;

    location /t { empty_gif; }
    location /age { agent_step_up max_age=5m; empty_gif; }
--- run
my @token = token(auth_time => int now());

decided ask('GET /age', @token), 'ok', 'a token';
advance(200);
my $answer = decided ask('GET /age', @token), 'ok', 'some time later';
is(fields($answer, 'Cache'), 'hit', 'of the cache');
advance(120);
$answer = decided ask('GET /age', @token), 'step_up_required', 'too late',
    @main::age;
is(fields($answer, 'Cache'), 'hit', 'of the cache');
decided ask('GET /t', @token), 'ok', 'it is good elsewhere';



=== TEST 5: what a provider says by introspection
--- http_config
{{$main::as->provider('intro' . ++$main::providers, verify => 'introspection')}}
--- run
my $said = sub {
    my ($claims) = @_;

    $main::as->clear;
    $main::as->scripted('introspection', '{"active":true,"aud":"api",'
        . "\"client_id\":\"c\"$claims}");

    return (Authorization => 'Bearer ' . planted("CANARY-step-up-$$-"
        . time . ++$main::tokens));
};

my $now = int now();

for my $round (1, 2) {
    decided ask('GET /both', $said->(",\"acr\":\"mfa\",\"auth_time\":$now")),
        'ok', 'both hold';
}

decided ask('GET /both', $said->(",\"acr\":\"mfa\",\"auth_time\":1")),
    'step_up_required', 'too long ago', @main::both;
decided ask('GET /both', $said->(",\"acr\":\"pwd\",\"auth_time\":$now")),
    'step_up_required', 'too weak', @main::both;
decided ask('GET /both', $said->('')), 'step_up_required', 'neither',
    @main::both;
decided ask('GET /both', $said->(',"acr":1')), 'provider_bad_answer',
    'a number';
$main::as->clear;



=== TEST 6: keys
--- keys
alpha
--- http_config
{{own()}}
--- config
    agent_auth key oauth;

    location /t { empty_gif; }
    location /acr { agent_step_up acr=strong acr=mfa; empty_gif; }
--- run
decided ask('GET /t', 'X-API-Key' => key('alpha')), 'ok', 'a key';
decided ask('GET /acr', 'X-API-Key' => key('alpha')), 'step_up_required',
    'behind which nobody authenticates', @main::acr;
decided ask('GET /acr', token(acr => 'mfa')), 'ok', 'a token';
