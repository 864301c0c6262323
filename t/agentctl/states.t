# Without this: a revoked key comes back, a suspended one cannot, a rotation
# ends the old key too early or never, or loses what the key was allowed
# (K-07, K-08).

use strict;
use warnings;

use lib 't/agentctl';

use Ctl;
use Digest::SHA qw/ hmac_sha256_hex sha256_hex /;
use MIME::Base64 qw/ encode_base64 /;
use Test::More;


my $id = 'TESTstateTESTsta';
my $day = 86400;

# a key in each status; what each command makes of it: a state, or an error

my $final = qr/it is revoked.*that is final/;
my $done = qr/it has expired/;

my @matrix = (
    { name => 'active', record => {},
      suspend => 'suspended', resume => qr/neither suspended nor pending/,
      revoke => 'revoked', rotate => 'deprecated' },
    { name => 'active, begun',
      record => { state => 'pending', not_before => iso(-5) },
      suspend => 'suspended', resume => qr/neither suspended nor pending/,
      revoke => 'revoked', rotate => 'deprecated' },
    { name => 'pending, with a date',
      record => { state => 'pending', not_before => iso($day) },
      suspend => 'suspended', resume => 'active', revoke => 'revoked',
      rotate => qr/is pending: resume it first/ },
    { name => 'pending, active with a date',
      record => { state => 'active', not_before => iso($day) },
      suspend => 'suspended', resume => 'active', revoke => 'revoked',
      rotate => qr/is pending: resume it first/ },
    { name => 'pending, without a date', record => { state => 'pending' },
      suspend => 'suspended', resume => 'active', revoke => 'revoked',
      rotate => qr/is pending: resume it first/ },
    { name => 'grace', record => { state => 'deprecated',
                                   grace_until => iso($day) },
      suspend => 'suspended', resume => qr/neither suspended nor pending/,
      revoke => 'revoked', rotate => 'deprecated' },
    { name => 'suspended', record => { state => 'suspended' },
      suspend => qr/it is suspended already/, resume => 'active',
      revoke => 'revoked', rotate => qr/is suspended: resume it first/ },
    { name => 'suspended in grace', record => { state => 'suspended',
                                                grace_until => iso($day) },
      suspend => qr/it is suspended already/, resume => 'deprecated',
      revoke => 'revoked', rotate => qr/is suspended: resume it first/ },
    { name => 'suspended before its begin',
      record => { state => 'suspended', not_before => iso($day) },
      suspend => qr/it is suspended already/, resume => 'pending',
      revoke => 'revoked', rotate => qr/is suspended: resume it first/ },
    { name => 'expired', record => { expires => iso(-1) },
      suspend => $done, resume => $done, revoke => 'revoked',
      rotate => qr/is expired: issue another/ },
    { name => 'past grace', record => { state => 'deprecated',
                                        grace_until => iso(-1) },
      suspend => $done, resume => $done, revoke => 'revoked',
      rotate => qr/is expired: issue another/ },
    { name => 'suspended and expired',
      record => { state => 'suspended', expires => iso(-1) },
      suspend => $done, resume => $done, revoke => 'revoked',
      rotate => qr/is expired: issue another/ },
    { name => 'revoked', record => { state => 'revoked' },
      suspend => $final, resume => $final, revoke => $final,
      rotate => qr/is revoked: issue another/ },
);

for my $case (@matrix) {

    for my $command (qw/ suspend resume revoke rotate /) {

        my $file = keyfile('m.jsonl', record(),
                           record(id => $id, %{ $case->{record} }), record());
        my $before = slurp($file);
        my $run = agentctl('key', $command, $id, '--file', $file, '--json');
        my $name = "$command of a key that is $case->{name}";
        my $want = $case->{$command};

        if (ref $want) {
            is($run->{rc}, 1, "$name: refused");
            like($run->{err}, $want, "$name: why");
            is($run->{out}, '', "$name: nothing on standard output");
            is(slurp($file), $before, "$name: the file is as it was");
            next;
        }

        is($run->{rc}, 0, "$name: done") or diag($run->{err});
        is(find($file, $id)->{state}, $want, "$name: state");
        is(agentctl('key', 'lint', '--file', $file)->{rc}, 0,
           "$name: the file is right");

        next if $command eq 'rotate';

        is($run->{out}, qq({"id":"$id","state":"$want"}\n), "$name: --json");
    }
}


