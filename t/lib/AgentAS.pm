package AgentAS;

# The authorization server t/as/server.js, and before it t/as/faults.js, for a
# suite; what clients, tokens' resources, rules of faults and their counts are
# stands at the head of these files.  All ends with the suite.
#
#     my $as = AgentAS->start(faults => 1);
#
#     my $token = $as->token('agent-basic', scope => 'invoices:read',
#         resource => 'https://api.test/a?ttl=2');
#
#     $as->delay(introspection => 50);
#     $as->fault(path => 'introspection', status => 503, times => 1);
#     ...
#     is($as->stats->{introspection}{calls}, 1);
#     $as->revoke('agent-basic', $token);
#
# start() takes tls => 1; faults => 1; path => '/tenant', the path of the
# issuer; people => 1, a person who consents; port and server_port => N where it
# matters which (of what clients see, of the server behind the faults); host =>
# '::1', where faults listens;
# unix => PATH: faults listens there, and the issuer is the server behind it.
# What it makes is in $as->dir:
# ca.crt, CLIENT.key, CLIENT.crt, CLIENT.secret, and what t/as/certs says.
#
# An answer is { status, head, field => { name => value }, body, json }.

use strict;
use warnings;

use Cwd ();
use Digest::SHA qw/ sha256 /;
use File::Basename qw/ basename dirname /;
use File::Copy qw/ copy /;
use File::Path qw/ make_path remove_tree /;
use IO::Select;
use IO::Socket::INET;
use IPC::Open2 ();
use JSON::PP ();
use MIME::Base64 qw/ encode_base64 encode_base64url decode_base64url /;
use POSIX ();
use Test::More ();
use Time::HiRes qw/ time /;

use AgentClient ();

our $Root = Cwd::abs_path(dirname(__FILE__) . '/../..');
our $Seconds = 60;              # of patience

my $json = JSON::PP->new->canonical->utf8;
my ($number, $installed, @started) = (0);

my %Endpoint = (
    metadata      => '/.well-known/oauth-authorization-server',
    discovery     => '/.well-known/openid-configuration',
    jwks          => '/jwks',
    token         => '/token',
    introspection => '/token/introspection',
    revocation    => '/token/revocation',
);


# -- starting and stopping

sub start {
    my ($class, %option) = @_;

    Test::More::plan(skip_all => $ENV{TEST_AGENT_NO_AS})
        if $ENV{TEST_AGENT_NO_AS};

    my $self = bless {
        %option,
        owner => $$,
        dir   => state_dir() . '/as-' . basename($0, '.t') . "-$$-" . $number++,
    }, $class;

    if (!$installed++) {
        system('sh', "$Root/t/as/install") == 0
            or die "t/as/install failed\n";
    }

    push @started, $self;
    make_path($self->{dir});

    copy($_, $self->{dir}) or die "$_: $!\n" for glob certificates() . '/*';

    $self->start_faults() if $option{faults};
    $self->start_server();

    return $self;
}


sub state_dir {
    no warnings 'once';

    return $AgentAuth::State // $ENV{TEST_AGENT_STATE} // "$Root/build";
}


# Made once a day for all suites.  These run side by side: where two make them,
# those of the first are taken.

sub certificates {
    my $script = "$Root/t/as/certs";
    my $dir = sprintf '%s/as-certs-%d-%d', state_dir(), time / 86400,
        (stat $script)[9];

    return $dir if -d $dir;

    system('sh', $script, "$dir.$$") == 0 or die "t/as/certs failed\n";
    rename "$dir.$$", $dir or remove_tree("$dir.$$");

    return $dir;
}


# With faults, it is these that have the issuer's address.

