# What an audit line takes from a client to be found by.  Without this a line
# would be counted to the trace of somebody else, or hold what is no id at all;
# or a query, where credentials stand against all advice, would be in it.
#
# requirements.md, U-06, U-07; W3C Trace Context, 3.2

use lib 't/lib';
use AgentAuth;

our $trace = '4bf92f3577b34da6a3ce929d0e0e4736';
our $span = '00f067aa0ba902b7';


sub traced {
    my ($what, $expected, @fields) = @_;

    ask('GET /t', @fields);

    my ($line) = audit_lines(1);

    is($line->{trace}{uid}, $expected, $what);

    return $line;
}


sub parent { return (traceparent => join '-', @_) }

run_tests();

__DATA__

=== TEST 1: a trace is the client's, and whole
--- keys
alpha
--- config
    location /t { agent_auth key; empty_gif; }
--- run
my ($trace, $span) = ($main::trace, $main::span);

traced('a trace', $trace, parent('00', $trace, $span, '01'));
traced('in capitals', $trace, TraceParent => "00-$trace-$span-00");
traced('with others', $trace, parent('00', $trace, $span, '01'),
    tracestate => 'a=b', 'traceparent-old' => 'x');

my $who = traced('no identity', $trace, parent('00', $trace, $span, '01'));
is($who->{actor}{app_name}, 'unauthenticated', 'is nobody');

traced('none', undef);

for ([ 'empty', '' ],
     [ 'another version', "01-$trace-$span-01" ],
     [ 'no version', "ff-$trace-$span-01" ],
     [ 'capitals', uc "00-$trace-$span-01" ],
     [ 'no trace', '00-' . '0' x 32 . "-$span-01" ],
     [ 'no parent', "00-$trace-" . '0' x 16 . '-01' ],
     [ 'a parent that is none', "00-$trace-" . 'z' x 16 . '-01' ],
     [ 'flags that are none', "00-$trace-$span-0x" ],
     [ 'too short', "00-$trace-$span-1" ],
     [ 'too long', "00-$trace-$span-01-" ],
     [ 'other signs', "00_${trace}_${span}_01" ],
     [ 'quotes', '00-' . '"' x 32 . "-$span-01" ])
{
    traced($_->[0], undef, traceparent => $_->[1]);
}

traced('two', undef, parent('00', $trace, $span, '01'),
    parent('00', $trace, $span, '01'));



=== TEST 2: no query is in a line
--- keys
alpha
url
--- config
    location /t { agent_auth key; empty_gif; }
--- run
for my $name (qw/ access_token token api_key key sig code password q /) {
    ask("GET /t?$name=" . key 'url');

    my ($line) = audit_lines(1);
    is_deeply($line->{http_request}{url}, { path => '/t' }, $name);
    is(scalar(() = JSON::PP->new->encode($line) =~ /URLKEY|\?/g), 0,
        'nor elsewhere');
}
