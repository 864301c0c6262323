package AgentSink;

# For what Test::Nginx cannot do with audit logs: several workers, signals,
# full disks.  A suite with it starts nginx itself:
#
#     use lib 't/lib';
#     use AgentSink;
#
#     start(audit => 'logs/audit.log flush=20ms', workers => 2);
#     load(3, 500);
#     finish();
#
# Every location is guarded, and nobody has a key: each request is refused and
# leaves a line.  The paths of the requests are /1, /2, ... and so tell which
# lines are missing.

use strict;
use warnings;

use AgentAuth ();

use File::Path qw/ make_path remove_tree /;
use IO::Socket::INET;
use JSON::PP ();
use POSIX ();
use Test::More ();
use Time::HiRes qw/ sleep time /;

our $Root = AgentAuth::server_root();

my $port = $ENV{TEST_NGINX_SERVER_PORT};
my ($sent, $starts, $loaders) = (0, 0, []);


sub import {
    my $caller = caller;

    strict->import;
    warnings->import;

    no strict 'refs';
    *{"${caller}::$_"} = \&{"AgentSink::$_"}
        for qw/ start configure reload rotate stop finish master workers load
            load_begin loading load_end request sent count lines broken
            audited lost duplicates log_lines path /;
    *{"${caller}::await"} = \&AgentAuth::await;

    # the same signals whatever the mode, and once is enough

    if ($ENV{TEST_NGINX_USE_HUP}) {
        Test::More::plan(skip_all => 'nothing to reload between');
    }
}


sub path {
    return $_[0] =~ m{^/|^syslog:} ? $_[0] : "$Root/$_[0]";
}


# audit => text or list; workers => N, 0 for a single process; http => what
# else is to stand there

sub configure {
    my (%option) = @_;

    my $user = $> == 0 ? 'user www-data;' : '';
    my $module = $ENV{TEST_NGINX_LOAD_MODULES};
    my $load = $module =~ /\S/ ? "load_module $module;" : '';
    my $audit = $option{audit};
    my $http = $option{http} // '';
    my $workers = $option{workers} // 2;
    my $master = $workers ? "worker_processes $workers;"
        : 'master_process off;';

    $audit = join '', map { "    agent_audit $_;\n" }
        ref $audit ? @$audit : $audit;

    open my $out, '>', path('conf/nginx.conf') or die $!;
    print $out <<"END";
$user
$load
$master
pid logs/nginx.pid;
error_log logs/error.log notice;
events { worker_connections 64; accept_mutex off; }
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    agent_key_zone zone=keys:1m file=keys.jsonl;
$audit
    $http
    server {
        listen 127.0.0.1:$port;
        keepalive_requests 1000000;
        location / { agent_auth key; empty_gif; }
    }
}
END
    close $out;
}


# as configure(), and before => what is to be done first

sub start {
    my (%option) = @_;

    remove_tree($Root);
    make_path("$Root/logs", "$Root/conf");

    $sent = 0;
    $starts++;

    $option{before}->() if $option{before};
    configure(%option);
    AgentAuth::write_keys('keys.jsonl', "alpha\n");

    my ($status, $output) = AgentAuth::nginx_run();

    $status == 0 or Test::More::BAIL_OUT("nginx does not start: $output");
    AgentAuth::await(\&master, 'the pid file') or die;
    workers($option{workers}) if $option{workers};
}


sub master {
    open my $in, '<', path('logs/nginx.pid') or return;
    my $pid = <$in>;

    return $pid ? int $pid : undef;
}


# the workers, once there are N

