# Revocations, and keys that are suspended, by the API: what it answered is in
# force for every worker, and is what it says.  Without this an operator who was
# told that a stolen token is revoked could see it used on; a suspended key
# could be lost for good, or a revoked one come back; nobody would know who did
# it; and a client that leaves could take the worker with it.
#
# requirements.md, V-01, V-02, V-05, K-07, N-06

use lib 't/lib';
use AgentAuth;
use AgentAS;
use AgentLoad;
use AgentRevocation;
use Digest::SHA qw/ sha256_hex /;

our $as = AgentAS->start(faults => 1);

config_preamble(verdict_fields() . ' add_header Cache "$agent_cache" always;'
    . ' add_header Worker "$pid" always;');
workers(2);

our ($number, $providers) = (0, 0);

our $own;

sub own {
    my $text = own_provider($as, @_);

    ($own) = $text =~ /^agent_oauth_provider (\w+)/;

    return $text;
}

sub real {
    return $as->provider('r' . ++$providers, jwks_uri => $as->url('jwks'),
        verify => 'auto', @_);
}


sub call {
    my ($method, $path, $body, %option) = @_;

    $body = JSON::PP->new->canonical->encode($body) if ref $body;

    my $answer = ask("$method /control/$path",
        defined $body ? ('Content-Type' => 'application/json') : (),
        @{ $option{headers} // [] },
        { defined $body ? (body => $body) : () });

    $answer->{json} = eval { JSON::PP->new->utf8->decode($answer->{body}) };

    return $answer;
}


sub by_key   { return ask('GET /t', 'X-API-Key' => key($_[0])) }
sub by_token { return ask('GET /t', Authorization => "Bearer $_[0]") }


# each of the workers refuses it, or not

sub everywhere {
    my ($ask, $reason, $what) = @_;

    my (%said, %by);

    each_worker(sub {
        my $answer = $ask->();

        $said{"$answer->{status} " . fields($answer, 'Agent')}++;
        $by{fields($answer, 'Worker')}++;
    });

    is(join(', ', sort keys %said), $reason, $what);
    is(scalar keys %by, 2, "$what - of each worker");
}


# Changes in the audit log, each as text, once there are so many that are like
# this.  Workers write when their own buffers are flushed, so that the order of
# the lines is nobody's promise.

sub changes {
    my ($n, $like) = @_;

    my @changes;

    await(sub {
        push @changes, grep { $_ =~ ($like // qr/./) } map { join ' ',
            $_->{unmapped}{agent_control}{change}, $_->{entity}{type},
            $_->{entity}{uid}, $_->{status_code}, $_->{actor}{app_name} }
            grep { $_->{class_uid} == 3004 } audit_rest();

        return @changes >= $n;
    }, "$n changes");

    return sort @changes;
}


# something is done to a key

sub op {
    my ($name, $op, $status, $what, $body) = @_;

    my $answer = call('POST', 'keys/keys/' . key_id($name) . "/$op", $body);
    is($answer->{status}, $status, $what);

    return $answer->{json};
}


sub issued {
    return $as->token('agent-basic', scope => 'invoices:read',
        resource => "https://api.test/a?format=jwt&n=" . ++$number);
}


add_block_preprocessor(sub {
    my ($block) = @_;

    return if defined $block->config || defined $block->emerg;

    $block->set_value(config => "agent_audience https://api.test/a;\n"
        . "agent_audit logs/audit.log flush=20ms;\n"
        . "client_body_buffer_size 64k;\n"
        . "location /control/ { allow 127.0.0.1; deny all; agent_control; }\n"
        . 'location /t { agent_auth ' . (defined $block->keys ? 'key ' : '')
        . 'oauth; empty_gif; }');
});

run_tests();

__DATA__

=== TEST 1: each kind, there and back
--- http_config
    agent_revocations zone=revoked_state:1m state=logs/state;
{{own()}}
--- run
my $n = ++$number;

for ([ 'token' ], [ 'jti', 'jti', 1 ], [ 'subject', 'sub', 1 ],
     [ 'client', 'client_id', 1 ], [ 'agent', 'client_id' ],
     [ 'issuer' ], [ 'kid', undef, 1 ])
{
    my ($kind, $claim, $issuer) = @$_;

    my %claims = (sub => "s$n-$kind", client_id => "c$n-$kind",
        jti => "j$n-$kind");
    my $token = own_token($as, %claims);
    my %entry = (kind => $kind, value => $kind eq 'token' ? sha256_hex($token)
        : $kind eq 'issuer' ? own_issuer()
        : $kind eq 'kid' ? 'es256' : $claims{$claim});

    $entry{issuer} = own_issuer() if $issuer;

    everywhere(sub { by_token($token) }, '200 allow ok', "$kind: before");

    my $answer = call('POST', 'revocations', \%entry);
    is($answer->{status}, 201, "$kind: revoked");

    my $id = $answer->{json}{ids}[0];
    everywhere(sub { by_token($token) }, '401 deny token_revoked',
        "$kind: is refused");

    my ($listed) = grep { $_->{id} eq $id }
        @{ call('GET', "revocations?kind=$kind")->{json}{revocations} };
    is("$listed->{op} $listed->{kind} $listed->{value} $listed->{by}",
        "revoke $kind $entry{value} 127.0.0.1", "$kind: in the list");

    is(call('DELETE', "revocations/$id")->{status}, 204, "$kind: taken back");
    everywhere(sub { by_token($token) }, '200 allow ok', "$kind: is good");
    is(call('DELETE', "revocations/$id")->{status}, 404, "$kind: once");
    is(join(', ', changes(2)), "revoke $kind $entry{value} 201 127.0.0.1, "
        . "unrevoke $kind $entry{value} 204 127.0.0.1", "$kind: audited");
}



=== TEST 2: a list of several pages, and filters
--- http_config
    agent_revocations zone=revoked_pages:1m state=logs/pages;
{{own()}}
--- run
my $n = ++$number;
my @values = map { "v$n-$_ & \"x\"" . ($_ % 50 ? q{} : "y" x 1900) }
    1 .. 250;

is(call('POST', 'revocations', [ map { { kind => 'agent', value => $_,
    cause => 'many' } } @values ])->{status}, 201, 'many at once');

my ($cursor, @all, $pages);

do {
    my $json = call('GET', 'revocations?limit=100'
        . (defined $cursor ? "&cursor=$cursor" : ''))->{json};

    cmp_ok(scalar @{ $json->{revocations} }, '<=', 100, 'a page');
    push @all, map { $_->{value} } @{ $json->{revocations} };
    $cursor = $json->{cursor};
    $pages++;
} while defined $cursor;

is(join('|', grep { /^v$n-/ } @all), join('|', @values), 'all of them');

my $json = call('GET', "revocations?kind=agent&value=v$n-7%20%26%20%22x%22")
    ->{json};
is(join('|', map { "$_->{value} $_->{cause}" } @{ $json->{revocations} }),
    "$values[6] many", 'one of them');
is(call('GET', 'revocations?kind=jti&limit=1000')->{body},
    "{\"revocations\":[]}\n", 'none of another kind');
is(length call('HEAD', 'revocations')->{body}, 0, 'HEAD');

# a cursor is of an answer: one within a line, or beyond the file, is of none

my $next = call('GET', 'revocations?limit=1')->{json}{cursor};
my ($line) = (do { open my $in, '<', state_path('logs/pages') or die; <$in> });

is(call('GET', 'revocations?limit=1&cursor=' . ($next - length $line))
    ->{json}{cursor}, $next, 'that of the first line');

for ([ $next - 1, 400 ], [ $next + 1, 400 ], [ $next - length($line) + 1, 400 ],
     [ $next + 10 ** 9, 400 ], [ $next, 200 ], [ $next + 2 ** 44, 409 ],
     [ 1, 409 ])
{
    my $answer = call('GET', "revocations?limit=1&cursor=$_->[0]");

    is($answer->{status}, $_->[1], "cursor=$_->[0]");
    is($answer->{json}{detail} // $answer->{json}{title},
        '"cursor" is not one of an answer', 'says why') if $_->[1] == 400;
}

is(call('GET', "revocations?$_")->{status}, 400, "\"$_\"")
    for 'limit=0', 'limit=1001', 'limit=x', 'limit=', 'limit=-1', 'cursor=x',
        'kind=', 'kind=secret', 'limit=99999999999999999999';



=== TEST 3: all or nothing, and what is out of the question
--- http_config
    agent_revocations zone=revoked_bad:1m state=logs/bad;
{{own()}}
--- run
my $secret = planted("CANARY-body-$$");
my $good = '{"kind":"agent","value":"nobody"}';
my $hex = 'a' x 64;

my @bad = ('', '{}', '[]', 'null', 'x', '{"kind":"agent"}',
    '{"value":"x"}', '{"kind":"agent","value":1}',
    '{"kind":"agent","value":""}', '{"kind":"agent","value":null}',
    '{"kind":"agent","value":["x"]}', '{"kind":"Agent","value":"x"}',
    '{"kind":"","value":"x"}', '{"kind":7,"value":"x"}',
    "{\"kind\":\"token\",\"value\":\"$secret\"}",
    '{"kind":"token","value":"' . uc($hex) . '"}',
    "{\"kind\":\"token\",\"value\":\"${hex}aa\"}",
    "{\"kind\":\"token\",\"value\":\"$hex\",\"issuer\":\"https://a\"}",
    '{"kind":"subject","value":"x"}', '{"kind":"jti","value":"x"}',
    '{"kind":"agent","value":"x","issuer":"https://a"}',
    '{"kind":"key","value":"not an id"}',
    '{"kind":"agent","value":"x","before":1}',
    '{"kind":"agent","value":"x","before":"yesterday"}',
    '{"kind":"agent","value":"x","before":"2026-13-01T00:00:00Z"}',
    '{"kind":"agent","value":"x","expires":"90d"}',
    '{"kind":"agent","value":"x","expires":true}',
    '{"kind":"agent","value":"x","cause":1}',
    '{"kind":"agent","value":"x","cause":"' . 'x' x 257 . '"}',
    '{"kind":"agent","value":"' . 'x' x 2049 . '"}',
    "{\"kind\":\"agent\",\"value\":\"x\",\"$secret\":1}",
    '{"kind":"agent","value":"x","op":"suspend"}',
    '{"kind":"agent","value":"x","id":"mine"}',
    '{"kind":"agent","value":"x","by":"me"}',
    '{"kind":"agent","kind":"agent","value":"x"}',
    "{\"kind\":\"agent\",\"value\":\"\xff\"}",
    '{"kind":"agent","value":"\u0000"}', '{"kind":"agent","value":"x"',
    "[$good,{}]", "[$good,1]", "[$good", "[$good]]", "[[$good]]",
    "[$good,$good,{\"kind\":\"agent\",\"value\":\"$secret\",\"x\":1}]",
    '[' . join(',', ($good) x 257) . ']', "$good$good", "$good,$good",
    '{"revocations":[]}', '"x"', '[null]', '{"kind":{"a":1},"value":"x"}');

cmp_ok(scalar @bad, '>=', 50, 'bad bodies');

my $n = 0;

for (@bad) {
    my $answer = call('POST', 'revocations', $_);

    is("$answer->{status} " . fields($answer, 'Content-Type') . ' '
        . ($answer->{json}{status} // '-'),
        '400 application/problem+json 400', 'bad body ' . ++$n);
    is(index($answer->{body}, $secret), -1, 'is not repeated');
}

is(call('GET', 'revocations')->{body}, "{\"revocations\":[]}\n",
    'nothing is in force');
is(-s state_path('logs/bad'), 0, 'nor written');
is(scalar(grep { index($_, $secret) >= 0 } error_lines()), 0,
    'and nothing of it is in the log');
is(scalar(audit_rest()), 0, 'nor audited');
is(call('DELETE', 'revocations/nobody')->{status}, 404, 'nothing to undo');



=== TEST 4: keys
--- keys
alpha
beta
held  state=suspended
gone  state=revoked
late  expires=2001-01-01T00:00:00Z
--- http_config
    agent_revocations zone=revoked_keys:1m state=logs/keys;
{{own()}}
--- run
my $alpha = 'keys/keys/' . key_id('alpha');

# the repetition before this one revoked it

my ($first) = call('GET', $alpha)->{json}{usable};

if ($first) {
    everywhere(sub { by_key('alpha') }, '200 allow ok', 'a good key');
    op('alpha', 'resume', 409, 'it is not suspended');

    my $json = op('alpha', 'suspend', 200, 'suspended', { cause => 'lost' });
    is("$json->{reason} $json->{suspended} " . ($json->{usable} ? 1 : 0),
        'key_suspended 1 0', 'as it is now');
    everywhere(sub { by_key('alpha') }, '401 deny key_suspended',
        'is refused');
    op('alpha', 'suspend', 200, 'to say it again is no fault');

    my ($id) = map { $_->{id} }
        @{ call('GET', 'revocations')->{json}{revocations} };
    is(call('DELETE', "revocations/$id")->{status}, 409,
        'which is not taken back as a revocation');

    $json = op('alpha', 'resume', 200, 'resumed');
    is("$json->{reason} " . ($json->{usable} ? 1 : 0), 'ok 1',
        'as it is now');
    everywhere(sub { by_key('alpha') }, '200 allow ok', 'is good again');

    op('alpha', 'revoke', 200, 'revoked', {});
    is(join(', ', changes(3)), join(', ', map { "$_ key " . key_id('alpha')
        . ' 200 127.0.0.1' } qw/ resume revoke suspend /), 'audited');
}

everywhere(sub { by_key('alpha') }, '401 deny key_revoked', 'is refused');
op('alpha', $_, 409, "cannot be $_" . 'd') for qw/ suspend resume /;
op('alpha', 'revoke', 200, 'to say it again is no fault');

my ($id) = map { $_->{id} } grep { $_->{value} eq key_id('alpha') }
    @{ call('GET', 'revocations?kind=key')->{json}{revocations} };
is(call('DELETE', "revocations/$id")->{status}, 409, 'it stays revoked');

op('held', 'resume', 409, 'the file suspends it');
op('gone', $_, 409, "the file revoked it: $_") for qw/ suspend resume /;
op('late', 'suspend', 409, 'it has expired');
op('nobody', $_, 404, "$_ of no key") for qw/ suspend resume revoke /;
op('beta', 'suspend', 400, 'a body that is not known', { force => 1 });
is(call('GET', 'keys/keys/' . key_id('beta'))->{json}{usable}, 1,
    'changes nothing');



=== TEST 5: Global Token Revocation, with tokens of an authorization server
--- http_config
    agent_revocations zone=revoked_gtr:1m state=logs/gtr;
{{real()}}
--- config
    agent_audience https://api.test/a;
    agent_audit logs/audit.log flush=20ms;

    location /control/ {
        allow 127.0.0.1;
        deny all;
        agent_control keep=30d;
    }

    location /t { agent_auth oauth; empty_gif; }
--- run
for my $sub_id ({ format => 'iss_sub', iss => $as->issuer,
                  sub => 'agent-basic' },
                { format => 'opaque', id => 'agent-basic' })
{
    my @old = map { issued() } 1, 2;

    everywhere(sub { by_token($old[0]) }, '200 allow ok', 'a token');

    next_second();

    my $answer = call('POST', 'global-token-revocation',
        { sub_id => $sub_id });
    is("$answer->{status} $answer->{body}", '204 ', "$sub_id->{format}");

    everywhere(sub { by_token($old[0]) }, '401 deny token_revoked',
        'of before, that was cached');
    everywhere(sub { by_token($old[1]) }, '401 deny token_revoked',
        'of before, that nobody had seen');

    next_second();

    my $new = issued();
    everywhere(sub { by_token($new) }, '200 allow ok', 'of after');

    is((changes(1))[0], 'revoke subject agent-basic 204 127.0.0.1', 'audited');

    my ($entry) = @{ call('GET', 'revocations')->{json}{revocations} };
    is($entry->{issuer}, $as->issuer, 'whose subject');
    like($entry->{expires}, qr/^20/, 'for as long as is configured');
}

my $other = issued();

for ([ 404, { format => 'iss_sub', iss => 'https://else', sub => 'x' } ],
     [ 422, { format => 'email', email => 'a@b' } ],
     [ 422, { format => 'phone_number', phone_number => '+1' } ],
     [ 422, { format => 'aliases', identifiers => [] } ],
     [ 400, { format => 'user', user => 'x' } ], [ 400, {} ], [ 400, 'x' ],
     [ 400, { format => 'opaque' } ], [ 400, { format => 'opaque', id => 1 } ],
     [ 400, { format => 'opaque', id => 'x', y => 1 } ],
     [ 400, { format => 'iss_sub', sub => 'x' } ])
{
    my ($status, $sub_id) = @$_;

    is(call('POST', 'global-token-revocation', { sub_id => $sub_id })
        ->{status}, $status, JSON::PP->new->canonical->allow_nonref
        ->encode($sub_id));
}

is(call('POST', 'global-token-revocation', { sub => 'x' })->{status}, 400,
    'no sub_id');
is(by_token($other)->{status}, 200, 'all of which changed nothing');



=== TEST 6: a subject that is an email, of the provider that is named
--- http_config
    agent_revocations zone=revoked_email:1m state=logs/email;
{{own()}}
{{real()}}
--- config
    agent_audience https://api.test/a;
    agent_audit logs/audit.log flush=20ms;

    location /control/ {
        allow 127.0.0.1;
        deny all;
        agent_control email=sub provider={{$main::own}};
    }

    location /neither/ {
        allow 127.0.0.1;
        agent_control;
    }

    location /t { agent_auth oauth={{$main::own}}; empty_gif; }
--- run
my $token = own_token($as, sub => "a$number\@b", iat => time - 10);
my $other = own_token($as, sub => "c$number\@b", iat => time - 10);

is(by_token($token)->{status}, 200, 'a token');
is(call('POST', 'global-token-revocation',
    { sub_id => { format => 'email', email => "a$number\@b" } })->{status},
    204, 'its subject');
everywhere(sub { by_token($token) }, '401 deny token_revoked', 'is revoked');
is(by_token($other)->{status}, 200, 'and no other');
$number++;

is(ask('POST /neither/global-token-revocation',
    'Content-Type' => 'application/json', { body => JSON::PP->new->encode(
        { sub_id => { format => 'opaque', id => 'x' } }) })->{status}, 422,
    'of several providers none is named');



=== TEST 7: the table is full
--- http_config
    agent_revocations zone=revoked_full:64k state=logs/full;
{{own()}}
--- run
my $capacity = call('GET', 'zones')->{json}{revocations}{capacity};
my $status = 201;
my $count = 0;

while ($status == 201 && $count <= $capacity + 256) {
    $count += 256;
    $status = call('POST', 'revocations', [ map { { kind => 'agent',
        value => 'full-' . ++$number } } 1 .. 256 ])->{status};
}

is($status, 507, 'is said');

my $zone = call('GET', 'zones')->{json}{revocations};
cmp_ok($zone->{refused}, '>=', 256, 'and counted');
cmp_ok($zone->{entries}, '<=', $capacity, 'and nothing is forgotten');
like((changes(1, qr/ 507 /))[0], qr/^revoke agent full-/, 'audited');
--- no_error_log
--- serious



=== TEST 8: clients that leave, and connections that carry on
--- http_config
    agent_revocations zone=revoked_leave:1m state=logs/leave;
{{own()}}
--- run
my $n = ++$number;

# with the body sent, and before an answer can have come

for (1 .. 100) {
    my $body = "{\"kind\":\"agent\",\"value\":\"leave-$n-$_\"}";
    my $connection = connected();

    $connection->send("POST /control/revocations HTTP/1.1\r\n"
        . "Host: localhost\r\nContent-Type: application/json\r\n"
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body");
    close $connection->handle;
}

# what was read is done, whoever is there to be told

await(sub {
    my $json = call('GET', 'revocations?kind=agent&limit=1000')->{json};

    return 100 == grep { $_->{value} =~ /^leave-$n-/ }
        @{ $json->{revocations} };
}, 'all of them in force');

my $body = "{\"kind\":\"agent\",\"value\":\"stay-$n\"}";
my $connection = connected();

for (1 .. 3) {
    $connection->send("POST /control/revocations HTTP/1.1\r\n"
        . "Host: localhost\r\nContent-Type: application/json\r\n"
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body");
    is($connection->answer->{status}, 201, "call $_ of one connection");
}

# and while the body is still to come

for (1 .. 20) {
    my $connection = connected();

    $connection->send("POST /control/revocations HTTP/1.1\r\n"
        . "Host: localhost\r\nContent-Type: application/json\r\n"
        . "Content-Length: 100\r\n\r\n{\"kind\"");
    close $connection->handle;
}

is(call('GET', 'zones')->{status}, 200, 'it is well');



=== TEST 9: the caller, by the gate and by certificate
--- keys
admin  scopes=gate:control
--- http_config
    agent_revocations zone=revoked_caller:1m state=logs/caller;
{{own()}}
--- config
    agent_audience https://api.test/a;
    agent_audit logs/audit.log flush=20ms;

    location /control/ {
        agent_auth key;
        agent_scope gate:control;
        agent_control;
    }

    location /t { agent_auth key oauth; empty_gif; }
--- run
my %entry = (kind => 'agent', value => 'x' . ++$number);
my @key = (headers => ['X-API-Key' => key 'admin']);

is(call('POST', 'revocations', \%entry)->{status}, 401, 'nobody');
is(call('POST', 'revocations', \%entry, @key)->{status}, 201, 'the key');

my ($listed) = grep { $_->{value} eq $entry{value} }
    @{ call('GET', 'revocations?limit=1000', undef, @key)
       ->{json}{revocations} };
is($listed->{by}, 'admin', 'whose name stands with it');
is((changes(1))[0], "revoke agent $entry{value} 201 admin", 'and is audited');
