# Who an authorization server is.  Without this anybody on the way could answer
# for it, and be shown our secret and every token.
#
# An answer that somebody cut off would pass as whole.
#
# requirements.md, I-03; RFC 8446, RFC 9525; RFC 9112, 9.8

use lib 't/lib';
use AgentAuth;
use AgentAS;
use AgentLoad;

our $as = AgentAS->start(faults => 1, tls => 1);

config_preamble(verdict_fields());

our $providers = 0;

sub provider {
    return $as->provider('t' . ++$providers, breaker => 'failures=1000', @_);
}


sub with {
    my ($certificate, $reason, $what) = @_;

    $as->reset;
    $as->hang_up;
    $as->certificate($certificate);
    $as->scripted('introspection',
        '{"active":true,"aud":"https://api.test/a"}');
    decided(ask('GET /t', Authorization => 'Bearer '
        . planted("CANARY-tls-$$-" . $certificate . time . rand)), $reason,
        $what);
    is(scalar $as->seen, $reason eq 'ok' ? 1 : 0, "$what - what it is shown");
}


add_block_preprocessor(sub {
    $_[0]->set_value(config => "agent_audience https://api.test/a;\n"
        . 'location /t { agent_auth oauth; empty_gif; }');
});

run_tests();

__DATA__

=== TEST 1: certificates
--- http_config
{{provider(keepalive => 0)}}
--- run
my $u = 'provider_unavailable';

with('server', 'ok', 'a good one');
with('wrong', $u, 'of another CA');
with('name', $u, 'of another name');
with('expired', $u, 'expired');
with('revoked', 'ok', 'revoked, without a list');
with('server', 'ok', 'a good one again');



=== TEST 2: a list of revoked certificates
--- http_config
{{provider(keepalive => 0, ssl_crl => $main::as->dir . '/ca.crl')}}
--- run
with('server', 'ok', 'a good one');
with('revoked', 'provider_unavailable', 'a revoked one');



=== TEST 3: not verified
--- http_config
{{provider(keepalive => 0, ssl_verify => 'off')}}
--- run
with('wrong', 'ok', 'of another CA');
with('expired', 'ok', 'expired');
--- startup
anybody on the way to provider



=== TEST 4: a connection that ends without close_notify
--- http_config
{{provider(keepalive => 0)}}
--- run
my $good = '{"active":true,"aud":"https://api.test/a"}';
my $end = sub {
    my ($what, $reason, %rule) = @_;

    $as->reset;
    $as->certificate('server');
    $as->scripted('introspection', $good, %rule);
    decided(ask('GET /t', Authorization => 'Bearer ' . fresh()), $reason,
        $what);
};

$end->('no length, a good end', 'ok', length => JSON::PP::false);
$end->('no length, cut off', 'provider_bad_answer',
    length => JSON::PP::false, close => 'abrupt');
$end->('a length', 'ok', close => 'abrupt');
$end->('chunks', 'ok', chunked => 'good', close => 'abrupt');
$end->('chunks, cut off', 'provider_bad_answer', chunked => 'no-last',
    close => 'abrupt');
said(qr/bad answer of provider "t\d+": it is cut off/, 'which is said');
