# Chained audit lines, and agentctl, which verifies them.  Without what this
# proves a log could be found broken that nobody touched, after a rotation, a
# reload or the death of a worker, so that nobody would believe the verifier;
# or found intact although somebody did.  U-08, U-09, U-10, U-12.

use lib 't/lib';
use AgentSink;

use File::Copy qw/ copy /;
use IO::Compress::Gzip ();
use JSON::PP ();
use MIME::Base64 qw/ encode_base64 /;
use Test::More;
use Time::HiRes qw/ sleep /;

my $ctl = $ENV{AGENTCTL} // "$AgentAuth::Root/build/agentctl";
my $chain = 'agent_audit_chain key_file=audit.key';
my @path = ('logs/audit.log');


sub key_file {
    my ($name, @ids) = @_;


    open my $out, '>', path("conf/$name") or die $!;
    print $out map { "$_ " . encode_base64(substr($_ x 32, 0, 32), '') . "\n" }
        @ids;
    close $out;
    chmod 0600, path("conf/$name");
}


sub chained {
    my (%option) = @_;

    start(audit => 'logs/audit.log buffer=16k flush=20ms', http => "$chain;",
        before => sub { key_file('audit.key', 'k1') }, %option);
}


# what agentctl says, and its exit status

sub verify {
    my (@args) = @_;

    my @command = ($ctl, 'audit', 'verify', '--json', '--key-file',
        path('conf/audit.key'), @args);

    open my $in, '-|', @command or die "$ctl: $!";
    my $text = do { local $/; <$in> };
    close $in;

    return JSON::PP->new->decode($text || '{}'), $? >> 8;
}


# every line is proven, and every request has one

sub intact {
    my ($what, %expect) = @_;

    # a request whose worker was killed is sent again
    my $again = delete $expect{again};

    my ($got, $status) = verify(map { path($_) } @path);

    is($status, 0, "$what: intact")
        or diag(JSON::PP->new->canonical->pretty->encode($got));
    is($got->{lines} + $got->{torn}, count(@path), "$what: all lines");
    is($got->{$_}, $expect{$_}, "$what: $_") for sort keys %expect;

    if (!$again) {
        my @numbers = audited(lines(@path));

        is(scalar @numbers + $got->{lost}, sent(),
            "$what: a line for each request");
        is("@{[ duplicates(@numbers) ]}", '', "$what: none has two");
    }

    return $got;
}


