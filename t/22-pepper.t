# The pepper file.  Without this a pepper that everyone may read would protect
# nothing, and one that was changed would be in force, or not, by chance.
#
# K-03, K-05, T-03

use lib 't/lib';
use AgentAuth;
use Digest::SHA qw/ hmac_sha256_hex /;
use MIME::Base64 qw/ encode_base64 /;

config_preamble(verdict_fields());

our $generation = 0;


sub status {
    return ask('GET /t', 'X-API-Key' => key($_[0]))->{status};
}


sub becomes {
    my ($name, $status, $what) = @_;

    ok(await(sub { status($name) == $status }, "$name: $status"), $what);
}


sub begin {
    my ($pepper, $text) = @_;

    my $mark = 'mark' . ++$generation;

    write_file('pepper', $pepper);
    write_keys('keys.jsonl', "$text\n$mark\n");
    becomes($mark, 200, 'the table to begin with');
    log_mark();
}


# a file of peppers with keys of one's own: id => octets

sub peppers {
    my (@peppers) = @_;
    my $text = '';

    while (my ($id, $octets) = splice @peppers, 0, 2) {
        $text .= "$id " . planted(encode_base64(planted($octets), '')) . "\n";
    }

    return $text;
}


sub hmac {
    my ($name, $id, $octets) = @_;

    return "hmac-sha256:$id:"
        . hmac_sha256_hex(key_secret($name), $octets);
}


sub master {
    open my $in, '<', server_root() . '/logs/nginx.pid' or die $!;

    return <$in> + 0;
}


# nginx -t of a zone with this pepper file

sub try_pepper {
    my ($text, $mode) = @_;

    write_file('try-pepper', $text, $mode);
    write_file('try.jsonl', key_record('alpha'));

    return try_conf('agent_key_zone zone=try:1m file=try.jsonl'
        . ' pepper_file=try-pepper;');
}


run_tests();

__DATA__

=== TEST 1: a bad one stops a start, with its line and that of the directive
--- keys
alpha
--- config
    location /t { agent_auth key; empty_gif; }
--- run
my $good = pepper_line('p1');
my $form = 'expected "id base64", the id being 1 to 32 of 0-9 A-Z a-z . _ -';
my $short = 'a pepper must be at least 16 octets in base64';

for my $case (
    [ 'empty', '', '0: empty file' ],
    [ 'no base64', "p1\n", "1: $form" ],
    [ 'an odd id', "p/1 AAAA\n", "1: $form" ],
    [ 'an empty line', "$good\n", "2: $form" ],
    [ 'a long id', 'x' x 33 . " AAAA\n", "1: $form" ],
    [ 'too short', 'p2 ' . encode_base64('x' x 15), "1: $short" ],
    [ 'bad base64', 'p2 ' . 'A*AA' x 8 . "\n", "1: $short" ],
    [ 'base64url', 'p2 ' . 'A-_A' x 8 . "\n", "1: $short" ],
    [ 'no padding', 'p2 ' . 'A' x 31 . "\n", "1: $short" ],
    [ 'two spaces', 'p2  ' . 'A' x 32 . "\n", "1: $short" ],
    [ 'a space at the end', 'p2 ' . 'A' x 32 . " \n", "1: $short" ],
    [ 'an id twice', $good . $good, '2: duplicate pepper id' ],
    [ 'too many', join('', map { pepper_line("p$_") } 1 .. 17),
      '17: more than 16 lines' ],
) {
    my ($what, $text, $message) = @$case;
    my ($status, $output) = try_pepper($text);
    my ($pepper, $place) = (conf_file('try-pepper'), try_path());

    is($status, 1, "$what: refused");
    like($output, qr/\[emerg\].*agent_auth: \Q$pepper:$message\E$/m,
        "$what: $message");
    like($output, qr/\[emerg\].*invalid parameter "pepper_file=\Q$pepper\E" in "agent_key_zone" in \Q$place\E:\d+$/m,
        "$what: where it is named");
    unlike($output, qr/Q0FOQVJZ/, "$what: nothing is shown");
}

