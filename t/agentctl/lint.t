# Without this: a file passes lint and nginx refuses it, or a key is about to
# end, is open to everybody or came back from the dead, and nobody is told
# (K-07, K-10, N-04).

use strict;
use warnings;

use lib 't/agentctl';

use Ctl;
use Digest::SHA qw/ sha256_hex /;
use MIME::Base64 qw/ encode_base64 /;
use Test::More;


my $day = 86400;
my $file = path('k.jsonl');


sub lint {
    my (@args) = @_;

    my $run = agentctl('key', 'lint', '--file', $file, @args);
    my @lines = split /\n/, $run->{out};

    $run->{summary} = pop @lines;
    s/^\Q$file\E// for @lines;
    $run->{lines} = \@lines;

    return $run;
}


# the findings of one record, which stands on line 3 between two good ones

sub finds {
    my ($name, $record, @expected) = @_;

    keyfile('k.jsonl', record(), record(%$record), record(id => 'NEXT' x 4));
    findings($name, [], @expected);
}

sub findings {
    my ($name, $args, @expected) = @_;

    my $run = lint(@$args);
    my $faults = grep { !/warning: / } map { "$_" } @expected;

    is(scalar @{ $run->{lines} }, @expected, "$name: number of findings")
        or diag(join "\n", @{ $run->{lines} });
    like($run->{lines}[$_] // '', $expected[$_], "$name: finding")
        for 0 .. $#expected;
    is($run->{rc}, $faults ? 1 : 0, "$name: exit status");
    is($run->{err}, '', "$name: nothing on standard error");
    like($run->{summary}, qr/, faults $faults, warnings @{[@expected - $faults]}$/,
         "$name: summary");
}


finds('nothing wrong', {});


# faults of one line, in nginx's words

my $digest = sha256_hex('x');

for my $case (
    [ 'no id', { id => undef }, qr/"id" is missing/ ],
    [ 'no digest', { digest => undef }, qr/"digest" is missing/ ],
    [ 'no agent', { agent => undef }, qr/"agent" is missing/ ],
    [ 'no state', { state => undef }, qr/"state" is missing/ ],
    [ 'no expiry', { expires => undef }, qr/"expires" is missing/ ],
    [ 'short id', { id => 'short' }, qr/"id" must be 16 of 0-9 A-Z a-z/ ],
    [ 'unknown member', { foo => 1 }, qr/unknown member "foo"/ ],
    [ 'bad date', { expires => '2027-02-30T00:00:00Z' },
      qr/bad date "2027-02-30T00:00:00Z" in "expires", expected RFC 3339/ ],
    [ 'bad network', { networks => [ '10.0.0.1/8' ] },
      qr/bad network "10\.0\.0\.1\/8", expected an address or a CIDR/ ],
    [ 'bad state', { state => 'dead' },
      qr/unknown state "dead", expected pending, active/ ],
    [ 'bad scope', { scopes => [ 'a b' ] }, qr/"scopes" must hold strings/ ],
    [ 'bad digest', { digest => 'sha256:' . uc $digest },
      qr/"digest" must be "sha256:" or/ ],
    [ 'imported HMAC',
      { digest => "hmac-sha256:p1:$digest", imported => \1, id => 'i' },
      qr/the digest of an imported key must be "sha256:"/ ],
    [ 'id of a later line', { id => 'NEXT' x 4, x_on => 4 },
      qr/duplicate id, first on line 3/ ],
)
{
    my ($name, $record, $fault) = @$case;
    my $line = $record->{x_on} // 3;

    finds($name, $record, qr/^:$line: $fault/);
}


# every line at fault is named, and the count is no further fault

keyfile('k.jsonl', "\n", record(state => 'dead'), record(), "{}\n", "nonsense\n",
        record(id => 'TWICE' . 'x' x 11), "{\"a\":1,\"a\":2}\n",
        record(id => 'TWICE' . 'x' x 11), record(digest => "sha256:$digest"),
        record(digest => "sha256:$digest"), ' ' x 65537 . "\n", record());

findings('many', [],
         qr/^:2: empty line/, qr/^:3: unknown state/, qr/^:5: "id" is missing/,
         qr/^:6: not a JSON object: syntax error/,
         qr/^:8: duplicate member/, qr/^:9: duplicate id, first on line 7/,
         qr/^:11: duplicate digest, first on line 10/,
         qr/^:12: line is longer than 65536 octets/);


# faults of the whole

spew($file, "{\"version\":1,\"keys\":3}\n" . record());
findings('count', [], qr/^:3: first line promises 3 keys, file has 1$/);

spew($file, record() . substr(record(), 0, -1));
findings('truncated', [], qr/^:2: last line does not end in LF: truncated$/);

spew($file, '');
findings('empty', [], qr/^:1: empty file$/);

spew($file, "{\"version\":2,\"keys\":0}\n");
findings('version', [], qr/^:1: unknown "version", this program reads 1$/);

spew($file, record() . "{\"version\":1,\"keys\":2}\n" . record());
findings('first line in the middle', [], qr/^:2: unknown member "(version|keys)"/);

spew($file, record());
findings('no first line', []);

keyfile('k.jsonl');
findings('only the first line', []);

spew($file, "{\"version\":1,\"keys\":2}\n" . record() . 'a' x 3_000_000 . "\n"
     . record(state => 'dead'));
findings('a very long line', [], qr/^:3: line is longer/, qr/^:4: unknown state/,
         qr/^:5: first line promises 2 keys, file has 3/);


# no secret that was pasted into the file by mistake is repeated

spew($file, "agk_PLANTEDPLANTED00_PLANTED\n"
     . record(digest => 'PLANTED' x 9) . '{"id":"PLANTED');
my $run = lint();
is($run->{rc}, 1, 'pasted');
is(scalar @{ $run->{lines} }, 3, 'three faults');
unlike($run->{out} . $run->{err}, qr/PLANTED/, 'without what was pasted');


# peppers

my $peppers = spew(path('peppers'),
                   'p1 ' . encode_base64('p' x 32, '') . "\n");
chmod 0640, $peppers;

keyfile('k.jsonl', record(digest => 'hmac-sha256:p1:' . sha256_hex('a')),
        record(digest => 'hmac-sha256:p2:' . sha256_hex('b')));

findings('without peppers', [],
         qr/^: warning: 2 keys have an HMAC digest, give --pepper-file/);
findings('unknown pepper', [ '--pepper-file', $peppers ],
         qr/^:3: unknown pepper "p2"$/);

keyfile('k.jsonl', record(digest => 'hmac-sha256:p1:' . sha256_hex('a')));
findings('known pepper', [ '--pepper-file', $peppers ]);

chmod 0644, $peppers;
findings('readable peppers', [ '--pepper-file', $peppers ],
         qr/^pepper file ".*" is readable by everyone, do "chmod o-rwx" and/);

chmod 0640, $peppers;
spew($peppers, "p1 c2hvcnQ=\n");
findings('bad peppers', [ '--pepper-file', $peppers ],
         qr/peppers:1: a pepper must be at least 16 octets in base64$/);

findings('no peppers', [ '--pepper-file', path('none') ],
         qr/^cannot open pepper file/);


# warnings

my $about = qr/^:3: warning: key \w+ of "test-bot"/;

finds('expires soon', { expires => iso(13 * $day) },
      qr/$about expires in (12|13)d, at \d{4}-/);
finds('expires later', { expires => iso(15 * $day) });
finds('expires soon, in grace',
      { expires => iso($day), state => 'deprecated', grace_until => iso(3600),
        successor => 'NEXT' x 4 });
finds('expires soon, revoked', { expires => iso($day), state => 'revoked' });
finds('has expired', { expires => iso(-1) });

finds('long life', { created => iso(), expires => iso(367 * $day) },
      qr/$about lives for 367d, longer than 366d/);
finds('a year', { created => iso(), expires => iso(366 * $day) });
finds('long life, not created', { created => undef,
                                  expires => iso(400 * $day) },
      qr/$about lives for (399|400)d, longer/);
finds('long life, revoked', { state => 'revoked', expires => iso(999 * $day) });

finds('never', { not_before => iso(91 * $day) },
      qr/$about is never accepted, its "not_before" is not before its end/);
finds('grace after the end',
      { grace_until => iso(91 * $day), state => 'deprecated',
        successor => 'NEXT' x 4 },
      qr/$about has "grace_until" after "expires"/);

finds('deprecated', { state => 'deprecated' },
      qr/$about is deprecated without "grace_until"/,
      qr/$about is deprecated without a "successor"/);
finds('successor', { state => 'deprecated', grace_until => iso(3600),
                     successor => 'GONE' x 4 },
      qr/^:3: warning: there is no key with the id that "successor" names, "GONEGONEGONEGONE"/);

finds('pending', { state => 'pending', created => iso(-31 * $day) },
      qr/$about has been pending for long without "not_before"/);
finds('pending, not created', { state => 'pending', created => undef },
      qr/$about has been pending for long/);
finds('pending of late', { state => 'pending', created => iso(-29 * $day) });
finds('pending until a date', { state => 'pending', created => iso(-31 * $day),
                                not_before => iso($day) });

finds('no limits', { scopes => undef },
      qr/$about is limited by no scope, service or network/);
finds('empty limits', { scopes => [], networks => [] }, qr/$about is limited/);
finds('a network', { scopes => undef, networks => [ '::1' ] });
finds('a service', { scopes => undef, services => [ 's' ] });
finds('no limits, revoked', { scopes => undef, state => 'revoked' });

keyfile('k.jsonl', record());
chmod 0644, $file;
findings('readable', [],
         qr/^: warning: readable by everyone, do "chmod o-rwx"/);
chmod 0666, $file;
findings('writable', [], qr/^: warning: readable/, qr/^: warning: writable by/);
chmod 0640, $file;


# options

keyfile('k.jsonl', record(created => iso(), expires => iso(40 * $day)));

findings('--within', [ '--within', '41d' ], qr/^:2: warning: .* expires in/);
findings('--max-age', [ '--max-age', '39d' ],
         qr/^:2: warning: .* lives for .*longer than 39d/);

is(lint('--within', '41d', '--strict')->{rc}, 1, '--strict with warnings');
is(lint('--strict')->{rc}, 0, '--strict without');


# --previous

my $dead = record(id => 'DEADDEADDEADDEAD', state => 'revoked');
my $past = record(id => 'PASTPASTPASTPAST', expires => iso(-1));
my $live = record(id => 'LIVELIVELIVELIVE');
my $previous = spew(path('old.jsonl'), $dead . $past . $live);

keyfile('k.jsonl', $dead, $past, $live);
findings('all there', [ '--previous', $previous ]);

keyfile('k.jsonl', record());
findings('gone', [ '--previous', $previous ],
         qr/^: warning: key DEADDEADDEADDEAD, revoked in ".*old\.jsonl", is gone/,
         qr/^: warning: key PASTPASTPASTPAST, expired in ".*old\.jsonl", is gone/);

keyfile('k.jsonl', $dead =~ s/revoked/active/r, $past);
findings('revived', [ '--previous', $previous ],
         qr/^:2: warning: key DEADDEADDEADDEAD of "test-bot" was revoked in/);

is(lint('--previous', path('none'))->{rc}, 1, 'no previous file');
like(lint('--previous', path('none'))->{err}, qr/there is no key file ".*none"/,
     'says so');


# JSON

keyfile('k.jsonl', record(state => 'dead'), record(scopes => undef));
chmod 0644, $file;

$run = agentctl('key', 'lint', '--file', $file, '--json');
is($run->{rc}, 1, '--json: exit status');

my $report = decoded($run->{out});
is($report->{file}, $file, 'file');
is("$report->{keys} $report->{faults} $report->{warnings}", '1 1 2', 'counts');
is(join(' ', map { ($_->{line} // '-') . $_->{level} } @{ $report->{findings} }),
   '2fault 3warning -warning', 'findings');
like($report->{findings}[0]{text}, qr/^unknown state "dead"/, 'text');

keyfile('k.jsonl', record());
chmod 0640, $file;
is_deeply(decoded(agentctl('key', 'lint', '--file', $file, '--json')->{out})
          ->{findings}, [], 'no findings');


# many keys: in bounded memory, with time that grows like the file

{
    my $n = 100_000;

    open my $to, '>', $file or die;
    print $to "{\"version\":1,\"keys\":@{[$n + 1]}}\n";

    printf $to '{"id":"%016d","digest":"sha256:%064x","agent":"a","scopes":'
               . '["s"],"state":"active","created":"%s","expires":"%s"}' . "\n",
               $_, $_, iso(), iso(90 * $day) for 1 .. $n;

    printf $to '{"id":"%016d","digest":"sha256:%064x","agent":"a","scopes":'
               . '["s"],"state":"active","created":"%s","expires":"%s"}' . "\n",
               7, $n + 1, iso(), iso(90 * $day);
    close $to or die;

    my @before = times;
    findings('many keys', [], qr/^:100002: duplicate id, first on line 8$/);
    my @after = times;

    my $seconds = $after[2] - $before[2];
    diag(sprintf '%d keys in %.2f s', $n, $seconds);
    cmp_ok($seconds, '<', 20, 'in a time that lets a million pass as well');

    # a sanitizer reserves terabytes of addresses

    SKIP: {
        skip 'sanitized', 1
            if slurp(binary()) =~ /__asan_init/;

        my $rc = system 'sh', '-c', 'ulimit -v 60000; exec "$@" >/dev/null',
                        'sh', binary(), 'key', 'list', '--json', '--file',
                        $file;
        is($rc, 0, 'list needs no more memory for more keys');
    }
}

done_testing();
