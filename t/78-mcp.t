# Scopes of an MCP tool, by the fields in which a request says what stands in
# its body.  Without this a client could call a tool that its token is not for
# by a spelling that gate and server read differently, or by a revision in which
# nobody compares; or a client of MCP would not be told what to ask for.
#
# requirements.md, MCP-01 to MCP-09, P-04, P-06, B-07, R-01; MCP, revision
# 2026-07-28: Streamable HTTP, "Request Metadata", and Authorization

use lib 't/lib';
use AgentAuth;
use AgentAS;

our $as = AgentAS->start(faults => 1);
our $issuer = 'https://own.test';
our $resource = 'https://mcp.test/mcp';
our $metadata = 'https://mcp.test/.well-known/oauth-protected-resource/mcp';
our ($providers, $tokens) = (0, 0);

config_preamble(verdict_fields() . ' add_header Said "$agent_mcp_version'
    . '|$agent_mcp_method|$agent_mcp_name" always;');

{
    open my $out, '>', $as->dir . '/mcp.json' or die $!;
    print $out JSON::PP->new->encode({ keys =>
        [ { %{ $as->jwk($as->dir . '/agent-es256.key') }, kid => 'k' } ] });
    close $out;
}


sub own {
    return 'agent_oauth_provider own' . ++$providers . " {\n"
        . "issuer $issuer;\nmetadata_uri off;\nmiss_rate off;\n"
        . "max_ttl 1h;\n"
        . 'jwks_file ' . $as->dir . "/mcp.json;\n}\n" . <<'END';

    map $agent_mcp_method:$agent_mcp_name $mcp_scopes {
        default                  admin;

        server/discover:         tools:list;
        tools/list:              tools:list;
        tools/call:find_invoice  "tools:call invoices:read";
        tools/call:make_invoice  "tools:call invoices:write";
        tools/call:café          "tools:call coffee";
        tools/call:Grüße         "tools:call greet";
        "tools/call:two words"   tools:words;
    }

    agent_scope_implies admin tools:list tools:call invoices:write;
    agent_scope_implies invoices:write invoices:read;
END
}


sub jwt {
    my ($header, $scope, %claims) = @_;

    my $now = int time;

    return $as->jwt({ alg => 'ES256', typ => 'at+jwt', kid => 'k', %$header },
        { iss => $issuer, aud => $resource, sub => 'anna', client_id => 'c',
            jti => 'm' . ++$tokens, iat => $now, exp => $now + 3600,
            scope => $scope, %claims }, $as->dir . '/agent-es256.key');
}


sub token {
    return (Authorization => 'Bearer ' . planted(jwt({}, @_)));
}


# for a URL, which nginx logs: begins as no other does

sub url_token {
    return planted(jwt({ aa => 'for a URL' }, @_), 'url');
}


# the fields of a request; undef: it has none

sub mcp {
    my ($method, $name, $version) = @_;

    $version = '2026-07-28' if @_ < 3;

    return (
        defined $version ? ('MCP-Protocol-Version' => $version) : (),
        defined $method ? ('Mcp-Method' => $method) : (),
        defined $name ? ('Mcp-Name' => $name) : (),
    );
}


sub base64 {
    return '=?base64?' . AgentAuth::encode_base64($_[0], '') . '?=';
}


our @told = (metadata => $metadata);

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => own())
        unless defined $block->http_config;

    $block->set_value(config => "agent_resource $resource;\n"
        . ($block->config || <<'END'));
    agent_auth oauth;
    agent_scope $mcp_scopes;

    error_page 405 =200 @a;

    location = /mcp { agent_mcp required; empty_gif; }
    location /optional { agent_mcp optional; empty_gif; }
    location /off { empty_gif; }
    location @a { agent_auth off; return 200; }
END
});

run_tests();

__DATA__

