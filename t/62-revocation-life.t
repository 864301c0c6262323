# What was revoked stays so.  Without this a reload, another size of the zone,
# an upgrade of the binary, a restart, a worker that is killed, or a line that was
# cut off could bring back what somebody revoked, or a full table forget it.
#
# requirements.md, V-06, K-10

use lib 't/lib';
use AgentAuth;
use AgentLoad;
use AgentRevocation;

config_preamble(verdict_fields());
workers(2);

our $state = 'logs/state';
our ($said, $deleted) = (0, 0);

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config =>
        'agent_revocations zone=revocations:1m state=logs/state;')
        unless defined $block->http_config;
    $block->set_value(config => 'location /t { agent_auth key; empty_gif; }')
        unless defined $block->config;
});


sub by_key { return ask('GET /t', 'X-API-Key' => key($_[0])) }

sub entry { return (kind => 'key', value => key_id($_[0])) }


# each of many connections, so that all workers are asked

sub all_say {
    my ($name, $status) = @_;

    my @got = map { by_key($name)->{status} } 1 .. 20;

    return !grep { $_ != $status } @got;
}


sub line_of {
    my ($value, %change) = @_;

    my %line = (id => "by-hand-$value", at => 1800000000000, op => 'revoke',
        kind => 'agent', value => $value, %change);

    return JSON::PP->new->canonical->encode(\%line) . "\n";
}


# as after a crash of the machine: nginx does not run, and starts anew

sub restarted {
    my $old = master_pid();

    kill TERM => $old;
    await(sub { !kill 0 => $old }, 'the end');

    my ($rc, $said) = nginx_run();

    await(sub { master_pid() && worker_pids() == 2 }, 'the start')
        if $rc == 0;

    return ($rc, $said);
}


run_tests();

__DATA__

=== TEST 1: reload, another size, restart
--- keys
alpha
beta
--- run
revocation('revoke', $state, entry('alpha'), note => 'to stay');
revocation('suspend', $state, entry('beta'));

replaced('HUP');
ok(all_say('alpha', 401), 'after a reload');

reconfigured(sub { s/revocations:1m/revocations:2m/ });
ok(all_say('alpha', 401), 'with another size');

revocation('resume', $state, entry('beta'));
ok(all_say('beta', 200), 'and it follows');

reconfigured(sub { s/revocations:2m/revocations:1m/ });
ok(all_say('alpha', 401), 'with the size before');
ok(all_say('beta', 200), 'what was resumed');

my ($rc) = restarted();
is($rc, 0, 'a restart');
ok(all_say('alpha', 401), 'after it');
ok(all_say('beta', 200), 'what was resumed');

# of four lines one counts

is(scalar state_lines($state), 1, 'the file was made shorter');
like((state_lines($state))[0]{cause}, qr/to stay/, 'by the others');

revocation('unrevoke', $state, entry('alpha'));
ok(all_say('alpha', 200), 'taken back');



=== TEST 2: workers that are killed
--- keys
alpha
--- serious
2x exited on signal 9
--- run
revocation('revoke', $state, entry('alpha'));

my %old = map { $_ => 1 } worker_pids();
kill KILL => keys %old;

await(sub { 2 == grep { !$old{$_} } worker_pids() }, 'new workers');
ok(all_say('alpha', 401), 'others know');

revocation('unrevoke', $state, entry('alpha'));
ok(all_say('alpha', 200), 'and follow');



=== TEST 3: a torn line
--- keys
alpha
beta
--- run
revocation('revoke', $state, entry('alpha'));
append_lines($state, substr line_of('alpha'), 0, 40);

ok(all_say('alpha', 401), 'what was before it counts');
revocation('revoke', $state, entry('beta'));
ok(all_say('beta', 401), 'and what came after it');
is(scalar grep({ !ref } state_lines($state)), 0, 'it was cut off');

append_lines($state, substr line_of('alpha'), 0, 40);
my ($rc) = restarted();
is($rc, 0, 'a restart');
ok(all_say($_, 401), "$_ after it") for qw/ alpha beta /;

append_lines($state, "\0" x 40000);
($rc) = restarted();
is($rc, 0, 'zeros of a block that was never written');
ok(all_say('alpha', 401), 'after it');

revocation('unrevoke', $state, entry($_)) for qw/ alpha beta /;



=== TEST 4: a line that is no good
--- keys
alpha
--- run
revocation('revoke', $state, entry('alpha'));
my $lines = () = state_lines($state);
append_lines($state, "{\"id\":\"x\"}\n" . line_of('z'));

log_mark();
replaced('HUP');
said(sprintf('state:%d: "id" or "at" is missing, in "agent_revocations"',
    $lines + 1), 'the reload says where');
said('the revocations of zone "revocations" stay as they were', 'and what');
ok(all_say('alpha', 401), 'what was in force is');
ok(refused_revocation('revoke', $state, entry('z')), 'no other is taken');

