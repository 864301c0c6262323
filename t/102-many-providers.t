# More providers than there are slots for how they do, as after many reloads
# that changed their settings.  Without this all that come late would share a
# breaker: one server that is down would have another one not asked.
#
# requirements.md, I-09

use lib 't/lib';
use AgentClock;
use AgentAuth;
use AgentAS;

our $as = AgentAS->start(faults => 1);
our $tokens = 0;

config_preamble(verdict_fields());


sub providers {
    my ($n) = @_;

    return join '', map { $as->provider("m$_", timeout => "${_}s",
        breaker => 'failures=2 cooldown=10m') } 1 .. $n;
}


sub locations {
    my ($n) = @_;

    return "agent_audience https://api.test/a;\n" . join '', map {
        "location /m$_/ { agent_auth oauth=m$_; empty_gif; }\n" } 1 .. $n;
}


sub ask_at {
    my ($n) = @_;

    return ask("GET /m$n/", Authorization => 'Bearer '
        . planted("CANARY-many-$$-" . ++$tokens));
}


sub script {
    my ($body, %rule) = @_;

    $as->clear;
    $as->fault(path => 'introspection', status => 200, body => $body, %rule);
}


run_tests();

__DATA__

=== TEST 1: slots of those that are not asked any more are used again
--- http_config
{{providers(68)}}
--- config
{{locations(68)}}
--- run
advance(1200);
script('{"active":false}');

decided ask_at($_), 'token_inactive', "provider $_" for 1 .. 64;

# long after a configuration that has these

advance(120);
script('', status => 500);
decided ask_at(67), 'provider_unavailable', "the first late one fails, $_"
    for 1, 2;

script('{"active":false}');
decided ask_at(68), 'token_inactive', 'the second one is asked';
decided ask_at(67), 'provider_unavailable', 'the first one is not';
decided ask_at(68), 'token_inactive', 'still';

# what was told before is told of who has the slot now, too

script('', status => 500);
decided ask_at(68), 'provider_unavailable', "the second late one fails, $_"
    for 1, 2;
script('{"active":false}');
decided ask_at(66), 'token_inactive', 'nor is it another one that is not asked';
decided ask_at(68), 'provider_unavailable', 'but the one that failed';



=== TEST 2: as many as are in use share one
--- http_config
{{providers(68)}}
--- config
{{locations(68)}}
--- run
advance(1200);
script('{"active":false}');

decided ask_at($_), 'token_inactive', "provider $_" for 1 .. 63;
script('', status => 500);
decided ask_at(1), 'provider_unavailable', "the first fails, $_" for 1, 2;
script('{"active":false}');
decided ask_at(1), 'provider_unavailable', 'it is not asked';
decided ask_at($_), 'token_inactive', "provider $_ is" for 2, 64 .. 68;
