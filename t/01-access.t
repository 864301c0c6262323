# Who gets in by an API key and who does not, and what each is told.  Without
# this a key that was revoked, expired, mistyped or comes from elsewhere would
# pass, or the answer would tell a thief which of these it is.
#
# B-01 to B-10, B-13 to B-15, K-01, K-02, K-08, K-09, K-12, G-05, N-07

use lib 't/lib';
use AgentAuth;

config_preamble(verdict_fields());


# an answer without what differs by time and by our own fields

sub bare {
    my ($answer) = @_;

    my $head = $answer->{head};
    $head =~ s/^(?:Date|Agent|Agent-Request): .*\r\n//mg;

    return "$head$answer->{body}";
}


run_tests();

__DATA__

=== TEST 1: a key is accepted in both places, however it is spaced (B-01, B-02)
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        empty_gif;
    }
--- run
my $key = key 'alpha';

decided ask('GET /t', 'X-API-Key' => $key), 'ok', 'X-API-Key';
decided ask('GET /t', 'x-api-KEY' => $key), 'ok', 'x-api-KEY';
decided ask('GET /t', 'X-API-Key' => "   $key  "), 'ok', 'spaces around';

for my $scheme ('Bearer', 'bearer', 'BEARER', 'bEaReR') {
    decided ask('GET /t', Authorization => "$scheme $key"), 'ok', $scheme;
}

decided ask('GET /t', Authorization => "Bearer    $key"), 'ok', '4 spaces';
decided ask('GET /t', Authorization => "Bearer $key   "), 'ok',
    'spaces at the end';
decided ask('HEAD /t', Authorization => "Bearer $key"), 'ok', 'HEAD';



=== TEST 2: who shows nothing is told which scheme, and nothing else (B-03)
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        empty_gif;
    }
--- run
my $key = key 'alpha';

for my $case (
    [ 'no field' ],
    [ 'an empty one',           'X-API-Key' => '' ],
    [ 'an empty Authorization', Authorization => '' ],
    [ 'Basic (B-04)',           Authorization => 'Basic YTpi' ],
    [ 'Digest',                 Authorization => 'Digest username="a"' ],
    [ 'no scheme',              Authorization => $key ],
    [ 'Bearerx',                Authorization => "Bearerx $key" ],
    [ 'Bearer and a tab',       Authorization => "Bearer\t$key" ],
    [ 'DPoP, a token',          Authorization => "DPoP $key" ],
    [ 'DPoP and nothing',       Authorization => 'DPoP' ],
    [ 'another field',          'X-Api-Keys' => $key ],
    [ 'a cookie',               Cookie => "X-API-Key=$key" ],
) {
    my ($what, @headers) = @$case;
    decided ask('GET /t', @headers), 'credential_missing', $what;
}



=== TEST 3: a credential in the query is none (B-10, G-05)
--- keys
url
--- config
    location /t {
        agent_auth key;
        empty_gif;
    }
--- run
my $key = key 'url';

for my $name (qw/ access_token api_key X-API-Key key authorization /) {
    decided ask("GET /t?$name=$key"), 'credential_missing', $name;
}

decided ask("GET /t?access_token=x", 'X-API-Key' => $key), 'ok',
    'nor is it a second one';
decided ask('POST /t',
    'Content-Type' => 'application/x-www-form-urlencoded',
    { body => "access_token=$key" }), 'credential_missing', 'nor in a body';
--- after
my @lines = audit_rest();
is(scalar(grep { /URLKEY/ } map { JSON::PP->new->encode($_) } @lines), 0,
    'and no audit line shows it');



=== TEST 4: what is no token68 is malformed in Bearer (B-01, B-06)
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        empty_gif;
    }
--- run
my $key = key 'alpha';

