# What is secret in envelopes does not stay in memory, and a large one is loaded
# between requests.  Without this a core file of a worker would have the key that
# opens all key files to come, or a delivery would hold up every request.
#
# T-02, E-02

# A function that is bound at its first call has the registers saved on the
# stack then, with what is in them.  Packages of nginx are linked with "-z now",
# and a module is bound when it is loaded; the sanitizers' nginx is not.

BEGIN { $ENV{LD_BIND_NOW} = 1 }

use lib 't/lib';
use AgentAuth;
use Digest::SHA qw/ sha256 /;
use File::Path qw/ make_path /;
use MIME::Base64 qw/ encode_base64 decode_base64url /;

config_preamble(verdict_fields());

our $dir = state_dir() . "/envelope-memory-$AgentAuth::Mode";
our $agentctl = $ENV{AGENTCTL} // "$AgentAuth::Root/build/agentctl";
our $generation = time;

make_path($dir);
chmod 0755, $dir;


sub deliver { write_file("$dir/$_[0]", @_[1, 2]) }
sub kek_key { planted(substr(sha256("kek of memory $_[0]"), 0, 32)) }


sub kek_line {
    return "$_[0] " . planted(encode_base64(kek_key($_[0]), '')) . "\n";
}


sub sealed {
    my ($text, $type) = @_;

    my $out = "$dir/.seal-out";

    unlink $out;
    write_file("$dir/.seal-keks", kek_line('k1'), 0600);

    open my $to, '|-', $agentctl, qw/ envelope seal --file - --bundle main
        --out /, $out, '--kek-file', "$dir/.seal-keks", '--type', $type,
        '--generation', ++$generation or die "agentctl: $!\n";
    print $to $text;
    close $to or die "agentctl envelope seal: $?\n";

    open my $in, '<', $out or die $!;
    local $/;

    return scalar <$in>;
}


# the key of the content, by openssl

sub content_key {
    my ($envelope) = @_;

    my $in = "$dir/.wrapped";
    write_file($in, decode_base64url((split /\./, $envelope)[1]), 0600);

    my $key = qx{openssl enc -d -id-aes256-wrap -in $in -iv A6A6A6A6A6A6A6A6 -K @{[ unpack 'H*', kek_key('k1') ]}};

    return $? == 0 && length $key == 32 ? $key : undef;
}


sub zone {
    my ($name, $mode) = @_;

    deliver('keks', kek_line('k1'), $mode);
    deliver('peppers.jwe', sealed(pepper_line('p1'), 'peppers'));
    deliver('keys.jwe', sealed(AgentAuth::key_lines("alpha pepper=p1"), 'keys'));

    return "agent_key_zone zone=$name:16m file=$dir/keys.jwe check=100ms"
        . " kek_file=$dir/keks bundle=main pepper_file=$dir/peppers.jwe;";
}


sub status {
    return ask('GET /t', 'X-API-Key' => key($_[0]))->{status};
}


sub master {
    open my $in, '<', AgentAuth::server_root() . '/logs/nginx.pid' or die $!;

    return <$in> + 0;
}


# a key that is added while nginx runs, so that a worker has read all the files

sub added {
    my $name = 'new' . ++$generation;
    my $peppers = sealed(pepper_line('p1'), 'peppers');
    my $keys = sealed(AgentAuth::key_lines("alpha pepper=p1\n$name"), 'keys');

    deliver('peppers.jwe', $peppers);
    deliver('keys.jwe', $keys);
    ok(await(sub { status($name) == 200 }, $name), 'a change was loaded');

    return ($peppers, $keys);
}


# which of these texts are in the memory of a process: name => octets; undef
# where it may not be read

sub found {
    my ($pid, %text) = @_;

    open my $maps, '<', "/proc/$pid/maps" or return;
    open my $mem, '<:raw', "/proc/$pid/mem" or return;

    my %found;

    while (<$maps>) {
        my ($from, $to) = /^([0-9a-f]+)-([0-9a-f]+) r/ or next;
        ($from, $to) = map { no warnings; hex } $from, $to;

        # of the kernel, or of AddressSanitizer
        next if /\[v/ || $to - $from > 64 * 1024 * 1024;

        sysseek $mem, $from, 0 or next;
        my $part = '';
        1 while sysread $mem, $part, $to - $from - length $part, length $part;

        $found{$_} = 1 for grep { index($part, $text{$_}) >= 0 } keys %text;
    }

    return \%found;
}


# those that serve; ones before may still be on their way out

sub serving {
    my $master = master();

    return grep {
        my $stat = '';
        if (open my $in, '<', "/proc/$_/stat") {
            $stat = <$in> // '';
        }
        $stat =~ /^\d+ \(nginx\) \S $master /;
    } map { m{/proc/(\d+)$} } glob '/proc/[0-9]*';
}


run_tests();

__DATA__

=== TEST 1: workers that can read the KEK file do not keep what is in it
--- http_config
    {{zone 'memory', 0640}}
--- config
    location /t { agent_auth key; empty_gif; }
--- run
my ($peppers, $keys) = added();
my %secret = (
    'the KEK' => kek_key('k1'),
    'its line' => (split ' ', kek_line('k1'))[1],
    'the pepper' => AgentAuth::pepper_key('p1'),
    'its line too' => (split ' ', pepper_line('p1'))[1],
);

SKIP: {
    skip 'another user\'s memory is not to be read', 1
        unless found(master(), %secret);

    my %content = ('the key of keys' => content_key($keys),
                   'the key of peppers' => content_key($peppers));

    for my $name (sort keys %content) {
        ok(defined $content{$name}, "$name is known here");
        $secret{$name} = $content{$name} // 'x' x 32;
    }

    for my $pid (serving()) {
        my $found = found($pid, %secret, 'a name' => 'alpha') // next;

        is(join(', ', sort keys %$found), 'a name',
            'none of it is in a worker');
    }

    my $found = found(master(), %secret);
    is(join(', ', sort keys %$found), 'the KEK',
        'the master has the KEK and no more');
}

is(status('alpha'), 200, 'the key by the pepper');



=== TEST 2: those that cannot read it do, and so can load a change
--- http_config
    {{zone 'kept', 0600}}
--- config
    location /t { agent_auth key; empty_gif; }
--- run
SKIP: {
    skip 'the master is the workers\' user', 1 if $> != 0;

    added();

    my ($worker) = serving();
    my $found = found($worker, 'the KEK' => kek_key('k1'),
        'its line' => (split ' ', kek_line('k1'))[1]);

    skip 'memory is not to be read', 1 unless $found;
    is(join(', ', sort keys %$found), 'the KEK',
        'and this is how it would show');
}



=== TEST 3: requests are answered while a large one is loaded
--- http_config
    {{zone 'large', 0640}}
--- config
    location /t { agent_auth key; empty_gif; }
--- run
my $n = 40000;
my $last = 'last' . ++$generation;
my $text = key_record('alpha') . key_record($last);

$text .= sprintf qq({"id":"%016d","digest":"sha256:%064x","agent":"a","state":"active","expires":"2099-01-01T00:00:00Z","note":"%s"}\n),
    $_, $generation * 100000 + $_, 'n' x 200 for 1 .. $n;

my $envelope = sealed($text, 'keys');

log_mark();
deliver('keys.jwe', $envelope);

my ($answers, $status) = (0, 401);

await(sub {
    $status = status($last);
    $answers++ if grep { /agent_auth: loading / } error_lines();
    return $status == 200;
}, 'the large one');

is($status, 200, 'loaded');
cmp_ok($answers, '>', 2, "$answers answers meanwhile");
is(status('alpha'), 200, 'and it serves');
