# An upgrade puts another file of the module beside the old one, and a reload
# loads it.  Without this the old file's code would run under the new
# configuration, since nginx loads modules with global symbols, and the key
# table would begin anew.
#
# The new file needs a name of its own: of a name that is loaded already the C
# library's dlopen() returns what it has, whatever became of the file.
#
# design.md, 2 (-Bsymbolic; the tag of a zone)

use lib 't/lib';
use AgentAuth;

my ($module) = split ' ', $ENV{TEST_NGINX_LOAD_MODULES};

plan(skip_all => 'the module is linked statically') unless defined $module;

our ($original, $so, $n, @files) = ($module, undef, 0);

install();
$Test::Nginx::Util::LoadModules = $so;

END { unlink @files }


# Makes a file of the module with a name of its own and has the configuration
# load it.  In its text one word becomes another of the same length, which is
# as good as a build from other sources: the default realm.

sub install {
    my ($realm) = @_;

    open my $in, '<:raw', $original or die "$original: $!\n";
    my $text = do { local $/; <$in> };

    if (defined $realm) {
        $text =~ s/\0agents\0/\0$realm\0/g
            or die "the default realm is not in the module\n";
    }

    my $before = $so;

    $so = state_dir() . "/so-reload-$$-" . ++$n . '.so';
    push @files, $so;
    write_octets($so, $text);

    return unless defined $before;

    open $in, '<', conf_file('nginx.conf') or die $!;
    my $conf = do { local $/; <$in> };
    $conf =~ s/load_module \S+so-reload\S+;/load_module $so;/;
    write_octets(conf_file('nginx.conf'), $conf);
}


# by renaming, as a package manager does

sub write_octets {
    my ($path, $text) = @_;

    open my $out, '>:raw', "$path.new" or die "$path.new: $!\n";
    print $out $text;
    close $out or die "$path.new: $!\n";
    rename "$path.new", $path or die "$path: $!\n";
}


sub pids {
    open my $in, '<', server_root() . '/logs/nginx.pid' or die $!;
    my $master = <$in> + 0;
    my @workers;

    for my $path (glob '/proc/[0-9]*/stat') {
        open my $file, '<', $path or next;
        push @workers, $1 if (<$file> // '') =~ /^(\d+) \(.*\) [^Z] $master /;
    }

    return ($master, @workers);
}


sub reload {
    my ($master, @old) = pids();
    my %old = map { $_ => 1 } @old;

    kill HUP => $master;

    ok(await(sub {
        my (undef, @now) = pids();
        return @now == 1 && !$old{$now[0]};
    }, 'a new worker'), 'reloaded');
}


# the files of the module that a process has mapped

sub mapped {
    my ($pid) = @_;
    my %files;

    open my $in, '<', "/proc/$pid/maps" or return;

    while (my $line = <$in>) {
        $files{$1} = 1 if $line =~ m{(\S+/so-reload-\S+)};
    }

    return sort keys %files;
}


run_tests();

__DATA__

=== TEST 1: after a reload the new file's code runs, and the table is kept
--- keys
alpha
--- http_config
    agent_key_zone zone=kept:1m file=keys.jsonl check=1h;
--- config
    location /t { agent_auth key; empty_gif; }
--- run
my $realm = sub {
    my ($name) = (fields(ask('GET /t'), 'WWW-Authenticate') // '')
        =~ /realm="(\w+)"/;
    return $name;
};

my $status = sub { ask('GET /t', 'X-API-Key' => key $_[0])->{status} };

# as it was, also after an earlier repetition

write_keys('keys.jsonl', "alpha\n");
install();
reload();
is($realm->(), 'agents', 'the old file');
is($status->('alpha'), 200, 'a key');

# there is nothing to load a table from: one that is there was kept

unlink conf_file('keys.jsonl');

for my $word ('second', 'thirds') {
    install($word);
    reload();
    is($realm->(), $word, "$word: the new file");
    is($status->('alpha'), 200, "$word: the table was kept");
}

my ($master, $worker) = pids();
is_deeply([ mapped($worker) ], [ $so ], 'the worker has no other file');

write_keys('keys.jsonl', "beta\n");
reload();
is($status->('beta'), 200, 'and the new code loads');
is($status->('alpha'), 401, 'what the file holds');
--- error_log
the key table of zone "kept" stays as it was



=== TEST 2: the workers of the old file end as they should
--- keys
alpha
--- http_config
    agent_key_zone zone=ends:1m file=keys.jsonl check=100ms;
--- config
    location /t {
        agent_auth key;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- run
my $upstream = upstream 1;
install();
reload();

my $client = connected();
$client->send(asked('GET /t', 'X-API-Key' => key 'alpha'));
my $peer = AgentClient::Connection->new(scalar $upstream->accept);
my (undef, @old) = pids();

install('others');
my ($master) = pids();
kill HUP => $master;
ok(await(sub { my @p = pids(); @p == 3 }, 'two workers'), 'a new one beside the old');

# the old worker answers what it began, the new one what comes

$peer->message;
$peer->send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n"
    . "Connection: close\r\n\r\nold");
is($client->answer->{body}, 'old', 'the old one ends its request');
ok(await(sub {
    fields(ask('GET /t'), 'WWW-Authenticate') =~ /"others"/
}, 'the new realm'), 'the new one answers new ones');

undef $client;
ok(await(sub { my @p = pids(); @p == 2 }, 'one worker'), 'the old one goes');



=== TEST 3: a file that takes the place of the one that is loaded does no harm
--- keys
alpha
--- http_config
    agent_key_zone zone=same:1m file=keys.jsonl check=100ms;
--- config
    location /t { agent_auth key; empty_gif; }
--- run
open my $in, '<:raw', $so or die $!;
my $text = do { local $/; <$in> };

write_octets($so, $text);
reload();
is(ask('GET /t')->{status}, 401, 'nobody');
is(ask('GET /t', 'X-API-Key' => key 'alpha')->{status}, 200, 'a key');



=== TEST 4: a reload that fails late leaves nothing of its file behind
--- keys
alpha
--- http_config
    agent_key_zone zone=fails:1m file=keys.jsonl check=100ms;
--- config
    location /t {
        agent_auth key;
        agent_key_sunset 2099-06-30T23:59:59Z;
        empty_gif;
    }
--- run
install();
reload();

# all modules are ready when logs are opened; workers are made anew from what
# the master has then

my $conf = do {
    open my $in, '<', conf_file('nginx.conf') or die $!;
    local $/;
    <$in>;
};

install('failed');
my ($master, $worker) = pids();
my $broken = do {
    open my $in, '<', conf_file('nginx.conf') or die $!;
    local $/;
    <$in> =~ s{^http \{}{http \{ access_log logs/no/such/directory;}mr;
};
isnt($broken, $conf, 'another configuration');
write_octets(conf_file('nginx.conf'), $broken);

log_mark();
kill HUP => $master;
said(qr/no such directory|no\/such\/directory/i, 'which cannot be taken');

kill KILL => $worker;
ok(await(sub { (pids())[1] // $worker != $worker }, 'another worker'),
    'another worker');

my $answer = ask('GET /t', 'X-API-Key' => key 'alpha');
is($answer->{status}, 200, 'which answers');
is(fields($answer, 'Sunset'), 'Tue, 30 Jun 2099 23:59:59 GMT', 'as before');
write_octets(conf_file('nginx.conf'), $conf);
--- serious
1x no/such/directory
1x exited on signal 9
