# The description of the API, and agentctl that speaks to it.  Without this the
# document could promise what the gate does not serve, a script could take a
# refusal for done, and agentctl could trust a server that is another.
#
# requirements.md, V-01

use lib 't/lib';
use AgentAuth;
use AgentAS;
use Digest::SHA qw/ sha256_hex /;

plan(skip_all => 'no curl with HTTP/2')
    if `curl --version 2>&1` !~ /^Features:.*\bHTTP2\b/m;

our $as = AgentAS->start();

config_preamble(verdict_fields());

our $number = 0;

our $document = do {
    open my $in, '<', "$AgentAuth::Root/docs/control.openapi.json" or die;
    local $/;
    JSON::PP->new->utf8->decode(scalar <$in>);
};


# agentctl: (exit status, standard output, standard error)

sub ctl {
    my ($input, @args) = @_;

    my $dir = $as->dir;

    pipe my $in, my $to or die;
    my $pid = fork // die;

    if ($pid == 0) {
        close $to;
        open STDIN, '<&', $in;
        open STDOUT, '>', "$dir/ctl.out";
        open STDERR, '>', "$dir/ctl.err";
        exec "$AgentAuth::Root/build/agentctl", @args;
    }

    close $in;
    print $to $input;
    close $to;
    waitpid $pid, 0;

    my $rc = $? >> 8;

    return ($rc, map {
        open my $file, '<', $_;
        local $/;
        scalar <$file> // '';
    } "$dir/ctl.out", "$dir/ctl.err");
}


sub http2 {
    my ($path, $body) = @_;

    my $port = port(1);
    my $data = $as->dir . '/body';

    open my $out, '>', $data;
    print $out $body;
    close $out;

    return `curl -q -s -o /dev/null -w '%{http_code} %{http_version}' \\
        --max-time 60 --http2-prior-knowledge --noproxy '*' \\
        -H 'Content-Type: application/json' --data-binary \@$data \\
        http://127.0.0.1:$port$path`;
}


# members of an answer that its schema does not have, or lacks

