# Security events that an issuer pushes.  Without this a token would go on being
# good here after its issuer has said that it is void; whoever can reach the
# receiver could void the tokens of others; or an event would be taken, and
# forgotten.
#
# RFC 8417, RFC 8935, CAEP, RISC; requirements.md, C-01 to C-10, C-12, V-05,
# AG-04, N-01

use lib 't/lib';
use AgentAuth;
use AgentAS;
use AgentRevocation;
use JSON::PP qw/ decode_json /;

our $as = AgentAS->start(faults => 1);
our $api = 'https://api.test/a';
our $here = 'https://api.test/events';
our $caep = 'https://schemas.openid.net/secevent/caep/event-type';
our $risc = 'https://schemas.openid.net/secevent/risc/event-type';
our $ssf = 'https://schemas.openid.net/secevent/ssf/event-type';

config_preamble(verdict_fields() . ' add_header Cache "$agent_cache" always;');

our ($runs, $sets, $who) = (0, 0, '');
our $runs_of_last = 0;


# Two providers: an issuer of our own, "own", whose subjects are as we name
# them, each repetition others, since revocations stay; and the real server.

sub http {
    return own_provider($as) =~ s/agent_oauth_provider \K\S+/own/r
        . $as->provider('corp', verify => 'auto', max_ttl => '600s')
        . "agent_revocations zone=rev:1m state=logs/state;\n";
}


# the same without revocations, and with a provider whose keys nobody needs

sub unrevoked {
    return http() =~ s/^agent_revocations .*\n//mr;
}


sub blind {
    return http() . $as->provider('blind', verify => 'introspection');
}


