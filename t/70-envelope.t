# Key and pepper files in envelopes.  Without this a file that somebody else
# made, changed, exchanged or dug out could admit his keys, or a stolen KEK could
# not be replaced without a gap.
#
# E-01, E-02, E-03, T-01, T-03, K-10

use lib 't/lib';
use AgentAuth;
use File::Path qw/ make_path /;
use MIME::Base64 qw/ encode_base64 encode_base64url decode_base64url /;

config_preamble(verdict_fields());

our $dir = state_dir() . "/envelope-$AgentAuth::Mode";
our $agentctl = $ENV{AGENTCTL} // "$AgentAuth::Root/build/agentctl";
our $generation = time;

make_path($dir);
chmod 0755, $dir;


sub deliver { write_file("$dir/$_[0]", @_[1, 2]) }
sub path { "$dir/$_[0]" }


sub octets {
    my ($path) = @_;

    open my $in, '<:raw', $path or die "$path: $!\n";
    local $/;

    return scalar <$in>;
}


sub kek_key {
    return planted(substr(Digest::SHA::sha256("kek $_[0]"), 0, 32));
}


sub kek_line {
    return "$_[0] " . planted(encode_base64(kek_key($_[0]), '')) . "\n";
}


# an envelope of a newer generation with this text: sealed($text, kek => 'k1',
# bundle => , type => , generation => )

