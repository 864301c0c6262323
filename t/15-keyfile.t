# The key file changes while nginx runs.  Without this a revoked key would work
# until somebody reloads, a half-written or broken file would lock out all
# clients at once, or a reload for a new certificate would fail by a bad line.
#
# K-07, K-10, T-01, T-03, V-05

use lib 't/lib';
use AgentAuth;
use File::Path qw/ make_path /;
use POSIX ();

config_preamble(verdict_fields());
workers(2);


# how a key is answered; what it is answered at last

sub status {
    my ($name, $path) = @_;

    return ask('GET ' . ($path // '/t'), 'X-API-Key' => key($name))->{status};
}


sub becomes {
    my ($name, $status, $what, $path) = @_;

    ok(await(sub { status($name, $path) == $status }, "$name: $status"),
        $what);
}


# Writes a table that has a key of its own and waits until it is in force: what
# an earlier repetition left is gone then.

our $generation = 0;

sub begin {
    my ($text) = @_;

    my $mark = 'mark' . ++$generation;

    write_keys('keys.jsonl', "$text\n$mark\n");
    becomes($mark, 200, 'the table to begin with');
    log_mark();

    return $mark;
}


# in place, as an editor may

sub overwrite {
    my ($path, $text) = @_;

    open my $out, '>', $path or die "$path: $!\n";
    print $out $text;
    close $out;
}


sub master {
    open my $in, '<', server_root() . '/logs/nginx.pid' or die $!;
    my ($pid) = <$in> =~ /(\d+)/;

    return $pid;
}


# sends HUP and waits until workers of the new configuration answer

sub reload {
    my $before = join ' ', sort(children());

    kill HUP => master();

    ok(await(sub {
        my @now = children();
        my %old = map { $_ => 1 } split / /, $before;

        return @now == 2 && !grep { $old{$_} } @now;
    }, 'new workers'), 'reloaded');
}


sub children {
    my $master = master();
    my @pids;

    for my $path (glob '/proc/[0-9]*/stat') {
        open my $in, '<', $path or next;
        push @pids, $1
            if (<$in> // '') =~ /^(\d+) \(.*\) [^Z] $master /;
    }

    return @pids;
}


# A directory of a Kubernetes volume: keys.jsonl -> ..data/keys.jsonl, ..data ->
# ..N, which is swapped.

sub mount {
    my ($n, $text) = @_;

    my $dir = conf_file('mount');

    make_path("$dir/..$n");
    chmod 0755, $dir, "$dir/..$n";
    write_keys("$dir/..$n/keys.jsonl", $text);

    symlink '..data/keys.jsonl', "$dir/keys.jsonl" unless -l "$dir/keys.jsonl";
    symlink "..$n", "$dir/..data.new";
    rename "$dir/..data.new", "$dir/..data" or die "rename: $!\n";
}


# the first repetition of a block: some things are said once a minute

our %first;

sub first { return !$first{$_[0]}++ }


run_tests();

__DATA__

=== TEST 1: a file that takes the other's place
--- keys
alpha
--- config
    location /t { agent_auth key; empty_gif; }
--- run
begin('alpha');
is(status('alpha'), 200, 'an old key');
is(status('beta'), 401, 'a new key, not yet');

write_keys('keys.jsonl', "alpha\nbeta\n");
becomes('beta', 200, 'a new key');
is(status('alpha'), 200, 'the old one still');
said(qr/\[notice\].*zone "keys" has 2 keys of "\S+\/keys.jsonl"/);

write_keys('keys.jsonl', "beta\n");
becomes('alpha', 401, 'a key that is gone');



=== TEST 2: a revocation is in force for all workers at once (V-05)
--- keys
alpha
--- config
    location /t { agent_auth key; empty_gif; }
--- run
begin('alpha');

my @kept = map { connected() } 1 .. 6;
my @key = ('X-API-Key' => key 'alpha');
is(answer_of($_, 'GET /t', @key)->{status}, 200, 'before') for @kept;

write_keys('keys.jsonl', "alpha state=revoked\n");
becomes('alpha', 401, 'revoked');

is(join(' ', map { answer_of($_, 'GET /t', @key)->{status} } @kept),
    join(' ', (401) x 6), 'on connections that were there before, too');
is(join(' ', map { status('alpha') } 1 .. 20), join(' ', (401) x 20),
    'and on others');
decided ask('GET /t', @key), 'key_revoked', 'with its reason';



=== TEST 3: written in place, also in pieces
--- keys
alpha
--- config
    location /t { agent_auth key; empty_gif; }
--- run
begin('alpha');

overwrite(conf_file('keys.jsonl'), key_record('alpha') . key_record('beta'));
becomes('beta', 200, 'in place');

# what grows is not read before it stands still, or is refused as truncated,
# and is read in the end

open my $out, '>', conf_file('keys.jsonl');
$out->autoflush(1);

for my $piece (key_record('alpha') =~ /(.{1,40}\n?)/gs) {
    print $out $piece;
    is(status('alpha'), 200, 'a piece of it changes nothing');
}

print $out key_record('gamma');
close $out;

becomes('gamma', 200, 'all of it does');
is(status('beta'), 401, 'what is not there any more');



=== TEST 4: symbolic links, as Kubernetes swaps them
--- post_setup_server_root
main::mount(0, "alpha\n");
--- http_config
    agent_key_zone zone=mounted:1m file=mount/keys.jsonl check=100ms;
--- config
    location /t { agent_auth key; empty_gif; }
--- run
our $volume;

mount(++$volume, "alpha\n");
becomes('alpha', 200, 'a key');

mount(++$volume, "alpha state=revoked\nbeta\n");
becomes('beta', 200, 'the link of the directory leads elsewhere');
is(status('alpha'), 401, 'the other key is revoked');

mount(++$volume, "alpha\n");
becomes('beta', 401, 'and elsewhere again');



=== TEST 5: deleted, and there again
--- keys
alpha
--- http_config
    agent_key_zone zone=deleted:1m file=keys.jsonl check=100ms;
--- config
    location /t { agent_auth key; empty_gif; }
--- run
begin('alpha');

unlink conf_file('keys.jsonl');

said(qr/\[error\].*\(2: No such file or directory\)/, 'it is said')
    if first('deleted');
like((grep { /No such file/ } error_lines())[0] // 'deleted: said before',
    qr/agent_auth: "\S+\/keys.jsonl" is no file that can be read, the key table of zone "deleted" stays as it was|said before/,
    'in these words');
is(status('alpha'), 200, 'the table stays');

write_keys('keys.jsonl', "beta\n");
becomes('beta', 200, 'there again');
is(status('alpha'), 401, 'with what is in it now');



=== TEST 6: not for the workers to read: said once, and read when it may be
--- keys
alpha
--- http_config
    agent_key_zone zone=forbidden:1m file=keys.jsonl check=100ms;
--- config
    location /t { agent_auth key; empty_gif; }
--- run
begin('alpha');

write_file('keys.jsonl', key_record('beta'), 0);

if (first('forbidden')) {
    said(qr/\[error\].*key file "\S+\/keys.jsonl" changed and cannot be read by this worker, the key table of zone "forbidden" stays as it was until a reload.*Permission denied/);
}

# ten looks a second by each of two workers

my $start = time;
await(sub { status('alpha') == 200 && time > $start + 1 }, 'some looks');
cmp_ok(scalar(grep { /cannot be read by this worker/ } error_lines()), '<=', 1,
    'once, by one worker');
is(status('alpha'), 200, 'the table stays');
is(status('beta'), 401, 'as it was');

chmod 0644, conf_file('keys.jsonl');
becomes('beta', 200, 'readable');



=== TEST 7: what only the master may read it loads at each reload
--- keys
alpha
--- http_config
    agent_key_zone zone=root:1m file=keys.jsonl check=100ms;
--- config
    location /t { agent_auth key; empty_gif; }
--- run
SKIP: {
    skip 'the master is the workers\' user', 3 if $> != 0;

    write_file('keys.jsonl', key_record('alpha'), 0600);
    reload();
    log_mark();
    is(status('alpha'), 200, 'a key');

    write_file('keys.jsonl', key_record('beta'), 0600);
    reload();
    is(status('beta'), 200, 'another one');

    my ($status, $output) = nginx_run('-t');
    like($output, qr/\[warn\].*key file "\S+\/keys.jsonl" is not readable by user "www-data": changes will take effect on reload only, in \S+\/nginx.conf:\d+/,
        'nginx -t says so');
    is($status, 0, 'which is a warning');
}



=== TEST 8: a file that is no file
--- keys
alpha
--- http_config
    agent_key_zone zone=kinds:1m file=keys.jsonl check=100ms;
--- config
    location /t { agent_auth key; empty_gif; }
--- run
begin('alpha');

unlink conf_file('keys.jsonl');
POSIX::mkfifo(conf_file('keys.jsonl'), 0644);
said(qr/"\S+\/keys.jsonl" is no file that can be read/, 'a FIFO')
    if first('kinds');
is(status('alpha'), 200, 'holds nobody up');

unlink conf_file('keys.jsonl');
mkdir conf_file('keys.jsonl');
is(status('alpha'), 200, 'nor does a directory');
rmdir conf_file('keys.jsonl');

write_keys('keys.jsonl', "beta\n");
becomes('beta', 200, 'a file');



=== TEST 9: a bad file changes nothing, is said once, and a good one is taken
--- pepper
p1
--- key_files
>>> keys.jsonl
alpha
--- http_config
    agent_key_zone zone=bad:1m file=keys.jsonl pepper_file=pepper check=100ms;
--- config
    location /t { agent_auth key; empty_gif; }
--- run
my $good = key_record('alpha');

for my $case (
    [ 'a line that is none', "$good\{\n",
      'keys.jsonl:2: not a JSON object: syntax error at column \d+' ],
    [ 'an unknown member', $good . key_record('beta', colour => 'red'),
      'keys.jsonl:2: unknown member "colour"' ],
    [ 'an id twice', $good . key_record('beta') . $good,
      'keys.jsonl:3: duplicate id, first on line 1' ],
    [ 'a digest twice', key_record('old', imported => 'CANARY.one')
      . key_record('new', imported => 'CANARY.one'),
      'keys.jsonl:2: duplicate digest, first on line 1' ],
    [ 'the wrong count', qq({"version":1,"keys":3}\n$good),
      'keys.jsonl:\d+: first line promises 3 keys, file has 1' ],
    [ 'no LF at the end', $good . substr(key_record('beta'), 0, 100),
      'keys.jsonl:2: last line does not end in LF: truncated' ],
    [ 'nothing', '', 'keys.jsonl:1: empty file' ],
    [ 'an unknown pepper', $good . key_record('beta', pepper => 'p2'),
      'keys.jsonl:2: unknown pepper "p2"' ],
) {
    my ($what, $text, $message) = @$case;
    begin('alpha');

    write_file('keys.jsonl', $text);
    said(qr/\[error\].*agent_auth: \S+\/$message/, $what);
    said(qr/\[error\].*agent_auth: "\S+\/keys.jsonl" was refused, the key table of zone "bad" stays as it was/,
        "$what - what becomes of it");
    is(status('alpha'), 200, "$what - the table stays");
    is(scalar(grep { /stays as it was/ } error_lines()), 1, "$what - said once");
}

write_keys('keys.jsonl', "gamma\n");
becomes('gamma', 200, 'a good one is taken');
is(status('alpha'), 401, 'with all that is in it');



=== TEST 10: the last good table stays over many bad files and reloads
--- keys
alpha
--- http_config
    agent_key_zone zone=reloaded:1m file=keys.jsonl check=1h;
--- config
    add_header Version 1;
    location /t { agent_auth key; empty_gif; }
--- run
my $version = sub { fields(ask('GET /t', 'X-API-Key' => key $_[0]), 'Version') };

write_keys('keys.jsonl', "alpha\n");
reload();
is(status('alpha'), 200, 'a good file');
log_mark();

write_keys('keys.jsonl', "alpha\nbeta\n");
reload();
is(status('beta'), 200, 'a changed file is taken at the reload');
said(qr/\[notice\].*zone "reloaded" has 2 keys/, 'which is said');
log_mark();

reload();
is(status('beta'), 200, 'an unchanged file');
is(scalar(grep { /zone "reloaded" has/ } error_lines()), 0,
    'is not read again');

open my $in, '<', conf_file('nginx.conf');
my $conf = do { local $/; <$in> };
(my $next = $conf) =~ s/Version 1/Version 2/;
overwrite(conf_file('nginx.conf'), $next);

write_file('keys.jsonl', "bad\n");
reload();
said(qr/\[error\].*keys.jsonl:1: not a JSON object/, 'a bad file is an error');
said(qr/\[error\].*the key table of zone "reloaded" stays as it was/,
    'that costs nothing');
is($version->('beta'), 2, 'the rest of the configuration is in force');
log_mark();

unlink conf_file('keys.jsonl');
reload();
said(qr/\[error\].*open\(\) "\S+\/keys.jsonl" failed.*No such file/,
    'nor does one that is not there');
is($version->('beta'), 2, 'keys still work');

write_keys('keys.jsonl', "gamma\n");
overwrite(conf_file('nginx.conf'), $conf);
reload();
is(status('gamma'), 200, 'a good one is taken again');
is(status('beta'), 401, 'and all of it');
--- error_log
stays as it was



=== TEST 11: nginx -t with a bad file: an error, beside a running nginx a warning
--- keys
alpha
--- http_config
    agent_key_zone zone=tested:1m file=keys.jsonl check=1h;
--- config
    location /t { agent_auth key; empty_gif; }
--- run
my $directive = 'agent_key_zone zone=tested:1m file=keys.jsonl check=1h;';

write_file('keys.jsonl', "bad\n");

my ($status, $output) = nginx_run('-t');
is($status, 0, 'beside a running nginx it succeeds');
like($output, qr/\[warn\].*agent_auth: \S+\/keys.jsonl:1: not a JSON object/,
    'with a warning');
like($output, qr/\[warn\].*"agent_key_zone" has no key table for zone "tested" in \S+\/nginx.conf:\d+; a reload would keep the table that is in force, a restart fails/,
    'that says what would be');

($status, $output) = try_conf($directive);
is($status, 1, 'else it fails');
like($output, qr/\[emerg\].*agent_auth: \S+\/keys.jsonl:1: not a JSON object/,
    'with the line of the file');
my $place = try_path();
like($output, qr/\[emerg\].*"agent_key_zone" has no key table for zone "tested" in \Q$place\E:\d+$/m,
    'and that of the configuration');

# a pid file that an nginx left behind, which does not run any more

overwrite(server_root() . '/logs/try.pid', "999999999\n");
($status, $output) = try_conf($directive);
is($status, 1, 'a stale pid file is no nginx that runs');
overwrite(server_root() . '/logs/try.pid', "-1\n");
($status, $output) = try_conf($directive);
is($status, 1, 'nor is one with nonsense');
unlink server_root() . '/logs/try.pid';

is(status('alpha'), 200, 'the running one is untouched');



=== TEST 12: a cold start with a bad file fails
--- key_files
>>> keys.jsonl
{"version":1,"keys":1}
alpha
beta
--- http_config
    agent_key_zone zone=cold:1m file=keys.jsonl;  # fault
--- config
    location /t { agent_auth key; empty_gif; }
--- emerg
"agent_key_zone" has no key table for zone "cold"



=== TEST 13: so does one without
--- http_config
    agent_key_zone zone=cold:1m file=none.jsonl;  # fault
--- config
    location /t { agent_auth key; empty_gif; }
--- emerg
"agent_key_zone" has no key table for zone "cold"



=== TEST 14: a file that holds the first line only is fine
--- key_files
>>> keys.jsonl
{"version":1,"keys":0}
--- http_config
    agent_key_zone zone=none:1m file=keys.jsonl check=100ms;
--- config
    location /t { agent_auth key; empty_gif; }
--- run
write_file('keys.jsonl', qq({"version":1,"keys":0}\n));
becomes('alpha', 401, 'nobody has a key');
write_keys('keys.jsonl', qq({"version":1,"keys":1}\nalpha\n));
becomes('alpha', 200, 'until somebody has');



=== TEST 15: a zone that is too small says what it needs, and that is enough
--- keys
alpha
--- config
    location /t { agent_auth key; empty_gif; }
--- run
my @text = map { key_record("key$_", scopes => "s$_", owner => "o$_") } 1 .. 900;
write_file('many.jsonl', join '', @text);

my $small = 'agent_key_zone zone=many:100k file=many.jsonl;';
my ($status, $output) = try_conf($small);

is($status, 1, 'too small');
like($output, qr/\[emerg\].*zone "many" is too small for the 900 keys of "\S+\/many.jsonl", it needs zone=many:\d+k/,
    'which is said');

my ($need) = $output =~ /it needs zone=many:(\d+)k/;
($status, $output) = try_conf("agent_key_zone zone=many:${need}k file=many.jsonl;");
is($status, 0, "zone=many:${need}k is enough");



=== TEST 16: a table that outgrows its zone is refused while nginx runs
--- keys
alpha
--- http_config
    agent_key_zone zone=outgrown:64k file=keys.jsonl check=100ms;
--- config
    location /t { agent_auth key; empty_gif; }
--- run
begin('alpha');
write_file('keys.jsonl', join '', map { key_record("k$_", scopes => "s$_") }
    1 .. 500);
said(qr/\[error\].*zone "outgrown" is too small for the 500 keys of "\S+", it needs zone=outgrown:\d+k/);
is(status('alpha'), 200, 'the table stays');
write_keys('keys.jsonl', "beta\n");
becomes('beta', 200, 'until one fits');



=== TEST 17: two zones, of which one has a bad file
--- key_files
>>> one.jsonl
alpha
>>> two.jsonl
alpha
--- http_config
    agent_key_zone zone=one:1m file=one.jsonl check=100ms;
    agent_key_zone zone=two:1m file=two.jsonl check=100ms;
--- config
    location /one { agent_auth key=one; empty_gif; }
    location /two { agent_auth key=two; empty_gif; }
--- run
log_mark();
write_file('one.jsonl', "bad\n");
write_keys('two.jsonl', "beta\n");
becomes('beta', 200, 'the good one is taken', '/two');
said(qr/one.jsonl:1: not a JSON object/, 'the bad one is refused');
is(status('alpha', '/one'), 200, 'and stays as it was');
write_keys('one.jsonl', "beta\n");
becomes('beta', 200, 'until it is good', '/one');
write_keys('two.jsonl', "alpha\n");
becomes('alpha', 200, 'for the next repetition', '/two');
write_keys('one.jsonl', "alpha\n");
becomes('alpha', 200, 'of both', '/one');



=== TEST 18: a file that was bad is looked at again when only its mode changes
--- keys
alpha
--- http_config
    agent_key_zone zone=touched:1m file=keys.jsonl check=100ms;
--- config
    location /t { agent_auth key; empty_gif; }
--- run
begin('alpha');
write_file('keys.jsonl', "bad\n");
said(qr/keys.jsonl:1: not a JSON object/, 'refused');
log_mark();
utime undef, undef, conf_file('keys.jsonl');
said(qr/keys.jsonl:1: not a JSON object/, 'and again, since it was touched');
is(status('alpha'), 200, 'the table stays');