sub workers {
    my ($n) = @_;

    my $pid = master();
    my @found;

    AgentAuth::await(sub {
        @found = split ' ', `pgrep -P $pid` // '';
        @found == ($n // 2);
    }, 'the workers');

    return @found;
}


# HUP, until the workers that were there are gone

sub reload {
    my $pid = master();
    my @old = split ' ', `pgrep -P $pid` // '';

    kill 'HUP', $pid;
    AgentAuth::await(sub { !grep { AgentAuth::running($_) } @old },
        'the reload');
}


# Moves a file away, and has all of nginx begin it anew.  One that is late would
# open the file of the next time before the master has given it to its user.

sub rotate {
    my ($file, $to) = @_;

    my $pid = master();

    rename path($file), path($to) or die "$file: $!\n";
    kill 'USR1', $pid;

    AgentAuth::await(sub {
        -e path($file) && !grep { (readlink $_ // '') eq path($to) }
            map { glob "/proc/$_/fd/*" } $pid, split ' ', `pgrep -P $pid` // '';
    }, 'all to reopen');
}


sub stop {
    my ($signal) = @_;

    my $pid = master();

    kill $signal // 'QUIT', $pid;
    AgentAuth::await(sub { !AgentAuth::running($pid) }, 'end of nginx')
        or kill 'KILL', $pid;
}


# stops, and looks at what the error log says; what may be there is given

sub finish {
    my (@expected) = @_;

    stop() if master();

    my @odd = grep {
        my $line = $_;
        /\[(?:emerg|alert|crit|error)\]/
            && !/ agent_auth:\ credential|access\ forbidden /x
            && !grep { $line =~ $_ } @expected;
    } log_lines();

    Test::More::is("@odd", '', 'the error log is calm');
    keep();
}


sub log_lines {
    open my $in, '<', path('logs/error.log') or return;

    return <$in>;
}


# for the checks of the whole run: the schema of lines, secrets in logs

sub keep {
    my ($suite) = $0 =~ m{([^/]+?)(?:\.t)?$};
    my $name = "$AgentAuth::Mode-$suite-$starts";

    for my $file (glob "$Root/logs/*") {
        next if !-f $file || $file =~ /\.pid$/;

        my ($base) = $file =~ m{([^/]+)$};
        my $kept = "$AgentAuth::State/"
            . ($base =~ /audit/ ? 'audit' : 'logs') . "/$name-$base";

        unlink $kept;
        link $file, $kept or die "$kept: $!\n";
    }
}


# N clients, each with so many requests, while the caller goes on; the paths
# may have something behind their number

sub load_begin {
    my ($clients, $requests, $tail) = @_;

    for (1 .. $clients) {
        my ($from, $to) = ($sent + 1, $sent + $requests);

        $sent = $to;

        my $pid = fork // die $!;

        if ($pid == 0) {
            my $socket;
            my $well = grep { request($_ . ($tail // ''), \$socket) }
                $from .. $to;
            POSIX::_exit($well == $requests ? 0 : 1);
        }

        push @$loaders, $pid;
    }
}


# 1 while one of them may have something to send

sub loading {
    return scalar grep { AgentAuth::running($_) } @$loaders;
}


# 1 where each request was answered

sub load_end {
    my $well = 1;

    for my $pid (splice @$loaders) {
        waitpid $pid, 0;
        $well = 0 if $?;
    }

    return $well;
}


sub load {
    load_begin(@_);

    return load_end();
}


# One request, over a connection that is kept.  nginx may close one that is
# idle, as on HUP, and has not seen the request then.

sub request {
    my ($path, $socket) = @_;

    for (1 .. 3) {
        $$socket //= connection() or next;

        my $status = answer($$socket, $path);

        return $status == 401 if $status;
        undef $$socket;
    }

    return 0;
}


sub connection {
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port,
        Timeout => $AgentAuth::Patience);
}


# the status, or nothing where the connection ended before the answer did

sub answer {
    my ($socket, $path) = @_;

    local $SIG{PIPE} = 'IGNORE';
    local $SIG{ALRM} = sub { die "no answer to request $path\n" };

    alarm $AgentAuth::Patience;
    print {$socket} "GET /$path HTTP/1.1\r\nHost: localhost\r\n\r\n";

    my $head = '';

    while ($head !~ /\r\n\r\n/) {
        sysread $socket, $head, 65536, length $head or return 0;
    }

    my $end = index($head, "\r\n\r\n") + 4;
    my $length = $head =~ /^Content-Length: (\d+)/mi ? $1 : 0;

    while (length $head < $end + $length) {
        sysread $socket, $head, 65536, length $head or return 0;
    }

    alarm 0;

    return $head =~ m{^HTTP/1\.1 (\d+)} ? $1 : 0;
}


sub sent {
    $sent += $_[0] // 0;

    return $sent;
}


# how many lines the files have, whatever they are

sub count {
    my $n = 0;

    for my $file (map { path($_) } @_) {
        open my $in, '<', $file or next;
        $n++ while <$in>;
    }

    return $n;
}


# the whole lines of the files, decoded

sub lines {
    return map { $_->{event} // () } parsed(@_);
}


# those that are no JSON objects

sub broken {
    return map { $_->{event} ? () : $_->{text} } parsed(@_);
}


sub parsed {
    my $json = JSON::PP->new->utf8;
    my @parsed;

    for my $file (map { path($_) } @_) {
        open my $in, '<', $file or next;

        while (my $text = <$in>) {
            my $event = eval { $json->decode($text) };

            push @parsed, { text => $text,
                event => $text =~ /\n\z/ && ref $event ? $event : undef };
        }
    }

    return @parsed;
}


# the numbers of the requests that the events are of

sub audited {
    return map { ($_->{http_request}{url}{path} // '') =~ m{^/(\d+)} ? $1 : () }
        @_;
}


# how many lines the events say are lost

sub lost {
    my $lost = 0;

    for (@_) {
        $lost += $_->{count} if ($_->{class_uid} // -1) == 0;
    }

    return $lost;
}


sub duplicates {
    my %seen;

    return grep { $seen{$_}++ == 1 } @_;
}


# not to be left behind by a test that dies

END {
    my $status = $?;

    if (my $pid = master()) {
        kill 'KILL', split(' ', `pgrep -P $pid` // ''), $pid
            if AgentAuth::running($pid);
    }

    kill 'KILL', $_ for @$loaders;
    $? = $status;
}


1;
