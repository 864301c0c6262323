# Another executable takes over (USR2), or the one before does once more, while
# credentials are revoked.  Without this what one of two sets of processes was
# told would be good with the other for a while, or be forgotten with the set
# that ends; a stream of the old set could go on for whoever was revoked; and
# nobody could prove the log of that time.
#
# requirements.md, V-05 to V-07, U-08, I-16

use lib 't/lib';
use AgentAuth;
use AgentAS;
use AgentLoad;
use AgentRevocation;
use Digest::SHA qw/ sha256 /;
use MIME::Base64 qw/ encode_base64 encode_base64url /;

our $as = AgentAS->start;
our ($up, $log, $logs, $runs, $number) = (undef, undef, 0, 0, 0);
our $state = 'logs/state';

config_preamble(verdict_fields() . ' add_header Worker "$pid" always;');
workers(2);
worker_connections(512);
log_level('info');

# what the new executable gets of the environment

env_to_nginx('LSAN_OPTIONS', 'UBSAN_OPTIONS');


sub chain_key {
    my $path = $as->dir . '/audit.key';

    open my $out, '>', $path or die "$path: $!\n";
    print $out 'k1 ', encode_base64('k' x 32, ''), "\n";
    close $out;
    chmod 0600, $path;

    return $path;
}


sub by_key {
    return ask('GET /t', 'X-API-Key' => key($_[0]));
}


sub by_token {
    return ask('GET /t', Authorization => "Bearer $_[0]");
}


# posted to one of these workers, while others are busy, too

sub told {
    my ($status, $path, $body, @workers) = @_;

    my $answer = answer_of(connection_of('/plain', @workers),
        "POST /control/$path", 'Content-Type' => 'application/json',
        { body => JSON::PP->new->canonical->encode($body) });

    is($answer->{status}, $status, "$path: is done");
    is(scalar grep({ $_ == fields($answer, 'Worker') } @workers), 1,
        "$path: by one of them");
}


# The credentials of a run: name => its octets of a request, how it is taken
# back, and by which set it is revoked: 0, the old one, 1, the new one.

sub credentials {
    my ($run) = @_;

    my %all = (stays => { header => [ 'X-API-Key' => key('delta') ] });

    for my $set (0, 1) {
        my $sub = "up-$$-$run-$set";

        $all{"revoked $set"} = {
            header => [ 'X-API-Key' => key("revoked$set") ],
            path => 'revocations', status => 201,
            body => { kind => 'key', value => key_id("revoked$set") },
            undo => [ 'unrevoke', kind => 'key',
                      value => key_id("revoked$set") ],
        };

        $all{"suspended $set"} = {
            header => [ 'X-API-Key' => key("suspended$set") ],
            path => 'keys/keys/' . key_id("suspended$set") . '/suspend',
            status => 200, body => {},
            undo => [ 'resume', kind => 'key',
                      value => key_id("suspended$set") ],
        };

        $all{"subject $set"} = {
            header => [ Authorization => 'Bearer ' . own_token($as,
                            sub => $sub) ],
            path => 'revocations', status => 201,
            body => { kind => 'subject', issuer => own_issuer(),
                      value => $sub },
            undo => [ 'unrevoke', kind => 'subject', issuer => own_issuer(),
                      value => $sub ],
        };

        $_->{set} = $set
            for @all{"revoked $set", "suspended $set", "subject $set"};
    }

    return \%all;
}


# Clients that come with all of them, by connections of their own.  A word is
# the credential, the status, who answered, and "late" if it was sent when the
# answer to its revocation was there.

