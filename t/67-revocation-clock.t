# The clock is set while credentials are revoked.  Without this a step forward
# and back could let pass what is revoked until a time that is yet to come, also
# where a verdict in the cache was found clean in between; or a token that was
# issued before, or a key that is suspended, could come back with a step.
#
# requirements.md, V-05, V-06

use lib 't/lib';
use AgentClock;
use AgentAuth;
use AgentAS;
use AgentLoad;
use AgentRevocation;
use POSIX qw/ strftime /;

our $as = AgentAS->start;
our ($number, $hour, $year) = (0, 3600, 365 * 86400);

config_preamble(verdict_fields() . ' add_header Cache "$agent_cache" always;'
    . ' add_header Date-Of-Nginx $msec always;');
workers(2);


sub own { return own_provider($as, max_ttl => '1h') }


sub call {
    my ($path, $body) = @_;

    my $answer = ask("POST /control/$path",
        'Content-Type' => 'application/json',
        { body => JSON::PP->new->canonical->encode($body) });

    like($answer->{status}, qr/^20[014]$/, "$path");
}


sub at {
    return strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $_[0]);
}


# until both workers have seen the clock: connections go to either

sub stepped {
    my ($seconds) = @_;

    step($seconds);

    ok(await(sub {
        return !grep {
            my $now = fields(ask('GET /plain'), 'Date-Of-Nginx');
            abs($now - time - $seconds) > 20;
        } 1 .. 10;
    }, 'the clock'), "$seconds seconds from now");
}


# of several connections, so that the verdict of each worker is asked for

sub says {
    my ($expected, $what, @fields) = @_;

    my %said = map { fields($_, 'Agent') => 1 }
        map { ask('GET /t', @fields) } 1 .. 4;

    is(join(', ', sort keys %said), $expected, $what);
}


add_block_preprocessor(sub {
    my ($block) = @_;

    step(0);
    $block->set_value(keys => "alpha\nbeta");
    $block->set_value(http_config =>
        'agent_revocations zone=revocations:1m state=logs/state;' . own());
    $block->set_value(config => <<'CONF');
    agent_audience https://api.test/a;
    agent_audit logs/audit.log flush=20ms;
    location /plain { empty_gif; }
    location /t { agent_auth key oauth; empty_gif; }
    location /control/ { allow 127.0.0.1; deny all; agent_control keep=1h; }
CONF
});

run_tests();

__DATA__

=== TEST 1: an entry that is over, and is not
--- run
my $sub = "clock-$$-" . ++$number;
my $now = int time;

# good for long, and issued long ago

my $token = own_token($as, sub => $sub, iat => $now - 2 * $hour,
    exp => $now + $year);
my @fields = (Authorization => "Bearer $token");

says('allow ok', 'a token', @fields);
call('revocations', { kind => 'subject', issuer => own_issuer(),
    value => $sub, expires => at($now + 600) });
says('deny token_revoked', 'until a time', @fields);

stepped(300);
says('deny token_revoked', 'which is to come', @fields);
stepped(900);
says('allow ok', 'and over', @fields);
says('allow ok', 'as is known to each', @fields);
stepped(300);
says('deny token_revoked', 'it is to come again', @fields);
stepped(-$hour);
says('deny token_revoked', 'and far', @fields);
replaced('HUP');
says('deny token_revoked', 'after a reload', @fields);
stepped(0);
says('deny token_revoked', 'as it was', @fields);



=== TEST 2: issued before
--- run
my $sub = "clock-$$-" . ++$number;
my $now = int time;
my %claims = (sub => $sub, exp => $now + $year);
my @before = (Authorization => 'Bearer '
    . own_token($as, %claims, iat => $now - 2 * $hour));
my @after = (Authorization => 'Bearer '
    . own_token($as, %claims, iat => $now - $hour));

says('allow ok', 'before', @$_) for \@before, \@after;
call('revocations', { kind => 'subject', issuer => own_issuer(),
    value => $sub, before => at($now - $hour - 60) });

# what was issued before is so whatever the clock says

for my $seconds (0, $hour, 0, 30 * 86400, -$hour, 0) {
    stepped($seconds);
    says('deny token_revoked', "$seconds: before", @before);
    says('allow ok', "$seconds: after", @after);
}



=== TEST 3: all that a subject has, for as long as they are kept
--- run
my $sub = "clock-$$-" . ++$number;
my $now = int time;
my @fields = (Authorization => 'Bearer ' . own_token($as, sub => $sub,
    iat => $now - 2 * $hour, exp => $now + $year));

says('allow ok', 'a token', @fields);
call('global-token-revocation', { sub_id => { format => 'iss_sub',
    iss => own_issuer(), sub => $sub } });

for my $seconds (0, $hour - 600, -$hour, 0) {
    stepped($seconds);
    says('deny token_revoked', "$seconds: it is revoked", @fields);
}

stepped($hour + 600);
says('allow ok', 'no longer than "keep"', @fields);
stepped(0);
says('deny token_revoked', 'unless the clock is set back', @fields);



=== TEST 4: keys
--- run
my @alpha = ('X-API-Key' => key('alpha'));
my @beta = ('X-API-Key' => key('beta'));

call('keys/keys/' . key_id('alpha') . '/suspend', {});
call('revocations', { kind => 'key', value => key_id('beta'),
    expires => at(time + 600) });

for my $seconds (0, $year, 0, -$year, 0) {
    stepped($seconds);
    says('deny key_suspended', "$seconds: suspended", @alpha);
    says($seconds > 0 ? 'allow ok' : 'deny key_revoked',
        "$seconds: revoked until a time", @beta);
}

call('keys/keys/' . key_id('alpha') . '/resume', {});
says('allow ok', 'resumed', @alpha);
revocation('unrevoke', 'logs/state', kind => 'key', value => key_id('beta'));
