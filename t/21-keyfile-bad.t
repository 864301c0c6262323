# Each way in which a key file can be wrong is told with its line.  Without
# this a typo would widen what a key may do, or cost an hour to find.
#
# K-04, K-06, K-10, AG-02; issue: "bad input gets"

use lib 't/lib';
use AgentAuth;
use Digest::SHA qw/ sha256_hex /;

config_preamble(verdict_fields());

# nginx -t begins anew for each file: nothing would differ the second time

repeat_each(1);


# a record as JSON, with members changed or (undef) taken away

sub record {
    my (%change) = @_;

    my $record = JSON::PP->new->utf8->decode(key_record('alpha'));

    for my $name (keys %change) {
        delete $record->{$name};
        $record->{$name} = $change{$name} if defined $change{$name};
    }

    return JSON::PP->new->utf8->canonical->encode($record) . "\n";
}


# whether nginx -t refuses the text with this message, at this line

sub refused {
    my ($what, $text, $line, $message) = @_;

    write_file('try.jsonl', $text);

    my ($status, $output)
        = try_conf('agent_key_zone zone=try:1m file=try.jsonl;');
    my $path = conf_file('try.jsonl');

    is($status, 1, "$what: refused");
    like($output,
        qr/\[emerg\] .*agent_auth: \Q$path\E:$line: \Q$message\E$/m,
        "$what: $message");

    # nothing that could be a secret is quoted
    unlike($output, qr/[0-9a-f]{40}|CANARY/, "$what: no secret");
}


sub taken {
    my ($what, $text) = @_;

    write_file('try.jsonl', $text);

    my ($status, $output)
        = try_conf('agent_key_zone zone=try:1m file=try.jsonl;');

    is($status, 0, "$what: taken") or diag $output;
}


run_tests();

__DATA__

=== TEST 1: files and lines
--- keys
alpha
--- config
    location /t { agent_auth key; empty_gif; }
--- run
my $good = record();
my $other = key_record('beta');

refused 'nothing', '', 1, 'empty file';
refused 'an LF alone', "\n", 1, 'empty line';
refused 'an empty line', "$good\n$other", 2, 'empty line';
refused 'no LF', $good . ($other =~ s/\n//r), 2,
    'last line does not end in LF: truncated';
refused 'cut off', $good . substr($other, 0, 50), 2,
    'last line does not end in LF: truncated';
refused 'an array', "$good\[]\n", 2, 'not a JSON object';
refused 'a string', qq($good"x"\n), 2,
    'not a JSON object: syntax error at column 3';
refused 'two objects', $good . "{}{}\n", 2,
    'not a JSON object: syntax error at column 3';
refused 'a comment', "# keys\n$good", 1,
    'not a JSON object: syntax error at column 1';
refused 'a member twice', $good . ($other =~ s/\}/,"agent":"x"}/r), 2,
    'duplicate member at column ' . (length($other) - 2 + length ',"agent"');
refused 'an id twice', $good . $other . record(digest => key_digest 'x'), 3,
    'duplicate id, first on line 1';
refused 'a digest twice', $other
    . record(id => 'new', digest => imported_digest('x'), imported => \1)
    . record(id => 'old', digest => imported_digest('x'), imported => \1), 3,
    'duplicate digest, first on line 2';
refused 'a line that is too long', $good
    . record(note => 'x' x 70_000), 2, 'line is longer than 65536 octets';

taken 'no first line', $good . $other;
taken 'white space', " { } \n" =~ s/\{ \}/substr $good, 0, -1/er;
taken 'CRLF', $good =~ s/\n/\r\n/r;



=== TEST 2: the first line
--- keys
alpha
--- config
    location /t { agent_auth key; empty_gif; }
--- run
my $good = record();

refused 'another version', qq({"version":2,"keys":1}\n$good), 1,
    'unknown "version", this program reads 1';
refused 'a version in quotes', qq({"version":"1","keys":1}\n$good), 1,
    'unknown "version", this program reads 1';
refused 'no count', qq({"version":1}\n$good), 1,
    '"keys" must be the number of keys';
refused 'a bad count', qq({"version":1,"keys":-1}\n$good), 1,
    '"keys" must be the number of keys';
refused 'a count in quotes', qq({"version":1,"keys":"1"}\n$good), 1,
    '"keys" must be the number of keys';
refused 'too many', qq({"version":1,"keys":0}\n$good), '\d+',
    'first line promises 0 keys, file has 1';
