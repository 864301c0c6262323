# Security events wait for the keys that they are signed with.  Without this one
# that came before the keys, or by a new key, would be refused for good, and
# what it says would never be in force here.
#
# RFC 8935, 2.4; requirements.md, C-02, W-24, W-26

use lib 't/lib';
use AgentAuth;
use AgentAS;

our $as = AgentAS->start(faults => 1);
our $sets = 0;


# a provider whose keys are nowhere, and one that changes them

sub http {
    return "agent_revocations zone=rev:1m state=logs/state;\n"
        . "agent_oauth_provider never { issuer https://never.test;"
        . ' metadata_uri off; verify jwt; timeout 2s;'
        . " jwks_uri http://127.0.0.1:1/jwks; }\n"
        . $as->provider('corp', verify => 'jwt',
            introspection_endpoint => undef);
}


sub receivers {
    return join '', map { "location = /$_ { agent_security_events"
        . " provider=$_ audience=https://api.test/events; }\n" }
        qw/ never corp /;
}


sub pushed {
    my ($path, $issuer) = @_;

    my $type = 'https://schemas.openid.net/secevent/caep/event-type'
        . '/session-revoked';
    my $set = $as->sign('secevent+jwt', { iss => $issuer,
        aud => 'https://api.test/events', jti => "set-$$-" . ++$sets,
        iat => time, events => { $type => {} },
        sub_id => { format => 'iss_sub', iss => $issuer, sub => 's' } });

    return ask("POST $path", 'Content-Type' => 'application/secevent+jwt',
        { body => $set });
}

run_tests();

__DATA__

=== TEST 1: no keys, new ones, and those of somebody else
--- http_config
{{http()}}
--- config
{{receivers()}}
--- run
my $answer = pushed('/never', 'https://never.test');

is($answer->{status}, 503, 'without keys');
like(fields($answer, 'Retry-After'), qr/^[1-9]\d*$/, 'it is sent again');

for my $what ('with keys', 'with those since') {
    ok(AgentAuth::await(sub {
        pushed('/corp', $as->issuer)->{status} == 202
    }), "$what it is taken");

    $as->rotate;
}

is(pushed('/corp', 'https://never.test')->{status}, 400, 'of another issuer');
