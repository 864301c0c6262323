# The first thing to look at when all else fails: the module loads, a key is
# admitted, a stranger is refused, each leaves its audit line, and a mistake in
# the configuration is explained.

use lib 't/lib';
use AgentAuth;

run_tests();

__DATA__

=== TEST 1: a known key is admitted
--- keys
alpha  scopes=invoices:read owner=team-pay
--- config
    location /t {
        agent_auth key;
        agent_scope invoices:read;
        empty_gif;
    }
--- request
GET /t
--- more_headers
X-API-Key: {{key 'alpha'}}
--- error_code: 200
--- audit
result=allow reason=ok status=200 agent=alpha key_id={{key_id 'alpha'}}



=== TEST 2: and one in the Authorization header
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        empty_gif;
    }
--- request
GET /t
--- more_headers
Authorization: Bearer {{key 'alpha'}}
--- error_code: 200
--- audit
result=allow reason=ok



=== TEST 3: without a key there is a challenge and no upstream
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        empty_gif;
    }
--- request
GET /t
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="agents"
Cache-Control: no-store
--- audit
result=deny reason=credential_missing status=401 agent=unauthenticated



=== TEST 4: an unknown key, a wrong secret and a mistyped key are refused alike
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        empty_gif;
    }
--- request eval
["GET /t", "GET /t", "GET /t"]
--- more_headers eval
[
    "X-API-Key: " . key('stranger'),
    "X-API-Key: " . key('alpha', secret => key_secret('stranger')),
    "X-API-Key: " . key('alpha', check => '000000'),
]
--- error_code eval
[401, 401, 401]
--- response_headers eval
[ ('WWW-Authenticate: Bearer realm="agents", error="invalid_token"') x 3 ]
--- audit
result=deny reason=key_unknown
result=deny reason=key_unknown
result=deny reason=key_unknown



=== TEST 5: an imported key is found by its digest
--- keys
old  imported=CANARY+foreign/key+of+another+system
--- config
    location /t {
        agent_auth key;
        empty_gif;
    }
--- request
GET /t
--- more_headers
X-API-Key: {{imported 'old'}}
--- error_code: 200
--- audit
result=allow reason=ok key_id=old



=== TEST 6: a digest with a pepper
--- pepper
p1
--- key_files
>>> keys.jsonl
alpha  pepper=p1
--- http_config
    agent_key_zone zone=keys:1m file=keys.jsonl pepper_file=pepper;
--- config
    location /t {
        agent_auth key;
        empty_gif;
    }
--- request
GET /t
--- more_headers
X-API-Key: {{key 'alpha'}}
--- error_code: 200
--- audit
result=allow reason=ok



=== TEST 7: a revoked key is refused as soon as the file says so
--- keys
alpha
beta
--- config
    location /t {
        agent_auth key;
        empty_gif;
    }
--- request
GET /t
--- more_headers
X-API-Key: {{key 'alpha'}}
--- error_code_like: ^(200|401)$
--- after
write_keys('keys.jsonl', "alpha state=revoked\nbeta\n");
ok(await(sub { (http_get '/t', 'X-API-Key' => key 'alpha')[0] == 401 },
    'the revocation'), 'the revocation takes effect');
is((http_get '/t', 'X-API-Key' => key 'beta')[0], 200, 'for no other key');



=== TEST 8: a mistake in the configuration is explained
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        agent_mode permissive;  # fault
        empty_gif;
    }
--- emerg
"permissive"



=== TEST 9: where nothing is guarded the module is not felt
--- config
    location /t {
        return 200 "$agent_result $agent_reason";
    }
--- request
GET /t
--- more_headers
X-API-Key: {{key 'alpha'}}
--- response_body chomp
off not_evaluated