sub sealed {
    my ($text, %with) = @_;

    my $keks = "$dir/.seal-keks";
    my $out = "$dir/.seal-out";

    unlink $out;
    write_file($keks, kek_line($with{kek} // 'k1'), 0600);

    my @command = ($agentctl, qw/ envelope seal --file - --out /, $out,
        '--kek-file', $keks, '--bundle', $with{bundle} // 'main',
        '--type', $with{type} // 'keys',
        '--generation', $with{generation} // ++$generation);

    open my $to, '|-', @command or die "agentctl: $!\n";
    print $to $text;
    close $to or die "agentctl envelope seal: $?\n";

    return octets($out);
}


sub keys_of { sealed(AgentAuth::key_lines($_[0]), @_[1 .. $#_]) }
sub peppers_of { sealed($_[0], type => 'peppers', @_[1 .. $#_]) }


sub status {
    return ask('GET /t', 'X-API-Key' => key($_[0]))->{status};
}


sub becomes {
    my ($name, $status, $what) = @_;

    ok(await(sub { status($name) == $status }, "$name: $status"), $what);
}


# a table whose file has just been read, and a mark where the log is then

sub begin {
    my ($text, %with) = @_;

    my $mark = 'mark' . ++$generation;

    deliver('keks', kek_line('k1'), $with{mode});
    deliver('keys.jwe', keys_of("$text\n$mark\n"));
    becomes($mark, 200, 'the table to begin with');
    log_mark();
}


# the file is refused for this reason, and the table stays

sub refused {
    my ($name, $reason, $what) = @_;

    my $path = path($name);

    said(qr/\[error\].*agent_auth: \Q$path: $reason\E/, "$what: said");
    said(qr/\[error\].*agent_auth: "\Q@{[ path('keys.jwe') ]}\E" was refused, the key table of zone "\w+" stays as it was/,
        "$what: and what follows");
    is(status('alpha'), 200, "$what: the table stays");
    is(status('evil'), 401, "$what: as it was");
    log_mark();
}


# the directive, and files for the start

sub zone {
    my ($name, @more) = @_;

    deliver('keks', kek_line('k1'));
    deliver('keys.jwe', keys_of('alpha'));
    deliver('peppers.jwe', peppers_of(pepper_line('p1')));

    return "agent_key_zone zone=$name:1m file=$dir/keys.jwe"
        . " kek_file=$dir/keks bundle=main check=100ms @more;";
}


sub master {
    open my $in, '<', AgentAuth::server_root() . '/logs/nginx.pid' or die $!;

    return <$in> + 0;
}


sub reload {
    log_mark();
    kill HUP => master();
    said(qr/\[notice\].*reconfiguring/, 'reload');
    said(qr/\[notice\].*start worker process \d+/, 'done');
}


run_tests();

__DATA__

=== TEST 1: parameters that are wrong, or miss another one
--- config
    location /t { empty_gif; }
--- run
my $zone = "agent_key_zone zone=try:1m file=$dir/keys.jwe";

for my $case (
    [ 'kek_file=', 'invalid parameter "kek_file=" in "agent_key_zone"' ],
    [ "kek_file=$dir/keks bundle=", 'invalid parameter "bundle=" in "agent_key_zone"' ],
    [ "kek_file=$dir/keks bundle=a/b", 'invalid parameter "bundle=a/b" in "agent_key_zone"' ],
    [ "kek_file=$dir/keks bundle=" . 'x' x 65, 'invalid parameter "bundle=' ],
    [ "kek_file=$dir/keks min_generation=0", 'invalid parameter "min_generation=0" in "agent_key_zone"' ],
    [ "kek_file=$dir/keks min_generation=9007199254740992", 'invalid parameter "min_generation=' ],
    [ "kek_file=$dir/keks min_generation=-1", 'invalid parameter "min_generation=-1" in "agent_key_zone"' ],
    [ 'bundle=main', '"bundle" in "agent_key_zone" needs "kek_file=path"' ],
    [ 'min_generation=7', '"min_generation" in "agent_key_zone" needs "kek_file=path"' ],
    [ "kek_file=$dir/none", "invalid parameter \"kek_file=$dir/none\" in \"agent_key_zone\"" ],
) {
    my ($parameters, $message) = @$case;
    my ($status, $output) = try_conf("$zone $parameters;");

    is($status, 1, "$parameters: refused");
    like($output, qr/\[emerg\].*\Q$message\E.* in \S+try\.conf:\d+$/m,
        "$parameters: said");
}

my ($status, $output) = try_conf("agent_key_zone zone=a/b:1m"
    . " file=$dir/keys.jwe kek_file=$dir/keks;");
is($status, 1, 'a zone whose name is none of a bundle');
like($output, qr/\[emerg\].*zone "a\/b" in "agent_key_zone" needs "bundle=name", its own name cannot be that of a bundle in/,
    'said');

deliver('keks', kek_line('k1'));
deliver('keys.jwe', keys_of('alpha', bundle => 'try'));
is((try_conf("$zone kek_file=$dir/keks;"))[0], 0,
    'the bundle is named as the zone');



=== TEST 2: KEK files that stop a start (T-03)
--- config
    location /t { empty_gif; }
--- run
my $zone = "agent_key_zone zone=try:1m file=$dir/keys.jwe"
    . " kek_file=$dir/try-keks bundle=main;";
my $form = 'expected "id base64", the id being 1 to 32 of 0-9 A-Z a-z . _ -';

deliver('keys.jwe', keys_of('alpha'));

for my $case (
    [ 'empty', '', '0: empty file' ],
    [ 'no base64', "k1\n", "1: $form" ],
    [ 'too short', 'k1 ' . encode_base64('x' x 31), '1: a KEK must be 32 octets in base64' ],
    [ 'too long', 'k1 ' . encode_base64('x' x 33, '') . "\n", '1: a KEK must be 32 octets in base64' ],
    [ 'an id twice', kek_line('k1') x 2, '2: duplicate KEK id' ],
    [ 'too many', join('', map { kek_line("k$_") } 1 .. 17), '17: more than 16 KEKs' ],
) {
    my ($what, $text, $message) = @$case;

    deliver('try-keks', $text);
    my ($status, $output) = try_conf($zone);

    is($status, 1, "$what: refused");
    like($output, qr/\[emerg\].*agent_auth: \Q$dir\E\/try-keks:\Q$message\E$/m,
        "$what: $message");
    like($output, qr/\[emerg\].*invalid parameter "kek_file=\Q$dir\E\/try-keks" in "agent_key_zone" in \S+:\d+$/m,
        "$what: where it is named");
}

for my $mode (0644, 0604) {
    deliver('try-keks', kek_line('k1'), $mode);
    my ($status, $output) = try_conf($zone);

    is($status, 1, sprintf '%o: refused', $mode);
    like($output, qr/\[emerg\].*KEK file "\S+\/try-keks" is readable by everyone, do "chmod o-rwx" and make new KEKs$/m,
        sprintf '%o: what to do', $mode);
}

deliver('try-keks', kek_line('k1'), 0600);
is((try_conf($zone))[0], 0, 'a good one');
deliver('try-keks', join '', map { kek_line("k$_") } 1 .. 16);
is((try_conf($zone))[0], 0, 'sixteen');

deliver('try-keks', 'k1 ' . 'A' x 20000 . "\n");
like((try_conf($zone))[1], qr/\[emerg\].*KEK file "\S+" is too long$/m,
    'too long');



=== TEST 3: key files that stop a start
--- config
    location /t { empty_gif; }
--- run
deliver('keks', kek_line('k1'));

my $zone = "agent_key_zone zone=try:1m file=$dir/try.jwe"
    . " kek_file=$dir/keks bundle=main;";
my $plain = AgentAuth::key_lines('evil');
my $good = keys_of('alpha');

for my $case (
    [ 'not in an envelope', $plain, ': it is no JWE of five parts (RFC 7516, 7.1)' ],
    [ 'empty', '', ': it is no JWE of five parts' ],
    [ 'another KEK of that id', do { my $e = keys_of('evil', kek => 'k2'); my ($h, @rest) = split /\./, $e; join '.', encode_base64url(decode_base64url($h) =~ s/"k2"/"k1"/r), @rest }, ': the KEK does not open the envelope: it is another one, or the envelope was changed' ],
    [ 'an unknown KEK', keys_of('evil', kek => 'k9'), ': KEK "k9" of the envelope is not in the KEK file' ],
    [ 'another bundle', keys_of('evil', bundle => 'other'), ': the envelope is of bundle "other", not of "main"' ],
    [ 'peppers', peppers_of(pepper_line('p1')), ': "typ" of the envelope must be "agent-keys+jwe"' ],
    [ 'a half of it', substr($good, 0, length($good) / 2), ': ' ],
    [ 'something behind it', "$good$plain", ': ' ],
) {
    my ($what, $text, $message) = @$case;

    deliver('try.jwe', $text);
    my ($status, $output) = try_conf($zone);

    is($status, 1, "$what: refused");
    like($output, qr/\[emerg\].*agent_auth: \Q$dir\E\/try\.jwe\Q$message\E/m,
        "$what: said");
    like($output, qr/"agent_key_zone" has no key table for zone "try"/,
        "$what: no start");
}

deliver('try.jwe', $good);
is((try_conf($zone))[0], 0, 'a good one');
my ($status, $output) = try_conf("agent_key_zone zone=try:1m"
    . " file=$dir/try.jwe;");
is($status, 1, 'an envelope without kek_file');
like($output, qr/\[emerg\].*agent_auth: \S+\/try\.jwe: it is in an envelope, and "agent_key_zone" has no "kek_file"$/m,
    'said');

my $now = $generation;
like((try_conf($zone =~ s/;/ min_generation=@{[ $now + 1 ]};/r))[1],
    qr/\[emerg\].*: the envelope is of generation \d+, older than @{[ $now + 1 ]}, the least that is accepted$/m,
    'older than min_generation');

deliver('try-now.jwe', keys_of('alpha', generation => $now));
is((try_conf($zone =~ s/try\.jwe/try-now.jwe/r =~ s/;/ min_generation=$now;/r))[0],
    0, 'just min_generation');



=== TEST 4: pepper files that stop a start
--- config
    location /t { empty_gif; }
--- run
deliver('keks', kek_line('k1'));
deliver('try.jwe', keys_of('alpha pepper=p1'));

my $zone = "agent_key_zone zone=try:1m file=$dir/try.jwe"
    . " kek_file=$dir/keks bundle=main pepper_file=$dir/try-peppers;";

for my $case (
    [ 'not in an envelope', pepper_line('p1'), ': it is no JWE of five parts (RFC 7516, 7.1)' ],
    [ 'keys', keys_of('alpha'), ': "typ" of the envelope must be "agent-peppers+jwe"' ],
    [ 'another bundle', peppers_of(pepper_line('p1'), bundle => 'other'), ': the envelope is of bundle "other", not of "main"' ],
    [ 'another KEK', peppers_of(pepper_line('p1'), kek => 'k9'), ': KEK "k9" of the envelope is not in the KEK file' ],
    [ 'changed', do { my $e = peppers_of(pepper_line('p1')); my @p = split /\./, $e; substr($p[3], 3, 1) =~ tr/A-Za-z0-9_-/B-ZAb-za1-90\-_/; join '.', @p }, ': the envelope was changed or cut short' ],
) {
    my ($what, $text, $message) = @$case;

    deliver('try-peppers', $text);
    my ($status, $output) = try_conf($zone);

    is($status, 1, "$what: refused");
    like($output, qr/\[emerg\].*agent_auth: \Q$dir\E\/try-peppers\Q$message\E/m,
        "$what: said");
    unlike($output, qr/Q0FOQVJZ/, "$what: nothing is shown");
}

deliver('try-peppers', peppers_of(pepper_line('p1')));
is((try_conf($zone))[0], 0, 'a good one');

# what only the one who has the KEK can read may be read by all
deliver('try-peppers', peppers_of(pepper_line('p1')), 0644);
is((try_conf($zone))[0], 0, 'of any mode');



=== TEST 5: keys and peppers in envelopes, and changes of both
--- http_config
    {{zone 'both', 'pepper_file=' . path('peppers.jwe')}}
--- config
    location /t { agent_auth key; empty_gif; }
--- run
deliver('peppers.jwe', peppers_of(pepper_line('p1')));
begin("alpha\nbeta pepper=p1");
is(status('alpha'), 200, 'a key');
is(status('beta'), 200, 'one by a pepper');
is(status('gamma'), 401, 'one that is not in it');

deliver('peppers.jwe', peppers_of(pepper_line('p2') . pepper_line('p1')));
deliver('keys.jwe', keys_of("alpha\nbeta pepper=p1\ngamma pepper=p2"));
becomes('gamma', 200, 'a key by a new pepper');

my $old = octets(path('peppers.jwe'));
log_mark();
deliver('keys.jwe', keys_of("alpha\ngamma pepper=p2"));
said(qr/zone "both" has 2 keys/, 'a key is gone');
becomes('beta', 401, 'which is refused');

# one at a time, as the old file is old only once the new one has been read

log_mark();
deliver('peppers.jwe', peppers_of(pepper_line('p2')));
said(qr/zone "both" has 2 keys/, 'and so is its pepper');

log_mark();
deliver('peppers.jwe', $old);
refused('peppers.jwe', 'the envelope is of generation', 'an old pepper file');
deliver('peppers.jwe', peppers_of(pepper_line('p2')));



=== TEST 6: a file that somebody changed: each part of it (E-01)
--- http_config
    {{zone 'tampered'}}
--- config
    location /t { agent_auth key; empty_gif; }
--- run
begin('alpha');

my @reason = (
    'the KEK does not open the envelope',
    'the KEK does not open the envelope',
    'the envelope was changed or cut short',
    'the envelope was changed or cut short',
    'the envelope was changed or cut short',
);
my @name = ('header', 'encrypted key', 'IV', 'content', 'tag');

for my $part (0 .. 4) {
    my @part = split /\./, keys_of("alpha\nevil") =~ s/\n\z//r;

    if ($part == 0) {
        # what says nothing that is checked before
        $part[0] = encode_base64url(decode_base64url($part[0])
            =~ s/\}/,"x":1}/r);

    } else {
        substr($part[$part], 5, 1) =~ tr/A-Za-z0-9_-/B-ZAb-za1-90\-_/;
    }

    deliver('keys.jwe', join '.', @part);
    refused('keys.jwe', $part ? $reason[$part] : 'the envelope was changed or cut short',
        "another $name[$part]");
}

deliver('keys.jwe', substr(keys_of("alpha\nevil"), 0, -20));
refused('keys.jwe', 'the tag of the envelope', 'cut short');

deliver('keys.jwe', AgentAuth::key_lines("alpha\nevil"));
refused('keys.jwe', 'it is no JWE', 'not encrypted at all');

deliver('keys.jwe', keys_of("alpha\nbeta"));
becomes('beta', 200, 'one that is right again');



=== TEST 7: a file of another KEK, of another bundle, an old one (E-02, E-03)
--- http_config
    {{zone 'swapped'}}
--- config
    location /t { agent_auth key; empty_gif; }
--- run
my $stolen = keys_of("alpha\nevil");
my $long_ago = $generation;
begin('alpha');

deliver('keys.jwe', $stolen);
refused('keys.jwe', "the envelope is of generation $long_ago, older than", 'an old one');

deliver('keys.jwe', keys_of("alpha\nevil", bundle => 'staging'));
refused('keys.jwe', 'the envelope is of bundle "staging", not of "main"', 'of another gate');

deliver('keys.jwe', keys_of("alpha\nevil", kek => 'mine'));
refused('keys.jwe', 'KEK "mine" of the envelope is not in the KEK file', 'by another KEK');

deliver('keys.jwe', peppers_of(pepper_line('p1')));
refused('keys.jwe', '"typ" of the envelope must be', 'peppers');

reload();
is(status('alpha'), 200, 'a reload keeps the table, too');

# the way back that only the one who has the KEK can take
my $text = do {
    deliver('old.jwe', $stolen);
    qx{$agentctl envelope open --file $dir/old.jwe --kek-file $dir/keks};
};
like($text, qr/"agent":"evil"/, 'what was in the old one');
deliver('keys.jwe', sealed($text));
becomes('evil', 200, 'sealed again it is a new one');

my $same = octets(path('keys.jwe'));
deliver('keys.jwe', keys_of('alpha', generation => $generation));
becomes('evil', 401, 'the same generation is none that is older');



=== TEST 8: a KEK is replaced, step by step (E-02)
--- http_config
    {{zone 'rotated'}}
--- config
    location /t { agent_auth key; empty_gif; }
--- run
begin('alpha');

# 1. the new one is known to the gate, on top of the old one
deliver('keks', kek_line('k2') . kek_line('k1'));
said(qr/zone "rotated" has 2 keys/, 'both are known');

# 2. the file is encrypted anew
my $command = "$agentctl envelope rewrap --file $dir/keys.jwe"
    . " --kek-file $dir/keks";
is(system($command), 0, $command);
log_mark();
like(qx{$agentctl envelope info --file $dir/keys.jwe}, qr/^KEK +k2 /m,
    'with the new KEK');
my $key = qx{$agentctl key issue --file $dir/keys.jwe --kek-file $dir/keks --agent new --expires 1d 2>/dev/null};
chomp $key;
planted($key);
ok(await(sub { ask('GET /t', 'X-API-Key' => $key)->{status} == 200 },
    'the new key'), 'and a key that is added then');
is(status('alpha'), 200, 'the others are there');

# 3. the old one is taken away
log_mark();
deliver('keks', kek_line('k2'));
said(qr/zone "rotated" has 3 keys/, 'the old one is gone');
is(status('alpha'), 200, 'and nobody is the worse for it');
is(ask('GET /t', 'X-API-Key' => $key)->{status}, 200, 'nor the new key');

# agentctl numbers by the clock, and has been at it twice
$generation += 100;
log_mark();
deliver('keys.jwe', keys_of("alpha\nevil"));
refused('keys.jwe', 'KEK "k1" of the envelope is not in the KEK file', 'by the old one');



=== TEST 9: a KEK file for root's eyes
--- http_config
    {{zone 'root'}}
--- config
    location /t { agent_auth key; empty_gif; }
--- run
SKIP: {
    skip 'the master is the workers\' user', 1 if $> != 0;

    deliver('keks', kek_line('k1'), 0600);
    deliver('keys.jwe', keys_of('alpha'));
    reload();
    deliver('keys.jwe', keys_of("alpha\nbeta"));
    becomes('beta', 200, 'workers have what the master read');

    log_mark();
    deliver('keks', kek_line('k2'), 0600);
    deliver('keys.jwe', keys_of("alpha\ngamma", kek => 'k2'));
    refused('keys.jwe', 'KEK "k2" of the envelope is not in the KEK file',
        'before a reload');

    reload();
    becomes('gamma', 200, 'after the reload');
}



=== TEST 10: a KEK file that goes wrong while nginx runs
--- http_config
    {{zone 'wrong'}}
--- config
    location /t { agent_auth key; empty_gif; }
--- run
begin('alpha');

deliver('keks', kek_line('k1'), 0644);
said(qr/\[error\].*KEK file "\S+\/keks" is readable by everyone/, 'said');
is(status('alpha'), 200, 'the table stays');

deliver('keks', "nonsense\n");
said(qr/\[error\].*keks:1: expected "id base64"/, 'said');
is(status('alpha'), 200, 'the table stays, too');

unlink path('keks');
said(qr/\[error\].*"\S+\/keks" is no file that can be read, the key table of zone "wrong" stays as it was/,
    'said');
is(status('alpha'), 200, 'and here');

begin("alpha\nbeta");
becomes('beta', 200, 'until it is right again');



=== TEST 11: the configuration that is printed has no secret in it (T-02)
--- http_config
    {{zone 'printed'}}
--- config
    location /t { agent_auth key; empty_gif; }
--- run
begin('alpha');

my ($status, $output) = nginx_run('-T');
is($status, 0, 'nginx -T');
like($output, qr/kek_file=\Q$dir\E\/keks/, 'the path');
my $secret = (split ' ', kek_line('k1'))[1];
unlike($output, qr/\Q$secret\E/, 'and no KEK');



=== TEST 12: a reload that asks for a newer file than the one in force says so
--- http_config
    {{zone 'asked'}}
--- config
    location /t { agent_auth key; empty_gif; }
--- run
begin('alpha');

my $conf = AgentAuth::server_root() . '/conf/nginx.conf';
my $text = octets($conf);

for my $asked ("bundle=main min_generation=@{[ $generation + 1 ]}",
               'bundle=mai', 'bundle=mainx') {
    open my $out, '>', $conf or die $!;
    print $out $text =~ s/bundle=main/$asked/r;
    close $out;

    reload();
    said(qr/\[error\].*agent_auth: \S+keys\.jwe: the envelope is of (?:generation \d+, older than|bundle "main", not of)/,
        "$asked: said");
    said(qr/\[error\].*the key table of zone "asked" stays as it was/,
        "$asked: and what follows");
    is(status('alpha'), 200, "$asked: the table stays");
}

open my $out, '>', $conf or die $!;
print $out $text;
close $out;
log_mark();
reload();
is(status('alpha'), 200, 'and as it was');
