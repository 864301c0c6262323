# Without this: issued keys that nginx does not admit, or a record that is not
# what was asked for (K-01, K-06).

use strict;
use warnings;

use lib 't/agentctl';

use Compress::Zlib ();
use Ctl;
use Digest::SHA qw/ hmac_sha256_hex sha256_hex /;
use MIME::Base64 qw/ encode_base64 /;
use Test::More;


sub issue { agentctl('key', 'issue', '--agent', 'billing-bot', @_) }


# our own CRC-32 against another, so that what is tested with it is tested

is(crc32('123456789'), 0xcbf43926, 'check value of CRC-32');
is(crc32("planted $_"), Compress::Zlib::crc32("planted $_"), "CRC-32 $_")
    for 1 .. 20;


# the form, the digest, the record; a file that is not there

my $file = path('keys.jsonl');
my $run = issue('--file', $file, '--expires', '90d', '--json', '--scope',
                'invoices:read', '--scope', 'invoices:write', '--scope',
                'invoices:read', '--service', 'invoices', '--network',
                '10.0.0.0/8', '--network', '2001:db8::/32', '--owner',
                'team-pay', '--note', 'für die Prüfung');

is($run->{rc}, 0, 'issued');
is($run->{err}, '', 'nothing on standard error with --json');
like($run->{out}, qr/^\{[^\n]+\}\n\z/, 'one line');

my $issued = decoded($run->{out});

is(join(' ', sort keys %$issued), 'agent expires id key', 'members of --json');
is($issued->{agent}, 'billing-bot', 'agent of --json');

my ($prefix, $id, $secret) = issued($issued->{key});

is($prefix, 'agk', 'the key is of the issued form and its check is right');
is($id, $issued->{id}, 'the id is the one in the key');

my ($record) = records($file);

is($record->{digest}, 'sha256:' . sha256_hex($secret), 'digest of the secret');
is($record->{id}, $id, 'id');
is($record->{agent}, 'billing-bot', 'agent');
is($record->{owner}, 'team-pay', 'owner');
is($record->{state}, 'active', 'state');
is("@{ $record->{scopes} }", 'invoices:read invoices:write',
   'scopes, each once');
is("@{ $record->{services} }", 'invoices', 'services');
is("@{ $record->{networks} }", '10.0.0.0/8 2001:db8::/32', 'networks');
is($record->{note}, "f\x{fc}r die Pr\x{fc}fung", 'note, in UTF-8');
is($record->{expires}, $issued->{expires}, 'expires as printed');

my @created = grep { iso($_) eq $record->{created} } lately();
is(scalar @created, 1, 'created now');
is($record->{expires}, iso($created[0] + 90 * 86400), 'expires 90 days later');