sub receiver {
    my ($more, $provider) = @_;

    return 'location = /events { agent_audit logs/control.log flush=20ms;'
        . ' agent_security_events provider=' . ($provider // 'own')
        . " audience=$here " . ($more // '') . '; }';
}


sub guarded {
    return "agent_audience $api; agent_audit logs/audit.log flush=20ms;"
        . ' location /t { agent_auth oauth=own; empty_gif; }'
        . ' location /c { agent_auth oauth=corp; empty_gif; } ';
}


sub begin {
    $who = 'agent-' . ++$runs;
}


sub token {
    return own_token($as, sub => $who, @_);
}


sub ask_for {
    my ($token, $path) = @_;

    return ask('GET ' . ($path // '/t'), Authorization => "Bearer $token");
}


sub subject {
    return { format => 'iss_sub', iss => own_issuer(), sub => $who, @_ };
}


sub claims {
    my ($type, $event, %claims) = @_;

    my %all = (iss => own_issuer(), aud => $here, jti => "set-$$-" . ++$sets,
        iat => seconds(), sub_id => subject(), events => { $type => $event },
        %claims);

    delete $all{$_} for grep { !defined $all{$_} } keys %all;

    return \%all;
}


sub signed {
    my ($claims, %header) = @_;

    return $as->jwt({ alg => 'ES256', typ => 'secevent+jwt', kid => 'es256',
        %header }, $claims, $as->dir . '/agent-es256.key');
}


sub set {
    return signed(claims(@_));
}


sub push_set {
    my ($set, %option) = @_;

    return ask('POST ' . ($option{path} // '/events'),
        'Content-Type' => 'application/secevent+jwt',
        @{ $option{fields} // [] }, { body => $set });
}


sub taken {
    my ($set, $what) = @_;

    my $answer = push_set($set);

    is("$answer->{status} $answer->{body}", '202 ', $what);
}


# C-02

sub refused {
    my ($answer, $err, $what) = @_;

    my $json = eval { decode_json($answer->{body}) } // {};

    is("$answer->{status} " . ($json->{err} // $answer->{body}), "400 $err",
        $what);
    is(fields($answer, 'Content-Type') . ' '
        . fields($answer, 'Content-Language'), 'application/json en',
        "$what - fields");
}


# what the audit log has of the next n lines: change, whose, why, by which SET

sub audited {
    my ($n) = @_;

    return map {
        my $control = $_->{unmapped}{agent_control};

        join ' ', $control->{change}, $_->{entity}{type}, $_->{entity}{uid},
            $_->{comment}, $control->{issuer} // 'none',
            $control->{change} eq 'revoke' ? () : $control->{id}
    } audit_lines($n, AgentAuth::server_root() . '/logs/control.log');
}


# a token of a later second than all that was

sub later {
    next_second();

    return token();
}


add_block_preprocessor(sub {
    my ($block) = @_;

    return if defined $block->emerg;

    $block->set_value(config => guarded() . receiver())
        unless defined $block->config;
});

run_tests();

__DATA__

=== TEST 1: a session that was revoked
What was issued before is void at once, also where its verdict is cached; what
is issued from then on is good (C-01, C-05, V-05).
--- http_config
{{http()}}
--- run
begin();

my $token = token();

decided ask_for($token), 'ok', 'a token';
is(fields((decided ask_for($token), 'ok', 'again'), 'Cache'), 'hit', 'cached');

taken(set("$caep/session-revoked", {}), 'taken: C-01');
decided ask_for($token), 'token_revoked', 'it is void: C-05';

my $after = later();

decided ask_for($after), 'ok', 'one that was issued later is good';
taken(set("$caep/session-revoked", { event_timestamp => time + 100 }),
    'another event');
decided ask_for($after), 'token_revoked', 'void, too';
decided ask_for(later()), 'ok', 'a time ahead is not believed';



=== TEST 2: a delivery that comes again
It is taken, and adds nothing (C-01).
--- http_config
{{http()}}
--- run
begin();

my $set = set("$caep/session-revoked", {});

taken($set, 'once');
my @before = state_lines('logs/state');

taken($set, "again, $_") for 1 .. 3;
is(scalar @{[ state_lines('logs/state') ]}, scalar @before,
    'the state file is as it was');
is($before[-1]{cause}, 'session-revoked', 'and says why');

decided ask_for(token(iat => time - 10)), 'token_revoked', 'void';



=== TEST 3: what voids nothing
C-06, C-08, C-09, C-10
--- http_config
{{http()}}
--- run
begin();

my $token = token();

for ([ "$caep/credential-change",
         { credential_type => 'password', change_type => 'create' } ],
     [ "$caep/risk-level-change", { current_level => 'LOW' } ],
     [ "$caep/risk-level-change", { current_level => 'HIGH' } ],
     [ "$caep/device-compliance-change",
         { current_status => 'not-compliant', previous_status => 'compliant' } ],
     [ "$caep/assurance-level-change",
         { current_level => 'l', change_direction => 'decrease' } ],
     [ "$risc/account-enabled", {} ], [ "$ssf/verification", {} ],
     [ 'https://other.example/event', { any => 'thing' } ])
{
    taken(set(@$_), "$_->[0] is taken");
    decided ask_for($token), 'ok', "$_->[0] voids nothing";
}

taken(set("$caep/credential-change",
    { credential_type => 'password', change_type => 'revoke' }), 'a password');
decided ask_for($token), 'token_revoked', 'C-06';



=== TEST 4: where risks revoke
C-08
--- http_config
{{http()}}
--- config
{{guarded() . receiver('risk=revoke')}}
--- run
begin();

my $token = token();

taken(set("$caep/risk-level-change", { current_level => 'LOW' }), 'low');
decided ask_for($token), 'ok', 'no risk';

taken(set("$caep/risk-level-change", { current_level => 'HIGH' }), 'high');
decided ask_for($token), 'token_revoked', 'a risk: C-08';



=== TEST 5: an account that is disabled stays so
C-09
--- http_config
{{http()}}
--- run
begin();

my $token = token();

taken(set("$risc/account-disabled", { reason => 'hijacking' }), 'disabled');
decided ask_for($token), 'token_revoked', 'void: C-09';

my $after = later();

decided ask_for($after), 'token_revoked', 'and what is issued later';

taken(set("$risc/account-enabled", {}), 'enabled');
decided ask_for($after), 'token_revoked', 'an event lets nobody in';



=== TEST 6: claims that changed are asked for anew, of the real server
C-07
--- http_config
{{http()}}
--- config
{{guarded() . receiver('', 'corp')}}
--- run
my $jwt = $as->token('agent-basic', scope => 'x',
    resource => "$api?format=jwt");

is(fields((decided ask_for($jwt, '/c'), 'ok', 'a token'), 'Cache'), 'miss',
    'asked');
is(fields((decided ask_for($jwt, '/c'), 'ok', 'again'), 'Cache'), 'hit',
    'cached');

taken($as->sign('secevent+jwt', claims("$caep/token-claims-change",
    { claims => { role => 'ro' } }, iss => $as->issuer,
    sub_id => { format => 'iss_sub', iss => $as->issuer,
        sub => 'agent-basic' })), 'signed by the server: C-07');

is(fields((decided ask_for($jwt, '/c'), 'ok', 'once more'), 'Cache'), 'miss',
    'asked again');

for ({ format => 'jwt_id', iss => $as->issuer, jti => 'some-token' },
     { format => 'complex',
         application => { format => 'opaque', id => 'agent-basic' } })
{
    is(fields((decided ask_for($jwt, '/c'), 'ok', 'cached'), 'Cache'), 'hit',
        "before one about $_->{format}");
    taken($as->sign('secevent+jwt', claims("$caep/token-claims-change",
        { claims => { role => 'ro' } }, iss => $as->issuer, sub_id => $_)),
        'claims of a token, or of all of a client');
    is(fields((decided ask_for($jwt, '/c'), 'ok', 'anew'), 'Cache'), 'miss',
        'which may be this one: C-07');
}



=== TEST 7: whose events are taken
C-02, C-03, C-12
--- http_config
{{http()}}
--- run
begin();

my $type = "$caep/session-revoked";
my $token = token();

refused(push_set(set($type, {}, iss => 'https://other.test')),
    'invalid_issuer', 'another issuer');
refused(push_set(set($type, {}, aud => $api)), 'invalid_audience',
    'for somebody else');
refused(push_set(signed(claims($type, {}), typ => 'at+jwt')),
    'invalid_request', 'a token of another type: C-03');
refused(push_set(set($type, {}, sub => 'x')), 'invalid_request',
    'with "sub": C-03');
refused(push_set(set($type, {}, exp => time + 100)), 'invalid_request',
    'with "exp": C-03');
refused(push_set(set($type, {}, jti => undef)), 'invalid_request',
    'without "jti"');
refused(push_set(signed(claims($type, {}), kid => 'other')), 'invalid_key',
    'of an unknown key');
refused(push_set($as->jwt({ alg => 'ES256', typ => 'secevent+jwt',
    kid => 'es256' }, claims($type, {}), $as->dir . '/gate-es256.key')),
    'authentication_failed', 'signed by a stranger');
refused(push_set($token), 'invalid_request', 'an access token: C-12');
refused(push_set('CANARY-nothing'), 'invalid_request', 'no token');
refused(push_set(''), 'invalid_request', 'no body');
refused(ask('POST /events', 'Content-Type' => 'application/json',
    { body => set($type, {}) }), 'invalid_request', 'of another media type');

is(push_set(set($type, {}) . 'x' x 65536)->{status}, 413, 'too long');

my $answer = ask('GET /events');
is("$answer->{status} " . fields($answer, 'Allow'), '405 POST', 'GET');

decided ask_for($token), 'ok', 'none of these did anything';
decided ask_for(set($type, {})), 'token_type', 'a SET is no access token: C-12';



=== TEST 8: subjects that are not the provider's
They are taken, and said to be of no use (C-04).
--- http_config
{{http()}}
--- run
begin();
log_mark();

my $token = token();

for (subject(iss => 'https://other.test'),
     { format => 'email', email => $who },
     { format => 'complex', device => { format => 'opaque', id => 'd' } },
     { format => 'saml_assertion_id', issuer => 'i', assertion_id => 'a' })
{
    taken(set("$caep/session-revoked", {}, sub_id => $_), "a $_->{format}");
}

my @lines = grep { /nothing was done about a security event "session-revoked"/ }
    error_lines();

is(scalar @lines, 4, 'all were told of');
decided ask_for($token), 'ok', 'and void nothing';

taken(set("$caep/session-revoked", {}, sub_id => { format => 'complex',
    user => subject(), session => { format => 'opaque', id => 's' } }),
    'a session of a user');
decided ask_for($token), 'token_revoked', 'all that the user has';



=== TEST 9: addresses, tokens, and a state that is expected
C-04, C-10
--- http_config
{{http()}}
--- config
{{guarded() . receiver('email=sub state=CANARY-state keep=1h')}}
--- run
begin();

my $stream = { format => 'opaque', id => 'stream' };

taken(set("$ssf/verification", { state => 'CANARY-state' },
    sub_id => $stream), 'the state: C-10');
refused(push_set(set("$ssf/verification", { state => 'other' },
    sub_id => $stream)), 'invalid_state', 'another state: C-10');

my $jti = token(jti => "one-$runs");
my $token = token();

taken(set("$caep/session-revoked", {}, sub_id => { format => 'jwt_id',
    iss => own_issuer(), jti => "one-$runs" }), 'a token');
decided ask_for($jti), 'token_revoked', 'by its id';
decided ask_for($token), 'ok', 'another one is not';

taken(set("$caep/session-revoked", {},
    sub_id => { format => 'email', email => $who }), 'an address');
decided ask_for($token), 'token_revoked', 'is what tokens have as "sub"';

my ($line) = grep { ($_->{value} // '') eq $who } state_lines('logs/state');
ok($line->{expires}, 'the entry is forgotten some day');



=== TEST 10: API keys
--- keys
alpha
beta
--- http_config
{{http()}}
--- config
agent_audit logs/audit.log flush=20ms;
location /t { agent_auth key; empty_gif; }
{{receiver('keys=on')}}
location = /strict {
    agent_security_events provider=own audience=https://api.test/events;
}
--- run
begin();

my $set = set("$caep/credential-change",
    { credential_type => 'api-key', change_type => 'revoke' },
    sub_id => { format => 'opaque', id => key_id('alpha') });

if ($runs % 2) {
    is(push_set($set, path => '/strict')->{status}, 202, 'taken');
    decided ask('GET /t', 'X-API-Key' => key('alpha')), 'ok',
        'who signs tokens does not void keys';
}

taken($set, 'where it may');
decided ask('GET /t', 'X-API-Key' => key('alpha')), 'key_revoked', 'void';
decided ask('GET /t', 'X-API-Key' => key('beta')), 'ok', 'another one is not';



=== TEST 11: mistakes: a parameter that is none
--- http_config
{{http()}}
--- config
location = /events {
    agent_security_events provider=own audience=a risk=alert;  # fault
}
--- emerg
invalid parameter "risk=alert" in "agent_security_events"



=== TEST 12: mistakes: one that is given twice
--- http_config
{{http()}}
--- config
location = /events {
    agent_security_events provider=own audience=a audience=b;  # fault
}
--- emerg
invalid parameter "audience=b" in "agent_security_events"



=== TEST 13: mistakes: no audience
--- http_config
{{http()}}
--- config
location = /events {
    agent_security_events provider=own;  # fault
}
--- emerg
"agent_security_events" must have "audience", which events are addressed to



=== TEST 14: mistakes: no provider
--- http_config
{{http()}}
--- config
location = /events {
    agent_security_events provider=other audience=a;  # fault
}
--- emerg
"agent_security_events" must have "provider", the name of an "agent_oauth_provider"



=== TEST 15: mistakes: a provider without keys
--- http_config
{{blind()}}
--- config
location = /events {
    agent_security_events provider=blind audience=a;  # fault
}
--- emerg
"agent_security_events" needs the keys of provider "blind", whose "verify" is introspection



=== TEST 16: mistakes: nowhere to write revocations
--- http_config
{{unrevoked()}}
--- config
location = /events {
    agent_security_events provider=own audience=a;  # fault
}
--- emerg
"agent_security_events" needs "agent_revocations" in http



=== TEST 17: mistakes: two in one location
--- http_config
{{http()}}
--- config
location = /events {
    agent_security_events provider=own audience=a;
    agent_security_events provider=own audience=a;  # fault
}
--- emerg
"agent_security_events" directive is duplicate



=== TEST 18: what an issuer did is seen
A line for each event, also where nothing was to be done: AG-01, AG-04
--- http_config
{{http()}}
--- run
begin();

my $control = AgentAuth::server_root() . '/logs/control.log';
my $other = subject(iss => 'https://other.test');
my @own = ('subject', $who);
my $iss = own_issuer();
my ($n, @expected) = 0;

my $tell = sub {
    my ($events, $sub_id, @lines) = @_;

    my $claims = claims('', {}, sub_id => $sub_id, events => $events);
    taken(signed($claims), join ' ', 'told:', sort keys %$events);
    is_deeply([ sort(audited(scalar @lines)) ],
        [ sort map { s/ JTI\b/ $claims->{jti}/gr } @lines ], 'and seen');
};

audit_rest($control);

$tell->({ "$risc/account-enabled" => {} }, subject(),
    "record @own account-enabled $iss JTI");
$tell->({ "$caep/token-claims-change" => { claims => {} } }, subject(),
    "flush @own token-claims-change $iss JTI");
$tell->({ "$caep/risk-level-change" => { current_level => 'HIGH' } },
    subject(), "record @own risk-level-change $iss JTI");
$tell->({ 'https://other.example/event' => { event_timestamp => 'noon' } },
    { format => 'odd' }, "record event JTI https://other.example/event $iss"
    . ' JTI');
$tell->({ "$ssf/verification" => { state => 'CANARY-state' } },
    { format => 'opaque', id => 'stream' },
    "record subject stream verification $iss JTI");
$tell->({ "$caep/session-revoked" => {} }, $other,
    "record event JTI session-revoked $iss JTI");

$tell->({ "$caep/session-revoked" => {}, "$risc/account-enabled" => {},
    "$caep/token-claims-change" => { claims => {} } }, subject(),
    "revoke @own session-revoked $iss",
    "record @own account-enabled $iss JTI",
    "flush @own token-claims-change $iss JTI");

my $again = claims("$risc/account-disabled", {});

taken(signed($again), 'disabled');
is_deeply([ audited(1) ], [ "revoke @own account-disabled $iss" ], 'by this');
taken(signed($again), 'again');
is_deeply([ audited(1) ],
    [ "record @own account-disabled $iss $again->{jti}" ], 'not once more');

refused(push_set(set("$risc/account-enabled", {}, aud => 'x')),
    'invalid_audience', 'what is refused');
taken(set("$risc/account-enabled", {}), 'and another');
is(scalar @{[ audited(1) ]}, 1, 'is nobody\'s doing');
is(scalar @{[ audit_rest($control) ]}, 0, 'nothing else');
is(scalar @{[ grep { /CANARY-state/ } do {
    open my $in, '<', $control or die; <$in> } ]}, 0, 'no state');



=== TEST 19: entries that are kept for some time
What another receiver keeps for less does not stand for one that is kept longer;
a delivery that comes again adds nothing (C-01).
--- http_config
{{http()}}
--- config
{{guarded() . receiver('keep=1h')}}
location = /short {
    agent_security_events provider=own audience=https://api.test/events keep=9s;
}
--- run
begin();

my %same = (event_timestamp => time);
my $jti = { format => 'jwt_id', iss => own_issuer(), jti => "kept-$runs" };

for ([ 'a subject', subject() ], [ 'a token', $jti ]) {
    my ($what, $sub_id) = @$_;
    my $long = set("$caep/session-revoked", \%same, sub_id => $sub_id);
    my @before = state_lines('logs/state');

    is(push_set(set("$caep/session-revoked", \%same, sub_id => $sub_id),
        path => '/short')->{status}, 202, "$what, for a short time");
    taken($long, 'and for longer');
    is(scalar @{[ state_lines('logs/state') ]}, @before + 2, 'which is kept');

    next_second();

    taken($long, "again, $_") for 1 .. 2;
    is(scalar @{[ state_lines('logs/state') ]}, @before + 2,
        'which adds nothing');
}



=== TEST 20: bodies as they may come
In pieces, in files, announced, compressed or not at all.
--- http_config
{{http()}}
--- config
client_body_buffer_size 1k;
{{guarded() . receiver()}}
location = /filed {
    client_body_in_file_only clean;
    agent_security_events provider=own audience=https://api.test/events;
}
location = /beside {
    auth_request /yes;
    mirror /events;
    agent_security_events provider=own audience=https://api.test/events;
}
location = /yes { internal; return 204; }
location = /led { rewrite ^ /events last; }
location = /tried { try_files /none /events; }
location = /moved { error_page 418 = /events; return 418; }
location = /named { error_page 418 = @events; return 418; }
location @events {
    agent_security_events provider=own audience=https://api.test/events;
}
--- run
begin();

my @type = ('Content-Type' => 'application/secevent+jwt');
my $void = sub {
    my ($what, $push) = @_;

    begin();
    my $token = token();
    my $answer = $push->(set("$caep/session-revoked", {}, txn => 'x' x 3000,
        toe => 1));

    is($answer->{status}, 202, $what);
    decided ask_for($token), 'token_revoked', 'and done';
};

my $raw = sub {
    my ($fields, @pieces) = @_;
    my $connection = connected();

    $connection->send(join "\r\n", 'POST /events HTTP/1.1',
        'Host: localhost', 'Content-Type: Application/SecEvent+JWT; a=b',
        @$fields, '', '');

    if (grep { /^Expect/ } @$fields) {
        is($connection->answer->{status}, 100, 'it may go on');
    }

    $connection->send($_) for @pieces;

    return $connection->answer;
};

$void->('a file', sub { push_set($_[0]) });
$void->('a file that stays', sub { push_set($_[0], path => '/filed') });
$void->('chunks', sub {
    $raw->([ 'Transfer-Encoding: chunked' ], (map {
        sprintf "%x\r\n%s\r\n", length, $_ } $_[0] =~ /(.{1,700})/g),
        "0\r\n\r\n")
});
$void->('announced', sub {
    $raw->([ 'Expect: 100-continue', 'Content-Length: ' . length $_[0] ],
        $_[0])
});
$void->('beside others', sub { push_set($_[0], path => '/beside') });
$void->("by $_", sub { push_set($_[0], path => $_) })
    for qw( /led /tried /named );

begin();
my $token = token();
my $set = set("$caep/session-revoked", {});

is(push_set($set, path => '/moved')->{status}, 405, 'a redirect makes it GET');
refused($raw->([ 'Content-Length: 0' ]), 'invalid_request', 'nothing');
is($raw->([ 'Transfer-Encoding: chunked' ], 'zz')->{status}, 400,
    'no chunk');
is($raw->([ 'Transfer-Encoding: chunked' ], "11000\r\n", 'x' x 69632,
    "\r\n0\r\n\r\n")->{status}, 413, 'more chunks than there may be');
refused(push_set("$_[0]$set\n"), 'invalid_request', 'with a line feed');
refused(push_set('"' . $set . '"'), 'invalid_request', 'in quotes');
refused(push_set(join '.', split(/\./, $set), 'a', 'b'), 'invalid_request',
    'five parts');
refused(ask('POST /events', @type, 'Content-Encoding' => 'gzip',
    { body => "\x1f\x8b\x08" }), 'invalid_request', 'compressed');
refused(ask('POST /events', 'Content-Type' => 'application/secevent+jwtx',
    { body => $set }), 'invalid_request', 'another type');

my $half = connected();
$half->send("POST /events HTTP/1.1\r\nHost: a\r\nContent-Length: 999\r\n"
    . "Content-Type: application/secevent+jwt\r\n\r\n" . substr $set, 0, 99);
undef $half;

decided ask_for($token), 'ok', 'and none of these did anything';



=== TEST 21: what no key would help
Nobody is asked for keys because of it.
--- http_config
{{http() =~ s/corp/fetched/gr}}
--- config
{{guarded() =~ s/corp/fetched/gr . receiver('', 'fetched')}}
--- run
begin();
$as->reset;

my $fetches = sub {
    return $as->fault_stats->{paths}{'/jwks'}{requests} // 0;
};

my $of = sub {
    return claims("$caep/session-revoked", {}, iss => $as->issuer,
        sub_id => { format => 'iss_sub', iss => $as->issuer, sub => $who },
        @_);
};

refused(push_set(signed($of->(), alg => 'HS256')), 'invalid_key',
    'an algorithm that is not allowed');
refused(push_set(signed($of->(), alg => 'none')), 'invalid_key',
    'an algorithm of no list');
refused(push_set(signed($of->(), typ => 'JWT')), 'invalid_request',
    'another type');
refused(push_set(signed($of->(iss => own_issuer()))), 'invalid_issuer',
    'another issuer');
refused(push_set(signed($of->(aud => $api))), 'invalid_audience',
    'for somebody else');
is($fetches->(), 0, 'none of these was worth a fetch');

taken($as->sign('secevent+jwt', $of->()), 'a good one');
is($fetches->(), $runs_of_last++ ? 0 : 1, 'of the keys that there are');
refused(push_set(signed($of->(), alg => 'HS256')), 'invalid_key',
    'an algorithm that is not allowed, with keys');
is($fetches->(), $runs_of_last > 1 ? 0 : 1, 'nor is it now');
