package Bench;

# What the benchmarks share: nginx and an authorization server are configured,
# started and asked, and a figure is printed beside its limit.

use strict;
use warnings;

use Cwd qw/ abs_path /;
use Digest::SHA qw/ sha256_base64 /;
use Exporter qw/ import /;
use File::Basename qw/ dirname /;
use File::Path qw/ make_path remove_tree /;
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw/ sleep time /;

our @EXPORT = qw/ $bench $binary $failed $guard $module $oauth $quiet
    ask authority connected cpu fields figure free_port key_file kept_waiting
    nginx_t prefix provider request start status stop temp_paths token upstream
    verdict write_file zone /;

my $root = abs_path(dirname(__FILE__) . '/../..');

our $bench = "$root/build/bench";
our $module = "$root/build/ngx_http_agent_auth_module.so";
our $binary = $ENV{TEST_NGINX_BINARY}
    // (-x '/usr/sbin/nginx' ? '/usr/sbin/nginx' : 'nginx');

my $api = 'https://api.bench.example/invoices';

our $guard = 'agent_auth key; agent_scope invoices:read;'
    . ' agent_service invoices;';
our $oauth = 'agent_auth oauth; agent_scope invoices:read;'
    . " agent_service invoices; agent_audience $api;";
our $quiet = 'agent_audit off;';

# whether a limit was exceeded
our $failed = 0;

# started by us, and to be stopped whatever happens
my @children;


sub figure {
    my ($what, $value, $format, $limit) = @_;

    printf "  %-46s %8s %8s %s\n", $what, sprintf($format, $value),
        $limit // '', verdict($value, $limit);
}


sub verdict {
    my ($value, $limit) = @_;

    return '' unless defined $limit;
    return 'ok' if $value <= $limit;

    $failed = 1;

    return 'MISSED';
}

sub prefix {
    my ($name) = @_;

    my $dir = "$bench/$name";

    remove_tree($dir);
    make_path("$dir/logs", "$dir/conf", "$dir/temp");

    return $dir;
}


sub temp_paths {
    return join ' ', map { "${_}_temp_path temp/$_;" }
        qw/ client_body proxy fastcgi uwsgi scgi /;
}


sub zone {
    my ($file, $more) = @_;

    my $size = -s $file > 1e6 ? '300m' : '1m';

    return "agent_key_zone zone=keys:$size file=$file"
        . " pepper_file=$bench/pepper $more;\n";
}


# made once, and again where the program that makes them changed

sub key_file {
    my ($options) = @_;

    (my $name = "keys$options") =~ s/[^\w-]//g;
    my $path = "$bench/$name.jsonl";

    write_file("$bench/pepper", scalar `$bench/keys -p`, 0600);
    write_file("$bench/audit.key", scalar `$bench/keys -p`, 0600);

    if (!-s $path || -M $path > -M "$bench/keys") {
        system("$bench/keys $options > $path.new") == 0
            or die "keys $options failed\n";
        rename "$path.new", $path or die "$path: $!\n";
    }

    return $path;
}


sub write_file {
    my ($path, $text, $mode) = @_;

    open my $out, '>', $path or die "$path: $!\n";
    chmod $mode, $path if defined $mode;
    print $out $text;
    close $out or die "$path: $!\n";
}


sub free_port {
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => 0, Listen => 1) or die "no free port: $!\n";

    return $socket->sockport;
}


# an nginx that answers what is passed to it, in a process of its own

sub upstream {
    my $dir = prefix('upstream');
    my $port = free_port();

    write_file("$dir/conf/nginx.conf", <<END);
daemon off;
master_process off;
pid logs/nginx.pid;
error_log logs/error.log error;
events { worker_connections 512; }
http {
    ${\ temp_paths() }
    access_log off;
    keepalive_timeout 600s;
    keepalive_requests 1000000;
    server {
        listen 127.0.0.1:$port;
        location / { empty_gif; }
    }
}
END

    my $pid = start($dir);
    close connected($port, $pid);

    return { pid => $pid, port => $port };
}


sub start {
    my ($dir, @under) = @_;

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {

        open STDOUT, '>', "$dir/logs/stdout";
        open STDERR, '>&', *STDOUT;
        exec @under, $binary, '-p', "$dir/", '-e', 'logs/error.log', '-c',
            'conf/nginx.conf' or POSIX::_exit(127);
    }

    push @children, $pid;

    return $pid;
}


sub stop {
    my ($pid) = @_;

    kill 'TERM', $pid;
    waitpid $pid, 0;
    @children = grep { $_ != $pid } @children;
}


END {
    my $status = $?;

    kill 'KILL', @children if @children;
    $? = $status;
}


$SIG{$_} = sub { exit 1 } for qw/ INT TERM HUP /;


sub connected {
    my ($port, $pid) = @_;

    my $deadline = time + 300;

    while (time < $deadline) {
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
            PeerPort => $port);

        return $socket if $socket;

        if (waitpid($pid, POSIX::WNOHANG()) == $pid) {
            @children = grep { $_ != $pid } @children;
            die "nginx did not start, see $bench/*/logs\n";
        }

        sleep 0.02;
    }

    die "nginx does not answer\n";
}


# the fields of a request, by name, in the order in which they are sent