for my $case (
    [ 'no value',        'Bearer' ],
    [ 'spaces only',     'Bearer    ' ],
    [ 'a space',         "Bearer $key x" ],
    [ 'a tab',           "Bearer $key\tx" ],
    [ 'quotes',          "Bearer \"$key\"" ],
    [ 'a comma',         "Bearer $key, Bearer $key" ],
    [ 'a percent sign',  'Bearer %41' ],
    [ 'an asterisk',     'Bearer a*b' ],
    [ 'padding only',    'Bearer ==' ],
    [ 'inner padding',   'Bearer a=b' ],
    [ '0x7f',            "Bearer a\x7fb" ],
    [ '0x80',            "Bearer a\x80b" ],
    [ 'UTF-8',           "Bearer a\xc3\xa9b" ],
    [ '0xff',            "Bearer \xff" ],
    [ '4 KB of quotes',  'Bearer ' . '"' x 4096 ],
) {
    my ($what, $value) = @$case;
    decided ask('GET /t', Authorization => $value), 'credential_malformed',
        $what;
}

for my $value ('a=', 'a==', 'a===', '-._~+/', 'A9', 'x' x 7900) {
    decided ask('GET /t', Authorization => "Bearer $value"), 'key_unknown',
        'right form: ' . substr $value, 0, 8;
}



=== TEST 5: what is no visible ASCII is malformed in X-API-Key
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        empty_gif;
    }
--- run
my $key = key 'alpha';

for my $case (
    [ 'a space',     "$key x" ],
    [ 'a tab',       "a\tb" ],
    [ '0x7f',        "\x7f" ],
    [ '0x80',        "a\x80" ],
    [ 'UTF-8',       "\xe2\x82\xac" ],
    [ '0xff x 4096', "\xff" x 4096 ],
    [ 'U+2028',      "a\xe2\x80\xa8b" ],
) {
    my ($what, $value) = @$case;
    decided ask('GET /t', 'X-API-Key' => $value), 'credential_malformed',
        $what;
}

for my $value ('!', '"', '~', '\\', '%00', "Bearer", 'x' x 7900) {
    decided ask('GET /t', 'X-API-Key' => $value), 'key_unknown',
        'visible: ' . substr $value, 0, 8;
}



=== TEST 6: what nginx itself refuses is audited (B-12, U-01)
--- keys
alpha
--- config
    agent_auth key;
--- run
my $key = key 'alpha';
my $bearer = "Bearer $key";

for my $case (
    [ 'Authorization twice', 400,
      Authorization => $bearer, Authorization => $bearer ],
    [ 'Authorization twice, of two schemes', 400,
      Authorization => $bearer, Authorization => 'Basic YTpi' ],
    [ 'a NUL', 400, 'X-API-Key' => "a\0b" ],
    [ 'a field that is too large', 400, 'X-API-Key' => 'x' x 9000 ],
) {
    my ($what, $status, @headers) = @$case;
    my $answer = ask('GET /t', @headers);

    is($answer->{status}, $status, $what);
    is(fields($answer, 'WWW-Authenticate'), undef, "$what - no challenge");

    my ($line) = audit_lines(1);
    is($line->{unmapped}{agent_auth}{result}, 'none', "$what - result");
    is($line->{unmapped}{agent_auth}{reason}, 'not_evaluated',
        "$what - reason");
    like($line->{http_response}{code}, qr/^(?:$status|494)$/,
        "$what - status");
}



=== TEST 7: two credentials are one too many (B-06, B-14)
--- keys
alpha
beta
--- config
    location /t {
        agent_auth key;
        empty_gif;
    }
--- run
my ($alpha, $beta) = (key('alpha'), key('beta'));

for my $case (
    [ 'Bearer and X-API-Key',
      Authorization => "Bearer $alpha", 'X-API-Key' => $beta ],
    [ 'the same in both',
      Authorization => "Bearer $alpha", 'X-API-Key' => $alpha ],
    [ 'X-API-Key and DPoP',
      'X-API-Key' => $alpha, Authorization => 'DPoP abc' ],
    [ 'X-API-Key twice', 'X-API-Key' => $alpha, 'X-API-Key' => $beta ],
    [ 'X-API-Key twice, in two spellings',
      'X-API-Key' => $alpha, 'x-api-key' => $alpha ],
    [ 'X-API-Key three times', ('X-API-Key' => $alpha) x 3 ],
    [ 'a bad one and a good one', 'X-API-Key' => 'x', 'X-API-Key' => $alpha ],
    [ 'an empty Bearer beside a key',
      Authorization => 'Bearer', 'X-API-Key' => $alpha ],
) {
    my ($what, @headers) = @$case;
    decided ask('GET /t', @headers), 'credential_multiple', $what;
}

