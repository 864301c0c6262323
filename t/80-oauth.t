# Access tokens, by introspection.  Without this a token could pass that is not
# active, not meant for this service, bound to another's key, or out of its
# time; or one that is fine could be refused, or be asked about each time.
#
# requirements.md, I-01 to I-16; RFC 7662, RFC 6750

use lib 't/lib';
use AgentAuth;
use AgentAS;
use Time::HiRes ();

our $as = AgentAS->start(faults => 1);
our $api = 'https://api.test/a';

config_preamble(verdict_fields() . ' add_header Cache "$agent_cache";'
    . ' add_header Type "$agent_auth_type"; add_header Who "$agent_id|'
    . '$agent_client_id|$agent_subject|$agent_scope|$agent_issuer|'
    . '$agent_token_id|$agent_expires";');


# a provider of the block's own: cached verdicts outlive a reload

my $providers = 0;

sub provider {
    return $as->provider('p' . ++$providers, @_);
}


sub token {
    my (%option) = @_;

    return $as->token(delete $option{client} // 'agent-basic',
        scope => 'invoices:read', resource => $api, %option);
}


sub bearer {
    return (Authorization => "Bearer $_[0]");
}


sub calls {
    return $as->fault_stats->{paths}{'/token/introspection'}{requests} // 0;
}


# what the server says of a token that nobody issued

our $tokens = 0;

sub said_of {
    my ($body, %rule) = @_;

    $as->clear;
    $as->scripted('introspection', $body, %rule);

    return planted("CANARY-said-$$-" . ++$tokens);
}


sub active {
    my (%claim) = @_;

    return JSON::PP->new->canonical->encode({ active => JSON::PP::true,
        aud => $api, scope => 'invoices:read', client_id => 'c', %claim });
}


run_tests();

__DATA__

=== TEST 1: asked once, then known
--- http_config
{{provider()}}
--- config
    agent_audience https://api.test/a;
    location /t { agent_auth oauth; empty_gif; }
--- run
my $token = token();
my $before = calls();

my $answer = decided ask('GET /t', bearer($token)), 'ok', 'a token';
is(fields($answer, 'Cache'), 'miss', 'it was not known');
$answer = decided ask('GET /t', bearer($token)), 'ok', 'the token again';
is(fields($answer, 'Cache'), 'hit', 'it is known');
is(calls() - $before, 1, 'one call');

$token = planted("CANARY-none-$$-" . time . rand);
$before = calls();
decided ask('GET /t', bearer($token)), 'token_inactive', 'of nobody';
decided ask('GET /t', bearer($token)), 'token_inactive', 'of nobody, again';
is(calls() - $before, 1, 'one call');

decided ask('GET /t'), 'credential_missing', 'nothing';



