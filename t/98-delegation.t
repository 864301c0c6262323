# Agents that act for others.  Without this one that may not act here would, in
# the name of somebody who may: by what stands within "act", by the name of an
# actor of another server, or with no actor at all; or the audit line would tell
# of the one or the other only.
#
# RFC 8693, 4.1; requirements.md, R-03 to R-06, AG-01, AG-05, G-04, N-03;
# design.md, 5 and 6a

use lib 't/lib';
use AgentClock;
use AgentAuth;
use AgentAS;

our $as = AgentAS->start(faults => 1);
our $issuer = 'https://own.test';
our ($providers, $tokens) = (0, 0);

config_preamble(verdict_fields() . ' add_header Who'
    . ' "$agent_id|$agent_actor|$agent_subject|$agent_client_id" always;');

{
    open my $out, '>', $as->dir . '/actors.json' or die $!;
    print $out JSON::PP->new->encode({ keys =>
        [ { %{ $as->jwk($as->dir . '/agent-es256.key') }, kid => 'k' } ] });
    close $out;
}


sub own {
    return 'agent_oauth_provider own' . ++$providers . " {\n"
        . "issuer $issuer;\nmetadata_uri off;\nmiss_rate off;\n"
        . 'jwks_file ' . $as->dir . "/actors.json;\n}\n";
}


# of a JWT with these claims besides, undef: without

sub token {
    my (%claims) = @_;

    my $now = int now();

    %claims = (iss => $issuer, aud => 'api', sub => 'anna', client_id => 'c',
        jti => 'j' . ++$tokens, iat => $now, exp => $now + 300, %claims);
    delete $claims{$_} for grep { !defined $claims{$_} } keys %claims;

    return (Authorization => 'Bearer ' . $as->jwt(
        { alg => 'ES256', typ => 'at+jwt', kid => 'k' }, \%claims,
        $as->dir . '/agent-es256.key'));
}


# the claim of these actors, the outermost first

sub act {
    my ($sub, @within) = @_;

    return (act => { sub => $sub, @within ? act(@within) : () });
}


sub who {
    return fields($_[0], 'Who');
}


add_block_preprocessor(sub {
    my ($block) = @_;

    my $config = $block->config // '';

    $block->set_value(config => "agent_audience api;\n" . ($config || <<'END'));
    agent_auth oauth;

    location /t { empty_gif; }
    location /named { agent_delegation actor=booker actor=planner;
        empty_gif; }
    location /deep { agent_delegation max_depth=2; empty_gif; }
    location /both { agent_delegation max_depth=1 actor=booker; empty_gif; }
    location /none { agent_delegation max_depth=0; empty_gif; }
    location /some { agent_delegation actor=booker;
        agent_require $agent_actor; empty_gif; }
END
});

run_tests();

__DATA__

=== TEST 1: the outermost actor decides, and none within
--- http_config
{{own()}}
--- run
my $answer = decided ask('GET /t', token(act('stranger'))), 'ok',
    'nobody is judged where nothing is configured';
is(who($answer), 'stranger|stranger|anna|c', 'but told');

$answer = decided ask('GET /named', token(act('booker'))), 'ok', 'one of two';
is(who($answer), 'booker|booker|anna|c', 'who it is');
decided ask('GET /named', token(act('planner', 'stranger'))), 'ok',
    'the other, who acts for a stranger';

decided ask('GET /named', token(act('stranger'))), 'delegation_refused',
    'a stranger';
decided ask('GET /named', token(act('stranger', 'booker'))),
    'delegation_refused', 'a stranger for one of them';
decided ask('GET /named', token(act('stranger'), sub => 'booker')),
    'delegation_refused', 'a stranger with one of them as the subject';
decided ask('GET /named', token(act('stranger'), client_id => 'booker')),
    'delegation_refused', 'a stranger by the client of one of them';
decided ask('GET /named', token(act('stranger'),
    may_act => { sub => 'booker' })), 'delegation_refused',
    'may_act is no authority';

for my $name ('Booker', 'booke', 'bookers', ' booker', 'actor=booker') {
    decided ask('GET /named', token(act($name))), 'delegation_refused',
        "octet by octet: $name";
}



=== TEST 2: the length of the chain
--- http_config
{{own()}}
--- run
decided ask('GET /deep', token(act('a'))), 'ok', 'one actor';
decided ask('GET /deep', token(act('a', 'b'))), 'ok', 'two';
decided ask('GET /deep', token(act('a', 'b', 'c'))), 'delegation_refused',
    'three';
decided ask('GET /deep', token()), 'ok', 'none';

decided ask('GET /both', token(act('booker'))), 'ok', 'both hold';
decided ask('GET /both', token(act('booker', 'b'))), 'delegation_refused',
    'too long';
decided ask('GET /both', token(act('b'))), 'delegation_refused',
    'another actor';

decided ask('GET /none', token()), 'ok', 'nobody acts for another';
decided ask('GET /none', token(act('a'))), 'delegation_refused',
    'somebody does';

decided ask('GET /named', token(act('booker', 'b' .. 'h'))), 'ok',
    'eight by default';
decided ask('GET /named', token(act('booker', 'b' .. 'i'))), 'token_claims',
    'nine';

