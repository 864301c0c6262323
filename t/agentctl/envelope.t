# Without this: an edit of an encrypted key file writes keys to the disk in the
# clear, loses some, seals with a key that was meant to be retired or takes
# somebody else's file for ours; or no other JOSE tool can read what is written.
#
# E-02, E-03, E-04, T-03

use strict;
use warnings;

use lib 't/agentctl';

use Ctl;
use MIME::Base64 qw/ encode_base64 decode_base64url encode_base64url /;
use Test::More;
use Time::HiRes ();


my $file = path('keys.jwe');
my %octets = map { $_ => substr("$_ is a key of thirty-two octets.", 0, 32) }
    map { "k$_" } 1 .. 3;


# a KEK file of these keys

sub keks {
    my ($name, @ids) = @_;

    return spew(path($name), join '', map {
        "$_ " . encode_base64($octets{$_}, '') . "\n" } @ids);
}

my @kek = ('--kek-file', keks('keks', 'k1'));


sub key { agentctl('key', @_, '--file', $file, @kek) }
sub envelope { agentctl('envelope', @_, @kek) }
sub opened { envelope('open', '--file', $_[0] // $file)->{out} }


sub info {
    my ($of, @more) = @_;

    return decoded(agentctl(qw/ envelope info --json --file /, $of // $file,
                            @more)->{out});
}


sub refused {
    my ($name, $error, @args) = @_;

    my $before = -f $file ? slurp($file) : undef;
    my $run = agentctl(@args);

    is($run->{rc}, 1, "$name: exit status");
    like($run->{err}, $error, "$name: error");
    is($run->{out}, '', "$name: nothing on standard output");
    is(-f $file ? slurp($file) : undef, $before, "$name: nothing changed");
    unlike($run->{err}, qr/thirty|\Q@{[ encode_base64($octets{k1}, '') ]}\E/,
        "$name: nothing is shown");
}


# files with something in them that can be read

sub readable {
    opendir my $d, dir() or die;

    return join ' ', sort grep {
        -f path($_) && slurp(path($_)) =~ /"digest"|test-bot|a new bot/
    } readdir $d;
}


# a key file that begins in an envelope

my $run = key(qw/ issue --agent first --expires 9d --bundle main --json /);

is($run->{rc}, 0, 'a key in a file that was not there') or diag($run->{err});
is(sprintf('%o', (stat $file)[2] & 07777), '640', 'its mode');

my $first = decoded($run->{out})->{id};
my @parts = split /\./, slurp($file);

is(scalar @parts, 5, 'a JWE of five parts');
is_deeply(decoded(decode_base64url($parts[0])), {
    alg => 'A256KW', enc => 'A256GCM', typ => 'agent-keys+jwe', kid => 'k1',
    bundle => 'main', generation => info()->{generation} }, 'its header');
cmp_ok(abs(info()->{generation} - time), '<', 3600, 'the generation is a time');
like(opened(), qr/\A\{"version":1,"keys":1\}\n\{"id":"$first",.*\}\n\z/,
    'what is in it');
is(key('lint')->{rc}, 0, 'lint has nothing to say against it');

is(agentctl(qw/ key issue --agent a --expires 9d --file /, path('none.jwe'),
    @kek)->{rc}, 2, 'a new file needs --bundle');
ok(!-e path('none.jwe'), 'and is not made without');


# every command

my $before = opened();

is(key(qw/ issue --agent second --expires 9d --json /)->{rc}, 0, 'issue');
is(index(opened() =~ s/"keys":2/"keys":1/r, $before), 0,
    'the lines before keep their octets');
is(key('suspend', $first)->{rc}, 0, 'suspend');
like(key('show', $first, '--json')->{out}, qr/"state": ?"suspended"/, 'show');
is(key('resume', $first)->{rc}, 0, 'resume');
is(key('rotate', $first)->{rc}, 0, 'rotate');
is(key('revoke', $first)->{rc}, 0, 'revoke');
is(key(qw/ import --agent third --expires 9d --digest /,
    'sha256:' . '0123456789abcdef' x 4)->{rc}, 0, 'import');

my $list = decoded(key(qw/ list --json /)->{out});
is(scalar @$list, 4, 'list');
is((grep { $_->{id} eq $first } @$list)[0]{state}, 'revoked', 'as it was left');
like(key('list')->{out}, qr/^imp-0123456789abcdef +active/m,
    'a table, for which it is read twice');
is(readable(), '', 'nothing that can be read is on the disk');


# generations

my $generation = info()->{generation};
key('suspend', 'imp-0123456789abcdef');
cmp_ok(info()->{generation}, '>', $generation, 'a change makes a newer one');

is(envelope(qw/ rewrap --generation 9007199254740990 --file /, $file)->{rc}, 0,
    'one that is asked for');
key('resume', 'imp-0123456789abcdef');
is(info()->{generation}, 9007199254740991, 'one more, where the time is less');
refused('the last generation', qr/there is no newer generation/,
    qw/ key suspend imp-0123456789abcdef --file /, $file, @kek);

my $text = opened();
unlink $file;
my $seal = agentctl({ stdin => $text }, qw/ envelope seal --file - --out /,
    $file, @kek, qw/ --bundle main --generation 7 /);
is($seal->{rc}, 0, 'sealed from standard input') or diag($seal->{err});
is($seal->{out}, "$file: keys of bundle \"main\", generation 7, KEK \"k1\"\n",
    'what is said');
is(opened(), $text, 'and what is in it');
refused('an older one', qr/--generation 7 is not newer than 7/,
    qw/ envelope rewrap --generation 7 --file /, $file, @kek);

for my $bad ('0', '-1', '9007199254740992', '1e3', '99999999999999999999') {
    is(agentctl(qw/ envelope rewrap --file /, $file, @kek,
        "--generation=$bad")->{rc}, 2, "generation $bad");
}


# each envelope has a key and an IV of its own: E-04

my %seen;

for (1 .. 30) {
    envelope(qw/ rewrap --file /, $file);
    my ($header, $key, $iv, undef, $tag) = split /\./, slurp($file);
    $seen{$_}++ for "key $key", "IV $iv", "tag $tag";
    is(length decode_base64url($iv), 12, '96 bits') if $_ == 1;
}

is(scalar keys %seen, 90, 'no key, IV or tag comes twice');
is(opened(), $text, 'the content is what it was');


# a new KEK: E-02

my @both = ('--kek-file', keks('both', 'k2', 'k1'));
my @new = ('--kek-file', keks('new', 'k2'));

is(agentctl(qw/ envelope rewrap --file /, $file, @both)->{rc}, 0, 'rewrap');
is(info()->{kek}, 'k2', 'with the first one');
is(agentctl(qw/ envelope open --file /, $file, @new)->{out}, $text,
    'which is enough to open it');
refused('the old one alone',
    qr/: KEK "k2" of the envelope is not in the KEK file$/m,
    qw/ key list --file /, $file, @kek);

spew(path('swapped'), 'k2 ' . encode_base64($octets{k3}, '') . "\n");
refused('another key of this id', qr/: the KEK does not open the envelope/,
    qw/ key list --file /, $file, '--kek-file', path('swapped'));

is(agentctl(qw/ key issue --agent x --expires 9d --file /, $file,
    @both)->{rc}, 0, 'a change with both');
is(info()->{kek}, 'k2', 'keeps to the first');
agentctl(qw/ envelope rewrap --file /, $file, '--kek-file',
    keks('back', 'k1', 'k2'));
is(info()->{kek}, 'k1', 'and back');
is(info($file, @kek)->{authentic}, JSON::PP::true(), 'info with the KEK');
is(info()->{authentic}, undef, 'info without');


# what is refused

my $plain = keyfile('plain.jsonl', record(), record());
my $sealed = slurp($file);

refused('an envelope without --kek-file',
    qr/"\S+" is in an envelope, give --kek-file$/m,
    qw/ key list --file /, $file);
refused('a plain file with it', qr/plain\.jsonl: it is no JWE of five parts/,
    qw/ key issue --agent a --expires 9d --file /, $plain, @kek);
refused('another bundle',
    qr/: the envelope is of bundle "main", not of "other"$/m,
    qw/ key list --bundle other --file /, $file, @kek);
refused('to seal over a plain file', qr/plain\.jsonl: it is no JWE/,
    qw/ envelope seal --bundle main --file /, $plain, '--out', $plain, @kek);
refused('to seal over another bundle', qr/not of "other"/,
    qw/ envelope seal --bundle other --file /, $plain, '--out', $file, @kek);
refused('to seal peppers over keys', qr/"typ" of the envelope must be/,
    qw/ envelope seal --bundle main --type peppers --file /,
    spew(path('peppers'), 'p1 ' . encode_base64('x' x 32)), '--out', $file,
    @kek);
refused('to seal what nginx would refuse',
    qr/plain\.jsonl:2: not a JSON object/,
    qw/ envelope seal --bundle main --out /, $file, '--file',
    spew(path('plain.jsonl'), record() . "x\n"), @kek);
refused('to seal an id twice', qr/:2: duplicate id, first on line 1/,
    qw/ envelope seal --bundle main --out /, $file, '--file',
    spew(path('plain.jsonl'), record(id => $first) . record(id => $first)),
    @kek);
refused('to seal half a line', qr/:2: last line does not end in LF: truncated/,
    qw/ envelope seal --bundle main --out /, $file, '--file',
    spew(path('plain.jsonl'), record() . '{'), @kek);
refused('to seal an octet of zero', qr/has octets of zero in it/,
    qw/ envelope seal --bundle main --out /, $file, '--file',
    spew(path('plain.jsonl'), record() . "\0\n"), @kek);
refused('to seal a bad pepper file', qr/:1: a pepper must be at least/,
    qw/ envelope seal --bundle main --type peppers --out /, path('p.jwe'),
    '--file', spew(path('peppers'), "p1 AAAA\n"), @kek);
refused('no such file', qr/cannot open "\S+none" \(2: /,
    qw/ envelope open --file /, path('none'), @kek);
refused('no such file to rewrap', qr/cannot open "\S+none" \(2: /,
    qw/ envelope rewrap --file /, path('none'), @kek);
refused('no such file to change', qr/there is no key file "\S+none"/,
    qw/ key revoke x --file /, path('none'), @kek);
refused('no such KEK file', qr/cannot open KEK file "\S+none" \(2: /,
    qw/ key list --file /, $file, '--kek-file', path('none'));
refused('a bad KEK file', qr/bad:1: a KEK must be 32 octets in base64$/m,
    qw/ key list --file /, $file, '--kek-file',
    spew(path('bad'), 'k1 ' . encode_base64('x' x 16)));

chmod 0644, path('keks');
refused('a KEK file that everyone can read (T-03)',
    qr/KEK file "\S+" is readable by everyone, do "chmod o-rwx" and make new KEKs$/m,
    qw/ key list --file /, $file, @kek);
chmod 0600, path('keks');

for my $place (10, -30, -1) {
    my $changed = $sealed;
    substr($changed, $place - ($place < 0), 1) =~ tr/A-Za-z0-9_-/B-ZAb-za1-90\-_/;
    spew(path('changed.jwe'), $changed);
    is(agentctl(qw/ key list --file /, path('changed.jwe'), @kek)->{rc}, 1,
        "changed at $place");
    is(agentctl(qw/ key list --file /, path('changed.jwe'), @kek)->{out}, '',
        'nothing of it is shown');
    is(envelope('open', '--file', path('changed.jwe'))->{out}, '',
        'by open, neither');
}

unlink map { path($_) } qw/ plain.jsonl peppers changed.jwe bad /;


# peppers

my $secret = encode_base64('x' x 32, '');
is(agentctl({ stdin => "p1 $secret\n" }, qw/ envelope seal --type peppers
    --bundle main --file - --out /, path('p.jwe'), @kek)->{rc}, 0, 'peppers');
is(info(path('p.jwe'))->{type}, 'peppers', 'what they are');
is(opened(path('p.jwe')), "p1 $secret\n", 'what is in it');
is(envelope(qw/ rewrap --file /, path('p.jwe'))->{rc}, 0, 'rewrapped');
is(info(path('p.jwe'))->{type}, 'peppers', 'they stay what they are');

my $issued = decoded(key(qw/ issue --agent p --expires 9d --json --pepper-file /,
    path('p.jwe'))->{out});
like(opened(), qr/"id":"$issued->{id}","digest":"hmac-sha256:p1:/,
    'a key by a pepper');
is(key('lint', '--pepper-file', path('p.jwe'))->{rc}, 0, 'lint knows it');
like(key('lint', '--pepper-file', $file)->{out},
    qr/^\Q$file\E: "typ" of the envelope must be "agent-peppers\+jwe"$/m,
    'keys are no peppers');


# many keys, lines longer than a piece, a first line of one's own

my @many = map { record(agent => 'a new bot', note => 'n' x 250) } 1 .. 3000;
my $long = record(id => 'LONGlongLONGlong',
                  scopes => [ map { sprintf '%0200d', $_ } 1 .. 40 ],
                  networks => [ map { "10.0.$_.0/24" } 0 .. 255 ]);
my $header = '{"version":1,"keys":3001,"x_made":"' . 'h' x 20000 . "\"}\n";

unlink $file;
agentctl({ stdin => join '', $header, @many[0 .. 1499], $long,
    @many[1500 .. 2999] }, qw/ envelope seal --bundle main --file - --out /,
    $file, @kek);
is(info()->{octets}, length join('', $header, $long, @many), 'many');
is(key('revoke', 'LONGlongLONGlong')->{rc}, 0, 'one in the middle is revoked');
is(key(qw/ issue --agent more --expires 9d /)->{rc}, 0, 'one is added');

my @lines = split /^/, opened();
is(scalar @lines, 3003, 'all are there');
is(decoded($lines[0])->{keys}, 3002, 'counted');
is(length decoded($lines[0])->{x_made}, 20000, 'with what was there');
is(join('', @lines[1 .. 1500, 1502 .. 3001]), join('', @many),
    'the others keep their octets');
is(decoded($lines[1501])->{state}, 'revoked', 'revoked');
is(sprintf('%o', (stat $file)[2] & 07777), '640', 'its mode');
is(readable(), '', 'nothing that can be read is on the disk');


# killed at any time: the file is whole, the copy unreadable

my ($killed, $done, $clear) = (0, 0, 0);

for my $n (1 .. 30) {
    my $pid = fork // die;

    if ($pid == 0) {
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null';
        exec binary(), qw/ key issue --agent k --expires 9d --file /, $file,
            @kek;
    }

    Time::HiRes::sleep(0.01 * $n);
    kill 'KILL', $pid;
    waitpid $pid, 0;
    $? ? $killed++ : $done++;

    $clear++ if readable() ne '';
}

is($clear, 0, "killed $killed times, $done times too late: nothing readable");
is(scalar(split /^/, opened()), decoded((split /^/, opened())[0])->{keys} + 1,
    'the file is whole');


# two at once

my @pids = map {
    my $pid = fork // die;

    if ($pid == 0) {
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null';
        for (1 .. 4) {
            system(binary(), qw/ key issue --agent both --expires 9d --file /,
                $file, @kek) == 0 or POSIX::_exit(1);
        }
        POSIX::_exit(0);
    }

    $pid;
} 1 .. 2;

my $failed = 0;
for (@pids) { waitpid $_, 0; $failed++ if $? }

is($failed, 0, 'two at once');
is(scalar(() = opened() =~ /"agent":"both"/g), 8, 'lose no key');


# another implementation of JOSE reads and writes them

SKIP: {
    my $modules = 'build/as/node_modules';
    skip "no jose in $modules (sh t/as/install)", 6
        unless -d "$modules/jose" && !system('node --version > /dev/null');

    my $other = path('other.mjs');
    my $jose = `cd $modules/jose && pwd`;
    chomp $jose;
    my ($main) = grep { -f } map { "$jose/dist/$_" }
        qw( webapi/index.js node/esm/index.js );

    spew($other, <<"END");
import { compactDecrypt, CompactEncrypt } from '$main';
import { readFileSync, writeFileSync } from 'node:fs';

const [ what, from, to, header ] = process.argv.slice(2);
const kek = Buffer.from('@{[ unpack 'H*', $octets{k1} ]}', 'hex');

if (what === 'decrypt') {
    const { plaintext } = await compactDecrypt(
        readFileSync(from, 'utf8').trim(), kek);
    writeFileSync(to, plaintext);
} else {
    writeFileSync(to, await new CompactEncrypt(readFileSync(from))
        .setProtectedHeader(JSON.parse(header)).encrypt(kek));
}
END

    is(system('node', $other, 'decrypt', $file, path('theirs')), 0,
        'decrypted by it');
    is(slurp(path('theirs')), opened(), 'to the same');

    for my $alg (qw/ A256KW A256GCMKW /) {
        my $theirs = path("$alg.jwe");

        is(system('node', $other, 'encrypt', path('theirs'), $theirs,
            qq({"alg":"$alg","enc":"A256GCM","typ":"agent-keys+jwe",)
            . '"kid":"k1","bundle":"main","generation":5}'), 0,
            "$alg: encrypted by it");
        is(opened($theirs), opened(), "$alg: opened here");
    }
}


done_testing();
