package AgentClient;

# An HTTP/1.1 client that sends what it is told, octet by octet, an upstream
# that says what it was sent, and what the module owes a client for each
# reason.  For the section --- run of AgentAuth:
#
#     my $answer = ask 'GET /t', 'X-API-Key' => key 'alpha';
#     decided $answer, 'scope_insufficient', 'a name', scope => 'a:b c:d';
#
#     my $upstream = upstream 1;
#     my ($seen, $answer) = through $upstream, 'GET /t', Name => 'value', ...;
#
# An answer is { status, head (octets), field => { name => [values] }, body }.

use strict;
use warnings;

use Exporter 'import';
use IO::Select;
use IO::Socket::IP;
use IO::Socket::UNIX;
use Test::More ();
use Time::HiRes qw/ time /;

our @EXPORT = qw/
    ask ask_octets asked connected answer_of decided upstream through
    attend streaming passed port fields lines_of verdict_fields log_mark said
    error_lines try_conf try_path
/;

# design.md, 6: reason => status, error of the challenge (undef: no challenge)

our %Reason = (
    ok                   => [ 200 ],
    credential_missing   => [ 401, '' ],
    credential_malformed => [ 400, 'invalid_request' ],
    credential_multiple  => [ 400, 'invalid_request' ],
    key_unknown          => [ 401, 'invalid_token' ],
    key_not_yet_valid    => [ 401, 'invalid_token' ],
    key_expired          => [ 401, 'invalid_token' ],
    key_suspended        => [ 401, 'invalid_token' ],
    key_revoked          => [ 401, 'invalid_token' ],
    key_sunset           => [ 401, 'invalid_token' ],
    key_network          => [ 401, 'invalid_token' ],
    key_service          => [ 403 ],
    token_inactive       => [ 401, 'invalid_token' ],
    token_expired        => [ 401, 'invalid_token' ],
    token_not_yet_valid  => [ 401, 'invalid_token' ],
    token_claims         => [ 401, 'invalid_token' ],
    token_malformed      => [ 401, 'invalid_token' ],
    token_type           => [ 401, 'invalid_token' ],
    token_revoked        => [ 401, 'invalid_token' ],
    signature_invalid    => [ 401, 'invalid_token' ],
    algorithm_refused    => [ 401, 'invalid_token' ],
    signing_key_unknown  => [ 401, 'invalid_token' ],
    issuer_mismatch      => [ 401, 'invalid_token' ],
    audience_mismatch    => [ 401, 'invalid_token' ],
    binding_missing      => [ 401, 'invalid_token' ],
    binding_mismatch     => [ 401, 'invalid_token' ],
    dpop_invalid         => [ 401, 'invalid_dpop_proof' ],
    dpop_replayed        => [ 401, 'invalid_dpop_proof' ],
    dpop_nonce           => [ 401, 'use_dpop_nonce' ],
    scope_insufficient   => [ 403, 'insufficient_scope' ],
    requirement_failed   => [ 403 ],
    delegation_refused   => [ 403 ],
    step_up_required     => [ 401, 'insufficient_user_authentication' ],
    mcp_invalid          => [ 400 ],
    subrequest_refused   => [ 403 ],
    internal_error       => [ 500 ],
    table_busy           => [ 503 ],
    rate_limited         => [ 429 ],
    provider_unavailable    => [ 503 ],
    provider_refused_client => [ 503 ],
    provider_bad_answer     => [ 503 ],
);

my $wait = $AgentAuth::Patience // 60;
my @promised;


# the port of the server, or one of the nine others

sub port {
    return $ENV{$_[0] ? "TEST_NGINX_PORT_$_[0]" : 'TEST_NGINX_SERVER_PORT'};
}


# A port for a server that now and then does not listen: while the socket that
# is returned is there, nobody else is given it.

sub held_port {
    return IO::Socket::IP->new(
        LocalHost => $_[0] // '127.0.0.1',
        LocalPort => 0,
        Type      => Socket::SOCK_STREAM(),
        ReuseAddr => 1,
    ) || die "port: $@\n";
}


# connected host => '::1', port => 8080, from => '127.0.0.2', or unix => path

sub connected {
    my (%option) = @_;

    if (defined $option{unix}) {
        my $socket = IO::Socket::UNIX->new($option{unix})
            or die "connect: $!\n";

        return AgentClient::Connection->new($socket);
    }

    my $socket = IO::Socket::IP->new(
        PeerHost => $option{host} // '127.0.0.1',
        PeerPort => $option{port} // port(),
        Timeout  => $wait,
        $option{from} ? (LocalHost => $option{from}) : (),
    ) or die "connect: $@\n";

    return AgentClient::Connection->new($socket);
}


# The octets of a request.  Without a Host there is one; a body is announced.

