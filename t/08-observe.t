# Observe changes nothing for anyone.  Without this a team that switches it on
# to see what would happen would refuse its users, or hand its upstream other
# requests than before.
#
# design.md, 4 (agent_mode) and 5

use lib 't/lib';
use AgentAuth;


# an answer without what differs by time

sub bare {
    my ($answer) = @_;

    my $head = $answer->{head};
    $head =~ s/^Date: .*\r\n//mg;

    return "$head$answer->{body}";
}


run_tests();

__DATA__

=== TEST 1: each reason is recorded and none is felt
--- keys
good       scopes=a
late       expires=2020-01-01T00:00:00Z
early      not_before=2098-01-01T00:00:00Z
suspended  state=suspended
revoked    state=revoked
elsewhere  networks=10.0.0.0/8
service    services=other
--- config
    location = /unguarded { empty_gif; }

    location = /t {
        agent_auth key;
        agent_mode observe;
        agent_service this;
        agent_scope $http_x_scope;
        agent_require $http_x_require error=401;
        empty_gif;
    }
--- run
my @all = ('X-Scope' => 'a', 'X-Require' => 1);
my $good = key 'good';

my @cases = (
    [ 'allow ok',             @all, 'X-API-Key' => $good ],
    [ 'credential_missing',   @all ],
    [ 'credential_malformed', @all, 'X-API-Key' => "\xff" ],
    [ 'credential_multiple',  @all, ('X-API-Key' => $good) x 2 ],
    [ 'key_unknown',          @all, 'X-API-Key' => key 'stranger' ],
    [ 'key_expired',          @all, 'X-API-Key' => key 'late' ],
    [ 'key_not_yet_valid',    @all, 'X-API-Key' => key 'early' ],
    [ 'key_suspended',        @all, 'X-API-Key' => key 'suspended' ],
    [ 'key_revoked',          @all, 'X-API-Key' => key 'revoked' ],
    [ 'key_network',          @all, 'X-API-Key' => key 'elsewhere' ],
    [ 'key_service',          @all, 'X-API-Key' => key 'service' ],
    [ 'scope_insufficient',   'X-Scope' => 'b', 'X-API-Key' => $good ],
    [ 'scope_insufficient',   'X-API-Key' => $good ],
    [ 'requirement_failed',   'X-Scope' => 'a', 'X-API-Key' => $good ],
    [ 'internal_error',       'X-Scope' => 'a"b', 'X-API-Key' => $good ],
);

my $unguarded = bare(ask('GET /unguarded'));
like($unguarded, qr/^HTTP\/1.1 200.*GIF89a/s, 'what is unguarded');

for my $case (@cases) {
    my ($verdict, @headers) = @$case;
    $verdict = "would_deny $verdict" unless $verdict =~ / /;

    is(bare(ask('GET /t', @headers)), $unguarded, "$verdict: not felt");

    my ($line) = audit_lines(1);
    is("$line->{unmapped}{agent_auth}{result}"
        . " $line->{unmapped}{agent_auth}{reason}", $verdict, $verdict);
    is($line->{http_response}{code}, 200, "$verdict - with its status");
}
--- error_log
a variable in "agent_scope" yields octets that a scope must not have



