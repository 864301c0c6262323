# What the configuration can learn.  Without this an upstream would be told of
# an identity that nobody proved, or of that of another request, a limit would
# count all clients as one, and a line in one log could not be found in another.
#
# U-03, U-08; design.md, 5

use lib 't/lib';
use AgentAuth;
use Digest::SHA qw/ sha256_hex /;

config_preamble(verdict_fields());

our $all = join '|', map { "$_=\$agent_$_" } qw/
    result reason auth_type id client_id subject actor issuer scope expires
    key_id token_id cache claim_sub claim_x
/;


sub fingerprint {
    return substr sha256_hex($_[0]), 0, 16;
}


# "a=1|b=2" of the log file, by line

sub logged {
    my ($name, $n) = @_;
    my @lines;

    await(sub {
        open my $in, '<', server_root() . "/logs/$name" or return;
        @lines = <$in>;
        return @lines >= $n;
    }, "$n lines in $name");

    chomp @lines;
    return @lines;
}


run_tests();

__DATA__

=== TEST 1: after a verdict
--- keys
alpha    agent=billing-bot owner=team-pay scopes=a:b,c
grace    agent=old-bot state=deprecated grace_until=2098-01-01T00:00:00Z
revoked  agent=bad-bot state=revoked scopes=d
old      imported=CANARY.old agent=legacy
--- http_config
    log_format all "{{$main::all}}";
--- config
    location /t {
        agent_auth key;
        access_log logs/all.log all;
        empty_gif;
    }
--- run
my $none = 'auth_type=-|id=-|client_id=-|subject=-|actor=-|issuer=-|scope=-'
    . '|expires=-|key_id=-|token_id=-|cache=-|claim_sub=-|claim_x=-';
my $known = sub {
    my ($id, $scope, $expires, $key) = @_;
    my $text = $none;

    $text =~ s/auth_type=-/auth_type=key/;
    $text =~ s/\|id=-/|id=$id/;
    $text =~ s/scope=-/scope=$scope/;
    $text =~ s/expires=-/expires=$expires/;
    $text =~ s/key_id=-/key_id=$key/;
    return $text;
};

my @cases = (
    [ key('alpha'), 'result=allow|reason=ok|'
      . $known->('billing-bot', 'a:b c', 4070908800, key_id 'alpha') ],
    [ key('grace'), 'result=allow|reason=ok|'
      . $known->('old-bot', '', 4039372800, key_id 'grace') ],
    [ imported('old'), 'result=allow|reason=ok|'
      . $known->('legacy', '', 4070908800, 'old') ],
    [ key('revoked'), 'result=deny|reason=key_revoked|'
      . $known->('bad-bot', 'd', 4070908800, key_id 'revoked') ],
    [ key('stranger'), 'result=deny|reason=key_unknown|'
      . $none =~ s/auth_type=-/auth_type=key/r ],
    [ "\xff", "result=deny|reason=credential_malformed|$none" ],
    [ '', "result=deny|reason=credential_missing|$none" ],
);

my $before = logged('all.log', 0);
ask 'GET /t', 'X-API-Key' => $_->[0] for @cases;

my @lines = logged('all.log', $before + @cases);
splice @lines, 0, $before;

is_deeply(\@lines, [ map { $_->[1] } @cases ], 'what they say');



=== TEST 2: before one
--- keys
alpha    agent=billing-bot
--- http_config
    map $uri $early { default "[$agent_result][$agent_reason][$agent_id]"; }
--- config
    set $server "[$agent_result][$agent_reason][$agent_id][$agent_auth_type]";

    location /t {
        agent_auth key;
        set $here "[$agent_result][$agent_reason][$agent_id][$agent_auth_type]";
        set $first $agent_credential;
        set $number $agent_request_id;
        add_header Server-Phase $server;
        add_header Here $here;
        add_header Same "$first $agent_credential";
        add_header Number "$number $agent_request_id";
        empty_gif;
    }
    location /off {
        set $first $agent_credential;
        add_header Here "[$agent_result][$agent_reason][$agent_id]";
        add_header Same "$first $agent_credential";
        empty_gif;
    }
