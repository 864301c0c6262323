# What the upstream is sent.  Without this it would get the keys of all its
# clients, or a request whose other fields are missing, doubled or out of
# order: nginx keeps them in a list of parts with room for twenty, from which
# nothing else takes one out.
#
# G-06; design.md, 6b

use lib 't/lib';
use AgentAuth;

config_preamble(verdict_fields());


# a request of $n fields, the one at $at being the credential; Host is the last
# or, where that is the credential, the first

sub crowd {
    my ($n, $at, $field, $value) = @_;

    my @fields = map { [ "X-$_", "value $_" ] } 0 .. $n - 1;

    $fields[$at] = [ $field, $value ];
    $fields[$at == $n - 1 ? 0 : $n - 1] = [ Host => 'localhost' ];

    my @rest = map { "$_->[0]: $_->[1]" }
        grep { $_->[0] =~ /^X-\d/ } @fields;

    return (join('', "GET /t HTTP/1.1\r\n",
        (map { "$_->[0]: $_->[1]\r\n" } @fields), "\r\n"), \@rest);
}


# positions at which parts of the list begin and end, and those beside them

sub positions {
    my ($n) = @_;

    my %at = map { $_ => 1 } grep { $_ >= 0 && $_ < $n }
        0, 1, 2, $n / 2, 18 .. 21, 38 .. 41, 58 .. 61, $n - 2, $n - 1;

    return sort { $a <=> $b } map { int } keys %at;
}


# field lines that arrived at the upstream where these were sent

sub arrived {
    my ($upstream, $octets) = @_;

    my $client = connected();
    $client->send($octets);
    my $seen = attend($upstream, $client);

    return ([ lines_of($seen) ], $client->answer());
}


run_tests();

__DATA__