sub unknown {
    my ($value, $schema, $where) = @_;

    $schema = $document->{components}{schemas}{$1}
        if ($schema->{'$ref'} // '') =~ m{/(\w+)$};

    return map { unknown($_, $schema->{items}, "$where\[]") } @$value
        if ref $value eq 'ARRAY';
    return () if ref $value ne 'HASH';

    return ((map { exists $value->{$_} ? () : "$where.$_ is missing" }
             @{ $schema->{required} // [] }),
        map { $schema->{properties}{$_}
              ? unknown($value->{$_}, $schema->{properties}{$_}, "$where.$_")
              : "$where.$_" } keys %$value);
}


run_tests();

__DATA__

=== TEST 1: what the document says is what is served
--- keys
alpha
--- http_config
    agent_revocations zone=revoked_api:1m state=logs/api;
{{$main::as->provider('api', jwks_uri => $main::as->url('jwks'), verify => 'auto')}}
--- config
    agent_audit logs/audit.log flush=20ms;
    location /control/ { allow 127.0.0.1; deny all; agent_control; }
    location /t { agent_audience https://api.test/a; agent_auth oauth; }
--- run
SKIP: {
    skip $ENV{TEST_AGENT_NO_AS}, 1 if $ENV{TEST_AGENT_NO_AS};

    system('sh', "$AgentAuth::Root/t/openapi/install") == 0 or die;
    is(`node $AgentAuth::Root/t/openapi/validate.mjs \\
        $AgentAuth::Root/docs/control.openapi.json`, "3.1\n",
        'a document of OpenAPI 3.1');
}

my %documented = map {
    my $path = $_;
    my @methods = sort map { uc } grep { /^(?:get|head|post|delete)$/ }
        keys %{ $document->{paths}{$path} };

    ($path =~ s/\{\w+\}/*/gr => join ', ', @methods);
} keys %{ $document->{paths} };

my $source = do {
    open my $in, '<', "$AgentAuth::Root/src/core/agent_control.c" or die;
    local $/;
    <$in>;
};

my %source = $source =~ /\{ "(\/[^"]+)",\s+"([A-Z, ]+)" \}/g;
$_ = join ', ', sort split /, / for values %source;

is_deeply(\%documented, \%source, 'the paths of the source');

for my $path (sort keys %documented) {
    my $answer = ask('PATCH /control' . $path =~ s/\*/x/gr);

    is("$answer->{status} " . join(', ', sort split /, /,
        fields($answer, 'Allow') // ''), "405 $documented{$path}",
        "$path is served");
}

# no member that the document does not have

my %shape = ('/zones' => 'Zones', '/providers' => 'Providers',
    '/keys/keys/' . key_id('alpha') => 'Key', '/revocations' => 'Page');

for my $path (sort keys %shape) {
    my $json = JSON::PP->new->utf8->decode(ask("GET /control$path")->{body});

    is(join(', ', unknown($json, { '$ref' => "/$shape{$path}" }, $path)), '',
        "all of $path is documented");
}



=== TEST 2: agentctl, over a UNIX socket
--- keys
alpha
--- http_config
    agent_revocations zone=revoked_ctl:1m state=logs/ctl;

    server {
        listen unix:{{AgentAuth::server_root()}}/control.sock;
        agent_audit logs/audit.log flush=20ms;
        location /control/ { allow unix:; deny all; agent_control; }
    }
--- config
    location /t { agent_auth key; empty_gif; }
--- run
my @at = ('--control', 'unix:' . AgentAuth::server_root()
    . '/control.sock:/control');
my $token = planted("CANARY-ctl-$$-" . ++$number);
my @key = (key_id('alpha'), '--zone', 'keys');

my ($rc, $out, $err) = ctl("$token\n", qw/ revoke token - /, @at);
is("$rc $err", '0 ', 'a token');
my ($id) = $out =~ /^Revoked, with id (\S+)\.$/;
isnt($id, undef, 'and its id');

($rc, $out) = ctl('', qw/ revoke list /, @at);
like($out, qr/revoke +token +\Q${\ sha256_hex($token)}\E/, 'in the list');
is((ctl('', qw/ revoke undo /, $id, @at))[0], 0, 'taken back');

($rc, $out, $err) = ctl('', qw/ revoke undo /, $id, @at);
is($rc, 1, 'not again');
like($err, qr/status 404: no revocation/, 'why');

is((ctl('', qw/ control suspend /, @key, @at))[0], 0, 'suspended');
is(ask('GET /t', 'X-API-Key' => key 'alpha')->{status}, 401, 'is refused');
like((ctl('', qw/ control key /, @key, @at))[1], qr/^reason: key_suspended$/m,
    'is shown');
is((ctl('', qw/ control resume /, @key, @at))[0], 0, 'resumed');
is(ask('GET /t', 'X-API-Key' => key 'alpha')->{status}, 200, 'is good');
is((ctl('', qw/ control resume /, @key, @at))[0], 1, 'not again');

is((ctl('', qw/ control flush --all /, @at))[0], 0, 'flushed');
like((ctl('', qw/ control zones /, @at))[1], qr/^ +zone: keys$/m, 'zones');
is((ctl('', qw/ control providers /, @at))[0], 0, 'providers');
is((ctl('', qw/ control flush --provider x /, @at))[0], 1, 'no such provider');
is((ctl('', qw/ revoke agent x --expires 90d --before 0s --cause gone --json /,
    @at))[0], 0, 'an agent, with all there is');



=== TEST 3: agentctl, over TLS
--- keys
admin
--- http_config
    server {
        listen {{port(1)}} ssl;
        ssl_certificate {{$main::as->dir}}/server.crt;
        ssl_certificate_key {{$main::as->dir}}/server.key;
        agent_audit logs/audit.log flush=20ms;
        location /control/ { agent_auth key; agent_control; }
    }
--- config
    location /t { empty_gif; }
--- run
my $url = 'https://localhost:' . port(1) . '/control';
my $file = $as->dir . '/admin.token';

open my $to, '>', $file;
print $to key('admin'), "\n";
close $to;

my @ca = ('--cacert', $as->ca);
my ($rc, $out, $err) = ctl('', qw/ control zones --control /, $url, @ca,
    '--token-file', $file);
is("$rc $err", '0 ', 'with a key, of a server that is known');

is((ctl('', qw/ control zones --control /, $url, @ca))[0], 1, 'without');

($rc, $out, $err) = ctl('', qw/ control zones --control /, $url,
    '--token-file', $file);
is("$rc $out", '1 ', 'a server of another CA');
like($err, qr/no TLS connection: /, 'is not spoken to');

($rc, $out, $err) = ctl('', qw/ control zones --control /,
    'https://127.0.0.2:' . port(1) . '/control', @ca, '--token-file', $file);
is($rc, 1, 'nor one of another name');



=== TEST 4: bodies over HTTP/2
--- http_config
    client_body_buffer_size 1k;

    server {
        listen {{port(1)}} http2;
        agent_audit logs/audit.log flush=20ms;
        location /control/ { allow 127.0.0.1; deny all; agent_control; }
    }
--- config
    location /t { empty_gif; }
--- run
is(main::http2('/control/flush', '{"all":true}'), '204 2', 'a body');
is(main::http2('/control/flush', '{"all":true' . ' ' x 60000 . '}'), '204 2',
    'a long one');
is(main::http2('/control/flush', ''), '400 2', 'none');
