# Where a credential is looked for.  Without this one in a place that nobody
# configured would count, one in a place that somebody did would not, or the
# upstream would be sent the secrets of a place that is none of ours.
#
# B-06, B-10, B-14

use lib 't/lib';
use AgentAuth;

config_preamble(verdict_fields());


run_tests();

__DATA__

=== TEST 1: the named places replace the default ones
--- keys
alpha
--- config
    agent_auth key;

    location = /x     { agent_credential $http_x_agent; empty_gif; }
    location = /auth  { agent_credential $http_authorization; empty_gif; }
    location = /two   {
        agent_credential $http_x_agent $http_authorization;
        empty_gif;
    }
    location = /case  { agent_credential $HTTP_X_Agent; empty_gif; }
--- run
my $key = key 'alpha';
my @x = ('X-Agent' => $key);
my @bearer = (Authorization => "Bearer $key");
my @default = ('X-API-Key' => $key);

decided ask('GET /x', @x), 'ok', 'there';
decided ask('GET /x', @bearer), 'credential_missing', 'not Authorization';
decided ask('GET /x', @default), 'credential_missing', 'not X-API-Key';
decided ask('GET /x', @x, @bearer, @default), 'ok', 'nor beside it';
decided ask('GET /x', @x, @x), 'credential_multiple', 'twice';

decided ask('GET /auth', @bearer), 'ok', 'Authorization alone';
decided ask('GET /auth', @default), 'credential_missing', 'not X-API-Key';
decided ask('GET /auth', @bearer, @default), 'ok', 'nor beside it';

decided ask('GET /two', @x), 'ok', 'the first';
decided ask('GET /two', @bearer), 'ok', 'the second';
decided ask('GET /two', @x, @bearer), 'credential_multiple', 'both';
decided ask('GET /two', 'X-Agent' => '', @bearer), 'ok', 'one is empty';
decided ask('GET /two', @x, Authorization => 'Basic YTpi'), 'ok',
    'one is of another scheme';

decided ask('GET /case', @x), 'ok', 'variables have no case';



=== TEST 2: only Authorization has a scheme
--- keys
alpha
--- config
    agent_auth key;

    location = /x { agent_credential $http_x_agent; empty_gif; }
    location = /p { agent_credential $http_proxy_authorization; empty_gif; }
--- run
my $key = key 'alpha';

decided ask('GET /x', 'X-Agent' => "Bearer $key"), 'credential_malformed',
    'elsewhere the value is the credential';
decided ask('GET /x', 'X-Agent' => $key), 'ok', 'bare';
decided ask('GET /p', 'Proxy-Authorization' => "Bearer $key"),
    'credential_malformed', 'Proxy-Authorization is no exception';
decided ask('GET /p', 'Proxy-Authorization' => $key), 'ok', 'bare there';



=== TEST 3: other variables, where hiding is off
--- keys
url
--- http_config
    map $http_x_wrapped $unwrapped {
        ~^key=(?<inner>.*)$  $inner;
        default              "";
    }
--- config
    agent_auth key;
    agent_hide_credential off;

    location = /arg    { agent_credential $arg_key; empty_gif; }
    location = /cookie { agent_credential $cookie_key; empty_gif; }
    location = /map    { agent_credential $unwrapped; empty_gif; }
    location = /mixed  { agent_credential $arg_key $http_x_agent; empty_gif; }
--- run
my $key = key 'url';

decided ask("GET /arg?key=$key"), 'ok', 'an argument';
decided ask('GET /arg?key='), 'credential_missing', 'an empty argument';
decided ask('GET /arg'), 'credential_missing', 'no argument';
decided ask('GET /arg', 'X-API-Key' => $key), 'credential_missing',
    'nor a field';
decided ask("GET /arg?key=a%20b"), 'key_unknown', 'no decoding';
decided ask('GET /cookie', Cookie => "a=b; key=$key; c=d"), 'ok', 'a cookie';
decided ask('GET /cookie', Cookie => 'a=b'), 'credential_missing',
    'another cookie';
decided ask('GET /map', 'X-Wrapped' => "key=$key"), 'ok', 'a map';
decided ask('GET /map', 'X-Wrapped' => $key), 'credential_missing',
    'a map that says no';
decided ask("GET /mixed?key=$key", 'X-Agent' => $key), 'credential_multiple',
    'two kinds of places';