sub load_with {
    my ($all) = @_;

    my @names = sort keys %$all;
    my $run = ++$runs;

    $all->{$names[$_]}{marker} = state_path("logs/late-$$-$run-$_")
        for 0 .. $#names;

    return AgentLoad->begin(4, sub {
        my $name = $names[rand @names];
        my $one = $all->{$name};
        my $late = -e $one->{marker} ? ' late' : '';
        my $answer = ask('GET /t', @{ $one->{header} });

        return "$name: $answer->{status} "
            . (fields($answer, 'Worker') // '-') . $late;
    });
}


# what was counted, by status and set

sub tallied {
    my ($all, $count, $sets) = @_;

    my %set = map { my $n = $_; map { $_ => $n } @{ $sets->[$n] } }
        0 .. $#$sets;
    my %tally;

    for (keys %$count) {
        my ($name, $status, $pid, $late) = /^(.*): (\d+) (\S+)( late)?$/
            or do { fail("not understood: $_"); next };

        $tally{$name}{$status . ($late // '')}{$set{$pid} // $pid}
            += $count->{$_};
    }

    for my $name (sort keys %$all) {
        my $of = $tally{$name};
        my $by = sub { join ' ', sort keys %{ $of->{$_[0]} // {} } };

        if ($name eq 'stays') {
            is(join(' ', sort keys %$of), '200', "$name: nothing is lost");
            is($by->('200'), join(' ', 0 .. $#$sets), "$name: all sets serve");
            next;
        }

        is($by->('200 late'), '', "$name: none is admitted afterwards");
        is($by->('401 late'), join(' ', 0 .. $#$sets),
            "$name: all sets refuse it afterwards");
        is(join(' ', grep { !/^(?:200|401)(?: late)?$/ } sort keys %$of), '',
            "$name: nothing is lost");
    }
}


sub marked {
    write_file($_[0]{marker}, '', 0644);
}


# those of a set are revoked by it: its workers

sub revoke_by {
    my ($all, $set, @workers) = @_;

    for my $name (sort keys %$all) {
        my $one = $all->{$name};

        next if !defined $one->{set} || $one->{set} != $set;

        told($one->{status}, $one->{path}, $one->{body}, @workers);
        marked($one);
    }
}


sub each_refuses {
    my ($all, $what, @workers) = @_;

    for my $name (sort keys %$all) {
        my %said = map { $_->{status} => 1 } each_worker(
            sub { ask('GET /t', @{ $all->{$name}{header} }) }, @workers);

        is(join(' ', sort keys %said), $name eq 'stays' ? 200 : 401,
            "$what: $name, of each worker");
    }
}


sub taken_back {
    my ($all, @workers) = @_;

    for my $name (grep { $all->{$_}{undo} } sort keys %$all) {
        my ($op, @entry) = @{ $all->{$name}{undo} };

        revocation($op, $state, @entry);

        my %said = map { $_->{status} => 1 } each_worker(
            sub { ask('GET /t', @{ $all->{$name}{header} }) }, @workers);

        is(join(' ', sort keys %said), 200, "$name: taken back");
    }
}


# every line of the log is proven

sub proven {
    my ($what) = @_;

    my @command = ("$AgentAuth::Root/build/agentctl", 'audit', 'verify',
        '--json', '--key-file', chain_key(), state_path($log));

    open my $in, '-|', @command or die "agentctl: $!\n";
    my $got = eval { JSON::PP::decode_json(join '', <$in>) };
    close $in;

    is($? >> 8, 0, "$what: the log is intact")
        or diag(JSON::PP->new->canonical->pretty->encode($got // {}));
    is($got->{lost}, 0, "$what: no line is lost");

    return $got;
}


sub proof {
    my ($token) = @_;

    return $as->dpop_proof($as->dir . '/agent-es256.key', 'GET',
        'https://api.test/p', ath => encode_base64url(sha256($token)));
}


add_block_preprocessor(sub {
    my ($block) = @_;

    my ($port) = port(1) =~ /(\d+)$/;

    # a log of its own for each: that of the test before goes with its chains,
    # while nginx goes on

    $log = 'logs/audit-' . ++$logs . '.log';

    $up //= upstream(1);

    $block->set_value(keys => join("\n", 'delta',
        map { "revoked$_\nsuspended$_" } 0, 1) . "\n");
    $block->set_value(http_config => own_provider($as)
        . 'agent_dpop_cache zone=proofs:1m '
        . ($block->name =~ /nonce/ ? 'nonce=600s' : '') . ";\n"
        . "agent_revocations zone=revocations:1m state=$state;\n"
        . 'agent_audit_chain key_file=' . chain_key() . ";\n");
    $block->set_value(config => <<CONF);
    agent_resource https://api.test/a;
    agent_audit $log flush=20ms;
    location /plain { empty_gif; }
    location /t { agent_auth key oauth; empty_gif; }
    location /p { agent_auth oauth; empty_gif; }
    location /s {
        agent_auth key oauth;
        agent_recheck 100ms;
        proxy_buffering off;
        proxy_http_version 1.1;
        proxy_pass http://127.0.0.1:$port;
    }
    location /control/ { allow 127.0.0.1; deny all; agent_control; }
CONF
});

run_tests();

__DATA__

=== TEST 1: two sets side by side, and the new one alone
--- run
my $all = credentials(++$number);
my @before = worker_pids();
my $load = load_with($all);

# of which nothing is left: the new master begins with a shorter file

revocation($_, $state, kind => 'agent', value => "nobody-$$")
    for ('revoke', 'unrevoke') x 5;

$load->await(100);
my ($new, $old) = upgraded();
my @sets = (\@before, [ worker_pids($new) ]);

is(scalar state_lines($state), 0, 'the file was made shorter');
$load->await(200);
revoke_by($all, $_, @{ $sets[$_] }) for 0, 1;
$load->await_anew(1000);
tallied($all, $load->end, \@sets);
each_refuses($all, 'both', map { @$_ } @sets);

quits($old);
each_refuses($all, 'the new one alone', @{ $sets[1] });
replaced('HUP');
each_refuses($all, 'after a reload', worker_pids());
taken_back($all, worker_pids());
proven('two sets');



=== TEST 2: the way back
--- run
my $all = credentials(++$number);
my @before = worker_pids();
my ($new, $old) = upgraded();

kill WINCH => $old;
ok(await(sub { !worker_pids($old) }, 'the old workers to go'), 'WINCH');

my @sets = (undef, [ worker_pids($new) ]);
my $load = load_with($all);

# what only the new set heard of

$load->await(100);
revoke_by($all, 1, @{ $sets[1] });
kill HUP => $old;
ok(await(sub { worker_pids($old) == 2 }, 'workers of the old one'), 'HUP');
$sets[0] = [ worker_pids($old) ];

$load->await(100);
revoke_by($all, 0, @{ $sets[0] });
$load->await_anew(1000);
tallied($all, $load->end, \@sets);
each_refuses($all, 'both', map { @$_ } @sets);

quits($new);
is(master_pid(), $old, 'it is the old one again');
each_refuses($all, 'the old one alone', @{ $sets[0] });
taken_back($all, @{ $sets[0] });
proven('there and back');



=== TEST 3: streams of the set that ends
--- run
my %entry = (kind => 'key', value => key_id('revoked0'));
my @stream = streaming($up, 'GET /s', 'X-API-Key' => key('revoked0'));
my @other = streaming($up, 'GET /s', 'X-API-Key' => key('delta'));
my ($new, $old) = upgraded();
my @workers = worker_pids($old);

kill QUIT => $old;
ok(await(sub { !grep { my $pid = $_; !grep { $_ == $pid } worker_pids($new) }
    map { fields(ask('GET /plain'), 'Worker') } 1 .. 10 }, 'the new set'),
    'the new set serves alone');
ok(scalar(grep { AgentAuth::running($_) } @workers), 'a stream is left');

# by another process, and by the new set

revocation('revoke', $state, %entry);
is($stream[0]->octets(1000), '', 'a stream of the old set is cut');

$other[1]->send("5\r\nagain\r\n");
is($other[0]->octets(10), "5\r\nagain\r\n", 'another goes on');
is((answer_of(connected(), 'POST /control/keys/keys/' . key_id('delta')
    . '/suspend', 'Content-Type' => 'application/json', { body => '{}' }))
    ->{status}, 200, 'suspended by the new set');
is($other[0]->octets(1000), '', 'that one is cut, too');

ok(await(sub { !grep { AgentAuth::running($_) } $old, @workers },
    'the old set to go'), 'the old set goes');
revocation('unrevoke', $state, %entry);
revocation('resume', $state, kind => 'key', value => key_id('delta'));
is(by_key($_)->{status}, 200, "$_: taken back") for qw/ revoked0 delta /;
proven('streams');



=== TEST 4: proofs of possession are taken once by each of the two
This is the window of an upgrade.
--- run
my $token = own_token($as, aud => 'https://api.test/a', sub => 'p',
    cnf => { jkt => $as->thumbprint($as->dir . '/agent-es256.key') });
my @fields = (Authorization => "DPoP $token", DPoP => proof($token));
my $ask = sub { ask('GET /p', @fields) };

my $answer = $ask->();
is($answer->{status}, 200, 'a proof');

my ($new, $old) = upgraded();
my @sets = ([ worker_pids($old) ], [ worker_pids($new) ]);
my @said = map { "$_->{status} " . fields($_, 'Agent') }
    each_worker($ask, map { @$_ } @sets);

is(join(', ', @said), join(', ', ('401 deny dpop_replayed') x 2,
    '200 allow ok', '401 deny dpop_replayed'), 'again, of each worker');

# what the new one has taken is taken, whoever reloads

quits($old);
replaced('HUP');
is(fields($ask->(), 'Agent'), 'deny dpop_replayed', 'and after a reload');
proven('proofs');



=== TEST 5: with a nonce they are taken once
--- run
my $token = own_token($as, aud => 'https://api.test/a', sub => 'p',
    cnf => { jkt => $as->thumbprint($as->dir . '/agent-es256.key') });
my @fields = (Authorization => "DPoP $token");
my $nonce = fields(ask('GET /p', @fields, DPoP => proof($token)),
    'DPoP-Nonce');
my $proof = $as->dpop_proof($as->dir . '/agent-es256.key', 'GET',
    'https://api.test/p', ath => encode_base64url(sha256($token)),
    nonce => $nonce);
my $ask = sub { ask('GET /p', @fields, DPoP => $proof) };

is($ask->()->{status}, 200, 'a proof with the nonce');

my ($new, $old) = upgraded();
my @said = map { "$_->{status} " . fields($_, 'Agent') }
    each_worker($ask, worker_pids($old), worker_pids($new));

is(join(', ', @said), join(', ', ('401 deny dpop_replayed') x 2,
    ('401 deny dpop_nonce') x 2), 'the new one has nonces of its own');
quits($new);
is(fields($ask->(), 'Agent'), 'deny dpop_replayed', 'the way back');