--- run
my $key = key 'alpha';
my $answer = ask('GET /t', 'X-API-Key' => $key);

is($answer->{status}, 200, 'admitted');
is(fields($answer, 'Server-Phase'), '[off][not_evaluated][][]',
    'in the server');
is(fields($answer, 'Here'), '[none][not_evaluated][][]', 'in the location');
is(fields($answer, 'Same'), join(' ', (fingerprint($key)) x 2),
    'the fingerprint is known');
like(fields($answer, 'Number'), qr/^([0-9a-f]{32}) \1$/, 'and the number');

$answer = ask('GET /off', Authorization => "Bearer $key");
is(fields($answer, 'Here'), '[off][not_evaluated][]', 'where it is off');
is(fields($answer, 'Same'), join(' ', (fingerprint($key)) x 2),
    'a fingerprint all the same');



=== TEST 3: the fingerprint
--- keys
alpha
old      imported=CANARY.old
--- config
    location /t {
        agent_auth key;
        add_header Print "$agent_credential" always;
        empty_gif;
    }
    location /off { add_header Print "$agent_credential" always; empty_gif; }
--- run
my ($alpha, $old) = (key('alpha'), imported('old'));
my $print = sub { fields(ask('GET /t', @_), 'Print') };

is($print->('X-API-Key' => $alpha), fingerprint($alpha), 'an issued key');
is($print->(Authorization => "Bearer $alpha"), fingerprint($alpha),
    'the same key in Bearer');
is($print->('X-API-Key' => $old), fingerprint($old), 'an imported key');
is($print->('X-API-Key' => 'nobody'), fingerprint('nobody'), 'an unknown one');
is($print->('X-API-Key' => "\xff\xfe"), fingerprint("\xff\xfe"),
    'a malformed one');
is($print->(), undef, 'none');
is($print->('X-API-Key' => ''), undef, 'an empty one');
is($print->(Authorization => 'Basic YTpi'), undef, 'another scheme');
is($print->(('X-API-Key' => $alpha) x 2), undef, 'two');



=== TEST 4: a limit by credential
--- keys
alpha    agent=one
beta     agent=two
gamma    agent=two
--- http_config
    limit_req_zone $agent_credential zone=credential:1m rate=1r/m;
    limit_req_status 429;
--- config
    location /credential {
        agent_auth key;
        limit_req zone=credential;
        empty_gif;
    }
--- run
my $get = sub { ask('GET /credential', @_)->{status} };

SKIP: {
    skip 'the limits are used up', 6 if our $limited++;

    is($get->('X-API-Key' => key 'alpha'), 200, 'the first of one');
    is($get->('X-API-Key' => key 'alpha'), 429, 'the second');
    is($get->(Authorization => 'Bearer ' . key 'alpha'), 429,
        'the same key elsewhere');
    is($get->('X-API-Key' => key 'beta'), 200, 'the first of another');
    is($get->('X-API-Key' => 'guess'), 401, 'a guess');
    is($get->('X-API-Key' => 'guess'), 429, 'the same guess again');
    is($get->(), 401, 'nobody') for 1 .. 2;
}



=== TEST 5: maps, and what an upstream is told
--- keys
alpha    agent=billing-bot scopes=a,b
beta     agent=other-bot
--- http_config
    map $agent_id $team {
        billing-bot  pay;
        default      unknown;
    }