# what is told to people, notes

my $file = keyfile('k.jsonl', record(id => $id, note => 'old'));

is(agentctl('key', 'suspend', $id, '--file', $file)->{out},
   "Key $id is suspended now.\n", 'suspended');
is(find($file, $id)->{note}, 'old', 'a note stays');
is(agentctl('key', 'resume', $id, '--file', $file, '--note', 'new')->{out},
   "Key $id is active now.\n", 'resumed');
is(find($file, $id)->{note}, 'new', 'unless there is a new one');

$file = keyfile('k.jsonl', record(id => $id, state => 'pending',
                                  not_before => iso($day)));
agentctl('key', 'resume', $id, '--file', $file);
is(find($file, $id)->{not_before}, undef,
   'a key that is resumed before its begin has none any more');

$file = keyfile('k.jsonl', record(id => $id));
agentctl('key', 'revoke', $id, '--file', $file);
is(scalar(() = records($file)), 1, 'a revoked record stays');


# rotation: the successor

sub rotate {
    my ($record, @args) = @_;

    my $file = keyfile('r.jsonl', record(), record(id => $id, %$record));

    return agentctl('key', 'rotate', $id, '--file', $file, '--json', @args);
}

my $made = path('r.jsonl');
my $run = rotate({ owner => 'o', scopes => [ 'a', 'b' ], services => [ 's' ],
                   networks => [ '10.0.0.0/8' ], note => 'n', x_ticket => 7,
                   created => iso(-10 * $day), expires => iso(20 * $day) },
                 '--overlap', '2h');

is($run->{rc}, 0, 'rotated');

my $shown = decoded($run->{out});
is(join(' ', sort keys %$shown), 'agent expires id key replaces',
   'members of --json');
is($shown->{replaces}, $id, 'replaces');

my ($prefix, $new, $secret) = issued($shown->{key});
my ($old, $successor) = (find($made, $id), find($made, $new));

is($new, $shown->{id}, 'id');
is($prefix, 'agk', 'prefix');
is($successor->{digest}, 'sha256:' . sha256_hex($secret), 'digest');
is($successor->{agent}, 'test-bot', 'agent');
is($successor->{owner}, 'o', 'owner');
is("@{ $successor->{scopes} }", 'a b', 'scopes');
is("@{ $successor->{services} }", 's', 'services');
is("@{ $successor->{networks} }", '10.0.0.0/8', 'networks');
is($successor->{state}, 'active', 'state');
is(join(' ', sort keys %$successor), 'agent created digest expires id '
   . 'networks owner scopes services state', 'and no more');
ok((grep { iso($_) eq $successor->{created}
           && iso($_ + 30 * $day) eq $successor->{expires} } lately()),
   'created now, and a lifetime like that of the old key');
is($shown->{expires}, $successor->{expires}, 'expires as printed');

is($old->{state}, 'deprecated', 'the old key is deprecated');
is($old->{successor}, $new, 'names its successor');
ok((grep { iso($_ + 7200) eq $old->{grace_until} } lately()),
   'and ends after the overlap');
is($old->{x_ticket}, 7, 'its other members stay');

$run = agentctl('key', 'rotate', $id, '--file', $made);
is($run->{rc}, 1, 'it is not rotated twice');
like($run->{err}, qr/rotated already: its successor is $new/, 'says why');