=== TEST 1: wherever it stands it is taken out, and nothing else is
--- keys
alpha
--- config
    large_client_header_buffers 4 16k;

    location /t {
        agent_auth key;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- run
my $upstream = upstream 1;
my $key = key 'alpha';
my ($requests, @wrong) = 0;

for my $credential ([ 'X-API-Key', $key ], [ Authorization => "Bearer $key" ]) {
    for my $n (2, 3, 19, 20, 21, 22, 39, 40, 41, 42, 61, 100) {
        for my $at (positions($n)) {
            my ($octets, $rest) = crowd($n, $at, @$credential);
            my ($lines, $answer) = arrived($upstream, $octets);

            $requests++;
            push @wrong, "$credential->[0] at $at of $n: $answer->{status},"
                . " @$lines"
                unless $answer->{status} == 200 && "@$lines" eq "@$rest";
        }
    }
}

cmp_ok($requests, '>', 200, "$requests requests");
is_deeply(\@wrong, [], 'none with a field missing, too many or out of order');



=== TEST 2: it is taken out wherever empty ones of its name stand
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- run
my $upstream = upstream 1;
my @key = ('X-API-Key' => key 'alpha');
my @empty = ('X-API-Key' => '');

for my $fields (
    [ @empty, @key ], [ @key, @empty ], [ @empty, A => 1, @key, B => 2, @empty ],
    [ (@empty) x 19, @key ], [ @key, (@empty) x 40 ],
    [ (map { ("A$_" => $_, @empty) } 1 .. 25), @key ],
) {
    my @rest;

    for (my $i = 0; $i < @$fields; $i += 2) {
        push @rest, "$fields->[$i]: $fields->[$i + 1]"
            if $fields->[$i] ne 'X-API-Key';
    }

    my ($seen, $answer) = through $upstream, 'GET /t', @$fields;
    decided $answer, 'ok', @$fields / 2 . ' fields';
    is_deeply([ lines_of($seen) ], \@rest, 'what the upstream sees');
}



=== TEST 3: what nginx knows of other fields stays right
--- keys
alpha
--- config
    large_client_header_buffers 4 16k;

    location /t {
        agent_auth key;
        proxy_set_header X-Known
            "$http_user_agent|$http_cookie|$http_x_forwarded_for|$http_accept|$host";
        proxy_set_header X-Own "$http_x_a|$http_authorization|$http_x_api_key";
        proxy_set_header X-Auth "$remote_user";
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- run
my $upstream = upstream 1;
my @known = ('User-Agent' => 'ua', Cookie => 'c=1', 'X-Forwarded-For' => '::1',
    Accept => '*/*', 'X-A' => 'a');

for my $before (0 .. 5, 18 .. 21) {
    for my $field ('X-API-Key', 'Authorization') {
        my $scheme = $field eq 'Authorization' ? 'Bearer ' : '';
        my @padding = map { ("P$_" => $_) } 1 .. $before;
        my ($seen) = through $upstream, 'GET /t',
            @padding, @known[0 .. 3], $field => $scheme . key('alpha'),
            @known[4 .. 9];

        my @lines = lines_of($seen);
        ok((grep { $_ eq 'X-Known: ua|c=1|::1|*/*|localhost' } @lines),
            "$field after $before - known to nginx");
        ok((grep { $_ eq 'X-Own: a||' } @lines),
            "$field after $before - variables");
    }
}



=== TEST 4: a body, and what describes it, goes with it
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- run
my $upstream = upstream 1;

for my $size (0, 1, 100, 20_000) {
    my $body = 'b' x $size;
    my ($seen, $answer) = through $upstream, 'POST /t',
        'Content-Type' => 'text/x', 'X-API-Key' => key('alpha'), 'A' => 1,
        { body => $body };

    decided $answer, 'ok', "$size octets";
    is((split /\r\n\r\n/, $seen, 2)[1], $body, "$size octets - the body");
    is_deeply([ sort(lines_of($seen)) ],
        [ 'A: 1', "Content-Length: $size", 'Content-Type: text/x' ],
        "$size octets - its fields");
}



=== TEST 5: not where it is off, nor in observe
--- keys
alpha
--- config
    agent_auth key;

    location /off {
        agent_hide_credential off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
    location /observe {
        agent_mode observe;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
    location /on {
        agent_hide_credential off;
        location /on/on {
            agent_hide_credential on;
            proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
        }
    }
--- run
my $upstream = upstream 1;
my $key = key 'alpha';

for my $path ('/off', '/observe') {
    for my $credential ("X-API-Key: $key", "Authorization: Bearer $key") {
        my ($seen, $answer) = through $upstream, "GET $path", A => 1,
            (split /: /, $credential, 2), B => 2;

        decided $answer, 'ok', $path;
        is_deeply([ lines_of($seen) ], [ 'A: 1', $credential, 'B: 2' ],
            "$path - all is there");
    }
}

my ($seen, $answer) = through $upstream, 'GET /on/on', 'X-API-Key' => $key;
is_deeply([ lines_of($seen) ], [], 'on again');

for my $value ($key . 'x', "\xff", '') {
    ($seen) = through $upstream, 'GET /observe', 'X-API-Key' => $value;
    is_deeply([ lines_of($seen) ], [ "X-API-Key: $value" ],
        'observe touches no bad one either');
}



=== TEST 6: a key in X-API-Key leaves the upstream's own Authorization alone
--- keys
alpha
--- config
    location /t {
        agent_auth key;
        proxy_set_header X-User $remote_user;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- run
my $upstream = upstream 1;
my ($seen, $answer) = through $upstream, 'GET /t',
    Authorization => 'Basic YWxpY2U6cHc=', 'X-API-Key' => key 'alpha';

decided $answer, 'ok', 'admitted';
is_deeply([ sort(lines_of($seen)) ],
    [ 'Authorization: Basic YWxpY2U6cHc=', 'X-User: alice' ],
    'and it is understood');



=== TEST 7: what the log of nginx itself says after it
--- keys
alpha
--- http_config
    log_format secrets "[$http_x_api_key][$http_authorization][$agent_key_id]";
--- config
    location /t {
        agent_auth key;
        access_log logs/secrets.log secrets;
        empty_gif;
    }
--- run
decided ask('GET /t', 'X-API-Key' => key 'alpha'), 'ok', 'X-API-Key';
decided ask('GET /t', Authorization => 'Bearer ' . key 'alpha'), 'ok',
    'Bearer';
--- after
open my $in, '<', server_root() . '/logs/secrets.log';
my @lines = <$in>;
is($_, '[-][-][' . key_id('alpha') . "]\n", 'no credential') for @lines;



=== TEST 8: many fields and a keep-alive connection, one request after another
--- keys
alpha
beta
--- config
    large_client_header_buffers 4 16k;

    location /t {
        agent_auth key;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- run
my $upstream = upstream 1;
my $client = connected();

for my $n (20, 3, 41, 19, 100, 2, 21) {
    my $name = $n % 2 ? 'alpha' : 'beta';
    my ($octets, $rest) = crowd($n, int $n / 2, 'X-API-Key', key $name);

    $client->send($octets);
    my $seen = attend($upstream, $client);

    is_deeply([ lines_of($seen) ], $rest, "$n fields");
    is($client->answer()->{status}, 200, "$n fields - answered");
}