refused 'too few', qq({"version":1,"keys":2}\n$good), '\d+',
    'first line promises 2 keys, file has 1';
refused 'an unknown member', qq({"version":1,"keys":1,"a":1}\n$good), 1,
    'unknown member "a"';
refused 'not in the first line', qq($good\{"version":1,"keys":1}\n), 2,
    'unknown member "version"';

taken 'the right count', qq({"version":1,"keys":1}\n$good);
taken 'no keys', qq({"version":1,"keys":0}\n);
taken 'members that begin with x_', qq({"version":1,"keys":1,"x_a":1}\n$good);



=== TEST 3: members
--- keys
alpha
--- config
    location /t { agent_auth key; empty_gif; }
--- run
for my $name (qw/ id digest agent state expires /) {
    refused "no $name", record($name => undef), 1, "\"$name\" is missing";
}

refused 'an unknown one', record(colour => 'red'), 1,
    'unknown member "colour"';
refused 'a typo', record(scope => [ 'a' ]), 1, 'unknown member "scope"';
refused 'another case', record(Scopes => [ 'a' ]), 1,
    'unknown member "Scopes"';
refused 'one that is a secret', record('CANARY' . 'x' x 40 => 1), 1,
    'unknown member "..."';
taken 'x_ and anything', record(x_colour => { a => [ 1 ] });

for my $name (qw/ id agent owner successor note /) {
    refused "$name that is a number", record($name => 7), 1,
        "\"$name\" must be a string";
    refused "$name that is too long", record($name => 'x' x 256), 1,
        "\"$name\" is longer than 255 octets";
    refused "$name with an LF", record($name => "a\nb"), 1,
        "control character in \"$name\"";
    refused "$name with U+009B", record($name => "a\x{9b}b"), 1,
        "control character in \"$name\"";
}

refused 'an empty agent', record(agent => ''), 1, '"agent" is empty';
refused 'imported, a string', record(imported => 'true'), 1,
    '"imported" must be true or false';
taken 'imported, false', record(imported => \0);
taken 'the longest note', record(note => 'x' x 255);



=== TEST 4: ids and digests
--- keys
alpha
--- config
    location /t { agent_auth key; empty_gif; }
--- run
my $id = '"id" must be 16 of 0-9 A-Z a-z';
my $digest = '"digest" must be "sha256:" or "hmac-sha256:<pepper id>:" and 64'
    . ' lower-case hex digits';
my $hex = sha256_hex('x');

refused 'a short id', record(id => 'x' x 15), 1, $id;
refused 'a long id', record(id => 'x' x 17), 1, $id;
refused 'an odd id', record(id => 'x' x 15 . '-'), 1, $id;
refused 'an empty id', record(id => ''), 1, $id;

for my $imported ('', 'x' x 65, 'a b', 'a/b', "\x{e9}") {
    refused "an imported id of " . length $imported,
        record(id => $imported, imported => \1), 1,
        '"id" of an imported key must be 1 to 64 of 0-9 A-Z a-z . _ -';
}

taken 'an imported id', record(id => 'A.b_c-9', imported => \1);

refused 'no algorithm', record(digest => $hex), 1, $digest;
refused 'another one', record(digest => "sha512:$hex"), 1, $digest;
refused 'a short one', record(digest => 'sha256:' . substr $hex, 1), 1,
    $digest;
refused 'a long one', record(digest => "sha256:${hex}0"), 1, $digest;
refused 'upper case', record(digest => 'sha256:' . uc $hex), 1, $digest;
refused 'no hex', record(digest => 'sha256:' . 'g' x 64), 1, $digest;
refused 'a number', record(digest => 7), 1, $digest;
refused 'no pepper', record(digest => "hmac-sha256:$hex"), 1, $digest;
refused 'an empty pepper', record(digest => "hmac-sha256::$hex"), 1, $digest;
refused 'an odd pepper', record(digest => "hmac-sha256:a b:$hex"), 1, $digest;
refused 'a pepper that is not there', record(digest => "hmac-sha256:p1:$hex"),
    1, 'unknown pepper "p1"';
refused 'a pepper for an imported key',
    record(id => 'x', imported => \1, digest => "hmac-sha256:p1:$hex"), 1,
    'the digest of an imported key must be "sha256:"';



=== TEST 5: dates and states
--- keys
alpha
--- config
    location /t { agent_auth key; empty_gif; }
--- run
my $expected = ', expected RFC 3339 as in "2027-01-31T00:00:00Z"';

