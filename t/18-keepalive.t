# Many identities at the same time.  Without this a request could pass, or be
# told to an upstream or to an auditor, as that of another one.
#
# requirements.md, 15 (ngx_oauth2_module GHSA-pvq3-8rvg-f36q), G-02, V-05

use lib 't/lib';
use AgentAuth;

config_preamble(verdict_fields() . ' add_header Who "$agent_id" always;');
workers(2);

our @names = qw/ alpha beta gamma delta /;


# what a request of this name must get back

sub right {
    my ($name, $answer) = @_;

    return $name eq 'stranger'
        ? $answer->{status} == 401 && !defined fields($answer, 'Who')
          && fields($answer, 'Agent') eq 'deny key_unknown'
        : $answer->{status} == 200
          && (fields($answer, 'Who') // '') eq "agent-$name"
          && fields($answer, 'Agent') eq 'allow ok';
}


sub value {
    return $_[0] eq 'stranger' ? key('stranger') : key($_[0]);
}


run_tests();

__DATA__

=== TEST 1: one after another on one connection
--- keys
alpha  agent=agent-alpha
beta   agent=agent-beta
gamma  agent=agent-gamma
delta  agent=agent-delta
--- config
    location /t { agent_auth key; empty_gif; }
--- run
my $client = connected();
my @wrong;

for my $i (0 .. 199) {
    my $name = (@names, 'stranger')[$i * 7 % 5];
    my @key = $i % 2 ? ('X-API-Key' => value($name))
        : (Authorization => 'Bearer ' . value($name));
    my $answer = answer_of($client, 'GET /t', @key);

    push @wrong, "$i: $name: $answer->{status}" unless right($name, $answer);

    # who shows nothing is nobody, whoever asked before
    if ($i % 10 == 9) {
        $answer = answer_of($client, 'GET /t');
        push @wrong, "$i: nobody: $answer->{status}"
            unless fields($answer, 'Agent') eq 'deny credential_missing';
    }
}

is_deeply(\@wrong, [], 'each is who it is');



=== TEST 2: pipelined, in one piece and octet by octet
--- keys
alpha  agent=agent-alpha
beta   agent=agent-beta
gamma  agent=agent-gamma
delta  agent=agent-delta
--- config
    location /t { agent_auth key; empty_gif; }
--- run
my @order = map { (@names, 'stranger')[$_ * 3 % 5] } 0 .. 39;
my $octets = join '', map { asked('GET /t', 'X-API-Key' => value($_)) } @order;

for my $size (length $octets, 1000, 97, 1) {
    my $text = $size == 1 ? substr $octets, 0, 2000 : $octets;
    my $n = () = $text =~ /\r\n\r\n/g;
    my $client = connected();
    my @wrong;

    while (length $text) {
        $client->send(substr $text, 0, $size, '');
    }

    for my $i (0 .. $n - 1) {
        my $answer = $client->answer;
        push @wrong, "$i: $order[$i]: $answer->{status}"
            unless right($order[$i], $answer);
    }

    is_deeply(\@wrong, [], "$n requests, $size octets at a time");
}



=== TEST 3: interleaved on many connections, through an upstream
--- keys
alpha  agent=agent-alpha
beta   agent=agent-beta
gamma  agent=agent-gamma
delta  agent=agent-delta
--- http_config
    log_format echo "$http_x_agent $http_x_request $arg_n";
    server {
        listen $TEST_NGINX_PORT_1;
        access_log logs/upstream.log echo;
        location / { return 200 "$http_x_agent $http_x_request $arg_n"; }
    }
--- config
    location /t {
        agent_auth key;
        proxy_set_header X-Agent $agent_id;
        proxy_set_header X-Request $agent_request_id;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- run
my @clients = map { connected() } 1 .. 24;
my (@wrong, %who, $n);

for my $round (1 .. 12) {
    my @asked = map { (@names, 'stranger')[rand 5] } @clients;

    $clients[$_]->send(asked("GET /t?n=$round.$_", 'X-API-Key'
        => value($asked[$_]), 'X-Agent' => 'admin')) for 0 .. $#clients;

    for my $i (0 .. $#clients) {
        my $answer = $clients[$i]->answer;
        my $id = fields($answer, 'Agent-Request');

        $n++;
        $who{$id} = $asked[$i] eq 'stranger' ? 'unauthenticated'
            : "agent-$asked[$i]";

        push @wrong, "$round.$i: $asked[$i]: $answer->{status}"
            unless right($asked[$i], $answer);
        push @wrong, "$round.$i: $asked[$i]: $answer->{body}"
            if $asked[$i] ne 'stranger'
                && $answer->{body} ne "agent-$asked[$i] $id $round.$i";
    }
}

is_deeply(\@wrong, [], "$n answers are right");
is(scalar keys %who, $n, 'all with a number of their own');

my %audited = map { $_->{metadata}{uid} => $_->{actor}{app_name} }
    audit_lines($n);
is_deeply(\%audited, \%who, 'and so are the audit lines');



=== TEST 4: a client that goes away in the middle leaves nothing to the next
--- keys
alpha  agent=agent-alpha
beta   agent=agent-beta
--- config
    location /t { agent_auth key; empty_gif; }
    location /up {
        agent_auth key;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- run
my $upstream = upstream 1;

for my $i (1 .. 5) {
    my $gone = connected();
    $gone->send(asked('GET /up', 'X-API-Key' => key 'alpha'));
    my $peer = $upstream->accept;
    undef $gone;

    decided ask('GET /t', 'X-API-Key' => key 'beta'), 'ok', "another, $i";

    my $half = connected();
    $half->send("GET /t HTTP/1.1\r\nHost: localhost\r\nX-API-Key: "
        . key('alpha'));
    undef $half;

    decided ask('GET /t'), 'credential_missing', "nobody, $i";
}



=== TEST 5: what ends early has its line (U-01)
--- keys
alpha
--- http_config
    server {
        listen $TEST_NGINX_PORT_2;
        client_body_timeout 300ms;
        client_max_body_size 10;
        large_client_header_buffers 2 1k;
        agent_auth key;

        location /t { empty_gif; }
        location /up { proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
    }
--- config
--- run
my $upstream = upstream 1;
my @key = ('X-API-Key' => key 'alpha');

my @cases = (
    [ 400, 'none not_evaluated', "GET /t HTTP/1.1\r\n\r\n" ],
    [ 400, 'none not_evaluated', "GET /t HTTP/1.1\r\nHost: a/b\r\n\r\n" ],
    [ 413, 'none not_evaluated', asked('POST /t', @key,
      { body => 'x' x 11 }) ],
    [ 414, 'none not_evaluated', 'GET /' . 'x' x 2000 . " HTTP/1.1\r\n" ],
    [ 400, 'none not_evaluated', asked('GET /t', A => 'x' x 2000) ],
    [ 408, 'allow ok', "POST /up HTTP/1.1\r\nHost: localhost\r\nX-API-Key: "
      . key('alpha') . "\r\nContent-Length: 5\r\n\r\nx" ],
    [ 404, 'allow ok', asked('GET /none', @key, Connection => 'close') ],
    [ 405, 'allow ok', asked('PUT /t', @key, { body => 'x' }) ],
);

for my $case (@cases) {
    my ($status, $verdict, $octets) = @$case;
    my $client = connected(port => port 2);

    $client->send($octets);
    $client->answer;
    undef $client;

    my ($line) = audit_lines(1);
    my $agent = $line->{unmapped}{agent_auth};
    is("$line->{http_response}{code} $agent->{result} $agent->{reason}",
        "$status $verdict", "status $status");
}