my ($rc, $said) = nginx_run('-t');
isnt($rc, 0, 'nginx -t');
like($said, qr/state:\d+: "id" or "at" is missing/, 'says where');

($rc, $said) = restarted();
isnt($rc, 0, 'a start');
like($said, qr/state:\d+: "id" or "at" is missing.* in \S+nginx.conf:\d+/,
    'says where, and of which directive');

# mended by hand

open my $in, '<', state_path($state) or die;
my @good = grep { !/"id":"x"/ } <$in>;
write_file(state_path($state), join '', @good);

($rc) = nginx_run();
is($rc, 0, 'mended');
await(sub { worker_pids() == 2 }, 'workers');
ok(all_say('alpha', 401), 'and in force');

revocation('unrevoke', $state, entry('alpha'));
ok(all_say('alpha', 200), 'taken back');
--- serious
2x state:



=== TEST 5: the file is replaced by hand, and a reload takes it
--- keys
alpha
--- run
revocation('revoke', $state, entry('alpha'));

write_file(state_path($state), line_of('nobody'), 0600);
chown((stat state_path("$state.lock"))[4, 5], state_path($state));

ok(all_say('alpha', 401), 'nothing is forgotten before');
ok(refused_revocation('revoke', $state, entry('x')), 'and nothing taken');

replaced('HUP');
ok(all_say('alpha', 200), 'it is as the file says');

revocation('revoke', $state, kind => 'agent', value => 'alpha');
ok(all_say('alpha', 401), 'and followed');
revocation('unrevoke', $state, kind => 'agent', value => 'alpha');
ok(all_say('alpha', 200), 'and followed');



=== TEST 6: a zone that is too small for the file
--- keys
alpha
--- http_config
    agent_revocations zone=small:64k state=logs/small;
--- run
my $text = join '', map { line_of("agent-$_") } 1 .. 3000;

write_file(state_path('logs/many'), $text, 0600);

my ($rc, $said) = nginx_run("-g 'error_log logs/many.log;'", '-t');
is($rc, 0, 'as it is');

# another file and another zone, so that it is filled from that

log_mark();
rewritten(sub { s/zone=small:64k state=logs\/small/zone=many:64k state=logs\/many/ });
signal_master('HUP');

said('zone "many" in "agent_revocations" is too small for', 'is refused');
my ($size) = join(' ', error_lines()) =~ /it needs zone=many:(\d+)k/;
cmp_ok($size, '>', 128, "and told what it needs, ${size}k");

decided by_key('alpha'), 'ok', 'what was in force is';

reconfigured(sub { s/many:64k/many:${size}k/ });
revocation('revoke', 'logs/many', kind => 'agent', value => 'alpha');
ok(all_say('alpha', 401), 'with that size it is good');

reconfigured(sub {
    s/zone=many:\d+k state=logs\/many/zone=small:64k state=logs\/small/
});
--- serious
1x zone "many" in "agent_revocations" is too small



=== TEST 7: other processes take more than this zone can hold
--- keys
alpha
--- http_config
    agent_revocations zone=few:64k state=logs/few;
--- run
log_mark();

# some hundreds fit; agentctl knows no zone

append_lines('logs/few', join '', map { line_of("a-$_-$$") } 1 .. 2000);
refused_revocation('revoke', 'logs/few', kind => 'agent', value => 'last');

my $answer = by_key('alpha');
is($answer->{status}, 503, 'nobody passes whom nobody can judge');

# once in a minute

said('zone "few" has no room for revocations that are in force',
    'and it is said') unless $said++;

write_file(state_path('logs/few'), '', 0600);
chown((stat state_path("logs/few.lock"))[4, 5], state_path('logs/few'));
replaced('HUP');
decided by_key('alpha'), 'ok', 'mended';



=== TEST 8: the lock is deleted while nginx runs
--- keys
alpha
--- run
my $lock = qr/state\.lock" was deleted, replaced or cut, /;

log_mark();
unlink state_path("$state.lock");

# by a request, once in a minute

ok(await(sub { by_key('alpha'); grep { /$lock/ } error_lines() }, 'a look'),
    'it is said') unless $deleted++;

# what would be in force nowhere is not written

ok(refused_revocation('revoke', $state, entry('alpha')), 'no change without it');
ok(all_say('alpha', 200), 'and none is made');

# another process has a lock of its own now

open my $other, '>', state_path("$state.lock") or die "lock: $!\n";
close $other;

revocation('revoke', $state, entry('alpha'));
ok(all_say('alpha', 200), 'nobody here knows');

log_mark();
replaced('HUP');
said(qr/\[error\].*state\.lock" was replaced while nginx ran, /,
    'the reload says so, too');
ok(all_say('alpha', 401), 'and takes it');
revocation('unrevoke', $state, entry('alpha'));
ok(all_say('alpha', 200), 'and follows');

log_mark();
replaced('HUP');
is(scalar(grep { /state\.lock/ } error_lines()), 0, 'nothing is left to say');