$run = agentctl('key', 'rotate', $new, '--file', $made);
is($run->{rc}, 0, 'but its successor is rotated');
ok(issued($run->{out} =~ s/\n//r), 'for people the key alone');
like($run->{err}, qr/in the place of $new/, 'and of what it takes the place');


# rotation: dates

sub grace_is {
    my ($seconds, $name) = @_;

    my $grace = find($made, $id)->{grace_until};
    ok((grep { iso($seconds + $_) eq $grace } lately()), $name) or diag($grace);
}

rotate({});
grace_is($day, 'overlap is 24h');

rotate({}, '--overlap', '0');
grace_is(0, 'overlap 0 ends the old key now');
is(decoded(agentctl('key', 'show', $id, '--file', $made, '--json')->{out})
   ->{status}, 'expired', 'it is not accepted any more');

rotate({ expires => iso(3600) });
is(find($made, $id)->{grace_until}, iso(3600),
   'grace ends where the old key does');

rotate({ state => 'deprecated', grace_until => iso(600) });
is(find($made, $id)->{grace_until}, iso(600),
   'an earlier end of grace stays');

rotate({}, '--overlap', '9999y');
is(find($made, $id)->{grace_until}, iso(90 * $day), 'a very long overlap');

$shown = decoded(rotate({}, '--expires', '5d')->{out});
ok((grep { iso(5 * $day + $_) eq $shown->{expires} } lately()), '--expires');

$run = rotate({ created => undef });
is($run->{rc}, 1, 'no created, no lifetime');
like($run->{err}, qr/lifetime .* does not show from its record, give --exp/,
     'says what to do');
is(rotate({ created => undef }, '--expires', '5d')->{rc}, 0, 'which helps');

is(rotate({ expires => '9999-12-31T23:59:59Z' })->{rc}, 1,
   'an end past the year 9999');


# rotation: prefix, notes, imported keys

$shown = decoded(rotate({ x_prefix => 'pay' })->{out});
like($shown->{key}, qr/^pay_/, 'the prefix stays');
is(find($made, $shown->{id})->{x_prefix}, 'pay', 'for the next one, too');

$shown = decoded(rotate({ x_prefix => 'pay' }, '--prefix', 'new')->{out});
like($shown->{key}, qr/^new_/, 'unless there is a new one');

$shown = decoded(rotate({ x_prefix => [ 'PAY' ] })->{out});
like($shown->{key}, qr/^agk_/, 'an x_prefix of somebody else');

$run = rotate({ x_prefix => 'PAY!' });
is($run->{rc}, 1, 'an x_prefix that cannot be one');
like($run->{err}, qr/prefix of a key must be .* give --prefix/, 'says so');

$shown = decoded(rotate({}, '--note', 'the new one')->{out});
is(find($made, $shown->{id})->{note}, 'the new one', 'note of the successor');

$shown = decoded(rotate({ imported => \1 })->{out});
ok(issued($shown->{key}), 'the successor of an imported key is issued');
ok(!exists find($made, $shown->{id})->{imported}, 'and not imported');
is(find($made, $id)->{state}, 'deprecated', 'the imported key ends');


# rotation: a key that has a pepper keeps having one

my $pepper = 'pepper 4 the tests 0123456789abc';
my $peppers = spew(path('peppers'), 'p1 ' . encode_base64($pepper, '') . "\n");
my $hmac = 'hmac-sha256:p1:' . '0' x 64;
chmod 0600, $peppers;

$run = rotate({ digest => $hmac });
is($run->{rc}, 1, 'no downgrade to a plain digest');
like($run->{err}, qr/is an HMAC, .* give --pepper-file/, 'says what to do');
is(find($made, $id)->{state}, 'active', 'and changes nothing');

$shown = decoded(rotate({ digest => $hmac }, '--pepper-file', $peppers)->{out});
is(find($made, $shown->{id})->{digest},
   'hmac-sha256:p1:' . hmac_sha256_hex((issued($shown->{key}))[2], $pepper),
   'the successor has the first pepper');

is(rotate({}, '--pepper-file', $peppers)->{rc}, 0, 'an upgrade is fine');

$run = rotate({ digest => 'hmac-sha256:p9:' . '0' x 64 }, '--pepper-file',
              $peppers);
is($run->{rc}, 1, 'a pepper that is not there');
like($run->{err}, qr/r\.jsonl:3: unknown pepper "p9"/, 'is named');

done_testing();