sub records {
    my ($event) = @_;

    return grep { ($_->{unmapped}{audit}{event} // '') eq $event }
        lines(@path);
}


# an ordinary day

chained(workers => 2);
ok(load(3, 400), 'load: all requests are answered');
ok(await(sub { count(@path) >= sent() + 2 }, 'the lines'), 'load: lines');

my ($got, $status) = verify(path($path[0]));
is($status, 0, 'load: the log of a running nginx is intact');
is($got->{open}, 2, 'load: two chains go on');

stop();
intact('load', chains => 2, open => 0, lost => 0);
is(scalar(records('start')), 2, 'load: each worker says that it started');
is(scalar(records('stop')), 2, 'load: and that it stopped');
is((records('start'))[0]{unmapped}{audit}{cause}, 'start', 'load: why');

my @seq = map { $_->{unmapped}{integrity} } lines(@path);
my %seq;
is(scalar(grep { $_->{seq} != ++$seq{$_->{chain_uid}} } @seq), 0,
    'load: lines of a chain are numbered from 1');


# the same file, tampered with

my @lines = do { open my $in, '<', path($path[0]) or die $!; <$in> };

sub tampered {
    my ($what, $expected, @changed) = @_;

    open my $out, '>', path('logs/changed') or die $!;
    print $out @changed;
    close $out;

    my ($got, $status) = verify(path('logs/changed'));

    is($status, 1, "$what: not intact");
    is($got->{first}{fault}, $expected, "$what: $expected");

    return $got;
}

my ($at) = grep { $lines[$_] =~ /"path"/ } 500 .. $#lines;

$got = tampered('edited', 'changed', @lines[0 .. $at - 1],
    $lines[$at] =~ s/"code":401/"code":200/r, @lines[$at + 1 .. $#lines]);
is($got->{first}{line}, $at + 1, 'edited: the line');
is($got->{first}{file}, path('logs/changed'), 'edited: the file');

$got = tampered('removed', 'missing', @lines[0 .. $at - 1],
    @lines[$at + 1 .. $#lines]);
tampered('inserted', 'foreign', @lines[0 .. $at],
    $lines[$at] =~ s/,"integrity":\{[^}]*\}//r, @lines[$at + 1 .. $#lines]);
tampered('repeated', 'order', @lines[0 .. $at], $lines[$at],
    @lines[$at + 1 .. $#lines]);

# all of a chain but its beginning and its end
my ($one) = $lines[$at] =~ /"chain_uid":"([^"]+)/;
tampered('cut', 'missing',
    grep { !/"\Q$one\E".*"seq":(?:[3-9]|\d\d+),"/ || /"event":"stop"/ }
        @lines);

open my $other, '>', path('conf/other.key') or die $!;
print $other 'k1 ', encode_base64('x' x 32, ''), "\n";
close $other;
chmod 0600, path('conf/other.key');
is(system("$ctl audit verify --key-file " . path('conf/other.key') . ' '
    . path($path[0]) . ' > /dev/null') >> 8, 1, 'another key proves nothing');
is(system("$ctl audit verify --key-file " . path('conf/none') . ' '
    . path($path[0]) . ' > /dev/null 2>&1') >> 8, 1, 'nor does none');
finish();


# rotation under load; what is compressed; each file alone

chained(workers => 3);

for my $n (1 .. 6) {
    load_begin(3, 200) unless loading();
    await(sub { -s path('logs/audit.log') || !loading() }, 'lines to rotate');

    rotate('logs/audit.log', "logs/audit.log.$n");
    push @path, "logs/audit.log.$n";
}

ok(load_end(), 'USR1: all requests are answered');
stop();
intact('USR1', chains => 3, open => 0);
cmp_ok(scalar(records('reopen')), '>=', 12, 'USR1: workers say so');

IO::Compress::Gzip::gzip(path('logs/audit.log.2') => path('logs/two.gz'));
unlink path('logs/audit.log.2');
($got, $status) = verify(map { path($_) }
    grep({ !/\.2$/ } @path), 'logs/two.gz');
is($status, 0, 'USR1: compressed, and in any order');

($got, $status) = verify(path('logs/audit.log.4'));
is($status, 1, 'USR1: one of the files is not the log');
($got, $status) = verify('--partial', path('logs/audit.log.4'));
is($status, 0, 'USR1: but a part of it');
finish();
@path = ('logs/audit.log');


# reload under load, with other sizes of buffer

chained(workers => 2);
load_begin(3, 400);

for my $size ('32k', '16k', '64k') {
    configure(audit => "logs/audit.log buffer=$size flush=20ms", workers => 2,
        http => "$chain;");
    reload();
}

ok(load_end(), 'HUP: all requests are answered');
stop();
intact('HUP', chains => 8, open => 0);
is(scalar(grep { $_->{unmapped}{audit}{cause} eq 'reload' } records('start')),
    6, 'HUP: why they started');
finish();


# another key, and the one of before

chained(workers => 1);
load(1, 20);
key_file('audit.key', 'k2', 'k1');
reload();
load(1, 20);
stop();
$got = intact('keys', chains => 2, open => 0);
my %kid = map { $_->{unmapped}{integrity}{kid} => 1 } lines(@path);
is(join(' ', sort keys %kid), 'k1 k2', 'keys: both');
key_file('audit.key', 'k2');
is((verify(path($path[0])))[1], 1, 'keys: without the old one');
finish();


# checkpoints, by number and by time

$chain = 'agent_audit_chain key_file=audit.key lines=50 checkpoint=1s';
chained(workers => 1);
load(1, 500);
ok(await(sub { records('checkpoint') >= 10 }, 'checkpoints'),
    'checkpoint: every 50 lines');
my $n = records('checkpoint');
ok(await(sub { records('checkpoint') > $n }, 'another checkpoint'),
    'checkpoint: and every second');
stop();
intact('checkpoint', chains => 1, open => 0);
my ($last) = reverse map { $_->{unmapped}{integrity}{epoch} } lines(@path);
cmp_ok($last, '>=', 11, 'checkpoint: the key changed as often');
finish();


# an OpenSSL that has nothing

open my $conf, '>', path('conf/openssl.cnf') or die $!;
print $conf <<'END';
openssl_conf = init
[init]
providers = providers
[providers]
null = null
[null]
activate = 1
END
close $conf;

my ($rc, $said) = do {
    local $ENV{OPENSSL_CONF} = path('conf/openssl.cnf');
    AgentAuth::nginx_run('-t');
};

isnt($rc, 0, 'no AES: nginx -t fails');
like($said, qr/"agent_audit_chain"\ directive\ needs\ AES-256,\ which\ OpenSSL
    \ does\ not\ have\ here\ in\ \S+nginx\.conf:\d+$/mx,
    'no AES: and says why');


# workers that are killed

chained(workers => 2);

for (1 .. 10) {
    my ($worker) = workers(2);

    load_begin(2, 30);
    sleep 0.02;
    kill 'KILL', $worker;
    await(sub { !AgentAuth::running($worker) }, 'its end');
    load_end();
}

workers(2);
ok(await(sub { records('takeover') == 10 }, 'the records'),
    'kill: each is taken over');
stop();
$got = intact('kill', chains => 12, open => 0, again => 1);
is(scalar(grep { $_->{unmapped}{audit}{cause} eq 'respawn' } records('start')),
    10, 'kill: those who followed say so');

# the end of a chain that was taken over is cut off
my ($record) = records('takeover');
my $uid = $record->{unmapped}{audit}{chain_uid};
my $end = $record->{unmapped}{audit}{seq};
@lines = do { open my $in, '<', path($path[0]) or die $!; <$in> };
$got = tampered('cut', 'cut',
    grep { !/"integrity":\{"chain_uid":"\Q$uid\E".*"seq":$end,/ } @lines);
is($got->{first}{chain_uid}, $uid, 'cut: the chain');
finish(qr/exited on signal 9/, qr/was locked by/);
$chain = 'agent_audit_chain key_file=audit.key';


# without a master process

chained(workers => 0);
ok(load(2, 50), 'single: all requests are answered');
rename path('logs/audit.log'), path('logs/audit.log.1') or die $!;
push @path, 'logs/audit.log.1';
kill 'USR1', master();
ok(await(sub { -e path('logs/audit.log') }, 'the new file'), 'single: USR1');
load(1, 20);
stop();
intact('single', chains => 1, open => 0);
finish();
@path = ('logs/audit.log');


# several files, each with chains of its own

chained(workers => 2, audit => [ 'logs/audit.log flush=20ms',
    'logs/second.audit flush=20ms' ]);
load(2, 100);
stop();
intact('two files', chains => 2);
@path = ('logs/second.audit');
intact('the second', chains => 2);
@path = ('logs/audit.log');
finish();


# a disk that fills and has room again

use File::Temp qw/ tempdir /;

my $dir = tempdir(CLEANUP => 1);

SKIP: {
    skip 'no tmpfs can be mounted here', 1 if system(
        "mount -t tmpfs -o size=256k,mode=755 tmpfs $dir 2>/dev/null") != 0;

    open my $filler, '>', "$dir/filler" or die $!;
    syswrite $filler, 'x' x (200 * 1024);
    close $filler;

    @path = ("$dir/audit.log");
    chained(workers => 2, audit => "$dir/audit.log buffer=16k flush=20ms");
    load(2, 100);
    ok(await(sub { grep { /No space left/ } log_lines() }, 'the full disk'),
        'full: the error log tells of it');
    load(2, 20);
    unlink "$dir/filler";
    ok(await(sub { records('lost') }, 'the record'), 'full: the record');
    load(2, 10);
    stop();
    $got = intact('full', chains => 2, open => 0);
    cmp_ok($got->{lost}, '>', 20, 'full: many were lost');
    finish(qr/No space left|audit lines are lost/);
}


END {
    my $status = $?;

    system "umount -l $dir 2>/dev/null" if $dir;
    $? = $status;
}

done_testing();
