package Rate;

# What a cached token takes of a worker, and what becomes of throughput where
# one request in ten brings a token that is not known.  Each pair of figures is
# measured in turns, in one run, and of the turns the best one counts, as the
# machine may do other things besides.

use strict;
use warnings;

use Bench;
use Exporter qw/ import /;
use File::Basename qw/ dirname /;

our @EXPORT = qw/ rate /;

my $turns = 10;
my $seconds = 1;
my $connections = 256;

# until the authorization server answers
my $delay = 0.02;


sub rate {
    print "\ncached tokens\n";

    if (`wrk -v 2>&1` !~ /^wrk/) {
        print "  not measured: wrk is missing\n";
        return;
    }

    my $dir = prefix('rate');
    my $port = free_port();
    my $authority = authority($delay);

    conf($dir, $port, provider($authority, max_pending => 4096,
        keepalive => $connections));

    my $master = start($dir);
    close connected($port, $master);

    my ($worker) = split ' ', `cat /proc/$master/task/*/children`;
    my $url = "http://127.0.0.1:$port";
    my %run = (
        plain  => sub { wrk($worker, "$url/plain", 0) },
        token  => sub { wrk($worker, "$url/token", 0) },
        misses => sub { wrk($worker, "$url/token", 10) },
    );
    my %seen;

    # the first verdict, and the keep-alive connections
    $run{misses}->();

    for (1 .. $turns) {
        push @{ $seen{$_} }, $run{$_}->() for sort keys %run;
    }

    stop($master);
    stop($authority->{pid});

    report(\%seen);
}


sub report {
    my ($seen) = @_;

    my ($plain, $token, $misses) = map { sorted(cpu => $seen->{$_})->[0] }
        qw/ plain token misses /;
    my ($full, $less) = map { sorted(rate => $seen->{$_})->[-1] }
        qw/ token misses /;

    figure('us of a worker for a request, plain nginx', $plain, '%.2f');
    figure('  with a cached token and its audit line', $token, '%.2f');
    figure('  by that of plain nginx', $token / $plain, '%.2f', 1.15);
    figure('  where 10 % of tokens are not cached', $misses, '%.2f');
    figure('requests a second with a cached token', $full, '%.0f');
    figure('  where 10 % are not cached', $less, '%.0f');
    figure('  times as many without those', $full / $less, '%.2f', 2);
}


sub sorted {
    my ($what, $runs) = @_;

    return [ sort { $a <=> $b } map { $_->{$what} } @$runs ];
}


sub wrk {
    my ($worker, $url, $every) = @_;

    my $script = dirname(__FILE__) . '/wrk.lua';
    my @fields = map { ('-H', "'$_->[0]: $_->[1]'") }
        fields({ token => 'opaque' });
    my $unique = join '', map { int rand 10 } 1 .. 16;
    my $before = ran($worker);

    my $wrk = "wrk -t 1 -c $connections -d ${seconds}s -s $script @fields";
    my $said = `$wrk $url -- $every $unique 2>&1`;

    my $us = (ran($worker) - $before) / 1e3;

    $said =~ /^\s*(\d+) requests in/m or die $said;
    my $requests = $1;

    $said =~ m{^Requests/sec:\s+([\d.]+)}m && $said !~ /Non-2xx/ or die $said;

    return { cpu => $us / $requests, rate => $1 };
}


# ns for which a processor ran it

sub ran {
    my ($pid) = @_;

    open my $in, '<', "/proc/$pid/schedstat" or die "/proc/$pid: $!\n";

    return (split ' ', <$in>)[0];
}


sub conf {
    my ($dir, $port, $provider) = @_;

    my $user = $> == 0 ? 'user root;' : '';

    write_file("$dir/conf/nginx.conf", <<END);
load_module $module;
$user
daemon off;
worker_processes 1;
pid logs/nginx.pid;
error_log logs/error.log error;
events { worker_connections 4096; }
http {
    ${\ temp_paths() }
    access_log off;
    keepalive_requests 100000000;
    agent_token_cache zone=tokens:64m;
    $provider
    server {
        listen 127.0.0.1:$port;
        server_name bench.example;
        location /plain { empty_gif; }
        location /token { $oauth agent_audit logs/audit.log; empty_gif; }
    }
}
END
}


1;