is((try_pepper($good))[0], 0, 'a good one');
is((try_pepper($good =~ s/\n//r))[0], 0, 'without an LF at its end');
is((try_pepper(join '', map { pepper_line("p$_") } 1 .. 16))[0], 0,
    'sixteen');



=== TEST 2: one that everyone may read (T-03), or that is not there
--- keys
alpha
--- config
    location /t { agent_auth key; empty_gif; }
--- run
my $good = pepper_line('p1');
my $pepper = conf_file('try-pepper');

for my $mode (0644, 0604, 0666) {
    my ($status, $output) = try_pepper($good, $mode);

    is($status, 1, sprintf '%o: refused', $mode);
    like($output, qr/\[emerg\].*pepper file "\Q$pepper\E" is readable by everyone, do "chmod o-rwx" and make new peppers$/m,
        sprintf '%o: what to do', $mode);
}

is((try_pepper($good, $_))[0], 0, sprintf '%o: fine', $_) for 0640, 0600;

my ($status, $output) = try_conf('agent_key_zone zone=try:1m file=try.jsonl'
    . ' pepper_file=none;');
is($status, 1, 'none: refused');
like($output, qr/\[emerg\].*open\(\) "\S+\/none" failed \(2: No such file/,
    'none: said');



=== TEST 3: a new pepper, and keys by it, while nginx runs (K-05)
--- pepper
p1
--- key_files
>>> keys.jsonl
alpha pepper=p1
--- http_config
    agent_key_zone zone=new:1m file=keys.jsonl pepper_file=pepper check=100ms;
--- config
    location /t { agent_auth key; empty_gif; }
--- run
begin(pepper_line('p1'), 'alpha pepper=p1');

write_file('pepper', pepper_line('p2') . pepper_line('p1'));
write_keys('keys.jsonl', "alpha pepper=p1\nbeta pepper=p2\n");
becomes('beta', 200, 'a key by the new pepper');
is(status('alpha'), 200, 'one by the old');

write_keys('keys.jsonl', "beta pepper=p2\n");
becomes('alpha', 401, 'all keys have the new one');
write_file('pepper', pepper_line('p2'));
said(qr/zone "new" has 1 keys/, 'the old one is taken away');
is(status('beta'), 200, 'and nobody is the worse for it');



=== TEST 4: keys whose pepper is taken away are no reason to lock all out
--- pepper
p1 p2
--- key_files
>>> keys.jsonl
alpha pepper=p1
--- http_config
    agent_key_zone zone=gone:1m file=keys.jsonl pepper_file=pepper check=100ms;
--- config
    location /t { agent_auth key; empty_gif; }
--- run
begin(pepper_line('p1') . pepper_line('p2'), 'alpha pepper=p1');

write_file('pepper', pepper_line('p2'));
said(qr/\[error\].*keys.jsonl:1: unknown pepper "p1"/, 'said');
is(status('alpha'), 200, 'the table stays');



=== TEST 5: one that becomes readable by everyone is refused then, too
--- pepper
p1
--- key_files
>>> keys.jsonl
alpha pepper=p1
--- http_config
    agent_key_zone zone=open:1m file=keys.jsonl pepper_file=pepper check=100ms;
--- config
    location /t { agent_auth key; empty_gif; }
--- run
begin(pepper_line('p1'), 'alpha pepper=p1');

write_file('pepper', pepper_line('p1'), 0644);
write_keys('keys.jsonl', "beta pepper=p1\n");
said(qr/\[error\].*pepper file "\S+\/pepper" is readable by everyone/, 'said');
is(status('alpha'), 200, 'the table stays');
is(status('beta'), 401, 'as it was');

write_file('pepper', pepper_line('p1'));
becomes('beta', 200, 'until it is closed');



=== TEST 6: a pepper file for root's eyes: workers read keys all the same
--- pepper
p1
--- key_files
>>> keys.jsonl
alpha pepper=p1
--- http_config
    agent_key_zone zone=root:1m file=keys.jsonl pepper_file=pepper check=100ms;
--- config
    location /t { agent_auth key; empty_gif; }
--- run
SKIP: {
    skip 'the master is the workers\' user', 1 if $> != 0;

    begin(pepper_line('p1'), 'alpha pepper=p1');

    chmod 0600, conf_file('pepper');
    write_keys('keys.jsonl', "alpha pepper=p1\nbeta pepper=p1\n");
    becomes('beta', 200, 'a new key by the pepper that the master has read');
    is(status('alpha'), 200, 'and an old one');
}



=== TEST 7: and a pepper that is changed there is in force after a reload
--- pepper
p1
--- key_files
>>> keys.jsonl
alpha pepper=p1
--- http_config
    agent_key_zone zone=changed:1m file=keys.jsonl pepper_file=pepper check=100ms;
--- config
    location /t { agent_auth key; empty_gif; }
--- run
SKIP: {
    skip 'the master is the workers\' user', 1 if $> != 0;

    my ($one, $two) = ('CANARY one' x 3, 'CANARY two' x 3);
    my $n = 1000 + ++$generation;
    my $old = "old$n";
    my $new = "new$n";

    # one key by each: the file stays what it is from now on

    write_file('pepper', peppers(p1 => $one), 0600);
    write_file('keys.jsonl', join '',
        key_record($old, digest => hmac($old, 'p1', $one)),
        key_record($new, digest => hmac($new, 'p1', $two)));
    kill HUP => master();
    becomes($old, 200, 'a key by the first pepper');
    is(status($new), 401, 'none by the second');

    write_file('pepper', peppers(p1 => $two), 0600);

    my $start = time;
    await(sub { status($old) == 200 && time > $start + 1 }, 'some looks');

    kill HUP => master();
    becomes($new, 200, 'after the reload a key by the second');
    becomes($old, 401, 'and none by the first');
}
