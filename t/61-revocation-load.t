# Revocations while requests come.  Without this a worker, a connection that is
# kept open or a verdict in the cache could admit what was revoked already.
#
# requirements.md, V-05

use lib 't/lib', 't/bench';
use AgentAuth;
use AgentAS;
use AgentLoad;
use AgentRevocation;
use H2;

our $as = AgentAS->start;

config_preamble(verdict_fields() . " agent_audit off;");
workers(2);
worker_connections(512);
log_level('info');

our $runs = 0;

sub own { return own_provider($as, @_) }

# what was said once the marker was there was said of a request that was sent
# after the revocation was acknowledged

our $marker;

sub marked { return $_[0] . (-e $marker ? ' late' : '') }


add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(keys => 'alpha');
    $block->set_value(http_config => <<'CONF' . own());
    agent_revocations zone=revocations:4m state=logs/state;
    server {
        listen $TEST_NGINX_PORT_2 http2;
        agent_audience https://api.test/a;
        keepalive_requests 1000000;
        location /t { agent_auth key oauth; empty_gif; }
    }
CONF
    $block->set_value(config => <<'CONF');
    agent_audience https://api.test/a;
    keepalive_requests 1000000;
    location /t { agent_auth key oauth; empty_gif; }
CONF
});


sub fields_of {
    my (@fields) = ([ ':method' => 'GET' ], [ ':scheme' => 'http' ],
        [ ':path' => '/t' ], [ ':authority' => 'localhost' ], @_);

    return join '', map { "\0" . text_of($_->[0]) . text_of($_->[1]) } @fields;
}


# RFC 7541, 5.1 and 5.2, of any length

sub text_of {
    my ($text) = @_;

    my $more = length($text) - 127;
    my $head = chr($more < 0 ? length $text : 127);

    for ( ; $more >= 128; $more >>= 7) {
        $head .= chr($more & 127 | 128);
    }

    return $head . ($more >= 0 ? chr $more : '') . $text;
}


# one request on a connection that is open; 200 or not

sub one_h2 {
    my ($h2, $section) = @_;

    my ($stream, $answered, $status) = ($h2->{stream}, 0, 0);

    $h2->{stream} += 2;
    $h2->put(H2::frame(H2::HEADERS, 5, $stream, $section));

    until ($answered) {
        my ($type, $flags, $payload) = $h2->get;

        $h2->put(H2::frame(H2::SETTINGS, H2::ACK, 0, ''))
            if $type == H2::SETTINGS && !($flags & H2::ACK);

        # :status 200 is one of the static table: RFC 7541, A
        $status = $payload =~ /^[\x20-\x3f]?\x88/ ? 200 : 401
            if $type == H2::HEADERS;
        $answered = ($type == H2::HEADERS || $type == H2::DATA) && $flags & 1;
    }

    return $status;
}


sub callers {
    my ($header, $value) = @_;

    my ($h1, $h2);
    my $section = fields_of([ lc $header, $value ]);
    my $octets = asked('GET /t', $header => $value);

    return (
        sub {
            $h1 //= connected();
            my $late = marked('');
            $h1->send($octets);
            return $h1->answer->{status} . $late;
        },
        sub {
            $h2 //= H2->new(connected(port => port(2))->handle);
            my $late = marked('');
            return one_h2($h2, $section) . $late;
        },
    );
}


sub revoked_under_load {
    my ($what, $header, $value, %entry) = @_;

    $marker = state_path('logs/marker-' . ++$runs . "-$$");

    my @callers = callers($header, $value);
    my $load = AgentLoad->begin(8, sub { $callers[$_[0] % 2]->() });

    $load->await(2000);

    my $began = Time::HiRes::time();
    revocation('revoke', 'logs/state', %entry);
    my $took = Time::HiRes::time() - $began;

    write_file($marker, '');

    $load->await_anew(2000);

    my $count = $load->end;

    Test::More::note(sprintf '%s: agentctl took %.1f ms from its start to the end; %s',
        $what, 1000 * $took,
        join ', ', map { "$_: $count->{$_}" } sort keys %$count);

    cmp_ok($count->{200} // 0, '>', 1000, "$what: admitted before");
    cmp_ok($count->{'401 late'} // 0, '>', 1000, "$what: refused afterwards");
    is($count->{'200 late'} // 0, 0, "$what: not one admitted afterwards");
    is(join(' ', grep { !/^(?:200|401)(?: late)?$/ } sort keys %$count), '',
        "$what: nothing else came");

    delete $entry{before};
    revocation('unrevoke', 'logs/state', %entry);
}


run_tests();

__DATA__

=== TEST 1: a key
--- run
revoked_under_load('key', 'X-API-Key', key('alpha'), kind => 'key',
    value => key_id('alpha'));



=== TEST 2: a token, from the cache
--- run
my $token = own_token($as, sub => "load-$runs", iat => time - 10);

revoked_under_load('token', 'Authorization', "Bearer $token",
    kind => 'subject', issuer => own_issuer(), value => "load-$runs",
    before => '0s');