sub start_faults {
    my ($self) = @_;

    $self->{held} = AgentClient::held_port($self->{host});

    my @where = $self->{unix} ? ('--unix', $self->{unix})
        : ('--port', $self->{port} // $self->{held}->sockport);

    push @where, '--tls', $self->cert('server') if $self->{tls};
    push @where, '--host', $self->{host} if $self->{host};

    my ($port, $control) = $self->spawn('faults', @where);

    $self->{front} = $port unless $self->{unix};
    $self->{control} = "http://127.0.0.1:$control";
}


sub start_server {
    my ($self) = @_;

    my @options = ('--dir', $self->{dir}, '--port',
        $self->{server_port} // ($self->{faults} ? 0 : $self->{port} // 0));

    my $scheme = $self->{tls} ? 'https' : 'http';
    my $path = $self->{path} // '';

    push @options, '--tls', $self->cert('server')
        if $self->{tls} && !$self->{faults};
    push @options, '--people' if $self->{people};

    # the path needs the port before the server chooses it

    if ($self->{front}) {
        my $host = ($self->{host} // '127.0.0.1') =~ s/(.*:.*)/[$1]/r;

        $self->{issuer} = "$scheme://$host:$self->{front}$path";
        push @options, '--issuer', $self->{issuer};

    } elsif ($path ne '') {
        my $port = $self->{server_port} // $self->{port}
            // die "an issuer with a path needs a port\n";
        $self->{issuer} = "$scheme://127.0.0.1:$port$path";
        push @options, '--issuer', $self->{issuer};
    }

    my ($port) = $self->spawn('server', @options);

    # should it begin anew, it is to be there again
    $self->{server_port} = $port;

    my $direct = $self->{tls} && !$self->{faults} ? 'https' : 'http';

    $self->{direct} = "$direct://127.0.0.1:$port";
    $self->{issuer} //= $self->{direct};
    $self->command('upstream', uri => $self->{direct}) if $self->{faults};
}


# the server ends and begins anew, at the same address: it knows no tokens

sub restart_server {
    my ($self) = @_;

    $self->end('server');
    $self->start_server();
}


sub cert {
    my ($self, $name) = @_;

    return map { "$self->{dir}/$name.$_" } 'crt', 'key';
}


# Its standard input is a pipe that we hold: should this process be killed, it
# ends all the same.

sub spawn {
    my ($self, $name, @options) = @_;

    pipe my $input, my $hold or die "pipe: $!\n";
    pipe my $output, my $said or die "pipe: $!\n";

    my $log = "$self->{dir}/$name.log";
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        open STDIN, '<&', $input;
        open STDOUT, '>&', $said;
        open STDERR, '>>', $log;
        { exec 'node', "$Root/t/as/$name.js", @options }
        POSIX::_exit(127);
    }

    close $input;
    close $said;
    $self->{process}{$name} = { pid => $pid, hold => $hold,
                                output => $output };

    my $line = first_line($output);

    return split ' ', $1 if $line =~ /^ready (.*)/;

    open my $in, '<', $log;
    die "t/as/$name.js does not start: ", <$in>, "\n";
}


sub first_line {
    my ($handle) = @_;

    my $deadline = time + $Seconds;
    my $text = '';

    while ($text !~ /\n/ && time < $deadline) {
        IO::Select->new($handle)->can_read($deadline - time) or last;
        sysread $handle, $text, 256, length $text or last;
    }

    return $text;
}


sub end {
    my ($self, $name) = @_;

    my $process = delete $self->{process}{$name} or return;

    kill 'TERM', $process->{pid};
    waitpid $process->{pid}, 0;
}


sub stop {
    my ($self) = @_;

    return if $self->{owner} != $$;

    $self->end($_) for sort keys %{ $self->{process} };
    remove_tree($self->{dir});
    @started = grep { $_ != $self } @started;
}


END {
    local $?;
    $_->stop() for my @all = @started;
}


# -- addresses

sub issuer  { return $_[0]{issuer} }
sub dir     { return $_[0]{dir} }
sub ca      { return "$_[0]{dir}/ca.crt" }

# where it listens: past the faults, if there are any
sub direct  { return $_[0]{direct} }


# the address of an endpoint by its name in stats()

sub url {
    my ($self, $name) = @_;

    my ($origin, $path) = $self->{issuer} =~ m{^(\w+://[^/]+)(.*)};
    my $local = $Endpoint{$name} // die "no endpoint $name\n";

    return $name eq 'metadata' ? "$origin$local$path"
        : "$origin$path$local";
}


# -- HTTP

# agent_oauth_provider of this server, for a configuration of nginx; as =>
# CLIENT (gate-basic); other parameters are written as they are given, and a
# name of its own makes verdicts and breaker the provider's own.

sub provider {
    my ($self, $name, %param) = @_;

    my $client = delete $param{as} // 'gate-basic';
    my $file = $client =~ s/:.*//r;

    %param = (
        issuer                 => $self->issuer,
        introspection_endpoint => $self->url('introspection'),
        client_id              => '"' . $self->client_id($client) . '"',
        -f "$self->{dir}/$file.secret"
            ? (client_secret_file => "$self->{dir}/$file.secret") : (),
        timeout                => '60s',
        negative_ttl           => '60s',
        verify                 => 'introspection',
        miss_rate              => 'off',
        $self->issuer =~ /^https:/
            ? (ssl_trusted_certificate => $self->ca) : (),
        %param,
    );

    return join "\n", "agent_oauth_provider $name {",
        (map { "    $_ $param{$_};" } grep { defined $param{$_} }
         sort keys %param), "}\n";
}


# Options: form (a list of pairs), body, headers (a list of pairs), cert (a
# name).  What is secret goes to curl by its standard input.

sub http {
    my ($self, $url, %option) = @_;

    my @config = ([ url => $url ], [ 'max-time' => $Seconds ]);
    my @headers = @{ $option{headers} // [] };
    my $body = $option{form} ? form(@{ $option{form} }) : $option{body};

    while (@headers) {
        my ($name, $value) = splice @headers, 0, 2;
        push @config, [ header => "$name: $value" ];
    }

    push @config, [ 'data-binary' => $body ] if defined $body;
    push @config, [ cacert => $self->ca ] if $url =~ /^https:/;

    if ($option{cert}) {
        my ($cert, $key) = $self->cert($option{cert});
        push @config, [ cert => $cert ], [ key => $key ];
    }

    my $text = '';

    for (@config) {
        my ($name, $value) = @$_;
        $value =~ s/([\\"])/\\$1/g;
        $text .= "$name = \"$value\"\n";
    }

    return answer(piped($text, 'curl', '-q', '-s', '-i', '--http1.1',
        '--noproxy', '*', '-K', '-'));
}


# There are many of these, and a process for each would be most of a suite's
# time: plain HTTP/1.0, whose answer ends with the connection.

sub control {
    my ($self, $url, $body) = @_;

    my ($where, $path) = $url =~ m{^http://([\d.]+:\d+)(/.*)}
        or return $self->http($url, body => $body);

    my $socket = IO::Socket::INET->new(PeerAddr => $where,
        Timeout => $Seconds) or die "$where: $@\n";

    print $socket defined $body ? "POST $path HTTP/1.0\r\nContent-Length: "
        . length($body) . "\r\n\r\n$body" : "GET $path HTTP/1.0\r\n\r\n";

    my $text = '';
    my $deadline = time + $Seconds;

    while (IO::Select->new($socket)->can_read($deadline - time)) {
        sysread $socket, $text, 65536, length $text or last;
    }

    return answer($text);
}


sub answer {
    my ($text) = @_;

    my ($head, $body) = split /\r\n\r\n/, $text, 2;
    my %answer = (head => $head // '', body => $body // '');

    ($answer{status}) = $answer{head} =~ m{^HTTP/\S+ (\d+)};
    $answer{status} //= 0;
    $answer{field} = { map { /^([^:]+):\s*(.*)/ ? (lc $1, $2) : () }
                       split /\r\n/, $answer{head} };
    $answer{json} = eval { $json->decode($answer{body}) };

    return \%answer;
}


sub form {
    my @words;

    while (@_) {
        my ($name, $value) = splice @_, 0, 2;
        push @words, encoded($name) . '=' . encoded($value);
    }

    return join '&', @words;
}


# RFC 6749, appendix B

sub encoded {
    my ($text) = @_;

    $text =~ s/([^A-Za-z0-9*._ -])/sprintf '%%%02X', ord $1/ge;
    $text =~ tr/ /+/;

    return $text;
}


sub piped {
    my ($input, @command) = @_;

    local $SIG{PIPE} = 'IGNORE';
    local ($?, $!);

    my $pid = IPC::Open2::open2(my $out, my $in, @command);

    binmode $_ for $in, $out;
    print $in $input;
    close $in;

    my $output = do { local $/; <$out> };

    waitpid $pid, 0;

    return $output // '';
}


# -- clients

my %Odd = (secret => 'p%C3+ss: &=?/#"\\~x', id => ':odd %2F+&=');


sub client_id {
    my ($self, $client) = @_;

    return $client =~ /^(\w+)-odd$/ ? "$1$Odd{id}" : $client;
}


sub secret {
    my ($self, $client) = @_;

    return $client =~ /-odd$/ ? $Odd{secret} : "secret-of-$client";
}


# options of http() with which the client proves who it is

sub authentication {
    my ($self, $client, %option) = @_;

    my ($kind) = $client =~ /-(.*)/;
    my @id = (client_id => $self->client_id($client));
    my $secret = $self->secret($client);

    return (form => [ @id ]) if $kind eq 'none';
    return (form => [ @id ], cert => $client) if $kind =~ /^(tls|self)$/;
    return (form => [ @id, client_secret => $secret ]) if $kind eq 'post';
    return (form => [], headers => [ Authorization => "Bearer $secret" ])
        if $kind eq 'bearer';

    return (form => [
        client_assertion_type =>
            'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion => $self->assertion($client),
    ]) if $kind =~ /^(rs|es)256$/;

    my $pair = encoded($id[1]) . ':' . encoded($secret);

    return (
        form    => [],
        headers => [ Authorization => 'Basic ' . encode_base64($pair, '') ],
        $kind eq 'mtls' ? (cert => 'agent-tls') : (),
    );
}


sub assertion {
    my ($self, $client) = @_;

    my $now = int time;

    return $self->jwt({ alg => uc(($client =~ /-(.*)/)[0]) }, {
        iss => $client, sub => $client, aud => $self->issuer,
        iat => $now, exp => $now + 60, jti => jti(),
    }, "$self->{dir}/$client.key");
}


# to an endpoint, as the client, with further members of the form; Accept =>
# and DPoP => go into the head, cert => NAME is what http() knows

sub call {
    my ($self, $endpoint, $client, %option) = @_;

    my %http = $self->authentication($client);

    for my $name (grep { exists $option{$_} } qw/ Accept DPoP /) {
        push @{ $http{headers} }, $name, delete $option{$name};
    }

    $http{cert} = delete $option{cert} if exists $option{cert};

    push @{ $http{form} }, map { ($_ => $option{$_}) }
        grep { defined $option{$_} } sort keys %option;

    return $self->http($self->url($endpoint), %http);
}


# Further options: scope, resource, dpop => the file of a P-256 key.

sub token_answer {
    my ($self, $client, %option) = @_;

    if (defined(my $key = delete $option{dpop})) {
        $option{DPoP} = $self->dpop_proof($key, 'POST', $self->url('token'));
    }

    return $self->call('token', $client, grant_type => 'client_credentials',
        %option);
}


sub token {
    my ($self, $client, %option) = @_;

    my $answer = $self->token_answer($client, %option);

    return $answer->{json}{access_token}
        // die "no token for $client: $answer->{status} $answer->{body}\n";
}


sub introspect {
    my ($self, $client, $token, %option) = @_;

    return $self->call('introspection', $client, token => $token, %option);
}


sub revoke {
    my ($self, $client, $token) = @_;

    my $answer = $self->call('revocation', $client, token => $token);

    $answer->{status} == 200
        or die "not revoked: $answer->{status} $answer->{body}\n";
}


# -- JOSE

sub jti {
    return join '-', $$, int(time * 1e6), $number++;
}


# A signed JWT, RS256 or ES256; the key file in PEM.

sub jwt {
    my ($self, $header, $payload, $key) = @_;

    my $input = join '.', map { encode_base64url($json->encode($_)) }
        $header, $payload;
    my $signature = piped($input, 'openssl', 'dgst', '-sha256', '-sign', $key);

    $signature = join '', map { fixed32($_) } der_integers($signature)
        if $header->{alg} eq 'ES256';

    return "$input." . encode_base64url($signature);
}


# SEQUENCE { INTEGER r, INTEGER s }, each of less than 128 octets

sub der_integers {
    my ($der) = @_;

    return unpack 'x2 xC/a xC/a', $der;
}


sub fixed32 {
    return substr "\0" x 32 . $_[0], -32;
}


# the public part of a key, RSA of the usual exponent or P-256

sub jwk {
    my ($self, $key) = @_;

    my $modulus = `openssl rsa -in '$key' -modulus -noout 2> /dev/null`;

    return { kty => 'RSA', e => 'AQAB', n => encode_base64url(pack 'H*', $1) }
        if $modulus =~ /^Modulus=([0-9A-F]+)/;

    my $der = piped('', 'openssl', 'pkey', '-in', $key, '-pubout',
        '-outform', 'DER');

    return {
        kty => 'EC', crv => 'P-256',
        x => encode_base64url(substr $der, -64, 32),
        y => encode_base64url(substr $der, -32),
    };
}


sub thumbprint {
    my ($self, $key) = @_;

    return encode_base64url(sha256($json->encode($self->jwk($key))));
}


# RFC 9449; further claims, as ath, may be given

sub dpop_proof {
    my ($self, $key, $method, $uri, %claims) = @_;

    return $self->jwt(
        { typ => 'dpop+jwt', alg => 'ES256', jwk => $self->jwk($key) },
        { htm => $method, htu => $uri, iat => int time, jti => jti(),
          %claims }, $key);
}


# header and payload of a JWT, which nobody has verified

sub decoded {
    my ($self, $jwt) = @_;

    return map { $json->decode(decode_base64url($_)) }
        (split /\./, $jwt)[0, 1];
}


# -- the server's control

sub server_control {
    my ($self, $name, @form) = @_;

    my $query = @form ? '?' . form(@form) : '';
    my $answer = $self->control("$self->{direct}/_test/$name$query", '');

    $answer->{status} == 200 or die "$name: $answer->{body}\n";

    return $answer->{json};
}


sub stats {
    return $_[0]->server_control('stats');
}


sub calls {
    my ($self, $endpoint) = @_;

    return $self->stats->{$endpoint}{calls} // 0;
}


# endpoint => milliseconds, ...

sub delay {
    my ($self, @delays) = @_;

    $self->server_control('delay', @delays);
}


# the kids now published, the new ones first; drop => 1: only those

sub rotate {
    my ($self, %option) = @_;

    return $self->server_control('rotate', %option)->{kids};
}


sub forget {
    $_[0]->server_control('forget');
}


# a JWT of these claims, signed with the newest key: RS256

sub sign {
    my ($self, $typ, $claims) = @_;

    return $self->server_control('sign', typ => $typ,
        claims => $json->encode($claims))->{jwt};
}


# counts, delays, and of faults rules, too

sub reset {
    my ($self) = @_;

    $self->server_control('reset');
    $self->command($_) for $self->{faults} ? qw/ clear reset / : ();
}


# -- control of faults

sub command {
    my ($self, $name, @form) = @_;

    my $query = @form ? '?' . form(@form) : '';
    my $answer = $self->control("$self->{control}/$name$query");

    $answer->{status} == 200 or die "$name: $answer->{body}\n";

    return $answer->{json};
}


sub fault {
    my ($self, %rule) = @_;

    my $answer = $self->control("$self->{control}/rule",
        $json->encode(\%rule));

    $answer->{status} == 200 or die "rule: $answer->{body}\n";
}


# answers of the endpoint are this JSON, well-formed or not

sub scripted {
    my ($self, $path, $body, %rule) = @_;

    $self->fault(path => $path, status => 200, body => $body, %rule);
}


sub clear       { $_[0]->command('clear') }
sub release     { $_[0]->command('release') }
sub fault_stats { return $_[0]->command('stats') }
sub seen        { return @{ $_[0]->command('seen') } }
sub hang_up     { $_[0]->command('close') }
sub listening   { $_[0]->command('listen', on => $_[1] ? 1 : 0) }


# what becomes of connections: 'reset', 'close', 'stall'; times => N

sub accepting {
    my ($self, $treatment, %option) = @_;

    $self->command('accept', do => $treatment, %option);
}


# NAME.crt and NAME.key of dir are the server's from the next connection on

sub certificate {
    my ($self, $name, %option) = @_;

    my ($cert, $key) = $self->cert($name);

    $self->command('certificate', cert => $cert, key => $key, %option);
}


# until a member of the stats of faults is so large: requests => 3

sub await_faults {
    my ($self, %what) = @_;

    return $self->command('await', %what);
}


1;
