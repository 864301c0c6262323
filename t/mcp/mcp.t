# The official SDK of the Model Context Protocol, client and server, with the
# gate between them and a real authorization server.  Without this a client that
# does what the protocol says could fail to find out where to get a token, get
# one that the gate refuses, not be told what it lacks, or never see an event of
# a stream.
#
# The SDK speaks revision 2026-07-28, so that the header fields of a request are
# those that it makes; its older mode is the client of 2025-11-25.
#
# requirements.md, MCP-01 to MCP-08, MCP-10, P-04, P-06, R-01, B-07

use lib 't/lib', 't/mcp';
use AgentAuth;
use AgentAS;
use MCP;

our $as = AgentAS->start(people => 1);
our $server = MCP->server;
our $providers = 0;
our $site = 'http://127.0.0.1:' . port();
our $known = "$site/.well-known/oauth-protected-resource/mcp";

our @tools = (qw/ find_invoice make_invoice /, "Gr\x{fc}\x{df}e",
    qw/ drop_all wait release /);


# a name of its own makes verdicts the provider's own

sub http {
    my ($default) = @_;

    return $as->provider('p' . ++$providers) . <<"END";
    map \$agent_mcp_method:\$agent_mcp_name \$mcp_scopes {
        default                  $default;

        server/discover:         tools:list;
        tools/list:              tools:list;
        tools/call:find_invoice  "tools:call invoices:read";
        tools/call:make_invoice  "tools:call invoices:write";
        tools/call:Gr\xc3\xbc\xc3\x9fe        tools:call;
        tools/call:wait          tools:call;
        tools/call:release       tools:call;
    }
END
}