=== TEST 2: an upstream sees all that was sent, and an answer is its own
--- keys
good
--- config
    location /t {
        agent_auth key;
        agent_mode observe;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- run
my $upstream = upstream 1;
my %answer = (answer => "HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\n"
    . "WWW-Authenticate: Basic realm=\"its own\"\r\nCache-Control: public\r\n"
    . "Connection: close\r\n\r\nours");

for my $value (key('good'), key('stranger'), '"\xe9"') {
    my @sent = ('A: 1', "X-API-Key: $value", 'Authorization: Basic YTpi');
    my ($seen, $answer) = through $upstream, 'GET /t',
        (map { split /: /, $_, 2 } @sent), \%answer;

    is_deeply([ lines_of($seen) ], \@sent, 'the request');
    is(join('|', $answer->{status}, fields($answer, 'WWW-Authenticate'),
            fields($answer, 'Cache-Control'), $answer->{body}),
        '401|Basic realm="its own"|public|ours', 'the answer');
}



=== TEST 3: it meets no "satisfy any", and fails none
--- keys
good
--- config
    agent_auth key;
    agent_mode observe;
    satisfy any;

    location = /deny  { deny all; empty_gif; }
    location = /allow { allow all; empty_gif; }
    location = /alone { empty_gif; }
    location = /basic {
        deny all;
        auth_basic b;
        auth_basic_user_file $TEST_NGINX_SERVER_ROOT/html/htpasswd;
        empty_gif;
    }
--- user_files
>>> htpasswd
alice:{PLAIN}pw
--- run
my @good = ('X-API-Key' => key 'good');
my @bad = ('X-API-Key' => key 'stranger');
my @alice = (Authorization => 'Basic YWxpY2U6cHc=');

is(ask('GET /deny', @good)->{status}, 403, 'a good key opens nothing');
is(ask('GET /deny', @bad)->{status}, 403, 'nor does a bad one');
is(ask('GET /allow', @bad)->{status}, 200, 'a bad one closes nothing');
is(ask('GET /alone', @bad)->{status}, 200, 'nor alone');
is(ask('GET /basic', @good)->{status}, 401, 'a good key is no password');
is(ask('GET /basic', @bad, @alice)->{status}, 200, 'a password is');
--- audit
result=allow reason=ok status=403
result=would_deny reason=key_unknown status=403
result=none reason=not_evaluated status=200
result=would_deny reason=key_unknown status=200
result=allow reason=ok status=401
result=would_deny reason=key_unknown status=200



=== TEST 4: the identity of an authentic key is there, also where it is refused
--- keys
alpha     agent=billing-bot scopes=a
revoked   agent=old-bot state=revoked
--- config
    location /t {
        agent_auth key;
        agent_mode observe;
        agent_scope b;
        add_header Who "[$agent_result][$agent_id][$agent_key_id][$agent_scope]";
        empty_gif;
    }
--- request eval
["GET /t", "GET /t", "GET /t", "GET /t"]
--- more_headers eval
[
    "X-API-Key: " . ::key('alpha'),
    "X-API-Key: " . ::key('revoked'),
    "X-API-Key: " . ::key('alpha', secret => ::key_secret('stranger')),
    "",
]
--- error_code eval
[200, 200, 200, 200]
--- response_headers eval
[
    "Who: [would_deny][billing-bot][" . ::key_id('alpha') . "][a]",
    "Who: [would_deny][old-bot][" . ::key_id('revoked') . "][]",
    "Who: [would_deny][][][]",
    "Who: [would_deny][][][]",
]
--- audit
result=would_deny reason=scope_insufficient agent=billing-bot status=200
result=would_deny reason=key_revoked agent=old-bot
result=would_deny reason=key_unknown agent=unauthenticated
result=would_deny reason=credential_missing agent=unauthenticated



=== TEST 5: the start says how many locations refuse nothing
--- keys
alpha
--- config
    agent_auth key;
    agent_mode observe;

    location /a { empty_gif; }
    location /b { agent_mode enforce; empty_gif; }
    location /c { agent_auth off; empty_gif; }
    location /d { location /d/e { empty_gif; } }
--- request
GET /a
--- startup
guarded locations are in observe mode and refuse nothing
--- after
open my $in, '<', server_root() . '/logs/error.log';
my ($notice) = grep { /in observe mode/ } <$in>;
like($notice, qr/\[notice\]/, 'as a notice');



=== TEST 6: and does not, where all refuse
--- keys
alpha
--- config
    agent_auth key;
    location /a { empty_gif; }
--- request
GET /a
--- error_code: 401
--- no_error_log
in observe mode



=== TEST 7: enforce in an observed server, and the other way round
--- keys
alpha
--- config
    agent_auth key;
    agent_mode observe;

    location = /observed { empty_gif; }
    location = /enforced { agent_mode enforce; empty_gif; }
    location /outer {
        agent_mode enforce;
        empty_gif;
        location /outer/inner { agent_mode observe; empty_gif; }
    }
--- request eval
["GET /observed", "GET /enforced", "GET /outer", "GET /outer/inner"]
--- error_code eval
[200, 401, 401, 200]
--- audit
result=would_deny
result=deny
result=deny
result=would_deny