for my $act ({}, { sub => '' }, { sub => 7 }, 'booker', [ 'booker' ],
    { sub => 'booker', act => 'x' }, { sub => 'booker', act => {} })
{
    decided ask('GET /named', token(act => $act)), 'token_claims',
        'malformed: ' . JSON::PP->new->canonical->allow_nonref->encode($act);
}



=== TEST 3: nobody acts for another: the client is the actor
--- http_config
{{own()}}
--- run
my $answer = decided ask('GET /named', token(client_id => 'booker')), 'ok',
    'the client';
is(who($answer), 'booker||anna|booker', 'who it is');

decided ask('GET /named', token()), 'delegation_refused', 'another client';
decided ask('GET /named', token(sub => 'booker')), 'delegation_refused',
    'the subject may be anybody';

decided ask('GET /some', token(act('booker'))), 'ok', 'an actor is asked for';
decided ask('GET /some', token(client_id => 'booker')), 'requirement_failed',
    'and a client alone will not do';



=== TEST 4: an actor of another server
--- http_config
{{own()}}
--- run
for ([ 'ok', $main::issuer ], [ 'delegation_refused', 'https://other.test' ],
    [ 'delegation_refused', "$main::issuer/" ])
{
    my ($reason, $iss) = @$_;

    decided ask('GET /named', token(act => { sub => 'booker', iss => $iss })),
        $reason, "an actor of $iss";
}

decided ask('GET /deep', token(act => { sub => 'booker',
    iss => 'https://other.test' })), 'ok', 'where no actor is named';



=== TEST 5: what a provider says by introspection, and from the cache
--- http_config
{{$main::as->provider('intro' . ++$main::providers, verify => 'introspection')}}
--- run
my $said = sub {
    my ($claims) = @_;

    $main::as->clear;
    $main::as->scripted('introspection', '{"active":true,"aud":"api",'
        . "\"sub\":\"anna\"$claims}");

    return (Authorization => 'Bearer ' . planted("CANARY-actor-$$-"
        . time . ++$main::tokens));
};

my @token = $said->(',"act":{"sub":"booker","act":{"sub":"planner"}}');

for my $round ('at first', 'from the cache') {
    my $answer = decided ask('GET /named', @token), 'ok', $round;

    is(who($answer), 'booker|booker|anna|', "$round - who");
    decided ask('GET /both', @token), 'delegation_refused',
        "$round: too deep in another location";
}

decided ask('GET /named', $said->(',"act":{"sub":"stranger"}')),
    'delegation_refused', 'a stranger';
decided ask('GET /named', $said->('')), 'delegation_refused', 'no client';
decided ask('GET /named', $said->(',"client_id":"booker"')), 'ok', 'a client';
decided ask('GET /named', $said->(',"azp":"planner"')), 'ok',
    'likewise';
decided ask('GET /named', $said->(',"act":"booker"')), 'provider_bad_answer',
    'no object';
$main::as->clear;



=== TEST 6: keys: their agent is the only actor
--- keys
alpha
beta agent=billing-bot
--- http_config
{{own()}}
--- config
    agent_auth key oauth;

    location /named { agent_delegation actor=billing-bot; empty_gif; }
    location /deep { agent_delegation max_depth=0; empty_gif; }
--- run
decided ask('GET /named', 'X-API-Key' => key('beta')), 'ok', 'a key';
decided ask('GET /named', 'X-API-Key' => key('alpha')), 'delegation_refused',
    'of another agent';
decided ask('GET /deep', 'X-API-Key' => key('alpha')), 'ok',
    'which acts for nobody';
decided ask('GET /named', token(act('billing-bot'))), 'ok', 'a token';



=== TEST 7: observe, inheritance, off
--- http_config
{{own()}}
agent_delegation actor=booker;
--- config
    agent_auth oauth;

    location /t { empty_gif; }
    location /other { agent_delegation actor=planner; empty_gif; }
    location /off { agent_delegation off; empty_gif; }
    location /watched { agent_mode observe; empty_gif; }
--- run
my @token = token(act('planner'));

decided ask('GET /t', @token), 'delegation_refused', 'inherited';
decided ask('GET /other', @token), 'ok', 'replaced';
decided ask('GET /off', @token), 'ok', 'off';
decided ask('GET /watched', @token), 'delegation_refused', 'observed',
    result => 'would_deny', status => 200;



=== TEST 8: the audit line names all of them
--- http_config
{{own()}}
--- run
log_mark();
ask('GET /named', token(act('booker', 'planner', 'root "x"')));
ask('GET /named', token(act('stranger')));
ask('GET /named', token(client_id => 'booker'));

my @lines = audit_lines(3);
my @said = map { $_->{unmapped}{agent_auth} } @lines;

is_deeply($said[0]{act}, [ 'booker', 'planner', 'root "x"' ],
    'the chain, the outermost first');
is_deeply($said[1]{act}, [ 'stranger' ], 'of a refused one, too');
is($said[2]{act}, undef, 'none');

is(join('|', map { $_->{actor}{app_name} } @lines), 'booker|stranger|booker',
    'who acted');
is(join('|', map { $_->{subject} } @said), 'anna|anna|anna', 'for whom');
is(join('|', map { $_->{reason} } @said), 'ok|delegation_refused|ok', 'why');