sub fields {
    my ($row, $n) = @_;

    return (
        [ 'User-Agent'
            => 'billing-bot/2.4.1 (agent; python-requests/2.32.3; Linux)' ],
        [ 'Accept' => 'application/json' ],
        @{ $row->{fields} // [] },
        credential($row, $n),
    );
}


sub credential {
    my ($row, $n) = @_;

    return @{ $row->{made}[$n] } if $row->{made};

    my $name = $row->{header} // 'Authorization';
    my $credential = $row->{token} ? token($row->{token}) : key($row, $n);

    return [ $name => $row->{header} ? $credential : "Bearer $credential" ];
}


sub key {
    my ($row, $n) = @_;

    my $options = ($row->{wrong} ? '-w ' : '') . ($row->{foreign} ? '-i ' : '');
    my $key = `$bench/keys $options -k $n`;

    chomp $key;

    return $key;
}


# Opaque tokens: of 32 random octets, a longer one, one that is not active.

sub token {
    my ($kind) = @_;

    (my $random = sha256_base64($kind)) =~ tr{+/}{-_};

    return $kind eq 'long' ? substr $random x 3, 0, 100
        : $kind eq 'none' ? 'none' . substr $random, 4 : $random;
}


sub request {
    my ($row, $n) = @_;

    return join "\r\n",
        'GET /v1/invoices/2026-000123 HTTP/1.1',
        'Host: bench.example',
        (map { "$_->[0]: $_->[1]" } fields($row, $n)),
        '', '';
}


sub ask {
    my ($socket, $list, $n, $status) = @_;

    my $buffer = '';

    for (0 .. $n - 1) {
        my $request = $list->[$_ % @$list];

        syswrite($socket, $request) == length $request or die "write: $!\n";

        until ($buffer =~ /\A(HTTP.*?)\r\n\r\n/s
            && length $buffer >= $+[0] + content_length($1))
        {
            sysread $socket, $buffer, 65536, length $buffer
                or die "nginx closed the connection\n";
        }

        $buffer =~ m{\AHTTP/1.1 $status }
            or die "not $status but " . substr($buffer, 0, 60) . "\n";

        $buffer = '';
    }
}


sub content_length {
    return $_[0] =~ /^Content-Length: (\d+)/mi ? $1 : 0;
}


# An authorization server of one endpoint, which answers after a delay of so
# many seconds, whoever else waits.

sub authority {
    my ($delay) = @_;

    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => 0, Listen => 1024) or die "no free port: $!\n";
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        @children = ();
        $SIG{$_} = 'DEFAULT' for qw/ INT TERM HUP /;
        $SIG{PIPE} = 'IGNORE';
        eval { introspections($listener, $delay) };
        POSIX::_exit(1);
    }

    push @children, $pid;

    return { pid => $pid, port => $listener->sockport };
}


sub introspections {
    my ($listener, $delay) = @_;

    my $select = IO::Select->new($listener);
    my (%asked, @due);

    while (1) {
        my $wait = @due ? $due[0][0] - time : undef;

        for my $socket ($select->can_read($wait && $wait < 0 ? 0 : $wait)) {

            if ($socket == $listener) {
                $select->add(scalar $listener->accept);
                next;
            }

            my $got = \($asked{$socket} //= '');

            if (!sysread $socket, $$got, 65536, length $$got) {
                $select->remove($socket);
                delete $asked{$socket};
                close $socket;
                next;
            }

            push @due, [ time + $delay, $socket, introspection($1, $delay) ]
                while $$got =~ s/\A.*?\r\n\r\ntoken=([^&]*)[^\r\n]*//s;
        }

        while (@due && $due[0][0] <= time) {
            my (undef, $socket, $answer) = @{ shift @due };
            syswrite $socket, $answer if $socket->opened;
        }
    }
}


sub introspection {
    my ($token, $delay) = @_;

    my $now = int time;
    my $body = $token =~ /^none/ ? '{"active":false}'
        : '{"active":true,"client_id":"billing-agent","sub":"billing-agent",'
            . '"scope":"invoices:read invoices:write","token_type":"Bearer",'
            . '"iss":"https://auth.bench.example","exp":' . ($now + 86400)
            . ",\"iat\":$now,\"aud\":[\"$api\"],"
            . '"jti":"5e1f2a9c-7a55-4d0f-9a57-0c1f6f3f7f10"}';

    # a timer more for a connection that is kept would show in each request

    return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        . ($delay ? '' : "Connection: close\r\n")
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
}


# the configuration that asks it

sub provider {
    my ($authority, %param) = @_;

    %param = (
        issuer                 => 'https://auth.bench.example',
        introspection_endpoint =>
            "http://127.0.0.1:$authority->{port}/introspect",
        client_auth            => 'none',
        miss_rate              => 'off',
        max_ttl                => '1d',
        negative_ttl           => '1d',
        %param,
    );

    return join(' ', 'agent_oauth_provider bench {',
        map { "$_ $param{$_};" } sort keys %param) . " }\n";
}


sub status {
    my ($pid, $name) = @_;

    open my $in, '<', "/proc/$pid/status" or die "/proc/$pid: $!\n";

    return (map { /^$name:\s+(\d+)/ ? $1 : () } <$in>)[0] // 0;
}


# seconds of processor time

sub cpu {
    my ($pid) = @_;

    open my $in, '<', "/proc/$pid/stat" or die "/proc/$pid: $!\n";
    my @fields = split ' ', (<$in> =~ s/.*\)//r);

    return ($fields[11] + $fields[12]) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}


# Seconds that a process was ready to run while others ran.  Without those of
# client and worker the time to an answer is that of a turn of the event loop,
# whatever else the machine does.

sub kept_waiting {
    my ($pid) = @_;

    open my $in, '<', "/proc/$pid/schedstat" or die "/proc/$pid: $!\n";

    return (split ' ', <$in>)[1] / 1e9;
}


1;