sub asked {
    my ($line, @headers) = @_;

    my %option;
    %option = %{ pop @headers } if @headers && ref $headers[-1];

    my $body = $option{body};
    my $octets = "$line HTTP/1.1\r\nHost: localhost\r\n";

    unshift @headers, 'Content-Length' => length $body if defined $body;

    while (@headers) {
        my ($name, $value) = splice @headers, 0, 2;
        $octets .= "$name: $value\r\n";
    }

    return "$octets\r\n" . ($body // '');
}


# ask 'GET /t', Name => 'value', ..., { body => 'x', from => '127.0.0.2' }

sub ask {
    my ($line, @headers) = @_;

    my %option;
    %option = %{ $headers[-1] } if @headers && ref $headers[-1];

    my $octets = asked($line, 'Connection' => 'close', @headers);

    return ask_octets($octets, scalar $line =~ /^HEAD /, %option);
}


sub ask_octets {
    my ($octets, $head, %option) = @_;

    my $connection = connected(%option);

    $connection->send($octets);

    return $connection->answer($head);
}


sub answer_of {
    my ($connection, $line, @headers) = @_;

    $connection->send(asked($line, @headers));

    return $connection->answer(scalar $line =~ /^HEAD /);
}


# the values of a field, joined as if core had joined them

sub fields {
    my ($answer, $name) = @_;

    my $values = $answer->{field}{lc $name} or return;

    return join ', ', @$values;
}


# Tests an answer against the reason.  Options: result (allow, deny, ...);
# status; realm; metadata: the URL of the challenge; scope: what it lists; step_up: its
# acr_values and max_age;
# challenge => 0: none; body => what the body is like; audit => 0: no audit
# line is promised.  The configuration says the verdict in a field Agent:
# "$agent_result $agent_reason" and the request's id in Agent-Request, see
# verdict_fields().

sub decided {
    my ($answer, $reason, $what, %option) = @_;

    my ($status, $error) = @{ $Reason{$reason} or die "no reason $reason\n" };
    my $result = $option{result}
        // ($reason eq 'ok' ? 'allow' : 'deny');
    my $refused = $result eq 'deny';

    ($status, $error) = (200, undef) unless $refused;
    $status = $option{status} if $option{status};
    $error = '' if $refused && $status == 401 && !defined $error;

    my $challenge;

    if (defined $error && $option{challenge} // 1) {
        $challenge = 'Bearer realm="' . ($option{realm} // 'agents') . '"';
        $challenge .= ", resource_metadata=\"$option{metadata}\""
            if defined $option{metadata};
        $challenge .= ", error=\"$error\"" if $error ne '';
        $challenge .= ", $option{step_up}" if defined $option{step_up};
        $challenge .= ", scope=\"$option{scope}\"" if defined $option{scope};
    }

    my $got = join ' | ', $answer->{status}, fields($answer, 'Agent') // '-',
        fields($answer, 'WWW-Authenticate') // '-',
        fields($answer, 'Cache-Control') // '-';
    my $expected = join ' | ', $status, "$result $reason",
        $challenge // '-', $refused ? 'no-store' : '-';

    Test::More::is($got, $expected, $what);
    Test::More::like($answer->{body}, $option{body}, "$what - body")
        if $option{body};

    push @promised, [ fields($answer, 'Agent-Request') // 'no id',
        "$result $reason $status" ] if $option{audit} // 1;

    return $answer;
}


# what decided() promises of the audit log since the last call: request id and
# "result reason status"

sub promised {
    return splice @promised;
}


# the lines of the error log since the last log_mark()

my $log_start = 0;

sub error_log_path {
    return "$Test::Nginx::Util::ServRoot/logs/error.log";
}


sub log_mark {
    $log_start = -s error_log_path() // 0;
}


sub error_lines {
    open my $in, '<', error_log_path() or return;
    seek $in, $log_start, 0;

    return <$in>;
}


# waits for such a line

sub said {
    my ($pattern, $what) = @_;

    my $found = AgentAuth::await(sub {
        return scalar grep { $_ =~ $pattern } error_lines();
    }, "a line with $pattern");

    return Test::More::ok($found, $what // "says $pattern");
}


# try_conf $http, $main: nginx -t of a configuration of its own, beside no nginx
# that runs: (exit status, what it says).  try_path() is its file.

sub try_path {
    return "$Test::Nginx::Util::ServRoot/conf/try.conf";
}


sub try_conf {
    my ($http, $main) = @_;

    my $root = $Test::Nginx::Util::ServRoot;
    my $user = $ENV{TEST_NGINX_WORKER_USER};
    my $text = join '', map { "load_module $_;\n" }
        split ' ', $ENV{TEST_NGINX_LOAD_MODULES};

    $text .= "user $user;\n" if defined $user;
    $text .= "pid logs/try.pid;\nerror_log logs/try.log;\n" . ($main // '')
        . "events {}\nhttp {\naccess_log off;\n$http\n}\n";

    open my $out, '>', try_path() or die try_path() . ": $!\n";
    print $out $text;
    close $out;

    return AgentAuth::nginx_run('-t -c ' . try_path());
}


# for config_preamble

sub verdict_fields {
    return 'add_header Agent "$agent_result $agent_reason" always;'
        . ' add_header Agent-Request $agent_request_id always;';
}


# upstream 1: listens at that port while the object is there

sub upstream {
    return IO::Socket::IP->new(
        LocalHost => '127.0.0.1',
        LocalPort => port($_[0]),
        Listen    => 8,
        ReuseAddr => 1,
    ) || die "upstream: $@\n";
}


# Asks, and answers at the upstream.  Returns what the upstream was sent, or
# undef where nothing came, and the answer.  The first argument after the
# upstream may be a connection.  The option answer is what the upstream says.

sub through {
    my ($upstream, @request) = @_;

    my %option;
    %option = %{ $request[-1] } if ref $request[-1] eq 'HASH';

    my $connection = ref $request[0] ? shift @request : undef;
    my $client = $connection // connected(%option);

    $client->send(asked(@request));

    my $seen = attend($upstream, $client, $option{answer});

    return ($seen, $client->answer(scalar $request[0] =~ /^HEAD /));
}


# The field lines of a request that an upstream got, without those that the
# proxy makes.

sub lines_of {
    my ($head) = split /\r\n\r\n/, $_[0] // '';
    my (undef, @lines) = split /\r\n/, $head // '';

    return grep { !/^(?:Host|Connection):/i } @lines;
}


sub attend {
    my ($upstream, $client, $answer) = @_;

    my $peer = passed($upstream, $client) // return;
    my $seen = $peer->message;

    $peer->send($answer // "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n"
        . "Content-Type: text/plain\r\nConnection: close\r\n\r\nupstream");

    return $seen;
}


# A response that is under way, of which some has come: (client, upstream's
# side of it).  The upstream may go on with chunks.

sub streaming {
    my ($upstream, $line, @headers) = @_;

    my $client = connected();
    $client->send(asked($line, @headers));

    my $server = passed($upstream, $client) // die "$line is refused\n";
    $server->message;
    $server->send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        . "5\r\nfirst\r\n");

    Test::More::like($client->head, qr/ 200 /, "$line: it begins");
    $client->octets(10);

    return ($client, $server);
}


# the upstream's side of a request, or nothing where the client has its answer

sub passed {
    my ($upstream, $client) = @_;

    my ($ready) = IO::Select->new($upstream, $client->handle)->can_read($wait);

    return unless defined $ready && $ready == $upstream;

    return AgentClient::Connection->new(scalar $upstream->accept);
}


package AgentClient::Connection;

use Time::HiRes qw/ time /;


sub new {
    my ($class, $socket) = @_;

    return bless { socket => $socket, buffer => '' }, $class;
}


sub handle {
    return $_[0]{socket};
}


sub send {
    my ($self, $octets) = @_;

    local $SIG{PIPE} = 'IGNORE';

    while (length $octets) {
        my $n = syswrite $self->{socket}, $octets;
        last unless defined $n;
        substr $octets, 0, $n, '';
    }
}


# reads once; false at the end of the stream

sub more {
    my ($self) = @_;

    my $select = IO::Select->new($self->{socket});

    $select->can_read($wait) or die "nothing came in $wait seconds\n";

    return sysread $self->{socket}, $self->{buffer}, 65536,
        length $self->{buffer};
}


sub octets {
    my ($self, $n) = @_;

    while (length $self->{buffer} < $n) {
        $self->more or last;
    }

    return substr $self->{buffer}, 0, $n, '';
}


sub head {
    my ($self) = @_;

    while ($self->{buffer} !~ /\r\n\r\n/) {
        $self->more or return;
    }

    $self->{buffer} =~ s/\A(.*?\r\n\r\n)//s;

    return $1;
}


# a request, head and body

sub message {
    my ($self) = @_;

    my $head = $self->head // return;
    my ($length) = $head =~ /^Content-Length:\s*(\d+)/mi;

    return $head . $self->octets($length // 0);
}


sub answer {
    my ($self, $without_body) = @_;

    my $head = $self->head;
    return { status => 0, head => '', field => {}, body => '' }
        unless defined $head;

    my ($status) = $head =~ m{\AHTTP/1\.\d (\d+)};
    my %field;

    while ($head =~ /^([^:\r\n]+):[ \t]*(.*?)\r$/mg) {
        push @{ $field{lc $1} }, $2;
    }

    my $body = $without_body || $status =~ /^(?:1..|204|304)$/ ? ''
        : $self->body(\%field);

    return { status => $status, head => $head, field => \%field,
        body => $body };
}


sub body {
    my ($self, $field) = @_;

    return $self->octets($field->{'content-length'}[0])
        if $field->{'content-length'};

    if (!$field->{'transfer-encoding'}) {
        1 while $self->more;
        return delete $self->{buffer};
    }

    my $body = '';

    for ( ;; ) {
        while ($self->{buffer} !~ /\r\n/) {
            $self->more or return $body;
        }

        $self->{buffer} =~ s/\A([0-9a-fA-F]+).*?\r\n//s or return $body;

        my $size = hex $1;
        $body .= $self->octets($size);
        $self->octets(2);

        return $body if $size == 0;
    }
}

1;
