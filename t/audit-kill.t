# Workers are killed under load.  Without what this proves each kill costs the
# lines that waited in the buffer of the worker, tears one in the file, or has
# the successor write lines a second time.

use lib 't/lib';
use AgentSink;

use Test::More;
use Time::HiRes qw/ sleep time /;

my $kills = $ENV{AUDIT_KILLS} // 100;
my @path = ('logs/audit.log');

# what complete answers there were to, by number
my %answered;

srand($ENV{AUDIT_SEED} // 1);


# clients that send until they are told to stop, each number once

sub clients {
    my ($n) = @_;
    my @clients;

    for my $client (1 .. $n) {
        pipe my $read, my $write or die $!;

        my $pid = fork // die $!;

        if ($pid == 0) {
            close $read;
            client($client, $write);
            POSIX::_exit(0);
        }

        close $write;
        push @clients, { pid => $pid, read => $read };
    }

    return @clients;
}


sub client {
    my ($client, $write) = @_;

    my ($stop, $socket, @answered);
    my $number = 10_000_000 * $client;

    local $SIG{TERM} = sub { $stop = 1 };

    until ($stop) {
        $socket //= AgentSink::connection() or sleep 0.01, next;

        if (AgentSink::answer($socket, ++$number)) {
            push @answered, $number;

        } else {
            undef $socket;
            $answered[-1] =~ s/^/last / if @answered;
        }

        # the count of kills is what matters
        sleep 0.0005;
    }

    print {$write} map { "$_\n" } @answered;
    close $write;
}


sub end_clients {
    my (@clients) = @_;

    kill 'TERM', map { $_->{pid} } @clients;

    for my $client (@clients) {

        while (my $line = readline $client->{read}) {
            my ($last, $number) = $line =~ /^(last )?(\d+)$/ or die $line;
            $answered{$number} = $last ? 'last' : 'one';
        }

        waitpid $client->{pid}, 0;
    }
}


# A worker that was killed between the last octet of an answer and the line
# about it has not finished that request: one that its connection ended with,
# and one for each kill at most.

sub accounted {
    my ($what, $n) = @_;

    my (%seen, @torn);

    for my $file (map { path($_) } @path) {
        open my $in, '<', $file or next;

        while (<$in>) {
            /^\{"time":.*"path":"\/(\d+)".*\}\n\z/ && !/.\{"time"/
                ? $seen{$1}++ : push @torn, $_;
        }
    }

    my @missing = grep { !$seen{$_} } keys %answered;

    note("$what: " . keys(%answered) . ' answers, ' . @missing
        . ' without a line');
    cmp_ok(scalar keys %answered, '>', 10 * $n, "$what: there was a load");
    cmp_ok(scalar @missing, '<=', $n, "$what: all that waited was written");
    is(scalar(grep { $answered{$_} ne 'last' } @missing), 0,
        "$what: what is missing was under way");
    is(scalar(grep { $_ > 1 } values %seen), 0,
        "$what: no line is there twice");
    is("@torn", '', "$what: no line is torn, nothing else is there");

    %answered = ();
}


sub kill_worker {
    my @workers = workers(2);
    my $victim = $workers[rand @workers];

    sleep 0.01 + rand 0.05;
    kill 'KILL', $victim;
    await(sub { !AgentAuth::running($victim) }, "end of worker $victim");
}


my @expected = (qr/exited on signal 9/, qr/was locked by/);

# what waits would be there for an hour

start(audit => 'logs/audit.log buffer=256k flush=1h', workers => 2);
my @clients = clients(4);
kill_worker() for 1 .. $kills;
workers(2);
end_clients(@clients);
stop();
accounted('kill', $kills);
cmp_ok(scalar(grep { /audit lines of a process that died were written/ }
    log_lines()), '>', $kills / 4, 'kill: successors had something to write');
finish(@expected);


# files that are moved away meanwhile

start(audit => 'logs/audit.log buffer=32k flush=20ms', workers => 2);
@clients = clients(4);

for my $n (1 .. $kills / 5) {
    kill_worker();

    rotate('logs/audit.log', "logs/audit.log.$n");
    push @path, "logs/audit.log.$n";
}

workers(2);
end_clients(@clients);
stop();
accounted('USR1', $kills / 5);
finish(@expected);
@path = ('logs/audit.log');


# killed amid a write() as often as can be

start(audit => 'logs/audit.log buffer=8k flush=1ms', workers => 2);
@clients = clients(4);
kill_worker() for 1 .. $kills;
workers(2);
end_clients(@clients);
stop();
accounted('write', $kills);
finish(@expected);


# A worker of the configuration before, which nobody replaces, and whose buffer
# had another size: what it leaves is for those that have come.

start(audit => 'logs/audit.log buffer=256k flush=1h', workers => 1);
load(1, 50);
my ($old) = workers(1);
my $under_way = AgentSink::connection();
print {$under_way} "GET /";
configure(audit => 'logs/audit.log buffer=64k flush=1h', workers => 1);
kill 'HUP', master();
my ($second) = grep { $_ != $old } workers(2);
is(count(@path), 0, 'HUP: the lines are still in the buffer');

# and once more, so that there are three sizes
configure(audit => 'logs/audit.log buffer=128k flush=50ms', workers => 1);
kill 'HUP', master();
await(sub { !AgentAuth::running($second) }, 'the second reload');
workers(2);
kill 'KILL', $old;
await(sub { !AgentAuth::running($old) }, 'the death');
load(1, 50);
ok(await(sub { count(@path) == 100 }, 'the lines'),
    'HUP: those of the new configuration write them, with their own');
stop();
is("@{[ sort { $a <=> $b } audited(lines(@path)) ]}", "@{[ 1 .. 100 ]}",
    'HUP: each line is there once');
finish(@expected);


# More sizes at once than are looked after: what waits in the last one would be
# lost without a word.

my @sizes = map { "${_}k" } 256, 128, 64, 32, 16;
my ($size, @held) = shift @sizes;

start(audit => "logs/audit.log buffer=$size flush=1h", workers => 1);

for $size (@sizes) {
    my ($last) = reverse sort { $a <=> $b } workers(1 + @held);

    push @held, AgentSink::connection();
    print {$held[-1]} "GET /";

    # once these are answered the worker has read that, too
    load(1, 10);

    is(scalar(grep { /\[error\]/ } log_lines()), 0, 'HUP: so far it is calm');
    configure(audit => "logs/audit.log buffer=$size flush=1h", workers => 1);
    kill 'HUP', master();
    workers(1 + @held);
    ok(AgentAuth::running($last), 'HUP: a worker of before goes on');
}

is(scalar(grep { /\[error\].* more than 3 sizes .*logs\/audit\.log".*zone/ }
    log_lines()), 1, 'HUP: one size too many, which is said');
close $_ for @held;
workers(1);
stop();
is(scalar(() = audited(lines(@path))), 40,
    'HUP: who is not killed writes all the same');
finish(@expected, qr/more than 3 sizes/);


# buffers that are too large to be shared, and more workers than there can be:
# their product once was taken for what is left of it in 64 bits

for (
    [ 'buffer=200m', 2, 1 ],
    [ 'buffer=100m', 2, 0 ],
    [ 'buffer=64k', '9223372036854775806', 1 ],
    [ 'buffer=64k', '4611686018427387904', 1 ],
) {
    my ($buffer, $workers, $warns) = @$_;

    configure(audit => "logs/audit.log $buffer", workers => $workers);

    my ($status, $output) = AgentAuth::nginx_run('-t');
    unlink path('logs/nginx.pid');

    my $warned = () = $output =~ /\[warn\]\ .*\ would\ take\ more\ than\ 1g
        \ and\ are\ not\ shared.*nginx\.conf:\d+\n/gx;

    is($status, 0, "$buffer for $workers workers");
    is($warned, $warns, $warns ? 'a warning' : 'no warning') or diag($output);
}


done_testing();
