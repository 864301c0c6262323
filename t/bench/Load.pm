package Load;

# What a million keys take: the worst of what clients notice while they are
# loaded again, and how long a revocation waits to be heeded.

use strict;
use warnings;

use Bench;
use Exporter qw/ import /;
use File::Path qw/ remove_tree /;
use Time::HiRes qw/ time /;

our @EXPORT = qw/ load /;

my $million = 1_000_000;


# The limit of a turn is for the fifth longest, since a machine of others has
# hiccups.

sub load {
    my $file = key_file($million);
    my $dir = prefix('load');
    my $port = free_port();
    my $need = zone_needed($dir, $port, $file);

    # the file that is replaced is another name of the one in store
    link $file, "$dir/keys.jsonl" or die "$dir/keys.jsonl: $!\n";
    system("$bench/keys -r 0 $million > $dir/next.jsonl") == 0
        or die "keys failed\n";

    load_conf($dir, $port, "$dir/keys.jsonl", '300m');

    my $begun = time;
    my $master = start($dir);
    my $client = connected($port, $master);
    my $started = time - $begun;
    my $cpu = cpu($master);

    my ($worker) = split ' ', `cat /proc/$master/task/*/children`;
    my $rss = status($worker, 'RssAnon');

    ask($client, [ request({}, 0) ], 100, 200);
    my $before = status($worker, 'VmHWM');

    rename "$dir/next.jsonl", "$dir/keys.jsonl" or die "rename: $!\n";
    my $waited = kept_waiting($worker);
    my ($effect, $turns) = until_refused($client, $worker);
    $waited = kept_waiting($worker) - $waited;
    my $peak = status($worker, 'VmHWM') - $before;

    close $client;
    stop($master);
    remove_tree($dir);

    my $octets = $need / 2 / $million;
    my ($longest, $fifth, $usual) = @$turns[-1, -5, @$turns / 2];

    print "\na million keys\n";
    figure('octets a key and generation', $octets, '%.1f', 128);
    figure('seconds until nginx answers', $started, '%.1f');
    figure('  of processor time', $cpu, '%.1f');
    figure('MB of a worker beside the zone', $rss / 1024, '%.1f');
    figure('seconds until a revocation is heeded', $effect, '%.1f');
    figure('  while no other program wants to run', $effect - $waited, '%.1f',
        15);
    figure('ms of the longest turn meanwhile', $longest * 1e3, '%.1f');
    figure('ms of the fifth longest', $fifth * 1e3, '%.1f', 10);
    figure('ms of the median', $usual * 1e3, '%.2f');
    figure('MB more of the worker that loads', $peak / 1024, '%.0f');
}


# what nginx says of a zone that is too small

sub zone_needed {
    my ($dir, $port, $file) = @_;

    load_conf($dir, $port, $file, '1m');

    my $said = `$binary -t -p $dir/ -e logs/error.log -c conf/nginx.conf 2>&1`;

    $said =~ /it needs zone=keys:(\d+)k/ or die $said;

    return $1 * 1024;
}


sub load_conf {
    my ($dir, $port, $file, $size) = @_;

    my $user = $> == 0 ? 'user root;' : '';

    write_file("$dir/conf/nginx.conf", <<END);
load_module $module;
$user
daemon off;
worker_processes 1;
pid logs/nginx.pid;
error_log logs/error.log notice;
events { worker_connections 64; }
http {
    ${\ temp_paths() }
    access_log off;
    keepalive_requests 1000000;
    agent_key_zone zone=keys:$size file=$file;
    server {
        listen 127.0.0.1:$port;
        location / { $guard $quiet empty_gif; }
    }
}
END
}


sub until_refused {
    my ($client, $worker) = @_;

    my $request = request({}, 0);
    my $begun = time;
    my @turns;

    while (time < $begun + 60) {
        my $waited = kept_waiting($worker) + kept_waiting($$);
        my $sent = time;

        syswrite($client, $request) == length $request or die "write: $!\n";
        sysread $client, my $answer, 65536 or die "closed\n";

        my $took = time - $sent;

        push @turns,
            $took - (kept_waiting($worker) + kept_waiting($$) - $waited);

        return (time - $begun, [ sort { $a <=> $b } @turns ])
            if $answer =~ m{\AHTTP/1.1 401 };
    }

    die "the revocation was not heeded within a minute\n";
}


1;
