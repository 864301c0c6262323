# nginx without a master process.  Without this the one process would not look
# at its key file, as it is no worker by name.
#
# A reload is not tried: there nginx 1.22 itself crashes, without the module
# too.
#
# design.md, 2 (only WORKER and SINGLE act)

use lib 't/lib';
use AgentAuth;

plan(skip_all => 'Test::Nginx reloads with a master process only')
    if $ENV{TEST_NGINX_USE_HUP};

config_preamble(verdict_fields());
master_off();

run_tests();

__DATA__

=== TEST 1: one process does it all
--- keys
alpha
--- config
    location /t { agent_auth key; empty_gif; }
--- run
my $mark = 'mark' . ++our $generation;
my $status = sub { ask('GET /t', 'X-API-Key' => key $_[0])->{status} };

decided ask('GET /t', 'X-API-Key' => key 'alpha'), 'ok', 'a key';
decided ask('GET /t'), 'credential_missing', 'none';

write_keys('keys.jsonl', "alpha\n$mark\n");
ok(await(sub { $status->($mark) == 200 }, 'the new key'), 'a changed file');