is((stat $file)[2] & 07777, 0640, 'mode of a new file');
like(slurp($file), qr/^\{"version":1,"keys":1\}\n\{"id"/, 'first line');

{
    my $old = umask 0;
    issue('--file', path('masked.jsonl'), '--expires', '1d');
    umask 077;
    issue('--file', path('masked2.jsonl'), '--expires', '1d');
    umask $old;

    is((stat path($_))[2] & 07777, 0640, 'whatever the umask')
        for qw/ masked.jsonl masked2.jsonl /;
}


# for people: the key alone on standard output

$run = issue('--file', $file, '--expires', '2h');

is($run->{rc}, 0, 'issued for a person');
like($run->{out}, qr/^agk_[0-9A-Za-z_]+\n\z/, 'the key alone');
chomp(my $key = $run->{out});
($prefix, $id, $secret) = issued($key);
ok(defined $secret, 'of the issued form');
like($run->{err}, qr/$id/, 'standard error has the id');
unlike($run->{err}, qr/$secret/, 'but not the secret');
is(find($file, $id)->{digest}, 'sha256:' . sha256_hex($secret), 'digest');
is(scalar(() = records($file)), 2, 'the count is kept');
ok(!exists find($file, $id)->{scopes}, 'no empty lists');


# dates

for my $case ([ '1d', 86400 ], [ '90m', 5400 ], [ '1w2d', 9 * 86400 ],
              [ '3600', 3600 ])
{
    my ($duration, $seconds) = @$case;

    $issued = decoded(issue('--file', $file, '--expires', $duration,
                            '--json')->{out});
    ok((grep { iso($_ + $seconds) eq $issued->{expires} } lately()),
       "--expires $duration");
}

$issued = decoded(issue('--file', $file, '--json', '--expires',
                        '2099-06-30T12:00:00.5+02:00')->{out});
is($issued->{expires}, '2099-06-30T10:00:00Z', 'a date with an offset, in UTC');

$issued = decoded(issue('--file', $file, '--json', '--expires', '9d',
                        '--not-before', '2d')->{out});
$record = find($file, $issued->{id});
is($record->{state}, 'pending', 'pending where it begins later');
ok((grep { iso($_ + 2 * 86400) eq $record->{not_before} } lately()),
   'not_before');

$issued = decoded(issue('--file', $file, '--json', '--expires', '9d',
                        '--not-before', '2020-01-01T00:00:00Z')->{out});
is(find($file, $issued->{id})->{state}, 'active',
   'active where the begin has passed');


# prefix

for my $prefix (qw/ ab pay2 abcdefgh /) {
    $issued = decoded(issue('--file', $file, '--json', '--expires', '9d',
                            '--prefix', $prefix)->{out});
    is((issued($issued->{key}))[0], $prefix, "--prefix $prefix");
    is(find($file, $issued->{id})->{x_prefix}, $prefix, 'is recorded');
}


# peppers

my $first = join '', map { chr(($_ * 7) % 256) } 1 .. 32;
my $second = 'q' x 70;
my $peppers = spew(path('peppers'),
                   'p-1 ' . encode_base64($first, '') . "\n"
                   . 'p.2 ' . encode_base64($second, ''));
chmod 0640, $peppers;

$run = issue('--file', $file, '--json', '--expires', '9d', '--pepper-file',
             $peppers);
is($run->{rc}, 0, 'with peppers');
$issued = decoded($run->{out});
($prefix, $id, $secret) = issued($issued->{key});
is(find($file, $id)->{digest},
   'hmac-sha256:p-1:' . hmac_sha256_hex($secret, $first),
   'the first pepper makes the digest');

spew($peppers, 'p.2 ' . encode_base64($second, '') . "\n");
$run = issue('--file', $file, '--expires', '9d', '--pepper-file', $peppers);
is($run->{rc}, 1, 'the file has a key whose pepper is not there any more');
like($run->{err}, qr/keys\.jsonl:\d+: unknown pepper "p-1"/, 'which is named');

$file = path('hmac.jsonl');
$issued = decoded(issue('--file', $file, '--json', '--expires', '9d',
                        '--pepper-file', $peppers)->{out});
is(find($file, $issued->{id})->{digest},
   'hmac-sha256:p.2:' . hmac_sha256_hex((issued($issued->{key}))[2], $second),
   'a pepper of more than a block');

for my $case ([ "p1 c2hvcnQ=\n", qr/peppers:1: a pepper must be at least/ ],
              [ "p1 " . encode_base64($first, '') . "\n\n",
                qr/peppers:2: expected "id base64"/ ],
              [ '', qr/empty file/ ],
              [ 'x' x 40000, qr/is too long/ ])
{
    spew($peppers, $case->[0]);
    $run = issue('--file', $file, '--expires', '9d', '--pepper-file', $peppers);
    is($run->{rc}, 1, 'bad peppers');
    like($run->{err}, $case->[1], 'say what is wrong');
}

spew($peppers, 'p.2 ' . encode_base64($second, '') . "\n");
chmod 0644, $peppers;
$run = issue('--file', $file, '--expires', '9d', '--pepper-file', $peppers);
is($run->{rc}, 1, 'peppers that everyone can read');
like($run->{err}, qr/readable by everyone, do "chmod o-rwx"/, 'are refused');

$run = issue('--file', $file, '--expires', '9d', '--pepper-file', path('no'));
is($run->{rc}, 1, 'no pepper file');
like($run->{err}, qr/cannot open pepper file/, 'says so');

is(scalar(() = records($file)), 1, 'none of this made a key');


# a name is what it is, also in JSON

$issued = decoded(agentctl('key', 'issue', '--file', $file, '--json',
                           '--expires', '1d', '--agent', "a\"\\b\x{c3}\x{a9}")
                  ->{out});
is($issued->{agent}, "a\"\\b\x{e9}", 'quotes in --json');
is(find($file, $issued->{id})->{agent}, "a\"\\b\x{e9}", 'and in the record');

$run = agentctl('key', 'issue', '--file', $file, '--json', '--expires', '1d',
                '--agent', '"' x 255);
is(decoded($run->{out})->{agent}, '"' x 255, 'the longest name');


# many keys are all different

my (%ids, %secrets);

for (1 .. 50) {
    my (undef, $id, $secret) =
        issued(decoded(issue('--file', $file, '--expires', '1d',
                             '--json')->{out})->{key});
    $ids{$id}++;
    $secrets{$secret}++;
}

is(scalar keys %ids, 50, 'ids differ');
is(scalar keys %secrets, 50, 'secrets differ');
is(agentctl('key', 'lint', '--file', $file)->{rc}, 0, 'and the file is right');

done_testing();
