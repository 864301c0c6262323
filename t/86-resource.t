# The document of a protected resource (RFC 9728) and what points at it.
# Without this a client that knows nothing but the URL of the service could not
# find out who issues tokens for it, or would be sent to the wrong server; or
# the document would be refused to whoever needs it, having no credential yet.
#
# requirements.md, P-01 to P-07, R-01, MCP-01, MCP-03; RFC 9728, 8707

use lib 't/lib';
use AgentAuth;
use AgentAS;

our $as = AgentAS->start(faults => 1);
our $base = 'https://api.test';
our $known = '/.well-known/oauth-protected-resource';

config_preamble(verdict_fields());


# providers that no test here asks

sub provider {
    my ($name, $issuer) = @_;

    return "agent_oauth_provider $name { issuer $issuer;"
        . ' introspection_endpoint http://127.0.0.1:1/i; client_id c;'
        . ' client_secret_file ' . $as->dir . "/gate-basic.secret; }\n";
}


# what stands at the path, as JSON

sub document {
    my ($path, @headers) = @_;

    my $answer = ask("GET $path", @headers);

    is($answer->{status}, 200, "GET $path");
    is(fields($answer, 'Content-Type'), 'application/json', 'its type');

    return JSON::PP->new->utf8->decode($answer->{body});
}


# of a location: no document, and no field of one

sub elsewhere {
    my ($path) = @_;

    my $answer = ask("GET $path");

    isnt($answer->{status}, 200, "GET $path: no document");
    ok(!$answer->{field}{'access-control-allow-origin'}, 'nor its fields');
}


# whether nginx -t says so, with the line that ends in "# fault"

