# What a token allows in detail.  Without this a token for one kind of thing
# would do for another, or one that says more than is known here would be taken
# for what is known of it.
#
# RFC 9396; requirements.md, R-02

use lib 't/lib';
use AgentAuth;
use AgentAS;

our $as = AgentAS->start(faults => 1);
our ($providers, $tokens) = (0, 0);

config_preamble(verdict_fields());


# a token of which the server says that it has these details, in JSON

sub details {
    my ($details) = @_;

    $as->clear;
    $as->scripted('introspection', '{"active":true,"client_id":"c"'
        . (defined $details ? ",\"authorization_details\":$details" : '')
        . '}');

    return (Authorization => 'Bearer ' . planted("CANARY-details-$$-"
        . time . ++$tokens));
}


run_tests();

__DATA__

=== TEST 1: of types that are known
--- keys
alpha
--- http_config
{{$main::as->provider('d' . ++$main::providers)}}
agent_require_details pay https://example.com/refund;
--- config
    agent_audience off;
    agent_auth oauth key;

    location /t { empty_gif; }
    location /other { agent_require_details other; empty_gif; }
    location /off { agent_require_details off; empty_gif; }
    location /watched { agent_mode observe; empty_gif; }
--- run
for ('[{"type":"pay"}]', '[{"type":"https://example.com/refund","x":1}]',
    '[{"type":"pay","actions":[]},{"type":"https://example.com/refund"}]')
{
    decided ask('GET /t', details($_)), 'ok', $_;
}

for (undef, 'null', '"pay"', '{"type":"pay"}', '[]', '["pay"]', '[[]]',
    '[{}]', '[{"type":1}]', '[{"type":""}]', '[{"type":"PAY"}]',
    '[{"type":"pay2"}]', '[{"x":{"type":"pay"}}]',
    '[{"type":"pay"},{"type":"other"}]', '[{"type":"pay"},null]',
    '[{"type":"pay"},{}]')
{
    decided ask('GET /t', details($_)), 'requirement_failed', $_ // 'none';
}

my @token = details('[{"type":"pay"}]');

for my $round (1, 2) {
    decided ask('GET /t', @token), 'ok', 'here';
    decided ask('GET /other', @token), 'requirement_failed', 'elsewhere';
    decided ask('GET /off', @token), 'ok', 'off';
}

decided ask('GET /watched', details('[]')), 'requirement_failed', 'observed',
    result => 'would_deny', status => 200;
decided ask('GET /t', 'X-API-Key' => key('alpha')), 'requirement_failed',
    'a key';
$main::as->clear;