sub site {
    my ($mcp, $more) = @_;

    return <<"END";
    agent_auth      oauth;
    agent_resource  $site/mcp;

    location = /mcp {
        agent_mcp           $mcp;
        agent_scope         \$mcp_scopes;
        proxy_pass          http://127.0.0.1:@{[ $server->port ]};
        proxy_http_version  1.1;
        proxy_set_header    Connection "";
        proxy_set_header    X-Agent-Id \$agent_id;
        proxy_set_header    X-Agent-User \$agent_subject;
        proxy_buffering     off;
        @{[ $more // '' ]}
    }
END
}


# what is looked at of the requests that went out

sub went {
    my ($result) = @_;

    my $issuer = $as->issuer;

    return map { s/^(\w+) \Q$site\E/$1 /r =~ s/^(\w+) \Q$issuer\E/$1 as:/r }
        @{ $result->{asked} };
}


sub good {
    my ($result, $what) = @_;

    ok($result->{ok}, $what)
        or diag(JSON::PP->new->pretty->canonical->encode($result));

    return $result->{ok} // {};
}


# the lines of these requests: result, reason, tool, who

sub lines {
    my ($n) = @_;

    return map {
        my $ours = $_->{unmapped}{agent_auth};

        join ' ', $ours->{reason}, $ours->{mcp}{method} // '-',
            $ours->{mcp}{name} // '-', $ours->{subject} // '-'
    } audit_lines($n);
}


run_tests();

__DATA__

=== TEST 1: a person's agent, from a URL to a tool
--- http_config
{{http('admin')}}
--- config
{{site('required')}}
--- run
my $client = MCP->client("$main::site/mcp");
my $result = $client->act('connect', as => 'person');
my $ok = good($result, 'connected, MCP-01');
is_deeply([ lines(2) ], [ 'credential_missing server/discover - -',
    'ok server/discover - anna' ], 'two audit lines');

is($ok->{version}, '2026-07-28', 'by this revision');
is($result->{told}[0], 'Bearer realm="agents", '
    . "resource_metadata=\"$main::known\", scope=\"tools:list\"",
    'what it was told, MCP-02');

my @went = went($result);
is($went[0], 'POST /mcp 401', 'it asked without a token');
is($went[1], 'GET /.well-known/oauth-protected-resource/mcp 200',
    'it found the document');
ok((grep { /^GET as:.*well-known.* 200/ } @went), 'of which server');
ok((grep { $_ eq 'POST as:/reg 201' } @went), 'made itself known there');
ok((grep { $_ eq 'POST as:/token 200' } @went), 'got a token');
is($went[-1], 'POST /mcp 200', 'and was let in');

my ($consent) = @{ $ok->{consents} };
is(scalar @{ $ok->{consents} }, 1, 'the person was asked once');
is($consent->{scope}, 'tools:list', 'for as little as the operation needs');
is($consent->{resource}, "$main::site/mcp", 'for this server, R-01');
is($consent->{code_challenge_method}, 'S256', 'with PKCE');

$ok = good($client->act('list'), 'tools/list');
is("@{ $ok->{tools} }", "@main::tools", 'the tools');
is_deeply([ lines(1) ], [ 'ok tools/list - anna' ], 'its audit line');

$client->act('close');



=== TEST 2: what a token lacks is asked for, B-07, MCP-03
--- http_config
{{http('admin')}}
--- config
{{site('required')}}
--- run
my $client = MCP->client("$main::site/mcp");
my $result = $client->act('connect', as => 'person', id => 'agent-person');
my $ok = good($result, 'connected by a client that is known');

lines(2);
ok(!(grep { m{POST as:/reg} } went($result)), 'which needs not register');

$result = $client->act('call', name => 'find_invoice');
$ok = good($result, 'a tool that needs more');

is($result->{told}[0], 'Bearer realm="agents", '
    . "resource_metadata=\"$main::known\", error=\"insufficient_scope\", "
    . 'scope="tools:call invoices:read"', 'what it was told');
is(join(' ', sort split / /, $ok->{consents}[0]{scope}),
    'invoices:read tools:call tools:list', 'what the person was asked for');
is(scalar @{ $ok->{consents} }, 1, 'once');
is_deeply([ lines(2) ], [ 'scope_insufficient tools/call find_invoice anna',
    'ok tools/call find_invoice anna' ], 'both audit lines');

my $headers = $ok->{headers};
ok(!exists $headers->{authorization}, 'the token does not go on, MCP-04');
is($headers->{'x-agent-user'}, 'anna', 'but who it is');
is($headers->{'mcp-name'}, 'find_invoice', 'and what it said');

$ok = good($client->act('call', name => $main::tools[2]), 'a name in base64');
like($ok->{headers}{'mcp-name'}, qr/^=\?base64\?/, 'it came so, MCP-08');
is_deeply([ lines(1) ], [ "ok tools/call $main::tools[2] anna" ],
    'and is known in plain');

$result = $client->act('call', name => 'drop_all');
like($result->{told}[0], qr/scope="admin"/, 'a tool that nobody thought of');
lines(2);

# an answer that is a stream: what nginx kept would wait for ever

$ok = good($client->act('wait'), 'events come when they are sent');
is($ok->{released}, 1, 'and released the tool');

my $tokens = good($client->act('tokens'), 'the tokens');
planted($tokens->{access_token}) if $tokens->{access_token};
unlike("@{ $_->{asked} }", qr/access_token|\Q$tokens->{access_token}\E/,
    'no token in a URL, MCP-06') for $result;

$client->act('close');



=== TEST 3: an agent of nobody's, with a secret
--- http_config
{{http('admin')}}
--- config
{{site('required')}}
--- run
my @who = (as => 'agent-basic', secret => $main::as->secret('agent-basic'),
    issuer => $main::as->issuer);
my $client = MCP->client("$main::site/mcp");
my $result = $client->act('connect', @who, scope => 'tools:list');

lines(2);
is(good($result, 'connected')->{version}, '2026-07-28', 'by this revision');

my $ok = good($client->act('list'), 'tools/list');
is("@{ $ok->{tools} }", "@main::tools", 'the tools');
is_deeply([ lines(1) ], [ 'ok tools/list - -' ], 'no person');

$result = $client->act('call', name => 'make_invoice');
like($result->{told}[0],
    qr/insufficient_scope", scope="tools:call invoices:write"/,
    'what it was told');
is(join(' | ', went($result)), join(' | ',
    'POST /mcp 403', 'GET /.well-known/oauth-protected-resource/mcp 200',
    'GET as:/.well-known/oauth-authorization-server 200',
    'POST as:/token 200', 'POST /mcp 200'), 'it got what it lacked');
is(good($result, 'the tool')->{headers}{'x-agent-id'}, 'agent-basic', 'who');
is_deeply([ lines(2) ], [ 'scope_insufficient tools/call make_invoice -',
    'ok tools/call make_invoice -' ], 'both audit lines');
$client->act('close');



=== TEST 4: a client of an older revision
--- http_config
{{http('tools:list')}}
--- config
{{site('optional')}}
--- run
my $client = MCP->client("$main::site/mcp");
my $result = $client->act('connect', as => 'person', id => 'agent-person',
    mode => 'legacy');

is(good($result, 'connected')->{version}, '2025-11-25', 'by its revision');
like($result->{told}[0], qr/scope="tools:list"/, 'the default of the map');

my $ok = good($client->act('call', name => 'drop_all'),
    'all tools have the scope of the default');
is(scalar @{ $ok->{consents} }, 0, 'nobody is asked again');
$client->act('close');



=== TEST 5: and where it is not taken
--- http_config
{{http('admin')}}
--- config
{{site('required')}}
--- run
my $client = MCP->client("$main::site/mcp");
my $result = $client->act('connect', as => 'person', mode => 'legacy');

ok($result->{error}, 'not connected');
is_deeply([ went($result) ], [ 'POST /mcp 400' ],
    'at once: nobody is asked to consent');
is_deeply([ lines(1) ], [ 'mcp_invalid - - -' ], 'its audit line');



=== TEST 6: a client that says one thing and does another
--- http_config
{{http('admin')}}
--- config
{{site('required')}}
--- run
my @who = (Authorization => 'Bearer ' . planted($main::as->token('agent-basic',
    scope => 'tools:list tools:call invoices:read',
    resource => "$main::site/mcp")));

# the request of a tool, or of another method, as its body has it

my $body = sub {
    my ($method, $name, $version) = @_;

    return JSON::PP->new->encode({ jsonrpc => '2.0', id => 1,
        method => $method, params => {
            defined $name ? (name => $name, arguments => {}) : (),
            _meta => {
                'io.modelcontextprotocol/protocolVersion' => $version
                    // '2026-07-28',
                'io.modelcontextprotocol/clientInfo' => { name => 'a',
                    version => '1' },
                'io.modelcontextprotocol/clientCapabilities' => {},
            } } });
};

my $says = sub {
    my ($method, $name, $body) = @_;

    return ask('POST /mcp', @who, 'MCP-Protocol-Version' => '2026-07-28',
        'Mcp-Method' => $method, defined $name ? ('Mcp-Name' => $name) : (),
        Accept => 'application/json, text/event-stream',
        'Content-Type' => 'application/json', { body => $body });
};

my @found = ('tools/call', 'find_invoice');
my $answer = $says->(@found, $body->(@found));
is($answer->{status}, 200, 'who says what he does');

for ([ 'another tool', $body->('tools/call', 'make_invoice') ],
     [ 'another method', $body->('tools/list') ],
     [ 'another revision', $body->(@found, '2025-11-25') ],
     [ 'none', '{"jsonrpc":"2.0","id":1,"method":"tools/call",'
         . '"params":{"name":"make_invoice"}}' ],
     [ 'several', '[' . $body->(@found) . ','
         . $body->('tools/call', 'make_invoice') . ']' ],
     [ 'several of old', '[{"jsonrpc":"2.0","id":1,"method":"tools/call",'
         . '"params":{"name":"make_invoice"}}]' ])
{
    my ($what, $text) = @$_;

    $answer = $says->(@found, $text);
    is($answer->{status}, 400, "the server refuses $what");
    like($answer->{body}, qr/"error"/, 'by its word');
    unlike($answer->{body}, qr/"result"/, 'and does nothing');
}

is_deeply([ lines(7) ], [ ('ok tools/call find_invoice -') x 7 ],
    'the gate has what was said only');

$answer = $says->('tools/call', 'make_invoice', $body->(@found));
is($answer->{status}, 403, 'who says too much is held to it');
lines(1);



=== TEST 7: tokens that are bound to a key of the client's, MCP-10
--- http_config
{{http('admin')}}
--- config
{{site('required', 'agent_binding required dpop;')}}
--- run
my $client = MCP->client("$main::site/mcp");
my $result = $client->act('connect', as => 'person', id => 'agent-person',
    dpop => JSON::PP::true);

is(good($result, 'connected')->{version}, '2026-07-28', 'by this revision');
is($client->act('tokens')->{ok}{token_type}, 'DPoP', 'by a token of this kind');
good($client->act('list'), 'tools/list');

my $ok = good($client->act('call', name => 'find_invoice'), 'a tool');
is(scalar @{ $ok->{consents} }, 1, 'for which the person was asked');
ok(!exists $ok->{headers}{authorization}, 'the token does not go on');

# up to the tool's, whose line may come after its answer

while (my @lines = audit_lines(1)) {
    last if grep { $_->{unmapped}{agent_auth}{reason} eq 'ok'
        && ($_->{unmapped}{agent_auth}{mcp}{name} // '') eq 'find_invoice' }
        @lines;
}

good($client->act('list'), 'once more');
my ($line) = audit_lines(1);
is($line->{unmapped}{agent_auth}{binding}, 'dpop', 'its audit line');



=== TEST 8: and a nonce of the gate's
--- http_config
{{http('admin')}}
agent_dpop_cache zone=proofs:1m nonce=1h;
--- config
{{site('required', 'agent_binding required dpop;')}}
--- run
my $client = MCP->client("$main::site/mcp");
my $result = $client->act('connect', as => 'person', id => 'agent-person',
    dpop => JSON::PP::true);

good($result, 'connected');
good($client->act('list'), 'tools/list');

my @reasons = map { $_->{unmapped}{agent_auth}{reason} } audit_lines(4);
is("@reasons", 'credential_missing dpop_nonce ok ok',
    'it was told the nonce once');