decided ask('GET /t', 'X-API-Key' => $alpha, Authorization => 'Basic YTpi'),
    'ok', 'what is of another scheme is no credential of ours';
decided ask('GET /t', 'X-API-Key' => '', 'X-API-Key' => $alpha), 'ok',
    'an empty field is no credential';



=== TEST 8: the reason is the operator's, the answer the same for all (K-02, K-09)
--- keys
good
late       expires=2020-01-01T00:00:00Z
early      not_before=2098-01-01T00:00:00Z
waiting    state=pending
pending    state=pending not_before=2098-01-01T00:00:00Z
suspended  state=suspended
revoked    state=revoked
past       state=deprecated grace_until=2020-01-01T00:00:00Z
elsewhere  networks=10.0.0.0/8
foreign    imported=CANARY-foreign-key state=revoked
--- config
    location /t {
        agent_auth key;
        empty_gif;
    }
--- run
my @cases = (
    [ 'key_unknown',       'unknown',      key 'stranger' ],
    [ 'key_unknown',       'wrong check',  key('good', check => '000000') ],
    [ 'key_unknown',       'wrong secret',
      key('good', secret => key_secret('stranger')) ],
    [ 'key_unknown',       'no such form', 'abc' ],
    [ 'key_expired',       'expired',      key 'late' ],
    [ 'key_not_yet_valid', 'too early',    key 'early' ],
    [ 'key_not_yet_valid', 'pending',      key 'waiting' ],
    [ 'key_not_yet_valid', 'pending until a date', key 'pending' ],
    [ 'key_suspended',     'suspended',    key 'suspended' ],
    [ 'key_revoked',       'revoked',      key 'revoked' ],
    [ 'key_expired',       'past grace',   key 'past' ],
    [ 'key_network',       'network',      key 'elsewhere' ],
    [ 'key_revoked',       'imported',     imported 'foreign' ],
);

for my $field ('X-API-Key', 'Authorization') {
    my $scheme = $field eq 'Authorization' ? 'Bearer ' : '';
    my $first;

    for my $case (@cases) {
        my ($reason, $what, $value) = @$case;
        my $answer = ask('GET /t', $field => "$scheme$value");

        decided $answer, $reason, "$field - $what";

        $first //= bare($answer);
        is(bare($answer), $first, "$field - $what: octets like the others'");
    }
}

decided ask('GET /t', 'X-API-Key' => key 'good'), 'ok', 'the good one';



=== TEST 9: a key in its grace period works, and the audit line says so (K-08)
--- keys
old      state=deprecated grace_until=2098-01-01T00:00:00Z successor=new0000000000000
open     state=deprecated
early    state=pending not_before=2020-01-01T00:00:00Z
new
--- config
    location /t {
        agent_auth key;
        empty_gif;
    }
--- request eval
["GET /t", "GET /t", "GET /t", "GET /t"]
--- more_headers eval
[ map { "X-API-Key: " . ::key($_) } qw/ old open early new / ]
--- error_code eval
[200, 200, 200, 200]
--- audit
result=allow reason=ok key_id={{key_id 'old'}} deprecated=true
result=allow reason=ok key_id={{key_id 'open'}} deprecated=true
result=allow reason=ok key_id={{key_id 'early'}} !deprecated
result=allow reason=ok key_id={{key_id 'new'}} !deprecated



=== TEST 10: networks
--- keys
any
four      networks=10.1.0.0/16,192.0.2.7
six       networks=2001:db8::/32
both      networks=10.1.0.0/16,2001:db8::/32
mapped    networks=::ffff:10.1.0.0/112
--- config
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Real-IP;

    location /t {
        agent_auth key;
        empty_gif;
    }