for my $date ('2027-01-31', '2027-02-29T00:00:00Z', 'tomorrow', '',
    '2027-01-31 00:00:00', '2027-13-01T00:00:00Z', '2027-01-31T25:00:00Z')
{
    refused "expires $date", record(expires => $date), 1,
        "bad date \"$date\" in \"expires\"$expected";
}

for my $name (qw/ created not_before grace_until /) {
    refused $name, record($name => 'never'), 1,
        "bad date \"never\" in \"$name\"$expected";
}

refused 'a number', record(expires => 4070908800), 1,
    "bad date \"\" in \"expires\"$expected";
taken 'an offset', record(expires => '2099-01-01T00:00:00+02:00');
taken 'a fraction', record(expires => '2099-01-01T00:00:00.25Z');
taken 'a leap day', record(expires => '2096-02-29T00:00:00Z');

for my $state ('Active', 'expired', 'compromised', '', 'activ', 'active ') {
    refused "state $state", record(state => $state), 1,
        "unknown state \"$state\", expected pending, active, deprecated,"
        . ' suspended or revoked';
}

taken "state $_", record(state => $_)
    for qw/ pending active deprecated suspended revoked /;



=== TEST 6: lists and networks
--- keys
alpha
--- config
    location /t { agent_auth key; empty_gif; }
--- run
for my $name (qw/ scopes services /) {
    my $strings = "\"$name\" must hold strings of 1 to 255 printable ASCII"
        . " characters without space, '\"' and '\\'";

    refused "$name, a string", record($name => 'a'), 1,
        "\"$name\" must be an array of strings";
    refused "$name, an object", record($name => {}), 1,
        "\"$name\" must be an array of strings";
    refused "$name of numbers", record($name => [ 1 ]), 1, $strings;
    refused "$name, empty string", record($name => [ 'a', '' ]), 1, $strings;
    refused "$name with a space", record($name => [ 'a b' ]), 1, $strings;
    refused "$name with a quote", record($name => [ 'a"b' ]), 1, $strings;
    refused "$name with a backslash", record($name => [ 'a\\b' ]), 1, $strings;
    refused "$name in UTF-8", record($name => [ "\x{e9}" ]), 1, $strings;
    refused "$name, a long one", record($name => [ 'x' x 256 ]), 1, $strings;
    refused "$name, too many", record($name => [ map { "x$_" } 1 .. 2000 ]), 1,
        "\"$name\" holds more than 8192 octets";
    taken "$name, none", record($name => []);
}

for my $network ('10.0.0.1/8', '10.0.0.0/33', '10.0.0/8', '2001:db8::1/32',
    '2001:db8::/129', 'example.com', '', '10.0.0.0/', '010.0.0.0/8', '::/0x')
{
    refused "network $network", record(networks => [ $network ]), 1,
        "bad network \"$network\", expected an address or a CIDR without host"
        . ' bits';
}

refused 'networks, a string', record(networks => '10.0.0.0/8'), 1,
    '"networks" must be an array of at most 256 strings';
refused 'networks, too many', record(networks => [ ('10.0.0.0/8') x 257 ]), 1,
    '"networks" must be an array of at most 256 strings';
taken 'networks', record(networks => [ '10.0.0.0/8', '192.0.2.1', '::/0',
    '2001:db8::/32', '::ffff:10.0.0.0/104', '0.0.0.0/0' ]);



=== TEST 7: octets
--- keys
alpha
--- config
    location /t { agent_auth key; empty_gif; }
--- run
my $good = record();

for my $case (
    [ 'a NUL', "\0" ], [ 'a NUL in a string', qq({"id":"a\0b"}) ],
    [ 'bad UTF-8', qq({"id":"\xff"}) ], [ 'a surrogate', '{"id":"\ud800"}' ],
    [ 'a byte order mark', "\xef\xbb\xbf{}" ], [ 'a lone quote', '"' ],
    [ 'deep nesting', '[' x 5000 ], [ 'an escape', "\x1b[31m" ],
) {
    my ($what, $line) = @$case;

    write_file('try.jsonl', "$good$line\n");
    my ($status, $output)
        = try_conf('agent_key_zone zone=try:1m file=try.jsonl;');

    is($status, 1, "$what: refused");
    like($output, qr/try.jsonl:2: not a JSON object: @{[ $line =~ m{\0}
        ? 'an octet of zero' : 'syntax error at column \d+' ]}$/m,
        "$what: said");
    unlike($output, qr/[^\x0a\x20-\x7e]/, "$what: not echoed");
}