=== TEST 2: audience, scope, requirement
--- http_config
{{provider()}}
--- config
    agent_auth oauth;
    agent_audience https://api.test/a;
    location /t { empty_gif; }
    location /other { agent_audience https://api.test/b; empty_gif; }
    location /both {
        agent_audience https://api.test/b https://api.test/a; empty_gif;
    }
    location /any { agent_audience off; empty_gif; }
    location /write { agent_scope invoices:write; empty_gif; }
    location /read { agent_scope invoices:read; empty_gif; }
    location /require { agent_require $arg_x; empty_gif; }
    location /none { agent_audience https://api.test/; empty_gif; }
--- run
my $token = token();

decided ask('GET /t', bearer($token)), 'ok', 'its audience';
decided ask('GET /other', bearer($token)), 'audience_mismatch', 'not its own';
decided ask('GET /none', bearer($token)), 'audience_mismatch', 'a prefix';
decided ask('GET /both', bearer($token)), 'ok', 'one of two';
decided ask('GET /any', bearer($token)), 'ok', 'any audience';
decided ask('GET /read', bearer($token)), 'ok', 'its scope';
decided ask('GET /write', bearer($token)), 'scope_insufficient',
    'another scope', scope => 'invoices:write';
decided ask('GET /require', bearer($token)), 'requirement_failed', 'required';
decided ask('GET /require?x=1', bearer($token)), 'ok', 'given';

decided ask('GET /t', bearer(token(resource => undef))), 'audience_mismatch',
    'without audience';



=== TEST 3: claims are believed no more than they say
--- http_config
{{provider()}}
--- config
    agent_audience https://api.test/a;
    location /t { agent_auth oauth; empty_gif; }
--- run
my $now = time;

for (
    [ 'ok', 'no times' ],
    [ 'ok', 'of the issuer', iss => $as->issuer ],
    [ 'issuer_mismatch', 'of another', iss => $as->issuer . '/' ],
    [ 'issuer_mismatch', 'of another', iss => 'https://other.test' ],
    [ 'token_expired', 'expired', exp => $now - 1 ],
    [ 'token_expired', 'long expired', exp => 0 ],
    [ 'ok', 'not yet expired', exp => $now + 100 ],
    [ 'token_not_yet_valid', 'of tomorrow', nbf => $now + 86400 ],
    [ 'ok', 'of today', nbf => $now - 10 ],
    [ 'token_claims', 'DPoP without key', token_type => 'DPoP' ],
    [ 'binding_missing', 'DPoP', token_type => 'DPoP',
      cnf => { jkt => 'A' x 43 } ],
    [ 'binding_missing', 'mTLS', cnf => { 'x5t#S256' => 'A' x 43 } ],
    [ 'audience_mismatch', 'several others', aud => [ 'a', 'b' ] ],
    [ 'ok', 'one of several', aud => [ 'a', $api ] ],
    [ 'audience_mismatch', 'none', aud => [] ],
) {
    my ($reason, $what, %claim) = @$_;

    decided ask('GET /t', bearer(said_of(active(%claim)))), $reason, $what;
}

$as->clear;
decided ask('GET /t', bearer(token(client => 'agent-dpop',
    dpop => $as->dir . '/agent-es256.key'))), 'binding_missing', 'a bound one';
decided ask('GET /t', bearer(said_of('{"active":false,"exp":9999999999}'))),
    'token_inactive', 'inactive, whatever else';
$as->clear;



=== TEST 4: a token expires while it is cached
--- http_config
{{provider()}}
--- config
    agent_audience https://api.test/a;
    location /t { agent_auth oauth; empty_gif; }
--- run
my ($token, $answer);

# a machine that is slow gets a longer time

for my $seconds (2, 10, 60) {
    my $end = int(Time::HiRes::time()) + $seconds;

    $token = said_of(active(exp => $end));
    $answer = ask('GET /t', bearer($token));
    last if Time::HiRes::time() < $end;
}

decided $answer, 'ok', 'in its time';

ok(await(sub { ask('GET /t', bearer($token))->{status} == 401 }, 'expiry'),
    'it ends');
decided ask('GET /t', bearer($token)), 'token_expired', 'after its time';
$as->clear;



=== TEST 5: variables and the audit line of a token
--- http_config
{{provider()}}
--- config
    agent_audience https://api.test/a;
    location /t {
        agent_auth oauth;
        empty_gif;
    }
--- run
my $token = said_of(active(sub => 's', iss => $as->issuer, jti => 'j-1',
    client_id => 'c-1', exp => 4102444800));
my $answer = decided ask('GET /t', bearer($token)), 'ok', 'a token',
    audit => 0;

is(fields($answer, 'Who'), 'c-1|c-1|s|invoices:read|' . $as->issuer
    . '|j-1|4102444800', 'variables');
$as->clear;
--- audit
result=allow reason=ok agent=c-1 key_id=j-1



=== TEST 6: observe and satisfy any
--- http_config
{{provider()}}
--- config
    agent_audience https://api.test/a;
    agent_auth oauth;
    location /observe { agent_mode observe; empty_gif; }
    location /any { satisfy any; allow all; empty_gif; }
    location /nobody { satisfy any; deny all; empty_gif; }
--- run
my $token = token();
my $bad = planted("CANARY-bad-$$-" . time . rand);

decided ask('GET /observe', bearer($token)), 'ok', 'observed';
decided ask('GET /observe', bearer($bad)), 'token_inactive', 'observed',
    result => 'would_deny';
is(ask('GET /any', bearer($bad))->{status}, 200, 'met by the address');
decided ask('GET /nobody', bearer($token)), 'ok', 'met by the token';
decided ask('GET /nobody', bearer($bad)), 'token_inactive', 'met by nothing';



=== TEST 7: keys and tokens in one location
--- keys
alpha  scopes=invoices:read
old    imported=1 scopes=invoices:read
--- http_config
{{provider()}}
--- config
    agent_audience https://api.test/a;
    location /t {
        agent_auth oauth key;
        empty_gif;
    }
--- run
my $token = token();
my $type = sub { fields($_[0], 'Type') // '-' };
my $before = calls();

is($type->(decided ask('GET /t', bearer(key 'alpha')), 'ok', 'a key'), 'key',
    'by key');
is($type->(decided ask('GET /t', bearer(imported 'old')), 'ok',
    'an imported key'), 'key', 'by key');
decided ask('GET /t', bearer(key 'nobody')), 'key_unknown', 'a key of nobody';
decided ask('GET /t', 'X-API-Key' => key 'nobody'), 'key_unknown',
    'a key of nobody';
is(calls() - $before, 0, 'no key is shown to the server');

is($type->(decided ask('GET /t', bearer($token)), 'ok', 'a token'), 'oauth',
    'by token');
decided ask('GET /t', bearer($token), 'X-API-Key' => key 'alpha'),
    'credential_multiple', 'both';



=== TEST 8: an upstream sees no token
--- http_config
{{provider()}}
--- config
    agent_audience https://api.test/a;
    location /t { agent_auth oauth; proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
--- run
my $token = token();
my $upstream = upstream 1;

for my $what ('asked about', 'known') {
    my ($seen, $answer) = through $upstream, 'GET /t', Connection => 'close',
        bearer($token), Other => 'x';

    is($answer->{status}, 200, "$what - passes");
    is(join(', ', lines_of($seen)), 'Other: x', "$what - without the token");
}



=== TEST 9: the token arrives as it is
--- http_config
{{provider()}}
--- config
    agent_audience https://api.test/a;
    location /t { agent_auth oauth; agent_credential $http_x_token; empty_gif; }
--- run
$as->reset;

my $n = $$ . ++$tokens;
my @values = map { "CANARY$n$_" } '&active=true&token=1', '%41+b/c=~',
    ';a,b:c@d?e#f"g';

for my $value (@values) {
    planted($value);
    ask('GET /t', 'X-Token' => $value);
}

my %hinted = (token_type_hint => 'access_token');
my @seen = map { $_->{body} =~ s/~/%7E/gr } $as->seen;

is_deeply(\@seen, [ map { AgentAS::form(token => $_, %hinted) } @values ],
    'form-encoded');
is(scalar(grep { ($_->{headers}{'content-type'} // '')
    ne 'application/x-www-form-urlencoded' } $as->seen), 0, 'and says so');