decided ask('GET /mixed?key=', 'X-Agent' => $key), 'ok', 'one of them empty';



=== TEST 4: a query that holds a credential is not in the audit line
--- keys
url
--- config
    location = /t {
        agent_auth key;
        agent_hide_credential off;
        agent_credential $arg_key;
        empty_gif;
    }
--- request
GET /t?key={{key 'url'}}&x=1
--- audit
result=allow path=/t !http_request.url.query_string



=== TEST 5: places that are not named are not hidden
--- keys
alpha
--- config
    location /x {
        agent_auth key;
        agent_credential $http_x_agent;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
    location /default {
        agent_auth key;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- run
my $upstream = upstream 1;
my $key = key 'alpha';

my ($seen, $answer) = through $upstream, 'GET /x',
    Authorization => 'Bearer mine', 'X-API-Key' => 'theirs',
    'X-Agent' => $key;
decided $answer, 'ok', 'a place of its own';
is_deeply([ lines_of($seen) ],
    [ 'Authorization: Bearer mine', 'X-API-Key: theirs' ],
    'the others reach the upstream');

($seen, $answer) = through $upstream, 'GET /default',
    Authorization => 'Basic YTpi', 'X-Agent' => 'theirs', 'X-API-Key' => $key;
decided $answer, 'ok', 'a default place';
is_deeply([ lines_of($seen) ],
    [ 'Authorization: Basic YTpi', 'X-Agent: theirs' ],
    'the others reach the upstream, Basic too');



=== TEST 6: names with underscores are nginx's to allow (G-01)
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- run
my $key = key 'alpha';

decided ask('GET /t', 'X_API_Key' => $key), 'credential_missing',
    'the field is ignored';

my $upstream = upstream 1;
my ($seen, $answer) = through $upstream, 'GET /t', 'X_API_Key' => $key,
    'X-API-Key' => $key;
decided $answer, 'ok', 'also beside another';
is_deeply([ lines_of($seen) ], [], 'and does not reach the upstream');



=== TEST 7: where they are allowed they count
--- keys
alpha
--- http_config
    underscores_in_headers on;
--- config
    location /t {
        agent_auth key;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- run
my $upstream = upstream 1;
my $key = key 'alpha';

decided ask('GET /t', 'X_API_Key' => $key, 'X-API-Key' => $key),
    'credential_multiple', 'as nginx sees it this is one name';

for my $name (qw/ X_API_Key x_api-KEY X-API_Key /) {
    my ($seen, $answer) = through $upstream, 'GET /t', A => 1,
        $name => $key, B => 2;
    decided $answer, 'ok', $name;
    is_deeply([ lines_of($seen) ], [ 'A: 1', 'B: 2' ], "$name is hidden");
}



=== TEST 8: inherited, replaced, off: the default again
--- keys
alpha
--- config
    agent_auth key;
    agent_credential $http_x_agent;

    location = /inherits { empty_gif; }
    location = /own      { agent_credential $http_x_own; empty_gif; }
    location = /off      { agent_credential off; empty_gif; }
--- run
my $key = key 'alpha';

decided ask('GET /inherits', 'X-Agent' => $key), 'ok', 'inherited';
decided ask('GET /inherits', 'X-API-Key' => $key), 'credential_missing',
    'in the place of the default';
decided ask('GET /own', 'X-Own' => $key), 'ok', 'replaced';
decided ask('GET /own', 'X-Agent' => $key), 'credential_missing',
    'the other one is gone';
decided ask('GET /off', 'X-API-Key' => $key), 'ok', 'off';
decided ask('GET /off', Authorization => "Bearer $key"), 'ok', 'off, Bearer';
decided ask('GET /off', 'X-Agent' => $key), 'credential_missing',
    'the other one is gone here too';



=== TEST 9: a guard that begins below a level without one has its places
--- keys
alpha
--- http_config
    agent_auth off;
--- config
    agent_auth off;

    location /outer {
        location /outer/inner {
            agent_auth key;
            empty_gif;
        }
    }
--- run
decided ask('GET /outer/inner', 'X-API-Key' => key 'alpha'), 'ok', 'X-API-Key';
decided ask('GET /outer/inner', Authorization => 'Bearer ' . key 'alpha'),
    'ok', 'Bearer';
