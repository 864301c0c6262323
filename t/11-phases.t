# What internal redirects do to a decision.  Without this a request would get
# through the door of one location into another that it has no key for, would
# be refused in the second since the first took its key away, or would be
# audited as what nginx made of it and not as what the client asked.
#
# U-01; design.md, 2 (r->ctx is zeroed by internal redirects)

use lib 't/lib';
use AgentAuth;

config_preamble(verdict_fields());


# how often the answer has each of the fields that a refusal brings

sub once {
    my ($answer, $what) = @_;

    for my $name ('WWW-Authenticate', 'Cache-Control') {
        is(scalar @{ $answer->{field}{lc $name} // [] }, 1,
            "$what - one $name");
    }
}


run_tests();

__DATA__

=== TEST 1: a denied address costs no look-up
--- keys
alpha
--- config
    location = /deny  { agent_auth key; deny all; empty_gif; }
    location = /allow { agent_auth key; allow 127.0.0.1; deny all; empty_gif; }
--- request eval
["GET /deny", "GET /deny", "GET /allow"]
--- more_headers eval
[
    "X-API-Key: " . ::key('alpha'), "X-API-Key: " . ::key('stranger'),
    "X-API-Key: " . ::key('alpha'),
]
--- error_code eval
[403, 403, 200]
--- raw_response_headers_unlike eval
[ ('WWW-Authenticate|no-store') x 3 ]
--- audit
result=none reason=not_evaluated status=403 agent=unauthenticated !credential
result=none reason=not_evaluated status=403 agent=unauthenticated !credential
result=allow



=== TEST 2: index and try_files
--- keys
alpha    scopes=a
beta     scopes=a,b
--- config
    root $TEST_NGINX_SERVER_ROOT/html;

    location /dir/ { agent_auth key; agent_scope a; index i.html; }
    location = /dir/secret/i.html { agent_auth key; agent_scope b; }
    location = /dir/open/i.html { agent_auth off; }

    location /files/ {
        agent_auth key;
        agent_scope a;
        try_files $uri /fallback/$arg_to;
    }
    location = /fallback/open { empty_gif; }
    location = /fallback/same { agent_auth key; agent_scope a; empty_gif; }
    location = /fallback/more { agent_auth key; agent_scope b; empty_gif; }

    location /named/ { agent_auth key; try_files $uri @more; }
    location @more   { agent_auth key; agent_scope b; empty_gif; }
--- user_files
>>> dir/i.html
index
>>> dir/secret/i.html
secret
>>> dir/open/i.html
open
>>> files/a
file
--- run
my @alpha = ('X-API-Key' => key 'alpha');
my @beta = ('X-API-Key' => key 'beta');
my %b = (scope => 'b');

decided ask('GET /dir/', @alpha), 'ok', 'index', body => qr/^index/;
decided ask('GET /dir/'), 'credential_missing', 'index, no key', scope => 'a';
decided ask('GET /dir/secret/', @alpha), 'scope_insufficient',
    'an index of another location', %b;
decided ask('GET /dir/secret/', @beta), 'ok', 'which may be asked for',
    body => qr/^secret/;
decided ask('GET /dir/open/', @alpha), 'ok', 'an index of an open location',
    body => qr/^open/;

decided ask('GET /files/a', @alpha), 'ok', 'a file', body => qr/^file/;
decided ask('GET /files/b?to=open', @alpha), 'ok', 'try_files, open';
decided ask('GET /files/b?to=same', @alpha), 'ok', 'try_files, same scope';
decided ask('GET /files/b?to=more', @alpha), 'scope_insufficient',
    'try_files, more scope', %b;
decided ask('GET /files/b?to=more', @beta), 'ok',
    'try_files, more scope, which is there';
decided ask('GET /files/b?to=open'), 'credential_missing',
    'try_files does not come before the key', scope => 'a';
decided ask('GET /named/x', @alpha), 'scope_insufficient', 'named', %b;
decided ask('GET /named/x', @beta), 'ok', 'named, which may be asked for';



=== TEST 3: rewrite: the location where it ends is the one that counts
--- keys
alpha
--- config
    location /guarded { agent_auth key; rewrite ^ /open last; }
    location /open    { empty_gif; }
    location /from    { rewrite ^ /to last; }
    location /to      { agent_auth key; empty_gif; }
    location /break   { agent_auth key; rewrite ^ /x break; empty_gif; }
--- run
is(ask('GET /guarded')->{status}, 200, 'rewrite comes before access');
is(fields(ask('GET /guarded'), 'Agent'), 'off not_evaluated',
    'and the location before it is not visited');
decided ask('GET /from'), 'credential_missing', 'into a guarded location';
decided ask('GET /from', 'X-API-Key' => key 'alpha'), 'ok', 'with a key';
decided ask('GET /break'), 'credential_missing', 'break stays';



=== TEST 4: X-Accel-Redirect
--- keys
alpha    scopes=a
beta     scopes=a,b
--- config
    location /guarded {
        agent_auth key;
        agent_scope a;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
    location /open { proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }

    location = /to/more { internal; agent_auth key; agent_scope b; empty_gif; }
    location = /to/same { internal; agent_auth key; agent_scope a; empty_gif; }
    location = /to/open { internal; empty_gif; }
--- run
my $upstream = upstream 1;
my $go = sub {
    my ($path, $to, $name) = @_;
    my ($seen, $answer) = through $upstream, "GET $path",
        $name ? ('X-API-Key' => key $name) : (),
        { answer => "HTTP/1.1 200 OK\r\nX-Accel-Redirect: $to\r\n"
            . "Content-Length: 0\r\nConnection: close\r\n\r\n" };
    return $answer;
};

decided $go->('/guarded', '/to/same', 'alpha'), 'ok', 'same scope';
decided $go->('/guarded', '/to/more', 'alpha'), 'scope_insufficient',
    'more scope', scope => 'b';
decided $go->('/guarded', '/to/more', 'beta'), 'ok', 'which is there';
decided $go->('/guarded', '/to/open', 'alpha'), 'ok', 'open';
decided $go->('/open', '/to/same', 'alpha'), 'ok', 'from an open location';
decided $go->('/open', '/to/same'), 'credential_missing',
    'from an open location, no key', scope => 'a';
decided $go->('/open', '/to/more', 'alpha'), 'scope_insufficient',
    'from an open location, more scope', scope => 'b';



=== TEST 5: the verdict of a zone is for that zone
--- key_files
>>> one.jsonl
alpha    agent=of-one
gamma    agent=of-one
>>> two.jsonl
alpha    agent=of-two
beta     agent=of-two
gamma    agent=of-two state=revoked
--- http_config
    agent_key_zone zone=one:1m file=one.jsonl check=100ms;
    agent_key_zone zone=two:1m file=two.jsonl check=100ms;
--- config
    add_header Who "$agent_id" always;

    location /one-two { agent_auth key=one; try_files /x /two; }
    location /two-one { agent_auth key=two; try_files /x /one; }
    location /one-one { agent_auth key=one; try_files /x /one; }
    location /one-two-one { agent_auth key=one; try_files /x /two-one; }
    location = /one   { agent_auth key=one; empty_gif; }
    location = /two   { agent_auth key=two; empty_gif; }
--- run
my $go = sub {
    my ($path, $name, $reason, $who) = @_;
    my $answer = ask("GET $path", 'X-API-Key' => key $name);

    decided $answer, $reason, "$path, $name";
    is(fields($answer, 'Who'), $who, "$path, $name - who it is");
};

$go->('/one-two', 'alpha', 'ok', 'of-two');
$go->('/two-one', 'alpha', 'ok', 'of-one');
$go->('/one-one', 'alpha', 'ok', 'of-one');
$go->('/one-two-one', 'alpha', 'ok', 'of-one');
$go->('/one-two', 'beta', 'key_unknown', undef);
$go->('/two-one', 'beta', 'key_unknown', undef);
$go->('/one-two', 'gamma', 'key_revoked', 'of-two');
$go->('/two-one', 'gamma', 'key_revoked', 'of-two');



=== TEST 6: hidden in the first location, needed in the second
--- key_files
>>> one.jsonl
alpha
old      imported=CANARY.old
>>> two.jsonl
alpha
old      imported=CANARY.old
--- http_config
    agent_key_zone zone=one:1m file=one.jsonl check=100ms;
    agent_key_zone zone=two:1m file=two.jsonl check=100ms;
--- config
    location /same {
        agent_auth key=one;
        error_page 404 = @proxy;
        root $TEST_NGINX_SERVER_ROOT/none;
    }
    location @proxy {
        agent_auth key=one;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
    location /other { agent_auth key=one; try_files /x @other; }
    location @other {
        agent_auth key=two;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
    location /places { agent_auth key=one; try_files /x @places; }
    location @places {
        agent_auth key=two;
        agent_credential $http_x_other $http_x_api_key;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
    location /elsewhere { agent_auth key=one; try_files /x @elsewhere; }
    location @elsewhere {
        agent_auth key=two;
        agent_credential $http_x_other;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
    location /shown {
        agent_auth key=one;
        agent_hide_credential off;
        try_files /x @other;
    }
    location /kept { agent_auth key=one; try_files /x @kept; }
    location @kept {
        agent_auth key=two;
        agent_hide_credential off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- run
my $upstream = upstream 1;

for my $value (key('alpha'), imported('old')) {
    for my $path (qw{ /same /other /places /shown /kept }) {
        my ($seen, $answer) = through $upstream, "GET $path", A => 1,
            'X-API-Key' => $value, B => 2;

        decided $answer, 'ok', $path;
        is_deeply([ lines_of($seen) ], [ 'A: 1', 'B: 2' ],
            "$path - what the upstream sees");
    }

    my ($seen, $answer) = through $upstream, 'GET /elsewhere',
        'X-API-Key' => $value;
    decided $answer, 'credential_missing', 'in another place there is none';

    ($seen, $answer) = through $upstream, 'GET /elsewhere',
        'X-API-Key' => $value, 'X-Other' => $value, C => 3;
    decided $answer, 'ok', 'there is one in another place';
    is_deeply([ lines_of($seen) ], [ 'C: 3' ], 'both are hidden');

    ($seen, $answer) = through $upstream, 'GET /places',
        'X-API-Key' => $value, 'X-Other' => $value;
    decided $answer, 'credential_multiple',
        'a second one that only the second location looks at';
}



=== TEST 7: error_page: the client's method and path are audited
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        error_page 401 /login;
        empty_gif;
    }
    location = /login { empty_gif; }

    location /named {
        agent_auth key;
        error_page 401 = @login;
        empty_gif;
    }
    location @login { return 200 "log in"; }

    location /upload {
        agent_auth key;
        error_page 405 =200 /login;
        empty_gif;
    }
--- request eval
["POST /t?a=b\nbody", "PUT /named\nbody", "POST /upload\nbody"]
--- more_headers eval
["", "", "X-API-Key: " . ::key('alpha')]
--- error_code eval
[401, 200, 200]
--- audit
result=deny reason=credential_missing status=401 verb=POST path=/t
result=deny reason=credential_missing status=200 verb=PUT path=/named
result=allow reason=ok status=200 verb=POST path=/upload



=== TEST 8: an error page within what is guarded
--- keys
alpha
beta     scopes=a
--- config
    agent_auth key;
    error_page 401 403 /error.html;

    location /t        { agent_scope a; empty_gif; }
    location /recursive {
        agent_scope a;
        recursive_error_pages on;
        error_page 401 403 /error.html;
        empty_gif;
    }
--- user_files
>>> error.html
our own page
--- run
my $answer = ask('GET /t');
decided $answer, 'credential_missing', 'the page is refused as well',
    scope => 'a';
once($answer, 'the page is refused as well');

$answer = ask('GET /t', 'X-API-Key' => key 'stranger');
decided $answer, 'key_unknown', 'for a bad key too';
once($answer, 'for a bad key too');

$answer = ask('GET /t', 'X-API-Key' => key 'alpha');
decided $answer, 'scope_insufficient',
    'whoever may see the page does, and is refused all the same',
    scope => 'a', body => qr/^our own page/;
once($answer, 'whoever may see the page');

$answer = ask('GET /recursive');
decided $answer, 'credential_missing', 'again and again', scope => 'a';
once($answer, 'again and again');



=== TEST 9: a refusal that becomes another answer: its location decides
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        agent_scope a;
        error_page 401 403 =200 /$arg_to;
        empty_gif;
    }
    location = /same { agent_auth key; empty_gif; }
    location = /more { agent_auth key; agent_scope b; empty_gif; }
    location = /open { empty_gif; }
--- run
my @key = ('X-API-Key' => key 'alpha');

decided ask('GET /t?to=same', @key), 'ok', 'one that admits the key';
decided ask('GET /t?to=same'), 'credential_missing', 'one that does not';
decided ask('GET /t?to=more', @key), 'scope_insufficient',
    'one with a scope of its own', scope => 'b';

my $answer = ask('GET /t?to=open', @key);
is(fields($answer, 'Agent'), 'deny scope_insufficient',
    'in an open one the refusal stands');



=== TEST 10: from one that was not guarded into one that is
--- keys
alpha
--- config
    location /t {
        error_page 404 = /guarded;
        root $TEST_NGINX_SERVER_ROOT/none;
    }
    location = /guarded { agent_auth key; empty_gif; }
--- run
decided ask('GET /t'), 'credential_missing', 'no key';
decided ask('GET /t', 'X-API-Key' => key 'alpha'), 'ok', 'a key';



=== TEST 11: and the other way round: it was decided, and is audited
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        error_page 404 = /open;
        root $TEST_NGINX_SERVER_ROOT/none;
    }
    location = /open {
        add_header Who "$agent_result $agent_id" always;
        empty_gif;
    }
--- request
GET /t
--- more_headers
X-API-Key: {{key 'alpha'}}
--- response_headers
Who: allow alpha
--- audit
result=allow reason=ok agent=alpha path=/t



=== TEST 12: observe, then enforce, and the other way round
--- keys
alpha
--- config
    location /observe {
        agent_auth key;
        agent_mode observe;
        try_files /x /enforced;
    }
    location /enforce { agent_auth key; try_files /x /observed; }
    location = /enforced { agent_auth key; agent_scope a; empty_gif; }
    location = /observed {
        agent_auth key;
        agent_mode observe;
        agent_scope a;
        empty_gif;
    }
--- run
my @key = ('X-API-Key' => key 'alpha');

decided ask('GET /observe', @key), 'scope_insufficient', 'enforce is second',
    scope => 'a';
decided ask('GET /observe'), 'credential_missing', 'no key', scope => 'a';
decided ask('GET /enforce', @key), 'scope_insufficient', 'observe is second',
    result => 'would_deny';
decided ask('GET /enforce'), 'credential_missing', 'enforce is first';



=== TEST 13: satisfy any, met in the first location, says nothing in the second
--- keys
alpha
--- config
    location /t {
        satisfy any;
        allow all;
        agent_auth key;
        try_files /x /second;
    }
    location = /second { agent_auth key; empty_gif; }
--- run
decided ask('GET /t'), 'credential_missing', 'no key';
decided ask('GET /t', 'X-API-Key' => key 'alpha'), 'ok', 'a key';



=== TEST 14: post_action is part of the request
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        post_action /after;
        empty_gif;
    }
    location = /after {
        agent_auth key;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- run
my $upstream = upstream 1;
my $client = connected();

$client->send(asked('GET /t', 'X-API-Key' => key 'alpha'));
decided $client->answer, 'ok', 'the answer';
like(attend($upstream, $client), qr{^GET /after }, 'what comes after it');
