package MCP;

# Server and client of the Model Context Protocol for a suite: t/mcp/server.js
# and t/mcp/client.js, by the official SDK.
#
#     my $server = MCP->server;             # $server->port
#     my $client = MCP->client($url);
#
#     my $result = $client->act('call', name => 'find_invoice');
#
# What steps and results are stands at the head of client.js.  All ends with the
# suite.

use strict;
use warnings;

use AgentAS;
use IO::Select;
use IO::Handle;
use JSON::PP ();
use POSIX ();
use Test::More ();
use Time::HiRes qw/ time /;

our $Root = $AgentAS::Root;
our $Seconds = $AgentAS::Seconds;

my $json = JSON::PP->new->utf8;
my $installed;


sub installed {
    return if $installed++;

    my $version = `node --version 2> /dev/null` =~ /^v(\d+)/ ? $1 : 0;

    # which no package of this system is, if node is there
    Test::More::plan(skip_all => 'the SDK of MCP needs nodejs 20, here is '
        . $version) if $version && $version < 20;

    system('sh', "$Root/t/mcp/install") == 0 or Test::More::plan(
        skip_all => 'no SDK of MCP, as t/mcp/install failed');
}


sub server {
    my ($class) = @_;

    my $self = $class->spawn('server');
    my $line = AgentAS::first_line($self->{output});

    ($self->{port}) = $line =~ /^ready (\d+)/
        or die "t/mcp/server.js does not start: ", $self->log, "\n";

    return $self;
}


sub port { return $_[0]{port} }


sub client {
    my ($class, $url) = @_;

    return $class->spawn('client', $url);
}


# Its standard input is a pipe that we hold: should this process be killed, it
# ends all the same.

sub spawn {
    my ($class, $name, @options) = @_;

    installed();

    pipe my $input, my $hold or die "pipe: $!\n";
    pipe my $output, my $said or die "pipe: $!\n";

    my $self = bless { log => AgentAS::state_dir() . "/logs/mcp-$name-$$.log",
        hold => $hold, output => $output, owner => $$, text => '' }, $class;
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        open STDIN, '<&', $input;
        open STDOUT, '>&', $said;
        open STDERR, '>', $self->{log};
        { exec 'node', "$Root/t/mcp/$name.js", @options }
        POSIX::_exit(127);
    }

    $hold->autoflush;
    $self->{pid} = $pid;

    return $self;
}


# one step, and its result

sub act {
    my ($self, $step, %more) = @_;

    local $SIG{PIPE} = 'IGNORE';

    print { $self->{hold} } $json->encode({ do => $step, %more }), "\n";

    my $deadline = time + 2 * $Seconds;

    while ($self->{text} !~ /\n/ && time < $deadline) {
        IO::Select->new($self->{output})->can_read($deadline - time) or last;
        sysread $self->{output}, $self->{text}, 65536, length $self->{text}
            or last;
    }

    $self->{text} =~ s/\A(.*)\n// or die "$step: no result: ", $self->log;

    return $json->decode($1);
}


sub log {
    my ($self) = @_;

    open my $in, '<', $self->{log} or return '';
    local $/;

    return scalar <$in>;
}


sub DESTROY {
    my ($self) = @_;

    local ($?, $!);

    return if $self->{owner} != $$;

    kill 'TERM', $self->{pid};
    waitpid $self->{pid}, 0;
    unlink $self->{log};
}


1;
