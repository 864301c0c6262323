# Audit lines of many workers in one file, over rotation, reload and exit.
# Without what this proves lines of two workers could run into one another, and
# each rotation or restart could cost the lines that stood in a buffer.

use lib 't/lib';
use AgentSink;

use Test::More;

my @path = ('logs/audit.log');


sub complete {
    my ($what) = @_;

    my @events = lines(@path);
    my @numbers = sort { $a <=> $b } audited(@events);

    is(scalar @numbers, sent(), "$what: a line for each request");
    is("@{[ duplicates(@numbers) ]}", '', "$what: none has two");
    is(scalar(broken(@path)), 0, "$what: every line is whole");
    is(scalar @events, scalar @numbers, "$what: there are no other lines");
}


# many workers, small buffers, so that each writes often; U-12

start(audit => 'logs/audit.log buffer=8k flush=10ms', workers => 4);
ok(load(4, 500), 'load: all requests are answered');
ok(await(sub { count(@path) == sent() }, 'the last lines'), 'the timer');
complete('load');

my %workers;
$workers{$_->{metadata}{sequence}}++ for lines(@path);
is(scalar(grep { $_ > 4 } values %workers), 0,
    'no worker uses a number twice');
finish();


# rotation while requests come in; U-12

start(audit => 'logs/audit.log buffer=16k flush=1h', workers => 4);
for my $n (1 .. 8) {
    load_begin(4, 250) unless loading();
    await(sub { -s path('logs/audit.log') || !loading() }, 'lines to rotate');

    rotate('logs/audit.log', "logs/audit.log.$n");
    unshift @path, "logs/audit.log.$n";
}

ok(load_end(), 'USR1: all requests are answered');
stop();
cmp_ok(scalar(grep { -s path($_) } @path), '>', 4, 'USR1: several files');
complete('USR1');
finish();


# what waits in a buffer when nginx ends

for my $signal (qw/ QUIT TERM /) {
    @path = ('logs/audit.log');

    start(audit => 'logs/audit.log buffer=4m flush=1h', workers => 2);
    ok(load(2, 100), "$signal: all requests are answered");
    is(-s path('logs/audit.log'), 0, "$signal: nothing is written yet");
    stop($signal);
    complete($signal);
    finish();
}


# the workers of the old configuration do so too

start(audit => 'logs/audit.log buffer=4m flush=1h', workers => 2);
ok(load(1, 1), 'HUP: a request is answered');
load_begin(3, 500);
reload() for 1 .. 3;
ok(load_end(), 'HUP: all requests are answered');
cmp_ok(-s path('logs/audit.log'), '>', 0, 'HUP: what was waiting is written');
stop();
complete('HUP');
finish();


# without a master process

@path = ('logs/audit.log.1', 'logs/audit.log');

start(audit => 'logs/audit.log buffer=4m flush=1h', workers => 0);
ok(load(2, 50), 'single: all requests are answered');
rename path('logs/audit.log'), path('logs/audit.log.1') or die $!;
kill 'USR1', master();
ok(await(sub { -s path('logs/audit.log.1') && -e path('logs/audit.log') },
    'the new file'), 'single: USR1');
load(1, 20);
stop();
complete('single');
finish();


# there the configuration changes within the process, and a request that began
# under the old one ends under it, when core has closed the old one's files;
# core takes no connections after that, so that this is for those who debug

@path = ('logs/audit.log');

start(audit => 'logs/audit.log buffer=4m flush=1h', workers => 0);
ok(load(2, 50), 'debug: all requests are answered');

my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
    PeerPort => $ENV{TEST_NGINX_SERVER_PORT}) or die $!;
print $socket 'GET /' . sent(1) . " HTTP/1.1\r\n";
load(1, 1);

configure(audit => 'logs/audit.log buffer=1m flush=1h', workers => 0);
kill 'HUP', master();
ok(await(sub { count('logs/audit.log') == 101 }, 'the lines'),
    'debug: HUP writes what was waiting');
ok(await(sub { 2 <= grep { /using the "epoll" event method|reconfiguring/ }
    log_lines() }, 'the new configuration'), 'debug: the new configuration');

print $socket "Host: localhost\r\nConnection: close\r\n\r\n";
like(join('', <$socket>), qr/^HTTP\S+ 401/, 'debug: the old request');
stop();
complete('debug');
finish();

done_testing();
