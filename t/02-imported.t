# Keys that were issued elsewhere, digests with a pepper, and what tells one
# kind from the other.  Without this a fleet's old keys would stop working, or
# a value of the issued form would be taken for a foreign one, which has other
# rules.
#
# K-01, K-03, K-05

use lib 't/lib';
use AgentAuth;
use Digest::SHA qw/ sha256_hex hmac_sha256_hex /;

config_preamble(verdict_fields());


# all that X-API-Key may hold

sub visible {
    return join '', map { chr } 0x21 .. 0x7e;
}


# an octet too many or too few in each part, or a foreign one

sub nearly {
    my $id = key_id 'near';
    my $tail = 'CANARY' . 'x' x 43;

    return ("a_${id}_$tail", "abcdefghi_${id}_$tail", "agk_${id}x_$tail",
        "agk_" . substr($id, 1) . "_$tail", "agk_${id}_${tail}x",
        "agk_${id}_" . substr($tail, 1), "agk-${id}-$tail", "AGK_${id}_$tail",
        "agk_${id}_-" . substr($tail, 1), "agk_-" . substr($id, 1) . "_$tail");
}


run_tests();

__DATA__

=== TEST 1: any visible octets in X-API-Key
--- keys
visible  imported={{visible()}}
short    imported=~
long     imported={{'CANARY.' . 'long!' x 800}}
issued
--- config
    location /t {
        agent_auth key;
        empty_gif;
    }
--- run
for my $name (qw/ visible short long /) {
    decided ask('GET /t', 'X-API-Key' => imported $name), 'ok', $name;
    decided ask('GET /t', 'X-API-Key' => imported($name) . 'x'),
        'key_unknown', "$name and an octet more";
}

decided ask('GET /t', 'X-API-Key' => substr imported('long'), 0, -1),
    'key_unknown', 'an octet less';
decided ask('GET /t', 'X-API-Key' => lc imported('long')), 'key_unknown',
    'in another case';
decided ask('GET /t', 'X-API-Key' => key 'issued'), 'ok',
    'issued keys beside them';



=== TEST 2: Bearer takes those that are a token68, RFC 6750 (B-01)
--- keys
token    imported=CANARY-._~+/0==
other    imported=CANARY:a=b
--- config
    location /t {
        agent_auth key;
        empty_gif;
    }
--- run
decided ask('GET /t', Authorization => 'Bearer ' . imported 'token'), 'ok',
    'a token68';
decided ask('GET /t', Authorization => 'Bearer ' . imported 'other'),
    'credential_malformed', 'no token68';
decided ask('GET /t', 'X-API-Key' => imported 'other'), 'ok',
    'which X-API-Key takes';



=== TEST 3: an imported key is a key in all that follows
--- keys
some     imported=CANARY.some scopes=a:b services=billing networks=127.0.0.1
gone     imported=CANARY.gone state=revoked
past     imported=CANARY.past expires=2020-01-01T00:00:00Z
--- config
    location /t {
        agent_auth key;
        agent_service billing;
        agent_scope a:b;
        empty_gif;
    }
    location /scope {
        agent_auth key;
        agent_service billing;
        agent_scope a:c;
        empty_gif;
    }
    location /service {
        agent_auth key;
        empty_gif;
    }
--- run
decided ask('GET /t', 'X-API-Key' => imported 'some'), 'ok', 'admitted';
decided ask('GET /scope', 'X-API-Key' => imported 'some'),
    'scope_insufficient', 'scopes', scope => 'a:c';
decided ask('GET /service', 'X-API-Key' => imported 'some'), 'key_service',
    'services';
decided ask('GET /t', 'X-API-Key' => imported 'gone'), 'key_revoked',
    'revoked';
decided ask('GET /t', 'X-API-Key' => imported 'past'), 'key_expired',
    'expired';



=== TEST 4: the issued shape is never looked up by its digest
--- key_files
>>> keys.jsonl
{"id":"shape","agent":"a","state":"active","expires":"2099-01-01T00:00:00Z","imported":true,"digest":"sha256:{{sha256_hex(key('shape'))}}"}
{"id":"check","agent":"a","state":"active","expires":"2099-01-01T00:00:00Z","imported":true,"digest":"sha256:{{sha256_hex(key('check', check => '000000'))}}"}
{"id":"{{key_id('whole')}}","agent":"a","state":"active","expires":"2099-01-01T00:00:00Z","digest":"sha256:{{sha256_hex(key('whole'))}}"}
{"id":"{{key_id('part')}}","agent":"a","state":"active","expires":"2099-01-01T00:00:00Z","digest":"{{key_digest('part')}}"}
--- http_config
    agent_key_zone zone=keys:1m file=keys.jsonl check=100ms;
--- config
    location /t {
        agent_auth key;
        empty_gif;
    }
