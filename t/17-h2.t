# The same over HTTP/2, where nginx fills its list of fields otherwise: names in
# lower case, cookies joined at the end.  Without this a key would be seen in
# one protocol and not in the other, or reach the upstream in one of them.
#
# requirements.md, 15 (parity over h1 and h2), MCP-07, MCP-08

use lib 't/lib';
use AgentAuth;

plan(skip_all => 'no curl with HTTP/2')
    if `curl --version 2>&1` !~ /^Features:.*\bHTTP2\b/m;


# a request over HTTP/2; the process and where its answer will be

sub start {
    my ($path, @headers) = @_;

    my @arguments;

    while (my ($name, $value) = splice @headers, 0, 2) {
        push @arguments, $name =~ /^-/ ? ($name, $value)
            : ('-H', length $value ? "$name: $value" : "$name;");
    }

    my $pid = open my $pipe, '-|', 'curl', '-s', '-i', '--max-time', 60,
        '--http2-prior-knowledge', '-A', '', '-H', 'Accept:', @arguments,
        'http://127.0.0.1:' . port(2) . $path;

    return ($pid, $pipe);
}


sub finish {
    my ($pipe) = @_;

    my $text = do { local $/; <$pipe> } // '';
    close $pipe;

    my ($head, $body) = split /\r\n\r\n/, $text, 2;
    my %field;

    while (($head // '') =~ /^([^:\r\n]+):[ \t]*(.*?)\r?$/mg) {
        push @{ $field{lc $1} }, $2;
    }

    my ($status) = ($head // '') =~ m{^HTTP/2 (\d+)};

    return { status => $status // 0, head => $head, field => \%field,
        body => $body // '' };
}


sub ask2 { return finish((start(@_))[1]) }


# through the proxy: what the upstream sees, and the answer

sub through2 {
    my ($upstream, @request) = @_;

    my ($pid, $pipe) = start(@request);
    my $peer = AgentClient::Connection->new(scalar $upstream->accept);
    my $seen = $peer->message;

    $peer->send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n"
        . "Connection: close\r\n\r\nupstream");

    return ($seen, finish($pipe));
}


sub positions {
    my ($n) = @_;
    my %at = map { $_ => 1 } grep { $_ < $n } 0, 1, int $n / 2, $n - 1;

    return sort { $a <=> $b } keys %at;
}


# RFC 9113, 3.4 and 4.1; RFC 7541, 6.2.2: literals that are not indexed

sub preface {
    return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . frame(4, 0, 0, '');
}


sub frame {
    my ($type, $flags, $stream, $payload) = @_;

    return substr(pack('N', length $payload), 1)
        . pack('CCN', $type, $flags, $stream) . $payload;
}


sub request {
    my ($stream, $path, @headers) = @_;

    unshift @headers, ':method' => 'GET', ':scheme' => 'http',
        ':path' => $path, ':authority' => 'localhost';

    my $block = '';

    while (my ($name, $value) = splice @headers, 0, 2) {
        $block .= pack 'C C/a* C/a*', 0, $name, $value;
    }

    return frame(1, 0x05, $stream, $block);
}


# the bodies of this many streams, by stream

sub bodies {
    my ($connection, $n) = @_;

    my (%body, $ended);

    while (($ended // 0) < $n) {
        my ($high, $low, $type, $flags, $stream)
            = unpack 'C n C C N', $connection->octets(9);
        last unless defined $stream;

        my $payload = $connection->octets(($high << 16) + $low);

        $body{$stream} .= $payload if $type == 0;
        $ended++ if $type <= 1 && $flags & 1;
        $connection->send(frame(4, 1, 0, '')) if $type == 4 && !($flags & 1);
    }

    return \%body;
}


# a server for HTTP/2 with these locations

sub server {
    my ($locations) = @_;

    return 'server { listen ' . port(2) . " http2;\n" . verdict_fields()
        . "$locations }";
}


run_tests();

__DATA__

=== TEST 1: allow and deny
--- keys
alpha    scopes=a
url      scopes=a
revoked  state=revoked
old      imported=CANARY.old
--- http_config
    {{server('
        location /t { agent_auth key; agent_scope a; empty_gif; }
        location /s { agent_auth key; agent_scope b; empty_gif; }
        location /i { agent_auth key; empty_gif; }
    ')}}
--- config
--- suppress_stderr
--- run
my $key = key 'alpha';

decided ask2('/t', 'X-API-Key' => $key), 'ok', 'X-API-Key';
decided ask2('/t', Authorization => "Bearer $key"), 'ok', 'Bearer';
decided ask2('/t', Authorization => "bearer  $key"), 'ok', 'bearer';
decided ask2('/t'), 'credential_missing', 'nothing', scope => 'a';
decided ask2('/t', Authorization => 'Basic YTpi'), 'credential_missing',
    'Basic', scope => 'a';
decided ask2('/t', 'X-API-Key' => key 'stranger'), 'key_unknown', 'unknown';
decided ask2('/t', 'X-API-Key' => key 'revoked'), 'key_revoked', 'revoked';
decided ask2('/t', 'X-API-Key' => "\xff"), 'credential_malformed',
    'malformed';
decided ask2('/t', Authorization => 'Bearer'), 'credential_malformed',
    'Bearer and nothing';
decided ask2('/t', Authorization => "Bearer $key", 'X-API-Key' => $key),
    'credential_multiple', 'two';
decided ask2('/t', 'X-API-Key' => $key, 'x-api-key' => $key),
    'credential_multiple', 'twice';
decided ask2('/s', 'X-API-Key' => $key), 'scope_insufficient', 'scope',
    scope => 'b';
decided ask2('/i', 'X-API-Key' => imported 'old'), 'ok', 'imported';
decided ask2('/t?access_token=' . key('url')), 'credential_missing', 'query',
    scope => 'a';
--- after
my @lines = audit_lines(14);
is($_->{http_request}{version}, '2.0', 'the version is audited') for $lines[0];



=== TEST 2: Authorization twice is nginx's to refuse
--- keys
alpha
--- http_config
    {{server('agent_auth key; location /t { empty_gif; }')}}
--- config
--- suppress_stderr
--- run
my $answer = ask2('/t', Authorization => 'Bearer ' . key('alpha'),
    authorization => 'Bearer x');

is($answer->{status}, 400, 'refused');
--- audit
result=none reason=not_evaluated status=400



=== TEST 3: the upstream sees no credential, and all else in order
--- keys
alpha
--- http_config
    {{server('location /t {
        agent_auth key;
        proxy_pass http://127.0.0.1:' . port(1) . ';
    }')}}
--- config
--- suppress_stderr
--- run
my $upstream = upstream 1;
my $key = key 'alpha';
my @wrong;

for my $credential ([ 'x-api-key', $key ], [ authorization => "Bearer $key" ]) {
    for my $n (1, 2, 17, 18, 19, 20, 21, 39, 40, 100) {
        for my $at (positions($n)) {
            my @fields = map { ("x-$_" => "value $_") } 1 .. $n - 1;
            splice @fields, 2 * $at, 0, @$credential;

            my @rest = map { "x-$_: value $_" } 1 .. $n - 1;
            my ($seen, $answer) = through2($upstream, '/t', @fields);
            my @lines = lines_of($seen);

            push @wrong, "$credential->[0] at $at of $n: $answer->{status},"
                . " @lines"
                unless $answer->{status} == 200 && "@lines" eq "@rest";
        }
    }
}

is_deeply(\@wrong, [], 'none missing, too many or out of order');

my ($seen) = through2($upstream, '/t', cookie => 'a=1', 'x-a' => 1,
    'x-api-key' => $key, cookie => 'b=2', 'x-b' => 2);
is_deeply([ sort(lines_of($seen)) ],
    [ 'cookie: a=1; b=2', 'x-a: 1', 'x-b: 2' ], 'cookies are joined')
    or diag $seen;



=== TEST 4: streams of one connection, each its own identity
--- keys
alpha  agent=of-alpha
beta   agent=of-beta
--- http_config
    {{server('
        location /t {
            agent_auth key;
            proxy_set_header X-Agent $agent_id;
            proxy_pass http://127.0.0.1:' . port(3) . ';
        }
    ')}}
    server {
        listen $TEST_NGINX_PORT_3;
        location / { return 200 "$http_x_agent $arg_n"; }
    }
--- config
--- suppress_stderr
--- run
my $client = connected(port => port 2);
my @order = map { 2 * $_ - 1 } 1 .. 90;
my $name = sub { (qw/ alpha beta stranger /)[$_[0] % 3] };

# all in one piece, so that they are under way at the same time

$client->send(preface() . join '', map {
    request($_, "/t?n=$_", 'x-api-key' => key $name->($_))
} @order);

my $body = bodies($client, scalar @order);
my @wrong;

for my $n (@order) {
    my $expected = { alpha => qr/^of-alpha $n$/, beta => qr/^of-beta $n$/,
        stranger => qr/^<html>.*401/s }->{$name->($n)};

    push @wrong, "$n: " . ($body->{$n} // 'none')
        if ($body->{$n} // '') !~ $expected;
}

is_deeply(\@wrong, [], 'each stream has its own answer');
is(scalar(keys %$body), 90, 'ninety of them');



=== TEST 5: a client that goes away leaves its line (U-01)
--- keys
alpha
--- http_config
    {{server('location /t {
        agent_auth key;
        proxy_pass http://127.0.0.1:' . port(1) . ';
    }')}}
--- config
--- suppress_stderr
--- run
my $upstream = upstream 1;
my $before = -s AgentAuth::audit_path();
my ($pid, $pipe) = start('/t', 'X-API-Key' => key 'alpha');
my $peer = $upstream->accept;

kill KILL => $pid;
close $pipe;

# the upstream stays until then, else its going may be seen first

ok(await(sub { -s AgentAuth::audit_path() > $before }, 'the line'), 'a line');
--- audit
result=allow reason=ok status=499



=== TEST 6: the fields of MCP (MCP-07, MCP-08)
--- keys
reader  scopes=tools:list,invoices:read
admin   scopes=admin
--- http_config
    map $agent_mcp_method:$agent_mcp_name $mcp_scopes {
        default                  admin;
        tools/list:              tools:list;
        tools/call:find_invoice  invoices:read;
        tools/call:Grüße         invoices:read;
    }

    {{server('
        agent_auth key;
        agent_scope $mcp_scopes;
        agent_mcp required;
        error_page 405 =200 @a;
        location /mcp { empty_gif; }
        location @a { agent_auth off; return 200; }
        location /through { proxy_pass http://127.0.0.1:' . port(1) . '; }
    ')}}
--- config
--- suppress_stderr
--- run
my @key = ('X-API-Key' => key 'reader');
my @version = ('MCP-Protocol-Version' => '2026-07-28');

# without a body: curl takes it for an error where nginx needs none of it

my @post = ('-X' => 'POST');
my @call = (@post, @version, 'Mcp-Method' => 'tools/call');

my $base64 = sub {
    return '=?base64?' . AgentAuth::encode_base64($_[0], '') . '?=';
};

decided ask2('/mcp', @post, @version, 'Mcp-Method' => 'tools/list', @key),
    'ok', 'a list';
decided ask2('/mcp', @call, 'Mcp-Name' => 'find_invoice', @key), 'ok', 'a tool';
decided ask2('/mcp', @call, 'Mcp-Name' => $base64->('Grüße'), @key), 'ok',
    'in base64';
decided ask2('/mcp', @call, 'Mcp-Name' => 'drop_all', @key),
    'scope_insufficient', 'another tool', scope => 'admin';

for ([ 'no version', @post, 'Mcp-Method' => 'tools/list' ],
     [ 'no method', @post, @version ], [ 'no name', @call ],
     [ 'two names', @call, 'Mcp-Name' => 'find_invoice', 'mcp-name' => 'x' ],
     [ 'two methods', @call, 'Mcp-Name' => 'x', 'mcp-method' => 'tools/list' ],
     [ 'two versions', @call, 'Mcp-Name' => 'x', @version ],
     [ 'no base64', @call, 'Mcp-Name' => '=?base64?YR==?=' ],
     [ 'no UTF-8', @call, 'Mcp-Name' => $base64->("\xff") ],
     [ 'a tab', @call, 'Mcp-Name' => "a\tb" ])
{
    my ($what, @fields) = @$_;
    decided ask2('/mcp', @fields, @key), 'mcp_invalid', $what;
}

my ($seen) = through2(upstream(1), '/through', @call,
    'Mcp-Name' => 'find_invoice', @key);

is(lc join(' ', sort grep { /^mcp/i } lines_of($seen)),
    'mcp-method: tools/call mcp-name: find_invoice'
    . ' mcp-protocol-version: 2026-07-28', 'the server is told the same');

# by hand: what no client would send; each stream on a connection of its own

my $serial = 0;

my $by_hand = sub {
    my ($expected, $what, @fields) = @_;
    my $client = connected(port => port 2);
    my $path = '/mcp/' . ++$serial;
    my $line;

    $client->send(preface() . request(1, $path, 'x-api-key' => key('admin'),
        'mcp-protocol-version' => '2026-07-28', @fields));
    bodies($client, 1);

    AgentAuth::await(sub {
        ($line) = grep { $_->{http_request}{url}{path} eq $path } audit_rest();
        return $line;
    });
    is($line->{unmapped}{agent_auth}{reason}, $expected, $what);
};

$by_hand->('ok', 'a good one', 'mcp-method' => 'tools/call', 'mcp-name' => 'a');
$by_hand->('ok', 'spaces', 'mcp-method' => ' tools/call ', 'mcp-name' => " a\t");
$by_hand->('mcp_invalid', 'two names', 'mcp-name' => 'a', 'mcp-name' => 'a',
    'mcp-method' => 'tools/call');
$by_hand->('mcp_invalid', 'nothing but spaces', 'mcp-method' => 'tools/call',
    'mcp-name' => '  ');
$by_hand->('mcp_invalid', 'a control character', 'mcp-method' => 'tools/call',
    'mcp-name' => "a\x01");
