# Subrequests, for which nginx skips the access phase.  Without this a page
# that anybody may ask for would include what only some may see, a mirror or an
# auth_request would reach a guarded location, and a key would open by way of
# another location what it does not open itself.
#
# requirements.md, 0 (step 2) and 15; design.md, 2

use lib 't/lib';
use AgentAuth;

config_preamble(verdict_fields());

run_tests();

__DATA__

=== TEST 1: an open page includes what is guarded
--- keys
alpha
--- config
    root $TEST_NGINX_SERVER_ROOT/html;

    location = /page.html  { ssi on; }
    location = /inner.html { ssi on; }
    location = /outer.html { ssi on; }
    location = /secret     { agent_auth key; try_files /secret.txt =404; }
    location = /open       { try_files /open.txt =404; }
--- user_files
>>> page.html
[<!--#include virtual="/secret"-->][<!--#include virtual="/open"-->]
>>> inner.html
<!--#include virtual="/secret"-->
>>> outer.html
(<!--#include virtual="/inner.html"-->)(<!--#include virtual="/secret"-->)
>>> secret.txt
SECRET
>>> open.txt
OPEN
--- run
for my $headers ([], [ 'X-API-Key' => key 'alpha' ],
    [ 'X-API-Key' => key 'stranger' ])
{
    for my $path ('/page.html', '/outer.html') {
        my $answer = ask("GET $path", @$headers);

        is($answer->{status}, 200, 'the page itself is open');
        like($answer->{body}, qr/403 Forbidden/, 'what it includes is not');
        unlike($answer->{body}, qr/SECRET/, 'not by anybody');
        like($answer->{body}, qr/OPEN/, 'the rest is')
            if $path eq '/page.html';
    }
}
--- audit
result=deny reason=subrequest_refused status=200 path=/page.html subrequests_refused=1
result=deny reason=subrequest_refused status=200 path=/outer.html subrequests_refused=2
result=deny reason=subrequest_refused status=200 path=/page.html subrequests_refused=1
result=deny reason=subrequest_refused status=200 path=/outer.html subrequests_refused=2
result=deny reason=subrequest_refused status=200 path=/page.html subrequests_refused=1
result=deny reason=subrequest_refused status=200 path=/outer.html subrequests_refused=2
--- error_log
subrequest to a guarded location refused: subrequest_refused



=== TEST 2: a page that the key opens includes what it opens as well, no more
--- keys
alpha    scopes=a
beta     scopes=a,b services=s
--- config
    root $TEST_NGINX_SERVER_ROOT/html;
    agent_auth key;
    agent_service s;

    location = /page.html  { agent_scope a; ssi on; }
    location = /a  { agent_scope a; try_files /a.txt =404; }
    location = /b  { agent_scope b; try_files /b.txt =404; }
    location = /c  {
        agent_service t;
        try_files /c.txt =404;
    }
    location = /r  { agent_require $arg_r; try_files /r.txt =404; }
--- user_files
>>> page.html
<!--#include virtual="/a"--><!--#include virtual="/b"-->
<!--#include virtual="/c"--><!--#include virtual="/r?r=$arg_r"-->
>>> a.txt
AAA
>>> b.txt
BBB
>>> c.txt
CCC
>>> r.txt
RRR
--- run
my $shown = sub {
    my ($path, $name) = @_;
    my $answer = ask("GET $path", 'X-API-Key' => key $name);

    decided $answer, 'ok', "$path by $name";
    return join '', $answer->{body} =~ /(\w)\1\1/g;
};

is($shown->('/page.html?r=1', 'alpha'), 'ACR', 'one scope, any service');
is($shown->('/page.html?r=1', 'beta'), 'ABR', 'two scopes, one service');
is($shown->('/page.html', 'beta'), 'AB', 'a requirement that is not met');
is($shown->('/page.html?r=0', 'alpha'), 'AC', 'and one scope only');
decided ask('GET /page.html'), 'credential_missing', 'no key', scope => 'a';
--- error_log
subrequest to a guarded location refused: scope_insufficient
subrequest to a guarded location refused: key_service
subrequest to a guarded location refused: requirement_failed



=== TEST 3: a zone vouches for its own keys only
--- key_files
>>> one.jsonl
alpha
>>> two.jsonl
alpha
--- http_config
    agent_key_zone zone=one:1m file=one.jsonl check=100ms;
    agent_key_zone zone=two:1m file=two.jsonl check=100ms;
--- config
    root $TEST_NGINX_SERVER_ROOT/html;

    location = /page.html  { agent_auth key=one; ssi on; }
    location = /one { agent_auth key=one; try_files /one.txt =404; }
    location = /two { agent_auth key=two; try_files /two.txt =404; }
--- user_files
>>> page.html
<!--#include virtual="/one"--><!--#include virtual="/two"-->
>>> one.txt
ONE
>>> two.txt
TWO
--- run
my $answer = ask('GET /page.html', 'X-API-Key' => key 'alpha');

decided $answer, 'ok', 'the page';
like($answer->{body}, qr/ONE/, 'the same zone');
unlike($answer->{body}, qr/TWO/, 'another zone');



=== TEST 4: observe only says so
--- keys
alpha    scopes=a
--- config
    root $TEST_NGINX_SERVER_ROOT/html;

    location = /open.html { ssi on; }
    location = /page.html { agent_auth key; ssi on; }
    location = /secret {
        agent_auth key;
        agent_mode observe;
        agent_scope b;
        try_files /secret.txt =404;
    }
--- user_files
>>> open.html
<!--#include virtual="/secret"-->
>>> page.html
<!--#include virtual="/secret"-->
>>> secret.txt
SECRET
--- run
like(ask('GET /open.html')->{body}, qr/SECRET/, 'from an open page');
like(ask('GET /page.html', 'X-API-Key' => key 'alpha')->{body}, qr/SECRET/,
    'from a guarded one');
--- audit
result=allow subrequests_refused=1
--- error_log
subrequest to a guarded location would be refused: subrequest_refused
subrequest to a guarded location would be refused: scope_insufficient



=== TEST 5: an observed page vouches for nobody
--- keys
alpha
--- config
    root $TEST_NGINX_SERVER_ROOT/html;
    agent_auth key;

    location = /page.html { agent_mode observe; ssi on; }
    location = /secret { try_files /secret.txt =404; }
--- user_files
>>> page.html
<!--#include virtual="/secret"-->
>>> secret.txt
SECRET
--- run
for my $case ([ 'no key' ], [ 'a bad key', 'X-API-Key' => key 'stranger' ]) {
    my ($what, @headers) = @$case;
    my $answer = ask('GET /page.html', @headers);

    is($answer->{status}, 200, "$what: the page");
    unlike($answer->{body}, qr/SECRET/, "$what: what it includes");
}

like(ask('GET /page.html', 'X-API-Key' => key 'alpha')->{body}, qr/SECRET/,
    'who has a key is held to it');



=== TEST 6: who met "satisfy any" otherwise passed the access phase
--- keys
alpha
--- config
    root $TEST_NGINX_SERVER_ROOT/html;
    agent_auth key;

    location = /page.html { satisfy any; allow all; ssi on; }
    location = /secret { try_files /secret.txt =404; }
--- user_files
>>> page.html
<!--#include virtual="/secret"-->
>>> secret.txt
SECRET
--- request
GET /page.html
--- response_body_like: SECRET
--- audit
result=none reason=not_evaluated



=== TEST 7: auth_request
--- keys
alpha    scopes=a
--- config
    location = /open-guarded { auth_request /guarded; empty_gif; }
    location = /open-open    { auth_request /open;    empty_gif; }
    location = /guarded-open {
        agent_auth key;
        auth_request /open;
        empty_gif;
    }
    location = /guarded-guarded {
        agent_auth key;
        auth_request /guarded;
        empty_gif;
    }
    location = /guarded-more {
        agent_auth key;
        auth_request /more;
        empty_gif;
    }
    location = /guarded { internal; agent_auth key; try_files /x @yes; }
    location = /more    {
        internal;
        agent_auth key;
        agent_scope b;
        try_files /x @yes;
    }
    location = /open    { internal; return 204; }
    location @yes       { return 204; }
--- run
my @key = ('X-API-Key' => key 'alpha');

is(ask('GET /open-guarded')->{status}, 403, 'from an open location');
is(ask('GET /open-guarded', @key)->{status}, 403, 'with a key, too');
is(ask('GET /open-open')->{status}, 200, 'what is open stays open');
decided ask('GET /guarded-open'), 'credential_missing', 'no key';
decided ask('GET /guarded-open', @key), 'ok', 'a key';
decided ask('GET /guarded-guarded', @key), 'ok',
    'a server that is guarded as a whole';
decided ask('GET /guarded-guarded'), 'credential_missing', 'no key there';
my $answer = ask('GET /guarded-more', @key);
is("$answer->{status} " . fields($answer, 'Agent'), '403 allow ok',
    'one that asks for more');



=== TEST 8: a refused subrequest opens no error page
--- keys
alpha
--- config
    location = /t {
        auth_request /guarded;
        error_page 403 /page;
        empty_gif;
    }
    location = /guarded { internal; agent_auth key; try_files /x @yes; }
    location @yes       { return 204; }
    location = /page    { agent_auth key; empty_gif; }
--- run
decided ask('GET /t'), 'credential_missing', 'no key';
decided ask('GET /t', 'X-API-Key' => key 'stranger'), 'key_unknown', 'a bad one';



=== TEST 9: mirror
--- keys
alpha    scopes=a
--- config
    location = /open    { mirror /guarded; empty_gif; }
    location = /page    { agent_auth key; mirror /guarded; empty_gif; }
    location = /more    { agent_auth key; mirror /scope; empty_gif; }
    location = /guarded {
        internal;
        agent_auth key;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
    location = /scope {
        internal;
        agent_auth key;
        agent_scope b;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- run
my $upstream = upstream 1;
my @key = ('X-API-Key' => key 'alpha');

my $refused = sub {
    my ($path, $what, @headers) = @_;

    log_mark();
    ask "GET $path", @headers;
    said(qr/subrequest to a guarded location refused/, "$what: said");
    ok(!IO::Select->new($upstream)->can_read(0), "$what: nothing is sent");
};

$refused->('/open', 'from an open location');
$refused->('/open', 'with a key, too', @key);
$refused->('/more', 'more scope than the key has', @key);

my $client = connected();
$client->send(asked('GET /page', @key));
decided $client->answer, 'ok', 'a guarded location';

my $seen = attend($upstream, $client);
like($seen, qr{^GET /guarded }, 'from a guarded location');
is_deeply([ lines_of($seen) ], [], 'without the key');



=== TEST 10: add_before_body
--- keys
alpha
--- config
    root $TEST_NGINX_SERVER_ROOT/html;

    location = /open.html    { add_before_body /secret; }
    location = /guarded.html { agent_auth key; add_before_body /secret; }
    location = /secret { agent_auth key; try_files /secret.txt =404; }
--- user_files
>>> open.html
page
>>> guarded.html
page
>>> secret.txt
SECRET
--- run
my @key = ('X-API-Key' => key 'alpha');

unlike(ask('GET /open.html', @key)->{body}, qr/SECRET/, 'an open page');
like(ask('GET /guarded.html', @key)->{body}, qr/SECRET/, 'a guarded one');



=== TEST 11: variables speak of the main request
--- keys
alpha    agent=billing-bot
--- config
    root $TEST_NGINX_SERVER_ROOT/html;

    location = /page.html { agent_auth key; ssi on; }
    location = /who.html { ssi on; }
--- user_files
>>> page.html
<!--#include virtual="/who.html"-->
>>> who.html
[<!--#echo var="agent_result"-->][<!--#echo var="agent_id"-->]
--- request
GET /page.html
--- more_headers
X-API-Key: {{key 'alpha'}}
--- response_body_like: ^\[allow\]\[billing-bot\]
--- audit
result=allow



=== TEST 12: a subrequest leaves one line in the audit log, that of its request
--- keys
alpha
--- config
    root $TEST_NGINX_SERVER_ROOT/html;

    location = /page.html { agent_auth key; ssi on; }
    location = /part { agent_auth key; log_subrequest on; try_files /part.txt =404; }
--- user_files
>>> page.html
<!--#include virtual="/part"--><!--#include virtual="/part"-->
>>> part.txt
part
--- run
decided ask('GET /page.html', 'X-API-Key' => key 'alpha'), 'ok', "page $_"
    for 1 .. 3;
--- after
is(scalar(audit_lines(3)), 3, 'three lines');
is(scalar(audit_rest()), 0, 'and no more');
