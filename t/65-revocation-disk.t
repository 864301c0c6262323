# A disk that is full in the middle of a change: without this half of what was
# asked for could be in force, or be it later, when nobody reckons with it any
# more, or a worker be lost.
#
# requirements.md, V-06

use lib 't/lib';
use AgentAuth;
use AgentLoad;
use AgentRevocation;
use File::Temp ();
use JSON::PP ();

our $dir = File::Temp::tempdir(CLEANUP => 0);
our $owner = $$;

plan(skip_all => 'no tmpfs can be mounted here') if system(
    "mount -t tmpfs -o size=256k,mode=755 tmpfs $dir 2>/dev/null") != 0;

END {
    if (defined $owner && $owner == $$ && defined $dir) {
        system("umount -l $dir 2>/dev/null");
        rmdir $dir;
    }
}

config_preamble(verdict_fields());
workers(2);

our $path = "$dir/state";


# every octet that is left; the last page of the state file has some, too

sub filled {
    open my $out, '>', "$dir/filler" or die "$dir/filler: $!\n";
    while (syswrite $out, 'x' x 4096) { }
    close $out;
}


sub post {
    my (@agents) = @_;

    my $answer = ask('POST /control/revocations',
        'Content-Type' => 'application/json', { body => JSON::PP::encode_json([
            map { { kind => 'agent', value => $_ } } @agents ]) });

    return ($answer->{status},
        eval { JSON::PP::decode_json($answer->{body})->{ids} });
}


sub undo {
    is(ask("DELETE /control/revocations/$_[0]")->{status}, 204, 'taken back');
}


sub by_key { return ask('GET /t', 'X-API-Key' => key($_[0]))->{status} }


sub content {
    open my $in, '<', $path or die "$path: $!\n";
    local $/;

    return scalar <$in>;
}


run_tests();

__DATA__

=== TEST 1: full in the middle of an append
--- keys
alpha
beta
--- http_config eval
"agent_revocations zone=revocations:1m state=$::path;"
--- config
    location /t { agent_auth key; empty_gif; }
    location /control/ { allow all; agent_control; }
--- run
my ($status, $ids) = post('alpha');
is($status, 201, 'there is room');
my $alpha = $ids->[0];

my $workers = join ' ', sort(worker_pids());
my $before = content();

filled();

# more than a page, so that a part of it fits

my @many = ('beta', map { "agent-$_" } 1 .. 100);

is((post(@many))[0], 500, 'there is none');
ok(content() eq $before, 'nothing of it is in the file');
is(by_key('alpha'), 401, 'what was in force is');
is(by_key('beta'), 200, 'what was not taken is not');

unlink "$dir/filler" or die $!;

($status, $ids) = post(@many);
is($status, 201, 'there is room again');
is(by_key('beta'), 401, 'it is in force');
is(scalar(grep { $_->{value} eq 'beta' && $_->{op} eq 'revoke' }
    map { JSON::PP::decode_json($_) }
    split /\n/, substr content(), length $before), 1, 'and there once');

is(join(' ', sort(worker_pids())), $workers, 'no worker was lost');

undo($ids->[0]);
undo($alpha);
is(by_key($_), 200, $_) for qw/ alpha beta /;