--- run
decided ask('GET /t', 'X-API-Key' => key 'shape'), 'key_unknown',
    'with a right check';
decided ask('GET /t', 'X-API-Key' => key('check', check => '000000')),
    'key_unknown', 'with a wrong check';
decided ask('GET /t', 'X-API-Key' => key 'whole'), 'key_unknown',
    'a digest over all of an issued key is of no use';
decided ask('GET /t', 'X-API-Key' => key 'part'), 'ok',
    'one over its secret is';
decided ask('GET /t', 'X-API-Key' => key_secret 'part'), 'key_unknown',
    'the secret alone is no key';



=== TEST 5: what is nearly of the issued shape is foreign
--- key_files
>>> keys.jsonl
{{
    my $n = 0;
    join '', map {
        sprintf '{"id":"n%d","agent":"a","state":"active","expires":'
            . '"2099-01-01T00:00:00Z","imported":true,"digest":"sha256:%s"}'
            . "\n", $n++, sha256_hex($_);
    } nearly();
}}
--- http_config
    agent_key_zone zone=keys:1m file=keys.jsonl check=100ms;
--- config
    location /t {
        agent_auth key;
        empty_gif;
    }
--- run
my $n = 0;

for my $value (nearly()) {
    decided ask('GET /t', 'X-API-Key' => $value), 'ok', 'form ' . $n++;
}



=== TEST 6: prefixes of two to eight
--- keys
two      prefix=ab
eight    prefix=0prefix9
--- config
    location /t {
        agent_auth key;
        empty_gif;
    }
--- run
decided ask('GET /t', 'X-API-Key' => key 'two'), 'ok', 'two';
decided ask('GET /t', 'X-API-Key' => key 'eight'), 'ok', 'eight';
decided ask('GET /t', 'X-API-Key' => key('two', prefix => 'a')),
    'key_unknown', 'one is another form';
decided ask('GET /t', 'X-API-Key' => key('two', prefix => 'abcdefghi')),
    'key_unknown', 'and so are nine';
decided ask('GET /t', 'X-API-Key' => key('two', prefix => 'AB')),
    'key_unknown', 'and upper case';



=== TEST 7: several peppers at once, and none (K-05)
--- pepper
new old
--- key_files
>>> keys.jsonl
alpha  pepper=old
beta   pepper=new
gamma
delta  imported=CANARY.delta
--- http_config
    agent_key_zone zone=keys:1m file=keys.jsonl pepper_file=pepper check=100ms;
--- config
    location /t {
        agent_auth key;
        empty_gif;
    }
--- run
decided ask('GET /t', 'X-API-Key' => key $_), 'ok', $_
    for qw/ alpha beta gamma /;
decided ask('GET /t', 'X-API-Key' => imported 'delta'), 'ok', 'delta';
decided ask('GET /t', 'X-API-Key'
        => key($_, secret => key_secret('stranger'))), 'key_unknown',
    "$_ with another secret" for qw/ alpha beta gamma /;



=== TEST 8: a digest of one pepper is none of another (K-03)
--- pepper
one two
--- key_files
>>> keys.jsonl
{"id":"{{key_id('swapped')}}","agent":"a","state":"active","expires":"2099-01-01T00:00:00Z","digest":"{{(my $d = key_hmac('swapped', 'one')) =~ s/:one:/:two:/; $d}}"}
{"id":"{{key_id('plain')}}","agent":"a","state":"active","expires":"2099-01-01T00:00:00Z","digest":"{{(my $d = key_digest('plain')) =~ s/sha256:/hmac-sha256:one:/; $d}}"}
{"id":"{{key_id('mac')}}","agent":"a","state":"active","expires":"2099-01-01T00:00:00Z","digest":"{{(my $d = key_hmac('mac', 'one')) =~ s/hmac-sha256:one:/sha256:/; $d}}"}
right  pepper=two
--- http_config
    agent_key_zone zone=keys:1m file=keys.jsonl pepper_file=pepper check=100ms;
--- config
    location /t {
        agent_auth key;
        empty_gif;
    }
--- run
decided ask('GET /t', 'X-API-Key' => key $_), 'key_unknown', $_
    for qw/ swapped plain mac /;
decided ask('GET /t', 'X-API-Key' => key 'right'), 'ok', 'right';



=== TEST 9: an imported key's id and fingerprint are in the audit line
--- keys
old.key_1-x  imported=CANARY.foreign agent=legacy
--- config
    location /t {
        agent_auth key;
        empty_gif;
    }
--- request
GET /t
--- more_headers
X-API-Key: {{imported 'old.key_1-x'}}
--- audit
result=allow key_id=old.key_1-x agent=legacy credential={{substr sha256_hex(imported('old.key_1-x')), 0, 16}}
