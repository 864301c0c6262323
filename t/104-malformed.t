# Requests that nginx refuses before it has read all of them, where its error
# page is a guarded location that looks at everything there is.  Without this a
# handler would look for a method, a path or a field where there is none, and
# the worker would be gone; or such a page would be shown to everybody.
#
# requirements.md, 15 (parity over h1 and h2), U-01, D-09, G-01

use lib 't/lib';
use AgentAuth;
use AgentAS;
use Digest::SHA qw/ sha256 /;
use MIME::Base64 qw/ encode_base64url /;

our $as = AgentAS->start(tls => 1);
our $serial = 0;

config_preamble(verdict_fields());

{
    open my $out, '>', $as->dir . '/malformed.json' or die $!;
    print $out JSON::PP->new->encode({ keys => [
        { %{ $as->jwk($as->dir . '/gate-es256.key') }, kid => 'k' } ] });
    close $out;
}


sub provider {
    return "agent_oauth_provider own {\nissuer https://own.test;"
        . ' metadata_uri off; jwks_file ' . $as->dir . "/malformed.json; }\n"
        . "underscores_in_headers on;\nignore_invalid_headers off;\n"
        . "map \$agent_mcp_method:\$agent_mcp_name \$mcp { default admin;"
        . " tools/list: list; }\n";
}


sub guarded {
    return <<'END';
    agent_audit logs/audit.log flush=20ms;
    agent_resource https://api.test/a;
    agent_client_cert 127.0.0.1;
    agent_auth oauth;
    agent_binding optional;
    agent_delegation max_depth=1;
    agent_require_details t;
    agent_step_up max_age=1h;

    location /t { agent_require_details off; agent_step_up off; empty_gif; }
    location /mcp { agent_mcp required; agent_scope $mcp; empty_gif; }
    location /page { agent_mcp optional; agent_scope $mcp; empty_gif; }

    error_page 400 404 405 408 413 414 431 494 495 496 497 501 505 /mcp;
END
}


# a token bound to agent-es256, and a proof of it for this URI

sub bound {
    my $now = time;
    my $token = $as->jwt({ alg => 'ES256', typ => 'at+jwt', kid => 'k' },
        { iss => 'https://own.test', aud => 'https://api.test/a', sub => 's',
          client_id => 'c', jti => "t$$-" . ++$serial, iat => $now,
          exp => $now + 600,
          cnf => { jkt => $as->thumbprint($as->dir . '/agent-es256.key') } },
        $as->dir . '/gate-es256.key');

    return $token;
}


sub proof {
    my ($token, %claims) = @_;

    return $as->jwt({ alg => 'ES256', typ => 'dpop+jwt',
        jwk => $as->jwk($as->dir . '/agent-es256.key') },
        { htm => 'GET', htu => 'https://api.test/t', iat => time,
          jti => "p$$-" . ++$serial,
          ath => encode_base64url(sha256($token)), %claims },
        $as->dir . '/agent-es256.key');
}


sub status_of {
    my ($octets) = @_;

    return ask_octets($octets)->{status};
}

run_tests();

__DATA__

=== TEST 1: what is no request
--- http_config
{{provider()}}
--- config
{{guarded()}}
--- run
my $token = main::bound();
my @fields = ("Authorization: DPoP $token", 'DPoP: ' . proof($token),
    'Client-Cert: :AAAA:', 'Client_Cert: x', 'Mcp-Method: tools/list',
    'Mcp-Name: =?base64?=', 'MCP-Protocol-Version: 2026-07-28',
    'traceparent: 00-');

