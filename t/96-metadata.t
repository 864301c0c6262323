# Endpoints that are not configured come from the authorization server's own
# metadata.  Without this a document of somebody else could say where tokens
# and our secret are sent to, nginx would not start without the server, or
# would ask a server in trouble for its metadata with each request.
#
# RFC 8414; OpenID Connect Discovery 1.0; requirements.md, I-01,
# W-25, N-10

use lib 't/lib';
use AgentAuth;
use AgentAS;

our $as = AgentAS->start(faults => 1, path => '/tenant');

config_preamble(verdict_fields() . ' add_header Cache "$agent_cache";');
workers(2);

our ($providers, $tokens) = (0, 0);


# a provider of the block's own, without an endpoint

sub provider {
    return $as->provider('m' . ++$providers, introspection_endpoint => undef,
        breaker => 'failures=1000 cooldown=300ms', @_);
}


our $well_known = '/.well-known/oauth-authorization-server/tenant';
our $openid_inserted = '/.well-known/openid-configuration/tenant';
our $openid = '/tenant/.well-known/openid-configuration';
our $introspection = '/tenant/token/introspection';

sub token {
    return $as->token('agent-basic', scope => 'invoices:read',
        resource => 'https://api.test/a');
}


sub some {
    return planted("CANARY-some-$$-" . ++$tokens);
}


sub ask_for {
    return ask('GET /t', Authorization => "Bearer $_[0]");
}


# how often each path was asked for since the last begin()

sub begin {
    $as->reset;
    log_mark();
}


# a repetition meets what the first one left in the zone: 1, then 0

our %seen;

sub first {
    return $seen{$providers}++ ? 0 : 1;
}


sub requests {
    return $as->fault_stats->{paths}{$_[0]}{requests} // 0;
}


# a document with these members

sub document {
    my (%member) = @_;

    return JSON::PP->new->canonical->encode({ issuer => $as->issuer,
        introspection_endpoint => $as->url('introspection'), %member });
}


# while all places answer like this nothing is asked about tokens

sub fails {
    my ($what, $message, %rule) = @_;

    # without a pause in which the right one could be fetched

    if (first()) {
        begin();
        $as->fault(path => $_, %rule)
            for $well_known, $openid_inserted, $openid;

    } else {
        $as->command('reset');
        log_mark();
    }

    ok(AgentAuth::await(sub {
        my $answer = decided ask_for(some()), 'provider_unavailable', $what;
        is(fields($answer, 'Retry-After'), 1, "$what - Retry-After");
        return requests($well_known) || requests($openid);
    }, 'a look'), "$what - a look at it, after the pause");

    said(qr/metadata of provider "m\d+" could not be fetched \(\d+ times in a row\): $message/,
        "$what - is said");
    is(requests($introspection), 0, "$what - no token is shown");
}


add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(config => "agent_audience https://api.test/a;\n"
        . 'location /t { agent_auth oauth; empty_gif; }')
        unless defined $block->config;
});

run_tests();

__DATA__

=== TEST 1: found by RFC 8414, once for all workers
--- http_config
{{provider()}}
--- run
begin();

for my $n (1 .. 20) {
    decided ask_for(token()), 'ok', "a token, the ${n}th";
}

is(requests($main::well_known), first(), 'one look at the metadata');
is(requests($openid), 0, 'none for OpenID');
is(requests($introspection), 20, 'as many calls as tokens');



=== TEST 2: found as OpenID has it
--- http_config
{{provider()}}
--- run
begin();
$as->fault(path => $main::well_known, status => 404, body => 'no');
$as->fault(path => $main::openid_inserted, status => 200, body => '<html>');

decided ask_for(token()), 'ok', 'a token';
my $first = first();
is(requests($_), $first, "one look at $_")
    for $main::well_known, $main::openid_inserted, $main::openid;



=== TEST 3: metadata_uri
--- http_config
{{provider(metadata_uri => $main::as->url('discovery'))}}
--- run
begin();
decided ask_for(token()), 'ok', 'a token';
is(requests($main::openid), first(), 'one look where it was said');
is(requests($main::well_known), 0, 'and nowhere else');



=== TEST 4: of another issuer
--- http_config
{{provider()}}
--- run
fails 'another issuer', 'its "issuer" is another one', status => 200,
    body => document(issuer => $as->issuer . '/');



=== TEST 5: that is none
--- http_config
{{provider()}}
--- run
fails 'not JSON', 'no JSON object', status => 200, body => '<html></html>';



=== TEST 6: without the endpoint
--- http_config
{{provider()}}
--- run
fails 'no endpoint', 'it names no "introspection_endpoint"', status => 200,
    body => document(introspection_endpoint => undef);



=== TEST 7: with an endpoint that is no URL
--- http_config
{{provider()}}
--- run
fails 'no URL', 'its "introspection_endpoint" is no URL that can be asked',
    status => 200, body => document(introspection_endpoint => 'file:///x');



=== TEST 8: with a socket of this machine
--- http_config
{{provider()}}
--- run
fails 'a socket', 'its "introspection_endpoint" is no URL that can be asked',
    status => 200,
    body => document(introspection_endpoint => 'http://unix:/tmp/x:/i');



=== TEST 9: a status that is not 200
--- http_config
{{provider()}}
--- run
fails 'an error', 'the answer has status 500', status => 500, body => 'x';



=== TEST 10: a redirect is not followed (W-25)
--- http_config
{{provider()}}
--- run
fails 'a redirect', 'the answer has status 302', status => 302, body => 'x',
    headers => { Location => $as->url('discovery') };



=== TEST 11: too large
--- http_config
{{provider()}}
--- run
fails 'too large', 'the answer is no good HTTP, or too large', status => 200,
    pad => 70000;



=== TEST 12: no answer in time
--- http_config
{{provider(timeout => '300ms')}}
--- run
fails 'stalls', 'no answer in time', stall => 10;



=== TEST 13: the server comes later
--- http_config
{{provider()}}
--- run
begin();
$as->listening(0);
$as->hang_up;

my $token = some();

my $first = first();

if ($first) {
    decided ask_for($token), 'provider_unavailable', 'down';
    decided ask_for($token), 'provider_unavailable', 'still down';
    said(qr/could not be fetched \(1 times in a row\): the server is not reached/,
        'which is said');
}

$as->listening(1);
ok(AgentAuth::await(sub { ask_for(token())->{status} == 200 }, 'a token'),
    'it is back, and nothing was reloaded');
is(requests($main::well_known), $first, 'one look');



=== TEST 14: many requests at first sight
--- http_config
{{provider()}}
--- run
begin();
$as->fault(path => $main::well_known, delay => 200);

my @tokens = map { token() } 1 .. 8;
my @clients = map { connected() } @tokens;

for my $i (0 .. $#tokens) {
    $clients[$i]->send("GET /t HTTP/1.1\r\nHost: localhost\r\n"
        . "Authorization: Bearer $tokens[$i]\r\nConnection: close\r\n\r\n");
}

is($_->answer->{status}, 200, 'waits, and is answered') for @clients;
is(requests($main::well_known), first(), 'one look for all');



=== TEST 15: a way to authenticate that the server does not list
--- http_config
{{provider()}}
--- run
begin();
$as->scripted($main::well_known, document(
    introspection_endpoint_auth_methods_supported => [ 'private_key_jwt' ]));

decided ask_for(token()), 'ok', 'is tried all the same';
said(qr/\[warn\].*does not list its "client_auth"/, 'and told') if first();