=== TEST 1: a scope for each tool, MCP-07, B-07
--- config
    agent_auth oauth;
    agent_mcp required;
    agent_scope $mcp_scopes;
    location = /mcp { proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
--- run
my $upstream = upstream 1;

my $call = sub {
    my ($reason, $what, $headers, %option) = @_;

    my ($seen, $answer) = through $upstream, 'POST /mcp', @$headers,
        { body => '{}' };

    decided $answer, $reason, $what, @main::told, %option;
    is(!!$seen, $reason eq 'ok', "$what - upstream");

    return ($seen, $answer);
};

my @reader = token('tools:list tools:call invoices:read');
my @writer = token('tools:call invoices:write');

my ($seen, $answer) = $call->('ok', 'a list', [ mcp('tools/list'), @reader ]);
is(fields($answer, 'Said'), '2026-07-28|tools/list|', 'what it said');
is(lc join(' ', grep { /^mcp/i } lines_of($seen)),
    'mcp-protocol-version: 2026-07-28 mcp-method: tools/list',
    'the server is told the same');
unlike($seen, qr/Authorization/i, 'no token goes on, MCP-04');

$call->('ok', 'a tool', [ mcp('tools/call', 'find_invoice'), @reader ]);
$call->('scope_insufficient', 'another', [ mcp('tools/call', 'make_invoice'),
    @reader ], scope => 'tools:call invoices:write');
$call->('ok', 'with its scope', [ mcp('tools/call', 'make_invoice'),
    @writer ]);
$call->('ok', 'which implies the other, MCP-05',
    [ mcp('tools/call', 'find_invoice'), @writer ]);
$call->('scope_insufficient', 'all that is needed at once, MCP-03',
    [ mcp('tools/call', 'find_invoice'), token('coffee') ],
    scope => 'tools:call invoices:read');
$call->('scope_insufficient', 'a tool that nobody thought of',
    [ mcp('tools/call', 'drop_all'), @writer ], scope => 'admin');
$call->('scope_insufficient', 'a method that nobody thought of',
    [ mcp('completion/complete'), @writer ], scope => 'admin');
$call->('scope_insufficient', 'a name where there is none',
    [ mcp('tools/list', 'find_invoice'), @reader ], scope => 'admin');
$call->('ok', 'admin', [ mcp('tools/call', 'drop_all'), token('admin') ]);



=== TEST 2: names in base64, MCP-08
--- run
my @good = token('tools:list tools:call invoices:read coffee greet'
    . ' tools:words');

for ([ 'find_invoice', 'plain' ], [ base64('find_invoice'), 'encoded' ],
     [ " find_invoice\t", 'space around' ], [ base64('café'), 'UTF-8' ],
     [ base64('Grüße'), 'UTF-8 once more' ], [ 'two words', 'space within' ],
     [ base64('two words'), 'encoded without need' ])
{
    decided ask('POST /mcp', mcp('tools/call', $_->[0]), @good), 'ok', $_->[1];
}

my $answer = ask('POST /mcp', mcp('tools/call', base64('Grüße')), @good);
is(fields($answer, 'Said'), '2026-07-28|tools/call|Grüße', 'decoded');

decided ask('POST /mcp', mcp('tools/call', $_), @good), 'scope_insufficient',
    "\"$_\" is a name of its own", scope => 'admin', @main::told
    for 'find_invoice ' . 'x', '=?base64?ZmluZF9pbnZvaWNl',
        '=?BASE64?ZmluZF9pbnZvaWNl?=', base64('find_invoice '),
        base64(base64('find_invoice'));

for ('=?base64?=', '=?base64??=', '=?base64?ZmluZF9pbnZvaWNl!?=',
     '=?base64?ZmluZF9pbnZvaW?=', '=?base64?YR==?=', '=?base64?YQ===?=',
     base64("\xff\xfe"), base64("\xed\xa0\x80"), base64("find_invoice\0"),
     base64("a\r\nX-Agent-Id: root"), base64("\x7f"), 'café', "a\tb", '')
{
    for my $path ('/mcp', '/optional') {
        my $answer = ask("POST $path", mcp('tools/call', $_), @good);

        decided $answer, 'mcp_invalid', "$path: no name in \"$_\"";
        is(fields($answer, 'Said'), '2026-07-28||', 'nothing of it is known');
    }
}

said qr/\[info\].* agent_auth: fields of MCP are refused: Mcp-Name is /;
said qr/\[info\].* Mcp-Name is no base64 of a text in UTF-8/;
said qr/\[info\].* fields of MCP are refused: Mcp-Name is no base64,/;



=== TEST 3: a revision in which nobody compares, MCP-07
--- run
my @list = token('tools:list');

for my $version (undef, '', '2025-11-25', '2026-07-27', 'draft', '2026-7-28',
                 '2026-07-28-RC', '20260728', 'zzzz-zz-zz')
{
    my $name = defined $version ? "\"$version\"" : 'none';
    my $known = ($version // '') =~ /^\d{4}-\d\d-\d\d$/ ? $version : '';

    for ([ '/mcp', 'mcp_invalid' ], [ '/optional', 'scope_insufficient' ],
         [ '/off', 'scope_insufficient' ])
    {
        my ($path, $reason) = @$_;
        my $answer = ask("POST $path", mcp('tools/list', undef, $version),
            @list);

        decided $answer, $reason, "$path: version $name",
            $reason eq 'mcp_invalid' ? () : (@main::told, scope => 'admin');
        is(fields($answer, 'Said'), "$known||", 'what can be relied on');
    }
}

for my $version ('2026-07-28', '2026-07-29', '2027-01-01', '9999-12-31',
                 " 2026-07-28\t")
{
    decided ask("POST $_", mcp('tools/list', undef, $version), @list), 'ok',
        "$_: version $version" for '/mcp', '/optional', '/off';
}

said qr/\[info\].* MCP-Protocol-Version is not 2026-07-28 or later,/;

# what nobody reads is no fault

decided ask('POST /optional', mcp('', base64("\0"), '2025-11-25'), @list),
    'scope_insufficient', 'no fault', @main::told, scope => 'admin';



=== TEST 4: what is missing, and what is there twice
--- run
my @all = token('admin');

decided ask('POST /mcp', mcp(undef), @all), 'mcp_invalid', 'no method';
decided ask('POST /optional', mcp(undef), @all), 'ok', 'left to the map';
decided ask('POST /mcp', mcp('tools/list'), @all), 'ok', 'a list has no name';

for my $method ('tools/call', 'resources/read', 'prompts/get') {
    decided ask('POST /mcp', mcp($method), @all), 'mcp_invalid',
        "$method without a name";
    decided ask('POST /mcp', mcp($method, 'file:///a%20b'), @all), 'ok',
        "$method with one";
}

for my $path ('/mcp', '/optional') {
    decided ask("POST $path", mcp('tools/list'), 'mcp-method' => 'tools/list',
        @all), 'mcp_invalid', "$path: two methods";
    decided ask("POST $path", mcp('tools/call', 'a'), 'MCP-NAME' => 'a', @all),
        'mcp_invalid', "$path: two names";
    decided ask("POST $path", mcp('tools/list'), mcp(undef), @all),
        'mcp_invalid', "$path: two versions";
    decided ask("POST $path", mcp('tools list'), @all), 'mcp_invalid',
        "$path: no method";
}

my $answer = ask('POST /off', mcp('tools/list'), 'mcp-method' => 'x', @all);
decided $answer, 'ok', 'off';
is(fields($answer, 'Said'), '2026-07-28||', 'but nothing is known');

decided ask("$_ /mcp", @all), 'ok', "$_ has no message"
    for qw/ GET HEAD DELETE OPTIONS /;
decided ask("$_ /mcp", @all), 'mcp_invalid', "$_ may have one"
    for qw/ PUT PATCH FOO /;



=== TEST 5: another spelling that servers take for the same
--- http_config
{{own()}}
underscores_in_headers on;
--- run
my @all = token('tools:list');

decided ask('POST /mcp', mcp('tools/list'), Mcp_Method => 'tools/call', @all),
    'mcp_invalid', 'two methods';
decided ask('POST /mcp', mcp('tools/list', 'a'), mcp_name => 'b', @all),
    'mcp_invalid', 'two names';
decided ask('POST /mcp', mcp('tools/list'),
    MCP_Protocol_Version => '2025-11-25', @all), 'mcp_invalid', 'two versions';



=== TEST 6: a client that has to be told, MCP-01 to MCP-03, P-04
--- run
my @list = mcp('tools/list');

decided ask('POST /mcp', @list), 'credential_missing', 'no token',
    @main::told, scope => 'tools:list';
decided ask('POST /mcp', mcp('tools/call', 'make_invoice')),
    'credential_missing', 'of another operation', @main::told,
    scope => 'tools:call invoices:write';
decided ask('POST /mcp', @list, token('tools:list', exp => time - 3600)),
    'token_expired', 'expired', @main::told, scope => 'tools:list';
decided ask('POST /mcp', @list, Authorization => 'Bearer a.b'),
    'token_malformed', 'no token', @main::told, scope => 'tools:list';
decided ask('POST /off', @list, token('tools:list', exp => time - 3600)),
    'token_expired', 'as everywhere without agent_mcp', @main::told;
decided ask('POST /mcp', @list, Authorization => 'Bearer a b'),
    'credential_malformed', 'malformed, MCP-03', @main::told;
decided ask('POST /mcp', mcp('tools/list', undef, '2025-11-25')),
    'mcp_invalid', 'whom no token would help is not sent for one';

my $answer = ask('GET /.well-known/oauth-protected-resource/mcp');
is($answer->{status}, 200, 'where it is told to look');
like($answer->{body}, qr/"resource":"https:\/\/mcp.test\/mcp"/,
    'there it is');



=== TEST 7: a token for somebody else, in a query, or none but a session,
MCP-04, MCP-06, MCP-09, R-01
--- run
my @list = mcp('tools/list');
my ($name, $value) = token('tools:list');
my ($token) = $value =~ /^Bearer (.*)/;
my $in_url = url_token('tools:list');

decided ask('POST /mcp', @list, token('tools:list', aud => $_)),
    'audience_mismatch', "for $_", @main::told, scope => 'tools:list'
    for 'https://mcp.test', 'https://mcp.test/mcp/', 'https://mcp.test/mcp/a',
        'https://MCP.test/mcp', 'https://other.test/mcp';

decided ask('POST /mcp', @list, $name => $_), 'ok', 'for this one'
    for $value, "Bearer $in_url";

decided ask("POST /mcp?access_token=$in_url", @list), 'credential_missing',
    'in the query', @main::told, scope => 'tools:list', audit => 0;
decided ask('POST /mcp', @list,
    'Content-Type' => 'application/x-www-form-urlencoded',
    { body => "access_token=$token" }), 'credential_missing', 'in the body',
    @main::told, scope => 'tools:list';

my $session = answer_of(connected(), 'POST /mcp', @list, $name => $value,
    'Mcp-Session-Id' => 'a1');

is($session->{status}, 200, 'a session, with a token');
decided ask('POST /mcp', @list, 'Mcp-Session-Id' => 'a1'),
    'credential_missing', 'and without', @main::told, scope => 'tools:list';

# on the connection that had one, too

my $connection = connected();
is(answer_of($connection, 'POST /mcp', @list, $name => $value)->{status}, 200,
    'a token');
is(answer_of($connection, 'POST /mcp', @list)->{status}, 401,
    'at every request');



=== TEST 8: nobody is told to ask for offline_access, P-06
--- config
    agent_auth oauth;
    agent_scope tools:list offline_access;
    agent_scope $arg_more;
    location = /mcp { agent_mcp optional; empty_gif; }
--- run
decided ask('GET /mcp?more=offline_access'), 'credential_missing', 'by 401',
    @main::told, scope => 'tools:list';
decided ask('GET /mcp?more=offline_access', token('tools:list')),
    'scope_insufficient', 'by 403', @main::told, scope => 'tools:list';

my $answer = ask('GET /.well-known/oauth-protected-resource/mcp');
like($answer->{body}, qr/"scopes_supported":\["tools:list"\]/,
    'by the document');



=== TEST 9: the audit line
--- run
my $mcp = sub {
    my ($said, $headers, $path, $reason) = @_;

    ask("POST " . ($path // '/mcp'), @$headers);

    my ($line) = audit_lines(1);
    my $ours = $line->{unmapped}{agent_auth};

    is_deeply($ours->{mcp}, $said, 'what the client said');
    is($ours->{reason}, $reason, 'the reason');
    is($line->{actor}{app_name}, $reason eq 'ok' ? 'c' : 'unauthenticated',
        'who') if $reason =~ /^(ok|mcp_invalid)$/;

    return $line;
};

my @all = token('admin');
my $long = 'file:///' . 'x' x 600;
my $line;

audit_rest();

$mcp->({ version => '2026-07-28', method => 'tools/list' },
    [ mcp('tools/list'), @all ], undef, 'ok');
$mcp->({ version => '2026-07-28', method => 'tools/call',
    name => "Gr\x{fc}\x{df}e\"\\" },
    [ mcp('tools/call', base64("Gr\xc3\xbc\xc3\x9fe\"\\")), @all ], undef,
    'ok');
$line = $mcp->({ version => '2026-07-28', method => 'resources/read',
    name => substr $long, 0, 256 }, [ mcp('resources/read', $long), @all ],
    undef, 'ok');
ok($line->{metadata}{is_truncated}, 'which was longer');
$mcp->({ version => '2026-07-28' }, [ mcp('tools/call', '=?base64?!?='), @all ],
    undef, 'mcp_invalid');
$mcp->({ version => '2025-11-25' },
    [ mcp('tools/list', undef, '2025-11-25'), @all ], undef, 'mcp_invalid');
$mcp->(undef, [ @all ], undef, 'mcp_invalid');
$mcp->({ version => '2026-07-28', method => 'tools/list' },
    [ mcp('tools/list') ], undef, 'credential_missing');
$mcp->(undef, [ mcp('tools/list'), @all ], '/off', 'ok');
$mcp->({ version => '2026-07-28', method => 'tools/list' },
    [ mcp('tools/list'), 'Content-Length' => '99999999' ], '/optional',
    'not_evaluated');



=== TEST 10: observed, inherited, and where a subrequest goes
--- config
    agent_auth oauth;
    agent_mcp required;

    error_page 405 =200 @a;

    location = /mcp { empty_gif; }
    location /off { agent_mcp off; empty_gif; }
    location /watched { agent_mode observe; empty_gif; }
    location @a { agent_auth off; return 200; }
    location /sub { agent_mcp off; auth_request /inner; empty_gif; }
    location /inner { agent_mcp optional; internal; empty_gif; }
    location /unguarded { agent_auth off; empty_gif; }
--- run
my @all = token('');

decided ask('POST /mcp', @all), 'mcp_invalid', 'inherited';
decided ask('POST /off', @all), 'ok', 'off';
decided ask('POST /watched', @all), 'mcp_invalid', 'observed',
    result => 'would_deny';
decided ask('POST /watched', mcp('tools/list'), @all), 'ok', 'good';
decided ask('POST /sub', mcp('tools/list'), @all), 'ok', 'by a subrequest';
is(ask('POST /sub', mcp(''), @all)->{status}, 403, 'and not by this one');
is(ask('POST /unguarded', mcp(''))->{status}, 200, 'not guarded');