--- config
    location /t {
        agent_auth key;
        proxy_set_header X-Agent $agent_id;
        proxy_set_header X-Team $team;
        proxy_set_header X-Scope "$agent_scope";
        proxy_set_header X-Key-Id $agent_key_id;
        proxy_set_header X-Subject $agent_subject;
        proxy_set_header X-Request $agent_request_id;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- run
my $upstream = upstream 1;

my ($seen, $answer) = through $upstream, 'GET /t', 'X-Agent' => 'admin',
    'X-Subject' => 'root', 'X-API-Key' => key 'alpha';
decided $answer, 'ok', 'alpha';
is_deeply([ sort(lines_of($seen)) ], [
    'X-Agent: billing-bot', 'X-Key-Id: ' . key_id('alpha'),
    'X-Request: ' . fields($answer, 'Agent-Request'), 'X-Scope: a b',
    'X-Team: pay',
], 'what a client claims is overwritten (G-01)');

($seen, $answer) = through $upstream, 'GET /t', 'X-Scope' => 'all',
    'X-API-Key' => key 'beta';
is_deeply([ sort(lines_of($seen)) ], [
    'X-Agent: other-bot', 'X-Key-Id: ' . key_id('beta'),
    'X-Request: ' . fields($answer, 'Agent-Request'), 'X-Team: unknown',
], 'also by nothing');



=== TEST 6: the request's number: one for all that speaks of it, and no other's
--- keys
alpha
--- http_config
    log_format number "$agent_request_id";
--- config
    access_log logs/number.log number;

    location = /t { agent_auth key; empty_gif; }
    location = /open { empty_gif; }
    location = /moved { agent_auth key; try_files /x /t; }
--- run
my %seen;
my $client = connected();

for my $i (1 .. 300) {
    my $path = ('/t', '/open', '/moved')[$i % 3];
    my $answer = answer_of($client, "GET $path", 'X-API-Key' => key 'alpha');
    my $number = fields($answer, 'Agent-Request');

    $seen{$number}++;
    decided $answer, 'ok', 'audited under this number' if $i < 6 && $i % 3 != 1;
}

is(scalar keys %seen, 300, 'none comes twice');
is(scalar(grep { !/^[0-9a-f]{32}$/ } keys %seen), 0, 'of 32 hex digits');

my %prefix = map { substr($_, 0, 16) => 1 } keys %seen;
is(scalar keys %prefix, 1, 'one worker, one prefix');

my %logged;
await(sub {
    %logged = map { $_ => 1 } logged('number.log', 300);
    return !grep { !$logged{$_} } keys %seen;
}, 'the access log');
is(scalar(grep { !$logged{$_} } keys %seen), 0, 'the access log has them all');



=== TEST 7: another worker has another prefix
--- keys
alpha
--- config
    location /t { agent_auth key; empty_gif; }
--- run
my $prefix = sub { substr fields(ask('GET /t'), 'Agent-Request'), 0, 16 };
my $before = $prefix->();

open my $in, '<', server_root() . '/logs/nginx.pid';
kill HUP => <$in>;

ok(await(sub { $prefix->() ne $before }, 'another worker'), 'after a reload');



=== TEST 8: in conditions
--- keys
alpha    scopes=admin
beta
--- config
    location /t {
        agent_auth key;
        add_header Admin $admin;
        empty_gif;
    }
--- http_config
    map $agent_scope $admin {
        ~(^|\s)admin(\s|$)  yes;
        default             no;
    }
--- request eval
["GET /t", "GET /t"]
--- more_headers eval
["X-API-Key: " . ::key('alpha'), "X-API-Key: " . ::key('beta')]
--- response_headers eval
["Admin: yes", "Admin: no"]



=== TEST 9: a text of a key file is what it is, in UTF-8 too
--- key_files
>>> keys.jsonl
{"id":"{{key_id('alpha')}}","digest":"{{key_digest('alpha')}}","agent":"b\u00fccher\u0020\"bot\"","state":"active","expires":"2099-01-01T00:00:00.5Z"}
--- http_config
    agent_key_zone zone=keys:1m file=keys.jsonl check=100ms;
--- config
    add_header Who $agent_id;
    location /t { agent_auth key; empty_gif; }
--- run
my $answer = ask('GET /t', 'X-API-Key' => key 'alpha');

decided $answer, 'ok', 'admitted';
is(fields($answer, 'Who'), "b\xc3\xbccher \"bot\"", 'its name');
--- after
my ($line) = audit_lines(1);
is($line->{actor}{app_name}, "b\x{fc}cher \"bot\"", 'and in the audit line');