sub says {
    my ($text, $level, $message) = @_;

    my ($status, $output) = try_conf(provider('p', 'https://as.test')
        . "agent_audit logs/try-audit.log;\n$text");
    my $place = '';

    open my $in, '<', try_path() or die $!;
    while (<$in>) { $place = try_path() . ":$." if /# fault$/ }

    is($status, $level eq 'emerg' ? 1 : 0, "$message: $level")
        or diag $output;
    like($output, qr/\[$level\].*\Q$message\E/, 'says so');
    like($output, qr/ in \Q$place\E\b/, 'and where') if $place;
}


sub server {
    return 'server { listen 127.0.0.1:' . port(6) . ";\n$_[0]\n}";
}


# a token for this audience, says the authorization server

our $tokens = 0;

sub token_for {
    my ($audience) = @_;

    $as->clear;
    $as->scripted('introspection', JSON::PP->new->encode({
        active => JSON::PP::true, aud => $audience, client_id => 'c',
        scope => 'invoices:read' }));

    return (Authorization => 'Bearer '
        . planted("CANARY-for-$$-" . time . ++$tokens));
}


run_tests();

__DATA__

=== TEST 1: the document, P-01, P-05, P-07
--- http_config
{{provider('p', 'https://as.test') . provider('q', 'https://as.test/q')}}
--- config
    deny all;
    add_header Via "this server" always;

    location /r1/ {
        agent_auth oauth=p;
        agent_resource https://api.test/r1 "name=Rechnungen \"ü\""
            documentation=https://api.test/docs#r1;
        agent_scope any invoices:read invoices:all;
        agent_scope $arg_scope;
        empty_gif;

        location /r1/write {
            agent_scope invoices:write invoices:read offline_access;
            limit_except GET { agent_scope invoices:delete; }
        }
        location /r1/q { agent_auth oauth=q; }
        location /r1/off { agent_auth off; agent_scope nothing; }
    }

    location /.well-known/ { return 500; }
    location = /guarded { agent_auth oauth=p; agent_audience x; }
--- run
my $text = '{"resource":"https://api.test/r1","authorization_servers":'
    . '["https://as.test","https://as.test/q"],"scopes_supported":'
    . '["invoices:read","invoices:all","invoices:write","invoices:delete"],'
    . '"bearer_methods_supported":["header"],'
    . '"resource_name":"Rechnungen \\"ü\\"",'
    . '"resource_documentation":"https://api.test/docs#r1"}' . "\n";

for my $path ("$known/r1", $known, "$known/r1?x=1", "$known?") {
    my $answer = ask("GET $path");

    is($answer->{status}, 200, "GET $path");
    is($answer->{body}, $text, 'the document');
    is(fields($answer, 'Content-Type'), 'application/json', 'its type');
    is(fields($answer, 'Content-Length'), length $text, 'its length');
    is(fields($answer, 'Cache-Control'), 'max-age=3600', 'it can be kept');
    is(fields($answer, 'Access-Control-Allow-Origin'), '*', 'by any page');
    is(fields($answer, 'Via'), 'this server', 'with the fields of the server');
}

my $answer = ask("HEAD $known/r1");
is($answer->{status}, 200, 'HEAD');
is($answer->{body}, '', 'no body');
is(fields($answer, 'Content-Length'), length $text, 'its length');

for my $method (qw/ POST PUT DELETE OPTIONS PATCH /) {
    $answer = ask("$method $known/r1", { body => 'x' x 100 });
    is($answer->{status}, 405, $method);
    is(fields($answer, 'Allow'), 'GET, HEAD', 'what can be done');
    ok(!$answer->{field}{'access-control-allow-origin'}, 'nothing else');
}

elsewhere("$known/r");
elsewhere("$known/r1/");
elsewhere("$known/r11");
elsewhere("$known/R1");
elsewhere("$known/");
elsewhere("${known}r1");
elsewhere('/.well-known/oauth-protected-resourc');
elsewhere('/.well-known/oauth-authorization-server');

# a request with a body does not spoil the connection

my $connection = connected();
$connection->send(asked("GET $known/r1", { body => 'GET /x HTTP/1.1' }));
is($connection->answer->{body}, $text, 'GET with a body');
$connection->send(asked("GET $known/r1"));
is($connection->answer->{body}, $text, 'and the next one');

is(ask_octets("GET $known/r1 HTTP/1.0\r\n\r\n")->{body}, $text, 'HTTP/1.0');
is(ask("GET http://other.test$known/%72%31")->{body}, $text,
    'in another form');
--- audit
none



=== TEST 2: the challenge, P-04, MCP-03
--- keys
alpha  scopes=invoices:read
--- http_config
{{provider('p', 'https://as.test')}}
--- config
    agent_resource https://api.test/r1;
    agent_auth key oauth=p;
    agent_scope invoices:read;
    location /t { empty_gif; }
    location /write { agent_scope invoices:write; empty_gif; }
    location /require { agent_require $arg_x; empty_gif; }
    location /off { agent_resource off; agent_audience x; empty_gif; }
    location /own { agent_resource https://api.test/own; empty_gif; }
--- run
my $url = "https://api.test$known/r1";

decided ask('GET /t'), 'credential_missing', 'nothing', metadata => $url,
    scope => 'invoices:read';
decided ask('GET /t', 'X-API-Key' => key('beta')), 'key_unknown', 'of nobody',
    metadata => $url;
decided ask('GET /t', Authorization => 'Bearer'), 'credential_malformed',
    'no value', metadata => $url;
decided ask('GET /write', 'X-API-Key' => key('alpha')), 'scope_insufficient',
    'another scope', metadata => $url, scope => 'invoices:write';
decided ask('GET /require', 'X-API-Key' => key('alpha')),
    'requirement_failed', 'no challenge, no address';
decided ask('GET /off'), 'credential_missing', 'off',
    scope => 'invoices:read';
decided ask('GET /own'), 'credential_missing', 'of its own',
    scope => 'invoices:read', metadata => "https://api.test$known/own";
decided ask('GET /t', 'X-API-Key' => key('alpha')), 'ok', 'a key';

is_deeply(document("$known/r1")->{scopes_supported},
    [ 'invoices:read', 'invoices:write' ], 'its scopes');
is_deeply(document("$known/own")->{scopes_supported}, [ 'invoices:read' ],
    'those of the other');
decided ask("GET $known"), 'credential_missing', 'two: none at the root',
    metadata => $url, scope => 'invoices:read';



=== TEST 3: the audience, R-01
--- http_config
{{$main::as->provider('of_resource')}}
--- config
    agent_auth oauth;
    agent_resource https://api.test/a;
    location /t { empty_gif; }
    location /b { agent_resource https://api.test/b; empty_gif; }
    location /set { agent_audience https://api.test/b; empty_gif;
        location /set/c { agent_resource https://api.test/c; empty_gif; } }
    location /nested { agent_resource https://api.test/n; empty_gif;
        location /nested/x { agent_scope invoices:read; empty_gif; } }
--- run
my @want = ([ '/t', 'a' ], [ '/b', 'b' ], [ '/set', 'b' ], [ '/set/c', 'b' ],
    [ '/nested', 'n' ], [ '/nested/x', 'n' ]);

for (@want) {
    my ($path, $audience) = @$_;
    my $own = { '/b' => 'b', '/set/c' => 'c', '/nested' => 'n',
                '/nested/x' => 'n' }->{$path} // 'a';

    for my $name (qw/ a b c n /, 'a/', 'A') {
        decided ask("GET $path", token_for("$base/$name")),
            $name eq $audience ? 'ok' : 'audience_mismatch',
            "$path: for $name", metadata => "$base$known/$own";
    }
}

$as->clear;



=== TEST 4: several, and none
--- http_config
{{provider('p', 'https://as.test')}}
server {
    listen $TEST_NGINX_PORT_3;
    agent_resource https://api.test/a?k=v;
    agent_auth oauth;
    location / { }
}
server {
    listen $TEST_NGINX_PORT_4;
    agent_auth oauth; agent_audience x; location / { empty_gif; }
}
server {
    listen $TEST_NGINX_PORT_5;
    agent_resource https://api.test/;
    location / { agent_auth oauth; }
    location /mcp { agent_auth oauth; agent_resource https://api.test/mcp; }
}
--- config
    location /t { agent_auth oauth; agent_resource https://api.test/r1/;
        empty_gif; }
    location /t2 { agent_auth oauth; agent_resource https://api.test/r%C3%A9;
        empty_gif; }
--- run
is(document("$known/r1/")->{resource}, "$base/r1/", 'a slash at the end');
elsewhere("$known/r1");
is(document("$known/r\xc3\xa9")->{resource}, "$base/r%C3%A9", 'an octet');
is(document("$known/%72%c3%a9")->{resource}, "$base/r%C3%A9", 'encoded');
elsewhere($known);

my $at = { port => port(3) };
my $answer = ask("GET $known/a?k=v", $at);
is($answer->{status}, 200, 'a query');
like(fields(ask('GET /', $at), 'WWW-Authenticate'),
    qr{resource_metadata="\Q$base$known/a?k=v\E"}, 'in the challenge');
isnt(ask("GET $known/a?k=w", $at)->{status}, 200, 'another');
isnt(ask("GET $known/a", $at)->{status}, 200, 'without');

is(ask("GET $known", { port => port(4) })->{status}, 401, 'of none');

$at = { port => port(5) };
like(ask("GET $known", $at)->{body}, qr{"resource":"$base/"}, 'the root');
like(ask("GET $known/mcp", $at)->{body}, qr{"resource":"$base/mcp"},
    'and one below');



=== TEST 5: where keys only are accepted
--- keys
alpha
--- config
    agent_resource https://api.test "name=x";
    location /t { agent_auth key; empty_gif; }
--- run
is_deeply(document($known), { resource => $base, resource_name => 'x',
    bearer_methods_supported => [ 'header' ] },
    'P-03: no array that is empty');
decided ask('GET /t'), 'credential_missing', 'its challenge',
    metadata => "$base$known";



=== TEST 6: subrequests, redirects, rewrites, pages
--- http_config
{{provider('p', 'https://as.test')}}
--- config
    agent_resource https://api.test;
    error_page 404 /.well-known/oauth-protected-resource;
    error_page 405 /page;
    rewrite ^/moved$ /.well-known/oauth-protected-resource;
    location /t { agent_auth oauth; empty_gif; }
    location /page { return 200 "page\n"; }
    location /absent { root html; }
    location /ssi.html { ssi on; root html; }
    location = /.well-known/oauth-protected-resource { return 200 "mine\n"; }
--- user_files
>>> ssi.html
[<!--#include virtual="/.well-known/oauth-protected-resource" -->]
--- run
is(ask('GET /absent')->{body}, "mine\n", 'an internal redirect');
is(ask('GET /absent')->{status}, 404, 'with its status');
is(ask('GET /ssi.html')->{body}, "[mine\n]\n", 'a subrequest');
is(ask('GET /moved')->{body}, "mine\n", 'a rewrite of the server');
is(document($known)->{resource}, $base, 'asked for');

my $answer = ask("POST $known", { body => 'x' });
is($answer->{status}, 405, 'a page of the server');
is($answer->{body}, "page\n", 'is that');



=== TEST 7: what nginx -t says
--- config
    location /t { empty_gif; }
--- run
for (
    [ '/r1', 'expected "https://" and a name' ],
    [ 'http://api.test/', '"http://" is for loopback only' ],
    [ 'https://api.test/#x', 'a fragment' ],
    [ 'https://u@api.test/', 'expected a host name' ],
    [ 'https://api.test/a//b', 'an empty segment' ],
    [ 'https://api.test/a/../b', '".."' ],
    [ '"https://api.test/a b"', 'percent-encode' ],
    [ 'https://$host/', 'expected a host name' ],
    [ 'https://api.test/$uri', 'variables are not expanded' ],
) {
    my ($uri, $why) = @$_;
    my $bare = $uri =~ tr/"//dr;

    says(server("agent_resource $uri;  # fault"), 'emerg',
        "invalid URI \"$bare\" in \"agent_resource\": ");
    says(server("agent_resource $uri;"), 'emerg', $why);
}

for my $option ('title=x', 'name=', 'documentation=', 'documentation=docs',
    'name=$host')
{
    says(server("agent_resource https://a.test $option;  # fault"), 'emerg',
        "invalid parameter \"$option\" in \"agent_resource\"");
}

my $on = 'agent_auth oauth; agent_resource';

says(server("agent_resource https://a.test;\nagent_resource off;  # fault"),
    'emerg', '"agent_resource" directive is duplicate');
says("agent_resource https://a.test;  # fault\n", 'emerg',
    '"agent_resource" directive is not allowed here');
says(server("location /a { $on https://a.test/r; }\n"
    . "location /b { $on https://b.test/r; }  # fault"), 'emerg',
    'resource "https://b.test/r" in "agent_resource" would have its document'
    . ' at the path of that of "https://a.test/r"');
says(server("location /a { $on https://a.test; }\n"
    . "location /b { $on https://a.test/; }  # fault"), 'emerg',
    'would have its document at the path');
says(server("location /a { $on https://a.test name=a; }\n"
    . "location /b { $on https://a.test name=b; }  # fault"), 'emerg',
    'parameter "name=b" in "agent_resource" differs from what was given for'
    . ' "https://a.test" before');
says(server("agent_resource https://a.test;"), 'warn',
    'agent_auth: no guarded location has resource "https://a.test", for which'
    . ' there will be no document');
says(server("location /a { agent_auth oauth; }  # fault"), 'emerg',
    '"agent_auth oauth" needs "agent_audience" or "agent_resource"');

my ($status, $output) = try_conf(provider('p', 'https://as.test')
    . "agent_audit logs/try-audit.log;\n"
    . server("location /a { $on https://a.test/r name=x; }\n"
    . "location /b { $on https://a.test/r; }\n"
    . "location /c { $on http://127.0.0.1:8080/c; }")
    . server('server_name other; ' . "$on https://a.test/r;"));

is($status, 0, 'what is good') or diag $output;
unlike($output, qr/\[(?:warn|error|emerg)\]/, 'nothing is said');



=== TEST 8: which tokens it takes, P-05, M-05
--- http_config
{{provider('p', 'https://as.test')}}
--- config
    agent_resource off;

    location /plain { agent_resource https://api.test/plain;
        agent_auth oauth; empty_gif; }

    location /optional { agent_resource https://api.test/optional;
        agent_auth oauth; agent_binding optional; empty_gif; }

    location /off { agent_resource https://api.test/off;
        agent_auth oauth; agent_binding off; empty_gif; }

    location /dpop { agent_resource https://api.test/dpop;
        agent_auth oauth; agent_binding required dpop; empty_gif;

        location /dpop/keys { agent_auth oauth; empty_gif; } }

    location /mtls { agent_resource https://api.test/mtls;
        agent_auth oauth; agent_binding required mtls; empty_gif; }

    location /mixed { agent_resource https://api.test/mixed;
        agent_auth oauth; agent_binding required dpop; empty_gif;
        agent_require_details pay "a \"b\"";

        location /mixed/b { agent_binding optional mtls; empty_gif;
            agent_require_details pay book; } }
--- run
my $algs = [ qw/ ES256 ES384 ES512 EdDSA Ed25519 RS256 PS256 / ];
my $true = JSON::PP::true;
my @said = qw/ tls_client_certificate_bound_access_tokens
    dpop_signing_alg_values_supported dpop_bound_access_tokens_required
    authorization_details_types_supported /;

my %expected = (
    plain    => [ undef, undef, undef, undef ],
    optional => [ undef, $algs, undef, undef ],
    off      => [ undef, undef, undef, undef ],
    dpop     => [ undef, $algs, $true, undef ],
    mtls     => [ $true, undef, undef, undef ],
    mixed    => [ $true, $algs, undef, [ 'pay', 'a "b"', 'book' ] ],
);

for my $name (sort keys %expected) {
    my $document = document("$known/$name");

    is_deeply([ @$document{@said} ], $expected{$name}, "tokens of $name");
    is_deeply($document->{authorization_servers}, [ 'https://as.test' ],
        'the rest is there');
}



=== TEST 9: what is demanded of all is told, and nothing else, P-05
--- http_config
{{provider('p', 'https://as.test')}}
server {
    listen {{port(3)}};
    agent_auth oauth;
    agent_resource https://api.test/all;
    location / { agent_binding required dpop; empty_gif; }
}
server {
    listen {{port(4)}};
    agent_auth oauth;
    agent_resource https://api.test/some;
    location /some { agent_binding required dpop; empty_gif; }
}
server {
    listen {{port(5)}};
    agent_auth oauth;
    agent_resource https://api.test/watched;
    agent_binding required dpop;
    location /watched { agent_mode observe; empty_gif; }
}
server {
    listen {{port(6)}};
    agent_auth oauth;
    agent_resource https://api.test/exact;
    location = / { agent_binding required dpop; empty_gif; }
    location ~ / { agent_binding required dpop; empty_gif; }
}
--- config
    location /x { empty_gif; }
--- run
for ([ 3, 'all', 1 ], [ 4, 'some' ], [ 5, 'watched' ], [ 6, 'exact' ]) {
    my ($port, $name, $required) = @$_;
    my $answer = ask("GET $known/$name", { port => port($port) });
    my $json = JSON::PP->new->utf8->decode($answer->{body});

    ok($json->{dpop_signing_alg_values_supported}, "$name: proofs are taken");
    is(!!$json->{dpop_bound_access_tokens_required}, !!$required,
        "$name: required");
}