my $all = sub { join("\r\n", $_[0], 'Host: a', @fields, @_[1 .. $#_], '', '') };

for my $line ("\0", 'GET', "GET \r\n", 'GET /t HTTP/9.9', 'GET /t HTTP/1.x',
    'get /t HTTP/1.1', 'GET t HTTP/1.1', 'GET http://[::1 HTTP/1.1',
    'GET http:///t HTTP/1.1', 'GET /t%zz HTTP/1.1', 'GET /../../t HTTP/1.1',
    'GET /t%00 HTTP/1.1', 'CONNECT a:1 HTTP/1.1', 'TRACE /t HTTP/1.1',
    'OPTIONS * HTTP/1.1', 'PRI * HTTP/2.0', 'GET //t HTTP/1.1',
    'GET ' . '/' . 'x' x 40000 . ' HTTP/1.1')
{
    isnt(status_of($all->($line)), 200, 'not passed: ' . substr $line, 0, 30);
}

for my $fields ([ 'Host: b' ], [ 'X: ' . 'y' x 40000 ], [ ' folded' ],
    [ "\tMcp-Name: folded" ], [ ': none' ], [ "Mcp-Name\0: x" ],
    [ 'Mcp-Name : x' ], [ 'Content-Length: x' ], [ 'Content-Length: -1' ],
    [ 'Content-Length: 1', 'Transfer-Encoding: chunked' ],
    [ 'Transfer-Encoding: gzip' ], [ 'Content-Length: 99999999999' ],
    [ 'Authorization: Bearer x' ], map { [ ("X-$_: y") x $_ ] } 1, 19, 40, 200)
{
    isnt(status_of($all->('GET /page HTTP/1.1', @$fields)), 200,
        'not passed: ' . substr $fields->[0], 0, 30);
}

isnt(status_of("GET /page\r\n"), 200, 'HTTP/0.9');

is(status_of(join "\r\n", 'GET /t HTTP/1.0', "Authorization: DPoP $token",
    'DPoP: ' . proof($token), '', ''), 200, 'a good one, after all of them');



=== TEST 2: the address of a proof is the resource's (D-08, D-09)
--- http_config
{{provider()}}
--- config
{{guarded()}}
--- run
my $token = main::bound();

my $try = sub {
    my ($expected, $what, $line, $htu, @fields) = @_;
    my $proof = proof($token, htu => $htu);

    status_of(join "\r\n", $line, @fields, "Authorization: DPoP $token",
        "DPoP: $proof", 'Connection: close', '', '');

    my ($got) = audit_lines(1);
    is($got->{unmapped}{agent_auth}{reason}, $expected, $what);
};

my $uri = 'https://api.test/t';

$try->('ok', 'whatever the Host is', 'GET /t HTTP/1.1', $uri, 'Host: evil');
$try->('dpop_invalid', 'which is not compared', 'GET /t HTTP/1.1',
    'https://evil/t', 'Host: evil');
$try->('ok', 'an absolute target', 'GET http://evil/t HTTP/1.1', $uri,
    'Host: evil');
$try->('ok', 'with a query', 'GET http://evil/t?a=/../b HTTP/1.1', $uri,
    'Host: evil');
$try->('dpop_invalid', 'its own address', 'GET http://evil/t HTTP/1.1',
    'http://evil/t', 'Host: evil');
$try->('ok', 'dots in the path', 'GET /x/../t HTTP/1.1', $uri, 'Host: a');
$try->('ok', 'dots in both', 'GET /./t HTTP/1.1', 'https://api.test/y/../t',
    'Host: a');
$try->('ok', 'encoded', 'GET /%74 HTTP/1.1', $uri, 'Host: a');
$try->('dpop_invalid', 'a slash too many', 'GET //t HTTP/1.1', $uri,
    'Host: a');
$try->('dpop_invalid', 'an encoded slash', 'GET /%2Ft HTTP/1.1', $uri,
    'Host: a');
$try->('ok', 'the same of both', 'GET //t HTTP/1.1', 'https://api.test//t',
    'Host: a');
$try->('dpop_invalid', "htu $_", 'GET /t HTTP/1.1', $_, 'Host: a')
    for 'https://api.test:4430/t', 'https://api.test:/t/', 'https:/api.test/t',
        'https://api.test@evil/t', 'https://x@api.test/t', '//api.test/t',
        'https://api.test/%2574', 'https://api.test/t%', 'https://api.test',
        "https://api.test/t\x{e9}", 'https://[::1]/t', 'https://api.test./t';
$try->('ok', "htu $_", 'GET /t HTTP/1.1', $_, 'Host: a')
    for 'https://api.test:/t', 'https://API.TEST:443/%74#x',
        'https://%61pi.test/t?';



=== TEST 3: HTTP/2: fields that come twice
--- http_config
{{provider()}}
server {
    listen $TEST_NGINX_PORT_5 http2;
{{guarded()}}
}
--- config
{{guarded()}}
--- suppress_stderr
--- run
SKIP: {
    skip 'no curl with HTTP/2', 5
        if `curl --version 2>&1` !~ /^Features:.*\bHTTP2\b/m;

    my $token = main::bound();
    my $two = sub {
        my ($expected, $what, @fields) = @_;

        AgentAS::piped(join('', map { "header = \"$_\"\n" }
            "Authorization: DPoP $token", @fields), 'curl', '-s',
            '--max-time', 60, '--http2-prior-knowledge', '-K', '-',
            'http://127.0.0.1:' . port(5) . '/t');

        my ($line) = audit_lines(1);
        is($line->{unmapped}{agent_auth}{reason}, $expected, $what);
    };

    my $once = proof($token);

    $two->('ok', 'one proof', "DPoP: $once");
    $two->('dpop_replayed', 'again', "dpop: $once");
    $two->('dpop_invalid', 'two', 'DPoP: ' . proof($token),
        'dpop: ' . proof($token));
    $two->('dpop_invalid', 'one and none', 'DPoP: ' . proof($token), 'DPoP;');
    $two->('dpop_invalid', 'joined', 'DPoP: ' . proof($token) . ', '
        . proof($token));
}