--- run
my %from = (
    'any'    => [ '10.1.2.3 192.0.2.7 2001:db8::1 ::ffff:10.1.2.3', '' ],
    'four'   => [ '10.1.0.0 10.1.255.255 192.0.2.7 ::ffff:10.1.2.3',
                  '10.0.255.255 10.2.0.0 192.0.2.6 192.0.2.8 2001:db8::1'
                  . ' ::ffff:10.2.2.3 ::10.1.2.3' ],
    'six'    => [ '2001:db8:: 2001:db8:ffff::1',
                  '2001:db7:ffff::1 2001:db9:: 10.1.2.3 ::ffff:32.1.13.184' ],
    'both'   => [ '10.1.2.3 2001:db8::1', '10.2.0.1 2001:db9::1' ],
    'mapped' => [ '10.1.2.3 ::ffff:10.1.2.3', '10.2.2.3 ::ffff:10.2.2.3' ],
);

for my $name (sort keys %from) {
    my ($in, $out) = @{ $from{$name} };

    decided ask('GET /t', 'X-API-Key' => key($name), 'X-Real-IP' => $_), 'ok',
        "$name from $_" for split ' ', $in;
    decided ask('GET /t', 'X-API-Key' => key($name), 'X-Real-IP' => $_),
        'key_network', "$name not from $_" for split ' ', $out;
}



=== TEST 11: a client of a socket in the file system is in no network
--- keys
any
some      networks=0.0.0.0/0,::/0
--- http_config
    server {
        listen unix:$TEST_NGINX_SERVER_ROOT/logs/nginx.sock;
        add_header Agent "$agent_result $agent_reason" always;
        add_header Agent-Request $agent_request_id always;

        location /t {
            agent_auth key;
            empty_gif;
        }
    }
--- config
--- run
my %unix = (unix => server_root() . '/logs/nginx.sock');

decided ask('GET /t', 'X-API-Key' => key('any'), \%unix), 'ok',
    'a key without networks';
decided ask('GET /t', 'X-API-Key' => key('some'), \%unix), 'key_network',
    'a key with networks';



=== TEST 12: a refusal shows neither the upstream nor the credential (B-13)
--- keys
alpha
revoked   state=revoked
--- config
    location /t {
        agent_auth key;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- run
my $upstream = upstream 1;

for my $value (key('revoked'), key('stranger'), "\xff" . key('alpha')) {
    my ($seen, $answer) = through $upstream, 'GET /t', 'X-API-Key' => $value;

    is($seen, undef, 'the upstream was not asked');
    unlike("$answer->{head}$answer->{body}", qr/upstream|CANARY|agk_/,
        'the answer shows nothing');
}

my ($seen, $answer) = through $upstream, 'GET /t',
    'X-API-Key' => key('alpha');
like($seen, qr/^GET \/t/, 'else it is');
is($answer->{body}, 'upstream', 'and answers');



=== TEST 13: a body that comes with a refused request harms no other
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        empty_gif;
    }
--- run
my $connection = connected();

decided answer_of($connection, 'POST /t', { body => 'x' x 100_000 }),
    'credential_missing', 'refused, the body discarded';
decided answer_of($connection, 'GET /t', 'X-API-Key' => key('alpha')), 'ok',
    'the next request on the connection';



=== TEST 14: octets of a client reach the error log escaped only
--- keys
alpha
--- log_level: info
--- config
    location /t {
        agent_auth key;
        empty_gif;
    }
--- run
for my $value ("\xff\xfe", "a\x1b[31mb", "a\tb", "\x7f\x80\x9b") {
    ask 'GET /t', 'X-API-Key' => $value, 'User-Agent' => $value;
    ask 'GET /t', Authorization => "Bearer $value";
}
--- after
open my $in, '<:raw', server_root() . '/logs/error.log';
my @lines = <$in>;
is(join('', grep { /[^\x09\x0a\x0d\x20-\x7e]/ } @lines), '',
    'nothing but ASCII');
ok(scalar(grep { /access refused: credential_malformed/ } @lines),
    'and the reason');



=== TEST 15: who guesses keeps nobody out (K-12)
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        empty_gif;
    }
--- run
for my $n (1 .. 300) {
    decided ask('GET /t', 'X-API-Key' =>
        key('alpha', secret => key_secret("guess $n"))), 'key_unknown', $n;
}

decided ask('GET /t', 'X-API-Key' => key('alpha')), 'ok', 'the key itself';
